"""Lecture 03: four exercises on upsampling, the last of them optional."""

from collections.abc import Callable
from unittest.mock import patch

import torch
from torch import Tensor, nn

from course_utils.exercises.engine import Wrong
from course_utils.models import upsampling
from course_utils.models.coordinates import geometry


def check_convolution_matrix(answer: Callable[[Tensor, int, int], Tensor]) -> None:
    """From one place to several, then stride 2, then a line that the stride does not divide."""
    kernel = torch.tensor([1.0, 2.0, 3.0])
    once = call_matrix(answer, kernel, 3, 1)
    if once.tolist() == [[3, 2, 1]]:
        raise Wrong(
            "Your kernel is turned around. Deep learning's convolution does not flip it: the row reads 1, 2, 3."
        )
    if once.shape == (3, 1):
        raise Wrong(
            "Your matrix lies on its side: one row for each cell, one column for each pixel. Yours is its transpose."
        )
    if once.shape == (0, 3):
        raise Wrong("A kernel of 3 fits into a line of 3 pixels in one place; you find none. Count both ends: + 1.")
    expect_matrix(once, [[1, 2, 3]], "kernel 1 2 3 on 3 pixels, stride 1")

    strided = call_matrix(answer, torch.tensor([1.0, 2.0]), 6, 2)
    if strided.shape == (6, 3):
        raise Wrong("Your matrix lies on its side: it should have 3 rows, one for each cell, and 6 columns.")
    if strided.shape == (5, 6):
        raise Wrong(
            "With stride 2 the kernel of 2 has 3 places on 6 pixels, and you use all 5: where does the stride go?"
        )
    if strided.shape == (2, 6):
        raise Wrong(
            "The kernel of 2 fits into 6 pixels in 3 places with stride 2; you have 2 rows. Count both ends: + 1."
        )
    if strided.shape == (3, 6) and strided.tolist() == [[1, 2, 0, 0, 0, 0]] * 3:
        raise Wrong(
            "All your rows are the same. Each row's kernel begins `stride` pixels further right than the one above."
        )
    if strided.tolist() == [[1, 2, 0, 0, 0, 0], [0, 1, 2, 0, 0, 0], [0, 0, 1, 2, 0, 0]]:
        raise Wrong("The number of rows minds the stride and the places do not: row i begins at pixel i * stride.")
    expect_matrix(
        strided, [[1, 2, 0, 0, 0, 0], [0, 0, 1, 2, 0, 0], [0, 0, 0, 0, 1, 2]], "kernel 1 2 on 6 pixels, stride 2"
    )

    left_over = call_matrix(answer, kernel, 6, 2)
    if left_over.shape[0] == 3:
        raise Wrong(
            "A kernel of 3 with stride 2 fits into 6 pixels in 2 places, at pixels 0 and 2. You have a third, which would "
            "hang over the end: the number of places is (size - k) // stride + 1."
        )
    expect_matrix(left_over, [[1, 2, 3, 0, 0, 0], [0, 0, 1, 2, 3, 0]], "kernel 1 2 3 on 6 pixels, stride 2")

    halves = call_matrix(answer, torch.tensor([0.5, 0.25]), 2, 1)
    if not halves.is_floating_point() or halves.tolist() != [[0.5, 0.25]]:
        raise Wrong(
            f"For the kernel 0.5, 0.25 on 2 pixels you answer {halves.tolist()}: does your matrix hold whole numbers?"
        )


def call_matrix(answer: Callable, kernel: Tensor, size: int, stride: int) -> Tensor:
    """The student's matrix, with torch's complaint about a slice that hangs over put into words."""
    case = f"kernel of {len(kernel)}, {size} pixels, stride {stride}"
    try:
        found = answer(kernel.clone(), size, stride)
    except RuntimeError as error:
        if "must match" in str(error) or "expanded size" in str(error):
            raise Wrong(
                f"For a {case}, the kernel does not fit into its row ({error}). Does your last place hang over the end? "
                "There are (size - k) // stride + 1 places."
            ) from None
        raise
    tensor = as_tensor(found, 2, "a matrix (cells, size)")
    return tensor


