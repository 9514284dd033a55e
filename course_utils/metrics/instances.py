"""Single things, matched between truth and prediction, merged, split, missed, thin (lectures 01, 04, 05, 08, 09).

The formulas are those of FCN, section 5 ("Metrics"): counted over all images at once, never as a mean of the
scores of single images. Confusion matrices of batches add up:

    matrix = sum(confusion_matrix(truth, net(image).argmax(dim=1), classes=21) for image, truth in loader)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from course_utils.data.dataset import Sample

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))


def match_instances(truth: Tensor, prediction: Tensor, thresholds: Sequence[float] = THRESHOLDS) -> tuple:
    """Match predicted objects to true ones, one to one, at each IU threshold (lectures 01, 08, 09).

    stardist's `matching`, whose `accuracy` TP / (TP + FP + FN) is what cell biology calls average precision
    (the 2018 Data Science Bowl's score). It is not COCO's AP, which ranks by confidence (lecture 09).

    Args:
        truth: label image, 0 for background, one number for each object; a tensor or a NumPy array.
        prediction: label image of the same shape.
        thresholds: how large the IU of a pair must be to count as found; 0.5, 0.55, ... 0.95.

    Returns:
        for each threshold one named tuple with tp, fp, fn, precision, recall, accuracy, f1, panoptic_quality,
        n_true, n_pred, mean_matched_score

    Raises:
        ValueError: for shapes that differ, or for anything but label images.
        ImportError: where stardist is missing; says how to mend it.
    """
    truth, prediction = _label_image("truth", truth), _label_image("prediction", prediction)
    if truth.shape != prediction.shape:
        raise ValueError(f"truth has shape {truth.shape}, prediction {prediction.shape}: label images of one picture")
    # here and not at the top: it takes two seconds, most of them for compiling
    try:
        from stardist.matching import matching
    except ImportError as error:
        raise ImportError(
            f"matching instances needs stardist ({error}): run `course doctor`, it knows the way"
        ) from error

    truth, prediction = (_renumbered(labels)[1] for labels in (truth, prediction))
    return matching(truth, prediction, thresh=tuple(thresholds))


class ObjectMistakes(NamedTuple):
    """Numbers of the true objects that were merged with another, split in parts, or missed."""

    merged: list[int]
    split: list[int]
    missed: list[int]


def object_mistakes(truth: Tensor, prediction: Tensor) -> ObjectMistakes:
    """In which way objects were not found (lectures 01, 08).

    Merged: one predicted object covers more than half of this true object and of another. Split: two or more
    predicted objects lie for more than half inside it. Missed: no predicted object covers half of it.

    Args:
        truth: label image, 0 for background, one number for each object; a tensor or a NumPy array.
        prediction: label image of the same shape.

    Raises:
        ValueError: for anything but label images.
    """
    truth, prediction = _label_image("truth", truth), _label_image("prediction", prediction)
    numbers, truth = _renumbered(truth)
    predicted, prediction = _renumbered(prediction)
    size = len(numbers) * len(predicted)
    overlap = np.bincount((truth.astype(np.int64) * len(predicted) + prediction).ravel(), minlength=size)
    overlap = overlap.reshape(len(numbers), len(predicted))
    true_area = overlap.sum(axis=1, keepdims=True).clip(min=1)
    predicted_area = overlap.sum(axis=0, keepdims=True).clip(min=1)
    covers = (overlap > true_area / 2)[1:, 1:]
    lies_inside = (overlap > predicted_area / 2)[1:, 1:]

    merged = (covers & (covers.sum(axis=0) > 1)).any(axis=1)
    split = lies_inside.sum(axis=1) > 1
    missed = ~covers.any(axis=1) & ~split
    return ObjectMistakes(*(numbers[1:][kind].tolist() for kind in (merged, split, missed)))


def _label_image(name: str, labels: Tensor) -> np.ndarray:
    labels = labels.numpy(force=True) if isinstance(labels, Tensor) else np.asarray(labels)
    if labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer) or not labels.size or labels.min() < 0:
        raise ValueError(
            f"{name} is {labels.dtype} of shape {labels.shape}: a label image is (H, W), integers, 0 for "
            "background and one number for each object (skimage.measure.label numbers the parts of a mask)"
        )
    return labels


def _renumbered(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which numbers occur, 0 always first, and the labels as places among them: tables grow with how many there are."""
    numbers, places = np.unique(np.concatenate([np.zeros(1, labels.dtype), labels.ravel()]), return_inverse=True)
    return numbers, places[1:].reshape(labels.shape)


@dataclass(frozen=True)
class InstanceScores:
    """How many cells were found, over all pictures at once (lectures 08, 09).

    Args:
        ap: IU threshold -> TP / (TP + FP + FN), which cell biology calls average precision.
        panoptic_quality: at IU 0.5: the mean IU of the matched cells times their F1.
        merged: true cells that share one predicted cell with another.
        split: true cells in which two or more predicted ones lie.
        missed: true cells that no predicted one covers by half.
        cells: true cells.
        predicted: predicted cells.
    """

    ap: dict[float, float]
    panoptic_quality: float
    merged: int
    split: int
    missed: int
    cells: int
    predicted: int


def score_instances(
    pairs: Iterable[tuple[Tensor | np.ndarray, Tensor | np.ndarray]], thresholds: Sequence[float] = THRESHOLDS
) -> InstanceScores:
    """Match true and predicted cells of several pictures with stardist's `matching`, and count the mistakes.

    Pixels of all pictures count alike: matches are summed up before they are divided.

    Args:
        pairs: (truth, prediction) label images.
        thresholds: of IU; 0.5 is added where it is missing.

    Raises:
        ValueError: where there is no picture.
    """
    thresholds = sorted({0.5, *thresholds})
    half = thresholds.index(0.5)
    counts = np.zeros((len(thresholds), 3), dtype=np.int64)  # TP, FP, FN
    mistakes, shared, true, predicted = np.zeros(3, dtype=np.int64), 0.0, 0, 0
    for truth, prediction in pairs:
        found = match_instances(truth, prediction, thresholds)
        counts += [[each.tp, each.fp, each.fn] for each in found]
        shared += found[half].mean_matched_score * found[half].tp
        mistakes += [len(kind) for kind in object_mistakes(truth, prediction)]
        true, predicted = true + found[0].n_true, predicted + found[0].n_pred
    if not true and not predicted:
        raise ValueError("there is no cell, true or predicted, in any picture")
    ap = {threshold: float(row[0] / max(1, row.sum())) for threshold, row in zip(thresholds, counts, strict=True)}
    quality = float(shared / max(1e-9, counts[half] @ (1, 0.5, 0.5)))
    return InstanceScores(ap, quality, *map(int, mistakes), true, predicted)


@dataclass(frozen=True)
class Thing:
    """One thing, as a net saw it.

    Args:
        label: its class.
        thickness: pixels across where it is thickest.
        area: its pixels.
        found: share of them that have its class in the prediction.
    """

    label: int
    thickness: float
    area: int
    found: float


def things(sample: Sample, prediction: Tensor, smallest: int = 20) -> list[Thing]:
    """The things of a picture that can be seen, with what a prediction found of them.

    Args:
        sample: with instances; the class of each is the one that the mask has there.
        prediction: labels, as an argmax gives them.
        smallest: things of fewer pixels are left out.

    Shape:
        prediction (H, W), int64

    Raises:
        ValueError: for a data set that does not tell one thing from another.
    """
    if sample.instances is None:
        raise ValueError("this data set has classes but no instances: it does not tell one thing from another")
    found = []
    for number in torch.unique(sample.instances).tolist():
        where = (sample.instances == number) & (sample.mask > 0) & (sample.mask != 255)
        area = int(where.sum())
        if area < smallest or number in (0, 255):
            continue
        label = int(sample.mask[where].mode().values)
        # a margin, so that things end at the picture's edge
        inside = distance_transform_edt(np.pad(where.numpy(), 1))
        share = (prediction[where] == label).float().mean().item()
        found.append(Thing(label, 2 * float(inside.max()) - 1, area, share))
    return found


def found_by_thickness(seen: Sequence[Thing], edges: Sequence[float]) -> tuple[list[float], list[int]]:
    """The mean share that was found of the things between each two thicknesses, and how many they are.

    Args:
        edges: thicknesses in ascending order; the last group has no upper end.

    Returns:
        shares, NaN where a group is empty, and counts; one for each edge
    """
    groups: list[list[float]] = [[] for _ in edges]
    for thing in seen:
        place = int(np.searchsorted(edges, thing.thickness, side="right")) - 1
        if place >= 0:
            groups[place].append(thing.found)
    return [float(np.mean(group)) if group else float("nan") for group in groups], [len(group) for group in groups]
