"""What a deck is, slides with a title, blocks and notes, and how an executed notebook becomes one."""

import base64
import gzip
import io
import re
from dataclasses import dataclass, field, replace

from nbformat import NotebookNode
from PIL import Image

from course_utils.figures.for_slides import MIME_SLIDE
from course_utils.widgets.live_views import MIME_MOVING

MINUTES = re.compile(r"\*For the lecturer(?:, (\d+) minutes?)?[^*]*\*\s*")


@dataclass(frozen=True)
class Frame:
    """A picture at the size of a slide, as `course_utils.figures.for_slides.slide_picture` packs it."""

    title: str
    alt: str
    width: int
    height: int
    webp: bytes
    svg: bytes = b""
    texts: tuple = ()

    @classmethod
    def unpacked(cls, packed: dict) -> "Frame":
        """The frame that a notebook's output holds."""
        svg = gzip.decompress(base64.b64decode(packed["svg"])) if "svg" in packed else b""
        texts = tuple(map(tuple, packed["texts"]))
        sizes = {name: packed[name] for name in ("title", "alt", "width", "height")}
        return cls(**sizes, webp=base64.b64decode(packed["webp"]), svg=svg, texts=texts)

    def portable(self) -> bytes:
        """The picture in a format that PowerPoint reads: PNG for drawings, JPEG for what is full of photographs."""
        file = io.BytesIO()
        picture = Image.open(io.BytesIO(self.webp)).convert("RGB")
        if self.svg:
            picture.quantize(256).save(file, format="png")
        else:
            picture.save(file, format="jpeg", quality=88, subsampling=0)
        return file.getvalue()


@dataclass(frozen=True)
class Block:
    """One part of a slide.

    Attributes:
        kind: "text" (Markdown), "code" (Python), "output" (what a cell printed) or "figure".
        text: for all but figures.
        frames: for figures: one, or several to step through.
        step: the click with which it appears; 0 for what is there from the start.
        moving: for an explorer's figure: its pictures for a page without a kernel, as `Explorer.moving` makes them.
    """

    kind: str
    text: str = ""
    frames: tuple[Frame, ...] = ()
    step: int = 0
    moving: dict | None = None


@dataclass(frozen=True)
class Slide:
    """One slide.

    Attributes:
        title: a claim or a question, Markdown.
        blocks: what stands under the title, in order.
        left_out: what its cells show and a deck cannot, as sentences.
        notes: what the lecturer says and asks, Markdown, a paragraph a notes cell.
        minutes: how long; the sum of its notes cells.
        name: by which `decks.toml` asks for it, such as "02/heat-maps"; "" where it has none.
        layout: "title" for a deck's first slide, otherwise "content".
        cover: on a title slide, the picture of the deck.
    """

    title: str
    blocks: tuple[Block, ...] = ()
    notes: str = ""
    minutes: int = 0
    name: str = ""
    layout: str = "content"
    cover: Frame | None = None
    left_out: tuple[str, ...] = ()

    def with_notes(self, cell: str) -> "Slide":
        """The slide with one more notes cell, such as `*For the lecturer, 3 minutes.* Ask the room ...`."""
        found = MINUTES.match(cell)
        minutes = int(found[1] or 0) if found else 0
        text = " ".join(cell[found.end() :].split()) if found else cell
        notes = f"{self.notes}\n\n{text}" if self.notes else text
        return replace(self, notes=notes, minutes=self.minutes + minutes)

    @property
    def figures(self) -> list[Block]:
        """Its figures."""
        return [block for block in self.blocks if block.kind == "figure"]


@dataclass(frozen=True)
class Deck:
    """A deck: its name (of its files), title, slides, and the runs that its numbers come from.

    Attributes:
        runs: lecture -> what `course_utils.course.results.record_run` kept, and "date" where it is known.
    """

    name: str
    title: str
    slides: tuple[Slide, ...]
    runs: dict[str, dict] = field(default_factory=dict)

    @property
    def minutes(self) -> int:
        """How long its notes say that it takes."""
        return sum(slide.minutes for slide in self.slides)


HEADING = re.compile(r"\A#{1,6}\s+(?:\d+\.\s+)?(?P<title>[^\n]+)\n*")  # "## 3. A question?" is titled "A question?"


