"""Lecture 07's two exercises about the whole net: assemble it, and run it tile by tile."""

import contextlib
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.data.transforms import mirror_pad
from course_utils.exercises.engine import Exercise, Wrong
from course_utils.models.unet import UNet

Layer = nn.Conv2d | nn.ConvTranspose2d


def check_unet(answer: Callable[[int, int, int, int], nn.Module]) -> None:
    """Its size, its layers in the order in which they run, its answer with the same weights, and the dropout."""
    net = answer(2, 3, 4, 2)
    if not isinstance(net, nn.Module):
        raise Wrong(f"`MyUNet(2, 3, 4, 2)` gives a {type(net).__name__}: write a class that is an nn.Module.")
    expect_parameters(net, UNet(2, 3, 4, 2), "MyUNet(2, 3, width=4, depth=2)")
    net.eval()
    images = torch.randn(1, 2, 52, 56, generator=torch.Generator().manual_seed(0))
    found = call(net, images)
    if found.shape[1] != 3:
        raise Wrong(f"You return {found.shape[1]} channels for 3 classes: does the 1x1 convolution come last?")
    if tuple(found.shape) != (1, 3, 12, 16):
        raise Wrong(
            f"A picture of 52x56 comes out as {found.shape[-2]}x{found.shape[-1]}. With two levels 40 pixels are lost: "
            "12x16. Is the double convolution at the bottom there, and is every level used once on each way?"
        )
    with torch.no_grad():  # such a bias drives every score below 0, whatever the random weights
        in_order(net, images)[-1].bias.fill_(-100)
    found = call(net, images)
    if found.min() >= 0:
        total = torch.allclose(found.sum(dim=1), torch.ones(1, 12, 16), atol=1e-4)
        raise Wrong(
            "Your scores add up to 1: there is a softmax. Logits come out of a net, and the loss does the rest."
            if total
            else "Your scores are never negative: is there a ReLU after the last layer? A score may speak against a class."
        )
    expect_same(net, UNet(2, 3, 4, 2).eval(), images)
    expect_parameters(answer(1, 2, 2, 3), UNet(1, 2, 2, 3), "MyUNet(1, 2, width=2, depth=3)")
    net.train()
    if torch.equal(call(net, images), call(net, images)):
        raise Wrong(
            "In training mode nothing is left to chance: the dropout at the end of the contracting path is missing."
        )


def expect_parameters(net: nn.Module, reference: nn.Module, name: str) -> None:
    """Refuse a net with other parameters, and name the likely reason."""
    found, expected = (sum(parameter.numel() for parameter in one.parameters()) for one in (net, reference))
    if found == expected:
        return
    counts = f"`{name}` has {found:,} parameters; it should have {expected:,}."
    levels = sum(isinstance(part, nn.Conv2d) for part in net.modules())
    wanted = sum(isinstance(part, nn.Conv2d) for part in reference.modules())
    if levels < wanted and any(isinstance(value, list | tuple) for value in vars(net).values()):
        raise Wrong(f"{counts} Layers in a plain Python list are hidden from torch: use nn.ModuleList.")
    if levels != wanted:
        raise Wrong(f"{counts} It has {levels} convolutions, the paper's net at that depth {wanted}: count the levels.")
    raise Wrong(f"{counts} Level i has width * 2**i channels: which of your layers has others, or no bias?")


def call(net: nn.Module, images: Tensor) -> Tensor:
    """The student's logits, with the errors of a wrong assembly put into words."""
    try:
        with torch.no_grad():
            found = net(images)
    except RuntimeError as error:
        if "to have" in str(error) and "channels" in str(error):
            raise Wrong(
                f"A layer got a number of channels that it was not made for ({error}). On the way up the skips come back "
                "in reverse order: the last one that was kept meets the first step up."
            ) from None
        if "must match" in str(error) or "Output size is too small" in str(error):
            raise Wrong(
                f"Two maps do not fit ({error}). The skip is the map *before* pooling, and the lowest level is not pooled."
            ) from None
        raise
    except ValueError as error:
        if "has no middle" in str(error):
            raise Wrong(f"{error}. The skip is the map *before* it is pooled.") from None
        raise
    if not isinstance(found, Tensor):
        raise Wrong(f"Your forward returns a {type(found).__name__}: does it end with `return`?")
    return found


