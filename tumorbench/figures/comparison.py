"""Differences of two models with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.ticker import MaxNLocator

from tumorbench.figures.canvas import BLUE, GREY, grid, message, save

__all__ = ["differences_figure"]

COLUMNS = 3
Line = tuple[str, float, tuple[float, float] | None, bool]


def differences_figure(panels: Sequence[tuple[str, Sequence[Line]]], title: str, path: Path) -> None:
    """A panel for each metric: a dot for each (name, difference, 95 % interval, whether it holds after Holm's correction).

    0, where the two are equal, is a line; differences that hold are blue, the others grey.
    """
    if not panels:
        message(path, title, "no value in common")
        return
    columns, most = min(COLUMNS, len(panels)), max(len(lines) for _, lines in panels)
    figure, axes = grid(-(-len(panels) // columns), columns, (4.4, 0.9 + 0.3 * most), title)
    for panel, (name, lines) in zip(axes.flat, panels, strict=False):
        for place, (_, difference, ends, holds) in enumerate(lines):
            colour = BLUE if holds else GREY
            panel.plot([difference], [place], "o", color=colour, markersize=4)
            if ends is not None:
                panel.plot(list(ends), [place, place], color=colour, linewidth=1.5)
        panel.axvline(0, color="black", linewidth=0.8)
        panel.set_yticks(range(len(lines)), [line[0] for line in lines], fontsize=7)
        panel.set_ylim(len(lines) - 0.5, -0.5)
        panel.xaxis.set_major_locator(MaxNLocator(4))
        panel.tick_params(axis="x", labelsize=7)
        panel.set_title(name, fontsize=9)
    for panel in axes.flat[len(panels) :]:
        panel.set_visible(False)
    save(figure, path)
