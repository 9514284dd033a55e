"""The threshold of non-maximum suppression where nuclei crowd: whom it loses, what it leaves twice (lecture 09)."""

from dataclasses import dataclass
from functools import partial

import torch
from ipywidgets import FloatSlider, IntSlider
from torch import Tensor

from course_utils.data.dataset import detection_target
from course_utils.figures.boards import Board, Plot
from course_utils.figures.overlays import picture
from course_utils.figures.style import COLOURS, GREY
from course_utils.models.boxes import box_iou, jitter_boxes, nms
from course_utils.widgets.frame import Explorer

THRESHOLDS = torch.arange(5, 100, 5) / 100
SIDE, TOP = 340, 42


@dataclass(frozen=True)
class Crowd:
    """Boxes on nuclei, before and after suppression.

    Attributes:
        image: (3, H, W).
        boxes: (M, 4), the true ones.
        guesses: (N, 4), several on each.
        of: (N,), which nucleus a guess is of.
        stays: numbers of the guesses that stay.
        at: the threshold.
        lost, twice: at each of `THRESHOLDS`, nuclei without a box, and boxes more than one a nucleus.
    """

    image: Tensor
    boxes: Tensor
    guesses: Tensor
    of: Tensor
    stays: Tensor
    at: float
    lost: list[int]
    twice: list[int]


def guessed(boxes: Tensor, copies: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """What a good net might say: several boxes on each true one, the better ones with higher scores.

    Shape:
        boxes (M, 4) -> guesses (copies * M, 4), scores (copies * M,), which true box each is of
    """
    dice = torch.Generator().manual_seed(seed)
    guesses = jitter_boxes(boxes, copies, 0.1, dice)
    of = torch.arange(len(boxes)).repeat(copies)
    good = box_iou(guesses, boxes)[torch.arange(len(guesses)), of]
    return guesses, good + 0.05 * torch.randn(len(good), generator=dice), of


def judge(stays: Tensor, of: Tensor, count: int) -> tuple[int, int]:
    """Nuclei without a box, and boxes that are one too many."""
    boxes = torch.bincount(of[stays], minlength=count)
    return int((boxes == 0).sum()), int((boxes - 1).clamp(min=0).sum())


def compute(image: Tensor, boxes: Tensor, at: float, copies: int) -> Crowd:
    """Suppression at one threshold, and what all others would do."""
    guesses, scores, of = guessed(boxes, copies)
    judged = [judge(nms(guesses, scores, float(threshold)), of, len(boxes)) for threshold in THRESHOLDS]
    lost, twice = map(list, zip(*judged, strict=True))
    return Crowd(image, boxes, guesses, of, nms(guesses, scores, at), at, lost, twice)


def describe(data: Crowd) -> str:
    """How many stay, whom it cost, and the best threshold."""
    lost, twice = judge(data.stays, data.of, len(data.boxes))
    wrong = [one + other for one, other in zip(data.lost, data.twice, strict=True)]
    best = min(wrong)
    return (
        f"At {data.at:.2f}, {len(data.stays)} of {len(data.guesses)} boxes stay on {len(data.boxes)} nuclei: {lost} lost, {twice} too "
        f"many. Fewest mistakes of both kinds: {best}, at {THRESHOLDS[wrong.index(best)]:.2f}."
    )


def draw(data: Crowd) -> Board:
    """The nuclei with the boxes that stay, and both mistakes over the threshold."""
    lost, twice = judge(data.stays, data.of, len(data.boxes))
    board = Board(880, TOP + SIDE + 10)
    words = f"{twice} box{'es' * (twice != 1)} too many"
    board.heading(0, 22, f"{lost} of {len(data.boxes)} nuclei suppressed by a neighbour, {words}")
    board.image(picture(data.image) ** 0.65, 0, TOP, SIDE, SIDE)
    scale = SIDE / data.image.shape[-1]
    found = torch.bincount(data.of[data.stays], minlength=len(data.boxes))

    def outline(boxes: Tensor, **style) -> None:
        x1, y1, x2, y2 = (boxes * scale).clamp(0, SIDE).T
        gap = torch.full_like(x1, torch.nan)
        x, y = torch.stack([x1, x2, x2, x1, x1, gap], dim=1), torch.stack([y1, y1, y2, y2, y1, gap], dim=1) + TOP
        board.line(x.flatten(), y.flatten(), **style)

    outline(data.guesses[data.stays], color=COLOURS["sky"], linewidth=1.8)
    outline(data.boxes[found == 0], color=COLOURS["red"], linewidth=2.5, linestyle="--")
    most = max(10, 10 * -(-max(*data.lost, min(max(data.twice), 2 * len(data.boxes))) // 10))
    plot = Plot(board, 440, 84, 420, 216, (0, 1), (0, most))
    plot.axes((0, 0.25, 0.5, 0.75, 1), range(0, most + 1, 10 * -(-most // 50)), "threshold of the IU", "mistakes")
    plot.curve(THRESHOLDS, data.lost, COLOURS["red"])
    plot.curve(THRESHOLDS, torch.tensor(data.twice).clamp(max=most), COLOURS["sky"], linestyle="--")
    board.line([plot.x(data.at)] * 2, [plot.y(0), plot.y(most)], color="black", linewidth=1.5, linestyle=":")
    board.line([456, 486], [370, 370], color=COLOURS["red"])
    board.write(494, 375, "nuclei lost", color=GREY)
    board.line([610, 640], [370, 370], color=COLOURS["sky"], linestyle="--")
    board.write(648, 375, "boxes too many", color=GREY)
    return board


def nms_threshold(image: Tensor, instances: Tensor) -> Explorer:
    """The threshold of non-maximum suppression where cells crowd (lecture 09).

    Shape:
        image (3, H, W), uint8, square, instances (H, W), int64, 0 for background
    """
    boxes = detection_target(instances)["boxes"]
    return Explorer(
        name="nms_threshold",
        title="Non-maximum suppression on crowded nuclei",
        try_this="find the threshold with the fewest mistakes. Then more boxes a nucleus: does it move?",
        controls={
            "at": FloatSlider(0.3, min=0.05, max=0.95, step=0.05, description="threshold"),
            "copies": IntSlider(6, 1, 12, description="boxes on each nucleus"),
        },
        compute=partial(compute, image, boxes),
        draw=draw,
        describe=describe,
        alt="Nuclei with the boxes that stay, lost nuclei dashed; beside it how many nuclei are lost and how many boxes are too "
        "many, over the threshold.",
        walk=lambda values, across, down: {"at": values["at"] + across / 20},
        telling={"at": [share / 20 for share in range(1, 20, 2)], "copies": [1, 3, 6, 12]},
    )
