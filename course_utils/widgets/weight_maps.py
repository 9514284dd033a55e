"""Which pixels count how much: w0 and sigma of the border weight map (U-Net, section 3, equation 2; lecture 08)."""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from ipywidgets import FloatSlider, IntSlider
from torch import Tensor

from course_utils.data.sets.nuclei import touching
from course_utils.figures.boards import Board, Plot
from course_utils.figures.style import COLOURS, GREY
from course_utils.losses import border_weights, separated, two_nearest
from course_utils.widgets.frame import Explorer, Panel, panels

NARROW = 8  # pixels: background where d1 + d2 is at most this counts as a gap between two cells
HEAVIEST = 22.0  # top of the scales, the same for every w0
RANGE = (0.0, HEAVIEST)
KINDS = {"gaps": (COLOURS["red"], "////"), "background": (COLOURS["sky"], ""), "cells": (COLOURS["green"], "....")}


@dataclass(frozen=True)
class Weights:
    """A weight map and what it does to the loss.

    Attributes:
        map: (H, W).
        cells: (H, W), int64, the cells with a gap between those that touch.
        pixels: share of the pixels that are gaps, other background, cells.
        loss: share of the weights that falls on each of them.
        gap: mean weight of a gap pixel divided by a cell pixel's.
        far: mean weight of another background pixel divided by what it is without the second term.
        row: of the profile.
    """

    map: np.ndarray
    cells: np.ndarray
    pixels: dict[str, float]
    loss: dict[str, float]
    gap: float
    far: float
    row: int


def compute(instances: Tensor, w0: float, sigma: float, row: int) -> Weights:
    """The weight map of numbered cells, and the share of gaps, background and cells in it.

    Shape:
        instances (H, W), int64, 0 for background
    """
    cells = separated(instances)
    weights, labels = border_weights(cells, w0, sigma).numpy(), cells.numpy()
    gaps = np.isfinite(two_nearest(np.ascontiguousarray(labels, dtype=np.int32), NARROW))
    where = {"gaps": gaps, "background": (labels == 0) & ~gaps, "cells": labels > 0}
    pixels = {kind: float(mask.mean()) for kind, mask in where.items()}
    loss = {kind: float(weights[mask].sum() / weights.sum()) for kind, mask in where.items()}
    mean = {kind: float(weights[mask].mean()) if mask.any() else 0.0 for kind, mask in where.items()}
    far = mean["background"] / float(weights[where["background"]].min())
    return Weights(weights, labels, pixels, loss, mean["gaps"] / mean["cells"], far, row)


def describe(weights: Weights) -> str:
    """Who gets how much of the loss."""
    return (
        f"Gaps are {weights.pixels['gaps']:.1%} of the pixels and {weights.loss['gaps']:.1%} of the loss; a gap pixel "
        f"counts {weights.gap:.1f} times as much as one in a cell. Heaviest pixel: {weights.map.max():.1f}, in row "
        f"{weights.row}: {weights.map[weights.row].max():.1f}."
    )


def heading(weights: Weights) -> str:
    """What the map does, in a line."""
    gaps, pixels = weights.loss["gaps"], weights.pixels["gaps"]
    if gaps < pixels:
        return f"The gaps hardly count: {gaps:.0%} of the loss"
    if weights.loss["background"] > 2 * gaps and weights.far > 1.5:
        return f"The weight has left the gaps: {weights.loss['background']:.0%} of the loss lies on other background"
    return f"Gaps between cells: {pixels:.0%} of the pixels, {gaps:.0%} of the loss"


def draw(weights: Weights) -> Board:
    """The map, its profile along one row, and who gets the loss."""
    captions = ["the map: light is heavy", f"its values along row {weights.row}", "who gets the loss"]
    board, (whole, profile, shares) = panels(heading(weights), captions, below=26)
    board.image(weights.map, *whole, cmap="inferno", vmin=0, vmax=HEAVIEST / 2)
    height, width = weights.map.shape
    level = whole.top + (weights.row + 0.5) * whole.height / height
    for tone, thick in (("black", 4), (COLOURS["sky"], 2)):
        board.line([whole.left, whole.left + whole.width], [level, level], color=tone, linewidth=thick)
    plot = Plot(board, profile.left + 26, profile.top + 6, profile.width - 30, profile.height - 6, (0, width), RANGE)
    draw_profile(plot, weights.map[weights.row], weights.cells[weights.row])
    draw_shares(board, shares, weights)
    board.write(profile.left + 26, profile.bottom + 20, "hatched: inside a cell", color=GREY)
    board.write(shares.left, shares.bottom + 20, f"gap: d1 + d2 up to {NARROW} px", color=GREY)
    return board


