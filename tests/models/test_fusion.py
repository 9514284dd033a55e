"""The promises of fusion.py and of heads: they are made of plain FCNs, and start where those stood."""

import pytest
import torch
from torch import nn

from course_utils.models.backbones import CLASSIFIERS, Backbone, backbone, first_convolution, untrained
from course_utils.models.fcn import FCN, Heads, warm_start
from course_utils.models.fcn_paper import PaperFCN
from course_utils.models.fusion import LateFusion, normalise_sources, widen
from course_utils.models.imagenet import fill_at_random, normalise
from course_utils.training.settings import Settings, make_optimiser
from tests.models.test_fcn import CLASSES, TinyBackbone, paper, trained


def fcn(stride=32, classes=CLASSES, seed=0):
    net = FCN(TinyBackbone(), classes, stride)
    fill_at_random(net.backbone, seed)
    return net


def late(stride):
    return LateFusion(fcn(stride, seed=1), fcn(stride, seed=2))


def early(stride):
    return widen(fcn(stride, seed=1), 4, "mean")


def heads(stride):
    return Heads(fcn(stride), {"semantic": 3, "geometric": 2})


@pytest.fixture(scope="module")
def images():
    return torch.randn(2, 6, 75, 98, generator=torch.Generator().manual_seed(0))


def test_a_widened_net_says_what_it_said_when_its_new_weights_start_at_zero(images):
    net, images = trained(fcn()).double(), images.double()
    before = net(images[:, :3])
    torch.testing.assert_close(widen(net, 4)(images[:, :4]), before)


def test_new_weights_that_start_at_the_mean_see_depth_as_a_grey_picture(images):
    net = trained(fcn())
    before, old = net(images[:, :3]), first_convolution(net).weight.detach().clone()
    new = first_convolution(widen(net, 5, "mean")).weight
    assert torch.equal(new[:, :3], old)
    for channel in (3, 4):
        torch.testing.assert_close(new[:, channel], old.mean(dim=1))
    assert not torch.allclose(net(images[:, :5]), before)


@pytest.mark.parametrize("start", ["zero", "mean"])
def test_new_weights_learn_from_the_first_step_on(images, start):
    net = widen(trained(fcn()), 4, start)
    nn.functional.cross_entropy(net(images[:, :4]), torch.ones(2, 75, 98, dtype=torch.long)).backward()
    assert first_convolution(net).weight.grad[:, 3].abs().sum() > 0


@pytest.mark.parametrize("name", [name for name in CLASSIFIERS if name != "vgg16"])
def test_every_classifier_can_be_widened(name, images):
    net, images = FCN(backbone(name, download=False), CLASSES).eval().double(), images.double()
    for parameter in net.score.parameters():
        parameter.data.normal_()
    with torch.no_grad():
        before = net(images[:1, :3])
        torch.testing.assert_close(widen(net, 4)(images[:1, :4]), before)


