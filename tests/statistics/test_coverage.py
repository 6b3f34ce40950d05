"""95 % intervals hold the truth in 92 to 98 % of simulated test sets, of single slices and of patients with several.

The table of docs/intervals.md: ``python tests/statistics/test_coverage.py``.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import starmap

import numpy as np
import pytest
from scipy import stats

from tumorbench.metrics.discrimination import weighted_orders
from tumorbench.metrics.features import Features
from tumorbench.metrics.uncertainty import replicates
from tumorbench.statistics.clusters import Clusters
from tumorbench.statistics.intervals import interval
from tumorbench.statistics.replicates import drawn_of_totals, drawn_of_weights
from tumorbench.tasks.scores.totals import totals_of_classes, totals_of_masks, totals_of_shares

DESIGNS = {
    "100 patients x 1": (100, 1, 0.0),
    "20 patients x 5, ICC .8": (20, 5, 0.8),
    "40 patients x 5, ICC .8": (40, 5, 0.8),
    "140 patients x 5, ICC .8": (140, 5, 0.8),
}
RIGHT = np.array([0.9, 0.7, 0.85])  # the recall of each class
SHARES = np.array([0.25, 0.45, 0.3])
DRAWS = 400
Ends = tuple[float, float] | None


def correlated(rng, patients, slices, icc):
    """Standard normal, ``(patients, slices)``, with the intraclass correlation."""
    shared, own = rng.normal(size=(patients, 1)), rng.normal(size=(patients, slices))
    return np.sqrt(icc) * shared + np.sqrt(1 - icc) * own


def named(patients, slices):
    return Clusters.of([f"p{number:04}" for number in np.repeat(np.arange(patients), slices)])


def classified(metric: str) -> Callable[..., Iterator[tuple[float, Ends]]]:
    """Truth and interval of a classifier's value; patients have one class each."""

    def simulate(rng, patients, slices, icc, repetitions):
        truth = {"accuracy": float(RIGHT @ SHARES), "balanced_accuracy": float(RIGHT.mean())}.get(metric, 0.0)
        for _ in range(repetitions):
            label = rng.choice(3, patients, p=SHARES)
            right = correlated(rng, patients, slices, icc) < stats.norm.ppf(RIGHT)[label][:, None]
            labels = np.repeat(label, slices)
            predicted = np.where(right.ravel(), labels, (labels + 1) % 3)
            every = totals_of_classes(labels, np.eye(3)[predicted], ("a", "b", "c"), None)
            drawn = drawn_of_totals([next(every)], named(patients, slices), DRAWS)
            yield truth, drawn.interval(metric, drawn.observed[metric], (-1, 1) if metric == "mcc" else (0, 1))

    return simulate


def lesions(rng, patients, slices, icc):
    """Pixel confusions of lesions whose size and outline go with the patient, ``(n, 2, 2)``."""
    size = np.exp(6 + 0.6 * correlated(rng, patients, slices, icc)).ravel()
    hits = size * stats.norm.cdf(1.0 + 0.8 * correlated(rng, patients, slices, icc).ravel())
    alarms = size * rng.uniform(0, 0.3, len(size))
    confusions = np.stack([np.full(len(size), 6e4), alarms, size - hits, hits], 1).reshape(-1, 2, 2)
    return confusions.astype(np.int64)


def pooled_dice(rng, patients, slices, icc, repetitions):
    whole = lesions(np.random.default_rng(1), 40_000, slices, icc).sum(0)
    truth = 2 * whole[1, 1] / (2 * whole[1, 1] + whole[0, 1] + whole[1, 0])
    for _ in range(repetitions):
        every = totals_of_masks(lesions(rng, patients, slices, icc), ("lesion",), lesions=False)
        drawn = drawn_of_totals([next(every)], named(patients, slices), DRAWS)
        yield truth, drawn.interval("dice", drawn.observed["dice"], (0, 1))


