"""The figures of lecture 02 say what the modules are, and draw what they are given."""

import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn

from course_utils.figures.architectures import architecture, boxes, fields_over, growth, sensitivity
from course_utils.figures.heatmaps import (
    agreement,
    feature_maps,
    heat_maps,
    output_grid,
    over_strides,
    ratios,
    refinements,
    upsampled,
)
from course_utils.models.convolutionalization import convolutionalize
from course_utils.models.coordinates import geometry, steps


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    yield
    plt.close("all")


def words(figure) -> str:
    figure.canvas.draw()  # everything is drawn, so that an error in an artist shows
    return "\n".join(text.get_text() for text in figure.findobj(plt.Text))


def net():
    torch.manual_seed(0)
    features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, padding=1))
    return nn.Sequential(
        features, nn.AdaptiveAvgPool2d(8), nn.Flatten(), nn.Linear(512, 20), nn.ReLU(), nn.Linear(20, 5)
    )


def test_boxes_are_the_real_outputs_of_the_layers():
    found = [(str(box), box.kind, box.channels, box.size) for box in boxes(net(), torch.zeros(1, 3, 16, 16))]
    assert found == [
        ("picture", "picture", 3, (16, 16)),
        ("conv 1", "convolution", 8, (16, 16)),
        ("pool 1", "pooling", 8, (8, 8)),
        ("conv 2", "convolution", 8, (8, 8)),
        ("fc 3", "linear layer", 20, None),
        ("fc 4", "linear layer", 5, None),
    ]


def test_turned_layers_are_marked_and_keep_their_place():
    classifier = net()
    found = boxes(convolutionalize(classifier, size=16), torch.zeros(1, 3, 32, 32), classifier)
    assert [(box.kind, box.size) for box in found[-2:]] == [("was a linear layer", (9, 9))] * 2


def test_no_hook_stays_in_the_net():
    drawn = net()
    boxes(drawn, torch.zeros(1, 3, 16, 16))
    assert not any(layer._forward_hooks for layer in drawn.modules())


def test_layers_alike_share_a_box_that_says_how_many():
    stack = nn.Sequential(*(nn.Conv2d(4, 4, 3, padding=1) for _ in range(3)))
    assert [str(box) for box in boxes(stack, torch.zeros(1, 4, 9, 9))] == ["picture", "conv 1–3"]


def test_the_architecture_shows_every_layers_channels_and_size():
    text = words(
        architecture({"classifier": boxes(net(), torch.zeros(1, 3, 16, 16))}, "only linear layers fix the size")
    )
    for label in ("conv 1", "8 ch", "16×16", "8×8", "fc 3", "20", "vector", "only linear layers fix the size"):
        assert label in text


def test_heat_maps_name_the_class_and_the_number_of_answers():
    image = torch.full((3, 60, 80), 128, dtype=torch.uint8)
    text = words(heat_maps([(image, torch.rand(3, 4), "espresso")], "sure of parts"))
    assert "espresso" in text and "3×4 answers" in text and "sure of parts" in text


def test_upsampling_keeps_the_range_and_takes_the_pictures_size():
    large = upsampled(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), (20, 30))
    assert large.shape == (20, 30) and large.min() >= 0 and large.max() <= 1


def test_an_output_grid_has_a_cell_for_every_answer():
    image = torch.zeros(3, 100, 100, dtype=torch.uint8)
    figure = output_grid(
        image, ([30, 62], [30, 62, 94]), 32, "six answers", [(0, 0, 60, 60, "first")], [list("abc"), list("def")]
    )
    assert set("abcdef") <= set(words(figure)) and "first" in words(figure)


def test_feature_maps_are_those_that_vary_most():
    maps = torch.zeros(6, 4, 4)
    maps[2, 0, 0], maps[5, 1, 1] = 9, 7
    text = words(feature_maps(maps, "two speak", count=2))
    assert "channel 2" in text and "channel 5" in text and "channel 0" not in text


def test_growth_names_each_nets_receptive_field():
    assert geometry(net()[0]).receptive_field == 8
    assert "8 pixels" in words(growth({"small": steps(net()[0])}, "it grows"))


def test_sensitivity_stays_inside_the_receptive_field():
    stack = nn.Sequential(nn.Conv2d(3, 4, 5), nn.ReLU(), nn.Conv2d(4, 2, 3, stride=2))
    felt = sensitivity(stack, torch.randn(1, 3, 31, 31), cell=(4, 5))
    first_row, last_row = geometry(stack).window(4)
    first_column, last_column = geometry(stack).window(5)
    inside = felt[first_row:last_row, first_column:last_column]
    assert felt.max() == 1 and inside.sum() == felt.sum()
    image = torch.zeros(3, 31, 31, dtype=torch.uint8)
    square = ("the whole net: 7", (first_row, first_column), (last_row, last_column))
    assert "the whole net: 7" in words(fields_over(image, [square], felt, "the middle counts"))


def test_cost_figures_carry_their_numbers():
    assert "7.1×" in words(ratios({"AlexNet": {"counted": 7.1, "paper": 5.5}}, "cheaper", "windows / dense"))
    assert "à trous" in words(over_strides({"à trous": [1, 10]}, [2, 1], "dear", "work"))


def test_agreement_and_refinements_draw():
    assert "dense" in words(agreement(torch.randn(9), torch.randn(9), "equal", ("dense", "crop")))
    image = torch.zeros(3, 8, 8, dtype=torch.uint8)
    assert "every 4 pixels" in words(refinements(image, {"every 4 pixels": torch.rand(2, 2)}, "finer"))
