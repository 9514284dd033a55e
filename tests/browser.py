"""JupyterLab in a headless Chromium, as a student has it: `course lab` over a workspace of its own, nothing but localhost.

The fixtures, which `tests/conftest.py` hands to every test:

- `browser`: Chromium, one for the session; the test is skipped where there is none.
- `lab`: a running `course lab --no-browser`, one for the session; `lab.workspace` is a `Path` to put notebooks into.
- `lab_page`: a page of that lab that refuses, and reports, every request to another host.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil
import pytest

from course_utils.course.lectures import ROOT
from course_utils.course.running import kill

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
SCREENSHOTS = ROOT / "build" / "screenshots"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
FLAGS += ["--hide-scrollbars"]  # a slide is measured at its full width
FLAGS += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"]
LOCAL = {"127.0.0.1", "localhost", ""}  # blob: and data: have no host


@dataclass(frozen=True)
class Lab:
    """A running lab: its workspace, its address and its token."""

    workspace: Path
    address: str
    token: str

    def url(self, notebook: str) -> str:
        """Where a notebook opens; `reset` forgets the tabs that an earlier page left open."""
        return f"{self.address}/lab/tree/{quote(notebook)}?token={self.token}&reset"


@contextmanager
def serve_lab(
    workspace: Path, settings: Path, environment: dict | None = None, options: Sequence[str] = ()
) -> Iterator[Lab]:
    """`course lab` on a free port; ended with all its kernels.

    Args:
        workspace: the student's folder, made when it is missing.
        settings: an empty folder for Jupyter's own settings, so that those of the person who tests play no part.
    """
    settings.mkdir(parents=True, exist_ok=True)
    exposed = {"LabApp": {"expose_app_in_browser": True}}  # so that a test can ask JupyterLab for its state
    (settings / "jupyter_lab_config.json").write_text(json.dumps(exposed))
    variables = {"JUPYTER_CONFIG_DIR": str(settings), "JUPYTERLAB_WORKSPACES_DIR": str(settings / "workspaces")}
    command = [
        sys.executable,
        "-m",
        "course_utils.course.command",
        "lab",
        "--no-browser",
        "--workspace",
        str(workspace),
        *options,
    ]
    log = settings / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=os.environ | variables | (environment or {})
        )
    try:
        deadline, found = time.monotonic() + 90, None
        while not found and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.3)
            found = re.search(r"(http://127\.0\.0\.1:\d+)/lab\S*\?token=(\w+)", log.read_text())
        assert found, log.read_text()
        yield Lab(workspace, *found.groups())
    finally:
        kill(psutil.Process(process.pid))
        process.wait()


@pytest.fixture(scope="session")
def browser():
    """Chromium without a window; one for all tests, since Playwright runs once in a process."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: nothing to drive JupyterLab with")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):
    """A lab for all tests of the session, over a workspace with fresh student copies."""
    folder = tmp_path_factory.mktemp("lab")
    with serve_lab(folder / "workspace", folder / "settings") as running:
        yield running


@contextmanager
def local_page(browser, width: int = 1400, height: int = 1000):
    """A page from which no request leaves this machine; one that tries to fails the test."""
    context = browser.new_context(viewport={"width": width, "height": height})
    foreign: list[str] = []

    def guard(route):
        if urlsplit(route.request.url).hostname in (*LOCAL, None):
            route.continue_()
        else:
            foreign.append(route.request.url)
            route.abort()

    context.route("**/*", guard)
    page = context.new_page()
    page.set_default_timeout(60_000)
    try:
        yield page
    finally:
        context.close()
    assert not foreign, f"the page asked other machines: {foreign[:5]}"


@pytest.fixture
def lab_page(browser, lab):
    """An empty page for the running lab: `open_notebook(lab_page, lab, "00_start_here.ipynb")`."""
    with local_page(browser) as page:
        yield page


def open_notebook(page, lab: Lab, notebook: str) -> None:
    """Open a notebook of the workspace and wait until its kernel is ready."""
    page.goto(lab.url(notebook))
    page.wait_for_selector(".jp-NotebookPanel:visible .jp-Notebook .jp-Cell")
    wait_until_idle(page)


def wait_until_idle(page, seconds: float = 120) -> None:
    """Wait until the shown notebook's kernel has nothing left to do."""
    page.wait_for_function(
        """() => {
            const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
            const waiting = [...document.querySelectorAll('.jp-InputPrompt')].some(p => p.textContent.includes('[*]'));
            return session?.session?.kernel?.status === 'idle' && !waiting;
        }""",
        timeout=1000 * seconds,
    )


def run_all(page, seconds: float = 120) -> None:
    """Run every cell of the shown notebook."""
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    wait_until_idle(page, seconds)


def save(page) -> None:
    """Save the shown notebook, and wait until it is on the disk."""
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")


def cell_with(page, text: str):
    """The shown notebook's cell that holds this text, scrolled into view."""
    cell = page.locator(".jp-NotebookPanel:visible .jp-Cell").filter(has_text=text).first
    cell.scroll_into_view_if_needed()
    return cell


def screenshot(page, name: str) -> Path:
    """Keep what the page shows, under build/screenshots, for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path)
    return path
