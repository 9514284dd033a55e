"""Every loader on its published layout, and on the real samples where they are."""

import importlib
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import scipy.io
import torch
from PIL import Image

from course_utils.data.dataset import Detection, detection_target, load
from course_utils.data.depth import NYU_CAMERA, gravity, hha, log_depth, normals, plain_camera, points
from course_utils.data.matlab import read_mat
from course_utils.data.registry import REGISTRY, NotHere, find_entry
from course_utils.models.boxes import nms
from tests.data import layouts

MAKERS = {
    "voc2012": layouts.make_voc,
    "voc2011": lambda root: layouts.make_voc(root, "2011"),
    "sbd": layouts.make_sbd,
    "nyudv2": layouts.make_nyudv2,
    "siftflow": layouts.make_siftflow,
    "camvid": layouts.make_camvid,
    "isbi2012": layouts.make_isbi2012,
    "dsb2018": layouts.make_dsb2018,
    "phc_u373": lambda root: layouts.make_tracking(root, "PhC-C2DH-U373"),
    "dic_hela": lambda root: layouts.make_tracking(root, "DIC-C2DH-HeLa"),
    "pennfudan": layouts.make_pennfudan,
    "pets": layouts.make_pets,
    "coco": layouts.make_coco,
}
WITHOUT_FILES = {"stickers", "nuclei", "rods", "folder"}


