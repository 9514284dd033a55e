"""`course train` beyond VOC: the recipes for NYUDv2 and SIFT Flow, on made-up data in the published layouts."""

import json

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from course_utils.course.lectures import ROOT
from course_utils.losses import CrossEntropy, HeadLosses
from course_utils.models.backbones import first_convolution
from course_utils.training.loop import train
from course_utils.training.recipes import Data, Loss, Net, Recipe, make_net, read_recipe, run_recipe
from course_utils.training.settings import Settings
from tests.data.layouts import make_nyudv2, make_siftflow

# in place of VGG16, whose weights fill half a gigabyte
PAPER = ["net.backbone=googlenet"]
# and where there has to be a 16s; a batch of one picture of 24x32 is too little for batch norm
PRACTICAL = ["net.form=practical", "net.backbone=efficientnet_lite0", "training.batch_norm=keep"]


def run(name, root, out, *changes):
    """Some steps of a recipe of the course; its result, and the weights it kept."""
    options = ["training.epochs=1", f"data.options={{ root = '{root}' }}"]
    recipe = read_recipe(ROOT / "configs" / f"{name}.toml", [*options, *changes])
    result = run_recipe(recipe, out, "cpu", progress=False)
    return result, torch.load(out / "net.pt", weights_only=True)["net"]


@pytest.fixture(scope="module")
def nyudv2(tmp_path_factory):
    root = tmp_path_factory.mktemp("nyudv2")
    make_nyudv2(root)
    return root


@pytest.fixture(scope="module")
def siftflow(tmp_path_factory):
    root = tmp_path_factory.mktemp("siftflow")
    make_siftflow(root)
    return root


@pytest.fixture(scope="module")
def coarse(siftflow, tmp_path_factory):
    """A 32s with two heads that was trained for a little; its file and its weights."""
    out = tmp_path_factory.mktemp("32s")
    return out / "net.pt", run("siftflow_fcn32s_gpu", siftflow, out, *PRACTICAL)[1]


@pytest.mark.notebooks
def test_late_fusion_goes_from_two_nets_to_a_32s_and_on_to_a_16s(nyudv2, tmp_path):
    nets = {}
    for source in ("rgb", "hha"):
        inputs = f'data.inputs=["{source}"]'
        _, nets[source] = run("nyudv2_fcn32s_gpu", nyudv2, tmp_path / source, *PRACTICAL, inputs)
    start = f"net.start={[str(tmp_path / source / 'net.pt') for source in nets]}"
    still = "training.lr=1e-30"
    _, fused = run("nyudv2_late32s_gpu", nyudv2, tmp_path / "late32", *PRACTICAL, start, still)
    for stream, source in (("first", "rgb"), ("second", "hha")):
        ours = {name.removeprefix(f"{stream}."): value for name, value in fused.items() if name.startswith(stream)}
        assert ours.keys() == nets[source].keys()
        assert all(torch.equal(ours[name], value) for name, value in nets[source].items())
        assert ours["score.weight"].any()  # it has learned

    on = f"net.start={tmp_path / 'late32' / 'net.pt'}"
    result, finer = run("nyudv2_late16s_gpu", nyudv2, tmp_path / "late16", *PRACTICAL, on)
    assert set(finer) - set(fused) == {
        f"{stream}.skip_16.score.{kind}" for stream in ("first", "second") for kind in ("weight", "bias")
    }
    assert finer["first.skip_16.score.weight"].any() and finer["second.skip_16.score.weight"].any()
    assert result["pictures"] == 1 and len(result["iu"]) == 40
    assert result["recipe"]["net"]["fusion"] == "late" and list(result["recipe"]["data"]["inputs"]) == ["rgb", "hha"]


@pytest.mark.parametrize("start", ["zero", "mean"])
def test_early_fusion_looks_at_depth(nyudv2, tmp_path, start):
    changes = ['data.inputs=["rgb", "depth"]', "net.fusion=early", f"net.new_weights={start}", "training.lr=1e-6"]
    _, kept = run("nyudv2_fcn32s_gpu", nyudv2, tmp_path / start, *PAPER, *changes)
    before = first_convolution(make_net(Net("paper", "googlenet", 32, fusion="early", new_weights=start), 40, 4)).weight
    after = kept["to_8.1.conv.weight"]
    assert after.shape == (64, 4, 7, 7)
    assert not torch.equal(after[:, 3], before[:, 3])
    assert (start == "zero") == (after[:, 3].abs().mean() < 0.1 * after[:, :3].abs().mean())


@pytest.mark.notebooks
def test_the_paper_form_is_fused_late(nyudv2, tmp_path):
    result, kept = run("nyudv2_late32s_gpu", nyudv2, tmp_path / "late", *PAPER, "net.start=")
    assert kept["second.score.weight"].any() and result["scores"]["pixel_accuracy"] >= 0


