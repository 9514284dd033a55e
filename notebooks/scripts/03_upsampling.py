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
# # Back up to pixels
#
# ![Coins as two upsampled answers find them; the pixels that each has wrong are hatched.](attachment:cover.jpg)
#
# A classifier that slides answers once every 32 pixels.
#
# For each answer there are 1,024 pixels that nobody asked. Who fills them in?

# %% [markdown] slideshow={"slide_type": "skip"}
# Lecture 02 tried to ask more often: it was dear, and sharpened nothing. This lecture fills in the pixels between, with
# one **linear map** in three spellings. It costs next to nothing, it can be learned, and it is the other half of every
# segmentation net from here on.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask: "You have 10 temperatures along a road, one every 32 metres. Someone wants one for
# every metre. What do you tell them?" Two camps form: repeat the nearest, or draw a line between neighbours. Write both
# on the board; by the end of unit 2 they will turn out to be the same operation with different numbers in it.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["objectives"]
# ## In 60 minutes you will be able to
#
# - write nearest, bilinear and transposed convolution as one linear map, and say where they differ,
# - build a transposed convolution from the matrix of a convolution, and its bilinear kernel from a formula,
# - say where it equals `interpolate`, where it does not, and whether that matters,
# - explain a checkerboard, and choose a way to be rid of it,
# - compute from a net's layers where its answers lie on the picture, and by how much to crop.

# %% slideshow={"slide_type": "skip"} tags=["parameters"]
PROFILE = "quick"  # "quick": a CPU in seconds; "full": a GPU, wider nets, longer training
DEVICE = "auto"  # "auto", "cpu", "cuda" or "mps"
SEED = 0
DATASET = "photographs"

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
import torch
from torch import nn
from torch.nn import functional
from course_utils.data import annotation, photograph
from course_utils.models import bilinear_deconvolution, checkerboard, class_index, classifier, convolutionalize
from course_utils.models import coverage, matrix_of, normalise, resize
from course_utils.inference import multiply_adds, seconds
from course_utils.figures import borders, coverages, crop_curves, crops, fading, frame_of_cells, kernel_shapes
from course_utils.figures import matrices, on_pixels, over_training, show, stamps
from course_utils.exercises import check, hint, quiz
from course_utils.course import begin, choose, record

run = begin(PROFILE, DEVICE, SEED)
photograph = choose(DATASET, {"photographs": photograph})

# %% [markdown] slideshow={"slide_type": "slide", "name": "in-between"}
# ## 1. Who decides the pixels in between?
#
# Four answers in a row: `0 1 1 0`. Make **eight** numbers of them. There is more than one good way.

# %% [markdown] slideshow={"slide_type": "skip"}
# Here is the coffee again, with the same ImageNet classifier as in lecture 02, turned so that each cell of its last map
# answers for itself.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
coffee = resize(photograph("coffee"), (384, 576))
speaks = convolutionalize(classifier("efficientnet_lite0"), average=False).to(run.device)
with torch.no_grad():
    answers = speaks(normalise(coffee, "efficientnet_lite0")[None].to(run.device)).cpu()
