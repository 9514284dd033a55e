"""How good a net is on a data set, from one pass over it (FCN, section 5; lectures 04 to 10)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm import tqdm

from course_utils.metrics.semantic import Counter, Scores, scores
from course_utils.training.loop import as_float32, as_input
from course_utils.training.processes import Alone


@dataclass(frozen=True)
class Evaluation:
    """What one pass over a data set found.

    Args:
        classes: their names.
        matrix: (classes, classes) pixels, row = truth, column = prediction.
        per_image: mean IU of each picture alone, NaN where it is void all over; to find the best and the worst.
            These are never averaged: the four metrics are counted over all pictures at once.
        bands: pixels n -> confusion matrix of the pixels at most n from a boundary; empty where not asked for.
        items: the pictures' names, or their numbers.
    """

    classes: Sequence[str]
    matrix: Tensor
    per_image: list[float]
    bands: dict[int, Tensor]
    items: Sequence[str]

    def __repr__(self) -> str:
        return f"{len(self.per_image):,} pictures, {len(self.classes)} classes, mean IU {self.scores.mean_iu:.3f}"

    @property
    def scores(self) -> Scores:
        """Pixel accuracy, mean accuracy, mean IU, frequency-weighted IU, and IU and Dice of each class."""
        return scores(self.matrix)

    def band_mean_iu(self) -> dict[int, float]:
        """Mean IU of the pixels at most n from a boundary, for each n; NaN where there are none."""
        return {width: scores(matrix).mean_iu for width, matrix in self.bands.items()}

    def best(self, count: int = 3) -> list[int]:
        """The pictures with the highest mean IU, best first."""
        return self.ranked()[::-1][:count]

    def worst(self, count: int = 3) -> list[int]:
        """The pictures with the lowest mean IU, worst first."""
        return self.ranked()[:count]

    def ranked(self) -> list[int]:
        """All pictures with anything to score, worst first; equal ones in the data set's order."""
        known = [index for index, value in enumerate(self.per_image) if value == value]
        return sorted(known, key=lambda index: self.per_image[index])

    def table(self) -> str:
        """IU, Dice, accuracy and share of the pixels of each class, best class first, as text."""
        found = self.scores
        truth = self.matrix.sum(dim=1).double().cpu()
        accuracy = self.matrix.diag().cpu() / truth
        width = max(len("class"), *(len(name) for name in self.classes))
        lines = [f"{'class':{width}}     IU   Dice  accuracy  pixels"]
        order = sorted(range(len(self.classes)), key=lambda index: -float(found.iu[index].nan_to_num(-1.0)))
        for index in order:
            numbers = (found.iu[index], found.dice[index], accuracy[index])
            iu, dice, right = (f"{100 * float(n):.1f}" if n == n else "-" for n in numbers)
            share = f"{100 * float(truth[index] / truth.sum()):.1f} %"
            lines.append(f"{self.classes[index]:{width}}  {iu:>5}  {dice:>5}  {right:>8}  {share:>6}")
        return "\n".join(lines)


@torch.no_grad()
def evaluate(
    net: nn.Module | Callable[[Tensor], Tensor],
    dataset,
    *,
    prepare: Callable[[Tensor], Tensor] | None = None,
    classes: Sequence[str] | None = None,
    bands: Sequence[int] = (),
    device: str | torch.device = "auto",
    batch: int = 8,
    ignore_index: int | None = 255,
    channels_last: bool = True,
    precision: str = "auto",
    progress: bool = True,
) -> Evaluation:
    """Score a net on every picture of a data set, each at its own size, in one pass.

    Args:
        net: from prepared images (N, 3, H, W) to logits (N, classes, H, W); put into eval mode while this runs.
        dataset: gives (image, mask).
        prepare: as for `train`.
        classes: their names; the data set's own when left out.
        bands: widths in pixels, such as `BANDS` (1 to 40), of the bands along the boundaries to score as well.
        device, precision, channels_last: as for `train`.
        batch: pictures of equal size that run together; the result does not depend on it.
        ignore_index: void.
        progress: whether to show a bar.

    Raises:
        ValueError: for logits of another size or number of classes than the masks have.
    """
    classes = list(classes if classes is not None else dataset.classes)
    machine = Alone(device, precision)
    counter = Counter(len(classes), sorted(bands), ignore_index)
    training = getattr(net, "training", False)
    if isinstance(net, nn.Module):
        net.to(machine.device).eval()
    bar = tqdm(total=len(dataset), unit="picture", leave=False, **({} if progress else {"disable": True}))
    try:
        for images, masks in of_equal_size(dataset, batch):
            images = as_input(images.to(machine.device), prepare, channels_last)
            with machine.autocast():
                logits = as_float32(net(images))
            expected = (len(images), len(classes), *masks.shape[-2:])
            if tuple(logits.shape) != expected:
                raise ValueError(f"the net gave scores {tuple(logits.shape)}; these masks and classes need {expected}")
            predictions = logits.max(dim=1).indices.cpu()  # on a CPU more than twice as fast as argmax
            for truth, prediction in zip(masks, predictions, strict=True):
                counter.count(truth, prediction)
            bar.update(len(images))
    finally:
        bar.close()
        if isinstance(net, nn.Module):
            net.train(training)
    items = getattr(dataset, "items", None) or [str(index) for index in range(len(dataset))]
    return Evaluation(classes, counter.matrix, counter.per_image, counter.within(), items)


def of_equal_size(dataset, batch: int):
    """The pictures and masks of a data set in order, as batches of neighbours that have the same size."""
    images, masks = [], []
    for index in range(len(dataset)):
        image, mask = dataset[index][:2]
        if images and (len(images) == batch or image.shape != images[0].shape):
            yield torch.stack(images), torch.stack(masks)
            images, masks = [], []
        images.append(image)
        masks.append(mask)
    if images:
        yield torch.stack(images), torch.stack(masks)
