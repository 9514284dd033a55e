"""NYU Depth v2 with the 40 classes of Gupta et al. (FCN, section 5, Table 4; lecture 06)."""

from functools import lru_cache
from pathlib import Path

import h5py
import numpy as np
import torch

from course_utils.data.dataset import Dataset, Sample
from course_utils.data.depth import NYU_CAMERA
from course_utils.data.masks import legend
from course_utils.data.matlab import read_mat


def open_split(root: Path, split: str) -> Dataset:
    """The split's rooms with depth in metres; `giving(inputs=("rgb", "hha"))` adds HHA."""
    splits = read_mat(root / "splits.mat")
    chosen = np.atleast_1d(splits["testNdxs" if split == "test" else "trainNdxs"]).astype(int)
    mapping = read_mat(root / "classMapping40.mat")["mapClass"]
    # Entry 0 is "unlabelled": 0 minus 1, which becomes void.
    to_class = np.concatenate([[0], np.atleast_1d(mapping).astype(int)]) - 1
    to_class[to_class < 0] = 255
    path = root / "nyu_depth_v2_labeled.mat"
    if not h5py.is_hdf5(path):
        raise ValueError(f"'{path}' is not a MATLAB file of version 7.3, as NYU's is: download it again")

    def read(item: str) -> Sample:
        index = int(item) - 1
        file = _opened(path)
        image = torch.from_numpy(np.ascontiguousarray(file["images"][index].transpose(0, 2, 1)))
        labels = file["labels"][index].T.astype(int)
        if labels.max() >= len(to_class):
            raise ValueError(
                f"picture {item} has label {labels.max()}, but classMapping40.mat ends at {len(to_class) - 1}"
            )
        depth = torch.from_numpy(np.ascontiguousarray(file["depths"][index].T.astype(np.float32)))
        return Sample(image, torch.from_numpy(to_class[labels]), depth=depth)

    names = [str(number) for number in chosen]
    return Dataset("nyudv2", split, *legend("nyudv2"), names, read, camera=NYU_CAMERA)


@lru_cache(maxsize=1)
def _opened(path: Path):
    """The file stays open: 2.8 GB, of which each picture is read where it lies."""
    return h5py.File(path, "r")
