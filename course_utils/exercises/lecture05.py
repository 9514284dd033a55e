"""Lecture 05: the skip, the boundary band, the warm start, and what a sum of scores really is."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.exercises.engine import Wrong


def check_skip(answer: Callable[[int, int], nn.Module]) -> None:
    """Fresh, it adds nothing; scored, it adds one number a place; on odd sizes, it still fits."""
    skip = answer(3, 2)
    if skip is None or not isinstance(skip, nn.Module):
        raise Wrong(f"`Skip(3, 2)` gives a {type(skip).__name__}: write a class that is an nn.Module.")
    score = only_score(skip)
    coarse = torch.tensor([[[[0.0, 4.0], [8.0, 12.0]]]]).repeat(1, 2, 1, 1)
    fine = torch.ones(1, 3, 4, 4)
    found = call_skip(skip, coarse, fine, "scores of 2x2 cells and a map of 4x4")
    expect_shape(found, (1, 2, 4, 4), "scores of 2x2 cells and a map of 4x4")
    expected = functional.interpolate(coarse, size=(4, 4), mode="bilinear", align_corners=False)
    if not score.weight.detach().any() and (score.bias is None or not score.bias.detach().any()):
        expect_upsampled(found, expected)
    else:
        part = "weights" if score.weight.detach().any() else "bias"
        raise Wrong(
            f"The {part} of your fresh skip are not zero, so your FCN-16s does not begin where its FCN-32s ended: the "
            "first thing it does is forget. Use nn.init.zeros_ on weight and bias."
        )

    with torch.no_grad():
        score.weight.copy_(torch.tensor([1.0, 2.0, 4.0, 0.0, 0.0, -1.0]).view(2, 3, 1, 1))
        if score.bias is not None:
            score.bias.copy_(torch.tensor([0.5, 0.0]))
    if score.bias is None:
        raise Wrong("Your score layer has no bias (bias=False). A class may be likely everywhere: leave the bias in.")
    pixels = torch.zeros(1, 3, 4, 4)
    pixels[0, :, 1, 2] = 1
    found = call_skip(skip, coarse, pixels, "the same sizes")
    added = found - expected
    if torch.allclose(added[0, :, 1, 2], torch.zeros(2)) and not added.any():
        raise Wrong("With weights that are not zero your skip still adds nothing: is the fine map scored and added?")
    if (added - added.clamp(min=0)).abs().max() < 1e-6 and abs(float(added[0, 0, 1, 2]) - 7.5) < 1e-5:
        raise Wrong("Your scores are never negative: is there a ReLU? A skip must be able to speak against a class.")
    expect_close(added[0, :, 1, 2], torch.tensor([7.5, -1.0]), "the scores of the fine map")

    odd = call_skip(skip, torch.randn(2, 2, 3, 4), torch.randn(2, 3, 5, 7), "scores of 3x4 and a map of 5x7")
    expect_shape(odd, (2, 2, 5, 7), "scores of 3x4 cells and a map of 5x7")


def only_score(skip: nn.Module) -> nn.Conv2d:
    """The 1x1 convolution in a skip from 3 channels to 2 classes."""
    layers = [layer for layer in skip.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
    fitting = [layer for layer in layers if isinstance(layer, nn.Conv2d) and tuple(layer.weight.shape[:2]) == (2, 3)]
    if not fitting:
        found = ", ".join(f"{type(layer).__name__} {tuple(layer.weight.shape)}" for layer in layers) or "none"
        raise Wrong(
            f"`Skip(3, 2)` needs a convolution from 3 channels to 2 classes among its layers, and yours has: {found}. "
            "Make it in __init__ and keep it as an attribute of self."
        )
    if fitting[0].kernel_size != (1, 1):
        raise Wrong(f"Your score layer has a kernel of {fitting[0].kernel_size[0]}: each place is scored alone, 1x1.")
    if len(layers) > 1:
        raise Wrong(
            "Your skip has more layers than the score. Upsample with `functional.interpolate`: nothing to learn."
        )
    return fitting[0]


def call_skip(skip: nn.Module, coarse: Tensor, fine: Tensor, case: str) -> Tensor:
    """The student's sum, with the error of unequal sizes put into words."""
    try:
        with torch.no_grad():
            found = skip(coarse, fine)
    except RuntimeError as error:
        if "must match" in str(error) and "size" in str(error):
            raise Wrong(
                f"For {case} the two streams do not lie over each other ({error}). Upsample to the fine map's own "
                "height and width, `fine.shape[-2:]`: a factor of 2 misses by one on odd sizes."
            ) from None
        raise
    if not isinstance(found, Tensor):
        raise Wrong(f"Your forward returns a {type(found).__name__}: does it end with `return`?")
    return found


