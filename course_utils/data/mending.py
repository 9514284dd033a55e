"""A mended copy of a folder of pictures and masks; the folder itself is left as it is (lecture 10)."""

import csv
import io
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageDraw

from course_utils.data.dataset import pictures_in
from course_utils.data.files import write_bytes, write_text
from course_utils.data.images import UnreadableImage, decode, header, photograph, upright
from course_utils.data.look_alikes import small_copy, small_outlines
from course_utils.data.masks import distinct, illegal, meaning, stored_mask, voc_palette
from course_utils.data.own_folder import Survey, survey
from course_utils.data.pairing import folders_in
from course_utils.data.sets.coco import draw_notes, read_notes

Done = list[tuple[str, str]]  # a file, and what was done to it
TURNED = "turned with its picture"


def mend(root: Path, out: Path) -> Done:
    """Write a copy in which masks hold class numbers, pictures stand upright, and outlines have become masks.

    Black-and-white masks and JPEGs of such get the numbers 0 and 1, painted masks a palette; what a camera marked as
    turned is turned, and its mask with it where that was drawn before; outlines of COCO's and LabelMe's JSON are
    drawn, their classes into masks/ and their numbers into instance_masks/; one mask a thing becomes one numbered mask
    a picture. What cannot be mended is left out.

    Args:
        root: the folder.
        out: a new or empty folder outside of it; gets images/, masks/, classes.txt and mended.csv.

    Returns:
        what was done to which file

    Raises:
        ValueError: where `out` holds anything or lies in the folder.
        FileNotFoundError: where there is no such folder, or nothing in it to mend.
    """
    if out.resolve().is_relative_to(root.resolve()) or (out.exists() and any(out.iterdir())):
        raise ValueError(f"--mend {out}: name a new or empty folder outside of '{root}'; nothing was written")
    found = survey(root)
    outlines = [] if found.pairs else list(_outlines(root))
    if found.pairs:
        done = _mend_pairs(found, root, out)
    elif outlines:
        done = _draw_outlines(outlines, root, out)
    else:
        done = [line for folder in folders_in(root) for line in _join_things(folder, root, out)]
    if not done:
        raise FileNotFoundError(
            f"'{root}' holds no pictures with masks or outlines that could be mended: {found.refusal}"
        )
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([("file", "done"), *done])
    write_text(out / "mended.csv", table.getvalue())
    return done


def _mend_pairs(found: Survey, root: Path, out: Path) -> Done:
    done = []
    numbers = {number for look in found.masks.values() if not look.painted for number in look.numbers.tolist()}
    black_and_white = not found.colours and numbers <= {0, 255}
    for name, (path, mask_path) in found.pairs.items():
        at = str(path.relative_to(root)), str(mask_path.relative_to(root))
        try:
            picture = decode(path, photograph)
            mask, words = _class_numbers(mask_path, found, black_and_white)
            if found.classes and (fault := illegal(distinct(mask)[0].tolist(), len(found.classes))):
                raise UnreadableImage("", fault)
            numbers = stored_mask(found.things[name])[0].values if found.things else None
        except (OSError, ValueError) as error:
            done.append((at[1], f"left out: {getattr(error, 'what', error)}"))
            continue
        target = out / "images" / f"{name}{path.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        if picture.turn in range(2, 9) and picture.values.dtype == np.uint8:
            mask, turned = _turned_alike(mask, picture.values, picture.turn)
            _save(Image.fromarray(picture.values), target.with_suffix(".png"))
            done.append((at[0], "turned as the camera's mark (EXIF) says"))
            words += turned
            if numbers is not None and turned == [TURNED]:
                numbers = np.ascontiguousarray(upright(numbers, picture.turn))
        else:
            shutil.copyfile(path, target)
        if mask.shape != picture.values.shape[:2]:
            (target.with_suffix(".png") if not target.exists() else target).unlink()
            done.append((at[1], "left out with its picture: it has another size"))
            continue
        _save_mask(mask, out / "masks" / name, found.palette)
        if numbers is not None:
            _save_mask(numbers, out / "instance_masks" / name, [])
        done += [(at[1], word) for word in words]
    if found.classes and not black_and_white:
        write_text(out / "classes.txt", "\n".join(found.classes) + "\n")
    return done or [("", "nothing had to be done: everything was copied")]


def _class_numbers(path: Path, found: Survey, black_and_white: bool) -> tuple[np.ndarray, list[str]]:
    """A mask as class numbers, and what was done for that."""
    try:
        picture, painted = stored_mask(path, found.colours is not None)
    except UnreadableImage as error:
        if "changes values near edges" not in str(error):
            raise
        grey = decode(path, lambda opened, head: np.asarray(opened.convert("L"))).values
        if ((grey > 60) & (grey < 195)).mean() > 0.05 or grey.max() < 195:
            raise UnreadableImage(
                str(error), "is packed with loss, and not black and white: its numbers are gone"
            ) from None
        return (grey > 127).astype(np.uint8), ["packed with loss; what is brighter than half became class 1"]
    if found.colours:
        if not painted:
            raise UnreadableImage("", "holds numbers, where others are painted")
        table = meaning(found.colours, None)
        codes, places = np.unique(picture.values, return_inverse=True)
        values = np.array([table[code] for code in codes.tolist()], np.uint8)[places].reshape(picture.values.shape)
        return values, ["colours became class numbers with a palette"]
    if black_and_white:
        return (picture.values > 0).astype(np.uint8), ["0 and 255 became the classes 0 and 1"]
    return picture.values, []


