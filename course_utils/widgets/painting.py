"""Paint a mask over a photograph, and watch all the scores while you do (lecture 01)."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from anywidget import AnyWidget
from ipywidgets import Button, IntSlider, ToggleButtons, link
from PIL import Image
from torch import Tensor
from traitlets import Bool, Bytes, Int, Unicode

from course_utils.figures.boards import Board, mistakes_marked
from course_utils.figures.style import COLOURS, GREY
from course_utils.metrics.semantic import Scores, confusion_matrix, scores
from course_utils.widgets.frame import Explorer

HERE = Path(__file__).parent


class Canvas(AnyWidget):
    """A photograph under a mask that is painted in the browser.

    Attributes:
        value: the mask, one byte a pixel, row by row: 1 where it is painted.
        photograph: a JPEG file.
        width, height: of the photograph, in pixels.
        brush: diameter of the brush, in pixels of the photograph.
        erase: whether the brush takes paint away.
        label: what is to be painted, for screen readers.
    """

    _esm = HERE / "canvas.js"

    value = Bytes().tag(sync=True, from_json=lambda buffer, _: bytes(buffer))
    photograph = Bytes().tag(sync=True)
    width = Int(1).tag(sync=True)
    height = Int(1).tag(sync=True)
    brush = Int(20).tag(sync=True)
    erase = Bool(False).tag(sync=True)
    label = Unicode().tag(sync=True)

    def undo(self, _=None) -> None:
        """Take the last stroke back."""
        self.send({"kind": "undo"})

    def clear(self, _=None) -> None:
        """Take all paint away; can be undone."""
        self.send({"kind": "clear"})


GOAL = 0.9
LIVE, ALL = 430, 880  # widths of the board: beside the canvas, and where there is none


@dataclass(frozen=True)
class Painted:
    """A painted mask and its scores.

    Attributes:
        image: (3, H, W), uint8.
        truth: (H, W), int64: 1 for the thing, 255 for void.
        mask: (H, W), bool: what is painted.
        matrix: (2, 2), pixels; row = truth, column = painted.
        scores: what the matrix says.
        names: of the two classes.
    """

    image: Tensor
    truth: Tensor
    mask: Tensor
    matrix: Tensor
    scores: Scores
    names: tuple[str, str]

    @property
    def rows(self) -> list[tuple[str, float]]:
        """The four metrics, and IU and Dice of the thing, each with its name."""
        its = self.scores
        return [
            ("pixel accuracy", its.pixel_accuracy),
            ("mean accuracy", its.mean_accuracy),
            ("mean IU", its.mean_iu),
            ("f.w. IU", its.frequency_weighted_iu),
            (f"IU of {self.names[1]}", float(its.iu[1])),
            (f"Dice of {self.names[1]}", float(its.dice[1])),
        ]


def count(image: Tensor, truth: Tensor, names: tuple[str, str], painted: bytes) -> Painted:
    """Score a painted mask.

    Args:
        painted: one byte a pixel, row by row, 1 where it is painted.

    Shape:
        image (3, H, W), truth (H, W)
    """
    mask = torch.from_numpy(np.frombuffer(painted, dtype=np.uint8).copy()).view(truth.shape).bool()
    matrix = confusion_matrix(truth, mask, classes=2)
    return Painted(image, truth, mask, matrix, scores(matrix), names)


def hasty(truth: Tensor) -> Tensor:
    """What somebody in a hurry paints: an ellipse over the thing's box.

    Shape:
        (H, W) -> (H, W), bool
    """
    rows, columns = (truth == 1).nonzero().T
    y, x = torch.meshgrid(torch.arange(truth.shape[0]), torch.arange(truth.shape[1]), indexing="ij")
    distances = [
        (at - (where.min() + where.max()) / 2) / ((where.max() - where.min()) / 2)
        for at, where in ((y, rows), (x, columns))
    ]
    return distances[0] ** 2 + distances[1] ** 2 <= 1


def draw(painted: Painted) -> Board:
    """The scores, for beside the canvas."""
    board = Board(LIVE, 330)
    draw_scores(board, painted, 10)
    return board


def draw_all(painted: Painted) -> Board:
    """The photograph with the mask's mistakes, and the scores."""
    board = Board(ALL, 360)
    height, width = painted.truth.shape
    scale = min(430 / width, 330 / height)
    pixels = mistakes_marked(painted.image, painted.truth.numpy(), painted.mask.numpy())
    board.image(pixels, 0, 0, width * scale, height * scale)
    board.write(0, height * scale + 24, "orange: missed    blue: false alarm    dim: void")
    draw_scores(board, painted, ALL - LIVE + 10)
    return board


