"""Telling a student's own answer from the library's, which says the same (all lectures).

The library holds what the exercises ask for: lectures need it, and `inspect.getsource` shows it to whoever looks. A
check therefore takes the named references away while the student's function runs, and knows their code when it comes
back under another name.
"""

import ctypes
import dis
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from types import CodeType, FrameType

# how a call is set up depends on whether the module was imported in the same cell
UNIMPORTANT = {"RESUME", "NOP", "PRECALL", "PUSH_NULL", "KW_NAMES"}
LONG = 40  # instructions; above it two people hardly write the same by chance, whatever they call things


class LibraryUsed(BaseException):
    """Raised by a reference that a student's answer called. No `except Exception` holds it back."""


def find_reference(path: str) -> Callable:
    """The function or class that a dotted path names, such as `"course_utils.models.fcn.SkipFusion"`."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def without_library(answer: Callable, references: tuple[str, ...]) -> Callable:
    """The answer, with the references out of its reach for as long as it runs."""

    @wraps(answer)
    def alone(*arguments, **options):
        with taken_away(references):
            return answer(*arguments, **options)

    return alone


@contextmanager
def taken_away(references: tuple[str, ...]) -> Iterator[None]:
    """Let each reference raise `LibraryUsed`, under whatever name it was imported."""
    before = []
    try:
        for path in references:
            reference = find_reference(path)
            # the code and not the name: a notebook has imported the function under a name of its own
            part, of = (
                ("__init__", reference) if inspect.isclass(reference) else ("__code__", inspect.unwrap(reference))
            )
            before.append((of, part, getattr(of, part)))
            setattr(of, part, refusal(path) if part == "__init__" else refusal(path).__code__)
        yield
    finally:
        for of, part, original in reversed(before):
            setattr(of, part, original)


def refusal(path: str) -> Callable:
    """A function whose code, put into another module's function, raises `LibraryUsed`."""
    names: dict = {}
    exec(f"def refuse(*_, **__):\n from {__name__} import LibraryUsed\n raise LibraryUsed({path!r})", names)
    return names["refuse"]


def copied_from(answer: Callable, references: tuple[str, ...]) -> str | None:
    """The reference whose code the answer repeats, if any: names of variables count in short code only."""
    mine = codes(answer)
    for path in references:
        for theirs in codes(find_reference(path)):
            names_too = len(outline(theirs, False)) < LONG
            if any(outline(code, names_too) == outline(theirs, names_too) for code in mine):
                return path
    return None


def codes(answer: Callable) -> list[CodeType]:
    """The code of a function, or of every method that a class defines."""
    if inspect.isclass(answer):
        return [method.__code__ for method in vars(answer).values() if inspect.isfunction(method)]
    code = getattr(inspect.unwrap(answer), "__code__", None)
    return [code] if code else []


def outline(code: CodeType, names_too: bool) -> list[tuple]:
    """What a piece of code does, free of its docstring, annotations and place; of its variables' names, where asked."""
    steps = []
    for step in dis.get_instructions(code):
        if step.opname in UNIMPORTANT:
            continue
        if isinstance(step.argval, CodeType):
            what = tuple(outline(step.argval, names_too))
        elif step.opcode in dis.haslocal and not names_too:
            what = step.arg
        elif step.opcode in dis.hasjrel or step.opcode in dis.hasjabs:
            what = "jump"
        else:
            what = repr(step.argval)
        steps.append((step.opname.replace("LOAD_METHOD", "LOAD_ATTR"), what))
    return steps


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
