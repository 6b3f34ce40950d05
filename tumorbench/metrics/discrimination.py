"""How well probabilities tell one class from the others, whatever the threshold: AUROC and average precision.

Called as the metrics of ``tumorbench.metrics.classification``. Each class stands against all others (one-vs-rest):
``NAME/CLASS`` is of that class's probability, ``NAME`` the mean over the classes, each of which counts alike.

Undefined: a class of which no sample, or of which every sample, is in the truth. Its own value is None and the mean
leaves it out; the mean is None where no class is left.

``weighted_orders`` gives the same values for many weightings of the samples at once, which is what a bootstrap needs:
one sort, and sums along it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from tumorbench.metrics.classification import Classes, Labels, Probabilities, Values, checked_predictions

__all__ = ["auroc", "average_precision", "weighted_orders"]

Array = NDArray[np.float64]


def auroc(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """Area under the receiver operating characteristic, one-vs-rest: ``auroc``, the mean, and ``auroc/CLASS``.

    The probability that a sample of the class is given more of it than a sample of another class, ties counting half.
    Higher is better, 0 to 1, and 0.5 for a guess; None for a class that no sample, or every sample, is of, which the
    mean leaves out. Source: Hanley and McNeil, The meaning and use of the area under a ROC curve, Radiology 1982; the
    mean over classes is scikit-learn's ``multi_class="ovr", average="macro"``.

    >>> chances = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
    >>> auroc(np.array([0, 0, 1, 1]), chances, ("no", "yes"))
    {'auroc': 0.75, 'auroc/no': 0.75, 'auroc/yes': 0.75}
    """
    return _one_vs_rest("auroc", roc_auc_score, labels, probabilities, classes)


def average_precision(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """Average precision, one-vs-rest: ``average_precision``, the mean, and ``average_precision/CLASS``.

    The class's precision at every threshold, weighted by the recall that the threshold adds; unlike the area under a
    line through these points it is not too good. Higher is better, 0 to 1, and for a guess the share of the class;
    None for a class that no sample, or every sample, is of, which the mean leaves out. Equal to scikit-learn's.

    >>> chances = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
    >>> average_precision(np.array([0, 0, 1, 1]), chances, ("no", "yes"))["average_precision/yes"]
    0.8333333333333333
    """
    return _one_vs_rest("average_precision", average_precision_score, labels, probabilities, classes)


def _one_vs_rest(
    name: str, score: Callable[..., Any], labels: Labels, probabilities: Probabilities, classes: Classes
) -> Values:
    checked_predictions(labels, probabilities, classes)
    found: Values = {}
    for number, title in enumerate(classes):
        positive = labels == number
        defined = positive.any() and not positive.all()
        found[f"{name}/{title}"] = float(score(positive, probabilities[:, number])) if defined else None
    known = [value for value in found.values() if value is not None]
    return {name: float(np.mean(known)) if known else None, **found}


def weighted_orders(scores: Array, positive: NDArray[np.bool_], weights: Array) -> tuple[Array, Array]:
    """(AUROC, average precision) of each weighting of the samples, float64 ``(draws,)``.

    NaN where a side has no weight.

    scores, positive: ``(n,)``. weights: ``(draws, n)``, how often each sample counts: 0, 1, 2.

    >>> scores, positive = np.array([0.1, 0.4, 0.3, 0.8]), np.array([False, False, True, True])
    >>> [each.round(4).tolist() for each in weighted_orders(scores, positive, np.array([[1.0, 1, 1, 1], [1, 0, 1, 1]]))]
    [[0.75, 1.0], [0.8333, 1.0]]
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.diff(scores[order], append=-np.inf) != 0)  # of equal scores the last, from the highest on
    of_all = weights[:, order]
    above = np.cumsum(of_all * positive[order], axis=1)[:, ends]  # positives at this score and above it
    every = np.cumsum(of_all, axis=1)[:, ends]
    misses, here = every - above, np.diff(above, axis=1, prepend=0)
    yes, no = above[:, -1], misses[:, -1]
    area = np.einsum("ij,ij->i", np.diff(misses, axis=1, prepend=0), above - here / 2)  # of the trapezia between scores
    precision = np.divide(above, np.maximum(every, 1))  # a weight counts samples: it is 0, or 1 and more
    found = _ratio(np.einsum("ij,ij->i", here, precision), yes)
    return _ratio(area, yes * no), np.where(no > 0, found, np.nan)


def _ratio(top: Array, bottom: Array) -> Array:
    """NaN for x/0."""
    return np.asarray(np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0))
