"""``tumorbench export``: the same values in four formats."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

import tumorbench as tb


@pytest.fixture
def finished(tiny):
    """A store with a classifier on two folds: one that was trained elsewhere, which costs no training here."""
    for fold in (0, 1):
        rng = np.random.default_rng(fold)
        tb.evaluate(lambda images, rng=rng: rng.random((len(images), 3)), dataset="tiny-shapes", name="a", fold=fold)
    return tiny


def test_every_format_has_the_same_values(tumorbench, finished):
    one = ("--metric", "accuracy")
    text = tumorbench("export", *one).out
    rows = pd.read_csv(io.StringIO(text))
    assert (rows.metric.unique().tolist(), rows.fold.tolist()) == (["accuracy"], [0, 1])
    assert [
        row["value"] for row in json.loads(tumorbench("export", *one, "--format", "json").out)
    ] == rows.value.tolist()
    assert tumorbench("export", *one, "--format", "parquet", "--out", "t.parquet").out == "t.parquet\n"
    assert pd.read_parquet("t.parquet").value.tolist() == rows.value.tolist()
    latex = tumorbench("export", *one, "--format", "latex").out
    assert latex.startswith(r"\begin{tabular}")
    assert f"{rows.value.mean():.4f} ± {rows.value.std():.4f}" in latex


def test_json_has_no_number_that_is_none(tumorbench, finished):
    text = tumorbench("export", "--format", "json").out
    assert {row["real_vs_real"] for row in json.loads(text, parse_constant=pytest.fail)} == {None}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "xml"), "give one of csv, parquet, json, latex"),
        (("--format", "parquet"), "name it with --out FILE"),
        (("--metric", "beauty"), "no record has the metric beauty; there are accuracy"),
        (("--store", "nowhere"), "the store nowhere has no record"),
        (("--store", "a", "--published", "b"), "both given"),
        (("--out", "nowhere/t.csv"), "cannot be written"),
    ],
)
def test_what_cannot_be_exported_is_one_line_with_code_2(tumorbench, finished, arguments, said):
    found = tumorbench("export", *arguments)
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert said in found.err
