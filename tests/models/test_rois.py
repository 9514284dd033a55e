"""RoIAlign, RoIPool, the level rule and pasting agree with torchvision's, gradients and odd boxes included."""

from functools import partial

import pytest
import torch
import torchvision.ops as theirs
from torchvision.models.detection.roi_heads import expand_boxes, paste_masks_in_image

from course_utils.models.rois import RoIPooler, paste_masks, pyramid_level, roi_align, roi_pool
from tests.models.test_boxes import CLOSE, ODD, random_boxes

BOXES = torch.cat(
    [random_boxes(60, 0, size=150), ODD, torch.tensor([[-40.0, -30, 220, 190], [13.3, 20.7, 14.1, 21.2]])]
)
PICTURES = torch.arange(len(BOXES)) % 2
WITH_PICTURES = torch.cat([PICTURES[:, None], BOXES], dim=1)


def maps_of(dtype=torch.float32):
    return torch.randn(2, 5, 15, 20, generator=torch.Generator().manual_seed(0)).to(dtype).requires_grad_()


def both(ours, others, dtype=torch.float32):
    """What two functions make of the same maps, and the gradients that they send back."""
    results = []
    for function in (ours, others):
        maps = maps_of(dtype)
        crops = function(maps)
        crops.backward(torch.linspace(-1, 1, crops.numel(), dtype=dtype).view_as(crops))
        results += [crops.detach(), maps.grad]
    return results


@pytest.mark.parametrize("size", [1, 7, 14])
@pytest.mark.parametrize("points", [1, 2, 3])
@pytest.mark.parametrize("aligned", [True, False])
def test_roi_align_is_torchvisions(size, points, aligned):
    mine, my_gradient, other, gradient = both(
        lambda maps: roi_align(maps, BOXES, PICTURES, size, 8, points, aligned),
        lambda maps: theirs.roi_align(maps, WITH_PICTURES, size, 1 / 8, points, aligned),
    )
    torch.testing.assert_close(mine, other, **CLOSE)
    torch.testing.assert_close(my_gradient, gradient, rtol=1e-5, atol=5e-5)


@pytest.mark.parametrize("size", [1, 2, 7, 14])
def test_roi_pool_is_torchvisions(size):
    """Maps of up to 56 cells: beyond, theirs computes some bins' ends in single precision and takes a cell too many."""
    mine, my_gradient, other, gradient = both(
        lambda maps: roi_pool(maps, BOXES, PICTURES, size, 8),
        lambda maps: theirs.roi_pool(maps, WITH_PICTURES, size, 1 / 8),
    )
    torch.testing.assert_close(mine, other, **CLOSE)
    torch.testing.assert_close(my_gradient, gradient, rtol=1e-5, atol=5e-5)


def test_roi_pool_rounds_half_a_cell_away_from_zero_as_the_original_does():
    maps = torch.arange(400.0).view(1, 1, 20, 20)
    boxes = torch.tensor([[20.0, 20, 84, 84], [12, 28, 44, 60], [-4, -12, 36, 36]])  # 2.5 cells, 1.5, -0.5, ...
    pictures = torch.zeros(3, dtype=torch.int64)
    expected = theirs.roi_pool(maps, torch.cat([torch.zeros(3, 1), boxes], dim=1), 2, 1 / 8)
    assert torch.equal(roi_pool(maps, boxes, pictures, 2, 8), expected)


def test_half_precision_is_as_good_as_it_can_be():
    maps, boxes = maps_of(torch.float16), BOXES.half()
    single = torch.cat([PICTURES[:, None], boxes.float()], dim=1)
    for mine, other in (
        (roi_align(maps, boxes, PICTURES, 7, 8), theirs.roi_align(maps.float(), single, 7, 1 / 8, 2, True)),
        (roi_pool(maps, boxes, PICTURES, 7, 8), theirs.roi_pool(maps.float(), single, 7, 1 / 8)),
    ):
        assert mine.dtype == torch.float16
        torch.testing.assert_close(mine.float(), other, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(mine, other.half(), rtol=1e-3, atol=1e-5)


def test_on_a_ramp_roi_align_is_exact_roi_pool_a_staircase_and_unaligned_half_a_cell_off():
    """A map that says where it is: the value of a bin should be its middle. Cell c is centred at 8 (c + 0.5) pixels."""
    ramp = (8 * (torch.arange(20.0) + 0.5)).expand(1, 1, 20, 20)
    starts = torch.linspace(30, 38, 41)
    boxes = torch.stack([starts, torch.full_like(starts, 40.0), starts + 56, torch.full_like(starts, 96.0)], dim=1)
    pictures = torch.zeros(len(boxes), dtype=torch.int64)
    middles = starts[:, None] + 56 * (torch.arange(7) + 0.5) / 7
    torch.testing.assert_close(roi_align(ramp, boxes, pictures, 7, 8)[:, 0, 3], middles, rtol=1e-5, atol=1e-4)
    unaligned = roi_align(ramp, boxes, pictures, 7, 8, aligned=False)[:, 0, 3]
    torch.testing.assert_close(unaligned, middles + 4, rtol=1e-5, atol=1e-4)
    assert len(roi_pool(ramp, boxes, pictures, 7, 8)[:, 0, 3].unique(dim=0)) <= 4


def test_no_box_gives_no_crop():
    for pool in (roi_align, roi_pool):
        assert pool(maps_of(), torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), 7, 8).shape == (0, 5, 7, 7)


