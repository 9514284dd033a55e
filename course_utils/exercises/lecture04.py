"""Lecture 04: the loss of a pixel, labels from scores, class balance, and what a stride can see."""

from collections.abc import Callable
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import functional

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
