"""In the process of one exercise of one student: run what the notebook defines, judge it, see that nothing was tampered with.

Twice at most. First what the answer needs is run: the cells that define it, and of all other cells, the student's and
ours, the statements that bind or change a name which it uses, in the notebook's order. Where that is not right, all of
the student's own cells are run from top to bottom, as the notebook does. An answer is judged wherever the notebook
checks it, and at the end.
"""

import __future__

import ast
import linecache
import re
import secrets
import sys
import traceback
import types
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from types import FunctionType, ModuleType

from course_utils import exercises
from course_utils.course.grading.tasks import RANK, Lecture, Task, lecture_tasks, plainly
from course_utils.course.workspace import changed_by, names_in
from course_utils.exercises import engine
from course_utils.exercises.own_work import TimeIsUp, within

LONGEST = 3000  # characters of a message or of a student's code that are kept
SHARE = 3  # the part of an exercise's seconds that one statement of its preparation may take: a third
FENCE = re.compile(r"^\s*(?:```|~~~).*$", re.MULTILINE)  # around code in Markdown


@dataclass
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
        text = source if kind == "code" else FENCE.sub("", source)
        cell = Cell(number, label, text, kind, own, f"<cell {secrets.token_hex(3)}>")
        if kind != "code" and not own:
            continue
        try:
            cell.statements = statements(text, cell.title) if own else statements_of_ours(plainly(text))
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


