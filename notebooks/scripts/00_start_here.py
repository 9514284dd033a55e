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
# # Start here
#
# ![Six scenes composed of stickers, each beside its label map: one colour for every kind of thing.](attachment:cover.jpg)
#
# **Image segmentation:** what is here, and exactly where does it end? At every pixel.
#
# Eleven lectures, three networks, built from nothing but convolutions, on a laptop without a network.

# %% [markdown] slideshow={"slide_type": "skip"}
# A photograph holds a hundred thousand numbers and no meaning. You look at it and see a cat, a cup, a road; a machine
# has to learn that.
#
# The three networks are fully convolutional networks, U-Net and Mask R-CNN. You will build every one of them.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Ask the room who has used segmentation today: a blurred background in a video call, a
# phone's portrait mode, a parking assistant. Nearly everybody has. Then scroll to the picture below and ask what they
# would count.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["objectives"]
# ## In 30 minutes you will be able to
#
# - find your way through the course, and know which lecture stands on which,
# - tell whether this machine can run all of it,
# - answer an exercise, read what its check says, and ask for a hint,
# - switch a lecture between its two profiles.

# %% slideshow={"slide_type": "skip"} tags=["parameters"]
PROFILE = "quick"  # "quick": a CPU in seconds; "full": a GPU at the papers' sizes
DEVICE = "auto"  # "auto", "cpu", "cuda" or "mps"
SEED = 0
DATASET = "nuclei"

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
import matplotlib.pyplot as plt
import torch
from course_utils.data import nuclei, touching
from course_utils.figures import draw_image, draw_instances, show
from course_utils.widgets import lecture_mode
from course_utils.exercises import check, hint, NotYet, quiz
from course_utils.course import begin, choose, examine, record, start_page

run = begin(PROFILE, DEVICE, SEED)

# %% [markdown] slideshow={"slide_type": "slide", "name": "how-many"}
# ## How many cells are there?

# %% [markdown] slideshow={"slide_type": "skip"}
# Below is a picture from a microscope: the nuclei of living cells, glowing. Before you run the next cell, look at the
# left half for ten seconds and **write down a number**. A doctor needs it, for thousands of pictures like this one.

# %% slideshow={"slide_type": "-"}
image, labels = choose(DATASET, {"nuclei": nuclei})()
cells = len(labels.unique()) - 1

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 6.5))
draw_image(left, image)
left.set_title("Guess first")
draw_instances(right, image, labels)
right.set_title(f"{cells} nuclei, {touching(labels)} of which touch another")
show(
    figure,
    alt="Left: a fluorescence microscope's picture of bright cell nuclei, some touching. Right: the same picture with "
    "each nucleus outlined and filled in a colour of its own.",
)
record("00.cells_in_the_picture", cells)

# %% [markdown] slideshow={"slide_type": "skip"}
# Was your number close? Most people stop counting where nuclei touch. That is the hard part for a machine too: a map of
# *which pixels are nucleus* is easy to get here (lecture 01 does it with one threshold), and yet it cannot say *how
# many*. In lecture 08 a U-Net that you trained will count them.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* The nuclei of living cells, glowing under a microscope. Give the room ten seconds for
# the left half and collect a few guesses on the board; they usually lie between 80 and 110. Most people stop counting
# where nuclei touch, and so do machines: which pixels are nucleus is easy to say here, and how many nuclei is not.
# Lecture 08 counts them.

# %% [markdown] slideshow={"slide_type": "slide", "name": "map"}
# ## Where does the course go?
#
# - **01** what segmentation is, and how it is scored
# - **02, 03** a classifier answers everywhere; its answers come back to pixels
# - **04 to 06** FCN: trained end to end, with skips, beyond photographs
# - **07, 08** U-Net: cells told apart, learned from one image
# - **09, 10** Mask R-CNN: a mask for each thing; your own data

