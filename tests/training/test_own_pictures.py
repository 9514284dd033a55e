"""A folder of one's own, from training to predictions: what the commands promise (lecture 10)."""

import csv
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import roifile
import tifffile
import torch
from PIL import Image
from pycocotools import mask as outlines
from typer.testing import CliRunner

from course_utils.course.command import app
from course_utils.course.report import excerpt
from course_utils.data.dataset import load
from course_utils.data.mending import mend
from course_utils.data.own_folder import divide, survey
from course_utils.data.registry import find, find_entry
from course_utils.inference.exporting import KINDS
from course_utils.models.backbones import backbone
from course_utils.models.fcn import FCN
from course_utils.training.own_pictures import Shapes, choose, divide_again, export_run, open_run, run_with, suits
from course_utils.training.recipes import read_recipe
from course_utils.training.saving import read, save

RUN = CliRunner()
DICE = np.random.default_rng(0)


def spots(height, width, number=4):
    """A picture of bright discs on noise, and their numbers."""
    rows, columns = np.mgrid[:height, :width]
    things = np.zeros((height, width), np.uint16)
    for place in range(1, number + 1):
        row, column = DICE.integers(8, height - 8), DICE.integers(8, width - 8)
        things[(rows - row) ** 2 + (columns - column) ** 2 < 30] = place
    image = np.where(things[..., None] > 0, 200, 60) + DICE.integers(0, 40, (height, width, 3))
    return image.astype(np.uint8), things


def folder_of(root, masks, count=6, sizes=((64, 80),)):
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    for number in range(count):
        image, things = spots(*sizes[number % len(sizes)])
        Image.fromarray(image).save(root / "images" / f"p{number}.png")
        tifffile.imwrite(root / "masks" / f"p{number}.tif", masks(things))
    return root


QUICK = ["--set", "training.epochs=1", "--set", "training.batch=2"]
CELLS = ["--set", "net.width=4", "--set", "net.depth=2", "--set", "data.crops=4"]


def called(*arguments):
    result = RUN.invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def semantic(tmp_path_factory):
    """A finished training on black-and-white masks of pictures of several sizes, and its folder."""
    base = tmp_path_factory.mktemp("semantic")
    sizes = ((64, 80), (70, 66))
    root = folder_of(base / "mine", lambda things: np.where(things > 0, 255, 0).astype(np.uint8), sizes=sizes)
    said = called("train", root, "--out", base / "run", "--as", "semantic", *QUICK, "--set", "augment.size=[96, 96]")
    assert "taken for background and class 1" in said and "split.csv: " in said
    return root, base / "run"


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """A finished training on numbered cells, and its folder."""
    base = tmp_path_factory.mktemp("cells")
    root = folder_of(base / "mine", lambda things: things, count=3)
    for number in range(3, 9):  # things that are numbered further, so that nobody takes them for classes
        image, things = spots(64, 80, 12)
        Image.fromarray(image).save(root / "images" / f"p{number}.png")
        tifffile.imwrite(root / "masks" / f"p{number}.tif", things)
    called("train", root, "--out", base / "run", "--as", "cells", *QUICK, *CELLS)
    return root, base / "run"


def test_a_recipe_is_chosen_from_the_masks_and_can_be_given_back(semantic, cells, tmp_path):
    assert read_recipe(semantic[1] / "recipe.toml").net.stride == 8
    assert read_recipe(cells[1] / "recipe.toml").net.form == "unet"
    called("train", cells[0], "--recipe", cells[1] / "recipe.toml", "--out", tmp_path)
    scores = [json.loads((folder / "result.json").read_text())["scores"] for folder in (cells[1], tmp_path)]
    assert scores[0] == scores[1]


