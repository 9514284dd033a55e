"""Single things, matched between truth and prediction, merged, split, missed, thin (lectures 01, 04, 05, 08, 09).

Two numbers of the field are called average precision. Here only COCO's is (`coco_ap`): the area under the curve of
ranked detections, which a false alarm at the end of the ranking does not change. The other one, TP / (TP + FP + FN) at
one IU, has no ranking and counts each false alarm; the Data Science Bowl of 2018, StarDist and Cellpose call it average
precision, this course the matched share (`InstanceScores.matched_share`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from skimage.measure import label as label_parts
from torch import Tensor

from course_utils.data.dataset import Sample
from course_utils.models.boxes import box_area, box_intersection

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))


def match_instances(truth: Tensor, prediction: Tensor, thresholds: Sequence[float] = THRESHOLDS) -> tuple:
    """Match predicted objects to true ones, one to one, at each IU threshold (lectures 01, 08, 09).

    stardist's `matching`; its `accuracy`, TP / (TP + FP + FN), is the matched share.

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
        matched_share: IU threshold -> TP / (TP + FP + FN): of all cells, true and predicted, a matched pair counted
            once, the share that is matched. Not COCO's AP, which ranks by confidence (`coco_ap`).
        panoptic_quality: at IU 0.5: the mean IU of the matched cells times their F1.
        merged: true cells that share one predicted cell with another.
        split: true cells in which two or more predicted ones lie.
        missed: true cells that no predicted one covers by half.
        cells: true cells.
        predicted: predicted cells.
    """

    matched_share: dict[float, float]
    panoptic_quality: float
    merged: int
    split: int
    missed: int
    cells: int
    predicted: int

    ap = property(
        lambda self: self.matched_share, doc="The matched share, as copies of lecture 08 handed out before name it."
    )


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
    share = {threshold: float(row[0] / max(1, row.sum())) for threshold, row in zip(thresholds, counts, strict=True)}
    quality = float(shared / max(1e-9, counts[half] @ (1, 0.5, 0.5)))
    return InstanceScores(share, quality, *map(int, mistakes), true, predicted)


# pycocotools' own numbers to the last bit: an IU of 3/5 is no match at its 0.6000000000000001
COCO_THRESHOLDS, COCO_RECALLS = np.linspace(0.5, 0.95, 10), np.linspace(0, 1, 101)
COCO_AREAS = {"all": (0, 1e10), "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}


@dataclass(frozen=True)
class AveragePrecision:
    """COCO's AP; NaN where no thing of that kind is to be found.

    Args:
        ap: the mean over IU 0.50 to 0.95 and classes.
        ap50: at IU 0.5.
        ap75: at IU 0.75.
        small: `ap` of things under 32 x 32 pixels.
        medium: of those up to 96 x 96.
        large: of those above.
        classes: the classes that there are in the truth.
        precision: (10, 101, classes): at each IU from 0.50 to 0.95, at recall 0.00, 0.01, ... 1.00.
    """

    ap: float
    ap50: float
    ap75: float
    small: float
    medium: float
    large: float
    classes: list[int]
    precision: np.ndarray


def coco_ap(pairs: Iterable[tuple[dict, dict]], kind: str = "masks", most: int = 100) -> AveragePrecision:
    """COCO's average precision of boxes or of masks (Mask R-CNN, section 4; lecture 09).

    The detections of a class in all pictures are ranked by score. Going down the ranking, recall rises and precision
    wavers; at each of 101 recalls the best precision that is still to come counts, and AP is their mean. Whether a
    detection is right is asked in its picture, best first: it takes the free thing that it overlaps most, from the
    threshold on. What falls on a crowd, or on a thing of another size than asked for, counts neither way.

    Args:
        pairs: for each picture what is true, as `detection_target` gives it, and what was found: boxes (K, 4) in
            pixels, labels (K,), scores (K,) and masks (K, H, W), above 0.5 where the thing is. "area" and "iscrowd"
            of the truth may be missing: then it is the area of the masks (of the boxes without masks), and no crowd.
        kind: "masks" or "boxes", which need no masks.
        most: so many of the best detections of a class in a picture count.

    Raises:
        ValueError: for another kind, something missing, or masks of different sizes.
    """
    if kind not in ("masks", "boxes"):
        raise ValueError(f"kind={kind!r}: COCO's AP is that of 'masks' or of 'boxes'")
    judged = defaultdict(list)
    for truth, found in pairs:
        true, area, crowd = _true_things(truth, kind)
        seen = _things(found, kind, "found")
        if "scores" not in found or len(found["scores"]) != len(seen):
            raise ValueError(f"{len(seen)} things were found, but without a score for each: COCO's AP ranks by it")
        scores = _numbers(found["scores"]).double()
        true_labels, labels = (_numbers(each["labels"]) for each in (truth, found))
        for label in torch.cat([true_labels, labels]).unique().tolist():
            there, best = true_labels == label, torch.where(labels == label)[0]
            best = best[scores[best].argsort(descending=True, stable=True)][:most]
            shared, sizes = _overlaps(seen[best], true[there], kind)
            union = sizes[:, None] + np.where(crowd[there], 0, _areas(true[there], kind) - shared)
            iou = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
            judged[label].append((scores[best].numpy(), iou, sizes, area[there].numpy(), crowd[there].numpy()))
    curves = {label: [_curves(several, limits) for limits in COCO_AREAS.values()] for label, several in judged.items()}
    classes = sorted(label for label, each in curves.items() if each[0] is not None)
    means = []
    for place in range(len(COCO_AREAS)):
        known = [each[place] for each in curves.values() if each[place] is not None]
        means.append(float(np.mean(known)) if known else float("nan"))
    everywhere = [curves[label][0] for label in classes]
    precision = np.stack(everywhere, axis=-1) if classes else np.zeros((len(COCO_THRESHOLDS), len(COCO_RECALLS), 0))
    half, strict = (float(precision[at].mean()) if classes else float("nan") for at in (0, 5))
    return AveragePrecision(means[0], half, strict, *means[1:], classes, precision)


def _true_things(truth: dict, kind: str) -> tuple[Tensor, Tensor, Tensor]:
    true = _things(truth, kind, "true")
    masked = truth.get("masks")
    area = truth.get("area", _areas(true, kind) if masked is None else (_numbers(masked) > 0.5).flatten(1).sum(dim=1))
    crowd = truth.get("iscrowd", torch.zeros(len(true)))
    return true, _numbers(area).double(), _numbers(crowd).bool()


def _things(things: dict, kind: str, name: str) -> Tensor:
    """The boxes (N, 4), or the masks (N, H, W) as True and False."""
    if kind not in things or "labels" not in things:
        raise ValueError(f"what is {name} has {', '.join(things)}: '{kind}' and 'labels' are needed")
    given = _numbers(things[kind])
    if len(given) != len(things["labels"]):
        raise ValueError(f"what is {name} has {len(given)} {kind}, but {len(things['labels'])} labels")
    return given.double() if kind == "boxes" else given > 0.5


def _numbers(values: Tensor) -> Tensor:
    return torch.as_tensor(values).detach().cpu()


def _areas(things: Tensor, kind: str) -> np.ndarray:
    return (box_area(things) if kind == "boxes" else things.flatten(1).sum(dim=1)).double().numpy()


def _overlaps(found: Tensor, true: Tensor, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Area that each thing found shares with each true one, (K, M), and the areas of those found, (K,)."""
    if kind == "boxes":
        shared = box_intersection(found, true)
    elif len(found) and len(true) and found.shape[1:] != true.shape[1:]:
        sizes = ("x".join(map(str, each.shape[1:])) for each in (found, true))
        raise ValueError("masks of {} were found in a picture whose true ones are {}".format(*sizes))
    elif len(found) and len(true):
        shared = found.flatten(1).float() @ true.flatten(1).float().T  # exact up to 16 million pixels
    else:
        shared = torch.zeros(len(found), len(true))
    return shared.double().numpy(), _areas(found, kind)


