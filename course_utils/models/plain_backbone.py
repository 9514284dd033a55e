"""A backbone from scratch, as narrow as one likes, so that an FCN can be compared with a U-Net (lecture 08)."""

from itertools import pairwise

from torch import Tensor, nn

from course_utils.models.fcn import FCN
from course_utils.models.outline import Outlined
from course_utils.models.unet import DoubleConvolution, initialise


class PlainBackbone(Outlined):
    """Double 3x3 convolutions and 2x2 poolings, as in VGG and in a U-Net's contracting path (FCN, section 4.1).

    Channels double down to stride 4 and stay from stride 8 on, where VGG16's stay, too.

    Args:
        channels: of the images.
        width: channels before the first pooling.

    Shape:
        (N, channels, H, W) -> (N, 8 * width, H / 8, W / 8), (.., H / 16, W / 16), (.., H / 32, W / 32)
    """

    strides = (8, 16, 32)

    def __init__(self, channels: int = 1, width: int = 8):
        super().__init__()
        widths = [channels, *(width * factor for factor in (1, 2, 4, 8, 8, 8))]
        self.channels = tuple(widths[-3:])
        self.name = f"plain backbone of width {width}"
        self.convolve = nn.ModuleList(
            DoubleConvolution(before, after, padded=True) for before, after in pairwise(widths)
        )
        # rounding up, or a last row or column would be lost where a side is odd
        self.pool = nn.MaxPool2d(kernel_size=2, ceil_mode=True)
        initialise(self)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        maps, levels = images, []
        for convolve in self.convolve:
            maps = convolve(maps if not levels else self.pool(maps))
            levels.append(maps)
        return tuple(levels[-3:])


def fcn_of_size(parameters: int, channels: int = 1, classes: int = 2) -> FCN:
    """The FCN-8s from scratch whose number of parameters comes closest to a given one."""

    def sized(width: int) -> FCN:
        return FCN(PlainBackbone(channels, width), classes, stride=8)

    width = 1
    while count(sized(width + 1)) <= parameters:
        width += 1
    return min((sized(width), sized(width + 1)), key=lambda net: abs(count(net) - parameters))


def count(net: nn.Module) -> int:
    """How many numbers a net learns."""
    return sum(parameter.numel() for parameter in net.parameters())
