"""Lecture 03's pictures show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch.nn import functional

from course_utils.data.photographs import photograph
from course_utils.figures.upsampling import (
    borders,
    coverages,
    crop_curves,
    crops,
    fading,
    frame_of_cells,
    kernel_shapes,
    matrices,
    on_pixels,
    over_training,
    stamps,
)
from course_utils.models.upsampling import bilinear_kernel


@pytest.fixture(autouse=True)
def close_all():
    yield
    plt.close("all")


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_a_matrix_shows_its_numbers_and_leaves_zeros_blank():
    figure = matrices({"one": torch.tensor([[1.0, 0.0], [0.25, 0.5]])}, "finding")
    assert texts(figure.axes[0]) == ["1", ".25", ".5"]
    assert figure.get_suptitle() == "finding"


def test_the_black_line_over_the_stamps_is_the_transposed_convolution():
    cells, kernel = [1.0, 3.0, 2.0], torch.tensor([0.25, 0.75, 0.75, 0.25])
    figure = stamps(cells, {"tent": kernel}, 2, "finding")
    drawn = figure.axes[0].patches[-1].get_data().values
    expected = functional.conv_transpose1d(torch.tensor([[cells]]), kernel.view(1, 1, -1), stride=2)[0, 0]
    assert np.allclose(drawn, expected.numpy())


def test_the_profile_of_a_kernel_is_its_tent():
    figure = kernel_shapes({"4": bilinear_kernel(4)}, "finding")
    heights = [bar.get_height() for bar in figure.axes[1].patches]
    assert heights == pytest.approx([0.25, 0.75, 0.75, 0.25])


def test_the_difference_of_two_pictures_is_drawn_as_it_is():
    ours, theirs = torch.full((3, 4, 6), 0.5), torch.full((3, 4, 6), 0.5)
    theirs[1, 2, 3] = 0.9
    drawn = borders(ours, theirs, ("a", "b", "c"), "finding").axes[2].get_images()[0].get_array()
    assert drawn[2, 3] == pytest.approx(0.4)
    assert np.count_nonzero(drawn) == 1


def test_counts_are_written_into_their_pixels():
    figure = coverages({"kernel 3": torch.tensor([[1, 2], [2, 4]])}, "finding")
    assert texts(figure.axes[0]) == ["1", "2", "2", "4"]


def test_one_legend_names_the_mistakes_of_all_crops_without_shares():
    truth = torch.tensor([[0, 1, 1, 0]] * 4)
    found = {"left": truth.roll(1, 1), "right": truth.roll(-1, 1)}
    figure = crops(torch.zeros(3, 4, 4, dtype=torch.uint8), truth, found, "finding")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["missed", "false alarm"]


def test_each_curve_gets_the_line_of_its_own_offset():
    figure = crop_curves({"16": [0.1, 0.9, 0.2], "8": [0.5, 0.4]}, {"8": 0, "16": 1}, "finding")
    first, second = figure.axes[0].lines[2:]
    assert (first.get_xdata()[0], second.get_xdata()[0]) == (1, 0)


def test_the_frame_says_how_many_pixels_are_cut_off():
    centres = [[12.5 + 32 * cell for cell in range(count)] for count in (3, 4)]
    figure = frame_of_cells(torch.zeros(3, 80, 110, dtype=torch.uint8), centres, 32, "finding")
    assert "19 pixels" in texts(figure.axes[0])


def test_maps_over_a_picture_and_nets_over_training_have_a_panel_each():
    image = photograph("coffee")[:, :64, :96]
    maps = {"a": torch.rand(64, 96), "b": torch.rand(64, 96)}
    assert len(on_pixels(image, maps, "finding").axes) == 3  # and the colour bar
    pictures = {net: {step: torch.rand(8, 12) for step in (0, 30)} for net in ("x", "y", "z")}
    assert len(over_training(pictures, "finding").axes) == 6
    assert fading({"x": [1.0, 0.5]}, 0.1, "finding").axes[0].get_yscale() == "log"
