"""The training loop of the course (FCN, section 4.3; lectures 04 to 10).

history = train(net, dataset, CrossEntropy(), Settings(epochs=4), prepare=partial(normalise, name="vgg16"))
"""

import copy
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, TensorDataset

from course_utils.losses import MeanOf, SegmentationLoss
from course_utils.training.batches import Plan, chance_kept, draw_from
from course_utils.training.made_of import made_of
from course_utils.training.processes import Alone, Together
from course_utils.training.progress import History, Progress
from course_utils.training.saving import Keeper
from course_utils.training.settings import Settings, learn, make_optimiser, rehearsed, set_learning_rate

Prepare = Callable[[Tensor], Tensor]
Validate = Callable[[nn.Module], dict[str, float]]


class NonFiniteLoss(ArithmeticError):
    """The loss was infinite or not a number; the message says at which step and on which pictures."""


def train(
    net: nn.Module,
    dataset: Dataset,
    loss: SegmentationLoss | Callable,
    settings: Settings | None = None,
    *,
    prepare: Prepare | None = None,
    validate: Validate | None = None,
    device: str | torch.device = "auto",
    until: float | None = None,
    checkpoint: Path | None = None,
    every: float = 60.0,
    workers: int = 0,
    progress: bool = True,
    machine: Alone | Together | None = None,
    made: dict[str, Any] | None = None,
) -> History:
    """Train a net in place. The same seed gives the same weights on a CPU, broken off and continued or not.

    Args:
        net: from prepared images to what the loss takes; frozen parameters stay as they are. One that says
            `takes_targets = True` is given them as well, as nets that look again where things are need them.
        dataset: gives (image, mask), or (image, mask, ...) for losses that take more.
        loss: one of `course_utils.losses`, or a function that is a mean over the pictures of a batch.
        settings: see `Settings`.
        prepare: from a batch of images to what the net takes, on the device, such as `normalise`.
        validate: called with the net in eval mode after each epoch; what it gives goes into the history.
        device: as for `course_utils.course.lessons.begin`.
        until: stop after this share of the steps, to look at the net half way. With a checkpoint, the same training asked
            for again goes on from there, to the weights that it would have had without a stop.
        checkpoint: a file; where it is there already, training goes on from it, with more epochs too. All else that
            makes a training (see `made_of`) has to be as it was.
        every: seconds between checkpoints; there is one after each epoch in any case.
        workers: processes that load pictures; 0 loads in this one.
        progress: a bar with the time left, and the curves: drawn in notebooks, as text elsewhere.
        machine: where to run, when it is not `device` alone; see `course_utils.training.processes`.
        made: what makes this training, by name, where the caller can say more of it than `made_of`.

    Returns:
        the loss at each step, and what `validate` said after each epoch

    Raises:
        NonFiniteLoss: at the first loss that is not a finite number, before it touches the weights.
        ValueError: for pictures that make no batch, a checkpoint of another training, or one that stands beyond `until`.
    """
    settings = rehearsed(settings or Settings(), len(dataset))
    machine = machine or Alone(device, settings.precision)
    plan = Plan(len(dataset), settings, machine.processes, machine.process)
    if made is None:
        made = made_of(net, dataset, loss, settings, prepare, machine) if checkpoint else {}
    loss = loss if isinstance(loss, SegmentationLoss) else MeanOf(loss)
    if settings.channels_last:
        net.to(memory_format=torch.channels_last)
    net.to(machine.device), loss.to(machine.device)
    optimiser = make_optimiser(net, settings)
    keeper = Keeper(checkpoint, every, made, plan, writes=machine.process == 0)
    history = keeper.restore(net, optimiser)
    first = len(history.losses)
    stop = plan.stop(first, until)
    told = getattr(net, "takes_targets", False)
    running = machine.wrap(net)

    with chance_kept(machine.device), Progress(history, plan, progress and machine.process == 0) as shown:
        for step, parts in enumerate(islice(plan.load(dataset, first, workers), stop - first), start=first):
            draw_from(settings.seed, step, machine.process)  # dropout
            learn(running, settings)
            lr = set_learning_rate(optimiser, settings, step, plan.steps)
            parts = [[value.to(machine.device) for value in part] for part in parts]
            amount = machine.sum(sum(loss.amount(*targets) for _, *targets in parts)) if loss.normalised else None
            value = torch.zeros((), device=machine.device)
            for images, *targets in parts:
                with machine.autocast():
                    outputs = ask(
                        running, as_input(images, prepare, settings.channels_last), *(targets if told else ())
                    )
                share = loss.total(as_float32(outputs), *targets)  # a number, or one for each head
                share = (share if amount is None else share / amount.clamp(min=1e-12)).sum()
                machine.backward(share)
                value += share.detach()

            value = machine.sum(value).item()
            refuse_non_finite(value, step, plan, dataset, lr)
            optimiser.step()
            optimiser.zero_grad()

            history.losses.append(value)
            if (step + 1) % plan.steps_per_epoch == 0 or step + 1 == plan.steps:
                history.end_epoch(plan.steps_per_epoch, judge(net, validate) if machine.process == 0 else {})
                shown.epoch()
            keeper.keep(net, optimiser, history, last=step + 1 == stop)
            shown.step()
    net.eval()
    return history


