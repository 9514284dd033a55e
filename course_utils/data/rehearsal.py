"""A rehearsal: everything that a run would do, on a handful of pictures and in two steps a training (all lectures).

Whoever starts the run sets COURSE_REHEARSAL to a folder with made-up data sets, for those that are not on this machine.
This is the only place that asks for it.
"""

import os
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(os.environ["COURSE_REHEARSAL"]) if os.environ.get("COURSE_REHEARSAL") else None
PICTURES, BATCH, STEPS = 4, 1, 2  # of each split that is opened, of each step, of each training


def handful(items: Sequence, most: int = PICTURES) -> Sequence:
    """The first few of some pictures in a rehearsal, else all."""
    return items if FOLDER is None else items[:most]