def expect_shape(found: Tensor, shape: tuple[int, ...], case: str) -> None:
    """Refuse a sum of another shape."""
    if tuple(found.shape) == shape:
        return
    if tuple(found.shape[-2:]) == (2, 2):
        raise Wrong(
            "You return scores of 2x2 cells: the fine map was made smaller. Bring the coarse scores up instead."
        )
    if found.shape[1] != shape[1]:
        raise Wrong(
            f"You return {found.shape[1]} channels for 2 classes: a skip adds scores to scores, it does not concatenate."
        )
    raise Wrong(f"For {case} you return {tuple(found.shape)}; it is {shape}.")


def expect_upsampled(found: Tensor, expected: Tensor) -> None:
    """Refuse a fresh skip that changes what it got, and say how."""
    coarse = torch.tensor([[[[0.0, 4.0], [8.0, 12.0]]]]).repeat(1, 2, 1, 1)
    if torch.allclose(found, expected, atol=1e-5):
        return
    if torch.allclose(found, functional.interpolate(coarse, size=(4, 4)), atol=1e-5):
        raise Wrong(
            "Your fresh skip repeats the nearest cell, so blocks stay blocks. Use mode='bilinear' (lecture 03)."
        )
    if torch.allclose(found, functional.interpolate(coarse, size=(4, 4), mode="bilinear", align_corners=True)):
        raise Wrong(
            "You interpolate with align_corners=True, which puts the outer cells on the picture's edge; every stream of "
            "this net takes cells as squares. Leave align_corners at False."
        )
    if not found.any():
        raise Wrong("The coarse scores are gone: a skip adds the fine scores to them, it does not replace them.")
    raise Wrong(f"A fresh skip should hand on the upsampled scores; your first row is {found[0, 0, 0].tolist()}.")


def expect_close(found: Tensor, expected: Tensor, what: str) -> None:
    """Refuse other numbers."""
    if not torch.allclose(found, expected, atol=1e-4):
        raise Wrong(
            f"{what[0].upper()}{what[1:]} should add {expected.tolist()} in one place; yours add {found.tolist()}."
        )


