"""The border weight map: pixels between two cells count for more (U-Net, section 3, equation 2; lecture 08)."""

import numpy as np
import torch
from numba import njit
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional

from course_utils.losses import SegmentationLoss, balance, positive, refuse_misfits

W0, SIGMA = 10.0, 5.0  # the paper's
SMALLEST = 1e-4  # of the exponential: what lies farther off is left out


def border_weights(
    instances: Tensor,
    w0: float = W0,
    sigma: float = SIGMA,
    class_weights: tuple[float, float] | None = None,
    void: Tensor | None = None,
) -> Tensor:
    """w(x) = w_c(x) + w0 exp(-(d1(x) + d2(x))^2 / (2 sigma^2)), for cells that are numbered (U-Net, equation 2).

    d1 and d2 are the distances in pixels from x to the nearest pixel of the nearest and of the second nearest cell.
    The second term is for background, where the gaps between cells are; inside cells there is w_c alone, as in the
    paper's Figure 3d. Cells that touch have no gap: `separated` makes one. Where w0 exp(...) is under w0 / 10,000 it
    is taken as 0.

    Args:
        instances: 0 for background, one positive number for each cell.
        w0: what a pixel squeezed between two cells counts in addition.
        sigma: how far from the cells that reaches, in pixels.
        class_weights: of background and cell; counted in this picture by default: the rarer class weighs more, so
            that both weigh the same in total, but none more than 5.
        void: pixels that do not count: their weight is 0.

    Shape:
        instances (H, W) integers, void (H, W) bool -> (H, W) float32

    Raises:
        ValueError: for anything but a label image, negative w0, or sigma of 0 and less.
    """
    if instances.ndim != 2 or instances.is_floating_point() or (instances.numel() and instances.min() < 0):
        raise ValueError(
            f"instances are {str(instances.dtype).removeprefix('torch.')} {tuple(instances.shape)}: cells are numbered "
            "(H, W), 0 for background"
        )
    if not w0 >= 0 or not sigma > 0:
        raise ValueError(f"w0 = {w0}, sigma = {sigma}: w0 is 0 or more, sigma more than 0 pixels")
    labels = np.ascontiguousarray(instances.numpy(force=True), dtype=np.int32)
    outside = labels == 0
    if class_weights is None:
        counted = outside if void is None else outside[~void.numpy(force=True)]
        class_weights = balance([max(1, counted.sum()), max(1, counted.size - counted.sum())], power=1)
    weights = np.where(outside, np.float32(class_weights[0]), np.float32(class_weights[1]))
    if w0:
        reach = sigma * np.sqrt(-2 * np.log(SMALLEST))
        sums = two_nearest(labels, int(np.ceil(reach)))
        weights += np.float32(w0) * np.exp(-(sums**2) / np.float32(2 * sigma**2))
    if void is not None:
        weights[void.numpy(force=True)] = 0
    return torch.from_numpy(weights)


def plain_border_weights(
    instances: Tensor, w0: float = W0, sigma: float = SIGMA, class_weights: tuple[float, float] = (1.0, 1.0)
) -> Tensor:
    """The same as `border_weights`, slow and plain: a distance map of the whole picture for each cell.

    Shape:
        (H, W) integers -> (H, W) float64
    """
    numbers = [number for number in instances.unique().tolist() if number]
    weights = torch.where(instances == 0, *map(float, class_weights)).double()
    if len(numbers) < 2:
        return weights
    away = np.sort([distance_transform_edt(instances.numpy() != number) for number in numbers], axis=0)
    border = w0 * np.exp(-((away[0] + away[1]) ** 2) / (2 * sigma**2))
    return weights + torch.from_numpy(np.where(instances == 0, border, 0))


