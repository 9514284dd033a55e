import numpy as np
import pytest
import torch

from course_utils.data.sets.nuclei import nuclei
from course_utils.data.transforms import elastic_deformation
from course_utils.figures.style import instance_palette
from course_utils.widgets.elastic_grids import bend, bent_lines, elastic, folded_share, heading
from tests.widgets.speed import LIMIT, seconds_to_answer


@pytest.fixture(scope="module")
def cells():
    image, labels = nuclei()
    return image[:, 256:, :256], labels[256:, :256]


def bent(cells, **changed):
    return bend(*cells, instance_palette(cells[1].numpy()), **changed)


def test_it_bends_as_the_training_does(cells):
    image, labels = elastic_deformation(*cells, sigma=10, grid=3, generator=torch.Generator().manual_seed(4))
    found = bent(cells, sigma=10, grid=3, seed=4)
    assert torch.equal(found.image, image)
    assert torch.equal(found.labels, labels)


def test_without_sigma_nothing_moves(cells):
    found = bent(cells, sigma=0)
    assert torch.equal(found.image, cells[0])
    assert torch.equal(found.labels, cells[1])
    assert found.furthest == 0 and found.folded == 0
    assert np.array_equal(found.points, found.sources)
    assert "Nothing moves" in heading(found)


def test_twice_the_sigma_goes_twice_as_far(cells):
    assert bent(cells, sigma=16, seed=1).furthest == pytest.approx(2 * bent(cells, sigma=8, seed=1).furthest, rel=1e-5)


def test_a_finer_grid_folds_at_a_sigma_that_the_papers_grid_bears(cells):
    assert bent(cells, grid=3, sigma=10).folded == 0
    assert bent(cells, grid=10, sigma=10).folded > 0.01


def test_a_picture_that_is_mirrored_is_inside_out_everywhere_and_a_turned_one_nowhere():
    rows, columns = np.mgrid[0:20, 0:30].astype(float)
    assert folded_share(np.stack([rows, 29 - columns])) == 1
    assert folded_share(np.stack([19 - rows, 29 - columns])) == 0


def test_lines_that_are_not_bent_are_straight_and_a_spacing_apart():
    lines = bent_lines(np.mgrid[0:64, 0:64].astype(float), spacing=16)
    assert lines.all(axis=1).nonzero()[0].tolist() == [8, 24, 40, 56]
    assert lines.all(axis=0).nonzero()[0].tolist() == [8, 24, 40, 56]
    assert lines.sum() == 2 * 4 * 64 - 16


def test_sliders_change_the_picture_and_its_words(cells):
    explorer = elastic(*cells)
    for control, value in (("sigma", 31), ("grid", 7), ("seed", 5)):
        file, words = explorer.picture.file, explorer.picture.words
        explorer.controls[control].value = value
        assert explorer.picture.file != file and explorer.picture.words != words


def test_it_answers_in_time(cells):
    assert seconds_to_answer(elastic(*cells), sigma=(20, 40), grid=(3, 9), seed=(1, 2)) < LIMIT
