"""Lecture 00: three exercises about masks, to try how exercises work, and a first quiz."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.exercises.engine import Exercise, Wrong
from course_utils.exercises.lecture00_masks import check_count_things, check_paint
from course_utils.exercises.quiz import Choice, Question


def check_foreground_share(answer: Callable[[Tensor], float]) -> None:
    """Masks from two pixels upwards; each mistake has a mask on which it shows alone."""
    half = torch.tensor([[0, 1]])
    found = answer(half)
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    found = as_number(found)
    if abs(found - 50) < 1e-6:
        raise Wrong("For the mask [[0, 1]] you answer 50: that is per cent. A share lies between 0 and 1.")
    if abs(found - 1) < 1e-6:
        raise Wrong("For the mask [[0, 1]] you answer 1: that is how many pixels there are, not their share. Divide.")
    expect(half, found, 0.5)

    classes = torch.tensor([[0, 3, 3, 0]])
    found = as_number(answer(classes))
    if abs(found - 1.5) < 1e-6:
        raise Wrong("You add up the class numbers: a pixel of class 3 counts three times. Ask `mask != 0` instead.")
    if abs(found) < 1e-6:
        raise Wrong(
            "You count class 1 alone. Every class but 0 is foreground: the mask [[0, 3, 3, 0]] is half foreground."
        )
    expect(classes, found, 0.5)

    void = torch.tensor([[0, 0, 1, 255]])
    found = as_number(answer(void))
    if abs(found - 0.5) < 1e-6:
        raise Wrong("You count the void pixel (255) as foreground. Void means 'nobody knows': leave it out.")
    if abs(found - 0.25) < 1e-6:
        raise Wrong(
            "You leave void out above the fraction's line but not below it: divide by the labelled pixels only."
        )
    expect(void, found, 1 / 3)

    try:
        nothing = as_number(answer(torch.full((2, 2), 255)))
    except ZeroDivisionError:
        raise Wrong("A mask that is all void stops your function with a division by zero. Return 0 for it.") from None
    if nothing != 0:
        raise Wrong(f"For a mask that is all void you answer {nothing}. There is nothing to share out: return 0.")


def as_number(found: object) -> float:
    """What the student returned, as a Python number."""
    if isinstance(found, Tensor) and found.numel() != 1:
        raise Wrong(f"Your function returns a tensor of shape {tuple(found.shape)}; one number is asked for.")
    try:
        return float(found)
    except (TypeError, ValueError):
        raise Wrong(f"Your function returns a {type(found).__name__}; one number is asked for.") from None


def expect(mask: Tensor, found: float, expected: float) -> None:
    """Refuse an answer that is wrong in a way we did not foresee, with the case that shows it."""
    if abs(found - expected) > 1e-6:
        raise Wrong(f"For the mask {mask.tolist()} you answer {found:g}; the foreground's share is {expected:g}.")


EXERCISES = [
    Exercise(
        "00.foreground_share",
        "Write a function that says which share of a mask's labelled pixels is foreground.",
        check_foreground_share,
        (
            "Two counts make a share. Which pixels belong above the line, and which below?",
            "`mask != 255` marks the labelled pixels; `(mask != 0) & (mask != 255)` marks the foreground among them.",
            "Add up both masks with `.sum()`, turn them into numbers with `.item()`, divide, and before that return 0.0 "
            "where the lower count is 0.",
        ),
        "Void is in neither count. You will meet the same rule in every metric of this course.",
    ),
    Exercise(
        "00.paint",
        "Write a function that turns a mask's class numbers into colours.",
        check_paint,
        (
            "A palette is a list of colours: class 2 has the colour in its row 2. Can a whole mask pick rows at once?",
            "`palette[mask]` has a colour for each pixel, (H, W, 3). It fails where the mask is 255: which class could "
            "these pixels be for a moment?",
            "void = mask == 255; colours = palette[mask.masked_fill(void, 0)]; then set colours[void] to 255.",
        ),
        "Every label map in this course is drawn this way.",
    ),
    Exercise(
        "00.count_things",
        "Write a function that counts a mask's groups of foreground pixels.",
        check_count_things,
        (
            "Put a finger on any foreground pixel. How do you find all the others of its group, and how do you know that "
            "you are done with it?",
            "Keep two collections: pixels that nobody has visited, and pixels of this group whose neighbours are still to "
            "be looked at. A pixel leaves the first when it enters the second, or the loop never ends.",
            "waiting is a set of (row, column). While it holds any: one more thing, group = [waiting.pop()]; while the "
            "group holds any, take one out, and move those of its four neighbours that are in waiting over to the group.",
        ),
        "You have told things apart. Where two of them touch, this can't: lectures 08 and 09 can.",
        points=3,
        references=("scipy.ndimage.label", "skimage.measure.label"),
    ),
]

QUIZ = [
    Question(
        "Your picture has 300 x 400 pixels. What does a semantic segmentation net answer?",
        (
            Choice("One class", "That is classification: one answer for the whole picture."),
            Choice("A list of boxes with a class each", "That is detection: it says where, but not which pixels."),
            Choice(
                "120,000 classes, one for each pixel",
                "Segmentation is classification asked once for every pixel. Lecture 02 shows how a net answers all of them in one pass.",
                right=True,
            ),
            Choice("One mask for each object", "That is instance segmentation, the subject of lecture 09."),
        ),
    ),
    Question(
        "A pixel of the truth has the value 255. What does it mean in this course?",
        (
            Choice("The pixel is white", "A mask's numbers are classes, not colours."),
            Choice("Class number 255", "Classes count from 0, and no set here has that many."),
            Choice(
                "Void: nobody is asked about it",
                "Annotators could not tell what is there, often along outlines. Such pixels count neither for nor against a net.",
                right=True,
            ),
            Choice("The object's confidence", "A truth has no confidence; a prediction may have."),
        ),
    ),
    Question(
        "You edited lecture 02 in your workspace, then updated the course. What happens to your copy?",
        (
            Choice(
                "It stays as it is; the new version is laid beside it",
                "Whatever you changed, running cells included, is never overwritten. You choose when to move over.",
                right=True,
            ),
            Choice(
                "It is replaced, your answers are carried over",
                "Nobody can merge two versions of an answer safely, so nobody tries.",
            ),
            Choice("It is replaced", "Only copies that you never touched are brought up to date."),
        ),
    ),
    Question(
        "You have a laptop with two cores and no network. What can you run?",
        (
            Choice("Lectures 00 and 01", "The others need no more than these two."),
            Choice(
                "Every lecture, in the quick profile",
                "Pictures and weights come with the installed packages, and sizes are chosen so that each lecture takes a minute or two.",
                right=True,
            ),
            Choice("Nothing that trains a net", "Small nets learn a lot in a minute on small pictures."),
        ),
    ),
    Question(
        "A cell asks you to guess before you run it. Why bother?",
        (
            Choice("The guess is graded", "Nobody but you will ever see it."),
            Choice(
                "A wrong guess is what you will remember",
                "A surprise needs an expectation. Say the guess aloud or write it down: then the figure has something to contradict.",
                right=True,
            ),
            Choice("The run takes the guess as its input", "The code runs the same either way. You do not."),
        ),
    ),
]
