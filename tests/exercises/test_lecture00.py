"""Lecture 00's exercises know their mistakes."""

import numpy as np
import pytest
import torch
from skimage.morphology import flood_fill

from course_utils.exercises import engine
from course_utils.exercises.engine import NotYet, check
from tests.exercises.solutions import solutions

NAME = "00.foreground_share"


def known(mask):
    return (mask != 255).sum().item()


WRONG = {
    "per cent": lambda mask: 100 * ((mask != 0) & (mask != 255)).sum().item() / known(mask),
    "not their share": lambda mask: ((mask != 0) & (mask != 255)).sum().item(),
    "adds? up the class numbers|add up the class numbers": lambda mask: mask[mask != 255].sum().item() / known(mask),
    "count class 1 alone": lambda mask: (mask == 1).sum().item() / known(mask),
    "count the void pixel": lambda mask: (mask != 0).sum().item() / mask.numel(),
    "not below it": lambda mask: ((mask != 0) & (mask != 255)).sum().item() / mask.numel(),
    "division by zero": lambda mask: ((mask != 0) & (mask != 255)).sum().item() / known(mask),
    "all void you answer nan": lambda mask: ((mask != 0) & (mask != 255)).sum() / (mask != 255).sum(),
    "returns None": lambda mask: None,
    "tensor of shape": lambda mask: mask,
    r"you answer 0\.4": lambda mask: 0.4,
}


def painted(mask, palette, void=(255, 255, 255)):
    hidden = mask == 255
    colours = palette[mask.masked_fill(hidden, 0)]
    colours[hidden] = torch.tensor(void, dtype=torch.uint8)
    return colours


def paints_the_mask(mask, palette):
    mask[mask == 255] = 0
    return palette[mask]


WRONG_PAINT = {
    "the palette has none": lambda mask, palette: palette[mask],
    "Your void is black": lambda mask, palette: painted(mask, palette, (0, 0, 0)),
    "colour of the last class": lambda mask, palette: palette[mask.clamp(max=len(palette) - 1)],
    "take them from `palette`": lambda mask, palette: painted(
        mask, torch.tensor([[0, 0, 0], [255, 0, 0], [0, 0, 255]], dtype=torch.uint8)
    ),
    "the colours last": lambda mask, palette: painted(mask, palette).movedim(-1, 0),
    "A colour has three": lambda mask, palette: painted(mask, palette)[..., 0],
    "Colours here are uint8": lambda mask, palette: painted(mask, palette) / 255,
    "changed the mask": paints_the_mask,
    "your picture is .*; it is": lambda mask, palette: (mask[..., None] * torch.ones(3)).to(torch.uint8),
    "returns None": lambda mask, palette: None,
}


def foreground(mask):
    return (mask != 0) & (mask != 255)


def groups(solid, neighbours=((0, 1), (1, 0), (0, -1), (-1, 0)), same=lambda one, other: True):
    """How many groups a grid of truth values has, by numbers that spread."""
    numbers = np.arange(1, solid.numel() + 1).reshape(solid.shape) * solid.numpy()
    changed = True
    while changed:
        changed = False
        for row, column in np.argwhere(numbers):
            for down, right in neighbours:
                place = row + down, column + right
                inside = min(place) >= 0 and place[0] < len(numbers) and place[1] < numbers.shape[1]
                if inside and 0 < numbers[place] < numbers[row, column] and same((row, column), place):
                    numbers[row, column], changed = numbers[place], True
    return len(np.unique(numbers[numbers > 0]))


CORNERS = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]


def calls_itself(mask):
    waiting = {tuple(place) for place in foreground(mask).nonzero().tolist()}

    def visit(row, column):
        if (row, column) in waiting:
            waiting.remove((row, column))
            for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                visit(row + down, column + right)

    things = 0
    while waiting:
        visit(*next(iter(waiting)))
        things += 1
    return things


def by_first_corners(mask):
    solid = np.pad(foreground(mask).numpy(), 1)
    return int((solid[1:-1, 1:-1] & ~solid[:-2, 1:-1] & ~solid[1:-1, :-2]).sum())


