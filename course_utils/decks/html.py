"""A deck as one HTML file: reveal.js, fonts, pictures and equations inside, nothing fetched."""

import importlib.util
import shutil
import tempfile
from pathlib import Path

from course_utils.decks.markdown import html_markdown
from course_utils.decks.model import Deck
from course_utils.decks.pandoc import pandoc
from course_utils.lectures import ROOT

THEME = ROOT / "slides" / "theme"
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
        shutil.copy(THEME / "course.css", folder)
        for font in FONTS:
            shutil.copy(revealjs() / "dist" / "theme" / "fonts" / "source-sans-pro" / font, folder)
        options = ["--embed-resources", "--mathml", "--template", str(THEME / "reveal.html")]
        options += ["-V", f"revealjs-url={revealjs()}", "-V", f"theme-url={folder}", "-V", f"look={look}"]
        options += ["--metadata", f"pagetitle={deck.title}"]
        pandoc(html_markdown(deck, folder), "revealjs", target, folder, options)