def _turned_alike(mask: np.ndarray, picture: np.ndarray, turn: int) -> tuple[np.ndarray, list[str]]:
    """The mask as it fits an upright picture: turned, too, unless it was drawn upright."""
    turned = np.ascontiguousarray(upright(mask, turn))
    if mask.shape == turned.shape == picture.shape[:2]:  # the size does not tell: see which one lies on what is steep
        _, steep = small_copy(picture)
        before, after = (float(small_outlines(each) @ steep) for each in (mask, turned))
        if before >= after:
            return mask, ["left as drawn: it fits the upright picture better than turned"]
    elif mask.shape == picture.shape[:2]:
        return mask, []
    return turned, [TURNED]


def _outlines(root: Path) -> Iterator[tuple[Path, dict]]:
    for folder in folders_in(root):
        for path in sorted(folder.glob("*.json")):
            try:
                index = json.loads(path.read_text(encoding="utf-8-sig"))
            except ValueError as error:
                raise ValueError(f"'{path}' is no JSON: {error}") from None
            if isinstance(index, dict) and ("annotations" in index or "shapes" in index):
                yield path, index


def _draw_outlines(outlines: list[tuple[Path, dict]], root: Path, out: Path) -> Done:
    files = {path.name: path for folder in folders_in(root) for path in pictures_in(folder)}
    labels = {shape.get("label") for _, index in outlines for shape in index.get("shapes", ())}
    classes = ["background", *sorted(str(label) for label in labels if label not in (None, "background"))]
    drawn: dict[str, Sequence[np.ndarray]] = {}  # classes, numbers of things
    for path, index in outlines:
        if "annotations" in index:
            pictures, classes, notes = read_notes(path)
            for number, (name, height, width) in pictures.items():
                two = draw_notes(notes.get(number, []), height, width)[:2]
                drawn[Path(name).name] = [each.numpy() for each in two]
            continue
        name = Path(str(index.get("imagePath", "")).replace("\\", "/")).name
        name = name if name in files else next((file for file in files if Path(file).stem == path.stem), name)
        if name in files:
            drawn[name] = _labelme(index["shapes"], classes, decode(files[name], header).values.shape[:2], path)
        else:
            drawn[name or path.name] = ()
    done = []
    for name, both in drawn.items():
        if name not in files:
            done.append((name, "left out: there is no such picture"))
            continue
        target = out / "images" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(files[name], target)
        for mask, where in zip(both, ("masks", "instance_masks"), strict=True):
            _save_mask(mask, out / where / target.stem, voc_palette(len(classes)))
        done.append((name, "its outlines were drawn as a mask of classes, and as one of numbered things"))
    write_text(out / "classes.txt", "\n".join(classes) + "\n")
    return done


def _labelme(shapes: list[dict], classes: list[str], size: tuple[int, int], path: Path) -> list[np.ndarray]:
    """LabelMe's polygons and rectangles as class numbers and as numbers of things, later ones over earlier ones.

    Shapes of one `group_id` are one thing in several parts.
    """
    things = Image.new("I", size[::-1])
    draw = ImageDraw.Draw(things)
    kinds, groups = [0], {}
    for place, shape in enumerate(shapes, start=1):
        kind, points = shape.get("shape_type", "polygon"), [tuple(map(float, point)) for point in shape["points"]]
        group = shape.get("group_id")
        number = groups.setdefault(place if group is None else f"{shape['label']} {group}", len(kinds))
        kinds += [classes.index(str(shape["label"]))] * (number == len(kinds))
        if kind == "polygon" and len(points) > 2:
            draw.polygon(points, fill=number)
        elif kind == "rectangle" and len(points) == 2:
            draw.rectangle([*map(min, *points), *map(max, *points)], fill=number)
        else:
            raise ValueError(
                f"'{path}' holds a {kind} of {len(points)} points as shape {place}: polygons and rectangles are read"
            )
    return [np.array(kinds, np.int32)[np.asarray(things)], np.asarray(things).astype(np.uint16)]


def _join_things(folder: Path, root: Path, out: Path) -> Done:
    """One mask a thing, as Kaggle's Data Science Bowl 2018 has them, as one numbered mask."""
    parts = [folder / "images", folder / "masks"]
    if not all(part.is_dir() for part in parts):
        return []
    pictures, masks = map(pictures_in, parts)
    if len(pictures) != 1 or not masks:
        return []
    things = [stored_mask(path)[0].values > 0 for path in masks]
    joined = np.zeros(things[0].shape, np.uint16)
    for number, thing in enumerate(things, start=1):
        joined[thing] = number
    target = out / "images" / pictures[0].name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(pictures[0], target)
    _save_mask(joined, out / "masks" / target.stem, [])
    return [(str(folder.relative_to(root)), f"{len(masks)} masks became one with numbers")]


def _save_mask(mask: np.ndarray, path: Path, palette) -> None:
    """A palette PNG where that holds the numbers, else a TIFF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if mask.dtype != np.uint16 and mask.min() >= 0 and mask.max() < 256:
        saved = Image.fromarray(mask.astype(np.uint8))
        colours = [*palette, *voc_palette(256)[len(palette) :]]
        saved.putpalette([part for colour in colours for part in colour])
        _save(saved, path.with_name(f"{path.name}.png"))
    else:
        file = io.BytesIO()
        tifffile.imwrite(file, mask, compression="zlib")
        write_bytes(path.with_name(f"{path.name}.tif"), file.getvalue())


def _save(picture: Image.Image, path: Path) -> None:
    file = io.BytesIO()
    picture.save(file, "PNG")
    write_bytes(path, file.getvalue())