def check_boundary_band(answer: Callable[[np.ndarray, int], np.ndarray]) -> None:
    """From one straight edge to a corner, an edge of void, and a picture without any edge."""
    halves = np.zeros((3, 10), dtype=np.int64)
    halves[:, 5:] = 7
    one = call_band(answer, halves, 1)
    columns = np.flatnonzero(one[1]).tolist()
    if columns in ([5], [4]):
        raise Wrong(
            f"The edge lies between columns 4 and 5, and for width 1 you mark column {columns[0]} alone. Both sides touch it."
        )
    if columns == [3, 4, 5, 6]:
        raise Wrong("For width 1 you mark two columns on each side. The pixels that touch the edge are at 1, not at 0.")
    if len(columns) == 8:
        raise Wrong("You mark everything but the band: the band is where the edge is near.")
    if 0 in columns and 9 in columns:
        raise Wrong("You mark the picture's own border. Labels end there, and nothing changes: it is no boundary.")
    expect_columns(columns, [4, 5], 1)
    expect_columns(np.flatnonzero(call_band(answer, halves, 3)[1]).tolist(), [2, 3, 4, 5, 6, 7], 3)
    lying = call_band(answer, np.ascontiguousarray(halves.T), 1)
    if np.flatnonzero(lying[:, 1]).tolist() != [4, 5]:
        raise Wrong("An edge that runs across is not found: compare rows with the next row, too.")

    dot = np.zeros((11, 11), dtype=np.int64)
    dot[5, 5] = 3
    near = call_band(answer, dot, 4)
    if near[8, 8]:
        raise Wrong(
            "Your band is a square, too wide at its corners: distance is measured straight across, "
            "sqrt(down**2 + right**2), as `distance_transform_edt` does."
        )
    if not near[8, 7] or not near[5, 9]:
        raise Wrong("Around a single pixel your band of 4 is cut off at the corners: distances are straight lines.")

    void = halves.copy()
    void[:, 4:6] = 255
    found = call_band(answer, void, 1)
    if found[:, 4:6].any():
        raise Wrong("Your band holds void pixels. They are never scored: take them out with `mask != 255`.")
    if np.flatnonzero(found[1]).tolist() != [3, 6]:
        raise Wrong(
            "Where void lies between two things, the band begins beside it, in columns 3 and 6: void is a label too, and "
            f"its rim is a boundary. You mark {np.flatnonzero(found[1]).tolist()}."
        )
    if call_band(answer, np.full((4, 4), 2), 3).any():
        raise Wrong("A mask with one label has no boundary, and your band is not empty there.")


def call_band(answer: Callable, mask: np.ndarray, width: int) -> np.ndarray:
    """The student's band as a Boolean array of the mask's shape."""
    before = mask.copy()
    found = answer(mask, width)
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    found = np.asarray(found)
    if found.shape != mask.shape:
        raise Wrong(f"For a mask of shape {mask.shape} you return shape {found.shape}: one answer for each pixel.")
    if found.dtype != bool:
        raise Wrong(
            f"Your band holds {found.dtype} numbers. A band is True or False: compare the distance with the width."
        )
    if not np.array_equal(mask, before):
        raise Wrong("Your function changed the mask it was given. Work on an array of your own.")
    return found


def expect_columns(found: list[int], expected: list[int], width: int) -> None:
    """Refuse a band along a straight edge that is not the one asked for."""
    if found != expected:
        drawn = [[[int(column in columns) for column in range(10)]] for columns in (found, expected)]
        raise Wrong(
            f"With an edge between columns 4 and 5 and width {width} the band is {expected}; yours is {found}.", *drawn
        )


