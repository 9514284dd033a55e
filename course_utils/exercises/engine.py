"""What an exercise is, and how `check` and `hint` answer in a notebook (all lectures)."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module


class Wrong(Exception):
    """Raised by an exercise's check: its message tells the student which mistake this looks like."""


class NotYet(Exception):
    """A check that was not passed. Shown in the notebook as its message alone, without our stack."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


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
    """

    name: str
    task: str
    check: Callable[[Callable], None]
    hints: tuple[str, str, str]
    right: str
    points: int = 1


def find_exercise(name: str) -> Exercise:
    """The exercise of that name.

    Raises:
        ValueError: where there is none; names those of its lecture.
    """
    lecture = name.partition(".")[0]
    exercises = {exercise.name: exercise for exercise in lecture_module(lecture).EXERCISES}
    if name not in exercises:
        raise ValueError(f"there is no exercise {name!r}: lecture {lecture} has {', '.join(exercises)}")
    return exercises[name]


def lecture_module(lecture: str):
    """The module that holds a lecture's exercises and quiz.

    Raises:
        ValueError: where the lecture has none.
    """
    try:
        return import_module(f"course_utils.exercises.lecture{lecture}")
    except ModuleNotFoundError as error:
        if error.name != f"course_utils.exercises.lecture{lecture}":
            raise
        raise ValueError(
            f"there is no lecture {lecture!r} with exercises: names look like '02.linear_to_conv'"
        ) from None


def check(name: str, answer: Callable) -> None:
    """Try a student's function and say that it is right, or which mistake it looks like.

    Raises:
        NotYet: with the message, where it is not right.
    """
    exercise = find_exercise(name)
    try:
        exercise.check(answer)
    except NotImplementedError:
        raise NotYet(f"{name}: not written yet. {exercise.task} Need a nudge? Run hint({name!r}).") from None
    except Wrong as wrong:
        raise NotYet(f"{name}: not yet. {wrong}") from None
    except Exception as error:
        raise NotYet(f"{name}: your code stopped with an error. {describe(error)}") from None
    print(f"{name}: right. {exercise.right}")


def describe(error: Exception) -> str:
    """The student's own line where an exception was raised, and what it said."""
    # notebook cells run from files named like <ipython-input-...> or .../ipykernel_1234/567.py
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "ipython" in frame.filename.lower() or "ipykernel" in frame.filename
    ]
    where = f"In line {frames[-1].lineno} of your cell, `{frames[-1].line}`: " if frames else ""
    return f"{where}{type(error).__name__}: {error}"


_hints_given: dict[str, int] = {}


def hint(name: str) -> None:
    """Print the next hint of an exercise: a nudge first, then the way, then nearly there."""
    exercise = find_exercise(name)
    given = _hints_given.get(name, 0)
    number = min(given, len(exercise.hints) - 1)
    _hints_given[name] = given + 1
    print(f"Hint {number + 1} of {len(exercise.hints)}: {exercise.hints[number]}")
