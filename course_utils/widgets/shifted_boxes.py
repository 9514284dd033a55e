"""A box that moves by tenths of a pixel, and what RoIPool and RoIAlign cut out of a map (Mask R-CNN, 3; lecture 09)."""

from dataclasses import dataclass
from functools import partial

import torch
from ipywidgets import Dropdown, FloatSlider
from torch import Tensor
from torch.nn import functional

from course_utils.figures.boards import coloured
from course_utils.figures.overlays import picture
from course_utils.figures.style import COLOURS, GREY
from course_utils.models.rois import roi_align, roi_pool
from course_utils.widgets.frame import Explorer, Panel, panels

BINS = 7
LOOKS = {"RoIPool": COLOURS["red"], "RoIAlign": COLOURS["blue"]}


@dataclass(frozen=True)
class Cut:
    """What both ways cut out of a map of a thing.

    Attributes:
        image: (3, H, W).
        map: (h, w): the share of each cell that is the thing.
        box: (4,), where it was moved to, in pixels.
        stride: pixels a cell.
        shift: pixels.
        crops: way -> (BINS, BINS).
        frames: way -> (4,), the part of the picture that it takes for the box, in pixels.
    """

    image: Tensor
    map: Tensor
    box: Tensor
    stride: int
    shift: float
    crops: dict[str, Tensor]
    frames: dict[str, Tensor]


def compute(image: Tensor, mask: Tensor, box: Tensor, shift: float, stride: int) -> Cut:
    """Both cuts of a box that was moved to the right.

    Shape:
        image (3, H, W), mask (H, W), bool, box (4,)
    """
    features = functional.avg_pool2d(mask[None, None].float(), stride, ceil_mode=True)
    moved = box + torch.tensor([shift, 0, shift, 0])
    first = torch.zeros(1, dtype=torch.int64)
    crops = {
        "RoIPool": roi_pool(features, moved[None], first, BINS, stride)[0, 0],
        "RoIAlign": roi_align(features, moved[None], first, BINS, stride)[0, 0],
    }
    cells = (moved / stride + 0.5).floor()
    rounded = torch.cat([cells[:2], cells[2:] + 1]) * stride  # the last cell belongs to the box
    return Cut(image, features[0, 0], moved, stride, shift, crops, {"RoIPool": rounded, "RoIAlign": moved})


def off(data: Cut) -> tuple[float, float]:
    """How far RoIPool's left and right edges lie from the box's, in pixels."""
    left, right = (data.frames["RoIPool"] - data.box)[[0, 2]].tolist()
    return left, right


def describe(data: Cut) -> str:
    """Where both look."""
    left, right = off(data)
    return (
        f"Stride {data.stride}, moved by {data.shift:.1f} px: the box reaches from {data.box[0]:.1f} to {data.box[2]:.1f}. RoIPool reads "
        f"{data.frames['RoIPool'][0]:.0f} to {data.frames['RoIPool'][2]:.0f}, {left:+.1f} and {right:+.1f} px off; RoIAlign reads the box."
    )


def draw(data: Cut) -> object:
    """The picture with both frames, and the two cuts."""
    left, right = off(data)
    captions = ["the box, and RoIPool's", f"RoIPool: {BINS}x{BINS} bins", f"RoIAlign: {BINS}x{BINS} bins"]
    board, (whole, pool, align) = panels(
        f"RoIPool looks {abs(left):.1f} px beside the left edge, {abs(right):.1f} px beside the right",
        captions,
        below=26,
    )
    board.image(picture(data.image), *whole)
    height, width = data.image.shape[-2:]
    rows, columns = data.map.shape
    scale = whole.width / width, whole.height / height
    reach = columns * data.stride * scale[0], rows * data.stride * scale[1]
    if columns * data.stride == width and rows * data.stride == height:
        board.grid(whole.left, whole.top, *reach, rows, columns, color="white", linewidth=0.5, alpha=0.6)
    for name, style in (("RoIPool", "--"), ("RoIAlign", "-")):
        x1, y1, x2, y2 = data.frames[name].tolist()
        x1, y1, x2, y2 = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
        corner = whole.left + x1 * scale[0], whole.top + y1 * scale[1]
        sides = (x2 - x1) * scale[0], (y2 - y1) * scale[1]
        board.box(*corner, *sides, edgecolor="black", linewidth=5, linestyle=style)
        board.box(*corner, *sides, edgecolor=LOOKS[name], linewidth=3, linestyle=style)
    for panel, name in ((pool, "RoIPool"), (align, "RoIAlign")):
        draw_crop(board, panel, data.crops[name], LOOKS[name])
    board.write(whole.left, whole.bottom + 20, "thin grid: the map's cells", color=GREY)
    board.write(pool.left, pool.bottom + 20, "light: much of the thing in the bin", color=GREY)
    return board


def draw_crop(board, panel: Panel, crop: Tensor, colour: str) -> None:
    """One cut as its bins."""
    board.image(coloured(crop.numpy(), name="gray"), *panel)
    board.grid(*panel, BINS, BINS, color=GREY, linewidth=0.5)
    board.frame(*panel, colour)


def roi_shift(image: Tensor, mask: Tensor) -> Explorer:
    """A box to shift by tenths of a pixel under RoIPool and RoIAlign (lecture 09).

    Args:
        image: (3, H, W), square, of a side that 32 divides.
        mask: (H, W), bool, of one thing.

    Raises:
        ValueError: for a mask without a pixel.
    """
    if not mask.any():
        raise ValueError("the mask has no pixel: there is no box to shift")
    rows, columns = torch.where(mask)
    box = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]).float()
    return Explorer(
        name="roi_shift",
        title="A box shifted under RoIPool and RoIAlign",
        try_this="shift slowly, by tenths: when does RoIPool notice? Then stride 32.",
        controls={
            "shift": FloatSlider(3.4, min=0, max=16, step=0.1, readout_format=".1f", description="shift, px"),
            "stride": Dropdown(options=[8, 16, 32], value=16, description="stride"),
        },
        compute=partial(compute, image, mask, box),
        draw=draw,
        describe=describe,
        alt="A picture with a box and with the part that RoIPool takes for it; beside it what both cut out, as 7x7 bins.",
        walk=lambda values, across, down: {"shift": values["shift"] + across / 10},
        telling={"shift": [tenths / 10 for tenths in range(0, 161, 10)], "stride": [8, 16, 32]},
    )
