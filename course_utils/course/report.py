"""What a training on your own pictures came to, as one HTML page that needs nothing beside it (lecture 10)."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

from course_utils.data.dataset import Dataset
from course_utils.data.files import write_text
from course_utils.figures.learning import learning_curves
from course_utils.figures.measures import confusion
from course_utils.figures.style import COLOURS, use_course_style
from course_utils.inference.predicted import overlay
from course_utils.metrics.instances import score_instances
from course_utils.metrics.semantic import Counter, scores
from course_utils.models.mask_rcnn import MaskRCNN
from course_utils.training.instances import ThingPictures, judge_things
from course_utils.training.own_pictures import Run, curve_over_pictures
from course_utils.training.progress import History
from course_utils.training.saving import read

Answer = tuple[np.ndarray, np.ndarray | None]
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>
body {{font: 17px/1.5 system-ui, sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em; color: #222; background: #fff}}
table {{border-collapse: collapse}} th, td {{text-align: right; padding: .3em .9em; border-bottom: 1px solid #ccc}}
th:first-child, td:first-child {{text-align: left}} img {{max-width: 100%; height: auto}} pre {{background: #f4f4f4; padding: .8em; overflow-x: auto}}
figure {{margin: 1em 0}} figcaption {{color: #444}}
</style></head><body>
{body}
</body></html>
"""


def write_report(run: Run, device: str = "auto", workers: int = 0) -> Path:
    """Score a training on the pictures that it never saw, and write RUN/report.html.

    The curve over the number of pictures needs two smaller trainings; those that were made before are not made again.

    Raises:
        FileNotFoundError: where its pictures are not here any more.
    """
    use_course_style()
    curve = curve_over_pictures(run.recipe, run.folder, device, workers) if run.recipe.data.name == "folder" else []
    judged = judge(run)
    title = f"{run.folder.resolve().name}: {judged.what} {judged.whole:.3f} on {len(judged.items)} pictures that were held out"
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{datetime.now(UTC):%d %B %Y}. {_kind(run)}</p>",
        *spread(judged),
        *judged.details,
        *best_and_worst(run, judged),
        *_curve(judged.what, curve),
        *_learning(run.folder),
        "<h2>What was held out</h2>",
        f"<p>{_names(judged.items)}. Nothing was learned from these. split.csv lists the split of every picture.</p>",
        "<h2>What made it</h2>",
        f"<pre>{escape(_command(run.folder))}</pre>",
    ]
    path = run.folder / "report.html"
    write_text(path, PAGE.format(title=escape(title), body="\n".join(body)))
    return path


def excerpt(run: Run) -> str:
    """The part of the report that is read first, as HTML: scores with their spread, and the best and worst pictures."""
    judged = judge(run)
    return "\n".join([*spread(judged), *judged.details[:3], *best_and_worst(run, judged)])  # heading, table, sentence


@dataclass(frozen=True)
class Judged:
    """A net's answers on the pictures that were held out, and how good they are.

    Args:
        items, images: of each picture its name and (3, H, W) uint8.
        answers: of each what is true and what the net says, as `Run.labels` gives them.
        what, whole, each: the score that sums up, of all pictures and of each; NaN where there is nothing to score.
        details: further scores, as HTML; first a heading, a table and a sentence.
    """

    items: list[str]
    images: list[torch.Tensor]
    answers: list[tuple[Answer, Answer]]
    what: str
    whole: float
    each: list[float]
    details: list[str]


def judge(run: Run) -> Judged:
    """Let a net answer for every picture that was held out, and score it."""
    tested = run.dataset("test")
    samples = [tested.sample(index) for index in range(len(tested))]
    if isinstance(run.net, MaskRCNN):  # what it finds is asked once, and scored in two ways
        kept = ("boxes", "labels", "scores", "drawn")
        seen = [{name: each[name] for name in kept} for each in (run.find(sample.image) for sample in samples)]
        found = [run.drawn(one, tuple(sample.mask.shape)) for one, sample in zip(seen, samples, strict=True)]
    else:
        found = [run.labels(sample.image) for sample in samples]
    if run.numbered:
        truths = [(sample.instances.numpy(), sample.labels.numpy()) for sample in samples]
        scored = _thing_scores(truths, found)
        if isinstance(run.net, MaskRCNN):
            scored[3].extend(_average_precisions(run, tested, seen))
    else:
        truths = [(sample.mask.numpy(), None) for sample in samples]
        scored = _class_scores(run, [labels for labels, _ in truths], [labels for labels, _ in found])
    answers = list(zip(truths, found, strict=True))
    return Judged(list(tested.items), [sample.image for sample in samples], answers, *scored)


