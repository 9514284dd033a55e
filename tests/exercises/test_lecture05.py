"""Lecture 05's exercises know their mistakes."""

import copy

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation, distance_transform_edt
from torch import nn
from torch.nn import functional

from course_utils.exercises.engine import NotYet, check
from tests.exercises.solutions import solutions


def skip_with(forward=None, zero=("weight", "bias"), options=None, concatenate=False):
    """A wrong Skip: right but for its forward, for what starts at zero, or for an option of its layer."""

    class Skip(nn.Module):
        def __init__(self, channels, classes):
            super().__init__()
            self.score = nn.Conv2d(channels, classes, **{"kernel_size": 1} | (options or {}))
            for name in zero:
                if getattr(self.score, name) is not None:
                    nn.init.zeros_(getattr(self.score, name))

        def forward(self, coarse, fine):
            return forward(coarse, fine, self.score) if forward else up(coarse, fine) + self.score(fine)

    return Skip


def up(coarse, fine, mode="bilinear", **options):
    return functional.interpolate(coarse, size=fine.shape[-2:], mode=mode, **options)


def doubled(coarse, fine, score):
    return functional.interpolate(coarse, scale_factor=2, mode="bilinear") + score(fine)


class WithoutAScore(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.upsample = nn.ConvTranspose2d(classes, classes, 4, 2, 1)

    def forward(self, coarse, fine):
        return self.upsample(coarse)


def edges(mask, rows=True, both=True, columns=True, void=True):
    edge = np.zeros(mask.shape, dtype=bool)
    for axis in [0] * rows + [1] * columns:
        turned, found = (np.moveaxis(array, axis, 0) for array in (mask, edge))
        change = turned[1:] != turned[:-1]
        if not void:
            change &= (turned[1:] != 255) & (turned[:-1] != 255)
        found[1:] |= change
        if both:
            found[:-1] |= change
    return edge


def band_of(edge=edges, more=1, without_void=True, far=False):
    """A wrong boundary_band, by its parts."""

    def boundary_band(mask, width):
        found = edge(mask)
        if not found.any():
            return found
        near = distance_transform_edt(~found) + more <= width
        near = ~near if far else near
        return near & (mask != 255) if without_void else near

    return boundary_band


def with_the_border(mask):
    edge = edges(mask)
    edge[0] = edge[-1] = edge[:, 0] = edge[:, -1] = True
    return edge


def square_band(mask, width):
    edge = edges(mask)
    grown = binary_dilation(edge, np.ones((3, 3)), iterations=width - 1) if width > 1 else edge
    return grown & (mask != 255)


def diamond_band(mask, width):
    edge = edges(mask)
    grown = binary_dilation(edge, iterations=width - 1) if width > 1 else edge
    return grown & (mask != 255)


def full_without_an_edge(mask, width):
    near = distance_transform_edt(~edges(mask)) + 1 <= width
    return (near | ~edges(mask).any()) & (mask != 255)


def marks_the_mask(mask, width):
    found = band_of()(mask, width)
    mask[found] = 0
    return found


def parameters_alone(finer, coarser):
    names = dict(finer.named_parameters())
    with torch.no_grad():
        for name, value in coarser.named_parameters():
            names[name].copy_(value)
    return finer


def hands_over(finer, coarser):
    finer.backbone, finer.score = coarser.backbone, coarser.score
    return finer


def only(part):
    def warm_started(finer, coarser):
        getattr(finer, part).load_state_dict(getattr(coarser, part).state_dict())
        return finer

    return warm_started


def strict(finer, coarser):
    finer.load_state_dict(coarser.state_dict())
    return finer


def loaded(finer, coarser):
    finer.load_state_dict(coarser.state_dict(), strict=False)
    return finer


def the_wrong_way(finer, coarser):
    state = finer.state_dict()
    coarser.load_state_dict({name: state[name] for name in coarser.state_dict()})
    return finer


def with_a_random_skip(finer, coarser):
    loaded(finer, coarser)
    nn.init.normal_(finer.skip_16.weight)
    return finer


def joined(weights=lambda a, b: torch.cat([a, b], dim=1), bias=lambda a, b: a + b, **options):
    """A wrong one_convolution: right but for its weights or its bias."""

    def one_convolution(coarse, fine):
        weight = weights(coarse.weight.detach(), fine.weight.detach())
        one = nn.Conv2d(weight.shape[1], weight.shape[0], 1, bias=bias is not None, **options)
        with torch.no_grad():
            one.weight.copy_(weight)
            if bias is not None:
                one.bias.copy_(bias(coarse.bias, fine.bias))
        return one

    return one_convolution


WRONG = {
    "05.skip": {
        "weights of your fresh skip are not zero": skip_with(zero=()),
        "bias of your fresh skip are not zero": skip_with(zero=("weight",)),
        "has no bias": skip_with(options={"bias": False}),
        "repeats the nearest cell": skip_with(lambda coarse, fine, score: up(coarse, fine, "nearest") + score(fine)),
        "align_corners=True": skip_with(lambda coarse, fine, score: up(coarse, fine, align_corners=True) + score(fine)),
        "coarse scores are gone": skip_with(lambda coarse, fine, score: score(fine)),
        "still adds nothing": skip_with(lambda coarse, fine, score: up(coarse, fine)),
        "speak against": skip_with(lambda coarse, fine, score: up(coarse, fine) + score(fine).relu()),
        "does not concatenate": skip_with(
            lambda coarse, fine, score: torch.cat([up(coarse, fine), score(fine)], dim=1)
        ),
        "misses by one on odd sizes": skip_with(doubled),
        "made smaller": skip_with(lambda coarse, fine, score: coarse + up(score(fine), coarse)),
        "kernel of 3": skip_with(options={"kernel_size": 3, "padding": 1}),
        "needs a convolution from 3 channels": WithoutAScore,
        "does it end with `return`": skip_with(lambda coarse, fine, score: None),
    },
    "05.warm_start": {
        "misses the skip's weights": strict,
        "running mean": parameters_alone,
        "share their weights": hands_over,
        "backbone's weights were not copied": only("score"),
        "score layer's weights were not copied": only("backbone"),
        "coarser net has changed": the_wrong_way,
        "You changed the skip": with_a_random_skip,
        "You return the coarser net": lambda finer, coarser: coarser,
        "returns None": lambda finer, coarser: None,
    },
    "05.boundary_band": {
        "Both sides touch it": band_of(lambda mask: edges(mask, both=False)),
        "at 1, not at 0": band_of(more=0),
        "everything but the band": band_of(far=True),
        "picture's own border": band_of(with_the_border),
        "runs across is not found": band_of(lambda mask: edges(mask, rows=False)),
        "too wide at its corners": square_band,
        "cut off at the corners": diamond_band,
        "holds void": band_of(without_void=False),
        "void is a label too": band_of(lambda mask: edges(mask, void=False)),
        "one label has no boundary": full_without_an_edge,
        "True or False": lambda mask, width: distance_transform_edt(~edges(mask)),
        "changed the mask": marks_the_mask,
        "returns None": lambda mask, width: None,
    },
    "05.one_convolution": {
        "wrong way round": joined(lambda a, b: torch.cat([b, a], dim=1)),
        "there are 2 classes": joined(lambda a, b: torch.cat([a, torch.cat([b, b[:, :1]], dim=1)], dim=0), None),
        "that of one of the two": joined(bias=lambda a, b: a),
        "each brings its own": joined(bias=lambda a, b: (a + b) / 2),
        "has no bias": joined(bias=None),
        "an nn.Conv2d is asked for": lambda coarse, fine: torch.cat([coarse.weight, fine.weight], dim=1),
        "first 3 columns": joined(lambda a, b: torch.cat([a, b], dim=1).flip(1)),
        "returns None": lambda coarse, fine: None,
    },
}
CASES = [(name, message) for name, wrong in WRONG.items() for message in wrong]


@pytest.mark.parametrize(("name", "message"), CASES)
def test_each_mistake_is_named(name, message):
    with pytest.raises(NotYet, match=message):
        check(name, WRONG[name][message])


class ItsOwnScore(nn.Conv2d):
    """The score is the module itself, and upsampling is left to nn.Upsample."""

    def __init__(self, channels, classes):
        super().__init__(channels, classes, kernel_size=(1, 1))
        self.weight.data *= 0
        self.bias.data *= 0

    def forward(self, coarse, fine):
        return nn.Upsample(size=tuple(fine.shape[2:]), mode="bilinear")(coarse) + super().forward(fine)


def by_name(finer, coarser):
    state = finer.state_dict()
    for name, value in coarser.state_dict().items():
        state[name].copy_(value)
    return finer


def by_all_pairs(mask, width):
    height, wide = mask.shape
    places = [(row, column) for row in range(height) for column in range(wide)]
    beside = ((0, 1), (1, 0), (0, -1), (-1, 0))
    edge = [
        (row, column)
        for row, column in places
        for down, right in beside
        if 0 <= row + down < height and 0 <= column + right < wide
        if mask[row, column] != mask[row + down, column + right]
    ]
    near = [any((row - r) ** 2 + (column - c) ** 2 <= (width - 1) ** 2 for r, c in edge) for row, column in places]
    return np.array(near).reshape(mask.shape) & (mask != 255)


def by_asking(coarse, fine):
    one = nn.Conv2d(coarse.in_channels + fine.in_channels, coarse.out_channels, 1)
    state = {"weight": torch.hstack([coarse.weight, fine.weight]), "bias": coarse.bias + fine.bias}
    one.load_state_dict(copy.deepcopy({name: value.detach() for name, value in state.items()}))
    return one


ALSO_RIGHT = {
    "05.skip": ItsOwnScore,
    "05.warm_start": by_name,
    "05.boundary_band": by_all_pairs,
    "05.one_convolution": by_asking,
}


@pytest.mark.parametrize("name", ALSO_RIGHT)
def test_another_right_way_passes(name):
    check(name, ALSO_RIGHT[name])


def test_one_convolution_is_the_sum_of_two_streams_on_real_maps():
    coarse, fine = nn.Conv2d(6, 4, 1), nn.Conv2d(5, 4, 1)
    at_32, at_16 = torch.randn(2, 6, 3, 4), torch.randn(2, 5, 5, 7)
    one = solutions("05")["one_convolution"](coarse, fine)
    together = one(torch.cat([up(at_32, at_16), at_16], dim=1))
    assert torch.allclose(together, up(coarse(at_32), at_16) + fine(at_16), atol=1e-5)
