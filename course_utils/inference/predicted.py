"""Predictions as other programs read them: label TIFFs, overlays, ImageJ's ROIs, GeoJSON, COCO's JSON, tables (lecture 10).

All are made from label images, so that each format counts the same things.
"""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.segmentation import find_boundaries

from course_utils.data.files import write_bytes, write_text

Ring = np.ndarray  # (N, 2) corners of pixels as x, y; closed: the last is the first


@dataclass(frozen=True)
class Thing:
    """One thing, or one connected part of a class.

    Args:
        number: of the thing in its page, from 1.
        name: its class.
        page: from 1.
        parts: its connected parts, each the ring around it and those around its holes.
        area: in pixels.
        box: left, top, width, height in pixels.
        centre: x, y in pixels, pixel centres at half numbers.
    """

    number: int
    name: str
    page: int
    parts: list[list[Ring]]
    area: int
    box: tuple[int, int, int, int]
    centre: tuple[float, float]


def things_of(
    labels: np.ndarray, classes: Sequence[str], kinds: np.ndarray | None = None, page: int = 1
) -> list[Thing]:
    """The things of a label image.

    Args:
        labels: (H, W), 0 for none; numbers of things, or classes.
        classes: their names.
        kinds: the class of thing 1, 2, ...; without, labels are classes, and connected parts of a class are things.
        page: of the file, from 1.
    """
    found = []
    if kinds is not None:
        images = [(labels, None)]
    else:
        first = int(classes[0] in ("background", "nothing"))
        there = [number for number in np.unique(labels).tolist() if number >= first]
        images = [(ndimage.label(labels == number)[0], classes[number]) for number in there]
    for image, name in images:
        for value, place in enumerate(ndimage.find_objects(image), start=1):
            if place is None:
                continue
            inside = image[place] == value
            top, left = place[0].start, place[1].start
            rows, columns = np.nonzero(inside)
            found.append(
                Thing(
                    value if kinds is not None else len(found) + 1,
                    classes[kinds[value - 1]] if kinds is not None else name,
                    page,
                    [[ring + np.array([left, top]) for ring in part] for part in outlines(inside)],
                    len(rows),
                    (left, top, inside.shape[1], inside.shape[0]),
                    (left + float(columns.mean()) + 0.5, top + float(rows.mean()) + 0.5),
                )
            )
    return found


def outlines(inside: np.ndarray) -> list[list[Ring]]:
    """The rings along the edges of pixels, for each connected part the one around it and then those around its holes.

    Parts that touch at a corner only are two. Filled again, the rings give the same pixels.

    Shape:
        (H, W) bool -> rings (N, 2) of x, y at pixel corners, the first corner again at the end
    """
    parts, count = ndimage.label(inside)
    return [_rings(parts == part) for part in range(1, count + 1)]


def _rings(part: np.ndarray) -> list[Ring]:
    """Walk along the edges with the part on the right hand (y points down); where two walks meet, turn right."""
    padded = np.pad(part, 1)
    steps: dict[tuple[int, int], list[tuple[int, int]]] = {}
    # for each side of a pixel that has no neighbour there: where its edge begins, and which way it leads
    for (down, right), begin, way in (
        ((-1, 0), (0, 0), (1, 0)),
        ((0, 1), (1, 0), (0, 1)),
        ((1, 0), (1, 1), (-1, 0)),
        ((0, -1), (0, 1), (0, -1)),
    ):
        beside = padded[1 + down : padded.shape[0] - 1 + down, 1 + right : padded.shape[1] - 1 + right]
        for row, column in np.argwhere(part & ~beside).tolist():
            steps.setdefault((column + begin[0], row + begin[1]), []).append(way)
    rings = []
    while steps:
        start = here = next(iter(steps))
        way, corners = steps[here][0], []
        while True:
            options = steps[here]
            turned = (-way[1], way[0])
            onward = turned if turned in options else options[0]
            options.remove(onward)
            if not options:
                del steps[here]
            if onward != way or not corners:
                corners.append(here)
            way, here = onward, (here[0] + onward[0], here[1] + onward[1])
            if here == start:
                break
        rings.append(np.array([*corners, corners[0]]))
    return sorted(rings, key=lambda ring: -abs(signed_area(ring)))


