import pytest
import torch

from course_utils.data.dataset import load
from course_utils.data.stickers.scenes import scene
from course_utils.models.boxes import box_iou, nms
from course_utils.widgets import anchors_matched, shifted_boxes, suppressions
from tests.widgets.speed import LIMIT, seconds_to_answer


@pytest.fixture(scope="module")
def picture():
    made = scene(0, 3)
    return torch.from_numpy(made.image.copy()), torch.from_numpy(made.instances == 1)


def test_a_box_that_is_an_anchor_has_one_with_an_iu_of_1(picture):
    data = anchors_matched.compute(picture[0], x=84, y=76, width=64, height=64, positive=0.7)
    assert data.iou.max() == pytest.approx(1)
    assert data.belongs.sum() == (box_iou(data.anchors, data.box[None])[:, 0] >= 0.7).sum() > 1


def test_a_flat_box_gets_no_anchor_and_the_explorer_says_so(picture):
    explorer = anchors_matched.anchor_matching(picture[0])
    explorer.set(width=100, height=16)
    assert not explorer.data.belongs.any()
    assert "No anchor" in anchors_matched.heading(explorer.data)
    assert "0 belong to it" in explorer.picture.words


def test_a_click_puts_the_box_there_and_arrows_move_it_by_a_pixel(picture):
    explorer = anchors_matched.anchor_matching(picture[0])
    explorer.answer(None, {"kind": "point", "x": 0.1, "y": 0.5}, None)
    x, y = explorer.values["x"], explorer.values["y"]
    assert x == pytest.approx(0.1 * 880 / anchors_matched.SIDE * 160, abs=1)
    explorer.answer(None, {"kind": "walk", "across": 1, "down": -1}, None)
    assert (explorer.values["x"], explorer.values["y"]) == (x + 1, y - 1)
    assert anchors_matched.place_at(explorer.data, 600, 200) == {}


def test_roi_pool_reads_whole_cells_and_roi_align_the_box(picture):
    box = torch.tensor([35.0, 40.0, 99.0, 104.0])
    data = shifted_boxes.compute(*picture, box, shift=2.5, stride=16)
    assert data.frames["RoIAlign"].tolist() == [37.5, 40.0, 101.5, 104.0]
    assert (data.frames["RoIPool"] % 16 == 0).all()
    still = shifted_boxes.compute(*picture, box, shift=2.4, stride=16)
    assert torch.equal(still.crops["RoIPool"], data.crops["RoIPool"])
    assert not torch.equal(still.crops["RoIAlign"], data.crops["RoIAlign"])


def test_a_mask_without_a_pixel_is_refused(picture):
    with pytest.raises(ValueError, match="no pixel"):
        shifted_boxes.roi_shift(picture[0], torch.zeros(160, 160, dtype=torch.bool))


def test_what_is_lost_and_what_is_twice_is_counted_by_nucleus():
    of = torch.tensor([0, 1, 1, 1, 3])
    assert suppressions.judge(torch.arange(5), of, count=4) == (1, 2)


def test_a_low_threshold_loses_neighbours_and_a_high_one_keeps_all():
    boxes = torch.tensor([[0.0, 0.0, 20.0, 20.0], [8.0, 8.0, 28.0, 28.0], [60.0, 60.0, 80.0, 80.0]])
    image = torch.zeros(3, 96, 96, dtype=torch.uint8)
    low, high = (suppressions.compute(image, boxes, at, copies=4) for at in (0.1, 0.95))
    lost = [suppressions.judge(each.stays, each.of, 3)[0] for each in (low, high)]
    assert lost == [1, 0]
    scores = suppressions.guessed(boxes, 4)[1]
    assert torch.equal(low.stays, nms(low.guesses, scores, 0.1))


def test_each_answers_in_time_and_says_other_words(picture):
    crowd = load("rods", "val").sample(0)
    cases = (
        (anchors_matched.anchor_matching(picture[0]), {"x": (30, 90), "width": (20, 70), "positive": (0.5, 0.8)}),
        (shifted_boxes.roi_shift(*picture), {"shift": (1.0, 7.7), "stride": (8, 32)}),
        (suppressions.nms_threshold(crowd.image, crowd.instances), {"at": (0.2, 0.7), "copies": (3, 12)}),
    )
    for explorer, changes in cases:
        before = explorer.picture.words
        assert seconds_to_answer(explorer, **changes) < LIMIT, explorer.name
        assert explorer.picture.words != before
