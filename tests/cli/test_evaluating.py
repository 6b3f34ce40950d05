"""``tumorbench evaluate``: a table becomes a record; what does not fit is one line and exit code 2."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest

CLASSES = ("disc", "square", "none")
ASKED = ("-d", "tiny-shapes", "--name", "mine")


@pytest.fixture
def table(tumorbench, tiny):
    """A classifier's predictions of fold 0 that are right in all but every fifth slice."""
    printed = tumorbench("evaluate", "--ids", "-d", "tiny-shapes")
    assert printed.code == 0, printed.err
    rows = list(csv.DictReader(io.StringIO(printed.out)))
    own = np.array([CLASSES.index(row["label"]) for row in rows])
    own[::5] = (own[::5] + 1) % 3
    shares = np.where(own[:, None] == np.arange(3), 0.8, 0.1)
    return pd.DataFrame(
        {"sample_id": [row["sample_id"] for row in rows]}
        | {f"p/{c}": s for c, s in zip(CLASSES, shares.T, strict=True)}
    )


@pytest.fixture
def evaluate(tumorbench, tiny, table):
    """The command on a table; arguments change it first."""

    def call(change=lambda given: given, *arguments):
        change(table).to_parquet("predictions.parquet", index=False)
        return tumorbench("evaluate", "predictions.parquet", *ASKED, *arguments)

    return call


def test_a_table_becomes_a_record_and_stands_on_the_board_in_its_group(evaluate, table, tiny):
    found = evaluate(lambda given: given.sample(frac=1, random_state=1), "--json")
    record = json.loads(found.out)
    accuracy = next(each for each in record["metrics"] if each["name"] == "accuracy")
    wrong = -(-len(table) // 5)
    assert (accuracy["value"], accuracy["n"]) == (pytest.approx(1 - wrong / len(table)), len(table))
    assert (record["identity"]["origin"], record["identity"]["model"]) == ("evaluated", "mine")
    board = (tiny / "runs/boards/classification.md").read_text()
    assert "mine" in board.partition("## Evaluated")[2]
    assert "mine" not in board.partition("## Evaluated")[0]


def test_what_it_prints_names_the_record(evaluate, tumorbench):
    found = evaluate()
    assert "accuracy" in found.out
    key = found.out.rpartition("tumorbench show ")[2].split()[0]
    assert "trained elsewhere and evaluated" in tumorbench("show", key).out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda given: given.assign(sample_id=["nobody", *given["sample_id"][1:]]), "does not test: nobody"),
        (lambda given: pd.concat([given, given[:1]]), "1 slice more than once"),
        (lambda given: given[1:], "lacks 1 of the"),
        (lambda given: given.assign(**{"p/disc": 2.0}), "with a probability that is not from 0 to 1"),
        (lambda given: given.drop(columns="p/none"), "has 2 columns p/CLASS (p/disc, p/square), expected 3"),
    ],
    ids=["wrong ids", "doubled rows", "missing rows", "out of range", "columns"],
)
def test_a_table_that_does_not_fit_is_one_line_with_code_2(evaluate, tiny, change, said):
    found = evaluate(change)
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert said in found.err
    assert not list(tiny.glob("runs/cells/**/record.json"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no data set is named"),
        (("-d", "tiny-shapes"), "give the table of predictions and the model's --name"),
        (("gone.parquet", *ASKED), "is no file"),
        (("gone.parquet", *ASKED, "--task", "detection"), "give one of classification"),
        (("--ids", "-d", "tiny-shapes", "--fold", "9"), "it has 0 to 4"),
    ],
)
def test_what_is_missing_is_one_line_with_code_2(tumorbench, tiny, arguments, said):
    found = tumorbench("evaluate", *arguments)
    assert (found.code, found.err.count("\n")) == (2, 1)
    assert said in found.err


def test_its_help_names_the_columns_of_every_task(tumorbench):
    shown = tumorbench("evaluate", "--help").out
    assert [name for name in ("sample_id", "p/CLASS", "mask_png", "image_png", "label") if name not in shown] == []
