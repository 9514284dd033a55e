"""Lecture 09: how two boxes overlap, what deltas make of a box, a bin of RoIAlign, NMS, average precision, pasting."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from course_utils.exercises.engine import Wrong
from course_utils.models.rois import paste_masks


def asked(answer: Callable, *given, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """What the student's function returns, as an array; refused where it is None, of another shape, or eats its input."""
    before = [torch.as_tensor(each).clone() for each in given]
    found = answer(*given)
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if any(not torch.equal(old, torch.as_tensor(new)) for old, new in zip(before, given, strict=True)):
        raise Wrong("Your function changed what it was given. Work on tensors of your own.")
    found = np.asarray(found.detach() if isinstance(found, Tensor) else found)
    if shape is not None and found.shape != shape:
        raise Wrong(f"You return shape {found.shape}, and {shape} belongs there.")
    return found.astype(float)


def refuse_known(found: float, mistakes: dict[str, float], within: float = 1e-4) -> None:
    """Name the mistake that leads to exactly this number."""
    for words, mistaken in mistakes.items():
        if abs(found - mistaken) < within:
            raise Wrong(words)


def check_iou(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Two boxes worked by hand, then every one with every other, boxes apart, boxes without area, no box at all."""
    one, other = torch.tensor([[2.0, 1.0, 12.0, 5.0]]), torch.tensor([[4.0, 3.0, 14.0, 8.0]])
    found = asked(answer, one, other)
    if found.size != 1:
        raise Wrong(f"For one box and one other you return shape {found.shape}; (1, 1) belongs there.")
    refuse_known(
        found.item(),
        {
            "You add 1 to widths and heights. That is right where a corner is a pixel's number; here boxes end where their "
            "last pixel ends, and the width is x2 - x1.": 27 / (11 * 5 + 11 * 6 - 27),
            "You divide by the sum of both areas. What they share is in it twice: take it off once.": 16 / 90,
            "You divide by the area of the first box alone. The union is what lies in either.": 16 / 40,
            "You divide by the area of the smaller box. The union is what lies in either.": 16 / 40,
            "That is the shared area in pixels. Divide it by the union.": 16.0,
            "You take a box for (x, y, width, height). Here it is (x1, y1, x2, y2).": 30 / (12 * 5 + 14 * 8 - 30),
            "You divide by the box around both. The union is smaller: what lies in either, corners left out.": 16 / 84,
        },
    )
    if abs(found.item() - 16 / 74) > 1e-4:
        raise Wrong(
            "Boxes (2, 1, 12, 5) and (4, 3, 14, 8) share 8 x 2 = 16 pixels of 40 + 50 - 16 = 74: 0.2162. You return "
            f"{found.item():.4f}."
        )
    boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0], [2.0, 2.0, 6.0, 4.0], [10.0, 20.0, 14.0, 22.0]])
    others = torch.tensor([[0.0, 0.0, 4.0, 4.0], [5.0, 5.0, 9.0, 8.0]])
    found = asked(answer, boxes, others)
    if found.shape != (3, 2):
        raise Wrong(
            f"For 3 boxes and 2 others you return shape {found.shape}, and (3, 2) belongs there: each with each. "
            "boxes[:, None] against others[None] makes all pairs."
        )
    if abs(found[0, 1]) > 1e-6 or abs(found[2, 0]) > 1e-6:
        raise Wrong(
            "Boxes that lie apart across and down share nothing, and you find an overlap: minus times minus is plus. Clamp each side of the "
            "shared rectangle at 0 before you multiply."
        )
    expected = np.array([[1, 0], [4 / 20, 0], [0, 0]])
    if not np.allclose(found, expected, atol=1e-4):
        raise Wrong("Of 3 boxes with 2 others some pairs are wrong; expected and yours are drawn.", found, expected)
    flat = torch.tensor([[3.0, 3.0, 3.0, 3.0]])
    if not asked(answer, flat, flat) == 0:
        raise Wrong("Two boxes without any area have no union to divide by: say 0 there, not NaN.")
    whole = asked(answer, boxes.long(), others.long(), shape=(3, 2))
    if not np.allclose(whole, expected, atol=1e-4):
        raise Wrong("With corners in whole numbers (int64) your answer changes: is there a // or an .int() in it?")
    asked(answer, boxes[:0], others, shape=(0, 2))


def check_decode(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    """A box that moves, one that grows, both at once; several with deltas of their own."""
    anchor = torch.tensor([[10.0, 20.0, 50.0, 40.0]])  # 40 wide, 20 high, its centre at (30, 30)

    def ask(*deltas: float) -> np.ndarray:
        return asked(answer, torch.tensor([deltas]), anchor, shape=(1, 4))[0]

    found = ask(0, 0, 0, 0)
    if np.allclose(found, (30, 30, 40, 20)):
        raise Wrong("You return centre, width and height. A box is its corners: (x1, y1, x2, y2).")
    if np.allclose(found, (9.5, 19.5, 50.5, 40.5)) or np.allclose(found, (10, 20, 51, 41)):
        raise Wrong("You add 1 to width and height; here the width is x2 - x1, with nothing added.")
    expect_box(found, (10, 20, 50, 40), "deltas of 0 leave a box as it is")

    found = ask(0.5, 0.1, 0, 0)
    known = {
        "You move in pixels. dx counts in widths of the anchor, dy in its heights.": (10.5, 20.1, 50.5, 40.1),
        "You take y before x: the first delta moves to the right.": (14, 30, 54, 50),
        "You move to the left and up: a positive dx goes to the right, a positive dy down.": (-10, 18, 30, 38),
        "You move by the other side: dx in heights, dy in widths. Each has its own.": (20, 24, 60, 44),
    }
    for words, mistaken in known.items():
        if np.allclose(found, mistaken, atol=1e-3):
            raise Wrong(words)
    expect_box(found, (30, 22, 70, 42), "dx = 0.5 moves a box of width 40 by 20, dy = 0.1 one of height 20 by 2")

    grow = float(np.log(2))
    found = ask(0, 0, grow, 0)
    known = {
        "You multiply the width by the delta. It is a logarithm: the factor is exp(dw).": 40 * grow,
        "You add the delta to 1. It is a logarithm: the factor is exp(dw).": 40 * (1 + grow),
        "You take the logarithm of the delta, or exp with another base: the factor is exp(dw), with e.": 40 * 10**grow,
        "The width is divided by exp(dw); a positive dw makes the box wider.": 20.0,
    }
    for words, mistaken in known.items():
        if abs(found[2] - found[0] - mistaken) < 1e-2:
            raise Wrong(words)
    if np.allclose(found, (10, 10, 50, 50), atol=1e-2):
        raise Wrong("dw changed the height: the third delta is the width's, the fourth the height's.")
    if np.allclose(found, (10, 20, 90, 40), atol=1e-2):
        raise Wrong(
            "The box grew to the right alone. Its centre stays where it is: half of the new width on each side."
        )
    expect_box(found, (-10, 20, 70, 40), "dw = log 2 doubles the width around the same centre")

    found = ask(0.5, 0, grow, 0)
    if np.allclose(found, (30, 20, 110, 40), atol=1e-2):
        raise Wrong("You move by the new width. dx counts in widths of the anchor, before it grows.")
    expect_box(found, (10, 20, 90, 40), "dx = 0.5 and dw = log 2: moved by 20, then 80 wide")

    anchors = torch.tensor([[0.0, 0.0, 10.0, 10.0], [10.0, 20.0, 50.0, 40.0], [4.0, 4.0, 6.0, 8.0]])
    deltas = torch.tensor([[0.1, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0], [-1.0, 0.0, 0.0, grow]])
    found = asked(answer, deltas, anchors, shape=(3, 4))
    expected = np.array([[1, 0, 11, 10], [10, 30, 50, 50], [2, 2, 4, 10]])
    if not np.allclose(found, expected, atol=1e-3):
        raise Wrong(
            "Each box has deltas of its own, and some of yours took those of the wrong box: row i of deltas belongs to row i "
            "of anchors. Expected and yours are drawn.",
            found,
            expected,
        )
    asked(answer, deltas[:0], anchors[:0], shape=(0, 4))


def expect_box(found: np.ndarray, expected: Sequence[float], case: str) -> None:
    """Refuse another box."""
    if not np.allclose(found, expected, atol=1e-2):
        raise Wrong(f"{case}: {tuple(expected)}. You return {tuple(np.round(found, 2).tolist())}.")


STRIDE = 8
BIN = (13.0, 21.0, 33.0, 31.0)  # 20 wide and 10 high


def read_between(features: np.ndarray, x: float, y: float) -> float:
    """The map at a place between its cells, in numbers of cells, bilinearly."""
    column, row = int(np.floor(x)), int(np.floor(y))
    across, down = x - column, y - row
    four = features[row : row + 2, column : column + 2]
    return float(np.array([1 - down, down]) @ four @ np.array([1 - across, across]))


def four_places(box: Sequence[float], at: tuple[float, float], shift: float = 0.5) -> list[tuple[float, float]]:
    """Where a bin is read, in numbers of cells; `at` are shares of its sides."""
    x1, y1, x2, y2 = box
    return [
        ((x1 + across * (x2 - x1)) / STRIDE - shift, (y1 + down * (y2 - y1)) / STRIDE - shift)
        for down in at
        for across in at
    ]


def check_bin(answer: Callable[[Tensor, Sequence[float], float], float]) -> None:
    """A ramp, on which the answer is where the bin's middle lies; then a map of no order, read at four places."""
    centres = (torch.arange(8) + 0.5) * STRIDE
    across, down = centres.expand(8, 8).contiguous(), centres[:, None].expand(8, 8).contiguous()

    def ask(features: Tensor) -> float:
        try:
            found = asked(answer, features, BIN, STRIDE)
        except IndexError:
            raise Wrong(
                f"You read outside the map. The bin is in pixels, the map has a cell every {STRIDE} of them: divide by `stride`."
            ) from None
        if found.size != 1:
            raise Wrong(f"You return shape {found.shape}; a bin of one map is one number.")
        return found.item()

    found = ask(across)
    refuse_known(
        found,
        {
            "Half a cell off, and that is 4 pixels here. Cell 0 reaches from pixel 0 to 8 and has its centre at 4: a place at "
            "x pixels is at x / stride - 0.5 in numbers of cells.": 27.0,
            "Half a cell off to the other side: x / stride - 0.5, not + 0.5.": 31.0,
            "You took y for x: features[row, column] has rows first, and x counts columns.": 26.0,
            "You add the four places up. A bin is their mean.": 92.0,
            "A bin is the mean of what was read, not its maximum: that was RoIPool.": 28.0,
        },
    )
    rounded = {cell * STRIDE + 4 for cell in range(8)} | {cell * STRIDE for cell in range(9)}
    if found in rounded:
        raise Wrong(
            f"Your answer is {found:g}, which is a cell's own number: something is rounded. Read between cells, "
            "bilinearly, with the shares of the four around each place."
        )
    if abs(found - 23) > 1e-3:
        raise Wrong(
            "In every cell of this map stands the pixel of its own centre, counted across. So a bin from 13 to 33 must read 23. "
            f"You return {found:.3f}."
        )
    found = ask(down)
    if abs(found - 26) > 1e-3:
        raise Wrong(
            f"The same map turned: every cell holds its centre's row, and the bin from 21 to 31 must read 26, not {found:.3f}."
        )

    uneven = torch.randn(8, 8, generator=torch.Generator().manual_seed(4))
    values = uneven.numpy().astype(float)

    def mean_at(*shares: float) -> float:
        return float(np.mean([read_between(values, *place) for place in four_places(BIN, shares)]))

    found = ask(uneven)
    refuse_known(
        found,
        {
            "You read the middle of the bin alone. The paper reads four places, each in the middle of a quarter.": mean_at(
                0.5
            ),
            "You read the bin's four corners. Its places lie in the middles of its quarters: at 1/4 and 3/4 of each side.": mean_at(
                0, 1
            ),
            "Your places lie at 1/3 and 2/3 of each side. Middles of quarters are at 1/4 and 3/4.": mean_at(
                1 / 3, 2 / 3
            ),
            "A bin is the mean of what was read, not its maximum.": max(
                read_between(values, *place) for place in four_places(BIN, (0.25, 0.75))
            ),
        },
    )
    if abs(found - mean_at(0.25, 0.75)) > 1e-3:
        raise Wrong(
            f"On a map of no order the four places give {mean_at(0.25, 0.75):.4f}, and you return {found:.4f}. Are there four, at 1/4 and 3/4 of "
            "each side, each read bilinearly?"
        )


CROWD = torch.tensor(
    [
        [0.0, 0.0, 10.0, 10.0],
        [0.0, 0.0, 10.0, 6.0],  # IU 0.6 with the first
        [0.0, 4.0, 10.0, 10.0],  # 0.6 with the first, 0.2 with the second
        [40.0, 0.0, 50.0, 10.0],
        [0.0, 0.0, 10.0, 9.0],  # 0.9 with the first, 2/3 with the second
    ]
)


def check_nms(answer: Callable[[Tensor, Tensor, Tensor, float], Sequence[int]]) -> None:
    """One class, two classes, a chain, an overlap of exactly the threshold, no box."""

    def ask(boxes: Tensor, scores: list[float], labels: list[int], threshold: float) -> list[int]:
        given = torch.tensor(scores), torch.tensor(labels)
        found = answer(boxes.clone(), *given, threshold)
        if found is None:
            raise Wrong("Your function returns None: does it end with `return`?")
        found = np.asarray(found if isinstance(found, Tensor) else list(found))
        if found.dtype == bool:
            raise Wrong("You return True and False. Return the numbers of the boxes that stay, best first.")
        if found.ndim != 1:
            raise Wrong(f"You return shape {found.shape}: the numbers of the boxes that stay, (K,), belong there.")
        if len(found) and not np.array_equal(found, np.rint(found)):
            raise Wrong("You return scores. Return the numbers of the boxes that stay: their places in `boxes`.")
        return found.astype(int).tolist()

    scores = [0.6, 0.9, 0.5, 0.7, 0.1]
    found = ask(CROWD, scores, [1] * 5, 0.5)
    if found == [0, 1, 2, 3, 4] or len(found) == 5:
        raise Wrong(
            "Nobody was suppressed. A box goes where a better one of its class overlaps it by more than `threshold`."
        )
    if set(found) == {4, 2, 3} or set(found) == {4, 3} or set(found) == {3, 4, 2, 0} or found[:1] == [4]:
        raise Wrong("You begin with the lowest score. The best box stays, and suppresses the others.")
    if sorted(found) == [1, 3]:
        raise Wrong(
            "Box 2 is missing. It overlaps box 0, which is better, but box 0 has been suppressed by box 1: who is gone "
            "suppresses nobody."
        )
    if sorted(found) == [1, 2, 3] and found != [1, 3, 2]:
        raise Wrong(f"The right boxes stay, in the wrong order: best first is [1, 3, 2], and you return {found}.")
    if found != [1, 3, 2]:
        raise Wrong(
            f"With scores {scores} and a threshold of 0.5, boxes [1, 3, 2] stay: 1 suppresses 0 and 4, and 2 overlaps it by 0.2 only. You "
            f"return {found}."
        )
    found = ask(CROWD, scores, [1, 2, 1, 1, 2], 0.5)
    if sorted(found) == [1, 2, 3]:
        raise Wrong(
            "Box 1 of class 2 suppressed box 0 of class 1: a cat suppresses no dog that it sits on. Ask within each class alone."
        )
    if found != [1, 3, 0]:
        raise Wrong(f"With classes [1, 2, 1, 1, 2], boxes [1, 3, 0] stay, best first. You return {found}.")
    found = ask(CROWD[[0, 1]], [0.9, 0.8], [1, 1], 0.6)
    if found != [0, 1]:
        raise Wrong(
            "Two boxes overlap by exactly the threshold, 0.6, and you suppressed one: it takes more than the threshold. (Or "
            "do you add 1 to widths? 10 x 6 of 10 x 10 pixels is 0.6.)"
        )
    found = ask(CROWD, scores, [1] * 5, 0.95)
    if found != [1, 3, 0, 2, 4]:
        raise Wrong(f"At a threshold of 0.95 all five stay, best first: [1, 3, 0, 2, 4]. You return {found}.")
    if ask(CROWD[:0], [], [], 0.5):
        raise Wrong("Without a box nothing stays: return an empty list.")


RANKED = ([0.9, 0.8, 0.7, 0.6, 0.5], [True, False, True, True, False], 5)


NEAR = 0.011  # a recall of 0.2 in half the digits may fall on either side of 20 / 101


def check_ap(answer: Callable[[Tensor, Tensor, int], float]) -> None:
    """Five detections worked by hand, shuffled; what is never found; false alarms at the end; none at all."""

    def ask(scores: list[float], right: list[bool], things: int) -> float:
        found = asked(answer, torch.tensor(scores), torch.tensor(right, dtype=torch.bool), things)
        if found.size != 1:
            raise Wrong(f"You return shape {found.shape}; AP is one number.")
        return found.item()

    # ranked: right, wrong, right, right, wrong; of five things, three are found. Precision 1, 1/2, 2/3, 3/4, 3/5
    expected = (21 + 40 * 0.75) / 101
    found = ask(*RANKED)
    refuse_known(
        found,
        {
            "You read the precision as it is at each recall. COCO reads the best that is still to come: after 2/3 comes 3/4, so 3/4 counts for "
            "both.": (21 + 20 * (2 / 3) + 20 * 0.75) / 101,
            "You stop at the recall that was reached. Two things were never found, and from a recall of 0.6 on precision is 0: divide by all "
            "101.": (21 + 40 * 0.75) / 61,
            "Recall is divided by the things that were found. Divide by all that there are: `things`.": (34 + 67 * 0.75)
            / 101,
            "You carry the last precision on to a recall of 1. Two things were never found: from 0.6 on it is 0.": (
                21 + 40 * 0.75 + 40 * 0.6
            )
            / 101,
            "You take eleven recalls. COCO takes 101: 0.00, 0.01, ... 1.00.": (3 + 4 * 0.75) / 11,
            "That is the mean of the precisions at the right ones. AP averages over recalls, 0.00 to 1.00, those never reached included.": (
                1 + 2 / 3 + 3 / 4
            )
            / 3,
            "That is TP / (TP + FP + FN), the matched share. It knows no ranking; AP averages precision over recalls.": 3
            / 7,
            "That is the precision of all detections together. AP goes down the ranking.": 3 / 5,
            "That is the sum of the precisions at the right ones, over all things: a rectangle for each thing found. COCO reads the best precision that is "
            "still to come, at 101 recalls.": (1 + 2 / 3 + 3 / 4) / 5,
            "You ranked the worst first: the highest score comes first.": backwards(*RANKED),
        },
        within=8e-4,
    )
    if abs(found - expected) > NEAR:
        raise Wrong(
            "Right, wrong, right, right, wrong, of 5 things: precision is 1 up to a recall of 0.20, 3/4 up to 0.60, then 0: (21 + 40 x 3/4) / "
            f"101 = {expected:.4f}. You return {found:.4f}."
        )
    order = [3, 0, 4, 2, 1]
    found = ask([RANKED[0][place] for place in order], [RANKED[1][place] for place in order], 5)
    if abs(found - expected) > NEAR:
        raise Wrong(
            "The same five detections in another order give another number: rank them by score first, the surest at the top."
        )
    found = ask([*RANKED[0], 0.01, 0.01, 0.01], [*RANKED[1], False, False, False], 5)
    if abs(found - expected) > NEAR:
        raise Wrong(
            "Three false alarms at the end of the ranking changed your AP. All that could be found was found before them."
        )
    if abs(ask([0.5, 0.9], [True, True], 2) - 1) > 1e-6:
        raise Wrong("Both things found, no false alarm: AP is 1.")
    if abs(ask([], [], 4)) > 1e-6:
        raise Wrong("Nothing was found of 4 things: AP is 0.")


def backwards(scores: list[float], right: list[bool], things: int) -> float:
    """AP of the ranking read from its end."""
    hits = np.cumsum(right[::-1])
    precision = hits / np.arange(1, len(right) + 1)
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0)
    return float(best[np.searchsorted(hits / things, np.linspace(0, 1, 101))].mean())


