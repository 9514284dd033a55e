"""The promises of losses.py: void never counts, gradients are right, nothing gives a NaN."""

import pytest
import torch
from torch.nn import functional

from course_utils.losses import CrossEntropy, Dice, Focal, HeadLosses, MeanOf, balance

CLASSES = 4
LOSSES = {
    "cross-entropy": CrossEntropy(),
    "weighted": CrossEntropy(weights=[1, 2, 0.5, 0]),
    "sum": CrossEntropy(normalised=False),
    "dice": Dice(),
    "dice without smoothing": Dice(smooth=0),
    "focal": Focal(),
    "focal below 1": Focal(focus=0.5),
}
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(3, CLASSES, 5, 6, generator=generator, dtype=torch.float64)
    target = torch.randint(0, CLASSES, (3, 5, 6), generator=generator)
    target[0, :2] = 255
    target[2] = 255
    return scores.requires_grad_(), target


@every_loss
def test_the_gradient_is_that_of_finite_differences(loss, batch):
    scores, target = batch
    assert torch.autograd.gradcheck(lambda scores: loss(scores, target), scores)


@every_loss
def test_an_image_of_void_alone_gives_zero_and_no_gradient(loss):
    scores = torch.randn(2, CLASSES, 4, 4, requires_grad=True)
    value = loss(scores, torch.full((2, 4, 4), 255))
    value.backward()
    assert value == 0
    assert torch.equal(scores.grad, torch.zeros_like(scores))


@every_loss
def test_what_is_predicted_on_void_changes_nothing(loss, batch):
    scores, target = batch
    other = scores.detach().clone()
    other.permute(0, 2, 3, 1)[target == 255] = 1e4
    assert torch.equal(loss(other, target), loss(scores, target))


@every_loss
def test_scores_of_any_height_stay_finite(loss, batch):
    scores, target = batch
    for factor in (1e-30, 1e4):
        large = (scores.detach().float() * factor).requires_grad_()
        value = loss(large, target)
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(large.grad).all()


@every_loss
def test_the_parts_of_a_batch_sum_up_to_the_whole(loss, batch):
    scores, target = batch
    parts = [slice(0, 1), slice(1, 3)]
    total = sum(loss.total(scores[part], target[part]) for part in parts)
    amount = sum(loss.amount(target[part]) for part in parts) if loss.normalised else 1
    torch.testing.assert_close(total / amount, loss(scores, target))


@every_loss
def test_a_right_answer_costs_less_than_a_wrong_one(loss):
    target = torch.randint(0, 3, (1, 6, 6), generator=torch.Generator().manual_seed(0))
    right = functional.one_hot(target, CLASSES).movedim(-1, 1) * 8.0
    assert 0 <= loss(right, target) < 0.02 * loss(right.roll(1, dims=1), target)


def test_cross_entropy_is_torchs_own(batch):
    scores, target = batch
    torch.testing.assert_close(
        CrossEntropy()(scores, target), functional.cross_entropy(scores, target, ignore_index=255)
    )
    weights = torch.tensor([1, 2, 0.5, 0])
    expected = functional.cross_entropy(scores, target, weights.double(), ignore_index=255)
    torch.testing.assert_close(CrossEntropy(weights)(scores, target), expected)


def test_the_papers_sum_is_the_mean_times_the_pixels_that_count(batch):
    scores, target = batch
    expected = CrossEntropy()(scores, target) * (target != 255).sum()
    torch.testing.assert_close(CrossEntropy(normalised=False)(scores, target), expected)


def test_focal_with_focus_zero_is_cross_entropy(batch):
    torch.testing.assert_close(Focal(focus=0)(*batch), CrossEntropy()(*batch))


def test_focal_looks_away_from_what_is_right():
    target = torch.zeros(1, 1, 1, dtype=torch.int64)
    ratios = []
    for height in (0.0, 2.0, 4.0):
        scores = torch.tensor([height, 0.0]).view(1, 2, 1, 1)
        ratios.append((Focal()(scores, target) / CrossEntropy()(scores, target)).item())
    wrong = 1 - torch.tensor([0.0, 2.0, 4.0]).sigmoid()
    assert ratios == pytest.approx((wrong**2).tolist(), rel=1e-5)


def test_dice_of_a_hard_prediction_is_the_formula():
    truth = torch.tensor([[[0, 0, 1, 1]]])
    scores = functional.one_hot(torch.tensor([[[0, 1, 1, 1]]]), 2).movedim(-1, 1) * 1e4
    # background: 2 * 1 / (1 + 2), foreground: 2 * 2 / (3 + 2)
    assert Dice(smooth=0)(scores, truth).item() == pytest.approx(1 - (2 / 3 + 4 / 5) / 2, abs=1e-6)


def test_dice_leaves_out_a_class_that_a_picture_does_not_show():
    truth = torch.zeros(1, 2, 2, dtype=torch.int64)
    scores = torch.zeros(1, 3, 2, 2)
    scores[:, 0] = 1e4
    assert Dice(smooth=0)(scores, truth) == 0


