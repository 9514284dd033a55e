"""The process that brings up one process for each exercise of each student, watches it, and cleans up after it.

It never runs a student's code itself. On Linux it imports torch and the course once and forks: a fresh process costs
milliseconds. Elsewhere every exercise pays for a new Python. It reads requests and writes results, a JSON line each.

`python -m course_utils.course.grading.nursery` is started by `marking.py`.
"""

import contextlib
import gc
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
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
from course_utils.course.grading.tasks import Lecture, Task, lecture_tasks, plainly
from course_utils.course.lectures import NOTEBOOKS, ROOT

FORKS = sys.platform == "linux"


def grade(request: dict, forks: bool = FORKS) -> list[dict]:
    """The verdicts on all exercises of one submission, in the lecture's order.

    Args:
        request: `lecture`, `cells` ([label, source, kind] each), `limits`, `closed` (folders that may not be read).
    """
    lecture, limits = lecture_tasks(request["lecture"]), Limits(**request["limits"])
    passed: set[str] = set()
    verdicts = []
    for task in lecture.tasks:
        began = time.monotonic()
        verdict = unanswered(lecture, task, request["cells"]) or one_exercise(
            lecture, task, request | {"passed": sorted(passed)}, limits, forks
        )
        if verdict["verdict"] == "right":
            passed.add(task.name)
        points = task.points if verdict["verdict"] == "right" else 0
        verdicts.append(
            verdict
            | {"name": task.name, "points": points, "worth": task.points, "seconds": round(time.monotonic() - began, 2)}
        )
    return verdicts


def unanswered(lecture: Lecture, task: Task, cells: list[list[str]]) -> dict | None:
    """The verdict where no cell of the student's so much as names the answer; None where one does."""
    own = [cell for cell in cells if plainly(cell[1]) not in lecture.ours]
    labelled = [source for label, source, _ in cells if label == task.grade_id]
    if any(task.answer in source or task.name in source or label == task.grade_id for label, source, _ in own):
        return None
    if labelled or any(task.answer in source for _, source, _ in cells):
        said = {"verdict": "not written", "message": "Not written yet."}
    else:
        said = {"verdict": "missing", "message": "There is no cell in your notebook that answers this."}
    return said | {"code": labelled[-1] if labelled else "", "remark": ""}


def one_exercise(lecture: Lecture, task: Task, request: dict, limits: Limits, forks: bool) -> dict:
    """The verdict on one exercise, from a process and a folder of its own."""
    token = secrets.token_hex(16)
    with (
        tempfile.TemporaryDirectory(prefix="answer-", ignore_cleanup_errors=True) as name,
        tempfile.TemporaryFile() as report,
    ):
        folder = Path(name)
        if forks:
            pid = fork(lecture, task, request, limits, folder, report, token)
            process, ended = None, Waiting(pid)
        else:
            process = spawn(task, request, folder, report, token)
            pid, ended = process.pid, lambda: process.poll() is not None
        mine = psutil.Process()
        try:
            stopped = watch(
                pid, ended, None if forks else lambda: os.fstat(report.fileno()).st_size > 0, folder, limits
            )
        finally:
            end_group(pid)
            end(descendants(pid))
            if forks:
                end_descendants(mine)
                ended.status = ended.status if ended() else None
            else:
                process.wait(timeout=30)
        status = ended.status if forks else process.returncode
        return verdict_in(report, token, stopped, status)


class Waiting:
    """Whether a forked process has ended, and with which status."""

    def __init__(self, pid: int):
        self.pid, self.status, self.over = pid, None, False

    def __call__(self) -> bool:
        if not self.over:
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid == 0:
                    return False
                self.status = os.waitstatus_to_exitcode(status)
            self.over = True
        return True


def fork(lecture: Lecture, task: Task, request: dict, limits: Limits, folder: Path, report, token: str) -> int:
    """Fork a process that judges one exercise and writes its verdict to `report`; returns its number."""
    pid = os.fork()
    if pid:
        return pid
    try:
        keep = os.dup(report.fileno())
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        for descriptor in range(3, 256):
            if descriptor != keep:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        os.nice(5)  # the watcher goes first
        separate()
        write_verdict(lecture, task, request, limits, folder, keep, token)
    finally:
        os._exit(0)


def spawn(task: Task, request: dict, folder: Path, report, token: str) -> subprocess.Popen:
    """Start a new Python that judges one exercise and writes its verdict to `report`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "course_utils.course.grading.nursery", "--one"],
        stdin=subprocess.PIPE,
        stdout=report,
        stderr=subprocess.DEVNULL,
    )
    order = request | {"task": task.name, "folder": str(folder), "token": token}
    with contextlib.suppress(OSError), process.stdin as pipe:
        pipe.write(json.dumps(order).encode())
    return process


def write_verdict(
    lecture: Lecture, task: Task, request: dict, limits: Limits, folder: Path, report: int, token: str
) -> None:
    """Behind the walls, judge one exercise; the token keeps an answer from writing its own verdict.

    The last verdict that is written counts, so that a first one stands where the second try is stopped.
    """
    from course_utils.course.grading.answer import judge

    def doors() -> None:
        os.write(report, b"begun\n")
        live_in(folder)
        limit(limits)
        close_doors(folder, [NOTEBOOKS, ROOT / "tests", *map(Path, request["closed"])])

    for verdict in judge(lecture, task, request["cells"], set(request["passed"]), limits.seconds, doors):
        os.write(report, f"\n{token} {json.dumps(verdict.as_dict())}\n".encode())


def verdict_in(report, token: str, stopped: str, status: int | None) -> dict:
    """The verdict that a process left behind, or one that says how it ended without."""
    nothing = {"code": "", "remark": ""}
    report.seek(0)
    for line in reversed(report.read(2**20).splitlines()):
        if line.startswith(token.encode()):
            return json.loads(line[len(token) :])
    if stopped:
        return nothing | {"verdict": "stopped", "message": stopped}
    if status is not None and status < 0:
        return nothing | {"verdict": "stopped", "message": f"Your code ended its process ({name_of(-status)})."}
    return nothing | {"verdict": "stopped", "message": "Your code ended its process before the check could answer."}


def name_of(number: int) -> str:
    """A signal's name, and what usually sends it."""
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    return {"SIGSEGV": "SIGSEGV, memory that is not its own", "SIGXCPU": "SIGXCPU, too much time"}.get(name, name)


