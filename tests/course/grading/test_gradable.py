"""Every lecture can be graded: its solutions earn all points, its stubs none."""

import pytest

from course_utils.course.grading.confine import Limits
from course_utils.course.grading.marking import mark
from course_utils.course.grading.reports import table
from course_utils.course.grading.submissions import find_submissions
from course_utils.course.grading.tasks import lecture_tasks
from course_utils.course.lectures import lectures
from course_utils.exercises.engine import exercises_of
from tests.course.grading.handing_in import hand_in, solutions

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
    assert [row.partition(",")[0] for row in rows] == ["empty", "one_wrong", "own_helper", "solved"]
    assert rows[-1].endswith(f",{points},{points},")
    assert rows[2].startswith("own_helper,1,0,0,,"), "a lecture that was not handed in leaves its columns empty"
