"""What every exercise and every quiz of the course keeps: the solution is right, a stub gets a friendly word, three hints.

What is particular to a lecture, its wrong answers and other right ones, stands in `test_lectureNN.py`.
"""

import re

import pytest

from course_utils.course.lectures import lectures
from course_utils.exercises.engine import NotYet, check, exercises_of
from course_utils.exercises.quizzes import questions_of
from tests.exercises.solutions import cells_of, solutions

LECTURES = {lecture.number: lecture for lecture in lectures()}
EXERCISES = {exercise.name: exercise for number in LECTURES for exercise in exercises_of(number)}
CALL = re.compile(r'^check\("([\w.]+)", (\w+)\)', re.MULTILINE)


def checked(number: str) -> dict[str, str]:
    """The exercises that a lecture's cells check, with what the student has to write for each."""
    return dict(
        call
        for cell in cells_of(number)
        if "check" in cell.metadata.get("tags", [])
        for call in CALL.findall(cell.source)
    )


@pytest.mark.parametrize("number", LECTURES)
def test_each_exercise_of_a_lecture_has_its_check(number):
    names = [exercise.name for exercise in exercises_of(number)]
    assert sorted(checked(number)) == sorted(names)
    assert 3 <= len(names) <= 6


@pytest.mark.parametrize("name", EXERCISES)
def test_the_solution_passes(name, capsys):
    number = name[:2]
    check(name, solutions(number)[checked(number)[name]])
    assert f"{name}: right" in capsys.readouterr().out


@pytest.mark.parametrize("name", EXERCISES)
def test_what_is_not_written_yet_gets_a_friendly_word(name):
    def stub(*_):
        raise NotImplementedError

    with pytest.raises(NotYet, match=rf"not written yet.*hint\('{name}'\)"):
        check(name, stub)


@pytest.mark.parametrize("name", EXERCISES)
def test_there_are_three_hints_that_differ(name):
    assert len(set(EXERCISES[name].hints)) == 3


@pytest.mark.parametrize("number", LECTURES)
def test_each_of_five_questions_has_one_right_choice_and_says_why_of_all(number):
    quiz = questions_of(number)
    assert len(quiz) == 5
    for question in quiz:
        assert sum(choice.right for choice in question.choices) == 1
        assert all(choice.why.endswith((".", "?")) for choice in question.choices)
