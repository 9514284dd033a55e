"""The explorers of lecture 02."""

import time

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.data.photographs import photograph
from course_utils.models.backbones import classifier
from course_utils.models.convolutionalization import convolutionalize
from course_utils.models.imagenet import resize
from course_utils.models.variants import without_padding
from course_utils.widgets import heat_maps as heating
from course_utils.widgets import receptive_fields as seeing
from course_utils.widgets import sliding_windows as walking
from course_utils.widgets.frame import KEPT
from tests.widgets.speed import LIMIT, seconds_to_answer


@pytest.fixture(scope="module")
def square():
    """A square photograph of 320 pixels: a grid of four by four windows."""
    return resize(photograph("coffee")[:, :, 100:500], (320, 320))


@pytest.fixture(scope="module")
def lite0():
    return classifier("efficientnet_lite0")


@pytest.fixture(scope="module")
def layers():
    return seeing.layers_of(without_padding(convolutionalize(classifier("alexnet", 0, download=False))))


@pytest.fixture(autouse=True)
def forgotten():
    """Each test begins with nothing kept."""
    KEPT.clear()


@pytest.fixture(scope="module")
def walk(square, lite0):
    return walking.begin(square, lite0, convolutionalize(lite0), ("espresso", "cup"))


def test_windows_are_counted_row_by_row_and_their_work_adds_up(walk):
    start = walk["windows"]
    assert start.answers.shape == walk["dense run"].answers.shape == (4, 4)
    assert start.stride == 32
    later = walking.replace(start, asked=6)
    assert later.cell == (1, 1)
    assert later.work_ratio == pytest.approx(6 * start.work_ratio)
    assert later.seen.max() == 6, "all six windows see the middle"
    assert later.seen[0, 0] == 1
    assert later.seen[-1, -1] == 0


def test_a_click_finds_the_window_under_it(walk):
    left, top, side = walking.GRID
    assert walking.point(walk["windows"], left + 1, top + 1) == 1
    assert walking.point(walk["windows"], left + side - 1, top + side - 1) == 16
    left, top, side = walking.PHOTOGRAPH
    assert walking.point(walk["windows"], left + 112 / 320 * side, top + 112 / 320 * side) == 1


def test_the_walk_answers_in_time(square, lite0):
    explorer = walking.sliding_window(square, lite0, convolutionalize(lite0), ("espresso", "cup"), asked=5)
    assert seconds_to_answer(explorer, asked=[6, 7, 12, 16, 1]) < LIMIT
    assert explorer.picture.words.startswith("1 window asked")


def test_layers_have_the_receptive_fields_of_the_lecture(layers):
    assert list(layers)[:3] == ["conv 1", "pool 1", "conv 2"]
    assert {name: layers[name].geometry.receptive_field for name in ("conv 1", "pool 2", "pool 3", "conv 6")} == {
        "conv 1": 11,
        "pool 2": 67,
        "pool 3": 195,
        "conv 6": 355,
    }


def test_the_gradient_is_that_of_the_whole_run(square, layers):
    layer = layers["conv 3"]
    seen = seeing.look(square, layer, 160, 150)
    top, left = seen.corner
    given = seeing.normalise(square, "alexnet")[None].requires_grad_()
    maps = torch.nn.Sequential(*layer.net)(given)
    (slope,) = torch.autograd.grad(maps[0, :, seen.row, seen.column].max(), given)
    expected = slope[0].abs().sum(0)[top : top + seen.side, left : left + seen.side].numpy()
    np.testing.assert_allclose(seen.felt, expected / expected.max(), atol=1e-4)
    assert slope[0].abs().sum() == pytest.approx(expected.sum(), rel=1e-4), "nothing outside the square moves it"


def test_a_unit_at_the_corner_sees_beyond_the_picture(square, layers):
    seen = seeing.look(square, layers["pool 3"], 0, 0)
    assert seen.felt.shape == (195, 195)
    assert min(seen.corner) < 0


def test_units_are_looked_at_in_time(square, layers, lite0):
    net = without_padding(convolutionalize(classifier("alexnet", 0, download=False)))
    explorer = seeing.receptive_field(square, net)
    assert seconds_to_answer(explorer, across=[60, 100, 140, 180, 220]) < LIMIT
    assert seconds_to_answer(explorer, layer=["conv 1", "pool 1", "conv 2", "pool 2"]) < LIMIT
    assert seconds_to_answer(explorer, layer=["conv 6", "conv 5"]) < LIMIT


def test_the_default_heat_map_answers_in_time(lite0):
    explorer = heating.heat_map(convolutionalize(lite0, average=False))
    assert explorer.data.heat.max() > 0.5, "a moped is seen on the motorcycle"
    assert seconds_to_answer(explorer, name=["tabby", "football helmet", "cup"]) < LIMIT
    times = []
    for source in ("cat", "coffee", "rocket", "astronaut"):  # each for the first time: none of them is remembered
        start = time.process_time()
        explorer.controls["source"].value = source
        times.append((time.process_time() - start) / torch.get_num_threads())
    assert min(times) < LIMIT


def upload(name: str, content: bytes) -> tuple[dict, ...]:
    return ({"name": name, "content": memoryview(content), "type": "", "size": len(content), "last_modified": None},)


def test_a_file_of_your_own_is_read_and_a_bad_one_is_named(tmp_path):
    choose = heating.pictures()
    Image.new("RGB", (700, 90), "red").save(tmp_path / "mine.png")
    content = (tmp_path / "mine.png").read_bytes()
    image = choose(heating.OWN, upload("mine.png", content), 224)
    assert image.shape[1] % 32 == image.shape[2] % 32 == 0
    assert image.shape[2] <= 4 * 224
    for bad in (b"", b"no picture", content[: len(content) // 2]):
        with pytest.raises(ValueError, match=r"mine\.png") as problem:
            choose(heating.OWN, upload("mine.png", bad), 224)
        assert "course-upload" not in str(problem.value), "the reader knows the name, not our folder"
    with pytest.raises(ValueError, match="choose one with the button"):
        choose(heating.OWN, (), 224)


def test_a_word_that_is_no_class_is_answered_with_some_that_are(lite0):
    explorer = heating.heat_map(convolutionalize(lite0, average=False))
    before = explorer.picture.file
    explorer.controls["name"].value = "cat"
    assert "did you mean" in explorer.picture.problem
    assert explorer.picture.file == before
