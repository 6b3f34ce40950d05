"""One run of TensorBoard a cell: epochs as scalars, scores on the test part, the recipe as hyper-parameters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

if TYPE_CHECKING:
    from tumorbench import ObservedCell, ObserverSettings, Record

__all__ = ["EventFiles"]

FLUSH_S = 5  # after which TensorBoard can read what was written
PARTS = {"val_": "validation"}  # of a value's name -> the section that shows it; the other ones are of training


class EventFiles:
    """Writes the event files of each cell into ``FOLDER/DATASET/MODEL/PROTOCOL-FOLD-SEED-BUDGET-KEY``."""

    def __init__(self, settings: ObserverSettings) -> None:
        self.folder = Path(settings.where) if settings.where else settings.store / "tensorboard"
        self.writers: dict[str, SummaryWriter] = {}

    def begin(self, cell: ObservedCell) -> None:
        """The cell's files are open, and say what it is."""
        writer = self.writers[cell.key] = SummaryWriter(str(self.folder_of(cell)), flush_secs=FLUSH_S)
        writer.add_text("cell", f"{cell.model_title} on {cell.dataset_title}\n\n    {cell.command}")

    def epoch(self, cell: ObservedCell, entry: Mapping[str, float]) -> None:
        """Each value of the epoch is a scalar of that step."""
        for name, value in entry.items():
            if name != "epoch":
                self.writers[cell.key].add_scalar(_tag(name), value, int(entry["epoch"]))

    def end(self, cell: ObservedCell, record: Record) -> None:
        """The cell's files are closed.

        They have its scores at the step of the epoch that was scored, and its status.
        """
        writer = self.writers.pop(cell.key)
        step, scores = record.best_epoch or len(record.history), _scores(record)
        for name, value in scores.items():
            writer.add_scalar(f"test/{name}", value, step)
        writer.add_text("status", f"{record.status}: {record.reason}" if record.reason else record.status)
        for summary in hparams(_settings(cell), {f"test/{name}": value for name, value in scores.items()}):
            writer.file_writer.add_summary(summary)
        writer.close()

    def close(self) -> None:
        """The files of cells that did not end are closed too."""
        for writer in self.writers.values():
            writer.close()

    def folder_of(self, cell: ObservedCell) -> Path:
        """Where the cell's files lie: the same for a cell that goes on where it was killed."""
        return self.folder.joinpath(*cell.folder.parts[-3:])


def _tag(name: str) -> str:
    for prefix, section in PARTS.items():
        if name.startswith(prefix):
            return f"{section}/{name.removeprefix(prefix)}"
    return f"training/{name}"


def _scores(record: Record) -> dict[str, float]:
    return {metric.name: metric.value for metric in record.metrics if metric.value is not None}


def _settings(cell: ObservedCell) -> dict[str, bool | float | str]:
    """What was asked for: the model, where and how it is trained, and its own parameters."""
    identity = cell.identity
    asked: dict[str, bool | float | str] = {
        name: getattr(identity, name) for name in ("dataset", "model", "protocol", "fold", "seed", "budget")
    }
    recipe = identity.recipe
    asked |= {"learning_rate": recipe.optimizer.learning_rate, "batch_size": recipe.batch_size, "epochs": recipe.epochs}
    return asked | dict(recipe.params)