@pytest.fixture
def course_data(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setattr("course_utils.data.registry.cache_folder", lambda: tmp_path / "no-cache")
    return tmp_path


def made(course_data, name):
    MAKERS[name](course_data / find_entry(name).folder)
    if name == "sbd":
        layouts.make_voc(course_data / "voc2011", "2011")
        base = course_data / "voc2011/TrainVal/VOCdevkit/VOC2011/ImageSets/Segmentation"
        layouts.save_list(base / "seg11valid.txt", ["2007_000002", "2007_000003"])
    return name


def test_every_registered_set_has_a_module_a_maker_and_its_credits():
    assert set(MAKERS) | WITHOUT_FILES == set(REGISTRY)
    for entry in REGISTRY.values():
        assert hasattr(importlib.import_module(f"course_utils.data.{entry.module}"), "open_split")
        assert entry.licence and entry.citation and len(entry.splits) == len(entry.counts)
        assert bool(entry.files) == bool(entry.markers) == bool(entry.folder) == bool(entry.megabytes)
        for file in entry.files:
            assert all(url.address.startswith(("http://", "https://")) for url in file.urls)
            assert file.checksum is None or file.checksum.split(":")[0] in ("md5", "sha256")


@pytest.mark.parametrize("name", MAKERS)
def test_the_published_layout_loads_and_is_legal(course_data, name):
    made(course_data, name)
    for split in find_entry(name).splits:
        if (name, split) in {
            ("voc2012", "seg11valid"),
            ("voc2011", "seg11valid"),
            ("coco", "train2017"),
            ("sbd", "val"),
        }:
            continue
        dataset = load(name, split)
        assert len(dataset) > 0 and len(dataset.palette) >= len(dataset.classes)
        if find_entry(name).classes:
            assert dataset.classes == list(find_entry(name).classes)
        for index in range(len(dataset)):
            image, mask = dataset[index]
            assert image.dtype == torch.uint8 and mask.dtype == torch.int64 and image.shape[1:] == mask.shape
            sample = dataset.sample(index)
            if sample.instances is not None:
                legal = (sample.instances > 0) & (sample.instances <= len(sample.labels))
                assert torch.equal(sample.labels[sample.instances[legal] - 1], mask[legal])


@pytest.mark.parametrize("name", MAKERS)
def test_a_missing_set_says_where_it_was_looked_for_and_how_to_get_it(course_data, name):
    with pytest.raises(NotHere, match=f"course data download {name}") as caught:
        load(name)
    assert str(course_data) in str(caught.value) and "by hand" in str(caught.value)


def test_unknown_names_splits_and_options_are_named(course_data):
    with pytest.raises(ValueError, match="did you mean 'voc2012'"):
        load("voc2021")
    with pytest.raises(ValueError, match="it has train, val"):
        load("stickers", "tset")
    with pytest.raises(ValueError, match="imags"):
        load("stickers", "train", imags=3)


def test_root_takes_the_place_of_the_data_folders(tmp_path):
    layouts.make_camvid(tmp_path / "elsewhere")
    assert len(load("camvid", "train", root=tmp_path / "elsewhere")) == 1


def test_voc_instances_get_their_class_from_the_mask(course_data):
    sample = load(made(course_data, "voc2012"), "val").sample(0)
    assert sample.labels.tolist() == [15, 7] and (sample.mask == 255).sum() == 32
    _, target = load("voc2012", "val").target(0)
    assert target["labels"].tolist() == [15, 7] and target["boxes"].tolist() == [[3, 2, 12, 10], [15, 12, 30, 20]]


def test_seg11valid_comes_from_its_list_or_follows_from_sbd(course_data):
    made(course_data, "voc2011")
    with pytest.raises(FileNotFoundError, match="seg11valid"):
        load("voc2011", "seg11valid")
    layouts.make_sbd(course_data / "sbd")
    assert load("voc2011", "seg11valid").items == ["2007_000002"]


def test_sbd_leaves_out_the_images_of_seg11valid(course_data):
    made(course_data, "sbd")
    assert load("sbd", "train").items == ["2007_000001"]
    assert load("sbd", "trainval", keep_seg11valid=True).items == ["2007_000001", "2007_000003", "2007_000002"]
    assert load("sbd", "train").sample(0).labels.tolist() == [15, 7]


def test_nyudv2_maps_894_labels_to_40_classes_and_turns_matlabs_axes(course_data):
    images, depths = layouts.make_nyudv2(course_data / "nyudv2")
    sample = load("nyudv2", "test").sample(0)
    assert np.array_equal(sample.image.permute(1, 2, 0).numpy(), images[1])
    assert np.allclose(sample.depth.numpy(), depths[1])
    assert sample.mask.unique().tolist() == [1, 39, 255] and sample.mask[3, 4] == 1
    assert load("nyudv2", "train").items == ["1", "3"]


def test_siftflow_counts_from_zero_with_unlabelled_void(course_data):
    dataset = load(made(course_data, "siftflow"), "test")
    sample = dataset.sample(0)
    assert dataset.items == ["coast_bea2"] and len(dataset.classes) == 33 and len(dataset.geometry) == 3
    assert sample.mask.unique().tolist() == [20, 27, 255] and sample.geometry.unique().tolist() == [0, 1, 255]
    assert dataset.classes[27] == "sky" and dataset.classes[20] == "river"


def test_camvids_eleven_becomes_void(course_data):
    dataset = load(made(course_data, "camvid"), "trainval")
    assert dataset[0][1].unique().tolist() == [0, 8, 255] and dataset.classes[8] == "car" and len(dataset) == 2


def test_pets_border_is_void(course_data):
    assert load(made(course_data, "pets"), "trainval")[0][1].unique().tolist() == [0, 1, 255]


def test_coco_crowds_are_void_and_the_smaller_thing_lies_on_top(course_data):
    dataset = load(made(course_data, "coco"), "val2017")
    sample = dataset.sample(0)
    assert dataset.items == ["7"] and dataset.classes == ["background", "person", "dog"]
    assert sample.mask[6, 6] == 1 and sample.mask[10, 10] == 2 and sample.mask[5, 25] == 255
    assert sample.labels.tolist() == [2, 1]


SQUARE = [[2, 2, 12, 2, 12, 12, 2, 12]]


def coco_with(root, **changes):
    """COCO's JSON of one picture (24x32) with two things; `note` changes the first, other names a part of the JSON."""
    layouts.save_image(root / "val2017" / "a.png")
    note = {"id": 1, "image_id": 7, "category_id": 2, "iscrowd": 0, "segmentation": SQUARE} | changes.pop("note", {})
    other = {"id": 2, "image_id": 7, "category_id": 1, "segmentation": [[4, 4, 8, 4, 8, 8, 4, 8]]}
    index = {"images": [{"id": 7, "file_name": "a.png", "height": 24, "width": 32}], "annotations": [note, other]}
    index |= {"categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}]} | changes
    (root / "annotations").mkdir(exist_ok=True)
    path = root / "annotations" / "instances_val2017.json"
    path.write_text(json.dumps({name: part for name, part in index.items() if part is not None}), encoding="utf-8-sig")
    return root


@pytest.mark.parametrize(
    "outline",
    [
        [],
        None,
        7,
        "x",
        [[]],
        [[2, 2, 8, 8], SQUARE[0]],
        [1, 1, 9, 1, 9, 9],
        [[], SQUARE[0]],
        [[1, 1, 9, 1, 9, 9, 3]],
        *[[[far, 2, 12, 2, 12, 12]] for far in (float("nan"), float("inf"), 1e9, -1e9, "x", None, {})],
        {"size": [24, 32], "counts": [5]},
        {"size": [24, 32], "counts": "55"},
        {"size": [24, 32], "counts": "P"},
        {"size": [24, 32], "counts": [-5, 24 * 32 + 5]},
        {"size": [32, 24], "counts": [24 * 32]},
        {"size": [24, 32]},
        {"size": [24, 32], "counts": "04L40"},
    ],
)
def test_a_broken_outline_is_refused_by_file_and_number_when_the_file_is_opened(tmp_path, outline):
    with pytest.raises(ValueError, match=r"instances_val2017.json'.*annotation 1"):
        load("coco", "val2017", root=coco_with(tmp_path, note={"segmentation": outline}))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"note": {"category_id": 99}}, "annotation 1: is of category 99"),
        ({"note": {"image_id": 8}}, "annotation 1: belongs to picture 8"),
        ({"note": {"image_id": "img_0001"}}, "annotation 1: its image_id is 'img_0001'"),
        ({"note": {"category_id": None}}, "annotation 1: its category_id is None"),
        ({"categories": None}, "not COCO's JSON"),
        ({"annotations": None}, "not COCO's JSON"),
        ({"annotations": []}, "has no annotations"),
        ({"annotations": [3]}, "not COCO's JSON"),
        ({"images": [{"id": 7, "file_name": "a.png"}]}, "picture 7"),
        ({"images": [{"id": 7, "height": 24, "width": 32}]}, "picture 7: has no file_name"),
        ({"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}, "category 1: has the number of another one"),
    ],
)
def test_a_broken_note_is_refused_by_file_and_number(tmp_path, changes, word):
    with pytest.raises(ValueError, match=word) as caught:
        load("coco", "val2017", root=coco_with(tmp_path, **changes))
    assert "instances_val2017.json" in str(caught.value)


