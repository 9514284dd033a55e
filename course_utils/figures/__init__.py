"""Every picture of the course. Each drawing function returns a matplotlib figure; `show` puts it in the notebook."""

from course_utils.figures.style import COLOURS, show

__all__ = ["COLOURS", "show"]
