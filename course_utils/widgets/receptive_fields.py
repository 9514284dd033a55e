"""Click a unit in any layer: what it can see of the photograph, and what it uses (lecture 02)."""

from dataclasses import dataclass

import numpy as np
import torch
from ipywidgets import IntSlider, SelectionSlider
from torch import Tensor, nn
from torch.nn import functional

from course_utils.figures.boards import Board, coloured
from course_utils.figures.style import COLOURS, GREY
from course_utils.models.coordinates import Geometry, steps
from course_utils.models.imagenet import normalise
from course_utils.widgets.frame import Explorer, device_of

PHOTOGRAPH, FELT = (0, 34, 340), (364, 34, 340)  # left, top, side in pixels of the board
WORDS = 724


@dataclass(frozen=True)
class Layer:
    """A layer that can be asked: its name, all layers up to it, and its geometry."""

    name: str
    net: tuple[nn.Module, ...]
    geometry: Geometry


@dataclass(frozen=True)
class Field:
    """What one unit sees.

    Attributes:
        image: (3, side, side), uint8.
        layer: where the unit is.
        row, column: which unit it is.
        felt: (field, field), from 0 to 1: how much each pixel of its square moves it.
    """

    image: Tensor
    layer: Layer
    row: int
    column: int
    felt: np.ndarray

    @property
    def corner(self) -> tuple[int, int]:
        """First row and column of its square; may lie outside the picture."""
        return self.layer.geometry.window(self.row)[0], self.layer.geometry.window(self.column)[0]

    @property
    def centre(self) -> str:
        """The pixel across and down that it lies over, in words."""
        place = self.layer.geometry.coordinates
        return f"{place(self.column):.0f}, {place(self.row):.0f}"

    @property
    def side(self) -> int:
        """Side of its square: the theoretical receptive field."""
        return self.layer.geometry.receptive_field

    @property
    def effective(self) -> int:
        """Side of the centred square that holds nine tenths of the gradient."""
        rows, columns = np.indices(self.felt.shape)
        far = np.maximum(np.abs(rows - (self.side - 1) / 2), np.abs(columns - (self.side - 1) / 2)).ravel()
        order = far.argsort(kind="stable")
        share = self.felt.ravel()[order].cumsum() / max(self.felt.sum(), 1e-12)
        return int(2 * far[order][np.searchsorted(share, 0.9)] + 1)


def layers_of(net: nn.Module) -> dict[str, Layer]:
    """The convolutions and poolings of a net whose parts run one after the other, each with a name such as "conv 2".

    1x1 convolutions are left out: they see what the layer before them sees.
    """
    found, passed = {}, []
    counts = {"conv": 0, "pool": 0}
    for step in steps(net)[1:]:
        passed.append(step.layer)
        kind = {nn.Conv2d: "conv", nn.MaxPool2d: "pool", nn.AvgPool2d: "pool"}.get(type(step.layer))
        if kind is None or step.layer.kernel_size in (1, (1, 1)):
            continue
        counts[kind] += 1
        name = f"{kind} {counts[kind]}"
        found[name] = Layer(name, tuple(passed), step.geometry)
    return found


def gradient(layer: Layer, crop: Tensor) -> np.ndarray:
    """How much each pixel moves the strongest channel of the one unit that sees exactly this crop.

    Shape:
        crop (3, field, field), normalised -> (field, field), from 0 to 1
    """
    *before, last = layer.net
    with torch.enable_grad():
        given = crop[None].to(device_of(nn.Sequential(*layer.net))).requires_grad_()
        maps = nn.Sequential(*before)(given)
        if isinstance(last, nn.Conv2d):
            # only the strongest channel's weights are needed on the way back, and the last layer may have 37 million
            with torch.no_grad():
                channel = (last.weight.flatten(1) @ maps.flatten() + last.bias).argmax()
            strongest = (maps[0] * last.weight[channel]).sum()
        else:
            strongest = last(maps).max()
        (slope,) = torch.autograd.grad(strongest, given)
    size = slope[0].abs().sum(0).cpu().numpy()
    return size / max(size.max(), 1e-12)


def look(image: Tensor, layer: Layer, across: int, down: int, name: str = "alexnet") -> Field:
    """The unit whose square has its centre nearest to a pixel, and what it sees there.

    Args:
        image: a photograph, uint8; beyond its borders the net sees zeros.
        layer: of a net without padding.
        across, down: the pixel.
        name: whose normalisation the net wants.

    Shape:
        image (3, H, W)
    """
    place = layer.geometry.coordinates
    row, column = (round(float((at - place.shift) / place.scale)) for at in (down, across))
    side = layer.geometry.receptive_field
    top, left = (layer.geometry.window(unit)[0] for unit in (row, column))
    height, width = image.shape[1:]
    edges = (-left, left + side - width, -top, top + side - height)
    crop = functional.pad(normalise(image, name), edges)  # negative edges cut
    return Field(image, layer, row, column, gradient(layer, crop))


