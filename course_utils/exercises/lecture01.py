"""Lecture 01: the confusion matrix, the four metrics, two ways to average, and Otsu's threshold."""

from collections.abc import Callable

import numpy as np
import torch
from skimage.filters import threshold_otsu
from torch import Tensor

from course_utils.exercises.engine import Exercise, Wrong
from course_utils.exercises.lecture01_matrix import check_confusion_matrix, check_four_metrics, close, rounded
from course_utils.exercises.lecture01_quiz import QUIZ

__all__ = ["EXERCISES", "QUIZ"]


def check_iu_two_ways(answer: Callable[[list[Tensor]], tuple]) -> None:
    """One image, two that weigh differently, one without any object."""
    one = [torch.tensor([[90, 2], [3, 5]])]
    found = pair(answer(one))
    if close(found, (90 / 95, 90 / 95)):
        raise Wrong("You score class 0, the background. The objects are class 1.")
    if close(found, (10 / 15, 10 / 15)):
        raise Wrong("You return Dice, 2 n / (t + p). IU divides by the union, t + p - n, and has no factor 2.")
    if not close(found, (0.5, 0.5)):
        raise Wrong(f"With one image both ways are the same, here 5 / (3 + 5 + 2) = 0.5; yours are {rounded(found)}.")

    # large objects found well, a small one badly
    two = [torch.tensor([[10, 10], [0, 80]]), torch.tensor([[90, 4], [5, 1]])]
    together, apart = 81 / 100, (80 / 90 + 1 / 10) / 2
    found = pair(answer(two))
    if close(found, (apart, together)):
        raise Wrong("The two are swapped: first the IU of all pixels together, then the mean over images.")
    if close(found, (apart, apart)):
        raise Wrong("Both of yours are the mean over images. For the first, add the matrices before you divide.")
    if close(found, (together, together)):
        raise Wrong("Both of yours are of all pixels together. For the second, score each image, then take the mean.")
    if not close(found, (together, apart)):
        raise Wrong(
            f"For {[m.tolist() for m in two]} the two are {together:.4f}, {apart:.4f}; yours: {rounded(found)}."
        )

    empty = [*two, torch.tensor([[100, 0], [0, 0]])]
    try:
        found = pair(answer(empty))
    except ZeroDivisionError:
        raise Wrong("An image without objects, and none predicted, divides 0 by 0. Leave it out of the mean.") from None
    if np.isnan(found[1]):
        raise Wrong("An image without objects, and none predicted, gives 0 / 0 = NaN. Leave it out of the mean.")
    if abs(found[1] - 2 * apart / 3) < 1e-6:
        raise Wrong("An image without objects, and none predicted, counts as IU 0: it was no mistake. Leave it out.")
    if abs(found[1] - (2 * apart + 1) / 3) < 1e-6:
        raise Wrong("An image without objects counts as IU 1: then empty images lift the mean. Leave it out.")
    if not close(found, (together, apart)):
        raise Wrong(f"An image without objects must change neither number; yours become {rounded(found)}.")


def pair(found: object) -> list[float]:
    """What the student returned, as two numbers."""
    try:
        numbers = [float(number) for number in found]
    except (TypeError, ValueError):
        raise Wrong("Return two numbers: the IU of all pixels together, and the mean of the images' IUs.") from None
    if len(numbers) != 2:
        raise Wrong(f"You return {len(numbers)} numbers; two are asked for: all together, mean over images.")
    return numbers


