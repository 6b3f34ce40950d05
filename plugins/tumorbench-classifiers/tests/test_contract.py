from __future__ import annotations

from tumorbench.testing import plugin_contract

test_contract = plugin_contract("tumorbench_classifiers")
