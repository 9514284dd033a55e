"""In the process of one exercise of one student: run what the notebook defines, judge it, see that nothing was tampered with.

The cells that define the answer are run, and of all other cells, the student's and ours, the statements that bind or
change a name which it uses, in the notebook's order. Where that is not right, all of the student's own cells are run
from top to bottom, as the notebook does. An answer is judged wherever the notebook checks it, and at the end.
"""

import __future__

import ast
import contextlib
import linecache
import re
import secrets
import sys
import traceback
import types
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from types import FunctionType, ModuleType

import torch._dynamo  # noqa: F401  whatever imports it, an optimiser for one, wraps torch.manual_seed: no tampering

from course_utils import exercises
from course_utils.course.grading.tasks import RANK, Lecture, Task, Verdict, lecture_tasks, plainly
from course_utils.course.workspace import changed_by, names_in
from course_utils.exercises import engine
from course_utils.exercises.own_work import TimeIsUp, within

SHARE = 3  # the part of an exercise's seconds that one statement of a notebook may take: a third
FENCE = re.compile(r"^\s*(?:```|~~~).*$", re.MULTILINE)  # around code in Markdown


class Magics:
    """Stands in for IPython: lines such as `%matplotlib inline` and `!ls` do nothing."""

    def __getattr__(self, name: str):
        return lambda *arguments, **options: None


def plain_python(source: str) -> str:
    """A cell's text as Python: a `%%magic` line goes, and other magics become calls that do nothing."""
    from IPython.core.inputtransformer2 import TransformerManager

    lines = source.splitlines(keepends=True)
    if lines and lines[0].startswith("%%"):
        source = "\n" + "".join(lines[1:])  # lines keep their numbers
    return TransformerManager().transform_cell(source)


@dataclass
class Statement:
    """A statement at the top of a cell: the names that it reads, binds, and may change without binding them."""

    node: ast.stmt
    reads: set[str]
    binds: set[str]
    changes: set[str]

    def makes(self, names: set[str]) -> bool:
        return bool((self.binds | self.changes) & names)


@dataclass
class Cell:
    """A cell of a student's notebook.

    Args:
        number: its place in the notebook, from 1.
        label: its grade_id, or "".
        source: its text.
        kind: "code", "markdown" or "raw".
        own: whether it is not word for word ours.
        title: the name under which Python knows its text.
        statements: none where it is not Python.
        trouble: why it is not Python, or None.
    """

    number: int
    label: str
    source: str
    kind: str
    own: bool
    title: str
    statements: list[Statement] = field(default_factory=list)
    trouble: Exception | None = None

    def binds(self, names: set[str]) -> bool:
        return any(statement.binds & names for statement in self.statements)


def read_cells(lecture: Lecture, cells: list[list[str]]) -> list[Cell]:
    """The cells that may matter: code, and text that is an answer in Python; our stubs are left out.

    Args:
        cells: [label, source, kind] of every cell.
    """
    answers, found = {task.answer for task in lecture.tasks}, []
    for number, (label, source, kind) in enumerate(cells, start=1):
        own = plainly(source) not in lecture.ours
        text = FENCE.sub("", source) if kind != "code" else source if own else plainly(source)
        cell = Cell(number, label, text, kind, own, f"<cell {secrets.token_hex(3)}>" if own else "<ours>")
        if kind != "code" and not own:
            continue
        try:
            cell.statements = statements(text, cell.title)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            cell.trouble = error
        answer = cell.binds(answers)
        if (own or not answer) and (kind == "code" or answer):
            found.append(cell)
    imports = [each for cell in found for each in cell.statements if isinstance(each.node, ast.Import | ast.ImportFrom)]
    imported = {name for each in imports for name in each.binds}
    for cell in found:  # what is done to a module concerns everybody, and not this answer alone
        cell.statements = [replace(each, changes=each.changes - imported) for each in cell.statements]
    return found


