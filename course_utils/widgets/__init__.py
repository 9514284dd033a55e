"""Explorers: a lecturer drags a slider and the room sees why. One explorer a file, each a function that returns a widget.

`explore(threshold(...))` puts one into a notebook, with a picture of its state for every reader without a kernel.
How to make another is told in `course_utils.widgets.frame`.
"""

from course_utils.widgets.frame import Explorer, explore
from course_utils.widgets.lecture_mode import lecture_mode

__all__ = ["Explorer", "explore", "lecture_mode"]
