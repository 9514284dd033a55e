"""Read pictures from any file, and say clearly what is wrong with a bad one (all lectures; 10)."""

import contextlib
import logging
import re
import struct
import sys
import zlib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

# What Pillow's and torchvision's decoders raise on damaged data.
DAMAGE = (ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError, SyntaxError)
DAMAGE = (*DAMAGE, TypeError, ValueError, struct.error, zlib.error)
STRANGERS = [
    (b"version https://git-lfs", "a Git LFS pointer: fetch the picture itself with `git lfs pull`"),
    (b"%PDF", "a PDF: export the page as PNG"),
    (b"PK\x03\x04", "a ZIP archive: unpack it"),
    (b"\x1f\x8b", "a gzip archive: unpack it"),
    (b"\x93NUMPY", "a NumPy array: read it with numpy.load"),
    (b"\x89HDF", "an HDF5 file: read it with h5py"),
    (b"MATLAB", "a MATLAB file: read it with scipy.io.loadmat"),
    (b"{", "JSON text"),
]
TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
TURN = 0x0112
MOST_PIXELS = 2 * Image.MAX_IMAGE_PIXELS
# Beyond so many bytes for each one in the file, a TIFF's size is a lie.
MOST_UNPACKED = 5000
KNOWN = (*TIFF_HEADS, b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF")
White = Mapping[str, float]


class UnreadableImage(ValueError):
    """A file that is there but cannot serve as the picture or mask it should be.

    Args:
        message: names the file and says what it holds.
        what: the same without the file's name and size, so that equal faults can be counted together.
    """

    def __init__(self, message: str, what: str = ""):
        super().__init__(message)
        self.what = what or message


def unreadable(path: Path, what: str, seen: str = "") -> UnreadableImage:
    """The error for a file: what is wrong and what to do, and in brackets what was seen."""
    return UnreadableImage(f"'{path}' {what}" + (f" ({seen})" if seen else ""), what)


class Picture(NamedTuple):
    """What a file holds.

    Args:
        values: (H, W) or (H, W, channels), upright.
        mode: its format and mode, such as "PNG RGB" or "TIFF uint16".
        turn: how a camera marked it as turned (EXIF's orientation): 1 is upright.
        pages: how many pages or frames it has; the values are those of the first.
        opacity: (H, W), 0 to 1, where stored numbers have it.
    """

    values: np.ndarray
    mode: str
    turn: int
    pages: int = 1
    opacity: np.ndarray | None = None


def decode(path: Path, take: Callable[[Image.Image, bytes], np.ndarray], page: int = 0) -> Picture:
    """Open a file: photographs through Pillow, stored numbers of more than 8 bits as they are.

    TIFFs with anything else than bytes are read by tifffile; of those that only its codecs could unpack, Pillow
    reads the commonest.

    Args:
        path: the file.
        take: from a picture that Pillow opened, and the file's first bytes, to pixels, (H, W) or (H, W, channels);
            may raise `Refused`.
        page: of a file with several pages or frames, from 0.

    Raises:
        FileNotFoundError: where there is no such file; names the nearest that is there.
        UnreadableImage: for an empty, damaged, cut or too large file, or one that is no picture.
    """
    if path.is_dir():
        raise unreadable(path, "is a folder, not a picture")
    if not path.exists():
        raise FileNotFoundError(f"there is no picture '{path}'{_nearest(path)}")
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise unreadable(path, "is empty (0 bytes): copy or download it again")
    try:
        if head[:4] in TIFF_HEADS and (deep := _deep_tiff(path, page)):
            return deep
        with Image.open(path) as picture:
            mode, pages = f"{picture.format} {picture.mode}", getattr(picture, "n_frames", 1)
            if page:
                picture.seek(page)
            turn = _turn(picture)
            if picture.mode.startswith("RGB") and head[1:4] == b"PNG" and head[24] == 16:
                return _deep(_deep_colours(path), picture.mode == "RGBA", "PNG 16 bit", turn)
            values = take(picture, head)
            if picture.format == "TIFF":  # which Pillow has turned by now
                return Picture(values, mode, turn, pages)
            turn = _turn(picture)  # PNG may say it behind the pixels
            return Picture(upright(values, turn), mode, turn, 1 if picture.format == "MPO" else pages)
    except UnidentifiedImageError as error:
        if head.startswith(KNOWN):
            raise _damaged(path, "its beginning is broken") from error
        what, *seen = _what_is_it(head)
        raise unreadable(path, f"is not a picture: {what}", *seen) from None
    except Image.DecompressionBombError as error:
        raise _too_large(path, int(re.search(r"\d+", str(error))[0])) from None
    except Refused as error:
        raise unreadable(path, str(error)) from None
    except UnreadableImage:
        raise
    except DAMAGE as error:
        raise _damaged(path, error) from None


class Refused(Exception):
    """A sound picture that cannot serve as what was asked for."""


def _damaged(path: Path, error: Exception | str) -> UnreadableImage:
    return unreadable(path, "is damaged: copy or download it again", f"{error}; {path.stat().st_size:,} bytes")


def _too_large(path: Path, pixels: int) -> UnreadableImage:
    return unreadable(path, f"has more than {MOST_PIXELS:,} pixels, the most that are opened: tile it", f"{pixels:,}")


def _nearest(path: Path) -> str:
    if not path.parent.is_dir():
        return "; its folder is not there either"
    near = get_close_matches(path.name, [other.name for other in path.parent.iterdir()], n=1)
    return f"; there is '{near[0]}'" if near else ""


def _turn(picture: Image.Image) -> int:
    """EXIF's orientation as far as it is read by now: PNG's own `getexif` would decode all pixels first."""
    return Image.Image.getexif(picture).get(TURN, 1)


def _deep_tiff(path: Path, number: int) -> Picture | None:
    """A TIFF of anything but bytes, in channels that come last; None for what Pillow reads as it is stored."""
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages[number]
            if page.dtype is None or page.photometric == 5:  # CMYK
                return None
            if page.imagewidth * page.imagelength > MOST_PIXELS:
                raise _too_large(path, page.imagewidth * page.imagelength)
            size = page.nbytes // (8 if page.dtype == bool else 1)
            if size > MOST_UNPACKED * path.stat().st_size:
                raise ValueError(f"it should hold {size:,} bytes of pixels")
            if page.dtype.char in "?B" and page.samplesperpixel in (1, 3, 4):
                return None
            turn = page.tags.valueof(TURN, 1)
            pages = len(file.pages)
            values = page.asarray()
            if "S" in page.axes:
                values = np.moveaxis(values, page.axes.index("S"), -1)
            opaque = bool(page.extrasamples) and page.extrasamples[-1] in (1, 2)
    except UnreadableImage:
        raise
    except Exception as error:
        if "imagecodecs" not in str(error):
            raise _damaged(path, error) from None
        with contextlib.suppress(UnidentifiedImageError), Image.open(path) as picture:
            if picture.mode.startswith(("I", "F")):
                return None
            if picture.mode == "RGB" and page.bitspersample == 16 and page.planarconfig == 1:
                return Picture(_deep_colours(path), "TIFF uint16", turn, pages)
        advice = (
            "is packed in a way that needs one more package: `pip install imagecodecs`, or save it without compression"
        )
        raise unreadable(path, advice, str(error)) from None
    if values.size == 0:
        raise _damaged(path, "it holds no pixels")
    if values.ndim not in (2, 3):
        raise unreadable(path, f"has shape {values.shape}; a picture has (H, W, colours)")
    return _deep(values, opaque, f"TIFF {values.dtype}", turn, pages)


def _deep_colours(path: Path) -> np.ndarray:
    """16-bit colours as they are stored, (H, W, channels).

    Pillow keeps the upper byte of each; read in the other byte order, what it keeps is the lower one.
    """
    other = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
    with Image.open(path) as upper, Image.open(path) as lower:
        (tile,) = lower.tile
        mode, *rest = [tile.args] if isinstance(tile.args, str) else tile.args
        # grey and opacity of 16 bits are as long as four channels of 8
        mode = "RGBA" if mode == "LA;16B" else mode[:-1] + other[mode[-1]]
        lower.tile = [tile._replace(args=(mode, *rest) if rest else mode)]
        upper.load(), lower.load()
        if mode == "RGBA":
            return np.ascontiguousarray(lower).view(">u2").astype(np.uint16)
        return np.asarray(upper).astype(np.uint16) << 8 | np.asarray(lower)


def _deep(values: np.ndarray, opaque: bool, mode: str, turn: int, pages: int = 1) -> Picture:
    """Stored numbers, (H, W) or (H, W, channels); where `opaque` is set the last channel says how opaque they are."""
    values, opacity = upright(values, turn), None
    if opaque:
        most = np.iinfo(values.dtype).max if values.dtype.kind in "iu" else 1
        values, opacity = values[..., :-1], values[..., -1] / most
    return Picture(values[..., 0] if values.shape[2:] == (1,) else values, mode, turn, pages, opacity)


def upright(values: np.ndarray, turn: int) -> np.ndarray:
    """A picture as the camera's mark (1 to 8) says that it should be seen."""
    if turn in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if turn in (3, 4, 7, 8):
        values = values[::-1]
    return values[:, ::-1] if turn in (2, 3, 6, 7) else values


def _what_is_it(head: bytes) -> list[str]:
    """What a file that is no picture is, and what it begins with where that says nothing."""
    for start, what in STRANGERS:
        if head.startswith(start):
            return [f"it is {what}"]
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return ["it is a web page, as a refused download leaves one behind: download it again"]
    if b"<svg" in text:
        return ["it is an SVG drawing: export it as PNG"]
    if head[4:8] == b"ftyp":
        return ["it is HEIC/AVIF or a video: save it as JPEG or PNG"]
    return ["its first bytes begin no picture format that is known here", repr(head[:8])]


def read_image(path: str | Path, white: White | None = None, page: int = 0) -> Tensor:
    """The picture in a file, as every lecture uses it.

    Grey and 1-bit pictures get three equal channels; palettes are looked up; transparent parts become white;
    CMYK becomes RGB; pictures that a camera marked as turned are turned. Whole numbers of more than 8 bits lose
    their lowest bits, colours as well as greys; floating-point values are taken as 0..1, or as 0..255. Two channels
    become red and green, and of more than four the first three are read.

    Args:
        path: a file that Pillow or tifffile can read: PNG, JPEG, TIFF, WebP, BMP, GIF and more.
        white: the stored number that becomes 255, for "whole numbers" of more than 8 bits and for "fractions"; one
            for all pictures that should be compared (`load` sees to it). By default it follows from the file alone:
            the smallest of 8, 10, 12, 14 and 16 bits that holds its largest number, 1.0 or 255.0.
        page: of a file with several pages or frames, from 0.

    Shape:
        (3, H, W), uint8, RGB

    Raises:
        FileNotFoundError: where there is no such file; names the nearest that is there.
        UnreadableImage: (a ValueError) for an empty, damaged or cut file, or one that is no picture.
    """
    path = Path(path)
    picture = decode(path, photograph, page)
    values = picture.values
    if kind := kind_of_numbers(values):
        largest = largest_number(values, path)
        values = _eight_bits(values, (white or {}).get(kind) or white_for(kind, largest, path))
    values = _three_channels(values)
    if picture.opacity is not None:
        opacity = picture.opacity[..., None]
        values = (values * opacity + 255 * (1 - opacity)).round().astype(np.uint8)
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(values, -1, 0)))


