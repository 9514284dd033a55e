"""Pictures and masks of your own: looked at once, all of them, before anything is decided (lecture 10).

`load("folder", root=...)` and `course data check` read the same `Survey`: what one refuses, the other one names.
"""

import hashlib
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from skimage.measure import label
from torch import Tensor

from course_utils.data.dataset import Dataset, Sample, numbered, read_lines
from course_utils.data.files import write_text
from course_utils.data.images import (
    decode,
    header,
    kind_of_numbers,
    largest_number,
    photograph,
    read_image,
    unreadable,
    white_for,
)
from course_utils.data.look_alikes import exchanged, groups_alike, small_copy, small_outlines
from course_utils.data.masks import (
    CREAM,
    VOID,
    WHITE,
    Colour,
    as_colour,
    distinct,
    illegal,
    list_values,
    meaning,
    read_mask,
    stored_mask,
    unnamed,
    voc_palette,
)
from course_utils.data.pairing import SPLITS, Found, find_pairs, stamps
from course_utils.data.registry import Entry

Progress = Callable[[Sequence], Iterable]
PAGES = "has several pages or frames, of which only the first is read"
# Beyond so many classes that nobody has named, numbers are taken for grey levels or for those of things.
MANY = 60


@dataclass
class Report:
    """What was found in a folder or data set; its text is one screen long, however much there is.

    Args:
        title: what was looked at.
        facts: (name, value) pairs, such as ("pictures", "530").
        problems: what is wrong and what to do -> the files concerned.
        named: how a file is called, with its folder where two folders hold one name.
    """

    title: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    problems: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    named: Callable[[Path], str] = field(default=lambda path: path.name, repr=False)

    def __str__(self) -> str:
        lines = [self.title, *(f"  {name}: {value}" for name, value in self.facts), *self.lines()]
        return "\n".join(lines if self.problems else [*lines, "  nothing is wrong"])

    def lines(self, most: int = 12) -> list[str]:
        """A line for each problem, with how many files it concerns and the first five."""
        lines = []
        for problem, names in list(self.problems.items())[:most]:
            more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
            lines.append(f"  {problem}" + (f": {', '.join(names[:5])}{more}" if names else ""))
        return lines + ([f"  and {len(self.problems) - most:,} other problems"] if len(self.problems) > most else [])


