"""Checkpoints that a power cut cannot break (lectures 04 to 10)."""

import os
import time
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from course_utils.training.batches import Plan
from course_utils.training.progress import History
from course_utils.training.settings import Settings


def save(state: dict, path: Path) -> None:
    """Write tensors and plain values in one step: a reader sees the old file or the new one, never half of one.

    Raises:
        OSError: where it cannot be written; what stood there before still stands.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(beside, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())  # or a power cut could leave the new name with the old nothing
        os.replace(beside, path)
    except RuntimeError as error:  # torch's zip writer, on a full disk
        raise OSError(f"'{path}' cannot be written ({error}): is the disk full?") from error
    finally:
        beside.unlink(missing_ok=True)


def read(path: Path) -> dict:
    """What `save` wrote, with nothing in it executed.

    Raises:
        ValueError: where the file is damaged; says what to do.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # torch, pickle and zip each raise their own kind
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"'{path}' is damaged ({reason}): delete it, and the training begins anew") from None


class Keeper:
    """Keeps a training's state in a file, now and then.

    Args:
        path: the file, or None to keep nothing.
        every: seconds between two times; after an epoch it keeps in any case.
        settings, plan: what the training has to be like to be continued.
        writes: False in all but one of several processes.
    """

    def __init__(self, path: Path | None, every: float, settings: Settings, plan: Plan, writes: bool = True):
        self.path, self.every, self.plan, self.writes = path and Path(path), every, plan, writes
        self.shape = settings.describe() | {"pictures": plan.pictures, "pictures a step": plan.per_step}
        self.began = self.last = time.monotonic()
        self.cpu_began = time.process_time()
        self.before = self.cpu_before = 0.0

    def restore(self, net: nn.Module, optimiser: torch.optim.Optimizer) -> History:
        """Put net and optimiser where the file left them; an empty history where there is none.

        Raises:
            ValueError: for a damaged file, or one of another training; names what differs.
        """
        if self.path is None or not self.path.exists():
            return History()
        state = read(self.path)
        differ = [name for name, value in self.shape.items() if state.get("shape", {}).get(name) != value]
        if differ:
            name = differ[0]
            found = f"{name} = {state.get('shape', {}).get(name)}, and now {self.shape[name]}"
            raise ValueError(f"'{self.path}' is a training with {found}: delete it, or name another checkpoint")
        try:
            net.load_state_dict(state["net"])
            optimiser.load_state_dict(state["optimiser"])
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"'{self.path}' holds another net: {str(error).splitlines()[0]}") from None
        history = History(**state["history"])
        self.before, self.cpu_before = history.seconds, history.cpu_seconds
        return history

    def keep(self, net: nn.Module, optimiser: torch.optim.Optimizer, history: History) -> None:
        """Write the state if it is time."""
        now = time.monotonic()
        history.seconds = self.before + now - self.began
        history.cpu_seconds = self.cpu_before + time.process_time() - self.cpu_began
        ended = history.epochs and history.epochs[-1]["steps"] == len(history.losses)
        if self.path is None or not self.writes or not (ended or now - self.last >= self.every):
            return
        save(
            {
                "shape": self.shape,
                "net": net.state_dict(),
                "optimiser": optimiser.state_dict(),
                "history": asdict(history),
            },
            self.path,
        )
        self.last = time.monotonic()


def writable(folder: Path) -> bool:
    """Whether files can be made in a folder, which is made where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
