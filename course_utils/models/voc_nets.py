"""FCNs that were trained on VOC 2012 and come with the course, so that photographs need no network (lectures 02 to 05).

`results/NAME/result.json` says how each was trained and what it reached on the 511 pictures of our third of `val`.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.models.backbones import backbone
from course_utils.models.fcn import FCN
from course_utils.models.imagenet import normalise, read_weights, resize

WEIGHTS = Path(__file__).parent / "weights"
STRIDES = {"voc_fcn32s_fixed_cpu": 32, "voc_fcn16s_fixed_cpu": 16, "voc_fcn8s_fixed_cpu": 8, "voc_fcn8s_cpu": 8}
CLASSES = 21
LONG = 375  # pixels of a photograph's long side: VOC's have 500, and were tested at three quarters of their size


def voc_net(name: str) -> FCN:
    """An FCN on EfficientNet-Lite0 that knows VOC's 20 classes and background; in eval mode.

    The `fixed` ones are ImageNet's backbone with 1x1 scores that learned (FCN, Table 2: "FCN-32s-fixed"): 27,000 numbers
    are all that is kept of them. `segment_photograph` asks them as they were tested.

    Args:
        name: one of `STRIDES`.

    Raises:
        ValueError: for another name, or a file that is damaged.
    """
    if name not in STRIDES:
        raise ValueError(f"no net {name!r} comes with the course: choose one of {', '.join(STRIDES)}")
    path = WEIGHTS / f"{name}.pt"
    net = FCN(backbone("efficientnet_lite0"), CLASSES, STRIDES[name])
    net.load_state_dict(unpacked(read_weights(path, "install the course again"), net.state_dict()))
    return net.eval()


@torch.no_grad()
def segment_photograph(net: nn.Module, image: Tensor) -> Tensor:
    """The class of each pixel of a photograph, by a net as `voc_net` gives it, at the size that it was tested at.

    Args:
        image: uint8, RGB.

    Shape:
        (3, H, W) -> (H, W) int64, on the CPU
    """
    looked_at = as_tested(image).to(next(net.parameters()).device)
    return functional.interpolate(net(looked_at), image.shape[-2:], mode="bilinear").argmax(dim=1)[0].cpu()


def as_tested(image: Tensor) -> Tensor:
    """A photograph as these nets take it: its long side `LONG` pixels, normalised.

    Shape:
        (3, H, W) uint8 -> (1, 3, h, w) float32
    """
    scale = LONG / max(image.shape[-2:])
    height, width = (round(scale * side) for side in image.shape[-2:])
    return normalise(resize(image, (height, width)), "efficientnet_lite0")[None]


def unpacked(kept: dict[str, Tensor], start: dict[str, Tensor]) -> dict[str, Tensor]:
    """All weights of a net, from where its training started and what it learned (see `training.shipping.packed`).

    A tensor that is not there is as it was. One that is there whole takes its place; one in `steps`, with the length of a
    `step` for each of a layer's outputs, is added to what it was.

    Raises:
        KeyError: for a tensor that the net does not have.
    """
    whole = dict(start)
    for name, value in kept.items():
        known, _, part = name.partition(" ")
        if part == "step":
            continue
        if part == "steps":
            step = kept[f"{known} step"]
            value = start[known] + value * step.view(-1, *[1] * (value.ndim - 1))
        if start[known].shape != value.shape:
            raise ValueError(f"{known} has shape {tuple(value.shape)}, and the net's has {tuple(start[known].shape)}")
        whole[known] = value
    return whole