def prepare() -> None:
    """Import once what every answer needs; one thread, no GPU, no window."""
    import torch
    from IPython.core.inputtransformer2 import TransformerManager  # noqa: F401  imported here so that forks have it

    import course_utils.course.grading.answer  # noqa: F401

    torch.set_num_threads(1)
    threads_of_user()


def main() -> None:
    """Serve requests from standard input until it ends; with `--one`, judge a single exercise."""
    os.environ |= {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
    }
    os.environ |= {"CUDA_VISIBLE_DEVICES": "", "MPLBACKEND": "agg", "TQDM_DISABLE": "1"}
    answers = os.dup(1)
    os.set_inheritable(answers, False)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing that is printed reaches the reader of our answers
    if "--one" in sys.argv:
        request = json.load(sys.stdin)
        lecture = lecture_tasks(request["lecture"])
        (task,) = [task for task in lecture.tasks if task.name == request["task"]]
        limits = Limits(**request["limits"])
        prepare()
        if hasattr(os, "setsid"):
            os.setsid()
        write_verdict(lecture, task, request, limits, Path(request["folder"]), answers, request["token"])
        os._exit(0)
    adopt_orphans()
    if FORKS:
        from course_utils.course.grading.answer import make_ready

        prepare()
    for line in sys.stdin:
        request = json.loads(line)
        if FORKS:
            make_ready(request["lecture"])
            gc.freeze()  # what is here stays: a fork's collector need not touch it, so that its pages stay shared
        os.write(answers, (json.dumps(grade(request)) + "\n").encode())


MOST_FILES = 10_000


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
    size = files = 0
    for where, _, names in os.walk(folder):
        for name in names:
            files += 1
            with contextlib.suppress(OSError):
                size += (
                    os.lstat(os.path.join(where, name)).st_blocks * 512
                    if os.name == "posix"
                    else os.path.getsize(os.path.join(where, name))
                )
            if files > MOST_FILES:
                return size, files
    return size, files


def watch(pid: int, ended: Callable[[], bool], ready: Callable[[], bool] | None, folder: Path, limits: Limits) -> str:
    """Wait for an answer's process, and end it when it goes beyond a limit.

    Args:
        ended: whether the process is over.
        ready: whether the student's code has begun: time and memory until then are ours. None for a fork, which begins
            at once and holds what its parent holds.

    Returns:
        why it was stopped, in the student's words, or ""
    """
    begun = time.monotonic()
    look, measure, nap = begun + 0.05, begun + 0.2, 0.002
    started, ours = (None, 0) if ready else (begun, own_memory(psutil.Process()))
    while not ended():
        now = time.monotonic()
        if started is None and ready():
            started, ours = now, own_memory(psutil.Process(pid))
        if now > look:  # before all else: processes may double in the time of a glance
            processes = descendants(pid)
            if len(processes) > limits.processes + 2:
                return f"Your code started more than {limits.processes} processes and was stopped."
            look = time.monotonic() + 0.05
        if started is not None and now - started > limits.seconds:
            return f"Your code was still running after {limits.seconds:g} seconds and was stopped. A loop without end?"
        if now - begun > limits.seconds + 120:
            return "It could not be started within two minutes."
        if now > measure:
            if sum(max(0, own_memory(process) - ours) for process in processes) > limits.memory_mb * 2**20:
                return f"It needed more memory than the {limits.memory_mb} MB that an answer may have."
            size, files = disk_used(folder)
            if size > limits.disk_mb * 2**20 or files > MOST_FILES:
                return f"It wrote more than the {limits.disk_mb} MB or {MOST_FILES} files that an answer may write."
            measure = time.monotonic() + 0.1
        time.sleep(nap)
        nap = min(0.02, nap * 1.2)
    return ""


def end_group(pid: int) -> None:
    """End a process and its group in one call of the system, which no fork can outrun."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(OSError):
            if os.getpgid(pid) == pid:
                os.killpg(pid, signal.SIGKILL)


def end(processes: list[psutil.Process]) -> None:
    """End processes: all are halted first, so that none can start another while others are being ended."""
    for step in ("suspend", "kill"):
        for process in processes:
            with contextlib.suppress(psutil.Error):
                getattr(process, step)()


def end_descendants(mine: psutil.Process, keep: frozenset[int] = frozenset()) -> None:
    """End all that a process started, until nothing is left; those that are forked meanwhile, too."""
    for _ in range(200):
        left = [process for process in mine.children(recursive=True) if process.pid not in keep]
        if not left:
            return
        end(left)
        for process in left:
            with contextlib.suppress(psutil.Error, ChildProcessError):
                process.wait(timeout=0.5)


if __name__ == "__main__":
    main()
