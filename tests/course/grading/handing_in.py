"""Notebooks as students hand them in, made from the student copies of the course's own scripts."""

import json
from pathlib import Path

import nbformat

from course_utils.course.grading.tasks import lecture_tasks
from course_utils.course.lectures import find_lectures
from course_utils.course.notebooks import read_script
from course_utils.course.workspace import student_copy


def solutions(lecture: str) -> dict[str, str]:
    """Our own answers to a lecture's exercises, by exercise."""
    return {task.name: task.solution for task in lecture_tasks(lecture).tasks}


def notebook(lecture: str, answers: dict[str, str], more: str = "") -> str:
    """A student's notebook of a lecture as text: their answers in the labelled cells, stubs in the others.

    Args:
        lecture: its number.
        answers: the source of the student's cell, by exercise.
        more: a cell of the student's own, at the top.
    """
    (found,) = find_lectures([lecture])
    copy = student_copy(read_script(found.script))
    labels = {task.grade_id: task.name for task in lecture_tasks(lecture).tasks}
    for cell in copy.cells:
        name = labels.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
        if name in answers:
            cell["source"] = answers[name]
    if more:
        copy.cells.insert(0, nbformat.v4.new_code_cell(more))
    return json.dumps(copy)


def hand_in(folder: Path, student: str, lecture: str, answers: dict[str, str], more: str = "") -> Path:
    """Put a student's notebook of a lecture into a folder of submissions."""
    (found,) = find_lectures([lecture])
    path = folder / student / f"{found.name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(notebook(lecture, answers, more), encoding="utf-8")
    return path
