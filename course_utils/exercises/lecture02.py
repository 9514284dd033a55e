"""Lecture 02: three exercises on turning a classifier."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_utils.exercises.engine import Wrong


def check_linear_to_conv(answer: Callable[[nn.Linear, int], nn.Conv2d]) -> None:
    """From a layer of four weights to one with channels and bias; then both layers on the same map."""
    tiny = nn.Linear(4, 1)
    with torch.no_grad():
        tiny.weight.copy_(torch.tensor([[1.0, 2.0, 3.0, 4.0]]))
        tiny.bias.fill_(100.0)
    convolution = answer(tiny, 2)
    expect_convolution(convolution, channels=1, outputs=1, kernel=2)
    check_weights(convolution.weight.detach()[0, 0])
    if convolution.bias is None:
        raise Wrong("The linear layer has a bias and your convolution has none (bias=False).")
    if float(convolution.bias.detach()) != 100:
        raise Wrong(
            f"The weights are right, but the linear layer's bias is 100 and your convolution's is "
            f"{float(convolution.bias.detach()):.3g}: copy the bias too."
        )

    deep = nn.Linear(8, 1)
    with torch.no_grad():
        deep.weight.copy_(torch.arange(8.0).view(1, 8))
    convolution = answer(deep, 2)
    expect_convolution(convolution, channels=2, outputs=1, kernel=2)
    kernels = convolution.weight.detach()[0]
    if kernels.tolist() == [[[0, 2], [4, 6]], [[1, 3], [5, 7]]]:
        raise Wrong(
            "With two channels your weights are in the wrong order: you read them as row, column, channel. A flattened "
            "(C, H, W) map has all of channel 0 first, then all of channel 1."
        )
    if kernels.tolist() != [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]:
        raise Wrong(f"For weights 0 to 7 on a map of 2 channels, 2x2, your kernels are {kernels.tolist()}.")

    generator = torch.Generator().manual_seed(0)
    linear = nn.Linear(5 * 3 * 3, 7)
    maps = torch.randn(2, 5, 3, 3, generator=generator)
    before = linear.weight.detach().clone()
    convolution = answer(linear, 3)
    expect_convolution(convolution, channels=5, outputs=7, kernel=3)
    with torch.no_grad():
        difference = float((convolution(maps).flatten(1) - linear(maps.flatten(1))).abs().max())
    if not torch.equal(linear.weight, before):
        raise Wrong("Your function changed the linear layer it was given. Leave it as it is.")
    if difference > 1e-5:
        raise Wrong(f"On a random map of 5 channels the two layers still differ, by {difference:.2g}.")


def expect_convolution(found: object, channels: int, outputs: int, kernel: int) -> None:
    """Refuse what is no convolution, or one of another shape."""
    case = f"For nn.Linear({channels * kernel**2}, {outputs}) and kernel_size={kernel}"
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if isinstance(found, Tensor):
        raise Wrong("Your function returns a tensor. Return the layer itself, an nn.Conv2d that holds the weights.")
    if not isinstance(found, nn.Conv2d):
        raise Wrong(f"Your function returns a {type(found).__name__}; an nn.Conv2d is asked for.")
    if found.in_channels == channels * kernel**2:
        raise Wrong(
            f"{case} you make {found.in_channels} input channels. That is every number of the map; the map is "
            f"{kernel} x {kernel}, so {channels} of them lie on top of each other."
        )
    if found.kernel_size != (kernel, kernel):
        raise Wrong(f"{case} your kernel is {found.kernel_size[0]} x {found.kernel_size[1]}.")
    if (found.in_channels, found.out_channels) == (outputs, channels) and outputs != channels:
        raise Wrong(f"{case} input and output channels are swapped.")
    if found.in_channels != channels or found.out_channels != outputs:
        raise Wrong(f"{case} your convolution goes from {found.in_channels} to {found.out_channels} channels.")
    if found.padding not in ((0, 0), 0, "valid"):
        raise Wrong(f"{case} you pad the map ({found.padding}). The kernel has to fit in exactly one place.")
    if found.stride != (1, 1):
        raise Wrong(f"{case} your stride is {found.stride[0]}. The kernel slides by one cell.")


def check_weights(kernel: Tensor) -> None:
    """The kernel that should hold 1, 2, 3, 4 in reading order."""
    found = kernel.tolist()
    if found == [[1, 2], [3, 4]]:
        return
    if sorted(kernel.flatten().tolist()) != [1, 2, 3, 4]:
        raise Wrong(
            "Your convolution does not hold the linear layer's weights 1, 2, 3, 4. A new nn.Conv2d starts with random "
            "ones: copy the weights in."
        )
    if found == [[4, 3], [2, 1]]:
        raise Wrong(
            "Your kernel is turned around. Deep learning's convolution does not flip its kernel; neither should you."
        )
    if found == [[1, 3], [2, 4]]:
        raise Wrong("Rows and columns of your kernel are swapped: 1 and 2 are the upper row of the map.")
    raise Wrong(f"The weights 1, 2, 3, 4 belong into the kernel row by row; yours reads {found}.")


def check_receptive_field(answer: Callable[[list], tuple[int, int]]) -> None:
    """From no layer to AlexNet's; each case shows one mistake alone."""
    one = call_receptive_field(answer, [(3, 1)])
    if one == (1, 3):
        raise Wrong("For one 3x3 convolution you answer (1, 3). The receptive field comes first, then the stride.")
    if one[0] == 2:
        raise Wrong("One 3x3 convolution sees 3 pixels and you answer 2: before any layer, a cell is 1 pixel, not 0.")
    if one == (3, 2):
        raise Wrong("For one layer of stride 1 you answer a stride of 2: strides multiply, they do not add up.")
    expect_field([(3, 1)], one, (3, 1))

    two = call_receptive_field(answer, [(3, 1), (3, 1)])
    if two[0] in (6, 7):
        raise Wrong(
            f"Two 3x3 convolutions see 5 pixels, not {two[0]}: their windows overlap. How much does the second add?"
        )
    if two[0] == 9:
        raise Wrong("Two 3x3 convolutions see 5 pixels, not 9: kernels add up, they do not multiply.")
    expect_field([(3, 1), (3, 1)], two, (5, 1))

    case = [(3, 1), (2, 2)]
    first = call_receptive_field(answer, case)
    if first[0] == 6:
        raise Wrong(f"For {case} you answer 6, which is what {case[::-1]} sees: walk from the first layer to the last.")
    if first[0] == 5:
        raise Wrong(
            f"For {case} you answer 5 and it is 4. A layer's own stride only counts for the layers after it: add first, "
            "then multiply the stride."
        )
    if first == (4, 3):
        raise Wrong(f"For {case} you answer a stride of 3: strides multiply, they do not add up.")
    expect_field(case, first, (4, 2))

    case = [(2, 2), (3, 1)]
    strided = call_receptive_field(answer, case)
    if strided[0] == 4:
        raise Wrong(
            f"For {case} you answer 4. After a stride of 2, neighbouring cells lie 2 pixels apart, so each step of the "
            "next kernel is worth 2 pixels, not 1."
        )
    if strided == (6, 1):
        raise Wrong("Your stride is the last layer's. The whole net moves by the product of all of them.")
    expect_field(case, strided, (6, 2))

    case = [(2, 2), (2, 2), (2, 2)]
    pools = call_receptive_field(answer, case)
    if pools[1] in (6, 7):
        raise Wrong(f"Three layers of stride 2 move by 8 pixels, not {pools[1]}: strides multiply.")
    expect_field(case, pools, (8, 8))

    alexnet = [(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2), (6, 1)]
    expect_field(alexnet, call_receptive_field(answer, alexnet), (355, 32))


