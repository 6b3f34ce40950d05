"""Specifications of plots for Vega-Lite, by Vega-Altair. Each is of its arguments alone: equal points, equal bytes.

Colours come from the page, which knows whether it is light or dark: a specification names only their order. What a
colour says, a shape or a dash says too. A plot of several protocols has the parameter ``shown``, by which the page
filters it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import altair as alt

from tumorbench.contracts.problem import Protocol

__all__ = ["SHAPES", "Point", "dots", "finished", "legend_of", "ranks", "scatter", "short", "slopes", "whole"]

Point = Mapping[str, Any]
PROTOCOLS = list(get_args(Protocol))
ROW, ROW_OF_SEVERAL = 28, 20  # pixels of a line of a dot plot: one for each model, or one for each of its protocols
SHAPES = ["square", "triangle-up", "circle", "diamond", "cross", "triangle-down"]


def short(value: float | None) -> float | None:
    """With five significant digits; None for what is no finite number."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.5g}")


def ranks(points: Sequence[Point]) -> dict[str, Any]:
    """A dot at each row's rank, on a line over the ranks that its mean has in 95 % of the replicates.

    points: ``model``, ``protocol``, ``rank``, ``low``, ``high``, in the order in which they are drawn.
    """
    last = max(point["high"] for point in points)
    base = _shown(points).encode(y=_names())
    scale = alt.Scale(domain=[0.5, last + 0.5], nice=False, zero=False)
    across = alt.X("low:Q", title="rank, 1 is best", scale=scale, axis=whole(last))
    hover = [alt.Tooltip("model:N"), alt.Tooltip("rank:Q"), alt.Tooltip("low:Q"), alt.Tooltip("high:Q")]
    lines = base.mark_rule(strokeWidth=3, opacity=0.55).encode(x=across, x2="high:Q", tooltip=hover)
    dots_ = base.mark_point(filled=True, size=110, opacity=1).encode(x=alt.X("rank:Q", scale=scale), tooltip=hover)
    return finished(alt.layer(lines, dots_), "Ranks and their 95 % intervals", height=ROW * len(points))


def dots(points: Sequence[Point], title: str) -> dict[str, Any]:
    """A dot at each row's value, on a line over its 95 % interval, by model and protocol.

    points: ``model``, ``protocol``, ``value``, ``low``, ``high`` (None where no interval is known). title: of the axis.
    """
    places = len({point["model"] for point in points}) * len({point["protocol"] for point in points})
    base = _shown(points).encode(
        y=_names(), yOffset=alt.YOffset("protocol:N", sort=PROTOCOLS), color=_by_protocol(points)
    )
    hover = [alt.Tooltip(name) for name in ("model:N", "protocol:N", "value:Q", "low:Q", "high:Q")]
    scale = alt.Scale(zero=False, nice=True)
    lines = base.mark_rule(strokeWidth=3, opacity=0.55).encode(x=alt.X("low:Q", title=title, scale=scale), x2="high:Q")
    marks = base.mark_point(filled=True, size=90, opacity=1).encode(
        x=alt.X("value:Q", title=title, scale=scale), shape=_shape(points), tooltip=hover
    )
    return finished(alt.layer(lines, marks), f"{title} and its 95 % interval", height=ROW_OF_SEVERAL * places)


def slopes(points: Sequence[Point], title: str) -> dict[str, Any]:
    """A line a model from protocol to protocol; thin lines are 95 % intervals. points: as of ``dots``."""
    present = [name for name in PROTOCOLS if any(point["protocol"] == name for point in points)]
    across = alt.X("protocol:N", sort=present, title="split", axis=alt.Axis(labelAngle=0), scale=alt.Scale(padding=0.4))
    legend = alt.Legend(title=None, orient="bottom", columns=2, labelLimit=160, symbolOpacity=1)
    named = list(dict.fromkeys(point["model"] for point in points))
    colour = alt.Color("model:N", scale=alt.Scale(domain=named), legend=legend)
    base = _shown(points).encode(x=across, color=colour)
    hover = [alt.Tooltip(name) for name in ("model:N", "protocol:N", "value:Q", "low:Q", "high:Q")]
    up = alt.Y("value:Q", title=title, scale=alt.Scale(zero=False))
    lines = base.mark_line(strokeWidth=2).encode(y=up)
    ends = base.mark_rule(strokeWidth=1.5, opacity=0.45).encode(y=alt.Y("low:Q", title=title), y2="high:Q")
    shape = alt.Shape("model:N", scale=alt.Scale(domain=named, range=SHAPES), legend=legend)
    marks = base.mark_point(filled=True, size=90, opacity=1).encode(y=up, shape=shape, tooltip=hover)
    return finished(alt.layer(lines, ends, marks), f"{title} by split", height=320)


