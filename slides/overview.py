# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   language_info:
#     name: python
# ---

# The overview's own slides. `decks.toml` mixes them with slides of the lectures.

# %% slideshow={"slide_type": "skip"} tags=["parameters"]
NOTEBOOKS = "notebooks"  # folder of the executed notebooks whose results are shown

# %% slideshow={"slide_type": "skip"}
from statistics import mean

import torch
from IPython.display import Markdown, display
from torchvision.models import vgg16

from course_utils.course.results import collect, kept_result
from course_utils.data.photographs import annotation
from course_utils.figures.architectures import architecture, boxes
from course_utils.figures.mask_rcnn import STAGES, mask_rcnn_drawing
from course_utils.figures.overlays import draw_classes, draw_instances, panels
from course_utils.figures.skips import coarseness
from course_utils.figures.style import show, use_course_style
from course_utils.figures.unet import maps_of, steps_of, unet_drawing
from course_utils.models.backbones import backbone
from course_utils.models.convolutionalization import convolutionalize
from course_utils.models.fcn import FCN
from course_utils.models.unet import UNet

use_course_style()
results = {name: value for kept in collect(NOTEBOOKS).values() for name, value in kept["results"].items()}
scene = annotation("coffee")

# %% [markdown] slideshow={"slide_type": "slide", "name": "title"}
# # Image Segmentation
#
# From one word for a picture to one for every pixel: three papers, remade and measured

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Everything on these slides was drawn or measured by the course's notebooks, on the machine
# and in the run that this slide names. Where a number is a paper's, the slide says which table it comes from. Students
# can run all of it on a laptop.

# %% [markdown] slideshow={"slide_type": "slide", "name": "what-is"}
# # What is image segmentation?

# %% slideshow={"slide_type": "-"}
show(
    panels({"": lambda axes: draw_classes(axes, scene.image, scene.mask, scene.classes)}, "", width=4, legend=False),
    alt="A cup of espresso on its saucer, seen from above. Every pixel is coloured by its class: table, dish or spoon.",
)

# %% [markdown] slideshow={"slide_type": "fragment"}
# - **A label for every pixel** of a picture, not one for the whole.

# %% [markdown] slideshow={"slide_type": "fragment"}
# - **Semantic**: which class? **Instance**: which thing? **Panoptic**: both.

# %% [markdown] slideshow={"slide_type": "fragment"}
# - For medicine, maps, driving: wherever outlines count. Scored by **overlap** with the truth.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Before the first click, ask for a definition. Most say "finding objects", which is
# detection. Point at the table: it is no object, and it has a label. Then ask how many dishes there are. Cup and saucer
# are two things of one class, and in this picture they are one region: that is what the second line is about.

