"""COCO's AP by hand equals pycocotools' to 1e-6: crowds, empty pictures, no truth, no detections; and it is the other AP."""

import contextlib
import io

import numpy as np
import pytest
import torch
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from course_utils.metrics.instances import coco_ap, score_instances


def random_picture(random, classes=3, most=8, crowds=0.2, size=(150, 170), scores=None):
    """Some blobs, and detections of them: near ones, far ones, some twice, some of another class."""
    height, width = size

    def blobs(count):
        y, x = np.mgrid[:height, :width]
        centres, radii = random.uniform(0, 1, (count, 2)) * size, random.uniform(2, 95, (count, 2))
        return (((y - centres[:, 0, None, None]) / radii[:, 0, None, None]) ** 2) + (
            ((x - centres[:, 1, None, None]) / radii[:, 1, None, None]) ** 2
        ) < 1

    count, extra = random.integers(0, most + 1, 2)
    masks = blobs(count)
    masks = masks[masks.any(axis=(1, 2))] if count else masks
    count = len(masks)
    labels = random.integers(1, classes + 1, count)
    again = random.integers(0, count, 2 * count) if count else np.zeros(0, int)
    shifts = random.integers(-6, 7, (len(again), 2))
    near = np.array([np.roll(masks[i], shift, (0, 1)) for i, shift in zip(again, shifts, strict=True)], dtype=bool)
    found = np.concatenate([near.reshape(-1, height, width), blobs(extra).reshape(-1, height, width)])
    named = np.concatenate([labels[again], random.integers(1, classes + 1, extra)])
    surely = random.uniform(0, 1, len(found)).round(1)  # many are equal
    truth = {
        "boxes": boxes_of(masks),
        "labels": torch.from_numpy(labels),
        "masks": torch.from_numpy(masks).to(torch.uint8),
        "iscrowd": torch.from_numpy((random.uniform(size=count) < crowds).astype(np.int64)),
    }
    seen = {
        "boxes": boxes_of(found) + torch.from_numpy(random.uniform(0, 1.5, (len(found), 4))),
        "labels": torch.from_numpy(named),
        "masks": torch.from_numpy(found),
        "scores": torch.from_numpy(surely),
    }
    return truth, seen


