"""What a training went through, and how it is watched: a bar with the time left, curves, lines (lectures 04 to 10)."""

import csv
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm


@dataclass
class History:
    """Losses and scores of a training so far.

    Args:
        losses: of each step.
        epochs: for each epoch its number from 1, the steps done by its end, its mean loss, and what was validated.
        seconds: that the training took, all parts of it together.
        cpu_seconds: of processor time in this process, over all of its threads: what a shared machine does not distort.
        made: what made it, by name, where a checkpoint was kept; see `made_of`.
        lengthened: where it went on for more epochs than it was begun with: at which step, from and to how many.
    """

    losses: list[float] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    made: dict[str, Any] = field(default_factory=dict)
    lengthened: list[dict[str, float]] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"{len(self.losses):,} steps, {len(self.epochs):,} epochs, {self.seconds:.0f} s"

    def end_epoch(self, steps_per_epoch: int, scores: dict[str, float]) -> None:
        """Enter an epoch that has just ended, or been cut short at the end of the training."""
        recent = self.losses[len(self.epochs) * steps_per_epoch :]
        mean = sum(recent) / len(recent)
        self.epochs.append({"epoch": len(self.epochs) + 1, "steps": len(self.losses), "loss": mean, **scores})

    def score(self, name: str) -> list[tuple[int, float]]:
        """A score after each epoch at which it was taken, as (steps, value)."""
        return [(epoch["steps"], epoch[name]) for epoch in self.epochs if name in epoch]

    def scores(self) -> list[str]:
        """The names of the scores that were taken."""
        names = dict.fromkeys(name for epoch in self.epochs for name in epoch)
        return [name for name in names if name not in ("epoch", "steps", "loss")]

    def line(self) -> str:
        """The last epoch in words: its first seven scores, which fit on a line; `curves.csv` has them all."""
        last = self.epochs[-1]
        names = [name for name in self.scores() if name in last]
        scores = "".join(f"  {name} {last[name]:.3f}" for name in names[:7])
        more = f"  and {len(names) - 7} more" if len(names) > 7 else ""
        return f"epoch {last['epoch']}  loss {last['loss']:.4f}{scores}{more}"


def write_curves(history: History, path: Path) -> None:
    """One line an epoch: steps so far, mean loss of the epoch, and what the validation said."""
    names = [name for name in history.epochs[-1] if name != "steps"] if history.epochs else []
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["steps", *names])
        for epoch in history.epochs:
            table.writerow([epoch["steps"], *(f"{epoch.get(name, float('nan')):.5g}" for name in names)])


def facts_of(history: History, recipe, machine) -> dict[str, Any]:
    """What is kept in result.json of how a recipe was trained, as JSON can hold it."""
    cuda = machine.device.type == "cuda"
    return {
        "steps": len(history.losses),
        "lengthened": history.lengthened,
        "seconds": round(history.seconds, 1),
        "cpu_seconds": round(history.cpu_seconds, 1),
        "device": torch.cuda.get_device_name(machine.device) if cuda else f"cpu, {torch.get_num_threads()} threads",
        "processes": machine.processes,
        "precision": machine.precision,
        "torch": torch.__version__,
        "date": datetime.now(UTC).date().isoformat(),
        "recipe": asdict(recipe),
        "made of": history.made,
    }


# how curves are drawn while a net is trained: `begin` puts figures.learning.LiveCurves here, since this room draws nothing
live_curves: Callable[[History], Any] | None = None


class Progress:
    """Shows a training while it runs; a context that ends with it.

    Args:
        history: what is shown; the loop adds to it.
        plan: how many steps there will be.
        enabled: False shows nothing.
    """

    def __init__(self, history: History, plan, enabled: bool):
        self.history, self.plan, self.enabled = history, plan, enabled
        self.curves = live_curves(history) if enabled and live_curves and in_notebook() else None

    def __enter__(self) -> "Progress":
        # tqdm minds TQDM_DISABLE by itself, where disable is None or not given
        options = {} if self.enabled else {"disable": True}
        self.bar = tqdm(
            total=self.plan.steps,
            initial=len(self.history.losses),
            unit="step",
            file=sys.stderr,
            leave=False,
            **options,
        )
        return self

    def step(self) -> None:
        """A step was taken."""
        if not self.enabled:
            return
        self.bar.update()
        self.bar.set_postfix_str(f"loss {self.history.losses[-1]:.4f}", refresh=False)
        if self.curves:
            self.curves.redraw()

    def epoch(self) -> None:
        """An epoch has ended."""
        if self.enabled and not self.curves:
            epochs = -(-self.plan.steps // self.plan.steps_per_epoch)
            tqdm.write(self.history.line().replace("  loss", f" of {epochs}  loss", 1))

    def __exit__(self, *error) -> None:
        self.bar.close()
        if self.curves and self.history.losses:
            self.curves.redraw(last=True)


def in_notebook() -> bool:
    """Whether this runs in a notebook's kernel, which can show pictures."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None
