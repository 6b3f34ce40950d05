"""The few words of every recipe that brackets may change, as ``pose-cnn[learning_rate=0.0003]``, and ``tune`` searches.

The model's own parameters stand beside them; one of the same name comes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tumorbench.contracts.budget import Budget
from tumorbench.contracts.card import Scalar
from tumorbench.contracts.ranges import Range
from tumorbench.contracts.recipe import Recipe

__all__ = ["WORDS", "settings_of", "with_settings"]

WORDS = {
    "learning_rate": Range(gt=0, le=10),
    "weight_decay": Range(ge=0, le=1),
    "batch_size": Range(ge=1, le=65_536),  # of every budget
}


def settings_of(recipe: Recipe, budget: Budget = "full") -> dict[str, Scalar]:
    """All that brackets may change, with its value: the model's own parameters, then the words of every recipe."""
    run, optimizer = recipe.for_budget(budget), recipe.optimizer
    words = (optimizer.learning_rate, optimizer.weight_decay, run.batch_size)
    return recipe.params | dict(zip(WORDS, words, strict=True)) | recipe.params


def with_settings(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """The recipe with these values, which are of the types and within the ranges that are allowed."""
    words = {name: value for name, value in values.items() if name not in recipe.params}
    params = {name: value for name, value in values.items() if name in recipe.params}
    changes: dict[str, Any] = {"params": recipe.params | params}
    if "batch_size" in words:
        size = {"batch_size": words.pop("batch_size")}
        changes |= size | {"quick": recipe.quick.model_copy(update=size)}
    if words:
        changes["optimizer"] = recipe.optimizer.model_copy(update=words)
    return recipe.model_copy(update=changes)
