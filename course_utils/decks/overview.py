"""The overview's own slides: a notebook in `slides/`, executed when a deck asks for it."""

from pathlib import Path

from course_utils.decks.model import Slide
from course_utils.decks.reading import read_slides
from course_utils.lectures import ROOT
from course_utils.notebooks import read_script

SCRIPT = ROOT / "slides" / "overview.py"
LIMIT = 120  # seconds that one of its cells may take


def overview_slides(notebooks: Path) -> list[Slide]:
    """Execute the overview's script and read its slides.

    Args:
        notebooks: the folder of executed notebooks whose results it shows.

    Raises:
        ValueError: where a cell fails; with its error.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = read_script(SCRIPT)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell["source"] = f"NOTEBOOKS = {str(Path(notebooks).resolve())!r}"
    where = {"metadata": {"path": str(ROOT)}}
    quiet = ["--log-level=ERROR"]
    client = NotebookClient(notebook, timeout=LIMIT, kernel_name="python3", resources=where, extra_arguments=quiet)
    try:
        client.execute()
    except CellExecutionError as error:
        raise ValueError(f"{SCRIPT.name} failed: {error.ename}: {error.evalue}") from None
    return read_slides(notebook, "overview")