@pytest.mark.parametrize(
    "note",
    [
        {},
        {"image_id": "7", "category_id": "2"},
        {"id": 2},
        {"area": 0},
        {"area": None},
        {"area": "100"},
        {"id": None},
        {"segmentation": [[*map(str, SQUARE[0])]]},
        {"segmentation": {"size": [24, 32], "counts": [50, *[10, 14] * 9, 10, 24 * 32 - 50 - 10 * 10 - 9 * 14]}},
    ],
)
def test_no_thing_is_lost_and_the_smaller_lies_on_top(tmp_path, note):
    sample = load("coco", "val2017", root=coco_with(tmp_path, note=note)).sample(0)
    assert sample.mask.unique().tolist() == [0, 1, 2] and sample.labels.tolist() == [2, 1] and sample.mask[5, 5] == 1


def test_coco_reads_the_very_file_that_is_named(tmp_path):
    (tmp_path / "val2017" / "cam1").mkdir(parents=True)
    Image.new("L", (32, 24), 50).save(tmp_path / "val2017" / "a.jpg")
    for name in ("a.png", "IMG_1.JPG", "cam1/a.jpg"):
        coco_with(tmp_path, images=[{"id": 7, "file_name": name, "height": 24, "width": 32}])
        Image.new("L", (32, 24), 200).save(tmp_path / "val2017" / name)
        assert (load("coco", "val2017", root=tmp_path).sample(0).image == 200).all()


def test_outlines_on_a_turned_or_resized_picture_are_not_taken_without_a_word(tmp_path):
    exif = Image.Exif()
    for turn, size in ((3, (32, 24)), (6, (32, 24)), (1, (20, 20))):
        exif[0x0112] = turn
        coco_with(tmp_path)
        Image.new("L", size).save(tmp_path / "val2017" / "a.png", exif=exif)
        data = load("coco", "val2017", root=tmp_path)
        if turn == 3:
            with pytest.warns(UserWarning, match="turned by the camera"):
                data.sample(0)
        else:
            with pytest.raises(ValueError, match=r"is \d+x\d+, but 24x32 in"):
                data.sample(0)


