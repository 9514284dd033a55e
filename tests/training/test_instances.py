"""Mask R-CNN in training: things out of maps, the same weights broken off or not, both measures, recipes, bad input."""

import csv
import json
from dataclasses import replace
from functools import partial

import pytest
import torch

from course_utils.course.lectures import ROOT
from course_utils.data.dataset import Dataset, Sample, load
from course_utils.data.transforms import Augment
from course_utils.inference.things import find_things
from course_utils.models.backbones import backbone
from course_utils.models.imagenet import normalise
from course_utils.models.mask_rcnn import MaskRCNN
from course_utils.training import instances
from course_utils.training.instances import (
    KeptThings,
    ThingBoard,
    ThingPictures,
    ToldNet,
    evaluate_things,
    five_losses,
    judge_things,
    lite_net,
    target_of,
    thing_board,
    thing_recipe,
)
from course_utils.training.kept_maps import lower_maps
from course_utils.training.loop import train
from course_utils.training.processes import Run
from course_utils.training.recipes import read_recipe, run_recipe
from course_utils.training.settings import make_optimiser
from tests.training.tiny_training import digits_of

QUICK = Run("quick", torch.device("cpu"), 0)


def shapes(*samples: Sample) -> Dataset:
    """A data set of pictures in memory."""
    palette = [(0, 0, 0), (200, 0, 0), (0, 0, 200)]
    return Dataset(
        "shapes", "train", ["background", "square", "bar"], palette, list(range(len(samples))), samples.__getitem__
    )


def picture(labels=(1, 2), void=False) -> Sample:
    numbers = torch.zeros(64, 96, dtype=torch.int64)
    numbers[8:30, 6:40], numbers[28:58, 50:64] = 1, 2
    numbers[numbers > len(labels)] = 0
    mask = torch.tensor([0, *labels])[numbers]
    if void:
        numbers[:3], mask[:3] = 255, 255
    image = torch.stack([80 * (numbers == 1) + 40, 80 * (numbers == 2), 60 * (mask == 2)]).to(torch.uint8)
    return Sample(image, mask, numbers, torch.tensor(labels, dtype=torch.int64))


@pytest.fixture(scope="module")
def board() -> ThingBoard:
    return thing_board(QUICK, images=24)


def test_the_two_maps_of_a_picture_make_the_things_that_its_data_set_knows():
    dataset = load("stickers", "val", images=36)
    pictures = ThingPictures(dataset)
    for index in range(len(dataset)):
        image, expected = dataset.target(index)
        found = target_of(*pictures[index][1:])
        assert torch.equal(pictures[index][0], image)
        assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_void_is_no_thing_and_all_may_be_of_one_class():
    _, numbers, classes = ThingPictures(shapes(picture(void=True)), one_class=True)[0]
    assert numbers.unique().tolist() == [0, 1, 2] and classes.unique().tolist() == [0, 1]


def test_what_is_cut_away_is_no_thing_any_more_and_what_lies_outside_is_black_background():
    pictures = ThingPictures(shapes(picture()), Augment(size=(64, 48), flip=0))
    targets = [target_of(*pictures[0][1:]) for _ in range(20)]
    assert {len(target["labels"]) for target in targets} == {1, 2}
    image, numbers, classes = ThingPictures(shapes(picture()), Augment(size=(96, 128), flip=0))[0]
    for values in (image, numbers, classes):
        assert not values[..., :16, :].any() and not values[..., -16:].any()
    assert target_of(numbers, classes)["boxes"].tolist() == [[22, 24, 56, 46], [66, 44, 80, 74]]


def test_picture_and_things_are_resized_alike():
    image, numbers, classes = ThingPictures(shapes(picture()), short=128)[0]
    assert image.shape[1:] == numbers.shape == classes.shape == (128, 192)
    assert target_of(numbers, classes)["boxes"].tolist() == [[12, 16, 80, 60], [100, 56, 128, 116]]


def test_a_data_set_without_instances_is_refused_by_name():
    with pytest.raises(ValueError, match="'shapes' has classes but no instances"):
        ThingPictures(shapes(replace(picture(), instances=None)))[0]


@pytest.mark.parametrize(
    ("labels", "said"), [((1, 3), "class 3: this net's things are 1 to 2"), ((0, 1), "class 0: this net's things")]
)
def test_labels_that_are_no_class_of_a_thing_stop_the_training_in_words(labels, said):
    told = ToldNet(lite_net(backbone("efficientnet_lite0"), classes=3))
    _, numbers, classes = ThingPictures(shapes(picture((1, 2))))[0]
    classes = torch.tensor([0, *labels])[numbers]
    with pytest.raises(ValueError, match=said):
        told(torch.zeros(1, 3, 64, 96), numbers[None], classes[None])


