"""What is installed: the cards of every plugin, and what is wrong with those that do not load."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

import pluggy
from pydantic import ValidationError

from tumorbench.contracts import hookspecs
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
from tumorbench.contracts.recipe import Card
from tumorbench.errors import BadInput

__all__ = ["Plugin", "Registry", "find"]

GROUP = "tumorbench"
KINDS: dict[str, tuple[str, type[Card]]] = {
    "datasets": ("tumorbench_datasets", DatasetSpec),
    "models": ("tumorbench_models", ModelSpec),
    "metrics": ("tumorbench_metrics", MetricSpec),
    "extractors": ("tumorbench_extractors", ExtractorSpec),
    "patterns": ("tumorbench_model_patterns", ModelPattern),
    "weights": ("tumorbench_weights", WeightsSpec),
    "executors": ("tumorbench_executors", ExecutorSpec),
}
AnyCard = TypeVar("AnyCard", DatasetSpec, ModelSpec, MetricSpec, ExtractorSpec, ExecutorSpec)
NamedCard = TypeVar("NamedCard", ModelPattern, WeightsSpec)


@dataclass(slots=True)
class Plugin:
    """One entry point: where it comes from, what it provides, and what is wrong with it (empty: nothing)."""

    name: str
    module: str
    distribution: str
    version: str
    provides: dict[str, list[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


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
    plugins: list[Plugin] = field(default_factory=list)

    def dataset(self, name: str) -> DatasetSpec:
        """The data set's card. Raises: BadInput with the nearest name."""
        return self._named("data set", self.datasets, name)

    def model(self, name: str) -> ModelSpec:
        """The model's card, made now where it fits a pattern; ``id[key=value,...]`` changes its parameters. Raises: BadInput with the nearest name."""
        base, bracket, rest = name.partition("[")
        pattern = None if base in self.models else _fitting(self.patterns, base)
        spec = load(pattern.factory)(base) if pattern else self._named("model", self.models, base)
        if bracket and not rest.endswith("]"):
            raise BadInput(f"{name} has an opening bracket and no closing one; write {base}[NAME=VALUE,...]")
        return _with_params(spec, rest.removesuffix("]")) if bracket else spec

    def executor(self, name: str) -> ExecutorSpec:
        """The executor's card. Raises: BadInput with the nearest name, and those that are installed."""
        if name in self.executors:
            return self.executors[name]
        installed = ", ".join(sorted(self.executors)) or "none"
        raise BadInput(f"{self.unknown('executor', self.executors, name)}; installed: {installed}")

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

    def _named(self, kind: str, cards: dict[str, AnyCard], name: str) -> AnyCard:
        if name in cards:
            return cards[name]
        raise self.unknown(kind, cards, name)

    def unknown(self, kind: str, cards: Mapping[str, Card], name: str) -> BadInput:
        """The error that ``name`` is none of ``cards``: it suggests the nearest, and tells of broken plugins that may have provided it."""
        near = difflib.get_close_matches(name, cards, n=1, cutoff=0.4)
        mend = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(cards)) or 'none installed'}"
        broken = "; ".join(
            f"plugin {plugin.name} is broken and may have provided it: {fault}"
            for plugin in self.plugins
            for fault in plugin.faults
        )
        return BadInput(f"no {kind} is called {name!r}; {mend}" + (f" ({broken})" if broken else ""))


def _fitting(cards: Mapping[str, NamedCard], name: str) -> NamedCard | None:
    """The card of that very id, else that of its ``PREFIX/*``."""
    return cards.get(name) or cards.get(f"{name.partition('/')[0]}/*")


def find() -> Registry:
    """Everything that is installed. A plugin that fails to import, a bad card or a duplicate id becomes a fault of that plugin only."""
    registry, manager = Registry(), pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    for entry_point in sorted(entry_points(group=GROUP), key=_own_first):
        plugin = _describe(entry_point)
        registry.plugins.append(plugin)
        if _register(manager, entry_point, plugin):
            _collect(registry, manager, plugin)
    return registry


