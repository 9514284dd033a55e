"""The student's own copies of the notebooks: solutions left out, work never overwritten."""

import copy
import hashlib
import json
import re
from datetime import date
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils.atomic import write_text
from course_utils.notebooks import NOTEBOOKS, ROOT, read_notebook

WORKSPACE = ROOT / "workspace"
SOLUTION = re.compile(r"^([ \t]*)### BEGIN SOLUTION\n.*?^[ \t]*### END SOLUTION[ \t]*$", re.DOTALL | re.MULTILINE)


def student_copy(notebook: NotebookNode) -> NotebookNode:
    """A notebook as a student gets it: each solution replaced by a line that says whose turn it is.

    The outputs of solution cells and of their checks go too; a figure above an exercise stays.
    """
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "code" and SOLUTION.search(cell.source):
            cell["source"] = SOLUTION.sub(r'\1raise NotImplementedError("your turn")', cell.source)
        if cell.cell_type == "code" and ("solution" in tags or "check" in tags):
            cell["outputs"], cell["execution_count"] = [], None
    return notebook


def update_workspace(folder: Path, notebooks: Path = NOTEBOOKS) -> list[str]:
    """Make the student's copies, or bring those up to date that the student has not touched.

    A copy that the student changed (or ran: its outputs are theirs) stays as it is; a newer version is laid beside it
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
        text = nbformat.writes(student_copy(read_notebook(source))) + "\n"
        new, mine = digest(text), folder / source.name
        if not mine.exists():
            write_text(mine, text)
            done.append(f"{mine.name}: made")
        elif digest(mine.read_text(encoding="utf-8", errors="replace")) == handed_out.get(source.name, {}).get("copy"):
            if new == handed_out[source.name]["copy"]:
                continue
            write_text(mine, text)
            done.append(f"{mine.name}: updated (you had not changed it)")
        elif new not in handed_out.get(source.name, {}).values():
            beside = unused(folder, source.stem)
            write_text(beside, text)
            done.append(f"{mine.name}: has your work and stays; the new version lies beside it as {beside.name}")
            handed_out.setdefault(source.name, {})["beside"] = new
            write_text(ledger, json.dumps(handed_out, indent=2) + "\n")
            continue
        else:
            continue
        handed_out[source.name] = {"copy": new}
        write_text(ledger, json.dumps(handed_out, indent=2) + "\n")
    return done


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


def digest(text: str) -> str:
    """A short fingerprint of a text."""
    return hashlib.sha256(text.encode("utf-8", errors="replace")).hexdigest()[:20]
