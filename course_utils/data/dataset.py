"""What every data set yields, how `load` opens one, and what the loaders share (lectures 01, 04 to 10)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path

import torch
import torch.utils.data
from torch import Tensor

from course_utils.data.depth import hha, log_depth
from course_utils.data.masks import VOID, check_mask
from course_utils.data.registry import find_entry, folder_of
from course_utils.data.rehearsal import handful


@dataclass(frozen=True)
class Sample:
    """One picture with what is known about it.

    Args:
        image: (3, H, W) uint8.
        mask: (H, W) int64, a class number in each pixel, 255 for void.
        instances: (H, W) int64, 0 or the number of the thing there, 255 not special; None where not known.
        labels: (N,) int64, the class of instance 1, 2, ...; None where there are no instances.
        depth: (H, W) float32 in metres, 0 where the sensor saw none; None where there was no sensor.
        geometry: (H, W) int64, classes of the data set's own `geometry`; None where not known.
    """

    image: Tensor
    mask: Tensor
    instances: Tensor | None = None
    labels: Tensor | None = None
    depth: Tensor | None = None
    geometry: Tensor | None = None


SOURCES = {"rgb": 3, "depth": 1, "hha": 3}  # what a net can be given, and how many channels each has
TARGETS = ("mask", "geometry")


@dataclass(frozen=True)
class Dataset(torch.utils.data.Dataset):
    """A split of a data set: `dataset[3]` is an image (3, H, W) uint8 and its mask (H, W) int64.

    Args:
        name: the data set's name in the registry.
        split: which part of it.
        classes: names of class 0, 1, ...
        palette: their colours.
        items: names of the pictures, in order.
        read: from a picture's name to its `Sample`.
        void: the mask's number for pixels that do not count.
        transform: applied to (image, mask) by `dataset[i]`; see `course_utils.data.transforms`.
        geometry: names of the geometry classes, where there are any.
        camera: focal lengths and centre in pixels of the camera whose depth is known (`depth.points`), if any.
        inputs, targets: what `dataset[i]` holds; see `giving`.
        recipe: what `load` was called with.
        white: which stored number is white in its pictures, where files hold more than bytes (see `read_image`).
    """

    name: str
    split: str
    classes: Sequence[str]
    palette: Sequence[tuple[int, int, int]]
    items: Sequence[str]
    read: Callable[[str], Sample]
    void: int = VOID
    transform: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None
    geometry: Sequence[str] = ()
    camera: tuple[float, float, float, float] | None = None
    inputs: tuple[str, ...] = ("rgb",)
    targets: tuple[str, ...] = ("mask",)
    recipe: tuple[str, str, dict] | None = None
    white: Mapping[str, float] = field(default_factory=dict)

    def __reduce__(self):
        """For a DataLoader's workers: not the open files travel, but how to open them again."""
        if self.recipe is None:
            raise TypeError(f"'{self.name}' was not opened by load(...), so no worker can open it: num_workers=0")
        return _again, (self.recipe, self.items, self.transform, self.inputs, self.targets)

    def __repr__(self) -> str:
        return f"{self.name}, {self.split}: {len(self):,} pictures, {len(self.classes)} classes"

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        sample = self.sample(index)
        given = (self._stacked(sample), *(getattr(sample, name) for name in self.targets))
        return self.transform(*given) if self.transform else given

    def _stacked(self, sample: Sample) -> Tensor:
        make = {
            "rgb": lambda: sample.image,
            "depth": lambda: log_depth(sample.depth),
            "hha": lambda: hha(sample.depth, self.camera),
        }
        return torch.cat([make[name]() for name in self.inputs])

    def giving(self, inputs: Sequence[str] = ("rgb",), targets: Sequence[str] = ("mask",)) -> "Dataset":
        """The same pictures with other sources or targets: `giving(("rgb", "hha"), ("mask", "geometry"))` (lecture 06).

        Args:
            inputs: "rgb" (3 channels), "depth" (1, see `log_depth`) and "hha" (3), stacked in the order given; "depth"
                comes last, or three times, which looks like a grey picture.
            targets: "mask" and "geometry", in this order behind the picture.

        Shape:
            dataset[i]: (channels, H, W) uint8, then (H, W) int64 for each target

        Raises:
            ValueError: for a name that there is not, or that this data set does not know.
        """
        for names, known in ((inputs, SOURCES), (targets, TARGETS)):
            unknown = [name for name in names if name not in known]
            if unknown or not names:
                raise ValueError(f"{list(names)}: choose from {', '.join(known)}")
        if any(SOURCES[name] == 3 and inputs[:place].count("depth") % 3 for place, name in enumerate(inputs)):
            raise ValueError(f"{list(inputs)}: depth is one channel, so it comes last, or three times")
        if self.camera is None and set(inputs) & {"depth", "hha"}:
            raise ValueError(f"'{self.name}' has no depth, and so no HHA: stickers and nyudv2 have")
        if not self.geometry and "geometry" in targets:
            raise ValueError(f"'{self.name}' has no geometry classes: stickers and siftflow have")
        return replace(self, inputs=tuple(inputs), targets=tuple(targets))

    def sample(self, index: int) -> Sample:
        """Everything that is known about a picture, untransformed.

        Raises:
            IndexError: past the end.
            ValueError: for a damaged picture, or a mask whose values are not classes.
        """
        item = self.items[index]
        sample = self.read(item)
        name = f"{self.name}'s mask '{item}'"
        check_mask(sample.mask, self.classes, self.void, name=name, size=tuple(sample.image.shape[1:]))
        return sample

    def target(self, index: int) -> tuple[Tensor, dict[str, Tensor]]:
        """A picture and its things, as torchvision's detection models take them (see `detection_target`).

        Raises:
            ValueError: where the data set does not tell one thing from another.
        """
        sample = self.sample(index)
        if sample.instances is None:
            raise ValueError(f"'{self.name}' has classes but no instances: it does not tell one thing from another")
        return sample.image, detection_target(sample.instances, sample.labels)

    def with_transform(self, transform: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None) -> "Dataset":
        """The same split with another transform."""
        return replace(self, transform=transform)

    def subset(self, indices: Sequence[int]) -> "Dataset":
        """Some of the pictures, in the given order."""
        return replace(self, items=[self.items[index] for index in indices])


