"""Real nuclei drawn out to rods that lie side by side on the diagonal, as cells in muscle do (lecture 09).

Boxes are upright: those of two such neighbours overlap much more than the rods do.
"""

import numpy as np
import torch
from scipy.ndimage import find_objects, map_coordinates

from course_utils.data.dataset import Dataset, Sample, foreground
from course_utils.data.masks import legend
from course_utils.data.sets.nuclei import nuclei

LONG, WIDE = (52, 64), (15, 19)  # pixels, smallest and largest
STACKS, RODS = (2, 3), (3, 6)
BACKGROUND, NOISE = 22, 5  # grey values


def open_split(root: None, split: str, images: int = 240, size: int = 160, seed: int = 0) -> Dataset:
    """Scenes of rods, made as they are asked for; "val" shows nuclei of the picture's right half, "train" of its left.

    Args:
        images: scenes in both splits together, five of six to train on.
        size: height and width of a scene in pixels.
        seed: of the whole set.
    """
    picture, labels = (each.numpy() for each in nuclei())
    right = split == "val"
    half = np.where((np.arange(512) >= 256) == right, labels, 0)
    cut = [
        (picture[0][place], half[place] == number)
        for number, place in enumerate(find_objects(half), start=1)
        if place and (half[place] == number).sum() > 150
    ]
    border = images * 5 // 6
    items = [str(index) for index in (range(border, images) if right else range(border))]

    def read(item: str) -> Sample:
        image, instances = rods(cut, size, np.random.default_rng([seed, int(item)]))
        found = torch.ones(int(instances.max()), dtype=torch.int64)
        return Sample(image, foreground(instances), instances, found)

    return Dataset("rods", split, *legend("rods"), items, read)


def rods(cut: list[tuple[np.ndarray, np.ndarray]], size: int, dice: np.random.Generator):
    """One scene: some stacks of rods on dark ground, each rod one of the nuclei that were cut out.

    Shape:
        -> image (3, size, size) uint8, instances (size, size) int64
    """
    image = BACKGROUND + NOISE * dice.standard_normal((size, size))
    instances, number = np.zeros((size, size), np.int64), 0
    for _ in range(dice.integers(*STACKS, endpoint=True)):
        centre, slope = dice.uniform(0.15 * size, 0.85 * size, 2), dice.choice((-1, 1))
        along, across = np.array([1, slope]) / np.sqrt(2), np.array([-slope, 1]) / np.sqrt(2)
        for _ in range(dice.integers(*RODS, endpoint=True)):
            long, wide = dice.uniform(*LONG), dice.uniform(*WIDE)
            grey, mask = cut[dice.integers(len(cut))]
            place = np.indices((size, size)) - (centre + dice.normal(0, 2) * along)[:, None, None]
            shares = [np.tensordot(way, place, 1) / length for way, length in ((along, long), (across, wide))]
            spots = [(share + 0.5) * side - 0.5 for share, side in zip(shares, mask.shape, strict=True)]
            inside = map_coordinates(mask.astype(float), spots, order=1) > 0.5
            free = inside & (instances == 0)
            if free.sum() > 0.75 * inside.sum() > 0:
                number += 1
                instances[free] = number
                image[free] = np.maximum(image, map_coordinates(grey.astype(float), spots, order=1))[free]
            centre = centre + wide * across
    shown = torch.from_numpy(image.clip(0, 255).round().astype(np.uint8))
    return shown.expand(3, -1, -1).contiguous(), torch.from_numpy(instances)
