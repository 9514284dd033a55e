"""Read masks, whose pixels are numbers and not colours; refuse illegal ones; colour them (lectures 01, 10)."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from course_utils.data.images import Picture, Refused, UnreadableImage, decode, unreadable
from course_utils.data.registry import find_entry

VOID = 255
WHITE, CREAM = 0xFFFFFF, 0xE0E0C0
Colour = tuple[int, int, int]


def read_mask(
    path: str | Path,
    colours: Sequence[Colour] | None = None,
    void: int = VOID,
    values: Mapping[int, int] | None = None,
) -> Tensor:
    """The mask in a file: the number stored in each pixel, never its colour, unless colours are named.

    Args:
        path: a palette, grey, 16-bit or 1-bit PNG, TIFF, BMP or GIF; or a colour one with `colours`.
        colours: for masks painted in colours: the (red, green, blue) of class 0, 1, ...; white
            (255, 255, 255) and VOC's cream (224, 224, 192) become void unless they are in the list, and transparent
            parts are black. Palettes are looked up then, too.
        void: the number for void in colour masks.
        values: which class a stored number means; each one but 0 has to be named.

    Shape:
        (H, W), int64

    Raises:
        FileNotFoundError: where there is no such file.
        UnreadableImage: (a ValueError) for a file that is damaged or no picture, for a JPEG, for fractions, for a
            colour mask without `colours`, or for colours or values that are not named.
    """
    path = Path(path)
    picture, painted = stored_mask(path, colours is not None)
    stored = picture.values
    if painted and colours is None:
        found = [as_colour(code) for code in distinct(stored)[0].tolist()]
        advice = "pass colours=[...], the colour of class 0, 1, ..., or save it as a palette PNG"
        raise unreadable(path, f"is painted in {len(found)} colours ({_name_colours(found)}): {advice}")
    table = meaning(colours, values, void)
    if table is None:
        return torch.from_numpy(stored.astype(np.int64))
    found, places = np.unique(stored, return_inverse=True)
    if what := unnamed(found.tolist(), table, painted):
        raise unreadable(path, what)
    return torch.from_numpy(
        np.array([table[number] for number in found.tolist()], np.int64)[places].reshape(stored.shape)
    )


def stored_mask(path: Path, by_colour: bool = False) -> tuple[Picture, bool]:
    """A mask with what its pixels hold, (H, W) whole numbers, and whether that is colours, as 0xRRGGBB.

    Args:
        path: the file.
        by_colour: whether to take the colour of every mask, be it a palette's; else only of those that are painted.
            Grey ones hold numbers.

    Raises:
        FileNotFoundError, UnreadableImage: as for `read_mask`.
    """
    picture = decode(path, _as_colours if by_colour else _as_numbers)
    stored = picture.values
    if picture.opacity is not None:
        stored = stored * (picture.opacity > 0).reshape(*stored.shape[:2], *[1] * (stored.ndim - 2)).astype(
            stored.dtype
        )
    if stored.dtype.kind == "f":
        stored = stored.astype(np.float64)
        broken = stored[~(stored == np.round(stored)) | (np.abs(stored) > 1 << 53)]
        if broken.size:
            raise unreadable(path, "holds fractions where class numbers belong", f"such as {broken[0]:g}")
        stored = stored.astype(np.int64)
    elif stored.dtype.kind not in "bui" or (stored.size and stored.max() > np.iinfo(np.int64).max):
        raise unreadable(path, f"holds {stored.dtype}, which is no class number")
    if stored.ndim == 2 and not by_colour:
        return picture._replace(values=stored), False
    channels = [stored] * 3 if stored.ndim == 2 else np.moveaxis(stored, -1, 0)
    if len(channels) != 3:
        raise unreadable(path, f"has {len(channels)} channels: a mask has one, or three of colours")
    if not by_colour and all((channel == channels[0]).all() for channel in channels[1:]):
        return picture._replace(values=channels[0]), False
    if not 0 <= stored.min() <= stored.max() <= 255:
        raise unreadable(path, "has no colours of 8 bits: save it as a palette PNG")
    red, green, blue = (channel.astype(np.int32) for channel in channels)
    return picture._replace(values=red << 16 | green << 8 | blue), True


def distinct(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers in a mask, in order, and how often each occurs.

    Masks are made of runs of equal pixels, so that sorting the runs takes a tenth of what sorting the pixels would.
    """
    flat = np.ravel(numbers)
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1]) if flat.size else np.zeros(0, int)
    found, places = np.unique(flat[starts], return_inverse=True)
    lengths = np.diff(np.append(starts, flat.size))
    return found.astype(np.int64), np.bincount(places, weights=lengths, minlength=len(found)).astype(np.int64)


