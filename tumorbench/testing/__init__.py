"""The contract tests that a plugin's author runs: what every card promises, checked.

In a plugin's tests, one line does it all::

    from tumorbench.testing import plugin_contract

    test_contract = plugin_contract("my_plugin_module")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tumorbench.testing.contract import ContractBroken, check_card
    from tumorbench.testing.datasets import check_dataset
    from tumorbench.testing.models import check_model, tiny_problem
    from tumorbench.testing.plugin import plugin_cards, plugin_contract

__all__ = [
    "ContractBroken",
    "check_card",
    "check_dataset",
    "check_model",
    "plugin_cards",
    "plugin_contract",
    "tiny_problem",
]

_HOME = {  # imported on first use: the checks of speed are collected without torch
    "ContractBroken": "contract",
    "check_card": "contract",
    "check_dataset": "datasets",
    "check_model": "models",
    "plugin_cards": "plugin",
    "plugin_contract": "plugin",
    "tiny_problem": "models",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
