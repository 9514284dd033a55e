"""The `course` command, the doctor, and set-up."""

import importlib
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import bootstrap
from course_utils.course import doctor
from course_utils.course.command import app
from course_utils.course.lectures import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def course(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "course_utils.course.command", *arguments], capture_output=True, text=True
    )


def test_help_answers_in_half_a_second():
    times = []
    for _ in range(12):  # the fastest counts: a machine that is shared must not fail the test
        started = time.perf_counter()
        assert "doctor" in course("--help").stdout
        times.append(time.perf_counter() - started)
    assert min(times) < 0.5


def test_help_imports_nothing_heavy():
    code = "import sys, course_utils.course.command; print([m for m in ('torch', 'numpy', 'matplotlib', 'nbformat') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "77"), "there is no lecture '77'"),
        (("run", "--profile", "fast"), "the profiles are quick and full"),
        (("results", "--notebooks", "nowhere"), "there is no notebook in nowhere"),
    ],
)
def test_a_wrong_word_is_answered_in_words(arguments, message):
    ended = CliRunner().invoke(app, arguments)  # in this process, which has all imports: a new one takes seconds
    assert ended.exit_code == 2
    assert message in ended.output
    assert isinstance(ended.exception, SystemExit), "words, not a traceback"


def test_the_doctor_finds_this_machine_fit():
    ended = CliRunner().invoke(app, ["doctor"])
    assert ended.exit_code == 0, ended.output
    assert "The course runs on this machine" in ended.output


def test_the_doctor_knows_the_wrong_pair_of_torch_and_torchvision(monkeypatch):
    """A torchvision that cannot be imported does not stop the doctor, who says what to install."""
    real = importlib.import_module

    def broken(name, *rest):
        if name == "torchvision":
            raise RuntimeError("operator torchvision::nms does not exist")
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", broken)
    finding = doctor.torch_pair()[-1]
    assert (finding.what, finding.state) == ("torchvision", "missing")
    assert "torchvision::nms does not exist" in finding.found
    assert "pip install --force-reinstall torch torchvision" in finding.mend
    cpu_only = doctor.torchvision_finding(RuntimeError("operator torchvision::nms does not exist"), "2.13.0+cpu", None)
    assert "CPU-only torch" in cpu_only.found


def test_the_doctor_names_a_missing_and_an_old_package(monkeypatch):
    monkeypatch.setattr("importlib.metadata.requires", lambda name: ["stardist>=0.9", "numpy>=99", "scipy>=1"])
    real = importlib.metadata.version

    def version(name):
        if name == "stardist":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr("importlib.metadata.version", version)
    summary, *found = doctor.packages()
    assert summary.found == "1 of 3 that the course lists"
    assert [finding.what for finding in found] == ["stardist", "numpy"]
    assert "C++ compiler" in found[0].mend
    assert "needs >=99" in found[1].found


def names(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+", requirement)[0].lower() for requirement in requirements}


def test_conda_and_pip_list_the_same_packages():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = (entry["pip"] for entry in listed if isinstance(entry, dict))
    conda = {entry.split(">")[0].split("=")[0].strip() for entry in listed if isinstance(entry, str)} - {
        "python",
        "pip",
    }
    pinned = [requirement for requirement in pip if not requirement.startswith("-")]
    assert names(pinned) | conda == names(PROJECT["dependencies"])
    assert set(pinned) <= set(PROJECT["dependencies"]), "the lower bounds differ from pyproject.toml"
    assert [requirement for requirement in pip if requirement.startswith("-")] == ["-e ."]


def test_the_lock_holds_every_package_at_one_version():
    lock = (ROOT / "requirements.lock").read_text()
    wanted = names(PROJECT["dependencies"]) | names(PROJECT["optional-dependencies"]["test"])
    pinned = {line.split("==")[0].strip().lower() for line in lock.splitlines() if "==" in line and line[0].isalnum()}
    assert {name.replace("_", "-") for name in wanted} <= pinned
    assert "://" not in lock, "a lock names no host"


def test_set_up_does_nothing_twice(monkeypatch, tmp_path):
    ran = []
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / "stamp")
    monkeypatch.setattr(bootstrap, "run", lambda command, what: ran.append(what))
    monkeypatch.setattr(bootstrap, "works", lambda python: True)
    bootstrap.set_up(locked=True)
    assert ran == ["install the locked packages", "install the course"]
    bootstrap.set_up(locked=True)
    assert len(ran) == 2
    bootstrap.set_up(locked=False)
    assert ran[2:] == ["install the packages"]


@pytest.mark.parametrize("locked", [False, True])
def test_opening_the_course_installs_nothing_for_tests_and_testing_adds_them(monkeypatch, tmp_path, locked):
    installed = []
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / "stamp")
    monkeypatch.setattr(
        bootstrap, "run", lambda command, what: installed.append(command[command.index("install") + 1 :])
    )
    monkeypatch.setattr(bootstrap, "works", lambda python: True)
    monkeypatch.setattr(bootstrap.subprocess, "call", lambda command, cwd: 0)

    def make(name):
        installed.clear()
        with pytest.raises(SystemExit):
            bootstrap.main([*(["--locked"] if locked else []), name])
        return [part for command in installed for part in command]

    for name in ("lab", "course", "slides"):
        (tmp_path / "stamp").unlink(missing_ok=True)
        parts = make(name)
        assert parts[-2:] == ["-e", "."] and ("requirements.lock" in parts) == locked
        assert "-r" not in parts and ".[test]" not in parts
    parts = make("test")
    assert ("-r" in parts) if locked else parts[-1] == ".[test]"
    assert make("lab") == make("test") == make("setup") == [], "what tests need is enough for the lab"


def test_set_up_says_what_to_do_when_an_install_fails(tmp_path):
    with pytest.raises(SystemExit, match="could not install the packages; what went wrong stands above"):
        bootstrap.run([sys.executable, "-c", "raise SystemExit(1)"], "install the packages")


def test_no_file_of_the_project_names_this_machine():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    marks = (str(ROOT), str(Path.home()) + "/")
    assert [name for name in listed if any(mark in (ROOT / name).read_text(errors="ignore") for mark in marks)] == []
