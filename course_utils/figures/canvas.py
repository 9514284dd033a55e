"""What every drawing stands on: images and masks made drawable, outlines, hatching, names inside (all lectures)."""

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from scipy.ndimage import distance_transform_edt
from torch import Tensor

OUTLINE = [effects.withStroke(linewidth=4, foreground="black")]


def picture(image: Tensor | np.ndarray) -> np.ndarray:
    """Any image as what matplotlib draws: (H, W, 3), float, 0 to 1.

    Args:
        image: (3, H, W) or (1, H, W) tensor, or (H, W) or (H, W, 3) array; uint8, or float from 0 to 1.

    Raises:
        ValueError: for other shapes and ranges; names what was found.
    """
    array = image.numpy(force=True) if isinstance(image, Tensor) else np.asarray(image)
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[-1] != 3:
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim == 2:
        array = np.stack([array] * 3, axis=-1)
    if array.ndim != 3 or array.shape[-1] != 3 or not array.size:
        raise ValueError(f"an image is (3, H, W) or (H, W): this has shape {tuple(array.shape)}")
    if array.dtype == np.uint8:
        return array / 255
    array = array.astype(np.float64)
    if not (array.min() >= -1e-6 and array.max() <= 1 + 1e-6):
        raise ValueError(
            f"a float image goes from 0 to 1: this goes from {array.min():.3g} to {array.max():.3g} "
            "(undo the normalisation of the net's input before drawing it)"
        )
    return array.clip(0, 1)


def label_array(mask: Tensor | np.ndarray, image: np.ndarray | None = None) -> np.ndarray:
    """A mask as an (H, W) array of integers, of the image's size.

    Raises:
        ValueError: for another shape, or another size than the image's.
    """
    array = mask.numpy(force=True) if isinstance(mask, Tensor) else np.asarray(mask)
    if array.ndim != 2 or not (array.dtype == bool or np.issubdtype(array.dtype, np.integer)):
        raise ValueError(f"a mask is (H, W), integers: this is {array.dtype} of shape {tuple(array.shape)}")
    if image is not None and array.shape != image.shape[:2]:
        raise ValueError(f"the mask has shape {array.shape}, but the image is {image.shape[:2]}")
    return array.astype(np.int64)


def outline(axes: Axes, mask: np.ndarray, colour, width: float = 2.5) -> None:
    """The border of a mask: a line of that colour on a black one, so that it shows on every ground."""
    padded = np.pad(mask, 1).astype(float)
    rows, columns = np.arange(-1, mask.shape[0] + 1), np.arange(-1, mask.shape[1] + 1)
    for line, tone in ((width + 2, "black"), (width, colour)):
        axes.contour(columns, rows, padded, levels=[0.5], colors=[tone], linewidths=line)


def hatch(axes: Axes, mask: np.ndarray, pattern: str, colour: str, fill: str = "none") -> None:
    """Fill a mask and hatch it."""
    padded = np.pad(mask, 1).astype(float)
    rows, columns = np.arange(-1, mask.shape[0] + 1), np.arange(-1, mask.shape[1] + 1)
    drawn = axes.contourf(columns, rows, padded, levels=[0.5, 1.5], colors=[fill], hatches=[pattern])
    drawn.set_edgecolor(colour)
    drawn.set_linewidth(0)


def write_inside(axes: Axes, mask: np.ndarray, name: str) -> None:
    """Write a name at the point of a mask that is farthest from its border; near a picture's side, inwards from it."""
    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), mask.shape)
    across = (column + 0.5) / mask.shape[1]
    side = "left" if across < 0.25 else "right" if across > 0.75 else "center"
    style = {"ha": side, "va": "center", "color": "white", "weight": "bold", "fontsize": 13}
    axes.text(column, row, name, path_effects=OUTLINE, clip_on=True, **style)


def bare(axes: Axes) -> None:
    """Take ticks and frame away; the picture's edge is the image's edge."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