@cache
def statements(source: str, title: str) -> list[Statement]:
    """A cell's statements; those of ours are found once by a nursery, for all students.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: where it is not Python.
    """
    text, found = plain_python(source), []
    linecache.cache[title] = (len(text), None, text.splitlines(keepends=True), title)
    for node in ast.parse(text, title).body:
        reads, binds = names_in(node)
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            binds = {"*"}
        found.append(Statement(node, reads, binds, changed_by(node)))
    return found


@cache
def make_ready(number: str) -> None:
    """Import what a lecture imports, begin as it begins, and analyse our cells: what is done once for all students."""
    lecture = lecture_tasks(number)
    exec(f"{lecture.imports}\nbegin('quick', 'cpu')", {})
    read_cells(lecture, [["", source, "code"] for source in lecture.ours])


def names_needed(task: Task, cells: list[Cell]) -> set[str]:
    """The names that an answer needs, directly or through those that other names need."""
    every = [statement for cell in cells for statement in cell.statements]
    needed = {task.answer, "*"}.union(*(statement.reads for statement in every if checks(statement, task)))
    while more := {name for each in every if each.makes(needed) for name in each.reads} - needed:
        needed |= more
    return needed


def checks(statement: Statement, task: Task) -> bool:
    """Whether a statement checks an answer to the exercise."""
    return "check" in statement.reads and any(
        isinstance(part, ast.Constant) and part.value == task.name for part in ast.walk(statement.node)
    )


