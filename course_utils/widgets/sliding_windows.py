"""A window walks over the photograph and the grid of answers fills; beside it, what one dense run costs (lecture 02)."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from ipywidgets import IntSlider, Play, ToggleButtons, jslink
from torch import Tensor, nn

from course_utils.figures.boards import Board, coloured
from course_utils.figures.style import COLOURS, GREY
from course_utils.inference import dense_prediction
from course_utils.inference.dense_prediction import multiply_adds, seconds
from course_utils.models.imagenet import class_index, class_names, normalise
from course_utils.widgets.frame import Explorer, device_of

PHOTOGRAPH, GRID = (0, 32, 330), (356, 32, 250)  # left, top, side in pixels of the board
BARS = 634


@dataclass(frozen=True)
class Costs:
    """What one window and one dense run take, in multiply-adds and in seconds on this machine."""

    window_work: int
    dense_work: int
    window_seconds: float
    dense_seconds: float


@dataclass(frozen=True)
class Walk:
    """How far the window has walked.

    Attributes:
        image: (3, side, side), uint8.
        answers: (rows, columns), probability of the thing, from the dense run or from each window by itself.
        names: the most probable class in each window, row by row.
        thing: what is asked for.
        window, stride: side of the window and distance between two, in pixels.
        costs: what a window and a dense run take.
        asked: windows so far, row by row; the last one is the current one.
    """

    image: Tensor
    answers: np.ndarray
    names: tuple[str, ...]
    thing: str
    window: int
    stride: int
    costs: Costs
    asked: int = 1

    @property
    def cell(self) -> tuple[int, int]:
        """Row and column of the current window."""
        return divmod(self.asked - 1, self.answers.shape[1])

    @property
    def seen(self) -> np.ndarray:
        """(side, side): how many of the windows so far have looked at each pixel."""
        counts = np.zeros(self.image.shape[1:], dtype=int)
        for number in range(self.asked):
            row, column = (self.stride * place for place in divmod(number, self.answers.shape[1]))
            counts[row : row + self.window, column : column + self.window] += 1
        return counts

    @property
    def work_ratio(self) -> float:
        """Multiply-adds of the windows so far, in dense runs."""
        return self.asked * self.costs.window_work / self.costs.dense_work

    @property
    def time_ratio(self) -> float:
        """Time of the windows so far, in dense runs."""
        return self.asked * self.costs.window_seconds / self.costs.dense_seconds


def begin(
    image: Tensor, classifier: nn.Module, turned: nn.Module, classes: tuple[str, ...], window: int = 224
) -> dict[str, Walk]:
    """Ask all windows once and the dense net once, and find out what a window and the dense run cost.

    Args:
        image: a square photograph, uint8.
        classifier: answers one window.
        turned: the same weights as convolutions, with the average sliding: one cell for each window.
        classes: ImageNet classes whose probabilities are added up.

    Returns:
        "windows" and "dense run": the walk with the answers of each

    Shape:
        image (3, side, side)
    """
    picture = normalise(image, "efficientnet_lite0")[None].to(device_of(turned))
    crop = picture[:, :, :window, :window]
    with torch.inference_mode():
        grids = {"dense run": turned(picture)}
        stride = (image.shape[-1] - window) // (grids["dense run"].shape[-1] - 1)
        grids["windows"] = dense_prediction.sliding_window(classifier, picture, window, stride)
        costs = Costs(
            multiply_adds(classifier, crop),
            multiply_adds(turned, picture),
            seconds(lambda: classifier(crop), picture.device, repeats=3),
            seconds(lambda: turned(picture), picture.device, repeats=2),
        )
    which = [class_index(name) for name in classes]
    walks = {}
    for way in ("windows", "dense run"):
        scores = grids[way].cpu()
        names = tuple(class_names()[number] for number in scores[0].argmax(0).flatten().tolist())
        answers = scores.softmax(1)[0, which].sum(0).numpy()
        walks[way] = Walk(image, answers, names, " + ".join(classes), window, stride, costs)
    return walks


def draw(walk: Walk) -> Board:
    """The photograph under the windows so far, the grid of answers, and the two costs as bars."""
    board = Board(880, 372)
    left, top, side = PHOTOGRAPH
    scale = side / walk.image.shape[-1]
    seen = walk.seen
    light = np.where(seen > 0, 0.55 + 0.45 * seen / seen.max(), 0.35)
    board.image((walk.image.numpy().transpose(1, 2, 0) * light[..., None]).astype(np.uint8), left, top, side, side)
    row, column = walk.cell
    corner = left + column * walk.stride * scale, top + row * walk.stride * scale
    board.frame(*corner, walk.window * scale, walk.window * scale, COLOURS["orange"])
    board.heading(left, 20, f"window {walk.asked}: {walk.names[walk.asked - 1]}")

    draw_answers(board, walk)
    board.heading(BARS, 20, f"{walk.work_ratio:.1f} dense runs' work")
    millions = [cost / 1e6 for cost in (walk.asked * walk.costs.window_work, walk.costs.dense_work)]
    times = [1000 * time for time in (walk.asked * walk.costs.window_seconds, walk.costs.dense_seconds)]
    draw_bars(board, 62, "million multiply-adds", millions, walk.answers.size * walk.costs.window_work / 1e6)
    draw_bars(board, 206, "milliseconds, here", times, walk.answers.size * walk.costs.window_seconds * 1000)
    board.write(BARS, 362, f"same pixel: up to {seen.max()} times", color=GREY)
    return board


def draw_answers(board: Board, walk: Walk) -> None:
    """The grid, filled as far as the window has walked."""
    left, top, side = GRID
    rows, columns = walk.answers.shape
    cell = side / columns
    board.image(coloured(walk.answers), left, top, side, rows * cell)
    row, column = walk.cell
    empty = {"facecolor": "#EEEEEE", "edgecolor": "#AAAAAA", "hatch": "...", "linewidth": 0}
    board.box(left + (column + 1) * cell, top + row * cell, side - (column + 1) * cell, cell, **empty)
    board.box(left, top + (row + 1) * cell, side, (rows - row - 1) * cell, **empty)
    board.grid(left, top, side, rows * cell, rows, columns, color="white")
    board.frame(left + column * cell, top + row * cell, cell, cell, COLOURS["orange"])
    board.heading(left, 20, f"{walk.asked} of {walk.answers.size} answers")
    for line, words in enumerate(("bright: probability of", walk.thing)):
        board.write(left, top + side + 26 + 22 * line, words, color=GREY)


def draw_bars(board: Board, top: float, what: str, values: list[float], most: float) -> None:
    """What the windows so far cost, over what the dense run does."""
    board.write(BARS, top, what, color=GREY)
    for place, (name, value, colour) in enumerate(zip(("windows", "dense"), values, ("red", "blue"), strict=True)):
        y = top + 12 + 52 * place
        board.box(BARS, y, max(2, value / most * 240), 24, facecolor=COLOURS[colour], linewidth=1)
        board.write(BARS, y + 42, f"{name}: {value:,.0f}")


def describe(walk: Walk) -> str:
    """The numbers of the board."""
    return (
        f"{walk.asked} {'window' if walk.asked == 1 else 'windows'} asked: {walk.work_ratio:.1f} times the arithmetic of the dense run, which gives all "
        f"{walk.answers.size} answers, and {walk.time_ratio:.1f} times its time on this machine."
    )


def point(walk: Walk, x: float, y: float) -> int:
    """How many windows have been asked when the one at a pixel of the board is reached; in the photograph its middle."""
    rows, columns = walk.answers.shape
    left, top, side = GRID
    if x >= left:
        places = (y - top) / side * rows, (x - left) / side * columns
    else:
        left, top, side = PHOTOGRAPH
        pixel = walk.image.shape[-1] / side
        places = tuple((at * pixel - walk.window / 2) / walk.stride + 0.5 for at in (y - top, x - left))
    row, column = (int(min(max(place, 0), count - 1)) for place, count in zip(places, (rows, columns), strict=True))
    return row * columns + column + 1


def sliding_window(
    image: Tensor, classifier: nn.Module, turned: nn.Module, classes: tuple[str, ...], asked: int = 37
) -> Explorer:
    """An explorer: windows walk over a photograph and fill the grid that one dense run gives at once (lecture 02).

    Args:
        image: a square photograph, (3, side, side), uint8.
        classifier: EfficientNet-Lite0, which answers one window of 224 pixels.
        turned: `convolutionalize(classifier)`.
        classes: ImageNet classes whose probabilities are added up.
        asked: where the walk begins.
    """
    walks = begin(image, classifier, turned, classes)
    rows, columns = walks["windows"].answers.shape
    slider = IntSlider(asked, 1, rows * columns, description="windows asked")
    player = Play(value=asked, min=1, max=rows * columns, interval=250, layout={"width": "130px", "height": "34px"})
    jslink((player, "value"), (slider, "value"))
    return Explorer(
        "sliding_window",
        title="A window walks over the photograph",
        try_this="walk with the arrow keys on the picture, click into it, or press play. When do the windows overtake "
        "the dense run? Then look at the dense run's answers: which way is surer, and why?",
        controls={
            "asked": slider,
            "way": ToggleButtons(options=list(walks), description="answers of", style={"button_width": "95px"}),
        },
        compute=lambda asked, way: replace(walks[way], asked=asked),
        draw=draw,
        describe=describe,
        alt="A photograph under an orange window, lighter where more windows have looked; a grid of answers, filled "
        "as far as the window has walked; and bars of what the windows and one dense run cost.",
        point=lambda values, data, x, y: {"asked": point(data, x, y)},
        walk=lambda values, across, down: {"asked": values["asked"] + across + columns * down},
        beside=[player],
    )
