"""Judging one answer: what is taken from the notebook, and what a process of its own holds off on every system."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import pytest

from course_utils.course.grading import confine, nursery
from course_utils.course.grading.tasks import lecture_tasks
from course_utils.course.lectures import ROOT
from tests.course.grading.handing_in import solutions

pytestmark = pytest.mark.notebooks  # a Python that imports torch for each answer
LECTURE = lecture_tasks("00")
TASK = next(task for task in LECTURE.tasks if task.name == "00.foreground_share")
HEAD = "def foreground_share(mask):\n"


def verdict(source: str, seconds: float = 5, forks: bool = False) -> dict:
    """What is said of an answer to the start page's first exercise."""
    limits = asdict(confine.Limits(seconds=seconds))
    request = {"lecture": "00", "cells": [[TASK.grade_id, source, "code"]], "closed": [], "limits": limits}
    return nursery.one_exercise(LECTURE, TASK, request, forks).as_dict()


ANSWERS = {
    "right": (solutions("00")["00.foreground_share"], "right", "Void is in neither count"),
    "exits": (HEAD + "    import os\n    os._exit(0)\n", "stopped", "ended its process"),
    "sleeps": (
        HEAD + "    import time\n    while True:\n        time.sleep(1)\n",
        "stopped",
        "still running after 5 sec",
    ),
    "calls home": (
        HEAD + "    import socket\n    socket.create_connection(('localhost', 9))\n",
        "error",
        "not use the network",
    ),
}


@pytest.fixture(scope="module")
def judged():
    """What was said of each answer, two at a time: every one waits for a Python that imports torch."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(ANSWERS, pool.map(verdict, [source for source, *_ in ANSWERS.values()]), strict=True))


@pytest.mark.parametrize("name", ANSWERS)
def test_a_new_python_for_each_exercise_where_forks_are_no_option(judged, name):
    _, expected, said = ANSWERS[name]
    assert (judged[name]["verdict"], said in judged[name]["message"]) == (expected, True), judged[name]


@pytest.mark.skipif(not nursery.FORKS, reason="forks are used on Linux alone")
def test_without_namespaces_what_an_answer_started_is_still_ended():
    source = (
        HEAD + "    import ctypes, time\n    for _ in range(6):\n        ctypes.CDLL(None).fork()\n    time.sleep(60)\n"
    )
    # in a Python of its own, as a nursery is: it ends every process below it, and the tests have others, such as a browser
    script = f"""
from course_utils.course.grading import confine, nursery
from tests.course.grading.test_answers import LECTURE, verdict
nursery.prepare()
exec(LECTURE.imports, {{}})
confine.libc = lambda name, *arguments: False
print(verdict({source!r}, seconds=20, forks=True)["message"])
"""
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert "processes and was stopped" in ended.stdout, ended.stderr
