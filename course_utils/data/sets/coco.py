"""COCO's instances, and files of your own in its format; outlines through pycocotools (Mask R-CNN, section 4; lecture 09)."""

import json
import math
import warnings
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from course_utils.data.dataset import Dataset, Sample
from course_utils.data.images import decode, header, read_image
from course_utils.data.masks import voc_palette

# Outlines are drawn along their whole length: beyond so many pixels from the picture that takes all memory there is.
FARTHEST = 100_000


def open_split(root: Path, split: str) -> Dataset:
    """The split's pictures that have things in them; crowds become void, where things overlap the smaller wins.

    An outline counts from a pixel's corner: the pixel (0, 0) reaches from 0 to 1. (`photographs.inside` counts from
    its middle, half a pixel further.)

    Raises:
        FileNotFoundError: where the split's JSON is missing.
        ValueError: where the JSON is broken, or notes in it are; names the file and the notes' numbers.
    """
    path = root / "annotations" / f"instances_{split}.json"
    pictures, classes, notes = read_notes(path)

    def read(item: str) -> Sample:
        name, *size = pictures[int(item)]
        file = root / split / name
        image = read_image(file)
        height, width = image.shape[1:]
        if [height, width] != size:
            sizes = f"{height}x{width}, but {size[0]}x{size[1]} in '{path}'"
            raise ValueError(f"picture '{file}' is {sizes}: were its outlines drawn before it was turned or resized?")
        if decode(file, header).turn != 1:
            warnings.warn(f"turned by the camera (EXIF): were its outlines drawn upright? '{file}'", stacklevel=2)
        return Sample(image, *draw_notes(notes[int(item)], height, width))

    return Dataset("coco", split, classes, voc_palette(len(classes)), [str(number) for number in sorted(notes)], read)


