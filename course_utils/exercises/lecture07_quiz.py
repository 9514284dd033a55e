"""The quiz of lecture 07."""

from course_utils.exercises.quiz import Choice, Question

QUIZ = [
    Question(
        "A valid U-Net that halves four times gets a picture of 512x512. What happens?",
        (
            Choice("It answers 328x328", "512 - 184 would be 328, if every pooling met an even map. One does not."),
            Choice(
                "On the third level the map is 121 wide, which a 2x2 pooling cannot halve",
                "508, 254, 250, 125, 121. Legal sides are 12 more than a multiple of 16: 508 or 524.",
                right=True,
            ),
            Choice("It answers 512x512", "A padded net would. A valid one loses 2 pixels in each 3x3 convolution."),
            Choice("It runs out of memory", "Its maps are smaller than those of the paper's 572x572."),
        ),
    ),
    Question(
        "You tile with the paper's net and move on by 388, as wide as an answer is. Why are there seams?",
        (
            Choice("The tiles do not overlap", "Their inputs do, by 184 pixels. Their answers need not."),
            Choice("Mirroring is not exact", "It is the same at every step, and the seams are inside the picture."),
            Choice(
                "388 is no multiple of 16, so the next tile pools other pixels together",
                "The squares of a 2x2 pooling are counted from the tile's corner. With 384 = 24 x 16 they fall into place.",
                right=True,
            ),
            Choice(
                "Floating-point numbers are not exact",
                "Rounding shows in the sixth digit; a seam shows in the first.",
            ),
        ),
    ),
    Question(
        "What does a U-Net's skip bring that an FCN-8s's does not?",
        (
            Choice(
                "All channels of the map, at full resolution too, for convolutions to combine with what comes from below",
                "An FCN's skip is one score a class, from stride 8 on, and it can only be added.",
                right=True,
            ),
            Choice("Scores of a finer map", "That is the FCN's. A U-Net scores once, at the very end."),
            Choice("Gradients", "Both carry gradients to early layers."),
            Choice("Larger context", "Context comes from below. The skip brings places."),
        ),
    ),
    Question(
        "Weights from torch's default: where does a fresh U-Net of depth four listen to the picture?",
        (
            Choice(
                "Mostly at the bottom, which sees most",
                "What arrives there is ten thousand times fainter than at the top.",
            ),
            Choice(
                "Nearly only through the topmost skip: what went through the bottom has faded away",
                "Each layer keeps less than half of the differences; eighteen of them keep nothing. N(0, sqrt(2/N)) keeps all.",
                right=True,
            ),
            Choice("Everywhere alike", "That is what N(0, sqrt(2/N)) is for."),
            Choice(
                "Nowhere: it answers zeros", "Its biases are not zero, and the upper skip still carries the picture."
            ),
        ),
    ),
    Question(
        "Your trained net has 90 % IU on foreground, and its connected parts are far fewer than the cells. What is missing?",
        (
            Choice("A finer stride", "It answers for every pixel already."),
            Choice("More depth", "Context says that these are cells. It knows that."),
            Choice(
                "The thin background between cells that touch: few pixels, and the loss hardly counts them",
                "IU hardly counts them either. Lecture 08 makes these pixels expensive.",
                right=True,
            ),
            Choice(
                "A third class for edges", "One way, and not the paper's: it weighs the pixels between cells instead."
            ),
        ),
    ),
]
