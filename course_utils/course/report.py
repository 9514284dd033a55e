"""What a training on your own pictures came to, as one HTML page that needs nothing beside it (lecture 10)."""

import base64
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image

from course_utils.data.files import write_text
from course_utils.figures.learning import learning_curves
from course_utils.figures.measures import confusion
from course_utils.figures.style import COLOURS, use_course_style
from course_utils.inference.predicted import overlay
from course_utils.metrics.instances import score_instances
from course_utils.metrics.semantic import Counter, scores
from course_utils.training.own_pictures import Run, curve_over_pictures
from course_utils.training.progress import History
from course_utils.training.saving import read

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
    tested = run.dataset("test")
    samples = [tested.sample(index) for index in range(len(tested))]
    found = [run.labels(sample.image) for sample in samples]
    truths = [(sample.instances if run.numbered else sample.mask).numpy() for sample in samples]
    what, whole, each, details = _cell_scores(truths, found) if run.numbered else _class_scores(run, truths, found)
    known = [value for value in each if value == value]
    spread = np.quantile(known, (0, 0.25, 0.5, 0.75, 1)) if known else [float("nan")] * 5
    title = f"{run.folder.resolve().name}: {what} {whole:.3f} on {len(tested)} pictures that were held out"
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{datetime.now(UTC):%d %B %Y}. {_kind(run)}</p>",
        "<h2>How much it differs from picture to picture</h2>",
        _table([["lowest", "a quarter below", "median", "a quarter above", "highest"], [f"{value:.3f}" for value in spread]]),
        f"<p>{what} of each held-out picture. With {len(known)} pictures, a difference smaller than this spread may be chance.</p>",
        *details,
        "<h2>Best and worst</h2>",
        "<p>The picture, the truth, the prediction.</p>",
        *_best_and_worst(run, tested.items, samples, truths, found, each),
        *_curve(what, curve),
        *_learning(run.folder),
        "<h2>What was held out</h2>",
        f"<p>{_names(tested.items)}. Nothing was learned from these. split.csv lists the split of every picture.</p>",
        "<h2>What made it</h2>",
        f"<pre>{escape(_command(run.folder))}</pre>",
    ]  # fmt: skip
    path = run.folder / "report.html"
    write_text(path, PAGE.format(title=escape(title), body="\n".join(body)))
    return path


def _kind(run: Run) -> str:
    if run.cells:
        return f"A U-Net of width {run.recipe.net.width} with border weights; touching things are told apart."
    net = run.recipe.net
    if run.numbered:
        return f"A Mask R-CNN on {escape(net.backbone)}; each thing has a box and a mask of its own."
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


def _cell_scores(truths: list, found: list) -> tuple[str, float, list[float], list[str]]:
    pairs = list(zip(truths, found, strict=True))
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
        f"{whole.missed} missed; panoptic quality {whole.panoptic_quality:.3f}."
    )
    return (
        "matched share at IU 0.5",
        whole.matched_share[0.5],
        each,
        ["<h2>Things found</h2>", _table(rows), f"<p>{counts}</p>"],
    )


def _best_and_worst(run: Run, items: Sequence[str], samples, truths, found, each: list[float]) -> list[str]:
    ranked = sorted((index for index, value in enumerate(each) if value == value), key=lambda index: each[index])
    count = min(3, len(ranked) // 2) or len(ranked)
    shown = dict.fromkeys([*ranked[::-1][:count], *ranked[:count]])
    lines = []
    for index in shown:
        image = samples[index].image.permute(1, 2, 0).numpy()
        palette = None if run.numbered else run.palette
        clear = [np.where(labels == 255, 0, labels) if palette else labels for labels in (truths[index], found[index])]
        gap = np.full((len(image), 6, 3), 255, np.uint8)
        drawn = [overlay(image, labels, palette) for labels in clear]
        strip = Image.fromarray(np.concatenate([image, gap, drawn[0], gap, drawn[1]], axis=1))
        strip.thumbnail((1400, 700))
        file = io.BytesIO()
        strip.save(file, "JPEG", quality=88)
        alt = f"{items[index]}: picture, truth and prediction"
        lines.append(
            f"<figure>{_embedded(file, 'jpeg', alt)}<figcaption>{escape(items[index])}: {each[index]:.3f}</figcaption></figure>"
        )
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
    figure.suptitle(f"{what} after as many steps on fewer pictures", x=0.01, ha="left")
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
