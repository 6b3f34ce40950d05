"""Dots with intervals as an SVG: text, so that equal values give equal bytes on every machine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

__all__ = ["Dot", "dot_plot"]

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 860, 300, 30, 40, 40  # pixels
STEP, GAP, KEY = 15, 12, 18  # between the dots of one name, between names, between lines of the legend
COLOURS = ("#b2182b", "#ef8a62", "#7b3294", "#c2a5cf", "#2166ac", "#1b7837", "#7fbf7b", "#636363")
TICKS = 5


class Dot(NamedTuple):
    """One dot: the series it is of, its value, and the ends of its interval."""

    series: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class _Axis:
    """The horizontal axis, from ``start`` to 1."""

    start: float

    @classmethod
    def of(cls, dots: Sequence[Dot]) -> _Axis:
        """From the tenth below the least end."""
        least = min((dot.low for dot in dots if math.isfinite(dot.low)), default=0.0)
        return cls(min(max(0.0, math.floor(least * 10) / 10), 0.9))

    def place(self, value: float) -> float:
        """Where the value lies, in pixels."""
        return LEFT + (WIDTH - LEFT - RIGHT) * (min(max(value, self.start), 1.0) - self.start) / (1 - self.start)

    def ticks(self, top: float, bottom: float) -> Iterator[str]:
        """Thin lines from top to bottom, with their values."""
        for number in range(TICKS + 1):
            value = self.start + (1 - self.start) * number / TICKS
            yield _line(self.place(value), top, self.place(value), bottom, "#dddddd", 1)
            yield _text(self.place(value), bottom + 18, f"{value:.2f}", "middle")


def dot_plot(names: Sequence[tuple[str, Sequence[Dot]]], series: Sequence[str], axis: str) -> str:
    """An SVG in which each name has its dots below one another, each series with a colour of its own.

    axis: what the values are; they lie between 0 and 1.
    """
    across = _Axis.of([dot for _, dots in names for dot in dots])
    top = TOP + KEY * len(series)
    height = top + GAP + sum(STEP * len(dots) + GAP for _, dots in names) + BOTTOM
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(series)}
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">']
    parts += [f'<rect width="{WIDTH}" height="{height}" fill="white"/>', _text(LEFT, 20, f"{axis}, 95 % intervals")]
    parts += [*_legend(colours), *across.ticks(top, height - BOTTOM + 10)]
    y = float(top + GAP)
    for name, dots in names:
        parts.append(_text(LEFT - 10, y + STEP * (len(dots) - 1) / 2 + 4, name, "end"))
        for dot in dots:
            parts.append(_line(across.place(dot.low), y, across.place(dot.high), y, colours[dot.series], 2))
            parts.append(_circle(across.place(dot.value), y, colours[dot.series]))
            y += STEP
        y += GAP
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(colours: dict[str, str]) -> Iterator[str]:
    for number, (name, colour) in enumerate(colours.items()):
        yield _circle(LEFT + 6, TOP + KEY * number, colour)
        yield _text(LEFT + 18, TOP + KEY * number + 4, name, "start")


def _circle(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: int) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
