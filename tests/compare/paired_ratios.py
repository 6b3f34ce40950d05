"""Turns become ratios of neighbouring turns, and ratios become a Markdown table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tabulate import tabulate

from tumorbench.speed.clock import Timed
from tumorbench.speed.rounds import BEST_RATE, UNDISTURBED

__all__ = ["FEWEST", "TOLERANCES", "Ratio", "Row", "Turn", "check_losses", "paired_ratio", "table"]

OURS, BY_HAND = "tumorbench", "by-hand"
TOLERANCES = {  # relative, of the same batch
    ("float64", "loss"): 1e-6,
    ("float64", "gradient_norm"): 1e-6,
    ("float32", "loss"): 2e-3,  # rounding: torch sums a norm's statistics in float32 where images lie channels-last
}
FEWEST = 3  # pairs of which a median is told


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn. reference: a matrix product just before it, on every thread; seconds: the whole turn.

    taken: of the time of the CPUs meanwhile, the share that other processes had.
    """

    reference: Timed
    seconds: float
    taken: float
    images: int

    @property
    def image_s(self) -> float:
        """Seconds an image."""
        return self.seconds / self.images


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as long an image takes one way as another: the median over pairs of neighbouring turns.

    lower, upper: the quartiles, between which half of the pairs lie. pairs, discarded: kept, and disturbed by others.
    """

    median: float
    lower: float
    upper: float
    pairs: int
    discarded: int


@dataclass(slots=True)
class Row:
    """What was measured of one model.

    pairs: (way, its turn's number, tumorbench's turn's number), neighbours in time.
    """

    model: str
    dataset: str
    slices: int
    shape: str
    batch: int
    precision: str
    losses: dict[str, Any] = field(default_factory=dict)
    turns: dict[str, list[Turn]] = field(default_factory=dict)
    pairs: list[tuple[str, int, int]] = field(default_factory=list)
    end_s: dict[str, float] = field(default_factory=dict)

    def images_per_s(self, way: str) -> float:
        """The median over the undisturbed turns; over all, where none is."""
        turns = self.turns[way]
        kept = kept_turns(turns) or range(len(turns))
        return 1 / statistics.median(turns[i].image_s for i in kept)

    def ratio(self, way: str) -> Ratio | None:
        """Of the way's time over tumorbench's; None where fewer than three pairs were undisturbed."""
        pairs = [(other, own) for name, other, own in self.pairs if name == way]
        return paired_ratio(self.turns[way], self.turns[OURS], pairs)

    def overhead(self) -> float | None:
        """What the harness adds to a hand-written loop's time of an epoch, its end included: 0.01 is 1 %."""
        if (ratio := self.ratio(BY_HAND)) is None:
            return None
        epoch_s = self.slices / self.images_per_s(BY_HAND)
        return 1 / ratio.median - 1 + self.end_s[OURS] / epoch_s

    def kept(self, way: str) -> int:
        """How many of the way's pairs are undisturbed."""
        good, well = set(kept_turns(self.turns[way])), set(kept_turns(self.turns[OURS]))
        return sum(i in good and j in well for name, i, j in self.pairs if name == way)

    def counted(self) -> tuple[int, int]:
        """(pairs that were made, those of which neither turn was disturbed)."""
        return len(self.pairs), sum(self.kept(way) for way in self.turns if way != OURS)

    def as_json(self) -> dict[str, Any]:
        """The row as plain values: every turn, and what follows from them."""
        ways = {
            way: {
                "images_per_s": self.images_per_s(way),
                "ratio": None if way == OURS or (ratio := self.ratio(way)) is None else asdict(ratio),
                "end_of_epoch_s": self.end_s[way],
                "first_batch": {dtype: asdict(loss) for dtype, loss in self.losses[way].items()},
                "turns": [asdict(turn) for turn in turns],
            }
            for way, turns in self.turns.items()
        }
        named = ("model", "dataset", "slices", "shape", "batch", "precision")
        return {name: getattr(self, name) for name in named} | {"harness_overhead": self.overhead(), "ways": ways}


def kept_turns(turns: Sequence[Turn]) -> list[int]:
    """Numbers of the undisturbed turns: others had a tenth of the CPUs at most, and the product before it ran well.

    That is ``speed.rounds``' rule, but for the turn itself: reading files alone leaves a CPU idle, and is no disturbance.
    """
    best_s = min((turn.reference.seconds for turn in turns), default=0.0)
    return [
        i
        for i, turn in enumerate(turns)
        if turn.taken <= 1 - UNDISTURBED
        and turn.reference.use >= UNDISTURBED
        and best_s / turn.reference.seconds >= BEST_RATE
    ]


def paired_ratio(turns: Sequence[Turn], others: Sequence[Turn], pairs: Sequence[tuple[int, int]]) -> Ratio | None:
    """The time of an image in ``turns`` over that in ``others``, of the pairs of which neither turn was disturbed."""
    good, well = set(kept_turns(turns)), set(kept_turns(others))
    found = [turns[i].image_s / others[j].image_s for i, j in pairs if i in good and j in well]
    if len(found) < FEWEST:
        return None
    lower, median, upper = statistics.quantiles(found, n=4, method="inclusive")
    return Ratio(median, lower, upper, len(found), len(pairs) - len(found))


def check_losses(losses: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    """The largest difference from tumorbench, relative, of each quantity of ``TOLERANCES``.

    losses: way -> dtype -> ``turns.Loss``. Raises: ValueError, naming the way, where a difference is above its
    tolerance.
    """
    worst = dict.fromkeys(TOLERANCES, 0.0)
    for way, found in losses.items():
        for (dtype, name), tolerance in TOLERANCES.items():
            theirs, own = (getattr(each[dtype], name) for each in (found, losses[OURS]))
            difference = abs(theirs - own) / abs(own)
            if not difference <= tolerance:
                raise ValueError(
                    f"{name} of the same batch in {dtype} is {theirs:.9g} by {way} and {own:.9g} by {OURS}"
                )
            worst[dtype, name] = max(worst[dtype, name], difference)
    return worst


def table(rows: Sequence[Row], titles: Mapping[str, str]) -> str:
    """A row a model; each way's images/s, and how many times as fast tumorbench is."""
    columns = {
        "model": [f"`{row.model}`" for row in rows],
        "slices": [f"{row.dataset}, {row.shape}, batch {row.batch}" for row in rows],
        "tumorbench": [f"{row.images_per_s(OURS):.1f} images/s, {row.precision}" for row in rows],
    }
    for way, title in titles.items():
        if way not in (OURS, BY_HAND):
            columns[title] = [f"{row.images_per_s(way):.1f} images/s: {_times(row.ratio(way))}" for row in rows]
    columns[titles[BY_HAND]] = [f"{row.images_per_s(BY_HAND):.1f} images/s: {_harness(row)}" for row in rows]
    return tabulate(columns, headers="keys", tablefmt="pipe", disable_numparse=True)


def _times(ratio: Ratio | None) -> str:
    if ratio is None:
        return "too few undisturbed pairs"
    return f"**{ratio.median:.2f}x** ({ratio.lower:.2f} to {ratio.upper:.2f}, {ratio.pairs} pairs)"


def _harness(row: Row) -> str:
    """What the harness adds, a step and an epoch."""
    ratio, epoch = row.ratio(BY_HAND), row.overhead()
    if ratio is None or epoch is None:
        return "too few undisturbed pairs"
    middle, least, most = (f"{100 * (1 / each - 1):+.1f}" for each in (ratio.median, ratio.upper, ratio.lower))
    return f"harness **{middle} %** ({least} to {most}, {ratio.pairs} pairs); {100 * epoch:+.1f} % an epoch"
