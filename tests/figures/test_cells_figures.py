"""Lecture 08's figures hold what they promise (lecture 08)."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_utils.data.sets.nuclei import nuclei
from course_utils.figures.cells import ablation, curves_over_steps, draw_merged, gaps_and_weights, matched_curves
from course_utils.losses import border_weights, separated
from course_utils.metrics.instances import score_instances


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


IMAGE, LABELS = nuclei()
IMAGE, LABELS = IMAGE[:, :128, :128].contiguous(), LABELS[:128, :128].contiguous()


def test_merged_cells_are_hatched_and_named_in_the_legend():
    axes = plt.figure().add_subplot()
    everything = (LABELS > 0).int().numpy()
    (entry,) = draw_merged(axes, IMAGE, LABELS, everything)
    assert "merged" in entry.get_label() and entry.get_hatch()
    assert draw_merged(plt.figure().add_subplot(), IMAGE, LABELS, LABELS.numpy()) == []


def test_gaps_are_red_and_weights_have_a_scale():
    apart = separated(LABELS)
    figure = gaps_and_weights(IMAGE, LABELS, apart, border_weights(apart, class_weights=(1, 1)), "a finding")
    assert len(figure.axes) == 4  # the last is the scale
    drawn = figure.axes[1].get_images()[1].get_array()
    assert (drawn[..., 3] > 0).sum() == int(((LABELS > 0) & (apart == 0)).sum())
    assert figure._suptitle.get_text() == "a finding"


def test_ablation_has_a_dot_for_each_seed():
    figure = ablation({"a": [0.2, 0.4], "b": [0.5, 0.7]}, {"a": [9, 8], "b": [3, 1]}, 20, "title")
    for axes in figure.axes:
        dots = [line for line in axes.lines if line.get_marker() == "o"]
        assert [len(line.get_xdata()) for line in dots] == [2, 2]
    assert "of 20" in figure.axes[1].get_xlabel()
    assert [patch.get_width() for patch in figure.axes[0].patches] == pytest.approx([0.3, 0.6])


def test_curves_show_the_mean_and_the_range():
    truth = LABELS.numpy()
    several = [score_instances([(truth, truth)]), score_instances([(truth, np.roll(truth, 1, axis=0))])]
    (axes,) = matched_curves({"net": several}, "title").axes
    mean = axes.lines[0].get_ydata()
    assert mean[0] == pytest.approx(np.mean([each.matched_share[0.5] for each in several]))
    assert len(axes.collections) == 1


def test_long_trainings_without_any_kept_result_still_draw():
    assert curves_over_steps({}, "title").axes[0].get_legend() is None
    assert len(curves_over_steps({"x": ([1.0, 2.0], [0.1, 0.4])}, "title").axes[0].lines) == 1


def test_copies_of_lecture_08_handed_out_before_find_the_matched_share_under_its_old_name():
    from course_utils.figures import ap_curves

    assert ap_curves is matched_curves
    truth = np.pad(np.ones((4, 4), dtype=int), 3)
    assert score_instances([(truth, truth)]).ap[0.5] == 1
