"""The cheapest real models do exactly the operations of their baseline.

``tox -e bench`` checks the others, times and memory.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tumorbench.registry import find
from tumorbench.testing.bench_baseline import Baseline, changed, torch_release
from tumorbench.testing.bench_counts import exact_counts

BASELINE = Baseline.read(Path(__file__).with_name("models.json"), "tox -e bench -- --tumorbench-bench-update")


@pytest.mark.parametrize("model", ["pose-unet", "robles-baseline", "robles-cvae"])
def test_a_step_of_a_real_model_does_what_the_baseline_says(model):
    if BASELINE.torch != torch_release():
        pytest.skip(f"the baseline is of torch {BASELINE.torch}, this is {torch_release()}: counts do not compare")
    counts, waits = exact_counts(find().model(model), 64)
    assert changed(BASELINE.of(f"{model}@64", "counts"), counts) == ""
    assert waits == []
