"""``submit``: the folder of a pull request with new rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tumorbench import registry
from tumorbench.cli.boards import check_not_empty, check_readable
from tumorbench.cli.output import fail, print_json, say, tell_damaged
from tumorbench.cli.publishing import Key
from tumorbench.cli.root import AsJson, Datasets, Models, StoreFolder, app
from tumorbench.cli.running import RUNS
from tumorbench.errors import BadInput

__all__ = ["submit"]

Out = Annotated[Path, typer.Option("--out", help="The folder to make, for a pull request.")]


@app.command()
def submit(
    models: Models = None,
    datasets: Datasets = None,
    store: StoreFolder = RUNS,
    out: Out = Path("submission"),
    sign: Key = None,
    as_json: AsJson = False,
) -> None:
    """Make the folder for a pull request: records, predictions, splits, cards, and a text on how it is checked.

    Each record is checked before, as by publish. One that is not what its files say is named and left out.
    """
    from tumorbench.publish.submit import TEXT, opening_commands
    from tumorbench.publish.submit import submit as make_submission
    from tumorbench.store import Store
    from tumorbench.tables.markdown import plural

    place, found = Store(store), registry.find()
    check_not_empty(place, "tumorbench run")
    made = make_submission(place, out, found, models or (), datasets or (), sign)
    check_readable(place)
    for path, reasons in made.refused.items():
        for reason in reasons:
            fail(f"{path} is left out: {reason}")
    if not made.records and not made.refused:
        wanted = " and ".join([*(models or ()), *(datasets or ())])
        raise BadInput(f"{store} has no finished record{f' of {wanted}' * bool(wanted)}; tumorbench status names all")
    if as_json:
        records = [str(path) for path, _ in made.records]
        refused = {str(path): reasons for path, reasons in made.refused.items()}
        told = {"folder": str(out), "records": records, "refused": refused, "left_open": made.left_open}
        print_json(told | {"commands": opening_commands(out) if records else []})
    elif made.records:
        say(f"{out} holds {plural(len(made.records), 'record')}; {out / TEXT} is the text of the pull request")
        for reason, count in made.left_open.items():
            say(f"a check without data leaves open in {plural(count, 'record')}: {reason}")
        say(
            "it will be checked by verify in CI, by verify --data, and by running three cells again that are drawn then"
        )
        say("to open it, in a clone of the repository:")
        for command in opening_commands(out):
            say(f"  {command}")
    if tell_damaged(place) or made.refused:
        raise typer.Exit(1)
