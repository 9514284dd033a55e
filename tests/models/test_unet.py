"""The paper's U-Net to the last number, its sizes against real nets, and its parts against plain ones."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses import FakeTensorMode
from torchvision.transforms import functional as vision

from course_utils.models import unet
from course_utils.models.fcn import parameters_in
from course_utils.models.unet import DoubleConvolution, UNet, UpStep, centre_crop, incoming, initialise


def shapes_of(net, size):
    """The shape of what a net makes of one image, without computing it."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        return tuple(net(torch.empty(1, net.channels, size, size)).shape)


@pytest.fixture(scope="module")
def papers():
    return UNet().eval()


def test_the_papers_net_has_23_convolutions_and_31_03_million_parameters(papers):
    convolutions = [part for part in papers.modules() if isinstance(part, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(convolutions) == 23
    assert parameters_in(papers, deconvolutions=True) == 31_030_658


def test_the_papers_net_makes_388_of_572(papers):
    assert shapes_of(papers, 572) == (1, 2, 388, 388)
    assert unet.output_size(572) == 388
    assert unet.context() == 184


def test_the_sizes_of_figure_1(papers):
    sides = [step.size for step in unet.walk(572)]
    down = [572, 570, 568, 284, 282, 280, 140, 138, 136, 68, 66, 64, 32, 30, 28]
    up = [56, 56, 54, 52, 104, 104, 102, 100, 200, 200, 198, 196, 392, 392, 390, 388, 388]
    assert sides == down + up


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_legal_sizes_are_those_that_a_plain_net_halves_and_joins(depth, padded):
    net = UNet(width=1, depth=depth, padded=padded).eval()
    legal = []
    for size in range(1, 121):
        side, halved = size, True
        for _ in range(depth):
            side -= 0 if padded else 4
            halved &= side > 0 and side % 2 == 0
            side //= 2
        if halved and size > unet.context(depth, padded):
            legal.append(size)
            assert (
                shapes_of(net, size)[-1] == unet.output_size(size, depth, padded) == size - unet.context(depth, padded)
            )
        else:
            with pytest.raises(ValueError, match="nearest legal side"):
                net(torch.empty(1, 1, size, size))
    assert legal == list(unet.legal_sizes(1, 121, depth, padded))
    assert legal == [size for size in range(1, 121) if unet.walk(size, depth, padded)[-1].operation == "score"]


def test_an_illegal_size_is_refused_with_the_nearest_legal_ones(papers):
    with pytest.raises(ValueError, match=r"no side of 512: on level 2 .* 121 .* is 508 or 524"):
        papers(torch.empty(1, 1, 512, 572))
    with pytest.raises(ValueError, match=r"no side of 172: .* leave nothing .* is 188$"):
        unet.output_size(172)
    with pytest.raises(ValueError, match=r"padded .* no side of 388: on level 2 the map is 97 .* is 384 or 400"):
        unet.output_size(388, padded=True)
    for size in (-3, 0, 1, 3, 20, 100):
        with pytest.raises(ValueError, match="nearest legal side is 188"):
            unet.output_size(size)


def test_a_padded_net_keeps_the_size_and_takes_other_widths_depths_and_inputs():
    net = UNet(channels=3, classes=5, width=4, depth=2, padded=True).eval()
    assert net(torch.randn(2, 3, 20, 12)).shape == (2, 5, 20, 12)
    assert net.stride == 4
    with pytest.raises(ValueError, match="two classes"):
        UNet(classes=1)


@pytest.mark.parametrize("size", [(56, 56), (7, 4), (64, 63)])
def test_the_crop_is_torchvisions_wherever_the_middle_is_exact(size):
    maps = torch.randn(2, 3, 64, 64)
    cropped = centre_crop(maps, *size)
    assert cropped.shape[-2:] == size
    if all((64 - side) % 2 == 0 for side in size):
        assert torch.equal(cropped, vision.center_crop(maps, size))
    with pytest.raises(ValueError, match="no middle of 65x64"):
        centre_crop(maps, 65, 64)


def test_all_crops_of_a_u_net_are_exact_middles():
    for depth in (1, 2, 3, 4, 5):
        for size in unet.legal_sizes(1, 900, depth):
            steps = unet.walk(size, depth)
            skips = {step.level: step.size for step in steps[: 3 * (depth + 1)]}
            assert all((skips[step.level] - step.size) % 2 == 0 for step in steps if step.operation == "crop")


def test_the_up_convolution_writes_one_2x2_square_for_each_pixel():
    up = UpStep(3).up
    maps = torch.randn(1, 6, 4, 5)
    expected = torch.zeros(1, 3, 8, 10)
    for row in range(4):
        for column in range(5):
            square = torch.einsum("c,cdhw->dhw", maps[0, :, row, column], up.weight)
            expected[0, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = square + up.bias[:, None, None]
    torch.testing.assert_close(up(maps), expected)


def test_the_up_step_joins_the_middle_of_its_skip():
    step, maps, skip = UpStep(2), torch.randn(1, 4, 6, 6), torch.randn(1, 2, 20, 20)
    joined = torch.cat([vision.center_crop(skip, [12, 12]), step.up(maps)], dim=1)
    assert torch.equal(step(maps, skip), step.convolve(joined))


def test_the_double_convolution_is_a_sum_over_windows():
    double = DoubleConvolution(2, 3)
    image = torch.randn(1, 2, 7, 8)
    first, second = double[0], double[2]

    def plain(maps, layer):
        windows = np.lib.stride_tricks.sliding_window_view(maps, (3, 3), axis=(1, 2))
        values = np.einsum("chwij,dcij->dhw", windows, layer.weight.detach().numpy())
        return np.maximum(values + layer.bias.detach().numpy()[:, None, None], 0)

    expected = plain(plain(image[0].numpy(), first), second)
    np.testing.assert_allclose(double(image)[0].detach().numpy(), expected, atol=1e-5)


def test_weights_are_drawn_with_the_papers_spread(papers):
    assert incoming(papers.contracting[0][2]) == 9 * 64  # section 3's own example
    assert incoming(papers.expansive[0].up) == 1024
    for layer in (papers.contracting[2][2], papers.bottom[0], papers.expansive[1].up):
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / incoming(layer)), rel=0.02)
        assert layer.bias.abs().sum() == 0


def test_incoming_counts_what_one_output_depends_on():
    for layer in (nn.Conv2d(6, 4, 3, groups=2), nn.ConvTranspose2d(4, 2, 2, 2), nn.Conv2d(5, 2, 1)):
        image = torch.randn(1, layer.in_channels, 6, 6, requires_grad=True)
        initialise(layer)(image)[0, 0, 2, 2].backward()
        assert (image.grad != 0).sum().item() == incoming(layer)


def test_dropout_stands_at_the_end_of_the_contracting_path():
    net = UNet(width=2, depth=1)
    seen = {}
    net.dropout.register_forward_hook(lambda _, given, made: seen.update(given=given[0].shape, made=made))
    net.train()(torch.randn(1, 1, 100, 100))
    assert seen["given"] == (1, 4, 44, 44)
    assert (seen["made"] == 0).float().mean() > 0.4
    assert torch.equal(net.eval()(torch.ones(1, 1, 18, 18)), net(torch.ones(1, 1, 18, 18)))
