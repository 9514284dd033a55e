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
# # U-Net from scratch
#
# ![The U-Net, drawn from its module: boxes for maps, down on the left, up on the right, arrows across.](attachment:cover.jpg)
#
# Thousands of cells, packed wall to wall, and few labelled pictures.
#
# The FCN's idea of skips, and nearly everything else about them changed.

# %% [markdown] slideshow={"slide_type": "skip"}
# It is 2015, a few months after the FCN, and a group in Freiburg has such pictures from its microscopes. The net that
# came of it has been drawn on more blackboards than any other, in the shape of a letter.
#
# In this lecture you build it, layer by layer, and check each part against the paper.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask who has used a U-Net; in most rooms somebody has. Ask them how large an answer the
# original gives for a picture of 512x512. Usual answer: 512x512. The right one: none, it refuses. Leave it open;
# section 2 settles it.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["objectives"]
# ## In 60 minutes you will be able to
#
# - say with numbers why an FCN's skips were not enough for cells,
# - compute by hand which pictures a U-Net takes and how large its answer is,
# - write the net: double convolution, crop, step up, and the whole U,
# - start it so that what went through the bottom still matters, and see what happens otherwise,
# - run it over a picture of any size without a seam, and say why 384 and not 388.

# %% slideshow={"slide_type": "skip"} tags=["parameters"]
PROFILE = "quick"  # "quick": a narrow net on a CPU; "full": the paper's width, on a GPU
DEVICE = "auto"  # "auto", "cpu", "cuda" or "mps"
SEED = 0
DATASET = "nuclei"  # "nuclei": the picture that comes with stardist

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
from skimage.measure import label
import torch
from torch import nn
from tqdm import tqdm
from course_utils.data import load, mirror_pad, nuclei
from course_utils.models import centre_crop, context, incoming, legal_sizes, parameters_in, UNet, walk
from course_utils.models.unet import output_size
from course_utils.losses import CrossEntropy
from course_utils.inference import at_once, overlap_tile, read_tile
from course_utils.training import overfit_one_batch, Settings, train_or_load
from course_utils.figures import learning_curves, merged_cells, seams, show, signals, tile_on_picture, unet_drawing
from course_utils.exercises import check, quiz
from course_utils.course import begin, choose, record

run = begin(PROFILE, DEVICE, SEED)

# %% [markdown] slideshow={"slide_type": "slide", "name": "why"}
# ## 1. Why were the skips of an FCN not enough?
#
# 125 real nuclei, some twenty pixels wide. Say a net knew the truth, and had to say it on a grid of 8x8 pixels, as an
# FCN-8s does.
#
# **Guess:** how many of the cells could you still count?

# %% [markdown] slideshow={"slide_type": "skip"}
# Each of them was outlined by hand. An FCN-8s makes its last decision on cells of 8x8 pixels, and a nucleus is more
# than twice as wide: that should do, should it not?

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Collect guesses; most say 100 or more of 125. Lecture 05 ended with the question where
# a 4s or a 1s would pay.

# %% slideshow={"slide_type": "skip"}
image, labels = choose(DATASET, {"nuclei": nuclei})()
cells = len(labels.unique()) - 1
grey = image[:1] / 255
print(f"{cells} nuclei on {grey.shape[-1]}x{grey.shape[-2]} pixels; half of them are smaller than")
sizes = labels[labels > 0].unique(return_counts=True)[1].double()
print(f"{sizes.median():.0f} pixels, a circle {2 * (sizes.median() / torch.pi).sqrt():.0f} pixels across")

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
from torch.nn import functional
from course_utils.losses import separated
from course_utils.metrics import object_mistakes

apart = separated(labels)  # a background pixel between cells that touch, so that they can be told apart at all
foreground = (apart > 0)[None, None].float()
lost, iu, counted = {}, {}, {}
for stride in (16, 8, 4, 2, 1):
    on_grid = functional.avg_pool2d(foreground, stride)  # the share of foreground in each cell of the grid
    back = functional.interpolate(on_grid, size=apart.shape, mode="bilinear")[0, 0] > 0.5
    counted[stride] = torch.from_numpy(label(back.numpy(), connectivity=1))
    mistakes = object_mistakes(labels, counted[stride])
    lost[stride] = len(set(mistakes.merged + mistakes.missed)) / cells
    iu[stride] = (back & (apart > 0)).sum().item() / (back | (apart > 0)).sum().item()
    print(f"grid of {stride:2}: IU {iu[stride]:.2f}, {lost[stride]:4.0%} of the cells merged or missed")