def test_boxes_may_be_moved_by_gradients_through_roi_align():
    boxes = random_boxes(4, 2, size=100).double().requires_grad_()
    maps = torch.randn(1, 2, 15, 20, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda boxes: roi_align(maps, boxes, torch.zeros(4, dtype=torch.int64), 3, 8), boxes, eps=1e-7
    )


def test_the_level_rule():
    sides = torch.tensor([10.0, 111, 112, 223, 224, 447, 448, 2000])
    squares = torch.cat([torch.zeros(8, 2), sides[:, None].expand(8, 2)], dim=1)
    assert pyramid_level(squares).tolist() == [-1, 2, 3, 3, 4, 4, 5, 7]
    assert pyramid_level(squares.half()).tolist() == [-1, 2, 3, 3, 4, 4, 5, 7]
    assert pyramid_level(ODD[:1]).item() < 0


def test_the_pooler_chooses_levels_as_torchvisions_does():
    """Which never passes `aligned=True`, so that its crops are those of the unaligned version, half a cell off."""
    strides = (4, 8, 16, 32)
    maps = [torch.randn(2, 3, 320 // stride, 320 // stride, dtype=torch.float64) for stride in strides]
    boxes = [random_boxes(30, 1, size=320).double(), torch.cat([ODD, random_boxes(30, 2, size=60)]).double()]
    multi = theirs.MultiScaleRoIAlign(["0", "1", "2", "3"], 7, sampling_ratio=2)
    expected = multi({str(level): each for level, each in enumerate(maps)}, boxes, [(320, 320)] * 2)
    mine = RoIPooler(strides, 7, partial(roi_align, aligned=False))([*maps, maps[-1]], boxes)
    torch.testing.assert_close(mine, expected, **CLOSE)
    assert (RoIPooler(strides, 7)(maps, boxes) - expected).abs().max() > 0.1


def as_torchvision_places(boxes, cells):
    """The box that torchvision's paste fills: enlarged by a cell each side, rounded down, and one pixel added."""
    wider = expand_boxes(boxes, (cells + 2) / cells).long().float()
    start, end = wider[:, :2], wider[:, 2:] + 1
    cell = (end - start) / (cells + 2)
    return torch.cat([start + cell, end - cell], dim=1)


@pytest.mark.parametrize("cells", [14, 28])
def test_pasting_is_torchvisions_where_its_rounded_boxes_are_given(cells):
    outside = [3, 4]  # which torchvision's cannot paste
    boxes = torch.cat([random_boxes(40, 0, size=90), ODD[[0, 1, 2, 5, 6]], torch.tensor([[-30.0, -20, 12, 150]])])
    masks = torch.rand(len(boxes), cells, cells)
    assert not paste_masks(masks[:2], ODD[outside], (100, 120)).any()
    expected = paste_masks_in_image(masks[:, None], boxes, (100, 120))[:, 0]
    placed = as_torchvision_places(boxes, cells)
    torch.testing.assert_close(paste_masks(masks, placed, (100, 120)), expected, **CLOSE)
    half = paste_masks(masks.half(), placed, (100, 120))
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.float(), expected, rtol=1e-3, atol=1e-3)
    assert (placed - boxes).abs().max() > 0.5  # what rounding costs


def test_a_mask_is_pasted_to_the_sub_pixel():
    """A full mask in a box that ends within pixels covers those whose centres it covers, moves with it, and is mirrored."""
    full = torch.ones(1, 28, 28)
    for x1, first in ((10.0, 10), (10.49, 10), (10.51, 11), (11.0, 11)):
        inside = paste_masks(full, torch.tensor([[x1, 5, x1 + 8, 12]]), (20, 30))[0] > 0.5
        assert torch.where(inside.any(dim=0))[0].tolist() == list(range(first, first + 8))
        assert torch.where(inside.any(dim=1))[0].tolist() == list(range(5, 12))
    mask, box = torch.rand(1, 14, 14), torch.tensor([[4.3, 2.2, 21.9, 17.4]])
    mirrored = paste_masks(mask.flip(2), torch.tensor([[30 - 21.9, 2.2, 30 - 4.3, 17.4]]), (20, 30))
    torch.testing.assert_close(mirrored, paste_masks(mask, box, (20, 30)).flip(2), rtol=1e-4, atol=1e-5)


def test_a_mask_cut_out_and_pasted_again_is_the_same_mask():
    y, x = torch.meshgrid(torch.arange(100) + 0.5, torch.arange(120) + 0.5, indexing="ij")
    disc = ((x - 60) ** 2 + (y - 50) ** 2 < 30**2).float()
    box = torch.tensor([[28.4, 18.7, 91.3, 82.2]])
    crop = roi_align(disc[None, None], box, torch.zeros(1, dtype=torch.int64), 28)[:, 0]
    again = paste_masks(crop, box, (100, 120))[0] > 0.5
    shared = (again & (disc > 0)).sum() / (again | (disc > 0)).sum()
    assert shared > 0.98


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: roi_align(maps_of(), BOXES, PICTURES + 1, 7, 8), "pictures 1 to 2, but there are maps of 2"),
        (lambda: roi_pool(maps_of(), BOXES, PICTURES[:3], 7, 8), "boxes of shape"),
        (lambda: roi_align(maps_of(), BOXES * float("nan"), PICTURES, 7, 8), "NaN or infinite"),
        (lambda: RoIPooler([8, 12], 7), "powers of two"),
        (lambda: RoIPooler([16, 8], 7), "finest first"),
    ],
)
def test_bad_input_is_refused_in_words(wrong, said):
    with pytest.raises(ValueError, match=said):
        wrong()
