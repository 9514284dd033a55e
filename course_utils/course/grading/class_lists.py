"""Marks into the class list that Moodle or Canvas exported: filled, and otherwise left as it is, to be imported again."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from course_utils.course.grading.reports import by_student, points_of
from course_utils.course.grading.tasks import Lecture, lecture_tasks

# columns that say who somebody is; two together are a first and a last name
WHO = {
    "moodle": ("Identifier", "Username", "ID number", "Email address", "Full name", ("First name", "Last name")),
    "canvas": ("ID", "SIS User ID", "SIS Login ID", "Student"),
}
WHENCE = {
    "moodle": "the assignment's grading worksheet (Submissions, Actions, Download grading worksheet) or a grade export as text",
    "canvas": "the gradebook (Grades, Export, Export Entire Gradebook)",
}
# how these platforms name what they let a teacher download: `Ada Lovelace_4711_assignsubmission_file`, `lovelaceada_4711_99_x`
DOWNLOADED = {
    "moodle": re.compile(r"^(?P<name>.+)_(?P<id>\d+)_assignsubmission_"),
    "canvas": re.compile(r"^(?P<name>[^_]+)_(?:LATE_)?(?P<id>\d+)_\d+"),
}


@dataclass
class ClassList:
    """A table that a platform exported.

    Attributes:
        platform: "moodle" or "canvas".
        name: of its file.
        header: the columns' names.
        rows: the cells below; Canvas's first ones are no students.
        delimiter: between cells.
        mark: what its file begins with: a byte order mark, or nothing.
    """

    platform: str
    name: str
    header: list[str]
    rows: list[list[str]]
    delimiter: str
    mark: str

    @property
    def students(self) -> list[int]:
        """The rows that are students, by number."""
        column = self.header.index("Student") if self.platform == "canvas" else 0
        no_student = ("", "Points Possible", "Student, Test")  # Canvas's own rows, and its "Test student"
        return [
            number
            for number, row in enumerate(self.rows)
            if self.platform == "moodle" or row[column].strip() not in no_student
        ]

    def names(self, number: int) -> list[str]:
        """All names of a student, as `alike` makes them: the identifiers first, then what people are called."""
        cells = dict(zip(self.header, self.rows[number], strict=True))
        found = []
        for column in WHO[self.platform]:
            columns = (column,) if isinstance(column, str) else column
            text = " ".join(cells.get(each, "") for each in columns).strip()
            last, _, first = text.partition(",")
            found += [text, text.partition("@")[0], f"{first} {last}"]
        return list(dict.fromkeys(filter(None, map(alike, found))))

    def called(self, number: int) -> str:
        """What a student is called in a message."""
        cells = dict(zip(self.header, self.rows[number], strict=True))
        for columns in (("Student",), ("Full name",), ("First name", "Last name")):
            if set(columns) <= set(cells):
                return " ".join(cells[each] for each in columns)
        return self.rows[number][0]

    def column(self, words: Sequence[str], new: str) -> int:
        """The first column whose name holds one of some words; a new one at the end where none does."""
        for place, name in enumerate(self.header):
            if any(alike(word) in alike(name) for word in words):
                return place
        self.header.append(new)
        for row in self.rows:
            row.append("")
        return len(self.header) - 1

    def text(self) -> str:
        """As a file."""
        written = io.StringIO()
        csv.writer(written, delimiter=self.delimiter, lineterminator="\r\n").writerows([self.header, *self.rows])
        return self.mark + written.getvalue()


def alike(name: str) -> str:
    """A name without what people and platforms write in different ways: capitals, spaces, hyphens, underscores, dots."""
    return " ".join(re.split(r"[\s._-]+", name.casefold())).strip()


def read_class_list(file: Path, platform: str) -> ClassList:
    """A class list as a platform exported it.

    Raises:
        ValueError: where there is no such platform, or the file is no table, or no column says who somebody is.
        OSError: where it cannot be read.
    """
    if platform not in WHO:
        raise ValueError(f"--to {platform}: marks are written for {' or '.join(WHO)}")
    content = file.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not text in UTF-8: export it as CSV, and save it with no other program") from None
    mark = "\ufeff" if content.startswith(b"\xef\xbb\xbf") else ""
    first = text.splitlines()[0] if text.strip() else ""
    delimiter = max(",;\t", key=first.count)
    header, *rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row] or [[]]
    known = [column for column in WHO[platform] if {column} <= set(header) or set(column) <= set(header)]
    if not known or (platform == "canvas" and "Student" not in header):
        raise ValueError(
            f"{file} has the columns {', '.join(header) or 'none'}, and none of them says who is who in {platform.title()}'s "
            f"words: export {WHENCE[platform]} with the platform's language set to English"
        )
    wrong = next((number for number, row in enumerate(rows, start=2) if len(row) != len(header)), None)
    if wrong:
        raise ValueError(
            f"{file}: row {wrong} has {len(rows[wrong - 2])} cells and the header {len(header)}: export it anew"
        )
    return ClassList(platform, file.name, header, rows, delimiter, mark)


def fill(table: ClassList, marks: list[dict]) -> list[str]:
    """Write marks into a class list, and say who is missing where.

    Moodle's grading worksheet has a column "Grade", which takes the total, in shares of its "Maximum Grade". Elsewhere each
    lecture has a column: the one that is called like it, or a new one at the end. Who handed nothing in keeps an empty
    cell, and so does who cannot be told apart: a zero is the lecturer's to give.

    Args:
        table: is filled.
        marks: one entry a submission, as `marking.mark` returns them.

    Returns:
        what the lecturer should know, a line each
    """
    own = by_student(marks)
    places, said = match(table, list(own))
    lectures = [lecture_tasks(number) for number in sorted({entry["lecture"] for entry in marks if entry["lecture"]})]
    columns = () if "Grade" in table.header else lecture_columns(table, lectures)
    changed = 0
    for student, number in places.items():
        points, row = points_of(own[student]), table.rows[number]
        if columns:
            sums = [(place, points_in(points, lecture)) for place, lecture in zip(columns, lectures, strict=True)]
        else:
            sums = [(table.header.index("Grade"), scaled(table, row, points, lectures))]
        for place, total in sums:
            if total is not None:
                changed += row[place].strip() not in ("", "-") and row[place] != total
                row[place] = total
    said.insert(0, f"{len(places)} of {len(table.students)} students in {table.name} have marks")
    if changed:
        said.append(f"another mark stood in {changed} cells of {table.name}: the file that you import has the new ones")
    return said


def match(table: ClassList, students: Sequence[str]) -> tuple[dict[str, int], list[str]]:
    """The row of each student who handed something in, and lines about everybody who has no row, or nothing handed in."""
    rows: dict[str, set[int]] = {}
    for number in table.students:
        for name in table.names(number):
            rows.setdefault(name, set()).add(number)
    found, said = {}, []
    for student in students:
        wanted = [student]
        download = DOWNLOADED[table.platform].match(student)
        if download:  # the number is one person's alone, and is asked first
            number = f"Participant {download['id']}" if table.platform == "moodle" else download["id"]
            wanted = [number, download["name"], student]
        hits = next((rows[alike(name)] for name in wanted if alike(name) in rows), set())
        if len(hits) == 1:
            found[student] = next(iter(hits))
        elif hits:
            called = ", ".join(table.called(number) for number in sorted(hits))
            said.append(f"{student} may be any of {called} in {table.name}: rename the submission to an identifier")
        else:
            said.append(f"{student} handed in and is not in {table.name}")
    for number in sorted(set(found.values())):
        same = [student for student, place in found.items() if place == number]
        if len(same) > 1:
            said.append(f"{', '.join(same)} are all {table.called(number)} in {table.name}: none of them is written")
            found = {student: place for student, place in found.items() if place != number}
    missing = [table.called(number) for number in table.students if number not in found.values()]
    if missing:
        said.append(f"in {table.name} and without marks: {', '.join(missing)}")
    return found, said


def lecture_columns(table: ClassList, lectures: Sequence[Lecture]) -> tuple[int, ...]:
    """The column of each lecture, and what it is out of where the platform has a row for that."""
    places = []
    for lecture in lectures:
        words = lecture.name, lecture.title, f"lecture {lecture.number}"
        before = len(table.header)
        places.append(table.column(words, f"Lecture {lecture.number}: {lecture.title}"))
        for row in table.rows if len(table.header) > before and table.platform == "canvas" else ():
            if row[table.header.index("Student")].strip() == "Points Possible":
                row[places[-1]] = f"{sum(task.points for task in lecture.tasks):g}"
    return tuple(places)


def points_in(points: dict[str, float], lecture: Lecture) -> str | None:
    """A lecture's points as a cell; None where nothing of it was handed in."""
    own = [points[task.name] for task in lecture.tasks if task.name in points]
    return f"{sum(own):g}" if own else None


def scaled(table: ClassList, row: list[str], points: dict[str, float], lectures: Sequence[Lecture]) -> str:
    """All points as a cell of a grading worksheet, whose grades have a maximum of their own."""
    total, out_of = sum(points.values()), sum(task.points for lecture in lectures for task in lecture.tasks)
    most = row[table.header.index("Maximum Grade")] if "Maximum Grade" in table.header else ""
    try:
        return f"{total / out_of * float(most.replace(',', '.')):.2f}"
    except (ValueError, ZeroDivisionError):
        return f"{total:g}"
