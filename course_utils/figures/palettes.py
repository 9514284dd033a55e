"""Which colour stands for what: classes, VOC's classes, instances (all lectures).

A palette is an array (classes, 3) of uint8, row = class. Void is never in it: it is drawn hatched.
"""

import numpy as np
from matplotlib.colors import to_rgb
from skimage.color import rgb2lab
from skimage.segmentation import expand_labels

from course_utils.data.palettes import voc_palette
from course_utils.figures.style import COLOURS

# class 0 is background: a dark grey that steps behind the others
BACKGROUND = "#3A3A3A"
CLASS_ORDER = ("orange", "sky", "green", "yellow", "blue", "red", "pink")
INSTANCE_COLOURS = np.array(
    [
        (230, 159, 0),
        (86, 180, 233),
        (0, 158, 115),
        (240, 228, 66),
        (0, 114, 178),
        (213, 94, 0),
        (204, 121, 167),
        (140, 81, 10),
        (148, 103, 220),
        (150, 230, 160),
        (190, 30, 60),
        (200, 230, 250),
    ],
    dtype=np.uint8,
)


def class_palette(classes: int) -> np.ndarray:
    """The course's colours for classes: dark grey for class 0, then Okabe and Ito's; VOC's beyond eight.

    Shape:
        (classes, 3), uint8
    """
    if classes > 1 + len(CLASS_ORDER):
        return np.array(voc_palette(classes), dtype=np.uint8)
    names = [BACKGROUND, *(COLOURS[name] for name in CLASS_ORDER)][:classes]
    return np.array([[round(255 * part) for part in to_rgb(name)] for name in names], dtype=np.uint8)


def instance_palette(labels: np.ndarray, reach: int = 8) -> np.ndarray:
    """A colour for each instance, the same in every run, well apart from those of its neighbours.

    Args:
        labels: label image, 0 for background.
        reach: pixels from which on two instances no longer count as neighbours (half of it from each side).

    Shape:
        labels (H, W) -> (largest label + 1, 3), uint8; row 0 is black
    """
    labels = np.asarray(labels)
    neighbours = _neighbours(labels, reach)
    lab = rgb2lab(INSTANCE_COLOURS[None] / 255)[0]
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    chosen: dict[int, int] = {}
    for label in np.unique(labels[labels > 0]).tolist():
        taken = [chosen[other] for other in neighbours.get(label, ()) if other in chosen]
        # the label's own order of preference, so that its colour changes only where a neighbour has it
        order = np.random.default_rng(label).permutation(len(INSTANCE_COLOURS))
        distances = [apart[choice, taken].min(initial=np.inf) for choice in order]
        good = [choice for choice, distance in zip(order, distances, strict=True) if distance > 40]
        chosen[label] = int(good[0] if good else order[int(np.argmax(distances))])
    palette = np.zeros((int(labels.max(initial=0)) + 1, 3), dtype=np.uint8)
    for label, choice in chosen.items():
        palette[label] = INSTANCE_COLOURS[choice]
    return palette


def _neighbours(labels: np.ndarray, reach: int) -> dict[int, set[int]]:
    """For each label, the labels that meet it once every instance has grown by half the reach."""
    grown = expand_labels(labels, distance=reach / 2)
    found: dict[int, set[int]] = {}
    for one, other in ((grown[1:], grown[:-1]), (grown[:, 1:], grown[:, :-1])):
        meet = (one != other) & (one > 0) & (other > 0)
        for a, b in np.unique(np.stack([one[meet], other[meet]], axis=1), axis=0).tolist():
            found.setdefault(a, set()).add(b)
            found.setdefault(b, set()).add(a)
    return found
