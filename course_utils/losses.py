"""What is minimised: per-pixel cross-entropy, Dice, focal (FCN, sections 3.3 and 4.3; lectures 04, 05, 08, 10).

Every loss is a sum over its parts, pixels or pictures, divided by how many of them count. `total` and `amount` give
the two numbers apart, so that a batch may be spread over several steps or processes and still be averaged as one.
"""

from collections.abc import Sequence

import torch
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
        refuse_misfits(scores, target)
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
        refuse_misfits(scores, target)
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
        refuse_misfits(scores, target)
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
        function: from outputs and targets to a scalar, such as the sum of two heads' losses (lecture 06).
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


def refuse_misfits(scores: Tensor, target: Tensor) -> None:
    """Refuse scores and targets that do not belong together.

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
