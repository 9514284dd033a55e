"""What a student has done is remembered, by two kernels at once too, and never lost."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from course_utils.course.command import app
from course_utils.course.lectures import lectures
from course_utils.course.progress import course_map, exercises_in, standings
from course_utils.exercises import progress
from course_utils.exercises.engine import NotYet, _hints_given, check, exercises_of, hint
from course_utils.exercises.progress import Record, find_workspace, keep, read_progress

NAME = "00.foreground_share"


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    (tmp_path / ".handed_out.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    _hints_given.clear()
    return tmp_path


def right(mask):
    known = mask[mask != 255]
    return float((known > 0).float().mean()) if len(known) else 0.0


def test_checks_and_hints_are_remembered(workspace, capsys):
    hint(NAME)
    with pytest.raises(NotYet):
        check(NAME, lambda mask: None)
    check(NAME, right)
    first = read_progress(workspace)[NAME].right
    check(NAME, right)
    assert read_progress(workspace) == {NAME: Record(tries=3, hints=1, right=first)}
    _hints_given.clear()  # a new kernel
    hint(NAME)
    assert "Hint 2 of 3" in capsys.readouterr().out


def test_outside_of_a_workspace_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check(NAME, right)
    assert find_workspace() is None and list(tmp_path.iterdir()) == []


WRITER = """
from course_utils.exercises import progress
for count in range(8):
    assert progress.keep("00.shared", lambda record: progress.count_try(record, right=False)) == ""
    assert progress.keep(f"00.own_{__import__('sys').argv[1]}_{count}", lambda record: None) == ""
"""


def test_kernels_that_write_at_once_lose_nothing(workspace):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(number)]) for number in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    records = read_progress(workspace)
    assert records["00.shared"].tries == 24
    assert len(records) == 25


@pytest.mark.parametrize("damage", ["", "{half a fi", "[]", '{"exercises": {"00.paint": 3}}', "\x00" * 50])
def test_a_damaged_file_is_set_aside_and_its_twin_read(workspace, damage):
    keep(NAME, lambda record: progress.count_try(record, right=True))
    before = read_progress(workspace)
    (workspace / progress.FILE).write_text(damage)
    assert read_progress(workspace) == before
    assert [path.read_text() for path in workspace.glob(f"{progress.FILE}.damaged-*")] == [damage]
    keep("00.paint", lambda record: progress.count_try(record, right=False))
    assert read_progress(workspace) == before | {"00.paint": Record(tries=1)}


def test_a_file_of_a_later_version_of_the_course_is_read(workspace):
    text = {"made by": "tomorrow", "exercises": {NAME: {"tries": 2, "hints": 0, "right": "", "mood": "good"}}}
    (workspace / progress.FILE).write_text(json.dumps(text))
    assert read_progress(workspace) == {NAME: Record(tries=2)}


def test_where_nothing_can_be_written_the_answer_counts_all_the_same(workspace, monkeypatch, capsys):
    def full(path, text):
        raise OSError(28, "No space left on device")

    keep(NAME, lambda record: progress.count_try(record, right=False))
    before = read_progress(workspace)
    monkeypatch.setattr(progress, "write_text", full)
    check(NAME, right)
    said = " ".join(capsys.readouterr().out.split())
    assert "could not be written" in said and "No space left" in said and f"{NAME}: right." in said
    assert read_progress(workspace) == before


def test_the_labels_of_the_notebooks_name_the_exercises_there_are():
    for lecture in lectures():
        exercises = exercises_of(lecture.number)
        assert sorted(exercises_in(lecture)) == sorted(exercise.name for exercise in exercises)


def test_the_map_and_the_command_show_what_is_done(workspace):
    for name in ("00.paint", NAME):
        keep(name, lambda record: progress.count_try(record, right=True))
    keep("00.count_things", lambda record: setattr(record, "hints", 2))
    first = standings(workspace)[0]
    assert (first.done, first.open, first.hints) == ((NAME, "00.paint"), ("00.count_things",), 2)

    html = course_map(
        {"00_start_here"}, {"00_start_here": (2, 3)}, [("00_start_here.ipynb", "00_start_here.new-1.ipynb")]
    )
    assert "2 of 3 exercises done" in html and html.count("class='did'") == 2
    assert "<a href='00_start_here.new-1.ipynb'>" in html
    assert "exercises done" not in course_map({"00_start_here"}) and "<ul" not in course_map({"00_start_here"})

    answer = CliRunner().invoke(app, ["progress"])
    line = next(line for line in answer.output.splitlines() if line.startswith("00_start_here"))
    assert "##." in line and "2 of 3 done, next: 00.count_things (2 hints)" in line
    assert "course lab" in CliRunner().invoke(app, ["progress", "--workspace", os.devnull + "x"]).output