def read_slides(notebook: NotebookNode, number: str) -> list[Slide]:
    """The slides of a lecture.

    `slide` and `subslide` start one, `fragment` goes on with it after a click, `-` without one, `notes` go to
    the lecturer, `skip` is for readers of the notebook. A slide that starts without a heading takes the finding over
    its first figure for its title; where it has a heading, the finding stands under the figure.

    Args:
        notebook: executed.
        number: of the lecture, for the slides' names: `slideshow={"slide_type": "slide", "name": "heat-maps"}` on the
            cell that starts a slide makes it "02/heat-maps".

    Raises:
        ValueError: where two slides have the same name.
    """
    slides: list[Slide] = []
    for cell in notebook.cells:
        settings = cell.metadata.get("slideshow", {})
        kind = settings.get("slide_type", "-")
        if kind in ("slide", "subslide"):
            name = f"{number}/{settings['name']}" if "name" in settings else ""
            slides.append(Slide("", name=name, layout="content" if slides else "title"))
        if kind == "skip" or not slides:
            continue
        if kind == "notes":
            slides[-1] = slides[-1].with_notes(cell.source)
        else:
            slides[-1] = with_cell(slides[-1], cell, clicks(slides[-1]) + (kind == "fragment"))
    names = [slide.name for slide in slides if slide.name]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two slides of lecture {number} are named {', '.join(twice)}: a name belongs to one slide")
    return [titled(slide) for slide in slides]


def clicks(slide: Slide) -> int:
    """The clicks that a slide takes so far."""
    return max((block.step for block in slide.blocks), default=0)


def with_cell(slide: Slide, cell: NotebookNode, step: int) -> Slide:
    """The slide with what one cell adds to it, at that click."""
    if cell.cell_type == "markdown":
        text = PICTURE.sub("", cell.source).strip()
        heading = HEADING.match(text)
        if heading and not slide.title and not slide.blocks:
            slide, text = replace(slide, title=heading["title"].strip()), text[heading.end() :]
        added = [Block("text", text, step=step)] if text else []
    else:
        added = code_blocks(cell, step)
    return replace(slide, blocks=(*slide.blocks, *added), left_out=(*slide.left_out, *not_shown(cell)))


PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)[^)]*\)")
COVER = "cover.jpg"  # the attachment with a lecture's picture, which its deck's title slide has from the figure itself


def not_shown(cell: NotebookNode) -> list[str]:
    """What a cell shows in a notebook and a deck has no place for, as sentences that say what to do."""
    if cell.cell_type == "markdown":
        return [
            f"its text shows the picture {name!r}, which stays behind: draw it in a cell, as "
            'show(figure, alt="...") from course_utils.figures does'
            for name in PICTURE.findall(cell.source)
            if not name.startswith("data:") and name != f"attachment:{COVER}"
        ]
    found = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if MIME_SLIDE in data or "text/markdown" in data:
            continue
        if any(kind.startswith("image/") for kind in data):
            found.append(
                "its cell shows a picture that did not come through show(): hand the figure to "
                'show(figure, alt="...") from course_utils.figures'
            )
        elif "<table" in "".join(data.get("text/html", "")):
            found.append("its cell shows a table in HTML, which stays behind: display it as Markdown, or print it")
    return found


def code_blocks(cell: NotebookNode, step: int) -> list[Block]:
    """A code cell on a slide: its code where it asks for that, what it printed, Markdown that it displayed, its figures."""
    added = []
    if "show-code" in cell.metadata.get("tags", []):
        added.append(Block("code", cell.source.strip("\n"), step=step))
    printed = "".join(output.text for output in cell.outputs if output.get("name") == "stdout").strip("\n")
    if printed:
        added.append(Block("output", printed, step=step))
    for output in cell.outputs:
        data = output.get("data", {})
        if "text/markdown" in data:
            added.append(Block("text", data["text/markdown"].strip(), step=step))
        packed = data.get(MIME_SLIDE)
        if packed:
            frames = tuple(Frame.unpacked(frame) for frame in packed["frames"])
            added.append(Block("figure", frames[-1].title, frames, step, data.get(MIME_MOVING)))
    return added


def titled(slide: Slide) -> Slide:
    """The slide with a title: its heading, or the finding over its first figure, which is then not repeated."""
    if slide.title:
        return slide
    for place, block in enumerate(slide.blocks):
        if block.kind == "figure" and block.text:
            rest = (*slide.blocks[:place], replace(block, text=""), *slide.blocks[place + 1 :])
            return replace(slide, title=block.text, blocks=rest)
    return slide
