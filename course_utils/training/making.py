"""From the words of a configuration to nets and losses, for `course train` (lecture 05)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.data.dataset import Dataset
from course_utils.losses import CrossEntropy, Dice, Focal, SegmentationLoss, balance
from course_utils.models.backbones import Backbone, backbone
from course_utils.models.fcn import FCN, warm_start
from course_utils.models.fcn_paper import PaperFCN
from course_utils.models.geometry import geometry
from course_utils.training.checkpoints import read
from course_utils.training.optimisation import freeze

if TYPE_CHECKING:
    from course_utils.training.command import Loss, Net


def evenly(dataset: Dataset, count: int) -> Dataset:
    """So many pictures of a data set, spread over all of it."""
    count = min(count, len(dataset))
    return dataset.subset([place * len(dataset) // count for place in range(count)])


def make_net(choice: "Net", classes: int) -> nn.Module:
    """The net that a recipe names.

    Raises:
        ValueError: where there is no such net.
    """

    def fresh(stride: int) -> nn.Module:
        if choice.form == "practical":
            net = FCN(backbone(choice.backbone), classes, stride, choice.at_once)
            fix_lower(net.backbone, choice.fixed)
            return net
        if choice.form == "paper":
            if choice.fixed > 1:
                raise ValueError(f"[net] fixed = {choice.fixed}: only the practical form fixes its lower layers")
            return PaperFCN(choice.backbone, classes, stride, choice.at_once)
        raise ValueError(f"[net] form = {choice.form!r}: choose practical, paper or unet")

    net = fresh(choice.stride)
    if choice.start:
        kept = read(Path(choice.start))
        coarser = fresh(json.loads(kept["recipe"])["net"]["stride"])
        coarser.load_state_dict(kept["net"])
        warm_start(net, coarser)
    return net


def fix_lower(backbone: Backbone, stride: int) -> None:
    """Freeze a backbone's layers up to a stride: they take most of the time, and change least."""
    here = 1
    for layer in (layer for stage in backbone.stages for layer in stage):
        here *= geometry(layer, 224).stride
        if here > stride:
            return
        if stride > 1:
            freeze(layer)


def enlarging(net: nn.Module, times: float) -> Callable[[Tensor], Tensor]:
    """The net on enlarged pictures, with its scores at the size that they had.

    Shape:
        images (N, 3, H, W) -> (N, classes, H, W)
    """
    if times == 1:
        return net

    def scored(images: Tensor) -> Tensor:
        size = [round(times * side) for side in images.shape[-2:]]
        larger = functional.interpolate(images, size, mode="bilinear", align_corners=False)
        return functional.interpolate(net(larger), images.shape[-2:], mode="bilinear", align_corners=False)

    return scored


def make_loss(choice: "Loss", dataset: Dataset) -> SegmentationLoss:
    """The loss that a recipe names; balanced weights are counted on the training masks.

    Raises:
        ValueError: where there is no such loss.
    """
    if choice.name == "dice":
        return Dice()
    if choice.name == "focal":
        return Focal(choice.focus)
    if choice.name != "cross_entropy":
        raise ValueError(f"[loss] name = {choice.name!r}: choose cross_entropy, dice or focal")
    weights = choice.weights
    if weights == "balanced":
        size = len(dataset.classes)
        plain = evenly(dataset.with_transform(None), 100)
        masks = (plain[index][1] for index in range(len(plain)))
        counted = sum(torch.bincount(mask[mask != dataset.void], minlength=size) for mask in masks)
        weights = balance(counted, choice.balance)
    return CrossEntropy(weights, choice.normalised)
