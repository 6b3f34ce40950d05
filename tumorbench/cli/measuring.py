"""``bench``: how fast models are."""

from __future__ import annotations

from typing import Annotated

import typer

from tumorbench.cli.output import print_json, print_table, reporter
from tumorbench.cli.root import AsJson, Budgets, DataRoot, Datasets, Device, Everything, Models, StoreFolder, app
from tumorbench.cli.running import RUNS
from tumorbench.cli.selecting import context_of, selection_of

__all__ = ["bench"]

SHOWN = (
    "model",
    "dataset",
    "size",
    "precision",
    "train_images_per_s",
    "inference_images_per_s",
    "latency_p50_ms",
    "latency_p95_ms",
    "peak_memory_mib",
)


@app.command()
def bench(
    everything: Everything = False,
    datasets: Datasets = None,
    models: Models = None,
    budget: Budgets = None,
    device: Device = "auto",
    store: StoreFolder = RUNS,
    data_root: DataRoot = None,
    force: Annotated[bool, typer.Option("--force", help="Measure again what the store has.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure the throughput of models on the shapes of data sets, without training them."""
    selection = selection_of(
        everything=everything, datasets=datasets, models=models, protocols=["grouped"], budget=budget, folds=[0]
    )
    from tumorbench.cli.pages import write_boards
    from tumorbench.run.plan import make_plan
    from tumorbench.speed.throughput import measure_speed

    with reporter(silent=as_json) as report:
        context = context_of(store, data_root, device, report)
        speeds = []
        for planned in make_plan(selection, context).cells:
            cell = planned.cell
            size = cell.recipe.preprocessing.size
            report.line(f"measuring {cell.model.id} on {cell.dataset.spec.id} at {size} px")
            speeds.append(measure_speed(cell, context.tools(), context.store, force=force))
    write_boards(context.store, context.store.root / "boards", context.registry)
    if as_json:
        print_json([speed.model_dump(mode="json") for speed in speeds])
        return
    rows = [{name: getattr(speed, name) for name in SHOWN} for speed in speeds]
    print_table(
        [{name: f"{value:.4g}" if isinstance(value, float) else value for name, value in row.items()} for row in rows]
    )
