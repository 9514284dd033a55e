"""A deck as PowerPoint: pandoc writes text, native equations and notes; pictures, places and builds are added here."""

import io
import math
import re
import tempfile
import zipfile
from copy import deepcopy
from pathlib import Path

from lxml import etree
from pptx import Presentation
from pptx.dml.color import MSO_THEME_COLOR, RGBColor
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn
from pptx.util import Emu, Pt

from course_utils.course.decks.html import (
    STEP,
    beside,
    click_numbers,
    origin,
    pandoc,
    powerpoint_markdown,
    without_tables,
)
from course_utils.course.decks.slides import Deck, Frame, Slide
from course_utils.course.decks.template import BODY, COVER_BODY, COVER_PICTURE, EMU, FOOT, place, write_template
from course_utils.course.lectures import ROOT

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
            f"{too_much(deck)}"
        )
    cover, plain = (written.slide_layouts.get_by_name(name) for name in ("Title Slide", "Title and Content"))
    for number, (page, slide) in enumerate(zip(pages, deck.slides, strict=True), start=1):
        use_layout(page, cover if slide.layout == "title" else plain)
        finish(page, slide)
        wrap_tables(page)
        said = origin(deck) if slide.layout == "title" else deck.title
        add_foot(page, said, f"{number} / {len(pages)}", cover=slide.layout == "title")
        add_fallbacks(page)
    written.core_properties.title = deck.title
    written.core_properties.author = ""
    written.save(target)


def too_much(deck: Deck) -> str:
    """Which slide pandoc divides, and why."""
    for number, slide in enumerate(deck.slides, start=1):
        where = f"slide {number} ({slide.title or 'no title'})"
        texts = [block.text for block in slide.blocks if block.kind == "text"]
        heading = next((line for text in texts for line in text.splitlines() if re.match(r"#{1,2}\s", line)), None)
        if heading:
            return f"{where} goes on with a second heading, {heading!r}: give its cell the slide type 'slide', or take the # off"
        if sum(len(without_tables(text)[1]) for text in texts) > 1:
            return f"{where} holds more than one table: a slide holds at most one"
    return "a slide holds at most one table, and no heading below its title"


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
    if slide.cover:
        add_picture(page, slide.cover, COVER_PICTURE)
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
        # equations keep the size of the template, beside which larger words look wrong
        spoken = (
            slide.layout != "title" and not frames and not tables and next(text.iter(f"{{{SPACE}}}m"), None) is None
        )
        fit_text(text, words, largest=LARGEST if spoken else SIZES[0])
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
        if not text:  # a notebook that was not run by `begin` says nothing of its run
            continue
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


SPACE = "http://schemas.microsoft.com/office/drawing/2010/main"  # of equations on slides: PowerPoint 2010 and later
COMPATIBILITY = "http://schemas.openxmlformats.org/markup-compatibility/2006"
CHOICE = (
    f'<mc:AlternateContent xmlns:mc="{COMPATIBILITY}">'
    f'<mc:Choice xmlns:equations="{SPACE}" Requires="equations"/></mc:AlternateContent>'
)


def declare_equations(file: Path) -> None:
    """Declare the space of equations in every page of a presentation that uses it; without it, nothing opens the file.

    Pandoc calls it `a14`, as PowerPoint does. LibreOffice claims to know whatever has that name, shows only an equation
    that stands alone, and drops all others; under another name it takes what `add_fallbacks` puts beside them.
    """
    with zipfile.ZipFile(file) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    for name, content in parts.items():
        if name.endswith(".xml") and b"<a14:m>" in content:
            for called in (b"<a14:", b"</a14:", b"xmlns:a14=", b'Requires="a14"'):
                content = content.replace(called, called.replace(b"a14", b"equations"))
            start = content.index(b"<p:")
            end = content.index(b" ", start)
            parts[name] = content[:end] + f' xmlns:equations="{SPACE}"'.encode() + content[end:]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def wrap_tables(page) -> None:
    """Say of tables with equations which PowerPoint can show them, as PowerPoint itself does."""
    for table in list(page._element.iter(qn("p:graphicFrame"))):
        if next(table.iter(f"{{{SPACE}}}m"), None) is not None:
            wrapper = parse_xml(CHOICE)
            table.addprevious(wrapper)
            wrapper[0].append(table)


