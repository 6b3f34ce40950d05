"""A model of nothing but arithmetic, which is scored on the tiny data set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import tumorbench as tb
from tumorbench import registry


def shares(images):
    """Probabilities of the three classes by brightness alone: float32 ``(batch, 1, 32, 32)`` -> ``(batch, 3)``."""
    bright = images.mean((1, 2, 3), dtype=np.float64)
    logits = np.stack([20 * bright, 22 * bright, np.full(len(images), 5.0)], 1)
    odds = np.exp(logits)
    return odds / odds.sum(1, keepdims=True)


@pytest.fixture
def evaluate(tiny):
    """``tb.evaluate`` of ``shares`` on fold 0 of the tiny data set; arguments change what is asked for."""

    def call(predict=shares, **asked):
        return tb.evaluate(predict, **({"dataset": "tiny-shapes", "name": "brightness"} | asked))

    return call


@pytest.fixture
def no_extractors(tiny, monkeypatch):
    """Feature extractors, which take seconds, are not installed."""
    found = replace(registry.find(), extractors={})
    monkeypatch.setattr(registry, "find", lambda: found)


@pytest.fixture
def recipe():
    """A recipe of two short epochs at 32 pixels."""
    quick = tb.Quick(epochs=2, steps_per_epoch=3, batch_size=16)
    return tb.Recipe(preprocessing=tb.Preprocessing(size=32), epochs=2, batch_size=16, quick=quick)
