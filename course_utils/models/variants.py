"""The same weights in another net: without padding, with Caffe's pooling, or dilated (FCN, section 3.2; lecture 02).

Each function gives a new net whose parameters are the old one's own. The old net is left as it is.
"""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.models.coordinates import square


def rebuilt(net: nn.Module, change: Callable[[nn.Module], nn.Module]) -> nn.Module:
    """A copy of a net with some of its innermost layers changed, sharing all parameters.

    Args:
        net: any net.
        change: takes a layer without parts, and returns it as it is or another in its place.
    """
    if not list(net.children()):
        return change(net)
    twin = copy.copy(net)
    twin._modules = {name: part and rebuilt(part, change) for name, part in net._modules.items()}
    return twin


def with_options(layer: nn.Module, **options) -> nn.Module:
    """A copy of one layer that shares its parameters and differs in the options named, such as `padding=(0, 0)`."""
    twin = copy.copy(layer)
    for name, value in options.items():
        setattr(twin, name, value)
    return twin


def with_ceil_pooling(net: nn.Module) -> nn.Module:
    """The net with every max pooling rounding its output size up, as Caffe does; PyTorch rounds down."""

    def change(layer: nn.Module) -> nn.Module:
        return with_options(layer, ceil_mode=True) if isinstance(layer, nn.MaxPool2d) else layer

    return rebuilt(net, change)


def without_padding(net: nn.Module) -> nn.Module:
    """The net with no padding anywhere: each cell sees pixels of the picture only, and all cells see alike.

    Its native size is its receptive field: 355 pixels for AlexNet.

    Raises:
        ValueError: for layers that pad by the size of their input (EfficientNet-Lite0's).
    """

    def change(layer: nn.Module) -> nn.Module:
        if "Same" in type(layer).__name__:
            raise ValueError(f"{layer} pads by the size of its input: it has no form without padding")
        if isinstance(layer, nn.Conv2d):
            return with_options(layer, padding=(0, 0), padding_mode="zeros")
        return with_options(layer, padding=0) if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d) else layer

    return rebuilt(net, change)


def dilated(net: nn.Module, stride: int = 1) -> nn.Module:
    """The net a trous: it no longer skips positions, and its later kernels are spread out to see what they saw.

    A layer that would take the net beyond `stride` gets stride 1 instead, and every layer after it a dilation larger
    by the stride that was taken away. The weights stay as they are; the answers lie `stride` pixels apart.

    Args:
        net: a fully convolutional net whose parts run in the order in which they are listed.
        stride: the stride to stop at.

    Raises:
        ValueError: for a layer that has no dilated form; names it.
    """
    return spread(net, Rates(stride))


class Rates:
    """How far the walk through a net has come: the stride so far, the one to stop at, the dilation from here on."""

    def __init__(self, target: int):
        self.target, self.stride, self.rate = target, 1, 1

    def take(self, stride: int) -> int:
        """The stride that a layer keeps; what it gives up goes into the dilation of those after it."""
        if self.stride * stride <= self.target:
            self.stride *= stride
            return stride
        self.rate *= stride
        return 1


def spread(net: nn.Module, rates: Rates) -> nn.Module:
    """The dilated form of a net or layer; moves `rates` on."""
    if not list(net.children()):
        return spread_layer(net, rates)
    before, parts = (rates.stride, rates.rate), {}
    for name, part in net._modules.items():
        if name.startswith(("branch", "downsample")):  # runs beside the others, and starts where they start
            rates.stride, rates.rate = before
        parts[name] = part and spread(part, rates)
    twin = copy.copy(net)
    twin._modules = parts
    return twin


def spread_layer(layer: nn.Module, rates: Rates) -> nn.Module:
    """The dilated form of one layer."""
    if isinstance(layer, nn.ConvTranspose2d | nn.Linear | nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
        raise ValueError(f"{layer} has no dilated form")
    if not isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
        return layer
    rate, kernel, stride = rates.rate, square(layer, "kernel_size"), square(layer, "stride")
    kept = rates.take(stride)
    if isinstance(layer, nn.AvgPool2d):
        if square(layer, "padding") or layer.ceil_mode:
            raise ValueError(f"{layer} has no dilated form: it pads, or rounds up")
        return layer if rate == 1 and kept == stride else DilatedAverage(kernel, kept, rate)
    dilation = rate * square(layer, "dilation")
    if isinstance(layer, nn.MaxPool2d):
        return with_options(layer, stride=kept, dilation=dilation, padding=rate * square(layer, "padding"))
    if getattr(layer, "padding_mode", "zeros") != "zeros":
        raise ValueError(f"{layer} pads with {layer.padding_mode}, which has no dilated form here")
    if "Same" not in type(layer).__name__:
        padding = (rate * square(layer, "padding"),) * 2
        return with_options(layer, stride=(kept,) * 2, dilation=(dilation,) * 2, padding=padding)
    if kept == stride and rate == 1:
        return layer
    # timm's TensorFlow padding, for maps whose size its stride divides: fewer before than after
    extent = square(layer, "dilation") * (kernel - 1) + 1
    before = rate * ((extent - stride) // 2)
    after = rate * (extent - 1) - before
    plain = nn.Conv2d(layer.in_channels, layer.out_channels, kernel, kept, 0, dilation, layer.groups, device="meta")
    plain._parameters = layer._parameters
    return nn.Sequential(nn.ZeroPad2d((before, after, before, after)), plain)


class DilatedAverage(nn.Module):
    """Average pooling over cells that lie `dilation` apart, which `nn.AvgPool2d` cannot do.

    Shape:
        (N, C, H, W) -> (N, C, h, w)
    """

    def __init__(self, kernel_size: int, stride: int, dilation: int):
        super().__init__()
        self.kernel_size, self.stride, self.dilation = kernel_size, stride, dilation

    def forward(self, maps: Tensor) -> Tensor:
        channels, side = maps.shape[1], self.kernel_size
        kernel = torch.full((channels, 1, side, side), 1 / side**2, dtype=maps.dtype, device=maps.device)
        return functional.conv2d(maps, kernel, stride=self.stride, dilation=self.dilation, groups=channels)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, dilation={self.dilation}"
