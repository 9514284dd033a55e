"""Pictures of one's own are found by name, and `load` and the report are two readers of one answer."""

import unicodedata
import warnings
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
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
        load("folder", root=tmp_path)
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
    for word in ("lonely.png", "orphan.png", "is empty", "notes.txt", "cat_2.png (12x32, its picture 24x32)", "(EXIF)"):
        assert word in text
    assert "soft.jpg" in text and "holds 0, 1 and 2, but classes are 0..1" in text and "24x32 (" in text


@pytest.mark.parametrize(
    ("mask", "word"),
    [
        (two_things(255, 255), "black-and-white"),
        (np.arange(768, dtype=np.uint16).reshape(24, 32), "instance numbers, or soft edges"),
        (two_things(85, 170), "large gaps"),
        (np.full((24, 32, 3), (9, 0, 0), np.uint8), "none of them is black"),
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
    assert RUN.invoke(app, ["check", str(messy_folder(tmp_path / "messy"))]).exit_code == 1
    assert RUN.invoke(app, ["verify", str(tmp_path / "nothing")]).exit_code == 2
    assert RUN.invoke(app, ["verify", str(tmp_path / "made" / "VOCdevkit" / "VOC2012")]).exit_code == 0


RED, GREEN, BLUE, WHITE = (128, 0, 0), (0, 128, 0), (0, 0, 255), (255, 255, 255)


def painted(*colours, ground=(0, 0, 0), size=32):
    """A mask with a patch of 8x8 in each of the colours."""
    values = np.full((size, size, len(ground)), ground, np.uint8)
    for place, colour in enumerate(colours):
        row, column = divmod(place, 4)
        values[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = colour
    return values


def laid(root, masks, images="images", labels="masks", save=save_mask, ending=".png"):
    """A folder with masks by name, and a picture of the same size for each."""
    for name, mask in masks.items():
        save_image(root / images / f"{name}.png", *mask.shape[:2])
        save(root / labels / f"{name}{ending}", mask)
    return root


def loaded(root, split="all", **options):
    """What `load` gives, its warnings taken for errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        return load("folder", split, root=root, **options)


def problems(root):
    return " | ".join(f"{what}: {names}" for what, names in inspect_folder(root).problems.items())


# one answer for all files of all splits (K1, K12)


@pytest.mark.parametrize("black", ["a", "z"])
def test_the_order_of_names_changes_no_class(tmp_path, black):
    laid(tmp_path, {black: painted(), "b": painted(RED), "c": painted(GREEN)})
    data = loaded(tmp_path)
    assert data.palette == [(0, 0, 0), GREEN, RED]
    assert [data[data.items.index(name)][1].max().item() for name in (black, "b", "c")] == [0, 2, 1]


def test_classes_colours_and_numbers_are_the_same_in_every_split(tmp_path):
    laid(tmp_path / "colours" / "train", {"a": painted(RED, GREEN)})
    laid(tmp_path / "colours" / "val", {"a": painted(RED)})
    laid(tmp_path / "numbers" / "train", {"a": two_things(1, 2)})
    laid(tmp_path / "numbers" / "val", {"a": two_things(1, 1)})
    for kind in ("colours", "numbers"):
        splits = [loaded(tmp_path / kind, split) for split in ("all", "train", "val")]
        assert all(data.classes == splits[0].classes and data.palette == splits[0].palette for data in splits)
        assert len(splits[0].classes) == 3
    assert {loaded(tmp_path / "colours", split)[0][1][4, 4].item() for split in ("train", "val")} == {2}


def test_masks_that_disagree_are_named_and_colours_reconcile_them(tmp_path):
    laid(tmp_path, {"a": painted(RED, GREEN)})
    numbers = Image.fromarray(painted(RED, GREEN)[..., 0] // 128 + painted(RED, GREEN)[..., 1] // 64)
    numbers.save(tmp_path / "masks" / "b.png")
    numbers.putpalette([0, 0, 0, *RED, *GREEN])
    numbers.save(tmp_path / "masks" / "c.png")
    for name in "bc":
        save_image(tmp_path / "images" / f"{name}.png", 32, 32)
    with pytest.raises(ValueError, match=r"'a.png' is painted, 'b.png', 'c.png' hold numbers"):
        load("folder", root=tmp_path)
    assert "'a.png' is painted" in problems(tmp_path)
    (tmp_path / "masks" / "b.png").unlink()
    with pytest.warns(UserWarning, match="without a mask"):
        data = load("folder", root=tmp_path, colours=[(0, 0, 0), RED, GREEN])
    assert [mask[4, 4].item() for _, mask in (data[0], data[1])] == [1, 1] == [data[1][1][4, 12].item() - 1] * 2


def test_white_is_not_void_before_anybody_asked(tmp_path):
    half = painted(BLUE, BLUE, BLUE, BLUE, ground=WHITE)
    laid(tmp_path / "class", {"a": half})
    with pytest.raises(ValueError, match=r"75 % of their pixels are white.*pass colours="):
        load("folder", root=tmp_path / "class")
    assert loaded(tmp_path / "class", colours=[WHITE, BLUE])[0][1].unique().tolist() == [0, 1]
    laid(tmp_path / "paper", {"a": painted(RED, ground=WHITE)})
    with pytest.raises(ValueError, match="94 % of their pixels are white"):
        load("folder", root=tmp_path / "paper")
    laid(tmp_path / "none", {"a": painted(RED, ground=BLUE)})
    with pytest.raises(ValueError, match="none of them is black"):
        load("folder", root=tmp_path / "none")


def test_transparent_is_background(tmp_path):
    laid(tmp_path, {"a": painted((*RED, 255), (*GREEN, 255), ground=(255, 255, 255, 0))})
    data = loaded(tmp_path)
    assert data.palette == [(0, 0, 0), GREEN, RED] and data[0][1].unique().tolist() == [0, 1, 2]


def deep(root, **pictures):
    """Pictures of stored numbers by name, each with a mask."""
    for name, values in pictures.items():
        save_mask(root / "masks" / f"{name}.png", np.eye(*values.shape[:2], dtype=np.uint8))
        (root / "images").mkdir(exist_ok=True)
        tifffile.imwrite(root / "images" / f"{name}.tif", values)
    return root


def test_equal_numbers_are_equally_bright_in_a_whole_folder(tmp_path):
    ramp = np.linspace(0, 4000, 64 * 64).reshape(64, 64).astype(np.uint16)
    hot = ramp.copy()
    hot[0, 0] = 4096
    data = loaded(deep(tmp_path, a=ramp, b=hot, c=np.stack([ramp] * 3, -1)))
    first, second, third = (image for image, _ in data)
    assert (first == second)[:, 1:].all() and (first == third).all()
    assert "16383 becomes 255 in all 3" in str(inspect_folder(tmp_path))


def test_fractions_that_disagree_are_refused(tmp_path):
    deep(tmp_path, a=np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8), b=np.full((8, 8), 200.5, np.float32))
    with pytest.raises(ValueError, match=r"'a.tif' holds fractions from 0 to 1, 'b.tif' up to 200.5"):
        load("folder", root=tmp_path)


@pytest.mark.parametrize(("turn", "size"), [(2, (24, 32)), (3, (24, 32)), (6, (32, 32)), (8, (32, 32)), (6, (24, 32))])
def test_a_picture_that_the_camera_turned_is_not_laid_under_its_mask_without_a_word(tmp_path, turn, size):
    laid(tmp_path, {"a": np.eye(*size, dtype=np.uint8)})
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.new("RGB", size[::-1]).save(tmp_path / "images" / "a.png", exif=exif)
    with pytest.warns(UserWarning, match="EXIF"):
        load("folder", root=tmp_path)
    assert "EXIF" in problems(tmp_path)
    if turn > 4 and size[0] != size[1]:  # then the size tells that this mask was drawn upright
        save_mask(tmp_path / "masks" / "a.png", np.eye(*size[::-1], dtype=np.uint8))
        assert loaded(tmp_path)[0][0].shape[1:] == size[::-1] and not problems(tmp_path)


# numbers that are no classes (K2, K9)


@pytest.mark.parametrize(
    ("mask", "word"),
    [
        (np.arange(1024, dtype=np.uint16).reshape(32, 32) % 301, "instance numbers"),
        (two_things(0, 65535 % 256).astype(np.uint16) * 257, "large gaps"),
        (two_things(127, 255), "large gaps"),
        (two_things(1, 1).astype(np.int16) * -1, "does -1 mean void"),
        (two_things(1, 1).astype(np.int32) * 70000, "large gaps"),
    ],
)
def test_numbers_that_are_no_classes_are_refused_by_both(tmp_path, mask, word):
    laid(
        tmp_path,
        {"a": mask},
        save=lambda path, values: (path.parent.mkdir(exist_ok=True), tifffile.imwrite(path, values)),
        ending=".tif",
    )
    with pytest.raises(ValueError, match=word):
        load("folder", root=tmp_path)
    assert word in problems(tmp_path)


def test_numbers_of_things_are_asked_about(tmp_path):
    things = np.zeros((32, 32), np.uint8)
    things[::4, ::4] = np.arange(64).reshape(8, 8) % 43
    laid(tmp_path, {"a": np.where(np.add.outer(np.arange(32) // 4 * 8, np.arange(32) // 4) < 43, things, 0)})
    with pytest.warns(UserWarning, match="each is one connected part: instance numbers"):
        load("folder", root=tmp_path)
    assert "instance numbers" in problems(tmp_path)


def test_values_name_every_number_and_no_other(tmp_path):
    laid(tmp_path, {"a": two_things(127, 255)})
    with pytest.raises(ValueError, match="holds 127, to which values= gives no class"):
        load("folder", root=tmp_path, values={0: 0, 255: 1})
    assert loaded(tmp_path, values={127: 2, 255: 1})[0][1].unique().tolist() == [0, 1, 2]
    tifffile.imwrite(tmp_path / "masks" / "a.png", two_things(1, 1).astype(np.int64) * 5_000_000_000)
    assert loaded(tmp_path, values={5_000_000_000: 1})[0][1].unique().tolist() == [0, 1]


def test_the_names_of_classes_count_for_both(tmp_path):
    laid(tmp_path, {"a": two_things(1, 2)})
    listed = tmp_path / "classes.txt"
    listed.write_text("background\ncat\n", encoding="utf-8-sig")
    with pytest.raises(ValueError, match=r"'a.png' holds 0, 1 and 2, but classes are 0..1"):
        load("folder", root=tmp_path)
    assert "holds 0, 1 and 2" in problems(tmp_path)
    listed.write_text("background\ncat\ndog\n", encoding="utf-8-sig")
    assert loaded(tmp_path).classes == ["background", "cat", "dog"] and not problems(tmp_path)
    for encoding in ("utf-16", "cp1252"):
        listed.write_text("background\nBär\ndog\n", encoding=encoding)
        with pytest.raises(ValueError, match=r"classes.txt' is not written in UTF-8"):
            load("folder", root=tmp_path)


# names and folders (K3, K4)


@pytest.mark.parametrize(
    ("pictures", "masks", "items"),
    [
        ("images/a.png images/cat_seg.png", "masks/a.png masks/cat_seg.png", ["a", "cat_seg"]),
        ("images/left_mask.png", "masks/left_mask.png", ["left_mask"]),
        ("cat_0.jpg cat_1.jpg", "cat_0.png cat_1.png", ["cat_0", "cat_1"]),
        ("image_001.png", "mask_001.png", ["image_001"]),
        ("images/img_001.png", "masks/seg_001.png", ["img_001"]),
        ("images/a.jpg", "masks/a.jpg.png", ["a"]),
        ("images/Cat.JPG", "masks/cat.PNG", ["Cat"]),
        ("images/a_leftImg8bit.png", "masks/a_gtFine_labelIds.png", ["a_leftImg8bit"]),
        ("images/a.jfif", "masks/a.png", ["a"]),
        ("images/1.png images/12.png", "masks/1.png masks/12.png", ["1", "12"]),
        ("images/b\u00e4r.png", "masks/ba\u0308r.png", ["b\u00e4r"]),
        ("unlabel.png", "unlabel_mask.png", ["unlabel"]),
        ("my_masks/images/a.png", "my_masks/labels/a.png", ["a"]),
        ("images/a.png", "instance_masks/a.png", ["a"]),
        ("JPEGImages/a.png", "SegmentationClass/a.png SegmentationObject/a.png", ["a"]),
        ("Train/images/a.png Val/images/b.png", "Train/masks/a.png Val/masks/b.png", ["train/a", "val/b"]),
        ("train/images/a.png valid/images/b.png", "train/masks/a.png valid/masks/b.png", ["train/a", "val/b"]),
        ("images/train/a.png images/test/b.png", "masks/train/a.png masks/test/b.png", ["train/a", "test/b"]),
        ("train/a.png val/b.png", "trainannot/a.png valannot/b.png", ["train/a", "val/b"]),
        ("img_dir/train/a.jpg", "ann_dir/train/a.png", ["train/a"]),
        ("leftImg8bit/train/aachen/a.png", "gtFine/train/aachen/a.png", ["train/aachen/a"]),
        ("cam1/images/a.png cam2/images/a.png", "cam1/masks/a.png cam2/masks/a.png", ["cam1/a", "cam2/a"]),
        *[
            ("images/a.jpg", f"{name}/a.png", ["a"])
            for name in ("Labels", "SegmentationClassPNG", "ground_truth", "seg")
        ],
        *[(f"{name}/a.jpg", "masks/a.png", ["a"]) for name in ("Images", "JPEGImages", "images_jpg", "img_dir")],
    ],
)
def test_pairs_are_found_by_name_in_whatever_layout(tmp_path, pictures, masks, items):
    for path in pictures.split():
        save_image(tmp_path / path)
    for path in masks.split():
        save_mask(tmp_path / path, two_things())
    assert loaded(tmp_path).items == items and not problems(tmp_path)


@pytest.mark.parametrize(
    ("pictures", "masks", "words"),
    [
        ("images/7.png", "masks/007.png", ["one picture is '7.png', one mask '007.png'"]),
        ("images/a.jpg", "trimaps/a.png", ["is it that of the masks? Rename it masks/: trimaps/"]),
        (
            "images/a.jpg",
            "annotations/trimaps/a.png",
            ["is it that of the masks? Rename it masks/: annotations/trimaps/"],
        ),
        ("data/a.jpg", "masks/a.png", ["is it that of the pictures? Rename it images/: data/"]),
        ("1/images/a.png 2/images/b.png", "1/masks/a0.png 1/masks/a1.png 2/masks/b0.png 2/masks/b1.png", ["Kaggle"]),
        ("images/a.jpg", "", ["lay the masks into masks/"]),
        ("", "", ["holds no pictures"]),
    ],
)
def test_where_nothing_pairs_the_reason_is_said(tmp_path, pictures, masks, words):
    for path in pictures.split():
        save_image(tmp_path / path)
    for path in masks.split():
        save_mask(tmp_path / path, two_things())
    with pytest.raises(FileNotFoundError) as caught:
        load("folder", root=tmp_path)
    assert all(word in str(caught.value) for word in words)
    assert RUN.invoke(app, ["check", str(tmp_path)]).exit_code == 1


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ("images/cat_0.png", "second picture of the same name"),
        ("masks/cat_0_mask.png", "second mask of a picture"),
        ("images/dog.png", "picture without a mask"),
        ("masks/dog.png", "mask without a picture"),
        ("loose.png", "outside of the folder of pictures"),
        ("thumbnails/cat_0.png", "thumbnails/"),
        ("labels/cat_0.png", "second folder of masks"),
        ("train/images/a.png train/masks/a.png", "others lie in folders for splits"),
        ("images/scan.czi", "not read"),
    ],
)
def test_what_is_left_over_is_named_by_both(tmp_path, more, word):
    folder_with(tmp_path, [two_things()] * 2)
    for path in more.split():
        save_mask(tmp_path / path, two_things()) if path.endswith("png") else (tmp_path / path).write_bytes(b"x")
    with pytest.warns(UserWarning, match=word):
        load("folder", root=tmp_path)
    assert word in problems(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("labels/a.txt", "0 0.1 0.2 0.3 0.4 0.5 0.6\n", "YOLO"),
        ("images/a.json", '{"shapes": []}', "LabelMe"),
        ("annotations/a.xml", "<annotation/>", "Pascal VOC"),
        ("via_region_data.json", "{}", "VIA"),
        ("annotations/instances_default.json", '{"annotations": []}', "COCO"),
    ],
)
def test_outlines_are_told_from_masks(tmp_path, name, text, said):
    save_image(tmp_path / "images" / "a.jpg")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    with pytest.raises(FileNotFoundError, match=said):
        load("folder", root=tmp_path)
    assert said in str(inspect_folder(tmp_path)) and "elsewhere" not in str(inspect_folder(tmp_path))
    save_mask(tmp_path / "masks" / "a.png", two_things())
    assert loaded(tmp_path).items == ["a"] and not problems(tmp_path)


def test_a_systems_own_files_are_no_fault(tmp_path):
    folder_with(tmp_path, [two_things()] * 2)
    (tmp_path / "__MACOSX" / "images").mkdir(parents=True)
    names = ".DS_Store images/._cat_0.jpg masks/._cat_0.png images/Thumbs.db images/desktop.ini masks/.gitkeep LICENSE readme.md"
    for name in (*names.split(), "__MACOSX/images/._cat_0.jpg"):
        (tmp_path / name).write_bytes(b"x")
    assert loaded(tmp_path).items == ["cat_0", "cat_1"] and not problems(tmp_path)


def test_both_splits_hold_something_whenever_there_are_two_pictures(tmp_path):
    for number in range(1, 13):
        laid(tmp_path, {f"p{number}": two_things()})
        train, val = (
            set(load("folder", split, root=tmp_path).items) if number > 1 else set() for split in ("train", "val")
        )
        assert number == 1 or (train and val and len(train) + len(val) == number)
    laid(tmp_path / "one", {"q1": two_things()})
    assert load("folder", "train", root=tmp_path / "one").items == ["q1"]
    with pytest.raises(FileNotFoundError, match="its 1 pairs are 1 'train'"):
        load("folder", "val", root=tmp_path / "one")


def test_files_are_named_with_their_folder_where_two_folders_hold_one_name(tmp_path):
    for split in ("train", "val"):
        laid(tmp_path / split, {"a": two_things()})
    (tmp_path / "val" / "masks" / "a.png").write_bytes(b"")
    assert "['val/masks/a.png']" in problems(tmp_path)
    laid(tmp_path / "one", {"a": two_things(), "b": two_things()})
    (tmp_path / "one" / "masks" / "b.png").write_bytes(b"")
    assert "['b.png']" in problems(tmp_path / "one")


# output of one screen (K10), one meaning (K11)


def test_reports_and_reprs_are_one_screen(tmp_path):
    for number in range(60):
        save_image(tmp_path / "images" / f"p{number}.jpg")
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.new("L", (32, 24)).save(tmp_path / "masks" / f"p{number}.jpg")
    report = str(inspect_folder(tmp_path))
    assert len(report.splitlines()) < 12 and "p10.jpg, p11.jpg, p12.jpg and 55 more" in report
    data = load("nuclei")
    assert repr(replace(data, items=[f"{k:012d}" for k in range(118287)])) == "nuclei, all: 118,287 pictures, 2 classes"


def test_a_name_means_one_thing_or_it_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("course_utils.data.registry.cache_folder", lambda: tmp_path / "no-cache")
    for name in ("nuclei", "pets", "folder"):
        folder_with(tmp_path / name, [two_things()] * 2)
    for command in (["check"], ["show", "--out", "sheet.png"]):
        both = RUN.invoke(app, [command[0], "nuclei", *command[1:]])
        assert both.exit_code == 0 and "for the folder beside you write ./nuclei" in both.output
        beside = RUN.invoke(app, [command[0], "pets", *command[1:]])
        assert beside.exit_code == 0 and "'pets' is the folder beside you" in beside.output
        for plain in ("./nuclei", "folder"):
            assert "registry" not in RUN.invoke(app, [command[0], plain, *command[1:]]).output
        wrong = RUN.invoke(app, [command[0], "pest", *command[1:]])
        assert wrong.exit_code == 2 and "did you mean 'pets'" in wrong.output.replace("\n", " ")
    assert RUN.invoke(app, ["verify", "pets"]).output == RUN.invoke(app, ["check", "pets"]).output


# the property behind all of them

PICTURES = {
    "jpg": lambda v: (".jpg", Image.fromarray(v)),
    "grey": lambda v: (".png", Image.fromarray(v[..., 0])),
    "palette": lambda v: (".gif", Image.fromarray(v).convert("P")),
    "transparent": lambda v: (".png", Image.fromarray(v).convert("RGBA")),
    "deep": lambda v: (".png", Image.fromarray(v[..., 0].astype(np.uint16) * 16)),
    "deep colour": lambda v: (".tif", v.astype(np.uint16) * 257),
    "fractions": lambda v: (".tiff", v[..., 0].astype(np.float32) / 255),
    "cut": lambda v: (".png", b"\x89PNG\r\n"),
}
COLOURS = np.array([(0, 0, 0), RED, GREEN, BLUE], np.uint8)
MASKS = {
    "grey": lambda v: (".png", Image.fromarray(v)),
    "two bits": lambda v: (".png", Image.fromarray(v * 85)),
    "palette": lambda v: (".png", Image.fromarray(v).convert("P")),
    "colours": lambda v: (".png", Image.fromarray(COLOURS[np.minimum(v, 3)])),
    "deep": lambda v: (".PNG", Image.fromarray(v.astype(np.uint16))),
    "whole": lambda v: (".tif", v.astype(np.int32)),
    "white is zero": lambda v: (".tif", v),
    "floats": lambda v: (".tif", v.astype(np.float64)),
    "halves": lambda v: (".tif", v / 2),
    "void": lambda v: (".png", Image.fromarray(np.where(v == 1, 255, v))),
    "soft": lambda v: (".jpg", Image.fromarray(v)),
}
LAYOUTS = [
    ("images", "masks"),
    ("Images", "Labels"),
    ("train/images", "train/masks"),
    ("images/val", "masks/val"),
    (".", "."),
]
NAMES = ["a", "B", "b\u00e4r", "cat 2", "left_mask", "7"]


def write(path, made, **options):
    ending, what = made
    path = path.with_name(path.name + ending)
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(what, np.ndarray):
        tifffile.imwrite(path, what, **({"photometric": "rgb"} if what.ndim == 3 else options))
    elif isinstance(what, bytes):
        path.write_bytes(what)
    else:
        what.save(path, **options)


FOLDER = count()


@settings(max_examples=150)
@given(
    kinds=st.lists(st.tuples(st.sampled_from(list(PICTURES)), st.sampled_from(list(MASKS))), min_size=1, max_size=4),
    one_mask=st.sampled_from([None, *MASKS]),
    layout=st.sampled_from(LAYOUTS),
    names=st.permutations(NAMES),
    lonely=st.booleans(),
    seed=st.integers(0, 99),
)
def test_the_report_is_clean_exactly_when_load_gives_every_pair(
    tmp_path_factory, kinds, one_mask, layout, names, lonely, seed
):
    root = tmp_path_factory.getbasetemp() / f"any{next(FOLDER)}"
    dice = np.random.default_rng(seed)
    for name, (picture, mask) in zip(names, kinds, strict=False):
        mask = one_mask or mask
        write(root / layout[0] / name, PICTURES[picture](dice.integers(0, 256, (6, 8, 3), dtype=np.uint8)))
        mark = "_gt" if layout[1] == "." else ""
        options = (
            {"photometric": "miniswhite"} if mask == "white is zero" else {"bits": 2} if mask == "two bits" else {}
        )
        spelled = unicodedata.normalize("NFD", name)
        write(
            root / layout[1] / f"{spelled}{mark}", MASKS[mask](dice.integers(0, 4, (6, 8), dtype=np.uint8)), **options
        )
    if lonely:
        write(root / layout[0] / "lonely", PICTURES["jpg"](np.zeros((6, 8, 3), np.uint8)))
    try:
        data = loaded(root)
        whole = len(data) == len(kinds) and all(
            image.shape == (3, 6, 8) and set(mask.unique().tolist()) <= {*range(len(data.classes)), 255}
            for image, mask in data
        )
    except (OSError, ValueError, UserWarning):
        whole = False
    assert whole == (not inspect_folder(root).problems)


@settings(max_examples=25)
@given(kind=st.sampled_from(["colours", "grey", "deep"]), order=st.permutations(range(5)), seed=st.integers(0, 99))
def test_no_order_of_names_or_splits_changes_a_class(tmp_path_factory, kind, order, seed):
    dice = np.random.default_rng(seed)
    masks = [np.minimum(dice.integers(0, 4, (6, 8), dtype=np.uint8), top) for top in (0, 1, 2, 3, 3)]
    numbers = []
    for places in (range(5), order):
        root = tmp_path_factory.getbasetemp() / f"order{next(FOLDER)}"
        for place, mask in zip(places, masks, strict=True):
            part = root / ("train" if place % 2 else "val")
            write(part / "masks" / f"{place}", MASKS[kind](mask))
            write(part / "images" / f"{place}", PICTURES["jpg"](np.zeros((6, 8, 3), np.uint8)))
        data = loaded(root)
        found = {item: mask for item, (_, mask) in zip(data.items, data, strict=True)}
        numbers.append([found[f"{'train' if place % 2 else 'val'}/{place}"].tolist() for place in places])
    assert numbers[0] == numbers[1]


# what only a thorough look finds (lecture 10)


def blobs(seed, size=96):
    """A picture of bright squares, and the mask that fits it."""
    dice = np.random.default_rng(seed)
    mask = np.zeros((size, size), np.uint8)
    for row, column in dice.integers(0, size - 20, (5, 2)):
        mask[row : row + 18, column : column + 18] = 1
    image = np.where(mask, 200, 40)[..., None] + dice.integers(0, 30, (size, size, 3))
    return image.astype(np.uint8), mask


def laid_blobs(root, order, masks=None):
    for place, seed in enumerate(order):
        save_mask(root / "images" / f"p{place}.png", blobs(seed)[0])
        save_mask(root / "masks" / f"p{place}.png", blobs((masks or order)[place])[1])
    return root


def test_masks_that_were_exchanged_are_named_and_sound_ones_are_not(tmp_path):
    assert not problems(laid_blobs(tmp_path / "sound", list(range(12))))
    masks = list(range(12))
    masks[3], masks[7] = 7, 3
    said = problems(laid_blobs(tmp_path / "wrong", list(range(12)), masks))
    assert "were they exchanged?: ['p3.png and p7.png']" in said


def test_doubles_in_two_splits_are_named(tmp_path):
    laid_blobs(tmp_path / "train", [1, 2, 3])
    laid_blobs(tmp_path / "val", [4, 2])
    assert "nearly the same picture in two splits" in problems(tmp_path) and "train/p1 and val/p1" in problems(tmp_path)
    with Image.open(tmp_path / "val" / "images" / "p1.png") as picture:
        (tmp_path / "val" / "images" / "p1.png").unlink()
        picture.save(tmp_path / "val" / "images" / "p1.jpg", quality=70)
    assert "train/p1 and val/p1" in problems(tmp_path)
    laid_blobs(tmp_path / "one", [1, 2, 1])
    assert not problems(tmp_path / "one") and "p0, p2" in str(inspect_folder(tmp_path / "one"))


def test_classes_that_train_never_shows_are_named(tmp_path):
    laid(tmp_path / "train", {"a": two_things(1, 1)})
    laid(tmp_path / "val", {"b": two_things(1, 2)})
    assert "'train' never shows, so that nothing can learn them: ['class 2']" in problems(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("labels/a.txt", "0 0.1 0.2 0.3 0.4 0.5 0.6\n", "export COCO's JSON"),
        ("annotations.xml", "<annotations>", "Segmentation mask 1.1"),
        ("images/a.json", '{"shapes": []}', "--mend"),
    ],
)
def test_of_outlines_it_is_said_how_they_become_masks(tmp_path, name, text, said):
    save_image(tmp_path / "images" / "a.jpg")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    assert said in str(inspect_folder(tmp_path))


def test_numbers_beside_classes_tell_things_of_several_classes_apart(tmp_path):
    (tmp_path / "images").mkdir(parents=True)
    classes, numbers = two_things(2, 1), two_things(1, 2)
    classes[0] = numbers[0] = 255  # void in both, as VOC has it
    for name in "ab":
        save_image(tmp_path / "images" / f"{name}.png")
        save_mask(tmp_path / "SegmentationClass" / f"{name}.png", classes)
        save_mask(tmp_path / "SegmentationObject" / f"{name}.png", numbers)
    sample = load("folder", "all", root=tmp_path, things=True).sample(0)
    assert sample.labels.tolist() == [2, 1] and sample.instances.unique().tolist() == [0, 1, 2]
    assert all((sample.mask[sample.instances == number] == kind).all() for number, kind in ((1, 2), (2, 1)))
    assert (sample.mask[0] == 255).all() and not sample.instances[0].any()
    assert not inspect_folder(tmp_path).problems
    save_mask(tmp_path / "SegmentationObject" / "b.png", numbers[:-3])
    assert "numbers things in another size than its picture has" in inspect_folder(tmp_path).problems
    with pytest.raises(ValueError, match="another size"):
        load("folder", "all", root=tmp_path, things=True).sample(1)
    (tmp_path / "SegmentationObject" / "b.png").unlink()
    assert "masks of numbered things for others, none for these: none are used" in inspect_folder(tmp_path).problems


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_parts_of_painted_classes_are_things_whatever_the_colours(tmp_path):
    blue_and_white = np.zeros((24, 32, 3), np.uint8)
    blue_and_white[2:8, 2:8], blue_and_white[12:18, 12:18] = (0, 0, 255), (0, 0, 255)
    blue_and_white[20:22, 2:6] = 255
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    for name in "ab":
        save_image(tmp_path / "images" / f"{name}.png")
        Image.fromarray(blue_and_white).save(tmp_path / "masks" / f"{name}.png")
    data = load("folder", "all", root=tmp_path, things=True)
    sample = data.sample(0)
    assert data.classes == ["background", "thing"] and sample.labels.tolist() == [1, 1]
    assert (sample.mask[20, 2:6] == 255).all() and not sample.instances[20].any()
