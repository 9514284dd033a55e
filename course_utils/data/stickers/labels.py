"""From who stands where to VOC's kind of mask: void along every edge (stickers; lecture 01)."""

import numpy as np


def void_edges(instances: np.ndarray) -> np.ndarray:
    """The pixels along the edges of things, which VOC marks as void and nobody has to get right.

    One pixel outside of every thing, and one inside where it has more behind it: a spoke one pixel thin stays.

    Shape:
        instances (H, W), 0 for background -> (H, W) bool, 2 to 3 pixels wide along edges
    """
    padded = np.pad(instances, 1, mode="edge")
    middle = padded[1:-1, 1:-1]
    straight = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]
    inner = np.ones(instances.shape, bool)
    outside = np.zeros(instances.shape, bool)
    for other in straight:
        inner &= other == middle
        outside |= other != 0
    inner &= middle != 0
    outside &= middle == 0
    core = np.pad(np.where(inner, instances, 0), 1)
    backed = np.zeros(instances.shape, bool)
    height, width = instances.shape
    for down in range(3):
        for right in range(3):
            backed |= core[down : down + height, right : right + width] == middle
    return outside | (backed & ~inner & (middle != 0))
