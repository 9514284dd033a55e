"""A training of seconds, run as a process of its own by test_train.py: to be killed, or to be one of two."""

import os
import time
from pathlib import Path

import torch
import torch._dynamo  # optimisers import it at their first step; here it is done once for all processes
from torch import nn
from torch.utils.data import Dataset

from course_utils.losses import CrossEntropy
from course_utils.training.loop import train
from course_utils.training.made_of import fingerprint, made_of
from course_utils.training.processes import Alone, launched
from course_utils.training.saving import save
from course_utils.training.settings import Settings


class Stripes(Dataset):
    """Noise on stripes, other noise each time, with some void."""

    items = tuple(f"stripe_{index:02}" for index in range(24))

    def __init__(self, pause: float = 0.0):
        self.pause = pause

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        time.sleep(self.pause)
        mask = (torch.arange(12)[:, None] + torch.arange(16)[None] + index) // 3 % 3
        image = nn.functional.one_hot(mask, 3).movedim(-1, 0).float() + torch.randn(3, 12, 16)
        mask = mask.clone()
        mask[: index % 5] = 255
        return image, mask


def make_net(dropout: float = 0.2, batch_norm: bool = True) -> nn.Module:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        norm = [nn.BatchNorm2d(8)] if batch_norm else []
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), *norm, nn.ReLU(), nn.Dropout(dropout), nn.Conv2d(8, 3, 3, padding=1)
        )


def unbroken_or_killed(out: Path, checkpoint: Path | None, pause: float) -> None:
    """Train with everything that draws by chance: augmentation, order, dropout."""
    torch.set_num_threads(1)
    net = make_net()
    settings = Settings(epochs=4, batch=4, lr=1e-2)
    train(net, Stripes(pause), CrossEntropy(), settings, device="cpu", checkpoint=checkpoint, every=0.0, progress=False)
    save(net.state_dict(), out)


def digits_of(net, dataset, loss, settings, prepare=None, validate=None) -> str:
    """What stands for a training."""
    return fingerprint(made_of(net, dataset, loss, settings, prepare, Alone("cpu")), validate)


def write_fingerprint(out: Path) -> None:
    """The fingerprint of a training, from another process."""
    digits = digits_of(make_net(), Stripes(), CrossEntropy(), Settings(), torch.relu)
    out.write_text(digits)


def shared(out: Path, batch: int, told: dict[str, int] | None = None) -> None:
    """Train in however many processes there are, told of each other by the variables that torchrun sets."""
    torch.set_num_threads(1)
    told = told or {}
    rank = {"LOCAL_RANK": told.get("RANK"), "LOCAL_WORLD_SIZE": told.get("WORLD_SIZE"), "MASTER_ADDR": "127.0.0.1"}
    os.environ |= {name: str(value) for name, value in (told | rank).items() if told}
    machine = launched("cpu")
    # dropout and batch norm look at one process's pictures: not the same for one process and for two
    net = make_net(dropout=0.0, batch_norm=False)
    settings = Settings(epochs=4, batch=batch, lr=1e-2, optimiser="sgd")
    train(net, Stripes(), CrossEntropy(), settings, machine=machine)
    if machine.process == 0:
        save(net.state_dict(), out)
