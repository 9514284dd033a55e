"""Cells drawn: gaps and weights, seeds and floods, merged cells, ablations (lecture 08)."""

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from course_utils.figures.learning import LOOKS
from course_utils.figures.overlays import bare, draw_image, draw_instances, hatch, label_array, outline, panels, picture
from course_utils.figures.style import COLOURS
from course_utils.metrics.instances import InstanceScores, object_mistakes


def draw_merged(axes: Axes, image: Tensor, truth: Tensor, prediction: np.ndarray) -> list[Patch]:
    """Predicted cells over a picture; true ones that were merged with another are hatched.

    Shape:
        image (3, H, W), truth and prediction (H, W)

    Returns:
        the legend's entries
    """
    draw_instances(axes, image, prediction)
    truth = label_array(truth)
    merged = np.isin(truth, object_mistakes(truth, prediction).merged)
    if not merged.any():
        return []
    hatch(axes, merged, "////", COLOURS["red"])
    outline(axes, merged, COLOURS["red"], width=1.5)
    return [Patch(facecolor="none", edgecolor=COLOURS["red"], hatch="////", label="true cells that were merged")]


def gaps_and_weights(image: Tensor, instances: Tensor, apart: Tensor, weights: Tensor, title: str) -> Figure:
    """Cells that touch, the same with gaps, and what every pixel counts.

    Args:
        instances, apart: cells as annotated, and with gaps between those that touch.

    Shape:
        image (3, H, W), all others (H, W)
    """
    captions = ("annotated", "with gaps: the target", "weights: bright counts most")
    figure, grid = plt.subplots(1, 3, figsize=(12, 4.4))
    draw_instances(grid[0], image, instances)
    grid[1].imshow(apart.numpy() > 0, cmap="gray")
    lost = (instances > 0).numpy() & (apart == 0).numpy()
    grid[1].imshow(np.dstack([np.tile([[[0.84, 0.37, 0.0]]], (*lost.shape, 1)), lost.astype(float)]))
    shown = grid[2].imshow(weights.numpy(), cmap="inferno", vmin=0)
    figure.colorbar(shown, ax=grid[2], fraction=0.046)
    for axes, caption in zip(grid, captions, strict=True):
        bare(axes)
        axes.set_title(caption, fontsize=14)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def from_probability_to_cells(
    probability: Tensor, seeds: np.ndarray, found: np.ndarray, image: Tensor, truth: Tensor, title: str
) -> Figure:
    """The three steps side by side: probability, seeds, cells.

    Shape:
        image (3, H, W), all others (H, W)
    """

    def draw_probability(axes: Axes) -> None:
        axes.imshow(probability.numpy(), cmap="gray", vmin=0, vmax=1)
        bare(axes)

    drawings = {
        "probability of foreground": draw_probability,
        f"{seeds.max()} seeds": lambda axes: draw_instances(axes, image, seeds, opacity=0.8),
        f"{found.max()} cells after the flood": lambda axes: draw_merged(axes, image, truth, found),
    }
    return panels(drawings, title, width=12)


