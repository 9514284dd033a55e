"""The promises of upsampling.py: bilinear kernels by hand, and transposed convolutions equal to interpolation inside."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from course_utils.models.coordinates import crop_offset, geometry
from course_utils.models.upsampling import bilinear_deconvolution, bilinear_kernel, checkerboard, coverage, matrix_of


@pytest.fixture(autouse=True)
def the_same_numbers_every_time():
    torch.manual_seed(0)


def interpolated(maps, stride):
    return functional.interpolate(maps, scale_factor=stride, mode="bilinear", align_corners=False)


def test_kernels_by_hand():
    assert bilinear_kernel(1).tolist() == [[1]]
    assert bilinear_kernel(2).tolist() == [[0.25, 0.25], [0.25, 0.25]]
    assert bilinear_kernel(3).tolist() == [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]]
    edge, inner = [0.0625, 0.1875, 0.1875, 0.0625], [0.1875, 0.5625, 0.5625, 0.1875]
    assert bilinear_kernel(4).tolist() == [edge, inner, inner, edge]


@pytest.mark.parametrize(("size", "stride"), [(63, 32), (64, 32), (32, 16), (16, 8), (4, 2), (5, 3), (6, 3)])
def test_the_shares_of_all_cells_add_up_to_one_at_every_pixel(size, stride):
    kernel = bilinear_kernel(size)
    for row in range(stride):
        for column in range(stride):
            assert kernel[row::stride, column::stride].sum().item() == pytest.approx(1)


@pytest.mark.parametrize("size", [0, -3])
def test_a_kernel_without_pixels_is_refused(size):
    with pytest.raises(ValueError, match="size is 1 or more"):
        bilinear_kernel(size)


@pytest.mark.parametrize("stride", [2, 4, 8, 32])
@pytest.mark.parametrize("depthwise", [False, True])
def test_a_bilinear_deconvolution_equals_interpolate_inside_and_not_at_the_border(stride, depthwise):
    maps = torch.randn(2, 3, 5, 6)
    layer = bilinear_deconvolution(3, 2 * stride, stride, depthwise)
    offset = crop_offset(geometry([nn.AvgPool2d(stride), layer]).coordinates)
    ours = layer(maps)[..., offset : offset + 5 * stride, offset : offset + 6 * stride]
    theirs = interpolated(maps, stride)
    inside = slice(stride // 2, -(stride // 2))
    assert torch.allclose(ours[..., inside, inside], theirs[..., inside, inside], atol=1e-5)
    assert (ours - theirs)[..., 0, :].abs().max() > 0.1


@pytest.mark.parametrize("stride", [2, 3, 8])
def test_a_kernel_that_puts_cells_on_pixels_equals_interpolate_with_aligned_corners_up_to_the_border(stride):
    maps = torch.randn(1, 2, 5, 7)
    layer = bilinear_deconvolution(2, 2 * stride - 1, stride)
    cut = stride - 1
    size = (4 * stride + 1, 6 * stride + 1)
    theirs = functional.interpolate(maps, size=size, mode="bilinear", align_corners=True)
    assert torch.allclose(layer(maps)[..., cut:-cut, cut:-cut], theirs, atol=1e-5)


def test_channels_do_not_mix_and_there_is_no_bias():
    layer = bilinear_deconvolution(3, 4, 2)
    assert layer.weight.shape == (3, 3, 4, 4)
    assert layer.bias is None
    maps = torch.zeros(1, 3, 4, 4)
    maps[:, 1] = 1
    answer = layer(maps)
    assert answer[:, [0, 2]].abs().max() == 0
    assert answer[:, 1, 2:-2, 2:-2].unique().tolist() == [1]


def test_the_last_deconvolution_of_fcn32s_keeps_a_flat_map_flat():
    layer = bilinear_deconvolution(21, 64, 32)
    answer = layer(torch.full((1, 21, 3, 3), 2.0))
    assert answer.shape == (1, 21, 128, 128)
    assert torch.allclose(answer[..., 32:-32, 32:-32], torch.tensor(2.0))


def test_a_kernel_that_does_not_interpolate_is_refused_with_those_that_do():
    with pytest.raises(ValueError, match="take 64, or 63"):
        bilinear_deconvolution(21, 32, 32)


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 0), (2, 1), (3, 1)])
def test_torchs_transposed_convolution_is_the_transpose_of_the_convolutions_matrix(stride, padding):
    kernel = torch.randn(1, 1, 3, 3)

    def convolve(maps):
        return functional.conv2d(maps, kernel, stride=stride, padding=padding)

    def spread(maps):
        return functional.conv_transpose2d(maps, kernel, stride=stride, padding=padding)

    down = matrix_of(convolve, 7, 7)
    cells = int(down.shape[0] ** 0.5)
    assert torch.allclose(matrix_of(spread, cells, cells), down.T, atol=1e-6)


def test_a_matrix_does_what_its_map_does():
    line = torch.randn(1, 1, 6)

    def twice(values):
        return functional.interpolate(values, scale_factor=2, mode="linear")

    assert torch.allclose(matrix_of(twice, 6) @ line[0, 0], twice(line)[0, 0], atol=1e-6)


def test_a_map_with_a_bias_has_no_matrix():
    with pytest.raises(ValueError, match="is there a bias"):
        matrix_of(nn.Conv2d(1, 1, 3), 5, 5)


@pytest.mark.parametrize(("kernel", "stride", "even"), [(3, 2, False), (4, 2, True), (5, 3, False), (2, 2, True)])
def test_coverage_is_even_where_the_stride_divides_the_kernel(kernel, stride, even):
    layer = nn.ConvTranspose2d(4, 2, kernel, stride, bias=False)
    nn.init.ones_(layer.weight)
    inside = coverage(layer, 8)[kernel:-kernel, kernel:-kernel]
    assert (inside.max() - inside.min() < 1e-6) == even


def test_a_pattern_is_measured_against_the_contrast_and_a_ramp_has_next_to_none():
    board = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(20, 20)
    assert checkerboard(board, 2) == pytest.approx(1 / float(board.std()))
    ramp = torch.arange(400.0).view(20, 20)
    assert checkerboard(ramp, 2) < 0.2
    assert checkerboard(torch.ones(8, 8), 2) == 0


def test_a_picture_smaller_than_a_period_is_refused():
    with pytest.raises(ValueError, match="does not hold one period of 4"):
        checkerboard(torch.ones(3, 9), 4)
