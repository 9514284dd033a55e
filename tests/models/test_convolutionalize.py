"""The promises of convolutionalize.py: the same answers, the same weights, and a reason where it cannot."""

import pytest
import torch
from torch import nn

from course_utils.models.backbones import CLASSIFIERS, NATIVE_SIZE, classifier
from course_utils.models.convolutionalization import convolutionalize

MAP = {"alexnet": (6, 6), "vgg16": (7, 7), "googlenet": (1, 1), "efficientnet_lite0": (1, 1)}


@pytest.fixture(scope="module", params=CLASSIFIERS)
def pair(request):
    net = classifier(request.param, download=False)
    return request.param, net, convolutionalize(net)


def picture(size, seed=0):
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def test_at_the_native_size_it_equals_the_classifier_to_1e_5(pair):
    _, net, turned = pair
    scores = turned(picture(NATIVE_SIZE, seed=7))
    assert scores.shape == (2, 1000, 1, 1)
    torch.testing.assert_close(scores.flatten(1), net(picture(NATIVE_SIZE, seed=7)), atol=1e-5, rtol=0)


def test_a_linear_layer_becomes_a_kernel_as_large_as_the_native_map(pair):
    name, net, turned = pair
    linear = next(layer for layer in net.modules() if isinstance(layer, nn.Linear))
    part = next(key for key, layer in net.named_modules() if layer is linear)
    convolution = turned.get_submodule(part)
    assert isinstance(convolution, nn.Conv2d) and convolution.kernel_size == MAP[name]


def test_the_turned_net_shares_every_weight(pair):
    _, net, turned = pair
    theirs = {parameter.data_ptr(): parameter.numel() for parameter in net.parameters()}
    ours = {parameter.data_ptr(): parameter.numel() for parameter in turned.parameters()}
    assert ours == theirs


def test_both_are_left_in_eval_mode(pair):
    _, net, turned = pair
    assert not net.training and not any(layer.training for layer in turned.modules())


@torch.no_grad()
@pytest.mark.parametrize("ceil_pooling, cells", [(False, 9), (True, 10)])
def test_500_pixels_give_alexnet_10_cells_with_ceil_pooling_and_9_without(ceil_pooling, cells):
    net = classifier("alexnet", download=False)
    turned = convolutionalize(net, ceil_pooling=ceil_pooling)
    assert turned(torch.zeros(1, 3, 500, 500)).shape == (1, 1000, cells, cells)
    assert not net.features[2].ceil_mode


@torch.no_grad()
@pytest.mark.parametrize("name", ["googlenet", "efficientnet_lite0"])
def test_without_averaging_the_mean_over_cells_is_what_the_classifier_says(name):
    net = classifier(name, download=False)
    scores = convolutionalize(net, average=False)(picture(NATIVE_SIZE))
    assert scores.shape == (2, 1000, 7, 7)
    torch.testing.assert_close(scores.mean((2, 3)), net(picture(NATIVE_SIZE)), atol=1e-5, rtol=0)


@torch.no_grad()
def test_the_average_slides_over_a_larger_picture():
    net = classifier("efficientnet_lite0")
    each, averaged = convolutionalize(net, average=False), convolutionalize(net)
    large = picture(320)
    means = nn.functional.avg_pool2d(each(large), 7, stride=1)
    torch.testing.assert_close(averaged(large), means, atol=1e-4, rtol=0)


def small(*head, size=16):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), *head)
    return net, size, torch.randn(3, 1, size, size)


@torch.no_grad()
@pytest.mark.parametrize(
    "head",
    [
        [nn.Flatten(), nn.Linear(256, 5)],
        [nn.Flatten(), nn.Linear(256, 7, bias=False), nn.ReLU(), nn.Dropout(), nn.Linear(7, 5)],
        [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)],
        [nn.AdaptiveAvgPool2d((4, 4)), nn.Flatten(), nn.Linear(64, 5)],
        [nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(16, 9), nn.Tanh(), nn.Linear(9, 5)],
        [nn.AdaptiveAvgPool2d(8), nn.Flatten(), nn.Linear(256, 5)],
    ],
)
def test_any_net_with_a_linear_head_is_turned_and_each_cell_equals_it_on_its_crop(head):
    net, size, pictures = small(*head)
    net[0].padding = (0, 0)  # so that a crop sees what the whole picture shows
    net, size, pictures = net.eval(), 18, torch.randn(3, 1, 22, 26)
    scores = convolutionalize(net, size=size)(pictures)
    assert scores.shape == (3, 5, 3, 5)
    for row in range(3):
        for column in range(5):
            crop = pictures[:, :, 2 * row : 2 * row + size, 2 * column : 2 * column + size]
            torch.testing.assert_close(scores[:, :, row, column], net(crop), atol=1e-5, rtol=0)


def test_training_mode_and_weights_of_the_classifier_are_left_alone():
    net, size, _ = small(nn.Flatten(), nn.Linear(256, 5))
    net.train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    convolutionalize(net, size)
    assert net.training
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def test_googlenets_auxiliary_heads_and_input_transform_are_understood():
    import torchvision.models

    net = torchvision.models.googlenet(aux_logits=True, init_weights=False, transform_input=True).eval()
    turned = convolutionalize(net)
    with torch.no_grad():
        torch.testing.assert_close(turned(picture(224)).flatten(1), net(picture(224)), atol=1e-5, rtol=0)


class PoolsInForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.features, self.head = nn.Conv2d(1, 4, 3), nn.Linear(4, 5)

    def forward(self, pictures):
        return self.head(self.features(pictures).mean((2, 3)))


class ActsInForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.features, self.flatten, self.head = nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(784, 5)

    def forward(self, pictures):
        return self.head(self.flatten(self.features(pictures).relu()))


class HidesALinear(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(4, 4)

    def forward(self, maps):
        return maps * self.gate(maps.mean((2, 3)))[:, :, None, None]


@pytest.mark.parametrize(
    "net, reason",
    [
        (nn.Linear(16, 5), "has no convolution"),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()), "fully convolutional already"),
        (
            nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(784, 8), nn.LayerNorm(8)),
            r"3 \(LayerNorm\) works on a vector",
        ),
        (
            nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(36, 5)),
            "3 x 3 cells of a map of 14 x 14",
        ),
        (
            nn.Sequential(nn.Conv2d(1, 4, 3), HidesALinear(), nn.Flatten(), nn.Linear(784, 5)),
            r"1 \(HidesALinear\) hides a linear layer",
        ),
        (PoolsInForward(), r"head takes 4 numbers, and the map before it has 4 x 14 x 14"),
        (ActsInForward(), "does more than run its parts in the order"),
    ],
)
def test_it_refuses_with_a_reason_what_it_cannot_turn(net, reason):
    with pytest.raises(ValueError, match=reason):
        convolutionalize(net, size=16)


def test_a_wrong_native_size_is_named():
    net, _, _ = small(nn.Flatten(), nn.Linear(256, 5))
    with pytest.raises(ValueError, match="does not take pictures of 20x20, say size="):
        convolutionalize(net, size=20)
