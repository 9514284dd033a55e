"""`course train CONFIG.toml`: the same loop as in the notebooks, from the command line, under torchrun too (lecture 05).

A configuration has five tables: [net], [data], [augment], [loss] and [training]; `configs/camvid_cpu.toml` shows all.
"""

import json
import tomllib
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course_utils.atomic import write_text
from course_utils.data import load
from course_utils.data.dataset import Dataset
from course_utils.data.transforms import Augment
from course_utils.evaluation import Evaluation, evaluate
from course_utils.losses import CrossEntropy, Dice, Focal, SegmentationLoss, balance
from course_utils.models.backbones import backbone
from course_utils.models.fcn import FCN, warm_start
from course_utils.models.fcn_paper import PaperFCN
from course_utils.models.imagenet import normalise
from course_utils.train import train
from course_utils.training.checkpoints import read, save
from course_utils.training.optimisation import Settings
from course_utils.training.processes import launched


@dataclass(frozen=True)
class Net:
    """[net]: form "practical" or "paper", a backbone, the stride, and the net.pt of a coarser net to start from.

    Form "unet" has a width, a depth and dropout instead, and learns from pictures of cells (`training/cells.py`).
    """

    form: str = "practical"
    backbone: str = "efficientnet_lite0"
    stride: int = 8
    at_once: bool = False
    start: str = ""
    width: int = 64
    depth: int = 4
    dropout: float = 0.5


@dataclass(frozen=True)
class Data:
    """[data]: a data set's name, its splits, options for `load`, and how many pictures are scored after each epoch.

    A U-Net's epoch has so many `crops`; its cells are those that `threshold`, `seed` and `smallest` give.
    """

    name: str = "stickers"
    train: str = "train"
    validate: str = "val"
    test: str = "val"
    validate_pictures: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    crops: int = 0
    threshold: float = 0.5
    seed: float = 0.7
    smallest: int = 15


@dataclass(frozen=True)
class Loss:
    """[loss]: "cross_entropy" (with weights "balanced" or a list, or normalised = false), "dice" or "focal".

    A U-Net's is always cross-entropy with border weights of w0 and sigma, and class weights "balanced" or a list.
    """

    name: str = "cross_entropy"
    weights: Any = None
    balance: float = 0.5
    normalised: bool = True
    focus: float = 2.0
    w0: float = 10.0
    sigma: float = 5.0


@dataclass(frozen=True)
class Recipe:
    """A whole configuration."""

    net: Net = field(default_factory=Net)
    data: Data = field(default_factory=Data)
    augment: dict[str, Any] = field(default_factory=dict)
    loss: Loss = field(default_factory=Loss)
    training: Settings = field(default_factory=Settings)


