"""The cards that plugins hand over: data sets, models, metrics, feature extractors. Light: importing them never imports torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, StringConstraints, model_validator

from tumorbench.contracts.card import Card, Scalar
from tumorbench.contracts.known import KnownCopy
from tumorbench.contracts.problem import FOLDED, FOLDS, Problem, Protocol, Task
from tumorbench.contracts.ranges import Range
from tumorbench.contracts.recipe import Recipe
from tumorbench.contracts.search import Search
from tumorbench.contracts.words import WORDS, settings_of

__all__ = [
    "DatasetSpec",
    "ExecutorSpec",
    "ExtractorSpec",
    "FactoryPath",
    "MetricSpec",
    "ModelPattern",
    "ModelSpec",
    "Paper",
    "ParameterCount",
    "PixelSpacing",
    "Range",
    "Reported",
    "Search",
    "Source",
    "SourceFile",
    "SplitRule",
    "WeightsSpec",
]

FactoryPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
"""``package.module:attribute``, imported only when the item is used."""

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._/-]*$")]
Pattern = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*/\*$")]
WeightsId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._/-]*(/\*)?$")]
Hash = Annotated[str, StringConstraints(pattern=r"^(md5:[0-9a-f]{32}|sha256:[0-9a-f]{64})$")]


class SourceFile(Card):
    """One file of a data set's publication."""

    name: str
    url: str
    bytes: PositiveInt | None = None
    hash: Hash | None = None  # "md5:..." or "sha256:..."; None only where the publisher gives none


class Source(Card):
    """Where a data set comes from."""

    homepage: str
    files: tuple[SourceFile, ...] = ()
    kaggle: str | None = None  # "owner/slug/versions/N": the version is always pinned


class PixelSpacing(Card):
    """How large a pixel is, as the set's author says; of slices of another size it is not known."""

    height: PositiveInt  # pixels, of the slices of which it is said
    width: PositiveInt
    mm: float = Field(gt=0)  # a pixel's side


class DatasetSpec(Card):
    """A data set's card."""

    id: Id
    title: str
    version: str
    tasks: tuple[Task, ...]
    classes: tuple[str, ...] = Field(min_length=2)  # label order
    mask_classes: tuple[str, ...] = ()  # foreground classes of the masks, value 1 first
    equivalents: dict[str, tuple[str, ...]] = Field(
        default_factory=dict
    )  # class -> classes of other sets, by name, whose slices are of this class too, as ``yes``: ``glioma``
    licence: str
    citation: str
    source: Source
    patients_known: bool
    spacing: PixelSpacing | None = None  # None: not known, so that no distance is told in millimetres
    official_split: bool = False  # True: every sample says "train" or "test"
    official_folds: int = Field(default=0, ge=0)  # folds of the publication itself: every sample says its own; 0: none
    synthetic: bool = False  # synthetic data never shares a table with real data
    quick_share: float = Field(
        default=1.0, gt=0, le=1
    )  # of the quick budget's steps: what a small and simple set needs
    quick_size: PositiveInt | None = None  # pixels a side at most, in the quick budget
    counts: dict[str, dict[str, NonNegativeInt]]  # published: "all", or "train" and "test" -> class -> samples
    notes: tuple[str, ...] = ()  # facts that decide what a number on this set means
    known: tuple[
        KnownCopy, ...
    ] = ()  # copies and their splits, as ``tumorbench data splits`` writes them, for ``verify``
    superseded_by: str | None = None
    factory: FactoryPath  # called with the data set's folder; returns a tumorbench.Dataset

    @model_validator(mode="after")
    def _is_consistent(self) -> DatasetSpec:
        if unknown := sorted(set(self.counts) - {"all", "train", "test"}):
            raise ValueError(f'counts is given for {", ".join(unknown)}; its splits are "all", or "train" and "test"')
        for split, counts in self.counts.items():
            if set(counts) != set(self.classes):
                raise ValueError(
                    f"counts[{split!r}] is given for {', '.join(counts) or 'no class'}; it has one number for each of the "
                    f"classes {', '.join(self.classes)}"
                )
        if self.official_split and self.official_folds:
            raise ValueError("a data set has official_split or official_folds, not both")
        if self.official_folds == 1:
            raise ValueError("official_folds is 0 (none), or 2 and more")
        names = [name for others in self.equivalents.values() for name in others]
        if set(self.equivalents) - set(self.classes) or len(set(names)) < len(names):
            raise ValueError("equivalents gives each of the set's classes the names of others, and each name once")
        if "segmentation" in self.tasks and not self.mask_classes:
            raise ValueError("a segmentation data set names its mask_classes")
        return self

    @property
    def has_official(self) -> bool:
        """Whether the publication says itself how to split: train and test, or folds."""
        return self.official_split or self.official_folds > 0

    def folds(self, protocol: Protocol) -> int:
        """How many folds the protocol has on this data set: 1 where it splits once."""
        if protocol == "official":
            return max(self.official_folds, 1)
        return FOLDS if protocol in FOLDED else 1


