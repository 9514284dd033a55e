"""What is minimised: per-pixel cross-entropy, Dice, focal (FCN, sections 3.3 and 4.3; lectures 04, 05, 08, 10).

Every loss is a sum over its parts, pixels or pictures, divided by how many of them count. `total` and `amount` give
the two numbers apart, so that a batch may be spread over several steps or processes and still be averaged as one.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numba import njit
from scipy.ndimage import distance_transform_edt
from torch import Tensor, nn
from torch.nn import functional

VOID = 255


class SegmentationLoss(nn.Module):
    """What all losses here share: they leave void out, and are 0 with a gradient of 0 where nothing else is left.

    Args:
        ignore_index: the target's number for void, or None where every pixel counts.

    Attributes:
        normalised: whether the sum is divided by what counts.

    Shape:
        scores (N, classes, H, W), logits; target (N, H, W), int64 -> a scalar
    """

    normalised = True

    def __init__(self, ignore_index: int | None = VOID):
        super().__init__()
        self.ignore_index = ignore_index

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        total = self.total(scores, target)
        # nothing to count: the total is 0 then, and stays 0
        return total / positive(self.amount(target)) if self.normalised else total

    def total(self, scores: Tensor, target: Tensor) -> Tensor:
        """The sum over all parts that count."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it sums up")

    def amount(self, target: Tensor) -> Tensor:
        """How many parts count, as a float32 scalar: pixels, unless a loss says otherwise."""
        return self.counts(target).sum().float()

    def counts(self, target: Tensor) -> Tensor:
        """Which pixels count: (N, H, W), bool."""
        return torch.ones_like(target, dtype=torch.bool) if self.ignore_index is None else target != self.ignore_index

    def extra_repr(self) -> str:
        return f"ignore_index={self.ignore_index}"


def positive(amount: Tensor) -> Tensor:
    """The amount, or 1 where there is none."""
    return torch.where(amount > 0, amount, torch.ones_like(amount))


class CrossEntropy(SegmentationLoss):
    """Per-pixel multinomial logistic loss, as FCNs are trained with (FCN, section 3.3; lecture 04).

    Args:
        weights: one for each class, for class balance; the mean is then a weighted one (section 4.3 found no need).
        normalised: False gives the sum over all pixels, the paper's unnormalised loss; its learning rate is smaller
            by the number of pixels (arXiv 1605.06211: batch 1, momentum 0.99, 1e-10 to 1e-14).
        ignore_index: void.

    Raises:
        ValueError: for weights that are negative or not one for each class, or for a target that is no mask.
    """

    def __init__(
        self, weights: Sequence[float] | None = None, normalised: bool = True, ignore_index: int | None = VOID
    ):
        super().__init__(ignore_index)
        self.normalised = normalised
        weights = None if weights is None else torch.as_tensor(weights, dtype=torch.float32)
        if weights is not None and (weights.ndim != 1 or not torch.isfinite(weights).all() or (weights < 0).any()):
            raise ValueError("weights: give one number for each class, 0 or more")
        self.register_buffer("weights", weights, persistent=False)

    def total(self, scores: Tensor, target: Tensor) -> Tensor:
        scores = fitting(scores, target)
        if self.weights is not None and len(self.weights) != scores.shape[1]:
            raise ValueError(f"{len(self.weights)} class weights for scores of {scores.shape[1]} classes")
        weights = None if self.weights is None else self.weights.to(scores.dtype)
        ignore = -100 if self.ignore_index is None else self.ignore_index
        return functional.cross_entropy(scores, target, weights, ignore_index=ignore, reduction="sum")

    def amount(self, target: Tensor) -> Tensor:
        counts = self.counts(target)
        return counts.sum().float() if self.weights is None else self.weights[target[counts]].sum()

    def extra_repr(self) -> str:
        weights = None if self.weights is None else [round(weight, 4) for weight in self.weights.tolist()]
        return f"weights={weights}, normalised={self.normalised}, {super().extra_repr()}"


