"""A deliberately broken deck fails each rule; an unbroken one fails none (see test_written)."""

from dataclasses import replace

import pytest
from pptx import Presentation
from pptx.util import Emu

from course_utils.course.decks.html import write_html
from course_utils.course.decks.lint import deck_problems, figure_problems, html_problems, powerpoint_problems
from course_utils.course.decks.powerpoint import write_powerpoint
from course_utils.course.decks.slides import Block, Deck, Slide


def text(markdown):
    return Slide("A title", (Block("text", markdown),), notes="Say it.", minutes=1)


LONG = "A line of words that goes on for a while.\n\n"
BROKEN = {
    "leaves the page": text(LONG * 20),
    "is cut off": Slide("A title", (Block("code", "word " * 60),), "Say it.", 1),
    "overlap by": text('<div style="position: relative; top: -330px; margin-bottom: -90px">Over the title.</div>'),
    "has type of 12.0 px": text('<span style="font-size: 12px">Small print.</span>'),
    "has a contrast of": text('<span style="color: #aaaaaa">Pale words.</span>'),
    "shows TeX as text": text(r"The sum \$x^2 + 1\$ as it was typed."),
    "has no alt text": text(
        '<img src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7" style="width: 100px; height: 100px">'
    ),
    "is not drawn": text(r"<math><merror><mtext>what was this?</mtext></merror></math>"),
    "its type is too small": "figure",
    "asks another machine": text("[words]{.plain}"),
}


@pytest.fixture(scope="session")
def found(deck, screen, tmp_path_factory):
    """What the lint says of a deck with one broken slide for each rule."""
    folder = tmp_path_factory.mktemp("broken")
    figure = deck.slides[2]
    (block,) = figure.blocks
    large = replace(block, frames=tuple(replace(frame, width=1400, height=553) for frame in block.frames))
    slides = tuple(replace(figure, blocks=(large,)) if slide == "figure" else slide for slide in BROKEN.values())
    file = folder / "broken.html"
    write_html(Deck("broken", "Broken", slides), file)
    page = file.read_text(encoding="utf-8").replace(
        '<span class="plain">', '<img src="http://127.0.0.1:9/x.png" alt="x">'
    )
    file.write_text(page, encoding="utf-8")
    return html_problems(file, screen)


@pytest.mark.parametrize("rule", BROKEN)
def test_each_broken_slide_is_found(found, rule):
    number = 1 + list(BROKEN).index(rule)
    where = "broken asks" if rule == "asks another machine" else f"slide {number} "
    assert any(rule in problem and where in problem for problem in found), found


def slide(**changes):
    return replace(Slide("A claim", (Block("text", "Few words."),), notes="Say it.", minutes=1), **changes)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (slide(title=""), "it has no title"),
        (slide(title="Why $x^2$?"), "hold an equation"),
        (slide(notes=""), "nothing says what to say"),
        (slide(minutes=0), "do not say how many minutes"),
        (slide(blocks=()), "nothing under its title"),
        (slide(blocks=(Block("text", "word " * 61),)), "it says 61 words; 60 are the most"),
        (slide(blocks=(Block("code", "x = 1\n" * 13),)), "its code has 13 lines; 12 are the most"),
        (slide(blocks=(Block("code", "x" * 100),)), "a line of 100 letters"),
        (slide(blocks=(Block("output", "1\n" * 9),)), "its output has 9 lines"),
    ],
)
def test_what_a_slide_must_not_be(broken, message):
    (problem,) = deck_problems(Deck("broken", "Broken", (broken,)), lecture=False)
    assert message in problem


def test_a_lecture_has_15_to_25_slides():
    hour = slide(minutes=3)
    assert "has 26 slides for 78 minutes; 15 to 25 fit" in deck_problems(Deck("broken", "B", (hour,) * 26))[0]
    assert "has 15 slides for 15 minutes; 6 to 14 fit" in deck_problems(Deck("broken", "B", (slide(),) * 15))[0]
    assert deck_problems(Deck("fine", "B", (hour,) * 20)) == []


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([(10, 10, 60, 30, 11.0, 21.0, "tiny")], "in 11.0 points; 14 is the least"),
        ([(10, 10, 60, 30, 15.0, 2.2, "pale")], "with a contrast of 2.2:1"),
        ([(1150, 10, 1200, 30, 15.0, 21.0, "edge")], "cuts 'edge' off"),
        ([(10, 10, 60, 30, 15.0, 21.0, "one"), (40, 12, 90, 32, 15.0, 21.0, "two")], "writes 'one' over 'two'"),
    ],
)
def test_what_a_figure_must_not_say(deck, texts, message):
    (problem,) = figure_problems(replace(deck.slides[2].figures[0].frames[0], texts=tuple(texts)))
    assert message in problem


@pytest.fixture(scope="module")
def powerpoint(deck, tmp_path_factory):
    """Opens the small deck's file anew for each test that breaks it."""
    file = tmp_path_factory.mktemp("pptx") / "99_small.pptx"
    write_powerpoint(deck, file)
    return lambda: Presentation(file)


def outside(presentation):
    shape = presentation.slides[2].shapes[1]
    shape.left = Emu(presentation.slide_width - 100)


def over_its_text(presentation):
    slide = presentation.slides[4]
    picture = next(shape for shape in slide.shapes if shape.shape_type == 13)
    picture.left = slide.placeholders[1].left


def without_notes(presentation):
    presentation.slides[1].notes_slide.notes_text_frame.text = ""


def empty(presentation):
    for shape in list(presentation.slides[3].shapes)[1:]:
        shape._element.getparent().remove(shape._element)


def without_alt(presentation):
    presentation.slides[2].shapes[1]._element.nvPicPr.cNvPr.set("descr", "")


def without_equations(presentation):
    tree = presentation.slides[1]._element
    for equation in list(tree.iter("{http://schemas.openxmlformats.org/officeDocument/2006/math}oMath")):
        equation.getparent().remove(equation)


def with_tex(presentation):
    presentation.slides[3].placeholders[1].text_frame.paragraphs[0].runs[0].text = r"$\frac{1}{2}$"


def with_small_type(presentation):
    presentation.slides[3].placeholders[1].text_frame.paragraphs[0].runs[0].font.size = Emu(12700 * 9)


def too_full(presentation):
    run = presentation.slides[3].placeholders[1].text_frame.paragraphs[0].runs[0]
    run.text = "word " * 600


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (outside, "lies outside the page"),
        (over_its_text, "lies over"),
        (without_notes, "it has no notes"),
        (empty, "nothing is on it but its title"),
        (without_alt, "a picture has no alt text"),
        (without_equations, "2 equations, and 0 of them are equations in PowerPoint"),
        (with_tex, "shows TeX as text"),
        (with_small_type, "is written in 9 points"),
        (too_full, "needs about"),
    ],
)
def test_each_broken_page_is_found(deck, powerpoint, break_it, message, tmp_path):
    presentation = powerpoint()
    break_it(presentation)
    presentation.save(tmp_path / "broken.pptx")
    problems = powerpoint_problems(tmp_path / "broken.pptx", deck)
    assert any(message in problem for problem in problems), problems
