"""The process that brings up one process for each exercise of each student, watches it, and cleans up after it.

It never runs a student's code itself. On Linux it imports torch and the course once and forks: a fresh process costs
milliseconds. Elsewhere every exercise pays for a new Python. It reads requests and writes results, a JSON line each.

`python -m course_utils.course.grading.nursery` is started by `marking.py`.
"""

import contextlib
import gc
import json
import multiprocessing
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil

from course_utils.course.grading.confine import (
    Limits,
    adopt_orphans,
    close_doors,
    limit,
    live_in,
    separate,
    threads_of_user,
)
from course_utils.course.grading.tasks import Lecture, Task, Verdict, lecture_tasks, plainly
from course_utils.course.lectures import NOTEBOOKS, ROOT

FORKS = sys.platform == "linux"
MOST_FILES = 10_000


def grade(request: dict, forks: bool = FORKS) -> list[dict]:
    """The verdicts on all exercises of one submission, in the lecture's order.

    Args:
        request: `lecture`, `cells` ([label, source, kind] each), `limits`, `closed` (folders that may not be read).
    """
    lecture, verdicts = lecture_tasks(request["lecture"]), []
    for task in lecture.tasks:
        began = time.monotonic()
        verdict = unanswered(lecture, task, request["cells"]) or one_exercise(lecture, task, request, forks)
        verdicts.append(verdict.scored(task, round(time.monotonic() - began, 2)))
    return verdicts


def unanswered(lecture: Lecture, task: Task, cells: list[list[str]]) -> Verdict | None:
    """The verdict where no cell of the student's so much as names the answer; None where one does."""
    own = [cell for cell in cells if plainly(cell[1]) not in lecture.ours]
    labelled = [source for label, source, _ in cells if label == task.grade_id]
    if any(task.answer in source or task.name in source or label == task.grade_id for label, source, _ in own):
        return None
    if labelled or any(task.answer in source for _, source, _ in cells):
        return Verdict("not written", "Not written yet.", *labelled[-1:])
    return Verdict("missing", "There is no cell in your notebook that answers this.")


def one_exercise(lecture: Lecture, task: Task, request: dict, forks: bool) -> Verdict:
    """The verdict on one exercise, from a process and a folder of its own."""
    token = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="answer-", ignore_cleanup_errors=True) as name:
        folder, report = Path(name, "folder"), Path(name, "report")
        folder.mkdir()
        report.touch()
        context = multiprocessing.get_context("fork" if forks else "spawn")
        process = context.Process(target=alone, args=(lecture, task, request, folder, report, token, forks))
        process.start()
        try:
            begun = None if forks else lambda: report.stat().st_size > 0
            stopped = watch(process, begun, folder, Limits(**request["limits"]))
        finally:
            end(process, forks)
        with report.open("rb") as lines:
            verdicts = [line for line in lines.read(2**20).splitlines() if line.startswith(token.encode())]
    if verdicts:
        return Verdict(**json.loads(verdicts[-1][len(token) :]))
    if process.exitcode is not None and process.exitcode < 0:
        stopped = stopped or f"Your code ended its process ({signal.strsignal(-process.exitcode)})."
    return Verdict("stopped", stopped or "Your code ended its process before the check could answer.")


def alone(lecture: Lecture, task: Task, request: dict, folder: Path, report: Path, token: str, forks: bool) -> None:
    """In the new process: judge one exercise behind the walls and write the verdict, after a token that nobody else knows.

    The last verdict that is written counts, so that a first one stands where the second try is stopped.
    """
    try:
        said, nothing = os.open(report, os.O_WRONLY | os.O_APPEND), os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):  # what is printed reaches nobody
            os.dup2(nothing, stream)
        for descriptor in set(range(3, 256)) - {said}:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        if forks:
            os.nice(5)  # the watcher goes first
            separate()
        elif hasattr(os, "setsid"):
            os.setsid()
        prepare()
        from course_utils.course.grading.answer import judge

        limits = Limits(**request["limits"])

        def doors() -> None:
            os.write(said, b"begun\n")
            live_in(folder)
            limit(limits)
            close_doors(folder, [NOTEBOOKS, ROOT / "tests", *map(Path, request["closed"])])

        for verdict in judge(lecture, task, request["cells"], limits.seconds, doors):
            os.write(said, f"\n{token} {json.dumps(verdict.as_dict())}\n".encode())
    finally:
        os._exit(0)


