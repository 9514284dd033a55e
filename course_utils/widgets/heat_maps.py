"""Any ImageNet class over any photograph, your own too, at any size (lecture 02)."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from ipywidgets import Combobox, Dropdown, FileUpload, IntSlider
from torch import Tensor, nn
from torch.nn import functional

from course_utils.data.images import read_image
from course_utils.data.photographs import PHOTOGRAPHS, photograph
from course_utils.figures.boards import Board, coloured
from course_utils.figures.style import GREY
from course_utils.models.imagenet import class_index, class_names, normalise, resize
from course_utils.widgets.frame import Explorer, device_of

OWN = "your own file"
LARGEST = 1024  # pixels of an own file's short side that are kept
ROOM = (430, 306)  # width and height of a picture on the board


@dataclass(frozen=True)
class Heat:
    """What a net says of a photograph, cell by cell.

    Attributes:
        image: (3, H, W), uint8, at the size that the net saw.
        name: the class that is asked for.
        heat: (h, w), its probability in each cell.
        best: the three classes that are most probable on average over the cells, with their highest probability.
    """

    image: Tensor
    name: str
    heat: np.ndarray
    best: tuple[tuple[str, float], ...]


def read_upload(upload: dict) -> Tensor:
    """The picture in an uploaded file, made no larger than needed.

    Raises:
        ValueError: for a file that holds no picture; says what is wrong with it, under the name that the reader knows.

    Shape:
        (3, H, W), uint8
    """
    name = Path(upload["name"]).name
    with tempfile.TemporaryDirectory(prefix="course-upload-") as folder:
        file = Path(folder) / name
        file.write_bytes(bytes(upload["content"]))
        try:
            image = read_image(file)
        except ValueError as problem:
            raise ValueError(str(problem).replace(str(file), name)) from None
    return shortened(image, LARGEST) if min(image.shape[1:]) > LARGEST else image


def shortened(image: Tensor, short: int) -> Tensor:
    """A picture whose sides are multiples of 32 and whose short side is about `short` pixels; at most four times as long.

    Shape:
        (3, H, W) -> (3, h, w), uint8
    """
    scale = short / min(image.shape[1:])
    return resize(image, tuple(32 * min(max(1, round(side * scale / 32)), short // 8) for side in image.shape[1:]))


def ask(net: nn.Module, image: Tensor) -> Tensor:
    """The net's probabilities for each cell: (3, H, W) uint8 -> (1000, h, w)."""
    with torch.inference_mode():
        pictures = normalise(image, "efficientnet_lite0")[None].to(device_of(net), memory_format=torch.channels_last)
        return net(pictures)[0].softmax(0).cpu()


def find(image: Tensor, probabilities: Tensor, name: str) -> Heat:
    """One class's heat, and the classes that the picture has most of.

    Raises:
        ValueError: for a name that is no class; names some that are close.
    """
    heat = probabilities[class_index(name)].numpy()
    most = probabilities.mean(dim=(1, 2)).topk(3).indices.tolist()
    best = tuple((class_names()[number], float(probabilities[number].max())) for number in most)
    return Heat(image, name, heat, best)


def draw(heat: Heat) -> Board:
    """The photograph, and the heat over it."""
    board = Board(880, 372)
    height, width = heat.image.shape[1:]
    scale = min(ROOM[0] / width, ROOM[1] / height)
    wide, high = width * scale, height * scale
    pixels = heat.image.numpy().transpose(1, 2, 0)
    board.image(pixels, 0, 32, wide, high)
    size = (round(high), round(wide))
    grey = resize(heat.image, size).float().mean(0)[..., None].numpy() * 0.45
    smooth = functional.interpolate(torch.from_numpy(heat.heat)[None, None], size=size, mode="bilinear")[0, 0].numpy()
    board.image((grey + 0.55 * coloured(smooth)).astype(np.uint8), 450, 32, wide, high)
    board.heading(0, 20, f"{width}×{height} pixels, {heat.heat.shape[1]}×{heat.heat.shape[0]} answers")
    board.heading(450, 20, f"{heat.name}: up to {heat.heat.max():.2f}")
    board.image(coloured(np.linspace(0, 1, 64)[None]), 466, 350, 240, 16)
    board.write(450, 364, "0")
    board.write(712, 364, "1")
    board.write(734, 364, "probability", color=GREY)
    board.write(0, 364, "most of: " + ", ".join(name for name, _ in heat.best[:2]), color=GREY)
    return board


def describe(heat: Heat) -> str:
    """The numbers of the board."""
    cells = (heat.heat > 0.5).mean()
    best = ", ".join(f"{name} (up to {highest:.2f})" for name, highest in heat.best)
    return f"{heat.name}: above 0.5 in {cells:.0%} of {heat.heat.size} answers. The picture has most of {best}."


def pictures() -> Callable[[str, tuple, int], Tensor]:
    """A function that reads the chosen picture at the chosen size, and remembers the last ones."""

    @lru_cache(maxsize=2)
    def own(name: str, content: bytes) -> Tensor:
        return read_upload({"name": name, "content": content})

    def choose(source: str, upload: tuple, size: int) -> Tensor:
        if source != OWN:
            return shortened(photograph(source), size)
        if not upload:
            raise ValueError(f"{OWN}: choose one with the button beside; PNG, JPEG, TIFF, WebP and others can be read")
        return shortened(own(upload[0]["name"], bytes(upload[0]["content"])), size)

    return choose


def heat_map(speaks: nn.Module, source: str = "motorcycle", name: str = "moped", size: int = 320) -> Explorer:
    """An explorer: where a classifier sees any of its classes (lecture 02).

    Args:
        speaks: EfficientNet-Lite0, turned without its average: `convolutionalize(lite0, average=False)`.
        source: the photograph to begin with.
        name: the class to begin with.
        size: of the short side, in pixels.
    """
    net = speaks.to(memory_format=torch.channels_last)
    choose, asked = pictures(), {}

    def compute(source: str, upload: tuple, name: str, size: int) -> Heat:
        own = (upload[0]["name"], hash(bytes(upload[0]["content"]))) if upload else None
        key = (source, own if source == OWN else None, size)
        if key not in asked:
            image = choose(source, upload, size)
            if len(asked) > 24:
                asked.pop(next(iter(asked)))
            asked[key] = image, ask(net, image)
        return find(*asked[key], name)

    chosen = Dropdown(options=[*PHOTOGRAPHS, OWN], value=source, description="photograph")
    button = FileUpload(accept="image/*", multiple=False, description="your own file")
    explorer = Explorer(
        "heat_map",
        title="A class over a photograph",
        try_this="type a class: tabby, wheel, cup, lens cap. Where is it seen, and what happens to small things when "
        "the input gets larger?",
        controls={
            "source": chosen,
            "upload": button,
            "name": Combobox(
                value=name, options=class_names(), description="class", ensure_option=False, continuous_update=False
            ),
            "size": IntSlider(size, 224, 512, 32, description="short side (pixels)"),
        },
        compute=compute,
        draw=draw,
        describe=describe,
        alt="A photograph, and beside it the same in grey under the probability of a class: dark where it is not seen, "
        "bright where it is.",
    )
    button.observe(lambda change: change["new"] and explorer.set(source=OWN), names="value")
    return explorer