def augmented(kinds: dict[str, tuple[Tensor, str]], title: str, columns: int = 4) -> Figure:
    """Pictures after one augmentation each, with what was measured on their cells below.

    Args:
        kinds: caption -> (picture (3, H, W), words).
        title: the finding.
    """

    def drawing(image: Tensor) -> Callable[[Axes], None]:
        return lambda axes: draw_image(axes, image.float().div(255).pow(0.65))

    drawings = {f"{name}\n{words}": drawing(image) for name, (image, words) in kinds.items()}
    figure = panels(drawings, title, columns=columns, width=12)
    rows = -(-len(kinds) // columns)
    figure.set_size_inches(12, 0.6 + rows * 3.6)
    for axes in figure.axes:
        axes.set_title(axes.get_title(loc="left"), fontsize=14, weight="normal")
    return figure


def bent_grids(bent: dict[str, tuple[Tensor, Tensor]], spacing: int, title: str) -> Figure:
    """Pictures with the net of lines that was bent with them.

    Args:
        bent: caption -> (picture (3, H, W), field (2, H, W)).
        spacing: pixels between two lines before the bending.
        title: the finding.
    """
    figure, grid = plt.subplots(1, len(bent), figsize=(12, 0.9 + 11.5 / len(bent)), squeeze=False)
    for axes, (caption, (image, field)) in zip(grid[0], bent.items(), strict=True):
        axes.imshow(picture(image) ** 0.65)
        levels = np.arange(0, max(field.shape[1:]) + spacing, spacing)
        for places in field.numpy():
            axes.contour(places, levels=levels, colors=[COLOURS["yellow"]], linewidths=1.5)
        axes.set_title(caption, fontsize=14)
        bare(axes)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def ablation(matched: dict[str, Sequence[float]], merged: dict[str, Sequence[int]], cells: int, title: str) -> Figure:
    """Two panels of bars, one bar an arm, a dot for each seed: what was found, and what was merged.

    Args:
        matched: arm -> matched share at IU 0.5 of each seed, 0 to 1.
        merged: arm -> merged true cells of each seed.
        cells: true cells in all.
        title: the finding.
    """
    figure, panes = plt.subplots(1, 2, figsize=(12, 1.3 + 0.75 * len(matched)), sharey=True)
    looks = (("sky", ""), ("green", "..."), ("orange", "///"), ("pink", "xx"))
    for axes, values, number in ((panes[0], matched, "{:.2f}"), (panes[1], merged, "{:.1f}")):
        longest = max(max(each) for each in values.values())
        for place, (each, (colour, pattern)) in enumerate(zip(values.values(), looks, strict=False)):
            face = {"color": COLOURS[colour], "hatch": pattern, "edgecolor": "black", "height": 0.7}
            axes.barh(place, np.mean(each), **face)
            spread = place + np.linspace(-0.18, 0.18, len(each))
            axes.plot(each, spread, "o", color="black", markersize=7, markerfacecolor="white")
            axes.text(max(each) + 0.03 * longest, place, number.format(np.mean(each)), va="center", weight="bold")
        axes.set_xlim(0, 1.18 * longest)
    panes[0].set_yticks(range(len(matched)), list(matched))
    panes[0].tick_params(axis="y", length=0)
    panes[0].invert_yaxis()
    panes[0].set_xlabel("matched share at IU 0.5: more is better")
    panes[1].set_xlabel(f"merged cells of {cells}: fewer is better")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def matched_curves(scores: dict[str, Sequence[InstanceScores]], title: str) -> Figure:
    """Matched share over how well a cell must be covered, mean and range of the seeds (see `InstanceScores`)."""
    figure, axes = plt.subplots(figsize=(10, 4.8))
    for (name, several), (colour, marker) in zip(scores.items(), LOOKS, strict=False):
        thresholds = list(several[0].matched_share)
        values = np.array([list(each.matched_share.values()) for each in several])
        axes.plot(thresholds, values.mean(axis=0), color=COLOURS[colour], marker=marker, markersize=8, label=name)
        axes.fill_between(thresholds, values.min(axis=0), values.max(axis=0), color=COLOURS[colour], alpha=0.15)
    axes.set(xlabel="IU from which a cell counts as found", ylabel="matched share: TP / (TP + FP + FN)", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.suptitle(title, x=0.01, ha="left")
    return figure


ap_curves = matched_curves  # as copies of lecture 08 handed out before name it


def curves_over_steps(curves: dict[str, tuple[Sequence[float], Sequence[float]]], title: str) -> Figure:
    """Scores over the steps of long trainings.

    Args:
        curves: name -> (steps, scores from 0 to 1).
        title: the finding.
    """
    figure, axes = plt.subplots(figsize=(10, 4.4))
    for (name, (steps, values)), (colour, marker) in zip(curves.items(), LOOKS, strict=False):
        axes.plot(steps, values, color=COLOURS[colour], marker=marker, markersize=7, label=name)
    axes.set(xlabel="step", ylabel="score on a few pictures held out", ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    if curves:
        axes.legend(loc="lower right")
    figure.suptitle(title, x=0.01, ha="left")
    return figure
