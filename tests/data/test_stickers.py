"""Stickers: the same pixels for a seed, void as in VOC, nothing that contradicts itself."""

import hashlib
import time
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.datasets import VOCSegmentation

from course_utils.data.dataset import load
from course_utils.data.masks import VOC_CLASSES, voc_palette
from course_utils.data.sets.voc import open_voc_folder
from course_utils.data.stickers.collection import split_indices, write_voc_folder
from course_utils.data.stickers.drawings import DISTRACTORS, DRAWINGS, MISSING, STYLES, cut_out, drawings
from course_utils.data.stickers.places import PLACES
from course_utils.data.stickers.portable import Dice
from course_utils.data.stickers.scenes import scene, void_edges
from course_utils.data.stickers.sensor import STEPS, dimmed

SCENES = [scene(0, index) for index in range(120)]


def arrays(made):
    return made.image, made.mask, made.instances, made.depth, made.geometry


def digest(style):
    sha = hashlib.sha256()
    for index in range(STYLES.index(style), 40, 2):
        for array in arrays(scene(0, index, 96)):
            sha.update(array.tobytes())
    return sha.hexdigest()[:16]


@pytest.mark.parametrize(("style", "expected"), [("twemoji", "cc25391e89742eb4"), ("openmoji", "1e370d1126320f5c")])
def test_the_same_seed_gives_the_same_pixels_on_every_platform(style, expected):
    assert digest(style) == expected


@settings(max_examples=15)
@given(seed=st.integers(0, 2**63), index=st.integers(0, 10**6), size=st.integers(64, 200))
def test_any_seed_index_and_size_gives_a_legal_scene(seed, index, size):
    made = scene(seed, index, size)
    assert made.image.shape == (3, size, size) and made.image.dtype == np.uint8
    assert set(np.unique(made.mask)) <= set(range(21)) | {255}
    assert set(np.unique(made.geometry)) <= {0, 1, 2}
    assert made.depth.dtype == np.float32 and 0 < made.depth.min() <= made.depth.max() <= 100
    for again, array in zip(arrays(scene(seed, index, size)), arrays(made), strict=True):
        assert np.array_equal(again, array)


def test_every_class_but_the_dining_table_appears_in_both_styles():
    assert set(DRAWINGS) | set(MISSING) | {"background"} == set(VOC_CLASSES)
    for style in STYLES:
        seen = {
            label for made in (scene(1, index) for index in range(300)) if made.style == style for label in made.labels
        }
        assert seen == {VOC_CLASSES.index(name) for name in DRAWINGS}


@pytest.mark.parametrize("name", [*DRAWINGS, *DISTRACTORS])
@pytest.mark.parametrize("style", STYLES)
def test_every_drawing_is_there_and_none_is_an_empty_box(name, style):
    pictures = [np.asarray(cut_out(drawing, 64)) for drawing in drawings(name, style)]
    assert len(pictures) == len(drawings(name, style)) > 0
    for picture in pictures:
        assert max(picture.shape[:2]) == 64 and (picture[..., 3] > 128).mean() > 0.08
        assert len(np.unique(picture.reshape(-1, 4), axis=0)) > 8
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)


def test_homes_name_classes_that_there_are():
    for place in PLACES.values():
        assert set(place.classes.split()) <= set(DRAWINGS) and set(place.distractors) <= set(DISTRACTORS)
    assert set(" ".join(place.classes for place in PLACES.values()).split()) == set(DRAWINGS)


def test_instances_and_mask_agree_and_void_is_the_same_in_both():
    for made in SCENES:
        assert np.array_equal(made.mask == 255, made.instances == 255)
        labels = np.array([0, *made.labels], np.uint8)
        legal = made.mask != 255
        assert np.array_equal(labels[made.instances[legal]], made.mask[legal])


def test_things_stand_upright_and_are_drawn_from_far_to_near():
    for made in SCENES:
        depths = []
        for number in range(1, len(made.labels) + 1):
            seen = made.instances == number
            if seen.any():
                assert (made.geometry[seen] == 2).all() and len(np.unique(made.depth[seen])) == 1
                depths.append(made.depth[seen][0])
        assert depths == sorted(depths, reverse=True)


def test_the_sky_is_farthest_and_the_ground_comes_nearer_downwards():
    for made in SCENES:
        assert (made.depth[made.geometry == 0] == 100).all()
        column = np.where(made.geometry == 1, made.depth, np.nan)
        steps = np.diff(column, axis=0)
        assert not (steps[np.isfinite(steps)] > 0).any()


def test_void_is_two_to_three_pixels_wide_and_about_a_twentieth():
    square = np.zeros((40, 40), np.uint8)
    square[10:30, 10:30] = 1
    edges = void_edges(square)
    assert edges[20].sum() == 4 and edges[20, 9:11].all() and edges[20, 29:31].all()
    share = np.mean([(made.mask == 255).mean() for made in SCENES])
    assert 0.02 < share < 0.08


