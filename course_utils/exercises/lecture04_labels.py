"""Lecture 04's checks of label maps: those of coarse scores, and those of a perfect net."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.exercises.engine import Wrong


def check_segment(answer: Callable[[Tensor, tuple[int, int]], Tensor]) -> None:
    """Two cells that disagree, one of them surer than the other; then a batch that is not square."""
    sure = torch.zeros(1, 3, 1, 2)
    sure[0, 0, 0, 0], sure[0, 2, 0, 1] = 10, 2
    found = call_segment(answer, sure, (1, 20))
    labels = found[0, 0].tolist()
    case = "Two cells, class 0 with a score of 10 and class 2 with a score of 2"
    if 1 in labels:
        raise Wrong(
            f"{case}, and between them you find class 1, which nobody scored. You interpolate class numbers: half-way "
            "from aeroplane to bird lies no bicycle. Interpolate the scores, then take the largest."
        )
    count = labels.count(2)
    if count == 10:
        raise Wrong(
            f"{case}: in your labels they meet in the middle. Each cell's label seems to be chosen, or copied, before "
            "the upsampling; interpolate the scores bilinearly, so that the surer one reaches further."
        )
    if count == 9:
        raise Wrong(f"{case}: you upsample probabilities, not scores. Leave the softmax out; argmax needs none.")
    if count == 4:
        raise Wrong(
            f"{case}: your cells' centres lie on the picture's edge. That is align_corners=True; a cell's centre lies in "
            "the middle of its pixels."
        )
    if labels != [0] * 13 + [2] * 7:
        raise Wrong(
            f"{case} give, over 20 pixels, 13 times 0 and 7 times 2. Yours are {labels}.",
            [labels],
            [[0] * 13 + [2] * 7],
        )

    generator = torch.Generator().manual_seed(4)
    scores = torch.randn(2, 5, 3, 4, generator=generator)
    found = call_segment(answer, scores, (48, 100))
    # where a pixel lies on the centre of a cell, that cell alone decides
    centres = found[:, 8::16, 12::25]
    agree = (centres == scores.argmax(1)).float().mean()
    if agree < 0.9:
        raise Wrong("On random scores the labels at the centres of the cells are not the cells' own.")


def call_segment(answer: Callable, scores: Tensor, size: tuple[int, int]) -> Tensor:
    """The student's label map, its form checked."""
    found = answer(scores.clone(), size)
    expected = (len(scores), *size)
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if not isinstance(found, Tensor):
        raise Wrong(f"Your function returns a {type(found).__name__}; a tensor of labels is asked for.")
    if found.is_floating_point():
        if found.shape == (len(scores), scores.shape[1], *size):
            raise Wrong("You return the upsampled scores. Which class wins in each pixel?")
        raise Wrong(f"Your labels are {found.dtype}: class numbers are whole. What did you interpolate?")
    if tuple(found.shape) == (len(scores), size[1], size[0]) and size[0] != size[1]:
        raise Wrong(f"Height and width are swapped: {tuple(found.shape)} instead of {expected}.")
    if found.shape[-2:] == scores.shape[-2:]:
        raise Wrong("Your labels have the size of the scores. Upsample them to the size that is given.")
    if found.ndim == 4 and found.shape[1] == 1:
        raise Wrong("Your labels have an extra dimension: argmax(dim=1) drops it, keepdim keeps it.")
    if tuple(found.shape) != expected:
        raise Wrong(
            f"Labels of shape {expected} are asked for, yours are {tuple(found.shape)}. The classes are dimension 1."
        )
    return found


def check_ceiling(answer: Callable[[Tensor, int, int], Tensor]) -> None:
    """A mask that every stride can draw; a thin line; void; two classes whose numbers have another between them."""
    halves = torch.zeros(8, 8, dtype=torch.int64)
    halves[:, 4:] = 2
    found = call_ceiling(answer, halves, 4, 3)
    if (found == 1).any():
        raise Wrong(
            "Between classes 0 and 2 you find class 1. You average class numbers; average the share of each class "
            "instead (functional.one_hot makes a map for each)."
        )
    expect_map(found, halves, "two halves that fill their cells")

    thin = torch.zeros(8, 8, dtype=torch.int64)
    thin[:, 0] = 1
    found = call_ceiling(answer, thin, 4, 2)
    if (found == 1).any():
        raise Wrong(
            "A line of one pixel fills a quarter of its cells of 4x4, and you still draw it. You seem to pick one pixel of "
            "each cell; average all of them."
        )
    expect_map(found, torch.zeros_like(thin), "a line of one pixel")

    edged = torch.full((4, 4), 255)
    edged[0, 0] = 1
    found = call_ceiling(answer, edged, 4, 2)
    if (found == 0).any():
        raise Wrong("A cell with one pixel of class 1 and 15 of void becomes class 0. Void has no say: its share is 0.")
    expect_map(found, torch.ones_like(edged), "one pixel of class 1 in void")

    corner = torch.zeros(8, 16, dtype=torch.int64)
    corner[4:, :4] = 1
    found = call_ceiling(answer, corner, 4, 2)
    if torch.equal(found, corner):
        raise Wrong(
            "One cell of another class keeps its sharp corner. You copy each cell's label to its pixels; the net upsamples "
            "its shares bilinearly and takes the largest afterwards."
        )
    if not found[6:, :2].all() or found[:4].any() or int(found.sum()) not in range(8, 16):
        raise Wrong(f"For a single cell in the corner of the picture your map holds {found.tolist()}.")


def call_ceiling(answer: Callable, mask: Tensor, stride: int, classes: int) -> Tensor:
    """The student's map, its form checked."""
    before = mask.clone()
    try:
        found = answer(mask, stride, classes)
    except RuntimeError as error:
        if "Class values must be smaller" in str(error) or "out of bounds" in str(error):
            raise Wrong("one_hot was given 255, and there is no class 255. What share should void have?") from None
        raise
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if not torch.equal(mask, before):
        raise Wrong("Your function changed the mask that it was given.")
    if not isinstance(found, Tensor) or found.is_floating_point():
        raise Wrong("Labels are asked for: after the upsampling, which class has the largest share?")
    if found.numel() == mask.numel():
        return found.reshape(mask.shape)
    if tuple(found.shape[-2:]) == (mask.shape[0] // stride, mask.shape[1] // stride):
        raise Wrong("Your map has one label for each cell. Upsample to the size of the mask, then decide.")
    raise Wrong(f"A label for each of {tuple(mask.shape)} pixels is asked for; your map is {tuple(found.shape)}.")


def expect_map(found: Tensor, expected: Tensor, case: str) -> None:
    """Refuse a map that is wrong in a way we did not foresee."""
    if not torch.equal(found, expected):
        raise Wrong(f"For {case} your map is {found.tolist()}; it is {expected.tolist()}.", found, expected)
