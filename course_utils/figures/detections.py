"""Boxes drawn: anchors and whom they match, proposals, what pooling reads, rankings, things found (lecture 09)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from torch import Tensor

from course_utils.figures.learning import LOOKS
from course_utils.figures.overlays import OUTLINE, bare, draw_image, outline, panels, picture
from course_utils.figures.style import COLOURS, GREY

THINGS = ("orange", "sky", "pink", "yellow", "green", "blue", "red")


def draw_rectangles(axes: Axes, boxes: Tensor, colours: Sequence[str], width: float = 2.5, style: str = "-") -> None:
    """Boxes (N, 4) in pixels over a picture, each in its colour on a black line."""
    for (x1, y1, x2, y2), colour in zip(boxes.tolist(), colours, strict=True):
        for tone, line in (("black", width + 2), (colour, width)):
            corner = (x1 - 0.5, y1 - 0.5)  # matplotlib's pixel 0 reaches from -0.5 to 0.5
            shape = Rectangle(corner, x2 - x1, y2 - y1, fill=False, edgecolor=tone, linewidth=line, linestyle=style)
            axes.add_patch(shape)


def draw_things(axes: Axes, image: Tensor, things: dict[str, Tensor], surest: float = 0.0, boxes: bool = True) -> None:
    """Things with a mask and a box each, in colours of their own, and how sure the net is where it says so.

    Args:
        image: (3, H, W).
        things: masks (K, H, W) and boxes (K, 4), from a target or from what a net found; scores (K,) where it did.
        surest: things less sure than this are left out.
        boxes: draw the boxes, too.
    """
    shown, scores = picture(image), things.get("scores")
    kept = [place for place in range(len(things["masks"])) if scores is None or scores[place] >= surest]
    tones = [COLOURS[THINGS[place % len(THINGS)]] for place in range(len(kept))]
    masks = [things["masks"][place].numpy() > 0 for place in kept]
    for mask, tone in reversed(list(zip(masks, tones, strict=True))):
        shown = np.where(mask[..., None], 0.45 * shown + 0.55 * np.array(to_rgb(tone)), shown)
    axes.imshow(shown)
    for mask, tone in zip(masks, tones, strict=True):
        outline(axes, mask, tone, width=1.5)
    if boxes and kept:
        draw_rectangles(axes, things["boxes"][kept], tones, width=1.5)
    written: list[tuple[float, float]] = []
    wide, high = 0.24 * image.shape[-1], 0.12 * image.shape[-1]  # of a number, four panels in a row of a slide
    for place in kept if scores is not None else ():
        x, y = (max(corner, 0) + 2 for corner in things["boxes"][place, :2].tolist())
        x = min(x, image.shape[-1] - wide)
        while any(abs(x - left) < wide and abs(y - top) < high for left, top in written):
            y += high  # below the one that is there
        written.append((x, y))
        style = {"color": "white", "weight": "bold", "fontsize": 12, "path_effects": OUTLINE, "clip_on": True}
        axes.text(x, y, f"{scores[place]:.2f}", va="top", **style)
    axes.set(xlim=(-0.5, image.shape[-1] - 0.5), ylim=(image.shape[-2] - 0.5, -0.5))
    bare(axes)


def matched_anchors(image: Tensor, boxes: Tensor, anchors: Tensor, matched: Tensor, lone: Tensor, title: str) -> Figure:
    """Anchors on their grid, those that belong to a thing drawn, and how many each thing got.

    Args:
        image: (3, H, W).
        boxes: (M, 4), of the true things.
        anchors: (N, 4).
        matched: (N,), as `match_boxes` gives it.
        lone: (M,), bool: things that got anchors only because these are their best.
        title: the finding.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5.2), width_ratios=(1, 1.15))
    draw_image(left, image)
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2 - 0.5
    left.plot(*centres.unique(dim=0).T.tolist(), ".", color="white", markersize=3, markeredgecolor="none")
    tones = [COLOURS[THINGS[number % len(THINGS)]] for number in range(len(boxes))]
    for number, tone in enumerate(tones):
        for anchor in anchors[matched == number].tolist():
            corner, sides = (anchor[0] - 0.5, anchor[1] - 0.5), (anchor[2] - anchor[0], anchor[3] - anchor[1])
            left.add_patch(Rectangle(corner, *sides, fill=False, edgecolor=tone, linewidth=1, alpha=0.8))
    draw_rectangles(left, boxes, tones, width=3)
    for number, (x1, y1, *_) in enumerate(boxes.tolist()):
        left.text(x1 + 2, y1 + 2, str(number + 1), va="top", color="white", weight="bold", path_effects=OUTLINE)
    left.set(xlim=(-0.5, image.shape[-1] - 0.5), ylim=(image.shape[-2] - 0.5, -0.5))
    counts = [int((matched == number).sum()) for number in range(len(boxes))]
    for number, (count, tone) in enumerate(zip(counts, tones, strict=True)):
        right.barh(number, count, color=tone, edgecolor="black", hatch="///" if lone[number] else "", height=0.7)
        right.text(count + 0.02 * max(counts), number, f"{count}", va="center", weight="bold")
    right.set_yticks(range(len(boxes)), [f"thing {number + 1}" for number in range(len(boxes))])
    right.invert_yaxis()
    right.set(xlabel="anchors that belong to it", xlim=(0, 1.15 * max(counts)))
    if lone.any():
        entry = Patch(
            facecolor="white", edgecolor="black", hatch="///", label="only as its best, under the IU asked for"
        )
        figure.legend(handles=[entry], loc="outside lower right")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def recall_over_steps(steps: Sequence[int], recalls: dict[str, Sequence[float]], title: str) -> Figure:
    """The share of true boxes that the best proposals reach, over the steps of a training."""
    figure, axes = plt.subplots(figsize=(10, 4.6))
    for (name, values), (colour, marker) in zip(recalls.items(), LOOKS, strict=False):
        axes.plot(steps, values, color=COLOURS[colour], marker=marker, markersize=8, label=name)
    axes.set(xlabel="steps of training", ylabel="recall at IU 0.5", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def ramp_readings(shifts: Tensor, readings: dict[str, Tensor], stride: int, title: str) -> Figure:
    """What a bin reads of a ramp while its box moves by parts of a pixel; right is the diagonal.

    Args:
        shifts: pixels by which the box was moved.
        readings: name -> what was read, in pixels from where the bin began.
        stride: of the map.
        title: the finding.
    """
    figure, axes = plt.subplots(figsize=(10, 5))
    axes.plot(shifts, shifts, color=GREY, linewidth=7, alpha=0.35, label="where the bin is")
    looks = (("red", "-"), ("orange", "--"), ("blue", "-"))
    for (name, values), (colour, style) in zip(readings.items(), looks, strict=False):
        axes.plot(shifts, values, style, color=COLOURS[colour], label=name)
    axes.set_xticks(range(0, int(shifts.max()) + 1, stride))
    axes.set(xlabel=f"the box moves, pixels (a cell is {stride} wide)", ylabel="what the bin reads, pixels")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def in_pairs(values: dict[str, dict[str, Sequence[float]]], label: str, title: str) -> Figure:
    """Bars side by side: for each group its arms, a dot for each seed.

    Args:
        values: group -> arm -> one value a seed; all groups have the same arms.
        label: what is measured.
        title: the finding.
    """
    figure, axes = plt.subplots(figsize=(10, 4.8))
    arms = list(next(iter(values.values())))
    wide = 0.8 / len(arms)
    looks = (("orange", "///"), ("sky", ""), ("green", "..."), ("pink", "xx"))
    for place, group in enumerate(values.values()):
        for number, (arm, (colour, pattern)) in enumerate(zip(arms, looks, strict=False)):
            seeds, x = group[arm], place + (number - (len(arms) - 1) / 2) * wide
            face = {"color": COLOURS[colour], "hatch": pattern, "edgecolor": "black", "width": 0.92 * wide}
            axes.bar(x, np.mean(seeds), label=arm if not place else None, **face)
            axes.plot(x + np.linspace(-0.2, 0.2, len(seeds)) * wide, seeds, "o", color="black", markerfacecolor="white")
            axes.text(x, max(seeds), f"{np.mean(seeds):.2f}\n", ha="center", va="center", weight="bold")
    highest = max(max(seeds) for group in values.values() for seeds in group.values())
    axes.set_xticks(range(len(values)), list(values))
    axes.set(ylabel=label, ylim=(0, 1.1 * highest))
    figure.legend(loc="outside lower center", ncols=len(arms))
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def pasted(image: Tensor, drawn: Tensor, box: Tensor, whole: Tensor, title: str) -> Figure:
    """A mask as the head draws it, and pasted into its box: values, and what is above one half.

    Args:
        image: (3, H, W).
        drawn: (M, M), 0 to 1.
        box: (4,).
        whole: (H, W), the pasted values.
        title: the finding.
    """
    x1, y1, x2, y2 = box.tolist()
    margin = 0.15 * max(x2 - x1, y2 - y1)
    window = {"xlim": (x1 - margin, x2 + margin), "ylim": (y2 + margin, y1 - margin)}

    def draw_cells(axes: Axes) -> None:
        axes.imshow(drawn.numpy(), cmap="gray", vmin=0, vmax=1)
        bare(axes)

    def draw_values(axes: Axes) -> None:
        axes.imshow(whole.numpy(), cmap="gray", vmin=0, vmax=1)
        draw_rectangles(axes, box[None], [COLOURS["yellow"]], width=2)
        axes.set(**window)
        bare(axes)

    def draw_mask(axes: Axes) -> None:
        draw_image(axes, image)
        outline(axes, (whole > 0.5).numpy(), COLOURS["orange"])
        draw_rectangles(axes, box[None], [COLOURS["yellow"]], width=2)
        axes.set(**window)

    side = drawn.shape[-1]
    drawings = {
        f"what the head draws: {side}x{side}": draw_cells,
        f"in its box, {x2 - x1:.1f} x {y2 - y1:.1f} pixels": draw_values,
        "above one half": draw_mask,
    }
    return panels(drawings, title, width=12)


def precision_recall(curves: dict[str, tuple[Tensor, Tensor]], title: str) -> Figure:
    """Precision down the ranking, faint, and the best that is still to come, whose area is AP.

    Args:
        curves: name -> (recall, precision) after each detection, best first.
        title: the finding.
    """
    figure, axes = plt.subplots(figsize=(10, 5))
    for (name, (recall, precision)), (colour, _) in zip(curves.items(), LOOKS, strict=False):
        best = np.maximum.accumulate(precision.numpy()[::-1])[::-1]
        axes.plot(recall, precision, color=COLOURS[colour], linewidth=1, alpha=0.6)
        edges = np.concatenate([[0], recall.numpy(), recall.numpy()[-1:]])
        axes.step(edges, np.concatenate([best[:1], best, [0]]), where="pre", color=COLOURS[colour], label=name)
    axes.set(xlabel="recall: share of the things found so far", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.suptitle(title, x=0.01, ha="left")
    return figure
