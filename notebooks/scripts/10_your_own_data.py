# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   language_info:
#     name: python
# ---

# %% [markdown] slideshow={"slide_type": "slide", "name": "title"}
# # Your own data
#
# ![Eight pictures of a folder, each beside its mask.](attachment:cover.jpg)
#
# A folder with pictures and masks arrives by mail: "It should all be there."
#
# What is wrong with it?

# %% [markdown] slideshow={"slide_type": "skip"}
# Until now the data were right, and the net was the question. With a folder of your own it is the other way round: the
# nets are known, and nearly everything that goes wrong is in the files. Two folders lie in front of you today, and
# **twelve faults** were planted in them. Every one of them is of a kind that people report of their own data.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask who has ever received a folder of masks from somebody else, and what was wrong with
# it. Collect the answers on the board, and tick off today which of them a program could have found. Usual ones: masks
# of 0 and 255, other sizes, other names.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["objectives"]
# ## In 60 minutes you will be able to
#
# - look through a folder of pictures and masks, and say what a program can find in it and what only eyes can,
# - say what a fault costs, measured by training with it and without it,
# - divide pictures so that the score is about new ones,
# - choose among the three nets of this course for pictures of yours, and say how many pictures are enough,
# - read a report, and take a net and its answers to another program, unchanged.

# %% slideshow={"slide_type": "skip"} tags=["parameters"]
PROFILE = "quick"  # "quick": a CPU in a minute; "full": more scenes and longer trainings
DEVICE = "auto"  # "auto", "cpu", "cuda" or "mps"
SEED = 0
DATASET = "planted"  # the two folders with twelve faults

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
import warnings
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
import numpy as np
import torch
from course_utils.data import forgotten, kinds_of_stickers, load, nuclei, plant, renamed, shifted_mask
from course_utils.models import backbone, FCN, normalise
from course_utils.losses import CrossEntropy, separated
from course_utils.training import evaluate, freeze, KeptMaps, Settings, train_or_load, UpperBackbone
from course_utils.figures import bars, draw_classes, panels, show
from course_utils.exercises import check, quiz
from course_utils.course import begin, choose, record

run = begin(PROFILE, DEVICE, SEED)  # fmt: skip

# %% [markdown] slideshow={"slide_type": "skip"}
# ## 1. Look first
#
# `stickers/` holds scenes of four kinds of things, in `train/` and `val/`. `nuclei/` holds pieces of lecture 01's
# picture. Both have their masks, in which a pixel's number is its class, and a `classes.txt`.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
here = TemporaryDirectory()
faults = choose(DATASET, {"planted": plant})(Path(here.name) / "mine", seed=0)  # the files that the text names
root = Path(here.name) / "mine"
for folder in ("stickers", "nuclei"):
    files = sorted(path for path in (root / folder).rglob("*") if path.is_file())
    print(f"{folder}: {len(files)} files, such as {files[-1].relative_to(root)}")

# %% [markdown] slideshow={"slide_type": "slide", "name": "look"}
# ### Look first

# %% slideshow={"slide_type": "-"}
from dataclasses import replace
from course_utils.figures import draw_image

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # what it warns of is what we are looking for
    opened = load("folder", "train", root=root / "stickers")
drawings = {}
for number in ("036", "005", "028", "012", "027", "034", "002", "023"):
    sample = opened.sample(opened.items.index(f"train/scene_{number}"))
    drawings[number] = partial(draw_image, image=sample.image)
    drawings[f"mask {number}"] = partial(
        draw_classes, image=None, mask=sample.mask, classes=opened.classes, names=False
    )
