"""Boxes, before any net: how two overlap, how one is written as a change of another, which survive (lecture 09).

Everywhere a box is (x1, y1, x2, y2) in pixels. Pixel 0 reaches from 0 to 1, so that a box ends where its last pixel
ends and its width is x2 - x1, with nothing added. Half precision is computed in single.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

BACKGROUND, IGNORED = -1, -2
LARGEST_GROWTH = math.log(1000 / 16)  # a box may grow by this much in one step, or exp() leaves every number behind


def box_area(boxes: Tensor) -> Tensor:
    """Areas in square pixels: (..., 4) -> (...)."""
    boxes = _wide(boxes)
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def box_intersection(boxes: Tensor, others: Tensor) -> Tensor:
    """Area that each box shares with each other one: (N, 4), (M, 4) -> (N, M), in square pixels."""
    boxes, others = _wide(boxes)[:, None], _wide(others)[None]
    across, down = (  # one at a time: tensors whose last dimension is 2 are slow
        torch.minimum(boxes[..., side + 2], others[..., side + 2]) - torch.maximum(boxes[..., side], others[..., side])
        for side in (0, 1)
    )
    return across.clamp(min=0) * down.clamp(min=0)


def box_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of each box with each other one; 0 for two boxes without any area.

    Shape:
        boxes (N, 4), others (M, 4) -> (N, M), 0 to 1
    """
    shared = box_intersection(boxes, others)
    union = box_area(boxes)[:, None] + box_area(others)[None] - shared
    return torch.where(union > 0, shared / union, 0)


def encode_boxes(boxes: Tensor, references: Tensor, weights: Sequence[float] = (1, 1, 1, 1)) -> Tensor:
    """What must change about each reference to make it the box (Faster R-CNN, section 3.1.2, equation 2).

    The centre moves in units of the reference's width and height, the sides change by the logarithm of a factor:
    ((x - x_a) / w_a, (y - y_a) / h_a, log(w / w_a), log(h / h_a)).

    Args:
        weights: each of the four is multiplied by its own, so that all are of about the same size where a loss adds
            them up; the box head's are 10, 10, 5, 5.

    Shape:
        boxes (N, 4), references (N, 4) -> deltas (N, 4)

    Raises:
        ValueError: for a box or reference without width or height, whose logarithm there is not.
    """
    for name, some in (("box", boxes), ("reference", references)):
        refuse_flat(some, name)
    centres, sides = _centres_and_sides(boxes)
    there, scale = _centres_and_sides(references)
    return torch.cat([(centres - there) / scale, (sides / scale).log()], dim=-1) * sides.new_tensor(weights)


def decode_boxes(deltas: Tensor, references: Tensor, weights: Sequence[float] = (1, 1, 1, 1)) -> Tensor:
    """The boxes that deltas make of their references: `encode_boxes`, turned round.

    Shape:
        deltas (..., 4), references (..., 4), broadcast against each other -> boxes (..., 4)

    Raises:
        ValueError: for deltas that are NaN or infinite.
    """
    deltas = _wide(deltas)
    lost = (~deltas.isfinite()).sum().item()
    if lost:
        raise ValueError(
            f"{lost} of {deltas.numel()} deltas are NaN or infinite: has the training run away? "
            "A smaller learning rate, or gradients clipped, keeps it."
        )
    deltas = deltas / deltas.new_tensor(weights)
    centres, sides = _centres_and_sides(references)
    centres = centres + deltas[..., :2] * sides
    sides = sides * deltas[..., 2:].clamp(max=LARGEST_GROWTH).exp()
    return torch.cat([centres - sides / 2, centres + sides / 2], dim=-1)


