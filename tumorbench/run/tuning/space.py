"""From a model's card to the values that are tried, and from values to the model's name.

Optuna is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tumorbench.contracts.budget import Budget
from tumorbench.contracts.card import Scalar
from tumorbench.contracts.cards import ModelSpec
from tumorbench.contracts.search import Search
from tumorbench.contracts.words import settings_of
from tumorbench.errors import BadInput
from tumorbench.registry import Registry
from tumorbench.registry.parameters import split_name

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["Space", "space_of"]

DIGITS = 4  # of a tried value that is no whole number, so that its name can be read


@dataclass(frozen=True, slots=True)
class Space:
    """What is searched for a model. spec: with the parameters that the user fixed in brackets; these stay."""

    spec: ModelSpec
    budget: Budget
    base: str
    fixed: str  # NAME=VALUE,... as the user gave them
    searched: dict[str, Search]

    @property
    def defaults(self) -> dict[str, Scalar]:
        """The card's own value of each searched parameter, as the budget has it."""
        own = settings_of(self.spec.recipe, self.budget)
        return {name: own[name] for name in self.searched}

    def name_of(self, values: Mapping[str, Any]) -> str:
        """The model with these values as a bracket expression: ``pose-cnn[dropout=0.1,learning_rate=0.0003]``."""
        own = self.defaults
        shown = [f"{name}={value}" for name, value in self.rounded(values).items() if value != own[name]]
        inside = ",".join(filter(None, (self.fixed, *shown)))
        return f"{self.base}[{inside}]" if inside else self.base

    def rounded(self, values: Mapping[str, Any]) -> dict[str, Scalar]:
        """The values as they are tried, of the type of their defaults."""
        return {name: _rounded(values[name], default) for name, default in self.defaults.items()}

    def distributions(self) -> dict[str, BaseDistribution]:
        """The searched parameters as Optuna takes them."""
        return {name: _distribution(self.searched[name], default) for name, default in self.defaults.items()}

    def allows(self, values: Mapping[str, Scalar]) -> bool:
        """Whether each value is one of those that are searched."""
        found = self.distributions()
        if any(search.one_of and values[name] not in search.one_of for name, search in self.searched.items()):
            return False
        return all(found[name]._contains(found[name].to_internal_repr(value)) for name, value in values.items())  # noqa: SLF001 - nothing public tells


def space_of(registry: Registry, name: str, budget: Budget) -> Space:
    """What is searched for the model that the user named, under that budget.

    Raises: BadInput where its card declares nothing to search.
    """
    spec = registry.model(name)
    base, fixed = split_name(name)
    if not spec.search:
        having = ", ".join(sorted(each.id for each in registry.models.values() if each.search)) or "none installed"
        own = ", ".join(settings_of(spec.recipe))
        raise BadInput(
            f"{base} declares no search space, so there is nothing to tune; add search to its card (its parameters: "
            f"{own}), or name a model that has one: {having}"
        )
    given = {item.partition("=")[0].strip() for item in (fixed or "").split(",")}
    searched = {each: search for each, search in spec.search.items() if each not in given}
    if not searched:
        raise BadInput(f"{name} fixes every parameter of its search space ({', '.join(spec.search)}); leave one out")
    return Space(spec, budget, base, fixed or "", searched)


def _rounded(value: Any, default: Scalar) -> Scalar:
    if isinstance(default, bool | str):
        return type(default)(value)
    return int(value) if isinstance(default, int) else float(f"{value:.{DIGITS}g}")


def _distribution(search: Search, default: Scalar) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if search.one_of:
        return CategoricalDistribution(search.one_of)
    assert search.low is not None
    assert search.high is not None
    if isinstance(default, int):
        return IntDistribution(int(search.low), int(search.high), search.log, int(search.step or 1))
    return FloatDistribution(search.low, search.high, search.log, search.step)
