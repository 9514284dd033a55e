"""Every photograph is there without a network, and a file of one's own takes its place."""

import pytest
import torch
from PIL import Image

from course_utils.data.photographs import PHOTOGRAPHS, photograph


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_are_three_channels_of_bytes(name):
    image = photograph(name)
    assert image.shape[0] == 3 and image.dtype == torch.uint8 and min(image.shape[1:]) >= 300


def test_a_file_of_ones_own_works_and_an_unknown_name_lists_the_collection(tmp_path):
    Image.new("L", (7, 5), 9).save(tmp_path / "mine.png")
    assert photograph(tmp_path / "mine.png").shape == (3, 5, 7)
    assert photograph(str(tmp_path / "mine.png")).shape == (3, 5, 7)
    with pytest.raises(FileNotFoundError, match=r"mine\.png"):
        photograph(tmp_path / "mime.png")
    with pytest.raises(ValueError, match="cat, coffee"):
        photograph("dog")