def signed_area(ring: Ring) -> float:
    """Of a closed ring, in pixels: positive where its inside lies to the right of the way (y points down)."""
    x, y = ring[:, 0].astype(float), ring[:, 1].astype(float)
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


def _label_tiff(pages: list[np.ndarray]) -> bytes:
    import tifffile

    most = max(int(page.max(initial=0)) for page in pages)
    kind = np.uint8 if most < 256 else np.uint16 if most < 65536 else np.uint32
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for page in pages:
            writer.write(page.astype(kind), photometric="minisblack", compression="zlib", metadata=None)
    return file.getvalue()


def _roi_set(things: list[Thing], pages: int) -> bytes:
    """One ROI a thing: a polygon, or a composite path where it has holes or several parts."""
    import roifile

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for thing in things:
            name = f"{thing.page:04}-{thing.number:05}-{thing.name}"
            rings = [ring for part in thing.parts for ring in part]
            roi = roifile.ImagejRoi.frompoints(
                rings[0][:-1].astype(np.int32), name=name, position=thing.page - 1 if pages > 1 else None
            )
            if len(rings) > 1:
                left, top, width, height = thing.box
                path = [[operation, *corner] for ring in rings for operation, corner in _path(ring)]
                roi.roitype = roifile.ROI_TYPE.RECT
                roi.top, roi.left, roi.bottom, roi.right = top, left, top + height, left + width
                roi.integer_coordinates, roi.n_coordinates = None, 0
                roi.multi_coordinates = np.array([number for step in path for number in step], np.float32)
                roi.shape_roi_size = len(roi.multi_coordinates)
            packed.writestr(f"{name}.roi", roi.tobytes())
    return file.getvalue()


def _path(ring: Ring) -> list[tuple[int, list[int]]]:
    """Move to the first corner, draw lines to the others, close: Java's 0, 1 and 4."""
    corners = ring[:-1].tolist()
    return [(0, corners[0]), *((1, corner) for corner in corners[1:]), (4, [])]


def _geojson(things: list[Thing], pages: int) -> bytes:
    """QuPath's: a feature a thing, rings closed, those of holes behind the one around them."""
    features = []
    for thing in things:
        parts = [[ring.tolist() for ring in part] for part in thing.parts]
        single = len(parts) == 1
        shape = {"type": "Polygon" if single else "MultiPolygon", "coordinates": parts[0] if single else parts}
        if pages > 1:
            shape["plane"] = {"c": -1, "z": thing.page - 1, "t": 0}
        about = {
            "objectType": "annotation",
            "name": f"{thing.name} {thing.number}",
            "classification": {"name": thing.name},
        }
        features.append({"type": "Feature", "geometry": shape, "properties": about})
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def overlay(
    image: np.ndarray,
    labels: np.ndarray,
    palette: Sequence[tuple[int, int, int]],
    kinds: np.ndarray | None = None,
) -> np.ndarray:
    """A picture with its labels over it, outlined: classes in their colours, things of one class each in one of its own.

    Args:
        palette: the colour of class 0, 1, ...
        kinds: as for `things_of`.

    Shape:
        image (H, W, 3) uint8, labels (H, W) -> (H, W, 3) uint8
    """
    if kinds is not None and len(palette) > 2:
        colours = np.array(palette, np.uint8)[np.concatenate([[0], kinds])]
    elif kinds is not None:  # hues a golden section apart differ, whichever numbers lie side by side
        from matplotlib.colors import hsv_to_rgb

        hues = np.arange(int(labels.max(initial=0)) + 1) * 0.618 % 1
        colours = (255 * hsv_to_rgb(np.stack([hues, np.full_like(hues, 0.9), np.ones_like(hues)], -1))).astype(np.uint8)
    else:
        colours = np.array(palette, np.uint8)
    mixed = (0.55 * image + 0.45 * colours[labels]).astype(np.uint8)
    shown = np.where((labels > 0)[..., None], mixed, image)
    shown[find_boundaries(labels, mode="inner")] = 255
    return shown


