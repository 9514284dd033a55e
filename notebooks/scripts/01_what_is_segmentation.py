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
# # What is segmentation?
#
# ![A photograph of a cup of coffee, described in five ways, from one name to outlines with names.](attachment:cover.jpg)
#
# Someone hands you a photograph and asks what is in it.
#
# There are at least five good answers.

# %% [markdown] slideshow={"slide_type": "skip"}
# Each of the five is a different task for a machine. This lecture sorts them out, measures how good an answer is, and
# finds out how far one gets without learning anything.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Nothing is trained today: every cell answers within seconds, so let the room guess
# before each of them. The exercise on Otsu's threshold is optional, and takes the quick ones another ten minutes.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["objectives"]
# ## In 60 minutes you will be able to
#
# - describe one picture in five ways, and say what each can and cannot tell,
# - read a label map, and say what void is for,
# - compute all four metrics of semantic segmentation from one confusion matrix, and say when each of them misleads,
# - tell IU and Dice apart, and ask of every table what its mean was taken over,
# - use thresholds and watersheds as baselines, and show where they end.

# %% slideshow={"slide_type": "skip"} tags=["parameters"]
PROFILE = "quick"  # "quick": a CPU in seconds; "full": the same pictures, with more labelled pixels to learn from
DEVICE = "auto"  # "auto", "cpu", "cuda" or "mps": where pixels are counted
SEED = 0  # which pixels the colour method learns from
DATASET = "nuclei"

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
from skimage.filters import threshold_otsu
from skimage.measure import label
import torch
from course_utils import metrics
from course_utils.data import annotation, nuclei, touching
from course_utils.inference import classical
from course_utils.figures import accuracy_curves, Box, confusion, dice_against_iu, draw_boxes, draw_classes
from course_utils.figures import draw_image, draw_instances, draw_mistakes, histogram_split, label_numbers, outline
from course_utils.figures import panels, show, two_orders
from course_utils.widgets import explore, paint_mask, threshold as threshold_explorer
from course_utils.exercises import check, hint, quiz
from course_utils.course import begin, choose, record

run = begin(PROFILE, DEVICE, SEED)

# %% [markdown] slideshow={"slide_type": "slide", "name": "coffee"}
# ## What is in this picture?
#
# What is it a picture *of*? How many dishes, how many spoons? Which pixels are table?

# %% [markdown] slideshow={"slide_type": "skip"}
# An espresso, photographed from above. Before you go on, write down your answers. Which of the three could you answer
# with one word, and which would take you an hour?

