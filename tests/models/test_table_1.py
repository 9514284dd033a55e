"""FCN's Table 1 comes out of the modules, and where it does not, it is known which reading gives it."""

import pytest
import torch
from torch import nn

from course_utils.inference.dense_prediction import table_1_row
from course_utils.models.backbones import CLASSIFIERS, Backbone, untrained
from course_utils.models.coordinates import convolutions_in_line, geometry
from course_utils.models.fcn import FCN, parameters_in
from course_utils.models.fcn_paper import PaperFCN
from course_utils.models.variants import rebuilt, with_options

PAPER = {"alexnet": (8, 57, 355, 32), "vgg16": (16, 134, 404, 32), "googlenet": (22, 6, 907, 32)}


@pytest.mark.parametrize("name", PAPER)
def test_layers_parameters_and_stride_are_the_papers(name):
    net = PaperFCN(name, 21, trained=False)
    found = convolutions_in_line(net.to_scores), round(parameters_in(net) / 1e6), geometry(net.to_scores).stride
    layers, millions, _, stride = PAPER[name]
    assert found == (layers, millions, stride)


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_the_receptive_field_is_the_papers(name):
    assert geometry(PaperFCN(name, 21, trained=False).to_scores).receptive_field == PAPER[name][2]


def published(layer):
    """GoogLeNet's layer as published, where torchvision's is another: 5x5 kernels, 3x3 in the fourth pooling."""
    if isinstance(layer, nn.MaxPool2d) and layer.kernel_size == 2:
        return with_options(layer, kernel_size=3)
    return layer


def googlenet(as_published: bool):
    net = PaperFCN("googlenet", 21, trained=False)
    stages = net.to_scores[:3]
    if as_published:
        for module in net.modules():
            if type(module).__name__ == "Inception":
                module.branch3[1].conv.kernel_size, module.branch3[1].conv.padding = (5, 5), (2, 2)
        stages = [rebuilt(stage, published) for stage in stages]
    return stages


@pytest.mark.parametrize(
    ("as_published", "average", "field"),
    [(False, False, 379), (False, True, 571), (True, False, 715), (True, True, 907)],
)
def test_googlenets_907_takes_the_published_kernels_and_the_classifiers_average(as_published, average, field):
    layers = [*googlenet(as_published), *([nn.AvgPool2d(7, 1)] if average else [])]
    assert geometry(layers).receptive_field == field


def test_57_million_are_alexnets_with_21_classes_and_not_with_imagenets_1000():
    assert parameters_in(PaperFCN("alexnet", 21, trained=False)) == 57_089_877
    assert round(parameters_in(untrained("alexnet")) / 1e6) == 61
    # the published AlexNet is wider, and in two groups: another net with the same rounded number
    kernels = [(3, 96, 11, 1), (96, 256, 5, 2), (256, 384, 3, 1), (384, 384, 3, 2), (384, 256, 3, 2)]
    kernels += [(256, 4096, 6, 1), (4096, 4096, 1, 1), (4096, 21, 1, 1)]
    with torch.device("meta"):
        grouped = [nn.Conv2d(a, b, side, groups=groups) for a, b, side, groups in kernels]
    assert parameters_in(grouped) == 56_954_261


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_classifier_has_a_row_in_its_practical_form(name):
    net = FCN(Backbone(untrained(name), name), 21)
    for value in (*net.parameters(), *net.buffers()):
        nn.init.zeros_(value)
    row = table_1_row(net, size=96, repeats=1)
    assert row["stride"] == 32 and row["parameters"] == parameters_in(net) and row["seconds"] > 0
    expected = {"alexnet": (6, 195), "vgg16": (14, 212), "googlenet": (22, 379)}
    assert name not in expected or (row["layers"], row["receptive_field"]) == expected[name]


def test_a_row_of_the_paper_form_is_timed():
    net = PaperFCN("googlenet", 21, trained=False)
    for value in (*net.parameters(), *net.buffers()):
        nn.init.zeros_(value)
    row = table_1_row(net, size=64, repeats=1)
    assert row.pop("seconds") > 0
    assert row == {"layers": 22, "parameters": 5_621_429, "receptive_field": 379, "stride": 32}
