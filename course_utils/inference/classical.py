"""Segmentation without learning: thresholds and watersheds, the baselines of lectures 01 and 08."""

import numpy as np
from scipy.ndimage import binary_fill_holes, distance_transform_edt, gaussian_filter
from skimage.feature import peak_local_max
from skimage.filters import gaussian, sobel, threshold_otsu
from skimage.measure import label
from skimage.segmentation import watershed
from torch import Tensor


def grey(image: Tensor, sigma: float = 0) -> np.ndarray:
    """The mean of the three channels, blurred if asked.

    Args:
        image: (3, H, W), uint8.
        sigma: pixels of Gaussian blur; 0 for none.

    Shape:
        (H, W), float64, 0 to 255
    """
    mean = image.double().mean(dim=0).numpy()
    return gaussian(mean, sigma, preserve_range=True) if sigma else mean


def otsu_mask(image: Tensor, sigma: float = 0) -> np.ndarray:
    """What is brighter than Otsu's threshold (lecture 01).

    Args:
        image: (3, H, W), uint8.
        sigma: pixels of blur before the threshold; 0 for none.

    Shape:
        (H, W), bool
    """
    smooth = grey(image, sigma)
    return smooth > threshold_otsu(smooth)


def flood_from_seeds(image: Tensor, dark: float, bright: float) -> np.ndarray:
    """Watershed on the edges: what is surely dark and what is surely bright grow until they meet (lecture 01).

    Args:
        image: (3, H, W), uint8.
        dark: grey value under which a pixel is surely background.
        bright: grey value over which a pixel surely belongs to an object.

    Shape:
        (H, W), bool: the objects, holes filled
    """
    seeds = np.where(grey(image) < dark, 1, np.where(grey(image) > bright, 2, 0))
    return binary_fill_holes(watershed(sobel(grey(image)), seeds) == 2)


def split_touching(mask: np.ndarray, sigma: float = 1) -> np.ndarray:
    """Watershed on the distance to the border: one object for each place that is deep inside (lectures 01, 08).

    Args:
        mask: (H, W), bool.
        sigma: pixels of blur of the distances; more blur, fewer objects.

    Shape:
        (H, W), int32: 0 for background, one number for each object
    """
    depth = gaussian_filter(distance_transform_edt(mask), sigma)
    peaks = peak_local_max(depth, min_distance=5, labels=label(mask))
    seeds = np.zeros(mask.shape, dtype=np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return watershed(-depth, seeds, mask=mask)
