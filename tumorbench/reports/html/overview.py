"""The plots of a section: ranks, values, paper against grouped, speed against quality; each with its numbers."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tumorbench.contracts.record import Record, Throughput
from tumorbench.reports.html import plots
from tumorbench.reports.html.plots import short
from tumorbench.reports.html.standing import UNRANKED, Standing, StandingRow
from tumorbench.reports.html.views import Chart, Entry, Heading, Line, Table
from tumorbench.tables.markdown import NOTHING, code, number
from tumorbench.tables.rows import hardware_name

__all__ = ["overview"]

SPLITS = ("paper", "official", "grouped")
COMPARED = ("classification", "segmentation")  # a generator has other reference images under another split
LEAST = 2  # rows of a plot
BENCH = "images a second, by bench"


def _rate(record: Record) -> float | None:
    seconds, slices = record.timing.predict_all_s, record.sizes.get("test", 0)
    return slices / seconds if seconds and slices else None


MEASURES: dict[str, Callable[[Record], float | None]] = {
    "test slices a second, in the cell": _rate,
    "seconds of training": lambda record: record.timing.train_s or None,
    "parameters": lambda record: record.parameters.get("total"),
}


def overview(task: str, standing: Standing, throughputs: Sequence[Throughput]) -> Iterator[Chart]:
    """The plots of one table, each of two rows or more. throughputs: of the same data set and budget."""
    for ranking in standing.block.rankings:
        yield from _ranks(standing, ranking.metric)
    points = [point for each in standing.rows if (point := _value(each, standing.metric))]
    if len(points) < LEAST or not (standing.block.rankings or standing.metric == UNRANKED):
        return
    caption = f"Each row's mean of {code(standing.metric)}, on its 95 % interval where one is known."
    yield Chart(f"Values of {standing.metric}", caption, plots.dots(points, standing.metric), _numbers(caption, points))
    if task in COMPARED:
        yield from _slopes(points, standing.metric)
    yield from _speed(standing, throughputs)


def _ranks(standing: Standing, metric: str) -> Iterator[Chart]:
    """The ranks by one metric; nothing where no row has an interval of ranks."""
    found = [(each, each.places.get(metric)) for each in standing.rows]
    points = [
        {"model": each.name, "protocol": each.protocol, "rank": place.rank, "low": place.ends[0], "high": place.ends[1]}
        for each, place in found
        if place is not None and place.rank is not None and place.ends is not None
    ]
    if len(points) < LEAST:
        return
    points.sort(key=lambda point: (point["rank"], point["low"], point["high"]))
    caption = (
        f"The dot is the rank by {code(metric)}, shared by rows that cannot be told apart; the line is where the rank of "
        "the mean lies in 95 % of the replicates."
    )
    yield Chart(f"Ranks by {metric}", caption, plots.ranks(points), _rank_numbers(caption, points))


def _value(each: StandingRow, metric: str) -> dict[str, Any] | None:
    statistic = each.row.statistic(metric)
    if statistic is None or statistic.mean is None:
        return None
    low, high = each.sure.intervals.get(metric) or statistic.interval or (None, None)
    return {
        "model": each.name, "protocol": each.protocol, "value": short(statistic.mean), "low": short(low), "high": short(high),
    }  # fmt: skip


def _slopes(points: Sequence[dict[str, Any]], metric: str) -> Iterator[Chart]:
    """The models that have a value under more than one split."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for point in points:
        if point["protocol"] in SPLITS:
            found.setdefault(point["model"], {}).setdefault(point["protocol"], point)
    several = {name: own for name, own in found.items() if len(own) > 1}
    if not several:
        return
    caption = (
        f"One model, one recipe, several ways to divide the same slices: {code(metric)} under each. The fall from `paper` "
        "to `grouped` is what the split is worth, not the model. Thin lines are 95 % intervals."
    )
    shown = [own[split] for own in several.values() for split in SPLITS if split in own]
    yield Chart("Paper against grouped", caption, plots.slopes(shown, metric), _slope_numbers(caption, several))