def numbered_folder(root, draw, count=4, size=(120, 160)):
    """Pictures beside masks in which `draw(rows, columns, number, place)` says where thing 1, 2, ... is, or None."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    for place in range(count):
        things, number = np.zeros(size, np.uint16), 1
        while (inside := draw(rows, columns, number, place)) is not None:
            things[inside] = number
            number += 1
        Image.fromarray(DICE.integers(0, 255, (*size, 3), dtype=np.uint8)).save(root / "images" / f"p{place}.png")
        tifffile.imwrite(root / "masks" / f"p{place}.tif", things)
    return root


def chosen(root, kind=""):
    found, split_file = survey(root, thorough=True), root.parent / f"{root.name}.csv"
    divide_again(found, split_file)
    tables, why = choose(found, root, split_file, kind)
    return tables["net"]["form"], " ".join(why)


def test_many_small_round_things_are_cells_and_few_long_ones_are_things(tmp_path):
    def discs(rows, columns, number, place):
        row, column = 10 + 15 * (number // 11), 6 + 13 * (number % 11)  # each touches the next
        return (rows - row) ** 2 + (columns - column) ** 2 < 45 if number < 60 else None

    def crosses(rows, columns, number, place):
        row, column = 30 + 60 * (number // 5), 30 * (number % 5) + 16
        here = (abs(rows - row) < 24) & (abs(columns - column) < 3) | (abs(rows - row) < 3) & (
            abs(columns - column) < 14
        )
        return here if number < 5 + place else None

    form, why = chosen(numbered_folder(tmp_path / "discs", discs))
    assert form == "unet" and "cells: things of one class, many, small and roundish: 59.0 things a picture" in why
    form, why = chosen(numbered_folder(tmp_path / "crosses", crosses, 5))
    assert form == "mask_rcnn" and "things: masks number things, and these are not many, small and roundish" in why
    assert chosen(tmp_path / "crosses", "cells")[0] == "unet"


def test_masks_painted_in_several_colours_are_classes(tmp_path):
    folder_of(tmp_path / "mine", lambda things: np.array([[0, 0, 0], [200, 0, 0], [0, 200, 0]], np.uint8)[things % 3])
    form, why = chosen(tmp_path / "mine")
    assert form == "practical" and "semantic: masks hold several classes (2)" in why and "0 and 255" not in why


def test_what_was_measured_decides_and_each_condition_counts():
    nuclei = Shapes(10, [40] * 390, 0.002, 0.96, 0.25)
    assert suits(nuclei, 1, told=True)[0] == suits(nuclei, 1, told=False)[0] == "cells"
    for fewer in (replace(nuclei, areas=[40] * 40), replace(nuclei, share=0.05), replace(nuclei, solidity=0.7)):
        assert suits(fewer, 1, told=True)[0] == "things" and suits(fewer, 1, told=False)[0] == "semantic"
    assert suits(nuclei, 2, told=True)[0] == "things" and suits(nuclei, 2, told=False)[0] == "semantic"


@pytest.mark.parametrize(("name", "form"), [("dsb2018", "unet"), ("pennfudan", "mask_rcnn")])
def test_real_folders_get_the_net_that_suits_them(tmp_path, name, form):
    entry = find(find_entry(name))
    if entry is None:
        pytest.skip(f"{name} is not on this machine (COURSE_DATA)")
    folders = (
        ("train/images", "train/masks") if name == "dsb2018" else ("PennFudanPed/PNGImages", "PennFudanPed/PedMasks")
    )
    for part, folder in zip(("images", "masks"), folders, strict=True):
        (tmp_path / "mine" / part).mkdir(parents=True)
        for path in sorted((entry / folder).iterdir())[:24]:
            (tmp_path / "mine" / part / path.name).write_bytes(path.read_bytes())
    assert chosen(tmp_path / "mine")[0] == form


def coco_folder(root, count=6):
    """Discs and bars that COCO's JSON tells apart by class and as single things."""
    (root / "images").mkdir(parents=True)
    index = {"images": [], "annotations": [], "categories": [{"id": 3, "name": "disc"}, {"id": 7, "name": "bar"}]}
    rows, columns = np.mgrid[:96, :128]
    for number in range(count):
        image = DICE.integers(0, 60, (96, 128, 3))
        for place, kind in enumerate((3, 7, 3)):
            row, column = 20 + 30 * place, int(DICE.integers(24, 104))
            inside = (rows - row) ** 2 + (columns - column) ** 2 < 120
            if kind == 7:
                inside = (abs(rows - row) < 4) & (abs(columns - column) < 20)
            image[inside] = (220, 60, 40) if kind == 3 else (40, 80, 230)
            code = outlines.encode(np.asfortranarray(inside.astype(np.uint8)))
            note = {"segmentation": code | {"counts": code["counts"].decode()}, "iscrowd": 0}
            about = {"id": 10 * number + place, "image_id": number, "category_id": kind}
            index["annotations"].append(note | about)
        Image.fromarray(image.astype(np.uint8)).save(root / "images" / f"p{number}.png")
        index["images"].append({"id": number, "file_name": f"p{number}.png", "height": 96, "width": 128})
    (root / "instances_default.json").write_text(json.dumps(index))
    return root


