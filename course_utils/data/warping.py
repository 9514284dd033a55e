"""Bend and move pictures and their masks by one field of coordinates (U-Net, section 3.1; lecture 08).

A field says for each pixel of the result where in the source it comes from: (2, H, W) float32, rows and columns in
pixels, (0, 0) the middle of the upper left pixel. Moving, turning, scaling and bending are all put into one field,
so that a picture is interpolated once; masks are looked up and never interpolated.

The arithmetic is NumPy's, on one thread: on pictures this small, torch's threads cost more than they save, and on a
busy machine they made one deformation twenty times slower. Tensors must be on the CPU.
"""

import math
from functools import lru_cache

import numpy as np
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
    rows = (np.arange(size[0]) - (size[0] - 1) / 2) * (-1 if flip_rows else 1)
    columns = (np.arange(size[1]) - (size[1] - 1) / 2) * (-1 if flip else 1)
    cosine, sine = math.cos(math.radians(degrees)) / scale, math.sin(math.radians(degrees)) / scale
    field = np.empty((2, *size), np.float32)
    np.add((cosine * rows + middle[0])[:, None], (sine * columns)[None, :], out=field[0], casting="same_kind")
    np.add((-sine * rows + middle[1])[:, None], (cosine * columns)[None, :], out=field[1], casting="same_kind")
    return torch.from_numpy(field)


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
    coarse = sigma * torch.randn(2, grid, grid, generator=generator).numpy()
    down, across = bicubic_weights(size[0], grid), bicubic_weights(size[1], grid)
    return torch.from_numpy(down @ coarse @ across.T)


@lru_cache(maxsize=32)
def bicubic_weights(length: int, grid: int) -> np.ndarray:
    """How much each of `grid` points counts at each of `length` pixels between the first and the last point.

    Shape:
        (length, grid) float32, rows add up to 1; torch's bicubic interpolation, read off its answers
    """
    points = torch.eye(grid)[None, None]
    return F.interpolate(points, size=(length, grid), mode="bicubic", align_corners=True)[0, 0].numpy()


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
        rows, columns = field.numpy()
        past = (rows < -0.5) | (rows > height - 0.5) | (columns < -0.5) | (columns > width - 0.5)
        warped.numpy()[..., past] = outside
    return warped


def mirror(index: np.ndarray, length: int) -> np.ndarray:
    """Whole-number places past the edges, mirrored at the first and the last pixel, which are not repeated."""
    if length == 1:
        return np.zeros_like(index)
    index = index % (2 * length - 2)
    return np.minimum(index, 2 * length - 2 - index)


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
    rows = torch.from_numpy(mirror(np.arange(-top, height + bottom), height))
    columns = torch.from_numpy(mirror(np.arange(-left, width + right), width))
    return values[..., rows[:, None], columns[None, :]]


def _nearest(values: Tensor, field: Tensor) -> Tensor:
    height, width = values.shape[-2:]
    places = np.floor(field.numpy() + np.float32(0.5)).astype(np.int32)
    flat = mirror(places[0], height) * np.int32(width) + mirror(places[1], width)
    taken = values.numpy().reshape(*values.shape[:-2], height * width)[..., flat]
    return torch.from_numpy(taken)


def _interpolated(values: Tensor, field: Tensor, mode: str) -> Tensor:
    height, width = values.shape[-2:]
    kind = np.float64 if values.dtype == torch.float64 else np.float32
    # grid_sample counts from -1 at the first pixel's middle to 1 at the last one's.
    grid = np.empty((1, *field.shape[1:], 2), kind)
    np.multiply(field[1].numpy(), 2 / max(1, width - 1), out=grid[0, ..., 0])
    np.multiply(field[0].numpy(), 2 / max(1, height - 1), out=grid[0, ..., 1])
    grid -= 1
    exact = torch.from_numpy(values.numpy().astype(kind).reshape(1, -1, height, width))
    warped = F.grid_sample(exact, torch.from_numpy(grid), mode, padding_mode="reflection", align_corners=True)
    warped = warped.numpy().reshape(*values.shape[:-2], *field.shape[1:])
    if values.dtype == torch.uint8:
        warped = np.clip(np.rint(warped, out=warped), 0, 255, out=warped).astype(np.uint8)
    return torch.from_numpy(warped).to(values.dtype)
