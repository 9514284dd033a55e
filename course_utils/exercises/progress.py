"""What a student has done, kept in the workspace: tries, hints, and when each exercise was right (all lectures)."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

from course_utils.data.files import write_text

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
