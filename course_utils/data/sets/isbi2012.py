"""Membranes: the EM segmentation challenge of ISBI 2012 (U-Net, section 4, Table 1; lecture 08)."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from course_utils.data.dataset import Dataset, Sample
from course_utils.data.images import UnreadableImage
from course_utils.data.masks import legend

# The last six slices are held out: neighbours look alike, so that a random split would flatter.
SLICES = {"train": range(24), "test": range(24, 30), "all": range(30)}


def open_split(root: Path, split: str) -> Dataset:
    """Slices of the training volume, the only one with public labels: 0 to 23 to train, 24 to 29 to test."""
    volume, labels = read_stack(root / "train-volume.tif"), read_stack(root / "train-labels.tif")
    if volume.shape != labels.shape or len(volume) != 30:
        raise ValueError(f"'{root}' holds {volume.shape} pictures and {labels.shape} labels: 30 of 512x512 belong")

    def read(item: str) -> Sample:
        index = int(item)
        return Sample(volume[index].expand(3, -1, -1).contiguous(), (labels[index] > 127).long())

    return Dataset("isbi2012", split, *legend("isbi2012"), [str(index) for index in SLICES[split]], read)


@lru_cache(maxsize=2)
def read_stack(path: Path) -> Tensor:
    """All pages of a TIFF, (pages, H, W) uint8.

    Raises:
        FileNotFoundError, UnreadableImage: for a missing or damaged file.
    """
    import tifffile

    if not path.exists():
        raise FileNotFoundError(f"there is no stack '{path}': is the data set complete?")
    try:
        pages = tifffile.imread(path)
    except Exception as error:
        raise UnreadableImage(f"stack '{path}' is damaged ({error}): copy or download it again") from None
    return torch.from_numpy(np.ascontiguousarray(pages.astype(np.uint8)))