@njit(cache=True)
def two_nearest(labels: np.ndarray, reach: int) -> np.ndarray:
    """d1 + d2 for background pixels; infinite inside cells, and where the sum is more than `reach` pixels.

    First the two nearest cells to the left and right of each pixel, in its own row; then the two nearest among those
    of the rows above and below. Two for each row are enough: where a third cell is farther along the row than two
    others, it is farther than they are from all pixels above and below.

    Shape:
        labels (H, W) int32 -> (H, W) float32
    """
    height, width = labels.shape
    far = np.int32(4 * (reach + 1) ** 2)  # of a squared distance: out of reach
    cell = np.zeros((height, width, 2), dtype=np.int32)
    away = np.full((height, width, 2), far, dtype=np.int32)  # squared, along the row
    for row in range(height):
        for first, last, step in ((0, width, 1), (width - 1, -1, -1)):
            near, near_at, other, other_at = 0, 0, 0, 0  # the last two cells that were passed
            for column in range(first, last, step):
                here = labels[row, column]
                if here and here != near:
                    near, other, other_at = here, near, near_at
                if here:
                    near_at = column
                if near and abs(column - near_at) <= reach:
                    put(cell[row, column], away[row, column], near, (column - near_at) ** 2)
                if other and abs(column - other_at) <= reach:
                    put(cell[row, column], away[row, column], other, (column - other_at) ** 2)
    sums = np.full((height, width), np.inf, dtype=np.float32)
    for row in range(height):
        for column in range(width):
            if labels[row, column]:
                continue
            nearest, d1, d2 = 0, far, far
            for aside in range(reach + 1):
                # what is found from here on is at least this far; both together must be in reach
                if aside * aside >= d2 or (2 * aside > reach and d1 > (reach - aside) ** 2):
                    break
                for side in range(1 if aside == 0 else 2):
                    there = row + aside if side else row - aside
                    if there < 0 or there >= height or not cell[there, column, 0]:
                        continue
                    for place in range(2):
                        found = cell[there, column, place]
                        if not found:
                            break
                        distance = away[there, column, place] + aside * aside
                        if found == nearest:
                            d1 = min(d1, distance)
                        elif distance < d1:
                            nearest, d1, d2 = found, distance, d1
                        elif distance < d2:
                            d2 = distance
            if d2 < far:
                total = np.sqrt(np.float32(d1)) + np.sqrt(np.float32(d2))
                if total <= reach:
                    sums[row, column] = total
    return sums


@njit(cache=True)
def put(cell: np.ndarray, away: np.ndarray, found: int, distance: int) -> None:
    """Keep a cell among the two nearest of a pixel's row, the nearest first."""
    if found == cell[0]:
        away[0] = min(away[0], distance)
    elif distance < away[0]:
        cell[1], away[1] = cell[0], away[0]
        cell[0], away[0] = found, distance
    elif found == cell[1] or distance < away[1]:
        cell[1], away[1] = found, min(away[1], distance)


def separated(instances: Tensor) -> Tensor:
    """Cells with a gap between those that touch: pixels beside another cell become background (U-Net, section 3).

    Shape:
        (H, W) integers -> the same; where two cells touched, both lose a pixel
    """
    apart = instances.clone()
    for one, other, first, second in (
        (instances[1:], instances[:-1], apart[1:], apart[:-1]),
        (instances[:, 1:], instances[:, :-1], apart[:, 1:], apart[:, :-1]),
    ):
        meet = (one != other) & (one > 0) & (other > 0)
        first[meet] = 0
        second[meet] = 0
    return apart


class WeightedCrossEntropy(SegmentationLoss):
    """Cross-entropy in which every pixel has a weight of its own (U-Net, equation 1; lecture 08).

    The sum is divided by the sum of the weights, so that the learning rate may stay what it was.

    Args:
        ignore_index: void.

    Shape:
        scores (N, classes, H, W), target (N, H, W) int64, weights (N, H, W) float32 -> a scalar
    """

    def total(self, scores: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        refuse_misfits(scores, target)
        if weights.shape != target.shape:
            raise ValueError(f"weights {tuple(weights.shape)} for a target {tuple(target.shape)}: one for each pixel")
        ignore = -100 if self.ignore_index is None else self.ignore_index
        return (functional.cross_entropy(scores, target, ignore_index=ignore, reduction="none") * weights).sum()

    def amount(self, target: Tensor, weights: Tensor) -> Tensor:
        return weights[self.counts(target)].sum()

    def forward(self, scores: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        return self.total(scores, target, weights) / positive(self.amount(target, weights))
