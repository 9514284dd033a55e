"""Lecture 08: bending a label map, the border weight map, cells out of foreground, the Rand score."""

from collections.abc import Callable

import numpy as np

from course_utils.exercises.engine import Wrong


def answer_of(answer: Callable, *given, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """What the student's function returns, as an array; refused where it is None, of another shape, or eats its input."""
    before = [np.array(each) for each in given]
    found = answer(*given)
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if any(not np.array_equal(old, new) for old, new in zip(before, given, strict=True)):
        raise Wrong("Your function changed what it was given. Work on an array of your own.")
    found = np.asarray(found)
    if shape is not None and found.shape != shape:
        raise Wrong(f"You return shape {found.shape}, and {shape} belongs there: one answer for each pixel.")
    return found


def check_bend(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
    """From no bend over a shift to the right and down, to half pixels, edges, invented and large numbers."""
    labels = np.array([[0, 0, 5, 5], [0, 0, 5, 5], [9, 9, 0, 0]])
    still = np.zeros((2, 3, 4))
    found = answer_of(answer, labels, still, shape=(3, 4))
    if not np.array_equal(found, labels):
        raise Wrong(f"With displacements of 0 nothing should change; you return {found.tolist()}.")

    aside = still.copy()
    aside[1] = 1  # every pixel comes from one column further right
    found = answer_of(answer, labels, aside, shape=(3, 4))
    right, left = np.array([0, 5, 5, 5]), np.array([0, 0, 0, 5])
    if np.array_equal(found[0], left):
        raise Wrong(
            "You moved against the field. A displacement says where a pixel comes FROM: the pixel at column c takes the "
            "label at column c + d."
        )
    if np.array_equal(found[0], labels[1]) and np.array_equal(found[1], labels[2]):
        raise Wrong("You moved along the rows what should move along the columns: displacement[0] is for rows.")
    if np.array_equal(found[0], [0, 5, 5, 0]):
        raise Wrong(
            "At the right edge a label came round from the left: np.roll and negative indices do that. Past the edge, "
            "take the nearest pixel (np.clip)."
        )
    expect_row(found[0], right, "every column displaced by +1")

    halves = still.copy()
    halves[1] = 0.6
    found = answer_of(answer, labels, halves, shape=(3, 4))
    strange = sorted(set(np.unique(found).tolist()) - {0, 5, 9})
    if strange:
        raise Wrong(
            f"Between cells 0 and 5 you made the label {strange[0]:g}: a cell that does not exist. Labels are names and "
            "cannot be mixed; take that of the nearest pixel."
        )
    if np.array_equal(found[0], labels[0]):
        raise Wrong("A displacement of 0.6 is nearer to 1 than to 0, and you cut it off. Round with np.rint.")
    expect_row(found[0], right, "every column displaced by +0.6")

    down = still.copy()
    down[0] = -5
    found = answer_of(answer, labels, down, shape=(3, 4))
    expect_row(found[2], labels[0], "every row displaced by -5, which is past the upper edge")
    mixed = np.zeros((2, 3, 4))
    mixed[0, 2, 0], mixed[1, 2, 0] = -2, 2
    found = answer_of(answer, labels, mixed, shape=(3, 4))
    if found[2, 0] != 5 or found[2, 1] != 9:
        raise Wrong(
            "One pixel alone was displaced, two rows up and two columns right, and should show cell 5; its neighbours stay. "
            f"You return {found.tolist()}: every pixel has a displacement of its own."
        )
    if not np.issubdtype(found.dtype, np.integer):
        raise Wrong(f"You return {found.dtype}: cells are numbered with integers, as they came.")
    found = answer_of(answer, labels * 60, still, shape=(3, 4))
    if not np.array_equal(found, labels * 60):
        raise Wrong(
            f"Cells 300 and 540 come back as {found[0, 3]} and {found[2, 0]}: {found.dtype} ends before them. A picture may "
            "hold more than 255 cells; keep the type of `labels`."
        )


def expect_row(found: np.ndarray, expected: np.ndarray, case: str) -> None:
    """Refuse another row of labels."""
    if not np.array_equal(found, expected):
        raise Wrong(f"With {case} this row should be {expected.tolist()}; yours is {found.tolist()}.")


def check_weights(answer: Callable[[np.ndarray, float, float], np.ndarray]) -> None:
    """One gap worked by hand, then three cells, one cell, no cell."""
    gap = np.array([[1, 1, 0, 0, 2]])
    found = answer_of(answer, gap, 10.0, 5.0, shape=(1, 5)).astype(float)
    value = 1 + 10 * np.exp(-9 / 50)
    wrong = {
        "You square the distances one by one. In the formula the sum is squared: (d1 + d2) ** 2.": 1
        + 10 * np.exp(-(1 + 4) / 50),
        "Your exponent has no 2: it is divided by 2 * sigma ** 2.": 1 + 10 * np.exp(-9 / 25),
        "You divide by sigma, not by its square.": 1 + 10 * np.exp(-9 / 10),
        "Your map has the second term alone: every pixel counts 1 to begin with.": value - 1,
        "Only the distance to the nearest cell is in it. A pixel in a gap is near to two cells: d1 + d2.": 1
        + 10 * np.exp(-1 / 50),
        "Your exponent is positive: weights should fall with the distance.": 1 + 10 * np.exp(9 / 50),
        "w0 is missing: the second term is w0 times the exponential.": 1 + np.exp(-9 / 50),
        "Your distances are to the second nearest cell alone: d1 is missing.": 1 + 10 * np.exp(-4 / 50),
    }
    for words, mistaken in wrong.items():
        if abs(found[0, 2] - mistaken) < 1e-3:
            raise Wrong(words)
    if abs(found[0, 2] - value) > 1e-3:
        raise Wrong(
            "Between cells 1 and 2 lie two pixels. For each, d1 + d2 = 3, so the weight is 1 + 10 exp(-9 / 50) = "
            f"{value:.3f}; yours is {found[0, 2]:.3f}."
        )
    if found[0, 0] > 1 + 1e-6 or found[0, 4] > 1 + 1e-6:
        raise Wrong(
            f"Inside a cell the weight should be 1, and yours is {max(found[0, 0], found[0, 4]):.3f}: the second term is for "
            "background, instances == 0."
        )
    if found[0, 0] < 1 - 1e-6:
        raise Wrong(f"Inside a cell the weight should be 1, not {found[0, 0]:.3f}.")

    three = np.array([[3, 0, 0, 0, 5, 0, 8]])
    found = answer_of(answer, three, 4.0, 2.0, shape=(1, 7)).astype(float)
    expected = 1 + 4 * np.exp(-(np.array([4, 4, 4, 2]) ** 2) / 8)
    if abs(found[0, 3] - (1 + 4 * np.exp(-((1 + 3 + 3) ** 2) / 8))) < 1e-6:
        raise Wrong("Of three cells you add all three distances. Only the nearest two count.")
    if not np.allclose(found[0, [1, 2, 3, 5]], expected, atol=1e-3):
        raise Wrong(
            f"For {three[0].tolist()} with w0 = 4 and sigma = 2, the weights of the background are "
            f"{np.round(expected, 3).tolist()}; yours are {np.round(found[0, [1, 2, 3, 5]], 3).tolist()}. Are cells told "
            "apart by their number, and the two nearest taken at every pixel anew?"
        )
    for few in (np.array([[0, 4, 0]]), np.zeros((2, 3), dtype=int)):
        try:
            found = answer_of(answer, few, 10.0, 5.0, shape=few.shape).astype(float)
        except (IndexError, ValueError) as error:
            cells = len(set(few.ravel()) - {0})
            raise Wrong(
                f"With {cells} cells your function stops ({type(error).__name__}: {error}). Without a second cell there is "
                "no gap: every weight is 1."
            ) from None
        if not np.allclose(found, 1):
            raise Wrong(
                f"{few.tolist()} has no second cell, so no gap: every weight is 1, and yours are {found.tolist()}."
            )


UNSURE = np.array(
    [
        [0.1, 0.9, 0.9, 0.6, 0.9, 0.9, 0.1, 0.1],
        [0.1, 0.9, 0.9, 0.6, 0.9, 0.9, 0.1, 0.1],
        [0.1, 0.6, 0.6, 0.1, 0.6, 0.6, 0.1, 0.8],
    ]
)


def check_cells(answer: Callable[[np.ndarray, float, float], np.ndarray]) -> None:
    """Two cells with an unsure bridge and one apart; then the bridge, plain background, and more cells than a byte counts."""
    found = answer_of(answer, UNSURE, 0.5, 0.7, shape=UNSURE.shape)
    if found.dtype == bool:
        raise Wrong("You return True and False: that is the foreground. Number its cells.")
    if found.min() < 0:
        raise Wrong("Your label image has negative numbers: background is 0.")
    if (found[UNSURE < 0.5] != 0).any():
        raise Wrong(
            "Pixels under the threshold belong to a cell in your answer. Let the watershed run inside the foreground alone: "
            "mask=probability >= threshold."
        )
    if (found[UNSURE >= 0.7] == 0).any():
        raise Wrong("Pixels that are surely foreground carry 0 in your answer: every seed is a cell.")
    if found[0, 1] == found[0, 4]:
        raise Wrong(
            "The two cells on the left are one in your answer. At 0.5 they are joined by a bridge of 0.6; label what is at "
            "least `seed`, 0.7, and they are apart."
        )
    if found[2, 7] in (found[0, 1], found[0, 4]):
        raise Wrong("The pixel on the right is a cell of its own and shares its number with another.")
    if (found[:, 3][:2] == 0).any() or found[2, 1] == 0:
        raise Wrong(
            "The seeds are numbered and the rest of the foreground is lost: cells as small as their seeds. Grow them with "
            "watershed(-probability, seeds, mask=...)."
        )
    if len(np.unique(found)) != 4:
        raise Wrong(f"There are three cells; your answer has {len(np.unique(found)) - 1}.")

    slope = np.array([[0.9, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9]])
    found = answer_of(answer, slope, 0.5, 0.85, shape=(1, 7))[0]
    if found[3] != found[6]:
        raise Wrong(
            f"Along {slope[0].tolist()} the two cells meet at the wrong place: your labels are {found.tolist()}. Watershed floods "
            "valleys, so it wants -probability: the border then lies where the probability is lowest."
        )
    if answer_of(answer, np.zeros((3, 3)), 0.5, 0.7, shape=(3, 3)).any():
        raise Wrong("Where nothing is foreground there is no cell, and you found one.")
    many = np.tile([[0.9, 0.1]], (1, 300))
    found = len(set(answer_of(answer, many, 0.5, 0.7, shape=many.shape)[0, ::2]))
    if found != 300:
        raise Wrong(
            f"A row of 300 cells, one pixel each, has {found} numbers in your answer. Do they end at 255, as uint8 does, and "
            "begin again?"
        )


def check_rand(answer: Callable[[np.ndarray, np.ndarray], float]) -> None:
    """A perfect answer, two cells merged, one cell split, renumbered parts, membrane in truth, labels of bytes."""

    def ask(truth: list[int], prediction: list[int], kind: type = np.int64) -> float:
        found = answer_of(answer, np.array([truth], kind), np.array([prediction], kind))
        if found.size != 1:
            raise Wrong(f"You return shape {found.shape}; the score is one number.")
        return float(found.reshape(()))

    if abs(ask([1, 1, 2, 2], [1, 1, 2, 2]) - 1) > 1e-6:
        raise Wrong(f"A perfect answer scores 1; yours scores {ask([1, 1, 2, 2], [1, 1, 2, 2]):.3f}.")
    if abs(ask([1, 1, 2, 2], [7, 7, 4, 4]) - 1) > 1e-6:
        raise Wrong("The same cells under other numbers are still right: compare pairs of pixels, not numbers.")
    found = ask([1, 1, 2, 2], [3, 3, 3, 3])
    # ordered pairs of different pixels: 4 together in truth, 12 in the prediction, 4 in both
    wrong = {
        "You count the pairs in which a pixel meets itself: n * n. Pairs of different pixels are n * (n - 1).": 2
        * 8
        / 24,
        "That is the share of right pairs among the predicted ones. The score also asks how many true ones were found: "
        "2 * both / (true + predicted).": 4 / 12,
        "That is the share of the true pairs that were found, which merging everything makes 1. Take the predicted pairs "
        "in, too: 2 * both / (true + predicted).": 1.0,
    }
    for words, mistaken in wrong.items():
        if abs(found - mistaken) < 1e-6:
            raise Wrong(words)
    if abs(found - 0.5) > 1e-6:
        raise Wrong(
            "Truth has two cells of 2 pixels, the prediction one part of 4. Ordered pairs that are together: 4 in truth, 12 "
            f"in the prediction, 4 in both: 2 * 4 / (4 + 12) = 0.5. You return {found:.3f}."
        )
    if abs(ask([1, 1, 1], [4, 4, 7]) - 0.5) > 1e-6:
        raise Wrong(
            "One cell of 3 pixels split into 2 and 1: 6 pairs in truth, 2 in the prediction, 2 in both: 0.5. You return "
            f"{ask([1, 1, 1], [4, 4, 7]):.3f}."
        )
    if abs(ask([1, 1, 0, 0, 2, 2], [1, 1, 1, 2, 2, 2]) - 1) > 1e-6:
        raise Wrong(
            "Membrane in truth (0) was counted. The score is foreground-restricted: leave out all pixels where truth is 0."
        )
    if abs(ask([1, 1, 2, 2], [1, 1, 1, 2]) - 2 * 2 / (4 + 6)) > 1e-6:
        raise Wrong(
            "Truth [1, 1, 2, 2], prediction [1, 1, 1, 2]: 4 pairs in truth, 6 in the prediction, 2 in both, 0.4 in all. You "
            f"return {ask([1, 1, 2, 2], [1, 1, 1, 2]):.3f}. Are the pixels counted for each pair (true cell, part)?"
        )
    found = ask([1, 1, 65, 65], [3, 3, 3, 3], np.uint8)
    if abs(found - 0.5) > 1e-6:
        raise Wrong(
            f"Cells 1 and 65, predicted as one part, score 0.5 as int64, and {found:.3f} as uint8, as files hold labels. If you "
            "make one number of the two, uint8 wraps round: 65 * 4 + 3 = 263 is 7 there, as 1 * 4 + 3 is."
        )
