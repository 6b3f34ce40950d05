"""A recipe: every hyper-parameter of a model, as data. The whole of it enters the cell key."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt

from tumorbench.contracts.budget import Budget, share_of

__all__ = [
    "CELL",
    "Augmentation",
    "Card",
    "Crop",
    "EarlyStopping",
    "Optimizer",
    "Preprocessing",
    "Quick",
    "Recipe",
    "ReduceOnPlateau",
]

CELL = "cell:"  # in a recipe's ``pretrained``, before a model's id: the weights that a cell of that model trained
Scalar = bool | int | float | str
Crop = Literal["none", "brain"]


class Card(BaseModel):
    """A frozen, validated description; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Preprocessing(Card):
    """How a decoded uint8 slice becomes the network's input. It belongs to the model: a wrong one swaps ranks."""

    size: PositiveInt  # pixels; slices are resized to size x size (aspect ratio not kept, as in the source reports)
    channels: Literal[1, 3] = 1  # 3 repeats the grey channel
    normalisation: Literal["symmetric", "unit", "imagenet"] = (
        "symmetric"  # [-1, 1], [0, 1], or ImageNet mean and deviation
    )
    crop: Crop = "none"  # brain: to the bounding box of the largest bright object, before the resize
    keep_size: bool = False  # a data set's quick_size does not change the size: the network takes no smaller images


class Augmentation(Card):
    """Random changes of the training images, drawn anew each epoch on the device; masks follow their image."""

    rotation_degrees: float = 0.0  # uniform in [-r, r]
    zoom: float = 0.0  # scale uniform in [1 - z, 1 + z]
    shift: float = 0.0  # translation uniform in [-s, s] as a share of the side
    horizontal_flip: bool = False
    vertical_flip: bool = False


class Optimizer(Card):
    """An optimizer by its usual name."""

    name: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    learning_rate: PositiveFloat = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)  # Adam family
    momentum: float = 0.0  # SGD
    weight_decay: float = 0.0


class EarlyStopping(Card):
    """Training stops after ``patience`` epochs without a better monitored value."""

    patience: PositiveInt


class ReduceOnPlateau(Card):
    """The learning rate is multiplied by ``factor`` after ``patience`` epochs without a better monitored value."""

    patience: PositiveInt
    factor: PositiveFloat = 0.1
    minimum: float = 0.0


class Quick(Card):
    """What the quick budget changes: bounded steps, and where stated a smaller image, for a CPU or CI."""

    epochs: PositiveInt
    steps_per_epoch: PositiveInt
    batch_size: PositiveInt
    feature_views: PositiveInt = 1  # of a frozen backbone
    size: PositiveInt | None = None  # None keeps the recipe's own resolution


class Recipe(Card):
    """Everything that decides what training does, besides the architecture's code."""

    preprocessing: Preprocessing
    epochs: PositiveInt
    batch_size: PositiveInt
    quick: Quick
    steps_per_epoch: PositiveInt | None = None  # None: one pass over the training set; more than a pass reshuffles
    optimizer: Optimizer = Optimizer()
    augmentation: Augmentation | None = None
    monitor: Literal["val_loss", "val_accuracy", "val_dice", "val_block_distance"] | None = (
        "val_loss"  # None: no selection, the last epoch's weights count
    )
    early_stopping: EarlyStopping | None = None
    reduce_on_plateau: ReduceOnPlateau | None = None
    keep: Literal["best", "last"] = "best"  # which epoch's weights are scored; "best" by the monitored value
    precision: Literal["auto", "fp32", "bf16"] = "auto"  # auto: bf16 where the device computes it natively
    ema_decay: float | None = Field(
        default=None, gt=0, lt=1
    )  # what is scored is the exponential moving average of the weights over steps, of this decay
    pretrained: str | None = (
        None  # the weights to start from: an id of ``tumorbench list weights``, or "sha256:..." of the file given with --weights
    )
    feature_views: PositiveInt = 1  # of a frozen backbone under augmentation: views of each slice whose features are computed once and drawn from
    masks: Literal["lesions", "classes"] = (
        "lesions"  # what a segmenter learns: the set's own mask classes, or background and one class a tumour type
    )
    augmented_test_copies: NonNegativeInt = (
        0  # paper protocol only: a source scored each test slice this many times more, augmented
    )
    params: dict[str, Scalar] = Field(
        default_factory=dict
    )  # the model's own parameters; brackets on the command line change them

    def shortened(self, share: float, size: int | None) -> Recipe:
        """The recipe with that share of its steps (at least one an epoch), at that image size at most: for data that reward no more."""
        changes: dict[str, Any] = {}
        if self.steps_per_epoch is not None:
            changes["steps_per_epoch"] = max(1, round(self.steps_per_epoch * share))
        if size is not None and size < self.preprocessing.size and not self.preprocessing.keep_size:
            changes["preprocessing"] = self.preprocessing.model_copy(update={"size": size})
        return self.model_copy(update=changes)

    def for_budget(self, budget: Budget) -> Recipe:
        """The recipe as the budget runs it.

        ``full``: unchanged. ``quick``: with its own epochs, steps, batch and size. A share: with that share of the
        epochs, rounded and at least one, and all else unchanged, patience in epochs too.
        """
        if budget == "full":
            return self
        if share := share_of(budget):
            return self.model_copy(update={"epochs": max(1, round(self.epochs * share))})
        changes: dict[str, Any] = self.quick.model_dump(exclude={"size"})
        if self.quick.size is not None:
            changes["preprocessing"] = self.preprocessing.model_copy(update={"size": self.quick.size})
        return self.model_copy(update=changes)
