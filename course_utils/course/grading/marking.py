"""Grading a class: submissions spread over nurseries on this machine or over a Dask cluster, finished ones kept."""

import contextlib
import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from course_utils.course.grading.confine import Limits
from course_utils.course.grading.submissions import Submission
from course_utils.course.grading.tasks import RANK, Verdict, fingerprint, lecture_tasks

STARTING = 120  # seconds that a nursery may take to import torch and the course


class Nursery:
    """A process that grades one submission after another (`nursery.py`); it is started anew where it was ended."""

    def __init__(self):
        self.process: subprocess.Popen | None = None

    def grade(self, request: dict) -> list[dict]:
        """The verdicts on one submission's exercises.

        A nursery that ends while it grades is started again, and the submission is tried once more; if that ends it
        too, the submission is to blame.

        Raises:
            OSError: where a nursery cannot be started on this machine.
        """
        for _ in range(2):
            if self.process is None or self.process.poll() is not None:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "course_utils.course.grading.nursery"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    encoding="utf-8",
                )
            answer = self.ask(request)
            if answer:
                return json.loads(answer)
        ended = Verdict("stopped", "Your notebook ended the grader's process, twice.")
        return [ended.scored(task) for task in lecture_tasks(request["lecture"]).tasks]

    def ask(self, request: dict) -> str:
        """The nursery's answer; empty where it ended, or had to be ended because it did not answer."""
        longest = STARTING + len(lecture_tasks(request["lecture"]).tasks) * (
            request["limits"]["seconds"] + 2 * STARTING
        )
        overdue = threading.Timer(longest, self.process.kill)
        overdue.start()
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            return self.process.stdout.readline()
        except OSError:
            return ""
        finally:
            overdue.cancel()

    def close(self) -> None:
        """End the nursery; what it runs ends with it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()


def order(submission: Submission, limits: Limits, closed: Path) -> dict:
    """A submission as a nursery, here or on another machine, is asked to grade it."""
    return {
        "lecture": submission.lecture,
        "cells": submission.cells,
        "limits": asdict(limits),
        "closed": [str(closed.resolve())],
        "checks": fingerprint(),
    }


def key_of(request: dict) -> str:
    """What the marks of a submission depend on, in short: its cells, the limits, and the course's checks."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:24]


def mark(
    submissions: list[Submission],
    folder: Path,
    journal: Path,
    limits: Limits,
    jobs: int = 1,
    scheduler: str = "",
    done: Callable[[], None] = lambda: None,
) -> list[dict]:
    """Grade submissions; each that is finished is written to the journal at once, and not graded again.

    Args:
        submissions: as they are found, by student and lecture; an unreadable one gets no marks.
        folder: where they lie; no answer may read it.
        journal: the file of finished ones, from an interrupted run or new.
        jobs: how many at once on this machine.
        scheduler: the address of a Dask scheduler, whose workers grade instead.
        done: called after each.

    Returns:
        for each student and lecture: `student`, `lecture`, `file`, `remarks`, `unreadable`, `exercises`
    """
    requests = {
        index: order(one, limits, folder) for index, one in enumerate(submissions) if not one.unreadable and one.lecture
    }
    known = read_journal(journal)
    verdicts = {index: known[key_of(request)] for index, request in requests.items() if key_of(request) in known}
    waiting = {index: request for index, request in requests.items() if index not in verdicts}
    for _ in range(len(submissions) - len(waiting)):
        done()
    spread = over_cluster(waiting, scheduler) if scheduler else over_processes(waiting, jobs)
    with contextlib.closing(spread):
        for index, found in spread:
            verdicts[index] = found
            with journal.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps([key_of(requests[index]), found]) + "\n")
            done()
    entries = [
        {
            "student": one.student,
            "lecture": one.lecture or "",
            "file": one.path.name,
            "unreadable": one.unreadable,
            "remarks": [*one.remarks, *(each["remark"] for each in verdicts.get(index, []) if each["remark"])],
            "exercises": verdicts.get(index, []),
        }
        for index, one in enumerate(submissions)
    ]
    return [better(list(group)) for _, group in groupby(entries, key=itemgetter("student", "lecture"))]


def better(entries: list[dict]) -> dict:
    """Several notebooks of one student and lecture as one: of each exercise the better answer counts, and a remark says so."""
    if len(entries) == 1:
        return entries[0]
    remarks = [remark for entry in entries for remark in entry["remarks"]]
    remarks += [f"{entry['file']} cannot be graded: {entry['unreadable']}" for entry in entries if entry["unreadable"]]
    readable = [entry for entry in entries if not entry["unreadable"]]
    if not readable:
        return entries[0] | {"remarks": remarks}
    if len(readable) > 1:
        files = ", ".join(entry["file"] for entry in readable)
        remarks.insert(0, f"handed in as {files}: of each exercise the better answer counts")
    answers = zip(*(entry["exercises"] for entry in readable), strict=True)
    best = [min(each, key=lambda verdict: RANK.get(verdict["verdict"], 2)) for each in answers]
    return readable[0] | {"remarks": remarks, "exercises": best}


def read_journal(journal: Path) -> dict[str, list[dict]]:
    """The verdicts that an interrupted run left; its last line may be half written."""
    found = {}
    with contextlib.suppress(FileNotFoundError):
        for line in journal.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):
                key, verdicts = json.loads(line)
                found[key] = verdicts
    return found


_here = threading.local()  # a thread's own nursery


def grade_here(index: int, request: dict) -> tuple[int, list[dict]]:
    """Grade one submission with this thread's nursery."""
    if not hasattr(_here, "nursery"):
        _here.nursery = Nursery()
    return index, _here.nursery.grade(request)


def over_processes(requests: dict[int, dict], jobs: int) -> Iterator[tuple[int, list[dict]]]:
    """(index, verdicts) as they come, from `jobs` nurseries on this machine."""
    nurseries: list[Nursery] = []

    def begin() -> None:
        _here.nursery = Nursery()
        nurseries.append(_here.nursery)

    pool = ThreadPoolExecutor(jobs, initializer=begin)
    try:
        for each in as_completed([pool.submit(grade_here, *item) for item in requests.items()]):
            yield each.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for nursery in nurseries:
            nursery.close()


def grade_remotely(index: int, request: dict) -> tuple[int, list[dict]]:
    """On a worker of a cluster: grade one submission with that machine's own copy of the course.

    Raises:
        ValueError: where that copy's checks are not those that the lecturer has.
    """
    if request["checks"] != fingerprint():
        raise ValueError("a worker has another version of the course: install the same one on every machine")
    return grade_here(index, request)


def over_cluster(requests: dict[int, dict], scheduler: str) -> Iterator[tuple[int, list[dict]]]:
    """(index, verdicts) as they come, from the workers of a Dask cluster.

    Raises:
        ValueError: where Dask is not installed, the scheduler does not answer, or a worker has another course.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise ValueError('--scheduler needs Dask: pip install -e ".[cluster]" in the course\'s folder') from None
    try:
        client = Client(scheduler, timeout=10)
    except OSError as error:
        raise ValueError(f"no Dask scheduler answers at {scheduler}: {error}") from None
    with client:
        if not client.scheduler_info()["workers"]:
            raise ValueError(f"the scheduler at {scheduler} has no workers: start some with `dask worker {scheduler}`")
        futures = [client.submit(grade_remotely, *item, pure=False, retries=1) for item in requests.items()]
        for future in as_completed(futures):
            yield future.result()
