"""``leaderboard``, ``show`` and ``compare``: what is done with records."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tumorbench import registry
from tumorbench.cli.output import fail, print_json, print_table, say, tell_damaged
from tumorbench.cli.root import AsJson, StoreFolder, app
from tumorbench.cli.running import RUNS
from tumorbench.contracts.record import Artifact, Record
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tumorbench.publish.compare import Difference
    from tumorbench.store import Store

__all__ = [
    "LEADERBOARDS",
    "Published",
    "check_not_empty",
    "check_readable",
    "compare",
    "leaderboard",
    "show",
]

LEADERBOARDS = Path("leaderboards")
SURE = 0.05  # below which a difference holds
Published = Annotated[
    Path,
    typer.Option("--published", help="The folder of the published boards; their records lie in its folder results."),
]
Cell = Annotated[str, typer.Argument(help="The beginning of a cell key, or the path of a record.")]


@app.command()
def leaderboard(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 where a board differs from its records.")
    ] = False,
    store: Annotated[
        Path | None, typer.Option("--store", help="The working store whose boards are rendered.", show_default="runs")
    ] = None,
    published: Annotated[
        Path | None, typer.Option("--published", help="Render published boards instead, such as leaderboards.")
    ] = None,
    columns: Annotated[
        str,
        typer.Option(
            "--columns",
            metavar="NAME,NAME",
            help="The columns of the boards after the model: names of metrics (f1_macro, f1/glioma), parameters, cells, "
            "split, slices, hardware, checked, records and others. By default those that fit 120 characters.",
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Render the boards of a working store, or of published records, from their records.

    With --json the rows of the boards are printed, with every value that they have, and nothing is written.
    """
    from tumorbench.cli.pages import check_boards, published_store, write_boards
    from tumorbench.store import Store

    if store and published:
        raise BadInput("--store and --published were both given; give the one whose boards are wanted")
    place = published_store(published) if published else Store(store or RUNS)
    boards = published or place.root / "boards"
    chosen = [name.strip() for name in columns.split(",") if name.strip()]
    if as_json and (check or chosen):
        raise BadInput("--json prints every value and writes nothing; give it without --check and --columns")
    check_not_empty(place, "tumorbench publish" if published else "tumorbench run")
    if as_json:
        _print_rows(place, boards)
        return
    again = f"tumorbench leaderboard {'--published' if published else '--store'} {published or place.root}"
    again += f" --columns {shlex.quote(columns)}" if chosen else ""
    drifted = check_boards(place, boards, registry.find(), chosen) if check else []
    written = [] if check else list(write_boards(place, boards, registry.find(), chosen))
    for name in drifted:
        fail(f"{boards / name} differs from its records; run: {again}")
    for name in written:
        say(f"{boards / name}")
    check_readable(place)
    if check and not (drifted or place.damaged):
        say(f"the boards in {boards} are those of their records")
    if tell_damaged(place) or drifted:
        raise typer.Exit(1)


def _print_rows(store: Store, boards: Path) -> None:
    """The rows of the boards as JSON. Raises: Exit where a record is damaged, BadInput where none can be read."""
    from tumorbench.boards import board_entries
    from tumorbench.cli.pages import cards_of, located_of

    here = registry.find()
    print_json(board_entries(located_of(store, boards, here), cards_of(here)))
    check_readable(store)
    if tell_damaged(store):
        raise typer.Exit(1)


def check_not_empty(store: Store, maker: str) -> None:
    """Raises: BadInput where the store has no record, so that nothing is made of it."""
    if not store.paths() and not any(store.root.glob("throughput/*.json")):
        lacks = "has no record" if store.root.is_dir() else "does not exist"
        raise BadInput(f"the store {store.root} {lacks}; {maker} makes one, --store or --published names another")


def check_readable(store: Store) -> None:
    """Raises: BadInput where records were met and none could be read, such as those of an older version."""
    if store.damaged and len(store.damaged) == len([*store.paths(), *store.root.glob("throughput/*.json")]):
        raise BadInput(f"no record in {store.root} can be read: {next(iter(store.damaged.values()))}")


@app.command()
def show(cell: Cell, store: StoreFolder = RUNS, as_json: AsJson = False) -> None:
    """One record: what was run, what came out, and where its files are."""
    from tumorbench.store import Store, find_record

    path, record = find_record(Store(store), cell)
    if as_json:
        print_json(record.model_dump(mode="json"))
        return
    identity = record.identity
    say(
        f"{identity.model} on {identity.dataset}, {identity.protocol} fold {identity.fold}, seed {identity.seed}, "
        f"{_kind(record)}: {record.status} {record.reason}".rstrip()
    )
    say(f"cell {record.cell_key}")
    say(f"made by: {record.command}")
    devices = [record.hardware.get(device) for device in ("cpu", "gpu")]
    say(f"at {record.started_at} on {', '.join(str(each) for each in (*devices, record.precision) if each)}")
    print_table([_metric_row(metric) for metric in record.metrics])
    for line in _without_value(record):
        say(line)
    say(f"record: {path}")
    for artifact in record.artifacts:
        say(f"{artifact.kind}: {path.parent / artifact.path if not artifact.place else _elsewhere(record, artifact)}")


