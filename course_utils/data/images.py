"""Read pictures from any file, and say clearly what is wrong with a bad one (all lectures; 10)."""

import struct
import zlib
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

# What Pillow's many decoders raise on damaged data.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
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


class UnreadableImage(ValueError):
    """A file that is there but does not hold a picture that can be read; the message says what it holds."""


class Refused(Exception):
    """A sound picture that cannot serve as what was asked for."""


def decode(
    path: Path,
    from_pillow: Callable[[Image.Image, Path], np.ndarray],
    from_array: Callable[[np.ndarray, Path], np.ndarray],
) -> np.ndarray:
    """Open a file and hand the picture to the function that takes its pixels.

    Args:
        path: the file.
        from_pillow: pixels of a picture that Pillow opened.
        from_array: pixels of an (H, W) or (H, W, channels) array, for TIFFs that Pillow does not know.

    Raises:
        FileNotFoundError: where there is no such file; names the nearest that is there.
        UnreadableImage: for an empty, damaged or cut file, or one that is no picture.
        ValueError: where the function raised `Refused`.
    """
    if path.is_dir():
        raise UnreadableImage(f"'{path}' is a folder, not a picture")
    if not path.exists():
        raise FileNotFoundError(f"there is no picture '{path}'{_nearest(path)}")
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise UnreadableImage(f"picture '{path}' is empty (0 bytes): copy or download it again")
    try:
        with Image.open(path) as picture:
            return from_pillow(picture, path)
    except UnidentifiedImageError:
        if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return from_array(_read_tiff(path), path)
        raise UnreadableImage(f"'{path}' is not a picture: {_what_is_it(head)}") from None
    except Refused as error:
        raise ValueError(str(error)) from None
    except UnreadableImage:
        raise
    except DAMAGE as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> UnreadableImage:
    size = f"{path.stat().st_size:,} bytes"
    return UnreadableImage(f"picture '{path}' is damaged ({error}; {size}): copy or download it again")


def _nearest(path: Path) -> str:
    if not path.parent.is_dir():
        return "; its folder is not there either"
    near = get_close_matches(path.name, [other.name for other in path.parent.iterdir()], n=1)
    return f"; there is '{near[0]}'" if near else ""


def _read_tiff(path: Path) -> np.ndarray:
    """TIFFs that Pillow does not know (16-bit colour, float planes), as (H, W) or (H, W, channels)."""
    import tifffile

    try:
        values = tifffile.imread(path, key=0)
    except Exception as error:
        raise _damaged(path, error) from None
    if values.ndim == 3 and values.shape[0] in (3, 4) and values.shape[-1] not in (3, 4):
        values = np.moveaxis(values, 0, -1)
    if values.ndim not in (2, 3):
        raise UnreadableImage(f"picture '{path}' has shape {values.shape}; a picture has (H, W, colours)")
    return values


def _what_is_it(head: bytes) -> str:
    for start, what in STRANGERS:
        if head.startswith(start):
            return f"it is {what}"
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "it is a web page, as a refused download leaves one behind: download it again"
    if b"<svg" in text:
        return "it is an SVG drawing: export it as PNG"
    if head[4:8] == b"ftyp":
        return "it is HEIC/AVIF or a video: save it as JPEG or PNG"
    return f"its first bytes are {head[:8]!r}, which begin no picture format that is known here"


def read_image(path: str | Path) -> Tensor:
    """The picture in a file, as every lecture uses it.

    Grey and 1-bit pictures get three equal channels; palettes are looked up; transparent parts become white;
    CMYK becomes RGB; pictures that a camera marked as turned are turned. Grey values of more than 8 bits lose
    their lowest bits, counted from the smallest of 8, 10, 12, 14 and 16 bits that holds the largest value, so
    that a 12-bit camera's pictures are not black; floating-point values are taken as 0..1, or as 0..255. Of a
    file with several pages, the first is read.

    Args:
        path: a file that Pillow or tifffile can read: PNG, JPEG, TIFF, WebP, BMP, GIF and more.

    Shape:
        (3, H, W), uint8, RGB

    Raises:
        FileNotFoundError: where there is no such file; names the nearest that is there.
        UnreadableImage: (a ValueError) for an empty, damaged or cut file, or one that is no picture.
    """
    pixels = decode(Path(path), _pillow_pixels, _array_pixels)
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels, -1, 0)))


def _pillow_pixels(picture: Image.Image, path: Path) -> np.ndarray:
    """(H, W, 3) uint8 of an opened picture."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith(("I", "F")):
        return _array_pixels(np.asarray(picture), path)
    if picture.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return np.array(picture.convert("RGB"))


def _array_pixels(values: np.ndarray, path: Path) -> np.ndarray:
    values = _to_eight_bits(values, path)
    return np.stack([values] * 3, axis=-1) if values.ndim == 2 else values[..., :3]


def _to_eight_bits(values: np.ndarray, path: Path) -> np.ndarray:
    if values.dtype == np.uint8:
        return values
    if values.dtype == bool:
        return values.astype(np.uint8) * 255
    if not np.isfinite(values).all() or values.min() < 0:
        raise UnreadableImage(f"picture '{path}' holds negative or infinite values: scale it to 0..255 first")
    largest = values.max()
    if values.dtype.kind == "f":
        if largest > 255:
            raise UnreadableImage(f"picture '{path}' holds numbers up to {largest:g}: scale it to 0..255 first")
        return (values * (255.0 if largest <= 1 else 1.0)).round().astype(np.uint8)
    bits = next((bits for bits in (8, 10, 12, 14, 16) if largest < 1 << bits), int(largest).bit_length())
    return (values.astype(np.uint64) >> np.uint64(bits - 8)).astype(np.uint8)
