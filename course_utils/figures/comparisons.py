"""Scores as pictures: the confusion matrix, and how many objects are found at each IU threshold (lecture 01 on)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.metrics import THRESHOLDS


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
    drawn = axes.imshow(share, cmap="cividis", vmin=0, vmax=1)
    axes.set_xticks(range(size), classes, rotation=45 if size > 4 else 0, ha="right" if size > 4 else "center")
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
