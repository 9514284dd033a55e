"""Lecture 07: the double convolution, the crop, the step up. The whole net, the tiles and the quiz stand apart."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.exercises.engine import Exercise, Wrong
from course_utils.exercises.lecture07_net import NET_EXERCISES
from course_utils.exercises.lecture07_quiz import QUIZ

__all__ = ["EXERCISES", "QUIZ"]

NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm, nn.modules.instancenorm._InstanceNorm)


def layers_of(module: nn.Module, name: str) -> list[nn.Conv2d | nn.ConvTranspose2d]:
    """The convolutions of a student's module, their weights drawn anew so that signs and biases matter.

    Raises:
        Wrong: for something that is no module, holds none, or normalises.
    """
    if not isinstance(module, nn.Module):
        raise Wrong(f"`{name}` gives a {type(module).__name__}: write a class that is an nn.Module.")
    if any(isinstance(part, NORMS) for part in module.modules()):
        raise Wrong("There is a normalisation among your layers. The paper's net of 2015 has none: leave it out.")
    layers = [part for part in module.modules() if isinstance(part, nn.Conv2d | nn.ConvTranspose2d)]
    if not layers:
        raise Wrong(
            f"`{name}` has no convolution that torch knows of. Make them in __init__ and keep them as attributes of self; "
            "layers in a plain Python list stay hidden, nn.Sequential and nn.ModuleList show theirs."
        )
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for part in layers:
            for parameter in part.parameters():
                parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    return layers


def run(module: nn.Module, *given: Tensor) -> Tensor:
    """What a student's module makes of something."""
    with torch.no_grad():
        found = module(*given)
    if not isinstance(found, Tensor):
        raise Wrong(f"Your forward returns a {type(found).__name__}: does it end with `return`?")
    return found


def the_two(layers: list, channels: int, width: int, name: str) -> tuple[nn.Conv2d, nn.Conv2d]:
    """The two 3x3 convolutions, in the order in which they run."""
    plain = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    for layer in plain:
        if layer.kernel_size != (3, 3):
            side = layer.kernel_size[0]
            raise Wrong(f"`{name}` has a kernel of {side}x{side}. Two 3x3 convolutions are asked for.")
    if len(plain) != 2:
        raise Wrong(f"`{name}` has {len(plain)} convolution{'s' * (len(plain) != 1)} of 3x3; Figure 1 has two.")
    found = sorted((layer.in_channels, layer.out_channels) for layer in plain)
    if found != sorted([(channels, width), (width, width)]):
        arrows = ", ".join(f"{a} to {b}" for a, b in ((layer.in_channels, layer.out_channels) for layer in plain))
        raise Wrong(
            f"`{name}` convolves from {arrows} channels. It should go from {channels} to {width}, and stay at {width}."
        )
    return tuple(sorted(plain, key=lambda layer: layer.in_channels == width))


def two_convolutions(first: nn.Conv2d, second: nn.Conv2d, maps: Tensor, between=torch.relu, after=torch.relu) -> Tensor:
    """Two layers without padding, and what stands between and after them."""
    with torch.no_grad():
        maps = between(functional.conv2d(maps, first.weight, first.bias))
        return after(functional.conv2d(maps, second.weight, second.bias))


def check_double(answer: Callable[[int, int], nn.Module]) -> None:
    """Five pixels become one; then the ReLUs, one by one."""
    name = "DoubleConvolution(2, 3)"
    double = answer(2, 3)
    first, second = the_two(layers_of(double, name), 2, 3, name)
    found = run(double, torch.ones(1, 2, 5, 5))
    if tuple(found.shape[-2:]) == (5, 5):
        raise Wrong("5x5 pixels stay 5x5: your convolutions are padded. The paper's are valid, and 1x1 is left.")
    if tuple(found.shape) != (1, 3, 1, 1):
        raise Wrong(
            f"Of (1, 2, 5, 5) your net makes {tuple(found.shape)}; two valid 3x3 convolutions leave (1, 3, 1, 1)."
        )
    images = torch.randn(2, 2, 9, 8, generator=torch.Generator().manual_seed(1))
    found = run(double, images)

    def as_is(maps: Tensor) -> Tensor:
        return maps

    if torch.allclose(found, two_convolutions(first, second, images), atol=1e-4):
        return
    if torch.allclose(found, two_convolutions(first, second, images, as_is, as_is), atol=1e-4):
        raise Wrong(
            "There is no ReLU: two convolutions in a row are one convolution of 5x5, and learn no more than that."
        )
    if torch.allclose(found, two_convolutions(first, second, images, as_is), atol=1e-4):
        raise Wrong("There is no ReLU between your convolutions: without it the two are one of 5x5.")
    if torch.allclose(found, two_convolutions(first, second, images, after=as_is), atol=1e-4):
        raise Wrong("Your result has negative values: a ReLU follows the second convolution too.")
    raise Wrong(
        "The layers are right, the result is not. The order is: convolve, ReLU, convolve, ReLU, and nothing more."
    )


