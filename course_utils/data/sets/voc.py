"""PASCAL VOC 2011 and 2012, and any folder in VOC's layout (FCN, section 5; lectures 04, 05)."""

from pathlib import Path

import torch

from course_utils.data.dataset import Dataset, Sample, find_picture, read_names
from course_utils.data.images import read_image
from course_utils.data.masks import legend, read_mask
from course_utils.data.registry import find

INSIDE = {"2012": "VOCdevkit/VOC2012", "2011": "TrainVal/VOCdevkit/VOC2011"}


def open_split(root: Path, split: str, year: str = "2012") -> Dataset:
    """A split of VOC; `seg11valid` is the FCN paper's: VOC 2011 val without the images that SBD trains on."""
    base = root / INSIDE[year]
    names = seg11valid(base) if split == "seg11valid" else None
    return open_voc_folder(base, split, f"voc{year}", names)


def open_voc_folder(base: Path, split: str, name: str = "voc", names: list[str] | None = None) -> Dataset:
    """A folder in VOC's layout: JPEGImages, SegmentationClass, SegmentationObject if there, ImageSets."""
    names = names if names is not None else read_names(base / "ImageSets" / "Segmentation" / f"{split}.txt")

    def read(item: str) -> Sample:
        image = read_image(find_picture(base / "JPEGImages", item))
        mask = read_mask(base / "SegmentationClass" / f"{item}.png")
        things = base / "SegmentationObject" / f"{item}.png"
        if not things.exists():
            return Sample(image, mask)
        instances = read_mask(things)
        numbers = torch.unique(instances)
        count = int(numbers[numbers < 255].max())
        labels = torch.zeros(count, dtype=torch.int64)
        for number in range(1, count + 1):
            classes = mask[instances == number]
            classes = classes[classes < 255]
            labels[number - 1] = torch.mode(classes).values if len(classes) else 0
        return Sample(image, mask, instances, labels)

    return Dataset(name, split, *legend("voc2012"), names, read)


def seg11valid(base: Path) -> list[str]:
    """The FCN paper's validation images: from the list if it lies there, else from VOC's val and SBD's train.

    Raises:
        FileNotFoundError: where neither the list nor SBD is here.
    """
    from course_utils.data.registry import find_entry

    lists = base / "ImageSets" / "Segmentation"
    if (lists / "seg11valid.txt").exists():
        return read_names(lists / "seg11valid.txt")
    sbd = find(find_entry("sbd"))
    if sbd is None or base.name != "VOC2011":
        raise FileNotFoundError(
            f"'{lists / 'seg11valid.txt'}' is missing: take seg11valid.txt from the FCN authors' code "
            "(data/pascal), or download 'sbd' and 'voc2011', from which it follows"
        )
    taken = set(read_names(sbd / "benchmark_RELEASE" / "dataset" / "train.txt"))
    return [name for name in read_names(lists / "val.txt") if name not in taken]
