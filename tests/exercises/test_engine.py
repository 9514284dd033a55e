"""What every check does, whatever it checks: it ends, it shows the student's line, and it knows the library's own work."""

import importlib
import inspect
import re
import threading
import time

import nbformat
import pytest
from nbclient import NotebookClient

from course_utils.course.lectures import lectures
from course_utils.exercises import engine
from course_utils.exercises.engine import Exercise, NotYet, Wrong, check, exercises_of, find_exercise
from course_utils.exercises.own_work import TimeIsUp, find_reference, within

EXERCISES = [exercise for lecture in lectures() for exercise in exercises_of(lecture.number)]
REFERENCES = [(exercise.name, path) for exercise in EXERCISES for path in exercise.references]


def for_ever(*_):
    count = 0
    while True:
        count += 1


def for_ever_and_deaf(*_):
    while True:
        try:
            time.sleep(0.01)
        except:  # noqa: E722  what a student may write
            if time.monotonic() > deaf_until:
                raise


deaf_until = 0.0


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(engine, "SECONDS", 0.3)


def test_a_loop_without_end_is_stopped_and_its_line_is_told(impatient):
    with pytest.raises(NotYet, match=r"ran for 0.3 seconds and was stopped. In line \d+ of your cell, `(count|while)"):
        check("00.foreground_share", for_ever)


def test_it_is_stopped_in_another_thread_too(impatient):
    said = []

    def run():
        with pytest.raises(NotYet) as caught:
            check("00.foreground_share", for_ever)
        said.append(str(caught.value))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert not thread.is_alive() and "was stopped" in said[0]


def test_a_loop_that_swallows_every_exception_is_told_again(impatient):
    global deaf_until
    deaf_until = time.monotonic() + 0.8
    with pytest.raises(NotYet, match="was stopped"):
        check("00.foreground_share", for_ever_and_deaf)


def test_what_ends_at_the_last_moment_is_left_alone_afterwards():
    stopped, before = 0, threading.active_count()
    for count in range(300):
        try:
            within(0.0005, lambda count=count: sum(range(100 * count)))
        except TimeIsUp:
            stopped += 1
    time.sleep(0.5)  # nothing may arrive after the call
    sum(range(100_000))
    assert threading.active_count() == before
    assert stopped < 300


def test_what_torch_has_not_implemented_is_an_error_and_no_stub():
    def missing(mask):
        raise NotImplementedError("'logsumexp' is not implemented for 'Bool'")

    with pytest.raises(NotYet, match=r"stopped with an error.*not implemented for 'Bool'"):
        check("00.foreground_share", missing)


def test_a_recursion_without_end_is_an_error_of_the_students_line():
    def again(mask):
        return again(mask)

    with pytest.raises(NotYet, match=r"`return again.mask.`: RecursionError"):
        check("00.foreground_share", again)


@pytest.mark.parametrize(("name", "path"), REFERENCES)
def test_calling_the_library_is_no_answer(name, path):
    reference = find_reference(path)

    def calls_it(*arguments):
        return reference(*arguments)

    with pytest.raises(NotYet, match=f"calls {path}, which is a ready answer"):
        check(name, calls_it)


@pytest.mark.parametrize(("name", "path"), [case for case in REFERENCES if case[1].startswith("course_utils")])
def test_handing_the_library_over_is_no_answer_either(name, path):
    with pytest.raises(NotYet, match="it is ours"):
        check(name, find_reference(path))


@pytest.mark.parametrize(("name", "path"), [case for case in REFERENCES if case[1].startswith("course_utils")])
def test_the_librarys_source_pasted_and_renamed_is_recognised(name, path):
    reference = find_reference(path)
    source = inspect.getsource(inspect.unwrap(reference))
    source = re.sub(r"^@.*\n", "", re.sub(r'"""(.|\n)*?"""', "'mine'", source, count=1))
    source = source.replace(reference.__name__ + "(", "mine(", 1)
    names = dict(vars(importlib.import_module(reference.__module__)))
    exec(source, names)
    with pytest.raises(NotYet, match="it is ours"):
        check(name, names["mine"])


def test_long_code_is_recognised_under_other_names_and_short_code_needs_the_same():
    body = inspect.getsource(
        inspect.unwrap(find_reference("course_utils.inference.dense_prediction.shift_and_stitch"))
    ).split('"""')[2]
    source = "def mine(net, images, stride, finer=1):\n" + body.replace("stitched", "fine").replace("scores", "answers")
    names = dict(vars(importlib.import_module("course_utils.inference.dense_prediction")))
    exec(source, names)
    with pytest.raises(NotYet, match="it is ours"):
        check("02.shift_and_stitch", names["mine"])


def ours(numbers):
    total = sum(numbers)
    return total


def test_the_library_works_again_after_a_check_and_inside_our_own_half():
    def judge(answer):
        assert ours([1, 2]) == 3, "our half of a check may use the reference"
        assert answer([1, 2]) == 3

    exercise = Exercise("99.sum", "Add.", judge, ("a", "b", "c"), "Yes.", references=(f"{__name__}.ours",))
    exercise.judge(lambda numbers: numbers[0] + numbers[1])
    with pytest.raises(Wrong, match=r"calls tests\.exercises\.test_engine\.ours"):
        exercise.judge(lambda numbers: ours(numbers))
    assert ours([1, 2]) == 3


def test_every_exercise_asks_for_something_and_has_three_hints_and_points():
    for exercise in EXERCISES:
        assert len(exercise.hints) == 3 and all(len(text) > 20 for text in exercise.hints), exercise.name
        assert exercise.points >= 1 and len(exercise.task) > 20, exercise.name
        assert find_exercise(exercise.name) is exercise


@pytest.mark.parametrize("lecture", [lecture.number for lecture in lectures()])
def test_a_lecture_has_three_to_six_exercises(lecture):
    assert 3 <= len(exercises_of(lecture)) <= 6


CELLS = """from course_utils.exercises import check
from course_utils.exercises import engine
engine.SECONDS = 0.5
#
def foreground_share(mask):
    share = (mask != 0).sum()
    return share / nothing
#
check("00.foreground_share", foreground_share)
#
def foreground_share(mask):
    while True:
        share = 0
#
check("00.foreground_share", foreground_share)
#
import numpy as np
def boundary_band(mask, width):
    return mask == 99
#
check("05.boundary_band", boundary_band)
"""


@pytest.mark.notebooks  # cells in a kernel of its own
def test_in_a_real_kernel_a_student_sees_the_own_line_and_nothing_of_ours(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text.strip()) for text in CELLS.split("#\n")])
    client = NotebookClient(notebook, timeout=90, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    said = {
        index: "\n".join("\n".join(output.traceback) for output in cell.outputs if output.output_type == "error")
        for index, cell in enumerate(notebook.cells)
    }
    assert "line 3 of your cell, `return share / nothing`: NameError: name 'nothing'" in said[2].replace("\n", " ")
    assert "was stopped. In line" in said[4].replace("\n", " ") and "course_utils/" not in said[4]
    pictures = [output for output in notebook.cells[6].outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 1, "a check of maps draws what was found beside what was expected"
    assert "course_utils/" not in "".join(said.values()), "our own stack is no help to a student"