@dataclass
class Survey:
    """What all files of a folder together decide, and what is wrong with some of them.

    Args:
        report: facts and problems; `load` warns of the problems.
        pairs: the pictures and masks by name, in all splits.
        splits, told: the names in each split; the splits that folders tell.
        classes, palette: names and colours of class 0, 1, ...
        colours: the colour of each class where masks are painted, else None.
        values: the class of each stored number, where it was given.
        white: the stored number that becomes 255, for all pictures alike (see `read_image`).
        by_number: whether masks hold a number or colour for each thing instead of classes.
        things: by name, the mask of numbered things beside that of classes, where each pair has one.
        masks: what each mask holds, by name.
        alike: names of pictures that are nearly the same, in groups, where that was looked for.
        refusal: why `load` cannot open the folder, where it cannot.
    """

    report: Report
    pairs: dict[str, tuple[Path, Path]] = field(default_factory=dict)
    splits: dict[str, list[str]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    palette: list[Colour] = field(default_factory=list)
    colours: list[Colour] | None = None
    values: dict[int, int] | None = None
    white: dict[str, float] = field(default_factory=dict)
    by_number: bool = False
    things: dict[str, Path] = field(default_factory=dict)
    masks: dict[str, "Look"] = field(default_factory=dict)
    alike: list[list[str]] = field(default_factory=list)
    refusal: Exception | None = None


def open_split(
    root: Path | None,
    split: str,
    classes: Sequence[str] | None = None,
    colours: Sequence[Colour] | None = None,
    values: Mapping[int, int] | None = None,
    things: bool = False,
    split_file: str | Path | None = None,
) -> Dataset:
    """Your pictures with your masks.

    How they may lie is said at `find_pairs`. Classes, colours and brightness follow from the masks and pictures of
    all splits, so that they are the same in each. Without folders for splits, about a fifth of the pictures are
    "val", chosen by their names, so that new pictures do not move old ones from one split to the other; where there
    are two or more, each split has one.

    Args:
        root: your folder.
        split: "all", "train", "val" or "test".
        classes: names of class 0, 1, ...; else from `classes.txt`, a name a line; else numbered.
        colours: the colour of class 0, 1, ... in masks that are painted; else the colours found, black first.
        values: which class a stored number means, as {0: 0, 255: 1} for black-and-white masks; each one but 0 has to
            be named.
        things: whether one thing is told from another: by the numbers in masks that lie beside those of classes (see
            `find_pairs`), by a number or colour each in masks without classes, else by being connected. Without
            classes all are of class 1.
        split_file: a table with columns picture and split, as `write_splits` writes it, which takes the place of folders
            and chance.

    Raises:
        ValueError: where no folder is given, or its masks do not tell which class a pixel has.
        FileNotFoundError: where there are no pictures with masks; says what was found.
    """
    if root is None:
        raise ValueError("load('folder') needs your folder: load('folder', root='my_data')")
    colours = colours and tuple(map(tuple, colours))
    values = values and {int(number): meant for number, meant in values.items()}  # TOML's keys are text
    options = [None if given is None else tuple(given) for given in (classes, colours, values and values.items())]
    found = _kept_survey(root, *options, things, stamps(root))
    if found.refusal is not None:
        raise type(found.refusal)(str(found.refusal))
    if split_file is not None:
        found = replace(found, splits=read_splits(Path(split_file), found))
    if not found.splits.get(split):
        held = " and ".join(
            f"{len(names):,} '{part}'" for part, names in found.splits.items() if part != "all" and names
        )
        raise FileNotFoundError(f"'{root}' has nothing for split '{split}': its {len(found.pairs):,} pairs are {held}")
    if found.report.problems:
        warnings.warn("\n".join([f"'{root}':", *found.report.lines()]), stacklevel=3)

    def read(item: str) -> Sample:
        path, mask_path = found.pairs[item]
        image = read_image(path, found.white)
        if things and found.by_number:
            instances = numbered(torch.from_numpy(stored_mask(mask_path)[0].values.astype(np.int64)))
            return Sample(image, (instances > 0).long(), instances, torch.ones(int(instances.max()), dtype=torch.int64))
        mask = read_mask(mask_path, found.colours, values=found.values)
        return Sample(image, mask, *things_in(mask, found.things.get(item))) if things else Sample(image, mask)

    return Dataset(
        "folder", split, list(found.classes), list(found.palette), list(found.splits[split]), read, white=found.white
    )


def things_in(mask: Tensor, numbers: Path | None = None) -> tuple[Tensor, Tensor]:
    """The things in a mask of classes, 1, 2, 3, ..., and the class of each, which is that of most of its pixels.

    Args:
        mask: (H, W) classes; 0 and void are no things.
        numbers: the file of a mask in which each has a number; without, connected parts of a class are things.

    Shape:
        -> (H, W) int64, (N,) int64

    Raises:
        ValueError: for a file of another size.
    """
    solid = torch.where(mask == VOID, 0, mask)
    if numbers is None:
        instances = torch.from_numpy(label(solid.numpy(), connectivity=1).astype(np.int64))
    else:
        stored = torch.from_numpy(stored_mask(numbers)[0].values.astype(np.int64))
        if stored.shape != mask.shape:
            raise unreadable(numbers, "numbers things in another size than its picture has")
        instances = numbered(torch.where(solid > 0, stored, 0))
    inside, count = instances > 0, int(solid.max()) + 1
    votes = torch.bincount((instances * count + solid)[inside], minlength=(int(instances.max()) + 1) * count)
    return instances, votes.view(-1, count)[1:].argmax(dim=1)


def read_splits(path: Path, found: "Survey") -> dict[str, list[str]]:
    """The names in each split, as a table says; those of another word than "train", "val" and "test" are left out.

    Raises:
        FileNotFoundError: where there is no such table.
        ValueError: where it is none, or does not fit the folder; names a picture.
    """
    rows = [line.rsplit(",", 1) for line in read_lines(path)]
    if not rows or rows[0] != ["picture", "split"] or any(len(row) != 2 for row in rows):
        raise ValueError(f"'{path}' is no table of splits: its first line is picture,split")
    part = {name.strip('"'): split for name, split in rows[1:]}
    for name in found.pairs.keys() ^ part.keys():
        there, lacks = ("folder", path) if name in found.pairs else (path, "the folder")
        raise ValueError(
            f"picture '{name}' stands in '{there}', and not in '{lacks}': `course train` brings them together"
        )
    return _by_split(list(found.pairs), part)


def write_splits(part: Mapping[str, str], path: Path) -> None:
    """Write which picture is in which split as a table, so that it stays."""
    write_text(path, "".join(f"{name},{split}\n" for name, split in {"picture": "split", **part}.items()))


def divide(found: "Survey", kept: Mapping[str, str]) -> dict[str, str]:
    """Which picture is in which split: as before, else as folders tell, else about a fifth is "val" by chance.

    Pictures that look alike stay together. Each split has one where there are two that differ.

    Args:
        found: what a thorough look at the folder gave.
        kept: the split of each picture that had one before.

    Raises:
        ValueError: where there are no two pictures.
    """
    names = list(found.pairs)
    if len(names) < 2:
        raise ValueError(f"{len(names)} picture with a mask: one to learn from and one to test is the least")
    if "train" in found.told and len(found.told) > 1:
        return {name: next(split for split in found.told if name in found.splits[split]) for name in names}
    alike = {name: group for group in found.alike for name in group}
    groups = {min(group := alike.get(name, [name])): group for name in names}
    if len(groups) == 1:  # a score that leaks tells more than none
        groups = {name: [name] for name in names}
    part = {}
    for group in groups.values():
        before = next((kept[name] for name in group if name in kept), None)
        part |= {name: kept.get(name, before) for name in group}
    chance = sorted(groups, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    for place, first in enumerate(chance):
        if part[first] is None:
            held = sum(split == "val" for split in part.values())
            last = place == len(chance) - 1 and not any(split == "train" for split in part.values())
            few = held + 1 <= max(1, round(0.2 * len(names))) and not last
            part |= dict.fromkeys(groups[first], "val" if few else "train")
    return {name: part[name] for name in names}


@lru_cache(maxsize=8)
def _kept_survey(root: Path, classes, colours, values, things, files) -> "Survey":
    """One survey for all splits, and for as long as no file changes."""
    return survey(root, classes, colours, values and dict(values), things)


def inspect_folder(
    folder: Path, classes: Sequence[str] | int | None = None, progress: Progress = lambda things: things
) -> Report:
    """Everything about a folder of pictures and masks: formats, sizes, values, and what to mend.

    Where nothing is wrong, `load("folder", root=folder)` gives every picture with its mask. Damaged and odd files
    are named and never stop the listing.

    Args:
        folder: laid out as `find_pairs` says.
        classes: their names or number, where the masks' values should be compared with them.
        progress: wraps what is gone through, to show a bar.

    Raises:
        FileNotFoundError: where there is no such folder.
    """
    return survey(Path(folder), classes, progress=progress, thorough=True).report


def survey(
    root: Path,
    classes: Sequence[str] | int | None = None,
    colours: Sequence[Colour] | None = None,
    values: Mapping[int, int] | None = None,
    things: bool = False,
    progress: Progress = lambda things: things,
    thorough: bool = False,
) -> Survey:
    """Look at all files of all splits, decide what holds for all of them, and name those that disagree.

    Args:
        root: the folder.
        classes, colours, values, things: as for `open_split`; classes may be a number.
        progress: wraps what is gone through.
        thorough: whether to decode photographs to the last pixel, too, and to look for doubles, for masks that were
            exchanged and for classes that "train" never shows; `load` needs none of that.

    Raises:
        FileNotFoundError: where there is no such folder.
    """
    found = find_pairs(root)
    report = Report(f"folder '{root}'", problems=found.problems, named=_naming(root, found))
    result = Survey(report, found.pairs, _splits(found), found.splits, values=None if values is None else dict(values))
    report.facts += [("pictures", _where(found.pictures, root)), ("masks", _where(found.masks, root))]
    if found.beside:
        report.facts.append(("beside them, not read", _count(found.beside)))
    try:
        if not found.pairs:
            raise FileNotFoundError(_why_no_pairs(root, found))
        masks = _look_at_masks(progress(list(found.pairs.items())), colours is not None, thorough, report)
        pictures = _look_at_pictures(progress(list(found.pairs.items())), thorough, report)
        _compare_shapes(found.pairs, pictures, masks, report)
        if thorough:
            result.alike = _find_look_alikes(pictures, masks, result.told, report)
        result.white = _one_white(pictures, report)
        names, result.masks, result.by_number = _given_classes(root, classes), masks, _number_things(masks)
        if things and result.by_number:
            result.classes = names if names and len(names) == 2 else ["background", "thing"]
            result.palette = voc_palette(2)
        else:
            if things and result.values is None and black_and_white(masks.values()):
                result.values = {0: 0, VOID: 1}
            _decide_classes(result, names, colours, masks, result.told if thorough else [])
            if things and not names and len(result.classes) == 2:
                result.classes = ["background", "thing"]
        result.things = {name: found.things[path] for name, (path, _) in found.pairs.items() if path in found.things}
        if result.things and (lacking := [name for name in found.pairs if name not in result.things]):
            report.problems["masks of numbered things for others, none for these: none are used"] += lacking
            result.things = {}
        for name, path in result.things.items() if thorough else ():
            _look_at_numbers(path, masks.get(name), report)
    except (FileNotFoundError, ValueError) as error:
        result.refusal = error
        report.problems[str(error)] += []
    return result


@dataclass
class Look:
    """What one file holds.

    Args:
        path, name: the file, and how a report calls it.
        shape: (H, W) as it is read, and as it is stored.
        turn: EXIF's orientation.
        numbers, counts: of a mask, what its pixels hold and how often (see `stored_mask`).
        painted: whether that is colours.
        grey: whether it may be both, three equal channels or nothing but 0.
        parts: of a mask, in how many connected parts of equal numbers it falls, background left out.
        kind, largest: of a picture of stored numbers (see `kind_of_numbers`), the largest.
        fine, steep, outlines: small copies of a picture and a mask (see `look_alikes`), where they were asked for.
    """

    path: Path
    name: str
    shape: tuple[int, int]
    turn: int
    numbers: np.ndarray | None = None
    counts: np.ndarray | None = None
    painted: bool = False
    grey: bool = False
    parts: int = 0
    kind: str | None = None
    largest: float = 0.0
    fine: np.ndarray | None = None
    steep: np.ndarray | None = None
    outlines: np.ndarray | None = None


def _look_at_masks(
    pairs: Iterable[tuple[str, tuple[Path, Path]]], by_colour: bool, thorough: bool, report: Report
) -> dict[str, Look]:
    looks, modes, what = {}, Counter(), ""
    for name, (_, path) in pairs:
        try:
            picture, painted = stored_mask(path, by_colour)
        except (OSError, ValueError) as error:
            what = _what(error)
            report.problems[what].append(report.named(path))
            continue
        modes[picture.mode] += 1
        stored = picture.values
        look = looks[name] = Look(path, report.named(path), stored.shape, picture.turn, *distinct(stored), painted)
        look.grey = not painted and (
            "RGB" in picture.mode or ("P" not in picture.mode.split()[1] and not look.numbers.any())
        )
        if picture.pages > 1:
            report.problems[PAGES].append(report.named(path))
        if len(look.numbers) > 1:
            look.parts = int(label(stored, connectivity=2).max())
        if thorough:
            look.outlines = small_outlines(stored)
    if not looks:
        raise ValueError(f"no mask can be read: each {what}")
    report.facts.append(("mask modes", _count(modes)))
    return looks


def black_and_white(looks: Iterable[Look]) -> bool:
    """Whether masks hold 0 and 255 and nothing else, as programs write them that know one class."""
    return all(not look.painted and {0, VOID}.issuperset(look.numbers.tolist()) for look in looks)


def _look_at_numbers(path: Path, mask: Look | None, report: Report) -> None:
    """Whether numbered things lie over their mask of classes."""
    try:
        shape = stored_mask(path)[0].values.shape
        if mask is not None and shape != mask.shape:
            raise unreadable(path, "numbers things in another size than its picture has")
    except (OSError, ValueError) as error:
        report.problems[_what(error)].append(report.named(path))


def _look_at_pictures(
    pairs: Iterable[tuple[str, tuple[Path, Path]]], thorough: bool, report: Report
) -> dict[str, Look]:
    looks, modes, shapes = {}, Counter(), Counter()
    for name, (path, _) in pairs:
        try:
            picture = decode(path, photograph if thorough else header)
            shape = picture.values.shape[:2]
            look = Look(path, report.named(path), shape, picture.turn, kind=kind_of_numbers(picture.values))
            if look.kind:
                look.largest = largest_number(picture.values, path)
                white_for(look.kind, look.largest, path)
            if thorough:
                look.fine, look.steep = small_copy(picture.values)
        except (OSError, ValueError) as error:
            report.problems[_what(error)].append(report.named(path))
            continue
        looks[name] = look
        modes[picture.mode] += 1
        shapes[f"{look.shape[0]}x{look.shape[1]}"] += 1
        if picture.pages > 1:
            report.problems[PAGES].append(report.named(path))
    report.facts += [("sizes (height x width)", _count(shapes)), ("picture modes", _count(modes))]
    return looks


def _compare_shapes(pairs, pictures: dict[str, Look], masks: dict[str, Look], report: Report) -> None:
    for name in pairs:
        if name not in pictures or name not in masks:
            continue
        picture, mask = pictures[name], masks[name]
        turned = picture.turn != mask.turn and picture.turn in range(2, 9)
        as_stored = picture.shape[::-1] if picture.turn in range(5, 9) else picture.shape
        if picture.shape != mask.shape:
            mine, other = (f"{look.shape[0]}x{look.shape[1]}" for look in (mask, picture))
            text = "mask of another size than its picture: export it again without resizing"
            if turned and mask.shape == as_stored:
                text = "mask drawn before the camera's mark (EXIF) turned its picture: turn the mask, too"
            report.problems[text].append(f"{mask.name} ({mine}, its picture {other})")
        elif turned and mask.shape == as_stored:
            text = "turned by the camera (EXIF), their masks are not marked so: were these drawn upright?"
            report.problems[text].append(picture.name)


def _one_white(pictures: dict[str, Look], report: Report) -> dict[str, float]:
    """What is white in all pictures of stored numbers; equal numbers become equally bright."""
    white = {}
    for kind in ("whole numbers", "fractions"):
        looks = [look for look in pictures.values() if look.kind == kind]
        if not looks:
            continue
        most = max(looks, key=lambda look: look.largest)
        white[kind] = white_for(kind, most.largest, most.path)
        if kind == "fractions" and white[kind] > 1 and (few := [look for look in looks if 0 < look.largest <= 1]):
            raise ValueError(
                f"pictures disagree: '{few[0].name}' holds fractions from 0 to 1, '{most.name}' up to "
                f"{most.largest:g}: scale them alike"
            )
        least = min(looks, key=lambda look: look.largest)
        text = (
            f"{white[kind]:g} becomes 255 in all {len(looks)}; the largest number is {least.largest:g} in {least.name}"
        )
        report.facts.append((f"pictures of {kind}", f"{text}, {most.largest:g} in {most.name}"))
    if white.get("whole numbers", 0) > 255 and (plain := sum(look.kind is None for look in pictures.values())):
        report.facts.append(("pictures of bytes beside them", f"{plain}, in which 255 is white"))
    return white


def _given_classes(root: Path, classes: Sequence[str] | int | None) -> list[str] | None:
    """The names that were passed, or lie in `classes.txt`; None where there are none."""
    if classes is None:
        listed = next((path for path in sorted(root.iterdir()) if path.name.casefold() == "classes.txt"), None)
        if listed is None:
            return None
        classes = read_lines(listed)
        if not classes:
            raise ValueError(f"'{listed}' names no class: write one name a line, that of class 0 first, or delete it")
    elif isinstance(classes, int):
        classes = _numbered_classes(classes)
    if len(classes) > VOID:
        raise ValueError(f"{len(classes)} classes are named, and 255 means void: at most 255 can be told apart")
    return list(classes)


def _decide_classes(
    result: Survey,
    names: list[str] | None,
    colours: Sequence[Colour] | None,
    masks: dict[str, Look],
    told: Sequence[str] = (),
) -> None:
    """Numbers or colours, and how many classes: from all masks at once."""
    report = result.report
    if colours is None and any(look.painted for look in masks.values()):
        colours = _find_colours(list(masks.values()))
    result.colours = colours and [tuple(colour) for colour in colours]
    table = meaning(result.colours, result.values)
    seen: Counter[int] = Counter()
    legal, what = {}, None
    for name, look in masks.items():
        found = look.numbers.tolist()
        if result.colours and not look.painted:
            found = [number * 0x010101 for number in found]
        if table is not None:
            if fault := unnamed(found, table, bool(result.colours)):
                what = fault
                report.problems[what].append(look.name)
                continue
            found = [table[number] for number in found]
        legal[name] = found
        for number, count in zip(found, look.counts.tolist(), strict=True):
            seen[number] += count
    if not legal:
        raise ValueError(f"no mask is legal: one {what}")
    values, total = sorted(seen), sum(seen.values())
    shares = [f"{number} ({100 * seen[number] / total:.1f} %)" for number in values[:12]]
    report.facts.append(("mask values (share of pixels)", ", ".join(shares + ["..."] * (len(values) > 12))))
    if values in ([0, 255], [255]):
        raise ValueError(
            "masks hold only 0 and 255: they are black-and-white masks; load with values={0: 0, 255: 1}, else class 1 "
            "would count as void"
        )
    numbers = [number for number in values if number != VOID]
    if names is None:
        if result.colours is None and result.values is None:
            _judge_numbers(numbers, masks, report)
        highest = len(result.colours) - 1 if result.colours else numbers[-1]
        # Two classes at least: with one, a black-and-white mask would pass as background and void.
        names = _numbered_classes(max(2, highest + 1))
        if result.colours and result.colours[0] != (0, 0, 0):
            names[0] = "class 0"
    elif result.colours and len(result.colours) != len(names):
        raise ValueError(
            f"{len(names)} classes are named, but masks are painted in {len(result.colours)} colours: pass colours="
        )
    if len(names) > VOID:
        raise ValueError(
            f"masks hold {list_values(values)}, and 255 means void: values={{...}} says which class each number means"
        )
    faults = {name: fault for name, found in legal.items() if (fault := illegal(found, len(names)))}
    for name, fault in faults.items():
        report.problems[fault].append(masks[name].name)
    if len(faults) == len(legal):
        raise ValueError(f"no mask is legal: '{masks[name].name}' {fault}")
    for name in unseen_by(result.splits, legal, "train") if "train" in told else ():
        report.problems["classes that 'train' never shows, so that nothing can learn them"].append(f"{names[name]}")
    if result.colours:
        shown = ", ".join(f"{name} {colour}" for name, colour in list(zip(names, result.colours, strict=False))[:8])
        report.facts.append(("painted in", shown + (", ..." if len(names) > 8 else "")))
    elif unused := sorted(set(range(len(names))) - set(numbers)):
        report.facts.append(("class numbers that no mask has", list_values(unused)))
    result.classes = names
    result.palette = list(result.colours or voc_palette(256))[: len(names)]


def unseen_by(splits: Mapping[str, list[str]], classes: Mapping[str, list[int]], split: str) -> list[int]:
    """The classes that no mask of a split holds, though one of another does."""
    known = {number for name in splits[split] for number in classes.get(name, ())}
    return sorted({number for found in classes.values() for number in found} - known - {VOID})


def _find_look_alikes(
    pictures: dict[str, Look], masks: dict[str, Look], told: Sequence[str], report: Report
) -> list[list[str]]:
    """Pictures that are nearly the same, and masks that seem to belong to each other's picture.

    Args:
        told: the splits that folders tell, between which nothing should be the same.
    """
    names = [name for name, look in pictures.items() if look.fine.any()]
    places = groups_alike(np.stack([pictures[name].fine for name in names])) if names else []
    groups = [[names[place] for place in group] for group in places]
    for group in groups:
        if told and len({name.split("/")[0] for name in group}) > 1:
            text = "nearly the same picture in two splits, so that a score there is no test: move them into one"
            report.problems[text].append(" and ".join(group[:3]))
    if groups:
        shown = "; ".join(", ".join(group[:3]) for group in groups[:3])
        report.facts.append(("pictures that look nearly alike", f"{sum(map(len, groups))}, such as {shown}"))
    both = [name for name in masks if name in pictures and pictures[name].shape == masks[name].shape]
    if both:
        steep, outlines = ([looks[name] for name in both] for looks in (pictures, masks))
        steep, outlines = np.stack([look.steep for look in steep]), np.stack([look.outlines for look in outlines])
        for first, second in exchanged(steep, outlines, [masks[name].shape for name in both]):
            text = "masks that fit each other's picture better than their own: were they exchanged?"
            report.problems[text].append(f"{masks[both[first]].name} and {masks[both[second]].name}")
    return groups


def _find_colours(masks: list[Look]) -> list[Colour]:
    """The colours of painted masks, black first; white and VOC's cream are void and no class.

    Raises:
        ValueError: where some masks hold numbers; for more than 64 colours: then masks have soft edges, or are
            pictures; where there is no black, or more white than void should be.
    """
    painted = [look for look in masks if look.painted]
    numbers = [look for look in masks if not look.painted and not look.grey]
    if numbers:
        raise ValueError(
            f"masks disagree: {_names(painted)} {'is' if len(painted) == 1 else 'are'} painted, {_names(numbers)} "
            f"{'holds' if len(numbers) == 1 else 'hold'} numbers: save all as palette PNGs, or pass colours=[...], and "
            "all are read by their colours"
        )
    seen: Counter[int] = Counter()
    for look in masks:
        scale = 1 if look.painted else 0x010101
        for number, count in zip(look.numbers.tolist(), look.counts.tolist(), strict=True):
            seen[number * scale] += count
    if len(seen) > 64:
        most = max(painted, key=lambda look: len(look.numbers))
        raise ValueError(f"masks such as '{most.name}' have over 64 colours: are they antialiased, or pictures?")
    share = 100 * seen[WHITE] / sum(seen.values())
    if share > 5 or 0 not in seen:
        what = f"{share:.0f} % of their pixels are white" if seen[WHITE] else "none of them is black"
        raise ValueError(
            f"masks are painted in {len(seen)} colours, and {what}: which one is background, a class, or void? pass "
            f"colours=[...], the colour of class 0, 1, ...; there are {', '.join(map(str, map(as_colour, sorted(seen)[:8])))}"
        )
    return [as_colour(code) for code in sorted(seen.keys() - {WHITE, CREAM})]


def _judge_numbers(numbers: list[int], masks: dict[str, Look], report: Report) -> None:
    """Whether stored numbers that nobody has named are classes.

    Classes that happen not to be seen leave small gaps; grey levels such as 0, 85, 170 leave large ones.

    Raises:
        ValueError: where there are so many of them that they are none.
    """
    advice = (
        "values={...} says which class each number means, classes= or classes.txt names many classes; things=True, "
    )
    advice += "as `course train` takes them, where each number is one thing"
    if len(numbers) > MANY:
        raise ValueError(f"masks hold {list_values(numbers)}: instance numbers, or soft edges? {advice}")
    if numbers[-1] >= 3 * len(numbers):
        text = f"class numbers have large gaps: {list_values(numbers)}; are these grey levels? {advice}"
        if numbers[-1] > MANY:
            raise ValueError(text)
        report.problems[text] += []
    if _number_things(masks):
        text = f"numbers run up to {numbers[-1]}, each is one connected part: instance numbers? {advice}"
        report.problems[text] += []


def _number_things(masks: dict[str, Look]) -> bool:
    """Whether masks hold a number, or colour, for each thing.

    Then each is one connected part, and there are many of them; or numbers run from 1 without a gap in each mask, and
    not always as far.
    """
    counted = [look for look in masks.values() if look.parts]
    if sum(look.parts for look in counted) >= 1.2 * sum(np.count_nonzero(look.numbers) for look in counted):
        return False
    if len({number for look in counted for number in look.numbers.tolist()}) > MANY:
        return True
    gapless = all(len(look.numbers) == look.numbers[-1] + 1 for look in masks.values())
    runs = {int(look.numbers[-1]) for look in masks.values()}
    few = max(runs) >= 3 and len(runs) > 2 and len(masks) >= 8  # people in a street: one, two, three of them
    return gapless and (max(runs) >= 10 or (max(runs) >= 5 and len(runs) > 3) or few)


def _numbered_classes(count: int) -> list[str]:
    return ["background", *(f"class {number}" for number in range(1, count))]


def _splits(found: Found) -> dict[str, list[str]]:
    """The names in each split, as folders tell it or by chance, which is the same for a name every time."""
    names = list(found.pairs)
    if found.splits:
        part = {name: name.split("/")[0] for name in names}
    else:
        chance = {name: int(hashlib.sha256(name.encode()).hexdigest(), 16) % 100 for name in names}
        few = min(max(sum(share < 20 for share in chance.values()), 1), len(names) - 1)
        val = set(sorted(names, key=lambda name: (chance[name], name))[: max(0, few)])
        part = {name: "val" if name in val else "train" for name in names}
    return _by_split(names, part)


def _by_split(names: list[str], part: Mapping[str, str]) -> dict[str, list[str]]:
    return {"all": names} | {
        split: [name for name in names if part[name] == split] for split in dict.fromkeys(SPLITS.values())
    }


def _why_no_pairs(root: Path, found: Found) -> str:
    counts = f"{len(found.pictures)} pictures and {len(found.masks)} masks, but no pair with the same name"
    text = f"'{root}' has {counts}" if found.pictures or found.masks else f"'{root}' holds no pictures"
    if found.pictures and found.masks:
        text += f": one picture is '{found.pictures[0].name}', one mask '{found.masks[0].name}'; give them equal names"
    elif found.pictures:
        text += ": lay the masks into masks/, under the names of their pictures"
    hints = [f"{what}: {', '.join(names[:5])}" for what, names in found.problems.items() if "without a" not in what]
    return "; ".join([text, *hints, *(what for what in found.beside if "no masks" in what)])


def _naming(root: Path, found: Found) -> Callable[[Path], str]:
    """Files are called by their names alone where no two pictures, and no two masks, share one."""
    times = [Counter(path.name for path in paths) for paths in (found.pictures, found.masks)]
    plain = all(count == 1 for counted in times for count in counted.values())
    return lambda path: path.name if plain else path.relative_to(root).as_posix()


def _what(error: Exception) -> str:
    return getattr(error, "what", str(error))


def _names(looks: Sequence[Look]) -> str:
    names = [f"'{look.name}'" for look in looks]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _where(paths: list[Path], root: Path) -> str:
    folders = list(dict.fromkeys(f"{path.parent.relative_to(root)}/" for path in paths))
    return str(len(paths)) + (f" in {', '.join(folders[:5])}" + (", ..." if len(folders) > 5 else "") if paths else "")


def _count(counter: Counter) -> str:
    common = [f"{name} ({count})" if count > 1 else name for name, count in counter.most_common(6)]
    return ", ".join(common) + (f", and {len(counter) - 6} others" if len(counter) > 6 else "")


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
            with warnings.catch_warnings(record=True) as heard:
                warnings.simplefilter("always", UserWarning)
                try:
                    dataset.sample(index)
                except (OSError, ValueError) as error:
                    report.problems[_what(error)].append(dataset.items[index])
            for warning in heard:
                report.problems[str(warning.message)] += []
        seen |= set(dataset.items)
    return report
