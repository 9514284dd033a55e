"""`course lab` prepares the student's copies and serves JupyterLab to this machine alone."""

import json
import re
import subprocess
import sys
import time
import urllib.request

import psutil
import pytest

from course_utils.course.running import family, kill

pytestmark = pytest.mark.notebooks  # serves them


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab on a free port, with its address and token, over a workspace of its own."""
    tmp_path = tmp_path_factory.mktemp("lab")
    command = [sys.executable, "-m", "course_utils.course.command", "lab", "--no-browser", "--port", "8931"]
    command += ["--workspace", str(tmp_path / "workspace")]
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True)
    try:
        deadline, found = time.monotonic() + 90, None
        while not found and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.5)
            found = re.search(
                r"(http://127\.0\.0\.1:\d+)(/lab/tree/00_start_here\.ipynb)\?token=(\w+)", log.read_text()
            )
        assert found, log.read_text()
        yield tmp_path / "workspace", *found.groups(), process.pid
    finally:
        kill(psutil.Process(process.pid))
        process.wait()


def test_the_lab_serves_the_start_page_from_the_workspace(lab):
    workspace, address, page, token, _ = lab
    with urllib.request.urlopen(f"{address}{page}?token={token}", timeout=20) as answer:
        assert answer.status == 200
        assert b"JupyterLab" in answer.read()
    with urllib.request.urlopen(f"{address}/api/contents/?token={token}", timeout=20) as answer:
        names = {entry["name"] for entry in json.load(answer)["content"]}
    assert "00_start_here.ipynb" in names
    assert "raise NotImplementedError" in (workspace / "00_start_here.ipynb").read_text()


def test_the_lab_listens_on_this_machine_only_and_wants_its_token(lab):
    _, address, _, _, pid = lab
    sockets = [socket for member in family(psutil.Process(pid)) for socket in member.net_connections("inet")]
    assert {socket.laddr.ip for socket in sockets if socket.status == "LISTEN"} == {"127.0.0.1"}
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{address}/api/contents/", timeout=20)
