"""Every notebook of the course: its pair, its rules, its run under papermill, its outputs under nbval."""

import subprocess
import sys

import pytest

from course_utils.course.lectures import NOTEBOOKS, lectures
from course_utils.course.notebooks import problems
from course_utils.course.results import recorded
from course_utils.course.running import CELL_LIMIT, run_lecture

LECTURES = pytest.mark.parametrize("lecture", lectures(), ids=lambda lecture: lecture.name)


@LECTURES
def test_script_and_notebook_keep_the_rules(lecture):
    assert problems(lecture) == []


def test_every_notebook_has_a_script():
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == [lecture.name for lecture in lectures()]


@pytest.mark.notebooks
@LECTURES
def test_the_notebook_runs_in_the_quick_profile(lecture, tmp_path):
    outcome = run_lecture(lecture, tmp_path, profile="quick", device="cpu")
    assert outcome.status == "passed", outcome.error
    assert outcome.seconds < 500, f"{outcome.seconds} s: alone on two cores the slowest takes 150"
    kept = recorded(tmp_path / "notebooks" / lecture.notebook.name)
    assert kept["run"]["profile"] == "quick"
    assert kept["results"].keys() == recorded(lecture.notebook)["results"].keys()


@pytest.mark.notebooks
@LECTURES
def test_nbval_finds_the_outputs_that_the_notebook_shows(lecture):
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-p", "no:cacheprovider", "-q"]
    command += [f"--nbval-cell-timeout={CELL_LIMIT['quick']}", "--rootdir", str(NOTEBOOKS), str(lecture.notebook)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert ended.returncode == 0, ended.stdout[-4000:]
