"""Folders of pictures and masks with twelve faults in them, made of stickers and nuclei (lecture 10).

Every fault is one that people report of folders of their own. `plant` puts each in one place of two small folders; the
functions that spoil a mask are there for the lecture too, which measures what each costs where it is everywhere.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import binary_dilation
from torch import Tensor

from course_utils.data.dataset import Dataset, Sample
from course_utils.data.files import write_text
from course_utils.data.masks import VOC_CLASSES, VOID, voc_palette
from course_utils.data.rehearsal import handful
from course_utils.data.sets.nuclei import nuclei
from course_utils.data.stickers.scenes import scene

# VOC's own grouping of its classes.
KINDS = {
    "person": "person",
    "animal": "bird cat cow dog horse sheep",
    "vehicle": "aeroplane bicycle boat bus car motorbike train",
    "indoor": "bottle chair diningtable pottedplant sofa tvmonitor",
}
CLASSES = ["background", *KINDS]
ANIMAL, VEHICLE = CLASSES.index("animal"), CLASSES.index("vehicle")
OFF = (5, 8)  # rows and columns by which the shifted mask lies too low and too far to the right


@dataclass(frozen=True)
class Planted:
    """A fault that `plant` made.

    Args:
        folder: "stickers" or "nuclei".
        names: of the pictures and masks concerned, without folder and ending.
        what: the fault, in words.
    """

    folder: str
    names: tuple[str, ...]
    what: str


def kinds_of_stickers(split: str, count: int, size: int = 128, seed: int = 0) -> Dataset:
    """Scenes of stickers with four kinds of things instead of VOC's twenty: person, animal, vehicle, indoor.

    Args:
        split: "train" or "val", which have no scene in common.
        count: how many.
        size: height and width in pixels.
        seed: of the whole set.
    """
    table = np.arange(256)
    for kind, names in KINDS.items():
        table[[VOC_CLASSES.index(name) for name in names.split()]] = CLASSES.index(kind)
    first = {"train": 0, "val": 10_000}[split]

    def read(item: str) -> Sample:
        made = scene(seed, first + int(item.split("_")[1]), size)
        instances = np.where(made.instances == VOID, 0, made.instances)
        labels = torch.tensor([int(table[label]) for label in made.labels], dtype=torch.int64)
        mask, instances = torch.from_numpy(table[made.mask]), torch.from_numpy(instances.astype(np.int64))
        return Sample(torch.from_numpy(made.image), mask, instances, labels)

    items = handful([f"scene_{number:03}" for number in range(count)], most=40)  # the folder with faults needs as many
    return Dataset("stickers", split, CLASSES, voc_palette(len(CLASSES)), items, read)


def shifted_mask(mask: Tensor, down: int, right: int) -> Tensor:
    """A mask that lies too low and too far to the right; background comes in from above and from the left.

    Shape:
        (H, W) -> (H, W)
    """
    moved = torch.zeros_like(mask)
    height, width = mask.shape
    moved[down:, right:] = mask[: height - down, : width - right]
    return moved


def renamed(mask: Tensor, old: int, new: int) -> Tensor:
    """A mask in which one class is called by the number of another: (H, W) -> (H, W)."""
    return torch.where(mask == old, new, mask)


def forgotten(sample: Sample, number: int) -> Tensor:
    """A sample's mask without thing `number`, which nobody has drawn, and without the void around it: (H, W)."""
    thing, others = sample.instances == number, (sample.instances > 0) & (sample.instances != number)
    near = [torch.from_numpy(binary_dilation(part.numpy(), iterations=3)) for part in (thing, others)]
    return sample.mask.masked_fill(thing | (near[0] & ~near[1] & (sample.mask == VOID)), 0)