def draw_notes(notes: list, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A picture's notes, as `read_notes` gives them, drawn: mask (H, W), instances (H, W), and the class of each (N,)."""
    from pycocotools import mask as outlines

    mask = torch.zeros(height, width, dtype=torch.int64)
    instances = torch.zeros_like(mask)
    things = []
    for kind, outline, crowd in notes:
        inside = torch.from_numpy(outlines.decode(_packed(outline, height, width)).copy()) > 0
        if crowd:
            mask[inside] = 255
        else:
            things.append((kind, inside))
    things.sort(key=lambda thing: -int(thing[1].sum()))
    for number, (kind, inside) in enumerate(things, start=1):
        mask[inside], instances[inside] = kind, number
    return mask, instances, torch.tensor([kind for kind, _ in things], dtype=torch.int64)


def _packed(outline, height: int, width: int) -> dict:
    from pycocotools import mask as outlines

    if isinstance(outline, dict) and isinstance(outline["counts"], str):
        return outline | {"counts": outline["counts"].encode()}
    packed = outlines.frPyObjects(outline, height, width)
    return outlines.merge(packed) if isinstance(packed, list) else packed


def read_notes(path: Path) -> tuple[dict[int, tuple[str, int, int]], list[str], dict[int, list]]:
    """What a file of COCO's holds, all of it checked.

    Numbers may be written as text. A category called "background" is class 0, and no thing is of it.

    Returns:
        pictures by number, each a file's name, height and width; the classes' names; and by the picture's number its
        notes, each a class, an outline, and whether it is a crowd.

    Raises:
        FileNotFoundError, ValueError: as for `open_split`.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no file '{path}': is the data set complete?")
    try:
        index = json.loads(path.read_text(encoding="utf-8-sig"))
        parts = [index[part] for part in ("images", "categories", "annotations")]
        if not all(isinstance(entry, dict) for part in parts for entry in part):
            raise TypeError("an entry is no object")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"'{path}' is not COCO's JSON ({type(error).__name__}: {error})") from None
    faults: list[str] = []

    def checked(what: str, entries: list[dict], check: Callable[[dict], tuple]) -> list[tuple]:
        good = []
        for place, entry in enumerate(entries, start=1):
            try:
                good.append(check(entry))
            except ValueError as error:
                faults.append(f"{what} {entry.get('id', place)}: {error}")
        return good

    pictures, kinds = {}, {}
    checked("picture", parts[0], partial(_enter_picture, pictures))
    checked("category", parts[1], partial(_enter_category, kinds))
    named = sorted(number for number, name in kinds.items() if name.casefold() != "background")
    classes = {number: place for place, number in enumerate(named, start=1)}
    notes = defaultdict(list)
    for picture, *note in checked("annotation", parts[2], partial(_note, pictures, classes)):
        notes[picture].append(note)
    if faults:
        more = f"; and {len(faults) - 5:,} more" if len(faults) > 5 else ""
        raise ValueError(f"'{path}' cannot be read: {'; '.join(faults[:5])}{more}")
    if not notes:
        raise ValueError(f"'{path}' has no annotations, so that there is nothing to learn from it")
    return pictures, ["background", *(kinds[number] for number in named)], notes


def _enter_picture(pictures: dict, entry: dict) -> None:
    number = _new_number(pictures, entry)
    name, height, width = (entry.get(key) for key in ("file_name", "height", "width"))
    if not isinstance(name, str):
        raise ValueError("has no file_name")
    pictures[number] = name.replace("\\", "/"), whole(height, "height"), whole(width, "width")


def _enter_category(kinds: dict, entry: dict) -> None:
    number = _new_number(kinds, entry)
    if not isinstance(entry.get("name"), str):
        raise ValueError("has no name")
    kinds[number] = entry["name"]


def _new_number(known: dict, entry: dict) -> int:
    number = whole(entry.get("id"), "id")
    if number in known:
        raise ValueError("has the number of another one")
    return number


def _note(pictures: dict, classes: dict[int, int], note: dict) -> tuple:
    picture, kind = whole(note.get("image_id"), "image_id"), whole(note.get("category_id"), "category_id")
    if picture not in pictures:
        raise ValueError(f"belongs to picture {picture}, which is not listed")
    if kind not in classes:
        raise ValueError(f"is of category {kind}, which is background or not listed")
    outline = checked_outline(note.get("segmentation"), *pictures[picture][1:])
    return picture, classes[kind], outline, bool(note.get("iscrowd"))


def whole(number, what: str) -> int:
    """A number that may be written as text.

    Raises:
        ValueError: for anything that is not whole.
    """
    try:
        if isinstance(number, bool) or float(number) != int(float(number)):
            raise ValueError
        return int(number)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"its {what} is {number!r}, no whole number") from None


def checked_outline(outline, height: int, width: int):
    """An outline as pycocotools can draw it: polygons, or a run-length code.

    Raises:
        ValueError: says what is wrong.
    """
    if isinstance(outline, dict):
        size, counts = outline.get("size"), outline.get("counts")
        if size != [height, width]:
            raise ValueError(f"its code is for {size}, its picture is {[height, width]}")
        if isinstance(counts, str):
            counts = _runs(counts)
        if not isinstance(counts, list) or not all(type(run) is int and run >= 0 for run in counts):
            raise ValueError("its code is no list of lengths")
        if sum(counts) != height * width:
            raise ValueError(f"its code has {sum(counts):,} pixels, its picture {height * width:,}")
        return outline
    if not isinstance(outline, list) or not outline:
        raise ValueError("has no outline")
    if not all(isinstance(part, list) for part in outline):
        raise ValueError("its outline is not a list of polygons [[x, y, x, y, ...], ...]")
    polygons = []
    for part in outline:
        try:
            polygon = [float(number) for number in part]
        except (TypeError, ValueError):
            raise ValueError("its outline holds what is no number") from None
        if len(polygon) < 6 or len(polygon) % 2:
            raise ValueError(f"has an outline of {len(polygon) / 2:g} points, three or more make one")
        if not all(math.isfinite(number) and abs(number) < FARTHEST for number in polygon):
            raise ValueError("its outline leads endlessly far away")
        polygons.append(polygon)
    return polygons


def _runs(code: str) -> list[int]:
    """The lengths in a code that COCO has packed as text, which pycocotools would fill up where they are too few.

    A character holds 5 bits of a number, the lowest first, and whether more follow; from the fourth on, a number is the
    difference to the one before the last.

    Raises:
        ValueError: for text that is no such code.
    """
    runs, value, shift = [], 0, 0
    for character in code:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"its code is broken ({character!r} is no part of one)")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            value -= (bits & 16) << (shift - 4)  # the highest bit is the sign
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value, shift = 0, 0
    if shift:
        raise ValueError("its code is broken (it ends within a number)")
    return runs
