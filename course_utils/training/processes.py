"""Where a training runs: alone on one device, or together with other processes under torchrun (lecture 05).

Both offer the same few words to the training loop. `Together` hands them to Accelerate.
"""

import os
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from course_utils.data import rehearsal

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

    def steps(self, quick: int, full: int) -> int:
        """Like `pick`, for how many steps a lecture's own training loop makes: few in a rehearsal."""
        return rehearsal.STEPS if rehearsal.FOLDER else self.pick(quick, full)


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


def precision_on(device: torch.device, precision: str) -> str:
    """ "bfloat16" or "float32": what "auto" means on a device; in a rehearsal it is a fast GPU's, on a CPU too."""
    if precision != "auto":
        return precision
    if rehearsal.FOLDER:
        return "bfloat16"
    fast = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
    return "bfloat16" if fast else "float32"


class Bfloat16InName(TorchFunctionMode):
    """Inside of autocast on a CPU that lacks bfloat16: layers that would be computed in it only answer in it.

    All types are those of mixed precision, and it takes a rehearsal ten times less.
    """

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function not in (functional.conv2d, functional.conv_transpose2d, functional.linear):
            return function(*args, **(kwargs or {}))
        wide = [value.float() if isinstance(value, Tensor) else value for value in args]
        with torch.autocast("cpu", enabled=False):
            return function(*wide, **(kwargs or {})).bfloat16()


class Alone:
    """One process on one device.

    Args:
        device: as for `course_utils.course.lessons.begin`, or a torch device.
        precision: as in `Settings`.
    """

    processes, process = 1, 0

    def __init__(self, device: str | torch.device = "auto", precision: str = "auto"):
        self.device = find_device(device) if isinstance(device, str) else device
        self.precision = precision_on(self.device, precision)

    def wrap(self, net: nn.Module) -> nn.Module:
        """The net on its device, in the form in which the loop calls it."""
        return net.to(self.device)

    def autocast(self):
        """The context in which the net runs: mixed precision, or nothing."""
        if self.precision != "bfloat16":
            return nullcontext()
        contexts = ExitStack()
        contexts.enter_context(torch.autocast(self.device.type, torch.bfloat16))
        if rehearsal.FOLDER and self.device.type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
            contexts.enter_context(Bfloat16InName())
        return contexts

    def backward(self, value: Tensor) -> None:
        """Add the gradients of this process's share of the loss."""
        value.backward()

    def sum(self, value: Tensor) -> Tensor:
        """The sum of a number over all processes."""
        return value


class Together:
    """One of several processes that torchrun started, through Accelerate; gradients are summed over all.

    Batch norms in training mode see their own process's pictures only. On GPUs they are made to see all.
    """

    def __init__(self, device: str | torch.device = "auto", precision: str = "auto"):
        from accelerate import Accelerator

        wanted = find_device(device) if isinstance(device, str) else device
        cpu = wanted.type == "cpu"
        precision = precision_on(wanted, precision)
        self.accelerator = Accelerator(cpu=cpu, mixed_precision="bf16" if precision == "bfloat16" else "no")
        self.device, self.precision = self.accelerator.device, precision
        self.processes, self.process = self.accelerator.num_processes, self.accelerator.process_index

    def wrap(self, net: nn.Module) -> nn.Module:
        if self.device.type == "cuda":
            net = nn.SyncBatchNorm.convert_sync_batchnorm(net)
        return self.accelerator.prepare_model(net)

    def autocast(self):
        return self.accelerator.autocast()

    def backward(self, value: Tensor) -> None:
        # processes exchange the mean of their gradients; a sum is what belongs to a sum of losses
        self.accelerator.backward(value * self.processes)

    def sum(self, value: Tensor) -> Tensor:
        return self.accelerator.reduce(value, reduction="sum")


def launched(device: str | torch.device = "auto", precision: str = "auto") -> Alone | Together:
    """`Together` where torchrun started this process beside others, `Alone` otherwise."""
    return (Together if int(os.environ.get("WORLD_SIZE", "1")) > 1 else Alone)(device, precision)
