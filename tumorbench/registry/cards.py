"""Every usable card by its id, and how an item is found by the name that a user gives."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from tumorbench.contracts.card import Card
from tumorbench.contracts.cards import (
    DatasetSpec,
    ExecutorSpec,
    ExtractorSpec,
    MetricSpec,
    ModelPattern,
    ModelSpec,
    WeightsSpec,
)
from tumorbench.contracts.factory import load
from tumorbench.contracts.observer import ObserverSpec
from tumorbench.contracts.strangers import described, plugin_code
from tumorbench.errors import BadInput
from tumorbench.registry.parameters import quoted, split_name, with_parameters

__all__ = ["KINDS", "Plugin", "Registry"]

KINDS: dict[str, tuple[str, type[Card]]] = {
    "datasets": ("tumorbench_datasets", DatasetSpec),
    "models": ("tumorbench_models", ModelSpec),
    "metrics": ("tumorbench_metrics", MetricSpec),
    "extractors": ("tumorbench_extractors", ExtractorSpec),
    "patterns": ("tumorbench_model_patterns", ModelPattern),
    "weights": ("tumorbench_weights", WeightsSpec),
    "executors": ("tumorbench_executors", ExecutorSpec),
    "observers": ("tumorbench_observers", ObserverSpec),
}
COMPARED = 200  # characters of a name for which the nearest id is looked for
AnyCard = TypeVar("AnyCard", DatasetSpec, ModelSpec, MetricSpec, ExtractorSpec, ExecutorSpec)
ChosenCard = TypeVar("ChosenCard", ExecutorSpec, ObserverSpec)
NamedCard = TypeVar("NamedCard", ModelPattern, WeightsSpec)


@dataclass(slots=True)
class Plugin:
    """One entry point: where it comes from and what it provides.

    faults: what is wrong with it (empty: nothing). notes: what its author should know, although it is loaded.
    """

    name: str
    module: str
    distribution: str
    version: str
    provides: dict[str, list[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Registry:
    """Every usable card by its id, and every plugin with its faults."""

    datasets: dict[str, DatasetSpec] = field(default_factory=dict)
    models: dict[str, ModelSpec] = field(default_factory=dict)
    metrics: dict[str, MetricSpec] = field(default_factory=dict)
    extractors: dict[str, ExtractorSpec] = field(default_factory=dict)
    patterns: dict[str, ModelPattern] = field(default_factory=dict)
    weights: dict[str, WeightsSpec] = field(default_factory=dict)
    executors: dict[str, ExecutorSpec] = field(default_factory=dict)
    observers: dict[str, ObserverSpec] = field(default_factory=dict)
    plugins: list[Plugin] = field(default_factory=list)

    def dataset(self, name: str) -> DatasetSpec:
        """The data set's card. Raises: BadInput with the nearest name."""
        return self._named("data set", self.datasets, name)

    def model(self, name: str) -> ModelSpec:
        """The model's card, made now where it fits a pattern; ``id[key=value,...]`` changes its parameters.

        Raises: BadInput with the nearest name, or with what a parameter takes.
        """
        base, parameters = split_name(name)
        pattern = None if base in self.models else _fitting(self.patterns, base)
        spec = _made(pattern, base) if pattern else self._named("model", self.models, base)
        return spec if parameters is None else with_parameters(spec, parameters)

    def executor(self, name: str) -> ExecutorSpec:
        """The executor's card. Raises: BadInput with the nearest name, and those that are installed."""
        return self._installed("executor", self.executors, name)

    def observer(self, name: str) -> ObserverSpec:
        """The observer's card. Raises: as ``executor``."""
        return self._installed("observer", self.observers, name)

    def has_model(self, name: str) -> bool:
        """Whether ``model(name)`` has a card, or a pattern that makes one or says what is near."""
        base = name.partition("[")[0]
        return base in self.models or _fitting(self.patterns, base) is not None

    def provider(self, kind: str, item: str) -> str:
        """The distribution that provides the card of that id, such as ("metrics", "fid"); "?" where none does."""
        return next((each.distribution for each in self.plugins if item in each.provides.get(kind, ())), "?")

    def pretrained(self, name: str) -> WeightsSpec | None:
        """The card of the weights that a recipe calls ``name``; None where no plugin provides them."""
        return _fitting(self.weights, name)

    def _installed(self, kind: str, cards: dict[str, ChosenCard], name: str) -> ChosenCard:
        if name in cards:
            return cards[name]
        raise self.unknown(kind, cards, name, few=True)

    def _named(self, kind: str, cards: dict[str, AnyCard], name: str) -> AnyCard:
        if name in cards:
            return cards[name]
        raise self.unknown(kind, cards, name)

    def unknown(self, kind: str, cards: Mapping[str, Card], name: str, *, few: bool = False) -> BadInput:
        """The error that ``name`` is none of ``cards``.

        It suggests the nearest, and tells of broken plugins that may have provided it. few: all are named beside the
        nearest too.
        """
        near = difflib.get_close_matches(name[:COMPARED], cards, n=1, cutoff=0.4)
        known = ", ".join(sorted(cards)) or "none installed"
        others = f"; installed: {known}" if few else ""
        fix = f"did you mean {near[0]}?{others}" if near else f"known: {known}"
        broken = "; ".join(
            f"plugin {plugin.name} is broken and may have provided it: {fault}"
            for plugin in self.plugins
            for fault in plugin.faults
        )
        return BadInput(f"no {kind} is called {quoted(name)}; {fix}" + (f" ({broken})" if broken else ""))


def _fitting(cards: Mapping[str, NamedCard], name: str) -> NamedCard | None:
    """The card of that very id, else that of its ``PREFIX/*``."""
    return cards.get(name) or cards.get(f"{name.partition('/')[0]}/*")


def _made(pattern: ModelPattern, name: str) -> ModelSpec:
    """The card of a model that fits the pattern. Raises: BadInput, of the pattern or about it."""
    factory = load(pattern.factory)
    with plugin_code(f"{pattern.factory}, which makes the card of {quoted(name)},"):
        spec = factory(name)
    if not isinstance(spec, ModelSpec):
        raise BadInput(
            f"{pattern.factory} returned {described(spec)} for {quoted(name)}, not a ModelSpec; fix its plugin"
        )
    return spec
