"""Building the book: its sources, Sphinx over them, what lies beside the pages, and its PDFs."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils.course.book.library import library_pages
from course_utils.course.book.printing import write_pdfs
from course_utils.course.book.sources import Page, front_page, lecture_page, results_page
from course_utils.course.decks.building import OVERVIEW
from course_utils.course.decks.pdf import chromium
from course_utils.course.lectures import ROOT
from course_utils.course.notebooks import read_notebook
from course_utils.course.results import recorded
from course_utils.course.workspace import ANY_KERNEL, student_copy
from course_utils.data.files import write_text
from course_utils.figures.for_slides import MIME_SLIDE
from course_utils.widgets.live_views import MIME_MOVING

SLIDES_AT_MOST = 55_000_000  # bytes: a book weighs 120 MB at most, and 60 without slides
OUTSIDE = re.compile(r"\[([^]]+)\]\(\.\./[^)]+\)")  # a link of the guide to a file that is not in the book
MARK = "book.json"  # lies in every folder that is a book, and may be replaced by a newer one
DECKS = {"Slides": ".html", "PowerPoint": ".pptx", "slides as PDF": ".pdf", "slides with notes": "_notes.pdf"}
WHOLE = "pdf/course.pdf"
TITLES = {"student": "Image segmentation", "lecturer": "Image segmentation, lecturer's edition"}
FORWARD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Image segmentation: the course, run</title>
<meta http-equiv="refresh" content="0; url={address}"><a href="{address}">The course, run</a></html>
"""


def book_after_run(out: Path) -> Path:
    """Make the lecturer's book of a run, without PDFs, and `index.html`, which leads to its front page.

    Args:
        out: the build folder, with `report.json`, and with `notebooks/` and `slides/` where there are any.

    Returns:
        what to look at: the index, or the report where no notebook was left to show
    """
    if not any((out / "notebooks").glob("*.ipynb")):
        return out / "report.json"
    book = out / "book" / "lecturer"
    write_book(out / "notebooks", book, "lecturer", out / "slides", pdf=False)
    write_text(out / "index.html", FORWARD.format(address=(book / "index.html").relative_to(out).as_posix()))
    return out / "index.html"


