"""Checkerboards drawn: how many stamps reach each pixel, and how the pattern fades as nets learn (lecture 03)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.figures.canvas import bare
from course_utils.figures.style import COLOURS, GREY
from course_utils.figures.upsampling import WEIGHTS

LINES = (
    (COLOURS["red"], "s", "--"),
    (COLOURS["orange"], "D", "-."),
    (COLOURS["blue"], "o", "-"),
    (COLOURS["green"], "^", ":"),
)


def coverages(maps: dict[str, Tensor], title: str) -> Figure:
    """How many stamps each pixel gets, for several kernels: the number is written into the pixel.

    Args:
        maps: caption -> whole numbers (H, W).
        title: the finding.
    """
    figure, grid = plt.subplots(1, len(maps), figsize=(12, 12 / len(maps) + 0.9), squeeze=False)
    largest = max(float(map.max()) for map in maps.values())
    for axes, (caption, counts) in zip(grid[0], maps.items(), strict=True):
        numbers = counts.numpy(force=True)
        axes.imshow(numbers, cmap=WEIGHTS, vmin=0, vmax=1.3 * largest)
        for (row, column), number in np.ndenumerate(numbers):
            axes.text(column, row, f"{number:.0f}", ha="center", va="center", fontsize=13)
        bare(axes)
        axes.set_title(caption, fontsize=14, weight="normal", loc="center")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def over_training(nets: dict[str, dict[int, Tensor]], title: str) -> Figure:
    """What several nets make of the same picture as they learn: a column for each net, a row for each step.

    Args:
        nets: net -> step -> grey picture (H, W).
        title: the finding.
    """
    steps = list(next(iter(nets.values())))
    high, wide = next(iter(nets.values()))[steps[0]].shape
    size = (12, len(steps) * 12 / len(nets) * high / wide + 1.4)
    figure, grid = plt.subplots(len(steps), len(nets), figsize=size, squeeze=False)
    for column, (name, pictures) in zip(grid.T, nets.items(), strict=True):
        for axes, grey in zip(column, pictures.values(), strict=True):
            values = grey.numpy(force=True)
            low, high = np.percentile(values, (1, 99))  # an untrained net's brightness means nothing: its pattern does
            axes.imshow(values, cmap="gray", vmin=low, vmax=high)
            bare(axes)
        column[0].set_title(name, fontsize=14, weight="normal", loc="center")
    for axes, step in zip(grid[:, 0], steps, strict=True):
        axes.set_ylabel(f"step {step}" if step else "untrained", fontsize=14)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def fading(patterns: dict[str, Sequence[float]], natural: float, title: str) -> Figure:
    """How strong the pattern is at each step of training, on a logarithmic axis.

    Args:
        patterns: net -> strength at steps 0, 1, 2, ...
        natural: strength in the photograph itself.
        title: the finding.
    """
    figure, axes = plt.subplots(figsize=(10, 5))
    for (name, values), (colour, marker, line) in zip(patterns.items(), LINES, strict=False):
        style = {"color": colour, "marker": marker, "markersize": 8, "markevery": max(1, len(values) // 10)}
        axes.plot(values, line, label=name.replace("\n", " "), **style)
    axes.axhline(natural, color=GREY, linewidth=2)
    axes.text(0, natural, "the photograph itself", color=GREY, va="bottom", fontsize=13)
    axes.set_yscale("log")
    axes.set(xlabel="training step", ylabel="pattern / contrast")
    figure.legend(loc="outside lower center", ncols=len(patterns), fontsize=12)
    figure.suptitle(title, x=0.01, ha="left")
    return figure
