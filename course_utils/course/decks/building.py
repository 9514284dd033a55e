"""Which decks there are (`slides/decks.toml`), and building them in each format into `build/slides/`."""

import os
import tomllib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from course_utils.course.decks.html import write_html
from course_utils.course.decks.lint import deck_problems, html_problems, powerpoint_problems, where
from course_utils.course.decks.pdf import browser, chromium, write_handout, write_pdf
from course_utils.course.decks.powerpoint import write_powerpoint
from course_utils.course.decks.slides import Deck, Slide, read_slides
from course_utils.course.lectures import ROOT, find_lectures
from course_utils.course.notebooks import read_notebook, read_script
from course_utils.course.results import collect, recorded

SCRIPT = ROOT / "slides" / "overview.py"
LIMIT = 120  # seconds that one of its cells may take


def overview_slides(notebooks: Path) -> list[Slide]:
    """Execute the overview's script and read its slides.

    Args:
        notebooks: the folder of executed notebooks whose results it shows.

    Raises:
        ValueError: where a cell fails; with its error.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = read_script(SCRIPT)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell["source"] = f"NOTEBOOKS = {str(Path(notebooks).resolve())!r}"
    where = {"metadata": {"path": str(ROOT)}}
    quiet = ["--log-level=ERROR"]
    client = NotebookClient(notebook, timeout=LIMIT, kernel_name="python3", resources=where, extra_arguments=quiet)
    try:
        client.execute()
    except CellExecutionError as error:
        raise ValueError(f"{SCRIPT.name} failed: {error.ename}: {error.evalue}") from None
    return read_slides(notebook, "overview")


LIST = ROOT / "slides" / "decks.toml"
OVERVIEW = "overview"  # names the slides of slides/overview.py


@dataclass(frozen=True)
class Listed:
    """One entry of the list.

    Attributes:
        name: of the deck's files: a lecture's name, or the entry's in the list.
        lecture: its number, for a deck that is one lecture; "" otherwise.
        slides: names such as "02/heat-maps", for a deck that borrows.
        cover: the slide whose figure its title slide shows; "" for none.
    """

    name: str
    lecture: str = ""
    slides: tuple[str, ...] = ()
    cover: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        """The lectures, and "overview", that its slides come from, in order."""
        return (self.lecture,) if self.lecture else tuple(dict.fromkeys(name.partition("/")[0] for name in self.slides))


def listed(file: Path = LIST) -> list[Listed]:
    """Every deck of the list."""
    entries = tomllib.loads(file.read_text(encoding="utf-8"))
    covers = entries.get("covers", {})
    alone = [
        Listed(find_lectures([number])[0].name, number, cover=covers.get(number, ""))
        for number in lecture_numbers(file)
    ]
    return alone + [
        Listed(name, slides=tuple(entry["slides"]), cover=covers.get(name, ""))
        for name, entry in entries["decks"].items()
    ]


def lecture_numbers(file: Path = LIST) -> list[str]:
    """The numbers of the lectures that have a deck."""
    return tomllib.loads(file.read_text(encoding="utf-8"))["lectures"]


def find_decks(names: list[str]) -> list[Listed]:
    """The decks of these names or lecture numbers; all of them for an empty list.

    Raises:
        ValueError: for a name that no deck has; lists those there are.
    """
    everything = listed()
    found = []
    for name in names:
        match = [deck for deck in everything if name in (deck.name, deck.lecture, deck.lecture.removeprefix("0"))]
        if not match:
            raise ValueError(f"there is no deck {name!r}; there are {', '.join(deck.name for deck in everything)}")
        found += match
    return found if names else everything


class Sources:
    """Slides and runs of lectures, read once however many decks ask for them.

    Args:
        notebooks: the folder of executed notebooks.
    """

    def __init__(self, notebooks: Path):
        self.notebooks = Path(notebooks)
        self.read: dict[str, tuple[list[Slide], dict]] = {}

    def file(self, number: str) -> Path:
        """Where a lecture's notebook lies, whether or not it is there."""
        return self.notebooks / find_lectures([number])[0].notebook.name

    def __getitem__(self, number: str) -> tuple[list[Slide], dict]:
        """The slides of a lecture, or of "overview", and the run that they come from.

        Raises:
            ValueError: where the notebook is missing.
        """
        if number not in self.read:
            if number == OVERVIEW:
                self.read[number] = overview_slides(self.notebooks), {}
            else:
                file = self.file(number)
                self.read[number] = read_slides(read_notebook(file), number), recorded(file)["run"]
                if not self.read[number][0]:
                    raise ValueError(
                        f"{file} has no slides: no cell has the slide type 'slide'. In JupyterLab, choose it at the right under "
                        "Property Inspector, for the first cell of each slide"
                    )
        return self.read[number]


