"""Slide a threshold over a photograph: the mask and the IU curve follow (lecture 01)."""

from dataclasses import dataclass

import numpy as np
from ipywidgets import FloatSlider, IntSlider
from skimage.filters import threshold_otsu
from torch import Tensor

from course_utils.figures.boards import Board, Plot, mistakes_marked
from course_utils.figures.style import COLOURS
from course_utils.inference.classical import grey
from course_utils.widgets.frame import Explorer

GREYS = np.arange(256)


@dataclass(frozen=True)
class Thresholded:
    """What one threshold makes of a photograph.

    Attributes:
        image: (3, H, W), uint8.
        truth: (H, W), int64: 1 where the object is, 255 for void.
        found: (H, W), bool: what is brighter than the threshold.
        at: the threshold.
        curve: (256,), IU of the objects at each threshold.
        otsu: Otsu's threshold, rounded.
    """

    image: Tensor
    truth: np.ndarray
    found: np.ndarray
    at: int
    curve: np.ndarray
    otsu: int

    @property
    def iu(self) -> float:
        """IU of the objects at the threshold."""
        return float(self.curve[self.at])

    @property
    def best(self) -> int:
        """The threshold with the highest IU."""
        return int(self.curve.argmax())


def iu_of_each_threshold(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """IU of the objects for each threshold t from 0 to 255, where what is > t is called object.

    Two histograms are enough: how many object pixels, and how many others, lie above each grey value.

    Shape:
        values (H, W), 0 to 255; truth (H, W), 1 for objects, 255 for void -> (256,)
    """
    steps = np.ceil(values).astype(int)  # v > t exactly where ceil(v) > t
    objects = np.bincount(steps[truth == 1], minlength=257)
    others = np.bincount(steps[truth == 0], minlength=257)
    hits = objects.sum() - objects.cumsum()[:256]
    alarms = others.sum() - others.cumsum()[:256]
    return hits / max(1, objects.sum()) if not others.any() else hits / (objects.sum() + alarms)


def compute(image: Tensor, truth: np.ndarray, at: int, blur: float) -> Thresholded:
    """The mask and the curve of a threshold, after a blur of so many pixels."""
    values = grey(image, blur)
    return Thresholded(
        image, truth, values > at, at, iu_of_each_threshold(values, truth), round(float(threshold_otsu(values)))
    )


def draw(data: Thresholded) -> Board:
    """The photograph with the mask's mistakes, beside IU against threshold."""
    board = Board(880, 382)
    height, width = data.truth.shape
    shown = 330 / max(height, width * 330 / 400)
    board.heading(0, 22, f"brighter than {data.at}: IU {data.iu:.2f}")
    board.image(mistakes_marked(data.image, data.truth, data.found), 0, 34, width * shown, height * shown)
    board.write(0, height * shown + 54, "orange: missed    blue: false alarm    dim: void")

    plot = Plot(board, 500, 60, 360, 236, (0, 255), (0, 1))
    plot.axes((0, 50, 100, 150, 200, 250), (0, 0.25, 0.5, 0.75, 1), "threshold", "IU of the objects")
    plot.curve(GREYS, data.curve)
    for value, name, colour in ((data.otsu, "Otsu", "green"), (data.at, "yours", "red")):
        x, y = plot.x(value), plot.y(data.curve[value])
        board.line([x, x], [plot.y(0), y], color=COLOURS[colour], linestyle=":" if name == "Otsu" else "-")
        board.line([x], [y], color=COLOURS[colour], marker="s" if name == "Otsu" else "o", markersize=10)
        side, away = ("right", -14) if name == "Otsu" else ("left", 14)
        board.write(x + away, y - 6, name, ha=side, weight="bold")
    board.heading(452, 22, f"best: {data.curve.max():.2f} at {data.best}")
    return board


def describe(data: Thresholded) -> str:
    """The numbers of the board."""
    return (
        f"Threshold {data.at}: IU {data.iu:.3f}. Otsu takes {data.otsu}: {data.curve[data.otsu]:.3f}. "
        f"No threshold is better than {data.best}: {data.curve.max():.3f}."
    )


def threshold(image: Tensor, mask: Tensor, at: int = 80) -> Explorer:
    """An explorer: what is brighter than a threshold, and how well that fits (lecture 01).

    Args:
        image: (3, H, W), uint8.
        mask: (H, W), int64: 0 background, 1 object, 255 void.
        at: where the slider begins.
    """
    truth = mask.numpy()
    return Explorer(
        "threshold",
        title="A threshold slides over the photograph",
        try_this="slide to the top of the curve. Then look at what is still wrong, and blur: does the top rise?",
        controls={
            "at": IntSlider(at, 0, 255, description="threshold"),
            "blur": FloatSlider(0, min=0, max=4, step=0.5, description="blur (pixels)"),
        },
        compute=lambda at, blur: compute(image, truth, at, blur),
        draw=draw,
        describe=describe,
        alt="A photograph with the pixels that are wrong at this threshold striped, beside the curve of IU against "
        "threshold with marks at the threshold, and at Otsu's.",
        telling={"at": range(56, 201, 12), "blur": [0, 1, 3]},
    )
