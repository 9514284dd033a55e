"""Resize pictures alike with every version of Pillow (stickers)."""

from PIL import Image


def resize(picture: Image.Image, size: tuple[int, int], filter: Image.Resampling) -> Image.Image:
    """The picture at another (width, height): first across, then down.

    Pillow's resampling of bytes is whole-number arithmetic, but which direction comes first, and so what is rounded
    when, has changed between its versions. One direction at a time leaves no choice.
    """
    across = picture.resize((size[0], picture.height), filter)
    return across.resize(size, filter)
