"""Read pictures from any file, and say clearly what is wrong with a bad one (all lectures; 10)."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from course_utils.data.decoding import UnreadableImage, decode
from course_utils.data.masks import VOID, check_mask, read_mask

__all__ = ["VOID", "UnreadableImage", "check_mask", "read_image", "read_mask"]


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
