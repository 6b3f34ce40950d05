"""Accuracy on the test slices of which nothing was seen in training or validation, and on the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tumorbench.metrics.classification import accuracy

__all__ = ["accuracy_clean", "accuracy_leaked"]


def accuracy_clean(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], classes: tuple[str, ...]
) -> dict[str, float | None]:
    """The accuracy, given the clean slices alone: no identical one, near-copy or slice of their patient was seen.

    Higher is better, 0 to 1; None without slices. As far as patients are known.

    >>> accuracy_clean(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]), ("a", "b"))
    {'accuracy_clean': 0.5}
    """
    return {"accuracy_clean": accuracy(labels, probabilities, classes)["accuracy"]}


def accuracy_leaked(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], classes: tuple[str, ...]
) -> dict[str, float | None]:
    """The accuracy, given the leaked slices alone: an identical one, a near-copy or a slice of their patient was seen.

    Higher is better, 0 to 1; None without slices.

    >>> accuracy_leaked(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]), ("a", "b"))
    {'accuracy_leaked': 1.0}
    """
    return {"accuracy_leaked": accuracy(labels, probabilities, classes)["accuracy"]}
