"""``evaluate``: predictions of a model that was trained elsewhere, as a table, become a record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tumorbench import registry
from tumorbench.cli.output import print_json, print_table, say
from tumorbench.cli.root import AsJson, DataRoot, StoreFolder, app
from tumorbench.cli.running import RUNS
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    from tumorbench.contracts.record import Record

__all__ = ["evaluate"]

SHOWN = 6  # metrics after the record
HELP = """Score the predictions of a model that was trained elsewhere, and keep them as a record of origin "evaluated".

TABLE is a Parquet file (or, of a classifier, a CSV file) with one row a test slice. Its columns, others being left
aside:

\b
classification  sample_id, and p/CLASS for each class: probabilities, from 0 to 1, that sum to 1 in a row
segmentation    sample_id, and mask_png: a grey PNG of the slice's own size, 0 background, 1 the first mask class
generation      label: the class's name or number, and image_png: a grey PNG, one row for each image that is held out

--ids prints which rows are due. Wrong, doubled and missing ids and values out of range are refused. The record stands
on the boards in a group of its own and is not ranked: what the model has learned from, nobody here knows.
"""


@app.command(help=HELP)
def evaluate(
    table: Annotated[Path | None, typer.Argument(help="The table of predictions, .parquet or .csv.")] = None,
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="The data set, by id.")] = "",
    name: Annotated[str, typer.Option("--name", help="What records and boards call the model.")] = "",
    task: Annotated[str, typer.Option("--task", help="classification, segmentation or generation.")] = "classification",
    protocol: Annotated[str, typer.Option("--protocol", help="grouped or official.")] = "grouped",
    fold: Annotated[int, typer.Option("--fold", help="The fold whose test part was predicted.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Tells apart several trainings of one model.")] = 0,
    version: Annotated[str, typer.Option("--version", help="Of the model.")] = "1",
    title: Annotated[str, typer.Option("--title", help="Of the model.", show_default="its name")] = "",
    store: StoreFolder = RUNS,
    data_root: DataRoot = None,
    ids: Annotated[
        bool, typer.Option("--ids", help="Print the sample id and class of each row that is due, as CSV, and exit.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """As ``HELP``."""
    if not dataset:
        raise BadInput("no data set is named; give one with --dataset")
    if ids:
        _print_ids(dataset, task, protocol, fold, data_root)
        return
    if table is None or not name:
        raise BadInput("give the table of predictions and the model's --name, or --ids for the rows that are due")
    from tumorbench.api.evaluating import evaluate as score
    from tumorbench.cli.pages import write_boards
    from tumorbench.store import Store

    found = score(
        table, dataset=dataset, name=name, task=task, protocol=protocol, fold=fold, seed=seed, version=version,
        title=title, store=store, data_root=data_root,
    )  # fmt: skip
    (record,) = found
    write_boards(Store(store), store / "boards", registry.find())
    if as_json:
        print_json(record.model_dump(mode="json"))
        return
    _say(record, store)


def _say(record: Record, store: Path) -> None:
    from tumorbench.boards.summary import leading

    def shown(value: float | None) -> str:
        return "undefined" if value is None else f"{value:.4g}"

    whole = leading(record)[:SHOWN]
    ends = [" to ".join(map(shown, metric.interval)) if metric.interval else "" for metric in whole]
    print_table(
        [
            {"metric": metric.name, "value": shown(metric.value), "95 % interval": interval}
            for metric, interval in zip(whole, ends, strict=True)
        ]
    )
    key = record.cell_key[:12]
    say(f"record {key} is in {store}; all of it: tumorbench show {key} --store {store}")


def _print_ids(dataset: str, task: str, protocol: str, fold: int, data_root: Path | None) -> None:
    import csv
    import io

    from tumorbench.api.evaluating import ids_tested
    from tumorbench.cli.streams import write_result

    text = io.StringIO()
    rows = ids_tested(dataset, task=task, protocol=protocol, fold=fold, data_root=data_root)
    csv.writer(text, lineterminator="\n").writerows([("sample_id", "label"), *rows])
    write_result(text.getvalue())
