"""The contract tests that a plugin's author runs: what every card promises, checked.

In a plugin's tests, one line does it all::

    from tumorbench.testing import plugin_contract

    test_contract = plugin_contract("my_plugin_module")
"""

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
