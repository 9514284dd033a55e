"""From the probability of foreground to single cells (U-Net, sections 3 and 4; lecture 08)."""

import numpy as np
import torch
from scipy import ndimage
from skimage.measure import regionprops_table
from skimage.segmentation import clear_border, watershed
from torch import Tensor, nn

from course_utils.data.transforms import mirror_pad


@torch.no_grad()
def foreground_probability(net: nn.Module, image: Tensor, turned: bool = False) -> Tensor:
    """How likely each pixel of a picture is foreground, by a padded U-Net; sides it cannot halve are mirrored longer.

    Args:
        net: two classes, with a `stride`; in eval mode.
        image: in grey, as `course_utils.training.cells.grey` gives it.
        turned: take the mean over the picture's eight turns and mirror images, as the paper takes it over seven
            rotations (section 4).

    Shape:
        (1, H, W) -> (H, W), 0 to 1, on the CPU
    """
    height, width = image.shape[-2:]
    device = next(net.parameters()).device
    padded = mirror_pad(image, 0, -height % net.stride, 0, -width % net.stride)[None].to(device)

    def ask(turns: int, flip: bool) -> Tensor:
        seen = torch.rot90(padded.flip(-1) if flip else padded, turns, (-2, -1))
        said = net(seen).softmax(dim=1)[:, 1:]
        back = torch.rot90(said, -turns, (-2, -1))
        return back.flip(-1) if flip else back

    ways = [(turns, flip) for turns in range(4) for flip in (False, True)] if turned else [(0, False)]
    mean = torch.stack([ask(*way) for way in ways]).mean(dim=0)
    return mean[0, 0, :height, :width].cpu()


def instances_from_foreground(
    probability: Tensor | np.ndarray, threshold: float = 0.5, seed: float = 0.7, smallest: int = 15
) -> np.ndarray:
    """Cells out of a map of how likely each pixel is foreground, in three steps (lecture 08).

    1. Seeds: connected parts of what is surely foreground. A net that was trained with gaps and border weights is
       unsure between cells, and so cuts the seeds apart.
    2. Watershed: the seeds grow downhill in probability over all of the foreground, until they meet.
    3. What is left: foreground without a seed is a cell of its own; specks are no cells.

    Args:
        probability: of foreground, 0 to 1.
        threshold: from here on a pixel is foreground.
        seed: from here on it is surely so; not lower than the threshold.
        smallest: pixels that a cell has at least; seeds of fewer than a third of that are none.

    Shape:
        (H, W) -> (H, W) int32, 0 for background, cells 1, 2, ...

    Raises:
        ValueError: for thresholds in another order.
    """
    probability = np.asarray(probability.numpy(force=True) if isinstance(probability, Tensor) else probability)
    if not 0 <= threshold <= seed <= 1:
        raise ValueError(f"threshold = {threshold}, seed = {seed}: 0 <= threshold <= seed <= 1")
    foreground = probability >= threshold
    seeds, _ = ndimage.label(without_specks(ndimage.label(probability >= seed)[0], smallest / 3))
    grown = watershed(-probability, seeds, mask=foreground)
    left, _ = ndimage.label(foreground & (grown == 0))
    grown[left > 0] = left[left > 0] + grown.max()
    return numbered(without_specks(grown, smallest))


def without_specks(labels: np.ndarray, smallest: float) -> np.ndarray:
    """Label images without the parts of fewer pixels."""
    _, places, areas = np.unique(labels, return_inverse=True, return_counts=True)
    return np.where(areas[places.reshape(labels.shape)] >= smallest, labels, 0)


def numbered(labels: np.ndarray) -> np.ndarray:
    """The same parts as 1, 2, 3, ... without gaps; (H, W) int32."""
    values, places = np.unique(labels, return_inverse=True)
    return (places.reshape(labels.shape) + (values[0] != 0)).astype(np.int32)


def shape_of_cells(instances: Tensor) -> tuple[float, float]:
    """Median solidity (area over that of the convex hull) and median area in pixels of the cells that are whole.

    Shape:
        (H, W) integers, 0 for background

    Raises:
        ValueError: where the picture's edge cuts every cell.
    """
    whole = clear_border(instances.numpy(force=True))
    if not whole.any():
        raise ValueError("no cell lies whole in this picture: each is cut by its edge")
    measured = regionprops_table(whole, properties=("solidity", "area"))
    return float(np.median(measured["solidity"])), float(np.median(measured["area"]))
