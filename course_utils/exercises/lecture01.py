"""Lecture 01: the confusion matrix, the four metrics, two ways to average, and Otsu's threshold."""

from collections.abc import Callable

import numpy as np
import torch
from skimage.filters import threshold_otsu
from torch import Tensor
from torch.overrides import TorchFunctionMode

from course_utils import metrics
from course_utils.exercises.engine import Wrong


def check_confusion_matrix(answer: Callable[[Tensor, Tensor, int], Tensor]) -> None:
    """From two pixels upwards: rows and columns, classes that do not occur, void, pictures, masks of bytes, large counts."""
    given = answer(torch.tensor([0, 1]), torch.tensor([0, 1]), 2)
    found = as_matrix(given, 2)
    if torch.equal(found, torch.eye(2) / 2) or torch.equal(found, torch.eye(2) * 50):
        raise Wrong("You return shares. A confusion matrix holds counts: only counts of two pictures add up.")
    same(found, [[1, 0], [0, 1]], "truth [0, 1], prediction [0, 1]")
    kind = str(getattr(given, "dtype", "")).removeprefix("torch.")
    if kind in ENDS:
        raise Wrong(
            f"You count in {kind}, which {ENDS[kind]}: a data set has more pixels than that, and the matrix would be wrong "
            "without a word. Counts belong into int64."
        )

    found = as_matrix(without_some_classes(answer, torch.tensor([0, 0, 0]), torch.tensor([1, 1, 0]), 2), 2)
    if found.tolist() == [[1, 0], [2, 0]]:
        raise Wrong(
            "Rows and columns are swapped: truth is the row, prediction the column. Three pixels are truly 0, so the "
            "first row must add up to 3."
        )
    if found.tolist() == [[1, 1], [0, 0]]:
        raise Wrong(
            "Two pixels fall into the same cell and you count one: `matrix[truth, prediction] += 1` adds once for "
            "each cell, however many pixels point there. Look at torch.bincount."
        )
    if found.tolist() == [[1, 0], [0, 0]]:
        raise Wrong("You count the pixels that are right and no others: the mistakes are what is off the diagonal.")
    same(found, [[1, 2], [0, 0]], "truth [0, 0, 0], prediction [1, 1, 0]")

    found = as_matrix(without_some_classes(answer, torch.tensor([0, 0]), torch.tensor([0, 0]), 3), 3)
    same(found, [[2, 0, 0], [0, 0, 0], [0, 0, 0]], "two pixels of class 0, and three classes")

    truth, prediction = torch.tensor([0, 1, 255, 255]), torch.tensor([0, 1, 1, 0])
    try:
        found = as_matrix(answer(truth, prediction, 2), 2)
    except (RuntimeError, IndexError) as error:
        raise Wrong(
            f"With void (255) in the truth your function stops: {error}. Void is no class: leave those pixels out "
            "before you count."
        ) from None
    if found.sum() > 2:
        raise Wrong("You count void pixels (255). Nobody knows what is there: leave them out.")
    same(found, [[1, 0], [0, 1]], "truth [0, 1, 255, 255], prediction [0, 1, 1, 0]")

    generator = torch.Generator().manual_seed(1)
    truth = torch.randint(0, 4, (2, 30, 40), generator=generator)
    prediction = torch.randint(0, 4, (2, 30, 40), generator=generator)
    truth[:, :5] = 255
    before = truth.clone(), prediction.clone()
    try:
        found = as_matrix(answer(truth, prediction, 4), 4)
    except (RuntimeError, IndexError, TypeError) as error:
        raise Wrong(f"A row of pixels works, a batch of pictures (2, 30, 40) stops: {error}. Flatten first.") from None
    if not (torch.equal(truth, before[0]) and torch.equal(prediction, before[1])):
        raise Wrong("Your function changes the masks it was given. Work on a copy, or pick pixels out instead.")
    same(found, metrics.confusion_matrix(truth, prediction, 4).tolist(), "two pictures of random classes")

    last = torch.tensor([16], dtype=torch.uint8)
    try:
        found = as_matrix(answer(last, last, 17), 17)
    except (RuntimeError, IndexError, TypeError) as error:
        raise Wrong(
            f"Masks of int64 work, a mask of uint8 (a byte a pixel, as files hold it) stops: {error}. Make numbers of it "
            "first: `.long()`."
        ) from None
    case = "A pixel of class 16, predicted as 16, in masks of uint8 with 17 classes, belongs into cell (16, 16)"
    if found[1, 15] == 1:
        raise Wrong(
            f"{case}, and you count it in cell (1, 15): uint8 ends at 255, so 16 * 17 + 16 = 288 wraps round to 32 = cell "
            "(1, 15). Make larger numbers of the masks first: `.long()`."
        )
    if found[16, 16] != 1 or found.sum() != 1:
        raise Wrong(f"{case}. Your matrix holds {found[16, 16]:g} there, and {found.sum():g} in all.")

    many = torch.ones(257, dtype=torch.int64)
    same(as_matrix(answer(many, many, 2), 2), [[0, 0], [0, 257]], "257 pixels of class 1, predicted as 1")
    with ShortFloats():
        given = answer(many, many, 2)
    if as_matrix(given, 2)[1, 1] != 257:
        raise Wrong(
            f"Your matrix is of {kind}, and was counted in float32 on the way, which {ENDS['float32']}: 16,777,217 pixels in "
            "one cell would come out as 16,777,216, and no cast at the end brings the last one back. Count in int64 from "
            "the beginning."
        )


