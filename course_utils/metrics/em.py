"""Errors of the EM segmentation challenge, ISBI 2012: warping, Rand and pixel error (U-Net, Table 1; lecture 08).

A membrane one pixel thinner than the annotator's is harmless; a hole of one pixel in it joins two cells. So the
challenge looked at what is connected, not only at pixels (Arganda-Carreras et al., Frontiers in Neuroanatomy 2015;
Jain et al., CVPR 2010). All take maps in which True is cell and False is membrane; cells are connected through edges
of pixels, membranes through corners too.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy import ndimage
from skimage.segmentation import watershed
from torch import Tensor

Map = Tensor | np.ndarray


def pixel_error(truth: Map, prediction: Map) -> float:
    """The share of pixels that are cell in one map and membrane in the other.

    Shape:
        (H, W) bool, True is cell
    """
    truth, prediction = two_maps(truth, prediction)
    return float((truth != prediction).mean())


def thinned(cells: Map) -> np.ndarray:
    """Connected parts of cell, numbered and grown over the membranes until they meet: borders without width.

    Then the width at which a net draws membranes no longer counts (foreground-restricted Rand "after thinning").

    Shape:
        (H, W) bool -> (H, W) int32, no 0 left unless there is no cell at all
    """
    cells = one_map("cells", cells)
    parts, _ = ndimage.label(cells)
    # flooded by distance, so that two cells meet in the middle of the membrane between them
    return watershed(ndimage.distance_transform_edt(~cells), parts).astype(np.int32)


@dataclass(frozen=True)
class Rand:
    """Pairs of pixels, as the Rand index sees them; every number from 0 to 1, 1 is best.

    Args:
        score: harmonic mean of the two below, the F-score; the Rand error is 1 - score.
        split: of the pairs that are in one cell in truth, the share that the prediction has in one, too: low where
            cells were split.
        merge: of the pairs that the prediction has in one cell, the share that truth has in one, too: low where cells
            were merged.
    """

    score: float
    split: float
    merge: float


def rand(truth: Map, prediction: Map) -> Rand:
    """The foreground-restricted Rand F-score of two label images.

    Only pixels that are cell in truth count. With n_ij of them in true cell i and predicted part j, t_i = sum_j n_ij and
    s_j = sum_i n_ij, so many ordered pairs of different pixels are together: sum_i t_i (t_i - 1) in truth,
    sum_j s_j (s_j - 1) in the prediction, and sum_ij n_ij (n_ij - 1) in both.
    Predicted 0 within true cells counts as one part: thin the prediction first, and there is none.

    Shape:
        (H, W) integers, 0 for membrane; `thinned` makes the prediction from a map of cells

    Raises:
        ValueError: where truth has no pair of pixels in one cell.
    """
    truth, prediction = (np.asarray(each.numpy(force=True) if isinstance(each, Tensor) else each)
                         for each in (truth, prediction))  # fmt: skip
    if truth.shape != prediction.shape or truth.ndim != 2 or truth.dtype == bool or prediction.dtype == bool:
        raise ValueError(
            f"truth {truth.dtype} {truth.shape}, prediction {prediction.dtype} {prediction.shape}: two label images "
            "(H, W) of one size are compared; scipy.ndimage.label numbers the cells of a map"
        )
    inside = truth > 0
    _, true = np.unique(truth[inside], return_inverse=True)
    _, predicted = np.unique(prediction[inside], return_inverse=True)
    pairs_truth, pairs_prediction = pairs(true), pairs(predicted)
    if not pairs_truth:
        raise ValueError("truth has no cell of two pixels or more: there is no pair to be together or apart")
    both = pairs(true.astype(np.int64) * (int(predicted.max()) + 1) + predicted)
    split, merge = both / pairs_truth, both / pairs_prediction if pairs_prediction else 1.0
    return Rand(2 * both / (pairs_truth + pairs_prediction), split, merge)


def pairs(numbers: np.ndarray) -> int:
    """How many ordered pairs of different pixels carry the same number."""
    counts = np.unique(numbers, return_counts=True)[1].astype(np.int64)
    return int((counts * (counts - 1)).sum())


def rand_error(truth: Map, prediction: Map) -> float:
    """1 - the foreground-restricted Rand F-score after thinning, from two maps of cells.

    Shape:
        (H, W) bool, True is cell
    """
    truth, prediction = two_maps(truth, prediction)
    return 1 - rand(ndimage.label(truth)[0], thinned(prediction)).score


def warping_error(truth: Map, prediction: Map) -> float:
    """The share of pixels still wrong after truth was bent towards the prediction without changing what is connected.

    A pixel of truth may flip if that neither joins nor parts cells, and neither makes nor fills holes in them (it is
    "simple": in its 3x3 window, one part of cell, connected through edges, and one part of membrane, connected
    through corners, touch it). Where truth and prediction differ, simple pixels are flipped until none is left; what
    differs then is topology: mergers, splits, cells missed or made up. As in the paper of the measure, this finds a
    local minimum: another order of flips may leave a few pixels fewer or more, and a membrane that lies farther away
    than it is wide can get stuck on its way.

    Shape:
        (H, W) bool, True is cell
    """
    return float((warped(truth, prediction) != one_map("prediction", prediction)).mean())


def warped(truth: Map, prediction: Map) -> np.ndarray:
    """Truth bent towards the prediction, its topology kept; see `warping_error`. Pixels past the edge are membrane.

    Shape:
        (H, W) bool -> (H, W) bool
    """
    truth, prediction = two_maps(truth, prediction)
    bent = np.pad(truth, 1).astype(np.uint8)
    target = np.pad(prediction, 1).astype(np.uint8)
    while flip_simple(bent, target, SIMPLE):
        pass
    return bent[1:-1, 1:-1].astype(bool)


@njit(cache=True)
def flip_simple(bent: np.ndarray, target: np.ndarray, simple: np.ndarray) -> int:
    """Flip, once over the picture, every simple pixel that differs from the target; how many were flipped."""
    flipped = 0
    for row in range(1, bent.shape[0] - 1):
        for column in range(1, bent.shape[1] - 1):
            if bent[row, column] == target[row, column]:
                continue
            window = (
                bent[row - 1, column - 1]
                + 2 * bent[row - 1, column]
                + 4 * bent[row - 1, column + 1]
                + 8 * bent[row, column + 1]
                + 16 * bent[row + 1, column + 1]
                + 32 * bent[row + 1, column]
                + 64 * bent[row + 1, column - 1]
                + 128 * bent[row, column - 1]
            )
            if simple[window]:
                bent[row, column] = target[row, column]
                flipped += 1
    return flipped


def simple_windows() -> np.ndarray:
    """For each of the 256 surroundings of a pixel, whether the pixel is simple; bits go round from the upper left."""
    ring = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    simple = np.zeros(256, dtype=bool)
    for code in range(256):
        cell = np.zeros((3, 3), dtype=bool)
        for bit, place in enumerate(ring):
            cell[place] = code >> bit & 1
        membrane = ~cell
        membrane[1, 1] = False
        cells, _ = ndimage.label(cell)  # through edges; corner pixels count only if they lead to an edge
        touching = {cells[place] for place in ((0, 1), (1, 2), (2, 1), (1, 0))} - {0}
        _, membranes = ndimage.label(membrane, np.ones((3, 3)))
        simple[code] = len(touching) == 1 and membranes == 1
    return simple


SIMPLE = simple_windows()


def one_map(name: str, cells: Map) -> np.ndarray:
    """A map as a Boolean array.

    Raises:
        ValueError: for probabilities, class numbers, or anything that is not (H, W).
    """
    cells = np.asarray(cells.numpy(force=True) if isinstance(cells, Tensor) else cells)
    if cells.ndim != 2 or cells.dtype != bool:
        raise ValueError(f"{name} is {cells.dtype} {cells.shape}: give (H, W) True and False, as in probability > 0.5")
    return cells


def two_maps(truth: Map, prediction: Map) -> tuple[np.ndarray, np.ndarray]:
    """Both maps as Boolean arrays of one size."""
    truth, prediction = one_map("truth", truth), one_map("prediction", prediction)
    if truth.shape != prediction.shape:
        raise ValueError(f"truth is {truth.shape}, the prediction {prediction.shape}: maps of one picture")
    return truth, prediction
