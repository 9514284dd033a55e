"""Lecture 03's quiz: stamps, transposes, borders, checkerboards and crops."""

from course_utils.exercises.quiz import Choice, Question

QUIZ = [
    Question(
        "A transposed convolution with stride 2 is given the kernel 1 1 (on a line). What does it do?",
        (
            Choice("It learns nothing, so it does nothing", "A fixed kernel is still a map: each cell stamps it."),
            Choice(
                "Linear interpolation",
                "That is the tent .25 .75 .75 .25, which blends neighbours. A box does not overlap its neighbours.",
            ),
            Choice(
                "Nearest neighbour: it repeats each value",
                "Each cell stamps its value on two pixels, and the next cell begins where it ends.",
                right=True,
            ),
            Choice(
                "It draws a checkerboard",
                "Every pixel lies under exactly one stamp, and all stamps are alike: a flat line stays flat.",
            ),
        ),
    ),
    Question(
        "A convolution is followed by the transposed convolution with the same kernel. Do you get the picture back?",
        (
            Choice(
                "No: the size comes back, the numbers do not",
                "The transpose sends each number to where it came from, weighted again. It cannot restore what the convolution added up.",
                right=True,
            ),
            Choice(
                "Yes, a transpose undoes its matrix",
                "Only an orthogonal matrix is undone by its transpose, and this one is not even square.",
            ),
            Choice("Yes, as long as the stride is 1", "Then the sizes fit, and the picture has been blurred twice."),
        ),
    ),
    Question(
        "Near the border, a bilinear transposed convolution fades. Your net is evaluated by the class with the highest score. What changes?",
        (
            Choice("Border pixels become background", "Background's score fades by the same factor as all others."),
            Choice("Borders are left out of the score", "Only void pixels are left out."),
            Choice(
                "Nothing: all classes fade alike at each pixel",
                "A positive factor does not reorder scores. Probabilities and losses do change, since softmax is not indifferent to it.",
                right=True,
            ),
            Choice(
                "The whole map moves inwards by half a cell",
                "Fading changes how strong a pixel's scores are, not where they lie.",
            ),
        ),
    ),
    Question(
        "You choose kernel 4 and stride 2, so that each pixel lies under as many stamps as any other. The weights start at random. Checkerboard?",
        (
            Choice("No: the overlap is even", "Even numbers of stamps, but different weights for different pixels."),
            Choice(
                "Yes, at first: the four kinds of pixels see weights with different sums",
                "A 4x4 kernel of stride 2 is four 2x2 kernels, interlaced. Only equal sums keep a flat map flat: a tent has them.",
                right=True,
            ),
            Choice(
                "Yes, and no training can remove it",
                "It can, and in the lecture it did, slowly. It need not have been there to begin with.",
            ),
            Choice(
                "Only on pictures with chessboards",
                "The pattern comes from the weights. A flat grey picture shows it best.",
            ),
        ),
    ),
    Question(
        "Your FCN trains, the loss falls, and all masks sit about 16 pixels to the lower right of the objects. Where do you look first?",
        (
            Choice("At the learning rate", "A wrong rate makes masks bad. It does not move them all the same way."),
            Choice("At the class weights", "They decide which class wins, not where."),
            Choice("At the number of training pictures", "More of them would teach the net the same displacement."),
            Choice(
                "At the crop after the upsampling",
                "16 pixels are half a cell of stride 32: the map begins before the picture does, and nobody cut it. Compute scale and shift.",
                right=True,
            ),
        ),
    ),
]
