"""The student's own copies of the notebooks: solutions left out, work never overwritten."""

import copy
import hashlib
import json
import re
from datetime import date
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.sign import NotebookNotary

from course_utils.atomic import write_text
from course_utils.notebooks import NOTEBOOKS, ROOT, read_notebook

WORKSPACE = ROOT / "workspace"
SOLUTION = re.compile(r"^([ \t]*)### BEGIN SOLUTION\n.*?^[ \t]*### END SOLUTION[ \t]*$", re.DOTALL | re.MULTILINE)


def student_copy(notebook: NotebookNode) -> NotebookNode:
    """A notebook as a student gets it: each solution replaced by a line that says whose turn it is.

    The outputs of solution cells and of their checks go too, and so do the notes for the lecturer.
    """
    notebook = copy.deepcopy(notebook)
    notebook.cells = [
        cell for cell in notebook.cells if cell.metadata.get("slideshow", {}).get("slide_type") != "notes"
    ]
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "code" and SOLUTION.search(cell.source):
            cell["source"] = SOLUTION.sub(r'\1raise NotImplementedError("your turn")', cell.source)
        if cell.cell_type == "code" and ("solution" in tags or "check" in tags):
            cell["outputs"], cell["execution_count"] = [], None
    return notebook


def update_workspace(folder: Path, notebooks: Path = NOTEBOOKS) -> list[str]:
    """Make the student's copies, or bring those up to date that the student has not touched.

    A copy that the student changed stays as it is, results of running it included; a newer version is laid beside it
    once, with the date in its name. What was handed out is remembered in `folder/.handed_out.json`.

    Returns:
        what was done, a line each

    Raises:
        OSError: where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ledger = folder / ".handed_out.json"
    handed_out = read_ledger(ledger)
    done = []
    for source in sorted(notebooks.glob("[0-9][0-9]_*.ipynb")):
        new, mine = student_copy(read_notebook(source)), folder / source.name
        known = handed_out.get(source.name, [])  # the version that the copy came from, then those laid beside it
        if mine.exists() and fingerprint(new) in known:
            continue
        if mine.exists() and known[:1] != [work_in(mine)]:
            beside = unused(folder, source.stem)
            write_trusted(beside, new)
            done.append(f"{mine.name}: has your work and stays; the new version lies beside it as {beside.name}")
            handed_out[source.name] = [*(known or [""]), fingerprint(new)]
        else:
            done.append(f"{mine.name}: " + ("updated (you had not changed it)" if mine.exists() else "made"))
            write_trusted(mine, new)
            handed_out[source.name] = [fingerprint(new)]
        write_text(ledger, json.dumps(handed_out, indent=2) + "\n")
    return done


def write_trusted(path: Path, notebook: NotebookNode) -> None:
    """Write a notebook and sign it, as `jupyter trust` does: JupyterLab strips what an unsigned one draws in HTML."""
    write_text(path, nbformat.writes(notebook) + "\n")
    NotebookNotary().sign(notebook)


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
        return json.loads(ledger.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return {}


def unused(folder: Path, stem: str) -> Path:
    """A file name for a new version that no file has yet: `02_name.new-2026-11-23.ipynb`."""
    today = date.today().isoformat()
    names = [f"{stem}.new-{today}.ipynb"] + [f"{stem}.new-{today}-{count}.ipynb" for count in range(2, 100)]
    return next(folder / name for name in names if not (folder / name).exists())
