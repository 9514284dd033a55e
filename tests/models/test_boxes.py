"""Boxes agree with torchvision's to 1e-5, the odd ones included, and bad ones are refused in words."""

import pytest
import torch
import torchvision.ops as theirs
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.models.detection import _utils
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList

from course_utils.models.boxes import (
    BACKGROUND,
    IGNORED,
    Anchors,
    batched_nms,
    box_area,
    box_iou,
    clip_boxes,
    decode_boxes,
    encode_boxes,
    jitter_boxes,
    match_boxes,
    nms,
    sample_matches,
)

CLOSE = {"rtol": 1e-5, "atol": 1e-5}
# no width, no height, neither, outside the picture on each side, one pixel, all of it, the same again
ODD = torch.tensor(
    [
        [10, 10, 10, 30],
        [10, 10, 30, 10],
        [5, 5, 5, 5],
        [-50, -50, -20, -20],
        [200, 20, 240, 60],
        [7, 7, 8, 8],
        [0, 0, 100, 100],
        [0, 0, 100, 100],
    ],
    dtype=torch.float32,
)


def random_boxes(count, seed, size=100.0):
    random = torch.Generator().manual_seed(seed)
    starts, sides = torch.rand(2, count, 2, generator=random)
    return torch.cat([starts * size, (starts + sides * 0.5) * size + 1], dim=1)


@pytest.mark.parametrize("seed", range(3))
def test_areas_and_iu_are_torchvisions(seed):
    boxes, others = torch.cat([random_boxes(60, seed), ODD]), torch.cat([random_boxes(40, seed + 10), ODD])
    torch.testing.assert_close(box_area(boxes), theirs.box_area(boxes), **CLOSE)
    # two boxes without area: 0 / 0 there, nothing in common here
    torch.testing.assert_close(box_iou(boxes, others), theirs.box_iou(boxes, others).nan_to_num(0), **CLOSE)


def test_half_precision_is_computed_in_single():
    boxes = torch.cat([random_boxes(60, 3), ODD]).half()
    scores = torch.rand(len(boxes)).half()
    torch.testing.assert_close(
        box_iou(boxes, boxes), theirs.box_iou(boxes.float(), boxes.float()).nan_to_num(0), **CLOSE
    )
    assert torch.equal(nms(boxes, scores, 0.4), theirs.nms(boxes.float(), scores.float(), 0.4))
    deltas = torch.randn(len(boxes), 4).half()
    coder = _utils.BoxCoder((1, 1, 1, 1))
    torch.testing.assert_close(decode_boxes(deltas, boxes), coder.decode_single(deltas.float(), boxes.float()), **CLOSE)
    real = random_boxes(60, 3).half()
    torch.testing.assert_close(
        encode_boxes(real, real.flip(0)), coder.encode_single(real.float(), real.flip(0).float()), **CLOSE
    )


@pytest.mark.parametrize("weights", [(1, 1, 1, 1), (10, 10, 5, 5)])
def test_deltas_are_torchvisions_both_ways(weights):
    boxes, references = random_boxes(80, 0), random_boxes(80, 1)
    boxes[0], references[1] = torch.tensor([7.0, 7, 8, 8]), torch.tensor([-60.0, 120, -59, 190])
    coder = _utils.BoxCoder(weights)
    deltas = encode_boxes(boxes, references, weights)
    torch.testing.assert_close(deltas, coder.encode_single(boxes, references), **CLOSE)
    torch.testing.assert_close(decode_boxes(deltas, references, weights), boxes, rtol=1e-4, atol=1e-4)
    wild = 3 * torch.randn(len(ODD), 4)  # beyond the largest growth, too
    wild[0, 2:] = 50
    torch.testing.assert_close(decode_boxes(wild, ODD, weights), coder.decode_single(wild, ODD), **CLOSE)


