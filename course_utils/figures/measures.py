"""What lecture 01 measures with: labels as numbers, histograms, Dice against IU, confusion, found at each threshold."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course_utils.figures.overlays import bare, draw_image, label_array, picture
from course_utils.figures.style import COLOURS, class_palette
from course_utils.metrics.instances import THRESHOLDS

COLOUR_CYCLE = ("C0", "C1", "C2", "C3", "C4", "C5")


def label_numbers(
    image: Tensor, mask: Tensor, corner: tuple[int, int], size: tuple[int, int], title: str, void: int = 255
) -> Figure:
    """A small window of a label map, written out: the number of each pixel on its colour.

    Args:
        image: (3, H, W).
        mask: (H, W), labels.
        corner: row and column of the window's upper left pixel.
        size: rows and columns of the window; about 9 by 14 stay legible.
        title: the finding.
    """
    ground, mask = picture(image), label_array(mask)
    (top, left), (rows, columns) = corner, size
    window = mask[top : top + rows, left : left + columns]
    palette = class_palette(int(mask[mask != void].max()) + 1)
    colours = palette[np.where(window == void, 0, window)] / 255
    colours[window == void] = 1

    figure, (whole, part) = plt.subplots(1, 2, figsize=(13, 5), width_ratios=(1, 1.25))
    draw_image(whole, ground)
    frame = (left - 0.5, top - 0.5)
    for colour, width in (("black", 6), ("white", 3)):
        whole.add_patch(Rectangle(frame, columns, rows, fill=False, edgecolor=colour, linewidth=width))
    whole.set_title("the window", fontsize=14)
    part.imshow(0.35 * colours + 0.65)
    for row, column in np.ndindex(rows, columns):
        label = window[row, column]
        part.text(column, row, str(label), ha="center", va="center", fontsize=12, color="black")
        if label == void:
            corner_of_cell = (column - 0.5, row - 0.5)
            part.add_patch(Rectangle(corner_of_cell, 1, 1, fill=False, edgecolor="#C4C4C4", hatch="//", linewidth=0))
    part.set_title("its labels", fontsize=14)
    bare(part)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def histogram_split(
    grey: np.ndarray, threshold: float, title: str, truth: np.ndarray | None = None, name: str = "object"
) -> Figure:
    """How often each grey value occurs, and where a threshold cuts.

    Args:
        grey: (H, W), 0 to 255.
        threshold: grey value; drawn as a dashed line.
        title: the finding.
        truth: (H, W): 1 for the object, 0 for the rest, anything else is left out; draws a histogram for each.
        name: what the object is.
    """
    figure, axes = plt.subplots(figsize=(10, 4.5))
    bins = np.arange(0, 257, 4)
    if truth is None:
        axes.hist(grey.ravel(), bins, color=COLOURS["blue"])
    else:
        style = {"bins": bins, "histtype": "stepfilled", "alpha": 0.55, "linewidth": 2}
        ground = {"color": COLOURS["sky"], "edgecolor": COLOURS["blue"], "hatch": "//"}
        thing = {"color": COLOURS["orange"], "edgecolor": COLOURS["red"]}
        axes.hist(grey[truth == 0], label="everything else", **ground, **style)
        axes.hist(grey[truth == 1], label=name, **thing, **style)
    axes.axvline(threshold, color="black", linestyle="--", label=f"Otsu's threshold, {threshold:.0f}")
    axes.set(xlabel="grey value", ylabel="pixels", xlim=(0, 256))
    axes.legend()
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def dice_against_iu(points: dict[str, tuple[float, float]], title: str) -> Figure:
    """The curve Dice = 2 IU / (1 + IU), with measured scores on it or beside it.

    Args:
        points: name -> (IU, Dice).
        title: the finding.
    """
    figure, axes = plt.subplots(figsize=(10, 5.5))
    iu = np.linspace(0, 1, 101)
    axes.plot(iu, 2 * iu / (1 + iu), color="black", label="one image: Dice = 2 IU / (1 + IU)")
    axes.plot(iu, iu, color="#999999", linestyle=":", label="Dice = IU")
    for colour, (name, (x, y)), marker in zip(COLOUR_CYCLE, points.items(), "osD^vP", strict=False):
        axes.plot(x, y, marker, markersize=9, color=colour, label=f"{name}: IU {x:.2f}, Dice {y:.2f}")
    axes.set(xlabel="IU", ylabel="Dice", xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")

    # the points lie close together: once more, enlarged
    zoom = axes.inset_axes((0.07, 0.63, 0.27, 0.35))
    zoom.plot(iu, 2 * iu / (1 + iu), color="black")
    for colour, (x, y), marker in zip(COLOUR_CYCLE, points.values(), "osD^vP", strict=False):
        zoom.plot(x, y, marker, markersize=13, color=colour)
    xs, ys = zip(*points.values(), strict=True)
    zoom.set(xlim=(min(xs) - 0.015, max(xs) + 0.015), ylim=(min(ys) - 0.012, max(ys) + 0.012))
    zoom.tick_params(labelsize=12)
    axes.indicate_inset_zoom(zoom, edgecolor="black")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def two_orders(
    first: Sequence[float], second: Sequence[float], names: tuple[str, str], title: str, score: str = "IU"
) -> Figure:
    """Two methods' scores on each image as pairs of points joined by a line, with both means.

    Args:
        first: one score for each image.
        second: likewise, of the other method.
        names: of the methods.
        title: the finding.
    """
    figure, axes = plt.subplots(figsize=(10, 4.8))
    order = np.argsort(np.asarray(second) - np.asarray(first))
    places = np.arange(len(order))
    first, second = np.asarray(first)[order], np.asarray(second)[order]
    axes.vlines(places, np.minimum(first, second), np.maximum(first, second), color="#999999", linewidth=2)
    for values, name, marker, colour in ((first, names[0], "o", "blue"), (second, names[1], "^", "red")):
        axes.plot(places, values, marker, markersize=11, color=COLOURS[colour], label=name)
    axes.set(xlabel="image, in order of the difference", ylabel=score, ylim=(0, 1))
    axes.set_xticks(places, places + 1)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(loc="lower right")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def confusion(matrix: Tensor | np.ndarray, classes: Sequence[str], title: str) -> Figure:
    """A confusion matrix: each row is a true class, shaded and labelled by the share of its pixels.

    Args:
        matrix: (classes, classes) counts, row = truth, column = prediction.
        classes: their names.
        title: the finding.

    Raises:
        ValueError: where names and matrix do not fit.
    """
    counts = np.asarray(matrix.numpy(force=True) if isinstance(matrix, Tensor) else matrix, dtype=np.float64)
    size = len(classes)
    if counts.shape != (size, size):
        raise ValueError(f"the matrix has shape {counts.shape}, but there are {size} class names")
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)

    side = min(9, 1.5 + 1.1 * size)
    figure, axes = plt.subplots(figsize=(max(side + 3, 7), max(side, 3.6)))
    few = size <= 6  # then cells may be as wide as their names, and fill a slide
    drawn = axes.imshow(share, cmap="cividis", vmin=0, vmax=1, aspect="auto" if few else "equal")
    axes.set_xticks(range(size), classes, rotation=0 if few else 45, ha="center" if few else "right")
    axes.set_yticks(range(size), classes)
    axes.set(xlabel="predicted as", ylabel="true class")
    axes.spines[:].set_visible(False)
    if size <= 12:
        for row, column in np.ndindex(size, size):
            text = "none" if np.isnan(share[row, column]) else f"{share[row, column]:.0%}"
            dark = np.isnan(share[row, column]) or share[row, column] > 0.55
            detail = f"\n{counts[row, column]:,.0f}" if size <= 5 else ""
            axes.text(column, row, text + detail, ha="center", va="center", color="black" if dark else "white")
    bar = figure.colorbar(drawn, ax=axes, format=lambda value, _: f"{value:.0%}")
    bar.set_label("share of the true class's pixels")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def accuracy_curves(curves: dict[str, Sequence[float]], title: str, thresholds: Sequence[float] = THRESHOLDS) -> Figure:
    """How the share of objects found falls as a match must be closer: one line and marker for each method.

    Args:
        curves: method -> TP / (TP + FP + FN) at each threshold.
        title: the finding.
        thresholds: IU that a pair must reach.
    """
    figure, axes = plt.subplots(figsize=(10, 5))
    for (name, values), marker in zip(curves.items(), "osD^vPX*", strict=False):
        axes.plot(thresholds, values, marker=marker, markersize=9, label=name)
    axes.set(xlabel="IU that a pair must reach", ylabel="TP / (TP + FP + FN)", ylim=(-0.03, 1.03))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.suptitle(title, x=0.01, ha="left")
    return figure