@pytest.mark.notebooks
def test_pictures_without_a_thing_train_beside_others_and_alone():
    dataset = shapes(picture(()), picture(), picture(()))
    net = lite_net(backbone("efficientnet_lite0"), classes=3)
    settings = replace(thing_recipe(QUICK), epochs=2, batch=1)
    prepare = partial(normalise, name="efficientnet_lite0")
    history = train(
        ToldNet(net), ThingPictures(dataset), five_losses, settings, prepare=prepare, device="cpu", progress=False
    )
    assert len(history.losses) == 6 and all(loss > 0 for loss in history.losses)
    found = evaluate_things(net, ThingPictures(dataset), prepare)
    assert found.instances.cells == 2 and 0 <= found.masks.ap <= 1


def test_what_is_kept_of_a_picture_are_its_maps_and_its_things_as_they_are():
    whole = backbone("efficientnet_lite0")
    pictures = ThingPictures(load("stickers", "val", images=12), one_class=True)
    image, *truth = pictures[1]
    maps, *kept = KeptThings(whole, pictures)[1]
    # of a batch of two the last bits may differ
    torch.testing.assert_close(maps, lower_maps(whole, image[None], every=8)[0], rtol=1e-3, atol=1e-3)
    assert all(torch.equal(one, other) for one, other in zip(truth, kept, strict=True))


@pytest.mark.notebooks
def test_maps_that_are_kept_in_two_halves_are_those_of_one_go_and_each_picture_is_run_once(monkeypatch):
    counts, board = [], thing_board(QUICK, images=48)

    def counted(net, images, every):
        counts.append(len(images))
        return lower_maps(net, images, every)

    monkeypatch.setattr(instances, "lower_maps", counted)
    assert len(board.first_half) == 20 and counts == [20]
    assert len(board.train) == 40 and counts == [20, 20]
    at_once = KeptThings(board.backbone, board.pictures["train"])
    assert torch.equal(board.train.maps, at_once.maps)
    assert torch.equal(board.train.truths, at_once.truths)
    assert board.first_half.items == board.train.items[:20]


def test_a_net_on_kept_maps_finds_the_same_in_the_picture_itself(board):
    net = board.net().eval()
    with torch.no_grad():  # untrained, it is sure of nothing
        net.surest = 0
        maps, numbers, _ = board.val[0]
        (kept,) = net(maps[None], [tuple(numbers.shape)])
    found = find_things(net, board.pictures["val"][0][0], board.prepare)
    assert len(found["scores"]) == len(kept["scores"]) > 10
    torch.testing.assert_close(found["scores"], kept["scores"], rtol=1e-3, atol=1e-3)


class PowerCut(Exception):
    pass


@pytest.mark.notebooks
def test_a_training_broken_off_goes_on_to_the_same_weights_and_losses(board, tmp_path):
    settings, path = thing_recipe(QUICK, epochs=2, batch=4), tmp_path / "part.pt"

    def trained(net: MaskRCNN, **options):
        return train(ToldNet(net), board.train, five_losses, settings, device="cpu", progress=False, **options)

    def cut(net):
        raise PowerCut

    whole = board.net()
    history = trained(whole)
    assert len(set(history.losses)) == len(history.losses) == 10
    with pytest.raises(PowerCut):
        trained(board.net(), checkpoint=path, every=0, validate=cut)
    torch.manual_seed(99)  # what was sampled must not hang on the numbers drawn so far
    again = board.net(seed=5)
    continued = trained(again, checkpoint=path)
    assert continued.losses == history.losses
    state = again.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in whole.state_dict().items())
    frozen = board.net(seed=5).features[0].state_dict()
    assert all(torch.equal(value, frozen[name]) for name, value in whole.features[0].state_dict().items())


def test_the_backbone_of_a_net_may_learn_more_slowly():
    net = ToldNet(lite_net(backbone("efficientnet_lite0"), classes=2))
    factors = {group["lr_factor"] for group in make_optimiser(net, thing_recipe(QUICK, backbone_lr=0.2)).param_groups}
    assert factors == {0.2, 1.0}


