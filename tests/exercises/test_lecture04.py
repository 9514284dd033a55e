"""Lecture 04's exercises know their mistakes."""

import re

import pytest
import torch
from torch.nn import functional

from course_utils.exercises.engine import NotYet, check, exercises_of
from course_utils.losses import CrossEntropy
from tests.exercises.solutions import solutions

FUNCTIONS = {
    "04.pixel_loss": "pixel_loss",
    "04.segment": "segment",
    "04.class_weights": "class_weights",
    "04.ceiling": "ceiling",
}


def log_p(scores, mask, dim=1, stand_in=0):
    counts = mask != 255
    picked = scores.log_softmax(dim).gather(1, mask.masked_fill(~counts, stand_in)[:, None])[:, 0]
    return picked, counts


def loss_by(rule, **options):
    """A wrong pixel_loss, by how it sums up log-probabilities (N, H, W)."""
    return lambda scores, mask: rule(*log_p(scores, mask, **options))


def mean(picked, counts):
    return -(picked * counts).sum() / counts.sum().clamp(min=1)


def from_probabilities(scores, mask):
    counts = mask != 255
    e = scores.exp()
    picked = (e / e.sum(1, keepdim=True)).gather(1, mask.masked_fill(~counts, 0)[:, None])[:, 0].log()
    return -(picked * counts).sum() / counts.sum().clamp(min=1)


def raw_scores(scores, mask):
    counts = mask != 255
    picked = scores.gather(1, mask.masked_fill(~counts, 0)[:, None])[:, 0]
    return mean(picked, counts)


def void_as_a_class(scores, mask):
    return -scores.log_softmax(1).gather(1, mask[:, None]).mean()


def writes_into_the_mask(scores, mask):
    counts = mask != 255
    mask[~counts] = 0
    picked = scores.log_softmax(1).gather(1, mask[:, None])[:, 0]
    return mean(picked, counts)


def per_picture(picked, counts):
    return torch.stack([mean(one, count) for one, count in zip(picked, counts, strict=True)]).mean()


def labels_first(mode):
    def segment(scores, size):
        labels = scores.argmax(1, keepdim=True).float()
        return functional.interpolate(labels, size=size, mode=mode)[:, 0].round().long()

    return segment


def upsampled(scores, size, mode="bilinear", **options):
    return functional.interpolate(scores, size=size, mode=mode, **options)


def weights_by(rule):
    """A wrong class_weights, by its rule from pixels (classes,), the power."""

    def class_weights(masks, classes, power):
        pixels = sum(torch.bincount(mask[mask != 255], minlength=classes) for mask in masks).double()
        return rule(pixels, power)

    return class_weights


def right_weights(pixels, power):
    return torch.where(pixels > 0, (pixels[pixels > 0].mean() / pixels.clamp(min=1)) ** power, 0.0)


def void_counted(masks, classes, power):
    pixels = sum(
        torch.bincount(mask.masked_fill(mask == 255, 0).flatten(), minlength=classes) for mask in masks
    ).double()
    return right_weights(pixels, power)


def void_as_weights(masks, classes, power):
    pixels = sum(torch.bincount(mask.flatten(), minlength=256) for mask in masks).double()
    return right_weights(pixels, power)


def without_minlength(masks, classes, power):
    pixels = torch.bincount(torch.cat([mask[mask != 255] for mask in masks])).double()
    return right_weights(pixels, power)


def shares(mask, classes, stand_in=0, drop=True):
    hot = functional.one_hot(mask.masked_fill(mask == 255, stand_in), classes).movedim(-1, 0)[None].float()
    return hot * (mask != 255) if drop else hot


def ceiling_of(cells, mode="bilinear"):
    """A wrong ceiling, by how it makes the cells' shares."""

    def ceiling(mask, stride, classes):
        return functional.interpolate(cells(mask, stride, classes), size=mask.shape, mode=mode)[0].argmax(0)

    return ceiling


def averages_numbers(mask, stride, classes):
    cells = functional.avg_pool2d(mask[None, None].float(), stride)
    return functional.interpolate(cells, size=mask.shape, mode="bilinear")[0, 0].round().long()


def pooled(mask, stride, classes):
    return functional.avg_pool2d(shares(mask, classes), stride)


def writes_void(mask, stride, classes):
    mask[mask == 255] = 0
    return ceiling_of(pooled)(mask, stride, classes)


