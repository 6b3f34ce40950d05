"""One cell, from what was asked for to its record. Whatever goes wrong inside ends this cell with a status."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from tumorbench import hardware, tasks
from tumorbench.contracts.record import INTERVALS_VERSION, Memory, Record, Status
from tumorbench.data import split
from tumorbench.errors import CellTimeout, Diverged, Stopped, TumorbenchError, Unavailable, one_line
from tumorbench.run.context import Context
from tumorbench.run.lineage import pretraining_seen
from tumorbench.run.lost import command_of
from tumorbench.run.sessions import Sessions
from tumorbench.run.work import PROGRESS, STAGED, CellOptions, Outcome, work
from tumorbench.tasks.cell import Cell

__all__ = ["CellOptions", "attempt", "forget_progress", "run_cell"]

NO_MEMORY = (  # what torch says on the CPU, and CUDA's libraries where they are not torch's own allocator
    "can't allocate memory",
    "CUDA out of memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
)


def run_cell(cell: Cell, context: Context, options: CellOptions) -> Record:
    """The cell's record, written to the store. The caller holds the cell's lease.

    Until then an earlier record and its artifacts stay as they are. Raises: Stopped, where the cell is to stop without
    a record; the same cell continues from its last epoch.
    """
    folder = context.store.cell_folder(cell.identity, cell.key)
    folder.mkdir(parents=True, exist_ok=True)
    if (record := context.store.finished(cell.identity, cell.key)) and options.accept(record):
        return record
    if options.force:
        forget_progress(cell, folder)
    started, outcome, staged = datetime.now(UTC), Outcome(Sessions(folder)), _emptied(folder / STAGED)
    determinism = hardware.set_determinism(options.deterministic)
    status, reason = attempt(lambda: work(cell, context, options, folder, outcome), folder)
    record = _record(cell, context, status, reason, outcome, determinism, started, options.executor)
    context.store.replace(record, staged if status == "ok" else _emptied(staged))
    if status == "ok":
        forget_progress(cell, folder)
    return record


def forget_progress(cell: Cell, folder: Path) -> None:
    """Nothing is left of what the cell's folder kept while it was trained."""
    for path in folder.glob(PROGRESS.format("*")):
        path.unlink()
    tasks.of(cell.identity).forget_epochs(folder)
    Sessions(folder).forget()


def _emptied(folder: Path) -> Path:
    """The folder is there and empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def attempt(worked: Callable[[], None], folder: Path) -> tuple[Status, str]:
    """The status of what ``worked`` does and, unless it is ok, the reason in one line.

    The whole traceback lies in ``error.txt`` of the cell's folder.
    """
    error_file = folder / "error.txt"
    error_file.unlink(missing_ok=True)
    try:
        worked()
    except Stopped:
        raise
    except Unavailable as error:
        return "skipped", str(error)
    except CellTimeout as error:
        return "timeout", f"{error}; give more with --timeout, the cell continues from its last epoch"
    except (Diverged, TumorbenchError) as error:
        return "failed", str(error)
    except BaseException as error:  # noqa: BLE001 - a stranger's model may raise anything, SystemExit among it
        error_file.write_text(traceback.format_exc(), encoding="utf-8", errors="backslashreplace")
        reason = f"{one_line(error)}; the traceback is in {error_file}"
        return ("oom" if _is_out_of_memory(error) else "failed"), reason
    return "ok", ""


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(said in str(error) for said in NO_MEMORY)


def _record(
    cell: Cell,
    context: Context,
    status: Status,
    reason: str,
    outcome: Outcome,
    determinism: dict[str, Any],
    started: datetime,
    executor: str,
) -> Record:
    prediction, scores, fit = outcome.prediction, outcome.scores, outcome.fit
    cuda = context.device == "cuda"
    return Record(
        cell_key=cell.key,
        status=status,
        reason=reason,
        identity=cell.identity,
        dataset_title=cell.dataset.spec.title,
        model_title=cell.model.title,
        synthetic=cell.dataset.spec.synthetic,
        sizes={part: len(getattr(cell.split, part)) for part in split.PARTS},
        leakage=split.measure_leakage(cell.split).model_copy(
            update={"pretraining_test_images": pretraining_seen(cell, context)}
        ),
        taken_out=context.taken_out(cell),
        precision=cell.precision,
        metrics=tuple(scores.metrics) if status == "ok" else (),
        instruments=tuple(scores.instruments) if status == "ok" else (),
        intervals=INTERVALS_VERSION if status == "ok" else 0,
        confusion=scores.confusion,
        classes=cell.dataset.spec.classes,
        history=tuple(fit.history),
        best_epoch=fit.best_epoch or None,
        parts=prediction.parts if prediction else {},
        temperature=prediction.temperature if prediction else None,
        parameters=outcome.counts,
        timing=outcome.sessions.timing(prediction.times if prediction else {}, fit.resumed_from_epoch),
        memory=Memory(
            host_peak_mib=round(hardware.peak_memory_mib("cpu"), 1),
            device_peak_mib=round(hardware.peak_memory_mib("cuda"), 1) if cuda else None,
        ),
        hardware=hardware.describe_hardware(context.device),
        environment=hardware.describe_environment() | {"executor": executor},
        determinism=determinism
        | ({"compiled": fit.compiled} if fit.compiled else {})
        | ({"discarded_progress": fit.discarded} if fit.discarded else {}),
        command=command_of(cell.identity),
        started_at=started.isoformat(timespec="seconds"),
        artifacts=tuple(outcome.artifacts),
    )