def _speed(standing: Standing, throughputs: Sequence[Throughput]) -> Iterator[Chart]:
    """Quality against each measure of cost that the rows have, on each kind of machine."""
    machines = {each.name + each.protocol: _machine(each) for each in standing.rows}
    for machine in sorted(set(machines.values()) - {""}):
        rows = [each for each in standing.rows if machines[each.name + each.protocol] == machine]
        for measure, of_record in MEASURES.items():
            costs = [_mean(each, of_record) for each in rows]
            yield from _against(standing.metric, measure, machine, rows, costs)
        measured = {
            each.model: each.inference_images_per_s for each in throughputs if hardware_name(each.hardware) == machine
        }
        costs = [measured.get(each.row.identity.model) for each in rows]
        yield from _against(standing.metric, BENCH, machine, rows, costs)


def _machine(each: StandingRow) -> str:
    """The machine of the row's cells; "" where they are of several."""
    names = {hardware_name(cell.record.hardware) for cell in each.row.cells}
    return names.pop() if len(names) == 1 else ""


def _mean(each: StandingRow, of_record: Callable[[Record], float | None]) -> float | None:
    values = [value for cell in each.row.cells if (value := of_record(cell.record)) is not None]
    return statistics.fmean(values) if values else None


def _against(
    metric: str, measure: str, machine: str, rows: Sequence[StandingRow], costs: Sequence[float | None]
) -> Iterator[Chart]:
    """The plot of the rows that have both."""
    points = [
        point | {"x": short(cost)}
        for each, cost in zip(rows, costs, strict=True)
        if cost is not None and cost > 0 and (point := _value(each, metric))
    ]
    if len(points) < LEAST:
        return
    caption = f"{code(metric)} against {measure}, on {machine}. Speeds of other machines do not compare."
    numbers = _cost_numbers(caption, measure, metric, points)
    yield Chart(f"Speed against quality: {measure}", caption, plots.scatter(points, measure, metric), numbers)


def _line(point: dict[str, Any], *names: str) -> Line:
    values = [point[name] for name in names]
    entries = [Entry(code(point["model"]), value=point["model"])]
    entries += [Entry(_text(value), value=value) for value in values]
    return Line(entries, point.get("protocol", ""))


def _text(value: Any) -> str:
    if value is None:
        return NOTHING
    return number(value) if isinstance(value, float) else code(value) if isinstance(value, str) else f"{value:,}"


def _numbers(caption: str, points: Sequence[dict[str, Any]]) -> Table:
    names = [Heading("model"), Heading("protocol"), *(Heading(each, numeric=True) for each in ("value", "from", "to"))]
    return Table(caption, names, [_line(point, "protocol", "value", "low", "high") for point in points])


def _rank_numbers(caption: str, points: Sequence[dict[str, Any]]) -> Table:
    names = [Heading("model"), *(Heading(each, numeric=True) for each in ("rank", "from", "to"))]
    return Table(caption, names, [_line(point, "rank", "low", "high") for point in points])


def _slope_numbers(caption: str, models: dict[str, dict[str, dict[str, Any]]]) -> Table:
    present = [split for split in SPLITS if any(split in own for own in models.values())]
    lines = []
    for name, own in models.items():
        values = [own[split]["value"] if split in own else None for split in present]
        before, after = own.get("paper", own.get("official")), own.get("grouped")
        drop = after["value"] - before["value"] if before and after else None
        shown = [Entry(_text(value), value=value) for value in values]
        shown.append(Entry(NOTHING if drop is None else f"{drop:+.4f}", value=drop))
        lines.append(Line([Entry(code(name), value=name), *shown]))
    headings = [Heading(code(each), numeric=True) for each in present]
    return Table(caption, [Heading("model"), *headings, Heading("drop", numeric=True)], lines)


def _cost_numbers(caption: str, measure: str, metric: str, points: Sequence[dict[str, Any]]) -> Table:
    names = [Heading("model"), Heading("protocol"), Heading(measure, numeric=True), Heading(metric, numeric=True)]
    return Table(caption, names, [_line(point, "protocol", "x", "value") for point in points])
