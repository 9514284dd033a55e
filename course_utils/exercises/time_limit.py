"""Stopping a student's loop that has no end, in any thread and on every system (all lectures)."""

import ctypes
import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType

AGAIN = 0.2  # seconds after which code that swallowed the exception gets it once more


class TimeIsUp(BaseException):
    """Raised inside code that ran longer than it may; no `except Exception` holds it back."""


def within(seconds: float, work: Callable[[], None]) -> None:
    """Run something, and stop it after so many seconds, between two of its Python instructions.

    A watching thread raises `TimeIsUp` in the thread that is here: signals would do so in the main thread of Linux and
    macOS only. A bare `except:` swallows it once, so it is raised again until the code gives up. A single call into C,
    such as one huge product of matrices, is stopped when it returns.

    Raises:
        TimeIsUp: with the traceback of the line that was running.
    """
    here, over = threading.get_ident(), threading.Event()

    def inside():
        work()

    def watch():
        wait = seconds
        while not over.wait(wait) and is_running(inside.__code__, sys._current_frames().get(here)):
            raise_in(here, TimeIsUp)
            wait = AGAIN

    def stop():
        over.set()
        watcher.join()
        raise_in(here, None)  # what was raised and has not arrived yet must not arrive in somebody else's line

    watcher = threading.Thread(target=watch, name="time limit of a check", daemon=True)
    watcher.start()
    try:
        try:
            inside()
        finally:
            stop()
    finally:
        stop()  # again, where the exception came while the first was on its way


def is_running(code: CodeType, frame: FrameType | None) -> bool:
    """Whether a piece of code is in a stack."""
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None


def raise_in(thread: int, exception: type[BaseException] | None) -> None:
    """Have an exception raised in a thread as soon as it runs Python again; None takes it back."""
    what = None if exception is None else ctypes.py_object(exception)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), what)
