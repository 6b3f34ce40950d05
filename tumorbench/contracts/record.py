"""The record: the JSON file that one finished cell leaves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from tumorbench.contracts.card import Card
from tumorbench.contracts.cell import CellIdentity

__all__ = [
    "INTERVALS_VERSION",
    "SCHEMA_VERSION",
    "Artifact",
    "Bundle",
    "Instrument",
    "Leakage",
    "Memory",
    "MetricValue",
    "Record",
    "Status",
    "TakenOut",
    "Throughput",
    "Timing",
]

SCHEMA_VERSION = 3
INTERVALS_VERSION = 1  # raised when the same predictions would give other intervals

Status = Literal["ok", "failed", "oom", "timeout", "skipped"]


class MetricValue(Card):
    """One number. ``name`` is a metric id, ``id[EXTRACTOR]``, or ``id/CLASS``."""

    name: str
    value: float | None  # None where the metric is undefined (no positive, say)
    n: int  # how many samples it was computed on
    higher_is_better: bool | None
    interval: tuple[float, float] | None = (
        None  # 95 %, over clusters of the test images; of ``tstr`` metrics from the lowest to the highest seed of the classifier
    )
    by_chance: float | None = None  # what a model that knows nothing would score
    real_vs_real: float | None = None  # the same metric between two sets of n real images: its ideal at this n
    ceiling: float | None = None  # of a mask that is right in every pixel that the network sees, at its own size
    comparable: bool = True  # False: computed with an extractor that the literature does not use


class Leakage(Card):
    """What stands on both sides of the split, training and validation being one side; zero throughout under ``grouped``.

    None: not measured.
    """

    test_samples: int
    groups_on_both_sides: int  # known patients with slices in training and in test
    test_samples_of_shared_groups: int
    identical_test_images: int  # test images with a pixel-identical twin in training or validation
    near_identical_test_images: int | None = None  # others with a near-identical one there
    unknown_patient_test_images: int | None = None  # test images of which nobody knows whose they are
    pretraining_test_images: int | None = (
        None  # of which the cell that it starts from has seen the same, a near-copy or the patient; None also without one
    )


class TakenOut(Card):
    """What is in no part of the split, because two data sets were brought together."""

    training_slices: int  # that match a test slice, or are of its cluster or patient
    test_slices: int = 0  # under ``external``: of classes that the set trained on does not have


class Instrument(Card):
    """A metric that the record was scored by, with a feature extractor where it needs one.

    reason: why it has no value in this record ("" where it has one, or where it is of no use to this record, as
    attention without masks): its function raised, or the extractor is not available.
    """

    metric: str  # the metric's id
    version: str
    plugin: str  # the distribution that provided it
    extractor: str | None = None
    extractor_version: str | None = None
    reason: str = ""


class Timing(Card):
    """Seconds of wall time, added up over the sessions that a cell took.

    A session that was killed counts up to its last checkpoint. ``train_s`` is the wall time of all epochs; it contains
    ``steady_s`` (the training steps alone, without the first of each session), ``validate_s`` and ``checkpoint_s``.
    """

    sessions: int = 1
    data_s: float = 0.0
    train_s: float = 0.0
    steady_s: float | None = None  # None in records that did not measure it
    validate_s: float | None = None
    checkpoint_s: float | None = None
    evaluate_s: float = 0.0
    predict_all_s: float | None = None  # the whole test set once, warm
    predict_one_s: float | None = None  # one image, median, warm
    total_s: float = 0.0
    resumed_from_epoch: int | None = None  # of the last session


class Memory(Card):
    """The most memory that the cell's process held at once, in MiB; None where it was not measured."""

    host_peak_mib: float | None = None
    device_peak_mib: float | None = None


class Artifact(Card):
    """A file that the cell left.

    place: of a published record's where it is: "" beside the record, "bundle" in the record's bundle, "left out"
    nowhere.
    """

    kind: Literal["predictions", "checkpoint", "figure"]
    path: str  # relative to the record's folder
    sha256: str
    title: str = ""
    place: Literal["", "bundle", "left out"] = ""


