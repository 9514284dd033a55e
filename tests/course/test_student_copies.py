"""Student copies: nothing of a solution in them, everything else kept, and a first stop that says what to do."""

import ast
import inspect
import json
import re
from functools import partial
from html import unescape

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook, new_output
from typer.testing import CliRunner

from course_utils.course import workspace
from course_utils.course.command import app
from course_utils.course.lectures import lectures
from course_utils.course.notebooks import read_notebook
from course_utils.course.running import build_lecture
from course_utils.course.workspace import SOLUTION, cells_of_solutions, names_in, student_copy, update_workspace
from course_utils.exercises.engine import exercises_of
from course_utils.exercises.own_work import find_reference
from tests.course.made_up import cell as written
from tests.course.made_up import make_lecture

LECTURES = [lecture for lecture in lectures() if lecture.notebook.exists()]
every_lecture = pytest.mark.parametrize("lecture", LECTURES, ids=lambda lecture: lecture.number)
LONG = 28  # characters without spaces from which a line is a solution's own


def solved(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code" and SOLUTION.search(cell.source)]


def squeezed(text):
    return re.sub(r"\s|\\n", "", unescape(text))


def strings(held):
    """Every string in a notebook, wherever it stands."""
    if isinstance(held, dict):
        for key, value in held.items():
            yield from strings(key)
            yield from strings(value)
    elif isinstance(held, list):
        yield "".join(part for part in held if isinstance(part, str))
        for value in held:
            yield from strings(value)
    elif isinstance(held, str):
        yield held


EVERYBODYS = ("#", '"', "def ", "import ", "from ", "with ")


def telling_lines(source):
    lines = (squeezed(line) for line in source.splitlines() if not line.lstrip().startswith(EVERYBODYS))
    return {line for line in lines if len(line) >= LONG}


def leaks(copy, secrets):
    everything = "\n".join(squeezed(text) for text in strings(copy) if len(text) < 200_000)
    return [secret for secret in secrets if secret in everything]


@every_lecture
def test_no_line_of_a_solution_is_left_anywhere(lecture):
    source = read_notebook(lecture.notebook)
    secrets = {
        line for cell in solved(source) for match in SOLUTION.finditer(cell.source) for line in telling_lines(match[0])
    }
    given = "\n".join(squeezed(cell.source) for cell in source.cells if cell not in solved(source))
    copy = student_copy(source)
    assert secrets
    assert leaks(copy, {secret for secret in secrets if secret not in given}) == []
    in_markdown = [cell.source for cell in copy.cells if cell.cell_type == "markdown"]
    assert not [s for s in secrets if any(s in squeezed(text) for text in in_markdown)], "the text gives it away"
    assert "BEGIN SOLUTION" not in nbformat.writes(copy)


@every_lecture
def test_no_body_of_a_reference_in_the_library_is_printed(lecture):
    secrets = set()
    for exercise in exercises_of(lecture.number):
        for path in exercise.references:
            if path.startswith("course_utils"):
                source = inspect.getsource(inspect.unwrap(find_reference(path)))
                body = source.split('"""')[-1]
                secrets |= {line for line in telling_lines(body) if "raise" not in line}
    assert leaks(student_copy(read_notebook(lecture.notebook)), secrets) == []


@every_lecture
def test_only_what_a_solution_made_is_cleared(lecture):
    source = read_notebook(lecture.notebook)
    cleared = cells_of_solutions(source)
    for before, after in zip(
        [cell for cell in source.cells if cell.metadata.slideshow.slide_type != "notes"],
        student_copy(source).cells,
        strict=True,
    ):
        assert before.cell_type == after.cell_type and before["id"] == after["id"]
        if before.cell_type == "markdown":
            assert before == after
        elif before["id"] in cleared:
            assert after.outputs == [] and after.execution_count is None
        else:
            assert before == after
    kept = [cell for cell in source.cells if cell.cell_type == "code" and cell.outputs and cell["id"] not in cleared]
    assert len(kept) >= 4, "a student has something to look at before anything is solved"


@every_lecture
def test_a_fresh_copy_stops_first_where_something_is_to_be_written(lecture):
    """What is asked for is first used by its own check, so that no other cell stops before it or in its place."""
    copy = student_copy(read_notebook(lecture.notebook))
    asked, checked = set(), set()
    for cell in copy.cells:
        if cell.cell_type != "code":
            continue
        tree = ast.parse(re.sub(r"^[%!].*$", "pass", cell.source, flags=re.MULTILINE))
        if "your turn" in cell.source:
            asked |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
            assert all(
                isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom) for node in tree.body
            )
            continue
        used = {name for statement in tree.body for name in names_in(statement)[0] & asked}
        if "check" in cell.metadata.get("tags", []):
            checked |= used
        assert used <= checked, f"{used - checked} is used before its check, and stops a fresh copy without a word"
    assert asked and asked == checked


