"""`course train CONFIG.toml`: the same loop as in the notebooks, from the command line, under torchrun too (lecture 05).

A configuration has five tables: [net], [data], [augment], [loss] and [training]; `configs/camvid_cpu.toml` shows all.
"""

import json
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.data.dataset import SOURCES, Dataset, load
from course_utils.data.files import write_text
from course_utils.data.transforms import Augment
from course_utils.losses import CrossEntropy, Dice, Focal, HeadLosses, SegmentationLoss, balance
from course_utils.metrics.semantic import Scores
from course_utils.models.backbones import backbone
from course_utils.models.fcn import FCN, Heads, warm_start
from course_utils.models.fcn_paper import PaperFCN
from course_utils.models.fusion import LateFusion, normalise_sources, widen
from course_utils.training.evaluation import Evaluation, evaluate
from course_utils.training.loop import train
from course_utils.training.made_of import describe as described
from course_utils.training.made_of import digest, made_of
from course_utils.training.processes import launched
from course_utils.training.progress import History, facts_of
from course_utils.training.saving import keep_results, read
from course_utils.training.settings import Settings, fix_lower, tuples

# each head's target in the data, and the data set's attribute that names its classes
HEADS = {"semantic": ("mask", "classes"), "geometric": ("geometry", "geometry")}


@dataclass(frozen=True)
class Net:
    """[net]: form "practical" or "paper", a backbone, the stride, and the net.pt of a coarser net to start from.

    The backbone's layers up to the stride `fixed` stay as ImageNet made them; 1 and less fixes none.
    With `fusion` "early" one net looks at all of [data] inputs, its `new_weights` starting at "zero" or "mean"; with
    "late" there are two nets, which may `start` from a net.pt each. `heads`: "semantic", "geometric", or both.
    Form "unet" has a width, a depth and dropout instead, and learns from pictures of cells (`training/cells.py`).
    Form "mask_rcnn" learns from things (`training/instances.py`), on efficientnet_lite0 with a level of this width, or
    on resnet50 as in the paper; its `anchors` are sizes in pixels, and it looks at so many `rois` of each picture.
    """

    form: str = "practical"
    backbone: str = "efficientnet_lite0"
    stride: int = 8
    at_once: bool = False
    fixed: int = 1
    start: str | tuple[str, str] = ""
    fusion: str = ""
    new_weights: str = "zero"
    heads: tuple[str, ...] = ("semantic",)
    width: int = 64
    depth: int = 4
    dropout: float = 0.5
    anchors: tuple[float, ...] = (16, 32, 64)
    rois: int = 32


@dataclass(frozen=True)
class Data:
    """[data]: a data set's name, its splits, options for `load`, and how many pictures are scored after each epoch.

    `inputs`: "rgb", "depth", "hha" or several of them, as for `Dataset.giving`.
    The splits to validate and to test are of the data set `test_name`, where that is another than the one to train on.
    Pictures are enlarged `enlarge` times (below 1: made smaller) before they are scored, and the scores brought back to
    their size. With `views`, such as [0.6, 0.9], the mean of the net's answers at these scales, each mirrored as well, is
    scored beside them.
    A U-Net's epoch has so many `crops`; its cells are those that `threshold`, `seed` and `smallest` give.
    Mask R-CNN sees pictures resized to a `short` side of so many pixels, grey and with their contrast stretched where
    `stretch` says so; `largest` is the largest short side that it learned from (see `Run.find`). Up to `most` things are looked for in a picture; those that are surer than `threshold` make the
    label image.
    """

    name: str = "stickers"
    train: str = "train"
    validate: str = "val"
    test: str = "val"
    validate_pictures: int = 0
    test_name: str = ""
    inputs: tuple[str, ...] = ("rgb",)
    options: dict[str, Any] = field(default_factory=dict)
    enlarge: float = 1.0
    views: tuple[float, ...] = ()
    crops: int = 0
    threshold: float = 0.5
    seed: float = 0.7
    smallest: int = 15
    short: int = 0
    largest: int = 0
    stretch: bool = False
    most: int = 100


