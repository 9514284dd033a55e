"""How fast is the course's code, beside what a user would take instead?

    python benchmarks            one table, in about three minutes
    python benchmarks --quick    the same rows on tiny inputs: whether it runs, not how fast

Each row is measured in one run: its ways take turns, and the median of their times counts, so that whatever else the
machine does meets all of them. None of the libraries beside the course's is needed; the table says which are missing.
"""

import argparse
import contextlib
import importlib
import io
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from course_utils.data.transforms import Augment, elastic_deformation
from course_utils.inference import dense_prediction
from course_utils.losses import CrossEntropy, border_weights, plain_border_weights
from course_utils.metrics.instances import coco_ap
from course_utils.metrics.semantic import confusion_matrix
from course_utils.models.backbones import classifier
from course_utils.models.boxes import nms
from course_utils.models.convolutionalization import convolutionalize
from course_utils.models.rois import roi_align
from course_utils.models.unet import UNet
from course_utils.training.loop import train
from course_utils.training.settings import Settings

ROOMS = ("data", "losses", "models", "metrics", "inference", "training", "figures", "widgets", "exercises", "course")
MISSING = "not installed"
Ways = dict[str, Callable[[], object] | str]  # what is measured, by name, the course's own first; or why it is not


def medians(ways: Ways, rounds: int, least: float) -> dict[str, float]:
    """The median seconds of each way, after one run that goes uncounted.

    Args:
        rounds: in each of them every way has its turn; three are enough for ways that take more than a second.
        least: seconds that a turn takes, at least: what is faster is done several times.
    """
    first = {name: seconds(work) for name, work in ways.items() if callable(work)}
    often = {name: max(1, round(least / time)) for name, time in first.items()}
    found = {name: [] for name in first}
    for _ in range(rounds if sum(first.values()) < 2 else min(rounds, 3)):
        for name in found:
            found[name].append(seconds(ways[name], often[name]))
    return {name: statistics.median(times) for name, times in found.items()}


def seconds(work: Callable[[], object], often: int = 1) -> float:
    start = time.perf_counter()
    for _ in range(often):
        work()
    return (time.perf_counter() - start) / often