def meaning(
    colours: Sequence[Colour] | None, values: Mapping[int, int] | None, void: int = VOID
) -> dict[int, int] | None:
    """The class of each colour (as 0xRRGGBB) or stored number; None where stored numbers are classes as they are."""
    if colours is not None:
        return {code: void for code in (WHITE, CREAM)} | {as_code(colour): n for n, colour in enumerate(colours)}
    return None if values is None else {0: 0, **values}


def unnamed(found: Sequence[int], table: Mapping[int, int], painted: bool) -> str | None:
    """What is wrong where a mask holds colours or numbers that the table does not name; None where nothing is."""
    strange = [number for number in found if number not in table]
    if not strange:
        return None
    if not painted:
        return f"holds {list_values(strange)}, to which values= gives no class"
    soft = len(strange) > len(table) - 2
    advice = "are its edges antialiased?" if soft else "add them to the list of colours"
    return f"has {len(strange)} colours that are no class, {_name_colours(map(as_colour, strange))}: {advice}"


def as_code(colour: Colour) -> int:
    """A colour as 0xRRGGBB."""
    red, green, blue = (int(part) for part in colour)
    return red << 16 | green << 8 | blue


def as_colour(code: int) -> Colour:
    """0xRRGGBB as a colour."""
    return code >> 16, code >> 8 & 255, code & 255


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
    what = illegal(distinct(mask.cpu().numpy())[0].tolist(), count, void)
    if what:
        raise UnreadableImage(f"{name} {what}", what)
    return mask


def illegal(values: Sequence[int], count: int, void: int | None = VOID) -> str | None:
    """What is wrong with a mask that holds these numbers, where there are `count` classes; None where nothing is."""
    strange = [value for value in values if not 0 <= value < count and value != void]
    black_and_white = count == 2 and list(values) in ([0, 255], [255])
    if not strange and not black_and_white:
        return None
    legal = f"classes are 0..{count - 1}" + ("" if void is None else f" and void is {void}")
    return f"holds {list_values(values)}, but {legal}: {_what_it_looks_like(values, count)}"


def list_values(values: Sequence[int]) -> str:
    """Values for a message: "0, 127 and 255", or "41 values from 0 to 255"."""
    if len(values) > 8:
        return f"{len(values)} values from {values[0]} to {values[-1]}"
    shown = [str(value) for value in values]
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + f" and {shown[-1]}"


def _as_numbers(picture: Image.Image, head: bytes) -> np.ndarray:
    """(H, W) of stored numbers, or (H, W, 3) of colours.

    Pillow stretches greys of 2 and 4 bits over 0..255 and turns TIFFs in which 0 is white: that is undone.
    """
    _refuse_loss(picture, head)
    inverted = picture.format == "TIFF" and picture.tag_v2.get(262) == 0
    values = np.asarray(picture)
    if picture.mode == "1":
        return values ^ inverted
    if picture.mode == "L":
        bits = picture.tag_v2.get(258, (8,))[0] if picture.format == "TIFF" else head[24]
        levels = (1 << bits) - 1 if bits in (2, 4) and picture.format in ("TIFF", "PNG") else 255
        return (255 - values if inverted else values) // (255 // levels)
    if picture.mode == "P" or picture.mode.startswith(("I", "F")):
        return values
    if picture.mode in ("LA", "PA"):
        return np.where(values[..., 1] > 0, values[..., 0], 0)
    return _as_colours(picture, head)


def _as_colours(picture: Image.Image, head: bytes) -> np.ndarray:
    """(H, W, 3) of colours; what is transparent is black."""
    _refuse_loss(picture, head)
    if picture.mode.startswith(("I", "F")):
        return np.asarray(picture)
    if picture.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in picture.info:
        values = np.asarray(picture.convert("RGBA"))
        return np.where(values[..., 3:] > 0, values[..., :3], 0)
    return np.asarray(picture.convert("RGB"))


def _refuse_loss(picture: Image.Image, head: bytes) -> None:
    packed = picture.info.get("compression")
    lossless = picture.format in ("PNG", "TIFF", "BMP", "GIF") and packed not in ("jpeg", "webp")
    if not lossless and not (picture.format == "WEBP" and b"VP8L" in head):
        name = f"{picture.format} packed as {packed}" if packed else picture.format
        raise Refused(f"is a {name}, which changes values near edges: save it as PNG instead")


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


def _name_colours(colours: Iterable[Colour]) -> str:
    shown = [f"({', '.join(map(str, colour))})" for colour in islice(colours, 5)]
    return ", ".join(shown[:4]) + (", ..." if len(shown) > 4 else "")


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


def legend(name: str) -> tuple[list[str], list[Colour]]:
    """Names and colours of a registered data set's classes; VOC's colours where it has none of its own."""
    entry = find_entry(name)
    if entry.palette:
        return list(entry.classes), list(entry.palette)
    # Black is for background: where there is none, the first class takes the next colour.
    first = 0 if entry.classes[0] == "background" else 1
    return list(entry.classes), voc_palette(len(entry.classes) + first)[first:]


VOC_CLASSES = legend("voc2012")[0]
