"""A mark says how one record was checked, as it was then; boards show it, and a record that is changed has none."""

import json
import re
import shutil

import pytest
from published_cells import copy_quick_cells

from tumorbench.boards import render_boards
from tumorbench.errors import BadInput
from tumorbench.publish.marks import CHECKS, Marks
from tumorbench.publish.sampling import draw
from tumorbench.store import Store, read_record
from tumorbench.tables.inputs import BoardCards, LocatedRecord


@pytest.fixture
def store(tmp_path) -> Store:
    """A store with two published records."""
    return Store(copy_quick_cells(tmp_path, "figshare3064/pose-cnn", "figshare3064/pose-unet"))


def records_of(store: Store) -> list:
    return [record for _, record in store.records()]


def test_a_mark_is_read_back_and_names_the_record_and_its_predictions(store):
    marks, (first, *_) = Marks(store), records_of(store)
    marks.add(first, "verified")
    marks.write(records_of(store))
    assert Marks.read(store).levels(first) == ["verified"]
    (levels,) = json.loads((store.root / CHECKS).read_text()).values()
    assert levels["verified"]["predictions"] == next(
        each.sha256 for each in first.artifacts if each.kind == "predictions"
    )


def test_a_mark_that_is_set_again_keeps_its_time_and_the_levels_go_from_the_least_to_the_most(store):
    marks, (first, *_) = Marks(store), records_of(store)
    marks.add(first, "replayed")
    marks.add(first, "verified")
    before = marks.marks[first.cell_key]["replayed"]
    marks.add(first, "replayed")
    assert marks.marks[first.cell_key]["replayed"] is before
    assert marks.levels(first) == ["verified", "replayed"]


@pytest.mark.parametrize("change", [{"temperature": 9.0}, {"artifacts": ()}], ids=["a number", "its files"])
def test_a_record_that_is_changed_has_no_mark(store, change):
    marks, (first, *_) = Marks(store), records_of(store)
    marks.add(first, "replayed")
    assert marks.levels(first.model_copy(update=change)) == []


def test_marks_of_records_that_are_gone_are_not_written(store):
    marks, (first, second, *_) = Marks(store), records_of(store)
    for record in (first, second):
        marks.add(record, "verified")
    marks.write([second])
    assert set(json.loads((store.root / CHECKS).read_text())) == {second.cell_key}


@pytest.mark.parametrize("text", ["[]", '{"a": {"believed": {}}}', '{"a": 1}', "{"])
def test_a_damaged_file_of_marks_is_named(store, text):
    (store.root / CHECKS).write_text(text)
    with pytest.raises(BadInput, match=CHECKS):
        Marks.read(store)


def test_boards_say_how_each_row_was_checked_and_nothing_where_none_was(store):
    located = [LocatedRecord(record, path.as_posix()) for path, record in store.records()]
    assert "checked" not in render_boards(located, [], BoardCards())["figshare3064.md"]
    marked = [
        LocatedRecord(cell.record, cell.path, "replayed" if number == 0 else "") for number, cell in enumerate(located)
    ]
    page = render_boards(marked, [], BoardCards())["figshare3064.md"].partition("\n## Segmentation")[0]
    last = [line.strip("|").split("|")[-1].strip() for line in page.splitlines() if "(`pose-cnn` " in line]
    assert (set(last), last.count("replayed")) == ({"not checked", "replayed"}, 1)


def test_a_sample_is_the_same_for_its_seed_and_begins_with_what_was_never_run_again(store):
    marks, records = Marks(store), records_of(store)
    assert draw(records, 2, 7, marks) == draw(list(reversed(records)), 2, 7, marks)
    assert {draw(records, 1, seed, marks)[0].cell_key for seed in range(20)} == {each.cell_key for each in records}
    last = records[-1]
    for record in records[:-1]:
        marks.add(record, "replayed")
    assert {draw(records, 1, seed, marks)[0].cell_key for seed in range(5)} == {last.cell_key}
    assert len(draw(records, 99, 0, marks)) == len(records)


@pytest.mark.parametrize(("n", "there"), [(0, True), (-1, True), (1, False)])
def test_a_sample_of_nothing_is_refused(store, n, there):
    with pytest.raises(BadInput):
        draw(records_of(store) if there else [], n, 0, Marks(store))


@pytest.mark.usefixtures("tiny")
def test_publishing_marks_what_verify_leaves_nothing_open_of(published, path_of, tumorbench, tmp_path, monkeypatch):
    monkeypatch.setenv("TINY_SPLITS", str(tmp_path / "splits.json"))
    monkeypatch.delenv("TINY_SPLITS")
    assert not (published / CHECKS).exists()  # the card lists no split
    assert tumorbench("data", "splits", "tiny-shapes", "--out", "splits.json").code == 0
    monkeypatch.setenv("TINY_SPLITS", str(tmp_path / "splits.json"))
    assert tumorbench("publish").code == 0
    marks = Marks.read(Store(published))
    assert marks.levels(read_record(path_of(published))) == ["verified"]
    assert marks.levels(read_record(path_of(published, "tiny-artist"))) == []
    assert re.search(r"\| verified +\|", (published.parent / "tiny-shapes.md").read_text())
    assert tumorbench("verify").code == 0


@pytest.mark.usefixtures("tiny")
def test_verify_with_data_marks_what_it_confirms_and_refuses_a_false_mark(published, path_of, tumorbench):
    artist = read_record(path_of(published, "tiny-artist"))
    assert tumorbench("verify", "--data", "--mark").code == 0
    assert Marks.read(Store(published)).levels(artist) == ["with data"]
    assert "| with data |" in (published.parent / "tiny-shapes.md").read_text()
    marks = Marks(Store(published))
    marks.add(artist, "verified")
    marks.write([artist])
    tumorbench("leaderboard", "--published", "leaderboards")
    result = tumorbench("verify")
    assert result.code == 1
    assert "checks.json: it says that " in result.err
    assert "was verified without data, and that leaves open " in result.err


@pytest.mark.usefixtures("tiny")
def test_a_sample_that_is_run_again_and_gives_the_same_is_marked(published, path_of, tumorbench):
    for path in published.glob("cells/tiny-shapes/*/*/record.json"):
        if path != path_of(published):
            shutil.rmtree(path.parent)
    replayed = tumorbench("replay", "--sample", "3", "--seed", "7", "--store", published, "--mark", "--json")
    assert replayed.code == 0, replayed.err
    record = read_record(path_of(published))
    assert [each["cell_key"] for each in json.loads(replayed.out)] == [record.cell_key]
    assert Marks.read(Store(published)).levels(record) == ["replayed"]


@pytest.mark.parametrize("arguments", [(), ("0123", "--sample", "1")])
def test_replay_takes_a_cell_or_a_sample(tumorbench, arguments):
    result = tumorbench("replay", *arguments)
    assert result.code == 2
    assert "give one cell, or --sample N" in result.err
