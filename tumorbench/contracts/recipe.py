"""A recipe: every hyper-parameter of a model, as data. The whole of it enters the cell key."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from tumorbench.contracts.budget import Budget, share_of
from tumorbench.contracts.card import Card, Scalar
from tumorbench.contracts.steps import Optimizer, Schedule
from tumorbench.contracts.transforms import Changes

__all__ = ["CELL", "Crop", "EarlyStopping", "Preprocessing", "Quick", "Recipe", "ReduceOnPlateau"]

CELL = "cell:"  # in a recipe's ``pretrained``, before a model's id: the weights that a cell of that model trained
Crop = Literal["none", "brain"]


class Preprocessing(Card):
    """How a decoded uint8 slice becomes the network's input. It belongs to the model: a wrong one swaps ranks."""

    size: PositiveInt  # pixels; slices are resized to size x size (aspect ratio not kept, as in the source reports)
    channels: Literal[1, 3] = 1  # 3 repeats the grey channel
    normalisation: Literal["symmetric", "unit", "imagenet"] = (
        "symmetric"  # [-1, 1], [0, 1], or ImageNet mean and deviation
    )
    crop: Crop = "none"  # brain: to the bounding box of the largest bright object, before the resize
    keep_size: bool = False  # a data set's quick_size does not change the size: the network takes no smaller images


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
    gradient_accumulation: PositiveInt = 1
    size: PositiveInt | None = None  # None keeps the recipe's own resolution


class Recipe(Card):
    """Everything that decides what training does, besides the architecture's code."""

    preprocessing: Preprocessing
    epochs: PositiveInt
    batch_size: PositiveInt
    quick: Quick
    steps_per_epoch: PositiveInt | None = None  # None: one pass over the training set; more than a pass reshuffles
    optimizer: Optimizer = Optimizer()
    schedule: Schedule | None = None
    gradient_clip_norm: PositiveFloat | None = None  # the most that the norm of all of an optimizer's gradients is
    gradient_accumulation: PositiveInt = 1  # parts that a batch too large for memory is computed in, one by one
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)  # of a classifier's loss: the share spread over all classes
    mixup: NonNegativeFloat = 0.0  # of a classifier: alpha of the Beta by which two images are mixed; 0: they are not
    mask_supervision: bool = False  # a classifier's batches have the masks of their slices, in training alone
    augmentation: Changes | None = None  # a card, or transforms in order
    test_time_flips: Literal["none", "horizontal", "both"] = (
        "none"  # what is predicted is the mean over the slice and its mirror images: 2, or with "both" 4
    )
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

    @model_validator(mode="after")
    def _changes_the_rate_in_one_way(self) -> Recipe:
        if self.schedule and self.reduce_on_plateau:
            raise ValueError("schedule and reduce_on_plateau both change the learning rate; give one of them")
        if self.augmentation == ():
            raise ValueError("augmentation names no transform; give one, or leave it out")
        return self

    def misfit(self, task: str) -> str:
        """Which word says nothing for models of ``task``, in a sentence; "" where each is heard."""
        words = {
            "label_smoothing": ("classification", bool(self.label_smoothing)),
            "mixup": ("classification", bool(self.mixup)),
            "mask_supervision": ("classification", self.mask_supervision),
        }
        for word, (where, given) in words.items():
            if given and task != where:
                return f"{word} is for {where}, and this is a model for {task}; leave it out"
        if task == "generation":
            for word, given in {
                "test_time_flips": self.test_time_flips != "none",
                "gradient_accumulation": self.gradient_accumulation > 1,
            }.items():
                if given:
                    return f"{word} is for classification and segmentation, and this is a generator; leave it out"
        return ""

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
