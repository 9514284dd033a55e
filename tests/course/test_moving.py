"""Explorers that move without a kernel: drawn in a run, driven in a page that was opened from disk."""

import base64
import json

import nbformat
import pytest
from ipywidgets import IntSlider, SelectionSlider, ToggleButtons

from course_utils.course.decks.html import write_html
from course_utils.course.decks.lint import deck_problems, html_problems
from course_utils.course.decks.pdf import open_deck
from course_utils.course.decks.powerpoint import write_powerpoint
from course_utils.course.decks.slides import Deck, read_slides
from course_utils.course.lectures import NOTEBOOKS
from course_utils.course.moving import HERE, moving_html, with_moving
from course_utils.course.notebooks import read_notebook
from course_utils.course.running import run_lecture, run_lectures
from course_utils.figures.boards import Board
from course_utils.widgets.frame import KEPT, LARGEST, MOST, Explorer, explore
from course_utils.widgets.live_views import MIME_MOVING, VIEW
from tests.course.made_up import cell, make_lecture
from tests.widgets.explorer_pages import CASES, IMPORTS

LIMIT = 50  # milliseconds from a key to the picture


def compute(side, colour, edge):
    if side == 9:
        raise ValueError("nine is too many")
    return side, colour, edge


def draw(data):
    board = Board(400, 200)
    board.box(0, 0, 10 * data[0], 100, facecolor=data[1])
    return board


def made(telling=None):
    KEPT.pop("box", None)
    return Explorer(
        "box",
        title="A box </script> & more",
        try_this="make it larger",
        controls={
            "side": IntSlider(3, 0, 10, description="side"),
            "colour": ToggleButtons(options={"warm": "red", "cold": "blue"}, description="colour"),
            "edge": SelectionSlider(options=["thin", "thick"], description="edge"),
        },
        compute=compute,
        draw=draw,
        describe=lambda data: f"A {data[1]} box of {data[0]}, </script> {data[2]}.",
        alt="A box.",
        telling=telling or {"side": [0, 6, 9], "colour": ["red", "blue"]},
    )


@pytest.fixture
def asked(monkeypatch):
    """As in a run that asks explorers for their pictures."""
    monkeypatch.setenv("COURSE_MOVING", "1")


@pytest.fixture
def shown(monkeypatch):
    """Makes a notebook with a slide on which an explorer stands."""
    displayed = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: displayed.append(data))

    def notebook(explorer):
        explore(explorer)
        return with_slides(displayed.pop())

    return notebook


def with_slides(data):
    """A slide that shows what a cell has displayed, and another slide."""
    data = {mime: base64.b64encode(form).decode() if isinstance(form, bytes) else form for mime, form in data.items()}
    output = nbformat.v4.new_output("display_data", data=data)
    texts = "# A lecture", "## Does it move?", "explore(box)", "*For the lecturer, 1 minute.* Ask.", "## Next"
    kinds = "slide", "slide", "-", "notes", "slide"
    cells = [nbformat.v4.new_markdown_cell(text) for text in texts]
    cells[2] = nbformat.v4.new_code_cell(texts[2], outputs=[output])
    for made_cell, kind in zip(cells, kinds, strict=True):
        made_cell.metadata["slideshow"] = {"slide_type": kind}
    return nbformat.v4.new_notebook(cells=cells)


def test_a_run_draws_the_telling_positions_and_begins_with_the_one_that_is_shown(asked, shown):
    moving = shown(made()).cells[2].outputs[0].data[MIME_MOVING]
    assert [control["name"] for control in moving["controls"]] == ["side", "colour"]
    assert [control["kind"] for control in moving["controls"]] == ["range", "choice"]
    assert moving["controls"][1]["labels"] == ["warm", "cold"]
    assert moving["still"] == "edge thin"
    drawn = {tuple(frame[0]): frame[2] for frame in moving["frames"]}
    assert set(drawn) == {(side, colour) for side in (3, 0, 6) for colour in (0, 1)}, "and none where it complains"
    assert tuple(moving["frames"][0][0]) == (3, 0)
    assert drawn[6, 1] == "A blue box of 6, </script> thin."
    assert len(moving["pictures"]) == 5, "a box of 0 looks the same in both colours"


def test_drawing_them_leaves_the_explorer_as_it_was(asked):
    explorer = made()
    before = explorer.values, explorer.picture.words
    explorer.moving()
    assert (explorer.values, explorer.picture.words) == before


def test_more_pictures_than_a_page_can_bear_are_refused(monkeypatch):
    monkeypatch.setattr("course_utils.widgets.frame.MOST", 5)
    with pytest.raises(ValueError, match="box would move among 8 pictures; 5 is the most"):
        made().moving()


def test_committed_notebooks_hold_no_frames(monkeypatch, shown):
    monkeypatch.delenv("COURSE_MOVING", raising=False)
    assert MIME_MOVING not in shown(made()).cells[2].outputs[0].data
    holding = [file.name for file in NOTEBOOKS.glob("*.ipynb") if MIME_MOVING in file.read_text(encoding="utf-8")]
    assert not holding


@pytest.mark.notebooks
def test_the_kernel_of_a_run_draws_them_and_that_of_a_build_does_not(tmp_path):
    body = "from course_utils.widgets import explore, transposed_convolution\n\nexplore(transposed_convolution())"
    lecture = make_lecture(tmp_path, cell(body))
    found = []
    for folder, run in (("run", run_lectures), ("build", lambda lectures, out: run_lecture(lectures[0], out))):
        run([lecture], tmp_path / folder)
        notebook = read_notebook(tmp_path / folder / "notebooks" / lecture.notebook.name)
        found.append(
            any(MIME_MOVING in each.get("data", {}) for code in notebook.cells for each in code.get("outputs", []))
        )
    assert found == [True, False]