def area_under_the_curve(rng, patients, slices, icc, repetitions):
    """AUROC of scores that are normal with equal spread; a patient in three has the class."""
    apart = 1.5
    truth = float(stats.norm.cdf(apart / np.sqrt(2)))
    for _ in range(repetitions):
        positive = np.repeat(rng.random(patients) < 1 / 3, slices)
        scores = correlated(rng, patients, slices, icc).ravel() + apart * positive
        area = partial(_area, scores, positive)
        drawn = drawn_of_weights(area, ("auroc",), named(patients, slices), DRAWS)
        yield truth, drawn.interval("auroc", drawn.observed["auroc"], (0, 1))


def _area(scores, positive, weights):
    return weighted_orders(scores, positive, weights)[0][:, None]


def correlation(rng, patients, slices, icc, repetitions):
    """Matthews' correlation of the classifier of ``classified``."""
    counts = np.diag(RIGHT * SHARES) + np.roll(np.diag((1 - RIGHT) * SHARES), 1, axis=1)
    true, predicted = counts.sum(1), counts.sum(0)
    truth = (np.trace(counts) - true @ predicted) / np.sqrt((1 - true @ true) * (1 - predicted @ predicted))
    yield from ((truth, ends) for _, ends in classified("mcc")(rng, patients, slices, icc, repetitions))


def mean_distance(rng, patients, slices, icc, repetitions):
    """A mean of distances that are skewed, as those between outlines are."""
    truth = float(np.exp(2 + 0.7**2 / 2))
    for _ in range(repetitions):
        distances = np.exp(2 + 0.7 * correlated(rng, patients, slices, icc).ravel())
        drawn = drawn_of_totals([totals_of_shares("hd95", distances)], named(patients, slices), DRAWS)
        yield truth, drawn.interval("hd95", drawn.observed["hd95"], (0, np.inf))


def kid(rng, patients, slices, icc, repetitions, *, by_patient=True):
    """The truth is the expected value at the same numbers of patients and images."""
    names = [f"p{number}" for number in np.repeat(np.arange(patients), slices)] if by_patient else None
    found = []
    for _ in range(repetitions):
        real = np.stack([correlated(rng, patients, slices, icc).ravel() for _ in range(16)], 1)
        generated = rng.normal(0.4, 0.9, real.shape)
        sides = (Features(each.astype(np.float32), None, "raw") for each in (real, generated))
        drawn = replicates("kid")(*sides, clusters=(names, None))
        found.append((drawn.value, interval(drawn.value, drawn.draws, drawn.clusters, halves=True)))
    truth = float(np.mean([value for value, _ in found]))
    return [(truth, ends) for _, ends in found]


VALUES = {
    "proportion (accuracy)": classified("accuracy"),
    "macro mean (balanced accuracy)": classified("balanced_accuracy"),
    "Matthews' correlation": correlation,
    "AUROC": area_under_the_curve,
    "pooled Dice": pooled_dice,
    "mean distance": mean_distance,
    "KID": kid,
}


def coverage(value: str, design: str, repetitions: int) -> float:
    """The share of simulated test sets whose interval holds the truth."""
    rng = np.random.default_rng(zlib.crc32(f"{value} {design}".encode()))
    simulated = VALUES[value](rng, *DESIGNS[design], repetitions)
    return float(np.mean([ends is not None and ends[0] <= truth <= ends[1] for truth, ends in simulated]))


@pytest.mark.slow
@pytest.mark.parametrize("design", list(DESIGNS)[:3])
@pytest.mark.parametrize("value", VALUES)
def test_an_interval_holds_the_truth_as_often_as_it_says(value, design):
    repetitions = 200 if value == "KID" else 400
    noise = 2 * np.sqrt(0.95 * 0.05 / repetitions)
    assert 0.92 - noise < coverage(value, design, repetitions) < 0.98 + noise


@pytest.mark.slow
def test_images_that_are_taken_as_independent_would_hold_it_less_often():
    rng = np.random.default_rng(0)
    held = list(starmap(_holds, kid(rng, 20, 5, 0.8, 100, by_patient=False)))
    assert np.mean(held) < 0.9


def _holds(truth, ends):
    return ends[0] <= truth <= ends[1]


def main() -> None:
    for value in VALUES:
        for design in DESIGNS:
            repetitions = 200 if value == "KID" else 600
            print(f"| {value} | {design} | {coverage(value, design, repetitions):.3f} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
