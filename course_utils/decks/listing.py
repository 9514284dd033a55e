"""Which decks there are, from `slides/decks.toml`: one a lecture, and decks that borrow slides from several."""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from course_utils.decks.model import Deck, Slide
from course_utils.decks.reading import read_slides
from course_utils.lectures import ROOT, find_lectures
from course_utils.notebooks import read_notebook
from course_utils.results import collect, recorded

LIST = ROOT / "slides" / "decks.toml"
OVERVIEW = "overview"  # names the slides of slides/overview.py


@dataclass(frozen=True)
class Listed:
    """One entry of the list.

    Attributes:
        name: of the deck's files: a lecture's name, or the entry's in the list.
        lecture: its number, for a deck that is one lecture; "" otherwise.
        slides: names such as "02/heat-maps", for a deck that borrows.
    """

    name: str
    lecture: str = ""
    slides: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The lectures, and "overview", that its slides come from, in order."""
        return (self.lecture,) if self.lecture else tuple(dict.fromkeys(name.partition("/")[0] for name in self.slides))


def listed(file: Path = LIST) -> list[Listed]:
    """Every deck of the list."""
    alone = [Listed(find_lectures([number])[0].name, number) for number in lecture_numbers(file)]
    entries = tomllib.loads(file.read_text(encoding="utf-8"))
    return alone + [Listed(name, slides=tuple(entry["slides"])) for name, entry in entries["decks"].items()]


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

    def __getitem__(self, number: str) -> tuple[list[Slide], dict]:
        """The slides of a lecture, or of "overview", and the run that they come from.

        Raises:
            ValueError: where the notebook is missing.
        """
        if number not in self.read:
            if number == OVERVIEW:
                from course_utils.decks.overview import overview_slides

                self.read[number] = overview_slides(self.notebooks), {}
            else:
                file = self.notebooks / find_lectures([number])[0].notebook.name
                self.read[number] = read_slides(read_notebook(file), number), recorded(file)["run"]
        return self.read[number]


def make_deck(entry: Listed, sources: Sources) -> Deck:
    """A deck of the list.

    Raises:
        ValueError: where it asks for a slide that no notebook has; says which names there are.
    """
    if entry.lecture:
        slides, run = sources[entry.lecture]
        return Deck(entry.name, slides[0].title, tuple(slides), {entry.lecture: run})
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
    return Deck(entry.name, chosen[0].title, tuple(chosen), runs)
