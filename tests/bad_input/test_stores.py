"""A store or a record that cannot be read is named and left as it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tumorbench.contracts.record import SCHEMA_VERSION

RUN = ("run", "-d", "tiny-shapes", "-m", "tiny-classifier", "--protocol", "grouped", "--no-throughput")

GARBAGE = "cannot be read as a record (Expecting value: line 1 column 1 (char 0)); delete it to run its cell again"

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


def nested(text: str) -> str:
    return "[" * 100_000


def half(text: str) -> str:
    return text[: len(text) // 2]


def newer(text: str) -> str:
    return json.dumps(json.loads(text) | {"schema_version": 99})


def other_status(text: str) -> str:
    return json.dumps(json.loads(text) | {"status": "fine"})


def undefined(text: str) -> str:
    return json.dumps(json.loads(text) | {"temperature": float("nan")})


DAMAGES = [
    (lambda text: "}garbage{", "cannot be read as a record"),
    (half, "cannot be read as a record"),
    (nested, "cannot be read as a record (it is nested more than 50 deep); delete it"),
    (undefined, "cannot be read as a record (it holds NaN,"),
    (lambda text: "[]", "is no valid record"),
    (other_status, "is no valid record (status:"),
    (newer, f"has schema version 99, this tumorbench reads up to {SCHEMA_VERSION}; install a newer tumorbench"),
]


@pytest.mark.parametrize(("damage", "line"), DAMAGES)
def test_the_damaged_record_that_was_asked_for_is_named_and_left_as_it_is(tumorbench, record, damage, line):
    key, damaged = record.parent.name.rpartition("-")[2], damage(record.read_text())
    record.write_text(damaged)
    result = tumorbench("show", key)
    assert (result.code, result.out) == (2, "")
    assert line in result.err
    assert result.err.count("record.json") == len(result.err.splitlines()) == 1
    assert record.read_text() == damaged


@pytest.fixture
def beside(record) -> Path:
    """A damaged record in the store, beside the finished one."""
    path = record.parents[1] / "grouped-fold3-seed0-quick-0123456789ab/record.json"
    path.parent.mkdir()
    path.write_text("garbage")
    return path


@pytest.mark.parametrize(
    "command",
    [
        RUN,
        ("plan", *RUN[1:-1]),
        ("plan", *RUN[1:-1], "--json"),
        ("leaderboard",),
        ("publish",),
        ("rescore",),
        ("compare", "tiny-classifier", "tiny-segmenter"),
        ("status",),
    ],
    ids=" ".join,
)
def test_a_damaged_record_is_named_in_one_line_and_stops_no_other(tumorbench, beside, command):
    result = tumorbench(*command)
    assert result.code == 1
    named = [line for line in result.err.splitlines() if line.startswith("tumorbench: ")]
    assert named == [f"tumorbench: {beside.relative_to(Path.cwd())} {GARBAGE}"]
    assert result.out
    assert beside.read_text() == "garbage"


@pytest.mark.usefixtures("record")
def test_a_damaged_throughput_record_is_named_and_stops_no_other(tumorbench, tiny):
    path = tiny / "runs/throughput/tiny-classifier-tiny-shapes-0123456789ab.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text("garbage")
    result = tumorbench("leaderboard")
    assert result.code == 1
    assert result.err == f"tumorbench: {path.relative_to(tiny)} {GARBAGE}\n"
    assert "runs/boards/classification.md" in result.out


@pytest.mark.usefixtures("beside")
def test_a_record_is_shown_whatever_is_damaged_beside_it(tumorbench, record):
    result = tumorbench("show", record.parent.name.rpartition("-")[2])
    assert (result.code, result.err) == (0, "")


def test_a_folder_where_a_record_should_be_is_named(tumorbench, record):
    path = record.parents[1] / "grouped-fold3-seed0-quick-0123456789ab/record.json"
    path.mkdir(parents=True)
    result = tumorbench("leaderboard")
    assert result.code == 1
    assert result.err.endswith(
        "record.json cannot be read as a record (it is a folder); delete it to run its cell again\n"
    )


@pytest.mark.parametrize(("more", "code"), [((), 2), (("--seeds", "2"), 1)], ids=["alone", "with another"])
def test_a_cell_whose_record_is_damaged_is_not_computed_and_its_record_stays(tumorbench, record, more, code):
    record.write_text("garbage")
    result = tumorbench(*RUN, *more)
    assert (result.code, "epoch" in result.err) == (code, bool(more))
    assert f"{record.relative_to(Path.cwd())} {GARBAGE}" in result.err
    assert record.read_text() == "garbage"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("leaderboard",), "the store runs does not exist; tumorbench run makes one"),
        (("leaderboard", "--check"), "the store runs does not exist; tumorbench run makes one"),
        (("leaderboard", "--store", "nowhere"), "the store nowhere does not exist; tumorbench run makes one"),
        (
            ("leaderboard", "--published", "there"),
            "the store there/results does not exist; tumorbench publish makes one",
        ),
        (("leaderboard", "--published", "there", "--store", "runs"), "--store and --published were both given"),
        (("publish",), "the store runs does not exist; tumorbench run makes one"),
        (("verify",), "the store leaderboards/results does not exist; tumorbench publish makes one"),
    ],
)
def test_where_there_is_no_record_nothing_is_made_and_one_line_says_so(tumorbench, tiny, arguments, line):
    before = sorted(tiny.rglob("*"))
    result = tumorbench(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"tumorbench: {line}")
    assert len(result.err.splitlines()) == 1
    assert sorted(tiny.rglob("*")) == before
