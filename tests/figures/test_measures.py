import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from course_utils.figures.measures import dice_against_iu, histogram_split, label_numbers, two_orders


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_every_label_of_the_window_is_written_and_void_is_hatched():
    mask = torch.arange(20).reshape(4, 5) % 3
    mask[1, 1] = 255
    figure = label_numbers(torch.zeros(3, 4, 5, dtype=torch.uint8), mask, (0, 0), (3, 4), "numbers")
    part = figure.axes[1]
    assert [text.get_text() for text in part.texts] == [str(label) for label in mask[:3, :4].flatten().tolist()]
    assert [patch.get_hatch() for patch in part.patches] == ["//"]


def test_a_histogram_shows_the_threshold_and_leaves_void_out():
    grey, truth = np.array([[10.0, 20, 200, 250]]), np.array([[0, 0, 1, 255]])
    figure = histogram_split(grey, 99.6, "two groups", truth, "coin")
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["everything else", "coin", "Otsu's threshold, 100"]
    counted = [patch.get_path().vertices[:, 1].max() for patch in figure.axes[0].patches]
    assert counted == [1, 1]


def test_scores_of_one_image_lie_on_the_curve():
    figure = dice_against_iu({"a": (0.5, 2 / 3), "b": (0.5, 0.6)}, "one on, one off")
    curve, _, *points = figure.axes[0].lines
    x, y = curve.get_data()
    assert np.interp(0.5, x, y) == pytest.approx(points[0].get_ydata()[0], abs=1e-3)
    assert len({point.get_marker() for point in points}) == 2


def test_images_are_ordered_by_the_difference_of_the_two_methods():
    figure = two_orders([0.5, 0.9, 0.4], [0.6, 0.1, 0.9], ("one", "own"), "orders")
    first, second = figure.axes[0].lines
    assert first.get_ydata().tolist() == [0.9, 0.5, 0.4] and second.get_ydata().tolist() == [0.1, 0.6, 0.9]
