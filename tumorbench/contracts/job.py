"""The job: one cell to compute, as the JSON file from which a worker starts. It holds no pickle and no secret."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tumorbench.contracts.card import Card
from tumorbench.contracts.cell import CellIdentity

__all__ = ["JOB_VERSION", "Job", "Trial"]

JOB_VERSION = 1


class Trial(Card):
    """Which trial of a study a job is: all that it is given of the data is the folder ``material``.

    Paths are absolute.
    """

    study: str  # the file of the study
    number: int
    objective: str  # the validation value by which it is judged, such as "val_loss"
    material: str  # the training and the validation slices
    prunes: bool = True  # it ends early where others did better by the same epoch


class Job(Card):
    """What a worker needs to compute, or to rescore, one cell. Paths are absolute."""

    job_version: int = JOB_VERSION
    what: Literal["run", "rescore", "trial"] = "run"  # rescore: only the metrics that a finished record lacks
    trial: Trial | None = None
    cell_key: str
    identity: CellIdentity
    command: str  # that repeats exactly this cell
    store: str
    data_root: str
    device: Literal["cpu", "cuda"]
    threads: int | None = None  # None: torch's own choice
    precision: Literal["fp32", "bf16"] | None = None  # None: as the recipe declares, resolved where it runs
    force: bool = False
    deterministic: bool = False
    timeout_s: float | None = None
    checkpoint_every_s: float | None = None  # None: the loop's own choice
    weights: dict[str, str] = Field(default_factory=dict)  # what a recipe calls a given file -> its path
    executor: str = "local"
    dataset_title: str = ""  # what a record says of the cell whose process cannot write one
    model_title: str = ""
    synthetic: bool = False
    sizes: dict[str, int] = Field(default_factory=dict)
    classes: tuple[str, ...] = ()