def as_tensor(found: object, dimensions: int, what: str) -> Tensor:
    """What the student returned, if it is a tensor of that many dimensions."""
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if not isinstance(found, Tensor):
        raise Wrong(f"Your function returns a {type(found).__name__}; {what} is asked for, as a tensor.")
    if found.dim() != dimensions:
        raise Wrong(f"Your function returns a tensor of shape {tuple(found.shape)}; {what} is asked for.")
    return found.detach()


def expect_matrix(found: Tensor, expected: list, case: str) -> None:
    """Refuse an answer that is wrong in a way we did not foresee, with the case that shows it."""
    if found.tolist() != expected:
        raise Wrong(f"For {case} your matrix is {found.tolist()}; it is {expected}.", found, expected)


def check_bilinear_kernel(answer: Callable[[int], Tensor]) -> None:
    """Sizes 3 and 4 by hand, then those of the FCN authors."""
    three = as_tensor(answer(3), 2, "a kernel (size, size)")
    if three.shape != (3, 3):
        raise Wrong(f"For size 3 your kernel is {tuple(three.shape)}; it has 3 x 3 weights.")
    centre, side, corner = (float(three[place]) for place in ((1, 1), (1, 0), (0, 0)))
    if near(centre, 2) or corner < 0:
        raise Wrong(
            "You add the tents of the two axes. Multiply them: the middle gets 1 x 1, a corner a half of a half."
        )
    if near(three.sum(), 1) and not near(centre, 1):
        raise Wrong(
            "Your weights add up to 1 over the whole kernel. They should add up to 1 at each *pixel*: the middle gets 1."
        )
    if near(centre, 1) and near(side, 1 / 3):
        raise Wrong("With size 3 your reach is 1.5. Round it up to 2: a cell counts until its neighbour has its top.")
    if near(centre, 1) and near(side, 0):
        raise Wrong(
            "With size 3 your reach is 1: the neighbours of the middle get nothing. The reach is 3 / 2 rounded *up*."
        )
    if near(centre, 1) and near(side, 0.5) and not near(corner, 0.25):
        raise Wrong(
            f"A corner of your 3 x 3 kernel is {corner:.3g}: is that a cone, or a pyramid? The tents of the two axes are "
            "multiplied, so it is 0.5 x 0.5."
        )
    if not torch.allclose(three, three.flip(0, 1)):
        raise Wrong(
            f"Your kernel of size 3 is not symmetric: {rounded(three)}. The centre is (size - 1) / 2, counted from 0."
        )
    expect_kernel(three, [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]], 3)

    four = as_tensor(answer(4), 2, "a kernel (size, size)")
    if near(four.max(), 1):
        raise Wrong(
            "Size 3 is right. The largest weight of size 4 is 0.75 x 0.75, and yours is 1: an even kernel has its centre "
            "between two pixels, at 1.5, and no pixel lies on the top of the tent."
        )
    if near(four[0, 0], 0.04) or near(four[0, 0], (1 - 1.5 / 2.5) ** 2):
        raise Wrong(
            "Size 3 is right. For size 4 your reach is 2.5 or more: 4 / 2 is whole, there is nothing to round up."
        )
    line = [0.25, 0.75, 0.75, 0.25]
    expect_kernel(four, [[a * b for b in line] for a in line], 4)

    for size in (63, 64):
        found = as_tensor(answer(size), 2, "a kernel (size, size)")
        if not torch.allclose(found.float(), upsampling.bilinear_kernel(size), atol=1e-5):
            raise Wrong(
                f"Sizes 3 and 4 are right, and {size} is not: is something rounded, or only right for small sizes?"
            )


def near(found: Tensor | float, expected: float) -> bool:
    return abs(float(found) - expected) < 1e-4


def rounded(kernel: Tensor) -> list:
    return [[round(weight, 3) for weight in row] for row in kernel.tolist()]


def expect_kernel(found: Tensor, expected: list, size: int) -> None:
    """Refuse an answer that is wrong in a way we did not foresee, with the case that shows it."""
    if not torch.allclose(found.float(), torch.tensor(expected), atol=1e-4):
        raise Wrong(
            f"For size {size} your kernel is {rounded(found)}; it is {rounded(torch.tensor(expected))}.",
            found,
            expected,
        )