def check_crop(answer: Callable[[Tensor, int, int], Tensor]) -> None:
    """A square, a rectangle, and a map that fits already."""
    skip = torch.arange(128.0).view(1, 2, 8, 8)
    found = call_crop(answer, skip, 4, 4)
    if tuple(found.shape) == (1, 2, 8, 8):
        raise Wrong("You return the map as it was. Cut it: slices such as skip[..., 2:6, 2:6] keep a part.")
    if found.numel() == 0 or tuple(found.shape[-2:]) == (0, 0):
        raise Wrong("Nothing is left of 8x8 cut to 4x4: the difference of 4 is cut off once, two pixels on each side.")
    if found.shape[:2] != (1, 2):
        raise Wrong(f"Of (1, 2, 8, 8) you leave {tuple(found.shape)}: pictures and channels stay, only pixels are cut.")
    if tuple(found.shape[-2:]) != (4, 4):
        raise Wrong(f"8x8 cut to 4x4 should be 4x4, and yours is {found.shape[-2]}x{found.shape[-1]}.")
    if torch.equal(found, skip[..., :4, :4]):
        raise Wrong("Your `crop` keeps the top left corner; the paper keeps the centre, where the upsampled map lies.")
    if torch.equal(found, skip[..., 4:, 4:]):
        raise Wrong("Your `crop` keeps the bottom right corner: half of what is cut comes off at the beginning.")
    if not torch.isin(found, skip).all() or torch.equal(found, skip[..., ::2, ::2]):
        raise Wrong(
            "Your map was made smaller as a whole. The skip brings exact places: cut pixels off, leave the others alone."
        )
    if not torch.equal(found, skip[..., 2:6, 2:6]):
        first = found[0, 0, 0, 0].int().item()
        raise Wrong(
            f"Your 4x4 begins at row {first // 8}, column {first % 8} of 8x8; the middle begins at row 2, column 2."
        )

    found = call_crop(answer, torch.arange(80.0).view(1, 1, 8, 10), 4, 8)
    if tuple(found.shape[-2:]) == (8, 4) or tuple(found.shape[-2:]) != (4, 8):
        raise Wrong(f"8x10 cut to a height of 4 and a width of 8 is {found.shape[-2]}x{found.shape[-1]} with yours.")
    if not torch.equal(found, torch.arange(80.0).view(1, 1, 8, 10)[..., 2:6, 1:9]):
        raise Wrong("8x10 cut to 4x8: rows 2 to 5, columns 1 to 8. Each axis has its own difference.")
    same = call_crop(answer, skip, 8, 8)
    if tuple(same.shape) != (1, 2, 8, 8):
        raise Wrong(
            f"8x8 cut to 8x8 is {tuple(same.shape[-2:])} with yours. Where nothing is cut, a slice 0:-0 is empty: count "
            "from the beginning, start:start + height."
        )


def call_crop(answer: Callable, skip: Tensor, height: int, width: int) -> Tensor:
    """The student's crop."""
    found = answer(skip, height, width)
    if not isinstance(found, Tensor):
        raise Wrong(f"Your function returns a {type(found).__name__}: does it end with `return`?")
    return found