def test_the_truth_itself_scores_1_by_both_measures_and_false_alarms_cost_one_of_them():
    truths = [ThingPictures(shapes(picture()))[0][1:]]
    target = target_of(*truths[0])
    found = {"boxes": target["boxes"], "labels": target["labels"], "scores": torch.tensor([0.9, 0.8])}
    found |= {"masks": target["masks"] > 0}
    scores = judge_things(truths, [found]).scores()
    assert scores["mask_ap"] == scores["box_ap75"] == scores["matched_50"] == scores["panoptic_quality"] == 1
    alarm = torch.zeros(1, 64, 96, dtype=torch.bool)
    alarm[0, 40:60, 5:25] = True
    more = {
        "boxes": torch.cat([found["boxes"], torch.tensor([[5.0, 40, 25, 60]])]),
        "labels": torch.tensor([1, 2, 1]),
        "scores": torch.tensor([0.9, 0.8, 0.1]),
        "masks": torch.cat([found["masks"], alarm]),
    }
    scores = judge_things(truths, [more], surest=0.05).scores()
    assert scores["mask_ap"] == 1 and scores["matched_50"] == pytest.approx(2 / 3)


def test_other_instances_under_the_same_masks_are_another_training():
    joined = replace(picture((1, 1)), instances=picture((1, 1)).instances.clamp(max=1), labels=torch.tensor([1]))
    apart, together = [ThingPictures(shapes(picture(), each, *[picture()] * 11)) for each in (picture((1, 1)), joined)]
    told = ToldNet(lite_net(backbone("efficientnet_lite0"), classes=3))
    digits = [digits_of(told, data, five_losses, thing_recipe(QUICK)) for data in (apart, together)]
    assert digits[0] != digits[1]


RECIPE = """
[net]
form = "mask_rcnn"
backbone = "efficientnet_lite0"
fixed = 16
width = 16
[data]
name = "stickers"
options = { images = 12, size = 96 }
validate_pictures = 1
[augment]
size = [96, 96]
[training]
epochs = 2
batch = 5
"""


@pytest.mark.notebooks
def test_a_recipe_trains_tests_and_keeps_both_measures(tmp_path):
    (tmp_path / "things.toml").write_text(RECIPE)
    result = run_recipe(read_recipe(tmp_path / "things.toml"), tmp_path / "out", "cpu", progress=False)
    written = json.loads((tmp_path / "out" / "result.json").read_text())
    assert set(written["scores"]) >= {"box_ap", "mask_ap", "mask_ap50", "matched_50", "panoptic_quality", "cells"}
    assert result["steps"] == 4 and written["cpu_seconds"] > 0 and written["recipe"]["net"]["rois"] == 32
    with open(tmp_path / "out" / "curves.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["steps"] for row in rows] == ["2", "4"]
    with pytest.raises(ValueError, match=r"\[net\] rois = 32, and now 16"):
        run_recipe(read_recipe(tmp_path / "things.toml", ["net.rois=16"]), tmp_path / "out", "cpu", progress=False)


def test_a_recipe_on_another_backbone_is_refused(tmp_path):
    (tmp_path / "things.toml").write_text(RECIPE.replace("efficientnet_lite0", "vgg16"))
    with pytest.raises(ValueError, match="'vgg16': Mask R-CNN stands on efficientnet_lite0 or resnet50"):
        run_recipe(read_recipe(tmp_path / "things.toml"), tmp_path / "out", "cpu", progress=False)


@pytest.mark.notebooks  # a ResNet-50 twice
@pytest.mark.parametrize("name", ["pennfudan_gpu", "dsb2018_mask_rcnn_gpu"])
def test_the_papers_net_takes_a_step_on_small_pictures(name, tmp_path, monkeypatch):
    monkeypatch.setattr(instances, "imagenet_weights", lambda name: None)  # no download; random ones, as it says
    recipe = read_recipe(
        ROOT / "configs" / f"{name}.toml",
        [
            "data.name=stickers",
            "data.test=val",
            "data.short=64",
            "augment.size=[64, 64]",
            "training.epochs=0.2",
            "net.rois=32",
        ],
    )
    recipe = replace(recipe, data=replace(recipe.data, options={"images": 12, "size": 64}, validate_pictures=0))
    result = run_recipe(recipe, tmp_path, "cpu", progress=False)
    assert result["steps"] == 1 and result["parameters"] > 4e7
    with open(tmp_path / "curves.csv", encoding="utf-8") as file:
        assert 0 < float(next(csv.DictReader(file))["loss"]) < 20
