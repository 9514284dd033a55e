"""Pad and stride change; where the cells lie, and how much has to be cut off, follow (lecture 03)."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from ipywidgets import IntSlider, ToggleButtons
from torch import Tensor, nn

from course_utils.figures.boards import Board
from course_utils.figures.style import COLOURS, GREY
from course_utils.models.coordinates import CoordinateMap, geometry, output_size
from course_utils.widgets.frame import Explorer

AREA = (0, 34, 500, 340)  # left, top, width, height in pixels of the board
CONVOLUTIONS = (2, 2, 3, 3, 3)  # of VGG16's five blocks


@dataclass(frozen=True)
class Crop:
    """Where a net's cells and its upsampled map lie, in pixels of the picture.

    Attributes:
        image: (3, H, W), uint8.
        pad: pixels around the picture.
        stride: of the net.
        cells: (rows, columns) of its map.
        coordinates: from a cell to its centre.
        upsampled: from a pixel of the upsampled map to the picture.
        kernel: side of the upsampling's stamp.
        sides: (height, width) of the upsampled map.
    """

    image: Tensor
    pad: int
    stride: int
    cells: tuple[int, int]
    coordinates: CoordinateMap
    upsampled: CoordinateMap
    kernel: int
    sides: tuple[int, int]

    @property
    def offset(self) -> Fraction:
        """Pixels to cut off before the first of the upsampled map; negative where it begins inside the picture."""
        return -self.upsampled.shift

    @property
    def missing(self) -> tuple[int, int]:
        """Rows and columns of the picture that the upsampled map does not reach, at both ends together."""
        return tuple(
            max(0, int(np.ceil(self.upsampled.shift))) + max(0, size - int(np.floor(self.upsampled.shift)) - side)
            for size, side in zip(self.image.shape[1:], self.sides, strict=True)
        )


def layers(pad: int, stride: int, odd: bool) -> tuple[list[nn.Module], nn.Module]:
    """VGG16's first blocks with the first convolution padded, then its 7x7 convolution; and the upsampling."""
    with torch.device("meta"):  # only shapes matter
        net: list[nn.Module] = []
        for convolutions in CONVOLUTIONS[: int(np.log2(stride))]:
            net += [nn.Conv2d(1, 1, 3, padding=1) for _ in range(convolutions)] + [nn.MaxPool2d(2, 2, ceil_mode=True)]
        net[0] = nn.Conv2d(1, 1, 3, padding=pad)
        net.append(nn.Conv2d(1, 1, 7))
        return net, nn.ConvTranspose2d(1, 1, 2 * stride - odd, stride)


def locate(image: Tensor, pad: int, stride: int, odd: bool) -> Crop:
    """Walk through the layers, and say where everything lies.

    Args:
        image: (3, H, W), uint8.
        pad: of the first convolution.
        stride: 8, 16 or 32.
        odd: whether the upsampling's kernel is 2 stride - 1, and not 2 stride.

    Raises:
        ValueError: where no cell is left; names the layer.
    """
    net, up = layers(pad, stride, odd)
    height, width = image.shape[1:]
    cells = output_size(net, height), output_size(net, width)
    sides = output_size([*net, up], height), output_size([*net, up], width)
    coordinates, upsampled = geometry(net, height).coordinates, geometry([*net, up], height).coordinates
    return Crop(image, pad, stride, cells, coordinates, upsampled, up.kernel_size[0], sides)


