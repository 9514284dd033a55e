"""Overlap-tile: a picture of any size through a U-Net, tile by tile, without seams (U-Net, section 2; lecture 07).

    logits = overlap_tile(net, image)

A tile is answered only where the net sees its full context, and where the picture ends the context is mirrored. With
`stream` and arrays that lie in files, memory does not grow with the picture.
"""

import mmap
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from course_utils.data.transforms import mirror
from course_utils.models.unet import UNet, context, nearest_legal

Array = Tensor | np.ndarray
Prepare = Callable[[Tensor], Tensor]


def margin(net: UNet) -> int:
    """How many pixels around a tile its answers depend on, on each side: 92 for the paper's net, which cuts them off.

    A padded net answers there too, from the zeros of its padding, so that these answers have to be cut off by hand.
    They reach up to one stride further: which neighbours a pixel is pooled with depends on its place in the stride.
    """
    reach = context(net.depth) // 2
    return reach if not net.padded else -(-(reach + net.stride - 1) // net.stride) * net.stride


def read_tile(image: Array, rows: slice, columns: slice, border: int) -> Tensor:
    """A part of a picture with its context; where the picture ends, it is mirrored (section 2, Figure 2).

    Args:
        image: (C, H, W); only the part that is needed is read.
        rows, columns: from and to, in pixels; may lie past the picture's end.
        border: pixels of context on each side.

    Shape:
        -> (C, rows + 2 * border, columns + 2 * border), of the picture's type
    """
    part, places = image, []
    for axis, wanted in ((1, rows), (2, columns)):
        place = mirror(np.arange(wanted.start - border, wanted.stop + border), image.shape[axis])
        first, last = int(place.min()), int(place.max()) + 1
        part = part[:, first:last] if axis == 1 else part[:, :, first:last]
        places.append(place - first)
    part = part if isinstance(part, Tensor) else torch.from_numpy(np.array(part))
    return part[:, torch.from_numpy(places[0])[:, None], torch.from_numpy(places[1])]


@torch.no_grad()
def stream(
    net: UNet, image: Array, step: int = 384, prepare: Prepare | None = None, progress: bool = True
) -> Iterator[tuple[slice, slice, Tensor]]:
    """The logits of a picture, one tile after the other, from left to right and from top to bottom.

    The same as one pass over the whole picture if `step` is a multiple of the net's stride, 2 ** depth: a U-Net pools
    2x2 squares that are counted from the tile's corner, and a tile that begins elsewhere pools other pixels together.
    So the paper's net, which answers 388x388, steps by 384 = 24 * 16, and a step of 388 leaves a seam.

    Args:
        net: put into eval mode; runs where its weights are.
        image: (C, H, W), any size; an array in a file (`numpy.load(..., mmap_mode="r")`) is read as it goes.
        step: side of a tile's answer, in pixels.
        prepare: from a batch of tiles (1, C, h, w) to what the net takes; floating-point pictures need none.
        progress: whether to show a bar.

    Yields:
        rows, columns, logits (classes, rows, columns) on the CPU

    Raises:
        ValueError: for a picture of another shape or number of channels, or a step below 1.
    """
    if image.ndim != 3 or (prepare is None and image.shape[0] != net.channels):
        raise ValueError(
            f"a picture is (C, H, W), with the net's {net.channels} channels: this is {tuple(image.shape)}"
        )
    if step < 1:
        raise ValueError(f"step = {step}: a tile's answer is at least one pixel wide")
    net.eval()
    device, border = net.score.weight.device, margin(net)
    cut = border if net.padded else 0
    height, width = image.shape[-2:]
    places = [(top, left) for top in range(0, height, step) for left in range(0, width, step)]
    for top, left in tqdm(places, desc="tiles", unit="tile", disable=not progress):
        if left == 0:
            image = mapped_anew(image)
        wanted = [min(step, end - start) for start, end in ((top, height), (left, width))]
        legal = [nearest_legal(side + 2 * border, net.depth, net.padded)[-1] - 2 * border for side in wanted]
        tile = read_tile(image, slice(top, top + legal[0]), slice(left, left + legal[1]), border)[None].to(device)
        logits = net(prepare(tile) if prepare else tile)[0, :, cut : cut + wanted[0], cut : cut + wanted[1]]
        yield slice(top, top + wanted[0]), slice(left, left + wanted[1]), logits.cpu()


def overlap_tile(
    net: UNet,
    image: Array,
    step: int = 384,
    out: Array | None = None,
    prepare: Prepare | None = None,
    progress: bool = True,
) -> Array:
    """The logits of a picture of any size, put together from tiles; see `stream`.

    Args:
        out: where to write them: (classes, H, W), floating point. For large pictures an array in a file, such as
            `numpy.lib.format.open_memmap("logits.npy", "w+", "float32", (2, 8192, 8192))`. A new tensor by default.

    Shape:
        image (C, H, W) -> (classes, H, W)
    """
    size = (net.classes, *image.shape[-2:])
    out = torch.empty(size, dtype=net.score.weight.dtype) if out is None else out
    if tuple(out.shape) != size:
        raise ValueError(f"out has shape {tuple(out.shape)}; for this net and picture it is {size}")
    target = out
    for rows, columns, logits in stream(net, image, step, prepare, progress):
        if columns.start == 0:
            target = mapped_anew(out)
        target[:, rows, columns] = logits if isinstance(out, Tensor) else logits.numpy()
    return out


@torch.no_grad()
def at_once(net: UNet, image: Tensor, prepare: Prepare | None = None) -> Tensor:
    """The same logits from one pass over the whole mirrored picture: what tiles are compared with.

    Shape:
        image (C, H, W) -> (classes, H, W)
    """
    height, width = image.shape[-2:]
    ((_, _, logits),) = stream(net, image, max(height, width), prepare, progress=False)
    return logits


def mapped_anew(array: Array) -> Array:
    """An array in a file, mapped once more: what was read or written so far leaves this process's memory.

    Arrays that lie in memory, and parts of arrays, are given back as they are.
    """
    if not isinstance(array, np.memmap) or not isinstance(array.base, mmap.mmap):
        return array
    mode = "r+" if array.flags.writeable else "r"
    order = "C" if array.flags.c_contiguous else "F"
    return np.memmap(array.filename, array.dtype, mode, array.offset, array.shape, order)
