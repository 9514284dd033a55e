"""Training drawn: curves, seeds beside the paper, rates, classes, bands, best and worst pictures (lectures 04, 05, 08)."""

import io
import time
from collections.abc import Sequence
from itertools import pairwise

import matplotlib.patheffects as effects
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from torch import Tensor

from course_utils.figures.overlays import draw_classes, draw_mistakes, panels
from course_utils.figures.style import COLOURS, GREY
from course_utils.training.evaluation import Evaluation
from course_utils.training.progress import History

LOOKS = [("blue", "o"), ("orange", "s"), ("green", "^"), ("red", "D"), ("pink", "v"), ("sky", "P"), ("black", "X")]


def learning_curves(histories: dict[str, History], title: str, score: str | None = None) -> Figure:
    """The loss of each step, faint and smoothed, and beside it a score after each epoch where one was taken.

    Args:
        histories: name -> history; one of them may be called "" and needs no legend.
        title: the finding.
        score: which score is drawn, such as "mean_iu"; the first one taken when left out.

    Raises:
        ValueError: where there is no history.
    """
    if not histories:
        raise ValueError("learning_curves({...}, title): give at least one history")
    taken = [name for history in histories.values() for name in history.scores()]
    score = score or next(iter(taken), None)
    figure, grid = plt.subplots(1, 2 if score else 1, figsize=(12 if score else 10, 4.5), squeeze=False)
    for (name, history), (colour, marker) in zip(histories.items(), LOOKS, strict=False):
        colour = COLOURS[colour]
        losses = np.array(history.losses)
        steps = np.arange(1, len(losses) + 1)
        grid[0, 0].plot(steps, losses, color=colour, linewidth=1, alpha=0.25)
        ends = np.array([epoch["steps"] for epoch in history.epochs])
        smooth = smoothed(losses)
        grid[0, 0].plot(steps, smooth, color=colour, label=name)
        if len(ends):
            grid[0, 0].plot(ends, smooth[ends - 1], marker, color=colour, markersize=7)
        points = history.score(score) if score else []
        if points:
            grid[0, 1].plot(*zip(*points, strict=True), marker=marker, markersize=8, color=colour, label=name)
    grid[0, 0].set(xlabel="step", ylabel="loss", yscale="log")
    grid[0, 0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    grid[0, 0].yaxis.set_major_formatter("{x:g}")
    grid[0, 0].yaxis.set_minor_formatter(NullFormatter())
    grid[0, 0].grid(alpha=0.3)
    if score:
        grid[0, 1].set(
            xlabel="step", ylabel=score.replace("_", " ").replace("iu", "IU"), ylim=(0, None), xlim=(0, None)
        )
        grid[0, 1].grid(alpha=0.3)
    if any(histories):
        grid[0, -1].legend()
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def smoothed(losses: np.ndarray, share: float = 0.05) -> np.ndarray:
    """A running mean over the last twentieth of all steps."""
    width = max(1, round(share * len(losses)))
    sums = np.concatenate([[0.0], np.cumsum(losses)])
    ends = np.arange(1, len(losses) + 1)
    starts = np.maximum(0, ends - width)
    return (sums[ends] - sums[starts]) / (ends - starts)


def as_output(figure: Figure, alt: str) -> tuple[dict, dict]:
    """A figure as a notebook's output with alt text, and its metadata; the figure is closed."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", bbox_inches="tight")
    plt.close(figure)
    return {"image/png": picture.getvalue(), "text/plain": f"[figure: {alt}]"}, {"image/png": {"alt": alt}}


REDRAW = 5.0  # seconds between two drawings


class LiveCurves:
    """Learning curves that are drawn anew, in the same place, while a net is trained."""

    def __init__(self, history: History):
        self.history, self.handle, self.drawn = history, None, time.monotonic()

    def redraw(self, last: bool = False) -> None:
        """Draw the curves if the last time was a while ago, or if this is the last one."""
        if not last and time.monotonic() - self.drawn < REDRAW:
            return
        from IPython.display import display

        done = f"{len(self.history.losses):,} steps, {self.history.seconds:.0f} s"
        figure = learning_curves({"": self.history}, f"Loss {self.history.losses[-1]:.3f} after {done}")
        data, metadata = as_output(
            figure, alt=f"Learning curves: {self.history.line()}" if self.history.epochs else done
        )
        if self.handle is None:
            self.handle = display(data, raw=True, metadata=metadata, display_id=True)
        else:
            self.handle.update(data, raw=True, metadata=metadata)
        self.drawn = time.monotonic()


def beside_the_paper(
    ours: dict[str, Sequence[float]], paper: dict[str, float], title: str, labels: tuple[str, str]
) -> Figure:
    """One dot a seed, a bar for their mean, and the paper's number beside each.

    Args:
        ours: net -> mean IU of each seed, 0 to 1.
        paper: net -> mean IU, 0 to 1.
        title: the finding.
        labels: what each side was measured on.
    """
    figure, panes = plt.subplots(1, 2, figsize=(10, 1.1 + 0.75 * max(len(ours), 2)), sharey=True)
    names = list(ours)
    for place, name in enumerate(names):
        values = np.array(ours[name])
        panes[0].barh(place, values.mean(), height=0.55, color=COLOURS["sky"], edgecolor="black")
        panes[0].plot(values, place + np.linspace(-0.14, 0.14, len(values)), "o", color="black", markersize=8)
        panes[0].text(values.max() + 0.02, place, f"{100 * values.mean():.1f}", va="center", weight="bold")
        panes[1].barh(place, paper.get(name, 0), height=0.55, color=COLOURS["orange"], hatch="//", edgecolor="black")
        if name in paper:
            panes[1].text(paper[name] + 0.02, place, f"{100 * paper[name]:.1f}", va="center", weight="bold")
    for axes, label in zip(panes, labels, strict=True):
        axes.set(xlim=(0, 1.12 * max(max(map(max, ours.values())), *paper.values())), xlabel="mean IU")
        axes.set_title(label, fontsize=14, weight="normal")
    panes[0].set_yticks(range(len(names)), names)
    panes[0].invert_yaxis()
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def over_rates(histories: dict[float, History], scores: dict[float, float], fixed: float, title: str) -> Figure:
    """Smoothed losses of trainings at several learning rates, and the mean IU that each reached.

    Args:
        histories: learning rate -> history, rates ascending.
        scores: learning rate -> mean IU, 0 to 1.
        fixed: mean IU with a fixed backbone, drawn as a line.
        title: the finding.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.5))
    right.plot(list(scores), list(scores.values()), color=GREY, zorder=1)
    for (rate, history), (colour, marker) in zip(histories.items(), LOOKS, strict=False):
        losses = smoothed(np.array(history.losses), share=0.1)
        steps = np.arange(1, len(losses) + 1)
        look = {"color": COLOURS[colour], "marker": marker, "markersize": 9}
        left.plot(steps, losses, **look, markevery=max(1, len(losses) // 6))
        left.text(1.03 * steps[-1], losses[-1], in_full(rate), color=COLOURS[colour], va="center", weight="bold")
        right.plot([rate], [scores[rate]], **look)
        right.annotate(
            f"{scores[rate]:.2f}", (rate, scores[rate]), (0, 10), textcoords="offset points", ha="center",
            path_effects=[effects.withStroke(linewidth=6, foreground="white")],
        )  # fmt: skip
    right.axhline(fixed, color="black", linestyle="--", linewidth=2)
    right.text(min(scores), fixed, "fixed backbone", va="bottom", ha="left")
    left.set(xlabel="step", ylabel="loss, smoothed", yscale="log", xlim=(0, 1.28 * steps[-1]))
    left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_formatter(NullFormatter())
    right.set(xscale="log", xlabel="learning rate", ylabel="mean IU", ylim=(0, 1.25 * max(*scores.values(), fixed)))
    right.margins(x=0.15)
    right.set_xticks(list(scores), [in_full(rate) for rate in scores])
    right.minorticks_off()
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def over_amount(lines: dict[str, dict[float, Sequence[float]]], title: str, label: str) -> Figure:
    """Mean IU over how much there was of something, the axis doubling from step to step; a dot a seed (lecture 10).

    Args:
        lines: name -> amount -> mean IU of each seed, 0 to 1.
        title: the finding.
        label: what there was so much of.
    """
    figure, axes = plt.subplots(figsize=(10, 5))
    for (name, values), (colour, marker) in zip(lines.items(), LOOKS, strict=False):
        amounts, means = list(values), [float(np.mean(each)) for each in values.values()]
        axes.plot(amounts, means, color=COLOURS[colour], marker=marker, markersize=10, label=name)
        for amount, each in values.items():
            if len(each) > 1:
                axes.plot([amount] * len(each), each, "o", color="black", markersize=6, markerfacecolor="white")
    axes.set_xscale("log", base=2)
    axes.set_xticks(amounts, [f"{amount:g}" for amount in amounts])
    axes.minorticks_off()
    everything = [value for values in lines.values() for each in values.values() for value in each]
    axes.set(xlabel=label, ylabel="mean IU", ylim=(max(0, min(everything) - 0.1), max(everything) + 0.1))
    axes.grid(alpha=0.3)
    if len(lines) > 1:
        axes.legend()
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def in_full(rate: float) -> str:
    """A learning rate without an exponent, 0.00002 and not 2e-05."""
    return f"{rate:.10f}".rstrip("0")


def by_step_and_by_time(histories: dict[str, History], title: str) -> Figure:
    """Smoothed losses twice: over the steps, and over the seconds that they took (FCN, Figure 5).

    Args:
        histories: name -> history.
        title: the finding.
    """
    figure, panes = plt.subplots(1, 2, figsize=(12, 4.5), sharey=True)
    for (name, history), (colour, marker) in zip(histories.items(), LOOKS, strict=False):
        losses = smoothed(np.array(history.losses), share=0.2)
        steps = np.arange(1, len(losses) + 1)
        for axes, across in zip(panes, (steps, steps * history.seconds / len(losses)), strict=True):
            axes.plot(across, losses, color=COLOURS[colour], marker=marker, markevery=(4, 8), markersize=8, label=name)
    panes[0].set(xlabel="step", ylabel="loss, smoothed")
    panes[1].set(xlabel="seconds", xlim=(0, None))
    for axes in panes:
        axes.grid(alpha=0.3)
    panes[1].legend()
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def found_over_thickness(
    lines: dict[str, Sequence[float]], edges: Sequence[float], counts: Sequence[int], stride: int, title: str
) -> Figure:
    """The share of things that was found, over how thick they are; the stride is marked.

    Args:
        lines: name -> share in each group, NaN where it is empty.
        edges: where each group begins, in pixels.
        counts: things in each group.
        stride: of the net, in pixels.
        title: the finding.
    """
    figure, axes = plt.subplots(figsize=(10, 5))
    places = np.arange(len(edges))
    for (name, shares), (colour, marker) in zip(lines.items(), LOOKS, strict=False):
        axes.plot(places, shares, marker=marker, markersize=10, color=COLOURS[colour], label=name)
    ends = [f"{low:g} to {high:g}" for low, high in pairwise(edges)] + [f"{edges[-1]:g} and more"]
    axes.set_xticks(places, [f"{end}\n({count} things)" for end, count in zip(ends, counts, strict=True)])
    where = np.interp(stride, edges, places) - 0.5
    axes.axvline(where, color=GREY, linestyle="--", linewidth=2)
    axes.text(where + 0.04, 0.02, f"as thick as a cell: {stride} pixels", color=GREY, va="bottom")
    axes.set(xlabel="pixels across, where the thing is thickest", ylabel="share of its pixels found", ylim=(0, 1.03))
    axes.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


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