@pytest.mark.notebooks  # trained until it finds both classes
def test_things_of_several_classes_keep_their_classes_from_the_folder_to_every_format(tmp_path):
    called("data", "check", coco_folder(tmp_path / "coco"), "--mend", tmp_path / "mine")
    assert chosen(tmp_path / "mine")[0] == "mask_rcnn"
    cells = RUN.invoke(app, ["train", str(tmp_path / "mine"), "--as", "cells", "--out", str(tmp_path / "no")])
    assert cells.exit_code == 2 and "there are 2: disc, bar" in cells.output
    small = ["data.short=96", "data.threshold=0.0", "data.most=60", "augment.size=[96, 128]", "training.epochs=6"]
    changes = [word for each in small for word in ("--set", each)]
    called("train", tmp_path / "mine", "--out", tmp_path / "run", *changes)
    report = (tmp_path / "run" / "report.html").read_text()
    assert "Classes: disc, bar" in report and "mean of the classes" in report
    assert re.search(r"<td>disc</td><td>\d", report) and re.search(r"<td>bar</td><td>\d", report)
    called("predict", tmp_path / "run", tmp_path / "mine" / "images", "--to", EVERYTHING, "--out", tmp_path / "out")
    with open(tmp_path / "out" / "things.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["file"] == "p1.png"]
    assert {row["class"] for row in rows} == {"disc", "bar"}
    told = {int(row["number"]): row["class"] for row in rows}
    numbers, classes = (
        tifffile.imread(tmp_path / "out" / folder / "p1.tif") for folder in ("labels", "labels/classes")
    )
    assert {number: ["", "disc", "bar"][classes[numbers == number][0]] for number in told} == told
    features = json.loads((tmp_path / "out" / "geojson" / "p1.geojson").read_text())["features"]
    rois = roifile.roiread(tmp_path / "out" / "rois" / "p1_RoiSet.zip")
    coco = json.loads((tmp_path / "out" / "coco.json").read_text())
    names = {each["id"]: each["name"] for each in coco["categories"]}
    picture = next(each["id"] for each in coco["images"] if each["file_name"] == "p1.png")
    by_format = [
        [feature["properties"]["classification"]["name"] for feature in features],
        [roi.name.split("-")[-1] for roi in (rois if isinstance(rois, list) else [rois])],
        [names[note["category_id"]] for note in coco["annotations"] if note["image_id"] == picture],
    ]
    assert all(sorted(each) == sorted(told.values()) for each in by_format)


def test_the_split_is_kept_when_pictures_are_added(semantic):
    root, run = semantic
    before = dict(line.split(",") for line in (run / "split.csv").read_text().splitlines())
    assert set(before.values()) == {"split", "train", "val"} and len(before) == 7
    found = survey(root, thorough=True)
    more = {**found.pairs, **{f"new{number}": found.pairs["p0"] for number in range(9)}}
    found.pairs = more
    after = divide(found, {name: split for name, split in before.items() if name != "picture"})
    assert {name: after[name] for name in before if name != "picture"}.items() <= before.items()
    assert set(after) == set(more)


@pytest.mark.parametrize("number", range(2, 12))
def test_both_splits_hold_something_and_look_alikes_stay_together(tmp_path, number):
    folder_of(tmp_path, lambda things: (things > 0).astype(np.uint8), number)
    if number > 3:
        Image.open(tmp_path / "images" / "p0.png").save(tmp_path / "images" / "p1.png")
    found = survey(tmp_path, thorough=True)
    part = divide(found, {})
    assert set(part.values()) == {"train", "val"}
    assert number <= 3 or part["p0"] == part["p1"]


def test_more_epochs_go_on_and_a_kill_loses_nothing(cells):
    root, run = cells
    longer = ["--set", "training.epochs=2", "--set", "training.batch=2", *CELLS]
    (run / "result.json").unlink()
    said = called("train", root, "--out", run, *longer)
    assert "goes on from step" in said
    assert json.loads((run / "result.json").read_text())["lengthened"]


def test_one_picture_is_too_few_and_another_kind_is_refused(tmp_path, semantic):
    folder_of(tmp_path / "one", lambda things: (things > 0).astype(np.uint8), 1)
    few = RUN.invoke(app, ["train", str(tmp_path / "one"), "--out", str(tmp_path / "run")])
    assert few.exit_code == 2 and "one to learn from and one to test" in few.output
    other = RUN.invoke(app, ["train", str(semantic[0]), "--out", str(semantic[1]), "--as", "cells"])
    assert other.exit_code == 2 and "another --out FOLDER" in other.output
    strange = RUN.invoke(app, ["train", str(semantic[0]), "--out", str(tmp_path / "run2"), "--as", "stars"])
    assert strange.exit_code == 2 and "choose from semantic, cells, things" in strange.output


class Page(HTMLParser):
    """The words of a page, its pictures, and what it would fetch."""

    def __init__(self, text):
        super().__init__()
        self.words, self.pictures, self.fetched = [], 0, []
        self.feed(text)

    def handle_data(self, data):
        self.words.append(data)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.pictures += tag == "img" and bool(given["alt"])
        self.fetched += [given[key] for key in ("src", "href") if not given.get(key, "data:").startswith("data:")]


@pytest.mark.parametrize("kind", ["semantic", "cells"])
def test_the_report_is_one_page_that_needs_nothing_else(request, kind):
    root, run = request.getfixturevalue(kind)
    page = Page((run / "report.html").read_text())
    text = " ".join(page.words)
    held_out = [name for name, split in split_of(run).items() if split == "val"]
    assert f"on {len(held_out)} pictures that were held out" in text and all(name in text for name in held_out)
    assert ("median" in text and "How many more would help?" in text and "backbone" in text) or kind == "cells"
    assert str(root) in text and not page.fetched
    assert page.pictures >= (3 if kind == "semantic" else 2)
    score = json.loads((run / "result.json").read_text())["scores"]
    assert f"{score['mean_iu' if kind == 'semantic' else 'ap_50']:.3f}" in text


@pytest.mark.notebooks
def test_the_curve_learns_from_a_quarter_a_half_and_all(tmp_path):
    root = folder_of(tmp_path / "mine", lambda things: (things > 0).astype(np.uint8), 12, ((64, 64),))
    called("train", root, "--out", tmp_path / "run", *QUICK, *CELLS, "--as", "cells")
    counts = [list(split_of(tmp_path / "run" / name).values()).count("train") for name in ("one in 4", "one in 2", ".")]
    assert counts == [3, 5, 10]
    assert "From 5 to 10 pictures matched share at IU 0.5 changed by" in (tmp_path / "run" / "report.html").read_text()
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("checkpoint.pt")}
    called("report", tmp_path / "run")
    assert len(kept) == 3 and {path: path.stat().st_mtime_ns for path in kept} == kept


