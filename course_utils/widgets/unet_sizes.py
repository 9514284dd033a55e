"""Sizes of a U-Net's maps: depth, input size, valid or padded (U-Net, section 2 and Figure 1; lecture 07)."""

from dataclasses import dataclass

from ipywidgets import IntSlider, ToggleButtons

from course_utils.figures.boards import Board
from course_utils.figures.style import COLOURS, GREY
from course_utils.models.unet import context, legal_sizes, nearest_legal, walk, why_illegal
from course_utils.widgets.frame import Explorer

WIDTH, ROWS = 880, 330  # pixels of the board, and of its rows together
DOWN, UP, WIDEST = 150, 450, 220  # middle of the bars on the way down and up, and the width of the widest
NARROW = {"button_width": "90px"}
SQUARE = (630, 56, 240)  # left, top and side of the picture of the input


@dataclass(frozen=True)
class Level:
    """One row of the U: the sides of its maps, as far as the walk came.

    Attributes:
        down: what comes in, and what the convolutions make of it: (572, 570, 568).
        up: what comes from below, doubled, and what the convolutions make of it; empty at the bottom.
    """

    down: tuple[int, ...]
    up: tuple[int, ...]


@dataclass(frozen=True)
class Sizes:
    """A walk through a U-Net.

    Attributes:
        size, depth, padded: as asked for.
        levels: from the top to the bottom, those that were reached.
        problem: why this size is illegal; empty for a legal one.
        nearest: the legal sizes next to it, or itself.
        output: side of the answer; 0 where there is none.
        lost: pixels lost on each side.
    """

    size: int
    depth: int
    padded: bool
    levels: tuple[Level, ...]
    problem: str
    nearest: tuple[int, ...]
    output: int
    lost: int

    @property
    def answered(self) -> float:
        """Share of the input's pixels that get an answer."""
        return (self.output / self.size) ** 2


