"""An FCN-8s from scratch, as large as a U-Net (lecture 08)."""

import pytest
import torch

from course_utils.models.plain_backbone import PlainBackbone, count, fcn_of_size
from course_utils.models.unet import UNet


def test_maps_lie_at_strides_8_16_and_32():
    maps = PlainBackbone(1, 4)(torch.randn(2, 1, 64, 96))
    assert [tuple(each.shape) for each in maps] == [(2, 32, 8, 12), (2, 32, 4, 6), (2, 32, 2, 3)]


@pytest.mark.parametrize("width", [4, 8])
def test_the_fcn_has_about_as_many_parameters_as_the_unet(width):
    unet = UNet(1, 2, width, depth=3, padded=True)
    fcn = fcn_of_size(count(unet))
    assert 0.75 < count(fcn) / count(unet) < 1.25
    assert fcn(torch.randn(1, 1, 70, 90)).shape == (1, 2, 70, 90)


def test_it_learns_all_of_its_parts():
    fcn = fcn_of_size(20_000)
    with torch.no_grad():
        for part in (fcn.score, fcn.skip_16.score, fcn.skip_8.score):
            part.weight.fill_(0.1)
    fcn(torch.rand(1, 1, 64, 64)).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in fcn.parameters() if parameter.ndim > 1)
