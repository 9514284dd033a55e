"""From a box to a small map of it and back: RoIPool, RoIAlign, and a mask pasted into its picture (lecture 09).

A map's cell is `stride` pixels wide, and its centre lies in the middle of these pixels. So a box at x pixels is at
x / stride - 0.5 in numbers of cells: RoIAlign computes with that, RoIPool rounds it away.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


def roi_align(
    maps: Tensor,
    boxes: Tensor,
    pictures: Tensor,
    size: int,
    stride: float = 1,
    points: int = 2,
    aligned: bool = True,
) -> Tensor:
    """What a map holds inside each box, as size x size bins; nothing is rounded (Mask R-CNN, section 3, RoIAlign).

    In each bin `points` x `points` places are spaced regularly, the map is read there bilinearly, and their mean is
    the bin's value. Places more than a cell outside the map read 0. Gradients reach the maps.

    Args:
        boxes: in pixels.
        pictures: which of the N maps each box lies on.
        size: bins along a side.
        stride: pixels that a cell of the map is wide.
        points: places along a side of a bin; the paper's four points are 2.
        aligned: cells have their centres in their middles. False is torchvision's `MultiScaleRoIAlign`, half a cell
            off, with boxes that are at least one cell wide.

    Shape:
        maps (N, C, H, W), boxes (R, 4), pictures (R,) int64 -> (R, C, size, size)
    """
    count, channels, height, width = maps.shape
    _refuse_strangers(boxes, pictures, count)
    corners = boxes.to(_precision(maps)) / stride - (0.5 if aligned else 0)
    starts, lengths = corners[:, :2], corners[:, 2:] - corners[:, :2]
    lengths = lengths if aligned else lengths.clamp(min=1)
    columns, across = _cells_and_weights(starts[:, 0], lengths[:, 0], size, points, width)
    rows, down = _cells_and_weights(starts[:, 1], lengths[:, 1], size, points, height)
    cells = (pictures[:, None, None] * height + rows)[:, :, None, :, None] * width + columns[:, None, :, None, :]
    weights = down[:, :, None, :, None] * across[:, None, :, None, :]
    # a bin is a weighted sum of cells, which is what an embedding bag computes: of a table with a row for each cell
    table = maps.permute(0, 2, 3, 1).reshape(-1, channels).to(weights.dtype)
    bins = functional.embedding_bag(
        cells.reshape(-1, (2 * points) ** 2),
        table,
        per_sample_weights=weights.reshape(-1, (2 * points) ** 2),
        mode="sum",
    )
    return bins.view(len(boxes), size, size, channels).permute(0, 3, 1, 2).to(maps.dtype)


def _cells_and_weights(start: Tensor, length: Tensor, bins: int, points: int, cells: int) -> tuple[Tensor, Tensor]:
    """Along one axis: the cells before and after each place, and their share in its bin; both (R, bins, 2 * points)."""
    steps = (torch.arange(bins * points, dtype=start.dtype, device=start.device) + 0.5) / (bins * points)
    places = start[:, None] + steps * length[:, None]
    seen = (places >= -1) & (places <= cells)
    places = places.clamp(0, cells - 1)
    before = places.floor()
    after = (before + 1).clamp(max=cells - 1)
    near = torch.stack([before, after], dim=-1).long()
    share = torch.stack([1 - (places - before), places - before], dim=-1) * seen[..., None] / points
    return near.view(-1, bins, 2 * points), share.view(-1, bins, 2 * points)


def roi_pool(maps: Tensor, boxes: Tensor, pictures: Tensor, size: int, stride: float = 1) -> Tensor:
    """RoIPool, which rounds twice: the box to whole cells, then each bin to whole cells (Fast R-CNN, section 2.1).

    Corners go to the nearest cell, and the last cell belongs to the box. A bin reaches from the cell in which it
    begins to the one in which it ends, and takes their maximum; 0 where it has none.

    Shape:
        maps (N, C, H, W), boxes (R, 4) in pixels, pictures (R,) int64 -> (R, C, size, size)
    """
    _refuse_strangers(boxes, pictures, len(maps))
    corners = boxes.to(_precision(boxes)) / stride
    corners = (corners.sign() * (corners.abs() + 0.5).floor()).long()  # torch.round would take 2.5 to 2
    lengths = (corners[:, 2:] - corners[:, :2] + 1).clamp(min=1)
    columns, some_across = _cells_of_bins(corners[:, 0], lengths[:, 0], size, maps.shape[-1])
    rows, some_down = _cells_of_bins(corners[:, 1], lengths[:, 1], size, maps.shape[-2])
    pooled = [maps.new_zeros(0, maps.shape[1], size, size)]
    for roi, picture in enumerate(pictures.tolist()):
        cells = maps[picture][:, rows[roi]][..., columns[roi]]
        empty = ~(some_down[roi, :, None] & some_across[roi])
        pooled.append(cells.amax(dim=(2, 4)).masked_fill(empty, 0)[None])
    return torch.cat(pooled)


def _cells_of_bins(first: Tensor, length: Tensor, bins: int, cells: int) -> tuple[list[Tensor], Tensor]:
    """Along one axis: for each RoI its bins' cells (bins, longest), the last one repeated; and which bins have any."""
    number = torch.arange(bins, device=first.device)
    begin = (first[:, None] + number * length[:, None] // bins).clamp(0, cells)
    end = (first[:, None] - (-(number + 1) * length[:, None]) // bins).clamp(0, cells)
    inside = [
        torch.minimum(start[:, None] + torch.arange(longest, device=first.device), stop[:, None] - 1).clamp(min=0)
        for start, stop, longest in zip(begin, end, (end - begin).amax(dim=1).clamp(min=1).tolist(), strict=True)
    ]
    return inside, end > begin


def pyramid_level(boxes: Tensor) -> Tensor:
    """The level of a pyramid whose map suits each box: floor(4 + log2(sqrt(w h) / 224)) (FPN, section 4.2, equation 1).

    Level k has stride 2^k. A box as large as an ImageNet picture, 224, is read where ImageNet nets have their last
    maps but one.

    Shape:
        boxes (N, 4) in pixels -> (N,) int64, not yet kept within the levels that there are
    """
    sides = (boxes[:, 2:] - boxes[:, :2]).to(_precision(boxes))
    # a millionth, so that a box of exactly 112 is not put a level lower by rounding; a box without area is tiny
    level = 4 + (sides.prod(dim=-1).clamp(min=1e-12).sqrt() / 224).log2() + 1e-6
    return level.floor().long()


class RoIPooler(nn.Module):
    """Cut each box out of the level of the pyramid that suits it, all to one size (FPN, section 4.2).

    Args:
        strides: of the maps, finest first, powers of two; maps beyond these serve the proposals alone.
        size: bins along a side.
        pool: `roi_align`, `roi_pool`, or another with their arguments.

    Shape:
        maps, one (N, C, h, w) a stride; boxes, one (R_i, 4) in pixels a picture -> (sum of R_i, C, size, size)
    """

    def __init__(self, strides: Sequence[int], size: int, pool: Callable[..., Tensor] = roi_align):
        super().__init__()
        self.strides, self.size, self.pool = tuple(strides), size, pool
        self.levels = [stride.bit_length() - 1 for stride in strides]
        if [2**level for level in self.levels] != list(strides) or self.levels != sorted(self.levels):
            raise ValueError(
                f"strides {self.strides}: a pyramid's are powers of two, finest first, such as (8, 16, 32)"
            )

    def forward(self, maps: Sequence[Tensor], boxes: Sequence[Tensor]) -> Tensor:
        pictures = torch.cat([torch.full((len(some),), i, device=some.device) for i, some in enumerate(boxes)])
        together = torch.cat(list(boxes))
        if len(self.strides) == 1:
            return self.pool(maps[0], together, pictures, self.size, self.strides[0])
        levels = pyramid_level(together).clamp(self.levels[0], self.levels[-1])
        crops = maps[0].new_zeros(len(together), maps[0].shape[1], self.size, self.size)
        for features, stride, level in zip(maps, self.strides, self.levels, strict=False):
            here = torch.where(levels == level)[0]
            crops = crops.index_copy(
                0, here, self.pool(features, together[here], pictures[here], self.size, stride).to(crops.dtype)
            )
        return crops


def paste_masks(masks: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Masks drawn into their boxes in a picture, to the sub-pixel: read bilinearly at each pixel's centre, 0 outside.

    A mask's cell has its centre in its middle. From there to the box's edge and half a cell on, it fades to 0.

    Args:
        size: height and width of the picture.

    Shape:
        masks (K, M, M), 0 to 1, boxes (K, 4) in pixels -> (K, height, width); where it is above 0.5 is the thing
    """

    def shares(start: Tensor, end: Tensor, pixels: int, cells: int) -> Tensor:
        centres = torch.arange(pixels, dtype=start.dtype, device=start.device) + 0.5
        places = (centres - start[:, None]) / (end - start).clamp(min=1e-6)[:, None] * cells - 0.5
        return (1 - (places[..., None] - torch.arange(cells, device=boxes.device)).abs()).clamp(min=0)

    wide = masks.to(_precision(masks))
    x1, y1, x2, y2 = boxes.to(wide.dtype).unbind(dim=-1)
    down, across = shares(y1, y2, size[0], masks.shape[-2]), shares(x1, x2, size[1], masks.shape[-1])
    return (down @ wide @ across.mT).to(masks.dtype)


def _precision(values: Tensor) -> torch.dtype:
    """Half precision has no room for places between pixels: they are computed in single."""
    return torch.float64 if values.dtype == torch.float64 else torch.float32


def _refuse_strangers(boxes: Tensor, pictures: Tensor, count: int) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != 4 or pictures.shape != boxes.shape[:1]:
        raise ValueError(
            f"boxes of shape {tuple(boxes.shape)} on pictures of shape {tuple(pictures.shape)}: (R, 4) and (R,)"
        )
    if len(pictures) and not 0 <= int(pictures.min()) <= int(pictures.max()) < count:
        raise ValueError(
            f"boxes lie on pictures {int(pictures.min())} to {int(pictures.max())}, but there are maps of {count}"
        )
    if not bool(boxes.isfinite().all()):
        raise ValueError("a box has a corner that is NaN or infinite: decode_boxes and clip_boxes give finite ones")
