"""Mix the three streams of a trained FCN-8s, class by class (FCN, section 4.2; lecture 05)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import torch
from ipywidgets import Dropdown, FloatSlider, IntSlider
from torch import Tensor

from course_utils.figures.boards import Board
from course_utils.figures.overlays import picture
from course_utils.figures.style import COLOURS, GREY
from course_utils.metrics.semantic import Scores, confusion_matrix, scores
from course_utils.widgets.frame import Explorer, Panel, panels

ALL = -1  # the choice "all classes"
SHARES = "PuOr"


@dataclass(frozen=True)
class Scene:
    """A picture, its truth, and what each stream of a trained net says about it.

    Attributes:
        image: (3, H, W).
        truth: (H, W), int64, 255 for void.
        streams: stride -> (classes, H, W); `FCN.streams` gives them.
    """

    image: Tensor
    truth: Tensor
    streams: dict[int, Tensor]


@dataclass(frozen=True)
class Mix:
    """What the mixed streams give.

    Attributes:
        scene: the one that is shown.
        looked_at: number of the class that is looked at.
        said: (H, W), the mixed score of that class, minus the mean over all classes.
        strength: the largest of these scores, either way, in the net as it was trained.
        prediction: (H, W), the class with the highest mixed score.
        iu: of each class, over all scenes: (classes,), 0 for classes that no scene has.
        trained: the same for the net as it was trained.
        mean_iu, mean_trained: their means over the classes that count.
    """

    scene: Scene
    looked_at: int
    said: Tensor
    strength: float
    prediction: Tensor
    iu: np.ndarray
    trained: np.ndarray
    mean_iu: float
    mean_trained: float

    @property
    def step(self) -> float:
        """Points of mean IU against the net as it was trained."""
        return 100 * (self.mean_iu - self.mean_trained)


def mixed(streams: dict[int, Tensor], gains: dict[int, float], number: int | None) -> Tensor:
    """The sum of the streams, one class's scores (or, for None, those of all classes) multiplied by the gains.

    Shape:
        streams: stride -> (classes, H, W) -> (classes, H, W)
    """
    total = torch.zeros_like(next(iter(streams.values())))
    for stride, share in streams.items():
        if number is None:
            total.add_(share, alpha=gains[stride])
        else:
            total.add_(share)
            total[number].add_(share[number], alpha=gains[stride] - 1)
    return total


def score(scenes: Sequence[Scene], gains: dict[int, float], number: int | None) -> Scores:
    """The scores of a mix over all scenes."""
    classes = len(next(iter(scenes[0].streams.values())))
    predictions = (mixed(scene.streams, gains, number).argmax(dim=0) for scene in scenes)
    return scores(
        sum(confusion_matrix(scene.truth, found, classes) for scene, found in zip(scenes, predictions, strict=True))
    )


def mix(scene: Scene, gains: dict[int, float], number: int | None, found: Scores, trained: Scores) -> Mix:
    """Mix the streams of one scene.

    Args:
        gains: stride -> what its scores are multiplied by; 1 is the net as it was trained.
        number: the class whose scores are mixed; None for all of them.
        found: the scores of this mix over all scenes.
        trained: those of the net as it was trained.
    """
    looked_at = largest_class(scene.truth) if number is None else number
    total, before = mixed(scene.streams, gains, number), sum(scene.streams.values())
    said, said_before = (each[looked_at] - each.mean(dim=0) for each in (total, before))
    ius = (np.nan_to_num(each.iu.numpy()) for each in (found, trained))
    strength = float(said_before.abs().max()) or 1.0
    return Mix(scene, looked_at, said, strength, total.argmax(dim=0), *ius, found.mean_iu, trained.mean_iu)


def largest_class(truth: Tensor) -> int:
    """The class with most pixels, background and void aside; background where there is nothing else."""
    counts = torch.bincount(truth[(truth > 0) & (truth < 255)].flatten(), minlength=1)
    return int(counts.argmax())


def describe(now: Mix, classes: Sequence[str]) -> str:
    """The scores, and how far they are from the net as it was trained."""
    own, before = 100 * now.iu[now.looked_at], 100 * now.trained[now.looked_at]
    return (
        f"Mean IU {100 * now.mean_iu:.1f} ({now.step:+.1f} points against the net as it was trained). "
        f"{classes[now.looked_at]}: IU {own:.1f} ({own - before:+.1f})."
    )


def heading(now: Mix) -> str:
    """What the mix does to the score, in a line."""
    if abs(now.step) < 0.05:
        return f"As it was trained: mean IU {100 * now.mean_iu:.1f}"
    return f"This mix {'gains' if now.step > 0 else 'loses'} {abs(now.step):.1f} points of mean IU"


def draw(now: Mix, classes: Sequence[str], palette: np.ndarray) -> Board:
    """The scene, the mixed score of one class, the segmentation, and the scores of the scene's classes."""
    captions = ["scene and truth", f"mixed: {classes[now.looked_at]}", "segmentation", "IU, %"]
    board, (seen, said, answer, bars) = panels(heading(now), captions, below=26)
    truth = now.scene.truth.numpy()
    board.image(edged(picture(now.scene.image), truth), *seen)
    board.image(now.said.numpy(), *said, cmap=SHARES, vmin=-now.strength, vmax=now.strength)
    board.write(said.left, said.bottom + 20, "purple: yes, orange: no", color=GREY)
    board.image(edged(palette[now.prediction.numpy()] / 255, truth), *answer)
    board.write(answer.left, answer.bottom + 20, "white line: the truth", color=GREY)
    draw_bars(board, bars, now, classes, palette)
    board.write(bars.left, bars.bottom + 20, "diamond: as trained", color=GREY)
    return board


