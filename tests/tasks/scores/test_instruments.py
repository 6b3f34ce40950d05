"""A metric gives its values, or the reason why it has none; it never ends a cell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import tumorbench as tb
from tumorbench import registry
from tumorbench.tasks.scores.instruments import Metric, apply, extractor_of, interval_of, metrics_of
from tumorbench.tasks.scores.scoring import score_classes

BROKEN = """
import tumorbench as tb

def card(name):
    return tb.MetricSpec(
        id=name, title="t", task="classification", version="1", higher_is_better=True, value_range=(0.0, 1.0),
        factory=f"broken_metrics:{name}",
    )

@tb.hookimpl
def tumorbench_metrics():
    return [card(name) for name in ("raises", "words", "absent", "fine")]

def raises(*arguments):
    raise ZeroDivisionError("a fault\\nof the metric")

def words(*arguments):
    return {"words": "many"}

def fine(*arguments):
    return {"fine": 1.0}
"""


def metric_of(factory: str, **card: object) -> Metric:
    spec = tb.MetricSpec(
        id="m",
        title="t",
        task="generation",
        version="4",
        higher_is_better=False,
        value_range=(0.0, 9.0),
        factory=factory,
    )
    return Metric(spec.model_copy(update=card), "some-plugin")


def test_values_carry_their_number_of_samples_and_their_direction():
    metric = metric_of("tumorbench.metrics.intensity:ks_d")
    black, white = np.zeros((2, 4, 4), np.uint8), np.full((2, 4, 4), 255, np.uint8)
    found = apply(metric, (black, white), 2)
    (value,) = found.metric_values
    assert (value.name, value.value, value.n, value.higher_is_better) == ("ks_d", 1.0, 2, False)
    assert found.instrument.model_dump() == {
        "metric": "m",
        "version": "4",
        "plugin": "some-plugin",
        "extractor": None,
        "extractor_version": None,
        "reason": "",
    }


def test_what_a_metric_raises_is_its_reason_and_the_others_have_their_values(install_plugin):
    install_plugin("broken-metrics", broken_metrics=BROKEN)
    here = registry.find()
    table = _table_of_two()
    found = {each.metric.spec.id: each for each in score_classes(table, ("a", "b"), metrics_of(here, "classification"))}
    assert found["raises"].reason == "ZeroDivisionError: a fault of the metric"
    assert found["words"].reason.startswith("ValidationError: ")
    assert found["absent"].reason.startswith("the factory broken_metrics:absent cannot be imported")
    assert [found[name].metric_values for name in ("raises", "words", "absent")] == [(), (), ()]
    assert [(value.name, value.value) for value in found["fine"].metric_values] == [("fine", 1.0)]
    assert found["accuracy"].metric_values[0].value == 1.0
    assert {found[name].metric.plugin for name in ("raises", "fine")} == {"broken-metrics"}
    assert found["accuracy"].metric.plugin == "tumorbench"


def _table_of_two():
    from tumorbench.tasks.predictions import of_classes

    return of_classes(
        {"sample_id": ["x", "y"], "group": ["", ""]},
        np.array([0, 1]),
        np.array([[0.75, 0.25], [0.25, 0.75]], np.float32),
        "ab",
    )


def test_a_metric_that_needs_what_a_task_does_not_have_says_so():
    metric = metric_of("tumorbench.metrics.classification:accuracy", task="classification", needs="memory")
    (found,) = score_classes(_table_of_two(), ("a", "b"), [metric])
    assert found.reason == "it needs memory, which a classifier does not have"


def test_attention_is_of_no_use_without_maps_and_has_a_value_by_chance_with_them():
    card = {"task": "classification", "needs": "attention"}
    metric = metric_of("tumorbench.metrics.attention:cam_in_mask", **card)
    table = _table_of_two()
    nothing = (score_classes(each, ("a", "b"), [metric])[0] for each in (table, _attended(table, np.nan, np.nan)))
    assert [(each.metric_values, each.reason) for each in nothing] == [((), ""), ((), "")]
    (found,) = score_classes(_attended(table, 0.5, np.nan), ("a", "b"), [metric])
    (value,) = found.metric_values
    assert (value.value, value.by_chance, value.n) == (0.5, 0.25, 1)


def _attended(table, *inside):
    return table.assign(cam_inside=inside, cam_chance=[0.25, 0.75])


def test_an_interval_that_cannot_be_computed_costs_the_value_nothing():
    metric = metric_of("tumorbench.metrics.intensity:ks_d")
    images = np.zeros((2, 2, 4, 4), np.uint8)
    found = apply(metric, images, 2)

    def fails(*_):
        raise ZeroDivisionError("a fault")

    without = interval_of(found, fails, images)
    assert without.metric_values == found.metric_values
    assert without.reason == "no interval: ZeroDivisionError: a fault"
    assert interval_of(found, None, images) is found
    given = interval_of(found, lambda *_: {"ks_d": (0.0, 0.5)}, images)
    assert (given.metric_values[0].interval, given.reason) == ((0.0, 0.5), "")


def test_parts_of_a_metric_are_put_together_with_the_first_reason():
    metric = metric_of("tumorbench.metrics.intensity:ks_d")
    images = np.zeros((2, 2, 4, 4), np.uint8)
    found = apply(metric, images, 2)
    failed = replace(found, metric_values=(), reason="first")
    together = found.beside(failed, replace(found, reason="second"))
    assert (len(together.metric_values), together.reason) == (2, "first")


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("", "extractor not available: TINY_PIXELS is not set"),
        ("broken", "extractor not available: ZeroDivisionError: a fault of the extractor"),
        ("1", ""),
    ],
)
def test_an_extractor_is_there_or_says_why_not(cells, monkeypatch, state, reason):
    monkeypatch.setenv("TINY_PIXELS", state)
    extractor_of.cache_clear()
    extractor, why = extractor_of(cells.registry.extractors["tiny-pixels"])
    extractor_of.cache_clear()
    assert why == reason
    assert (extractor is None) == bool(reason)


def test_metrics_of_features_are_there_once_for_each_extractor_and_those_of_memory_on_pixels_too(cells):
    found = {metric.key for metric in metrics_of(cells.registry, "generation")}
    assert {("kid", "tiny-pixels"), ("ks_d", None), ("memorisation", None), ("memorisation", "tiny-pixels")} <= found
    assert not {("kid", None), ("ks_d", "tiny-pixels"), ("accuracy", None)} & found
    nothing = metrics_of(replace(cells.registry, extractors={}), "generation")
    assert {metric.key for metric in nothing} == {key for key in found if key[1] is None}
