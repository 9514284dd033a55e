"""From a lecture's script to the executed notebook that is committed (for maintainers)."""

import tempfile
from dataclasses import replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils.atomic import write_text
from course_utils.lectures import Lecture
from course_utils.live_views import without_live_views
from course_utils.notebooks import read_notebook, read_script, source_problems
from course_utils.running import Outcome, run_lecture


def build_lecture(lecture: Lecture) -> Outcome:
    """Execute a lecture's script in the quick profile on the CPU, and put the notebook in its place if it ran through.

    Raises:
        ValueError: where the script breaks the course's rules for tags, slide types, parameters or syntax.
    """
    source = read_script(lecture.script)
    wrong = source_problems(source)
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