def _again(recipe: tuple[str, str, dict], items: Sequence[str], transform, inputs, targets) -> Dataset:
    name, split, options = recipe
    return replace(load(name, split, **options), items=items, transform=transform, inputs=inputs, targets=targets)


class Detection(torch.utils.data.Dataset):
    """A data set whose items are (image, target) for torchvision's detection models (lecture 09)."""

    def __init__(self, dataset: Dataset):
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Tensor, dict[str, Tensor]]:
        return self.dataset.target(index)


def detection_target(instances: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
    """Boxes, labels and masks out of an instance map (Mask R-CNN, section 3; lecture 09).

    A box ends one pixel after the last one, so that its width and height are never zero.

    Args:
        instances: (H, W), 0 for background, one number for each thing; 255 is void where labels say so.
        labels: (N,), the class of instance 1, 2, ...; without them every thing is of class 1. Numbers that are
            higher than N are left out.

    Shape:
        boxes (N, 4) float32 as x1, y1, x2, y2; labels (N,) int64; masks (N, H, W) uint8; area (N,) float32;
        iscrowd (N,) int64; things that nobody sees any more are left out
    """
    numbers = torch.unique(instances)
    numbers = numbers[numbers > 0]
    if labels is not None:
        numbers = numbers[numbers <= len(labels)]
    masks = instances[None] == numbers[:, None, None]
    boxes = torch.zeros(len(numbers), 4)
    for number, mask in enumerate(masks):
        rows, columns = torch.where(mask)
        boxes[number] = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]).float()
    classes = torch.ones(len(numbers), dtype=torch.int64) if labels is None else labels[numbers - 1]
    return {
        "boxes": boxes,
        "labels": classes,
        "masks": masks.to(torch.uint8),
        "area": masks.sum(dim=(1, 2)).float(),
        "iscrowd": torch.zeros(len(numbers), dtype=torch.int64),
    }