def test_any_function_can_be_a_loss(batch):
    scores, target = batch
    loss = MeanOf(lambda scores, target: scores.mean())
    parts = [slice(0, 1), slice(1, 3)]
    total = sum(loss.total(scores[part], target[part]) for part in parts)
    torch.testing.assert_close(total / sum(loss.amount(target[part]) for part in parts), scores.mean())


@pytest.fixture
def two_heads(batch):
    """Scores and targets of two heads, of which the second has more pixels that count."""
    scores, target = batch
    geometry = target.clamp(max=2)
    geometry[0, 0] = 1
    return {"semantic": scores, "geometric": scores[:, :3] ** 2}, (target, geometry)


def test_heads_losses_are_summed_and_each_is_divided_by_its_own_pixels(two_heads):
    outputs, targets = two_heads
    plain = [CrossEntropy()(scores, target) for scores, target in zip(outputs.values(), targets, strict=True)]
    torch.testing.assert_close(HeadLosses([CrossEntropy()] * 2)(outputs, *targets), sum(plain))
    weighted = HeadLosses([CrossEntropy(), CrossEntropy()], [1.0, 0.25])(outputs, *targets)
    torch.testing.assert_close(weighted, plain[0] + 0.25 * plain[1])
    unnormalised = HeadLosses([CrossEntropy(normalised=False)] * 2)
    counts = [(target != 255).sum() for target in targets]
    assert counts[0] < counts[1]
    expected = sum(one * count for one, count in zip(plain, counts, strict=True))
    torch.testing.assert_close(unnormalised(outputs, *targets), expected)


def test_a_batch_of_two_heads_may_be_spread_over_several_steps(two_heads):
    outputs, targets = two_heads
    loss = HeadLosses([CrossEntropy(), Focal()], [1.0, 0.5])
    parts = [slice(0, 1), slice(1, 3)]

    def part(of):
        return {name: scores[of] for name, scores in outputs.items()}, [target[of] for target in targets]

    total = sum(loss.total(part(of)[0], *part(of)[1]) for of in parts)
    amount = sum(loss.amount(*part(of)[1]) for of in parts)
    torch.testing.assert_close((total / amount).sum(), loss(outputs, *targets))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HeadLosses([CrossEntropy()] * 2, [1.0]), r"weights \[1.0\] for 2 heads"),
        (lambda: HeadLosses([CrossEntropy()] * 2, [1.0, -1.0]), "0 or more"),
        (lambda: HeadLosses([CrossEntropy(), CrossEntropy(normalised=False)]), "normalise all or none"),
        (lambda: HeadLosses([CrossEntropy()] * 2)({"semantic": None}, None), "2 losses for 1 heads and 1 targets"),
    ],
)
def test_heads_that_do_not_fit_are_refused_in_words(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_rare_classes_get_more_weight_within_limits():
    weights = balance([900, 100, 0, 1])
    assert weights[0] < 1 < weights[1] < weights[3] == 5.0
    assert weights[2] == 0
    assert balance([10, 1000], power=0) == [1, 1]


@pytest.mark.parametrize(
    ("scores", "target", "message"),
    [
        ((1, 4, 8, 8), torch.zeros(1, 4, 4, dtype=torch.int64), "upsample the scores to the mask"),
        ((1, 4, 8, 8), torch.zeros(1, 8, 8), "the target is float32"),
        ((1, 4, 8, 8), torch.zeros(1, 1, 8, 8, dtype=torch.int64), r"a target \(N, H, W\)"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(scores, target, message):
    for loss in (CrossEntropy(), Dice(), Focal()):
        with pytest.raises(ValueError, match=message):
            loss(torch.randn(scores), target)


@pytest.mark.parametrize(
    "make",
    [
        lambda: CrossEntropy(weights=[1, -1]),
        lambda: Focal(focus=-1),
        lambda: Dice(smooth=-1),
        lambda: balance([0, 0]),
    ],
)
def test_impossible_settings_are_refused(make):
    with pytest.raises(ValueError):
        make()


def test_a_wrong_number_of_weights_is_refused(batch):
    with pytest.raises(ValueError, match="3 class weights for scores of 4 classes"):
        CrossEntropy(weights=[1, 1, 1])(*batch)


@pytest.mark.parametrize("margin", [20, 0, -20])
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("loss", [Dice(), CrossEntropy(), CrossEntropy([1.0, 3.0]), Focal(), Focal(0.5)], ids=str)
def test_half_precision_gives_what_float32_gives_and_a_finite_gradient(loss, kind, margin):
    target = torch.ones(1, 512, 512, dtype=torch.int64)
    scores = torch.zeros(1, 2, 512, 512)
    scores[:, 1] = margin
    half = scores.to(kind).requires_grad_()
    value = loss(half, target)
    value.backward()
    assert value.dtype == torch.float32 and torch.equal(value.detach(), loss(scores, target))
    assert torch.isfinite(half.grad).all() and half.grad.dtype == kind
