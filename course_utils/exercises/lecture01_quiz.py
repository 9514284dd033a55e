"""The quiz of lecture 01."""

from course_utils.exercises.quiz import Choice, Question

QUIZ = [
    Question(
        "Two dogs lie side by side and touch. Which description cannot tell you that there are two?",
        (
            Choice("Instance segmentation", "It gives each dog a mask of its own, so it can count them."),
            Choice("Boxes", "Two boxes, even where they overlap, are two dogs."),
            Choice("Semantic segmentation", "Both are class 'dog', so their pixels form one region.", right=True),
            Choice("Panoptic segmentation", "It holds a class and, for things, an instance number at each pixel."),
        ),
    ),
    Question(
        "Road fills 95 % of a scene's pixels, people 1 %. A net that never finds a person has which scores?",
        (
            Choice("Low pixel accuracy, low mean IU", "At most 1 % of the pixels are wrong for that reason."),
            Choice(
                "High pixel accuracy, low mean IU",
                "Missing all people costs 1 % of the pixels, but the class's IU is 0, and it weighs as much as road.",
                right=True,
            ),
            Choice(
                "Low frequency-weighted IU",
                "Its weights are shares of pixels: the people's zero counts for 1 %. It forgives as accuracy does.",
            ),
        ),
    ),
    Question(
        "What does a net owe for what it predicts at void pixels?",
        (
            Choice("Nothing: they are left out of every sum", "Nobody knows what is there.", right=True),
            Choice(
                "It must predict 255 there",
                "Void is no class, and a net has no output for it. Counting it as an error would punish any answer.",
            ),
            Choice("It counts as background", "Then the net would have to guess how unsure the annotator was."),
        ),
    ),
    Question(
        "On one image, net A has the higher IU than net B. What about their Dice scores?",
        (
            Choice(
                "It depends on the sizes of the objects",
                "On one image and one class, Dice follows from IU alone. It depends once you average over images.",
            ),
            Choice(
                "A's Dice is higher too",
                "Dice = 2 IU / (1 + IU) rises with IU, so on one image they never disagree about who is better.",
                right=True,
            ),
            Choice(
                "B's Dice can be higher", "Not on one image. The mean of many images' Dice can order them otherwise."
            ),
        ),
    ),
    Question(
        "Otsu's threshold labels a photograph of a grey cat on a grey sofa badly. What is the reason?",
        (
            Choice("It needs a better threshold", "No threshold does better than the overlap of the two histograms."),
            Choice(
                "It needs colour images",
                "Three values a pixel help on some pictures, and still say nothing about what a pixel belongs to.",
            ),
            Choice(
                "Grey values do not say what a thing is",
                "It separates bright from dark as well as can be done. Cat and sofa hold the same grey values.",
                right=True,
            ),
        ),
    ),
]
