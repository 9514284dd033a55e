"""The promises of making.py: what a configuration's words make of a net."""

import pytest
import torch
from torch.nn import functional

from course_utils.training.recipes import Net, enlarging, make_net


@pytest.mark.parametrize(("fixed", "frozen"), [(1, 0), (4, 4), (8, 5)])
def test_the_layers_up_to_a_stride_are_fixed_and_no_others(fixed, frozen):
    net = make_net(Net(fixed=fixed), classes=3)
    layers = [layer for stage in net.backbone.stages for layer in stage]
    learning = [all(parameter.requires_grad for parameter in layer.parameters()) for layer in layers]
    assert learning == [False] * frozen + [True] * (len(layers) - frozen)
    assert all(parameter.requires_grad for parameter in net.score.parameters())


def test_the_paper_form_and_unknown_forms_are_refused_in_words():
    with pytest.raises(ValueError, match="only the practical form fixes its lower layers"):
        make_net(Net(form="paper", backbone="vgg16", fixed=8), classes=3)
    with pytest.raises(ValueError, match="form = 'papper'"):
        make_net(Net(form="papper"), classes=3)


def test_an_enlarged_picture_is_scored_at_its_own_size():
    images = torch.rand(1, 3, 20, 31)
    seen = []

    def net(larger):
        seen.append(tuple(larger.shape[-2:]))
        return larger[:, :2]

    scores = enlarging(net, 1.5)(images)
    assert seen == [(30, 47)] and scores.shape == (1, 2, 20, 31)
    there = functional.interpolate(images, (30, 47), mode="bilinear")
    assert torch.equal(scores, functional.interpolate(there, (20, 31), mode="bilinear")[:, :2])
    assert enlarging(net, 1) is net