# %% slideshow={"slide_type": "slide", "name": "three-kinds"}
panoptic = scene.mask.clone()
panoptic[(scene.instances == 2) & (scene.mask != 255)] = 4
three = {
    "semantic: dish is dish": lambda axes: draw_classes(axes, scene.image, scene.mask, scene.classes),
    "instance: things, one by one": lambda axes: draw_instances(axes, scene.image, scene.instances),
    "panoptic: both at once": lambda axes: draw_classes(
        axes, scene.image, panoptic, ["background", "table", "dish 1", "spoon", "dish 2"]
    ),
}
show(
    panels(three, "Cup and saucer: one region, two things, or both", columns=3, width=12.3, legend=False),
    alt="The espresso three times. Semantic: cup and saucer in one colour, the table in another. Instance: cup, saucer "
    "and spoon in three colours, the table bare. Panoptic: the table coloured, and cup and saucer apart.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let the room find the difference between the first and the third picture. FCN and U-Net
# give the first kind; lecture 08 gets instances from a U-Net by teaching it the gaps. Mask R-CNN gives the second kind.
# Panoptic came later, in 2018, and asks for both at once.

# %% [markdown] slideshow={"slide_type": "slide", "name": "scored"}
# # How would you score it?

# %% slideshow={"slide_type": "-"}
accuracy, lazy = 100 * results["01.lazy_pixel_accuracy"], 100 * results["01.lazy_mean_iu"]
lines = [
    f'A net says "background" everywhere. In lecture 01 that makes **{accuracy:.0f} % of the pixels right**.',
    r"$$\text{mean IU} = \frac{1}{n_{cl}} \sum_i \frac{n_{ii}}{t_i + \sum_j n_{ji} - n_{ii}}$$",
]
display(Markdown("\n\n".join(lines)))

# %% slideshow={"slide_type": "fragment"}
display(Markdown(f"Its **mean IU is {lazy:.0f} %**: each class counts alike, however small."))

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Ask what is wrong with counting right pixels. Then read the formula: n with two indices
# counts pixels of true class i that were called j; t counts the pixels of class i. For each class, what was hit is
# divided by everything that is either true or found. The papers call it mean IU; others say mean IoU or Jaccard index.

# %% [markdown] slideshow={"slide_type": "slide", "name": "three-papers"}
# # CNNs for segmentation: three papers, three years
#
# | paper | in one line |
# |:--|:--|
# | **Fully convolutional networks**, arXiv 1411.4038v2 | every layer a convolution, coarse and fine added |
# | **U-Net**, arXiv 1505.04597v1 | a way back as wide as the way down; few images |
# | **Mask R-CNN**, arXiv 1703.06870v3 | a mask for each box that a detector finds |

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* One question runs through all three: a classifier throws away where things are, step by
# step; how do we get it back? FCN adds finer predictions, U-Net joins finer features, Mask R-CNN looks again at full
# sharpness inside each box. Ask who has used one of them, and what for.

# %% [markdown] slideshow={"slide_type": "slide", "name": "fcn"}
# # FCN: end to end, pixels to pixels
#
# - Takes a picture of **any size**, gives scores for every pixel.
# - AlexNet, VGG and GoogLeNet made **fully convolutional** and fine-tuned.
# - **Skips** join deep, coarse, semantic information with shallow, fine appearance.
# - PASCAL VOC 2012: **62.2 %** mean IU, 20 % better than before, relatively; also NYUDv2, SIFT Flow.
# - A third of a second for a typical image.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* These are the claims of the abstract and of Table 3. Before this, systems cut out
# regions and classified each: SDS needed about 50 seconds a picture. Keep two words for the next slides:
# convolutional, and skip. The rest of the paper follows from them.

# %% slideshow={"slide_type": "skip"}
with torch.device("meta"):
    vgg = vgg16()
vgg = vgg.to_empty(device="cpu").eval()
for weights in vgg.parameters():
    torch.nn.init.zeros_(weights)  # only its shapes are drawn
small, large = (torch.zeros(1, 3, side, side) for side in (224, 500))
turned = convolutionalize(vgg)
drawn = {
    "VGG16 on 224×224: one vector (poolings are left out)": boxes(vgg, small),
    "the same weights as convolutions, on 500×500: a map": boxes(turned, large, vgg),
}
drawn = {caption: [box for box in row if box.kind != "pooling"] for caption, row in drawn.items()}
rows, columns = drawn["the same weights as convolutions, on 500×500: a map"][-1].size

# %% slideshow={"slide_type": "slide", "name": "vgg"}
title = f"VGG16 turned convolutional: {rows * columns} answers at once"
show(
    architecture(drawn, title),
    slides=[architecture(drawn, title, room=2, upto=count) for count in (1, 2)],
    alt="VGG16 drawn twice. Above, for 224x224 pixels, its last layers are vectors of 4096 and 1000 numbers. Below, for "
    "500x500, the same layers are maps with 4096 and 1000 channels.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Show the upper row and ask which layer would complain about a larger picture. A linear
# layer holds one weight for each number of the map before it; read as a convolution, it has a kernel as large as that
# map, and only ever had one place to stand. Then the second row: nothing is trained, and the same weights give a map.
# Ask what the map looks like for a photograph of a cat: that is the next slide.

# %% slideshow={"slide_type": "slide", "name": "fcn-graph"}
torch.manual_seed(0)
shared = backbone("efficientnet_lite0")
nets = {f"FCN-{stride}s": FCN(shared, 21, stride).eval() for stride in (32, 16, 8)}
picture = torch.zeros(1, 3, 160, 160)
title = "Combining coarse and fine: one step of 32, or stops at 16 and 8"
show(
    coarseness(nets, picture, title),
    slides=[coarseness(nets, picture, title, upto=count, across=7) for count in range(4)],
    alt="Above, a picture and its maps at strides 8, 16 and 32 as grids that get coarser. Below, three rows: FCN-32s goes "
    "from the coarsest grid straight to the pixels; FCN-16s stops once to add finer scores, FCN-8s twice.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* This is the paper's Figure 3, drawn from the course's own modules. First the maps on the
# way down: ask how many cells decide in a 32s. Then one row a click, read from right to left: scores of the coarsest
# map, upsampled; the 16s adds the scores of a map with the same grid; the 8s does it once more. The new scores start at
# zero, so that a fresh 16s predicts what its 32s did.

# %% [markdown] slideshow={"slide_type": "slide", "name": "table-2"}
# # What does each skip buy?

# %% slideshow={"slide_type": "-"}
paper = {32: 59.4, 16: 62.4, 8: 62.7}  # FCN, Table 2
recipes = {32: "voc_fcn32s_cpu", 16: "voc_fcn16s_cpu", 8: "voc_fcn8s_staged_cpu"}
ours = {stride: results[f"05.mean_iu_{stride}s"] for stride in paper}
rows = ["| mean IU | the paper (Table 2) | a third of VOC | stickers, three seeds |", "|:--|--:|--:|--:|"]
for stride, value in paper.items():
    spread = f"{mean(ours[stride]):.1f} ({min(ours[stride]):.1f}&nbsp;to&nbsp;{max(ours[stride]):.1f})"
    on_voc = 100 * kept_result(recipes[stride])["scores"]["mean_iu"]
    rows.append(f"| **FCN-{stride}s** | {value} | {on_voc:.1f} | {spread} |")
display(Markdown("\n".join(rows)))

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Other pictures, other levels: compare the steps. The paper's numbers are for PASCAL VOC
# 2011; the next column's for VOC 2012, a third of it, in the paper's stages and in half an hour on one core; the last one's
# for the data of the run that the first slide names. Everywhere, the second skip buys less than the first. Ask which
# difference is smaller than its spread: the paper gives none, and its last step is 0.3 points.

# %% [markdown] slideshow={"slide_type": "slide", "name": "beyond-voc"}
# # FCN beyond VOC: where to join colour and depth?

# %% slideshow={"slide_type": "-"}
nyud = {"RGB": 29.2, "early": 30.5, "HHA": 24.2, "late": 32.8}  # FCN, Table 4
rows = ["| | NYUDv2 in the paper (Table 4), mean IU | stickers, this course's run, three seeds |", "|:--|--:|--:|"]
for arm, value in nyud.items():
    ours = results[f"06.mean_iu_{arm.lower()}"]
    rows.append(f"| **{arm}** | {value} | {mean(ours):.1f} ({min(ours):.1f} to {max(ours):.1f}) |")
gain = mean(results["06.late_minus_rgb_as_long"])
rows.append(f"| late against RGB | +3.6 | {gain:+.1f}, when RGB is trained as long |")
display(Markdown("\n".join(rows)))

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Early: one net with a fourth channel, depth. Late: two nets, one for colour and one for
# HHA (disparity, height, angle with gravity), whose scores are added. In rooms the late joint gains 3.6 points. Among
# stickers, whose classes are drawings, depth says where a thing is and hardly what it is; late fusion starts there from
# the two nets that were trained alone, and so has learned for longer: the last row is fair. Ask what they would expect of their own sensor,
# and how they would find out: by breaking one source and testing again.

# %% [markdown] slideshow={"slide_type": "slide", "name": "unet"}
# # U-Net: down for *what*, back up for *where*

# %% slideshow={"slide_type": "-"}
net = UNet()
frames = [unet_drawing(net, 572, step=step) for step in (1, 5, 9, steps_of(maps_of(net, 572)))]
show(
    unet_drawing(net, 572),
    slides=frames,
    alt="The U of a U-Net for a picture of 572x572: boxes for its maps, channels above them and sizes below. The left arm "
    "goes down to 28x28 with 1024 channels, the right arm back up to 388x388; arrows lead across at each level.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* This is the paper's Figure 1, drawn from the module that lecture 07 builds. Walk down the
# left arm and let them predict the next size: each 3x3 convolution without padding costs two pixels, each pooling
# halves. Then the way back: it carries as many channels as the way down. What comes across is cropped, and put beside,
# not added: ask what that changes against an FCN.

# %% [markdown] slideshow={"slide_type": "slide", "name": "unet-few-images"}
# # How does it learn from so few images?
#
# - **Elastic deformation**: bent cells are still cells.
# - A **weight map** makes the gaps between touching cells expensive.
# - **Overlap-tile**: any size, with mirrored borders.
#
# | IU (Table 2) | U-Net | second best in 2015 |
# |:--|--:|--:|
# | PhC-U373 | 0.9203 | 0.83 |
# | DIC-HeLa | 0.7756 | 0.46 |

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Ask what one could do with thirty annotated pictures. The three lines are the paper's
# answers. The weight map is the least known: it counts every pixel of a thin gap up to ten times more, so that the
# net prefers to keep cells apart. Lecture 08 takes each of them away again and measures what is lost.

# %% slideshow={"slide_type": "slide", "name": "mask-rcnn"}
title = "Mask R-CNN: first find each thing, then draw it"
show(
    mask_rcnn_drawing(scene, title),
    slides=[mask_rcnn_drawing(scene, title, upto=stage) for stage in range(1, STAGES + 1)],
    alt="Six stages on a photograph of a cup on a saucer with a spoon: the picture; maps of four sizes; many boxes, three "
    "of them kept; each box as 14x14 cells; a class and a 28x28 mask for each; the picture with three coloured masks.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* One stage a click. The boxes and masks are drawn by hand, not found by a net; the sizes
# are those of torchvision's modules. Ask at stage three what happens to a thing that no box was offered for: it is
# lost. Ask at stage five why cup and saucer can both be masks of the same class: each box has a mask of its own, and
# classes do not compete inside it.

# %% [markdown] slideshow={"slide_type": "slide", "name": "mask-rcnn-parts"}
# # Which part of it matters most?

# %% slideshow={"slide_type": "-"}
rows = [
    "| | mask AP on COCO (Table 2) | mean IU of masks in true boxes, this course's run |",
    "|:--|--:|--:|",
]
compared = {
    "each class its own **sigmoid**, not one softmax": ("24.8 to 30.3", "softmax", "sigmoid_for_each_class"),
    "**RoIAlign**, not RoIPool (stride 16)": ("26.9 to 30.3", "roipool_16", "roialign_16"),
    "the same at stride 32": ("23.6 to 30.9", "roipool_32", "roialign_32"),
}
for part, (paper, without, with_it) in compared.items():
    before, after = (mean(results[f"09.mask_iu_{name}"]) for name in (without, with_it))
    rows.append(f"| {part} | {paper} | {before:.2f} to {after:.2f} |")
display(Markdown("\n".join(rows)))

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Cover the numbers and take guesses first. RoIPool rounds a box to the cells of the map,
# so that a mask lies up to half a cell off; RoIAlign interpolates. Few expect the sigmoid to matter as much: a softmax
# makes the classes compete for each pixel, although the box has settled the class already. Ours are means of three seeds,
# on stickers, after a hundred steps: compare the direction, not the size.

# %% [markdown] slideshow={"slide_type": "slide", "name": "summary"}
# # One question, three answers
#
# A classifier knows *what*, and has forgotten *where*. To get it back:
#
# - **FCN** adds finer scores,
# - **U-Net** joins finer features,
# - **Mask R-CNN** looks again inside each box.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let the room complete the three lines before you read them. Then ask which of the three
# they would take for counting cells, for a map of streets, and for a robot that picks up cups. Lecture 10 shows how to
# try it on pictures of their own.
