"""Agreement of the predicted classes with the true ones beyond chance: Matthews' correlation and Cohen's kappa.

Called as the metrics of ``tumorbench.metrics.classification``. Both are 0 for a constant answer and for a guess.
"""

from __future__ import annotations

import numpy as np
from sklearn.metrics import cohen_kappa_score, matthews_corrcoef

from tumorbench.metrics.classification import Classes, Labels, Probabilities, Values, checked_predictions

__all__ = ["cohen_kappa", "mcc"]


def mcc(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """Matthews' correlation coefficient of true and predicted classes, of all classes in one number.

    Higher is better, -1 to 1: 1 where every answer is right, 0 for a constant answer. None where the truth has fewer
    than two classes, because then nothing can correlate. Source: Gorodkin, Comparing two K-category assignments by a
    K-category correlation coefficient, Computational Biology and Chemistry 2004. Equal to scikit-learn's, which is 0
    where we are undefined.

    >>> mcc(np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.2, 0.8]]), ("no", "yes"))
    {'mcc': 0.5773502691896258}
    """
    predicted = checked_predictions(labels, probabilities, classes)
    return {"mcc": float(matthews_corrcoef(labels, predicted)) if _tells(labels) else None}


def cohen_kappa(labels: Labels, probabilities: Probabilities, classes: Classes) -> Values:
    """Cohen's kappa: how far accuracy lies above what the two sides' class sizes would give by chance.

    Higher is better, -1 to 1: 1 where every answer is right, 0 at chance. None where the truth has fewer than two
    classes. Source: Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement
    1960. Equal to scikit-learn's, without weights: tumour types have no order.

    >>> cohen_kappa(np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.2, 0.8]]), ("no", "yes"))
    {'cohen_kappa': 0.5}
    """
    predicted = checked_predictions(labels, probabilities, classes)
    return {"cohen_kappa": float(cohen_kappa_score(labels, predicted)) if _tells(labels) else None}


def _tells(labels: Labels) -> bool:
    """Whether the truth has two classes or more."""
    return len(np.unique(labels)) > 1