@every_lecture
def test_the_source_is_the_copy_with_the_solutions_put_back(lecture):
    """So a copy that is solved runs through: the executed notebook is this one, cell by cell."""
    source = read_notebook(lecture.notebook)
    solutions = {cell["id"]: cell.source for cell in solved(source)}
    copy = student_copy(source)
    for cell in copy.cells:
        cell["source"] = solutions.get(cell["id"], cell.source)
    assert [cell.source for cell in copy.cells] == [
        cell.source for cell in source.cells if cell.metadata.slideshow.slide_type != "notes"
    ]
    assert not [o for cell in source.cells for o in cell.get("outputs", []) if o.output_type == "error"]


def run(notebook, folder):
    client = NotebookClient(notebook, timeout=180, resources={"metadata": {"path": str(folder)}}, allow_errors=True)
    client.execute()
    stops = [cell for cell in notebook.cells for o in cell.get("outputs", []) if o.output_type == "error"]
    return stops, [o for cell in stops for o in cell.outputs if o.output_type == "error"]


@pytest.mark.notebooks
def test_the_start_page_run_fresh_stops_at_its_first_exercise_and_solved_runs_through(tmp_path):
    source = read_notebook(LECTURES[0].notebook)
    copy = student_copy(source)
    first = next(index for index, cell in enumerate(copy.cells) if "check" in cell.metadata.get("tags", []))
    copy.cells = copy.cells[: first + 1]  # a run from top to bottom goes no further
    stops, (error,) = run(copy, tmp_path)
    assert stops == [copy.cells[first]]
    said = " ".join("".join(error.traceback).split())
    assert re.fullmatch(
        r"00\.foreground_share: not written yet\. Write a function .* Run hint\('00.foreground_share'\)\.", said
    )

    solutions = {cell["id"]: cell.source for cell in solved(source)}
    copy = student_copy(source)
    for cell in copy.cells:
        cell["source"] = solutions.get(cell["id"], cell.source)
    assert run(copy, tmp_path)[0] == []


def made_up(*sources, widgets=None):
    cells = [new_code_cell(source, metadata={"slideshow": {"slide_type": "-"}}) for source in sources]
    for number, cell in enumerate(cells):
        cell.outputs = [new_output("stream", text=f"output {number}\n")]
    return new_notebook(cells=cells, metadata={"widgets": widgets} if widgets else {})


def kept(*sources):
    return [number for number, cell in enumerate(student_copy(made_up(*sources)).cells) if cell.outputs]


SOLVED = "def double(x):\n    ### BEGIN SOLUTION\n    total = 2 * x\n    return total\n    ### END SOLUTION"


def test_outputs_go_along_the_names_that_a_solution_made():
    assert kept("x = 1", SOLVED, "print(x)") == [0, 2]
    assert kept(SOLVED, "y = double(3)", "print(y)", "y = 1", "print(y)") == [3, 4]
    assert kept(SOLVED, "def four(x):\n    return double(double(x))", "print(four(1))") == []
    assert kept(SOLVED, "total = 5", "print(total)") == [1, 2], "a solution's own variables are nobody else's"
    assert kept("all = []", SOLVED, "all.append(double(1))", "print(all)") == [0]
    assert kept("import torch", SOLVED, "torch.save(double(1), 'f')", "print(torch)") == [0, 3]
    assert kept("box = {}", SOLVED, "box['a'] = double(1)", "print(box)") == [0]
    assert kept("net = 1", SOLVED, "start(net, double)", "print(net)") == [0]
    assert kept(SOLVED, "try:\n    double(1)\nexcept ValueError:\n    pass") == []
    assert kept(SOLVED, "a = 1; b = double(a)", "print(a)", "print(b)") == [2]
    assert kept(SOLVED, "%matplotlib inline\nprint([double(n) for n in (1, 2)])") == []


