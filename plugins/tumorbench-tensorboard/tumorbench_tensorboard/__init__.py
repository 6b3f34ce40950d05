"""TensorBoard as an observer of runs. Importing this module imports neither TensorBoard nor torch."""

from __future__ import annotations

from collections.abc import Iterable

import tumorbench as tb

__all__ = ["tumorbench_observers"]


@tb.hookimpl
def tumorbench_observers() -> Iterable[tb.ObserverSpec]:
    """The one observer of this package."""
    yield tb.ObserverSpec(
        id="tensorboard",
        title="event files for TensorBoard, in STORE/tensorboard or in the folder WHERE",
        licence="Apache-2.0",
        factory="tumorbench_tensorboard.events:EventFiles",
    )
