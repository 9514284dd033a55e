"""Stickers: scenes in PASCAL VOC's shape, composed of emoji in seconds, with no network (lectures 04 to 06, 09).

Nineteen of VOC's twenty classes have emoji; the dining table has none, and keeps its number without ever being seen.
`scene(seed, index)` makes one scene; `course_utils.data.load("stickers", "train")` is the data set.
"""

from course_utils.data.stickers.drawings import MISSING
from course_utils.data.stickers.scenes import Scene, scene

__all__ = ["MISSING", "Scene", "scene"]
