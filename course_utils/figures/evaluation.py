"""Scores of nets as pictures: boundary bands, classes side by side, best and worst pictures (lectures 04, 05, 10)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.evaluation import Evaluation
from course_utils.figures.learning import LOOKS
from course_utils.figures.overlays import draw_classes, draw_mistakes, panels
from course_utils.figures.style import COLOURS


def band_curves(evaluations: dict[str, Evaluation], title: str) -> Figure:
    """Mean IU of the pixels within n of a boundary, over n: where one net gains on another (lecture 05).

    Args:
        evaluations: name -> evaluation with bands, or a list of them, of several seeds: then the mean, shaded from the
            lowest to the highest.
        title: the finding.

    Raises:
        ValueError: where an evaluation was made without bands.
    """
    figure, axes = plt.subplots(figsize=(10, 5))
    for (name, given), (colour, marker) in zip(evaluations.items(), LOOKS, strict=False):
        several = [each.band_mean_iu() for each in (given if isinstance(given, list | tuple) else [given])]
        if not several or not several[0]:
            raise ValueError(f"{name!r} has no bands: evaluate(..., bands=BANDS)")
        widths = list(several[0])
        values = np.array([list(each.values()) for each in several])
        mean = values.mean(axis=0)
        axes.plot(
            widths, mean, marker=marker, markevery=(0, max(1, len(widths) // 8)), markersize=8, color=COLOURS[colour]
        )
        if len(values) > 1:
            axes.fill_between(widths, values.min(axis=0), values.max(axis=0), color=COLOURS[colour], alpha=0.2)
        axes.annotate(
            f" {name}", (widths[-1], mean[-1]), color=COLOURS[colour], va="center", annotation_clip=False, weight="bold"
        )
    axes.set(xlabel="pixels from the nearest boundary, at most", ylabel="mean IU", xlim=(0, None))
    axes.grid(alpha=0.3)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def class_bars(evaluations: dict[str, Evaluation], title: str) -> Figure:
    """IU of each class under up to four nets, classes ordered by the last net's.

    Args:
        evaluations: name -> evaluation, all on the same classes.
        title: the finding.
    """
    names, ius = list(evaluations), [each.scores.iu.numpy() for each in evaluations.values()]
    classes = next(iter(evaluations.values())).classes
    seen = [index for index in range(len(classes)) if not all(np.isnan(iu[index]) for iu in ius)]
    order = sorted(seen, key=lambda index: np.nan_to_num(ius[-1][index]))
    figure, axes = plt.subplots(figsize=(10, max(3.5, 0.42 * len(order) + 1.5)))
    places = np.arange(len(order))
    for number, (name, iu) in enumerate(zip(names, ius, strict=True)):
        colour, marker = LOOKS[number % len(LOOKS)]
        axes.plot(iu[order], places, marker, markersize=10, color=COLOURS[colour], label=name, zorder=3)
    spread = np.array([iu[order] for iu in ius])
    axes.hlines(places, np.nanmin(spread, axis=0), np.nanmax(spread, axis=0), color="#999999", linewidth=2)
    axes.set_yticks(places, [classes[index] for index in order])
    axes.set(xlabel="IU", xlim=(0, 1))
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="lower right")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def rows_of_pictures(
    samples: Sequence[tuple[Tensor, Tensor]],
    predictions: dict[str, Sequence[Tensor]],
    classes: Sequence[str],
    title: str,
    palette: np.ndarray | None = None,
    mistakes: bool = False,
    legend: bool = True,
) -> Figure:
    """One row a picture: the truth, then what each net says of it (FCN, figures 4 and 6).

    Args:
        samples: (image (3, H, W), mask (H, W)), such as the best or the worst of an evaluation.
        predictions: net -> a label map for each sample.
        classes: their names.
        title: the finding.
        palette: colours of the classes.
        mistakes: draw where each net is wrong, and how, instead of what it says.
        legend: False where the names in the pictures are enough.
    """
    drawings, columns = {}, 1 + len(predictions)
    for row, (image, mask) in enumerate(samples):
        # captions have to differ, and only the first row shows any
        captions = ["truth", *predictions] if row == 0 else [" " * (row * columns + each) for each in range(columns)]

        def truth(axes, image=image, mask=mask):
            return draw_classes(axes, image, mask, classes, palette)

        drawings[captions[0]] = truth
        for caption, maps in zip(captions[1:], predictions.values(), strict=True):

            def draw(axes, image=image, mask=mask, label_map=maps[row]):
                if mistakes:
                    return draw_mistakes(axes, image, mask, label_map, shares=False)
                return draw_classes(axes, image, label_map, classes, palette)

            drawings[caption] = draw
    return panels(drawings, title, columns=columns, legend=legend)