def draw(field: Field) -> Board:
    """The photograph with the unit's square, the square's pixels by their gradient, and the two sizes."""
    board = Board(880, 382)
    left, top, side = PHOTOGRAPH
    height, width = field.image.shape[1:]
    scale = side / max(height, width)
    board.image(field.image.numpy().transpose(1, 2, 0), left, top, width * scale, height * scale)
    y, x = (top + field.corner[0] * scale, left + field.corner[1] * scale)
    square = field.side * scale
    board.frame(x, y, square, square, COLOURS["orange"])
    inner = field.effective * scale
    middle = x + square / 2, y + square / 2
    board.frame(middle[0] - inner / 2, middle[1] - inner / 2, inner, inner, COLOURS["sky"], thick=2)
    board.box(left, top + side, 880, 40, facecolor="white", edgecolor="white")
    board.box(left + side + 1, top - 34, 540, 420, facecolor="white", edgecolor="white")
    board.box(left, 0, side, top - 1, facecolor="white", edgecolor="white")
    board.heading(left, 20, f"{field.layer.name}, the unit over ({field.centre})")

    left, top, side = FELT
    board.image(coloured(np.sqrt(field.felt), name="magma"), left, top, side, side)
    inner = field.effective / field.side * side
    corner = left + (side - inner) / 2, top + (side - inner) / 2
    board.frame(*corner, inner, inner, COLOURS["sky"], thick=2)
    board.heading(left, 20, f"its {field.side}×{field.side} pixels: what it uses")
    lines = (
        "can see",
        f"{field.side}",
        "uses (90 %)",
        f"{field.effective}",
        "a unit every",
        f"{field.layer.geometry.stride}",
    )
    for place, words in enumerate(lines):
        write = board.heading if place % 2 else board.write
        write(WORDS, 62 + 24 * place + 14 * (place // 2), words + (" pixels" if place % 2 else ""))
    board.write(WORDS, 250, "orange: sees", color=GREY)
    board.write(WORDS, 274, "blue: uses", color=GREY)
    return board


def describe(field: Field) -> str:
    """The numbers of the board."""
    area = (field.effective / field.side) ** 2
    return (
        f"{field.layer.name.capitalize()}, the unit over pixel ({field.centre}): it can see {field.side}×{field.side} pixels; "
        f"nine tenths of the gradient lie within {field.effective}×{field.effective}, {area:.0%} of that square."
    )


def receptive_field(image: Tensor, net: nn.Module, layer: str = "pool 3", name: str = "alexnet") -> Explorer:
    """An explorer: the receptive field of any unit of any layer, theoretical and by gradient (lecture 02).

    Args:
        image: a photograph, (3, H, W), uint8.
        net: without padding, its parts in the order in which they run (`without_padding(convolutionalize(alexnet))`).
        layer: where the slider begins.
        name: whose normalisation the net wants.
    """
    layers = layers_of(net)
    height, width = image.shape[1:]

    def compute(layer: str, across: int, down: int) -> Field:
        return look(image, layers[layer], across, down, name)

    def point(values: dict, field: Field, x: float, y: float) -> dict:
        left, top, side = PHOTOGRAPH
        scale = max(height, width) / side
        return {"across": round((x - left) * scale), "down": round((y - top) * scale)}

    def walk(values: dict, across: int, down: int) -> dict:
        stride = int(layers[values["layer"]].geometry.stride)
        return {"across": values["across"] + across * stride, "down": values["down"] + down * stride}

    return Explorer(
        "receptive_field",
        title="The receptive field of a unit",
        try_this="click on the photograph, then go from layer to layer. Which grows faster: what a unit can see, or what "
        "it uses? Arrow keys on the picture move from unit to unit.",
        controls={
            "layer": SelectionSlider(options=list(layers), value=layer, description="layer"),
            "across": IntSlider(width // 2, 0, width - 1, description="across"),
            "down": IntSlider(height // 2, 0, height - 1, description="down"),
        },
        compute=compute,
        draw=draw,
        describe=describe,
        alt="A photograph with an orange square, all that one unit can see, and a blue one in its middle, which holds "
        "nine tenths of the gradient; beside it the gradient itself, bright in the middle.",
        point=point,
        walk=walk,
        telling={
            "layer": list(layers),
            "across": [width // 4, width // 2, 3 * width // 4],
            "down": [height // 2],
        },
    )
