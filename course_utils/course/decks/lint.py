"""What is wrong with a deck, as sentences: its text, its page at 1280x720, its figures, its PowerPoint."""

import re
from pathlib import Path

from pptx import Presentation
from pptx.oxml.ns import qn
from pptx.util import Pt

from course_utils.course.decks.pdf import PAGE, SHOW, open_deck
from course_utils.course.decks.powerpoint import text_height
from course_utils.course.decks.slides import Deck, Frame, Slide
from course_utils.course.decks.template import EMU
from course_utils.figures.for_slides import CONTRAST
from course_utils.widgets.live_views import LARGEST

SLIDES, SHORT = (15, 25), (6, 14)  # least and most of a lecture, and of one that takes less than WHOLE minutes
WHOLE = 40
WORDS = 60  # on a slide, without title, code and what it printed
BESIDE_FIGURE = 45  # where it has a figure
CODE_LINES, OUTPUT_LINES, COLUMNS = 12, 8, 88
TEX = re.compile(r"\$\$.+?\$\$|\$[^$\s](?:[^$]*[^$\s])?\$", re.DOTALL)
PAGE_LIMIT = 12_000_000  # bytes of a deck's page, with explorers that move
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
    found = list(slide.left_out)
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
        if block.moving and sum(map(len, block.moving["pictures"])) > LARGEST:
            found.append(
                f"its explorer moves among more than {LARGEST / 1e6:g} MB of pictures: name fewer telling values"
            )
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
        browser: as `course_utils.course.decks.pdf.browser` gives it.
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
    if html.stat().st_size > PAGE_LIMIT:
        found.append(f"{html.stem} has {html.stat().st_size / 1e6:.1f} MB; {PAGE_LIMIT / 1e6:g} are the most")
    strangers = [url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))]
    return found + [f"{html.stem} asks another machine for {url[:80]}" for url in dict.fromkeys(strangers)]


LEAST = 14.0  # points
TOUCH = 3.0  # pixels by which two words may overlap: boxes of letters are higher than the letters


def figure_problems(frame: Frame) -> list[str]:
    """Words in a figure that overlap, leave it, or are too small."""
    found = []
    name = f"the figure '{frame.alt[:40]}'"
    for left, top, right, bottom, points, contrast, words in frame.texts:
        if points < LEAST:
            found.append(f"{name} writes '{words[:30]}' in {points} points; {LEAST:g} is the least")
        if contrast < CONTRAST:
            found.append(f"{name} writes '{words[:30]}' with a contrast of {contrast}:1; {CONTRAST} is the least")
        if left < -1 or top < -1 or right > frame.width + 1 or bottom > frame.height + 1:
            found.append(f"{name} cuts '{words[:30]}' off at its edge")
    for place, one in enumerate(frame.texts):
        for other in frame.texts[place + 1 :]:
            wide = min(one[2], other[2]) - max(one[0], other[0])
            high = min(one[3], other[3]) - max(one[1], other[1])
            if wide > TOUCH and high > 2 * TOUCH:
                found.append(f"{name} writes '{one[6][:30]}' over '{other[6][:30]}'")
    return found


LEAST_POINTS = Pt(14)
MATHS = "{http://schemas.openxmlformats.org/officeDocument/2006/math}oMath"


def powerpoint_problems(file: Path, deck: Deck) -> list[str]:
    """What is wrong with a deck's file: places, text that does not fit, notes, alt texts, equations.

    Args:
        file: as `course_utils.course.decks.powerpoint.write_powerpoint` writes it.
        deck: what it was written from.
    """
    presentation = Presentation(file)
    pages = list(presentation.slides)
    if len(pages) != len(deck.slides):
        return [f"{file.name} has {len(pages)} pages, and the deck {len(deck.slides)} slides"]
    found = []
    size = presentation.slide_width, presentation.slide_height
    for number, (page, slide) in enumerate(zip(pages, deck.slides, strict=True), start=1):
        problems = page_problems(page, size)
        texts = [slide.title, *(block.text for block in slide.blocks if block.kind == "text")]
        wanted = sum(plain_text_with_tex(text)[1] for text in texts)
        got = len(page._element.findall(f".//{MATHS}"))
        if got < wanted:
            problems.append(f"{wanted} equations, and {got} of them are equations in PowerPoint")
        found += [f"PowerPoint: {where(deck, number)}: {problem}" for problem in problems]
    return found


