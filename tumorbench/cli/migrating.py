"""``migrate``: records of an earlier form become records of today's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tumorbench import registry
from tumorbench.cli.boards import check_not_empty, check_readable
from tumorbench.cli.output import fail, say, tell_damaged
from tumorbench.cli.root import StoreFolder, app
from tumorbench.cli.running import RUNS
from tumorbench.errors import BadInput

__all__ = ["migrate"]


@app.command()
def migrate(
    store: StoreFolder = RUNS,
    published: Annotated[
        Path | None,
        typer.Option("--published", help="Move published records instead, such as leaderboards, to today's form."),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="FILE", help="With --published: the archive of the pictures that leave it."),
    ] = None,
) -> None:
    """Move the records of an older schema in a store to the one of this version, in place; nothing is computed again.

    A migration that was interrupted goes on with the same command. With --published records, predictions and splits
    are written in the form in which publish writes them now; all of them, or none where one is not sound.
    """
    from tumorbench.publish.migrate import migrate as migrate_store
    from tumorbench.store import Store

    if bundle and not published:
        raise BadInput("--bundle was given without --published; name the folder of the published records too")
    if published:
        _migrate_published(published, bundle)
        return
    result = migrate_store(Store(store), registry.find())
    for path in result.replaced:
        say(f"{path}: its cell has a later record, which replaces it")
    for path, reason in result.problems.items():
        fail(f"{path} was not moved: {reason}")
    say(f"{len(result.moved)} records moved, {len(result.problems)} not moved")
    if result.problems:
        raise typer.Exit(1)


def _migrate_published(published: Path, bundle: Path | None) -> None:
    from tumorbench.cli.pages import published_store, write_boards
    from tumorbench.publish.republish import republish

    place, found = published_store(published), registry.find()
    check_not_empty(place, "tumorbench publish")
    result, signed = republish(place, found, bundle)
    check_readable(place)
    for path, reasons in result.refused.items():
        for reason in reasons:
            fail(f"{path} was not moved: {reason}")
    if tell_damaged(place) or result.refused:
        fail(f"nothing was moved in {place.root}: each of its records has to be sound")
        raise typer.Exit(1)
    write_boards(place, published, found)
    say(f"{len(result.paths)} records moved" + (f", pictures in {bundle}" if bundle else ""))
    if signed:
        say(
            f"{signed} signatures were of the earlier form and are gone; sign again with: tumorbench publish --sign KEY"
        )
