"""Explorers and lecture mode in a real JupyterLab: they appear, a hand moves them, and their numbers change."""

import shutil

import nbformat
import pytest

from course_utils.course.book.building import write_book
from course_utils.widgets.live_views import VIEW
from tests.browser import local_page, open_notebook, run_all, save, screenshot
from tests.widgets.explorer_pages import CASES, IMPORTS, LECTURE

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
ROOM = 600  # pixels: of 720, what JupyterLab leaves to a notebook; a heading stands above


def write(lab, name: str, cells: list) -> None:
    """Put a notebook into the lab's workspace."""
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), lab.workspace / name)


@pytest.fixture(scope="module")
def explorers(browser, lab):
    """A page of 1280x720 with every explorer in one notebook, run."""
    sources = (IMPORTS, *(case.cell for case in CASES))
    write(lab, "explorers.ipynb", [nbformat.v4.new_code_cell(source) for source in sources])
    with local_page(browser, 1280, 720) as opened:
        open_notebook(opened, lab, "explorers.ipynb")
        run_all(opened)
        yield opened


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_appears_moves_and_says_so(explorers, case):
    explorer = explorers.get_by_role("group", name=case.title)
    explorer.scroll_into_view_if_needed()
    words, image = explorer.get_by_role("status"), explorer.locator(".course-picture img")
    for move, expected in case.moves:
        before, picture = words.inner_text(), image.get_attribute("src")
        move(explorer)
        explorers.wait_for_function(
            "([node, before]) => node.textContent !== before", arg=[words.element_handle(), before]
        )
        assert expected in words.inner_text()
        explorers.wait_for_function(  # the picture comes in a message of its own
            "([node, before]) => node.getAttribute('src') !== before", arg=[image.element_handle(), picture]
        )
    screenshot(explorers, f"explorer_{case.name}")
    for control in explorer.locator("[role=slider], select, input:not([type=file])").all():
        assert control.get_attribute("aria-label") or control.evaluate("node => node.labels?.length"), (
            "a nameless control"
        )
    box = explorer.bounding_box()
    assert box["height"] <= ROOM, f"{box['height']:.0f} pixels high: too much for a projector of 1280x720"
    assert box["x"] + box["width"] <= 1280


def test_what_is_saved_shows_pictures_on_a_page_without_a_kernel(explorers, browser, lab, tmp_path):
    save(explorers)
    file = lab.workspace / "explorers.ipynb"
    assert VIEW not in file.read_text()
    (tmp_path / "notebooks").mkdir()
    shutil.copy(file, tmp_path / "notebooks" / "99_explorers.ipynb")
    book = write_book(tmp_path / "notebooks", tmp_path / "book", "lecturer", pdf=False).parent
    with local_page(browser, 1280, 720) as page:
        page.goto((book / "lectures" / "99_explorers.html").as_uri())
        pictures = page.locator("img.figure")
        assert pictures.count() == len(CASES)
        for picture in pictures.all():
            picture.scroll_into_view_if_needed()  # a picture further down is fetched once somebody comes near
            picture.evaluate("node => node.decode()")
            assert picture.evaluate("node => node.naturalWidth > 300 && node.alt.length > 40")
        assert "model not found" not in page.content()
        screenshot(page, "explorers_without_a_kernel")


def shown(page) -> str:
    """What the room can read."""
    return page.evaluate("document.body.innerText")


def test_lecture_mode_shows_a_slide_at_a_time_and_ends_with_one_key(browser, lab):
    cells = []
    for kind, slide, source, tags in LECTURE:
        make = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
        cells.append(make(source, metadata={"slideshow": {"slide_type": slide}, "tags": tags}))
    write(lab, "lecture.ipynb", cells)
    with local_page(browser, 1280, 720) as page:
        open_notebook(page, lab, "lecture.ipynb")
        run_all(page)
        page.get_by_role("button", name="Begin lecture mode").click()
        assert "The first slide" in shown(page)
        assert "lecture_mode()" not in shown(page), "code is hidden"
        assert "The second slide" not in shown(page)
        screenshot(page, "lecture_mode_first_slide")

        page.keyboard.press("PageDown")
        assert "The second slide" in shown(page)
        assert "only the lecturer" not in shown(page), "notes are hidden"
        assert "the answer" not in shown(page), "a fragment comes with its own key"
        explorer = page.get_by_role("group", name="A threshold slides over the photograph")
        box = explorer.bounding_box()
        assert box["y"] + box["height"] <= 720 and box["width"] > 1000, "as large as the page"
        handle = explorer.get_by_role("slider", name="threshold", exact=True)
        handle.focus()
        handle.press("ArrowRight")
        explorer.get_by_text("Threshold 81:").wait_for()
        screenshot(page, "lecture_mode_explorer")

        page.keyboard.press("PageDown")
        assert "the answer" in shown(page)
        page.keyboard.press("PageDown")
        assert "print" in shown(page), "this cell asks for its code to be shown"
        page.keyboard.press("PageDown")
        assert "One more to move" in shown(page), "explorers that decks leave out are shown, under their heading"
        assert page.get_by_role("group", name="Where the cells lie, and the crop").is_visible()
        assert "only for readers" not in shown(page)
        page.keyboard.press("PageUp")
        page.keyboard.press("PageUp")
        page.keyboard.press("PageUp")
        assert "The second slide" in shown(page) and "the answer" not in shown(page)

        page.keyboard.press("Escape")
        assert page.locator(".course-away, .course-stage").count() == 0
        assert "lecture_mode()" in shown(page)
        assert page.locator("#jp-menu-panel").is_visible()
        screenshot(page, "lecture_mode_ended")
        page.keyboard.press("F9")
        assert "The second slide" in shown(page) and "lecture_mode()" not in shown(page)
