"""PhC-U373 and DIC-HeLa of the Cell Tracking Challenge (U-Net, section 4, Table 2; lecture 08)."""

import re
from pathlib import Path

import torch

from course_utils.data.dataset import Dataset, Sample, foreground, numbered, picture_files
from course_utils.data.images import read_image
from course_utils.data.masks import legend, read_mask

FILMS = {"train": ("01",), "test": ("02",), "all": ("01", "02")}


def open_split(root: Path, split: str, folder: str, silver: bool = False) -> Dataset:
    """The annotated frames of film 01 (train) and 02 (test).

    Args:
        root: the data set's folder.
        split: "train", "test" or "all".
        folder: the challenge's name for it, such as "PhC-C2DH-U373".
        silver: take the computer-made reference of every frame (`01_ST`) for the few frames annotated by hand.
    """
    base = root / folder
    kind = "ST" if silver else "GT"
    items = [
        f"{film}/{name.removeprefix('man_seg')}"
        for film in FILMS[split]
        for name in picture_files(base / f"{film}_{kind}" / "SEG")
        if re.fullmatch(r"man_seg\d+", name)
    ]

    def read(item: str) -> Sample:
        film, frame = item.split("/")
        image = read_image(base / film / f"t{frame}.tif")
        instances = numbered(read_mask(base / f"{film}_{kind}" / "SEG" / f"man_seg{frame}.tif"))
        labels = torch.ones(int(instances.max()), dtype=torch.int64)
        return Sample(image, foreground(instances), instances, labels)

    return Dataset(root.name, split, *legend("phc_u373"), items, read)
