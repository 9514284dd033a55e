"""Pictures and masks of your own: looked at once, all of them, before anything is decided (lecture 10).

`load("folder", root=...)` and `course data check` read the same `Survey`: what one refuses, the other one names.
"""

import hashlib
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from skimage.measure import label

from course_utils.data.dataset import Dataset, Sample, read_lines
from course_utils.data.images import (
    decode,
    header,
    kind_of_numbers,
    largest_number,
    photograph,
    read_image,
    white_for,
)
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
        splits: the names in each split.
        classes, palette: names and colours of class 0, 1, ...
        colours: the colour of each class where masks are painted, else None.
        values: the class of each stored number, where it was given.
        white: the stored number that becomes 255, for all pictures alike (see `read_image`).
        refusal: why `load` cannot open the folder, where it cannot.
    """

    report: Report
    pairs: dict[str, tuple[Path, Path]] = field(default_factory=dict)
    splits: dict[str, list[str]] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)
    palette: list[Colour] = field(default_factory=list)
    colours: list[Colour] | None = None
    values: dict[int, int] | None = None
    white: dict[str, float] = field(default_factory=dict)
    refusal: Exception | None = None


def open_split(
    root: Path | None,
    split: str,
    classes: Sequence[str] | None = None,
    colours: Sequence[Colour] | None = None,
    values: Mapping[int, int] | None = None,
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

    Raises:
        ValueError: where no folder is given, or its masks do not tell which class a pixel has.
        FileNotFoundError: where there are no pictures with masks; says what was found.
    """
    if root is None:
        raise ValueError("load('folder') needs your folder: load('folder', root='my_data')")
    colours = colours and tuple(map(tuple, colours))
    options = [None if given is None else tuple(given) for given in (classes, colours, values and values.items())]
    found = _kept_survey(root, *options, stamps(root))
    if found.refusal is not None:
        raise type(found.refusal)(str(found.refusal))
    if not found.splits.get(split):
        held = " and ".join(
            f"{len(names):,} '{part}'" for part, names in found.splits.items() if part != "all" and names
        )
        raise FileNotFoundError(f"'{root}' has nothing for split '{split}': its {len(found.pairs):,} pairs are {held}")
    if found.report.problems:
        warnings.warn("\n".join([f"'{root}':", *found.report.lines()]), stacklevel=3)

    def read(item: str) -> Sample:
        image, mask = found.pairs[item]
        return Sample(read_image(image, found.white), read_mask(mask, found.colours, values=found.values))

    return Dataset("folder", split, list(found.classes), list(found.palette), list(found.splits[split]), read)


@lru_cache(maxsize=8)
def _kept_survey(root: Path, classes, colours, values, files) -> Survey:
    """One survey for all splits, and for as long as no file changes."""
    return survey(root, classes, colours, values and dict(values))


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
    progress: Progress = lambda things: things,
    thorough: bool = False,
) -> Survey:
    """Look at all files of all splits, decide what holds for all of them, and name those that disagree.

    Args:
        root: the folder.
        classes, colours, values: as for `open_split`; classes may be a number.
        progress: wraps what is gone through.
        thorough: whether to decode photographs to the last pixel, too; of them only size and turn matter to others.

    Raises:
        FileNotFoundError: where there is no such folder.
    """
    found = find_pairs(root)
    report = Report(f"folder '{root}'", problems=found.problems, named=_naming(root, found))
    result = Survey(report, found.pairs, _splits(found), values=None if values is None else dict(values))
    report.facts += [("pictures", _where(found.pictures, root)), ("masks", _where(found.masks, root))]
    if found.beside:
        report.facts.append(("beside them, not read", _count(found.beside)))
    try:
        if not found.pairs:
            raise FileNotFoundError(_why_no_pairs(root, found))
        masks = _look_at_masks(progress(list(found.pairs.items())), colours is not None, report)
        pictures = _look_at_pictures(progress(list(found.pairs.items())), thorough, report)
        _compare_shapes(found.pairs, pictures, masks, report)
        result.white = _one_white(pictures, report)
        _decide_classes(result, _given_classes(root, classes), colours, masks)
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
        parts: of a mask, in how many connected parts its things fall.
        kind, largest: of a picture of stored numbers (see `kind_of_numbers`), the largest.
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


def _look_at_masks(pairs: Iterable[tuple[str, tuple[Path, Path]]], by_colour: bool, report: Report) -> dict[str, Look]:
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
        if not painted and 3 < len(look.numbers) == look.numbers[-1] + 1:
            look.parts = int(label(stored, connectivity=2).max())
    if not looks:
        raise ValueError(f"no mask can be read: each {what}")
    report.facts.append(("mask modes", _count(modes)))
    return looks


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
    result: Survey, names: list[str] | None, colours: Sequence[Colour] | None, masks: dict[str, Look]
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
    if result.colours:
        shown = ", ".join(f"{name} {colour}" for name, colour in list(zip(names, result.colours, strict=False))[:8])
        report.facts.append(("painted in", shown + (", ..." if len(names) > 8 else "")))
    elif unused := sorted(set(range(len(names))) - set(numbers)):
        report.facts.append(("class numbers that no mask has", list_values(unused)))
    result.classes = names
    result.palette = list(result.colours or voc_palette(256))[: len(names)]


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

    Classes that happen not to be seen leave small gaps; grey levels such as 0, 85, 170 leave large ones. Numbers of
    things run from 1 without a gap in each mask, each is one connected part, and there are many, or not always as many.

    Raises:
        ValueError: where there are so many of them that they are none.
    """
    advice = "values={...} says which class each number means, classes= or classes.txt names many classes"
    if len(numbers) > MANY:
        raise ValueError(f"masks hold {list_values(numbers)}: instance numbers, or soft edges? {advice}")
    if numbers[-1] >= 3 * len(numbers):
        text = f"class numbers have large gaps: {list_values(numbers)}; are these grey levels? {advice}"
        if numbers[-1] > MANY:
            raise ValueError(text)
        report.problems[text] += []
    runs = [look.numbers[-1] for look in masks.values() if look.numbers[0] == 0]
    gapless = len(runs) == len(masks) and all(len(look.numbers) == look.numbers[-1] + 1 for look in masks.values())
    counted = [look for look in masks.values() if look.parts]
    single = sum(look.parts for look in counted) < 1.2 * sum(look.numbers[-1] for look in counted)
    if gapless and single and (max(runs) >= 10 or (max(runs) >= 5 and len(set(runs)) > 3)):
        text = f"numbers run from 1 to {max(runs)}, each is one connected part: instance numbers? {advice}"
        report.problems[text] += []


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
