"""Lecture 00: three exercises about masks, to try how exercises work."""

from collections.abc import Callable

import torch
from scipy.ndimage import label
from torch import Tensor

from course_utils.exercises.engine import Wrong

RED_BLUE = torch.tensor([[0, 0, 0], [255, 0, 0], [0, 0, 255]], dtype=torch.uint8)


def check_paint(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Two pixels, then void, then another palette, then a mask of random classes."""
    found = call_paint(answer, torch.tensor([[0, 1]]), RED_BLUE)
    expect_colours(found, [[[0, 0, 0], [255, 0, 0]]], "the mask [[0, 1]], black for class 0 and red for class 1")

    found = call_paint(answer, torch.tensor([[1, 255]]), RED_BLUE)
    void = found[0, 1].tolist()
    if void == [0, 0, 0]:
        raise Wrong("Your void is black, as the background is: nobody could tell the two apart. Paint it white.")
    if void == RED_BLUE[-1].tolist():
        raise Wrong("Your void has the colour of the last class. Index -1 or a clamp does that; paint void white.")
    expect_colours(found, [[[255, 0, 0], [255, 255, 255]]], "the mask [[1, 255]]")

    found = call_paint(answer, torch.tensor([[1, 2]]), RED_BLUE.flip(0))
    if found.tolist() == [[[255, 0, 0], [0, 0, 255]]]:
        raise Wrong("With another palette your colours stay the same: take them from `palette`.")
    expect_colours(found, [[[255, 0, 0], [0, 0, 0]]], "the mask [[1, 2]] and a palette of blue, red, black")

    generator = torch.Generator().manual_seed(0)
    palette = torch.randint(0, 255, (21, 3), generator=generator, dtype=torch.uint8)
    mask = torch.randint(0, 21, (5, 7), generator=generator)
    found = call_paint(answer, mask, palette)
    if not torch.equal(found, palette[mask]):
        raise Wrong(
            "Small masks are right; one of 5 x 7 pixels and 21 classes is not. Is a size or a class written in?"
        )


def call_paint(answer: Callable, mask: Tensor, palette: Tensor) -> Tensor:
    """The student's picture, its form checked."""
    before, case = mask.clone(), f"For a mask of {mask.shape[0]} x {mask.shape[1]} pixels"
    try:
        found = answer(mask, palette)
    except IndexError:
        if not (before == 255).any():
            raise
        raise Wrong(
            "Void, 255, was used to pick a colour, and the palette has none. Give these pixels any class first, and paint "
            "them white afterwards."
        ) from None
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if not torch.equal(mask, before):
        raise Wrong("Your function changed the mask that it was given: the next one would not know void any more.")
    found = torch.as_tensor(found)
    if found.shape == (3, *mask.shape) and found.shape != (*mask.shape, 3):
        raise Wrong(f"{case} you return (3, H, W). Pictures are drawn from (H, W, 3), the colours last.")
    if found.shape == mask.shape:
        raise Wrong(f"{case} you return one number for each pixel. A colour has three: red, green, blue.")
    if found.shape != (*mask.shape, 3):
        raise Wrong(f"{case} your picture has shape {tuple(found.shape)}; it is (H, W, 3).")
    if found.dtype != torch.uint8:
        raise Wrong(f"Your picture holds {found.dtype}. Colours here are uint8, 0 to 255, as in the palette.")
    return found


def expect_colours(found: Tensor, expected: list, case: str) -> None:
    """Refuse a picture that is wrong in a way we did not foresee."""
    if found.tolist() != expected:
        raise Wrong(f"For {case} your picture is {found.tolist()}; it is {expected}.")


CASES = (  # mask, how many things, and what other counts mean
    ([[0]], 0, {1: "An empty mask has no things, and you count one. Is the background a thing to you?"}),
    ([[1, 1]], 1, {2: "You count pixels: two that touch are one thing."}),
    (
        [[1, 0, 1]],
        2,
        {1: "You count classes, or whether there is anything: two groups of the same class are two things."},
    ),
    ([[1], [1]], 1, {2: "Two pixels on top of each other are one thing, and you count two. Look up and down, too."}),
    ([[1, 0], [0, 1]], 2, {1: "You join pixels at their corners. Here, things touch along an edge: four neighbours."}),
    ([[1, 2]], 1, {2: "You keep the classes apart. Here every class but 0 is foreground, and a group is one thing."}),
    (
        [[1, 255, 1]],
        2,
        {
            1: "Your void joins what lies on both of its sides. Nobody knows what it is: it is no part of a thing.",
            3: "You count void as a thing of its own. Nobody knows what it is: leave it out.",
        },
    ),
    (
        [[1, 0, 1], [1, 1, 1]],
        1,
        {
            2: "A thing in the shape of a U is counted twice: its arms meet only below. Follow a group to all of its ends."
        },
    ),
    (
        [[0, 0, 1], [1, 1, 1]],
        1,
        {2: "A thing that goes on to the left of its first pixel is counted twice. Follow a group in all directions."},
    ),
)


def check_count_things(answer: Callable[[Tensor], int]) -> None:
    """From one pixel to shapes that a scan from the top gets wrong, a full picture, a chessboard, then random masks."""
    for mask, expected, mistakes in CASES:
        expect_count(call_count(answer, torch.tensor(mask)), expected, torch.tensor(mask), mistakes)
    full = torch.ones(60, 60, dtype=torch.int64)
    try:
        found = call_count(answer, full)
    except RecursionError:
        raise Wrong(
            "A thing of 60 x 60 pixels is too large for a function that calls itself once for each pixel: Python stops it "
            "with a RecursionError. Keep a list of pixels that wait, and a loop."
        ) from None
    if found != 1:
        raise Wrong(f"A mask of 60 x 60 foreground pixels is one thing; you count {found}.")
    board = (torch.arange(26)[:, None] + torch.arange(26)) % 2
    found = call_count(answer, board)
    if found != 338:
        raise Wrong(
            f"A chessboard of 26 x 26 pixels holds 338 things, its fields of class 1; you count {found}. Few things are counted "
            "right, so many seem to be too many: a uint8 ends at 255, and in the mask 255 means void."
        )
    for seed in range(4):
        generator = torch.Generator().manual_seed(seed)
        mask = (torch.rand(6, 6, generator=generator) < 0.55).long()
        expect_count(call_count(answer, mask), label(mask.numpy())[1], mask, {})


def call_count(answer: Callable, mask: Tensor) -> int:
    """The student's count, its form checked."""
    before = mask.clone()
    found = answer(mask)
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if not torch.equal(mask, before):
        raise Wrong("Your function changed the mask that it was given. Work on a copy: `mask.clone()`.")
    try:
        return int(found)
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(f"Your function returns a {type(found).__name__}; one whole number is asked for.") from None


def expect_count(found: int, expected: int, mask: Tensor, mistakes: dict[int, str]) -> None:
    """Refuse a wrong count, with the mistake that it looks like."""
    if found == expected:
        return
    if found in mistakes:
        raise Wrong(f"For the mask {mask.tolist()}: {mistakes[found]}")
    raise Wrong(f"The mask {mask.tolist()} holds {expected} thing{'s' * (expected != 1)}; you count {found}.")


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