class Run:
    """A notebook's cells, run for one exercise; `check` is this run's from the beginning.

    Args:
        lecture, task: the exercise.
        seconds: what one statement may take.
    """

    def __init__(self, lecture: Lecture, task: Task, seconds: float):
        self.lecture, self.task, self.seconds = lecture, task, seconds
        exercises.check = engine.check = self.check  # the room itself keeps what was once taken from its module
        make_ready(lecture.number)
        self.before = snapshot()

    def __call__(self, cells: list[Cell], needed: set[str], everything: bool = False) -> Verdict:
        """Run the cells in a namespace of their own and say how the exercise went.

        Args:
            cells: as `read_cells` returns them.
            needed: the names that matter.
            everything: all of the student's own cells are run.
        """
        self.cells, self.left_out, self.right = cells, False, False
        self.written: dict[int, tuple[object, Cell]] = {}  # by its id, every answer that was defined or checked
        self.judged: dict[int, Verdict] = {}
        self.failed: list[tuple[Cell, Statement, BaseException]] = []
        self.flags = 0  # of `from __future__ import annotations`, which holds for the cells after it
        module = sys.modules["__main__"] = ModuleType("__main__")
        self.space = vars(module)
        exec(self.lecture.imports, self.space)
        self.space |= {"get_ipython": Magics, "display": lambda *things, **options: None}
        own = [statement for cell in cells if cell.own for statement in cell.statements]
        theirs = set() if everything else {name for statement in own for name in statement.binds}
        for self.here in cells:
            cell, was = self.here, self.space.get(self.task.answer)
            whole = cell.own and (everything or cell.label == self.task.grade_id or cell.binds({self.task.answer}))
            for statement in cell.statements:
                wanted = whole or statement.makes(needed) or checks(statement, self.task)
                if not wanted or (not cell.own and statement.binds & theirs):
                    self.left_out |= cell.own
                    continue
                self.execute(statement)
                if self.right:
                    return self.outcome()
            answer = self.space.get(self.task.answer)
            if answer is not None and answer is not was:
                self.written.setdefault(id(answer), (answer, cell))
        self.judge_all([key for key in self.written if key not in self.judged])
        if not self.right:  # ours stand in for all other answers, so that one mistake costs once
            for other in [task for task in self.lecture.tasks if task is not self.task]:
                with contextlib.suppress(Exception):
                    exec(other.solution, self.space)
            self.judge_all([key for key in self.written if self.judged[key].verdict not in ("stopped", "tampered")])
        return self.outcome()

    def execute(self, statement: Statement) -> None:
        """Run a statement; what it raises is kept, and the next one is run all the same."""
        try:
            module = ast.Module([statement.node], [])
            code = compile(module, self.here.title, "exec", self.flags, dont_inherit=True)
            self.flags |= code.co_flags & __future__.annotations.compiler_flag
            within(self.seconds, lambda: exec(code, self.space))
        except BaseException as error:  # SystemExit and KeyboardInterrupt of the student's are no reason to stop
            self.failed.append((self.here, statement, error))

    def check(self, name: str, answer: object) -> None:
        """What `check` is here: the answer is judged where the notebook checks it; what our cells try besides is nobody's.

        Raises:
            NotYet: as in the notebook.
        """
        if name == self.task.name and (self.here.own or answer is self.space.get(self.task.answer)):
            self.written.setdefault(id(answer), (answer, self.here))
            self.judge(answer)
            if not self.right:
                raise engine.NotYet(self.judged[id(answer)].message)

    def judge_all(self, keys: list[int]) -> None:
        """Judge answers under their proper name, the last first, until one is right."""
        for answer, _ in (self.written[key] for key in reversed(keys)):
            if not self.right:
                self.space[self.task.answer] = answer
                self.judge(answer)

    def judge(self, answer: object) -> None:
        """Judge one answer as its check does, and see that nothing was tampered with."""
        exercise = engine.find_exercise(self.task.name)
        try:
            exercise.judge(answer)
            verdict = tampered(self.task, self.before) or Verdict("right", exercise.right)
        except (engine.Wrong, engine.NotYet) as wrong:
            verdict = Verdict("wrong", str(wrong))
        except TimeIsUp:
            said = f"Your code was still running after {self.seconds:g} seconds and was stopped. A loop without end?"
            verdict = Verdict("stopped", said)
        except BaseException as error:
            if isinstance(error, NotImplementedError) and str(error) in engine.STUBS:
                verdict = Verdict("not written", "Not written yet.")
            else:
                verdict = Verdict("error", f"Your code stopped with an error. {self.tell(error)}")
        self.judged[id(answer)] = verdict
        self.right |= verdict.verdict == "right"

    def outcome(self) -> Verdict:
        """The verdict that counts: a right one, else that on the last answer which is no stub; with its cell and remarks."""
        name, label = self.task.answer, self.task.grade_id
        mine = [cell for cell in self.cells if cell.own and (cell.label == label or name in cell.source)]
        lost = [(error, cell) for cell, statement, error in self.failed if name in statement.binds]
        lost += [(cell.trouble, cell) for cell in mine if cell.trouble]
        tried = [(self.judged[key], cell) for key, (_, cell) in reversed(self.written.items()) if key in self.judged]
        tried += [
            (Verdict("error", f"Your code stopped with an error. {self.tell(error)}"), cell)
            for error, cell in reversed(lost)
        ]
        if not tried:
            return Verdict("wrong", f"No cell of your notebook defines {name}.", *[cell.source for cell in mine[-1:]])
        verdict, cell = min(tried, key=lambda each: RANK.get(each[0].verdict, 2))
        remarks = [verdict.remark]
        if cell.label != label and verdict.verdict != "not written":
            remarks.append(f"{self.task.name}: cell {cell.number} is graded, which does not have the exercise's label")
        if cell.kind != "code":
            remarks.append(f"{self.task.name}: its cell is {cell.kind.capitalize()}; its text was run as code")
        return replace(verdict, code=cell.source, remark="; ".join(filter(None, remarks)))

    def tell(self, error: BaseException) -> str:
        """An exception in words, with the student's own line, and with the reason where another cell is to blame."""
        titles = {cell.title for cell in self.cells if cell.own}
        if isinstance(error, SyntaxError) and error.filename in titles:
            return f"Line {error.lineno} of your cell is not Python: {error.msg}."
        if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
            return "It needed more memory than an answer may have."
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in titles]
        line = f"In line {frames[-1].lineno} of your cell, `{frames[-1].line}`: " if frames else ""
        said = f"{line}{type(error).__name__}: {error}"
        for cell, statement, reason in self.failed:
            if isinstance(error, NameError) and error.name in statement.binds:
                why = f"it ran for {self.seconds:g} seconds" if isinstance(reason, TimeIsUp) else repr(reason)
                said += (
                    f". Cell {cell.number} makes it, and could not be run here ({why}): put it into your answer's cell"
                )
                break
        return said