def clip_boxes(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """The part of each box that lies in a picture of (height, width); one outside keeps no area: (..., 4) -> the same."""
    height, width = size
    return torch.minimum(boxes.clamp(min=0), boxes.new_tensor([width, height, width, height]))


def nms(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """Non-maximum suppression: of boxes that overlap by more than `threshold`, only the best stays.

    The rule is greedy: best first, each box stays unless a better one that stays overlaps it. Here all boxes are asked
    at once, again and again: whoever was suppressed only by boxes that have gone themselves comes back. When nothing
    changes any more, it is the greedy answer, and a GPU gets there in a few steps. Takes N^2 numbers of memory.

    Shape:
        boxes (N, 4), scores (N,) -> numbers of the boxes that stay, best first; equal scores keep their order
    """
    order = scores.argsort(descending=True, stable=True)
    suppresses = (box_iou(boxes[order], boxes[order]) > threshold).triu(diagonal=1).float()
    stays = torch.ones_like(order, dtype=torch.bool)
    while True:
        again = stays.float() @ suppresses == 0  # by how many that stay each is suppressed
        if torch.equal(again, stays):
            return order[stays]
        stays = again


def batched_nms(boxes: Tensor, scores: Tensor, groups: Tensor, threshold: float) -> Tensor:
    """`nms` within each group alone: a cat suppresses no dog that it sits on, nor one level of a pyramid another.

    Shape:
        boxes (N, 4), scores (N,), groups (N,) int64 -> numbers of the boxes that stay, best first
    """
    stays = torch.zeros_like(groups, dtype=torch.bool)
    for group in groups.unique():
        members = torch.where(groups == group)[0]
        stays[members[nms(boxes[members], scores[members], threshold)]] = True
    kept = torch.where(stays)[0]
    return kept[scores[kept].argsort(descending=True, stable=True)]


@dataclass(frozen=True)
class Anchors:
    """The boxes that a region proposal net starts from: some at each cell of each map (Faster R-CNN, section 3.1.1).

    An anchor of size s and ratio r has the area s^2 and is r times as high as wide: 64 at 0.5 is 90.5 wide, 45.3 high.

    Args:
        sizes: for each map, the sizes s of its anchors in pixels.
        strides: for each map, how many pixels apart its cells lie.
        ratios: height / width.
        offset: where in its cell an anchor has its centre: 0.5 for the middle, 0 for the upper left corner.
        rounded: whole pixels, which costs anchors their exact area. `offset=0, rounded=True` is torchvision.

    Raises:
        ValueError: for sizes and strides of different number, sizes that are not one list a map, or any number of 0.
    """

    sizes: Sequence[Sequence[float]]
    strides: Sequence[int]
    ratios: Sequence[float] = (0.5, 1, 2)
    offset: float = 0.5
    rounded: bool = False

    def __post_init__(self):
        listed = all(isinstance(sizes, Sequence) for sizes in self.sizes)
        if not listed or len({len(sizes) for sizes in self.sizes}) != 1 or len(self.sizes) != len(self.strides):
            raise ValueError(
                f"anchors of sizes {self.sizes} on strides {self.strides}: one list of sizes, of one length, a stride; "
                "three sizes on one map are sizes=[(16, 32, 64)]"
            )
        wrong = [number for number in (*sum(map(tuple, self.sizes), ()), *self.strides, *self.ratios) if number <= 0]
        if wrong:
            raise ValueError(f"an anchor of size, stride or ratio {wrong[0]}: all of them are larger than 0")

    @property
    def at_each(self) -> int:
        """Anchors at each cell."""
        return len(self.sizes[0]) * len(self.ratios)

    def shapes(self, level: int) -> Tensor:
        """Widths and heights of the anchors at a cell, ratio by ratio: (at_each, 2)."""
        tall = torch.tensor(self.ratios, dtype=torch.float32).sqrt()
        across = torch.stack([1 / tall, tall], dim=-1)[:, None] * torch.tensor(self.sizes[level])[None, :, None]
        return across.flatten(0, 1)

    def __call__(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """All anchors of each map (N, C, h, w), row by row, as (h * w * at_each, 4); some reach out of the picture.

        Raises:
            ValueError: for another number of maps than of strides.
        """
        if len(maps) != len(self.strides):
            raise ValueError(f"{len(maps)} maps, but anchors for strides {tuple(self.strides)}: one stride a map")
        found = []
        for level, (features, stride) in enumerate(zip(maps, self.strides, strict=True)):
            half = self.shapes(level) / 2
            around = torch.cat([-half, half], dim=-1)
            around = around.round() if self.rounded else around
            rows, columns = ((torch.arange(length) + self.offset) * stride for length in features.shape[-2:])
            y, x = torch.meshgrid(rows, columns, indexing="ij")
            centres = torch.stack([x, y, x, y], dim=-1).reshape(-1, 1, 4)
            found.append((centres + around).reshape(-1, 4).to(features.device))
        return found


def match_boxes(iou: Tensor, positive: float, negative: float | None = None, keep_best: bool = False) -> Tensor:
    """Which thing each box belongs to, if any (Mask R-CNN, section 3.1; Faster R-CNN, section 3.1.2).

    Args:
        iou: of each box with each true one.
        positive: from this IU on a box belongs to the thing that it overlaps most.
        negative: under this IU it is background, between the two it is ignored; the same as `positive` when left out.
        keep_best: the boxes that overlap a thing more than all others do belong to something, however little that is.
            Otherwise a thing of unusual shape gets no anchor. One that no box touches still gets none.

    Shape:
        iou (N, M) -> (N,) int64: the number of the thing, BACKGROUND (-1) or IGNORED (-2)
    """
    if not iou.shape[1]:
        return torch.full((len(iou),), BACKGROUND, device=iou.device)
    best, thing = iou.max(dim=1)
    matched = torch.where(best >= (positive if negative is None else negative), IGNORED, BACKGROUND)
    belongs = best >= positive
    if keep_best:
        highest = iou.max(dim=0).values
        belongs |= ((iou == highest) & (highest > 0)).any(dim=1)
    return torch.where(belongs, thing, matched)


def sample_matches(
    matched: Tensor, count: int, positive_share: float, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """A few boxes to learn from, drawn at random, so that the many of the background do not drown the others.

    Args:
        matched: as `match_boxes` gives it.
        count: how many boxes, all in all.
        positive_share: at most this share of them belongs to things; background fills up.
        generator: the random numbers, of the CPU; torch's own when left out.

    Shape:
        matched (N,) -> numbers of the positive (P,) and of the negative boxes (Q,), P + Q <= count
    """

    def drawn(numbers: Tensor, most: int) -> Tensor:
        return numbers[torch.randperm(len(numbers), generator=generator)[:most].to(numbers.device)]

    positives = drawn(torch.where(matched >= 0)[0], int(count * positive_share))
    return positives, drawn(torch.where(matched == BACKGROUND)[0], count - len(positives))


def jitter_boxes(boxes: Tensor, copies: int, amount: float = 0.1, generator: torch.Generator | None = None) -> Tensor:
    """Copies of boxes, moved and resized by about `amount` of their sides: (N, 4) -> (copies * N, 4)."""
    noise = torch.randn(copies, len(boxes), 4, generator=generator).to(boxes.device)
    return decode_boxes(amount * noise, boxes).reshape(-1, 4)


def refuse_flat(boxes: Tensor, name: str) -> None:
    """Refuse boxes that have no width or no height, or are no numbers.

    Raises:
        ValueError: names the first such box.
    """
    flat = torch.where(~(boxes[..., 2:] > boxes[..., :2]).all(dim=-1) | ~boxes.isfinite().all(dim=-1))[0]
    if len(flat):
        x1, y1, x2, y2 = boxes[flat[0]].tolist()
        raise ValueError(
            f"{name} {int(flat[0])} reaches from ({x1:g}, {y1:g}) to ({x2:g}, {y2:g}): a box is (x1, y1, x2, y2) in "
            "pixels, with x1 < x2 and y1 < y2; that of a single pixel is 1 wide and 1 high"
        )


def _wide(values: Tensor) -> Tensor:
    return values if values.dtype in (torch.float32, torch.float64) else values.float()


def _centres_and_sides(boxes: Tensor) -> tuple[Tensor, Tensor]:
    boxes = _wide(boxes)
    sides = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + sides / 2, sides
