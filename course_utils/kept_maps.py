"""Maps of a backbone's lower stages, computed once and kept, and the rest of the backbone on them (lectures 04, 05)."""

from fractions import Fraction

import torch
import torch.utils.data
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from course_utils.data.dataset import Dataset
from course_utils.models.alignment import Grid
from course_utils.models.backbones import STRIDES, Backbone
from course_utils.models.geometry import CoordinateMap, geometry
from course_utils.models.imagenet import normalise


class KeptMaps(torch.utils.data.Dataset):
    """A data set whose pictures have been through the lower two stages of a backbone, once (lectures 04, 05).

    An item is the two maps laid out as a picture of the mask's height and width (see `lay_out`), and the mask. So a
    net on an `UpperBackbone` takes it where it would take a picture, and gives scores of the mask's size.

    Args:
        backbone: its stages up to stride 16 are run here, without gradients, batch norms as trained.
        dataset: pictures of one size, a multiple of 16, not augmented: each is looked at once.
        every: keep every so many pixels of the masks, down and across, and lay out the maps at that size.
        batch: pictures that are run together.

    Shape:
        dataset[i]: (3, H, W) uint8, (H, W) -> (planes, H / every, W / every) float32, (H / every, W / every) int64
    """

    def __init__(self, backbone: Backbone, dataset: Dataset, every: int = 1, batch: int = 20):
        self.name, self.split, self.classes = f"{dataset.name}, kept maps", dataset.split, dataset.classes
        self.items = dataset.items
        device = next(backbone.parameters()).device
        backbone.eval()
        kept, masks = [], []
        starts = range(0, len(dataset), batch)
        for start in tqdm(starts, desc=f"{dataset.split} pictures through the lower layers", leave=False):
            pairs = [dataset[index] for index in range(start, min(start + batch, len(dataset)))]
            images = normalise(torch.stack([image for image, _ in pairs]).to(device), backbone.name)
            with torch.no_grad():
                at_8 = backbone.stages[0](images.contiguous(memory_format=torch.channels_last))
                at_16 = backbone.stages[1](at_8)
            kept.append(lay_out(at_8, at_16, every).cpu())
            masks += [mask[::every, ::every] for _, mask in pairs]
        self.maps, self.masks = torch.cat(kept), torch.stack(masks)

    def __len__(self) -> int:
        return len(self.masks)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.maps[index], self.masks[index]


class UpperBackbone(nn.Module):
    """A backbone without its lower two stages, for maps that were kept (lectures 04, 05).

    Args:
        backbone: its last stage is used, not copied.

    Shape:
        (N, planes, H, W), as `KeptMaps` gives them -> (N, c8, h8, w8), (N, c16, h16, w16), (N, c32, h32, w32)
    """

    strides = STRIDES

    def __init__(self, backbone: Backbone):
        super().__init__()
        self.name, self.channels = backbone.name, backbone.channels
        self.stages = nn.ModuleList([backbone.stages[2]])
        self._lower = backbone.along(16)[:2]  # the same for all sizes that can be kept, multiples of 16

    def forward(self, laid_out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        at_8, at_16 = take_up(laid_out, self.channels[:2])
        return at_8, at_16, self.stages[0](at_16)

    def coordinates(self, laid_out: Tensor) -> list[Grid]:
        """Where the cells of the three maps look, in pixels of what was laid out; as `Backbone.coordinates`."""
        every = laid_out_every(laid_out, self.channels[:2])
        axes = []
        for length in laid_out.shape[-2:]:
            upper = geometry(self.stages[0], length * every // 16).coordinates
            walked = [*self._lower, self._lower[1].then(upper)]
            axes.append([CoordinateMap(Fraction(1, every)).then(map) for map in walked])
        return list(zip(*axes, strict=True))


def lay_out(at_8: Tensor, at_16: Tensor, every: int = 1) -> Tensor:
    """Two maps as planes of the picture's size, divided by `every`: the channels of a cell become its pixels.

    Shape:
        (N, c8, H / 8, W / 8), (N, c16, H / 16, W / 16) -> (N, planes, H / every, W / every)

    Raises:
        ValueError: where the two do not lie over each other cell by cell, or for another `every`.
    """
    if every not in (1, 2, 4, 8):
        raise ValueError(f"every = {every}: 1, 2, 4 or 8 pixels")
    if (at_8.shape[-2], at_8.shape[-1]) != (2 * at_16.shape[-2], 2 * at_16.shape[-1]):
        found = " and ".join("x".join(map(str, maps.shape[-2:])) for maps in (at_8, at_16))
        raise ValueError(f"maps of {found}: only pictures whose sides are multiples of 16 can be kept in this way")
    planes = []
    for maps, stride in ((at_8, 8), (at_16, 16)):
        side = stride // every
        missing = -maps.shape[1] % side**2
        planes.append(functional.pixel_shuffle(functional.pad(maps, (0, 0, 0, 0, 0, missing)), side))
    return torch.cat(planes, dim=1).contiguous()


def take_up(laid_out: Tensor, channels: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The two maps again, to the bit: what `lay_out` did, undone.

    Args:
        channels: of the maps at strides 8 and 16.

    Raises:
        ValueError: for anything but kept maps; a picture, for example, which is meant for the whole backbone.
    """
    every = laid_out_every(laid_out, channels)
    sides = (8 // every, 16 // every)
    fine, coarse = laid_out.split(planes_of(channels, every), dim=1)
    at_8 = functional.pixel_unshuffle(fine, sides[0])[:, : channels[0]]
    at_16 = functional.pixel_unshuffle(coarse, sides[1])[:, : channels[1]]
    last = torch.channels_last
    return at_8.contiguous(memory_format=last), at_16.contiguous(memory_format=last)


def laid_out_every(laid_out: Tensor, channels: tuple[int, int]) -> int:
    """With which `every` two maps of so many channels were laid out.

    Raises:
        ValueError: for anything but kept maps.
    """
    for every in (1, 2, 4, 8):
        if sum(planes_of(channels, every)) == laid_out.shape[1]:
            return every
    raise ValueError(
        f"kept maps were expected, and {tuple(laid_out.shape)} came: this net begins at stride 16, take its inputs from "
        "KeptMaps"
    )


def planes_of(channels: tuple[int, int], every: int) -> list[int]:
    """How many planes the maps at strides 8 and 16 fill."""
    return [-(-count // (stride // every) ** 2) for count, stride in zip(channels, (8, 16), strict=True)]
