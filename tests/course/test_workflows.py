"""Files in .github/workflows: a mistake in one shows here, not in a run that never begins."""

import shutil
import subprocess
import sys

import pytest

from course_utils.course.lectures import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BY_SCHEMA = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]


def judged(command: list[str], *files) -> subprocess.CompletedProcess:
    return subprocess.run([*command, *map(str, files)], capture_output=True, text=True, timeout=120)


def test_every_workflow_is_one_by_githubs_schema():
    assert WORKFLOWS
    found = judged(BY_SCHEMA, *WORKFLOWS)
    assert found.returncode == 0, found.stdout + found.stderr


def test_a_misspelled_key_of_a_workflow_is_found(tmp_path):
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(WORKFLOWS[0].read_text(encoding="utf-8").replace("runs-on:", "run-on:"), encoding="utf-8")
    found = judged(BY_SCHEMA, wrong)
    assert found.returncode == 1
    assert "runs-on" in found.stdout + found.stderr


@pytest.mark.skipif(not shutil.which("actionlint"), reason="actionlint is not on the PATH")
def test_actionlint_finds_nothing_in_the_workflows():
    found = judged(["actionlint", "-no-color"], *WORKFLOWS)
    assert found.returncode == 0, found.stdout


def test_actionlint_is_told_the_labels_of_machines_of_our_own():
    yaml = pytest.importorskip("yaml")
    jobs = [job for path in WORKFLOWS for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()]
    ours = {label for job in jobs if "self-hosted" in job["runs-on"] for label in job["runs-on"]} - {"self-hosted"}
    told = yaml.safe_load((ROOT / ".github" / "actionlint.yaml").read_text(encoding="utf-8"))
    assert set(told["self-hosted-runner"]["labels"]) == ours


def test_jobs_wait_for_jobs_that_there_are_and_steps_have_scripts_that_there_are():
    yaml = pytest.importorskip("yaml")
    for path in WORKFLOWS:
        jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
        for name, job in jobs.items():
            needs = job.get("needs", [])
            for need in [needs] if isinstance(needs, str) else needs:
                assert need in jobs, f"{path.name}: job {name} needs {need}, which there is not"
    gpu = yaml.safe_load((ROOT / ".github" / "workflows" / "gpu.yml").read_text(encoding="utf-8"))["jobs"]
    assert "rehearse" in gpu["run"]["needs"], "a broken notebook is to cost a minute"
    assert any("--profile full --rehearse" in step.get("run", "") for step in gpu["rehearse"]["steps"])