def statements(source: str, title: str) -> list[Statement]:
    """A cell's statements.

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
def statements_of_ours(source: str) -> list[Statement]:
    """The statements of one of our cells, which a nursery analyses once."""
    return statements(source, "<ours>")


@cache
def make_ready(number: str) -> None:
    """Import what a lecture imports, begin as it begins, and analyse our cells: what is done once for all students."""
    lecture = lecture_tasks(number)
    exec(f"{lecture.imports}\nbegin('quick', 'cpu')", {})
    read_cells(lecture, [["", source, "code"] for source in lecture.ours])


def names_needed(task: Task, cells: list[Cell]) -> set[str]:
    """The names that an answer needs, directly or through those that other names need."""
    needed, before = {task.answer, "*"}, 0
    for cell in cells:
        for statement in cell.statements:
            if checks(statement, task):
                needed |= statement.reads
    while len(needed) > before:
        before = len(needed)
        for cell in cells:
            for statement in cell.statements:
                if (statement.binds | statement.changes) & needed:
                    needed |= statement.reads
    return needed


def checks(statement: Statement, task: Task) -> bool:
    """Whether a statement checks an answer to the exercise."""
    return "check" in statement.reads and any(
        isinstance(part, ast.Constant) and part.value == task.name for part in ast.walk(statement.node)
    )


class Attempt:
    """One run of a notebook's cells for one exercise, in a namespace of its own.

    Args:
        lecture, task: the exercise.
        cells: as `read_cells` returns them.
        seconds: what one statement may take.
        before: what the judges held before.
    """

    def __init__(self, lecture: Lecture, task: Task, cells: list[Cell], seconds: float, before: dict):
        self.task, self.cells, self.seconds, self.before = task, cells, seconds, before
        self.written: list[tuple[object, Cell]] = []  # every answer that a cell defined or checked, the last one last
        self.judged: dict[int, Verdict] = {}
        self.failed: list[tuple[Cell, Statement, BaseException]] = []
        self.left_out = self.right = False
        self.flags = 0  # of `from __future__ import annotations`, which holds for the cells after it
        module = sys.modules["__main__"] = ModuleType("__main__")
        self.space = vars(module)
        exec(lecture.imports, self.space)
        self.space |= {"get_ipython": Magics, "display": lambda *things, **options: None}

    def run(self, needed: set[str], stand_ins: list[Task], everything: bool = False) -> Verdict:
        """Run the cells and say how the exercise went.

        Args:
            needed: the names that matter.
            stand_ins: other exercises whose answer is ours and not the student's.
            everything: all of the student's own cells are run.
        """
        for other in stand_ins:
            exec(other.solution, self.space)
        not_theirs = {other.answer for other in stand_ins}
        mine = {
            name
            for cell in self.cells
            if cell.own and not everything
            for each in cell.statements
            for name in each.binds
        }
        for cell in self.cells:
            self.here, was = cell, self.space.get(self.task.answer)
            answers = cell.own and (cell.label == self.task.grade_id or cell.binds({self.task.answer}))
            for statement in cell.statements:
                wanted = answers or (cell.own and everything) or checks(statement, self.task)
                wanted = wanted or bool((statement.binds | statement.changes) & needed)
                if not wanted or statement.binds & (not_theirs if cell.own else mine):
                    self.left_out |= cell.own
                    continue
                self.execute(cell, statement)
                if self.right:
                    return self.outcome()
            answer = self.space.get(self.task.answer)
            if answer is not None and answer is not was:
                self.written.append((answer, cell))
        for answer, _ in reversed(self.written):
            self.space[self.task.answer] = answer
            self.judge(answer)
            if self.right:
                break
        return self.outcome()

    def execute(self, cell: Cell, statement: Statement) -> None:
        """Run a statement; what it raises is kept, and the next one is run all the same."""
        try:
            module = ast.Module([statement.node], [])
            code = compile(module, cell.title, "exec", self.flags, dont_inherit=True)
            self.flags |= code.co_flags & __future__.annotations.compiler_flag
            within(self.seconds, lambda: exec(code, self.space))
        except BaseException as error:  # SystemExit and KeyboardInterrupt of the student's are no reason to stop
            self.failed.append((cell, statement, error))

    def check(self, name: str, answer: object) -> None:
        """What `check` is here: the answer is judged where the notebook checks it.

        Raises:
            NotYet: as in the notebook.
        """
        if name == self.task.name:
            if self.space.get(self.task.answer) is answer and self.here.binds({self.task.answer}):
                self.written.append((answer, self.here))
            elif all(answer is not known for known, _ in self.written):
                self.written.insert(0, (answer, self.here))
            verdict = self.judge(answer)
            if not self.right:
                raise engine.NotYet(verdict.message)

    def judge(self, answer: object) -> Verdict:
        """The verdict on one answer, of which each is judged once."""
        if id(answer) in self.judged:
            return self.judged[id(answer)]
        exercise = engine.find_exercise(self.task.name)
        try:
            exercise.judge(answer)
            verdict = honest(self.task, self.before) or Verdict("right", exercise.right)
        except (engine.Wrong, engine.NotYet) as wrong:
            verdict = Verdict("wrong", str(wrong))
        except BaseException as error:
            if isinstance(error, NotImplementedError) and str(error) in engine.STUBS:
                verdict = Verdict("not written", "Not written yet.")
            elif isinstance(error, TimeIsUp):
                said = (
                    f"Your code was still running after {self.seconds:g} seconds and was stopped. A loop without end?"
                )
                verdict = Verdict("stopped", said)
            else:
                verdict = Verdict("error", f"Your code stopped with an error. {self.tell(error)}")
        self.judged[id(answer)] = verdict
        self.right |= verdict.verdict == "right"
        return verdict

    def outcome(self) -> Verdict:
        """The verdict that counts: a right one, else that on the last answer which is no stub; with its cell and remarks."""
        tried = [(self.judged[id(one)], cell) for one, cell in reversed(self.written) if id(one) in self.judged]
        tried.sort(key=lambda each: RANK.get(each[0].verdict, 2))
        if not tried:
            return self.nothing()
        (verdict, cell), remarks = tried[0], [tried[0][0].remark]
        if cell.label != self.task.grade_id and verdict.verdict != "not written":
            remarks.append(f"{self.task.name}: cell {cell.number} is graded, which does not have the exercise's label")
        if cell.kind != "code":
            remarks.append(f"{self.task.name}: its cell is {cell.kind.capitalize()}; its text was run as code")
        verdict.code, verdict.remark = cell.source, "; ".join(filter(None, remarks))
        return verdict

    def nothing(self) -> Verdict:
        """The verdict where no cell defined an answer."""
        own = [cell for cell in self.cells if cell.own and (cell.label == self.task.grade_id or cell.trouble)]
        own.sort(key=lambda cell: cell.label == self.task.grade_id or self.task.answer in cell.source)
        errors = [error for cell, statement, error in self.failed if self.task.answer in statement.binds]
        errors += [cell.trouble for cell in own[-1:] if cell.trouble]
        if errors:
            said = f"Your code stopped with an error. {self.tell(errors[0])}"
            return Verdict("error", said, own[-1].source if own else "")
        return Verdict("wrong", f"No cell of your notebook defines {self.task.answer}.", own[-1].source if own else "")

    def tell(self, error: BaseException) -> str:
        """An exception in words, with the student's own line, and with the reason where another cell is to blame."""
        titles = {cell.title for cell in self.cells}
        if isinstance(error, SyntaxError) and error.filename in titles:
            return f"Line {error.lineno} of your cell is not Python: {error.msg}."
        if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
            return "It needed more memory than an answer may have."
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in titles]
        where = f"In line {frames[-1].lineno} of your cell, `{frames[-1].line}`: " if frames else ""
        why = ""
        for cell, statement, reason in self.failed:
            if isinstance(error, NameError) and error.name in statement.binds:
                said = f"it ran for {self.seconds:g} seconds" if isinstance(reason, TimeIsUp) else repr(reason)
                why = (
                    f". Cell {cell.number} makes it, and could not be run here ({said}): put it into your answer's cell"
                )
        return f"{where}{type(error).__name__}: {error}{why}"