def test_where_two_things_touch_the_seam_is_void():
    pair = np.zeros((20, 20), np.uint8)
    pair[5:15, 2:10], pair[5:15, 10:18] = 1, 2
    assert void_edges(pair)[10, 9:11].all() and not void_edges(pair)[10, 5]


def test_thin_structures_keep_their_class():
    spoke = np.zeros((20, 20), np.uint8)
    spoke[:, 10] = 3
    edges = void_edges(spoke)
    assert not edges[:, 10].any() and edges[:, 9].all() and edges[:, 11].all()
    bicycles = [made for made in SCENES if VOC_CLASSES.index("bicycle") in made.labels]
    seen = [(made.mask == 2).sum() for made in bicycles]
    assert sum(count > 30 for count in seen) >= 0.7 * len(bicycles)


def test_sizes_span_a_factor_of_four():
    sides = []
    for made in (scene(3, index) for index in range(200)):
        for number in range(1, len(made.labels) + 1):
            rows, columns = np.where(made.instances == number)
            if len(rows) and rows.min() > 2 and rows.max() < 157 and columns.min() > 2 and columns.max() < 157:
                sides.append(max(np.ptp(rows), np.ptp(columns)))
    assert np.quantile(sides, 0.99) / np.quantile(sides, 0.05) > 3


def test_other_styles_and_splits():
    assert scene(0, 0).style == "twemoji" and scene(0, 1).style == "openmoji"
    changed = scene(0, 0, style="openmoji")
    assert changed.style == "openmoji" and not np.array_equal(changed.image, scene(0, 0).image)
    train, val = split_indices("train", 1200), split_indices("val", 1200)
    assert len(train) == 1000 and len(val) == 200 and not set(train) & set(val)
    assert set(split_indices("train_twemoji", 1200)) == {index for index in train if index % 2 == 0}
    dataset = load("stickers", "val_openmoji", images=60)
    assert len(dataset) == 5 and all(scene(0, int(item)).style == "openmoji" for item in dataset.items)


SENSED = [load("stickers", "val", images=120, **options) for options in ({}, {"sensor": True}, {"shift": 5})]


@pytest.fixture(scope="module")
def depths():
    """Depth of 20 scenes: true, as a sensor measures it, and shifted by 5 pixels."""
    return [torch.stack([dataset.sample(index).depth for index in range(20)]) for dataset in SENSED]


def test_a_sensor_changes_the_depth_and_nothing_else():
    plain, sensed = (dataset.sample(3) for dataset in SENSED[:2])
    for name in ("image", "mask", "instances", "labels", "geometry"):
        assert torch.equal(getattr(plain, name), getattr(sensed, name))
    assert not torch.equal(plain.depth, sensed.depth)


def test_the_same_seed_gives_the_same_faults_on_every_platform(depths):
    _, sensed, _ = depths
    assert hashlib.sha256(sensed.numpy().tobytes()).hexdigest()[:16] == "03e0d2ac2a1d4fc8"
    other = load("stickers", "val", images=120, seed=1, sensor=True).sample(0).depth
    assert not torch.equal(other, sensed[0])


def test_a_sensors_noise_grows_with_the_square_of_the_distance(depths):
    true, sensed, _ = depths
    spread = {}
    for metres in (2.5, 5.0, 10.0, 20.0):
        here = (true - metres).abs() < 0.1 * metres
        spread[metres] = float((sensed - true)[here & (sensed > 0)].std())
    ratios = [spread[2 * metres] / spread[metres] for metres in (2.5, 5.0, 10.0)]
    assert all(3.5 < ratio < 5 for ratio in ratios) and 0.005 < spread[2.5] < 0.03


def test_a_sensor_measures_whole_steps_of_disparity(depths):
    sensed = depths[1]
    steps = STEPS / sensed[sensed > 0].double()
    assert (steps - steps.round()).abs().max() < 1e-4 and steps.min() > 0.5


def test_a_sensors_holes_lie_at_edges_and_on_dark_things(depths):
    true, sensed, _ = depths
    holes = sensed == 0
    assert 0.05 < holes.float().mean() < 0.2
    near = torch.nn.functional.max_pool2d(true[:, None], 3, 1, 1) > 1.15 * -torch.nn.functional.max_pool2d(
        -true[:, None], 3, 1, 1
    )
    light = torch.stack([SENSED[0].sample(index).image.float().mean(0) for index in range(20)])
    dark = light < 0.3 * light.mean(dim=(1, 2), keepdim=True)
    edges, plain = near[:, 0], ~torch.nn.functional.max_pool2d(near.float(), 3, 1, 1)[:, 0].bool()
    bright = light > 0.5 * light.mean(dim=(1, 2), keepdim=True)
    assert holes[edges].float().mean() > 0.6 and holes[dark].float().mean() > 0.6
    assert not holes[plain & bright].any()


