"""Pictures of one's own are found by name, and one report says all that is wrong with them."""

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from course_utils.course.data_command import app
from course_utils.data.dataset import load
from course_utils.data.own_folder import inspect_entry, inspect_folder
from course_utils.data.registry import find_entry
from course_utils.figures.contact_sheets import class_shares, contact_sheet, paint
from tests.data.layouts import save_image, save_mask, two_things

RUN = CliRunner()


def folder_with(path, masks, images="images", labels="masks", suffix=""):
    for number, mask in enumerate(masks):
        save_image(path / images / f"cat_{number}.jpg")
        save_mask(path / labels / f"cat_{number}{suffix}.png", mask)
    return path


@pytest.mark.parametrize(
    ("images", "labels", "suffix"),
    [
        ("images", "masks", ""),
        ("imgs", "labels", "_mask"),
        ("JPEGImages", "SegmentationClass", ""),
        (".", ".", "_mask"),
    ],
)
def test_pairs_are_found_in_the_usual_layouts(tmp_path, images, labels, suffix):
    folder_with(tmp_path, [two_things()] * 3, images, labels, suffix)
    dataset = load("folder", root=tmp_path)
    assert dataset.items == ["cat_0", "cat_1", "cat_2"] and dataset.classes == ["background", "class 1", "class 2"]
    assert dataset[0][1].unique().tolist() == [0, 1, 2]


def test_train_and_val_folders_are_the_splits(tmp_path):
    folder_with(tmp_path / "train", [two_things()] * 3)
    folder_with(tmp_path / "val", [two_things()])
    assert [len(load("folder", split, root=tmp_path)) for split in ("train", "val", "all")] == [3, 1, 4]


def test_without_folders_the_split_stays_when_pictures_are_added(tmp_path):
    folder_with(tmp_path, [two_things()] * 40)
    train, val = load("folder", "train", root=tmp_path).items, load("folder", "val", root=tmp_path).items
    assert len(train) + len(val) == 40 and 2 <= len(val) <= 16
    folder_with(tmp_path, [two_things()] * 60)
    assert set(val) <= set(load("folder", "val", root=tmp_path).items)


def test_class_names_come_from_a_file_or_from_the_call(tmp_path):
    folder_with(tmp_path, [two_things()])
    (tmp_path / "classes.txt").write_text("nothing\nleaf\nstem\n")
    assert load("folder", root=tmp_path).classes == ["nothing", "leaf", "stem"]
    assert load("folder", root=tmp_path, classes=["a", "b", "c"]).classes == ["a", "b", "c"]


def test_painted_masks_are_read_by_their_colours(tmp_path):
    painted = np.zeros((24, 32, 3), np.uint8)
    painted[4:8, 4:8], painted[10:14, 10:14], painted[0] = (200, 0, 0), (0, 0, 200), 255
    folder_with(tmp_path, [painted])
    dataset = load("folder", root=tmp_path)
    assert dataset.palette == [(0, 0, 0), (0, 0, 200), (200, 0, 0)] and dataset[0][1].unique().tolist() == [
        0,
        1,
        2,
        255,
    ]
    named = load("folder", root=tmp_path, colours=[(0, 0, 0), (200, 0, 0), (0, 0, 200)])
    assert named[0][1][5, 5] == 1


def test_black_and_white_masks_are_refused_until_their_values_are_named(tmp_path):
    folder_with(tmp_path, [two_things(255, 255)])
    with pytest.raises(ValueError, match="black-and-white"):
        load("folder", root=tmp_path)[0]
    assert load("folder", root=tmp_path, values={0: 0, 255: 1})[0][1].unique().tolist() == [0, 1]


def test_a_folder_without_pairs_says_what_it_holds(tmp_path):
    save_image(tmp_path / "images" / "cat.jpg")
    save_mask(tmp_path / "masks" / "dog.png", two_things())
    with pytest.raises(FileNotFoundError, match="1 pictures and 1 masks, but no pair"):
        load("folder", root=tmp_path)
    with pytest.raises(ValueError, match="root="):
        load("folder")