def load(name: str, split: str | None = None, **options) -> Dataset:
    """A split of a data set, found on this machine; nothing is downloaded here.

    `load("stickers")` and `load("nuclei")` need no files: they come with the packages that the course installs.

    Args:
        name: a name that `course data list` shows, or "folder" with `root=` for pictures of your own.
        split: one of the data set's splits; its first one by default.
        options: `root=`, the folder that holds it, where that is not a data folder; and what the data set's own module takes, such as `size=320` for stickers.

    Raises:
        ValueError: for a name, split or option that there is not; lists what there is.
        FileNotFoundError: where the data set is not on this machine; says how to get it.
    """
    entry = find_entry(name)
    split = split or entry.splits[0]
    if split not in entry.splits:
        raise ValueError(f"'{name}' has no split {split!r}: it has {', '.join(entry.splits)}")
    module = import_module(f"course_utils.data.{entry.module}")
    recipe = (name, split, dict(options))
    given = options.pop("root", None)
    root = Path(given).expanduser() if given else folder_of(entry) if entry.markers else None
    try:
        dataset = module.open_split(root, split, **entry.options, **options)
    except TypeError as error:
        if "unexpected keyword" in str(error) or "missing 1 required" in str(error):
            raise ValueError(f"load({name!r}): {error}") from None
        raise
    items = dataset.items if name == "folder" else handful(dataset.items)  # what a user has is looked at in whole
    return replace(dataset, recipe=recipe, items=items)


IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".webp", ".gif")


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that hold anything, without blanks around them.

    Raises:
        FileNotFoundError: where it is missing.
        ValueError: where it is not written in UTF-8.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no list '{path}': is the data set complete?")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"'{path}' is not written in UTF-8 ({error}): save it as UTF-8") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_names(path: Path) -> list[str]:
    """The names in a list file, one a line: what VOC's `ImageSets` hold (only the first word of a line counts).

    Raises:
        FileNotFoundError: where the list is missing.
    """
    return [line.split()[0] for line in read_lines(path)]


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder, in order; hidden files are left out.

    Raises:
        FileNotFoundError: where the folder is missing.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder '{folder}': is the data set complete?")
    files = (path for path in sorted(folder.iterdir()) if path.suffix.lower() in IMAGE_ENDINGS)
    return [path for path in files if not path.name.startswith(".") and not path.is_dir()]


def picture_files(folder: Path) -> dict[str, Path]:
    """The pictures in a folder by name without ending, in order (see `pictures_in`)."""
    return {path.stem: path for path in pictures_in(folder)}


def find_picture(folder: Path, name: str, first: str = ".jpg") -> Path:
    """The picture of that name in a folder, whatever its ending; `first` is tried first.

    Raises:
        FileNotFoundError: where there is none.
    """
    for ending in (first, *IMAGE_ENDINGS):
        if (folder / f"{name}{ending}").exists():
            return folder / f"{name}{ending}"
    found = picture_files(folder).get(name)
    if found is None:
        raise FileNotFoundError(f"there is no picture '{name}' in '{folder}'")
    return found


def numbered(instances: Tensor) -> Tensor:
    """Instance numbers as 1, 2, 3, ... without gaps, in their order; (H, W) int64."""
    values, places = torch.unique(instances, return_inverse=True)
    return places if values[0] == 0 else places + 1


def foreground(instances: Tensor) -> Tensor:
    """A mask of background 0 and things 1; (H, W) int64."""
    return (instances > 0).long()
