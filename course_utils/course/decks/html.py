"""A deck as one HTML file that fetches nothing: slides as Markdown, through pandoc, with reveal.js inside."""

import hashlib
import importlib.util
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from course_utils.course.decks.slides import Block, Deck, Frame, Slide
from course_utils.course.lectures import ROOT
from course_utils.course.moving import moving_html
from course_utils.figures.for_slides import BESIDE

THEME = ROOT / "slides" / "theme"
EXERCISE = "Your turn"  # how the titles of exercises begin
FONTS = ("source-sans-pro-regular.woff", "source-sans-pro-italic.woff", "source-sans-pro-semibold.woff")


def revealjs() -> Path:
    """The folder of reveal.js, which comes with the package sphinx-revealjs."""
    package = importlib.util.find_spec("sphinx_revealjs")
    if package is None:
        raise RuntimeError("the package sphinx-revealjs is missing, and reveal.js with it: `make setup`")
    return Path(package.submodule_search_locations[0]) / "_static" / "revealjs"


def write_html(deck: Deck, target: Path, look: str = "light") -> None:
    """Write a deck as a reveal.js page.

    Args:
        deck: what to write.
        target: the file.
        look: "light" or "dark"; the key D changes it while presenting.
    """
    with tempfile.TemporaryDirectory(prefix="course-deck-") as name:
        folder = Path(name)
        for name in ("course.css", "room.js"):
            shutil.copy(THEME / name, folder)
        for font in FONTS:
            shutil.copy(revealjs() / "dist" / "theme" / "fonts" / "source-sans-pro" / font, folder)
        options = ["--embed-resources", "--mathml", "--template", str(THEME / "reveal.html")]
        options += ["-V", f"revealjs-url={revealjs()}", "-V", f"theme-url={folder}", "-V", f"look={look}"]
        options += ["--metadata", f"pagetitle={deck.title}"]
        pandoc(html_markdown(deck, folder), "revealjs", target, folder, options)


def notes_of(slide: Slide) -> str:
    """What the lecturer reads: the minutes, then the notes; "" where there is neither."""
    unit = "minute" if slide.minutes == 1 else "minutes"
    return "\n\n".join(filter(None, [f"**{slide.minutes} {unit}.**" if slide.minutes else "", slide.notes]))


def origin(deck: Deck) -> str:
    """Where a deck's numbers come from, for its title slide: the devices and dates of its runs."""
    said = dict.fromkeys(
        f"Numbers of the {run['profile']} run on {run['device_name']}" + (f", {run['date']}" if "date" in run else "")
        for run in deck.runs.values()
        if run
    )
    return "; ".join(said)


def beside(slide: Slide) -> bool:
    """Whether a slide's figure stands beside its text: a figure that is not wide, and something to say of it."""
    figures = slide.figures
    words = any(block.kind != "figure" or block.text for block in slide.blocks)
    return len(figures) == 1 and figures[0].frames[0].width == BESIDE[0] and words


def fence(text: str, attributes: str) -> str:
    """Text inside a div; four colons or more, so that divs nest."""
    depth = 3
    while ":" * depth in text:
        depth += 1
    return f"{':' * depth} {{{attributes}}}\n{text}\n{':' * depth}"


def verbatim(text: str, attributes: str) -> str:
    """Text as it is, whatever backticks it holds."""
    return f"~~~~~~ {{{attributes}}}\n{text}\n~~~~~~"


def escaped(text: str) -> str:
    """Plain text so that Markdown reads it as it is."""
    return "".join("\\" + character if character in "\\`*_{}[]<>#$^~|@'\"" else character for character in text)


def image(frame: Frame, folder: Path, attributes: str = "") -> str:
    """Write a frame's picture into a folder, and point to it."""
    data, ending = (frame.svg, "svg") if frame.svg else (frame.webp, "webp")
    file = folder / f"{hashlib.sha256(data).hexdigest()[:16]}.{ending}"
    if not file.exists():
        file.write_bytes(data)
    size = f"width={frame.width}px height={frame.height}px"
    return f"![{escaped(frame.alt)}]({file.name}){{{size} {attributes}}}"


# --- reveal.js


def html_markdown(deck: Deck, folder: Path) -> str:
    """A deck as Markdown for pandoc's reveal.js writer; pictures are written into the folder."""
    slides = [html_slide(slide, number, deck, folder) for number, slide in enumerate(deck.slides, start=1)]
    return "\n\n".join(slides) + "\n"


def html_slide(slide: Slide, number: int, deck: Deck, folder: Path) -> str:
    """One slide: title, body, foot and notes."""
    identity = slide.name.replace("/", "-") or f"slide-{number}"
    looks = " ".join(f".{look}" for look in looks_of(slide))
    heading = f"## [{unbroken(slide.title)}]{{.claim}} {{#{identity} {looks} data-timing={60 * slide.minutes}}}"
    drawn = [html_block(block, click, folder) for block, click in zip(slide.blocks, click_numbers(slide), strict=True)]
    if beside(slide):
        figures = [text for block, text in zip(slide.blocks, drawn, strict=True) if block.kind == "figure"]
        words = [text for block, text in zip(slide.blocks, drawn, strict=True) if block.kind != "figure"]
        words += [finding(block) for block in slide.figures if block.text]
        body = fence("\n\n".join([*figures, fence("\n\n".join(words), ".words")]), ".body .beside")
    else:
        parts = [
            part for block, text in zip(slide.blocks, drawn, strict=True) for part in (text, finding(block)) if part
        ]
        body = fence("\n\n".join(parts), ".body" if slide.figures else ".body .plain")
    if slide.cover:
        body += "\n\n" + fence(image(slide.cover, folder), ".cover")
    if "exercise" in looks_of(slide) and slide.minutes:
        body += "\n\n" + fence(f"**{slide.minutes}:00** [T]{{.key}}", f".clock data-seconds={60 * slide.minutes}")
    said = origin(deck) if slide.layout == "title" else deck.title
    foot = fence(f"[{escaped(said)}]{{.said}} [{number} / {len(deck.slides)}]{{.number}}", ".foot")
    notes = fence(notes_of(slide), ".notes") if notes_of(slide) else ""
    return "\n\n".join(filter(None, [heading, body, foot, notes]))


