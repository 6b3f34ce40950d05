"""``report``: every record as one HTML file, to look at."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tumorbench.cli.output import say, tell_damaged
from tumorbench.cli.root import app
from tumorbench.cli.running import RUNS
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

    from tumorbench.registry import Registry
    from tumorbench.store import Store
    from tumorbench.tables.inputs import LocatedRecord

__all__ = ["report"]

NAME = "report.html"
NEEDED = ("altair", "jinja2", "markdown_it", "vl_convert")


@app.command()
def report(
    store: Annotated[
        Path | None,
        typer.Option("--store", help="The working store; its pictures of patients are shown.", show_default="runs"),
    ] = None,
    published: Annotated[
        Path | None,
        typer.Option("--published", help="Of published records, such as leaderboards; no patient is shown."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file.", show_default="report.html in the store"),
    ] = None,
    pictures: Annotated[bool, typer.Option("--pictures/--no-pictures", help="Show pictures.")] = True,
) -> None:
    """Every record as one HTML file that works offline: boards that sort, plots, pictures."""
    from tumorbench import registry
    from tumorbench.cli.boards import check_not_empty, check_readable
    from tumorbench.cli.pages import published_store
    from tumorbench.store import Store

    if store and published:
        raise BadInput("--store and --published were both given; give the one whose records are wanted")
    _check_extra()
    place = published_store(published) if published else Store(store or RUNS)
    check_not_empty(place, "tumorbench publish" if published else "tumorbench run")
    path = output or (published or place.root) / NAME
    text = _rendered(place, registry.find(), published=bool(published), pictures=pictures)
    check_readable(place)
    _write(path, text)
    say(f"{path} ({len(text.encode()) / 1e6:.1f} MB)")
    if tell_damaged(place):
        raise typer.Exit(1)


def _check_extra() -> None:
    """Raises: BadInput where a package of the extra is not here."""
    from importlib.util import find_spec

    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise BadInput(f"report needs the package {missing[0]}; pip install 'tumorbench[report]'")


def _rendered(store: Store, registry: Registry, *, published: bool, pictures: bool) -> str:
    from tumorbench.publish.draws import Replicates
    from tumorbench.publish.marks import Marks
    from tumorbench.reports.html import Material, render_report
    from tumorbench.tables.inputs import BoardCards, LocatedRecord

    marks = Marks.read(store)
    located = [
        LocatedRecord(
            record,
            Path(os.path.relpath(path, store.root)).as_posix(),
            next(reversed(marks.levels(record)), ""),
            Replicates(path, record, registry),
        )
        for path, record in store.records()
    ]
    cards = BoardCards(registry.models, registry.datasets, tuple(registry.metrics.values()))
    speeds = [speed for _, speed in store.throughputs()]
    given = Material(
        cards, lambda cell: _table(store, cell), store.root, speeds, published=published, pictures=pictures
    )
    return render_report(located, given)


def _table(store: Store, cell: LocatedRecord) -> pd.DataFrame | None:
    """The record's table of predictions without its pictures; None where it is not there or not the one it names."""
    from tumorbench.store import PREDICTIONS, file_sha256
    from tumorbench.tables.stored import column_names, read_stored

    path = (store.root / cell.path).parent / PREDICTIONS
    stated = next((each.sha256 for each in cell.record.artifacts if each.path == PREDICTIONS), None)
    try:
        if file_sha256(path) != stated:
            return None
        return read_stored(path, [name for name in column_names(path) if not name.endswith("_png")])
    except (OSError, BadInput):
        return None


def _write(path: Path, text: str) -> None:
    from tumorbench.contracts.files.whole import written_whole

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path, "w") as file:
            file.write(text)
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror or error}); give another file with -o") from None