def test_an_explorer_becomes_html_and_all_else_stays(asked, shown):
    notebook = shown(made())
    before = json.dumps(notebook)
    moved = with_moving(notebook)
    assert json.dumps(notebook) == before, "the notebook that was given is not changed"
    data = moved.cells[2].outputs[0].data
    assert "text/html" in data and VIEW not in data and not [kind for kind in data if kind.startswith("image/")]
    del notebook.cells[2].outputs[0].data[MIME_MOVING]
    still = with_moving(notebook).cells[2].outputs[0].data
    assert any(kind.startswith("image/") for kind in still) and "text/html" not in still


def test_the_script_is_short_and_asks_nobody():
    script = (HERE / "moving.js").read_text(encoding="utf-8")
    assert len(script.splitlines()) < 150
    assert "import " not in script and "http" not in script


@pytest.fixture
def page(browser, tmp_path):
    """Two explorers in a page from disk, and what the page asked for."""
    moving = made().moving()
    file = tmp_path / "page.html"
    file.write_text(
        f"<!doctype html><meta charset='utf-8'>{moving_html(moving)}{moving_html(moving)}", encoding="utf-8"
    )
    page = browser.new_page()
    page.wrong = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("request", lambda request: page.wrong.append(request.url) if request.url.startswith("http") else None)
    page.goto(file.as_uri())
    yield page
    assert not page.wrong
    page.close()


def test_an_arrow_key_and_a_drag_show_picture_sentence_and_alt_text(page):
    explorer = page.locator(".course-moving").first
    image, words, slider = explorer.locator("img"), explorer.locator(".moving-words"), explorer.locator("input").first
    before = image.get_attribute("src")
    assert words.text_content() == "A red box of 3, </script> thin."
    for _ in range(3):
        slider.press("ArrowRight")
    assert words.text_content() == "A red box of 6, </script> thin."
    assert image.get_attribute("alt") == "A box. A red box of 6, </script> thin."
    assert image.get_attribute("src") != before
    explorer.get_by_label("cold").check()
    assert words.text_content() == "A blue box of 6, </script> thin."
    box = slider.bounding_box()
    page.mouse.move(box["x"] + 0.55 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 1, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    assert words.text_content() == "A blue box of 0, </script> thin."
    assert page.locator(".moving-words").last.text_content() == "A red box of 3, </script> thin.", (
        "each moves by itself"
    )
    assert page.locator("input[type=range]").count() == 2, "a script that stands twice starts each explorer once"


def test_the_nearest_picture_says_that_it_is_the_nearest(page):
    explorer = page.locator(".course-moving").first
    note, slider = explorer.locator(".moving-nearest"), explorer.locator("input").first
    assert note.text_content() == ""
    slider.press("End")
    assert explorer.locator(".moving-words").text_content() == "A red box of 6, </script> thin."
    assert note.text_content() == "No picture was drawn for this position; the nearest has side 6."
    slider.fill("6")
    assert note.text_content() == ""


def test_it_answers_within_fifty_milliseconds(page):
    taken = page.evaluate("""async () => {
        const input = document.querySelector("input[type=range]"), image = document.querySelector("img"), taken = [];
        for (const place of [6, 0, 3, 6, 0, 3]) {
            const start = performance.now();
            input.value = place;
            input.dispatchEvent(new Event("input"));
            await image.decode();
            taken.push(performance.now() - start);
        }
        return taken;
    }""")
    assert sorted(taken)[len(taken) // 2] < LIMIT, taken


def test_in_a_deck_arrow_keys_move_the_slider_and_a_clickers_keys_turn_the_page(asked, shown, browser, tmp_path):
    slides = read_slides(shown(made()), "99")
    deck = Deck("99_moving", slides[0].title, tuple(slides))
    file = tmp_path / "99_moving.html"
    write_html(deck, file)
    assert not html_problems(file, browser)
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    open_deck(file, page)
    page.evaluate("Reveal.slide(1)")
    type_of = "parts => parts.filter(part => part.offsetWidth).map(part => parseFloat(getComputedStyle(part).fontSize))"
    sizes = page.locator(".present .course-moving p, .present .course-moving label").evaluate_all(type_of)
    assert len(sizes) >= 3 and min(sizes) >= 24, "18 points on a page of 1280x720: the back row reads along"
    slider = page.locator("input[type=range]").first
    slider.press("ArrowRight")
    assert page.locator("output").first.text_content() == "4"
    assert page.evaluate("Reveal.getIndices().h") == 1
    slider.press("PageDown")
    assert page.evaluate("Reveal.getIndices().h") == 2
    page.close()
    write_powerpoint(deck, tmp_path / "99_moving.pptx")  # with the still picture, which the slide has as well
    assert slides[1].figures[0].frames and not [each for each in deck_problems(deck, False) if "explorer" in each]


MOVING = {"threshold", "receptive_field", "transposed_convolution", "crop_offset", "unet_size", "elastic", "weight_map"}
MOVING |= {"anchor_matching", "roi_shift", "nms_threshold"}


@pytest.mark.notebooks  # draws some hundred pictures
@pytest.mark.parametrize("case", [case for case in CASES if case.name in MOVING], ids=lambda case: case.name)
def test_the_courses_explorers_move_within_their_bounds(case):
    names = {}
    exec(IMPORTS, names)
    exec(f"from course_utils.widgets import {case.name}\nexplorer = {case.call}", names)
    explorer = names["explorer"]
    moving = explorer.moving()
    assert 12 <= len(moving["frames"]) <= MOST
    assert len(json.dumps(moving)) < LARGEST
    assert moving["frames"][0][2] == explorer.picture.words, "the page begins with what the notebook shows"
