"""The book on paper: a PDF of each lecture and one of the whole course, printed from its pages by the Chromium on the machine."""

import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from html import escape
from pathlib import Path

from course_utils.course.book.sources import Page
from course_utils.course.decks.pdf import browser
from course_utils.data.files import write_text

SECTION = re.compile(r'<section id="([^"]+)">\s*(?:<span [^>]*></span>)*<h2>(.*?)<a class="headerlink"', re.DOTALL)
SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)
AT_ONCE = 2  # lectures that are printed side by side, by a browser each
PRINTED = re.compile(rb"/Type /Page\b")
HEAD = """<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8"><title>{title}</title>
<link rel="stylesheet" href="../_static/pygments.css"><link rel="stylesheet" href="../_static/print.css">
<style>{running}</style><body>{body}</body></html>"""


def write_pdfs(book: Path, pages: Sequence[Page], whole: str, title: str) -> None:
    """Print each lecture into `book/pdf/`, and all of them into one file with a table of contents.

    Args:
        book: the finished pages.
        pages: the lectures.
        whole: address of the file with all of them.
        title: of the book, for its cover.

    Raises:
        RuntimeError: where no browser starts.
    """
    (book / "pdf").mkdir(exist_ok=True)
    lectures = [lecture(book, page) for page in pages]
    running = running_heads(pages)

    def to_paper(body: str, name: str, target: Path, printer, tagged: bool) -> int:
        """Print one file; returns its pages. Tags are for who listens to it, and make it half as large again."""
        sheet = book / "lectures" / f"print-{target.stem}.html"  # where the pages' own addresses of figures hold
        write_text(sheet, HEAD.format(title=escape(name), running=running, body=body))
        opened = printer.new_page()
        try:
            opened.goto(sheet.as_uri())
            opened.pdf(path=str(target), prefer_css_page_size=True, print_background=True, outline=True, tagged=tagged)
        finally:
            opened.close()
            sheet.unlink()
        return len(PRINTED.findall(target.read_bytes()))

    def some(places: range) -> list[int]:
        with browser() as printer:  # Playwright keeps to the thread in which it was started
            return [
                to_paper(lectures[place], pages[place].title, book / "pdf" / f"{pages[place].name}.pdf", printer, True)
                for place in places
            ]

    counts = [0] * len(pages)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        shares = [range(first, len(pages), AT_ONCE) for first in range(AT_ONCE)]
        for places, counted in zip(shares, pool.map(some, shares), strict=True):
            counts[places.start :: AT_ONCE] = counted
    with browser() as printer:
        # each lecture begins a page, so its number follows from how many pages come before it
        before = to_paper(front(pages, counts, lectures, title), title, book / whole, printer, False)
        numbers = [1 + before + sum(counts[:place]) for place in range(len(pages))]
        to_paper(front(pages, numbers, lectures, title) + "".join(lectures), title, book / whole, printer, False)


def lecture(book: Path, page: Page) -> str:
    """A lecture's part of its page, with everything unfolded and with anchors that no other lecture has."""
    html = (book / "lectures" / f"{page.name}.html").read_text(encoding="utf-8")
    article = re.search(r'<article class="bd-article">(.*)</article>', html, re.DOTALL)[1]
    article = article.replace('<details class="admonition hide above-input">', '<details class="admonition hide" open>')
    article = article.replace('loading="lazy"', "")
    article = SCRIPT.sub("", article)  # an explorer's other pictures, megabytes of them, are not for paper
    number = page.name[:2]
    article = re.sub(r'(<section id=")', rf"\g<1>l{number}-", article)
    article = re.sub(r'(href="#)', rf"\g<1>l{number}-", article)
    return f'<div class="lecture" id="lecture-{number}" style="page: lecture-{number}">{article}</div>'


def front(pages: Sequence[Page], numbers: Sequence[int], lectures: Sequence[str], title: str) -> str:
    """The cover and the table of contents; a heading that most lectures have, such as their summary's, is not in it."""
    entries = []
    parts = [SECTION.findall(body) for body in lectures]
    often = Counter(heading for each in parts for _, heading in each)
    for page, number, sections in zip(pages, numbers, parts, strict=True):
        inside = "".join(
            f'<li><a href="#{anchor}">{heading}</a></li>' for anchor, heading in sections if often[heading] < 3
        )
        name = f"{page.name[:2]} {escape(page.title)}"
        entries.append(f'<li><a href="#lecture-{page.name[:2]}">{name} <b>{number}</b></a><ul>{inside}</ul></li>')
    return (
        f'<div class="cover"><h1>{escape(title)}</h1><img src="../figures/title.png" alt=""></div>'
        f'<div class="contents"><h1>Contents</h1><ul>{"".join(entries)}</ul></div>'
    )


def running_heads(pages: Sequence[Page]) -> str:
    """The lecture's name at the top of each of its pages."""
    return "".join(
        f"@page lecture-{page.name[:2]} {{@top-right {{content: {css_text(f'{page.name[:2]} {page.title}')}}}}}\n"
        for page in pages
    )


def css_text(text: str) -> str:
    """Text as a string of CSS, which may stand inside a page."""
    return (
        '"'
        + "".join(letter if letter.isalnum() or letter in " ,.:?-" else f"\\{ord(letter):x} " for letter in text)
        + '"'
    )
