"""Lecture 10: masks that lie aside, a split that does not leak, a ring for GeoJSON, a report and what to do next."""

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np

from course_utils.exercises.engine import Wrong


def outline(mask: np.ndarray) -> np.ndarray:
    """The pixels whose right or lower neighbour has another number: (H, W) -> (H, W) bool."""
    found = np.zeros(mask.shape, dtype=bool)
    found[:-1] |= mask[1:] != mask[:-1]
    found[:, :-1] |= mask[:, 1:] != mask[:, :-1]
    return found


def drawn(top: int, left: int, height: int = 40, width: int = 44) -> np.ndarray:
    """A mask with one thing like a flag, which fits itself in one place only."""
    mask = np.zeros((height, width), dtype=int)
    mask[top : top + 14, left : left + 3] = 2
    mask[top : top + 6, left + 3 : left + 15] = 2
    return mask


def check_shift(answer: Callable[[np.ndarray, np.ndarray, int], tuple[int, int]]) -> None:
    """A flag that lies right, in four directions aside, beside a steeper place, and at the border."""
    for down, right in ((0, 0), (3, 0), (0, 5), (2, -4), (-5, 1)):
        steep = outline(drawn(12, 14)) * 1.0
        found = two_numbers(answer, steep, drawn(12 + down, 14 + right))
        name_the_shift(found, (down, right))
    steep = outline(drawn(12, 14)) * 1.0
    found = two_numbers(answer, steep, drawn(14, 17), most=2)
    if max(map(abs, found)) > 2:
        raise Wrong(f"With most = 2 you return {found}: look no farther than `most` in each direction.")

    # half of the outline leaves the picture where the mask is moved back: what is left fits less well than all of it
    steep = outline(drawn(12, 14)) * 1.0
    steep[12, :] = 0.4
    found = two_numbers(answer, steep, drawn(15, 14))
    name_the_shift(found, (3, 0))

    steep = np.full((40, 44), 0.2)
    steep[outline(drawn(2, 20))] = 1.0
    low = np.roll(drawn(2, 20), 6, axis=0)
    found = two_numbers(answer, steep, low)
    name_the_shift(found, (6, 0))
    cut = drawn(30, 20)  # its lower end has left the picture
    steep = np.zeros((40, 44))
    steep[outline(drawn(22, 20))] = 1.0
    steep[0:4] = 3.0  # steep, and far away: reached only around the picture's edge
    found = two_numbers(answer, steep, cut)
    if found != (8, 0):
        raise Wrong(
            f"A mask at the lower edge, 8 rows too low, gets {found}. What leaves the picture does not come in on the other "
            "side: np.roll and negative indices do that. Leave out the places that fall outside, and take the mean of "
            "those that stay."
        )
    small, large = outline(drawn(12, 14)), np.zeros((40, 44))
    large[small], large[14:40, 30:44] = 1.0, 0.9
    found = two_numbers(answer, large, drawn(16, 18))
    name_the_shift(found, (4, 4))


def two_numbers(answer: Callable, steep: np.ndarray, mask: np.ndarray, most: int = 8) -> tuple[int, int]:
    """What the student's function returns, as two whole numbers."""
    before = steep.copy(), mask.copy()
    found = answer(steep, mask, most)
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if not (np.array_equal(before[0], steep) and np.array_equal(before[1], mask)):
        raise Wrong("Your function changed what it was given. Work on an array of your own.")
    found = np.asarray(found)
    if found.shape != (2,) or not np.array_equal(found, np.rint(found)):
        raise Wrong(f"You return {found.tolist()}, and two whole numbers belong there: rows down, columns right.")
    return int(found[0]), int(found[1])


