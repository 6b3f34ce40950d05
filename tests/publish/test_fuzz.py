"""Whatever somebody made of a record: it is read or refused, checked and rendered, and never ends in a traceback."""

import copy
import json
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from published_cells import RESULTS, copy_quick_cells, quick_cells

from tumorbench import registry
from tumorbench.cli.pages import boards_of
from tumorbench.contracts.record import Record
from tumorbench.errors import BadInput
from tumorbench.publish.verify import check_records
from tumorbench.store import Store, find_record, read_record

SOURCES = ("figshare3064/pose-cnn", "figshare3064/pose-unet", "kaggle3264/robles-cvae")
LONGEST_S = 20.0  # for one record on a busy machine


def _nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


ODD = st.one_of(
    st.sampled_from([
        None, True, False, 0, -1, 1, 7, 10**30, -(10**200), 1e300, -1e-300, float("nan"), float("inf"), "", "ok", "failed",
        "grouped", "tstr", "paper", "quick", "full", "generation", "segmentation", "\ud800", "\x1b[2J", "\x00", "../../up",
        "/etc/passwd", "a" * 5000, "|`<b>\n#", "kid[", "dice/", "kid[x]/y", [], {}, [[]], [[1]], {"a": {}}, "predictions.parquet",
    ]),
    st.integers(40, 900).map(_nested),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.integers(-3, 3), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)  # fmt: skip


def _places(content: object, at: tuple = ()) -> list[tuple]:
    """Every place in the content, as the keys that lead to it."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [at, *(place for key, value in inner for place in _places(value, (*at, key)))]


@pytest.fixture(scope="module")
def originals():
    """The records of some published cells, by their paths."""
    paths = [cell / "record.json" for source in SOURCES for cell in quick_cells(source)]
    return {path: json.loads(path.read_text()) for path in paths}


@st.composite
def changes(draw, of: dict) -> str:
    """The text of a record in which one to three places were changed, removed, or given something more."""
    content = copy.deepcopy(of)
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from([place for place in _places(content) if place] or [("a",)]))
        holder = content
        for key in way:
            holder = holder[key]
        match draw(st.sampled_from(["set", "set", "set", "remove", "add", "twice"])):
            case "remove":
                del holder[last]
            case "add" if isinstance(holder, dict):
                holder[draw(st.text(max_size=5))] = draw(ODD)
            case "twice" if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[last]))
            case _:
                holder[last] = draw(ODD)
    return json.dumps(content)


def place_of(store: Path, original: Path) -> Path:
    return store / original.relative_to(RESULTS)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with those cells and their splits."""
    return copy_quick_cells(tmp_path_factory.mktemp("fuzz") / "results", *SOURCES)


@pytest.fixture(scope="module")
def installed():
    return registry.find()


def used(store: Path, changed: Path, installed) -> None:
    """The changed record is read as the commands read it; what they would print can be printed."""
    began = time.monotonic()
    place = Store(store)
    located = [(path, record) for path, record in place.records() if path == changed]
    assert set(place.damaged) <= {changed}
    assert len(located) + len(place.damaged) == 1
    lines = [
        line
        for each in check_records(located, installed).values()
        for line in (*each.problems, *each.left_open, *each.unchecked)
    ]
    lines += [*place.damaged.values(), *boards_of(place, store.parent, installed).values()]
    "\n".join(lines).encode()
    for _, record in located:
        assert Record.model_validate_json(record.model_dump_json()) == record
    assert time.monotonic() - began < LONGEST_S


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_changed_record_is_read_or_refused_and_never_a_traceback(data, store, originals, installed):
    original = data.draw(st.sampled_from(sorted(originals)))
    changed = place_of(store, original)
    changed.write_text(data.draw(changes(originals[original])))
    try:
        used(store, changed, installed)
    finally:
        shutil.copyfile(original, changed)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_file_of_any_bytes_is_read_or_refused(data, tmp_path_factory, originals):
    whole = min(originals).read_bytes()
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(whole)), st.integers(0, len(whole)))))
    path = tmp_path_factory.mktemp("bytes") / "record.json"
    path.write_bytes(whole[:start] + data.draw(st.binary(max_size=20)) + whole[end:])
    try:
        assert read_record(path).cell_key
    except BadInput as refused:
        assert str(path) in str(refused)  # noqa: PT017 - most are refused, some are not


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "nested more than 50 deep"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested more than 50 deep"),
        ("[" * 60 + "]" * 60, "nested more than 50 deep"),
        ('{"a": NaN}', "NaN"),
        ('{"a": 1e999}', "an infinity"),
        (f'{{"a": {"9" * 5000}}}', "cannot be read as a record"),
        ('{"a": "\\ud800"}', "half of a character"),
        ("", "cannot be read as a record"),
    ],
)
def test_what_no_reader_can_hold_is_refused_with_the_reason(tmp_path, text, reason):
    path = tmp_path / "record.json"
    path.write_text(text)
    with pytest.raises(BadInput) as refused:
        read_record(path)
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 500 + len(str(path))


def test_a_record_that_was_asked_for_is_found_without_reading_any_other(store, originals):
    asked, *others = sorted(originals)
    for other in others:
        place_of(store, other).write_text("damaged")
    try:
        path, record = find_record(Store(store), originals[asked]["cell_key"][:20])
    finally:
        for other in others:
            shutil.copyfile(other, place_of(store, other))
    assert (path, record.cell_key) == (place_of(store, asked), originals[asked]["cell_key"])
