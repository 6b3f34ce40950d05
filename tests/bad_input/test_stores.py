"""A store or a record that cannot be read is named and left as it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tumorbench.contracts.record import SCHEMA_VERSION

RUN = ("run", "-d", "tiny-shapes", "-m", "tiny-classifier", "--protocol", "grouped", "--no-throughput")

pytestmark = pytest.mark.usefixtures("tiny")


@pytest.mark.parametrize(
    "command",
    [RUN, ("plan", *RUN[1:-1]), ("bench", "-d", "tiny-shapes", "-m", "tiny-classifier")],
    ids=lambda command: command[0],
)
def test_a_file_where_the_store_should_be_is_named(refusal, tiny, command):
    (tiny / "runs").write_text("mine")
    assert refusal(*command) == "the store runs cannot be used (it is not a folder); give another with --store DIR"
    assert (tiny / "runs").read_text() == "mine"


@pytest.mark.parametrize("command", ["show", "leaderboard", "compare", "replay", "publish"])
def test_a_file_where_a_store_to_read_should_be_is_named(tumorbench, tiny, command):
    (tiny / "runs").write_text("mine")
    arguments = {"compare": ("tiny-classifier", "tiny-slow"), "show": ("0",), "replay": ("0",)}.get(command, ())
    result = tumorbench(command, *arguments, "--store", "runs")
    assert (result.code, result.err) == (
        2,
        "tumorbench: the store runs cannot be used (it is not a folder); give another with --store DIR\n",
    )


@pytest.fixture(scope="module")
def once(tmp_path_factory) -> Path:
    """Where the store of the one finished cell is kept between tests."""
    return tmp_path_factory.mktemp("once") / "runs"


@pytest.fixture
def record(tumorbench, tiny, once) -> Path:
    """The record of a finished cell."""
    if not once.exists():
        assert tumorbench(*RUN).code == 0
        shutil.copytree("runs", once)
    shutil.copytree(once, "runs", dirs_exist_ok=True)
    return next(tiny.glob("runs/cells/**/record.json"))


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda text: "}garbage{", "cannot be read as a record"),
        (lambda text: text[: len(text) // 2], "cannot be read as a record"),
        (lambda text: "[]", "is no valid record"),
        (
            lambda text: text.replace('"status": "ok"', '"status": "fine"', 1).replace(
                '"status":"ok"', '"status":"fine"', 1
            ),
            "is no valid record (status:",
        ),
        (
            lambda text: json.dumps(json.loads(text) | {"schema_version": 99}),
            f"has schema version 99, this tumorbench reads up to {SCHEMA_VERSION}; install a newer tumorbench",
        ),
    ],
    ids=["garbage", "half", "list", "value", "newer"],
)
@pytest.mark.parametrize(
    "command", [RUN, ("leaderboard", "--store", "runs"), ("show", "0")], ids=lambda command: command[0]
)
def test_an_unreadable_record_is_named_and_left_as_it_is(tumorbench, record, damage, line, command):
    damaged = damage(record.read_text())
    record.write_text(damaged)
    result = tumorbench(*command)
    assert result.code == 2
    assert line in result.err
    assert "record.json" in result.err.splitlines()[-1]
    assert result.err.count("tumorbench: ") == 1
    assert record.read_text() == damaged


def test_an_unreadable_record_is_told_before_anything_is_computed(tumorbench, record):
    record.write_text("garbage")
    result = tumorbench(*RUN[:-1], "--fold", "1", "--no-throughput")
    assert (result.code, "epoch" in result.err) == (2, False)
    assert "cannot be read as a record" in result.err
