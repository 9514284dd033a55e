"""Learning curves: the loss of each step, and scores after each epoch (lectures 04 to 10)."""

import io

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from course_utils.figures.style import COLOURS
from course_utils.training.history import History

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
