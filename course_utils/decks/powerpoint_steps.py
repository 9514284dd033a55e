"""What appears with a click on a PowerPoint page: paragraphs of its text, and frames of its figures."""

from copy import deepcopy

from lxml import etree
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn

from course_utils.decks.markdown import STEP, click_numbers
from course_utils.decks.model import Slide

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
    for place, paragraph in enumerate(paragraphs):
        text = "".join(part.text or "" for part in paragraph.iter(qn("a:t")))
        if text.startswith(STEP):
            starts[int(text.removeprefix(STEP))] = place - len(starts)
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
        for kind, (shape, place) in zip(["clickEffect"] + ["withEffect"] * len(click), click, strict=False):
            part = "" if place is None else f"<p:txEl><p:pRg st='{place}' end='{place}'/></p:txEl>"
            group = "" if place is None else "grpId='0' "
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