def check_up(answer: Callable[[int], nn.Module]) -> None:
    """The layers, then one step on maps that are no squares, compared with each likely slip."""
    name = "UpStep(3)"
    step = answer(3)
    layers = layers_of(step, name)
    up = the_up_convolution(layers, name)
    if any(isinstance(layer, nn.Conv2d) and layer.in_channels == 3 and layer is not up for layer in layers) and not any(
        isinstance(layer, nn.Conv2d) and layer.in_channels == 6 for layer in layers
    ):
        raise Wrong(
            "Your first convolution takes 3 channels: were skip and map added? U-Net lays them beside each other, 3 + 3 = 6."
        )
    first, second = the_two(layers, 6, 3, name)
    generator = torch.Generator().manual_seed(2)
    maps, skip = torch.randn(1, 6, 4, 5, generator=generator), torch.randn(1, 3, 12, 16, generator=generator)
    try:
        found = run(step, maps, skip)
    except RuntimeError as error:
        if "must match" in str(error):
            raise Wrong(
                f"Skip and map do not lie over each other ({error}). The map is upsampled to 8x10, the skip has 12x16: "
                "crop it."
            ) from None
        raise
    if tuple(found.shape) != (1, 3, 4, 6):
        raise Wrong(
            f"Maps of 4x5 become 8x10, and two valid convolutions leave (1, 3, 4, 6). Yours gives {tuple(found.shape)}."
        )
    with torch.no_grad():
        large = functional.conv_transpose2d(maps, up.weight, up.bias, stride=2)
    middle = skip[..., 2:10, 3:13]
    slips = {
        "The channels are the wrong way round: Figure 1 lays the skip first, and the upsampled map after it.": (
            large,
            middle,
        ),
        "Your skip comes from the top left corner: is `crop` right?": (skip[..., :8, :10], large),
        "There is a ReLU after your up-convolution. Figure 1 has none there.": (middle, large.relu()),
        "The skip went through a ReLU once more, or its values were changed.": (middle.relu(), large),
        "The upsampled map is laid beside itself, and the skip is not used.": (large, large),
        "The skip is laid beside itself, and the upsampled map is not used.": (middle, middle),
    }
    if torch.allclose(found, two_convolutions(first, second, torch.cat([middle, large], dim=1)), atol=1e-3):
        return
    for message, parts in slips.items():
        if torch.allclose(found, two_convolutions(first, second, torch.cat(parts, dim=1)), atol=1e-3):
            raise Wrong(message)
    raise Wrong(
        "The layers are right, the result is not. The order: up, crop the skip, skip and map side by side, convolve."
    )


def the_up_convolution(layers: list, name: str) -> nn.ConvTranspose2d:
    """The 2x2 up-convolution of a student's step."""
    ups = [layer for layer in layers if isinstance(layer, nn.ConvTranspose2d)]
    if not ups:
        raise Wrong(
            f"`{name}` has no nn.ConvTranspose2d. The paper's up-convolution is learned, and halves the channels as well."
        )
    up = ups[0]
    if (up.kernel_size, up.stride) != ((2, 2), (2, 2)):
        raise Wrong(f"Your up-convolution has kernel {up.kernel_size[0]} and stride {up.stride[0]}; both are 2.")
    if (up.in_channels, up.out_channels) != (6, 3):
        raise Wrong(
            f"Your up-convolution goes from {up.in_channels} to {up.out_channels} channels. It comes from below, where "
            "there are twice as many, and halves them: 6 to 3."
        )
    return up


EXERCISES = [
    Exercise(
        "07.double_convolution",
        "Write the pair of 3x3 convolutions that stands on every level of the U.",
        check_double,
        (
            "Follow one blue arrow of Figure 1, then the next: how many channels go in, how many come out?",
            "nn.Conv2d(channels, width, kernel_size=3) has no padding unless you ask for it. A ReLU follows each.",
            "In __init__: self.first = nn.Conv2d(channels, width, 3); self.second = nn.Conv2d(width, width, 3). In "
            "forward: return self.second(self.first(maps).relu()).relu().",
        ),
        "Four pixels are lost along each side's sum, and every value that is left saw only real pixels.",
        points=1,
        references=("course_utils.models.unet.DoubleConvolution",),
    ),
    Exercise(
        "07.crop",
        "Cut a map to a height and a width, keeping its middle.",
        check_crop,
        (
            "If 8 rows become 4, how many come off above, and how many below?",
            "top = (skip.shape[-2] - height) // 2, and likewise for the columns.",
            "return skip[..., top : top + height, left : left + width]",
        ),
        "What is cut off are places for which the path through the bottom has no answer.",
        points=1,
        references=("course_utils.models.unet.centre_crop",),
    ),
    Exercise(
        "07.up_step",
        "Write one level of the way up: up-convolution, crop, side by side, double convolution.",
        check_up,
        (
            "Count channels first: 2 * width come from below. How many after the up-convolution, how many with the skip?",
            "self.up = nn.ConvTranspose2d(2 * width, width, kernel_size=2, stride=2); self.convolve = "
            "DoubleConvolution(2 * width, width).",
            "maps = self.up(maps); skip = crop(skip, *maps.shape[-2:]); return self.convolve(torch.cat([skip, maps], dim=1)).",
        ),
        "What comes from below knows what, what comes over the skip knows where; the convolutions learn to combine them.",
        points=2,
        references=("course_utils.models.unet.UpStep",),
    ),
    *NET_EXERCISES,
]