class Focal(SegmentationLoss):
    """Cross-entropy that looks away from pixels which are right already (Lin et al., arXiv 1708.02002; lecture 10).

    Each pixel's loss is multiplied by (1 - p) ** focus, p being the probability of its true class; with focus 0 it is
    cross-entropy.

    Args:
        focus: gamma, 2 in the paper.
        ignore_index: void.
    """

    def __init__(self, focus: float = 2.0, ignore_index: int | None = VOID):
        super().__init__(ignore_index)
        if focus < 0:
            raise ValueError(f"focus={focus}: 0 gives cross-entropy, and more looks away from what is right already")
        self.focus = focus

    def total(self, scores: Tensor, target: Tensor) -> Tensor:
        scores = fitting(scores, target)
        counts = self.counts(target)
        true = target.masked_fill(~counts, 0)
        log_p = scores.log_softmax(dim=1).gather(1, true[:, None]).squeeze(1)
        # 1 - p from the logarithm: near p = 1 the plain difference has lost its digits, and at p = 1 the power of
        # exactly 0 would have no gradient for focus < 1
        missing = (-torch.expm1(log_p)).clamp(min=torch.finfo(scores.dtype).tiny)
        return -(missing**self.focus * log_p)[counts].sum()

    def extra_repr(self) -> str:
        return f"focus={self.focus}, {super().extra_repr()}"


class Dice(SegmentationLoss):
    """1 - Dice of the softmaxed scores, a mean over the classes that a picture shows, then over pictures.

    It weighs a small class like a large one (Milletari et al., arXiv 1606.04797; lectures 01, 08, 10). A class that
    is not in a picture's truth is left out there: whatever its prediction, its Dice would be 0.

    Args:
        smooth: added above and below the fraction, so that tiny things do not give steps.
        ignore_index: void.
    """

    def __init__(self, smooth: float = 1.0, ignore_index: int | None = VOID):
        super().__init__(ignore_index)
        if smooth < 0:
            raise ValueError(f"smooth={smooth}: a number of pixels, 0 or more")
        self.smooth = smooth

    def total(self, scores: Tensor, target: Tensor) -> Tensor:
        scores = fitting(scores, target)
        counts = self.counts(target)[:, None]
        truth = functional.one_hot(target.masked_fill(~counts[:, 0], 0), scores.shape[1]).movedim(-1, 1) * counts
        predicted = scores.softmax(dim=1) * counts
        shared, sizes = ((predicted * truth).sum(dim=(2, 3)), (predicted + truth).sum(dim=(2, 3)))
        shown = truth.any(dim=3).any(dim=2)
        dice = (2 * shared + self.smooth) / (sizes + self.smooth).masked_fill(~shown, 1)
        per_picture = ((1 - dice) * shown).sum(dim=1) / shown.sum(dim=1).clamp(min=1)
        return per_picture.sum()

    def amount(self, target: Tensor) -> Tensor:
        """Pictures in which any pixel counts."""
        return self.counts(target).flatten(1).any(dim=1).sum().float()

    def extra_repr(self) -> str:
        return f"smooth={self.smooth}, {super().extra_repr()}"


class MeanOf(SegmentationLoss):
    """Any function of outputs and targets that is a mean over the pictures of a batch, in the form `train` takes.

    Args:
        function: from outputs and targets to a scalar.
    """

    def __init__(self, function):
        super().__init__(ignore_index=None)
        self.function = function

    def total(self, outputs, *targets) -> Tensor:
        return self.function(outputs, *targets) * len(targets[0])

    def amount(self, *targets) -> Tensor:
        return torch.tensor(float(len(targets[0])), device=targets[0].device)

    def forward(self, outputs, *targets) -> Tensor:
        return self.function(outputs, *targets)

    def extra_repr(self) -> str:
        name = getattr(self.function, "__qualname__", "")
        return name or (repr(self.function) if not isinstance(self.function, nn.Module) else "")


