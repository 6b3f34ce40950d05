"""MLflow as an observer of runs. Importing this module does not import MLflow."""

from __future__ import annotations

from collections.abc import Iterable

import tumorbench as tb

__all__ = ["tumorbench_observers"]


@tb.hookimpl
def tumorbench_observers() -> Iterable[tb.ObserverSpec]:
    """The one observer of this package."""
    yield tb.ObserverSpec(
        id="mlflow",
        title="MLflow: the server or store at WHERE or MLFLOW_TRACKING_URI, else STORE/mlflow.db",
        licence="Apache-2.0",
        factory="tumorbench_mlflow.tracking:Tracking",
    )