def test_the_paper_form_can_be_widened(images):
    net = trained(PaperFCN("googlenet", CLASSES, trained=False))
    fill_at_random(net, seed=0)
    net, images = net.double(), images.double()
    with torch.no_grad():
        before = net(images[:1, :3])
        torch.testing.assert_close(widen(net, 6)(images[:1]), before)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: widen(fcn(), 3), "looks at 3 already"),
        (lambda: widen(fcn(), 4, "median"), "start = 'median'"),
        (lambda: LateFusion(fcn(32), fcn(16)), "5 classes at stride 32 and 5 classes at stride 16"),
        (lambda: LateFusion(fcn(classes=4), fcn(classes=5)), "cannot add their scores"),
        (lambda: Heads(fcn(), {"semantic": 3, "geometric": 3}), "do not share out a net of 5"),
        (lambda: Heads(fcn(), {"semantic": 4, "geometric": 1}), "2 or more each"),
        (lambda: LateFusion(fcn(), fcn())(torch.randn(1, 3, 64, 64)), "none are left for the second"),
        (
            lambda: normalise_sources(torch.zeros(1, 5, 8, 8, dtype=torch.uint8), "vgg16"),
            "5 channels: sources have three",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_in_words(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_late_fusion_adds_the_scores_of_its_two_nets(images):
    net = trained(late(16))
    torch.testing.assert_close(net(images), net.first(images[:, :3]) + net.second(images[:, 3:]))


def test_late_fusion_joins_any_two_sources(images):
    net = trained(LateFusion(fcn(), widen(fcn(), 5), channels=3))
    assert net(torch.cat([images, images[:, :2]], dim=1)).shape == (2, CLASSES, 75, 98)


@pytest.mark.parametrize("make", [late, early, heads])
@pytest.mark.parametrize(("coarse", "fine"), [(32, 16), (16, 8), (32, 8)])
def test_a_fresh_16s_equals_its_32s_fused_or_with_two_heads(make, coarse, fine, images):
    channels = {late: 6, early: 4, heads: 3}[make]
    coarser = trained(make(coarse))
    finer = warm_start(make(fine), coarser).eval()
    ours, theirs = finer(images[:, :channels]), coarser(images[:, :channels])
    if make is heads:
        ours, theirs = torch.cat([*ours.values()], dim=1), torch.cat([*theirs.values()], dim=1)
    assert theirs.std() > 0.1 and torch.equal(ours, theirs)


def test_two_paper_nets_can_be_fused_and_staged(images):
    coarser = trained(LateFusion(paper(32), paper(32)))
    finer = warm_start(LateFusion(paper(16), paper(16)), coarser)
    assert finer.first.upsample.stride == (16, 16)  # its own, not the coarser net's
    assert torch.equal(finer.second.score.weight, coarser.second.score.weight)
    with torch.no_grad():
        agree = (finer(images).argmax(1) == coarser(images).argmax(1)).float().mean()
    assert agree > 0.9


def test_a_fused_net_starts_from_no_plain_one():
    with pytest.raises(ValueError, match="two different nets"):
        warm_start(late(16), fcn(32))


def test_heads_share_out_the_scores_and_each_answers_alone(images):
    net = trained(heads(16))
    answers = net(images[:, :3])
    assert {name: tuple(scores.shape) for name, scores in answers.items()} == {
        "semantic": (2, 3, 75, 98),
        "geometric": (2, 2, 75, 98),
    }
    assert torch.equal(torch.cat([*answers.values()], dim=1), net.net(images[:, :3]))
    assert torch.equal(net.alone("geometric")(images[:, :3]), answers["geometric"])
    assert not net.alone("geometric").training and net.train().alone("geometric").training


def test_the_loss_of_one_head_moves_no_score_of_the_other(images):
    net = trained(heads(32))
    net(images[:, :3])["geometric"].square().sum().backward()
    assert not net.net.score.weight.grad[:3].any() and net.net.score.weight.grad[3:].any()
    assert first_convolution(net).weight.grad.any()  # the body is shared


def test_both_nets_of_a_late_fusion_have_the_backbones_learning_rate():
    groups = make_optimiser(late(16), Settings(backbone_lr=0.1, bias_lr=1.0)).param_groups
    slow = sum(len(group["params"]) for group in groups if group["lr_factor"] == 0.1)
    assert slow == 2 * len(list(TinyBackbone().parameters()))


@pytest.mark.parametrize("name", ["vgg16", "efficientnet_lite0"])
def test_each_source_is_normalised_as_if_it_were_a_picture(name):
    colours, other = torch.randint(0, 256, (2, 2, 3, 5, 7), dtype=torch.uint8)
    both = normalise_sources(torch.cat([colours, other], dim=1), name)
    assert torch.equal(both, torch.cat([normalise(colours, name), normalise(other, name)], dim=1))
    assert torch.equal(normalise_sources(colours, name), normalise(colours, name))
    depth = normalise_sources(torch.cat([colours, other[:, :1]], dim=1), name)[:, 3:]
    torch.testing.assert_close(depth, normalise(other[:, :1].expand(-1, 3, -1, -1), name).mean(dim=1, keepdim=True))
    assert normalise_sources(other[0, :1], name).shape == (1, 5, 7)


def test_googlenet_counts_its_first_convolution_and_not_its_input_transform_as_the_first():
    assert first_convolution(Backbone(untrained("googlenet"), "googlenet")).kernel_size == (7, 7)
    assert first_convolution(PaperFCN("googlenet", CLASSES, trained=False)).padding == (100, 100)