class ParameterCount(Card):
    """A count that a source states, and the problem for which it holds."""

    total: PositiveInt
    trainable: int
    problem: Problem
    tolerance: int = 0  # 0: exact


class SplitRule(Card):
    """How a source publication split one data set: counts as data, never a code path.

    kind: ``counts`` takes ``test`` (and ``val``) samples per class at random; ``sizes`` takes totals at random over all slices;
    ``official`` keeps the data set's own folders; ``everything`` trains on every slice (the source held nothing out).
    """

    kind: Literal["counts", "sizes", "official", "everything"]
    test: dict[str, int] | int | None = None  # per class for "counts", a total for "sizes"
    val: dict[str, int] | int | float | None = None  # a float is a share of what is left for training


class Reported(Card):
    """A figure of the source publication, to stand beside ours."""

    dataset: str
    metric: str  # a metric's name, or "predict_all_s" and "predict_one_s" for the seconds of the whole test set and of one image
    value: float
    part: Literal["train", "val", "test"] = "test"  # on which part of the split
    note: str = ""  # what the source says beside the number
    difference: str = ""  # why ours may differ: a sentence for the reproduction page


class Paper(Card):
    """The publication that a model comes from, and its protocol."""

    title: str
    report: str | None = None  # short name in the inventory of source reports
    url: str | None = None
    splits: dict[str, SplitRule] = Field(default_factory=dict)  # data set id -> how the publication split it
    reported: tuple[Reported, ...] = ()
    notes: tuple[str, ...] = ()


