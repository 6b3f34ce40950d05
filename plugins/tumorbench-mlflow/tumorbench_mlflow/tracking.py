"""One MLflow run for each cell, in an experiment for each data set.

Numbers and words only: no image, no predictions.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import tumorbench as tb

if TYPE_CHECKING:
    from tumorbench import ObservedCell, ObserverSettings, Record

__all__ = ["Tracking"]

KEY = "tumorbench.cell_key"  # the tag by which a cell's run is found again
STATUS = {"ok": "FINISHED", "skipped": "KILLED"}  # of a record -> of a run; every other one has failed
AT_ONCE = 500  # values in one call
RETRIES, TIMEOUT_S = "2", "10"  # of a server that does not answer, unless the user's own variables say otherwise


class Tracking:
    """Logs each cell as a run: its recipe as parameters, its epochs and its scores as metrics."""

    def __init__(self, settings: ObserverSettings) -> None:
        uri = _uri(settings)
        _set_variables(uri)
        from mlflow import MlflowClient

        self.client = MlflowClient(tracking_uri=uri)
        self.runs: dict[str, str] = {}
        try:
            self.client.search_experiments(max_results=1)
        except Exception as error:  # noqa: BLE001 - whatever MLflow, SQLAlchemy or requests say of a place that is none
            said = " ".join(str(error).split())[:200]
            raise tb.BadInput(
                f"the MLflow store {uri} cannot be used ({said}); start its server, or give another"
            ) from None

    def begin(self, cell: ObservedCell) -> None:
        """The cell has a run: the one of before, where it goes on or is scored again."""
        experiment, identity = self._experiment(f"tumorbench/{cell.identity.dataset}"), cell.identity
        found = self.client.search_runs([experiment], f"tags.`{KEY}` = '{cell.key}'", max_results=1)
        if found:
            self.runs[cell.key] = found[0].info.run_id
            self.client.set_terminated(self.runs[cell.key], "RUNNING")
            return
        name = f"{identity.model} {identity.protocol} fold {identity.fold} seed {identity.seed} {identity.budget}"
        tags = {KEY: cell.key, "mlflow.note.content": cell.command, "mlflow.source.name": "tumorbench"}
        run = self.client.create_run(experiment, tags=tags, run_name=name)
        self.runs[cell.key] = run.info.run_id
        self._log(cell, params=_parameters(cell))

    def epoch(self, cell: ObservedCell, entry: Mapping[str, float]) -> None:
        """Each value of the epoch is a metric of that step."""
        values = {name: value for name, value in entry.items() if name != "epoch"}
        self._log(cell, values, step=int(entry["epoch"]))

    def end(self, cell: ObservedCell, record: Record) -> None:
        """The run has the cell's scores, as ``test/NAME``, and its status."""
        scores = {f"test/{each.name}": each.value for each in record.metrics if each.value is not None}
        self._log(cell, scores, step=record.best_epoch or len(record.history))
        run = self.runs.pop(cell.key)
        self.client.set_tag(run, "tumorbench.status", record.status)
        if record.reason:
            self.client.set_tag(run, "tumorbench.reason", record.reason)
        self.client.set_terminated(run, STATUS.get(record.status, "FAILED"))

    def close(self) -> None:
        """The runs of cells that did not end are marked as killed."""
        for run in self.runs.values():
            self.client.set_terminated(run, "KILLED")

    def _experiment(self, name: str) -> str:
        """The id of the experiment; another process may make it at the same time."""
        found = self.client.get_experiment_by_name(name)
        if found is None:
            try:
                return self.client.create_experiment(name)
            except Exception:
                found = self.client.get_experiment_by_name(name)
                if found is None:
                    raise
        return found.experiment_id

    def _log(
        self,
        cell: ObservedCell,
        values: Mapping[str, float] | None = None,
        step: int = 0,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        metrics = [Metric(_name(name), float(value), now, step) for name, value in (values or {}).items()]
        given = [Param(_name(name), str(value)[:6000]) for name, value in (params or {}).items()]
        for start in range(0, max(len(metrics), 1), AT_ONCE):
            self.client.log_batch(self.runs[cell.key], metrics[start : start + AT_ONCE], given if start == 0 else [])


def _uri(settings: ObserverSettings) -> str:
    """The user's own, else a file of the run's store."""
    return settings.where or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{settings.store / 'mlflow.db'}"


def _name(name: str) -> str:
    """What MLflow takes as a name: ``fid[inception]`` -> ``fid.inception``."""
    return re.sub(r"[^\w\-./: ]", "", re.sub(r"\[", ".", name))


def _parameters(cell: ObservedCell) -> dict[str, Any]:
    """What was asked for, with every field of the recipe that is not at its default: ``optimizer.learning_rate``."""
    identity = cell.identity
    names = ("dataset", "model", "model_version", "protocol", "fold", "seed", "budget")
    asked = {name: getattr(identity, name) for name in names}
    return asked | _flat(identity.recipe.model_dump(mode="json", exclude_defaults=True), "recipe")


def _flat(content: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in content.items():
        found |= _flat(value, f"{prefix}.{name}") if isinstance(value, Mapping) else {f"{prefix}.{name}": value}
    return found


def _set_variables(uri: str) -> None:
    """A server that is gone is given up in seconds, not in minutes; MLflow reports nothing to anybody.

    Folders as stores, which MLflow no longer improves, are taken where one is named.
    """
    if uri.startswith("file:"):
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", RETRIES)
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", TIMEOUT_S)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
