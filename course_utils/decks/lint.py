"""What is wrong with a deck, as sentences: its text, its page as Chromium shows it at 1280x720, its PowerPoint."""

import re
from pathlib import Path

from course_utils.decks.browser import PAGE
from course_utils.decks.lint_figures import figure_problems
from course_utils.decks.model import Deck, Slide
from course_utils.decks.pdf import SHOW, open_deck

SLIDES, SHORT = (15, 25), (6, 14)  # least and most of a lecture, and of one that takes less than WHOLE minutes
WHOLE = 40
WORDS = 60  # on a slide, without title, code and what it printed
BESIDE_FIGURE = 45  # where it has a figure
CODE_LINES, OUTPUT_LINES, COLUMNS = 12, 8, 88
TEX = re.compile(r"\$\$.+?\$\$|\$[^$\s](?:[^$]*[^$\s])?\$", re.DOTALL)
SCRIPT = Path(__file__).with_suffix(".js")


def deck_problems(deck: Deck, lecture: bool = True) -> list[str]:
    """What is wrong with a deck before it is written.

    Args:
        deck: any.
        lecture: whether it is a lecture, which has 15 to 25 slides, or 6 to 14 where it takes less than 40 minutes.
    """
    found = []
    least, most = SLIDES if deck.minutes >= WHOLE else SHORT
    if lecture and not least <= len(deck.slides) <= most:
        found.append(f"{deck.name} has {len(deck.slides)} slides for {deck.minutes} minutes; {least} to {most} fit")
    for number, slide in enumerate(deck.slides, start=1):
        found += [f"{where(deck, number)}: {problem}" for problem in slide_problems(slide)]
    return found


def where(deck: Deck, number: int) -> str:
    """A slide in words: `02_convolutionalization, slide 5 (Which layer says no?)`."""
    return f"{deck.name}, slide {number} ({deck.slides[number - 1].title or 'no title'})"


def slide_problems(slide: Slide) -> list[str]:
    """What is wrong with one slide: title, notes, minutes, how much it says, its figures."""
    found = []
    if not slide.title:
        found.append(
            "it has no title: begin its first cell with a heading, or let its figure's title say what was found"
        )
    if "$" in slide.title + slide.notes:
        found.append("its title or its notes hold an equation: PowerPoint has none there, so say it in words")
    if not slide.notes:
        found.append("nothing says what to say: it needs a notes cell")
    if not slide.minutes:
        found.append("its notes do not say how many minutes it takes: '*For the lecturer, 3 minutes.* ...'")
    if slide.layout != "title" and not slide.blocks:
        found.append("there is nothing under its title")
    most = BESIDE_FIGURE if slide.figures else WORDS
    words = sum(
        len(plain_text_with_tex(block.text)[0].split()) for block in slide.blocks if block.kind in ("text", "figure")
    )
    if words > most:
        found.append(f"it says {words} words; {most} are the most: leave the rest to a `skip` cell or to the notes")
    for block in slide.blocks:
        lines = block.text.splitlines()
        limit = {"code": CODE_LINES, "output": OUTPUT_LINES}.get(block.kind)
        if limit and len(lines) > limit:
            found.append(f"its {block.kind} has {len(lines)} lines; {limit} are the most")
        if limit and max(map(len, lines)) > COLUMNS:
            found.append(f"its {block.kind} has a line of {max(map(len, lines))} letters; {COLUMNS} are the most")
        for frame in block.frames:
            found += figure_problems(frame)
    return found


def plain_text_with_tex(markdown: str) -> tuple[str, int]:
    """Markdown as its words, in which each equation is one, and the number of equations."""
    text = re.sub(r"`[^`]+`", "code", markdown)
    text, equations = TEX.subn("x", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"[-*#>|]+(?=\s|$)|\*", "", text), equations


def html_problems(html: Path, browser) -> list[str]:
    """What is wrong with a deck's page: each slide measured with everything on it, and what the page asks of others.

    Args:
        html: the deck.
        browser: as `course_utils.decks.browser.browser` gives it.
    """
    found, asked = [], []
    page = browser.new_page(viewport=PAGE)
    try:
        page.on("request", lambda request: asked.append(request.url))
        open_deck(html, page)
        page.add_style_tag(content="* {transition: none !important}")
        script = SCRIPT.read_text(encoding="utf-8")
        for number in range(page.evaluate("Reveal.getTotalSlides()")):
            page.evaluate(SHOW, number)
            title = page.evaluate("document.querySelector('.slides > .present h2').textContent.trim()")
            found += [f"{html.stem}, slide {number + 1} ({title}): {each}" for each in page.evaluate(script)]
    finally:
        page.close()
    strangers = [url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))]
    return found + [f"{html.stem} asks another machine for {url[:80]}" for url in dict.fromkeys(strangers)]
