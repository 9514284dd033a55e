"""Fluorescent nuclei of the Data Science Bowl 2018, in StarDist's layout (lectures 08, 09)."""

from pathlib import Path

import torch

from course_utils.data.dataset import Dataset, Sample, find_picture, foreground, numbered, picture_files
from course_utils.data.images import read_image
from course_utils.data.masks import legend, read_mask


def open_split(root: Path, split: str) -> Dataset:
    """The split's pictures with a number for each nucleus."""
    base = root / split
    if not (base / "masks").is_dir() and (next(root.glob("*/masks"), None) or next(root.glob("*/*/masks"), None)):
        raise FileNotFoundError(
            f"'{root}' is laid out as Kaggle has it, a folder for each picture with one mask a thing: StarDist's archive "
            "is meant, {train,test}/{images,masks}; `course data download dsb2018` fetches it"
        )
    masks = picture_files(base / "masks")

    def read(item: str) -> Sample:
        image = read_image(find_picture(base / "images", item, first=".tif"))
        instances = numbered(read_mask(masks[item]))
        labels = torch.ones(int(instances.max()), dtype=torch.int64)
        return Sample(image, foreground(instances), instances, labels)

    return Dataset("dsb2018", split, *legend("dsb2018"), list(masks), read)