def boxes_of(masks):
    boxes = torch.zeros(len(masks), 4, dtype=torch.float64)
    for box, mask in zip(boxes, masks, strict=True):
        rows, columns = np.where(mask.any(axis=1))[0], np.where(mask.any(axis=0))[0]
        if len(rows):
            box[:] = torch.tensor([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    return boxes


def index_of(things, sizes, categories):
    """pycocotools' index of things, as annotations."""
    index = COCO()
    notes = []
    for picture, each in enumerate(things, start=1):
        for place, label in enumerate(each["labels"].tolist()):
            mask = np.asfortranarray(each["masks"][place].numpy().astype(np.uint8))
            x1, y1, x2, y2 = each["boxes"][place].tolist()
            note = {"image_id": picture, "category_id": label, "id": len(notes) + 1, "segmentation": rle.encode(mask)}
            note |= {"bbox": [x1, y1, x2 - x1, y2 - y1]}
            note |= {"iscrowd": int(each["iscrowd"][place]) if "iscrowd" in each else 0}
            note |= {"score": float(each["scores"][place])} if "scores" in each else {}
            notes.append(note | {"mask_area": float(mask.sum())})
    index.dataset = {
        "images": [{"id": i, "height": h, "width": w} for i, (h, w) in enumerate(sizes, start=1)],
        "annotations": notes,
        "categories": [{"id": label, "name": str(label)} for label in categories],
    }
    return index


def theirs(pairs, kind, categories=(1, 2, 3)):
    sizes = [tuple(truth["masks"].shape[1:]) for truth, _ in pairs]
    true = index_of([truth for truth, _ in pairs], sizes, categories)
    found = index_of([seen for _, seen in pairs], sizes, categories)
    for note in true.dataset["annotations"]:
        note["area"] = note["mask_area"]
    for note in found.dataset["annotations"]:  # what COCO.loadRes takes for the area
        note["area"] = note["mask_area"] if kind == "masks" else note["bbox"][2] * note["bbox"][3]
    with contextlib.redirect_stdout(io.StringIO()):
        true.createIndex()
        found.createIndex()
        judge = COCOeval(true, found, "segm" if kind == "masks" else "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge


def assert_same(pairs, kind):
    judge, ours = theirs(pairs, kind), coco_ap(pairs, kind)
    numbers = (ours.ap, ours.ap50, ours.ap75, ours.small, ours.medium, ours.large)
    np.testing.assert_allclose(np.nan_to_num(numbers, nan=-1), judge.stats[:6], atol=1e-6)
    precision = judge.eval["precision"][..., 0, -1]
    known = [label for label in (1, 2, 3) if (precision[..., label - 1] > -1).all()]
    assert ours.classes == known
    np.testing.assert_allclose(ours.precision, precision[..., [label - 1 for label in known]], atol=1e-6)
    return ours


@pytest.mark.parametrize("kind", ["masks", "boxes"])
@pytest.mark.parametrize("seed", range(6))
def test_on_random_detections_with_crowds_it_is_pycocotools(kind, seed):
    random = np.random.default_rng(seed)
    ours = assert_same([random_picture(random) for _ in range(12)], kind)
    assert 0.02 < ours.ap < 0.9 and not np.isnan([ours.small, ours.medium, ours.large]).any()


@pytest.mark.parametrize("kind", ["masks", "boxes"])
def test_more_than_a_hundred_detections_in_a_picture(kind):
    random = np.random.default_rng(7)
    pairs = [random_picture(random, classes=1, most=70, size=(60, 80)) for _ in range(3)]
    assert max(len(seen["labels"]) for _, seen in pairs) > 100
    assert_same(pairs, kind)


def cut(things, keep):
    return {key: values[:keep] for key, values in things.items()}


@pytest.mark.parametrize("kind", ["masks", "boxes"])
def test_empty_pictures_no_truth_and_no_detections(kind):
    random = np.random.default_rng(3)
    pairs = [random_picture(random) for _ in range(4)]
    assert_same([(cut(truth, 0), cut(seen, 0)) for truth, seen in pairs[:1]] + pairs, kind)
    assert_same([(cut(pairs[0][0], 0), pairs[0][1]), *pairs[1:]], kind)
    assert_same([(pairs[0][0], cut(pairs[0][1], 0)), *pairs[1:]], kind)
    nothing_found = assert_same([(truth, cut(seen, 0)) for truth, seen in pairs], kind)
    assert nothing_found.ap == 0
    nothing_there = assert_same([(cut(truth, 0), seen) for truth, seen in pairs], kind)
    assert np.isnan(nothing_there.ap) and nothing_there.classes == []
    assert np.isnan(coco_ap([], kind).ap)


@pytest.mark.parametrize("kind", ["masks", "boxes"])
def test_a_picture_of_crowds_alone(kind):
    truth, seen = random_picture(np.random.default_rng(5), crowds=1.0)
    assert len(truth["labels"])
    assert np.isnan(assert_same([(truth, seen)], kind).ap)


def test_a_perfect_answer_is_1_and_a_late_false_alarm_costs_one_of_the_two_numbers_alone():
    labels = torch.zeros(40, 60, dtype=torch.int64)
    labels[2:12, 2:22], labels[20:38, 5:25], labels[10:30, 35:55] = 1, 2, 3
    alarm = torch.zeros_like(labels)
    alarm[0:2, 40:50] = 1
    masks = torch.stack([labels == number for number in (1, 2, 3)])
    truth = {"masks": masks, "labels": torch.ones(3, dtype=torch.int64)}
    found = truth | {"scores": torch.tensor([0.9, 0.8, 0.7])}
    more = {
        "masks": torch.cat([masks, alarm[None] > 0]),
        "labels": torch.ones(4, dtype=torch.int64),
        "scores": torch.tensor([0.9, 0.8, 0.7, 0.01]),
    }
    assert coco_ap([(truth, found)]).ap == coco_ap([(truth, more)]).ap == 1
    assert score_instances([(labels, labels)]).matched_share[0.5] == 1
    assert score_instances([(labels, labels + 4 * alarm)]).matched_share[0.5] == pytest.approx(3 / 4)
    first = more | {"scores": torch.tensor([0.9, 0.8, 0.7, 0.99])}
    assert coco_ap([(truth, first)]).ap == pytest.approx(0.75)


def test_bad_input_is_refused_in_words():
    truth, seen = random_picture(np.random.default_rng(0))
    for pair, kind, said in (
        ((truth, seen), "mask", "kind='mask'"),
        ((truth, {key: seen[key] for key in ("masks", "labels")}), "masks", "without a score for each"),
        (
            (truth, {key: seen[key] for key in ("boxes", "labels", "scores")}),
            "masks",
            "'masks' and 'labels' are needed",
        ),
        ((truth, seen | {"labels": seen["labels"][:1]}), "masks", "but 1 labels"),
        ((truth, seen | {"masks": seen["masks"][:, :50]}), "masks", "masks of 50x170 were found"),
    ):
        with pytest.raises(ValueError, match=said):
            coco_ap([pair], kind)
