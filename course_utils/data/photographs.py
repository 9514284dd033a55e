"""Photographs that need no network: they come inside scikit-image (all lectures)."""

import tomllib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import skimage.data
import torch
from scipy.ndimage import maximum_filter, minimum_filter
from skimage.draw import polygon2mask
from torch import Tensor

from course_utils.data.images import read_image

PHOTOGRAPHS = {
    "cat": skimage.data.chelsea,
    "coffee": skimage.data.coffee,
    "motorcycle": lambda: skimage.data.stereo_motorcycle()[0],
    "rocket": skimage.data.rocket,
    "astronaut": skimage.data.astronaut,
    "coins": skimage.data.coins,
}


def photograph(name: str | Path) -> Tensor:
    """One of scikit-image's photographs, or a picture of your own.

    Args:
        name: a key of `PHOTOGRAPHS`, or the path of a picture file (see `read_image`).

    Shape:
        (3, H, W), uint8, RGB

    Raises:
        ValueError: for a name that is neither in the collection nor looks like a file.
        FileNotFoundError, UnreadableImage: for a file that is missing or damaged.
    """
    if isinstance(name, Path) or any(mark in name for mark in "./\\"):
        return read_image(name)
    if name not in PHOTOGRAPHS:
        raise ValueError(f"there is no photograph {name!r}: choose one of {', '.join(PHOTOGRAPHS)}, or give a file")
    image = np.asarray(PHOTOGRAPHS[name]())
    if image.ndim == 2:
        image = np.stack([image] * 3, axis=-1)
    return torch.from_numpy(image.copy()).permute(2, 0, 1).contiguous()


class DepthPhotograph(NamedTuple):
    """A photograph and how far away everything in it is.

    Args:
        image: (3, H, W), uint8.
        depth: (H, W), float32, metres; 0 where unknown.
        camera: focal lengths and centre (fx, fy, cx, cy) in pixels, as `depth.points` and `depth.hha` take them.
    """

    image: Tensor
    depth: Tensor
    camera: tuple[float, float, float, float]


def depth_photograph() -> DepthPhotograph:
    """The motorcycle with its measured depth, 500x741 (Scharstein et al. 2014, Middlebury; lecture 06).

    scikit-image has the disparity between its two pictures, NaN where it could not be measured: behind what one of the
    cameras had in the way, for example. Depth is focal length * baseline / (disparity + offset), and 0 where unknown.
    """
    picture, _, disparity = skimage.data.stereo_motorcycle()
    focal, centre, baseline, offset = 994.978, (311.193, 254.877), 0.193001, 31.086  # pixels and metres
    depth = focal * baseline / (torch.from_numpy(disparity.astype(np.float32)) + offset)
    image = torch.from_numpy(picture.copy()).permute(2, 0, 1).contiguous()
    return DepthPhotograph(image, torch.where(torch.isfinite(depth), depth, 0), (focal, focal, *centre))


VOID = 255
OUTLINES = tomllib.loads(Path(__file__).with_name("outlines.toml").read_text(encoding="utf-8"))


class Annotation(NamedTuple):
    """A photograph and what is in it.

    Args:
        image: (3, H, W), uint8.
        mask: (H, W), int64, the class of each pixel; 255 is void.
        instances: (H, W), int64, the number of the object at each pixel, from 1, and 0 for stuff; void is in the mask only.
        classes: names of the classes.
        objects: the class of each object, in the order of their numbers: `objects[0]` belongs to number 1.
    """

    image: Tensor
    mask: Tensor
    instances: Tensor
    classes: tuple[str, ...]
    objects: tuple[str, ...]


def annotation(name: str) -> Annotation:
    """A photograph with its hand-drawn masks.

    Args:
        name: "coffee" (cup and saucer are two dishes that touch; table and floor are stuff), "coins" (24 coins
            that do not touch), "cat" or "astronaut" (one person; the helmet in her arm is void).

    Raises:
        ValueError: for another name.
    """
    drawn = {"coffee": _coffee, "coins": _coins, "cat": _cat, "astronaut": _astronaut}
    if name not in drawn:
        raise ValueError(f"there is no annotation of {name!r}: choose one of {', '.join(drawn)}")
    image = photograph(name)
    height, width = image.shape[1:]
    mask, instances, classes, objects = drawn[name](height, width)
    return Annotation(
        image, torch.from_numpy(mask.astype(np.int64)), torch.from_numpy(instances.astype(np.int64)), classes, objects
    )


def _coffee(height: int, width: int):
    mask = np.full((height, width), 1)
    instances = np.zeros((height, width), dtype=int)
    mask[inside(OUTLINES["floor"], height, width)] = 0
    for number, (corners, kind) in enumerate(
        ((OUTLINES["cup"], 2), (OUTLINES["saucer"], 2), (OUTLINES["spoon"], 3)), start=1
    ):
        # the cup stands on the saucer, the spoon lies before both
        where = inside(corners, height, width) & ((number != 2) | (instances == 0))
        mask[where], instances[where] = kind, number
    border = _borders(mask * 10 + instances, 3) | inside(OUTLINES["dark_under_handle"], height, width)
    mask[border] = VOID
    return mask, instances, ("background", "table", "dish", "spoon"), ("dish", "dish", "spoon")


def _cat(height: int, width: int):
    cat = inside(OUTLINES["cat"], height, width).astype(int)
    mask = np.where(_borders(cat, 7) | inside(OUTLINES["blur_beside_cat"], height, width), VOID, cat)
    return mask, cat, ("background", "cat"), ("cat",)


def _astronaut(height: int, width: int):
    person = inside(OUTLINES["astronaut"], height, width).astype(int)
    mask = np.where(_borders(person, 5) | inside(OUTLINES["helmet"], height, width), VOID, person)
    return mask, person, ("background", "person"), ("person",)


def _coins(height: int, width: int):
    rows, columns = np.mgrid[:height, :width]
    instances = np.zeros((height, width), dtype=int)
    for number, line in enumerate(OUTLINES["coins"].strip().splitlines(), start=1):
        x, y, *radii = map(float, line.split())
        directions = np.linspace(0, 2 * np.pi, len(radii) + 1)
        angle = np.arctan2(rows - y, columns - x) % (2 * np.pi)
        reach = np.interp(angle, directions, [*radii, radii[0]])
        instances[np.hypot(rows - y, columns - x) <= reach] = number
    mask = np.where(_borders(instances, 3), VOID, instances > 0)
    return mask, instances, ("background", "coin"), ("coin",) * instances.max()


def inside(corners: str, height: int, width: int) -> np.ndarray:
    """The pixels inside a closed outline given as "x,y x,y ...", (H, W), bool.

    It counts from a pixel's middle: the pixel (0, 0) lies at 0, 0. (COCO's outlines count from its corner.)
    """
    points = [tuple(map(float, corner.split(","))) for corner in corners.split()]
    return polygon2mask((height, width), [(y, x) for x, y in points])


def _borders(labels: np.ndarray, width: int) -> np.ndarray:
    """Bands of that width along every border between two labels: no outline is surer than that."""
    return maximum_filter(labels, width) != minimum_filter(labels, width)