def first_pixels_from_the_right(mask):
    solid = np.pad(foreground(mask).numpy(), 1)
    return int((solid[1:-1, 1:-1] & ~solid[:-2, 1:-1] & ~solid[1:-1, 2:]).sum())


def never_marks(mask):
    waiting = foreground(mask).nonzero().tolist()
    while waiting:
        row, column = waiting[0]
        waiting.append([row, column])
    return 0


def wipes_the_mask(mask):
    found = groups(foreground(mask))
    mask[:] = 0
    return found


WRONG_COUNTS = {
    "Is the background a thing": lambda mask: len(mask.unique()),
    "You count pixels": lambda mask: int(foreground(mask).sum()),
    "You count classes": lambda mask: len(mask[foreground(mask)].unique()),
    "Look up and down": lambda mask: groups(foreground(mask), ((0, 1), (0, -1))),
    "join pixels at their corners": lambda mask: groups(foreground(mask), CORNERS),
    "keep the classes apart": lambda mask: groups(foreground(mask), same=lambda a, b: mask[a] == mask[b]),
    "Your void joins": lambda mask: groups(mask != 0),
    "void as a thing of its own": lambda mask: groups(
        mask != 0, same=lambda a, b: (mask[a] == 255) == (mask[b] == 255)
    ),
    "shape of a U is counted twice": by_first_corners,
    "RecursionError": calls_itself,
    "a uint8 ends at 255": lambda mask: groups(foreground(mask)) % 256,
    "in the mask 255 means void": lambda mask: min(groups(foreground(mask)), 254),
    "changed the mask": wipes_the_mask,
    "one whole number": lambda mask: [1, 2],
    "returns None": lambda mask: None,
}


@pytest.mark.parametrize("message", WRONG_PAINT)
def test_each_mistake_of_painting_is_named(message):
    with pytest.raises(NotYet, match=message):
        check("00.paint", WRONG_PAINT[message])


@pytest.mark.parametrize("message", WRONG_COUNTS)
def test_each_mistake_of_counting_is_named(message):
    with pytest.raises(NotYet, match=message):
        check("00.count_things", WRONG_COUNTS[message])


def test_a_scan_that_misses_what_lies_to_the_left_is_named():
    with pytest.raises(NotYet, match=r"shape of a U|to the left of its first pixel"):
        check("00.count_things", first_pixels_from_the_right)


def test_pixels_that_are_never_marked_make_a_loop_that_is_stopped(monkeypatch):
    monkeypatch.setattr(engine, "SECONDS", 0.5)
    with pytest.raises(NotYet, match="was stopped"):
        check("00.count_things", never_marks)


def by_flooding(mask):
    left, things = foreground(mask).numpy().astype(int), 0
    while left.any():
        left = flood_fill(left, tuple(np.argwhere(left)[0]), 0, connectivity=1)
        things += 1
    return things


def by_loops(mask, palette):
    return torch.tensor(
        [[[255] * 3 if it == 255 else palette[it].tolist() for it in row] for row in mask.tolist()]
    ).byte()


@pytest.mark.parametrize(("name", "answer"), [("00.paint", by_loops), ("00.count_things", by_flooding)])
def test_another_way_is_right_too(name, answer):
    check(name, answer)


@pytest.mark.parametrize("name", ["00.paint", "00.count_things"])
def test_the_solutions_pass(name, capsys):
    check(name, solutions("00")[name.partition(".")[2]])
    assert "right" in capsys.readouterr().out


@pytest.mark.parametrize("name", [NAME, "00.paint", "00.count_things"])
def test_the_stub_gets_a_friendly_word(name):
    def stub(*_):
        raise NotImplementedError

    with pytest.raises(NotYet, match="not written yet"):
        check(name, stub)


@pytest.mark.parametrize("message", WRONG)
def test_each_mistake_is_named(message):
    with pytest.raises(NotYet, match=message):
        check(NAME, WRONG[message])


def test_the_solution_passes(capsys):
    check(NAME, solutions("00")["foreground_share"])
    assert "right" in capsys.readouterr().out


def test_another_right_way_passes():
    def with_the_mean(mask):
        labelled = mask[mask != 255]
        return torch.nan_to_num((labelled > 0).float().mean(), 0.0)

    check(NAME, with_the_mean)
