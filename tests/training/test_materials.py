"""Kept maps are the maps themselves, and a net on them is the net."""

import copy

import pytest
import torch

from course_utils.data.dataset import load
from course_utils.losses import CrossEntropy
from course_utils.models.backbones import backbone
from course_utils.models.fcn import FCN
from course_utils.models.fusion import widen
from course_utils.models.imagenet import normalise
from course_utils.training.kept_maps import KeptMaps, UpperBackbone, lay_out, take_up
from course_utils.training.loop import train
from course_utils.training.materials import Sampled, material, paper_recipe, recipe
from course_utils.training.processes import Run
from course_utils.training.settings import freeze

QUICK = Run("quick", torch.device("cpu"), 0)


@pytest.fixture(scope="module")
def lite0():
    return backbone("efficientnet_lite0").eval()


@pytest.fixture(scope="module")
def small():
    return material(QUICK, images=18, every=4)


@pytest.mark.parametrize("every", (1, 2, 4, 8))
def test_maps_come_back_to_the_bit(every):
    maps = torch.randn(2, 40, 12, 20), torch.randn(2, 112, 6, 10), torch.randn(2, 192, 3, 5)
    laid_out = lay_out(maps, every)
    assert laid_out.shape[-2:] == (96 // every, 160 // every)
    assert all(torch.equal(again, kept) for again, kept in zip(take_up(laid_out), maps, strict=True))


def test_maps_that_do_not_lie_over_each_other_are_refused():
    with pytest.raises(ValueError, match="maps of 14x20, 7x10, 4x5: only pictures whose sides are multiples of 32"):
        lay_out((torch.zeros(1, 40, 14, 20), torch.zeros(1, 112, 7, 10), torch.zeros(1, 192, 4, 5)))
    with pytest.raises(ValueError, match="every = 3"):
        lay_out((torch.zeros(1, 40, 12, 20), torch.zeros(1, 112, 6, 10), torch.zeros(1, 192, 3, 5)), every=3)


@pytest.mark.parametrize("planes", (1, 3, 4))
def test_a_picture_instead_of_kept_maps_is_refused(planes):
    with pytest.raises(ValueError, match="take its inputs from KeptMaps"):
        take_up(torch.rand(1, planes, 64, 64))


def test_maps_of_another_backbone_are_refused():
    with pytest.raises(ValueError, match="not for alexnet"):
        UpperBackbone(backbone("alexnet"))


@pytest.mark.parametrize("stride", (32, 16, 8))
def test_a_net_on_kept_maps_predicts_what_the_whole_net_does(lite0, stride):
    dataset = load("stickers", "val", images=12)
    kept = KeptMaps(lite0, dataset)
    nets = [FCN(part, 21, stride).eval() for part in (lite0, UpperBackbone(lite0))]
    weights = {name: torch.randn_like(value) for name, value in nets[0].named_parameters() if "backbone" not in name}
    for net in nets:
        net.load_state_dict(weights, strict=False)
    with torch.no_grad():
        whole = nets[0](normalise(dataset[1][0], lite0.name)[None])
        upper = nets[1](kept[1][0][None])
    assert upper.shape == (1, 21, 160, 160)
    assert torch.allclose(whole, upper, atol=1e-3 * float(whole.abs().max()))
    assert torch.equal(kept[1][1], dataset[1][1])


def test_a_coarser_loss_sees_every_second_pixel_of_the_mask(lite0):
    dataset = load("stickers", "val", images=6)
    maps, mask = KeptMaps(lite0, dataset, every=2)[0]
    assert torch.equal(mask, dataset[0][1][::2, ::2]) and maps.shape[-2:] == mask.shape


def test_a_widened_bodys_maps_are_the_colours_until_its_new_weights_are_more_than_zero(lite0):
    dataset = load("stickers", "val", images=6).giving(("rgb", "depth"), ("mask", "geometry"))
    colours = KeptMaps(lite0, dataset.giving(("rgb",)))
    for start, same in (("zero", True), ("mean", False)):
        kept = KeptMaps(widen(copy.deepcopy(lite0), 4, start), dataset, every=1)
        assert torch.allclose(kept.maps, colours.maps, atol=1e-4) == same
        _, mask, geometry = kept[0]
        assert torch.equal(mask, dataset[0][1]) and torch.equal(geometry, dataset[0][2])


def test_each_net_starts_afresh(small):
    first, second = small.net(32), small.net(32)
    with torch.no_grad():
        next(first.backbone.parameters()).zero_()
    assert next(second.backbone.parameters()).abs().sum() > 0
    assert first.score.weight.abs().sum() == 0


def test_fine_tuning_changes_the_backbone_and_freezing_does_not(small):
    fixed, tuned = small.net(), small.net()
    freeze(fixed.backbone)
    before = [value.clone() for value in fixed.backbone.state_dict().values()]
    for net in (fixed, tuned):
        history = train(
            net, small.train, CrossEntropy(), recipe(QUICK, batch=5, epochs=2), device="cpu", progress=False
        )
        assert history.losses[-1] < history.losses[0]
    assert all(torch.equal(a, b) for a, b in zip(before, fixed.backbone.state_dict().values(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(before, tuned.backbone.state_dict().values(), strict=True))
    means = [name for name in tuned.state_dict() if name.endswith("running_mean")]
    assert all(torch.equal(fixed.state_dict()[name], tuned.state_dict()[name]) for name in means)


def test_pictures_and_inputs_belong_together(small):
    assert small.inputs([0, 2]).shape[0] == 2
    assert torch.equal(small.val[2][1], small.pictures[2][1])


def test_unknown_data_and_data_of_the_other_profile_are_refused():
    with pytest.raises(ValueError, match="DATASET = 'cityscapes'"):
        material(QUICK, "cityscapes")
    with pytest.raises(ValueError, match="PROFILE = 'full'"):
        material(QUICK, "voc2012")


def test_the_full_profile_takes_crops_of_whole_pictures():
    full = material(Run("full", torch.device("cpu"), 0), "stickers")
    image, mask = full.train[0]
    assert image.shape == (3, 320, 320) and mask.shape == (320, 320) and image.dtype == torch.uint8
    assert full.prepare(image[None]).is_floating_point()


def test_the_recipe_takes_changes():
    assert recipe(QUICK, 16, seed=3).seed == 3
    assert recipe(QUICK, 32, epochs=0.5).epochs == 0.5


def test_the_papers_settings_are_the_papers():
    settings = paper_recipe(Run("full", torch.device("cpu"), 0))
    assert (settings.optimiser, settings.lr, settings.momentum, settings.batch) == ("sgd", 1e-4, 0.9, 20)
    assert (settings.bias_lr, settings.schedule) == (2.0, "constant")


def test_sampling_leaves_a_share_of_the_pixels(small):
    mask = small.train[0][1]
    torch.manual_seed(0)
    sampled = Sampled(small.train, 0.25)[0][1]
    kept = sampled != 255
    assert torch.equal(sampled[kept], mask[kept])
    assert abs(kept.sum() / (mask != 255).sum() - 0.25) < 0.05
    with pytest.raises(ValueError, match="share = 0"):
        Sampled(small.train, 0)
