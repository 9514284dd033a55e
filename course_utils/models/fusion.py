"""Two sources for one answer, such as colour and depth, joined early or late (FCN, section 5, Table 4; lecture 06).

Early: one FCN looks at all channels, its first convolution widened. Late: each source has an FCN of its own, and their
scores are added. Both are made of FCNs of either form, so that a 16s is started from its 32s by `warm_start`, its new
skip scores zero, as for colour alone.
"""

import torch
from torch import Tensor, nn

from course_utils.models.backbones import first_convolution
from course_utils.models.imagenet import normalise
from course_utils.models.outline import Outlined

START = ("zero", "mean")


def widen(net: nn.Module, channels: int, start: str = "zero") -> nn.Module:
    """Let a net's first convolution look at more channels: early fusion (lecture 06).

    The paper does not say how the new weights start; the authors' released net takes the mean of the colours' weights.

    Args:
        net: changed in place, and given back; its weights for the first channels stay. Where its lower layers are
            frozen, this convolution learns all the same.
        channels: of its new input, such as 4 for colour and depth.
        start: "zero": the fresh net says what it said before (but for rounding), whatever the new channels show, and
            learns to look at them. "mean": each new channel gets a filter's mean over the old ones, so that its edges are seen like a
            grey picture's, and all answers change at once.

    Raises:
        ValueError: where there is nothing to add, or for another start.
    """
    convolution = first_convolution(net)
    added = channels - convolution.in_channels
    if added < 1:
        raise ValueError(f"channels = {channels}: the net looks at {convolution.in_channels} already")
    if start not in START:
        raise ValueError(f"start = {start!r}: new weights start at {' or '.join(START)}")
    old = convolution.weight.detach()
    new = old.mean(dim=1, keepdim=True) if start == "mean" else torch.zeros_like(old[:, :1])
    convolution.weight = nn.Parameter(torch.cat([old, new.expand(-1, added, -1, -1)], dim=1))
    convolution.in_channels = channels
    return net


class LateFusion(Outlined):
    """Two FCNs that look at one source each, and whose scores are added (FCN, section 5; lecture 06).

    Everything behind the scores is linear, so the sum of two 16s is the 16s of the summed streams. The paper trains two
    32s together and goes on to 16s; the authors' released net starts from two that were trained alone.

    Args:
        first, second: FCNs of one stride and with the same classes, trained or not.
        channels: of the first net's source; the rest is the second's.

    Shape:
        images (N, channels + the second's, H, W) -> logits (N, classes, H, W)

    Raises:
        ValueError: for nets that do not fit together, or images of too few channels.
    """

    def __init__(self, first: nn.Module, second: nn.Module, channels: int = 3):
        super().__init__()
        if (first.classes, first.stride) != (second.classes, second.stride):
            found = " and ".join(f"{net.classes} classes at stride {net.stride}" for net in (first, second))
            raise ValueError(f"nets of {found} cannot add their scores")
        self.first, self.second, self.channels = first, second, channels
        self.classes, self.stride = first.classes, first.stride

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[1] <= self.channels:
            raise ValueError(
                f"images of {images.shape[1]} channels: the first net takes {self.channels}, none are left for the second"
            )
        return self.first(images[:, : self.channels]) + self.second(images[:, self.channels :])


def normalise_sources(images: Tensor, name: str) -> Tensor:
    """From stacked bytes to what a classifier's weights expect, each source as if it were a picture (see `normalise`).

    Three channels at a time are taken as colours; a single one left over, depth, as grey: the mean of the three.

    Args:
        images: uint8, as `Dataset.giving` stacks them.
        name: as for `normalise`.

    Shape:
        (N, C, H, W) -> the same, float32, for C of 1, 3, 4, 6, ...

    Raises:
        ValueError: for another number of channels.
    """
    if images.shape[-3] % 3 == 2:
        raise ValueError(f"{images.shape[-3]} channels: sources have three, or one in the last place")
    parts = []
    for part in images.split(3, dim=-3):
        if part.shape[-3] == 1:
            parts.append(normalise(torch.cat([part] * 3, dim=-3), name).mean(dim=-3, keepdim=True))
        else:
            parts.append(normalise(part, name))
    return torch.cat(parts, dim=-3)
