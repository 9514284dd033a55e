"""What is asked and how it is checked, from the course's own notebooks and exercises, never from a submission."""

import ast
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from course_utils.course.lectures import find_lectures
from course_utils.course.notebooks import read_script
from course_utils.exercises.engine import find_exercise

LIBRARY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Task:
    """One exercise as the grader sees it.

    Args:
        name: the exercise, such as `"02.linear_to_conv"`.
        grade_id: the label of the cell in which the student writes.
        defines: the names that this cell has to define.
        solution: our own answer, which stands in for a wrong one where a later exercise builds on it.
        check: the cell that checks, as it stands in our notebook.
        points: what the exercise is worth.
    """

    name: str
    grade_id: str
    defines: tuple[str, ...]
    solution: str
    check: str
    points: int


@dataclass(frozen=True)
class Lecture:
    """A lecture's exercises in order, and the imports that its notebook makes before them."""

    number: str
    name: str
    title: str
    imports: str
    tasks: tuple[Task, ...]


@cache
def lecture_tasks(number: str) -> Lecture:
    """The exercises of a lecture, read from its script.

    Raises:
        ValueError: where there is no such lecture, or a solution cell has no check cell after it.
    """
    (lecture,) = find_lectures([number])
    imports, tasks, solution, title = [], [], None, lecture.name
    for cell in read_script(lecture.script).cells:
        if cell.cell_type != "code":
            if cell.source.startswith("# ") and title == lecture.name:
                title = cell.source.splitlines()[0][2:]
            continue
        tags = cell.metadata.get("tags", [])
        if "solution" in tags:
            solution = cell
        elif "check" in tags:
            if solution is None:
                raise ValueError(
                    f"{lecture.script.name}: the cell `{cell.source[:60]}` checks, and no solution cell is before it"
                )
            tasks.append(task_of(solution, cell))
            solution = None
        else:
            imports += [
                ast.unparse(node)
                for node in ast.parse(cell.source).body
                if isinstance(node, ast.Import | ast.ImportFrom)
            ]
    return Lecture(lecture.number, lecture.name, title, "\n".join(imports), tuple(tasks))


def task_of(solution, check) -> Task:
    """An exercise from its solution cell and its check cell."""
    (name,) = [
        node.args[0].value
        for node in ast.walk(ast.parse(check.source))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check"
    ]
    return Task(
        name=name,
        grade_id=solution.metadata.nbgrader.grade_id,
        defines=tuple(sorted(names_bound(ast.parse(solution.source).body))),
        solution=solution.source,
        check=check.source,
        points=find_exercise(name).points,
    )


def names_bound(statements: list[ast.stmt]) -> set[str]:
    """The names that statements at the top of a cell bind: imports, functions, classes, assignments."""
    names: set[str] = set()
    for node in statements:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            names |= {
                part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            }
    return names


@cache
def fingerprint() -> str:
    """What the marks depend on besides the submission, in short: the scripts, the checks, the grader."""
    digest = hashlib.sha256()
    for lecture in find_lectures([]):
        digest.update(lecture.script.read_bytes())
    for folder in ("exercises", "grading"):
        for source in sorted((LIBRARY / folder).glob("*.py")):
            digest.update(source.read_bytes())
    return digest.hexdigest()[:20]
