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
# # Learning from one image
#
# ![Glowing nuclei under a microscope, outlined as two nets found them.](attachment:cover.jpg)
#
# Somebody drew around twelve nuclei, one by one.
#
# Is that enough to find the next hundred?

# %% [markdown] slideshow={"slide_type": "skip"}
# The drawing took a quarter of an hour, and there is no budget for a second one.
#
# In lecture 07 you built the net. What made it famous were two ideas about the **data**: bend the few pictures that you
# have, and tell the loss where to look.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask for the largest data set that anyone in the room has drawn by hand. Then: how many
# pictures did the U-Net paper have for its membranes? Thirty. Collect guesses for today: what share of the cells will a
# net find that has seen twelve?

# %% [markdown] slideshow={"slide_type": "skip"} tags=["objectives"]
# ## In 60 minutes you will be able to
#
# - turn the probability of foreground into single cells, and score them,
# - compute the border weight map of the U-Net paper, and say what each of its letters does,
# - bend a picture and its cells, and tell legal augmentations from illegal ones,
# - run an ablation with a spread, and say what it shows and what it does not,
# - read the EM challenge's table: what its Rand and warping errors measure, and why not pixels.

# %% slideshow={"slide_type": "skip"} tags=["parameters"]
PROFILE = "quick"  # "quick": narrow nets on a CPU; "full": a GPU, wider nets, ISBI 2012 and DSB 2018
DEVICE = "auto"  # "auto", "cpu", "cuda" or "mps"
SEED = 0
DATASET = "nuclei"  # the picture that ships with stardist

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
import numpy as np
from scipy.ndimage import distance_transform_edt, label
from skimage.segmentation import watershed
import torch
from course_utils.data import Augment, nuclei, touching
from course_utils.models import count, fcn_of_size, UNet
from course_utils.losses import border_weights, plain_border_weights, separated, WeightedCrossEntropy
from course_utils.metrics import score_instances
from course_utils.inference import foreground_probability, instances_from_foreground, seconds, shape_of_cells
from course_utils.training import CellCrops, grey, Settings, stretched, train_or_load
from course_utils.figures import ablation, draw_image, draw_instances, draw_merged, matched_curves, panels, show
from course_utils.exercises import check, quiz
from course_utils.course import begin, choose, record

run = begin(PROFILE, DEVICE, SEED)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## 1. Twelve cells
#
# The picture is lecture 01's. From one corner of it, 128x128 pixels, we take the cells that were "drawn". The right
# half of the picture is what the net has to find; nothing of it is used before. It is laid on its side, to fit the
# page: nuclei do not mind.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
image, labels = choose(DATASET, {"nuclei": nuclei})()
image = stretched(image)
PIECE, HALF = (slice(0, 128), slice(0, 128)), (slice(0, 512), slice(256, 512))
lesson = [(image[:, *PIECE].contiguous(), labels[PIECE].contiguous())]
picture, truth = image[:, *HALF].transpose(1, 2).contiguous(), labels[HALF].T.contiguous()
print(f"to learn from: {len(lesson[0][1].unique()) - 1} cells, cut ones included")
print(f"to be found: {len(truth.unique()) - 1} cells, {touching(truth)} of them touch another")