def check_otsu(answer: Callable[[Tensor], float]) -> None:
    """Compared by the split it makes, so that every threshold between the same two grey values is right."""
    two = torch.tensor([10] * 30 + [200] * 30, dtype=torch.uint8)
    threshold = number(answer(two))
    if not 10 <= threshold < 200:
        raise Wrong(
            f"Half the pixels are 10, half are 200; brighter than your threshold {threshold:g} must be the 200s and "
            "no others."
        )

    # few bright pixels: the weights matter here
    few = torch.tensor([20] * 400 + [40] * 400 + [160] * 10 + [250] * 10, dtype=torch.uint8)
    threshold = number(answer(few))
    if 160 <= threshold < 250:
        raise Wrong("You maximise the distance of the two means alone: weight it by both groups' shares, w0 * w1.")
    if 20 <= threshold < 40 or not 20 <= threshold < 250:
        raise Wrong(
            f"For 400 pixels of 20, 400 of 40 and 20 bright ones you answer {threshold:g}; the bright ones should be "
            "split off. Is it the mean, the median or a minimum that you take?"
        )

    for seed in range(5):
        image = noisy(seed)
        best = int(threshold_otsu(image.numpy()))
        threshold = number(answer(image))
        expected = image > best
        if torch.equal(image > threshold, expected):
            continue
        if torch.equal(image >= threshold, expected) or torch.equal(image > threshold - 1, expected):
            raise Wrong(
                f"You answer {threshold:g}, one too many: with `image > threshold`, the pixels at the threshold belong "
                "to the dark group, so your groups for t are `<= t` and `> t`."
            )
        if abs(threshold - image.float().mean()) < 1:
            raise Wrong("Your threshold is the mean grey value. Otsu's separates the two groups best.")
        if abs(threshold - (image.float().min() + image.float().max()) / 2) < 1:
            raise Wrong("Your threshold is half way between the darkest and the brightest pixel, whatever is between.")
        raise Wrong(f"For a noisy picture (seed {seed}) Otsu's threshold is {best}; yours is {threshold:g}.")


def noisy(seed: int) -> Tensor:
    """A picture of two groups of grey values, one larger than the other, (40, 50), uint8."""
    generator = np.random.default_rng(seed)
    bright = generator.random((40, 50)) < 0.1 + 0.1 * seed
    grey = np.where(bright, generator.normal(170, 20, (40, 50)), generator.normal(70, 15, (40, 50)))
    return torch.from_numpy(grey.clip(0, 255).astype(np.uint8))


def number(found: object) -> float:
    """What the student returned, as one number."""
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    try:
        return float(found)
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(f"Your function returns a {type(found).__name__}; one grey value is asked for.") from None


EXERCISES = [
    Exercise(
        name="01.confusion_matrix",
        task="Count, for each true class, how often it was predicted as each class; leave void out.",
        check=check_confusion_matrix,
        hints=(
            "Think of each pixel as a pair (true class, predicted class). How many different pairs are there?",
            "Number the pairs: with 3 classes, (0, 0) is 0, (0, 1) is 1, ... (2, 2) is 8. Then count equal numbers.",
            "`known = truth != void` picks the pixels; the pair's number is truth * classes + prediction; "
            "torch.bincount(numbers, minlength=...) counts; reshape to (classes, classes).",
        ),
        right="Every score of this lecture is now a line or two away.",
        points=2,
        references=("course_utils.metrics.confusion_matrix",),
    ),
    Exercise(
        name="01.four_metrics",
        task="Compute pixel accuracy, mean accuracy, mean IU and frequency-weighted IU from a confusion matrix.",
        check=check_four_metrics,
        hints=(
            "Three vectors are enough: what is right (the diagonal), what is true (row sums), what was predicted.",
            "The union of class i is what is true plus what was predicted minus what is both.",
            "iu = right / (truth + predicted - right). Its mean over the classes that occur is mean IU (nanmean); "
            "weighted by truth / truth.sum() it is the fourth.",
        ),
        right="These are the four columns of the FCN paper's tables.",
        points=2,
        references=("course_utils.metrics.scores",),
    ),
    Exercise(
        name="01.iu_two_ways",
        task="Score class 1 over all images at once, and as the mean of the images' own scores.",
        check=check_iu_two_ways,
        hints=(
            "Confusion matrices of two images add up to the matrix of both. IUs do not add up.",
            "Write a small function that takes one 2x2 matrix and gives the IU of class 1; use it on the sum, and on each.",
            "For a matrix m: m[1, 1] / (m[1].sum() + m[:, 1].sum() - m[1, 1]). Skip the images where the union is 0.",
        ),
        right="Papers report both. Always ask which one a table shows.",
        points=2,
    ),
    Exercise(
        name="01.otsu",
        task="Find the grey value t for which the groups `<= t` and `> t` lie farthest apart.",
        check=check_otsu,
        hints=(
            "There are only 256 thresholds. What would you measure for each, to say how well it separates?",
            "For each t: the shares w0, w1 of the two groups and their mean grey values m0, m1.",
            "Take the t with the largest w0 * w1 * (m0 - m1) ** 2, skipping those where one group is empty.",
        ),
        right="A method of 1979, and still the first thing to try on a microscope's picture.",
        points=3,
        references=("skimage.filters.threshold_otsu", "course_utils.classical.otsu_mask"),
    ),
]
