"""Which output cells one input cell paints; checkerboards appear and vanish (lecture 03)."""

from dataclasses import dataclass

import numpy as np
import torch
from ipywidgets import IntSlider, ToggleButtons
from torch.nn import functional

from course_utils.figures.boards import Board, coloured
from course_utils.figures.style import COLOURS, GREY
from course_utils.widgets.frame import Explorer

INPUT, OUTPUT, PROFILE = (0, 60, 200), (236, 34, 330), (604, 60, 270)  # left, top, side in pixels of the board


@dataclass(frozen=True)
class Painting:
    """What a transposed convolution makes of a square of ones.

    Attributes:
        cells: input cells a side.
        kernel, stride, padding: the layer's.
        row, column: the input cell that is looked at.
        sums: (side, side), what all stamps add up to, before the padding is cut off.
        interior: where as many stamps as possible overlap, as a slice of either axis; empty for few cells.
    """

    cells: int
    kernel: int
    stride: int
    padding: int
    row: int
    column: int
    sums: np.ndarray

    @property
    def output(self) -> int:
        """Output cells a side."""
        return len(self.sums) - 2 * self.padding

    @property
    def interior(self) -> np.ndarray:
        """The sums away from the borders, where nothing but the pattern of the stamps is left."""
        inner = slice(max(self.kernel - 1, self.padding), (self.cells - 1) * self.stride + 1)
        return self.sums[inner, inner]

    @property
    def verdict(self) -> str:
        """What the sums away from the borders say."""
        found = np.unique(self.interior.round(4))
        if not len(found):
            return "all border"
        if len(found) == 1:
            return "even"
        return "holes" if found[0] == 0 else "a checkerboard"


def stamp(kernel: int, kind: str) -> np.ndarray:
    """The weights of one stamp: all ones, or a tent that falls from its middle.

    Shape:
        (kernel, kernel)
    """
    if kind == "ones":
        return np.ones((kernel, kernel))
    reach = (kernel + 1) // 2
    side = 1 - np.abs(np.arange(kernel) - (kernel - 1) / 2) / reach
    return np.outer(side, side)


def paint(cells: int, kernel: int, stride: int, padding: int, kind: str, cell: int) -> Painting:
    """Lay a stamp for every input cell, and add them up.

    Args:
        cells: input cells a side.
        kernel, stride, padding: the layer's.
        kind: "ones" or "tent".
        cell: the input cell that is looked at, from 1, row by row.

    Raises:
        ValueError: where the padding would cut everything away.
    """
    ones, weights = torch.ones(1, 1, cells, cells), torch.from_numpy(stamp(kernel, kind)).float()[None, None]
    sums = functional.conv_transpose2d(ones, weights, stride=stride)[0, 0].numpy()
    if len(sums) <= 2 * padding:
        raise ValueError(f"padding {padding} cuts all {len(sums)} cells away: choose less padding, or a larger kernel")
    return Painting(cells, kernel, stride, padding, *divmod(cell - 1, cells), sums)


def draw(painting: Painting) -> Board:
    """The input, the output with the stamp of one cell framed, and the sums along one row."""
    board = Board(880, 384)
    left, top, side = INPUT
    cell = side / painting.cells
    board.heading(left, 20, f"input {painting.cells}×{painting.cells}")
    board.image(coloured(np.ones((1, 1)), 0, 2), left, top, side, side)
    board.grid(left, top, side, side, painting.cells, painting.cells, color="white", linewidth=2)
    board.frame(left + painting.column * cell, top + painting.row * cell, cell, cell, COLOURS["red"])
    for line, words in enumerate(
        ("one cell, one stamp of", f"{painting.kernel}×{painting.kernel}, every {painting.stride}")
    ):
        board.write(left, top + side + 28 + 22 * line, words, color=GREY)
    draw_output(board, painting)
    draw_profile(board, painting)
    return board


def draw_output(board: Board, painting: Painting) -> None:
    """The sums of all stamps; what the padding cuts away is hatched."""
    left, top, side = OUTPUT
    count = len(painting.sums)
    cell = side / count
    board.heading(left, 20, f"output {painting.output}×{painting.output}")
    board.image(coloured(painting.sums, 0, painting.sums.max()), left, top, side, side)
    board.grid(left, top, side, side, count, count, color="white")
    if painting.padding:
        cut, inside = painting.padding * cell, side - painting.padding * cell
        gone = {"facecolor": "#FFFFFFB0", "edgecolor": "#666666", "hatch": "///", "linewidth": 0}
        for edge in (
            (0, 0, side, cut),
            (0, inside, side, cut),
            (0, cut, cut, side - 2 * cut),
            (inside, cut, cut, side - 2 * cut),
        ):
            board.box(left + edge[0], top + edge[1], edge[2], edge[3], **gone)
    corner = left + painting.column * painting.stride * cell, top + painting.row * painting.stride * cell
    board.frame(*corner, painting.kernel * cell, painting.kernel * cell, COLOURS["red"])


