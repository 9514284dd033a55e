"""A training of seconds, run as a process of its own by test_train.py: to be killed, or to be one of two.

python -m tests.tiny_training OUT.pt CHECKPOINT.pt BATCH PAUSE
"""

import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import Dataset

from course_utils.checkpoints import save
from course_utils.losses import CrossEntropy
from course_utils.optimisation import Settings
from course_utils.processes import launched
from course_utils.train import train


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


def main(out: str, checkpoint: str, batch: str, pause: str) -> None:
    torch.set_num_threads(1)
    machine = launched("cpu")
    together = checkpoint == "-"
    # dropout and batch norm look at one process's pictures: not the same for one process and for two
    net = make_net(0.0, False) if together else make_net()
    settings = Settings(epochs=4, batch=int(batch), lr=1e-2, optimiser="sgd" if together else "adamw")
    train(
        net,
        Stripes(float(pause)),
        CrossEntropy(),
        settings,
        checkpoint=None if together else Path(checkpoint),
        every=0.0,
        machine=machine,
    )
    if machine.process == 0:
        save(net.state_dict(), Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