def _kind(record: Record) -> str:
    evaluated = record.identity.origin == "evaluated"
    return "trained elsewhere and evaluated" if evaluated else f"{record.identity.budget} budget"


def _without_value(record: Record) -> list[str]:
    """What the record was scored by and gave no value, with the reason."""
    named = [
        (f"{each.metric}[{each.extractor}]" if each.extractor else each.metric, each) for each in record.instruments
    ]
    return [f"{name}: {instrument.reason}" for name, instrument in named if instrument.reason]


def _metric_row(metric: Any) -> dict[str, Any]:
    def shown(value: float | None) -> str:
        return "" if value is None else f"{value:.6g}"

    return {
        "metric": metric.name,
        "value": shown(metric.value) or "undefined",
        "n": metric.n,
        "real vs real": shown(metric.real_vs_real),
        "ceiling": shown(metric.ceiling),
    }


@app.command()
def compare(
    first: str,
    second: str,
    store: StoreFolder = RUNS,
    published: Annotated[
        Path | None, typer.Option("--published", help="Compare published records instead, such as leaderboards.")
    ] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw the differences into this PNG file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Two models on every cell that both finished; differences are first minus second, with 95 % intervals.

    Such cells have the same data set, protocol, split, seed and budget. Intervals are over patients or clusters, then
    seeds; "p, Holm" is adjusted for all rows together; McNemar's test compares classifiers slice by slice.
    """
    from tumorbench.cli.pages import published_store
    from tumorbench.publish.compare import paired_differences
    from tumorbench.store import Store

    found, place = registry.find(), published_store(published) if published else Store(store)
    one, other = found.model(first).id, found.model(second).id
    rows = paired_differences(place, one, other, found)
    if as_json:
        print_json([row.entry(one, other) for row in rows])
    elif rows:
        print_table([_difference(row, one, other) for row in rows])
        for row in rows:
            if row.mcnemar is not None:
                say(_mcnemar(row, one, other))
    else:
        say(f"{first} and {second} have no finished cell in common in {place.root}")
    if plot is not None:
        _draw(rows, f"{one} minus {other}", plot)
        if not as_json:
            say(f"{plot}")
    if tell_damaged(place):
        raise typer.Exit(1)


def _difference(row: Difference, first: str, second: str) -> dict[str, Any]:
    """A line of the table."""

    def shown(value: float | None) -> str:
        return "" if value is None else f"{value:.4g}"

    ends = "" if row.interval is None else " to ".join(map(shown, row.interval))
    return {
        "dataset": row.dataset,
        "protocol": row.protocol,
        "budget": row.budget,
        "metric": row.metric,
        "cells": row.cells,
        first: shown(row.first),
        second: shown(row.second),
        "difference": shown(row.difference),
        "95 % interval": ends,
        "effect": shown(row.effect),
        "p": shown(row.p),
        "p, Holm": shown(row.p_holm),
    }


def _mcnemar(row: Difference, first: str, second: str) -> str:
    found = row.mcnemar
    assert found is not None
    clustered = "not defined" if found.p_clustered is None else f"{found.p_clustered:.3g}"
    return (
        f"{row.dataset} {row.protocol} {row.budget}: {first} alone is right {found.first_only} times, {second} alone "
        f"{found.second_only} times; McNemar p {clustered} over clusters, {found.p_plain:.3g} as if slices were independent"
    )


def _draw(rows: Sequence[Difference], title: str, path: Path) -> None:
    """The differences lie in ``path`` as a picture. Raises: BadInput where it cannot be written."""
    from tumorbench.figures import differences_figure

    panels: dict[str, list[tuple[str, float, tuple[float, float] | None, bool]]] = {}
    for row in rows:
        name = f"{row.dataset} {row.protocol} {row.budget}"
        holds = row.p_holm is not None and row.p_holm < SURE
        panels.setdefault(row.metric, []).append((name, row.difference, row.interval, holds))
    try:
        differences_figure(list(panels.items()), title, path)
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror or error}); give another file with --plot") from None


def _elsewhere(record: Record, artifact: Artifact) -> str:
    """Where an artifact is that does not lie beside its published record."""
    if artifact.place == "bundle" and record.bundle:
        return f"{artifact.path}, in the bundle {record.bundle.name}, SHA-256 {record.bundle.sha256}"
    return f"{artifact.path}, not published"
