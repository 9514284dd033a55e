"""A net for pictures of your own: the recipe that fits a folder, and a finished training opened again (lecture 10)."""

import copy
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from skimage.measure import regionprops_table
from torch import Tensor, nn

from course_utils.data.dataset import Dataset, load, read_lines
from course_utils.data.files import write_text
from course_utils.data.own_folder import Survey, black_and_white, divide, write_splits
from course_utils.data.transforms import mirror_pad
from course_utils.inference.cells import instances_from_foreground
from course_utils.inference.exporting import KINDS, PREDICT, ExportableFCN, ExportableUNet
from course_utils.inference.exporting import export as exported
from course_utils.inference.things import at_short_side, find_in_tiles, find_things, label_image
from course_utils.inference.tiles import read_tile
from course_utils.metrics.semantic import confusion_matrix
from course_utils.metrics.semantic import scores as scores_of
from course_utils.models.fcn import FCN
from course_utils.models.fusion import normalise_sources
from course_utils.models.mask_rcnn import MaskRCNN
from course_utils.models.unet import UNet
from course_utils.training.cells import grey, stretched
from course_utils.training.instances import net_of
from course_utils.training.recipes import Recipe, enlarging, make_net, make_recipe, run_recipe
from course_utils.training.saving import read

STEPS = 100  # at least so many, whatever the number of pictures
ALL_AT_ONCE = 1 << 20  # pixels; larger pictures go through the net in tiles of TILE, each with CONTEXT around it
TILE, CONTEXT, SMALLEST = 512, 192, 64

Tables = dict[str, dict[str, Any]]


def choose(found: Survey, root: Path, split_file: Path, kind: str = "") -> tuple[Tables, list[str]]:
    """A recipe for a folder, and why it is this one.

    Args:
        found: a thorough look at the folder.
        root: the folder.
        split_file: where its division into splits is kept; see `divide`.
        kind: "semantic", "cells" or "things"; by default what suits the masks, see `suits`.

    Returns:
        the recipe's tables, as `read_recipe` takes them, and sentences

    Raises:
        ValueError: where the folder cannot be opened, or for a kind that there is not or that its classes do not allow.
    """
    looks = found.masks.values()
    options: dict[str, Any] = {"root": str(root), "split_file": str(split_file)}
    why = []
    if found.masks and black_and_white(looks):
        options["values"] = {"0": 0, "255": 1}
        why.append("masks hold 0 and 255, which are taken for background and class 1")
    elif found.refusal and not found.by_number:
        raise ValueError(f"{found.refusal} (`course data check {root}` says more)")
    seen = measure_things(load("folder", "all", **options, things=True))
    classes = 1 if found.by_number or "values" in options else len(found.classes) - 1
    if not kind:
        kind, reason = suits(seen, classes, found.by_number or bool(found.things))
        why.append(f"{kind}: {reason}; --as chooses otherwise")
    tables = {"semantic": _semantic, "cells": _cells, "things": _things}
    if kind not in tables:
        raise ValueError(f"--as {kind}: choose from {', '.join(tables)}")
    if kind == "cells" and classes > 1:
        raise ValueError(
            f"--as cells: a U-Net with border weights tells things of one class apart, and there are {classes}: "
            f"{', '.join(found.classes[1:][:5])}. Take --as things or --as semantic"
        )
    if kind == "semantic" and found.by_number:
        why.append("masks number single things, which become one class")
    if kind != "semantic" or found.by_number:
        options["things"] = True
    training = len(load("folder", "train", **options))
    sides = np.array([look.shape for look in looks])
    chosen = tables[kind](sides, training, seen.areas)
    chosen["data"] |= {"name": "folder", "train": "train", "options": options}
    chosen["data"]["test"] = "test" if found.told and found.splits["test"] and found.splits["train"] else "val"
    chosen["data"]["validate"] = "val" if "val" in _splits_of(split_file).values() else chosen["data"]["test"]
    return chosen, why


@dataclass(frozen=True)
class Shapes:
    """What the things in some pictures look like.

    Args:
        pictures: how many were looked at.
        areas: pixels of each thing.
        share: the median thing's share of its picture.
        solidity: the median of area over that of the convex hull: 1 for a disc, 0.7 for a walking person.
        touching: the share of things that touch another.
    """

    pictures: int
    areas: list[int]
    share: float = 0.0
    solidity: float = 0.0
    touching: float = 0.0