class Coarse(nn.Module):
    """A tiny FCN-32s: a backbone with a batch norm, and a score."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        self.score = nn.Conv2d(4, 2, 1)


class Finer(Coarse):
    """The same with a skip."""

    def __init__(self):
        super().__init__()
        self.skip_16 = nn.Conv2d(3, 2, 1)
        nn.init.zeros_(self.skip_16.weight)
        nn.init.zeros_(self.skip_16.bias)


def check_warm_start(answer: Callable[[nn.Module, nn.Module], nn.Module]) -> None:
    """Everything the coarser net knows is copied, statistics too; nothing is shared, nothing else is touched."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        coarser, finer = Coarse(), Finer()
    coarser.backbone[1].running_mean.fill_(3.0)
    given = copy.deepcopy(coarser.state_dict())
    fresh = copy.deepcopy(finer.state_dict())
    try:
        found = answer(finer, coarser)
    except RuntimeError as error:
        if "Missing key" in str(error):
            raise Wrong(
                "load_state_dict misses the skip's weights, which the coarser net does not have. Begin with the finer "
                "net's own state, or load with strict=False."
            ) from None
        raise
    if found is None:
        raise Wrong("Your function returns None: does it end with `return finer`?")
    if found is coarser or not hasattr(found, "skip_16"):
        raise Wrong("You return the coarser net. The finer one is asked for, with the coarser one's weights in it.")
    after, kept = found.state_dict(), coarser.state_dict()
    if any(not torch.equal(kept[name], given[name]) for name in given):
        raise Wrong("The coarser net has changed: you copied the fresh weights over the trained ones.")
    for part, word in (("score.weight", "score layer"), ("backbone.0.weight", "backbone")):
        if not torch.equal(after[part], given[part]):
            raise Wrong(f"The {word}'s weights were not copied.")
    if not torch.equal(after["backbone.1.running_mean"], given["backbone.1.running_mean"]):
        raise Wrong(
            "The batch norm's running mean was not copied. It is no parameter, since nothing learns it by gradient, and "
            "the net needs it all the same: `state_dict()` has both, `parameters()` has not."
        )
    if not all(torch.equal(after[name], given[name]) for name in given):
        missing = next(name for name in given if not torch.equal(after[name], given[name]))
        raise Wrong(f"{missing} was not copied.")
    if any(not torch.equal(after[name], fresh[name]) for name in fresh if name.startswith("skip_16")):
        raise Wrong(
            "You changed the skip. Its scores stay at zero, so that the finer net begins where the coarser ended."
        )
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.add_(1.0)
    if any(not torch.equal(coarser.state_dict()[name], given[name]) for name in given):
        raise Wrong(
            "The two nets share their weights: training the finer one would change the coarser one, and your Table 2 "
            "with it. Copy the numbers, do not hand over the layers."
        )


def check_one_convolution(answer: Callable[[nn.Conv2d, nn.Conv2d], nn.Conv2d]) -> None:
    """Two scores added are one convolution over both maps laid on top of each other."""
    coarse, fine = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 2, 1)
    with torch.no_grad():
        coarse.weight.copy_(torch.arange(6.0).view(2, 3, 1, 1))
        fine.weight.copy_(torch.tensor([10.0, 20.0, 30.0, 40.0]).view(2, 2, 1, 1))
        coarse.bias.copy_(torch.tensor([100.0, 0.0]))
        fine.bias.copy_(torch.tensor([0.0, 1000.0]))
    kept = fine.weight.detach().clone()
    one = answer(coarse, fine)
    if one is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if not isinstance(one, nn.Conv2d):
        raise Wrong(f"Your function returns a {type(one).__name__}; an nn.Conv2d is asked for.")
    if (one.in_channels, one.out_channels) != (5, 2):
        found = f"{one.in_channels} channels to {one.out_channels}"
        raise Wrong(
            f"For scores of 3 and of 2 channels your convolution goes from {found}; laid on top of each other the maps "
            "have 5, and there are 2 classes."
        )
    if one.kernel_size != (1, 1):
        raise Wrong(f"Your kernel is {one.kernel_size[0]} wide: both scores are 1x1, and so is their sum.")
    weights, expected = one.weight.detach()[:, :, 0, 0], torch.tensor([[0.0, 1, 2, 10, 20], [3, 4, 5, 30, 40]])
    if torch.equal(weights, torch.cat([expected[:, 3:], expected[:, :3]], dim=1)):
        raise Wrong("The two maps are the wrong way round: the coarse channels come first.")
    if not torch.equal(weights, expected):
        raise Wrong(
            f"Your weights are {weights.tolist()}: the first 3 columns belong to the coarse score, the last 2 to the fine."
        )
    if one.bias is None:
        raise Wrong(
            "Your convolution has no bias. Both scores have one, and interpolation keeps what is even everywhere."
        )
    bias = one.bias.detach().tolist()
    if bias in ([100.0, 0.0], [0.0, 1000.0]):
        raise Wrong(f"Your bias is {bias}, that of one of the two scores. The sum has both.")
    if bias != [100.0, 1000.0]:
        raise Wrong(f"Your bias is {bias}: what is added to the sum of two scores when each brings its own?")
    if not torch.equal(fine.weight.detach(), kept):
        raise Wrong("Your function changed the scores it was given. Make a new convolution.")
