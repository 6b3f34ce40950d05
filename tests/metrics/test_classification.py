"""Classification metrics against values worked out by hand and against scikit-learn and torchmetrics."""

import numpy as np
import pytest
import sklearn.metrics
import torch
import torchmetrics.functional.classification as oracle

from tumorbench.metrics import classification as metrics

CLASSES = ("glioma", "meningioma", "pituitary")

# Seven slices: true 0 0 0 0 1 1 2, predicted 0 0 0 1 1 0 1.
LABELS = np.array([0, 0, 0, 0, 1, 1, 2], np.int64)
PREDICTED = np.array([0, 0, 0, 1, 1, 0, 1], np.int64)

AVERAGED = [
    getattr(metrics, f"{name}_{average}")
    for name in ("precision", "recall", "f1")
    for average in ("macro", "micro", "weighted")
]
SINGLE = [metrics.accuracy, metrics.balanced_accuracy, metrics.cross_entropy, *AVERAGED]
PER_CLASS = [metrics.precision, metrics.recall, metrics.f1]


def sure_of(predicted, k=3, confidence=0.8):
    probabilities = np.full((len(predicted), k), (1 - confidence) / (k - 1))
    probabilities[np.arange(len(predicted)), predicted] = confidence
    return probabilities


def random_case(seed, n=200, k=3):
    rng = np.random.default_rng(seed)
    return rng.integers(0, k, n), rng.dirichlet(np.ones(k), n)


def value(metric, labels, probabilities, classes=CLASSES):
    (result,) = metric(labels, probabilities, classes).values()
    return result


def test_seven_slices_worked_out_by_hand():
    def of(metric):
        return value(metric, LABELS, sure_of(PREDICTED))

    # glioma: 3 of 4 given right, 3 of 4 found; meningioma: 1 of 3, 1 of 2; pituitary: never predicted, 0 of 1.
    assert of(metrics.accuracy) == pytest.approx(4 / 7)
    assert of(metrics.balanced_accuracy) == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    assert of(metrics.precision_macro) == pytest.approx((3 / 4 + 1 / 3 + 0) / 3)
    assert of(metrics.precision_weighted) == pytest.approx((4 * 3 / 4 + 2 * 1 / 3 + 0) / 7)
    assert of(metrics.recall_macro) == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    assert of(metrics.recall_weighted) == pytest.approx(4 / 7)
    assert of(metrics.f1_macro) == pytest.approx((3 / 4 + 2 / 5 + 0) / 3)
    assert of(metrics.f1_weighted) == pytest.approx((4 * 3 / 4 + 2 * 2 / 5 + 0) / 7)
    assert of(metrics.cross_entropy) == pytest.approx(-(4 * np.log(0.8) + 3 * np.log(0.1)) / 7)
    assert metrics.f1(LABELS, sure_of(PREDICTED), CLASSES) == pytest.approx(
        {"f1/glioma": 3 / 4, "f1/meningioma": 2 / 5, "f1/pituitary": 0}
    )


def test_micro_averages_equal_accuracy():
    labels, probabilities = random_case(1)
    expected = value(metrics.accuracy, labels, probabilities)
    assert [
        value(metric, labels, probabilities)
        for metric in (metrics.precision_micro, metrics.recall_micro, metrics.f1_micro)
    ] == pytest.approx([expected] * 3)


