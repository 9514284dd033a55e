"""What `course grade` does: find, say what was found, grade, write, say how long it took."""

import time
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from course_utils.course.grading.class_lists import WHENCE, fill, read_class_list
from course_utils.course.grading.confine import Limits
from course_utils.course.grading.marking import mark
from course_utils.course.grading.reports import set_aside, write_reports
from course_utils.course.grading.submissions import Found, find_submissions
from course_utils.course.grading.tasks import lecture_tasks
from course_utils.data.files import write_text

NO_SANDBOX = (
    "Each exercise of each student runs in a process of its own, with limits and no network. A process is not a sandbox: "
    "for people whom you do not trust, grade in a container (docs/grading.md)."
)


def grade_folder(
    folder: Path,
    out: Path,
    jobs: int,
    limits: Limits,
    scheduler: str = "",
    say: Callable[[str], None] = print,
    platform: str = "",
    class_list: Path | None = None,
) -> list[dict]:
    """Grade all that was handed in and write `out` and its pages.

    Args:
        folder: the submissions (`find_submissions` says how they may lie).
        out: the table to write.
        jobs: how many submissions at once.
        limits: what one exercise may use.
        scheduler: the address of a Dask scheduler, or "".
        say: takes each line for the lecturer.
        platform, class_list: "moodle" or "canvas", and the class list that it exported: a copy is filled with the marks and
            lies beside `out`.

    Returns:
        the marks, one entry a submission

    Raises:
        ValueError: where there is nothing to grade, or no cluster to grade on.
        OSError: where the table cannot be written.
    """
    if bool(platform) != bool(class_list):
        wanted = (
            f"--list, a file that it exported: {WHENCE.get(platform, 'its class list')}"
            if platform
            else "--to moodle or canvas"
        )
        raise ValueError(f"marks for a platform need {wanted}")
    listed = read_class_list(class_list, platform) if class_list else None  # before hours of grading, not after
    found = find_submissions(folder)
    describe(found, say)
    say(NO_SANDBOX)
    out.parent.mkdir(parents=True, exist_ok=True)
    journal = out.with_name(f".{out.stem}.unfinished.jsonl")
    if journal.exists():
        say(f"going on from an interrupted run ({journal})")
    begun = time.monotonic()
    with tqdm(total=len(found.submissions), unit="submission") as bar:
        marks = mark(found.submissions, folder, journal, limits, jobs, scheduler, bar.update)
    seconds = time.monotonic() - begun
    pages, kept = write_reports(out, marks)
    if listed:
        said = fill(listed, marks)
        filled = out.with_name(f"{out.stem}_{platform}.csv")
        if beside := set_aside(filled):
            kept.append(f"kept the earlier {filled.name} as {beside.name}")
        write_text(filled, listed.text())
        kept += [*said, f"to import into {platform.title()}: {filled}"]
    journal.unlink(missing_ok=True)
    for line in kept:
        say(line)
    where = f"on the cluster at {scheduler}" if scheduler else f"{jobs} at a time"
    say(f"{len(marks)} submissions graded in {seconds:.1f} s, {where}: {seconds / len(marks):.2f} s each")
    say(f"marks in {out}, feedback in {pages}, the class at a glance in {pages / 'index.html'}")
    return marks


def describe(found: Found, say: Callable[[str], None]) -> None:
    """Say what was found, what cannot be graded, and what was left out and why."""
    students = {one.student for one in found.submissions}
    say(f"{len(found.submissions)} notebooks of {len(students)} students")
    for number in sorted({one.lecture for one in found.submissions if one.lecture}):
        count = sum(one.lecture == number for one in found.submissions)
        say(f"  lecture {number} ({lecture_tasks(number).title}): {count}")
    for one in found.submissions:
        if one.unreadable:
            say(f"  {one.path}: cannot be graded: {one.unreadable}")
    for path, why in found.skipped:
        say(f"  left out: {path}: {why}")
