"""`course train` on a U-Net and cells: what it writes, for nuclei and for membranes (lecture 08)."""

import csv
import json

import numpy as np
import pytest
import torch

from course_utils.data.dataset import load
from course_utils.data.transforms import Augment
from course_utils.training.cells import CellCrops, cells_of, em_scores, grey, pictures_of, stretched
from course_utils.training.recipes import Data, read_recipe, run_recipe

RECIPE = """
[net]
form = "unet"
width = 4
depth = 2
[data]
name = "nuclei"
test = "test"
crops = 8
validate_pictures = 1
[augment]
size = [64, 64]
sigma = 3.0
[loss]
weights = [1, 1]
[training]
epochs = 2
batch = 4
"""


def test_a_unet_is_trained_scored_and_kept(tmp_path):
    (tmp_path / "cells.toml").write_text(RECIPE)
    recipe = read_recipe(tmp_path / "cells.toml")
    result = run_recipe(recipe, tmp_path / "out", "cpu", progress=False)
    assert result["steps"] == 4
    written = json.loads((tmp_path / "out" / "result.json").read_text())
    assert set(written["scores"]) >= {"ap_50", "ap_90", "panoptic_quality", "merged"}
    assert written["scores"]["cells"] == len(np.unique(load("nuclei", "test").sample(0).instances)) - 1
    assert written["cpu_seconds"] > 0 and written["recipe"]["loss"]["w0"] == 10
    with open(tmp_path / "out" / "curves.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["steps"] for row in rows] == ["2", "4"]
    assert all(float(row["loss"]) > 0 and 0 <= float(row["ap_50"]) <= 1 for row in rows)


def test_a_size_the_net_cannot_halve_is_refused_with_the_nearest(tmp_path):
    (tmp_path / "cells.toml").write_text(RECIPE.replace("[64, 64]", "[62, 62]"))
    with pytest.raises(ValueError, match="60 or 64"):
        run_recipe(read_recipe(tmp_path / "cells.toml"), tmp_path / "out", "cpu", progress=False)


def test_membranes_that_are_found_score_1():
    truth = torch.zeros(64, 64, dtype=torch.int64)
    truth[:30], truth[34:] = 1, 2
    image = (200 * (truth > 0)).to(torch.uint8).expand(3, -1, -1)

    class Knows(torch.nn.Module):
        stride = 16

        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(9.0))

        def forward(self, images):
            return torch.cat([-self.scale * (images - 0.4), self.scale * (images - 0.4)], dim=1)

    found = em_scores(Knows(), [(image, truth)], Data(), turned=True)
    assert found["rand_after_thinning"] == 1 and found["warping_error"] == 0 and found["pixel_error"] == 0


def test_crops_have_gaps_and_their_own_weights():
    pictures = pictures_of(load("nuclei", "train"))
    crops = CellCrops(pictures, Augment(size=(96, 80), sigma=5.0, legal=0, outside=None), crops=5)
    assert len(crops) == 5
    for image, mask, weights in (crops[index] for index in range(5)):
        assert image.shape == (1, 96, 80) and image.dtype == torch.float32 and image.max() <= 1
        assert mask.shape == weights.shape == (96, 80)
        assert set(mask.unique().tolist()) <= {0, 1}
        assert weights[mask == 1].unique().numel() <= 1
        assert weights[mask == 0].max() > weights[mask == 0].min()


def test_pictures_are_stretched_and_parts_numbered():
    image = torch.arange(100, dtype=torch.uint8).reshape(1, 10, 10).expand(3, -1, -1)
    bright = stretched(image)
    assert bright.min() == 0 and bright.max() == 255
    assert grey(bright).shape == (1, 10, 10)
    assert stretched(torch.full((3, 4, 4), 7, dtype=torch.uint8)).max() == 0
    assert cells_of(torch.tensor([[1, 0, 1], [0, 1, 255]])).tolist() == [[1, 0, 2], [0, 3, 0]]
