"""What a student has done: kept in the workspace, for the map on the start page and for `course progress`."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

from course_utils.atomic import write_text
from course_utils.lectures import Lecture, lectures

LEDGER = ".handed_out.json"  # a folder with this file in it is a workspace
SOLUTIONS = "solutions"
FILE = ".progress.json"
PATIENCE = 10  # seconds that one kernel waits for another one's writing


@dataclass
class Record:
    """What happened to one exercise.

    Args:
        tries: how often it was checked.
        hints: how many hints were taken.
        right: when it was right for the first time, or "".
    """

    tries: int = 0
    hints: int = 0
    right: str = ""


def find_workspace(start: Path | None = None) -> Path | None:
    """The workspace that a folder lies in; none for a lecturer's own notebooks and for copies of solutions."""
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / LEDGER).exists():
            return None if SOLUTIONS in start.relative_to(folder).parts else folder
    return None


def read_progress(workspace: Path | None) -> dict[str, Record]:
    """Each exercise's record by its name; a damaged file is set aside, and its twin is read."""
    if workspace is None:
        return {}
    try:
        return parse((workspace / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        pass
    except (OSError, ValueError):
        set_aside(workspace / FILE)
    try:
        return parse(twin(workspace).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def parse(text: str) -> dict[str, Record]:
    """Records from the file's text.

    Raises:
        ValueError: where the text is not what `update` writes.
    """
    held, known = json.loads(text), {field.name for field in fields(Record)}
    try:
        return {
            str(name): Record(**{key: value for key, value in record.items() if key in known})
            for name, record in held["exercises"].items()
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a record of progress: {error}") from None


def twin(workspace: Path) -> Path:
    """Where the same is kept a second time."""
    return workspace / f"{FILE}.twin"


def set_aside(path: Path) -> None:
    """Keep a damaged file under a name with the time in it."""
    with suppress(OSError):  # somebody else was quicker, or nothing may be written here: reading goes on without it
        path.rename(path.with_name(f"{path.name}.damaged-{datetime.now():%Y-%m-%d-%H%M%S}"))


@contextmanager
def update(workspace: Path, name: str) -> Iterator[Record]:
    """The record of one exercise, to be changed; written when the block ends, by one kernel at a time.

    Raises:
        OSError: where it cannot be written; what was there before still is.
    """
    from filelock import FileLock

    with FileLock(workspace / f"{FILE}.lock", timeout=PATIENCE):
        records = read_progress(workspace)
        record = records.setdefault(name, Record())
        yield record
        text = (
            json.dumps({"exercises": {key: asdict(value) for key, value in sorted(records.items())}}, indent=2) + "\n"
        )
        write_text(twin(workspace), text)
        write_text(workspace / FILE, text)


def keep(name: str, change: Callable[[Record], None]) -> str:
    """Change an exercise's record in the workspace around here, if there is one; what went wrong, or ""."""
    workspace = find_workspace()
    if workspace is None:
        return ""
    try:
        with update(workspace, name) as record:
            change(record)
    except OSError as error:  # filelock's Timeout is one, too
        return f"(Your progress could not be written to {workspace}: {error}. What you wrote is as right as before.)"
    return ""


def count_try(record: Record, right: bool) -> None:
    """One more try, and the moment when it was right for the first time."""
    record.tries += 1
    if right and not record.right:
        record.right = f"{datetime.now():%Y-%m-%d %H:%M}"


def exercises_of(lecture: Lecture) -> list[str]:
    """The names of a lecture's exercises in the order in which they come, from the labels of its cells."""
    labels = re.findall(r'"grade_id": "(\d\d)-(\w+)"', lecture.script.read_text(encoding="utf-8"))
    return [f"{number}.{name}" for number, name in labels]


@dataclass(frozen=True)
class Standing:
    """How far a student is in a lecture: the exercises that are right, of how many, and hints taken."""

    lecture: str
    done: tuple[str, ...]
    open: tuple[str, ...]
    hints: int


def standings(workspace: Path | None) -> list[Standing]:
    """How far a student is in each lecture."""
    records = read_progress(workspace)
    found = []
    for lecture in lectures():
        names = exercises_of(lecture)
        done = tuple(name for name in names if name in records and records[name].right)
        hints = sum(records[name].hints for name in names if name in records)
        found.append(Standing(lecture.name, done, tuple(name for name in names if name not in done), hints))
    return found


def progress_lines(workspace: Path) -> list[str]:
    """How far a student is, a line a lecture: what is done, what comes next, how many hints were taken."""
    if find_workspace(workspace) is None:
        return [f"{workspace} holds no copies of the course yet: `course lab` makes them."]
    found, lines = standings(workspace), []
    for each in found:
        total = len(each.done) + len(each.open)
        line = f"{each.lecture:24}{'#' * len(each.done)}{'.' * len(each.open):<6}".ljust(32)
        line += f"{len(each.done)} of {total} done"
        line += f", next: {each.open[0]}" if each.done and each.open else ""
        line += f" ({each.hints} hint{'s' * (each.hints != 1)})" if each.hints else ""
        lines.append(line)
    done, total = sum(len(each.done) for each in found), sum(len(each.done) + len(each.open) for each in found)
    return [*lines, f"{done} of {total} exercises done"]