def spread(judged: Judged) -> list[str]:
    """How much the score differs from picture to picture."""
    known = [value for value in judged.each if value == value]
    values = np.quantile(known, (0, 0.25, 0.5, 0.75, 1)) if known else [float("nan")] * 5
    return [
        "<h2>How much it differs from picture to picture</h2>",
        _table([["lowest", "a quarter below", "median", "a quarter above", "highest"], [f"{value:.3f}" for value in values]]),
        f"<p>{judged.what} of each held-out picture. With {len(known)} pictures, a difference smaller than this spread may be chance.</p>",
    ]  # fmt: skip


def _kind(run: Run) -> str:
    if run.cells:
        return f"A U-Net of width {run.recipe.net.width} with border weights; touching things are told apart."
    net = run.recipe.net
    if run.numbered:
        classes = f" Classes: {escape(', '.join(run.classes[1:]))}." if len(run.classes) > 2 else ""
        return f"A Mask R-CNN on {escape(net.backbone)}; each thing has a box and a mask of its own.{classes}"
    return f"An FCN-{net.stride}s on {escape(net.backbone)}; classes: {escape(', '.join(run.classes))}."


def _class_scores(run: Run, truths: list, found: list) -> tuple[str, float, list[float], list[str]]:
    counter = Counter(len(run.classes), [], 255)
    for truth, prediction in zip(truths, found, strict=True):
        counter.count(torch.from_numpy(truth), torch.from_numpy(prediction).long())
    whole = scores(counter.matrix)
    truth = counter.matrix.sum(dim=1)
    rows = [["class", "IU", "Dice", "share of pixels"]]
    for number in whole.iu.nan_to_num(2.0).argsort().tolist():
        share = f"{100 * truth[number] / truth.sum():.1f} %"
        rows.append([run.classes[number], *(_digits(values[number]) for values in (whole.iu, whole.dice)), share])
    names = ", ".join(f"{name} {getattr(whole, key):.3f}" for key, name in NAMES.items())
    matrix = [_picture(confusion(counter.matrix, run.classes, "What is taken for what"), "confusion matrix")]
    details = ["<h2>Class by class, worst first</h2>", _table(rows), f"<p>{names}</p>", *matrix]
    return "mean IU", whole.mean_iu, counter.per_image, details


NAMES = {"pixel_accuracy": "pixel accuracy", "mean_accuracy": "mean accuracy", "mean_iu": "mean IU",
         "frequency_weighted_iu": "frequency-weighted IU"}  # fmt: skip


def _thing_scores(truths: list[Answer], found: list[Answer]) -> tuple[str, float, list[float], list[str]]:
    pairs = [(truth[0], answer[0]) for truth, answer in zip(truths, found, strict=True)]
    whole = score_instances(pairs)
    each = [
        score_instances([pair]).matched_share[0.5] if pair[0].any() or pair[1].any() else float("nan") for pair in pairs
    ]
    rows = [
        ["IU at least", *(f"{threshold:.2f}" for threshold in whole.matched_share)],
        ["matched share", *map(_digits, whole.matched_share.values())],
    ]
    counts = (
        f"{whole.cells} things, {whole.predicted} predicted; {whole.merged} merged with another, {whole.split} split, "
        f"{whole.missed} missed; panoptic quality {whole.panoptic_quality:.3f}. Here a thing counts whatever its class."
    )
    return (
        "matched share at IU 0.5",
        whole.matched_share[0.5],
        each,
        ["<h2>Things found</h2>", _table(rows), f"<p>{counts}</p>"],
    )


def _average_precisions(run: Run, tested: Dataset, found: list[dict[str, torch.Tensor]]) -> list[str]:
    """COCO's AP of each class, worst first (Mask R-CNN, section 4)."""
    pictures = ThingPictures(tested)
    whole = [pictures.whole(index) for index in range(len(pictures))]
    truths = [(instances, classes) for _, instances, classes in whole]
    masks = judge_things(truths, found, run.recipe.data.threshold).masks
    rows = [["class", "AP", "AP at IU 0.5", "AP at IU 0.75"]]
    each = masks.precision.mean(axis=1)  # (thresholds, classes)
    for place in each.mean(axis=0).argsort().tolist():
        name = run.classes[masks.classes[place]]
        rows.append([name, *map(_digits, (each[:, place].mean(), each[0, place], each[5, place]))])
    if len(rows) > 2:
        rows.append(["mean of the classes", *map(_digits, (masks.ap, masks.ap50, masks.ap75))])
    return ["<h2>Average precision of masks, class by class, worst first</h2>", _table(rows),
            "<p>COCO's: of all detections of a class, ranked by how sure they are; a wrong class is a wrong thing.</p>"]  # fmt: skip


