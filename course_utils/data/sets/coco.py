"""COCO's instances, through pycocotools (Mask R-CNN, section 4; lecture 09)."""

import contextlib
import io
from pathlib import Path

import torch

from course_utils.data.dataset import Dataset, Sample, find_picture
from course_utils.data.images import read_image
from course_utils.data.masks import voc_palette


def open_split(root: Path, split: str) -> Dataset:
    """The split's pictures that have things in them; crowds become void, where things overlap the smaller wins."""
    from pycocotools.coco import COCO

    path = root / "annotations" / f"instances_{split}.json"
    if not path.exists():
        raise FileNotFoundError(f"there is no file '{path}': is the data set complete?")
    with contextlib.redirect_stdout(io.StringIO()):
        index = COCO(str(path))
    categories = sorted(index.cats)
    numbers = {category: number for number, category in enumerate(categories, start=1)}
    classes = ["background", *(index.cats[category]["name"] for category in categories)]
    pictures = sorted({note["image_id"] for note in index.anns.values()})

    def read(item: str) -> Sample:
        picture = index.imgs[int(item)]
        image = read_image(find_picture(root / split, Path(picture["file_name"]).stem))
        notes = index.loadAnns(index.getAnnIds(imgIds=int(item)))
        mask = torch.zeros(image.shape[1:], dtype=torch.int64)
        instances = torch.zeros_like(mask)
        things = [note for note in notes if not note.get("iscrowd")]
        for note in (note for note in notes if note.get("iscrowd")):
            mask[torch.from_numpy(index.annToMask(note)) > 0] = 255
        things.sort(key=lambda note: -note["area"])
        for number, note in enumerate(things, start=1):
            inside = torch.from_numpy(index.annToMask(note)) > 0
            mask[inside], instances[inside] = numbers[note["category_id"]], number
        labels = torch.tensor([numbers[note["category_id"]] for note in things], dtype=torch.int64)
        return Sample(image, mask, instances, labels)

    return Dataset("coco", split, classes, voc_palette(len(classes)), [str(number) for number in pictures], read)
