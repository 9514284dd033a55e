"""Finding what was handed in: whose it is, which lecture, and what had to be left out."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from course_utils.course.lectures import lectures

LARGEST = 50 * 2**20  # bytes; a notebook with all its figures has about 5 MB
CHECKED = re.compile(r"""\bcheck\(\s*["'](\d\d)\.""")


@dataclass
class Submission:
    """One notebook of one student; a student may have handed in several of one lecture.

    Args:
        student: the name of the folder, or of the file.
        lecture: its number, or None where the file says nothing about it.
        path: the file.
        cells: [label, source, kind] of each cell; the label is nbgrader's grade_id, or "", the kind nbformat's.
        unreadable: why it cannot be graded, or "".
        remarks: what the lecturer should know.
    """

    student: str
    lecture: str | None
    path: Path
    cells: list[list[str]] = field(default_factory=list)
    unreadable: str = ""
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Found:
    """What a folder of submissions holds: what is graded, and (path, why) for what is not."""

    submissions: list[Submission]
    skipped: list[tuple[Path, str]]


def find_submissions(folder: Path) -> Found:
    """All that can be graded in a folder.

    A folder in it is a student, with notebooks anywhere inside: `STUDENT/NOTEBOOK.ipynb`, or nbgrader's
    `submitted/STUDENT/ASSIGNMENT/NOTEBOOK.ipynb`. A notebook in it is a student too, named by the file:
    `ada.ipynb`, or `ada-02_convolutionalization.ipynb`. `folder` may also be the one that holds `submitted/`.
    What a student handed in and cannot be graded is a remark on this student, who has a row for it alone, too.

    Raises:
        ValueError: where the folder is missing, or holds nothing that could be graded.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: name the one that holds a folder or a notebook for each student")
    if (folder / "submitted").is_dir():
        folder = folder / "submitted"
    # links to folders are not followed, and are files here
    files = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    skipped = [(path, why) for path in files if (why := not_graded(path, folder))]
    submissions = [read_submission(path, folder) for path in files if not not_graded(path, folder)]
    handed_in = {one.lecture for one in submissions} - {None}
    for one in submissions:
        if not one.lecture and len(handed_in) == 1:  # where all else is of one lecture, it is of that one, too
            (one.lecture,) = handed_in
    nobodys = "no cell of it belongs to a lecture of this course"
    skipped += [(one.path, one.unreadable or nobodys) for one in submissions if not one.lecture]
    graded = [one for one in submissions if one.lecture]
    if not graded:
        raise ValueError(
            f"{folder} holds no notebook of this course: put a folder for each student there, with notebooks in it, "
            "or notebooks named by student"
        )
    return Found(
        sorted(graded + left_out(graded, skipped, folder), key=lambda one: (one.student, one.lecture or "")), skipped
    )


def left_out(graded: list[Submission], skipped: list[tuple[Path, str]], folder: Path) -> list[Submission]:
    """Name what is not graded in the remarks of its student; a submission that holds nothing, where there is no other."""
    reasons: dict[str, dict[str, dict[str, None]]] = {}
    for path, why in skipped:
        inside = path.relative_to(folder)
        parts = inside.parts[1:] or inside.parts
        hidden = [place for place, part in enumerate(parts, start=1) if part.startswith(".")]
        name = "/".join(parts[: hidden[0] if hidden else None])  # a hidden folder is named once
        lecturers = len(inside.parts) == 1 and (hidden or path.suffix == ".csv")  # such as an earlier table
        if not lecturers and not inside.parts[0].endswith("_feedback"):
            reasons.setdefault(student_of(inside), {}).setdefault(why, {})[name] = None
    more = []
    for student, found in reasons.items():
        remark = "not graded: " + "; ".join(f"{', '.join(names)} ({why})" for why, names in found.items())
        own = [one for one in graded if one.student == student]
        if own:
            own[0].remarks.append(remark)
        else:
            more.append(Submission(student, None, folder / student, unreadable=remark))
    return more


def not_graded(path: Path, folder: Path) -> str:
    """Why a file is left out, or ""."""
    inside = path.relative_to(folder)
    if any(part.startswith(".") for part in inside.parts):
        return "hidden"
    if "solutions" in inside.parts[1:-1]:
        return "the course's own solutions, laid beside a student's work"
    if path.is_symlink() or not path.is_file():
        return "a link or no plain file"
    if path.suffix.lower() != ".ipynb":
        return "not a notebook"
    return ""


def student_of(inside: Path) -> str:
    """Whose a file is: that of its folder, or whom its name means less the lecture's, `ada-02_convolutionalization` is ada."""
    if len(inside.parts) > 1:
        return inside.parts[0]
    lecture = next((name for name in known_lectures().values() if name in inside.stem and name != inside.stem), None)
    return inside.stem.replace(lecture, "").strip(" -_.") if lecture else inside.stem


def read_submission(path: Path, folder: Path) -> Submission:
    """One file as a submission; what is wrong with it stands in `unreadable`."""
    inside = path.relative_to(folder)
    submission = Submission(student_of(inside), lecture_in_name(inside), path)
    try:
        submission.cells = read_cells(path)
    except (ValueError, OSError, RecursionError) as error:
        submission.unreadable = str(error)
        return submission
    if submission.lecture is None:
        signs = [label[:2] for label, _, _ in submission.cells]
        signs += [number for _, source, _ in submission.cells for number in CHECKED.findall(source)]
        counted = Counter(sign for sign in signs if sign in known_lectures())
        submission.lecture = counted.most_common(1)[0][0] if counted else None
    return submission


def read_cells(path: Path) -> list[list[str]]:
    """[grade_id, source, kind] of each cell of a notebook that may be damaged or hostile.

    Raises:
        ValueError: where it is no notebook; says what it is.
    """
    if path.stat().st_size > LARGEST:
        raise ValueError(f"the file has {path.stat().st_size // 2**20} MB; {LARGEST // 2**20} MB is the most")
    try:
        notebook = json.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("the file is not a notebook: it is not text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"the file is not a notebook: {error}") from None
    except RecursionError:
        raise ValueError("the file is not a notebook: it is nested without end") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ValueError("the file is not a notebook of the present format: it has no list of cells")
    return [[label_of(cell), source_of(cell), str(cell.get("cell_type"))] for cell in cells if isinstance(cell, dict)]


def label_of(cell: dict) -> str:
    """A cell's grade_id, or ""."""
    try:
        label = cell["metadata"]["nbgrader"]["grade_id"]
    except (KeyError, TypeError):
        return ""
    return label if isinstance(label, str) else ""


def source_of(cell: dict) -> str:
    """A cell's text, which notebooks hold as a string or as a list of lines."""
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def known_lectures() -> dict[str, str]:
    """The number of each lecture and its name."""
    return {lecture.number: lecture.name for lecture in lectures()}


def lecture_in_name(inside: Path) -> str | None:
    """The lecture that a path names: in the file's name, or in a folder such as nbgrader's assignment."""
    for part in reversed(inside.parts):
        for number, name in known_lectures().items():
            if name in part or part == number:
                return number
    return None
