"""Decks as files: one HTML page that asks nobody, PowerPoint with equations and builds, PDF."""

import re
import shutil
import subprocess
import unicodedata
import zipfile
from dataclasses import replace

import nbformat
import pypandoc
import pytest
from lxml import etree
from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE_TYPE, PP_PLACEHOLDER

from course_utils.course.decks.html import unbroken, write_html
from course_utils.course.decks.lint import deck_problems, html_problems, powerpoint_problems
from course_utils.course.decks.pdf import PAGE, PAGED, open_deck, write_handout, write_pdf
from course_utils.course.decks.powerpoint import COMPATIBILITY, SPACE, in_words, write_powerpoint
from course_utils.course.decks.slides import Deck, Frame, read_slides
from course_utils.figures.for_slides import MIME_SLIDE
from tests.course.decks.conftest import NOTES, figure, markdown

OMML = "{http://schemas.openxmlformats.org/officeDocument/2006/math}oMath"
DML = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
PML = "{http://schemas.openxmlformats.org/presentationml/2006/main}"


@pytest.fixture(scope="session")
def html(deck, tmp_path_factory):
    file = tmp_path_factory.mktemp("html") / "99_small.html"
    write_html(deck, file)
    return file


@pytest.fixture(scope="session")
def powerpoint(deck, tmp_path_factory):
    file = tmp_path_factory.mktemp("pptx") / "99_small.pptx"
    write_powerpoint(deck, file)
    return file


def test_nothing_is_wrong_with_it(deck, html, powerpoint, screen):
    assert deck_problems(deck, lecture=False) == []
    assert html_problems(html, screen) == []
    assert powerpoint_problems(powerpoint, deck) == []


def test_a_number_stays_in_the_line_of_what_it_numbers():
    lines = unbroken('RoIAlign: +0.02 at stride 8, and why "sheep 1" is no class').split(" ")
    assert lines == ["RoIAlign:", "+0.02", "at", "stride\u00a08,", "and", "why", '"sheep\u00a01"', "is", "no", "class"]
    assert "\u2060" in unbroken("A U-Net")


def test_the_page_holds_everything_itself(html):
    text = html.read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#|\$)[^"']+""", text)
    assert not re.findall(r"""url\(["']?(?:https?:)?//""", text)
    assert "<math" in text and "image/svg+xml" in text


def test_builds_wait_for_clicks_in_order(html, screen):
    page = screen.new_page()
    open_deck(html, page)
    page.evaluate("Reveal.slide(4)")
    indices = page.eval_on_selector_all(".present .fragment", "all => all.map(one => one.dataset.fragmentIndex)")
    page.close()
    assert indices == ["0", "1"], "three frames, two clicks"


def test_the_first_slide_says_where_numbers_come_from(html, powerpoint):
    said = "Numbers of the full run on a GPU, 2026-11-23"
    assert said in html.read_text(encoding="utf-8")
    texts = [shape.text_frame.text for shape in Presentation(powerpoint).slides[0].shapes if shape.has_text_frame]
    assert said in texts


def test_the_speakers_view_opens_without_network(html, screen):
    page = screen.new_page()
    asked = []
    page.context.on("request", lambda request: asked.append(request.url))
    open_deck(html, page)
    page.evaluate("Reveal.slide(1)")
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    speaker = opened.value
    speaker.wait_for_function(
        "document.querySelector('.speaker-controls-notes .value').textContent.includes('Ask what')"
    )
    page.close()
    speaker.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))] == []


def test_equations_are_equations_in_powerpoint(powerpoint):
    equations = [len(slide._element.findall(f".//{OMML}")) for slide in Presentation(powerpoint).slides]
    assert equations == [0, 2, 0, 0, 0, 1], "the last one stands in a table"


