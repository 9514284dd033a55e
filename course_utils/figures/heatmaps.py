"""What a net answers where, and what an answer costs: score maps, grids, feature maps, ratios (lectures 02 to 05)."""

from collections.abc import Sequence

import matplotlib.patheffects as effects
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor
from torch.nn import functional

from course_utils.figures.overlays import bare, picture
from course_utils.figures.style import COLOURS, GREY

HEAT = "viridis"  # lightness alone carries it, so it reads in grey and for every kind of colour vision
HALO = [effects.withStroke(linewidth=3, foreground="black")]


def upsampled(heat: Tensor, size: tuple[int, int]) -> Tensor:
    """A map at the picture's size, bilinear.

    Shape:
        heat (h, w) -> (*size)
    """
    return functional.interpolate(heat[None, None].float(), size=size, mode="bilinear", align_corners=False)[0, 0]


def draw_heat(
    axes: Axes, image: Tensor, heat: Tensor, low: float = 0.0, high: float = 1.0, smooth: bool = True
) -> None:
    """A map over its picture, which shows through where the map is high.

    Args:
        axes: what to draw on.
        image: uint8, RGB.
        heat: one value a cell.
        low: value that is drawn darkest.
        high: value that is drawn brightest; a contour marks the middle between the two.
        smooth: upsampled to the picture, with its contour; otherwise each cell as a square.

    Shape:
        image (3, H, W), heat (h, w)
    """
    height, width = image.shape[-2:]
    ground = picture(image).mean(axis=-1)
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    axes.imshow(ground, cmap="gray", vmin=-0.3, vmax=0.9)
    shown = upsampled(heat, (height, width)) if smooth else heat
    values = shown.numpy(force=True)
    axes.imshow(values, cmap=HEAT, vmin=low, vmax=high, alpha=0.55, extent=extent)
    middle = (low + high) / 2
    if smooth and values.min() < middle < values.max():
        axes.contour(values, levels=[middle], colors="white", linewidths=2.5)
    bare(axes)


def heat_maps(rows: Sequence[tuple[Tensor, Tensor, str]], title: str, label: str = "probability") -> Figure:
    """For each picture: the photograph, the net's answer cell by cell, and the same upsampled to the pixels.

    Args:
        rows: (image, heat, caption) with images uint8 and heat between 0 and 1.
        title: the finding.
        label: what the heat is.

    Shape:
        image (3, H, W), heat (h, w)
    """
    ratios = [image.shape[-2] / image.shape[-1] for image, _, _ in rows]
    wide = 11 / 3
    figure, grid = plt.subplots(
        len(rows), 3, figsize=(12, sum(ratios) * wide + 0.45 * len(rows) + 0.6), squeeze=False, height_ratios=ratios
    )
    for axes, (image, heat, caption) in zip(grid, rows, strict=True):
        axes[0].imshow(picture(image))
        bare(axes[0])
        draw_heat(axes[1], image, heat, smooth=False)
        draw_heat(axes[2], image, heat)
        rows_, columns = heat.shape
        for place, text in zip(axes, (caption, f"{rows_}×{columns} answers", "upsampled; line: 0.5"), strict=True):
            place.set_title(text, fontsize=14, weight="normal")
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), HEAT), ax=grid, shrink=0.6, aspect=30, pad=0.01)
    bar.set_label(label)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def heat_columns(rows: Sequence[tuple[Tensor, Tensor, str]], title: str, label: str = "probability") -> Figure:
    """What `heat_maps` shows, for a slide: three pictures above their answers, or two beside theirs.

    Args and shapes: as for `heat_maps`.
    """
    count = len(rows)
    figure, grid = plt.subplots(*((2, count) if count > 2 else (1, 2 * count)), figsize=(12, 5), squeeze=False)
    for (first, second), (image, heat, caption) in zip(
        grid.T if count > 2 else grid.reshape(count, 2), rows, strict=True
    ):
        first.imshow(picture(image))
        bare(first)
        first.set_title(caption, fontsize=14, weight="normal", loc="center")
        draw_heat(second, image, heat)
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), HEAT), ax=grid, shrink=0.8, aspect=25, pad=0.01)
    bar.set_label(f"{label}; line: 0.5")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def output_grid(
    image: Tensor,
    centres: tuple[Sequence[float], Sequence[float]],
    stride: float,
    title: str,
    windows: Sequence[tuple[int, int, int, int, str]] = (),
    labels: Sequence[Sequence[str]] | None = None,
) -> Figure:
    """The grid of a net's answers over the photograph: a cell around each centre, and what some of them look at.

    Args:
        image: uint8, RGB.
        centres: centres of the cells in pixels, (down, across).
        stride: distance between centres, in pixels.
        title: the finding.
        windows: (top, left, height, width, name) of squares to outline.
        labels: text for each cell, row by row.

    Shape:
        image (3, H, W)
    """
    figure, axes = plt.subplots(figsize=(10, 10 * image.shape[-2] / image.shape[-1] + 0.5))
    draw_grid(axes, image, centres, stride, labels)
    styles = ((COLOURS["orange"], "-"), (COLOURS["sky"], "--"), (COLOURS["pink"], ":"))
    for (top, left, height, width, name), (colour, line) in zip(windows, styles * len(windows), strict=False):
        for tone, thick in (("black", 7), (colour, 4)):
            corner = (left - 0.5, top - 0.5)
            axes.add_patch(
                Rectangle(corner, width, height, fill=False, edgecolor=tone, linewidth=thick, linestyle=line)
            )
        style = {"color": "black", "backgroundcolor": colour, "fontsize": 13, "weight": "bold"}
        axes.text(left + 6, top + height - 8, name, va="bottom", **style)
    axes.autoscale_view()
    axes.set_title(title)
    return figure


