"""Whether a classifier is as often right as it is sure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from tumorbench.figures.canvas import BLUE, GREY, ORANGE, message, save

__all__ = ["reliability_diagram"]

EDGES = np.linspace(0.0, 1.0, 16)  # 15 bins, as in the metric


@dataclass(frozen=True, slots=True)
class _Bins:
    """Of each bin of confidence: its samples, their mean confidence and the share that is right (NaN in an empty one)."""

    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def ece(self) -> float:
        return float(np.nansum(self.counts * np.abs(self.confidence - self.accuracy)) / self.counts.sum())


def reliability_diagram(
    labels: ArrayLike, probabilities: ArrayLike, path: Path, temperature: float | None = None
) -> None:
    """Accuracy over confidence in 15 bins, with the expected calibration error, above the number of slices in each bin; beside it the same after scaling.

    labels: integers ``(n,)``; probabilities: ``(n, classes)``. temperature: the one fitted on validation; None leaves the second panel out.
    """
    truth, chances = np.asarray(labels), np.asarray(probabilities, np.float64)
    if not len(truth):
        message(path, "Calibration", "there is no test slice")
        return
    panels = {"as predicted": (_binned(truth, chances / chances.sum(axis=1, keepdims=True)), BLUE)}
    if temperature is not None:
        panels[f"temperature {temperature:.2f}, fitted on validation"] = (
            _binned(truth, _scaled(chances, temperature)),
            ORANGE,
        )
    figure = Figure(figsize=(4.1 * len(panels), 4.9), layout="constrained")
    figure.suptitle(f"Calibration on {len(truth):,} test slices", fontsize=11)
    axes = figure.subplots(2, len(panels), squeeze=False, sharex=True, sharey="row", height_ratios=(3, 1))
    for (upper, lower), (title, (bins, colour)) in zip(axes.T, panels.items(), strict=True):
        upper.set_title(title, fontsize=9)
        _accuracies(upper, bins, colour)
        _counts(lower, bins, colour)
        lower.set_ylim(0, 1.25 * max(int(each.counts.max()) for each, _ in panels.values()))  # room for the figures
    axes[0, 0].set_ylabel("share that is right", fontsize=8)
    axes[1, 0].set_ylabel("slices", fontsize=8)
    save(figure, path)


def _binned(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> _Bins:
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    bins = np.clip(np.searchsorted(EDGES, confidence) - 1, 0, len(EDGES) - 2)
    counts = np.bincount(bins, minlength=len(EDGES) - 1)
    with np.errstate(invalid="ignore"):  # 0 / 0 in an empty bin
        return _Bins(
            counts, *(np.bincount(bins, each, minlength=len(EDGES) - 1) / counts for each in (confidence, right))
        )


def _scaled(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Softmax of ``log p / T``."""
    powers = np.log(np.clip(probabilities, np.finfo(np.float64).eps, 1.0)) / temperature
    powers = np.exp(powers - powers.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _accuracies(axes: Axes, bins: _Bins, colour: str) -> None:
    """A bar up to each bin's accuracy, and its distance from the mean confidence of the bin's slices."""
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, label="calibrated")
    axes.bar(
        EDGES[:-1],
        np.nan_to_num(bins.accuracy),
        np.diff(EDGES),
        align="edge",
        color=colour,
        alpha=0.35,
        edgecolor=colour,
        linewidth=0.8,
    )
    filled = bins.counts > 0
    axes.vlines(
        bins.confidence[filled],
        *np.sort([bins.accuracy[filled], bins.confidence[filled]], axis=0),
        color="black",
        linewidth=1,
        label="gap to the mean confidence",
    )
    axes.plot(
        bins.confidence[filled], bins.accuracy[filled], "o", color=colour, markersize=4, label=f"ECE {bins.ece:.3f}"
    )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=8, loc="upper left")
    axes.grid(alpha=0.25)


def _counts(axes: Axes, bins: _Bins, colour: str) -> None:
    """The number of slices in each bin, also in figures."""
    axes.bar(
        EDGES[:-1], bins.counts, np.diff(EDGES), align="edge", color=colour, alpha=0.35, edgecolor=colour, linewidth=0.8
    )
    for left, count in zip(EDGES, bins.counts, strict=False):
        if count:
            axes.annotate(
                f"{count:,}",
                (left + EDGES[1] / 2, count),
                (0, 1),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=5.5,
            )
    axes.set_xlabel("confidence: probability of the predicted class", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.25)
