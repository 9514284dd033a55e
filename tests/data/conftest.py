"""Machines differ in speed: properties are not timed. COURSE_DATA of the surroundings does not leak into tests."""

import os

import pytest
from hypothesis import settings

settings.register_profile("course", deadline=None, max_examples=60)
settings.load_profile("course")

REAL_DATA = os.environ.get("COURSE_DATA")


@pytest.fixture
def real_data():
    """The folder of real samples, or a skip that says why."""
    if not REAL_DATA or not os.path.isdir(REAL_DATA):
        pytest.skip("COURSE_DATA names no folder of real data sets")
    return REAL_DATA
