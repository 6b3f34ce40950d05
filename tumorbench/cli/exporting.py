"""``export``: the values of a store's records as a table for other programs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from tumorbench.cli.output import say, tell_damaged
from tumorbench.cli.root import app
from tumorbench.cli.running import RUNS
from tumorbench.cli.streams import write_result
from tumorbench.contracts.files.whole import written_whole
from tumorbench.errors import BadInput
from tumorbench.tables.markdown import NOTHING, number

if TYPE_CHECKING:
    from tumorbench.api.results import Results

__all__ = ["export"]

SPREAD = " ±"  # ends the name of the column of a metric's spread
Format = Literal["csv", "parquet", "json", "latex"]


@app.command()
def export(
    form: Annotated[str, typer.Option("--format", help="csv, parquet, json or latex.")] = "csv",
    out: Annotated[Path | None, typer.Option("--out", help="The file to write.", show_default="stdout")] = None,
    store: Annotated[Path | None, typer.Option("--store", help="The working store.", show_default="runs")] = None,
    published: Annotated[
        Path | None, typer.Option("--published", help="Published records instead, such as leaderboards.")
    ] = None,
    metrics: Annotated[
        list[str] | None, typer.Option("--metric", help="Only this metric, by name; may be repeated.")
    ] = None,
) -> None:
    """Write the values of every finished record: one row a cell and metric, with 95 % intervals.

    latex: a table of means over folds and seeds with their spread, one row a model, as on the boards.
    """
    from tumorbench.api.results import Results
    from tumorbench.cli.pages import published_store
    from tumorbench.store import Store

    if form not in get_args(Format):
        raise BadInput(f"--format {form} is unknown; give one of {', '.join(get_args(Format))}")
    if store and published:
        raise BadInput("--store and --published were both given; give the one whose records are wanted")
    if form == "parquet" and out is None:
        raise BadInput("a Parquet file is not for a terminal; name it with --out FILE")
    place = published_store(published) if published else Store(store or RUNS)
    if not place.paths():
        raise BadInput(f"the store {place.root} has no record; tumorbench run makes one, --store names another")
    found = Results([record for _, record in place.records()], place.root)
    content = _content(found, form, tuple(metrics or ()))
    if out is None:
        write_result(content.decode())
    else:
        _write(out, content)
        say(f"{out}")
    if tell_damaged(place):
        raise typer.Exit(1)


def _content(found: Results, form: str, metrics: tuple[str, ...]) -> bytes:
    """The table in that format. Raises: BadInput where no record has a wanted metric."""
    frame = found.frame()
    if missing := sorted(set(metrics) - set(frame["metric"])):
        there = ", ".join(sorted(name for name in set(frame["metric"]) if "/" not in name)) or "none"
        raise BadInput(f"no record has the metric {missing[0]}; there are {there}")
    if metrics:
        frame = frame[frame["metric"].isin(metrics)]
    match form:
        case "csv":
            return frame.to_csv(index=False).encode()
        case "json":
            rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
            return (json.dumps(rows, indent=1) + "\n").encode()
        case "latex":
            return _latex(found, metrics).encode()
        case _:
            import io

            buffer = io.BytesIO()
            frame.to_parquet(buffer, index=False)
            return buffer.getvalue()


def _latex(found: Results, metrics: tuple[str, ...]) -> str:
    """A ``tabular`` with rules of the package booktabs."""
    from tabulate import tabulate

    table = found.pivot(metrics or None, spread=True).reset_index()
    for name in [each.removesuffix(SPREAD) for each in table.columns if each.endswith(SPREAD)]:
        table[name] = list(map(_with_spread, table[name], table.pop(f"{name}{SPREAD}")))
    return str(tabulate(table.to_dict("list"), headers="keys", tablefmt="latex_booktabs", disable_numparse=True)) + "\n"


def _with_spread(mean: float, spread: float) -> str:
    """``0.8046 ± 0.0123``; without the spread of one cell."""
    if math.isnan(mean):
        return NOTHING
    return number(mean) if math.isnan(spread) else f"{number(mean)} ± {number(spread, mean)}"


def _write(out: Path, content: bytes) -> None:
    try:
        with written_whole(out) as file:
            file.write(content)
    except OSError as error:
        raise BadInput(f"{out} cannot be written ({error.strerror or error}); give another file with --out") from None
