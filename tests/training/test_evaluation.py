"""The promises of evaluation.py: one pass, the four metrics, bands along boundaries, the best and the worst."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.figures.learning import band_curves, class_bars, learning_curves, rows_of_pictures
from course_utils.metrics.semantic import BANDS, boundary_distance, confusion_matrix, scores
from course_utils.training.evaluation import evaluate
from course_utils.training.progress import History

CLASSES = ["background", "cat", "dog"]


class Pictures:
    """Pictures of two sizes whose first channel is the truth, and whose second one is what a net should say."""

    classes = CLASSES
    items = ("a", "b", "c", "d", "void")

    def __init__(self, wrong=(0.0, 0.3, 0.1, 0.9, 0.0)):
        self.wrong = wrong
        self.passes = 0

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        self.passes += 1
        generator = torch.Generator().manual_seed(index)
        size = (20, 30) if index < 3 else (25, 15)
        mask = torch.zeros(size, dtype=torch.int64)
        mask[4:12, 5:14], mask[10:18, 2:9] = 1, 2
        spoilt = torch.rand(size, generator=generator) < self.wrong[index]
        said = torch.where(spoilt, (mask + 1) % 3, mask)
        mask[0] = 255
        if index == 4:
            mask[:] = 255
        return torch.stack([mask, said, said]).to(torch.uint8), mask


class Says(nn.Module):
    """Says what the second channel holds."""

    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.9)

    def forward(self, images):
        return self.drop(nn.functional.one_hot(images[:, 1].long(), 3).movedim(-1, 1).float())


prepare = partial(torch.Tensor.to, dtype=torch.float32)


def run(dataset=None, **options):
    return evaluate(Says(), dataset or Pictures(), prepare=prepare, device="cpu", progress=False, **options)


def test_the_four_metrics_are_counted_over_all_pictures_at_once():
    found = run()
    pairs = [Pictures()[index] for index in range(5)]
    truth, said = (
        torch.cat([part.flatten() for part in parts]) for parts in ([m for _, m in pairs], [i[1] for i, _ in pairs])
    )
    expected = confusion_matrix(truth, said, 3)
    assert torch.equal(found.matrix, expected)
    assert found.scores.mean_iu == scores(expected).mean_iu
    assert found.scores.mean_iu != pytest.approx(np.nanmean(found.per_image), abs=0.01)


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_the_batch_changes_nothing_and_each_picture_is_read_once(batch):
    dataset = Pictures()
    found, other = run(dataset, batch=batch, bands=BANDS), run(batch=3, bands=BANDS)
    assert dataset.passes == 5
    assert torch.equal(found.matrix, other.matrix)
    assert found.per_image[:4] == other.per_image[:4]
    assert all(torch.equal(found.bands[n], other.bands[n]) for n in BANDS)


def test_the_best_and_the_worst_pictures_are_found_and_void_is_neither():
    found = run()
    assert found.best() == [0, 2, 1]
    assert found.worst(2) == [3, 1]
    assert math.isnan(found.per_image[4])
    assert len(found.worst(10)) == 4
    assert [found.items[index] for index in found.worst(1)] == ["d"]


def test_bands_are_those_of_a_loop_over_pixels():
    found = run(bands=(1, 2, 5))
    for width, matrix in found.bands.items():
        expected = torch.zeros(3, 3, dtype=torch.int64)
        for index in range(5):
            image, mask = Pictures()[index]
            near = torch.from_numpy(boundary_distance(mask) <= width)
            expected += confusion_matrix(mask.masked_fill(~near, 255), image[1].long(), 3)
        assert torch.equal(matrix, expected)


def test_the_widest_band_holds_all_pixels_of_small_pictures():
    found = run(bands=BANDS)
    assert list(found.bands) == list(range(1, 41))
    assert torch.equal(found.bands[40], found.matrix)
    assert found.band_mean_iu()[40] == found.scores.mean_iu


def test_the_distance_to_a_boundary_is_one_for_pixels_that_touch_it():
    mask = torch.zeros(3, 8, dtype=torch.int64)
    mask[:, 4:] = 1
    assert boundary_distance(mask).tolist() == [[4, 3, 2, 1, 1, 2, 3, 4]] * 3
    assert np.isinf(boundary_distance(torch.zeros(3, 3))).all()


def test_a_net_that_errs_only_along_boundaries_gets_better_with_the_width():
    class Blurred(Pictures):
        def __getitem__(self, index):
            image, mask = super().__getitem__(index)
            near = torch.from_numpy(boundary_distance(mask) <= 1)
            image[1][near] = 0
            return image, mask

    curve = list(run(Blurred((0,) * 5), bands=(1, 2, 4, 8, 16)).band_mean_iu().values())
    assert curve == sorted(curve)
    assert curve[0] < 0.3 < 0.6 < curve[-1]


def test_the_table_names_each_class_best_first():
    lines = run().table().splitlines()
    assert lines[0].split() == ["class", "IU", "Dice", "accuracy", "pixels"]
    assert {line.split()[0] for line in lines[1:]} == set(CLASSES)
    iu = [float(line.split()[1]) for line in lines[1:]]
    assert iu == sorted(iu, reverse=True)
    absent = evaluate(Says(), Pictures(), prepare=prepare, device="cpu", progress=False).table()
    assert "nan" not in absent


def test_a_class_that_nobody_saw_is_a_dash():
    class WithoutDogs(Pictures):
        def __getitem__(self, index):
            image, mask = super().__getitem__(index)
            return image.clamp(max=1), mask.masked_fill(mask == 2, 1)

    assert run(WithoutDogs((0,) * 5)).table().splitlines()[-1].split() == ["dog", "-", "-", "-", "0.0", "%"]


def test_the_net_is_scored_in_eval_mode_and_left_as_it_was():
    net = Says().train()
    found = evaluate(net, Pictures((0,) * 5), prepare=prepare, device="cpu", progress=False)
    assert found.scores.mean_iu == 1
    assert net.training


def test_logits_of_another_size_are_refused_in_words():
    with pytest.raises(
        ValueError, match=r"the net gave scores \(3, 3, 10, 15\); these masks and classes need \(3, 3, 20"
    ):
        evaluate(lambda x: torch.zeros(len(x), 3, 10, 15), Pictures(), prepare=prepare, device="cpu", progress=False)


def test_what_is_printed_stays_short_however_much_there_is():
    many = replace(run(bands=BANDS), per_image=[0.5] * 600, items=[f"{number:012d}" for number in range(600)])
    assert repr(many).startswith("600 pictures, 3 classes, mean IU ") and len(repr(many)) < 60
    assert repr(History([0.5] * 20_000, [{"epoch": 1}] * 40, 12.0)) == "20,000 steps, 40 epochs, 12 s"


def test_figures_come_out_with_their_titles():
    found = run(bands=BANDS)
    history = History([1.0, 0.5, 0.4, 0.3], [{"epoch": 1, "steps": 4, "loss": 0.55, "mean_iu": 0.4}])
    samples = [Pictures()[index] for index in (0, 3)]
    said = [image[1].long() for image, _ in samples]
    figures = [
        band_curves({"ours": found, "three seeds": [found, run(Pictures((0.2,) * 5), bands=BANDS)]}, "a finding"),
        class_bars({"ours": found}, "a finding"),
        rows_of_pictures(samples, {"ours": said, "theirs": said}, CLASSES, "a finding"),
        rows_of_pictures(samples, {"ours": said}, CLASSES, "a finding", mistakes=True),
        learning_curves({"": history}, "a finding"),
    ]
    assert all(figure.get_suptitle() == "a finding" for figure in figures)
    with pytest.raises(ValueError, match="'ours' has no bands"):
        band_curves({"ours": run()}, "a finding")
