"""Tiles over a picture that is too large for one pass: side and step (U-Net, section 2, Figure 2; lectures 07, 08)."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from ipywidgets import IntSlider, SelectionSlider
from torch import Tensor
from tqdm import tqdm

from course_utils.data.transforms import mirror_pad
from course_utils.figures.boards import Board
from course_utils.figures.overlays import picture
from course_utils.figures.style import COLOURS, GREY
from course_utils.inference.tiles import margin, read_tile
from course_utils.models.unet import UNet, legal_sizes, nearest_legal
from course_utils.widgets.frame import Explorer, Panel, panels

COARSEST = 4  # pixels between steps; a valid U-Net's answers are 4 more than a multiple of its stride


@dataclass(frozen=True)
class Passes:
    """A net's answers for a whole picture, once for each place where its pooling may begin to count.

    Attributes:
        image: (C, H, W), as the net takes it, 0 to 1.
        wide: (H + 2 border, W + 2 border, 3), uint8, the picture with its mirrored border, to be drawn.
        border: context in pixels on each side of a tile.
        stride: of the net; where a tile begins, modulo this, decides which pixels are pooled together.
        depth, padded: of the net.
        grain: steps are multiples of this, so that there are few places to count from.
        foreground: (starts, starts, H, W), probability of anything but class 0; counted from `grain` times the index.
    """

    image: Tensor
    wide: np.ndarray
    border: int
    stride: int
    depth: int
    padded: bool
    grain: int
    foreground: np.ndarray


@torch.no_grad()
def all_passes(net: UNet, image: Tensor, progress: bool = True) -> Passes:
    """Run a net over the whole picture once for each place to count from: then any tiling can be put together.

    A tile that begins in row r gives what a pass over everything gives that begins in row r modulo the stride.

    Shape:
        image (C, H, W), 0 to 1
    """
    net.eval()
    stride, grain = net.stride, min(COARSEST, max(1, net.stride // 2))
    starts = range(0, stride, grain)
    corners = [(down, right) for down in starts for right in starts]
    # where `disable` is not given, tqdm minds TQDM_DISABLE
    bar = tqdm(corners, desc="passes", leave=False) if progress else corners
    found = [one_pass(net, image, *corner) for corner in bar]
    foreground = torch.stack(found).view(len(starts), len(starts), *image.shape[1:])
    wide = mirrored(image, margin(net))
    return Passes(image, wide, margin(net), stride, net.depth, net.padded, grain, foreground.numpy())


def mirrored(image: Tensor, border: int) -> np.ndarray:
    """A picture with its mirrored border, which is darker.

    Shape:
        image (C, H, W), 0 to 1 -> (H + 2 border, W + 2 border, 3), uint8
    """
    wide = 255 * picture(mirror_pad(image, border, border, border, border)) ** 0.65
    dimmed = (0.45 * wide).astype(np.uint8)
    dimmed[border:-border, border:-border] = wide[border:-border, border:-border]
    return dimmed


def one_pass(net: UNet, image: Tensor, down: int, right: int) -> Tensor:
    """The probability of foreground from one pass that begins `down` and `right` pixels past a multiple of the stride.

    Shape:
        image (C, H, W) -> (H, W)
    """
    border, spans, inside = margin(net), [], []
    for start, side in zip((down, right), image.shape[1:], strict=True):
        first = start - net.stride if start else 0
        legal = nearest_legal(side - first + 2 * border, net.depth, net.padded)[-1] - 2 * border
        spans.append(slice(first, first + legal))
        inside.append(slice(-first, side - first))
    logits = net(read_tile(image, *spans, border)[None].to(net.score.weight.device))[0]
    if net.padded:
        logits = logits[:, border:-border, border:-border]
    return 1 - logits[:, *inside].softmax(dim=0)[0].cpu()


SHOWN = 0.1  # differences of probability from here on are drawn in full strength


@dataclass(frozen=True)
class Tiling:
    """A picture in tiles.

    Attributes:
        tile: side of a tile as the net reads it, context included.
        answer: side of what it answers of that.
        step: from tile to tile.
        tops, lefts: where the tiles' answers begin.
        number: of the tile that is looked at, from left to right and from top to bottom.
        reads: (H, W), how many tiles read each pixel.
        foreground: (H, W), put together from the tiles; NaN where none answers.
        difference: (H, W), how far that is from one pass over the whole picture; NaN likewise.
        work: pixels read by all tiles for each pixel of the picture.
    """

    passes: Passes
    tile: int
    answer: int
    step: int
    tops: range
    lefts: range
    number: int
    reads: np.ndarray
    foreground: np.ndarray
    difference: np.ndarray
    work: float

    @property
    def holes(self) -> float:
        """Share of the picture that no tile answers."""
        return float(np.isnan(self.foreground).mean())

    @property
    def changed(self) -> int:
        """Pixels that the whole pass and the tiles disagree about."""
        known = ~np.isnan(self.foreground)
        return int(((self.foreground > 0.5) != (self.passes.foreground[0, 0] > 0.5))[known].sum())


def compute(passes: Passes, tile: int, step: int, number: int) -> Tiling:
    """Put a picture together from tiles of a side, a step apart; a pixel that two tiles answer is the later one's.

    Raises:
        ValueError: for a step that is no multiple of the passes' `grain`.
    """
    if step % passes.grain:
        raise ValueError(f"a step of {step} px: this explorer knows multiples of {passes.grain}")
    height, width = passes.image.shape[1:]
    answer = tile - 2 * passes.border
    tops, lefts = range(0, height, step), range(0, width, step)
    rows, columns = np.arange(height), np.arange(width)
    row_start, column_start = ((places // step * step % passes.stride) // passes.grain for places in (rows, columns))
    found = passes.foreground[row_start[:, None], column_start, rows[:, None], columns].copy()
    found[rows % step >= answer] = np.nan
    found[:, columns % step >= answer] = np.nan
    down, across = (read_by(side, starts, tile, passes.border) for side, starts in ((height, tops), (width, lefts)))
    return Tiling(
        passes, tile, answer, step, tops, lefts, min(number, len(tops) * len(lefts)),
        reads=down[:, None] * across,
        foreground=found,
        difference=np.abs(found - passes.foreground[0, 0]),
        work=len(tops) * len(lefts) * tile**2 / (height * width),
    )  # fmt: skip


def read_by(side: int, starts: range, tile: int, border: int) -> np.ndarray:
    """How many tiles read each row (or column) of a picture: (side,)."""
    places = np.arange(side)
    return sum(((places >= start - border) & (places < start - border + tile)).astype(int) for start in starts)


def heading(tiling: Tiling) -> str:
    """Whether these tiles give what one pass gives."""
    stride, step = tiling.passes.stride, tiling.step
    if tiling.holes:
        return f"Holes: a tile answers {tiling.answer} px, and the next begins {step} px on"
    if step % stride:
        largest = np.nanmax(tiling.difference)
        return f"Seams: {step} px is no multiple of {stride}, and probabilities differ by up to {largest:.2f}"
    return f"No seams: {step} px is {step // stride} times the net's stride of {stride}"


def describe(tiling: Tiling) -> str:
    """What the tiles cost, and how far they are from one pass."""
    count = len(tiling.tops) * len(tiling.lefts)
    row, column = divmod(tiling.number - 1, len(tiling.lefts))
    holes = f" No tile answers {tiling.holes:.0%} of the picture." if tiling.holes else ""
    return (
        f"{count} tile{'s' if count > 1 else ''} of {tiling.tile}x{tiling.tile} read {tiling.work:.1f} times the picture's "
        f"pixels. Largest difference to one pass: {np.nanmax(tiling.difference):.3f}; pixels that change sides: "
        f"{tiling.changed}.{holes} Tile {tiling.number} answers from row {tiling.tops[row]}, column {tiling.lefts[column]} on."
    )


def draw(tiling: Tiling) -> Board:
    """One tile with its context, how many tiles read each pixel, and the difference to one pass."""
    reads = f"tiles that read a pixel: {tiling.reads.min()} to {tiling.reads.max()}"
    board, (one, often, apart) = panels(
        heading(tiling), ["where a tile lies", reads, "difference to one pass"], below=26
    )
    draw_tile(board, fitted(one, tiling.passes.wide.shape), tiling)
    board.write(one.left, one.bottom + 20, "blue: it reads, orange: answers", color=GREY)
    part = fitted(often, tiling.reads.shape)
    board.image(tiling.reads, *part, cmap="cividis", vmin=0, vmax=max(4, tiling.reads.max()))
    board.write(often.left, often.bottom + 20, f"on average {tiling.reads.mean():.1f}", color=GREY)
    part = fitted(apart, tiling.difference.shape)
    board.image(tiling.difference, *part, cmap="magma", vmin=0, vmax=SHOWN)
    draw_holes(board, part, tiling)
    key = "hatched: no tile answers" if tiling.holes else f"black 0, white {SHOWN} or more"
    board.write(apart.left, apart.bottom + 20, key, color=GREY)
    return board


def fitted(panel: Panel, shape: tuple[int, ...]) -> Panel:
    """The upper left part of a panel that has the proportions of a picture."""
    scale = panel.width / max(shape[:2])
    return Panel(panel.left, panel.top, shape[1] * scale, shape[0] * scale)


def draw_tile(board: Board, panel: Panel, tiling: Tiling) -> None:
    """The picture with its mirrored border, where tiles begin, and what one of them reads and answers."""
    passes = tiling.passes
    height, width = passes.image.shape[1:]
    scale = panel.width / (width + 2 * passes.border)
    board.image(passes.wide, *panel)
    left, top = panel.left + scale * passes.border, panel.top + scale * passes.border
    for start in tiling.tops[1:]:
        board.line([left, left + scale * width], [top + scale * start] * 2, color="white", linewidth=1)
    for start in tiling.lefts[1:]:
        board.line([left + scale * start] * 2, [top, top + scale * height], color="white", linewidth=1)
    row, column = divmod(tiling.number - 1, len(tiling.lefts))
    down, right = tiling.tops[row], tiling.lefts[column]
    for grown, side, colour in ((passes.border, tiling.tile, "sky"), (0, tiling.answer, "orange")):
        ends = [
            (max(-passes.border, start - grown), min(length + passes.border, start - grown + side))
            for start, length in ((down, height), (right, width))
        ]
        (first, last), (begin, end) = ends
        place = left + scale * begin, top + scale * first, scale * (end - begin), scale * (last - first)
        board.frame(*place, COLOURS[colour])


def draw_holes(board: Board, panel: Panel, tiling: Tiling) -> None:
    """Hatch what no tile answers: stripes between the rows and columns of tiles."""
    height, width = tiling.reads.shape
    scale, hole = panel.width / width, tiling.step - tiling.answer
    look = {"facecolor": COLOURS["red"], "edgecolor": "white", "hatch": "////", "linewidth": 0}
    for start in tiling.tops if hole > 0 else ():
        first, last = start + tiling.answer, min(height, start + tiling.step)
        if first < last:
            board.box(panel.left, panel.top + scale * first, panel.width, scale * (last - first), **look)
    for start in tiling.lefts if hole > 0 else ():
        first, last = start + tiling.answer, min(width, start + tiling.step)
        if first < last:
            board.box(panel.left + scale * first, panel.top, scale * (last - first), panel.height, **look)


def tile_at(tiling: Tiling, x: float, y: float) -> dict[str, int]:
    """The tile that answers the pixel of the picture under a place on the board; none outside of the picture."""
    passes = tiling.passes
    height, width = passes.image.shape[1:]
    _, (one, *_) = panels("", ["", "", ""])
    panel = fitted(one, passes.wide.shape)
    scale = panel.width / (width + 2 * passes.border)
    row, column = (y - panel.top) / scale - passes.border, (x - panel.left) / scale - passes.border
    if not (0 <= row < height and 0 <= column < width):
        return {}
    return {"number": 1 + int(row // tiling.step) * len(tiling.lefts) + int(column // tiling.step)}


def overlap_tile(net: UNet, image: Tensor) -> Explorer:
    """Tiles over a picture: what is read twice, the mirrored border, seams and holes (U-Net, section 2; lectures 07, 08).

    The net runs over the whole picture up to sixteen times when the explorer is made, and never again.

    Args:
        net: trained, of any depth, padded or not.
        image: (C, H, W), 0 to 1, as the net takes it; a few hundred pixels a side.
    """
    passes = all_passes(net, image)
    longest = max(image.shape[1:])
    fewest = 2 * passes.border + max(2 * passes.stride, longest // 8)
    sides = list(legal_sizes(fewest, 2 * passes.border + longest + passes.stride, passes.depth, passes.padded))
    middle = sides[len(sides) // 3]
    natural = middle - 2 * passes.border
    step = natural if natural % passes.stride else natural - passes.stride // 2
    lowest = passes.stride * max(2, -(-longest // (8 * passes.stride)))

    def walk(values: dict, across: int, down: int) -> dict[str, int]:
        return {"number": values["number"] + across + down * len(range(0, image.shape[2], values["step"]))}

    return Explorer(
        name="overlap_tile",
        title="Tiles over a large picture",
        try_this=f"find a step without seams (the net's stride is {passes.stride}). Then a larger step, until there are holes.",
        controls={
            "tile": SelectionSlider(options=sides, value=middle, description="tile, px"),
            "step": IntSlider(step, lowest, longest - longest % passes.grain, passes.grain, description="step, px"),
            "number": IntSlider(1, 1, (longest // lowest + 1) ** 2, description="tile looked at"),
        },
        compute=partial(compute, passes),
        draw=draw,
        describe=describe,
        alt="Three pictures: the picture with a mirrored border, what one tile reads framed in blue and what it answers "
        "in orange; how many tiles read each pixel; the difference between the tiles' answers and one pass.",
        point=lambda values, data, x, y: tile_at(data, x, y),
        walk=walk,
    )
