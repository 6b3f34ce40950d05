"""Classification metrics: ``metric(labels, probabilities, classes)`` -> values by full name, None where undefined.

labels: int64 ``(n,)``. probabilities: float64 ``(n, k)``, rows that sum to 1. classes: the k class names in label
order. The predicted class is the most probable one, on a tie the first of them.

Undefined cases, the same for precision, recall and F1:

- no sample at all: every value is None;
- a class that is neither in the truth nor among the predictions says nothing: its own value is None and macro means
  leave it out;
- a class that is in the truth but never predicted has precision 0, one that is predicted but not in the truth has
  recall 0, and both have F1 0: a model cannot gain by never naming a class.

Averages are scikit-learn's with ``labels`` left to its default and ``zero_division=0``. Where we differ: per class,
scikit-learn's 0 for a class that nobody named is our None; cross-entropy does not renormalise rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

__all__ = [
    "Values",
    "accuracy",
    "balanced_accuracy",
    "checked_predictions",
    "confusion_matrix",
    "cross_entropy",
    "f1",
    "f1_macro",
    "f1_micro",
    "f1_weighted",
    "precision",
    "precision_macro",
    "precision_micro",
    "precision_weighted",
    "predicted_classes",
    "recall",
    "recall_macro",
    "recall_micro",
    "recall_weighted",
]

Values = dict[str, float | None]
Labels = NDArray[np.int64]
Probabilities = NDArray[np.float64]
Classes = tuple[str, ...]


def predicted_classes(probabilities: Probabilities) -> Labels:
    """The most probable class of each row, int64 ``(n,)``; on a tie the first.

    Raises: ValueError for a NaN or an infinity.

    >>> predicted_classes(np.array([[0.2, 0.8], [0.5, 0.5]])).tolist()
    [1, 0]
    """
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities contain NaN or infinity: the network diverged")
    return np.asarray(np.argmax(probabilities, axis=1), np.int64)


def confusion_matrix(labels: Labels, predicted: Labels, k: int) -> NDArray[np.int64]:
    """Counts, int64 ``(k, k)``, ``[true, predicted]``. Raises: ValueError for a label outside 0..k-1.

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    if labels.shape != predicted.shape:
        raise ValueError(f"{labels.shape} labels but {predicted.shape} predictions")
    if labels.size and not (min(labels.min(), predicted.min()) >= 0 and max(labels.max(), predicted.max()) < k):
        raise ValueError(f"a label or a prediction is not one of the {k} classes")
    return np.asarray(np.bincount(labels * k + predicted, minlength=k * k).reshape(k, k), np.int64)


