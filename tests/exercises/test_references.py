"""Every reference solution gives the same answer whatever integers hold its numbers and however they lie in memory."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from course_utils import metrics
from tests.exercises.solutions import solutions
from tests.exercises.test_every_exercise import EXERCISES, checked

INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
CLASSES = 21


def mask(height=6, width=8, classes=CLASSES, void=True):
    """Labels of every class, with some void."""
    labels = torch.arange(height * width).reshape(height, width) * 5 % classes
    if void:
        labels[0, :2] = 255
    return labels


def cells(height=12, width=14):
    """Three numbered cells, two of them close."""
    labels = torch.zeros(height, width, dtype=torch.int64)
    labels[1:5, 1:5], labels[1:5, 6:11], labels[7:11, 3:9] = 1, 2, 3
    return labels


GENERATOR = torch.Generator().manual_seed(0)
SCORES = torch.randn(2, 3, 4, 5, generator=GENERATOR)
PALETTE = torch.randint(0, 255, (CLASSES, 3), generator=GENERATOR, dtype=torch.uint8)
BOXES = torch.rand(6, 4, generator=GENERATOR) * 20 + torch.tensor([0, 0, 20, 20])
CONFUSED = [torch.tensor([[90, 100], [100, 100]]), torch.tensor([[120, 4], [5, 101]])]

# for each exercise with label maps or counts: its arguments, and which of them are integers of whatever type
WHOLE = {
    "00.foreground_share": ((mask(),), (0,)),
    "00.paint": ((mask(), PALETTE), (0,)),
    "00.count_things": ((mask(),), (0,)),
    "01.confusion_matrix": ((mask(), mask(void=False).flip(0), CLASSES), (0, 1)),
    "01.four_metrics": ((torch.tensor([[100, 10, 0], [6, 120, 4], [0, 2, 8]]),), (0,)),
    "01.iu_two_ways": ((CONFUSED,), (0,)),
    "01.otsu": ((torch.tensor([[10, 12, 11, 90], [100, 14, 120, 95]]),), (0,)),
    "04.pixel_loss": ((SCORES, mask(8, 5, 3).reshape(2, 4, 5)), (1,)),
    "04.class_weights": (([mask(), mask(3, 4)], CLASSES, 0.5), (0,)),
    "04.ceiling": ((mask(), 4, CLASSES), (0,)),
    "05.boundary_band": ((mask().numpy(), 2), (0,)),
    "06.mean_iu": ((torch.tensor([[90, 100, 0], [100, 100, 7], [0, 0, 0]]),), (0,)),
    "08.weights": ((cells().numpy(),), (0,)),
    "08.bend": ((cells().numpy(), np.full((2, 12, 14), 1.4)), (0,)),
    "08.rand": ((cells().numpy(), cells().numpy() // 2), (0, 1)),
    "09.nms": ((BOXES, SCORES.flatten()[:6], torch.tensor([1, 1, 2, 2, 1, 2]), 0.5), (2,)),
    "10.shift": ((np.random.default_rng(0).random((12, 14)), cells().numpy(), 3), (1,)),
    "10.ring": (((cells().numpy() == 3).astype(int),), (0,)),
}
# the rest take floating-point maps, nets or plain numbers
MAPS = {
    "02.shift_and_stitch": (lambda f: f(nn.Conv2d(3, 2, 3, stride=2, bias=False), torch.randn(1, 3, 9, 11), 2)),
    "03.convolution_matrix": (lambda f: f(torch.tensor([1.0, 2.0, 3.0]), 8, 2)),
    "03.transposed_by_convolution": (lambda f: f(torch.randn(2, 3, 4, 5), torch.randn(3, 2, 4, 4), 2)),
    "04.segment": (lambda f: f(torch.randn(2, 3, 4, 5), (8, 10))),
    "06.angle": (lambda f: f(nn.functional.normalize(torch.randn(3, 6, 8), dim=0), torch.tensor([0.0, 0.6, 0.8]))),
    "07.crop": (lambda f: f(torch.randn(2, 3, 9, 8), 4, 5)),
    "08.cells": (lambda f: f(np.random.default_rng(0).random((20, 24)))),
    "09.iou": (lambda f: f(BOXES, BOXES.flip(0))),
    "09.decode": (lambda f: f(torch.rand(6, 4), BOXES)),
    "09.bin": (lambda f: f(torch.rand(8, 8), (13.0, 21.0, 33.0, 31.0), 8)),
    "09.ap": (lambda f: f(torch.rand(6), torch.rand(6) > 0.5, 4)),
    "09.paste": (lambda f: f(torch.rand(4, 4), (2.0, 1.5, 14.0, 9.0), (12, 16))),
}
PLAIN = {
    "02.linear_to_conv",
    "02.receptive_field",
    "03.bilinear_kernel",
    "03.coordinate_map",
    "05.skip",
    "05.warm_start",
    "05.one_convolution",
    "06.widen",
    "06.late_fusion",
    "07.double_convolution",
    "07.up_step",
    "07.assemble",
    "07.by_tiles",
    "10.split",
    "10.next_step",
}


def reference(name):
    return solutions(name[:2])[checked(name[:2])[name]]


def mapped(value, change):
    return [change(each) for each in value] if isinstance(value, list) else change(value)


def outcome(found):
    """What an answer gave, as numbers to be compared."""
    if isinstance(found, tuple | list):
        return [outcome(each) for each in found]
    return np.asarray(found.detach() if isinstance(found, torch.Tensor) else found, dtype=float).tolist()


def as_type(kind):
    def change(value):
        if isinstance(value, np.ndarray):
            return value.astype(kind)
        if value.max() > torch.iinfo(getattr(torch, kind)).max:  # no void in int8, which cannot hold it
            value = torch.where(value == 255, 0, value)
        return value.to(getattr(torch, kind))

    return change


def strided(value):
    """The same numbers, not next to each other in memory."""
    if isinstance(value, np.ndarray):
        wide = np.zeros((value.shape[0], 2 * value.shape[1]), value.dtype)
        wide[:, ::2] = value
        return wide[:, ::2]
    wide = torch.zeros(*value.shape[:-1], 2 * value.shape[-1], dtype=value.dtype)
    wide[..., ::2] = value
    return wide[..., ::2]


def call(name, change):
    arguments, integers = WHOLE[name]
    changed = [mapped(copy.deepcopy(each), change) if k in integers else each for k, each in enumerate(arguments)]
    return outcome(reference(name)(*changed))


def test_every_exercise_is_looked_at():
    assert set(WHOLE) | set(MAPS) | PLAIN == set(EXERCISES)


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("name", WHOLE)
def test_the_type_of_the_integers_changes_nothing(name, kind):
    held = as_type(kind)

    def as_int64(value):
        value = held(value)
        return value.astype(np.int64) if isinstance(value, np.ndarray) else value.long()

    assert call(name, held) == call(name, as_int64)


@pytest.mark.parametrize("name", WHOLE)
def test_how_the_numbers_lie_in_memory_changes_nothing(name):
    assert call(name, strided) == call(name, lambda value: value)


@pytest.mark.parametrize("name", MAPS)
def test_maps_may_lie_in_any_order(name):
    answer = reference(name)

    def once(change):
        torch.manual_seed(0)
        return outcome(MAPS[name](lambda *given: answer(*(change(each) if is_map(each) else each for each in given))))

    def is_map(value):
        return isinstance(value, torch.Tensor | np.ndarray)

    np.testing.assert_allclose(once(strided), once(lambda value: value), rtol=1e-5, atol=1e-6)


ONE = torch.zeros(1, 1, dtype=torch.uint8)
NONE = torch.zeros(0, 4, dtype=torch.uint8)
EDGES = {
    "00.foreground_share": [((ONE,), 0), ((ONE + 255,), 0), ((NONE,), 0)],
    "00.paint": [((ONE + 255, PALETTE), [[[255] * 3]]), ((NONE, PALETTE), [])],
    "00.count_things": [((ONE,), 0), ((ONE + 1,), 1), ((NONE,), 0)],
    "01.confusion_matrix": [((ONE + 1, ONE, 2), [[0, 0], [1, 0]]), ((NONE, NONE, 2), [[0, 0], [0, 0]])],
    "01.iu_two_ways": [(([torch.tensor([[0, 0], [0, 1]])],), [1, 1])],
    "01.otsu": [((ONE,), 0), ((NONE,), 0)],
    "04.pixel_loss": [((torch.zeros(1, 2, 1, 1), ONE[None] + 255), 0), ((torch.zeros(1, 2, 0, 4), NONE[None]), 0)],
    "04.class_weights": [(([ONE], 2, 1), [1, 0]), (([NONE], 2, 1), [0, 0])],
    "04.ceiling": [((ONE, 4, 2), [[0]])],
    "05.boundary_band": [((ONE.numpy(), 2), [[0]]), ((NONE.numpy(), 2), [])],
    "08.weights": [((ONE.numpy(),), [[1]]), ((NONE.numpy(),), [])],
    "08.bend": [((ONE.numpy() + 3, np.ones((2, 1, 1))), [[3]]), ((NONE.numpy(), np.ones((2, 0, 4))), [])],
    "08.rand": [((ONE.numpy() + 1, ONE.numpy()), 1)],
    "10.shift": [((np.ones((1, 1)), ONE.numpy()), [0, 0]), ((np.ones((0, 4)), NONE.numpy()), [0, 0])],
    "10.ring": [((ONE.numpy() + 1,), [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])],
    "08.cells": [((np.ones((1, 1)),), [[1]]), ((np.zeros((1, 1)),), [[0]])],
}


@pytest.mark.parametrize(("name", "given", "right"), [(name, *case) for name in EDGES for case in EDGES[name]])
def test_one_pixel_and_none(name, given, right):
    assert outcome(reference(name)(*copy.deepcopy(given))) == right


@pytest.mark.parametrize("kind", INTEGERS)
def test_no_pixel_of_a_byte_mask_is_lost(kind):
    labels = torch.arange(CLASSES).to(getattr(torch, kind))
    found = reference("01.confusion_matrix")(labels, labels, CLASSES)
    assert found.diag().sum() == CLASSES
    assert torch.equal(found, metrics.confusion_matrix(labels.long(), labels.long(), CLASSES))