show(
    panels(drawings, "Which of these eight masks would you ask about?", columns=8, width=14),
    alt="Eight pictures of the folder, each beside its mask. Two masks show other things than their pictures, one lies too "
    "low and too far right, in one the largest thing is missing, in one an animal has the vehicles' colour.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Take a minute for it before you read on. Three of these eight are as they should be.
#
# A sheet of pictures beside their masks is the cheapest tool there is: `course data show FOLDER` draws one of any
# folder. It finds what no program can know, such as a horse that is called a vehicle. What it does not do is look at
# all files, every time, without getting tired.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* Give them one whole minute in silence, then collect by number. The exchanged pair is
# found first, then the picture without its largest thing. The shifted mask is found by few, the animal in the vehicles'
# colour by those who ask what the colours mean. Ask how long they would keep this up: for 600 pictures?

# %% [markdown] slideshow={"slide_type": "slide", "name": "check"}
# ## 2. Then let a program look at all of it
#
# It opens every file, pairs them, and compares each with all others.
#
# **Guess:** how many of the twelve can it name?

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Take a vote, 4, 8 or 12, before the click. The command is `course data check FOLDER`,
# and it needs no net.

# %% slideshow={"slide_type": "skip"}
from course_utils.data import inspect_folder

reports = {folder: inspect_folder(root / folder) for folder in ("stickers", "nuclei")}
for report in reports.values():
    print(f"{len(report.problems)} problems in {report.title.split('/')[-1].rstrip(chr(39))}/")
    for problem, names in report.problems.items():
        print(f"- {problem}: {', '.join(names)}" if names else f"- {problem}")


# %% slideshow={"slide_type": "skip"}
def is_named(fault):
    """Whether the report names the fault's files."""
    said = " ".join(name for names in reports[fault.folder].problems.values() for name in names)
    return any(name in said for name in fault.names)


named = [fault for fault in faults if is_named(fault)]
silent = [fault for fault in faults if fault not in named]
print("named:")
for fault in named:
    print(f"  {fault.what}: {' and '.join(fault.names)}")
record("10.faults_named", len(named))

# %% slideshow={"slide_type": "fragment"} tags=["nbval-check-output"]
print(f"{len(named)} of {len(faults)} are named; not a word about")
for fault in silent:
    print(f"  {fault.what}")

# %% [markdown] slideshow={"slide_type": "skip"}
# What it names are files that **contradict** something: another file, a list of classes, the other split. What it cannot
# name are files that are legal and wrong: a mask that lies aside, an animal that is called a vehicle, a thing that
# nobody drew, a picture in which dark is bright. No number in them is out of order. So: first the program, then eyes,
# and later the net, whose worst pictures are a list of suspects.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Go through those that it does not name. In each case ask: what would a program have to
# know? For the shifted mask it is possible, and that is the exercise. For the animal somebody has to look. The picture
# with dark nuclei is legal, too: another microscope makes such pictures.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-shift"} tags=["exercise"]
# ## Your turn: `shift_of`
#
# One mask lies a few pixels aside. A mask that lies right has its outline where the picture is **steep**. For every
# shift from `-most` to `most`, down and right: how steep is the picture on average under the outline, moved back by
# it? The best one says where the mask lies. Stuck? Run `hint("10.shift")` in a new cell (`from course_utils.exercises
# import hint`).

# %% [markdown] slideshow={"slide_type": "skip"}
# `outline(mask)` is True at the pixels whose right or lower neighbour has another number. Places that fall outside of
# the picture are left out of the mean. You return `(down, right)`: how many rows too low and how many columns too far
# right the mask lies, so `(0, 0)` where it is right.

# %% slideshow={"slide_type": "skip"}
from course_utils.exercises.lecture10 import outline


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "10-shift", "locked": false, "schema_version": 3, "solution": true, "task": false}
def shift_of(steep, mask, most=8):
    """By how many rows and columns a mask lies too low and too far right.

    steep: (H, W) array, how steep the picture is at each pixel
    mask: (H, W) array of integers
    returns: (down, right), each from -most to most
    """
    ### BEGIN SOLUTION
    rows, columns = np.nonzero(outline(mask))
    fits = {(0, 0): 0.0}  # first, so that a mask without any outline lies right
    for down in range(-most, most + 1):
        for right in range(-most, most + 1):
            y, x = rows - down, columns - right
            inside = (y >= 0) & (x >= 0) & (y < mask.shape[0]) & (x < mask.shape[1])
            fits[down, right] = steep[y[inside], x[inside]].mean() if inside.any() else 0.0
    return max(fits, key=fits.get)
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "10-shift-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("10.shift", shift_of)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 5 minutes.* Two loops and a mean. The usual mistakes: the sign (asked is where it lies, not how to
# move it), and np.roll, which brings the lower edge in at the top. Who is done early thinks about this: on which
# pictures does it fail? On those whose background is steeper than their things.

# %% [markdown] slideshow={"slide_type": "skip"}
# Your check on every legal pair of the folder. Small shifts are normal: an outline is two pixels wide and pictures are
# textured. Which ones would you open?

# %% slideshow={"slide_type": "skip"}
from scipy.ndimage import gaussian_gradient_magnitude


def steepness(image):
    """How steep a picture is at each pixel, (3, H, W) -> (H, W)."""
    grey = image.float().mean(dim=0).numpy()
    return np.sqrt(gaussian_gradient_magnitude(grey, 1))  # the root: a few very steep places should not decide


aside = {}
for index, name in enumerate(opened.items):
    try:
        sample = opened.sample(index)
    except (OSError, ValueError):
        continue  # named by the check already
    mask = torch.where(sample.mask == 255, 0, sample.mask).numpy()
    aside[name] = shift_of(steepness(sample.image), mask)
far = {name: shift for name, shift in aside.items() if max(map(abs, shift)) >= 4}
print(f"{len(aside)} masks, {len(far)} of them 4 or more pixels aside:")
for name, (down, right) in far.items():
    print(f"  {name}: {down:+} rows, {right:+} columns")

# %% slideshow={"slide_type": "slide", "name": "silent"}
drawings = {}
legal = [fault for fault in silent if fault.folder == "stickers"]
for fault in legal:
    sample = opened.sample(opened.items.index(f"train/{fault.names[0]}"))
    drawings[fault.what] = partial(
        draw_classes, image=sample.image, mask=sample.mask, classes=opened.classes, names=False
    )
