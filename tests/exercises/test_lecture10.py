"""Lecture 10's exercises know their mistakes."""

from collections import Counter

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import find_contours

from course_utils.exercises.engine import NotYet, check
from course_utils.exercises.lecture10 import outline


def shift_with(best=max, sign=1, swap=False, low=-1, roll=False, total=False, look=lambda most: most):
    """A wrong shift_of, by its parts."""

    def shift_of(steep, mask, most=8):
        fits = {}
        for down in range(low * look(most), look(most) + 1):
            for right in range(low * look(most), look(most) + 1):
                rows, columns = np.nonzero(outline(mask))
                rows, columns = rows - down, columns - right
                if roll:
                    rows, columns = rows % mask.shape[0], columns % mask.shape[1]
                inside = (rows >= 0) & (columns >= 0) & (rows < mask.shape[0]) & (columns < mask.shape[1])
                here = steep[rows[inside], columns[inside]]
                fits[down, right] = here.sum() if total else here.mean() if len(here) else 0
        down, right = best(fits, key=fits.get)
        return (sign * right, sign * down) if swap else (sign * down, sign * right)

    return shift_of


def writes_into_steep(steep, mask, most=8):
    steep[:] = 0
    return 0, 0


def by_picture(groups, share, seed):
    names = np.random.default_rng(seed).permutation(sorted(groups)).tolist()
    few = set(names[: round(share * len(names))])
    return {name: "val" if name in few else "train" for name in groups}


def split_with(order=sorted, chance=np.random.default_rng, count="pictures", skip=True, smallest=True, held="val"):
    """A wrong split, by its parts."""

    def split(groups, share=0.2, seed=0):
        sizes = Counter(groups.values())
        names = [str(name) for name in chance(seed).permutation(order(sizes))]
        val, limit = set(), share * (len(groups) if count == "pictures" else len(sizes))
        for name in names:
            size = {"pictures": sizes[name], "groups": 1}[count]
            held_now = sum(sizes[each] if count == "pictures" else 1 for each in val)
            if held_now + size <= limit + 1e-9:
                val.add(name)
            elif not skip:
                break
        if not val and smallest:
            val = {min(sizes, key=sizes.get)}
        return {name: held if group in val else "train" for name, group in groups.items()}

    return split


def every_time_anew(groups, share, seed):
    return split_with(chance=lambda seed: np.random.default_rng())(groups, share, seed)


def largest_where_nothing_fits(groups, share, seed):
    found = split_with(smallest=False)(groups, share, seed)
    if "val" not in found.values():
        most = Counter(groups.values()).most_common(1)[0][0]
        return {name: "val" if group == most else "train" for name, group in groups.items()}
    return found


def loses_pictures(groups, share, seed):
    return dict(list(split_with()(groups, share, seed).items())[1:])


def walked(inside, first=lambda corner: corner, close=True, pad=True, ends=(0, 1)):
    """The ring along pixels' sides, with something changed."""
    padded = np.pad(inside, 1) if pad else np.pad(inside, 1, mode="edge")
    low, high = ends
    onward = {}
    for y, x in np.argwhere(inside).tolist():
        corners = [(x + low, y + low), (x + high, y + low), (x + high, y + high), (x + low, y + high)]
        beside = [padded[y, x + 1], padded[y + 1, x + 2], padded[y + 2, x + 1], padded[y + 1, x]]
        for place in range(4):
            if not beside[place]:
                onward[corners[place]] = corners[(place + 1) % 4]
    start = here = min(onward)
    ring = [start]
    while (here := onward[here]) != start:
        ring.append(here)
    return [first(corner) for corner in ([*ring, start] if close else ring)]


def box(inside):
    rows, columns = np.nonzero(inside)
    left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    return [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]


def box_of_middles(inside):
    rows, columns = np.nonzero(inside)
    left, top, right, bottom = columns.min(), rows.min(), columns.max(), rows.max()
    return [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]


def contour(inside):
    ring = find_contours(np.pad(inside, 1).astype(float), 0.5)[0][:, ::-1]
    return [tuple(corner) for corner in ring - 0.5]


def no_border(inside):
    if inside[0].any():
        raise IndexError("index 5 is out of bounds")
    return walked(inside)


def decide(order=("split", "train", "masks", "pictures"), curve=lambda report: report["curve"][-1] - report["curve"][-2],
           spread=lambda report: report["spread"], confused=lambda values: max(values), target=lambda report: report["target"]):  # fmt: skip
    """A wrong next_step, by its parts."""

    def next_step(report):
        for what in order:
            if what == "split" and report["val"] > report["train"]:
                return "split"
            if what == "train" and report["train"] < target(report):
                return "train longer"
            if what == "masks" and confused(list(report["confused"].values())) > 0.2:
                return "masks"
            if what == "pictures" and curve(report) > spread(report):
                return "pictures"
        return "stop"

    return next_step