def draw_bars(board: Board, panel: Panel, now: Mix, classes: Sequence[str], palette: np.ndarray) -> None:
    """IU over all scenes of the largest classes that this scene shows or that the mix sees in it, and their mean."""
    areas = np.bincount(now.scene.truth[now.scene.truth < 255].flatten(), minlength=len(classes))
    seen = np.bincount(now.prediction.flatten(), minlength=len(classes))
    order = [number for number in np.lexsort((-seen, -areas)) if number and (areas[number] or seen[number])][:4]
    rows = [(classes[number], palette[number] / 255, now.iu[number], now.trained[number]) for number in order]
    rows.append(("mean of all classes", COLOURS["black"], now.mean_iu, now.mean_trained))
    for place, (name, colour, iu, before) in enumerate(rows):
        top = panel.top + place * panel.height / 5
        board.write(panel.left, top + 14, f"{name} {100 * iu:.0f}")
        board.box(panel.left, top + 20, panel.width, 16, facecolor="#EEEEEE", linewidth=0)
        board.box(panel.left, top + 20, panel.width * float(iu), 16, facecolor=colour, linewidth=1)
        diamond = {"marker": "D", "markersize": 8, "markerfacecolor": "white", "markeredgecolor": "black"}
        board.line([panel.left + panel.width * float(before)], [top + 28], **diamond)


def edged(ground: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """A picture twice as large, with thin white lines around the things; void counts as background here.

    Shape:
        ground (H, W, 3), labels (H, W) -> (2H, 2W, 3)
    """
    large = ground.repeat(2, axis=0).repeat(2, axis=1)
    labels = np.where(labels == 255, 0, labels).repeat(2, axis=0).repeat(2, axis=1)
    large[1:][labels[1:] != labels[:-1]] = 1
    large[:, 1:][labels[:, 1:] != labels[:, :-1]] = 1
    return large


def skip_fusion(scenes: Sequence[Scene], classes: Sequence[str], palette: Sequence) -> Explorer:
    """The three streams of a trained FCN-8s, mixed by sliders, for one class or for all (FCN, section 4.2; lecture 05).

    Args:
        scenes: a dozen, all with the streams of the same net.
        classes: names, background first.
        palette: a colour (red, green, blue), 0 to 255, for each class.
    """
    strides = sorted(scenes[0].streams, reverse=True)
    palette = np.array(palette, dtype=np.uint8)
    shown = np.unique(torch.cat([scene.truth.flatten() for scene in scenes]).numpy())
    choices = [("all classes", ALL), *((classes[number], int(number)) for number in shown if 0 < number < 255)]
    trained = score(scenes, dict.fromkeys(strides, 1.0), None)
    scored = lru_cache(maxsize=8)(lambda gains, number: score(scenes, dict(gains), number))

    def compute(chosen: int, scene: int, **sliders: float) -> Mix:
        number = None if chosen == ALL else chosen
        gains = {stride: sliders[f"stride_{stride}"] for stride in strides}
        return mix(scenes[scene - 1], gains, number, scored(tuple(gains.items()), number), trained)

    sliders = {
        f"stride_{stride}": FloatSlider(float(stride > 8), min=0, max=3, step=0.1, description=f"stride {stride} times")
        for stride in strides
    }
    return Explorer(
        name="skip_fusion",
        title="The three streams of a trained FCN-8s, mixed",
        try_this="here stride 8 is off. Turn it on again, and off another one. Is there a mix that beats the net as trained?",
        controls={
            **sliders,
            "chosen": Dropdown(options=choices, value=ALL, description="for"),
            "scene": IntSlider(1, 1, len(scenes), description="scene"),
        },
        compute=compute,
        draw=partial(draw, classes=classes, palette=palette),
        describe=partial(describe, classes=classes),
        alt="A scene with its truth outlined, the mixed score of one class, the segmentation that follows, and bars of IU with "
        "a mark where the net was as trained.",
    )
