"""The minutes in the instructor's guide, written from the notes for the lecturer, so that both say the same."""

import re
from pathlib import Path

from course_utils.atomic import write_text
from course_utils.lectures import ROOT, Lecture, lectures
from course_utils.notebooks import NOTES, read_script

GUIDE = ROOT / "docs" / "teaching.md"
MINUTES = re.compile(re.escape(NOTES) + r", (\d+) minutes?\b(?P<exercise> with the exercises?)?")
TABLE = re.compile(
    r"(?P<begin><!-- minutes of lecture (?P<number>\d\d) -->\n).*?(?P<end><!-- end of minutes -->)", re.DOTALL
)


def minutes_table(lecture: Lecture) -> str:
    """A lecture's slides in Markdown: from which minute, for how long, what they ask.

    Raises:
        ValueError: where notes do not say how many minutes they take.
    """
    slides: list[list] = []
    heading = lecture.name
    for number, cell in enumerate(read_script(lecture.script).cells, start=1):
        if cell.cell_type != "markdown":
            continue
        if not cell.source.startswith(NOTES):
            title = re.search(r"^#+ (.+)$", cell.source, re.MULTILINE)
            heading = title[1] if title else heading
            continue
        found = MINUTES.match(cell.source)
        if not found:
            raise ValueError(f"{lecture.script.name}, cell {number}: notes begin '{NOTES}, 3 minutes.*', with a number")
        if not slides or slides[-1][0] != heading:
            slides.append([heading, 0, False])
        slides[-1][1] += int(found[1])
        slides[-1][2] |= bool(found["exercise"])
    rows, at = [], 0
    for heading, minutes, exercise in slides:
        rows.append(f"| {at} | {minutes} | {heading}{' (with the exercise)' if exercise else ''} |")
        at += minutes
    return "\n".join(["| from minute | minutes | slide |", "|---:|---:|---|", *rows, f"| {at} | | *end* |"]) + "\n"


def with_minutes(guide: str) -> str:
    """The guide with every table of minutes as the notes have it now."""
    known = {lecture.number: lecture for lecture in lectures()}
    return TABLE.sub(lambda match: match["begin"] + minutes_table(known[match["number"]]) + match["end"], guide)


def update_guide(guide: Path = GUIDE) -> bool:
    """Bring the guide's minutes up to date; whether anything changed."""
    before = guide.read_text(encoding="utf-8")
    after = with_minutes(before)
    if after != before:
        write_text(guide, after)
    return after != before
