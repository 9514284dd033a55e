"""Lecture 09's exercises know their mistakes."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from course_utils.exercises.engine import NotYet, check


def iou(plus=0, clamp=True, union=lambda one, other, shared: one + other - shared, empty=0.0, whole=False):
    """A wrong iou_of_boxes: right but for its widths, its clamp, its union, or what it says of nothing."""

    def iou_of_boxes(boxes, others):
        boxes, others = boxes[:, None], others[None]
        if whole:
            boxes, others = boxes // 1, others // 1
        sides = torch.minimum(boxes[..., 2:], others[..., 2:]) - torch.maximum(boxes[..., :2], others[..., :2]) + plus
        shared = (sides.clamp(min=0) if clamp else sides).prod(dim=-1)
        one, other = ((each[..., 2:] - each[..., :2] + plus).prod(dim=-1) for each in (boxes, others))
        whole_area = union(one, other, shared)
        return shared / whole_area if empty is None else torch.where(whole_area > 0, shared / whole_area, empty)

    return iou_of_boxes


def pair_by_pair(boxes, others):
    rows = [
        iou()(boxes[number : number + 1], others[number : number + 1])[0, 0]
        for number in range(min(len(boxes), len(others)))
    ]
    return torch.stack(rows)


def as_x_y_width_height(boxes, others):
    return iou()(*(torch.cat([each[:, :2], each[:, :2] + each[:, 2:]], dim=1) for each in (boxes, others)))


def by_whole_numbers(boxes, others):
    found = iou()(boxes, others)
    return found.long() if boxes.dtype == torch.int64 else found


def writes_into_boxes(boxes, others):
    boxes += 1
    return iou()(boxes, others)


def decode(factor=torch.exp, unit=lambda sides: sides, corner=0.5, order=(0, 1, 2, 3), plus=0, sign=1, centred=False,
           after=False):  # fmt: skip
    """A wrong moved_boxes, by its parts."""

    def moved_boxes(deltas, anchors):
        deltas = deltas[:, list(order)]
        sides = anchors[:, 2:] - anchors[:, :2] + plus
        grown = sides * factor(deltas[:, 2:])
        centres = anchors[:, :2] + (anchors[:, 2:] - anchors[:, :2]) / 2
        centres = centres + sign * deltas[:, :2] * (grown if after else unit(sides))
        if centred:
            return torch.cat([centres, grown], dim=1)
        start = centres - (grown if corner else sides) / 2
        return torch.cat([start, start + grown], dim=1)

    return moved_boxes


def deltas_of_the_first(deltas, anchors):
    return decode()(deltas[:1].expand_as(deltas), anchors)


def align(places=(0.25, 0.75), half=0.5, between=True, swap=False, join=np.mean, divide=True):
    """A wrong align_bin, by its parts."""

    def align_bin(features, box, stride):
        x1, y1, x2, y2 = box
        found = []
        for down in places:
            for across in places:
                x, y = x1 + across * (x2 - x1), y1 + down * (y2 - y1)
                x, y = (x / stride - half, y / stride - half) if divide else (x, y)
                x, y = (y, x) if swap else (x, y)
                found.append(bilinear(features, x, y) if between else features[round(y), round(x)].item())
        return join(found)

    return align_bin


def bilinear(features, x, y):
    column, row = int(x // 1), int(y // 1)
    across, down = x - column, y - row
    upper = (1 - across) * features[row, column] + across * features[row, column + 1]
    lower = (1 - across) * features[row + 1, column] + across * features[row + 1, column + 1]
    return float((1 - down) * upper + down * lower)


def nms(within=True, best_first=True, gone_too=False, at_least=False, sort=True, plus=0):
    """A wrong suppress, by its parts."""

    def suppress(boxes, scores, labels, threshold):
        overlaps = iou(plus=plus)(boxes, boxes)
        order, stays = scores.argsort(descending=best_first, stable=True).tolist(), []
        for place, number in enumerate(order):
            others = order[:place] if gone_too else stays
            rivals = [other for other in others if not within or labels[other] == labels[number]]
            over = [overlaps[number, other] >= threshold - 1e-6 if at_least else overlaps[number, other] > threshold + 1e-6
                    for other in rivals]  # fmt: skip
            if not any(over):
                stays.append(number)
        return stays if sort else sorted(stays)

    return suppress


def as_mask(boxes, scores, labels, threshold):
    return torch.tensor([number in nms()(boxes, scores, labels, threshold) for number in range(len(boxes))])


def as_scores(boxes, scores, labels, threshold):
    return scores[nms()(boxes, scores, labels, threshold)]


def ap(rank=True, best_to_come=True, of_found=False, recalls=101, ends=True, stop=False, descending=True):
    """A wrong average_precision, by its parts."""

    def average_precision(scores, right, things):
        if not len(scores):
            return 0.0
        if rank:
            right = right[scores.argsort(descending=descending, stable=True)]
        hits = right.cumsum(0).double()
        precision = hits / torch.arange(1, len(right) + 1)
        recall = hits / (hits[-1] if of_found else things)
        values = []
        for r in torch.linspace(0, 1, recalls, dtype=torch.float64):
            reached = precision[recall >= r - 1e-9]
            if not len(reached):
                values += [] if stop else [0.0 if ends else precision[-1].item()]
            else:
                values.append((reached.max() if best_to_come else reached[0]).item())
        return float(np.mean(values))

    return average_precision


def mean_at_the_right_ones(scores, right, things):
    right = right[scores.argsort(descending=True)]
    precision = right.cumsum(0) / torch.arange(1, len(right) + 1)
    return precision[right].mean()


def rectangles(scores, right, things):
    right = right[scores.argsort(descending=True)]
    precision = right.cumsum(0) / torch.arange(1, len(right) + 1)
    return precision[right].sum() / things


def paste(mode="bilinear", corners=False, half=0.5, swap=False, rounded=False, squeezed=False, beyond="zeros", at=0.0):
    """A wrong paste, by its parts."""

    def paste_mask(mask, box, size):
        x1, y1, x2, y2 = (float(round(value)) for value in box) if rounded else box
        if squeezed:
            x1, y1, x2, y2 = max(0, x1), max(0, y1), min(size[1], x2), min(size[0], y2)
        x = 2 * (torch.arange(size[1]) + half - x1) / (x2 - x1) - 1 + at
        y = 2 * (torch.arange(size[0]) + half - y1) / (y2 - y1) - 1 + at
        grid = torch.stack([x.expand(size[0], -1), y[:, None].expand(-1, size[1])], dim=-1)[None]
        mask = mask.T if swap else mask
        return functional.grid_sample(mask[None, None], grid, mode, beyond, align_corners=corners)[0, 0]

    return paste_mask


WRONG = {
    "09.iou": {
        "You add 1 to widths": iou(plus=1),
        "minus times minus": iou(clamp=False),
        "sum of both areas": iou(union=lambda one, other, shared: one + other),
        "area of the first box alone": iou(union=lambda one, other, shared: one + 0 * other),
        "in pixels. Divide it": iou(union=lambda one, other, shared: torch.ones_like(shared)),
        "x, y, width, height": as_x_y_width_height,
        "each with each": pair_by_pair,
        "not NaN": iou(empty=None),
        "in whole numbers": by_whole_numbers,
        "changed what it was given": writes_into_boxes,
        "returns None": lambda boxes, others: None,
    },
    "09.decode": {
        "You move in pixels": decode(unit=lambda sides: 1),
        "by the other side": decode(unit=lambda sides: sides.flip(1)),
        "You take y before x": decode(order=(1, 0, 3, 2)),
        "to the left and up": decode(sign=-1),
        "You add the delta to 1": decode(factor=lambda delta: 1 + delta),
        "dw changed the height": decode(order=(0, 1, 3, 2)),
        "to the right alone": decode(corner=0),
        "You move by the new width": decode(after=True),
        "You return centre, width and height": decode(centred=True),
        "You add 1 to width": decode(plus=1),
        "is divided by": decode(factor=lambda delta: (-delta).exp()),
        "of the wrong box": deltas_of_the_first,
        "returns None": lambda deltas, anchors: None,
    },
    "09.bin": {
        "Half a cell off, and": align(half=0),
        "to the other side": align(half=-0.5),
        "something is rounded": align(between=False),
        "You took y for x": align(swap=True),
        "middle of the bin alone": align(places=(0.5,)),
        "four corners": align(places=(0, 1)),
        "1/3 and 2/3": align(places=(1 / 3, 2 / 3)),
        "not its maximum": align(join=max),
        "add the four places up": align(join=sum),
        "outside the map": align(divide=False),
        "returns None": lambda features, box, stride: None,
    },
    "09.nms": {
        "a cat suppresses no dog": nms(within=False),
        "begin with the lowest": nms(best_first=False),
        "who is gone suppresses nobody": nms(gone_too=True),
        "exactly the threshold": nms(at_least=True),
        "in the wrong order": nms(sort=False),
        "True and False": as_mask,
        "You return scores": as_scores,
        "Nobody was suppressed": lambda boxes, scores, labels, threshold: scores.argsort(descending=True),
        "returns None": lambda boxes, scores, labels, threshold: None,
    },
    "09.ap": {
        "rank them by score": ap(rank=False),
        "best that is still to come": ap(best_to_come=False),
        "Divide by all that there are": ap(of_found=True),
        "eleven recalls": ap(recalls=11),
        "carry the last precision": ap(ends=False),
        "stop at the recall": ap(stop=True),
        "worst first": ap(descending=False),
        "mean of the precisions at the right": mean_at_the_right_ones,
        "a rectangle for each": rectangles,
        "the matched share": lambda scores, right, things: right.sum() / (len(right) + things - right.sum()),
        "precision of all detections": lambda scores, right, things: right.float().mean(),
        "returns None": lambda scores, right, things: None,
    },
    "09.paste": {
        "you took the nearest": paste(mode="nearest"),
        "half a pixel off": paste(half=0.0),
        "align_corners": paste(corners=True),
        "x and y are swapped": paste(swap=True),
        "rounded to whole pixels": paste(rounded=True),
        "squeezed": paste(squeezed=True),
        "outside the box": paste(beyond="border"),
        "half a cell is missing": paste(at=0.2),
        "returns None": lambda mask, box, size: None,
    },
}
CASES = [(name, message) for name, wrong in WRONG.items() for message in wrong]


@pytest.mark.parametrize(("name", "message"), CASES)
def test_each_mistake_is_named(name, message):
    with pytest.raises(NotYet, match=message):
        check(name, WRONG[name][message])


def box_by_box(boxes, others):
    """In plain Python, as a list of lists."""
    table = torch.zeros(len(boxes), len(others))
    for row, (a, b, c, d) in enumerate(boxes.tolist()):
        for column, (p, q, r, s) in enumerate(others.tolist()):
            shared = max(0, min(c, r) - max(a, p)) * max(0, min(d, s) - max(b, q))
            union = (c - a) * (d - b) + (r - p) * (s - q) - shared
            table[row, column] = shared / union if union else 0
    return table.numpy()


def in_double(deltas, anchors):
    return decode()(deltas.double(), anchors.double()).numpy()


def by_grid_sample(features, box, stride):
    x1, y1, x2, y2 = box
    height, width = features.shape
    shares = torch.tensor([0.25, 0.75])
    x = 2 * (x1 + shares * (x2 - x1)) / (stride * width) - 1
    y = 2 * (y1 + shares * (y2 - y1)) / (stride * height) - 1
    grid = torch.stack([x.expand(2, 2), y[:, None].expand(2, 2)], dim=-1)[None]
    return functional.grid_sample(features[None, None], grid, align_corners=False).mean()


def by_what_is_left(boxes, scores, labels, threshold):
    left, stays = set(range(len(boxes))), []
    overlaps = box_by_box(boxes, boxes)
    while left:
        best = max(left, key=lambda number: scores[number].item())
        stays.append(best)
        left = {n for n in left if n != best and (labels[n] != labels[best] or overlaps[n, best] <= threshold + 1e-6)}
    return torch.tensor(stays, dtype=torch.int64)


def by_running_maximum(scores, right, things):
    right = right.numpy()[np.argsort(-scores.numpy(), kind="stable")]
    hits = right.cumsum()
    precision = hits / np.arange(1, len(right) + 1)
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0)
    return best[np.searchsorted(hits / things, np.linspace(0, 1, 101))].mean()


def kept_to_the_edge(mask, box, size):
    """The last cells' values go on to the box's edge, where ours fade."""
    found = paste(beyond="border")(mask, box, size)
    x, y = torch.arange(size[1]) + 0.5, torch.arange(size[0])[:, None] + 0.5
    x1, y1, x2, y2 = box
    return found * ((x > x1) & (x < x2) & (y > y1) & (y < y2))


ALSO_RIGHT = {
    "09.iou": [box_by_box, iou()],
    "09.decode": [in_double, decode()],
    "09.bin": [by_grid_sample, align()],
    "09.nms": [by_what_is_left, nms()],
    "09.ap": [by_running_maximum, ap()],
    "09.paste": [kept_to_the_edge, paste()],
}


@pytest.mark.parametrize(("name", "place"), [(name, place) for name, several in ALSO_RIGHT.items() for place in (0, 1)])
def test_another_right_way_passes(name, place):
    check(name, ALSO_RIGHT[name][place])