def test_a_reader_without_equations_keeps_every_word_and_the_formula_in_a_line(powerpoint):
    space = f"{{{COMPATIBILITY}}}"
    for slide in Presentation(powerpoint).slides:
        for wrapper in slide._element.iter(f"{space}AlternateContent"):
            choice, fallback = (wrapper.find(f"{space}{kind}") for kind in ("Choice", "Fallback"))
            words = [part.text for part in choice.iter(f"{DML}t")]
            kept = [part.text for part in fallback.iter(f"{DML}t")]
            assert [word for word in kept if word in words] == words and len(kept) > len(words)
            assert fallback.find(f".//{OMML}") is None
            looks = [run.attrib for run in fallback.iter(f"{DML}rPr")]
            assert len({look.get("sz") for look in looks}) == 1, "the formula is as large as the words around it"


def test_libreoffice_takes_the_line_and_not_the_equation_that_it_would_drop(powerpoint):
    choices = f".//{{{COMPATIBILITY}}}Choice"
    found = [choice for slide in Presentation(powerpoint).slides for choice in slide._element.findall(choices)]
    assert len(found) == 2
    for choice in found:
        assert choice.get("Requires") != "a14", "by this name it says yes, whatever the name stands for"
        assert choice.nsmap[choice.get("Requires")] == SPACE


def test_in_the_line_an_index_is_low(powerpoint):
    fallback = Presentation(powerpoint).slides[1]._element.find(f".//{{{COMPATIBILITY}}}Fallback")
    runs = [(run.findtext(f"{DML}t"), run.find(f"{DML}rPr").get("baseline")) for run in fallback.iter(f"{DML}r")]
    low = [text for text, baseline in runs if baseline == "-25000"]
    assert low == ["i", "i", "i"]
    assert "y=∑i wixi+b" in "".join(text for text, _ in runs)


@pytest.mark.parametrize(
    ("tex", "line"),
    [
        (r"\frac{a + b}{c}", "(a+b)/c"),
        (r"\frac{1}{n} \sum_i x_i^2", "1/n∑_i x_i^2"),
        (r"\sqrt{x} \le w_{c,i}", "√x≤w_(c,i)"),
        (r"\left[ \hat{y} \right] \quad \text{if so}", "[ŷ] if so"),
    ],
)
def test_a_formula_is_said_in_a_line(tex, line, tmp_path):
    pypandoc.convert_text(f"${tex}$", "docx", "markdown", outputfile=tmp_path / "formula.docx")
    with zipfile.ZipFile(tmp_path / "formula.docx") as archive:
        formula = etree.fromstring(archive.read("word/document.xml")).find(f".//{OMML}")
    assert unicodedata.normalize("NFC", " ".join(in_words(formula).split())) == line


def test_every_page_takes_its_look_from_the_right_layout(powerpoint):
    slides = list(Presentation(powerpoint).slides)
    assert [slide.slide_layout.name for slide in slides] == ["Title Slide"] + 5 * ["Title and Content"]
    assert slides[0].shapes.title.placeholder_format.type == PP_PLACEHOLDER.CENTER_TITLE
    assert {slide.shapes.title.placeholder_format.type for slide in slides[1:]} == {PP_PLACEHOLDER.TITLE}


def test_powerpoint_has_notes_pictures_with_alt_text_and_drawings(powerpoint):
    presentation = Presentation(powerpoint)
    notes = [slide.notes_slide.notes_text_frame.text for slide in presentation.slides]
    assert all("Ask what they see" in text for text in notes)
    assert notes[1].startswith("5 minutes.")
    pictures = [shape for slide in presentation.slides for shape in slide.shapes if shape.shape_type == 13]
    assert len(pictures) == 4
    assert {picture._element.nvPicPr.cNvPr.get("descr") for picture in pictures} == {"A line that rises."}
    assert all(b"svgBlip" in picture._element.xml.encode() for picture in pictures)


def test_powerpoint_builds_where_the_deck_does(powerpoint):
    clicks = [
        sum(node.get("nodeType") == "clickEffect" for node in slide._element.iter(f"{PML}cTn"))
        for slide in Presentation(powerpoint).slides
    ]
    assert clicks == [0, 1, 0, 1, 2, 0]


