import subprocess
import sys
import warnings

import numpy as np
import pytest
import sklearn.metrics
import torch

from course_utils.metrics.instances import match_instances, object_mistakes
from course_utils.metrics.semantic import confusion_matrix, scores


def labels(classes=7, shape=(3, 40, 50), void=0.1, seed=0):
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, classes, shape)
    prediction = np.where(generator.random(shape) < 0.6, truth, generator.integers(0, classes, shape))
    truth[generator.random(shape) < void] = 255
    return torch.from_numpy(truth), torch.from_numpy(prediction)


@pytest.mark.parametrize("seed", range(5))
def test_confusion_matrix_equals_scikit_learns_on_random_data_with_void(seed):
    truth, prediction = labels(seed=seed)
    known = truth != 255
    expected = sklearn.metrics.confusion_matrix(truth[known], prediction[known], labels=range(7))
    assert torch.equal(confusion_matrix(truth, prediction, classes=7), torch.from_numpy(expected))


@pytest.mark.parametrize("seed", range(5))
def test_scores_equal_scikit_learns_on_random_data_with_void(seed):
    truth, prediction = labels(seed=seed)
    known = truth != 255
    y, p = truth[known].numpy(), prediction[known].numpy()
    result = scores(confusion_matrix(truth, prediction, classes=7))
    assert result.pixel_accuracy == pytest.approx(sklearn.metrics.accuracy_score(y, p))
    assert result.mean_accuracy == pytest.approx(sklearn.metrics.balanced_accuracy_score(y, p))
    assert result.mean_iu == pytest.approx(sklearn.metrics.jaccard_score(y, p, average="macro"))
    assert result.frequency_weighted_iu == pytest.approx(sklearn.metrics.jaccard_score(y, p, average="weighted"))
    assert result.iu.tolist() == pytest.approx(sklearn.metrics.jaccard_score(y, p, average=None))
    assert result.dice.tolist() == pytest.approx(sklearn.metrics.f1_score(y, p, average=None))
    assert result.classes_counted == result.classes_in_truth == 7


def test_a_worked_example_by_hand():
    # 3 classes; t = (6, 4, 2), predicted (5, 5, 2)
    matrix = torch.tensor([[4, 2, 0], [1, 3, 0], [0, 0, 2]])
    result = scores(matrix)
    assert result.pixel_accuracy == pytest.approx(9 / 12)
    assert result.mean_accuracy == pytest.approx((4 / 6 + 3 / 4 + 1) / 3)
    assert result.mean_iu == pytest.approx((4 / 7 + 3 / 6 + 1) / 3)
    assert result.frequency_weighted_iu == pytest.approx((6 * 4 / 7 + 4 * 3 / 6 + 2) / 12)
    assert "mean IU 0.690" in str(result) and "3 of 3 classes" in str(result)


def test_matrices_of_batches_add_up():
    truth, prediction = labels()
    parts = sum(confusion_matrix(t, p, classes=7) for t, p in zip(truth, prediction, strict=True))
    assert torch.equal(parts, confusion_matrix(truth, prediction, classes=7))


def test_rows_are_truth_and_columns_are_prediction():
    matrix = confusion_matrix(torch.tensor([0, 0, 0]), torch.tensor([1, 1, 0]), classes=2)
    assert matrix.tolist() == [[1, 2], [0, 0]] and matrix.dtype == torch.int64


def test_a_class_in_neither_truth_nor_prediction_is_left_out_of_the_means():
    result = scores(confusion_matrix(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 1, 0]), classes=3))
    assert result.mean_iu == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert result.classes_counted == 2
    assert result.iu.isnan().tolist() == result.dice.isnan().tolist() == [False, False, True]


def test_a_class_predicted_but_never_true_counts_with_iu_zero_and_has_no_accuracy():
    result = scores(confusion_matrix(torch.tensor([0, 0, 0, 0]), torch.tensor([0, 0, 0, 1]), classes=3))
    assert result.mean_iu == pytest.approx((3 / 4 + 0) / 2)
    assert result.mean_accuracy == pytest.approx(3 / 4)
    assert result.frequency_weighted_iu == pytest.approx(3 / 4)
    assert (result.classes_counted, result.classes_in_truth) == (2, 1)


