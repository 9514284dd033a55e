"""Lecture 07's figures say what they were given."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_utils.figures.unet import merged_cells, seams, signals, tile_on_picture


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_every_grid_has_its_two_numbers():
    image, cells = torch.zeros(3, 20, 20, dtype=torch.uint8), torch.zeros(20, 20, dtype=torch.int64)
    cells[4:9, 4:9] = 1
    figure = merged_cells(image, {"truth": cells, "grid": cells}, {8: 0.58, 1: 0.0}, {8: 0.85, 1: 1.0}, "found")
    assert sorted(texts(figure.axes[2])) == ["0", "100", "58", "85"]
    assert figure.get_suptitle() == "found"


def test_a_start_that_explodes_leaves_the_chart_and_says_where_to():
    kinds = ["convolve", "convolve", "up", "convolve", "score"]
    figure = signals({"N(0, 1)": [1, 1e3, 1e6, 1e9, 1e12], "default": [1, 0.1, 0.01, 0.1, 0.05]}, kinds, "found")
    assert "N(0, 1): on to $10^{12}$" in texts(figure.axes[0])
    assert "  default" in texts(figure.axes[0])
    assert figure.axes[0].get_ylim() == (0.01, 1e4)


def test_a_tile_names_what_it_sees_and_what_it_answers():
    figure = tile_on_picture(torch.rand(1, 140, 120), 20, (0, 40, 40), "found")
    assert "the net sees\n80×80 pixels" in texts(figure.axes[0])
    assert "and answers\n40×40 of them" in texts(figure.axes[0])


def test_multiples_of_the_stride_are_marked_apart():
    largest = {380: 0.3, 384: 1e-7, 388: 0.45, 400: 0.0}
    figure = seams({"step 388": torch.rand(8, 8), "step 384": torch.zeros(8, 8)}, largest, 16, "found")
    assert texts(figure.axes[2]) == ["384", "388", "400"]
    assert [line.get_marker() for line in figure.axes[2].lines] == ["x", "o", "x", "o"]
