"""Lecture 07: the double convolution, the crop, the step up, the whole net, and tiles."""

import contextlib
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.data.transforms import mirror_pad
from course_utils.exercises.engine import Wrong
from course_utils.models.unet import UNet

Layer = nn.Conv2d | nn.ConvTranspose2d


def check_assemble(answer: Callable[[int, int, int, int], nn.Module]) -> None:
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


def check_by_tiles(answer: Callable[[nn.Module, Tensor, int, int], Tensor]) -> None:
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


def check_double_convolution(answer: Callable[[int, int], nn.Module]) -> None:
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


def check_up_step(answer: Callable[[int], nn.Module]) -> None:
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
