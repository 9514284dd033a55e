"""Skips as pictures: the net as grids of its coarseness, each stream's share, steps with their spread (lecture 05)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course_utils.figures.overlays import bare, outline, picture
from course_utils.figures.style import COLOURS, GREY
from course_utils.models.fcn import FCN

STREAMS = {32: COLOURS["blue"], 16: COLOURS["red"], 8: COLOURS["green"]}
HATCHES = {32: "", 16: "////", 8: "...."}
SHARES = "PuOr"  # its two ends stay apart for every kind of colour vision, and in grey its middle is light
SIDE, ACROSS, DOWN = 1.5, 3.1, 2.25  # of a grid, and from grid to grid, in units of the drawing


@torch.no_grad()
def coarseness(
    nets: dict[str, FCN], inputs: Tensor, title: str, upto: int | None = None, across: float = ACROSS
) -> Figure:
    """Maps and predictions of some nets as grids of their coarseness, drawn from a run (FCN, figure 3).

    Above, the maps that get coarser from left to right. Below, one row a net: its scores on their way back to the
    pixels, each stream where it comes in.

    Args:
        nets: name -> net, all on the same kind of backbone.
        inputs: one picture, as the nets take it.
        title: the finding.
        upto: how many of the nets to draw, for slides that build them up; everything stays in its place.
        across: from grid to grid, in units of the drawing: 7 fills a slide.

    Shape:
        inputs (1, C, H, W)
    """
    first = next(iter(nets.values()))
    maps = dict(zip(first.backbone.strides, first.maps(inputs), strict=True))
    height, width = first(inputs).shape[-2:]
    column = {0: 0.0} | {stride: across * (1 + number) for number, stride in enumerate(sorted(maps))}
    figure, axes = plt.subplots(figsize=(11, 2.0 + 1.45 * len(nets)))
    top = DOWN * len(nets)
    draw_grid(axes, 0, top, (1, 1), "#BBBBBB", "", f"picture\n{width}×{height} pixels")
    for stride, values in maps.items():
        caption = f"stride {stride}: {values.shape[-1]}×{values.shape[-2]}\n{values.shape[1]} channels"
        draw_grid(axes, column[stride], top, values.shape[-2:], STREAMS[stride], HATCHES[stride], caption)
    for start, end in zip(sorted(column)[:-1], sorted(column)[1:], strict=True):
        arrow(axes, (column[start] + SIDE, top), (column[end], top), GREY)
    for row, (name, net) in enumerate(list(nets.items())[:upto]):
        draw_way_back(axes, name, net, maps, column, top - DOWN * (row + 1))
    axes.set(xlim=(-1.75, column[max(column)] + SIDE + 0.6), ylim=(-SIDE / 2 - 0.15, top + SIDE / 2 + 1.0))
    axes.set_aspect("equal")
    axes.axis("off")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def draw_way_back(axes: Axes, name: str, net: FCN, maps: dict[int, Tensor], column: dict[int, float], level: float):
    """One net's scores from the coarsest map back to the pixels."""
    skips = {16: net.skip_16, 8: net.skip_8}
    streams = [32, *(stride for stride, skip in skips.items() if skip)]
    axes.text(-0.25, level, name, ha="right", va="center", fontsize=14, weight="bold")
    for stride in streams:
        draw_grid(axes, column[stride], level, maps[stride].shape[-2:], STREAMS[stride], HATCHES[stride], "")
        sign = "scores" if stride == 32 else "+ scores"
        above = (column[stride] + SIDE / 2, level + SIDE / 2)
        arrow(axes, (above[0], above[1] + 0.42), above, STREAMS[stride])
        axes.text(above[0] + 0.15, above[1] + 0.12, sign, fontsize=12, va="bottom")
    draw_grid(axes, 0, level, (1, 1), "#BBBBBB", "", f"{net.classes} classes")
    for start, end in zip(streams, [*streams[1:], 0], strict=True):
        times = start // end if end else start
        arrow(axes, (column[start], level), (column[end] + SIDE, level), GREY)
        middle = (column[start] + column[end] + SIDE) / 2
        axes.text(middle, level + 0.1, f"×{times}", ha="center", va="bottom", fontsize=13, weight="bold")


