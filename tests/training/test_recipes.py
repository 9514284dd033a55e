"""The promises of `course train`: a configuration says everything, a wrong one is answered in words, results are kept."""

import json

import pytest

from course_utils.course.lectures import ROOT
from course_utils.course.results import train_and_draw
from course_utils.training.recipes import read_recipe, run_recipe

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