# %% slideshow={"slide_type": "slide", "name": "grid-of-8"}
record("07.lost_on_grid_8", lost[8])
corner = (slice(0, 150), slice(0, 150))
show(
    merged_cells(
        image[:, *corner],
        {"the truth": apart[corner], "the truth on a grid of 8×8": counted[8][corner]},
        lost,
        iu,
        f"On a grid of 8×8 even the truth loses {lost[8]:.0%} of its cells, at an IU of {iu[8]:.2f}",
    ),
    alt="Left, a corner of the picture with each nucleus in a colour of its own; next to it the same after a grid of 8x8 "
    "pixels, where neighbours have grown together. Right, over ever finer grids, the IU of the foreground rises early, "
    "while the share of merged or missed cells falls late, and reaches zero on full resolution only.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* This is the best that any net with a grid of 8x8 could do. Cover the red curve and ask
# whether they would publish the blue one. What separates two cells is a line one or two pixels wide: it has to be drawn
# at full resolution.

# %% [markdown] slideshow={"slide_type": "skip"}
# This is the best that *any* net with a grid of 8x8 could do. Its IU looks like success; whoever has to count cells
# would disagree. What separates two cells is a line one or two pixels wide. So:
#
# - the answer must be made **at full resolution**, not enlarged to it;
# - the fine maps must bring more than a score each. An FCN's skip squeezes a map into one number a class and *adds* it.
#   U-Net lays **all channels** of the fine map beside those from below, and lets convolutions combine them;
# - and that on **every level**, with as many channels on the way up as on the way down. The paper's introduction names
#   this as the change that matters: context travels up to the fine maps in many channels, not in two.

# %% [markdown] slideshow={"slide_type": "slide", "name": "concatenate"}
# ### An FCN's skip adds a score; U-Net's skip brings every channel
#
# - the answer is made **at full resolution**, not enlarged to it,
# - **all channels** of the fine map are laid beside those from below, and convolved together,
# - on **every level**, with as many channels on the way up as on the way down.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* The paper's introduction names this as the change that matters: context travels up to
# the fine maps in many channels. If somebody remembers `one_convolution` from lecture 05: concatenating and one 1x1
# convolution is the same as adding two scores. What makes the difference is that the convolutions after the
# concatenation are not linear, and see 3x3.

# %% [markdown] slideshow={"slide_type": "slide", "name": "sizes"}
# ## 2. How large is its answer?
#
# | level | comes in | after two 3x3 convolutions | pooled by 2 |
# |---|---|---|---|
# | 0 | 572 | ? | ? |
# | 1 | ? | ? | ? |
# | 2 | ? | ? | ? |
# | 3 | ? | ? | ? |
# | 4, the bottom | ? | ? | |
#
# Then four times up: doubled, and two convolutions more. **What comes out?**

# %% [markdown] slideshow={"slide_type": "skip"}
# On every level the U-Net convolves twice, 3x3 and **valid**: without padding, so that no value is made of invented
# zeros. Each convolution costs a pixel on every side. Then 2x2 pooling halves the map. Take pen and paper, and fill the
# table. What happens on the way if you begin with 512 instead?

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
for size in (572, 512):
    sides = [step.size for step in walk(size) if step.operation != "crop"]
    print(f"{size}:", " ".join(map(str, sides)))
try:
    output_size(512)
except ValueError as error:
    print(error)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* All convolutions are valid: each costs a pixel on every side. Give them three minutes,
# and let one student fill the table on the board. Then ask what happens with 512: it breaks on level 2, where 121
# cannot be halved. Ask what torch would do: drop a row without a word, and the crop would be off by half a pixel. This
# is why our net refuses.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Figure 1, from the module
#
# The drawing below is not copied from the paper. It runs the course's `UNet()` and asks every layer what it was given
# and what it made of it. Read it along the arrows, and compare with your table. **What is the hatched part for?**

# %% [markdown] slideshow={"slide_type": "slide", "name": "figure-1"}
# ### Figure 1 of the paper, drawn from the module: 572 in, 388 out

# %% slideshow={"slide_type": "-"}
papers_net = UNet()
layers = [part for part in papers_net.modules() if isinstance(part, nn.Conv2d | nn.ConvTranspose2d)]
title = f"572 in, {output_size(572)} out: {len(layers)} convolutions cut off {context()} pixels"
show(
    unet_drawing(papers_net, 572, title),
    slides=[unet_drawing(papers_net, 572, step=step) for step in (1, 5, 9, 10)],
    alt="Figure 1 of the U-Net paper, drawn from the module: boxes for maps in the shape of a U. Left, five levels down, "
    "from 572 to 28 pixels and from 1 to 1024 channels; right, four levels up to 388 pixels and 2 classes. Arrows across "
    "bring the middle of each left map to the right side, where it makes half of the channels.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* The drawing is not copied: it runs the module and asks every layer what it was given
# and what it made of it. Read it along the arrows and compare with the table. The hatched part is what the crop cuts
# off: places for which nothing came up from the bottom.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
print(f"{len(layers)} convolutions, {parameters_in(papers_net, deconvolutions=True):,} parameters")
print("legal sides:", *legal_sizes(0, 301), "...", *legal_sizes(540, 600))
print(f"each is 12 more than a multiple of 16, and {context()} larger than its answer")

# %% [markdown] slideshow={"slide_type": "skip"}
# Why these? Walk **up** from the bottom: a map of $b$ pixels there was $2b$ before it was pooled, and $2b + 4$ before
# it was convolved. Four times over, that makes $16\,b + 60$, and 60 is 12 more than a multiple of 16. The loss of 184:
# on level $i$ a pixel is $2^i$ pixels of the picture wide, and 4 such pixels are lost on the way down and 4 on the way
# up, at the bottom 4 once: $8 \cdot (1 + 2 + 4 + 8) + 4 \cdot 16 = 184$.
#
# So why 572? It is legal, and it is large: the paper prefers one large tile to a batch of small ones (section 3),
# since 184 pixels of context are paid for each tile, whatever its size. 556 or 588 would have done as well.

# %% slideshow={"slide_type": "skip"}
for size in (188, 252, 380, 572, 1020):
    answer = output_size(size)
    print(f"{size:5} in, {answer:4} out: {answer**2 / size**2:4.0%} of what the net computes on is answered")

# %% [markdown] slideshow={"slide_type": "slide", "name": "every-other-u"}
# ### Which other sizes are legal, and why 572?

# %% [markdown] slideshow={"slide_type": "skip"}
# Other papers halve three times, or five, and most of today's code pads its convolutions. Move the size by one pixel
# and see where the net stops. **Before you try:** is there a depth at which a valid net takes 512? What does padding
# change about the legal sizes, and what does it cost?

# %% slideshow={"slide_type": "-"}
from course_utils.widgets import explore, unet_size

explore(unet_size())

# %% [markdown] slideshow={"slide_type": "skip"}
# Each further level doubles the distance between legal sizes and more than doubles the context that is lost. A padded
# net loses none and takes every multiple of $2^{depth}$: the price is that all maps near the edge are made of zeros
# that nobody has seen under the microscope.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Walk up from the bottom: b pixels there were 2b before the pooling and 2b + 4 before
# the convolutions; four times over that makes 16b + 60, and 60 is 12 more than a multiple of 16. 572 is legal and
# large: 184 pixels of context are paid for each tile, whatever its size. Move the depth and the size in the explorer;
# ask for a depth at which a valid net takes 512, and what padding changes.

# %% [markdown] slideshow={"slide_type": "slide", "name": "build"}
# ## 3. Build it: four parts, each a few lines
#
# 1. `DoubleConvolution`: 3x3, ReLU, 3x3, ReLU, no padding
# 2. `crop`: the middle of a map
# 3. `UpStep`: double, crop the skip, lay **the skip first**, convolve twice
# 4. `MyUNet`: down and keep, the bottom, up with the skips in reverse, a 1x1 score

# %% [markdown] slideshow={"slide_type": "skip"}
# Every part uses the one before. Keep Figure 1 in sight.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 18 minutes.* The heart of the lecture. In class, do the double convolution and the crop together,
# let them write `UpStep` in pairs, and assemble the net on the screen from what they call out. Three mistakes come
# every year: the skip is kept after pooling; the skips are used in the order in which they were kept; layers stand in a
# plain list and the optimiser never sees them. Each has its own message.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## Your turn: `DoubleConvolution`
#
# Two 3x3 convolutions without padding, a ReLU after **each**. The first goes from `channels` to `width`, the second
# stays at `width`. Stuck? Run `hint("07.double_convolution")` in a new cell (`from course_utils.exercises import
# hint`).


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "07-double_convolution", "locked": false, "schema_version": 3, "solution": true, "task": false}
class DoubleConvolution(nn.Module):
    """Two blue arrows of Figure 1.

    maps: (N, channels, H, W)
    returns: (N, width, H - 4, W - 4)
    """

    def __init__(self, channels, width):
        super().__init__()
        ### BEGIN SOLUTION
        self.first = nn.Conv2d(channels, width, kernel_size=3)
        self.second = nn.Conv2d(width, width, kernel_size=3)
        ### END SOLUTION

    def forward(self, maps):
        ### BEGIN SOLUTION
        return self.second(self.first(maps).relu()).relu()
        ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "07-double_convolution-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("07.double_convolution", DoubleConvolution)

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## Your turn: `crop`
#
# The map on the left is larger than the one that comes up on the right: 64 against 56 on level 3, 568 against 392 at
# the top. Cut the left one to a given height and width and keep its **middle**. All differences in a legal net are
# even. Stuck? Run `hint("07.crop")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "07-crop", "locked": false, "schema_version": 3, "solution": true, "task": false}
def crop(skip, height, width):
    """The middle of a map.

    skip: (N, C, H, W), at least height x width
    returns: (N, C, height, width)
    """
    ### BEGIN SOLUTION
    top, left = (skip.shape[-2] - height) // 2, (skip.shape[-1] - width) // 2
    return skip[..., top : top + height, left : left + width]
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "07-crop-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("07.crop", crop)

# %% [markdown] slideshow={"slide_type": "skip"}
# ### What is an up-convolution?
#
# Lecture 03's transposed convolution with a kernel of 2 and a stride of 2. The kernel is as wide as the stride, so the
# squares that it writes lie side by side: **each pixel becomes a 2x2 square of its own**, and no two overlap. It also
# halves the channels. Below one pixel of four is bright. Which pixels of the result know of it?

# %% slideshow={"slide_type": "skip"} tags=["show-code", "nbval-check-output"]
up = nn.ConvTranspose2d(2, 1, kernel_size=2, stride=2, bias=False)
with torch.no_grad():
    up.weight.copy_(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]], [[[0.0, 0.0], [0.0, 0.0]]]]))
    maps = torch.zeros(1, 2, 2, 2)
    maps[0, 0, 0, 1] = 10
    print(up(maps)[0, 0])

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## Your turn: `UpStep`
#
# One level of the way up. `maps` come from below with `2 * width` channels; `skip` comes from the left with `width`.
# Upsample (2x2, stride 2, half the channels, no ReLU), crop the skip, lay both beside each other, **the skip first**,
# and convolve twice down to `width` channels. Use your `crop` and your `DoubleConvolution`. Stuck? Run
# `hint("07.up_step")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "07-up_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
class UpStep(nn.Module):
    """A green arrow of Figure 1, the black one that meets it, and the two blue ones after.

    maps: (N, 2 * width, h, w)
    skip: (N, width, H, W), at least 2h x 2w
    returns: (N, width, 2h - 4, 2w - 4)
    """

    def __init__(self, width):
        super().__init__()
        ### BEGIN SOLUTION
        self.up = nn.ConvTranspose2d(2 * width, width, kernel_size=2, stride=2)
        self.convolve = DoubleConvolution(2 * width, width)
        ### END SOLUTION

    def forward(self, maps, skip):
        ### BEGIN SOLUTION
        maps = self.up(maps)
        return self.convolve(torch.cat([crop(skip, *maps.shape[-2:]), maps], dim=1))
        ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "07-up_step-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("07.up_step", UpStep)

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## Your turn: `MyUNet`
#
# Now the whole letter. Level i has `width * 2**i` channels. Down: convolve, **keep the map**, pool. At the bottom:
# convolve once more, then dropout with probability 0.5 (the paper: "at the end of the contracting path"). Up: one
# `UpStep` a level, each with the skip of its own level. At last a 1x1 convolution scores the classes: logits, no
# softmax. `nn.ModuleList` holds layers so that torch finds them. Stuck? Run `hint("07.assemble")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "07-assemble", "locked": false, "schema_version": 3, "solution": true, "task": false}
class MyUNet(nn.Module):
    """Images (N, channels, H, W) -> logits (N, classes, h, w), in sizes as computed above."""

    def __init__(self, channels=1, classes=2, width=64, depth=4):
        super().__init__()
        ### BEGIN SOLUTION
        widths = [width * 2**level for level in range(depth)]
        self.down = nn.ModuleList(map(DoubleConvolution, [channels, *widths], widths))
        self.bottom = DoubleConvolution(widths[-1], 2 * widths[-1])
        self.up = nn.ModuleList(map(UpStep, reversed(widths)))
        self.pool, self.dropout = nn.MaxPool2d(2), nn.Dropout(0.5)
        self.score = nn.Conv2d(width, classes, kernel_size=1)
        ### END SOLUTION

    def forward(self, images):
        ### BEGIN SOLUTION
        maps, skips = images, []
        for convolve in self.down:
            skips.append(convolve(maps))
            maps = self.pool(skips[-1])
        maps = self.dropout(self.bottom(maps))
        for step in self.up:
            maps = step(maps, skips.pop())
        return self.score(maps)
        ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "07-assemble-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("07.assemble", MyUNet)

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-own"}
# ### Your own net, drawn from what you wrote

