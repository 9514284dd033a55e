"""The promises of voc_nets.py: what comes with the course is what was trained, and a change costs a byte a weight."""

import json

import pytest
import torch

from course_utils.data.masks import VOC_CLASSES
from course_utils.data.photographs import annotation
from course_utils.metrics.semantic import confusion_matrix, scores
from course_utils.models import voc_nets
from course_utils.models.backbones import backbone
from course_utils.models.fcn import FCN
from course_utils.models.voc_nets import STRIDES, WEIGHTS, segment_photograph, unpacked, voc_net
from course_utils.training.recipes import read_recipe
from course_utils.training.shipping import ROOT, packed, score


@pytest.mark.parametrize("name", STRIDES)
def test_a_net_that_comes_with_the_course_fits_its_recipe_and_finds_cat_and_astronaut(name):
    recipe = read_recipe(ROOT / "configs" / f"{name}.toml")
    kept = json.loads((ROOT / "results" / name / "result.json").read_text())
    net = voc_net(name)
    assert (net.stride, net.classes, net.training) == (recipe.net.stride, len(VOC_CLASSES), False)
    assert kept["recipe"]["net"]["fixed"] == recipe.net.fixed
    assert kept["recipe"]["training"] == json.loads(json.dumps(recipe.training.describe()))
    assert (WEIGHTS / f"{name}.pt").stat().st_size < (130e3 if recipe.net.fixed == 32 else 4e6)
    for which, thing in (("cat", "cat"), ("astronaut", "person")):
        found, kind = annotation(which), VOC_CLASSES.index(thing)
        labels = segment_photograph(net, found.image)
        assert labels.shape == found.mask.shape
        found.mask[found.mask == 1] = kind
        assert scores(confusion_matrix(found.mask, labels, len(VOC_CLASSES))).iu[kind] > 0.5


@pytest.mark.notebooks
@pytest.mark.parametrize("name", STRIDES)
def test_what_is_shipped_gives_the_scores_that_were_kept(name):
    kept = json.loads((ROOT / "results" / name / "shipped.json").read_text())
    try:
        found = score(name, read_recipe(ROOT / "configs" / f"{name}.toml"))
    except FileNotFoundError:
        pytest.skip("VOC 2012 is not on this machine")
    assert found == pytest.approx(kept, abs=2e-3)


def test_a_net_out_of_its_packed_change_is_the_net_to_half_a_step_of_a_byte():
    start, net = (FCN(backbone("efficientnet_lite0"), 5, 8) for _ in range(2))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in net.backbone.stages[2].parameters():
            parameter += 0.01 * torch.randn(parameter.shape, generator=generator)
        net.score.weight.normal_(generator=generator)
    kept = packed(net, start.state_dict())
    assert not any("stages.0." in name for name in kept)
    whole = unpacked(kept, start.state_dict())
    for name, value in net.state_dict().items():
        change = (value - start.state_dict()[name]).abs()
        assert (whole[name] - value).abs().max() <= change.max() / 253, name
        if value.ndim < 2 or not name.startswith("backbone."):
            assert torch.equal(whole[name], value), name


def test_an_unknown_name_and_a_damaged_file_are_answered_in_words(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="no net 'voc_fcn4s' comes with the course"):
        voc_net("voc_fcn4s")
    monkeypatch.setattr(voc_nets, "WEIGHTS", tmp_path)
    whole = (WEIGHTS / "voc_fcn8s_fixed_cpu.pt").read_bytes()
    (tmp_path / "voc_fcn8s_fixed_cpu.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="install the course again"):
        voc_net("voc_fcn8s_fixed_cpu")
