"""Train a net's upper part on maps of its frozen lower part that were computed once (lectures 04 and 05, quick profile).

The lower layers of a backbone see the largest maps and so take most of the time; what they learned on ImageNet serves
as it is. Their maps are computed once for each picture. Then only the layers above are run and trained.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset
from tqdm import tqdm

from course_utils.models.fcn import FCN
from course_utils.optimisation import freeze


class UpperPart(nn.Module):
    """What comes after a net's frozen lower part; it shares all its layers with the net, so training it trains the net.

    The maps of a picture come as one row of numbers: that at stride 8, then that at stride 16 where it is frozen too.

    Args:
        net: an FCN; its backbone is frozen up to `frozen`.
        size: height and width of the pictures.
        frozen: 8 or 16, the stride up to which the backbone stays as it is.

    Shape:
        maps (N, numbers), as `lower_maps` gives them -> logits (N, classes, *size)

    Raises:
        ValueError: for another stride.
    """

    def __init__(self, net: FCN, size: tuple[int, int], frozen: int = 16):
        super().__init__()
        if frozen not in (8, 16):
            raise ValueError(f"frozen = {frozen}: the backbone can be frozen up to stride 8 or 16")
        count = 1 if frozen == 8 else 2
        self.size, self.combine = tuple(size), net.combine
        # these names are the net's own, so that backbone_lr counts
        self.backbone = nn.ModuleList(net.backbone.stages[count:])
        self.score, self.skip_16, self.skip_8 = net.score, net.skip_16, net.skip_8
        lower = [freeze(stage).eval() for stage in net.backbone.stages[:count]]
        self._lower = lower  # in a list, which hides them from .train() and .parameters()
        with torch.no_grad():
            device = next(lower[0].parameters()).device
            maps = self.run_lower(torch.zeros(1, 3, *self.size, device=device))
        self.shapes = [tuple(each.shape[1:]) for each in maps]

    def run_lower(self, images: Tensor) -> list[Tensor]:
        """The frozen maps of prepared images."""
        maps = [images]
        for stage in self._lower:
            maps.append(stage.eval()(maps[-1]))
        return maps[1:]

    def forward(self, rows: Tensor) -> Tensor:
        parts = rows.split([math.prod(shape) for shape in self.shapes], dim=1)
        maps = [part.unflatten(1, shape) for part, shape in zip(parts, self.shapes, strict=True)]
        maps = [each.contiguous(memory_format=torch.channels_last) for each in maps]
        for stage in self.backbone:
            maps.append(stage(maps[-1]))
        return self.combine(*maps, self.size)


@torch.no_grad()
def lower_maps(
    upper: UpperPart, dataset, prepare: Callable[[Tensor], Tensor], device: str | torch.device = "cpu", batch: int = 16
) -> TensorDataset:
    """Run the frozen lower part once over pictures of one size.

    Backbones of the same name and weights give the same maps: one data set serves all nets that are frozen alike.

    Args:
        upper: says where the lower part ends.
        dataset: gives (image, mask), all of the size that `upper` was made for.
        prepare: as for `train`.
        device: where it runs; the maps come back to the CPU (0.1 MB for a picture of 160x160 and Lite0's two maps).
        batch: pictures that run together.

    Returns:
        a data set of (maps (numbers,), mask (H, W))
    """
    for stage in upper._lower:
        stage.to(device, memory_format=torch.channels_last)
    rows, masks = [], []
    for start in tqdm(range(0, len(dataset), batch), desc="frozen maps", leave=False):
        samples = [dataset[index] for index in range(start, min(start + batch, len(dataset)))]
        images = prepare(torch.stack([image for image, _ in samples]).to(device))
        maps = upper.run_lower(images.contiguous(memory_format=torch.channels_last))
        rows.append(torch.cat([each.flatten(1) for each in maps], dim=1).cpu())
        masks += [mask for _, mask in samples]
    return TensorDataset(torch.cat(rows), torch.stack(masks))
