"""Lecture 06's figures draw what was measured, in its units."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from course_utils.figures.beyond_voc import hha_channels, over_settings, side_by_side, standing_and_lying


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_hha_is_drawn_in_its_units_and_holes_are_white():
    channels = torch.stack([torch.full((4, 6), value, dtype=torch.uint8) for value in (255, 100, 255)])
    depth = torch.full((4, 6), 3.0)
    depth[0, 0] = 0
    axes = hha_channels(torch.zeros(3, 4, 6, dtype=torch.uint8), depth, channels, "found").axes
    drawn = {
        each.get_title() or each.get_title("left"): each.get_images()[0].get_array()
        for each in axes
        if each.get_images()
    }
    ends = {"1. disparity, 1 / m": 2.0, "2. height, m": 1.0, "3. angle, degrees": 180.0}
    for caption, value in ends.items():
        assert float(drawn[caption].max()) == pytest.approx(value)
    unknown = np.ma.getmaskarray(np.ma.masked_invalid(drawn["depth, m (white: none)"]))
    assert unknown[0, 0] and unknown.sum() == 1


def test_surfaces_peak_where_they_lie_and_stand_once_down_is_right():
    tilt = math.radians(20)
    floor = torch.tensor([0.0, -math.cos(tilt), -math.sin(tilt)]).view(3, 1, 1).expand(3, 5, 5)
    downs = {"level": torch.tensor([0.0, 1.0, 0.0]), "found": torch.tensor([0.0, math.cos(tilt), math.sin(tilt)])}
    lines = {line.get_label(): line for line in standing_and_lying(floor, downs, "found").axes[0].get_lines()}
    for name, degrees in (("level", 20), ("found", 0)):
        across, shares = lines[name].get_data()
        assert shares.max() == pytest.approx(100) and abs(across[shares.argmax()] - degrees) <= 2


def test_a_setting_with_one_seed_stands_beside_one_with_three():
    axes = over_settings({"late": {"all": [20.0, 22.0, 27.0], "1/4": [12.0]}}, "found", "light").axes[0]
    assert axes.get_lines()[0].get_ydata().tolist() == [23.0, 12.0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["all", "1/4"]


def test_each_column_has_its_own_scale_and_every_net_its_number():
    figure = side_by_side(
        {"mean IU, %": {"a": 39.8, "b": 56.0}, "ms": {"a": 300.0, "b": 3210.0}}, "found", "mean IU, %"
    )
    said = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert said == ["39.8", "56", "300", "3,210"]