# %% [markdown] slideshow={"slide_type": "skip"}
# An arrow means "stands on", and a box with a solid frame is a link.
#
# Run the cell again whenever you like: the squares in a box fill as you solve its exercises, and below the map you are
# told where a new version of a notebook lies. In a terminal, `course progress` says the same.

# %% slideshow={"slide_type": "skip"}
start_page()

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Show the map in the notebook if you have it open: an arrow means "stands on". The first
# row is for everyone. After lecture 03 a class in a hurry can go straight to U-Net, and come back for the skips of
# lecture 05 when it meets them in the expanding path.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Can this machine run it?
#
# Two cores and 8 GiB of memory are enough. What reads *note* below is good to know and not needed; what reads
# *missing* comes with what to do about it. In a terminal, `course doctor` says the same at any time.

# %% slideshow={"slide_type": "skip"}
for finding in examine():
    print(f"{finding.state:8}{finding.what:22}{finding.found}")
    if finding.state == "missing":
        print(f"{'':8}{'':22}what to do: {finding.mend}")

# %% [markdown] slideshow={"slide_type": "slide", "name": "share"}
# ## Which share of this mask is cat: a quarter or a third?
#
# 0 is background, 1 is cat, 255 is **void**: the annotator could not tell.

# %% [markdown] slideshow={"slide_type": "skip"}
# Every section of a lecture goes like this one: a question, **your guess**, an experiment, a picture, the reason. Then
# it is your turn. Try the order here, on something small, and run each cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>.
#
# A mask is an image whose pixels are class numbers. Where the annotator could not tell, nobody is asked.

# %% slideshow={"slide_type": "-"} tags=["show-code"]
mask = torch.tensor(
    [
        [0, 0, 0, 0],
        [0, 255, 255, 0],
        [0, 255, 1, 1],
        [0, 255, 1, 1],
    ]
)

# %% slideshow={"slide_type": "fragment"} tags=["nbval-check-output"]
cat = (mask == 1).sum().item()
known = (mask != 255).sum().item()
print(f"{cat} of {mask.numel()} pixels are cat, and {cat} of the {known} whose class is known")

# %% [markdown] slideshow={"slide_type": "skip"}
# A quarter or a third? Both are numbers; only one is fair. The four void pixels were left open because they lie on the
# outline, where the cat's hair and the carpet mix. Counting them as "not cat" would claim something nobody knows. All
# scores in this course leave void out, above the fraction's line and below it.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 3 minutes.* Let the room vote by hands: a quarter, a third, seven sixteenths. The vote is usually
# split, which is the point. The void pixels lie on the outline, where the cat's hair and the carpet mix; counting them
# as "not cat" would claim something nobody knows. The PASCAL VOC challenge scores this way too.

# %% [markdown] slideshow={"slide_type": "slide", "name": "your-turn"} tags=["exercise"]
# ## Your turn: `foreground_share`
#
# Write that rule as a function for any mask. Foreground is every class but 0. A mask that is all void has nothing to
# share out: return 0 for it.
#
# Stuck? `hint("00.foreground_share")`: a nudge, the way, nearly there.

# %% [markdown] slideshow={"slide_type": "skip"}
# The cell after yours checks it. A wrong answer is not a disaster here: the check says *which* mistake yours looks
# like. Ask for the next hint in a new cell, up to three times (`from course_utils.exercises import hint`).


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "00-foreground_share", "locked": false, "schema_version": 3, "solution": true, "task": false}
def foreground_share(mask):
    """The share of a mask's labelled pixels that is foreground.

    mask: (H, W) tensor of class numbers, 0 for background, 255 for void
    returns: a number from 0 to 1; 0 for a mask that is all void
    """
    ### BEGIN SOLUTION
    known = (mask != 255).sum().item()
    foreground = ((mask != 0) & (mask != 255)).sum().item()
    return foreground / known if known else 0.0
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "00-foreground_share-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("00.foreground_share", foreground_share)

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 4 minutes.* Everybody writes three lines and runs the check. It does not say wrong: it says which
# mistake the answer looks like. Ask what a mask that is all void should give.

