"""Every lecture can be graded: its solutions earn all points, its stubs none."""

import csv
import json

import pytest

from course_utils.course.grading.confine import Limits
from course_utils.course.grading.marking import mark
from course_utils.course.grading.reports import table
from course_utils.course.grading.submissions import find_submissions
from course_utils.course.grading.tasks import lecture_tasks
from course_utils.course.lectures import lectures
from course_utils.exercises.engine import exercises_of
from tests.course.grading.handing_in import hand_in, notebook, solutions

pytestmark = pytest.mark.notebooks  # grades a notebook of every lecture
NUMBERS = [lecture.number for lecture in lectures() if lecture_tasks(lecture.number).tasks]

SHARED = """import numpy as np
VOID = 255
def known(mask):
    return np.asarray(mask != VOID)
trained = [train_for_hours() for _ in range(10**9)]
"""


def grade(folder, **options):
    """Points by (student, exercise)."""
    marks = mark(find_submissions(folder).submissions, folder, folder / ".journal", Limits(), **options)
    return {(one["student"], each["name"]): each for one in marks for each in one["exercises"]}, marks


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("solved")
    for number in NUMBERS:
        hand_in(folder, "solved", number, solutions(number))
        hand_in(folder, "empty", number, {})
    builds_on_a_wrong_one = solutions("04") | {
        "04.segment": "def segment(scores, size):\n    return scores.argmax(1)\n"
    }
    hand_in(folder, "one_wrong", "04", builds_on_a_wrong_one)
    own_helper = (
        "%%time\ndef foreground_share(mask):\n    %matplotlib inline\n    inside = known(mask.numpy())\n"
        "    return float((mask.numpy()[inside] != 0).mean()) if inside.any() else 0.0\nprint(foreground_share(my_mask))\n"
    )
    hand_in(folder, "own_helper", "00", {"00.foreground_share": own_helper}, more=SHARED)
    path = hand_in(folder, "two_versions", "00", {"00.foreground_share": solutions("00")["00.foreground_share"]})
    newer = path.with_name(f"{path.stem}.new-2026-11-25.ipynb")
    newer.write_text(notebook("00", {"00.paint": solutions("00")["00.paint"]}), encoding="utf-8")
    (folder / "newer_alone").mkdir()
    (folder / "newer_alone" / newer.name).write_text(notebook("00", solutions("00")), encoding="utf-8")
    text = json.loads(notebook("00", solutions("00"), more="while True:\n    pass"))
    for cell in text["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "00-paint":
            cell["cell_type"], cell["source"] = "markdown", f"```python\n{cell['source']}\n```"
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "00-count_things":
            cell["cell_type"] = "raw"
    (folder / "markdown").mkdir()
    (folder / "markdown" / path.name).write_text(json.dumps(text), encoding="utf-8")
    (folder / "a_script_alone").mkdir()
    (folder / "a_script_alone" / "homework.py").write_text("x = 1")
    return grade(folder)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_solutions_earn_every_point(graded, number):
    for task in lecture_tasks(number).tasks:
        verdict = graded[0]["solved", task.name]
        assert (verdict["points"], verdict["worth"]) == (task.points, task.points), verdict["message"]
        assert not verdict["remark"]


@pytest.mark.parametrize("number", NUMBERS)
def test_the_stubs_earn_nothing_and_are_called_unwritten(graded, number):
    for task in lecture_tasks(number).tasks:
        assert graded[0]["empty", task.name]["verdict"] == "not written", graded[0]["empty", task.name]


@pytest.mark.parametrize("number", NUMBERS)
def test_every_exercise_of_the_module_is_graded_with_its_own_points(number):
    tasks = {task.name: task.points for task in lecture_tasks(number).tasks}
    assert tasks == {exercise.name: exercise.points for exercise in exercises_of(number)}


def test_a_mistake_is_not_counted_again_where_a_later_exercise_builds_on_it(graded):
    assert graded[0]["one_wrong", "04.segment"]["points"] == 0
    assert graded[0]["one_wrong", "04.ceiling"]["points"] == 3


def test_own_imports_helpers_magics_and_trials_do_no_harm(graded):
    verdict = graded[0]["own_helper", "00.foreground_share"]
    assert verdict["verdict"] == "right", verdict


def test_the_table_has_a_row_for_each_student_in_order_and_totals(graded):
    head, *rows = table(graded[1]).splitlines()
    points = sum(task.points for number in NUMBERS for task in lecture_tasks(number).tasks)
    assert head.startswith("student,00.foreground_share,00.paint,") and head.endswith("total,out_of,remarks")
    rows = {row.partition(",")[0]: row for row in rows}
    assert list(rows) == sorted(rows) and len(rows) == 8
    assert rows["solved"].endswith(f",{points},{points},")
    assert rows["own_helper"].startswith("own_helper,1,0,0,,"), "a lecture not handed in leaves its columns empty"


def row_of(marks, student):
    return next(row for row in csv.DictReader(table(marks).splitlines()) if row["student"] == student)


def test_of_two_versions_of_a_lecture_the_better_answer_counts_and_a_remark_says_so(graded):
    row = row_of(graded[1], "two_versions")
    assert (row["00.foreground_share"], row["00.paint"], row["00.count_things"]) == ("1", "1", "0")
    assert "00_start_here.ipynb, 00_start_here.new-2026-11-25.ipynb: of each exercise the better" in row["remarks"]
    assert row_of(graded[1], "newer_alone")["total"] == "5"


def test_an_answer_in_markdown_is_run_as_code_and_another_cell_that_hangs_costs_nothing(graded):
    row = row_of(graded[1], "markdown")
    assert row["total"] == "5"
    assert "00.paint: its cell is Markdown; its text was run as code" in row["remarks"]
    assert "00.count_things: its cell is Raw" in row["remarks"]


def test_a_student_of_whom_nothing_can_be_graded_has_a_row_that_says_why(graded):
    row = row_of(graded[1], "a_script_alone")
    assert (row["total"], "homework.py (not a notebook)" in row["remarks"]) == ("0", True)