def optional(name: str) -> object | None:
    """A module that may not be installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None


def confusion_matrices(quick: bool) -> tuple[str, Ways]:
    pictures, side, classes = (1, 50, 21) if quick else (8, 500, 21)
    truth, prediction = (torch.randint(0, classes, (pictures, side, side)) for _ in range(2))
    truth[:, :, : side // 20] = 255
    counts = optional("torchmetrics.functional.classification")
    lists = optional("sklearn.metrics")

    def of_lists():
        seen = truth != 255
        lists.confusion_matrix(truth[seen].numpy(), prediction[seen].numpy(), labels=range(classes))

    def of_counts():
        counts.multiclass_confusion_matrix(prediction, truth, classes, ignore_index=255)

    return f"Confusion matrix, {pictures}x{side}x{side} pixels", {
        "course": lambda: confusion_matrix(truth, prediction, classes),
        "torchmetrics": of_counts if counts else MISSING,
        "scikit-learn": of_lists if lists else MISSING,
    }


def elastic_deformations(quick: bool) -> tuple[str, Ways]:
    side = 64 if quick else 512
    image = torch.randint(0, 256, (3, side, side), dtype=torch.uint8)
    mask = torch.randint(0, 21, (side, side))
    pair = tv_tensors.Image(image), tv_tensors.Mask(mask)
    album = optional("albumentations")
    arrays = {"image": image.permute(1, 2, 0).numpy().copy(), "mask": mask.numpy().astype("uint8")}
    return f"Elastic deformation, picture and mask of {side}x{side}", {
        "course": lambda: elastic_deformation(image, mask),
        "torchvision": partial(v2.ElasticTransform(alpha=50.0, sigma=5.0), *pair),
        "albumentations": partial(album.ElasticTransform(alpha=50, sigma=5, p=1.0), **arrays) if album else MISSING,
    }


def augmentations(quick: bool) -> tuple[str, Ways]:
    """Everything that is drawn anew for a picture: the course moves its pixels once, a chain of transforms each time."""
    side = 64 if quick else 160
    image, mask = torch.randint(0, 256, (3, side, side), dtype=torch.uint8), torch.randint(0, 21, (side, side))
    augment = Augment((side, side), scale=(0.8, 1.6), degrees=10, flip=0.5, sigma=10, jitter=0.3)
    chain = [v2.RandomAffine(10, scale=(0.8, 1.6)), v2.RandomHorizontalFlip(), v2.ElasticTransform(50.0, 5.0)]
    chain = v2.Compose([*chain, v2.ColorJitter(0.3, 0.3, 0.3)])
    return f"Scale, turn, flip, bend and colour, {side}x{side}", {
        "course": lambda: augment(image, mask),
        "torchvision": lambda: chain(tv_tensors.Image(image), tv_tensors.Mask(mask)),
    }


def weight_maps(quick: bool) -> tuple[str, Ways]:
    side, pitch = (64, 20) if quick else (512, 64)
    rows, columns = np.mgrid[:side, :side]
    near = (rows % pitch - pitch / 2) ** 2 + (columns % pitch - pitch / 2) ** 2 < (0.42 * pitch) ** 2
    cells = torch.from_numpy(np.where(near, 1 + rows // pitch * (side // pitch + 1) + columns // pitch, 0))
    return f"Border weights, {len(cells.unique()) - 1} cells on {side}x{side}", {
        "course": lambda: border_weights(cells, class_weights=(1.0, 1.0)),
        "scipy, a distance map for each cell": lambda: plain_border_weights(cells),
    }


def training_steps(quick: bool) -> tuple[str, Ways]:
    """The U-Net of configs/dsb2018_cpu.toml learns by the course's loop, and by the loop that tutorials show.

    Where the course's gain comes from, and where more would: of two steps, profiled on one thread of a busy machine (torch 2.15, oneDNN,
    AMD EPYC with AVX2), convolutions forward took 1.55 s with colours last and 1.87 s with channels first, poolings 0.02 and
    0.17 s, AdamW 0.05 s fused and 0.12 s as it comes. The convolutions' gradients took 5.30 and 4.79 s: they are 69 % of
    the course's step, and slower with colours last. Convolutions both ways are 90 % of it, so that all else, if it were
    free, would make it 1.1 times as fast. The rest has to come from those gradients: from oneDNN, or from bfloat16 on a
    processor that computes in it.
    """
    width, side, batch, steps = (4, 32, 1, 1) if quick else (16, 128, 8, 2)
    nets = [UNet(width=width, padded=True) for _ in range(2)]
    images, masks = torch.rand(batch * steps, 1, side, side), torch.randint(0, 2, (batch * steps, side, side))
    dataset = TensorDataset(images, masks)
    usual = torch.optim.AdamW(nets[1].parameters(), lr=1e-3)

    def plain():
        nets[1].train()
        for some, truth in DataLoader(dataset, batch, shuffle=True):
            loss = nn.functional.cross_entropy(nets[1](some), truth)
            usual.zero_grad()
            loss.backward()
            usual.step()
            loss.item()

    settings = Settings(epochs=1, batch=batch)
    return f"{steps} training steps of a U-Net of width {width}, {batch} x {side}x{side}", {
        "course": lambda: train(nets[0], dataset, CrossEntropy(), settings, device="cpu", progress=False),
        "PyTorch, channels first, the usual loop": plain,
    }


def ways_of_looking(quick: bool) -> tuple[str, Ways]:
    net = classifier("efficientnet_lite0").eval()
    turned, side = convolutionalize(net), 256 if quick else 512
    picture, windows = torch.rand(1, 3, side, side), ((side - 224) // 32 + 1) ** 2
    crops = partial(dense_prediction.sliding_window, net, picture, 224, 32)
    return f"EfficientNet-Lite0 at {windows} places of {side}x{side}", {
        "course, dense": lambda: dense_prediction.dense(turned, picture),
        "sliding window": crops,
        "sliding window, 25 at once": partial(crops, batch=25),
    }


def suppressions(quick: bool) -> tuple[str, Ways]:
    boxes, scores = some_boxes(50 if quick else 1000, 500), torch.rand(50 if quick else 1000)
    return f"Box NMS, {len(boxes)} boxes", {
        "course": lambda: nms(boxes, scores, 0.7),
        "torchvision": lambda: torchvision.ops.nms(boxes, scores, 0.7),
    }


def aligned_maps(quick: bool) -> tuple[str, Ways]:
    count = 8 if quick else 256
    maps, boxes, pictures = torch.rand(2, 64, 64, 64), some_boxes(count, 512), torch.randint(0, 2, (count,))
    rois = torch.cat([pictures[:, None].float(), boxes], dim=1)
    return f"RoIAlign, {count} boxes to 7x7 of 64 channels", {
        "course": lambda: roi_align(maps, boxes, pictures, 7, stride=8),
        "torchvision": lambda: torchvision.ops.roi_align(maps, rois, 7, 1 / 8, sampling_ratio=2, aligned=True),
    }


def some_boxes(count: int, side: int) -> Tensor:
    corners = torch.rand(count, 2) * 0.8 * side
    return torch.cat([corners, corners + 4 + torch.rand(count, 2) * 0.2 * side], dim=1)


def average_precisions(quick: bool) -> tuple[str, Ways]:
    """From masks as a net gives them: what pycocotools takes, run lengths, it has to make first."""
    count, side, things = (2, 40, 3) if quick else (50, 160, 10)
    rows, columns = torch.arange(side)[:, None], torch.arange(side)

    def discs(places: Tensor) -> dict[str, Tensor]:
        masks = torch.stack([(rows - y) ** 2 + (columns - x) ** 2 < (side / 8) ** 2 for y, x in places])
        return {"masks": masks, "labels": torch.arange(len(places)) % 3 + 1}

    pairs = []
    for _ in range(count):
        places = torch.rand(things, 2) * side
        moved = torch.cat([places + 3 * torch.randn(things, 2), torch.rand(things, 2) * side])
        pairs.append((discs(places), discs(moved) | {"scores": torch.rand(2 * things)}))
    tools = optional("pycocotools.cocoeval")
    return f"COCO's AP of masks, {count} pictures of {side}x{side}, {things} things, {2 * things} found", {
        "course": lambda: coco_ap(pairs),
        "pycocotools": partial(coco_tools, pairs, side) if tools else MISSING,
    }


def coco_tools(pairs: list, side: int) -> None:
    from pycocotools import mask as run_lengths
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    indices = []
    for part in range(2):
        notes = []
        for picture, things in enumerate((pair[part] for pair in pairs), start=1):
            codes = run_lengths.encode(np.asfortranarray(things["masks"].permute(1, 2, 0).numpy().astype(np.uint8)))
            for place, code in enumerate(codes):
                note = {"id": len(notes) + 1, "image_id": picture, "category_id": int(things["labels"][place])}
                note |= {"segmentation": code, "area": float(run_lengths.area(code)), "iscrowd": 0}
                notes.append(note | ({"score": float(things["scores"][place])} if "scores" in things else {}))
        index = COCO()
        index.dataset = {
            "images": [{"id": picture, "height": side, "width": side} for picture in range(1, len(pairs) + 1)],
            "annotations": notes,
            "categories": [{"id": label, "name": str(label)} for label in (1, 2, 3)],
        }
        indices.append(index)
    with contextlib.redirect_stdout(io.StringIO()):
        for index in indices:
            index.createIndex()
        judge = COCOeval(*indices, "segm")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()


def starts(quick: bool) -> Iterator[tuple[str, str, str, str, str]]:
    """What a new Python takes before it can begin: a room's names are imported when they are asked for."""
    imports = {f"`import course_utils.{room}`": ("-c", f"import course_utils.{room}") for room in ROOMS}
    commands = imports | {"`course --help`": ("-m", "course_utils.course.command", "--help")}
    ways = {
        what: partial(python, *words) for what, words in (commands | {"`import torch`": ("-c", "import torch")}).items()
    }
    times = medians(ways, 1 if quick else 5, 0.0)
    for what in commands:
        yield line(what, times[what], "`import torch`", times["`import torch`"])


