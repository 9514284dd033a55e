"""The border weight map equals a slow plain version, whatever the cells look like (lecture 08)."""

import numpy as np
import pytest
import torch

from course_utils.data.sets.nuclei import nuclei, touching
from course_utils.losses import CrossEntropy, WeightedCrossEntropy, border_weights, plain_border_weights, separated


def blobs(seed: int, cells: int, size: tuple[int, int], widest: int) -> torch.Tensor:
    """Boxes thrown on top of each other: some touch, some are cut in two, some are hidden."""
    chance = np.random.default_rng(seed)
    labels = np.zeros(size, dtype=np.int64)
    for number in range(1, cells + 1):
        row, column = (chance.integers(0, side) for side in size)
        height, width = chance.integers(1, widest, size=2)
        labels[row : row + height, column : column + width] = number
    return torch.from_numpy(labels)


CASES = {
    "two cells": torch.tensor([[1, 0, 0, 2]]),
    "touching cells": torch.tensor([[1, 1, 2, 2, 0, 0, 3]]),
    "one cell": torch.tensor([[0, 0, 1], [0, 0, 0]]),
    "no cell": torch.zeros(4, 5, dtype=torch.int64),
    "a cell in two parts": torch.tensor([[1, 0, 2, 0, 1, 0, 0, 3]]),
    "far apart": torch.eye(60, dtype=torch.int64) * torch.arange(60) * (torch.arange(60) % 29 == 0),
    "few": blobs(0, 5, (90, 70), 20),
    "crowded": blobs(1, 80, (80, 110), 15),
    "specks": blobs(2, 60, (120, 40), 3),
    "nuclei": nuclei()[1][:200, 100:330],
}


@pytest.mark.parametrize("name", CASES)
def test_the_fast_map_equals_the_plain_one(name):
    found = border_weights(CASES[name], class_weights=(1.0, 1.0))
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, plain_border_weights(CASES[name]), atol=1.1e-3)


@pytest.mark.parametrize(("w0", "sigma"), [(3, 2), (10, 12.5), (0, 5), (40, 0.5)])
def test_other_settings_too(w0, sigma):
    cells = CASES["crowded"]
    found = border_weights(cells, w0, sigma, (0.5, 2.0))
    np.testing.assert_allclose(found, plain_border_weights(cells, w0, sigma, (0.5, 2.0)), atol=1e-4 * w0 + 1e-5)


def test_by_hand():
    """Between two pixels that are three apart: d1 + d2 = 3 in both places."""
    found = border_weights(CASES["two cells"], class_weights=(1.0, 2.0))[0]
    gap = 1 + 10 * np.exp(-9 / 50)
    assert found.tolist() == pytest.approx([2, gap, gap, 2], rel=1e-5)


def test_classes_weigh_the_same_in_total_and_none_more_than_5():
    half = torch.zeros(10, 10, dtype=torch.int64)
    half[:2] = 1
    found = border_weights(half)
    assert found[half > 0].sum() == pytest.approx(found[half == 0].sum().item(), rel=1e-5)
    speck = torch.zeros(100, 100, dtype=torch.int64)
    speck[5, 5] = 1
    assert border_weights(speck)[5, 5] == 5


def test_void_weighs_nothing_and_is_not_counted():
    cells = torch.tensor([[1, 0, 2, 2]])
    void = torch.tensor([[False, False, False, True]])
    found = border_weights(cells, void=void)[0]
    assert found[3] == 0 and (found[:3] > 0).all()
    assert found[0] == pytest.approx(0.75)  # mean of 1 and 2 pixels, over 2


def test_what_is_no_label_image_is_refused():
    with pytest.raises(ValueError, match="float32"):
        border_weights(torch.zeros(3, 3))
    with pytest.raises(ValueError, match="numbered"):
        border_weights(torch.zeros(1, 3, 3, dtype=torch.int64))
    with pytest.raises(ValueError, match="sigma = 0"):
        border_weights(torch.zeros(3, 3, dtype=torch.int64), sigma=0)


def test_separated_cells_no_longer_touch():
    cells = nuclei()[1]
    apart = separated(cells)
    assert touching(cells) == 36
    assert touching(apart) == 0
    assert separated(torch.tensor([[1, 1, 2, 2, 0, 3]])).tolist() == [[1, 0, 0, 2, 0, 3]]
    assert (apart[apart > 0] == cells[apart > 0]).all()


def test_weights_of_one_give_plain_cross_entropy_and_void_counts_nothing():
    scores = torch.randn(2, 2, 5, 6, requires_grad=True)
    target = torch.randint(0, 2, (2, 5, 6))
    target[0, 0] = 255
    ours = WeightedCrossEntropy()(scores, target, torch.ones(2, 5, 6))
    assert torch.allclose(ours, CrossEntropy()(scores, target))
    weights = torch.rand(2, 5, 6) + 0.1
    weights[1] = 0
    WeightedCrossEntropy()(scores, target, weights).backward()
    assert not scores.grad[1].any() and not scores.grad[0, :, 0].any() and scores.grad[0, :, 1:].all()


def test_weights_of_another_size_are_refused():
    with pytest.raises(ValueError, match="one for each pixel"):
        WeightedCrossEntropy()(torch.randn(1, 2, 4, 4), torch.zeros(1, 4, 4, dtype=torch.int64), torch.ones(4, 4))


@pytest.mark.parametrize("background", [True, False])
def test_cells_of_very_large_numbers_weigh_the_same(background):
    cells = torch.ones(20, 24, dtype=torch.int64) * (0 if background else 3)
    cells[4:14, 3:10], cells[4:14, 12:20] = 1, 2
    large = torch.tensor([0, 2**32, 5 * 2**32, 7 * 2**32])[cells]
    assert torch.equal(border_weights(large), border_weights(cells))