def test_deltas_in_plain_numbers():
    """The reference is 20 wide and 10 high; the box half of its width to the right, and twice as high."""
    deltas = encode_boxes(torch.tensor([[10.0, -5, 30, 15]]), torch.tensor([[0.0, 0, 20, 10]]))
    torch.testing.assert_close(
        deltas, torch.tensor([[0.5, 0.0, 0.0, 2.0]]).where(torch.arange(4) < 3, torch.tensor(2.0).log())
    )


def test_clipping_is_torchvisions_and_leaves_the_boxes_as_they_were():
    boxes = torch.cat([random_boxes(30, 0, size=200) - 50, ODD])
    before = boxes.clone()
    assert torch.equal(clip_boxes(boxes, (80, 120)), theirs.clip_boxes_to_image(boxes, (80, 120)))
    assert torch.equal(boxes, before)
    assert torch.equal(box_area(clip_boxes(ODD[3:5], (80, 120))), torch.zeros(2))


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_suppression_is_torchvisions(threshold, seed):
    random = torch.Generator().manual_seed(seed)
    boxes = torch.cat([random_boxes(400, seed, size=60), ODD, ODD])
    scores = (torch.rand(len(boxes), generator=random) * 50).round() / 50  # many are equal
    groups = torch.randint(5, (len(boxes),), generator=random)
    assert torch.equal(nms(boxes, scores, threshold), theirs.nms(boxes, scores, threshold))
    ranked = scores + torch.rand(len(boxes), generator=random) * 1e-3
    assert torch.equal(
        batched_nms(boxes, ranked, groups, threshold), theirs.batched_nms(boxes, ranked, groups, threshold)
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 12)] * 4, st.integers(0, 9)), max_size=24), st.sampled_from([0.1, 0.5, 0.9]))
def test_asking_all_at_once_is_greedy_suppression(drawn, threshold):
    boxes = torch.tensor([(x, y, x + w, y + h) for x, y, w, h, _ in drawn], dtype=torch.float32).view(-1, 4)
    scores = torch.tensor([each[-1] for each in drawn], dtype=torch.float32)
    stays = []
    for number in scores.argsort(descending=True, stable=True).tolist():
        if all(box_iou(boxes[number : number + 1], boxes[[other]]) <= threshold for other in stays):
            stays.append(number)
    assert nms(boxes, scores, threshold).tolist() == stays


def test_suppression_stays_within_a_group():
    boxes, scores = ODD[6:], torch.tensor([0.5, 0.9])
    assert nms(boxes, scores, 0.5).tolist() == [1]
    assert batched_nms(boxes, scores, torch.tensor([3, 7]), 0.5).tolist() == [1, 0]
    assert batched_nms(boxes[:0], scores[:0], torch.tensor([], dtype=torch.int64), 0.5).tolist() == []


