"""In the process of one exercise of one student: put the answer together, run it, see that nothing was tampered with, judge it."""

import ast
import builtins
import linecache
import secrets
import sys
import traceback
import types
from dataclasses import asdict, dataclass
from types import FunctionType, ModuleType

from course_utils.course.grading.tasks import Lecture, Task, names_bound
from course_utils.exercises.engine import NotYet, Wrong

LONGEST = 3000  # characters of a message or of a student's code that are kept


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


def find_cell(task: Task, cells: list[list[str]]) -> tuple[str | None, str]:
    """The student's cell for a task, and a remark where it had to be searched for.

    Its label decides; where no cell has it, the last cell that defines what the task asks for.
    """
    labelled = [source for label, source in cells if label == task.grade_id]
    if len(labelled) == 1:
        return labelled[0], ""
    defining = [source for source in labelled or [source for _, source in cells] if defines(source, task)]
    if defining:
        why = "several cells have its label" if labelled else "its label is gone"
        return defining[-1], f"{task.name}: {why}; the last cell that defines {', '.join(task.defines)} is graded"
    return (labelled[-1], "") if labelled else (None, "")


def defines(source: str, task: Task) -> bool:
    """Whether a cell defines what a task asks for."""
    return bool(set(task.defines) & names_bound(statements(source)))


def statements(source: str) -> list[ast.stmt]:
    """The statements of a cell; none where it is not Python."""
    try:
        return ast.parse(plain_python(source)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def names_used(nodes: list[ast.stmt]) -> set[str]:
    """Every name that statements read."""
    return {
        part.id
        for node in nodes
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)
    }


def cheap(node: ast.stmt) -> bool:
    """Whether a statement only defines: an import, a function, a class, or a constant such as `VOID = 255`."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return node.value is not None and not any(
            isinstance(part, ast.Call | ast.Await | ast.ListComp | ast.DictComp | ast.SetComp | ast.GeneratorExp)
            for part in ast.walk(node.value)
        )
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)


def support(
    needed: set[str], space: dict, lecture: Lecture, task: Task, cells: list[list[str]], passed: set[str]
) -> list[str]:
    """The sources that define what an answer uses and our imports do not: helpers, other imports, earlier answers.

    An earlier exercise that the student did not solve is stood in for by our solution, so that one mistake is not
    counted twice.
    """
    sources, known = [], set(space) | set(dir(builtins)) | set(task.defines) | {"get_ipython"}
    others = {name: other for other in lecture.tasks if other is not task for name in other.defines}
    own = [
        (names_bound([node]), node)
        for label, source in cells
        if label not in {other.grade_id for other in lecture.tasks}
        for node in statements(source)
        if cheap(node)
    ]
    waiting = sorted(needed - known)
    while waiting:
        name = waiting.pop()
        if name in known:
            continue
        known.add(name)
        if name in others:
            other = others[name]
            source = find_cell(other, cells)[0] if other.name in passed else other.solution
            found = [source or other.solution]
        else:
            found = [ast.unparse(node) for names, node in own if name in names]
        for source in found:
            sources.insert(0, source)  # what a helper uses is defined before it
            waiting += sorted(names_used(statements(source)) - known)
    return sources


def run_cell(source: str, space: dict, title: str) -> Exception | None:
    """Run a cell statement by statement in a namespace; the first error, if any.

    A student's own trial below the function may use what was not run here; the function counts all the same.
    """
    text, error = plain_python(source), None
    linecache.cache[title] = (len(text), None, text.splitlines(keepends=True), title)
    for node in ast.parse(text, title).body:
        try:
            exec(compile(ast.Module([node], []), title, "exec"), space)
        except Exception as raised:
            error = error or raised
    return error


def tell(error: BaseException, title: str) -> str:
    """An exception in words, with the student's own line."""
    if isinstance(error, SyntaxError) and error.filename == title:
        return f"Line {error.lineno} of your cell is not Python: {error.msg}."
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return "It needed more memory than an answer may have."
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == title]
    where = f"In line {frames[-1].lineno} of your cell, `{frames[-1].line}`: " if frames else ""
    return f"{where}{type(error).__name__}: {error}"


def judge(lecture: Lecture, task: Task, cells: list[list[str]], passed: set[str], doors=lambda: None) -> Verdict:
    """Run one exercise of one student and say how it went.

    Args:
        lecture: whose exercise it is.
        task: the exercise.
        cells: [label, source] of the student's code cells.
        passed: the names of the lecture's exercises that this student has solved.
        doors: called after our own code is ready and before the student's runs.
    """
    source, remark = find_cell(task, cells)
    if source is None:
        return Verdict("missing", "There is no cell in your notebook that answers this.")
    space: dict = {"__name__": "__main__"}
    exec(lecture.imports, space)
    space["get_ipython"] = Magics
    before, title = snapshot(), f"<your cell {secrets.token_hex(2)}>"
    doors()
    try:
        needed = names_used(statements(source))
        for one in support(needed, space, lecture, task, cells, passed):
            run_cell(one, space, "<your other cells>")
        error = run_cell(source, space, title)
        if error and not set(task.defines) <= set(space):
            raise error
        outcome = checked(task, space, title)
        if outcome.verdict == "right":
            outcome = honest(task, space, before) or outcome
    except BaseException as raised:  # SystemExit and KeyboardInterrupt of the student's are no reason to stop
        outcome = Verdict("error", f"Your code stopped with an error. {tell(raised, title)}")
    outcome.code, outcome.remark = source, "; ".join(filter(None, (remark, outcome.remark)))
    return outcome


def checked(task: Task, space: dict, title: str) -> Verdict:
    """Run our check cell on what the student's cell defined."""
    missing = [name for name in task.defines if name not in space]
    if missing:
        return Verdict("wrong", f"Your cell does not define {', '.join(missing)}.")
    try:
        return Verdict("right", run_check(task, space))
    except NotImplementedError:
        return Verdict("not written", "Not written yet.")
    except (Wrong, NotYet) as wrong:
        return Verdict("wrong", str(wrong))


def run_check(task: Task, space: dict, answer: object = None) -> str:
    """Run our check cell, on another answer than the student's where one is given; what is said of a right one.

    Raises:
        Wrong, NotYet, and whatever the answer raises.
    """
    from course_utils.exercises.engine import find_exercise

    said = []

    def check(name: str, given: object) -> None:
        exercise = find_exercise(name)
        exercise.judge(given if answer is None else answer)
        said.append(exercise.right)

    exec(task.check, {**space, "check": check, "hint": lambda *_: None})
    return " ".join(said)


def honest(task: Task, space: dict, before: dict) -> Verdict | None:
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
        run_check(task, space, wrong)
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
        if name.partition(".")[0] == "course_utils":  # a new name there may hide one of Python's own, such as len
            found += [
                ".".join((name, *key))
                for key in now.keys() - was.keys()
                if len(key) == 1 and not isinstance(now[key], ModuleType) and key[0] != "__warningregistry__"
            ]
    return found