ENDS = {  # types whose counts stop being right, and where
    "float32": "holds no odd number past 2**24 = 16,777,216",
    "float16": "holds no odd number past 2,048",
    "bfloat16": "holds no odd number past 256",
    "uint8": "ends at 255",
    "int8": "ends at 127",
    "int16": "ends at 32,767",
}


class ShortFloats(TorchFunctionMode):
    """While it holds, float32 loses odd numbers past 256 and not past 2**24: a few pixels show what a data set would."""

    def __torch_function__(self, function, types, arguments=(), options=None):
        found = function(*arguments, **(options or {}))
        for held in (found, *arguments):  # an argument may have been changed in place
            if isinstance(held, Tensor) and held.is_floating_point() and held.dtype != torch.float64:
                short = held.detach().bfloat16().to(held.dtype)
                if not torch.equal(held, short):
                    held.detach().copy_(short)
        return found


def without_some_classes(answer: Callable, truth: Tensor, prediction: Tensor, classes: int) -> object:
    """The answer for masks in which not every class occurs; names the error that bincount leads to there."""
    try:
        return answer(truth, prediction, classes)
    except RuntimeError as error:
        if "invalid for input of size" not in str(error):
            raise
        raise Wrong(
            f"With {classes} classes, of which some do not occur, there are too few counts to reshape: {error}. "
            "torch.bincount stops at the largest number it meets, unless it has a `minlength`."
        ) from None


def as_matrix(found: object, classes: int) -> Tensor:
    """What the student returned, as a (classes, classes) tensor."""
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    try:
        found = found.cpu().double() if isinstance(found, Tensor) else torch.as_tensor(np.asarray(found, dtype=float))
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(f"Your function returns a {type(found).__name__}; a tensor is asked for.") from None
    if found.shape != (classes, classes):
        extra = ""
        if found.numel() == classes * classes:
            extra = " The counts seem to be there: reshape them."
        elif found.ndim == 2 and found.shape == (classes + 1, classes + 1):
            extra = " Is the last row void? It is no class."
        elif found.numel() < classes * classes:
            extra = " Classes that do not occur need their row and column too: torch.bincount has `minlength`."
        raise Wrong(f"For {classes} classes you return shape {tuple(found.shape)}, not {(classes, classes)}.{extra}")
    return found


def same(found: Tensor, expected: list, case: str) -> None:
    """Refuse a matrix that is wrong in a way we did not foresee, with the case that shows it."""
    if found.tolist() != [[float(count) for count in row] for row in expected]:
        raise Wrong(f"For {case} the matrix is {expected}; yours is {found.long().tolist()}.", found, expected)


NAMES = ("pixel accuracy", "mean accuracy", "mean IU", "frequency-weighted IU")


