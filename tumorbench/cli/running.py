"""``run``, ``plan`` and ``bench``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from tumorbench import registry
from tumorbench.cli.output import Reporter, print_json, print_table, reporter, say
from tumorbench.cli.root import (
    AsJson,
    Budgets,
    DataRoot,
    Datasets,
    Device,
    Folds,
    Judge,
    Models,
    Protocols,
    Seeds,
    StoreFolder,
    WeightsFile,
    app,
)
from tumorbench.contracts.problem import Budget, Protocol
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    from tumorbench.run.campaign import Campaign
    from tumorbench.run.context import Bench
    from tumorbench.run.plan import Plan, PlannedCell, Selection

__all__ = ["bench", "plan", "run"]

RUNS = Path("runs")
Everything = Annotated[
    bool,
    typer.Option(
        "--all",
        help="Every model that does not say otherwise on every data set that is here; the synthetic phantom only where no real one is.",
    ),
]


@app.command()
def run(
    everything: Everything = False,
    datasets: Datasets = None,
    models: Models = None,
    protocols: Protocols = None,
    budget: Budgets = None,
    seeds: Seeds = 1,
    folds: Folds = None,
    device: Device = "auto",
    store: StoreFolder = RUNS,
    data_root: DataRoot = None,
    executor: Annotated[str, typer.Option(help="local: one cell after the other on this machine.")] = "local",
    force: Annotated[bool, typer.Option("--force", help="Compute finished cells again.")] = False,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="Bit-identical predictions on the same machine and thread count.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds that a cell may take; it continues on the next run.")
    ] = None,
    throughput: Annotated[bool, typer.Option(help="Measure the speed of each model afterwards.")] = True,
    weights: WeightsFile = None,
    judge: Judge = None,
    as_json: AsJson = False,
) -> None:
    """Train and score the selected cells, then print and write the boards of the store. Finished cells are not computed again."""
    if executor != "local":
        raise BadInput(f"executor {executor!r} is not installed; this version runs with --executor local")
    if timeout is not None and timeout <= 0:
        raise BadInput(f"--timeout {timeout:g} leaves a cell no time; give seconds, or leave it out")
    selection = _selection(everything, datasets, models, protocols, budget, seeds, folds)
    from tumorbench.cli import announcing
    from tumorbench.run import campaign
    from tumorbench.run.cell import CellOptions
    from tumorbench.run.plan import make_plan

    with reporter(silent=as_json) as report:
        place = _bench(store, data_root, device, report, weights, judge)
        planned = make_plan(selection, place, lambda: report.line(announcing.opening(selection.budget, place.device)))
        place.store.check()
        announcing.introduce(planned, place.registry, report)
        options = CellOptions(force, deterministic, timeout or math.inf, report.epoch, report.step)
        result = campaign.run_all(
            planned, place, options, with_speed=throughput, on_start=announcing.starting(report), on_done=announcing.finished(report), on_speed=announcing.measuring(report)
        )  # fmt: skip
        report.clear()
    boards = _write_boards(place)
    if as_json:
        print_json([record.model_dump(mode="json") for record in result.records])
    else:
        _print_summary(result, planned, place, boards)
    if result.failures:
        raise typer.Exit(1)


@app.command()
def plan(
    everything: Everything = False,
    datasets: Datasets = None,
    models: Models = None,
    protocols: Protocols = None,
    budget: Budgets = None,
    seeds: Seeds = 1,
    folds: Folds = None,
    device: Device = "auto",
    store: StoreFolder = RUNS,
    data_root: DataRoot = None,
    weights: WeightsFile = None,
    judge: Judge = None,
    as_json: AsJson = False,
) -> None:
    """What would run, what is cached, what is unavailable and why, and the rough time."""
    selection = _selection(everything, datasets, models, protocols, budget, seeds, folds)
    from tumorbench.run.plan import expected_seconds, make_plan

    with reporter(silent=as_json) as report:
        place = _bench(store, data_root, device, report, weights, judge)
        planned = make_plan(selection, place)
    seconds = expected_seconds(planned, place.store)
    if as_json:
        print_json([_cell_row(cell, seconds.get(cell.key)) for cell in planned.cells] + _unavailable_rows(planned))
        return
    rows = [_cell_row(cell, seconds.get(cell.key)) for cell in planned.cells]
    print_table([row | {"cell_key": row["cell_key"][:12], "seconds": row["seconds"] or "unknown"} for row in rows])
    for name, reason in planned.unavailable.items():
        say(f"unavailable: {name}: {reason}")
    unknown = sum(row["status"] == "to run" and row["seconds"] is None for row in rows)
    known = sum(row["seconds"] or 0 for row in rows if row["status"] == "to run")
    say(
        f"{sum(row['status'] == 'to run' for row in rows)} of {len(rows)} cells to run, about {known:.0f} s"
        + (f" and {unknown} of unknown time" if unknown else "")
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
    selection = _selection(everything, datasets, models, ["grouped"], budget, 1, [0])
    from tumorbench.run.plan import make_plan
    from tumorbench.speed.throughput import measure_speed

    with reporter(silent=as_json) as report:
        place = _bench(store, data_root, device, report)
        speeds = []
        for cell in make_plan(selection, place).cells:
            report.line(
                f"measuring {cell.model.id} on {cell.dataset.spec.id} at {cell.identity.recipe.preprocessing.size} px"
            )
            speeds.append(measure_speed(cell, place, force=force))
    _write_boards(place)
    if as_json:
        print_json([speed.model_dump(mode="json") for speed in speeds])
        return
    shown = (
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
    print_table(
        [
            {name: f"{value:.4g}" if isinstance(value := getattr(speed, name), float) else value for name in shown}
            for speed in speeds
        ]
    )


def _selection(
    everything: bool, datasets: list[str] | None, models: list[str] | None, protocols: list[str] | None, budget: str | None, seeds: int, folds: list[int] | None
) -> Selection:  # fmt: skip
    for given, known, option in (
        (protocols or [], get_args(Protocol), "--protocol"),
        ([budget] if budget else [], get_args(Budget), "--budget"),
    ):
        if wrong := [each for each in given if each not in known]:
            raise BadInput(f"{option} {wrong[0]} is unknown; give one of {', '.join(known)}")
    from tumorbench.run.plan import Selection

    return Selection(
        everything,
        tuple(datasets or ()),
        tuple(models or ()),
        tuple(protocols or ()),
        budget,
        seeds,
        tuple(folds or ()),
    )  # type: ignore[arg-type]


def _bench(
    store: Path,
    data_root: Path | None,
    device: str,
    report: Reporter,
    weights: Path | None = None,
    judge: str | None = None,
) -> Bench:
    from tumorbench import hardware
    from tumorbench.data import locations
    from tumorbench.run.context import Bench
    from tumorbench.store import Store

    hardware.tune_allocator()
    return Bench(
        registry.find(),
        Store(store).open(),
        locations.data_root(data_root),
        hardware.choose_device(device),
        report.progress,
        weights=weights,
        judge=judge,
    )


def _cell_row(cell: PlannedCell, seconds: float | None) -> dict[str, Any]:
    identity = cell.identity
    return {
        "dataset": identity.dataset, "model": identity.model, "protocol": identity.protocol, "fold": identity.fold, "seed": identity.seed,
        "budget": identity.budget, "status": cell.status, "reason": "", "seconds": seconds, "cell_key": cell.key,
    }  # fmt: skip


def _unavailable_rows(planned: Plan) -> list[dict[str, Any]]:
    return [
        {"dataset": name, "status": "unavailable", "reason": reason, "cell_key": None}
        for name, reason in planned.unavailable.items()
    ]


def _write_boards(place: Bench) -> dict[str, str]:
    from tumorbench.publish.publish import write_boards

    return write_boards(place.store.root, place.store.root / "boards", place.registry)


def _print_summary(result: Campaign, planned: Plan, place: Bench, boards: dict[str, str]) -> None:
    from tumorbench.boards import summary_table

    tasks = {cell.model.task for cell in planned.cells}
    for name, text in boards.items():
        if name.removesuffix(".md") in tasks or (name == "throughput.md" and result.throughputs):
            say(text.partition("\n")[2].strip() + "\n")  # without the comment that marks the file as generated
    print_table(
        [
            {
                name: f"{value:.4f}" if isinstance(value, float) else "" if value is None else value
                for name, value in row.items()
            }
            for row in summary_table(result.records)
        ]
    )
    say()
    done = sum(record.status == "ok" for record in result.records)
    say(
        f"{done} of {len(result.records)} cells done, {result.cached} of them cached; records, pictures and boards are in {place.store.root}"
    )
    for record in result.records:
        if record.status != "ok":
            identity = record.identity
            say(
                f"{record.status}: {identity.dataset} {identity.model} {identity.protocol} fold {identity.fold} seed {identity.seed}: {record.reason}"
            )
    for what, reason in result.speed_failures.items():
        say(f"throughput of {what} could not be measured: {reason}")
