"""How weights are moved: optimiser, learning rates, schedule (FCN, section 4.3; lectures 04, 05)."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import nn

from course_utils.data import rehearsal
from course_utils.models.backbones import Backbone
from course_utils.models.coordinates import geometry

NORMALISATIONS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d)


@dataclass(frozen=True)
class Settings:
    """Everything that shapes a training besides net, data and loss (FCN, section 4.3).

    The defaults fit a pretrained backbone on a small data set. The paper's: optimiser="sgd", lr=1e-4 (VGG16),
    momentum=0.9, weight_decay=5e-4, batch=20, schedule="constant", warm_up=0.

    Args:
        epochs: times that each picture is seen; may be a fraction.
        batch: pictures that one process looks at together. A step takes batch * accumulate * processes pictures.
        accumulate: batches whose gradients are summed before a step, where a larger batch does not fit in memory.
        optimiser: "adamw" or "sgd".
        lr: learning rate after the warm-up.
        momentum: of SGD.
        weight_decay: of weights; biases and normalisations are not decayed.
        bias_lr: the biases' learning rate is this times the others': 2 in the paper.
        backbone_lr: likewise for the parameters of a `backbone`; 1 treats them as the others.
        schedule: "constant", "poly" (falls as (1 - t) ** 0.9) or "cosine", to zero at the end.
        warm_up: share of the steps over which the learning rate rises to `lr`.
        precision: "float32", "bfloat16", or "auto": bfloat16 on GPUs that compute in it. On CPUs it brought nothing.
        channels_last: keep the colours of a pixel together in memory: on CPUs nearly twice as fast for narrow nets and
            those with depthwise convolutions, and slower for wide ones (a step of the U-Net with 64 channels: 1.4 times).
        batch_norm: "train", or "keep" for the statistics that the backbone came with (small batches).
        seed: of the order of pictures, of their augmentation and of dropout.

    Raises:
        ValueError: for a setting that makes no sense; names it.
    """

    epochs: float = 10
    batch: int = 8
    accumulate: int = 1
    optimiser: str = "adamw"
    lr: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 1e-4
    bias_lr: float = 2.0
    backbone_lr: float = 1.0
    schedule: str = "cosine"
    warm_up: float = 0.05
    precision: str = "auto"
    channels_last: bool = True
    batch_norm: str = "train"
    seed: int = 0

    def __post_init__(self):
        choices = {
            "optimiser": ("adamw", "sgd"),
            "schedule": ("constant", "poly", "cosine"),
            "precision": ("auto", "float32", "bfloat16"),
            "batch_norm": ("train", "keep"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} = {getattr(self, name)!r}: choose one of {', '.join(allowed)}")
        for name in ("epochs", "batch", "accumulate", "lr"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not value > 0 or not math.isfinite(value):
                raise ValueError(f"{name} = {value!r}: a number above 0")
        if self.batch != int(self.batch) or self.accumulate != int(self.accumulate):
            raise ValueError(f"batch = {self.batch}, accumulate = {self.accumulate}: whole numbers")
        if not 0 <= self.warm_up <= 1:
            raise ValueError(f"warm_up = {self.warm_up}: a share of the steps, 0 to 1")

    def describe(self) -> dict:
        """All settings as JSON can hold them."""
        return asdict(self)


def rehearsed(settings: Settings, pictures: int) -> Settings:
    """The same settings, in a rehearsal for two steps of a picture each; on a CPU, wide nets' own memory order is faster."""
    if rehearsal.FOLDER is None:
        return settings
    batch = min(settings.batch, pictures, rehearsal.BATCH)
    epochs = rehearsal.STEPS / (pictures // batch)
    return replace(settings, batch=batch, accumulate=1, epochs=epochs, channels_last=False)


def make_optimiser(net: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """SGD or AdamW over the parameters that learn, in groups by learning rate and weight decay.

    Raises:
        ValueError: where every parameter is frozen.
    """
    biases = {id(module.bias) for module in net.modules() if getattr(module, "bias", None) is not None}
    norms = {id(p) for module in net.modules() if isinstance(module, NORMALISATIONS) for p in module.parameters()}
    groups: dict[tuple, dict] = {}
    for name, parameter in net.named_parameters():
        if not parameter.requires_grad:
            continue
        factor = settings.backbone_lr if "backbone" in name.split(".") else 1.0
        if id(parameter) in biases and id(parameter) not in norms:
            factor *= settings.bias_lr
        decay = 0.0 if id(parameter) in biases | norms else settings.weight_decay
        group = groups.setdefault((factor, decay), {"params": [], "weight_decay": decay, "lr_factor": factor})
        group["params"].append(parameter)
    if not groups:
        raise ValueError("nothing to train: every parameter of the net is frozen (requires_grad is False)")
    if settings.optimiser == "sgd":
        return torch.optim.SGD(groups.values(), lr=settings.lr, momentum=settings.momentum)
    return torch.optim.AdamW(groups.values(), lr=settings.lr, fused=True)  # one pass over memory


def set_learning_rate(optimiser: torch.optim.Optimizer, settings: Settings, step: int, steps: int) -> float:
    """Give every group its learning rate for a step, counted from 0; returns the one that `lr` stands for."""
    now = settings.lr * schedule(settings, step, steps)
    for group in optimiser.param_groups:
        group["lr"] = now * group["lr_factor"]
    return now


def schedule(settings: Settings, step: int, steps: int) -> float:
    """The share of the full learning rate at a step: up during the warm-up, then down as the schedule says."""
    rising = round(settings.warm_up * steps)
    if step < rising:
        return (step + 1) / (rising + 1)
    done = (step - rising) / max(1, steps - rising)
    if settings.schedule == "poly":
        return (1 - done) ** 0.9
    return (1 + math.cos(math.pi * done)) / 2 if settings.schedule == "cosine" else 1.0


def learn(net: nn.Module, settings: Settings) -> None:
    """Put a net into training mode, except batch norms whose statistics are to stay: frozen ones, or all of them."""
    net.train()
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            frozen = module.weight is not None and not module.weight.requires_grad
            module.train(settings.batch_norm == "train" and not frozen)


def freeze(module: nn.Module) -> nn.Module:
    """Fix a part of a net: its parameters no longer learn, its batch norms keep their statistics (FCN, Table 2)."""
    return module.requires_grad_(False)


def fix_lower(backbone: Backbone, stride: int) -> None:
    """Freeze a backbone's layers up to a stride: they take most of the time, and change least."""
    here = 1
    for layer in (layer for stage in backbone.stages for layer in stage):
        here *= geometry(layer, 224).stride
        if here > stride:
            return
        if stride > 1:
            freeze(layer)


def tuples(table: dict[str, Any]) -> dict[str, Any]:
    """A recipe's table whose lists are tuples, as the library's settings want them."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}
