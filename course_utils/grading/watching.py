"""Watching the process of an answer from outside, and ending it with all that it started."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from course_utils.grading.confine import Limits

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