def test_no_mark_of_a_click_is_left_in_powerpoint(powerpoint):
    texts = [
        shape.text_frame.text
        for slide in Presentation(powerpoint).slides
        for shape in slide.shapes
        if shape.has_text_frame
    ]
    assert not any("\u2021" in text for text in texts)


def pages_of(pdf):
    return len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes()))


def test_pdf_has_a_page_for_each_slide_and_a_second_one_the_notes(html, screen, tmp_path):
    write_pdf(html, tmp_path / "deck.pdf", screen)
    write_handout(html, tmp_path / "notes.pdf", screen)
    assert pages_of(tmp_path / "deck.pdf") == 6
    assert pages_of(tmp_path / "notes.pdf") > 0


@pytest.mark.parametrize("look", ["light", "dark"])
def test_each_page_of_a_pdf_has_its_foot_inside_and_the_first_is_the_cover(deck, screen, tmp_path, look):
    write_html(deck, tmp_path / "deck.html", look)
    page = screen.new_page(viewport=PAGE)
    try:
        open_deck(tmp_path / "deck.html", page, "?print-pdf")
        page.wait_for_function(PAGED)
        pages = page.evaluate(
            """() => [...document.querySelectorAll('.pdf-page')].map(page => {
                const slide = page.querySelector('section'), foot = slide.querySelector('.foot');
                const [outer, inner, line] = [page, slide, foot].map(part => part.getBoundingClientRect());
                return {words: foot.innerText.trim().replace(/\\s+/g, ' '), high: inner.height, top: line.top - outer.top,
                        below: outer.bottom - line.bottom, ground: getComputedStyle(slide).backgroundColor};
            })"""
        )
    finally:
        page.close()
    assert [each["words"].endswith(f"{number} / 6") for number, each in enumerate(pages, start=1)] == [True] * 6
    assert pages[0]["words"].startswith("Numbers of the full run on a GPU, 2026-11-23")
    assert all(each["high"] == 720 and each["top"] > 600 and each["below"] > 0 for each in pages)
    assert pages[0]["ground"] != pages[1]["ground"]
    assert len({each["ground"] for each in pages[1:]}) == 2, "one of questions, one of all others"


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="there is no pdftotext on this machine")
def test_the_words_of_the_foot_are_in_the_pdf(html, screen, tmp_path):
    write_pdf(html, tmp_path / "deck.pdf", screen)
    said = subprocess.run(
        ["pdftotext", "-layout", str(tmp_path / "deck.pdf"), "-"], capture_output=True, text=True
    ).stdout
    for number, words in enumerate(said.split("\f")[:6], start=1):
        assert f"{number}/6" in words.replace(" ", "")
    assert "Numbers of the full run" in said.split("\f")[0]


def test_a_slow_browser_prints_every_page_too(html, screen, tmp_path):
    with screen.new_context() as slow:
        slow.add_init_script("window.requestAnimationFrame = draw => setTimeout(() => draw(performance.now()), 700)")
        write_pdf(html, tmp_path / "deck.pdf", slow)
    assert pages_of(tmp_path / "deck.pdf") == 6


def test_a_dark_deck_can_be_read_too(deck, tmp_path, screen):
    write_html(deck, tmp_path / "dark.html", look="dark")
    write_powerpoint(deck, tmp_path / "dark.pptx", look="dark")
    assert html_problems(tmp_path / "dark.html", screen) == []
    assert powerpoint_problems(tmp_path / "dark.pptx", deck) == []


