"""``tune``: better values of a model's parameters, by how it does on the validation part."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tumorbench.cli.output import Reporter, fail, print_json, print_table, reporter, say
from tumorbench.cli.root import AsJson, Budgets, DataRoot, Device, ExecutorName, StoreFolder, Threads, app
from tumorbench.cli.selecting import check_counts, context_of, selection_of
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    from tumorbench.run.tuning.study import Outcome, Study, Watching

__all__ = ["tune"]

MOST_TRIALS = 10_000


@app.command()
def tune(
    model: Annotated[str, typer.Argument(help="The model, by id; what stands in brackets is not searched.")],
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="The data set, by id.")],
    trials: Annotated[
        int, typer.Option("--trials", help="How many the study has in the end, with those of earlier calls.")
    ] = 20,
    protocol: Annotated[str, typer.Option(help="grouped, official or paper, with a validation part.")] = "grouped",
    fold: Annotated[int, typer.Option(help="The fold on whose validation part trials are judged.")] = 0,
    seed: Annotated[int, typer.Option(help="Of the weights of each trial, and of what is tried.")] = 0,
    budget: Budgets = None,
    objective: Annotated[
        str | None,
        typer.Option(help="The validation value that decides.", show_default="what the model's recipe monitors"),
    ] = None,
    prune: Annotated[
        bool, typer.Option(help="End a trial early that is worse than the median of the others by the same epoch.")
    ] = True,
    device: Device = "auto",
    store: StoreFolder = Path("runs"),
    data_root: DataRoot = None,
    executor: ExecutorName = "local",
    threads: Threads = None,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds that a trial may take; it continues next time.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Search the space on a model's card for better parameters. Trials see the training and the validation part only.

    The same command continues the study, also after it was killed.
    """
    check_counts(timeout=timeout, jobs=None, threads=threads)
    if not 1 <= trials <= MOST_TRIALS:
        raise BadInput(f"--trials {trials} is not a number from 1 to {MOST_TRIALS}")
    selection = selection_of(
        datasets=[dataset], models=[model], protocols=[protocol], budget=budget, seed=[seed], folds=[fold]
    )
    from tumorbench.cli import announcing
    from tumorbench.run import executors
    from tumorbench.run.campaign import How
    from tumorbench.run.tuning.study import Asked, Study

    with reporter(silent=as_json) as report:
        context = context_of(store, data_root, device, report)
        context.registry.executor(executor)
        opening = announcing.opening(selection.budget, context.device)
        study = Study(Asked(selection, trials, objective, prune), context, lambda: report.line(opening))
        report.line(f"study in {study.folder}: {study.objective} on the validation part of fold {fold}")
        how = How(timeout_s=timeout, threads=threads, executor=executor)
        started = executors.start(executor, context.registry, device=context.device, threads=threads, store=store)
        try:
            failures = study.run(how, started, _watching(report, study))
        finally:
            started.close(now=False)
        report.clear()
    if as_json:
        print_json(_content(study))
    else:
        _tell(study)
    for reason in failures:
        fail(reason)
    if failures or study.best() is None:
        raise typer.Exit(1)


def _watching(report: Reporter, study: Study) -> Watching:
    """Tells that a trial begins, each of its epochs, and how it ended."""
    from tumorbench.run.campaign import Watch
    from tumorbench.run.tuning.study import Watching

    def begin(number: int, model: str) -> None:
        report.clear()
        report.line(f"[{number + 1}/{study.asked.trials}] trial {number}: {model}")

    def end(outcome: Outcome, note: str) -> None:
        best = study.best()
        so_far = f"; best so far: {_value(best)}, trial {best.number}" if best else ""
        report.line(
            f"  {outcome.state} after {outcome.epochs} epochs: {_value(outcome)}{so_far}{note and f' ({note})'}"
        )

    def epoch(_cell: Any, lease: dict[str, Any]) -> None:
        report.epoch(lease.get("entry") or {"epoch": lease["epoch"]}, int(lease.get("epochs") or 0))

    return Watching(begin, end, Watch(on_progress=epoch))


def _value(outcome: Outcome) -> str:
    return "no value" if outcome.value is None else f"{outcome.value:.4g}"


def _tell(study: Study) -> None:
    """The trials, the best of them as a bracket expression, and the command that runs it over all folds."""
    outcomes, best = study.outcomes(), study.best()
    print_table(
        [
            {
                "trial": each.number,
                "model": each.model,
                "state": each.state,
                study.objective: _value(each),
                "epochs": each.epochs,
            }
            for each in outcomes
        ]
    )
    if best is None:
        return
    identity = study.cell.identity
    say(f"\nbest of {len(outcomes)} trials: {study.objective} {_value(best)}{_beside(study, outcomes, best)}")
    say(f"  {best.model}")
    say("over all folds, test parts included:")
    say(f"  {study.command_of(best.model)}")
    if study.cell.cell.dataset.spec.folds(identity.protocol) > 1:
        say(
            f"fold {identity.fold} chose these parameters on its training and validation parts, which other folds test: "
            f"only its own test part is new to them"
        )


def _beside(study: Study, outcomes: list[Outcome], best: Outcome) -> str:
    own = study.cell.identity.model
    if best.model == own:
        return ", with the card's own parameters"
    card = next((each for each in outcomes if each.model == own and each.state == "complete"), None)
    return f" (the card's own parameters: {_value(card)})" if card else ""


def _content(study: Study) -> dict[str, Any]:
    identity, best = study.cell.identity, study.best()

    def shown(outcome: Outcome) -> dict[str, Any]:
        return {name: getattr(outcome, name) for name in ("number", "model", "state", "value", "epochs")}

    return {
        "study": str(study.folder / "study.db"),
        "dataset": identity.dataset,
        "protocol": identity.protocol,
        "fold": identity.fold,
        "seed": identity.seed,
        "budget": identity.budget,
        "objective": study.objective,
        "direction": study.direction,
        "trials": [shown(each) for each in study.outcomes()],
        "best": shown(best) if best else None,
        "command": study.command_of(best.model) if best else None,
    }