def _own_first(entry_point: EntryPoint) -> tuple[bool, str, str]:
    """Built-in packages come first, so that no stranger's card replaces theirs."""
    distribution = entry_point.dist.name if entry_point.dist else ""
    return (not distribution.startswith("tumorbench"), distribution, entry_point.name)


def _describe(entry_point: EntryPoint) -> Plugin:
    distribution = entry_point.dist
    return Plugin(
        entry_point.name,
        entry_point.value,
        distribution.name if distribution else "?",
        distribution.version if distribution else "?",
    )


def _register(manager: pluggy.PluginManager, entry_point: EntryPoint, plugin: Plugin) -> bool:
    try:
        module = entry_point.load()
        manager.register(module, name=entry_point.name)
        unknown = [
            name
            for name in vars(module)
            if manager.parse_hookimpl_opts(module, name) is not None and not hasattr(hookspecs, name)
        ]
    except Exception as error:  # noqa: BLE001 - a stranger's import may raise anything, and must not break the others
        plugin.faults.append(_one_line(error))
        return False
    plugin.faults += [
        f"{name} is no hook of tumorbench; the hooks are {', '.join(hook for hook, _ in KINDS.values())}"
        for name in unknown
    ]
    return True


def _collect(registry: Registry, manager: pluggy.PluginManager, plugin: Plugin) -> None:
    for kind, (hook, card_type) in KINDS.items():
        known = getattr(registry, kind)
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            if implementation.plugin_name != plugin.name:
                continue
            for card in _cards(implementation.function, card_type, plugin):
                if card.id in known:
                    other = next(each for each in registry.plugins if card.id in each.provides.get(kind, ()))
                    plugin.faults.append(
                        f"{kind} id {card.id!r} is already provided by plugin {other.name} ({other.distribution}); rename one of them"
                    )
                    continue
                known[card.id] = card
                plugin.provides.setdefault(kind, []).append(card.id)


def _cards(hook: Callable[[], Iterable[Any]], card_type: type[Card], plugin: Plugin) -> Iterator[Any]:
    """The cards that one hook yields, up to the first that fails."""
    try:
        for card in hook():
            if isinstance(card, card_type):
                yield card
            else:
                plugin.faults.append(
                    f"{hook.__name__} yields a {type(card).__name__} where a {card_type.__name__} is due"
                )
    except Exception as error:  # noqa: BLE001 - as at import
        plugin.faults.append(f"{hook.__name__}: {_one_line(error)}")


def _one_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"bad {error.title} card: {where + ': ' if where else ''}{first['msg']} (given: {str(first['input'])[:80]!r})"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _with_params(spec: ModelSpec, text: str) -> ModelSpec:
    """The card with the parameters of ``key=value,...``; parameters at their default leave the id as it is."""
    defaults, changed = spec.recipe.params, {}
    for item in filter(None, text.split(",")):
        key, _, value = (part.strip() for part in item.partition("="))
        if key not in defaults:
            raise BadInput(f"{spec.id} has no parameter {key!r}; it has {', '.join(defaults) or 'none'}")
        changed[key] = _as_type_of(defaults[key], value, f"{spec.id}[{key}]")
    params = defaults | changed
    shown = ",".join(f"{key}={value}" for key, value in sorted(params.items()) if value != defaults[key])
    update: dict[str, Any] = {"recipe": spec.recipe.model_copy(update={"params": params})}
    if shown:
        update |= {"id": f"{spec.id}[{shown}]", "parameters": None}
    return spec.model_copy(update=update)


def _as_type_of(default: Any, value: str, name: str) -> Any:
    if isinstance(default, bool):
        if value.lower() not in ("true", "false", "1", "0", "yes", "no"):
            raise BadInput(f"{name} is true or false, not {value!r}")
        return value.lower() in ("true", "1", "yes")
    try:
        converted = type(default)(value)
        if isinstance(default, str) or math.isfinite(converted):
            return converted
        raise BadInput(f"{name} is a finite number, not {value!r}")
    except ValueError:
        raise BadInput(f"{name} is of type {type(default).__name__}, not {value!r}") from None
