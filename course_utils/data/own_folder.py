"""Pictures and masks of your own: found by their names, read, and looked through for everything odd (lecture 10)."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from course_utils.data.dataset import Dataset, Sample, picture_files
from course_utils.data.images import read_image
from course_utils.data.masks import VOID, list_values, read_mask, voc_palette
from course_utils.data.registry import Entry

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


TURN = 0x0112
Progress = Callable[[Sequence], Iterable]


@dataclass
class Report:
    """What was found in a folder or data set.

    Args:
        title: what was looked at.
        facts: (name, value) pairs, such as ("pictures", "530").
        problems: what is wrong and what to do -> the files concerned.
    """

    title: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    problems: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def __str__(self) -> str:
        lines = [self.title, *(f"  {name}: {value}" for name, value in self.facts)]
        for problem, names in self.problems.items():
            shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            lines.append(f"  {problem}" + (f": {shown}" if names else ""))
        return "\n".join([*lines, "  nothing is wrong" if not self.problems else ""]).rstrip()


def inspect_folder(
    folder: Path, classes: Sequence[str] | int | None = None, progress: Progress = lambda things: things
) -> Report:
    """Everything about a folder of pictures and masks: formats, sizes, values, and what to mend.

    Damaged and odd files are named and never stop the listing.

    Args:
        folder: with `images/` and `masks/`, in `train/`, `val/`, `test/` if there are such folders, or pictures
            beside masks called `cat_mask.png`; see `own_folder`.
        classes: their names or number, where the masks' values should be compared with them.
        progress: wraps what is gone through, to show a bar.

    Raises:
        FileNotFoundError: where there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder '{folder}'")
    report = Report(f"folder '{folder}'")
    parts = [part for part in ("train", "val", "test") if (folder / part).is_dir()] or [""]
    images, masks = {}, {}
    for part in parts:
        found = files(folder / part)
        for name, path in found[0].items():
            images[f"{part}/{name}".lstrip("/")] = path
        for name, path in found[1].items():
            masks[f"{part}/{name}".lstrip("/")] = path
        _name_odd_files(folder / part, {*found[0].values(), *found[1].values()}, report)
    report.facts += [("pictures", str(len(images))), ("masks", str(len(masks)))]
    _name_lonely(images, masks, report)
    sizes = _inspect_images(progress(list(images.items())), report)
    _inspect_masks(progress(list(masks.items())), sizes, classes, report)
    return report


def inspect_entry(entry: Entry, progress: Progress = lambda things: things) -> Report:
    """A data set of the registry: is it whole, does every picture and mask load, are all values legal.

    Raises:
        FileNotFoundError: where it is not on this machine.
    """
    from course_utils.data.dataset import load
    from course_utils.data.fetching import read_receipt
    from course_utils.data.registry import folder_of

    report = Report(f"data set '{entry.name}'")
    if entry.markers:
        root = folder_of(entry)
        report.facts.append(("folder", str(root)))
        for name, noted in read_receipt(root).items():
            report.facts.append((f"downloaded {name}", f"{noted['bytes']:,} bytes, {noted['published']}"))
    seen: set[str] = set()
    for split, expected in zip(entry.splits, entry.counts, strict=True):
        try:
            dataset = load(entry.name, split)
        except (FileNotFoundError, ValueError) as error:
            report.problems[f"split {split} cannot be opened: {error}"] += []
            continue
        known = f" of {expected:,}" if expected and expected != len(dataset) else ""
        report.facts.append((f"split {split}", f"{len(dataset):,}{known} pictures"))
        fresh = [index for index, item in enumerate(dataset.items) if item not in seen]
        for index in progress(fresh):
            try:
                dataset.sample(index)
            except (FileNotFoundError, ValueError) as error:
                report.problems[str(error)] += []
        seen |= set(dataset.items)
    return report


def _name_odd_files(folder: Path, known: set[Path], report: Report) -> None:
    places = [folder, *(folder / name for name in (*IMAGE_FOLDERS, *MASK_FOLDERS))]
    for place in (place for place in places if place.is_dir()):
        for path in sorted(place.iterdir()):
            listed = path.name in ("classes.txt", "README.md", "README.txt", "CREDITS.txt")
            if path.is_file() and path not in known and not listed:
                report.problems["no picture by its name: move it elsewhere"].append(str(path.relative_to(folder)))


def _name_lonely(images: dict[str, Path], masks: dict[str, Path], report: Report) -> None:
    for name in sorted(images.keys() - masks.keys()):
        report.problems["picture without a mask: add one of the same name, or leave it out"].append(images[name].name)
    for name in sorted(masks.keys() - images.keys()):
        report.problems["mask without a picture: are their names equal?"].append(masks[name].name)


