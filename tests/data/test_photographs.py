"""Every photograph is there without a network, and a file of one's own takes its place."""

import pytest
import skimage.data
import torch
from PIL import Image

from course_utils.data.depth import hha
from course_utils.data.photographs import PHOTOGRAPHS, depth_photograph, photograph


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_are_three_channels_of_bytes(name):
    image = photograph(name)
    assert image.shape[0] == 3 and image.dtype == torch.uint8 and min(image.shape[1:]) >= 300


def test_the_motorcycle_has_its_depth_in_metres_and_0_where_it_is_unknown():
    image, depth, camera = depth_photograph()
    assert torch.equal(image, photograph("motorcycle"))
    assert depth.shape == image.shape[1:] == (500, 741) and depth.dtype == torch.float32
    unknown = depth == 0
    assert 0.05 < unknown.float().mean() < 0.1 and torch.isfinite(depth).all()
    assert 2 < depth[~unknown].min() < depth.max() < 5.1  # a motorcycle in a garage
    # a disparity of 23.9 pixels and the offset of 31.086, worked out by hand
    disparity = torch.from_numpy(skimage.data.stereo_motorcycle()[2])
    row, column = divmod(int(((disparity - 23.9).abs().nan_to_num(9.0)).argmin()), 741)
    assert depth[row, column] == pytest.approx(994.978 * 0.193001 / (23.9 + 31.086), rel=1e-3)
    disparity_channel, height, angle = hha(depth, camera).float()
    floor, wall = (slice(460, 500), slice(100, 600)), (slice(100, 150), slice(0, 60))
    assert disparity_channel[floor].mean() > disparity_channel[wall].mean()
    assert height[floor].median() < 30 < height[wall].median() and angle[floor].median() < 30


def test_a_file_of_ones_own_works_and_an_unknown_name_lists_the_collection(tmp_path):
    Image.new("L", (7, 5), 9).save(tmp_path / "mine.png")
    assert photograph(tmp_path / "mine.png").shape == (3, 5, 7)
    assert photograph(str(tmp_path / "mine.png")).shape == (3, 5, 7)
    with pytest.raises(FileNotFoundError, match=r"mine\.png"):
        photograph(tmp_path / "mime.png")
    with pytest.raises(ValueError, match="cat, coffee"):
        photograph("dog")
