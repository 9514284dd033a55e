"""Single things in a picture: how thin each is, and how much of it was found (lectures 04, 05)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from course_utils.data.dataset import Sample


@dataclass(frozen=True)
class Thing:
    """One thing, as a net saw it.

    Args:
        label: its class.
        thickness: pixels across where it is thickest.
        area: its pixels.
        found: share of them that have its class in the prediction.
    """

    label: int
    thickness: float
    area: int
    found: float


def things(sample: Sample, prediction: Tensor, smallest: int = 20) -> list[Thing]:
    """The things of a picture that can be seen, with what a prediction found of them.

    Args:
        sample: with instances; the class of each is the one that the mask has there.
        prediction: labels, as an argmax gives them.
        smallest: things of fewer pixels are left out.

    Shape:
        prediction (H, W), int64

    Raises:
        ValueError: for a data set that does not tell one thing from another.
    """
    if sample.instances is None:
        raise ValueError("this data set has classes but no instances: it does not tell one thing from another")
    found = []
    for number in torch.unique(sample.instances).tolist():
        where = (sample.instances == number) & (sample.mask > 0) & (sample.mask != 255)
        area = int(where.sum())
        if area < smallest or number in (0, 255):
            continue
        label = int(sample.mask[where].mode().values)
        # a margin, so that things end at the picture's edge
        inside = distance_transform_edt(np.pad(where.numpy(), 1))
        share = (prediction[where] == label).float().mean().item()
        found.append(Thing(label, 2 * float(inside.max()) - 1, area, share))
    return found


def found_by_thickness(seen: Sequence[Thing], edges: Sequence[float]) -> tuple[list[float], list[int]]:
    """The mean share that was found of the things between each two thicknesses, and how many they are.

    Args:
        edges: thicknesses in ascending order; the last group has no upper end.

    Returns:
        shares, NaN where a group is empty, and counts; one for each edge
    """
    groups: list[list[float]] = [[] for _ in edges]
    for thing in seen:
        place = int(np.searchsorted(edges, thing.thickness, side="right")) - 1
        if place >= 0:
            groups[place].append(thing.found)
    return [float(np.mean(group)) if group else float("nan") for group in groups], [len(group) for group in groups]