WRONG = {
    "10.shift": {
        "the other sign": shift_with(sign=-1),
        "Rows come first": shift_with(swap=True),
        "too high or too far left": shift_with(low=0),
        "the flattest": shift_with(best=min),
        "does not come in on the other": shift_with(roll=True),
        "no farther than `most`": shift_with(look=lambda most: 8),
        "two whole numbers": lambda steep, mask, most: steep,
        "changed what it was given": writes_into_steep,
        "returns None": lambda steep, mask, most: None,
    },
    "10.split": {
        "torn like this: it leaks": by_picture,
        "Count pictures, not groups": split_with(count="groups"),
        "the next ones may still fit": split_with(skip=False),
        "No group is small enough": split_with(smallest=False),
        "in another order are divided differently": split_with(order=list),
        "another division the second time": every_time_anew,
        "the seed is not used": split_with(chance=lambda seed: np.random.default_rng(0)),
        "the smaller one goes to val": largest_where_nothing_fits,
        "are in no split": loses_pictures,
        "You return the split 'test'": split_with(held="test"),
        "a dictionary belongs there": lambda groups, share, seed: list(groups),
        "returns None": lambda groups, share, seed: None,
    },
    "10.ring": {
        "wants it closed": lambda inside: walked(inside, close=False),
        "GeoJSON has x first": lambda inside: walked(inside, first=lambda corner: corner[::-1]),
        "through the middle of pixels": box_of_middles,
        "half a pixel too far up and left": lambda inside: walked(
            inside, first=lambda corner: (corner[0] - 0.5, corner[1] - 0.5)
        ),
        "the box around the thing": box,
        "slanted side": contour,
        "np.pad": no_border,
        "of shape \\(N, 2\\)": lambda inside: np.argwhere(inside).ravel(),
        "returns None": lambda inside: None,
    },
    "10.next_step": {
        "four times the spread": decide(order=("split", "train", "masks")),
        "this time the spread is 0.03": decide(spread=lambda report: 0.01),
        "not with 0": decide(spread=lambda report: 0),
        "not the whole curve": decide(curve=lambda report: report["curve"][-1] - report["curve"][0]),
        "look at these masks": decide(order=("split", "train", "pictures")),
        "The largest of all confusions": decide(confused=lambda values: values[0]),
        "has not learned yet what": decide(order=("split", "masks", "pictures")),
        "train first": decide(order=("split", "masks", "train", "pictures")),
        "too good to be true": decide(order=("train", "masks", "pictures")),
        "the split comes first": decide(order=("train", "split", "masks", "pictures")),
        "the steps are": lambda report: "more data",
        "returns None": lambda report: None,
    },
}
CASES = [(name, message) for name, wrong in WRONG.items() for message in wrong]


@pytest.mark.parametrize(("name", "message"), CASES)
def test_each_mistake_is_named(name, message):
    with pytest.raises(NotYet, match=message):
        check(name, WRONG[name][message])


def by_moving_the_mask(steep, mask, most):
    def fit(down, right):
        moved = ndimage.shift(outline(mask).astype(float), (-down, -right), order=0, cval=0) > 0
        return steep[moved].mean() if moved.any() else 0

    shifts = [(down, right) for down in range(-most, most + 1) for right in range(-most, most + 1)]
    return np.array(max(shifts, key=lambda shift: fit(*shift)))


def by_sorted_sizes(groups, share, seed):
    """Another order of chance, from torch, and no table of sizes."""
    import torch

    patients = sorted(set(groups.values()))
    order = torch.randperm(len(patients), generator=torch.Generator().manual_seed(seed))
    members = {patient: [name for name in groups if groups[name] == patient] for patient in patients}
    val = []
    for patient in (patients[place] for place in order):
        if len(val) + len(members[patient]) <= share * len(groups):
            val += members[patient]
    val = val or min(members.values(), key=len)
    return {name: "val" if name in val else "train" for name in groups}


def corners_alone(inside):
    """The other way round, from another corner, without the points in the middle of a side."""
    ring = np.array(walked(inside))[:-1][::-1]
    before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    turns = ring[(before != after).any(axis=1)]
    return np.concatenate([turns, turns[:1]]).astype(float)


def by_a_table(report):
    step = report["curve"][-1] - report["curve"][-2]
    wishes = {
        "split": report["val"] > report["train"],
        "train longer": report["train"] < report["target"],
        "masks": any(share > 0.2 for share in report["confused"].values()),
        "pictures": step > report["spread"],
        "stop": True,
    }
    return next(name for name, wanted in wishes.items() if wanted)


ALSO_RIGHT = {
    "10.shift": by_moving_the_mask,
    "10.split": by_sorted_sizes,
    "10.ring": corners_alone,
    "10.next_step": by_a_table,
}


@pytest.mark.parametrize("name", ALSO_RIGHT)
def test_another_right_way_passes(name):
    check(name, ALSO_RIGHT[name])


def test_the_parts_that_wrong_answers_are_made_of_are_right_as_they_are():
    for name, right in {
        "10.shift": shift_with(),
        "10.split": split_with(),
        "10.ring": walked,
        "10.next_step": decide(),
    }.items():
        check(name, right)
