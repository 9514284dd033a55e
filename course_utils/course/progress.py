"""How far a student is: for `course progress`, and drawn on the map of the start page (lecture 00)."""

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

from course_utils.course.lectures import Lecture, lectures
from course_utils.course.workspace import new_versions
from course_utils.exercises.progress import find_workspace, read_progress
from course_utils.figures.style import COLOURS


def exercises_in(lecture: Lecture) -> list[str]:
    """The names of a lecture's exercises in the order in which they come, from the labels of its cells."""
    labels = re.findall(r'"grade_id": "(\d\d)-(\w+)"', lecture.script.read_text(encoding="utf-8"))
    return [f"{number}.{name}" for number, name in labels]


@dataclass(frozen=True)
class Standing:
    """How far a student is in a lecture: the exercises that are right, of how many, and hints taken."""

    lecture: str
    done: tuple[str, ...]
    open: tuple[str, ...]
    hints: int


def standings(workspace: Path | None) -> list[Standing]:
    """How far a student is in each lecture."""
    records = read_progress(workspace)
    found = []
    for lecture in lectures():
        names = exercises_in(lecture)
        done = tuple(name for name in names if name in records and records[name].right)
        hints = sum(records[name].hints for name in names if name in records)
        found.append(Standing(lecture.name, done, tuple(name for name in names if name not in done), hints))
    return found


def progress_lines(workspace: Path) -> list[str]:
    """How far a student is, a line a lecture: what is done, what comes next, how many hints were taken."""
    if find_workspace(workspace) is None:
        return [f"{workspace} holds no copies of the course yet: `course lab` makes them."]
    found, lines = standings(workspace), []
    for each in found:
        total = len(each.done) + len(each.open)
        line = f"{each.lecture:24}{'#' * len(each.done)}{'.' * len(each.open):<6}".ljust(32)
        line += f"{len(each.done)} of {total} done"
        line += f", next: {each.open[0]}" if each.done and each.open else ""
        line += f" ({each.hints} hint{'s' * (each.hints != 1)})" if each.hints else ""
        lines.append(line)
    done, total = sum(len(each.done) for each in found), sum(len(each.done) + len(each.open) for each in found)
    return [*lines, f"{done} of {total} exercises done"]


@dataclass(frozen=True)
class Stop:
    """A lecture on the map: its place in the grid, its minutes, and the lectures that it stands on."""

    name: str
    title: str
    minutes: int
    row: int
    column: int
    after: tuple[str, ...] = ()


ROWS = (
    ("What is\nasked", "black"),
    ("FCN\n2015", "blue"),
    ("U\u2011Net\n2015", "green"),
    ("Mask R\u2011CNN\n2017", "red"),
)
STOPS = (
    Stop("00_start_here", "Start here", 30, 0, 0),
    Stop("01_what_is_segmentation", "What is segmentation?", 60, 0, 1, ("00",)),
    Stop("02_convolutionalization", "From classifier to heat map", 60, 0, 2, ("01",)),
    Stop("03_upsampling", "Back up to pixels", 50, 0, 3, ("02",)),
    Stop("04_fcn32s", "A first segmentation net", 60, 1, 0, ("03",)),
    Stop("05_fcn_skip_fusion", "Skips: what and where", 60, 1, 1, ("04",)),
    Stop("06_fcn_beyond_voc", "Depth and geometry", 50, 1, 2, ("05",)),
    Stop("07_unet_from_scratch", "U-Net from scratch", 60, 2, 0, ("03",)),
    Stop("08_unet_few_images", "Learning from one image", 60, 2, 1, ("07",)),
    Stop("09_mask_rcnn", "One mask for each thing", 60, 3, 1, ("08",)),
    Stop("10_your_own_data", "Your own data", 60, 3, 2, ("09",)),
)
LEFT, WIDE, HIGH, GAP_X, GAP_Y = 112, 166, 92, 26, 32  # pixels


def corner(stop: Stop) -> tuple[int, int]:
    """The upper left corner of a lecture's box, in pixels."""
    return LEFT + stop.column * (WIDE + GAP_X), stop.row * (HIGH + GAP_Y)


def arrow(start: Stop, end: Stop) -> str:
    """An arrow from one box to another: straight along a row, with a bend between rows."""
    (x0, y0), (x1, y1) = corner(start), corner(end)
    if start.row == end.row:
        path = f"M{x0 + WIDE} {y0 + HIGH / 2}H{x1 - 7}"
    else:
        bend = y1 - GAP_Y / 2
        path = f"M{x0 + WIDE / 2} {y0 + HIGH}V{bend}H{x1 + WIDE / 2}V{y1 - 7}"
    return f"<path d='{path}' fill='none' stroke='#777' stroke-width='2' marker-end='url(#course-arrow)'/>"


def squares(done: int, exercises: int) -> str:
    """A square for each exercise of a lecture, filled for those that are done; said in words, too."""
    if not exercises:
        return ""
    said = f"{done} of {exercises} exercises done"
    marks = "<i class='did'></i>" * done + "<i></i>" * (exercises - done)
    return f"<span class='squares' role='img' aria-label='{said}' title='{said}'>{marks} {done}/{exercises}</span>"


