"""What a training went through: its losses and scores (lectures 04 to 10)."""

import csv
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class History:
    """Losses and scores of a training so far.

    Args:
        losses: of each step.
        epochs: for each epoch its number from 1, the steps done by its end, its mean loss, and what was validated.
        seconds: that the training took, all parts of it together.
        cpu_seconds: of processor time in this process, over all of its threads: what a shared machine does not distort.
    """

    losses: list[float] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    cpu_seconds: float = 0.0

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
        """The last epoch in words."""
        last = self.epochs[-1]
        scores = "".join(f"  {name} {last[name]:.3f}" for name in self.scores() if name in last)
        return f"epoch {last['epoch']}  loss {last['loss']:.4f}{scores}"


def write_curves(history: History, path: Path) -> None:
    """One line an epoch: steps so far, mean loss of the epoch, and what the validation said."""
    names = [name for name in history.epochs[-1] if name != "steps"] if history.epochs else []
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["steps", *names])
        for epoch in history.epochs:
            table.writerow([epoch["steps"], *(f"{epoch.get(name, float('nan')):.5g}" for name in names)])