def check_coordinate_map(answer: Callable[[list], tuple[float, float]]) -> None:
    """No layer, one layer, two, a padded one, a transposed one; then AlexNet with its upsampling."""
    expect_map(answer, [], (1, 0), {})
    expect_map(
        answer,
        [("conv", 3, 1, 0)],
        (1, 1),
        {
            (
                1,
                1.5,
            ): "The centre of 3 pixels 0, 1, 2 is pixel 1, and you say 1.5: the shift is (k - 1) / 2, not k / 2.",
            (1, 0): "Your shift stays 0: the centre of the kernel of 3 lies at pixel 1, not at its first pixel.",
            (
                1,
                -1,
            ): "Your shift has the wrong sign: without padding, cell 0 looks at pixels 0, 1, 2, so its centre is + 1.",
        },
    )
    expect_map(
        answer,
        [("conv", 3, 1, 1)],
        (1, 0),
        {
            (
                1,
                1,
            ): "You forget the padding: padded by 1, the kernel of 3 begins at pixel -1, and its centre lies at pixel 0.",
            (1, 2): "Padding moves the first cell to the left: subtract p, do not add it.",
        },
    )
    expect_map(
        answer,
        [("conv", 5, 2, 0), ("conv", 2, 4, 0)],
        (8, 3),
        {
            (
                8,
                2.5,
            ): "After a stride of 2 a step is worth 2 pixels: multiply a later layer's shift by the scale so far.",
            (
                8,
                8,
            ): "You multiply the shift of the first layer by its own stride as well: use the scale *before* the layer.",
            (8, 8.5): "Are you walking from the last layer to the first? The first one stands next to the picture.",
            (4, None): "Your scale is the last layer's. The strides multiply.",
            (6, None): "Your scale adds the strides up. They multiply.",
            (7, None): "Your scale adds the strides up. They multiply.",
        },
    )
    expect_map(
        answer,
        [("transposed", 4, 2, 0)],
        (0.5, -0.75),
        {
            (
                2,
                1.5,
            ): "You treat the transposed convolution like a convolution. Its output is finer: the scale is 1 / 2.",
            (0.5, 1.5): "The transposed layer's scale is right. Its shift: solve o = 2 i + 1.5 for i.",
            (0.5, -1.5): "The sign is right. Solving o = 2 i + 1.5 for i divides the shift by the stride too.",
            (0.5, 0.75): "The transposed layer's shift changes its sign: o = 2 i + 1.5 gives i = o / 2 - 0.75.",
            (2, -1.5): "The shift changes its sign, the scale has to turn around as well: 1 / stride.",
        },
    )
    expect_map(answer, [("conv", 2, 2, 0), ("transposed", 4, 2, 1)], (1, 0), {})
    alexnet = [
        *(("conv", 11, 4, 100), ("conv", 3, 2, 0), ("conv", 5, 1, 2), ("conv", 3, 2, 0)),
        *(("conv", 3, 1, 1), ("conv", 3, 1, 1), ("conv", 3, 1, 1), ("conv", 3, 2, 0), ("conv", 6, 1, 0)),
    ]
    for layers in (alexnet, [*alexnet, ("transposed", 63, 32, 0)]):
        kinds = {"conv": nn.Conv2d, "transposed": nn.ConvTranspose2d}
        known = geometry([kinds[kind](1, 1, k, s, p, device="meta") for kind, k, s, p in layers]).coordinates
        expect_map(answer, layers, (float(known.scale), float(known.shift)), {})


def expect_map(answer: Callable, layers: list, expected: tuple[float, float], mistakes: dict) -> None:
    """Compare with the right pair, and name the mistake where the wrong one is known; None stands for any shift."""
    found = answer(list(layers))
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Wrong(f"Your function returns {found!r}. Two numbers are asked for: return scale, shift")
    pair = tuple(round(float(number), 6) for number in found)
    if pair == tuple(round(float(number), 6) for number in expected):
        return
    if pair == expected[::-1]:
        raise Wrong(f"For {layers} you answer {pair}: the scale comes first, then the shift.")
    for wrong, message in mistakes.items():
        if pair[0] == wrong[0] and wrong[1] in (None, pair[1]):
            raise Wrong(f"For {layers} you answer {pair}. {message}")
    shown = f"{len(layers)} layers that end in {layers[-1]}" if len(layers) > 3 else layers
    raise Wrong(f"For {shown} you answer {pair}; it is {tuple(expected)}.")


