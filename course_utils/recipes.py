"""What lectures 04 and 05 train on, and with which settings: seconds on a CPU in `quick`, the papers' sizes in `full`.

On a CPU most of the time would go into the lower layers of the backbone, which hardly change. So the quick recipe
leaves them as ImageNet made them, runs them once over all pictures, and keeps their maps at strides 8 and 16. What is
left to train are the layers above, and the scores.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.utils.data
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from course_utils.data import load
from course_utils.data.dataset import Dataset
from course_utils.data.transforms import Augment
from course_utils.models.backbones import STRIDES, Backbone, backbone
from course_utils.models.fcn import FCN
from course_utils.models.imagenet import normalise
from course_utils.optimisation import Settings
from course_utils.profiles import Run

NAME = "efficientnet_lite0"


@dataclass(frozen=True)
class Material:
    """Pictures to learn from, pictures to judge by, and a fresh backbone for every training (lectures 04, 05).

    Args:
        train: gives (input, mask) as `course_utils.train.train` takes them.
        val: likewise, whole pictures with their whole masks.
        pictures: the same pictures as in val, as they are, to be drawn.
        prepare: from a batch of inputs to what the net takes; None where they are ready.
        fresh: makes a backbone with ImageNet weights.
        device: where the nets run.
    """

    train: torch.utils.data.Dataset
    val: torch.utils.data.Dataset
    pictures: Dataset
    prepare: Callable[[Tensor], Tensor] | None
    fresh: Callable[[], nn.Module]
    device: torch.device

    def net(self, stride: int = 32, at_once: bool = False) -> FCN:
        """A fresh FCN for these classes, its scores at zero."""
        return FCN(self.fresh(), len(self.pictures.classes), stride, at_once)

    def inputs(self, indices: list[int]) -> Tensor:
        """What the net takes for some of the pictures in val, as one batch on the device."""
        images = torch.stack([self.val[index][0] for index in indices]).to(self.device)
        return self.prepare(images) if self.prepare else images


def material(run: Run, dataset: str = "auto", images: int = 480, every: int = 2) -> Material:
    """What this run's profile trains on.

    quick: stickers of 160x160, the backbone's maps kept up to stride 16.
    full: VOC 2012, or stickers of 320x320, as random crops with flips and scales, through the whole backbone.

    Args:
        run: says the profile and the device.
        dataset: "stickers", "voc2012", or "auto": VOC in the full profile where it is on this machine, else stickers.
        images: scenes of the quick profile; five of six are for training.
        every: the quick profile's loss looks at one pixel in this many, down and across: 1, 2, 4 or 8.

    Raises:
        ValueError: for another data set, or VOC in the quick profile.
        FileNotFoundError: for VOC where it is not on this machine; says how to get it.
    """
    if dataset not in ("auto", "stickers", "voc2012"):
        raise ValueError(f"DATASET = {dataset!r}: this lecture runs on stickers, voc2012, auto")
    if run.profile == "quick":
        if dataset == "voc2012":
            raise ValueError("DATASET = 'voc2012' takes PROFILE = 'full': the quick profile runs on stickers")
        return _quick(run, images, every)
    return _full(run, dataset)


def _quick(run: Run, images: int, every: int) -> Material:
    train, val = (load("stickers", split, images=images) for split in ("train", "val"))
    whole = backbone(NAME).to(run.device, memory_format=torch.channels_last)
    upper = UpperBackbone(whole).cpu()
    return Material(
        KeptMaps(whole, train, every), KeptMaps(whole, val), val, None, lambda: copy.deepcopy(upper), run.device
    )


def _full(run: Run, dataset: str) -> Material:
    size, train = 320, None
    if dataset != "stickers":
        try:
            train, val = load("voc2012", "train"), load("voc2012", "val")
        except FileNotFoundError:
            if dataset == "voc2012":
                raise
    if train is None:
        train, val = (load("stickers", split, images=6000, size=size) for split in ("train", "val"))
    crops = train.with_transform(Augment(size=(size, size), scale=(0.7, 1.6)))
    return Material(crops, val, val, partial(normalise, name=NAME), lambda: backbone(NAME), run.device)


def recipe(run: Run, stride: int = 32, seed: int | None = None, **changed) -> Settings:
    """How an FCN of this stride is trained; a 16s and an 8s start from the net before them, so they take less time.

    AdamW, the backbone at a third of the scores' learning rate, its batch-norm statistics kept. The paper's SGD is in
    lecture 04.

    Args:
        run: says the profile.
        stride: 32, 16 or 8.
        seed: of the order of pictures; the run's where it is None.
        changed: any other setting, such as epochs=1.
    """
    epochs = run.pick(quick={32: 4, 16: 2, 8: 2}, full={32: 30, 16: 15, 8: 15})[stride]
    settings = Settings(
        epochs=epochs,
        batch=run.pick(quick=20, full=16),
        lr=run.pick(quick=2e-3, full=1e-3),
        backbone_lr=1 / 3,
        bias_lr=1.0,
        warm_up=0.2,
        batch_norm="keep",
        seed=run.seed if seed is None else seed,
    )
    return replace(settings, **changed)


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

    def forward(self, laid_out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        at_8, at_16 = take_up(laid_out, self.channels[:2])
        return at_8, at_16, self.stages[0](at_16)


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
    for every in (1, 2, 4, 8):
        sides = (8 // every, 16 // every)
        planes = [-(-count // side**2) for count, side in zip(channels, sides, strict=True)]
        if sum(planes) == laid_out.shape[1]:
            fine, coarse = laid_out.split(planes, dim=1)
            at_8 = functional.pixel_unshuffle(fine, sides[0])[:, : channels[0]]
            at_16 = functional.pixel_unshuffle(coarse, sides[1])[:, : channels[1]]
            last = torch.channels_last
            return at_8.contiguous(memory_format=last), at_16.contiguous(memory_format=last)
    raise ValueError(
        f"kept maps were expected, and {tuple(laid_out.shape)} came: this net begins at stride 16, take its inputs from "
        "KeptMaps"
    )
