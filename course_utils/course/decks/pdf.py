"""A deck as PDF, printed from its HTML by the Chromium on the machine: one page a slide, and once more with notes."""

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

READY = "window.Reveal && Reveal.isReady() && document.fonts.status === 'loaded'"
PAGED = "document.querySelector('.pdf-page') !== null"  # reveal.js is ready some frames before it has made the pages
SHOW = """index => {
    Reveal.slide(index);
    document.querySelectorAll('.slides > .present .fragment').forEach(part => part.classList.add('visible'));
    const notes = Reveal.getSlideNotes();
    return notes || '';
}"""
HANDOUT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>
@page {{size: A4; margin: 14mm 16mm}}
body {{font: 12.5pt/1.45 "Source Sans 3", "Segoe UI", "Helvetica Neue", Arial, sans-serif; color: #1c2430; margin: 0}}
section {{break-inside: avoid; margin-bottom: 8mm}} img {{width: 118mm; border: 0.3mm solid #cfd8e0; display: block}}
p {{margin: 2mm 0}}
</style><body>{pages}</body></html>"""


def open_deck(html: Path, page, query: str = "") -> None:
    """Show a deck on a page of the browser, until it is ready to be read."""
    page.goto(html.resolve().as_uri() + query)
    page.wait_for_function(READY)


def write_pdf(html: Path, target: Path, browser) -> None:
    """Print a deck, one page a slide, with everything on it that appears by clicks.

    Args:
        html: the deck, as `course_utils.course.decks.html` writes it.
        target: the file.
        browser: as `course_utils.course.decks.pdf.browser` gives it.
    """
    page = browser.new_page()
    try:
        open_deck(html, page, "?print-pdf")
        page.wait_for_function(PAGED)
        page.pdf(path=str(target), prefer_css_page_size=True, print_background=True)
    finally:
        page.close()


def write_handout(html: Path, target: Path, browser) -> None:
    """Print a deck for the lecturer: small slides, and under each what to say; A4 upright.

    Args:
        html, target, browser: as for `write_pdf`.
    """
    page = browser.new_page(viewport=PAGE)
    try:
        open_deck(html, page)
        parts = []
        for number in range(page.evaluate("Reveal.getTotalSlides()")):
            notes = page.evaluate(SHOW, number)
            picture = base64.b64encode(page.screenshot(type="jpeg", quality=88)).decode()
            parts.append(f'<section><img alt="" src="data:image/jpeg;base64,{picture}">{notes}</section>')
        page.set_content(HANDOUT.format(title=page.title(), pages="\n".join(parts)))
        page.pdf(path=str(target), prefer_css_page_size=True)
    finally:
        page.close()


NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge", "microsoft-edge")
PAGE = {"width": 1280, "height": 720}
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"]


def chromium() -> str | None:
    """Where a Chromium, Chrome or Edge is; None where there is none on the path."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def browser() -> Iterator:
    """A headless browser, for as long as the block lasts.

    Raises:
        RuntimeError: where neither the path nor Playwright's own folder has one; says what to install.
    """
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=chromium(), args=OPTIONS)
        except Error as error:
            raise RuntimeError(
                "a PDF is printed by Chromium, and none was found that starts: install Chromium or Chrome, or run "
                f"`playwright install chromium` ({str(error).strip().splitlines()[0]})"
            ) from None
        try:
            yield started
        finally:
            started.close()
