"""The promises of predict.py: four ways, the same answers."""

import pytest
import torch
from torch import nn

from course_utils.inference.dense_prediction import a_trous, dense, multiply_adds, shift_and_stitch, sliding_window
from course_utils.models.backbones import classifier
from course_utils.models.convolutionalization import convolutionalize
from course_utils.models.coordinates import geometry
from course_utils.models.imagenet import fill_at_random
from course_utils.models.variants import dilated, without_padding


@pytest.fixture(scope="module")
def stack():
    """An unpadded net of stride 8 that sees 36 pixels."""
    net = nn.Sequential(
        *(nn.Conv2d(3, 8, 5, stride=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), nn.ReLU()),
        *(nn.AvgPool2d(2), nn.Conv2d(8, 5, 2)),
    )
    fill_at_random(net, 0)
    return net.eval()


@pytest.fixture
def pictures():
    return torch.randn(2, 3, 67, 75, generator=torch.Generator().manual_seed(1))


def field(net):
    return geometry(net).receptive_field


def test_each_cell_of_an_unpadded_net_equals_the_net_on_its_crop(stack, pictures):
    windows = sliding_window(stack, pictures, window=field(stack), stride=8)
    torch.testing.assert_close(windows, dense(stack, pictures), atol=1e-5, rtol=0)


@pytest.mark.parametrize("batch", [2, 7, 1000])
def test_windows_give_the_same_in_batches(stack, pictures, batch):
    one_by_one = sliding_window(stack, pictures, field(stack), 8)
    torch.testing.assert_close(sliding_window(stack, pictures, field(stack), 8, batch), one_by_one, atol=1e-5, rtol=0)


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
def test_shift_and_stitch_equals_a_trous(stack, pictures, stride):
    stitched = shift_and_stitch(stack, pictures, stride=8, finer=stride)
    finer = a_trous(stack, pictures, stride)
    rows, columns = stitched.shape[-2:]
    assert 0 <= finer.shape[-2] - rows < 8 // stride and 0 <= finer.shape[-1] - columns < 8 // stride
    torch.testing.assert_close(stitched, finer[:, :, :rows, :columns], atol=1e-5, rtol=0)


def test_both_equal_a_window_slid_by_one_pixel(stack, pictures):
    windows = sliding_window(stack, pictures[:1], field(stack), stride=1, batch=64)
    torch.testing.assert_close(a_trous(stack, pictures[:1]), windows, atol=1e-5, rtol=0)


def test_all_four_agree_on_alexnet_without_padding():
    net = without_padding(convolutionalize(classifier("alexnet", download=False)))
    pictures = torch.randn(1, 3, 355 + 32, 355 + 32, generator=torch.Generator().manual_seed(2))
    assert field(net) == 355
    windows = sliding_window(net, pictures, 355, 32)
    torch.testing.assert_close(windows, dense(net, pictures), atol=1e-4, rtol=0)
    stitched, finer = shift_and_stitch(net, pictures, 32, 16), a_trous(net, pictures, 16)
    torch.testing.assert_close(stitched, finer[:, :, : stitched.shape[2], : stitched.shape[3]], atol=1e-4, rtol=0)
    torch.testing.assert_close(stitched[:, :, ::2, ::2], windows[:, :, :1, :1], atol=1e-4, rtol=0)


def test_branches_are_dilated_side_by_side():
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.branch1 = nn.Conv2d(4, 2, 1)
            self.branch2 = nn.Sequential(nn.Conv2d(4, 2, 1), nn.Conv2d(2, 2, 3, padding=1))

        def forward(self, maps):
            return torch.cat([self.branch1(maps), self.branch2(maps)], dim=1)

    net = nn.Sequential(nn.Conv2d(3, 4, 2, stride=2), Branches(), nn.MaxPool2d(2), nn.Conv2d(4, 1, 2)).eval()
    fill_at_random(net, 0)
    pictures = torch.randn(1, 3, 40, 40)
    stitched, finer = shift_and_stitch(net, pictures, 4), a_trous(net, pictures)
    inner = slice(8, 24)  # away from the border, where the 3x3 branch pads
    torch.testing.assert_close(stitched[..., inner, inner], finer[..., inner, inner], atol=1e-5, rtol=0)


def test_lite0_with_tensorflows_padding_agrees_away_from_the_border():
    whole = convolutionalize(classifier("efficientnet_lite0"), average=False)
    early = nn.Sequential(whole.conv_stem, whole.bn1, *whole.blocks[:3])
    pictures = torch.randn(1, 3, 256 + 7, 256 + 7)
    stitched, finer = shift_and_stitch(early, pictures, 8), dilated(early, 1)(pictures[..., :256, :256]).detach()
    inner = slice(96, 160)
    torch.testing.assert_close(stitched[..., inner, inner], finer[..., inner, inner], atol=1e-4, rtol=1e-4)


def test_dilating_leaves_the_net_and_its_weights_as_they_were(stack, pictures):
    before = dense(stack, pictures)
    twin = dilated(stack)
    assert stack[0].stride == (2, 2) and twin[0].stride == (1, 1)
    assert all(ours is theirs for ours, theirs in zip(twin.parameters(), stack.parameters(), strict=True))
    assert torch.equal(dense(stack, pictures), before)


def test_a_window_larger_than_the_picture_is_refused(stack, pictures):
    with pytest.raises(ValueError, match="a window of 100 pixels does not fit"):
        sliding_window(stack, pictures, 100, 8)


def test_a_window_that_holds_several_cells_is_refused(stack, pictures):
    with pytest.raises(ValueError, match="grid of 2x2: take a smaller window"):
        sliding_window(stack, pictures, field(stack) + 8, 8)


def test_a_layer_without_a_dilated_form_is_named():
    with pytest.raises(ValueError, match=r"ConvTranspose2d.*has no dilated form"):
        dilated(nn.Sequential(nn.ConvTranspose2d(1, 1, 2)))


def test_multiply_adds_are_those_that_paper_and_pencil_give():
    net = nn.Sequential(nn.Conv2d(3, 8, 5, stride=2, bias=False))
    assert multiply_adds(net, torch.zeros(1, 3, 25, 25)) == 11 * 11 * 8 * 3 * 5 * 5


def test_an_uneven_refinement_is_refused(stack, pictures):
    with pytest.raises(ValueError, match="every 3 pixels do not divide the net's stride of 8"):
        shift_and_stitch(stack, pictures, stride=8, finer=3)


def test_counting_costs_no_time_whatever_the_net():
    import time

    net = nn.Sequential(*(nn.Conv2d(3 if not layer else 512, 512, 3, padding=1) for layer in range(6)))
    start = time.perf_counter()
    assert multiply_adds(net, torch.zeros(1, 3, 1000, 1000)) == 10**6 * 9 * 512 * (3 + 5 * 512)
    assert time.perf_counter() - start < 5
