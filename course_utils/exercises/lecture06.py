"""Lecture 06: a fourth channel, two nets for one answer, the angle with gravity, and whose IU is averaged."""

import copy
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from course_utils.exercises.engine import Wrong


def check_widen(answer: Callable[[nn.Conv2d, int], nn.Conv2d]) -> None:
    """A convolution of two channels becomes one of three and of four; fresh, it gives what the old one gave."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        old = nn.Conv2d(2, 3, kernel_size=3, stride=2, padding=1, dilation=1)
    given = copy.deepcopy(old.state_dict())
    new = answer(old, 4)
    expect_convolution(new, old)
    if old.in_channels != 2 or any(not torch.equal(old.state_dict()[name], given[name]) for name in given):
        raise Wrong("The convolution that you were given has changed. Make a new one, and leave the old as it is.")
    if new is old:
        raise Wrong("You return the old convolution. A new one is asked for, with more input channels.")
    if new.in_channels != 4 or tuple(new.weight.shape) != (3, 4, 3, 3):
        found = f"{new.in_channels} channels and weights of shape {tuple(new.weight.shape)}"
        raise Wrong(
            f"For channels = 4 your convolution has {found}; it needs (3, 4, 3, 3). `channels` counts all of them, the "
            "old ones too."
        )
    weights, before = new.weight.detach(), given["weight"]
    if torch.equal(weights[:, 2:], before) and not torch.equal(weights[:, :2], before):
        raise Wrong("The old weights stand behind the new ones. Colour comes first in the input, depth after it.")
    if not torch.equal(weights[:, :2], before):
        raise Wrong(
            "The weights of the first two channels are not the old ones: what ImageNet taught this layer is lost. Copy "
            "them into weight[:, :2]."
        )
    added = weights[:, 2:]
    if torch.allclose(added, before.mean(dim=1, keepdim=True).expand_as(added)) and added.any():
        raise Wrong(
            "The new weights start at the mean of the old ones. The authors' net does that, and it changes every answer "
            "at once. Here the fresh layer is to give what it gave: let them start at zero."
        )
    if added.any():
        raise Wrong(
            "The new weights are not zero: before it has seen a single depth, your net answers differently. Fill them "
            "with zeros."
        )
    if not torch.equal(new.bias.detach(), given["bias"]):
        raise Wrong("The bias was not copied. It belongs to the output channels, and those are the same as before.")
    with torch.no_grad():
        new.weight.add_(1.0)
        new.bias.add_(1.0)
    if any(not torch.equal(old.state_dict()[name], given[name]) for name in given):
        raise Wrong("Old and new share memory: training the one would change the other. Copy the numbers.")
    plain = nn.Conv2d(3, 2, kernel_size=1, bias=False)
    without = answer(plain, 6)
    expect_convolution(without, plain)
    if without.bias is not None:
        raise Wrong("The old convolution has no bias, and yours has one: as in many nets, a batch norm follows.")


def expect_convolution(new: object, old: nn.Conv2d) -> None:
    """Refuse what is no convolution, or slides in another way than the old one."""
    if new is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if not isinstance(new, nn.Conv2d):
        raise Wrong(f"Your function returns a {type(new).__name__}; an nn.Conv2d is asked for.")
    for name in ("out_channels", "kernel_size", "stride", "padding"):
        if getattr(new, name) != getattr(old, name):
            raise Wrong(
                f"Your convolution has {name} = {getattr(new, name)}, the old one {getattr(old, name)}. Only the number of "
                "input channels changes."
            )
    if old.bias is not None and new.bias is None:
        raise Wrong("The old convolution has a bias, and yours has none.")


class Scaled(nn.Module):
    """A tiny FCN: the mean of its channels times a number for each class; it remembers what it was given."""

    def __init__(self, *numbers: float):
        super().__init__()
        self.numbers = nn.Parameter(torch.tensor(numbers))
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(images.detach().clone())
        return images.mean(dim=1, keepdim=True) * self.numbers.view(1, -1, 1, 1)


def check_late_fusion(answer: Callable[..., nn.Module]) -> None:
    """Each net sees its own source, and the scores are added: nothing is normalised, weighed or laid side by side."""
    colour, depth = Scaled(1.0, -2.0), Scaled(10.0, 5.0)
    net = answer(colour, depth, 3)
    if not isinstance(net, nn.Module):
        raise Wrong(f"`Late(first, second, 3)` gives a {type(net).__name__}: write a class that is an nn.Module.")
    if len(list(net.parameters())) < 2:
        raise Wrong(
            "An optimiser finds no weights of the two nets in yours. Keep each as an attribute of self, or in an "
            "nn.ModuleList: what is in a plain list, PyTorch does not see."
        )
    images = torch.stack([torch.full((2, 2), float(value)) for value in (1, 2, 3, 4, 6)])[None]
    found = net(images)
    if not isinstance(found, Tensor):
        raise Wrong(f"Your forward returns a {type(found).__name__}: does it end with `return`?")
    for name, seen, width, first in (("first", colour.seen, 3, 1.0), ("second", depth.seen, 2, 4.0)):
        if not seen:
            raise Wrong(f"The {name} net is never asked.")
        if seen[-1].shape[1] != width or float(seen[-1][0, 0, 0, 0]) != first:
            raise Wrong(
                f"The {name} net was given {seen[-1].shape[1]} channels, beginning with channel "
                f"{int((images[0, :, 0, 0] == seen[-1][0, 0, 0, 0]).nonzero()[0])}. Of these 5 channels the first 3 are "
                "the first net's, the other 2 the second's."
            )
    one, two = (each(part) for each, part in ((colour, images[:, :3]), (depth, images[:, 3:])))
    if found.shape[1] == 4:
        raise Wrong("You return 4 channels for 2 classes: the scores are added, not laid on top of each other.")
    wrong = {
        "You take the mean of the two. The paper adds: halved scores are less sure than either net is.": (one + two)
        / 2,
        "You add probabilities. Add the scores themselves: a softmax in between hides how sure each net is, and the "
        "loss takes a softmax of its own.": one.softmax(dim=1) + two.softmax(dim=1),
        "You take the larger of the two scores at each place. A net that says no must count as well: add.": torch.maximum(
            one, two
        ),
        "You multiply the scores: two that say no would make a yes.": one * two,
        "You return what the first net says alone.": one,
        "You return what the second net says alone.": two,
    }
    for words, values in wrong.items():
        if found.shape == values.shape and torch.allclose(found, values):
            raise Wrong(words)
    if found.shape != one.shape or not torch.allclose(found, one + two):
        raise Wrong(
            f"At one place the nets say {one[0, :, 0, 0].tolist()} and {two[0, :, 0, 0].tolist()}; their sum is "
            f"{(one + two)[0, :, 0, 0].tolist()}, and yours is {found[0, :, 0, 0].tolist()}."
        )
    fresh = [torch.ones(2, channels, 3, 4) for channels in (1, 4)]
    with_one = answer(colour, depth, 1)(torch.cat([fresh[0], fresh[1]], dim=1))
    if with_one.shape != (2, 2, 3, 4) or colour.seen[-1].shape[1] != 1:
        raise Wrong("With channels = 1 your first net still sees another number: use `channels`, not 3.")


def check_angle(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Floor, wall, ceiling and a slope, with a camera that is level and one that is tilted."""
    level = torch.tensor([0.0, 1.0, 0.0])
    half = math.sqrt(0.5)
    faces = {
        "floor": (0.0, -1.0, 0.0),
        "wall": (0.0, 0.0, -1.0),
        "ceiling": (0.0, 1.0, 0.0),
        "roof": (0.0, -half, half),
    }
    normal = torch.tensor(list(faces.values())).T.reshape(3, 2, 2)
    expected = torch.tensor([[0.0, 90.0], [180.0, 45.0]])
    found = angles(answer, normal, level)
    known = {
        "That is the angle with gravity itself, 180 degrees for a floor. It is measured against *up*: a surface that "
        "faces up has 0. One sign is missing.": 180 - expected,
        "Your angles are radians: a wall has 1.57. Degrees are asked for (torch.rad2deg).": torch.deg2rad(expected),
        "You return cosines, from 1 for a floor to -1 for a ceiling. The angle is their arc cosine.": torch.cos(
            torch.deg2rad(expected)
        ),
        "Your ceiling has the floor's angle: with the cosine's absolute value, up and down are the same.": torch.tensor(
            [[0.0, 90.0], [0.0, 45.0]]
        ),
        "Your walls have 0 and your floor 90 degrees: that is the arc sine, the angle with the horizon.": 90 - expected,
        "You stretch the angles to 0..255, as HHA's bytes are. Here degrees are asked for.": expected * 255 / 180,
    }
    for words, values in known.items():
        if torch.allclose(found, values, atol=0.05):
            raise Wrong(words)
    expect_angles(found, expected, faces)

    tilted = torch.tensor([0.0, half, half])  # the camera looks down by 45 degrees
    found = angles(answer, normal, tilted)
    if torch.allclose(found, expected, atol=0.05):
        raise Wrong(
            "With a camera that looks down by 45 degrees your angles stay the same: use the `down` that is given, not "
            "the picture's own."
        )
    expect_angles(found, torch.tensor([[45.0, 45.0], [135.0, 90.0]]), faces)
    long = torch.tensor([0.0, -1.0000001, 0.0]).view(3, 1, 1)
    if torch.isnan(angles(answer, long, level)).any():
        raise Wrong(
            "A unit normal may be a ten-millionth too long, its cosine 1.0000001, and then the arc cosine is NaN. Clamp "
            "the cosine to -1..1 first."
        )