def split_of(run):
    return dict(line.rsplit(",", 1) for line in (run / "split.csv").read_text().splitlines()[1:])


def pictures(root):
    """Pictures of every kind that predictions have to cope with."""
    root.mkdir()
    Image.fromarray(spots(96, 50)[0]).save(root / "a.png")
    Image.fromarray(spots(33, 47)[0]).save(root / "a.jpg")
    deep = [spots(40, 60)[0][..., 0].astype(np.uint16) * 16 for _ in range(3)]
    tifffile.imwrite(root / "stack.tif", np.stack(deep), imagej=True, resolution=(2, 2), metadata={"unit": "um"})
    return root


EVERYTHING = "labels,overlay,rois,geojson,coco,csv"


@pytest.mark.parametrize("kind", ["semantic", "cells"])
def test_every_format_counts_the_same_things_when_it_is_read_back(request, kind, tmp_path):
    from pycocotools.coco import COCO

    _, run = request.getfixturevalue(kind)
    called("predict", run, pictures(tmp_path / "in"), "--to", EVERYTHING, "--out", tmp_path / "out")
    opened = open_run(run)
    with open(tmp_path / "out" / "things.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    coco = COCO(str(tmp_path / "out" / "coco.json"))
    assert len(coco.imgs) == 5 and len(coco.anns) == len(rows) > 0
    for name, file in (("a.png", "a.png"), ("a.jpg", "a.jpg"), ("stack", "stack.tif")):
        mine = [row for row in rows if row["file"] == file]
        with tifffile.TiffFile(tmp_path / "out" / "labels" / f"{name}.tif") as labels:
            pages = [page.asarray() for page in labels.pages]
        assert len(pages) == (3 if name == "stack" else 1)
        rois = roifile.roiread(tmp_path / "out" / "rois" / f"{name}_RoiSet.zip") if mine else []
        rois = rois if isinstance(rois, list) else [rois]
        features = json.loads((tmp_path / "out" / "geojson" / f"{name}.geojson").read_text())["features"]
        assert len(mine) == len(rois) == len(features)
        assert sum(int(row["area_pixels"]) for row in mine) == sum(int((page > 0).sum()) for page in pages)
        if kind == "cells":
            assert sum(len(np.unique(page)) - 1 for page in pages) == len(mine)
        assert all(ring[0] == ring[-1] for feature in features for ring in rings_of(feature))
    stacked = [row for row in rows if row["file"] == "stack.tif"]
    assert all(float(row["area"]) == int(row["area_pixels"]) / 4 and row["unit"] == "um²" for row in stacked)
    areas = {number: int(coco.annToMask(note).sum()) for number, note in coco.anns.items()}
    assert areas == {number: note["area"] for number, note in coco.anns.items()}
    assert opened.classes[1] == rows[0]["class"]


def rings_of(feature):
    shape = feature["geometry"]
    polygons = [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
    return [ring for polygon in polygons for ring in polygon]


def test_predictions_go_on_and_overwrite_nothing(semantic, cells, tmp_path, monkeypatch):
    where = pictures(tmp_path / "in")
    (tmp_path / "in" / "broken.png").write_bytes(b"\x89PNG")
    out = tmp_path / "out"
    first = RUN.invoke(app, ["predict", str(semantic[1]), str(where), "--out", str(out)])
    assert first.exit_code == 1 and "broken.png" in first.output and "predicted 3 of 4" in first.output
    table = (out / "things.csv").read_text()
    (where / "broken.png").unlink()

    def never(self, image):
        raise AssertionError("predicted once more")

    with monkeypatch.context() as patched:
        patched.setattr("course_utils.training.own_pictures.Run.labels", never)
        assert "predicted 3 of 3" in called("predict", semantic[1], where, "--out", out)
    assert (out / "things.csv").read_text() == table
    other = RUN.invoke(app, ["predict", str(cells[1]), str(where), "--out", str(out)])
    assert other.exit_code == 2 and "another net" in other.output
    mine = RUN.invoke(app, ["predict", str(semantic[1]), str(where), "--out", str(where)])
    assert mine.exit_code == 2 and "nothing was overwritten" in mine.output


@pytest.mark.notebooks
@pytest.mark.parametrize("size", [(1, 1), (17, 200), (150, 41)])
def test_pictures_of_any_size_are_predicted_and_tiles_change_little(request, monkeypatch, size):
    image = torch.from_numpy(DICE.integers(0, 256, (3, *size), dtype=np.uint8))
    for kind in ("semantic", "cells"):
        run = open_run(request.getfixturevalue(kind)[1])
        whole = run.scores(image)
        assert whole.shape == (2, *size) and whole.isfinite().all()
        monkeypatch.setattr("course_utils.training.own_pictures.ALL_AT_ONCE", 1)
        monkeypatch.setattr("course_utils.training.own_pictures.TILE", 128)
        tiled = run.scores(image)
        if kind == "cells":
            torch.testing.assert_close(tiled[:, 8:-40, 8:-40], whole[:, 8:-40, 8:-40], rtol=1e-3, atol=1e-3)
        monkeypatch.undo()


@pytest.mark.notebooks
@pytest.mark.parametrize(
    ("kind", "to"),
    [
        *(("cells", to) for to in KINDS),
        ("semantic", "onnx"),
        ("semantic", "torchscript"),
        pytest.param("semantic", "pt2", marks=pytest.mark.notebooks),  # torch.export proves five halvings of any size
    ],
)
def test_an_exported_net_answers_as_before_on_any_size(request, tmp_path, kind, to):
    run = request.getfixturevalue(kind)[1]
    said = called("export", run, "--to", to, "--out", tmp_path)
    assert "pixels have another class, mean IU is" in said and "other folders" not in said
    assert (tmp_path / "classes.txt").read_text().splitlines() == open_run(run).classes
    card = (tmp_path / "README.md").read_text()
    assert "any height and width from 64 on" in card and "largest difference" in card
    assert {path.name for path in tmp_path.iterdir()} == {"classes.txt", "README.md"} | (
        {KINDS[to], "predict.py"} if to == "onnx" else {KINDS[to]}
    )


@pytest.mark.notebooks
def test_the_script_beside_the_net_needs_nothing_of_this_course(semantic, tmp_path):
    called("export", semantic[1], "--out", tmp_path)
    script = tmp_path / "predict.py"
    assert len([line for line in script.read_text().splitlines() if line.strip()]) <= 30
    image, _ = spots(71, 93)
    Image.fromarray(image).save(tmp_path / "a.png")
    subprocess.run([sys.executable, "-I", script, tmp_path / "a.png"], check=True, cwd=tmp_path)
    with Image.open(tmp_path / "a_classes.png") as found:
        assert found.size == (93, 71)
        run = open_run(semantic[1])
        ours, _ = run.labels(torch.from_numpy(image).permute(2, 0, 1))
        assert (np.asarray(found) != ours).mean() < 0.001


@pytest.mark.notebooks
def test_a_graph_that_answers_otherwise_is_refused_and_not_left_behind(semantic, tmp_path, monkeypatch):
    import course_utils.training.own_pictures as own

    def upside_down(net, kind, path):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")

        def answer(images):
            scores = own.open_run(semantic[1]).scores(torch.from_numpy(images[0])).flip(0)
            return scores.argmax(dim=0)[None].numpy(), scores[None].numpy()

        return answer

    monkeypatch.setattr(own, "exported", upside_down)
    refused = RUN.invoke(app, ["export", str(semantic[1]), "--out", str(tmp_path / "out")])
    assert refused.exit_code == 2 and "answers otherwise" in refused.output
    assert not any((tmp_path / "out").iterdir())


def test_what_is_no_finished_training_of_these_kinds_is_named(semantic, tmp_path):
    nothing = RUN.invoke(app, ["predict", str(tmp_path), str(semantic[0] / "images")])
    assert nothing.exit_code == 2 and "holds no finished training" in nothing.output
    kept = read(semantic[1] / "net.pt")
    recipe = json.loads(kept["recipe"])
    recipe["net"]["form"], recipe["data"]["stretch"] = "mask_rcnn", True
    save(kept | {"recipe": json.dumps(recipe)}, tmp_path / "net.pt")
    other = RUN.invoke(app, ["report", str(tmp_path)])
    assert other.exit_code == 2 and "a Mask R-CNN of stretched pictures" in other.output


@pytest.mark.notebooks
def test_things_are_trained_reported_and_predicted_one_by_one_and_an_export_is_refused_in_words(cells, tmp_path):
    small = ["--set", "data.short=64", "--set", "data.threshold=0.0", "--set", "augment.size=[64, 64]"]
    said = called(
        "train", cells[0], "--out", tmp_path / "run", "--as", "things", *QUICK, *small, "--set", "data.most=5"
    )
    assert "mask_rcnn" in said and "A Mask R-CNN on" in (tmp_path / "run" / "report.html").read_text()
    formats = "labels,overlay,rois,geojson,coco,csv"
    called("predict", tmp_path / "run", cells[0] / "images" / "p3.png", "--to", formats, "--out", tmp_path / "out")
    labels = tifffile.imread(tmp_path / "out" / "labels" / "p3.tif")
    found = set(np.unique(labels).tolist()) - {0}
    assert found and labels.shape == (64, 80)
    with (tmp_path / "out" / "things.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert {int(row["number"]): int(row["area_pixels"]) for row in rows} == {
        one: (labels == one).sum() for one in found
    }
    for kind in ("onnx", "torchscript", "pt2"):
        refused = RUN.invoke(app, ["export", str(tmp_path / "run"), "--to", kind])
        assert refused.exit_code == 2 and "a Mask R-CNN is not exported" in refused.output


def test_a_picture_larger_than_all_that_were_learned_from_is_read_in_tiles_at_their_scale(cells, monkeypatch):
    import course_utils.training.own_pictures as own

    asked = {}

    def found(way):
        def find(net, image, prepare, short):
            asked[way] = short
            return {"scores": torch.zeros(0), "labels": torch.zeros(0)}

        return find

    monkeypatch.setattr(own, "find_things", found("at once"))
    monkeypatch.setattr(own, "find_in_tiles", found("in tiles"))
    run = open_run(cells[1])
    run = replace(run, recipe=replace(run.recipe, data=replace(run.recipe.data, short=300, largest=600)))
    for size in ((400, 500), (600, 900), (2400, 3000)):
        run.find(torch.zeros(3, *size, dtype=torch.uint8))
    assert asked == {"at once": 300, "in tiles": 1200}  # twice as small as it is, like the largest it learned from


@pytest.mark.notebooks
@pytest.mark.parametrize("aligned", [True, False])
def test_a_notebook_s_own_net_is_reported_and_exported_by_the_same_functions(semantic, tmp_path, aligned):
    mend(semantic[0], tmp_path / "mine")
    net = FCN(backbone("efficientnet_lite0"), 2, stride=8, aligned=aligned)
    torch.nn.init.normal_(net.score.weight, std=0.1)
    run = run_with(net, tmp_path / "mine", tmp_path / "run")
    page = Page(excerpt(run))
    held_out = load("folder", "val", root=tmp_path / "mine")
    assert page.pictures == min(6, len(held_out)) and held_out.items[0] in " ".join(page.words)
    path, found = export_run(run, "onnx", tmp_path / "out")
    assert path.exists() and "0 of" in found
    with pytest.raises(ValueError, match="tells 3 classes apart"):
        run_with(FCN(backbone("efficientnet_lite0"), 3), tmp_path / "mine", tmp_path / "run")
