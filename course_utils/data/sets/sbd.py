"""The Semantic Boundaries data set: VOC's classes on 11,355 photographs (FCN, section 5; lectures 04, 05)."""

from pathlib import Path

import torch

from course_utils.data.dataset import Dataset, Sample, find_picture, read_names
from course_utils.data.images import read_image
from course_utils.data.masks import legend
from course_utils.data.matlab import read_mat
from course_utils.data.registry import find
from course_utils.data.sets.voc import INSIDE, seg11valid


def open_split(root: Path, split: str, keep_seg11valid: bool = False) -> Dataset:
    """A split of SBD, without the images of `seg11valid`, on which the FCN paper tests.

    Args:
        root: the folder that holds `benchmark_RELEASE`.
        split: "train", "val" or "trainval".
        keep_seg11valid: True gives the published lists as they are.
    """
    base = root / "benchmark_RELEASE" / "dataset"
    parts = ["train", "val"] if split == "trainval" else [split]
    names = [name for part in parts for name in read_names(base / f"{part}.txt")]
    if not keep_seg11valid:
        held_out = _held_out(base)
        names = [name for name in names if name not in held_out]

    def read(item: str) -> Sample:
        image = read_image(find_picture(base / "img", item))
        mask = _integers(read_mat(base / "cls" / f"{item}.mat")["GTcls"]["Segmentation"])
        things = base / "inst" / f"{item}.mat"
        if not things.exists():
            return Sample(image, mask)
        inst = read_mat(things)["GTinst"]
        return Sample(image, mask, _integers(inst["Segmentation"]), _integers(inst["Categories"]).reshape(-1))

    return Dataset("sbd", split, *legend("sbd"), names, read)


def _held_out(base: Path) -> set[str]:
    """The names of seg11valid, as far as a VOC on this machine tells them; train has none of them by definition."""
    from course_utils.data.registry import find_entry

    for year in ("2011", "2012"):
        voc = find(find_entry(f"voc{year}"))
        if voc is not None:
            try:
                return set(seg11valid(voc / INSIDE[year]))
            except FileNotFoundError:
                continue
    raise FileNotFoundError(
        f"to leave the images of seg11valid out of '{base}', their names are needed: download 'voc2011', or "
        "pass keep_seg11valid=True"
    )


def _integers(values) -> torch.Tensor:
    return torch.as_tensor(values.astype("int64"))
