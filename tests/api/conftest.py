"""A model of nothing but arithmetic, which is scored on the tiny data set."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

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


@pytest.fixture(scope="session")
def _decoded(tmp_path_factory):
    """Where slices are decoded to and splits are kept, once for all tests of this folder."""
    return tmp_path_factory.mktemp("decoded")


@pytest.fixture
def tiny(tiny, _decoded, monkeypatch):
    """As elsewhere, with one cache for all tests."""
    monkeypatch.setenv("TUMORBENCH_CACHE", str(_decoded))
    return tiny


@pytest.fixture(scope="session")
def _kept(tmp_path_factory):
    """Where the one run is kept that tests start from."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def trained(tumorbench, tiny, _kept) -> Path:
    """A store, ``runs``, with a classifier that was trained on two folds, and a model that fails on both."""
    if not (_kept / "runs").exists():
        folds = ("--fold", "0", "--fold", "1", "--protocol", "grouped", "--no-throughput")
        tumorbench("run", "-d", "tiny-shapes", "-m", "tiny-classifier", "-m", "tiny-nan", *folds)
        shutil.copytree("runs", _kept / "runs")
    shutil.copytree(_kept / "runs", "runs", dirs_exist_ok=True)
    return tiny / "runs"


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
