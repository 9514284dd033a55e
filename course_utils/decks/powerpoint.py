"""A deck as PowerPoint: pandoc writes text, native equations and notes; pictures, places and builds are added here."""

import io
import tempfile
from pathlib import Path

from lxml import etree
from pptx import Presentation
from pptx.dml.color import MSO_THEME_COLOR, RGBColor
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.oxml.ns import qn
from pptx.util import Emu, Pt

from course_utils.decks.markdown import beside, origin, powerpoint_markdown
from course_utils.decks.model import Deck, Frame, Slide
from course_utils.decks.pandoc import pandoc
from course_utils.decks.powerpoint_equations import declare_equations, wrap_tables
from course_utils.decks.powerpoint_steps import add_steps, take_steps
from course_utils.decks.powerpoint_text import fit_text, text_height
from course_utils.decks.template import BODY, COVER_BODY, EMU, FOOT, place, write_template
from course_utils.lectures import ROOT

CODE_COLOURS = ROOT / "slides" / "theme"
SVG = "{96DAC541-7B7A-43D3-8B79-37D633B846F1}"  # PowerPoint's name for the extension that holds a picture's drawing
GAP = 12  # pixels between a figure and its text
TABLE_ROW = 52  # pixels


def write_powerpoint(deck: Deck, target: Path, look: str = "light") -> None:
    """Write a deck as a PowerPoint file.

    Args:
        deck: what to write.
        target: the file.
        look: "light" or "dark".

    Raises:
        RuntimeError: where pandoc made another number of pages than the deck has slides.
    """
    with tempfile.TemporaryDirectory(prefix="course-deck-") as name:
        folder = Path(name)
        write_template(folder / "template.pptx", look)
        options = ["--reference-doc", str(folder / "template.pptx")]
        options += ["--syntax-highlighting", str(CODE_COLOURS / f"code_{look}.theme")]
        pandoc(powerpoint_markdown(deck), "pptx", folder / "deck.pptx", folder, options)
        declare_equations(folder / "deck.pptx")
        written = Presentation(folder / "deck.pptx")
    pages = list(written.slides)
    if len(pages) != len(deck.slides):
        raise RuntimeError(
            f"{deck.name} has {len(deck.slides)} slides, and pandoc made {len(pages)} PowerPoint pages of them: "
            "a slide holds at most one table"
        )
    cover, plain = (written.slide_layouts.get_by_name(name) for name in ("Title Slide", "Title and Content"))
    for number, (page, slide) in enumerate(zip(pages, deck.slides, strict=True), start=1):
        use_layout(page, cover if slide.layout == "title" else plain)
        finish(page, slide)
        wrap_tables(page)
        said = origin(deck) if slide.layout == "title" else deck.title
        add_foot(page, said, f"{number} / {len(pages)}", cover=slide.layout == "title")
    written.core_properties.title = deck.title
    written.core_properties.author = ""
    written.save(target)


def use_layout(page, layout) -> None:
    """Give a page another of the template's layouts, and let it decide places and type again.

    Pandoc takes a layout with a small title where a page has text and a table.
    """
    relation = next(rel for rel in page.part.rels.values() if rel.reltype == RELATIONSHIP_TYPE.SLIDE_LAYOUT)
    relation._target = layout.part
    for table in page._element.iter(qn("p:graphicFrame")):
        for holder in table.iter(qn("p:ph")):
            holder.getparent().remove(holder)  # it stands beside the layout's one place for text
    for shape in page._element.iter(qn("p:sp")):
        for holder in shape.iter(qn("p:ph")):
            if holder.get("type") in ("title", "ctrTitle"):
                holder.set("type", "ctrTitle" if layout.name == "Title Slide" else "title")
            else:
                holder.attrib.clear()
                holder.set("idx", "1")
        for frame in shape.spPr.findall(qn("a:xfrm")):
            shape.spPr.remove(frame)