# %% slideshow={"slide_type": "-"}
scene = annotation("coffee")
show(
    panels({"": lambda axes: draw_image(axes, scene.image)}, "What is in this picture?", width=9),
    alt="A photograph from above: a red cup of espresso on a red saucer, a spoon beside it, on a wooden table.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Which of the three takes one word, and which an hour? Question 2 splits the room: cup
# and saucer are two dishes, and many see one. Write the answers on the board and label them with the five names as they
# come up below. Somebody may see a second spoon: the cup's glaze mirrors the first. Is a mirrored spoon a spoon? In our
# masks it is cup.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## One picture, five descriptions
#
# The outlines were drawn by hand for this course. Look at cup and saucer, both of class *dish*, in the last three
# pictures: in one of them they cannot be told apart.


# %% slideshow={"slide_type": "skip"}
def box_around(number):
    """The smallest box that holds an object."""
    rows, columns = (scene.instances == number).nonzero().T
    edges = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    return Box(*(edge.item() for edge in edges), scene.objects[number - 1])


boxes = [box_around(number) for number in (2, 1, 3)]

# panoptic: stuff keeps its class, each thing gets a number of its own
panoptic = scene.mask.clone()
panoptic[(scene.instances == 2) & (scene.mask != 255)] = 4
panoptic_classes = ["background", "table", "dish 1", "spoon 1", "dish 2"]


# %% slideshow={"slide_type": "slide", "name": "five"}
def draw_class_alone(axes):
    """The picture and its one word."""
    draw_image(axes, scene.image)
    axes.text(12, 40, "espresso", fontsize=15, weight="bold", backgroundcolor="white")


def draw_detection(axes):
    """The picture with boxes."""
    draw_image(axes, scene.image)
    draw_boxes(axes, boxes)


five = {
    "1 classification": draw_class_alone,
    "2 detection": draw_detection,
    "3 semantic segmentation": lambda axes: draw_classes(axes, scene.image, scene.mask, scene.classes),
    "4 instance segmentation": lambda axes: draw_instances(axes, scene.image, scene.instances),
    "5 panoptic segmentation": lambda axes: draw_classes(axes, scene.image, panoptic, panoptic_classes),
}
figure = panels(five, "Five descriptions of one picture, each a task of its own", columns=3, width=14, legend=False)
show(
    figure,
    alt="The photograph five times: as it is, with one name; with boxes around cup, saucer and spoon; with table, dish "
    "and spoon coloured by class; with cup, saucer and spoon in a colour each; and with both at once.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Look at cup and saucer, both of class dish, in pictures 3 to 5: in one of them they
# cannot be told apart. Ask for a job for each description: sorting holiday pictures, counting cars at a crossing,
# deciding where a robot may drive, measuring each cell, driving a car.

# %% [markdown] slideshow={"slide_type": "subslide", "name": "what-each-holds"}
# ### What does each of them hold?
#
# | description | for each ... it says | touching dishes | table and floor |
# |---|---|---|---|
# | classification | picture: a class | not told | not told |
# | detection | thing: a class and a box | two boxes | not told |
# | semantic | pixel: a class | **one region** | told |
# | instance | thing: a class and a mask | two masks | not told |
# | panoptic | pixel: a class, and for things a number | two numbers | told |

# %% [markdown] slideshow={"slide_type": "skip"}
# *Things* can be counted: cups, spoons, people. *Stuff* cannot: table, sky, grass. Here is how many numbers each
# description of this one picture takes.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
height, width = scene.mask.shape
print("classification      ", 1)
print("detection           ", len(boxes) * 5)
print("semantic            ", height * width)
print("instance            ", len(scene.objects) * (1 + height * width))
print("panoptic            ", 2 * height * width)

# %% [markdown] slideshow={"slide_type": "skip"}
# From one number to hundreds of thousands: what costs a word in classification costs an hour of outlining here. That is
# why good masks are rare, and why lectures 04 and 08 care so much about learning from few of them.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Things can be counted, such as cups and people; stuff cannot, such as table and sky.
# Cover the last two columns and let the room fill them. Classification is one number for this picture, panoptic
# segmentation hundreds of thousands: what costs a word there costs an hour of outlining here. Lectures 02 and 03 stay
# with classification and semantic segmentation, 04 to 06 with semantic, 07 and 08 come to instances of cells, 09 to
# boxes and instances.

# %% [markdown] slideshow={"slide_type": "slide", "name": "label-map"}
# ## What does a machine see in a mask?

# %% [markdown] slideshow={"slide_type": "skip"}
# A label map is an image of numbers. Guess what stands in the window below, where the spoon's handle crosses the rim
# of the saucer: how many different numbers, and which of them are next to each other?

# %% slideshow={"slide_type": "-"}
title = "A label map is numbers: 1 table, 2 dish, 3 spoon, and 255 where nobody decided"
show(
    label_numbers(scene.image, scene.mask, (94, 405), (12, 17), title),
    slides=[label_numbers(scene.image, scene.mask, (96, 405), (10, 13), title)],
    alt="Left: the photograph with a small frame at the spoon's handle. Right: the frame's labels as numbers, in bands "
    "of 2, 3 and 1 that are separated by hatched cells with 255.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Between any two classes lies a band of **void**, label 255: the light of both falls on one pixel there, and no
# outline is sure to a pixel. Below the cup's handle a whole patch is void: the handle's inner side, or the saucer seen
# through it? Void is not a class. It is left out of every loss and every score.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* A label map is an image of numbers. Ask what the hatched cells are before you say it:
# void, where the light of both classes falls on one pixel and no outline is sure. It is left out of every loss and
# every score. On the board: an outline crossing a pixel, and the question which class that pixel has.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
for number, name in enumerate(scene.classes):
    print(f"{number:3}  {name:11}{(scene.mask == number).float().mean():6.1%} of the pixels")
print(f"255  {'void':11}{(scene.mask == 255).float().mean():6.1%}")

# %% [markdown] slideshow={"slide_type": "subslide", "name": "resizing"}
# ### May a mask be resized like a photograph?
#
# Table (1) meets spoon (3). What does bilinear resizing make of it?

# %% [markdown] slideshow={"slide_type": "skip"}
# Bilinear resizing is the default of most image libraries. Guess before you run the cell.

# %% slideshow={"slide_type": "-"} tags=["show-code", "nbval-check-output"]
row = torch.tensor([[[[1.0, 1, 3, 3]]]])
for mode in ("bilinear", "nearest"):
    resized = torch.nn.functional.interpolate(row, size=(1, 12), mode=mode)
    print(f"{mode:9}", resized.round().long().flatten().tolist())

# %% [markdown] slideshow={"slide_type": "fragment"}
# A dish (2) appeared between table and spoon. Labels are **names**, not quantities.

# %% [markdown] slideshow={"slide_type": "skip"}
# Half way between table and spoon lies nothing. Masks are resized with `nearest`, saved as PNG and never as JPEG, and
# flipped or turned together with their image. When a mask holds labels that nobody drew, this is the first thing to
# look for.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let the room guess the bilinear row before you show it; most expect ones and then
# threes. Ask what happens between table (1) and void (255): 128, a class of its own in a map with 151 classes. So:
# nearest for masks, PNG and never JPEG, and flips and turns together with the image.

# %% [markdown] slideshow={"slide_type": "slide", "name": "lazy-question"}
# ## A net says "background" everywhere. How good is it?
#
# The pictures: cell nuclei under a microscope, each outlined by an expert.
#
# **Guess:** how many per cent of all pixels does it get right?

# %% [markdown] slideshow={"slide_type": "skip"}
# Two methods compete. One is the laziest net there is: it answers *background* at every pixel. The other calls a pixel
# nucleus where it is brighter than a threshold (how it finds the threshold comes later).

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Write the guesses on the board; the usual one is 50 %. Then ask which score you would
# put into a paper if you were the lazy net's author.

# %% slideshow={"slide_type": "skip"}
image, labels = choose(DATASET, {"nuclei": nuclei})()
truth = (labels > 0).long()

lazy = torch.zeros_like(truth)
bright = torch.from_numpy(classical.otsu_mask(image, sigma=1.5)).long()


# %% slideshow={"slide_type": "skip"}
def score(truth, prediction, classes=2):
    """All scores of one label map, counted on this run's device."""
    return metrics.scores(metrics.confusion_matrix(truth.to(run.device), prediction.to(run.device), classes))


lazy_scores, bright_scores = score(truth, lazy), score(truth, bright)
print("lazy:     ", lazy_scores)
print("threshold:", bright_scores)
record("01.lazy_pixel_accuracy", round(lazy_scores.pixel_accuracy, 4))
record("01.lazy_mean_iu", round(lazy_scores.mean_iu, 4))
record("01.threshold_mean_iu", round(bright_scores.mean_iu, 4))

# %% slideshow={"slide_type": "subslide", "name": "lazy"}
drawings = {
    f"{name}: mean IU {its.mean_iu:.2f}": lambda axes, of=prediction: draw_mistakes(
        axes, image, truth, of, shares=False
    )
    for name, prediction, its in (
        ("'background' everywhere", lazy, lazy_scores),
        ("brighter than a threshold", bright, bright_scores),
    )
}
title = f"{lazy_scores.pixel_accuracy:.0%} of the pixels right, and not one nucleus found"
figure = panels(drawings, title, width=13)
show(
    figure,
    alt="Two mistakes maps of the nuclei. Left, every nucleus is marked as missed. Right, thin rims of the nuclei and "
    "a few dim ones are missed, and some pixels between neighbours are false alarms.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Pixel accuracy of the lazy net is the share of background in the picture, nothing else: on a picture with fewer
# nuclei it would be better still. It lies whenever classes have different sizes, and they always do.
#
# **Intersection over union** (IU) asks each class by itself: of all pixels that are this class *or* were called so,
# how many are both? The lazy net has IU 0 for nuclei, and the mean over the two classes says so.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Its pixel accuracy is the share of background in the picture, nothing else; in VOC,
# too, most pixels are background. Now the fair question, class by class: of all pixels that are nucleus or were called
# so, how many are both? Draw two overlapping circles, shade the intersection and the union. Ask what IU is for circles
# that are shifted by half a radius: most guess too high.

# %% [markdown] slideshow={"slide_type": "slide", "name": "colour"}
# ## Every pixel takes the class of the nearest mean colour. Which two get mixed up?

# %% [markdown] slideshow={"slide_type": "skip"}
# How wrong is a prediction, and *in which way*? For that we take a weak method on the coffee, with four classes: learn
# the mean colour of each class from a few labelled pixels, and give every pixel the class whose colour is nearest.
# Guess before you look.


# %% slideshow={"slide_type": "skip"}
def nearest_colour(image, mask, classes, samples):
    """Label each pixel with the class whose mean colour, over a few labelled pixels, is nearest."""
    colours = image.flatten(1).T.float()
    means = []
    for number in range(classes):
        pixels = (mask.flatten() == number).nonzero().squeeze(1)
        chosen = pixels[torch.randperm(len(pixels))[:samples]]
        means.append(colours[chosen].mean(dim=0))
    return torch.cdist(colours, torch.stack(means)).argmin(dim=1).reshape(mask.shape)


guess = nearest_colour(scene.image, scene.mask, classes=4, samples=run.pick(quick=50, full=2000))

# %% slideshow={"slide_type": "fragment"}
figure = panels(
    {
        "truth": lambda axes: draw_classes(axes, scene.image, scene.mask, scene.classes),
        "nearest mean colour": lambda axes: draw_classes(axes, None, guess, scene.classes, names=False),
    },
    "Colour knows a little, and takes the white cup for wood",
    width=13,
)
show(
    figure,
    alt="Left: the coffee with its true classes. Right: the classes by colour, a noisy map in which the cup's white "
    "inside counts as table, and the shadow on the saucer as background.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* A weak method on purpose: it learns one mean colour a class from a few labelled pixels
# of the same picture, so nothing here is a test result. Take a bet on the worst mix-up before the click; the next slide
# settles it.

# %% slideshow={"slide_type": "subslide", "name": "confusion"}
matrix = metrics.confusion_matrix(scene.mask, guess, classes=4)
share = matrix / matrix.sum(dim=1, keepdim=True)
share.fill_diagonal_(0)
worst = divmod(share.argmax().item(), 4)
title = f"Worst mix-up: {share.max():.0%} of the {scene.classes[worst[0]]} is called {scene.classes[worst[1]]}"
show(
    confusion(matrix, scene.classes, title),
    alt="The confusion matrix of the four classes: rows are the true classes, columns the predicted ones, each cell "
    "with its share of the row and its number of pixels.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Row $i$, column $j$ holds $n_{ij}$: how many pixels of true class $i$ were predicted as class $j$. A row adds up to
# $t_i$, all pixels of class $i$. What is right stands on the diagonal. Void pixels are in no cell.
#
# Matrices of two pictures can be **added**, and the sum is the matrix of both. No score has that property, which is
# why a test set is counted first and scored once, at the end.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Read one row aloud ("of the true spoon pixels, so many per cent were called ..."), then
# one column ("of all that was called table ..."). Students mix up the two all through the course. Matrices of two
# pictures can be added, and no score has that property: a test set is counted first and scored once, at the end.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-matrix"} tags=["exercise"]
# ## Your turn: `confusion_matrix`
#
# Count the pairs. The masks have any shape, row by row of pixels or whole batches; `void` in the truth is left out.
# A loop over pixels works and takes minutes for a data set; `torch.bincount` takes milliseconds.
#
# Stuck? Run `hint("01.confusion_matrix")` in a new cell.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "01-confusion_matrix", "locked": false, "schema_version": 3, "solution": true, "task": false}
def confusion_matrix(truth, prediction, classes, void=255):
    """How often each true class was predicted as each class.

    truth, prediction: label tensors of the same shape and of any integer type, uint8 too; truth may hold void
    returns: (classes, classes) integer tensor, row = truth, column = prediction
    """
    ### BEGIN SOLUTION
    known = truth != void
    pairs = truth[known].long() * classes + prediction[known].long()  # uint8 would wrap round at 256
    return torch.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "01-confusion_matrix-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("01.confusion_matrix", confusion_matrix)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 5 minutes.* Everybody writes. A loop over pixels is right and takes minutes for a data set; ask who
# finds the number that stands for a pair of classes, for then `bincount` counts them all at once. The usual mistakes
# are rows and columns exchanged, and void counted as a class.

# %% [markdown] slideshow={"slide_type": "slide", "name": "four-scores"}
# ## Four scores from one matrix
#
# | score | formula | in words |
# |---|---|---|
# | pixel accuracy | $\sum_i n_{ii} \,/\, \sum_i t_i$ | share of the pixels that are right |
# | mean accuracy | $\frac{1}{n_{cl}} \sum_i n_{ii} / t_i$ | the same for each class, then the mean |
# | mean IU | $\frac{1}{n_{cl}} \sum_i n_{ii} \,/\, (t_i + \sum_j n_{ji} - n_{ii})$ | intersection over union, then the mean |
# | frequency-weighted IU | $(\sum_k t_k)^{-1} \sum_i t_i\, n_{ii} \,/\, (t_i + \sum_j n_{ji} - n_{ii})$ | the same, weighted by size |

# %% [markdown] slideshow={"slide_type": "skip"}
# The table is the FCN paper's (section 5), with $n_{ij}$ as above, $t_i = \sum_j n_{ij}$ and $n_{cl}$ classes.
# *Swollen* below are the experts' own nuclei, each blown up by three pixels all around. Decide before the next cell.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Say the symbols: n with two indices is the matrix, t the sum of a row, n with cl the
# number of classes. Point at the sum over j of n with j first: the column. Let the room bet on the swollen nuclei
# before the next slide: every nucleus is found completely.

# %% [markdown] slideshow={"slide_type": "subslide", "name": "four-answers"}
# ### Which score likes nuclei that are three pixels too large?

# %% slideshow={"slide_type": "-"}
swollen = torch.nn.functional.max_pool2d(truth[None].float(), kernel_size=7, stride=1, padding=3)[0].long()
rows = {"'background' everywhere": lazy_scores, "threshold": bright_scores, "swollen": score(truth, swollen)}
rows["coffee, nearest colour"] = metrics.scores(matrix)
print(f"{'':26}{'pixel acc.':>11}{'mean acc.':>11}{'mean IU':>11}{'f.w. IU':>11}")
for name, its in rows.items():
    four = (its.pixel_accuracy, its.mean_accuracy, its.mean_iu, its.frequency_weighted_iu)
    print(f"{name:26}" + "".join(f"{value:11.3f}" for value in four))

# %% [markdown] slideshow={"slide_type": "skip"}
# The two that weigh by pixels, the first and the last, flatter the lazy net. Mean accuracy does not, and has a hole of
# its own: it never looks at the false alarms *of* a class, so the swollen nuclei beat the threshold in it. Mean IU sees
# both kinds of mistakes of every class, and is the one that most papers rank by. A class that is in neither truth nor
# prediction has no IU (0 / 0) and is left out of the means; a report says how many classes counted.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* The first and the last column flatter the lazy net: they weigh by pixels. Mean accuracy
# never looks at the false alarms of a class, so the swollen nuclei win there. Ask which of the four a surgeon would
# want, and which the maker of a lawn mower robot. There is no best score, only a question it answers.

# %% [markdown] slideshow={"slide_type": "subslide", "name": "paint"}
# ### Who can beat 0.9?
#
# Somebody in a hurry put an ellipse over the cat. Which of the six numbers moves least when you mend it?

# %% slideshow={"slide_type": "-"}
cat = annotation("cat")
explore(paint_mask(cat.image, cat.mask, "cat"))

# %% [markdown] slideshow={"slide_type": "skip"}
# The inside of the cat is quickly painted and moves every number a little. What is left is the outline: the last points
# of mean IU take most of the work, as they did for the people who drew the masks that nets learn from.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Hand the mouse to somebody, with a minute on the clock; the room reads the numbers
# aloud. Paint the corners first, then erase beside the right ear. Ask at the end: what would another annotator have
# drawn at the whiskers, and which IU would the two of them have with each other?

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn-metrics"} tags=["exercise"]
# ## Your turn: `four_metrics`
#
# All four from the matrix, in the table's order. Mind the class that does not occur. A nudge:
# `hint("01.four_metrics")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "01-four_metrics", "locked": false, "schema_version": 3, "solution": true, "task": false}
def four_metrics(matrix):
    """Pixel accuracy, mean accuracy, mean IU and frequency-weighted IU, each from 0 to 1.

    matrix: (classes, classes) counts, row = truth, column = prediction
    returns: four numbers; classes in neither truth nor prediction are left out of the means
    """
    ### BEGIN SOLUTION
    matrix = matrix.double()
    right, true, predicted = matrix.diag(), matrix.sum(dim=1), matrix.sum(dim=0)
    iu = right / (true + predicted - right)
    pixel_accuracy = right.sum() / true.sum()
    mean_accuracy = (right / true).nanmean()
    weighted = (true * iu).nansum() / true.sum()
    return pixel_accuracy.item(), mean_accuracy.item(), iu.nanmean().item(), weighted.item()
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "01-four_metrics-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("01.four_metrics", four_metrics)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* Ask what 0 / 0 should be before they start. The usual mistakes: means taken over
# classes that do not occur, and a union that counts the intersection twice.

# %% [markdown] slideshow={"slide_type": "slide", "name": "dice"}
# ## Dice follows from IU. Can they rank two methods differently?
#
# $$\mathrm{IU} = \frac{|A \cap B|}{|A \cup B|} \qquad \mathrm{Dice} = \frac{2\,|A \cap B|}{|A| + |B|} = \frac{2\,\mathrm{IU}}{1 + \mathrm{IU}}$$

# %% [markdown] slideshow={"slide_type": "skip"}
# In medicine one reports Dice, in street scenes and in VOC IU. One follows from the other, so it should not matter
# which of the two we rank methods by. Should it?
#
# We cut the nuclei into small images and let two methods compete: **one threshold** for the whole picture, or **a
# threshold for each image**.


# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask for a vote: can the order of two methods change? Most say no, since Dice only rises
# with IU. Medicine reports Dice, VOC and street scenes IU. The contest on the next slide: one threshold for the whole
# picture of nuclei against one for each of its sixteen pieces.


# %% slideshow={"slide_type": "skip"}
def cut(labels, parts):
    """(H, W) -> a list of parts x parts smaller images."""
    rows = labels.chunk(parts, dim=-2)
    return [piece for row in rows for piece in row.chunk(parts, dim=-1)]


parts = 4
one = bright
smooth = torch.from_numpy(classical.grey(image, sigma=1.5))
own = torch.cat(
    [
        torch.cat([piece > threshold_otsu(piece.numpy()) for piece in row.chunk(parts, dim=1)], dim=1)
        for row in smooth.chunk(parts)
    ]
).long()


# %% slideshow={"slide_type": "skip"}
def both_scores(prediction):
    """IU and Dice of the nuclei: of all pixels together, and for each image."""
    together = score(truth, prediction)
    each = [score(t, p) for t, p in zip(cut(truth, parts), cut(prediction, parts), strict=True)]
    iu, dice = (torch.stack([getattr(its, name)[1] for its in each]) for name in ("iu", "dice"))
    return {"IU": together.iu[1], "Dice": together.dice[1], "ius": iu, "dices": dice}


methods = {"one threshold": both_scores(one), "a threshold for each": both_scores(own)}
print(f"{'nuclei':22}{'IU of all':>12}{'Dice of all':>13}{'mean IU':>12}{'mean Dice':>12}")
for name, its in methods.items():
    means = its["ius"].nanmean(), its["dices"].nanmean()
    print(f"{name:22}{its['IU']:12.3f}{its['Dice']:13.3f}{means[0]:12.3f}{means[1]:12.3f}")
    record(
        f"01.nuclei_{'one' if its is methods['one threshold'] else 'own'}_mean_iu_of_images", round(means[0].item(), 4)
    )

# %% slideshow={"slide_type": "subslide", "name": "two-orders"}
first, second = methods.values()
leads = {
    "IU": "one" if first["ius"].nanmean() > second["ius"].nanmean() else "each",
    "Dice": "one" if first["dices"].nanmean() > second["dices"].nanmean() else "each",
    "all": "one" if first["IU"] > second["IU"] else "each",
}
words = {"one": "one threshold", "each": "a threshold for each"}
title = f"Mean IU of the images prefers {words[leads['IU']]}, mean Dice {words[leads['Dice']]}"
show(
    two_orders(first["ius"], second["ius"], ("one threshold", "a threshold for each image"), title, "IU of the nuclei"),
    alt="IU of both methods for each image, ordered by their difference: on a few images the threshold of their own "
    "fails badly, on most of the others it is better.",
)
record("01.orders_disagree", len(set(leads.values())) > 1)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* Each pair of marks is one piece of the picture. Thresholds of their own help on many
# pieces and fail on a few, where very bright nuclei lift the threshold above all the others. How can two means over the
# same pieces disagree? On the board: a bent curve, two points, and the middle of their chord under it. The moral is
# worth writing down: "mean over what?" VOC, CamVid and this course count all images at once; many medical papers
# average over patients. Neither is wrong, and the two cannot be compared.

# %% [markdown] slideshow={"slide_type": "skip"}
# On one image, IU and Dice never disagree about who is better: the curve below only rises. But it is *bent*, so the
# mean of bent values is not the bent mean. Thresholds of their own help on many images and fail on a few, where some
# very bright nuclei lift the threshold above all the others. Dice weighs those failures more and the gains less. And
# over all pixels together, large and crowded images decide.

# %% slideshow={"slide_type": "skip"}
points = {
    "one threshold, all pixels": (first["IU"].item(), first["Dice"].item()),
    "a threshold for each, all pixels": (second["IU"].item(), second["Dice"].item()),
    "a threshold for each, mean of images": (second["ius"].nanmean().item(), second["dices"].nanmean().item()),
}
show(
    dice_against_iu(points, "All pixels lie on the curve, a mean over images lies under it"),
    alt="The curve Dice = 2 IU / (1 + IU) above the diagonal, with two scores of all pixels on it and one mean over "
    "images a little below it.",
)

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## Your turn: `iu_two_ways`
#
# Score class 1 both ways, from the confusion matrices of the single images. What is the IU of an image without any
# object, in which none was found? Think, then see what the check says. A nudge: `hint("01.iu_two_ways")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "01-iu_two_ways", "locked": false, "schema_version": 3, "solution": true, "task": false}
def iu_two_ways(matrices):
    """IU of class 1 over all images at once, and as the mean of the images' own IUs.

    matrices: a list of (2, 2) confusion matrices, one for each image
    returns: two numbers; images without class 1 in truth and prediction are left out of the mean
    """

    ### BEGIN SOLUTION
    def union_and_iu(matrix):
        union = (matrix[1].sum() + matrix[:, 1].sum() - matrix[1, 1]).item()
        return union, matrix[1, 1].item() / union if union else float("nan")

    matrices = [matrix.long() for matrix in matrices]
    _, together = union_and_iu(sum(matrices))
    each = [iu for union, iu in map(union_and_iu, matrices) if union > 0]
    return together, sum(each) / len(each) if each else float("nan")
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "01-iu_two_ways-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check("01.iu_two_ways", iu_two_ways)

# %% [markdown] slideshow={"slide_type": "slide", "name": "one-number"}
# ## Brighter is coin: where does one threshold go wrong?

# %% [markdown] slideshow={"slide_type": "skip"}
# Coins on a dark cloth. One number, a grey value, could tell them apart. Guess where it goes wrong, looking at the
# corners of the photograph.

# %% slideshow={"slide_type": "-"}
coins = annotation("coins")
grey = classical.grey(coins.image)
threshold = threshold_otsu(grey)
by_threshold = torch.from_numpy(grey > threshold).long()
coin_scores = score(coins.mask, by_threshold)
figure = panels(
    {
        "coins": lambda axes: draw_image(axes, coins.image),
        f"brighter than {threshold:.0f}: mistakes": lambda axes: draw_mistakes(
            axes, coins.image, coins.mask, by_threshold
        ),
    },
    f"One threshold finds the coins, and a corner that is lit (mean IU {coin_scores.mean_iu:.2f})",
    width=13,
)
show(
    figure,
    alt="Left: 24 coins on dark cloth, lit from the upper left. Right: the mistakes; a large false alarm fills the "
    "upper left corner, and dark parts of the coins' faces are missed.",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Show the photograph and let the room point before they look at the right half: the lit
# corner. Otsu's method tries every grey value and takes the one that sets the two groups farthest apart. No choice can
# do better than the histograms allow: where they overlap, one side loses.

# %% slideshow={"slide_type": "skip"}
show(
    histogram_split(
        grey, threshold, "The cloth's lit corner is as bright as a coin's shadow", coins.mask.numpy(), "coin"
    ),
    alt="Two histograms of grey values: the cloth's, mostly dark with a tail to the right, and the coins', wide and "
    "bright; they overlap around Otsu's threshold.",
)
record("01.coins_otsu_mean_iu", round(coin_scores.mean_iu, 4))

# %% [markdown] slideshow={"slide_type": "skip"}
# **Otsu's threshold** (1979) tries every grey value $t$ and takes the one that sets the two groups farthest apart: with
# shares $w_0, w_1$ and means $m_0, m_1$ of what is $\le t$ and what is $> t$, it maximises $w_0 w_1 (m_0 - m_1)^2$. No
# choice of $t$ can do better than the histograms allow: where they overlap, one side loses.

# %% [markdown] slideshow={"slide_type": "subslide", "name": "any-threshold"}
# ### Is there a better number than Otsu's?
#
# Slide to the top of the curve. Then blur the photograph: does the top rise?

# %% slideshow={"slide_type": "-"}
explore(threshold_explorer(coins.image, coins.mask))

# %% [markdown] slideshow={"slide_type": "skip"}
# There is, and only the truth knows it: the curve cannot be drawn without the mask. A blur takes the dark lines out of
# the coins' faces and lifts the whole curve a little; the lit corner stays, whatever number you choose.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Let the room call "higher" or "lower" while you slide. At the top, ask how one would
# find that place for a photograph without a mask. Too much blur lowers the curve again: ask what it does to the rims.

# %% [markdown] slideshow={"slide_type": "subslide", "name": "watershed"}
# ### The lit corner has no edge: let two floods meet on the ridges
#
# Seeds: surely cloth (very dark), surely coin (very bright). Landscape: the strength of the edges. That is a
# **watershed**.

# %% slideshow={"slide_type": "-"}
by_flood = torch.from_numpy(classical.flood_from_seeds(coins.image, dark=30, bright=150)).long()
flood_scores = score(coins.mask, by_flood)
print(f"threshold: mean IU {coin_scores.mean_iu:.3f}     watershed: mean IU {flood_scores.mean_iu:.3f}")
record("01.coins_watershed_mean_iu", round(flood_scores.mean_iu, 4))

# %% [markdown] slideshow={"slide_type": "fragment"}
# Nearly perfect. What should make you suspicious?

# %% [markdown] slideshow={"slide_type": "skip"}
# The two seeds, 30 and 150, were chosen by hand for *this* photograph (scikit-image's own example has them), and our own
# outlines were drawn along the same edges that the watershed climbs, with void where it might differ. A score is only as
# independent as its truth.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Draw the landscape in profile: two valleys, a ridge, water of two colours. Then the
# suspicion: both seeds were chosen by hand for this photograph, and our outlines were drawn along the same edges that
# the watershed climbs. A score is only as independent as its truth. How would one choose 30 and 150 for the next
# photograph? That is what the rest of the course answers: by learning from examples.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## Your turn, if you have ten minutes: `otsu`
#
# Write Otsu's method. Try all thresholds; 256 of them are no work for a computer. A nudge: `hint("01.otsu")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "01-otsu", "locked": false, "schema_version": 3, "solution": true, "task": false}
def otsu(image):
    """The grey value t for which the groups `<= t` and `> t` lie farthest apart.

    image: uint8 tensor of any shape
    returns: a number t from 0 to 254; objects are `image > t`
    """
    ### BEGIN SOLUTION
    counts = torch.bincount(image.flatten().long(), minlength=256).double()
    values = torch.arange(256).double()
    best, best_apart = 0, -1.0
    for t in range(255):
        dark, light = counts[: t + 1], counts[t + 1 :]
        if dark.sum() == 0 or light.sum() == 0:
            continue
        means = (values[: t + 1] * dark).sum() / dark.sum() - (values[t + 1 :] * light).sum() / light.sum()
        apart = dark.sum() * light.sum() * means**2
        if apart > best_apart:
            best, best_apart = t, apart
    return best
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "01-otsu-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("01.otsu", otsu)

# %% [markdown] slideshow={"slide_type": "slide", "name": "how-many"}
# ## The pixels look decent. How many nuclei are there?
#
# Number the connected regions of the threshold's mask. Too many, or too few?

# %% [markdown] slideshow={"slide_type": "skip"}
# The threshold on the nuclei had a mean IU that looks decent. Numbering the regions of its mask gives objects. Guess
# how many come out, if experts outlined the number printed below.

# %% slideshow={"slide_type": "fragment"}
found = {
    "regions of the threshold": label(bright.numpy()),
    "and a watershed between them": classical.split_touching(bright.numpy() > 0),
}
print(f"experts: {len(labels.unique()) - 1} nuclei, {touching(labels)} of which touch another")
for name, prediction in found.items():
    print(f"{name}: {prediction.max()} objects")

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let them guess whether too many or too few: neighbours that touch become one, noise
# becomes several. The second line floods the distance to the border: each place deep inside becomes an object, narrow
# waists become borders. On the board: two discs that overlap like an 8, and the distance drawn as two hills.

# %% [markdown] slideshow={"slide_type": "skip"}
# To score objects, pair each predicted one with a true one whose **IU reaches a threshold**, one to one. Pairs are true
# positives, what is left over on either side false positives and false negatives. $TP / (TP + FP + FN)$ is the
# **matched share**; `stardist.matching` computes it. The stricter the threshold, the fewer pairs. Cell biology calls it
# average precision; COCO's average precision is another number (lecture 09).

# %% slideshow={"slide_type": "subslide", "name": "object-scores"}
curves = {
    name: [match.accuracy for match in metrics.match_instances(labels, prediction)]
    for name, prediction in found.items()
}
coin_truth = coins.instances
curves["for comparison: coins, watershed"] = [
    match.accuracy for match in metrics.match_instances(coin_truth, label(by_flood.numpy()))
]
plain, split = (curves[name][0] for name in found)
title = f"At IU 0.5 the watershed lifts the nuclei from {plain:.2f} to {split:.2f}; the coins were easy"
show(
    accuracy_curves(curves, title),
    alt="TP over TP plus FP plus FN against the IU threshold: two falling curves for the nuclei, the watershed's above "
    "the plain threshold's, both near zero at 0.95, and the coins' near one throughout.",
)
record("01.nuclei_threshold_accuracy_at_50", round(float(plain), 4))
record("01.nuclei_watershed_accuracy_at_50", round(float(split), 4))

# %% [markdown] slideshow={"slide_type": "skip"}
# The pixels of both methods are the *same*, so every score of the section before is the same too. Only the question
# changed: not which pixels are nucleus, but which belong together. The second watershed floods the **distance to the
# border**: each place that is deep inside becomes an object, and narrow waists become borders.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Pair each object with a true one whose IU reaches the threshold, one to one; score TP /
# (TP + FP + FN), the matched share. Ask: how can two methods with identical pixels score differently? Only the question
# changed, from which pixels are nucleus to which belong together. Mention that cell biology calls this score average
# precision, and that COCO's average precision (lecture 09) is another number: it ranks detections by confidence.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Where do such methods end?
#
# Three kinds of failures, each on a crop of the nuclei. White lines are borders between objects; the thick yellow line
# is one nucleus as the experts saw it. Look for what they knew and a rule about brightness and distance cannot.

# %% slideshow={"slide_type": "skip"}
watershed = torch.from_numpy(found["and a watershed between them"]).long()
mistakes = metrics.object_mistakes(labels, watershed)
print({kind: len(numbers) for kind, numbers in mistakes._asdict().items()}, "of", len(labels.unique()) - 1, "nuclei")


def window(number, size=64):
    """A square around a nucleus, inside the picture."""
    centre = (labels == number).nonzero().double().mean(dim=0).round().long()
    top, left = (int(place.clamp(size // 2, 512 - size // 2)) - size // 2 for place in centre)
    return slice(top, top + size), slice(left, left + size)


def most_typical(numbers):
    """The largest of the nuclei with a failure: the easiest to see."""
    return max(numbers, key=lambda number: (labels == number).sum().item())


typical = {kind: most_typical(numbers) for kind, numbers in mistakes._asdict().items() if numbers}


# %% slideshow={"slide_type": "slide", "name": "failures"}
def draw_crop(axes, number, of):
    """Objects around one nucleus, with its true outline as a thick line."""
    at = window(number)
    draw_instances(axes, image[:, *at], of[at])
    outline(axes, (labels[at] == number).numpy(), "yellow")


drawings = {f"{kind}: experts": lambda axes, n=number: draw_crop(axes, n, labels) for kind, number in typical.items()}
drawings |= {
    f"{kind}: watershed": lambda axes, n=number: draw_crop(axes, n, watershed) for kind, number in typical.items()
}
counts = ", ".join(f"{len(numbers)} {kind}" for kind, numbers in mistakes._asdict().items())
title = f"Of {len(labels.unique()) - 1} nuclei: {counts}"
show(
    panels(drawings, title, columns=len(typical), width=13),
    alt="Crops of the nuclei, above as the experts outlined them, below as the watershed found them: neighbours that "
    "became one object, one nucleus cut in parts, and a dim nucleus of which a sliver was found.",
)
record("01.nuclei_merged", len(mistakes.merged))
record("01.nuclei_missed", len(mistakes.missed))

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* White lines are borders between objects, the thick yellow line is one nucleus as the
# experts saw it. For each of the three ask: what did the expert know that a rule about brightness and distance cannot?

# %% [markdown] slideshow={"slide_type": "subslide", "name": "cat"}
# ### And a cat?

# %% [markdown] slideshow={"slide_type": "skip"}
# Otsu's threshold on a photograph, at its best: we let it choose whether the cat is the bright or the dark side.
# Guess its IU for the cat.

# %% slideshow={"slide_type": "-"}
cat = annotation("cat")
cat_grey = classical.grey(cat.image)
cat_threshold = threshold_otsu(cat_grey)
sides = [torch.from_numpy(side).long() for side in (cat_grey > cat_threshold, cat_grey <= cat_threshold)]
side = max(sides, key=lambda prediction: score(cat.mask, prediction).iu[1])
cat_scores = score(cat.mask, side)
everywhere = score(cat.mask, torch.ones_like(cat.mask))
figure = panels(
    {
        "what we drew": lambda axes: draw_classes(axes, cat.image, cat.mask, cat.classes),
        "what Otsu calls cat": lambda axes: draw_classes(
            axes, cat.image, side, cat.classes, names=False, outlines=False
        ),
    },
    f"Grey is not meaning: IU {cat_scores.iu[1]:.2f} for the cat; calling everything cat gives {everywhere.iu[1]:.2f}",
    width=13,
)
show(
    figure,
    alt="Left: the cat's outline, drawn by hand. Right: what lies on the better side of Otsu's threshold: patches of "
    "fur, eyes and background mixed.",
)
record("01.cat_otsu_iu", round(cat_scores.iu[1].item(), 4))

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* Cover the picture except for a square of 5x5 pixels of fur and ask what it is. Widen
# the square until somebody says cat: that is a receptive field, and lecture 02 computes how large it is. What makes a
# pixel cat is not in the pixel. Do not talk the classical methods down: on the coins nothing learned would do better,
# and they cost no labels.

# %% slideshow={"slide_type": "skip"}
show(
    histogram_split(cat_grey, cat_threshold, "Cat and background share their grey values", cat.mask.numpy(), "cat"),
    alt="Histograms of the cat's and the background's grey values, which overlap over their whole range.",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# On the coins, brightness meant coin. On the cat it means light and shade, stripes and a pale wall. What makes a pixel
# *cat* is not in the pixel: it is in the ear above, the whiskers beside it, and the many cats one has seen. To use
# that, a method needs a large **context** and must **learn** from examples. Both come in the next lecture.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Five questions before you go

# %% slideshow={"slide_type": "skip"} tags=["quiz"]
quiz("01")

# %% [markdown] slideshow={"slide_type": "slide", "name": "summary"} tags=["summary"]
# ## What to take along
#
# - One picture can be asked five questions, from one word to a number a pixel.
# - A label is a name: resize masks with `nearest`, leave void out.
# - Count once, score at the end. Pixel accuracy flatters.
# - IU and Dice can disagree on means. Ask: mean over what?
# - Thresholds and watersheds need no labels, and know no meaning.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let the room say the five before you read them. Then the quiz in the notebook: alone
# first, then with a neighbour. Next time a classifier learns to answer everywhere.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["reading"]
# ## What to read next
#
# - Lecture 02, [From classifier to heat map](02_convolutionalization.ipynb): how a net that names pictures
#   comes to name pixels.
# - [Fully Convolutional Networks](https://arxiv.org/abs/1411.4038), section 5: the four metrics as you wrote them.
# - [Panoptic Segmentation](https://arxiv.org/abs/1801.00868), sections 1 to 3: things, stuff, and one score for both.
# - Otsu, *A threshold selection method from gray-level histograms*, IEEE Transactions on Systems, Man, and Cybernetics,
#   1979.
#
# Photographs: coffee, coins and cat come with [scikit-image](https://scikit-image.org); the nuclei with
# [stardist](https://github.com/stardist/stardist). The outlines of the photographs were drawn for this course.
