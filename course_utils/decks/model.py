"""What a deck is: slides with a title, blocks, and notes; nothing here knows how it will be written."""

import base64
import gzip
import io
import re
from dataclasses import dataclass, field, replace

from PIL import Image

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
    """

    kind: str
    text: str = ""
    frames: tuple[Frame, ...] = ()
    step: int = 0


@dataclass(frozen=True)
class Slide:
    """One slide.

    Attributes:
        title: a claim or a question, Markdown.
        blocks: what stands under the title, in order.
        notes: what the lecturer says and asks, Markdown, a paragraph a notes cell.
        minutes: how long; the sum of its notes cells.
        name: by which `decks.toml` asks for it, such as "02/heat-maps"; "" where it has none.
        layout: "title" for a deck's first slide, otherwise "content".
    """

    title: str
    blocks: tuple[Block, ...] = ()
    notes: str = ""
    minutes: int = 0
    name: str = ""
    layout: str = "content"

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
        runs: lecture -> what `course_utils.results.record_run` kept, and "date" where it is known.
    """

    name: str
    title: str
    slides: tuple[Slide, ...]
    runs: dict[str, dict] = field(default_factory=dict)

    @property
    def minutes(self) -> int:
        """How long its notes say that it takes."""
        return sum(slide.minutes for slide in self.slides)
