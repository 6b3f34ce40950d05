"""What a record claims about itself, beside what the cards say and what can be true. Needs no file but the record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tumorbench import tasks
from tumorbench.contracts.cards import DatasetSpec, ModelSpec
from tumorbench.contracts.evaluated import NO_RECIPE
from tumorbench.contracts.files.regular import shown
from tumorbench.contracts.problem import TSTR_SPLITS, Problem
from tumorbench.contracts.recipe import CELL, Recipe
from tumorbench.contracts.record import Record
from tumorbench.errors import TumorbenchError
from tumorbench.registry import Registry
from tumorbench.tasks.scores.instruments import Metric, source_of

__all__ = ["check_claims"]

SECONDS = 0.01  # by which times may differ, because each of them is rounded
ROUNDING = 1e-6  # of a metric's range
LONGEST = 120  # of what a record says, in a line about it


def check_claims(record: Record, registry: Registry) -> Iterator[str]:
    """What the record says and cannot be, one line each."""
    model = _model_of(record.identity.model, registry)
    if record.status != "ok":
        yield f"it is not finished ({record.status}), and only finished cells are published"
    dataset = registry.datasets.get(record.identity.dataset)
    if dataset:
        yield from _of_dataset(record, dataset)
    if record.identity.origin == "evaluated":
        yield from _of_evaluated(record, model)
    else:
        yield from _of_training(record, model, dataset)
    yield from _of_timing(record)
    yield from _of_metrics(record, registry)
    yield from _of_ranking(record, registry)


def _of_training(record: Record, model: ModelSpec | None, dataset: DatasetSpec | None) -> Iterator[str]:
    """What a record says of the model that the harness trained."""
    if model:
        yield from _of_model(record, model, dataset)
    else:
        yield f"its model {_shown(record.identity.model)} is not installed, so that nobody can run it again"
    yield from _of_origin(record)
    yield from _of_parameters(record, model)
    yield from _of_history(record, model)


def _of_evaluated(record: Record, model: ModelSpec | None) -> Iterator[str]:
    """A record of predictions alone says nothing of a training, and names no model that is installed."""
    if model:
        yield f"it was evaluated, and its name {_shown(record.identity.model)} is that of an installed model"
    if record.identity.recipe != NO_RECIPE:
        yield "it was evaluated, and has a recipe"
    said = {"history": record.history, "parameters": record.parameters, "parts": record.parts}
    for name in (name for name, content in said.items() if content):
        yield f"it was evaluated, and has {name} of a training"


def _model_of(name: str, registry: Registry) -> ModelSpec | None:
    """The card of the model, with its parameters; None where it is not installed."""
    try:
        return registry.model(name)
    except TumorbenchError:
        return None


def _of_dataset(record: Record, card: DatasetSpec) -> Iterator[str]:
    yield from _differs("synthetic", record.synthetic, card.synthetic, "data set")
    yield from _differs("dataset_title", record.dataset_title, card.title, "data set")
    if not record.identity.trained_on:  # whose classes are those that both sets have
        yield from _differs("classes", record.classes, card.classes, "data set")
    elif not set(record.classes) <= set(card.classes):
        yield f"its classes are {_shown(record.classes)}, and the data set's card knows {_shown(card.classes)}"
    if record.identity.task not in card.tasks:
        yield f"its data set is not for {record.identity.task}"


def _of_model(record: Record, card: ModelSpec, dataset: DatasetSpec | None) -> Iterator[str]:
    identity = record.identity
    yield from _differs("task", identity.task, card.task, "model")
    if identity.model_version != card.version:
        yield (
            f"its model {_shown(identity.model)} is of version {_shown(identity.model_version)}, and version "
            f"{card.version} is installed; run it again"
        )
        return
    yield from _differs("model_title", record.model_title, card.title, "model")
    due = card.recipe.for_budget(identity.budget)
    if identity.budget == "quick" and dataset:
        due = due.shortened(dataset.quick_share, dataset.quick_size)
    for name, said in identity.recipe:
        if said != getattr(due, name) and not (name == "pretrained" and str(said).startswith("sha256:")):
            yield f"its recipe has {name} {_shown(said)}, and the model's card says {_shown(getattr(due, name))}"


def _of_origin(record: Record) -> Iterator[str]:
    """A cell names the cell whose weights it starts from where its recipe says so, and only there."""
    identity = record.identity
    starts = (identity.recipe.pretrained or "").startswith(CELL)
    if starts != (identity.starts_from is not None):
        yield f"its recipe starts from {_shown(identity.recipe.pretrained)}, and it names {_shown(identity.starts_from)}"
    if identity.starts_from is None and record.leakage and record.leakage.pretraining_test_images is not None:
        yield "it says what a pre-training saw, and it starts from no cell"


def _differs(name: str, said: Any, true: Any, whose: str) -> Iterator[str]:
    if said != true:
        yield f"its {name} is {_shown(said)}, and the {whose}'s card says {_shown(true)}"


def _shown(said: Any) -> str:
    text = ascii(said) if isinstance(said, str) else str(said)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _of_parameters(record: Record, model: ModelSpec | None) -> Iterator[str]:
    """The counts are counts, and those of the card where it states them for this very problem."""
    found, stated = record.parameters, model.parameters if model else None
    if set(found) != {"total", "trainable"} or not 0 <= found["trainable"] <= found["total"]:
        yield f"its parameters {_shown(found)} are no total and the trainable ones among them"
    elif stated and record.identity.protocol not in TSTR_SPLITS and _same_network(record, model, stated.problem):
        for name, true in (("total", stated.total), ("trainable", stated.trainable)):
            if abs(found[name] - true) > stated.tolerance:
                yield f"its {name} parameters are {found[name]}, and the model's card says {true}"


def _same_network(record: Record, model: ModelSpec | None, problem: Problem) -> bool:
    """Whether the card's counts are of the record's network."""
    recipe = record.identity.recipe
    size = recipe.preprocessing.channels, recipe.preprocessing.size, len(record.classes)
    same = size == (problem.channels, problem.size, len(problem.classes))
    return same and model is not None and recipe.params == model.recipe.params and recipe.masks == model.recipe.masks


def _of_history(record: Record, model: ModelSpec | None) -> Iterator[str]:
    identity, epochs = record.identity, [entry.get("epoch") for entry in record.history]
    # under tstr a generator that knows the classes is there only to be judged: another cell trained it
    trained = identity.protocol not in TSTR_SPLITS or (model is not None and not model.conditional)
    if not epochs and trained:
        yield "its history is empty, and it was trained"
    if len(epochs) > identity.recipe.epochs:
        yield f"its history has {len(epochs)} epochs, and its recipe {identity.recipe.epochs}"
    if trained and epochs and len(epochs) < _fewest_epochs(identity.recipe):
        yield f"its history has {len(epochs)} epochs of the {identity.recipe.epochs} of its recipe"
    if epochs != list(range(1, len(epochs) + 1)):
        yield "the entries of its history are not numbered from 1 on"
    if record.best_epoch is not None and record.best_epoch not in epochs:
        yield f"its best epoch {record.best_epoch} is not in its history"
    if trained and record.identity.protocol not in TSTR_SPLITS and record.timing.train_s <= 0:
        yield "its timing says that training took no time"


def _fewest_epochs(recipe: Recipe) -> int:
    """That a training can end after: all of them, or where it may stop early one more than its patience."""
    stopping = recipe.early_stopping
    return min(recipe.epochs, stopping.patience + 1) if stopping else recipe.epochs


def _of_timing(record: Record) -> Iterator[str]:
    timing = record.timing
    seconds = [value for value in timing.model_dump(exclude={"sessions", "resumed_from_epoch"}).values() if value]
    if timing.total_s <= 0 or timing.sessions < 1 or any(value < 0 for value in seconds):
        yield "its timing is empty or negative"
    # a record that does not say how long the steps alone took was moved from schema 2: its total is of the last session
    elif timing.steady_s is not None and timing.total_s + SECONDS < max(timing.train_s, timing.steady_s):
        yield f"its timing says that training took {timing.train_s} s of {timing.total_s} s"


def _of_metrics(record: Record, registry: Registry) -> Iterator[str]:
    """Each value has a name of its own, and is in its metric's range and direction where that version is installed."""
    names = [value.name for value in record.metrics]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        yield f"it has more than one value of {shown(', '.join(twice))}"
    versions = {each.metric: each.version for each in record.instruments}
    for value in record.metrics:
        card = registry.metrics.get(source_of(value)[0])
        if card is None or versions.get(card.id, card.version) != card.version:
            continue
        low, high = card.value_range
        if value.value is not None and not low - ROUNDING <= value.value <= high + ROUNDING:
            yield f"{shown(value.name)} is {value.value}, which is outside of {low} to {high}"
        elif value.value is not None and value.interval and not _near(value.value, *value.interval):
            yield f"{shown(value.name)} is {value.value}, far from its own interval {value.interval}"
        if value.higher_is_better != card.higher_is_better:
            yield f"{shown(value.name)} has the wrong direction: higher_is_better is {card.higher_is_better}"


