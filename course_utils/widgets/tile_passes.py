"""All tilings of a picture from few passes: what `overlap_tile` is put together from (U-Net, section 2; lecture 08)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from course_utils.data.warping import mirror_pad
from course_utils.figures.canvas import picture
from course_utils.models.unet import UNet, nearest_legal
from course_utils.tiling import margin, read_tile

COARSEST = 4  # pixels between steps; a valid U-Net's answers are 4 more than a multiple of its stride


@dataclass(frozen=True)
class Passes:
    """A net's answers for a whole picture, once for each place where its pooling may begin to count.

    Attributes:
        image: (C, H, W), as the net takes it, 0 to 1.
        wide: (H + 2 border, W + 2 border, 3), uint8, the picture with its mirrored border, to be drawn.
        border: context in pixels on each side of a tile.
        stride: of the net; where a tile begins, modulo this, decides which pixels are pooled together.
        depth, padded: of the net.
        grain: steps are multiples of this, so that there are few places to count from.
        foreground: (starts, starts, H, W), probability of anything but class 0; counted from `grain` times the index.
    """

    image: Tensor
    wide: np.ndarray
    border: int
    stride: int
    depth: int
    padded: bool
    grain: int
    foreground: np.ndarray


@torch.no_grad()
def all_passes(net: UNet, image: Tensor, progress: bool = True) -> Passes:
    """Run a net over the whole picture once for each place to count from: then any tiling can be put together.

    A tile that begins in row r gives what a pass over everything gives that begins in row r modulo the stride.

    Shape:
        image (C, H, W), 0 to 1
    """
    net.eval()
    stride, grain = net.stride, min(COARSEST, max(1, net.stride // 2))
    starts = range(0, stride, grain)
    corners = [(down, right) for down in starts for right in starts]
    # where `disable` is not given, tqdm minds TQDM_DISABLE
    bar = tqdm(corners, desc="passes", leave=False) if progress else corners
    found = [one_pass(net, image, *corner) for corner in bar]
    foreground = torch.stack(found).view(len(starts), len(starts), *image.shape[1:])
    wide = mirrored(image, margin(net))
    return Passes(image, wide, margin(net), stride, net.depth, net.padded, grain, foreground.numpy())


def mirrored(image: Tensor, border: int) -> np.ndarray:
    """A picture with its mirrored border, which is darker.

    Shape:
        image (C, H, W), 0 to 1 -> (H + 2 border, W + 2 border, 3), uint8
    """
    wide = 255 * picture(mirror_pad(image, border, border, border, border)) ** 0.65
    dimmed = (0.45 * wide).astype(np.uint8)
    dimmed[border:-border, border:-border] = wide[border:-border, border:-border]
    return dimmed


def one_pass(net: UNet, image: Tensor, down: int, right: int) -> Tensor:
    """The probability of foreground from one pass that begins `down` and `right` pixels past a multiple of the stride.

    Shape:
        image (C, H, W) -> (H, W)
    """
    border, spans, inside = margin(net), [], []
    for start, side in zip((down, right), image.shape[1:], strict=True):
        first = start - net.stride if start else 0
        legal = nearest_legal(side - first + 2 * border, net.depth, net.padded)[-1] - 2 * border
        spans.append(slice(first, first + legal))
        inside.append(slice(-first, side - first))
    logits = net(read_tile(image, *spans, border)[None].to(net.score.weight.device))[0]
    if net.padded:
        logits = logits[:, border:-border, border:-border]
    return 1 - logits[:, *inside].softmax(dim=0)[0].cpu()
