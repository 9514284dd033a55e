"""Upsampling that minds where cells look, as the coordinate maps say (FCN, section 3.2; lectures 03 to 05).

`interpolate` takes it that the cells of a map lie evenly over the picture. Padding can put them elsewhere: those of
EfficientNet-Lite0 lie half a cell further down and to the right. The authors' nets crop what is too much before the
first cell; here the positions themselves are computed, which fits any backbone and pictures of any size.
"""

from fractions import Fraction

import torch
from torch import Tensor

from course_utils.models.geometry import CoordinateMap

Grid = tuple[CoordinateMap, CoordinateMap]
PIXELS: Grid = (CoordinateMap(), CoordinateMap())


def places_in(coarse: CoordinateMap, fine: CoordinateMap, count: int) -> Tensor:
    """Where the first `count` cells of a fine map lie in a coarse one, in coarse cells: 0.5 is between the first two.

    Shape:
        (count,), float32
    """
    first = (fine.shift - coarse.shift) / coarse.scale
    step = Fraction(fine.scale) / coarse.scale
    return float(first) + float(step) * torch.arange(count, dtype=torch.float32)


def interpolation_matrix(places: Tensor, cells: int) -> Tensor:
    """The matrix that interpolates a line of cells at some places; past the first and last cell, their value holds.

    A row has two weights at most, 1 less the distance to the cell, and they sum up to 1.

    Shape:
        places (count,) in cells -> (count, cells)
    """
    places = places.clamp(0, cells - 1)
    return (1 - (places[:, None] - torch.arange(cells, device=places.device)).abs()).clamp(min=0)


def resample(scores: Tensor, here: Grid, there: Grid, size: tuple[int, int]) -> Tensor:
    """Scores interpolated bilinearly at the cells of another map: first along the rows, then along the columns.

    Args:
        scores: of a map whose cells look where `here` says.
        here, there: coordinate maps of rows and of columns, from a map's cells to pixels.
        size: rows and columns of the other map.

    Shape:
        scores (N, C, h, w) -> (N, C, *size)
    """
    rows, columns = (
        interpolation_matrix(places_in(coarse, fine, count), cells).to(scores)
        for coarse, fine, count, cells in zip(here, there, size, scores.shape[-2:], strict=True)
    )
    return rows @ (scores @ columns.T)
