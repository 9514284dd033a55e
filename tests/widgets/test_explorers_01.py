"""The explorers of lecture 01."""

import numpy as np
import pytest
import torch

from course_utils.data.photographs import annotation
from course_utils.inference.classical import grey
from course_utils.widgets import painting
from course_utils.widgets import thresholds as sliding
from course_utils.widgets.frame import KEPT
from tests.widgets.speed import LIMIT, seconds_to_answer


@pytest.fixture(autouse=True)
def forgotten():
    """Each test begins with nothing kept."""
    KEPT.clear()


def test_the_curve_is_the_iu_of_each_threshold():
    coins = annotation("coins")
    values, truth = grey(coins.image, 1.5), coins.mask.numpy()
    curve = sliding.iu_of_each_threshold(values, truth)
    for at in (0, 77, 123, 255):
        found, known = values > at, truth != 255
        expected = (found & (truth == 1)).sum() / (known & (found | (truth == 1))).sum()
        assert curve[at] == pytest.approx(expected)


def test_the_threshold_explorer_answers_in_time():
    coins = annotation("coins")
    explorer = sliding.threshold(coins.image, coins.mask)
    assert seconds_to_answer(explorer, at=[90, 100, 110, 120, 130]) < LIMIT
    assert seconds_to_answer(explorer, blur=[1, 2, 3, 4]) < LIMIT
    assert explorer.data.iu == pytest.approx(explorer.data.curve[130])


def test_a_perfect_painting_scores_one_and_void_does_not_count():
    cat = annotation("cat")
    for void in (0, 1):
        mask = np.where(cat.mask == 255, void, cat.mask).astype(np.uint8)
        painted = painting.count(cat.image, cat.mask, ("background", "cat"), mask.tobytes())
        assert painted.scores.mean_iu == 1
        assert dict(painted.rows)["Dice of cat"] == 1


def test_a_clear_canvas_has_scores_too():
    cat = annotation("cat")
    painted = painting.count(cat.image, cat.mask, ("background", "cat"), bytes(cat.mask.numel()))
    assert dict(painted.rows)["IU of cat"] == 0
    assert "IU of cat 0.000" in painting.describe(painted)
    painting.draw(painted)


def test_the_hasty_ellipse_leaves_something_to_do():
    cat = annotation("cat")
    ellipse = painting.hasty(cat.mask)
    assert ellipse.dtype == torch.bool
    its = painting.count(cat.image, cat.mask, ("background", "cat"), ellipse.numpy().astype(np.uint8).tobytes())
    assert 0.5 < its.scores.mean_iu < painting.GOAL


def test_painting_answers_in_time_and_is_kept():
    cat = annotation("cat")
    explorer = painting.paint_mask(cat.image, cat.mask, "cat")
    masks = [np.roll(painting.hasty(cat.mask).numpy(), shift).astype(np.uint8).tobytes() for shift in (2, 4, 6, 8)]
    assert seconds_to_answer(explorer, painted=masks) < LIMIT
    assert painting.paint_mask(cat.image, cat.mask, "cat").values["painted"] == masks[-1]
