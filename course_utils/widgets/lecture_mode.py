"""Lecture mode: the same notebooks, a slide at a time, without code and large enough for the back row (lecture 00)."""

from pathlib import Path

from anywidget import AnyWidget
from IPython.display import display

from course_utils.live_views import live_view

HERE = Path(__file__).parent
WORDS = "Lecture mode: in JupyterLab a button stands here. PageDown goes on, PageUp back, Esc ends it, F9 resumes."


class LectureMode(AnyWidget):
    """A button that turns the whole page into slides, and back; it works for every notebook opened in the page."""

    _esm = HERE / "lecture_mode.js"
    _css = HERE / "lecture_mode.css"


def lecture_mode() -> None:
    """Put the button for lecture mode into the notebook (lecture 00)."""
    bundle = {**live_view(LectureMode()), "text/html": f"<p>{WORDS}</p>", "text/plain": WORDS}
    display(bundle, raw=True)