def draw_profile(plot: Plot, values: np.ndarray, cells: np.ndarray) -> None:
    """The weights along one row, with the cells that it crosses."""
    edges = np.flatnonzero(np.diff(cells, prepend=0, append=0))
    hatched = {"facecolor": "#E4E4E4", "edgecolor": "#9A9A9A", "hatch": "////", "linewidth": 0}
    for start, end in pairwise(edges):
        if cells[start]:
            plot.board.box(plot.x(start), plot.top, plot.x(end) - plot.x(start), plot.height, **hatched)
    plot.axes((), (0, 5, 10, 15, 20), "", "")
    plot.curve(np.arange(len(values)).repeat(2) + np.tile([0, 1], len(values)), values.repeat(2), COLOURS["red"])


def draw_shares(board: Board, panel: Panel, weights: Weights) -> None:
    """Two bars for each kind of pixel: how many there are, and how much of the loss they get."""
    scale = panel.width - 130
    for place, (kind, (colour, hatch)) in enumerate(KINDS.items()):
        top = panel.top + 18 + place * panel.height / 3
        board.write(panel.left, top, kind, weight="bold")
        for down, share, words, face in (
            (8, weights.pixels[kind], "of the pixels", "white"),
            (34, weights.loss[kind], "of the loss", colour),
        ):
            board.box(panel.left, top + down, scale * share, 22, facecolor=face, hatch=hatch, linewidth=1)
            board.write(panel.left + scale * share + 6, top + down + 11, f"{share:.0%} {words}", va="center")


def busiest(instances: Tensor, side: int = 160) -> tuple[slice, slice]:
    """The window with the most cells that touch another, found in steps of a tenth of its side.

    Shape:
        instances (H, W), int64
    """
    height, width = instances.shape
    step = max(1, side // 10)
    corners = [(top, left) for top in range(0, height - side + 1, step) for left in range(0, width - side + 1, step)]
    windows = {(top, left): instances[top : top + side, left : left + side] for top, left in corners}
    top, left = max(corners, key=lambda corner: touching(windows[corner]))
    return slice(top, top + side), slice(left, left + side)


def weight_map(instances: Tensor) -> Explorer:
    """w0 and sigma of the border weights, in three views: map, profile, shares of the loss (U-Net, eq. 2; lecture 08).

    Args:
        instances: cells, numbered; drawn is the part in which most of them touch.

    Shape:
        instances (H, W), int64, 0 for background
    """
    part = instances[busiest(instances, min(160, *instances.shape))]
    heaviest = int(border_weights(separated(part)).sum(dim=1).argmax())
    return Explorer(
        name="weight_map",
        title="The border weight map and who gets the loss",
        try_this="the paper's w0 is 10, its sigma 5 px. Set w0 to 0: what is left? Then sigma to 20: where did the weight go?",
        controls={
            "w0": FloatSlider(10, min=0, max=20, step=0.5, readout_format=".1f", description="w0"),
            "sigma": FloatSlider(5, min=0.5, max=20, step=0.5, readout_format=".1f", description="sigma, px"),
            "row": IntSlider(heaviest, 0, part.shape[0] - 1, description="row of the profile"),
        },
        compute=partial(compute, part),
        draw=draw,
        describe=describe,
        alt="Three views of a weight map of touching cells: the map, bright in the gaps; its values along one row; bars with "
        "the share of gaps, background and cells among the pixels and in the loss.",
        point=lambda values, data, x, y: row_at(data, x, y),
        walk=lambda values, across, down: {"row": values["row"] + down},
        telling={"w0": [0, 2, 5, 10, 20], "sigma": [1, 2, 3, 5, 7, 10, 20]},
    )


def row_at(weights: Weights, x: float, y: float) -> dict[str, int]:
    """The row of the map under a place on the board; none where it lies outside the map."""
    _, (whole, *_) = panels("", ["", "", ""])
    if not (whole.left <= x < whole.left + whole.width and whole.top <= y < whole.bottom):
        return {}
    return {"row": int((y - whole.top) / whole.height * len(weights.map))}
