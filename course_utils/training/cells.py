"""Cells: pictures as a U-Net learns from them, and `course train` for such recipes (U-Net, section 3; lecture 08)."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.utils.data
from scipy import ndimage
from torch import Tensor, nn
from tqdm import tqdm

from course_utils.data.dataset import Dataset, load
from course_utils.data.rehearsal import handful
from course_utils.data.transforms import Augment
from course_utils.inference.cells import foreground_probability, instances_from_foreground
from course_utils.losses import WeightedCrossEntropy, border_weights, separated
from course_utils.metrics.em import pixel_error, rand, thinned, warping_error
from course_utils.metrics.instances import score_instances
from course_utils.models.unet import UNet
from course_utils.training.loop import train
from course_utils.training.made_of import describe, digest, made_of
from course_utils.training.progress import facts_of
from course_utils.training.saving import keep_results
from course_utils.training.settings import tuples

Weigh = Callable[[Tensor], Tensor]


class CellCrops(torch.utils.data.Dataset):
    """Random crops of a few pictures of cells, made anew each time (U-Net, section 3; lecture 08).

    Item i is a crop of picture i modulo their number: the picture in grey, the foreground with a gap between cells
    that touch, and the weight of every pixel. The cells are bent as numbered cells, so that gaps and weights fit the
    bent picture.

    Args:
        pictures: with an image and numbered instances each; see `pictures_of`.
        augment: geometry and colour; its `outside` is taken as None, the mirror.
        weigh: from instances to weights, such as `border_weights`; None for 1 everywhere.
        crops: items that count as one epoch; as many as pictures by default.
        name: for the fingerprint of a training.

    Shape:
        image (1, h, w) float32 about 0 to 1, foreground (h, w) int64, weights (h, w) float32
    """

    def __init__(
        self,
        pictures: Sequence[tuple[Tensor, Tensor]],
        augment: Augment,
        weigh: Weigh | None = border_weights,
        crops: int | None = None,
        name: str = "cells",
    ):
        self.pictures, self.augment, self.weigh = pictures, augment, weigh
        self.crops, self.name = crops or len(pictures), name

    def __len__(self) -> int:
        return self.crops

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        return crop_of(*self.pictures[index % len(self.pictures)], self.augment, self.weigh)


def crop_of(
    image: Tensor, instances: Tensor, augment: Augment, weigh: Weigh | None = border_weights
) -> tuple[Tensor, Tensor, Tensor]:
    """One crop, bent and turned as `augment` says, with the foreground and weights that belong to it.

    Shape:
        image (3, H, W) uint8, instances (H, W) -> (1, h, w) float32, (h, w) int64, (h, w) float32
    """
    image, instances = augment(image, instances)
    cells = separated(instances)
    weights = weigh(cells) if weigh else torch.ones(cells.shape)
    return grey(image), (cells > 0).long(), weights


def grey(image: Tensor) -> Tensor:
    """The mean of the channels as a net takes it: 0 to 1.

    Shape:
        (3, H, W) uint8 -> (1, H, W) float32
    """
    return image.float().mean(dim=-3, keepdim=True) / 255


def pictures_of(dataset: Dataset) -> list[tuple[Tensor, Tensor]]:
    """Every picture of a split, its contrast stretched, its cells numbered (lecture 08).

    Where a data set has a mask alone, its connected parts are numbered.

    Shape:
        a list of image (3, H, W) uint8, instances (H, W) int64
    """
    found = []
    for index in range(len(dataset)):
        sample = dataset.sample(index)
        found.append((stretched(sample.image), cells_of(sample.mask) if sample.instances is None else sample.instances))
    return found


def stretched(image: Tensor) -> Tensor:
    """Grey in three channels, from the 1st percentile at 0 to the 99.8th at 255: microscopes differ in brightness.

    Shape:
        (3, H, W) uint8 -> the same
    """
    mean = image.float().mean(dim=0).numpy()
    low, high = np.percentile(mean, (1, 99.8))
    bright = np.rint(255 * np.clip((mean - low) / max(1.0, high - low), 0, 1)).astype(np.uint8)
    return torch.from_numpy(bright).expand(3, -1, -1)


def cells_of(mask: Tensor) -> Tensor:
    """Connected parts of class 1, numbered; parts that touch at a corner only are two (ISBI 2012, lecture 08).

    Shape:
        (H, W) -> (H, W) int64
    """
    parts, _ = ndimage.label(np.asarray(mask) == 1)
    return torch.from_numpy(parts.astype(np.int64))


Pictures = Sequence[tuple[Tensor, Tensor]]


def run_cells(recipe, out: Path, machine, decisive: dict, workers: int = 0, progress: bool = True) -> dict:
    """Train a padded U-Net on pictures of cells, test it, and write net.pt, curves.csv and result.json into a folder.

    Args:
        recipe: a `course_utils.training.recipes.Recipe` with form "unet".
        out: the folder; a training that was broken off goes on from its checkpoint.pt.
        decisive: what of the recipe has to be as it was for that.
        machine, workers, progress: as for `train`.

    Returns:
        what result.json holds; empty in all but the first of several processes

    Raises:
        ValueError: for settings or a data set that there are not; FileNotFoundError for data that is not here.
    """
    data, loss = recipe.data, recipe.loss
    splits = {name: load(data.name, name, **data.options) for name in (data.train, data.test)}
    augment = Augment(**{"legal": 0.0, "outside": None} | tuples(recipe.augment))
    weights = None if loss.weights in (None, "balanced") else tuple(loss.weights)
    weigh = partial(border_weights, w0=loss.w0, sigma=loss.sigma, class_weights=weights)
    crops = CellCrops(pictures_of(splits[data.train]), augment, weigh, data.crops, data.name)
    torch.manual_seed(recipe.training.seed)
    net = UNet(1, 2, recipe.net.width, recipe.net.depth, padded=True, dropout=recipe.net.dropout)
    tested = handful(pictures_of(splits[data.test]), most=1)  # each is looked at ten times
    membranes = splits[data.test].sample(0).instances is None
    score = partial(em_scores if membranes else cell_scores, data=data)
    few = tested[:: max(1, len(tested) // data.validate_pictures)] if data.validate_pictures else []
    watched = {"what is validated (hash)": digest(describe(few))} if few else {}
    loss_of = WeightedCrossEntropy()
    history = train(
        net,
        crops,
        loss_of,
        recipe.training,
        validate=partial(score, pictures=few) if few else None,
        checkpoint=out / "checkpoint.pt",
        workers=workers,
        progress=progress,
        machine=machine,
        made=decisive | watched | made_of(net, crops, loss_of, recipe.training, None, machine),
    )
    if machine.process:
        return {}
    result = {
        "scores": rounded(score(net, tested, progress=progress)),
        "scores, mean of eight views": rounded(score(net, tested, turned=True, progress=progress)),
        "pictures": len(tested),
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
    } | facts_of(history, recipe, machine)
    keep_results(net, recipe, splits[data.train], history, result, out)
    table = "\n".join(f"{name:28}{value:10.4f}" for name, value in result["scores"].items())
    return result | {"table": table}


def cell_scores(net: nn.Module, pictures: Pictures, data, turned: bool = False, progress: bool = False) -> dict:
    """Matched share over IU thresholds (`ap_50` and on), panoptic quality and the kinds of mistakes; see `score_instances`."""
    pairs = []
    for image, truth in tqdm(pictures, desc="single cells") if progress else pictures:
        probability = foreground_probability(net, grey(image), turned)
        pairs.append((truth, instances_from_foreground(probability, data.threshold, data.seed, data.smallest)))
    found = score_instances(pairs)
    named = {f"ap_{round(100 * threshold)}": value for threshold, value in found.matched_share.items()}
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
