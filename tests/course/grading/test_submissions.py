"""What counts as a submission, whose it is, and what is said about the rest."""

import json
from pathlib import Path

import pytest

from course_utils.course.grading.submissions import find_submissions
from tests.course.grading.handing_in import hand_in, notebook, solutions


def found_in(folder: Path) -> list[tuple]:
    return [(one.student, one.lecture, bool(one.cells)) for one in find_submissions(folder).submissions]


def test_a_folder_for_each_student(tmp_path):
    hand_in(tmp_path, "ada", "02", {})
    hand_in(tmp_path, "bo", "00", {})
    hand_in(tmp_path, "bo", "02", {})
    assert found_in(tmp_path) == [("ada", "02", True), ("bo", "00", True), ("bo", "02", True)]


def test_files_named_by_student(tmp_path):
    (tmp_path / "ada.ipynb").write_text(notebook("02", {}))
    (tmp_path / "bo-02_convolutionalization.ipynb").write_text(notebook("02", {}))
    assert found_in(tmp_path) == [("ada", "02", True), ("bo", "02", True)]


def test_nbgraders_layout_with_or_without_its_folder(tmp_path):
    path = tmp_path / "submitted" / "ada" / "ps1" / "02_convolutionalization.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(notebook("02", {}))
    assert found_in(tmp_path) == found_in(tmp_path / "submitted") == [("ada", "02", True)]


def test_a_renamed_notebook_is_known_by_its_labels(tmp_path):
    hand_in(tmp_path, "ada", "02", {}).rename(tmp_path / "ada" / "homework final.ipynb")
    assert found_in(tmp_path) == [("ada", "02", True)]


def test_each_thing_left_out_is_named_with_its_reason_in_a_remark_on_its_student(tmp_path):
    path = hand_in(tmp_path, "ada", "02", {})
    (path.parent / "notes.txt").write_text("x")
    (path.parent / ".ipynb_checkpoints").mkdir()
    (path.parent / ".ipynb_checkpoints" / path.name).write_text("{}")
    (path.parent / ".ipynb_checkpoints" / "b.ipynb").write_text("{}")
    (path.parent / "solutions").mkdir()
    (path.parent / "solutions" / path.name).write_text(notebook("02", solutions("02")))
    (path.parent / "other.ipynb").write_text(json.dumps({"cells": [{"cell_type": "code", "source": "x = 1"}]}))
    (path.parent / "broken.ipynb").write_text("{")
    (path.parent / "elsewhere").symlink_to(tmp_path, target_is_directory=True)
    hand_in(tmp_path, "cy", "00", {})
    (tmp_path / "cy" / "answers.zip").write_bytes(b"PK")
    (tmp_path / "bo").mkdir()
    (tmp_path / "bo" / "homework.py").write_text("x = 1")
    (tmp_path / "dee.zip").write_bytes(b"PK")
    (tmp_path / "grades.csv").write_text("student")
    (tmp_path / ".DS_Store").write_text("")
    (tmp_path / "grades_feedback").mkdir()
    (tmp_path / "grades_feedback" / "index.html").write_text("")
    found = find_submissions(tmp_path)
    assert [(one.student, one.lecture) for one in found.submissions] == [
        ("ada", "02"),
        ("bo", None),
        ("cy", "00"),
        ("dee", None),
    ]
    ada, bo, cy, dee = found.submissions
    (said,) = ada.remarks
    for name, why in {
        "notes.txt": "not a notebook",
        ".ipynb_checkpoints": "hidden",
        f"solutions/{path.name}": "the course's own solutions",
        "other.ipynb": "no cell of it belongs to a lecture",
        "broken.ipynb": "the file is not a notebook: Expecting",
        "elsewhere": "a link",
    }.items():
        assert f"{name} ({why}" in said, said
    assert said.count("checkpoints") == 1
    assert (bo.unreadable, dee.unreadable) == (
        "not graded: homework.py (not a notebook)",
        "not graded: dee.zip (not a notebook)",
    )
    assert cy.remarks == ["not graded: answers.zip (not a notebook)"]
    assert {"grades.csv", "index.html", ".DS_Store"} < {where.name for where, _ in found.skipped}


def test_every_version_of_a_lecture_is_a_submission(tmp_path):
    path = hand_in(tmp_path, "ada", "02", {})
    for name in ("02_convolutionalization.new-2026-11-23.ipynb", "mine 02_convolutionalization copy.ipynb"):
        (path.parent / name).write_text(notebook("02", {}))
    assert [one.path.name for one in find_submissions(tmp_path).submissions] == [
        "02_convolutionalization.ipynb",
        "02_convolutionalization.new-2026-11-23.ipynb",
        "mine 02_convolutionalization copy.ipynb",
    ]


def test_a_renamed_notebook_without_labels_is_known_by_what_it_checks(tmp_path):
    cells = [{"cell_type": "code", "source": 'check("02.receptive_field", f)'}]
    (tmp_path / "ada.ipynb").write_text(json.dumps({"cells": cells}))
    assert found_in(tmp_path) == [("ada", "02", True)]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"hello", "not a notebook"),
        (b"\xff\xfe\x00", "not text"),
        (b"[" * 200_000, "not a notebook"),
        (b"[]", "no list of cells"),
        (b'{"cells": {"a": 1}}', "no list of cells"),
        (b"", "not a notebook"),
    ],
)
def test_what_is_no_notebook_is_said_to_be_none_and_the_others_are_graded(tmp_path, content, why):
    hand_in(tmp_path, "ada", "02", {})
    (tmp_path / "bo").mkdir()
    (tmp_path / "bo" / "work.ipynb").write_bytes(content)
    ada, bo = find_submissions(tmp_path).submissions
    assert ada.cells and not ada.unreadable
    assert why in bo.unreadable
    assert bo.lecture == "02", "where everybody handed in lecture 02, this was lecture 02 too"


def test_cells_of_any_shape_are_read_without_an_error(tmp_path):
    cells = [1, None, {"cell_type": "code"}, {"cell_type": "code", "metadata": [], "source": 5}]
    cells += [{"cell_type": "code", "metadata": {"nbgrader": "x"}, "source": ["a\n", "b"]}]
    cells += [{"cell_type": "code", "metadata": {"nbgrader": {"grade_id": ["02"]}}, "source": "c"}]
    (tmp_path / "ada-02_convolutionalization.ipynb").write_text(json.dumps({"cells": cells}))
    (one,) = find_submissions(tmp_path).submissions
    assert one.cells == [["", text, "code"] for text in ("", "5", "a\nb", "c")]


def test_an_empty_or_missing_folder_says_what_to_put_there(tmp_path):
    with pytest.raises(ValueError, match="put a folder for each student"):
        find_submissions(tmp_path)
    with pytest.raises(ValueError, match="is not a folder"):
        find_submissions(tmp_path / "none")


def test_solutions_are_found_in_every_student_copy_by_label():
    assert set(solutions("02")) == {"02.linear_to_conv", "02.receptive_field", "02.shift_and_stitch"}
