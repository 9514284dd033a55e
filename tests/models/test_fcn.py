"""The promises of fcn.py and fcn_paper.py: two forms, zero skips, warm starts, crops out of coordinate maps."""

import pytest
import torch
from torch import nn

from course_utils.models.backbones import CLASSIFIERS, backbone
from course_utils.models.coordinates import geometry
from course_utils.models.fcn import FCN, parameters_in, warm_start
from course_utils.models.fcn_paper import PaperFCN, crop
from course_utils.models.imagenet import fill_at_random
from course_utils.models.upsampling import bilinear_kernel

CLASSES = 5


class TinyBackbone(nn.Module):
    """Three maps at strides 8, 16 and 32, in a thousandth of a real backbone's time."""

    channels = (4, 6, 8)

    def __init__(self):
        super().__init__()
        self.at_8 = nn.Sequential(nn.Conv2d(3, 4, 9, 8, 4), nn.ReLU())
        self.at_16 = nn.Sequential(nn.Conv2d(4, 6, 3, 2, 1), nn.ReLU())
        self.at_32 = nn.Sequential(nn.Conv2d(6, 8, 3, 2, 1), nn.ReLU())

    def forward(self, images):
        at_8 = self.at_8(images)
        at_16 = self.at_16(at_8)
        return at_8, at_16, self.at_32(at_16)


