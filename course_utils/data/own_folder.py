"""Pictures and masks of your own, found by their names (lecture 10)."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from course_utils.data.dataset import Dataset, Sample
from course_utils.data.images import read_image
from course_utils.data.masks import read_mask
from course_utils.data.palettes import voc_palette
from course_utils.data.sources import picture_files

IMAGE_FOLDERS = ("images", "imgs", "img", "image", "JPEGImages", "pictures", "photos")
MASK_FOLDERS = ("masks", "mask", "labels", "label", "annotations", "annots", "SegmentationClass", "gt")
MARK = re.compile(r"[ ._-]?(mask|masks|label|labels|gt|seg|segmentation|annotation|annot)$", re.IGNORECASE)
Colour = tuple[int, int, int]


def open_split(
    root: Path | None,
    split: str,
    classes: Sequence[str] | None = None,
    colours: Sequence[Colour] | None = None,
    values: Mapping[int, int] | None = None,
) -> Dataset:
    """Your pictures with your masks.

    Looked for are `images/` and `masks/` (or other usual names), in `train/` and `val/` if there are such folders,
    or pictures beside masks called `cat_mask.png`. Without folders for them, about a fifth of the pictures are
    "val", chosen by their names, so that new pictures never move old ones from one split to the other.

    Args:
        root: your folder.
        split: "all", "train" or "val".
        classes: names of class 0, 1, ...; else from `classes.txt`, a name a line; else numbered.
        colours: the colour of class 0, 1, ... in masks that are painted; else the colours found, black first.
        values: which class a stored number means, as {0: 0, 255: 1} for black-and-white masks.

    Raises:
        ValueError: where no folder is given, or masks are painted in more than 64 colours.
        FileNotFoundError: where there are no pictures with masks; says what was found.
    """
    if root is None:
        raise ValueError("load('folder') needs your folder: load('folder', root='my_data')")
    pairs = find_pairs(root, split)
    listed = root / "classes.txt"
    if classes is None and listed.exists():
        classes = [line.strip() for line in listed.read_text(encoding="utf-8").splitlines() if line.strip()]
    if colours is None and _painted(next(iter(pairs.values()))[1]):
        colours = find_colours(pairs)
    table = None if values is None else _table(values)
    if classes is None:
        count = len(colours) if colours else _highest(pairs, table) + 1
        classes = ["background", *(f"class {number}" for number in range(1, count))]

    def read(item: str) -> Sample:
        image, mask = pairs[item]
        numbers = read_mask(mask, colours)
        return Sample(read_image(image), numbers if table is None else table[numbers])

    palette = list(colours or voc_palette(max(256, len(classes))))[: len(classes)]
    return Dataset("folder", split, list(classes), palette, list(pairs), read)


def find_pairs(root: Path, split: str = "all") -> dict[str, tuple[Path, Path]]:
    """The pictures of a split with their masks, by name.

    Raises:
        FileNotFoundError: where there are none; says what was found.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder '{root}'")
    parts = [part for part in ("train", "val", "test") if (root / part).is_dir()]
    chosen = [part for part in parts if split in ("all", part)]
    pairs = {}
    for part in chosen or [""]:
        images, masks = files(root / part)
        found = {name: (images[name], masks[name]) for name in images if name in masks}
        pairs |= {f"{part}/{name}" if part else name: pair for name, pair in found.items()}
    if not parts and split != "all":
        pairs = {name: pair for name, pair in pairs.items() if (_share(name) < 20) == (split == "val")}
    if not pairs:
        images, masks = files(root)
        raise FileNotFoundError(
            f"'{root}' has {len(images)} pictures and {len(masks)} masks, but no pair with the same name for "
            f"split '{split}': lay them into images/ and masks/ under equal names"
        )
    return pairs


def files(folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """All pictures and all masks of a folder, by the name that makes them a pair."""
    images = next((folder / name for name in IMAGE_FOLDERS if (folder / name).is_dir()), folder)
    masks = next((folder / name for name in MASK_FOLDERS if (folder / name).is_dir()), images)
    pictures = picture_files(images)
    if masks != images:
        return pictures, {MARK.sub("", name): path for name, path in picture_files(masks).items()}
    marked = {name: path for name, path in pictures.items() if MARK.search(name)}
    pictures = {name: path for name, path in pictures.items() if name not in marked}
    return pictures, {MARK.sub("", name): path for name, path in marked.items()}


def find_colours(pairs: Mapping[str, tuple[Path, Path]]) -> list[Colour]:
    """The colours that painted masks use, black first; white and VOC's cream are void and no class.

    Raises:
        ValueError: for more than 64: then the masks have soft edges, or are pictures.
    """
    found: set[Colour] = set()
    for _, mask in pairs.values():
        pixels = read_image(mask).reshape(3, -1)
        found |= {tuple(colour) for colour in torch.unique(pixels, dim=1).T.tolist()}
        if len(found) > 64:
            raise ValueError(f"masks such as '{mask.name}' have over 64 colours: are they antialiased, or pictures?")
    return sorted(found - {(255, 255, 255), (224, 224, 192)})


def _painted(mask: Path) -> bool:
    try:
        read_mask(mask)
    except ValueError as error:
        return "is painted in" in str(error)
    return False


def _highest(pairs: Mapping[str, tuple[Path, Path]], table: torch.Tensor | None) -> int:
    highest = 0
    for _, mask in pairs.values():
        numbers = read_mask(mask)
        numbers = numbers if table is None else table[numbers]
        legal = numbers[numbers != 255]
        highest = max(highest, int(legal.max()) if len(legal) else 0)
    # Two classes at least: with one, a black-and-white mask would pass as background and void.
    return max(1, highest)


def _table(values: Mapping[int, int]) -> torch.Tensor:
    table = np.arange(max(65536, *(number + 1 for number in values)))
    for stored, number in values.items():
        table[stored] = number
    return torch.from_numpy(table)


def _share(name: str) -> int:
    """0 to 99, always the same for a name."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 100
