"""The U-Net, to be read beside Figure 1 of its paper (Ronneberger, Fischer, Brox; section 2; lectures 07 and 08).

`UNet()` is the paper's net: 572x572 in, 388x388 out. The functions above it do the arithmetic of its sizes, which
needs no net: `walk`, `output_size`, `legal_sizes`, `nearest_legal`.
"""

import math
from itertools import takewhile
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_utils.models.outline import Outlined


class Step(NamedTuple):
    """One arrow of Figure 1: what was done, on which level (0 is the top row), and the side of the map it gave."""

    operation: str
    level: int
    size: int


def walk(size: int, depth: int = 4, padded: bool = False) -> list[Step]:
    """The sides of all maps on the way through a U-Net; ends early where a map is too small or cannot be halved.

    The operations are "input", "convolve" (3x3), "pool" (2x2), "up" (2x2), "crop" (the skip, cut to be joined) and
    "score" (1x1).

    Args:
        size: side of the input, in pixels.
        depth: how often it is halved.
        padded: whether the 3x3 convolutions are padded, and so keep the size.
    """
    lost = 0 if padded else 2
    plan = [("input", 0, size)]

    def convolve_twice(level: int):
        for _ in range(2):
            plan.append(("convolve", level, plan[-1][2] - lost))

    for level in range(depth):
        convolve_twice(level)
        if plan[-1][2] % 2:
            break
        plan.append(("pool", level + 1, plan[-1][2] // 2))
    else:
        convolve_twice(depth)
        for level in reversed(range(depth)):
            plan.append(("up", level, 2 * plan[-1][2]))
            plan.append(("crop", level, plan[-1][2]))
            convolve_twice(level)
        plan.append(("score", 0, plan[-1][2]))
    return list(takewhile(lambda step: step.size > 0, (Step(*step) for step in plan)))


def context(depth: int = 4, padded: bool = False) -> int:
    """By how many pixels the output is smaller than the input, both sides together: 184 for the paper's net.

    On level i a pixel is 2^i pixels wide. Two 3x3 convolutions take 4 such, down and again up, at the bottom once.
    """
    return 0 if padded else sum(2 * 4 * 2**level for level in range(depth)) + 4 * 2**depth


def smallest_legal(depth: int = 4, padded: bool = False) -> int:
    """The smallest side that a U-Net takes: 188 for the paper's net, which makes 4 of it."""
    stride = 2**depth
    if padded:
        return stride
    first = 4 * (stride - 1)  # pooled away to nothing at the bottom; each pixel there adds one stride
    return first + stride * ((context(depth) - first) // stride + 1)


def legal_sizes(start: int, stop: int, depth: int = 4, padded: bool = False) -> range:
    """The sides from `start` to before `stop` for which every pooling meets an even map and some output is left."""
    stride, smallest = 2**depth, smallest_legal(depth, padded)
    return range(max(smallest, start + (smallest - start) % stride), stop, stride)


def nearest_legal(size: int, depth: int = 4, padded: bool = False) -> list[int]:
    """The legal side itself, or the next smaller (where there is one) and the next larger one."""
    stride = 2**depth
    smallest = smallest_legal(depth, padded)
    if size <= smallest:
        return [smallest]
    below = size - (size - smallest) % stride
    return [size] if below == size else [below, below + stride]


def output_size(size: int, depth: int = 4, padded: bool = False) -> int:
    """The side of the output; 388 for 572 (section 2).

    Raises:
        ValueError: for a side that the net cannot halve so often, with the nearest ones that it can.
    """
    nearest = nearest_legal(size, depth, padded)
    if nearest != [size]:
        kind = "padded " if padded else ""
        instead = " or ".join(map(str, nearest))
        raise ValueError(
            f"a {kind}U-Net that halves {depth} times takes no side of {size}: {why_illegal(size, depth, padded)}; "
            f"the nearest legal side is {instead}"
        )
    return size - context(depth, padded)


def why_illegal(size: int, depth: int = 4, padded: bool = False) -> str:
    """Where on its way a side goes wrong, in words; empty for a legal one."""
    if nearest_legal(size, depth, padded) == [size]:
        return ""
    for level in range(depth):
        size -= 0 if padded else 4
        if size <= 0:
            return f"the 3x3 convolutions of level {level} leave nothing of it"
        if size % 2:
            return f"on level {level} the map is {size} wide, which 2x2 pooling cannot halve"
        size //= 2
    return "the 3x3 convolutions leave nothing of it before the output"


def centre_crop(maps: Tensor, height: int, width: int) -> Tensor:
    """The middle of a map, as the skips are cut before they are laid beside the upsampled maps (section 2).

    Shape:
        maps (..., H, W) -> (..., height, width); an odd difference loses the extra row and column at the end
    """
    above, left = (maps.shape[-2] - height) // 2, (maps.shape[-1] - width) // 2
    if above < 0 or left < 0:
        raise ValueError(f"a map of {maps.shape[-2]}x{maps.shape[-1]} has no middle of {height}x{width}")
    return maps[..., above : above + height, left : left + width]


class DoubleConvolution(nn.Sequential):
    """Two 3x3 convolutions, a ReLU after each: every blue arrow pair of Figure 1.

    Shape:
        (N, channels, H, W) -> (N, width, H - 4, W - 4), or (N, width, H, W) where padded
    """

    def __init__(self, channels: int, width: int, padded: bool = False):
        super().__init__(
            nn.Conv2d(channels, width, kernel_size=3, padding=int(padded)),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, kernel_size=3, padding=int(padded)),
            nn.ReLU(inplace=True),
        )


class UpStep(nn.Module):
    """Double the size, halve the channels, lay the cropped skip beside it, convolve twice (section 2).

    Shape:
        maps (N, 2 * width, h, w), skip (N, width, H, W) -> (N, width, 2h - 4, 2w - 4), or (N, width, 2h, 2w) padded
    """

    def __init__(self, width: int, padded: bool = False):
        super().__init__()
        self.up = nn.ConvTranspose2d(2 * width, width, kernel_size=2, stride=2)
        self.convolve = DoubleConvolution(2 * width, width, padded)

    def forward(self, maps: Tensor, skip: Tensor) -> Tensor:
        maps = self.up(maps)
        skip = centre_crop(skip, *maps.shape[-2:])
        return self.convolve(torch.cat([skip, maps], dim=1))


class UNet(Outlined):
    """The U-Net (Figure 1). Made without arguments it is the paper's: 23 convolutions, 31.03 million parameters.

    Args:
        channels: channels of the images.
        classes: classes to score, background included.
        width: channels on the top level; each level below has twice as many.
        depth: how often the maps are halved.
        padded: pad the 3x3 convolutions, so that the output has the input's size. The paper does not.
        dropout: share of the lowest maps' values dropped while training, at the end of the contracting path.

    Shape:
        images (N, channels, H, W) -> logits (N, classes, output_size(H), output_size(W))

    Raises:
        ValueError: for images whose sides cannot be halved `depth` times; names the nearest legal ones.
    """

    def __init__(
        self,
        channels: int = 1,
        classes: int = 2,
        width: int = 64,
        depth: int = 4,
        padded: bool = False,
        dropout: float = 0.5,
    ):
        super().__init__()
        if classes < 2 or depth < 1:
            raise ValueError(
                f"classes={classes}, depth={depth}: a U-Net tells two classes apart and halves once at least"
            )
        self.channels, self.classes, self.width, self.depth, self.padded = channels, classes, width, depth, padded
        widths = [width * 2**level for level in range(depth + 1)]
        self.contracting = nn.ModuleList(
            DoubleConvolution(before, after, padded)
            for before, after in zip([channels, *widths], widths[:-1], strict=False)
        )
        self.pool = nn.MaxPool2d(kernel_size=2)
        self.bottom = DoubleConvolution(widths[-2], widths[-1], padded)
        self.dropout = nn.Dropout(dropout)
        self.expansive = nn.ModuleList(UpStep(after, padded) for after in reversed(widths[:-1]))
        self.score = nn.Conv2d(width, classes, kernel_size=1)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        for side in images.shape[-2:]:
            self.output_size(side)
        maps, skips = images, []
        for convolve in self.contracting:
            maps = convolve(maps)
            skips.append(maps)
            maps = self.pool(maps)
        maps = self.dropout(self.bottom(maps))
        for up_step, skip in zip(self.expansive, reversed(skips), strict=True):
            maps = up_step(maps, skip)
        return self.score(maps)

    @property
    def stride(self) -> int:
        """Pixels of the input that one pixel of the lowest map stands for; tiles step by multiples of it."""
        return 2**self.depth

    def output_size(self, size: int) -> int:
        """The side of the logits for a side of the images; refuses illegal ones."""
        return output_size(size, self.depth, self.padded)


def incoming(layer: nn.Conv2d | nn.ConvTranspose2d) -> int:
    """N of section 3: how many values each value of the next map is a weighted sum of.

    9 * 64 for a 3x3 convolution of 64 channels. The 2x2 windows of an up-convolution do not overlap, so that each of
    its outputs looks at one pixel: N is its number of channels.
    """
    apart = math.prod(layer.stride) if isinstance(layer, nn.ConvTranspose2d) else 1
    return layer.in_channels // layer.groups * math.prod(layer.kernel_size) // apart


@torch.no_grad()
def initialise(net: nn.Module) -> nn.Module:
    """Draw all weights from N(0, sqrt(2 / N)) in place, so that no level's maps grow or fade (section 3; lecture 07)."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.weight.normal_(0, math.sqrt(2 / incoming(layer)))
            if layer.bias is not None:
                layer.bias.zero_()
    return net
