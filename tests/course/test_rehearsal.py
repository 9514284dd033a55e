"""`course run --profile full --rehearse`: all of the full profile runs, and nothing of it is taken for a result."""

import json
import os
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset
from typer.testing import CliRunner

from course_utils.course.command import app
from course_utils.course.lectures import NOTEBOOKS, ROOT, lectures
from course_utils.course.rehearsal import MADE_UP, rehearse_lectures
from course_utils.course.results import collect, under_floor
from course_utils.data import rehearsal
from course_utils.data.dataset import load
from course_utils.data.registry import find_entry
from course_utils.losses import CrossEntropy
from course_utils.training import saving
from course_utils.training.kept_nets import train_or_load
from course_utils.training.loop import train
from course_utils.training.processes import Run
from course_utils.training.settings import Settings
from tests.course.made_up import cell, make_lecture

PICTURES = TensorDataset(torch.rand(9, 3, 8, 8), torch.randint(0, 2, (9, 8, 8)))


@pytest.fixture
def rehearsing(tmp_path, monkeypatch):
    monkeypatch.setattr(rehearsal, "FOLDER", tmp_path)
    return tmp_path


def stamps(*folders):
    return {path: path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.mark.notebooks
@pytest.mark.timeout(1500)
def test_every_notebook_runs_with_the_full_profile(tmp_path):
    before = stamps(NOTEBOOKS, ROOT / "results")
    command = [sys.executable, "-m", "course_utils.course.command", "run", "--profile", "full", "--rehearse"]
    command += ["--device", "cpu", "--jobs", "2", "--out", str(tmp_path / "build")]
    surroundings = os.environ | {"COURSE_CACHE": str(tmp_path / "cache")}
    ended = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for name in MADE_UP:
        assert f"{name}: real" in ended.stdout or f"{name}: made up" in ended.stdout
    report = json.loads((tmp_path / "build" / "rehearsal" / "report.json").read_text())
    assert [entry["name"] for entry in report["notebooks"]] == [lecture.name for lecture in lectures()]
    assert report["totals"]["peak_mb"] < 6 * 1024
    assert stamps(NOTEBOOKS, ROOT / "results") == before
    assert [path.name for path in tmp_path.iterdir()] == ["build"], "no net of a rehearsal is kept"
    assert [path.name for path in (tmp_path / "build").iterdir()] == ["rehearsal"]
    found = collect(tmp_path / "build" / "rehearsal" / "notebooks")
    assert {kept["run"]["profile"] for kept in found.values()} == {"full, rehearsed"}
    assert under_floor(found, {"full": {"04.overfit_pixel_accuracy": 2}}) == []


@pytest.mark.notebooks
def test_a_cell_that_only_the_full_profile_runs_is_found_broken(tmp_path):
    lecture = make_lecture(tmp_path / "notebooks", cell("if PROFILE == 'full':\n    totle"))
    report = rehearse_lectures([lecture], tmp_path / "out", "cpu", say=lambda line: None)
    assert "NameError: name 'totle'" in report["notebooks"][0]["error"]


def test_the_quick_profile_is_not_rehearsed():
    ended = CliRunner().invoke(app, ["run", "00", "--rehearse"])
    assert ended.exit_code == 2
    assert "--profile full --rehearse" in ended.output


@pytest.mark.parametrize("name", MADE_UP)
def test_what_is_made_up_opens_like_the_real_data_set(name, tmp_path):
    MADE_UP[name](tmp_path / name)
    for split in find_entry(name).splits[:2]:
        pictures = load(name, split, root=tmp_path / name)
        assert len(pictures) >= rehearsal.PICTURES
        masks = [pictures[index][1] for index in range(len(pictures))]
        assert torch.stack([mask.unique().numel() > torch.tensor(1) for mask in masks]).all(), "something is there"


def test_a_handful_of_pictures_is_opened(rehearsing):
    assert len(load("stickers", "train", images=6000)) == rehearsal.PICTURES


def test_a_lectures_own_loop_is_two_steps_too_and_as_long_as_its_profile_says_otherwise(tmp_path, monkeypatch):
    runs = {profile: Run(profile, torch.device("cpu"), 0) for profile in ("quick", "full")}
    assert {profile: run.steps(quick=100, full=1000) for profile, run in runs.items()} == {"quick": 100, "full": 1000}
    monkeypatch.setattr(rehearsal, "FOLDER", tmp_path)
    assert runs["full"].steps(quick=100, full=1000) == 2


def test_a_training_is_two_steps_in_mixed_precision_each_continued_from_a_checkpoint(rehearsing, monkeypatch):
    types, read = [], []

    class Net(nn.Conv2d):
        def forward(self, images):
            answer = super().forward(images)
            types.append(answer.dtype)
            return answer

    monkeypatch.setattr(saving, "read", lambda path: read.append(path) or torch.load(path, weights_only=True))
    options = {"folder": rehearsing, "device": "cpu", "say": lambda line: None, "progress": False}
    history = train_or_load("net", Net(3, 2, 1), PICTURES, CrossEntropy(), Settings(epochs=50, batch=20), **options)
    assert len(history.losses) == 2
    assert set(types) == {torch.bfloat16}
    assert len(read) >= 1


def test_going_on_from_its_checkpoints_changes_no_training(rehearsing):
    nets = []
    for checkpoint in (None, rehearsing / "checkpoint.pt"):
        torch.manual_seed(0)
        nets.append(nn.Conv2d(3, 2, 1))
        train(
            nets[-1], PICTURES, CrossEntropy(), Settings(batch=2), device="cpu", checkpoint=checkpoint, progress=False
        )
    assert torch.equal(nets[0].weight, nets[1].weight)
