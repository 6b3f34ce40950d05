"""``worker`` and ``status``: one cell in a process of its own, and how the cells of a store stand."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from tumorbench.cli.output import fail, print_json, print_table, say
from tumorbench.cli.root import AsJson, StoreFolder, app
from tumorbench.errors import BadInput

__all__ = ["status", "worker"]


@app.command()
def worker(
    job: Annotated[Path | None, typer.Argument(help="The job's file, as run writes it.", show_default=False)] = None,
    parent: Annotated[int | None, typer.Option(hidden=True, help="The process that waits for this one.")] = None,
    serve: Annotated[bool, typer.Option("--serve", hidden=True, help="Fork a process for each job on stdin.")] = False,
) -> None:
    """Compute the cell of one job in this process: what run does for each cell. It prints into worker.log beside the job.

    Exit codes: 0 done, 1 its record says failed, oom or timeout, 3 another process holds the cell, 130 or 143 stopped.
    """
    if serve:
        from tumorbench.run.warm import serve as serve_jobs

        _leave(serve_jobs(parent or os.getppid()))
    if job is None:
        raise BadInput("worker needs the file of a job; tumorbench run writes one for each cell that it begins")
    from tumorbench.run.worker import work

    _leave(work(job.resolve(), parent))


def _leave(code: int) -> NoReturn:
    """The process ends now, whatever threads a model has left running."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@app.command()
def status(store: StoreFolder = Path("runs"), as_json: AsJson = False) -> None:
    """How the cells of a store stand: done, running where and how far, failed and why, interrupted, waiting."""
    from tumorbench.run.status import cells, describe

    if not store.is_dir():
        raise BadInput(f"there is no store {store}; give one with --store DIR")
    found = list(cells(store))
    rows: list[dict[str, Any]] = [
        {
            **{
                name: cell.identity.get(name, "") for name in ("dataset", "model", "protocol", "fold", "seed", "budget")
            },
            "state": cell.state,
            "what": describe(cell),
        }
        for cell in found
    ]
    if as_json:
        print_json(
            [
                row
                | {
                    "reason": cell.reason,
                    "folder": str(cell.folder),
                    "progress": cell.progress,
                    "heartbeat_s": cell.heartbeat_s,
                }
                for row, cell in zip(rows, found, strict=True)
            ]
        )
    else:
        print_table(rows)
        say(
            ", ".join(f"{count} {state}" for state, count in Counter(cell.state for cell in found).items())
            or "no cells"
        )
    damaged = [cell for cell in found if cell.state == "damaged"]
    for cell in damaged:
        fail(cell.reason)
    if damaged:
        raise typer.Exit(1)
