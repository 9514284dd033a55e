"""Things are measured one by one."""

import pytest
import torch

from course_utils.data.dataset import Sample, load
from course_utils.metrics.instances import Thing, found_by_thickness, things


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


def test_a_data_set_without_instances_is_refused():
    sample = two_bars()
    with pytest.raises(ValueError, match="no instances"):
        things(Sample(sample.image, sample.mask), sample.mask)
