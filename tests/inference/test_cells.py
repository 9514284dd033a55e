"""From foreground to cells, and their scores, on pictures small enough to count (lecture 08)."""

import numpy as np
import pytest
import torch
from stardist.matching import matching_dataset

from course_utils.inference.cells import foreground_probability, instances_from_foreground
from course_utils.metrics.instances import score_instances
from course_utils.models.unet import UNet

# two cells that the net is unsure to part, one it is less sure of, and a speck
ROWS = """
0 0 0 0 0 0 0 0 0 0 0
0 9 9 9 6 9 9 9 0 0 8
0 9 9 9 6 9 9 9 0 0 0
0 9 9 9 6 9 9 9 0 0 0
0 0 0 0 0 0 0 0 0 0 0
0 6 6 6 6 6 6 0 0 0 0
0 6 6 6 6 6 6 0 0 0 0
""".strip().splitlines()
MAP = np.array([row.split() for row in ROWS], dtype=float) / 10


def test_seeds_part_what_the_threshold_joins():
    found = instances_from_foreground(MAP, threshold=0.5, seed=0.7, smallest=3)
    assert found.max() == 3
    assert found[2, 1] != found[2, 7] and found[2, 4] in (found[2, 1], found[2, 7])
    assert (found > 0).sum() == (MAP >= 0.5).sum() - 1  # all but the speck
    assert (found[5:7, 1:7] == found[5, 1]).all()  # no seed in it, and still a cell


def test_without_seeds_they_are_one():
    assert instances_from_foreground(MAP, 0.5, 0.5, smallest=3).max() == 2


def test_tensors_too_and_nothing_is_nothing():
    same = instances_from_foreground(torch.from_numpy(MAP), smallest=3)
    assert np.array_equal(same, instances_from_foreground(MAP, smallest=3))
    assert not instances_from_foreground(np.zeros((5, 6))).any()
    with pytest.raises(ValueError, match=r"seed = 0.3"):
        instances_from_foreground(MAP, 0.5, 0.3)


def test_scores_by_hand():
    truth = np.array([[1, 1, 2, 2, 0, 3, 3, 3]])
    merged = np.array([[5, 5, 5, 5, 0, 7, 7, 0]])
    found = score_instances([(truth, merged)])
    assert (found.merged, found.split, found.missed, found.cells, found.predicted) == (2, 0, 0, 3, 2)
    # IU 1/2 for one of the merged two, 2/3 for the third: two matches, one true cell left
    assert found.matched_share[0.5] == pytest.approx(2 / 3)
    assert found.matched_share[0.65] == pytest.approx(1 / 4)
    assert found.matched_share[0.7] == 0
    assert found.panoptic_quality == pytest.approx((1 / 2 + 2 / 3) / 2.5)


def test_several_pictures_are_counted_together_as_stardist_does():
    chance = np.random.default_rng(1)
    pairs = [(np.kron(chance.integers(0, 4, (6, 6)), np.ones((4, 4), int)),) * 2 for _ in range(3)]
    pairs = [(truth, np.roll(prediction, 1, axis=0)) for truth, prediction in pairs]
    found = score_instances(pairs, (0.3, 0.5, 0.7))
    for threshold in (0.3, 0.5, 0.7):
        theirs = matching_dataset(*zip(*pairs, strict=True), thresh=threshold, show_progress=False)
        assert found.matched_share[threshold] == pytest.approx(theirs.accuracy)
    theirs = matching_dataset(*zip(*pairs, strict=True), thresh=0.5, show_progress=False)
    assert found.panoptic_quality == pytest.approx(theirs.panoptic_quality)


def test_no_picture_is_refused():
    with pytest.raises(ValueError, match="no cell"):
        score_instances([])


def test_any_size_goes_through_the_net():
    net = UNet(1, 2, width=4, depth=2, padded=True).eval()
    plain = foreground_probability(net, torch.rand(1, 30, 41))
    assert plain.shape == (30, 41) and plain.min() >= 0 and plain.max() <= 1
    assert foreground_probability(net, torch.rand(1, 30, 41), turned=True).shape == (30, 41)


def test_the_mean_of_eight_views_turns_with_the_picture():
    net = UNet(1, 2, width=4, depth=2, padded=True).eval()
    image = torch.rand(1, 32, 40)
    views = foreground_probability(net, image, turned=True)
    assert torch.allclose(views, foreground_probability(net, image.flip(-1), turned=True).flip(-1), atol=1e-5)
    assert not torch.allclose(views, foreground_probability(net, image), atol=1e-5)
