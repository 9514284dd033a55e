"""The promises of cached.py: the upper part on kept maps is the net, and training it trains the net's upper part alone."""

import copy

import pytest
import torch

from course_utils.losses import CrossEntropy
from course_utils.models.backbones import backbone
from course_utils.models.cached import UpperPart, lower_maps
from course_utils.models.fcn import FCN
from course_utils.optimisation import Settings
from course_utils.train import train


class Noise(torch.utils.data.Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        return torch.randn(3, 64, 96, generator=generator), torch.randint(0, 4, (64, 96), generator=generator)


@pytest.mark.parametrize("frozen", [8, 16])
def test_on_kept_maps_the_upper_part_says_and_learns_what_the_net_does(frozen):
    net = FCN(backbone("efficientnet_lite0"), 4, 8)
    before = copy.deepcopy(net.state_dict())
    upper = UpperPart(net, (64, 96), frozen)
    maps = lower_maps(upper, Noise(), prepare=lambda images: images, batch=4)
    train(upper, maps, CrossEntropy(), Settings(epochs=1, batch=3), device="cpu", progress=False)

    changed = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    assert {"score.weight", "skip_16.score.weight", "skip_8.score.weight"} < changed
    lower = tuple(f"backbone.stages.{stage}." for stage in range(1 if frozen == 8 else 2))
    assert not any(name.startswith(lower) for name in changed)
    assert any(name.startswith(f"backbone.stages.{len(lower)}.") for name in changed)

    net.eval()
    images = torch.stack([Noise()[index][0] for index in range(6)])
    with torch.no_grad():
        torch.testing.assert_close(upper(maps.tensors[0]), net(images), rtol=1e-4, atol=1e-5)
    assert torch.equal(maps.tensors[1][2], Noise()[2][1])


def test_another_stride_is_refused():
    with pytest.raises(ValueError, match="frozen = 32"):
        UpperPart(FCN(backbone("efficientnet_lite0"), 4, 8), (64, 64), 32)