def write_book(
    notebooks: Path,
    out: Path,
    edition: str = "student",
    slides: Path | None = None,
    pdf: bool = True,
    tell: Callable[[str], None] = lambda line: None,
) -> Path:
    """Make the book of executed notebooks.

    Args:
        notebooks: their folder, the repository's or that of a run; a run's `report.json` is looked for beside it.
        out: the book's folder. An older book there is replaced; a folder with anything else in it is refused.
        edition: "student" (no solutions, no notes for the lecturer) or "lecturer".
        slides: folder of the decks to lay into it, where they are built.
        pdf: print it as well, where there is a browser.
        tell: called with a line on what is left out.

    Returns:
        its front page, to be opened by a double click

    Raises:
        ValueError: for an unknown edition, no notebooks, or a page that would show a student a solution.
        OSError: where `out` is no book and not empty, or cannot be written.
        RuntimeError: with Sphinx's own words, where it warns or fails.
    """
    if edition not in TITLES:
        raise ValueError(f"edition {edition!r}: there are {' and '.join(TITLES)}")
    files = sorted(Path(notebooks).glob("[0-9][0-9]_*.ipynb"))
    if not files:
        raise ValueError(f"there is no notebook in {notebooks}: run some with `course run`")
    out = Path(out).resolve()
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MARK).exists())):
        raise OSError(f"{out} holds something that is not a book, and stays as it is: name another folder with --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".book-", dir=out.parent) as folder:
        book = Path(folder) / "book"
        printable = pdf and chromium() is not None
        if pdf and not printable:
            tell("no PDF is in it: there is no Chromium, Chrome or Edge on the path to print one")
        pages = write_pages(files, Path(folder), book, edition, slides, printable, tell)
        if printable:
            write_pdfs(book, pages, WHOLE, TITLES[edition])
        write_text(book / MARK, json.dumps({"edition": edition, "lectures": [page.name for page in pages]}) + "\n")
        if out.exists():
            os.replace(out, Path(folder) / "older")
        os.replace(book, out)
    return out / "index.html"


def write_pages(
    files: list[Path],
    folder: Path,
    book: Path,
    edition: str,
    slides: Path | None,
    pdf: bool,
    tell: Callable[[str], None],
) -> list[Page]:
    """Write the sources, and the pages from them; returns the lectures."""
    source, report = folder / "source", files[0].parent.parent / "report.json"
    pages, there = [], {file.stem for file in files}
    decks = lay_decks(slides, [*(file.stem for file in files), OVERVIEW], book, edition, tell)
    for file in files:
        handed_out = whole = read_notebook(file)
        if edition == "student":
            handed_out = student_copy(whole)
            handed_out.metadata.update(ANY_KERNEL)
        write_text(book / "notebooks" / file.name, nbformat.writes(to_download(handed_out)) + "\n")
        links = decks[file.stem] | {"Notebook": f"notebooks/{file.name}"}
        if pdf:
            links["Printable PDF"] = f"pdf/{file.stem}.pdf"
        pages.append(lecture_page(file.stem, whole, handed_out, recorded(file), there, source, book, links))
    whole = {f"Overview: {word}": to for word, to in decks[OVERVIEW].items()}
    whole |= {"The whole course as one PDF": WHOLE} if pdf else {}
    ran = json.loads(report.read_text(encoding="utf-8")) if report.exists() else None
    write_text(source / "index.md", front_page(pages, edition, ran, whole))
    write_text(source / "results.md", results_page(pages))
    library_pages(source)
    if edition == "lecturer":
        for guide in ("teaching.md", "grading.md"):
            text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
            write_text(source / guide, OUTSIDE.sub(r"\1", text))
    for picture in ("title.png", "what_you_will_see.png"):
        shutil.copy(ROOT / "docs" / picture, book / "figures")
    run_sphinx(source, book, TITLES[edition])
    return pages


def run_sphinx(source: Path, book: Path, title: str) -> None:
    """Turn the sources into pages.

    Raises:
        RuntimeError: with Sphinx's own words, where it warns or fails: a page with a hole in it is no page.
    """
    conf = Path(__file__).parent
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q", "-c", str(conf)]
    command += ["-j", "auto", "-d", str(source.with_name("doctrees")), "-D", f"html_title={title}"]
    command += [str(source), str(book)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        said = (done.stderr or done.stdout).replace(f"{source}/", "").strip()
        raise RuntimeError(f"Sphinx could not make the book: {said}")
    for page in (book / "lectures").glob("*.html"):  # who listens to a page should hear what is below a fold, too
        html = page.read_text(encoding="utf-8")
        write_text(page, html.replace('<summary aria-label="Toggle hidden content">', "<summary>"))
    (book / ".buildinfo").unlink(missing_ok=True)
    for left in (book / "_sources", *book.rglob("*.map"), book / "_static" / "locales"):  # nobody reads them in a book
        shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def to_download(notebook: NotebookNode) -> NotebookNode:
    """A copy less the forms of its figures that only decks and pages are made of: half of its size."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for kind in (MIME_SLIDE, MIME_MOVING):
                output.get("data", {}).pop(kind, None)
    return notebook


def lay_decks(
    slides: Path | None, names: list[str], book: Path, edition: str, tell: Callable[[str], None]
) -> dict[str, dict[str, str]]:
    """Lay the decks that are built into the book, a student's without notes.

    A format of which all files together weigh more than there is room for is left out, and a line says so.

    Returns:
        for each of the names, word -> address
    """
    links: dict[str, dict[str, str]] = {name: {} for name in names}
    room = SLIDES_AT_MOST
    for word, ending in DECKS.items():
        files = {name: slides / f"{name}{ending}" for name in names if slides and (slides / f"{name}{ending}").exists()}
        size = sum(file.stat().st_size for file in files.values())
        if not files or (edition == "student" and ending == "_notes.pdf"):
            continue
        if size > room:
            tell(
                f"{word}: left out, {size / 1e6:.0f} MB where {room / 1e6:.0f} MB are left for slides; they stay in {slides}"
            )
            continue
        room -= size
        for name, file in files.items():
            target = book / "slides" / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            (WITHOUT_NOTES.get(ending, shutil.copy) if edition == "student" else shutil.copy)(file, target)
            links[name][word] = f"slides/{file.name}"
    return links


def html_without_notes(file: Path, target: Path) -> None:
    """A deck of slides without what the speaker reads."""
    html = file.read_text(encoding="utf-8")
    write_text(target, re.sub(r'<aside class="notes">.*?</aside>', "", html, flags=re.DOTALL))


def powerpoint_without_notes(file: Path, target: Path) -> None:
    """The same in PowerPoint."""
    from pptx import Presentation

    deck = Presentation(str(file))
    for slide in deck.slides:
        for relation in [key for key, each in slide.part.rels.items() if each.reltype.endswith("/notesSlide")]:
            slide.part.drop_rel(relation)
    deck.save(str(target))


WITHOUT_NOTES: Mapping = {".html": html_without_notes, ".pptx": powerpoint_without_notes}