def test_a_category_called_background_is_class_0(tmp_path):
    kinds = [{"id": 0, "name": "background"}, {"id": 1, "name": "person"}, {"id": 2, "name": "dog"}]
    assert load("coco", "val2017", root=coco_with(tmp_path, categories=kinds)).classes == [
        "background",
        "person",
        "dog",
    ]


def test_kaggles_layout_of_the_nuclei_is_named(tmp_path):
    layouts.save_mask(tmp_path / "stage1_train" / "00ae" / "masks" / "1.png", layouts.two_things())
    with pytest.raises(FileNotFoundError, match="as Kaggle has it"):
        load("dsb2018", "train", root=tmp_path)


def test_endings_count_whatever_their_case(tmp_path):
    layouts.make_dsb2018(tmp_path)
    image = tmp_path / "train" / "images" / "a1.tif"
    image.rename(image.with_suffix(".TIF"))
    assert len(load("dsb2018", "train", root=tmp_path)[0]) == 2


def test_isbi_holds_out_the_last_six_slices(course_data):
    made(course_data, "isbi2012")
    assert load("isbi2012", "test").items == [str(index) for index in range(24, 30)]
    assert set(load("isbi2012", "train")[0][1].unique().tolist()) == {0, 1}


def test_pennfudan_splits_without_overlap_and_alike_every_time(course_data):
    made(course_data, "pennfudan")
    train, test = load("pennfudan", "train").items, load("pennfudan", "test").items
    assert len(train) == 10 and len(test) == 50 and not set(train) & set(test)
    assert train == load("pennfudan", "train").items


def test_rods_are_the_same_in_every_run_and_show_other_nuclei_in_val():
    train, val = (load("rods", split, images=12) for split in ("train", "val"))
    assert (len(train), len(val)) == (10, 2)
    again = load("rods", "train", images=12).sample(3)
    assert torch.equal(train.sample(3).image, again.image) and torch.equal(train.sample(3).instances, again.instances)
    assert not torch.equal(train.sample(0).image, val.sample(0).image)


def test_rods_lie_on_the_diagonal_so_their_boxes_overlap_more_than_they_do():
    suppressed = things = 0
    for index in range(4):
        boxes = load("rods", "val").target(index)[1]["boxes"]
        suppressed += len(boxes) - len(nms(boxes, torch.ones(len(boxes)), 0.3))
        things += len(boxes)
    assert suppressed > 0.2 * things  # though no two of them share a pixel


def test_nuclei_quarters_hold_all_nuclei():
    assert len(load("nuclei", "train")) == 3 and load("nuclei", "test")[0][0].shape == (3, 256, 256)
    assert load("nuclei").sample(0).labels.shape == (125,)


@pytest.mark.parametrize("damage", ["cut image", "cut mask", "wrong value", "wrong size"])
def test_damage_is_named_with_its_file(course_data, damage):
    made(course_data, "camvid")
    base = course_data / "camvid" / "CamVid"
    image, mask = base / "train" / "0001TP_000001.png", base / "trainannot" / "0001TP_000001.png"
    if damage.startswith("cut"):
        path = image if "image" in damage else mask
        path.write_bytes(path.read_bytes()[:60])
    else:
        layouts.save_mask(mask, np.full((24, 32) if "value" in damage else (12, 32), 77, np.uint8))
    with pytest.raises(ValueError, match="0001TP_000001"):
        load("camvid", "train")[0]


