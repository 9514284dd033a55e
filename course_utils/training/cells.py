"""`course train` for a recipe whose net is a U-Net: cells with border weights, single cells scored (lecture 08)."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from course_utils.atomic import write_text
from course_utils.border_weights import WeightedCrossEntropy, border_weights
from course_utils.data import load
from course_utils.data.cells import CellCrops, grey, pictures_of
from course_utils.data.transforms import Augment
from course_utils.em_metrics import pixel_error, rand, thinned, warping_error
from course_utils.instances import foreground_probability, instances_from_foreground, score_instances
from course_utils.models.unet import UNet
from course_utils.train import train
from course_utils.training.checkpoints import save
from course_utils.training.history import write_curves

Pictures = Sequence[tuple[Tensor, Tensor]]


def run_cells(recipe, out: Path, machine, workers: int = 0, progress: bool = True) -> dict:
    """Train a padded U-Net on pictures of cells, test it, and write net.pt, curves.csv and result.json into a folder.

    Args:
        recipe: a `course_utils.training.command.Recipe` with form "unet".
        out: the folder; a training that was broken off goes on from its checkpoint.pt.
        machine, workers, progress: as for `train`.

    Returns:
        what result.json holds; empty in all but the first of several processes

    Raises:
        ValueError: for settings or a data set that there are not; FileNotFoundError for data that is not here.
    """
    data, loss = recipe.data, recipe.loss
    splits = {name: load(data.name, name, **data.options) for name in (data.train, data.test)}
    augment = Augment(**{"legal": 0.0, "outside": None} | {
        name: tuple(value) if isinstance(value, list) else value for name, value in recipe.augment.items()
    })  # fmt: skip
    weights = None if loss.weights in (None, "balanced") else tuple(loss.weights)
    weigh = partial(border_weights, w0=loss.w0, sigma=loss.sigma, class_weights=weights)
    crops = CellCrops(pictures_of(splits[data.train]), augment, weigh, data.crops, data.name)
    torch.manual_seed(recipe.training.seed)
    net = UNet(1, 2, recipe.net.width, recipe.net.depth, padded=True, dropout=recipe.net.dropout)
    tested = pictures_of(splits[data.test])
    membranes = splits[data.test].sample(0).instances is None
    score = partial(em_scores if membranes else cell_scores, data=data)
    few = tested[:: max(1, len(tested) // data.validate_pictures)] if data.validate_pictures else []
    history = train(
        net,
        crops,
        WeightedCrossEntropy(),
        recipe.training,
        validate=partial(score, pictures=few) if few else None,
        checkpoint=out / "checkpoint.pt",
        workers=workers,
        progress=progress,
        machine=machine,
    )
    if machine.process:
        return {}
    cuda = machine.device.type == "cuda"
    result = {
        "scores": rounded(score(net, tested, progress=progress)),
        "scores, mean of eight views": rounded(score(net, tested, turned=True, progress=progress)),
        "pictures": len(tested),
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "steps": len(history.losses),
        "seconds": round(history.seconds, 1),
        "cpu_seconds": round(history.cpu_seconds, 1),
        "device": torch.cuda.get_device_name(machine.device) if cuda else f"cpu, {torch.get_num_threads()} threads",
        "precision": machine.precision,
        "torch": torch.__version__,
        "date": datetime.now(UTC).date().isoformat(),
        "recipe": asdict(recipe),
    }
    save({"net": net.state_dict(), "recipe": json.dumps(asdict(recipe))}, out / "net.pt")
    write_curves(history, out / "curves.csv")
    write_text(out / "result.json", json.dumps(result, indent=2) + "\n")
    table = "\n".join(f"{name:28}{value:10.4f}" for name, value in result["scores"].items())
    return result | {"table": table}


def cell_scores(net: nn.Module, pictures: Pictures, data, turned: bool = False, progress: bool = False) -> dict:
    """Average precision over IU thresholds, panoptic quality and the kinds of mistakes; see `score_instances`."""
    pairs = []
    for image, truth in tqdm(pictures, desc="single cells") if progress else pictures:
        probability = foreground_probability(net, grey(image), turned)
        pairs.append((truth, instances_from_foreground(probability, data.threshold, data.seed, data.smallest)))
    found = score_instances(pairs)
    named = {f"ap_{round(100 * threshold)}": value for threshold, value in found.ap.items()}
    others = ("panoptic_quality", "cells", "predicted", "merged", "split", "missed")
    return named | {name: getattr(found, name) for name in others}


def em_scores(net: nn.Module, pictures: Pictures, data, turned: bool = False, progress: bool = False) -> dict:
    """Means over slices: foreground-restricted Rand after thinning, its two parts, warping and pixel error."""
    rows = []
    for image, truth in tqdm(pictures, desc="membranes") if progress else pictures:
        cells = foreground_probability(net, grey(image), turned).numpy() > data.threshold
        found = rand(truth.numpy(), thinned(cells))
        errors = (warping_error(truth.numpy() > 0, cells), pixel_error(truth.numpy() > 0, cells))
        rows.append((found.score, found.split, found.merge, *errors))
    names = ("rand_after_thinning", "rand_split", "rand_merge", "warping_error", "pixel_error")
    return dict(zip(names, np.mean(rows, axis=0).tolist(), strict=True)) | {"lowest_rand": min(row[0] for row in rows)}


def rounded(scores: dict) -> dict:
    """Five decimals of what is no whole number."""
    return {name: value if isinstance(value, int) else round(value, 5) for name, value in scores.items()}
