"""Lecture 04: four exercises on the loss of a pixel, on labels from scores, on class balance and on what a stride can see."""

from collections.abc import Callable
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import functional

from course_utils.exercises.engine import Exercise, Wrong
from course_utils.exercises.lecture04_labels import check_ceiling, check_segment
from course_utils.exercises.lecture04_quiz import QUIZ

__all__ = ["EXERCISES", "QUIZ"]
LIBRARY = "The task asks for the loss written out: here, torch's own cross_entropy and nll_loss are left out."


def check_pixel_loss(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """From one pixel to several, then void, then scores that overflow, then nothing but void."""
    scores = torch.tensor([1.0, 2.0, 4.0]).view(1, 3, 1, 1)
    one = call_loss(answer, scores, torch.tensor([[[2]]]))
    right = 0.1698
    if near(one, -right):
        raise Wrong(
            f"For one pixel your loss is {one:.3f}: a loss is the negative of the log-probability, and above 0."
        )
    if near(one, 0.8438) or near(one, -0.8438):
        raise Wrong("You return the probability of the true class, 0.844. Take its logarithm, and the minus of that.")
    if near(one, -4.0) or near(one, 4.0):
        raise Wrong("You return the raw score, 4. Scores become probabilities by softmax first.")
    if near(one, 0.0):
        raise Wrong(
            "One pixel with scores 1, 2, 4 gives you a loss of 0. Is your softmax over the classes, dim=1? Over a single "
            "row or column every probability is 1."
        )
    expect_loss(one, right, "one pixel with scores 1, 2, 4 and true class 2")

    scores = torch.tensor([[0.0, 3.0], [2.0, 0.0]]).view(1, 2, 1, 2)
    both = call_loss(answer, scores, torch.tensor([[[0, 0]]]))
    parts = [2.126928, 0.048587]
    if near(both, sum(parts)):
        raise Wrong(
            "Two pixels give you the sum of their losses. Divide by how many there are: the task asks for a mean."
        )
    expect_loss(both, sum(parts) / 2, "two pixels")

    half = call_loss(answer, scores, torch.tensor([[[0, 255]]]))
    if near(half, parts[0] / 2):
        raise Wrong("One of two pixels is void, and you still divide by 2. Divide by the pixels that count.")
    if near(half, sum(parts) / 2) or near(half, (parts[0] + 3.048587) / 2):
        raise Wrong("You count a void pixel as one of a class. It should have no say at all.")
    expect_loss(half, parts[0], "a counted pixel beside a void one")

    pictures = scores.expand(2, 2, 1, 2)
    uneven = call_loss(answer, pictures, torch.tensor([[[0, 0]], [[0, 255]]]))
    if near(uneven, (sum(parts) / 2 + parts[0]) / 2):
        raise Wrong("You average each picture first. The mean is over all pixels of the batch that count.")
    expect_loss(uneven, (2 * parts[0] + parts[1]) / 3, "two pictures with three counted pixels")

    large = call_loss(answer, 1000 * scores, torch.tensor([[[0, 0]]]))
    if not abs(large) < float("inf"):
        raise Wrong(
            f"Scores of 3000 give you {large}: exp overflows. `log_softmax` subtracts the largest score first and stays "
            "finite."
        )
    expect_loss(large, 1000.0, "scores of up to 3000")

    nothing = call_loss(answer, scores, torch.tensor([[[255, 255]]]))
    if nothing != nothing:
        raise Wrong("A crop that is void all over gives you NaN, 0 / 0, and NaN ruins every weight. Let it be 0.")
    expect_loss(nothing, 0.0, "nothing but void")


def call_loss(answer: Callable, scores: Tensor, mask: Tensor) -> float:
    """The student's loss as a number, after a look at whether it can be trained with."""
    scores = scores.clone().requires_grad_()
    before = mask.clone()

    def refuse(*_, **__):
        raise Wrong(LIBRARY)

    try:
        with patch.object(functional, "cross_entropy", refuse), patch.object(functional, "nll_loss", refuse):
            found = answer(scores, mask)
    except (IndexError, RuntimeError) as error:
        if any(words in str(error) for words in ("out of bounds", "out of range", "non-negative")):
            raise Wrong(
                "The void number 255 was used to pick a class, and there is no class 255. Replace it by any class first, "
                "and leave these pixels out of the sum."
            ) from None
        raise
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if not isinstance(found, Tensor):
        raise Wrong(
            "Your function returns a plain number. Return the tensor, without .item(): it carries the gradient."
        )
    if found.numel() != 1:
        raise Wrong(f"Your function returns {tuple(found.shape)} numbers. One is asked for, the mean.")
    if not torch.equal(mask, before):
        raise Wrong("Your function changed the mask that it was given: the next epoch would not know void any more.")
    if not found.requires_grad:
        raise Wrong("Your loss has no gradient: do not detach it, and do not leave torch on the way.")
    return float(found.detach())


def near(found: float, value: float) -> bool:
    """Equal but for rounding."""
    return abs(found - value) <= 2e-3 * max(1.0, abs(value))


def expect_loss(found: float, expected: float, case: str) -> None:
    """Refuse a loss that is wrong in a way we did not foresee."""
    if not near(found, expected):
        raise Wrong(f"For {case} your loss is {found:.4f}; it is {expected:.4f}.")


def check_class_weights(answer: Callable[[list, int, float], Tensor]) -> None:
    """Three classes, one of which never appears; then void; then the power."""
    masks = [torch.tensor([[0, 0, 0], [0, 0, 0]]), torch.tensor([[1, 1, 0], [0, 0, 0]])]
    full = call_weights(answer, masks, 3, 1.0)
    if any(value != value or value == float("inf") for value in full):
        raise Wrong("Class 2 has no pixel in these masks, and you divide by 0. A class that is never seen weighs 0.")
    if near(full[0], 10 / 6) and near(full[1], 2 / 6):
        raise Wrong("Your frequent class weighs most. It is the other way round: divide by the frequency.")
    if near(full[0], 0.4) and near(full[1], 2.0):
        raise Wrong(
            "You take the mean frequency over three classes, and only two of them have a pixel: (10 + 2) / 2 = 6."
        )
    if near(full[0], 1.2) and near(full[1], 6.0):
        raise Wrong("You divide all pixels by those of the class. Divide the mean over the classes seen, 6, by them.")
    if near(full[0] + full[1], 1.0):
        raise Wrong("Your weights sum up to 1. No sum is asked for: a class with as many pixels as the mean weighs 1.")
    if full[2] != 0:
        raise Wrong(f"Class 2 has no pixel; its weight should be 0 and is {full[2]:.3g}.")
    expect_weights(full, [0.6, 3.0, 0.0], "10 pixels of class 0 and 2 of class 1")

    void = call_weights(answer, [torch.tensor([[0, 0, 255], [1, 255, 255]])], 2, 1.0)
    if near(void[1], 3.0) or near(void[0], 3.0):
        raise Wrong("Void pixels seem to count as pixels of a class. Leave them out before you count.")
    expect_weights(void, [0.75, 1.5], "2 pixels of class 0, one of class 1 and three void")

    mild = call_weights(answer, masks, 3, 0.5)
    if near(mild[0], 0.6):
        raise Wrong("With power 0.5 your weights are those of power 1: raise the ratio to the power.")
    if near(mild[0], 0.3):
        raise Wrong("You multiply by the power. Raise the ratio to it: 0.5 takes the square root.")
    expect_weights(mild, [0.7746, 1.7321, 0.0], "the same masks and power 0.5")

    none = call_weights(answer, masks, 3, 0.0)
    if none[2] != 0:
        raise Wrong("With power 0, 0 ** 0 makes a 1 of the class that is never seen. It should weigh 0 for any power.")
    expect_weights(none, [1.0, 1.0, 0.0], "power 0, which weighs all classes alike")


def call_weights(answer: Callable, masks: list[Tensor], classes: int, power: float) -> list[float]:
    """The student's weights as numbers."""
    found = answer([mask.clone() for mask in masks], classes, power)
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    values = torch.as_tensor(found, dtype=torch.float64).flatten().tolist()
    if len(values) == 256:
        raise Wrong("You return 256 weights, with one for void. Leave void out before you count.")
    if len(values) != classes:
        raise Wrong(
            f"You return {len(values)} weights for {classes} classes. With minlength=classes, bincount counts those that "
            "do not appear as well."
        )
    return values


def expect_weights(found: list[float], expected: list[float], case: str) -> None:
    """Refuse weights that are wrong in a way we did not foresee."""
    if not all(near(one, other) for one, other in zip(found, expected, strict=True)):
        raise Wrong(f"For {case} your weights are {[round(value, 3) for value in found]}; they are {expected}.")


EXERCISES = [
    Exercise(
        "04.pixel_loss",
        "Write the cross-entropy of a batch of label maps, void left out.",
        check_pixel_loss,
        (
            "For each pixel, softmax over the classes makes probabilities. Which one of them does the loss look at?",
            "`scores.log_softmax(dim=1)` has the logarithms; `.gather(1, true[:, None])` picks one class for each pixel. "
            "Void has no class to pick: put any number there first, such as 0, and leave the pixel out later.",
            "counts = mask != 255; pick with mask.masked_fill(~counts, 0); then -(picked * counts).sum() / "
            "counts.sum().clamp(min=1).",
        ),
        "That is the loss every FCN is trained with, and it survives a batch of void.",
        points=2,
        references=("course_utils.losses.CrossEntropy",),
    ),
    Exercise(
        "04.segment",
        "Turn coarse scores into a label for every pixel.",
        check_segment,
        (
            "There are two steps, upsampling and choosing. Does it matter which comes first?",
            "Scores may be interpolated, class numbers may not. So upsample first; the classes are dimension 1.",
            'functional.interpolate(scores, size=size, mode="bilinear", align_corners=False), then .argmax(dim=1).',
        ),
        "Coarse answers in, a label for every pixel out.",
    ),
    Exercise(
        "04.class_weights",
        "Write weights for the classes that make up for how rarely they are seen.",
        check_class_weights,
        (
            "How many pixels has each class in all masks together? Void is none of them.",
            "torch.bincount(mask[mask != 255], minlength=classes) counts one mask. The mean is over classes with a pixel.",
            "weights = (pixels[seen].mean() / pixels.clamp(min=1)) ** power, and 0 where `seen = pixels > 0` is False.",
        ),
        "A wrong pixel of a rare class now costs more than one of the background.",
        references=("course_utils.losses.balance",),
    ),
    Exercise(
        "04.ceiling",
        "Write what a perfect net of a given stride would draw.",
        check_ceiling,
        (
            "A perfect net knows, for each cell, which share of it belongs to each class, and nothing finer.",
            "One map for each class, 1 where the mask has it, else 0 (void: 0 in all of them); averaged over cells of "
            "stride x stride. The rest you have written: `segment`.",
            "one_hot(mask with void as 0, classes) * (mask != 255)[..., None], channels first as (1, classes, H, W), "
            "avg_pool2d(shares, stride), then segment(shares, mask.shape).",
        ),
        "No net of this stride can do better by much, whatever its weights.",
        points=3,
    ),
]
