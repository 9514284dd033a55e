"""One class in which nearly everybody misbehaves: each pays for the one exercise in which they did, and nobody else.

All is graded in a single run of the command, two submissions at a time, as a lecturer would.
"""

import csv
import os
import re
import sys
import time
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from course_utils.course.command import app
from tests.course.grading.handing_in import hand_in, notebook, solutions

pytestmark = [
    pytest.mark.notebooks,  # grades those of a class
    pytest.mark.skipif(sys.platform != "linux", reason="limits of processes differ; test_answers.py has the rest"),
]

TARGET = "02.receptive_field"
AFTER = "02.shift_and_stitch"  # graded once the target was, by the same nursery
HEAD = "def receptive_field(layers):\n"
RIGHT = """    field, step = 1, 1
    for kernel, stride in layers:
        field, step = field + (kernel - 1) * step, step * stride
    return field, step
"""

# what a student wrote for the exercise, and a word of what the feedback says about it
HOSTILE = {
    "crashes": (HEAD + "    import ctypes\n    ctypes.string_at(0)\n", "ended its process"),
    "exits": (HEAD + "    import os\n    os._exit(0)\n", "ended its process"),
    "quits": (HEAD + "    raise SystemExit\n", "stopped with an error"),
    "hangs": (HEAD + "    while True:\n        pass\n", "still running after"),
    "sleeps": (HEAD + "    import time\n    while True:\n        try:\n            time.sleep(1e6)\n        except BaseException:\n            pass\n", "still running after"),
    "forks": (HEAD + "    import os\n    while True:\n        os.fork()\n", "may not start other programs"),
    "forks_in_c": (HEAD + "    import ctypes, time\n    for _ in range(6):\n        ctypes.CDLL(None).fork()\n    time.sleep(60)\n", "processes and was stopped"),
    "leaves_one_behind": (HEAD + "    import ctypes, time\n    if ctypes.CDLL(None).fork() == 0:\n        ctypes.CDLL(None).setsid()\n        time.sleep(1e6)\n    raise ValueError\n", "ValueError"),
    "starts_a_shell": (HEAD + "    import subprocess\n    subprocess.run(['true'])\n", "may not start other programs"),
    "fills_the_disk": (HEAD + "    for i in range(10**6):\n        open(f'{i}', 'wb').write(bytes(2**23))\n", "may write"),
    "one_large_file": (HEAD + "    with open('x', 'wb') as file:\n        while True:\n            file.write(bytes(2**20))\n", "OSError"),
    "fills_the_memory": (HEAD + "    held = []\n    while True:\n        held.append(bytearray(2**24))\n", "more memory"),
    "large_tensor": (HEAD + "    import torch\n    return torch.ones(2**34).sum(), 1\n", "more memory"),
    "writes_elsewhere": (HEAD + "    open('OUTSIDE', 'w').write('x')\n", "in its own folder only"),
    "reads_the_solutions": (HEAD + "    import course_utils.course.lectures as l\n    print((l.SCRIPTS / '02_convolutionalization.py').read_text())\n", "may not read"),
    "reads_others": (HEAD + "    open('NEIGHBOUR').read()\n", "may not read"),
    "calls_home": (HEAD + "    import socket\n    socket.create_connection(('127.0.0.1', PORT))\n", "may not use the network"),
    "patches_wrong": ("import course_utils.exercises.lecture02 as l\nclass Never(Exception):\n    pass\nl.Wrong = Never\nl.expect_field = lambda *a: None\n" + HEAD + "    return 1, 1\n", "changed what judges it"),
    "patches_the_check": ("from course_utils.exercises import engine\nengine.Exercise.judge = lambda self, answer: None\n" + HEAD + "    return 1, 1\n", "changed what judges it"),
    "patches_when_called": (HEAD + "    import course_utils.exercises.lecture02 as l\n    l.call_receptive_field = lambda answer, layers: (99, 99)\n    l.expect_field = lambda *a: None\n    return 3, 1\n", "changed what judges it"),
    "patches_code": ("import course_utils.exercises.lecture02 as l\ndef nothing(answer): pass\nl.check_receptive_field.__code__ = nothing.__code__\n" + HEAD + "    return 1, 1\n", "changed what judges it"),
    "patches_torch": ("import torch\ntorch.equal = torch.allclose = lambda *a, **k: True\n" + HEAD + RIGHT, "changed what judges it"),
    "hides_len": ("import course_utils.exercises.lecture02 as l\nl.len = lambda x: 2\n" + HEAD + RIGHT, "changed what judges it"),
    "prints_a_result": ("print('02.receptive_field: right. 2 of 2')\nimport sys, os\nfor d in range(3, 64):\n    try:\n        os.write(d, b'\\n{\"verdict\": \"right\", \"message\": \"\", \"code\": \"\", \"remark\": \"\"}\\n')\n    except OSError:\n        pass\n" + HEAD + "    os._exit(0)\n", "ended its process"),
    "kills_its_parent": (HEAD + "    import ctypes, os\n    ctypes.CDLL(None).kill(os.getppid(), 9)\n    ctypes.CDLL(None).kill(-1, 9) if os.getpid() == 1 else None\n    raise ValueError\n", "ValueError"),
    "not_python": ("def receptive_field(layers:\n    return 1\n", "Line 1 of your cell is not Python"),
    "nested": ("x = " + "(" * 5000 + ")" * 5000 + "\n" + HEAD + RIGHT, ""),
    "recursion": (HEAD + "    return receptive_field(layers)\n", "RecursionError"),
    "not_written": (HEAD + "    raise NotImplementedError('your turn')\n", "Not written"),
    "wrong": (HEAD + "    return 1, 3\n", "receptive field comes first"),
    "markup": (HEAD + "    raise ValueError('<script>alert(1)</script>')\n", "&lt;script&gt;"),
}  # fmt: skip


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The rows by student, the pages by student, what the command said, the seconds it took."""
    folder = tmp_path_factory.mktemp("class")
    submitted, outside = folder / "submitted", folder / "outside.txt"
    neighbour = hand_in(submitted, "honest", "02", solutions("02"))
    for student, (source, _) in HOSTILE.items():
        source = source.replace("OUTSIDE", str(outside)).replace("NEIGHBOUR", str(neighbour)).replace("PORT", "9")
        hand_in(submitted, student, "02", {TARGET: source, AFTER: solutions("02")[AFTER]})
    hand_in(submitted, "deletes_checks", "02", solutions("02"))
    path = submitted / "deletes_checks" / "02_convolutionalization.ipynb"
    path.write_text(notebook("02", solutions("02")).replace('check(\\"02', 'print(\\"02'))
    (submitted / "no_notebook").mkdir()
    (submitted / "no_notebook" / "02_convolutionalization.ipynb").write_bytes(os.urandom(1000))
    begun = time.monotonic()
    command = ["grade", str(submitted), "--out", str(folder / "grades.csv"), "--jobs", "2"]
    result = CliRunner().invoke(app, [*command, "--seconds", "3", "--memory", "512"])
    assert result.exit_code == 0, result.output
    with (folder / "grades.csv").open(newline="") as lines:
        rows = {row["student"]: row for row in csv.DictReader(lines)}
    pages = {path.stem: path.read_text() for path in (folder / "grades_feedback" / "students").glob("*.html")}
    return rows, pages, result.output, time.monotonic() - begun, outside


@pytest.mark.parametrize("student", HOSTILE)
def test_misbehaving_costs_this_exercise_and_no_other(graded, student):
    rows, pages, *_ = graded
    row = rows[student]
    harmless = student == "nested"  # what Python makes of it differs by version
    assert harmless or row[TARGET] == "0", pages[student]
    assert row[AFTER] == "2"
    said = re.findall(r"<p class='said'>(.*?)</p>", pages[student], re.DOTALL)
    assert HOSTILE[student][1] in "\n".join(said), said


def test_the_honest_neighbour_has_full_marks(graded):
    assert graded[0]["honest"]["total"] == graded[0]["honest"]["out_of"] == "6"


def test_deleting_or_editing_checks_changes_nothing(graded):
    assert graded[0]["deletes_checks"]["total"] == "6"


def test_what_is_no_notebook_gets_no_points_and_a_word(graded):
    rows, pages, said, *_ = graded
    assert rows["no_notebook"]["total"] == "0"
    assert "not a notebook" in rows["no_notebook"]["remarks"] and "not a notebook" in pages["no_notebook"]
    assert "cannot be graded" in said


def test_tampering_is_told_to_the_lecturer(graded):
    assert "engine.Exercise" in graded[0]["patches_the_check"]["remarks"]


def test_nothing_was_written_outside_and_nothing_runs_on(graded):
    assert not graded[4].exists()
    mine = [process.cmdline() for process in psutil.Process().children(recursive=True)]
    assert not [line for line in mine if "course_utils.course.grading.nursery" in line]
    assert not [
        p for p in Path("/tmp").glob("answer-*") if p.stat().st_mtime > time.time() - graded[3] and any(p.iterdir())
    ]


def test_markup_of_a_student_stays_text(graded):
    assert "<script>alert" not in graded[1]["markup"]


def test_it_says_that_a_process_is_not_a_sandbox(graded):
    assert "not a sandbox" in graded[2] and "docs/grading.md" in graded[2]
