"""Walls around the process that runs a student's answer: limits, no network, no other programs, one folder to write in.

None of them makes a process a sandbox (docs/grading.md). Some exist on Linux alone; the audit hook is everywhere.
"""

import contextlib
import ctypes
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

try:
    import resource
except ImportError:  # Windows has no such limits; the watcher's own are all there are
    resource = None

CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC = 0x10000000, 0x20000000, 0x40000000, 0x08000000
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, SIGKILL = 1, 36, 9

PROGRAMS = ("os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.startfile", "pty.spawn")
CHANGES = {
    f"os.{does}" for does in ("chmod", "chown", "link", "mkdir", "remove", "rename", "rmdir", "symlink", "truncate")
}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Refused(PermissionError):
    """An answer tried what no answer needs."""


@dataclass(frozen=True)
class Limits:
    """What one exercise of one student may use: seconds, MB of memory, MB on disk, processes."""

    seconds: float = 30
    memory_mb: int = 2048
    disk_mb: int = 64
    processes: int = 8


def libc(name: str, *arguments: int) -> bool:
    """Call a function of Linux's C library; whether it succeeded."""
    return ctypes.CDLL(None, use_errno=True)[name](*arguments) == 0


def adopt_orphans() -> None:
    """Have processes whose parent has ended become this one's children, so that they can be found and ended."""
    if sys.platform == "linux":
        libc("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def separate() -> bool:
    """Give this process a session, and where Linux allows it a network and process numbers of its own.

    The process goes on as a child of itself there, the first of its numbers: it cannot name, and so not signal, any
    process outside, and all that it started ends with it.

    Returns:
        whether the machine allowed it
    """
    os.setsid()
    libc("prctl", PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    spaces = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC
    if not libc("unshare", spaces) and not libc("unshare", spaces | CLONE_NEWUSER):
        return False
    inner = os.fork()
    if inner:
        _, status = os.waitpid(inner, 0)
        if os.WIFSIGNALED(status):
            with contextlib.suppress(OSError):
                os.kill(os.getpid(), os.WTERMSIG(status))
            os._exit(128 + os.WTERMSIG(status))
        os._exit(os.WEXITSTATUS(status))
    libc("prctl", PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    return True


def live_in(folder: Path) -> None:
    """Make a folder this process's working, home and temporary folder."""
    os.chdir(folder)
    for name in ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"):
        os.environ[name] = str(folder)
    tempfile.tempdir = str(folder)


@cache
def threads_of_user() -> int:
    """How many threads this user had when it was first asked for: the system's limit counts all of them."""
    mine = os.getuid() if hasattr(os, "getuid") else None
    count = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if mine is not None and process.uids().real == mine:
                count += process.num_threads()
    return count


def limit(limits: Limits) -> None:
    """Set the operating system's limits for this process: memory and CPU time beyond what it has now, size of a file."""
    if resource is None:
        return
    wanted = {
        resource.RLIMIT_CPU: int(time.process_time() + limits.seconds) + 5,
        resource.RLIMIT_FSIZE: limits.disk_mb * 2**20,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 256,
    }
    if os.geteuid() != 0:  # the system lets root start as many as it likes
        wanted[resource.RLIMIT_NPROC] = threads_of_user() + 256
    if sys.platform == "linux":
        with open("/proc/self/statm") as pages:
            now = int(pages.read().split()[0]) * resource.getpagesize()
        wanted[resource.RLIMIT_AS] = now + limits.memory_mb * 2**20
    for kind, most in wanted.items():
        with contextlib.suppress(ValueError, OSError):  # a lower limit of the machine's own stays
            resource.setrlimit(kind, (most, most))


def close_doors(folder: Path, closed: list[Path]) -> None:
    """Refuse, from here on and for good, other programs, the network, writing outside the folder, reading `closed`.

    Python calls the hook for each of these, and offers no way to take a hook away.

    Args:
        folder: where the answer may write.
        closed: what it may not read, such as the course's solutions and other submissions.
    """
    inside, shut = os.path.realpath(folder), tuple(os.path.realpath(path) for path in closed)

    def below(path: object, roots: tuple[str, ...]) -> bool:
        place = os.path.realpath(os.fsdecode(path))
        return any(place == root or place.startswith(root + os.sep) for root in roots)

    def hook(event: str, arguments: tuple) -> None:
        if event in PROGRAMS or event == "subprocess.Popen":
            raise Refused("an answer may not start other programs")
        if event.startswith("socket.") and event != "socket.__new__":
            raise Refused("an answer may not use the network")
        if event in ("os.kill", "os.killpg"):
            raise Refused("an answer may not signal other processes")
        if event == "open" and not isinstance(arguments[0], int) and arguments[0] is not None:
            path, flags = arguments[0], arguments[2] or 0
            if flags & WRITES and not below(path, (inside, os.devnull)):
                raise Refused(f"an answer may write in its own folder only, not to {os.fsdecode(path)}")
            if below(path, shut):
                raise Refused(f"an answer may not read {os.fsdecode(path)}")
        elif event in CHANGES and not all(
            below(path, (inside,)) for path in arguments if isinstance(path, str | bytes)
        ):
            raise Refused("an answer may change files in its own folder only")

    sys.addaudithook(hook)
