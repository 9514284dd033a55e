"""Maps of a backbone's lower layers, computed once and kept, and the rest of the backbone on them (lectures 04 to 06)."""

from fractions import Fraction

import torch
import torch.utils.data
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from course_utils.data.dataset import Dataset
from course_utils.models.backbones import STRIDES, Backbone
from course_utils.models.coordinates import CoordinateMap
from course_utils.models.fusion import normalise_sources
from course_utils.models.upsampling import Grid

NAME = "efficientnet_lite0"
CHANNELS = (40, 112, 192)  # of its maps that are kept: the first two taps, and the first four blocks at stride 32


class KeptMaps(torch.utils.data.Dataset):
    """A data set whose pictures have been through all of EfficientNet-Lite0 but its last block and head, once.

    An item is three maps, at strides 8, 16 and 32, laid out as a picture of the mask's height and width (see
    `lay_out`), and the mask, or each of several targets. So a net on an `UpperBackbone` takes it where it would take a
    picture, and gives scores of the mask's size.

    Args:
        backbone: EfficientNet-Lite0, or one that was widened for more channels; run here without gradients, batch norms
            as trained.
        dataset: pictures of one size, a multiple of 32, not augmented: each is looked at once.
        every: keep every so many pixels of the masks, down and across, and lay out the maps at that size.
        batch: pictures that are run together.

    Shape:
        dataset[i]: (C, H, W) uint8, then (H, W) for each target
            -> (planes, H / every, W / every) float32, then (H / every, W / every) int64 for each target
    """

    def __init__(self, backbone: Backbone, dataset: Dataset, every: int = 1, batch: int = 20):
        self.name, self.split, self.classes = f"{dataset.name}, kept maps", dataset.split, dataset.classes
        self.items = dataset.items
        kept, targets = [], []
        starts = range(0, len(dataset), batch)
        for start in tqdm(starts, desc=f"{dataset.split} pictures through the lower layers", leave=False):
            items = [dataset[index] for index in range(start, min(start + batch, len(dataset)))]
            kept.append(lower_maps(backbone, torch.stack([item[0] for item in items]), every).cpu())
            targets += [[target[::every, ::every] for target in item[1:]] for item in items]
        self.maps, self.targets = torch.cat(kept), [torch.stack(each) for each in zip(*targets, strict=True)]

    def __len__(self) -> int:
        return len(self.maps)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        return self.maps[index], *(target[index] for target in self.targets)


@torch.no_grad()
def lower_maps(backbone: Backbone, images: Tensor, every: int = 1) -> Tensor:
    """What is kept of some pictures: their maps below EfficientNet-Lite0's last block, laid out (see `lay_out`).

    Args:
        backbone: EfficientNet-Lite0, widened or not; run with its batch norms as trained.
        images: uint8, of one size, whose sides are multiples of 32; with further channels for a widened one.

    Shape:
        (N, C, H, W) -> (N, planes, H / every, W / every), on the backbone's device
    """
    backbone.eval()
    images = normalise_sources(images.to(next(backbone.parameters()).device), backbone.name)
    at_8 = backbone.stages[0](images.contiguous(memory_format=torch.channels_last))
    at_16 = backbone.stages[1](at_8)
    return lay_out((at_8, at_16, backbone.stages[2][0](at_16)), every)


class UpperBackbone(nn.Module):
    """EfficientNet-Lite0's last block and head, for the maps below them that were kept (lectures 04, 05).

    Args:
        backbone: its last layers are used, not copied.

    Shape:
        (N, planes, H, W), as `KeptMaps` gives them -> (N, c8, h8, w8), (N, c16, h16, w16), (N, c32, h32, w32)

    Raises:
        ValueError: for another backbone.
    """

    strides = STRIDES

    def __init__(self, backbone: Backbone):
        super().__init__()
        if backbone.name != NAME:
            raise ValueError(f"maps are kept for {NAME} only, not for {backbone.name}")
        self.name, self.channels = backbone.name, backbone.channels
        self.stages = nn.ModuleList([backbone.stages[2][1:]])
        self._walked = backbone.along(32)  # the same for all sizes that can be kept, multiples of 32

    def forward(self, laid_out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        at_8, at_16, at_32 = take_up(laid_out)
        return at_8, at_16, self.stages[0](at_32)

    def coordinates(self, laid_out: Tensor) -> list[Grid]:
        """Where the cells of the three maps look, in pixels of what was laid out; as `Backbone.coordinates`."""
        kept = CoordinateMap(Fraction(1, laid_out_every(laid_out)))
        return [(kept.then(map), kept.then(map)) for map in self._walked]


def lay_out(maps: tuple[Tensor, Tensor, Tensor], every: int = 1) -> Tensor:
    """Three maps as planes of the picture's size, divided by `every`: the channels of a cell become its pixels.

    Shape:
        (N, c8, H / 8, W / 8), (N, c16, H / 16, W / 16), (N, c32, H / 32, W / 32) -> (N, planes, H / every, W / every)

    Raises:
        ValueError: where the maps do not lie over each other cell by cell, or for another `every`.
    """
    if every not in (1, 2, 4, 8):
        raise ValueError(f"every = {every}: 1, 2, 4 or 8 pixels")
    sizes = {tuple(stride * side for side in each.shape[-2:]) for each, stride in zip(maps, STRIDES, strict=True)}
    if len(sizes) > 1:
        found = ", ".join("x".join(map(str, each.shape[-2:])) for each in maps)
        raise ValueError(f"maps of {found}: only pictures whose sides are multiples of 32 can be kept in this way")
    planes = []
    for each, stride in zip(maps, STRIDES, strict=True):
        side = stride // every
        missing = -each.shape[1] % side**2
        planes.append(functional.pixel_shuffle(functional.pad(each, (0, 0, 0, 0, 0, missing)), side))
    return torch.cat(planes, dim=1).contiguous()


def take_up(laid_out: Tensor) -> list[Tensor]:
    """The three maps again, to the bit: what `lay_out` did, undone.

    Raises:
        ValueError: for anything but kept maps; a picture, for example, which is meant for the whole backbone.
    """
    every = laid_out_every(laid_out)
    maps = []
    for planes, count, stride in zip(laid_out.split(planes_with(every), dim=1), CHANNELS, STRIDES, strict=True):
        each = functional.pixel_unshuffle(planes, stride // every)
        if each[:, count:].any():  # zeros in kept maps; a picture has as many planes as maps laid out with every = 1
            raise not_kept(laid_out)
        maps.append(each[:, :count].contiguous(memory_format=torch.channels_last))
    return maps


def laid_out_every(laid_out: Tensor) -> int:
    """With which `every` the maps were laid out.

    Raises:
        ValueError: for anything but kept maps.
    """
    for every in (1, 2, 4, 8):
        if sum(planes_with(every)) == laid_out.shape[1]:
            return every
    raise not_kept(laid_out)


def not_kept(tensor: Tensor) -> ValueError:
    """The error for anything but kept maps."""
    return ValueError(
        f"kept maps were expected, and {tuple(tensor.shape)} came: this net begins above them, take its inputs from "
        "KeptMaps"
    )


def planes_with(every: int) -> list[int]:
    """How many planes each of the three maps fills."""
    return [-(-count // (stride // every) ** 2) for count, stride in zip(CHANNELS, STRIDES, strict=True)]
