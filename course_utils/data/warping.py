"""Bend and move pictures and their masks by one field of coordinates (U-Net, section 3.1; lecture 08).

A field says for each pixel of the result where in the source it comes from: (2, H, W) float32, rows and columns in
pixels, (0, 0) the middle of the upper left pixel. Moving, turning, scaling and bending are all put into one field,
so that a picture is interpolated once; masks are looked up and never interpolated.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def affine_field(
    source: tuple[int, int],
    size: tuple[int, int],
    centre: tuple[float, float] | None = None,
    scale: float = 1.0,
    degrees: float = 0.0,
    flip: bool = False,
    flip_rows: bool = False,
) -> Tensor:
    """A window on the source: cut out, enlarged, turned, mirrored.

    Args:
        source: height and width of what will be looked at.
        size: height and width of the result.
        centre: row and column of the source in the middle of the result; its own middle by default.
        scale: 2 shows everything twice as large.
        degrees: turns the contents against the clock.
        flip: left becomes right.
        flip_rows: up becomes down.

    Shape:
        -> (2, height, width)
    """
    middle = centre if centre is not None else ((source[0] - 1) / 2, (source[1] - 1) / 2)
    rows = (torch.arange(size[0]) - (size[0] - 1) / 2) * (-1 if flip_rows else 1)
    columns = (torch.arange(size[1]) - (size[1] - 1) / 2) * (-1 if flip else 1)
    cosine, sine = math.cos(math.radians(degrees)) / scale, math.sin(math.radians(degrees)) / scale
    rows, columns = rows[:, None], columns[None, :]
    return torch.stack([cosine * rows + sine * columns + middle[0], cosine * columns - sine * rows + middle[1]])


def elastic_displacements(
    size: tuple[int, int], sigma: float = 10.0, grid: int = 3, generator: torch.Generator | None = None
) -> Tensor:
    """Smooth random displacements: Gaussian on a coarse grid, bicubic in between (U-Net, section 3.1).

    Args:
        size: height and width.
        sigma: standard deviation on the grid, in pixels; the paper's is 10.
        grid: points along each side; the paper's is 3.
        generator: for chance.

    Shape:
        -> (2, height, width), to be added to a field
    """
    coarse = sigma * torch.randn(1, 2, grid, grid, generator=generator)
    return F.interpolate(coarse, size=size, mode="bicubic", align_corners=True)[0]


def warp(values: Tensor, field: Tensor, outside: int | None = None, mode: str = "bilinear") -> Tensor:
    """Look up a picture, a mask or a map where the field says.

    Whole numbers other than uint8, and booleans, are labels: each pixel gets its nearest source pixel's number.
    uint8 pictures and floating-point maps are interpolated. Past its edges the source is mirrored.

    Args:
        values: (C, H, W) or (H, W).
        field: (2, h, w).
        outside: a number for pixels that come from past the edges, instead of the mirror's.
        mode: "bilinear", "bicubic" or "nearest" for pictures and maps.

    Shape:
        -> (C, h, w) or (h, w), of the same type
    """
    labels = values.dtype not in (torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64)
    lookup = labels or mode == "nearest"
    warped = _nearest(values, field) if lookup else _interpolated(values, field, mode)
    if outside is not None:
        height, width = values.shape[-2:]
        rows, columns = field
        past = (rows < -0.5) | (rows > height - 0.5) | (columns < -0.5) | (columns > width - 0.5)
        warped = torch.where(past, torch.tensor(outside, dtype=values.dtype), warped)
    return warped


def mirror(index: Tensor, length: int) -> Tensor:
    """Whole-number places past the edges, mirrored at the first and the last pixel, which are not repeated."""
    if length == 1:
        return torch.zeros_like(index)
    index = index.remainder(2 * length - 2)
    return torch.minimum(index, 2 * length - 2 - index)


def mirror_pad(values: Tensor, top: int, bottom: int, left: int, right: int) -> Tensor:
    """Add mirrored borders of any width, as U-Net does where it lacks context (section 2, Figure 2).

    Shape:
        (..., H, W) -> (..., top + H + bottom, left + W + right), of any type

    Raises:
        ValueError: for negative widths.
    """
    if min(top, bottom, left, right) < 0:
        raise ValueError(f"mirror_pad: borders of {top}, {bottom}, {left}, {right} pixels: none may be negative")
    height, width = values.shape[-2:]
    rows = mirror(torch.arange(-top, height + bottom), height)
    columns = mirror(torch.arange(-left, width + right), width)
    return values[..., rows[:, None], columns[None, :]]


def _nearest(values: Tensor, field: Tensor) -> Tensor:
    height, width = values.shape[-2:]
    rows, columns = mirror((field + 0.5).floor().long()[0], height), mirror((field + 0.5).floor().long()[1], width)
    return values[..., rows, columns]


def _interpolated(values: Tensor, field: Tensor, mode: str) -> Tensor:
    height, width = values.shape[-2:]
    # grid_sample counts from -1 at the first pixel's middle to 1 at the last one's.
    columns = field[1] * (2 / max(1, width - 1)) - 1
    rows = field[0] * (2 / max(1, height - 1)) - 1
    exact = values.to(torch.float32) if values.dtype != torch.float64 else values
    exact = exact[None] if exact.ndim == 3 else exact[None, None]
    grid = torch.stack([columns, rows], dim=-1)[None].to(exact.dtype)
    warped = F.grid_sample(exact, grid, mode=mode, padding_mode="reflection", align_corners=True)[0]
    if values.dtype == torch.uint8:
        warped = warped.round_().clamp_(0, 255)
    return warped.reshape(*values.shape[:-2], *field.shape[1:]).to(values.dtype)
