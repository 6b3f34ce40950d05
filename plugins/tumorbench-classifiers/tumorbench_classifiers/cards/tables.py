"""scikit-learn's classification report, as the source reports print it, becomes reported figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tumorbench import Reported

__all__ = ["FOUR_CLASSES", "classification_report"]

FOUR_CLASSES = ("glioma", "meningioma", "notumor", "pituitary")  # of both Kaggle sets, in label order

PrecisionRecallF1 = tuple[float, float, float]


def classification_report(
    dataset: str,
    classes: Mapping[str, PrecisionRecallF1],
    macro: PrecisionRecallF1,
    weighted: PrecisionRecallF1,
    *,
    note: str = "",
    difference: str = "",
) -> Iterator[Reported]:
    """Every figure of the table but its accuracy: precision, recall and F1 of each class, their means, and their means weighted by class size."""
    rows = {"_macro": macro, "_weighted": weighted} | {f"/{name}": row for name, row in classes.items()}
    for suffix, row in rows.items():
        for metric, value in zip(("precision", "recall", "f1"), row, strict=True):
            yield Reported(dataset=dataset, metric=f"{metric}{suffix}", value=value, note=note, difference=difference)
