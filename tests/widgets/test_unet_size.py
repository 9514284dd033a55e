from itertools import product

import pytest
import torch
from ipywidgets import ToggleButtons

from course_utils.models.unet import UNet, legal_sizes
from course_utils.widgets.unet_sizes import compute, describe, heading, unet_size
from tests.widgets.speed import LIMIT, seconds_to_answer


@pytest.mark.parametrize(("depth", "padded"), [(1, False), (2, False), (3, False), (2, True)])
def test_the_answer_is_as_large_as_the_nets_own(depth, padded):
    size = legal_sizes(60, 200, depth, padded)[0]
    net = UNet(width=2, depth=depth, padded=padded).eval()
    with torch.no_grad():
        side = net(torch.zeros(1, 1, size, size)).shape[-1]
    assert compute(depth, size, padded).output == side


def test_the_papers_net_is_figure_1():
    sizes = compute(4, 572, padded=False)
    assert sizes.levels[0].down == (572, 570, 568) and sizes.levels[0].up == (392, 390, 388)
    assert sizes.levels[2].down == (140, 138, 136) and sizes.levels[2].up == (104, 102, 100)
    assert sizes.levels[4].down == (32, 30, 28) and not sizes.levels[4].up
    assert sizes.output == 388 and sizes.lost == 92
    assert sizes.answered == pytest.approx((388 / 572) ** 2)


def test_an_illegal_size_stops_where_it_cannot_be_halved():
    sizes = compute(4, 512, padded=False)
    assert len(sizes.levels) == 3 and sizes.levels[-1].down[-1] == 121
    assert sizes.output == 0 and sizes.nearest == (508, 524)
    assert "508 or 524" in heading(sizes) and "121" in describe(sizes)


def test_padded_loses_no_context():
    sizes = compute(5, 512, padded=True)
    assert sizes.output == 512 and sizes.lost == 0 and sizes.answered == 1


@pytest.mark.parametrize("padded", [False, True])
def test_every_state_can_be_drawn(padded):
    explorer = unet_size()
    for depth, size in product((1, 3, 5), (20, 21, 60, 379, 380, 700)):
        explorer.set(depth=depth, size=size, padded=padded)
        assert explorer.data == compute(depth, size, padded)
        assert not explorer.picture.problem, explorer.values


def test_controls_change_the_numbers():
    explorer = unet_size()
    explorer.set(size=572, depth=4, padded=False)
    assert "572 in, 388 out" in explorer.picture.words
    explorer.controls["size"].value = 573
    assert "573 is illegal" in explorer.picture.words
    assert isinstance(explorer.controls["padded"], ToggleButtons)
    explorer.set(size=576, padded=True)
    assert "576 in, 576 out" in explorer.picture.words


def test_it_answers_in_time():
    explorer = unet_size()
    explorer.set(size=572, depth=4, padded=False)
    assert seconds_to_answer(explorer, size=(380, 572), depth=(5, 4), padded=(True, False)) < LIMIT