def _coco(file: str, page: int, things: list[Thing], size: tuple[int, int], classes: Sequence[str]) -> dict:
    from pycocotools import mask as codes

    height, width = size
    notes = []
    for thing in things:
        left, top, across, down = thing.box
        inside = np.zeros((height, width), np.uint8, order="F")
        place = slice(top, top + down), slice(left, left + across)
        inside[place] = filled(thing)
        code = codes.encode(inside)
        segmentation = {"size": [height, width], "counts": code["counts"].decode()}
        about = {"category_id": classes.index(thing.name), "area": thing.area, "bbox": list(thing.box), "iscrowd": 0}
        notes.append(about | {"segmentation": segmentation})
    picture = {"file_name": file, "height": height, "width": width}
    return {"image": picture | ({"page": page} if page > 1 else {}), "annotations": notes}


def filled(thing: Thing) -> np.ndarray:
    """The pixels of a thing within its box, from its rings; (height, width) bool.

    A row's edges change from outside to inside and back: their running sum, modulo 2, is what lies inside.
    """
    left, top, width, height = thing.box
    crossings = np.zeros((height, width + 1), np.uint8)
    for ring in (ring for part in thing.parts for ring in part):
        for (x, y), (x_end, y_end) in zip(ring[:-1].tolist(), ring[1:].tolist(), strict=True):
            if x == x_end:
                crossings[min(y, y_end) - top : max(y, y_end) - top, x - left] += 1
    return (crossings.cumsum(axis=1)[:, :width] % 2).astype(bool)


FORMATS = ("labels", "overlay", "rois", "geojson", "coco", "csv")
COLUMNS = ("file", "page", "number", "class", "area_pixels", "area", "unit", "x", "y", "left", "top", "width", "height")


@dataclass(frozen=True)
class Wanted:
    """What to write, and what the labels mean.

    Args:
        formats: some of `FORMATS`.
        classes, palette: names and colours of class 0, 1, ...
        net: what tells the net from others, so that predictions of two are not mixed.
    """

    formats: tuple[str, ...]
    classes: Sequence[str]
    palette: Sequence[tuple[int, int, int]]
    net: str


def write_predictions(
    paths: Sequence[Path],
    read: Callable[[Path], list[np.ndarray]],
    predict: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]],
    wanted: Wanted,
    out: Path,
    progress: Callable = lambda things: things,
) -> dict[str, list[str]]:
    """Predict pictures one by one, and write what is wanted; started again, it goes on with those that are missing.

    Args:
        paths: the pictures' files.
        read: from a file to its pages, (H, W, 3) uint8 each.
        predict: from a page to its labels, (H, W), and the class of thing 1, 2, ..., or None where labels are classes.
        wanted: see `Wanted`.
        out: a new or empty folder, or one with predictions of the same net.
        progress: wraps the pictures, to show a bar.

    Returns:
        what could not be predicted, and why -> the files

    Raises:
        ValueError: for an unknown format, or a folder that holds anything else; nothing of it is overwritten.
    """
    from course_utils.data.images import pixel_size

    if unknown := [name for name in wanted.formats if name not in FORMATS]:
        raise ValueError(f"--to {unknown[0]}: choose from {', '.join(FORMATS)}")
    _refuse_strangers(out, wanted)
    stems = [path.stem for path in paths]
    failed: dict[str, list[str]] = {}
    done = []
    for path in progress(paths):
        name = path.stem if stems.count(path.stem) == 1 else path.name
        record = out / DONE / f"{name}.json"
        stamp = [path.name, path.stat().st_size, path.stat().st_mtime_ns, *wanted.formats]
        if record.exists() and (kept := json.loads(record.read_text(encoding="utf-8")))["stamp"] == stamp:
            done.append(kept)
            continue
        try:
            pages = read(path)
            answers = [predict(page) for page in pages]
        except (OSError, ValueError) as error:
            failed.setdefault(getattr(error, "what", str(error)), []).append(path.name)
            continue
        things = [
            thing
            for number, (labels, kinds) in enumerate(answers, start=1)
            for thing in things_of(labels, wanted.classes, kinds, number)
        ]
        _write_files(name, pages, answers, things, wanted, out)
        size = pixel_size(path)
        done.append(
            {
                "stamp": stamp,
                "rows": [_row(path.name, thing, size) for thing in things] if "csv" in wanted.formats else [],
                "coco": [
                    _coco(path.name, number, [thing for thing in things if thing.page == number], page.shape[:2], wanted.classes)
                    for number, page in enumerate(pages, start=1)
                ]
                if "coco" in wanted.formats
                else [],
            }
        )  # fmt: skip
        write_text(record, json.dumps(done[-1]))
    if "csv" in wanted.formats:
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows([COLUMNS, *(row for one in done for row in one["rows"])])
        write_text(out / "things.csv", table.getvalue())
    if "coco" in wanted.formats:
        write_text(
            out / "coco.json", json.dumps(_one_coco([page for one in done for page in one["coco"]], wanted.classes))
        )
    return failed


