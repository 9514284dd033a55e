"""What a Mask R-CNN finds in a picture of any size, and detections as a label image (Mask R-CNN, 3.1; lecture 09)."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.models.boxes import box_area, box_intersection, box_iou
from course_utils.models.imagenet import resize
from course_utils.models.rois import paste_masks

COARSEST = 32  # pictures are padded to whole cells of the coarsest map


def at_short_side(size: tuple[int, int], short: int) -> tuple[int, int]:
    """Height and width of a picture once its short side is `short` pixels; 0 leaves it as it is."""
    scale = short / min(size) if short else 1
    return round(size[0] * scale), round(size[1] * scale)


@torch.no_grad()
def find_things(
    net: nn.Module, image: Tensor, prepare: Callable[[Tensor], Tensor], short: int = 0
) -> dict[str, Tensor]:
    """What the net finds in one picture, looked at with a short side of so many pixels (section 3.1).

    Args:
        net: a `MaskRCNN`, in eval mode.
        image: (3, H, W) uint8.
        prepare: as for `train`.
        short: the size that the net was trained at; 0 for the picture's own.

    Returns:
        boxes (K, 4), labels (K,), scores (K,), masks (K, H, W) bool and drawn (K, M, M), as `MaskRCNN` gives them, in
        pixels of the picture, on the CPU
    """
    own = tuple(image.shape[-2:])
    height, width = at_short_side(own, short)
    seen = image if own == (height, width) else resize(image, (height, width))
    padded = functional.pad(seen, (0, -width % COARSEST, 0, -height % COARSEST))[None]
    (found,) = net(prepare(padded.to(next(net.parameters()).device)), [(height, width)])
    found = {name: value.cpu() for name, value in found.items()}
    if own != (height, width):
        found["boxes"] = found["boxes"] * torch.tensor([own[1] / width, own[0] / height] * 2)
        found["masks"] = paste_masks(found["drawn"], found["boxes"], own) > 0.5
    return found


@torch.no_grad()
def find_in_tiles(
    net: nn.Module,
    image: Tensor,
    prepare: Callable[[Tensor], Tensor],
    short: int = 0,
    tile: int = 704,
    overlap: int = 192,
) -> dict[str, Tensor]:
    """What the net finds in a large picture, tile by tile: overlap-tile for things (U-Net, section 2, for boxes).

    A thing that a border between tiles cuts is found in several of them. It is taken from a tile that sees it whole: what
    touches no such border goes first, two of one class whose boxes agree are one (`net.overlap`), and what was cut goes
    out where it lies mostly in a box that was taken. A thing wider than the overlap may be whole in no tile; then its
    parts are kept.

    Args:
        net, image, prepare, short: as for `find_things`.
        tile: side of a tile in pixels of the picture that the net sees, a multiple of 32.
        overlap: what neighbouring tiles share, so that each thing up to this width lies whole in one of them.

    Returns:
        boxes (K, 4), labels (K,), scores (K,), drawn (K, M, M), best first, as `find_things` gives them. There are no
        masks: hundreds as large as the picture would fill the memory, and `label_image` does without.
    """
    own = tuple(image.shape[-2:])
    seen_size = at_short_side(own, short)
    seen = image if own == seen_size else resize(image, seen_size)
    parts, whole = [], []
    for top in _starts(seen_size[0], tile, overlap):
        for left in _starts(seen_size[1], tile, overlap):
            part = seen[:, top : top + tile, left : left + tile]
            found = find_things(net, part, prepare)
            corner = torch.tensor([left, top, left, top])
            ends = torch.tensor([part.shape[2], part.shape[1]])
            # within a pixel of a border behind which the picture goes on
            cut = (found["boxes"][:, :2] < 1) & torch.tensor([left > 0, top > 0])
            on = torch.tensor([left + tile < seen_size[1], top + tile < seen_size[0]])
            cut |= (found["boxes"][:, 2:] > ends - 1) & on
            whole.append(~cut.any(dim=1))
            parts.append({name: found[name] for name in ("labels", "scores", "drawn")})
            parts[-1]["boxes"] = found["boxes"] + corner
    joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    boxes, labels, whole = joined["boxes"], joined["labels"], torch.cat(whole)
    alike = (box_iou(boxes, boxes) > net.overlap) & (labels[:, None] == labels)
    within = box_intersection(boxes, boxes) > 0.5 * box_area(boxes)[:, None]
    goes_out = torch.where(whole[:, None], alike, within)
    taken = torch.zeros_like(whole)
    for place in (joined["scores"] + 2 * whole).argsort(descending=True, stable=True).tolist():
        taken[place] = not (goes_out[place] & taken).any()
    best = joined["scores"].argsort(descending=True, stable=True)
    joined = {name: values[best[taken[best]]] for name, values in joined.items()}
    joined["boxes"] = joined["boxes"] * torch.tensor([own[1] / seen_size[1], own[0] / seen_size[0]] * 2)
    return joined


def _starts(size: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin along an axis; the last one ends with the picture."""
    count = max(1, math.ceil((size - overlap) / (tile - overlap)))
    return [min(place * (tile - overlap), max(0, size - tile)) for place in range(count)]


def label_image(found: dict[str, Tensor], surest: float = 0.5, size: tuple[int, int] | None = None) -> Tensor:
    """Detections as one map of numbered things, for all that a pixel can belong to only one of (lectures 08, 09).

    Where two overlap, the surer one is in front. Number n is detection n - 1; one that lies behind others altogether
    has no pixel.

    Args:
        found: masks (K, H, W) and scores (K,), best first; or boxes and drawn, and then their size is needed.
        surest: detections less sure than this are left out.
        size: height and width of the picture, where there are no masks.

    Shape:
        -> (H, W) int64, 0 for background
    """
    count = int((found["scores"] >= surest).sum())
    image = torch.zeros(size or found["masks"].shape[1:], dtype=torch.int64)
    for place in range(count - 1, -1, -1):  # the surest last, in front
        if size is None:
            image[found["masks"][place]] = place + 1
            continue
        box = found["boxes"][place]
        left, top = box[:2].floor().long().clamp(min=0).tolist()
        here = image[top : int(box[3].ceil()) + 1, left : int(box[2].ceil()) + 1]
        corner = torch.tensor([left, top, left, top])
        mask = paste_masks(found["drawn"][place, None], box[None] - corner, tuple(here.shape))[0] > 0.5
        here[mask] = place + 1
    return image
