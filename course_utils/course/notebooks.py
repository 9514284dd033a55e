"""The course's notebooks: how they come from their scripts, and the rules that they keep.

People edit `notebooks/scripts/NN_name.py` (jupytext, percent format); `course build` makes `notebooks/NN_name.ipynb`
from it, executed. `problems` lists what is wrong with a pair, in words.
"""

import ast
import hashlib
import re
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from course_utils.course.lectures import ROOT, Lecture, lectures
from course_utils.data.files import write_text

PARAMETERS = ("PROFILE", "DEVICE", "SEED", "DATASET")
SLIDE_TYPES = ("slide", "subslide", "fragment", "notes", "skip", "-")
TAGS = {
    "parameters": "the cell that papermill overrides",
    "objectives": "what the student will be able to do",
    "exercise": "the text of an exercise",
    "solution": "the code cell in which the student writes",
    "check": "calls check() on what the student wrote",
    "quiz": "shows the quiz",
    "summary": "what the lecture found",
    "reading": "what to read next",
    "show-code": "slides show this cell's code",
    "nbval-check-output": "nbval compares this cell's text",
}
NOTES = "*For the lecturer"  # how notes begin: "*For the lecturer, 3 minutes.* Ask the room ..."
ATTACHED = re.compile(r"\]\(attachment:([^)\s]+)")  # a picture that lies in the notebook itself
MAX_LINES = 25
MAX_SET_UP = 15


def read_script(script: Path) -> NotebookNode:
    """The notebook that a script describes, without outputs, each cell with an id that its text decides.

    An id that follows from the text stays when cells around it come and go, so that diffs stay small.
    """
    notebook = jupytext.read(script, fmt="py:percent")
    notebook.metadata.pop("jupytext", None)
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:10]
        seen[digest] = seen.get(digest, 0) + 1
        cell["id"] = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def read_notebook(path: Path) -> NotebookNode:
    """A notebook file.

    Raises:
        ValueError: where the file is not a notebook; says what is wrong with it.
    """
    try:
        return nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise ValueError(f"{path} is missing: make it with `course build {path.name[:2]}`") from None
    except Exception as error:
        raise ValueError(f"{path} is not a notebook that can be read: {error}") from None


def problems(lecture: Lecture) -> list[str]:
    """Everything in which a lecture's script and notebook break the course's rules, each as a sentence."""
    source = read_script(lecture.script)
    found = [f"{lecture.script.name}: {problem}" for problem in source_problems(source)]
    try:
        executed = read_notebook(lecture.notebook)
    except ValueError as error:
        return [*found, str(error)]
    mend = f"run `course build {lecture.number}`"
    if [essence(cell) for cell in source.cells] != [essence(cell) for cell in executed.cells]:
        found.append(
            f"{lecture.notebook.name} is out of step with {lecture.script.name}: {first_difference(source, executed)}; {mend}"
        )
    found += [f"{lecture.notebook.name}: {problem}; {mend}" for problem in output_problems(executed)]
    return found


def source_problems(notebook: NotebookNode) -> list[str]:
    """Rules that a lecture's source breaks: tags, slide types, parameters, syntax, length of cells."""
    found = []
    for number, cell in enumerate(notebook.cells, start=1):
        where = f"cell {number} ({cell.source.strip().splitlines()[0][:50] if cell.source.strip() else 'empty'})"
        unknown = [tag for tag in cell.metadata.get("tags", []) if tag not in TAGS]
        if unknown:
            found.append(f"{where} has the unknown tag {', '.join(unknown)}; the course's tags are {', '.join(TAGS)}")
        slide_type = cell.metadata.get("slideshow", {}).get("slide_type")
        if slide_type not in SLIDE_TYPES:
            found.append(f"{where} has the slide type {slide_type!r}; it must be one of {', '.join(SLIDE_TYPES)}")
        if slide_type == "notes" and not cell.source.startswith(NOTES):
            found.append(f"{where} holds notes and must begin with '{NOTES}', so that a reader knows whom they are for")
        if cell.cell_type == "code":
            lines = len(cell.source.splitlines())
            if lines > MAX_LINES:
                found.append(f"{where} has {lines} lines; {MAX_LINES} is the most: move code into course_utils")
            try:
                ast.parse(cell.source)
            except SyntaxError as error:
                found.append(f"{where} is not Python: {error.msg}, line {error.lineno} of the cell")
    return found + parameter_problems(notebook) + set_up_problems(notebook)


def parameter_problems(notebook: NotebookNode) -> list[str]:
    """What is wrong with the cell that papermill overrides: exactly one, with exactly the course's parameters."""
    cells = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        return [f"{len(cells)} cells are tagged 'parameters'; there must be one"]
    try:
        names = [target.id for node in ast.parse(cells[0].source).body for target in getattr(node, "targets", [])]
    except SyntaxError:
        return []  # already reported with its line
    found = [
        f"the parameter {name} is unknown; a lecture has {', '.join(PARAMETERS)}"
        for name in names
        if name not in PARAMETERS
    ]
    return found + [f"the parameter {name} is missing" for name in PARAMETERS if name not in names]


