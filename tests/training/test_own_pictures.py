"""A folder of one's own, from training to predictions: what the commands promise (lecture 10)."""

import csv
import json
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import roifile
import tifffile
import torch
from PIL import Image
from typer.testing import CliRunner

from course_utils.course.command import app
from course_utils.data.own_folder import divide, survey
from course_utils.training.own_pictures import open_run
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
    said = called("train", root, "--out", base / "run", "--as", "semantic", *QUICK)
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
    again = ["--recipe", semantic[1] / "recipe.toml", "--out", tmp_path]
    called("train", semantic[0], *again)
    scores = [json.loads((folder / "result.json").read_text())["scores"] for folder in (semantic[1], tmp_path)]
    assert scores[0] == scores[1]


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


@pytest.mark.parametrize("kind", ["semantic", "cells"])
@pytest.mark.parametrize("to", ["onnx", "torchscript"])
def test_an_exported_net_answers_as_before_on_any_size(request, tmp_path, kind, to):
    pytest.importorskip("onnxruntime" if to == "onnx" else "torch")
    run = request.getfixturevalue(kind)[1]
    said = called("export", run, "--to", to, "--out", tmp_path)
    assert "pixels have another class, mean IU is" in said and "other folders" not in said
    assert (tmp_path / "classes.txt").read_text().splitlines() == open_run(run).classes
    card = (tmp_path / "README.md").read_text()
    assert "any height and width from 64 on" in card and "largest difference" in card
    assert {path.name for path in tmp_path.iterdir()} == {"classes.txt", "README.md"} | (
        {"net.onnx", "predict.py"} if to == "onnx" else {"net.torchscript.pt"}
    )


def test_the_script_beside_the_net_needs_nothing_of_this_course(semantic, tmp_path):
    pytest.importorskip("onnxruntime")
    called("export", semantic[1], "--out", tmp_path)
    script = tmp_path / "predict.py"
    assert len([line for line in script.read_text().splitlines() if line.strip()]) <= 30
    image, _ = spots(71, 93)
    Image.fromarray(image).save(tmp_path / "a.png")
    subprocess.run([sys.executable, "-I", script, tmp_path / "a.png"], check=True, cwd=tmp_path)
    with Image.open(tmp_path / "a_classes.png") as found:
        assert found.size == (93, 71)
        run = open_run(semantic[1])
        ours = run.labels(torch.from_numpy(image).permute(2, 0, 1))
        assert (np.asarray(found) != ours).mean() < 0.001


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
    recipe["net"]["form"] = "mask_rcnn"
    classes = json.loads(kept["pictures"]) | {"classes": ["background", "cat", "dog"]}
    save(kept | {"recipe": json.dumps(recipe), "pictures": json.dumps(classes)}, tmp_path / "net.pt")
    other = RUN.invoke(app, ["report", str(tmp_path)])
    assert other.exit_code == 2 and "a Mask R-CNN of 2 classes" in other.output


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
    for kind in ("onnx", "torchscript"):
        refused = RUN.invoke(app, ["export", str(tmp_path / "run"), "--to", kind])
        assert refused.exit_code == 2 and "a Mask R-CNN is not exported" in refused.output


def test_pt2_is_refused_with_the_reason_and_what_to_take_instead(semantic, tmp_path):
    refused = RUN.invoke(app, ["export", str(semantic[1]), "--to", "pt2", "--out", str(tmp_path / "out")])
    assert refused.exit_code == 2 and "torch.export comes to no end" in refused.output
    assert "--to onnx" in refused.output
