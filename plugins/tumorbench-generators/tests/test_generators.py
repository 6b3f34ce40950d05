from __future__ import annotations

from tumorbench.testing import plugin_contract

SMALLER = {"tumorsynth2": 16}  # 109 million weights at 64 pixels

test_contract = plugin_contract("tumorbench_generators", sizes=SMALLER)