def measure_things(dataset: Dataset, most: int = 40) -> Shapes:
    """The shapes of the things in a data set's pictures, in at most so many of them, evenly chosen."""
    chosen = dataset.items[:: max(1, -(-len(dataset) // most))]
    areas, shares, solidities, touching = [], [], [], 0
    for item in chosen:
        try:
            instances = dataset.read(item).instances.numpy()
        except (OSError, ValueError):  # `course data check` names it, and the training stops at it
            continue
        table = regionprops_table(instances, properties=("area", "solidity"))
        areas += table["area"].astype(int).tolist()
        shares += (table["area"] / instances.size).tolist()
        solidities += table["solidity"].tolist()
        pairs = [(instances[1:], instances[:-1]), (instances[:, 1:], instances[:, :-1])]
        met = [np.stack([one, other])[:, (one != other) & (one > 0) & (other > 0)] for one, other in pairs]
        touching += len(np.unique(np.concatenate([each.ravel() for each in met])))
    if not areas:
        return Shapes(len(chosen), [])
    return Shapes(len(chosen), areas, float(np.median(shares)), float(np.median(solidities)), touching / len(areas))


def suits(seen: Shapes, classes: int, told: bool) -> tuple[str, str]:
    """Which of the three nets suits what masks show, and why (lecture 10).

    Cells (U-Net with border weights) where there is one class and its things are many, five or more a picture; small,
    the median one under 2 % of its picture; and roundish, with a median solidity of 0.85 or more: then a gap of a few
    pixels parts those that touch. Things (Mask R-CNN) where masks tell things apart and any of this does not hold: several
    classes, or things in front of each other, which a gap does not join again. Semantic (FCN-8s) where masks hold classes
    and their connected parts are no such cells. Measured: the nuclei of DSB 2018, 39 a picture, 0.2 %, 0.96, a quarter of
    them touching, are cells; Penn-Fudan's people, 2.5 a picture, 6 %, 0.70, and stickers, 4, 5 %, 0.57, are things.

    Args:
        classes: of things, background left out.
        told: whether masks tell one thing from another; else what is connected counts as one.

    Returns:
        "semantic", "cells" or "things", and the reason
    """
    each = len(seen.areas) / max(1, seen.pictures)
    cells = classes == 1 and each >= 5 and seen.share < 0.02 and seen.solidity >= 0.85
    kind = "cells" if cells else "things" if told else "semantic"
    if classes > 1:
        what = "masks tell things of several classes apart" if told else "masks hold several classes"
        return kind, f"{what} ({classes})"
    if not seen.areas:
        return kind, "masks show nothing"
    shapes = (
        f"{each:.1f} things a picture, the median one {seen.share:.1%} of it, solidity {seen.solidity:.2f}, "
        f"{seen.touching:.0%} touch another"
    )
    return kind, {
        "cells": f"things of one class, many, small and roundish: {shapes}",
        "things": f"masks number things, and these are not many, small and roundish: {shapes}",
        "semantic": f"masks hold one class, and its parts are not many, small and roundish: {shapes}",
    }[kind]


def _semantic(sides: np.ndarray, pictures: int, areas: list[int]) -> Tables:
    """FCN-8s on EfficientNet-Lite0 whose lower layers stay: pictures as large as those that it knows, crops of them."""
    sides = np.median(sides, axis=0)
    short = sides.min()
    enlarge = round(float(np.clip(384 / short if short > 512 else 224 / short if short < 160 else 1, 0.02, 4)), 2)
    size = [int(np.clip(32 * round(enlarge * side / 32), 64, 224)) for side in sides]
    return {
        "net": {"form": "practical", "backbone": "efficientnet_lite0", "stride": 8, "fixed": 8},
        "data": {"validate_pictures": 8, "enlarge": enlarge},
        "augment": {"size": size, "scale": [round(0.75 * enlarge, 3), round(1.5 * enlarge, 3)], "jitter": 0.2},
        "loss": {"name": "cross_entropy", "weights": "balanced", "balance": 0.3},
        "training": _training(pictures, 12) | {"lr": 2e-3, "backbone_lr": 0.33, "warm_up": 0.25, "batch_norm": "keep"},
    }


def _cells(sides: np.ndarray, pictures: int, areas: list[int]) -> Tables:
    """A narrow padded U-Net with border weights (U-Net, section 3), on crops that are turned and bent."""
    size = int(np.clip(16 * round(np.median(sides, axis=0).min() / 16), 48, 96))
    smallest = int(np.clip(np.quantile(areas, 0.02) / 2, 3, 100)) if areas else 15
    training = _training(max(pictures, 8), 1)
    crops = training["batch"] * max(20, pictures // 8)
    return {
        "net": {"form": "unet", "width": 16, "depth": 4, "dropout": 0.2},
        "data": {"validate_pictures": 4, "crops": crops, "seed": 0.6, "smallest": smallest},
        "augment": {"size": [size, size], "scale": [0.7, 1.4], "degrees": 180.0, "flip_rows": 0.5, "sigma": 4.0, "jitter": 0.2},
        "loss": {"weights": [1, 1], "w0": 10.0, "sigma": 5.0},
        "training": training
        | {"epochs": max(5, -(-STEPS * training["batch"] // crops)), "lr": 2e-3, "weight_decay": 1e-3, "warm_up": 0.1},
    }  # fmt: skip


def _things(sides: np.ndarray, pictures: int, areas: list[int]) -> Tables:
    """A small Mask R-CNN (lecture 09) that sees the median thing 28 pixels wide, between its anchors."""
    wide = np.sqrt(np.median(areas)) if areas else 28
    short = int(np.clip(32 * round(np.median(sides, axis=0).min() * 28 / wide / 32), 128, 640))
    crop = min(short, 192)
    return {
        "net": {"form": "mask_rcnn", "fixed": 8, "rois": 48},
        "data": {"validate_pictures": 2, "short": short, "largest": int(sides.min(axis=1).max()), "most": 400},
        "augment": {"size": [crop, crop], "scale": [0.7, 1.4], "jitter": 0.2},
        "training": _training(pictures, 4, batch=4)
        | {"lr": 1e-3, "bias_lr": 1.0, "warm_up": 0.1, "batch_norm": "keep"},
    }


def _training(pictures: int, epochs: int, batch: int = 8) -> dict[str, Any]:
    batch = min(batch, pictures)
    return {"epochs": max(epochs, -(-STEPS // (pictures // batch))), "batch": batch}


def write_recipe(tables: Mapping[str, Mapping[str, Any]], notes: list[str], path: Path) -> None:
    """Write a recipe as TOML, with notes above it, so that `--recipe` can take it back."""

    def word(value) -> str:
        if isinstance(value, Mapping):
            return "{ " + ", ".join(f"{json.dumps(key)} = {word(part)}" for key, part in value.items()) + " }"
        if isinstance(value, list | tuple):
            return "[" + ", ".join(map(word, value)) + "]"
        return json.dumps(value, ensure_ascii=False)

    lines = [f"# {note}" for note in notes]
    for table, values in tables.items():
        lines += ["", f"[{table}]", *(f"{name} = {word(value)}" for name, value in values.items())]
    write_text(path, "\n".join(lines) + "\n")


def divide_again(found: Survey, path: Path) -> dict[str, str]:
    """Bring the table of splits up to date: pictures that it knows stay where they are, new ones are added."""
    part = divide(found, _splits_of(path))
    write_splits(part, path)
    return part


def _splits_of(path: Path) -> dict[str, str]:
    return dict(line.rsplit(",", 1) for line in read_lines(path)[1:]) if path.exists() else {}


def curve_over_pictures(recipe: Recipe, folder: Path, device: str = "auto", workers: int = 0) -> list[dict[str, float]]:
    """How good the net is after a quarter, a half and all of the pictures, with as many steps each (lecture 10).

    Args:
        recipe: one that stands in a folder of its own, trained already.
        folder: that folder; the smaller trainings are kept inside, and not made twice.

    Returns:
        [{"pictures": 12, "score": 0.61}, ...]; no smaller ones where there are fewer than eight pictures
    """
    path = Path(recipe.data.options["split_file"])
    part = _splits_of(path)
    training = [name for name, split in part.items() if split == "train"]
    curve = []
    for share in (4, 2) if len(training) >= 8 else ():
        few = set(training[::share])
        own = folder / f"one in {share}"
        write_splits(
            {name: "left out" if name in set(training) - few else split for name, split in part.items()},
            own / path.name,
        )
        batch = min(recipe.training.batch, len(few))
        steps = recipe.training.epochs * (len(training) // recipe.training.batch)
        cells = recipe.net.form == "unet"
        settings = replace(
            recipe.training, batch=recipe.training.batch if cells else batch,
            epochs=recipe.training.epochs if cells else steps / (len(few) // batch),
        )  # fmt: skip
        data = replace(
            recipe.data, options=recipe.data.options | {"split_file": str(own / path.name)}, validate_pictures=0
        )
        result = run_recipe(replace(recipe, data=data, training=settings), own, device, workers)
        curve.append({"pictures": len(few), "score": main_score(result)[1]})
    whole = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return [*curve, {"pictures": len(training), "score": main_score(whole)[1]}]


def main_score(result: Mapping[str, Any]) -> tuple[str, float]:
    """The score that sums a result up, and what it is called."""
    scores = result["scores"]
    name = next(name for name in ("mean_iu", "ap_50", "matched_50", "rand_after_thinning") if name in scores)
    words = {"mean_iu": "mean IU", "ap_50": "matched share at IU 0.5", "matched_50": "matched share at IU 0.5"}
    return words.get(name, name), scores[name]


@dataclass
class Run:
    """A finished training, ready to be used.

    Args:
        folder: where it lies.
        recipe: what it was trained by.
        net: in eval mode, on the CPU.
        classes, palette: names and colours of class 0, 1, ...
        white: see `read_image`.
    """

    folder: Path
    recipe: Recipe
    net: nn.Module
    classes: list[str]
    palette: list[tuple[int, int, int]]
    white: dict[str, float]

    @property
    def cells(self) -> bool:
        """Whether it is a U-Net, whose foreground is parted into cells."""
        return isinstance(self.net, UNet)

    @property
    def numbered(self) -> bool:
        """Whether it tells one thing from another."""
        return self.cells or isinstance(self.net, MaskRCNN)

    def prepare(self, images: Tensor) -> Tensor:
        """Pictures as the net takes them: (N, 3, H, W) uint8 -> (N, channels, H, W) float32."""
        if self.cells:
            return torch.stack([grey(stretched(image)) for image in images])
        return normalise_sources(images, name=self.recipe.net.backbone)

    @torch.no_grad()
    def scores(self, image: Tensor) -> Tensor:
        """Logits of a picture of any size, tile by tile where it is large: (3, H, W) uint8 -> (classes, H, W)."""
        times, stride = (1, self.net.stride) if self.cells else (self.recipe.data.enlarge, 1)
        net = enlarging(self.net, times)
        height, width = image.shape[1:]
        prepared = self.prepare(image[None])[0]
        context, step = 0, max(height, width)
        if height * width * times**2 > ALL_AT_ONCE or min(height, width) * times < SMALLEST:
            context, step = (32 * -(-round(side / times) // 32) for side in (CONTEXT, TILE))
        out = torch.empty(2 if self.cells else len(self.classes), height, width)
        for top in range(0, height, step):
            for left in range(0, width, step):
                here = out[:, top : top + step, left : left + step]
                rows, columns = (
                    slice(start, start + -(-side // stride) * stride)
                    for start, side in ((top, here.shape[1]), (left, here.shape[2]))
                )
                tile = net(read_tile(prepared, rows, columns, context)[None])[0]
                here[:] = tile[:, context : context + here.shape[1], context : context + here.shape[2]]
        return out

    def find(self, image: Tensor) -> dict[str, Tensor]:
        """What a Mask R-CNN finds in a picture, at the scale that it learned: (3, H, W) uint8 -> as `find_things`.

        A picture larger than all that were learned from is no closer look at the same things, but more of them: it is
        brought to the scale of the largest one, and read tile by tile; then masks are left out.
        """
        size, data = tuple(image.shape[-2:]), self.recipe.data
        short = round(data.short * min(size) / data.largest) if min(size) > data.largest > 0 else data.short
        large = math.prod(at_short_side(size, short)) > ALL_AT_ONCE
        return (find_in_tiles if large else find_things)(self.net, image, self.prepare, short)

    def drawn(self, found: dict[str, Tensor], size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """What `find` found in a picture of a size, as `labels` gives it: only things that are sure enough."""
        numbers = label_image(found, self.recipe.data.threshold, size).numpy().astype(np.int32)
        return numbers, found["labels"].numpy()

    def labels(self, image: Tensor) -> tuple[np.ndarray, np.ndarray | None]:
        """The class of each pixel, or the number of its thing and the class of things 1, 2, ...

        Shape:
            (3, H, W) uint8 -> (H, W) int32, (N,) int64, or None where the numbers are classes
        """
        data = self.recipe.data
        if isinstance(self.net, MaskRCNN):
            return self.drawn(self.find(image), tuple(image.shape[-2:]))
        scores = self.scores(image)
        if not self.cells:
            return scores.argmax(dim=0).numpy().astype(np.int32), None
        found = instances_from_foreground(scores.softmax(dim=0)[1], data.threshold, data.seed, data.smallest)
        return found, np.ones(found.max(), np.int64)

    def dataset(self, split: str) -> Dataset:
        """Its pictures, "train", "validate" or "test"."""
        name = self.recipe.data.name if split == "train" else self.recipe.data.test_name or self.recipe.data.name
        return load(name, getattr(self.recipe.data, split), **self.recipe.data.options)


def open_run(folder: Path) -> Run:
    """A finished training out of its folder.

    Raises:
        FileNotFoundError: where there is none.
        ValueError: where it was left by an older version, or takes more than a picture.
    """
    path = Path(folder) / "net.pt"
    if not path.exists():
        raise FileNotFoundError(f"'{folder}' holds no finished training: there is no net.pt in it")
    kept = read(path)
    if "pictures" not in kept:
        raise ValueError(f"'{path}' does not name its classes, as older versions left it: train again")
    tables, pictures = json.loads(kept["recipe"]), json.loads(kept["pictures"])
    recipe = make_recipe(tables, path)
    if recipe.net.form == "mask_rcnn" and recipe.data.stretch:
        raise ValueError(
            f"'{folder}' is a Mask R-CNN of stretched pictures: `course train FOLDER --as things` makes one"
        )
    if recipe.net.fusion or len(recipe.net.heads) > 1:
        raise ValueError(
            f"'{folder}' is a net of several inputs or heads, and a picture alone is what it would be given"
        )
    classes = pictures["classes"]
    if recipe.net.form == "unet":
        net = UNet(1, 2, recipe.net.width, recipe.net.depth, padded=True, dropout=recipe.net.dropout)
    elif recipe.net.form == "mask_rcnn":
        net = net_of(recipe.net, len(classes))
        net.most, net.rpn.candidates, net.rpn.proposals = recipe.data.most, 1000, 1000  # as it was tested
    else:
        net = make_net(replace(recipe.net, start=""), len(classes))
    net.load_state_dict(kept["net"])
    palette = [tuple(colour) for colour in pictures["palette"]]
    return Run(Path(folder), recipe, net.eval(), classes, palette, pictures["white"])


def run_with(net: FCN, root: Path, folder: Path) -> Run:
    """An FCN that was trained in a notebook, as report, predict and export take it; a folder's "val" is held out.

    Args:
        net: practical, and as many classes as the folder has; copied, to the CPU.
        root: pictures and masks, see `find_pairs`.
        folder: where what is made of it goes.
    """
    tables = {
        "net": {"form": "practical", "backbone": net.backbone.name, "stride": net.stride},
        "data": {"name": "folder", "test": "val", "options": {"root": str(root)}},
    }
    known = load("folder", "val", root=root)
    if len(known.classes) != net.classes:
        raise ValueError(f"the net tells {net.classes} classes apart, and '{root}' has {', '.join(known.classes)}")
    own = copy.deepcopy(net).cpu().to(memory_format=torch.contiguous_format).eval()
    return Run(folder, make_recipe(tables, folder), own, list(known.classes), list(known.palette), known.white)


def export_run(run: Run, kind: str, out: Path) -> tuple[Path, str]:
    """Write a run's net as a graph, with what its user needs beside it, once it has answered as the net does.

    Args:
        kind: "onnx", "torchscript" or "pt2".
        out: the folder.

    Returns:
        the graph's file, and how it compared

    Raises:
        ValueError: for a Mask R-CNN; where the graph answers otherwise; then it is not left behind.
    """
    if isinstance(run.net, MaskRCNN):
        raise ValueError(
            "a Mask R-CNN is not exported: NMS and pasted masks are not in the graph. `course predict` writes its things "
            "for ImageJ, QuPath and COCO's tools; `--as cells` trains a net that can be exported"
        )
    net = ExportableUNet(run.net) if run.cells else ExportableFCN(run.net, run.recipe.data.enlarge)
    path = out / KINDS.get(kind, "")
    beside = out / f".part.{path.name}"
    try:
        answer = exported(net.eval(), kind, beside)
        found = compare(run, answer)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    write_text(out / "classes.txt", "\n".join(run.classes) + "\n")
    deep = "pictures of more than 8 bits: " + ", ".join(
        f"{kind}, {most:g} is white" for kind, most in run.white.items()
    )
    palette = [part for colour in run.palette for part in colour]
    if kind == "onnx":
        pictures = f"Scale {deep}, first." if run.white else "Pictures of 8 bits, of any size from 64x64 on."
        write_text(out / "predict.py", PREDICT.format(palette=palette, bytes=pictures))
    card = [
        f"# {path.name}",
        f"{type(run.net).__name__}; classes: {', '.join(run.classes)} (classes.txt). Trained {_date(run)}.",
        "In: `images`, (1, 3, height, width), uint8, RGB; any height and width from 64 on. Normalisation is inside.",
        "Out: `classes`, (1, height, width), int64; `scores`, (1, classes, height, width), float32, not softmaxed.",
        *([f"Scale {deep}, to 0..255 before."] if run.white else []),
        *(["Things that touch are told apart behind it: watershed on the softmax of `scores`."] if run.cells else []),
        f"Checked: {found}.",
        "Learned from the pictures of one folder; others may differ. What it is worth is told by report.html.",
    ]
    write_text(out / "README.md", "\n\n".join(card) + "\n")
    return path, found


def _date(run: Run) -> str:
    path = run.folder / "result.json"
    return json.loads(path.read_text(encoding="utf-8"))["date"] if path.exists() else "at an unknown date"


def compare(run: Run, answer: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], most: int = 6) -> str:
    """The net's and a graph's answers on held-out pictures, whole and cut to odd sizes, in a sentence.

    Raises:
        ValueError: where more than one pixel in a thousand gets another class, or mean IU moves by more than 0.002.
    """
    tested = run.dataset("test")
    matrices = torch.zeros(2, len(run.classes), len(run.classes), dtype=torch.int64)
    largest, other, pixels, sizes = 0.0, 0, 0, set()
    for index in range(min(most, len(tested))):
        sample = tested.sample(index)
        height, width = (min(side, 1000) for side in sample.mask.shape)
        for rows, columns in {(height, width), (max(64, height - 3 * index - 1), max(64, 2 * width // 3))}:
            image = mirror_pad(sample.image, 0, max(0, rows - height), 0, max(0, columns - width))[:, :rows, :columns]
            mask = torch.full((rows, columns), 255)
            mask[:height, :width] = sample.mask[:rows, :columns]
            scores = run.scores(image)
            classes, exported_scores = answer(image[None].numpy())
            largest = max(largest, float(np.abs(scores.numpy() - exported_scores[0]).max()))
            both = scores.argmax(dim=0), torch.from_numpy(classes[0])
            other, pixels = other + int((both[0] != both[1]).sum()), pixels + mask.numel()
            matrices += torch.stack([confusion_matrix(mask, one, len(run.classes)) for one in both])
            sizes.add(f"{rows}x{columns}")
    before, after = (scores_of(matrix).mean_iu for matrix in matrices)
    found = (
        f"on {len(sizes)} sizes from {min(sizes)} to {max(sizes)}, the largest difference of a score is {largest:.2g}, "
        f"{other:,} of {pixels:,} pixels have another class, mean IU is {before:.4f} before and {after:.4f} after"
    )
    if other > pixels / 1000 or abs(before - after) > 0.002:
        raise ValueError(f"the graph answers otherwise than the net: {found}")
    return found
