"""What a student sees in the notebook and what the grader finds are the same, however the notebook is written.

Every reference notebook is edited in many ways that keep its meaning, and is judged twice: its own cells run in IPython,
where `check` answers as it does in JupyterLab, and the grader's way. Both must say the same of every exercise.
"""

import ast
import contextlib
import io
import json
import re
import sys
from functools import cache
from types import ModuleType

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from course_utils import exercises
from course_utils.course.grading import answer
from course_utils.course.grading.tasks import lecture_tasks, plainly
from course_utils.course.lectures import lectures
from course_utils.exercises import engine
from tests.course.grading.handing_in import notebook, solutions

pytestmark = pytest.mark.notebooks  # every cell of every lecture's student copy, in many forms
NUMBERS = [lecture.number for lecture in lectures() if lecture_tasks(lecture.number).tasks]


@cache
def cells_without_answers(number):
    made = json.loads(notebook(number, {}))["cells"]
    return [
        (cell["metadata"].get("nbgrader", {}).get("grade_id", ""), cell["source"], cell["cell_type"]) for cell in made
    ]


def cells_of(number, answers):
    """[label, source, kind] of every cell of a student's notebook."""
    written = {task.grade_id: answers[task.name] for task in lecture_tasks(number).tasks}
    return [[label, written.get(label, source), kind] for label, source, kind in cells_without_answers(number)]


def each(write):
    """An edit that writes other cells in place of every answer: `write(name, source, inner, call)` returns their texts.

    A text that begins with a star keeps the label. `inner` is the answer under another name, `call` code for what does
    the same as the answer by it.
    """

    def edit(cells, tasks):
        written = []
        for label, source, kind in cells:
            task = next((task for task in tasks if task.grade_id == label and task.answer in source), None)
            if task is None:
                written.append([label, source, kind])
                continue
            name = task.answer
            inner = re.sub(rf"\b(def|class) {name}\b", rf"\1 {name}_inner", source)
            a_class = f"class {name}(" in source
            outer = f"class {name}({name}_inner):\n    pass\n"
            if not a_class:
                outer = f"def {name}(*arguments, **options):\n    return {name}_inner(*arguments, **options)\n"
            for text in write(name, source, inner, outer):
                written.append([label if text.startswith("*") else "", text.removeprefix("*"), "code"])
        return written

    return edit


def stub(name):
    return f'def {name}(*arguments):\n    raise NotImplementedError("your turn")\n'


def renamed_variables(name, source, inner, outer):
    tree = ast.parse(source)
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        stored -= {n.arg for n in ast.walk(function) if isinstance(n, ast.arg)}
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and node.id in stored:
                node.id = f"{node.id}_of_mine"
    return ["*" + ast.unparse(tree)]


def through(line, before=""):
    """The answer is made of the other one by a line of code, after what stands in a cell of its own."""
    return each(lambda name, source, inner, outer: [f"*{before}\n{inner}", "*" + line.format(name=name)])


def checks_of(tasks):
    return {f'check("{task.name}", {task.answer})': task for task in tasks}


def merged(cells, tasks):
    labels = [task.grade_id for task in tasks]
    together = "\n\n".join(source for label, source, _ in cells if label in labels)
    rest = [cell for cell in cells if cell[0] not in labels[1:]]
    return [[label, together if label == labels[0] else source, kind] for label, source, kind in rest]


def merged_with_its_check(cells, tasks):
    known, checks = {task.grade_id: task for task in tasks}, checks_of(tasks)
    rest = [cell for cell in cells if cell[1] not in checks]
    return [
        [label, f'{source}\ncheck("{known[label].name}", {known[label].answer})' if label in known else source, kind]
        for label, source, kind in rest
    ]


def helpers_first(cells, tasks):
    """Every answer's inner part stands in one cell at the top."""
    top = []
    edited = each(lambda name, source, inner, outer: [top.append(inner) or "*" + outer])(cells, tasks)
    return [["", "\n".join([*imports_of(cells), *top]), "code"], *edited]


def imports_of(cells):
    return [
        ast.unparse(node)
        for _, source, kind in cells
        if kind == "code" and not source.startswith("%")
        for node in ast.parse(source).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]


def helper_in_the_cell_before(cells, tasks):
    """An answer's inner part stands in the cell of the exercise before."""
    parts = []
    each(lambda name, source, inner, outer: [parts.append([inner, outer]) or ""])(cells, tasks)
    texts = [parts[0][0] + "\n" + parts[0][1]] + [outer for _, outer in parts[1:]]
    texts = [text + "\n" + (parts[place + 1][0] if place + 1 < len(parts) else "") for place, text in enumerate(texts)]
    found = iter(texts)
    return each(lambda *_: ["*" + next(found)])(cells, tasks)


