"""Observers are told what happens to each cell, in its order; whatever one does, the run goes on as without it."""

from __future__ import annotations

import json
import time

import pytest

from tumorbench.run.observing import feeds

pytestmark = pytest.mark.usefixtures("tiny")
PLUGIN = """
import json, os, sys, time
import tumorbench as tb

KINDS = ("diary", "raising", "failing", "printing", "hanging", "quitting", "deaf")

@tb.hookimpl
def tumorbench_observers():
    for name in KINDS:
        yield tb.ObserverSpec(id=name, title=name, factory=f"observers_module:{name.title()}")


class Diary:
    def __init__(self, settings):
        self.file = open(settings.where or settings.store / "diary.jsonl", "a", buffering=1)

    def write(self, what, cell=None, **more):
        self.file.write(json.dumps({"what": what, "model": cell and cell.identity.model, **more}) + "\\n")

    def begin(self, cell):
        self.write("begin", cell, command=cell.command, folder=str(cell.folder))

    def epoch(self, cell, entry):
        self.write("epoch", cell, entry=entry)

    def end(self, cell, record):
        self.write("end", cell, status=record.status, history=list(record.history), values=len(record.metrics))

    def close(self):
        self.write("close")


class Raising(Diary):
    def epoch(self, cell, entry):
        raise ZeroDivisionError("a fault of the observer")


class Failing:
    def __init__(self, settings):
        raise tb.BadInput("the server is not there; start it")


class Printing(Diary):
    def epoch(self, cell, entry):
        print("printed by the observer")
        os.write(1, b"written by the observer\\n")


class Hanging(Diary):
    def close(self):
        super().close()
        time.sleep(600)


class Quitting(Diary):
    def begin(self, cell):
        os._exit(3)


class Deaf(Diary):
    def begin(self, cell):
        time.sleep(600)
"""
RUN = ("run", "-d", "tiny-shapes", "--protocol", "grouped", "--no-throughput", "--device", "cpu")


@pytest.fixture
def watched(tumorbench, install_plugin):
    """``run`` of a model with observers."""
    install_plugin("observers", observers_module=PLUGIN)

    def run(*observers, model="tiny-classifier", options=()):
        given = [part for each in observers for part in ("--observe", each)]
        return tumorbench(*RUN, "-m", model, *given, *options)

    return run


def diary(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_an_observer_is_told_of_a_cell_s_begin_each_of_its_epochs_its_record_and_the_end(watched, tiny):
    result = watched("diary")
    assert result.code == 0
    told = diary(tiny / "runs/diary.jsonl")
    assert [each["what"] for each in told] == ["begin", "epoch", "epoch", "epoch", "end", "close"]
    begin, *epochs, end, _ = told
    assert begin["command"].startswith("tumorbench run -d tiny-shapes -m 'tiny-classifier'")
    assert (end["status"], end["history"]) == ("ok", [each["entry"] for each in epochs])
    assert end["values"] > 0
    assert list((tiny / "runs").glob(f"{begin['folder'].partition('runs/')[2]}/record.json"))


def test_epochs_that_end_faster_than_the_lease_is_written_are_told_once_and_in_order(watched, tiny):
    result = watched("diary", options=("--executor", "local", "--threads", "1"))
    told = diary(tiny / "runs/diary.jsonl")
    assert [each["entry"]["epoch"] for each in told if each["what"] == "epoch"] == [1, 2, 3]
    assert [f"  epoch {n}/3: " in result.err for n in (1, 2, 3)] == [True] * 3


def test_a_cell_that_is_cached_is_not_told_and_one_that_fails_is(watched, tiny):
    watched("diary")
    (tiny / "runs/diary.jsonl").unlink()
    watched("diary")
    assert [each["what"] for each in diary(tiny / "runs/diary.jsonl")] == ["close"]
    (tiny / "runs/diary.jsonl").unlink()
    watched("diary", model="tiny-nan")
    assert [(each["what"], each.get("status")) for each in diary(tiny / "runs/diary.jsonl")] == [
        ("begin", None),
        ("end", "failed"),
        ("close", None),
    ]


def test_two_observers_are_told_the_same_each_at_its_own_place(watched, tiny):
    watched(f"diary={tiny / 'one.jsonl'}", f"printing={tiny / 'two.jsonl'}")
    one, two = (diary(tiny / f"{name}.jsonl") for name in ("one", "two"))
    assert [each for each in one if each["what"] != "epoch"] == two


def values(result):
    return [(metric["name"], metric["value"]) for record in json.loads(result.out) for metric in record["metrics"]]


@pytest.mark.parametrize(
    ("observer", "reason"),
    [
        ("raising", "ZeroDivisionError: a fault of the observer"),
        ("failing", "the server is not there; start it"),
        ("quitting", "its process ended with exit code 3"),
        ("hanging", "it did not end within 1 s of the run, and was killed"),
        ("deaf", "it did not end within 1 s of the run, and was killed"),
    ],
)
def test_an_observer_that_goes_wrong_is_told_once_and_changes_nothing(watched, monkeypatch, observer, reason):
    monkeypatch.setattr(feeds, "CLOSE_S", 1.0 if observer in ("hanging", "deaf") else 30.0)
    without = watched(options=("--json", "--store", "without", "--deterministic"))
    begun = time.monotonic()
    result = watched(observer, options=("--json", "--store", "with", "--deterministic"))
    assert result.code == 0
    assert values(result) == values(without) != []
    lines = [line for line in result.err.splitlines() if "observer" in line]
    assert lines == [f"tumorbench: observer {observer}: {reason}; the run goes on without it"]
    assert time.monotonic() - begun < 60


def test_what_an_observer_prints_stands_in_its_log_and_nowhere_else(watched, tiny):
    result = watched("printing", options=("--json",))
    assert "by the observer" not in result.out + result.err
    log = (tiny / "runs/observers/printing.log").read_text()
    assert log.count("printed by the observer") == log.count("written by the observer") == 3


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (("dairy",), "no observer is called 'dairy'; did you mean diary?"),
        (("diary", "diary"), "--observe diary is given twice"),
        (("diary=",), "--observe diary= says no place"),
    ],
)
def test_what_cannot_be_asked_for_is_told_in_one_line_before_anything_runs(watched, given, line):
    result = watched(*given)
    assert (result.code, line in result.err) == (2, True)
    assert "train," not in result.err
