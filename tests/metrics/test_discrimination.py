"""AUROC and average precision against values worked out by hand, scikit-learn, torchmetrics and doubled samples."""

import numpy as np
import pytest
import torch
import torchmetrics.functional.classification as oracle
from sklearn.metrics import average_precision_score, roc_auc_score

from tumorbench.metrics.discrimination import auroc, average_precision, weighted_orders

CLASSES = ("glioma", "meningioma", "pituitary")


def random_case(seed, n=200, k=3):
    rng = np.random.default_rng(seed)
    return rng.integers(0, k, n), rng.dirichlet(np.ones(k), n).round(2)  # rounded: some are equal


def normal(probabilities):
    return probabilities / probabilities.sum(1, keepdims=True)


def test_five_slices_worked_out_by_hand():
    labels = np.array([0, 0, 1, 1, 1])
    yes = np.array([0.1, 0.6, 0.6, 0.8, 0.2])
    probabilities = np.stack([1 - yes, yes], 1)
    # Of 6 pairs the positive is higher in 4, and one pair is equal.
    assert auroc(labels, probabilities, ("no", "yes"))["auroc/yes"] == pytest.approx(4.5 / 6)
    # At .8: 1 of 1; at .6: 2 of 3; at .2: 3 of 4.
    assert average_precision(labels, probabilities, ("no", "yes"))["average_precision/yes"] == pytest.approx(
        (1 + 2 / 3 + 3 / 4) / 3
    )


@pytest.mark.parametrize("seed", range(3))
def test_they_equal_torchmetrics_and_scikit_learn(seed):
    labels, probabilities = random_case(seed)
    probabilities = normal(probabilities)
    given = torch.from_numpy(probabilities), torch.from_numpy(labels)
    found = auroc(labels, probabilities, CLASSES)
    expected = oracle.multiclass_auroc(*given, 3, average=None)
    assert [found[f"auroc/{name}"] for name in CLASSES] == pytest.approx(expected.tolist(), abs=1e-6)
    assert found["auroc"] == pytest.approx(roc_auc_score(labels, probabilities, multi_class="ovr", average="macro"))
    found = average_precision(labels, probabilities, CLASSES)
    expected = oracle.multiclass_average_precision(*given, 3, average=None)
    assert [found[f"average_precision/{name}"] for name in CLASSES] == pytest.approx(expected.tolist(), abs=1e-6)
    assert found["average_precision"] == pytest.approx(expected.mean().item(), abs=1e-6)


@pytest.mark.parametrize("metric", [auroc, average_precision])
def test_one_minus_the_probabilities_is_not_as_good(metric):
    labels, probabilities = random_case(3)
    right = normal(probabilities + np.eye(3)[labels])
    wrong = normal(1 - right)
    values = [metric(labels, each, CLASSES)[metric.__name__] for each in (right, wrong)]
    assert values[0] > 0.9
    assert values[1] < 0.4


@pytest.mark.parametrize("metric", [auroc, average_precision])
def test_a_class_of_no_sample_or_of_all_is_undefined_and_left_out(metric):
    name = metric.__name__
    probabilities = normal(random_case(4, 6)[1])
    two = metric(np.array([0, 0, 0, 1, 1, 1]), probabilities, CLASSES)
    assert two[f"{name}/pituitary"] is None
    assert two[name] == pytest.approx((two[f"{name}/glioma"] + two[f"{name}/meningioma"]) / 2)
    assert set(metric(np.zeros(6, int), probabilities, CLASSES).values()) == {None}
    assert set(metric(np.zeros(0, int), np.zeros((0, 3)), CLASSES).values()) == {None}


@pytest.mark.parametrize("digits", [1, 6], ids=["many equal scores", "none"])
def test_weights_count_each_sample_as_often_as_scikit_learn_does(digits):
    rng = np.random.default_rng(5)
    scores, positive = rng.random(60).round(digits), rng.random(60) < 0.3
    weights = rng.integers(0, 3, (8, 60)).astype(float)
    areas, precisions = weighted_orders(scores, positive, weights)
    for own, area, precision in zip(weights, areas, precisions, strict=True):
        assert area == pytest.approx(roc_auc_score(positive, scores, sample_weight=own))
        assert precision == pytest.approx(average_precision_score(positive, scores, sample_weight=own))


def test_weights_that_leave_one_side_without_a_sample_give_no_value():
    positive = np.array([True, True, False])
    weights = np.array([[1.0, 1, 0], [0, 0, 1]])
    areas, precisions = weighted_orders(np.array([0.3, 0.2, 0.1]), positive, weights)
    assert np.isnan([areas, precisions]).all()
