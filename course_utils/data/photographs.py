"""Photographs that need no network: they come inside scikit-image (all lectures)."""

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

# "x,y" in pixels, in order along the border
CUP = """
    283,18 310,20 340,27 361,38 378,52 393,70 402,88 407,105 408,125 405,145 401,162 396,178 389,195
    382,207 376,215 373,222 371,232 365,238 357,243 348,247 337,254 331,263 320,273 305,281 283,285
    260,282 257,277 247,288 236,300 228,305 222,307 208,303 199,296 196,285 198,268 204,256 212,244
    217,235 210,230 200,220 190,207 184,197 180,185 176,170 174,150 174,130 173,107 182,80 196,57 216,37
    240,25
"""
SPOON = """
    396,72 403,67 413,66 421,72 423,80 419,95 413,108 411,122 405,148 398,175 391,195 386,215 384,232
    386,243 394,252 401,262 405,275 405,287 401,299 393,311 382,320 368,325 353,325 342,321 333,312
    328,300 326,287 327,273 331,263 337,254 348,247 357,243 365,238 371,232 374,222 379,212 386,198
    392,183 398,168 403,150 408,130 409,110 406,95 400,82
"""
SAUCER = """
    182,67 150,82 125,102 105,125 90,150 80,180 76,210 77,235 81,255 87,273 96,291 109,311 127,331
    152,350 168,360 188,370 216,380 240,385 265,387 290,388 320,386 345,382 370,375 390,367 410,356
    430,340 445,326 458,309 467,291 474,268 477,245 478,225 474,195 465,168 450,142 435,124 420,108
    413,103 300,60
"""
FLOOR = """
    0,0 152,0 120,22 90,45 60,67 30,88 0,108
"""
# under the handle: its inner side, or the saucer seen through it
DARK_UNDER_HANDLE = """
    243,263 256,251 266,258 263,272 256,277 237,298 229,303 233,285
"""
CAT = """
    40,0 36,30 33,60 31,90 30,116 18,121 0,123 0,300 331,300 322,285 312,270 312,255 314,235 320,220
    335,200 347,180 356,160 361,140 363,120 360,98 358,80 363,70 371,55 381,36 390,18 399,0
"""
# far out of focus: the cat's flank, or what it lies on
BLUR_BESIDE_CAT = """
    330,208 352,222 375,240 394,262 388,300 300,300 306,276 312,255 314,235 320,220
"""
# each coin: x and y of its centre, then the distance to its border at 0, 22.5, 45, ... degrees, clockwise
COINS = """
44 53  22.5 22.5 21.5 21 21 21.5 23 23 22 20.5 19 18.5 19 19 20.5 22
100 55  20 20.5 20.5 19.5 18.5 19 19.5 19.5 19.5 18.5 18 17 16.5 17 18 19
155 50  23.5 24.5 24.5 23.5 23 23 23 23.5 23.5 23 22 22 22 22.5 22.5 22.5
215 50  24 24.5 24.5 23.5 23.5 23.5 23.5 24 23.5 23 22 21.5 21 21.5 22 22.5
275 52  21.5 22 22 20.5 20 19 19 19 19.5 19.5 19 19 19 19 20.5 21.5
334 43  30.5 30.5 30.5 29 28.5 28.5 28.5 28.5 29.5 28.5 27.5 27.5 28 28.5 29.5 30
46 123  20 19 19 20.5 21 22.5 22.5 22 21.5 20.5 19.5 19.5 19.5 18.5 18.5 19.5
102 125  19.5 19.5 18.5 18.5 19 19.5 19.5 19 18 18 17.5 17.5 17.5 18 19 19
153 127  20 20 19.5 18.5 17.5 18.5 18.5 19 19.5 19 17.5 17 17.5 18 19 20
205 124  20.5 19 19 19.5 20 20 20 20 20 20 19.5 19.5 19.5 20 21 21.5
270 118  26 26 26 25.5 25 24.5 24.5 25.5 25 24.5 23.5 23 23 24.5 25 26
336 124  20 20 19.5 20 20 19.5 19.5 19.5 19.5 19 19 19 19 19 19.5 20
43 197  19 20 20.5 19.5 19 19 19 17.5 17.5 18.5 18.5 18.5 18.5 19 19 18.5
101 195  23 23 23 22.5 22 22 22 22 21.5 21.5 21 21 21 21.5 22 23
153 197  20.5 21 20.5 19.5 19.5 19.5 19 18.5 18.5 18.5 18 17.5 18.5 18.5 19 20
212 193  24.5 25 25 23.5 23.5 23.5 23.5 23.5 24 24 23.5 23.5 23.5 24 24.5 24.5
272 194  24 24 25 23 21 19.5 19 21 21.5 21 22 22 22 22.5 22 22.5
347 186  32 32.5 32.5 31.5 31.5 32 32 32 32 32 31 30.5 30.5 31 31.5 31.5
46 259  28 28 28 28 28.5 29 29 28.5 28 28 27.5 27 26.5 27 28 28
113 265  22.5 22.5 22.5 22.5 22 21 21 21.5 21.5 20.5 20.5 20.5 20.5 21.5 21.5 22
172 261  29.5 29.5 28.5 26.5 26.5 26 27.5 28.5 28.5 28 27.5 26.5 25.5 26 28 29
244 263  24.5 23.5 23 23.5 24 24 24 24 24.5 23.5 23 23 23 23.5 23.5 24.5
300 263  25.5 25 25 25 25 26 26 25.5 25 24.5 24 23.5 24 25.5 27.5 27
358 267  23.5 23.5 23 22 22 22.5 22.5 22.5 22.5 22 21.5 20 20 20.5 21.5 22.5
"""


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
            that do not touch) or "cat".

    Raises:
        ValueError: for another name.
    """
    drawn = {"coffee": _coffee, "coins": _coins, "cat": _cat}
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
    mask[inside(FLOOR, height, width)] = 0
    for number, (corners, kind) in enumerate(((CUP, 2), (SAUCER, 2), (SPOON, 3)), start=1):
        # the cup stands on the saucer, the spoon lies before both
        where = inside(corners, height, width) & ((number != 2) | (instances == 0))
        mask[where], instances[where] = kind, number
    border = _borders(mask * 10 + instances, 3) | inside(DARK_UNDER_HANDLE, height, width)
    mask[border] = VOID
    return mask, instances, ("background", "table", "dish", "spoon"), ("dish", "dish", "spoon")


def _cat(height: int, width: int):
    cat = inside(CAT, height, width).astype(int)
    mask = np.where(_borders(cat, 7) | inside(BLUR_BESIDE_CAT, height, width), VOID, cat)
    return mask, cat, ("background", "cat"), ("cat",)


def _coins(height: int, width: int):
    rows, columns = np.mgrid[:height, :width]
    instances = np.zeros((height, width), dtype=int)
    for number, line in enumerate(COINS.strip().splitlines(), start=1):
        x, y, *radii = map(float, line.split())
        directions = np.linspace(0, 2 * np.pi, len(radii) + 1)
        angle = np.arctan2(rows - y, columns - x) % (2 * np.pi)
        reach = np.interp(angle, directions, [*radii, radii[0]])
        instances[np.hypot(rows - y, columns - x) <= reach] = number
    mask = np.where(_borders(instances, 3), VOID, instances > 0)
    return mask, instances, ("background", "coin"), ("coin",) * instances.max()


def inside(corners: str, height: int, width: int) -> np.ndarray:
    """The pixels inside a closed outline given as "x,y x,y ...", (H, W), bool."""
    points = [tuple(map(float, corner.split(","))) for corner in corners.split()]
    return polygon2mask((height, width), [(y, x) for x, y in points])


def _borders(labels: np.ndarray, width: int) -> np.ndarray:
    """Bands of that width along every border between two labels: no outline is surer than that."""
    return maximum_filter(labels, width) != minimum_filter(labels, width)