WRONG = {
    "04.pixel_loss": {
        "negative of the log-probability": loss_by(lambda picked, counts: -mean(picked, counts)),
        "probability of the true class": loss_by(lambda picked, counts: mean(picked.exp(), counts)),
        "raw score, 4": raw_scores,
        "softmax over the classes": loss_by(mean, dim=-1),
        "the sum of their losses": loss_by(lambda picked, counts: -(picked * counts).sum()),
        "still divide by 2": loss_by(lambda picked, counts: -(picked * counts).mean()),
        "count a void pixel": loss_by(lambda picked, counts: -picked.mean()),
        "no class 255": void_as_a_class,
        "average each picture first": loss_by(per_picture),
        "exp overflows": from_probabilities,
        "gives you NaN": loss_by(lambda picked, counts: -(picked * counts).sum() / counts.sum()),
        "no gradient": loss_by(lambda picked, counts: mean(picked, counts).detach()),
        "without .item()": loss_by(lambda picked, counts: mean(picked, counts).item()),
        "changed the mask": writes_into_the_mask,
        "One is asked for": loss_by(lambda picked, counts: -picked * counts),
        "left out": lambda scores, mask: functional.cross_entropy(scores, mask, ignore_index=255),
        "returns None": lambda scores, mask: None,
    },
    "04.segment": {
        "which nobody scored": labels_first("bilinear"),
        "meet in the middle": labels_first("nearest"),
        "probabilities, not scores": lambda scores, size: upsampled(scores.softmax(1), size).argmax(1),
        "align_corners=True": lambda scores, size: upsampled(scores, size, align_corners=True).argmax(1),
        "upsampled scores": upsampled,
        "swapped": lambda scores, size: upsampled(scores, size[::-1]).argmax(1),
        "size of the scores": lambda scores, size: scores.argmax(1),
        "extra dimension": lambda scores, size: upsampled(scores, size).argmax(1, keepdim=True),
        "The classes are dimension 1": lambda scores, size: upsampled(scores, size).argmax(0),
        "in the middle": lambda scores, size: upsampled(scores, size, mode="nearest").argmax(1),
        "returns None": lambda scores, size: None,
    },
    "04.class_weights": {
        "you divide by 0": weights_by(lambda pixels, power: (pixels[pixels > 0].mean() / pixels) ** power),
        "weighs most": weights_by(lambda pixels, power: (pixels / pixels[pixels > 0].mean()) ** power),
        "over three classes": weights_by(
            lambda pixels, power: torch.where(pixels > 0, (pixels.mean() / pixels.clamp(min=1)) ** power, 0.0)
        ),
        "divide all pixels": weights_by(
            lambda pixels, power: torch.where(pixels > 0, (pixels.sum() / pixels.clamp(min=1)) ** power, 0.0)
        ),
        "sum up to 1": weights_by(
            lambda pixels, power: right_weights(pixels, power) / right_weights(pixels, power).sum()
        ),
        "its weight should be 0": weights_by(
            lambda pixels, power: (pixels[pixels > 0].mean() / pixels.clamp(min=1)) ** power
        ),
        "Void pixels seem to count": void_counted,
        "256 weights": void_as_weights,
        "minlength": without_minlength,
        "those of power 1": weights_by(lambda pixels, power: right_weights(pixels, 1.0)),
        "multiply by the power": weights_by(lambda pixels, power: power * right_weights(pixels, 1.0)),
        "0 ** 0": weights_by(
            lambda pixels, power: torch.where(pixels > 0, pixels[pixels > 0].mean() / pixels.clamp(min=1), 0.0) ** power
        ),
        "returns None": lambda masks, classes, power: None,
    },
    "04.ceiling": {
        "average class numbers": averages_numbers,
        "pick one pixel": ceiling_of(lambda mask, stride, classes: shares(mask, classes)[..., ::stride, ::stride]),
        "Void has no say": ceiling_of(
            lambda mask, stride, classes: functional.avg_pool2d(shares(mask, classes, drop=False), stride)
        ),
        "no class 255": ceiling_of(
            lambda mask, stride, classes: functional.avg_pool2d(
                functional.one_hot(mask, classes).movedim(-1, 0)[None].float(), stride
            )
        ),
        "keeps its sharp corner": ceiling_of(pooled, mode="nearest"),
        "Upsample to the size of the mask": lambda mask, stride, classes: pooled(mask, stride, classes)[0].argmax(0),
        "Labels are asked for": lambda mask, stride, classes: functional.interpolate(
            pooled(mask, stride, classes), size=mask.shape, mode="bilinear"
        ),
        "changed the mask": writes_void,
        "returns None": lambda mask, stride, classes: None,
    },
}


def one_class_at_a_time(masks, classes, power):
    pixels = [sum(int((mask == each).sum()) for mask in masks) for each in range(classes)]
    seen = [count for count in pixels if count]
    return [(sum(seen) / len(seen) / count) ** power if count else 0.0 for count in pixels]


OTHER_WAYS = {
    "04.pixel_loss": lambda scores, mask: (
        (
            (
                scores.logsumexp(1)
                - (
                    scores * functional.one_hot(mask.clamp(max=scores.shape[1] - 1), scores.shape[1]).movedim(-1, 1)
                ).sum(1)
            )
            * (mask != 255)
        ).sum()
        / max(1, int((mask != 255).sum()))
    ),
    "04.segment": lambda scores, size: torch.nn.Upsample(size=size, mode="bilinear")(scores).max(1).indices,
    "04.class_weights": one_class_at_a_time,
    "04.ceiling": lambda mask, stride, classes: functional.interpolate(
        torch.stack(
            [
                (mask == each).float().unflatten(0, (-1, stride)).unflatten(2, (-1, stride)).mean((1, 3))
                for each in range(classes)
            ]
        )[None],
        size=tuple(mask.shape),
        mode="bilinear",
    ).argmax(1)[0],
}


@pytest.fixture(scope="module")
def reference():
    return solutions("04")


@pytest.mark.parametrize(("name", "message"), [(name, message) for name in WRONG for message in WRONG[name]])
def test_a_wrong_answer_is_told_its_mistake(name, message):
    with pytest.raises(NotYet, match=re.escape(message)):
        check(name, WRONG[name][message])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_another_right_way_passes(name):
    check(name, OTHER_WAYS[name])


def test_every_exercise_is_tested():
    assert {exercise.name for exercise in exercises_of("04")} == set(FUNCTIONS) == set(WRONG) == set(OTHER_WAYS)


def test_the_students_loss_is_the_librarys(reference):
    scores, mask = torch.randn(2, 5, 6, 7), torch.randint(0, 5, (2, 6, 7))
    mask[0, :3] = 255
    assert torch.allclose(reference["pixel_loss"](scores, mask), CrossEntropy()(scores, mask))