def read_recipe(path: Path, changes: list[str] | None = None) -> Recipe:
    """A configuration file, with some settings changed, as in "training.epochs=2".

    Raises:
        ValueError: for a file that is missing or not TOML, or a name or value that there is not; says which.
    """
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not TOML: {error}") from None
    for change in changes or []:
        table, _, setting = change.partition(".")
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise ValueError(f"{change!r}: changes look like training.epochs=2")
        try:
            tables.setdefault(table, {})[name.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            tables.setdefault(table, {})[name.strip()] = value.strip()
    kinds = {"net": Net, "data": Data, "loss": Loss, "training": Settings, "augment": Augment}
    refuse_unknown(f"{path}: there is no table", tables, kinds)
    parts = {}
    for table, values in tables.items():
        refuse_unknown(f"{path}: [{table}] has no setting", values, [each.name for each in fields(kinds[table])])
        try:
            made = kinds[table](**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: [{table}] {error}") from None
        parts[table] = values if table == "augment" else made
    return Recipe(**parts)


def refuse_unknown(words: str, given, known) -> None:
    """Refuse the first name that there is not, and say which one may have been meant."""
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise ValueError(f"{words} {name!r}: " + (f"did you mean {near[0]!r}?" if near else ", ".join(known)))


def run_recipe(recipe: Recipe, out: Path, device: str = "auto", workers: int = 0, progress: bool = True) -> dict:
    """Train as a recipe says, test, and write net.pt, history.json, result.json and checkpoint.pt into a folder.

    Started again after it was broken off, it goes on from the checkpoint. Under torchrun, several processes share the
    work.

    Args:
        recipe: see `read_recipe`.
        out: the folder.
        device, workers, progress: as for `train`.

    Returns:
        what result.json holds: scores on the test split, seconds, device, date and the recipe

    Raises:
        ValueError: for a data set, net or loss that there is not; FileNotFoundError for data that is not here.
    """
    machine = launched(device, recipe.training.precision)
    if recipe.net.form == "unet":
        from course_utils.training.cells import run_cells

        return run_cells(recipe, out, machine, workers, progress)
    data = {part: load(recipe.data.name, part, **recipe.data.options) for part in splits(recipe)}
    pictures = data[recipe.data.train]
    if recipe.augment:
        pictures = pictures.with_transform(Augment(**tuples(recipe.augment)))
    prepare = partial(normalise, name=recipe.net.backbone)
    net = make_net(recipe.net, len(pictures.classes))
    score = partial(evaluate, prepare=prepare, device=machine.device, progress=False)
    validate = None
    if recipe.data.validate_pictures:
        some = evenly(data[recipe.data.validate], recipe.data.validate_pictures)

        def validate(net: nn.Module) -> dict[str, float]:
            return {"mean_iu": score(net, some).scores.mean_iu}

    history = train(
        net,
        pictures,
        make_loss(recipe.loss, data[recipe.data.train]),
        recipe.training,
        prepare=prepare,
        validate=validate,
        checkpoint=out / "checkpoint.pt",
        workers=workers,
        progress=progress,
        machine=machine,
    )
    if machine.process:
        return {}
    found = evaluate(net, data[recipe.data.test], prepare=prepare, device=machine.device, progress=progress)
    result = describe(recipe, found, history.seconds, machine)
    save({"net": net.state_dict(), "recipe": json.dumps(asdict(recipe))}, out / "net.pt")
    write_text(out / "history.json", json.dumps(asdict(history)) + "\n")
    write_text(out / "result.json", json.dumps(result, indent=2) + "\n")
    return result | {"table": found.table()}


def splits(recipe: Recipe) -> set[str]:
    """The splits that a recipe uses."""
    validate = {recipe.data.validate} if recipe.data.validate_pictures else set()
    return {recipe.data.train, recipe.data.test} | validate


def tuples(table: dict[str, Any]) -> dict[str, Any]:
    """A table whose lists are tuples, as the library's settings want them."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}


def evenly(dataset: Dataset, count: int) -> Dataset:
    """So many pictures of a data set, spread over all of it."""
    count = min(count, len(dataset))
    return dataset.subset([place * len(dataset) // count for place in range(count)])


def make_net(choice: Net, classes: int) -> nn.Module:
    """The net that a recipe names.

    Raises:
        ValueError: where there is no such net.
    """

    def fresh(stride: int) -> nn.Module:
        if choice.form == "practical":
            return FCN(backbone(choice.backbone), classes, stride, choice.at_once)
        if choice.form == "paper":
            return PaperFCN(choice.backbone, classes, stride, choice.at_once)
        raise ValueError(f"[net] form = {choice.form!r}: choose practical, paper or unet")

    net = fresh(choice.stride)
    if choice.start:
        kept = read(Path(choice.start))
        coarser = fresh(json.loads(kept["recipe"])["net"]["stride"])
        coarser.load_state_dict(kept["net"])
        warm_start(net, coarser)
    return net


def make_loss(choice: Loss, dataset: Dataset) -> SegmentationLoss:
    """The loss that a recipe names; balanced weights are counted on the training masks.

    Raises:
        ValueError: where there is no such loss.
    """
    if choice.name == "dice":
        return Dice()
    if choice.name == "focal":
        return Focal(choice.focus)
    if choice.name != "cross_entropy":
        raise ValueError(f"[loss] name = {choice.name!r}: choose cross_entropy, dice or focal")
    weights = choice.weights
    if weights == "balanced":
        size = len(dataset.classes)
        plain = evenly(dataset.with_transform(None), 100)
        masks = (plain[index][1] for index in range(len(plain)))
        counted = sum(torch.bincount(mask[mask != dataset.void], minlength=size) for mask in masks)
        weights = balance(counted, choice.balance)
    return CrossEntropy(weights, choice.normalised)


def describe(recipe: Recipe, found: Evaluation, seconds: float, machine) -> dict:
    """What there is to say about a finished training, as JSON can hold it."""
    scores = found.scores
    cuda = machine.device.type == "cuda"
    names = ("pixel_accuracy", "mean_accuracy", "mean_iu", "frequency_weighted_iu")
    return {
        "scores": {name: round(getattr(scores, name), 4) for name in names},
        "iu": {
            name: None if iu != iu else round(iu, 4) for name, iu in zip(found.classes, scores.iu.tolist(), strict=True)
        },
        "pictures": len(found.per_image),
        "seconds": round(seconds, 1),
        "device": torch.cuda.get_device_name(machine.device) if cuda else f"cpu, {torch.get_num_threads()} threads",
        "processes": machine.processes,
        "precision": machine.precision,
        "torch": torch.__version__,
        "date": datetime.now(UTC).date().isoformat(),
        "recipe": asdict(recipe),
    }