def judge(
    lecture: Lecture, task: Task, cells: list[list[str]], seconds: float, doors=lambda: None
) -> Iterator[Verdict]:
    """Run one exercise of one student and say how it went; a second verdict, where there is one, is the better.

    Args:
        lecture: whose exercise it is.
        task: the exercise.
        cells: [label, source, kind] of the student's cells.
        seconds: what the exercise may take in all.
        doors: called after our own code is ready and before the student's runs.
    """
    run = Run(lecture, task, seconds / SHARE)
    doors()
    found = read_cells(lecture, cells)
    needed = names_needed(task, found)
    first = run(found, needed)
    yield first
    if first.verdict not in ("right", "tampered") and run.left_out:
        second = run(found, needed, everything=True)
        if second.verdict == "right":
            yield second


def tampered(task: Task, before: dict) -> Verdict | None:
    """A verdict against an answer that passed because it changed its judges; None where it did not."""
    touched = changed(before)
    if touched:
        listed = ", ".join(touched[:3]) + (", ..." if len(touched) > 3 else "")
        return Verdict(
            "tampered",
            f"Your code changed what judges it ({listed}). That earns nothing.",
            remark=f"{task.name}: changed {listed}",
        )

    def wrong(*arguments, **options):
        return types.SimpleNamespace()

    try:
        engine.find_exercise(task.name).judge(wrong)
    except Exception:
        return None
    return Verdict(
        "tampered",
        "After your code had run, the check let a wrong answer pass. That earns nothing.",
        remark=f"{task.name}: disabled its check",
    )


JUDGES = {"builtins", "math", "inspect", "numpy", "torch"} | {
    f"torch.{room}" for room in ("nn", "nn.functional", "nn.init", "testing")
}


def snapshot() -> dict[tuple[str, ...], object]:
    """What a check relies on, by module and name: all of the course that is imported, and what compares numbers.

    Of its functions the code, of its classes the methods.
    """
    held: dict[tuple[str, ...], object] = {}
    for room, module in list(sys.modules.items()):
        if not isinstance(module, ModuleType) or not (room in JUDGES or room.partition(".")[0] == "course_utils"):
            continue
        for name, value in list(vars(module).items()):
            held[room, name] = value
            if isinstance(value, FunctionType):
                held[room, name, "code"], held[room, name, "defaults"] = value.__code__, value.__defaults__
            elif isinstance(value, type):
                for method, body in list(vars(value).items()):
                    if not method.startswith("__") or callable(body):
                        held[room, name, method] = body
                    if isinstance(body, FunctionType):
                        held[room, name, method, "code"] = body.__code__
    return held


def changed(before: dict[tuple[str, ...], object]) -> list[str]:
    """What is no longer what it was at the snapshot, such as `course_utils.exercises.lecture02.Wrong`."""
    now, rooms = snapshot(), {room for room, *_ in before if room.partition(".")[0] == "course_utils"}
    found = [key for key, was in before.items() if now.get(key, before) is not was]
    for key in now.keys() - before.keys():  # a new name in one of our rooms may hide one of Python's own, such as len
        room, name, *part = key
        kept = {"__warningregistry__", *getattr(sys.modules[room], "__all__", ())}  # when first taken
        if room in rooms and not part and name not in kept and not isinstance(now[key], ModuleType):
            found.append(key)
    return [".".join(key) for key in found]
