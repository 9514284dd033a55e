"""Lecture 02's exercises know their mistakes."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from course_utils.exercises.engine import NotYet, check


def converted(view, bias=True, **options):
    """A wrong linear_to_conv: right but for how it reads the weights, or for an option of the layer."""

    def linear_to_conv(linear, kernel_size):
        channels = linear.in_features // kernel_size**2
        convolution = nn.Conv2d(channels, linear.out_features, kernel_size, bias=bias, **options)
        with torch.no_grad():
            convolution.weight.copy_(view(linear.weight, channels, kernel_size))
            if bias:
                convolution.bias.copy_(linear.bias)
        return convolution

    return linear_to_conv


def plain(weight, channels, side):
    return weight.view(-1, channels, side, side)


def without_copying_the_bias(linear, kernel_size):
    convolution = nn.Conv2d(linear.in_features // kernel_size**2, linear.out_features, kernel_size)
    convolution.weight = nn.Parameter(linear.weight.detach().view(convolution.weight.shape))
    return convolution


def one_by_one(linear, kernel_size):
    return nn.Conv2d(linear.in_features, linear.out_features, 1)


def zeroes_the_linear(linear, kernel_size):
    convolution = converted(plain)(linear, kernel_size)
    nn.init.zeros_(linear.weight)
    return convolution


def walk(add, widen=lambda kernel, stride, own: (kernel - 1) * stride, start=1):
    """A wrong receptive_field, by its rules."""

    def receptive_field(layers):
        field, stride = start, 1
        for kernel, own in layers:
            field += widen(kernel, stride, own)
            stride = add(stride, own)
        return field, stride

    return receptive_field


def product(stride, own):
    return stride * own


def grids(net, images, stride, step=1):
    height, width = images.shape[2] - stride + 1, images.shape[3] - stride + 1
    for down in range(stride):
        for right in range(stride):
            yield down, right, net(images[:, :, step * down :, step * right :][:, :, :height, :width])


def stitched(place, step=1, images_of=lambda images: images):
    """A wrong shift_and_stitch: right but for where it writes each grid."""

    def interlace(net, images, stride):
        fine = None
        for down, right, scores in grids(net, images_of(images), stride, step):
            number, classes, h, w = scores.shape
            fine = scores.new_zeros(number, classes, stride * h, stride * w) if fine is None else fine
            rows, columns = place(down, right, stride, h, w)
            fine[:, :, rows, columns] = scores
        return fine

    return interlace


def tiles(down, right, stride, h, w):
    return slice(down * h, down * h + h), slice(right * w, right * w + w)


def with_unequal_pictures(net, images, stride):
    fine = None
    for down in range(stride):
        for right in range(stride):
            scores = net(images[:, :, down:, right:])
            number, classes, h, w = scores.shape
            fine = scores.new_zeros(number, classes, stride * h, stride * w) if fine is None else fine
            fine[:, :, down::stride, right::stride] = scores
    return fine


def with_padding(net, images, stride):
    fine = None
    for down in range(stride):
        for right in range(stride):
            scores = net(functional.pad(images, (right, 0, down, 0))[:, :, :-1, :-1][:, :, :4, :4])
            number, classes, h, w = scores.shape
            fine = scores.new_zeros(number, classes, stride * h, stride * w) if fine is None else fine
            fine[:, :, down::stride, right::stride] = scores
    return fine


def for_stride_two(net, images, stride):
    return stitched(lambda down, right, stride, h, w: (slice(down, None, 2), slice(right, None, 2)))(net, images, 2)


WRONG = {
    "02.linear_to_conv": {
        "does not hold the linear layer's weights": lambda linear, size: nn.Conv2d(
            linear.in_features // size**2, linear.out_features, size
        ),
        "bias is 100": without_copying_the_bias,
        "has none": converted(plain, bias=False),
        "row, column, channel": converted(lambda weight, c, k: weight.view(-1, k, k, c).permute(0, 3, 1, 2)),
        "does not flip": converted(lambda weight, c, k: plain(weight, c, k).flip(2, 3)),
        "Rows and columns": converted(lambda weight, c, k: plain(weight, c, k).transpose(2, 3)),
        "lie on top of each other": one_by_one,
        "you pad the map": converted(plain, padding=1),
        "your stride is 2": converted(plain, stride=2),
        "returns a tensor": lambda linear, size: linear.weight.view(-1, linear.in_features // size**2, size, size),
        "returns None": lambda linear, size: None,
        "changed the linear layer": zeroes_the_linear,
    },
    "02.receptive_field": {
        "comes first": lambda layers: walk(product)(layers)[::-1],
        "1 pixel, not 0": walk(product, start=0),
        "their windows overlap": walk(product, widen=lambda kernel, stride, own: kernel * stride, start=0),
        "add up, they do not multiply": lambda layers: (int(torch.tensor([k for k, _ in layers]).prod()), 1),
        "first layer to the last": lambda layers: walk(product)(layers[::-1]),
        "add first": walk(product, widen=lambda kernel, stride, own: (kernel - 1) * stride * own),
        "strides multiply": walk(lambda stride, own: stride + own),
        "2 pixels apart": walk(product, widen=lambda kernel, stride, own: kernel - 1),
        "is the last layer's": walk(lambda stride, own: own),
        "Two numbers are asked for": lambda layers: walk(product)(layers)[0],
        "returns None": lambda layers: None,
    },
    "02.shift_and_stitch": {
        "one grid of 2x2": lambda net, images, stride: net(images[:, :, :4, :4]),
        "beside each other": stitched(tiles),
        "see a shifted picture": stitched(
            lambda down, right, s, h, w: (slice(down, None, s), slice(right, None, s)), step=0
        ),
        "of the shifts are swapped": stitched(
            lambda down, right, s, h, w: (slice(right, None, s), slice(down, None, s))
        ),
        "run the wrong way": stitched(
            lambda down, right, s, h, w: (slice(s - 1 - down, None, s), slice(s - 1 - right, None, s))
        ),
        "of the same size": with_unequal_pictures,
        "do not pad it": with_padding,
        r"assume one picture": for_stride_two,
        "returns None": lambda net, images, stride: None,
        "one tensor": lambda net, images, stride: [net(images)],
    },
}
CASES = [(name, message) for name, wrong in WRONG.items() for message in wrong]


@pytest.mark.parametrize(("name", "message"), CASES)
def test_each_mistake_is_named(name, message):
    with pytest.raises(NotYet, match=message):
        check(name, WRONG[name][message])


def unflattened(linear, kernel_size):
    convolution = nn.Conv2d(linear.in_features // kernel_size**2, linear.out_features, kernel_size)
    convolution.load_state_dict(
        {"weight": linear.weight.unflatten(1, convolution.weight.shape[1:]), "bias": linear.bias}
    )
    return convolution


def from_the_last(layers):
    field, stride = 1, 1
    for kernel, own in reversed(layers):
        field, stride = (field - 1) * own + kernel, stride * own
    return field, stride


def shuffled(net, images, stride):
    scores = torch.stack([scores for _, _, scores in grids(net, images, stride)], dim=2)
    return functional.pixel_shuffle(scores.flatten(1, 2), stride)


ALSO_RIGHT = {
    "02.linear_to_conv": [unflattened],
    "02.receptive_field": [from_the_last],
    "02.shift_and_stitch": [shuffled],
}


@pytest.mark.parametrize("name", ALSO_RIGHT)
def test_another_right_way_passes(name):
    for answer in ALSO_RIGHT[name]:
        check(name, answer)
