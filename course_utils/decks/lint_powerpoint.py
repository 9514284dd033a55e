"""What is wrong with a deck's PowerPoint, as sentences, by reading the file: nothing here can show it."""

from pathlib import Path

from pptx import Presentation
from pptx.oxml.ns import qn
from pptx.util import Pt

from course_utils.decks.lint import plain_text_with_tex, where
from course_utils.decks.model import Deck
from course_utils.decks.powerpoint_text import text_height
from course_utils.decks.template import EMU

LEAST = Pt(14)
MATHS = "{http://schemas.openxmlformats.org/officeDocument/2006/math}oMath"


def powerpoint_problems(file: Path, deck: Deck) -> list[str]:
    """What is wrong with a deck's file: places, text that does not fit, notes, alt texts, equations.

    Args:
        file: as `course_utils.decks.powerpoint.write_powerpoint` writes it.
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
    if sizes and Pt(min(sizes) / 100) < LEAST:
        found.append(f"'{text[:30]}' is written in {min(sizes) / 100:g} points; {LEAST.pt:g} is the least")
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