def check_four_metrics(answer: Callable[[Tensor], tuple]) -> None:
    """A perfect matrix, one worked by hand that tells every formula from its neighbours, an absent class."""
    found = four(answer(torch.tensor([[3, 0], [0, 5]])))
    if max(found) > 1:
        raise Wrong(f"For a perfect prediction you return {found}: every one of the four is a share, at most 1.")
    if min(found) < 1 - 1e-6:
        worst = NAMES[found.index(min(found))]
        raise Wrong(f"For a perfect prediction [[3, 0], [0, 5]] your {worst} is {min(found):.3g}; it must be 1.")

    matrix = torch.tensor([[50, 10, 0], [6, 20, 4], [0, 2, 8]])
    right, truth, guessed = matrix.diag().double(), matrix.sum(1).double(), matrix.sum(0).double()
    iu = right / (truth + guessed - right)
    expected = (
        right.sum() / truth.sum(),
        (right / truth).mean(),
        iu.mean(),
        (truth * iu).sum() / truth.sum(),
    )
    mistakes = (
        (0, expected[1], "your pixel accuracy is the mean accuracy: count pixels over all classes at once."),
        (
            1,
            (right / guessed).mean(),
            "your mean accuracy divides by the columns (what was predicted): that is "
            "precision. Divide by the rows (what is true).",
        ),
        (1, expected[0], "your mean accuracy is the pixel accuracy: divide by class first, then take the mean."),
        (2, (right / (truth + guessed)).mean(), "your union counts the overlap twice: t_i + predicted_i - n_ii."),
        (
            2,
            (2 * right / (truth + guessed)).mean(),
            "your mean IU is the mean Dice: no factor 2, and take n_ii out of the union once.",
        ),
        (
            2,
            right.sum() / (truth + guessed - right).sum(),
            "your mean IU sums before it divides: divide for each "
            "class, then take the mean, or the big classes decide alone.",
        ),
        (3, iu.mean(), "your frequency-weighted IU is the plain mean: weight each class by its share of the truth."),
        (
            3,
            (guessed * iu).sum() / guessed.sum(),
            "your frequency-weighted IU weights by what was predicted (columns): weight by the truth (rows).",
        ),
        (3, (truth * iu).sum(), "your frequency-weighted IU forgets to divide by the number of pixels."),
    )
    found = four(answer(matrix))
    if not close(found, expected) and close(sorted(found), sorted(expected)):
        raise Wrong(f"The four numbers are right, the order is not: return {', '.join(NAMES)}.")
    for position, value, message in mistakes:
        if abs(found[position] - value) < 1e-6 and abs(found[position] - expected[position]) > 1e-6:
            raise Wrong(f"For {matrix.tolist()} {message}")
    for name, mine, yours in zip(NAMES, expected, found, strict=True):
        if abs(mine - yours) > 1e-6:
            raise Wrong(f"For {matrix.tolist()} the {name} is {mine:.4f}; yours is {yours:.4f}.")

    absent = torch.tensor([[6, 2, 0], [2, 6, 0], [0, 0, 0]])
    found = four(answer(absent), allow_nan=True)
    if any(np.isnan(found)):
        raise Wrong(
            "A class that is in neither truth nor prediction gives 0 / 0, and NaN spreads to your means: leave it out "
            "(nanmean does)."
        )
    if abs(found[2] - 0.4) < 1e-6 or abs(found[1] - 0.5) < 1e-6:
        raise Wrong("A class that is in neither truth nor prediction counts as 0 in your means: it must not count.")
    if not close(found, (0.75, 0.75, 0.6, 0.6)):
        raise Wrong(f"For {absent.tolist()} the four are 0.75, 0.75, 0.6, 0.6; yours are {rounded(found)}.")


def four(found: object, allow_nan: bool = False) -> list[float]:
    """What the student returned, as four numbers."""
    if found is None:
        raise Wrong("Your function returns None: does it end with `return`?")
    if isinstance(found, dict):
        found = found.values()
    try:
        numbers = [float(number) for number in found]
    except (TypeError, ValueError):
        raise Wrong(f"Return four numbers ({', '.join(NAMES)}), separated by commas.") from None
    if len(numbers) != 4:
        raise Wrong(f"You return {len(numbers)} numbers; four are asked for: {', '.join(NAMES)}.")
    if not allow_nan and not np.isfinite(numbers).all():
        raise Wrong(f"You return {numbers}, with something that is no number.")
    return numbers


def close(found, expected) -> bool:
    """Whether two rows of numbers agree to six places."""
    return bool(np.allclose([float(x) for x in found], [float(x) for x in expected], atol=1e-6))


def rounded(numbers) -> str:
    """Numbers for a message, to four digits."""
    return ", ".join(f"{number:.4g}" for number in numbers)


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