def test_a_shift_moves_depth_to_the_right_and_leaves_a_gap(depths):
    true, _, moved = depths
    assert torch.equal(moved[..., 5:], true[..., :-5]) and not moved[..., :5].any()
    for shift in (-1, 9, 2.5):
        with pytest.raises(ValueError, match="depth is shifted by 0 to 8 whole pixels"):
            load("stickers", "val", images=12, shift=shift)


def test_loaded_samples_have_the_types_that_every_set_has():
    sample = load("stickers", "train", images=12, size=96).sample(0)
    assert sample.image.dtype == torch.uint8 and sample.mask.dtype == sample.instances.dtype == torch.int64
    assert sample.labels.dtype == sample.geometry.dtype == torch.int64 and sample.depth.dtype == torch.float32
    image, target = load("stickers", "train", images=12, size=96).target(0)
    assert target["boxes"].shape == (len(target["labels"]), 4) and target["masks"].shape[1:] == image.shape[1:]
    assert (target["boxes"][:, 2:] > target["boxes"][:, :2]).all()


def test_what_is_handed_out_can_be_changed_without_harm():
    dataset = load("stickers", "train", images=6)
    image, mask = dataset[0]
    before = image.clone()
    image.zero_(), mask.zero_()
    assert torch.equal(dataset[0][0], before)


@pytest.mark.parametrize("settings", [{"size": 20}, {"size": 2000}])
def test_impossible_sizes_are_refused(settings):
    with pytest.raises(ValueError, match="64 to 640"):
        load("stickers", "train", **settings)
    with pytest.raises(ValueError, match="twemoji or openmoji"):
        scene(0, 0, style="noto")


def test_two_hundred_scenes_a_second():
    took = []
    for first in range(200, 600, 50):
        start = time.process_time()
        for index in range(first, first + 50):
            scene(0, index)
        took.append(time.process_time() - start)
    # Half the promise: a machine shared with other work must not fail the test.
    assert 50 / min(took) > 100


def test_the_folder_is_read_by_our_loader_and_by_torchvisions(tmp_path):
    write_voc_folder(tmp_path / "made", images=12, size=96, seed=5)
    base = tmp_path / "made" / "VOCdevkit" / "VOC2012"
    memory = load("stickers", "train", images=12, size=96, seed=5)
    ours = open_voc_folder(base, "train")
    theirs = VOCSegmentation(str(tmp_path / "made"), year="2012", image_set="train")
    assert len(ours) == len(theirs) == len(memory) == 10
    for index in range(10):
        sample, expected = ours.sample(index), memory.sample(index)
        assert torch.equal(sample.mask, expected.mask) and torch.equal(sample.instances, expected.instances)
        assert (sample.image.int() - expected.image.int()).abs().float().mean() < 4
        visible = [n for n in range(1, len(sample.labels) + 1) if (sample.instances == n).any()]
        assert [sample.labels[n - 1] for n in visible] == [expected.labels[n - 1] for n in visible]
        assert np.array_equal(np.asarray(theirs[index][1]), expected.mask.numpy())
    with Image.open(base / "SegmentationClass" / "sticker_000000.png") as mask:
        assert mask.mode == "P" and mask.getpalette()[:6] == [0, 0, 0, 128, 0, 0]
    assert "CC BY" in (tmp_path / "made" / "CREDITS.txt").read_text()


def test_a_folder_that_holds_something_is_not_touched_and_a_broken_run_leaves_nothing(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "work.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not empty"):
        write_voc_folder(tmp_path / "mine", images=2, size=64)

    def stops(indices):
        yield from list(indices)[:1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_voc_folder(tmp_path / "broken", images=3, size=64, progress=stops)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]


@given(seed=st.integers(0, 2**32), limit=st.integers(1, 10**6))
def test_dice_stay_within_their_limits(seed, limit):
    dice = Dice(seed)
    assert all(0 <= dice.below(limit) < limit for _ in range(20)) and dice.bytes(3, 5).shape == (3, 5)


def test_vocs_palette_follows_the_bits():
    palette = voc_palette()
    assert palette[1] == (128, 0, 0) and palette[15] == (192, 128, 128) and palette[255] == (224, 224, 192)
    assert len(set(palette)) == 256


def test_less_light_takes_the_colours_and_leaves_depth_and_the_masks():
    dataset = load("stickers", "val", images=12).giving(("rgb", "depth"), ("mask", "geometry"))
    bright, dark = dataset[0], dataset.with_transform(partial(dimmed, light=0.25))[0]
    assert torch.equal(dark[0][:3], (bright[0][:3] / 4).round().to(torch.uint8))
    assert all(torch.equal(*pair) for pair in zip((dark[0][3:], *dark[1:]), (bright[0][3:], *bright[1:]), strict=True))
