"""The four metrics of semantic segmentation from one confusion matrix, and the bands along boundaries (lectures 01, 05).

The formulas are those of FCN, section 5 ("Metrics"): counted over all images at once, never as a mean of the
scores of single images. Confusion matrices of batches add up:

    matrix = sum(confusion_matrix(truth, net(image).argmax(dim=1), classes=21) for image, truth in loader)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

LARGEST = 512  # numbers below it are counted in one table, of 2 MB at most


def confusion_matrix(truth: Tensor, prediction: Tensor, classes: int, ignore_index: int | None = 255) -> Tensor:
    """Count how often each true class was predicted as each class (lecture 01; n_ij in FCN, section 5).

    Args:
        truth: labels, integers or booleans, a tensor on any device or a NumPy array.
        prediction: labels of the same shape, on the same device; not looked at where truth is void.
        classes: how many classes there are; labels are 0 to classes - 1.
        ignore_index: the void label in truth, or None where there is none.

    Shape:
        truth, prediction (...) -> (classes, classes), int64, same device; row = truth, column = prediction

    Raises:
        ValueError: for other shapes, dtypes, devices, or labels that are no classes; names what was found.
    """
    truth, prediction = torch.as_tensor(truth), torch.as_tensor(prediction)
    _refuse_what_is_not_labels(truth, prediction, classes)

    narrow = (torch.uint8, torch.int16, torch.int32, torch.int64)
    truth, prediction = (
        each.flatten() if each.dtype in narrow else each.flatten().long() for each in (truth, prediction)
    )
    counts = _table(truth, prediction, classes)
    if counts is not None:
        if ignore_index is not None and 0 <= ignore_index < len(counts):
            counts[ignore_index] = 0
        if not counts[classes:].any() and not counts[:, classes:].any():
            return counts[:classes, :classes].contiguous()

    truth, prediction = truth.long(), prediction.long()  # something is no class, or a number is large: slower, in words
    void = torch.zeros_like(truth, dtype=torch.bool) if ignore_index is None else truth == ignore_index
    truth, prediction = truth.masked_fill(void, 0), prediction.masked_fill(void, 0)
    _refuse_other_labels("truth", truth, classes, ignore_index)
    _refuse_other_labels("prediction", prediction, classes, None)

    # void becomes an extra row, cut off at the end: faster than picking out all other pixels first
    cells = (truth * classes + prediction).masked_fill_(void, classes * classes)
    counts = torch.bincount(cells, minlength=(classes + 1) * classes)
    return counts.reshape(classes + 1, classes)[:classes]


def _table(truth: Tensor, prediction: Tensor, classes: int) -> Tensor | None:
    """How often each number meets each, void and what is no class included; None where numbers are negative or large.

    The pixels are read once: whether all of them are classes shows in the few counts.
    """
    if not truth.numel() or classes > LARGEST:
        return None
    ends = [int(end) for each in (truth, prediction) for end in each.aminmax()]
    if min(ends) < 0 or max(ends) >= LARGEST:
        return None
    width = max(*ends, classes - 1) + 1
    cells = (truth.to(torch.int32) * width).add_(prediction)
    return torch.bincount(cells, minlength=width**2).reshape(width, width)


def _refuse_what_is_not_labels(truth: Tensor, prediction: Tensor, classes: int) -> None:
    if not isinstance(classes, int) or isinstance(classes, bool) or classes < 1:
        raise ValueError(f"classes={classes!r}: say how many, background included, as in classes=21")
    for name, labels in (("truth", truth), ("prediction", prediction)):
        if labels.is_floating_point() or labels.is_complex():
            raise ValueError(
                f"{name} is {str(labels.dtype).removeprefix('torch.')} of shape {tuple(labels.shape)}, but "
                "labels are integers: from scores (N, C, H, W) take scores.argmax(dim=1)"
            )
    if truth.shape != prediction.shape:
        raise ValueError(
            f"truth has shape {tuple(truth.shape)}, prediction {tuple(prediction.shape)}: both must be "
            "labels of the same pixels (resize the prediction to the truth, never the truth to the prediction)"
        )
    if truth.device != prediction.device:
        raise ValueError(f"truth is on {truth.device}, prediction on {prediction.device}: move one of them")


def _refuse_other_labels(name: str, labels: Tensor, classes: int, ignore_index: int | None) -> None:
    if not labels.numel():
        return
    first, last = labels.aminmax()
    if first < 0 or last >= classes:
        found = labels[(labels < 0) | (labels >= classes)].unique().tolist()
        listed = ", ".join(map(str, found[:5])) + (", ..." if len(found) > 5 else "")
        void = "" if ignore_index is None else f" and void is {ignore_index}"
        raise ValueError(f"{name} holds {listed}, but there are {classes} classes, 0 to {classes - 1}{void}")


@dataclass(frozen=True)
class Scores:
    """What a confusion matrix says; every number between 0 and 1 (lecture 01; FCN, section 5).

    Args:
        pixel_accuracy: share of the pixels that are right.
        mean_accuracy: mean, over the classes in truth, of the share of their pixels that are right.
        mean_iu: mean intersection over union of the classes that occur in truth or prediction.
        frequency_weighted_iu: mean IU weighted by how many pixels of truth each class has.
        iu: of each class, (classes,), float64; NaN where a class is in neither truth nor prediction.
        dice: of each class, likewise; 2 IU / (1 + IU).
        classes_counted: how many classes count in mean_iu.
        classes_in_truth: how many classes count in mean_accuracy.
    """

    pixel_accuracy: float
    mean_accuracy: float
    mean_iu: float
    frequency_weighted_iu: float
    iu: Tensor
    dice: Tensor
    classes_counted: int
    classes_in_truth: int

    def __str__(self) -> str:
        return (
            f"pixel accuracy {self.pixel_accuracy:.3f}   mean accuracy {self.mean_accuracy:.3f}   "
            f"mean IU {self.mean_iu:.3f}   f.w. IU {self.frequency_weighted_iu:.3f}   "
            f"({self.classes_counted} of {len(self.iu)} classes counted)"
        )


def scores(matrix: Tensor) -> Scores:
    """The four metrics, and IU and Dice of each class, from a confusion matrix (lecture 01; FCN, section 5).

    A class that is in neither truth nor prediction is left out of the means; one that is predicted but never
    true counts with IU 0 in mean_iu, and has no accuracy. Where no pixel was counted, everything is NaN.

    Shape:
        matrix (classes, classes), row = truth, column = prediction

    Raises:
        ValueError: for anything but a square matrix of counts.
    """
    matrix = torch.as_tensor(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise ValueError(f"a confusion matrix is square, (classes, classes): this has shape {tuple(matrix.shape)}")
    # to the CPU first: some GPUs have no float64
    matrix = matrix.cpu().double()
    if not torch.isfinite(matrix).all() or (matrix < 0).any():
        raise ValueError("a confusion matrix holds counts: this has entries that are negative or not finite")

    right, in_truth, in_prediction = matrix.diag(), matrix.sum(dim=1), matrix.sum(dim=0)
    union = in_truth + in_prediction - right
    accuracy, iu, dice = right / in_truth, right / union, 2 * right / (in_truth + in_prediction)
    return Scores(
        pixel_accuracy=(right.sum() / in_truth.sum()).item(),
        mean_accuracy=accuracy.nanmean().item(),
        mean_iu=iu.nanmean().item(),
        frequency_weighted_iu=((in_truth * iu).nansum() / in_truth.sum()).item(),
        iu=iu,
        dice=dice,
        classes_counted=int((union > 0).sum()),
        classes_in_truth=int((in_truth > 0).sum()),
    )


BANDS = tuple(range(1, 41))


class Counter:
    """Confusion matrices of all pictures together, of each band, and each picture's own mean IU.

    Args:
        classes: how many there are.
        bands: widths in pixels, in ascending order.
        ignore_index: void.
    """

    def __init__(self, classes: int, bands: Sequence[int], ignore_index: int | None):
        if any(width < 1 for width in bands):
            raise ValueError(f"bands {list(bands)}: widths in pixels, 1 or more")
        self.classes, self.bands, self.ignore_index = classes, list(bands), ignore_index
        self.matrix = torch.zeros(classes, classes, dtype=torch.int64)
        self.rings = torch.zeros(len(self.bands), classes, classes, dtype=torch.int64)
        self.per_image: list[float] = []

    def count(self, truth: Tensor, prediction: Tensor) -> None:
        """Add a picture.

        Shape:
            truth, prediction (H, W)
        """
        matrix = confusion_matrix(truth, prediction, self.classes, self.ignore_index)
        self.matrix += matrix
        self.per_image.append(scores(matrix).mean_iu)
        if not self.bands:
            return
        # one bincount for all rings: each pixel's cell, moved on by its ring; void and the far away are left out
        ring = torch.from_numpy(np.searchsorted(self.bands, boundary_distance(truth)))
        near = ring < len(self.bands)
        if self.ignore_index is not None:
            near &= truth != self.ignore_index
        cells = (ring[near] * self.classes + truth[near].long()) * self.classes + prediction[near].long()
        self.rings += torch.bincount(cells, minlength=self.rings.numel()).view_as(self.rings)

    def within(self) -> dict[int, Tensor]:
        """For each width, the confusion matrix of all pixels at most that far from a boundary."""
        return dict(zip(self.bands, self.rings.cumsum(dim=0), strict=True))


def boundary_distance(mask: Tensor) -> np.ndarray:
    """How far each pixel is from the nearest boundary between two labels: 1 for those that touch it.

    Void counts as a label here, as in the bands that surround VOC's objects.

    Shape:
        mask (H, W) -> (H, W), float64, in pixels; infinite where there is one label only
    """
    from scipy.ndimage import distance_transform_edt

    labels = mask.cpu().numpy()
    edge = np.zeros(labels.shape, dtype=bool)
    below, right = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    edge[1:] |= below
    edge[:-1] |= below
    edge[:, 1:] |= right
    edge[:, :-1] |= right
    if not edge.any():
        return np.full(labels.shape, np.inf)
    return distance_transform_edt(~edge) + 1
