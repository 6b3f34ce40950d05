"""A table of masks is scored by what each metric's card needs, a plugin's too."""

import numpy as np
import pandas as pd
import pytest

from tumorbench.contracts.cards import MetricSpec
from tumorbench.tasks.outlines import Outlines, columns_of_outlines
from tumorbench.tasks.scores.instruments import Metric
from tumorbench.tasks.scores.masks import score_masks


@pytest.fixture
def table():
    """Thirty slices of as many patients: two lesions, of which one or both are predicted and the first is found."""
    confusion = [[90, 2, 3, 5]] * 30
    found = [Outlines((4.0 + n, 2.0), (2, 1 + n % 2, 1)) for n in range(30)]
    columns = columns_of_outlines(found, [Outlines((1.0, 0.5), (2, 2, 2))] * 30, [0.5] * 30)
    ids = [f"s{n}" for n in range(30)]
    named = {"sample_id": ids, "cluster": ids, "label": 0, "confusion": confusion, "ceiling": confusion}
    return pd.DataFrame(named | columns)


def metric_of(name, needs, *, higher=True):
    spec = MetricSpec(
        id=name,
        title=name,
        task="segmentation",
        version="1",
        higher_is_better=higher,
        value_range=(0, float("inf")),
        needs=needs,
        factory=f"{__name__}:{name}",
    )
    return Metric(spec, "mine")


def too_many(lesions):
    return {"too_many": float((lesions[:, 1] > lesions[:, 2]).mean())}


def furthest(surfaces, spacing_mm):
    return {"furthest": float((surfaces[:, 0] * spacing_mm).max())}


def broken(lesions):
    raise RuntimeError("no lesion here")


def test_a_plugin_s_metric_of_lesions_has_its_ceiling_and_interval(table):
    (applied,) = score_masks(table, ("tumour",), [metric_of("too_many", "lesions")])
    (value,) = applied.metric_values
    assert (value.value, value.ceiling, value.n) == (0.5, 0.0, 30)
    assert 0 < value.interval[0] < 0.5 < value.interval[1] < 1


def test_a_plugin_s_metric_of_surfaces_is_called_with_distances_and_the_size_of_a_pixel(table):
    (applied,) = score_masks(table, ("tumour",), [metric_of("furthest", "surfaces", higher=False)])
    assert [(value.value, value.ceiling) for value in applied.metric_values] == [(33 / 2, 0.5)]


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (metric_of("broken", "lesions"), "RuntimeError: no lesion here"),
        (metric_of("too_many", "attention"), "it needs attention, which a segmenter does not have"),
    ],
)
def test_what_gives_no_value_says_why_and_costs_the_others_nothing(table, metric, reason):
    first, second = score_masks(table, ("tumour",), [metric, metric_of("too_many", "lesions")])
    assert (first.metric_values, first.reason) == ((), reason)
    assert second.metric_values[0].value == 0.5


def test_kinds_of_one_lesion_have_one_distance(table):
    three = np.zeros((3, 3), int) + np.diag([90, 5, 5])
    kinds = table.assign(confusion=[three.ravel().tolist()] * 30, ceiling=[three.ravel().tolist()] * 30)
    (applied,) = score_masks(kinds, ("disc", "square"), [metric_of("furthest", "surfaces")], lesions=True)
    assert [value.name for value in applied.metric_values] == ["furthest"]
