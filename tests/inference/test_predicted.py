"""Outlines that give the same pixels again, whatever the shape, and ROIs that ImageJ fills alike (lecture 10)."""

import numpy as np
import roifile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from course_utils.inference.predicted import _roi_set, filled, outlines, overlay, signed_area, things_of

SHAPES = arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))


@settings(max_examples=200)
@given(SHAPES)
def test_rings_filled_again_are_the_same_pixels(inside):
    back = np.zeros_like(inside)
    for thing in things_of(inside.astype(int), ["background", "thing"]):
        left, top, width, height = thing.box
        back[top : top + height, left : left + width] |= filled(thing)
        assert thing.area == sum(signed_area(ring) for part in thing.parts for ring in part)
    assert (back == inside).all()
    assert len(outlines(inside)) == ndimage.label(inside)[1]


def test_the_first_ring_runs_around_and_the_others_around_holes():
    inside = np.ones((7, 9), bool)
    inside[2:4, 2:4] = inside[5, 6] = False
    ((around, *holes),) = outlines(inside)
    assert signed_area(around) == 63 and sorted(signed_area(ring) for ring in holes) == [-4, -1]
    assert around.tolist() == [[0, 0], [9, 0], [9, 7], [0, 7], [0, 0]]


def test_a_thing_with_holes_and_parts_is_one_roi(tmp_path):
    labels = np.zeros((12, 14), int)
    labels[1:6, 1:6], labels[3, 3], labels[8:10, 9:12] = 3, 0, 3
    labels[8, 1] = 7
    things = things_of(labels, ["background", "cell"], np.ones(7, int))
    assert [(thing.number, thing.area, len(thing.parts)) for thing in things] == [(3, 30, 2), (7, 1, 1)]
    (tmp_path / "rois.zip").write_bytes(_roi_set(things, 1))
    composite, plain = roifile.roiread(tmp_path / "rois.zip")
    assert composite.composite and len(composite.coordinates(multi=True)) == 3
    assert (composite.left, composite.top, composite.right, composite.bottom) == (1, 1, 12, 10)
    assert plain.coordinates().tolist() == [[1, 8], [2, 8], [2, 9], [1, 9]]


def test_an_overlay_leaves_the_background_as_it_was():
    image = np.full((6, 6, 3), 100, np.uint8)
    labels = np.zeros((6, 6), np.int32)
    labels[1:5, 1:5] = 1
    for kinds in (None, np.array([1])):
        shown = overlay(image, labels, [(0, 0, 0), (200, 0, 0)], kinds)
        assert (shown[labels == 0] == 100).all() and (shown[1, 1] == 255).all() and (shown[3, 3] != 100).any()