def set_up_problems(notebook: NotebookNode) -> list[str]:
    """What is wrong with the cell in which a lecture begins: all imports that its cells share, short and hidden."""
    cell = next((cell for cell in notebook.cells if "begin(PROFILE" in cell.source and cell.cell_type == "code"), None)
    if cell is None:
        return []
    found, lines = [], len(cell.source.splitlines())
    if lines > MAX_SET_UP:
        found.append(
            f"the set-up cell has {lines} lines; {MAX_SET_UP} is the most: import where a name is used, from rooms"
        )
    if not cell.metadata.get("jupyter", {}).get("source_hidden"):
        found.append('the set-up cell is not hidden: give it jupyter={"source_hidden": true}')
    return found


def output_problems(notebook: NotebookNode) -> list[str]:
    """What shows that a notebook was not executed, or not in full."""
    code = [(number, cell) for number, cell in enumerate(notebook.cells, start=1) if cell.cell_type == "code"]
    found = [
        f"cell {number} was not executed"
        for number, cell in code
        if cell.source.strip() and cell.execution_count is None
    ]
    if not any(cell.outputs for _, cell in code):
        found.append("no cell has an output: nbval would compare nothing")
    for number, cell in enumerate(notebook.cells, start=1):
        missing = [name for name in ATTACHED.findall(cell.source) if name not in cell.get("attachments", {})]
        found += [f"cell {number} shows the picture {name}, which is not in the notebook" for name in missing]
    for number, cell in code:
        errors = [output for output in cell.outputs if output.output_type == "error"]
        found += [f"cell {number} holds an error: {error.ename}: {error.evalue}" for error in errors]
        noise = [output.text.strip() for output in cell.outputs if output.get("name") == "stderr"]
        found += [f"cell {number} wrote to stderr, which readers take for an error: {text[:80]}" for text in noise]
        if "nbval-check-output" in cell.metadata.get("tags", []) and not cell.outputs:
            found.append(f"cell {number} is tagged nbval-check-output and has no output to compare")
    return found


def essence(cell: NotebookNode) -> tuple:
    """What a script and its notebook must agree on."""
    kept = {key: cell.metadata.get(key) for key in ("tags", "slideshow", "nbgrader", "jupyter")}
    return cell.cell_type, cell.source, kept


def first_difference(source: NotebookNode, executed: NotebookNode) -> str:
    """Where two notebooks part, in words."""
    for number, (mine, theirs) in enumerate(zip(source.cells, executed.cells, strict=False), start=1):
        if essence(mine) != essence(theirs):
            line = next(iter(mine.source.strip().splitlines()), "an empty cell")
            return f"cell {number} differs ('{line[:50]}')"
    return f"the script has {len(source.cells)} cells, the notebook {len(executed.cells)}"


GUIDE = ROOT / "docs" / "teaching.md"
MINUTES = re.compile(re.escape(NOTES) + r", (\d+) minutes?\b(?P<exercise> with the exercises?)?")
TABLE = re.compile(
    r"(?P<begin><!-- minutes of lecture (?P<number>\d\d) -->\n).*?(?P<end><!-- end of minutes -->)", re.DOTALL
)


def minutes_table(lecture: Lecture) -> str:
    """A lecture's slides in Markdown: from which minute, for how long, what they ask.

    Raises:
        ValueError: where notes do not say how many minutes they take.
    """
    slides: list[list] = []
    heading = lecture.name
    for number, cell in enumerate(read_script(lecture.script).cells, start=1):
        if cell.cell_type != "markdown":
            continue
        if not cell.source.startswith(NOTES):
            title = re.search(r"^#+ (.+)$", cell.source, re.MULTILINE)
            heading = title[1] if title else heading
            continue
        found = MINUTES.match(cell.source)
        if not found:
            raise ValueError(f"{lecture.script.name}, cell {number}: notes begin '{NOTES}, 3 minutes.*', with a number")
        if not slides or slides[-1][0] != heading:
            slides.append([heading, 0, False])
        slides[-1][1] += int(found[1])
        slides[-1][2] |= bool(found["exercise"])
    rows, at = [], 0
    for heading, minutes, exercise in slides:
        rows.append(f"| {at} | {minutes} | {heading}{' (with the exercise)' if exercise else ''} |")
        at += minutes
    return "\n".join(["| from minute | minutes | slide |", "|---:|---:|---|", *rows, f"| {at} | | *end* |"]) + "\n"


def with_minutes(guide: str) -> str:
    """The guide with every table of minutes as the notes have it now.

    Raises:
        ValueError: where it has one of a lecture that is not there.
    """
    known = {lecture.number: lecture for lecture in lectures()}
    gone = [match["number"] for match in TABLE.finditer(guide) if match["number"] not in known]
    if gone:
        raise ValueError(
            f"docs/teaching.md has the minutes of lecture {', '.join(gone)}, and notebooks/scripts has no such lecture: take its "
            "section out of the guide, or put the lecture back. Nothing else is wrong"
        )
    return TABLE.sub(lambda match: match["begin"] + minutes_table(known[match["number"]]) + match["end"], guide)


def update_guide(guide: Path = GUIDE) -> bool:
    """Bring the guide's minutes up to date; whether anything changed."""
    before = guide.read_text(encoding="utf-8")
    after = with_minutes(before)
    if after != before:
        write_text(guide, after)
    return after != before