def at_the_end(cells, tasks):
    labels, checks = {task.grade_id for task in tasks}, checks_of(tasks)
    moved = [cell for cell in cells if cell[0] in labels or cell[1] in checks]
    return [cell for cell in cells if cell not in moved] + moved


def stubs_at_the_end(cells, tasks):
    return [*cells, *(["", stub(task.answer), "code"] for task in tasks)]


def checked_under_another_name(cells, tasks):
    checks = checks_of(tasks[-1:])  # of the last exercise, on which no other builds
    renamed = [
        [label, re.sub(rf"\b{checks[source].answer}\)", f"{checks[source].answer}_mine)", source), kind]
        if source in checks
        else [label, source, kind]
        for label, source, kind in cells
    ]
    write = each(lambda name, source, inner, outer: [f"*{source}\n{name}_mine = {name}\ndel {name}"])
    return write(renamed, tasks[-1:])


CALL = "return {name}_inner(*arguments, **options)\n"
DEF = "def {name}(*arguments, **options):\n    "
EDITS = {
    "as it is": lambda cells, tasks: cells,
    "split, both labelled": each(lambda name, source, inner, outer: ["*" + inner, "*" + outer]),
    "split, the lower one labelled": each(lambda name, source, inner, outer: [inner, "*" + outer]),
    "split, the upper one labelled": each(lambda name, source, inner, outer: ["*" + inner, outer]),
    "the helper below": each(
        lambda name, source, inner, outer: ["*" + source] if "class " in source else ["*" + outer, "*" + inner]
    ),
    "merged": merged,
    "merged with its check": merged_with_its_check,
    "helpers in a cell at the top": helpers_first,
    "a helper in the cell of the exercise before": helper_in_the_cell_before,
    "variables renamed": each(renamed_variables),
    "a star import": through(DEF + "assert isinf(inf)\n    " + CALL, "from math import *"),
    "an import in try": through(
        DEF + "assert letters.ascii_letters\n    " + CALL,
        "try:\n    import string as letters\nexcept ImportError:\n    letters = None",
    ),
    "an import in if": through(DEF + "assert letters.digits\n    " + CALL, "if True:\n    import string as letters"),
    "a partial": through("{name} = partial({name}_inner)", "from functools import partial"),
    "a decorator with wraps": each(
        lambda name, source, inner, outer: [
            "from functools import wraps\n\n\ndef plain(function):\n    @wraps(function)\n    def call(*a, **k):\n"
            "        return function(*a, **k)\n\n    return call\n",
            "*" + (source if "class " in source else "@plain\n" + source),
        ]
    ),
    "a callable object": through(
        "class Calls:\n    def __init__(self, does):\n        self.does = does\n\n    def __call__(self, *a, **k):\n"
        "        return self.does(*a, **k)\n\n\n{name} = Calls({name}_inner)\n"
    ),
    "a lambda": through("{name} = lambda *a, **k: {name}_inner(*a, **k)"),
    "a new cell, the stub left": each(lambda name, source, inner, outer: ["*" + stub(name), source]),
    "a new cell, the labelled one emptied": each(lambda name, source, inner, outer: ["*# see below", source]),
    "stubs pasted at the end": stubs_at_the_end,
    "a wrong first try": each(lambda name, source, inner, outer: [f"*def {name}(*a):\n    return None\n", source]),
    "all metadata lost": lambda cells, tasks: [["", source, kind] for _, source, kind in cells],
    "other labels": lambda cells, tasks: [["cell-1" if label else "", source, kind] for label, source, kind in cells],
    "a list made by running": through(DEF + "assert KNOWN[3] == 9\n    " + CALL, "KNOWN = [n * n for n in range(9)]"),
    "a table filled by a loop elsewhere": each(
        lambda name, source, inner, outer: [
            "TABLE = {}",
            "for n in range(9):\n    TABLE[n] = n * n",
            "TABLE.update(ten=10)",
            "*" + inner,
            "*" + (DEF + "assert TABLE[3] == 9 and TABLE['ten']\n    " + CALL).format(name=name),
        ]
    ),
    "set as an attribute elsewhere": each(
        lambda name, source, inner, outer: [
            "from types import SimpleNamespace\n\nbox = SimpleNamespace()",
            inner + f"\n\nbox.does = {name}_inner",
            f"*{name} = box.does",
        ]
    ),
    "bound in a way that only running tells": each(
        lambda name, source, inner, outer: [
            inner + f"\n\nglobals()['found_' + '{name}'] = {name}_inner",
            f"*{name} = found_{name}",
        ]
    ),
    "magics, trials and errors around it": each(
        lambda name, source, inner, outer: [
            "%matplotlib inline\n!true\n1 / 0\n",
            f"*%%time\n{source}\n\nprint({name}(nothing))\n",
            f"display({name})\nraise ValueError('mine')",
        ]
    ),
    "annotations of the future": each(
        lambda name, source, inner, outer: [
            "from __future__ import annotations",
            "*" + inner,
            "*" + ("def {name}(*arguments: Anything, **options) -> Something:\n    " + CALL).format(name=name),
        ]
    ),
    "all answers and checks at the end": at_the_end,
    "checked under another name": checked_under_another_name,
    "carriage returns": lambda cells, tasks: [
        [label, source.replace("\n", "\r\n"), kind] for label, source, kind in cells
    ],
}
WRONG = (
    "as it is",
    "split, the lower one labelled",
    "merged",
    "a new cell, the stub left",
    "all metadata lost",
    "a partial",
)


