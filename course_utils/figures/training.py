"""What training reached, drawn: seeds beside the paper, rates, patches, and what a stride cannot see (lecture 04)."""

from collections.abc import Sequence
from itertools import pairwise

import matplotlib.patheffects as effects
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from course_utils.figures.learning import LOOKS, smoothed
from course_utils.figures.style import COLOURS, GREY
from course_utils.training.history import History


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
