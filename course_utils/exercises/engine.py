"""What an exercise is, and how `check` and `hint` answer in a notebook (all lectures)."""

import textwrap
import tomllib
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_utils.exercises import progress
from course_utils.exercises.own_work import LibraryUsed, TimeIsUp, copied_from, find_reference, within, without_library
from course_utils.figures.style import COLOURS

SECONDS = 10  # that a check may take; the slowest of ours takes less than one
STUBS = ("", "your turn")  # what nbgrader's and our own stubs say
WIDE = 100  # characters in a line of an answer


class Wrong(Exception):
    """Raised by an exercise's check: its message tells the student which mistake this looks like.

    Args:
        message: what was found, and which mistake that looks like.
        found, expected: two arrays (H, W) of the smallest case that fails, drawn side by side in a notebook.
    """

    def __init__(self, message: str, found=None, expected=None):
        super().__init__(message)
        self.picture = None if found is None else (found, expected)


class NotYet(Exception):
    """A check that was not passed. Shown in the notebook as its message alone, without our stack."""

    def _render_traceback_(self) -> list[str]:
        return [wrapped(str(self))]


def wrapped(message: str) -> str:
    """A message in lines that fit into a notebook; its own line breaks stay."""
    return "\n".join(textwrap.fill(line, WIDE, break_long_words=False) for line in message.splitlines())


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lecture.

    Args:
        name: `<lecture>.<function>`, such as `"02.linear_to_conv"`.
        task: one sentence that says what to write.
        check: takes what the student wrote, raises `Wrong` with a message for each mistake it knows.
        hints: three, from a nudge over the way to nearly there.
        right: what to say once it is right.
        points: what it is worth.
        references: what in the library says the same, as dotted paths: it is out of reach while the student's function
            runs, and is recognised when its code comes back under another name.
    """

    name: str
    task: str
    check: Callable[[Callable], None]
    hints: tuple[str, str, str]
    right: str
    points: int = 1
    references: tuple[str, ...] = ()

    def judge(self, answer: Callable) -> None:
        """Check what a student wrote, as the student's own work.

        Raises:
            Wrong: with the message for the student; whatever else the answer raises.
        """
        copied = copied_from(answer, self.references)
        if copied:
            raise Wrong(
                f"This is {copied}, word for word or under other names. It is right, and it is ours: close it, and "
                "write the idea down yourself. The hints begin where you are."
            )
        try:
            self.check(without_library(answer, self.references) if self.references else answer)
        except LibraryUsed as used:
            raise Wrong(
                f"Your function calls {used}, which is a ready answer to this exercise. You may use it in every other cell; "
                "here, write the idea itself."
            ) from None


def find_exercise(name: str) -> Exercise:
    """The exercise of that name.

    Raises:
        ValueError: where there is none; names those of its lecture.
    """
    lecture = name.partition(".")[0]
    exercises = {exercise.name: exercise for exercise in exercises_of(lecture)}
    if name not in exercises:
        raise ValueError(f"there is no exercise {name!r}: lecture {lecture} has {', '.join(exercises)}")
    return exercises[name]


@cache
def exercises_of(lecture: str) -> list[Exercise]:
    """A lecture's exercises in order: what they say from `lectureNN.toml`, how they judge from `lectureNN.py`.

    Raises:
        ValueError: where the lecture has none.
    """
    said = texts_of(lecture)["exercises"]
    module = import_module(f"course_utils.exercises.lecture{lecture}")
    return [
        Exercise(
            f"{lecture}.{name}",
            check=getattr(module, f"check_{name}"),
            **{key: tuple(value) if isinstance(value, list) else value for key, value in text.items()},
        )
        for name, text in said.items()
    ]


@cache
def texts_of(lecture: str) -> dict:
    """What a lecture's exercises and quiz say.

    Raises:
        ValueError: where the lecture has none.
    """
    path = Path(__file__).with_name(f"lecture{lecture}.toml")
    if not path.exists():
        raise ValueError(f"there is no lecture {lecture!r} with exercises: names look like '02.linear_to_conv'")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def check(name: str, answer: Callable) -> None:
    """Try a student's function and say that it is right, or which mistake it looks like.

    Raises:
        NotYet: with the message, where it is not right.
    """
    exercise = find_exercise(name)
    message = verdict(exercise, answer)
    trouble = progress.keep(name, lambda record: progress.count_try(record, right=not message))
    if trouble:
        print(wrapped(trouble))
    if message:
        raise NotYet(f"{name}: {message}")
    print(wrapped(f"{name}: right. {exercise.right}"))


def verdict(exercise: Exercise, answer: Callable) -> str:
    """What to say of an answer that is not right; "" where it is."""
    for path in exercise.references:
        find_reference(path)  # an import may take seconds, which are not the student's
    try:
        within(SECONDS, lambda: exercise.judge(answer))
    except Wrong as wrong:
        draw(wrong)
        return f"not yet. {wrong}"
    except TimeIsUp as error:
        return (
            f"not yet. Your code ran for {SECONDS} seconds and was stopped. {last_line(error, answer)}Is there a loop that "
            "never comes to its end?"
        )
    except Exception as error:
        if isinstance(error, NotImplementedError) and str(error) in STUBS:  # torch raises it, too, and says more
            return f"not written yet. {exercise.task} Need a nudge? Run hint({exercise.name!r})."
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return f"your code stopped with an error. {last_line(error, answer)}{said}"
    return ""


def last_line(error: BaseException, answer: Callable) -> str:
    """The student's own line that was running when an exception came, as the beginning of a sentence."""
    home = getattr(getattr(answer, "__code__", None), "co_filename", None)
    # notebook cells run from files named like <ipython-input-...> or .../ipykernel_1234/567.py
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == home or "ipython-input" in frame.filename or "ipykernel_" in frame.filename
    ]
    return f"In line {frames[-1].lineno} of your cell, `{frames[-1].line}`: " if frames else ""