class ModelSpec(Card):
    """A model's card: an architecture plus its recipe."""

    id: Id
    title: str
    version: str
    task: Task
    licence: str
    paper: Paper
    recipe: Recipe
    in_all: Literal["always", "real", "never"] = (
        "always"  # part of --all: real, not on the synthetic set that stands in on a bare machine; never, only where named
    )
    judges: bool = False  # a classifier that is trained on generated images, to see what they are worth; one of those that are installed
    conditional: bool = False  # a generator that makes the class it is asked for
    parameters: ParameterCount | None = None
    ranges: dict[str, Range] = Field(
        default_factory=dict
    )  # what brackets may make of the recipe's params, and narrower ones of learning_rate, weight_decay, batch_size
    search: dict[str, Search] = Field(default_factory=dict)  # of the same names: where tune looks for better values
    factory: (
        FactoryPath  # called as factory(problem, **recipe.params); returns a family of tumorbench.contracts.families
    )

    @model_validator(mode="after")
    def _ranges_hold_the_defaults(self) -> ModelSpec:
        own = settings_of(self.recipe)
        for name, allowed in self.ranges.items():
            if name not in own:
                raise ValueError(f"ranges names {name!r}, which is none of {', '.join(own)}")
            if fault := allowed.fault(own[name]):
                raise ValueError(f"the recipe's {name} is {own[name]}, and by its range {fault}")
        return self

    @model_validator(mode="after")
    def _search_stays_within_the_ranges(self) -> ModelSpec:
        own = settings_of(self.recipe)
        for name, space in self.search.items():
            if name not in own:
                raise ValueError(f"search names {name!r}, which is none of {', '.join(own)}")
            if fault := space.fault(own[name]):
                raise ValueError(f"search of {name}: {fault}")
            for value in space.extremes():
                if allowed := self.range_fault(name, value):
                    raise ValueError(f"search of {name} reaches {value}, and by its range it is {allowed}")
        return self

    def range_fault(self, name: str, value: Scalar) -> str:
        """What brackets may make of ``name``, as "at least 0 and below 1", where ``value`` is not; "" where it is."""
        general = None if name in self.recipe.params else WORDS[name]
        return next((fault for each in (self.ranges.get(name), general) if each and (fault := each.fault(value))), "")

    @model_validator(mode="after")
    def _every_word_is_heard(self) -> ModelSpec:
        if fault := self.recipe.misfit(self.task):
            raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _monitor_exists_for_the_task(self) -> ModelSpec:
        known = {
            "classification": ("val_loss", "val_accuracy"),
            "segmentation": ("val_loss", "val_dice"),
            "generation": ("val_block_distance", "val_loss"),
        }[self.task]
        if self.recipe.monitor not in (None, *known):
            raise ValueError(
                f"monitor {self.recipe.monitor!r} is not measured for {self.task}; give one of {', '.join(known)}"
            )
        return self


class ModelPattern(Card):
    """Models that are named, not listed: ``id`` is ``PREFIX/*``, and any ``PREFIX/NAME`` is made when it is asked for."""

    id: Pattern
    title: str
    task: Task
    examples: tuple[str, ...]  # ids that fit the pattern
    factory: FactoryPath  # called with the whole id; returns its ModelSpec; raises BadInput with the nearest name for one that does not exist


class WeightsSpec(Card):
    """Pretrained weights: ``id`` is what a recipe's ``pretrained`` names, or ``PREFIX/*`` for every such name."""

    id: WeightsId
    title: str
    licence: str
    citation: str
    trained_on: tuple[
        str, ...
    ] = ()  # ids of data sets whose slices the weights have seen: what matches them is no test
    factory: FactoryPath  # called with the whole id; returns a state dict (name -> tensor, on the CPU); raises Unavailable where they are not to be had


class MetricSpec(Card):
    """A metric's card. The factory is a pure function whose arguments depend on the task (see ``tumorbench.metrics``)."""

    id: Id
    title: str
    task: Task
    version: str
    higher_is_better: bool | None  # None: descriptive, neither direction is better
    value_range: tuple[float, float]
    ranks: bool = False  # gives a rank on the task's board; the first of several orders it
    headline: bool = False  # stands on the task's board; every metric stands on the data sets' own pages
    needs: Literal[
        "predictions", "clean", "leaked", "calibration", "attention", "patients", "memory", "surfaces", "lesions"
    ] = "predictions"  # what the factory is called with (``tumorbench.metrics``)
    needs_extractor: bool = False  # computed once for each available extractor, named ``id[EXTRACTOR]``
    factory: FactoryPath


class ExtractorSpec(Card):
    """A feature extractor for FID, KID, Inception Score and precision/recall."""

    id: Id
    title: str
    version: str
    comparable: bool  # True only for the extractor that the literature's numbers are computed with
    licence: str
    citation: str
    factory: FactoryPath  # called without arguments; returns a torch_fidelity.FeatureExtractorBase subclass instance; raises Unavailable


class ExecutorSpec(Card):
    """Where the cells of a run are computed: on this machine, on a cluster."""

    id: Id
    title: str
    licence: str = ""  # of the scheduler's package, where one is needed
    factory: (
        FactoryPath  # called with an ExecutorSettings; returns an Executor (``contracts.executor``); raises BadInput
    )
