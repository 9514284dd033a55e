"""One scene: a place, drawings standing in it from far to near, and all that is known of each pixel (stickers)."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageFilter

from course_utils.data.stickers.drawings import DRAWINGS, STYLES, TILTS, Drawing, cut_out, drawings
from course_utils.data.stickers.places import PLACES, VERTICAL, backdrops, grounds
from course_utils.data.stickers.portable import Dice, resize

# A thing's size against a person's, in percent: a stage set's proportions, not the world's.
SIZES = {"aeroplane": 125, "bird": 62, "boat": 110, "bottle": 66, "bus": 130, "car": 115, "cat": 76, "train": 135}
SIZES |= {"sofa": 120, "pottedplant": 80, "tvmonitor": 84, "sheep": 92, "dog": 84, "horse": 112, "cow": 108}
SMALLEST, LARGEST = 18, 72  # of the longer side, in percent of the picture: a factor of four
FAR = 100.0


@dataclass(frozen=True)
class Scene:
    """A picture of stickers with all that is known about it (lectures 04 to 06, 09).

    Args:
        image: (3, H, W) uint8.
        mask: (H, W) uint8, classes as in VOC, 255 (void) along the edges.
        instances: (H, W) uint8, 0 or the number of the thing seen there, counted from the farthest, 255 void.
        labels: the class of instance 1, 2, ...
        depth: (H, W) float32 in metres, at most 100; a thing is as far as the spot it stands on.
        geometry: (H, W) uint8: 0 sky, 1 horizontal, 2 vertical.
        style: "twemoji" or "openmoji".
        place: a key of `PLACES`.
    """

    image: np.ndarray
    mask: np.ndarray
    instances: np.ndarray
    labels: tuple[int, ...]
    depth: np.ndarray
    geometry: np.ndarray
    style: str
    place: str


@dataclass(frozen=True)
class Thing:
    """A drawing in its spot; lengths in pixels, angles in 256ths of a turn."""

    drawing: Drawing
    x: int
    base: int
    side: int
    angle: int
    flipped: bool
    flying: bool
    depth: float
    gains: tuple[int, int, int]


def scene(seed: int, index: int, size: int = 160, style: str | None = None) -> Scene:
    """Scene number `index` of a seed: the same pixels on every platform.

    Args:
        seed: of the whole set.
        index: which scene of the set.
        size: height and width in pixels, from 64 to 640.
        style: "twemoji" or "openmoji"; by default the one of an even index, the other of an odd one.

    Raises:
        ValueError: for a size or style that there is not.
    """
    if not 64 <= size <= 640:
        raise ValueError(f"size = {size}: scenes of stickers are 64 to 640 pixels high and wide")
    if style is not None and style not in STYLES:
        raise ValueError(f"style = {style!r}: stickers are drawn in {' or '.join(STYLES)}")
    dice = Dice(seed, index)
    style = style or STYLES[index % 2]
    first = dice.pick(list(DRAWINGS))
    homes = [name for name, place in PLACES.items() if first in place.classes.split()]
    name = dice.pick(homes if dice.chance(85) else list(PLACES))
    canvas, geometry, depth, horizon = _stage(name, size, dice)
    things = sorted(_cast(name, first, style, size, horizon, dice), key=lambda thing: -thing.depth)
    instances, labels = np.zeros((size, size), np.uint8), []
    for thing in things:
        _place(thing, canvas, geometry, depth, instances, labels, name)
    mask = np.array([0, *labels], np.uint8)[instances]
    edges = void_edges(instances)
    mask[edges], instances[edges] = 255, 255
    image = np.ascontiguousarray(_light(canvas, name, dice).transpose(2, 0, 1))
    return Scene(image, mask, instances, tuple(labels), depth, geometry, style, name)


def _stage(name: str, size: int, dice: Dice):
    """The empty place: picture, geometry, depth, and the row of the horizon."""
    low, high = PLACES[name].horizon
    horizon = size * dice.between(low, high) // 100
    wall, wall_geometry = dice.pick(backdrops(name, size))
    floor = dice.pick(grounds(name, size))
    left, right = dice.below(size), dice.below(size)
    canvas = np.concatenate([wall[size - horizon :, left : left + size], floor[: size - horizon, right : right + size]])
    geometry = np.ones((size, size), np.uint8)
    geometry[:horizon] = wall_geometry[size - horizon :, left : left + size]
    if dice.chance(50):
        canvas, geometry = canvas[:, ::-1], np.ascontiguousarray(geometry[:, ::-1])
    rows = _row_depths(size, horizon, PLACES[name].flying)
    depth = np.repeat(rows[:, None], size, axis=1)
    depth[geometry == 0] = FAR
    return canvas.astype(np.uint8), geometry, depth, horizon


@lru_cache(maxsize=512)
def _row_depths(size: int, horizon: int, outdoors: bool) -> np.ndarray:
    """Metres to the ground in each row, 2 m at the lower edge; above the horizon, those of its first row."""
    eye = horizon - (max(1, size // 40) if outdoors else size // 3)
    rows = np.maximum(np.arange(size), horizon)
    return np.minimum(FAR, 2.0 * (size - eye) / (rows + 1 - eye)).astype(np.float32)


def _cast(name: str, first: str, style: str, size: int, horizon: int, dice: Dice) -> list[Thing]:
    """Who and what stands where: one to five things of the classes and up to four others."""
    place = PLACES[name]
    names = [first, *(dice.pick(place.classes.split()) for _ in range(dice.pick((0, 1, 1, 2, 2, 3, 4))))]
    if dice.chance(12):
        names.append(dice.pick(list(DRAWINGS)))
    others = [dice.pick(place.distractors) for _ in range(dice.pick((0, 1, 1, 2, 3)))]
    if place.flying and dice.chance(25):
        others.append("sky")
    rows = _row_depths(size, horizon, place.flying)
    taken: list[int] = []
    return [_put(kind, style, size, horizon, place.flying, rows, taken, dice) for kind in names + others]


def _put(kind: str, style: str, size: int, horizon: int, outdoors: bool, rows, taken: list[int], dice: Dice) -> Thing:
    drawing = dice.pick(drawings(kind, style))
    flying = outdoors and (kind == "sky" or (kind in ("aeroplane", "bird") and dice.chance(65)))
    if flying:
        side = dice.between(SMALLEST, 46) * size // 100
        base = dice.between(size // 8, max(size // 8 + 1, horizon - size // 16)) + side // 3
        depth = float(rows[min(size - 1, horizon + side // 6)])
    else:
        # Down to below the lower edge, where things are cut off; near ones are larger.
        near = dice.between(8, 112)
        base = horizon + (size - horizon) * near // 100
        percent = (20 + 48 * near // 100) * SIZES.get(kind, 70 if not drawing.label else 100) // 100
        percent = percent * dice.between(80, 125) // 100
        side = min(LARGEST, max(SMALLEST, percent)) * size // 100
        depth = float(rows[min(size - 1, base)]) if base < size else float(rows[-1]) * size / base
    # Of three spots the one farthest from what is there already: things overlap, but rarely hide each other.
    spots = [dice.between(-size // 24, size + size // 24) for _ in range(3)]
    x = max(spots, key=lambda spot: min((abs(spot - other) for other in taken), default=0))
    taken.append(x)
    tilt = TILTS.get(kind, 4) if flying or kind not in ("aeroplane", "bird") else 3
    gain = dice.between(216, 278)
    gains = tuple(gain + dice.between(-20, 20) for _ in range(3))
    return Thing(drawing, x, base, side, dice.between(-tilt, tilt), dice.chance(50), flying, depth, gains)


@lru_cache(maxsize=2)
def _turns() -> list[tuple[int, int]]:
    """Cosine and sine of each 256th of a turn, in 65536ths, so that all later arithmetic is exact."""
    angles = [2 * math.pi * step / 256 for step in range(256)]
    return [(round(65536 * math.cos(angle)), round(65536 * math.sin(angle))) for angle in angles]


def _turned(picture: Image.Image, thing: Thing) -> Image.Image:
    """The cut-out, flipped and turned about its middle, on a canvas that holds all of it."""
    if thing.flipped:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if thing.angle == 0:
        return picture
    cosine, sine = _turns()[thing.angle % 256]
    wide, high = picture.size
    width = (wide * abs(cosine) + high * abs(sine)) // 65536 + 2
    height = (wide * abs(sine) + high * abs(cosine)) // 65536 + 2
    # Every number is a multiple of 2**-17: exact in floating point, and so equal on every machine.
    a, b = cosine / 65536, sine / 65536
    shift = (wide / 2 - a * width / 2 - b * height / 2, high / 2 + b * width / 2 - a * height / 2)
    matrix = (a, b, shift[0], -b, a, shift[1])
    return picture.transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


def _place(thing: Thing, canvas, geometry, depth, instances, labels: list[int], place: str) -> None:
    """Draw a thing and its shadow, and enter it into every map; all arrays are changed in place."""
    size = canvas.shape[0]
    picture = _turned(cut_out(thing.drawing, thing.side), thing)
    left, top = thing.x - picture.width // 2, thing.base - picture.height
    if not thing.flying:
        _shade(canvas, picture, thing, left)
    rows, columns = slice(max(0, top), min(size, thing.base)), slice(max(0, left), min(size, left + picture.width))
    if rows.stop <= rows.start or columns.stop <= columns.start:
        return
    pixels = np.asarray(picture)[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    alpha = pixels[..., 3:].astype(np.uint16)
    # Gains are at most 298: with half of them every product fits into 16 bits.
    colours = pixels[..., :3] * np.array([gain // 2 for gain in thing.gains], np.uint16) >> 7
    behind = canvas[rows, columns] * (255 - alpha)
    behind += 128
    behind += behind >> 8
    canvas[rows, columns] = np.minimum(colours, alpha) + (behind >> 8)
    covers = pixels[..., 3] >= 128
    geometry[rows, columns][covers] = VERTICAL
    depth[rows, columns][covers] = thing.depth
    if thing.drawing.label:
        labels.append(thing.drawing.label)
    instances[rows, columns][covers] = len(labels) if thing.drawing.label else 0


def _shade(canvas: np.ndarray, picture: Image.Image, thing: Thing, left: int) -> None:
    """A soft shadow on the ground: the silhouette laid down, blurred, and a darker patch at the feet."""
    size, width = canvas.shape[0], picture.width
    height = max(3, picture.height // 5)
    blur = max(1, thing.side // 24)
    lying = resize(picture.getchannel("a"), (width, height), Image.Resampling.BOX)
    lying = lying.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if thing.flipped else lying
    soft = Image.new("L", (width + 4 * blur, height + 4 * blur))
    soft.paste(lying, (2 * blur, 2 * blur))
    soft = soft.filter(ImageFilter.BoxBlur(blur)).filter(ImageFilter.BoxBlur(blur))
    shade = np.asarray(soft)
    top, left = thing.base - 2 * blur - height * 2 // 3, left - 2 * blur + thing.side // 16
    rows, columns = slice(max(0, top), min(size, top + shade.shape[0])), slice(max(0, left), left + shade.shape[1])
    spot = canvas[rows, columns]
    if spot.size:
        shade = shade[rows.start - top :, columns.start - left :][: spot.shape[0], : spot.shape[1]]
        left_over = 255 - (shade.astype(np.uint16) * 154 >> 8)
        canvas[rows, columns] = spot * left_over[..., None] >> 8


def _light(canvas: np.ndarray, name: str, dice: Dice) -> np.ndarray:
    """The place's light and the camera's: a table look-up for each channel."""
    brightness, steps = dice.between(236, 268), np.arange(256)
    tables = [np.minimum(255, steps * gain * brightness >> 16).astype(np.uint8) for gain in PLACES[name].light]
    return np.stack([table[canvas[..., channel]] for channel, table in enumerate(tables)], axis=-1)


def void_edges(instances: np.ndarray) -> np.ndarray:
    """The pixels along the edges of things, which VOC marks as void and nobody has to get right.

    One pixel outside of every thing, and one inside where it has more behind it: a spoke one pixel thin stays.

    Shape:
        instances (H, W), 0 for background -> (H, W) bool, 2 to 3 pixels wide along edges
    """
    padded = np.pad(instances, 1, mode="edge")
    middle = padded[1:-1, 1:-1]
    straight = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]
    inner = np.ones(instances.shape, bool)
    outside = np.zeros(instances.shape, bool)
    for other in straight:
        inner &= other == middle
        outside |= other != 0
    inner &= middle != 0
    outside &= middle == 0
    core = np.pad(np.where(inner, instances, 0), 1)
    backed = np.zeros(instances.shape, bool)
    height, width = instances.shape
    for down in range(3):
        for right in range(3):
            backed |= core[down : down + height, right : right + width] == middle
    return outside | (backed & ~inner & (middle != 0))