def test_a_matlab_file_of_any_age_is_read_alike(tmp_path):
    import h5py

    values = np.arange(12, dtype=np.uint16).reshape(3, 4)
    scipy.io.savemat(tmp_path / "new.mat", {"S": values})
    scipy.io.savemat(tmp_path / "old.mat", {"S": values}, format="4")
    with h5py.File(tmp_path / "hdf.mat", "w", userblock_size=512) as file:
        file["S"] = values.T
        file.create_group("G")["inner"] = values.T
    with (tmp_path / "hdf.mat").open("r+b") as file:  # what MATLAB writes into the user block
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    for name in ("new", "old", "hdf"):
        assert np.array_equal(read_mat(tmp_path / f"{name}.mat")["S"], values)
    assert np.array_equal(read_mat(tmp_path / "hdf.mat")["G"]["inner"], values)
    (tmp_path / "new.mat").write_bytes((tmp_path / "new.mat").read_bytes()[:150])
    with pytest.raises(ValueError, match=r"new\.mat.*damaged"):
        read_mat(tmp_path / "new.mat")


def a_room(tilt=0.0):
    """Depth of a floor 1.2 m below the camera and a wall 4 m away, seen by a camera that looks down by `tilt`."""
    rows = torch.arange(480.0)[:, None].expand(480, 640)
    columns = torch.arange(640.0)[None, :].expand(480, 640)
    ray = torch.stack([(columns - 325.582) / 518.858, (rows - 253.736) / 519.470, torch.ones(480, 640)])
    down = torch.tensor([0.0, np.cos(tilt), np.sin(tilt)])
    ahead = torch.tensor([0.0, -np.sin(tilt), np.cos(tilt)])
    to_floor = 1.2 / (down[:, None, None] * ray).sum(0)
    to_wall = 4.0 / (ahead[:, None, None] * ray).sum(0)
    floor = (to_floor > 0) & (to_floor < to_wall)
    return torch.where(floor, to_floor, to_wall).float(), floor, down.float()


@pytest.mark.parametrize("tilt", [0.0, 0.2, -0.15])
def test_hha_finds_gravity_the_floor_and_the_wall(tilt):
    depth, floor, down = a_room(tilt)
    found = gravity(normals(points(depth.double())))
    assert torch.dot(found.float(), down) > np.cos(np.radians(2))
    disparity, height, angle = hha(depth).float()
    inside = torch.zeros_like(floor)
    inside[10:-10, 10:-10] = True
    assert abs(angle[~floor & inside].median() - 127.5) < 8
    assert not floor[inside].any() or (angle[floor & inside].median() < 8 and height[floor & inside].median() < 10)
    assert height[:100].mean() > 100
    assert (disparity[-1].mean() > disparity[300].mean()) and hha(depth).dtype == torch.uint8


def test_hha_of_stickers_tells_the_ground_from_what_stands_on_it():
    for index in range(12):
        sample = load("stickers", "train").sample(index)
        channels = hha(sample.depth, plain_camera(160, 160)).float()
        # Normals look 7 pixels around: near things they see the step.
        standing = torch.nn.functional.max_pool2d((sample.geometry != 1).float()[None], 15, 1, 7)[0] > 0
        flat = ~standing
        flat[:130] = False
        if flat.sum() > 200:
            assert channels[1][flat].median() < 15 and channels[2][flat].median() < 20


def test_hha_survives_holes():
    depth, _, _ = a_room()
    depth[100:120, 100:140] = 0
    depth[200, 200] = float("nan")
    whole = hha(a_room()[0]).float()
    assert (hha(depth).float() - whole).abs().mean() < 2
    assert hha(torch.full((64, 64), 2.0)).shape == (3, 64, 64)


def test_log_depth_is_bright_where_near_and_0_where_unknown():
    depth = torch.tensor([[0.2, 0.5, 5.0, 50.0, 100.0, 0.0, float("nan"), -1.0, float("inf")]])
    assert log_depth(depth).tolist() == [[[255, 255, 128, 1, 1, 0, 0, 0, 0]]]
    steps = log_depth(torch.linspace(1, 40, 5000)[None]).int().diff()
    assert (steps <= 0).all() and steps.min() == -1