class HeadLosses(SegmentationLoss):
    """The losses of several heads, summed or weighted (FCN, section 5, SIFT Flow; lecture 06).

    Each head's loss is divided by what counts for this head, so that pixels without a geometric label take nothing
    from the semantic one.

    Args:
        losses: one for each head, all normalised or none.
        weights: of each head's loss; 1 for all, the paper's sum, when left out.

    Shape:
        outputs {name: (N, classes, H, W)} and a target (N, H, W) for each, in the same order -> a scalar;
        total and amount: (heads,)

    Raises:
        ValueError: for weights that are negative or not one for each loss, or for another number of heads.
    """

    def __init__(self, losses: Sequence[SegmentationLoss], weights: Sequence[float] | None = None):
        super().__init__(ignore_index=None)
        weights = torch.ones(len(losses)) if weights is None else torch.as_tensor(weights, dtype=torch.float32)
        if weights.shape != (len(losses),) or not torch.isfinite(weights).all() or (weights < 0).any():
            raise ValueError(f"weights {weights.tolist()} for {len(losses)} heads: give each one number, 0 or more")
        if len({loss.normalised for loss in losses}) != 1:
            raise ValueError("some heads' losses are sums and some are means: normalise all or none")
        self.losses, self.normalised = nn.ModuleList(losses), losses[0].normalised
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, outputs: dict[str, Tensor], *targets: Tensor) -> Tensor:
        total = self.total(outputs, *targets)
        return (total / positive(self.amount(*targets)) if self.normalised else total).sum()

    def total(self, outputs: dict[str, Tensor], *targets: Tensor) -> Tensor:
        if not len(outputs) == len(targets) == len(self.losses):
            raise ValueError(f"{len(self.losses)} losses for {len(outputs)} heads and {len(targets)} targets")
        each = zip(self.losses, outputs.values(), targets, strict=True)
        return self.weights * torch.stack([loss.total(scores, target) for loss, scores, target in each])

    def amount(self, *targets: Tensor) -> Tensor:
        return torch.stack([loss.amount(target) for loss, target in zip(self.losses, targets, strict=True)])

    def extra_repr(self) -> str:
        return f"weights={[round(weight, 4) for weight in self.weights.tolist()]}"


def balance(pixels: Sequence[int] | Tensor, power: float = 0.5, highest: float = 5.0) -> list[float]:
    """Mild class weights from how many pixels each class has: rare classes count for more, none for too much.

    The weight is (mean frequency / frequency) ** power, at most `highest`; classes without a pixel get 0.

    Args:
        pixels: of each class, as the row sums of a confusion matrix.
        power: 0 for none, 1 for full balance.
        highest: no weight exceeds it.
    """
    pixels = torch.as_tensor(pixels, dtype=torch.float64)
    if pixels.ndim != 1 or (pixels < 0).any() or not pixels.any():
        raise ValueError("pixels: give how many each class has, and at least one of them must have some")
    mean = pixels[pixels > 0].mean()
    weights = (mean / pixels.clamp(min=1)).pow(power).clamp(max=highest)
    return torch.where(pixels > 0, weights, 0).tolist()


def fitting(scores: Tensor, target: Tensor) -> Tensor:
    """Scores that belong to a target, at float32 or more: in half precision the sum over a picture is infinite.

    Raises:
        ValueError: names what was found.
    """
    if scores.ndim != 4 or target.ndim != 3 or scores.shape[0] != target.shape[0]:
        found = f"{tuple(scores.shape)} and {tuple(target.shape)}"
        raise ValueError(f"a loss takes scores (N, classes, H, W) and a target (N, H, W), not {found}")
    if scores.shape[-2:] != target.shape[-2:]:
        found = f"{tuple(scores.shape[-2:])}, the target {tuple(target.shape[-2:])}"
        raise ValueError(f"the scores are {found}: upsample the scores to the mask, never shrink the mask")
    if target.dtype != torch.int64:
        raise ValueError(f"the target is {str(target.dtype).removeprefix('torch.')}: masks are int64 class numbers")
    return scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores


W0, SIGMA = 10.0, 5.0  # the paper's
SMALLEST = 1e-4  # of the exponential: what lies farther off is left out


