"""A mended copy can be loaded, the folder itself stays as it was, and every change is listed (lecture 10)."""

import csv
import json

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from typer.testing import CliRunner

from course_utils.course.data_command import app
from course_utils.data.dataset import load
from course_utils.data.mending import mend
from course_utils.data.own_folder import inspect_folder
from tests.data.layouts import save_image, save_mask, two_things


def contents(root):
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture
def root(tmp_path):
    return tmp_path / "mine"


def mended(root, tmp_path):
    before = contents(root)
    done = dict(mend(root, tmp_path / "out"))
    assert contents(root) == before
    with open(tmp_path / "out" / "mended.csv", encoding="utf-8") as file:
        assert {row["file"]: row["done"] for row in csv.DictReader(file)} == done
    return done


def test_black_and_white_masks_and_jpegs_become_class_numbers(root, tmp_path):
    for name in "ab":
        save_image(root / "images" / f"{name}.png")
    save_mask(root / "masks" / "a.png", two_things(255, 255))
    Image.fromarray(two_things(255, 255)).save(root / "masks" / "b.jpg")
    done = mended(root, tmp_path)
    assert "0 and 255 became" in done["masks/a.png"] and "packed with loss" in done["masks/b.jpg"]
    data = load("folder", root=tmp_path / "out")
    assert [mask.tolist() for _, mask in data] == [(two_things(1, 1)).tolist()] * 2


def test_painted_masks_get_a_palette_and_splits_stay(root, tmp_path):
    painted = np.zeros((24, 32, 3), np.uint8)
    painted[2:9, 2:9], painted[12:20, 12:20] = (200, 0, 0), (0, 0, 200)
    for split in ("train", "val"):
        save_image(root / split / "images" / "a.png")
        save_mask(root / split / "masks" / "a.png", painted)
    mended(root, tmp_path)
    data = [load("folder", "val", root=folder) for folder in (root, tmp_path / "out")]
    assert (data[0][0][1] == data[1][0][1]).all() and data[0].items == data[1].items
    with Image.open(tmp_path / "out" / "masks" / "val" / "a.png") as mask:
        assert mask.mode == "P"


@pytest.mark.parametrize("turn", [2, 3, 6])
@pytest.mark.parametrize("drawn", ["as stored", "upright"])
def test_a_camera_s_mark_is_applied_to_both(root, tmp_path, turn, drawn):
    mask = two_things(1, 1)
    picture = Image.fromarray(np.repeat(mask[..., None] * 200, 3, axis=2).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = turn
    (root / "images").mkdir(parents=True)
    picture.save(root / "images" / "a.png", exif=exif)
    upright = {2: mask[:, ::-1], 3: mask[::-1, ::-1], 6: np.rot90(mask, -1)}[turn]
    save_mask(root / "masks" / "a.png", np.ascontiguousarray(upright if drawn == "upright" else mask))
    mended(root, tmp_path)
    image, found = load("folder", root=tmp_path / "out")[0]
    assert (found.numpy() == upright).all() and ((image[0] > 100).numpy() == (upright > 0)).all()


def test_outlines_become_masks(root, tmp_path):
    for name in "ab":
        save_image(root / f"{name}.png")
        shapes = [{"label": "cat" if name == "a" else "dog", "points": [[2, 2], [12, 2], [12, 9], [2, 9]]}]
        (root / f"{name}.json").write_text(json.dumps({"imagePath": f"{name}.png", "shapes": shapes}))
    mended(root, tmp_path)
    data = load("folder", root=tmp_path / "out")
    assert data.classes == ["background", "cat", "dog"]
    assert [mask.max().item() for _, mask in data] == [1, 2] and data[0][1][5, 5] == 1
    things = load("folder", "all", root=tmp_path / "out", things=True)
    assert [things.sample(index).labels.tolist() for index in (0, 1)] == [[1], [2]]


def test_cocos_outlines_become_masks(root, tmp_path):
    save_image(root / "images" / "a.png")
    index = {
        "images": [{"id": 4, "file_name": "a.png", "height": 24, "width": 32}],
        "categories": [{"id": 9, "name": "leaf"}],
        "annotations": [
            {
                "id": number,
                "image_id": 4,
                "category_id": 9,
                "segmentation": [[left, 2, left + 10, 2, left + 10, 9, left, 9]],
            }
            for number, left in enumerate((2, 12))
        ],
    }
    (root / "instances_default.json").write_text(json.dumps(index))
    mended(root, tmp_path)
    data = load("folder", root=tmp_path / "out")
    assert data.classes == ["background", "leaf"] and int((data[0][1] == 1).sum()) == 140
    sample = load("folder", "all", root=tmp_path / "out", things=True).sample(0)  # they touch, and stay two
    assert sample.labels.tolist() == [1, 1] and torch.bincount(sample.instances.flatten())[1:].tolist() == [70, 70]


def test_one_mask_a_thing_becomes_one_numbered_mask(root, tmp_path):
    for name in ("one", "two"):
        save_image(root / name / "images" / f"{name}.png")
        for number in range(3):
            thing = np.zeros((24, 32), np.uint8)
            thing[8 * number : 8 * number + 5, 3:9] = 255
            save_mask(root / name / "masks" / f"{name}{number}.png", thing)
    mended(root, tmp_path)
    assert np.unique(tifffile.imread(tmp_path / "out" / "masks" / "one.tif")).tolist() == [0, 1, 2, 3]
    assert load("folder", root=tmp_path / "out", things=True).sample(0).instances.max() == 3


def test_a_mended_copy_goes_nowhere_where_anything_is(root, tmp_path):
    save_image(root / "images" / "a.png")
    save_mask(root / "masks" / "a.png", two_things())
    for out in (root, root / "mended", tmp_path):
        with pytest.raises(ValueError, match="nothing was written"):
            mend(root, out)
    said = CliRunner().invoke(app, ["check", str(root), "--mend", str(tmp_path / "out")])
    assert said.exit_code == 0 and "nothing had to be done" in said.output and "nothing is wrong" in said.output


def test_a_mask_whose_values_are_no_classes_is_left_out(root, tmp_path):
    soft = two_things().astype(np.uint8)
    soft[5, 3:9] = 77
    for name, mask in (("a", two_things()), ("b", soft)):
        save_image(root / "images" / f"{name}.png")
        save_mask(root / "masks" / f"{name}.png", mask)
    (root / "classes.txt").write_text("background\ncat\ndog\n")
    done = dict(mended(root, tmp_path))
    assert "left out: holds 0, 1, 2 and 77" in done["masks/b.png"]
    data = load("folder", "all", root=tmp_path / "out")
    assert data.items == ["a"] and not inspect_folder(tmp_path / "out").problems
