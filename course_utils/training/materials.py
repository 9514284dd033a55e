"""What lectures 04 and 05 train on, and with which settings: seconds on a CPU in `quick`, the papers' sizes in `full`.

On a CPU most of the time would go into the lower layers of the backbone, which hardly change. So the quick recipe
leaves them as ImageNet made them, runs them once over all pictures, and keeps their maps. What is left to train are the
backbone's last block and head, 1.0 of its 3.4 million parameters, and the scores.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.utils.data
from torch import Tensor, nn

from course_utils.data.dataset import Dataset, load
from course_utils.data.transforms import Augment
from course_utils.models.backbones import backbone
from course_utils.models.fcn import FCN
from course_utils.models.imagenet import normalise
from course_utils.training.kept_maps import KeptMaps, UpperBackbone
from course_utils.training.processes import Run
from course_utils.training.settings import Settings

NAME = "efficientnet_lite0"
PHOTOGRAPHS = {"voc2012": ("train", "val"), "camvid": ("trainval", "test")}  # to learn from, to judge by


@dataclass(frozen=True)
class Material:
    """Pictures to learn from, pictures to judge by, and a fresh backbone for every training (lectures 04, 05).

    Args:
        train: gives (input, mask) as `course_utils.training.loop.train` takes them.
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

    def net(self, stride: int = 32, at_once: bool = False, aligned: bool = True) -> FCN:
        """A fresh FCN for these classes, its scores at zero."""
        return FCN(self.fresh(), len(self.pictures.classes), stride, at_once, aligned)

    def inputs(self, indices: list[int]) -> Tensor:
        """What the net takes for some of the pictures in val, as one batch on the device."""
        images = torch.stack([self.val[index][0] for index in indices]).to(self.device)
        return self.prepare(images) if self.prepare else images


def material(run: Run, dataset: str = "auto", images: int = 480, every: int = 2) -> Material:
    """What this run's profile trains on.

    quick: stickers of 160x160, the maps below the backbone's last block kept.
    full: VOC 2012, CamVid, or stickers of 320x320, as random crops with flips and scales, through the whole backbone.

    Args:
        run: says the profile and the device.
        dataset: "stickers", "voc2012", "camvid", or "auto": VOC in the full profile where it is on this machine, else
            stickers.
        images: scenes of the quick profile; five of six are for training.
        every: the quick profile's loss looks at one pixel in this many, down and across: 1, 2, 4 or 8.

    Raises:
        ValueError: for another data set, or photographs in the quick profile.
        FileNotFoundError: for photographs that are not on this machine; says how to get them.
    """
    if dataset not in ("auto", "stickers", *PHOTOGRAPHS):
        raise ValueError(f"DATASET = {dataset!r}: this lecture runs on stickers, {', '.join(PHOTOGRAPHS)}, auto")
    if run.profile == "quick":
        if dataset in PHOTOGRAPHS:
            raise ValueError(f"DATASET = {dataset!r} takes PROFILE = 'full': the quick profile runs on stickers")
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
        name = "voc2012" if dataset == "auto" else dataset
        try:
            train, val = (load(name, split) for split in PHOTOGRAPHS[name])
        except FileNotFoundError:
            if dataset != "auto":
                raise
    if train is None:
        train, val = (load("stickers", split, images=6000, size=size) for split in ("train", "val"))
    crops = train.with_transform(Augment(size=(size, size), scale=(0.7, 1.6)))
    return Material(crops, val, val, partial(normalise, name=NAME), lambda: backbone(NAME), run.device)


def recipe(run: Run, stride: int = 32, seed: int | None = None, **changed) -> Settings:
    """How an FCN of this stride is trained; a 16s and an 8s start from the net before them, so they take less time.

    AdamW, the backbone at a fifth of the scores' learning rate, its batch-norm statistics kept.

    Args:
        run: says the profile.
        stride: 32, 16 or 8.
        seed: of the order of pictures; the run's where it is None.
        changed: any other setting, such as epochs=1.
    """
    epochs = run.pick(quick={32: 4, 16: 2, 8: 2}, full={32: 30, 16: 15, 8: 15})[stride]
    settings = Settings(
        epochs=epochs,
        batch=run.pick(quick=10, full=16),
        lr=run.pick(quick=4e-3, full=1e-3),
        backbone_lr=0.2,
        bias_lr=1.0,
        warm_up=0.2,
        batch_norm="keep",
        seed=run.seed if seed is None else seed,
    )
    return replace(settings, **changed)


def paper_recipe(run: Run, name: str = "vgg16", seed: int | None = None, **changed) -> Settings:
    """The paper's settings for its own nets (FCN, section 4.3): SGD at a fixed rate, biases at twice that.

    Args:
        run: its seed, and `full` for the paper's batch of 20 pictures.
        name: "vgg16", "alexnet" or "googlenet".
        seed: of the order of pictures; the run's where it is None.
        changed: any other setting.
    """
    settings = Settings(
        epochs=run.pick(quick=1, full=30),
        batch=run.pick(quick=2, full=20),
        optimiser="sgd",
        lr={"alexnet": 1e-3, "vgg16": 1e-4, "googlenet": 5e-5}[name],
        momentum=0.9,
        weight_decay=5e-4,
        bias_lr=2.0,
        schedule="constant",
        warm_up=0.0,
        seed=run.seed if seed is None else seed,
    )
    return replace(settings, **changed)


class Sampled(torch.utils.data.Dataset):
    """A data set whose masks keep each pixel by chance only: the rest is void (FCN, section 4.3, patch sampling).

    Args:
        dataset: gives (image, mask).
        share: chance of a pixel to be kept, 0 to 1.
        void: the mask's number for pixels that do not count.
    """

    def __init__(self, dataset: torch.utils.data.Dataset, share: float, void: int = 255):
        if not 0 < share <= 1:
            raise ValueError(f"share = {share}: a chance above 0, at most 1")
        self.dataset, self.share, self.void = dataset, share, void

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image, mask = self.dataset[index]
        return image, mask.masked_fill(torch.rand(mask.shape) >= self.share, self.void)
