"""What lecture 08 prints beside the paper, and the shapes of cells that it measures."""

import json

import pytest
import torch

from course_utils.course import results as few_images
from course_utils.course.results import beside_the_paper, long_trainings
from course_utils.inference.cells import shape_of_cells
from course_utils.training.processes import Run

EM = {"rand_after_thinning": 0.97, "warping_error": 0.001, "pixel_error": 0.08}
NUCLEI = {"ap_50": 0.86, "ap_75": 0.7, "ap_90": 0.3, "panoptic_quality": 0.8}


def kept(scores):
    return {"scores, mean of eight views": scores, "pictures": 6}


def test_a_square_is_solid_and_a_corner_is_not():
    cells = torch.zeros(20, 20, dtype=torch.int64)
    cells[2:6, 2:6] = 1
    assert shape_of_cells(cells) == (1.0, 16.0)
    cells[10:18, 10:12] = 2
    cells[16:18, 10:18] = 2
    cells[2:6, 2:6] = 0
    assert shape_of_cells(cells)[0] < 0.8
    with pytest.raises(ValueError, match="whole"):
        shape_of_cells(torch.ones(4, 4, dtype=torch.int64))


def test_the_table_holds_the_papers_numbers_and_what_is_there_of_ours():
    text = beside_the_paper({"isbi2012": kept(EM), "dsb2018": kept(NUCLEI)})
    lines = {row[:36].strip(): row[36:].split() for row in text.splitlines()}
    assert lines["this course, 6 slices held out"] == ["0.001000", "0.0300", "0.0800"]
    assert lines["human"] == ["0.000005", "0.0021", "0.0010"]
    assert lines["u-net"] == ["0.9203", "0.7756"]
    assert lines["this course, 6 test pictures"] == ["0.860", "0.700", "0.300", "0.800"]
    assert "this course" not in beside_the_paper({})


def test_kept_results_are_read_and_missing_ones_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(few_images, "ROOT", tmp_path)
    folder = tmp_path / "results" / "isbi2012_cpu"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(kept(EM)))
    (folder / "curves.csv").write_text("steps,loss,rand_after_thinning\n10,0.5,0.2\n20,0.4,0.6\n")
    quick = Run("quick", torch.device("cpu"), 0)
    found = long_trainings(quick, ["isbi2012", "dsb2018"])
    assert list(found) == ["isbi2012"]
    assert "dsb2018: no result is kept" in capsys.readouterr().out
    assert [epoch["rand_after_thinning"] for epoch in found["isbi2012"]["curves"]] == [0.2, 0.6]
