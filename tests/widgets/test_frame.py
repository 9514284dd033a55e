"""What holds for every explorer: its state is kept, its mistakes are told, its picture is in the notebook."""

import base64
import json

import nbformat
import pytest
from ipywidgets import Dropdown, IntSlider

from course_utils.course.book.sources import as_page, put_figures
from course_utils.figures.boards import Board
from course_utils.widgets.frame import KEPT, Explorer, explore
from course_utils.widgets.live_views import VIEW, before_saving, without_live_views


def compute(side: int, colour: str) -> tuple[int, str]:
    if side == 9:
        raise ValueError("nine is too many: choose fewer")
    return side, colour


def draw(data: tuple[int, str]) -> Board:
    board = Board(400, 200)
    board.box(0, 0, 10 * data[0], 100, facecolor=data[1])
    return board


def made(**changes) -> Explorer:
    settings = {
        "title": "A box",
        "try_this": "make it larger",
        "controls": {
            "side": IntSlider(3, 0, 10, description="side"),
            "colour": Dropdown(options=["red", "blue"], description="colour"),
        },
        "compute": compute,
        "draw": draw,
        "describe": lambda data: f"A {data[1]} box of {data[0]}.",
        "alt": "A box.",
        "point": lambda values, data, x, y: {"side": round(x / 10)},
        "walk": lambda values, across, down: {"side": values["side"] + across},
    }
    return Explorer("box", **settings | changes)


@pytest.fixture(autouse=True)
def forgotten():
    """Each test begins with nothing kept."""
    KEPT.pop("box", None)
    yield
    KEPT.pop("box", None)


def test_a_change_draws_and_says_so():
    explorer = made()
    before = explorer.picture.file
    explorer.controls["side"].value = 5
    assert explorer.picture.words == "A red box of 5."
    assert explorer.picture.file != before
    assert explorer.picture.file[:2] == b"\xff\xd8", "a JPEG file"


def test_a_cell_that_is_run_again_goes_on_where_it_was():
    made().set(side=7, colour="blue")
    assert made().values == {"side": 7, "colour": "blue"}


def test_a_kept_value_that_is_no_choice_any_more_is_forgotten():
    made().set(colour="blue")
    fewer = {"side": IntSlider(3, 0, 10), "colour": Dropdown(options=["red"])}
    assert made(controls=fewer).values == {"side": 3, "colour": "red"}


def test_several_changes_are_one_drawing(monkeypatch):
    explorer, drawn = made(), []
    monkeypatch.setattr(explorer, "draw", lambda data: drawn.append(data) or draw(data))
    explorer.set(side=1, colour="blue")
    assert drawn == [(1, "blue")]


def test_a_mistake_is_told_and_the_picture_stays():
    explorer = made()
    before = explorer.picture.file
    explorer.controls["side"].value = 9
    assert explorer.picture.problem == "nine is too many: choose fewer"
    assert explorer.picture.file == before
    explorer.controls["side"].value = 2
    assert explorer.picture.problem == ""


def test_the_mouse_and_the_arrow_keys_reach_the_controls_and_stop_at_their_ends():
    explorer = made()
    explorer.answer(None, {"kind": "point", "x": 0.1, "y": 0.5}, None)
    assert explorer.values["side"] == 4
    explorer.answer(None, {"kind": "walk", "across": 1, "down": 0}, None)
    assert explorer.values["side"] == 5
    explorer.answer(None, {"kind": "point", "x": 0.9, "y": 0.5}, None)
    assert explorer.values["side"] == 10
    assert explorer.picture.answered == 3


def notebook_with(explorer: Explorer, monkeypatch) -> nbformat.NotebookNode:
    """A notebook in which a cell has shown this explorer."""
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw, metadata: shown.append((data, metadata)))
    explore(explorer)
    ((data, metadata),) = shown
    data = {mime: base64.b64encode(form).decode() if isinstance(form, bytes) else form for mime, form in data.items()}
    output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    cell = nbformat.v4.new_code_cell("explore(box())", outputs=[output])
    return nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {"state": {}}})


def test_the_notebook_holds_the_widget_beside_a_picture_of_it(monkeypatch):
    explorer = made()
    notebook = notebook_with(explorer, monkeypatch)
    ((output,),) = (cell.outputs for cell in notebook.cells)
    assert output.data[VIEW]["model_id"] == explorer.model_id
    assert output.data["text/plain"] == "[figure: A box. A red box of 3.]"
    assert {"image/png", "image/jpeg"} & set(output.data)


def test_a_page_without_a_kernel_shows_the_picture_and_no_dead_widget(monkeypatch, tmp_path):
    notebook = notebook_with(made(), monkeypatch)
    page = as_page(notebook, notebook, set())
    put_figures(page.cells[0], tmp_path)
    assert 'alt="A box. A red box of 3."' in page.cells[0].outputs[0].data["text/html"]
    assert "widget-view" not in json.dumps(page)
    assert VIEW in json.dumps(notebook), "the page is made of a copy"


def test_what_is_saved_has_no_views(monkeypatch):
    notebook = notebook_with(made(), monkeypatch)
    before_saving(model={"type": "notebook", "content": notebook}, path="x.ipynb")
    assert VIEW not in json.dumps(notebook)
    assert "widgets" not in notebook.metadata
    assert {"image/png", "image/jpeg"} & set(notebook.cells[0].outputs[0].data)
    before_saving(model={"type": "file", "content": "text"}, path="x.txt")


def test_a_widget_that_stands_alone_is_left_in_the_notebook():
    output = nbformat.v4.new_output("display_data", data={VIEW: {"model_id": "1"}, "text/plain": "IntSlider()"})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("IntSlider()", outputs=[output])])
    assert VIEW in without_live_views(notebook).cells[0].outputs[0].data
