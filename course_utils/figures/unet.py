"""A U-Net in the shape of the paper's Figure 1, and what lecture 07 measures of it: cells lost, signals, tiles, seams."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode

from course_utils.figures.overlays import OUTLINE, bare, draw_instances, picture
from course_utils.figures.style import COLOURS, GREY

ARROWS = {
    "convolve": ("blue", "3×3 convolution, ReLU"),
    "pool": ("red", "2×2 max pooling"),
    "join": ("black", "crop, lay beside"),
    "up": ("green", "2×2 up-convolution"),
    "score": ("pink", "1×1 convolution"),
}
COLUMN, TALLEST, ROOM = 0.49, 0.8, 0.6  # inches: from box to box, the highest box, and for text in each row
TEXT = 12


@dataclass(frozen=True)
class Map:
    """One box of the drawing.

    Attributes:
        operation: what made it: "input", "convolve", "pool", "join" (a skip beside the upsampled map) or "score".
        level: how often it has been halved.
        channels, size: of the map.
        skipped: how many of its channels a skip brought.
    """

    operation: str
    level: int
    channels: int
    size: int
    skipped: int = 0


def maps_of(net: nn.Module, size: int) -> list[Map]:
    """Every map on the way of a square image through a U-Net, in order; nothing is computed.

    Works on any net made of Conv2d, MaxPool2d and ConvTranspose2d layers that joins each upsampled map to a skip.

    Args:
        net: takes (1, channels, size, size); its first convolution says how many channels.
        size: side of the image; a legal one.
    """
    first = next(layer for layer in net.modules() if isinstance(layer, nn.Conv2d))
    found = [Map("input", 0, first.in_channels, size)]

    def joined(layer: nn.Module, given: tuple[Tensor]) -> None:
        last, channels = found[-1], given[0].shape[1]
        if last.operation == "up" and channels > last.channels:
            found.append(Map("join", last.level, channels, given[0].shape[-1], channels - last.channels))

    def made(layer: nn.Module, given: tuple, result: Tensor) -> None:
        pooled, up = isinstance(layer, nn.MaxPool2d), isinstance(layer, nn.ConvTranspose2d)
        plain = "score" if layer.kernel_size in (1, (1, 1)) else "convolve"
        operation = "pool" if pooled else "up" if up else plain
        found.append(Map(operation, found[-1].level + pooled - up, result.shape[1], result.shape[-1]))

    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.ConvTranspose2d)]
    hooks = [layer.register_forward_hook(made) for layer in layers]
    hooks += [layer.register_forward_pre_hook(joined) for layer in layers if isinstance(layer, nn.Conv2d)]
    device = first.weight.device
    try:
        with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True):
            net(torch.empty(1, first.in_channels, size, size, device=device))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def steps_of(maps: list[Map]) -> int:
    """How many steps the drawing can be built up in: one for each level down and up, and the score."""
    return 2 * max(each.level for each in maps) + 2


def unet_drawing(net: nn.Module, size: int = 572, title: str = "", step: int | None = None) -> Figure:
    """The U of a U-Net: a box for each map, its channels above, its side below; arrows for what was done (Figure 1).

    A box is as high as the square root of its side and as wide as the logarithm of its channels. What is cut off a
    skip is hatched.

    Args:
        net: such as `UNet()`, or one that a student assembled.
        size: side of the image.
        title: the finding.
        step: draw only what the first so many steps make, for slides that build it up; everything stays in its
            place. Step 1 is the top of the way down, step 1 + depth the bottom, the last one the score.

    Raises:
        ValueError: for a step that there is not.
    """
    maps = maps_of(net, size)
    steps = steps_of(maps)
    if step is not None and not 1 <= step <= steps:
        raise ValueError(f"step = {step}: this drawing is built up in steps 1 to {steps}")
    scale = TALLEST / math.sqrt(size)
    depth = max(each.level for each in maps)
    highest = {level: max(each.size for each in maps if each.level == level) for level in range(depth + 1)}
    tops = [0.0]
    for level in range(depth):
        tops.append(tops[-1] - scale * math.sqrt(highest[level]) - ROOM)
    top = 0.75 if title else 0.3
    bottom = tops[-1] - scale * math.sqrt(highest[depth]) - 0.35
    columns = 1 + sum(each.operation in ("convolve", "score") for each in maps)
    figure, axes = plt.subplots(figsize=(0.15 + columns * COLUMN, top - bottom), layout="none")
    axes.set_position((0, 0, 1, 1))
    axes.set(xlim=(-0.55 * COLUMN - 0.05, (columns - 0.45) * COLUMN + 0.1), ylim=(bottom, top))
    axes.axis("off")
    draw(axes, maps, tops, scale, step or steps)
    figure.suptitle(title, x=0.01, ha="left")
    cropped = any(each.operation == "join" and each.size < highest[each.level] - 4 for each in maps)
    legend(axes, {each.operation for each in maps}, cropped)
    return figure


def draw(axes: Axes, maps: list[Map], tops: list[float], scale: float, steps: int) -> None:
    """Boxes and arrows of the first so many steps."""
    column, now, skips, last = 0, 1, {}, None
    for each in maps:
        now += each.operation in ("pool", "up", "score")
        if now > steps:
            return
        if each.operation == "up":
            continue  # it is drawn as one half of the joined box
        column += each.operation in ("convolve", "score")
        box = Box(each, column * COLUMN, tops[each.level], scale)
        if last:
            connect(axes, last, box)
        if each.operation == "join":
            bring(axes, skips[each.level], box)
        box.draw(axes)
        skips.setdefault(each.level, box)
        if each.operation == "convolve" and column <= 2 * (each.level + 1):
            skips[each.level] = box
        last = box


class Box:
    """A map in its place: `x` is its middle, `top` its upper edge, in inches."""

    def __init__(self, map: Map, x: float, top: float, scale: float):
        self.map, self.x, self.top, self.scale = map, x, top, scale
        self.high = scale * math.sqrt(map.size)
        self.wide = 0.05 + 0.022 * math.log2(map.channels + 1)
        self.left, self.right = x - self.wide / 2, x + self.wide / 2

    def draw(self, axes: Axes) -> None:
        """The box, its channels above and its side below."""
        colour = {"input": "#DDDDDD", "score": COLOURS["pink"]}.get(self.map.operation, COLOURS["sky"])
        bottom = self.top - self.high
        style = {"edgecolor": "black", "linewidth": 1.2}
        axes.add_patch(Rectangle((self.left, bottom), self.wide, self.high, facecolor=colour, **style, zorder=3))
        if self.map.skipped:
            share = self.wide * self.map.skipped / self.map.channels
            axes.add_patch(
                Rectangle((self.left, bottom), share, self.high, facecolor="white", hatch="....", **style, zorder=4)
            )
        text = {"ha": "center", "fontsize": TEXT, "zorder": 6}
        axes.text(self.x, self.top + 0.03, str(self.map.channels), va="bottom", **text)
        axes.text(self.x, bottom - 0.03, str(self.map.size), va="top", color=GREY, **text)


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], operation: str) -> None:
    """An arrow in the colour of an operation."""
    style = {"arrowstyle": "-|>", "color": COLOURS[ARROWS[operation][0]], "linewidth": 2, "mutation_scale": 11}
    axes.annotate("", end, start, arrowprops=style | {"shrinkA": 0, "shrinkB": 0}, zorder=5)


def connect(axes: Axes, before: Box, after: Box) -> None:
    """The arrow that leads to a box: to the right, down, or up."""
    down = before.top - before.high - 0.2
    if after.map.operation == "pool":
        arrow(axes, (before.x, down), (before.x, after.top + 0.21), "pool")
    elif after.map.operation == "join":
        above = after.top - after.high - 0.2
        arrow(axes, (before.x, before.top + 0.21), (before.x, above), "up")
    else:
        middle = max(before.top - before.high, after.top - after.high) / 2 + min(before.top, after.top) / 2
        arrow(axes, (before.right, middle), (after.left, middle), after.map.operation)


def bring(axes: Axes, skip: Box, to: Box) -> None:
    """The skip: the middle of an earlier map, laid beside the upsampled one."""
    middle = to.top - 0.5 * min(skip.high, to.high)
    arrow(axes, (skip.right, middle), (to.left, middle), "join")
    if skip.map.size > to.map.size:
        kept = skip.high * to.map.size / skip.map.size
        rest = (skip.high - kept) / 2
        for bottom in (skip.top - rest, skip.top - skip.high):
            axes.add_patch(
                Rectangle(
                    (skip.left, bottom), skip.wide, rest, facecolor="none", edgecolor="black", hatch="/////", zorder=4
                )
            )
        text = f"{skip.map.size}→{to.map.size}"
        axes.text((skip.right + to.left) / 2, middle - 0.03, text, ha="center", va="top", fontsize=TEXT)


def legend(axes: Axes, operations: set[str], cropped: bool) -> None:
    """What the arrows and hatchings mean, in the free corner at the bottom left and right."""
    names = {name: ARROWS[name] for name in ARROWS if name in operations}
    lines = [
        Line2D([], [], color=COLOURS[colour], marker=">", markersize=8, markevery=[1], label=text)
        for colour, text in names.values()
    ]
    axes.add_artist(axes.legend(handles=lines, loc="lower right", fontsize=TEXT, borderaxespad=0.2, handlelength=1.6))
    patches = [Patch(facecolor="white", edgecolor="black", hatch="....", label="came over the skip")]
    if cropped:
        patches.append(Patch(facecolor=COLOURS["sky"], edgecolor="black", hatch="/////", label="cut off the skip"))
    axes.legend(
        handles=patches, loc="lower left", fontsize=TEXT, borderaxespad=0.2, title="above: channels, below: side",
        title_fontsize=TEXT, alignment="left",
    )  # fmt: skip


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
