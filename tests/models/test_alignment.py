"""The promises of alignment.py, and of the backbones' coordinate maps: answers are drawn where their cells look."""

from fractions import Fraction

import pytest
import torch
from torch.nn import functional

from course_utils.data.dataset import load
from course_utils.models.backbones import backbone
from course_utils.models.coordinates import CoordinateMap, geometry
from course_utils.models.fcn import FCN
from course_utils.models.upsampling import PIXELS, interpolation_matrix, places_in, resample
from course_utils.training.kept_maps import KeptMaps, UpperBackbone


def even(stride):
    """Cells that lie evenly over the picture, as `interpolate` takes them."""
    return (CoordinateMap(Fraction(stride), Fraction(stride - 1, 2)),) * 2


@pytest.mark.parametrize(("coarse", "fine", "cells", "size"), [(32, 16, (5, 3), (10, 6)), (8, 1, (4, 6), (32, 48))])
def test_with_evenly_spread_cells_it_is_interpolate(coarse, fine, cells, size):
    scores = torch.randn(2, 3, *cells, generator=torch.Generator().manual_seed(0))
    expected = functional.interpolate(scores, size=size, mode="bilinear", align_corners=False)
    there = PIXELS if fine == 1 else even(fine)
    torch.testing.assert_close(resample(scores, even(coarse), there, size), expected, rtol=1e-5, atol=1e-5)


def test_a_cell_is_drawn_where_it_looks():
    here = (CoordinateMap(Fraction(32), Fraction(31)), CoordinateMap(Fraction(32), Fraction(5)))
    scores = torch.zeros(1, 1, 4, 4)
    scores[0, 0, 1, 2] = 1
    drawn = resample(scores, here, PIXELS, (128, 128))[0, 0]
    assert divmod(int(drawn.argmax()), 128) == (31 + 32, 5 + 2 * 32)
    assert drawn.max() == 1


def test_rows_are_weights_and_the_first_and_last_cells_hold_to_the_edge():
    matrix = interpolation_matrix(torch.tensor([-3.0, 0.25, 1.0, 9.0]), cells=3)
    assert torch.equal(matrix, torch.tensor([[1.0, 0, 0], [0.75, 0.25, 0], [0, 1.0, 0], [0, 0, 1.0]]))
    assert places_in(CoordinateMap(Fraction(32), Fraction(31)), CoordinateMap(), 2).tolist() == [-31 / 32, -30 / 32]


@pytest.mark.parametrize("length", [64, 101, 160])
def test_a_backbones_maps_look_where_the_walk_through_its_layers_says(length):
    lite0 = backbone("efficientnet_lite0")
    images = torch.zeros(1, 3, length, 2 * length)
    rows = [grid[0] for grid in lite0.coordinates(images)]
    for count, found in enumerate(rows, start=1):
        assert found == geometry(list(lite0.stages[:count]), length).coordinates
    assert [grid[1] for grid in lite0.coordinates(images)] == lite0.along(2 * length)
    if length == 160:
        assert [float(found(0)) for found in rows] == [7, 15, 31]


@pytest.mark.parametrize("size", [(160, 160), (64, 96)])
@pytest.mark.parametrize("every", [1, 2])
def test_kept_maps_look_where_the_whole_backbones_do(size, every):
    lite0 = backbone("efficientnet_lite0").eval()
    dataset = load("stickers", "val", images=6, size=160)
    height, width = size
    cut = dataset.with_transform(lambda image, mask: (image[:, :height, :width], mask[:height, :width]))
    laid_out = KeptMaps(lite0, cut, every)[0][0][None]
    whole, kept = lite0.coordinates(torch.zeros(1, 3, *size)), UpperBackbone(lite0).coordinates(laid_out)
    for one, other in zip(whole, kept, strict=True):
        assert all(every * thinned(2) == full(2) for full, thinned in zip(one, other, strict=True))


def test_an_unaligned_net_draws_the_same_half_a_cell_further_up_and_to_the_left():
    nets = [FCN(backbone("efficientnet_lite0"), 3, 32, aligned=aligned).eval() for aligned in (True, False)]
    scores = torch.randn(3, 1280, 1, 1, generator=torch.Generator().manual_seed(0))
    images = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for net in nets:
            net.score.weight.copy_(scores)
        there, here = (net(images)[0] for net in nets)
    # what the aligned net draws at a pixel, the other draws half a coarse cell further up and to the left
    assert (there[:, 40:88, 40:88] - here[:, 24:72, 24:72]).abs().mean() < 0.5 * (there - here).abs().mean()
