"""``bench``: how fast models are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tumorbench.cli.output import fail, print_json, print_table, reporter
from tumorbench.cli.root import AsJson, Budgets, DataRoot, Datasets, Device, Everything, Models, StoreFolder, app
from tumorbench.cli.running import RUNS
from tumorbench.cli.selecting import context_of, selection_of

if TYPE_CHECKING:
    from tumorbench.speed.throughput import Speed

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
    """Measure the throughput of models on the shapes of data sets, without training them.

    Exits with 1 where a model has no figure: because it failed, or because the machine is too busy to measure it now.
    """
    selection = selection_of(
        everything=everything, datasets=datasets, models=models, protocols=["grouped"], budget=budget, folds=[0]
    )
    from tumorbench.cli.pages import write_boards
    from tumorbench.run.plan import make_plan
    from tumorbench.speed.throughput import measure_each, one_of_each_dataset

    with reporter(silent=as_json) as report:
        context = context_of(store, data_root, device, report)
        planned = make_plan(selection, context)
        for missing in planned.unavailable:
            report.line(f"unavailable: {missing}")
        cells = one_of_each_dataset(each.cell for each in planned.cells if each.asked)
        speeds = measure_each(cells, context.tools(), context.store, report.line, force=force)
    write_boards(context.store, context.store.root / "boards", context.registry)
    if as_json:
        print_json([speed.throughput.model_dump(mode="json") | {"cached": speed.cached} for speed in speeds.found])
    else:
        print_table([_row(speed) for speed in speeds.found])
    for what, reason in speeds.failures.items():
        fail(f"throughput of {what}: {reason}")
    if speeds.failures:
        raise typer.Exit(1)


def _row(speed: Speed) -> dict[str, Any]:
    values = {name: getattr(speed.throughput, name) for name in SHOWN}
    shown = {name: f"{value:.4g}" if isinstance(value, float) else value for name, value in values.items()}
    return shown | {"measured": f"{speed.throughput.measured_at}{', cached' if speed.cached else ''}"}
