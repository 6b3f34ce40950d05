"""From the entry points of what is installed to cards. What one plugin does wrong is a fault of that plugin only."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from itertools import islice
from typing import Any

import pluggy
from pydantic import ValidationError

from tumorbench.contracts import hookspecs
from tumorbench.contracts.card import Card
from tumorbench.contracts.strangers import described, is_strangers
from tumorbench.errors import BadInput, TumorbenchError, one_line
from tumorbench.registry.cards import KINDS, Plugin, Registry

__all__ = ["GROUP", "find"]

GROUP = "tumorbench"
MOST_CARDS = 10_000  # of one hook: one that never ends is no reason to wait for ever


def find() -> Registry:
    """Everything that is installed.

    A plugin that fails to import, a bad card or a duplicate id becomes a fault of that plugin only.
    """
    registry, manager = Registry(), pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    for plugin, entry_point in _plugins(registry):
        registry.plugins.append(plugin)
        if _register(manager, entry_point, plugin):
            _collect(registry, manager, plugin)
    _note_shared_names(registry.plugins)
    return registry


def _plugins(registry: Registry) -> list[tuple[Plugin, EntryPoint]]:
    """Each entry point of the group once. A distribution whose files say the same twice is one plugin.

    Built-in packages come first, so that no stranger's card replaces theirs. A distribution whose entry points cannot be
    read enters ``registry.plugins`` with that fault.
    """
    found: dict[tuple[str, str, str], tuple[Plugin, EntryPoint]] = {}
    for entry_point in _entry_points(registry):
        plugin = Plugin(entry_point.name, entry_point.value, *_name_and_version(entry_point.dist))
        same = re.sub(r"[-_.]+", "-", plugin.distribution).lower()
        found.setdefault((same, plugin.name, plugin.module), (plugin, entry_point))
    return sorted(
        found.values(),
        key=lambda each: (not each[0].distribution.startswith("tumorbench"), each[0].distribution, each[0].name),
    )


def _entry_points(registry: Registry) -> Iterable[EntryPoint]:
    try:
        return list(entry_points(group=GROUP))
    except Exception:  # noqa: BLE001 - one distribution's damaged metadata; which one is looked for below
        return [each for distribution in distributions() for each in _of_one(distribution, registry)]


def _of_one(distribution: Distribution, registry: Registry) -> list[EntryPoint]:
    try:
        return [each for each in distribution.entry_points if each.group == GROUP]
    except Exception as error:  # noqa: BLE001 - as above
        name, version = _name_and_version(distribution)
        registry.plugins.append(
            Plugin("?", "?", name, version, faults=[f"its entry points cannot be read: {one_line(error)}"])
        )
        return []


def _name_and_version(distribution: Distribution | None) -> tuple[str, str]:
    """The distribution's name and version; "?" for what its metadata do not say."""
    try:
        metadata: Any = distribution.metadata if distribution else {}
        return str(metadata["Name"] or "?"), str(metadata["Version"] or "?")
    except Exception:  # noqa: BLE001 - metadata may lack anything
        return "?", "?"


def _note_shared_names(plugins: Iterable[Plugin]) -> None:
    """Each plugin whose entry point has another one's name knows it: both are loaded, and hard to tell apart."""
    named = defaultdict(list)
    for plugin in plugins:
        named[plugin.name].append(plugin)
    for name, same in named.items():
        for plugin in same if name != "?" else ():
            others = [f"{each.distribution} {each.version}" for each in same if each is not plugin]
            if others:
                plugin.notes.append(
                    f"the entry point {name} of {plugin.distribution} has the same name as that of {', '.join(others)}; "
                    "each is loaded, and one of them should be renamed"
                )


def _key(plugin: Plugin) -> str:
    return f"{plugin.distribution}:{plugin.name}:{plugin.module}"


def _register(manager: pluggy.PluginManager, entry_point: EntryPoint, plugin: Plugin) -> bool:
    try:
        module = entry_point.load()
        _require_another_module(manager, module, plugin)
        manager.register(module, name=_key(plugin))
        unknown = [
            name
            for name in vars(module)
            if manager.parse_hookimpl_opts(module, name) is not None and not hasattr(hookspecs, name)
        ]
    except BaseException as error:
        if not _is_fault(error):
            raise
        plugin.faults.append(_why(error))
        return False
    plugin.faults += [
        f"{name} is no hook of tumorbench; the hooks are {', '.join(hook for hook, _ in KINDS.values())}"
        for name in unknown
    ]
    return True


def _require_another_module(manager: pluggy.PluginManager, module: Any, plugin: Plugin) -> None:
    """``module`` may have hooks, and is not that of a plugin which is loaded already. Raises: BadInput."""
    if not hasattr(module, "__dict__"):
        raise BadInput(f"its entry point names {described(module)}, not a module with hooks")
    if earlier := manager.get_name(module):
        distribution, name, _ = earlier.split(":", 2)
        where = getattr(module, "__file__", None) or "no file"
        raise BadInput(
            f"its module {plugin.module} ({where}) is loaded already, as plugin {name} of {distribution}: {distribution} "
            f"and {plugin.distribution} name the same module; rename one of them"
        )


def _collect(registry: Registry, manager: pluggy.PluginManager, plugin: Plugin) -> None:
    for kind, (hook, card_type) in KINDS.items():
        known = getattr(registry, kind)
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            if implementation.plugin_name != _key(plugin):
                continue
            for card in _cards(implementation.function, hook, card_type, plugin):
                if card.id in known:
                    other = next(each for each in registry.plugins if card.id in each.provides.get(kind, ()))
                    plugin.faults.append(
                        f"{kind} id {card.id!r} is already provided by plugin {other.name} ({other.distribution}); "
                        "rename one of them"
                    )
                    continue
                known[card.id] = card
                plugin.provides.setdefault(kind, []).append(card.id)


def _cards(hook: Callable[[], Any], name: str, card_type: type[Card], plugin: Plugin) -> Iterator[Any]:
    """The cards that one hook yields, up to the first that fails."""
    try:
        given = hook()
        if isinstance(given, Card | str | bytes) or not isinstance(given, Iterable):
            plugin.faults.append(f"{name} returns {described(given)}, not an iterable of {card_type.__name__}")
            return
        for number, card in enumerate(islice(given, MOST_CARDS + 1)):
            if number == MOST_CARDS:
                plugin.faults.append(f"{name} yields more than {MOST_CARDS} cards; the others are left out")
            elif not isinstance(card, card_type):
                plugin.faults.append(f"{name} yields {described(card)} where a {card_type.__name__} is due")
            else:
                yield type(card).model_validate(dict(card))  # whatever way it was made
    except BaseException as error:
        if not _is_fault(error):
            raise
        plugin.faults.append(f"{name}: {_why(error)}")


def _is_fault(error: BaseException) -> bool:
    """Whether it is the plugin's doing, and not a user's Ctrl-C."""
    return is_strangers(error) or isinstance(error, TumorbenchError)


def _why(error: BaseException) -> str:
    if isinstance(error, TumorbenchError):
        return " ".join(str(error).split())
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        given = str(first["input"])[:80]
        return f"bad {error.title} card: {where + ': ' if where else ''}{first['msg']} (given: {given!r})"
    return one_line(error)