def trained(net, seed=1):
    """The net with scores that are no longer zero."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in net.named_parameters():
        if "score" in name:
            parameter.data.normal_(generator=generator)
    return net.eval()


def paper(stride, **options):
    """AlexNet's paper form with small random weights, quicker to make than VGG16's."""
    net = PaperFCN("alexnet", CLASSES, stride, trained=False, **options)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            fill_at_random(module, seed=0)
    for name, parameter in net.named_parameters():
        if "score" in name:
            parameter.data.zero_()
    return net.eval()


@pytest.fixture(scope="module")
def images():
    return torch.randn(2, 3, 75, 98, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("coarse", "fine"), [(32, 16), (16, 8), (32, 8)])
def test_a_fresh_finer_net_equals_the_coarser_one_to_the_bit(coarse, fine, images):
    coarser = trained(FCN(TinyBackbone(), CLASSES, coarse))
    finer = warm_start(FCN(TinyBackbone(), CLASSES, fine), coarser).eval()
    assert coarser(images).std() > 0.1
    assert torch.equal(finer(images), coarser(images))


def test_a_fresh_fcn16s_equals_its_fcn32s_on_a_real_backbone(images):
    coarser = trained(FCN(backbone("efficientnet_lite0"), CLASSES, 32))
    finer = warm_start(FCN(backbone("efficientnet_lite0"), CLASSES, 16).eval(), coarser)
    with torch.no_grad():
        assert torch.equal(finer(images), coarser(images))


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (97, 65), (64, 127), (1, 200)])
@pytest.mark.parametrize("stride", [32, 16, 8])
def test_pictures_of_any_size_come_back_at_their_size(size, stride):
    assert FCN(TinyBackbone(), CLASSES, stride)(torch.randn(1, 3, *size)).shape == (1, CLASSES, *size)


@pytest.mark.parametrize("name", [name for name in CLASSIFIERS if name != "vgg16"])
def test_every_backbone_gives_logits_at_odd_sizes(name):
    net = FCN(backbone(name, download=False), CLASSES, 8).eval()
    with torch.no_grad():
        assert net(torch.randn(1, 3, 101, 67)).shape == (1, CLASSES, 101, 67)


def test_a_picture_too_small_for_its_backbone_is_refused_in_words():
    net = FCN(backbone("alexnet", download=False), CLASSES, 8)
    with pytest.raises(ValueError, match="pictures of 20x20 are too small for this backbone"):
        net(torch.randn(1, 3, 20, 20))


def test_the_first_step_teaches_every_stream_its_scores(images):
    net = FCN(TinyBackbone(), CLASSES, 8)
    nn.functional.cross_entropy(net(images), torch.ones(2, 75, 98, dtype=torch.long)).backward()
    for score in (net.score, net.skip_16.score, net.skip_8.score):
        assert score.weight.grad.abs().sum() > 0


def test_streams_sum_up_to_the_logits_and_can_be_taken_away(images):
    net = trained(FCN(TinyBackbone(), CLASSES, 8)).double()
    images = images.double()
    streams = net.streams(images)
    assert list(streams) == [32, 16, 8]
    torch.testing.assert_close(sum(streams.values()), net(images))
    torch.testing.assert_close(net.without(images, [8]), streams[32] + streams[16])
    assert not net.without(images, [32, 16, 8]).any()


def test_at_once_scales_the_finer_maps_as_the_authors_do():
    for net in (FCN(TinyBackbone(), CLASSES, 8, at_once=True), PaperFCN("vgg16", 21, 8, at_once=True, trained=False)):
        assert (net.skip_16.scale, net.skip_8.scale) == (0.01, 0.0001)
    fine = torch.randn(1, 4, 6, 6)
    scaled, plain = (trained(FCN(TinyBackbone(), CLASSES, 8, at_once=scale)).skip_8 for scale in (True, False))
    plain.score.weight.data *= 0.0001
    torch.testing.assert_close(scaled(torch.zeros(1, 5, 3, 3), fine), plain(torch.zeros(1, 5, 3, 3), fine))


@pytest.mark.parametrize(
    ("finer", "coarser", "message"),
    [
        (lambda: FCN(TinyBackbone(), 5, 32), lambda: FCN(TinyBackbone(), 5, 16), "starts from a coarser net"),
        (lambda: FCN(TinyBackbone(), 5, 16), lambda: FCN(TinyBackbone(), 4, 32), r"score.weight is \(4, 8, 1, 1\)"),
        (lambda: FCN(TinyBackbone(), 5, 16), lambda: FCN(backbone("alexnet", download=False), 5), "two different nets"),
    ],
)
def test_a_warm_start_from_another_net_is_refused(finer, coarser, message):
    with pytest.raises(ValueError, match=message):
        warm_start(finer(), coarser())


@pytest.mark.parametrize(("stride", "classes", "message"), [(4, 5, "stride 4"), (32, 1, "classes=1")])
def test_a_net_that_there_is_not_is_refused(stride, classes, message):
    with pytest.raises(ValueError, match=message):
        FCN(TinyBackbone(), classes, stride)
    with pytest.raises(ValueError, match=message):
        PaperFCN("vgg16", classes, stride, trained=False)


def test_fcn_vgg16_has_134346581_parameters_before_its_deconvolutions():
    net = PaperFCN("vgg16", 21, 32, trained=False)
    assert parameters_in(net) == 134_346_581
    assert parameters_in(net, deconvolutions=True) > 134_346_581


@pytest.mark.parametrize(
    ("name", "stride", "crops", "kernels"),
    [
        ("vgg16", 32, {"image": 19}, [64]),
        ("vgg16", 16, {16: 5, "image": 27}, [4, 32]),
        ("vgg16", 8, {16: 5, 8: 9, "image": 31}, [4, 4, 16]),
        ("alexnet", 32, {"image": 18}, [63]),
        ("googlenet", 32, {"image": 106}, [63]),  # not the authors': theirs was never released
    ],
)
def test_crops_and_kernels_are_the_authors(name, stride, crops, kernels):
    net = PaperFCN(name, 21, stride, trained=False)
    assert net.crops == crops
    found = [layer.kernel_size[0] for layer in net.modules() if isinstance(layer, nn.ConvTranspose2d)]
    assert sorted(found) == sorted(kernels)


def test_the_last_deconvolution_is_fixed_and_the_inner_ones_learn_from_a_bilinear_start():
    net = PaperFCN("vgg16", 21, 8, trained=False)
    assert not net.upsample.weight.requires_grad
    for skip in (net.skip_16, net.skip_8):
        assert skip.align.upsample.weight.requires_grad
        assert torch.equal(skip.align.upsample.weight[3, 3], bilinear_kernel(4))
        assert not skip.align.upsample.weight[3, 4].any()


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (75, 98)])
def test_googlenets_paper_form_takes_any_size(size):
    net = PaperFCN("googlenet", CLASSES, trained=False)
    fill_at_random(net, seed=0)
    with torch.no_grad():
        assert net.eval()(torch.randn(1, 3, *size)).shape == (1, CLASSES, *size)


def test_googlenets_paper_form_is_a_32s_alone():
    with pytest.raises(ValueError, match="stride 16: the coarser scores reach 1 cells past this map"):
        PaperFCN("googlenet", CLASSES, 16, trained=False)


@pytest.mark.parametrize(("name", "cell"), [("alexnet", 1), ("googlenet", 4)])
def test_a_cells_answer_is_drawn_over_what_the_cell_looks_at(name, cell):
    """A score map that is high in one cell gives a peak at the centre of that cell's receptive field."""
    net = PaperFCN(name, CLASSES, trained=False)
    scores = torch.zeros(1, CLASSES, 8, 8)
    scores[0, 0, cell, cell] = 1
    peak = crop(net.upsample(scores), net.crops["image"], torch.empty(1, 1, 90, 90))[0, 0]
    assert divmod(int(peak.argmax()), 90) == (geometry(net.to_scores).coordinates(cell),) * 2


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (75, 98), (121, 33)])
def test_the_paper_form_takes_any_size(size):
    for stride in (32, 8):
        with torch.no_grad():
            assert paper(stride)(torch.randn(1, 3, *size)).shape == (1, CLASSES, *size)


def test_vgg16s_paper_form_runs():
    net = PaperFCN("vgg16", 3, 8, trained=False)
    for parameter in net.parameters():
        parameter.data.fill_(1e-3)
    with torch.no_grad():
        assert net.eval()(torch.randn(1, 3, 31, 42)).shape == (1, 3, 31, 42)


def test_a_fresh_16s_of_the_paper_form_has_its_32s_scores_where_the_streams_meet(images):
    coarser = trained(paper(32))
    finer = warm_start(paper(16), coarser)
    with torch.no_grad():
        pool4 = coarser.to_16(coarser.to_8(images))
        scores = coarser.score(coarser.head(coarser.to_32(pool4)))
        assert torch.equal(finer.skip_16(scores, pool4), finer.skip_16.align.upsample(scores))
        ours, theirs = finer(images), coarser(images)
    # two bilinear steps smooth more than one: close, and not equal
    assert 0 < (ours - theirs).abs().max() < 0.35 * theirs.abs().max()
    assert (ours.argmax(1) == theirs.argmax(1)).float().mean() > 0.9