def unbroken(title: str) -> str:
    """A title whose names stay whole at the end of a line: U-Net, stride 8, lecture 05."""
    title = title.replace("U-Net", "U-\N{WORD JOINER}Net")
    return re.sub(r"(?<=[a-z]) (?=\d+\b)", "\N{NO-BREAK SPACE}", title)


def looks_of(slide: Slide) -> list[str]:
    """What a slide looks like, as classes of its section: its layout, and for one of words what it does with the room."""
    if slide.layout == "title" or slide.figures:
        return [slide.layout]
    if slide.title.startswith(EXERCISE):
        return [slide.layout, "spoken", "exercise"]
    first = [block.text for block in slide.blocks if block.kind == "text" and not block.step]
    asks = any(text.rstrip(" *_").endswith("?") for text in (slide.title, *first))
    return [slide.layout, "spoken", "asks"] if asks else [slide.layout, "spoken"]


def finding(block: Block) -> str:
    """The line under a figure that says what it shows; "" where there is none."""
    return fence(escaped(block.text), ".finding") if block.kind == "figure" and block.text else ""


def click_numbers(slide: Slide) -> list[int]:
    """For each block the click with which it appears, when each further frame of a figure takes one as well."""
    numbers, further = [], 0
    for block in slide.blocks:
        numbers.append(block.step + further)
        further += max(0, len(block.frames) - 1)
    return numbers


def html_block(block: Block, click: int, folder: Path) -> str:
    """One block inside its div; what waits for a click says for which."""
    step = f" .fragment data-fragment-index={click}" if block.step else ""
    if block.kind == "text":
        return fence(block.text, f".text{step}")
    if block.kind in ("code", "output"):
        return fence(verbatim(block.text, ".python" if block.kind == "code" else ".output"), f".{block.kind}{step}")
    if block.moving:
        return fence(f"~~~~~~ {{=html}}\n{moving_html(block.moving)}\n~~~~~~", f".figure .moving{step}")
    first, *later = block.frames
    pictures = [image(first, folder)]
    for number, frame in enumerate(later, start=click + 1):
        pictures.append(image(frame, folder, f".fragment data-fragment-index={number}"))
    return fence("\n\n".join(pictures), f".figure{step}")


# --- PowerPoint

STEP = "\u2021 click "  # begins a paragraph before what waits for that click; taken out when it has been read


def powerpoint_markdown(deck: Deck) -> str:
    """A deck as Markdown for pandoc's PowerPoint writer: titles, text and notes; pictures are placed afterwards."""
    return "\n\n".join(map(powerpoint_slide, deck.slides)) + "\n"


def powerpoint_slide(slide: Slide) -> str:
    """One slide: title, text and notes."""
    words, tables, before = [], [], 0
    for block in slide.blocks:
        if block.kind == "figure":
            text = f"**{escaped(block.text)}**" if block.text else ""
        elif block.kind == "text":
            text, more = without_tables(block.text)
            tables += more
        else:
            text = verbatim(block.text, ".python" if block.kind == "code" else ".output")
        if text:
            words += [f"{STEP}{block.step}", text] if block.step > before else [text]
            before = block.step
    notes = fence(notes_of(slide), ".notes") if notes_of(slide) else ""
    return "\n\n".join(filter(None, [f"## {slide.title}", *words, *tables, notes]))


def without_tables(markdown: str) -> tuple[str, list[str]]:
    """Text, and the tables that stood in it: pandoc begins a new page for text that follows a table."""
    parts = markdown.split("\n\n")
    tables = [part for part in parts if part.lstrip().startswith("|")]
    return "\n\n".join(part for part in parts if part not in tables), tables


READER = "markdown-implicit_figures-yaml_metadata_block-citations-auto_identifiers"


def pandoc(markdown: str, to: str, target: Path, folder: Path, options: list[str]) -> None:
    """Turn Markdown into a file.

    Args:
        markdown: what to turn.
        to: pandoc's name of the format.
        target: the file.
        folder: where its pictures lie.
        options: more of pandoc's options.

    Raises:
        RuntimeError: with pandoc's own words, where it fails or warns: a deck with a hole in it is no deck.
    """
    import pypandoc

    command = [
        pypandoc.get_pandoc_path(),
        "--from",
        READER,
        "--to",
        to,
        "--slide-level",
        "2",
        "--standalone",
        "--wrap",
        "none",
    ]
    command += ["--resource-path", str(folder), "--fail-if-warnings", "--output", str(target.resolve()), *options]
    done = subprocess.run(command, input=markdown, capture_output=True, text=True, encoding="utf-8", cwd=folder)
    if done.returncode:
        raise RuntimeError(f"pandoc could not write {target.name}: {done.stderr.strip()}")
