"""A net drawn as it is, layer by layer from a real run, and how far its cells see (lectures 02, 04, 06)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Polygon, Rectangle
from matplotlib.ticker import MaxNLocator
from torch import Tensor, nn

from course_utils.figures.overlays import bare, picture
from course_utils.figures.style import COLOURS
from course_utils.models.coordinates import WINDOWED, Step

KINDS = {
    "picture": ("#DDDDDD", ""),
    "convolution": (COLOURS["sky"], ""),
    "pooling": (COLOURS["yellow"], "////"),
    "linear layer": (COLOURS["red"], ""),
    "was a linear layer": (COLOURS["green"], "...."),
    "block": (COLOURS["blue"], ""),
    "upsampling": (COLOURS["pink"], "\\\\\\\\"),
}
TALLEST, DEPTH = 2.6, 0.35  # of the largest map's box, in units of the drawing
POOLINGS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
NAMES = {
    "convolution": "conv",
    "pooling": "pool",
    "linear layer": "fc",
    "was a linear layer": "fc",
    "block": "block",
    "upsampling": "up",
}
DRAWN = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, *POOLINGS)


@dataclass(frozen=True)
class Box:
    """One box of the drawing: the output of a layer, or of several alike in a row.

    Attributes:
        name: such as "conv".
        first: number of its first layer among those of that name; 0 for none.
        kind: a key of `KINDS`.
        channels: of the output.
        size: (height, width) of the output; None for a vector.
        layers: how many layers it stands for.
    """

    name: str
    kind: str
    channels: int
    size: tuple[int, int] | None
    first: int = 0
    layers: int = 1

    def __str__(self) -> str:
        if not self.first:
            return self.name
        last = self.first + self.layers - 1
        return f"{self.name} {self.first}" if self.layers == 1 else f"{self.name} {self.first}\u2013{last}"


@torch.no_grad()
def boxes(net: nn.Module, picture: Tensor, classifier: nn.Module | None = None) -> list[Box]:
    """Run a net on a picture and list what each of its layers puts out.

    Pooling layers that change nothing are left out; neighbours of the same kind and shape share a box. A part with
    branches or shortcuts, such as an Inception block, counts as one layer.

    Args:
        net: any net; layers inside its plain containers are drawn one by one.
        picture: what to run it on; the same for every box, so that the sizes are real ones.
        classifier: what the net was turned from; convolutions that share a linear layer's weights are marked.

    Shape:
        picture (1, 3, H, W)
    """
    found = [Box("picture", "picture", picture.shape[1], tuple(picture.shape[-2:]))]
    linear = [part for part in classifier.modules() if isinstance(part, nn.Linear)] if classifier else []
    turned = {part.weight.data_ptr() for part in linear}
    counts: dict[str, int] = {}

    def note(layer: nn.Module, given: tuple, answer: Tensor) -> None:
        kind = "was a linear layer" if is_turned(layer, turned) else kind_of(layer)
        if kind == "pooling" and given[0].shape == answer.shape:
            return
        name = NAMES[kind]
        # the head's layers are numbered on from the convolutions, as in the papers: conv 5, fc 6
        number = "conv" if name == "fc" else name
        counts[number] = counts.get(number, 0) + 1
        size = tuple(answer.shape[-2:]) if answer.dim() == 4 else None
        last = found[-1]
        if (last.kind, last.channels, last.size) == (kind, answer.shape[1], size):
            found[-1] = replace(last, layers=last.layers + 1)
        else:
            found.append(Box(name, kind, answer.shape[1], size, counts[number]))

    hooks = [layer.register_forward_hook(note) for layer in drawn_layers(net)]
    try:
        net(picture)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def drawn_layers(net: nn.Module) -> list[nn.Module]:
    """The layers that get a box: single ones, and whole blocks with branches or shortcuts."""
    layers = []
    for part in net.children():
        plain = isinstance(part, nn.Sequential | nn.ModuleList)
        inside = any(isinstance(layer, nn.Conv2d) for layer in part.modules())
        if isinstance(part, DRAWN) or (not plain and inside and not is_convolution_with_trimmings(part)):
            layers.append(part)
        else:
            layers += drawn_layers(part)
    return layers


def is_convolution_with_trimmings(part: nn.Module) -> bool:
    """Whether a block holds one convolution only, with its batch norm and activation."""
    return sum(isinstance(layer, nn.Conv2d) for layer in part.modules()) == 1


def is_turned(layer: nn.Module, turned: set[int]) -> bool:
    """Whether a convolution shares its weights with one of a classifier's linear layers."""
    return isinstance(layer, nn.Conv2d) and layer.weight.data_ptr() in turned


def kind_of(layer: nn.Module) -> str:
    """Which kind of box a layer gets."""
    kinds = {nn.Linear: "linear layer", POOLINGS: "pooling", nn.ConvTranspose2d: "upsampling", nn.Conv2d: "convolution"}
    return next((kind for types, kind in kinds.items() if isinstance(layer, types)), "block")


