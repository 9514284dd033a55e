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
# # One mask for each thing
#
# ![Four scenes with things that overlap: above as they were drawn around, below as a net found them.](attachment:cover.jpg)
#
# Two sheep, one in front of the other.
#
# Your net has labelled every pixel of both correctly. How many sheep did it find?

# %% [markdown] slideshow={"slide_type": "skip"}
# FCN and U-Net answer one question: what is *this pixel*? In lecture 08 a watershed had to make cells of it afterwards.
#
# Mask R-CNN asks in another order. **Find** the things first, each as a box. **Look again** into each box. **Then
# draw** what is in it. You will build the parts by hand, prove to yourself what each of them is for, and train all of
# it.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Let somebody answer the question on the slide. "None" is a good answer: a label map
# holds no sheep, only pixels of sheep. Then ask who has counted things with a net, and how they told neighbours apart.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["objectives"]
# ## In 60 minutes you will be able to
#
# - say what a label map cannot hold, and why numbers for things cannot be learned as classes,
# - match anchors to things, turn deltas into boxes, and suppress what is there twice,
# - show what rounding costs a mask, and build RoIAlign, which does not round,
# - train a Mask R-CNN on two cores, and read its average precision without mixing it up with the other one,
# - choose between it and a U-Net with a watershed for pictures of your own.

# %% slideshow={"slide_type": "skip"} tags=["parameters"]
PROFILE = "quick"  # "quick": small heads on kept maps, on a CPU; "full": about ten times as many steps
DEVICE = "auto"  # "auto", "cpu", "cuda" or "mps"
SEED = 0
DATASET = "stickers"  # scenes whose things overlap

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
from functools import partial

import numpy as np
import torch
from tqdm import tqdm
from course_utils.data import detection_target, load
from course_utils.models import box_iou, paste_masks, roi_align, roi_pool
from course_utils.inference import label_image
from course_utils.training import evaluate_things, judge_things, target_of, thing_board, train_thing_net
from course_utils.figures import draw_image, draw_instances, draw_things, in_pairs, panels, show
from course_utils.exercises import check, quiz
from course_utils.course import begin, choose, record

run = begin(PROFILE, DEVICE, SEED)

# %% [markdown] slideshow={"slide_type": "skip"}
# The scenes are stickers again, 160x160 pixels. Whatever class they are of, today each is a **thing**. Each picture
# goes through EfficientNet-Lite0 once, and its maps at strides 8, 16 and 32 are kept: the backbone stays as ImageNet
# made it. That is a method of its own: [Vasconcelos et al. (CVPR 2022)](https://arxiv.org/abs/2204.00484) show that
# detectors on frozen backbones do as well as others, once enough is built on top of them.

# %% slideshow={"slide_type": "skip"}
board = choose(DATASET, {"stickers": thing_board})(run)
truths = [target_of(*each[1:]) for each in board.val]
scenes = [board.pictures["val"].dataset.sample(index) for index in range(len(truths))]
print(f"{len(board.pictures['train'])} scenes to learn from, {len(scenes)} to be judged by")
print(f"{sum(len(truth['boxes']) for truth in truths)} things in these")

# %% [markdown] slideshow={"slide_type": "skip"}
# ## 1. What can a label map not say?
#
# First guess: of all things in these scenes, how many lie in **one region** with another, so that a perfect label map
# of "thing" shows them as one?

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
from scipy import ndimage
from skimage.segmentation import expand_labels


def regions_of(instances):
    """The connected regions of all things together, and for each thing the region that it lies in."""
    numbered = instances.numpy()
    regions, _ = ndimage.label(expand_labels(numbered, 2) > 0)  # two pixels: the void line between neighbours
    return regions, [int(np.bincount(regions[numbered == thing]).argmax()) for thing in np.unique(numbered)[1:]]


together = [[where.count(each) > 1 for each in where] for _, where in (regions_of(item[1]) for item in board.val)]
lost = sum(map(sum, together)) / sum(map(len, together))
record("09.in_one_region", lost)
print(f"{lost:.0%} of the things lie in one region with another")

# %% slideshow={"slide_type": "slide", "name": "label-map"}
crowd = max(range(len(truths)), key=lambda index: sum(together[index]))
image, truth = scenes[crowd].image, truths[crowd]
regions, of_thing = regions_of(board.val[crowd][1])
drawings = {
    "the scene": lambda axes: draw_image(axes, image),
    f"thing or background: {len(set(of_thing))} region{'s' * (len(set(of_thing)) > 1)}": lambda axes: draw_instances(
        axes, image, regions
    ),
    f"what we want: {len(of_thing)} things": lambda axes: draw_things(axes, image, truth, boxes=False),
}
show(
    panels(drawings, f"A perfect label map merges {lost:.0%} of these things with a neighbour", width=12),
    alt="A scene of stickers that overlap; its perfect label map, in which neighbours are one region; and the things, each "
    "in a colour of its own.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Take guesses for the share before you show the slide. Then point at the middle picture:
# there is no wrong pixel in it. What is missing is not accuracy, it is a word for "this one".

# %% [markdown] slideshow={"slide_type": "slide", "name": "numbers-as-classes"}
# ### Then make "sheep 1" and "sheep 2" classes. What will a net learn?

# %% [markdown] slideshow={"slide_type": "skip"}
# Two annotators number the same two sheep. One starts on the left, the other on the right: both are right, and
# nothing in the picture says who began. Here is what a pixel of the left sheep costs a net that gives "sheep 1" the
# probability $p$.

# %% slideshow={"slide_type": "fragment"} tags=["nbval-check-output"]
from IPython.display import Markdown, display

rows = ["| $p$ of sheep 1 | loss, numbered from the left | from the right | mean |", "|--:|--:|--:|--:|"]
for p in (0.99, 0.9, 0.5):
    left, right = -np.log(p), -np.log(1 - p)
    rows.append(f"| {p:.2f} | {left:.2f} | {right:.2f} | {(left + right) / 2:.2f} |")
display(Markdown("\n".join(rows)))

# %% [markdown] slideshow={"slide_type": "skip"}
# The best that a net can do is to say "one half" in every pixel: it pays a $\log 2$ for each of them, and tells no
# sheep from another. Being sure is punished. A loss for each pixel asks for **names**, and things have none.
#
# So the net must be asked something that does not depend on an order. *Is there a thing, whose box is this?* has one
# answer for each box, whoever counts.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Ask for a rule that would give the numbers an order: from left to right is the usual
# proposal. Then move one sheep a pixel past the other: all numbers jump, and no pixel of the others has changed. The
# table is the same argument in a loss.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## 2. Find first
#
# Everything in this part, and much of what follows, asks one question of two boxes: how well do they agree? You will
# write that now. Start the cell below first: while you write, the backbone looks at the first half of the scenes to
# learn from, a quarter of a minute on two cores.

# %% slideshow={"slide_type": "skip"}
print(f"maps of {len(board.first_half)} scenes are kept")

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-iou"} tags=["exercise"]
# ## Your turn: `iou_of_boxes`
#
# The intersection of two boxes, divided by their union: each box with each. Boxes without any area share
# 0. Stuck? Run `hint("09.iou")` in a new cell (`from course_utils.exercises import hint`).


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "09-iou", "locked": false, "schema_version": 3, "solution": true, "task": false}
def iou_of_boxes(boxes, others):
    """Intersection over union of each box with each other one.

    boxes: (N, 4), others: (M, 4): x1, y1, x2, y2 in pixels; a box is x2 - x1 wide
    returns: (N, M), 0 to 1
    """
    ### BEGIN SOLUTION
    one, other = boxes[:, None], others[None]
    across = (torch.minimum(one[..., 2], other[..., 2]) - torch.maximum(one[..., 0], other[..., 0])).clamp(min=0)
    down = (torch.minimum(one[..., 3], other[..., 3]) - torch.maximum(one[..., 1], other[..., 1])).clamp(min=0)
    areas = [(each[..., 2] - each[..., 0]) * (each[..., 3] - each[..., 1]) for each in (one, other)]
    shared = across * down
    union = areas[0] + areas[1] - shared
    return torch.where(union > 0, shared / union, 0)
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "09-iou-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("09.iou", iou_of_boxes)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes with the exercise.* The cell before it takes a quarter of a minute: start it, then ask.
# Draw two boxes and let the room find the edges of what they share.
# The usual mistakes: boxes that lie apart in both directions (minus times minus), and a width of x2 - x1 + 1, which
# is a habit from the time when corners were numbers of pixels.