def draw_grid(
    axes: Axes,
    image: Tensor,
    centres: tuple[Sequence[float], Sequence[float]],
    stride: float,
    labels: Sequence[Sequence[str]] | None = None,
) -> None:
    """A photograph under a grid of cells, each with a point at its centre or a label."""
    axes.imshow(picture(image))
    down, across = centres
    for row, y in enumerate(down):
        for column, x in enumerate(across):
            corner = (x - stride / 2, y - stride / 2)
            axes.add_patch(Rectangle(corner, stride, stride, fill=False, edgecolor="black", linewidth=3))
            axes.add_patch(Rectangle(corner, stride, stride, fill=False, edgecolor="white", linewidth=1.2))
            if labels is None:
                axes.plot(x, y, "o", color="white", markeredgecolor="black", markersize=6)
            else:
                text = labels[row][column]
                axes.text(x, y, text, ha="center", va="center", color="white", fontsize=12, path_effects=HALO)
    bare(axes)


def feature_maps(maps: Tensor, title: str, count: int = 8, columns: int = 4) -> Figure:
    """Channels of a feature map side by side: those that vary most.

    Args:
        maps: one picture's features.
        title: the finding.
        count: channels to draw.
        columns: channels a row.

    Shape:
        maps (C, h, w)
    """
    spread = maps.flatten(1).std(dim=1)
    chosen = spread.argsort(descending=True)[:count].sort().values.tolist()
    rows = -(-len(chosen) // columns)
    high = 11 / columns * maps.shape[-2] / maps.shape[-1] + 0.35
    figure, grid = plt.subplots(rows, columns, figsize=(11, rows * high + 0.6), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, channel in zip(grid.flat, chosen, strict=False):
        axes.imshow(maps[channel].numpy(force=True), cmap=HEAT)
        axes.set_title(f"channel {channel}", fontsize=13, weight="normal")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def refinements(image: Tensor, maps: dict[str, Tensor], title: str) -> Figure:
    """The same answer on finer and finer grids, cell by cell, side by side.

    Args:
        image: uint8, RGB.
        maps: caption -> heat (h, w) between 0 and 1.
        title: the finding.
    """
    ratio = image.shape[-2] / image.shape[-1]
    figure, grid = plt.subplots(1, len(maps), figsize=(12, 12 / len(maps) * ratio + 1.0), squeeze=False)
    for axes, (caption, heat) in zip(grid[0], maps.items(), strict=True):
        draw_heat(axes, image, heat, smooth=False)
        axes.set_title(caption, fontsize=14, weight="normal")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def agreement(ours: Tensor, theirs: Tensor, title: str, labels: tuple[str, str]) -> Figure:
    """Two ways to compute the same scores, one point for each score; equal ones lie on the line.

    Args:
        ours: scores, any shape.
        theirs: the same number of scores.
        title: the finding.
        labels: names of the two ways, (across, up).
    """
    generator = torch.Generator().manual_seed(0)
    few = torch.randperm(ours.numel(), generator=generator)[:3000]
    across, up = ours.flatten()[few].numpy(force=True), theirs.flatten()[few].numpy(force=True)
    ends = np.array([min(across.min(), up.min()), max(across.max(), up.max())])
    figure, axes = plt.subplots(figsize=(7, 6))
    axes.plot(ends, ends, color="black", linewidth=1.5, zorder=0, label="equal")
    axes.scatter(across, up, s=14, alpha=0.35, color=COLOURS["blue"], label="one score of one cell")
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    axes.legend()
    figure.suptitle(title, x=0.01, ha="left")
    return figure


BARS = ((COLOURS["sky"], ""), (COLOURS["orange"], "////"), (COLOURS["green"], "...."), ("#CCCCCC", "xxxx"))
LINES = ((COLOURS["blue"], "o", "-"), (COLOURS["red"], "s", "--"), (COLOURS["green"], "^", ":"))


def ratios(groups: dict[str, dict[str, float]], title: str, label: str) -> Figure:
    """Grouped horizontal bars of ratios, each with its number; a line marks 1.

    Args:
        groups: group -> bar -> ratio. A bar has the same colour and hatching in every group.
        title: the finding.
        label: what is divided by what.
    """
    names = list(dict.fromkeys(name for bars in groups.values() for name in bars))
    styles = dict(zip(names, BARS, strict=False))
    figure, axes = plt.subplots(figsize=(10, 0.62 * sum(map(len, groups.values())) + 0.7 * len(groups) + 1.2))
    place, ticks, longest = 0.0, [], max(max(bars.values()) for bars in groups.values())
    for group, bars in groups.items():
        axes.text(0, place - 0.8, group, fontsize=14, weight="bold", va="center", backgroundcolor="white")
        for name, ratio in bars.items():
            colour, hatch = styles[name]
            axes.barh(place, ratio, height=0.8, color=colour, hatch=hatch, edgecolor="black")
            axes.text(ratio + 0.012 * longest, place, f"{ratio:.1f}×", va="center", weight="bold")
            ticks.append((place, name))
            place += 1
        place += 1.1
    axes.axvline(1, color=GREY, linestyle="--", linewidth=2)
    axes.set_yticks(*zip(*ticks, strict=True))
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12 * longest)
    axes.set_xlabel(label)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def over_strides(curves: dict[str, Sequence[float]], strides: Sequence[int], title: str, label: str) -> Figure:
    """How a cost grows as answers lie closer together; both axes logarithmic.

    Args:
        curves: name -> cost at each stride.
        strides: pixels between answers.
        title: the finding.
        label: unit of the cost.
    """
    figure, axes = plt.subplots(figsize=(10, 5.2))
    for (name, costs), (colour, marker, line) in zip(curves.items(), LINES, strict=False):
        axes.plot(strides, costs, line, marker=marker, markersize=9, color=colour, label=name)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(strides, [str(stride) for stride in strides])
    axes.minorticks_off()
    lowest, highest = (function([function(costs) for costs in curves.values()]) for function in (np.min, np.max))
    axes.set_ylim(lowest / 2, highest * 3)
    axes.invert_xaxis()
    axes.set_xlabel("pixels between answers")
    axes.set_ylabel(label)
    axes.legend(loc="upper left")
    axes.set_title(title)
    return figure
