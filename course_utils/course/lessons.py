"""How a lecture begins: `quick` on a CPU in a minute or two, or `full` on a GPU at the papers' sizes."""

import random

import numpy as np
import torch

from course_utils.data import rehearsal
from course_utils.training.processes import Run, Value, find_device


def begin(profile: str, device: str = "auto", seed: int = 0) -> Run:
    """Seed everything, choose the device and the course's look for figures; the first call in every lecture.

    Args:
        profile: "quick" or "full".
        device: "auto" (a GPU where there is one), "cpu", "cuda", "cuda:1" or "mps".
        seed: seeds Python, NumPy and torch.

    Raises:
        ValueError: for an unknown profile, or a device that this machine lacks.
    """
    from course_utils.course.results import record_run
    from course_utils.figures.learning import LiveCurves
    from course_utils.figures.style import use_course_style
    from course_utils.training import progress

    if profile not in ("quick", "full"):
        raise ValueError(f"PROFILE = {profile!r}: the course has the profiles 'quick' and 'full'")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    use_course_style()
    progress.live_curves = LiveCurves
    run = Run(profile, find_device(device), seed)
    record_run(f"{profile}, rehearsed" if rehearsal.FOLDER else profile, str(run.device), seed)
    return run


def choose(dataset: str, among: dict[str, Value]) -> Value:
    """What a lecture runs on: `choose(DATASET, {"nuclei": nuclei})`.

    Raises:
        ValueError: for a name that the lecture does not offer; lists those it does.
    """
    if dataset not in among:
        raise ValueError(f"DATASET = {dataset!r}: this lecture runs on {', '.join(among)}")
    return among[dataset]