# %% [markdown] slideshow={"slide_type": "slide", "name": "wrong-answer"}
# ### A check says which mistake it was
#
# This one forgets void: `(mask != 0).sum() / mask.numel()`. What will the check say?

# %% [markdown] slideshow={"slide_type": "skip"}
# Read the function, guess what the check will say, then run it.


# %% slideshow={"slide_type": "skip"} tags=["show-code", "nbval-check-output"]
def hasty_share(mask):
    return ((mask != 0).sum() / mask.numel()).item()


try:
    check("00.foreground_share", hasty_share)
except NotYet as answer:
    print(answer)

# %% [markdown] slideshow={"slide_type": "skip"}
# The check tried masks of two and four pixels before anything larger, found the smallest on which the answer goes
# wrong, and named the mistake. In later lectures such a message can save you an evening: a void pixel that counts as a
# class also ruins a loss, silently.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* Let them guess the message before you show it. The check tried masks of two and four
# pixels before anything larger, found the smallest on which the answer goes wrong, and named the mistake. A void pixel
# that counts as a class also ruins a loss, silently.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## Your turn: `paint`
#
# A mask holds class numbers. To be looked at, each number has to become a colour. A **palette** says which: row 0 is
# the colour of class 0, row 1 that of class 1, and so on. Void has no row; paint it white. Stuck? `hint("00.paint")`.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "00-paint", "locked": false, "schema_version": 3, "solution": true, "task": false}
def paint(mask, palette):
    """A picture of a mask.

    mask: (H, W) tensor of class numbers, 255 for void
    palette: (classes, 3) tensor, uint8: red, green and blue of each class
    returns: (H, W, 3) tensor, uint8; void is white, 255 in all three
    """
    ### BEGIN SOLUTION
    void = mask == 255
    colours = palette[mask.masked_fill(void, 0).long()]
    colours[void] = 255
    return colours
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "00-paint-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check("00.paint", paint)

# %% [markdown] slideshow={"slide_type": "skip"} tags=["exercise"]
# ## Your turn, if you have ten minutes: `count_things` (optional, hard)
#
# At the top you counted nuclei. Can a few lines of Python? Say that a *thing* is a group of foreground pixels (any
# class but 0, and not void) that hang together along their edges: left, right, above, below, but not at corners.
#
# Guess before you write: on the picture of the nuclei, will your function find more than there are, fewer, or as many?
# The hints are at `hint("00.count_things")`. A loop that never ends is no disaster either: the check stops it.


# %% slideshow={"slide_type": "skip"} tags=["solution"] nbgrader={"grade": false, "grade_id": "00-count_things", "locked": false, "schema_version": 3, "solution": true, "task": false}
def count_things(mask):
    """How many groups of foreground pixels a mask has.

    mask: (H, W) tensor of class numbers, 0 for background, 255 for void; left as it is
    returns: a whole number
    """
    ### BEGIN SOLUTION
    waiting = {tuple(place) for place in ((mask != 0) & (mask != 255)).nonzero().tolist()}
    things = 0
    while waiting:
        things += 1
        group = [waiting.pop()]
        while group:
            row, column = group.pop()
            for place in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if place in waiting:
                    waiting.remove(place)
                    group.append(place)
    return things
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"} tags=["check"] nbgrader={"grade": true, "grade_id": "00-count_things-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check("00.count_things", count_things)

# %% slideshow={"slide_type": "skip"} tags=["show-code", "nbval-check-output"]
print(f"{count_things((labels > 0).long())} groups of pixels, and {cells} nuclei")

# %% [markdown] slideshow={"slide_type": "skip"}
# Fewer: nuclei that touch are one group. Somebody drew the line between them by hand, and no rule about neighbours can
# know where it goes. That line is what the last lectures are about.