def pixel_size(path: Path) -> tuple[float, float, str] | None:
    """Height, width and unit of a pixel, where a microscope's TIFF says so (ImageJ's, or OME's); None where none does.

    What photographs say in dots an inch is no measure, and counts for nothing.
    """
    import tifffile

    with path.open("rb") as file:
        if file.read(4) not in TIFF_HEADS:
            return None
    try:
        with tifffile.TiffFile(path) as file:
            if file.ome_metadata:
                found = {
                    key: value
                    for key, value in re.findall(r'PhysicalSize([XY](?:Unit)?)="([^"]*)"', file.ome_metadata)[::-1]
                }
                return float(found["Y"]), float(found["X"]), found.get("XUnit", "µm")
            unit = (file.imagej_metadata or {}).get("unit", "").encode("latin-1", "ignore").decode("unicode_escape")
            if unit and unit != "pixel":
                across, down = (file.pages.first.tags.valueof(tag) for tag in ("XResolution", "YResolution"))
                return down[1] / down[0], across[1] / across[0], unit
    except Exception:  # of a file that can be read as a picture: it does not say
        pass
    return None


def kind_of_numbers(values: np.ndarray) -> str | None:
    """ "whole numbers" or "fractions" for stored numbers, None for bytes, which are brightnesses already."""
    if values.dtype == np.uint8:
        return None
    return "fractions" if values.dtype.kind == "f" else "whole numbers"