def test_the_state_of_widgets_goes_with_the_outputs_that_showed_them():
    state = {
        "state": {
            "aa11": {"state": {"children": ["IPY_MODEL_bb22"]}},
            "bb22": {},
            "cc33": {"state": {"value": "2 * x"}},
        }
    }
    notebook = made_up("x = 1", SOLVED, "double(2)", widgets={"application/vnd.jupyter.widget-state+json": state})
    notebook.cells[0].outputs = [
        new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {"model_id": "aa11"}})
    ]
    notebook.cells[2].outputs = [
        new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {"model_id": "cc33"}})
    ]
    left = student_copy(notebook).metadata.widgets["application/vnd.jupyter.widget-state+json"].state
    assert set(left) == {"aa11", "bb22"}


@pytest.mark.parametrize("place", ["source", "output", "slide", "metadata", "attachment", "widget"])
def test_the_search_finds_a_leak_wherever_it_is(place):
    line = "answer = torch.bincount(pairs, minlength=classes * classes)"
    notebook = made_up("x = 1")
    notebook.cells.append(nbformat.v4.new_markdown_cell("text"))
    cell = notebook.cells[0]
    {
        "source": lambda: cell.update(source=line),
        "output": lambda: cell.outputs.append(new_output("stream", text="    " + line)),
        "slide": lambda: cell.outputs.append(
            new_output("display_data", data={"application/x.slide+json": {"code": [line]}})
        ),
        "metadata": lambda: cell.metadata.update(old={"source": line}),
        "attachment": lambda: notebook.cells[1].update(attachments={"a.txt": {"text/plain": line}}),
        "widget": lambda: notebook.metadata.update(widgets={"state": {"a": {"value": json.dumps(line)}}}),
    }[place]()
    assert leaks(notebook, telling_lines(line))
    assert not leaks(made_up("x = 1"), telling_lines(line))


@every_lecture
def test_labels_and_points_are_those_of_the_exercises(lecture):
    exercises = {exercise.name: exercise for exercise in exercises_of(lecture.number)}
    labels = [
        cell.metadata["nbgrader"] for cell in read_notebook(lecture.notebook).cells if "nbgrader" in cell.metadata
    ]
    assert len({label["grade_id"] for label in labels}) == len(labels) == 2 * len(exercises)
    for label in labels:
        assert label["schema_version"] == 3 and label["task"] is False
        exercise = exercises[label["grade_id"].removesuffix("-check").replace("-", ".", 1)]
        if label["grade"]:
            assert label["points"] == exercise.points, exercise.name
            assert label["locked"] and not label["solution"]


WRITTEN = "def double(x):\n    {}\n    secret_total = 2 * x\n    return secret_total\n    {}\n"
MARKERS = {
    "as it should be": ("### BEGIN SOLUTION", "### END SOLUTION"),
    "blanks after them": ("### BEGIN SOLUTION \t", "### END SOLUTION  "),
    "no blank after the hashes": ("###BEGIN SOLUTION", "###END SOLUTION"),
    "not in capitals": ("### Begin Solution", "### end solution"),
    "two hashes": ("## BEGIN SOLUTION", "# END SOLUTION"),
    "a colon": ("### BEGIN SOLUTION:", "### END SOLUTION."),
    "more words": ("### >>> BEGIN SOLUTION (2 points)", "### <<< END SOLUTION OF double"),
    "carriage returns": ("### BEGIN SOLUTION\r", "### END SOLUTION\r"),
    "begin twice": ("### BEGIN SOLUTION\n    ### BEGIN SOLUTION", "### END SOLUTION"),
    "no end": ("### BEGIN SOLUTION", "pass"),
    "no begin": ("pass", "### END SOLUTION"),
    "no markers": ("pass", "pass"),
    "two blanks between the words": ("### BEGIN  SOLUTION", "### END   SOLUTION"),
    "a line between the words": ("### BEGIN_SOLUTION", "### END_SOLUTION"),
    "written as one": ("### BEGINSOLUTION", "### ENDSOLUTION"),
    "a narrow blank": ("### BEGIN\u00a0SOLUTION", "### END\u00a0SOLUTION"),
    "nothing between them": ("### BEGIN SOLUTION\n    ### END SOLUTION", "pass"),
    "misspelt at the beginning": ("### BEGIN SOLUTOIN", "### END SOLUTION"),
    "misspelt at the end": ("### BEGIN SOLUTION", "### END SOLUTOIN"),
    "misspelt twice": ("### BEGIN SOLUTOIN", "### END SOLUTOIN"),
}
AS_IT_IS = new_code_cell("def triple(x):\n    ### BEGIN SOLUTION\n    return 3 * x\n    ### END SOLUTION")


