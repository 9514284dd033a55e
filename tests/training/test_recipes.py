"""The promises of `course train`: a configuration says everything, a wrong one is answered in words, results are kept."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils.course.lectures import ROOT
from course_utils.course.results import train_and_draw
from course_utils.training.recipes import mean_of_views, read_recipe, run_recipe
from course_utils.training.saving import read, save

TINY = """
[net]
backbone = "efficientnet_lite0"
stride = 16
[data]
name = "stickers"
options = { images = 12, size = 64 }
validate_pictures = 1
[augment]
size = [64, 64]
[loss]
weights = "balanced"
[training]
epochs = 1
batch = 2
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.mark.notebooks
def test_it_trains_tests_and_keeps_everything_that_was_found(config, tmp_path):
    out = tmp_path / "out"
    result = train_and_draw(read_recipe(config), out, "cpu")
    assert {path.name for path in out.iterdir()} == {
        "checkpoint.pt",
        "net.pt",
        "history.json",
        "result.json",
        "curves.csv",
        "curves.png",
    }
    kept = json.loads((out / "result.json").read_text())
    assert kept == json.loads(json.dumps({name: value for name, value in result.items() if name != "table"}))
    assert 0 <= kept["scores"]["mean_iu"] <= 1
    assert kept["recipe"]["training"]["batch"] == 2
    assert json.loads((out / "history.json").read_text())["epochs"][0]["mean_iu"] >= 0

    finer = read_recipe(
        config, ["net.stride=8", f"net.start={out / 'net.pt'}", "training.batch_norm=keep", "training.lr=1e-9"]
    )
    started = run_recipe(finer, tmp_path / "finer", "cpu", progress=False)
    assert started["scores"] == pytest.approx(kept["scores"], abs=1e-3)


OWN = """
[net]
stride = 32
[data]
name = "folder"
options = { root = "ROOT" }
test = "all"
[augment]
size = [32, 32]
[training]
epochs = 1
batch = 2
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished training on pictures of one's own: its recipe, its folder, the folder of its pictures."""
    folder = tmp_path_factory.mktemp("trained")
    draw(folder / "own")
    (folder / "own.toml").write_text(OWN.replace("ROOT", (folder / "own").as_posix()))
    run_recipe(read_recipe(folder / "own.toml"), folder / "out", "cpu", progress=False)
    return folder / "own.toml", folder / "out", folder / "own"


def draw(root, shade=0):
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True, exist_ok=True)
    for number in range(8):
        chance = np.random.default_rng(number)
        Image.fromarray(chance.integers(shade, 255, (32, 32, 3), dtype=np.uint8)).save(root / f"images/p{number}.png")
        mask = np.zeros((32, 32), np.uint8)
        mask[8:20, 4 : 12 + number] = 1
        Image.fromarray(mask).save(root / f"masks/p{number}.png")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("loss.name=dice", r"\[loss\] name = cross_entropy, and now dice"),
        ("loss.weights=balanced", r"\[loss\] weights = None, and now balanced"),
        ("augment.flip_rows=0.5", r"\[augment\] flip_rows = nothing said, and now 0.5"),
        ("augment.size=[32, 48]", r"\[augment\] size = "),
        ("net.stride=16", r"\[net\] stride = 32, and now 16"),
        ("net.fixed=16", r"\[net\] fixed = 1, and now 16"),
        ("training.lr=0.01", "lr = 0.001, and now 0.01"),
        ("training.seed=3", "seed = 0, and now 3"),
    ],
)
def test_another_recipe_in_the_same_folder_stops_with_both_values_and_the_way_out(trained, change, said):
    recipe, out, _ = trained
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(ValueError, match=said) as refused:
        run_recipe(read_recipe(recipe, [change]), out, "cpu", progress=False)
    assert "--out" in str(refused.value) and "delete" in str(refused.value)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_other_pictures_under_the_same_names_stop_it_too(trained):
    recipe, out, own = trained
    for changed in ("images/p3.png", "masks/p4.png"):
        path = own / changed
        held = path.read_bytes()
        pixels = np.array(Image.open(path))
        pixels[0, 0] = 1
        Image.fromarray(pixels).save(path)
        with pytest.raises(ValueError, match="what the pictures show"):
            run_recipe(read_recipe(recipe), out, "cpu", progress=False)
        path.write_bytes(held)
    result = run_recipe(read_recipe(recipe), out, "cpu", progress=False)
    assert result["made of"]["[loss] name"] == "cross_entropy" and result["lengthened"] == []


