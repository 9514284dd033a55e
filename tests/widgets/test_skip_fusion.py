import pytest
import torch

from course_utils.models.backbones import backbone
from course_utils.models.fcn import FCN
from course_utils.widgets.skip_streams import ALL, Scene, largest_class, mixed, score, skip_fusion
from tests.widgets.speed import LIMIT, seconds_to_answer

CLASSES = ["background", "cat", "dog", "bus"]
PALETTE = [(0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115)]


def scene(seed: int) -> Scene:
    """A scene of which stride 32 knows what, and stride 8 where."""
    chance = torch.Generator().manual_seed(seed)
    truth = torch.zeros(48, 64, dtype=torch.int64)
    truth[10:40, 8:30], truth[20:44, 40:60], truth[10, 8:30] = 1, 2, 255
    right = torch.nn.functional.one_hot(truth.where(truth < 255, 0), 4).permute(2, 0, 1).float()
    coarse = torch.nn.functional.avg_pool2d(right, 16, 16)
    coarse = torch.nn.functional.interpolate(coarse[None], size=truth.shape, mode="bilinear")[0]
    noise = 0.1 * torch.randn(4, 48, 64, generator=chance)
    image = torch.randint(0, 256, (3, 48, 64), generator=chance, dtype=torch.uint8)
    return Scene(image, truth, {32: coarse, 16: noise, 8: 2 * right - 0.2})


@pytest.fixture
def scenes():
    return [scene(0), scene(1)]


def gains(at_32=1.0, at_16=1.0, at_8=1.0):
    return {32: at_32, 16: at_16, 8: at_8}


def test_gains_of_one_give_the_nets_own_logits():
    net = FCN(backbone("efficientnet_lite0"), classes=4, stride=8).eval()
    for head in (net.score, net.skip_16.score, net.skip_8.score):
        torch.nn.init.normal_(head.weight, std=0.05)
    images = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        streams = {stride: share[0] for stride, share in net.streams(images).items()}
        assert torch.allclose(mixed(streams, gains(), None), net(images)[0], atol=1e-4)
        without = net.without(images, strides=(8,))[0]
    assert torch.allclose(mixed(streams, gains(at_8=0), None), without, atol=1e-4)


def test_gains_of_one_class_leave_the_others_alone(scenes):
    streams = scenes[0].streams
    all_, one = mixed(streams, gains(at_8=0), None), mixed(streams, gains(at_8=0), 2)
    trained = mixed(streams, gains(), None)
    assert torch.allclose(one[2], all_[2], atol=1e-6)
    assert torch.allclose(one[[0, 1, 3]], trained[[0, 1, 3]], atol=1e-6)


def test_scores_are_those_of_the_mix_over_all_scenes(scenes):
    assert score(scenes, gains(), None).mean_iu == 1
    assert score(scenes, gains(at_8=0), None).mean_iu < 0.95
    assert score(scenes, gains(at_32=0, at_16=0, at_8=-1), None).mean_iu < 0.1


def test_void_and_background_are_not_looked_at(scenes):
    assert largest_class(scenes[0].truth) == 1
    assert largest_class(torch.tensor([[0, 0, 255, 255, 255, 3]])) == 3
    assert largest_class(torch.tensor([[0, 255]])) == 0


def test_sliders_change_the_segmentation_and_its_iu(scenes):
    explorer = skip_fusion(scenes, CLASSES, PALETTE)
    explorer.set(stride_32=1, stride_16=1, stride_8=1, chosen=ALL, scene=1)
    assert "Mean IU 100.0 (+0.0 points" in explorer.picture.words
    explorer.controls["stride_8"].value = 0
    assert explorer.data.mean_iu == pytest.approx(score(scenes, gains(at_8=0), None).mean_iu)
    assert "Mean IU 100.0" not in explorer.picture.words


def test_one_class_is_mixed_alone(scenes):
    explorer = skip_fusion(scenes, CLASSES, PALETTE)
    explorer.set(stride_32=0, stride_16=0, stride_8=0, chosen=2, scene=2)
    assert explorer.data.looked_at == 2
    assert explorer.data.iu[2] < 0.01 and explorer.data.iu[1] > 0.9
    assert explorer.data.scene is scenes[1]
    assert [name for name, _ in explorer.controls["chosen"].options] == ["all classes", "cat", "dog"]


def test_it_answers_in_time_with_a_dozen_scenes_of_20_classes():
    chance = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (3, 160, 160), generator=chance, dtype=torch.uint8)
    many = [
        Scene(
            image,
            torch.randint(0, 20, (10, 10), generator=chance).repeat_interleave(16, 0).repeat_interleave(16, 1),
            {stride: torch.randn(20, 160, 160, generator=chance) for stride in (32, 16, 8)},
        )
        for _ in range(12)
    ]
    explorer = skip_fusion(many, [f"class {number}" for number in range(20)], [(9 * n, 90, 90) for n in range(20)])
    assert seconds_to_answer(explorer, stride_8=(0.5, 1.5), chosen=(3, ALL), scene=(2, 1)) < LIMIT