def check_transposed_by_convolution(answer: Callable[[Tensor, Tensor, int], Tensor]) -> None:
    """One cell, then two; then channels, and maps that are not square."""

    def refuse(*_, **__):
        raise Wrong("You call torch's transposed convolution. That is the one to be written: take functional.conv2d.")

    def call(maps: Tensor, weight: Tensor, stride: int) -> Tensor:
        with patch("torch.nn.functional.conv_transpose2d", refuse), patch("torch.conv_transpose2d", refuse):
            try:
                return as_tensor(answer(maps.clone(), weight.clone(), stride), 4, "maps (N, D, H, W)")
            except RuntimeError as error:
                if "expected input" in str(error) and "channels" in str(error):
                    raise Wrong(
                        f"The channels do not fit ({error}). nn.ConvTranspose2d keeps its weights as (in, out, k, k), and "
                        "conv2d wants (out, in, k, k)."
                    ) from None
                raise

    stamp = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    one = call(torch.ones(1, 1, 1, 1), stamp, 1)
    if one.shape == (1, 1, 2, 2) and one.flatten().tolist() == [4, 3, 2, 1]:
        raise Wrong(
            "One cell should stamp 1 2 / 3 4 and yours stamps 4 3 / 2 1: turn the kernel around along both axes."
        )
    if one.flatten().tolist() in ([2, 1, 4, 3], [3, 4, 1, 2]):
        raise Wrong("You turn the kernel around along one axis only. It takes both.")
    if one.flatten().tolist() == [1, 3, 2, 4]:
        raise Wrong(
            "Rows and columns of your stamp are swapped: transpose the channels, axes 0 and 1, and not the last two."
        )
    if one.numel() < 4 or one.shape[-1] == 1:
        raise Wrong(
            f"One cell and a kernel of 2 make 2x2 pixels; yours are {one.shape[-2]}x{one.shape[-1]}: pad with k - 1 zeros."
        )
    expect_output(one, stamp, "one cell that says 1")

    two = call(torch.tensor([[[[1.0, 10.0]]]]), stamp, 3)
    if two.shape[-2:] == (4, 7):
        raise Wrong(
            "Your output is 2 pixels too high and too wide with stride 3: no zeros belong *after* the last cell, only between."
        )
    if two.shape[-1] < 5:
        raise Wrong(
            f"Two cells with stride 3 and a kernel of 2 make 5 pixels in a row; you make {two.shape[-1]}: put stride - 1 zeros between cells."
        )
    if two.shape[-1] > 5:
        raise Wrong(
            f"Two cells with stride 3 and a kernel of 2 make 5 pixels in a row; you make {two.shape[-1]}: stride - 1 zeros between cells, k - 1 around."
        )
    expect_output(two, torch.tensor([[[[1.0, 2, 0, 10, 20], [3, 4, 0, 30, 40]]]]), "the cells 1 and 10, stride 3")

    generator = torch.Generator().manual_seed(0)
    for shape, out, size, stride in (((2, 3, 4, 5), 2, 3, 2), ((1, 2, 3, 3), 2, 4, 2)):
        maps = torch.randn(shape, generator=generator)
        weight = torch.randn(shape[1], out, size, size, generator=generator)
        expected = torch.nn.functional.conv_transpose2d(maps, weight, stride=stride)
        found = call(maps, weight, stride)
        if found.shape == expected.shape and shape[1] == out:
            swapped = torch.nn.functional.conv_transpose2d(maps, weight.transpose(0, 1), stride=stride)
            if torch.allclose(found, swapped, atol=1e-4):
                raise Wrong(
                    "Your channels are mixed the wrong way: weights (in, out, k, k) have to become (out, in, k, k)."
                )
        expect_output(
            found, expected, f"random maps of shape {shape}, {out} channels out, kernel {size}, stride {stride}"
        )


def expect_output(found: Tensor, expected: Tensor, case: str) -> None:
    """Refuse an answer that is wrong in a way we did not foresee, with the case that shows it."""
    if found.shape != expected.shape:
        raise Wrong(f"For {case} your output has shape {tuple(found.shape)}; it is {tuple(expected.shape)}.")
    if not torch.allclose(found, expected, atol=1e-4):
        shown = f"{found.tolist()}; it is {expected.tolist()}" if found.numel() <= 12 else "another"
        raise Wrong(f"For {case} your output is {shown}.")
