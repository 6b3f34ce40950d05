"""A model that was trained elsewhere, of which only the predictions are known: the card that stands for it."""

from __future__ import annotations

from typing import NoReturn

from tumorbench.contracts.cards import ModelSpec, Paper
from tumorbench.contracts.cell import CellIdentity
from tumorbench.contracts.problem import Task
from tumorbench.contracts.recipe import Preprocessing, Quick, Recipe
from tumorbench.errors import BadInput

__all__ = ["NO_RECIPE", "card_of", "evaluated_card", "not_here"]

NO_RECIPE = Recipe(
    preprocessing=Preprocessing(size=1),
    epochs=1,
    batch_size=1,
    quick=Quick(epochs=1, steps_per_epoch=1, batch_size=1),
    monitor=None,
    keep="last",
)
"""Stands where a recipe is due, the same for every such model: how it was trained, nobody here knows."""


def evaluated_card(name: str, task: Task, version: str, title: str = "") -> ModelSpec:
    """The card of a model of that name. Raises: pydantic.ValidationError where ``name`` is no id."""
    return ModelSpec(
        id=name,
        title=title or name,
        version=version,
        task=task,
        licence="not known",
        paper=Paper(title="trained elsewhere"),
        recipe=NO_RECIPE,
        in_all="never",
        factory="tumorbench.contracts.evaluated:not_here",
    )


def card_of(identity: CellIdentity) -> ModelSpec:
    """The card of the model that made the predictions of an evaluated cell."""
    return evaluated_card(identity.model, identity.task, identity.model_version)


def not_here(*_problem: object, **_params: object) -> NoReturn:
    """Where a card has the factory of its network. Raises: BadInput."""
    raise BadInput("the model was trained elsewhere, and only its predictions are here: it cannot be built")