def _inspect_images(images: Iterable[tuple[str, Path]], report: Report) -> dict[str, tuple[int, int]]:
    sizes, modes, shapes = {}, Counter(), Counter()
    for name, path in images:
        try:
            image = read_image(path)
        except (OSError, ValueError) as error:
            report.problems[f"unreadable: {error}"] += []
            continue
        sizes[name] = tuple(image.shape[1:])
        shapes[f"{sizes[name][0]}x{sizes[name][1]}"] += 1
        modes[_mode(path, report)] += 1
    report.facts.append(("sizes (height x width)", _count(shapes)))
    report.facts.append(("picture modes", _count(modes)))
    return sizes


def _mode(path: Path, report: Report) -> str:
    try:
        with Image.open(path) as picture:
            turn = picture.getexif().get(TURN, 1)
            if turn != 1:
                advice = "turned by the camera (EXIF): read_image turns it upright; was its mask drawn upright too?"
                report.problems[advice].append(path.name)
            frames = getattr(picture, "n_frames", 1)
            if frames > 1:
                report.problems["has several pages or frames, only the first is read"].append(path.name)
            return f"{picture.format} {picture.mode}"
    except OSError:
        return "TIFF through tifffile"


def _inspect_masks(masks: Iterable[tuple[str, Path]], sizes, classes, report: Report) -> None:
    values: Counter[int] = Counter()
    with_value = defaultdict(list)
    modes = Counter()
    for name, path in masks:
        modes[_mode(path, report)] += 1
        try:
            mask = read_mask(path)
        except (OSError, ValueError) as error:
            painted = "is painted in" in str(error)
            problem = "painted in colours: load('folder', root=..., colours=[...]) names the colour of each class"
            if painted:
                report.problems[problem].append(path.name)
            else:
                report.problems[f"unreadable: {error}"] += []
            continue
        if name in sizes and tuple(mask.shape) != sizes[name]:
            found = f"{path.name} ({mask.shape[0]}x{mask.shape[1]}, its picture {sizes[name][0]}x{sizes[name][1]})"
            report.problems["mask of another size than its picture: export it again without resizing"].append(found)
        found, counts = mask.unique(return_counts=True)
        for value, count in zip(found.tolist(), counts.tolist(), strict=True):
            values[value] += count
            with_value[value].append(path.name)
    report.facts.append(("mask modes", _count(modes)))
    if not values:
        return
    total = sum(values.values())
    shares = ", ".join(f"{value} ({100 * values[value] / total:.1f} %)" for value in sorted(values)[:25])
    report.facts.append(("mask values (share of pixels)", shares + (", ..." if len(values) > 25 else "")))
    _judge_values(sorted(values), with_value, classes, report)


def _judge_values(values: list[int], with_value, classes, report: Report) -> None:
    if values in ([0, 255], [255]):
        report.problems[
            "masks hold only 0 and 255: they are black and white; load with values={0: 0, 255: 1}, else class 1 "
            "would count as void"
        ] += []
        return
    count = len(classes) if classes is not None and not isinstance(classes, int) else classes
    if count is not None:
        strange = [value for value in values if not 0 <= value < count and value != VOID]
        for value in strange[:10]:
            report.problems[f"value {value} is no class (0..{count - 1}) and not void ({VOID})"] += with_value[value]
    elif len(values) > 60:
        report.problems[
            f"masks hold {list_values(values)}: instance numbers, or soft edges? Masks are one class number a pixel, "
            "saved as palette PNG without smoothing"
        ] += []
    else:
        _judge_gaps([value for value in values if value != VOID], report)


def _judge_gaps(values: list[int], report: Report) -> None:
    """Classes that happen not to be seen leave small gaps; grey levels such as 0, 85, 170 leave large ones."""
    unused = sorted(set(range(values[-1] + 1)) - set(values)) if values else []
    if unused and values[-1] >= 3 * len(values):
        advice = "are these grey levels? Map them with values={0: 0, 85: 1, ...}"
        report.problems[f"class numbers have large gaps: {list_values(values)}; {advice}"] += []
    elif unused:
        report.facts.append(("class numbers that no mask has", list_values(unused)))


def _count(counter: Counter) -> str:
    common = counter.most_common(6)
    rest = f", and {len(counter) - 6} others" if len(counter) > 6 else ""
    return ", ".join(f"{name} ({count})" for name, count in common) + rest or "none"
