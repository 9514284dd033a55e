"""The student's folder: copies without solutions, handed out and brought up to date, never overwritten."""

import ast
import contextlib
import copy
import functools
import hashlib
import json
import re
import sqlite3
import symtable
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.sign import NotebookNotary

from course_utils.course.lectures import NOTEBOOKS, ROOT, Lecture
from course_utils.course.notebooks import read_notebook
from course_utils.data.files import write_text
from course_utils.exercises.progress import LEDGER, SOLUTIONS

# What stands in for a solution, and how its place is found: as nbgrader finds it, wherever in a line the words stand.
SOLUTION = re.compile(
    r"^([ \t]*)[^\n]*\bBEGIN[ \t]+SOLUTION[^\n]*\n(.*?)^[^\n]*\bEND[ \t]+SOLUTION[^\n]*$",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
MARKER = re.compile(r"\b(?:BEGIN|END)[\s_-]*SOLUTION", re.IGNORECASE)  # what no student's copy may hold
STUB = 'raise NotImplementedError("your turn")'
TEXT_STUB = "*Your turn: write your answer here.*"


def student_copy(notebook: NotebookNode) -> NotebookNode:
    """A copy with a stub in place of each solution, and without the lecturer's notes.

    The outputs of solutions and checks are cleared, and so are those of every cell that uses what a solution defines,
    directly or through the names of cells in between. All else stays as it was run.

    Raises:
        ValueError: where a solution would stay in the copy: a marker is left over (BEGIN without END, END without
            BEGIN), or there is nothing between two, or a cell for a solution has none, or one of its functions has none.
            Names every such cell.
    """
    notebook = copy.deepcopy(notebook)
    solved, kept, wrong = cells_of_solutions(notebook), [], []
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.metadata.get("slideshow", {}).get("slide_type") == "notes":
            continue
        kept.append(cell)
        source, blocks = cell.source, [match[2].strip() for match in SOLUTION.finditer(cell.source)]
        if blocks:
            cell["source"] = with_stubs(cell)
            cell.pop("attachments", None)
        if cell.cell_type == "code" and cell["id"] in solved:
            cell["outputs"], cell["execution_count"] = [], None
        left = MARKER.search(f"{cell.source}\n{json.dumps(cell, ensure_ascii=False)}")
        whole = [name for name in whole_definitions(cell.source) if blocks and cell.cell_type == "code"]
        if left or whole or not all(blocks or [not for_a_solution(cell)]):
            line = next(iter(source.strip().splitlines()), "empty")[:60]
            why = f"holds {left[0]!r}" if left else "is a solution, and nothing of it is between markers"
            if whole and not left:
                why = f"still defines {', '.join(whole)} whole; what students may have belongs into a cell of its own"
            wrong.append(f"cell {number} ({line}) {why}")
    if wrong:
        raise ValueError(
            f"a student's copy would show a solution: {'; '.join(wrong)}. "
            "A solution stands between a line `### BEGIN SOLUTION` and a line `### END SOLUTION`"
        )
    notebook.cells = kept
    drop_unused_widgets(notebook)
    return notebook


def for_a_solution(cell: NotebookNode) -> bool:
    """Whether a cell is where a student writes, by its tag or by nbgrader's label."""
    return "solution" in cell.metadata.get("tags", []) or bool(cell.metadata.get("nbgrader", {}).get("solution"))


def whole_definitions(source: str) -> list[str]:
    """The functions and classes of a cell in which nothing is left to write."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return [
        node.name for node in statements(source) if isinstance(node, kinds) and "your turn" not in ast.unparse(node)
    ]


def with_stubs(cell: NotebookNode) -> str:
    """A solution cell's source with stubs that say what to do."""
    lecture, _, name = cell.metadata.get("nbgrader", {}).get("grade_id", "").partition("-")
    told = False

    def stub(match: re.Match) -> str:
        nonlocal told
        indent, lines = match[1], [STUB]
        if cell.cell_type != "code":
            return TEXT_STUB
        if not told:
            lines = [
                "# Your turn: put your lines here in place of the next one, then run this cell and the check.",
                STUB,
            ]
            if name:
                lines.insert(1, f'# Stuck? Run hint("{lecture}.{name}") in a new cell.')
        told = True
        return "\n".join(indent + line for line in lines)

    return SOLUTION.sub(stub, cell.source)


def cells_of_solutions(notebook: NotebookNode) -> set[str]:
    """Ids of the cells whose outputs a solution made: solutions, checks, and what uses their names."""
    made: set[str] = set()  # names that hold something a solution made
    imported: set[str] = set()
    found = set()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        solution = bool(SOLUTION.search(cell.source)) or for_a_solution(cell)
        if solution or "check" in cell.metadata.get("tags", []):
            found.add(cell["id"])
        for statement in statements(cell.source):
            reads, binds = names_in(statement)
            if isinstance(statement, ast.Import | ast.ImportFrom):
                imported |= binds
            elif solution or reads & made:
                made |= binds | (changed_by(statement) - imported)
                found.add(cell["id"])
                continue
            made -= binds
    return found


def statements(source: str) -> list[ast.stmt]:
    """A cell's statements; lines of IPython's own, such as `%matplotlib`, are left out."""
    plain = re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE)
    try:
        return ast.parse(plain).body
    except SyntaxError:
        return []


