"""What a Mask R-CNN finds in a picture of any size, and detections as a label image (Mask R-CNN, 3.1; lecture 09)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

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


def label_image(found: dict[str, Tensor], surest: float = 0.5) -> Tensor:
    """Detections as one map of numbered things, for all that a pixel can belong to only one of (lectures 08, 09).

    Where two overlap, the surer one is in front. Number n is detection n - 1; one that lies behind others altogether
    has no pixel.

    Args:
        found: masks (K, H, W) and scores (K,), best first.
        surest: detections less sure than this are left out.

    Shape:
        -> (H, W) int64, 0 for background
    """
    masks = found["masks"][found["scores"] >= surest]
    image = torch.zeros(masks.shape[1:], dtype=torch.int64)
    for number in range(len(masks), 0, -1):  # the surest last, in front
        image[masks[number - 1]] = number
    return image