def make_deck(entry: Listed, sources: Sources) -> Deck:
    """A deck of the list.

    Raises:
        ValueError: where it asks for a slide that no notebook has; says which names there are.
    """
    if entry.lecture:
        slides, run = sources[entry.lecture]
        return Deck(entry.name, slides[0].title, covered(entry, slides, sources), {entry.lecture: run})
    named = {slide.name: slide for source in entry.sources for slide in sources[source][0] if slide.name}
    missing = [name for name in entry.slides if name not in named]
    if missing:
        near = [name for name in named if name.partition("/")[0] in {name.partition("/")[0] for name in missing}]
        raise ValueError(
            f"{entry.name} asks for {', '.join(missing)}, which no slide is named; there are {', '.join(near) or 'none'}"
        )
    chosen = [
        replace(named[name], layout="title" if place == 0 else "content") for place, name in enumerate(entry.slides)
    ]
    runs = {source: sources[source][1] for source in entry.sources}
    if OVERVIEW in runs:  # its own slides show results of all lectures
        runs |= {name[:2]: kept["run"] for name, kept in collect(sources.notebooks).items()}
    return Deck(entry.name, chosen[0].title, covered(entry, chosen, sources), runs)


def covered(entry: Listed, slides: Sequence[Slide], sources: Sources) -> tuple[Slide, ...]:
    """The slides with the deck's picture on the first of them.

    A notebook of somebody's own has no slide of that name, and a title without a picture; so has a deck whose picture
    is another lecture's where that one was not run.
    """
    pictures = {slide.name: slide.figures[-1].frames[-1] for slide in slides if slide.figures}
    lender = entry.cover.partition("/")[0]
    if entry.cover not in pictures and lender not in ("", entry.lecture) and sources.file(lender).exists():
        borrowed = sources[lender][0]
        pictures |= {slide.name: slide.figures[-1].frames[-1] for slide in borrowed if slide.figures}
    return replace(slides[0], cover=pictures.get(entry.cover)), *slides[1:]


FORMATS = ("html", "pptx", "pdf")
WRITERS = {"html": write_html, "pptx": write_powerpoint}


def build_decks(
    entries: Sequence[Listed],
    sources: Sources,
    out: Path,
    formats: Sequence[str] = FORMATS,
    look: str = "light",
    wrote: Callable[[Path], None] = lambda file: None,
) -> list[Path]:
    """Write decks.

    Args:
        entries: of the list.
        sources: where their slides come from.
        out: folder for the files.
        formats: of "html", "pptx" and "pdf"; a PDF is printed from the HTML, and comes with a second one with notes.
        look: "light" or "dark".
        wrote: called with each file as it is there.

    Returns:
        the files

    Raises:
        ValueError: where a notebook, or a slide that a deck asks for, is missing.
        RuntimeError: where pandoc fails, or there is no browser for the PDF.
    """
    out.mkdir(parents=True, exist_ok=True)
    files = []

    def write(entry: Listed) -> list[Path]:
        deck = make_deck(entry, sources)
        endings = [ending for ending in WRITERS if ending in formats or (ending == "html" and "pdf" in formats)]
        for ending in endings:
            WRITERS[ending](deck, out / f"{entry.name}.{ending}", look)
        return [out / f"{entry.name}.{ending}" for ending in endings]

    def keep(file: Path) -> None:
        files.append(file)
        wrote(file)

    # the overview is executed, so its decks are begun first, and all others are written and printed meanwhile
    slow_first = sorted(entries, key=lambda entry: OVERVIEW not in entry.sources)
    with ThreadPoolExecutor(os.cpu_count()) as pool, browser() if "pdf" in formats else nullcontext() as printer:
        for written in as_completed([pool.submit(write, entry) for entry in slow_first]):
            for file in written.result():
                keep(file)
                if printer and file.suffix == ".html":
                    for ending, print_pages in ((".pdf", write_pdf), ("_notes.pdf", write_handout)):
                        print_pages(file, out / f"{file.stem}{ending}", printer)
                        keep(out / f"{file.stem}{ending}")
    return sorted(files)


def left_out(entries: Sequence[Listed], sources: Sources) -> list[str]:
    """What the notebooks show and the decks could not take over, as sentences."""
    decks = [make_deck(entry, sources) for entry in entries]
    return [
        f"{where(deck, number)}: {words}"
        for deck in decks
        for number, slide in enumerate(deck.slides, start=1)
        for words in slide.left_out
    ]


def decks_after_run(out: Path, names: Sequence[str]) -> list[Path]:
    """Write the decks whose notebooks have all been run, beside those notebooks; PDF too where there is a browser.

    Args:
        out: the build folder, with `notebooks/` in it.
        names: lectures that ran through, such as "02_convolutionalization".

    Returns:
        the files
    """
    numbers = {name[:2] for name in names}
    entries = [entry for entry in listed() if needed(entry) <= numbers]
    formats = FORMATS if chromium() else FORMATS[:2]
    return build_decks(entries, Sources(out / "notebooks"), out / "slides", formats) if entries else []


def needed(entry: Listed) -> set[str]:
    """The lectures whose notebooks a deck needs; the overview's own slides show results of all."""
    return set(lecture_numbers()) if OVERVIEW in entry.sources else set(entry.sources)


def check_decks(entries: Sequence[Listed], sources: Sources, out: Path) -> list[str]:
    """What is wrong with decks that were written, in whichever formats are there, as sentences.

    Args:
        entries, sources, out: as for `build_decks`.
    """
    found = []
    with browser() as screen:
        for entry in entries:
            deck = make_deck(entry, sources)
            found += deck_problems(deck, lecture=bool(entry.lecture))
            html, powerpoint = (out / f"{entry.name}.{ending}" for ending in ("html", "pptx"))
            if html.exists():
                found += html_problems(html, screen)
            if powerpoint.exists():
                found += powerpoint_problems(powerpoint, deck)
    return found
