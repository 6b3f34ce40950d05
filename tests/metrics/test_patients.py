"""One answer a patient, from the table of predictions alone, with an interval over patients."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tumorbench import registry
from tumorbench.metrics.patients import patient_accuracy, right_of_patients
from tumorbench.tasks.scores.instruments import metrics_of
from tumorbench.tasks.scores.scoring import score_classes

CLASSES = ("a", "b")


def table(patients: list[str] | None) -> pd.DataFrame:
    """Forty times three slices of a patient: two say a weakly, the third b strongly; the truth is b in half of them."""
    certain = np.tile([0.6, 0.6, 0.1], 40)
    content = {
        "sample_id": [str(number) for number in range(120)],
        "label": np.repeat([1, 0], 60),
        "predicted": (certain < 0.5).astype(np.int64),
        "p/a": certain,
        "p/b": 1 - certain,
    }
    if patients is not None:
        content |= {"group": patients, "cluster": [f"patient:{each}" for each in patients]}
    return pd.DataFrame(content)


def score(patients: list[str] | None):
    metrics = [each for each in metrics_of(registry.find(), "classification") if each.spec.id == "patient_accuracy"]
    (found,) = score_classes(table(patients), CLASSES, metrics)
    assert not found.reason
    return found.metric_values


def test_a_patient_s_answer_is_that_of_the_mean_probability_not_of_most_slices():
    probabilities = np.array([[0.6, 0.4], [0.6, 0.4], [0.1, 0.9]])  # the mean says b, two slices of three say a
    patients = np.array(["p"] * 3)
    assert patient_accuracy(np.array([1, 1, 1]), probabilities, patients) == {"patient_accuracy": 1.0}
    assert patient_accuracy(np.array([0, 0, 0]), probabilities, patients) == {"patient_accuracy": 0.0}


def test_slices_of_unknown_patients_have_no_say():
    labels, probabilities = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]])
    assert patient_accuracy(labels, probabilities, np.array(["", "", "q"])) == {"patient_accuracy": 1.0}
    assert patient_accuracy(labels, probabilities, np.array(["", "", ""])) == {"patient_accuracy": None}


def test_a_patient_with_two_labels_counts_once_for_each():
    labels, probabilities = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6]])
    right = right_of_patients(labels, probabilities, np.array(["p", "p", "p"]))
    assert right.tolist()[:2] == [1.0, 0.0]
    assert np.isnan(right[2])


def test_the_order_of_the_slices_does_not_matter():
    rng = np.random.default_rng(0)
    labels = np.repeat(rng.integers(0, 3, 20), 5)
    probabilities, patients = rng.dirichlet(np.ones(3), 100), np.repeat([f"p{number}" for number in range(20)], 5)
    order = rng.permutation(100)
    assert patient_accuracy(labels, probabilities, patients) == patient_accuracy(
        labels[order], probabilities[order], patients[order]
    )
    by_hand = [
        probabilities[patients == each].mean(0).argmax() == labels[patients == each][0] for each in set(patients)
    ]
    assert patient_accuracy(labels, probabilities, patients)["patient_accuracy"] == pytest.approx(np.mean(by_hand))


def test_it_counts_patients_and_has_an_interval_over_them():
    (value,) = score([f"p{number // 3}" for number in range(120)])
    assert (value.value, value.n) == (0.5, 40)
    low, high = value.interval
    assert (0.3 < low < 0.42, 0.58 < high < 0.7) == (True, True)  # a share of 40 patients: 0.5 -+ 0.155


def test_without_patients_there_is_no_such_value():
    assert score(None) == ()
    assert score([""] * 120) == ()