def add_fallbacks(page) -> None:
    """Beside every shape with equations, the same with their words: for readers that do not know equations on slides.

    By ECMA-376, part 3, such a reader skips what requires them, and all other text of the shape with it.
    """
    for choice in list(page._element.iter(f"{{{COMPATIBILITY}}}Choice")):
        if choice.getparent().find(f"{{{COMPATIBILITY}}}Fallback") is None:
            fallback = etree.SubElement(choice.getparent(), f"{{{COMPATIBILITY}}}Fallback")
            fallback.extend(deepcopy(list(choice)))
            sizes = [words.get("sz") for words in fallback.iter(qn("a:rPr")) if words.get("sz")]
            for equation in list(fallback.iter(f"{{{SPACE}}}m")):
                for part in LOW_OR_HIGH.split(in_words(equation)):
                    run = etree.Element(qn("a:r"))
                    looks = etree.SubElement(run, qn("a:rPr"), {"sz": max(sizes, key=sizes.count)} if sizes else {})
                    if LOW_OR_HIGH.fullmatch(part):
                        looks.set("baseline", "-25000" if part[0] == "_" else "30000")
                        part = part[1:].removeprefix("(").removesuffix(")")
                    etree.SubElement(run, qn("a:t")).text = part
                    equation.addprevious(run)
                equation.getparent().remove(equation)


LOW_OR_HIGH = re.compile(r"([_^](?:\([^()]*\)|.))")  # in a line that `in_words` gives


def in_words(equation) -> str:
    """An equation in a line of text, such as `(a + b)/c`; what has no form here keeps its parts in their order."""
    name = etree.QName(equation).localname
    if name == "t":
        return (equation.text or "").replace("\u200b", "")  # pandoc fills what is hidden with it
    parts = {etree.QName(part).localname: in_words(part) for part in equation}
    signs = {etree.QName(part).localname: next(iter(part.values()), "") for part in equation.xpath("./*/*[not(*)]")}
    groups = {key: text if len(text) < 2 else f"({text})" for key, text in parts.items()}
    low, high = (f"{mark}{groups[key]}" if groups.get(key) else "" for mark, key in (("_", "sub"), ("^", "sup")))
    if name == "f":
        return f"{groups['num']}/{groups['den']}"
    if name == "acc":
        return parts["e"] + signs.get("chr", "\u0302")
    if name == "rad":
        return f"√{groups['e']}"
    if name == "d":
        return f"{signs.get('begChr', '(')}{parts['e']}{signs.get('endChr', ')')}"
    if name == "nary":
        return f"{signs.get('chr', '∫')}{low}{high} {parts['e']}"
    return f"{parts['e']}{low}{high}" if low or high else "".join(in_words(part) for part in equation)


TIMING = (
    f"<p:timing {nsdecls('p')}><p:tnLst><p:par><p:cTn id='1' dur='indefinite' restart='never' nodeType='tmRoot'>"
    "<p:childTnLst><p:seq concurrent='1' nextAc='seek'><p:cTn id='2' dur='indefinite' nodeType='mainSeq'>"
    "<p:childTnLst/></p:cTn>"
    "<p:prevCondLst><p:cond evt='onPrev' delay='0'><p:tgtEl><p:sldTgt/></p:tgtEl></p:cond></p:prevCondLst>"
    "<p:nextCondLst><p:cond evt='onNext' delay='0'><p:tgtEl><p:sldTgt/></p:tgtEl></p:cond></p:nextCondLst>"
    "</p:seq></p:childTnLst></p:cTn></p:par></p:tnLst></p:timing>"
)
CLICK = (
    "<p:par {space}><p:cTn id='{a}' fill='hold'><p:stCondLst><p:cond delay='indefinite'/></p:stCondLst><p:childTnLst>"
    "<p:par><p:cTn id='{b}' fill='hold'><p:stCondLst><p:cond delay='0'/></p:stCondLst><p:childTnLst/></p:cTn></p:par>"
    "</p:childTnLst></p:cTn></p:par>"
)
APPEAR = (
    "<p:par {space}><p:cTn id='{c}' presetID='1' presetClass='entr' presetSubtype='0' fill='hold' {group}"
    "nodeType='{kind}'><p:stCondLst><p:cond delay='0'/></p:stCondLst><p:childTnLst><p:set><p:cBhvr>"
    "<p:cTn id='{d}' dur='1' fill='hold'><p:stCondLst><p:cond delay='0'/></p:stCondLst></p:cTn>"
    "<p:tgtEl><p:spTgt spid='{shape}'>{part}</p:spTgt></p:tgtEl>"
    "<p:attrNameLst><p:attrName>style.visibility</p:attrName></p:attrNameLst></p:cBhvr>"
    "<p:to><p:strVal val='visible'/></p:to></p:set></p:childTnLst></p:cTn></p:par>"
)


