"""What the book says, as sources for Sphinx: the lectures as either edition shows them, the front page, what was measured."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from statistics import mean

import nbformat
from nbformat import NotebookNode
from PIL import Image

from course_utils.course.decks.slides import PICTURE
from course_utils.course.lectures import ROOT
from course_utils.course.moving import with_moving
from course_utils.course.notebooks import MINUTES, NOTES
from course_utils.course.workspace import SOLUTION
from course_utils.data.files import write_bytes, write_text

LONG = 12  # lines of code from which a cell is folded
OURS = "application/vnd.segmentation-course."  # begins the kinds of outputs that no front end draws
PICTURES = {"image/png": "png", "image/jpeg": "jpg"}
LINK = re.compile(r"\[([^]]+)\]\((\d\d_\w+)\.ipynb\)")
HREF = re.compile(r"""href=["']?(\d\d_\w+)\.ipynb["']?""")
CARD = 480  # pixels, the width of a lecture's picture on the front page


@dataclass(frozen=True)
class Page:
    """A lecture in the book.

    Attributes:
        name: of its notebook, without the ending.
        title: its first heading.
        question: what it begins with, below the heading.
        minutes: what its notes for the lecturer add up to.
        kept: what its run measured, as `course_utils.course.results.recorded` gives it.
        card: the picture that it begins with, or its first figure, as it lies in the book, or "".
        alt: what that figure shows.
    """

    name: str
    title: str
    question: str
    minutes: int
    kept: dict
    card: str = ""
    alt: str = ""


def lecture_page(
    name: str,
    whole: NotebookNode,
    handed_out: NotebookNode,
    kept: dict,
    there: set[str],
    source: Path,
    book: Path,
    links: Mapping[str, str],
) -> Page:
    """Write a lecture as Sphinx reads it, and its figures into the book.

    Args:
        name: of its notebook, without the ending.
        whole: the executed notebook.
        handed_out: what the edition's readers have of it: `whole` itself, or the student's copy.
        kept: what its run measured, as `course_utils.course.results.recorded` gives it.
        there: the names of the lectures in this book.
        source: the folder of Sphinx's sources.
        book: the folder of the book.
        links: what to open beside it: word -> address from the book's front page.
    """
    shown, pictures = as_page(whole, handed_out, there), []
    opening = PICTURE.sub("", shown.cells[0].source) if shown.cells and shown.cells[0].cell_type == "markdown" else ""
    for cell in shown.cells:
        if cell.cell_type == "code":
            pictures += put_figures(cell, book)
            fold(cell)
        else:
            pictures += put_attachments(cell, book)
    heading = re.match(r"# (.+)\n*", opening)
    title = heading[1] if heading else name
    question = opening[heading.end() :].strip() if heading else ""
    if not heading:
        shown.cells.insert(0, nbformat.v4.new_markdown_cell(f"# {title}"))
    shown.cells.insert(1, nbformat.v4.new_markdown_cell(beside({word: f"../{to}" for word, to in links.items()})))
    write_text(source / "lectures" / f"{name}.ipynb", nbformat.writes(shown))
    minutes = sum(int(found[1]) for cell in whole.cells if (found := MINUTES.match(cell.source)))
    card, alt = (small(book, pictures[0][0]), pictures[0][1]) if pictures else ("", "")
    return Page(name, title, question, minutes, kept, card, alt)


def beside(links: Mapping[str, str]) -> str:
    """What to open beside a page, as a row of links: word -> address."""
    return "\n".join(
        [
            '<div class="beside-lecture">',
            *(f'<a href="{to}">{escape(word)}</a>' for word, to in links.items()),
            "</div>",
        ]
    )


def as_page(whole: NotebookNode, handed_out: NotebookNode, there: set[str]) -> NotebookNode:
    """A copy of what is handed out, for a page without a kernel: explorers move by themselves, notes become asides.

    A link to another lecture leads to its page, and nowhere if `there` does not name it.
    """
    notebook = with_moving(handed_out)
    had_outputs = {cell["id"] for cell in whole.cells if cell.get("outputs")}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell["source"] = LINK.sub(lambda to: to[0] if to[2] in there else to[1], cell.source)
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                html = output.data["text/html"]
                output.data["text/html"] = HREF.sub(lambda to: f'href="{to[1]}.html"' if to[1] in there else "", html)
        if cell.cell_type == "markdown" and cell.source.startswith(NOTES):
            cell["source"] = aside(cell.source)
        elif (
            cell.cell_type == "code"
            and cell["id"] in had_outputs
            and not cell.outputs
            and "your turn" not in cell.source
        ):
            cell["outputs"] = [
                html_output('<p class="yours">Run it in the notebook: your own answer fills this place.</p>')
            ]
    return notebook


def aside(notes: str) -> str:
    """A lecturer's notes as an aside with a title of its own."""
    title, _, words = notes.removeprefix("*").partition("*")
    return f"::::::{{admonition}} {title.strip().rstrip('.')}\n:class: for-the-lecturer\n\n{words.strip()}\n::::::"


def put_figures(cell: NotebookNode, book: Path) -> list[tuple[str, str]]:
    """Move a cell's pictures into files of the book, and leave HTML with their alt text in the cell.

    Returns:
        for each picture its file, from the book's front page, and its alt text
    """
    figures, outputs = [], []
    for output in cell.outputs:
        data = output.get("data", {})
        mime = next((mime for mime in PICTURES if mime in data), None)
        if mime:
            alt = output.metadata.get(mime, {}).get("alt", "")
            name, html = put_picture(data[mime], mime, alt, book)
            figures.append((name, alt))
            output = html_output(html)
        elif data:  # less what only the course reads: a recorded result, a run, a figure for slides
            output["data"] = {kind: form for kind, form in data.items() if not kind.startswith(OURS)}
            if not output["data"]:
                continue
        outputs.append(output)
    cell["outputs"] = outputs
    return figures


def put_attachments(cell: NotebookNode, book: Path) -> list[tuple[str, str]]:
    """The same for the pictures that lie in a cell of text."""
    figures = []

    def shown(picture: re.Match) -> str:
        data = attached.get(picture[1].removeprefix("attachment:"), {})
        mime = next((mime for mime in PICTURES if mime in data), None)
        if not mime:
            return picture[0]
        alt = picture[0][2:].partition("](")[0]
        name, html = put_picture(data[mime], mime, alt, book)
        figures.append((name, alt))
        return html

    attached = cell.pop("attachments", {})
    cell["source"] = PICTURE.sub(shown, cell.source)
    return figures


def put_picture(packed: str, mime: str, alt: str, book: Path) -> tuple[str, str]:
    """Write a picture, base64, into the book; returns its file, from the book's front page, and what shows it."""
    content = base64.b64decode(packed)
    name = f"figures/{hashlib.sha256(content).hexdigest()[:16]}.{PICTURES[mime]}"
    if not (book / name).exists():
        write_bytes(book / name, content)
    width, height = Image.open(io.BytesIO(content)).size
    return name, (
        f'<img class="figure" src="../{name}" alt="{escape(alt)}" width="{width}" height="{height}" loading="lazy">'
    )


def html_output(html: str) -> NotebookNode:
    """An output that is a piece of a page."""
    return nbformat.v4.new_output("display_data", data={"text/html": html})


def fold(cell: NotebookNode) -> None:
    """Fold a code cell that is set up, long, or a solution; what is on the fold says what is below."""
    tags = cell.metadata.setdefault("tags", [])
    solution, lines = SOLUTION.search(cell.source), len(cell.source.splitlines())
    set_up = "parameters" in tags or cell.metadata.get("jupyter", {}).get("source_hidden")
    if not (solution or set_up or (lines > LONG and "show-code" not in tags and "solution" not in tags)):
        return
    says = "The solution" if solution else "Set-up" if set_up else f"{summary(cell.source)} ({lines} lines)"
    tags.append("hide-input")
    if set_up:
        tags.append("set-up")
    cell.metadata["mystnb"] = {"code_prompt_show": says, "code_prompt_hide": says}


def summary(source: str) -> str:
    """What a cell of code is about, in its own words: its first docstring or comment, else what it defines, or \"Code\"."""
    docstring = re.search(r'"""(.+?)(?:"""|$)', source, re.MULTILINE)
    comment = re.match(r"#\s*(.+)", source)
    defined = re.search(r"^(?:def|class) (\w+)", source, re.MULTILINE)
    words = docstring or comment or defined
    return words[1].strip().rstrip(".:") if words else "Code"


def small(book: Path, name: str) -> str:
    """A figure once more, small and light, for the front page; returns its file."""
    card = f"figures/{Path(name).stem}_card.webp"
    with Image.open(book / name) as picture:
        picture = picture.convert("RGB")
        picture.thumbnail((CARD, CARD))
        content = io.BytesIO()
        picture.save(content, "WEBP", quality=82)
    write_bytes(book / card, content.getvalue())
    return card


# --- the front page

HEADLINES = {
    "02.dense_speedup": "Asking everywhere at once, against one window after another: times as fast",
    "05.mean_iu_32s": "FCN-32s on stickers: mean IU, per cent",
    "05.mean_iu_16s": "FCN-16s",
    "05.mean_iu_8s": "FCN-8s",
    "06.late_minus_rgb_as_long": "Depth fused late, against colour alone for as long: points of mean IU",
    "07.foreground_iu": "A U-Net's nuclei, after a minute of training: IU of the foreground",
    "08.ap50_neither": "Nuclei apart, learned from one image as it is: matched share at IU 0.5",
    "08.ap50_both": "The same with bent pictures and border weights",
    "09.mask_iu_roipool_16": "Masks through RoIPool, stride 16: IU",
    "09.mask_iu_roialign_16": "Masks through RoIAlign",
}


def front_page(pages: Sequence[Page], edition: str, report: dict | None, links: Mapping[str, str]) -> str:
    """The book's first page in Markdown: pictures, lectures, results and what the run measured.

    Args:
        pages: the lectures.
        edition: "student" or "lecturer".
        report: of the run that the notebooks come from, as `course run` writes it; None where they are the repository's.
        links: what to open beside it, the overview's slides, the whole course as PDF: word -> address.
    """
    lines = [
        "# Image segmentation",
        (ROOT / "README.md").read_text(encoding="utf-8").split("\n\n")[2].replace("\n", " "),
    ]
    lines.append('<img class="figure" src="figures/title.png" alt="Scenes composed of stickers, and their masks">')
    lines.append(beside(links))
    lines.append("## The lectures")
    lines.append('<div class="cards">\n' + "\n".join(card(page, edition) for page in pages) + "\n</div>")
    lines.append(measured(pages, report))
    lines += [section("What longer trainings reach"), section("Credits and licences")]
    lines.append(contents([f"{page.name[:2]} {page.title} <lectures/{page.name}>" for page in pages], "Lectures"))
    more = ["results", "library/index"] + (["teaching", "grading"] if edition == "lecturer" else [])
    lines.append(contents(more, "Beside the lectures"))
    return "\n\n".join(lines) + "\n"


def card(page: Page, edition: str) -> str:
    """A lecture on the front page: its picture, its name, the question it asks."""
    picture = f'<img src="{page.card}" alt="{escape(page.alt)}" loading="lazy">' if page.card else ""
    words = escape(re.sub(r"[*`_]", "", " ".join(page.question.split())))
    minutes = f" <small>{page.minutes} minutes</small>" if edition == "lecturer" and page.minutes else ""
    return (
        f'<a class="lecture-card" href="lectures/{page.name}.html">{picture}<strong>{page.name[:2]} {escape(page.title)}</strong>'
        f"<span>{words}{minutes}</span></a>"
    )


def measured(pages: Sequence[Page], report: dict | None) -> str:
    """What the run measured, and how it went, in Markdown."""
    values = {name: value for page in pages for name, value in page.kept["results"].items()}
    runs = dict.fromkeys(
        f"{run['profile']} profile, {run['device_name']}, torch {run['torch']}"
        + (f", {run['date']}" if "date" in run else "")
        for page in pages
        if (run := page.kept["run"])
    )
    lines = [
        "## What this run measured",
        f"Run: {'; '.join(runs) or 'not recorded'}. Where there were several seeds: mean (least to greatest).",
    ]
    rows = [f"| {words} | {spread(values[name])} | {name[:2]} |" for name, words in HEADLINES.items() if name in values]
    lines.append("\n".join(["| | measured | lecture |", "|---|---:|---|", *rows]) if rows else "")
    lines.append("Everything that the lectures recorded stands under [](results.md).")
    if report:
        totals = report["totals"]
        lines.append(
            f"{totals['passed']} of {totals['notebooks']} notebooks passed in {totals['seconds']:.0f} s, profile {report['profile']}, {report['date']}."
        )
        rows = [
            f"| {entry['name'].replace('_', ' ')} | {entry['status']} {escape(entry['error']).replace('|', ' ')} | {entry['seconds']:.0f} s | {entry['peak_mb']} MB |"
            for entry in report["notebooks"]
        ]
        lines.append("\n".join(["| notebook | run | time | memory |", "|---|---|---:|---:|", *rows]))
    return "\n\n".join(filter(None, lines))


def spread(value) -> str:
    """A result as text; several seeds as mean (least to greatest)."""
    if isinstance(value, list) and value and all(isinstance(one, int | float) for one in value):
        return f"{mean(value):.3g} ({min(value):.3g} to {max(value):.3g})"
    return f"{value:.3g}" if isinstance(value, float) else json.dumps(value)


def results_page(pages: Sequence[Page]) -> str:
    """Everything that the lectures recorded, in Markdown."""
    lines = [
        "# What was measured",
        "Each lecture records what it measures while it runs. Lists hold a value for each seed or setting.",
    ]
    for page in pages:
        if not page.kept["results"]:
            continue
        rows = [f"| {name[3:].replace('_', ' ')} | {as_text(value)} |" for name, value in page.kept["results"].items()]
        lines += [f"## {page.name[:2]} {page.title}", "\n".join(["| | value |", "|---|---|", *rows])]
    return "\n\n".join(lines) + "\n"


def as_text(value) -> str:
    """A recorded value in four digits."""
    if isinstance(value, dict):
        return "; ".join(f"{name}: {as_text(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(as_text, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def section(heading: str) -> str:
    """A section of the README, so that it is written once."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {heading}\n.*?(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
    return found[0].strip().replace("See [LICENSE](LICENSE).", "").replace("(docs/", "(") if found else ""


def contents(documents: Sequence[str], caption: str) -> str:
    """A part of the book's table of contents."""
    return f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(documents) + "\n```"