def plant(folder: Path, seed: int = 0) -> list[Planted]:
    """Write `stickers/`, with folders for its splits, and `nuclei/`, with twelve faults in them.

    Args:
        folder: a new or empty one.
        seed: of the scenes and of where the faults lie.

    Returns:
        the faults, in the order in which they are told

    Raises:
        FileExistsError: where the folder holds anything.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"'{folder}' is not empty: name a new folder, nothing was overwritten")
    return [*_plant_in_stickers(folder / "stickers", seed), *_plant_in_nuclei(folder / "nuclei", seed)]


def _plant_in_stickers(root: Path, seed: int) -> list[Planted]:
    train, val = kinds_of_stickers("train", 40, seed=seed), kinds_of_stickers("val", 12, seed=seed)
    files = {f"train/{name}": train.sample(index) for index, name in enumerate(train.items)}
    files |= {f"val/test_{index:03}": val.sample(index) for index in range(len(val))}
    masks = {name: sample.mask for name, sample in files.items()}
    chance = np.random.default_rng(seed)
    free = [name for name in chance.permutation(list(files)).tolist() if name.startswith("train/")]

    def take(fits=lambda sample: True) -> str:
        """The next picture that has no fault yet and fits."""
        name = next(name for name in free if fits(files[name]))
        free.remove(name)
        return name

    def holds(sample: Sample, label: int) -> bool:
        return int((sample.mask == label).sum()) > 600

    def full(sample: Sample) -> bool:
        return 0.15 < float((sample.mask > 0).float().mean()) < 0.5

    lost, small, soft, cut = (take() for _ in range(4))
    off, one, other = (take(full) for _ in range(3))
    mistaken, missed = take(partial(holds, label=ANIMAL)), take(lambda sample: full(sample) and len(sample.labels) > 1)
    twice = take()
    masks[off] = shifted_mask(masks[off], *OFF)
    masks[one], masks[other] = masks[other], masks[one]
    masks[mistaken] = renamed(masks[mistaken], ANIMAL, VEHICLE)
    largest = int(torch.bincount(files[missed].instances.ravel())[1:].argmax()) + 1
    masks[missed] = forgotten(files[missed], largest)
    write_text(root / "classes.txt", "\n".join(CLASSES) + "\n")
    for name, sample in files.items():
        split, _, stem = name.partition("/")
        _save_picture(root / split / "images" / f"{stem}.png", sample.image)
        if name != lost:
            _save_mask(root / split / "masks" / f"{stem}.png", masks[name])
    place = [root / "train" / kind for kind in ("images", "masks")]
    stem = {name: name.split("/")[1] for name in files}
    _save_mask(place[1] / f"{stem[small]}.png", masks[small][::2, ::2])
    softened = (
        Image.open(path := place[1] / f"{stem[soft]}.png").convert("L").resize((96, 96), Image.Resampling.BILINEAR)
    )
    Image.fromarray(np.asarray(softened.resize((128, 128), Image.Resampling.BILINEAR))).save(path)
    whole = (path := place[0] / f"{stem[cut]}.png").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    again = Image.fromarray(files[twice].image.permute(1, 2, 0).numpy())
    again.save(root / "val" / "images" / "test_012.jpg", quality=85)
    _save_mask(root / "val" / "masks" / "test_012.png", masks[twice])
    told = [
        ((lost,), "no mask"),
        ((small,), "mask saved at half its size"),
        ((soft,), "mask enlarged with soft edges"),
        ((cut,), "picture cut off in the middle of its file"),
        ((one, other), "two masks exchanged"),
        ((twice, "val/test_012"), "one picture in train and in val"),
        ((off,), f"mask {OFF[0]} rows, {OFF[1]} columns aside"),
        ((mistaken,), "animal called vehicle"),
        ((missed,), "the largest thing not drawn"),
    ]
    return [Planted("stickers", tuple(name.split("/")[1] for name in names), what) for names, what in told]


def _plant_in_nuclei(root: Path, seed: int) -> list[Planted]:
    """Sixteen pieces of 128x128 of the picture of nuclei, three of them with a fault."""
    image, labels = nuclei()
    pieces = {
        f"slide_{row}{column}": (slice(128 * row, 128 * row + 128), slice(128 * column, 128 * column + 128))
        for row in range(4)
        for column in range(4)
    }
    counted, black, dark = np.random.default_rng(seed).permutation(list(pieces))[:3].tolist()
    write_text(root / "classes.txt", "background\nnucleus\n")
    for name, place in pieces.items():
        cells = labels[place]
        _, numbers = torch.unique(cells, return_inverse=True)
        mask = {counted: numbers, black: 255 * (cells > 0)}.get(name, (cells > 0).long())
        picture = image[:, *place]
        _save_picture(root / "images" / f"{name}.png", 255 - picture if name == dark else picture)
        _save_mask(root / "masks" / f"{name}.png", mask)
    told = [
        (counted, "numbers of cells where classes were meant"),
        (black, "mask of 0 and 255"),
        (dark, "dark on bright"),
    ]
    return [Planted("nuclei", (name,), what) for name, what in told]


def _save_picture(path: Path, image: Tensor) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(path)


def _save_mask(path: Path, mask: Tensor) -> None:
    """One byte a pixel, in grey: the number is the class."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.numpy().astype(np.uint8)).save(path)
