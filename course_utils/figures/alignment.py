"""Where answers lie on the picture, drawn: what a crop costs, and the cells of a padded net (lecture 03)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course_utils.figures.canvas import bare, picture
from course_utils.figures.overlays import draw_mistakes, panels
from course_utils.figures.style import COLOURS, GREY

LINES = ((COLOURS["blue"], "o", "-"), (COLOURS["red"], "s", "--"), (COLOURS["green"], "^", ":"))


def crops(image: Tensor, truth: Tensor, predictions: dict[str, Tensor], title: str) -> Figure:
    """Predictions over their picture side by side, with the pixels that are wrong.

    Args:
        image: uint8.
        truth: classes, 255 where void.
        predictions: caption -> classes.
        title: the finding.

    Shape:
        image (3, H, W), truth and each prediction (H, W)
    """

    def draw(prediction: Tensor):
        def on(axes):
            entries = draw_mistakes(axes, image, truth, prediction)
            for entry in entries:  # one legend for all panels: the kind of mistake, without its share
                entry.set_label(entry.get_label().rsplit(" ", 1)[0])
            return entries

        return on

    return panels({caption: draw(prediction) for caption, prediction in predictions.items()}, title)


def crop_curves(lines: dict[str, Sequence[float]], offsets: dict[str, int], title: str) -> Figure:
    """Mean IU against the pixels cut off before the crop; a dashed line stands where the coordinate map puts it.

    Args:
        lines: name -> mean IU at offsets 0, 1, 2, ...
        offsets: name -> the computed offset.
        title: the finding.
    """
    figure, axes = plt.subplots(figsize=(10, 5))
    for (name, values), (colour, marker, line) in zip(lines.items(), LINES, strict=False):
        axes.plot(
            values, line, color=colour, marker=marker, markersize=8, markevery=max(1, len(values) // 8), label=name
        )
    for offset, (colour, _, _) in zip((offsets[name] for name in lines), LINES, strict=False):
        axes.axvline(offset, color=colour, linewidth=1.5, linestyle=(0, (2, 2)), zorder=0)
        axes.text(offset + 0.3, axes.get_ylim()[0], f" {offset}", color=colour, weight="bold", va="bottom")
    axes.set(xlabel="pixels cut off", ylabel="mean IU", xlim=(-0.5, None))
    axes.legend(loc="upper right")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def frame_of_cells(image: Tensor, centres: tuple[Sequence[float], Sequence[float]], stride: int, title: str) -> Figure:
    """A picture, the cells of a net that was padded, and the larger area that their upsampling covers.

    Args:
        image: uint8, RGB.
        centres: of the cells in pixels (down, across); they may lie outside the picture.
        stride: pixels between two centres; the upsampling's kernel is twice as wide.
        title: the finding.

    Shape:
        image (3, H, W)
    """
    height, width = image.shape[-2:]
    down, across = centres
    top, left, bottom, right = down[0] - stride, across[0] - stride, down[-1] + stride, across[-1] + stride
    figure, axes = plt.subplots(figsize=(10, 10 * (bottom - top) / (right - left) + 0.6))
    axes.imshow(picture(image))
    axes.add_patch(
        Rectangle((left, top), right - left, bottom - top, facecolor="#EDEDED", edgecolor=GREY, zorder=-1, linewidth=3)
    )
    axes.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, edgecolor="black", linewidth=3))
    for y in down:
        axes.plot(across, [y] * len(across), "o", color="white", markeredgecolor="black", markersize=7)
    axes.plot(across[0], down[0], "o", color=COLOURS["red"], markeredgecolor="black", markersize=11)
    arrow = {"arrowstyle": "<->", "color": COLOURS["red"], "linewidth": 2.5, "shrinkA": 0, "shrinkB": 0}
    middle = height * 0.62
    axes.annotate("", (left, middle), (-0.5, middle), arrowprops=arrow)
    style = {"va": "center", "color": "black", "weight": "bold", "fontsize": 15}
    box = {"facecolor": "white", "edgecolor": COLOURS["red"], "linewidth": 2, "pad": 4}
    axes.text(9, middle, f"{-0.5 - left:g} pixels", bbox=box, **style)
    axes.set_xlim(left - 3, right + 3)
    axes.set_ylim(bottom + 3, top - 3)
    axes.set_aspect("equal")
    bare(axes)
    axes.set_title(title)
    return figure
