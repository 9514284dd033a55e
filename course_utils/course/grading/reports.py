"""What grading leaves behind: grades.csv, a page for each student, and one for the class."""

import csv
import io
from collections import Counter
from datetime import date
from html import escape
from pathlib import Path
from urllib.parse import quote

from course_utils.course.grading.tasks import lecture_tasks
from course_utils.data.files import write_text

STYLE = """
body {font: 17px/1.55 system-ui, sans-serif; max-width: 52em; margin: 2em auto; padding: 0 1em; color: #222; background: #fff}
h1 {line-height: 1.2} .total {font-size: 1.25em} a {color: #00558a}
article {border: 1px solid #ccc; border-left: 7px solid #a84300; border-radius: 6px; padding: .2em 1.2em .8em; margin: 1.2em 0}
article.right {border-left-color: #00694d} h3 {display: flex; justify-content: space-between; margin: .7em 0 .2em; gap: 1em}
h3 span:last-child {font-weight: normal; white-space: nowrap} .said {white-space: pre-wrap; overflow-wrap: anywhere}
.task {color: #555; margin: .2em 0} pre {background: #f5f5f5; padding: .8em; overflow-x: auto; font-size: .85em; line-height: 1.4}
summary {cursor: pointer} summary:focus {outline: 3px solid #0072B2}
table {border-collapse: collapse; margin: 1em 0} th, td {text-align: left; padding: .4em .8em; border-bottom: 1px solid #ccc; vertical-align: top}
td.number, th.number {text-align: right; white-space: nowrap} td ul {margin: 0; padding-left: 1.2em} footer {color: #555; border-top: 1px solid #ccc; margin-top: 2em; padding-top: .6em}
.wide {max-width: 76em} .bar {background: #00694d; height: .7em; border-radius: 3px}
@media print {details > pre {display: none}}
"""

VERDICTS = {
    "right": "\u2713 right",
    "wrong": "\u2717 not right",
    "not written": "\u2717 not written",
    "missing": "\u2717 not in the notebook",
    "error": "\u2717 stopped with an error",
    "stopped": "\u2717 was stopped",
    "tampered": "\u2717 changed its check",
}


def write_reports(out: Path, marks: list[dict]) -> tuple[Path, list[str]]:
    """Write the table and the pages; what lay there before is kept beside, with today's date in its name.

    Args:
        out: the table; the pages go to a folder beside it, `grades_feedback/` for `grades.csv`.
        marks: one entry a submission, as `marking.mark` returns them.

    Returns:
        the folder of pages, and what was kept under which name, a line each

    Raises:
        OSError: where they cannot be written.
    """
    pages = out.with_name(f"{out.stem}_feedback")
    kept = [f"kept the earlier {path.name} as {beside.name}" for path in (out, pages) if (beside := set_aside(path))]
    for student, own in by_student(marks).items():
        write_text(pages / "students" / f"{student}.html", student_page(student, own))
    write_text(pages / "index.html", class_page(marks))
    write_text(out, table(marks))
    return pages, kept


def set_aside(path: Path) -> Path | None:
    """Rename what is at a path to a name with today's date that nothing has yet; None where nothing is there."""
    if not path.exists():
        return None
    stem = f"{path.stem}.{date.today().isoformat()}"
    names = [stem] + [f"{stem}-{count}" for count in range(2, 1000)]
    beside = next(place for name in names if not (place := path.with_name(name + path.suffix)).exists())
    path.rename(beside)
    return beside


def by_student(marks: list[dict]) -> dict[str, list[dict]]:
    """Each student's entries, students and lectures in order."""
    found: dict[str, list[dict]] = {}
    for entry in sorted(marks, key=lambda entry: (entry["student"], entry["lecture"])):
        found.setdefault(entry["student"], []).append(entry)
    return found


def tasks_of(marks: list[dict]) -> list:
    """The exercises of all lectures of which something was handed in."""
    numbers = sorted({entry["lecture"] for entry in marks if entry["lecture"]})
    return [task for number in numbers for task in lecture_tasks(number).tasks]


def remarks_on(entries: list[dict]) -> list[str]:
    """What the lecturer should know about a student's submissions."""
    unreadable = [f"{entry['file']}: {entry['unreadable']}" for entry in entries if entry["unreadable"]]
    return [*unreadable, *(remark for entry in entries for remark in entry["remarks"])]


def points_of(entries: list[dict]) -> dict[str, float]:
    """A student's points for each exercise of the lectures that were handed in; what cannot be read earns none."""
    points = {each["name"]: each["points"] for entry in entries for each in entry["exercises"]}
    for entry in entries:
        if entry["unreadable"] and entry["lecture"]:
            points |= {task.name: 0 for task in lecture_tasks(entry["lecture"]).tasks}
    return points