show(
    panels(drawings, f"{len(legal)} faults of the stickers that no file gives away", width=12),
    alt="Pictures with their masks drawn over them: one lies too low and too far to the right, in one an animal has the "
    "colour of vehicles, in one the largest thing has no colour at all.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* A mask drawn over its picture shows in a second what two pictures side by side hide. In
# your own work, look at overlays.

# %% [markdown] slideshow={"slide_type": "slide", "name": "price-question"}
# ## 3. What does a fault cost?
#
# One wrong mask among many costs nothing that you could measure. A **habit** is in all of them: a script that shifts, an
# annotator who is in a hurry.
#
# Rank by price: all masks **aside**, a quarter **exchanged**, half of the animals **called vehicles**, half of the things
# **not drawn**.

# %% [markdown] slideshow={"slide_type": "skip"}
# We train the same net with right masks, and with each of the four habits: a quarter of the masks exchanged among each
# other; animals called vehicles in every second picture; every mask 5 rows too low and 8 columns too far right; half of
# the things not drawn. It is an FCN-8s on EfficientNet-Lite0, of which only the scores learn, on more scenes of the
# folder's kind; its lower maps are computed once (lecture 04). What is scored is always the same: pictures that no net
# has seen, with **right** masks.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Have them write the order down. Most put the shift last, since it looks so harmless, and
# the exchanged masks first.

# %% slideshow={"slide_type": "skip"}
EVERY = 2  # one pixel in two, down and across, is learned from and scored: enough to compare
scenes = {split: kinds_of_stickers(split, run.pick(quick=few, full=8 * few), seed=SEED) for split, few in (("train", 160), ("val", 60))}  # fmt: skip
classes = list(scenes["train"].classes)
whole = backbone("efficientnet_lite0").to(run.device, memory_format=torch.channels_last)
kept = {split: KeptMaps(whole, dataset, every=EVERY) for split, dataset in scenes.items()}
upper = freeze(UpperBackbone(whole))
print(f"{len(scenes['train'])} pictures to learn from, {len(scenes['val'])} to judge by: {', '.join(classes)}")

# %% slideshow={"slide_type": "skip"}
STEPS, BATCH = run.pick(quick=80, full=600), 10


def learn(name, masks, chosen=slice(None), seed=SEED):
    """An FCN-8s whose scores learned from these masks; the same number of steps, however many pictures."""
    data = torch.utils.data.TensorDataset(kept["train"].maps[chosen], masks[chosen])
    settings = Settings(epochs=STEPS * BATCH / len(data), batch=BATCH, lr=4e-3, bias_lr=1.0, batch_norm="keep", seed=seed)  # fmt: skip
    net = FCN(upper, len(classes), stride=8, aligned=False)
    quiet = {"progress": False, "say": lambda text: None, "device": run.device}
    train_or_load(f"own_{name}", net, data, CrossEntropy(), settings, **quiet)
    return net


def judge(net, split="val"):
    """How good it is on right masks."""
    return evaluate(net, kept[split], progress=False, device=run.device)


def answer(net, split, index):
    """What a net says of a picture whose maps are kept: (H, W)."""
    with torch.no_grad():
        said = net(kept[split].maps[index][None].to(run.device))[0].argmax(dim=0).cpu()
    return said.repeat_interleave(EVERY, 0).repeat_interleave(EVERY, 1)


# %% slideshow={"slide_type": "skip"}
samples = [scenes["train"].sample(index) for index in range(len(scenes["train"]))]
chance = np.random.default_rng(SEED)


def spoiled(spoil):
    """All masks to learn from, each spoiled."""
    return torch.stack([spoil(index, sample)[::EVERY, ::EVERY] for index, sample in enumerate(samples)])


def half_drawn(index, sample):
    """A mask without half of its things."""
    mask = sample.mask
    for number in range(1, len(sample.labels) + 1):
        if chance.random() < 0.5:
            mask = forgotten(replace(sample, mask=mask), number)
    return mask


right = kept["train"].targets[0]
quarter = torch.from_numpy(chance.permutation(len(right))[: len(right) // 4])
exchanged = right.clone()
exchanged[quarter] = right[quarter.roll(1)]

# %% slideshow={"slide_type": "skip"}
animal, vehicle = classes.index("animal"), classes.index("vehicle")
habits = {
    "right masks": right,
    "exchanged": exchanged,
    "masks aside": spoiled(lambda index, sample: shifted_mask(sample.mask, 5, 8)),
    "called vehicles": spoiled(
        lambda index, sample: renamed(sample.mask, animal, vehicle) if index % 2 else sample.mask
    ),
    "half not drawn": spoiled(half_drawn),
}
SEEDS = [SEED, SEED + 1]
nets = {
    (name, seed): learn(name.replace(" ", "_"), masks, seed=seed) for name, masks in habits.items() for seed in SEEDS
}
judged = {key: judge(net) for key, net in nets.items()}

# %% slideshow={"slide_type": "slide", "name": "price"}
price = {name: [100 * judged[name, seed].scores.mean_iu for seed in SEEDS] for name in habits}
order = sorted(price, key=lambda name: -np.mean(price[name]))
for name, several in price.items():
    record(f"10.mean_iu_{name.replace(' ', '_')}", [round(value, 1) for value in several])
worst = order[-1]
lost = np.mean(price["right masks"]) - np.mean(price[worst])
record("10.price_of_the_worst", lost)
show(
    bars({name: price[name] for name in order}, f'Dearest: "{worst}", {lost:.0f} points of mean IU', "mean IU, %"),
    alt="Horizontal bars of mean IU for five trainings with two seeds each: with right masks, and with four habits.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Compare with what they wrote down. The dots are two seeds each. Ask what one sees in the
# learning curve of the masks aside: nothing at all, the loss falls as it should. And on a val whose masks are aside, too,
# the score would be fine.

# %% [markdown] slideshow={"slide_type": "skip"}
# Compare each bar with the spread of its dots before you rank. And look at the classes, since a mean hides who pays:

# %% slideshow={"slide_type": "skip"}
print(f"{'':32}" + "".join(f"{name:>12}" for name in classes))
for name in order:
    iu = np.mean([judged[name, seed].scores.iu.numpy() for seed in SEEDS], axis=0)
    print(f"{name:32}" + "".join(f"{value:12.2f}" for value in iu))

# %% [markdown] slideshow={"slide_type": "skip"}
# A net learns what masks say **on average**, so ask of each habit which way it points. Exchanged masks point everywhere,
# and three quarters still agree on what is right; what the other quarter costs stands in the bars, so call chance
# harmless only where they say so. Masks aside all point one way, and more pictures of this kind make the net only surer
# of it. Things that are not drawn point one way as well: to background, which most pixels are anyhow. Where a horse is
# called background as often as it is called a horse, the safe answer is to keep quiet. The same scene through all five
# nets shows what each has learned:

# %% slideshow={"slide_type": "slide", "name": "learned"}
pale = [index for index, mask in enumerate(kept["val"].targets[0]) if (mask == animal).float().mean() < 0.08]
good = [-1.0 if index in pale else iu for index, iu in enumerate(judged["right masks", SEED].per_image)]
shown = int(np.argmax(good))
sample = scenes["val"].sample(shown)
answers = {"truth": sample.mask, **{name: answer(nets[name, SEED], "val", shown) for name in order}}
draw = partial(draw_classes, image=sample.image, classes=classes, names=False)
drawings = {name: partial(draw, mask=mask) for name, mask in answers.items()}
title = "One scene, five nets: what has each learned from its masks?"
show(
    panels(drawings, title, columns=3, width=12),
    alt="One scene six times: the truth over it, and what each of the five nets says of it.",
    slides=[panels(drawings, title, columns=6, width=14)],
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Of the scenes with a large animal it is the one that the net with right masks does best. Look where the edges of "masks
# aside" lie, by which name "called vehicles" calls the animal, and what is left of it in "half not drawn".

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let them find the edges that moved, and the things that are not said any more. What counts
# is whether the faults agree with each other.

# %% [markdown] slideshow={"slide_type": "slide", "name": "leak"}
# ## 4. The fault that nobody complains about
#
# Somebody has put pictures of train into val. What happens to the score?

# %% slideshow={"slide_type": "fragment"}
best = nets["right masks", SEED]
matrices = {split: judge(best, split).matrix.double() for split in ("train", "val")}
share = {split: matrix / matrix.sum() for split, matrix in matrices.items()}
from course_utils.metrics import scores

seen = {"none of val seen before": 0, "a tenth": 0.1, "half": 0.5, "all of it": 1}
leaks = {name: [100 * scores(part * share["train"] + (1 - part) * share["val"]).mean_iu] for name, part in seen.items()}
gained = leaks["half"][0] - leaks["none of val seen before"][0]
record("10.gained_by_a_leak_of_half", gained)
show(
    bars(leaks, f"Half of the exam handed out before: {gained:+.0f} points", "mean IU, %"),
    alt="Bars of mean IU where none, a tenth, a half and all of the pictures to judge by were learned from.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# The net is the same in all four rows; what differs is what it is asked. A leak needs no copied file. Two frames of one
# film, two sections of one tissue, two tiles of one slide are nearly the same picture, and a shuffle of all files puts
# one into train and the other into val. The rule: **divide what the next picture will be new in**: patients, slides,
# days, streets.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* It is the only fault that looks like success, so nobody files it. Ask for the unit that
# should be divided in their own data: patient, animal, plate, day, camera. The check found the double because it looks
# nearly alike; two tiles of one slide it cannot know.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-split"} tags=["exercise"]
# ## Your turn: `split`
#
# Pictures belong to groups, say patients. Shuffle the **groups**, and take one after the other into val as long as val
# holds at most `share` of all **pictures**; a group too large for that is skipped. If none fits, the smallest one goes
# to val. The same names in another order must give the same answer. Stuck? Run `hint("10.split")`.

# %% slideshow={"slide_type": "skip"}
from collections import Counter


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "10-split", "locked": false, "schema_version": 3, "solution": true, "task": false}
def split(groups, share=0.2, seed=0):
    """Which picture is in which split; no group is in both.

    groups: {picture's name: its group}
    share: of the pictures in val, at most
    seed: of chance
    returns: {picture's name: "train" or "val"}
    """
    ### BEGIN SOLUTION
    sizes = Counter(groups.values())
    val, held = set(), 0
    for group in np.random.default_rng(seed).permutation(sorted(sizes)).tolist():
        if held + sizes[group] <= share * len(groups):
            val.add(group)
            held += sizes[group]
    val = val or {min(sorted(sizes), key=sizes.get)}
    return {name: "val" if group in val else "train" for name, group in groups.items()}
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "10-split-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("10.split", split)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 5 minutes.* The mistake to wait for is the shuffle of pictures. The second one: the order of names
# is taken from the disk, so that the split is another one on the next computer. `course train FOLDER` keeps its split
# in a file, `split.csv`, for the same reason.

# %% slideshow={"slide_type": "skip"}
from skimage.measure import label
from skimage.segmentation import expand_labels
from course_utils.figures import draw_instances
from course_utils.metrics import score_instances

image, cells = nuclei()
cells = torch.unique(cells, return_inverse=True)[1]
material = {"nuclei": [(cells, torch.ones(int(cells.max()), dtype=torch.int64))]}
full = [torch.from_numpy(expand_labels(sample.instances.numpy(), 2)) for sample in samples]  # void filled
material["stickers"] = [(things, sample.labels) for things, sample in zip(full, samples, strict=True)]

# %% [markdown] slideshow={"slide_type": "slide", "name": "which-net"}
# ## 5. Which of the three nets?
#
# FCN, U-Net, Mask R-CNN: were all three **perfect**, what would each still lose?

# %% slideshow={"slide_type": "-"}
torn = [
    sum(label((things == number).numpy()).max() > 1 for number in range(1, len(labels) + 1))
    for things, labels in material["stickers"]
]
scene = int(np.argmax(torn))
corner = slice(0, 128), slice(0, 128)
show(
    panels({"nuclei that touch": partial(draw_instances, image=image[:, *corner], labels=cells[corner]), "things in front of each other": partial(draw_instances, image=samples[scene].image, labels=full[scene])}, "Each thing in a colour of its own"),
    alt="Left nuclei, many of which touch. Right a scene of stickers, in which a thing in front parts another in two.",
)  # fmt: skip

# %% [markdown] slideshow={"slide_type": "skip"}
# Nothing is trained here: what follows is a **ceiling**, not a score. We squeeze the truth through what each net can say.
# An FCN says a class for each pixel, so a thing is a connected part of its class. A U-Net with border weights may cut a
# gap between things that touch. Mask R-CNN gives each thing a mask of its own, so its ceiling is 100. How far below its
# ceiling a trained net stays is another question: lectures 08 and 09 measured it.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask for each net what comes out, left and right. A gap parts nuclei that touch; nothing but
# a mask of its own puts the two halves behind a thing together.


# %% slideshow={"slide_type": "skip"}
def as_parts(instances, labels, gap):
    """Things as a perfect class map shows them: connected parts of a class, with or without a gap between things."""
    cut = separated(instances) if gap else instances
    table = torch.cat([torch.zeros(1, dtype=torch.int64), labels])
    return label(table[cut].numpy(), connectivity=1)


# %% slideshow={"slide_type": "slide", "name": "ceilings"}
found = {}
for net, gap in (("parts of a class (FCN)", False), ("with a gap (U-Net)", True)):
    for name, pairs in material.items():
        scored = score_instances([(instances, as_parts(instances, labels, gap)) for instances, labels in pairs])
        found[f"{name}: {net}"] = [100 * scored.matched_share[0.5]]
(before,), (after,), (early,), (late,) = dict(sorted(found.items())).values()
record("10.nuclei_as_parts", before)
record("10.nuclei_with_a_gap", after)
title = f"A gap takes nuclei from {before:.0f} to {after:.0f}, stickers from {early:.0f} to {late:.0f}"
show(
    bars(dict(sorted(found.items())), title, "the most that it could find, matched share at IU 0.5, %"),
    alt="Bars of the matched share for nuclei and stickers: connected parts of a perfect class map, and parts with a gap cut between things "
    "that touch.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# | you ask for | your things | take |
# |---|---|---|
# | areas, shares, where what is | whatever they do | **FCN-8s** on a trained backbone: few pictures are enough |
# | each single thing | one kind, touching, hardly ever one above the other | **U-Net** with border weights |
# | each single thing | several kinds, hiding each other | **Mask R-CNN** |
#
# The reason stands in the bars: where a gap brings nearly everything back, a U-Net is enough. What is missing even then
# are things that are hidden in part, whose pieces no gap joins again; and thin things a gap may even cut in two. Ask what
# you want to **count** before you ask which net is best. `course train FOLDER` measures the masks of a folder, takes the
# net that this table names, and says why; `--as` chooses otherwise.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* The table in the notebook is the answer in three lines. Ask two or three people for their
# data, and let the room choose. If only areas are asked, telling things apart is work for nothing.

# %% [markdown] slideshow={"slide_type": "slide", "name": "enough"}
# ## 6. How many pictures are enough?
#
# A quarter, a half, all of them, with as many steps each. **Draw the curve** before you see it: where will it go on to?

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Everybody draws three points and the line beyond them.

# %% slideshow={"slide_type": "skip"}
count = len(right)
for part in (4, 2):
    for place, seed in enumerate(SEEDS):  # each seed has other pictures, which matters more than their order
        nets[count // part, seed] = learn(f"one_in_{part}", right, torch.arange(place, count, part), seed)
curve = {number: [judge(nets[number, seed]).scores.mean_iu for seed in SEEDS] for number in (count // 4, count // 2)}
curve[count] = [judged["right masks", seed].scores.mean_iu for seed in SEEDS]
means = {number: float(np.mean(several)) for number, several in curve.items()}
spread = max(max(several) - min(several) for several in curve.values())
step = means[count] - means[count // 2]
record("10.gain_of_twice_as_many", step)

# %% slideshow={"slide_type": "slide", "name": "curve"}
from course_utils.figures import over_amount

show(
    over_amount(
        {"FCN-8s": curve},
        f"From {count // 2} to {count} pictures: {step:+.3f}; two trainings differ by up to {spread:.3f}",
        "pictures to learn from",
    ),
    alt="Mean IU after learning from a quarter, a half and all pictures, two dots each.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# The two dots of a quarter and of a half have seen other pictures; those of all of them differ in chance alone. As a
# rule a doubling brings less than the one before, and three points are too few to see a rule: look whether these do. What
# the curve says about the **next** step, it says only as far as the last one is larger than the spread. And it is about
# pictures *of this kind*: ten from another microscope may be worth more than a hundred from yours.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Three points are enough to decide whether to draw more. Ask what a doubling costs: so
# many evenings of somebody's work. Then ask which pictures they would draw next: not by chance, those that the net gets
# wrong.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## 7. A report, read together
#
# `course report RUN` writes one page about a training. Here is what it begins with, written by the same function, for the
# net with right masks on the folder of the beginning: a mended copy of it, as `course data check FOLDER --mend COPY`
# makes it. The net gets its whole backbone back for that.

# %% slideshow={"slide_type": "skip"}
from IPython.display import HTML
from course_utils.course import excerpt
from course_utils.data import mend
from course_utils.training import run_with

complete = FCN(whole, len(classes), stride=8, aligned=False).to(run.device).eval()
learned = {name: value for name, value in best.state_dict().items() if "backbone" not in name}
complete.load_state_dict(learned, strict=False)
for name, done in mend(root / "stickers", Path(here.name) / "mended"):
    print(f"{Path(name).name} {done}")
own = run_with(complete, Path(here.name) / "mended", Path(here.name) / "run")
HTML(excerpt(own))

# %% [markdown] slideshow={"slide_type": "skip"}
# Left out are the masks that nobody can mend. At the end of the page stand the worst pictures. Is the net wrong there, or
# the mask, or is the picture of another kind than all others? Each answer asks for something else: decide for each of the
# three before you read on.

# %% slideshow={"slide_type": "skip"}
final = judge(best)
print(final.table())

# %% slideshow={"slide_type": "slide", "name": "report"}
from course_utils.figures import confusion

shares = final.matrix.double() / final.matrix.sum(dim=1, keepdim=True)
wrong = shares.clone().fill_diagonal_(0)
true, taken = divmod(int(wrong.argmax()), len(classes))
show(
    confusion(
        final.matrix, classes, f"{wrong.max():.0%} of the pixels of {classes[true]} are taken for {classes[taken]}"
    ),
    alt="Confusion matrix of the five classes: each row a true class, shaded by the share of its pixels.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Read it in this order. **Can the score be believed?** Better on val than on train would be a leak. **Has the net learned
# what it was shown?** If it is bad on train, nothing else can be said yet. **Is it one class?** One large field off the
# diagonal asks for a look at masks. **Would more help?** The curve, which the page draws, too.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let somebody read one row aloud: of all pixels that are a person, so many are said to be
# background. Then the order of the four questions, on the board: believe, learned, one class, more. Each answer spoils
# the next one.

# %% [markdown] slideshow={"slide_type": "skip"}
# And the pictures that are worst? Back to the folder of the beginning. A net that learns from it, faults included, for a
# short while only, agrees with what most masks say; where it disagrees most, somebody should look.

# %% slideshow={"slide_type": "skip"}
mine = replace(opened, items=list(aside))  # those that can be read
kept["mine"] = KeptMaps(whole, mine, every=EVERY)
settings = Settings(epochs=600 / len(mine), batch=BATCH, lr=4e-3, bias_lr=1.0, batch_norm="keep", seed=SEED)
doubtful = FCN(upper, len(classes), stride=8, aligned=False)
train_or_load("own_folder", doubtful, kept["mine"], CrossEntropy(), settings, progress=False, device=run.device)
disagreed = judge(doubtful, "mine").worst(3)
faulty = {name for fault in faults for name in fault.names}
hits = sum(Path(mine.items[index]).name in faulty for index in disagreed)
record("10.faulty_of_the_worst_three", hits)

# %% slideshow={"slide_type": "slide", "name": "suspects"}
drawings = {}
for index in disagreed:
    sample = mine.sample(index)
    draw = partial(draw_classes, image=sample.image, classes=classes, names=False)
    number = mine.items[index][-3:]
    drawings[f"{number}: its mask"] = partial(draw, mask=sample.mask)
    drawings[f"{number}: the net"] = partial(draw, mask=answer(doubtful, "mine", index))
show(
    panels(drawings, f"{hits} of the {len(disagreed)} worst of {len(mine)} pictures hold a planted fault", columns=6, width=14),
    alt="The three pictures of the folder on which a net and their masks disagree most, each with its mask and the net's answer.",
)  # fmt: skip

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask of each pair: who is right, the mask or the net? It is the cheapest list of suspects
# there is, and it grows better with a net that has not seen the picture.

# %% [markdown] slideshow={"slide_type": "skip"}
# So the net names suspects that no file gives away. It does not name all: an animal that is called a vehicle may be
# learned by heart, and a picture can be among the worst because it is hard.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## Your turn: `next_step`
#
# A report holds `train` and `val` (mean IU), the `target`, `confused` (the share of a class's pixels that another one
# gets), the `curve` (a quarter, a half, all) and the `spread` of the seeds. Return, in this order: `"split"` where val
# is better than train; `"train longer"` where train is under the target; `"masks"` where a confusion is above 0.2;
# `"pictures"` where the last step of the curve is larger than the spread; else `"stop"`. Stuck? Run
# `hint("10.next_step")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "10-next_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def next_step(report):
    """What to do next.

    report: a dictionary with train, val, target, confused, curve, spread
    returns: "split", "train longer", "masks", "pictures" or "stop"
    """
    ### BEGIN SOLUTION
    if report["val"] > report["train"]:
        return "split"
    if report["train"] < report["target"]:
        return "train longer"
    if max(report["confused"].values()) > 0.2:
        return "masks"
    return "pictures" if report["curve"][-1] - report["curve"][-2] > report["spread"] else "stop"
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "10-next_step-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("10.next_step", next_step)

# %% slideshow={"slide_type": "skip"}
ours = {
    "train": judge(best, "train").scores.mean_iu,
    "val": final.scores.mean_iu,
    "target": 0.6,
    "confused": {f"{classes[true]} for {classes[taken]}": float(wrong.max())},
    "curve": list(means.values()),
    "spread": spread,
}
print(f"train {ours['train']:.2f}, val {ours['val']:.2f}, {ours['confused']}")
print(f"what your function says of this run: {next_step(ours)}")

# %% [markdown] slideshow={"slide_type": "slide", "name": "sizes"}
# ## 8. The next picture has another size
#
# The net has learned on 128x128. Now the same scene comes at 64x64, or at 256x256. Give it the picture **as it is**, or
# **resized** to what it knows?

# %% [markdown] slideshow={"slide_type": "skip"}
# Any size goes in (lecture 02). The question is whether the answer is any good: things are half or twice as large as
# those that it was shown.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Vote before you go on. Fully convolutional means that it runs at any size. It does not
# mean that it knows things of any size.

# %% slideshow={"slide_type": "skip"}
from torch.nn import functional

prepare = partial(normalise, name="efficientnet_lite0")


def resized(images, size=128):
    """Scores at the size that was learned, drawn at the picture's own."""
    small = functional.interpolate(images, (size, size), mode="bilinear", antialias=True)
    return functional.interpolate(complete(small), images.shape[-2:], mode="bilinear")


score = partial(evaluate, prepare=prepare, progress=False, device=run.device, batch=6)
ways = {"as it is": complete, "resized to 128": resized}
at_size = {name: {} for name in ways}
for size in (64, 128, 256):
    pictures = kinds_of_stickers("val", 12, size=size, seed=SEED)
    for name, net in ways.items():
        at_size[name][size] = [score(net, pictures).scores.mean_iu]

# %% slideshow={"slide_type": "slide", "name": "other-sizes"}
gains = {size: at_size["resized to 128"][size][0] - at_size["as it is"][size][0] for size in (64, 256)}
record("10.gained_by_resizing_64", gains[64])
words = ", ".join(f"{gain:+.2f} at {size} pixels" for size, gain in gains.items())
show(
    over_amount(at_size, f"What resizing brings: {words}", "height and width of the picture, in pixels"),
    alt="Mean IU over the size of the picture, given as it is and resized to 128 pixels.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Both lines meet at 128. Away from it, read which one is above and by how much: too small and too large need not cost
# the same. The remedy is the same as in training:
# show things at the scale at which they will come (`scale` in lecture 04's augmentation), or bring pictures to the scale
# that was learned. A microscope's pixel size stands in the file: use it. **Large** pictures at the right scale are
# another matter; they are read tile by tile, as lecture 07 does.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Keep two things apart: a larger picture of the same scale, which tiles solve, and the
# same picture at another scale, which is a question to the net. Ask what their microscopes or cameras write into the
# file.

# %% [markdown] slideshow={"slide_type": "slide", "name": "export"}
# ## 9. The same answer on another computer
#
# An exported net is its weights and its layers. What is around them, somebody has to write a second time: or we put it
# **inside**.


# %% slideshow={"slide_type": "-"} tags=["show-code"]
class Everything(torch.nn.Module):
    """Bytes in, classes out: (1, 3, H, W) uint8 -> (1, H, W) int64."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, images):
        scores = self.net(normalise(images, name="efficientnet_lite0"))
        return scores.argmax(dim=1)


# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Two lines around the net, and both belong to it. Ask who has lost an afternoon to one.

# %% [markdown] slideshow={"slide_type": "skip"}
# `course export RUN` does that, and compares before it keeps the file: held-out pictures, whole and cut to odd sizes, through
# the net and through the graph. Here it writes ONNX, which programs in many languages read.

# %% slideshow={"slide_type": "skip"}
from course_utils.training import export_run

graph, compared = export_run(own, "onnx", Path(here.name) / "export")
print(f"{graph.name}, {graph.stat().st_size / 1e6:.0f} MB; beside it {', '.join(sorted(path.name for path in graph.parent.iterdir() if path != graph))}")  # fmt: skip
print(compared)

# %% [markdown] slideshow={"slide_type": "skip"}
# The largest difference is what another order of sums brings, and the labels stay. `predict.py` lies beside the graph: 30
# lines that need onnxruntime, NumPy and Pillow. A fresh Python runs it, as on a computer that knows neither torch nor
# this course.

# %% slideshow={"slide_type": "fragment"}
import subprocess
import sys
from PIL import Image

held_out = scenes["val"][0][0]
Image.fromarray(held_out.permute(1, 2, 0).numpy()).save(graph.with_name("picture.png"))
outside = {"cwd": graph.parent, "capture_output": True, "text": True, "check": True, "timeout": 120}
print(subprocess.run([sys.executable, "-I", "predict.py", "picture.png"], **outside).stdout, end="")
with Image.open(graph.with_name("picture_classes.png")) as opened_again:
    labels = torch.from_numpy(np.array(opened_again))
same = float((labels == Everything(own.net)(held_out[None])[0]).float().mean())
record("10.same_labels_outside", same)
print(f"outside of torch: the same label at {same:.2%} of the pixels")

# %% slideshow={"slide_type": "slide", "name": "forgetful"}
forgetful = {
    "normalised as in training": prepare,
    "only divided by 255": lambda images: images.float() / 255,
    "red and blue exchanged": lambda images: prepare(images.flip(1)),
    "not normalised at all": lambda images: images.float(),
}
pictures = kinds_of_stickers("val", 24, seed=SEED)
before = {name: [100 * evaluate(complete, pictures, prepare=way, progress=False, device=run.device).scores.mean_iu] for name, way in forgetful.items()}  # fmt: skip
worst = min(before, key=before.get)
fallen = before["normalised as in training"][0] - before[worst][0]
record("10.price_of_a_wrong_preparation", fallen)
show(
    bars(before, f'One line written differently: "{worst}" costs {fallen:.0f} points', "mean IU, %"),
    alt="Bars of mean IU for the same net with four ways to prepare its pictures.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Each of these programs runs without an error. So a check belongs to every export: the same pictures through both, and
# the labels compared, at more than one size. `course export RUN --to onnx`, `torchscript` or `pt2` ends with an error
# where the answers differ, and leaves no file.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask who has met one of the four. OpenCV reads blue first: that is the third. None of them
# stops with an error. So normalisation and argmax go into the graph, and the export is compared on pictures that were
# held out.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-ring"} tags=["exercise"]
# ## Your turn: `ring`
#
# QuPath reads GeoJSON: for each thing a closed ring of corners `(x, y)`. Walk along the sides of its pixels, so that the
# ring, filled again, gives the same pixels. A pixel in row 2 and column 5 is the square from (5, 2) to (6, 3). Stuck? Run
# `hint("10.ring")`.

# %% [markdown] slideshow={"slide_type": "skip"}
# The things here have no holes, and no two of their pixels touch at a corner alone.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "10-ring", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ring(inside):
    """The closed ring around a thing.

    inside: (H, W) array of True and False
    returns: [(x, y), ...], the first corner once more at the end
    """
    ### BEGIN SOLUTION
    padded, onward = np.pad(inside, 1), {}
    for y, x in np.argwhere(inside).tolist():
        corners = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)]  # clockwise
        beside = [padded[y, x + 1], padded[y + 1, x + 2], padded[y + 2, x + 1], padded[y + 1, x]]
        for place in range(4):
            if not beside[place]:
                onward[corners[place]] = corners[(place + 1) % 4]
    start = here = min(onward)
    walk = [start]
    while (here := onward[here]) != start:
        walk.append(here)
    return [*walk, start]
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "10-ring-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("10.ring", ring)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 5 minutes.* A pixel is a square, not a point: that is the whole exercise. Rings through the middle of
# pixels make every cell smaller by half a pixel all around. Draw a cell of 3x3 pixels: through the middles it has an
# area of 4. Rows and columns against x and y is the other mistake. Whoever is slow takes it home.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
import json

features = []
for number in range(1, 6):
    corners = [list(corner) for corner in ring((cells == number).numpy())]
    shape = {"type": "Polygon", "coordinates": [corners]}
    about = {"objectType": "annotation", "name": f"nucleus {number}"}
    features.append({"type": "Feature", "geometry": shape, "properties": about})
    x, y = np.array(corners).T
    area = abs((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) / 2
    print(f"nucleus {number}: {len(corners)} corners, area {area:.0f}, pixels {int((cells == number).sum())}")
text = json.dumps({"type": "FeatureCollection", "features": features})
print(f"{text[:96]}...")

# %% [markdown] slideshow={"slide_type": "skip"}
# Such a file is dragged into QuPath, onto the picture. `course predict RUN PICTURES --to geojson` writes it for all
# things, holes included, beside label images, ImageJ's ROIs, COCO's JSON and tables.

# %% [markdown] slideshow={"slide_type": "slide", "name": "where-next"}
# ## 10. Where the field went next
#
# - **Settings from the data**: nnU-Net, a U-Net that configures itself
# - **Transformers**: SegFormer, Mask2Former; semantic, instance and panoptic by one net
# - **Promptable models**: Segment Anything; a click or a box in, a mask out
#
# All three still need **your masks**: for what?

# %% [markdown] slideshow={"slide_type": "skip"}
# The nets of this course are from 2015 and 2017, and what they introduced is in nearly all that came after: dense
# prediction from a pretrained body, skips, a mask for each thing.
#
# **nnU-Net** asked how far a plain U-Net goes when patch size, normalisation, depth and augmentation follow from the data
# by rules. Far: it became the baseline that new nets for medical pictures have to beat. The lesson is lecture 08's, that
# data and recipe often matter more than the drawing of the net.
#
# **Transformers** let every place of a picture look at every other one. SegFormer puts a small head on such a body.
# Mask2Former asks a set of queries, each of which answers with one mask and its class, and so does semantic, instance
# and panoptic segmentation alike.
#
# **Segment Anything** turned the question around: a point or a box is the input, and its mask the output, for things of
# any kind. It was trained on over a billion masks, most of them made by earlier versions of the model itself. It gives
# masks without names. For microscopes there are models that were trained further on cells (Cellpose, Segment Anything
# for Microscopy).
#
# What they need your masks for: **to be judged**, since nobody else has held-out masks of your pictures; **to be taught**
# what a class is where a prompt can't say it; **to be corrected**, where your pictures look like none that they know.
# What changes is how masks are made: a model proposes, a person corrects. Then the twelve faults are still there, and a
# thirteenth: a proposal that nobody looked at.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Be fair: on everyday photographs a promptable model does in a second what took an
# afternoon. Ask what it cannot know: the name of the thing, and what counts as one thing in your science. The question
# on the slide has three answers: to judge, to teach, to correct.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Five questions before you go
#
# Open the wrong choices too: each says what it mixes up.

# %% slideshow={"slide_type": "skip"} tags=["quiz"]
quiz("10")

# %% [markdown] slideshow={"slide_type": "slide", "name": "summary"} tags=["summary"]
# ## What to take along
#
# - A program finds files that contradict something; files that are legal and wrong take eyes.
# - Faults that all point one way are learned like the truth.
# - Divide what the next picture will be new in.
# - Ask what you want to count, then which net.
# - Put what stands before and after the net inside, and compare what comes out.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Let the room say the five before you read them. Then the quiz, alone first. The last
# question of the course: what will you do on Monday with your own folder? Everybody says one sentence.

# %% slideshow={"slide_type": "skip"}
here.cleanup()

# %% [markdown] slideshow={"slide_type": "skip"} tags=["reading"]
# ## What to read next
#
# - [nnU-Net](https://arxiv.org/abs/1809.10486): what follows from the data, and what does not.
# - [SegFormer](https://arxiv.org/abs/2105.15203) and [Mask2Former](https://arxiv.org/abs/2112.01527): transformers.
# - [Segment Anything](https://arxiv.org/abs/2304.02643), section 4 on how its masks were made.
# - [Cellpose](https://doi.org/10.1038/s41592-020-01018-x): one model for many kinds of cells.
# - [GeoJSON](https://datatracker.ietf.org/doc/html/rfc7946), section 3.1.6, on rings.
#
# The stickers are Twemoji (CC BY 4.0) and OpenMoji (CC BY-SA 4.0) on scikit-image's photographs; the nuclei come with the
# package `stardist` (BSD 3-Clause).
