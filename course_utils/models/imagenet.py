"""What an ImageNet classifier expects of a picture, and the names of what it answers (lectures 02 to 06)."""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


@cache
def class_names() -> tuple[str, ...]:
    """The names of ImageNet's 1,000 classes, in the order of a classifier's answers."""
    from torchvision.models import AlexNet_Weights

    return tuple(AlexNet_Weights.DEFAULT.meta["categories"])


def class_index(name: str) -> int:
    """The number of an ImageNet class: `class_index("tiger cat")` is 282.

    Raises:
        ValueError: where no class has that name; names some that are close.
    """
    names = class_names()
    if name not in names:
        close = [other for other in names if any(word in other.lower() for word in name.lower().split())]
        raise ValueError(f"ImageNet has no class {name!r}{': did you mean ' + ', '.join(close[:5]) if close else ''}")
    return names.index(name)


def normalise(images: Tensor, name: str) -> Tensor:
    """From pixels to what a classifier was trained on, at the size the picture has.

    EfficientNet-Lite0 wants (x - 127) / 128. torchvision's nets want (x / 255 - mean) / std for each colour.

    Args:
        images: uint8, 0 to 255, RGB.
        name: one of `course_utils.models.backbones.CLASSIFIERS`.

    Shape:
        (N, 3, H, W) or (3, H, W) -> the same, float32

    Raises:
        ValueError: for images that are not uint8, or not of three channels.
    """
    if images.dtype != torch.uint8 or images.shape[-3] != 3:
        found = f"{images.dtype} of shape {tuple(images.shape)}"
        raise ValueError(f"normalise takes uint8 images of shape (3, H, W) or (N, 3, H, W), not {found}")
    if name == "efficientnet_lite0":
        return (images.float() - 127) / 128
    mean, std = (torch.tensor(values, device=images.device).view(3, 1, 1) for values in (MEAN, STD))
    return (images.float() / 255 - mean) / std


def centre_square(image: Tensor, size: int = 224) -> Tensor:
    """The picture as a classifier's test protocol crops it: a centred square of 224/256 of the short side, resized.

    Args:
        image: uint8, RGB.
        size: side of the result, in pixels.

    Shape:
        (3, H, W) -> (3, size, size), uint8
    """
    height, width = image.shape[-2:]
    side = min(height, width) * 224 // 256
    top, left = (height - side) // 2, (width - side) // 2
    return resize(image[:, top : top + side, left : left + side], (size, size))


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """A picture at another size, bicubic and antialiased.

    Shape:
        (3, H, W) -> (3, *size), uint8
    """
    floats = functional.interpolate(image[None].float(), size=size, mode="bicubic", antialias=True)
    return floats[0].round().clamp(0, 255).to(torch.uint8)


def guesses(logits: Tensor, count: int = 3) -> list[tuple[str, float]]:
    """The most probable classes, with their probabilities.

    Shape:
        logits (1000,) -> [(name, probability), ...], most probable first
    """
    probabilities, classes = logits.softmax(-1).topk(count)
    return [(class_names()[index], float(p)) for p, index in zip(probabilities, classes.tolist(), strict=True)]