def draw_grid(axes: Axes, left: float, level: float, cells: Sequence[int], colour, hatch: str, caption: str) -> None:
    """A square divided into as many cells as a map has."""
    bottom = level - SIDE / 2
    face = {"facecolor": colour, "edgecolor": "white", "alpha": 0.45, "linewidth": 0}
    axes.add_patch(Rectangle((left, bottom), SIDE, SIDE, hatch=hatch, **face))
    rows, columns = cells
    lines = {"color": "white", "linewidth": 0.9}
    axes.vlines(left + SIDE * np.arange(1, columns) / columns, bottom, bottom + SIDE, **lines)
    axes.hlines(bottom + SIDE * np.arange(1, rows) / rows, left, left + SIDE, **lines)
    axes.add_patch(Rectangle((left, bottom), SIDE, SIDE, fill=False, edgecolor="black", linewidth=1.5))
    axes.text(left + SIDE / 2, bottom + SIDE + 0.12, caption, ha="center", va="bottom", fontsize=12)


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    """An arrow between two grids."""
    axes.annotate(
        "", end, start, arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 2, "mutation_scale": 16}
    )


def shares(rows: Sequence[tuple[str, Tensor, Tensor, dict[str, Tensor]]], title: str) -> Figure:
    """What each stream says for and against one class, with the outline of the truth.

    A row has one scale; a faint stream is drawn a whole number of times as strong, which its caption says.

    Args:
        rows: (name of the class, picture, where the class is in truth, caption -> the stream's scores for the class).
        title: the finding.

    Shape:
        picture (3, H, W), truth (H, W) bool, scores (H, W)
    """
    columns = 1 + len(rows[0][3])
    figure, grid = plt.subplots(len(rows), columns, figsize=(12, 0.6 + 2.35 * len(rows)), squeeze=False)
    for axes, (name, image, truth, maps) in zip(grid, rows, strict=True):
        axes[0].imshow(picture(image))
        axes[0].set_title(f"{name}?", fontsize=13)
        limit = max(float(values.abs().max()) for values in maps.values())
        for place, (caption, values) in zip(axes[1:], maps.items(), strict=True):
            louder = max(1, int(limit / float(values.abs().max().clamp(min=limit / 99))))
            place.imshow(louder * values.numpy(force=True), cmap=SHARES, vmin=-limit, vmax=limit)
            place.set_title(caption if louder == 1 else f"{caption}, {louder} times", fontsize=13)
        for place in axes:
            outline(place, truth.numpy(force=True), COLOURS["yellow"], width=1.2)
            bare(place)
        scale = ScalarMappable(Normalize(-limit, limit), SHARES)
        bar = figure.colorbar(scale, ax=axes[-1], ticks=[-limit, 0, limit], fraction=0.05)
        bar.ax.set_yticklabels(["against", "0", "for"], fontsize=12)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def ladder(ours: dict[str, Sequence[float]], others: dict[str, dict[str, float]], title: str) -> Figure:
    """Mean IU from net to net, one thin line a seed and a thick one for their mean, beside that of others.

    Args:
        ours: net -> mean IU of each seed, in percent.
        others: whose -> net -> mean IU, in percent; three at most.
        title: the finding.
    """
    figure, axes = plt.subplots(figsize=(10, 4.8))
    places, values = np.arange(len(ours)), np.array(list(ours.values()))
    axes.plot(places, values, color=COLOURS["orange"], linewidth=1.2, marker="o", markersize=5, alpha=0.8)
    axes.plot(places, values.mean(axis=1), color=COLOURS["red"], marker="s", markersize=10)
    ends = {f"this run, mean of {values.shape[1]}": (values.mean(axis=1)[-1], COLOURS["red"])}
    for number, (whose, line) in enumerate(others.items()):
        style, name = (("--^", "blue"), (":D", "green"), ("-.v", "pink"))[number]
        axes.plot(places, [line[net] for net in ours], style, color=COLOURS[name], markersize=10)
        ends[whose] = (line[list(ours)[-1]], COLOURS[name])
    for whose, (height, colour) in ends.items():
        axes.annotate(f"  {whose}", (places[-1], height), color=colour, weight="bold", va="center")
    for place, mean in zip(places, values.mean(axis=1), strict=True):
        axes.annotate(f"{mean:.1f}", (place, mean), (0, -26), textcoords="offset points", ha="center", weight="bold")
    axes.set_xticks(places, list(ours))
    axes.set(ylabel="mean IU, %", xlim=(-0.2, len(ours) - 0.2), ylim=(values.min() - 7, None))
    axes.grid(axis="y", alpha=0.3)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def bars(values: dict[str, Sequence[float]], title: str, label: str, start: float = 0.0) -> Figure:
    """Horizontal bars of means with their number; where there are several values, each is a dot.

    Args:
        values: name -> one value, or one for each seed. Names that begin with the same word before a colon share a
            colour and hatching.
        title: the finding.
        label: what is measured.
        start: left end of the axis.
    """
    looks = [
        (COLOURS[name], hatch)
        for name, hatch in zip(("sky", "orange", "green", "pink"), ("", "///", "...", "xx"), strict=False)
    ]
    groups = list(dict.fromkeys(name.partition(":")[0] for name in values))
    figure, axes = plt.subplots(figsize=(10, 0.62 * len(values) + 1.5))
    longest = max(max(each) for each in values.values())
    for place, (name, each) in enumerate(values.items()):
        colour, hatch = looks[groups.index(name.partition(":")[0]) % len(looks)] if ":" in name else looks[0]
        axes.barh(place, np.mean(each) - start, left=start, color=colour, hatch=hatch, edgecolor="black", height=0.72)
        if len(each) > 1:
            axes.plot(each, [place] * len(each), "o", color="black", markersize=6, markerfacecolor="white")
        axes.text(max(each) + 0.02 * (longest - start), place, f"{np.mean(each):.1f}", va="center", weight="bold")
    axes.set_yticks(range(len(values)), list(values))
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set(xlabel=label, xlim=(start, longest + 0.12 * (longest - start)))
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def ceilings(best: dict[int, float], reached: dict[int, Sequence[float]], title: str) -> Figure:
    """How good a grid of each stride could be, and how good the nets on it are.

    Args:
        best: stride -> mean IU that the truth itself reaches once it was squeezed through that grid, in percent.
        reached: stride -> mean IU of trained nets, one for each seed, in percent.
        title: the finding.
    """
    figure, axes = plt.subplots(figsize=(10, 5))
    axes.plot(list(best), list(best.values()), "--", marker="D", markersize=9, color=COLOURS["blue"])
    means = [float(np.mean(each)) for each in reached.values()]
    axes.plot(list(reached), means, marker="s", markersize=10, color=COLOURS["red"])
    for stride, each in reached.items():
        axes.plot([stride] * len(each), each, "o", color=COLOURS["orange"], markersize=6)
        gap = best[stride] - np.mean(each)
        axes.annotate("", (stride, best[stride] - 1.5), (stride, np.mean(each) + 2), arrowprops={"arrowstyle": "<->"})
        middle = (best[stride] + np.mean(each)) / 2
        axes.annotate(f"{gap:.0f}", (stride, middle), (8, 0), textcoords="offset points", va="center", weight="bold")
    finest, last = min(best), min(reached)
    axes.annotate(
        "  the truth through\n  such a grid", (finest, best[finest]), color=COLOURS["blue"], weight="bold", va="top"
    )
    axes.annotate(
        "  trained nets",
        (last, means[-1]),
        (6, -4),
        textcoords="offset points",
        color=COLOURS["red"],
        weight="bold",
        va="top",
    )
    axes.set_xscale("log", base=2)
    axes.set_xticks(list(best), [f"{stride}" for stride in best])
    axes.minorticks_off()
    axes.set_xlim(max(best) * 1.25, finest / 2.6)
    axes.set(xlabel="stride of the finest stream, in pixels", ylabel="mean IU, %", ylim=(None, 103))
    axes.grid(alpha=0.3)
    figure.suptitle(title, x=0.01, ha="left")
    return figure