def largest_number(values: np.ndarray, path: Path) -> float:
    """The largest number of a picture.

    Raises:
        UnreadableImage: where some are negative, or no numbers.
    """
    if values.dtype.kind not in "buif":
        raise unreadable(path, f"holds {values.dtype}, which is no brightness")
    if not np.isfinite(values).all() or values.min() < 0:
        raise unreadable(path, "holds negative or infinite values: scale it to 0..255 first")
    return values.max().item()


def white_for(kind: str, largest: float, path: Path) -> float:
    """The stored number that becomes 255 where `largest` is the largest there is (see `read_image`).

    Raises:
        UnreadableImage: for fractions that go neither from 0 to 1 nor from 0 to 255.
    """
    if kind == "whole numbers":
        bits = next((bits for bits in (8, 10, 12, 14, 16) if largest < 1 << bits), int(largest).bit_length())
        return (1 << bits) - 1
    if 1 < largest < 16 or largest > 255:
        advice = "holds fractions that go neither from 0 to 1 nor from 0 to 255: scale it first"
        raise unreadable(path, advice, f"its largest is {largest:g}")
    return 1.0 if largest <= 1 else 255.0


def _eight_bits(values: np.ndarray, white: float) -> np.ndarray:
    if values.dtype.kind == "f":
        return (values * (255.0 / white)).round().astype(np.uint8)
    return (values.astype(np.uint64) >> np.uint64(int(white).bit_length() - 8)).astype(np.uint8)


def _three_channels(values: np.ndarray) -> np.ndarray:
    if values.ndim == 2:
        return np.stack([values] * 3, axis=-1)
    if values.shape[2] == 2:
        return np.concatenate([values, np.zeros_like(values[..., :1])], axis=-1)
    return values[..., :3]


def photograph(picture: Image.Image, head: bytes = b"") -> np.ndarray:
    """(H, W, 3) uint8 of an opened picture; (H, W) where it stores more than bytes."""
    if picture.mode.startswith(("I", "F")):
        return np.asarray(picture)
    if picture.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return np.array(picture.convert("RGB"))


def header(picture: Image.Image, head: bytes) -> np.ndarray:
    """What `photograph` would give, with black in place of a photograph's pixels, which are not decoded."""
    if picture.mode.startswith(("I", "F")):
        return np.asarray(picture)
    return np.broadcast_to(np.uint8(0), (picture.height, picture.width, 3))
