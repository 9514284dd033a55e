"""A wall of sticker scenes that turn into their masks from left to right: the course's title picture (lecture 00)."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_utils.data.palettes import voc_palette
from course_utils.data.stickers import scene
from course_utils.figures.contact_sheets import paint
from course_utils.figures.style import use_course_style

CREDIT = "Drawings: Twemoji (CC BY 4.0) and OpenMoji (CC BY-SA 4.0)"


def scene_wall(rows: int = 3, columns: int = 7, size: int = 192, seed: int = 0) -> Figure:
    """Scenes side by side; a slanted line runs over the whole wall, right of it each pixel shows its class.

    Args:
        rows, columns: how many scenes.
        size: height and width of one, in pixels.
        seed: of the scenes.
    """
    use_course_style()
    gap = max(2, size // 48)
    height, width = (count * (size + gap) - gap for count in (rows, columns))
    wall = np.full((height, width, 3), 255, np.uint8)
    classes = wall.copy()
    palette = voc_palette(21)
    for index in range(rows * columns):
        top, left = (place * (size + gap) for place in divmod(index, columns))
        made = scene(seed, index, size)
        picture = made.image.transpose(1, 2, 0)
        wall[top : top + size, left : left + size] = picture
        # A trace of the picture stays visible under the classes.
        blend = (3 * paint(made.mask, palette).astype(np.uint16) + picture) // 4
        classes[top : top + size, left : left + size] = blend
    down, across = np.mgrid[:height, :width]
    line = 0.62 * width - (down - height / 2) * 0.35
    shown = np.where((across > line)[..., None], classes, wall)
    shown[np.abs(across - line) < gap * 0.75] = 255
    figure, axes = plt.subplots(figsize=(12, 12 * height / width + 0.25))
    axes.imshow(shown, interpolation="antialiased")
    axes.set_axis_off()
    axes.text(1, -0.01, CREDIT, transform=axes.transAxes, ha="right", va="top", fontsize=9, color="#6B6B6B")
    return figure
