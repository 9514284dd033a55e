"""The EM challenge's errors on cases worked by hand, and against scikit-image (lecture 08)."""

import numpy as np
import pytest
from scipy import ndimage
from skimage.metrics import adapted_rand_error

from course_utils.metrics.em import pixel_error, rand, rand_error, thinned, warped, warping_error


def cells(*rows: str) -> np.ndarray:
    """A map from drawn rows: # is membrane, everything else is cell."""
    return np.array([[character != "#" for character in row] for row in rows])


TWO = cells("...#...", "...#...", "...#...")


def test_pixel_error_by_hand():
    assert pixel_error(TWO, TWO) == 0
    assert pixel_error(TWO, cells("...#...", "...#...", ".......")) == pytest.approx(1 / 21)


def test_a_hole_of_one_pixel_merges_two_cells():
    """Truth has two cells of 9 pixels. Merged, of 18 * 17 pairs only 2 * 9 * 8 are right."""
    hole = cells("...#...", ".......", "...#...")
    found = rand(ndimage.label(TWO)[0], thinned(hole))
    assert found.split == 1
    assert found.merge == pytest.approx(2 * 72 / 306)
    assert found.score == pytest.approx(2 * 144 / (144 + 306))
    assert rand_error(TWO, hole) == pytest.approx(1 - 288 / 450)


def test_a_split_cell_by_hand():
    """One cell of 3 pixels, cut into 2 and 1 by the prediction: of 6 ordered pairs 2 stay together."""
    truth, prediction = np.array([[1, 1, 1]]), np.array([[4, 4, 7]])
    found = rand(truth, prediction)
    assert (found.split, found.merge) == (pytest.approx(1 / 3), 1)
    assert found.score == pytest.approx(2 * 2 / (6 + 2))


def test_the_width_of_membranes_does_not_count_after_thinning():
    wide = cells("..###..", "..###..", "..###..")
    assert rand_error(TWO, wide) == 0
    assert pixel_error(TWO, wide) == pytest.approx(6 / 21)
    assert thinned(wide).min() > 0


def test_only_what_is_cell_in_truth_counts():
    truth = np.array([[1, 1, 0, 0, 2, 2]])
    assert rand(truth, np.array([[1, 1, 1, 2, 2, 2]])) == rand(truth, np.array([[1, 1, 9, 8, 2, 2]]))


def test_rand_equals_scikit_image():
    chance = np.random.default_rng(0)
    truth, prediction = chance.integers(0, 5, (30, 40)), chance.integers(1, 7, (30, 40))
    error, precision, recall = adapted_rand_error(truth, prediction)
    found = rand(truth, prediction)
    assert (1 - found.score, found.split, found.merge) == pytest.approx((error, precision, recall))


def test_rand_refuses_what_it_cannot_count():
    with pytest.raises(ValueError, match="label images"):
        rand(TWO, TWO)
    with pytest.raises(ValueError, match="no pair"):
        rand(np.zeros((3, 3), int), np.ones((3, 3), int))
    with pytest.raises(ValueError, match="True and False"):
        rand_error(TWO, np.ones((3, 7)))


def test_a_moved_membrane_has_no_warping_error():
    moved = cells("..#....", "..#....", "..#....")
    assert pixel_error(TWO, moved) == pytest.approx(6 / 21)
    assert warping_error(TWO, moved) == 0


def test_a_bent_and_thickened_membrane_has_none_either():
    truth = cells(*[".....#....."] * 6)
    bent = cells("....#......", "....#......", "....##.....", ".....##....", "......#....", ".....##....")
    assert warping_error(truth, bent) == 0


def test_a_hole_in_a_membrane_is_one_wrong_pixel():
    hole = cells("...#...", ".......", "...#...")
    assert warping_error(TWO, hole) == pytest.approx(1 / 21)


def test_a_missing_membrane_costs_its_length_at_least_its_shortest():
    """Truth parts 5 rows; the prediction has no membrane: a wall one pixel thick has to stay."""
    truth, nothing = cells(*["..###.."] * 5), np.ones((5, 7), dtype=bool)
    assert warping_error(truth, nothing) == pytest.approx(5 / 35)


def test_an_invented_membrane_and_an_invented_cell_are_found():
    one = np.ones((5, 9), dtype=bool)
    parted = cells(*["....#...."] * 5)
    assert warping_error(one, parted) > 0
    speck = np.zeros((5, 5), dtype=bool)
    made_up = speck.copy()
    made_up[2, 2] = True
    assert warping_error(speck, made_up) == pytest.approx(1 / 25)
    assert warping_error(made_up, speck) == pytest.approx(1 / 25)


def test_warping_keeps_the_number_of_cells_and_holes():
    chance = np.random.default_rng(3)
    truth, prediction = (ndimage.gaussian_filter(chance.standard_normal((60, 60)), 2) > -0.02 for _ in range(2))
    bent = warped(truth, prediction)

    def topology(labels):
        return ndimage.label(labels)[1], ndimage.label(~np.pad(labels, 1), np.ones((3, 3)))[1]

    assert topology(bent) == topology(truth)
    assert (bent != prediction).sum() < (truth != prediction).sum()
