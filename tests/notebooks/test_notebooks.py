"""Every notebook of the course: its pair, its rules, its run under papermill, its outputs under nbval."""

import base64
import io
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from PIL import Image

from course_utils.course.covers import outdated_covers, update_covers
from course_utils.course.lectures import NOTEBOOKS, lectures
from course_utils.course.notebooks import problems, read_notebook
from course_utils.course.results import recorded
from course_utils.course.running import CELL_LIMIT, run_lecture
from course_utils.course.workspace import student_copy
from course_utils.figures.for_slides import MIME_SLIDE

LECTURES = pytest.mark.parametrize("lecture", lectures(), ids=lambda lecture: lecture.name)


@LECTURES
def test_script_and_notebook_keep_the_rules(lecture):
    assert problems(lecture) == []


def test_every_notebook_has_a_script():
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == [lecture.name for lecture in lectures()]


@LECTURES
def test_a_students_copy_begins_with_the_lectures_picture_and_its_question(lecture):
    first = student_copy(read_notebook(lecture.notebook)).cells[0]
    heading, picture, *question = first.source.split("\n\n")
    assert heading.startswith("# ") and question
    assert re.fullmatch(r"!\[[A-Z][^]]{30,150}\.\]\(attachment:cover\.jpg\)", picture), "no alt text, or one too long"
    content = base64.b64decode(first.attachments["cover.jpg"]["image/jpeg"])
    assert len(content) < 90_000, "eleven of them stay under a megabyte"
    width, height = Image.open(io.BytesIO(content)).size
    assert width == 900 and height <= 400, "with its question it fits on a laptop's screen"


def test_the_pictures_are_those_of_the_decks_as_their_figures_are_now():
    assert [file.name for file in outdated_covers()] == [], "`course build` brings them up to date"


def test_a_figure_that_changed_changes_the_picture_at_the_head(tmp_path):
    file = tmp_path / "07_unet_from_scratch.ipynb"
    shutil.copy(NOTEBOOKS / file.name, file)
    assert update_covers(tmp_path) == []
    notebook = read_notebook(file)
    old = notebook.cells[0].attachments["cover.jpg"]["image/jpeg"]
    white = io.BytesIO()
    Image.new("RGB", (1776, 702), "white").save(white, "WEBP")
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for frame in output.get("data", {}).get(MIME_SLIDE, {}).get("frames", []):
                frame["webp"] = base64.b64encode(white.getvalue()).decode()
    nbformat.write(notebook, file)
    assert update_covers(tmp_path) == ["07_unet_from_scratch"] and update_covers(tmp_path) == []
    assert read_notebook(file).cells[0].attachments["cover.jpg"]["image/jpeg"] != old


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
