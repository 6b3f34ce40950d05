"""The live table: each cell with its epoch, loss, main value and time left, and a total.

Lines where it is no terminal.
"""

from __future__ import annotations

import io
import re
import sys
from types import SimpleNamespace

import pytest
from rich.console import Console

from tumorbench.cli.live import Board, seconds_as_text

ENTRY = {"epoch": 4.0, "loss": 0.5, "val_loss": 0.75, "val_accuracy": 0.8125, "learning_rate": 1e-3, "wall_s": 9.0}


def cell(number, model="net", epochs=20):
    recipe = SimpleNamespace(epochs=epochs)
    identity = SimpleNamespace(dataset="set", model=model, protocol="grouped", fold=number, seed=0, recipe=recipe)
    return SimpleNamespace(key=f"key{number}", identity=identity)


def record(status="ok", reason="", **metrics):
    values = [SimpleNamespace(name=name, value=value) for name, value in metrics.items()]
    identity = SimpleNamespace(task="classification")
    return SimpleNamespace(status=status, reason=reason, metrics=values, identity=identity)


@pytest.fixture
def clock():
    """Seconds that a test sets."""
    now = SimpleNamespace(s=0.0)
    now.read = lambda: now.s
    return now


def board(clock, cells, **expected_s):
    return Board(SimpleNamespace(cells=cells), expected_s, clock.read)


def drawn(shown, width=120):
    console = Console(file=io.StringIO(), width=width)
    console.print(shown)
    return console.file.getvalue()


def test_a_running_cell_tells_epoch_loss_main_value_and_the_time_that_its_own_epochs_promise(clock):
    cells = [cell(0), cell(1)]
    shown = board(clock, cells)
    shown.begin(cells[0])
    clock.s = 40.0
    shown.beat(cells[0], {"epoch": 4, "epochs": 20, "entry": ENTRY, "training_epoch": 5, "step": 17})
    (row,) = [row for row in shown.shown() if row.state == "running"]
    assert (row.cell, row.at, row.loss, row.main, row.left_s) == (
        "set net grouped",
        "4/20 +17",
        "0.5",
        "val_accuracy 0.8125",
        160.0,
    )


def test_a_cell_that_waits_takes_what_cells_like_it_took_else_what_the_store_tells(clock):
    cells = [cell(0), cell(1), cell(2, model="other")]
    shown = board(clock, cells, key2=300.0)
    assert [shown.left_s(each.key) for each in cells] == [None, None, 300.0]
    assert shown.total() == "0 of 3 cells, 0:00 so far, time left unknown"
    shown.begin(cells[0])
    clock.s = 50.0
    shown.end(cells[0], record(accuracy=0.9), cached=False)
    assert [shown.left_s(each.key) for each in cells] == [0.0, 50.0, 300.0]
    assert shown.total() == "1 of 3 cells, 0:50 so far, about 5:50 left"


def test_the_total_counts_what_was_cached_and_what_failed_and_shares_time_among_those_that_run(clock):
    cells = [cell(number) for number in range(4)]
    shown = board(clock, cells, key2=100.0, key3=100.0)
    shown.end(cells[0], record(accuracy=0.9), cached=True)
    shown.begin(cells[1])
    shown.end(cells[1], record("oom", "no memory"), cached=False)
    shown.begin(cells[2])
    shown.begin(cells[3])
    assert shown.total() == "2 of 4 cells, 1 cached, 1 failed, 0:00 so far, about 1:40 left"


def test_an_ended_cell_tells_its_first_headline_or_its_reason(clock):
    cells = [cell(0), cell(1)]
    shown = board(clock, cells)
    for each, ended in zip(
        cells, (record(own=0.5, f1_macro=0.91234, accuracy=None), record("failed", "it diverged")), strict=True
    ):
        shown.begin(each)
        shown.end(each, ended, cached=False)
    assert [(row.state, row.main) for row in shown.shown()] == [("ok", "f1_macro 0.9123"), ("failed", "it diverged")]


def test_a_table_of_hundreds_of_cells_fits_a_screen_and_shows_what_happens_now(clock):
    cells = [cell(number) for number in range(300)]
    shown = board(clock, cells)
    for each in cells[:100]:
        shown.end(each, record(), cached=True)
    shown.begin(cells[100])
    text = drawn(shown, width=80)
    assert len(text.splitlines()) < 24
    assert max(map(len, text.splitlines())) <= 80
    assert "set net grouped 100" in text
    assert "set net grouped 99 " in text
    assert "100 of 300 cells, 100 cached" in text


def test_a_narrow_terminal_shortens_long_names_and_results_and_nothing_else(clock):
    long = cell(0, model="robles-baseline[batch_size=16,dropout=0.4,learning_rate=0.001096]")
    shown = board(clock, [long, cell(1), cell(2)])
    shown.begin(cell(1))
    shown.end(cell(1), record("failed", "its loss is not a finite number any more: " * 3), cached=False)
    shown.begin(long)
    shown.beat(long, {"epoch": 4, "epochs": 20, "entry": ENTRY, "training_epoch": 5, "step": 17})
    heading, *lines = drawn(shown, width=80).splitlines()
    assert heading.split() == ["cell", "state", "epoch", "loss", "main", "value", "left"]
    assert max(map(len, lines)) <= 80
    (running,) = (line for line in lines if "running" in line)
    assert re.search(r"^set robles-baseline.*… +running +4/20 \+17 +0\.5 +val_accuracy 0\.8125", running)
    assert re.search(r"^set net grouped 1 +failed +0/20 +its loss.*…", "\n".join(lines), re.MULTILINE)


def test_a_name_in_brackets_is_no_markup(clock):
    assert "net[bold]" in drawn(board(clock, [cell(0, model="net[bold]")]))


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0:00"), (75.2, "1:15"), (4000, "1:06:40")])
def test_seconds_are_told_as_a_clock_does(seconds, text):
    assert seconds_as_text(seconds) == text


class Terminal(io.StringIO):
    """A stderr that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_run_shows_the_table_on_a_terminal_and_lines_elsewhere(tumorbench, tiny, monkeypatch):
    given = ("run", "-d", "tiny-shapes", "--protocol", "grouped", "--no-throughput", "--device", "cpu")
    local = ("--executor", "local", "--threads", "1")
    plain = tumorbench(*given, "-m", "tiny-slow", *local).err
    assert [f"  epoch {n}/3: " in plain for n in (1, 2, 3)] == [True] * 3
    assert "time left" not in plain
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setattr(sys, "stderr", Terminal())
    tumorbench(*given, "-m", "tiny-tuned", *local)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sys.stderr.getvalue())
    assert re.search(r"cell +state +epoch +loss +main value +left", text)
    assert re.search(
        r"tiny-shapes tiny-tuned grouped +running +[12]/3( \+\d+)? +[\d.]+ +val_accuracy [\d.]+ +0:0\d", text
    )
    assert "0 of 1 cells, " in text
    assert "  ok in " in text
    assert "epoch 1/3" not in text
