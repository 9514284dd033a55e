"""Lecture 01's exercises know their mistakes."""

import numpy as np
import pytest
import torch

from course_utils.exercises.engine import NotYet, check, exercises_of
from course_utils.exercises.quizzes import questions_of

NAMES = [exercise.name for exercise in exercises_of("01")]


def bincount(index, classes):
    return torch.bincount(index, minlength=classes * classes).reshape(classes, classes)


def counted(truth, prediction, classes, void=255):
    """Right: another way than the solution's."""
    matrix = torch.zeros(classes, classes, dtype=torch.int64)
    for t, p in zip(truth.flatten().tolist(), prediction.flatten().tolist(), strict=True):
        if t != void:
            matrix[t, p] += 1
    return matrix


def one_a_cell(truth, prediction, classes):
    known = truth != 255
    matrix = torch.zeros(classes, classes, dtype=torch.int64)
    matrix[truth[known], prediction[known]] += 1
    return matrix


def with_void_as(label):
    def wrong(truth, prediction, classes):
        truth = torch.where(truth == 255, label % classes, truth)
        return counted(truth, prediction, classes)

    return wrong


def spoil_the_masks(truth, prediction, classes):
    result = counted(truth, prediction, classes)
    truth[truth == 255] = 0
    return result


def without_flattening(truth, prediction, classes):
    known = (truth != 255).nonzero().squeeze(-1)
    return bincount(truth[known] * classes + prediction[known], classes)


def without_minlength(truth, prediction, classes):
    known = truth != 255
    return torch.bincount(truth[known] * classes + prediction[known]).reshape(classes, -1)


def as_bytes(truth, prediction, classes):
    known = truth != 255
    return bincount(truth[known] * classes + prediction[known], classes)


def float32_counts(truth, prediction, classes):
    known = truth != 255
    matrix, cells = torch.zeros(classes * classes), truth[known].long() * classes + prediction[known]
    matrix.index_put_((cells.flatten(),), torch.ones(cells.numel()), accumulate=True)
    return matrix.reshape(classes, classes)


def by_class(truth, prediction, classes, matrix):
    for row in range(classes):
        for column in range(classes):
            matrix[row, column] = ((truth == row) & (prediction == column)).sum()
    return matrix


def one_hot_counts(truth, prediction, classes, kind):
    known = truth != 255
    rows, columns = (torch.nn.functional.one_hot(mask[known].long(), classes).to(kind) for mask in (truth, prediction))
    return (rows.T @ columns).long()


WRONG_MATRICES = {
    r"288 wraps round to 32 = cell \(1, 15\)": as_bytes,
    "You count in float32, which holds no odd number past": float32_counts,
    "counted in float32 on the way": lambda t, p, c: float32_counts(t, p, c).long(),
    "of int64, and was counted in float32 on": lambda t, p, c: one_hot_counts(t, p, c, torch.float32),
    "of float64, and was counted in float32": lambda t, p, c: by_class(t, p, c, torch.zeros(c, c)).double(),
    "257 pixels of class 1": lambda t, p, c: by_class(t, p, c, torch.zeros(c, c, dtype=torch.uint8)).long(),
    "You count in uint8": lambda t, p, c: counted(t, p, c).to(torch.uint8),
    "a mask of uint8 .* stops": lambda t, p, c: counted(t.long() if t.dtype == torch.int64 else t[None][0, 0, 0], p, c),
    "Rows and columns are swapped": lambda t, p, c: counted(t, p, c).T,
    "Two pixels fall into the same cell": one_a_cell,
    "count the pixels that are right and no others": lambda t, p, c: counted(t, p, c).diag().diag(),
    "You return shares": lambda t, p, c: counted(t, p, c) / counted(t, p, c).sum(),
    "You count void pixels": with_void_as(0),
    "You count void pixels .255.": with_void_as(-1),
    "your function stops: .*Void is no class": lambda t, p, c: bincount(t.flatten() * c + p.flatten(), c),
    r"shape \(2, 1\), not \(2, 2\).*`minlength`": without_minlength,
    "too few counts to reshape.*`minlength`": lambda t, p, c: torch.bincount((t * c + p)[t != 255]).reshape(c, c),
    "The counts seem to be there: reshape them": lambda t, p, c: counted(t, p, c).flatten(),
    "Is the last row void": lambda t, p, c: torch.nn.functional.pad(counted(t, p, c), (0, 1, 0, 1)),
    "changes the masks it was given": spoil_the_masks,
    "Flatten first": without_flattening,
    "returns None": lambda t, p, c: None,
}


