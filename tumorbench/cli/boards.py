"""``leaderboard``, ``show``, ``compare``, ``publish``, ``verify`` and ``migrate``: what is done with records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tumorbench import registry
from tumorbench.cli.output import fail, print_json, print_table, say
from tumorbench.cli.root import AsJson, StoreFolder, app
from tumorbench.cli.running import RUNS
from tumorbench.contracts.record import Record

__all__ = ["compare", "leaderboard", "migrate", "publish", "show", "verify"]

LEADERBOARDS = Path("leaderboards")
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
        Path | None, typer.Option("--store", help="Render a working store's boards instead of the published ones.")
    ] = None,
    published: Published = LEADERBOARDS,
) -> None:
    """Render the boards from their records."""
    from tumorbench.cli.pages import check_boards, write_boards
    from tumorbench.store import Store

    records, boards = (Store(store).open().root, store / "boards") if store else (published / "results", published)
    found = registry.find()
    if not check:
        for name in write_boards(records, boards, found):
            say(f"{boards / name}")
        return
    drifted = check_boards(records, boards, found)
    for name in drifted:
        fail(f"{boards / name} differs from its records; run: tumorbench leaderboard")
    if drifted:
        raise typer.Exit(1)
    say(f"the boards in {boards} are those of their records")


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
        f"{identity.budget} budget: {record.status} {record.reason}".rstrip()
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
        say(f"{artifact.kind}: {path.parent / artifact.path}")


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
    }


@app.command()
def compare(first: str, second: str, store: StoreFolder = RUNS, as_json: AsJson = False) -> None:
    """Two models on every cell that both finished; differences are first minus second.

    Such cells have the same data set, protocol, split, seed and budget.
    """
    from tumorbench.publish.compare import paired_differences
    from tumorbench.store import Store

    found = registry.find()
    rows = paired_differences(Store(store), found.model(first).id, found.model(second).id)
    if as_json:
        print_json(rows)
    elif rows:
        print_table(
            [
                {name: f"{value:.4g}" if isinstance(value, float) else value for name, value in row.items()}
                for row in rows
            ]
        )
    else:
        say(f"{first} and {second} have no finished cell in common in {store}")


@app.command()
def publish(store: StoreFolder = RUNS, published: Published = LEADERBOARDS) -> None:
    """Copy the finished records of a store, with their predictions, to the published ones, and render the boards."""
    from tumorbench.cli.pages import write_boards
    from tumorbench.publish.publish import publish as publish_store
    from tumorbench.store import Store

    paths = publish_store(Store(store).open(), Store(published / "results").open())
    write_boards(published / "results", published, registry.find())
    say(f"{len(paths)} records published in {published / 'results'}")


@app.command()
def verify(published: Published = LEADERBOARDS, as_json: AsJson = False) -> None:
    """Score the published predictions again, and check hashes, keys, schema and boards.

    What scored a record and is not installed here is named, and is no problem.
    """
    from tumorbench import tasks
    from tumorbench.cli.pages import check_boards
    from tumorbench.publish.verify import check_record, unchecked
    from tumorbench.store import Store

    found, store = registry.find(), Store(published / "results")
    records = list(store.records())
    problems = {str(path): list(check_record(path, record, found)) for path, record in records}
    notes = {str(path): unchecked(record, found) for path, record in records}
    for name in check_boards(store.root, published, found):
        problems[str(published / name)] = ["differs from its records; run: tumorbench leaderboard"]
    problems, notes = ({path: lines for path, lines in each.items() if lines} for each in (problems, notes))
    if as_json:
        print_json({"records": len(records), "problems": problems, "unchecked": notes})
    else:
        for path, faults in problems.items():
            for fault in faults:
                fail(f"{path}: {fault}")
        for path, names in notes.items():
            say(f"{path}: not checked, because no installed plugin has it in that version: {', '.join(names)}")
        if images := sum(not tasks.of(record.identity).scored_from_table for _, record in records):
            say(f"{images} records are of generated images: their metrics need the real ones and are not checked here")
        say(f"{len(records)} records checked, {len(problems)} files with problems")
    if problems:
        raise typer.Exit(1)


@app.command()
def migrate(store: StoreFolder = RUNS) -> None:
    """Move the records of an older schema in a store to the one of this version, in place; nothing is computed again.

    A migration that was interrupted goes on with the same command.
    """
    from tumorbench.publish.migrate import migrate as migrate_store
    from tumorbench.store import Store

    result = migrate_store(Store(store), registry.find())
    for path in result.replaced:
        say(f"{path}: its cell has a later record, which replaces it")
    for path, reason in result.problems.items():
        fail(f"{path} was not moved: {reason}")
    say(f"{len(result.moved)} records moved, {len(result.problems)} not moved")
    if result.problems:
        raise typer.Exit(1)
