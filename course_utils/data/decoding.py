"""Open a picture file of any kind, with every failure put into the reader's words (all lectures; 10)."""

import struct
import zlib
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

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
