"""``run``, ``plan`` and ``rescore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tumorbench.cli.output import fail, print_json, print_table, reporter, say, tell_damaged
from tumorbench.cli.root import (
    Address,
    AsJson,
    Budgets,
    DataRoot,
    Datasets,
    Device,
    Everything,
    ExecutorName,
    Folds,
    Jobs,
    Judge,
    LeaveOut,
    Models,
    Observers,
    Protocols,
    Seed,
    Seeds,
    StoreFolder,
    Threads,
    TrainOn,
    WeightsFile,
    app,
)
from tumorbench.cli.selecting import check_counts, context_of, selection_of

if TYPE_CHECKING:
    from tumorbench.run.campaign import Campaign, How
    from tumorbench.run.context import Context
    from tumorbench.run.plan import Plan, PlannedCell, Selection

__all__ = ["plan", "rescore", "run"]

RUNS = Path("runs")


@app.command()
def run(
    everything: Everything = False,
    datasets: Datasets = None,
    models: Models = None,
    protocols: Protocols = None,
    train_on: TrainOn = None,
    leave_out: LeaveOut = None,
    budget: Budgets = None,
    seeds: Seeds = None,
    seed: Seed = None,
    folds: Folds = None,
    device: Device = "auto",
    store: StoreFolder = RUNS,
    data_root: DataRoot = None,
    executor: ExecutorName = "local",
    jobs: Jobs = None,
    threads: Threads = None,
    address: Address = None,
    force: Annotated[bool, typer.Option("--force", help="Compute finished cells again.")] = False,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="Bit-identical predictions on the same machine and thread count.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds that a cell may take; it continues on the next run.")
    ] = None,
    checkpoint_every: Annotated[
        float, typer.Option(help="Seconds between two checkpoints of a cell: what a killed process loses at most.")
    ] = 60.0,
    throughput: Annotated[bool, typer.Option(help="Measure the speed of each model afterwards.")] = True,
    observe: Observers = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would run, as plan does.")] = False,
    weights: WeightsFile = None,
    judge: Judge = None,
    as_json: AsJson = False,
) -> None:
    """Train and score the selected cells, each in a process of its own, then print and write the boards of the store.

    Finished cells are not computed again. Any number of processes may work on one store.
    """
    check_counts(timeout=timeout, jobs=jobs, threads=threads, checkpoint_every=checkpoint_every)
    selection = selection_of(
        everything=everything,
        datasets=datasets,
        models=models,
        protocols=protocols,
        budget=budget,
        seeds=seeds,
        seed=seed,
        folds=folds,
        train_on=train_on,
        leave_out=leave_out,
    )
    if dry_run:
        _tell_plan(selection, store, data_root, device, weights, judge, as_json=as_json)
        return
    from tumorbench.cli import announcing
    from tumorbench.run.campaign import How
    from tumorbench.run.plan import make_plan

    with reporter(silent=as_json) as report:
        context = context_of(store, data_root, device, report, weights=weights, judge=judge)
        context.registry.executor(executor)
        for each in observe or ():
            context.registry.observer(each.partition("=")[0])
        planned = make_plan(
            selection, context, lambda: report.line(announcing.opening(selection.budget, context.device))
        )
        announcing.introduce(planned, context.registry, report)
        how = How(force, deterministic, timeout, threads, executor=executor, checkpoint_every_s=checkpoint_every)
        watch = announcing.watching(report, planned, context.store)
        with announcing.observing(observe or (), context, watch) as told:
            result = _carried_out(planned, context, how, jobs, address, told)
        speeds = _speeds(planned, result, context, report) if throughput else {}
        report.clear()
    boards = _write_boards(context)
    if as_json:
        print_json([record.model_dump(mode="json") for record in result.records.values()])
    else:
        _print_summary(result, planned, context, boards)
    for what, reason in speeds.items():
        fail(f"throughput of {what}: {reason}")
    damaged = tell_damaged(context.store)
    if result.failures or damaged:
        raise typer.Exit(1)


def _carried_out(
    planned: Plan, context: Context, how: How, jobs: int | None, address: str | None, watch: Any
) -> Campaign:
    from tumorbench.run import campaign, executors

    executor = executors.start(
        how.executor,
        context.registry,
        device=context.device,
        jobs=jobs,
        threads=how.threads,
        address=address,
        store=context.store.root,
    )
    return campaign.run_all(planned, context, how, executor, watch)


def _speeds(planned: Plan, result: Campaign, context: Context, report: Any) -> dict[str, str]:
    """The speed of each model that finished a cell is in the store. Returns why there is no figure, by model."""
    finished = [
        cell.cell
        for cell in planned.cells
        if result.records[cell.key].status == "ok" and not cell.identity.trained_on  # as fast as on its own data
    ]
    if not finished:
        return {}
    from tumorbench.speed.throughput import measure_each, one_of_each_shape

    return measure_each(one_of_each_shape(finished), context.tools(), context.store, report.line).failures


@app.command()
def plan(
    everything: Everything = False,
    datasets: Datasets = None,
    models: Models = None,
    protocols: Protocols = None,
    train_on: TrainOn = None,
    leave_out: LeaveOut = None,
    budget: Budgets = None,
    seeds: Seeds = None,
    seed: Seed = None,
    folds: Folds = None,
    device: Device = "auto",
    store: StoreFolder = RUNS,
    data_root: DataRoot = None,
    weights: WeightsFile = None,
    judge: Judge = None,
    as_json: AsJson = False,
) -> None:
    """What would run, what is cached, what is unavailable and why, and the rough time. Writes nothing to the store."""
    selection = selection_of(
        everything=everything,
        datasets=datasets,
        models=models,
        protocols=protocols,
        budget=budget,
        seeds=seeds,
        seed=seed,
        folds=folds,
        train_on=train_on,
        leave_out=leave_out,
    )
    _tell_plan(selection, store, data_root, device, weights, judge, as_json=as_json)


def _tell_plan(
    selection: Selection,
    store: Path,
    data_root: Path | None,
    device: str,
    weights: Path | None,
    judge: str | None,
    *,
    as_json: bool,
) -> None:
    from tumorbench.run.plan import expected_seconds, make_plan

    with reporter(silent=as_json) as report:
        context = context_of(store, data_root, device, report, weights=weights, judge=judge, writes=False)
        planned = make_plan(selection, context)
    seconds = expected_seconds(planned, context.store)
    rows = [_cell_row(cell, seconds.get(cell.key)) for cell in planned.cells]
    if as_json:
        print_json(rows + _unavailable_rows(planned))
    else:
        _print_plan(rows, planned)
    if tell_damaged(context.store):
        raise typer.Exit(1)


def _print_plan(rows: list[dict[str, Any]], planned: Plan) -> None:
    shown = [row | {"cell_key": row["cell_key"][:12], "seconds": row["seconds"] or "unknown"} for row in rows]
    if not any(row["trained_on"] for row in rows):
        shown = [{name: value for name, value in row.items() if name != "trained_on"} for row in shown]
    print_table(shown)
    for missing in planned.unavailable:
        say(f"unavailable: {missing}")
    to_run = [row for row in rows if row["status"] == "to run"]
    unknown = sum(row["seconds"] is None for row in to_run)
    known = sum(row["seconds"] or 0 for row in to_run)
    more = f" and {unknown} of unknown time" if unknown else ""
    say(f"{len(to_run)} of {len(rows)} cells to run, about {known:.0f} s{more}")


def _cell_row(cell: PlannedCell, seconds: float | None) -> dict[str, Any]:
    identity = cell.identity
    return {
        "dataset": identity.dataset,
        "model": identity.model,
        "protocol": identity.protocol,
        "trained_on": identity.trained_on.dataset if identity.trained_on else None,
        "fold": identity.fold,
        "seed": identity.seed,
        "budget": identity.budget,
        "status": cell.status,
        "reason": cell.reason,
        "seconds": seconds,
        "cell_key": cell.key,
    }


def _unavailable_rows(planned: Plan) -> list[dict[str, Any]]:
    return [
        {
            "dataset": missing.dataset,
            "model": missing.model or None,
            "protocol": missing.protocol or None,
            "status": "unavailable",
            "reason": missing.reason,
            "cell_key": None,
        }
        for missing in planned.unavailable
    ]


@app.command()
def rescore(
    store: StoreFolder = RUNS, data_root: DataRoot = None, device: Device = "auto", as_json: AsJson = False
) -> None:
    """Compute the metrics that finished records lack, from their stored predictions. Nothing is trained.

    These are new metrics, those with a new version, and those that could not be computed when they were tried.
    """
    from tumorbench.run.rescore import rescore_store

    with reporter(silent=as_json) as report:
        context = context_of(store, data_root, device, report)
        outcomes = rescore_store(context, report.line)
    _write_boards(context)
    if as_json:
        print_json([{"cell_key": each.key, "scored_by": list(each.names), "reason": each.reason} for each in outcomes])
    else:
        failed = sum(bool(each.reason) for each in outcomes)
        say(f"{len(outcomes) - failed} records were scored anew, {failed} could not be")
    damaged = tell_damaged(context.store)
    if damaged or any(each.reason for each in outcomes):
        raise typer.Exit(1)


def _write_boards(context: Context) -> dict[str, str]:
    from tumorbench.cli.pages import write_boards

    return write_boards(context.store, context.store.root / "boards", context.registry)


def _print_summary(result: Campaign, planned: Plan, context: Context, boards: dict[str, str]) -> None:
    from tumorbench.boards import summary_table

    records = list(result.records.values())
    tasks = {cell.identity.task for cell in planned.cells}
    for name, text in boards.items():
        if name.removesuffix(".md") in tasks:
            say(text.partition("\n")[2].strip() + "\n")  # without the comment that marks the file as generated
    rows = summary_table(records)
    print_table([{name: _shown(value) for name, value in row.items()} for row in rows])
    say()
    done = sum(record.status == "ok" for record in records)
    say(
        f"{done} of {len(records)} cells done, {result.cached} of them cached; "
        f"records, pictures and boards are in {context.store.root}"
    )
    for record in records:
        if record.status != "ok":
            identity = record.identity
            say(
                f"{record.status}: {identity.dataset} {identity.model} {identity.protocol} fold {identity.fold} "
                f"seed {identity.seed}: {record.reason}"
            )


def _shown(value: Any) -> Any:
    return f"{value:.4f}" if isinstance(value, float) else "" if value is None else value
