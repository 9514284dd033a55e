"""The two ways to run a lecture: `quick` on a CPU in a minute or two, `full` on a GPU at the papers' sizes."""

import random
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

Value = TypeVar("Value")


@dataclass(frozen=True)
class Run:
    """How this run of a lecture goes: its profile, its device, its seed."""

    profile: str
    device: torch.device
    seed: int

    def pick(self, quick: Value, full: Value) -> Value:
        """The setting of this run's profile: `run.pick(quick=20, full=200)`."""
        return quick if self.profile == "quick" else full


def begin(profile: str, device: str = "auto", seed: int = 0) -> Run:
    """Seed everything, choose the device and the course's look for figures; the first call in every lecture.

    Args:
        profile: "quick" or "full".
        device: "auto" (a GPU where there is one), "cpu", "cuda", "cuda:1" or "mps".
        seed: seeds Python, NumPy and torch.

    Raises:
        ValueError: for an unknown profile, or a device that this machine lacks.
    """
    from course_utils.figures.style import use_course_style
    from course_utils.results import record_run

    if profile not in ("quick", "full"):
        raise ValueError(f"PROFILE = {profile!r}: the course has the profiles 'quick' and 'full'")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    use_course_style()
    run = Run(profile, find_device(device), seed)
    record_run(profile, str(run.device), seed)
    return run


def find_device(device: str = "auto") -> torch.device:
    """The torch device of that name, or the best one there is for "auto".

    Raises:
        ValueError: where this machine lacks it; says which devices it has.
    """
    found = ["cpu"]
    if torch.backends.mps.is_available():
        found.append("mps")
    found += [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if device == "auto":
        return torch.device(found[-1] if found[-1] == "mps" else "cuda:0" if len(found) > 1 else "cpu")
    if device in found or (device == "cuda" and "cuda:0" in found):
        return torch.device(device)
    raise ValueError(f"DEVICE = {device!r}: this machine has {', '.join(found)}; 'auto' takes the best of them")


def choose(dataset: str, among: dict[str, Value]) -> Value:
    """What a lecture runs on: `choose(DATASET, {"nuclei": nuclei})`.

    Raises:
        ValueError: for a name that the lecture does not offer; lists those it does.
    """
    if dataset not in among:
        raise ValueError(f"DATASET = {dataset!r}: this lecture runs on {', '.join(among)}")
    return among[dataset]