def name_the_shift(found: tuple[int, int], expected: tuple[int, int]) -> None:
    """Refuse another shift than the one that was made."""
    if found == expected:
        return
    down, right = expected
    lies = f"A mask that lies {down} rows too low and {right} columns too far right gets {found}."
    if found == (-down, -right):
        raise Wrong(f"{lies} That is how it has to be moved; asked is where it lies, the other sign.")
    if found in ((right, down), (-right, -down)):
        raise Wrong(f"{lies} Rows come first, then columns.")
    if found == (max(down, 0), max(right, 0)):
        raise Wrong(f"{lies} A mask may lie too high or too far left, too: from -most to most.")
    if max(map(abs, found)) == 8:
        raise Wrong(
            f"{lies} You end at the last shift there is: is it the place where the outline is steepest that you keep, or "
            "the flattest, or the last one?"
        )
    raise Wrong(
        f"{lies} For each shift, how steep is the picture on average under the outline, moved back? The largest of these is "
        "where the mask belongs."
    )


def check_split(answer: Callable[[Mapping[str, str], float, int], dict[str, str]]) -> None:
    """Patients with as many pictures each, then with different numbers, then two, and again in another order."""
    even = {f"p{patient:02}_{number}": f"p{patient:02}" for patient in range(10) for number in range(6)}
    found = division(answer, even, 0.2, 0)
    share = share_of_val(found)
    if not 0.15 <= share <= 0.2 + 1e-9:
        raise Wrong(
            f"Of 60 pictures of ten patients, six each, {share:.0%} are in val; with share = 0.2 it should be 20 %, two "
            "patients."
        )
    # two of ten patients: of two draws, one pair in 45 is the same
    if any(division(answer, even, 0.2, 0) != found for _ in range(7)):
        raise Wrong(
            "The same call gives another division the second time. Take chance from np.random.default_rng(seed)."
        )
    backwards = dict(reversed(even.items()))
    if division(answer, backwards, 0.2, 0) != found:
        raise Wrong(
            "The same pictures in another order are divided differently: os.listdir has no order, and a test picture of today "
            "would be learned from tomorrow. Sort the groups before you shuffle them."
        )
    if len({tuple(sorted(division(answer, even, 0.2, seed).items())) for seed in range(6)}) == 1:
        raise Wrong("Six seeds give one and the same division: the seed is not used.")

    uneven = {f"big_{number}": "big" for number in range(50)}
    uneven |= {f"small{patient}_{number}": f"small{patient}" for patient in range(10) for number in range(5)}
    shares = [share_of_val(division(answer, uneven, 0.2, seed)) for seed in range(8)]
    told = "One patient has 50 of 100 pictures, ten have 5 each; share = 0.2."
    if max(shares) > 0.2 + 1e-9:
        raise Wrong(
            f"{told} With seed {np.argmax(shares)} you put {max(shares):.0%} of the pictures into val. Count pictures, not "
            "groups; a group that is too large is skipped."
        )
    if min(shares) < 0.15:
        raise Wrong(
            f"{told} With seed {np.argmin(shares)} only {min(shares):.0%} are in val: after a group that is too large the next "
            "ones may still fit."
        )
    two = {"a_0": "a", "a_1": "a", "a_2": "a", "b_0": "b", "b_1": "b"}
    found = division(answer, two, 0.2, 0)
    if len(set(found.values())) == 1:
        raise Wrong(
            f"Two patients, five pictures, share = 0.2: all are in {found['a_0']}. No group is small enough, and still both "
            "splits need one: take the smallest into val."
        )
    if found["a_0"] == "val":
        raise Wrong("Of two patients with three and two pictures, the smaller one goes to val where 0.2 fits neither.")


def division(answer: Callable, groups: dict[str, str], share: float, seed: int) -> dict[str, str]:
    """What the student's function returns: the split of every picture, no group in both."""
    found = answer(dict(groups), share, seed)
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if not isinstance(found, Mapping):
        raise Wrong(
            f"You return a {type(found).__name__}; a dictionary belongs there, from a picture's name to its split."
        )
    if lost := sorted(groups.keys() - found.keys()):
        raise Wrong(f"{len(lost)} of {len(groups)} pictures are in no split, such as {lost[0]}.")
    if strange := sorted({str(split) for split in found.values()} - {"train", "val"}):
        raise Wrong(f'You return the split {strange[0]!r}; there are "train" and "val".')
    where: dict[str, set[str]] = {}
    for name, group in groups.items():
        where.setdefault(group, set()).add(found[name])
    if both := sorted(group for group, splits in where.items() if len(splits) > 1):
        raise Wrong(
            f"Patient {both[0]} has pictures in train and in val, and {len(both)} of {len(where)} patients are torn like this: "
            "it leaks. Divide the groups, and let their pictures follow."
        )
    return {name: found[name] for name in sorted(groups)}


