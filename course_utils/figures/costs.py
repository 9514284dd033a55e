"""What an answer costs: bars of ratios, and curves over the stride (lecture 02)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_utils.figures.style import COLOURS, GREY

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
