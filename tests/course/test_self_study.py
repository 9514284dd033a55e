"""A student's whole path in JupyterLab: from the first look to an update of the course that leaves the work alone.

Pictures of every step lie in build/screenshots afterwards.
"""

import shutil

import nbformat
from typer.testing import CliRunner

from course_utils.course.command import app
from course_utils.course.lectures import NOTEBOOKS
from course_utils.course.workspace import update_workspace
from tests.browser import (
    cell_with,
    local_page,
    open_notebook,
    run_all,
    save,
    screenshot,
    serve_lab,
    wait_until_idle,
)

START = "00_start_here.ipynb"
WRONG = """def foreground_share(mask):
    return (mask != 0).sum().item() / mask.numel()"""
RIGHT = """def foreground_share(mask):
    known = mask[mask != 255]
    return (known > 0).sum().item() / max(1, len(known))"""
ASKED = "def foreground_share(mask):"
CHECKED = 'check("00.foreground_share", foreground_share)'


def write(page, cell, text):
    """Put a text into a cell, as fingers do, and run it."""
    cell.locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.insert_text(text)
    page.keyboard.press("Shift+Enter")
    wait_until_idle(page)


def run_cell(page, text):
    """Run the cell that holds a text, and give what it shows."""
    cell = cell_with(page, text)
    cell.locator(".jp-InputPrompt").first.click()  # a hidden cell has no editor to click into
    page.keyboard.press("Shift+Enter")
    wait_until_idle(page)
    return " ".join(cell_with(page, text).locator(".jp-OutputArea").inner_text().split())


def answer(page, text):
    """Write into the exercise's cell and run its check."""
    write(page, cell_with(page, ASKED), text)
    return run_cell(page, CHECKED)


def first_visit(page, lab):
    open_notebook(page, lab, START)
    assert page.locator("h1", has_text="Start here").is_visible()
    screenshot(page, "student-1-open")
    run_all(page)
    said = " ".join(cell_with(page, CHECKED).locator(".jp-OutputArea").inner_text().split())
    assert said.startswith("00.foreground_share: not written yet.") and "hint('00.foreground_share')" in said
    screenshot(page, "student-2-not-written-yet")

    assert "You count the void pixel (255) as foreground." in answer(page, WRONG)
    screenshot(page, "student-3-wrong")

    cell_with(page, CHECKED).locator(".cm-content").click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.insert_text('hint("00.foreground_share")  # my own cell')
    page.keyboard.press("Shift+Enter")
    wait_until_idle(page)
    assert "Hint 1 of 3" in cell_with(page, "# my own cell").inner_text()
    screenshot(page, "student-4-hint")

    assert "00.foreground_share: right." in answer(page, RIGHT)
    screenshot(page, "student-5-right")

    run_cell(page, "start_page()")
    box = page.locator(".course-map .stop", has_text="Start here")
    assert box.locator(".squares").get_attribute("aria-label") == "1 of 3 exercises done"
    box.scroll_into_view_if_needed()
    screenshot(page, "student-6-progress")


def quiz_by_keyboard(page):
    run_cell(page, 'quiz("00")')
    choice = page.locator(".course-quiz summary").first
    choice.scroll_into_view_if_needed()
    choice.focus()
    page.keyboard.press("Enter")
    opened = page.locator(".course-quiz details[open]")
    assert opened.count() == 1 and "Not this one." in opened.inner_text()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert "Right." in page.locator(".course-quiz details[open]").nth(1).inner_text()
    screenshot(page, "student-7-quiz-by-keyboard")


def newer_course(folder):
    """The course's notebooks with a sentence more in lecture 00."""
    shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns("scripts", ".*", "0[1-9]*", "1*"))
    notebook = nbformat.read(folder / START, as_version=4)
    notebook.cells[0]["source"] += "\n\nThis sentence is new."
    nbformat.write(notebook, folder / START)
    return folder


def test_a_students_whole_path(browser, tmp_path):
    workspace = tmp_path / "workspace"
    with serve_lab(workspace, tmp_path / "settings") as lab, local_page(browser) as page:
        first_visit(page, lab)
        quiz_by_keyboard(page)
        save(page)
    work = (workspace / START).read_bytes()
    assert b"max(1, len(known))" in work

    (said,) = update_workspace(workspace, newer_course(tmp_path / "newer"))
    assert "has your work and stays" in said
    assert (workspace / START).read_bytes() == work
    assert (
        "1 of 3 done, next: 00.paint (1 hint)"
        in CliRunner().invoke(app, ["progress", "--workspace", str(workspace)]).output
    )

    with serve_lab(workspace, tmp_path / "settings") as lab, local_page(browser) as page:
        assert (workspace / START).read_bytes() == work, "starting the lab again changes nothing"
        open_notebook(page, lab, START)
        assert "max(1, len(known))" in cell_with(page, ASKED).inner_text()
        run_cell(page, "PROFILE =")
        run_cell(page, "import matplotlib.pyplot")
        said = run_cell(page, "start_page()")
        assert "The new version lies beside it: 00_start_here.new-" in said and "1/3" in said
        page.locator(".course-news").scroll_into_view_if_needed()
        screenshot(page, "student-8-after-the-update")
        page.locator(".course-news a").click()
        page.locator(".jp-RenderedMarkdown:visible", has_text="This sentence is new.").wait_for()
        screenshot(page, "student-9-the-new-version")
