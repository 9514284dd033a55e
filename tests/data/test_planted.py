"""Twelve faults are planted as they are told, and nothing else is wrong with the two folders."""

import numpy as np
import pytest
import torch

from course_utils.data.dataset import load
from course_utils.data.own_folder import inspect_folder
from course_utils.data.planted import CLASSES, forgotten, kinds_of_stickers, plant, renamed, shifted_mask


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    root = tmp_path_factory.mktemp("planted") / "mine"
    return root, plant(root)


def test_the_check_names_eight_of_the_twelve_and_no_sound_file(planted):
    root, faults = planted
    assert len(faults) == 12
    said = {folder: str(dict(inspect_folder(root / folder).problems)) for folder in ("stickers", "nuclei")}
    named = [fault.what for fault in faults if any(name in said[fault.folder] for name in fault.names)]
    silent = [fault.what for fault in faults if fault.what not in named]
    assert silent == [
        "mask 5 rows, 8 columns aside",
        "animal called vehicle",
        "the largest thing not drawn",
        "dark on bright",
    ]
    faulty = {name for fault in faults for name in fault.names}
    sound = {path.stem for path in root.rglob("*.png")} - faulty
    assert len(sound) > 50 and not [name for name in sound if any(name in text for text in said.values())]


def test_every_fault_is_in_the_file_that_is_told(planted):
    root, faults = planted
    by_what = {fault.what: fault.names for fault in faults}
    train = kinds_of_stickers("train", 40)
    with pytest.warns(UserWarning, match="half|mask"):
        written = load("folder", "train", root=root / "stickers")
    differs = set()
    for index, name in enumerate(train.items):
        try:
            mask = written.sample(written.items.index(f"train/{name}")).mask
        except (OSError, ValueError):
            continue
        if not torch.equal(mask, train.sample(index).mask):
            differs.add(name)
    hidden = (
        "two masks exchanged",
        "mask 5 rows, 8 columns aside",
        "animal called vehicle",
        "the largest thing not drawn",
    )
    assert differs == {name for what in hidden for name in by_what[what]}


def test_a_seed_gives_the_same_files(planted, tmp_path):
    root, faults = planted
    assert plant(tmp_path / "again") == faults
    for path in sorted(root.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(root)).read_bytes()


def test_nothing_that_is_there_is_overwritten(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not empty"):
        plant(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_masks_are_spoiled_as_said():
    mask = torch.arange(20).reshape(4, 5)
    moved = shifted_mask(mask, 1, 2)
    assert torch.equal(moved[1:, 2:], mask[:3, :3]) and not moved[0].any() and not moved[:, :2].any()
    assert renamed(mask, 3, 7).ravel().tolist().count(7) == 2
    sample = kinds_of_stickers("train", 1).sample(0)
    number = int(sample.instances.max())
    without = forgotten(sample, number)
    assert not without[sample.instances == number].any()
    other = (sample.instances > 0) & (sample.instances != number)
    assert torch.equal(without[other], sample.mask[other])


def test_scenes_of_four_kinds_hold_classes_and_void_alone():
    train, val = kinds_of_stickers("train", 6), kinds_of_stickers("val", 6)
    values = np.unique([sample.mask for part in (train, val) for sample in map(part.sample, range(6))])
    assert set(values.tolist()) <= {*range(len(CLASSES)), 255}
    assert not any(torch.equal(train[index][0], val[index][0]) for index in range(6))