def prepare() -> None:
    """Import once what every answer needs; one thread, no GPU, no window."""
    os.environ |= dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
    )
    os.environ |= {"CUDA_VISIBLE_DEVICES": "", "MPLBACKEND": "agg", "TQDM_DISABLE": "1"}
    import torch
    from IPython.core.inputtransformer2 import TransformerManager  # noqa: F401  imported here so that forks have it

    import course_utils.course.grading.answer  # noqa: F401

    torch.set_num_threads(1)
    threads_of_user()


def main() -> None:
    """Serve requests from standard input until it ends."""
    answers = os.dup(1)
    os.set_inheritable(answers, False)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing that is printed reaches the reader of our answers
    adopt_orphans()
    if FORKS:
        prepare()
    for line in sys.stdin:
        request = json.loads(line)
        if FORKS:
            from course_utils.course.grading.answer import make_ready

            make_ready(request["lecture"])
            gc.freeze()  # what is here stays: a fork's collector need not touch it, so that its pages stay shared
        os.write(answers, (json.dumps(grade(request)) + "\n").encode())


def descendants(pid: int) -> list[psutil.Process]:
    """A process and all that it started."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def own_memory(process: psutil.Process) -> int:
    """What a process holds, in bytes, files that it maps left out."""
    try:
        used = process.memory_info()
    except psutil.Error:
        return 0
    return used.rss - getattr(used, "shared", 0)


def disk_used(folder: Path) -> tuple[int, int]:
    """Bytes and number of the files below a folder; counting ends where there are too many."""
    sizes: list[int] = []
    for where, _, names in os.walk(folder):
        for name in names[: MOST_FILES + 1]:
            with contextlib.suppress(OSError):
                sizes.append(os.lstat(os.path.join(where, name)).st_size)
        if len(sizes) > MOST_FILES:
            break
    return sum(sizes), len(sizes)


def watch(process: BaseProcess, begun: Callable[[], bool] | None, folder: Path, limits: Limits) -> str:
    """Wait for an answer's process, until it goes beyond a limit.

    Args:
        begun: whether the student's code has begun: time and memory until then are ours. None for a fork, which begins
            at once and holds what its parent holds.

    Returns:
        why it has to be stopped, in the student's words, or ""
    """
    here = time.monotonic()
    look, measure, nap = here + 0.05, here + 0.2, 0.002
    started, ours = (None, 0) if begun else (here, own_memory(psutil.Process()))
    while process.exitcode is None:
        now = time.monotonic()
        if started is None and begun():
            started, ours = now, own_memory(psutil.Process(process.pid))
        if now > look:  # before all else: processes may double in the time of a glance
            processes = descendants(process.pid)
            if len(processes) > limits.processes + 2:
                return f"Your code started more than {limits.processes} processes and was stopped."
            look = time.monotonic() + 0.05
        if started is not None and now - started > limits.seconds:
            return f"Your code was still running after {limits.seconds:g} seconds and was stopped. A loop without end?"
        if now - here > limits.seconds + 120:
            return "It could not be started within two minutes."
        if now > measure:
            if sum(max(0, own_memory(each) - ours) for each in processes) > limits.memory_mb * 2**20:
                return f"It needed more memory than the {limits.memory_mb} MB that an answer may have."
            size, files = disk_used(folder)
            if size > limits.disk_mb * 2**20 or files > MOST_FILES:
                return f"It wrote more than the {limits.disk_mb} MB or {MOST_FILES} files that an answer may write."
            measure = time.monotonic() + 0.1
        time.sleep(nap)
        nap = min(0.02, nap * 1.2)
    return ""


def end(process: BaseProcess, orphans: bool) -> None:
    """End a process and all that it started, until nothing is left; what is forked meanwhile, too.

    Args:
        orphans: whether every process below this one is to end: what the answer left behind has become ours.
    """
    with contextlib.suppress(OSError, AttributeError):  # Windows has no groups
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)  # one call of the system, which no fork can outrun
    for _ in range(200):
        left = psutil.Process().children(recursive=True) if orphans else descendants(process.pid)
        if process.exitcode is not None and not left:
            return
        for step in ("suspend", "kill"):  # all are halted first, so that none can start another meanwhile
            for each in left:
                with contextlib.suppress(psutil.Error):
                    getattr(each, step)()
        psutil.wait_procs([each for each in left if each.pid != process.pid], timeout=0.5)
        time.sleep(0.002)


if __name__ == "__main__":
    main()
