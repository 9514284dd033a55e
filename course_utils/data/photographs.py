"""Photographs that need no network: they come inside scikit-image (all lectures)."""

import numpy as np
import skimage.data
import torch
from torch import Tensor

PHOTOGRAPHS = {
    "cat": skimage.data.chelsea,
    "coffee": skimage.data.coffee,
    "motorcycle": lambda: skimage.data.stereo_motorcycle()[0],
    "rocket": skimage.data.rocket,
    "astronaut": skimage.data.astronaut,
    "coins": skimage.data.coins,
}


def photograph(name: str) -> Tensor:
    """One of scikit-image's photographs.

    Args:
        name: a key of `PHOTOGRAPHS`.

    Shape:
        (3, H, W), uint8, RGB

    Raises:
        ValueError: for a name that is not in the collection.
    """
    if name not in PHOTOGRAPHS:
        raise ValueError(f"there is no photograph {name!r}: choose one of {', '.join(PHOTOGRAPHS)}")
    image = np.asarray(PHOTOGRAPHS[name]())
    if image.ndim == 2:
        image = np.stack([image] * 3, axis=-1)
    return torch.from_numpy(image.copy()).permute(2, 0, 1).contiguous()
