"""The process of an observer hands over what it is told, in order; the documents' own observer is one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from observed_cells import ENTRIES, observed_cell, record_of

import tumorbench as tb
from tumorbench.run.observing.host import serve

PAGE = Path(__file__).parents[3] / "docs/observers.md"


@pytest.fixture
def cell(tmp_path):
    return observed_cell(tmp_path)


def lines_about(cell):
    """What a run says of the cell, as the process reads it."""
    described = {name: getattr(cell, name) for name in ("key", "model_title", "dataset_title", "command")}
    yield {"event": "begin", "identity": cell.identity.model_dump(mode="json"), "folder": str(cell.folder), **described}
    yield from ({"event": "epoch", "key": cell.key, "entry": entry} for entry in ENTRIES)
    yield {"event": "end", "key": cell.key, "record": record_of(cell).model_dump(mode="json")}


def test_an_observer_gets_back_the_cell_its_epochs_and_its_record(cell):
    told = []

    class Observer:
        def __getattr__(self, name):
            return lambda *given: told.append((name, *given))

    serve(Observer(), map(json.dumps, lines_about(cell)))
    epochs = [("epoch", cell, entry) for entry in ENTRIES]
    assert told == [("begin", cell), *epochs, ("end", cell, record_of(cell)), ("close",)]


def test_the_documents_observer_keeps_its_diary(cell, tmp_path, monkeypatch):
    (code,) = re.findall(r"^```python\n(# my_observers.py\n.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "my_observers.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    module = __import__("my_observers")
    (card,) = module.tumorbench_observers()
    assert card.factory == "my_observers:Diary"
    serve(module.Diary(tb.ObserverSettings(tmp_path)), map(json.dumps, lines_about(cell)))
    first, *epochs, last = (tmp_path / "diary.txt").read_text().splitlines()
    assert (first, last) == (cell.command, "some-net ok")
    assert epochs == [f"some-net {entry}" for entry in ENTRIES]