def page_problems(page, size: tuple[int, int]) -> list[str]:
    """What is wrong with one page, whatever deck it belongs to.

    Args:
        page: of a presentation.
        size: of a page, in PowerPoint's units.
    """
    found = []
    tree = page.shapes._spTree
    content = [shape for shape in tree.iter(qn("p:sp"), qn("p:pic"), qn("p:graphicFrame")) if not is_frame(shape)]
    if not any(shape.tag != qn("p:sp") or written(shape) or shape.find(f".//{MATHS}") is not None for shape in content):
        found.append("nothing is on it but its title")
    for shape in tree.iter(qn("p:sp"), qn("p:pic"), qn("p:graphicFrame")):
        left, top, wide, high = place_of(shape, page)
        if left < 0 or top < 0 or left + wide > size[0] or top + high > size[1]:
            found.append(f"'{written(shape)[:30] or name_of(shape)}' lies outside the page")
        if shape.tag == qn("p:sp"):
            found += text_problems(shape, wide / EMU, high / EMU)
        if shape.tag == qn("p:pic") and not shape.nvPicPr.cNvPr.get("descr", "").strip():
            found.append("a picture has no alt text")
    texts = [shape for shape in content if shape.tag == qn("p:sp")]
    for text in texts:
        for other in content:
            if other not in texts and overlap(place_of(text, page), place_of(other, page)):
                found.append(f"'{written(text)[:30]}' lies over '{name_of(other)}'")
    if not page.has_notes_slide or not page.notes_slide.notes_text_frame.text.strip():
        found.append("it has no notes")
    return found


def text_problems(shape, width: float, height: float) -> list[str]:
    """What is wrong with the text of a shape: too small, too much, TeX that stayed TeX."""
    found = []
    text = written(shape)
    if "$" in text or "\\frac" in text or "\\sum" in text:
        found.append(f"'{text[:40]}' shows TeX as text")
    sizes = [int(run.get("sz")) for run in shape.iter(qn("a:rPr")) if run.get("sz")]
    if sizes and Pt(min(sizes) / 100) < LEAST_POINTS:
        found.append(f"'{text[:30]}' is written in {min(sizes) / 100:g} points; {LEAST_POINTS.pt:g} is the least")
    if sizes and not is_frame(shape):
        needed = text_height(shape, width, max(sizes) / 100)
        if needed > height + 2:
            found.append(f"'{text[:30]}' needs about {needed:.0f} pixels and has {height:.0f}")
    return found


def overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    """Whether two places, (left, top, width, height), share more than an edge."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return wide > 2 * EMU and high > 2 * EMU


def is_frame(shape) -> bool:
    """Whether a shape is the title, or the line at the foot."""
    place = shape.find(f".//{qn('p:nvPr')}/{qn('p:ph')}")
    title = place is not None and place.get("type") in ("title", "ctrTitle")
    return title or name_of(shape) == "foot"


def name_of(shape) -> str:
    """The name that PowerPoint lists a shape by."""
    return shape.find(f".//{qn('p:cNvPr')}").get("name", "")


def written(shape) -> str:
    """All that a shape says."""
    return " ".join(part.text for part in shape.iter(qn("a:t")) if part.text).strip()


def place_of(shape, page) -> tuple[int, int, int, int]:
    """Left, top, width and height of a shape, its own or those of its place in the layout."""
    frame = shape.find(f".//{qn('a:xfrm')}")
    if frame is None:
        frame = shape.find(qn("p:xfrm"))
    if frame is None:
        mark = shape.find(f".//{qn('p:nvPr')}/{qn('p:ph')}")
        index = int(mark.get("idx", 0))
        layout = next(each for each in page.slide_layout.placeholders if each.placeholder_format.idx == index)
        return layout.left, layout.top, layout.width, layout.height
    start, extent = frame.find(qn("a:off")), frame.find(qn("a:ext"))
    return int(start.get("x")), int(start.get("y")), int(extent.get("cx")), int(extent.get("cy"))
