"""Every card of a plugin goes through its contract."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

import pluggy

from tumorbench.contracts import hookspecs
from tumorbench.contracts.card import Card
from tumorbench.contracts.cards import DatasetSpec, ModelSpec
from tumorbench.testing.contract import check_card
from tumorbench.testing.datasets import check_dataset
from tumorbench.testing.models import TINY, check_model, tiny_problem

__all__ = ["plugin_cards", "plugin_contract"]


def plugin_cards(module: str) -> list[Card]:
    """Every card that the plugin module's hooks hand over. Raises: pluggy's PluginValidationError for a hook that does not exist."""
    manager = pluggy.PluginManager("tumorbench")
    manager.add_hookspecs(hookspecs)
    manager.register(import_module(module))
    manager.check_pending()
    return [
        card
        for hook in hookspecs.__all__
        if hook != "hookimpl"
        for cards in getattr(manager.hook, hook)()
        for card in cards
    ]


def plugin_contract(
    module: str, *, sizes: Mapping[str, int] | None = None, roots: Mapping[str, Path] | None = None
) -> Callable[[Card], None]:
    """A parametrized pytest test with one case a card of the plugin ``module``; bind it to a name that starts with ``test``.

    sizes: model id -> pixels a side of the problem on which it is tried, where 64 does not suit it. roots: data set id -> its folder; by default the
    folder of that name in ``TUMORBENCH_DATA``, and a data set that is not there has its card checked and is then skipped.
    """
    import pytest

    cards = plugin_cards(module)

    @pytest.mark.parametrize("card", cards, ids=[f"{type(card).__name__}-{getattr(card, 'id', '?')}" for card in cards])
    def test_contract(card: Card) -> None:
        check_card(card)
        if isinstance(card, ModelSpec):
            check_model(card, tiny_problem(card, (sizes or {}).get(card.id, TINY)))
        elif isinstance(card, DatasetSpec):
            root = (roots or {}).get(card.id, Path(os.environ.get("TUMORBENCH_DATA", "missing"), card.id))
            if not root.is_dir():
                pytest.skip(f"{card.id} is not in TUMORBENCH_DATA; its card is complete")
            check_dataset(card, root)

    return test_contract
