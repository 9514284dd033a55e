"""Lecture 00's exercise knows its mistakes."""

import pytest
import torch

from course_utils.exercises import check
from course_utils.exercises.engine import NotYet
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