def accuracy(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """Share of samples whose most probable class is the true one. Higher is better, 0 to 1; None without samples.

    >>> accuracy(np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]), ("no", "yes"))
    {'accuracy': 0.5}
    """
    predicted = checked_predictions(labels, probabilities, classes)
    return {"accuracy": float(accuracy_score(labels, predicted)) if labels.size else None}


def balanced_accuracy(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """Mean recall over the classes that occur in the truth, so that no class counts more for being frequent.

    Higher is better, 0 to 1 (a constant answer scores one over the number of classes); None without samples. Equal to
    scikit-learn's. Source: Brodersen et al., The balanced accuracy and its posterior distribution, ICPR 2010.

    >>> balanced_accuracy(np.array([0, 0, 0, 1]), np.array([[0.9, 0.1]] * 4), ("no", "yes"))
    {'balanced_accuracy': 0.5}
    """
    predicted = checked_predictions(labels, probabilities, classes)
    if not labels.size:
        return {"balanced_accuracy": None}
    return {
        "balanced_accuracy": float(
            recall_score(labels, predicted, labels=np.unique(labels), average="macro", zero_division=0)
        )
    }


def cross_entropy(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """Mean of ``-log p(true class)`` in nats. Lower is better, 0 to about 36; None without samples.

    Probabilities below the float64 epsilon (2.2e-16) count as that, so that one confident mistake costs 36.04 nats and
    not infinity; scikit-learn's ``log_loss`` does the same.

    >>> cross_entropy(np.array([0]), np.array([[0.25, 0.75]]), ("no", "yes"))
    {'cross_entropy': 1.3862943611198906}
    """
    checked_predictions(labels, probabilities, classes)
    if not labels.size:
        return {"cross_entropy": None}
    of_truth = probabilities[np.arange(labels.size), labels]
    return {"cross_entropy": float(-np.log(np.clip(of_truth, np.finfo(np.float64).eps, 1.0)).mean())}


def precision(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """``precision/CLASS``: of the samples given that class, the share that is of it.

    Higher is better, 0 to 1; None for a class that nobody named.

    >>> precision(np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]), ("no", "yes"))
    {'precision/no': 0.5, 'precision/yes': 0.0}
    """
    return _per_class("precision", precision_score, labels, probabilities, classes)


def precision_macro(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """Mean precision of the classes that occur in truth or predictions.

    Higher is better, 0 to 1; None without samples.
    """
    return _averaged("precision_macro", precision_score, labels, probabilities, classes)


def precision_micro(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """Precision of all decisions pooled; with one label a sample it equals accuracy.

    Higher is better, 0 to 1; None without samples.
    """
    return _averaged("precision_micro", precision_score, labels, probabilities, classes)


def precision_weighted(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """Mean precision of the classes, each weighted by its samples in the truth.

    Higher is better, 0 to 1; None without samples.
    """
    return _averaged("precision_weighted", precision_score, labels, probabilities, classes)


def recall(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """``recall/CLASS``: of the samples of that class, the share that was found.

    Higher is better, 0 to 1; None for a class that nobody named.

    >>> recall(np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]), ("no", "yes"))
    {'recall/no': 1.0, 'recall/yes': 0.0}
    """
    return _per_class("recall", recall_score, labels, probabilities, classes)


def recall_macro(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """Mean recall of the classes that occur in truth or predictions. Higher is better, 0 to 1; None without samples.

    It is balanced accuracy, but for a class that is predicted and not in the truth: that one counts 0 here and is left
    out there.
    """
    return _averaged("recall_macro", recall_score, labels, probabilities, classes)


def recall_micro(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """Recall of all decisions pooled; with one label a sample it equals accuracy.

    Higher is better, 0 to 1; None without samples.
    """
    return _averaged("recall_micro", recall_score, labels, probabilities, classes)


def recall_weighted(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """Mean recall of the classes, each weighted by its samples in the truth (equals accuracy).

    Higher is better, 0 to 1; None without samples.
    """
    return _averaged("recall_weighted", recall_score, labels, probabilities, classes)


def f1(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """``f1/CLASS``: harmonic mean of that class's precision and recall.

    Higher is better, 0 to 1; None for a class that nobody named.

    >>> f1(np.array([0, 1]), np.array([[0.9, 0.1], [0.9, 0.1]]), ("no", "yes"))
    {'f1/no': 0.6666666666666666, 'f1/yes': 0.0}
    """
    return _per_class("f1", f1_score, labels, probabilities, classes)


def f1_macro(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """Mean F1 of the classes that occur in truth or predictions (the mean of the F1s, not the F1 of the means).

    Higher is better, 0 to 1; None without samples.
    """
    return _averaged("f1_macro", f1_score, labels, probabilities, classes)


def f1_micro(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """F1 of all decisions pooled; with one label a sample it equals accuracy.

    Higher is better, 0 to 1; None without samples.
    """
    return _averaged("f1_micro", f1_score, labels, probabilities, classes)


def f1_weighted(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """Mean F1 of the classes, each weighted by its samples in the truth.

    Higher is better, 0 to 1; None without samples.
    """
    return _averaged("f1_weighted", f1_score, labels, probabilities, classes)


def _averaged(
    name: str, score: Callable[..., Any], labels: Labels, probabilities: Probabilities, classes: Classes
) -> Values:
    """``name``, whose last word is the kind of average, by scikit-learn over the classes that occur."""
    predicted = checked_predictions(labels, probabilities, classes)
    return {
        name: float(score(labels, predicted, average=name.rpartition("_")[2], zero_division=0)) if labels.size else None
    }


def _per_class(
    name: str, score: Callable[..., Any], labels: Labels, probabilities: Probabilities, classes: Classes
) -> Values:
    """``NAME/CLASS`` by scikit-learn, None for a class that does not occur."""
    predicted = checked_predictions(labels, probabilities, classes)
    if not labels.size:
        return {f"{name}/{title}": None for title in classes}
    occurring = np.union1d(labels, predicted)
    scores = dict(
        zip(occurring.tolist(), score(labels, predicted, labels=occurring, average=None, zero_division=0), strict=True)
    )
    return {f"{name}/{title}": float(scores[index]) if index in scores else None for index, title in enumerate(classes)}


def checked_predictions(labels: Labels, probabilities: Probabilities, classes: Classes) -> Labels:
    """The predicted classes. Raises: ValueError where the arguments do not fit one another."""
    if probabilities.shape != (labels.size, len(classes)):
        raise ValueError(f"probabilities are {probabilities.shape} for {labels.size} labels and {len(classes)} classes")
    if labels.size and not (labels.min() >= 0 and labels.max() < len(classes)):
        raise ValueError(f"a label is not one of the {len(classes)} classes")
    return predicted_classes(probabilities)