def share(matrix):
    matrix = matrix.double()
    return matrix.diag(), matrix.sum(1), matrix.sum(0)


def four(accuracy=None, mean_accuracy=None, mean_iu=None, weighted=None):
    """The right four, with some of them replaced by a mistake: a function of right, truth, predicted."""

    def answer(matrix):
        right, truth, predicted = share(matrix)
        each = iu(right, truth, predicted)
        found = [
            right.sum() / truth.sum(),
            (right / truth).nanmean(),
            each.nanmean(),
            (truth * each).nansum() / truth.sum(),
        ]
        found = [float(value) for value in found]
        for place, mistake in enumerate((accuracy, mean_accuracy, mean_iu, weighted)):
            if mistake:
                found[place] = float(mistake(right, truth, predicted))
        return found

    return answer


def iu(right, truth, predicted):
    return right / (truth + predicted - right)


WRONG_METRICS = {
    "your pixel accuracy is the mean accuracy": four(accuracy=lambda r, t, p: (r / t).nanmean()),
    "divides by the columns": four(mean_accuracy=lambda r, t, p: (r / p).nanmean()),
    "your mean accuracy is the pixel accuracy": four(mean_accuracy=lambda r, t, p: r.sum() / t.sum()),
    "your mean IU is 0.5; it must be 1": four(mean_iu=lambda r, t, p: (r / (t + p)).nanmean()),
    "your mean IU is the mean Dice": four(mean_iu=lambda r, t, p: (2 * r / (t + p)).nanmean()),
    "sums before it divides": four(mean_iu=lambda r, t, p: r.sum() / (t + p - r).sum()),
    "is the plain mean": four(weighted=lambda r, t, p: iu(r, t, p).nanmean()),
    "weights by what was predicted": four(weighted=lambda r, t, p: (p * iu(r, t, p)).nansum() / p.sum()),
    "every one of the four is a share": four(weighted=lambda r, t, p: (t * iu(r, t, p)).nansum()),
    "NaN spreads": four(mean_iu=lambda r, t, p: iu(r, t, p).mean()),
    "counts as 0 in your means": four(mean_iu=lambda r, t, p: iu(r, t, p).nan_to_num(0).mean()),
    "the order is not": lambda matrix: four()(matrix)[::-1],
    "You return 3 numbers": lambda matrix: four()(matrix)[:3],
    "Return four numbers": lambda matrix: 0.5,
    "returns None": lambda matrix: None,
}


def scored(matrix, kind=1):
    matrix = matrix.double()
    return (matrix[kind, kind] / (matrix[kind].sum() + matrix[:, kind].sum() - matrix[kind, kind])).item()


def two(matrices, empty=None, kind=1):
    each = [scored(matrix, kind) for matrix in matrices]
    each = [empty if np.isnan(value) else value for value in each if empty is not None or not np.isnan(value)]
    return scored(sum(matrices), kind), sum(each) / len(each)


def dice(value):
    return 2 * value / (1 + value)


WRONG_IUS = {
    "class 0, the background": lambda m: two(m, kind=0),
    "You return Dice": lambda m: [dice(value) for value in two(m)],
    "The two are swapped": lambda m: two(m)[::-1],
    "Both of yours are the mean over images": lambda m: (two(m)[1], two(m)[1]),
    "Both of yours are of all pixels together": lambda m: (two(m)[0], two(m)[0]),
    "counts as IU 0": lambda m: two(m, empty=0.0),
    "counts as IU 1": lambda m: two(m, empty=1.0),
    "0 / 0 = NaN": lambda m: (two(m)[0], float(np.mean([scored(matrix) for matrix in m]))),
    "divides 0 by 0": lambda m: (two(m)[0], np.mean([x[1, 1].item() / (x.sum() - x[0, 0]).item() for x in m])),
    "Return two numbers": lambda m: 0.5,
}


