"""What the loaders share: lists of names, pairs of files, and masks out of instance maps."""

from pathlib import Path

import torch
from torch import Tensor

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif")


def read_names(path: Path) -> list[str]:
    """The names in a list file, one a line: what VOC's `ImageSets` hold (only the first word of a line counts).

    Raises:
        FileNotFoundError: where the list is missing.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no list '{path}': is the data set complete?")
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split()[0] for line in lines if line.strip()]


def picture_files(folder: Path) -> dict[str, Path]:
    """The pictures in a folder by name without ending, in order; hidden files are left out.

    Raises:
        FileNotFoundError: where the folder is missing.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder '{folder}': is the data set complete?")
    files = (path for path in sorted(folder.iterdir()) if path.suffix.lower() in IMAGE_ENDINGS)
    return {path.stem: path for path in files if not path.name.startswith(".")}


def find_picture(folder: Path, name: str, first: str = ".jpg") -> Path:
    """The picture of that name in a folder, whatever its ending; `first` is tried first.

    Raises:
        FileNotFoundError: where there is none.
    """
    for ending in (first, *IMAGE_ENDINGS):
        if (folder / f"{name}{ending}").exists():
            return folder / f"{name}{ending}"
    raise FileNotFoundError(f"there is no picture '{name}' in '{folder}'")


def numbered(instances: Tensor) -> Tensor:
    """Instance numbers as 1, 2, 3, ... without gaps, in their order; (H, W) int64."""
    values, places = torch.unique(instances, return_inverse=True)
    return places if values[0] == 0 else places + 1


def foreground(instances: Tensor) -> Tensor:
    """A mask of background 0 and things 1; (H, W) int64."""
    return (instances > 0).long()
