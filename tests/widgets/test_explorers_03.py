"""The explorers of lecture 03."""

import pytest

from course_utils.data.photographs import photograph
from course_utils.widgets import crop_offsets as cropping
from course_utils.widgets import transposed_convolutions as stamping
from course_utils.widgets.frame import KEPT
from tests.widgets.speed import LIMIT, seconds_to_answer


@pytest.fixture(autouse=True)
def forgotten():
    """Each test begins with nothing kept."""
    KEPT.clear()


@pytest.mark.parametrize(
    ("kernel", "stride", "kind", "verdict"),
    [
        (3, 2, "ones", "a checkerboard"),
        (4, 2, "ones", "even"),
        (3, 2, "tent", "even"),
        (6, 3, "ones", "even"),
        (2, 3, "ones", "holes"),
        (1, 1, "ones", "even"),
    ],
)
def test_checkerboards_appear_and_vanish(kernel, stride, kind, verdict):
    assert stamping.paint(5, kernel, stride, 0, kind, 1).verdict == verdict


def test_the_output_has_the_size_of_the_formula():
    painting = stamping.paint(5, 4, 2, 1, "ones", 13)
    assert painting.output == (5 - 1) * 2 - 2 * 1 + 4
    assert (painting.row, painting.column) == (2, 2)
    assert "output rows 3 to 6" in stamping.describe(painting)


def test_a_click_into_the_input_or_the_output_finds_the_cell():
    painting = stamping.paint(5, 3, 2, 0, "ones", 1)
    left, top, side = stamping.INPUT
    assert stamping.point(painting, left + side - 1, top + 1) == 5
    left, top, side = stamping.OUTPUT
    assert stamping.point(painting, left + side - 1, top + side - 1) == 25


def test_too_much_padding_is_told():
    explorer = stamping.transposed_convolution(kernel=1, stride=1, cells=5)
    explorer.set(padding=3)
    assert "cuts all 5 cells away" in explorer.picture.problem


def test_stamps_answer_in_time():
    explorer = stamping.transposed_convolution()
    assert seconds_to_answer(explorer, kernel=[4, 5, 6, 2, 1]) < LIMIT
    assert seconds_to_answer(explorer, cell=[1, 2, 3, 4]) < LIMIT


def test_the_authors_net_crops_19():
    crop = cropping.locate(photograph("coffee"), 100, 32, odd=False)
    assert crop.offset == 19
    assert crop.coordinates(0) == 12.5
    assert not any(crop.missing)


def test_an_odd_kernel_leaves_half_a_pixel():
    crop = cropping.locate(photograph("coffee"), 100, 32, odd=True)
    assert crop.offset.denominator == 2
    assert "Half a pixel" in cropping.verdict(crop)


def test_without_a_pad_the_border_gets_no_answer():
    crop = cropping.locate(photograph("coffee"), 0, 32, odd=False)
    assert crop.offset == -81
    assert crop.missing[0] > 81, "at the other end pixels are missing, too"


def test_pads_and_strides_answer_in_time():
    explorer = cropping.crop_offset(photograph("coffee"))
    assert seconds_to_answer(explorer, pad=[0, 40, 80, 90, 120]) < LIMIT
    assert seconds_to_answer(explorer, stride=[16, 8]) < LIMIT