def draw_profile(board: Board, painting: Painting) -> None:
    """The sums along the row through the middle of the looked-at cell's stamp, as bars."""
    left, top, side = PROFILE
    row = painting.row * painting.stride + (painting.kernel - 1) // 2
    values = painting.sums[row]
    wide = side / len(values)
    board.heading(left, 20, f"{painting.verdict}")
    board.write(left, 44, f"sums along output row {row - painting.padding}", color=GREY)
    for place, value in enumerate(values):
        inside = painting.padding <= place < len(values) - painting.padding
        style = {"facecolor": COLOURS["blue"]} if inside else {"facecolor": "white", "hatch": "///"}
        high = value / painting.sums.max() * (side - 20)
        board.box(left + place * wide, top + side - high, wide * 0.86, high, linewidth=0.8, **style)
    board.line([left, left + side], [top + side] * 2, linewidth=1.2)
    found = [f"{value:.3g}" for value in np.unique(painting.interior.round(4))]
    board.write(
        left,
        top + side + 28,
        "away from the border: " + (", ".join(found[:6]) or "none") + (" ..." if len(found) > 6 else ""),
    )


def describe(painting: Painting) -> str:
    """The numbers of the board."""
    first, columns = (place * painting.stride - painting.padding for place in (painting.row, painting.column))
    whole = "" if painting.kernel % painting.stride else f" {painting.kernel} is a multiple of {painting.stride}."
    return (
        f"Input cell ({painting.row}, {painting.column}) paints output rows {first} to {first + painting.kernel - 1} and "
        f"columns {columns} to {columns + painting.kernel - 1}. The output is {painting.output}×{painting.output}; away "
        f"from its border: {painting.verdict}.{whole}"
    )


def point(painting: Painting, x: float, y: float) -> int:
    """The input cell at a pixel of the board, or the one whose stamp is nearest to it in the output; from 1."""
    left, top, side = INPUT
    if x < left + side:
        places = [(at - start) / side * painting.cells for at, start in ((y, top), (x, left))]
    else:
        left, top, side = OUTPUT
        pixels = [(at - start) / side * len(painting.sums) for at, start in ((y, top), (x, left))]
        places = [(pixel - painting.kernel / 2) / painting.stride + 0.5 for pixel in pixels]
    row, column = (int(min(max(place, 0), painting.cells - 1)) for place in places)
    return row * painting.cells + column + 1


def transposed_convolution(kernel: int = 3, stride: int = 2, padding: int = 0, cells: int = 5) -> Explorer:
    """An explorer: a transposed convolution as stamps, cell by cell, and the pattern that they leave (lecture 03).

    Args:
        kernel, stride, padding: where the sliders begin.
        cells: input cells a side.
    """
    return Explorer(
        "transposed_convolution",
        title="Stamps of a transposed convolution",
        try_this="make the checkerboard vanish in two ways: with another kernel, and with another stamp. Then bring it "
        "back. Arrow keys on the picture walk from cell to cell.",
        controls={
            "kernel": IntSlider(kernel, 1, 6, description="kernel", layout={"width": "250px"}),
            "stride": IntSlider(stride, 1, 4, description="stride", layout={"width": "250px"}),
            "padding": IntSlider(padding, 0, 3, description="padding", layout={"width": "250px"}),
            "kind": ToggleButtons(options=["ones", "tent"], description="stamp", style={"button_width": "80px"}),
            "cell": IntSlider(cells * cells // 2 + 1, 1, cells * cells, description="input cell"),
        },
        compute=lambda kernel, stride, padding, kind, cell: paint(cells, kernel, stride, padding, kind, cell),
        draw=draw,
        describe=describe,
        alt="A small grid of input cells, one of them framed; the grid of outputs, with the cells that it paints framed "
        "and the sum of all stamps as brightness; and the sums along one row as bars.",
        point=lambda values, data, x, y: {"cell": point(data, x, y)},
        walk=lambda values, across, down: {"cell": values["cell"] + across + cells * down},
        telling={"kernel": range(1, 7), "stride": range(1, 5), "kind": ["ones", "tent"]},
    )