def draw(wrong: Wrong) -> None:
    """In a notebook, draw what was found beside what was expected."""
    from IPython import get_ipython

    if wrong.picture is None or getattr(get_ipython(), "kernel", None) is None:
        return
    from course_utils.figures.style import show

    show(answer_beside_expected(*wrong.picture), alt="Left: what was expected. Right: what your function returned.")


_hints_given: dict[str, int] = {}  # where there is no workspace to remember them


def hint(name: str) -> None:
    """Print the next hint of an exercise: a nudge first, then the way, then nearly there."""
    exercise = find_exercise(name)
    records = progress.read_progress(progress.find_workspace())
    given = max(records[name].hints if name in records else 0, _hints_given.get(name, 0))
    number = min(given, len(exercise.hints) - 1)
    _hints_given[name] = number + 1

    def count(record: progress.Record) -> None:
        record.hints = number + 1

    trouble = progress.keep(name, count)
    print(wrapped(f"Hint {number + 1} of {len(exercise.hints)}: {exercise.hints[number]}"))
    if trouble:
        print(wrapped(trouble))


FEW = 8  # cells along a side up to which their numbers are written into them


def answer_beside_expected(found, expected) -> Figure:
    """Two small maps side by side; cells that differ have a frame, so that nobody has to compare colours.

    Args:
        found, expected: arrays or tensors (H, W) of numbers or of True and False.
    """
    found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    same_shape = found.shape == expected.shape
    differs = ~np.isclose(found, expected, atol=1e-4, equal_nan=True) if same_shape else None
    finite = np.concatenate([found[np.isfinite(found)], expected[np.isfinite(expected)]])
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    tall, wide = expected.shape
    figure, axes = plt.subplots(1, 2, figsize=(8.5, min(4.4, 0.9 + 3.9 * tall / max(wide, 1))))
    count = f", {differs.sum()} of {differs.size} cells differ" if same_shape else f", of shape {found.shape}"
    for place, numbers, title in ((axes[0], expected, "Expected"), (axes[1], found, "Yours" + count)):
        place.imshow(numbers, cmap="cividis", vmin=low, vmax=max(high, low + 1e-6))
        place.set_title(title)
        place.set_xticks([])
        place.set_yticks([])
        place.spines[:].set_visible(False)
        if max(numbers.shape) <= FEW:
            write_numbers(place, numbers, (low + high) / 2)
    for row, column in np.argwhere(differs) if same_shape else ():
        box = plt.Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, fill=False, lw=3, ec=COLOURS["red"])
        axes[1].add_patch(box)
    return figure


def write_numbers(place, numbers: np.ndarray, middle: float) -> None:
    """Write each cell's number into it, light on dark and dark on light."""
    for (row, column), number in np.ndenumerate(numbers):
        colour = "black" if number > middle else "white"
        place.text(column, row, f"{number:.3g}", ha="center", va="center", color=colour, fontsize=14)