def compute(depth: int, size: int, padded: bool) -> Sizes:
    """Walk through a U-Net without making one."""
    down: list[list[int]] = [[] for _ in range(depth + 1)]
    up: list[list[int]] = [[] for _ in range(depth + 1)]
    side = down
    for step in walk(size, depth, padded):
        if step.operation == "up":
            side = up
        if step.operation in ("input", "pool", "up", "convolve"):
            side[step.level].append(step.size)
    levels = tuple(Level(tuple(first), tuple(second)) for first, second in zip(down, up, strict=True) if first)
    problem = why_illegal(size, depth, padded)
    lost = context(depth, padded)
    nearest = tuple(nearest_legal(size, depth, padded))
    return Sizes(size, depth, padded, levels, problem, nearest, 0 if problem else size - lost, lost // 2)


def heading(sizes: Sizes) -> str:
    """What goes in and out, in a line."""
    if sizes.problem:
        return f"{sizes.size} is illegal: take {' or '.join(map(str, sizes.nearest))}"
    if sizes.padded:
        return f"{sizes.size} in, {sizes.output} out: the convolutions invent zeros around every map"
    return f"{sizes.size} in, {sizes.output} out: {sizes.lost} pixels of context lost on each side"


def describe(sizes: Sizes) -> str:
    """The walk in words."""
    stride = 2**sizes.depth
    rule = f"Legal sizes are {stride} apart."
    if sizes.problem:
        return f"{sizes.size} is illegal: {sizes.problem}. {rule} Nearest: {' or '.join(map(str, sizes.nearest))}."
    lowest = sizes.levels[-1].down[-1]
    return (
        f"{sizes.size} in, {sizes.output} out: {sizes.lost} pixels of context lost on each side, {sizes.answered:.0%} of "
        f"the input answered. The lowest map has {lowest}x{lowest}. {rule}"
    )


def draw(sizes: Sizes) -> Board:
    """The U with the side of every map, the input with what is answered of it, and the legal sizes around it."""
    board = Board(WIDTH, 400)
    board.heading(0, 18, heading(sizes))
    pitch = ROWS / (sizes.depth + 1)
    for level in range(sizes.depth + 1):
        top = 56 + level * pitch
        if level < len(sizes.levels):
            draw_level(board, sizes, level, top)
        else:
            board.box(DOWN - 20, top, 40, 18, edgecolor="#BBBBBB", linestyle=":")
        if level < min(sizes.depth, len(sizes.levels) - 1):
            draw_step(board, DOWN - 100, top + 22, top + pitch + 16, "red", "÷2")
        if level < sizes.depth and not sizes.problem:
            draw_step(board, UP + 100, top + pitch + 16, top + 22, "green", "×2")
    board.write(0, 394, "÷2: pooling, ×2: up-convolution; hatched: cut off the skip", color=GREY)
    draw_input(board, sizes)
    draw_legal(board, sizes)
    return board


def draw_level(board: Board, sizes: Sizes, level: int, top: float) -> None:
    """One row: the bar on the way down, the skip, the bar on the way up."""
    row, wide = sizes.levels[level], (WIDEST / sizes.size**0.5)
    broken = bool(sizes.problem) and level == len(sizes.levels) - 1
    last, bar = row.down[-1], wide * row.down[-1] ** 0.5
    board.box(DOWN - bar / 2, top, bar, 18, facecolor=COLOURS["sky"], linewidth=1)
    tone = COLOURS["red"] if broken else "black"
    words = " → ".join(map(str, row.down))
    board.write(DOWN, top - 4, words, ha="center", color=tone, weight="bold" if broken else "normal")
    if broken:
        board.write(DOWN + 125, top + 14, sizes.problem.replace(", ", ",\n"), va="center", color=tone)
    if not row.up or sizes.problem:
        return
    kept = bar * row.up[0] / last
    for left in (DOWN - bar / 2, DOWN + kept / 2):
        if last > row.up[0]:
            board.box(left, top, (bar - kept) / 2, 18, facecolor="white", hatch="/////", linewidth=1)
    answer = wide * row.up[-1] ** 0.5
    board.box(UP - answer / 2, top, answer, 18, facecolor=COLOURS["green"], linewidth=1)
    board.write(UP, top - 4, " → ".join(map(str, row.up)), ha="center")
    start, end = DOWN + bar / 2 + 4, UP - answer / 2 - 4
    board.line([start, end], [top + 9, top + 9], color=GREY, linewidth=1.5)
    board.line([end - 2], [top + 9], color=GREY, marker=">", markersize=7)
    cut = (last - row.up[0]) // 2
    board.write((start + end) / 2, top + 4, f"cut {cut}" if cut else "whole", ha="center", color=GREY)


def draw_step(board: Board, x: float, start: float, end: float, colour: str, words: str) -> None:
    """The arrow of a pooling or an up-convolution, with what it does to the side."""
    board.line([x, x], [start, end], color=COLOURS[colour], linewidth=2)
    board.line([x], [end], color=COLOURS[colour], marker="v" if end > start else "^", markersize=7)
    outside = {"ha": "right", "x": x - 8} if colour == "red" else {"ha": "left", "x": x + 8}
    board.write(outside.pop("x"), (start + end) / 2, words, va="center", color=COLOURS[colour], **outside)


def draw_input(board: Board, sizes: Sizes) -> None:
    """The input as a square, and inside of it the square that is answered."""
    left, top, side = SQUARE
    board.write(left, top - 8, "the input and its answer")
    board.box(left, top, side, side, facecolor="white" if sizes.output else "#EEEEEE", hatch="////", linewidth=1)
    if not sizes.output:
        board.write(left + side / 2, top + side / 2, "no answer", ha="center", va="center", backgroundcolor="white")
        return
    inner = side * sizes.output / sizes.size
    corner = left + (side - inner) / 2, top + (side - inner) / 2
    board.box(*corner, inner, inner, facecolor=COLOURS["green"], linewidth=1)
    middle = {"ha": "center", "va": "center"}
    words = f"{sizes.answered:.0%}" if inner > 40 else ""
    board.write(left + side / 2, top + side / 2, words, color="white", weight="bold", **middle)
    if sizes.lost:
        board.write(left + side / 2, top + side + 18, f"{sizes.lost} px lost on each side", **middle)


def draw_legal(board: Board, sizes: Sizes) -> None:
    """A ruler around the size, with a tick for each legal one."""
    left, level, side = SQUARE[0], 362, SQUARE[2]
    around = 2 * 2**sizes.depth + 8
    scale = side / (2 * around)
    board.line([left, left + side], [level, level], linewidth=1.2)
    for legal in legal_sizes(max(1, sizes.size - around), sizes.size + around + 1, sizes.depth, sizes.padded):
        x = left + side / 2 + (legal - sizes.size) * scale
        board.line([x, x], [level - 8, level + 8], linewidth=2.5)
        if sizes.depth >= 3:
            board.write(x, level + 12, str(legal), ha="center", va="top", fontsize=12)
    tone = COLOURS["red"] if sizes.problem else COLOURS["green"]
    board.line([left + side / 2], [level - 9], color=tone, marker="v", markersize=11)
    board.write(left, level - 16, "legal sizes")


def unet_size() -> Explorer:
    """The sizes of a U-Net's maps for any depth and input, valid or padded (U-Net, section 2; lecture 07)."""
    return Explorer(
        name="unet_size",
        title="Sizes of a U-Net's maps",
        try_this="move the size by one pixel: where does it stop? Which 512 is legal: at which depth, valid or padded?",
        controls={
            "size": IntSlider(572, 20, 700, description="input side, px"),
            "depth": IntSlider(4, 1, 5, description="depth"),
            "padded": ToggleButtons(
                options=[("valid", False), ("padded", True)], description="convolutions", style=NARROW
            ),
        },
        compute=compute,
        draw=draw,
        describe=describe,
        alt="A U of bars, one row a level, with the side of each map on the way down and up; beside it the input with the "
        "square in its middle that is answered, and a ruler of legal sizes.",
        telling={
            "size": [188, 284, 380, 512, 571, 572, 573, 588, 700],
            "depth": [2, 3, 4],
            "padded": [False, True],
        },
    )
