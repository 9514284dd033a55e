"""The course's lectures: which there are, and where their files lie."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
SCRIPTS = NOTEBOOKS / "scripts"


@dataclass(frozen=True)
class Lecture:
    """A lecture: its number ("02"), its name ("02_convolutionalization") and its two files."""

    name: str
    notebook: Path
    script: Path

    @property
    def number(self) -> str:
        return self.name[:2]


def lectures(scripts: Path = SCRIPTS) -> list[Lecture]:
    """Every lecture that has a script, in order."""
    return [
        Lecture(script.stem, scripts.parent / f"{script.stem}.ipynb", script) for script in sorted(scripts.glob("*.py"))
    ]


def find_lectures(names: list[str]) -> list[Lecture]:
    """The lectures of these numbers or names; all of them for an empty list.

    Raises:
        ValueError: for a name that no lecture has; lists those there are.
    """
    everything = lectures()
    if not everything:
        raise ValueError(
            f"there are no lectures in {SCRIPTS}: install the course from its own folder, `pip install -e .`"
        )
    if not names:
        return everything
    found = []
    for name in names:
        match = [lecture for lecture in everything if name in (lecture.number, str(int(lecture.number)), lecture.name)]
        if not match:
            raise ValueError(
                f"there is no lecture {name!r}; there are {', '.join(lecture.name for lecture in everything)}"
            )
        found += match
    return found