def check_paste(answer: Callable[[Tensor, Sequence[float], tuple[int, int]], Tensor]) -> None:
    """A slope in a box on whole pixels, between pixels, over the picture's edge, and outside of it."""
    slope = torch.linspace(0.1, 0.9, 5).expand(5, 5).contiguous()
    generator = torch.Generator().manual_seed(2)
    cases = {
        "a mask that rises to the right, in the box (3, 2, 13, 12)": (slope, (3.0, 2.0, 13.0, 12.0), (16, 18)),
        "the same mask in (3.5, 2.25, 13.0, 11.5), between pixels": (slope, (3.5, 2.25, 13.0, 11.5), (16, 18)),
        "a mask of no order": (torch.rand(4, 4, generator=generator), (2.0, 1.0, 14.0, 9.0), (12, 16)),
        "a box that reaches out of the picture": (slope, (-4.0, -3.0, 6.0, 7.0), (9, 9)),
    }
    for case, (mask, box, size) in cases.items():
        found = asked(answer, mask, box, size, shape=size)
        expected = paste_masks(mask[None], torch.tensor([box]), size)[0].numpy()
        x, y = np.meshgrid(np.arange(size[1]) + 0.5, np.arange(size[0]) + 0.5)
        x1, y1, x2, y2 = box
        outside = (x < x1) | (x > x2) | (y < y1) | (y > y2)
        # at the rim, half a cell wide, ours fades to 0; a mask that keeps its last value there is right, too
        rim = 0.5 / mask.shape[-1]
        inner = (abs((x - x1) / (x2 - x1) - 0.5) < 0.5 - rim) & (abs((y - y1) / (y2 - y1) - 0.5) < 0.5 - rim)
        if not np.allclose(found[inner], expected[inner], atol=1e-3):
            name_the_shift(found, mask, box, size, inner, case, expected)
        if found[outside & ~near(x, y, box, rim)].any():
            raise Wrong(f"For {case} you draw outside the box. There the mask is 0.", found, expected)
    if asked(answer, slope, (30.0, 30.0, 40.0, 40.0), (9, 9), shape=(9, 9)).any():
        raise Wrong("A box that lies outside the picture leaves it empty.")


