"""One answer a patient: the mean of what is said of the patient's slices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["patient_accuracy", "right_of_patients"]


def patient_accuracy(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], patients: NDArray[np.str_]
) -> dict[str, float | None]:
    """The share of patients whose slices' mean probability is highest for their class.

    Higher is better, 0 to 1; None where no patient is known. A patient whose slices have several labels counts once for
    each. Of equally probable classes the first is the answer.

    patients: text ``(n,)``, "" where the patient is not known; such slices have no say.

    >>> probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.6, 0.4]])
    >>> patient_accuracy(np.array([0, 0, 1, 1]), probabilities, np.array(["p", "p", "q", "r"]))
    {'patient_accuracy': 0.6666666666666666}
    """
    right = right_of_patients(labels, probabilities, patients)
    known = right[~np.isnan(right)]
    return {"patient_accuracy": float(known.mean()) if len(known) else None}


def right_of_patients(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], patients: NDArray[np.str_]
) -> NDArray[np.float64]:
    """1 or 0 at the first slice of each patient and label, as the answer is right or not; NaN at the others."""
    found = np.full(len(labels), np.nan)
    rows = np.flatnonzero(patients != "")
    if not len(rows):
        return found
    own = np.array([f"{label} {patient}" for label, patient in zip(labels[rows], patients[rows], strict=True)], np.str_)
    _, first, number = np.unique(own, return_index=True, return_inverse=True)
    sums = np.zeros((len(first), probabilities.shape[1]))
    np.add.at(sums, number, probabilities[rows])
    found[rows[first]] = sums.argmax(1) == labels[rows[first]]
    return found
