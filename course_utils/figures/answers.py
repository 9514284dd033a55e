"""What a student's function returned beside what was expected, for the checks of exercises (all lectures)."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_utils.figures.style import COLOURS

FEW = 8  # cells along a side up to which their numbers are written into them


def answer_beside_expected(found, expected) -> Figure:
    """Two small maps side by side; cells that differ have a frame, so that nobody has to compare colours.

    Args:
        found, expected: arrays or tensors (H, W) of numbers or of True and False.
    """
    found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    same_shape = found.shape == expected.shape
    differs = ~np.isclose(found, expected, atol=1e-4, equal_nan=True) if same_shape else None
    finite = np.concatenate([found[np.isfinite(found)], expected[np.isfinite(expected)]])
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    tall, wide = expected.shape
    figure, axes = plt.subplots(1, 2, figsize=(8.5, min(4.4, 0.9 + 3.9 * tall / max(wide, 1))))
    count = f", {differs.sum()} of {differs.size} cells differ" if same_shape else f", of shape {found.shape}"
    for place, numbers, title in ((axes[0], expected, "Expected"), (axes[1], found, "Yours" + count)):
        place.imshow(numbers, cmap="cividis", vmin=low, vmax=max(high, low + 1e-6))
        place.set_title(title)
        place.set_xticks([])
        place.set_yticks([])
        place.spines[:].set_visible(False)
        if max(numbers.shape) <= FEW:
            write_numbers(place, numbers, (low + high) / 2)
    for row, column in np.argwhere(differs) if same_shape else ():
        box = plt.Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, fill=False, lw=3, ec=COLOURS["red"])
        axes[1].add_patch(box)
    return figure


def write_numbers(place, numbers: np.ndarray, middle: float) -> None:
    """Write each cell's number into it, light on dark and dark on light."""
    for (row, column), number in np.ndenumerate(numbers):
        colour = "black" if number > middle else "white"
        place.text(column, row, f"{number:.3g}", ha="center", va="center", color=colour, fontsize=14)
