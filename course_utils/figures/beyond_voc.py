"""Classifiers side by side, depth as a net is given it, and scores while something is made worse (lecture 06)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.figures.learning import LOOKS
from course_utils.figures.overlays import bare, picture
from course_utils.figures.style import COLOURS


def side_by_side(columns: dict[str, dict[str, float]], title: str, marked: str) -> Figure:
    """One small bar chart for each thing that was counted, the same nets in each from left to right.

    Args:
        columns: what was counted, with its unit -> net -> number.
        title: the finding.
        marked: the one of them that is to be explained; drawn in another colour and hatched.
    """
    figure, panes = plt.subplots(1, len(columns), figsize=(12, 4.2), sharey=True)
    nets = list(next(iter(columns.values())))
    for axes, (what, numbers) in zip(panes, columns.items(), strict=True):
        look = {"color": COLOURS["orange"], "hatch": "///"} if what == marked else {"color": COLOURS["sky"]}
        values = [numbers[net] for net in nets]
        axes.barh(range(len(nets)), values, height=0.62, edgecolor="black", **look)
        for place, value in enumerate(values):
            axes.text(
                value + 0.04 * max(values), place, f"{value:,.3g}" if value < 1000 else f"{value:,.0f}", va="center"
            )
        axes.set_title(what.replace(", ", "\n", 1), fontsize=14, weight="normal")  # the unit below, or titles meet
        axes.set(xlim=(0, 1.45 * max(values)), xticks=[])
        axes.spines["bottom"].set_visible(False)
    panes[0].set_yticks(range(len(nets)), nets)
    panes[0].invert_yaxis()
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def hha_channels(image: Tensor, depth: Tensor, channels: Tensor, title: str) -> Figure:
    """A photograph, its depth with holes, and HHA's three channels, each with what its ends mean.

    Args:
        title: the finding.

    Shape:
        image (3, H, W) uint8, depth (H, W) in metres, 0 where unknown, channels (3, H, W) uint8
    """
    figure, grid = plt.subplots(2, 3, figsize=(12, 6.4))
    known = np.where(depth.numpy() > 0, depth.numpy(), np.nan)
    scaled = channels.numpy() / np.array([255 / 1.95, 100, 255 / 180])[:, None, None]
    scaled[0] += 0.05  # disparity from 1 / 20 m to 1 / 0.5 m
    drawn = (
        ("depth, m (white: none)", known, "viridis_r"),
        ("1. disparity, 1 / m", scaled[0], "viridis"),
        ("2. height, m", scaled[1], "viridis"),
        ("3. angle, degrees", scaled[2], "viridis"),
    )
    for axes, (caption, values, colours) in zip(grid.flat[1:5], drawn, strict=True):
        shown = axes.imshow(values, cmap=colours)
        axes.set_title(caption, fontsize=14)
        figure.colorbar(shown, ax=axes, fraction=0.04)
    for axes, caption, shown in (
        (grid.flat[0], "what the camera sees", image),
        (grid.flat[5], "the three as colours", channels),
    ):
        drawn = axes.imshow(picture(shown))
        axes.set_title(caption, fontsize=14)
        figure.colorbar(drawn, ax=axes, fraction=0.04).ax.set_visible(False)  # as wide as its neighbours
    for axes in grid.flat:
        bare(axes)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def standing_and_lying(normals: Tensor, downs: dict[str, Tensor], title: str) -> Figure:
    """How many surfaces are turned by how much away from facing up, for each idea of where down is.

    Args:
        downs: idea -> direction of gravity, (3,), of length 1.
        title: the finding.

    Shape:
        normals (3, H, W), of length 1
    """
    figure, axes = plt.subplots(figsize=(10, 4.4))
    for (name, down), (colour, _), dashes in zip(downs.items(), LOOKS, ("--", "-"), strict=False):
        cosines = -np.tensordot(down.numpy(), normals.numpy(), axes=1)
        counts, edges = np.histogram(np.degrees(np.arccos(cosines.clip(-1, 1))), bins=90, range=(0, 180))
        axes.plot((edges[1:] + edges[:-1]) / 2, 100 * counts / counts.sum(), dashes, color=COLOURS[colour], label=name)
    for degrees, words in ((0, "floors"), (90, "walls"), (180, "ceilings")):
        axes.axvline(degrees, color="black", linewidth=1, linestyle=":")
        axes.annotate(f" {words}", (degrees, axes.get_ylim()[1]), ha="right" if degrees == 180 else "left", va="top")
    axes.set(xlabel="angle with up, degrees", ylabel="share of the pixels, %", xticks=range(0, 181, 30), ylim=(0, None))
    axes.legend(loc="upper right", bbox_to_anchor=(0.98, 0.88))
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def over_settings(
    curves: dict[str, dict[str, Sequence[float]]], title: str, across: str, label: str = "mean IU, %"
) -> Figure:
    """A score for each setting of something, one line for each net: the mean of its seeds, and their range.

    Args:
        curves: net -> setting, as it is written on the axis -> one value for each seed.
        title: the finding.
        across: what is set.
        label: what is measured.
    """
    figure, axes = plt.subplots(figsize=(10, 4.8))
    for (name, curve), (colour, marker) in zip(curves.items(), LOOKS, strict=False):
        low, mean, high = ([take(values) for values in curve.values()] for take in (min, np.mean, max))
        axes.fill_between(range(len(curve)), low, high, color=COLOURS[colour], alpha=0.2, linewidth=0)
        axes.plot(range(len(curve)), mean, color=COLOURS[colour], marker=marker, markersize=9, label=name)
    settings = list(next(iter(curves.values())))
    axes.set_xticks(range(len(settings)), settings)
    axes.set(xlabel=across, ylabel=label, ylim=(0, None))
    axes.grid(axis="y", alpha=0.3)
    axes.legend(ncols=2 if len(curves) > 3 else 1)
    figure.suptitle(title, x=0.01, ha="left")
    return figure
