"""Lecture 09's figures hold what they promise (lecture 09)."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from course_utils.figures.detections import (
    draw_rectangles,
    draw_things,
    in_pairs,
    matched_anchors,
    pasted,
    precision_recall,
    ramp_readings,
    recall_over_steps,
)
from course_utils.models.rois import paste_masks


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


IMAGE = torch.zeros(3, 40, 50, dtype=torch.uint8)
BOXES = torch.tensor([[4.0, 6.0, 14.0, 16.0], [20.0, 10.0, 40.0, 30.0]])
MASKS = torch.zeros(2, 40, 50, dtype=torch.bool)
MASKS[0, 6:16, 4:14] = MASKS[1, 10:30, 20:40] = True


def test_a_box_is_drawn_where_its_pixels_are():
    axes = plt.figure().add_subplot()
    draw_rectangles(axes, BOXES[:1], ["red"])
    corner = axes.patches[-1]
    assert (corner.get_xy(), corner.get_width()) == ((3.5, 5.5), 10)  # pixel 4 begins at 3.5 on the screen


def test_things_say_how_sure_they_are_and_unsure_ones_are_left_out():
    axes = plt.figure().add_subplot()
    draw_things(axes, IMAGE, {"boxes": BOXES, "masks": MASKS, "scores": torch.tensor([0.9, 0.2])}, surest=0.5)
    assert [text.get_text() for text in axes.texts] == ["0.90"]
    truth = plt.figure().add_subplot()
    draw_things(truth, IMAGE, {"boxes": BOXES, "masks": MASKS})
    assert not truth.texts and len(truth.patches) == 4  # each box twice, on a black line


def test_a_picture_without_things_is_drawn():
    nothing = {"boxes": BOXES[:0], "masks": MASKS[:0], "scores": torch.zeros(0)}
    draw_things(plt.figure().add_subplot(), IMAGE, nothing)


def test_each_thing_has_the_bar_of_its_anchors_and_lone_ones_are_hatched():
    anchors = torch.cat([BOXES, BOXES + 1, BOXES[1:] + 2])
    matched = torch.tensor([0, 1, -1, 1, 1])
    figure = matched_anchors(IMAGE, BOXES, anchors, matched, torch.tensor([True, False]), "title")
    bars = figure.axes[1].patches
    assert [bar.get_width() for bar in bars] == [1, 3]
    assert [bool(bar.get_hatch()) for bar in bars] == [True, False]


def test_in_pairs_has_a_bar_for_each_arm_and_a_dot_for_each_seed():
    figure = in_pairs({"a": {"x": [0.2, 0.4], "y": [0.5, 0.7]}, "b": {"x": [0.1, 0.1], "y": [0.3, 0.5]}}, "IU", "title")
    (axes,) = figure.axes
    assert sorted(bar.get_height() for bar in axes.patches) == pytest.approx([0.1, 0.3, 0.4, 0.6])
    assert [len(line.get_xdata()) for line in axes.lines] == [2] * 4


def test_the_thick_line_of_precision_never_rises_and_ends_at_zero():
    curve = torch.tensor([0.2, 0.2, 0.4, 0.6]), torch.tensor([1.0, 0.5, 2 / 3, 0.75])
    figure = precision_recall({"found": curve}, "title")
    best = figure.axes[0].lines[-1].get_ydata()
    assert (np.diff(best) <= 0).all() and best[-1] == 0
    assert best[2] == pytest.approx(0.75)  # the best that is still to come


def test_lines_are_drawn_for_each_reading_and_each_recall():
    shifts = torch.arange(0, 33.0)
    figure = ramp_readings(shifts, {"a": shifts, "b": shifts + 1}, 16, "title")
    assert len(figure.axes[0].lines) == 3 and list(figure.axes[0].get_xticks()) == [0, 16, 32]
    figure = recall_over_steps([0, 5], {"10": [0.1, 0.4], "100": [0.3, 0.9]}, "title")
    assert len(figure.axes[0].lines) == 2


def test_a_pasted_mask_is_shown_as_cells_as_values_and_cut_at_one_half():
    drawn = torch.rand(28, 28)
    whole = paste_masks(drawn[None], BOXES[1:], (40, 50))[0]
    figure = pasted(IMAGE, drawn, BOXES[1], whole, "title")
    assert figure.axes[0].get_title() + figure.axes[0].get_title(loc="left") == "what the head draws: 28x28"
    assert np.array_equal(figure.axes[1].get_images()[0].get_array(), whole.numpy())