# %% slideshow={"slide_type": "slide", "name": "twelve-cells"}
whole = torch.zeros_like(labels)
whole[PIECE], whole[HALF] = labels[PIECE], labels[HALF]
bright = image.float().div(255).pow(0.65)
drawings = {
    "the picture": lambda axes: draw_image(axes, bright),
    "upper left: to learn from; right: to be found": lambda axes: draw_instances(axes, bright, whole),
}
show(
    panels(
        drawings, f"{len(lesson[0][1].unique()) - 1} cells to learn from, {len(truth.unique()) - 1} to find", width=12
    ),
    alt="A fluorescence picture of nuclei; beside it the cells in its upper left corner and in its right half, each in a "
    "colour of its own.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* The upper left corner is what was drawn: 128x128 pixels. The right half is what the net
# has to find; nothing of it is used before.

# %% [markdown] slideshow={"slide_type": "skip"}
# Every net of this lecture is trained by the same few lines. Crops are cut at random places of the piece; what changes
# from net to net is whether they are **bent**, and whether the loss has **border weights**.

# %% slideshow={"slide_type": "skip"}
from functools import partial

SIDE, BATCH, STEPS = 80, 2, run.pick(quick=160, full=1500)
BEND = 6.0  # pixels; our piece is smaller than the paper's pictures, so is the bending
# a slow start: at the full rate from the first step, a net may lose its last layer to ReLUs that stay at zero
SETTINGS = {"epochs": 1, "batch": BATCH, "lr": run.pick(quick=5e-3, full=1e-3), "weight_decay": 1e-3, "warm_up": 0.4}


def fresh_unet():
    """Lecture 07's net, narrow and padded: the output is as large as the input."""
    return UNet(channels=1, classes=2, width=run.pick(quick=8, full=32), depth=3, padded=True, dropout=0.0)


def learn(name, seed, bend=0.0, w0=0.0, fresh=fresh_unet, steps=STEPS):
    """Train a net on the piece, or load it where the very same training was done before."""
    weigh = partial(border_weights, w0=w0, class_weights=(1, 1))
    crops = CellCrops(
        lesson, Augment(size=(SIDE, SIDE), flip=0, sigma=bend, legal=0, outside=None), weigh, steps * BATCH
    )
    torch.manual_seed(seed)
    net = fresh()
    quiet = {"progress": False, "say": lambda text: None, "device": run.device}
    history = train_or_load(name, net, crops, WeightedCrossEntropy(), Settings(seed=seed, **SETTINGS), **quiet)
    return net.eval(), history


# %% slideshow={"slide_type": "skip"}
from scipy import ndimage

plain, history = learn("unet_neither", SEED)
probability = foreground_probability(plain, grey(picture))
foreground = probability > 0.5
right = float((foreground == (truth > 0)).float().mean())
together = ndimage.label(foreground)[0]
first = score_instances([(truth, together)])
record("08.plain_pixel_accuracy", right)
print(f"{count(plain):,} parameters, {STEPS} steps, {history.seconds:.1f} s")
print(f"right: {right:.1%} of the pixels; connected parts: {first.predicted}, cells in truth: {first.cells}")

# %% slideshow={"slide_type": "slide", "name": "merged"}
show(
    panels(
        {"connected parts of the net's foreground": lambda axes: draw_merged(axes, picture, truth, together)},
        f"{right:.0%} of the pixels are right, and {first.merged} of {first.cells} cells are merged",
    ),
    alt="The right half of the picture, laid on its side, and the connected parts of the net's foreground over it: many "
    "neighbours have become one part; they are hatched.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Read the title twice. From twelve cells the net knows well what a nucleus looks like. What it does not know is where
# one **ends and the next begins**: a line one or two pixels wide, which hardly counts among all those pixels. Somebody
# who counts cells would throw this away.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* Let the room say what went wrong: hatched parts are several cells that became one.
# Which number that we know would have told us? Not pixel accuracy, not IU, only a score that knows what a cell is. The
# net knows what a nucleus looks like; it does not know where one ends and the next begins. If somebody proposes to
# raise the threshold, take it as the bridge.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## 2. From foreground to cells
#
# The net says 0.95 in the middle of a cell and perhaps 0.6 in the gap between two. Can we use that? Take only what is
# **sure** as seeds, and let the seeds grow over the rest of the foreground until they meet: lecture 01's watershed,
# flooding a landscape that the net has made.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-cells"} tags=["exercise"]
# ## Your turn: `cells_from`
#
# Number the connected parts of what is at least `seed`. Then grow them over everything that is at least `threshold`,
# with `skimage.segmentation.watershed`; the borders should lie where the probability is lowest. Stuck? Run
# `hint("08.cells")` in a new cell (`from course_utils.exercises import hint`).


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "08-cells", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cells_from(probability, threshold=0.5, seed=0.8):
    """Numbered cells out of the probability of foreground.

    probability: (H, W) array, 0 to 1
    returns: (H, W) array of integers, 0 for background
    """
    ### BEGIN SOLUTION
    seeds, _ = label(probability >= seed)
    return watershed(-probability, seeds, mask=probability >= threshold)
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "08-cells-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("08.cells", cells_from)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 6 minutes.* The net says 0.95 in the middle of a cell and perhaps 0.6 in the gap between two. Take
# only what is sure as seeds, and let them grow until they meet: lecture 01's watershed. Draw the probability along a
# line through two touching cells, two hills with a saddle. The common mistake is a watershed on the probability itself,
# which floods from the gaps.

# %% [markdown] slideshow={"slide_type": "skip"}
# Where the foreground has a part without any seed, or a speck of three pixels, the library's version decides what to do
# with it (`instances_from_foreground`). Here it is at work on the busiest part of the picture.

# %% slideshow={"slide_type": "slide", "name": "seeds"}
from course_utils.figures import from_probability_to_cells
from course_utils.widgets import busiest

SURE = 0.8
busy = busiest(truth, 160)
seeds = label((probability[busy] >= SURE).numpy())[0]
found = instances_from_foreground(probability[busy], seed=SURE)
parts = instances_from_foreground(probability[busy], seed=0.5).max()
show(
    from_probability_to_cells(
        probability[busy],
        seeds,
        found,
        picture[:, *busy],
        truth[busy],
        f"{parts} connected parts at 0.5; with seeds from {SURE} there are {found.max()} cells",
    ),
    alt="Part of the picture in three steps: the probability of foreground in grey, the seeds in colours, the cells after "
    "the watershed, with merged ones hatched.",
)

# %% slideshow={"slide_type": "skip"}
print("seed from   matched at IU 0.5   merged   split   missed")
for sure in (0.5, 0.7, 0.8, 0.9, 0.95):
    scored = score_instances([(truth, instances_from_foreground(probability, seed=sure))])
    print(f"{sure:9.2f}{scored.matched_share[0.5]:20.2f}{scored.merged:9}{scored.split:8}{scored.missed:9}")

# %% [markdown] slideshow={"slide_type": "skip"}
# The **matched share**: of all cells, true and predicted, matched one to one at an IU of at least 0.5, the share that
# found its partner, TP / (TP + FP + FN). `stardist.matching` computes it (lecture 01). The Data Science Bowl, StarDist
# and Cellpose call it average precision; COCO's average precision is another number (lecture 09). Higher seeds part a
# few more cells; most of the mergers stay, because in those gaps the net has **no doubt at all**. Whoever wants doubt
# there has to train for it.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* The matched share is TP / (TP + FP + FN) at an IU of at least 0.5; cell biology calls it
# average precision, which COCO's is not. Higher seeds part a few more cells; most of the mergers stay, because in those
# gaps the net has no doubt at all. Whoever wants doubt there has to train for it.

# %% [markdown] slideshow={"slide_type": "slide", "name": "weights"}
# ## 3. Tell the loss where to look
#
# $$w(x) = w_c(x) + w_0 \exp\left(-\frac{(d_1(x) + d_2(x))^2}{2 \sigma^2}\right)$$
#
# $d_1$, $d_2$: distances to the nearest and the second nearest cell. $w_0 = 10$, $\sigma = 5$ pixels.
#
# **Where is $d_1 + d_2$ small? Why would $d_1$ alone not do?**

# %% [markdown] slideshow={"slide_type": "skip"}
# The paper's answer has two parts (section 3). First the **target**: between cells that touch, a gap of background is
# cut, since the annotation has none. Then the **weights**: every pixel of the loss is multiplied by the $w$ above, in
# which $w_c$ balances the classes and the second term is for the pixels between cells.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* The target comes first: between cells that touch, a gap of background is cut, since the
# annotation has none. Then every pixel of the loss is multiplied by w. The question about the nearest cell alone is
# worth the time: next to a lonely cell that distance is 0, and nothing needs defending.

# %% slideshow={"slide_type": "slide", "name": "narrow-gaps"}
from course_utils.figures import gaps_and_weights

crowd = busiest(labels, 100)
apart = separated(labels)
weights = border_weights(apart, class_weights=(1, 1))
gap = (apart[crowd] == 0) & (weights[crowd] > 6)
share = float(weights[crowd][gap].sum() / weights[crowd].sum())
title = f"{float(gap.float().mean()):.0%} of these pixels are narrow gaps; they get {share:.0%} of the loss"
show(
    gaps_and_weights(image[:, *crowd], labels[crowd], apart[crowd], weights[crowd], title),
    alt="Touching nuclei: as annotated, as a black and white target in which pixels beside another cell have become "
    "background, and the weight map, bright between cells that are close and dark elsewhere.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Walk through the map: dark inside cells, bright in gaps, fading where the second cell
# is more than two sigmas away.

# %% [markdown] slideshow={"slide_type": "slide", "name": "knobs"}
# ### Turn the two knobs: who gets the loss?

# %% [markdown] slideshow={"slide_type": "skip"}
# Set $w_0$ to 0, then to 20; then $\sigma$ to 20. Who gets the loss in each case?
# (Here the classes are balanced as well, so that cells and background weigh alike before the second term.)

# %% slideshow={"slide_type": "-"}
from course_utils.widgets import explore, weight_map

explore(weight_map(labels))

# %% [markdown] slideshow={"slide_type": "skip"}
# Without $w_0$ the gaps get even less of the loss than their share of the pixels: background is the larger class, and
# counts less. With a large $\sigma$ the second term covers nearly all of the background and has become one more class
# weight. In between it does what no class weight can: it tells **one background pixel from another**.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Have somebody else move the knobs. At w0 = 0 ask who notices a gap at all: the gaps get
# less of the loss than their share of the pixels. At sigma = 20 the second term covers nearly all of the background and
# has become one more class weight. In between it tells one background pixel from another. A click on the map takes
# another row; find one through three cells.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-weights"} tags=["exercise"]
# ## Your turn: `weight_map_plainly`
#
# Write the formula with $w_c = 1$, slowly and plainly: one distance map for each cell, sorted at every pixel. The
# second term is for background alone. With fewer than two cells there is no gap, and all weights are 1. Stuck? Run
# `hint("08.weights")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "08-weights", "locked": false, "schema_version": 3, "solution": true, "task": false}
def weight_map_plainly(instances, w0=10.0, sigma=5.0):
    """What every pixel counts in the loss.

    instances: (H, W) array of integers, 0 for background, one number for each cell
    returns: (H, W) array
    """
    ### BEGIN SOLUTION
    numbers = [number for number in np.unique(instances) if number]
    if len(numbers) < 2:
        return np.ones(instances.shape)
    away = np.sort([distance_transform_edt(instances != number) for number in numbers], axis=0)
    border = w0 * np.exp(-((away[0] + away[1]) ** 2) / (2 * sigma**2))
    return np.where(instances == 0, 1 + border, 1.0)
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "08-weights-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("08.weights", weight_map_plainly)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 6 minutes.* Slowly and plainly: one distance map for each cell, sorted at every pixel. The usual
# mistakes: the second term inside the cells too, the sum squared as two squares, a picture with one cell. The notebook
# compares it with the library's, which is fast enough to be computed after every bending.

# %% [markdown] slideshow={"slide_type": "skip"}
# Is it the library's? And can we afford it for every crop that is bent anew?

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
quarter = apart[256:, :256]
slow = plain_border_weights(quarter)
fast = border_weights(quarter, class_weights=(1, 1))
difference = float((slow - fast).abs().max())
print(
    f"{len(quarter.unique()) - 1} cells: the largest difference is {difference:.3f}, of weights up to {slow.max():.1f}"
)

# %% slideshow={"slide_type": "skip"}
by_hand = seconds(lambda: plain_border_weights(quarter), repeats=2)
quickly = seconds(lambda: border_weights(quarter), repeats=5)
print(f"plainly {1e3 * by_hand:.0f} ms, the library {1e3 * quickly:.1f} ms: {by_hand / quickly:.0f} times faster")

# %% [markdown] slideshow={"slide_type": "skip"}
# The library keeps the two nearest cells of each pixel in its row, and then looks up and down no farther than the
# exponential reaches. So the weights can be made **after** a crop was bent, and fit it.

# %% [markdown] slideshow={"slide_type": "slide", "name": "bent-grid"}
# ## 4. Bend what you have

# %% [markdown] slideshow={"slide_type": "skip"}
# Tissue is soft. Had the slide been laid a little differently, these nuclei would lie a little differently: that
# picture is missing from our data, and we can make it. The paper draws random displacements on a coarse 3x3 grid, with
# a standard deviation of 10 pixels, and interpolates in between (section 3.1).

# %% slideshow={"slide_type": "-"}
from course_utils.data import affine_field, elastic_displacements, warp
from course_utils.figures import bent_grids

size = tuple(lesson[0][1].shape)
bent = {}
for sigma in (0, BEND, 3 * BEND):
    field = affine_field(size, size)
    field += elastic_displacements(size, sigma, generator=torch.Generator().manual_seed(SEED))
    bent[f"{sigma:g} pixels"] = (warp(lesson[0][0], field), field)
show(
    bent_grids(bent, 16, f"The same twelve cells, bent by a field of {BEND:g} pixels and by one that is too strong"),
    alt="The piece with a straight net of yellow lines; with the net bent a little; and with the net bent so much that cells "
    "are torn out of shape.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Tissue is soft. Had the slide been laid a little differently, the nuclei would lie a
# little differently: that picture is missing from our data, and we can make it. The paper draws random displacements on
# a 3x3 grid, with a standard deviation of 10 pixels (section 3.1).

# %% [markdown] slideshow={"slide_type": "slide", "name": "elastic"}
# ### How much is too much? Raise sigma until the picture folds

# %% [markdown] slideshow={"slide_type": "skip"}
# Raise $\sigma$ on the paper's 3x3 grid until parts of the picture are turned inside out. **Guess** before you take a
# grid of 10x10 points: will it bear more, or less?

# %% slideshow={"slide_type": "-"}
from course_utils.widgets import elastic

explore(elastic(image[:, 256:, :256], labels[256:, :256]))

# %% [markdown] slideshow={"slide_type": "skip"}
# What counts is $\sigma$ **against the distance between the grid's points**. Where two neighbours move towards each
# other by more than what lies between them, the picture folds, and a cell appears twice. Three points on 256 pixels are
# 128 apart, ten points 28: the same 10 pixels are gentle for the one and tear cells with the other. Our piece is half
# as wide as this picture, so we bend it by less.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Raise sigma slowly and let them call "stop" at the first fold; the sentence below says
# when they were right. What counts is sigma against the distance between the grid's points: the same 10 pixels are
# gentle for a 3x3 grid and tear cells on one of 10x10.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## Your turn: `bend_labels`
#
# The picture is interpolated. What about the cells' numbers? Give every pixel the label of the place that its
# displacement **points to**: `displacement[0]` says how many rows further down to look, `displacement[1]` how many
# columns further right. Take the nearest pixel, and past the edge the last one inside. Stuck? Run `hint("08.bend")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "08-bend", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bend_labels(labels, displacement):
    """Look up every pixel's label where its displacement points to.

    labels: (H, W) array of integers
    displacement: (2, H, W) array, rows and columns in pixels
    returns: (H, W) array of integers
    """
    ### BEGIN SOLUTION
    rows, columns = np.indices(labels.shape)
    down = np.clip(np.rint(rows + displacement[0]), 0, labels.shape[0] - 1).astype(int)
    across = np.clip(np.rint(columns + displacement[1]), 0, labels.shape[1] - 1).astype(int)
    return labels[down, across]
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "08-bend-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("08.bend", bend_labels)

# %% [markdown] slideshow={"slide_type": "slide", "name": "legal"}
# ### Which of these could have come from the same microscope?

# %% [markdown] slideshow={"slide_type": "skip"}
# An augmentation is legal when its result **could have come from the same microscope**, with the annotation that we
# give it. Before you look at the numbers: which of these seven would you allow for nuclei? Which of them for street
# scenes?

# %% slideshow={"slide_type": "fragment"}
from course_utils.figures import augmented

CHANGES = {
    "as it was": {},
    "mirrored": {"flip": 1.0},
    "turned": {"degrees": 180.0},
    "darker or brighter": {"jitter": 0.5},
    "enlarged": {"scale": (1.4, 1.4)},
    f"bent, {BEND:g} pixels": {"sigma": BEND},
    f"bent, {5 * BEND:g} pixels": {"sigma": 5 * BEND},
}
looks = {}
for name, change in CHANGES.items():
    torch.manual_seed(SEED)
    seen, cells = Augment(**{"flip": 0.0, "legal": 0.0, "outside": None, **change})(*lesson[0])
    solidity, area = shape_of_cells(cells)
    looks[name] = (seen, f"solidity {solidity:.2f}, {area:.0f} px")
looks["dark on bright"] = (255 - lesson[0][0], looks["as it was"][1])
show(
    augmented(looks, "Legal is what the microscope could have made: numbers help, they do not decide"),
    alt="The piece as it was and after seven changes: mirrored, turned, brighter, enlarged, bent a little, bent far too much, "
    "and inverted. Below each, the median solidity and area of its cells.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# **Solidity** is a cell's area divided by that of its convex hull: nuclei are round, so it is close to 1. Mirroring
# leaves it as it is, and turning and a little bending nearly so. Five times the bending drags nuclei into spindles: no
# such tissue exists, and the area says so too. *Enlarged* keeps the shape and changes the area, legal if the next
# picture may have another magnification. And *dark on bright* passes every measurement on the shapes, and is illegal:
# in this microscope nuclei shine. In a street scene, turning and mirroring upside down would go first.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Let hands be raised for each picture. Then for street scenes: turning and mirroring
# upside down go first. The best discussion is about scale: legal or not depends on what the net will be asked. Dark on
# bright passes every measurement on the shapes, and is illegal: in this microscope nuclei shine. Labels are looked up
# where a pixel comes from, never interpolated: half of cell 4 and half of cell 8 is not cell 6.

# %% [markdown] slideshow={"slide_type": "slide", "name": "ablation-question"}
# ## 5. Does it help? Two ideas, four nets, three seeds
#
# none, **bent**, **border weights**, both: the same twelve cells, the same number of steps.
#
# **Write down your guess:** which of the two matters more, and for what?

# %% [markdown] slideshow={"slide_type": "skip"}
# One training proves little here, too: so each net is trained from three seeds before we compare.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Have the guesses called out. Ask how large a difference in matched share one would
# believe: the test half has 57 cells, so 0.02 is one cell.

# %% slideshow={"slide_type": "skip"}
from tqdm import tqdm

ARMS = {
    "neither": {},
    "bent": {"bend": BEND},
    "border weights": {"w0": 10.0},
    "both": {"bend": BEND, "w0": 10.0},
}
SEEDS = [SEED, SEED + 1, SEED + 2]


def judge(net):
    """A net's cells on the half that it never saw."""
    cells = instances_from_foreground(foreground_probability(net, grey(picture)), seed=SURE)
    return score_instances([(truth, cells)])


nets, judged = {}, {}
for arm, seed in tqdm([(arm, seed) for arm in ARMS for seed in SEEDS], desc="four arms, three seeds"):
    nets[arm, seed] = learn(f"unet_{arm}", seed, **ARMS[arm])[0]
    judged.setdefault(arm, []).append(judge(nets[arm, seed]))

# %% slideshow={"slide_type": "slide", "name": "ablation"}
matched = {arm: [scored.matched_share[0.5] for scored in several] for arm, several in judged.items()}
merged = {arm: [scored.merged for scored in several] for arm, several in judged.items()}
for arm in ARMS:
    record(f"08.ap50_{arm.replace(' ', '_')}", [round(value, 3) for value in matched[arm]])
    record(f"08.merged_{arm.replace(' ', '_')}", merged[arm])
gain = np.mean(matched["both"]) - np.mean(matched["neither"])
record("08.gain_of_both", gain)
fewer = np.mean(merged["neither"]) - np.mean(merged["both"])
title = f"Both together: matched share {gain:+.2f}, and {fewer:.0f} of {first.cells} cells fewer are merged"
show(
    ablation(matched, merged, first.cells, title),
    alt="Two panels of bars for four arms, a dot for each of three seeds: matched share at IU 0.5, and the number of "
    "merged cells.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# A mean is no result without its spread. For each comparison: is the worst seed of one arm better than the best of the
# other? Then the effect is **beyond the spread** of three seeds; otherwise we say that we cannot tell.

# %% slideshow={"slide_type": "skip"}
PAIRS = [
    ("border weights", "neither", "border weights, nothing bent"),
    ("both", "bent", "border weights, bent"),
    ("bent", "neither", "bending, without border weights"),
    ("both", "border weights", "bending, with border weights"),
    ("both", "neither", "both together"),
]
for new, old, words in PAIRS:
    step = np.mean(matched[new]) - np.mean(matched[old])
    apart_matched = min(matched[new]) > max(matched[old]) or max(matched[new]) < min(matched[old])
    apart_merged = max(merged[new]) < min(merged[old]) or min(merged[new]) > max(merged[old])
    verdicts = [f"{'beyond' if clear else 'within'} the spread" for clear in (apart_matched, apart_merged)]
    change = np.mean(merged[new]) - np.mean(merged[old])
    print(f"{words:33} matched {step:+.2f}, {verdicts[0]:18} merged {change:+5.1f}, {verdicts[1]}")
record("08.both_beyond_spread", int(min(matched["both"]) > max(matched["neither"])))

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* A dot is a seed. For each comparison: is the worst seed of one arm better than the best
# of the other? If not, we cannot tell. The notebook prints the verdicts. Explain interaction with the 2x2 table: the
# gain of one idea depends on the other being there. The paper itself shows no ablation of either idea; that is worth
# saying. Ask who would have published the difference of two single runs.

# %% slideshow={"slide_type": "skip"}
strict = np.mean([[each.matched_share[0.9] for each in judged[arm]] for arm in ("both", "neither")], axis=1)
show(
    matched_curves(judged, f"Both together bring {gain:+.2f} at IU 0.5, and {strict[0] - strict[1]:+.2f} at IU 0.9"),
    alt="Matched share over the IU threshold from 0.5 to 0.95 for the four arms, with the range of three seeds shaded. "
    "All fall to the right.",
)

# %% slideshow={"slide_type": "slide", "name": "four-ways"}
best = {
    arm: instances_from_foreground(foreground_probability(nets[arm, SEED], grey(picture)), seed=SURE) for arm in ARMS
}
drawings = {
    f"{arm}: {judged[arm][0].merged} merged": partial(draw_merged, image=picture, truth=truth, prediction=best[arm])
    for arm in ARMS
}
ends = {caption: draw for caption, draw in drawings.items() if caption.startswith(("neither", "both"))}
show(
    panels(drawings, f"Seed {SEED}: the same cells, four ways to learn them", columns=2, width=12),
    slides=[panels(ends, f"Seed {SEED}: the same cells, without both ideas and with them")],
    alt="The right half of the picture four times, with the cells that each arm found; merged ones are hatched.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Read the table line by line, and say only what it says. Border weights put doubt where the gaps are; bending makes new
# gaps from the few that the twelve cells have. Where one of them alone is within the spread, ask whether it needs the
# other: without weights, new pictures of gaps are new pictures of something that the loss hardly looks at. And the
# cells to be found are few: a step that is worth one of them proves nothing.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* The same cells, learned without both ideas and with them; merged ones are hatched. Let
# them look for one pair of cells that only one of the nets parts. The notebook has all four.

# %% [markdown] slideshow={"slide_type": "slide", "name": "tiles"}
# ### And the whole slide? Which steps leave seams?

# %% [markdown] slideshow={"slide_type": "skip"}
# From twelve cells to a slide scanner's picture, 100,000 pixels a side: nobody runs that in one pass. Lecture 07 laid
# tiles with mirrored context around a *valid* net. Ours is **padded**: it answers everything that it sees, also where
# it sees zeros. **Guess before you slide:** how large may the step be for tiles of this size, and which steps leave
# seams?

# %% slideshow={"slide_type": "-"}
from course_utils.widgets import overlap_tile

explore(overlap_tile(nets["both", SEED], grey(image[:, :384, :384])))

# %% [markdown] slideshow={"slide_type": "skip"}
# Three mistakes, three looks. A step that is no multiple of the net's stride changes **whole tiles**: other pixels are
# pooled together. A step larger than what a tile answers leaves **holes**. And small tiles work, but most of what they
# read is context, read by several of them: look at the sentence under the picture. A padded net forces none of this on
# you, its answer is as large as its tile; that is how seams get into published counts.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* Click into the left picture to choose a tile, best one at the edge: what lies outside
# is mirrored. Then the step: 4 px too much, and ask why the difference is not at the edges of the tiles. Then the
# smallest step: how many times is the middle of the picture computed?

# %% [markdown] slideshow={"slide_type": "slide", "name": "membranes"}
# ## 6. Membranes: which of three answers is the worst?
#
# - a membrane that is too **thick**
# - a membrane 3 pixels **aside**
# - a **hole** of one row, through which two neurons become one
#
# What the EM challenge measured: **Rand** (which pixels are together) and **warping** (what stays wrong when the truth
# may bend)

# %% [markdown] slideshow={"slide_type": "skip"}
# The paper's first result is on slices of a fly's brain: 30 pictures, neurons as cells, membranes as their borders.
# There one missing pixel joins two neurons, and pixel scores do not care. So the challenge (ISBI 2012) measured two
# other things:
#
# - **Rand**: take two pixels of a cell at random. Are they in one part in the prediction, too? And the other way round?
# - **Warping**: bend the truth towards the prediction without joining or parting anything. Which pixels stay wrong?

# %% slideshow={"slide_type": "fragment"} tags=["nbval-check-output"]
from course_utils.metrics import pixel_error, rand, thinned, warping_error

two_cells = np.ones((40, 81), dtype=bool)
two_cells[:, 39:42] = False  # a membrane, three pixels wide
thick, moved, torn = two_cells.copy(), np.roll(two_cells, 3, axis=1), two_cells.copy()
thick[:, 37:44] = False
torn[20, 39:42] = True  # a hole of one row
print(f"{'':28}pixel error   Rand error   warping error")
for name, answer in {"membrane too thick": thick, "membrane 3 pixels aside": moved, "hole of one row": torn}.items():
    split = rand(ndimage.label(two_cells)[0], thinned(answer))
    errors = pixel_error(two_cells, answer), 1 - split.score, warping_error(two_cells, answer)
    print(f"{name:28}{errors[0]:11.4f}{errors[1]:13.4f}{errors[2]:16.4f}")

# %% [markdown] slideshow={"slide_type": "skip"}
# The ranking is turned around. By pixels, the membrane that moved is the worst answer, the thick one comes next, and
# the hole is the best. By what is connected, the first two are right or nearly so, and the hole is the only mistake:
# whoever follows a neuron through it ends up in its neighbour.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* 30 slices of a fly's brain; neurons are cells, membranes their borders. Let the room
# rank the three answers by eye first. By pixels, the membrane that moved is the worst; by what is connected, the hole
# is the only mistake. A human annotator scores a Rand error of 0.0021 (Table 1): ask why it is not 0.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## For those who want more: `rand_score`
#
# Count ordered pairs of different pixels: those in one cell in **truth**, those in one part in the **prediction**, and
# those in **both**. The score is 2 both / (truth + prediction). Pixels where truth is 0 (membrane) are left out. No
# loop over pixels: `np.unique(..., return_counts=True)` is all you need. Stuck? Run `hint("08.rand")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "08-rand", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rand_score(truth, prediction):
    """The foreground-restricted Rand F-score.

    truth, prediction: (H, W) arrays of integers; 0 in truth is membrane
    returns: a number from 0 to 1
    """
    ### BEGIN SOLUTION
    inside = truth > 0
    both = np.stack([truth[inside], prediction[inside]])

    def pairs(numbers):
        counts = np.unique(numbers, axis=-1, return_counts=True)[1]
        return (counts * (counts - 1)).sum()

    apart = pairs(both[0]) + pairs(both[1])
    return 2 * pairs(both) / apart if apart else 1.0
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "08-rand-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("08.rand", rand_score)

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Real membranes, real nuclei
#
# Two trainings that take too long for a lecture: ISBI 2012, 24 slices to learn from and 6 held out, and DSB 2018, 432
# pictures of nuclei to learn from and 109 to test. In the full profile they are run here, where the data are on this
# machine; otherwise this is what was measured before, with its date and device.

# %% slideshow={"slide_type": "skip"}
from course_utils.course import long_trainings

trained = long_trainings(run, ["isbi2012", "dsb2018"])
for name, result in trained.items():
    print(f"{name}: {result['steps']} steps, {result['seconds'] / 60:.0f} min on {result['device']}, {result['date']}")
    print(f"    {result['parameters']:,} parameters; the paper's net has 31 million")

# %% slideshow={"slide_type": "slide", "name": "long-trainings"}
from course_utils.figures import curves_over_steps

CURVES = {"isbi2012": "rand_after_thinning", "dsb2018": "ap_50"}
curves = {}
for name, result in trained.items():
    epochs = result["curves"]
    curves[f"{name}: {CURVES[name]}"] = [[epoch[key] for epoch in epochs] for key in ("steps", CURVES[name])]
reached = {name: result["scores, mean of eight views"][CURVES[name]] for name, result in trained.items()}
for name, value in reached.items():
    record(f"08.{name}_{CURVES[name]}", value)
words = ", ".join(f"{name} {value:.2f}" for name, value in reached.items())
show(
    curves_over_steps(curves, f"At the end, mean of eight views: {words}"),
    alt="Rand score of the membranes and matched share at IU 0.5 of the nuclei, on pictures held out, over the steps of "
    "their trainings.",
)

# %% slideshow={"slide_type": "skip"}
from course_utils.course import beside_the_paper

print(beside_the_paper(trained))

# %% [markdown] slideshow={"slide_type": "skip"}
# Do not read down the columns as a ranking. The paper's numbers are for the challenge's own test slices, whose labels
# are secret; ours are for the last six slices of the public stack, thinned by a watershed of our own, and from a
# narrower net where this was a CPU. What can be compared is the size of things: the warping error is far smaller than
# the pixel error, since it counts only what changes a topology.
#
# Table 2 is about other cells, PhC-U373 and DIC-HeLa, and about the mean IU of single cells. There is no public sample
# of those in this course's data; it is printed so that you see how far ahead of the second best the paper was.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Two trainings that take too long for a lecture, with date and device in the notebook,
# beside the paper's Tables 1 and 2. Do not read them as a ranking: the paper's numbers are for the challenge's own test
# slices, whose labels are secret. What can be compared is the size of things.

# %% [markdown] slideshow={"slide_type": "slide", "name": "net-or-data"}
# ## 7. Was it the net, or the data?
#
# Give an **FCN-8s** the same: the bent pictures, the border weights, the number of parameters, the time to learn.
#
# **Guess:** how much of the U-Net's matched share will it reach?

# %% [markdown] slideshow={"slide_type": "skip"}
# Bending and weights have nothing to do with U-Net, so the FCN-8s of lecture 05 can have both. It is made from scratch,
# as ours was.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Both nets are made from scratch. The time is processor time, so that other programs do
# not distort it.


# %% slideshow={"slide_type": "skip"}
def fresh_fcn():
    """An FCN-8s from scratch with as many parameters as our U-Net."""
    return fcn_of_size(count(fresh_unet()))


TRIAL, tempo = 25, {}
for name, fresh in {"unet": fresh_unet, "fcn": fresh_fcn}.items():
    history = learn(f"{name}_trial", SEED, fresh=fresh, steps=TRIAL, **ARMS["both"])[1]
    # other programs on the machine do not distort processor time; on a GPU it says nothing
    tempo[name] = (history.cpu_seconds if run.device.type == "cpu" else history.seconds) / TRIAL
steps = round(STEPS * tempo["unet"] / tempo["fcn"] / 25) * 25
print(f"U-Net {count(fresh_unet()):,} parameters, {1e3 * tempo['unet']:.0f} ms a step: {STEPS} steps")
print(f"FCN-8s {count(fresh_fcn()):,} parameters, {1e3 * tempo['fcn']:.0f} ms a step: {steps} steps in the same time")

# %% slideshow={"slide_type": "slide", "name": "unet-against-fcn"}
fcns = [learn("fcn8s", seed, fresh=fresh_fcn, steps=steps, **ARMS["both"])[0] for seed in tqdm(SEEDS, desc="FCN-8s")]
judged_fcn = [judge(net) for net in fcns]
compared = {"U-Net, both": judged["both"], "FCN-8s, both": judged_fcn}
record("08.ap50_fcn8s", [round(scored.matched_share[0.5], 3) for scored in judged_fcn])
matched_unet, matched_fcn = (
    np.mean([scored.matched_share[0.5] for scored in several]) for several in compared.values()
)
record("08.unet_minus_fcn8s", matched_unet - matched_fcn)
for name, several in compared.items():
    print(f"{name}: merged {', '.join(str(scored.merged) for scored in several)} of {first.cells} (one number a seed)")
show(
    matched_curves(
        compared,
        f"Equal parameters and time: matched share {matched_unet:.2f} (U-Net) against {matched_fcn:.2f} (FCN-8s)",
    ),
    alt="Matched share over the IU threshold for U-Net and FCN-8s with the same number of parameters and the same "
    "training time, with the range of three seeds.",
)

# %% slideshow={"slide_type": "skip"}
said = {"the picture": picture[:, *busy].float().div(255).pow(0.65)}
for name, net in (("U-Net says", nets["both", SEED]), ("FCN-8s says", fcns[0])):
    said[name] = foreground_probability(net, grey(picture))[busy][None]
show(
    panels(
        {name: partial(draw_image, image=shown) for name, shown in said.items()}, "Foreground, from 0 to 1", width=12
    ),
    alt="Part of the picture, and the probability of foreground that the U-Net and the FCN-8s give for it; the FCN's has "
    "soft, blocky borders.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# A curve says two things: where it begins, how many cells were found; how steeply it falls, how well they are drawn.
# The FCN-8s adds **scores**, two numbers for every 8x8 pixels, and interpolates the rest: a soft valley between two
# cells it can make, a gap of two pixels it cannot, whatever its loss says. The U-Net carries **maps** up to stride 1
# and decides pixel by pixel. *Ideas about the data need a net that can follow them.*

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* A curve says two things: where it begins, how many cells were found; how steeply it
# falls, how well they are drawn. Lecture 05's ceiling comes back: squeeze the truth through a grid of stride 8 and the
# gaps are gone. Ask what one would change in the FCN to save it: a skip at stride 4, 2, 1, and then it is nearly a
# U-Net. Ideas about the data need a net that can follow them.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Five questions before you go
#
# Open the wrong choices too: each says what it mixes up.

# %% slideshow={"slide_type": "skip"} tags=["quiz"]
quiz("08")

# %% [markdown] slideshow={"slide_type": "slide", "name": "summary"} tags=["summary"]
# ## What to take along
#
# - A score that counts pixels does not see a merger; matched share and merged cells do.
# - Border weights make narrow gaps count: $w_0$ how much, $\sigma$ how far.
# - A legal augmentation is what the microscope could have made.
# - An ablation has seeds and a spread, and its arms may depend on each other.
# - Membranes: measure what is connected.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let the room say the five before you read them. Then the quiz in the notebook: alone
# first, then with a neighbour. Lecture 09 asks for every thing its own mask from the start.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["reading"]
# ## What to read next
#
# - [U-Net](https://arxiv.org/abs/1505.04597), sections 3 and 4, Figure 3, Tables 1 and 2.
# - Arganda-Carreras et al., *Crowdsourcing the creation of image segmentation algorithms for connectomics* (Frontiers in
#   Neuroanatomy, 2015), on what the EM challenge measured and why.
# - [Cell detection with star-convex polygons](https://arxiv.org/abs/1806.03535) (StarDist) and
#   [Cellpose](https://doi.org/10.1038/s41592-020-01018-x): two ways to single cells without a watershed on probabilities.
# - Lecture 09 asks for every thing its own mask from the start: Mask R-CNN.
#
# The nuclei come with the package `stardist` (BSD 3-Clause); ISBI 2012: Arganda-Carreras et al., Cardona et al.; DSB
# 2018: Caicedo et al., CC0.