def judge(
    lecture: Lecture, task: Task, cells: list[list[str]], passed: set[str], seconds: float, doors=lambda: None
) -> Iterator[Verdict]:
    """Run one exercise of one student and say how it went; a second verdict, where there is one, is the better.

    Args:
        lecture: whose exercise it is.
        task: the exercise.
        cells: [label, source, kind] of the student's cells.
        passed: the names of the lecture's exercises that this student has solved.
        seconds: what the exercise may take in all.
        doors: called after our own code is ready and before the student's runs.
    """
    attempts: list[Attempt] = []
    # the room itself keeps what was once taken from its module
    exercises.check = engine.check = lambda name, answer: attempts[-1].check(name, answer)
    make_ready(lecture.number)
    before = snapshot()
    doors()
    found = read_cells(lecture, cells)
    stand_ins = [other for other in lecture.tasks if other is not task and other.name not in passed]
    needed = names_needed(task, found)
    for others, everything in ((stand_ins, False), ([], True)):
        attempts.append(Attempt(lecture, task, found, seconds / SHARE, before))
        verdict = attempts[-1].run(needed, others, everything)
        if len(attempts) == 1 or verdict.verdict == "right":
            yield verdict
        if verdict.verdict in ("right", "tampered") or not attempts[-1].left_out:
            return


def honest(task: Task, before: dict) -> Verdict | None:
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


JUDGES = (
    "builtins",
    "math",
    "inspect",
    "numpy",
    "torch",
    "torch.nn",
    "torch.nn.functional",
    "torch.nn.init",
    "torch.testing",
)


def judges() -> dict[str, ModuleType]:
    """The modules that a check relies on: all of the course that is imported, and those that compare numbers."""
    return {
        name: module
        for name, module in list(sys.modules.items())
        if isinstance(module, ModuleType) and (name in JUDGES or name.partition(".")[0] == "course_utils")
    }


def contents(module: ModuleType) -> dict:
    """What a module holds, by name; of its functions their code, of its classes their methods."""
    held: dict = {}
    for name, value in list(vars(module).items()):
        held[name,] = value
        if isinstance(value, FunctionType):
            held[name, "code"] = value.__code__
            held[name, "defaults"] = value.__defaults__
        elif isinstance(value, type):
            for method, body in list(vars(value).items()):
                if not method.startswith("__") or callable(body):
                    held[name, method] = body
                if isinstance(body, FunctionType):
                    held[name, method, "code"] = body.__code__
    return held


def snapshot() -> dict[str, dict]:
    """What the judges hold now."""
    return {name: contents(module) for name, module in judges().items()}


def changed(before: dict[str, dict]) -> list[str]:
    """What is no longer what it was at the snapshot, such as `course_utils.exercises.lecture02.Wrong`."""
    found = []
    for name, was in before.items():
        if name not in sys.modules:
            found.append(name)
            continue
        now = contents(sys.modules[name])
        for key, value in was.items():
            if now.get(key, found) is not value:
                found.append(".".join((name, *key)))
        # a room keeps what is taken from it for the first time
        expected = {"__warningregistry__", *getattr(sys.modules[name], "__all__", ())}
        if name.partition(".")[0] == "course_utils":  # a new name there may hide one of Python's own, such as len
            found += [
                ".".join((name, *key))
                for key in now.keys() - was.keys()
                if len(key) == 1 and not isinstance(now[key], ModuleType) and key[0] not in expected
            ]
    return found
