"""What makes a seed give the same scene on every platform: chance in whole numbers, and resizing (stickers)."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from PIL import Image

Thing = TypeVar("Thing")


class Dice:
    """Random whole numbers from a seed.

    NumPy promises the raw stream of a bit generator for ever, but not what its distributions make of it, and
    floating-point arithmetic may differ by a last bit between machines. So everything here is drawn from the raw
    stream and stays a whole number.
    """

    def __init__(self, *seed: int):
        self.bits = np.random.PCG64(np.random.SeedSequence(seed))

    def below(self, limit: int) -> int:
        """A whole number from 0 up to, not including, `limit`."""
        return int(self.bits.random_raw() >> 11) * limit >> 53

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def chance(self, percent: int) -> bool:
        """True in that many cases out of a hundred."""
        return self.below(100) < percent

    def pick(self, things: Sequence[Thing]) -> Thing:
        """One of them."""
        return things[self.below(len(things))]

    def bytes(self, *shape: int) -> np.ndarray:
        """An array of random bytes."""
        count = int(np.prod(shape))
        return self.bits.random_raw((count + 7) // 8).astype("<u8").view(np.uint8)[:count].reshape(shape)


def resize(picture: Image.Image, size: tuple[int, int], filter: Image.Resampling) -> Image.Image:
    """The picture at another (width, height): first across, then down.

    Pillow's resampling of bytes is whole-number arithmetic, but which direction comes first, and so what is rounded
    when, has changed between its versions. One direction at a time leaves no choice.
    """
    across = picture.resize((size[0], picture.height), filter)
    return across.resize(size, filter)
