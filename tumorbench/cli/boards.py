"""``leaderboard``, ``show``, ``compare``, ``publish``, ``verify`` and ``replay``: from records to boards and back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from tumorbench import registry
from tumorbench.cli.output import fail, print_json, print_table, reporter, say
from tumorbench.cli.root import AsJson, DataRoot, Device, StoreFolder, app
from tumorbench.cli.running import RUNS

__all__ = ["compare", "leaderboard", "publish", "replay", "show", "verify"]

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
    from tumorbench.publish import publish as publishing
    from tumorbench.store import Store

    records, boards = (Store(store).open().root, store / "boards") if store else (published / "results", published)
    found = registry.find()
    if not check:
        for name in publishing.write_boards(records, boards, found):
            say(f"{boards / name}")
        return
    drifted = publishing.check_boards(records, boards, found)
    for name in drifted:
        fail(f"{boards / name} differs from its records; run: tumorbench leaderboard")
    if drifted:
        raise typer.Exit(1)
    say(f"the boards in {boards} are those of their records")


@app.command()
def show(cell: Cell, store: StoreFolder = RUNS, as_json: AsJson = False) -> None:
    """One record: what was run, what came out, and where its files are."""
    from tumorbench.publish.publish import find_record
    from tumorbench.store import Store

    path, record = find_record(Store(store), cell)
    if as_json:
        print_json(record.model_dump(mode="json"))
        return
    identity = record.identity
    say(
        f"{identity.model} on {identity.dataset}, {identity.protocol} fold {identity.fold}, seed {identity.seed}, {identity.budget} budget: {record.status} {record.reason}"
    )
    say(f"cell {record.cell_key}")
    say(f"made by: {record.command}")
    say(f"at {record.started_at} on {record.hardware.get('cpu', '')} {record.hardware.get('gpu', '') or ''}".rstrip())
    print_table([_metric_row(metric) for metric in record.metrics])
    say(f"record: {path}")
    for artifact in record.artifacts:
        say(f"{artifact.kind}: {path.parent / artifact.path}")


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
    """Two models on every cell that both finished: the same data set, protocol, split, seed and budget; differences are first minus second."""
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
    from tumorbench.publish import publish as publishing
    from tumorbench.store import Store

    paths = publishing.publish(Store(store).open(), Store(published / "results").open())
    publishing.write_boards(published / "results", published, registry.find())
    say(f"{len(paths)} records published in {published / 'results'}")


@app.command()
def verify(published: Published = LEADERBOARDS, as_json: AsJson = False) -> None:
    """Score the published predictions again, and check hashes, keys, schema and boards."""
    from tumorbench.publish import publish as publishing
    from tumorbench.store import Store

    found, store = registry.find(), Store(published / "results")
    problems = {
        str(path): faults
        for path, record in store.records()
        if (faults := list(publishing.check_record(path, record, found)))
    }
    problems |= {
        str(published / name): ["differs from its records; run: tumorbench leaderboard"]
        for name in publishing.check_boards(store.root, published, found)
    }
    count = sum(1 for _ in store.records())
    if as_json:
        print_json({"records": count, "problems": problems})
    else:
        for path, faults in problems.items():
            for fault in faults:
                fail(f"{path}: {fault}")
        say(f"{count} records checked, {len(problems)} files with problems")
    if problems:
        raise typer.Exit(1)


@app.command()
def replay(cell: Cell, store: StoreFolder = RUNS, data_root: DataRoot = None, device: Device = "auto") -> None:
    """Run a record's cell again from nothing and compare every metric; exit with 1 where one differs."""
    from tumorbench import hardware
    from tumorbench.data import locations
    from tumorbench.publish.publish import find_record
    from tumorbench.publish.replay import replay as run_again
    from tumorbench.run.cell import CellOptions
    from tumorbench.run.context import Bench
    from tumorbench.store import Store

    hardware.tune_allocator()
    _, record = find_record(Store(store), cell)
    with reporter() as report:
        place = Bench(
            registry.find(),
            Store(store),
            locations.data_root(data_root),
            hardware.choose_device(device),
            report.progress,
        )
        options = CellOptions(
            deterministic=record.determinism.get("mode") == "deterministic", timeout_s=math.inf, on_epoch=report.epoch
        )
        differences = run_again(record, place, options)
    print_table([{"metric": name, "recorded": recorded, "now": now} for name, recorded, now in differences])
    say(f"{len(record.metrics) - len(differences)} of {len(record.metrics)} metrics are equal")
    if differences:
        raise typer.Exit(1)
