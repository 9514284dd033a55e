"""The promises of geometry.py: the papers' receptive fields and crop offsets come out of the layers alone."""

import pytest
import torch
from torch import nn

from course_utils.models.coordinates import crop_offset, geometry, output_size, steps


def convolutions(count, kernel=3, padding=1):
    return [nn.Conv2d(1, 1, kernel, padding=padding) for _ in range(count)]


def pool():
    return nn.MaxPool2d(2, 2, ceil_mode=True)


def vgg16_to_pool3(padding=100):
    """FCN's VGG16 up to pool3, conv1_1 padded by 100."""
    first = [nn.Conv2d(1, 1, 3, padding=padding), nn.Conv2d(1, 1, 3, padding=1), pool()]
    return [*first, *convolutions(2), pool(), *convolutions(3), pool()]


def vgg16_to_pool4():
    return [*vgg16_to_pool3(), *convolutions(3), pool()]


def vgg16():
    return [*vgg16_to_pool4(), *convolutions(3), pool(), nn.Conv2d(1, 1, 7), nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1)]


def alexnet(padding=100):
    """FCN's AlexNet."""
    pools = [nn.MaxPool2d(3, 2, ceil_mode=True) for _ in range(3)]
    return [
        *(nn.Conv2d(1, 1, 11, stride=4, padding=padding), pools[0], nn.Conv2d(1, 1, 5, padding=2), pools[1]),
        *(*convolutions(3), pools[2], nn.Conv2d(1, 1, 6), nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1)),
    ]


def upsampling(kernel, stride):
    return nn.ConvTranspose2d(1, 1, kernel, stride)


def inception(largest):
    class Inception(nn.Module):
        def __init__(self):
            super().__init__()
            self.branch1 = nn.Conv2d(1, 1, 1)
            self.branch2 = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 3, padding=1))
            self.branch3 = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, largest, padding=largest // 2))
            self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, padding=1), nn.Conv2d(1, 1, 1))

    return Inception()


def googlenet(largest):
    def halve():
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    stem = [nn.Conv2d(1, 1, 7, stride=2, padding=3), halve(), *convolutions(1, 1, 0), *convolutions(1), halve()]
    third, fourth, fifth = ([inception(largest) for _ in range(count)] for count in (2, 5, 2))
    return [*stem, *third, halve(), *fourth, halve(), *fifth, nn.AvgPool2d(7, 1), nn.Conv2d(1, 1, 1)]


def test_alexnets_receptive_field_is_355():
    found = geometry(alexnet())
    assert (found.receptive_field, found.stride) == (355, 32)


def test_vgg16s_receptive_field_is_404():
    found = geometry(vgg16())
    assert (found.receptive_field, found.stride) == (404, 32)


def test_googlenets_receptive_field_is_907_through_its_widest_branches():
    found = geometry(googlenet(largest=5))
    assert (found.receptive_field, found.stride) == (907, 32)


def test_torchvisions_alexnet_and_vgg16_have_the_papers_receptive_fields_once_turned():
    import torchvision.models

    from course_utils.models.convolutionalization import convolutionalize

    with torch.no_grad():
        turned = convolutionalize(torchvision.models.alexnet())
    assert geometry(turned).receptive_field == 355
    with torch.device("meta"):  # VGG16's features are enough: its head is the list above
        features = torchvision.models.vgg16().features
    assert geometry([features, nn.Conv2d(1, 1, 7, device="meta")]).receptive_field == 404


def test_fcn_alexnet_crops_its_score_by_18():
    assert crop_offset(geometry([*alexnet(), upsampling(63, 32)]).coordinates) == 18


def test_fcn32s_crops_its_score_by_19():
    assert crop_offset(geometry([*vgg16(), upsampling(64, 32)]).coordinates) == 19


def test_fcn16s_crops_pool4_by_5_and_its_score_by_27():
    pool4 = geometry(vgg16_to_pool4()).coordinates
    upsampled = geometry([*vgg16(), upsampling(4, 2)]).coordinates
    assert crop_offset(pool4, upsampled) == 5
    assert crop_offset(geometry([*vgg16(), upsampling(4, 2), upsampling(32, 16)]).coordinates) == 27


def test_fcn8s_crops_pool4_by_5_pool3_by_9_and_its_score_by_31():
    pool3 = geometry(vgg16_to_pool3()).coordinates
    twice = [*vgg16(), upsampling(4, 2), upsampling(4, 2)]
    assert crop_offset(pool3, geometry(twice).coordinates) == 9
    assert crop_offset(geometry([*twice, upsampling(16, 8)]).coordinates) == 31


def test_a_500_pixel_picture_gives_10_cells_with_ceil_pooling_and_9_with_floor():
    assert output_size(alexnet(padding=0), 500) == 10
    floored = alexnet(padding=0)
    for layer in floored:
        if isinstance(layer, nn.MaxPool2d):
            layer.ceil_mode = False
    assert output_size(floored, 500) == 9


@pytest.mark.parametrize("size", [61, 62, 63, 64, 65, 100, 101])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_output_sizes_are_those_that_torch_computes(size, ceil_mode):
    layers = [
        nn.Conv2d(1, 1, 5, stride=2, padding=3),
        nn.MaxPool2d(3, 2, padding=1, ceil_mode=ceil_mode),
        nn.Conv2d(1, 1, 3, dilation=2),
        nn.AvgPool2d(2, 2, ceil_mode=ceil_mode),
        nn.ConvTranspose2d(1, 1, 4, stride=2, padding=1, output_padding=1),
    ]
    maps = torch.zeros(1, 1, size, size)
    for step, layer in zip(steps(layers, size)[1:], layers, strict=True):
        maps = layer(maps)
        assert step.size == maps.shape[-1]


def test_a_cells_window_is_exactly_where_its_gradient_is():
    layers = [nn.Conv2d(1, 1, 5, stride=2, padding=1), nn.AvgPool2d(3, 2), nn.Conv2d(1, 1, 3, dilation=2, padding=1)]
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.ones_(layer.weight)
    picture = torch.zeros(1, 1, 81, 81, requires_grad=True)
    nn.Sequential(*layers)(picture)[0, 0, 8, 8].backward()
    seen = picture.grad[0, 0].sum(0).nonzero().flatten()
    assert geometry(layers).window(8) == (int(seen.min()), int(seen.max()) + 1)


def test_tensorflows_same_padding_is_followed():
    from course_utils.models.backbones import untrained

    net = untrained("efficientnet_lite0")
    parts = [net.conv_stem, net.bn1, *net.blocks, net.conv_head]
    assert output_size(parts, 224) == 7
    assert output_size(parts, 225) == 8
    with pytest.raises(ValueError, match="pads by the size of its input"):
        geometry(parts)


def test_too_small_a_picture_names_the_layer_that_has_no_room():
    with pytest.raises(ValueError, match=r"Conv2d.*needs 6 cells, and 2 are left"):
        output_size(alexnet(padding=0), 100)


def test_an_adaptive_pooling_has_no_window():
    with pytest.raises(ValueError, match="convolutionalize first"):
        geometry([nn.AdaptiveAvgPool2d(6)])


def test_maps_of_other_strides_do_not_crop():
    with pytest.raises(ValueError, match="stride 16 and 32"):
        crop_offset(geometry(vgg16_to_pool4()).coordinates, geometry(vgg16()).coordinates)