def near(x: np.ndarray, y: np.ndarray, box: Sequence[float], rim: float) -> np.ndarray:
    """Within half a cell of the mask around the box, where it may fade."""
    x1, y1, x2, y2 = box
    return (abs((x - x1) / (x2 - x1) - 0.5) < 0.5 + rim) & (abs((y - y1) / (y2 - y1) - 0.5) < 0.5 + rim)


def name_the_shift(found, mask, box, size, inner, case: str, expected) -> None:
    """Which mistake puts a mask where it was found.

    Raises:
        Wrong: always.
    """

    def drawn(mask: Tensor, *box: float) -> np.ndarray:
        return paste_masks(mask[None], torch.tensor([box]), size)[0].numpy()[inner]

    x1, y1, x2, y2 = box
    wide, high = (x2 - x1) / mask.shape[-1] / 2, (y2 - y1) / mask.shape[-2] / 2
    if set(found[inner].round(3).tolist()) <= set(mask.double().numpy().round(3).ravel().tolist()):
        raise Wrong(
            f"For {case}, every pixel shows one cell's own value: you took the nearest. Read bilinearly, between cells.",
            found,
            expected,
        )
    known = {
        "x and y are swapped: mask[row, column], y counts rows.": drawn(mask.T, *box),
        "everything lies half a pixel off: pixel 0 has its centre at 0.5.": drawn(
            mask, x1 + 0.5, y1 + 0.5, x2 + 0.5, y2 + 0.5
        ),
        "the first and last cells' centres lie on the box's edges (align_corners=True). The cells' outer edges do.": drawn(
            mask, x1 - wide * 5 / 4, y1 - high * 5 / 4, x2 + wide * 5 / 4, y2 + high * 5 / 4
        ),
        "half a cell is missing: a place in the mask counts from its edge, and cell 0 has its centre at 0.5.": drawn(
            mask, x1 - wide, y1 - high, x2 - wide, y2 - high
        ),
        "the box was rounded to whole pixels. Keep its corners where they are.": drawn(
            mask, *(float(round(v)) for v in box)
        ),
    }
    for words, mistaken in known.items():
        if np.allclose(found[inner], mistaken, atol=1e-2):
            raise Wrong(f"For {case}, {words}", found, expected)
    if x1 < 0:
        raise Wrong(
            f"For {case}, the whole mask was squeezed into the part that can be seen. Its other part stays outside.",
            found,
            expected,
        )
    raise Wrong(f"For {case} the values inside the box differ; expected and yours are drawn.", found, expected)