def table(marks: list[dict]) -> str:
    """The marks as CSV: a row for each student, a column for each exercise, the total, what it is out of, remarks.

    A lecture that a student did not hand in leaves its columns empty.
    """
    tasks, text = tasks_of(marks), io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["student", *(task.name for task in tasks), "total", "out_of", "remarks"])
    for student, entries in by_student(marks).items():
        points = points_of(entries)
        row = [points.get(task.name, "") for task in tasks]
        out_of, remarks = sum(task.points for task in tasks), "; ".join(remarks_on(entries))
        rows.writerow([inert(student), *row, sum(points.values()), out_of, inert(remarks)])
    return text.getvalue()


def inert(text: str) -> str:
    """Text of a student's that a spreadsheet takes for text, and not for a formula."""
    line = " ".join(text.split())
    return f"'{line}" if line[:1] in ("=", "+", "-", "@") else line


def document(title: str, body: str, wide: bool = False) -> str:
    """A page of its own: no script, nothing fetched, and a browser that is told to fetch and run nothing."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body{' class=wide' if wide else ''}><h1>{escape(title)}</h1>\n{body}</body></html>\n"
    )


def student_page(student: str, entries: list[dict]) -> str:
    """The feedback for one student: each exercise, its points, and what its check said."""
    parts, total, worth = [], 0, 0
    for entry in entries:
        lecture = lecture_tasks(entry["lecture"]) if entry["lecture"] else None
        parts.append(f"<h2>{escape(f'Lecture {lecture.number}: {lecture.title}' if lecture else entry['file'])}</h2>")
        if entry["unreadable"]:
            worth += sum(task.points for task in lecture.tasks) if lecture else 0
            why = escape(f"{entry['file']} could not be graded: {entry['unreadable']}")
            parts.append(f"<article><p class='said'>{why}</p></article>")
        for each in entry["exercises"]:
            total, worth = total + each["points"], worth + each["worth"]
            parts.append(exercise_box(each))
    head = f"<p class='total'><b>{total} of {worth}</b> points.</p>"
    foot = (
        f"<footer>Graded on {date.today().isoformat()}. Not right yet? The same check runs in your notebook.</footer>"
    )
    return document(f"Feedback for {student}", head + "".join(parts) + foot)


def exercise_box(each: dict) -> str:
    """One exercise on a student's page."""
    from course_utils.exercises.engine import find_exercise

    code = f"<details><summary>Your cell</summary><pre>{escape(each['code'])}</pre></details>" if each["code"] else ""
    return (
        f"<article class='{'right' if each['verdict'] == 'right' else 'not'}'>"
        f"<h3><span>{escape(each['name'])}: {VERDICTS[each['verdict']]}</span>"
        f"<span>{each['points']} of {each['worth']}</span></h3>"
        f"<p class='task'>{escape(find_exercise(each['name']).task)}</p>"
        f"<p class='said'>{escape(each['message'])}</p>{code}</article>\n"
    )


def class_page(marks: list[dict]) -> str:
    """The lecturer's page: how many solved each exercise, what the others were told most often, and every student."""
    rows = []
    for task in tasks_of(marks):
        given = [each for entry in marks for each in entry["exercises"] if each["name"] == task.name]
        right = sum(each["verdict"] == "right" for each in given)
        told = Counter(each["message"] for each in given if each["verdict"] != "right").most_common(3)
        said = "".join(f"<li>{count} times: {escape(message[:300])}</li>" for message, count in told)
        share = right / max(1, len(given))
        rows.append(
            f"<tr><td>{escape(task.name)}<div class='bar' style='width:{100 * share:.0f}%'></div></td>"
            f"<td class='number'>{right} of {len(given)}</td><td><ul>{said}</ul></td></tr>"
        )
    people = []
    for student, entries in by_student(marks).items():
        points = sum(each["points"] for entry in entries for each in entry["exercises"])
        link = f"<a href='students/{quote(student)}.html'>{escape(student)}</a>"
        remarks = escape("; ".join(remarks_on(entries)))
        people.append(f"<tr><td>{link}</td><td class='number'>{points}</td><td>{remarks}</td></tr>")
    body = (
        "<table><tr><th>Exercise</th><th class='number'>Right</th><th>What the others were told most often</th></tr>"
        f"{''.join(rows)}</table>\n<table><tr><th>Student</th><th class='number'>Points</th><th>Remarks</th></tr>"
        f"{''.join(people)}</table>"
    )
    return document(f"The class on {date.today().isoformat()}", body, wide=True)
