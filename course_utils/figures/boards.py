"""A figure measured in pixels and drawn in a few hundredths of a second: what explorers draw on (all lectures).

A board is a matplotlib figure with one set of axes over all of it, in pixels from the top left corner. Its plots have
axes of a few strokes: matplotlib's own take longer than everything else in an explorer's picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from torch import Tensor

from course_utils.data.masks import VOID
from course_utils.figures.style import COLOURS, GREY

TEXT = 12.5  # points; 17 pixels of a board


class Board(Figure):
    """A figure of `width` x `height` pixels.

    Attributes:
        sheet: the axes over all of it: x to the right, y down, both in pixels.
    """

    def __init__(self, width: int = 880, height: int = 400):
        super().__init__(figsize=(width / 100, height / 100), dpi=100, layout="none")
        self.width, self.height = width, height
        self.sheet = self.add_axes((0, 0, 1, 1))
        self.sheet.set_xlim(0, width)
        self.sheet.set_ylim(height, 0)
        self.sheet.set_axis_off()
        self.sheet.set_autoscale_on(False)
        self.layers = count(3)  # what is drawn later lies above, of whatever kind it is

    def enlarge(self, width: float, height: float, inch: float) -> tuple[int, int]:
        """Grow as a whole, letters and lines too, until it fills one side of a rectangle.

        Args:
            width, height: of the rectangle, in pixels.
            inch: pixels an inch.

        Returns:
            its new width and height, in pixels
        """
        scale = min(width / self.width, height / self.height)
        size = round(self.width * scale), round(self.height * scale)
        self.set_size_inches(size[0] / inch, size[1] / inch)
        for text in self.findobj(Text):
            text.set_fontsize(text.get_fontsize() * scale * 100 / inch)
        for line in self.findobj(Line2D):
            line.set_linewidth(line.get_linewidth() * scale * 100 / inch)
            line.set_markersize(line.get_markersize() * scale * 100 / inch)
        return size

    def write(self, x: float, y: float, words: str, **style) -> None:
        """Words at a place; they begin there, on their base line, unless the style says otherwise."""
        self.sheet.text(x, y, words, **{"fontsize": TEXT, "color": "black", "zorder": next(self.layers)} | style)

    def heading(self, x: float, y: float, words: str) -> None:
        """A finding, in bold."""
        self.write(x, y, words, fontsize=TEXT + 1, weight="bold")

    def image(self, pixels: np.ndarray, left: float, top: float, width: float, height: float, **style) -> AxesImage:
        """An image over a rectangle: (H, W, 3) or (H, W, 4), uint8, or (H, W) with `cmap`, `vmin`, `vmax`."""
        return self.sheet.imshow(
            pixels,
            extent=(left, left + width, top + height, top),
            aspect="auto",
            **{"interpolation": "nearest", "zorder": next(self.layers)} | style,
        )

    def line(self, x: Sequence[float], y: Sequence[float], **style) -> None:
        """A line through points."""
        self.sheet.plot(x, y, **{"color": "black", "linewidth": 2, "zorder": next(self.layers)} | style)

    def box(self, left: float, top: float, width: float, height: float, **style) -> None:
        """A rectangle; an outline where the style says nothing of `facecolor`."""
        style = {"facecolor": "none", "edgecolor": "black", "linewidth": 2, "zorder": next(self.layers)} | style
        self.sheet.add_patch(Rectangle((left, top), width, height, **style))

    def grid(self, left: float, top: float, width: float, height: float, rows: int, columns: int, **style) -> None:
        """The lines of a table, drawn in one go."""
        x, y = [], []
        for row in range(rows + 1):
            x, y = [*x, left, left + width, np.nan], [*y, *[top + height * row / rows] * 2, np.nan]
        for column in range(columns + 1):
            x, y = [*x, *[left + width * column / columns] * 2, np.nan], [*y, top, top + height, np.nan]
        self.line(x, y, **{"linewidth": 1} | style)

    def frame(self, left: float, top: float, width: float, height: float, colour: str, thick: float = 3) -> None:
        """An outline of that colour on a black one, so that it shows on every ground."""
        for tone, line in (("black", thick + 3), (colour, thick)):
            self.box(left, top, width, height, edgecolor=tone, linewidth=line)


@dataclass(frozen=True)
class Plot:
    """A plot on a part of a board: where it lies, in pixels, and which values it spans.

    Args:
        left, top, width, height: the rectangle inside the axes.
        across, up: (first, last) value along each axis.
    """

    board: Board
    left: float
    top: float
    width: float
    height: float
    across: tuple[float, float]
    up: tuple[float, float]

    def x(self, value):
        """The pixel across at which a value lies; arrays go through as they are."""
        first, last = self.across
        return self.left + (np.asarray(value, dtype=float) - first) / (last - first) * self.width

    def y(self, value):
        """The pixel down at which a value lies."""
        first, last = self.up
        return self.top + (last - np.asarray(value, dtype=float)) / (last - first) * self.height

    def axes(self, ticks_across: Sequence[float], ticks_up: Sequence[float], label_across: str, label_up: str) -> None:
        """Two lines, their ticks and what they measure; the upper label stands over its axis."""
        board, bottom = self.board, self.top + self.height
        board.line([self.left, self.left, self.left + self.width], [self.top, bottom, bottom], linewidth=1.2)
        for value in ticks_across:
            board.line([self.x(value)] * 2, [bottom, bottom + 5], linewidth=1.2)
            board.write(self.x(value), bottom + 8, f"{value:g}", ha="center", va="top")
        for value in ticks_up:
            board.line([self.left, self.left + self.width], [self.y(value)] * 2, linewidth=0.6, color="#CCCCCC")
            board.write(self.left - 6, self.y(value), f"{value:g}", ha="right", va="center")
        board.write(self.left + self.width, bottom + 26, label_across, ha="right", va="top", color=GREY)
        board.write(self.left, self.top - 8, label_up, color=GREY)

    def curve(self, x: Sequence[float], y: Sequence[float], colour: str = COLOURS["blue"], **style) -> None:
        """A line through values."""
        self.board.line(self.x(x), self.y(y), **{"color": colour, "linewidth": 2.5} | style)


def mistakes_marked(image: Tensor, truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """A photograph with what was missed striped in orange, falling, and false alarms in blue, rising; void is left dim.

    Shape:
        image (3, H, W), uint8; truth (H, W), 1 for objects and 255 for void; found (H, W), bool -> (H, W, 3), uint8
    """
    pixels = image.numpy().transpose(1, 2, 0).copy()
    rows, columns = np.ogrid[: truth.shape[0], : truth.shape[1]]
    pixels[truth == VOID] //= 2
    kinds = (("orange", (truth == 1) & ~found, rows - columns), ("sky", (truth == 0) & found, rows + columns))
    for colour, where, slope in kinds:
        tone = np.array([int(COLOURS[colour][place : place + 2], 16) for place in (1, 3, 5)], dtype=np.uint8)
        stripes = np.broadcast_to(slope % 8 < 5, where.shape)
        pixels[where & stripes] = tone
        pixels[where & ~stripes] //= 3
    return pixels


def coloured(values: np.ndarray, low: float = 0.0, high: float = 1.0, name: str = "viridis") -> np.ndarray:
    """Values as colours of a map in which lightness alone tells their order.

    Shape:
        (H, W) -> (H, W, 3), uint8
    """
    shares = ((np.asarray(values, dtype=float) - low) / (high - low)).clip(0, 1)
    return (colormaps[name](shares)[..., :3] * 255).astype(np.uint8)
