import numpy as np
import torch

from course_utils.data.photographs import annotation
from course_utils.inference.classical import flood_from_seeds, grey, otsu_mask, split_touching


def discs(*centres, radius=12, size=80):
    rows, columns = np.mgrid[:size, :size]
    return np.any([(rows - y) ** 2 + (columns - x) ** 2 <= radius**2 for y, x in centres], axis=0)


def test_grey_is_the_mean_of_the_channels():
    image = torch.tensor([10, 20, 60], dtype=torch.uint8)[:, None, None].expand(3, 4, 5)
    assert grey(image).shape == (4, 5) and (grey(image) == 30).all()


def test_otsu_finds_a_bright_disc_on_dark_ground():
    disc = discs((40, 40))
    image = torch.from_numpy(np.where(disc, 200, 40).astype(np.uint8)).expand(3, -1, -1)
    assert np.array_equal(otsu_mask(image), disc)


def test_two_discs_that_touch_become_two_objects():
    mask = discs((40, 28), (40, 50))
    labels = split_touching(mask)
    assert labels.max() == 2 and np.array_equal(labels > 0, mask)
    assert labels[40, 28] != labels[40, 50]


def test_an_empty_mask_has_no_objects():
    assert split_touching(np.zeros((20, 20), dtype=bool)).max() == 0


def test_flooding_finds_the_coins_and_keeps_the_dark_parts_of_their_faces():
    coins = annotation("coins")
    found = flood_from_seeds(coins.image, dark=30, bright=150)
    known = (coins.mask != 255).numpy()
    assert (found == (coins.mask == 1).numpy())[known].mean() > 0.99