def draw(crop: Crop) -> Board:
    """The padded picture with the cells' centres and the upsampled map over it; beside it the arithmetic."""
    board = Board(880, 384)
    left, top, width, height = AREA
    rows, columns = crop.image.shape[1:]
    beyond = 140  # pixels around the picture: the pad of 120 and more
    scale = min(width / (columns + 2 * beyond), height / (rows + 2 * beyond))
    x, y = left + beyond * scale, top + beyond * scale
    pad = crop.pad * scale
    padded = (x - pad, y - pad, columns * scale + 2 * pad, rows * scale + 2 * pad)
    board.box(*padded, facecolor="#E4E4E4", edgecolor=GREY, linewidth=1, hatch="..")
    board.image(crop.image.numpy().transpose(1, 2, 0), x, y, columns * scale, rows * scale)
    start = float(crop.upsampled.shift) * scale
    board.frame(x + start, y + start, crop.sides[1] * scale, crop.sides[0] * scale, COLOURS["orange"])
    centres = [
        [origin + crop.coordinates(cell) * scale for cell in range(count)]
        for origin, count in zip((y, x), crop.cells, strict=True)
    ]
    across, down = np.meshgrid(centres[1], centres[0])
    style = {"linestyle": "none", "marker": "o", "markeredgecolor": "black", "color": "white"}
    size = crop.stride * scale * 0.32
    board.line(across.ravel(), down.ravel(), markersize=size, markeredgewidth=size / 6, **style)
    first = across[0, 0], down[0, 0]
    board.line(*[[at] for at in first], **style | {"color": COLOURS["red"], "marker": "s", "markersize": 9})
    reach = crop.kernel / 2 * scale
    board.box(first[0] - reach, first[1] - reach, 2 * reach, 2 * reach, edgecolor=COLOURS["red"], linestyle="--")
    board.heading(left, 20, verdict(crop))
    write_arithmetic(board, crop)
    return board


def verdict(crop: Crop) -> str:
    """What to do, in a few words."""
    if crop.offset.denominator != 1:
        return f"cut off {float(crop.offset):g}? Half a pixel is left over"
    if crop.offset < 0:
        return f"nothing to cut: the first {-crop.offset} pixels get no answer"
    if any(crop.missing):
        return f"cut off {crop.offset}; the last {max(crop.missing)} pixels get no answer"
    return f"cut {crop.offset} pixels off the upsampled map"


def write_arithmetic(board: Board, crop: Crop) -> None:
    """The coordinate maps, a line each."""
    shift = f"{float(crop.coordinates.shift):+g}".replace("+", "+ ").replace("-", "- ")
    rows = (
        ("the net: cell o lies at pixel", f"{crop.stride} o {shift}"),
        ("its first cell (red square)", f"{float(crop.coordinates.shift):g}"),
        (f"its stamp of {crop.kernel} begins before it", f"{(crop.kernel - 1) / 2:g}"),
        ("so the upsampled map begins at", f"{float(crop.upsampled.shift):g}"),
        ("cut off", f"{float(crop.offset):g}"),
    )
    for place, (words, value) in enumerate(rows):
        y = 60 + 48 * place
        board.write(530, y, words, color=GREY)
        board.heading(530, y + 22, value)
    lines = ("dotted grey: the pad", f"white dots: {crop.cells[0]}×{crop.cells[1]} cells", "orange: the upsampled map")
    for place, words in enumerate(lines):
        board.write(530, 318 + 22 * place, words)


def describe(crop: Crop) -> str:
    """The numbers of the board."""
    return (
        f"Pad {crop.pad}, stride {crop.stride}: {crop.cells[0]}×{crop.cells[1]} cells, the first at pixel "
        f"{float(crop.coordinates.shift):g}; a kernel of {crop.kernel} reaches {(crop.kernel - 1) / 2:g} pixels before it. "
        f"{verdict(crop).capitalize()}."
    )


def crop_offset(image: Tensor, pad: int = 100, stride: int = 32) -> Explorer:
    """An explorer: from pad and stride to where the cells lie and what has to be cut off (lecture 03).

    Args:
        image: (3, H, W), uint8.
        pad, stride: where the controls begin; the FCN authors' VGG16 has 100 and 32.
    """
    return Explorer(
        "crop_offset",
        title="Where the cells lie, and the crop",
        try_this="find the smallest pad with which every pixel gets an answer. Then the odd kernel: why does no crop fit?",
        controls={
            "pad": IntSlider(pad, 0, 120, description="pad"),
            "stride": ToggleButtons(
                options=[8, 16, 32], value=stride, description="stride", style={"button_width": "60px"}
            ),
            "odd": ToggleButtons(
                options={"2 × stride": False, "one less": True}, description="kernel", style={"button_width": "95px"}
            ),
        },
        compute=lambda pad, stride, odd: locate(image, pad, stride, odd),
        draw=draw,
        describe=describe,
        alt="A photograph in its grey pad; white dots where the net's cells lie, the first one a red square with its "
        "stamp dashed; an orange frame where the upsampled map lies; beside it the arithmetic of the crop.",
        telling={"pad": [0, 40, 80, 81, 100, 120], "stride": [8, 16, 32], "odd": [False, True]},
    )
