"""Mask R-CNN as its stages, on one photograph: what each of them makes of it (Mask R-CNN, section 3; overview, lecture 09).

No net was trained for it: boxes and masks are hand-drawn ones. Sizes come from torchvision's modules.
"""

from collections.abc import Callable
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch, Rectangle
from torch import Tensor
from torch.nn import functional
from torchvision.models.detection import maskrcnn_resnet50_fpn

from course_utils.data.photographs import Annotation
from course_utils.figures.overlays import OUTLINE, bare, outline, picture
from course_utils.figures.style import COLOURS

STAGES = 6
GUESSES = 24  # boxes that a region proposal network might offer, drawn around the true ones


def sizes() -> dict[str, int]:
    """What torchvision's Mask R-CNN cuts out and puts out, in cells a side; nothing is computed.

    Returns:
        "boxes": RoIAlign for the box head; "masks": for the mask head; "mask": the masks; "levels": of the pyramid
    """
    with torch.device("meta"):
        net = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None)
        heads = net.roi_heads
        (cells,) = set(heads.mask_roi_pool.output_size)
        channels = net.backbone.out_channels
        masks = heads.mask_predictor(heads.mask_head(torch.zeros(1, channels, cells, cells)))
    (boxes,) = set(heads.box_roi_pool.output_size)
    return {"boxes": boxes, "masks": cells, "mask": masks.shape[-1], "levels": len(heads.mask_roi_pool.featmap_names)}


def mask_rcnn_drawing(scene: Annotation, title: str = "", upto: int = STAGES) -> Figure:
    """Six stages, from the picture to one mask for each thing.

    Args:
        scene: a photograph with hand-drawn instances.
        title: the finding.
        upto: how many stages to draw, for slides that build it up; everything stays in its place.
    """
    cells = sizes()
    boxes = [box_of(scene.instances == number) for number in range(1, int(scene.instances.max()) + 1)]
    drawings: list[tuple[str, Callable[[Axes], None]]] = [
        ("1  a picture", lambda axes: draw_photograph(axes, scene.image)),
        (
            f"2  backbone: maps of {cells['levels']} sizes",
            lambda axes: draw_pyramid(axes, scene.image, cells["levels"]),
        ),
        ("3  where might a thing be?", lambda axes: draw_proposals(axes, scene.image, boxes)),
        (
            f"4  RoIAlign: {cells['masks']}×{cells['masks']} each",
            lambda axes: draw_crops(axes, scene.image, boxes, cells["masks"]),
        ),
        (
            f"5  class, box, {cells['mask']}×{cells['mask']} mask",
            lambda axes: draw_masks(axes, scene, boxes, cells["mask"]),
        ),
        ("6  one mask for each thing", lambda axes: draw_result(axes, scene)),
    ]
    figure, grid = plt.subplots(2, 3, figsize=(12.3, 4.9))
    figure.get_layout_engine().set(wspace=0.14, hspace=0.08)
    shown = []
    for number, (axes, (caption, draw)) in enumerate(zip((*grid[0], *grid[1, ::-1]), drawings, strict=True), start=1):
        draw(axes)
        axes.set_title(caption, fontsize=13, weight="bold", loc="left")
        axes.set_visible(number <= upto)
        shown.append(axes)
    for before, after in pairwise(shown[:upto]):
        lead(figure, before, after)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def box_of(mask: Tensor) -> tuple[int, int, int, int]:
    """The smallest box around a mask: left, top, right, bottom."""
    rows, columns = mask.nonzero().T
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def draw_photograph(axes: Axes, image: Tensor) -> None:
    """The picture, bare."""
    axes.imshow(picture(image))
    bare(axes)


