"""Things are measured one by one."""

import time

import numpy as np
import pytest
import torch

from course_utils.data.dataset import Sample, load
from course_utils.inference.cells import without_specks
from course_utils.metrics.instances import (
    Thing,
    found_by_thickness,
    match_instances,
    object_mistakes,
    score_instances,
    things,
)


def two_bars() -> Sample:
    mask = torch.zeros(20, 40, dtype=torch.int64)
    mask[2:18, 3:6], mask[2:18, 20:31] = 5, 7
    instances = torch.zeros_like(mask)
    instances[mask == 5], instances[mask == 7] = 1, 2
    mask[0], instances[0] = 255, 255
    return Sample(torch.zeros(3, 20, 40, dtype=torch.uint8), mask, instances, torch.tensor([5, 7]))


def test_thickness_and_share_of_two_bars():
    sample = two_bars()
    prediction = torch.where(sample.mask == 7, 7, 0)
    prediction[:10] = 0
    thin, thick = things(sample, prediction)
    assert (thin.label, thin.area, thin.thickness, thin.found) == (5, 48, 3.0, 0.0)
    assert (thick.label, thick.area, thick.thickness, thick.found) == (7, 176, 11.0, 0.5)


def test_groups_by_thickness():
    seen = [Thing(1, 3.0, 50, 0.0), Thing(1, 5.0, 50, 1.0), Thing(2, 40.0, 50, 0.25)]
    shares, counts = found_by_thickness(seen, (0, 8, 16))
    assert shares[0] == 0.5 and shares[1] != shares[1] and shares[2] == 0.25
    assert counts == [2, 0, 1]


def test_every_thing_of_a_scene_is_found_in_its_own_mask():
    sample = load("stickers", "val", images=12).sample(0)
    seen = things(sample, sample.mask)
    assert seen and all(thing.found == 1 for thing in seen)


def test_without_instances_the_parts_of_a_class_are_the_things_however_many_there_are():
    sample = two_bars()
    assert things(Sample(sample.image, sample.mask), sample.mask) == things(sample, sample.mask)
    dots = torch.zeros(40, 60, dtype=torch.int64)
    dots[1::2, 1::2] = 3
    assert len(things(Sample(torch.zeros(3, 40, 60, dtype=torch.uint8), dots), dots, smallest=1)) == 20 * 30


def numbered_as(labels, numbers, kind):
    """The same things under other numbers."""
    return np.asarray([0, *numbers], dtype=kind)[labels]


def some_things():
    """Merged, split and missed ones: truth 1..5, prediction 1..4."""
    truth, prediction = np.zeros((20, 30), np.int64), np.zeros((20, 30), np.int64)
    truth[1:5, 1:6], truth[1:5, 7:12], prediction[1:5, 1:12] = 1, 2, 1
    truth[8:14, 1:11], prediction[8:14, 1:5], prediction[8:14, 6:11] = 3, 2, 3
    truth[8:12, 15:20] = 4
    truth[15:19, 15:25], prediction[15:19, 15:25] = 5, 4
    return truth, prediction


@pytest.mark.parametrize(
    ("first", "kind"),
    [(40_000, "int32"), (60_000, "uint16"), (5_000_000_000, "int64"), (2**62, "uint64")],
)
def test_how_large_the_numbers_of_things_are_changes_neither_scores_nor_memory(first, kind):
    truth, prediction = some_things()
    numbers = [first + 1000 * place for place in range(1, 6)]
    large, guessed = numbered_as(truth, numbers, kind), numbered_as(prediction, numbers[:4], kind)
    began = time.monotonic()
    small = object_mistakes(truth, prediction)
    found = object_mistakes(large, guessed)
    assert small == ([1, 2], [3], [4])
    assert found == tuple([numbers[number - 1] for number in kind] for kind in small)
    assert match_instances(large, guessed) == match_instances(truth, prediction)
    assert score_instances([(large, guessed)]) == score_instances([(truth, prediction)])
    assert set(np.unique(without_specks(large, 22)).tolist()) == {0, numbers[2], numbers[4]}
    assert without_specks(large, 22).dtype == large.dtype
    assert time.monotonic() - began < 30  # most of it stardist's compiling


def test_a_picture_without_things_or_without_background_is_counted_too():
    none, full = np.zeros((4, 4), int), np.full((4, 4), 7)
    assert object_mistakes(none, none) == ([], [], [])
    assert object_mistakes(full, none) == ([], [], [7])
    assert object_mistakes(full, full) == ([], [], [])
