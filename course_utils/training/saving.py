"""Checkpoints that a power cut cannot break (lectures 04 to 10)."""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from course_utils.data import rehearsal
from course_utils.data.files import write_text
from course_utils.training.batches import Plan
from course_utils.training.progress import History, write_curves
from course_utils.training.settings import schedule


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


def keep_results(net: nn.Module, recipe, dataset, history: History, result: dict, out: Path) -> None:
    """Write what a recipe ends with: net.pt with all that is needed to use it, curves.csv and result.json.

    Args:
        recipe: a `course_utils.training.recipes.Recipe`.
        dataset: the pictures it learned from; says how they are read and classes called.
        result: what result.json holds.
        out: the folder.
    """
    pictures = {name: getattr(dataset, name) for name in ("classes", "palette", "white")}
    words = {"recipe": json.dumps(asdict(recipe)), "pictures": json.dumps(pictures)}
    save({"net": net.state_dict(), **words}, out / "net.pt")
    write_curves(history, out / "curves.csv")
    write_text(out / "result.json", json.dumps(result, indent=2) + "\n")


class Keeper:
    """Keeps a training's state in a file, now and then.

    Args:
        path: the file, or None to keep nothing.
        every: seconds between two times; after an epoch and at a stop it keeps in any case.
        made: what makes this training, by name (see `made_of`); "epochs" alone may grow.
        plan: its steps.
        writes: False in all but one of several processes.
    """

    def __init__(self, path: Path | None, every: float, made: dict, plan: Plan, writes: bool = True):
        self.path, self.every, self.made, self.plan, self.writes = path and Path(path), every, made, plan, writes
        self.began = self.last = time.monotonic()
        self.cpu_began = time.process_time()
        self.before = self.cpu_before = 0.0

    def restore(self, net: nn.Module, optimiser: torch.optim.Optimizer) -> History:
        """Put net and optimiser where the file left them; an empty history where there is none.

        First weights may differ, since the file's take their place; that is said. So is a training that goes on for
        more epochs than it was begun with: it is another one than all of them at once.

        Raises:
            ValueError: for a damaged file, or one of another training; names what differs, and the ways out.
        """
        if self.path is None or not self.path.exists():
            return History(made=self.made)
        state = read(self.path)
        history = History(**state["history"])
        found = history.made
        differ = [name for name in self.made | found if found.get(name) != self.made.get(name)]
        differ.sort(key=lambda name: not name.startswith("["))  # a recipe's settings first: the reader wrote them
        longer = "epochs" in differ and found.get("epochs", float("inf")) < self.made["epochs"]
        for name in differ:
            if name != "first weights" and not (name == "epochs" and longer):
                raise ValueError(self.another(name, found))
        net.load_state_dict(state["net"])
        optimiser.load_state_dict(state["optimiser"])
        self.before, self.cpu_before = history.seconds, history.cpu_seconds
        if "first weights" in differ:
            self.say("began with other weights than this net has: it goes on with its own")
            self.made = self.made | {"first weights": found["first weights"]}
        if longer:
            self.lengthen(history, found["epochs"])
        history.made = self.made
        return history

    def another(self, name: str, found: dict) -> str:
        """Why a file is not continued: what differs, and what to do."""
        if not found:
            return f"'{self.path}' does not say what made it, as older versions left it: delete it, or train elsewhere"
        old, new = (made.get(name, "nothing said") for made in (found, self.made))
        what = "holds another net:" if name == "net" else f"is a training with {name} ="
        return (
            f"'{self.path}' {what} {old}, and now {new}. It is left as it is. To have both, train this one elsewhere "
            "(course train --out FOLDER; in Python, another checkpoint); to begin anew here, delete the file; to go on "
            f"with the old one, put {name} back. More epochs, all else the same, would go on from here"
        )

    def lengthen(self, history: History, old: float) -> None:
        """Go on after what was to be the end, or before it was reached, with the schedule of more epochs."""
        step, new = len(history.losses), self.made["epochs"]
        if history.epochs and history.epochs[-1]["steps"] % self.plan.steps_per_epoch:
            history.epochs.pop()  # cut short by the old end; it is completed now
        history.lengthened.append({"step": step, "from": old, "to": new})
        settings = self.plan.settings
        now = settings.lr * schedule(settings, step, self.plan.steps)
        self.say(
            f"goes on from step {step}, with {new:g} epochs instead of {old:g}: the learning rate is now that of step "
            f"{step} of {self.plan.steps} ({now:.2g}, schedule {settings.schedule}). {new:g} epochs at once would have had "
            "other rates before, and so may give another net; the result says that this one was lengthened"
        )

    def say(self, words: str) -> None:
        """Tell in one of the processes what becomes of the file."""
        if self.writes:
            print(f"'{self.path}' {words}")

    def keep(self, net: nn.Module, optimiser: torch.optim.Optimizer, history: History, last: bool = False) -> None:
        """Write the state if it is time, or the last one for now."""
        now = time.monotonic()
        history.seconds = self.before + now - self.began
        history.cpu_seconds = self.cpu_before + time.process_time() - self.cpu_began
        ended = history.epochs and history.epochs[-1]["steps"] == len(history.losses)
        if self.path is None or not self.writes or not (ended or last or now - self.last >= self.every):
            return
        save(
            {
                "net": net.state_dict(),
                "optimiser": optimiser.state_dict(),
                "history": asdict(history),
            },
            self.path,
        )
        self.last = time.monotonic()
        if rehearsal.FOLDER:  # as if it had been broken off here
            self.restore(net, optimiser)


def writable(folder: Path) -> bool:
    """Whether files can be made in a folder, which is made where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
