"""Every data set of the course: what it is, who made it, where it comes from (all lectures).

Hosts come and go. Addresses marked `sure=False` are mirrors that other projects name; none could be tried when this
list was written. `course data download` tries all of them in order and checks what it gets.
"""

from difflib import get_close_matches

from course_utils.data.entries_cells import CELLS
from course_utils.data.entries_scenes import SCENES
from course_utils.data.entries_voc import VOC
from course_utils.data.entry import Entry

REGISTRY = {entry.name: entry for entry in (*SCENES[:1], *VOC, *SCENES[1:], *CELLS)}


def find_entry(name: str) -> Entry:
    """The data set of that name.

    Raises:
        ValueError: where there is none; names the nearest, or all.
    """
    if name not in REGISTRY:
        near = get_close_matches(name, REGISTRY, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(REGISTRY)}"
        raise ValueError(f"there is no data set {name!r}: {hint}")
    return REGISTRY[name]