def draw_scores(board: Board, painted: Painted, left: float) -> None:
    """The six scores as bars, and the confusion matrix under them."""
    mean_iu = painted.scores.mean_iu
    board.heading(left, 20, f"mean IU {mean_iu:.3f}: " + ("beaten" if mean_iu > GOAL else f"can you beat {GOAL}?"))
    start, most = left + 160, 200
    for place, (name, value) in enumerate(painted.rows):
        top = 34 + 26 * place
        board.write(start - 10, top + 15, name, ha="right", weight="bold" if name == "mean IU" else "normal")
        board.box(
            start, top, max(1, (0 if np.isnan(value) else value) * most), 20, facecolor=COLOURS["blue"], linewidth=0
        )
        board.write(start + most + 8, top + 15, "none" if np.isnan(value) else f"{value:.3f}")
    board.line([start + GOAL * most] * 2, [32, 34 + 26 * 6], color=COLOURS["red"], linestyle=":")
    top = 236
    board.write(left, top - 8, "painted as", color=GREY)
    for column, name in enumerate(painted.names):
        board.write(start + 130 * column + 63, top - 8, name, ha="center")
    shares = painted.matrix / painted.matrix.sum(dim=1, keepdim=True).clamp(min=1)
    for row in range(2):
        board.write(start - 10, top + 44 * row + 27, f"truly {painted.names[row]}", ha="right")
        for column in range(2):
            share = float(shares[row, column])
            tone = 1 - 0.75 * share
            x, y = start + 130 * column, top + 44 * row
            board.box(x, y, 126, 40, facecolor=(tone, tone, 1), linewidth=1)
            colour = "white" if share > 0.6 else "black"
            board.write(x + 63, y + 26, f"{int(painted.matrix[row, column]):,}", ha="center", color=colour)


def describe(painted: Painted) -> str:
    """The numbers of the board."""
    four = ", ".join(f"{name} {value:.3f}" for name, value in painted.rows)
    return f"{four[0].upper()}{four[1:]}."


def paint_mask(image: Tensor, mask: Tensor, name: str, background: str = "background") -> Explorer:
    """An explorer: a mask painted with the mouse or the keyboard, and its scores (lecture 01).

    Args:
        image: (3, H, W), uint8.
        mask: (H, W), int64: 0 background, 1 the thing, 255 void.
        name: of the thing.
        background: name of the rest.
    """
    height, width = mask.shape
    file = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, format="jpeg", quality=90)
    canvas = Canvas(
        value=hasty(mask).numpy().astype(np.uint8).tobytes(),
        photograph=file.getvalue(),
        width=width,
        height=height,
        label=f"Paint the {name}.",
    )
    brush = IntSlider(canvas.brush, 2, 80, 2, description="brush (pixels)", layout={"width": "300px"})
    link((canvas, "brush"), (brush, "value"))
    mode = ToggleButtons(
        options={"paint": False, "erase": True}, style={"button_width": "70px"}, layout={"width": "170px"}
    )
    link((canvas, "erase"), (mode, "value"))
    undo, clear = (Button(description=words, layout={"width": "90px"}) for words in ("undo", "clear"))
    undo.on_click(canvas.undo)
    clear.on_click(canvas.clear)
    names = (background, name)
    return Explorer(
        "paint_mask",
        title="Paint a mask",
        try_this=f"somebody in a hurry left an ellipse. Make it a mask: who can beat a mean IU of {GOAL}? Arrow keys move "
        "the brush, the space bar paints, X erases, Z undoes.",
        controls={"painted": canvas},
        compute=lambda painted: count(image, mask, names, painted),
        draw=draw,
        draw_all=draw_all,
        describe=describe,
        alt="The painted photograph, bars of six scores with a line at 0.9, and the confusion matrix.",
        beside=[mode, brush, undo, clear],
        canvas="painted",
    )