def _curves(pictures: list[tuple], limits: tuple[float, float]) -> np.ndarray | None:
    """The precision of one class at each threshold and recall, (10, 101); None where there is no such thing."""
    scores, right, wrong, things = [np.zeros(0)], [np.zeros((10, 0), bool)], [np.zeros((10, 0), bool)], 0
    for some, iou, sizes, area, crowd in pictures:
        ignored = crowd | (area < limits[0]) | (area > limits[1])
        matched, aside = _match_ranked(iou, ignored, crowd)
        aside |= ~matched & ((sizes < limits[0]) | (sizes > limits[1]))
        scores.append(some)
        right.append(matched & ~aside)
        wrong.append(~matched & ~aside)
        things += int((~ignored).sum())
    if not things:
        return None
    order = np.argsort(-np.concatenate(scores), kind="stable")
    hits, misses = (np.concatenate(each, axis=1)[:, order].cumsum(axis=1) for each in (right, wrong))
    precision = hits / np.maximum(hits + misses, 1)
    best_to_come = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    # beyond the recall that was reached, precision is 0
    ends = np.concatenate([best_to_come, np.zeros((len(precision), 1))], axis=1)
    return np.stack(
        [row[np.searchsorted(recall, COCO_RECALLS)] for row, recall in zip(ends, hits / things, strict=True)]
    )


def _match_ranked(iou: np.ndarray, ignored: np.ndarray, crowd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Best first, each detection takes a thing: at each threshold, whether it has one, and whether that is ignored."""
    count, things = iou.shape
    enough = np.minimum(COCO_THRESHOLDS, 1 - 1e-10)[:, None]
    matched, aside = np.zeros((2, len(enough), count), dtype=bool)
    if not things:
        return matched, aside
    taken = np.zeros((len(enough), things), dtype=bool)
    every = np.arange(len(enough))
    for number, overlap in enumerate(iou):
        # those that count come before the ignored ones; of equal ones the last is taken
        rank = np.where((taken & ~crowd) | (overlap < enough), -1, overlap + 2 * ~ignored)
        thing = things - 1 - rank[:, ::-1].argmax(axis=1)
        matched[:, number] = rank[every, thing] >= 0
        aside[:, number] = matched[:, number] & ignored[thing]
        taken[every[matched[:, number]], thing[matched[:, number]]] = True
    return matched, aside


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
        sample: the class of an instance is the one that the mask has there; where a data set does not tell one thing
            from another, connected parts of a class stand for things.
        prediction: labels, as an argmax gives them.
        smallest: things of fewer pixels are left out.

    Shape:
        prediction (H, W), int64
    """
    instances = sample.instances
    if instances is None:
        parts = label_parts(sample.mask.numpy(), connectivity=1)
        instances = torch.from_numpy(parts + (parts >= 255))  # no part is called what stands for void
    found = []
    for number in torch.unique(instances).tolist():
        where = (instances == number) & (sample.mask > 0) & (sample.mask != 255)
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
