"""Turn the light down and push depth aside: which net still knows what it sees? (FCN, Table 4; lecture 06)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import torch
from ipywidgets import IntSlider, SelectionSlider
from torch import Tensor

from course_utils.data.dataset import Sample
from course_utils.data.stickers.sensor import dimmed, shifted
from course_utils.figures.boards import Board, coloured
from course_utils.figures.overlays import picture
from course_utils.figures.style import GREY
from course_utils.metrics.semantic import confusion_matrix, scores
from course_utils.widgets.frame import Explorer, panels
from course_utils.widgets.skip_streams import edged

LIGHTS = {"all": 1.0, "1/2": 0.5, "1/4": 0.25, "1/8": 0.125, "1/16": 0.0625, "none": 0.0}
FARTHEST = 25.0  # metres that are drawn dark

Ask = Callable[[Tensor, Tensor], dict[str, Tensor]]


@dataclass(frozen=True)
class Moment:
    """What camera and sensor give, and what each net says.

    Attributes:
        image: (3, H, W) uint8, as dark as was asked for.
        depth: (H, W) in metres, 0 where unknown, shifted.
        truth: (H, W), int64, 255 for void.
        answers: net -> (H, W), int64.
        mean_iu: net -> mean IU over the classes that this picture's truth or the answer has.
    """

    image: Tensor
    depth: Tensor
    truth: Tensor
    answers: dict[str, Tensor]
    mean_iu: dict[str, float]


def moment(sample: Sample, light: float, shift: int, ask: Ask, classes: int) -> Moment:
    """Ask the nets about a scene.

    Args:
        light: what is left of it, 0 to 1.
        shift: pixels by which depth lies too far to the right.
        ask: from an image and its depth to each net's label map.
        classes: how many there are.
    """
    (image,) = dimmed(sample.image, light=light)
    depth = torch.from_numpy(shifted(sample.depth.numpy(), shift))
    answers = ask(image, depth)
    mean_iu = {name: scores(confusion_matrix(sample.mask, answer, classes)).mean_iu for name, answer in answers.items()}
    return Moment(image, depth, sample.mask, answers, mean_iu)


def hits(now: Moment, name: str) -> list[int]:
    """The classes of the scene, background left out, that a net finds at all."""
    found = now.truth[now.answers[name] == now.truth].unique().tolist()
    return [number for number in found if 0 < number < 255]


def describe(now: Moment, classes: Sequence[str]) -> str:
    """Each net's score in this scene, and which of the scene's classes it finds at all."""
    return " ".join(
        f"{name}: mean IU {100 * now.mean_iu[name]:.0f}, finds "
        f"{', '.join(classes[number] for number in hits(now, name)) or 'nothing'}."
        for name in now.answers
    )


def heading(now: Moment) -> str:
    """Which net does best in this scene, in a line; one that says "background" everywhere does not count as good."""
    best = max(now.mean_iu, key=now.mean_iu.get)
    if not any(hits(now, name) for name in now.answers):
        return "No net finds anything any more"
    return f"Best here: {best}, with a mean IU of {100 * now.mean_iu[best]:.0f}"


def draw(now: Moment, palette: np.ndarray) -> Board:
    """What camera and sensor give, then what each net says, all with the truth's outlines."""
    board, row = panels(heading(now), ["camera", "sensor", *now.answers], below=26)
    truth = now.truth.numpy()
    near = np.where(now.depth.numpy() > 0, 1 - np.log1p(now.depth.numpy()) / np.log1p(FARTHEST), 0)
    board.image(edged(picture(now.image), truth), *row[0])
    board.image(edged(coloured(near) / 255, truth), *row[1])
    board.write(row[1].left, row[1].bottom + 20, "bright: near", color=GREY)
    for panel, (name, answer) in zip(row[2:], now.answers.items(), strict=True):
        board.image(edged(palette[answer.numpy()] / 255, truth), *panel)
        board.write(panel.left, panel.bottom + 20, f"mean IU {100 * now.mean_iu[name]:.0f}", color=GREY)
    return board


def light_and_shift(samples: Sequence[Sample], ask: Ask, classes: Sequence[str], palette: Sequence) -> Explorer:
    """Nets that look at colour and depth, while the light goes out and depth slides away from colour (lecture 06).

    Args:
        samples: scenes with depth, all of one size.
        ask: from an image (3, H, W), uint8, and its depth (H, W) in metres to each net's label map (H, W); the nets'
            names are drawn over them.
        classes: names, background first.
        palette: a colour (red, green, blue), 0 to 255, for each class.
    """
    palette = np.array(palette, dtype=np.uint8)

    @lru_cache(maxsize=64)
    def compute(light: float, shift: int, scene: int) -> Moment:
        return moment(samples[scene - 1], light, shift, ask, len(classes))

    return Explorer(
        name="light_and_shift",
        title="Light and shift",
        try_this="take the light away, step by step. Which net goes blind, and which goes on? Then full light, and shift "
        "depth by 8 pixels.",
        controls={
            "light": SelectionSlider(options=list(LIGHTS.items()), value=1.0, description="light"),
            "shift": IntSlider(0, 0, 8, description="shift, px"),
            "scene": IntSlider(1, 1, len(samples), description="scene"),
        },
        compute=compute,
        draw=partial(draw, palette=palette),
        describe=partial(describe, classes=classes),
        alt="A scene as the camera and the depth sensor see it, and what each net says of it, with the truth outlined.",
    )
