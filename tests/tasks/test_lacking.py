"""What a record was not scored by: new metrics, new versions, and never what was taken away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tumorbench import registry
from tumorbench.contracts.record import Record
from tumorbench.registry import Registry

METRICS = """
import tumorbench as tb

@tb.hookimpl
def tumorbench_metrics():
    for task in ("classification", "generation"):
        yield tb.MetricSpec(
            id=f"median-{task}", title="t", task=task, version="3", higher_is_better=None, value_range=(0.0, 1.0),
            factory="half_metrics:half",
        )

def half(*arguments):
    return {"median-classification": 0.5}
"""


def changed(here: Registry, kind: str, name: str, **update: object) -> Registry:
    """What is installed, with another card of that name."""
    cards = getattr(here, kind)
    return replace(here, **{kind: cards | {name: cards[name].model_copy(update=update)}})


def without(here: Registry, kind: str, *names: str) -> Registry:
    """What is installed, without these cards."""
    return replace(here, **{kind: {name: card for name, card in getattr(here, kind).items() if name not in names}})


def with_reason(record: Record, metric: str, reason: str) -> Record:
    """The record with a reason why that metric has no value."""
    instruments = tuple(
        each.model_copy(update={"reason": reason}) if each.metric == metric else each for each in record.instruments
    )
    return record.model_copy(update={"instruments": instruments})


@pytest.mark.parametrize("model", ["tiny-classifier", "tiny-segmenter", "tiny-joint", "tiny-artist"])
def test_a_record_lacks_nothing_of_what_it_was_just_scored_by(cells, model):
    done = cells.done(model)
    assert done.task.lacking(done.record, cells.registry) == []
    assert done.task.unchecked(done.record, cells.registry) == []


def test_a_new_metric_is_lacking_only_where_its_task_is(cells, install_plugin):
    install_plugin("half-metrics", half_metrics=METRICS)
    here = replace(registry.find(), extractors=cells.registry.extractors)
    assert here.provider("metrics", "median-classification") == "half-metrics"
    for model, lacking in (
        ("tiny-classifier", [("median-classification", None)]),
        ("tiny-joint", [("median-classification", None)]),
        ("tiny-segmenter", []),
        ("tiny-artist", [("median-generation", None)]),
    ):
        done = cells.done(model)
        assert done.task.lacking(done.record, here) == lacking


def test_the_new_metric_is_scored_alone_and_then_nothing_is_lacking(cells, install_plugin):
    install_plugin("half-metrics", half_metrics=METRICS)
    here, done = registry.find(), cells.done("tiny-classifier")
    given = replace(done.given, registry=here, only=done.task.lacking(done.record, here))
    scores = done.task.score(done.prediction.table, given)
    assert [(value.name, value.value) for value in scores.metrics] == [("median-classification", 0.5)]
    (instrument,) = scores.instruments
    assert (instrument.plugin, instrument.version) == ("half-metrics", "3")
    assert done.task.lacking(scores.added_to(done.record), here) == []


def test_a_new_version_of_a_metric_is_lacking(cells):
    done = cells.done("tiny-classifier")
    here = changed(cells.registry, "metrics", "accuracy", version="2")
    assert done.task.lacking(done.record, here) == [("accuracy", None)]
    assert done.task.unchecked(done.record, here) == ["accuracy"]


def test_a_metric_that_was_taken_away_is_not_lacking_and_cannot_be_checked(cells):
    for model, names in (("tiny-classifier", ["accuracy"]), ("tiny-joint", ["accuracy", "dice"])):
        done, here = cells.done(model), without(cells.registry, "metrics", *names)
        assert done.task.lacking(done.record, here) == []
        assert sorted(done.task.unchecked(done.record, here)) == sorted(names)


def test_a_new_extractor_is_lacking_for_every_metric_of_features_and_of_memory(cells):
    done, there = cells.done("tiny-artist"), cells.registry.extractors["tiny-pixels"]
    more = replace(cells.registry, extractors={"tiny-pixels": there, "eyes": there.model_copy(update={"id": "eyes"})})
    expected = {
        (spec.id, "eyes")
        for spec in cells.registry.metrics.values()
        if spec.task == "generation" and (spec.needs_extractor or spec.needs == "memory")
    }
    assert {"kid", "memorisation"} < {metric for metric, _ in expected}
    assert set(done.task.lacking(done.record, more)) == expected
    newer = changed(cells.registry, "extractors", "tiny-pixels", version="2")
    assert set(done.task.lacking(done.record, newer)) == {(metric, "tiny-pixels") for metric, _ in expected}


def test_an_extractor_that_was_taken_away_cannot_be_checked(cells):
    done, here = cells.done("tiny-artist"), without(cells.registry, "extractors", "tiny-pixels")
    assert done.task.lacking(done.record, here) == []
    assert "kid[tiny-pixels]" in done.task.unchecked(done.record, here)
    assert "ks_d" not in done.task.unchecked(done.record, here)


def test_a_metric_without_a_value_is_lacking_only_where_it_is_to_be_tried_again(cells):
    done = cells.done("tiny-classifier")
    record = with_reason(done.record, "ece", "ValueError: out of range")
    assert done.task.lacking(record, cells.registry) == []
    assert done.task.lacking(record, cells.registry, again=True) == [("ece", None)]


def test_a_metric_that_is_of_no_use_to_a_record_is_not_tried_again(cells):
    done = cells.done("tiny-joint")  # no Grad-CAM
    assert "cam_in_mask" in {each.metric for each in done.record.instruments}
    assert "cam_in_mask" not in done.by_name
    assert done.task.lacking(done.record, cells.registry, again=True) == []


def test_a_judged_record_lacks_its_scores_only_where_the_judge_went_by_another_procedure(cells):
    done = cells.done("tiny-noise", "tstr")
    (instrument,) = done.record.instruments
    assert (instrument.metric, instrument.version, instrument.plugin) == ("tstr", "1", "tumorbench")
    assert done.task.lacking(done.record, cells.registry, again=True) == []
    assert done.task.lacking(done.record, without(cells.registry, "metrics", *cells.registry.metrics)) == []
    older = done.record.model_copy(update={"instruments": (instrument.model_copy(update={"version": "0"}),)})
    assert done.task.lacking(older, cells.registry) == [("tstr", None)]
    assert done.task.unchecked(older, cells.registry) == ["tstr"]
