"""The PowerPoint template, 16:9, light or dark: made here, so that its colours and places are written down once."""

import io
import subprocess
from pathlib import Path

from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.dml import MSO_THEME_COLOR
from pptx.enum.shapes import MSO_SHAPE
from pptx.oxml.ns import qn
from pptx.util import Emu, Pt

EMU = 9525  # of PowerPoint's units to a pixel of the page
PAGE = (1280, 720)
TITLE = (48, 24, 1184, 84)  # left, top, width, height in pixels
BODY = (48, 120, 1184, 548)
FOOT = (48, 678, 1184, 30)
COVER_TITLE, COVER_BODY, COVER_PICTURE = (48, 44, 1184, 140), (48, 200, 1184, 130), (48, 340, 1184, 326)

# PowerPoint's names of a theme's colours: text, background, and so on
LOOKS = {
    "light": {
        "dk1": "1C2430",
        "lt1": "FFFFFF",
        "dk2": "0B3A5B",
        "lt2": "F2F5F8",
        "accent1": "00609A",
        "accent2": "565F6B",
        "accent3": "0B2A42",
        "hlink": "00609A",
    },
    "dark": {
        "dk1": "EEF1F4",
        "lt1": "14181E",
        "dk2": "FFFFFF",
        "lt2": "222932",
        "accent1": "6CC0F5",
        "accent2": "B0BAC4",
        "accent3": "0A1F30",
        "hlink": "6CC0F5",
    },
}


def place(shape, box: tuple[int, int, int, int]) -> None:
    """Put a shape at (left, top, width, height) in pixels of the page."""
    shape.left, shape.top, shape.width, shape.height = (Emu(round(EMU * value)) for value in box)


def write_template(target: Path, look: str) -> None:
    """Write the template that pandoc takes for its reference document.

    Args:
        target: the file.
        look: "light" or "dark".
    """
    import pypandoc

    command = [pypandoc.get_pandoc_path(), "--print-default-data-file", "reference.pptx"]
    template = Presentation(io.BytesIO(subprocess.run(command, capture_output=True, check=True).stdout))
    template.slide_width, template.slide_height = (Emu(EMU * side) for side in PAGE)
    colour_theme(template, look)
    master = template.slide_master
    style_master(master)
    for layout in template.slide_layouts:
        for shape in list(layout.placeholders):
            kind = shape.placeholder_format
            if kind.idx in (10, 11, 12):  # date, footer and number, which our slides write themselves
                shape._element.getparent().remove(shape._element)
            elif kind.idx == 0:
                place(shape, COVER_TITLE if layout.name == "Title Slide" else TITLE)
            else:
                place(shape, COVER_BODY if layout.name == "Title Slide" else BODY)
    style_cover(template.slide_layouts.get_by_name("Title Slide"))
    template.save(target)


def colour_theme(template, look: str) -> None:
    """Set the theme's colours and fonts."""
    part = next(rel.target_part for rel in template.slide_master.part.rels.values() if rel.reltype.endswith("/theme"))
    from lxml import etree

    theme = etree.fromstring(part.blob)
    colours = theme.find(f".//{qn('a:clrScheme')}")
    for name, value in LOOKS[look].items():
        entry = colours.find(qn(f"a:{name}"))
        for child in list(entry):
            entry.remove(child)
        etree.SubElement(entry, qn("a:srgbClr")).set("val", value)
    for font in theme.findall(f".//{qn('a:fontScheme')}/*/{qn('a:latin')}"):
        font.set("typeface", "Calibri")
    part._blob = etree.tostring(theme, xml_declaration=True, encoding="UTF-8", standalone=True)


def style_master(master) -> None:
    """Places and type of titles and text, and the bar at the title's left."""
    for shape in list(master.placeholders):
        kind = shape.placeholder_format.type
        if "TITLE" in str(kind):
            place(shape, TITLE)
            shape.text_frame._txBody.bodyPr.set("anchor", "ctr")
            for side in ("lIns", "rIns", "tIns", "bIns"):
                shape.text_frame._txBody.bodyPr.set(side, "0")
        elif "BODY" in str(kind):
            place(shape, BODY)
            body = shape.text_frame._txBody.bodyPr
            body.set("anchor", "ctr")
            body.set("lIns", "0")
        else:
            shape._element.getparent().remove(shape._element)
    styles = master._element.find(qn("p:txStyles"))
    title = styles.find(f"{qn('p:titleStyle')}/{qn('a:lvl1pPr')}")
    title.set("algn", "l")
    restyle(title.find(qn("a:defRPr")), 2800, MSO_THEME_COLOR.TEXT_2, bold=True)
    for level, size in enumerate((2200, 2000, 1800, 1800, 1800), start=1):
        paragraph = styles.find(f"{qn('p:bodyStyle')}/{qn(f'a:lvl{level}pPr')}")
        restyle(paragraph.find(qn("a:defRPr")), size, MSO_THEME_COLOR.TEXT_1)
    bar = master.shapes._spTree
    add_bar(master, (0, 36, 12, 60), bar)


def restyle(properties, size: int, colour: MSO_THEME_COLOR, bold: bool = False) -> None:
    """Size (hundredths of a point), colour of the theme, and weight of a text style."""
    properties.set("sz", str(size))
    properties.set("b", "1" if bold else "0")
    for fill in properties.findall(qn("a:solidFill")):
        properties.remove(fill)
    names = {MSO_THEME_COLOR.TEXT_1: "tx1", MSO_THEME_COLOR.TEXT_2: "tx2", MSO_THEME_COLOR.BACKGROUND_1: "bg1"}
    fill = properties.makeelement(qn("a:solidFill"), {})
    fill.append(properties.makeelement(qn("a:schemeClr"), {"val": names[colour]}))
    properties.insert(0, fill)


def add_bar(on, box: tuple[int, int, int, int], tree) -> None:
    """The coloured bar at a title's left edge, on a master or a layout."""
    scratch = Presentation()
    slide = scratch.slides.add_slide(scratch.slide_layouts[6])
    bar = slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, 0, 0, 1, 1)
    place(bar, box)
    bar.fill.solid()
    bar.fill.fore_color.theme_color = MSO_THEME_COLOR.ACCENT_1
    bar.line.fill.background()
    bar.name = "bar"
    tree.append(bar._element)


def style_cover(layout) -> None:
    """The first slide: light on a dark ground, in both looks."""
    layout.background.fill.solid()
    layout.background.fill.fore_color.rgb = RGBColor(0x0B, 0x2A, 0x42)
    for shape in layout.placeholders:
        frame = shape.text_frame
        title = shape.placeholder_format.idx == 0
        frame._txBody.bodyPr.set("anchor", "b" if title else "t")
        style = frame._txBody.find(qn("a:lstStyle"))
        for child in list(style):
            style.remove(child)
        level = style.makeelement(qn("a:lvl1pPr"), {"marL": "0", "indent": "0", "algn": "l"})
        if not title:
            level.append(level.makeelement(qn("a:buNone"), {}))
        run = level.makeelement(qn("a:defRPr"), {"sz": str(Pt(44 if title else 20).pt * 100).split(".")[0]})
        fill = run.makeelement(qn("a:solidFill"), {})
        fill.append(run.makeelement(qn("a:srgbClr"), {"val": "FFFFFF"}))
        run.append(fill)
        level.append(run)
        style.append(level)
