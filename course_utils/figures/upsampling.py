"""Upsampling drawn: pixels, matrices, stamps, kernels, borders, checkerboards, crops (lecture 03)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course_utils.figures.heatmaps import HEAT, draw_heat
from course_utils.figures.overlays import bare, draw_mistakes, outline, panels, picture
from course_utils.figures.style import COLOURS, GREY

STAMPS = ((COLOURS["sky"], ""), (COLOURS["orange"], "//"), (COLOURS["green"], ".."), (COLOURS["pink"], "xx"))
WEIGHTS = LinearSegmentedColormap.from_list("weights", ["#FFFFFF", COLOURS["sky"], COLOURS["blue"]])


def on_pixels(image: Tensor, maps: dict[str, Tensor], title: str, label: str = "probability") -> Figure:
    """Maps at the picture's size, side by side over their picture, with the line at one half.

    Args:
        image: uint8, RGB.
        maps: caption -> map between 0 and 1.
        title: the finding.
        label: what the map holds.

    Shape:
        image (3, H, W), each map (H, W)
    """
    ratio = image.shape[-2] / image.shape[-1]
    figure, grid = plt.subplots(1, len(maps), figsize=(12, 11 / len(maps) * ratio + 1.1), squeeze=False)
    for axes, (caption, values) in zip(grid[0], maps.items(), strict=True):
        draw_heat(axes, image, values, smooth=False)
        outline(axes, values.numpy(force=True) > 0.5, "white", 1.5)
        axes.set_title(caption, fontsize=14, weight="normal")
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), HEAT), ax=grid, shrink=0.8, aspect=25, pad=0.01)
    bar.set_label(label)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def matrices(drawn: dict[str, Tensor], title: str, rows: str = "to", columns: str = "from") -> Figure:
    """Small matrices side by side, each number written into its place, zeros left blank.

    Args:
        drawn: caption -> matrix of at most about 12 x 12.
        title: the finding.
        rows: name of what a row makes.
        columns: name of what a column takes.
    """
    shapes = [tuple(matrix.shape) for matrix in drawn.values()]
    cell = min(0.55, 10.6 / sum(wide + 1.2 for _, wide in shapes))
    size = (cell * sum(wide + 1.2 for _, wide in shapes) + 0.6, cell * max(high for high, _ in shapes) + 1.9)
    figure, grid = plt.subplots(
        1, len(drawn), figsize=(max(size[0], 8), size[1]), squeeze=False, width_ratios=[wide for _, wide in shapes]
    )
    largest = max(float(matrix.abs().max()) for matrix in drawn.values())
    for axes, (caption, matrix) in zip(grid[0], drawn.items(), strict=True):
        numbers = matrix.numpy(force=True)
        axes.imshow(np.abs(numbers), cmap=WEIGHTS, vmin=0, vmax=1.3 * largest)
        for (row, column), number in np.ndenumerate(numbers):
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="#BBBBBB"))
            if number:
                style = {"ha": "center", "va": "center", "fontsize": 13, "weight": "bold"}
                axes.text(column, row, f"{number:.3g}".replace("0.", "."), **style)
        axes.set_xticks(range(numbers.shape[1]))
        axes.set_yticks(range(numbers.shape[0]))
        axes.tick_params(length=0, labelsize=12)
        axes.spines[:].set_visible(False)
        axes.set(xlabel=columns, ylabel=rows)
        axes.set_title(caption, fontsize=14, weight="normal", loc="center")
        axes.set_anchor("N")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def stamps(cells: Sequence[float], kernels: dict[str, Tensor], stride: int, title: str) -> Figure:
    """How cells become pixels: each stamps its kernel, `stride` pixels further on, and what overlaps is added.

    Args:
        cells: a line of values, not negative.
        kernels: caption -> kernel (k,).
        stride: pixels between two cells.
        title: the finding.
    """
    figure, grid = plt.subplots(1, len(kernels), figsize=(12, 4.6), sharey=True, squeeze=False)
    for axes, (caption, kernel) in zip(grid[0], kernels.items(), strict=True):
        weights = kernel.numpy(force=True)
        total = np.zeros((len(cells) - 1) * stride + len(weights))
        for number, cell in enumerate(cells):
            where = slice(number * stride, number * stride + len(weights))
            colour, hatch = STAMPS[number % len(STAMPS)]
            style = {"width": 1, "color": colour, "hatch": hatch, "edgecolor": "black", "linewidth": 0.8}
            axes.bar(range(where.start, where.stop), cell * weights, bottom=total[where], **style)
            total[where] += cell * weights
            axes.text(where.start + (len(weights) - 1) / 2, -0.11 * max(cells), f"{cell:g}", ha="center", weight="bold")
        edges = np.arange(len(total) + 1) - 0.5
        axes.stairs(total, edges, color="black", linewidth=3, baseline=None)
        axes.set_ylim(-0.2 * max(cells), 1.18 * max(total.max(), max(cells)))
        axes.axhline(0, color="black", linewidth=1)
        axes.set_xticks(range(0, len(total), stride))
        axes.set_xlabel("pixel")
        axes.set_title(caption, fontsize=14, weight="normal")
    grid[0][0].set_ylabel("value (bold: the cells)")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def kernel_shapes(kernels: dict[str, Tensor], title: str) -> Figure:
    """Kernels as pictures, with the profile through their middle row below.

    Args:
        kernels: caption -> kernel (size, size).
        title: the finding.
    """
    figure, grid = plt.subplots(2, len(kernels), figsize=(11, 6.2), height_ratios=(2.1, 1), squeeze=False)
    for (above, below), (caption, kernel) in zip(grid.T, kernels.items(), strict=True):
        weights = kernel.numpy(force=True)
        size = len(weights)
        above.imshow(weights, cmap=HEAT, vmin=0, vmax=1)
        if size <= 4:
            for (row, column), weight in np.ndenumerate(weights):
                ink = "black" if weight > 0.5 else "white"
                above.text(column, row, f"{weight:.2f}", ha="center", va="center", color=ink, fontsize=13)
        bare(above)
        above.set_title(caption, fontsize=14, weight="normal", loc="center")
        profile = weights[size // 2] / weights[size // 2].max() * weights.max() ** 0.5
        below.bar(
            range(size), profile, width=1, color=COLOURS["sky"], edgecolor="black", linewidth=0.8 if size < 20 else 0
        )
        below.set_xticks([0, size - 1])
        below.set_ylim(0, 1.05)
        below.set_xlabel("pixel")
    grid[1][0].set_ylabel("along\none axis")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def borders(ours: Tensor, theirs: Tensor, captions: tuple[str, str, str], title: str) -> Figure:
    """Two pictures that should be equal, and where they are not.

    Args:
        ours: between 0 and 1.
        theirs: the same size.
        captions: of the two, and of their difference.
        title: the finding.

    Shape:
        both (3, H, W)
    """
    ratio = ours.shape[-2] / ours.shape[-1]
    figure, grid = plt.subplots(1, 3, figsize=(12, 3.7 * ratio + 1.1))
    for axes, image in zip(grid, (ours, theirs), strict=False):
        axes.imshow(picture(image.clamp(0, 1)))
    difference = (ours - theirs).abs().amax(dim=0).numpy(force=True)
    drawn = grid[2].imshow(difference, cmap="magma", vmin=0, vmax=max(difference.max(), 1e-6))
    figure.colorbar(drawn, ax=grid[2], shrink=0.8, aspect=18, pad=0.02)
    for axes, caption in zip(grid, captions, strict=True):
        axes.set_title(caption, fontsize=14, weight="normal")
        bare(axes)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


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


CROP_LINES = ((COLOURS["blue"], "o", "-"), (COLOURS["red"], "s", "--"), (COLOURS["green"], "^", ":"))


def crops(image: Tensor, truth: Tensor, predictions: dict[str, Tensor], title: str) -> Figure:
    """Predictions over their picture side by side, with the pixels that are wrong.

    Args:
        image: uint8.
        truth: classes, 255 where void.
        predictions: caption -> classes.
        title: the finding.

    Shape:
        image (3, H, W), truth and each prediction (H, W)
    """

    def draw(prediction: Tensor):
        def on(axes):
            entries = draw_mistakes(axes, image, truth, prediction)
            for entry in entries:  # one legend for all panels: the kind of mistake, without its share
                entry.set_label(entry.get_label().rsplit(" ", 1)[0])
            return entries

        return on

    return panels({caption: draw(prediction) for caption, prediction in predictions.items()}, title)


def crop_curves(lines: dict[str, Sequence[float]], offsets: dict[str, int], title: str) -> Figure:
    """Mean IU against the pixels cut off before the crop; a dashed line stands where the coordinate map puts it.

    Args:
        lines: name -> mean IU at offsets 0, 1, 2, ...
        offsets: name -> the computed offset.
        title: the finding.
    """
    figure, axes = plt.subplots(figsize=(10, 5))
    for (name, values), (colour, marker, line) in zip(lines.items(), CROP_LINES, strict=False):
        axes.plot(
            values, line, color=colour, marker=marker, markersize=8, markevery=max(1, len(values) // 8), label=name
        )
    for offset, (colour, _, _) in zip((offsets[name] for name in lines), CROP_LINES, strict=False):
        axes.axvline(offset, color=colour, linewidth=1.5, linestyle=(0, (2, 2)), zorder=0)
        axes.text(offset + 0.3, axes.get_ylim()[0], f" {offset}", color=colour, weight="bold", va="bottom")
    axes.set(xlabel="pixels cut off", ylabel="mean IU", xlim=(-0.5, None))
    axes.legend(loc="upper right")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def frame_of_cells(image: Tensor, centres: tuple[Sequence[float], Sequence[float]], stride: int, title: str) -> Figure:
    """A picture, the cells of a net that was padded, and the larger area that their upsampling covers.

    Args:
        image: uint8, RGB.
        centres: of the cells in pixels (down, across); they may lie outside the picture.
        stride: pixels between two centres; the upsampling's kernel is twice as wide.
        title: the finding.

    Shape:
        image (3, H, W)
    """
    height, width = image.shape[-2:]
    down, across = centres
    top, left, bottom, right = down[0] - stride, across[0] - stride, down[-1] + stride, across[-1] + stride
    figure, axes = plt.subplots(figsize=(10, 10 * (bottom - top) / (right - left) + 0.6))
    axes.imshow(picture(image))
    axes.add_patch(
        Rectangle((left, top), right - left, bottom - top, facecolor="#EDEDED", edgecolor=GREY, zorder=-1, linewidth=3)
    )
    axes.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, edgecolor="black", linewidth=3))
    for y in down:
        axes.plot(across, [y] * len(across), "o", color="white", markeredgecolor="black", markersize=7)
    axes.plot(across[0], down[0], "o", color=COLOURS["red"], markeredgecolor="black", markersize=11)
    arrow = {"arrowstyle": "<->", "color": COLOURS["red"], "linewidth": 2.5, "shrinkA": 0, "shrinkB": 0}
    middle = height * 0.62
    axes.annotate("", (left, middle), (-0.5, middle), arrowprops=arrow)
    style = {"va": "center", "color": "black", "weight": "bold", "fontsize": 15}
    box = {"facecolor": "white", "edgecolor": COLOURS["red"], "linewidth": 2, "pad": 4}
    axes.text(9, middle, f"{-0.5 - left:g} pixels", bbox=box, **style)
    axes.set_xlim(left - 3, right + 3)
    axes.set_ylim(bottom + 3, top - 3)
    axes.set_aspect("equal")
    bare(axes)
    axes.set_title(title)
    return figure
