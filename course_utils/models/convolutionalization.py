"""A classifier turned into a fully convolutional net that shares its weights (FCN, section 3.1; lecture 02).

A linear layer that follows a map of C x h x w numbers is a convolution with h x w kernels that fits into the map in
one place only. Written as that convolution, it slides over whatever larger map a larger picture gives.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from course_utils.models.backbones import InputTransform
from course_utils.models.variants import with_ceil_pooling

ELEMENTWISE = (nn.Dropout, nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Hardswish)
ELEMENTWISE += (nn.Sigmoid, nn.Tanh)
TOLERANCE = 1e-5


def convolutionalize(
    classifier: nn.Module, size: int = 224, ceil_pooling: bool = False, average: bool = True
) -> nn.Module:
    """The same net without a fixed input size: (N, 3, H, W) -> (N, classes, h, w), with h = w = 1 at the native size.

    The layers that need no change are the classifier's own. The convolutions that were linear layers keep their
    weights in the same memory. Before it is returned, the new net is compared with the classifier.

    Args:
        classifier: a net whose parts run in the order in which they are listed, and whose head is linear layers after
            a map of fixed size: AlexNet, VGG16, GoogLeNet, EfficientNet-Lite0, or one of your own.
        size: the side of the square pictures that the classifier was made for, in pixels.
        ceil_pooling: let every max pooling round its output size up, as Caffe does; PyTorch rounds down.
        average: False leaves out the average pooling before the last layer, so that each cell of the map answers for
            itself. At the native size the mean over all cells is then what the classifier says.

    Returns:
        an `nn.Sequential` in eval mode, with the classifier's names for its parts.

    Raises:
        ValueError: where the classifier cannot be turned; says which part stands in the way, and why.
    """
    turn = Turn(ceil_pooling, average)
    training = classifier.training
    classifier.eval()
    try:
        with torch.no_grad(), full_precision():
            picture = native_picture(classifier, size)
            try:
                answer = classifier(picture)
            except RuntimeError as error:
                raise ValueError(
                    f"the classifier does not take pictures of {size}x{size}, say size=...: {error}"
                ) from None
            # auxiliary heads, as GoogLeNet has them, only speak in training
            parts = [(name, part) for name, part in classifier.named_children() if not name.startswith("aux")]
            if getattr(classifier, "transform_input", False):
                parts.insert(0, ("transform_input", InputTransform()))
            net, scores = turn.sequence(parts, picture, "")
            turn.prove(scores, answer)
    finally:
        classifier.train(training)
    return net.eval()


def native_picture(classifier: nn.Module, size: int) -> Tensor:
    """A random picture, such as the classifier takes: (1, C, size, size)."""
    first = next((layer for layer in classifier.modules() if isinstance(layer, nn.Conv2d)), None)
    if first is None:
        raise ValueError(
            f"{type(classifier).__name__} has no convolution: there is no map for a linear layer to slide over"
        )
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, first.in_channels, size, size, generator=generator).to(first.weight)


class Turn:
    """One classifier being turned, layer by layer, while a native picture runs through the new layers.

    Attributes:
        flat: whether the layers that come next expect a vector.
        spacing: distance between the cells that the next linear layer takes, where an average pooling slides by one.
        linear: how many linear layers were turned.
        averaged_later: whether an average was left out, and is only taken to compare with the classifier.
    """

    def __init__(self, ceil_pooling: bool, average: bool):
        self.ceil_pooling, self.average = ceil_pooling, average
        self.flat, self.spacing, self.linear, self.averaged_later = False, 1, 0, False

    def sequence(self, parts, maps: Tensor, path: str) -> tuple[nn.Sequential, Tensor]:
        """Turn parts that run one after the other."""
        turned = OrderedDict()
        for name, part in parts:
            if isinstance(part, nn.Sequential):
                turned[name], maps = self.sequence(part.named_children(), maps, f"{path}{name}.")
                continue
            turned[name] = self.layer(part, maps, path + name)
            try:
                maps = turned[name](maps)
            except (RuntimeError, TypeError, ValueError, IndexError) as error:
                raise ValueError(
                    f"{path}{name} ({type(part).__name__}) cannot follow the part before it: {error}"
                ) from None
        return nn.Sequential(turned), maps

    def layer(self, layer: nn.Module, maps: Tensor, name: str) -> nn.Module:
        """The layer that does on maps what this one did."""
        if isinstance(layer, nn.Linear):
            return self.convolution(layer, maps, name)
        if isinstance(layer, nn.Flatten):
            self.flat = True
            return nn.Identity()
        if isinstance(layer, nn.AdaptiveAvgPool2d):
            return self.sliding_pool(nn.AvgPool2d, layer.output_size, maps, name)
        if isinstance(layer, nn.AdaptiveMaxPool2d):
            return self.sliding_pool(nn.MaxPool2d, layer.output_size, maps, name)
        if type(layer).__name__ == "SelectAdaptivePool2d" and layer.pool_type == "avg":  # timm's, which flattens too
            self.flat = True
            return self.sliding_pool(nn.AvgPool2d, 1, maps, name)
        if self.flat and not isinstance(layer, ELEMENTWISE):
            raise ValueError(
                f"{name} ({type(layer).__name__}) works on a vector, and has no form that slides over a map"
            )
        inside = [inner for inner, part in layer.named_modules() if isinstance(part, nn.Linear)]
        if inside:
            raise ValueError(
                f"{name} ({type(layer).__name__}) hides a linear layer, {inside[0]}, that is not the head's"
            )
        return with_ceil_pooling(layer) if self.ceil_pooling else layer

    def convolution(self, linear: nn.Linear, maps: Tensor, name: str) -> nn.Conv2d:
        """A linear layer as the convolution whose kernel covers the whole native map."""
        channels = maps.shape[1]
        height, width = ((side - 1) // self.spacing + 1 for side in maps.shape[-2:])
        if self.averaged_later:
            height, width = 1, 1
        if channels * height * width != linear.in_features:
            found = (
                f"{name} takes {linear.in_features} numbers, and the map before it has {channels} x {height} x {width}"
            )
            why = "either the classifier was made for another size (size=...), or its forward() pools in a function: "
            raise ValueError(f"{found}: {why}make that pooling a layer, nn.AdaptiveAvgPool2d")
        kernel, bias = (height, width), linear.bias is not None
        convolution = nn.Conv2d(channels, linear.out_features, kernel, dilation=self.spacing, bias=bias, device="meta")
        # .view and not .reshape: it fails rather than copy, and the weights have to stay shared
        convolution.weight = nn.Parameter(linear.weight.detach().view(linear.out_features, channels, height, width))
        if bias:
            convolution.bias = nn.Parameter(linear.bias.detach())
        self.flat, self.spacing, self.linear = True, 1, self.linear + 1
        return convolution

    def sliding_pool(self, pool: type, output_size, maps: Tensor, name: str) -> nn.Module:
        """An adaptive pooling as one of fixed size that slides by one cell."""
        sides = output_size if isinstance(output_size, tuple) else (output_size, output_size)
        height, width = maps.shape[-2:]
        if height % sides[0] or width % sides[1] or height // sides[0] != width // sides[1]:
            found = f"{name} makes {sides[0]} x {sides[1]} cells of a map of {height} x {width}"
            raise ValueError(f"{found}: cells of unequal size have no sliding form (is size=... the native size?)")
        kernel = height // sides[0]
        if kernel == 1:
            return nn.Identity()
        if not self.average:
            if sides != (1, 1) or pool is nn.MaxPool2d:
                raise ValueError(f"average=False: {name} does not average the map into one cell")
            self.averaged_later = True
            return nn.Identity()
        self.spacing = kernel if sides != (1, 1) else 1
        return pool(kernel, stride=1)

    def prove(self, scores: Tensor, answer: Tensor) -> None:
        """Compare the new net's answer with the classifier's."""
        if self.linear == 0:
            raise ValueError("the classifier has no linear layer in its head: it is fully convolutional already")
        ours = scores.mean((2, 3)) if self.averaged_later else scores.flatten(1)
        if not isinstance(answer, Tensor) or ours.shape != answer.shape:
            found = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
            raise ValueError(
                f"the classifier answers {found} where its parts, run in order, answer {tuple(ours.shape)}"
            )
        scale = max(1.0, float(answer.abs().max()))
        error = float((ours - answer).abs().max()) / scale
        if not error <= TOLERANCE * (1 + 9 * self.averaged_later):
            why = "its forward() does more than run its parts in the order in which they are listed"
            raise ValueError(f"the turned net differs from the classifier by {error:.1e}: {why}")


@contextmanager
def full_precision() -> Iterator[None]:
    """Convolve in float32 throughout.

    NVIDIA's GPUs round the inputs of convolutions to 10 bits by default (TF32): fast, harmless for a prediction, and
    good for differences of 1e-3 between nets that are equal. On other devices this changes nothing.
    """
    with torch.backends.cudnn.flags(enabled=False, allow_tf32=False):
        yield
