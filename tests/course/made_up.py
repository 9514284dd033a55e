"""Small lectures made for tests."""

from pathlib import Path

import nbformat

from course_utils.course.lectures import Lecture
from course_utils.course.notebooks import read_script

HEADER = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   language_info:
#     name: python
# ---

"""
PARAMETERS = """# %% slideshow={"slide_type": "skip"} tags=["parameters"]
PROFILE = "quick"
DEVICE = "auto"
SEED = 0
DATASET = "nuclei"

"""


def cell(code: str) -> str:
    """A code cell of a script."""
    return f'# %% slideshow={{"slide_type": "-"}}\n{code}\n\n'


def make_lecture(folder: Path, body: str, parameters: str = PARAMETERS, name: str = "99_made_up") -> Lecture:
    """A lecture with its script and its notebook, not executed."""
    script = folder / "scripts" / f"{name}.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(HEADER + parameters + body)
    notebook = folder / f"{name}.ipynb"
    nbformat.write(read_script(script), notebook)
    return Lecture(name, notebook, script)