def messy_folder(path):
    folder_with(path, [two_things()] * 4)
    (path / "images" / "cat_1.jpg").write_bytes(b"")
    (path / "images" / "notes.txt").write_text("hello")
    save_image(path / "images" / "lonely.png")
    save_mask(path / "masks" / "orphan.png", two_things())
    save_mask(path / "masks" / "cat_2.png", two_things(height=12))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (32, 24)).save(path / "images" / "cat_3.jpg", exif=exif)
    Image.fromarray(two_things()).save(path / "masks" / "soft.jpg")
    return path


def test_one_report_names_everything_odd_and_stops_at_nothing(tmp_path):
    text = str(inspect_folder(messy_folder(tmp_path), classes=2))
    for word in ("lonely.png", "orphan.png", "is empty", "notes.txt", "cat_2.png (12x32, its picture 24x32)", "EXIF"):
        assert word in text
    assert "JPEG, which changes values" in text and "value 2 is no class (0..1)" in text and "24x32 (" in text


@pytest.mark.parametrize(
    ("mask", "word"),
    [
        (two_things(255, 255), "black and white"),
        (np.arange(768, dtype=np.uint16).reshape(24, 32), "instance numbers, or soft edges"),
        (two_things(85, 170), "large gaps"),
        (np.full((24, 32, 3), (9, 0, 0), np.uint8), "painted in colours"),
    ],
)
def test_odd_values_are_explained(tmp_path, mask, word):
    assert word in str(inspect_folder(folder_with(tmp_path, [mask])))


def test_a_sound_folder_and_a_sound_set_have_nothing_wrong(tmp_path):
    report = inspect_folder(folder_with(tmp_path, [two_things()] * 2), classes=3)
    assert not report.problems and "nothing is wrong" in str(report)
    assert not inspect_entry(find_entry("nuclei")).problems


def test_contact_sheets_name_the_largest_classes_and_survive_damage(tmp_path):
    dataset = load("folder", root=folder_with(tmp_path, [two_things()] * 5))
    (tmp_path / "images" / "cat_1.jpg").write_bytes(b"x")
    figure = contact_sheet(dataset, count=5, columns=2)
    texts = [text.get_text() for part in figure.subfigs for axes in part.axes for text in axes.texts]
    assert any("cat_1" in text for text in texts)
    assert "background fills 75 %" in figure.subfigs[0].get_suptitle()
    figure.savefig(tmp_path / "sheet.png")
    shares = class_shares([np.array([[0, 1], [1, 255]])], 3)
    assert np.allclose(shares, [1 / 3, 2 / 3, 0])
    assert paint(np.array([[1, 255]]), [(0, 0, 0), (9, 8, 7)]).tolist() == [[[9, 8, 7], [224, 224, 192]]]


def test_commands_answer_and_fail_with_a_word(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setattr("course_utils.data.registry.cache_folder", lambda: tmp_path / "no-cache")
    listing = RUN.invoke(app, ["list"], env={"COLUMNS": "200"})
    assert listing.exit_code == 0 and all(name in listing.output for name in ("voc2012", "nyudv2", "stickers"))
    assert str(tmp_path) in RUN.invoke(app, ["where"]).output.replace("\n", "")
    missing = RUN.invoke(app, ["where", "voc2012"])
    assert missing.exit_code == 2 and "course data download voc2012" in missing.output
    assert RUN.invoke(app, ["show", "nuclei", "--out", str(tmp_path / "n.png")]).exit_code == 0
    assert (tmp_path / "n.png").stat().st_size > 10_000
    assert RUN.invoke(app, ["download", "stickers"]).exit_code == 2
    made = RUN.invoke(app, ["make", "stickers", "--images", "6", "--size", "64", "--out", str(tmp_path / "made")])
    assert made.exit_code == 0 and "CC BY" in made.output
    assert RUN.invoke(app, ["make", "stickers", "--out", str(tmp_path / "made")]).exit_code == 2
    assert RUN.invoke(app, ["verify", str(messy_folder(tmp_path / "messy"))]).exit_code == 1
    assert RUN.invoke(app, ["verify", str(tmp_path / "nothing")]).exit_code == 2
    assert RUN.invoke(app, ["verify", str(tmp_path / "made" / "VOCdevkit" / "VOC2012")]).exit_code == 0