def angles(answer: Callable, normal: Tensor, down: Tensor) -> Tensor:
    """The student's angles as one number for each pixel."""
    found = answer(normal.clone(), down.clone())
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    found = torch.as_tensor(found, dtype=torch.float32)
    if found.shape != normal.shape[1:]:
        raise Wrong(
            f"For normals of shape {tuple(normal.shape)} you return shape {tuple(found.shape)}; one angle for each pixel "
            f"is {tuple(normal.shape[1:])}. The sum over x, y and z runs along dim=0."
        )
    return found


def expect_angles(found: Tensor, expected: Tensor, faces: dict[str, tuple]) -> None:
    """Refuse other angles."""
    if not torch.allclose(found, expected, atol=0.05):
        place = int((found - expected).abs().nan_to_num(1e9).argmax())
        name, value, right = list(faces)[place], found.flatten()[place], expected.flatten()[place]
        raise Wrong(f"The {name} has {value:.0f} degrees with you, and has {right:.0f}.", found, expected)


def check_mean_iu(answer: Callable[[Tensor], float]) -> None:
    """Six classes: one is nowhere, one is found where it never is, and two are there and never found."""
    matrix = torch.zeros(6, 6, dtype=torch.int64)
    for (row, column), pixels in {
        (0, 0): 70,
        (0, 1): 10,
        (0, 4): 20,
        (1, 0): 10,
        (1, 1): 30,
        (3, 0): 6,
        (5, 0): 4,
    }.items():
        matrix[row, column] = pixels
    right, in_truth, found_as = (part.double() for part in (matrix.diag(), matrix.sum(dim=1), matrix.sum(dim=0)))
    union = in_truth + found_as - right
    iu = torch.where(union > 0, right / union.clamp(min=1), 0)
    present = in_truth > 0
    kept = matrix[present][:, present].double()
    kept_iu = kept.diag() / (kept.sum(dim=1) + kept.sum(dim=0) - kept.diag())
    expected = float(iu[present].mean())
    given = matrix.clone()
    found = answer(given)
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    found = np.asarray(found, dtype=float)
    if found.size != 1:
        raise Wrong(f"You return {found.size} numbers, one for each class perhaps. Their mean is asked for.")
    value = float(found)
    if value != value:
        raise Wrong("You get NaN: a class that is nowhere has IU 0 / 0. Leave it out before you take the mean.")
    if not torch.equal(given, matrix):
        raise Wrong("Your function changed the matrix. Whoever counts on will miss those pixels.")
    known = {
        "You divide by all 6 classes, and the absent ones count as 0. A table made so falls with every class that the "
        "test pictures happen not to show.": iu.mean(),
        "That is the mean over 5 classes: the one that was found but is never there counts as 0 (as `nanmean` does "
        "it). Only classes with pixels in the *truth* count here.": iu[union > 0].mean(),
        "You leave out what was never *predicted*. A class that the net always misses must count, with IU 0: sum over "
        "the row for the truth.": iu[found_as > 0].mean(),
        "You dropped the absent classes' columns as well, and with them the pixels that were wrongly found there. They "
        "are mistakes of the class that they belong to.": kept_iu.mean(),
        "That is the mean accuracy: false alarms cost nothing. Divide by the union.": (right / in_truth)[
            present
        ].mean(),
        "You divide all hits by all unions: one number for all pixels. Take each class's IU first, then the mean.": (
            right.sum() / union.sum()
        ),
        "Your mean leaves out classes with IU 0. One that is there and never found counts, with 0.": iu[iu > 0].mean(),
        "You count the hits twice in the union: row + column - hits.": (right / (in_truth + found_as))[present].mean(),
        "You return percent; a number from 0 to 1 is asked for.": 100 * expected,
    }
    for words, other in known.items():
        if abs(value - float(other)) < 1e-6:
            raise Wrong(words)
    if abs(value - expected) > 1e-6:
        raise Wrong(
            f"IU is {', '.join(f'{each:.3f}' for each in iu[present].tolist())} for the four classes in truth: their mean "
            f"is {expected:.3f}, and yours is {value:.3f}."
        )