def best_and_worst(run: Run, judged: Judged) -> list[str]:
    """The pictures with the highest and the lowest scores: picture, truth and prediction side by side, as HTML."""
    ranked = sorted(
        (index for index, value in enumerate(judged.each) if value == value), key=lambda index: judged.each[index]
    )
    count = min(3, len(ranked) // 2) or len(ranked)
    shown = dict.fromkeys([*ranked[::-1][:count], *ranked[:count]])
    lines = ["<h2>Best and worst</h2>", "<p>The picture, the truth, the prediction.</p>"]
    for index in shown:
        image = judged.images[index].permute(1, 2, 0).numpy()
        gap = np.full((len(image), 6, 3), 255, np.uint8)
        parts = [image]
        for labels, kinds in judged.answers[index]:
            clear = np.where(labels == 255, 0, labels) if kinds is None else labels
            parts += [gap, overlay(image, clear, run.palette, kinds)]
        strip = Image.fromarray(np.concatenate(parts, axis=1))
        strip.thumbnail((1400, 700))
        times = max(1, 280 // strip.height)  # a crop of a few pixels is enlarged, pixel by pixel
        strip = strip.resize((times * strip.width, times * strip.height), Image.Resampling.NEAREST)
        file = io.BytesIO()
        strip.save(file, "JPEG", quality=88)
        name = judged.items[index]
        picture = _embedded(file, "jpeg", f"{name}: picture, truth and prediction")
        lines.append(f"<figure>{picture}<figcaption>{escape(name)}: {judged.each[index]:.3f}</figcaption></figure>")
    return lines


def _curve(what: str, curve: list[dict[str, float]]) -> list[str]:
    """How many more pictures would help, as far as a quarter, a half and all of them tell."""
    if len(curve) < 2:
        return ["<h2>How many more would help?</h2>", "<p>There are too few pictures to learn from fewer of them.</p>"]
    counts, values = ([point[key] for point in curve] for key in ("pictures", "score"))
    gain = values[-1] - values[-2]
    said = f"From {counts[-2]} to {counts[-1]} pictures {what} changed by {gain:+.3f}. "
    said += "Twice as many may bring as much again; gains shrink as a rule." if gain > 0.01 else (
        "The number of pictures is not what limits it now: look at the worst pictures and at the masks, or train longer."
    )  # fmt: skip
    figure, axes = plt.subplots(figsize=(8, 4))
    axes.plot(counts, values, "-o", color=COLOURS["blue"], markersize=9)
    axes.set(xlabel="pictures to learn from", ylabel=what, ylim=(0, 1), xscale="log", xticks=counts)
    axes.set_xticks(counts, map(str, counts))
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    figure.suptitle(f"From {counts[-2]} to {counts[-1]} pictures: {gain:+.3f}", x=0.01, ha="left")
    note = "<p>One training each, with as many steps; another seed would move each point a little.</p>"
    return ["<h2>How many more would help?</h2>", f"<p>{said}</p>", _picture(figure, said), note]


def _learning(folder: Path) -> list[str]:
    path = folder / "checkpoint.pt"
    if not path.exists():
        return []
    history = History(**read(path)["history"])
    figure = learning_curves({"": history}, f"{len(history.losses):,} steps in {history.seconds:.0f} s")
    return ["<h2>How it learned</h2>", _picture(figure, "loss and score over the steps")]


def _command(folder: Path) -> str:
    path = folder / "recipe.toml"
    return path.read_text(encoding="utf-8") if path.exists() else "no recipe lies beside the net"


def _table(rows: list[list[str]]) -> str:
    head, *others = rows
    lines = ["<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in others]
    return f"<table>{''.join(lines)}</table>"


def _names(items: Sequence[str], most: int = 20) -> str:
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return escape(", ".join(items[:most])) + more


def _digits(value) -> str:
    return f"{float(value):.3f}" if value == value else "none"


def _picture(figure: Figure, alt: str) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=80)
    plt.close(figure)
    return _embedded(file, "png", alt)


def _embedded(file: io.BytesIO, kind: str, alt: str) -> str:
    return f'<img alt="{escape(alt)}" src="data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}">'
