"""Finished records are scored by the metrics that they lack, from their stored predictions: nothing is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tumorbench import tasks
from tumorbench.contracts.record import Record
from tumorbench.errors import BadInput, Stopped, TumorbenchError, one_line
from tumorbench.run.context import Context
from tumorbench.store import PREDICTIONS, file_sha256
from tumorbench.tables.stored import read_stored
from tumorbench.tasks import ScoringInput

__all__ = ["Rescored", "rescore", "rescore_store"]


@dataclass(frozen=True, slots=True)
class Rescored:
    """A record that lacked metrics. reason: why they could not be computed; "" where they were."""

    key: str
    names: tuple[str, ...]
    reason: str = ""


def rescore_store(context: Context, say: Callable[[str], None]) -> list[Rescored]:
    """The records that lacked a metric, in the store's order, now with it where it could be computed."""
    found = []
    for path, record in context.store.records():
        if record.status != "ok":
            continue
        lacking = tasks.of(record.identity).lacking(record, context.registry, again=True)
        if lacking:
            names = tuple(f"{metric}[{extractor}]" if extractor else metric for metric, extractor in lacking)
            identity = record.identity
            say(f"scoring {identity.dataset} {identity.model} {identity.protocol} by {', '.join(names)}")
            found.append(Rescored(record.cell_key, names, _attempted(path, record, context)))
    return found


def _attempted(path: Path, record: Record, context: Context) -> str:
    """The record is scored anew; returns why not where it is not."""
    try:
        rescore(path, record, context, again=True)
    except TumorbenchError as error:
        return str(error)
    except (KeyboardInterrupt, Stopped):
        raise
    except BaseException as error:  # noqa: BLE001 - a stranger's metric may raise anything, SystemExit among it
        return one_line(error)
    return ""


def rescore(path: Path, record: Record, context: Context, *, again: bool = False) -> Record:
    """The finished record in ``path`` with the value of every installed metric, written there.

    again: also of those that had no value when they were tried, as without their extractor. Values of metrics that are
    not installed stay. Only a generator's images are compared with the data set's, which has to be here then.
    Raises: BadInput where the predictions are missing or changed; Unavailable where data are not here.
    """
    task = tasks.of(record.identity)
    lacking = task.lacking(record, context.registry, again=again)
    if not lacking:
        return record
    predictions = path.parent / PREDICTIONS
    stated = next((each.sha256 for each in record.artifacts if each.path == PREDICTIONS), None)
    if not predictions.is_file() or file_sha256(predictions) != stated:
        raise BadInput(
            f"{predictions} is missing or was changed after its record; run its cell again: {record.command} --force"
        )
    if task.scored_from_table:
        given = ScoringInput.of_record(record, context.registry, only=lacking)
    else:
        cell = context.cell(record.identity, record.precision or "fp32")
        given = ScoringInput.of_cell(cell, context.tools(), only=lacking)
    found = task.score(read_stored(predictions), given).added_to(record)
    context.store.write(found)
    return found
