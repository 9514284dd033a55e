"""Oxford-IIIT Pet: is a pixel cat or dog, or neither (lectures 04, 10)."""

from pathlib import Path

import torch

from course_utils.data.dataset import Dataset, Sample, find_picture, read_names
from course_utils.data.images import read_image
from course_utils.data.masks import legend, read_mask

# A trimap's 1 is pet, 2 is background, 3 the border, which nobody has to get right.
TRIMAP = torch.tensor([255, 1, 0, 255])


def open_split(root: Path, split: str) -> Dataset:
    """The split's pictures, with the trimap's border as void."""

    def read(item: str) -> Sample:
        trimap = read_mask(root / "annotations" / "trimaps" / f"{item}.png")
        if not 1 <= int(trimap.min()) <= int(trimap.max()) <= 3:
            raise ValueError(f"trimap '{item}.png' holds {trimap.unique().tolist()}: 1, 2 and 3 belong there")
        return Sample(read_image(find_picture(root / "images", item)), TRIMAP[trimap])

    return Dataset("pets", split, *legend("pets"), read_names(root / "annotations" / f"{split}.txt"), read)
