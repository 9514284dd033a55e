"""Building the book: its sources, Sphinx over them, what lies beside the pages, and its PDFs."""

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
from course_utils.course.book.sources import front_page, lecture_page, results_page
from course_utils.course.decks.pdf import chromium
from course_utils.course.lectures import ROOT
from course_utils.course.notebooks import read_notebook
from course_utils.course.results import recorded
from course_utils.course.workspace import ANY_KERNEL, student_copy
from course_utils.data.files import write_text
from course_utils.figures.for_slides import MIME_SLIDE

MARK = "book.json"  # lies in every folder that is a book, and may be replaced by a newer one
DECKS = {"Slides": ".html", "PowerPoint": ".pptx", "slides as PDF": ".pdf", "slides with notes": "_notes.pdf"}
LINK = re.compile(r"\[([^]]+)\]\((\d\d_\w+\.ipynb)\)")  # from one lecture to another
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
        pages = write_pages(files, Path(folder), book, edition, slides, printable)
        if printable:
            write_pdfs(book, pages, WHOLE, TITLES[edition])
        write_text(book / MARK, json.dumps({"edition": edition, "lectures": [page.name for page in pages]}) + "\n")
        if out.exists():
            os.replace(out, Path(folder) / "older")
        os.replace(book, out)
    return out / "index.html"


def write_pages(files: list[Path], folder: Path, book: Path, edition: str, slides: Path | None, pdf: bool) -> list:
    """Write the sources, and the pages from them; returns the lectures."""
    source, report = folder / "source", files[0].parent.parent / "report.json"
    pages, there = [], {file.name for file in files}
    for file in files:
        handed_out = whole = read_notebook(file)
        if edition == "student":
            handed_out = student_copy(whole)
            handed_out.metadata.update(ANY_KERNEL)
        for cell in handed_out.cells:  # a link to a lecture that is not in this book leads nowhere
            if cell.cell_type == "markdown":
                cell["source"] = LINK.sub(lambda to: to[0] if to[2] in there else to[1], cell.source)
        write_text(book / "notebooks" / file.name, nbformat.writes(without_slides(handed_out)) + "\n")
        links = deck_links(slides, file.stem, book, edition) | {"Notebook": f"notebooks/{file.name}"}
        if pdf:
            links["Printable PDF"] = f"pdf/{file.stem}.pdf"
        pages.append(lecture_page(file.stem, whole, handed_out, recorded(file), source, book, links))
    others = sorted(slides.glob("*.html")) if slides and slides.is_dir() else []
    decks = {
        file.stem: deck_links(slides, file.stem, book, edition) for file in others if not re.match(r"\d\d_", file.stem)
    }
    ran = json.loads(report.read_text(encoding="utf-8")) if report.exists() else None
    write_text(source / "index.md", front_page(pages, decks, edition, ran, WHOLE if pdf else ""))
    write_text(source / "results.md", results_page(pages))
    library_pages(source)
    if edition == "lecturer":
        for guide in ("teaching.md", "grading.md"):
            shutil.copy(ROOT / "docs" / guide, source)
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
    command += ["-d", str(source.with_name("doctrees")), "-D", f"html_title={title}", str(source), str(book)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        said = (done.stderr or done.stdout).replace(f"{source}/", "").strip()
        raise RuntimeError(f"Sphinx could not make the book: {said}")
    (book / ".buildinfo").unlink(missing_ok=True)
    for left in (book / "_sources", *book.rglob("*.map"), book / "_static" / "locales"):  # nobody reads them in a book
        shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def without_slides(notebook: NotebookNode) -> NotebookNode:
    """A notebook less the second form of its figures, which only decks are made of: half of its size; in place."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(MIME_SLIDE, None)
    return notebook


def deck_links(slides: Path | None, name: str, book: Path, edition: str) -> dict[str, str]:
    """Lay a deck's files into the book, those that are built; a student's without notes. Returns word -> address."""
    links = {}
    for word, ending in DECKS.items():
        file = slides / f"{name}{ending}" if slides else None
        if file is None or not file.exists() or (edition == "student" and ending == "_notes.pdf"):
            continue
        target = book / "slides" / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if edition == "student" and ending in WITHOUT_NOTES:
            WITHOUT_NOTES[ending](file, target)
        else:
            shutil.copy(file, target)
        links[word] = f"slides/{file.name}"
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
