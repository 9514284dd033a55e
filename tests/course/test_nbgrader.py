"""A class that runs nbgrader can use the notebooks as they are."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course_utils.course.lectures import find_lectures
from course_utils.course.notebooks import read_notebook

pytest.importorskip("nbgrader", reason="nbgrader is an extra: pip install -e .[nbgrader]")
CONFIG = """c = get_config()
c.CourseDirectory.course_id = "segmentation"
c.ExecutePreprocessor.timeout = 120
"""


def nbgrader(folder, *arguments):
    """Run a command of nbgrader's in a course; alembic, which it calls, has to be on the path."""
    scripts = str(Path(sys.executable).parent)
    own = {"PATH": scripts + os.pathsep + os.environ["PATH"], "JUPYTER_CONFIG_DIR": str(folder / "jupyter")}
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments], cwd=folder, env=os.environ | own, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.notebooks
def test_it_makes_an_assignment_of_lecture_00_and_grades_what_comes_back(tmp_path):
    (lecture,) = find_lectures(["00"])
    (tmp_path / "nbgrader_config.py").write_text(CONFIG)
    source = tmp_path / "source" / "start" / lecture.notebook.name
    source.parent.mkdir(parents=True)
    shutil.copy(lecture.notebook, source)
    nbgrader(tmp_path, "generate_assignment", "start")
    released = tmp_path / "release" / "start" / lecture.notebook.name
    given = nbformat.read(released, as_version=4)
    assert "BEGIN SOLUTION" not in released.read_text() and "masked_fill" not in released.read_text()
    asked = [cell for cell in given.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    assert len(asked) == 3 and all("NotImplementedError" in cell.source for cell in asked)

    # a student who solved one of three, and one who solved all
    solutions = {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in read_notebook(lecture.notebook).cells
        if "nbgrader" in cell.metadata
    }
    for student, solved in (("ada", {"00-paint"}), ("emmy", set(solutions))):
        answer = nbformat.read(released, as_version=4)
        for cell in answer.cells:
            label = cell.metadata.get("nbgrader", {}).get("grade_id")
            if label in solved:
                cell["source"] = solutions[label]
        handed_in = tmp_path / "submitted" / student / "start" / lecture.notebook.name
        handed_in.parent.mkdir(parents=True)
        nbformat.write(answer, handed_in)
    nbgrader(tmp_path, "autograde", "start")
    nbgrader(tmp_path, "export", "--to", "grades.csv")
    rows = (tmp_path / "grades.csv").read_text().splitlines()
    columns = rows[0].split(",")
    points = {
        row.split(",")[columns.index("student_id")]: float(row.split(",")[columns.index("raw_score")])
        for row in rows[1:]
    }
    assert points == {"ada": 1.0, "emmy": 5.0}, json.dumps(points)
