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
    from tumorbench.publish.submit import TEXT
    from tumorbench.publish.submit import submit as make_submission
    from tumorbench.store import Store

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
        print_json({"folder": str(out), "records": records, "refused": refused, "left_open": made.left_open})
    elif made.records:
        say(f"{len(made.records)} records are in {out}; {out / TEXT} is the text of the pull request")
        for reason, number in made.left_open.items():
            say(f"a check without data leaves open in {number} records: {reason}")
        say(
            "it will be checked by verify in CI, by verify --data, and by running three cells again that are drawn then"
        )
    if tell_damaged(place) or made.refused:
        raise typer.Exit(1)