def test_a_data_set_gives_the_sources_and_targets_that_are_asked_for(course_data):
    nyud = load(made(course_data, "nyudv2"), "train")
    sample = nyud.sample(0)
    image, mask = nyud.giving(("rgb", "hha", "depth"))[0]
    assert image.shape == (7, 24, 32) and image.dtype == torch.uint8 and torch.equal(mask, sample.mask)
    assert torch.equal(image[:3], sample.image) and torch.equal(image[6:], log_depth(sample.depth))
    assert torch.equal(image[3:6], hha(sample.depth, NYU_CAMERA))
    assert torch.equal(nyud.giving(("depth",) * 3)[0][0], log_depth(sample.depth).expand(3, -1, -1))
    assert torch.equal(nyud[0][0], sample.image)  # `giving` left the data set as it was

    sift = load(made(course_data, "siftflow")).giving(targets=("mask", "geometry"))
    sample = sift.sample(0)
    assert all(torch.equal(*pair) for pair in zip(sift[0], (sample.image, sample.mask, sample.geometry), strict=True))
    again = pickle.loads(pickle.dumps(sift))
    assert again.targets == ("mask", "geometry") and len(again[0]) == 3

    stickers = load("stickers", "train", images=12).giving(("hha",), ("geometry",))
    assert stickers[1][0].shape == (3, 160, 160) and set(stickers[1][1].unique().tolist()) <= {0, 1, 2}


@pytest.mark.parametrize(
    ("name", "asked", "message"),
    [
        ("siftflow", {"inputs": ("rgb", "hha")}, "'siftflow' has no depth"),
        ("nyudv2", {"targets": ("geometry",)}, "'nyudv2' has no geometry classes"),
        ("nyudv2", {"inputs": ("rgb", "thermal")}, "choose from rgb, depth, hha"),
        ("nyudv2", {"targets": ()}, "choose from mask, geometry"),
        ("nyudv2", {"inputs": ("depth", "rgb")}, "depth is one channel, so it comes last"),
    ],
)
def test_what_a_data_set_cannot_give_is_refused_in_words(course_data, name, asked, message):
    with pytest.raises(ValueError, match=message):
        load(made(course_data, name)).giving(**asked)


def test_detection_targets_are_what_torchvision_takes():
    instances = torch.zeros(10, 12, dtype=torch.int64)
    instances[2:5, 3:7], instances[7, 9], instances[0, 0] = 1, 3, 255
    target = detection_target(instances, torch.tensor([4, 5, 6]))
    assert target["boxes"].tolist() == [[3, 2, 7, 5], [9, 7, 10, 8]] and target["labels"].tolist() == [4, 6]
    assert target["masks"].shape == (2, 10, 12) and target["area"].tolist() == [12, 1]
    empty = detection_target(torch.zeros(4, 4, dtype=torch.int64))
    assert empty["boxes"].shape == (0, 4) and empty["masks"].shape == (0, 4, 4)
    _, target = Detection(load("nuclei"))[0]
    assert target["boxes"].shape == (125, 4)


def test_semantic_sets_say_that_they_have_no_instances(course_data):
    with pytest.raises(ValueError, match="does not tell one thing from another"):
        load(made(course_data, "camvid"), "train").target(0)


def test_a_data_loaders_workers_open_the_set_again():
    dataset = load("stickers", "train", images=12, size=64).subset([3, 1])
    again = pickle.loads(pickle.dumps(dataset))
    assert again.items == dataset.items and torch.equal(again[0][0], dataset[0][0])
    with pytest.raises(TypeError, match="num_workers=0"):
        pickle.dumps(replace(dataset, recipe=None))


def test_transforms_and_subsets():
    dataset = load("stickers", "train", images=12).with_transform(
        lambda image, mask: (image[:, :50, :50], mask[:50, :50])
    )
    assert dataset[0][0].shape == (3, 50, 50) and dataset.sample(0).image.shape == (3, 160, 160)
    assert dataset.subset([3, 1]).items == [dataset.items[3], dataset.items[1]]


REAL = [("voc2012", "trainval", 1041), ("voc2012", "seg11valid", 265), ("camvid", "trainval", 468)]
REAL += [("camvid", "test", 233), ("isbi2012", "all", 30), ("dsb2018", "train", 432), ("dsb2018", "test", 109)]
REAL += [("pennfudan", "all", 170)]


@pytest.mark.notebooks
@pytest.mark.parametrize(("name", "split", "count"), REAL)
def test_every_real_picture_and_mask_loads_fits_and_is_legal(real_data, name, split, count):
    dataset = load(name, split)
    assert len(dataset) == count
    things = 0
    for index in range(count):
        sample = dataset.sample(index)
        things += 0 if sample.labels is None else len(sample.labels)
    assert name != "pennfudan" or things == 423
