"""`course run`: what passes, what fails with which words, what is stopped, and what is left behind."""

import json
import time

import pytest
from typer.testing import CliRunner

from course_utils.course.book.building import book_after_run
from course_utils.course.command import app
from course_utils.course.results import collect, record, recorded, under_floor
from course_utils.course.running import run_lecture, run_lectures
from tests.course.made_up import PARAMETERS, cell, make_lecture

MEASURE = cell('from course_utils.course.results import record\nrecord("99.answer", 42)\nprint("alpha")')


@pytest.mark.notebooks
def test_a_run_gives_report_notebook_book_and_index(tmp_path):
    lecture = make_lecture(tmp_path / "notebooks", "# %% [markdown]\n# For 5$ or 6$, $n_{ij}$.\n\n" + MEASURE)
    out = tmp_path / "build"
    report = run_lectures([lecture], out, profile="quick", device="cpu")
    assert json.loads((out / "report.json").read_text()) == report
    entry = report["notebooks"][0]
    assert (entry["name"], entry["status"], entry["error"]) == ("99_made_up", "passed", "")
    assert entry["seconds"] > 0
    assert entry["peak_mb"] > 50
    assert report["totals"] == {
        "notebooks": 1,
        "passed": 1,
        "seconds": report["totals"]["seconds"],
        "peak_mb": entry["peak_mb"],
    }
    assert recorded(out / "notebooks" / "99_made_up.ipynb")["results"] == {"99.answer": 42}
    assert "url=book/lecturer/index.html" in book_after_run(out).read_text()
    front = (out / "book" / "lecturer" / "index.html").read_text()
    assert "1 of 1 notebooks passed" in front and f"{entry['peak_mb']} MB" in front
    page = (out / "book" / "lecturer" / "lectures" / "99_made_up.html").read_text()
    assert "alpha" in page
    assert "For 5$ or 6$" in page
    assert "<msub><mi>n</mi>" in page


@pytest.mark.notebooks
def test_the_profile_and_the_device_reach_the_notebook(tmp_path):
    lecture = make_lecture(tmp_path, cell("assert (PROFILE, DEVICE) == ('full', 'cuda:7'), (PROFILE, DEVICE)"))
    assert run_lecture(lecture, tmp_path / "out", profile="full", device="cuda:7").error == ""


@pytest.mark.notebooks
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (cell("total = 1\nprint(totle)"), "cell 2 (total = 1): NameError: name 'totle' is not defined"),
        (cell("print('never')") + cell("def half(:"), "cell 3 (def half(:) is not Python: invalid syntax, line 1"),
        (cell("x = 1") + cell("import os\nos._exit(3)") + cell("x = 2"), "cell 3 (import os): the kernel died"),
    ],
)
def test_a_failing_notebook_says_which_cell_and_why(tmp_path, body, message):
    outcome = run_lecture(make_lecture(tmp_path, body), tmp_path / "out", device="cpu")
    assert outcome.status == "failed"
    assert message.lower() in outcome.error.lower()


def test_a_file_that_is_no_notebook_fails_with_a_reason(tmp_path):
    lecture = make_lecture(tmp_path, MEASURE)
    lecture.notebook.write_text(lecture.notebook.read_text()[:200])
    outcome = run_lecture(lecture, tmp_path / "out", device="cpu")
    assert outcome.status == "failed"
    assert "not a notebook that can be read" in outcome.error


def test_an_unknown_parameter_fails_before_anything_runs(tmp_path):
    lecture = make_lecture(tmp_path, MEASURE, PARAMETERS.replace("SEED", "SEEDS"))
    outcome = run_lecture(lecture, tmp_path / "out", device="cpu")
    assert "parameter SEEDS is unknown" in outcome.error


@pytest.mark.notebooks
def test_a_cell_that_never_ends_is_stopped(tmp_path):
    lecture = make_lecture(tmp_path, cell("print('before')") + cell("while True:\n    pass"))
    started = time.monotonic()
    outcome = run_lecture(lecture, tmp_path / "out", device="cpu", cell_limit=3)
    assert outcome.status == "timeout"
    assert "cell" in outcome.error
    assert time.monotonic() - started < 60


@pytest.mark.notebooks
def test_a_notebook_that_never_ends_is_killed_with_its_kernel(tmp_path):
    mark = "course_test_sleeper_4711"
    body = cell(
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time; time.sleep(600)', '{mark}'])"
    )
    outcome = run_lecture(make_lecture(tmp_path, body), tmp_path / "out", device="cpu", notebook_limit=12)
    assert (outcome.status, outcome.error) == ("timeout", "the notebook ran over its time limit and was stopped")
    import psutil

    assert not [p for p in psutil.process_iter(["cmdline"]) if mark in (p.info["cmdline"] or [])]


@pytest.mark.notebooks
def test_a_notebook_that_reaches_for_the_network_fails(tmp_path):
    body = cell("import urllib.request\nurllib.request.urlopen('http://192.0.2.1/', timeout=2)")
    outcome = run_lecture(make_lecture(tmp_path, body), tmp_path / "out", device="cpu")
    assert outcome.status == "failed"
    assert "tests allow no network" in outcome.error


@pytest.mark.notebooks
def test_several_at_once_each_keep_their_own_outcome(tmp_path):
    good = make_lecture(tmp_path, MEASURE, name="98_good")
    bad = make_lecture(tmp_path, cell("1 / 0"), name="99_bad")
    report = run_lectures([good, bad], tmp_path / "out", device="cpu", jobs=2)
    assert [entry["status"] for entry in report["notebooks"]] == ["passed", "failed"]
    assert report["totals"]["passed"] == 1


def test_an_output_folder_that_cannot_be_written_is_named_by_the_command(tmp_path):
    (tmp_path / "occupied").write_text("a file, not a folder")
    ended = CliRunner().invoke(app, ["run", "00", "--out", str(tmp_path / "occupied")])
    assert ended.exit_code == 2
    assert "cannot write to" in ended.output
    assert "--out" in ended.output
    assert isinstance(ended.exception, SystemExit), "words, not a traceback"


def test_a_run_of_which_no_notebook_is_left_still_has_its_report_to_look_at(tmp_path):
    assert book_after_run(tmp_path) == tmp_path / "report.json"


@pytest.mark.parametrize("name", ["speed", "2.speed", "02.Speed", "02.", "02.fast er"])
def test_a_result_needs_a_proper_name(name):
    with pytest.raises(ValueError, match="a name is the lecture's number"):
        record(name, 1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_a_result_needs_a_value_that_can_be_kept(value):
    with pytest.raises(ValueError, match="cannot be kept"):
        record("02.speed", value)


def test_results_under_their_floor_or_missing_are_named():
    lectures = {"02_x": {"run": {"profile": "quick"}, "results": {"02.fast": 3.0, "02.slow": 1.0}}}
    floors = {"quick": {"02.fast": 2, "02.slow": 2, "02.gone": 1, "05.other": 9}, "full": {"02.fast": 99}}
    assert under_floor(lectures, floors) == [
        "02.slow = 1 is under its floor 2",
        "02.gone was not recorded by 02_x; its floor is 1",
    ]


def test_an_empty_folder_of_results_says_what_to_do(tmp_path):
    with pytest.raises(ValueError, match="run some with `course run`"):
        collect(tmp_path)