def share_of_val(found: Mapping[str, str]) -> float:
    """The share of the pictures that are in val."""
    return Counter(found.values())["val"] / len(found)


def check_ring(answer: Callable[[np.ndarray], list[tuple[int, int]]]) -> None:
    """One pixel, a bar that tells rows from columns, an L, a thing at the picture's border, and a wide one."""
    one = np.zeros((4, 6), dtype=bool)
    one[1, 3] = True
    corners = closed(answer, one)
    name_the_ring(corners, one)
    bar = np.zeros((5, 8), dtype=bool)
    bar[2, 1:7] = True
    name_the_ring(closed(answer, bar), bar)
    step = np.zeros((6, 7), dtype=bool)
    step[1:5, 1:3], step[4, 1:6] = True, True
    name_the_ring(closed(answer, step), step)
    edge = np.zeros((5, 5), dtype=bool)
    edge[:, :2], edge[0] = True, True
    name_the_ring(closed(answer, edge), edge)
    rows, columns = np.indices((24, 30))
    round_one = (rows - 11) ** 2 / 80 + (columns - 16) ** 2 / 120 < 1
    name_the_ring(closed(answer, round_one), round_one)


def closed(answer: Callable, inside: np.ndarray) -> np.ndarray:
    """The student's ring as (N, 2) numbers; refused where it is no closed ring."""
    before = inside.copy()
    try:
        found = answer(inside)
    except (IndexError, KeyError) as error:
        if inside[0].any():
            raise Wrong(
                f"With a thing at the picture's border your function stops ({type(error).__name__}: {error}). Outside of the "
                "picture there is nothing, so that is an edge, too: np.pad(inside, 1)."
            ) from None
        raise
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if not np.array_equal(before, inside):
        raise Wrong("Your function changed what it was given. Work on an array of your own.")
    try:
        ring = np.asarray(list(found), dtype=float)
    except (TypeError, ValueError):
        raise Wrong("A ring is a list of corners, each with two numbers: [(x, y), ...].") from None
    if ring.ndim != 2 or ring.shape[1] != 2:
        raise Wrong(f"A ring is a list of corners (x, y), of shape (N, 2); yours has shape {ring.shape}.")
    if not np.array_equal(ring[0], ring[-1]):
        raise Wrong(
            f"Your ring begins at {tuple(ring[0])} and ends at {tuple(ring[-1])}: GeoJSON wants it closed, with the first "
            "corner once more at the end."
        )
    return ring


def area(ring: np.ndarray) -> float:
    """Of a closed ring, in pixels."""
    x, y = ring.T
    return abs(float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum())) / 2


def name_the_ring(ring: np.ndarray, inside: np.ndarray) -> None:
    """Refuse a ring that does not give the same pixels."""
    pixels, rows = int(inside.sum()), np.nonzero(inside)
    low, high = np.array([rows[1].min(), rows[0].min()]), np.array([rows[1].max() + 1, rows[0].max() + 1])
    if (
        np.array_equal(ring.min(0), low[::-1])
        and np.array_equal(ring.max(0), high[::-1])
        and not np.array_equal(low, low[::-1])
    ):
        raise Wrong("Your corners are (row, column). GeoJSON has x first: (column, row).")
    extent = ring.max(0) - ring.min(0)
    if np.array_equal(extent, high - low - 1):
        raise Wrong(
            f"Your ring runs through the middle of pixels: {pixels} pixels get an area of {area(ring):g}. A pixel is a square; "
            "its right side lies at column + 1, its lower side at row + 1."
        )
    if np.array_equal(ring.min(0), low - 0.5):
        raise Wrong(
            "Your ring is half a pixel too far up and left: the middle of the first pixel is at (0.5, 0.5) where its corner "
            "is at (0, 0), as in QuPath and ImageJ."
        )
    steps = np.abs(np.diff(ring, axis=0))
    if (
        np.array_equal(ring.min(0), low)
        and np.array_equal(ring.max(0), high)
        and area(ring) > pixels
        and len(ring) <= 5
    ):
        raise Wrong(f"That is the box around the thing: {area(ring):g} pixels, and it has {pixels}.")
    if (steps.min(axis=1) > 0).any():
        raise Wrong(
            f"Your ring has a slanted side, from {tuple(ring[:-1][steps.min(axis=1) > 0][0])} on: an area of {area(ring):g} for "
            f"{pixels} pixels. Along pixels it goes up, down, left and right; are the corners in the order of the way?"
        )
    if abs(area(ring) - pixels) > 1e-9 or not np.array_equal(filled(ring, inside.shape), inside):
        raise Wrong(
            f"Filled again, your ring holds {area(ring):g} pixels, and the thing has {pixels}.",
            filled(ring, inside.shape),
            inside,
        )


