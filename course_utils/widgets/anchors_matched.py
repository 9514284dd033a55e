"""Drag a box over a picture: which anchors match it, and how well the best one does (Faster R-CNN, 3.1.2; lecture 09)."""

from dataclasses import dataclass
from functools import partial

import torch
from ipywidgets import FloatSlider, IntSlider
from torch import Tensor

from course_utils.figures.boards import Board, Plot
from course_utils.figures.overlays import picture
from course_utils.figures.style import COLOURS, GREY
from course_utils.models.boxes import Anchors, box_iou
from course_utils.widgets.frame import Explorer

ANCHORS = Anchors(sizes=[(16, 32, 64)], strides=[8])
SIDE, TOP = 340, 42  # of the picture on the board, in pixels
NEGATIVE = 0.3


@dataclass(frozen=True)
class Matched:
    """A box, the anchors of a picture and how they overlap.

    Attributes:
        image: (3, H, W).
        box: (4,) in pixels.
        anchors: (N, 4).
        iou: (N,), of each anchor with the box.
        positive: the IU from which an anchor belongs to the box.
    """

    image: Tensor
    box: Tensor
    anchors: Tensor
    iou: Tensor
    positive: float

    @property
    def belongs(self) -> Tensor:
        """Which anchors belong to the box, the special rule left out: (N,) bool."""
        return self.iou >= self.positive


def compute(image: Tensor, x: int, y: int, width: int, height: int, positive: float) -> Matched:
    """The anchors of a picture beside a box of so many pixels around a centre."""
    rows, columns = (length // ANCHORS.strides[0] for length in image.shape[-2:])
    (anchors,) = ANCHORS([torch.zeros(1, 1, rows, columns)])
    box = torch.tensor([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
    return Matched(image, box, anchors, box_iou(anchors, box[None])[:, 0], positive)


def heading(data: Matched) -> str:
    """What the box gets, in a line."""
    count = int(data.belongs.sum())
    if count:
        return f"{count} anchor{'s' * (count != 1)} of {len(data.anchors):,} belong{'s' * (count == 1)} to it"
    return f"No anchor reaches {data.positive:.2f}: without the special rule, nobody would learn to find it"


def describe(data: Matched) -> str:
    """The box, its best anchor, and how many lie in each class."""
    wide, high = (data.box[2:] - data.box[:2]).tolist()
    best = data.anchors[data.iou.argmax()]
    across, down = (best[2:] - best[:2]).tolist()
    between = int(((data.iou >= NEGATIVE) & ~data.belongs).sum())
    return (
        f"Box {wide:.0f} x {high:.0f}: best IU {data.iou.max():.2f}, by an anchor of {across:.0f} x {down:.0f}. "
        f"{int(data.belongs.sum())} belong to it, {between} count for nothing, {int((data.iou < NEGATIVE).sum()):,} are background."
    )


def draw(data: Matched) -> Board:
    """The picture with box and anchors, and how many anchors reach which IU."""
    board = Board(880, TOP + SIDE + 10)
    board.heading(0, 22, heading(data))
    board.image(picture(data.image), 0, TOP, SIDE, SIDE)
    scale = SIDE / data.image.shape[-1]

    def place(box: Tensor) -> tuple[float, float, float, float]:
        left, top = (box[:2] * scale).tolist()
        right, bottom = (box[2:] * scale).tolist()
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, SIDE), min(bottom, SIDE)
        return left, TOP + top, max(right - left, 0), max(bottom - top, 0)

    for anchor in data.anchors[data.belongs][:60]:
        board.box(*place(anchor), edgecolor=COLOURS["sky"], linewidth=1.2)
    if not data.belongs.any():
        board.box(*place(data.anchors[data.iou.argmax()]), edgecolor="white", linewidth=2, linestyle="--")
    board.frame(*place(data.box), COLOURS["orange"])
    plot = Plot(board, 440, 84, 420, 226, (0.2, 1), (0, 36))  # bars end at 30: above them there is room for words
    plot.axes((0.2, 0.3, 0.5, 0.7, 1), (0, 10, 20, 30), "IU with the box", "anchors, from an IU of 0.2 on")
    counts = torch.histc(data.iou, bins=16, min=0.2, max=1).tolist()
    for number, count in enumerate(counts):
        if count:
            start, top = 0.2 + number / 20, plot.y(min(count, 30))
            inside = start >= data.positive - 0.026
            face = {"facecolor": COLOURS["sky"] if inside else "#BBBBBB", "hatch": "" if inside else "////"}
            board.box(plot.x(start), top, plot.width / 16, plot.y(0) - top, linewidth=0.8, **face)
    for value, words in ((NEGATIVE, "background below"), (data.positive, "belongs")):
        board.line([plot.x(value)] * 2, [plot.y(0), plot.y(36)], color=COLOURS["red"], linestyle=":")
        board.write(plot.x(value) + 6, plot.y(32), words, color=GREY)
    return board


def anchor_matching(image: Tensor) -> Explorer:
    """A box to put anywhere, and the anchors that belong to it (lecture 09).

    Args:
        image: (3, H, W), square.
    """
    height, width = image.shape[-2:]
    return Explorer(
        name="anchor_matching",
        title="A box and the anchors that match it",
        try_this="click to put the box elsewhere, arrow keys move it. A small box: how far until it loses an anchor? Then wide and flat.",
        controls={
            "x": IntSlider(width // 2, 0, width, description="centre, from the left"),
            "y": IntSlider(height // 2, 0, height, description="from above"),
            "width": IntSlider(60, 6, 120, description="width, px"),
            "height": IntSlider(60, 6, 120, description="height, px"),
            "positive": FloatSlider(0.7, min=0.4, max=0.9, step=0.05, description="belongs from IU"),
        },
        compute=partial(compute, image),
        draw=draw,
        describe=describe,
        alt="A picture with a box and the anchors that belong to it, beside a histogram of the anchors' IU with the box.",
        point=lambda values, data, x, y: place_at(data, x, y),
        walk=lambda values, across, down: {"x": values["x"] + across, "y": values["y"] + down},
        telling={
            "x": [width // 2 + aside for aside in (0, 2, 4)],
            "width": [16, 30, 60, 120],
            "height": [16, 30, 60, 120],
        },
    )


def place_at(data: Matched, x: float, y: float) -> dict[str, int]:
    """The centre under a place on the board; none where it lies outside the picture."""
    if not (0 <= x < SIDE and TOP <= y < TOP + SIDE):
        return {}
    scale = data.image.shape[-1] / SIDE
    return {"x": round(x * scale), "y": round((y - TOP) * scale)}