def take_steps(shape) -> dict[int, range]:
    """Take the marks for clicks out of a shape's text.

    Returns:
        click -> the paragraphs that appear with it
    """
    starts: dict[int, int] = {}
    paragraphs = shape.txBody.findall(qn("a:p"))
    for number, paragraph in enumerate(paragraphs):
        text = "".join(part.text or "" for part in paragraph.iter(qn("a:t")))
        if text.startswith(STEP):
            starts[int(text.removeprefix(STEP))] = number - len(starts)
            shape.txBody.remove(paragraph)
    ends = [*starts.values(), len(paragraphs) - len(starts)][1:]
    return {click: range(start, end) for (click, start), end in zip(starts.items(), ends, strict=True)}


def add_steps(page, slide: Slide, text, paragraphs: dict[int, range], pictures: list) -> None:
    """Write the clicks of a page, in the order of the slide's blocks.

    Args:
        page: of the presentation.
        slide: what it shows.
        text: the XML of the shape with its text, or None.
        paragraphs: as `take_steps` gives them.
        pictures: one for each frame of each figure.
    """
    waiting = iter(pictures)
    shown: dict[int, list[tuple[int, int | None]]] = {}
    for block, click in zip(slide.blocks, click_numbers(slide), strict=True):
        frames = [(picture.shape_id, None) for picture in (next(waiting) for _ in block.frames)]
        if block.step:
            shown.setdefault(click, []).extend(frames[:1])
            shown[click] += [(text_id(text), place) for place in paragraphs.pop(block.step, ())]
        for later, frame in enumerate(frames[1:], start=click + 1):
            shown.setdefault(later, []).append(frame)
    if shown:
        write_timing(page, [shown[click] for click in sorted(shown)], text_id(text) if text is not None else None)


def text_id(shape) -> int:
    """The number by which a page knows a shape."""
    return int(shape.nvSpPr.cNvPr.get("id"))


def write_timing(page, clicks: list[list[tuple]], text: int | None) -> None:
    """The page's timing: for each click, what appears."""
    timing = parse_xml(TIMING)
    sequence = timing.find(f".//{qn('p:seq')}/{qn('p:cTn')}/{qn('p:childTnLst')}")
    number = iter(range(3, 10_000))
    for click in clicks:
        outer = parse_xml(CLICK.format(space=nsdecls("p"), a=next(number), b=next(number)))
        inner = outer.find(f".//{qn('p:par')}//{qn('p:childTnLst')}")
        for kind, (shape, line) in zip(["clickEffect"] + ["withEffect"] * len(click), click, strict=False):
            part = "" if line is None else f"<p:txEl><p:pRg st='{line}' end='{line}'/></p:txEl>"
            group = "" if line is None else "grpId='0' "
            numbers = {"c": next(number), "d": next(number)}
            effect = APPEAR.format(space=nsdecls("p"), group=group, kind=kind, shape=shape, part=part, **numbers)
            inner.append(parse_xml(effect))
        sequence.append(outer)
    if any(place is not None for click in clicks for _, place in click):
        builds = etree.SubElement(timing, qn("p:bldLst"))
        etree.SubElement(builds, qn("p:bldP"), spid=str(text), grpId="0", build="p")
    slide = page._element
    for old in slide.findall(qn("p:timing")):
        slide.remove(old)
    after = slide.find(qn("p:clrMapOvr"))
    (after if after is not None else slide.cSld).addnext(deepcopy(timing))


SIZES = (26, 24, 22, 20, 18)  # points for text, the largest that fits; lists and code go with it
LARGEST = 44  # points, on a slide of words
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


def fit_text(shape, box: tuple[int, int, int, int], largest: int) -> None:
    """Give a shape's text the largest size at which it fits its box, and code a font with even widths."""
    _, _, width, height = box
    sizes = (*range(largest, SIZES[0], -2), *SIZES)
    size = next((size for size in sizes if text_height(shape, width, size) <= height), SIZES[-1])
    for paragraph in shape.txBody.findall(qn("a:p")):
        code = is_code(paragraph)
        for run in paragraph.findall(qn("a:r")):
            properties = run.find(qn("a:rPr"))
            font = properties.find(qn("a:latin"))
            if font is not None:
                font.set("typeface", "Consolas")
            properties.set("sz", str(100 * (min(size, CODE) if code else size)))
