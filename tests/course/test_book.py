"""The book: opens from a disk, finds words, asks nobody for anything, shows each edition what it may see."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from html import unescape
from pathlib import Path

import pytest
import yaml
from nbformat.v4 import new_code_cell, new_notebook, new_output
from pptx import Presentation
from typer.testing import CliRunner

import bootstrap
from course_utils.course.book.building import write_book
from course_utils.course.book.library import library_pages
from course_utils.course.book.printing import HEAD, PRINTED, lecture
from course_utils.course.book.sources import Page, as_page, put_figures, spread
from course_utils.course.command import app
from course_utils.course.decks.pdf import chromium
from course_utils.course.lectures import ROOT, find_lectures, lectures
from course_utils.course.notebooks import MINUTES, read_notebook
from course_utils.course.workspace import SOLUTION
from course_utils.figures.for_slides import MIME_SLIDE
from course_utils.widgets.live_views import MIME_MOVING
from tests.browser import local_page, screenshot
from tests.course.test_student_copies import solved, squeezed, telling_lines

CHOSEN = ("00", "03")  # the quiz and the map; equations, explorers and a table
PAPER = (657, 975)  # pixels of an A4 page within its margins
NOTE_OF_A_DECK = "Ask the room what they expect before you press the key."


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    """Both editions of two lectures, with a made-up deck."""
    folder = tmp_path_factory.mktemp("books")
    notebooks, slides = folder / "run" / "notebooks", folder / "run" / "slides"
    for made in (notebooks, slides):
        made.mkdir(parents=True)
    for chosen in find_lectures(list(CHOSEN)):
        shutil.copy(chosen.notebook, notebooks)
    make_deck(slides / "03_upsampling")
    return {
        edition: write_book(notebooks, folder / edition, edition, slides, pdf=False).parent
        for edition in ("student", "lecturer")
    }


def make_deck(stem):
    stem.with_suffix(".html").write_text(
        f'<section>A slide<aside class="notes"><p>{NOTE_OF_A_DECK}</p></aside></section>'
    )
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[0])
    slide.shapes.title.text = "A slide"
    slide.notes_slide.notes_text_frame.text = NOTE_OF_A_DECK
    deck.save(str(stem.with_suffix(".pptx")))


def everything(book):
    """All that a book says, in whatever file: pages, search index, notebooks, decks; without blanks."""
    texts = []
    for path in sorted(book.rglob("*")):
        if path.suffix in (".html", ".js", ".json", ".ipynb"):
            texts.append(path.read_text(encoding="utf-8"))
        elif path.suffix == ".pptx":
            with zipfile.ZipFile(path) as parts:
                texts += [parts.read(name).decode("utf-8", "replace") for name in parts.namelist()]
    plain = [unescape(re.sub(r"</?(?:span|code|pre)[^>]*>", "", text)) for text in texts]
    return squeezed("\n".join(texts + plain))


def said_openly(notebook):
    """What a notebook tells everybody."""
    everybodys = [cell for cell in notebook.cells if cell not in solved(notebook) and not MINUTES.match(cell.source)]
    text = "\n".join(cell.source for cell in everybodys)
    alts = json.dumps([output.get("metadata") for cell in notebook.cells for output in cell.get("outputs", [])])
    return squeezed("\n".join([text, re.sub("[`*]", "", text), alts]))


def secrets_of(notebooks):
    """Lines that only solutions have, and sentences that only the lecturer is told, in none of these notebooks openly."""
    given = "".join(map(said_openly, notebooks))
    cells = [cell for notebook in notebooks for cell in notebook.cells]
    solutions = [match[0] for cell in cells for match in SOLUTION.finditer(cell.source)]
    lines = {line for source in solutions for line in telling_lines(source)}
    notes = [cell.source for cell in cells if MINUTES.match(cell.source)]
    told = {squeezed(words) for note in notes for words in re.findall(r"[A-Z][\w ,]{40,}[.:?]", note)}
    return {line for line in lines if line not in given}, {words for words in told if words not in given}


def test_the_students_book_holds_no_solution_and_no_note_in_any_file(books):
    student, lecturer = everything(books["student"]), everything(books["lecturer"])
    solutions, notes = secrets_of([read_notebook(each.notebook) for each in find_lectures(list(CHOSEN))])
    assert len(solutions) > 10 and len(notes) > 10
    assert [secret for secret in solutions | notes if secret in student] == []
    assert [secret for secret in solutions | notes if secret not in lecturer] == [], "the search would not find a leak"
    assert squeezed(NOTE_OF_A_DECK) not in student and squeezed(NOTE_OF_A_DECK) in lecturer


def test_every_picture_has_its_alt_text_and_lies_in_the_book(books):
    for book in books.values():
        for page in (book / "lectures").glob("*.html"):
            pictures = re.findall(r'<img class="figure" src="([^"]+)" alt="([^"]*)"', page.read_text())
            assert len(pictures) >= 1
            for address, alt in pictures:
                assert len(alt) > 40 and (page.parent / address).exists()


def test_a_lecture_begins_with_its_picture_and_its_question_on_its_page_and_its_card(books):
    for book in books.values():
        page = (book / "lectures" / "03_upsampling.html").read_text(encoding="utf-8")
        picture = re.search(r'<img class="figure" src="../(figures/\w+\.jpg)" alt="Coins as two', page)
        assert picture and page.index("<h1>") < picture.start() < page.index("Who fills them in?")
        assert "attachment:" not in page
        assert f"figures/{Path(picture[1]).stem}_card.webp" in (book / "index.html").read_text(encoding="utf-8")


def test_the_pictures_that_an_explorer_moves_among_are_not_read_for_paper(tmp_path):
    (tmp_path / "lectures").mkdir()
    explorer = '<img alt="A box."><script type="application/json">{"pictures": ["UklGR"]}</script><p>After.</p>'
    html = f'<article class="bd-article">{explorer}</article>'
    (tmp_path / "lectures" / "07_box.html").write_text(html, encoding="utf-8")
    printed = lecture(tmp_path, Page("07_box", "A box", "", 0, {}))
    assert "UklGR" not in printed and '<img alt="A box."><p>After.</p>' in printed


def test_equations_are_mathml_and_need_no_script(books):
    page = (books["student"] / "lectures" / "03_upsampling.html").read_text()
    assert (
        page.count("<math ") > 5
        and "mathjax.js" not in page.lower()
        and "cdn" not in page
        and "$" not in re.sub(r"<(pre|script).*?</\1>", "", page, flags=re.DOTALL)
    )


def test_the_lecturers_book_has_notes_as_asides_minutes_and_solutions_behind_a_click(books):
    page = (books["lecturer"] / "lectures" / "03_upsampling.html").read_text()
    assert re.search(r'class="admonition-title">For the lecturer, \d+ minutes?', page)
    assert page.count(">The solution</p>") >= 8 and "BEGIN SOLUTION" in page
    assert re.search(r"<small>\d+ minutes</small>", (books["lecturer"] / "index.html").read_text())
    assert (books["lecturer"] / "teaching.html").exists() and not (books["student"] / "teaching.html").exists()


def test_every_link_of_the_book_leads_to_a_file_of_it_or_to_an_address_of_the_net(books):
    for book in books.values():
        for page in book.rglob("*.html"):
            for address in re.findall(r"<a [^>]*href=[\"']([^\"'#]+)", page.read_text(encoding="utf-8")):
                if not re.match(r"https?:|mailto:", address):
                    assert (page.parent / unescape(address).partition("?")[0]).exists(), f"{page.name} -> {address}"


def test_an_older_book_is_replaced_and_any_other_folder_stays(tmp_path, books):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years")
    result = CliRunner().invoke(app, ["book", "--out", str(tmp_path / "mine")])
    assert result.exit_code == 2 and "holds something that is not a book" in result.output
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]
    result = CliRunner().invoke(app, ["book", "--notebooks", str(tmp_path)])
    assert result.exit_code == 2 and "there is no notebook in" in result.output
    result = CliRunner().invoke(app, ["book", "--edition", "pupil"])
    assert result.exit_code == 2 and "student and lecturer" in result.output


def test_the_reference_names_what_the_library_has_and_leaves_the_answers_out(tmp_path):
    library_pages(tmp_path)
    models = (tmp_path / "library" / "models.md").read_text()
    assert "**SkipFusion** `(" in models or "**FCN** `(" in models
    exercises = (tmp_path / "library" / "exercises.md").read_text()
    assert "check_" not in exercises and "**check** `(" in exercises
    rooms = {path.stem for path in (tmp_path / "library").glob("*.md")} - {"index"}
    there = {path.parent.name for path in (ROOT / "course_utils").glob("*/__init__.py")} | {"losses"}
    assert rooms == there - {"course"}


def test_an_explorer_that_moves_is_on_the_page_and_no_form_that_only_the_course_reads(tmp_path):
    frames = {
        "title": "A box",
        "try": "",
        "alt": "A box.",
        "still": "",
        "size": [4, 4],
        "controls": [],
        "pictures": [""],
    }
    frames["frames"] = [[[], 0, "Red."]]
    data = {MIME_MOVING: frames, MIME_SLIDE: {}, "image/png": "", "text/plain": "[figure]"}
    cell = new_code_cell("explore(box())", outputs=[new_output("display_data", data=data)])
    notebook = new_notebook(cells=[cell])
    page = as_page(notebook, notebook, set())
    put_figures(page.cells[0], tmp_path)
    (output,) = page.cells[0].outputs
    assert set(output.data) == {"text/html", "text/plain"} and "course-moving" in output.data["text/html"]


def test_a_result_of_several_seeds_is_told_with_its_spread():
    assert spread([1.0, 2.0, 3.0]) == "2 (1 to 3)"
    assert spread(0.12345) == "0.123"


@pytest.fixture
def opened(browser, books):
    """A page of the student's book, and every address that it asked for."""
    with local_page(browser, 1280, 900) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        yield page, asked