def python(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)


PEAK = """
import sys
from pathlib import Path
import numpy as np, torch
from course_utils.inference.tiles import at_once, overlap_tile
from course_utils.models.unet import UNet

def memory(what):
    return int(Path("/proc/self/status").read_text().partition(what + ":")[2].split()[0]) / 2**10

side, tiles = int(sys.argv[1]), sys.argv[2] == "tiles"
net = UNet(width=4)
before = memory("VmRSS")
if tiles:
    picture = np.lib.format.open_memmap("picture.npy", "w+", np.float32, (1, side, side))
    overlap_tile(net, picture, out=np.lib.format.open_memmap("logits.npy", "w+", np.float32, (2, side, side)), progress=False)
else:
    at_once(net, torch.zeros(1, side, side))
print(memory("VmHWM") - before)
"""


def peaks(quick: bool) -> Iterator[tuple[str, str, str, str, str]]:
    """Memory that a picture takes in tiles and at once; at once of a smaller one, as it grows with the pixels."""
    side, smaller = (640, 320) if quick else (8192, 2048)
    what = f"Peak memory of a U-Net of width 4 on {side}x{side}"
    if not Path("/proc/self/status").exists():
        yield what, "", "whole picture", "measured on Linux only", ""
        return
    found = []
    for each, way in ((side, "tiles"), (smaller, "at once")):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-c", PEAK, str(each), way]
            ended = subprocess.run(command, check=True, cwd=folder, stdout=subprocess.PIPE, text=True)
        found.append(float(ended.stdout) * (side / each) ** 2)
    beside = f"the whole picture at once, {(side // smaller) ** 2} times what {smaller}x{smaller} takes"
    yield what, f"{found[0]:,.0f} MB", beside, f"{found[1]:,.0f} MB", ratio(found[1] / found[0])


