"""``replay``: a record's cell, run again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tumorbench.cli.output import Reporter, print_json, print_table, reporter, say
from tumorbench.cli.root import AsJson, DataRoot, Device, StoreFolder, app
from tumorbench.cli.running import RUNS
from tumorbench.cli.selecting import context_of
from tumorbench.errors import BadInput, TumorbenchError

if TYPE_CHECKING:
    from tumorbench.contracts.record import Record
    from tumorbench.run.context import Context
    from tumorbench.store import Store

__all__ = ["replay"]


@app.command()
def replay(
    cell: Annotated[
        str | None, typer.Argument(help="The beginning of a cell key, or the path of a record.", show_default=False)
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            "--sample", help="Instead of a cell: so many of the store's, at random; first those never run again."
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the sample.")] = 0,
    store: StoreFolder = RUNS,
    data_root: DataRoot = None,
    device: Device = "auto",
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights", help="The file that the cell starts from, where it was run with one: held by its hash."
        ),
    ] = None,
    mark: Annotated[
        bool,
        typer.Option("--mark", help="Note in the store's checks.json which records were run again and are the same."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a record's cell again from nothing and compare every metric; exit with 1 where one differs."""
    from tumorbench.publish.marks import Marks
    from tumorbench.store import Store, find_record

    place = Store(store)
    if (cell is None) == (sample is None):
        raise BadInput("give one cell, or --sample N for N of the store's records")
    if cell is not None:
        chosen = [find_record(place, cell)[1]]
    else:
        from tumorbench.publish.sampling import draw

        records = [record for _, record in place.records()]
        chosen = draw(records, sample or 0, seed, Marks.read(place))
    found = []
    with reporter(silent=as_json) as report:
        context = context_of(store, data_root, device, report, weights=weights, writes=False)
        for record in chosen:
            if sample is not None:
                report.line(f"{_named(record)}")
            found.append(_again(record, context, report, alone=cell is not None))
            if not as_json:
                _say(found[-1])
    if mark:
        same = [record for record, each in zip(chosen, found, strict=True) if _is_same(each)]
        _mark(place, same)
        if not as_json:
            say(
                f"{len(same)} of {len(chosen)} records are marked in {store}; tumorbench leaderboard shows it on the boards"
            )
    if as_json:
        print_json(found[0] if cell is not None else found)
    if not all(each["status"] == "ok" and not each["differences"] for each in found):
        raise typer.Exit(1)


def _again(record: Record, context: Context, report: Reporter, *, alone: bool) -> dict[str, Any]:
    """What running the record's cell again found. Raises: BadInput where it cannot be run here and is asked for alone."""
    from tumorbench.cli import announcing
    from tumorbench.publish.replay import replay as run_again

    told: dict[str, Any] = {} if alone else {"cell_key": record.cell_key}
    try:
        found = run_again(record, context, watch=announcing.watching(report), say=report.line)
    except TumorbenchError as error:
        if alone:
            raise
        return {**told, "status": "skipped", "reason": str(error), "compared": 0, "differences": [], "unchecked": []}
    rows = [{"metric": name, "recorded": recorded, "now": now} for name, recorded, now in found.differences]
    return {
        **told,
        "status": found.record.status,
        "reason": found.record.reason,
        "compared": found.compared,
        "differences": rows,
        "unchecked": found.unchecked,
    }


def _say(found: dict[str, Any]) -> None:
    if found["status"] != "ok":
        say(f"the cell ended as {found['status']}: {found['reason']}")
        return
    print_table(found["differences"])
    if found["unchecked"]:
        say(f"not checked, since nothing installed here computes them: {', '.join(found['unchecked'])}")
    say(f"{found['compared'] - len(found['differences'])} of {found['compared']} metrics are equal")


def _named(record: Record) -> str:
    identity = record.identity
    return (
        f"{identity.dataset} {identity.model} {identity.protocol} fold {identity.fold} seed {identity.seed} "
        f"{identity.budget} ({record.cell_key[:12]})"
    )


def _is_same(found: dict[str, Any]) -> bool:
    """Whether every metric of the record was computed again and is the same."""
    return found["status"] == "ok" and not found["differences"] and not found["unchecked"]


def _mark(store: Store, records: list[Record]) -> None:
    """The records have the mark of a replay."""
    from tumorbench.publish.marks import Marks

    marks = Marks.read(store)
    for record in records:
        marks.add(record, "replayed")
    marks.write(record for _, record in store.records())
