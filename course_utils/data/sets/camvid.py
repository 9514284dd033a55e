"""CamVid in SegNet's version: streets seen from a car (lectures 04, 05)."""

from pathlib import Path

from course_utils.data.dataset import Dataset, Sample, find_picture, picture_files
from course_utils.data.images import read_image
from course_utils.data.masks import legend, read_mask

STORED_VOID = 11


def open_split(root: Path, split: str) -> Dataset:
    """A split of CamVid; the files' void, 11, becomes 255."""
    base = root / "CamVid"
    parts = ["train", "val"] if split == "trainval" else [split]
    items = [f"{part}/{name}" for part in parts for name in picture_files(base / f"{part}annot")]

    def read(item: str) -> Sample:
        part, name = item.split("/")
        mask = read_mask(base / f"{part}annot" / f"{name}.png")
        mask[mask == STORED_VOID] = 255
        return Sample(read_image(find_picture(base / part, name, first=".png")), mask)

    return Dataset("camvid", split, *legend("camvid"), items, read)