def test_dice_is_two_iu_over_one_plus_iu():
    result = scores(confusion_matrix(*labels(), classes=7))
    assert torch.allclose(result.dice, 2 * result.iu / (1 + result.iu))


@pytest.mark.parametrize("void", [255, 254, -1, -100, 5, 0])
def test_any_label_can_be_void(void):
    truth, prediction = torch.tensor([1, 2, void, void]), torch.tensor([1, 1, 2, 0])
    assert confusion_matrix(truth, prediction, classes=3, ignore_index=void).sum() == 2


def test_what_is_predicted_in_void_does_not_count():
    truth, prediction = torch.tensor([0, 1, 255, 255, 255]), torch.tensor([0, 1, 255, -1, 77])
    assert confusion_matrix(truth, prediction, classes=2).tolist() == [[1, 0], [0, 1]]


def test_all_void_gives_zeros_and_scores_that_are_nan():
    matrix = confusion_matrix(torch.full((4, 4), 255), torch.zeros(4, 4, dtype=torch.int64), classes=2)
    assert matrix.sum() == 0
    result = scores(matrix)
    assert np.isnan([result.pixel_accuracy, result.mean_iu, result.frequency_weighted_iu]).all()
    assert result.classes_counted == 0


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int16, torch.int32, torch.int64])
def test_every_dtype_of_labels_gives_the_same_counts(dtype):
    truth, prediction = labels(classes=2, void=0)
    expected = confusion_matrix(truth, prediction, classes=2)
    assert torch.equal(confusion_matrix(truth.to(dtype), prediction.to(dtype), classes=2), expected)
    assert torch.equal(confusion_matrix(truth.to(dtype).numpy(), prediction.to(dtype).numpy(), classes=2), expected)


def test_small_dtypes_do_not_overflow():
    truth = torch.full((100,), 20, dtype=torch.uint8)
    assert confusion_matrix(truth, truth, classes=21)[20, 20] == 100


