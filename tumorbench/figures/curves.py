"""Learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tumorbench.figures.canvas import BLUE, GREY, ORANGE, grid, message, save

__all__ = ["learning_curves"]

NOT_CURVES = {"epoch", "wall_s"}
COLUMNS = 3


def learning_curves(history: Sequence[Mapping[str, float]], path: Path, best_epoch: int | None = None) -> None:
    """A panel for each loss and monitored value over the epochs, its ``val_`` twin in the same panel; the epoch whose weights count is marked.

    A learning rate that never changes has no panel.
    """
    names = sorted({name.removeprefix("val_") for entry in history for name in entry} - NOT_CURVES, key=_order)
    if len({entry.get("learning_rate") for entry in history}) < 2:  # noqa: PLR2004 - a constant is no curve
        names = [name for name in names if name != "learning_rate"]
    if not names:
        message(path, "Learning curves", "no epoch was finished")
        return
    epochs = [int(entry.get("epoch", index + 1)) for index, entry in enumerate(history)]
    columns = min(COLUMNS, len(names))
    figure, axes = grid(-(-len(names) // columns), columns, (3.9, 2.9), "Learning curves")
    for panel, name in zip(axes.flat, names, strict=False):
        _curve(panel, history, epochs, name)
        if best_epoch is not None:
            panel.axvline(best_epoch, color=GREY, linestyle=":", label=f"kept: epoch {best_epoch}")
        panel.legend(fontsize=7)
    for panel in axes.flat[len(names) :]:
        panel.set_visible(False)
    save(figure, path)


def _order(name: str) -> tuple[bool, bool, str]:
    return (name == "learning_rate", name != "loss", name)


def _curve(axes: Axes, history: Sequence[Mapping[str, float]], epochs: Sequence[int], name: str) -> None:
    for key, label, colour in (
        (name, "learning rate" if name == "learning_rate" else "training", BLUE),
        (f"val_{name}", "validation", ORANGE),
    ):
        if any(key in entry for entry in history):
            values = [entry.get(key, float("nan")) for entry in history]
            axes.plot(epochs, values, color=colour, marker="o", markersize=3, linewidth=1.3, label=label)
    if name == "learning_rate":
        axes.set_yscale("log")
    axes.set_title(name, fontsize=9)
    axes.set_xlabel("epoch", fontsize=8)
    axes.set_ylabel(name, fontsize=8)
    axes.tick_params(labelsize=7)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25)
