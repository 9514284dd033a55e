"""The stickers as a data set in memory, and as a folder in PASCAL VOC's layout (lectures 04 to 06, 09)."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from course_utils.data.dataset import Dataset, Sample
from course_utils.data.depth import plain_camera
from course_utils.data.masks import legend, voc_palette
from course_utils.data.stickers.drawings import STYLES
from course_utils.data.stickers.places import GEOMETRY
from course_utils.data.stickers.portable import Dice
from course_utils.data.stickers.scenes import Scene, scene
from course_utils.data.stickers.sensor import SHIFTS, sensed, shifted

# Five of six scenes are for training, as in `--images 1200`: 1000 and 200.
TRAINING = (5, 6)
SENSOR = 73  # the stream of chance for a scene's depth sensor, apart from the one that makes the scene
CREDIT = (
    "Drawings: Twemoji (c) Twitter, Inc and other contributors, CC BY 4.0; OpenMoji (c) the OpenMoji project, "
    "CC BY-SA 4.0. Textures: scikit-image's photographs."
)


def open_split(
    root: Path | None,
    split: str,
    images: int = 1200,
    size: int = 160,
    seed: int = 0,
    cache: bool = True,
    sensor: bool = False,
    shift: int = 0,
) -> Dataset:
    """A split of the stickers, made as they are asked for.

    Args:
        root: not used: nothing is read from a folder.
        split: "train", "val" or "trainval"; with "_twemoji" or "_openmoji", the scenes in that drawing style, so
            that a net can learn from one style and be tested on the other.
        images: how many scenes there are in train and val together.
        size: their height and width in pixels.
        seed: of the whole set.
        cache: keep scenes in memory once they are made (0.26 MB each at size 160, most of it depth).
        sensor: depth as a real camera measures it, with holes (0) and noise; see `sensor.sensed`.
        shift: pixels, 0 to 8, by which depth lies too far to the right of the colours.
    """
    if not 64 <= size <= 640:
        raise ValueError(f"size = {size}: scenes of stickers are 64 to 640 pixels high and wide")
    if shift not in SHIFTS:
        raise ValueError(f"shift = {shift}: depth is shifted by {SHIFTS[0]} to {SHIFTS[-1]} whole pixels")

    def make(index: int) -> Scene:
        made = scene(seed, index, size)
        depth = sensed(made.depth, made.image, Dice(seed, index, SENSOR)) if sensor else made.depth
        return replace(made, depth=shifted(depth, shift))

    made = lru_cache(maxsize=None)(make) if cache else make
    items = [str(index) for index in split_indices(split, images)]
    camera = plain_camera(size, size)
    return Dataset(
        "stickers",
        split,
        *legend("stickers"),
        items,
        lambda item: as_sample(made(int(item))),
        geometry=GEOMETRY,
        camera=camera,
    )


def split_indices(split: str, images: int) -> list[int]:
    """The scenes that belong to a split."""
    part, _, style = split.partition("_")
    border = images * TRAINING[0] // TRAINING[1]
    indices = {"train": range(border), "val": range(border, images), "trainval": range(images)}[part]
    return [index for index in indices if not style or STYLES[index % 2] == style]


def as_sample(made: Scene) -> Sample:
    """A scene with tensors of the types that every data set has."""
    return Sample(
        image=torch.from_numpy(made.image.copy()),
        mask=torch.from_numpy(made.mask.astype(np.int64)),
        instances=torch.from_numpy(made.instances.astype(np.int64)),
        labels=torch.tensor(made.labels, dtype=torch.int64),
        depth=torch.from_numpy(made.depth.copy()),
        geometry=torch.from_numpy(made.geometry.astype(np.int64)),
    )


def write_voc_folder(
    folder: Path, images: int = 1200, size: int = 160, seed: int = 0, progress=lambda indices: indices
) -> Path:
    """Write the stickers as `folder/VOCdevkit/VOC2012`, which torchvision's `VOCSegmentation` reads too.

    Written beside its place first and moved there once whole, so that a killed run leaves nothing half-done.

    Args:
        folder: a new or empty folder.
        images, size, seed: as for `open_split`.
        progress: wraps the indices, to show a bar.

    Raises:
        FileExistsError: where the folder already holds something.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"'{folder}' is not empty: name another folder, or remove this one first")
    folder.parent.mkdir(parents=True, exist_ok=True)
    workplace = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(workplace / "VOCdevkit" / "VOC2012", images, size, seed, progress)
        (workplace / "CREDITS.txt").write_text(CREDIT + "\n", encoding="utf-8")
        settings = {"images": images, "size": size, "seed": seed}
        (workplace / "stickers.json").write_text(json.dumps(settings) + "\n", encoding="utf-8")
        workplace.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        os.replace(workplace, folder)
    except BaseException:
        shutil.rmtree(workplace, ignore_errors=True)
        raise
    return folder


def _write(base: Path, images: int, size: int, seed: int, progress: Iterable) -> None:
    parts = {name: base / name for name in ("JPEGImages", "SegmentationClass", "SegmentationObject")}
    lists = base / "ImageSets" / "Segmentation"
    for path in (*parts.values(), lists):
        path.mkdir(parents=True)
    colours = [channel for colour in voc_palette() for channel in colour]
    names = {}
    for index in progress(range(images)):
        made, names[index] = scene(seed, index, size), f"sticker_{index:06d}"
        picture = Image.fromarray(made.image.transpose(1, 2, 0))
        picture.save(parts["JPEGImages"] / f"{names[index]}.jpg", quality=95, subsampling=0)
        for part, values in (("SegmentationClass", made.mask), ("SegmentationObject", made.instances)):
            painted = Image.fromarray(values)
            painted.putpalette(colours)
            painted.save(parts[part] / f"{names[index]}.png")
    for split in ("train", "val", "trainval", *(f"{part}_{style}" for part in ("train", "val") for style in STYLES)):
        lines = "".join(f"{names[index]}\n" for index in split_indices(split, images))
        (lists / f"{split}.txt").write_text(lines, encoding="utf-8", newline="\n")
