import numpy as np
import pytest
import torch

from course_utils.data.sets.nuclei import nuclei, touching
from course_utils.losses import border_weights, separated
from course_utils.widgets.weight_maps import busiest, compute, heading, weight_map
from tests.widgets.speed import LIMIT, seconds_to_answer


@pytest.fixture(scope="module")
def cells():
    labels = nuclei()[1]
    return labels[busiest(labels)]


def test_the_map_is_the_one_that_nets_are_trained_with(cells):
    found = compute(cells, w0=10, sigma=5, row=0)
    assert np.array_equal(found.map, border_weights(separated(cells), w0=10, sigma=5).numpy())


def test_shares_of_pixels_and_of_the_loss_add_up(cells):
    found = compute(cells, w0=10, sigma=5, row=0)
    assert sum(found.pixels.values()) == pytest.approx(1)
    assert sum(found.loss.values()) == pytest.approx(1)


def test_without_w0_a_gap_counts_as_any_background_and_with_it_more(cells):
    without, with_it = (compute(cells, w0=w0, sigma=5, row=0) for w0 in (0, 10))
    ratio = without.loss["gaps"] / without.pixels["gaps"]
    assert ratio == pytest.approx(without.loss["background"] / without.pixels["background"], rel=1e-5)
    assert with_it.loss["gaps"] > 3 * without.loss["gaps"]
    assert with_it.gap > 2 > 1 > without.gap


def test_with_a_large_sigma_the_weight_leaves_the_gaps(cells):
    near, far = (compute(cells, w0=10, sigma=sigma, row=0) for sigma in (5, 20))
    assert far.loss["background"] > near.loss["background"]
    assert "left the gaps" in heading(far) and "left the gaps" not in heading(near)


def test_the_window_is_where_most_cells_touch():
    labels = torch.zeros(100, 100, dtype=torch.int64)
    labels[64:70, 64:70], labels[64:70, 70:76], labels[10:14, 10:14] = 1, 2, 3
    rows, columns = busiest(labels, side=40)
    assert touching(labels[rows, columns]) == 2


def test_a_window_without_gaps_is_no_error():
    alone = torch.zeros(60, 60, dtype=torch.int64)
    alone[20:40, 20:40] = 1
    found = compute(alone, w0=10, sigma=5, row=30)
    assert found.pixels["gaps"] == 0 and found.gap == 0


def test_sliders_change_the_picture_and_a_click_on_the_map_takes_its_row(cells):
    explorer = weight_map(cells)
    words = explorer.picture.words
    explorer.controls["w0"].value = 17
    assert explorer.picture.words != words
    explorer.answer(None, {"kind": "point", "x": 0.1, "y": 0.99}, None)
    before = explorer.controls["row"].value
    explorer.answer(None, {"kind": "point", "x": 0.1, "y": 0.5}, None)
    row = explorer.controls["row"].value
    assert row != before and 50 < row < 100
    explorer.answer(None, {"kind": "walk", "across": 0, "down": 1}, None)
    assert explorer.controls["row"].value == explorer.data.row == row + 1


def test_it_answers_in_time():
    explorer = weight_map(nuclei()[1])
    assert seconds_to_answer(explorer, w0=(5, 20), sigma=(3, 20), row=(20, 90)) < LIMIT