def architecture(
    rows: dict[str, list[Box]], title: str, width: float = 12, room: float = 1.0, upto: int | None = None
) -> Figure:
    """One or more nets, one above the other, drawn to the same scale.

    A box is as high and as deep as the square root of its map's size, and as thick as the logarithm of its channels;
    a vector is a thin bar.

    Args:
        rows: caption -> boxes of a net, as `boxes` lists them.
        title: the finding.
        width: inches.
        room: for the names under the boxes, in units of the drawing; 1 fits a notebook, 2 two rows on a slide.
        upto: how many rows to draw, for a slide that builds them up; the others keep their place. All when left out.
    """
    largest = max(max(box.size) for row in rows.values() for box in row if box.size)
    heights = [TALLEST * 1.22 * max(side(box, largest) for box in row) + room for row in rows.values()]
    inches = 3.1 / (TALLEST * 1.22 + room)
    size = (width, sum(heights) * inches + 0.5 * len(rows) + 1.1)
    figure, grid = plt.subplots(len(rows), 1, figsize=size, squeeze=False, height_ratios=heights)
    columns = column_widths(list(rows.values()), largest)
    for axes in grid[upto or len(rows) :, 0]:
        axes.set_visible(False)
    for axes, (caption, row), high in zip(grid[:, 0], rows.items(), heights, strict=True):
        draw_row(axes, row, largest, columns, room)
        axes.set_xlim(-0.05, sum(columns) + 0.05)
        axes.set_ylim(-room, high - room)
        axes.axis("off")
        axes.set_title(caption, fontsize=14, weight="normal")
    kinds = {box.kind for row in rows.values() for box in row}
    handles = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="black", label=kind)
        for kind, (colour, hatch) in KINDS.items()
        if kind in kinds
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), handleheight=1.2)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def column_widths(rows: list[list[Box]], largest: int) -> list[float]:
    """Room for each column, so that layers of the same place stand under each other."""
    widths = [0.0] * max(map(len, rows))
    for row in rows:
        for column, box in enumerate(row):
            deep = DEPTH * side(box, largest) * TALLEST if box.size else 0.0
            widths[column] = max(widths[column], 0.95, 0.125 * len(str(box)), thickness(box) + deep + 0.2)
    return widths


def draw_row(axes: Axes, row: list[Box], largest: int, columns: list[float], room: float = 1.0) -> None:
    """One net from left to right, each box above its name, channels and size."""
    left = 0.0
    for box, column in zip(row, columns, strict=False):
        thick, high = thickness(box), side(box, largest) * TALLEST
        deep = DEPTH * high if box.size else 0.0
        draw_box(axes, left + (column - thick - deep) / 2, thick, high, deep, *KINDS[box.kind])
        size = "×".join(map(str, box.size)) if box.size else "vector"
        lines = ((-0.12, str(box), "bold"), (-0.42, f"{box.channels} ch" if box.size else str(box.channels), "normal"))
        for height, text, weight in (*lines, (-0.70, size, "normal")):
            axes.text(left + column / 2, height * room, text, ha="center", va="top", fontsize=12, weight=weight)
        left += column


def thickness(box: Box) -> float:
    """Width of a box's front, which stands for its channels."""
    if box.size is None:
        return 0.13
    return 0.045 * torch.tensor(float(box.channels)).log2().item() + 0.04


def side(box: Box, largest: int) -> float:
    """Height of a box from 0 to 1, which stands for its map's size; of a vector, for its length."""
    if box.size is None:
        return 0.5 * torch.tensor(float(box.channels)).log2().item() / 12
    return (max(box.size) / largest) ** 0.5


def draw_box(axes: Axes, left: float, thick: float, high: float, deep: float, colour: str, hatch: str) -> None:
    """A box in oblique projection: front, top and right side."""
    up = 0.6 * deep
    right = left + thick
    faces = [
        ([(left, 0), (right, 0), (right, high), (left, high)], 1.0, hatch),
        ([(left, high), (right, high), (right + deep, high + up), (left + deep, high + up)], 0.75, ""),
        ([(right, 0), (right + deep, up), (right + deep, high + up), (right, high)], 0.5, ""),
    ]
    for corners, strength, pattern in faces:
        rgb = plt.matplotlib.colors.to_rgb(colour)
        shade = tuple(channel * (0.45 + 0.55 * strength) for channel in rgb)
        axes.add_patch(Polygon(corners, facecolor=shade, edgecolor="black", linewidth=1, hatch=pattern))


POOLING_LAYERS = (nn.MaxPool2d, nn.AvgPool2d)
STYLES = ((COLOURS["blue"], "o", "-"), (COLOURS["red"], "s", "--"), (COLOURS["green"], "^", ":"))


def growth(nets: dict[str, Sequence[Step]], title: str) -> Figure:
    """Receptive field after each convolution and pooling.

    Args:
        nets: name -> what `course_utils.models.coordinates.steps` says of it.
        title: the finding.
    """
    figure, axes = plt.subplots(figsize=(10, 5.4))
    for (name, walked), (colour, marker, line) in zip(nets.items(), STYLES, strict=False):
        windowed = [step for step in walked if isinstance(step.layer, (*WINDOWED, nn.ModuleList))]
        fields = [step.geometry.receptive_field for step in windowed]
        places = range(1, len(fields) + 1)
        axes.plot(places, fields, line, color=colour, marker=marker, markersize=7, label=name)
        pools = [place for place, step in zip(places, windowed, strict=True) if isinstance(step.layer, POOLING_LAYERS)]
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