def box(stop: Stop, there: bool, done: tuple[int, int] = (0, 0)) -> str:
    """A lecture's box: a link where its notebook is there, otherwise grey and marked as to come."""
    x, y = corner(stop)
    colour = COLOURS[ROWS[stop.row][1]]
    number = stop.name[:2]
    minutes = f"{stop.minutes} min" if there else "to come"
    inside = f"<b>{number}</b> {escape(stop.title)}<small>{minutes}{squares(*done)}</small>"
    place = f"left:{x}px;top:{y}px;border-color:{colour}"
    if there:
        return f"<div class='stop' style='{place}'><a href='{stop.name}.ipynb'>{inside}</a></div>"
    return f"<div class='stop later' style='{place}'>{inside}</div>"


def course_map(
    there: set[str], done: dict[str, tuple[int, int]] | None = None, newer: list[tuple[str, str]] | None = None
) -> str:
    """The map as HTML: boxes with links over a drawing of arrows, no script.

    Args:
        there: names of the lectures whose notebooks exist, such as `{"00_start_here"}`.
        done: for each lecture's name, how many of its exercises are right, and how many there are.
        newer: notebooks that the student worked in, each with the file of the new version that lies beside it.
    """
    by_number = {stop.name[:2]: stop for stop in STOPS}
    wide, high = LEFT + 4 * (WIDE + GAP_X) - GAP_X, 4 * (HIGH + GAP_Y) - GAP_Y
    arrows = "".join(arrow(by_number[number], stop) for stop in STOPS for number in stop.after)
    labels = "".join(
        f"<div class='row' style='top:{row * (HIGH + GAP_Y)}px;color:{COLOURS[colour]}'>{escape(label)}</div>"
        for row, (label, colour) in enumerate(ROWS)
    )
    boxes = "".join(box(stop, stop.name in there, (done or {}).get(stop.name, (0, 0))) for stop in STOPS)
    news = "".join(
        f"<li>You worked in {escape(mine)}, and it stays as it is. The new version lies beside it: "
        f"<a href='{escape(new)}'>{escape(new)}</a></li>"
        for mine, new in newer or []
    )
    news = f"<ul class='course-news'>{news}</ul>" if news else ""
    return f"""{STYLE}<div class='course-map' role='group' aria-label='Map of the course'
style='width:{wide}px;height:{high}px'>
<svg width='{wide}' height='{high}' aria-hidden='true'><defs>
<marker id='course-arrow' viewBox='0 0 8 8' refX='4' refY='4' markerWidth='5' markerHeight='5' orient='auto'>
<path d='M0 0L8 4L0 8z' fill='#777'/></marker></defs>{arrows}</svg>{labels}{boxes}</div>{news}"""


STYLE = f"""<style>
.course-map {{position: relative; font: 15px/1.25 system-ui, sans-serif; max-width: none}}
.course-map svg {{position: absolute; left: 0; top: 0}}
.course-map .stop {{position: absolute; box-sizing: border-box; width: {WIDE}px; height: {HIGH}px; padding: 8px 10px;
 border: 2px solid; border-left-width: 8px; border-radius: 8px; background: #fff; color: #111}}
.course-map .stop:has(a):hover, .course-map .stop:focus-within {{background: #eef6fb; outline: 3px solid #56B4E9}}
.course-map .stop a, .course-map .stop a:visited {{color: #111; text-decoration: none}}
.course-map .stop a::after {{content: ""; position: absolute; inset: 0}}
.course-map .later {{background: #f4f4f4; color: #595959; border-style: dashed; border-left-style: solid}}
.course-map small {{position: absolute; left: 10px; right: 10px; bottom: 7px; color: #595959; font-size: 13px;
 display: flex; justify-content: space-between; white-space: nowrap}}
.course-map .squares i {{display: inline-block; width: 5px; height: 9px; margin-right: 2px; border: 1.5px solid #595959}}
.course-map .squares i.did {{background: {COLOURS["green"]}; border-color: {COLOURS["green"]}}}
.course-news {{font: 15px/1.4 system-ui, sans-serif; max-width: 46em; margin-top: 1em}}
.course-map .row {{position: absolute; left: 0; width: {LEFT - 8}px; height: {HIGH}px; display: flex;
 align-items: center; font-weight: 700; white-space: pre; filter: brightness(.8)}}
</style>"""


def start_page() -> None:
    """Show the map; in a workspace with the student's progress, and with the new versions that lie beside own work."""
    from IPython.display import HTML, display

    workspace = find_workspace()
    there = {lecture.name for lecture in lectures()}
    if workspace is None:
        display(HTML(course_map(there)))
        return
    done = {
        standing.lecture: (len(standing.done), len(standing.done) + len(standing.open))
        for standing in standings(workspace)
    }
    display(HTML(course_map(there, done, new_versions(workspace))))
