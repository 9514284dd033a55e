"""The quiz of lecture 05."""

from course_utils.exercises.quiz import Choice, Question

QUIZ = [
    Question(
        "Your fresh FCN-16s scores worse than the FCN-32s it came from, before a single step. What is the likely cause?",
        (
            Choice("The learning rate is too high", "No step was taken, so no learning rate was used."),
            Choice(
                "The skip's scores do not start at zero",
                "Random scores of the finer map are added to trained ones. With zeros, the 16s is its 32s to the bit.",
                right=True,
            ),
            Choice("Stride 16 sees less than stride 32", "It does, and with zero scores nobody listens to it yet."),
            Choice("Bilinear upsampling by 2 loses detail", "The 32s is upsampled over the same grids in this net."),
        ),
    ),
    Question(
        "Within one pixel of a boundary the 8s gains much on the 32s. What else does the band curve show?",
        (
            Choice(
                "How much of the gain is left over whole objects, where the curve ends",
                "At its right end nearly every pixel counts. A gap that stays open there is more than edges.",
                right=True,
            ),
            Choice(
                "That the 8s is right at boundaries",
                "It is better there, and it still makes most of its mistakes there.",
            ),
            Choice(
                "That the 32s is as good as the 8s far from boundaries",
                "Bands say 'within n pixels', so each holds all narrower ones. For 'far away' take rings.",
            ),
            Choice("The accuracy of the boundary pixels in the truth", "Those are void, and are not scored at all."),
        ),
    ),
    Question(
        "You set the stride-8 stream of a trained 8s to zero. Why is the result not the 16s it was made from?",
        (
            Choice("Because the interpolation differs", "Both walk the same grids, 32 to 16 to 8 to the pixels."),
            Choice(
                "Because the other streams were trained on together with it",
                "They learned to leave to the new stream what it says better. Taken alone they are no longer a whole net.",
                right=True,
            ),
            Choice("Because zero is not what the stream started from", "It is: its scores started at zero."),
            Choice("It is the 16s", "Only before the first step of the 8s."),
        ),
    ),
    Question(
        "The paper multiplies pool4 by 0.01 and pool3 by 0.0001 when it trains all streams at once. Why?",
        (
            Choice(
                "Those maps hold numbers in the hundreds and thousands, and without the scales they would drown the rest",
                "VGG16 has no batch norms, so early maps are large. With plain SGD, a large input also means a large step.",
                right=True,
            ),
            Choice(
                "Finer streams matter less", "They decide the boundaries. The scales are about units, not importance."
            ),
            Choice("To start the scores at zero", "Their weights start at zero anyway, with any scale."),
            Choice(
                "It makes any optimiser converge faster",
                "Under Adam, whose steps do not grow with the gradient, the same scales nearly silence the fine streams.",
            ),
        ),
    ),
    Question(
        "Squeezed through a grid of stride 8 and upsampled again, the truth itself still scores far above your FCN-8s. "
        "What follows?",
        (
            Choice(
                "A stream at stride 4 will close the gap",
                "It lifts the ceiling, and the net does not touch the ceiling yet.",
            ),
            Choice(
                "The net loses more by what it says than by how finely it says it",
                "Wrong classes and missed things fill the gap. Better features help there, finer grids hardly.",
                right=True,
            ),
            Choice("Bilinear upsampling should be replaced", "The truth went through the same upsampling."),
            Choice("The truth is drawn too carelessly", "Then its own score would be low, too."),
        ),
    ),
]
