"""Calibration: whether a classifier that is 90 % sure is right 9 times in 10; before and after temperature scaling.

``ece`` is called as ``metric(labels, probabilities, classes)``, like the metrics of
``tumorbench.metrics.classification``; the others as ``metric(labels, probabilities, temperature)``, where the
temperature was fitted on the validation slices of the same cell. A temperature of None (a protocol that holds nothing
out for validation) leaves them undefined.

Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017: the expected calibration error with 15 bins
(eq. 3 and 5), and temperature scaling (eq. 9). What is known of the logits is the probabilities; the softmax of
``log p / T`` equals that of ``logits / T``.
"""

from __future__ import annotations

from math import exp, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tumorbench.metrics.classification import (
    Classes,
    Labels,
    Probabilities,
    Values,
    accuracy,
    cross_entropy,
    predicted_classes,
)

__all__ = [
    "BINS",
    "Reliability",
    "apply_temperature",
    "cross_entropy_scaled",
    "ece",
    "ece_scaled",
    "fit_temperature",
    "reliability",
]

BINS = 15
COLDEST, HOTTEST = 0.05, 20.0
EPSILON = float(np.finfo(np.float64).eps)


class Reliability(NamedTuple):
    """Bins of equal width of the confidence, ``(lower, upper]`` from 0 to 1.

    Confidence and accuracy are NaN where no sample is.

    counts: int64 ``(15,)``. confidence, accuracy: float64 ``(15,)``, of the bin's samples the mean probability of the
    predicted class and the share that is right.
    """

    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def reliability(labels: Labels, probabilities: Probabilities) -> Reliability:
    """The samples by their confidence, the probability of the predicted class.

    >>> bins = reliability(np.array([0, 1]), np.array([[0.75, 0.25], [0.75, 0.25]]))
    >>> bins.counts[11], bins.confidence[11], bins.accuracy[11]
    (np.int64(2), np.float64(0.75), np.float64(0.5))
    """
    right = predicted_classes(probabilities) == labels
    confidence = probabilities.max(axis=1, initial=0.0)
    bins = np.clip(np.searchsorted(np.linspace(0.0, 1.0, BINS + 1), confidence) - 1, 0, BINS - 1)
    counts = np.bincount(bins, minlength=BINS)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.bincount(bins, values, minlength=BINS)
        return np.asarray(np.divide(sums, counts, out=np.full(BINS, np.nan), where=counts > 0))

    return Reliability(np.asarray(counts, np.int64), mean(confidence), mean(right.astype(np.float64)))


def ece(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """Expected calibration error: the gap between confidence and accuracy, the mean over bins of the confidence.

    15 bins of equal width, each weighted by its samples.

    Lower is better, 0 to 1; None without samples. With few samples it is above 0 even for a calibrated classifier: the
    bins' accuracies are noisy. A confidence on a bin's border belongs to the lower bin, as in Guo et al.; torchmetrics
    puts it in the upper one, and is equal elsewhere.

    >>> ece(np.array([0, 1]), np.array([[0.75, 0.25], [0.75, 0.25]]), ("no", "yes"))
    {'ece': 0.25}
    """
    accuracy(labels, probabilities, classes)  # refuses what does not fit
    return {"ece": _expected_gap(reliability(labels, probabilities))}


def ece_scaled(labels: Labels, probabilities: Probabilities, temperature: float | None) -> Values:
    """``ece`` after temperature scaling: what is left when one number, fitted on the validation slices, scales it.

    Lower is better, 0 to 1; None without samples or without a temperature.

    >>> value = ece_scaled(np.array([0, 1]), np.array([[0.9, 0.1], [0.9, 0.1]]), 2.0)["ece_scaled"]
    >>> round(value, 6)  # 0.75 sure after scaling, and half are right
    0.25
    """
    if temperature is None or not labels.size:
        return {"ece_scaled": None}
    return {"ece_scaled": _expected_gap(reliability(labels, apply_temperature(probabilities, temperature)))}


def cross_entropy_scaled(labels: Labels, probabilities: Probabilities, temperature: float | None) -> Values:
    """``cross_entropy`` after temperature scaling, in nats.

    Lower is better, 0 to about 36; None without samples or without a temperature.

    >>> value = cross_entropy_scaled(np.array([0]), np.array([[0.1, 0.9]]), 2.0)["cross_entropy_scaled"]
    >>> round(value, 6) == round(log(4), 6)  # 0.25 after scaling
    True
    """
    if temperature is None or not labels.size:
        return {"cross_entropy_scaled": None}
    return {"cross_entropy_scaled": _nats(labels, apply_temperature(probabilities, temperature))}


def apply_temperature(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Softmax of ``log p / T``, float64 ``(n, k)``: less sure where ``T > 1``, surer where ``T < 1``.

    The order of the classes stays.

    A probability below the float64 epsilon (2.2e-16) counts as that, as in ``cross_entropy``. Raises: ValueError for a
    temperature that is not above 0.

    >>> apply_temperature(np.array([[0.9, 0.1]]), 2.0).round(3).tolist()
    [[0.75, 0.25]]
    """
    if not temperature > 0:
        raise ValueError(f"a temperature is above 0, not {temperature}")
    logs = np.log(np.clip(probabilities, EPSILON, 1.0)) / temperature
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit_temperature(labels: Labels, probabilities: Probabilities) -> float | None:
    """The temperature of the lowest cross-entropy on these (validation) samples, in 0.05 to 20; None without samples.

    1 where scaling would not lower it. Where every sample is right there is no lowest, and the answer is 0.05: as sure
    as can be. Such a temperature makes the rare mistake on other slices expensive, which is what the scaled
    cross-entropy then shows.
    """
    from scipy.optimize import minimize_scalar

    if not labels.size:
        return None

    def after_scaling(log_temperature: float) -> float:
        return _nats(labels, apply_temperature(probabilities, exp(log_temperature)))

    found = minimize_scalar(
        after_scaling, bounds=(log(COLDEST), log(HOTTEST)), method="bounded", options={"xatol": 1e-6}
    )
    candidates = (1.0, COLDEST, HOTTEST, exp(found.x))  # the search never tries the bounds themselves
    return min(candidates, key=lambda temperature: _nats(labels, apply_temperature(probabilities, temperature)))


def _nats(labels: Labels, probabilities: Probabilities) -> float:
    nats = cross_entropy(labels, probabilities, tuple(map(str, range(probabilities.shape[1]))))["cross_entropy"]
    assert nats is not None
    return nats


def _expected_gap(bins: Reliability) -> float | None:
    n = int(bins.counts.sum())
    return float(np.nansum(bins.counts * np.abs(bins.confidence - bins.accuracy)) / n) if n else None
