import pytest
import torch

from course_utils.data.dataset import Sample, load
from course_utils.widgets.light_and_shifts import light_and_shift, moment
from tests.widgets.speed import LIMIT, seconds_to_answer

CLASSES = ["background", "cat", "dog"]
PALETTE = [(0, 0, 0), (230, 159, 0), (86, 180, 233)]


def by_brightness(image, depth):
    """One net that goes by the light, one that goes by what is near."""
    return {"colour": (image[0] > 100).long(), "depth": ((depth > 0) & (depth < 2)).long()}


@pytest.fixture
def sample():
    """A bright, near square on dark, far ground: a cat."""
    mask = torch.zeros(40, 40, dtype=torch.int64)
    mask[10:30, 10:30] = 1
    image = (20 + 200 * mask).to(torch.uint8).expand(3, -1, -1)
    return Sample(image, mask, depth=torch.where(mask > 0, 1.0, 5.0))


def test_in_full_light_and_in_place_both_are_right(sample):
    now = moment(sample, 1.0, 0, by_brightness, 3)
    assert now.mean_iu == {"colour": 1.0, "depth": 1.0}


def test_darkness_blinds_the_one_and_a_shift_misleads_the_other(sample):
    dark, aside = moment(sample, 0.25, 0, by_brightness, 3), moment(sample, 1.0, 8, by_brightness, 3)
    assert dark.image.max() == 55 and dark.mean_iu["colour"] < 0.5 and dark.mean_iu["depth"] == 1
    assert not aside.depth[:, :8].any() and aside.mean_iu["colour"] == 1 and aside.mean_iu["depth"] < 0.8


def test_sliders_change_what_the_nets_say(sample):
    explorer = light_and_shift([sample], by_brightness, CLASSES, PALETTE)
    explorer.set(light=1.0, shift=0, scene=1)
    assert "colour: mean IU 100, finds cat." in explorer.picture.words
    explorer.controls["light"].value = 0.0
    assert "colour: mean IU 38, finds nothing. depth: mean IU 100, finds cat." in explorer.picture.words
    explorer.controls["shift"].value = 8
    assert "depth: mean IU 100" not in explorer.picture.words


def test_it_answers_in_time_with_scenes_of_20_classes():
    scenes = load("stickers", "val", images=12, sensor=True)
    samples = [scenes.sample(index) for index in range(len(scenes))]

    def ask(image, depth):
        return {name: (image[0].long() + shift) % 21 for shift, name in enumerate(("RGB", "early", "late"))}

    explorer = light_and_shift(samples, ask, scenes.classes, scenes.palette)
    assert seconds_to_answer(explorer, light=(0.25, 1.0), shift=(4, 0), scene=(2, 1)) < LIMIT
