"""Models whose cards declare a search space, each made for one claim, and a study of them in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

MODELS = """
import tumorbench as tb

PARAMS = {"loud": {"gain": 1}, "hasty": {}}


@tb.hookimpl
def tumorbench_models():
    for name, search in (
        ("picky", {"width": tb.Search(low=2, high=16)}),
        ("loud", {"gain": tb.Search(low=1, high=100)}),
        ("spy", {"width": tb.Search(low=2, high=16)}),
        ("hasty", {"learning_rate": tb.Search(low=1e-4, high=1, log=True), "batch_size": tb.Search(one_of=(8, 16))}),
    ):
        yield tb.ModelSpec(
            id=name, title=name, version="1", task="classification", licence="MIT", paper=tb.Paper(title="none"),
            in_all="never", search=search, factory=f"tuned_networks:{name}",
            recipe=tb.Recipe(
                preprocessing=tb.Preprocessing(size=32), epochs=6, batch_size=16, params=PARAMS.get(name, {"width": 8}),
                optimizer=tb.Optimizer(learning_rate=1e-4 if name == "hasty" else 1e-3),
                quick=tb.Quick(epochs=6, steps_per_epoch=3, batch_size=16),
            ),
        )
"""
NETWORKS = '''
import gc, json, os
import numpy as np
from pathlib import Path
from tiny_plugin_networks import TinyClassifier


def picky(problem, width):
    """Cannot be built above a width of 9."""
    if width > 9:
        raise ValueError("too wide for this machine")
    return TinyClassifier(problem, width)


def loud(problem, gain):
    """The larger its gain, the surer it is of what it does not know."""

    class Loud(TinyClassifier):
        def forward(self, images):
            return super().forward(images) * gain

    return Loud(problem)


def hasty(problem):
    """Has no parameter of its own: what is searched is how it is trained."""
    return TinyClassifier(problem, 8)


def spy(problem, width):
    """Tries to reach what it should not: every object of its process, and every file that its job names."""

    class Spy(TinyClassifier):
        def losses(self, batch):
            if not Path(os.environ["SPY_FILE"]).exists():
                look()
            yield from super().losses(batch)

    return Spy(problem, width)


def look():
    from tumorbench.contracts.dataset import Sample
    from tumorbench.data.split import Split

    gc.collect()
    objects = gc.get_objects()
    samples = [each.id for each in objects if type(each) is Sample]
    tested = [len(each.test) for each in objects if type(each) is Split]
    text = {each for each in objects if type(each) is dict for each in each if isinstance(each, str)}
    folders = {Path(json.loads(path.read_text())["data_root"]) for path in Path.cwd().rglob("job.json")}
    listed = [json.loads(path.read_text()) for folder in folders for path in folder.glob("material.json")]
    rows = [len(np.load(path)) for folder in folders for path in folder.rglob("*.npy")]
    ids = [sample["id"] for each in listed for sample in each["samples"]]
    found = {"samples": samples, "tested": tested, "rows": rows, "ids": ids, "keys": sorted(text)}
    Path(os.environ["SPY_FILE"]).write_text(json.dumps(found))
'''


@pytest.fixture
def tuned(tiny, install_plugin) -> None:
    """The models are installed."""
    install_plugin("tuned-models", tuned_models=MODELS, tuned_networks=NETWORKS)


@pytest.fixture
def study(tuned, tumorbench) -> Callable[..., tuple[int, dict[str, Any], str]]:
    """``tune`` on the tiny data set: its exit code, its JSON, its stderr."""

    def run(model: str, *options: str, executor: str = "in-process") -> tuple[int, dict[str, Any], str]:
        given = ("tune", model, "-d", "tiny-shapes", "--device", "cpu", "--executor", executor, "--json", *options)
        result = tumorbench(*given)
        return result.code, json.loads(result.out) if result.out else {}, result.err

    return run
