"""Pedestrians of Penn-Fudan, with instances (lecture 09)."""

from pathlib import Path

import torch

from course_utils.data.dataset import Dataset, Sample, find_picture, foreground, numbered, picture_files
from course_utils.data.images import read_image
from course_utils.data.masks import legend, read_mask

# torchvision's tutorial holds back 50 of the 170; here they are the last ones of a fixed shuffle.
HELD_OUT = 50


def open_split(root: Path, split: str) -> Dataset:
    """120 pictures to train on and 50 to test on, the same ones every time."""
    base = root / "PennFudanPed"
    names = [name.removesuffix("_mask") for name in picture_files(base / "PedMasks")]
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(0)).tolist()
    chosen = {"all": sorted(order), "train": sorted(order[:-HELD_OUT]), "test": sorted(order[-HELD_OUT:])}

    def read(item: str) -> Sample:
        image = read_image(find_picture(base / "PNGImages", item, first=".png"))
        instances = numbered(read_mask(base / "PedMasks" / f"{item}_mask.png"))
        labels = torch.ones(int(instances.max()), dtype=torch.int64)
        return Sample(image, foreground(instances), instances, labels)

    return Dataset("pennfudan", split, *legend("pennfudan"), [names[index] for index in chosen[split]], read)