def test_two_heads_are_trained_together_and_scored_each(siftflow, coarse, tmp_path):
    result, kept = run("siftflow_fcn32s_gpu", siftflow, tmp_path / "paper", *PAPER)
    assert kept["net.score.weight"].shape == (36, 1024, 1, 1)
    assert kept["net.score.weight"][:33].any() and kept["net.score.weight"][33:].any()
    assert list(result["heads"]) == ["semantic", "geometric"] and result["heads"]["semantic"] == result["scores"]
    assert "streetlight" in result["table"] and "horizontal" in result["table"]

    result, finer = run("siftflow_fcn16s_gpu", siftflow, tmp_path / "16s", *PRACTICAL, f"net.start={coarse[0]}")
    assert set(finer) - set(coarse[1]) == {"net.skip_16.score.weight", "net.skip_16.score.bias"}
    assert json.loads((tmp_path / "16s" / "result.json").read_text())["heads"] == result["heads"]


def test_a_head_alone_is_a_plain_net_with_its_classes(siftflow, tmp_path):
    result, kept = run("siftflow_fcn32s_gpu", siftflow, tmp_path / "geo", *PAPER, 'net.heads=["geometric"]')
    assert kept["score.weight"].shape[0] == 3
    assert "heads" not in result and list(result["iu"]) == ["sky", "horizontal", "vertical"]


def test_a_heads_weight_of_zero_leaves_its_scores_untouched(siftflow, tmp_path):
    _, kept = run("siftflow_fcn32s_gpu", siftflow, tmp_path / "out", *PAPER, "loss.heads=[1.0, 0.0]")
    assert kept["net.score.weight"][:33].any() and not kept["net.score.weight"][33:].any()


class TwoAnswers(nn.Module):
    """The smallest net with two heads."""

    def __init__(self):
        super().__init__()
        self.score = nn.Conv2d(3, 5, 1)
        nn.init.zeros_(self.score.weight)
        nn.init.zeros_(self.score.bias)

    def forward(self, images):
        return dict(zip(("semantic", "geometric"), self.score(images).split([3, 2], dim=1), strict=True))


def test_two_heads_learn_the_same_however_a_batch_is_spread_over_steps():
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(8, 3, 6, 6, generator=generator)
    semantic, geometric = (torch.randint(0, count, (8, 6, 6), generator=generator) for count in (3, 2))
    for picture in range(8):  # each has another share of void, and each head another void
        semantic[picture, : picture % 5], geometric[picture, :, : picture % 3] = 255, 255
    nets = {}
    for batch, accumulate in ((4, 1), (2, 2), (1, 4)):
        nets[batch] = TwoAnswers()
        settings = Settings(epochs=2, batch=batch, accumulate=accumulate, optimiser="sgd", lr=0.5)
        loss = HeadLosses([CrossEntropy(), CrossEntropy()], [1.0, 0.5])
        data = TensorDataset(images, semantic, geometric)
        train(nets[batch], data, loss, settings, device="cpu", progress=False)
    assert nets[4].score.weight.abs().sum() > 0
    for batch in (2, 1):
        torch.testing.assert_close(nets[batch].score.weight, nets[4].score.weight)


@pytest.mark.notebooks
def test_stickers_with_a_sensor_learn_both_heads_from_both_sources(tmp_path):
    recipe = Recipe(
        Net("practical", "efficientnet_lite0", 16, fusion="late", heads=("semantic", "geometric")),
        Data(
            inputs=("rgb", "hha"), options={"images": 12, "size": 64, "sensor": True, "shift": 2}, validate_pictures=1
        ),
        {"size": [64, 64], "jitter": 0.2, "scale": [0.8, 1.2]},
        Loss(weights="balanced", heads=(1.0, 0.5)),
        Settings(epochs=1, batch=4, batch_norm="keep"),
    )
    result = run_recipe(recipe, tmp_path, "cpu", progress=False)
    assert set(result["heads"]) == {"semantic", "geometric"}
    assert json.loads((tmp_path / "history.json").read_text())["epochs"][0]["mean_iu"] >= 0


@pytest.mark.parametrize(
    ("net", "data", "message"),
    [
        (Net(fusion="middle"), Data(), "fusion = 'middle': choose early or late"),
        (Net(fusion="late"), Data(inputs=("rgb", "depth")), "name it three times"),
        (Net(), Data(inputs=("rgb", "hha")), "have 6 channels"),
        (Net(fusion="early"), Data(), "looks at 3 already"),
        (Net(heads=("semantics",)), Data(), "did you mean 'semantic'"),
        (Net(), Data(inputs=("hah",)), "there is no 'hah': did you mean 'hha'"),
        (Net(start=("a", "b")), Data(), "are what late fusion starts from"),
    ],
)
def test_a_recipe_that_does_not_fit_is_answered_in_words(net, data, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        run_recipe(Recipe(net, data), tmp_path, "cpu", progress=False)


def test_a_start_from_another_net_is_named(siftflow, coarse, tmp_path):
    changes = [*PRACTICAL, f"net.start={coarse[0]}", 'net.heads=["geometric"]']
    with pytest.raises(ValueError, match="is not the net that this recipe goes on from"):
        run("siftflow_fcn16s_gpu", siftflow, tmp_path / "16s", *changes)