def call_receptive_field(answer: Callable[[list], tuple[int, int]], layers: list) -> tuple[int, int]:
    """The student's answer as two whole numbers."""
    found = answer(list(layers))
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Wrong(f"Your function returns {found!r}. Two numbers are asked for: return receptive_field, stride")
    return int(found[0]), int(found[1])


def expect_field(layers: list, found: tuple[int, int], expected: tuple[int, int]) -> None:
    """Refuse an answer that is wrong in a way we did not foresee, with the case that shows it."""
    if found != expected:
        raise Wrong(f"For {layers} (kernel, stride) you answer {found}; it is {expected}.")


def check_shift_and_stitch(answer: Callable[[nn.Module, Tensor, int], Tensor]) -> None:
    """A net that only picks every second pixel: stitched, its answers have to be the picture."""
    picks = nn.Conv2d(1, 1, 1, stride=2, bias=False)
    nn.init.ones_(picks.weight)
    picture = torch.arange(25.0).view(1, 1, 5, 5)
    found = call_stitched(answer, picks, picture, 2)
    diagnose(found[0, 0], picture[0, 0])

    wide = nn.Conv2d(1, 3, 1, stride=3, bias=False)
    nn.init.ones_(wide.weight)
    pictures = torch.arange(2 * 8 * 11.0).view(2, 1, 8, 11)
    found = call_stitched(answer, wide, pictures, 3)
    if found.shape != (2, 3, 6, 9):
        raise Wrong(
            f"For 2 pictures of 8x11, a net of 3 classes and stride 3, your result has shape {tuple(found.shape)}; it is "
            "(2, 3, 6, 9). Does your function assume one picture, one class, stride 2 or a square?"
        )
    if not torch.equal(found[:, 2:], pictures[:, :, :6, :9]):
        raise Wrong(
            "With stride 3 and a picture that is not square, the stitched answers are not the picture any more."
        )


