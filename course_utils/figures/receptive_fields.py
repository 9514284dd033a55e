"""How far a cell sees, drawn: growing from layer to layer, and over the photograph (lectures 02, 04)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from torch import Tensor, nn

from course_utils.figures.canvas import bare, picture
from course_utils.figures.style import COLOURS
from course_utils.models.geometry import WINDOWED, Step

POOLINGS = (nn.MaxPool2d, nn.AvgPool2d)
STYLES = ((COLOURS["blue"], "o", "-"), (COLOURS["red"], "s", "--"), (COLOURS["green"], "^", ":"))


def growth(nets: dict[str, Sequence[Step]], title: str) -> Figure:
    """Receptive field after each convolution and pooling.

    Args:
        nets: name -> what `course_utils.models.geometry.steps` says of it.
        title: the finding.
    """
    figure, axes = plt.subplots(figsize=(10, 5.4))
    for (name, walked), (colour, marker, line) in zip(nets.items(), STYLES, strict=False):
        windowed = [step for step in walked if isinstance(step.layer, (*WINDOWED, nn.ModuleList))]
        fields = [step.geometry.receptive_field for step in windowed]
        places = range(1, len(fields) + 1)
        axes.plot(places, fields, line, color=colour, marker=marker, markersize=7, label=name)
        pools = [place for place, step in zip(places, windowed, strict=True) if isinstance(step.layer, POOLINGS)]
        hollow = {"markerfacecolor": "white", "markeredgecolor": colour, "markersize": 9, "markeredgewidth": 2}
        axes.plot(pools, [fields[place - 1] for place in pools], marker, **hollow)
        style = {"weight": "bold", "ha": "right", "va": "bottom"}
        axes.annotate(f"{fields[-1]} pixels", (places[-1], fields[-1]), (-8, 4), textcoords="offset points", **style)
    axes.plot([], [], "o", markerfacecolor="white", markeredgecolor="black", markeredgewidth=2, label="hollow: pooling")
    axes.set_xlabel("layer (convolutions and poolings, in order)")
    axes.set_ylabel("receptive field (pixels)")
    axes.set_ylim(0, 1.1 * axes.get_ylim()[1])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper left")
    axes.set_title(title)
    return figure


def sensitivity(net: nn.Module, images: Tensor, cell: tuple[int, int]) -> Tensor:
    """How much each pixel moves the strongest answer of one cell: the size of the gradient there.

    Args:
        net: a fully convolutional net.
        images: one normalised picture.
        cell: (row, column) of the answer.

    Shape:
        images (1, 3, H, W) -> (H, W), from 0 to 1
    """
    with torch.enable_grad():
        given = images.detach().clone().requires_grad_()
        scores = net(given)[0, :, cell[0], cell[1]]
        (gradient,) = torch.autograd.grad(scores.max(), given)
    size = gradient[0].abs().sum(dim=0)
    return size / size.max()


def fields_over(
    image: Tensor,
    fields: Sequence[tuple[str, tuple[int, int], tuple[int, int]]],
    felt: Tensor,
    title: str,
) -> Figure:
    """Left: what one place of each layer sees, as squares over the photograph. Right: which pixels moved the answer.

    Args:
        image: uint8, RGB.
        fields: (name, (top, left), (bottom, right)) in pixels; the last one is the whole net's.
        felt: what `sensitivity` says.
        title: the finding.

    Shape:
        image (3, H, W), felt (H, W)
    """
    height, width = image.shape[-2:]
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 6 * height / width + 1.0))
    left.imshow(picture(image))
    colours = [COLOURS[name] for name in ("yellow", "orange", "sky", "pink", "green")]
    for (name, first, last), colour in zip(fields, colours * len(fields), strict=False):
        for tone, thick in (("black", 6), (colour, 3)):
            left.add_patch(square(first, last, tone, thick))
        style = {"color": "black", "fontsize": 12, "weight": "bold", "bbox": {"facecolor": colour, "pad": 1.5}}
        left.text(first[1], first[0] - 6, name, va="bottom", **style)
    left.set_title("what one cell sees after each layer", fontsize=14, weight="normal")
    right.imshow(felt.sqrt().numpy(force=True), cmap="magma")
    _, first, last = fields[-1]
    right.add_patch(square(first, last, "white", 3))
    right.set_title("how much each pixel moves its answer", fontsize=14, weight="normal")
    for axes in (left, right):
        bare(axes)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def square(first: tuple[int, int], last: tuple[int, int], colour: str, width: float) -> Rectangle:
    """The outline of a window given by its corners (top, left), (bottom, right)."""
    corner = (first[1] - 0.5, first[0] - 0.5)
    return Rectangle(corner, last[1] - first[1], last[0] - first[0], fill=False, edgecolor=colour, linewidth=width)
