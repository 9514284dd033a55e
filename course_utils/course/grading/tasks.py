"""What is asked and how it is checked, from the course's own notebooks and exercises, never from a submission."""

import ast
import hashlib
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from course_utils.course.lectures import find_lectures
from course_utils.course.notebooks import read_script
from course_utils.course.workspace import student_copy
from course_utils.exercises import engine

RANK = {"right": 0, "tampered": 1, "not written": 3, "missing": 4}  # of several verdicts the first; all others are 2
LONGEST = 3000  # characters of a message or of a student's code that are kept
ROOM, EXERCISES = Path(__file__).parent, Path(engine.__file__).parent


@dataclass(frozen=True)
class Task:
    """One exercise as the grader sees it.

    Args:
        name: the exercise, such as `"02.linear_to_conv"`.
        grade_id: the label of the cell in which the student writes.
        answer: the name that this cell has to define, as our check cell takes it.
        solution: our own answer, which stands in for a wrong one where another exercise builds on it.
        points: what the exercise is worth.
    """

    name: str
    grade_id: str
    answer: str
    solution: str
    points: int


@dataclass(frozen=True)
class Verdict:
    """How one exercise went.

    Args:
        verdict: "right", "wrong", "not written", "missing", "error", "stopped" or "tampered".
        message: what the student is told.
        code: the student's cell.
        remark: what the lecturer should know, or "".
    """

    verdict: str
    message: str
    code: str = ""
    remark: str = ""

    def as_dict(self) -> dict:
        """As plain values, no longer than anybody reads."""
        return {key: value[:LONGEST] for key, value in asdict(self).items()}

    def scored(self, task: Task, seconds: float = 0.0) -> dict:
        """As plain values, with what it earns."""
        points = task.points if self.verdict == "right" else 0
        return self.as_dict() | {"name": task.name, "points": points, "worth": task.points, "seconds": seconds}


@dataclass(frozen=True)
class Lecture:
    """A lecture's exercises in order, the imports of its notebook, and every cell as students get it (`plainly`)."""

    number: str
    name: str
    title: str
    imports: str
    tasks: tuple[Task, ...]
    ours: frozenset[str]


@cache
def lecture_tasks(number: str) -> Lecture:
    """The exercises of a lecture, read from its script.

    Raises:
        ValueError: where there is no such lecture, or a solution cell has no check cell after it.
    """
    (lecture,) = find_lectures([number])
    script = read_script(lecture.script)
    imports, tasks, solution, title = [], [], None, lecture.name
    for cell in script.cells:
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
    ours = frozenset(plainly(cell.source) for cell in student_copy(script).cells)
    return Lecture(lecture.number, lecture.name, title, "\n".join(imports), tuple(tasks), ours)


def task_of(solution, check) -> Task:
    """An exercise from its solution cell and its check cell."""
    (call,) = [
        node
        for node in ast.walk(ast.parse(check.source))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check"
    ]
    name, answer = call.args[0].value, call.args[1].id
    points = engine.find_exercise(name).points
    return Task(name, solution.metadata.nbgrader.grade_id, answer, solution.source, points)


def plainly(source: str) -> str:
    """A cell's text by which it is known again: an editor may have changed the ends of lines."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


@cache
def fingerprint() -> str:
    """What the marks depend on besides the submission, in short: the scripts, the checks, the grader."""
    digest = hashlib.sha256()
    sources = [lecture.script for lecture in find_lectures([])]
    sources += [*EXERCISES.glob("*.py"), *EXERCISES.glob("*.toml"), *ROOM.glob("*.py")]
    for source in sorted(sources):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:20]