def in_order(net: nn.Module, images: Tensor) -> list[Layer]:
    """A net's convolutions in the order in which they run."""
    ran: list[Layer] = []
    hooks = [
        part.register_forward_hook(lambda layer, *_: ran.append(layer))
        for part in net.modules()
        if isinstance(part, Layer)
    ]
    with torch.no_grad(), contextlib.ExitStack() as stack:
        for hook in hooks:
            stack.callback(hook.remove)
        net(images)
    return ran


def expect_same(net: nn.Module, reference: nn.Module, images: Tensor) -> None:
    """Give the student's layers the reference's weights, one after the other as they run, and compare the answers."""
    theirs, ours = in_order(net, images), in_order(reference, images)
    for number, (mine, other) in enumerate(zip(theirs, ours, strict=False), start=1):
        if mine.weight.shape != other.weight.shape:
            raise Wrong(
                f"Convolution {number} of those that run has weights {tuple(mine.weight.shape)}; in the paper's net it is "
                f"{tuple(other.weight.shape)}. Walk along Figure 1 with your finger."
            )
    if len(theirs) != len(ours):
        raise Wrong(f"{len(theirs)} convolutions run, and {len(ours)} should: is a level left out, or used twice?")
    with torch.no_grad():
        for mine, other in zip(theirs, ours, strict=True):
            mine.weight.copy_(other.weight)
            mine.bias.copy_(other.bias)
    found, expected = call(net, images), call(reference, images)
    if not torch.allclose(found, expected, atol=1e-3 * float(expected.abs().max())):
        raise Wrong(
            "All layers are there and run in the right order, and the answer differs from the paper's net with the same "
            "weights. Does each skip keep the map after both convolutions and before the pooling? Is the pooling a "
            "maximum?"
        )


def check_tiles(answer: Callable[[nn.Module, Tensor, int, int], Tensor]) -> None:
    """A picture of two by two tiles, then one that tiles do not fill, each against one pass over the whole."""
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        net = UNet(width=2, depth=1).eval()
    generator = torch.Generator().manual_seed(4)
    fits, ends = (torch.randn(1, *size, generator=generator) for size in ((12, 12), (14, 9)))
    for image in (fits, ends):
        found = call_tiles(answer, net, image)
        height, width = image.shape[-2:]
        if tuple(found.shape) == (1, 2, height, width):
            raise Wrong(
                f"You return {tuple(found.shape)}: the batch of one belongs to the net. Take its first answer, [0]."
            )
        if tuple(found.shape) != (2, height, width):
            raise Wrong(f"For a picture of {height}x{width} and 2 classes you return {tuple(found.shape)}.")
        expected = whole(net, image, mirrored)
        if torch.allclose(found, expected, atol=1e-4):
            continue
        explain(found, expected, net, image)


def call_tiles(answer: Callable, net: nn.Module, image: Tensor) -> Tensor:
    """The student's logits, while it is watched what the net gets to see."""
    sizes: list[tuple[int, ...]] = []
    hook = net.register_forward_pre_hook(lambda _, given: sizes.append(tuple(given[0].shape)))
    try:
        found = answer(net, image, 6, 8)
    except ValueError as error:
        if "takes no side" in str(error):
            raise Wrong(
                f"Your tile does not fit the net: {error}. An answer of 6x6 needs 6 + 2 * 8 = 22 pixels each way."
            ) from None
        raise
    finally:
        hook.remove()
    if not isinstance(found, Tensor):
        raise Wrong(f"Your function returns a {type(found).__name__}: does it end with `return`?")
    if not sizes:
        raise Wrong("The net was never asked.")
    largest = max(max(size[-2:]) for size in sizes)
    if largest > 22:
        raise Wrong(
            f"The net got a picture {largest} pixels wide. Tiles are 6 + 2 * 8 = 22 wide, however large the picture is: "
            "that is what saves the memory."
        )
    if found.requires_grad:
        raise Wrong(
            "Your logits carry gradients, and with them every map of every tile: run the net under torch.no_grad()."
        )
    return found


def mirrored(image: Tensor, after: int) -> Tensor:
    """The picture with 8 mirrored pixels around it, and some more below and on the right."""
    return mirror_pad(image, 8, 8 + after, 8, 8 + after)


