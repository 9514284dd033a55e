"""Curves of trainings show every seed that was measured."""

import matplotlib.pyplot as plt
import pytest

from course_utils.figures.learning import over_amount


def test_every_seed_is_a_dot_and_every_amount_a_tick():
    curve = {40: [0.40, 0.44], 80: [0.46, 0.45], 160: [0.5, 0.52]}
    figure = over_amount({"FCN-8s": curve}, "More helps", "pictures")
    (axes,) = figure.axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["40", "80", "160"]
    line, *dots = axes.lines
    assert line.get_ydata() == pytest.approx([0.42, 0.455, 0.51])
    assert [list(dot.get_ydata()) for dot in dots] == list(curve.values())
    plt.close(figure)
