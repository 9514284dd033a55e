"""SIFT Flow: what each pixel shows and how it lies in space (FCN, section 5, Table 5; lecture 06)."""

from pathlib import Path

import numpy as np
import torch

from course_utils.data.dataset import Dataset, Sample, picture_files
from course_utils.data.images import read_image
from course_utils.data.masks import legend
from course_utils.data.matlab import read_mat

GEOMETRY = ["sky", "horizontal", "vertical"]
SCENES = "spatial_envelope_256x256_static_8outdoorcategories"


def open_split(root: Path, split: str) -> Dataset:
    """The 200 pictures of `TestSet1.txt`, or all others; unlabelled pixels are void."""
    base = root / "SiftFlowDataset"
    held_out = _test_names(base)
    names = [name for name in picture_files(base / "Images" / SCENES) if (name in held_out) == (split == "test")]

    def read(item: str) -> Sample:
        image = read_image(base / "Images" / SCENES / f"{item}.jpg")
        mask = _labels(base / "SemanticLabels" / SCENES / f"{item}.mat")
        geometry = _labels(base / "GeoLabels" / SCENES / f"{item}.mat")
        return Sample(image, mask, geometry=geometry)

    return Dataset("siftflow", split, *legend("siftflow"), names, read, geometry=GEOMETRY)


def _test_names(base: Path) -> set[str]:
    for name in ("TestSet1.txt", "test.txt"):
        if (base / name).exists():
            lines = (base / name).read_text(encoding="utf-8").split("\n")
            paths = (line.strip().replace("\\", "/") for line in lines if line.strip())
            return {Path(path).stem if path.endswith(".jpg") else Path(path).name for path in paths}
    raise FileNotFoundError(f"'{base}' has neither TestSet1.txt nor test.txt, which name the test pictures")


def _labels(path: Path) -> torch.Tensor:
    """MATLAB's numbers count from 1, with 0 or -1 for unlabelled; here from 0, with 255."""
    stored = np.asarray(read_mat(path)["S"]).astype(np.int64)
    return torch.from_numpy(np.where(stored < 1, 255, stored - 1))
