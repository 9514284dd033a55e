"""Which pictures are the same twice, and which masks lie beside the wrong picture, from small copies of all (lecture 10)."""

import numpy as np
import torch
from scipy.ndimage import uniform_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch.nn import functional

SIDE = 32  # cells of a small copy along each side
ALIKE = 0.9


def small_copy(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is fine in a picture, and how steep it is from place to place: both are 0 where it is flat.

    Args:
        values: brightnesses, whatever is white.

    Shape:
        (H, W) or (H, W, channels) -> (1024,) and (1024,) float32, each of mean 0 and length 1
    """
    step = max(1, min(values.shape[:2]) // 128)
    grey = values[::step, ::step].astype(np.float32)
    grey = grey if grey.ndim == 2 else grey.mean(axis=-1)
    steep = np.abs(np.diff(grey, axis=0, append=grey[-1:])) + np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
    small = _shrunk(grey)
    return _unit(small - uniform_filter(small, 7)), _unit(_shrunk(steep))


def small_outlines(stored: np.ndarray) -> np.ndarray:
    """How much outline a mask has from place to place; (H, W) -> (1024,) float32 of mean 0 and length 1."""
    edges = np.zeros(stored.shape, np.float32)
    edges[:-1] += stored[1:] != stored[:-1]
    edges[:, :-1] += stored[:, 1:] != stored[:, :-1]
    return _unit(_shrunk(edges))


def _shrunk(values: np.ndarray) -> np.ndarray:
    return functional.adaptive_avg_pool2d(torch.from_numpy(values)[None], SIDE)[0].numpy()


def _unit(values: np.ndarray) -> np.ndarray:
    flat = (values - values.mean()).ravel()
    length = np.linalg.norm(flat)
    return (flat / length if length > 1e-3 else np.zeros_like(flat)).astype(np.float32)


def groups_alike(fine: np.ndarray) -> list[list[int]]:
    """Pictures that look the same to the last detail that a small copy shows, as groups of two or more.

    Shape:
        (N, 1024), as `small_copy` gives it
    """
    rows, columns = [], []
    for start in range(0, len(fine), 512):
        alike = np.argwhere(fine[start : start + 512] @ fine.T > ALIKE)
        rows.append(alike[:, 0] + start), columns.append(alike[:, 1])
    links = coo_array((np.ones(sum(map(len, rows))), (np.concatenate(rows), np.concatenate(columns))), [len(fine)] * 2)
    _, group = connected_components(links, directed=False)
    numbers, counts = np.unique(group, return_counts=True)
    return [np.flatnonzero(group == number).tolist() for number in numbers[counts > 1]]


def exchanged(steep: np.ndarray, outlines: np.ndarray, shapes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pairs whose masks fit each other's picture better than their own, as (place, place).

    A mask's outlines lie where its picture is steep. Where that does not hold for nine of ten masks, as in streets and
    living rooms, nothing can be said, and nothing is.

    Shape:
        steep, outlines (N, 1024), as `small_copy` and `small_outlines` give them
    """
    fit = outlines @ steep.T
    own = np.diag(fit)
    size = np.array([height << 32 | width for height, width in shapes])
    gain = np.where(size[:, None] == size, fit + fit.T - own[:, None] - own, 0)
    best = gain.argmax(axis=1)
    better = gain[np.arange(len(fit)), best] > 0.3
    if len(fit) < 5 or better.mean() > 0.2 or (gain.max(axis=1) > 0).mean() > 0.1 + better.mean():
        return []
    return sorted({tuple(sorted((int(place), int(best[place])))) for place in np.flatnonzero(better)})