@pytest.mark.parametrize(("classes", "largest"), [(511, 510), (512, 511), (513, 512), (2000, 1999), (3, 2)])
def test_many_classes_and_few_are_counted_alike(classes, largest):
    truth, prediction = torch.tensor([0, largest, largest, 9999]), torch.tensor([0, largest, 0, 7])
    matrix = confusion_matrix(truth, prediction, classes, ignore_index=9999)
    assert matrix.shape == (classes, classes)
    assert (matrix[0, 0], matrix[largest, largest], matrix[largest, 0], matrix.sum()) == (1, 1, 1, 3)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_inputs_are_left_as_they_were(dtype):
    truth, prediction = (each.to(dtype) for each in labels())
    before = truth.clone(), prediction.clone()
    confusion_matrix(truth, prediction, classes=7)
    assert torch.equal(truth, before[0]) and torch.equal(prediction, before[1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
def test_a_gpu_counts_the_same():
    truth, prediction = labels()
    matrix = confusion_matrix(truth.cuda(), prediction.cuda(), classes=7)
    assert matrix.is_cuda and torch.equal(matrix.cpu(), confusion_matrix(truth, prediction, classes=7))
    assert scores(matrix).mean_iu == scores(matrix.cpu()).mean_iu


def test_labels_on_two_devices_are_refused():
    labels_without_values = torch.empty(4, dtype=torch.int64, device="meta")
    with pytest.raises(ValueError, match="truth is on meta, prediction on cpu: move one of them"):
        confusion_matrix(labels_without_values, torch.zeros(4, dtype=torch.int64), classes=2)


zeros = torch.zeros(2, 4, 4, dtype=torch.int64)


@pytest.mark.parametrize(
    ("truth", "prediction", "classes", "message"),
    [
        (zeros, zeros[:, :2], 2, r"truth has shape \(2, 4, 4\), prediction \(2, 2, 4\)"),
        (zeros, torch.rand(2, 2, 4, 4), 2, r"prediction is float32 of shape \(2, 2, 4, 4\).*argmax\(dim=1\)"),
        (zeros.float(), zeros, 2, "truth is float32"),
        (zeros + 3, zeros, 3, "truth holds 3, but there are 3 classes, 0 to 2 and void is 255"),
        (zeros - 1, zeros, 3, "truth holds -1"),
        (zeros, zeros + 255, 3, "prediction holds 255, but there are 3 classes, 0 to 2$"),
        (
            torch.arange(32),
            zeros.flatten(),
            3,
            r"truth holds 3, 4, 5, 6, 7, \.\.\., but",
        ),
        (zeros, zeros, 0, "classes=0: say how many, background"),
        (zeros, zeros, 2.0, r"classes=2.0: say how many, background"),
        (zeros, zeros, ["a", "b"], r"classes=\['a', 'b'\]: say how many, background"),
    ],
)
def test_wrong_values_shapes_and_dtypes_are_refused_with_what_was_found(truth, prediction, classes, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(truth, prediction, classes)


@pytest.mark.parametrize(
    "matrix",
    [torch.zeros(2, 3), torch.zeros(3), torch.zeros(0, 0), -torch.eye(2), torch.tensor([[float("nan")]])],
)
def test_scores_refuse_what_is_no_confusion_matrix(matrix):
    with pytest.raises(ValueError, match="a confusion matrix"):
        scores(matrix)


def squares():
    truth, prediction = torch.zeros(60, 60, dtype=torch.int64), torch.zeros(60, 60, dtype=torch.int64)
    truth[5:15, 5:15], truth[30:40, 30:40] = 1, 2
    prediction[5:15, 5:15], prediction[30:40, 33:43], prediction[50:55, 50:55] = 9, 4, 7
    return truth, prediction


def test_instances_are_matched_one_to_one_whatever_their_numbers():
    truth, prediction = squares()
    loose, strict = match_instances(truth, prediction, thresholds=(0.5, 0.7))
    # the shifted square has IU 70 / 130, the third exists only in the prediction
    assert (loose.tp, loose.fp, loose.fn) == (2, 1, 0)
    assert (strict.tp, strict.fp, strict.fn) == (1, 2, 1)
    assert loose.accuracy == pytest.approx(2 / 3)
    assert loose.panoptic_quality == pytest.approx((1 + 70 / 130) / 2.5)


def test_perfect_instances_have_accuracy_one_at_every_threshold():
    truth, _ = squares()
    assert [match.accuracy for match in match_instances(truth, truth)] == [1] * 10


def test_no_instances_found_scores_zero():
    truth, _ = squares()
    assert match_instances(truth, torch.zeros_like(truth), thresholds=(0.5,))[0].fn == 2


def test_matching_instances_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        match_instances(*squares())


def test_instances_refuse_what_is_no_label_image():
    truth, prediction = squares()
    with pytest.raises(ValueError, match="truth is bool of shape"):
        match_instances(truth > 0, prediction)
    with pytest.raises(ValueError, match=r"truth has shape \(60, 60\), prediction \(30, 60\)"):
        match_instances(truth, prediction[:30])
    with pytest.raises(ValueError, match="prediction is int64 of shape"):
        match_instances(truth, prediction[None])


def test_merged_split_and_missed_objects_are_told_apart():
    truth, prediction = torch.zeros(50, 50, dtype=torch.int64), torch.zeros(50, 50, dtype=torch.int64)
    truth[5:15, 5:10], truth[5:15, 10:15], truth[20:30, 5:15], truth[40:45, 40:45], truth[40:45, 5:10] = 1, 2, 3, 7, 9
    prediction[5:15, 5:15] = 4
    prediction[20:25, 5:15], prediction[25:30, 5:15] = 2, 6
    prediction[40:45, 40:45] = 8
    found = object_mistakes(truth, prediction)
    assert found == ([1, 2], [3], [9])
    assert object_mistakes(truth, truth) == ([], [], [])
    assert object_mistakes(truth, torch.zeros_like(truth)).missed == [1, 2, 3, 7, 9]


def test_importing_the_metrics_does_not_import_stardist():
    code = "import sys, course_utils.metrics.instances; assert not {'stardist', 'numba', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
