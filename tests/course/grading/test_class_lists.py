"""Marks in the class lists of Moodle and Canvas: their columns kept, everybody accounted for."""

import csv

import pytest
from typer.testing import CliRunner

from course_utils.course.command import app
from course_utils.course.grading.class_lists import fill, read_class_list
from course_utils.course.grading.tasks import lecture_tasks
from tests.course.grading.handing_in import hand_in, solutions

WORTH = {number: sum(task.points for task in lecture_tasks(number).tasks) for number in ("00", "02")}
WORKSHEET = """\ufeffIdentifier,"Full name","Email address",Status,Grade,"Maximum Grade","Feedback comments"
"Participant 4711","Ada Lovelace",ada@uni.example,"Submitted, for grading",,"100,00","<p>kept, with a comma</p>"
"Participant 4712","Bo Li",bo.li@uni.example,"No submission",-,"100,00",
"Participant 4713","Cy Young",cy@uni.example,Submitted,"12,00","100,00",
"""
GRADEBOOK = """Student,ID,SIS User ID,SIS Login ID,Section,From classifier to heat map (99),Final Score
    Points Possible,,,,,10,(read only)
"Lovelace, Ada",11,s1,ada,A,,80
"Li, Bo",12,s2,bli,A,,70
"Student, Test",13,,x,A,,
"""


def entry(student, lecture, right):
    tasks = lecture_tasks(lecture).tasks
    exercises = [{"name": task.name, "points": task.points if right else 0} for task in tasks]
    return {
        "student": student,
        "lecture": lecture,
        "file": "x",
        "unreadable": "",
        "remarks": [],
        "exercises": exercises,
    }


def written(tmp_path, text, name="class.csv"):
    file = tmp_path / name
    file.write_bytes(text.replace("\n", "\r\n").encode())
    return file


def filled(tmp_path, text, platform, marks):
    table = read_class_list(written(tmp_path, text), platform)
    said = fill(table, marks)
    return table, said, list(csv.reader(table.text().removeprefix("\ufeff").splitlines()))


def test_moodles_worksheet_comes_back_with_grades_in_it_and_nothing_else_changed(tmp_path):
    marks = [entry("Ada Lovelace_4711_assignsubmission_file", "02", True), entry("cy", "02", False)]
    table, said, rows = filled(tmp_path, WORKSHEET, "moodle", marks)
    expected = list(csv.reader(WORKSHEET.removeprefix("\ufeff").splitlines()))
    expected[1][4], expected[3][4] = "100.00", "0.00"
    assert rows == expected
    assert table.text().startswith("\ufeff"), "as Moodle wrote it"
    assert said == [
        "2 of 3 students in class.csv have marks",
        "in class.csv and without marks: Bo Li",
        "another mark stood in 1 cells of class.csv: the file that you import has the new ones",
    ]


def test_canvass_gradebook_keeps_its_columns_and_gets_one_for_a_new_lecture(tmp_path):
    marks = [entry("lovelaceada_11_99", "02", True), entry("bli", "02", False), entry("bli", "00", True)]
    _, said, rows = filled(tmp_path, GRADEBOOK, "canvas", marks)
    before = list(csv.reader(GRADEBOOK.splitlines()))
    new = f"Lecture 00: {lecture_tasks('00').title}"
    assert rows[0] == [*before[0], new]
    assert rows[1] == [*before[1], str(WORTH["00"])]
    assert rows[2] == [*before[2][:5], str(WORTH["02"]), "80", ""], "nothing handed in is no zero"
    assert rows[3] == [*before[3][:5], "0", "70", str(WORTH["00"])]
    assert rows[4] == [*before[4], ""]
    assert said == ["2 of 2 students in class.csv have marks"]


def test_a_list_of_a_moodle_course_gets_a_column_for_each_lecture(tmp_path):
    text = '"First name";"Last name";"ID number"\nAda;Lovelace;s1\nBo;Li;s2\n'
    marks = [entry("ada-lovelace", "00", True), entry("S2", "02", True)]
    table, _, _ = filled(tmp_path, text, "moodle", marks)
    titles = [f"Lecture {number}: {lecture_tasks(number).title}" for number in ("00", "02")]
    assert table.text().splitlines() == [
        ";".join(["First name", "Last name", "ID number", *titles]),
        f"Ada;Lovelace;s1;{WORTH['00']};",
        f"Bo;Li;s2;;{WORTH['02']}",
    ]


def test_who_is_in_no_list_or_might_be_several_is_said_and_not_guessed(tmp_path):
    text = "First name,Last name,ID number\nAda,Lovelace,s1\nAda,Lovelace,s2\nBo,Li,s3\n"
    marks = [entry(name, "02", True) for name in ("ada lovelace", "mallory", "s3", "bo li")]
    _, said, rows = filled(tmp_path, text, "moodle", marks)
    assert [row[-1] for row in rows[1:]] == ["", "", ""]
    assert said == [
        "0 of 3 students in class.csv have marks",
        "ada lovelace may be any of Ada Lovelace, Ada Lovelace in class.csv: rename the submission to an identifier",
        "mallory handed in and is not in class.csv",
        "bo li, s3 are all Bo Li in class.csv: none of them is written",
        "in class.csv and without marks: Ada Lovelace, Ada Lovelace, Bo Li",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Vorname,Nachname\nAda,Lovelace\n", "has the columns Vorname, Nachname, .* language set to English"),
        ("", "has the columns none"),
        ("Full name,Grade\nAda\n", "row 2 has 1 cells and the header 2"),
        ("Full name\nJos\u00e9\n".encode("latin-1"), "is not text in UTF-8"),
    ],
)
def test_a_list_that_is_none_is_refused_with_the_way_out(tmp_path, content, message):
    file = tmp_path / "class.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message):
        read_class_list(file, "moodle")


@pytest.mark.notebooks
def test_the_command_fills_a_copy_and_asks_for_the_list_before_it_grades(tmp_path):
    folder = tmp_path / "submitted"
    hand_in(folder, "ada", "00", solutions("00"))
    exported = written(tmp_path, WORKSHEET)
    before = exported.read_bytes()
    command = ["grade", str(folder), "--out", str(tmp_path / "grades.csv"), "--to", "moodle"]
    asked = CliRunner().invoke(app, command)
    assert asked.exit_code == 2 and "--list" in asked.output and not (tmp_path / "grades.csv").exists()
    done = CliRunner().invoke(app, [*command, "--list", str(exported)])
    assert done.exit_code == 0, done.output
    assert exported.read_bytes() == before
    assert '100.00,"100,00"' in (tmp_path / "grades_moodle.csv").read_text(encoding="utf-8")
    assert "in class.csv and without marks: Bo Li, Cy Young" in done.output
