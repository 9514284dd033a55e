"""The drawing of Figure 1 holds the numbers of Figure 1, read off the module, and can be built up step by step."""

import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn

from course_utils.figures.unet import maps_of, steps_of, unet_drawing
from course_utils.models.unet import UNet, walk

FIGURE_1 = """
1 572, 64 570, 64 568, 64 284, 128 282, 128 280, 128 140, 256 138, 256 136, 256 68, 512 66, 512 64,
512 32, 1024 30, 1024 28, 1024 56, 512 54, 512 52, 512 104, 256 102, 256 100, 256 200, 128 198, 128 196,
128 392, 64 390, 64 388, 2 388
"""


def test_every_map_of_figure_1_is_found_in_the_module():
    expected = [tuple(map(int, pair.split())) for pair in FIGURE_1.replace("\n", " ").split(",")]
    maps = [each for each in maps_of(UNet(), 572) if each.operation != "up"]
    assert [(each.channels, each.size) for each in maps] == expected
    assert [each.skipped for each in maps if each.operation == "join"] == [512, 256, 128, 64]


@pytest.mark.parametrize(("size", "padded"), [(188, False), (64, True)])
def test_the_maps_are_those_of_the_arithmetic(size, padded):
    maps = maps_of(UNet(width=2, padded=padded), size)
    steps = [(step.level, step.size) for step in walk(size, padded=padded)]
    assert [(each.level, each.size) for each in maps] == steps


class Hand(nn.Module):
    """A U-Net with one level, as a student may write it."""

    def __init__(self):
        super().__init__()
        self.first, self.low, self.last = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 8, 3), nn.Conv2d(8, 4, 3)
        self.pool, self.up, self.score = nn.MaxPool2d(2), nn.ConvTranspose2d(8, 4, 2, 2), nn.Conv2d(4, 5, 1)

    def forward(self, images):
        skip = self.first(images)
        up = self.up(self.low(self.pool(skip)))
        skip = skip[..., 2:-2, 2:-2]
        return self.score(self.last(torch.cat([skip, up], dim=1)))


def test_a_net_made_by_hand_is_drawn_too():
    found = [(each.operation, each.channels, each.size) for each in maps_of(Hand(), 20)]
    assert found[0] == ("input", 3, 20)
    assert ("join", 8, 14) in found
    assert found[-1] == ("score", 5, 12)


def texts(figure):
    found = [text.get_text() for text in figure.axes[0].texts]
    plt.close(figure)
    return found


def test_the_drawing_is_built_up_in_ten_steps_and_stays_in_its_place():
    net = UNet()
    assert steps_of(maps_of(net, 572)) == 10
    sizes = {tuple(unet_drawing(net, step=step).get_size_inches()) for step in (1, 5, 10)}
    plt.close("all")
    assert len(sizes) == 1
    assert "388" in texts(unet_drawing(net)) and "388" not in texts(unet_drawing(net, step=8))
    assert "568→392" in texts(unet_drawing(net, step=9)) and "568→392" not in texts(unet_drawing(net, step=8))
    assert "28" in texts(unet_drawing(net, step=5)) and "28" not in texts(unet_drawing(net, step=4))
    with pytest.raises(ValueError, match="steps 1 to 10"):
        unet_drawing(net, step=11)
