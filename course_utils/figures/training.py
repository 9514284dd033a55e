"""What training reached, drawn: seeds beside the paper, rates, patches, and what a stride cannot see (lecture 04)."""

from collections.abc import Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

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


def over_rates(
    rates: Sequence[float], scores: dict[str, Sequence[float]], title: str, up: str, start: float | None = None
) -> Figure:
    """A score over learning rates, the axis of rates logarithmic.

    Args:
        rates: in ascending order.
        scores: name -> score at each rate.
        title: the finding.
        up: what the score is.
        start: the score before, drawn as a line.
    """
    figure, axes = plt.subplots(figsize=(10, 4.5))
    for (name, values), (colour, marker) in zip(scores.items(), LOOKS, strict=False):
        axes.plot(rates, values, marker=marker, markersize=10, color=COLOURS[colour], label=name)
        best = int(np.nanargmax(values))
        axes.annotate(
            f"{values[best]:.2f}", (rates[best], values[best]), (0, 10), textcoords="offset points", ha="center",
            weight="bold", color=COLOURS[colour],
        )  # fmt: skip
    if start is not None:
        axes.axhline(start, color=GREY, linestyle="--", linewidth=2)
        axes.text(rates[-1], start, "before", color=GREY, va="bottom", ha="right", weight="bold")
    axes.set_xscale("log")
    axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
    axes.minorticks_off()
    axes.set(xlabel="learning rate", ylabel=up, ylim=(0, 1.25 * max(max(values) for values in scores.values())))
    axes.grid(alpha=0.3)
    if len(scores) > 1:
        axes.legend()
    figure.suptitle(title, x=0.01, ha="left")
    return figure


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