def by_score(score, shift=0):
    """The threshold from 0 to 254 with the largest score(w0, w1, m0, m1)."""

    def answer(image):
        values = image.flatten().double()

        def at(t):
            dark, light = values[values <= t], values[values > t]
            if not len(dark) or not len(light):
                return -np.inf
            return score(len(dark) / len(values), len(light) / len(values), dark.mean().item(), light.mean().item())

        return max(range(255), key=at) + shift

    return answer


def apart(w0, w1, m0, m1):
    return w0 * w1 * (m0 - m1) ** 2


WRONG_THRESHOLDS = {
    "means alone": by_score(lambda w0, w1, m0, m1: abs(m0 - m1)),
    "one too many": by_score(apart, shift=1),
    "mean, the median or a minimum": lambda image: image.double().mean().item(),
    "the median or a minimum": by_score(lambda *groups: -apart(*groups)),
    "half way between": lambda image: (image.double().min() + image.double().max()).item() / 2,
    "one grey value is asked for": lambda image: image > 100,
    "brighter than your threshold 255": lambda image: 255,
    "returns None": lambda image: None,
}

WRONG = {
    "01.confusion_matrix": WRONG_MATRICES,
    "01.four_metrics": WRONG_METRICS,
    "01.iu_two_ways": WRONG_IUS,
    "01.otsu": WRONG_THRESHOLDS,
}
RIGHT_OTHERWISE = {
    "01.confusion_matrix": counted,
    "01.four_metrics": four(),
    "01.iu_two_ways": two,
    "01.otsu": by_score(apart),
}
CASES = [(name, message) for name, cases in WRONG.items() for message in cases]


@pytest.mark.parametrize(("name", "message"), CASES)
def test_each_mistake_is_named(name, message):
    with pytest.raises(NotYet, match=message):
        check(name, WRONG[name][message])


@pytest.mark.parametrize("name", NAMES)
def test_every_exercise_knows_four_mistakes_or_more(name):
    assert len(WRONG[name]) >= 4


@pytest.mark.parametrize("name", NAMES)
def test_another_way_is_right_too(name, capsys):
    check(name, RIGHT_OTHERWISE[name])
    assert "right" in capsys.readouterr().out


def by_pixel(truth, prediction, classes):
    matrix = torch.zeros(classes, classes, dtype=torch.int64)
    for row, column in zip(truth.flatten(), prediction.flatten(), strict=True):
        if row != 255:
            matrix[row.long(), column.long()] += 1
    return matrix


@pytest.mark.parametrize("answer", [by_pixel, lambda t, p, c: one_hot_counts(t, p, c, torch.float64)])
def test_counts_may_be_made_in_any_way_that_loses_none(answer):
    check("01.confusion_matrix", answer)


def test_what_is_said_of_float32_happens_with_so_many_pixels():
    many = torch.zeros((), dtype=torch.uint8).expand(257, 65281)
    assert many.numel() == 2**24 + 1
    assert by_class(many, many, 1, torch.zeros(1, 1)).long() == 2**24
    assert by_class(many, many, 1, torch.zeros(1, 1, dtype=torch.int64)) == 2**24 + 1


def test_a_students_own_error_is_not_taken_for_a_known_mistake():
    with pytest.raises(NotYet, match="stopped with an error"):
        check("01.four_metrics", lambda matrix: matrix.no_such_thing)


def test_each_question_has_one_right_choice_and_not_always_in_the_same_place():
    places = [[choice.right for choice in question.choices].index(True) for question in questions_of("01")]
    assert all(sum(choice.right for choice in question.choices) == 1 for question in questions_of("01"))
    assert len(questions_of("01")) == 5 and len(set(places)) > 1
    assert all(choice.why for question in questions_of("01") for choice in question.choices)
