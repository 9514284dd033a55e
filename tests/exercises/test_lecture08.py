"""Lecture 08's exercises know their mistakes."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.ndimage import distance_transform_edt, label
from skimage.measure import label as skimage_label
from skimage.metrics import adapted_rand_error
from skimage.segmentation import watershed

from course_utils.exercises.engine import NotYet, check


def bent(sign=1, swap=False, edge="clip", to_whole=np.rint):
    """A wrong bend_labels: right but for its direction, its axes, its edges or its rounding."""

    def bend_labels(labels, displacement):
        rows, columns = np.indices(labels.shape)
        d_rows, d_columns = displacement[::-1] if swap else displacement
        down, across = (to_whole(place + sign * d).astype(int) for place, d in ((rows, d_rows), (columns, d_columns)))
        height, width = labels.shape
        if edge == "clip":
            return labels[np.clip(down, 0, height - 1), np.clip(across, 0, width - 1)]
        return labels[down % height, across % width]

    return bend_labels


def interpolated(labels, displacement):
    places = np.indices(labels.shape) + displacement
    return ndimage.map_coordinates(labels.astype(float), places, order=1, mode="nearest")


def as_floats(labels, displacement):
    return bent()(labels, displacement).astype(float)


def one_shift_for_all(labels, displacement):
    same = np.broadcast_to(displacement.reshape(2, -1).mean(axis=1)[:, None, None], displacement.shape)
    return bent()(labels, same)


def writes_into_labels(labels, displacement):
    labels[:] = bent()(labels, displacement)
    return labels


def weights(combine=lambda d1, d2: (d1 + d2) ** 2, below=lambda sigma: 2 * sigma**2, inside=True, sign=-1, one=1, few=True,
            factor=lambda w0: w0, take=2):  # fmt: skip
    """A wrong weight_map_plainly, by its parts."""

    def weight_map(instances, w0=10.0, sigma=5.0):
        numbers = [number for number in np.unique(instances) if number]
        if few and len(numbers) < 2:
            return np.ones(instances.shape)
        away = np.sort([distance_transform_edt(instances != number) for number in numbers], axis=0)
        d1, d2 = away[0], away[1:take].sum(axis=0)
        if not few and len(numbers) < 2:
            away[1]
        border = factor(w0) * np.exp(sign * combine(d1, d2) / below(sigma))
        return np.where(instances == 0, one + border, 1.0) if inside else one + border

    return weight_map


def foreground_alone(probability, threshold, seed):
    return probability >= threshold


def parts(probability, threshold, seed):
    return label(probability >= threshold)[0]


def seeds_alone(probability, threshold, seed):
    return label(probability >= seed)[0]


def everywhere(probability, threshold, seed):
    return watershed(-probability, label(probability >= seed)[0])


def uphill(probability, threshold, seed):
    return watershed(probability, label(probability >= seed)[0], mask=probability >= threshold)


def one_number(probability, threshold, seed):
    found = watershed(-probability, label(probability >= seed)[0], mask=probability >= threshold)
    return np.where(found == 3, 1, found)


def pairs(numbers, different=1):
    counts = np.unique(numbers, axis=-1, return_counts=True)[1]
    return (counts * (counts - different)).sum()


def rand_with(score=lambda both, true, part: 2 * both / (true + part), different=1, inside=True):
    """A wrong rand_score, by its parts."""

    def rand_score(truth, prediction):
        where = truth > 0 if inside else np.ones(truth.shape, dtype=bool)
        both = np.stack([truth[where], prediction[where]])
        return score(pairs(both, different), pairs(both[0], different), pairs(both[1], different))

    return rand_score


def grown(probability, threshold, seed):
    return watershed(-probability, label(probability >= seed)[0], mask=probability >= threshold)


def one_number_of_two(truth, prediction):
    inside = truth > 0
    together = truth[inside] * (prediction.max() + 1) + prediction[inside]
    true, part = pairs(truth[inside]), pairs(prediction[inside])
    return 2 * pairs(together) / (true + part)


WRONG = {
    "08.bend": {
        "moved against the field": bent(sign=-1),
        "displacement\\[0\\] is for rows": bent(swap=True),
        "came round from the left": bent(edge="wrap"),
        "a cell that does not exist": interpolated,
        "cut it off": bent(to_whole=np.floor),
        "numbered with integers": as_floats,
        "Cells 300 and 540 come back as 44 and 28: uint8": lambda *given: bent()(*given).astype(np.uint8),
        "a displacement of its own": one_shift_for_all,
        "changed what it was given": writes_into_labels,
        "returns None": lambda labels, displacement: None,
    },
    "08.weights": {
        "square the distances one by one": weights(combine=lambda d1, d2: d1**2 + d2**2),
        "exponent has no 2": weights(below=lambda sigma: sigma**2),
        "not by its square": weights(below=lambda sigma: 2 * sigma),
        "second term alone": weights(one=0),
        "Only the distance to the nearest": weights(combine=lambda d1, d2: d1**2),
        "d1 is missing": weights(combine=lambda d1, d2: d2**2),
        "exponent is positive": weights(sign=1),
        "w0 is missing": weights(factor=lambda w0: 1),
        "Inside a cell": weights(inside=False),
        "all three distances": weights(take=None),
        "your function stops": weights(few=False),
        "returns None": lambda instances, w0, sigma: None,
    },
    "08.cells": {
        "Number its cells": foreground_alone,
        "A row of 300 cells": lambda *given: grown(*given).astype(np.uint8),
        "are one in your answer": parts,
        "small as their seeds": seeds_alone,
        "inside the foreground alone": everywhere,
        "meet at the wrong place": uphill,
        "shares its number": one_number,
        "returns None": lambda probability, threshold, seed: None,
    },
    "08.rand": {
        "meets itself": rand_with(different=0),
        "uint8 wraps round: 65": one_number_of_two,
        "right pairs among the predicted": rand_with(lambda both, true, part: both / part),
        "merging everything makes 1": rand_with(lambda both, true, part: both / true),
        "leave out all pixels where truth is 0": rand_with(inside=False),
        "compare pairs of pixels, not numbers": lambda truth, prediction: (truth == prediction)[truth > 0].mean(),
        "A perfect answer scores 1": rand_with(lambda both, true, part: both / (true + part)),
        "the score is one number": lambda truth, prediction: truth == prediction,
        "returns None": lambda truth, prediction: None,
    },
}
CASES = [(name, message) for name, wrong in WRONG.items() for message in wrong]


@pytest.mark.parametrize(("name", "message"), CASES)
def test_each_mistake_is_named(name, message):
    with pytest.raises(NotYet, match=message):
        check(name, WRONG[name][message])


def by_scipy(labels, displacement):
    places = np.indices(labels.shape) + displacement
    return ndimage.map_coordinates(labels, places, order=0, mode="nearest")


def by_the_two_smallest(instances, w0, sigma):
    numbers = np.unique(instances)[np.unique(instances) > 0]
    border = np.zeros(instances.shape)
    for place in zip(*np.nonzero(instances == 0), strict=True):
        away = [np.hypot(*(np.argwhere(instances == number) - place).T).min() for number in numbers]
        if len(away) > 1:
            border[place] = w0 * np.exp(-(sum(sorted(away)[:2]) ** 2) / (2 * sigma**2))
    return 1 + border


def by_its_complement(probability, threshold, seed):
    return watershed(1 - probability, skimage_label(probability >= seed, connectivity=1), mask=probability >= threshold)


def by_scikit_image(truth, prediction):
    return 1 - adapted_rand_error(truth, prediction)[0]


ALSO_RIGHT = {
    "08.bend": by_scipy,
    "08.weights": by_the_two_smallest,
    "08.cells": by_its_complement,
    "08.rand": by_scikit_image,
}


@pytest.mark.parametrize("name", ALSO_RIGHT)
def test_another_right_way_passes(name):
    check(name, ALSO_RIGHT[name])