DONE = ".done"


def _refuse_strangers(out: Path, wanted: Wanted) -> None:
    mark = out / DONE / "net"
    if not mark.exists():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ValueError(
                f"'{out}' holds other files: name a new or empty folder with --out; nothing was overwritten"
            )
        write_text(mark, wanted.net)
    elif mark.read_text(encoding="utf-8") != wanted.net:
        raise ValueError(
            f"'{out}' holds predictions of another net: name another folder with --out; nothing was overwritten"
        )


def _write_files(name: str, pages: list, answers: list, things: list[Thing], wanted: Wanted, out: Path) -> None:
    if "labels" in wanted.formats:
        write_bytes(out / "labels" / f"{name}.tif", _label_tiff([labels for labels, _ in answers]))
        if answers[0][1] is not None and len(wanted.classes) > 2:  # a number does not tell its class
            classes = [np.concatenate([[0], kinds])[labels] for labels, kinds in answers]
            write_bytes(out / "labels" / "classes" / f"{name}.tif", _label_tiff(classes))
    if "rois" in wanted.formats:
        write_bytes(out / "rois" / f"{name}_RoiSet.zip", _roi_set(things, len(pages)))
    if "geojson" in wanted.formats:
        write_bytes(out / "geojson" / f"{name}.geojson", _geojson(things, len(pages)))
    if "overlay" in wanted.formats:
        for number, (page, (labels, kinds)) in enumerate(zip(pages, answers, strict=True), start=1):
            file = io.BytesIO()
            Image.fromarray(overlay(page, labels, wanted.palette, kinds)).save(file, "PNG")
            mark = f"_page{number}" if len(pages) > 1 else ""
            write_bytes(out / "overlay" / f"{name}{mark}.png", file.getvalue())


def _row(file: str, thing: Thing, size: tuple[float, float, str] | None) -> list[Any]:
    area, unit = (f"{thing.area * size[0] * size[1]:.6g}", f"{size[2]}²") if size else ("", "")
    centre = [f"{value:.2f}" for value in thing.centre]
    return [file, thing.page, thing.number, thing.name, thing.area, area, unit, *centre, *thing.box]


def _one_coco(pages: list[Mapping[str, Any]], classes: Sequence[str]) -> dict[str, list]:
    """One file of COCO's for all pictures, whose categories have the classes' numbers."""
    pictures, notes = [], []
    for number, page in enumerate(pages, start=1):
        pictures.append({"id": number, **page["image"]})
        notes += [
            {"id": len(notes) + place, "image_id": number, **note}
            for place, note in enumerate(page["annotations"], start=1)
        ]
    categories = [{"id": number, "name": name} for number, name in enumerate(classes) if number]
    if any(note["category_id"] == 0 for note in notes):
        categories.insert(0, {"id": 0, "name": classes[0]})
    return {"images": pictures, "annotations": notes, "categories": categories}
