"""What lecture 07 measures, drawn: cells lost on grids, signals through a fresh net, a tile's context, seams."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course_utils.figures.canvas import OUTLINE, bare, picture
from course_utils.figures.overlays import draw_instances
from course_utils.figures.style import COLOURS, GREY


def merged_cells(
    image: Tensor, panes: dict[str, Tensor], lost: dict[int, float], iu: dict[int, float], title: str
) -> Figure:
    """Cells before and after a grid, and how many are lost on each grid beside the IU, which hardly tells.

    Args:
        image: the part of the picture that is shown.
        panes: caption -> numbered cells of that part.
        lost: stride -> share of the cells that are merged with another or missed, 0 to 1.
        iu: stride -> IU of the foreground, 0 to 1.
        title: the finding.

    Shape:
        image (3, H, W) uint8, panes (H, W)
    """
    figure, axes = plt.subplots(1, len(panes) + 1, figsize=(12, 4.3), width_ratios=[1] * len(panes) + [1.35])
    for place, (caption, cells) in zip(axes, panes.items(), strict=False):
        draw_instances(place, image, cells)
        place.set_title(caption, fontsize=14, weight="normal")
    places = np.arange(len(lost))
    chart = axes[-1]
    for values, colour, marker, name, above in (
        (iu, "blue", "s", "IU of the foreground", (False, True)),
        (lost, "red", "o", "cells merged or missed", (True, False)),
    ):
        percent = 100 * np.array(list(values.values()))
        chart.plot(places, percent, marker=marker, markersize=9, color=COLOURS[colour], label=name)
        for place, value in zip(places, percent, strict=True):
            up = above[int(place > 0)] or value < 5  # each curve has its numbers on the side where the other is not
            chart.annotate(
                f"{value:.0f}", (place, value), (0, 9 if up else -22), textcoords="offset points", ha="center",
                color=COLOURS[colour], weight="bold", fontsize=12,
            )  # fmt: skip
    chart.set_xticks(places, [str(stride) for stride in lost])
    chart.set(xlabel="pixels a side of a cell of the grid", ylabel="%", ylim=(-6, 116))
    chart.legend(loc="lower left", fontsize=12)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def signals(spreads: dict[str, Sequence[float]], kinds: Sequence[str], title: str) -> Figure:
    """How much of the difference between two pictures is left after each layer, on a logarithmic axis.

    Args:
        spreads: how the weights were drawn -> a value for each layer.
        kinds: of each layer, "convolve", "up" or "score".
        title: the finding.
    """
    figure, axes = plt.subplots(figsize=(10, 4.8))
    layers = np.arange(1, len(kinds) + 1)
    bottom = kinds.index("up") - 1
    low, high = 10 ** np.floor(np.log10(min(map(min, spreads.values())))), 1e4
    axes.axvspan(bottom - 0.5, bottom + 1.5, color="#EEEEEE")
    looks = (("red", "o"), ("blue", "s"), ("orange", "^"))
    for (name, values), (colour, marker) in zip(spreads.items(), looks, strict=False):
        axes.plot(layers, values, color=COLOURS[colour], marker=marker, markersize=7)
        if values[-1] < high:
            axes.annotate(f"  {name}", (layers[-1], values[-1]), color=COLOURS[colour], va="center", weight="bold")
        else:
            leaves = next(place for place, value in enumerate(values) if value > high)
            text = f"{name}: on to $10^{{{np.log10(values[-1]):.0f}}}$"
            axes.text(layers[leaves] + 0.6, high / 4, text, color=COLOURS[colour], va="center", weight="bold")
    axes.set_yscale("log")
    axes.text(bottom + 0.5, low * 1.6, "the bottom", ha="center", fontsize=13, color=GREY)
    for layer in layers[np.array(kinds) == "up"]:
        axes.axvline(layer, color=GREY, linewidth=1, linestyle=":", zorder=0)
    axes.set_xticks(layers[::2])
    axes.set(
        xlabel="layer on the way through the net (dotted: up-convolutions)",
        ylabel="difference left",
        xlim=(0.5, len(layers) + 5),
        ylim=(low, high),
    )
    axes.grid(axis="y", alpha=0.3)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def tile_on_picture(padded: Tensor, border: int, tile: tuple[int, int, int], title: str) -> Figure:
    """One tile on the mirrored picture: what is answered, and what the net needs for it (U-Net, figure 2).

    Args:
        padded: the picture with `border` mirrored pixels around it.
        border: in pixels.
        tile: top and left of the answer in the picture, and its side.
        title: the finding.

    Shape:
        padded (C, H + 2 * border, W + 2 * border)
    """
    height, width = (side - 2 * border for side in padded.shape[-2:])
    top, left, side = tile
    figure, axes = plt.subplots(figsize=(10, 5.6))
    shade = np.full(padded.shape[-2:], 0.45)
    shade[border : border + height, border : border + width] = 1
    extent = (-border, width + border, height + border, -border)
    axes.imshow(picture(padded) * shade[..., None], extent=extent)
    axes.add_patch(Rectangle((0, 0), width, height, fill=False, edgecolor="white", linewidth=1.5))
    for row in range(0, height, side):
        for column in range(0, width, side):
            size = (min(side, width - column), min(side, height - row))
            axes.add_patch(Rectangle((column, row), *size, fill=False, edgecolor="white", linewidth=1, linestyle=":"))
    needs = Rectangle(
        (left - border, top - border),
        side + 2 * border,
        side + 2 * border,
        fill=False,
        edgecolor=COLOURS["sky"],
        linewidth=4,
    )
    answers = Rectangle((left, top), side, side, fill=False, edgecolor=COLOURS["yellow"], linewidth=4)
    for box in (needs, answers):
        axes.add_patch(box)
    beside = width + border + 12
    for row, colour, text in (
        (top - border, "sky", f"the net sees\n{side + 2 * border}×{side + 2 * border} pixels"),
        (top + side / 2, "yellow", f"and answers\n{side}×{side} of them"),
    ):
        axes.plot([beside, beside + 26], [row + 24] * 2, color=COLOURS[colour], linewidth=8, clip_on=False)
        axes.text(beside + 36, row + 24, text, va="center", fontsize=14)
    axes.text(
        0,
        height + border / 2,
        "dark: the picture, mirrored",
        color="white",
        va="center",
        fontsize=13,
        path_effects=OUTLINE,
    )
    axes.set(xlim=(-border, width + border + 260), ylim=(height + border, -border))
    bare(axes)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def seams(maps: dict[str, Tensor], largest: dict[int, float], stride: int, title: str) -> Figure:
    """Where tiles differ from one pass over the whole picture, and how much at which step.

    Args:
        maps: caption -> difference at each pixel.
        largest: step -> the largest difference.
        stride: of the net; its multiples are marked.
        title: the finding.

    Shape:
        maps (H, W)
    """
    figure, axes = plt.subplots(1, len(maps) + 1, figsize=(12, 4.2), width_ratios=[1] * len(maps) + [1.5])
    for place, (caption, difference) in zip(axes, maps.items(), strict=False):
        drawn = place.imshow(difference.numpy().clip(1e-8), cmap="magma", norm=LogNorm(1e-7, 1))
        place.set_title(caption, fontsize=14, weight="normal")
        bare(place)
    bar = figure.colorbar(drawn, ax=axes[len(maps) - 1], ticks=[1e-7, 1e-5, 1e-3, 1e-1], fraction=0.05)
    bar.ax.tick_params(labelsize=12)
    draw_steps(axes[-1], largest, stride)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def draw_steps(axes: Axes, largest: dict[int, float], stride: int) -> None:
    """The largest difference at each step; multiples of the stride as filled dots, with their number."""
    for step, value in largest.items():
        fits = step % stride == 0
        colour = COLOURS["green" if fits else "red"]
        axes.plot(step, max(value, 1e-8), "o" if fits else "x", color=colour, markersize=11, markeredgewidth=3)
        if fits or step == 388:
            axes.annotate(
                str(step), (step, max(value, 1e-8)), (0, -22), textcoords="offset points", ha="center", weight="bold",
                color=colour, fontsize=13,
            )  # fmt: skip
    axes.set_yscale("log")
    axes.set(xlabel="step from tile to tile, pixels", ylabel="largest difference in probability", ylim=(1e-8, 4))
    axes.grid(axis="y", alpha=0.3)
