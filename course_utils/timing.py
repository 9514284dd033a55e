"""How long something takes, on a CPU or a GPU (lecture 02)."""

import time
from collections.abc import Callable

import torch


def seconds(
    work: Callable[[], object], device: torch.device | str = "cpu", repeats: int = 3, warm_up: bool = True
) -> float:
    """The shortest of several timings.

    A GPU works on after Python has moved on, so each timing waits until it is done. The shortest is the one that other
    programs on the machine disturbed least.

    Args:
        work: what to time.
        device: where it runs.
        repeats: timings.
        warm_up: whether a first run goes untimed, in which memory is reserved and kernels are chosen.
    """
    device = torch.device(device)

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        elif device.type == "mps":
            torch.mps.synchronize()

    timings = []
    for _ in range(repeats + warm_up):
        wait()
        start = time.perf_counter()
        work()
        wait()
        timings.append(time.perf_counter() - start)
    return min(timings[warm_up:])