@pytest.mark.notebooks
def test_a_recipe_that_starts_from_another_net_of_the_same_name_stops(trained, tmp_path):
    recipe, out, _ = trained
    start = tmp_path / "start.pt"
    state = read(out / "net.pt")
    save(state, start)
    finer = read_recipe(recipe, ["net.stride=16", f"net.start={start.as_posix()}"])
    run_recipe(finer, tmp_path / "finer", "cpu", progress=False)
    run_recipe(finer, tmp_path / "finer", "cpu", progress=False)
    state["net"] = {name: value + 1 if value.is_floating_point() else value for name, value in state["net"].items()}
    save(state, start)
    with pytest.raises(ValueError, match=r"what \[net\] start holds"):
        run_recipe(finer, tmp_path / "finer", "cpu", progress=False)


def test_more_epochs_go_on_and_another_test_scores_the_same_net_again(trained, capsys):
    recipe, out, _ = trained
    found = run_recipe(read_recipe(recipe, ["data.test=train"]), out, "cpu", progress=False)
    assert found["recipe"]["data"]["test"] == "train" and found["lengthened"] == []
    result = run_recipe(read_recipe(recipe, ["training.epochs=2"]), out, "cpu", progress=False)
    assert "with 2 epochs instead of 1" in capsys.readouterr().out
    assert [(part["from"], part["to"]) for part in result["lengthened"]] == [(1, 2)]
    assert json.loads((out / "result.json").read_text())["recipe"]["training"]["epochs"] == 2


def test_settings_are_changed_from_the_command_line(config):
    recipe = read_recipe(config, ["training.epochs=0.5", "net.form=paper", "loss.name=dice"])
    assert (recipe.training.epochs, recipe.net.form, recipe.loss.name) == (0.5, "paper", "dice")
    assert recipe.training.batch == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("training.epoch=2", r"\[training\] has no setting 'epoch': did you mean 'epochs'"),
        ("train.epochs=2", "there is no table 'train': did you mean 'training'"),
        ("training.lr=-1", r"\[training\] lr = -1"),
        ("training.lr", "changes look like training.epochs=2"),
        ("augment.scales=[1, 2]", "did you mean 'scale'"),
    ],
)
def test_a_wrong_setting_is_answered_in_words(config, change, message):
    with pytest.raises(ValueError, match=message):
        read_recipe(config, [change])


def test_a_file_that_is_not_toml_is_named(tmp_path):
    (tmp_path / "broken.toml").write_text("[net\n")
    with pytest.raises(ValueError, match=r"broken.toml is not TOML"):
        read_recipe(tmp_path / "broken.toml")
    with pytest.raises(ValueError, match="cannot be read"):
        read_recipe(tmp_path / "absent.toml")


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.toml")), ids=lambda path: path.stem)
def test_every_configuration_of_the_course_can_be_read(path):
    assert read_recipe(path).training.epochs > 0


def test_the_mean_of_views_is_scored_beside_the_plain_answer_and_equals_it_for_one_view_of_a_symmetric_net(
    tmp_path, config
):
    result = run_recipe(read_recipe(config, ["data.views=[0.75, 1.0]"]), tmp_path / "out", "cpu", progress=False)
    assert set(result["scores, mean of views"]) == set(result["scores"])
    images = torch.rand(2, 3, 24, 32)
    pointwise = torch.nn.Conv2d(3, 4, 1)
    said = mean_of_views(pointwise, [1.0])(images)
    assert torch.allclose(said, pointwise(images).softmax(dim=1), atol=1e-6)
