"""Lecture 04's quiz."""

from course_utils.exercises.quiz import Choice, Question

QUIZ = [
    Question(
        "A fresh FCN-32s has its score layer at zero. What does it predict, and what is its loss for 21 classes?",
        (
            Choice(
                "Every class alike; the loss is log 21, about 3.04",
                "Equal scores make equal probabilities, 1/21 each. If the first loss you see is far from this, look for the reason before you train on.",
                right=True,
            ),
            Choice("Background everywhere; the loss is 0", "Zero scores favour no class. A loss of 0 means all right."),
            Choice(
                "Nothing can be learned from zeros",
                "That holds where two layers of zeros meet. Here the features below are trained ones, and the gradient reaches the scores at once.",
            ),
            Choice("What ImageNet's classifier would say", "Its last layer, with 1,000 classes, was taken off."),
        ),
    ),
    Question(
        "Your net cannot overfit a batch of four pictures. What do you do?",
        (
            Choice("Take more pictures", "A net that cannot learn four by heart will not learn four thousand."),
            Choice(
                "Look for a mistake: masks, classes, upsampling, a frozen layer, the learning rate",
                "A correct net has weights enough for four pictures. What stands in its way is a mistake, and here you find it in seconds.",
                right=True,
            ),
            Choice("Add dropout and augmentation", "They make learning by heart harder, which is not what is missing."),
            Choice("Nothing: overfitting is bad", "At the end, yes. Here it is a test of the machinery."),
        ),
    ),
    Question(
        "In the paper, fine-tuning the whole net instead of its last layer alone changes the mean IU from 45.4 to 59.4. Why?",
        (
            Choice("The score layer alone has too few classes", "It has all 21 of them, in both nets."),
            Choice(
                "The features can turn from what a picture shows to where its parts lie",
                "ImageNet's late features were paid for naming a picture. Fine-tuning pays them for every pixel, at a small learning rate.",
                right=True,
            ),
            Choice("A fixed net cannot upsample", "Both upsample in the same way, with fixed bilinear weights."),
            Choice(
                "The fixed net was trained without ImageNet",
                "It is ImageNet's net, as it is. That is what 'fixed' means.",
            ),
        ),
    ),
    Question(
        "You sum the loss over 500 x 500 pixels instead of averaging it. Which learning rate of SGD makes the same step?",
        (
            Choice(
                "One that is smaller by a factor of 250,000",
                "The gradient grows by the number of pixels, so the rate shrinks by it. That is where rates like 1e-10 come from.",
                right=True,
            ),
            Choice("The same one", "The gradient of a sum is 250,000 times that of the mean."),
            Choice("One that is smaller by a factor of 500", "There are 500 x 500 pixels, not 500."),
            Choice(
                "One that is larger by a factor of 250,000",
                "Then each step would be larger by the square of that factor.",
            ),
        ),
    ),
    Question(
        "A bottle is 10 pixels wide, and the net's stride is 32. It is missed. What helps most?",
        (
            Choice(
                "Training for longer",
                "The cell sees mostly background, and its label is drawn over the whole cell. No weights change that.",
            ),
            Choice("A larger weight for bottles", "Then the cell may say bottle, and all of it becomes one."),
            Choice(
                "A larger receptive field", "The net sees enough around the bottle. What it lacks is places to answer."
            ),
            Choice(
                "Answers that lie closer together",
                "That is what lecture 05 adds: scores from the maps of stride 16 and 8.",
                right=True,
            ),
        ),
    ),
]
