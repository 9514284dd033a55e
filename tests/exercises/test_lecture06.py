"""Lecture 06's exercises know their mistakes."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.exercises.engine import NotYet, check
from tests.exercises.solutions import solutions


def widened(weights=None, bias=True, options=None, added=0.0):
    """A wrong widened: right but for its weights, its bias, or how it slides."""

    def widen(old, channels):
        slides = {"kernel_size": old.kernel_size, "stride": old.stride, "padding": old.padding} | (options or {})
        new = nn.Conv2d(channels, old.out_channels, bias=bias and old.bias is not None, **slides)
        with torch.no_grad():
            new.weight.fill_(added)
            if weights:
                new.weight.copy_(weights(old.weight, channels - old.in_channels))
            else:
                new.weight[:, : old.in_channels] = old.weight
            if new.bias is not None and bias == "copied":
                new.bias.copy_(old.bias)
        return new

    return widen


def with_bias(**options):
    return widened(bias="copied", **options)


def in_place(old, channels):
    zeros = torch.zeros_like(old.weight[:, :1]).expand(-1, channels - old.in_channels, -1, -1)
    old.weight = nn.Parameter(torch.cat([old.weight.detach(), zeros], dim=1))
    old.in_channels = channels
    return old


def shares_its_bias(old, channels):
    new = with_bias()(old, channels)
    if old.bias is not None:
        new.bias = old.bias
    return new


def fresh(old, channels):
    return nn.Conv2d(channels, old.out_channels, old.kernel_size, old.stride, old.padding, bias=old.bias is not None)


def as_many_more(old, channels):
    return with_bias()(old, old.in_channels + channels)


def mean_of(weight, added):
    return torch.cat([weight, weight.mean(dim=1, keepdim=True).expand(-1, added, -1, -1)], dim=1)


def late(join=lambda one, two: one + two, first=lambda x, c: x[:, :c], second=lambda x, c: x[:, c:], keep=True):
    """A wrong Late: right but for what the nets are given, or how their scores are joined."""

    class Late(nn.Module):
        def __init__(self, one, two, channels=3):
            super().__init__()
            self.nets = nn.ModuleList([one, two]) if keep else [one, two]
            self.channels = channels

        def forward(self, images):
            one, two = self.nets
            return join(one(first(images, self.channels)), two(second(images, self.channels)))

    return Late


class OnlyTheFirst(nn.Module):
    def __init__(self, first, second, channels=3):
        super().__init__()
        self.first, self.second, self.channels = first, second, channels

    def forward(self, images):
        return self.first(images[:, : self.channels])


def cosine(normal, down):
    return (-down[:, None, None] * normal).sum(dim=0).clamp(-1, 1)


def in_degrees(values):
    return torch.rad2deg(torch.arccos(values))


def mean_iu(present="truth", divide=None, absent=None, factor=1.0, whole=False):
    """A wrong mean_iu, by its parts."""

    def answer(matrix):
        matrix = matrix.double()
        right, rows, columns = matrix.diag(), matrix.sum(dim=1), matrix.sum(dim=0)
        union = {"rows": rows, "both": rows + columns}.get(divide, rows + columns - right)
        kept = {"truth": rows > 0, "prediction": columns > 0, "union": union > 0, "hits": right > 0}.get(
            present, rows >= 0
        )
        if whole:
            return float(right.sum() / union.sum())
        iu = right / union
        if absent is not None:
            iu = iu.nan_to_num(absent)
        return factor * float(iu[kept].mean())

    return answer


def without_their_columns(matrix):
    present = matrix.sum(dim=1) > 0
    return mean_iu()(matrix[present][:, present])


def empties_the_matrix(matrix):
    value = mean_iu()(matrix)
    matrix.zero_()
    return value


def each_alone(matrix):
    union = matrix.sum(dim=1) + matrix.sum(dim=0) - matrix.diag()
    return matrix.diag() / union.clamp(min=1)


WRONG = {
    "06.widen": {
        "new weights are not zero": with_bias(added=0.1),
        "start at the mean": with_bias(weights=mean_of),
        "what ImageNet taught this layer is lost": fresh,
        "stand behind the new ones": with_bias(
            weights=lambda weight, added: torch.cat([weight[:, :1].expand(-1, added, -1, -1) * 0, weight], dim=1)
        ),
        "bias was not copied": widened(),
        "yours has none": widened(bias=False),
        "stride = \\(1, 1\\)": with_bias(options={"stride": 1}),
        "padding = \\(0, 0\\)": with_bias(options={"padding": 0}),
        "counts all of them": as_many_more,
        "given has changed": in_place,
        "share memory": shares_its_bias,
        "an nn.Conv2d is asked for": lambda old, channels: old.weight,
        "return the old convolution": lambda old, channels: old,
        "returns None": lambda old, channels: None,
    },
    "06.late_fusion": {
        "not laid on top of each other": late(lambda one, two: torch.cat([one, two], dim=1)),
        "mean of the two": late(lambda one, two: (one + two) / 2),
        "You add probabilities": late(lambda one, two: one.softmax(dim=1) + two.softmax(dim=1)),
        "larger of the two": late(torch.maximum),
        "multiply the scores": late(lambda one, two: one * two),
        "second net is never asked": OnlyTheFirst,
        "what the first net says alone": late(lambda one, two: one),
        "first net was given 5 channels": late(first=lambda x, c: x),
        "second net was given 3 channels": late(second=lambda x, c: x[:, :c]),
        "second net was given 1 channels": late(second=lambda x, c: x[:, c + 1 :]),
        "finds no weights": late(keep=False),
        "use `channels`, not 3": late(first=lambda x, c: x[:, :3], second=lambda x, c: x[:, 3:]),
        "does it end with `return`": late(lambda one, two: None),
    },
    "06.angle": {
        "One sign is missing": lambda normal, down: in_degrees(-cosine(normal, down)),
        "are radians": lambda normal, down: torch.arccos(cosine(normal, down)),
        "You return cosines": cosine,
        "up and down are the same": lambda normal, down: in_degrees(cosine(normal, down).abs()),
        "arc sine": lambda normal, down: torch.rad2deg(torch.arcsin(cosine(normal, down))),
        "stretch the angles": lambda normal, down: in_degrees(cosine(normal, down)) * 255 / 180,
        "use the `down` that is given": lambda normal, down: in_degrees(-normal[1]),
        "arc cosine is NaN": lambda normal, down: torch.rad2deg(
            torch.arccos((-down[:, None, None].double() * normal.double()).sum(dim=0))
        ),
        "runs along dim=0": lambda normal, down: in_degrees((normal * -down[:, None, None]).sum(dim=-1).clamp(-1, 1)),
        "returns None": lambda normal, down: None,
    },
    "06.mean_iu": {
        "divide by all 6 classes": mean_iu("all", absent=0.0),
        "as `nanmean` does": mean_iu("union"),
        "never \\*predicted\\*": mean_iu("prediction"),
        "dropped the absent classes' columns": without_their_columns,
        "mean accuracy": mean_iu(divide="rows"),
        "one number for all pixels": mean_iu(whole=True),
        "leaves out classes with IU 0": mean_iu("hits"),
        "hits twice": mean_iu(divide="both"),
        "percent": mean_iu(factor=100),
        "You get NaN": mean_iu("all"),
        "changed the matrix": empties_the_matrix,
        "Their mean is asked for": each_alone,
        "returns None": lambda matrix: None,
    },
}
CASES = [(name, message) for name, wrong in WRONG.items() for message in wrong]


@pytest.mark.parametrize(("name", "message"), CASES)
def test_each_mistake_is_named(name, message):
    with pytest.raises(NotYet, match=message):
        check(name, WRONG[name][message])


def by_padding(old, channels):
    new = copy.deepcopy(old)
    padding = (0, 0, 0, 0, 0, channels - old.in_channels)
    new.weight = nn.Parameter(nn.functional.pad(old.weight.detach(), padding))
    new.in_channels = channels
    return new


def by_numpy(matrix):
    counts = matrix.numpy().astype(float)
    present = counts.sum(axis=1) > 0
    union = counts.sum(axis=1) + counts.sum(axis=0) - np.diag(counts)
    return np.mean(np.diag(counts)[present] / union[present])


def by_einsum(normal, down):
    return torch.arccos(torch.einsum("c,chw->hw", -down, normal).clip(-1, 1)) * 180 / torch.pi


ALSO_RIGHT = {
    "06.widen": by_padding,
    "06.late_fusion": late(first=lambda x, c: x.tensor_split([c], dim=1)[0]),
    "06.angle": by_einsum,
    "06.mean_iu": by_numpy,
}


@pytest.mark.parametrize("name", ALSO_RIGHT)
def test_another_right_way_passes(name):
    check(name, ALSO_RIGHT[name])


def test_a_widened_convolution_ignores_depth_until_it_has_learned_to_look():
    old = nn.Conv2d(3, 8, 5, stride=2)
    colour, depth = torch.randn(2, 3, 20, 20), torch.randn(2, 1, 20, 20)
    new = solutions("06")["widened"](old, 4)
    torch.testing.assert_close(new(torch.cat([colour, depth], dim=1)), old(colour))
