"""How much room text takes on a PowerPoint page: nothing there measures it, so it is estimated from above."""

import math

from pptx.oxml.ns import qn

SIZES = (26, 24, 22, 20, 18)  # points for text, the largest that fits; lists and code go with it
CODE = 16
LINE, BETWEEN = 1.22, 8  # height of a line by its size; pixels between paragraphs
WIDTH, MONO = 0.50, 0.605  # of an average letter, by the size of its type
POINT = 96 / 72  # pixels


def is_code(paragraph) -> bool:
    """Whether a paragraph is code, which pandoc sets in Courier from its first letter on."""
    fonts = paragraph.findall(f"{qn('a:r')}/{qn('a:rPr')}")
    return bool(fonts) and all(font.find(qn("a:latin")) is not None for font in fonts)


def lines_of(paragraph) -> list[str]:
    """A paragraph's text, line by line; an equation counts by its letters."""
    lines = [""]
    for part in paragraph.iter():
        if part.tag == qn("a:br"):
            lines.append("")
        elif part.tag == qn("a:t") or str(part.tag).endswith("/math}t"):
            lines[-1] += part.text or ""
    return lines


def paragraph_height(paragraph, width: float, size: float) -> float:
    """Pixels that a paragraph takes."""
    code = is_code(paragraph)
    points = min(size, CODE) if code else size
    letter = points * POINT * (MONO if code else WIDTH)
    rows = sum(max(1, math.ceil(len(line) * letter / width)) for line in lines_of(paragraph))
    tall = 2.2 if any(str(part.tag).endswith("oMathPara") for part in paragraph.iter()) else 1.0
    return rows * points * POINT * LINE * tall + BETWEEN


def text_height(shape, width: float, size: float = 20) -> float:
    """Pixels that all text of a shape takes at a size of type."""
    return sum(paragraph_height(each, width, size) for each in shape.txBody.findall(qn("a:p"))) + 12


def fit_text(shape, box: tuple[int, int, int, int]) -> None:
    """Give a shape's text the largest size at which it fits its box, and code a font with even widths."""
    _, _, width, height = box
    size = next((size for size in SIZES if text_height(shape, width, size) <= height), SIZES[-1])
    for paragraph in shape.txBody.findall(qn("a:p")):
        code = is_code(paragraph)
        for run in paragraph.findall(qn("a:r")):
            properties = run.find(qn("a:rPr"))
            font = properties.find(qn("a:latin"))
            if font is not None:
                font.set("typeface", "Consolas")
            properties.set("sz", str(100 * (min(size, CODE) if code else size)))
