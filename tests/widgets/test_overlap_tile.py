import numpy as np
import pytest
import torch

from course_utils.data.sets.nuclei import nuclei
from course_utils.inference.tiles import at_once
from course_utils.inference.tiles import overlap_tile as tiled
from course_utils.models.unet import UNet, legal_sizes
from course_utils.widgets.overlap_tiles import all_passes, compute, heading, overlap_tile, read_by
from tests.widgets.speed import LIMIT, seconds_to_answer

IMAGE = nuclei()[0][:1, 100:172, 60:156] / 255


def net(padded: bool) -> UNet:
    torch.manual_seed(1)
    return UNet(width=2, depth=3, padded=padded, dropout=0).eval()


@pytest.fixture(scope="module", params=[False, True], ids=["valid", "padded"])
def both(request):
    made = net(request.param)
    return made, all_passes(made, IMAGE, progress=False)


def tile_for(passes, answer: int) -> int:
    """The smallest legal tile that answers so much."""
    return legal_sizes(answer + 2 * passes.border, 4000, passes.depth, passes.padded)[0]


@pytest.mark.parametrize("step", [28, 36, 40])
def test_any_step_gives_what_the_net_gives_tile_by_tile(both, step):
    made, passes = both
    expected = 1 - tiled(made, IMAGE, step, progress=False).softmax(dim=0)[0].numpy()
    found = compute(passes, tile_for(passes, step), step, number=1)
    assert np.allclose(found.foreground, expected, atol=1e-5)


def test_multiples_of_the_stride_have_no_seams_and_others_do(both):
    made, passes = both
    whole = 1 - at_once(made, IMAGE).softmax(dim=0)[0].numpy()
    right, wrong = (compute(passes, tile_for(passes, step), step, 1) for step in (32, 36))
    assert np.allclose(right.foreground, whole, atol=1e-5)
    assert right.changed == 0 and "No seams" in heading(right)
    assert np.nanmax(wrong.difference) > 1e-3 and "Seams" in heading(wrong)


def test_a_step_larger_than_the_answer_leaves_holes(both):
    _, passes = both
    tile = tile_for(passes, 32)
    found = compute(passes, tile, tile - 2 * passes.border + 8, 1)
    assert "Holes" in heading(found)
    height, width = IMAGE.shape[1:]
    answered = [sum(place % found.step < found.answer for place in range(side)) for side in (height, width)]
    assert found.holes == pytest.approx(1 - answered[0] * answered[1] / (height * width))


def test_reads_are_counted_with_the_context():
    assert read_by(10, range(0, 10, 5), tile=9, border=2).tolist() == [1, 1, 1, 2, 2, 2, 2, 1, 1, 1]


def test_work_counts_whole_tiles(both):
    _, passes = both
    found = compute(passes, tile_for(passes, 32), 32, 1)
    assert (len(found.tops), len(found.lefts)) == (3, 3)
    assert found.work == pytest.approx(9 * found.tile**2 / (72 * 96))


def test_sliders_clicks_and_arrows_move_it():
    explorer = overlap_tile(net(padded=False), IMAGE)
    explorer.set(step=36, number=1)
    words = explorer.picture.words
    explorer.controls["step"].value = 40
    assert explorer.picture.words != words and "0.000" in explorer.picture.words
    explorer.answer(None, {"kind": "walk", "across": 1, "down": 1}, None)
    assert explorer.data.number == explorer.controls["number"].value == 1 + 1 + len(explorer.data.lefts)
    explorer.answer(None, {"kind": "point", "x": 0.01, "y": 0.99}, None)  # the mirrored border
    assert explorer.data.number == 5
    explorer.answer(None, {"kind": "point", "x": 0.24, "y": 0.55}, None)  # right end, second row
    assert explorer.data.number == 6


def test_a_step_that_it_cannot_put_together_is_refused(both):
    with pytest.raises(ValueError, match="multiples of 4"):
        compute(both[1], tile_for(both[1], 32), 30, 1)


def test_it_answers_in_time():
    explorer = overlap_tile(net(padded=True), nuclei()[0][:1, :384, :384] / 255)
    assert seconds_to_answer(explorer, step=(96, 100), tile=(200, 240), number=(2, 1)) < LIMIT