# %% slideshow={"slide_type": "-"}
mine = MyUNet()
count = parameters_in(mine, deconvolutions=True)
title = f"Your own net: {count / 1e6:.2f} million parameters, as the paper's"
show(
    unet_drawing(mine, 572, title),
    slides=[unet_drawing(mine, 572)],
    alt="The same drawing as before, now made from the net that the student assembled.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# The drawing follows whatever your module does. If a box is missing or a number differs from Figure 1, you see where.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* The drawing follows whatever the module does: if a box is missing or a number differs
# from Figure 1, one sees where. The library's `UNet` has the same parts, with padding as an option.

# %% [markdown] slideshow={"slide_type": "slide", "name": "start"}
# ## 4. Does the bottom hear anything at first?
#
# 23 convolutions, and nothing on the way normalises. The paper (section 3) draws the weights from
#
# $$w \sim \mathcal{N}\left(0, \sqrt{2 / N}\right)$$
#
# $N$: how many values a weight's sum runs over. **Guess the curve of $\mathcal{N}(0, 1)$, of torch's default, of the
# paper's.**

# %% [markdown] slideshow={"slide_type": "skip"}
# If each of these convolutions makes the values a little smaller or larger, what is left at the end? That formula is
# all the paper says about it. For a 3x3 convolution of 64 channels $N$ is $9 \cdot 64 = 576$. A sum of $N$ terms has
# $N$ times the variance of one; the ReLU throws half of it away; $2 / N$ makes up for both.
#
# We send **two different** parts of the picture through the paper's net and measure, after each layer, how far apart
# their maps still are.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* A sum of N terms has N times the variance of one; the ReLU throws half of it away; 2 /
# N makes up for both. We send two different parts of the picture through the net and measure after each layer how far
# apart they still are. Let them draw three curves on paper. Nearly all know that N(0, 1) explodes.

# %% slideshow={"slide_type": "skip"}
two = torch.stack([grey[:, :188, :188], grey[:, 188:376, 188:376]])
STARTS = {
    "N(0, 1)": lambda layer: (layer.weight.normal_(), layer.bias.zero_()),
    "torch's default": lambda layer: layer.reset_parameters(),
    "N(0, √(2/N))": lambda layer: (layer.weight.normal_(0, (2 / incoming(layer)) ** 0.5), layer.bias.zero_()),
}


# %% slideshow={"slide_type": "skip"} tags=["show-code"]
@torch.no_grad()
def start(net, draw):
    """Draw all weights of a net anew, in the way that is named."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            draw(layer)
    return net


def differences(net):
    """After each layer: the spread of what differs between the maps of the two pictures."""
    found = []
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.register_forward_hook(lambda _, given, made: found.append((made[0] - made[1]).double().std().item()))
    with torch.no_grad():
        net.eval()(two)
    return found


# %% slideshow={"slide_type": "slide", "name": "signals"}
spreads = {name: differences(start(UNet(), draw)) for name, draw in STARTS.items()}
kinds = [step.operation for step in walk(188) if step.operation in ("convolve", "up", "score")]
default, papers = spreads["torch's default"], spreads["N(0, √(2/N))"]
bottom = kinds.index("up") - 1
record("07.difference_left_papers", min(papers) / papers[0])
record("07.difference_left_default", default[bottom] / default[0])
show(
    signals(
        spreads,
        kinds,
        f"At the bottom 1 part in {default[0] / default[bottom]:,.0f} is left by torch's default, {papers[bottom] / papers[0]:.0%} by the paper's",
    ),
    alt="How far two pictures' maps are apart after each of 23 layers, logarithmic. With N(0, 1) it grows by twenty to a "
    "hundred times a layer, to more than 10 to the 29. With torch's default it falls to a few millionths at the bottom "
    "and jumps up at each joint. With N(0, root of 2/N) it stays between 0.1 and 1 throughout.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# - $\mathcal{N}(0, 1)$ multiplies by about $\sqrt{N/2}$ a layer. The logits have some thirty digits; no learning
#   rate is right for that.
# - **torch's default** draws from a range with variance $1/(3N)$, a sixth of the paper's. Nothing overflows and nothing
#   warns. But each layer passes on $\sqrt{1/6} = 0.4$ of the differences. At every joint (right of a dotted line) the curve
#   jumps back up: **only what comes over the skip is heard**. The net begins as a shallow one.
# - **The paper's** keeps the scale from the first layer to the last. Every level speaks from the first step on.
#
# For an up-convolution we take $N$ as its number of channels: its 2x2 windows do not overlap, so each value sees one
# pixel. PyTorch's `kaiming_normal_` computes another number for that layer.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Hardly anyone expects the default to fall by orders of magnitude. Its variance is a
# sixth of the paper's, and each layer passes on 0.4 of the differences. Ask why its curve jumps at the joints: only
# what comes over the skip is heard. Ask what a batch norm would do to all three curves: make them alike. The paper came
# out in the year of batch norm and has none.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### And after some steps of training?
#
# Lecture 04's test: one batch, learned by heart. The same net, the same order, three ways to start.

# %% slideshow={"slide_type": "skip"}
batch = torch.stack([grey[:, :252, :252], grey[:, 160:412, 160:412]])  # 252 is legal, and 68 of it are answered
truth = centre_crop(torch.stack([labels[:252, :252], labels[160:412, 160:412]]) > 0, 68, 68).long()
histories, ends = {}, {}
for name, draw in STARTS.items():
    torch.manual_seed(SEED)
    fresh = start(UNet(width=8), draw)
    _, histories[name] = overfit_one_batch(fresh, batch, truth, CrossEntropy(), steps=30, lr=2e-3, device=run.device)
    ends[name] = histories[name].losses[-1]
    print(f"{name:16} loss {histories[name].losses[0]:9.3g} at first, {ends[name]:9.3g} in the end")

# %% slideshow={"slide_type": "slide", "name": "by-heart"}
papers_end, default_end = ends["N(0, √(2/N))"], ends["torch's default"]
record("07.loss_by_heart_papers", papers_end)
record("07.loss_by_heart_default", default_end)
known = {name: history for name, history in histories.items() if name != "N(0, 1)"}
show(
    learning_curves(known, f"By heart after 30 steps: the paper's start {papers_end:.2f}, torch's {default_end:.2f}"),
    alt="Two loss curves over 30 steps on one batch: torch's default hardly moves, the paper's falls steeply.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Lecture 04's test: one batch, learned by heart. The same net, the same order of
# pictures, two ways to start.

# %% [markdown] slideshow={"slide_type": "slide", "name": "tiles"}
# ## 5. A valid net answers less than it sees. What about a whole picture?

# %% [markdown] slideshow={"slide_type": "skip"}
# To answer all of it, the net needs context from beyond the edge. The paper **mirrors** the picture there (section 2,
# Figure 2). And a picture of 8192x8192 goes through tile by tile, since the first map alone would not fit into memory:

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
for side in (572, 8192):
    print(f"{side}x{side} pixels: the first map of 64 channels takes {64 * 4 * side**2 / 2**30:.2f} GB")

# %% slideshow={"slide_type": "fragment"}
border, side = context() // 2, output_size(380)
tiles = (-(-grey.shape[-1] // side)) ** 2
show(
    tile_on_picture(
        mirror_pad(grey**0.5, border, border, border, border),
        border,
        (0, 0, side),
        f"{tiles} tiles answer it all; each needs {border} pixels around it",
    ),
    alt="The nuclei, with a darker frame of mirrored pixels around them. A yellow square of 196x196 in the upper left "
    "marks what one tile answers, a blue one of 380x380 what the net sees for it, which reaches into the frame.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask where the missing context may come from. The paper mirrors the picture beyond its
# edge (section 2, Figure 2), and takes large pictures tile by tile. The blue squares overlap, the yellow ones lie edge
# to edge.

# %% [markdown] slideshow={"slide_type": "slide", "name": "tiles-question"}
# ### The paper's net answers 388x388. So let the tiles be 388 apart?
#
# If each pixel is answered from its full context, tiles and one pass over the whole picture must agree.
#
# **What could go wrong?**

# %% [markdown] slideshow={"slide_type": "skip"}
# The blue squares above overlap, the yellow ones lie edge to edge: *overlap-tile*. With the yellow ones 388 apart,
# every pixel is answered just once.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Take guesses. Most say that the mirroring is to blame, or the tiles' edges.

# %% slideshow={"slide_type": "skip"}
torch.manual_seed(SEED)
net = UNet(width=4)
whole = at_once(net, grey).softmax(dim=0)[1]
apart_by, largest = {}, {}
for step in tqdm((368, 372, 376, 380, 384, 388, 392, 396, 400)):
    tiles = overlap_tile(net, grey, step, progress=False).softmax(dim=0)[1]
    apart_by[step] = (tiles - whole).abs()
    largest[step] = apart_by[step].max().item()

# %% slideshow={"slide_type": "slide", "name": "384-not-388"}
record("07.difference_at_384", largest[384])
record("07.difference_at_388", largest[388])
exact = max(largest[step] for step in largest if step % net.stride == 0)
show(
    seams(
        {f"step {step}": apart_by[step] for step in (388, 384)},
        largest,
        net.stride,
        f"Tiles 388 apart differ by up to {largest[388]:.2f}; 384 apart, only by rounding",
    ),
    alt="Two maps of the difference between tiles and one pass. For a step of 388 all but the first tile are bright; for "
    "384 all is dark. Right, the largest difference at steps from 368 to 400: about one half, except at 368, 384 and 400, "
    "the multiples of 16, where it is about a millionth.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# The first tile agrees and all others are off, *everywhere*, not along their edges only. It is the **pooling**. A 2x2
# pooling counts its squares from the tile's corner. Four poolings make squares of 16x16, and $388 = 24 \cdot 16 + 4$:
# the second tile groups its pixels differently, so its maximum is taken over other pixels. A step of $384 = 24 \cdot
# 16$ lays all squares onto each other. What is left in the figure is rounding, in the seventh digit.
#
# A U-Net is shift-equivariant for shifts by its stride, and for no others. An answer of the paper's net is *always*
# four more than a multiple of 16, so the step that suggests itself never fits. Give four of the 388 columns away, and
# the seam is gone.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
print(f"tiles on the stride agree with one pass to 1e-5: {exact < 1e-5}; 388 apart: {largest[388] < 1e-5}")

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Point at the upper left tile: exact, with the same mirroring. It is the pooling, which
# counts its squares from the tile's corner. Draw a row of eight pixels with brackets around pairs, and shift the
# brackets by one: other maxima. Four poolings make squares of 16, and 388 is 24 times 16 and 4 more. A U-Net is
# shift-equivariant for shifts by its stride, and for no others.

# %% [markdown] slideshow={"slide_type": "slide", "name": "first-training"}
# ## 6. A first training
#
# One picture: three quarters to learn from, one to test on. The opponent learns nothing: **Otsu's threshold**.
#
# **Write down both:** the IU of the nuclei by threshold, and by a narrow U-Net after a few seconds.

# %% [markdown] slideshow={"slide_type": "skip"}
# The opponent is a fair one: the nuclei are bright, and lecture 01 got far with it.
#
# The paper takes one large tile a step, SGD and a momentum of 0.99 (section 3). We have seconds: small windows, AdamW,
# and a rate that falls. The windows below are drawn at random. Each is answered in full, so each brings its context; at
# a quarter's edge the context is mirrored, since the pixels beyond belong to the test.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask why the test quarter may not serve as context for the others. We mirror at a
# quarter's edge, so we know that the net never saw a pixel of it.


# %% slideshow={"slide_type": "skip"}
class Windows(torch.utils.data.Dataset):
    """Random windows of some pictures, with the context that the net needs: (1, side + 2 * border, ...), (side, side)."""

    def __init__(self, pictures, side, border, count):
        self.pictures = [pictures[index] for index in range(len(pictures))]
        self.side, self.border, self.count = side, border, count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        image, mask = self.pictures[index % len(self.pictures)]
        top, left = torch.randint(0, len(mask) - self.side + 1, (2,)).tolist()
        rows, columns = slice(top, top + self.side), slice(left, left + self.side)
        image, mask = read_tile(image[:1], rows, columns, self.border), mask[rows, columns]
        turns, mirrored = torch.randint(0, 4, ()).item(), torch.rand(()) < 0.5
        if mirrored:
            image, mask = image.flip(-1), mask.flip(-1)
        return image.rot90(turns, (-2, -1)), mask.rot90(turns, (-2, -1)).contiguous()


def prepare(pixels):
    """From uint8 to about zero mean and unit spread."""
    return (pixels / 255 - 0.15) / 0.25


# %% slideshow={"slide_type": "skip"}
quarters, (picture, truth) = load("nuclei", "train"), load("nuclei", "test")[0]
SHAPE = run.pick(quick={"width": 8, "depth": 3, "dropout": 0.2}, full={})
SIDE, STEPS = run.pick(quick=(100, 140), full=(244, 1500))
border = context(SHAPE.get("depth", 4)) // 2
quiet = {"progress": run.profile == "full", "say": lambda text: None}


def foreground_iu(prediction):
    """IU of the nuclei in the test quarter."""
    return ((prediction == 1) & (truth == 1)).sum().item() / ((prediction == 1) | (truth == 1)).sum().item()


def judge(net):
    logits = overlap_tile(net, picture[:1], 256, prepare=prepare, progress=False)
    return {"foreground_iu": foreground_iu(logits.argmax(0))}


# %% slideshow={"slide_type": "skip"}
histories, nets = {}, {}
for seed in tqdm(range(SEED, SEED + 3), desc="three seeds"):
    torch.manual_seed(seed)
    nets[seed] = UNet(**SHAPE)
    settings = Settings(epochs=4, batch=2, lr=3e-3, bias_lr=1, warm_up=0.1, seed=seed)
    windows = Windows(quarters, SIDE, border, count=settings.batch * STEPS // 4)
    options = {"prepare": prepare, "validate": judge, "device": run.device} | quiet
    histories[f"seed {seed}"] = train_or_load("unet", nets[seed], windows, CrossEntropy(), settings, **options)

# %% slideshow={"slide_type": "slide", "name": "three-quarters"}
import numpy as np
from course_utils.figures import COLOURS
from course_utils.inference import otsu_mask

reached = [judge(net)["foreground_iu"] for net in nets.values()]
threshold = foreground_iu(torch.from_numpy(otsu_mask(picture)).long())
record("07.foreground_iu", reached)
record("07.foreground_iu_worst", min(reached))
record("07.foreground_iu_threshold", threshold)
record("07.gain_over_threshold_worst", min(reached) - threshold)
mean = np.mean(reached)
curves = learning_curves(
    histories, f"{STEPS} steps: IU {mean:.2f}, where a threshold has {threshold:.2f}", "foreground_iu"
)
right = curves.axes[1]
right.axhline(threshold, color=COLOURS["black"], linestyle="--")
right.text(0, threshold - 0.005, " threshold", va="top")
right.set_ylim(threshold - 0.1, 0.95)
right.legend(loc="lower right")
show(
    curves,
    alt="Three seeds: the loss over the steps falls from above 0.5 to below 0.2; the IU of the nuclei in the test quarter "
    "rises above a dashed line, the threshold's.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Be honest about what this is: one picture, a narrow net, no augmentation besides turns,
# three seeds. Most of the IU that is missing are rims one pixel wide: ask how sure a human is of those.

# %% slideshow={"slide_type": "slide", "name": "grown-together"}
from functools import partial
from course_utils.data import numbered
from course_utils.figures import draw_instances, draw_mistakes, panels

best = max(nets, key=lambda seed: judge(nets[seed])["foreground_iu"])
predicted = overlap_tile(nets[best], picture[:1], 256, prepare=prepare, progress=False).argmax(0)
true_cells = numbered(labels[256:, 256:])
parts = torch.from_numpy(label(predicted.numpy(), connectivity=1))
joined = object_mistakes(true_cells, parts).merged
record("07.merged_in_test_quarter", len(joined))
drawings = {
    "the test quarter, with its nuclei": partial(draw_instances, image=picture, labels=true_cells),
    "mistakes in pixels": partial(draw_mistakes, image=picture, truth=truth, prediction=predicted),
    "connected parts of the answer": partial(draw_instances, image=picture, labels=parts),
}
title = f"IU {max(reached):.2f}, and {len(joined)} of {int(true_cells.max())} nuclei have grown together"
show(
    panels(drawings, title, width=12),
    alt="The test quarter three times: the true nuclei in colours; the mistakes, thin rims around most nuclei and the "
    "lines between neighbours; the connected parts of the answer, where neighbouring nuclei share one colour.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# From three quarters of one picture, in seconds, and better than the threshold with every seed. Now look at the picture
# on the right. The net answers for each pixel on its own, the loss counts all pixels alike, and the pixels between two
# touching nuclei are few. **A good IU, and still the wrong number of cells.** What would you change: the net, the data,
# or the loss? The paper changes the loss, and bends its few pictures into many. That is lecture 08.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* A good IU, and still the wrong number of cells: the loss counts all pixels alike, and
# those between two touching nuclei are few. Ask what they would change: the net, the data or the loss. The paper
# changes the loss, and bends its few pictures into many. That is lecture 08.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## For those who want more: `by_tiles`
#
# Write the overlap-tile yourself. The net answers `step` x `step` pixels from `step + 2 * border`, and may see no more
# than that at once. Mirror the picture with `mirror_pad(image, top, bottom, left, right)`; the picture's sides need not
# be multiples of `step`. No gradients. Stuck? Run `hint("07.by_tiles")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "07-by_tiles", "locked": false, "schema_version": 3, "solution": true, "task": false}
def by_tiles(net, image, step, border):
    """A picture's logits, tile by tile.

    net: (1, C, step + 2 * border, step + 2 * border) -> (1, net.classes, step, step)
    image: (C, H, W)
    returns: (net.classes, H, W)
    """
    ### BEGIN SOLUTION
    height, width = image.shape[-2:]
    below, right = -height % step, -width % step
    padded = mirror_pad(image, border, border + below, border, border + right)
    logits = torch.empty(net.classes, height + below, width + right)
    with torch.no_grad():
        for top in range(0, height, step):
            for left in range(0, width, step):
                tile = padded[None, :, top : top + step + 2 * border, left : left + step + 2 * border]
                logits[:, top : top + step, left : left + step] = net(tile)[0]
    return logits[:, :height, :width]
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "07-by_tiles-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("07.by_tiles", by_tiles)

# %% [markdown] slideshow={"slide_type": "skip"}
# On the nuclei, with a net that halves twice: its answers can be multiples of its stride of 4. With the paper's depth
# they cannot; the library's `overlap_tile` asks for four more, and cuts them off.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
shallow = UNet(width=4, depth=2).eval()
tiles, whole = by_tiles(shallow, grey, step=96, border=20), at_once(shallow, grey)
print("tiles and one pass agree to 1e-5:", bool((tiles.softmax(0) - whole.softmax(0)).abs().max() < 1e-5))

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Five questions before you go
#
# Open the wrong choices too: each says what it mixes up.

# %% slideshow={"slide_type": "skip"} tags=["quiz"]
quiz("07")

# %% [markdown] slideshow={"slide_type": "slide", "name": "summary"} tags=["summary"]
# ## What to take along
#
# - Cells are told apart by lines one pixel wide: full resolution.
# - All channels of every level are laid beside what comes from below.
# - Valid convolutions lose 184 pixels; legal sides are 12 more than a multiple of 16.
# - $\mathcal{N}(0, \sqrt{2/N})$ keeps every level audible.
# - Tiles step by a multiple of the stride.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let the room say the five before you read them; a sixth stands on the slide before: a
# high IU of the foreground does not mean that the cells are counted right. Then the quiz in the notebook: alone first,
# then with a neighbour.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["reading"]
# ## What to read next
#
# - [U-Net](https://arxiv.org/abs/1505.04597), sections 1 to 3, Figures 1 and 2: eight pages, and you have built them;
# - [Delving Deep into Rectifiers](https://arxiv.org/abs/1502.01852), section 2.2: where $\sqrt{2/N}$ comes from;
# - [Making Convolutional Networks Shift-Invariant Again](https://arxiv.org/abs/1904.11486): what pooling does to shifts.
#
# Next: **08, learning from one image**. Bent pictures, and weights for the lines between cells.
