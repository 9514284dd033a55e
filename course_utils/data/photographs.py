"""Photographs that need no network: they come inside scikit-image (all lectures)."""

from pathlib import Path

import numpy as np
import skimage.data
import torch
from torch import Tensor

from course_utils.data.images import read_image

PHOTOGRAPHS = {
    "cat": skimage.data.chelsea,
    "coffee": skimage.data.coffee,
    "motorcycle": lambda: skimage.data.stereo_motorcycle()[0],
    "rocket": skimage.data.rocket,
    "astronaut": skimage.data.astronaut,
    "coins": skimage.data.coins,
}


def photograph(name: str | Path) -> Tensor:
    """One of scikit-image's photographs, or a picture of your own.

    Args:
        name: a key of `PHOTOGRAPHS`, or the path of a picture file (see `read_image`).

    Shape:
        (3, H, W), uint8, RGB

    Raises:
        ValueError: for a name that is neither in the collection nor looks like a file.
        FileNotFoundError, UnreadableImage: for a file that is missing or damaged.
    """
    if isinstance(name, Path) or any(mark in name for mark in "./\\"):
        return read_image(name)
    if name not in PHOTOGRAPHS:
        raise ValueError(f"there is no photograph {name!r}: choose one of {', '.join(PHOTOGRAPHS)}, or give a file")
    image = np.asarray(PHOTOGRAPHS[name]())
    if image.ndim == 2:
        image = np.stack([image] * 3, axis=-1)
    return torch.from_numpy(image.copy()).permute(2, 0, 1).contiguous()