@dataclass(frozen=True)
class Loss:
    """[loss]: "cross_entropy" (with weights "balanced" or a list, or normalised = false), "dice" or "focal".

    Of several heads the losses are summed, each multiplied by its number in `heads`, where there are some.
    A U-Net's is always cross-entropy with border weights of w0 and sigma, and class weights "balanced" or a list.
    """

    name: str = "cross_entropy"
    weights: Any = None
    balance: float = 0.5
    heads: tuple[float, ...] = ()
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
    return make_recipe(read_tables(path, changes), path)


def read_tables(path: Path, changes: list[str] | None = None) -> dict[str, dict[str, Any]]:
    """What a configuration file says, changed as for `read_recipe`, before anybody has looked at its names."""
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not TOML: {error}") from None
    return changed(tables, changes or [])


def changed(tables: dict[str, dict[str, Any]], changes: list[str]) -> dict[str, dict[str, Any]]:
    """Tables with some settings changed, as in "training.epochs=2".

    Raises:
        ValueError: for a change of another form.
    """
    for change in changes:
        table, _, setting = change.partition(".")
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise ValueError(f"{change!r}: changes look like training.epochs=2")
        try:
            tables.setdefault(table, {})[name.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            tables.setdefault(table, {})[name.strip()] = value.strip()
    return tables


def make_recipe(tables: dict[str, dict[str, Any]], path: Path | str) -> Recipe:
    """A recipe out of its tables; `path` says in errors where they stand.

    Raises:
        ValueError: for a name or value that there is not; says which.
    """
    kinds = {"net": Net, "data": Data, "loss": Loss, "training": Settings, "augment": Augment}
    refuse_unknown(f"{path}: there is no table", tables, kinds)
    parts = {}
    for table, values in tables.items():
        refuse_unknown(f"{path}: [{table}] has no setting", values, [each.name for each in fields(kinds[table])])
        try:
            made = kinds[table](**tuples(values))
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
    """Train as a recipe says, test, and write net.pt, checkpoint.pt, result.json, its curves and history into a folder.

    Started again after it was broken off, it goes on from the checkpoint; with more epochs, from the end. Another
    recipe, or other pictures, stop before anything is written. Under torchrun, several processes share the work.

    Args:
        recipe: see `read_recipe`.
        out: the folder.
        device, workers, progress: as for `train`.

    Returns:
        what result.json holds: scores on the test split, seconds, device, date and the recipe

    Raises:
        ValueError: for a data set, net or loss that there is not, or a folder with the training of another recipe;
            FileNotFoundError for data that is not here.
    """
    machine = launched(device, recipe.training.precision)
    if recipe.net.form == "unet":
        from course_utils.training.cells import run_cells

        return run_cells(recipe, out, machine, decisive(recipe), workers, progress)
    if recipe.net.form == "mask_rcnn":
        from course_utils.training.instances import run_things

        return run_things(recipe, out, machine, decisive(recipe), workers, progress)
    heads, inputs = recipe.net.heads, recipe.data.inputs
    refuse_unknown("[net] heads: there is no head", heads, HEADS)
    refuse_unknown("[data] inputs: there is no", inputs, SOURCES)
    targets = [HEADS[head][0] for head in heads]
    pictures = plain = load(recipe.data.name, recipe.data.train, **recipe.data.options).giving(inputs, targets)
    other = partial(load, recipe.data.test_name or recipe.data.name, **recipe.data.options)
    tested = other(recipe.data.test).giving(inputs, targets)  # what it cannot give is said now, not after days
    if recipe.augment:
        pictures = pictures.with_transform(Augment(**tuples(recipe.augment)))
    prepare = partial(normalise_sources, name=recipe.net.backbone)
    classes = {head: getattr(pictures, HEADS[head][1]) for head in heads}
    net = make_net(recipe.net, [len(names) for names in classes.values()], sum(SOURCES[name] for name in inputs))

    def score(net: nn.Module, head: str, dataset: Dataset, progress: bool, views: tuple = ()) -> Evaluation:
        one = net.alone(head) if len(heads) > 1 else net
        one = mean_of_views(one, views) if views else enlarging(one, recipe.data.enlarge)
        asked = dataset.giving(inputs, [HEADS[head][0]])
        return evaluate(one, asked, prepare=prepare, classes=classes[head], device=machine.device, progress=progress)

    validate, watched = None, {}
    if recipe.data.validate_pictures:
        some = evenly(other(recipe.data.validate), recipe.data.validate_pictures)
        watched = {"what is validated (hash)": digest(described(some))}

        def validate(net: nn.Module) -> dict[str, float]:
            return {"mean_iu": score(net, heads[0], some, progress=False).scores.mean_iu}

    loss = make_loss(recipe.loss, plain, heads)
    history = train(
        net,
        pictures,
        loss,
        recipe.training,
        prepare=prepare,
        validate=validate,
        checkpoint=out / "checkpoint.pt",
        workers=workers,
        progress=progress,
        machine=machine,
        made=decisive(recipe) | watched | made_of(net, pictures, loss, recipe.training, prepare, machine),
    )
    if machine.process:
        return {}
    began = time.process_time()
    found = {head: score(net, head, tested, progress) for head in heads}
    testing = time.process_time() - began
    result = describe(recipe, found[heads[0]], history, testing, machine)
    if recipe.data.views:
        mean = score(net, heads[0], tested, progress, recipe.data.views)
        result["scores, mean of views"] = rounded(mean.scores)
    if len(heads) > 1:
        result["heads"] = {head: rounded(one.scores) for head, one in found.items()}
    write_text(out / "history.json", json.dumps(asdict(history)) + "\n")
    keep_results(net, recipe, plain, history, result, out)
    return result | {"table": "\n\n".join(one.table() for one in found.values())}


def decisive(recipe: Recipe) -> dict[str, Any]:
    """The settings of a recipe that decide what comes out of a training, by name, besides [training].

    What says how a finished net is tested is left out, and where pictures lie: they count by what they show.
    """
    tables = {name: table for name, table in asdict(recipe).items() if name != "training"}
    data = tables["data"]
    data["options"] = {name: value for name, value in data["options"].items() if name not in ("root", "split_file")}
    testing = ["test", "largest", "views"]
    if not data["validate_pictures"]:  # else they shape what the history says
        testing += ["test_name", "validate", "enlarge", "threshold", "seed", "smallest", "most"]
    made = {
        f"[{table}] {name}": value
        for table, values in tables.items()
        for name, value in values.items()
        if not (table == "data" and name in testing)
    }
    if recipe.net.start:
        starts = [recipe.net.start] if isinstance(recipe.net.start, str) else recipe.net.start
        made["what [net] start holds"] = digest(*(Path(start).read_bytes() for start in starts))
    return made


def describe(recipe: Recipe, found: Evaluation, history: History, testing: float, machine) -> dict:
    """What there is to say about a finished training, as JSON can hold it."""
    scores = found.scores
    return {
        "scores": rounded(scores),
        "iu": {
            name: None if iu != iu else round(iu, 4) for name, iu in zip(found.classes, scores.iu.tolist(), strict=True)
        },
        "pictures": len(found.per_image),
        "cpu_minutes": {"training": round(history.cpu_seconds / 60, 2), "testing": round(testing / 60, 2)},
    } | facts_of(history, recipe, machine)


def rounded(scores: Scores) -> dict[str, float]:
    """The four metrics by name, to four digits."""
    names = ("pixel_accuracy", "mean_accuracy", "mean_iu", "frequency_weighted_iu")
    return {name: round(getattr(scores, name), 4) for name in names}


def evenly(dataset: Dataset, count: int) -> Dataset:
    """So many pictures of a data set, spread over all of it."""
    count = min(count, len(dataset))
    return dataset.subset([place * len(dataset) // count for place in range(count)])


def make_net(choice: "Net", classes: int | Sequence[int], channels: int = 3) -> nn.Module:
    """The net that a recipe names.

    Args:
        choice: the recipe's [net].
        classes: of its head, or of each of its heads.
        channels: of all inputs together.

    Raises:
        ValueError: where there is no such net.
    """
    counts = [classes] if isinstance(classes, int) else classes

    def one(stride: int) -> nn.Module:
        if choice.form == "practical":
            net = FCN(backbone(choice.backbone), sum(counts), stride, choice.at_once)
            fix_lower(net.backbone, choice.fixed)
            return net
        if choice.form == "paper":
            if choice.fixed > 1:
                raise ValueError(f"[net] fixed = {choice.fixed}: only the practical form fixes its lower layers")
            return PaperFCN(choice.backbone, sum(counts), stride, choice.at_once)
        raise ValueError(f"[net] form = {choice.form!r}: choose practical, paper, unet or mask_rcnn")

    def fresh(stride: int) -> nn.Module:
        net = fused(choice, partial(one, stride), channels)
        return net if len(counts) == 1 else Heads(net, dict(zip(choice.heads, counts, strict=True)))

    net = fresh(choice.stride)
    if isinstance(choice.start, tuple):
        if choice.fusion != "late" or len(counts) > 1 or len(choice.start) != 2:
            raise ValueError(
                f"[net] start = {list(choice.start)}: two nets of one head are what late fusion starts from"
            )
        for alone, path in zip((net.first, net.second), choice.start, strict=True):
            fill(alone, read(Path(path))["net"], path)
    elif choice.start:
        kept = read(Path(choice.start))
        coarser = fresh(json.loads(kept["recipe"])["net"]["stride"])
        fill(coarser, kept["net"], choice.start)
        warm_start(net, coarser)
    return net


def fill(net: nn.Module, weights: dict[str, Tensor], path: str) -> None:
    """Fill a net with the weights that another training kept.

    Raises:
        ValueError: where they are another net's.
    """
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip()
        raise ValueError(f"[net] start = {path!r} is not the net that this recipe goes on from: {first}") from None


def fused(choice: "Net", one: Callable[[], nn.Module], channels: int) -> nn.Module:
    """One net, or two, for a recipe's inputs.

    Raises:
        ValueError: for another kind of fusion, or inputs that it does not fit.
    """
    if choice.fusion not in ("", "early", "late"):
        raise ValueError(f"[net] fusion = {choice.fusion!r}: choose early or late, or leave it out")
    if choice.fusion == "early":
        return widen(one(), channels, choice.new_weights)
    expected = 6 if choice.fusion else 3
    if channels != expected:
        raise ValueError(
            f"[data] inputs have {channels} channels, and [net] fusion = {choice.fusion!r} takes {expected}: two sources "
            'for "late", one for none; "depth" has one channel, so name it three times'
        )
    return LateFusion(one(), one()) if choice.fusion else one()


def enlarging(net: nn.Module, times: float) -> Callable[[Tensor], Tensor]:
    """The net on enlarged pictures, with its scores at the size that they had.

    Shape:
        images (N, 3, H, W) -> (N, classes, H, W)
    """
    if times == 1:
        return net

    def scored(images: Tensor) -> Tensor:
        size = [int(times * side + 0.5) for side in images.shape[-2:]]  # as an exported graph rounds
        larger = functional.interpolate(images, size, mode="bilinear", align_corners=False)
        return functional.interpolate(net(larger), images.shape[-2:], mode="bilinear", align_corners=False)

    return scored


def mean_of_views(net: nn.Module, scales: Sequence[float]) -> Callable[[Tensor], Tensor]:
    """The mean probability of each class over pictures at these scales, each as it is and mirrored.

    Shape:
        images (N, 3, H, W) -> (N, classes, H, W), 0 to 1
    """

    def asked(images: Tensor) -> Tensor:
        views = [(enlarging(net, scale), mirror) for scale in scales for mirror in (False, True)]
        said = [one(images.flip(-1)).flip(-1) if mirror else one(images) for one, mirror in views]
        return torch.stack([scores.float().softmax(dim=1) for scores in said]).mean(dim=0)

    return asked


def make_loss(choice: "Loss", dataset: Dataset, heads: Sequence[str] = ("semantic",)) -> SegmentationLoss:
    """The loss that a recipe names, of one head or several; balanced weights are counted on the training masks.

    Raises:
        ValueError: where there is no such loss.
    """
    if len(heads) > 1:
        return HeadLosses([make_loss(choice, dataset, [head]) for head in heads], choice.heads or None)
    target, names = HEADS[heads[0]]
    if choice.name == "dice":
        return Dice()
    if choice.name == "focal":
        return Focal(choice.focus)
    if choice.name != "cross_entropy":
        raise ValueError(f"[loss] name = {choice.name!r}: choose cross_entropy, dice or focal")
    weights = choice.weights
    if weights == "balanced":
        size = len(getattr(dataset, names))
        plain = evenly(dataset.with_transform(None).giving(targets=[target]), 100)
        masks = (plain[index][1] for index in range(len(plain)))
        counted = sum(torch.bincount(mask[mask != dataset.void], minlength=size) for mask in masks)
        weights = balance(counted, choice.balance)
    return CrossEntropy(weights, choice.normalised)
