"""Where an output cell looks: stride, receptive field, sizes and coordinates of a stack of layers (lectures 02, 03).

Every layer maps output coordinates to input coordinates by a scale and a shift. Composed over a net they say which
pixels a cell sees, and by how much the FCN authors' nets have to crop (FCN, section 3 and its released nets).
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from torch import nn

WINDOWED = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)


@dataclass(frozen=True)
class CoordinateMap:
    """Where the centre of output cell o lies in the input: at `scale * o + shift`, pixel centres at whole numbers."""

    scale: Fraction = Fraction(1)
    shift: Fraction = Fraction(0)

    def then(self, later: "CoordinateMap") -> "CoordinateMap":
        """The map from the output of a later layer to the input of this one."""
        return CoordinateMap(self.scale * later.scale, self.scale * later.shift + self.shift)

    def __call__(self, cell: float) -> float:
        return float(self.scale * Fraction(cell) + self.shift)


@dataclass(frozen=True)
class Geometry:
    """What a stack of layers does to one axis of a picture, in pixels of its input.

    Attributes:
        stride: distance between what two neighbouring cells look at.
        receptive_field: side of the square that one cell looks at.
        coordinates: from a cell to the centre of its square.
    """

    stride: Fraction
    receptive_field: int
    coordinates: CoordinateMap

    def window(self, cell: int) -> tuple[int, int]:
        """First pixel that a cell sees, and the one after the last; both may lie outside the picture (padding)."""
        first = math.ceil(self.coordinates(cell) - (self.receptive_field - 1) / 2)
        return first, first + self.receptive_field


@dataclass(frozen=True)
class Step:
    """One layer on the way through a net: what it is, and how large its output is along the axis."""

    layer: nn.Module
    geometry: Geometry
    size: int | None


def geometry(net: nn.Module | Iterable[nn.Module], size: int | None = None) -> Geometry:
    """Stride, receptive field and coordinates of a whole net, from its layers; see `steps`."""
    *_, last = steps(net, size)
    return last.geometry


def output_size(net: nn.Module | Iterable[nn.Module], size: int) -> int:
    """Cells along one axis that a net makes of `size` pixels.

    Raises:
        ValueError: where nothing is left; names the layer.
    """
    *_, last = steps(net, size)
    return last.size


def steps(net: nn.Module | Iterable[nn.Module], size: int | None = None) -> list[Step]:
    """Walk through a net's layers along one axis of the picture, and say after each where things stand.

    Layers with square kernels count (convolutions, transposed convolutions, max and average pooling); all that works
    on each position for itself leaves the geometry alone. Of parallel branches the one that sees most counts.

    Args:
        net: a module whose parts run in the order in which they are listed, or a list of layers.
        size: pixels along the axis; needed for the sizes, and for layers whose padding depends on it.

    Raises:
        ValueError: for a layer without a fixed window, or where a map becomes smaller than a kernel.
    """
    now = Step(nn.Identity(), Geometry(Fraction(1), 1, CoordinateMap()), size)
    walked = [now]
    for layer in [net] if isinstance(net, nn.Module) else net:
        for inner in ordered(layer):
            now = through_branches(inner, now) if isinstance(inner, list) else through(inner, now)
            walked.append(now)
    return walked


def ordered(layer: nn.Module) -> Iterator[nn.Module | list[nn.Module]]:
    """The single layers in a module, in order; parallel branches (Inception's) come as a list."""
    children = dict(layer.named_children())
    branches = [child for name, child in children.items() if name.startswith("branch")]
    if isinstance(layer, (*WINDOWED, nn.ConvTranspose2d)) or not children:
        yield layer
    elif branches and len(branches) == len(children):
        yield branches
    else:
        for name, child in children.items():
            if name != "downsample":  # a residual block's shortcut, which sees less than the block
                yield from ordered(child)


def convolutions_in_line(net: nn.Module | Iterable[nn.Module]) -> int:
    """How many convolutions a picture goes through one after the other; of parallel branches the longest counts.

    8, 16 and 22 for AlexNet, VGG16 and GoogLeNet, their scores included (FCN, Table 1).
    """
    count = 0
    for layer in [net] if isinstance(net, nn.Module) else net:
        for inner in ordered(layer):
            if isinstance(inner, list):
                count += max(convolutions_in_line(branch) for branch in inner)
            else:
                count += isinstance(inner, nn.Conv2d)
    return count


def through_branches(branches: list[nn.Module], before: Step) -> Step:
    """The branch that sees most; all of them have to agree on size, stride and centre."""
    ends = []
    for branch in branches:
        now = before
        for layer in ordered(branch):
            now = through_branches(layer, now) if isinstance(layer, list) else through(layer, now)
        ends.append(now)
    if len({(end.size, end.geometry.coordinates) for end in ends}) > 1:
        raise ValueError(f"{len(branches)} branches disagree about where their cells lie: they cannot be joined")
    widest = max(ends, key=lambda end: end.geometry.receptive_field)
    return Step(nn.ModuleList(branches), widest.geometry, widest.size)


def through(layer: nn.Module, before: Step) -> Step:
    """One layer further."""
    if isinstance(layer, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d | nn.Linear | nn.Flatten):
        raise ValueError(f"{layer} has no fixed window: turn the net with convolutionalize first")
    if not isinstance(layer, (*WINDOWED, nn.ConvTranspose2d)):
        return Step(layer, before.geometry, before.size)
    kernel, stride, dilation = (square(layer, name) for name in ("kernel_size", "stride", "dilation"))
    extent = dilation * (kernel - 1) + 1
    padding, size = padding_and_size(layer, extent, stride, before.size)
    old = before.geometry
    if isinstance(layer, nn.ConvTranspose2d):
        # one step in its output is 1/stride of a step in its input, and several cells overlap in each output
        local = CoordinateMap(Fraction(1, stride), Fraction(2 * padding - extent + 1, 2 * stride))
        widening = old.stride * ((extent - 1) // stride)
    else:
        local = CoordinateMap(Fraction(stride), Fraction(extent - 1, 2) - padding)
        widening = old.stride * (extent - 1)
    field = math.ceil(old.receptive_field + widening)
    return Step(layer, Geometry(old.stride * local.scale, field, old.coordinates.then(local)), size)


def padding_and_size(layer: nn.Module, extent: int, stride: int, size: int | None) -> tuple[Fraction, int | None]:
    """Padding before the first pixel, and the size of the output."""
    if "Same" in type(layer).__name__:  # timm's Conv2dSame: TensorFlow's rule, which depends on the size
        if size is None:
            raise ValueError(f"{type(layer).__name__} pads by the size of its input: say geometry(net, size=...)")
        cells = math.ceil(size / stride)
        return max((cells - 1) * stride + extent - size, 0) // 2, cells
    padding = square(layer, "padding")
    if size is None:
        return padding, None
    if isinstance(layer, nn.ConvTranspose2d):
        return padding, (size - 1) * stride - 2 * padding + extent + square(layer, "output_padding")
    room = size + 2 * padding - extent
    if room < 0:
        raise ValueError(f"{layer} needs {extent} cells, and {size + 2 * padding} are left: the picture is too small")
    cells = room // stride + 1
    if getattr(layer, "ceil_mode", False):
        cells = math.ceil(room / stride) + 1
        if (cells - 1) * stride >= size + padding:  # PyTorch: no window may begin in the padding on the right
            cells -= 1
    return padding, cells


def square(layer: nn.Module, name: str) -> int:
    """A setting of a layer that has to be the same along both axes."""
    value = getattr(layer, name, 1)
    if value == "same":
        return square(layer, "dilation") * (square(layer, "kernel_size") - 1) // 2
    if value == "valid":
        return 0
    values = set(value) if isinstance(value, tuple) else {value}
    if len(values) > 1:
        raise ValueError(f"{layer}: {name} {value} differs between the axes; look at each axis with square layers")
    return int(values.pop())


def crop_offset(larger: CoordinateMap, smaller: CoordinateMap | None = None) -> int:
    """Cells to cut off before the first of a larger map, so that it lies over a smaller one (or over the picture).

    Args:
        larger: from the map that is cropped to the picture.
        smaller: from the map that it is cropped to; the picture itself by default.

    Raises:
        ValueError: where the two have different strides, or lie apart by a fraction of a cell.
    """
    smaller = smaller or CoordinateMap()
    if larger.scale != smaller.scale:
        raise ValueError(f"maps of stride {larger.scale} and {smaller.scale} cannot lie over each other")
    offset = (smaller.shift - larger.shift) / larger.scale
    if offset.denominator != 1:
        raise ValueError(f"the maps lie {offset} cells apart: no whole number of cells to crop aligns them")
    return int(offset)
