"""How the weights move: the optimizer, and how its learning rate changes. By torch's names, without torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, model_validator

from tumorbench.contracts.card import Argument, Card

__all__ = ["Optimizer", "Schedule"]

FIELDS = {"adam": ("betas",), "adamw": ("betas",), "sgd": ("momentum",), "rmsprop": ("momentum",)}


class Optimizer(Card):
    """An optimizer by its usual name, or by that of its class in ``torch.optim``."""

    name: str = "adam"  # adam, adamw, sgd, rmsprop; else a class of torch.optim, such as "NAdam"
    learning_rate: PositiveFloat = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)  # of adam and adamw
    momentum: float = 0.0  # of sgd and rmsprop
    weight_decay: float = 0.0
    arguments: dict[str, Argument] = Field(default_factory=dict)  # others of the class, by torch's names

    @model_validator(mode="after")
    def _has_one_value_for_each_argument(self) -> Optimizer:
        given = {"lr", "weight_decay"} & self.arguments.keys()
        if self.name in FIELDS:
            given |= set(FIELDS[self.name]) & self.arguments.keys()
        elif (self.betas, self.momentum) != ((0.9, 0.999), 0.0):
            raise ValueError(f"{self.name} takes betas and momentum among its arguments, where it has them")
        if given:
            raise ValueError(f"{', '.join(sorted(given))} has a field of its own; give it there, not among arguments")
        return self

    @property
    def is_usual(self) -> bool:
        """Whether its fields say everything of it."""
        return self.name in FIELDS and not self.arguments


class Schedule(Card):
    """How the learning rate changes as training goes on: by the name of a class of ``torch.optim.lr_scheduler``.

    How many steps there will be is known: ``T_max``, ``total_iters``, ``total_steps`` and ``max_lr``, where they are
    not given, are the steps after the warm-up and the optimizer's own rate.
    """

    name: str  # such as "CosineAnnealingLR", "OneCycleLR", "PolynomialLR", "MultiStepLR"
    arguments: dict[str, Argument] = Field(default_factory=dict)  # by torch's names; steps or epochs as ``each`` says
    each: Literal["step", "epoch"] = "step"  # after which the rate changes
    warm_up: float = Field(default=0.0, ge=0, lt=1)  # of all steps, the share in which the rate rises from near 0

    @property
    def is_usual(self) -> bool:
        """Whether torch takes it whatever the number of steps, so that there is nothing to ask torch."""
        return self.name == "CosineAnnealingLR" and not self.arguments