def draw_pyramid(axes: Axes, image: Tensor, levels: int) -> None:
    """The picture averaged into coarser and coarser cells: the grids of a feature pyramid, not its contents."""
    height, width = image.shape[-2:]
    left = 0.0
    for level in range(levels):
        side = 0.62**level
        cells = functional.adaptive_avg_pool2d(image.float(), (32 // 2**level, 48 // 2**level))
        top = height * (1 - side)
        extent = (left, left + width * side, height, top)
        axes.imshow(picture(cells / 255), extent=extent)
        axes.add_patch(Rectangle((left, top), width * side, height * side, fill=False, edgecolor="black", linewidth=2))
        left += width * side + 0.06 * width
    axes.set(xlim=(0, left), ylim=(height, 0))
    bare(axes)


def draw_proposals(axes: Axes, image: Tensor, boxes: list[tuple[int, int, int, int]]) -> None:
    """Many boxes, and thick ones for those that are kept."""
    draw_photograph(axes, image)
    dice = np.random.default_rng(3)
    for guess in range(GUESSES):
        left, top, right, bottom = boxes[guess % len(boxes)]
        reach = 0.16 * np.array([right - left, bottom - top] * 2)
        left, top, right, bottom = np.array([left, top, right, bottom]) + dice.normal(0, 1, 4) * reach
        corner = Rectangle(
            (left, top), right - left, bottom - top, fill=False, edgecolor="white", linewidth=1, alpha=0.7
        )
        axes.add_patch(corner)
    for (left, top, right, bottom), colour in zip(boxes, colours(len(boxes)), strict=True):
        for tone, thick in (("black", 6), (colour, 3.5)):
            axes.add_patch(
                Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=tone, linewidth=thick)
            )
    axes.set(xlim=(0, image.shape[-1]), ylim=(image.shape[-2], 0))


def colours(count: int) -> list[str]:
    """One colour for each thing, the same in every stage."""
    return [COLOURS[name] for name in ("orange", "sky", "pink", "yellow", "green")][:count]


def draw_crops(axes: Axes, image: Tensor, boxes: list[tuple[int, int, int, int]], cells: int) -> None:
    """Every box as the same small grid, whatever its shape was."""
    for place, ((left, top, right, bottom), colour) in enumerate(zip(boxes, colours(len(boxes)), strict=True)):
        crop = functional.adaptive_avg_pool2d(image[:, top:bottom, left:right].float(), (cells, cells)) / 255
        square(axes, place, colour)
        axes.imshow(picture(crop), extent=(1.15 * place, 1.15 * place + 1, 1, 0))
        for line in np.linspace(0, 1, cells + 1):
            axes.plot([1.15 * place + line] * 2, [0, 1], color="white", linewidth=0.5)
            axes.plot([1.15 * place, 1.15 * place + 1], [line] * 2, color="white", linewidth=0.5)
    squares(axes, len(boxes))


def draw_masks(axes: Axes, scene: Annotation, boxes: list[tuple[int, int, int, int]], cells: int) -> None:
    """For every box its class, and its mask on a small grid of its own."""
    for place, ((left, top, right, bottom), colour) in enumerate(zip(boxes, colours(len(boxes)), strict=True)):
        mask = (scene.instances == place + 1)[top:bottom, left:right].float()[None]
        small = functional.adaptive_avg_pool2d(mask, (cells, cells))[0]
        axes.imshow(small, cmap="gray", vmin=0, vmax=1, extent=(1.15 * place, 1.15 * place + 1, 1, 0))
        square(axes, place, colour)
        style = {"ha": "center", "va": "center", "fontsize": 15, "weight": "bold", "color": "white"}
        axes.text(1.15 * place + 0.5, 0.5, scene.objects[place], path_effects=OUTLINE, **style)
    squares(axes, len(boxes))


def square(axes: Axes, place: int, colour: str) -> None:
    """The frame of one thing's square, in its colour."""
    axes.add_patch(Rectangle((1.15 * place, 0), 1, 1, fill=False, edgecolor=colour, linewidth=7, zorder=0.5))


def squares(axes: Axes, count: int) -> None:
    """Room for squares side by side."""
    axes.set(xlim=(-0.08, 1.15 * count - 0.07), ylim=(1.08, -0.08))
    axes.set_aspect("equal")
    bare(axes)


def draw_result(axes: Axes, scene: Annotation) -> None:
    """The picture with a mask in a colour of its own for each thing."""
    shown = picture(scene.image)
    masks = [(scene.instances == number).numpy() for number in range(1, len(scene.objects) + 1)]
    for mask, colour in zip(masks, colours(len(masks)), strict=True):
        shown = np.where(mask[..., None], 0.4 * shown + 0.6 * np.array(to_rgb(colour)), shown)
    axes.imshow(shown)
    for mask, colour in zip(masks, colours(len(masks)), strict=True):
        outline(axes, mask, colour)
    bare(axes)


def lead(figure: Figure, before: Axes, after: Axes) -> None:
    """An arrow from one stage to the next: right in the upper row, down, left in the lower one."""
    (row, column), (next_row, next_column) = (
        (axes.get_subplotspec().rowspan.start, axes.get_subplotspec().colspan.start) for axes in (before, after)
    )
    ends = ((1.01, 0.5), (-0.01, 0.5)) if next_column > column else ((-0.01, 0.5), (1.01, 0.5))
    ends = ends if next_row == row else ((0.5, -0.02), (0.5, 1.14))
    arrow = ConnectionPatch(
        ends[0], ends[1], "axes fraction", "axes fraction", axesA=before, axesB=after, arrowstyle="-|>", linewidth=3,
        color=COLOURS["blue"], mutation_scale=22, connectionstyle="arc3,rad=0",
    )  # fmt: skip
    arrow.set_in_layout(False)
    figure.add_artist(arrow)
