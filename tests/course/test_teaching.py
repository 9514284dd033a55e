"""The instructor's guide tells what the notebooks tell."""

import re

import pytest

from course_utils.course.grading.tasks import lecture_tasks
from course_utils.course.lectures import ROOT, lectures
from course_utils.course.notebooks import GUIDE, TABLE, minutes_table, update_guide, with_minutes
from course_utils.exercises.engine import exercises_of

TEXT = GUIDE.read_text(encoding="utf-8")


def section(number: str) -> str:
    """What the guide says of one lecture."""
    return re.split(r"^## ", TEXT.split(f"\n## Lecture {number}:")[1], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("number", [lecture.number for lecture in lectures()])
def test_every_lecture_has_its_minutes_and_names_all_of_its_exercises(number):
    assert f"<!-- minutes of lecture {number} -->" in section(number)
    for exercise in exercises_of(number):
        assert f"`{exercise.name}`" in section(number), f"the guide does not say where {exercise.name} belongs"
    for part in ("### What students get wrong", "### Ask the room", "### Exercises"):
        assert part in section(number)


def test_the_minutes_are_those_of_the_notes():
    assert with_minutes(TEXT) == TEXT, "run `course guide`"


def test_minutes_are_brought_up_to_date_between_their_marks_only(tmp_path):
    guide = tmp_path / "teaching.md"
    guide.write_text("before\n<!-- minutes of lecture 00 -->\nold\n<!-- end of minutes -->\nafter\n")
    assert update_guide(guide)
    text = guide.read_text()
    assert minutes_table(lectures()[0]) in text and "old" not in text
    assert text.startswith("before\n") and text.endswith("after\n")
    assert not update_guide(guide)


def test_the_minutes_of_a_lecture_that_was_taken_out_are_named():
    with pytest.raises(ValueError, match="has the minutes of lecture 98, and notebooks/scripts has no such lecture"):
        with_minutes("<!-- minutes of lecture 98 -->\nold\n<!-- end of minutes -->\n")


def test_each_lecture_fits_into_an_hour_and_a_half():
    for match in TABLE.finditer(TEXT):
        minutes = int(re.findall(r"^\| (\d+) \| \| \*end\*", match[0], re.MULTILINE)[0])
        assert 10 <= minutes <= 90, (match["number"], minutes)


def test_what_the_guide_links_to_is_there():
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", TEXT):
        assert (ROOT / "docs" / link).exists(), link


def test_points_add_up_as_the_guide_says():
    for number, points in re.findall(r"^\| (\d\d) \|.*\| (\d+) \|$", TEXT, re.MULTILINE):
        assert sum(task.points for task in lecture_tasks(number).tasks) == int(points), number