def border_weights(
    instances: Tensor,
    w0: float = W0,
    sigma: float = SIGMA,
    class_weights: tuple[float, float] | None = None,
    void: Tensor | None = None,
) -> Tensor:
    """w(x) = w_c(x) + w0 exp(-(d1(x) + d2(x))^2 / (2 sigma^2)), for cells that are numbered (U-Net, equation 2).

    d1 and d2 are the distances in pixels from x to the nearest pixel of the nearest and of the second nearest cell.
    The second term is for background, where the gaps between cells are; inside cells there is w_c alone, as in the
    paper's Figure 3d. Cells that touch have no gap: `separated` makes one. Where w0 exp(...) is under w0 / 10,000 it
    is taken as 0.

    Args:
        instances: 0 for background, one positive number for each cell.
        w0: what a pixel squeezed between two cells counts in addition.
        sigma: how far from the cells that reaches, in pixels.
        class_weights: of background and cell; counted in this picture by default: the rarer class weighs more, so
            that both weigh the same in total, but none more than 5.
        void: pixels that do not count: their weight is 0.

    Shape:
        instances (H, W) integers, void (H, W) bool -> (H, W) float32

    Raises:
        ValueError: for anything but a label image, negative w0, or sigma of 0 and less.
    """
    if instances.ndim != 2 or instances.is_floating_point() or (instances.numel() and instances.min() < 0):
        raise ValueError(
            f"instances are {str(instances.dtype).removeprefix('torch.')} {tuple(instances.shape)}: cells are numbered "
            "(H, W), 0 for background"
        )
    if not w0 >= 0 or not sigma > 0:
        raise ValueError(f"w0 = {w0}, sigma = {sigma}: w0 is 0 or more, sigma more than 0 pixels")
    labels = instances.numpy(force=True)
    if labels.size and labels.max() > np.iinfo(np.int32).max:  # panoptic ids: wrapped round, two cells would be one
        labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape) + bool(labels.min())
    labels = np.ascontiguousarray(labels, dtype=np.int32)
    outside = labels == 0
    if class_weights is None:
        counted = outside if void is None else outside[~void.numpy(force=True)]
        class_weights = balance([max(1, counted.sum()), max(1, counted.size - counted.sum())], power=1)
    weights = np.where(outside, np.float32(class_weights[0]), np.float32(class_weights[1]))
    if w0:
        reach = sigma * np.sqrt(-2 * np.log(SMALLEST))
        sums = two_nearest(labels, int(np.ceil(reach)))
        weights += np.float32(w0) * np.exp(-(sums**2) / np.float32(2 * sigma**2))
    if void is not None:
        weights[void.numpy(force=True)] = 0
    return torch.from_numpy(weights)


def plain_border_weights(
    instances: Tensor, w0: float = W0, sigma: float = SIGMA, class_weights: tuple[float, float] = (1.0, 1.0)
) -> Tensor:
    """The same as `border_weights`, slow and plain: a distance map of the whole picture for each cell.

    Shape:
        (H, W) integers -> (H, W) float64
    """
    numbers = [number for number in instances.unique().tolist() if number]
    weights = torch.where(instances == 0, *map(float, class_weights)).double()
    if len(numbers) < 2:
        return weights
    away = np.sort([distance_transform_edt(instances.numpy() != number) for number in numbers], axis=0)
    border = w0 * np.exp(-((away[0] + away[1]) ** 2) / (2 * sigma**2))
    return weights + torch.from_numpy(np.where(instances == 0, border, 0))


