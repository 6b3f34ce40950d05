"""``leaderboard``, ``show``, ``compare`` and ``migrate``: what is done with records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tumorbench import registry
from tumorbench.cli.output import fail, print_json, print_table, say, tell_damaged
from tumorbench.cli.root import AsJson, StoreFolder, app
from tumorbench.cli.running import RUNS
from tumorbench.contracts.record import Record
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    from tumorbench.store import Store

__all__ = [
    "LEADERBOARDS",
    "Published",
    "check_not_empty",
    "check_readable",
    "compare",
    "leaderboard",
    "migrate",
    "show",
]

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
        Path | None, typer.Option("--store", help="The working store whose boards are rendered.", show_default="runs")
    ] = None,
    published: Annotated[
        Path | None, typer.Option("--published", help="Render published boards instead, such as leaderboards.")
    ] = None,
) -> None:
    """Render the boards of a working store, or of published records, from their records."""
    from tumorbench.cli.pages import check_boards, published_store, write_boards
    from tumorbench.store import Store

    if store and published:
        raise BadInput("--store and --published were both given; give the one whose boards are wanted")
    place = published_store(published) if published else Store(store or RUNS)
    boards = published or place.root / "boards"
    check_not_empty(place, "tumorbench publish" if published else "tumorbench run")
    again = f"tumorbench leaderboard {'--published' if published else '--store'} {published or place.root}"
    drifted = check_boards(place, boards, registry.find()) if check else []
    written = [] if check else list(write_boards(place, boards, registry.find()))
    for name in drifted:
        fail(f"{boards / name} differs from its records; run: {again}")
    for name in written:
        say(f"{boards / name}")
    check_readable(place)
    if check and not (drifted or place.damaged):
        say(f"the boards in {boards} are those of their records")
    if tell_damaged(place) or drifted:
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
        "ceiling": shown(metric.ceiling),
    }


@app.command()
def compare(first: str, second: str, store: StoreFolder = RUNS, as_json: AsJson = False) -> None:
    """Two models on every cell that both finished; differences are first minus second.

    Such cells have the same data set, protocol, split, seed and budget.
    """
    from tumorbench.publish.compare import paired_differences
    from tumorbench.store import Store

    found, place = registry.find(), Store(store)
    rows = paired_differences(place, found.model(first).id, found.model(second).id)
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
    if tell_damaged(place):
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
