"""Accuracy on clean and on leaked test slices, from the table of predictions alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tumorbench import registry
from tumorbench.tasks.scores.instruments import metrics_of
from tumorbench.tasks.scores.scoring import score_classes

CLASSES = ("a", "b")


def table(leaked: list[str] | None) -> pd.DataFrame:
    """Ten times five slices: of the first two, one is right; of the other three, all but the last."""
    labels, predicted = np.tile([0, 1, 0, 1, 1], 10), np.tile([0, 0, 0, 1, 0], 10)
    content = {
        "sample_id": [str(number) for number in range(50)],
        "group": [f"p{number // 2}" for number in range(50)],
        "cluster": [f"patient:p{number // 2}" for number in range(50)],
        "label": labels,
        "predicted": predicted,
        "p/a": np.where(predicted == 0, 0.9, 0.2),
        "p/b": np.where(predicted == 0, 0.1, 0.8),
    }
    return pd.DataFrame(content if leaked is None else content | {"leaked": leaked * 10})


def scores(leaked: list[str] | None) -> dict:
    metrics = [
        metric for metric in metrics_of(registry.find(), "classification") if metric.spec.id.startswith("accuracy")
    ]
    found = score_classes(table(leaked), CLASSES, metrics)
    assert not any(each.reason for each in found)
    return {value.name: value for each in found for value in each.metric_values}


def test_clean_and_leaked_slices_are_scored_apart_each_with_its_number():
    found = scores(["", "", "identical", "near-identical", "patient"])
    assert {name: (value.value, value.n) for name, value in found.items()} == {
        "accuracy": (pytest.approx(3 / 5), 50),
        "accuracy_clean": (pytest.approx(1 / 2), 20),
        "accuracy_leaked": (pytest.approx(2 / 3), 30),
    }
    assert all(value.interval is not None for value in found.values())


@pytest.mark.parametrize("leaked", [None, [""] * 5])
def test_where_none_leaked_or_the_table_does_not_say_there_is_no_such_value(leaked):
    assert set(scores(leaked)) == {"accuracy"}


def test_where_every_slice_leaked_accuracy_on_clean_ones_is_undefined():
    found = scores(["patient"] * 5)
    assert (found["accuracy_clean"].value, found["accuracy_clean"].n) == (None, 0)
    assert found["accuracy_leaked"].value == pytest.approx(3 / 5)