def names_in(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """The notebook's names that a statement reads, inside of functions too, and those that it binds."""
    scope = symtable.symtable(ast.unparse(statement), "cell", "exec")
    symbols = scope.get_symbols()
    binds = {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}
    reads = {symbol.get_name() for symbol in symbols if symbol.is_referenced()}
    scopes = scope.get_children()
    while scopes:
        inner = scopes.pop()
        reads |= {symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global()}
        scopes += inner.get_children()
    return reads, binds


def changed_by(statement: ast.stmt) -> set[str]:
    """The names whose objects a statement may change without binding them.

    Something is stored in them (`a.b = 1`, `a[0] = 1`), or a call that stands alone is theirs or is handed them
    (`a.append(1)`, `start(a)`).
    """
    changed = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            changed |= root(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            call = node.value
            changed |= root(call.func) if isinstance(call.func, ast.Attribute) else set()
            changed |= {argument.id for argument in call.args if isinstance(argument, ast.Name)}
    return changed


def root(node: ast.expr) -> set[str]:
    """The name at the beginning of `name.part[0].part`, if there is one."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def drop_unused_widgets(notebook: NotebookNode) -> None:
    """Take the state of widgets out of the notebook's metadata that no output shows any more."""
    widgets = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json")
    if not widgets:
        return
    state = widgets.get("state", {})
    outputs = json.dumps([cell.get("outputs", []) for cell in notebook.cells])
    waiting, shown = [key for key in state if key in outputs], set()
    while waiting:
        key = waiting.pop()
        if key not in shown:
            shown.add(key)
            inside = json.dumps(state[key])
            waiting += [other for other in state if other not in shown and other in inside]
    widgets["state"] = {key: value for key, value in state.items() if key in shown}


WORKSPACE = ROOT / "workspace"
BESIDE = re.compile(r"(.+)\.new-(\d{4}-\d\d-\d\d)(?:-(\d+))?\.ipynb$")
HALF = (".*.ipynb.*.part", f"{SOLUTIONS}/.*.ipynb.*.part", f".{LEDGER}.*.part")  # as course_utils.data.files names them
ANY_KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
PATIENCE = 60  # seconds that one `course lab` waits for another one


def update_workspace(folder: Path, notebooks: Path = NOTEBOOKS, kernel: dict = ANY_KERNEL) -> list[str]:
    """Make the student's copies, or bring those up to date that the student has not touched.

    A copy that the student changed stays as it is, results of running it included; a newer version is laid beside it
    once, with the date in its name. What was handed out is remembered in `folder/.handed_out.json`. Each file appears
    in one step, so that an end half-way leaves whole files, and the next call goes on.

    Args:
        kernel: what the copies' metadata say of their kernel: any Python, or `own_kernel()` where they are opened here.

    Returns:
        what was done, a line each

    Raises:
        OSError: where the folder cannot be written, or another call holds it for a minute.
        ValueError: where a copy would show a solution, or a notebook cannot be read; then nothing is handed out.
    """
    copies = {}
    for source in sorted(notebooks.glob("[0-9][0-9]_*.ipynb")):
        try:
            copies[source.name] = student_copy(read_notebook(source))
            copies[source.name].metadata.update(kernel)
        except ValueError as error:
            raise ValueError(f"{source.name}: {error}") from None
    with alone_in(folder) as handed_out:
        return [line for name, new in copies.items() for line in hand_out(folder, name, new, handed_out)]


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
    whole.metadata.update(own_kernel())
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


@functools.cache
def own_kernel() -> dict:
    """What JupyterLab writes into a notebook's metadata once a kernel of this machine has started.

    A copy that says something else is marked as changed at its first look.
    """
    from ipykernel.ipkernel import IPythonKernel
    from jupyter_client.kernelspec import KernelSpecManager

    name = "python3"
    shown = KernelSpecManager().get_kernel_spec(name).display_name
    kernel = {"display_name": shown, "language": "python", "name": name}
    return {"kernelspec": kernel, "language_info": IPythonKernel.language_info}


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