def test_it_opens_from_a_disk_and_asks_nobody_for_anything(opened, books):
    page, asked = opened
    for book in books.values():
        for file in sorted(book.rglob("*.html")):
            if "_static" not in file.parts and "slides" not in file.parts:
                page.goto(file.as_uri())
                page.wait_for_load_state()
    assert len(asked) > 20 and [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_its_search_finds_a_word_from_a_disk(opened, books):
    page, _ = opened
    page.goto((books["student"] / "index.html").as_uri())
    page.keyboard.press("Control+k")
    page.keyboard.type("checkerboard")
    page.keyboard.press("Enter")
    found = page.locator("#search-results li a")
    found.first.wait_for()
    assert any("03_upsampling" in link.get_attribute("href") for link in found.all())
    screenshot(page, "book_search")


@pytest.mark.parametrize("look", ["light", "dark"])
def test_a_phone_reads_it_without_sideways_scrolling_in_either_look(browser, books, look):
    with local_page(browser, 390, 844) as page:
        page.emulate_media(color_scheme=look)
        for file in (
            "index.html",
            "lectures/00_start_here.html",
            "lectures/03_upsampling.html",
            "library/models.html",
            "results.html",
        ):
            page.goto((books["student"] / file).as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, file
        page.goto((books["student"] / "lectures" / "03_upsampling.html").as_uri())
        ground = page.evaluate("getComputedStyle(document.querySelector('img.figure')).backgroundColor")
        assert ground == "rgb(255, 255, 255)"
        screenshot(page, f"book_phone_{look}")


def test_the_site_is_published_from_what_the_locked_run_leaves():
    workflows = ROOT / ".github" / "workflows"
    cpu, pages = (yaml.safe_load((workflows / f"{name}.yml").read_text()) for name in ("cpu", "pages"))
    job = cpu["jobs"]["test"]
    (locked,) = (each for each in job["strategy"]["matrix"]["include"] if each["locked"])
    fetched, shown, _ = pages["jobs"]["publish"]["steps"]
    assert fetched["with"]["name"] == f"course-{locked['os']}-{locked['python']}"
    assert shown["with"]["path"] == "build/book/student"
    (made,) = (step for step in job["steps"] if "course book" in step.get("run", ""))
    assert made["if"] == "matrix.locked"
    assert made["run"].endswith("course book --notebooks build/notebooks")


def test_the_container_is_set_up_by_a_command_that_there_is():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    python, script, command = container["postCreateCommand"].split()
    assert (python, script) == ("python", "bootstrap.py") and command in bootstrap.COMMANDS


def test_on_paper_nothing_is_wider_or_higher_than_a_page(browser, books):
    """Or Chromium would print every page smaller, or cut a figure in two: a picture that fits is never cut."""
    for name in ("00_start_here", "03_upsampling"):
        body = lecture(books["lecturer"], Page(name, name, "", 0, {}))
        sheet = books["lecturer"] / "lectures" / "sheet.html"
        sheet.write_text(HEAD.format(title=name, running="", body=body))
        with local_page(browser, PAPER[0], PAPER[1]) as page:
            page.emulate_media(media="print")
            page.goto(sheet.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= PAPER[0], name
            sizes = page.evaluate("[...document.images].map(image => image.getBoundingClientRect().height)")
            assert sizes and min(sizes) > 50 and max(sizes) <= PAPER[1]
            assert page.evaluate("[...document.querySelectorAll('details.hide')].every(fold => fold.open)")
        sheet.unlink()


@pytest.mark.notebooks
@pytest.mark.skipif(chromium() is None, reason="there is no Chromium to print the book")
def test_the_whole_book_is_small_leaks_nothing_and_its_contents_name_the_right_pages(tmp_path):
    book = tmp_path / "book"
    command = [sys.executable, "-m", "course_utils.course.command", "book", "--out", str(book)]
    subprocess.run(command, check=True, cwd=ROOT)  # a process of its own: two browsers do not get on in one
    assert sum(path.stat().st_size for path in book.rglob("*")) < 120e6
    said = everything(book)
    solutions, notes = secrets_of([read_notebook(each.notebook) for each in lectures()])
    assert [secret for secret in solutions | notes if secret in said] == []
    pages = {path.stem: len(PRINTED.findall(path.read_bytes())) for path in (book / "pdf").glob("*.pdf")}
    whole = pages.pop("course")
    assert len(pages) == len(lectures()) and 0 < whole - sum(pages.values()) < 5, (
        "the page numbers of the contents hold"
    )