def labelled(source, kind=new_code_cell):
    label = {"grade_id": "20-double", "solution": True, "grade": False, "locked": False, "schema_version": 3}
    return kind(source, metadata={"nbgrader": label, "slideshow": {"slide_type": "skip"}})


@pytest.mark.parametrize("kind", [new_code_cell, nbformat.v4.new_markdown_cell, nbformat.v4.new_raw_cell])
@pytest.mark.parametrize("form", MARKERS)
def test_a_solution_is_cut_or_the_copy_is_refused_whatever_its_marker_looks_like(form, kind):
    for source in (
        WRITTEN,
        WRITTEN.replace("\n", "\r\n"),
        AS_IT_IS.source.replace("return", "x = 1; return") + "\n" + WRITTEN,
    ):
        cell = labelled(source.format(*MARKERS[form]), kind)
        if form in ("misspelt twice", "no markers") and "triple" in source and kind is not new_code_cell:
            continue  # one solution was cut, and in prose nothing says that there is another
        try:
            copy = student_copy(new_notebook(cells=[new_code_cell("x = 1"), cell, AS_IT_IS]))
        except ValueError as error:
            assert "cell 2 (def " in str(error) and "secret" not in str(error)
        else:
            assert "secret" not in nbformat.writes(copy) and len(copy.cells) == 3
            assert ast.parse(copy.cells[1].source) if kind is new_code_cell else "Your turn" in copy.cells[1].source


def test_the_cutter_is_as_strict_as_nbgraders():
    preprocessors = pytest.importorskip("nbgrader.preprocessors")
    for form, markers in MARKERS.items():
        notebook = new_notebook(cells=[labelled(WRITTEN.format(*markers))])
        try:
            kept = preprocessors.ClearSolutions().preprocess(notebook, {})[0].cells[0].source
        except RuntimeError:
            kept = ""
        if "secret" not in kept:
            try:
                assert "secret" not in nbformat.writes(student_copy(notebook)), form
            except ValueError:
                continue


@pytest.mark.parametrize("command", ["student", "lab"])
def test_a_command_hands_out_nothing_where_one_copy_would_show_a_solution(command, tmp_path, monkeypatch):
    made_ups = [("98_made_up", SOLVED), ("99_made_up", SOLVED.replace("### END SOLUTION", ""))]
    for name, source in made_ups:
        make_lecture(tmp_path / "notebooks", written(source), name=name)
    monkeypatch.setattr(workspace, "update_workspace", partial(update_workspace, notebooks=tmp_path / "notebooks"))
    to = {"student": "--out", "lab": "--workspace"}[command]
    result = CliRunner().invoke(app, [command, to, str(tmp_path / "out")])
    assert result.exit_code == 2 and "99_made_up.ipynb: a student's copy would show a solution: cell 2" in result.output
    assert not list(tmp_path.glob("out/*.ipynb"))


def test_a_lecture_whose_copy_would_show_a_solution_is_not_built(tmp_path):
    lecture = make_lecture(tmp_path, written(SOLVED.replace("### BEGIN SOLUTION", "pass")))
    with pytest.raises(
        ValueError, match=r"99_made_up.py is not built: .* cell 2 \(def double\(x\):\) holds 'END SOLUTION'"
    ):
        build_lecture(lecture)
