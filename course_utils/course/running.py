"""Running notebooks under papermill, each in a process of its own, and building the committed ones from scripts."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import psutil
from nbformat import NotebookNode

from course_utils.course.lectures import Lecture
from course_utils.course.notebooks import read_notebook, read_script, source_problems
from course_utils.course.workspace import student_copy
from course_utils.data.files import write_text
from course_utils.widgets.live_views import without_live_views

# Seconds that one cell and one whole notebook may take, by profile: what is slower than this hangs.
CELL_LIMIT = {"quick": 400, "full": 4 * 3600}
NOTEBOOK_LIMIT = {"quick": 900, "full": 10 * 3600}


@dataclass(frozen=True)
class Outcome:
    """How one notebook's run ended: status is "passed", "failed" or "timeout"; memory is that of all its processes."""

    name: str
    status: str
    seconds: float
    peak_mb: int
    error: str = ""


def run_lecture(
    lecture: Lecture,
    out: Path,
    profile: str = "quick",
    device: str = "auto",
    jobs: int = 1,
    cell_limit: float | None = None,
    notebook_limit: float | None = None,
    moving: bool = False,
    surroundings: Mapping[str, str] | None = None,
) -> Outcome:
    """Run one notebook into `out/notebooks/`, with the profile and device as its parameters.

    Args:
        lecture: its `.ipynb` is run; the file itself is not changed.
        out: the build folder.
        profile: "quick" or "full".
        device: as in `course_utils.course.lessons.begin`.
        jobs: how many notebooks run at once: the processor's cores are shared between them.
        cell_limit, notebook_limit: seconds; the profile's own when left out.
        moving: whether explorers leave pictures in it to move among in books and decks (`course_utils.course.moving`).
        surroundings: further environment variables of its process.

    Raises:
        OSError: where `out` cannot be written.
    """
    target = out / "notebooks" / lecture.notebook.name
    target.parent.mkdir(parents=True, exist_ok=True)
    broken = [problem for problem in readable(lecture) if problem]
    if broken:
        return Outcome(lecture.name, "failed", 0.0, 0, broken[0])

    with tempfile.TemporaryDirectory(prefix="course-", dir=out) as folder:
        executed = Path(folder) / lecture.notebook.name
        command = [sys.executable, "-m", "papermill", str(lecture.notebook), str(executed), "--cwd", folder]
        command += ["-r", "PROFILE", profile, "-r", "DEVICE", device, "--no-progress-bar", "--log-level", "WARNING"]
        command += ["--execution-timeout", str(int(cell_limit or CELL_LIMIT[profile]))]
        environment = os.environ | {"TQDM_DISABLE": "1"} | (surroundings or {})
        if moving:
            environment["COURSE_MOVING"] = "1"
        if jobs > 1:
            environment["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // jobs))
        started = time.monotonic()
        ended, peak_mb, messages = watch(command, environment, notebook_limit or NOTEBOOK_LIMIT[profile])
        seconds = round(time.monotonic() - started, 1)
        status, error = judge(ended, executed, messages)
        if intact(executed):  # on a full disk half a notebook may be there
            os.replace(executed, target)
    return Outcome(lecture.name, status, seconds, peak_mb, error)


def readable(lecture: Lecture) -> list[str]:
    """What keeps a notebook from being run at all: not a notebook, a cell that is not Python, a wrong parameter."""
    try:
        notebook = read_notebook(lecture.notebook)
    except ValueError as error:
        return [str(error)]
    return [problem for problem in source_problems(notebook) if "not Python" in problem or "parameter" in problem]


def watch(command: list[str], environment: dict, limit: float) -> tuple[int | None, int, str]:
    """Run a command and sample the memory of all its processes.

    Returns:
        its exit status (None when it ran over the limit and was killed), the peak memory in MB, what it printed
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as messages:
        process = psutil.Popen(
            command, env=environment, stdout=messages, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
        peak, deadline = 0, time.monotonic() + limit
        try:
            while process.poll() is None and time.monotonic() < deadline:
                peak = max(peak, memory_of(process))
                time.sleep(0.2)
        finally:
            hung = process.poll() is None
            if hung:
                kill(process)
        messages.seek(0)
        return None if hung else process.returncode, peak // 2**20, messages.read()


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process and all that it started."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def memory_of(process: psutil.Process) -> int:
    """Resident memory of a process and all that it started, in bytes."""
    total = 0
    for member in family(process):
        try:
            total += member.memory_info().rss
        except psutil.Error:
            continue  # it ended between the listing and the reading
    return total


def kill(process: psutil.Process) -> None:
    """End a process and all that it started, kernels included."""
    members = family(process)
    for member in members:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(members, timeout=10)


def judge(ended: int | None, executed: Path, messages: str) -> tuple[str, str]:
    """Status and error of a run, in words: which cell stopped, with what, or what ran over its limit."""
    if ended == 0:
        return "passed", ""
    if ended is None:
        return "timeout", "the notebook ran over its time limit and was stopped"
    where = failing_cell(executed, died="DeadKernelError" in messages)
    if "CellTimeoutError" in messages or "CellTimeout" in where:
        return "timeout", f"a cell ran over its time limit and was stopped {where}".strip()
    if where:
        return "failed", where
    lines = [line for line in messages.strip().splitlines() if line.strip()]
    return "failed", lines[-1] if lines else f"papermill ended with status {ended}"


def intact(notebook: Path) -> bool:
    """Whether a whole notebook is there."""
    try:
        return bool(read_notebook(notebook))
    except ValueError:
        return False


def failing_cell(executed: Path, died: bool = False) -> str:
    """The first cell with an error in a notebook that papermill left behind, and the error.

    A kernel that died leaves no error: then it is the last cell that was begun.
    """
    try:
        cells = read_notebook(executed).cells
    except ValueError:
        return ""
    added = {"papermill-error-cell-tag", "injected-parameters"}  # not in the notebook that people open
    cells = [cell for cell in cells if added.isdisjoint(cell.metadata.get("tags", []))]
    said = last = ""
    for number, cell in enumerate(cells, start=1):
        where = f"cell {number} ({next(iter(cell.source.strip().splitlines()), '')[:60]})"
        if cell.metadata.get("papermill", {}).get("start_time"):
            last = f"{where}: the kernel died: it ran out of memory, or a library or this cell ended its process"
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                said = said or f"{where}: {output.ename}: {output.evalue}"
    return said or (last if died else "")


def run_lectures(
    lectures: list[Lecture],
    out: Path,
    profile: str = "quick",
    device: str = "auto",
    jobs: int = 1,
    ended: Callable[[Outcome], None] = lambda outcome: None,
    surroundings: Mapping[str, str] | None = None,
) -> dict:
    """Run notebooks, `jobs` at a time, and write `out/report.json`.

    Args:
        ended: called with each outcome as it comes.
        surroundings: as for `run_lecture`; with some, explorers leave no pictures to move among.

    Returns:
        the report: profile, device, date, one entry a notebook, and the totals
    """
    started = time.monotonic()

    def one(lecture: Lecture) -> Outcome:
        outcome = run_lecture(
            lecture, out, profile, device, jobs, moving=surroundings is None, surroundings=surroundings
        )
        ended(outcome)
        return outcome

    with ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(one, lecture) for lecture in lectures]
        try:
            outcomes = [each.result() for each in running]
        except BaseException:  # interrupted, or the disk is full: do not begin the others
            pool.shutdown(cancel_futures=True)
            raise
    report = {
        "profile": profile,
        "device": device,
        "date": datetime.now(UTC).date().isoformat(),
        "notebooks": [asdict(outcome) for outcome in outcomes],
        "totals": {
            "notebooks": len(outcomes),
            "passed": sum(outcome.status == "passed" for outcome in outcomes),
            "seconds": round(time.monotonic() - started, 1),
            "peak_mb": max((outcome.peak_mb for outcome in outcomes), default=0),
        },
    }
    write_text(out / "report.json", json.dumps(report, indent=2) + "\n")
    return report


def build_lecture(lecture: Lecture) -> Outcome:
    """Execute a lecture's script in the quick profile on the CPU, and put the notebook in its place if it ran through.

    Raises:
        ValueError: where the script breaks the course's rules for tags, slide types, parameters or syntax, or where a
            student's copy of it would show a solution.
    """
    source = read_script(lecture.script)
    wrong = source_problems(source)
    try:
        student_copy(source)
    except ValueError as error:
        wrong.append(str(error))
    if wrong:
        raise ValueError(f"{lecture.script.name} is not built: " + "; ".join(wrong))
    with tempfile.TemporaryDirectory(prefix="course-build-") as folder:
        draft = replace(lecture, notebook=Path(folder) / lecture.notebook.name)
        nbformat.write(source, draft.notebook)
        outcome = run_lecture(draft, Path(folder), profile="quick", device="cpu")
        if outcome.status == "passed":
            executed = read_notebook(Path(folder) / "notebooks" / lecture.notebook.name)
            write_text(lecture.notebook, nbformat.writes(with_outputs(source, executed)) + "\n")
        return outcome


def with_outputs(source: NotebookNode, executed: NotebookNode) -> NotebookNode:
    """The source with the outputs of its run, and none of the traces that a run leaves (times, host, injected cells)."""
    by_id = {cell["id"]: cell for cell in executed.cells}
    for count, cell in enumerate((cell for cell in source.cells if cell.cell_type == "code"), start=1):
        cell["outputs"] = by_id[cell["id"]].outputs
        cell["execution_count"] = count
        for output in cell.outputs:
            if "execution_count" in output:
                output["execution_count"] = count
    return without_live_views(source)