def whole(net: nn.Module, image: Tensor, pad: Callable[[Tensor, int], Tensor]) -> Tensor:
    """The logits from one pass over a padded picture; tiles of any kind end at its edge."""
    height, width = image.shape[-2:]
    with torch.no_grad():
        padded = pad(image, 4)
        padded = padded[..., : height + height % 2 + 16, : width + width % 2 + 16]
        return net(padded[None])[0, :, :height, :width]


def explain(found: Tensor, expected: Tensor, net: nn.Module, image: Tensor) -> None:
    """Say which mistake logits look like that are not those of one pass."""
    height, width = image.shape[-2:]
    zeros = whole(net, image, lambda image, after: functional.pad(image, (8, 8 + after, 8, 8 + after)))
    if torch.allclose(found[:, 0], zeros[:, 0], atol=1e-4):
        raise Wrong(
            "Near the edges your answer is the one for a black frame. Missing context is mirrored: `mirror_pad`."
        )
    repeated = whole(net, image, lambda image, after: functional.pad(image, (8, 8 + after, 8, 8 + after), "replicate"))
    if torch.allclose(found[:, 0], repeated[:, 0], atol=1e-4):
        raise Wrong(
            "You repeat the outermost pixel. Mirror the picture instead: a border of one colour looks like no cell."
        )
    if height == width and torch.allclose(found[:, 6:, :6], expected[:, :6, 6:], atol=1e-4):
        raise Wrong("Your tiles are laid down with rows and columns exchanged.")
    full = (height // 6 * 6, width // 6 * 6)
    if torch.allclose(found[:, : full[0], : full[1]], expected[:, : full[0], : full[1]], atol=1e-4):
        raise Wrong(
            f"Tiles of 6 do not fill a picture of {height}x{width}, and what lies past row {full[0]} and column {full[1]} is "
            "not right. Mirror the picture further, answer whole tiles, and cut the surplus off at the end."
        )
    if torch.allclose(found[:, :6, :6], expected[:, :6, :6], atol=1e-4):
        raise Wrong(
            "The first tile is right, the next ones are not: where does the picture of the tile at (6, 6) begin?"
        )
    raise Wrong(
        "The first tile is wrong already. Its answer is for rows and columns 0 to 5; the net needs those from -8 to 13, "
        "which are rows and columns 0 to 21 of the mirrored picture."
    )


NET_EXERCISES = [
    Exercise(
        "07.assemble",
        "Assemble the whole net from your parts: down, bottom, up, score.",
        check_unet,
        (
            "Write the widths first: width, 2 * width, ... one for each level, and one more for the bottom. Which two "
            "neighbours does each double convolution connect?",
            "nn.ModuleList holds the levels. On the way down append each map to a list *before* pooling; on the way up take "
            "them from its end with skips.pop().",
            "for convolve in self.contracting: maps = convolve(maps); skips.append(maps); maps = self.pool(maps). Then maps "
            "= self.dropout(self.bottom(maps)); for step in self.expansive: maps = step(maps, skips.pop()); return "
            "self.score(maps).",
        ),
        "With the same weights it answers as the library's net does: this is the U-Net.",
        points=3,
        references=("course_utils.models.unet.UNet",),
    ),
    Exercise(
        "07.by_tiles",
        "Run a net over a picture tile by tile, mirrored where context is missing, equal to one pass over the whole.",
        check_tiles,
        (
            "Which pixels does the net need to answer rows 0 to step - 1? How many tiles are needed if step does not "
            "divide the height?",
            "With top = (rows * step) - height more pixels below, whole tiles fit. mirror_pad(image, border, border + "
            "below, border, border + right) makes all context at once.",
            "for top in range(0, height, step): for left in range(0, width, step): tile = padded[None, :, top : top + step + "
            "2 * border, left : left + step + 2 * border]; put net(tile)[0] at [:, top : top + step, left : left + step] of "
            "a larger empty tensor, and cut it to the picture at the end.",
        ),
        "The seams are gone, since every pixel was answered with its full context and the same grid of poolings.",
        points=3,
        references=("course_utils.tiling.overlap_tile",),
    ),
]
