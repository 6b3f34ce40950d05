"""Calibration against values worked out by hand, torchmetrics, torch and temperatures that are known."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from tumorbench.metrics import calibration as metrics
from tumorbench.metrics.classification import cross_entropy

CLASSES = ("glioma", "meningioma", "pituitary")


def random_case(seed, n=300, concentration=1.0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 3, n), rng.dirichlet(np.full(3, concentration), n)


def drawn_from(logits, seed=0):
    """Labels of which the softmax of ``logits`` is the true chance: the logits are calibrated."""
    cumulative = torch.from_numpy(logits).softmax(1).numpy().cumsum(1)
    return (np.random.default_rng(seed).random((len(logits), 1)) > cumulative[:, :-1]).sum(1)


def softmax(logits):
    return torch.from_numpy(logits).softmax(1).numpy()


def nats(labels, probabilities):
    return cross_entropy(labels, probabilities, CLASSES)["cross_entropy"]


def test_five_slices_in_two_bins_worked_out_by_hand():
    labels = np.array([0, 0, 1, 2, 2])
    probabilities = np.array(
        [[0.82, 0.1, 0.08], [0.86, 0.1, 0.04], [0.84, 0.1, 0.06], [0.3, 0.2, 0.5], [0.2, 0.52, 0.28]]
    )
    # (12/15, 13/15]: 2 of 3 right at 0.84 on average; (7/15, 8/15]: 1 of 2 right at 0.51.
    assert metrics.ece(labels, probabilities, CLASSES) == {"ece": pytest.approx((3 * (0.84 - 2 / 3) + 2 * 0.01) / 5)}
    bins = metrics.reliability(labels, probabilities)
    assert np.flatnonzero(bins.counts).tolist() == [7, 12]
    assert bins.counts[[7, 12]].tolist() == [2, 3]
    np.testing.assert_allclose(bins.confidence[[7, 12]], [0.51, 0.84])
    np.testing.assert_allclose(bins.accuracy[[7, 12]], [0.5, 2 / 3])
    assert np.isnan(bins.accuracy[0])
    assert np.isnan(bins.confidence[0])


@pytest.mark.parametrize("concentration", [0.2, 1.0, 20.0])
@pytest.mark.parametrize("seed", range(3))
def test_ece_equals_torchmetrics(seed, concentration):
    labels, probabilities = random_case(seed, concentration=concentration)
    expected = multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(labels), num_classes=3, n_bins=15, norm="l1"
    )
    assert metrics.ece(labels, probabilities, CLASSES)["ece"] == pytest.approx(expected.item(), abs=1e-6)


def test_scaled_values_are_torch_s_softmax_of_the_logits_over_the_temperature():
    labels, _ = random_case(0)
    logits = np.random.default_rng(1).normal(size=(300, 3)) * 4
    scaled = softmax(logits / 2.5)
    expected = multiclass_calibration_error(
        torch.from_numpy(scaled), torch.from_numpy(labels), num_classes=3, n_bins=15, norm="l1"
    )
    assert metrics.ece_scaled(labels, softmax(logits), 2.5)["ece_scaled"] == pytest.approx(expected.item(), abs=1e-6)
    expected = torch.nn.functional.cross_entropy(torch.from_numpy(logits / 2.5), torch.from_numpy(labels))
    assert metrics.cross_entropy_scaled(labels, softmax(logits), 2.5)["cross_entropy_scaled"] == pytest.approx(
        expected.item()
    )


def test_confidence_counts_and_not_the_probability_of_the_truth():
    sure_and_wrong = metrics.ece(np.array([1]), np.array([[0.9, 0.1, 0.0]]), CLASSES)["ece"]
    sure_and_right = metrics.ece(np.array([0]), np.array([[0.9, 0.1, 0.0]]), CLASSES)["ece"]
    assert (sure_and_wrong, sure_and_right) == (pytest.approx(0.9), pytest.approx(0.1))


def test_a_certain_answer_lies_in_the_last_bin_and_a_border_in_the_lower_one():
    bins = metrics.reliability(np.array([0, 0]), np.array([[1.0, 0.0], [0.6, 0.4]]))
    assert np.flatnonzero(bins.counts).tolist() == [8, 14]  # 0.6 = 9/15 closes the ninth bin


def test_gaps_of_both_signs_do_not_cancel():
    labels = np.array([0, 0, 0, 1])
    probabilities = np.array([[0.55, 0.45], [0.55, 0.45], [0.95, 0.05], [0.95, 0.05]])  # 0.45 too modest, 0.45 too sure
    assert metrics.ece(labels, probabilities, ("no", "yes"))["ece"] == pytest.approx(0.45)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_of_overconfident_logits_is_recovered(temperature):
    logits = np.random.default_rng(2).normal(size=(20_000, 3)) * 1.5
    labels = drawn_from(logits)
    assert metrics.fit_temperature(labels, softmax(logits * temperature)) == pytest.approx(temperature, rel=0.04)


def test_scaling_mends_what_is_overconfident_on_other_slices():
    logits = np.random.default_rng(4).normal(size=(4000, 3))
    labels, probabilities = drawn_from(logits), softmax(logits * 4)
    temperature = metrics.fit_temperature(labels[:2000], probabilities[:2000])
    test = labels[2000:], probabilities[2000:]
    assert metrics.ece(*test, CLASSES)["ece"] > 0.2
    assert metrics.ece_scaled(*test, temperature)["ece_scaled"] < 0.05
    assert metrics.cross_entropy_scaled(*test, temperature)["cross_entropy_scaled"] < nats(*test)


@pytest.mark.parametrize("concentration", [0.01, 0.3, 5.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_fit_is_never_worse_than_no_scaling_and_equals_a_fine_search(seed, concentration):
    labels, probabilities = random_case(seed, 80, concentration)
    labels[:40] = probabilities[:40].argmax(1)
    temperature = metrics.fit_temperature(labels, probabilities)
    fitted = metrics.cross_entropy_scaled(labels, probabilities, temperature)["cross_entropy_scaled"]
    assert fitted <= nats(labels, metrics.apply_temperature(probabilities, 1.0))
    searched = min(nats(labels, metrics.apply_temperature(probabilities, each)) for each in np.geomspace(0.05, 20, 400))
    assert fitted <= searched + 1e-6


def test_a_temperature_above_one_makes_less_sure_and_below_one_surer():
    _, probabilities = random_case(5)
    warm, cold = metrics.apply_temperature(probabilities, 4.0), metrics.apply_temperature(probabilities, 0.25)
    assert (warm.max(1) < probabilities.max(1)).all()
    assert (cold.max(1) > probabilities.max(1)).all()
    for scaled in (warm, cold):
        np.testing.assert_array_equal(scaled.argmax(1), probabilities.argmax(1))
        np.testing.assert_allclose(scaled.sum(1), 1)


def test_a_temperature_of_one_changes_nothing():
    labels, probabilities = random_case(6)
    np.testing.assert_allclose(metrics.apply_temperature(probabilities, 1.0), probabilities, atol=1e-15)
    assert metrics.ece_scaled(labels, probabilities, 1.0)["ece_scaled"] == pytest.approx(
        metrics.ece(labels, probabilities, CLASSES)["ece"]
    )
    assert metrics.cross_entropy_scaled(labels, probabilities, 1.0)["cross_entropy_scaled"] == pytest.approx(
        nats(labels, probabilities)
    )


def test_where_every_slice_is_right_the_temperature_is_the_lowest():
    labels = np.array([0, 1, 2])
    assert metrics.fit_temperature(labels, np.eye(3)[labels] * 0.4 + 0.2) == 0.05


def test_where_every_slice_is_wrong_the_temperature_is_the_highest():
    labels = np.array([0, 1, 2])
    assert metrics.fit_temperature(labels, np.eye(3)[(labels + 1) % 3] * 0.97 + 0.01) == 20


def test_impossible_truths_leave_the_temperature_finite():
    labels = np.array([0, 1, 2, 1])
    temperature = metrics.fit_temperature(labels, np.eye(3)[[0, 1, 2, 0]])
    assert 1 < temperature <= 20
    assert (
        metrics.cross_entropy_scaled(labels, np.eye(3)[[0, 1, 2, 0]], temperature)["cross_entropy_scaled"] < 36.0437 / 4
    )


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_that_is_none_is_refused(temperature):
    with pytest.raises(ValueError, match="above 0"):
        metrics.apply_temperature(np.array([[0.5, 0.5]]), temperature)


@pytest.mark.parametrize(
    "metric", [metrics.ece_scaled, metrics.cross_entropy_scaled], ids=lambda metric: metric.__name__
)
def test_without_a_temperature_the_value_is_none(metric):
    assert metric(*random_case(7), None) == {metric.__name__: None}


def test_without_samples_every_value_is_none():
    nothing = np.zeros(0, np.int64), np.zeros((0, 3))
    assert metrics.ece(*nothing, CLASSES) == {"ece": None}
    assert metrics.ece_scaled(*nothing, 2.0) == {"ece_scaled": None}
    assert metrics.cross_entropy_scaled(*nothing, 2.0) == {"cross_entropy_scaled": None}
    assert metrics.fit_temperature(*nothing) is None
    assert metrics.reliability(*nothing).counts.sum() == 0


def test_the_order_of_the_samples_changes_nothing():
    labels, probabilities = random_case(8)
    order = np.random.default_rng(9).permutation(len(labels))
    turned = labels[order], probabilities[order]
    assert metrics.ece(*turned, CLASSES) == pytest.approx(metrics.ece(labels, probabilities, CLASSES))
    assert metrics.fit_temperature(*turned) == pytest.approx(metrics.fit_temperature(labels, probabilities), rel=1e-4)
    for metric in (metrics.ece_scaled, metrics.cross_entropy_scaled):
        assert metric(*turned, 2.0) == pytest.approx(metric(labels, probabilities, 2.0))


@pytest.mark.parametrize(
    "metric", [metrics.ece, metrics.ece_scaled, metrics.cross_entropy_scaled], ids=lambda metric: metric.__name__
)
def test_nan_probabilities_are_refused(metric):
    last = CLASSES if metric is metrics.ece else 2.0
    with pytest.raises(ValueError, match="diverged"):
        metric(np.array([0]), np.array([[np.nan, 0.5, 0.5]]), last)