@pytest.fixture(scope="session")
def spoken(tmp_path_factory):
    """A deck of words: a title with a picture, a question and its answer, an exercise."""
    output = figure("The line rises")
    cells = [
        markdown("# A lecture"),
        markdown(NOTES, "notes"),
        markdown("## Which layer says no?\n\nA convolution, a pooling or a linear layer?"),
        markdown("The linear one.", "fragment"),
        markdown(NOTES, "notes"),
        markdown("## Your turn: `double`\n\nWrite it."),
        markdown(NOTES, "notes"),
        markdown("## Long\n\n" + " ".join(["sixty"] * 60)),
        markdown(NOTES, "notes"),
    ]
    slides = read_slides(nbformat.v4.new_notebook(cells=cells), "99")
    picture = Frame.unpacked(output.data[MIME_SLIDE]["frames"][0])
    slides[0] = replace(slides[0], cover=picture)
    deck = Deck("99_spoken", "A lecture", tuple(slides))
    folder = tmp_path_factory.mktemp("spoken")
    write_html(deck, folder / "spoken.html")
    write_powerpoint(deck, folder / "spoken.pptx")
    return deck, folder


@pytest.fixture
def room(spoken, screen):
    """The deck of words on a page."""
    page = screen.new_page(viewport={"width": 1280, "height": 720})
    open_deck(spoken[1] / "spoken.html", page)
    yield page
    page.close()


def test_nothing_is_wrong_with_slides_of_words(spoken, screen):
    deck, folder = spoken
    assert html_problems(folder / "spoken.html", screen) == []
    assert [each for each in powerpoint_problems(folder / "spoken.pptx", deck) if "title" not in each] == []


def test_a_title_slide_carries_its_picture(spoken, room):
    assert room.get_attribute(".present .cover img", "alt") == "A line that rises."
    page = Presentation(spoken[1] / "spoken.pptx").slides[0]
    assert [shape.shape_type for shape in page.shapes if shape.name.startswith("figure")] == [MSO_SHAPE_TYPE.PICTURE]


def test_a_question_fills_the_room_and_looks_different_from_its_answer(spoken, room):
    size = "element => parseFloat(getComputedStyle(element).fontSize)"
    room.evaluate("Reveal.slide(1)")
    assert room.eval_on_selector(".present .text p", size) >= 48, "36 points"
    assert room.eval_on_selector(".present h2", size) >= 48
    colours = [
        room.eval_on_selector(f".present{part}", "element => getComputedStyle(element).backgroundColor")
        for part in ("", " .text.fragment")
    ]
    assert colours[0] != colours[1]
    room.evaluate("Reveal.slide(3)")
    assert 28 < room.eval_on_selector(".present .text p", size) < 60, "sixty words are smaller, and fit"
    runs = [run for shape in Presentation(spoken[1] / "spoken.pptx").slides[1].shapes for run in runs_of(shape)]
    assert max(run.font.size.pt for run in runs if run.font.size) >= 36


def runs_of(shape):
    return [run for paragraph in shape.text_frame.paragraphs for run in paragraph.runs] if shape.has_text_frame else []


def test_an_exercise_counts_down_and_a_key_stops_it(room):
    room.evaluate("Reveal.slide(2)")
    face = room.locator(".present .clock strong")
    assert face.text_content() == "2:00"
    room.keyboard.press("t")
    room.wait_for_function("document.querySelector('.present .clock strong').textContent === '1:59'")
    room.keyboard.press("t")
    stopped = face.text_content()
    room.wait_for_timeout(1200)
    assert face.text_content() == stopped
    assert room.locator(".clock").count() == 1, "on exercises alone"


def test_a_key_draws_on_the_slide_and_the_next_clears_it(room):
    drawn = """() => { const ink = document.querySelector('canvas.pen');
        return ink && ink.getContext('2d').getImageData(0, 0, ink.width, ink.height).data.some(part => part > 0) }"""
    for clear in ("c", "ArrowRight"):
        room.keyboard.press("c")
        room.mouse.move(300, 300)
        room.mouse.down()
        room.mouse.move(500, 400, steps=5)
        room.mouse.up()
        assert room.evaluate(drawn)
        room.keyboard.press(clear)
        assert room.evaluate(drawn) is None
