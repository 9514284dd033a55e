"""A run that is interrupted, a table that is there already, a cluster: what a lecturer relies on."""

import csv
import json
import sys
from datetime import date

import pytest
from typer.testing import CliRunner

from course_utils.course.command import app
from course_utils.course.grading import marking
from course_utils.course.grading.command import grade_folder
from course_utils.course.grading.confine import Limits
from course_utils.course.grading.reports import inert, table, write_reports
from course_utils.course.grading.submissions import find_submissions
from course_utils.course.grading.tasks import Verdict, lecture_tasks
from tests.course.grading.handing_in import hand_in, solutions

ALL = str(sum(task.points for task in lecture_tasks("00").tasks))


@pytest.fixture
def handed_in(tmp_path):
    folder = tmp_path / "submitted"
    hand_in(folder, "ada", "00", solutions("00"))
    hand_in(folder, "bo", "00", {})
    return folder


def points(out):
    with out.open(newline="") as lines:
        return {row["student"]: row["total"] for row in csv.DictReader(lines)}


def test_an_interrupted_run_keeps_what_is_graded_and_goes_on(handed_in, tmp_path, monkeypatch):
    out, asked = tmp_path / "grades.csv", []
    tasks = lecture_tasks("00").tasks

    def interrupted_at_the_second(self, request):
        asked.append(request["cells"])
        if len(asked) == 2:
            raise KeyboardInterrupt
        solved = tasks[0].solution in [source for _, source, _ in request["cells"]]
        return [Verdict("right" if solved else "not written", "").scored(task) for task in tasks]

    monkeypatch.setattr(marking.Nursery, "grade", interrupted_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        grade_folder(handed_in, out, 1, Limits())
    assert not out.exists()
    (journal,) = tmp_path.glob(".grades.unfinished.jsonl")
    journal.write_text(journal.read_text() + '["half a li')
    grade_folder(handed_in, out, 1, Limits())
    assert points(out) == {"ada": ALL, "bo": "0"}
    assert len(asked) == 3, "the first submission was not graded again"
    assert not journal.exists()


def test_a_changed_submission_is_graded_again(handed_in, tmp_path):
    (ada, _) = find_submissions(handed_in).submissions
    before = marking.key_of(marking.order(ada, Limits(), handed_in))
    ada.cells[-1][1] += "# one more line"
    assert marking.key_of(marking.order(ada, Limits(), handed_in)) != before


def test_what_was_there_is_kept_beside_with_its_date(tmp_path):
    out, entry = tmp_path / "grades.csv", {"student": "ada", "lecture": "", "file": "x", "remarks": [], "exercises": []}
    for number in range(3):
        pages, kept = write_reports(out, [entry | {"unreadable": f"run {number}"}])
    today = date.today().isoformat()
    assert "run 0" in (tmp_path / f"grades.{today}.csv").read_text()
    assert "run 1" in (tmp_path / f"grades.{today}-2.csv").read_text()
    assert "run 2" in out.read_text()
    assert f"kept the earlier grades.csv as grades.{today}-2.csv" in kept
    assert (pages / "students" / "ada.html").exists()


def test_names_and_remarks_are_no_formulas_and_no_markup(tmp_path):
    entry = {"student": "=cmd|x", "lecture": "", "file": "x", "remarks": ["<b>"], "unreadable": "", "exercises": []}
    assert table([entry]).splitlines()[1].startswith("'=cmd|x,")
    assert inert("+1\n2") == "'+1 2"
    pages, _ = write_reports(tmp_path / "grades.csv", [entry | {"unreadable": "<img src=x>"}])
    for page in pages.rglob("*.html"):
        text = page.read_text()
        assert "<img" not in text and "<script" not in text and "default-src 'none'" in text


def test_a_nursery_that_is_ended_is_started_again_and_twice_is_the_submissions_fault(handed_in, monkeypatch):
    nursery, (ada, _) = marking.Nursery(), find_submissions(handed_in).submissions
    request = marking.order(ada, Limits(), handed_in)
    answers = iter(["", json.dumps(["graded"]), "", ""])

    def ask(self, _):
        self.process.kill()
        return next(answers)

    monkeypatch.setattr(marking.Nursery, "ask", ask)
    assert nursery.grade(request) == ["graded"]
    for verdict in nursery.grade(request):
        assert (verdict["points"], "ended the grader's process" in verdict["message"]) == (0, True)
    nursery.close()


@pytest.mark.notebooks  # grades a class's
def test_two_workers_of_a_cluster_give_the_same_marks(handed_in, tmp_path):
    distributed = pytest.importorskip("distributed", reason='needs the extra "cluster"')
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    options |= {"processes": False, "protocol": "tcp://"}  # what they are sent goes through the network all the same
    with distributed.LocalCluster(**options) as cluster:
        said = []
        grade_folder(handed_in, tmp_path / "grades.csv", 1, Limits(), cluster.scheduler_address, said.append)
    assert points(tmp_path / "grades.csv") == {"ada": ALL, "bo": "0"}
    assert any("on the cluster at" in line for line in said)


def test_a_worker_with_other_checks_is_refused():
    with pytest.raises(ValueError, match="another version of the course"):
        marking.grade_remotely(0, {"checks": "older"})


def test_without_dask_it_says_what_to_install(handed_in, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    command = ["grade", str(handed_in), "--out", str(tmp_path / "grades.csv"), "--scheduler", "tcp://127.0.0.1:1"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2 and '".[cluster]"' in result.output


def test_a_folder_without_submissions_is_a_message_and_no_stack(tmp_path):
    result = CliRunner().invoke(app, ["grade", str(tmp_path)])
    assert result.exit_code == 2 and "holds no notebook of this course" in result.output