def _near(value: float, low: float, high: float) -> bool:
    """Whether the value lies no further outside of its interval than that is wide: a biased metric's may leave it out."""
    margin = high - low
    return low - margin - ROUNDING <= value <= high + margin + ROUNDING


def _of_ranking(record: Record, registry: Registry) -> Iterator[str]:
    """What the record was scored by and gave a value, and what its task ranks by, has a value in it."""
    task = tasks.of(record.identity)
    valued = {source_of(value) for value in record.metrics}
    known = {(each.metric, each.extractor): each for each in record.instruments}
    installed = task.metrics(record.identity, registry)
    for metric in installed:
        instrument = known.get(metric.key)
        if _ranks(metric, task.name) and instrument is None and metric.key not in valued:
            yield f"it has no {_named(metric)}, by which its task ranks"
        elif instrument and not instrument.reason and metric.key not in valued and not _may_be_silent(metric):
            yield f"it was scored by {_named(metric)} and has no value of it"
    for instrument in () if installed else task.instruments(record.identity, registry):
        if (instrument.metric, instrument.extractor) not in known or not record.metrics:
            yield f"it was not scored by {instrument.metric}, which its protocol is about"


def _ranks(metric: Metric, task: str) -> bool:
    """Whether every record of the task has the metric: a plugin that came later may rank too."""
    return metric.spec.ranks and metric.spec.task == task and metric.plugin == "tumorbench" and not metric.extractor


def _may_be_silent(metric: Metric) -> bool:
    """Whether the metric gives nothing where a cell has nothing for it: no mask, no model of calibration, no leak."""
    return metric.spec.needs in ("attention", "calibration", "clean", "leaked")


def _named(metric: Metric) -> str:
    return f"{metric.spec.id}[{metric.extractor.id}]" if metric.extractor else metric.spec.id
