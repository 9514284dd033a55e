"""Upsampling as a linear map: the bilinear kernel, and transposed convolutions that hold it (FCN, section 3.3; lecture 03)."""

from collections.abc import Callable
from fractions import Fraction

import torch
from torch import Tensor, nn

from course_utils.models.coordinates import CoordinateMap


def bilinear_kernel(size: int) -> Tensor:
    """The weights with which one coarse cell is spread over `size` x `size` pixels (FCN, section 3.3; lecture 03).

    Pixel x of the kernel gets 1 - |x - centre| / reach along each axis, with centre = (size - 1) / 2 and
    reach = (size + 1) // 2; the two axes are multiplied. The reach is the distance at which a cell stops counting,
    which is the stride that the kernel is made for: 32 for the sizes 63 and 64.

    Args:
        size: side of the kernel in pixels, 1 or more.

    Shape:
        (size, size), float32, largest in the middle

    Raises:
        ValueError: for a size below 1.
    """
    if size < 1:
        raise ValueError(f"a bilinear kernel of {size} pixels does not exist: the size is 1 or more")
    centre, reach = (size - 1) / 2, (size + 1) // 2
    line = 1 - (torch.arange(size) - centre).abs() / reach
    return torch.outer(line, line)


def bilinear_deconvolution(channels: int, kernel_size: int, stride: int, depthwise: bool = False) -> nn.ConvTranspose2d:
    """A transposed convolution that starts as bilinear interpolation, channel by channel, as the FCN authors' nets do.

    It has no bias and no padding, so its output is wider than the picture it answers for: crop it, see
    `course_utils.models.coordinates.crop_offset`. Between channels its weights are zero; training may change them.

    Args:
        channels: channels in and out, one for each class.
        kernel_size: side of the kernel in pixels. 2 * stride puts a cell between pixels; 2 * stride - 1 puts it on one.
        stride: pixels between two cells.
        depthwise: hold the diagonal alone (groups = channels): the same output several times faster, for a layer that
            stays fixed or whose classes are not to mix.

    Shape:
        (N, channels, h, w) -> (N, channels, (h - 1) * stride + kernel_size, (w - 1) * stride + kernel_size)

    Raises:
        ValueError: where the kernel is not one of the two sizes that interpolate at this stride.

    Source:
        FCN, section 4.3: the last upsampling is fixed to bilinear, the inner ones start there and are learned.
    """
    if kernel_size not in (2 * stride - 1, 2 * stride):
        raise ValueError(
            f"a kernel of {kernel_size} does not interpolate at stride {stride}: take {2 * stride}, or {2 * stride - 1}"
        )
    groups = channels if depthwise else 1
    layer = nn.utils.skip_init(nn.ConvTranspose2d, channels, channels, kernel_size, stride, groups=groups, bias=False)
    diagonal = torch.zeros(channels, dtype=torch.long) if depthwise else torch.arange(channels)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[torch.arange(channels), diagonal] = bilinear_kernel(kernel_size)
    return layer


def matrix_of(linear_map: Callable[[Tensor], Tensor], *shape: int) -> Tensor:
    """The matrix of a linear map of lines or maps: column j is what it makes of a 1 at place j (lecture 03).

    Args:
        linear_map: takes (N, 1, *shape), works on each of the N alone, and adds nothing (no bias).
        shape: of what it takes: (size,) for a line, (height, width) for a map, which is read row by row.

    Shape:
        (places out, places in)

    Raises:
        ValueError: where the map makes something of nothing, so that no matrix describes it.
    """
    with torch.no_grad():
        nothing = linear_map(torch.zeros(1, 1, *shape))
        if nothing.any():
            raise ValueError(
                f"the map makes {float(nothing.abs().max()):g} of an input of zeros: is there a bias? It has no matrix."
            )
        places = torch.Size(shape).numel()
        return linear_map(torch.eye(places).view(places, 1, *shape)).flatten(1).T.contiguous()


def coverage(layer: nn.Module, size: int) -> Tensor:
    """How much weight each output pixel of a transposed convolution receives: its answer to a map of ones (lecture 03).

    Where it is even, a flat input stays flat. Where it goes up and down, every picture gets that pattern: a checkerboard.

    Args:
        layer: maps (1, C, size, size) to (1, C', H, W) without a bias.
        size: cells along each side of the input.

    Shape:
        (H, W), summed over the input channels, mean over the output channels
    """
    channels = next(part.in_channels for part in layer.modules() if hasattr(part, "in_channels"))
    with torch.no_grad():
        return layer(torch.ones(1, channels, size, size)).mean(dim=(0, 1))


def checkerboard(picture: Tensor, period: int) -> float:
    """How strongly a pattern that repeats every `period` pixels shows in a picture (lecture 03).

    The pixels are sorted by their place within a period. Each of the period x period places has a mean brightness; the
    brightest less the darkest, in units of the picture's standard deviation, is the pattern's strength. A photograph
    has next to none.

    Args:
        picture: one channel.
        period: pixels after which the pattern repeats: the product of the strides of all upsampling layers.

    Shape:
        (H, W)

    Raises:
        ValueError: where the picture is smaller than one period.
    """
    height, width = (side // period * period for side in picture.shape)
    if not height or not width:
        raise ValueError(f"a picture of {tuple(picture.shape)} does not hold one period of {period} pixels")
    places = picture[:height, :width].reshape(height // period, period, width // period, period).mean(dim=(0, 2))
    return float((places.max() - places.min()) / picture.std().clamp_min(1e-12))


Grid = tuple[CoordinateMap, CoordinateMap]
PIXELS: Grid = (CoordinateMap(), CoordinateMap())


def places_in(coarse: CoordinateMap, fine: CoordinateMap, count: int) -> Tensor:
    """Where the first `count` cells of a fine map lie in a coarse one, in coarse cells: 0.5 is between the first two.

    Shape:
        (count,), float32
    """
    first = (fine.shift - coarse.shift) / coarse.scale
    step = Fraction(fine.scale) / coarse.scale
    return float(first) + float(step) * torch.arange(count, dtype=torch.float32)


def interpolation_matrix(places: Tensor, cells: int) -> Tensor:
    """The matrix that interpolates a line of cells at some places; past the first and last cell, their value holds.

    A row has two weights at most, 1 less the distance to the cell, and they sum up to 1.

    Shape:
        places (count,) in cells -> (count, cells)
    """
    places = places.clamp(0, cells - 1)
    return (1 - (places[:, None] - torch.arange(cells, device=places.device)).abs()).clamp(min=0)


def resample(scores: Tensor, here: Grid, there: Grid, size: tuple[int, int]) -> Tensor:
    """Scores interpolated bilinearly at the cells of another map: first along the rows, then along the columns.

    Args:
        scores: of a map whose cells look where `here` says.
        here, there: coordinate maps of rows and of columns, from a map's cells to pixels.
        size: rows and columns of the other map.

    Shape:
        scores (N, C, h, w) -> (N, C, *size)
    """
    rows, columns = (
        interpolation_matrix(places_in(coarse, fine, count), cells).to(scores)
        for coarse, fine, count, cells in zip(here, there, size, scores.shape[-2:], strict=True)
    )
    return rows @ (scores @ columns.T)
