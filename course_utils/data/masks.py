"""Read masks, whose pixels are numbers and not colours; refuse illegal ones; colour them (lectures 01, 10)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from course_utils.data.images import Refused, decode

VOID = 255
Colour = tuple[int, int, int]


def read_mask(path: str | Path, colours: Sequence[Colour] | None = None, void: int = VOID) -> Tensor:
    """The mask in a file: the number stored in each pixel, never its colour.

    Args:
        path: a palette, grey, 16-bit or 1-bit PNG, TIFF, BMP or GIF; or a colour one with `colours`.
        colours: for masks painted in colours: the (red, green, blue) of class 0, 1, ...; white
            (255, 255, 255) and VOC's cream (224, 224, 192) become void unless they are in the list.
        void: the number for void in colour masks.

    Shape:
        (H, W), int64

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableImage: for a file that is damaged or no picture.
        ValueError: for a JPEG, for a colour mask without `colours`, or for colours that are not in the list.
    """
    path = Path(path)
    values = decode(path, _stored_values, lambda values, _: values[..., :3] if values.ndim == 3 else values)
    if values.ndim == 3 and colours is None and (values == values[..., :1]).all():
        values = values[..., 0]
    if values.ndim == 2:
        return torch.from_numpy(values.astype(np.int64))
    if colours is None:
        found = np.unique(values.reshape(-1, values.shape[-1]), axis=0)
        raise ValueError(
            f"mask '{path.name}' is painted in {len(found)} colours ({_name_colours(found)}), which have no "
            "numbers: pass colours=[...], the colour of class 0, 1, ..., or save it as a palette PNG"
        )
    return torch.from_numpy(_colours_to_classes(values, colours, void, path.name))


def check_mask(
    mask: Tensor,
    classes: Sequence[str] | int,
    void: int | None = VOID,
    name: str = "mask",
    size: tuple[int, int] | None = None,
) -> Tensor:
    """Refuse a mask whose values are not classes; otherwise give it back.

    A mask of 0 and 255 is the most common mistake with home-made masks: losses turn negative, Dice passes 1.

    Args:
        mask: (H, W) of whole numbers.
        classes: the classes' names, or how many there are.
        void: the value that means "not counted", None where there is none.
        name: what to call the mask in the message: its file's name.
        size: (H, W) of the picture that it belongs to, where that should be compared.

    Raises:
        ValueError: names the values found and says what they look like.
    """
    count = classes if isinstance(classes, int) else len(classes)
    if mask.ndim != 2:
        raise ValueError(f"{name} has shape {tuple(mask.shape)}; a mask is (H, W), one class number a pixel")
    if mask.numel() == 0:
        raise ValueError(f"{name} has no pixels: its shape is {tuple(mask.shape)}")
    if mask.is_floating_point() or mask.is_complex():
        raise ValueError(
            f"{name} holds {mask.dtype}, and class numbers are whole: were they interpolated? Between classes 0 and 2 that "
            "makes up a 1. Resize masks with mode='nearest'; whole numbers that are held as fractions become mask.long()"
        )
    if size is not None and tuple(mask.shape) != tuple(size):
        turned = ": one of them is turned by 90 degrees" if tuple(mask.shape) == tuple(size)[::-1] else ""
        shapes = f"{mask.shape[0]}x{mask.shape[1]}, its picture {size[0]}x{size[1]}"
        raise ValueError(f"{name} is {shapes}{turned}")
    values = _distinct(mask)
    strange = [value for value in values if not 0 <= value < count and value != void]
    black_and_white = count == 2 and values in ([0, 255], [255])
    if strange or black_and_white:
        legal = f"classes are 0..{count - 1}" + ("" if void is None else f" and void is {void}")
        mistake = _what_it_looks_like(values, count)
        raise ValueError(f"{name} holds {list_values(values)}, but {legal}: {mistake}")
    return mask


def _distinct(mask: Tensor) -> list[int]:
    """The values in a mask, in order; counting is ten times faster than sorting where they are small."""
    values = mask.cpu().numpy().reshape(-1)
    if values.size == 0:
        return []
    if values.dtype == bool or values.min() < 0 or values.max() > 65535:
        return np.unique(values).astype(int).tolist()
    return np.flatnonzero(np.bincount(values)).tolist()


def list_values(values: Sequence[int]) -> str:
    """Values for a message: "0, 127 and 255", or "41 values from 0 to 255"."""
    if len(values) > 8:
        return f"{len(values)} values from {values[0]} to {values[-1]}"
    shown = [str(value) for value in values]
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + f" and {shown[-1]}"


def _stored_values(picture: Image.Image, path: Path) -> np.ndarray:
    """(H, W) of stored numbers, or (H, W, 3) of colours."""
    if picture.format == "JPEG":
        raise Refused(f"mask '{path.name}' is a JPEG, which changes values near edges: save it as PNG instead")
    picture = ImageOps.exif_transpose(picture)
    if picture.mode == "F":
        values = np.asarray(picture)
        fractions = values[values != np.round(values)]
        if fractions.size:
            raise Refused(f"mask '{path.name}' holds fractions, such as {fractions[0]:g}")
        return values.astype(np.int64)
    if picture.mode in ("LA", "PA"):
        return np.asarray(picture)[..., 0]
    if picture.mode in ("1", "L", "P") or picture.mode.startswith("I"):
        return np.asarray(picture).astype(np.int64)
    return np.asarray(picture.convert("RGB"))


def _colours_to_classes(values: np.ndarray, colours: Sequence[Colour], void: int, name: str) -> np.ndarray:
    weights = np.array([65536, 256, 1])
    codes = values.astype(np.int64) @ weights
    numbers = {int(np.array(white) @ weights): void for white in ((224, 224, 192), (255, 255, 255))}
    numbers |= {int(np.array(colour) @ weights): index for index, colour in enumerate(colours)}
    found, inverse = np.unique(codes, return_inverse=True)
    strange = [code for code in found.tolist() if code not in numbers]
    if strange:
        shown = _name_colours([(code >> 16, code >> 8 & 255, code & 255) for code in strange])
        soft = len(strange) > len(colours)
        advice = "are its edges antialiased?" if soft else "add them to the list of colours"
        raise ValueError(f"mask '{name}' has {len(strange)} colours that are no class, {shown}: {advice}")
    return np.array([numbers[code] for code in found.tolist()], dtype=np.int64)[inverse].reshape(codes.shape)


def _what_it_looks_like(values: list[int], count: int) -> str:
    low, high = values[0], values[-1]
    if count <= 2 and set(values) <= {0, 255}:
        return "is it a black-and-white mask? Divide it by 255, so that 255 becomes class 1"
    if low < 0:
        return "does -1 mean void? Set those pixels to the void value"
    if len(values) > max(count, 3) and high <= 255:
        return "is it an antialiased or JPEG mask, or a picture? Save it as a palette PNG without smoothing"
    if low == 1 and high == count:
        return "does it count classes from 1? Subtract 1"
    if high >= count and len(values) > 1 and high != 255:
        return "is it an instance mask, or are classes missing from the list?"
    return "map these values to class numbers, and what is not counted to void"


def _name_colours(colours: Sequence) -> str:
    shown = ", ".join(f"({', '.join(str(int(part)) for part in colour)})" for colour in list(colours)[:4])
    return shown + (", ..." if len(colours) > 4 else "")


VOC_CLASSES = [
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
]


def voc_palette(count: int = 256) -> list[tuple[int, int, int]]:
    """PASCAL VOC's colours: the bits of a class's number, dealt in turn to red, green and blue from the top down.

    Class 1 = 0b001 is red 128, class 6 = 0b110 is green 128 and blue 128, void = 255 is the cream (224, 224, 192).
    """
    colours = []
    for number in range(count):
        channels = [0, 0, 0]
        for place in range(8):
            bit = number >> place & 1
            channels[place % 3] |= bit << 7 - place // 3
        colours.append(tuple(channels))
    return colours
