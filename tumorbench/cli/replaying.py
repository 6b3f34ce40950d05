"""``replay``: a record's cell, run again."""

from __future__ import annotations

from typing import Annotated

import typer

from tumorbench.cli.output import print_json, print_table, reporter, say
from tumorbench.cli.root import AsJson, DataRoot, Device, StoreFolder, app
from tumorbench.cli.running import RUNS
from tumorbench.cli.selecting import context_of

__all__ = ["replay"]


@app.command()
def replay(
    cell: Annotated[str, typer.Argument(help="The beginning of a cell key, or the path of a record.")],
    store: StoreFolder = RUNS,
    data_root: DataRoot = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Run a record's cell again from nothing and compare every metric; exit with 1 where one differs."""
    from tumorbench.cli import announcing
    from tumorbench.publish.replay import replay as run_again
    from tumorbench.store import Store, find_record

    _, record = find_record(Store(store), cell)
    with reporter(silent=as_json) as report:
        context = context_of(store, data_root, device, report, writes=False)
        found = run_again(record, context, watch=announcing.watching(report), say=report.line)
    rows = [{"metric": name, "recorded": recorded, "now": now} for name, recorded, now in found.differences]
    failed = found.record.status != "ok"
    if as_json:
        print_json(
            {
                "status": found.record.status,
                "reason": found.record.reason,
                "compared": found.compared,
                "differences": rows,
                "unchecked": found.unchecked,
            }
        )
    elif failed:
        say(f"the cell ended as {found.record.status}: {found.record.reason}")
    else:
        print_table(rows)
        if found.unchecked:
            say(f"not checked, since nothing installed here computes them: {', '.join(found.unchecked)}")
        say(f"{found.compared - len(rows)} of {found.compared} metrics are equal")
    if failed or rows:
        raise typer.Exit(1)