def finish(page, slide: Slide) -> None:
    """Places of text and pictures on one page, sizes of type, and the order in which things appear."""
    text = next(iter(page._element.xpath(".//p:sp[p:nvSpPr/p:nvPr/p:ph[@idx]]")), None)
    paragraphs = take_steps(text) if text is not None else {}
    frames = [(block, frame) for block in slide.figures for frame in block.frames]
    area = COVER_BODY if slide.layout == "title" else BODY
    left, top, width, height = area
    words, figure = area, area
    if frames and text is not None:
        if beside(slide):
            wide = frames[0][1].width
            words, figure = (left + wide + 36, top, width - wide - 36, height), (left, top, wide, height)
        else:
            high = text_height(text, width)
            words = (left, top + height - high, width, high)
            figure = (left, top, width, height - high - GAP)
    tables = [shape for shape in page.shapes if shape.has_table]
    for table in tables:
        high = style_table(table, width)
        words = (left, top, width, text_height(text, width)) if text is not None else area
        place(table, (left, top + (words[3] + GAP if text is not None else 24), width, high))
    if text is not None:
        move(text, words)
        fit_text(text, words)
        text.txBody.bodyPr.set("anchor", "ctr" if frames and beside(slide) else "t")
    pictures = [add_picture(page, frame, figure) for _, frame in frames]
    add_steps(page, slide, text, paragraphs, pictures)


def style_table(table, width: float) -> float:
    """Type and rows of a table at the size of a slide; returns its height in pixels."""
    columns = list(table.table.columns)
    letters = [4 + max(len(row.cells[place].text) for row in table.table.rows) for place in range(len(columns))]
    for column, count in zip(columns, letters, strict=True):
        column.width = Emu(round(EMU * width * count / sum(letters)))
    for row in table.table.rows:
        row.height = Emu(EMU * TABLE_ROW)
        for cell in row.cells:
            cell.vertical_anchor = MSO_ANCHOR.MIDDLE
            for run in (run for paragraph in cell.text_frame.paragraphs for run in paragraph.runs):
                run.font.size = Pt(20)
    return TABLE_ROW * len(table.table.rows)


def move(shape, box: tuple[int, int, int, int]) -> None:
    """Put the XML of a shape at a place, in pixels: those inside compatibility wrappers have no python-pptx object."""
    shape.x, shape.y, shape.cx, shape.cy = (round(EMU * value) for value in box)


def add_picture(page, frame: Frame, area: tuple[int, int, int, int]):
    """A figure in the middle of an area, as large as fits, with alt text; its drawing beside the picture."""
    left, top, width, height = area
    scale = min(width / frame.width, height / frame.height, 1.0)
    wide, high = frame.width * scale, frame.height * scale
    picture = page.shapes.add_picture(io.BytesIO(frame.portable()), 0, 0)
    place(picture, (left + (width - wide) / 2, top + (height - high) / 2, wide, high))
    properties = picture._element.nvPicPr.cNvPr
    properties.set("descr", frame.alt)
    properties.set("name", f"figure {picture.shape_id}")
    if frame.svg:
        package = page.part.package
        name = PackURI(f"/ppt/media/drawing{page.slide_id}_{picture.shape_id}.svg")
        relation = page.part.relate_to(Part(name, "image/svg+xml", package, frame.svg), RELATIONSHIP_TYPE.IMAGE)
        blip = picture._element.blipFill.find(qn("a:blip"))
        extension = etree.SubElement(etree.SubElement(blip, qn("a:extLst")), qn("a:ext"), uri=SVG)
        space = "http://schemas.microsoft.com/office/drawing/2016/SVG/main"
        drawing = etree.SubElement(extension, f"{{{space}}}svgBlip", nsmap={"asvg": space})
        drawing.set(qn("r:embed"), relation)
    return picture


def add_foot(page, said: str, number: str, cover: bool) -> None:
    """The line at the foot of a page: the deck on the left, the page on the right."""
    left, top, width, height = FOOT
    for text, box, side in (
        (said, (left, top, width - 120, height), PP_ALIGN.LEFT),
        (number, (left + width - 120, top, 120, height), PP_ALIGN.RIGHT),
    ):
        shape = page.shapes.add_textbox(0, 0, 0, 0)
        place(shape, box)
        frame = shape.text_frame
        frame.margin_left = frame.margin_right = 0
        frame.word_wrap, frame.auto_size = True, MSO_AUTO_SIZE.NONE
        paragraph = frame.paragraphs[0]
        paragraph.text, paragraph.alignment = text, side
        font = paragraph.runs[0].font  # a paragraph's own is a default that PowerPoint does not read
        font.size = Pt(14)
        if cover:
            font.color.rgb = RGBColor(0xB8, 0xD4, 0xE8)
        else:
            font.color.theme_color = MSO_THEME_COLOR.ACCENT_2
        shape.name = "foot"
