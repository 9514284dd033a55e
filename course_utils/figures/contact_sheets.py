"""Many pictures at one glance: a data set with its masks, and the course's title picture (lectures 00, 01, 10)."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_utils.data.dataset import Dataset, Sample
from course_utils.data.masks import VOID, voc_palette
from course_utils.data.stickers.scenes import scene
from course_utils.figures.style import GREY, use_course_style

VOID_COLOUR = (224, 224, 192)


def contact_sheet(dataset: Dataset, count: int = 15, columns: int = 3, seed: int = 0, shares: bool = True) -> Figure:
    """Pictures chosen by chance, each with its mask beside it, and the classes' shares of all their pixels.

    Where a data set tells things apart, a white line runs between them. A picture that cannot be read leaves its
    place with the reason, and does not stop the sheet.

    Args:
        dataset: any split.
        count: how many pictures.
        columns: how many pairs stand side by side.
        seed: of the choice.
        shares: False leaves the classes' shares to the title, where there is no room for them.
    """
    use_course_style()
    count = min(count, len(dataset))
    columns = max(1, min(columns, count))
    chosen = sorted(np.random.default_rng(seed).permutation(len(dataset))[:count].tolist())
    rows = -(-count // columns)
    samples = [_read(dataset, index) for index in chosen]
    masks = [sample.mask.numpy() for sample in samples if not isinstance(sample, str)]
    filled = class_shares(masks, len(dataset.classes))
    shown = np.flatnonzero(filled > 0)
    # Low rows for wide pictures: a page without empty bands.
    ratio = min(1.4, float(np.median([mask.shape[0] / mask.shape[1] for mask in masks] or [1.0])))
    width = 14.0 if columns > 1 else 10.0
    heights = [rows * (0.3 + ratio * width / columns / 2) + 0.9, 0.9 + 0.29 * max(2, len(shown))]
    if shares:
        figure = plt.figure(figsize=(width, sum(heights)))
        above, below = figure.subfigures(2, 1, height_ratios=heights)
        _draw_shares(below.subplots(), dataset, filled, shown)
    else:
        figure = above = plt.figure(figsize=(width, heights[0]))
    panels = above.subplots(rows, 2 * columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for place, (index, sample) in enumerate(zip(chosen, samples, strict=True)):
        row, column = divmod(place, columns)
        _draw_pair(panels[row, 2 * column], panels[row, 2 * column + 1], dataset, index, sample)
    above.suptitle(_finding(dataset, count, filled), x=0.01, ha="left")
    return figure


def _draw_pair(left, right, dataset: Dataset, index: int, sample: Sample | str) -> None:
    if isinstance(sample, str):
        left.text(0, 0.5, f"{dataset.items[index]}\n{sample}", va="center", fontsize=10, wrap=True)
        return
    painted = paint(sample.mask.numpy(), dataset.palette, dataset.void)
    if sample.instances is not None:
        painted[_between_things(sample.instances.numpy())] = 255
    left.imshow(sample.image.permute(1, 2, 0).numpy())
    left.set_title(_short(dataset.items[index]), fontsize=11, fontweight="normal")
    right.imshow(painted)


def _between_things(instances: np.ndarray) -> np.ndarray:
    """Where two things touch, one pixel wide; (H, W) bool."""
    line = np.zeros(instances.shape, bool)
    for first, second, mark in (
        (instances[1:], instances[:-1], line[1:]),
        (instances[:, 1:], instances[:, :-1], line[:, 1:]),
    ):
        mark |= (first != second) & (first > 0) & (second > 0) & (first != VOID) & (second != VOID)
    return line


def class_shares(masks: list[np.ndarray], classes: int) -> np.ndarray:
    """The share of each class in all pixels that count; (classes,), adding up to 1."""
    counts = sum((np.bincount(mask[mask < classes], minlength=classes) for mask in masks), np.zeros(classes))
    return counts / max(1, counts.sum())


def paint(mask: np.ndarray, palette, void: int = 255) -> np.ndarray:
    """A mask in its palette's colours, (H, W) -> (H, W, 3) uint8; void is cream."""
    table = np.full((256, 3), VOID_COLOUR, np.uint8)
    table[: len(palette)] = np.array(palette, np.uint8)
    table[void] = VOID_COLOUR
    return table[np.clip(mask, 0, 255)]


def _read(dataset: Dataset, index: int) -> Sample | str:
    try:
        return dataset.sample(index)
    except (OSError, ValueError) as error:
        return str(error)


def _draw_shares(axes, dataset: Dataset, shares: np.ndarray, shown: np.ndarray) -> None:
    order = shown[np.argsort(shares[shown])]
    colours = [np.array(dataset.palette[number]) / 255 for number in order]
    bars = axes.barh([dataset.classes[number] for number in order], 100 * shares[order], color=colours)
    for bar in bars:
        bar.set_edgecolor(GREY)
    axes.bar_label(bars, [f"{100 * share:.1f} %" for share in shares[order]], padding=4, fontsize=12)
    axes.set_xlim(0, 100 * shares.max() * 1.12 if len(shown) else 1)
    axes.set_xlabel("share of the pixels that count, in percent")
    axes.tick_params(axis="y", labelsize=12)


def _finding(dataset: Dataset, count: int, shares: np.ndarray) -> str:
    first, *others = np.argsort(-shares)[:2]
    fills = f"{dataset.classes[first]} fills {100 * shares[first]:.0f} % of the pixels"
    fills += "".join(
        f", {dataset.classes[second]} {100 * shares[second]:.0f} %" for second in others if shares[second] > 0
    )
    return f"{dataset.name}, {dataset.split}: {fills}\n({count} of {len(dataset):,} pictures, {len(dataset.classes)} classes)"


def _short(item: str) -> str:
    return item if len(item) <= 26 else f"{item[:12]}...{item[-11:]}"


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
