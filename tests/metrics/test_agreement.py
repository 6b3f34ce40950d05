"""Matthews' correlation and Cohen's kappa against values worked out by hand and torchmetrics."""

import numpy as np
import pytest
import torch
import torchmetrics.functional.classification as oracle

from tumorbench.metrics.agreement import cohen_kappa, mcc

CLASSES = ("glioma", "meningioma", "pituitary")


def sure_of(predicted, k=3):
    return np.eye(k)[predicted]


def test_seven_slices_worked_out_by_hand():
    labels, predicted = np.array([0, 0, 0, 0, 1, 1, 2]), np.array([0, 0, 0, 1, 1, 0, 1])
    # 4 of 7 right; true 4 2 1, predicted 4 3 0: by chance (16 + 6 + 0) / 49.
    chance = 22 / 49
    assert cohen_kappa(labels, sure_of(predicted), CLASSES)["cohen_kappa"] == pytest.approx(
        (4 / 7 - chance) / (1 - chance)
    )
    expected = (7 * 4 - 22) / ((49 - 21) * (49 - 25)) ** 0.5
    assert mcc(labels, sure_of(predicted), CLASSES)["mcc"] == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_they_equal_torchmetrics(seed):
    rng = np.random.default_rng(seed)
    labels, probabilities = rng.integers(0, 3, 200), rng.dirichlet(np.ones(3), 200)
    given = torch.from_numpy(probabilities), torch.from_numpy(labels)
    assert mcc(labels, probabilities, CLASSES)["mcc"] == pytest.approx(
        oracle.multiclass_matthews_corrcoef(*given, 3).item(), abs=1e-6
    )
    assert cohen_kappa(labels, probabilities, CLASSES)["cohen_kappa"] == pytest.approx(
        oracle.multiclass_cohen_kappa(*given, 3).item(), abs=1e-6
    )


@pytest.mark.parametrize("metric", [mcc, cohen_kappa])
def test_right_is_one_always_wrong_is_below_zero_and_a_constant_answer_is_zero(metric):
    labels = np.array([0, 0, 1, 1])
    found = [metric(labels, sure_of(each), CLASSES)[metric.__name__] for each in (labels, 1 - labels, 0 * labels)]
    assert found == [1, -1, 0]


def test_the_two_sides_of_kappa_s_imbalance_are_told_apart():
    labels, predicted = np.array([0] * 8 + [1] * 2), np.array([0] * 5 + [1] * 5)
    assert cohen_kappa(labels, sure_of(predicted), CLASSES)["cohen_kappa"] == pytest.approx(0.4)
    assert mcc(labels, sure_of(predicted), CLASSES)["mcc"] == pytest.approx(0.5)


@pytest.mark.parametrize("metric", [mcc, cohen_kappa])
@pytest.mark.parametrize("labels", [np.zeros(0, int), np.ones(4, int)], ids=["no sample", "one class"])
def test_a_truth_of_fewer_than_two_classes_leaves_them_undefined(metric, labels):
    assert metric(labels, sure_of(np.arange(len(labels)) % 3), CLASSES) == {metric.__name__: None}
