"""The student's folder: copies of the notebooks, handed out and brought up to date, and never overwritten."""

import contextlib
import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.sign import NotebookNotary

from course_utils.atomic import write_text
from course_utils.lectures import NOTEBOOKS, ROOT, Lecture
from course_utils.notebooks import read_notebook
from course_utils.progress import LEDGER, SOLUTIONS
from course_utils.student_copies import student_copy

WORKSPACE = ROOT / "workspace"
BESIDE = re.compile(r"(.+)\.new-(\d{4}-\d\d-\d\d)(?:-(\d+))?\.ipynb$")
HALF = (".*.ipynb.*.part", f"{SOLUTIONS}/.*.ipynb.*.part", f".{LEDGER}.*.part")  # as course_utils.atomic names them
PATIENCE = 60  # seconds that one `course lab` waits for another one


def update_workspace(folder: Path, notebooks: Path = NOTEBOOKS) -> list[str]:
    """Make the student's copies, or bring those up to date that the student has not touched.

    A copy that the student changed stays as it is, results of running it included; a newer version is laid beside it
    once, with the date in its name. What was handed out is remembered in `folder/.handed_out.json`. Each file appears
    in one step, so that an end half-way leaves whole files, and the next call goes on.

    Returns:
        what was done, a line each

    Raises:
        OSError: where the folder cannot be written, or another call holds it for a minute.
    """
    done = []
    with alone_in(folder) as handed_out:
        for source in sorted(notebooks.glob("[0-9][0-9]_*.ipynb")):
            done += hand_out(folder, source.name, student_copy(read_notebook(source)), handed_out)
    return done


def lay_out_solution(folder: Path, lecture: Lecture) -> tuple[Path, list[str]]:
    """Put a lecture with its solutions into `folder/solutions/`, read-only and apart from the student's own copy.

    Returns:
        the copy's file, and what was done, a line each

    Raises:
        OSError: where the folder cannot be written.
        ValueError: where the notebook cannot be read.
    """
    whole = read_notebook(lecture.notebook)
    whole.cells = [cell for cell in whole.cells if cell.metadata.get("slideshow", {}).get("slide_type") != "notes"]
    name = f"{SOLUTIONS}/{lecture.notebook.name}"
    with alone_in(folder) as handed_out:
        (folder / SOLUTIONS).mkdir(exist_ok=True)
        done = hand_out(folder, name, whole, handed_out, read_only=True)
    newest = [beside for mine, beside in new_versions(folder) if mine == name]
    return folder / (newest[-1] if newest else name), done


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[dict]:
    """What was handed out in a workspace, for one process at a time; what a killed one left half-written is removed.

    Raises:
        OSError: where the folder cannot be written, or another process keeps it.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / f"{LEDGER}.lock", timeout=PATIENCE):
            for half in [part for kind in HALF for part in folder.glob(kind)]:
                half.unlink(missing_ok=True)
            yield read_ledger(folder / LEDGER)
    except Timeout:
        raise OSError(f"another `course` command has been at work in {folder} for {PATIENCE} seconds") from None


def hand_out(folder: Path, name: str, new: NotebookNode, handed_out: dict, read_only: bool = False) -> list[str]:
    """Write one copy, or lay it beside the student's; remember it, and say what was done.

    Args:
        name: the copy's path in the folder.
        handed_out: for each name the version that the copy came from, then those that were laid beside it.
    """
    mine, known, version = folder / name, handed_out.get(name, []), fingerprint(new)
    if mine.exists() and version in known:
        return []
    now = work_in(mine) if mine.exists() else None
    done = []
    if now == version:  # written by a call that was ended before it could remember
        handed_out[name] = [version]
    elif now is not None and known[:1] != [now]:
        beside = unused(mine)
        write_copy(beside, new, read_only)
        done = [f"{name}: has your work and stays; the new version lies beside it as {beside.name}"]
        handed_out[name] = [*(known or [""]), version]
    else:
        write_copy(mine, new, read_only)
        done = [f"{name}: " + ("made" if now is None else "updated (you had not changed it)")]
        handed_out[name] = [version]
    write_text(folder / LEDGER, json.dumps(handed_out, indent=2) + "\n")
    return done


def write_copy(path: Path, notebook: NotebookNode, read_only: bool) -> None:
    """Write a notebook and sign it, as `jupyter trust` does: JupyterLab strips what an unsigned one draws in HTML."""
    if read_only and path.exists():
        path.chmod(0o644)  # Windows replaces no read-only file
    write_text(path, nbformat.writes(notebook) + "\n")
    if read_only:
        path.chmod(0o444)
    with contextlib.suppress(OSError, sqlite3.Error):  # unsigned it works as well, and draws less until it is run
        NotebookNotary().sign(notebook)


def new_versions(folder: Path) -> list[tuple[str, str]]:
    """Copies with the student's work, each with the file of the newest version that lies beside it, in order."""
    found: dict[str, tuple] = {}
    for beside in [*folder.glob("*.ipynb"), *folder.glob(f"{SOLUTIONS}/*.ipynb")]:
        parts = BESIDE.match(beside.name)
        if parts:
            mine = beside.with_name(f"{parts[1]}.ipynb").relative_to(folder).as_posix()
            newest = parts[2], int(parts[3] or 1), beside.relative_to(folder).as_posix()
            found[mine] = max(found.get(mine, newest), newest)
    return sorted((mine, newest[-1]) for mine, newest in found.items())


def fingerprint(notebook: NotebookNode) -> str:
    """What a notebook says and shows, in short: opening and saving it changes its metadata and not this."""
    shown = [[cell.cell_type, cell.source, *map(seen, cell.get("outputs", []))] for cell in notebook.cells]
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:20]


def seen(output: NotebookNode) -> dict:
    """The part of an output that a reader sees."""
    return {key: output[key] for key in ("text", "data", "evalue") if key in output}


def work_in(path: Path) -> str:
    """The fingerprint of a student's copy; one that cannot be read is work, too."""
    try:
        return fingerprint(read_notebook(path))
    except ValueError:
        return "unreadable"


def read_ledger(ledger: Path) -> dict:
    """What was handed out; nothing where the file is missing or damaged, so that every copy counts as the student's."""
    try:
        held = json.loads(ledger.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}


def unused(mine: Path) -> Path:
    """A file name for a new version that no file has yet: `02_name.new-2026-11-23.ipynb`."""
    today = date.today().isoformat()
    names = [f"{mine.stem}.new-{today}.ipynb"] + [f"{mine.stem}.new-{today}-{count}.ipynb" for count in range(2, 100)]
    return next(mine.with_name(name) for name in names if not mine.with_name(name).exists())