# %% [markdown] slideshow={"slide_type": "slide", "name": "profiles"}
# ## Two profiles, one switch
#
# | parameter | what it does |
# |---|---|
# | `PROFILE` | `"quick"`: a CPU, a minute or two; `"full"`: the papers' sizes, a GPU |
# | `DEVICE` | `"auto"` takes a GPU where there is one |
# | `SEED` | the same seed gives the same numbers |
# | `DATASET` | what the lecture looks at |

# %% [markdown] slideshow={"slide_type": "skip"}
# At the top of every notebook stands a cell with these four parameters. Inside, a lecture asks the run for the setting
# of its profile:

# %% slideshow={"slide_type": "skip"} tags=["show-code"]
epochs = run.pick(quick=2, full=50)
print(f"In the {run.profile} profile, on {run.device}: {epochs} epochs.")

# %% [markdown] slideshow={"slide_type": "skip"}
# Change `PROFILE` at the top and run the notebook again, or leave it alone and say it from a terminal:
#
# ```
# course run 02 --profile full --device cuda
# ```

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 2 minutes.* At the top of every notebook stands a cell with these four. The same switch lets the
# whole course run as a test on every change: what you teach from is what was tested. Show `course run 00` live if there
# is a terminal on the projector.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Giving this as a lecture?
#
# Lecture mode shows the same notebooks a slide at a time: code is hidden, and everything is large enough for the back
# row. Run the cell, press the button, and open a lecture on the map above.

# %% slideshow={"slide_type": "-"}
lecture_mode()

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* `course lab --lecture` opens the full notebooks, with solutions and these notes, which
# lecture mode hides from the room. Before class, open the lecture and choose *Run, Run All Cells*: its explorers come
# alive. PageDown goes on (a presenter's remote sends it), PageUp back, Esc ends lecture mode, and F9 resumes it where
# you were.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Your work is safe
#
# `make lab` gave you your own copies of the notebooks in `workspace/`. When the course is updated, a copy that you
# changed or ran stays exactly as it is, and the new version is laid beside it with the date in its name. Break things:
# a notebook that you deleted comes back, unsolved, with the next `make lab`. When you have tried and want to see ours,
# `course solution 02` lays a read-only copy of a lecture with its answers into `workspace/solutions/`.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Five questions before you go
#
# Click a choice, or move with <kbd>Tab</kbd> and open it with <kbd>Enter</kbd>. Every choice says why it holds or why
# it does not; the wrong ones are worth opening too.

# %% slideshow={"slide_type": "skip"} tags=["quiz"]
quiz("00")

# %% [markdown] slideshow={"slide_type": "slide", "name": "summary"} tags=["summary"]
# ## What to take along
#
# - Segmentation asks for a class at every pixel; counting things needs more than that.
# - Void pixels are nobody's: leave them out of every count.
# - Guess, run, look, and only then read the reason.
# - Exercises tell you which mistake you made, and your copies are never overwritten.

# %% [markdown] slideshow={"slide_type": "notes"}
# *For the lecturer, 1 minute.* Everybody opens the notebook, runs the machine's check, and answers the quiz until next
# time. Their copies are safe: what they changed is never overwritten.

# %% [markdown] slideshow={"slide_type": "skip"} tags=["reading"]
# ## What to read next
#
# Lecture 01, [What is segmentation?](01_what_is_segmentation.ipynb), takes one picture and describes it in five ways.
# If you would like to meet the papers first, read their first pages only; you will know every figure in them by the
# end: [Fully Convolutional Networks](https://arxiv.org/abs/1411.4038), [U-Net](https://arxiv.org/abs/1505.04597),
# [Mask R-CNN](https://arxiv.org/abs/1703.06870).
#
# The microscope's picture comes with the package [stardist](https://github.com/stardist/stardist).
