"""The quiz of lecture 08."""

from course_utils.exercises.quiz import Choice, Question

QUIZ = [
    Question(
        "A net labels 98 % of the pixels correctly and merges every pair of cells that touch. How can both be?",
        (
            Choice("The accuracy was computed wrongly", "Both can be right: they look at different things."),
            Choice(
                "The gap between two cells is a handful of pixels",
                "Pixel scores count areas. A line of background one or two pixels wide decides whether there is one cell or "
                "two, and is less than a percent of the area.",
                right=True,
            ),
            Choice("The threshold is too low", "A higher one may part some of them, and loses thin cells."),
            Choice(
                "Touching cells are rare", "Then merging them would not matter either; here they are what is asked."
            ),
        ),
    ),
    Question(
        "In w0 exp(-(d1 + d2)^2 / (2 sigma^2)), why the distance to the second nearest cell as well?",
        (
            Choice("To make the weight symmetric", "d1 alone is symmetric, too."),
            Choice("Because d1 is 0 inside cells", "It is; and the term is for background anyway."),
            Choice(
                "With d1 alone, every pixel around every cell would be heavy",
                "Next to a lonely cell d1 is small and d2 large: the sum says that there is no gap to defend.",
                right=True,
            ),
            Choice("It is faster to compute", "It takes two distance maps where one would do."),
        ),
    ),
    Question(
        "Which of these is illegal for nuclei under this microscope, however well the net learns it?",
        (
            Choice("Turning by 37 degrees", "A slide has no upside: turned nuclei are nuclei."),
            Choice(
                "Interpolating the label map bilinearly",
                "Half of cell 4 and half of cell 8 is not cell 6. Pictures are interpolated, labels are looked up.",
                right=True,
            ),
            Choice("Bending by a smooth field of a few pixels", "Tissue does bend, and the outlines stay round."),
            Choice("Mirroring", "Nuclei have no left and right. Letters have, and so have traffic signs."),
        ),
    ),
    Question(
        "In an ablation, the arm with elastic deformation is 2 points better with seed 0, and 3 points worse with seed 1. "
        "What do you write?",
        (
            Choice("It helps by 2 points", "With one seed you would have; the other seed says otherwise."),
            Choice(
                "It hurts by half a point on average", "The mean of two numbers 5 apart says nothing about its sign."
            ),
            Choice(
                "That the difference is within the spread of the seeds, and the spread itself",
                "Then a reader knows what the experiment could have seen. To see less, run more seeds.",
                right=True,
            ),
            Choice("Nothing: leave the row out", "Then the next person tries it again."),
        ),
    ),
    Question(
        "Why does the EM challenge thin the membranes before it computes the Rand score?",
        (
            Choice(
                "So that how thickly membranes are drawn does not count",
                "Only which pixels end up in the same cell counts. Annotators' pens differ in width, too.",
                right=True,
            ),
            Choice("To make the computation faster", "It makes it slower: there is a watershed to run."),
            Choice(
                "To close the holes in membranes", "It cannot: two cells joined by a hole are one part before thinning."
            ),
            Choice("Because membranes are one pixel wide in truth", "They are not; they are several pixels wide."),
        ),
    ),
]
