"""Arithmetic in which two ways to compute the same thing can be compared (lecture 02)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def full_precision() -> Iterator[None]:
    """Convolve in float32 throughout.

    NVIDIA's GPUs round the inputs of convolutions to 10 bits by default (TF32): fast, harmless for a prediction, and
    good for differences of 1e-3 between nets that are equal. On other devices this changes nothing.
    """
    with torch.backends.cudnn.flags(enabled=False, allow_tf32=False):
        yield
