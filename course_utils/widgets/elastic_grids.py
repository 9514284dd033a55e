"""Bend a picture of cells and its mask together: grid, sigma and seed (U-Net, section 3.1; lecture 08)."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from ipywidgets import FloatSlider, IntSlider
from torch import Tensor

from course_utils.data.transforms import affine_field, elastic_displacements, warp
from course_utils.figures.boards import Board
from course_utils.figures.overlays import picture
from course_utils.figures.style import COLOURS, instance_palette
from course_utils.widgets.frame import Explorer, panels

SPACING = 32  # pixels between the lines that are drawn to be bent


@dataclass(frozen=True)
class Bent:
    """A bent picture with its mask, and how far it went.

    Attributes:
        before: (3, H, W), uint8, as it was.
        image: (3, H, W), uint8.
        labels: (H, W), int64.
        palette: (largest label + 1, 3), uint8, a colour for each cell.
        lines: (H, W) bool, straight lines every `SPACING` pixels, bent with the picture.
        points: (grid * grid, 2), rows and columns where the coarse grid's points lie.
        sources: (grid * grid, 2), where in the old picture each of them takes its pixel from.
        furthest: how far any pixel came, in pixels.
        folded: share of the picture that is turned inside out, because displacements overtake each other.
    """

    before: Tensor
    image: Tensor
    labels: Tensor
    palette: np.ndarray
    lines: np.ndarray
    points: np.ndarray
    sources: np.ndarray
    furthest: float
    folded: float


def bend(image: Tensor, labels: Tensor, palette: np.ndarray, grid: int = 3, sigma: float = 10.0, seed: int = 0) -> Bent:
    """Bend a picture and its mask by the same field; the same seed with twice the sigma goes twice as far.

    Args:
        palette: (largest label + 1, 3), uint8, a colour for each cell.
        grid: points along each side of the coarse grid; the paper's is 3.
        sigma: standard deviation of the displacements on that grid, in pixels; the paper's is 10.
        seed: of the displacements.

    Shape:
        image (3, H, W), labels (H, W)
    """
    size = tuple(labels.shape)
    chance = torch.Generator().manual_seed(seed)
    displacements = elastic_displacements(size, sigma, grid, chance)
    field = affine_field(size, size) + displacements
    rows, columns = (np.linspace(0, length - 1, grid).round().astype(int) for length in size)
    points = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    return Bent(
        before=image,
        image=warp(image, field),
        labels=warp(labels, field),
        palette=palette,
        lines=bent_lines(field.numpy()),
        points=points,
        sources=field.numpy()[:, points[:, 0], points[:, 1]].T,
        furthest=float(displacements.square().sum(dim=0).max().sqrt()),
        folded=folded_share(field.numpy()),
    )


def bent_lines(field: np.ndarray, spacing: int = SPACING) -> np.ndarray:
    """Where straight lines of the old picture, every `spacing` pixels, are found in the new one.

    Shape:
        field (2, H, W) -> (H, W) bool
    """
    lines = np.zeros(field.shape[1:], dtype=bool)
    for places in field:
        # a pixel is on a line when the line runs between it and its neighbour
        strip = np.floor((places + spacing / 2) / spacing)
        lines[1:] |= strip[1:] != strip[:-1]
        lines[:, 1:] |= strip[:, 1:] != strip[:, :-1]
    return lines


def folded_share(field: np.ndarray) -> float:
    """Share of the pixels where the field turns the picture inside out (its Jacobian's determinant is negative).

    Shape:
        field (2, H, W)
    """
    down, across = np.diff(field, axis=1)[:, :, :-1], np.diff(field, axis=2)[:, :-1]
    return float((down[0] * across[1] - down[1] * across[0] < 0).mean())


def describe(bent: Bent) -> str:
    """How far the pixels came, and whether the picture was torn."""
    if bent.furthest == 0:
        return "No pixel moved."
    folded = f"{max(bent.folded, 0.001):.1%}" if bent.folded else "nothing"
    return f"The farthest pixel came {bent.furthest:.0f} px. Turned inside out: {folded}."


def heading(bent: Bent) -> str:
    """What happened, in a line."""
    if bent.furthest == 0:
        return "Nothing moves: the picture and its mask as they were"
    if bent.folded:
        return "Too much: in places the picture is turned inside out"
    return "A new picture and its mask, bent by the same field"


def draw(bent: Bent) -> Board:
    """Before, after, and the mask after."""
    captions = ["before: where the dots will go", "the picture after", "its mask after"]
    board, (before, after, mask) = panels(heading(bent), captions)
    height, width = bent.labels.shape
    straight = bent_lines(affine_field((height, width), (height, width)).numpy())
    board.image(with_lines(brighter(bent.before), straight), *before, interpolation="bilinear")
    board.image(with_lines(brighter(bent.image), bent.lines), *after, interpolation="bilinear")
    board.image(with_lines(bent.palette[bent.labels.numpy()] / 255, bent.lines), *mask)
    scale = np.array([before.height / height, before.width / width])
    corner = np.array([before.top, before.left])
    ends, starts = (corner + (places + 0.5) * scale for places in (bent.points, bent.sources))
    inside = ((starts > corner) & (starts < corner + before.height)).all(axis=1)
    draw_arrows(board, starts[inside], ends[inside])
    return board


def draw_arrows(board: Board, starts: np.ndarray, ends: np.ndarray) -> None:
    """A dot at each start, and a line to the cross where it will go; (points, 2), down and across in pixels."""
    apart = np.full((len(starts), 2), np.nan)
    down, across = np.stack([starts, ends, apart], axis=1).reshape(-1, 2).T
    board.line(across, down, color=COLOURS["orange"], linewidth=3)
    dots = {"linewidth": 0, "markeredgecolor": "black"}
    board.line(ends[:, 1], ends[:, 0], marker="X", markersize=8, markerfacecolor=COLOURS["orange"], **dots)
    board.line(starts[:, 1], starts[:, 0], marker="o", markersize=6, markerfacecolor="white", **dots)


def with_lines(ground: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) with lines drawn over it."""
    return np.where(lines[..., None], np.array([0.94, 0.89, 0.26]), ground)


def brighter(image: Tensor) -> np.ndarray:
    """A picture (H, W, 3), 0 to 1, with its dim cells lifted so that a projector shows them."""
    return picture(image) ** 0.65


def elastic(image: Tensor, labels: Tensor) -> Explorer:
    """Bend a picture and its mask: points of the coarse grid, sigma and seed (U-Net, section 3.1; lecture 08).

    Args:
        image: a square crop of cells, 256x256 or so.
        labels: its cells, numbered.

    Shape:
        image (3, H, W) uint8, labels (H, W) int64
    """
    return Explorer(
        name="elastic",
        title="Elastic deformation of a picture and its mask",
        try_this="the paper's setting is a 3x3 grid and 10 px. At which sigma does the picture fold? And with a finer grid?",
        controls={
            "grid": IntSlider(3, 2, 10, description="grid, points a side"),
            "sigma": FloatSlider(10, min=0, max=60, step=1, readout_format=".0f", description="sigma, px"),
            "seed": IntSlider(0, 0, 20, description="seed"),
        },
        compute=partial(bend, image, labels, instance_palette(labels.numpy())),
        draw=draw,
        describe=describe,
        alt="Three pictures of cells with a net of yellow lines: as they were, bent, and the bent mask with a colour for "
        "each cell.",
        telling={"grid": [3, 5, 10], "sigma": [0, 10, 15, 20, 30, 40, 60]},
    )
