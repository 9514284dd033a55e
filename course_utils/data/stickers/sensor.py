"""What a depth camera makes of a scene: noise, whole steps, holes, and a shift against the colours (stickers; lecture 06)."""

import numpy as np
import torch
from scipy.ndimage import maximum_filter, minimum_filter
from torch import Tensor

from course_utils.data.stickers.places import noise
from course_utils.data.stickers.portable import Dice

SHIFTS = range(9)
# What it measures is disparity in whole steps: 348 / metres, as of a camera with a focal length of 580 pixels, a
# baseline of 75 mm and steps of an eighth of a pixel, about what is sold for living rooms.
STEPS = 348.0
NOISE = 0.7  # standard deviation, in steps
JUMP = 1.15  # neighbours whose depths differ by more than this factor lie on an edge
DARK = 3  # a thing that many times darker than the picture's mean sends too little light back
GAPS = 96  # of a cloud from 0 to 255: how much of edges and dark things is lost, about three quarters


def sensed(depth: np.ndarray, image: np.ndarray, dice: Dice) -> np.ndarray:
    """Depth as a real sensor measures it, 0 where it sees nothing.

    Disparity, the reciprocal of depth, is what such a camera measures. Noise of one size there is noise in depth that
    grows with the square of the distance, and so do the steps: about 1 cm at 2 m and 30 cm at 10 m. Holes open, in
    clouds, at edges, where one of its two eyes is blocked, and on dark things. Unlike a real one it sees to 100 m.

    Args:
        depth: metres, above 0.
        image: RGB.
        dice: for chance: the same dice give the same depth on every platform.

    Shape:
        depth (H, W) float32, image (3, H, W) uint8 -> (H, W) float32
    """
    height, width = depth.shape
    # four bytes added up are close to normal: mean 510, variance 4 (256^2 - 1) / 12
    chance = (dice.bytes(4, height, width).astype(np.int32).sum(axis=0) - 510) / 147.8
    steps = np.rint(STEPS / depth.astype(np.float64) + NOISE * chance)
    reach = max(3, height // 50 | 1)
    edges = maximum_filter(depth, reach) > JUMP * minimum_filter(depth, reach)
    light = np.tensordot(np.array([77, 150, 29], np.int32), image.astype(np.int32), axes=1) >> 8
    dark = light * DARK * light.size < light.sum()
    lost = (edges | dark) & (noise(dice, height, width, (height // 12, width // 12), 3) > GAPS)
    return np.where(lost | (steps < 1), 0, STEPS / np.maximum(steps, 1)).astype(np.float32)


def shifted(depth: np.ndarray, pixels: int) -> np.ndarray:
    """Depth moved to the right against the colours, as by a camera that was put together badly; 0 comes in at the left.

    Shape:
        (H, W) -> (H, W)
    """
    moved = np.zeros_like(depth)
    moved[:, pixels:] = depth[:, : depth.shape[1] - pixels]
    return moved


def dimmed(image: Tensor, *targets: Tensor, light: float) -> tuple[Tensor, ...]:
    """A picture in less light: its bytes times a share, rounded; sources behind the colours stay as they are.

    A real camera adds noise to what little is left. This one only runs out of bytes.

    Args:
        targets: handed on, so that this is a data set's transform.
        light: what is left of it, 0 to 1.

    Shape:
        (3 or more, H, W) uint8 -> the same
    """
    colours = (image[:3] * light).round().to(torch.uint8)
    return torch.cat([colours, image[3:]]), *targets
