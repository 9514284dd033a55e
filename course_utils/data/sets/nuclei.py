"""Real cell nuclei with an instance label each: the picture that ships inside stardist (01, 07, 08)."""

import numpy as np
import torch
from stardist.data import test_image_nuclei_2d
from torch import Tensor

from course_utils.data.dataset import Dataset, Sample, foreground, numbered
from course_utils.data.masks import legend


def nuclei() -> tuple[Tensor, Tensor]:
    """A fluorescence picture of 125 nuclei, many of them touching another (`touching` counts them).

    Shape:
        image (3, 512, 512), uint8, grey in three channels, contrast stretched between the 1st and the
        99.8th percentile;
        labels (512, 512), int64, 0 for background, one number for each nucleus
    """
    image, labels = test_image_nuclei_2d(return_mask=True)
    low, high = np.percentile(image, (1, 99.8))
    grey = np.clip((image.astype(np.float64) - low) / (high - low), 0, 1)
    grey = torch.from_numpy((255 * grey).round().astype(np.uint8))
    return grey.expand(3, -1, -1).contiguous(), torch.from_numpy(labels.astype(np.int64))


def touching(labels: Tensor) -> int:
    """How many instances have a pixel beside a pixel of another instance (lectures 00, 08).

    Shape:
        labels (H, W), int64, 0 for background
    """
    found: set[int] = set()
    for one, other in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        meet = (one != other) & (one > 0) & (other > 0)
        found |= set(one[meet].tolist()) | set(other[meet].tolist())
    return len(found)


def open_split(root: None, split: str) -> Dataset:
    """The whole picture ("all"), or its quarters of 256x256: three to train on, the last to test on."""
    image, labels = nuclei()
    corners = {"whole": (slice(None), slice(None))}
    halves = (slice(0, 256), slice(256, 512))
    names = ("upper left", "upper right", "lower left", "lower right")
    corners |= dict(zip(names, [(rows, columns) for rows in halves for columns in halves], strict=True))
    items = {"all": ["whole"], "train": list(names[:3]), "test": [names[3]]}[split]

    def read(item: str) -> Sample:
        rows, columns = corners[item]
        instances = numbered(labels[rows, columns])
        found = torch.ones(int(instances.max()), dtype=torch.int64)
        return Sample(image[:, rows, columns].contiguous(), foreground(instances), instances, found)

    return Dataset("nuclei", split, *legend("nuclei"), items, read)
