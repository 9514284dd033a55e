"""Pictures of cells as a U-Net learns from them: crop, foreground with gaps, weight map (U-Net, section 3; lecture 08)."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.utils.data
from scipy import ndimage
from torch import Tensor

from course_utils.border_weights import border_weights, separated
from course_utils.data.dataset import Dataset
from course_utils.data.transforms import Augment

Weigh = Callable[[Tensor], Tensor]


class CellCrops(torch.utils.data.Dataset):
    """Random crops of a few pictures of cells, made anew each time (U-Net, section 3; lecture 08).

    Item i is a crop of picture i modulo their number: the picture in grey, the foreground with a gap between cells
    that touch, and the weight of every pixel. The cells are bent as numbered cells, so that gaps and weights fit the
    bent picture.

    Args:
        pictures: with an image and numbered instances each; see `pictures_of`.
        augment: geometry and colour; its `outside` is taken as None, the mirror.
        weigh: from instances to weights, such as `border_weights`; None for 1 everywhere.
        crops: items that count as one epoch; as many as pictures by default.
        name: for the fingerprint of a training.

    Shape:
        image (1, h, w) float32 about 0 to 1, foreground (h, w) int64, weights (h, w) float32
    """

    def __init__(
        self,
        pictures: Sequence[tuple[Tensor, Tensor]],
        augment: Augment,
        weigh: Weigh | None = border_weights,
        crops: int | None = None,
        name: str = "cells",
    ):
        self.pictures, self.augment, self.weigh = pictures, augment, weigh
        self.crops, self.name = crops or len(pictures), name

    def __len__(self) -> int:
        return self.crops

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        return crop_of(*self.pictures[index % len(self.pictures)], self.augment, self.weigh)


def crop_of(
    image: Tensor, instances: Tensor, augment: Augment, weigh: Weigh | None = border_weights
) -> tuple[Tensor, Tensor, Tensor]:
    """One crop, bent and turned as `augment` says, with the foreground and weights that belong to it.

    Shape:
        image (3, H, W) uint8, instances (H, W) -> (1, h, w) float32, (h, w) int64, (h, w) float32
    """
    image, instances = augment(image, instances)
    cells = separated(instances)
    weights = weigh(cells) if weigh else torch.ones(cells.shape)
    return grey(image), (cells > 0).long(), weights


def grey(image: Tensor) -> Tensor:
    """The mean of the channels as a net takes it: 0 to 1.

    Shape:
        (3, H, W) uint8 -> (1, H, W) float32
    """
    return image.float().mean(dim=-3, keepdim=True) / 255


def pictures_of(dataset: Dataset) -> list[tuple[Tensor, Tensor]]:
    """Every picture of a split, its contrast stretched, its cells numbered (lecture 08).

    Where a data set has a mask alone, its connected parts are numbered.

    Shape:
        a list of image (3, H, W) uint8, instances (H, W) int64
    """
    found = []
    for index in range(len(dataset)):
        sample = dataset.sample(index)
        found.append((stretched(sample.image), cells_of(sample.mask) if sample.instances is None else sample.instances))
    return found


def stretched(image: Tensor) -> Tensor:
    """Grey in three channels, from the 1st percentile at 0 to the 99.8th at 255: microscopes differ in brightness.

    Shape:
        (3, H, W) uint8 -> the same
    """
    mean = image.float().mean(dim=0).numpy()
    low, high = np.percentile(mean, (1, 99.8))
    bright = np.rint(255 * np.clip((mean - low) / max(1.0, high - low), 0, 1)).astype(np.uint8)
    return torch.from_numpy(bright).expand(3, -1, -1)


def cells_of(mask: Tensor) -> Tensor:
    """Connected parts of class 1, numbered; parts that touch at a corner only are two (ISBI 2012, lecture 08).

    Shape:
        (H, W) -> (H, W) int64
    """
    parts, _ = ndimage.label(np.asarray(mask) == 1)
    return torch.from_numpy(parts.astype(np.int64))