@njit(cache=True)
def two_nearest(labels: np.ndarray, reach: int) -> np.ndarray:
    """d1 + d2 for background pixels; infinite inside cells, and where the sum is more than `reach` pixels.

    First the two nearest cells to the left and right of each pixel, in its own row; then the two nearest among those
    of the rows above and below. Two for each row are enough: where a third cell is farther along the row than two
    others, it is farther than they are from all pixels above and below.

    Shape:
        labels (H, W) int32 -> (H, W) float32
    """
    height, width = labels.shape
    far = np.int32(4 * (reach + 1) ** 2)  # of a squared distance: out of reach
    cell = np.zeros((height, width, 2), dtype=np.int32)
    away = np.full((height, width, 2), far, dtype=np.int32)  # squared, along the row
    for row in range(height):
        for first, last, step in ((0, width, 1), (width - 1, -1, -1)):
            near, near_at, other, other_at = 0, 0, 0, 0  # the last two cells that were passed
            for column in range(first, last, step):
                here = labels[row, column]
                if here and here != near:
                    near, other, other_at = here, near, near_at
                if here:
                    near_at = column
                if near and abs(column - near_at) <= reach:
                    put(cell[row, column], away[row, column], near, (column - near_at) ** 2)
                if other and abs(column - other_at) <= reach:
                    put(cell[row, column], away[row, column], other, (column - other_at) ** 2)
    sums = np.full((height, width), np.inf, dtype=np.float32)
    for row in range(height):
        for column in range(width):
            if labels[row, column]:
                continue
            nearest, d1, d2 = 0, far, far
            for aside in range(reach + 1):
                # what is found from here on is at least this far; both together must be in reach
                if aside * aside >= d2 or (2 * aside > reach and d1 > (reach - aside) ** 2):
                    break
                for side in range(1 if aside == 0 else 2):
                    there = row + aside if side else row - aside
                    if there < 0 or there >= height or not cell[there, column, 0]:
                        continue
                    for place in range(2):
                        found = cell[there, column, place]
                        if not found:
                            break
                        distance = away[there, column, place] + aside * aside
                        if found == nearest:
                            d1 = min(d1, distance)
                        elif distance < d1:
                            nearest, d1, d2 = found, distance, d1
                        elif distance < d2:
                            d2 = distance
            if d2 < far:
                total = np.sqrt(np.float32(d1)) + np.sqrt(np.float32(d2))
                if total <= reach:
                    sums[row, column] = total
    return sums


@njit(cache=True)
def put(cell: np.ndarray, away: np.ndarray, found: int, distance: int) -> None:
    """Keep a cell among the two nearest of a pixel's row, the nearest first."""
    if found == cell[0]:
        away[0] = min(away[0], distance)
    elif distance < away[0]:
        cell[1], away[1] = cell[0], away[0]
        cell[0], away[0] = found, distance
    elif found == cell[1] or distance < away[1]:
        cell[1], away[1] = found, min(away[1], distance)


def separated(instances: Tensor) -> Tensor:
    """Cells with a gap between those that touch: pixels beside another cell become background (U-Net, section 3).

    Shape:
        (H, W) integers -> the same; where two cells touched, both lose a pixel
    """
    apart = instances.clone()
    for one, other, first, second in (
        (instances[1:], instances[:-1], apart[1:], apart[:-1]),
        (instances[:, 1:], instances[:, :-1], apart[:, 1:], apart[:, :-1]),
    ):
        meet = (one != other) & (one > 0) & (other > 0)
        first[meet] = 0
        second[meet] = 0
    return apart


class WeightedCrossEntropy(SegmentationLoss):
    """Cross-entropy in which every pixel has a weight of its own (U-Net, equation 1; lecture 08).

    The sum is divided by the sum of the weights, so that the learning rate may stay what it was.

    Args:
        ignore_index: void.

    Shape:
        scores (N, classes, H, W), target (N, H, W) int64, weights (N, H, W) float32 -> a scalar
    """

    def total(self, scores: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        scores = fitting(scores, target)
        if weights.shape != target.shape:
            raise ValueError(f"weights {tuple(weights.shape)} for a target {tuple(target.shape)}: one for each pixel")
        ignore = -100 if self.ignore_index is None else self.ignore_index
        return (functional.cross_entropy(scores, target, ignore_index=ignore, reduction="none") * weights).sum()

    def amount(self, target: Tensor, weights: Tensor) -> Tensor:
        return weights[self.counts(target)].sum()

    def forward(self, scores: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        return self.total(scores, target, weights) / positive(self.amount(target, weights))