@pytest.mark.parametrize("metric", AVERAGED, ids=lambda metric: metric.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_averages_equal_torchmetrics(metric, seed):
    labels, probabilities = random_case(seed)
    name, average = metric.__name__.split("_")
    function = {
        "precision": oracle.multiclass_precision,
        "recall": oracle.multiclass_recall,
        "f1": oracle.multiclass_f1_score,
    }[name]
    expected = function(torch.from_numpy(probabilities), torch.from_numpy(labels), num_classes=3, average=average)
    assert value(metric, labels, probabilities) == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("metric", PER_CLASS, ids=lambda metric: metric.__name__)
def test_per_class_values_equal_torchmetrics(metric):
    labels, probabilities = random_case(4)
    function = {
        "precision": oracle.multiclass_precision,
        "recall": oracle.multiclass_recall,
        "f1": oracle.multiclass_f1_score,
    }[metric.__name__]
    expected = function(torch.from_numpy(probabilities), torch.from_numpy(labels), num_classes=3, average="none")
    assert list(metric(labels, probabilities, CLASSES).values()) == pytest.approx(expected.tolist(), rel=1e-6)


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_averages_equal_scikit_learns_defaults_where_a_class_is_missing(average):
    labels, probabilities = np.array([0, 0, 1]), sure_of([0, 1, 1])  # no pituitary anywhere
    expected = sklearn.metrics.f1_score(labels, [0, 1, 1], average=average, zero_division=0)
    assert value(getattr(metrics, f"f1_{average}"), labels, probabilities) == pytest.approx(expected)


def test_balanced_accuracy_equals_scikit_learn():
    labels, probabilities = random_case(5)
    assert value(metrics.balanced_accuracy, labels, probabilities) == pytest.approx(
        sklearn.metrics.balanced_accuracy_score(labels, probabilities.argmax(1))
    )


def test_cross_entropy_equals_scikit_learn_and_torch():
    labels, probabilities = random_case(6)
    ours = value(metrics.cross_entropy, labels, probabilities)
    assert ours == pytest.approx(sklearn.metrics.log_loss(labels, probabilities))
    assert ours == pytest.approx(
        torch.nn.functional.nll_loss(torch.from_numpy(probabilities).log(), torch.from_numpy(labels)).item()
    )


def test_confusion_matrix_has_the_truth_in_rows():
    matrix = metrics.confusion_matrix(LABELS, PREDICTED, 3)
    assert matrix.tolist() == [[3, 1, 0], [1, 1, 0], [0, 1, 0]]
    assert matrix.tolist() == sklearn.metrics.confusion_matrix(LABELS, PREDICTED).tolist()
    assert matrix.dtype == np.int64


def test_confusion_matrix_keeps_a_row_for_a_class_that_is_not_there():
    assert metrics.confusion_matrix(np.array([0]), np.array([0]), 3).tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(("labels", "predicted"), [([3], [0]), ([0], [3]), ([-1], [0]), ([0, 1], [0])])
def test_confusion_matrix_refuses_what_it_cannot_count(labels, predicted):
    with pytest.raises(ValueError, match=r"classes|predictions"):
        metrics.confusion_matrix(np.array(labels), np.array(predicted), 3)


@pytest.mark.parametrize("metric", [*SINGLE, *PER_CLASS], ids=lambda metric: metric.__name__)
def test_the_order_of_the_samples_changes_nothing(metric):
    labels, probabilities = random_case(7)
    order = np.random.default_rng(8).permutation(len(labels))
    assert metric(labels[order], probabilities[order], CLASSES) == pytest.approx(metric(labels, probabilities, CLASSES))


@pytest.mark.parametrize("name", ["precision", "recall"])
def test_precision_and_recall_are_each_others_mirror_and_not_the_same(name):
    other = {"precision": "recall", "recall": "precision"}[name]
    straight = getattr(metrics, name)(LABELS, sure_of(PREDICTED), CLASSES)
    swapped = getattr(metrics, other)(PREDICTED, sure_of(LABELS), CLASSES)
    assert list(straight.values()) == list(swapped.values())
    assert list(straight.values()) != list(getattr(metrics, name)(PREDICTED, sure_of(LABELS), CLASSES).values())


@pytest.mark.parametrize("metric", [*SINGLE, *PER_CLASS], ids=lambda metric: metric.__name__)
def test_without_samples_every_value_is_none(metric):
    values = metric(np.zeros(0, np.int64), np.zeros((0, 3)), CLASSES)
    assert values
    assert set(values.values()) == {None}


def test_a_class_that_nobody_named_is_none_and_left_out_of_the_mean():
    labels, probabilities = np.array([0, 0, 1]), sure_of([0, 1, 1])
    assert metrics.f1(labels, probabilities, CLASSES)["f1/pituitary"] is None
    assert metrics.precision(labels, probabilities, CLASSES)["precision/pituitary"] is None
    assert metrics.recall(labels, probabilities, CLASSES)["recall/pituitary"] is None
    assert value(metrics.f1_macro, labels, probabilities) == pytest.approx(2 / 3)


def test_a_class_that_is_never_predicted_counts_zero():
    constant = sure_of([0, 0, 0, 0, 0, 0, 0])
    assert metrics.precision(LABELS, constant, CLASSES) == pytest.approx(
        {"precision/glioma": 4 / 7, "precision/meningioma": 0, "precision/pituitary": 0}
    )
    assert value(metrics.precision_macro, LABELS, constant) == pytest.approx(4 / 7 / 3)


def test_a_class_only_predicted_lowers_macro_recall_and_not_balanced_accuracy():
    labels, probabilities = np.array([0, 0, 1, 1]), sure_of([0, 2, 1, 1])
    assert value(metrics.balanced_accuracy, labels, probabilities) == pytest.approx(3 / 4)
    assert value(metrics.recall_macro, labels, probabilities) == pytest.approx((1 / 2 + 1 + 0) / 3)


def test_one_impossible_truth_costs_36_nats_and_not_infinity():
    assert value(metrics.cross_entropy, np.array([1]), np.array([[1.0, 0.0, 0.0]])) == pytest.approx(36.0437, abs=1e-4)


def test_a_tie_goes_to_the_first_class():
    assert metrics.predicted_classes(np.array([[0.4, 0.4, 0.2]])).tolist() == [0]


def test_nan_probabilities_are_refused():
    with pytest.raises(ValueError, match="diverged"):
        metrics.accuracy(np.array([0]), np.array([[np.nan, 0.5, 0.5]]), CLASSES)


@pytest.mark.parametrize(("labels", "shape"), [([0, 1], (3, 3)), ([0, 1, 1], (3, 2)), ([0, 1, 5], (3, 3))])
def test_arguments_that_do_not_fit_are_refused(labels, shape):
    with pytest.raises(ValueError, match="classes"):
        metrics.accuracy(np.array(labels), np.full(shape, 1 / shape[1]), CLASSES)