# %% [markdown] slideshow={"slide_type": "skip"}
# A net with a fixed number of outputs cannot list boxes. So it starts from boxes that are **always there**: at each
# cell of a map, nine **anchors**, of three sizes and three shapes. For each it says one number, thing or not. In
# training, an anchor belongs to the thing that it overlaps by at least 0.7; under 0.3 it is background, between the
# two it counts for nothing (Faster R-CNN, section 3.1.2).
#
# **Guess:** of 3,600 anchors, how many belong to a thing? Can a thing get none?

# %% slideshow={"slide_type": "slide", "name": "anchors"}
from course_utils.figures import matched_anchors
from course_utils.models import match_boxes

net = board.net(SEED)
anchors = net.rpn.anchors([torch.zeros(1, 1, 20, 20)])[0]
overlaps = box_iou(anchors, truth["boxes"])
matched = match_boxes(overlaps, positive=0.7, negative=0.3, keep_best=True)
lone = overlaps.amax(dim=0) < 0.7
title = f"{int((matched >= 0).sum())} of {len(anchors):,} anchors belong to a thing; {int(lone.sum())} of {len(lone)} things get theirs by a special rule"
show(
    matched_anchors(image, truth["boxes"], anchors, matched, lone, title),
    alt="The scene with the centres of all anchors as dots, true boxes in thick lines and the anchors that belong to them in "
    "thin ones; beside it bars with the number of anchors of each thing.",
)

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
best = torch.cat([box_iou(anchors, each["boxes"]).amax(dim=0) for each in truths])
record("09.things_without_an_anchor", float((best < 0.7).float().mean()))
print(
    f"in all {len(truths)} scenes, {float((best < 0.7).float().mean()):.0%} of the things have no anchor with an IU of 0.7"
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Most anchors are background, so the loss is computed on a sample of 128, in which things may take up to a half;
# otherwise "nothing here" would be right nearly always. And without the special rule, *the best anchor of each thing
# belongs to it in any case*, many things would have no anchor at all, and nobody would ever learn to find them.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Dots are the centres of anchors, nine at each. Ask which things are in danger: those
# whose size or shape lies between the anchors'. The hatched bars are things that would get none without the rule that
# the best one always counts.

# %% [markdown] slideshow={"slide_type": "slide", "name": "anchors-to-drag"}
# ### Drag a box: which one gets no anchor?

# %% slideshow={"slide_type": "-"}
from course_utils.widgets import anchor_matching, explore

explore(anchor_matching(image))

# %% [markdown] slideshow={"slide_type": "skip"}
# Half a cell aside, 4 pixels, a box of 16 has lost two fifths of its IU, a box of 64 an eighth: that is why small
# things are missed first. A box four times as wide as high has no anchor at 0.7 at all, wherever you put it.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Click into the picture to put the box elsewhere. Make it 20 pixels wide and move it by
# single pixels with the arrow keys: the number jumps. Then make it wide and flat: none is left, and the sentence says
# how good the best one is.

# %% [markdown] slideshow={"slide_type": "skip"}
# Anchors are only where a net begins. Next it has to say how to move them, and you will write that. Start the cell
# below first: while you write, the backbone looks at the other half of the scenes.

# %% slideshow={"slide_type": "skip"}
print(f"maps of {len(board.train)} scenes are kept")

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-decode"} tags=["exercise"]
# ## Your turn: `moved_boxes`
#
# An anchor is nearly right. The net says how to move it, in numbers that mean the same for small and large boxes:
#
# $$x = x_a + d_x w_a, \quad y = y_a + d_y h_a$$
#
# $$w = w_a e^{d_w}, \quad h = h_a e^{d_h}$$
#
# $x, y$ are centres. Stuck? Run `hint("09.decode")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "09-decode", "locked": false, "schema_version": 3, "solution": true, "task": false}
def moved_boxes(deltas, anchors):
    """The boxes that deltas make of their anchors.

    deltas: (N, 4): dx, dy, dw, dh; anchors: (N, 4): x1, y1, x2, y2
    returns: (N, 4): x1, y1, x2, y2
    """
    ### BEGIN SOLUTION
    width, height = anchors[:, 2] - anchors[:, 0], anchors[:, 3] - anchors[:, 1]
    x = anchors[:, 0] + width / 2 + deltas[:, 0] * width
    y = anchors[:, 1] + height / 2 + deltas[:, 1] * height
    wide, high = width * deltas[:, 2].exp(), height * deltas[:, 3].exp()
    return torch.stack([x - wide / 2, y - high / 2, x + wide / 2, y + high / 2], dim=1)
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "09-decode-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("09.decode", moved_boxes)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes with the exercise.* The cell before it keeps the other half of the maps, a
# quarter of a minute again: start it, then ask. Why not pixels: 5 pixels are nothing for a bus and all of a bottle.
# Why a logarithm: half and double become -0.69 and 0.69, equally far from 0. The usual mistake is to move by the new
# width, after it has grown.

# %% [markdown] slideshow={"slide_type": "skip"}
# There and back: what `encode_boxes` of the library makes of true boxes, your function undoes.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
from course_utils.models import encode_boxes

belongs = matched >= 0
wanted = truth["boxes"][matched[belongs]]
deltas = encode_boxes(wanted, anchors[belongs])
print(f"deltas: all between {deltas.min():.1f} and {deltas.max():.1f}")
print(f"largest error after the way back: {(moved_boxes(deltas, anchors[belongs]) - wanted).abs().max():.3f} pixels")

# %% [markdown] slideshow={"slide_type": "skip"}
# That is all a **region proposal net** does: one convolution, one score and four deltas for each anchor. Let it learn,
# alone, for forty steps, and ask from time to time: of all true boxes, how many are covered (IU 0.5) by one of its best
# 10, 30, 100 proposals? **Guess** how long it takes to find 80 % of the things.


# %% slideshow={"slide_type": "skip"}
def proposed_to(net, kept):
    """The inputs of some items of the board, as one batch, and what the region proposal net says of them."""
    inputs = torch.stack([each[0] for each in kept]).to(run.device)
    return net.rpn(net.features(inputs))


@torch.no_grad()
def recalls(net):
    """The share of true boxes that one of the best 10, 30 and 100 proposals covers, in the scenes to be judged by."""
    boxes = net.rpn.propose(*proposed_to(net, board.val), [(160, 160)] * len(board.val))
    best = {}
    for few in (10, 30, 100):
        reached = [
            box_iou(true["boxes"], some[:few].cpu()).amax(dim=1) for true, some in zip(truths, boxes, strict=True)
        ]
        best[few] = float((torch.cat(reached) >= 0.5).float().mean())
    return best


# %% slideshow={"slide_type": "skip"}
from time import perf_counter

dice = torch.Generator().manual_seed(SEED)
net, LOOKS = board.net(SEED).to(run.device), (0, 5, 10, 20, 40)
optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3)
seen, spent = [recalls(net)], 0.0
for step in tqdm(range(1, LOOKS[-1] + 1), desc="the region proposal net alone"):
    start = perf_counter()
    batch = [board.train[index] for index in torch.randint(len(board.train), (8,), generator=dice).tolist()]
    boxes = [target_of(*each[1:])["boxes"].to(run.device) for each in batch]
    loss = sum(net.rpn.losses(*proposed_to(net, batch), boxes, generator=dice).values())
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    spent += perf_counter() - start
    if step in LOOKS:
        seen.append(recalls(net))
