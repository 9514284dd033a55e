"""What breaks a rule of the notebooks is named in words."""

from pathlib import Path

import nbformat
import pytest

from course_utils.course.lectures import Lecture, find_lectures
from course_utils.course.notebooks import problems, read_script
from course_utils.course.running import with_outputs
from tests.course.made_up import PARAMETERS, make_lecture

PRINT = """# %% slideshow={"slide_type": "-"}
print(1)
"""
SET_UP = """# %% slideshow={"slide_type": "skip"}
x = 1
run = begin(PROFILE)
"""


def make_executed(folder: Path, body: str, parameters: str = PARAMETERS) -> Lecture:
    """A lecture whose notebook is in step with its script, as if every cell had printed 1."""
    lecture = make_lecture(folder, body, parameters)
    source, executed = read_script(lecture.script), read_script(lecture.script)
    for cell in executed.cells:
        if cell.cell_type == "code":
            cell["outputs"] = [nbformat.v4.new_output("stream", name="stdout", text="1\n")]
    nbformat.write(with_outputs(source, executed), lecture.notebook)
    return lecture


def test_a_lecture_that_keeps_the_rules_has_no_problem(tmp_path):
    assert problems(make_executed(tmp_path, PRINT)) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('# %% slideshow={"slide_type": "-"} tags=["shwo-code"]\nprint(1)\n', "unknown tag shwo-code"),
        ("# %%\nprint(1)\n", "slide type None"),
        ('# %% slideshow={"slide_type": "-"}\nprint(1\n', "is not Python"),
        ('# %% slideshow={"slide_type": "-"}\n' + "x = 1\n" * 26, "26 lines; 25 is the most"),
        ('# %% [markdown] slideshow={"slide_type": "notes"}\n# Ask the room.\n', "holds notes and must begin with"),
        (PARAMETERS, "2 cells are tagged 'parameters'"),
        (SET_UP, "the set-up cell is not hidden"),
        (SET_UP.replace("x = 1\n", "x = 1\n" * 15), "the set-up cell has 16 lines; 15 is the most"),
    ],
)
def test_a_broken_rule_is_named(tmp_path, body, message):
    assert message in "\n".join(problems(make_executed(tmp_path, body)))


def test_an_unknown_and_a_missing_parameter_are_named(tmp_path):
    found = "\n".join(problems(make_executed(tmp_path, PRINT, PARAMETERS.replace("SEED", "SEEDS"))))
    assert "parameter SEEDS is unknown" in found
    assert "parameter SEED is missing" in found


def test_a_pair_out_of_step_is_named_with_its_cell(tmp_path):
    lecture = make_executed(tmp_path, PRINT)
    lecture.script.write_text(lecture.script.read_text().replace("print(1)", "print(2)"))
    assert "out of step" in (found := "\n".join(problems(lecture)))
    assert "print(2)" in found


def change(lecture: Lecture, edit) -> str:
    """The problems of a lecture after a change to its notebook's last cell."""
    notebook = nbformat.read(lecture.notebook, as_version=4)
    edit(notebook.cells[-1])
    nbformat.write(notebook, lecture.notebook)
    return "\n".join(problems(lecture))


def test_a_notebook_without_outputs_or_counts_is_named(tmp_path):
    lecture = make_executed(tmp_path, PRINT)
    notebook = nbformat.read(lecture.notebook, as_version=4)
    for cell in notebook.cells:
        cell["outputs"], cell["execution_count"] = [], None
    nbformat.write(notebook, lecture.notebook)
    found = "\n".join(problems(lecture))
    assert "cell 2 was not executed" in found
    assert "no cell has an output" in found


def test_an_error_or_a_warning_kept_in_a_notebook_is_named(tmp_path):
    def fail(cell):
        cell["outputs"] = [nbformat.v4.new_output("error", ename="KeyError", evalue="'cat'", traceback=[])]

    def warn(cell):
        cell["outputs"] = [nbformat.v4.new_output("stream", name="stderr", text="FutureWarning: soon")]

    assert "holds an error: KeyError: 'cat'" in change(make_executed(tmp_path, PRINT), fail)
    assert "wrote to stderr" in change(make_executed(tmp_path, PRINT), warn)


def test_a_missing_and_a_damaged_notebook_are_named(tmp_path):
    lecture = make_executed(tmp_path, PRINT)
    lecture.notebook.write_text('{"cells": [')
    assert "not a notebook that can be read" in "\n".join(problems(lecture))
    lecture.notebook.unlink()
    assert "is missing" in "\n".join(problems(lecture))


def test_lectures_are_found_by_number_and_name_and_others_are_refused():
    assert [lecture.name for lecture in find_lectures(["0", "00", "00_start_here"])] == ["00_start_here"] * 3
    with pytest.raises(ValueError, match="no lecture '77'; there are 00_start_here"):
        find_lectures(["77"])


def test_cell_ids_follow_from_the_text(tmp_path):
    before = read_script(make_executed(tmp_path, PRINT + "\n" + PRINT).script)
    after = read_script(
        make_executed(tmp_path, PRINT + '\n# %% slideshow={"slide_type": "-"}\nx = 2\n\n' + PRINT).script
    )
    ids = [cell["id"] for cell in before.cells]
    assert len(set(ids)) == len(ids)
    assert [cell["id"] for cell in after.cells if "x = 2" not in cell.source] == ids
