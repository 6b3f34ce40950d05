"""Replicates of a table: the metrics' own values, resampled by cluster."""

import numpy as np
import pandas as pd
import pytest

from tumorbench import registry
from tumorbench.contracts.cards import MetricSpec
from tumorbench.tasks.outlines import Outlines, columns_of_outlines
from tumorbench.tasks.scores.instruments import Metric, metrics_of
from tumorbench.tasks.scores.masks import score_masks
from tumorbench.tasks.scores.replicates import clusters_of, drawn_of_classes, drawn_of_masks
from tumorbench.tasks.scores.scoring import score_classes

CLASSES = ("a", "b", "c")


def classified(n=120, clusters=30, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    odds = rng.gamma(1.0, size=(n, 3))
    odds[np.arange(n), labels] *= 3
    odds /= odds.sum(1, keepdims=True)
    names = [f"p{number % clusters}" for number in range(n)]
    columns = {f"p/{name}": odds[:, place] for place, name in enumerate(CLASSES)}
    shares = {"cam_inside": np.where(rng.random(n) < 0.3, np.nan, rng.random(n)), "cam_chance": 0.1}
    ids = [f"s{number}" for number in range(n)]
    return pd.DataFrame(
        {"sample_id": ids, "cluster": names, "label": labels, "predicted": odds.argmax(1), "temperature": 1.7}
        | columns
        | shares
    )


def segmented(n=60, clusters=20, k=3, seed=0):
    rng = np.random.default_rng(seed)
    confusions = rng.integers(0, 40, (n, k, k)) * (rng.random((n, k, k)) < 0.6)
    confusions[:, 0, 0] += 4000
    confusions[::7, 1:] = 0
    rows = [each.ravel().tolist() for each in confusions]
    surfaces = rng.gamma(2.0, 3.0, (n, 2))
    surfaces[::7] = np.nan
    lesions = np.sort(rng.integers(0, 4, (n, 3)), axis=1)[:, ::-1].tolist()
    outlines = columns_of_outlines(
        *[[Outlines(*pair) for pair in zip(surfaces, lesions, strict=True)]] * 2, rng.choice([0.5, np.nan], n)
    )
    names = [f"p{number % clusters}" for number in range(n)]
    ids = [f"s{number}" for number in range(n)]
    columns = {"sample_id": ids, "cluster": names, "label": 0, "confusion": rows, "ceiling": rows}
    return pd.DataFrame(columns | outlines)


@pytest.fixture(scope="module")
def here():
    return registry.find()


def values_of(applied):
    return {value.name: value for each in applied for value in each.metric_values if value.value is not None}


def test_every_classification_metric_follows_from_sums(here):
    table = classified()
    values = values_of(score_classes(table, CLASSES, metrics_of(here, "classification")))
    drawn = drawn_of_classes(table, CLASSES)
    assert {name: value.value for name, value in values.items()} == pytest.approx(
        {name: drawn.observed[name] for name in values}, rel=1e-9
    )


@pytest.mark.parametrize("lesions", [False, True])
def test_every_segmentation_metric_follows_from_sums(here, lesions):
    table = segmented()
    values = values_of(score_masks(table, ("x", "y"), metrics_of(here, "segmentation"), lesions=lesions))
    drawn = drawn_of_masks(table, ("x", "y"), lesions=lesions)
    assert {"dice/x", "hd95", "surface_distance_mm", "lesion_recall"} <= set(values)
    assert {name: value.value for name, value in values.items()} == pytest.approx(
        {name: drawn.observed[name] for name in values}, rel=1e-9
    )


def test_a_replicate_is_the_metric_of_the_drawn_rows(here):
    table = classified()
    clusters, drawn = clusters_of(table), drawn_of_classes(table, CLASSES)
    rows = clusters.rows_of_draw(clusters.weights()[7])
    values = values_of(score_classes(table.iloc[rows], CLASSES, metrics_of(here, "classification")))
    named = ("balanced_accuracy", "f1_macro", "cross_entropy_scaled", "ece", "precision/b", "cam_in_mask")
    for name in (*named, "auroc", "auroc/c", "average_precision", "average_precision/a", "mcc", "cohen_kappa"):
        assert drawn.draws[name][7] == pytest.approx(values[name].value)


def test_every_value_has_an_interval_that_holds_it(here):
    found = values_of(score_classes(classified(), CLASSES, metrics_of(here, "classification")))
    assert all(value.interval[0] < value.value < value.interval[1] for value in found.values())


def test_slices_of_one_patient_make_it_wider():
    table = classified(200, 200)
    alike = pd.concat([table] * 5).assign(sample_id=[f"s{n}" for n in range(1000)])
    own = alike.assign(cluster=alike["sample_id"])
    spread, as_if_alone = (drawn_of_classes(each, CLASSES).draws["accuracy"].std() for each in (alike, own))
    assert spread == pytest.approx(5**0.5 * as_if_alone, rel=0.15)


def half_right(labels, probabilities, classes):
    return {"half_right": float((probabilities.argmax(1) == labels).mean() / 2)}


def test_a_metric_of_a_plugin_is_called_for_each_replicate():
    spec = MetricSpec(
        id="half_right",
        title="Half of the right ones",
        task="classification",
        version="1",
        higher_is_better=True,
        value_range=(0, 1),
        factory=f"{__name__}:half_right",
    )
    table = classified()
    (value,) = values_of(score_classes(table, CLASSES, [Metric(spec, "mine")])).values()
    whole = drawn_of_classes(table, CLASSES)
    low, high = whole.interval("accuracy", whole.observed["accuracy"], (0, 1))
    assert value.interval == pytest.approx((low / 2, high / 2), abs=0.04)


def test_an_older_table_is_clustered_by_patient_and_else_by_slice():
    table = pd.DataFrame({"sample_id": ["x", "y", "z", "z#copy-1"], "group": ["p", "p", "", None]})
    assert clusters_of(table).names == ("p", "sample:z")