def as_input(images: Tensor, prepare: Prepare | None, channels_last: bool) -> Tensor:
    """A batch of images as the net takes it."""
    images = prepare(images) if prepare else images
    if not images.is_floating_point():
        raise ValueError(
            f"the net would get {str(images.dtype).removeprefix('torch.')} pixels: say how to prepare them, as in "
            "prepare=partial(normalise, name='efficientnet_lite0')"
        )
    last = channels_last and images.ndim == 4
    return images.contiguous(memory_format=torch.channels_last) if last else images


def ask(net: nn.Module, images: Tensor, *targets: Tensor):
    """What a net says in training.

    Raises:
        ValueError: where a batch norm has nothing to average over; says what to do.
    """
    try:
        return net(images, *targets)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        size = "x".join(map(str, images.shape[-2:]))
        raise ValueError(
            f"a batch of {len(images)} picture of {size} shrinks to a single cell, and a batch norm has nothing to average "
            "over: take batch = 2 or more, larger pictures, or batch_norm = 'keep'"
        ) from None


def as_float32(outputs):
    """What a net gave under mixed precision, in float32 again: sums over pixels need the digits."""
    if isinstance(outputs, dict):
        return {name: as_float32(value) for name, value in outputs.items()}
    if isinstance(outputs, tuple | list):
        return type(outputs)(as_float32(value) for value in outputs)
    half = outputs.dtype in (torch.bfloat16, torch.float16)
    return outputs.float() if half else outputs


def judge(net: nn.Module, validate: Validate | None) -> dict[str, float]:
    """What `validate` says of the net in eval mode."""
    if validate is None:
        return {}
    net.eval()
    with torch.no_grad():
        return {name: float(value) for name, value in validate(net).items()}


def refuse_non_finite(value: float, step: int, plan: Plan, dataset: Dataset, lr: float) -> None:
    """Stop at a loss that is not finite; the weights are still those from before the step.

    Raises:
        NonFiniteLoss: says where.
    """
    if abs(value) < float("inf"):
        return
    epoch, batch = divmod(step, plan.steps_per_epoch)
    where = f"step {step} (epoch {epoch + 1}, batch {batch + 1} of {plan.steps_per_epoch}; pictures "
    where += f"{plan.pictures_of(step, dataset)})"
    raise NonFiniteLoss(
        f"the loss is {value} at {where}, learning rate {lr:.3g}. The weights are those from before this step. Look "
        "at these pictures and masks; if they are as they should be, take a smaller learning rate or a longer warm_up"
    )


def overfit_one_batch(
    net: nn.Module,
    images: Tensor,
    masks: Tensor,
    loss: SegmentationLoss | Callable,
    steps: int = 60,
    lr: float = 2e-3,
    prepare: Prepare | None = None,
    device: str | torch.device = "auto",
    progress: bool = False,
) -> tuple[nn.Module, History]:
    """Train a copy of a net on one batch alone: if it cannot learn that by heart, something is broken (lecture 04).

    The net itself is left as it was. Its copy keeps its batch-norm statistics and has no dropout to fight.

    Shape:
        images (N, 3, H, W), masks (N, H, W)

    Returns:
        the trained copy in eval mode, and its history: losses should fall towards zero
    """
    copied = copy.deepcopy(net)
    for module in copied.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.p = 0.0
    settings = Settings(epochs=steps, batch=len(images), lr=lr, schedule="constant", warm_up=0.1, batch_norm="keep")
    history = train(
        copied, TensorDataset(images, masks), loss, settings, prepare=prepare, device=device, progress=progress
    )
    return copied, history