def timed(row: tuple[str, Ways], quick: bool) -> Iterator[tuple[str, str, str, str, str]]:
    """A row's lines: one for each library beside the course's own way."""
    what, ways = row
    times = medians(ways, *((1, 0.0) if quick else (7, 0.1)))
    own, *others = ways
    for other in others:
        yield line(what, times[own], other, times.get(other, ways[other]))
        what = ""


def line(what: str, here: float, instead: str, there: float | str) -> tuple[str, str, str, str, str]:
    if isinstance(there, str):
        return what, words(here), instead, there, ""
    return what, words(here), instead, words(there), ratio(there / here)


def ratio(times: float) -> str:
    return f"{times:.0f}" if times >= 10 else f"{times:.2g}"


def words(time: float) -> str:
    return f"{time:.3g} s" if time >= 1 else f"{1000 * time:.3g} ms"


def lines(quick: bool) -> Iterator[tuple[str, str, str, str, str]]:
    """The table, line by line, as it is measured."""
    torch.manual_seed(0)
    for row in (confusion_matrices, elastic_deformations, augmentations, weight_maps, training_steps, ways_of_looking):
        yield from timed(row(quick), quick)
    yield from peaks(quick)
    for row in (suppressions, aligned_maps, average_precisions):
        yield from timed(row(quick), quick)
    yield from starts(quick)


def processor() -> str:
    """Its name, as the system has it."""
    path = Path("/proc/cpuinfo")
    known = path.read_text() if path.exists() else ""
    name = next((line for line in known.splitlines() if line.startswith("model name")), "")
    return name.partition(":")[2].strip() or platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny inputs: whether it runs, not how fast")
    quick = parser.parse_args().quick
    print(
        f"{date.today()}, {torch.get_num_threads()} threads on {processor()}, torch {torch.__version__}, "
        f"Python {platform.python_version()}{'; tiny inputs, no times to quote' if quick else ''}\n"
    )
    print("| what | here | instead | there | there / here |\n|---|---|---|---|---|")
    for cells in lines(quick):
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