def call_stitched(answer: Callable, net: nn.Module, pictures: Tensor, stride: int) -> Tensor:
    """The student's answer, with the error that unequal grids give put into words."""
    try:
        with torch.no_grad():
            found = answer(net, pictures, stride)
    except RuntimeError as error:
        if any(words in str(error) for words in ("must match", "expanded size", "shape mismatch", "equal size")):
            raise Wrong(
                f"The grids do not fit together ({error}). Are all shifted pictures of the same size, "
                "height - stride + 1 by width - stride + 1?"
            ) from None
        raise
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if not isinstance(found, Tensor) or found.dim() != 4:
        raise Wrong("Your function has to return scores as one tensor (N, classes, H, W).")
    return found


def diagnose(found: Tensor, picture: Tensor) -> None:
    """Compare stitched answers with the 5x5 picture that holds 0 to 24; the expected corner is 4x4."""
    if tuple(found.shape) == (2, 2):
        raise Wrong(
            "You return one grid of 2x2. Run the net once for each of the stride x stride shifts, and interlace them."
        )
    if tuple(found.shape) != (4, 4):
        raise Wrong(
            f"From a 5x5 picture and stride 2, four grids of 2x2 make 4x4 answers; you return {tuple(found.shape)}."
        )
    expected = picture[:4, :4]
    if torch.equal(found, expected):
        return
    if torch.equal(found, expected.view(2, 2, 2, 2).permute(1, 0, 3, 2).reshape(4, 4)):
        raise Wrong(
            "You lay the four grids beside each other. Answers of one grid lie 2 pixels apart, and the others belong "
            "in between: write into every second row and column."
        )
    if len(found.unique()) == 4:
        raise Wrong("All four grids hold the same answers: does each run see a shifted picture?")
    if torch.equal(found, expected.view(2, 2, 2, 2).permute(0, 3, 2, 1).reshape(4, 4)):
        raise Wrong("Rows and columns of the shifts are swapped: a picture shifted down fills rows, not columns.")
    if torch.equal(found, picture[1:, 1:]) or torch.equal(found, expected.view(2, 2, 2, 2).flip(1, 3).reshape(4, 4)):
        raise Wrong(
            "The shifts run the wrong way: the run that starts d pixels further down fills rows d, d + stride, ..."
        )
    if (found == 0).sum() > 1:
        raise Wrong(
            "Some places of your result were never written, or come from zeros put at the border: cut the picture, do not pad it."
        )
    if found.max() > 18:
        raise Wrong("Your shifts are too long: shift by 0, 1, ..., stride - 1 pixels, not by whole strides.")
    raise Wrong(
        f"For a net that picks every second pixel, the stitched answers have to be the picture; yours are {found.tolist()}."
    )
