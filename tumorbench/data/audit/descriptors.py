"""How well a picture's size, border and brightness tell its class: what a network can learn without seeing a brain."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorbench.data.decode import Decoded
from tumorbench.data.kinship import Kinship

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DESCRIPTORS", "describe", "given_away"]

DESCRIPTORS = ("height", "width", "aspect", "border", "mean", "black")
BLACK = 8  # of 255: JPEG leaves no exact black
FOLDS = 5
TREES = 100
LEAST_LEAF = 5  # pictures in a leaf
SEED = 20220101


def describe(image: NDArray[np.uint8]) -> tuple[float, ...]:
    """The ``DESCRIPTORS`` of a picture, uint8 ``(height, width)``.

    Height and width in pixels, width / height, mean grey of the outermost pixels, mean grey, and the share of pixels
    that are black (at most 8 of 255).
    """
    height, width = image.shape
    counts = np.bincount(image.ravel(), minlength=256)
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    mean = float(counts @ np.arange(256)) / image.size
    return height, width, width / height, float(border.mean()), mean, float(counts[: BLACK + 1].sum()) / image.size


def given_away(decoded: Decoded, kin: Kinship, table: Sequence[Sequence[float]]) -> dict[str, Any]:
    """How well the descriptors (``table``, one row a picture) tell the classes; cross-validated, no cluster in two folds.

    Balanced accuracy of a random forest on all descriptors (``together``, and its lowest and highest fold) and of a
    decision tree on each; ``chance`` is that of guessing. With a ``reason`` in place of values where a class has one
    cluster only.
    """
    values, labels = np.array(table, np.float64), np.array([sample.label for sample in decoded.samples])
    clusters = np.unique(np.array(kin.clusters), return_inverse=True)[1]
    folds = min(FOLDS, *(len(np.unique(clusters[labels == label])) for label in range(len(decoded.spec.classes))))
    if folds < 2:  # noqa: PLR2004 - to learn from and to test on
        return {"reason": "a class has a single cluster, so that none is left to test on"}
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier

    forest = RandomForestClassifier(
        TREES, min_samples_leaf=LEAST_LEAF, class_weight="balanced", random_state=SEED, n_jobs=1
    )
    tree = DecisionTreeClassifier(min_samples_leaf=LEAST_LEAF, class_weight="balanced", random_state=SEED)
    parts = _folds(values, labels, clusters, folds)
    together = _accuracies(forest, values, labels, parts)
    return {
        "chance": round(1 / len(decoded.spec.classes), 4),
        "together": round(float(np.mean(together)), 4),
        "folds": [round(min(together), 4), round(max(together), 4)],
        "alone": {
            name: round(float(np.mean(_accuracies(tree, values[:, [column]], labels, parts))), 4)
            for column, name in enumerate(DESCRIPTORS)
        },
    }


def _folds(
    values: NDArray[np.float64], labels: NDArray[np.int64], clusters: NDArray[np.int64], folds: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    from sklearn.model_selection import StratifiedGroupKFold

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        return list(StratifiedGroupKFold(folds, shuffle=True, random_state=SEED).split(values, labels, clusters))


def _accuracies(
    learner: Any,
    values: NDArray[np.float64],
    labels: NDArray[np.int64],
    folds: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> list[float]:
    """The balanced accuracy on each fold, over the classes that it has."""
    found = []
    for train, test in folds:
        predicted = learner.fit(values[train], labels[train]).predict(values[test])
        right = [float((predicted[labels[test] == label] == label).mean()) for label in np.unique(labels[test])]
        found.append(float(np.mean(right)))
    return found