def test_anchors_are_torchvisions():
    sizes, strides = [(32,), (64,), (128,)], (8, 16, 32)
    maps = [torch.zeros(1, 1, 96 // stride, 160 // stride) for stride in strides]
    generator = AnchorGenerator(tuple(sizes), ((0.5, 1.0, 2.0),) * 3)
    (expected,) = generator(ImageList(torch.zeros(1, 3, 96, 160), [(96, 160)]), maps)
    ours = Anchors(sizes, strides, offset=0, rounded=True)(maps)
    torch.testing.assert_close(torch.cat(ours), expected, **CLOSE)
    several = AnchorGenerator(((16, 32, 64),), ((0.5, 1.0, 2.0),))
    (expected,) = several(ImageList(torch.zeros(1, 3, 96, 160), [(96, 160)]), maps[:1])
    torch.testing.assert_close(Anchors([(16, 32, 64)], [8], offset=0, rounded=True)(maps[:1])[0], expected, **CLOSE)


def test_an_anchor_has_the_area_of_its_size_squared_and_a_ratio_of_height_to_width():
    anchors = Anchors([(16, 32)], [8], ratios=(0.5, 1, 3))
    (found,) = anchors([torch.zeros(1, 1, 2, 3)])
    at_cells = found.view(2, 3, anchors.at_each, 4)
    sides = at_cells[..., 2:] - at_cells[..., :2]
    torch.testing.assert_close(sides.prod(dim=-1), torch.tensor([256.0, 1024] * 3).expand(2, 3, 6), **CLOSE)
    ratios = torch.tensor([0.5, 0.5, 1, 1, 3, 3])
    torch.testing.assert_close(sides[..., 1] / sides[..., 0], ratios.expand(2, 3, 6), **CLOSE)
    centres = (at_cells[..., :2] + sides / 2)[1, 2]  # second row, third column
    torch.testing.assert_close(centres, torch.tensor([20.0, 12.0]).expand(6, 2), **CLOSE)


@pytest.mark.parametrize("keep_best", [False, True])
def test_matching_is_torchvisions(keep_best):
    iou = box_iou(random_boxes(300, 0), random_boxes(7, 1))
    matcher = _utils.Matcher(0.5, 0.3, allow_low_quality_matches=keep_best)
    assert torch.equal(match_boxes(iou, 0.5, 0.3, keep_best), matcher(iou.T.contiguous()))


def test_matching_in_plain_numbers():
    iou = torch.tensor([[0.9, 0.1, 0.0], [0.4, 0.2, 0.0], [0.1, 0.0, 0.0]])
    assert match_boxes(iou, 0.5, 0.3).tolist() == [0, IGNORED, BACKGROUND]
    assert match_boxes(iou, 0.5).tolist() == [0, BACKGROUND, BACKGROUND]
    # the second thing's best box, 0.2, is kept for what it itself overlaps most; nobody touches the third thing
    assert match_boxes(iou, 0.5, 0.3, keep_best=True).tolist() == [0, 0, BACKGROUND]
    assert match_boxes(iou[:, :0], 0.5).tolist() == [BACKGROUND] * 3


def test_sampling_keeps_its_share_and_its_seed():
    matched = torch.cat([torch.arange(40), torch.full((200,), BACKGROUND), torch.full((50,), IGNORED)])

    def draw(seed, count=32):
        return sample_matches(matched, count, 0.25, torch.Generator().manual_seed(seed))

    positives, negatives = draw(0)
    assert (len(positives), len(negatives)) == (8, 24)
    assert (matched[positives] >= 0).all() and (matched[negatives] == BACKGROUND).all()
    assert all(torch.equal(a, b) for a, b in zip(draw(0), draw(0), strict=True))
    assert not torch.equal(draw(0)[0], draw(1)[0])
    few = sample_matches(matched[38:], 32, 0.25)
    assert (len(few[0]), len(few[1])) == (2, 30)


def test_jittered_boxes_stay_near():
    boxes = random_boxes(20, 0) + torch.tensor([0, 0, 20, 20])
    copies = jitter_boxes(boxes, 5, generator=torch.Generator().manual_seed(0))
    assert copies.shape == (100, 4)
    near = box_iou(copies, boxes)[torch.arange(100), torch.arange(20).repeat(5)]
    assert near.min() > 0.2 and 0.7 < near.mean() < 0.95
    assert jitter_boxes(boxes[:0], 5).shape == (0, 4)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: decode_boxes(torch.tensor([[0, 0, 0, float("nan")]]), ODD[5:6]), "1 of 4 deltas are NaN or infinite"),
        (lambda: encode_boxes(ODD[:1], ODD[5:6]), r"box 0 reaches from \(10, 10\) to \(10, 30\)"),
        (lambda: encode_boxes(ODD[5:7], ODD[[5, 2]]), "reference 1 reaches"),
        (lambda: Anchors([16, 32], [8, 16]), "one list of sizes"),
        (lambda: Anchors([(16,), (32,)], [8]), "one list of sizes"),
        (lambda: Anchors([(16,)], [8], ratios=(0, 1)), "larger than 0"),
        (lambda: Anchors([(16,)], [8])([]), "0 maps"),
    ],
)
def test_bad_input_is_refused_in_words(wrong, said):
    with pytest.raises(ValueError, match=said):
        wrong()
