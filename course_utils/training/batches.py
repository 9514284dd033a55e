"""Which pictures each step looks at, so that a training can be broken off anywhere and continued (lectures 04 to 10).

Nothing here keeps a state: the order of an epoch follows from the seed and the epoch, the augmentation of a picture
from seed, epoch and picture. Step 731 looks at the same pixels whether 730 steps went before or not, and whether one
process looks at them or two.
"""

import multiprocessing
import pickle
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FunctionType

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from course_utils.training.settings import Settings


def draw_from(*numbers: int) -> None:
    """Seed torch, NumPy and Python's random from some numbers."""
    seed = int(np.random.SeedSequence(numbers).generate_state(1)[0])
    # not torch.manual_seed: until CUDA is in use, it keeps every call for later, with its whole stack
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


@contextmanager
def chance_kept(device: torch.device):
    """Leave all random states afterwards as they were before."""
    python, numpy = random.getstate(), np.random.get_state()
    devices = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


class Drawn(Dataset):
    """A data set whose item (epoch, index) always has the same augmentation."""

    def __init__(self, dataset: Dataset, seed: int):
        self.dataset, self.seed = dataset, seed

    def __getitem__(self, place: tuple[int, int]):
        draw_from(self.seed, *place)
        return self.dataset[place[1]]


@dataclass(frozen=True)
class Plan:
    """The pictures of every step of a training.

    Args:
        pictures: how many there are.
        settings: epochs, batch, accumulate and seed count.
        processes: how many share a step.
        process: which of them this is, from 0.

    Raises:
        ValueError: where there are fewer pictures than one step takes.
    """

    pictures: int
    settings: Settings
    processes: int = 1
    process: int = 0

    def __post_init__(self):
        if self.pictures < self.per_step:
            s = self.settings
            product = f"batch {s.batch} x accumulate {s.accumulate} x processes {self.processes}"
            raise ValueError(f"a step takes {self.per_step} pictures ({product}), and there are {self.pictures}")

    @property
    def per_step(self) -> int:
        return self.settings.batch * self.settings.accumulate * self.processes

    @property
    def steps_per_epoch(self) -> int:
        """Whole steps; the pictures left over get their turn in another epoch's order."""
        return self.pictures // self.per_step

    @property
    def steps(self) -> int:
        return max(1, round(self.settings.epochs * self.steps_per_epoch))

    def stop(self, done: int, until: float | None = None) -> int:
        """The step to stop before: the end, or where a share of all steps is done.

        Raises:
            ValueError: where `until` is no share, or passed already.
        """
        if until is None:
            return self.steps
        if not 0 < until <= 1:
            raise ValueError(f"until = {until:g}: a share of the steps, above 0 and up to 1")
        stop = max(1, round(until * self.steps))
        if done > stop:
            raise ValueError(
                f"until = {until:g} is step {stop}, and this training stands at step {done} already: ask for a larger share, or "
                "delete its checkpoint to begin anew"
            )
        return stop

    def order(self, epoch: int) -> list[int]:
        """The pictures of an epoch."""
        seed = int(np.random.SeedSequence((self.settings.seed, epoch)).generate_state(1)[0])
        return torch.randperm(self.pictures, generator=torch.Generator().manual_seed(seed)).tolist()

    def batches(self, first: int) -> Iterator[list[tuple[int, int]]]:
        """This process's batches from a step on, as (epoch, picture); `accumulate` of them make a step."""
        epoch, order = None, []
        for step in range(first, self.steps):
            if step // self.steps_per_epoch != epoch:
                epoch = step // self.steps_per_epoch
                order = self.order(epoch)
            here = order[step % self.steps_per_epoch * self.per_step :][: self.per_step]
            # every accumulated batch holds a stretch for each process, so one process sees what several would
            for part in range(self.settings.accumulate):
                start = (part * self.processes + self.process) * self.settings.batch
                yield [(epoch, picture) for picture in here[start : start + self.settings.batch]]

    def load(self, dataset: Dataset, first: int, workers: int = 0) -> Iterator[list[list[Tensor]]]:
        """The batches of each step, loaded.

        Args:
            dataset: gives (image, mask, ...).
            first: the step to begin with.
            workers: processes that load; 0 loads here, which always works.

        Raises:
            ValueError: where other processes cannot open the data; says what of it, and what to do.
        """
        if workers:
            refuse_what_stays_here(dataset)
        batches = iter(
            DataLoader(
                Drawn(dataset, self.settings.seed),
                batch_sampler=list(self.batches(first)),
                collate_fn=collate,
                num_workers=workers,
            )
        )
        for _ in range(first, self.steps):
            try:
                yield [next(batches) for _ in range(self.settings.accumulate)]
            except RuntimeError as error:
                if "exited unexpectedly" not in str(error):
                    raise
                raise RuntimeError(
                    f"a process that loads pictures died ({error}): with workers=0 they are loaded here, and an error of "
                    "theirs is shown; a container may lack shared memory (/dev/shm)"
                ) from None

    def pictures_of(self, step: int, dataset: Dataset) -> str:
        """The names of the pictures that this process looks at in a step, as a sentence can hold them."""
        steps = [place for batch in self.batches(step) for place in batch][
            : self.settings.batch * self.settings.accumulate
        ]
        names = getattr(dataset, "items", None)
        named = [str(names[picture]) if names else str(picture) for _, picture in steps]
        return ", ".join(named[:8]) + (f" and {len(named) - 8} more" if len(named) > 8 else "")


class ForWorkers(pickle.Pickler):
    """Pickles as for another process, and stops at what only a notebook defines; what comes out goes nowhere."""

    def __init__(self):
        self.notebook = not hasattr(sys.modules["__main__"], "__file__")  # a script is read again, a notebook is not

        class Nowhere:
            def write(self, part):
                return len(part)

        super().__init__(Nowhere())

    def reducer_override(self, thing):
        if self.notebook and isinstance(thing, type | FunctionType) and thing.__module__ == "__main__":
            raise ValueError(f"{thing.__qualname__} is defined in the notebook")
        return NotImplemented


def refuse_what_stays_here(dataset: Dataset) -> None:
    """Refuse a data set that processes started anew cannot open, as they are on Windows and macOS.

    A forked process has everything already.

    Raises:
        ValueError: names what cannot travel.
    """
    if multiprocessing.get_start_method() == "fork":
        return
    try:
        ForWorkers().dump(dataset)
    except (ValueError, TypeError, AttributeError, pickle.PicklingError) as error:
        raise ValueError(
            f"{error}, so no other process can open the pictures: workers=0 loads them here; or write it into a "
            "file of its own and import it"
        ) from None


def collate(samples: Sequence) -> list[Tensor]:
    """Samples as one batch: [images (N, C, H, W), masks (N, H, W), ...].

    Raises:
        ValueError: where the pictures differ in size.
    """
    sizes = {tuple(sample[0].shape[-2:]) for sample in samples}
    if len(sizes) > 1:
        found = ", ".join("x".join(map(str, size)) for size in sorted(sizes)[:4])
        raise ValueError(
            f"the pictures of a batch have different sizes ({found}): crop them alike, as with Augment(size=...), "
            "or take batch=1"
        )
    return list(default_collate(samples))