class Bundle(Card):
    """An archive of what is published and too large for a repository, by its name and the SHA-256 of its bytes."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}\.tar$")]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Record(Card):
    """What one cell did, and all that is needed to trust it and to run it again."""

    schema_version: int = SCHEMA_VERSION
    cell_key: str
    status: Status
    reason: str = ""
    identity: CellIdentity
    dataset_title: str
    model_title: str
    synthetic: bool
    sizes: dict[str, int]  # train, val, test
    leakage: Leakage | None = None
    taken_out: TakenOut | None = None  # under ``external``, and where the identity leaves out what another set tests
    precision: Literal["fp32", "bf16", ""] = ""  # that it was computed in; "" where it did not get so far
    metrics: tuple[MetricValue, ...] = ()
    instruments: tuple[Instrument, ...] = ()  # what the metrics were computed by
    intervals: int = 0  # ``INTERVALS_VERSION`` of the metrics' intervals; 0: none, or over images instead of clusters
    confusion: tuple[tuple[int, ...], ...] | None = None  # [true][predicted] counts, class order
    classes: tuple[str, ...] = ()
    history: tuple[
        dict[str, float], ...
    ] = ()  # one entry an epoch: "epoch", mean of every loss, monitored values, "learning_rate", "wall_s"
    best_epoch: int | None = None
    parts: dict[str, dict[str, float]] = Field(
        default_factory=dict
    )  # of the split -> loss, accuracy or Dice, and n, of the weights that are scored
    temperature: float | None = None  # of a classifier's logits, fitted on validation; None where nothing is held out
    parameters: dict[str, int] = Field(default_factory=dict)  # total, trainable
    timing: Timing = Timing()
    memory: Memory = Memory()
    hardware: dict[str, Any] = Field(default_factory=dict)
    environment: dict[str, Any] = Field(default_factory=dict)
    determinism: dict[str, Any] = Field(default_factory=dict)  # what the mode guaranteed or relaxed
    command: str = ""
    started_at: str = ""  # ISO 8601, UTC
    artifacts: tuple[Artifact, ...] = ()
    bundle: Bundle | None = None  # of a published record: has its artifacts whose place is "bundle"

    def metric(self, name: str) -> MetricValue | None:
        """The metric of that name, or None."""
        return next((metric for metric in self.metrics if metric.name == name), None)


class Throughput(Card):
    """The speed of one model on one problem and one machine. Not a cell: hardware is its identity."""

    schema_version: int = SCHEMA_VERSION
    key: str
    model: str
    model_version: str
    dataset: str
    task: str
    size: int
    channels: int
    classes: int
    budget: str
    device: Literal["cpu", "cuda"]
    precision: str
    hardware: dict[str, Any]
    environment: dict[str, Any]
    parameters: dict[str, int]
    train_batch: int
    inference_batch: int
    train_images_per_s: float
    inference_images_per_s: float
    train_quartiles: tuple[float, float] | None = None  # images a second, over rounds; None in older records
    inference_quartiles: tuple[float, float] | None = None
    latency_p50_ms: float
    latency_p95_ms: float
    peak_memory_mib: float
    train_gflop_per_image: float | None
    inference_gflop_per_image: float | None
    gemm_gflop_per_s: float  # measured in the same run
    train_share_of_gemm: float | None
    inference_share_of_gemm: float | None
    copy_gb_per_s: float | None = None  # measured in the same run; this and the next None in older records
    train_gb_per_image: float | None = None
    train_share_of_roofline: float | None = None
    inference_share_of_roofline: float | None = None
    rounds: int | None = None  # timed rounds that the figures are of
    discarded_rounds: int | None = None  # others, which other processes disturbed; None in records that did not count
    command: str = ""
    started_at: str = ""  # ISO 8601, UTC

    @property
    def measured_at(self) -> str:
        """When it was measured, to the minute: "2026-11-25 12:03 UTC"; "at an unknown time" where it does not say."""
        return f"{self.started_at[:16].replace('T', ' ')} UTC" if self.started_at else "at an unknown time"