def scatter(points: Sequence[Point], across: str, up: str) -> dict[str, Any]:
    """A mark a row; the first of each model is named beside it. across, up: titles of the axes.

    points: ``model``, ``protocol``, ``x`` (above 0), ``value``; at least two.
    """
    named: dict[str, Point] = {}
    labelled = [
        {**point, "label": point["model"] if named.setdefault(point["model"], point) is point else ""}
        for point in points
    ]
    costs, values = [point["x"] for point in points], [point["value"] for point in points]
    space = 0.1 * ((max(values) - min(values)) or abs(max(values)) or 1)
    wide = alt.Scale(type="log", nice=False, domain=[short(min(costs) / 1.5), short(max(costs) * 1.5)])
    right = f"datum.x > {math.sqrt(min(costs) * max(costs)):.6g}"  # there the name stands on the left
    high = alt.Scale(zero=False, nice=False, domain=[short(min(values) - space), short(max(values) + space)])
    base = _shown(labelled).encode(
        x=alt.X("x:Q", title=across, scale=wide, axis=alt.Axis(format="~s", tickCount=4, grid=False)),
        y=alt.Y("value:Q", title=up, scale=high),
    )
    hover = [
        alt.Tooltip("model:N"),
        alt.Tooltip("protocol:N"),
        alt.Tooltip("x:Q", title=across),
        alt.Tooltip("value:Q", title=up),
    ]
    marks = base.mark_point(filled=True, size=90, opacity=1)
    marks = marks.encode(color=_by_protocol(points), shape=_shape(points), tooltip=hover)
    align, dx = alt.ExprRef(f"{right} ? 'right' : 'left'"), alt.ExprRef(f"{right} ? -8 : 8")
    names = base.mark_text(align=align, dx=dx, fontSize=11, limit=140).encode(text="label:N")
    return finished(alt.layer(names, marks), f"{up} against {across}", height=260)


def _shown(points: Sequence[Point]) -> alt.Chart:
    """A chart of the points whose protocol is one of the parameter ``shown``."""
    return alt.Chart(alt.InlineData(values=list(points))).transform_filter("indexof(shown, datum.protocol) >= 0")


def _names() -> alt.Y:
    return alt.Y("model:N", sort=None, title=None)


def _by_protocol(points: Sequence[Point]) -> alt.Color:
    legend = legend_of(PROTOCOLS, points, "protocol")
    return alt.Color("protocol:N", scale=alt.Scale(domain=PROTOCOLS), legend=legend)


def _shape(points: Sequence[Point]) -> alt.Shape:
    legend = legend_of(PROTOCOLS, points, "protocol")
    return alt.Shape("protocol:N", scale=alt.Scale(domain=PROTOCOLS, range=SHAPES), legend=legend)


def legend_of(order: Sequence[str], points: Sequence[Point], field: str) -> alt.Legend:
    """Of the names that are there, in a fixed order."""
    present = [name for name in order if any(point[field] == name for point in points)]
    return alt.Legend(title=None, orient="bottom", values=present, symbolOpacity=1)


def whole(last: float) -> alt.Axis:
    """An axis with ticks at whole numbers from 1, at most about ten."""
    step = max(1, math.ceil(last / 10))
    return alt.Axis(
        format="d", values=[1, *range(step, int(last) + 1, step)] if step > 1 else list(range(1, int(last) + 1))
    )


def finished(chart: alt.LayerChart | alt.FacetChart, description: str, *, height: Any) -> dict[str, Any]:
    """The specification, as wide as its place on the page."""
    sized = chart.properties(width="container", height=height, description=description)
    found: dict[str, Any] = sized.to_dict()
    found["autosize"] = {"type": "fit-x", "contains": "padding"}
    for name in ("$schema", "config"):  # the page says both
        found.pop(name, None)
    if "indexof(shown" in str(found):
        found.setdefault("params", []).append({"name": "shown", "value": PROTOCOLS})
    return found