def filled(ring: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The pixels inside a ring along pixels' sides: to the left of each, its upright sides are crossed an odd number of times."""
    crossings = np.zeros((shape[0], shape[1] + 1), dtype=int)
    for (x, y), (x_end, y_end) in zip(ring[:-1].astype(int), ring[1:].astype(int), strict=True):
        if x == x_end and 0 <= x <= shape[1]:
            crossings[max(0, min(y, y_end)) : max(y, y_end), x] += 1
    return crossings.cumsum(axis=1)[:, :-1] % 2 == 1


# What a report says, and what comes next; each has one thing that stands out.
HEALTHY = {
    "train": 0.80,
    "val": 0.70,
    "target": 0.75,
    "confused": {"cat for dog": 0.08, "sky for sea": 0.03},
    "curve": [0.60, 0.66, 0.70],
    "spread": 0.01,
}
REPORTS = [
    ("pictures", {}, "The curve still rises by 0.04, four times the spread: more pictures."),
    ("stop", {"curve": [0.694, 0.695, 0.70]}, "The curve's last step, 0.005, is smaller than the spread of 0.01: compare it with the spread, not with 0."),
    ("stop", {"curve": [0.60, 0.695, 0.70]}, "The last step of the curve counts, not the whole curve: 0.005, and the spread is 0.01."),
    ("stop", {"curve": [0.60, 0.68, 0.70], "spread": 0.03}, "The last step of the curve is 0.02, and this time the spread is 0.03."),
    ("masks", {"confused": {"cat for dog": 0.31, "sky for sea": 0.03}}, "Nearly a third of the cats' pixels are taken for dogs: look at these masks before you draw more."),
    ("masks", {"confused": {"sky for sea": 0.02, "cat for dog": 0.26}}, "The largest of all confusions counts, wherever it stands: 0.26."),
    ("train longer", {"train": 0.58, "val": 0.55}, "On its own training pictures the net reaches 0.58, and the target is 0.75: it has not learned yet what it was shown."),
    (
        "train longer",
        {"train": 0.58, "val": 0.55, "confused": {"cat for dog": 0.4}},
        "A net that has not learned yet confuses everything: train first, then look at what is confused.",
    ),
    ("split", {"train": 0.80, "val": 0.91}, "Better on val than on train: that is too good to be true, and the first suspect is the split."),
    (
        "split",
        {"train": 0.50, "val": 0.91, "confused": {"cat for dog": 0.4}},
        "Nothing in this report can be believed while val is better than train: the split comes first.",
    ),
]  # fmt: skip


def check_next_step(answer: Callable[[dict], str]) -> None:
    """Nine reports, each with one thing that comes first."""
    known = {step for step, _, _ in REPORTS}
    for expected, changed, why in REPORTS:
        found = answer({**HEALTHY, **changed})
        if found is None:
            raise Wrong("Your function returns None: does every way through it end with `return`?")
        if found not in known:
            raise Wrong(f"You return {found!r}; the steps are {', '.join(sorted(known))}.")
        if found != expected:
            raise Wrong(f'For one report you say "{found}", and "{expected}" comes first. {why}')