heat = answers.softmax(1)[0, [class_index(name) for name in ("espresso", "cup", "coffee mug")]].sum(0)
pixels = coffee.shape[1] * coffee.shape[2]
print(
    f"{heat.shape[0]} x {heat.shape[1]} = {heat.numel()} answers for {pixels} pixels: 1 for every {pixels // heat.numel()}"
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Start with less: **four** answers in a row, `0 1 1 0`. Take paper and make **eight** numbers of them. There is more
# than one good way; write down two.

# %% slideshow={"slide_type": "fragment"} tags=["show-code", "nbval-check-output"]
cells = torch.tensor([[[0.0, 1.0, 1.0, 0.0]]])
nearest = functional.interpolate(cells, scale_factor=2, mode="nearest")
linear = functional.interpolate(cells, scale_factor=2, mode="linear")
print("nearest", nearest.flatten().tolist())
print("linear ", linear.flatten().tolist())

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Collect the rows from the room before the cell runs. Nearest is nearly always among
# them. For the second, many write 0, 0.5, 1, 1, 1, 0.5, 0, 0: a line drawn through points at *whole* places. Do not
# correct it. It is the other convention (`align_corners`), and unit 3 comes back to it. Ask instead: where exactly do
# the four cells lie, if eight pixels share their room? Each cell sits between its two pixels, a quarter of a cell away
# from either.

# %% [markdown] slideshow={"slide_type": "skip"}
# On the coffee the two ways look like this. The white line is where the map crosses one half: it is what a
# segmentation would draw. **Look at the rim of the cup:** which line would you rather hand in?

# %% slideshow={"slide_type": "slide", "name": "two-ways"}
ways = {
    "nearest": functional.interpolate(heat[None, None], scale_factor=32, mode="nearest")[0, 0],
    "bilinear": functional.interpolate(heat[None, None], scale_factor=32, mode="bilinear")[0, 0],
}
show(
    on_pixels(coffee, ways, f"The same {heat.numel()} answers, and two opinions about {pixels:,} pixels"),
    alt="A cup of coffee twice, with the heat map for espresso and cup over it. Left, squares of 32 pixels with a jagged "
    "outline; right, a smooth blob with a rounded outline around the inside of the cup.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* The white line is where the map crosses one half: it is what a segmentation would draw.
# Ask which of the two the room would rather hand in, and then which of them knows more. Neither: both are made of the
# same answers. What differs is a rule that tells each pixel which cells to listen to, and how much. A rule that weighs
# and adds is a linear map, and a linear map is a matrix.

# %% [markdown] slideshow={"slide_type": "skip"}
# The right one looks better, and knows nothing more. Both are made of the same answers. What differs is a rule that
# tells each pixel which cells to listen to, and how much. A rule that only ever *weighs and adds* is a **linear map**,
# and a linear map is a matrix.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### What does the rule look like, written out?
#
# Any matrix can be read off its map: feed it a 1 at one place and zeros elsewhere, and out comes that column. Each row
# below is a pixel, each column a cell. **Look for what repeats** from column to column.

# %% slideshow={"slide_type": "skip"} tags=["show-code"]
drawn = {
    mode: matrix_of(lambda line, mode=mode: functional.interpolate(line, scale_factor=2, mode=mode), 4)
    for mode in ("nearest", "linear")
}

# %% slideshow={"slide_type": "slide", "name": "rule-as-matrix"}
show(
    matrices(drawn, "Every column is the one before it, two pixels further down", "pixel", "cell"),
    alt="Two matrices of 8 rows and 4 columns. Nearest: each column holds two ones. Linear: each column holds .25, .75, "
    ".75, .25, and the first and last column end in a 1.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# A column is what *one cell does to the pixels*. Nearest stamps `1 1`, linear stamps `.25 .75 .75 .25`, and the next
# cell stamps the same pattern two pixels further on. A pattern that is moved along and reused: you have met that
# before. (Two corners of the right matrix break the pattern. Remember them.)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Each row is a pixel, each column a cell. Let them read one row aloud, then one column.
# Rows say where a pixel's value comes from; columns say where a cell's value goes. Draw a box around one column and
# slide it with a finger. Somebody will say "convolution, but the step is on the wrong side". That is the sentence to
# wait for. Two corners of the right matrix break the pattern: leave them open until the border comes up.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## 2. Can a convolution run backwards?
#
# A convolution of stride 2 goes the other way: many pixels in, few cells out. It is linear too, so it has a matrix.
#
# A kernel of 4 weights slides over a line of 10 pixels by steps of 2. **Guess before you go on:** how many rows and
# columns has its matrix, and where are the zeros?

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-matrix"} tags=["exercise"]
# ## Your turn: `convolution_matrix`
#
# Write the matrix down. It has one row for each place that the kernel fits into, without padding, and one column for
# each pixel, so that `convolution_matrix(kernel, size, stride) @ line` is the convolution of the line. As everywhere in
# deep learning, the kernel is not turned around.
#
# Stuck? Run `hint("03.convolution_matrix")` in a new cell.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "03-convolution_matrix", "locked": false, "schema_version": 3, "solution": true, "task": false}
def convolution_matrix(kernel, size, stride):
    """The matrix of a convolution of a line.

    kernel: (k,) weights
    size: how many pixels the line has
    stride: by how many pixels the kernel moves
    returns: (cells, size) tensor, one row for each place into which the kernel fits
    """
    ### BEGIN SOLUTION
    cells = (size - len(kernel)) // stride + 1
    matrix = torch.zeros(cells, size)
    for cell in range(cells):
        matrix[cell, cell * stride : cell * stride + len(kernel)] = kernel
    return matrix
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "03-convolution_matrix-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("03.convolution_matrix", convolution_matrix)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 8 minutes.* Can a convolution run backwards? First it needs a matrix. Ask for the number of rows
# before they write: a kernel of 4 over 10 pixels by steps of 2. On the board, one row as a box over the pixels. The
# usual mistakes are one row too many or too few, and a matrix lying on its side. If time is short, do row 0 and row 1
# together and ask for row 2.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### And on its side?
#
# Your matrix makes 4 numbers of 10. Its **transpose** makes 10 of 4. Compare the right-hand matrix with the two of
# unit 1 before you read on.

# %% slideshow={"slide_type": "slide", "name": "on-its-side"}
kernel = torch.tensor([0.25, 0.75, 0.75, 0.25])
down = convolution_matrix(kernel, size=10, stride=2)
turned = {"convolution: 10 pixels to 4 cells": down, "its transpose:\n4 cells to 10": down.T}
show(
    matrices(turned, "A convolution's matrix, turned on its side, upsamples", "to", "from"),
    alt="Left, a matrix of 4 rows and 10 columns whose rows hold .25, .75, .75, .25, each two places further right. "
    "Right, its transpose with 10 rows and 4 columns.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# There are the stamps. This is the **transposed convolution**: the same kernel, the same stride, the arrows reversed.
# Where a convolution *gathers* four pixels into one cell, its transpose *spreads* one cell over four pixels, and adds
# up where stamps overlap.
#
# $$\text{convolution: } y = M x \qquad\qquad \text{transposed convolution: } x' = M^{\mathsf T} y$$
#
# $x$ and $x'$ are pixels, $y$ cells, $M$ the matrix that you wrote.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Compare the right-hand matrix with those of the rule for nearest and linear: there are
# the stamps. This is the transposed convolution. Where a convolution gathers four pixels into one cell, its transpose
# spreads one cell over four pixels, and adds up where stamps overlap.

# %% [markdown] slideshow={"slide_type": "slide", "name": "libraries"}
# ### Is it the layer of the libraries?
#
# Your matrix $M$ and its transpose, on random numbers. **Does a transpose undo?**

# %% [markdown] slideshow={"slide_type": "skip"}
# Three claims to test on random numbers: your matrix is torch's convolution; its transpose is torch's transposed
# convolution; and its transpose is also what runs, unseen, in the **backward pass** of every convolution.

# %% slideshow={"slide_type": "fragment"} tags=["nbval-check-output"]
line, weights, values = torch.randn(10), torch.randn(4), torch.randn(4)
matrix = convolution_matrix(weights, size=10, stride=2)

forward = functional.conv1d(line.view(1, 1, -1), weights.view(1, 1, -1), stride=2).flatten()
print("M x  is conv1d:                       ", torch.allclose(matrix @ line, forward, atol=1e-5))

spread = functional.conv_transpose1d(values.view(1, 1, -1), weights.view(1, 1, -1), stride=2).flatten()
print("MT y is conv_transpose1d:             ", torch.allclose(matrix.T @ values, spread, atol=1e-5))

watched = line.clone().requires_grad_()
functional.conv1d(watched.view(1, 1, -1), weights.view(1, 1, -1), stride=2).flatten().backward(values)
print("MT y is the gradient that conv1d sends:", torch.allclose(matrix.T @ values, watched.grad, atol=1e-5))

back = matrix.T @ (matrix @ line)
print("MT undoes M:                          ", torch.allclose(back, line, atol=1e-2))

# %% [markdown] slideshow={"slide_type": "skip"}
# Three times yes, and once **no**. The FCN paper calls the layer *backwards convolution* for the third line (section
# 3.3): a library that can train a convolution already contains its transpose. The widespread name *deconvolution*
# promises what the fourth line denies. A transpose is not an inverse: ten numbers cannot be won back from four.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* The fourth line deserves a vote before it is shown: about half the room expects a
# transpose to undo. The third line is why the FCN paper says backwards convolution (section 3.3): a library that can
# train a convolution already contains its transpose. The widespread name deconvolution promises what the fourth line
# denies. Ten numbers cannot be won back from four.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### So what are nearest and bilinear?
#
# Four cells, `1 3 2 2`, each with its own colour and hatching. They stamp a box on the left, a tent on the right. **Add
# up one column of bars in your head**, say pixel 3, and compare with the black line.

# %% slideshow={"slide_type": "slide", "name": "stamps"}
box = torch.ones(2)
show(
    stamps(
        [1, 3, 2, 2],
        {"stamp 1 1: nearest": box, "stamp .25 .75 .75 .25: linear": kernel},
        2,
        "Same cells, same layer: the stamp decides",
    ),
    alt="Bars over pixels. Left, four cells each stamp a box two pixels wide, side by side. Right, each stamps a tent "
    "four pixels wide; the tents overlap and add up to a line that joins the cells' values.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Four cells, 1 3 2 2, each with its own colour and hatching. Let them add up one column
# of bars in their heads, say pixel 3, and compare with the black line. So nearest and linear are one layer with two
# stamps: a box and a tent.

# %% slideshow={"slide_type": "skip"} tags=["show-code", "nbval-check-output"]
cells = torch.tensor([1.0, 3.0, 2.0, 2.0])
boxes = convolution_matrix(box, size=8, stride=2).T @ cells
tents = convolution_matrix(kernel, size=10, stride=2).T @ cells
print("boxes   ", boxes.tolist())
print("nearest ", functional.interpolate(cells.view(1, 1, -1), scale_factor=2, mode="nearest").flatten().tolist())
print("tents   ", tents[1:-1].tolist(), "without the first and the last")
print("linear  ", functional.interpolate(cells.view(1, 1, -1), scale_factor=2, mode="linear").flatten().tolist())

# %% [markdown] slideshow={"slide_type": "skip"}
# **Three spellings of one linear map.** Nearest is a transposed convolution with a box, linear is one with a tent, and
# a layer of your net is one whose stamp is learned. Boxes agree everywhere. Tents agree everywhere but at the two
# ends. Hold that thought.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## 3. Which stamp makes bilinear, for any stride?
#
# FCN-32s upsamples by 32 in one step. For that you need a kernel of 64x64 numbers. **Guess:** what would you feed to
# `interpolate` to make it show you its stamp?

# %% slideshow={"slide_type": "skip"} tags=["show-code"]
lonely = torch.zeros(1, 1, 3, 3)
lonely[0, 0, 1, 1] = 1  # one cell says 1, its neighbours say 0

seen = {}
for stride in (2, 8, 32):
    stamp = functional.interpolate(lonely, scale_factor=stride, mode="bilinear")[0, 0]
    size = 2 * stride
    seen[f"stride {stride}: {size}×{size} pixels"] = stamp[
        stride // 2 : stride // 2 + size, stride // 2 : stride // 2 + size
    ]

# %% slideshow={"slide_type": "slide", "name": "tent"}
show(
    kernel_shapes(seen, "One cell's stamp is a tent, and reaches as far as the next cell"),
    alt="Three kernels as pictures, bright in the middle, with their profiles below: a tent over 4, 16 and 64 pixels. "
    "The smallest has its 16 numbers written in, from .06 in the corners to .56 in the middle.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* One cell says 1, its neighbours say 0, and `interpolate` shows its stamp. Ask where the
# tent reaches zero: one stride away, where the next cell has its top. In two dimensions the tents of both axes are
# multiplied.

# %% [markdown] slideshow={"slide_type": "skip"}
# The profile is a tent: highest at the cell, and zero one **stride** away, where the next cell has its top. In two
# dimensions the tents of both axes are multiplied.

# %% [markdown] slideshow={"slide_type": "slide", "name": "formula"}
# ### The formula of the tent
#
# For a kernel of $k$ pixels along each axis, numbered $0, \dots, k-1$:
#
# $$w(x) = 1 - \frac{|x - c|}{r}, \qquad c = \frac{k - 1}{2}, \qquad r = \left\lceil \frac{k}{2} \right\rceil$$
#
# $$K(y, x) = w(y)\, w(x)$$
#
# $c$ is the centre. $r$ is the **reach**, the distance at which a cell stops counting.

# %% [markdown] slideshow={"slide_type": "skip"}
# The reach equals the stride that the kernel is made for. An even $k = 2r$ has its centre *between* two pixels, an odd
# $k = 2r - 1$ *on* one. The authors of FCN use 64 for VGG16 and 63 for AlexNet, both with stride 32.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* The reach equals the stride that the kernel is made for. An even kernel has its centre
# between two pixels, an odd one on a pixel; the authors of FCN use 64 for VGG16 and 63 for AlexNet, both with stride
# 32. Why they differ comes out at the end of the hour.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-kernel"} tags=["exercise"]
# ## Your turn: `bilinear_kernel`
#
# Write the formula as a function for any size. Try it by hand on size 3 first: the middle gets 1, its neighbours a
# half. What do the corners get?
#
# Stuck? Run `hint("03.bilinear_kernel")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "03-bilinear_kernel", "locked": false, "schema_version": 3, "solution": true, "task": false}
def bilinear_kernel(size):
    """The stamp of bilinear interpolation.

    size: side of the kernel in pixels, even or odd
    returns: (size, size) tensor, largest in the middle
    """
    ### BEGIN SOLUTION
    centre, reach = (size - 1) / 2, (size + 1) // 2
    tent = 1 - (torch.arange(size) - centre).abs() / reach
    return tent[:, None] * tent[None, :]
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "03-bilinear_kernel-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("03.bilinear_kernel", bilinear_kernel)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 5 minutes.* The trap is the reach of an odd kernel: 3 / 2 is 1.5, and with it the stamps of
# neighbours no longer add up to 1. Let them check on paper: at every pixel, the weights of all cells have to add up to
# 1, or a flat map comes out wavy. The product of the axes is the second trap: a cone (distance to the centre) looks
# similar and is wrong.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Equal to `interpolate`?
#
# The coffee, shrunk 32-fold and brought back in both ways, once with your kernel in a layer. Lay them over each other,
# subtract, and look **where** they differ. Before you do: what did the two odd corners of the matrix in unit 1 have to
# do with the first and the last pixel?

# %% slideshow={"slide_type": "skip"} tags=["show-code"]
stride = 32
shrunk = functional.avg_pool2d(coffee[None] / 255, stride)
layer = nn.ConvTranspose2d(3, 3, 2 * stride, stride, groups=3, bias=False)
with torch.no_grad():
    layer.weight[:] = bilinear_kernel(2 * stride)  # yours, for each of the three colours
    half = stride // 2  # the kernel hangs over by half a stride on each side
    spread = layer(shrunk)[0, :, half:-half, half:-half]
reference = functional.interpolate(shrunk, scale_factor=stride, mode="bilinear")[0]
apart = (spread - reference).abs()

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
inside = apart[:, half:-half, half:-half].max().item()
corner = (coverage(layer, 8)[half, half]).item()
record("03.interpolate_difference_inside", inside)
record("03.corner_weight", corner)
print(f"inside, {half} pixels and more from the border: equal to 1e-5 is {inside < 1e-5}")
print(f"in the corner a pixel receives {corner:.0%} of its light")

# %% slideshow={"slide_type": "slide", "name": "borders"}
captions = ("transposed convolution", "interpolate", "difference")
show(
    borders(spread, reference, captions, f"Equal inside; the corners keep {corner:.0%} of their light"),
    alt="A blurred cup of coffee twice. The left one darkens along a band at its border. Right, the difference: black "
    "inside, and bright along the border.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Before you show it: the coffee, shrunk 32-fold and brought back in both ways; where
# will they differ? At the border each pixel waits for a stamp from a cell beyond the edge. `interpolate` repeats the
# outermost cell, which was the 1 in the corner of the matrix; the transposed convolution adds nothing, and fades. Ask
# whether that changes the segmentation. Every class fades by the same factor, so the winner stays; only how sure it is
# changes.

# %% [markdown] slideshow={"slide_type": "skip"}
# Inside, both are the same to the last digit that float32 holds. At the border each pixel waits for a stamp from a cell
# beyond the edge. `interpolate` repeats the outermost cell (that was the 1 in the corner of the matrix). The transposed
# convolution adds nothing, and fades.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Does the fading change the segmentation?
#
# Think before you run: near the border every class's score is multiplied by the same number below 1. Take the
# 20 classes that score highest on the coffee, upsample them both ways, and compare the winner at each pixel.

# %% slideshow={"slide_type": "skip"} tags=["show-code", "nbval-check-output"]
likely = answers[:, answers.mean(dim=(0, 2, 3)).topk(20).indices]
with torch.no_grad():
    faded = bilinear_deconvolution(20, 64, 32, depthwise=True)(likely)[..., 16:-16, 16:-16]
kept = functional.interpolate(likely, scale_factor=32, mode="bilinear")
same = (faded.argmax(1) == kept.argmax(1)).float().mean().item()
sure = torch.stack([way.softmax(1).amax(1)[0, 0, 0] for way in (faded, kept)])
record("03.same_winner", same)
print(f"the same class wins at {same:.1%} of the pixels")
print(f"in the corner the winner is less sure when faded: {bool(sure[0] < sure[1])}")

# %% [markdown] slideshow={"slide_type": "skip"}
# The library's `bilinear_deconvolution` holds your kernel for each class. The winner stays, since a common factor does
# not reorder scores. How *sure* it is does change, and so does a loss that looks at probabilities. Two cures are in
# use: pad the picture so far that the border can be cropped away (the paper form of FCN: unit 5), or call `interpolate`
# (the practical form, lecture 04).

# %% [markdown] slideshow={"slide_type": "skip"}
# ### 441 kernels, of which 21 are not zero: what does it cost?
#
# The authors' layer is *dense*: it holds a kernel from each of the 21 classes to each other one. A *depthwise* layer
# holds the 21 alone. **Guess** the factor, then count and time it.

# %% slideshow={"slide_type": "skip"}
classes = torch.randn(1, 21, 12, 18, device=run.device)
layers = {
    "dense": bilinear_deconvolution(21, 64, 32),
    "depthwise": bilinear_deconvolution(21, 64, 32, depthwise=True),
    "interpolate": nn.Upsample(scale_factor=32, mode="bilinear"),
}
took = {}
with torch.no_grad():
    for name, layer in layers.items():
        layer = layer.to(run.device)
        took[name] = seconds(lambda layer=layer: layer(classes), run.device)
        print(
            f"{name:12} {multiply_adds(layer, classes) / 1e6:6.0f} million multiply-adds, {1000 * took[name]:5.1f} ms"
        )
classifier_work = multiply_adds(speaks, torch.zeros(1, 3, 384, 576, device=run.device)) / 1e6
print(f"the classifier before it: {classifier_work:.0f} million")
record("03.depthwise_speedup", took["dense"] / took["depthwise"])

# %% [markdown] slideshow={"slide_type": "skip"}
# The counter only sees convolutions, so `interpolate` counts as none; it does the work of the depthwise layer.
# Next to the classifier, either is a trifle. Dense makes sense where training shall mix the classes.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### And the people who wrote 0, 0.5, 1?
#
# In unit 1 some of you put the cells *on* pixels, not between them. That is the odd kernel, $k = 2r - 1$, and torch
# knows it as `align_corners=True`. Here nothing is left over at the border: the outermost cells lie on the outermost
# pixels.

# %% slideshow={"slide_type": "skip"} tags=["show-code", "nbval-check-output"]
cells = torch.tensor([[[[0.0, 1.0, 1.0, 0.0]] * 2]])
odd = bilinear_deconvolution(channels=1, kernel_size=3, stride=2)
with torch.no_grad():
    print("kernel 3:             ", odd(cells)[0, 0, 1, 1:-1].tolist())
aligned = functional.interpolate(cells, size=(3, 7), mode="bilinear", align_corners=True)
print("align_corners=True:   ", aligned[0, 0, 0].tolist())

# %% [markdown] slideshow={"slide_type": "slide", "name": "chessboards"}
# ## 4. Why does a new net draw chessboards?
#
# All cells say 1, all weights are 1. **Write down** the first eight pixels of a line: kernel 3, stride 2.

# %% [markdown] slideshow={"slide_type": "skip"}
# Suppose nobody sets the stamp: it is random, and has to be learned. The plainest case already shows what comes of it.

# %% slideshow={"slide_type": "fragment"}
counted = {}
for size, stride in ((3, 2), (4, 2), (5, 3), (6, 3)):
    ones = nn.ConvTranspose2d(1, 1, size, stride, bias=False)
    nn.init.ones_(ones.weight)
    counted[f"kernel {size}, stride {stride}"] = coverage(ones, 10)[size : size + 9, size : size + 9]
show(
    coverages(counted, "A kernel that its stride does not divide reaches some pixels more often"),
    alt="Four grids of 9x9 pixels with the number of stamps that reach each. Kernel 3, stride 2: ones, twos and fours in "
    "a chessboard. Kernel 4, stride 2: all fours. Kernel 5, stride 3: uneven. Kernel 6, stride 3: all fours.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Collect the first eight pixels of the line: 1 1 2 1 2 1 2 1. Then the picture: 3 is not
# a multiple of 2, so some pixels lie under one stamp and others under two or four. Equal weights, a flat map, and out
# comes a checkerboard. With 4 and 2, each pixel lies under exactly four. Ask whether an even overlap is enough; the
# common answer is yes, and the next slide says no.

# %% [markdown] slideshow={"slide_type": "subslide", "name": "any-stamp"}
# ### Which kernels leave a chessboard, which leave holes?
#
# Find two ways to get rid of the pattern, and one that makes it worse.

# %% slideshow={"slide_type": "-"}
from course_utils.widgets import explore, transposed_convolution

explore(transposed_convolution())

# %% [markdown] slideshow={"slide_type": "skip"}
# With equal weights the pattern goes when the kernel is a multiple of the stride: then each pixel lies under as many
# stamps as its neighbour. The tent manages it with kernel 3 at stride 2, because its weights fall as fast as its
# neighbour's rise. A kernel smaller than the stride leaves holes.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Walk from cell to cell with the arrow keys first, until the room sees the stamps
# overlap. Then kernel 4, then back to 3 and the tent. Ask for the rule before you say it.

# %% [markdown] slideshow={"slide_type": "skip"}
# 3 is not a multiple of 2, so some pixels lie under one stamp and others under two or four. Equal weights, a flat map,
# and out comes a **checkerboard**. With 4 and 2, each pixel lies under exactly four. Is an even overlap enough?

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Four ways to enlarge a photograph
#
# A small net learns to enlarge photographs fourfold, in two steps of two. Only the doubling layer differs. **Guess:**
# which of the four starts with a pattern, and which keeps it longest?

# %% slideshow={"slide_type": "skip"}
WAYS = ("kernel 3", "kernel 4", "kernel 4,\nbilinear start", "interpolate,\nthen convolve")


def doubling(way, channels, out):
    """A layer that doubles the size of a map: (N, channels, h, w) -> (N, out, 2 * h, 2 * w)"""
    if way.startswith("interpolate"):
        return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(channels, out, 3, padding=1))
    if way == "kernel 3":
        return nn.ConvTranspose2d(channels, out, 3, stride=2, padding=1, output_padding=1)
    layer = nn.ConvTranspose2d(channels, out, 4, stride=2, padding=1)
    if "bilinear" in way:
        mix = torch.randn(channels, out, 1, 1) / channels**0.5  # any mix of channels, each in the shape of a tent
        layer.weight.data = mix * bilinear_deconvolution(1, 4, 2).weight.data
    return layer


# %% slideshow={"slide_type": "skip"}
def fourfold(way, channels):
    """(N, 1, h, w) -> (N, 1, 4 * h, 4 * w)"""
    torch.manual_seed(SEED)
    first, second = doubling(way, channels, channels), doubling(way, channels, 1)
    return nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), nn.ReLU(), first, nn.ReLU(), second)


# %% [markdown] slideshow={"slide_type": "skip"}
# It learns on pieces of four photographs, and is tried on a fifth that it never sees: the astronaut's face. At each
# step we measure the pattern: the mean brightness of each of the 4x4 places within a cell, from the darkest to the
# brightest, in units of the picture's contrast. A photograph has next to none.

# %% slideshow={"slide_type": "skip"}
grey = {
    name: photograph(name).float().mean(0, keepdim=True) / 255
    for name in ("cat", "coffee", "rocket", "motorcycle", "astronaut")
}
face = grey.pop("astronaut")[:, 8:168, 148:308].to(run.device)
small = functional.avg_pool2d(face, 4)[None]


def pieces(count, generator):
    """Squares of 64 pixels from the photographs: (count, 1, 64, 64)"""
    cut = []
    for image in torch.randint(len(grey), (count,), generator=generator).tolist():
        image = list(grey.values())[image]
        top, left = (int(torch.randint(side - 64, (), generator=generator)) for side in image.shape[1:])
        cut.append(image[:, top : top + 64, left : left + 64])
    return torch.stack(cut).to(run.device)


# %% slideshow={"slide_type": "skip"}
from tqdm import tqdm

steps = run.steps(quick=100, full=1000)
keep = {0, min(30, steps), min(100, steps), steps}
pictures, pattern = {}, {}
for way in WAYS:
    net = fourfold(way, channels=run.pick(quick=16, full=64)).to(run.device)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(SEED)
    pictures[way], pattern[way] = {}, []
    for step in tqdm(range(steps + 1), desc=way.replace("\n", " ")):
        with torch.no_grad():
            enlarged = net(small)[0, 0].cpu()
        pattern[way].append(checkerboard(enlarged[8:-8, 8:-8], period=4))
        if step in keep:
            pictures[way][step] = enlarged[44:124, 8:-8]
        large = pieces(run.pick(quick=4, full=16), generator)
        difference = net(functional.avg_pool2d(large, 4)) - large
        loss = difference[..., 4:-4, 4:-4].square().mean()  # borders have troubles of their own
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

# %% slideshow={"slide_type": "slide", "name": "four-ways"}
show(
    over_training(pictures, "Random stamps start as a chessboard; tents and interpolation do not"),
    alt="A face enlarged fourfold by four nets, in columns, before training and as training goes on. Kernels 3 and 4 with "
    "random weights start as a grid of dots that fades slowly; the bilinear start and interpolation show none.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* A small net learns to enlarge photographs fourfold, and is tried on a face that it
# never saw. Only the layer that doubles differs. Let the room look for ten seconds without a word, then ask which of
# the four starts with a pattern, and which keeps it longest.

# %% slideshow={"slide_type": "slide", "name": "fading"}
natural = checkerboard(face[0].cpu(), period=4)
times = pattern["kernel 4"][0] / pattern["kernel 4,\nbilinear start"][0]
show(
    fading(pattern, natural, f"A random kernel of 4 starts with {times:.0f} times the pattern of a tent"),
    alt="The strength of the pattern against training steps, with a logarithmic axis. The two random kernels begin high "
    "and fall; the bilinear start and interpolation begin close to the photograph's own level and stay far below.",
)
for way in WAYS:
    short = way.replace(",\n", "_").replace(" ", "_")
    record(f"03.checkerboard_start_{short}", pattern[way][0])
    record(f"03.checkerboard_end_{short}", pattern[way][-1])

# %% [markdown] slideshow={"slide_type": "skip"}
# An even overlap is **not** enough: `kernel 4` starts as badly. With stride 2 a pixel belongs to one of 2x2 kinds, by
# its place within the cell, and each kind sees weights of its own: a kernel of 4x4 is four kernels of 2x2, interlaced.
# A flat map stays flat only if all four have the **same sum**. Random ones do not. A tent's do, which is why the FCN
# authors *start* there. Training may move the four sums apart again for a while. After an interpolation, every pixel
# sees all the weights of the convolution: equal sums by construction.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
tent = bilinear_deconvolution(1, 4, 2).weight.data[0, 0]
for row in (0, 1):
    for column in (0, 1):
        seen_by = tent[row::2, column::2].flatten()
        print(f"pixels of kind ({row}, {column}) see {seen_by.tolist()}, sum {seen_by.sum():.0f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* The kernel of 4 starts as badly: an even overlap is not enough. On the board: colour
# the sixteen places of a 4x4 kernel with four colours, by row and column modulo 2. It is four kernels of 2x2,
# interlaced, and a flat map stays flat only if all four have the same sum. Random ones do not; a tent's do, which is
# why the FCN authors start there. The same pattern appears in the gradient of every convolution of stride 2.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## For those who want more: `transposed_by_convolution` (optional, hard)
#
# There is a fourth spelling. Write a transposed convolution with an **ordinary** convolution, for whole maps: lay the
# cells out with zeros between them, pad, and convolve with stride 1. `conv_transpose2d` itself is not allowed. The
# weights have the shape that `nn.ConvTranspose2d` uses, and at least two things must be done to them first.
#
# Stuck? Run `hint("03.transposed_by_convolution")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "03-transposed_by_convolution", "locked": false, "schema_version": 3, "solution": true, "task": false}
def transposed_by_convolution(maps, weight, stride):
    """What functional.conv_transpose2d(maps, weight, stride=stride) gives, from functional.conv2d.

    maps: (N, C, h, w)
    weight: (C, D, k, k), as in nn.ConvTranspose2d
    returns: (N, D, (h - 1) * stride + k, (w - 1) * stride + k)
    """
    ### BEGIN SOLUTION
    number, channels, height, width = maps.shape
    apart = maps.new_zeros(number, channels, (height - 1) * stride + 1, (width - 1) * stride + 1)
    apart[:, :, ::stride, ::stride] = maps
    turned = weight.flip(2, 3).transpose(0, 1)
    return functional.conv2d(apart, turned, padding=weight.shape[-1] - 1)
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "03-transposed_by_convolution-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("03.transposed_by_convolution", transposed_by_convolution)

# %% [markdown] slideshow={"slide_type": "slide", "name": "first-answer"}
# ## 5. Where does the first answer lie?
#
# In the FCN authors' nets you find the numbers **19**, **27**, **31**, **5**, **9** and **18**, without a word: what is
# cut off the upsampled maps.
#
# What happens if you cut off something else?

# %% [markdown] slideshow={"slide_type": "skip"}
# The upsampled map is larger than the picture: 12 cells, stride 32 and kernel 64 make 416 pixels for 384. Some have to
# be cut off, and it matters where.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* 12 cells, stride 32 and kernel 64 make 416 pixels for 384, so some have to be cut off.
# Collect guesses for the coins on the next slide: what does a crop cost that is off by half a cell? Most say two or
# three points.

# %% [markdown] slideshow={"slide_type": "skip"}
# An experiment without a net: the coins of lecture 01, with the mask that we drew by hand. Each cell is told the *true*
# share of coin among its 16x16 pixels: no net of that stride could know it better. Then up again by the bilinear layer,
# and crop. **Guess:** what does a crop that is off by half a cell cost?

# %% slideshow={"slide_type": "skip"}
from course_utils.metrics import confusion_matrix, scores

coins = annotation("coins")
height, width = (side // 32 * 32 for side in coins.mask.shape)
truth = coins.mask[:height, :width]
coin = coins.instances[:height, :width] > 0
shares = torch.stack([~coin, coin])[None].float()  # background and coin

upsampled = {}
for stride in (32, 16, 8):
    layer = bilinear_deconvolution(2, 2 * stride, stride, depthwise=True)
    with torch.no_grad():
        upsampled[stride] = layer(functional.avg_pool2d(shares, stride))[0]


def cropped(stride, offset):
    """The class of each pixel, from true shares in cells of that stride: (height, width)"""
    return upsampled[stride][:, offset : offset + height, offset : offset + width].argmax(0)


def mean_iu(stride, offset):
    return scores(confusion_matrix(truth, cropped(stride, offset), 2)).mean_iu


# %% slideshow={"slide_type": "slide", "name": "half-a-cell"}
image = coins.image[:, :height, :width]
found = {offset: mean_iu(16, offset) for offset in (0, 8)}
predictions = {f"cut off {offset}: mean IU {iu:.2f}": cropped(16, offset) for offset, iu in found.items()}
lost = 100 * (found[8] - found[0])
record("03.points_lost_by_half_a_cell", lost)
show(
    crops(image, truth, predictions, f"8 pixels beside the truth: {lost:.0f} points lost, and no error message"),
    alt="24 coins twice, with the pixels that are wrong hatched. Cut off by 0, the coins found lie beside the true ones, "
    "to the lower right. Cut off by 8, they lie on them, with a few pixels of the rims wrong.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* There is no net here: each cell is told the true share of coin among its 16x16 pixels.
# Nothing crashes, a loss would still fall, the masks merely sit beside the things. Such a mistake is found by
# arithmetic, or not at all. Ask who has had masks that sat a little beside the object.

# %% [markdown] slideshow={"slide_type": "skip"}
# Nothing crashes, the loss still falls, the masks merely sit beside the things. A net can even learn to make up for it,
# in part. Such a mistake is found by arithmetic, or not at all.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Every crop, for three strides
#
# Read two things from the curves: where each has its top, and how high the top is.

# %% slideshow={"slide_type": "slide", "name": "every-crop"}
by_offset = {
    f"a cell every {stride} pixels": [mean_iu(stride, offset) for offset in range(stride + 1)] for stride in (32, 16, 8)
}
tops = [max(line) for line in by_offset.values()]
offsets = dict(zip(by_offset, (16, 8, 4), strict=True))
show(
    crop_curves(by_offset, offsets, f"Best case of strides 32, 16 and 8: {tops[0]:.2f}, {tops[1]:.2f}, {tops[2]:.2f}"),
    alt="Mean IU against the number of pixels cut off, for strides 32, 16 and 8. Each curve has its top at half a stride; "
    "the tops rise from stride 32 to stride 8.",
)
for stride, top in zip((32, 16, 8), tops, strict=True):
    record(f"03.best_case_stride_{stride}", top)

# %% [markdown] slideshow={"slide_type": "skip"}
# The tops lie at half a stride, give or take a pixel or two: 16, 8, 4. And the height of a top is a **limit**: with the
# true share in every cell, stride 32 still does not draw these coins. That is the reason for the skips of lecture 05.
# For an average pooling, half a stride is easy to see. For VGG16 with its many layers, it takes a method.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Read two things from the curves: where each has its top, and how high the top is. The
# tops lie at half a stride, give or take a pixel or two. Their height is a limit: with the true share in every cell,
# stride 32 still does not draw these coins. That is the reason for the skips of lecture 05. Ask why the curve is so
# flat near its top.

# %% [markdown] slideshow={"slide_type": "slide", "name": "coordinate-map"}
# ### One scale, one shift
#
# Which input pixel $i$ lies under the **centre** of output cell $o$? With kernel $k$, stride $s$, padding $p$:
#
# $$\text{convolution, pooling:}\quad i = s\,o + \left(\tfrac{k-1}{2} - p\right)$$
#
# $$\text{transposed:}\quad o = s\,i + \left(\tfrac{k-1}{2} - p\right)$$
#
# Put one line into the other: a whole net again has *one scale and one shift*.

# %% [markdown] slideshow={"slide_type": "skip"}
# Cell 0 of a convolution covers the pixels $-p, \dots, k - 1 - p$, and each further cell lies $s$ pixels on: that is
# the first line. A transposed convolution reads it backwards.

# %% [markdown] slideshow={"slide_type": "skip"}
# Read backwards means: *its input* $i$ and *its output* $o$ change places, $o = s\,i + (\frac{k-1}{2} - p)$. Solve this
# for $i$. On paper: a convolution with kernel 3, stride 2, padding 0, then a pooling with kernel 2 and stride 2. Which
# pixel lies under the centre of cell 5?

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Do one on the board: a convolution with kernel 3, stride 2, padding 0, then a pooling
# with kernel 2 and stride 2. Which pixel lies under the centre of cell 5? The pooling's cell 5 lies at 10.5 in its
# input, and 2 x 10.5 + 1 = 22. So scale 4, shift 2.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-map"} tags=["exercise"]
# ## Your turn: `coordinate_map`
#
# Walk through the layers from the picture on, and return the net's `scale` and `shift`, so that the centre of output
# cell `o` lies at pixel `scale * o + shift`. A pooling counts as a convolution.
#
# Stuck? Run `hint("03.coordinate_map")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "03-coordinate_map", "locked": false, "schema_version": 3, "solution": true, "task": false}
def coordinate_map(layers):
    """Where the output cells of a stack of layers lie on the picture.

    layers: list of (kind, kernel, stride, padding), first layer first; kind is "conv" or "transposed"
    returns: (scale, shift); output cell o lies at pixel scale * o + shift
    """
    ### BEGIN SOLUTION
    scale, shift = 1, 0
    for kind, kernel, stride, padding in layers:
        own_scale, own_shift = stride, (kernel - 1) / 2 - padding
        if kind == "transposed":
            own_scale, own_shift = 1 / stride, -own_shift / stride
        shift += scale * own_shift
        scale *= own_scale
    return scale, shift
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "03-coordinate_map-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("03.coordinate_map", coordinate_map)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 5 minutes.* The usual mistakes: k / 2 for (k - 1) / 2, and a shift that is not multiplied by the
# scale so far. A transposed convolution is the same line, solved for the other letter.

# %% [markdown] slideshow={"slide_type": "slide", "name": "nineteen"}
# ### Nineteen, twenty-seven, thirty-one: nothing looked up
#
# Two maps of the same scale lie over each other once their first cells do. **Predict** FCN-32s's number.

# %% [markdown] slideshow={"slide_type": "skip"}
# Now write down the authors' nets, layer by layer. The first convolution is padded by 100, so that even a small picture
# leaves something for the 7x7 convolution that was VGG16's first linear layer.

# %% slideshow={"slide_type": "skip"}
three, pool = ("conv", 3, 1, 1), ("conv", 2, 2, 0)
pool3 = [("conv", 3, 1, 100), three, pool, three, three, pool, three, three, three, pool]
pool4 = [*pool3, three, three, three, pool]
vgg16 = [*pool4, three, three, three, pool, ("conv", 7, 1, 0)]

large = ("conv", 3, 2, 0)  # AlexNet's pooling
alexnet = [("conv", 11, 4, 100), large, ("conv", 5, 1, 2), large, three, three, three, large, ("conv", 6, 1, 0)]

twice, eightfold, sixteenfold, by_32 = (("transposed", 2 * stride, stride, 0) for stride in (2, 8, 16, 32))

# %% [markdown] slideshow={"slide_type": "skip"}
# Two maps of the same scale lie over each other once their first cells do. The number of cells to cut off the larger
# one is the difference of the shifts, counted in cells. The picture itself is a map too: scale 1, shift 0, no layers.
# **Predict** FCN-32s's number on paper: run `coordinate_map(vgg16)`, and ask how far a kernel of 64 reaches to the left
# of its centre.


# %% slideshow={"slide_type": "fragment"} tags=["nbval-check-output"]
def cut_off(larger, smaller):
    """Cells to cut off the larger map, so that it begins where the smaller one does."""
    (scale, larger_shift), (same_scale, smaller_shift) = coordinate_map(larger), coordinate_map(smaller)
    assert scale == same_scale, f"scales {scale} and {same_scale} do not fit"
    return (smaller_shift - larger_shift) / scale


picture = []
pairs = {
    "FCN-AlexNet  score over the picture": ([*alexnet, ("transposed", 63, 32, 0)], picture),
    "FCN-32s      score over the picture": ([*vgg16, by_32], picture),
    "FCN-16s      pool4 over the score": (pool4, [*vgg16, twice]),
    "FCN-16s      score over the picture": ([*vgg16, twice, sixteenfold], picture),
    "FCN-8s       pool3 over the score": (pool3, [*vgg16, twice, twice]),
    "FCN-8s       score over the picture": ([*vgg16, twice, twice, eightfold], picture),
}
crop_offsets = [cut_off(*pair) for pair in pairs.values()]
for name, offset in zip(pairs, crop_offsets, strict=True):
    print(f"{name:40}{offset:g}")
record("03.crop_offsets", crop_offsets)

# %% [markdown] slideshow={"slide_type": "skip"}
# 18, 19, 5, 27, 9, 31: the numbers in the authors' nets, with nothing looked up. One question is left from unit 3: why
# has AlexNet a kernel of 63 and VGG16 one of 64? Look at where their first cells lie.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
for name, net in (("AlexNet", alexnet), ("VGG16", vgg16)):
    scale, shift = coordinate_map(net)
    odd, even = (cut_off([*net, ("transposed", size, 32, 0)], picture) for size in (63, 64))
    print(f"{name:8} first cell at pixel {shift:g}; cut off with kernel 63: {odd:g}, with 64: {even:g}")

# %% [markdown] slideshow={"slide_type": "skip"}
# AlexNet's cells lie *on* pixels and want an odd kernel, VGG16's lie *between* two and want an even one. With the
# other, half a pixel would be left over, and no crop can cut that.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* The authors' nets, layer by layer, with the first convolution padded by 100. The
# offsets grow because every stamp hangs over, and a chain of stamps hangs over further: 31.5 pixels for one, 24 + 15.5
# for two, 24 + 12 + 7.5 for three. The first cell lies at pixel 12.5; take that away. AlexNet's first cell lies on a
# pixel, VGG16's between two: hence kernels of 63 and 64.

# %% slideshow={"slide_type": "slide", "name": "frame"}
scale, shift = coordinate_map(vgg16)
rows, columns = ((side + 198 + 31) // 32 - 6 for side in coffee.shape[1:])  # the pools round up, the 7x7 takes 6
centres = [[scale * cell + shift for cell in range(count)] for count in (rows, columns)]
beyond = int(cut_off([*vgg16, by_32], picture))
show(
    frame_of_cells(coffee, centres, 32, f"FCN-32s answers for more than the picture: cut {beyond} pixels off"),
    alt="The cup of coffee under a grid of dots, 32 pixels apart, the centres of the cells; the first is marked red. A grey "
    "frame around the picture is what the upsampled map covers; at the left and the top it is 19 pixels wide.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# The grey frame is cut away. With it goes a part of the fading border of unit 3, though not all of it: the cells begin
# inside the picture, and the outermost pixels still live on weaker stamps.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* The grey frame is cut away. With it goes a part of the fading border, though not all of
# it: the cells begin inside the picture, and the outermost pixels still live on weaker stamps.

# %% [markdown] slideshow={"slide_type": "subslide", "name": "any-pad"}
# ### Why a pad of 100?
#
# What is the smallest pad with which every pixel gets an answer? Guess, then slide.

# %% slideshow={"slide_type": "-"}
from course_utils.widgets import crop_offset

explore(crop_offset(photograph("coffee")))

# %% [markdown] slideshow={"slide_type": "skip"}
# Without a pad the first cell of VGG16 lies far inside the picture, and its stamp does not reach back to the border.
# The authors' 100 is generous, and the crop takes back what is too much. Each finer stride needs a pad and a crop of
# its own: that is why the numbers look so odd in a finished net, and why they are better computed.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Start at 100 and read the five lines at the right aloud; they are the formula of this
# unit. Then pad 0. Then the odd kernel: half a pixel is left over, which no crop can cut.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Five questions before you go
#
# Open the wrong choices too: each says what it mixes up.

# %% slideshow={"slide_type": "skip"} tags=["quiz"]
quiz("03")

# %% [markdown] slideshow={"slide_type": "slide", "name": "summary"} tags=["summary"]
# ## What to take along
#
# - Nearest, bilinear and transposed convolution: one linear map, three stamps.
# - A convolution's transpose is its backward pass, not its inverse.
# - Checkerboards come from weights with uneven sums: start as tents.
# - One scale and one shift say where an answer lies: compute the crop.
# - Even with perfect cells, stride 32 cannot draw a coin.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let the room say the five before you read them. Then the quiz in the notebook: alone
# first, then with a neighbour. Next time the layer goes on top of a classifier, and both are trained.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["reading"]
# ## What to read next
#
# - [Fully Convolutional Networks](https://arxiv.org/abs/1411.4038), section 3.3: half a page on *upsampling is
#   backwards strided convolution*, which you have now written out.
# - [A guide to convolution arithmetic](https://arxiv.org/abs/1603.07285) draws every case of kernel, stride and padding.
# - [Deconvolution and Checkerboard Artifacts](https://distill.pub/2016/deconv-checkerboard/), with figures to play with.
# - Lecture 04, *FCN-32s*, puts this layer on top of a classifier and trains both.
#
# The photographs come with scikit-image; the coins' masks were drawn for this course.