@pytest.fixture(scope="module")
def shell():
    config = Config({"HistoryAccessor": {"enabled": False}, "HistoryManager": {"enabled": False}})
    main = sys.modules["__main__"]
    yield InteractiveShell(config=config)
    sys.modules["__main__"] = main


@pytest.fixture(autouse=True)
def one_process_for_all(monkeypatch):
    """The grader's judge runs in this process: it is left as it was, and is not searched for traces of tampering."""
    monkeypatch.setattr(engine, "check", engine.check)
    monkeypatch.setattr(exercises, "check", engine.check)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(answer, "snapshot", dict)


def seen(shell, number, cells):
    """The exercises that the notebook calls right, where its own cells and the checks are run."""
    lecture, right = lecture_tasks(number), set()

    def check(name, given):
        wrong = engine.verdict(engine.find_exercise(name), given)
        if wrong:
            raise engine.NotYet(wrong)
        right.add(name)

    exercises.check = engine.check = check
    module = sys.modules["__main__"] = ModuleType("__main__")  # what `shell.reset()` does, which takes a second
    shell.user_module, shell.user_ns = module, vars(module)
    shell.init_user_ns()
    ours = {plainly(text) for text in checks_of(lecture.tasks)}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        shell.run_cell(lecture.imports)
        for _, source, kind in cells:
            if kind == "code" and (plainly(source) in ours or plainly(source) not in lecture.ours):
                shell.run_cell(source)
    return right


def found(number, cells):
    """The exercises that the grader calls right."""
    lecture, right = lecture_tasks(number), set()
    with contextlib.redirect_stdout(io.StringIO()):
        for task in lecture.tasks:
            for verdict in answer.judge(lecture, task, cells, seconds=30):
                right |= {task.name} if verdict.verdict == "right" else set()
    return right


@pytest.mark.parametrize("number", NUMBERS)
def test_the_notebook_and_the_grader_agree_however_an_answer_is_written(number, shell):
    tasks, whole = lecture_tasks(number).tasks, {task.name for task in lecture_tasks(number).tasks}
    differ = []
    for name, edit in EDITS.items():
        cells = edit(cells_of(number, solutions(number)), tasks)
        in_notebook, in_grader = seen(shell, number, cells), found(number, cells)
        if not in_notebook == in_grader == whole:
            differ.append((name, "notebook", sorted(whole - in_notebook), "grader", sorted(whole - in_grader)))
    assert not differ


@pytest.mark.parametrize("number", NUMBERS)
def test_they_agree_on_wrong_answers_and_a_right_one_beside_them_counts(number, shell):
    tasks = lecture_tasks(number).tasks
    for bad in (tasks[0], tasks[-1]):
        wrong = (
            f"class {bad.answer}:\n    pass\n" if "class " in bad.solution else f"def {bad.answer}(*_):\n    return 7\n"
        )
        for name in WRONG:
            cells = EDITS[name](cells_of(number, solutions(number) | {bad.name: wrong}), tasks)
            in_notebook, in_grader = seen(shell, number, cells), found(number, cells)
            assert bad.name not in in_notebook | in_grader, name
            assert in_notebook <= in_grader, "the grader forgives what builds on a wrong answer, and nothing else"
