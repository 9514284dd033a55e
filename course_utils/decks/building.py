"""Building decks: each entry of the list in each format, into `build/slides/`."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from pathlib import Path

from course_utils.decks.browser import browser, chromium
from course_utils.decks.html import write_html
from course_utils.decks.lint import deck_problems, html_problems
from course_utils.decks.lint_powerpoint import powerpoint_problems
from course_utils.decks.listing import OVERVIEW, Listed, Sources, lecture_numbers, listed, make_deck
from course_utils.decks.pdf import write_handout, write_pdf
from course_utils.decks.powerpoint import write_powerpoint

FORMATS = ("html", "pptx", "pdf")
WRITERS = {"html": write_html, "pptx": write_powerpoint}


def build_decks(
    entries: Sequence[Listed],
    sources: Sources,
    out: Path,
    formats: Sequence[str] = FORMATS,
    look: str = "light",
    wrote: Callable[[Path], None] = lambda file: None,
) -> list[Path]:
    """Write decks.

    Args:
        entries: of the list.
        sources: where their slides come from.
        out: folder for the files.
        formats: of "html", "pptx" and "pdf"; a PDF is printed from the HTML, and comes with a second one with notes.
        look: "light" or "dark".
        wrote: called with each file as it is there.

    Returns:
        the files

    Raises:
        ValueError: where a notebook, or a slide that a deck asks for, is missing.
        RuntimeError: where pandoc fails, or there is no browser for the PDF.
    """
    out.mkdir(parents=True, exist_ok=True)
    files = []

    def write(entry: Listed) -> list[Path]:
        deck = make_deck(entry, sources)
        endings = [ending for ending in WRITERS if ending in formats or (ending == "html" and "pdf" in formats)]
        for ending in endings:
            WRITERS[ending](deck, out / f"{entry.name}.{ending}", look)
        return [out / f"{entry.name}.{ending}" for ending in endings]

    def keep(file: Path) -> None:
        files.append(file)
        wrote(file)

    # the overview is executed, so its decks are begun first, and all others are written and printed meanwhile
    slow_first = sorted(entries, key=lambda entry: OVERVIEW not in entry.sources)
    with ThreadPoolExecutor(os.cpu_count()) as pool, browser() if "pdf" in formats else nullcontext() as printer:
        for written in as_completed([pool.submit(write, entry) for entry in slow_first]):
            for file in written.result():
                keep(file)
                if printer and file.suffix == ".html":
                    for ending, print_pages in ((".pdf", write_pdf), ("_notes.pdf", write_handout)):
                        print_pages(file, out / f"{file.stem}{ending}", printer)
                        keep(out / f"{file.stem}{ending}")
    return sorted(files)


def decks_after_run(out: Path, names: Sequence[str]) -> list[Path]:
    """Write the decks whose notebooks have all been run, beside those notebooks; PDF too where there is a browser.

    Args:
        out: the build folder, with `notebooks/` in it.
        names: lectures that ran through, such as "02_convolutionalization".

    Returns:
        the files
    """
    numbers = {name[:2] for name in names}
    entries = [entry for entry in listed() if needed(entry) <= numbers]
    formats = FORMATS if chromium() else FORMATS[:2]
    return build_decks(entries, Sources(out / "notebooks"), out / "slides", formats) if entries else []


def needed(entry: Listed) -> set[str]:
    """The lectures whose notebooks a deck needs; the overview's own slides show results of all."""
    return set(lecture_numbers()) if OVERVIEW in entry.sources else set(entry.sources)


def check_decks(entries: Sequence[Listed], sources: Sources, out: Path) -> list[str]:
    """What is wrong with decks that were written, in whichever formats are there, as sentences.

    Args:
        entries, sources, out: as for `build_decks`.
    """
    found = []
    with browser() as screen:
        for entry in entries:
            deck = make_deck(entry, sources)
            found += deck_problems(deck, lecture=bool(entry.lecture))
            html, powerpoint = (out / f"{entry.name}.{ending}" for ending in ("html", "pptx"))
            if html.exists():
                found += html_problems(html, screen)
            if powerpoint.exists():
                found += powerpoint_problems(powerpoint, deck)
    return found