print(f"{LOOKS[-1]} steps in {spent:.0f} s")

# %% slideshow={"slide_type": "slide", "name": "recall"}
from course_utils.figures import recall_over_steps

record("09.recall_100", seen[-1][100])
show(
    recall_over_steps(
        LOOKS,
        {f"the best {few}": [each[few] for each in seen] for few in (100, 30, 10)},
        f"After {LOOKS[-1]} steps, {seen[-1][100]:.0%} of the things are among 100 proposals ({seen[0][100]:.0%} before the first)",
    ),
    alt="Recall of the best 10, 30 and 100 proposals over the steps of training; all three rise steeply at first.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Start at the left end: anchors spread over the picture cover some of the things before anything is learned. What the
# training adds most is the **order**: the best ten begin to hold the things. A thing that is not among the proposals
# is lost for good. Nothing later adds a box.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask first why the curve for 100 does not start at zero. Then which of the three matters
# for the rest of the net: the heads look at all proposals, so the top one; the time it costs, so the others. The paper
# takes 300 or 1,000.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-nms"} tags=["exercise"]
# ## Your turn: `suppress`
#
# Ten proposals lie on one sheep, and we want one. **Non-maximum suppression**: the best box stays; a box of the *same
# class* that overlaps a better one *that stays* by more than the threshold goes. Stuck? Run `hint("09.nms")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "09-nms", "locked": false, "schema_version": 3, "solution": true, "task": false}
def suppress(boxes, scores, labels, threshold):
    """Non-maximum suppression within each class.

    boxes: (N, 4), scores: (N,), labels: (N,)
    returns: numbers of the boxes that stay, best first
    """
    ### BEGIN SOLUTION
    overlaps, stays = box_iou(boxes, boxes), []
    for number in scores.argsort(descending=True, stable=True).tolist():
        rivals = [other for other in stays if labels[other] == labels[number]]
        if not any(overlaps[number, other] > threshold for other in rivals):
            stays.append(number)
    return stays
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "09-nms-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("09.nms", suppress)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes with the exercise.* Play it with people: five stand up with scores, the best one points
# at those who have to sit down. The subtle point is the third person, who was suppressed only by somebody who sits
# already: they stay. The common mistake is to forget the classes.

# %% [markdown] slideshow={"slide_type": "slide", "name": "nms"}
# ### Crowded nuclei: which threshold loses the fewest?

# %% slideshow={"slide_type": "-"}
from course_utils.widgets import nms_threshold

rods = [load("rods", "val").sample(index) for index in range(4)]
several = [torch.where(each.instances > 0, each.instances + 100 * place, 0) for place, each in enumerate(rods)]
pictures, numbered = torch.stack([each.image for each in rods]), torch.stack(several)[:, None]
board_of_four = [
    torch.cat([torch.cat([*each[:2]], dim=-1), torch.cat([*each[2:]], dim=-1)], dim=-2) for each in (pictures, numbered)
]
explore(nms_threshold(board_of_four[0], board_of_four[1][0]))

# %% [markdown] slideshow={"slide_type": "skip"}
# These are real nuclei, drawn out to rods that lie side by side on the diagonal, as they do in muscle; several boxes
# were guessed on each. Low, and neighbours suppress each other; high, and many are found several times. No training
# moves this: it is a rule about **boxes**, and the upright boxes of two such neighbours overlap far more than the
# nuclei do.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Have somebody look for the best threshold, then ask whether it would be the best for
# pedestrians in a street, too. Where true boxes overlap, a low threshold suppresses true neighbours.

# %% [markdown] slideshow={"slide_type": "slide", "name": "ramp-question"}
# ## 3. Look again, without rounding
#
# A box is 13.4 pixels from the left. The map has a cell every 16 pixels.
#
# **Where do you cut?** RoIPool rounds to whole cells. What does that cost a class, and what does it cost a mask?

# %% [markdown] slideshow={"slide_type": "skip"}
# To see where a pooling looks, give it a map that says *where it is*: a ramp, in which each cell holds the pixel of
# its own centre. A bin that is read right then says where it lies. No training is needed. Move the box by tenths of a
# pixel, and read its first bin.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Take both answers. For a class it costs next to nothing: a cat half a cell to the side
# is a cat. For a mask it is everything that makes an outline.

# %% slideshow={"slide_type": "slide", "name": "ramp"}
from course_utils.figures import ramp_readings

STRIDE, SIZE = 16, 7
ramp = ((torch.arange(40) + 0.5) * STRIDE).expand(1, 1, 40, 40).contiguous()
shifts = torch.arange(0, 48.05, 0.1)
side, right = SIZE * STRIDE, torch.tensor([1, 0, 1, 0])
boxes = torch.tensor([64, 64, 64 + side, 64 + side]) + shifts[:, None] * right
first = torch.zeros(len(boxes), dtype=torch.int64)
middle = 64 + STRIDE / 2  # of the first bin, before the box moves
readings = {
    "RoIPool": roi_pool(ramp, boxes, first, SIZE, STRIDE),
    "RoIAlign, half a cell off": roi_align(ramp, boxes, first, SIZE, STRIDE, aligned=False),
    "RoIAlign": roi_align(ramp, boxes, first, SIZE, STRIDE),
}
readings = {name: values[:, 0, 0, 0] - middle for name, values in readings.items()}
readings["RoIPool"] -= (readings["RoIPool"] - shifts).mean()  # what is always the same, a net can learn to add
off = {name: float((values - shifts).abs().max()) for name, values in readings.items()}
record("09.off_roipool", off["RoIPool"])
record("09.off_roialign", off["RoIAlign"])
words = f"RoIPool is up to {off['RoIPool']:.0f} pixels off, RoIAlign {off['RoIAlign']:.2f}"
show(
    ramp_readings(shifts, readings, STRIDE, words),
    alt="What the first bin reads over how far the box has moved: RoIPool climbs a staircase, RoIAlign that takes cells' "
    "corners for their centres runs parallel to the truth, half a cell off, and RoIAlign lies on it.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Three lines, three ways to look. RoIPool stands still while the box moves, and then jumps by a whole cell. (A
# maximum reads the far end of its bin, so its line would lie higher; what is the same everywhere has been taken off.)
# The dashed line is a RoIAlign that forgets where cells have their centres: nothing is rounded, and everything lies
# **half a cell** aside, for ever in the same direction. (torchvision's `MultiScaleRoIAlign` has it: a net trained
# with it learns to live with it.) RoIAlign reads *between* cells, and is exact.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Let them name the three lines before you read the legend. Then the half cell: whoever
# says that a net can learn to add 8 pixels is right, since it is always the same. Why can it not learn RoIPool's error?
# Because it depends on where the box happens to lie.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-bin"} tags=["exercise"]
# ## Your turn: `align_bin`
#
# Read one bin: four places, at 1/4 and 3/4 of its sides, each **between four cells**, bilinearly; their mean. Cell 0
# has its centre at pixel `stride / 2`. Stuck? Run `hint("09.bin")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "09-bin", "locked": false, "schema_version": 3, "solution": true, "task": false}
def align_bin(features, box, stride):
    """One bin of RoIAlign; it lies well inside the map.

    features: (H, W) tensor; box: x1, y1, x2, y2 of the bin, in pixels; stride: pixels that a cell is wide
    returns: a number
    """
    ### BEGIN SOLUTION
    (x1, y1, x2, y2), total = box, 0.0
    for down in (0.25, 0.75):
        for across in (0.25, 0.75):
            x = (x1 + across * (x2 - x1)) / stride - 0.5
            y = (y1 + down * (y2 - y1)) / stride - 0.5
            column, row = int(x // 1), int(y // 1)
            right, below = x - column, y - row
            upper = (1 - right) * features[row, column] + right * features[row, column + 1]
            lower = (1 - right) * features[row + 1, column] + right * features[row + 1, column + 1]
            total += (1 - below) * upper + below * lower
    return total / 4
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "09-bin-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("09.bin", align_bin)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 6 minutes with the exercise.* Draw four cells and a place between them; the four areas opposite are
# the shares. Then the half: at pixel 4 of stride 8 the answer is cell 0 alone, so x / stride must lose 0.5. It is the
# mistake that most people make, and the check says by how many pixels they are off.

# %% [markdown] slideshow={"slide_type": "slide", "name": "roi-to-shift"}
# ### Shift the box by a tenth of a pixel: what do the bins see?

# %% slideshow={"slide_type": "-"}
from course_utils.widgets import roi_shift

explore(roi_shift(image, truth["masks"][0] > 0))

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Slide slowly: the frame of RoIPool waits, waits, and jumps. Then stride 32: the box is
# two cells wide, and what is cut out is hardly the thing any more.

# %% [markdown] slideshow={"slide_type": "skip"}
# What does it cost a mask? Take the finding out of the question: give the mask head the **true boxes**, and let it
# draw. What is cut out comes from the kept maps at stride 8, 16 or 32, each brought to the same 32 channels, by
# RoIPool or by RoIAlign. Everything else is the same. **Guess**: at which stride does the difference hurt most?

# %% slideshow={"slide_type": "skip"}
from course_utils.models import MaskHead
from course_utils.training import take_up


def lesson_of(kept, scenes):
    """Of all things of some scenes: maps at three strides, boxes, whose scene they are in, classes and masks of 14x14."""
    samples = [kept.pictures.dataset.sample(index) for index in range(scenes)]
    targets = [detection_target(sample.instances, sample.labels) for sample in samples]
    scene = torch.cat([torch.full((len(each["boxes"]),), index) for index, each in enumerate(targets)])
    small = [
        roi_align(each["masks"][:, None].float(), each["boxes"], torch.arange(len(each["boxes"])), 2 * SIZE)[:, 0]
        for each in targets
    ]
    boxes, labels = (torch.cat([each[name] for each in targets]) for name in ("boxes", "labels"))
    return take_up(kept.maps[:scenes]), boxes, scene, labels, torch.cat(small), targets


def narrowed(train, val, channels=32):
    """Maps of any width, brought to the directions in which those to learn from vary most."""
    cells = train.permute(0, 2, 3, 1).flatten(0, 2)
    mean = cells.mean(dim=0)
    ways = torch.linalg.svd(cells[:: max(1, len(cells) // 4000)] - mean, full_matrices=False).Vh
    few = [torch.einsum("nchw,kc->nkhw", each - mean[:, None, None], ways[:channels]) for each in (train, val)]
    return [each / few[0].std() for each in few]


# %% slideshow={"slide_type": "skip"}
maps, boxes, scene, labels, small, _ = lesson_of(board.train, run.pick(quick=300, full=len(board.train)))
val_maps, val_boxes, val_scene, val_labels, _, val_targets = lesson_of(
    board.val, run.pick(quick=60, full=len(board.val))
)
SEEDS, STEPS = [SEED, SEED + 1, SEED + 2], run.steps(quick=100, full=1000)


def learned(head, crops, seed, outputs=1):
    """A small mask head, trained for some steps on crops of true boxes."""
    torch.manual_seed(seed)
    net = head(crops.shape[1], outputs, widths=(32, 32))
    optimiser = torch.optim.AdamW(net.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=STEPS)
    for _ in range(STEPS):
        some = torch.randint(len(crops), (32,))
        net.loss(net(crops[some]), labels[some], small[some]).backward()
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
    return net


# %% slideshow={"slide_type": "skip"}
@torch.no_grad()
def drawn_well(net, crops):
    """Mean IU of the masks that a head draws in the true boxes of things that it never saw."""
    drawn = net.probabilities(net(crops), val_labels).split([len(each["boxes"]) for each in val_targets])
    places = zip(drawn, val_targets, strict=True)
    found = torch.cat([paste_masks(each, true["boxes"], (160, 160)) > 0.5 for each, true in places]).flatten(1)
    true = torch.cat([each["masks"] > 0 for each in val_targets]).flatten(1)
    return float(((found & true).sum(dim=1) / (found | true).sum(dim=1)).mean())


# %% slideshow={"slide_type": "skip"}
crops, in_boxes = {}, {}
for at, stride in enumerate(tqdm((8, 16, 32), desc="three strides, two poolings, three seeds")):
    few, val_few = narrowed(maps[at], val_maps[at])
    for name, pool in (("RoIPool", roi_pool), ("RoIAlign", roi_align)):
        crops[stride, name] = pool(few, boxes, scene, SIZE, stride), pool(val_few, val_boxes, val_scene, SIZE, stride)
        arms = in_boxes.setdefault(f"stride {stride}", {})
        known, new = crops[stride, name]
        arms[name] = [drawn_well(learned(MaskHead, known, seed), new) for seed in SEEDS]
        record(f"09.mask_iu_{name.lower()}_{stride}", [round(value, 3) for value in arms[name]])

# %% slideshow={"slide_type": "slide", "name": "in-true-boxes"}
gains = {group: np.mean(arms["RoIAlign"]) - np.mean(arms["RoIPool"]) for group, arms in in_boxes.items()}
gains = {group: round(gain, 2) + 0.0 for group, gain in gains.items()}  # no -0.00
record("09.gain_of_align", max(gains.values()))
title = "Masks in true boxes: RoIAlign " + ", ".join(f"{gain:+.2f} at {group}" for group, gain in gains.items())
show(
    in_pairs(in_boxes, "mean IU of the masks", title),
    alt="Bars for strides 8, 16 and 32, RoIPool beside RoIAlign, a dot for each of three seeds: mean IU of masks drawn in "
    "true boxes.",
)

# %% [markdown] slideshow={"slide_type": "fragment"}
# The paper, mask AP on COCO: 26.9 to **30.3** at stride 16 (Table 2c), 23.6 to **30.9** at stride 32 (2d; at AP75
# 21.6 to 32.1).

# %% slideshow={"slide_type": "skip"}
most = max(gains, key=gains.get)
clear = [group for group, arms in in_boxes.items() if min(arms["RoIAlign"]) > max(arms["RoIPool"])]
print(f"beyond the spread of three seeds at: {', '.join(clear) or 'no stride'}")
print(f"Here RoIAlign gains most at {most}; in the paper at stride 32.")
if most != "stride 32":
    print(
        "Our things are small: at stride 32 most boxes are one to three cells wide, and neither way finds an outline in so "
        "few. What is not there cannot be rounded away."
    )

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* The boxes are the true ones in both arms, so nothing but the cut differs. Compare
# steps, not levels: ours is mean IU on stickers, the paper's AP on COCO. If the gain is largest at another stride
# than the paper's, ask how many cells wide a thing is here, and in COCO at 800 pixels.

# %% [markdown] slideshow={"slide_type": "slide", "name": "sigmoid-question"}
# ## 4. Then draw
#
# The mask head: convolutions, one doubling, **one map for each class**. Which of them is used? That of the class that
# the box head has chosen.
#
# **Guess:** a sigmoid for each map, or one softmax over all?

# %% [markdown] slideshow={"slide_type": "skip"}
# FCN takes the softmax: each pixel has one class, and classes compete. In a box the competition is over, the box head
# has settled what the thing is. So the paper gives every class a sigmoid of its own, and trains only the true class's
# map. Here are both, on the crops of RoIAlign at stride 8, with all 20 classes of the stickers.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Have the two sides argue. The best argument for the softmax is that it is how lecture 04
# did it; the best against it: what is there to decide, once the box says "cat"? Only cat or not cat.

# %% slideshow={"slide_type": "skip"}
from course_utils.models import SoftmaxMaskHead


class AnyClass(SoftmaxMaskHead):
    """Trained as a softmax over all classes, and then asked only: background, or any of them?"""

    def probabilities(self, logits, labels):
        return 1 - logits.softmax(dim=1)[:, 0]


# %% slideshow={"slide_type": "slide", "name": "sigmoid"}
classes, (known, new) = len(board.pictures["val"].dataset.classes), crops[8, "RoIAlign"]
judged = {"one map for all": in_boxes["stride 8"]["RoIAlign"]}  # the arm that was measured above
judged |= {name: [] for name in ("sigmoid for each class", "softmax", "softmax, any class counts")}
for seed in tqdm(SEEDS, desc="two heads, three seeds"):
    judged["sigmoid for each class"].append(drawn_well(learned(MaskHead, known, seed, classes), new))
    softmax, again = learned(SoftmaxMaskHead, known, seed, classes), AnyClass(32, classes, (32, 32))
    again.load_state_dict(softmax.state_dict())
    judged["softmax"].append(drawn_well(softmax, new))
    judged["softmax, any class counts"].append(drawn_well(again, new))
for name, values in judged.items():
    record(f"09.mask_iu_{name.replace(',', '').replace(' ', '_')}", [round(value, 3) for value in values])
gain = np.mean(judged["sigmoid for each class"]) - np.mean(judged["softmax"])
record("09.sigmoid_minus_softmax", gain)
show(
    in_pairs(
        {"20 classes, stride 8": judged},
        "mean IU of the masks",
        f"A sigmoid for each class: {gain:+.2f} against a softmax",
    ),
    alt="Bars with a dot for each of three seeds: mean IU of masks from a head with one map for all classes, with a sigmoid for "
    "each class, with one softmax over the classes, and with the same softmax where any class counts.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# The paper's Table 2b has 24.8 with the softmax and 30.3 with sigmoids, and *one map for all classes* is nearly as
# good as one for each (29.7 against 30.3): once the box is right, drawing needs hardly any knowledge of what is
# drawn.

# %% slideshow={"slide_type": "skip"}
apart = min(judged["sigmoid for each class"]) > max(judged["softmax"]) or max(judged["sigmoid for each class"]) < min(
    judged["softmax"]
)
rest = np.mean(judged["softmax, any class counts"])
print(f"sigmoid against softmax: {gain:+.3f}, {'beyond' if apart else 'within'} the spread of three seeds")
print(f"the same softmax, where any class counts: {rest:.2f}")
if rest > np.mean(judged["softmax"]) + 0.05:
    print(
        "So it does know where the thing is. What it does not know, pixel by pixel, is which of twenty classes this is."
    )

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Table 2b of the paper: 24.8 and 30.3. Table 2 also has one map for all classes, 29.7.
# Read ours with its spread. With a few things of each class, one map for all has an advantage that COCO does not give
# it.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## 5. All of it
#
# Now the whole net: FPN, RPN, box head, mask head, five losses added up, on the kept maps. Two things make it learn
# in a minute. True boxes, slightly moved, are put among the proposals, so that the mask head sees good boxes from the
# first step on. And 32 boxes a picture are enough.
#
# It stops after a third and after two, for you to look at it, and goes on where it stopped: in the end it is, to the
# bit, the net that it would have been in one go. **Guess:** after a third, what does it do well: propose, put a box
# around, or draw?

# %% slideshow={"slide_type": "skip"}
net, history = train_thing_net(board, run, until=0.35)
print(f"{len(history.losses)} steps, {history.seconds:.0f} s")


# %% slideshow={"slide_type": "skip"}
def told(net):
    """What a net does so far: recall of its 100 proposals, and in forty scenes AP50 of its boxes and of its masks."""
    found = evaluate_things(net, [board.val[index] for index in range(min(40, len(board.val)))])
    return f"proposals {recalls(net)[100]:.2f}   boxes {found.boxes.ap50:.2f}   masks {found.masks.ap50:.2f}"


print(f"after {len(history.losses)} steps: {told(net)}")

# %% [markdown] slideshow={"slide_type": "skip"}
# Where a thing might be is learned first: in part 2 it took seconds. Which of the proposals is a thing, and where
# exactly it ends, takes longer. And a mask is drawn into the box that was found, so it comes last.
#
# Start the next third, and write the measure that will judge the net meanwhile.

# %% slideshow={"slide_type": "skip"}
net, history = train_thing_net(board, run, until=0.7)
print(f"{len(history.losses)} steps, {history.seconds:.0f} s")

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-ap"} tags=["exercise"]
# ## Your turn: `average_precision`
#
# Rank all detections by score. Going down: of those so far, which share was right (**precision**)? Of all things,
# which share was found (**recall**)? At each recall 0.00, 0.01, ... 1.00 take the best precision *still to come*, 0
# beyond the last. The mean of the 101 is COCO's AP. Stuck? `hint("09.ap")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "09-ap", "locked": false, "schema_version": 3, "solution": true, "task": false}
def average_precision(scores, right, things):
    """COCO's AP of one class at one IU.

    scores: (N,), right: (N,) bool, whether each detection has a thing of its own; things: how many there are
    returns: a number from 0 to 1
    """
    ### BEGIN SOLUTION
    right = right[scores.argsort(descending=True, stable=True)]
    hits = right.double().cumsum(dim=0)
    precision, recall = hits / torch.arange(1, len(right) + 1), hits / things
    best = []
    for r in torch.linspace(0, 1, 101, dtype=torch.float64):
        still_to_come = precision[recall >= r - 1e-9]
        best.append(float(still_to_come.max()) if len(still_to_come) else 0.0)
    return sum(best) / 101
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "09-ap-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("09.ap", average_precision)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes; the exercise is for home.* The training comes in three cells of a quarter of a minute,
# where its net is not kept yet: two before this slide, one behind it. Meanwhile do five detections on the board: right,
# wrong, right, right, wrong, of five things. The two steps that are forgotten: ranking, and the best precision that is
# still to come, which turns the saw into a staircase.

# %% slideshow={"slide_type": "skip"}
print(f"after {len(history.losses)} steps: {told(net)}")
net, history = train_thing_net(board, run)

# %% slideshow={"slide_type": "skip"}
print(f"after {len(history.losses)} steps: {told(net)}")

# %% [markdown] slideshow={"slide_type": "skip"}
# The proposals were nearly all there after a third. Boxes and masks gained to the end. (A net that stopped on the way is
# not what a shorter training would have given: there the learning rate would have fallen sooner.)

# %% slideshow={"slide_type": "skip"}
found = evaluate_things(net, board.val)
pairs = [found.pair(index) for index in range(len(scenes))]
record("09.mask_ap50", found.masks.ap50)
record("09.mask_ap75", found.masks.ap75)
record("09.box_ap50", found.boxes.ap50)
print(f"boxes: AP50 {found.boxes.ap50:.2f}, AP75 {found.boxes.ap75:.2f}, AP {found.boxes.ap:.2f}")
print(f"masks: AP50 {found.masks.ap50:.2f}, AP75 {found.masks.ap75:.2f}, AP {found.masks.ap:.2f}")

# %% slideshow={"slide_type": "slide", "name": "found"}
few = sorted(range(len(scenes)), key=lambda index: -sum(together[index]))[:4]
drawings = {}
for index in few:
    drawings[f"{len(truths[index]['boxes'])} things" + " " * len(drawings)] = partial(
        draw_things, image=scenes[index].image, things=truths[index], boxes=False
    )
for index in few:
    sure = int((pairs[index][1]["scores"] >= 0.5).sum())
    drawings[f"{sure} found" + " " * len(drawings)] = partial(
        draw_things, image=scenes[index].image, things=pairs[index][1], surest=0.5
    )
show(
    panels(drawings, f"Things that overlap, found one by one: mask AP50 {found.masks.ap50:.2f}", columns=4, width=12),
    alt="Four scenes with things that overlap, above as they are annotated, below as the net found them, with boxes, masks "
    "and how sure it is of each.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Look for a pair that a label map would have merged. Then for what is wrong: outlines
# that are too smooth, a thing found twice, a small thing missed. Which part of the net would you blame for each?

# %% [markdown] slideshow={"slide_type": "skip"}
# The head draws 14x14 cells for each box (28x28 in the paper, whose things are larger), and these are pasted into the
# picture: every pixel asks at its own centre what the mask says.

# %% slideshow={"slide_type": "slide", "name": "pasted"}
from course_utils.figures import pasted

index, sure = max(
    ((index, place) for index in few for place in range(len(pairs[index][1]["scores"]))),
    key=lambda pair: pairs[pair[0]][1]["scores"][pair[1]],
)
thing = {name: values[sure] for name, values in pairs[index][1].items()}
whole = paste_masks(thing["drawn"][None], thing["boxes"][None], (160, 160))[0]
show(
    pasted(
        scenes[index].image, thing["drawn"], thing["boxes"], whole, "A mask knows nothing of pixels until it is pasted"
    ),
    alt="A mask of 14x14 cells in grey; the same stretched into its box; and the picture with the outline where it is above "
    "one half.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Ask where the half in "above one half" comes from: a sigmoid's 0.5, per pixel. The box's
# corners lie between pixels, and nothing is rounded here either.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ### For those who want more: `paste`
#
# Draw a mask into its box: for each pixel of the picture, read the mask bilinearly at the pixel's centre; outside the
# box it is 0. The cells of the mask fill the box from edge to edge. Stuck? Run `hint("09.paste")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "09-paste", "locked": false, "schema_version": 3, "solution": true, "task": false}
def paste(mask, box, size):
    """A mask in its box in a picture.

    mask: (M, M), 0 to 1; box: x1, y1, x2, y2 in pixels; size: height and width of the picture
    returns: (H, W), 0 to 1
    """
    ### BEGIN SOLUTION
    x1, y1, x2, y2 = box
    x = 2 * (torch.arange(size[1]) + 0.5 - x1) / (x2 - x1) - 1
    y = 2 * (torch.arange(size[0]) + 0.5 - y1) / (y2 - y1) - 1
    grid = torch.stack([x.expand(size[0], -1), y[:, None].expand(-1, size[1])], dim=-1)
    return torch.nn.functional.grid_sample(mask[None, None], grid[None], align_corners=False)[0, 0]
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "09-paste-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("09.paste", paste)

# %% [markdown] slideshow={"slide_type": "slide", "name": "two-aps"}
# ### Add ten false alarms with a score of 0.01. What falls?

# %% [markdown] slideshow={"slide_type": "skip"}
# Cell biology has another number, which lecture 08 called the **matched share**: TP / (TP + FP + FN), of a plain list
# of objects, with no ranking. StarDist, Cellpose and the Data Science Bowl call it average precision as well. Here
# are both on the same detections, in ten scenes, and then with a false alarm more in each, of which the net would be
# sure by 0.01.

# %% slideshow={"slide_type": "fragment"}
alarm = {"boxes": torch.tensor([[0.0, 0.0, 12.0, 12.0]]), "labels": torch.ones(1, dtype=torch.int64)}
alarm |= {"scores": torch.full((1,), 0.01), "drawn": torch.ones(1, 14, 14)}
ten = list(found.found[:10])
more = [{name: torch.cat([seen[name], alarm[name]]) for name in alarm} for seen in ten]
several = {"as found": ten, "ten false alarms more": more}
both = {name: judge_things(found.truths[:10], each, surest=0.0) for name, each in several.items()}
rows = ["| ten scenes, all detections | COCO's mask AP50 | matched share |", "|:--|--:|--:|"]
for name, each in both.items():
    rows.append(f"| {name} | {each.masks.ap50:.3f} | {each.instances.matched_share[0.5]:.3f} |")
display(Markdown("\n".join(rows)))
fell = [each.instances.matched_share[0.5] for each in both.values()]
record("09.matched_share_fell", fell[0] - fell[1])
record("09.ap50_moved", abs(both["as found"].masks.ap50 - both["ten false alarms more"].masks.ap50))

# %% [markdown] slideshow={"slide_type": "skip"}
# COCO's AP looks at the false alarms last, when everything that could be found has been found. The matched share
# takes the list as it is. Neither is wrong: the first asks how well a net **ranks**, the second how good a **result**
# is, and whoever reports the second has to choose from which score on a detection counts. Never put one beside the
# other.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask for a vote first: both fall, one falls, none. Then: which of the two would you
# use to choose a detector for a car, which for a count of cells that goes into a paper?

# %% [markdown] slideshow={"slide_type": "skip"}
# And your function on all that the net has found? First each detection must be judged: best first, it takes the free
# thing that it overlaps most, if that is enough.


# %% slideshow={"slide_type": "skip"}
def judged_one_by_one(true, seen, least):
    """The scores of a scene's detections, and whether each has a thing of its own, which it overlaps by at least so much."""
    drawn, known = seen["masks"].flatten(1).float(), (true["masks"] > 0).flatten(1).float()
    shared = drawn @ known.T
    free, right = shared / (drawn.sum(dim=1)[:, None] + known.sum(dim=1) - shared), []
    for row in range(len(free)):
        best = int(free[row].argmax())
        right.append(bool(free[row, best] >= least))
        if right[-1]:
            free[:, best] = 0  # taken
    return seen["scores"], torch.tensor(right, dtype=torch.bool)


# %% slideshow={"slide_type": "slide", "name": "precision-recall"}
from course_utils.figures import precision_recall

GRADES = {"found, IU from 0.5": 0.5, "drawn well, IU from 0.75": 0.75}
curves, areas = {}, []
things = sum(len(true["boxes"]) for true, _ in pairs)
for name, least in GRADES.items():
    ranked = [judged_one_by_one(true, seen, least) for true, seen in pairs]
    scores, right = (torch.cat(each) for each in zip(*ranked, strict=True))
    hits = right[scores.argsort(descending=True, stable=True)].double().cumsum(dim=0)
    curves[name] = hits / things, hits / torch.arange(1, len(hits) + 1)
    areas.append(average_precision(scores, right, things))
title = f"Your AP: {areas[0]:.2f} at IU 0.5, {areas[1]:.2f} at 0.75 (the library: {found.masks.ap50:.2f}, {found.masks.ap75:.2f})"
show(
    precision_recall(curves, title),
    alt="Precision over recall for masks that overlap a thing by at least 0.5, and by at least 0.75; the second falls sooner.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* The thin line is what happens down the ranking, the thick one the best that is still to
# come; AP is the area under it. Between the two curves lies what a better outline would bring.

# %% [markdown] slideshow={"slide_type": "slide", "name": "which-question"}
# ## 6. Which of the two for your pictures?
#
# **A label map and a watershed** (lecture 08), or **Mask R-CNN**?
#
# - stickers that overlap, all of one class
# - long nuclei that touch, side by side on the diagonal
#
# **Guess** for both: who merges, who suppresses?

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Collect guesses for each board, with a reason. The watershed needs a dark line, or an
# unsure one, between two things; Mask R-CNN needs boxes that do not overlap too much.

# %% [markdown] slideshow={"slide_type": "skip"}
# Before any net is trained, ask the **rules** alone. Give the watershed's way a perfect label map, and count what
# lies in one region with another. Give non-maximum suppression the perfect boxes, and count whom it suppresses.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
from dataclasses import replace

from course_utils.models import nms
from course_utils.training import ThingPictures

rods = {split: ThingPictures(load("rods", split, images=120)) for split in ("train", "val")}
boards = {"stickers": board, "rods": replace(board, pictures=rods)}
print("of perfect answers        merged by one region   suppressed at 0.3   at 0.5")
for name, each in boards.items():
    things = [target_of(*item[1:])["boxes"] for item in each.val]
    count = sum(map(len, things))
    merged = sum(where.count(one) > 1 for item in each.val for where in [regions_of(item[1])[1]] for one in where)
    gone = [sum(len(some) - len(nms(some, torch.ones(len(some)), at)) for some in things) for at in (0.3, 0.5)]
    print(f"{name:10}{count:4} things{merged / count:21.0%}{gone[0] / count:20.0%}{gone[1] / count:9.0%}")
    record(f"09.suppressed_{name}", gone[0] / count)

# %% [markdown] slideshow={"slide_type": "skip"}
# Now with nets. The Mask R-CNN of the stickers is there; the rods need one of their own, in two halves.

# %% slideshow={"slide_type": "skip"}
EPOCHS = {"stickers": len(history.epochs), "rods": run.pick(quick=6, full=24)}
_, rods_history = train_thing_net(boards["rods"], run, until=0.5, epochs=EPOCHS["rods"])
print(f"{len(rods_history.losses)} steps, {rods_history.seconds:.0f} s")

# %% slideshow={"slide_type": "skip"}
rods_net, rods_history = train_thing_net(boards["rods"], run, epochs=EPOCHS["rods"])
rods_net.overlap = 0.3
at_03 = evaluate_things(rods_net, boards["rods"].val)
rods_net.overlap = 0.5
by_boxes = {"stickers": (history, found), "rods": (rods_history, evaluate_things(rods_net, boards["rods"].val))}

# %% [markdown] slideshow={"slide_type": "skip"}
# And the other way. Both stand on the same kept maps, brought to one map at stride 8 by the same FPN. One goes on with boxes.
# The other goes on **up**, by three transposed convolutions, to a label map of thing or background, with lecture 08's
# gaps and border weights, and a watershed behind it. A step of it costs about two fifths of the other's, so it takes two
# and a half times as many: both get the same time.

# %% slideshow={"slide_type": "skip"}
from torch import nn
from torch.utils.data import TensorDataset
from course_utils.inference import instances_from_foreground
from course_utils.losses import border_weights, separated, WeightedCrossEntropy
from course_utils.metrics import score_instances
from course_utils.training import Settings, train_or_load


class LabelMap(nn.Module):
    """The Mask R-CNN's features, and a way up to thing or background in every pixel."""

    def __init__(self, features, width=64):
        super().__init__()
        self.features, steps = features, []
        for before, after in ((width, 32), (32, 16), (16, 8)):
            steps += [nn.ConvTranspose2d(before, after, kernel_size=2, stride=2), nn.ReLU()]
        self.up = nn.Sequential(*steps, nn.Conv2d(8, 2, kernel_size=3, padding=1))

    def forward(self, inputs):
        return self.up(self.features(inputs)[0])


# %% slideshow={"slide_type": "skip"}
def weighted(kept):
    """For each scene its maps, thing or background with gaps between neighbours, and border weights."""
    apart = torch.stack([separated(instances) for _, instances, _ in kept])
    weights = torch.stack([border_weights(each, class_weights=(1, 1)) for each in apart])
    return TensorDataset(kept.maps, (apart > 0).long(), weights)


def label_maps(name, until=None):
    """A label map and a watershed on a board: the training's history so far, and a label image for each scene in val."""
    each, epochs = boards[name], 2.5 * EPOCHS[name]
    torch.manual_seed(SEED)
    up = LabelMap(each.net(SEED).features)
    settings = Settings(epochs=epochs, batch=4, lr=3e-3, warm_up=0.2, batch_norm="keep", seed=SEED)
    options = {"until": until, "device": run.device, "progress": False}
    history = train_or_load("label_map", up, lessons[name], WeightedCrossEntropy(), settings, **options)
    with torch.no_grad():
        said = up(torch.stack([item[0] for item in each.val]).to(run.device)).softmax(dim=1)[:, 1].cpu()
    return history, [instances_from_foreground(probability, seed=0.8) for probability in said]


# %% slideshow={"slide_type": "skip"}
lessons = {name: weighted(each.train) for name, each in boards.items()}


def mistakes(name, trained):
    """How many things of a board a label map and a watershed get wrong, by kind."""
    scored = score_instances(zip([item[1] for item in boards[name].val], trained[1], strict=True))
    return {kind: getattr(scored, kind) for kind in ("merged", "split", "missed")}


# %% slideshow={"slide_type": "skip"}
by_map = {"rods": label_maps("rods")}
print("rods:", mistakes("rods", by_map["rods"]))

# %% [markdown] slideshow={"slide_type": "skip"}
# The stickers' takes longer, so it stops twice on the way, as the other net did. **Guess** what a longer training mends
# most: what is merged, what is split, or what is missed?

# %% slideshow={"slide_type": "skip"}
early = mistakes("stickers", label_maps("stickers", until=0.4))
print("stickers, after 40 % of the steps:", early)

# %% slideshow={"slide_type": "skip"}
print("stickers, after 80 %:", mistakes("stickers", label_maps("stickers", until=0.8)))

# %% slideshow={"slide_type": "skip"}
by_map["stickers"] = label_maps("stickers")
late = mistakes("stickers", by_map["stickers"])
print("stickers, after all:", late)
mended = {kind: early[kind] - late[kind] for kind in early}
most = max(mended, key=mended.get)
print(f"mended most: what is {most}, {early[most]} before, {late[most]} now" if mended[most] > 0 else "none was mended")

# %% slideshow={"slide_type": "skip"}
answers = {}
for name, each in boards.items():
    truth_maps = [item[1] for item in each.val]
    answers[name, "label map, watershed"] = score_instances(zip(truth_maps, by_map[name][1], strict=True))
    answers[name, "Mask R-CNN"] = by_boxes[name][1].instances
answers["rods", "Mask R-CNN, NMS at 0.3"] = at_03.instances
print(f"{'':34}matched share   merged   split   missed   of")
for (name, way), scored in answers.items():
    print(
        f"{name:10}{way:24}{scored.matched_share[0.5]:13.2f}{scored.merged:9}{scored.split:8}{scored.missed:9}{scored.cells:5}"
    )
    record(
        f"09.matched_{name}_{'map' if way.startswith('label') else 'boxes_03' if '0.3' in way else 'boxes'}",
        scored.matched_share[0.5],
    )
for name in boards:
    seconds = by_boxes[name][0].cpu_seconds, by_map[name][0].cpu_seconds
    print(f"{name}: {seconds[0]:.0f} s of processor time for Mask R-CNN, {seconds[1]:.0f} s for the label map")

# %% slideshow={"slide_type": "slide", "name": "which"}
from course_utils.figures import draw_merged

drawings = {}
for name, each in boards.items():
    index = crowd if name == "stickers" else 0
    seen, true = each.pictures["val"][index][0], each.val[index][1]
    boxes_say = label_image(by_boxes[name][1].pair(index)[1], surest=0.5).numpy()
    drawings[f"{name}, true"] = partial(draw_instances, image=seen, labels=true)
    other = " " * len(drawings)  # the same words name another panel
    drawings["watershed" + other] = partial(draw_merged, image=seen, truth=true, prediction=by_map[name][1][index])
    drawings["boxes" + other] = partial(draw_merged, image=seen, truth=true, prediction=boxes_say)
shares = {key: scored.matched_share[0.5] for key, scored in answers.items()}
winner = {name: max(("label map, watershed", "Mask R-CNN"), key=lambda way: shares[name, way]) for name in boards}
numbers = "; ".join(
    f"{name} {shares[name, 'label map, watershed']:.2f} and {shares[name, 'Mask R-CNN']:.2f}" for name in boards
)
show(
    panels(drawings, f"Matched share, watershed and boxes: {numbers}", columns=3, width=10),
    alt="A scene of stickers and one of rods, each as it is annotated, as the watershed cuts it, with merged things hatched, "
    "and as Mask R-CNN finds it.",
)

# %% slideshow={"slide_type": "skip"}
ahead = {
    name: answers[name, "Mask R-CNN"].matched_share[0.5] - answers[name, "label map, watershed"].matched_share[0.5]
    for name in boards
}
record("09.boxes_ahead_on_stickers", ahead["stickers"])
record("09.map_ahead_on_rods", -ahead["rods"])
for name, way in winner.items():
    print(f"{name}: {way} is ahead")
lost = answers["rods", "Mask R-CNN"].matched_share[0.5] - answers["rods", "Mask R-CNN, NMS at 0.3"].matched_share[0.5]
print(f"rods: suppression at 0.3 costs Mask R-CNN {lost:.2f} of matched share against 0.5")
if len(set(winner.values())) == 1:
    print(
        "So on this day one of the two was ahead on both boards, and the guess of many, that each wins once, was wrong."
    )

# %% [markdown] slideshow={"slide_type": "skip"}
# Read the columns of mistakes, not only the first. Two of them belong to the rules: a label map **merges**, because where
# two things of one class overlap there is no gap to be found, whatever the loss says; boxes **miss**, because what NMS
# has suppressed is never drawn. The third is the map's own: where it is unsure in the middle of a large thing, two
# seeds grow in it, and the watershed **splits** it. Look at the three stops again: what was missed at first may be found
# later, and still in pieces.
#
# So look at your own pictures and ask two questions. Do things of one class overlap, so that one hides a part of the
# other? Then boxes. Do long things lie side by side, so that their boxes overlap more than they do? Then a label map with
# border weights, or a net like StarDist, which suppresses by shape; or at least another threshold.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Count mistakes with the room before you give the numbers: hatched things are merged,
# bare ones are missed. Both had about the same processor time; the notebook prints it, and what more of it mends: the
# label map's training stops twice. What is merged, no training mends: even a perfect label map shows many things as one.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Five questions before you go
#
# Open the wrong choices too: each says what it mixes up.

# %% slideshow={"slide_type": "skip"} tags=["quiz"]
quiz("09")

# %% [markdown] slideshow={"slide_type": "slide", "name": "summary"} tags=["summary"]
# ## What to take along
#
# - Things have no order, so numbers cannot be classes: find boxes first.
# - A thing that no proposal covers is lost.
# - RoIAlign reads between cells; rounding costs masks most.
# - In a box there is one question left: this thing, or not.
# - COCO's AP ranks, the matched share counts.
# - A label map merges what overlaps; boxes suppress what lies side by side.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let the room say the six before you read them. Then the quiz in the notebook: alone
# first, then with a neighbour. Lecture 10 takes their own pictures.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["reading"]
# ## What to read next
#
# - [Mask R-CNN](https://arxiv.org/abs/1703.06870), section 3 and Table 2: each row is one of today's experiments.
# - [Faster R-CNN](https://arxiv.org/abs/1506.01497), section 3.1, for anchors; [Feature Pyramid
#   Networks](https://arxiv.org/abs/1612.03144), section 4.
# - [Proper reuse of image classification features improves object detection](https://arxiv.org/abs/2204.00484):
#   frozen backbones.
# - [Cell detection with star-convex polygons](https://arxiv.org/abs/1806.03535) (StarDist): what to do where boxes
#   overlap
#   more than cells do.
#
# Emoji: Twemoji (CC BY 4.0), OpenMoji (CC BY-SA 4.0); the nuclei come with the package `stardist` (BSD 3-Clause).
