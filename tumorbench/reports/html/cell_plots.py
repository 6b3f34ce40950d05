"""Plots of one row: its learning curves, its confusion matrix, its calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from tumorbench.reports.html.plots import Point, finished, legend_of, short, whole

__all__ = ["KINDS", "PARTS", "calibration", "confusion", "curve"]

PARTS = ("training", "validation")
KINDS = ("as predicted", "after temperature scaling")


def curve(points: Sequence[Point], name: str) -> dict[str, Any]:
    """A value over the epochs, of training and of validation; a line a cell, with a mark at the epoch that was kept.

    points: ``epoch``, ``value``, ``part``, ``cell``, ``kept``.
    """
    legend = legend_of(PARTS, points, "part")
    colour = alt.Color("part:N", scale=alt.Scale(domain=PARTS), legend=legend)
    dash = alt.StrokeDash("part:N", scale=alt.Scale(domain=PARTS, range=[[1, 0], [5, 3]]), legend=legend)
    last = max(point["epoch"] for point in points)
    base = alt.Chart(alt.InlineData(values=list(points))).encode(
        x=alt.X("epoch:Q", axis=whole(last), scale=alt.Scale(nice=False)),
        y=alt.Y("value:Q", title=name, scale=alt.Scale(zero=False)),
        color=colour,
        detail="cell:N",
    )
    hover = [alt.Tooltip(each) for each in ("epoch:Q", "value:Q", "part:N", "cell:N")]
    lines = base.mark_line(strokeWidth=1.8).encode(strokeDash=dash)
    marks = base.mark_point(filled=True, size=18).encode(tooltip=hover)
    kept = base.transform_filter("datum.kept").mark_point(size=120, strokeWidth=2).encode(tooltip=hover)
    return finished(alt.layer(lines, marks, kept), f"{name} over the epochs", height=220)


def confusion(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> dict[str, Any]:
    """Shares of each true class by predicted class, with the counts. counts: ``[true][predicted]``."""
    points = [
        {"true": true, "predicted": predicted, "count": count, "share": short(count / (sum(row) or 1))}
        for true, row in zip(classes, counts, strict=True)
        for predicted, count in zip(classes, row, strict=True)
    ]
    base = alt.Chart(alt.InlineData(values=points)).encode(
        x=alt.X("predicted:N", sort=list(classes), title="predicted class", axis=alt.Axis(labelAngle=0, labelLimit=90)),
        y=alt.Y("true:N", sort=list(classes), title="true class"),
    )
    hover = [
        alt.Tooltip("true:N"),
        alt.Tooltip("predicted:N"),
        alt.Tooltip("count:Q"),
        alt.Tooltip("share:Q", format=".1%"),
    ]
    tiles = base.mark_rect().encode(
        color=alt.Color(
            "share:Q",
            scale=alt.Scale(domain=[0, 1]),
            legend=alt.Legend(
                title="share of the true class",
                format=".0%",
                orient="bottom",
                direction="horizontal",
                gradientLength=160,
            ),
        ),
        tooltip=hover,
    )
    texts = base.mark_text(fontSize=12).encode(text=alt.Text("label:N"))
    texts = texts.transform_calculate(label="format(datum.count, ',') + ' (' + format(datum.share, '.0%') + ')'")
    return finished(alt.layer(tiles, texts), "Confusion matrix", height=44 * len(classes))


def calibration(points: Sequence[Point]) -> dict[str, Any]:
    """Share that is right over confidence, a mark a bin, larger where more slices are; the dotted line is calibrated.

    points: ``confidence``, ``accuracy``, ``slices``, ``kind``.
    """
    present = [kind for kind in KINDS if any(point["kind"] == kind for point in points)]
    legend = alt.Legend(title=None, orient="bottom", values=present, columns=1, labelLimit=240)
    share = alt.Scale(domain=[0, 1])
    ideal = alt.Chart(alt.InlineData(values=[{"at": 0}, {"at": 1}])).mark_line(
        strokeDash=[2, 3], strokeWidth=1.5, color=alt.ExprRef("muted")
    )
    base = alt.Chart(alt.InlineData(values=list(points))).encode(
        x=alt.X("confidence:Q", title="confidence", scale=share),
        y=alt.Y("accuracy:Q", title="share that is right", scale=share),
        color=alt.Color("kind:N", scale=alt.Scale(domain=KINDS), legend=legend),
    )
    hover = [alt.Tooltip(name) for name in ("kind:N", "confidence:Q", "accuracy:Q", "slices:Q")]
    size = alt.Size("slices:Q", scale=alt.Scale(range=[20, 300]), legend=None)
    lines = base.mark_line(strokeWidth=1.5)
    marks = base.mark_point(filled=True, opacity=0.9).encode(
        size=size,
        shape=alt.Shape("kind:N", scale=alt.Scale(domain=KINDS, range=["circle", "square"]), legend=legend),
        tooltip=hover,
    )
    layers = alt.layer(
        ideal.encode(x=alt.X("at:Q", title="confidence"), y=alt.Y("at:Q", title="share that is right")), lines, marks
    )
    return finished(layers.add_params(alt.param(name="muted", value="grey")), "Calibration", height=260)
