"""Masks, instances, boxes and mistakes drawn over pictures (all lectures).

Two kinds of functions: `draw_*` draws on given axes, so that a lecture can lay pictures side by side with
`panels`; the others return a finished figure. Colour never stands alone: classes carry their names, void is
hatched, and the kinds of mistakes are hatched in different ways.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import matplotlib.patheffects as effects
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from scipy.ndimage import distance_transform_edt
from skimage.segmentation import find_boundaries
from torch import Tensor

from course_utils.figures.style import COLOURS, class_palette, instance_palette

Image = Tensor | np.ndarray
SMALLEST_NAMED = 0.01  # of the picture


class Box(NamedTuple):
    """A box in pixels, its edges included on the left and top, excluded on the right and bottom."""

    left: float
    top: float
    right: float
    bottom: float
    name: str


def draw_image(axes: Axes, image: Image) -> None:
    """The image alone, without ticks."""
    axes.imshow(picture(image))
    bare(axes)


def draw_classes(
    axes: Axes,
    image: Image | None,
    mask: Image,
    classes: Sequence[str],
    palette: np.ndarray | None = None,
    void: int | None = 255,
    opacity: float = 0.55,
    names: bool = True,
    outlines: bool = True,
) -> list[Patch]:
    """A label map over its image (or alone, where image is None): filled, outlined, named, void hatched.

    Args:
        classes: names; class 0 is left clear over an image where its name is "background".
        palette: (classes, 3) uint8; the course's where it is None.
        opacity: of the fill, 0 to 1.
        names: write each class's name into its largest part; a class with less than a hundredth of the picture is
            left to the legend.
        outlines: draw a line around each class, over an image; ragged masks read better without.

    Returns:
        the legend's entries, one for each class in the mask, and void.
    """
    ground = None if image is None else picture(image)
    mask = label_array(mask, ground)
    palette = class_palette(len(classes)) if palette is None else np.asarray(palette)
    unknown = sorted(set(np.unique(mask).tolist()) - set(range(len(classes))) - {void})
    if unknown:
        raise ValueError(f"the mask holds {unknown[:5]}, but there are {len(classes)} classes and void {void}")

    present = [number for number in range(len(classes)) if (mask == number).any()]
    colours = palette[np.where(mask == void, 0, mask)] / 255
    if ground is None:
        canvas = colours
    else:
        clear = (mask == void) | ((mask == 0) & (classes[0] == "background"))
        canvas = np.where(clear[..., None], ground, (1 - opacity) * ground + opacity * colours)
    axes.imshow(canvas)

    entries = []
    for number in present:
        colour = palette[number] / 255
        entries.append(Patch(facecolor=colour, edgecolor="black", label=classes[number]))
        if outlines and ground is not None and number > 0:
            outline(axes, mask == number, colour)
        room = (mask == number).mean() >= SMALLEST_NAMED
        if names and room and not (number == 0 and classes[0] == "background"):
            write_inside(axes, mask == number, classes[number])
    if void is not None and (mask == void).any():
        hatch(axes, mask == void, "/////", "#FFFFFF", fill="#00000080")
        entries.append(Patch(facecolor="#808080", edgecolor="white", hatch="/////", label="void: not scored"))
    bare(axes)
    return entries


def draw_instances(axes: Axes, image: Image | None, labels: Image, opacity: float = 0.5) -> None:
    """Instances over their image: each in a colour of its own, outlined in white."""
    ground = None if image is None else picture(image)
    labels = label_array(labels, ground)
    colours = instance_palette(labels)[labels] / 255
    inside = (labels > 0)[..., None]
    axes.imshow(colours if ground is None else np.where(inside, (1 - opacity) * ground + opacity * colours, ground))
    # drawn as pixels: hundreds of contours take seconds
    edges = find_boundaries(labels, mode="inner")
    axes.imshow(np.dstack([np.ones((*labels.shape, 3)), edges]))
    bare(axes)


def draw_boxes(axes: Axes, boxes: Sequence[Box], palette: np.ndarray | None = None) -> None:
    """Boxes with their names, on axes that already show the image."""
    palette = class_palette(len(boxes) + 1)[1:] if palette is None else np.asarray(palette)
    for box, colour in zip(boxes, palette / 255, strict=False):
        width, height = box.right - box.left, box.bottom - box.top
        corner = (box.left - 0.5, box.top - 0.5)
        axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor="black", linewidth=5))
        axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=colour, linewidth=3))
        style = {"color": "black", "backgroundcolor": colour, "fontsize": 12, "weight": "bold"}
        axes.text(box.left + 3, box.top + 3, box.name, va="top", **style, clip_on=True)


def draw_mistakes(
    axes: Axes,
    image: Image,
    truth: Image,
    prediction: Image,
    void: int | None = 255,
    shares: bool = True,
) -> list[Patch]:
    """Where a prediction is wrong: objects missed, objects that are not there, and one class for another.

    Class 0 counts as background; void is left out.

    Args:
        shares: say in the legend which share of the scored pixels each kind is; False where several predictions
            share one legend.

    Returns:
        the legend's entries.
    """
    ground = picture(image)
    truth, prediction = label_array(truth, ground), label_array(prediction, ground)
    known = np.ones_like(truth, dtype=bool) if void is None else truth != void
    wrong = known & (truth != prediction)
    kinds = (
        ("missed", wrong & (prediction == 0), "\\\\\\\\", COLOURS["red"]),
        ("false alarm", wrong & (truth == 0), "////", COLOURS["blue"]),
        ("wrong class", wrong & (truth > 0) & (prediction > 0), "xxxx", COLOURS["pink"]),
    )
    grey = np.stack([ground.mean(axis=-1)] * 3, axis=-1)
    axes.imshow(0.35 + 0.65 * grey)
    entries = []
    for name, where, pattern, colour in kinds:
        if where.any():
            hatch(axes, where, pattern, "white", fill=colour)
            text = f"{name} {where.sum() / known.sum():.1%}" if shares else name
            entries.append(Patch(facecolor=colour, edgecolor="white", hatch=pattern, label=text))
    bare(axes)
    return entries


def overlay(
    image: Image,
    mask: Image,
    classes: Sequence[str],
    title: str,
    palette: np.ndarray | None = None,
    void: int | None = 255,
) -> Figure:
    """A label map over its image, with a legend; title says what it shows."""
    return panels({"": lambda axes: draw_classes(axes, image, mask, classes, palette, void)}, title)


def label_map(
    mask: Image,
    classes: Sequence[str],
    title: str,
    palette: np.ndarray | None = None,
    void: int | None = 255,
) -> Figure:
    """A label map alone, with a legend."""
    return panels({"": lambda axes: draw_classes(axes, None, mask, classes, palette, void)}, title)


def instances(image: Image, labels: Image, title: str) -> Figure:
    """Instances over their image."""
    return panels({"": lambda axes: draw_instances(axes, image, labels)}, title)


def mistakes(image: Image, truth: Image, prediction: Image, title: str, void: int | None = 255) -> Figure:
    """Where a prediction is wrong, and how."""
    return panels({"": lambda axes: draw_mistakes(axes, image, truth, prediction, void)}, title)


def panels(
    drawings: dict[str, Callable[[Axes], list[Patch] | None]],
    title: str,
    columns: int | None = None,
    width: float = 10,
    legend: bool = True,
) -> Figure:
    """Pictures side by side, each drawn by its own function, under one title, with one legend for all.

    Args:
        drawings: caption -> function that draws on the axes it is given and may return legend entries, as the
            `draw_*` functions do: `{"truth": lambda axes: draw_classes(axes, image, mask, classes)}`.
        title: the finding.
        columns: pictures a row; all in one row where it is None.
        width: inches.
        legend: False where the pictures say by themselves what is what.

    Raises:
        ValueError: where there is nothing to draw.
    """
    if not drawings:
        raise ValueError("panels({...}, title): give at least one drawing, caption -> function")
    columns = min(columns or len(drawings), len(drawings))
    rows = -(-len(drawings) // columns)
    figure, grid = plt.subplots(rows, columns, squeeze=False)
    entries: dict[str, Patch] = {}
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (caption, draw) in zip(grid.flat, drawings.items(), strict=False):
        axes.set_axis_on()
        drawn = draw(axes) or ()
        entries |= {entry.get_label(): entry for entry in drawn if legend}
        axes.set_title(caption, fontsize=14)

    # each row as high as its tallest picture needs, with room for captions, title and legend
    def tallest(row: np.ndarray) -> float:
        shapes = [axes.get_images()[0].get_array().shape[:2] for axes in row if axes.get_images()]
        return max((high / wide for high, wide in shapes), default=0.75)

    heights = [width / columns * tallest(row) + (0.35 if any(drawings) else 0) for row in grid]
    grid[0, 0].get_gridspec().set_height_ratios(heights)
    legend_rows = -(-sum(len(name) + 8 for name in entries) // 80)
    height = sum(heights) + 0.5 + 0.4 * legend_rows
    figure.set_size_inches(width, height)
    figure.suptitle(title, x=0.01, ha="left")
    if entries:
        per_row = -(-len(entries) // legend_rows)
        figure.legend(
            handles=list(entries.values()),
            loc="outside lower center",
            ncols=per_row,
            handlelength=2.2,
            handleheight=1.3,
        )
    return figure


OUTLINE = [effects.withStroke(linewidth=4, foreground="black")]


def picture(image: Tensor | np.ndarray) -> np.ndarray:
    """Any image as what matplotlib draws: (H, W, 3), float, 0 to 1.

    Args:
        image: (3, H, W) or (1, H, W) tensor, or (H, W) or (H, W, 3) array; uint8, or float from 0 to 1.

    Raises:
        ValueError: for other shapes and ranges; names what was found.
    """
    array = image.numpy(force=True) if isinstance(image, Tensor) else np.asarray(image)
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[-1] != 3:
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim == 2:
        array = np.stack([array] * 3, axis=-1)
    if array.ndim != 3 or array.shape[-1] != 3 or not array.size:
        raise ValueError(f"an image is (3, H, W) or (H, W): this has shape {tuple(array.shape)}")
    if array.dtype == np.uint8:
        return array / 255
    array = array.astype(np.float64)
    if not (array.min() >= -1e-6 and array.max() <= 1 + 1e-6):
        raise ValueError(
            f"a float image goes from 0 to 1: this goes from {array.min():.3g} to {array.max():.3g} "
            "(undo the normalisation of the net's input before drawing it)"
        )
    return array.clip(0, 1)


def label_array(mask: Tensor | np.ndarray, image: np.ndarray | None = None) -> np.ndarray:
    """A mask as an (H, W) array of integers, of the image's size.

    Raises:
        ValueError: for another shape, or another size than the image's.
    """
    array = mask.numpy(force=True) if isinstance(mask, Tensor) else np.asarray(mask)
    if array.ndim != 2 or not (array.dtype == bool or np.issubdtype(array.dtype, np.integer)):
        raise ValueError(f"a mask is (H, W), integers: this is {array.dtype} of shape {tuple(array.shape)}")
    if image is not None and array.shape != image.shape[:2]:
        raise ValueError(f"the mask has shape {array.shape}, but the image is {image.shape[:2]}")
    return array.astype(np.int64)


def outline(axes: Axes, mask: np.ndarray, colour, width: float = 2.5) -> None:
    """The border of a mask: a line of that colour on a black one, so that it shows on every ground."""
    padded = np.pad(mask, 1).astype(float)
    rows, columns = np.arange(-1, mask.shape[0] + 1), np.arange(-1, mask.shape[1] + 1)
    for line, tone in ((width + 2, "black"), (width, colour)):
        axes.contour(columns, rows, padded, levels=[0.5], colors=[tone], linewidths=line)


def hatch(axes: Axes, mask: np.ndarray, pattern: str, colour: str, fill: str = "none") -> None:
    """Fill a mask and hatch it."""
    padded = np.pad(mask, 1).astype(float)
    rows, columns = np.arange(-1, mask.shape[0] + 1), np.arange(-1, mask.shape[1] + 1)
    drawn = axes.contourf(columns, rows, padded, levels=[0.5, 1.5], colors=[fill], hatches=[pattern])
    drawn.set_edgecolor(colour)
    drawn.set_linewidth(0)


def write_inside(axes: Axes, mask: np.ndarray, name: str) -> None:
    """Write a name at the point of a mask that is farthest from its border; near a picture's side, inwards from it."""
    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), mask.shape)
    across = (column + 0.5) / mask.shape[1]
    side = "left" if across < 0.25 else "right" if across > 0.75 else "center"
    style = {"ha": side, "va": "center", "color": "white", "weight": "bold", "fontsize": 13}
    axes.text(column, row, name, path_effects=OUTLINE, clip_on=True, **style)


def bare(axes: Axes) -> None:
    """Take ticks and frame away; the picture's edge is the image's edge."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
