"""The form in which records are published says what the store says, and whatever is changed in it is found out."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from published_cells import RESULTS

from tumorbench import registry
from tumorbench.errors import BadInput
from tumorbench.publish.forms import record_text, stage_table
from tumorbench.publish.splits import split_ids, write_split
from tumorbench.publish.verify import check_records
from tumorbench.store import Store, read_record
from tumorbench.tables.compact import compacted
from tumorbench.tables.stored import column_names, facts_file, facts_sha256, read_stored
from tumorbench.tasks.predictions import png_of

CELL = Path("cells/figshare3064/pose-cnn")
SPLIT = "splits/figshare3064/grouped-fold0-*.json"
NO_SPLIT = "is the split that its identity names"


@pytest.fixture(scope="module")
def installed():
    return registry.find()


@pytest.fixture
def path(tmp_path) -> Path:
    """The only record of a store: a published one."""
    source = next(RESULTS.glob(f"{CELL}/grouped-fold0-*-quick-*"))
    shutil.copytree(source, tmp_path / source.relative_to(RESULTS))
    shutil.copytree(RESULTS / "splits/figshare3064", tmp_path / "splits/figshare3064")
    return tmp_path / source.relative_to(RESULTS) / "record.json"


@pytest.fixture
def faults(path, tmp_path, installed):
    def check() -> list[str]:
        (found,) = check_records(list(Store(tmp_path).records()), installed).values()
        return found.problems

    return check


def renamed(path: Path) -> None:
    """The record names its predictions by the hash that they have now."""
    record = json.loads(path.read_text())
    sha256 = hashlib.sha256((path.parent / "predictions.parquet").read_bytes()).hexdigest()
    artifacts = [each | {"sha256": sha256} if each["kind"] == "predictions" else each for each in record["artifacts"]]
    path.write_text(json.dumps(record | {"artifacts": artifacts}))


def written(path: Path, table: pd.DataFrame) -> Path:
    """The table stands beside the record in its compact form. Returns the place of its facts."""
    file, found = path.parent / "predictions.parquet", compacted(table)
    file.write_bytes(found.table)
    facts = facts_file(file, found.facts_sha256)
    facts.write_bytes(found.facts)
    renamed(path)
    return facts


def with_rows(path: Path, rows) -> None:
    """The table names these lines of its facts, and the record its hash."""
    file = path.parent / "predictions.parquet"
    import pyarrow as pa
    from pyarrow import parquet

    table, metadata = parquet.read_table(file), parquet.read_metadata(file).metadata
    table = table.set_column(0, "row", pa.array(rows(table["row"].to_numpy().copy()), pa.int32()))
    with parquet.ParquetWriter(file, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"tumorbench": metadata[b"tumorbench"].decode()})
    renamed(path)


def masks() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    pictures = [np.zeros((5, 7), np.uint8), np.full((3, 4), 2, np.uint8), rng.integers(0, 4, (6, 5)).astype(np.uint8)]
    return pd.DataFrame(
        {
            "sample_id": ["a", "b", "a"],
            "label": [0, 1, 0],
            "confusion": [[1, 2, 3, 4], [0, 0, 0, 1], [9, 9, 9, 9]],
            "surfaces": [[1.5, np.nan], [0.1, 1 / 3], [2.0, 0.0]],
            "mask_png": [png_of(picture) for picture in pictures],
            "p/x": np.array([0.1, np.nan, 1 / 3], np.float32),
        }
    )


def stored(table: pd.DataFrame, folder: Path) -> Path:
    file = folder / "cells/set/model/cell/predictions.parquet"
    file.parent.mkdir(parents=True)
    table.to_parquet(file, index=False)
    return file


def test_a_compact_table_is_read_as_the_one_it_was_made_of(tmp_path):
    source = stored(masks(), tmp_path / "one")
    target = tmp_path / "other/cells/set/model/cell/predictions.parquet"
    target.parent.mkdir(parents=True)
    stage_table(source, target)
    assert facts_sha256(target)
    assert column_names(target) == list(masks())
    pd.testing.assert_frame_equal(
        read_stored(target, [name for name in masks() if name != "mask_png"]),
        read_stored(source, [name for name in masks() if name != "mask_png"]),
        check_exact=True,
    )
    from tumorbench.tasks.predictions import pixels_of

    again = read_stored(target, ["mask_png"])["mask_png"]
    assert [pixels_of(each).tolist() for each in again] == [pixels_of(each).tolist() for each in masks()["mask_png"]]


def test_equal_tables_give_equal_bytes_and_the_facts_of_one_split_are_one_file(path):
    table = read_stored(path.parent / "predictions.parquet")
    assert compacted(table) == compacted(table.copy())
    other = compacted(table.assign(**{"p/glioma": table["p/glioma"] / 2}))
    assert other.facts == compacted(table).facts
    assert other.table != compacted(table).table


def test_a_table_without_sample_ids_stays_as_it_is(tmp_path):
    table = pd.DataFrame({"label": [1, 2]})
    assert compacted(table) is None
    source, target = stored(table, tmp_path / "one"), stored(table[:0], tmp_path / "other")
    stage_table(source, target)
    assert target.read_bytes() == source.read_bytes()


def test_a_published_record_is_read_as_the_record_it_was_made_of(path):
    record = read_record(path)
    text = record_text(record)
    assert type(record).model_validate_json(text) == record
    assert len(text) < 0.75 * len(record.model_dump_json(indent=1))


def test_a_split_by_lines_is_the_split_by_ids(path, tmp_path):
    record = read_record(path)
    ids = split_ids(Store(tmp_path), record.identity)
    other = Store(tmp_path / "other")
    write_split(other, record.identity, ids)
    assert split_ids(other, record.identity) == ids
    assert {place.name.partition("-")[0] for place in tmp_path.glob("other/splits/*/*")} == {"grouped", "samples"}


def test_the_published_record_is_sound(faults):
    assert faults() == []


@pytest.mark.parametrize("wrong", [-1, 99_999, True, 1.0, "0", None])
def test_a_line_of_a_split_that_is_none_is_found_out(path, tmp_path, faults, wrong):
    split = next(tmp_path.glob(SPLIT))
    content = json.loads(split.read_text())
    split.write_text(json.dumps(content | {"test": [wrong, *content["test"][1:]]}))
    assert any(NO_SPLIT in line for line in faults())


def test_a_line_of_a_split_that_is_another_one_is_found_out(path, tmp_path, faults):
    split = next(tmp_path.glob(SPLIT))
    content = json.loads(split.read_text())
    content["test"][0], content["train"][0] = content["train"][0], content["test"][0]
    split.write_text(json.dumps(content))
    assert any(NO_SPLIT in line for line in faults())


@pytest.mark.parametrize("change", [lambda ids: ids[::-1], lambda ids: ids[:100], lambda ids: [1, 2], lambda ids: {}])
def test_a_list_of_samples_that_was_changed_is_found_out(path, tmp_path, faults, change):
    samples = next(tmp_path.glob("splits/figshare3064/samples-*.json"))
    samples.write_text(json.dumps({"ids": change(json.loads(samples.read_text())["ids"])}))
    assert any(NO_SPLIT in line for line in faults())


def test_facts_that_were_changed_are_found_out(path, faults):
    file = path.parent / "predictions.parquet"
    place = facts_file(file, facts_sha256(file))
    pd.read_parquet(place).assign(label=0).to_parquet(place, index=False)
    assert any("was changed after the tables that name it were written" in line for line in faults())


def test_facts_that_are_missing_are_found_out(path, faults):
    file = path.parent / "predictions.parquet"
    facts_file(file, facts_sha256(file)).unlink()
    assert any("is missing, which says what was tested" in line for line in faults())


def test_other_facts_with_their_own_hash_are_found_out(path, faults):
    """Each slice is said to be of the class that was predicted; every hash is right."""
    table = read_stored(path.parent / "predictions.parquet")
    written(path, table.assign(label=table["predicted"]))
    assert "predictions.parquet is wrong in its column label: the slices of its split have other values" in faults()


def test_lines_of_the_facts_that_were_exchanged_are_found_out(path, faults):
    with_rows(path, lambda rows: np.roll(rows, 1))
    assert any(line.startswith("balanced_accuracy is ") for line in faults())


def test_a_line_of_the_facts_that_stands_twice_is_found_out(path, faults):
    with_rows(path, lambda rows: np.where(rows == 1, 0, rows))
    assert "predictions.parquet has 1 slices more than once" in faults()


@pytest.mark.parametrize("wrong", [-1, 614])
def test_a_line_that_the_facts_do_not_have_is_found_out(path, faults, wrong):
    with_rows(path, lambda rows: np.where(rows == 1, wrong, rows))
    assert any("names lines that tested-" in line for line in faults())


@pytest.mark.parametrize(
    "said",
    ["", "[]", "{", '{"columns": 1, "tested": "%s"}' % ("0" * 64), '{"columns": ["row"], "tested": "../../x"}'],
)  # fmt: skip
def test_what_a_compact_table_says_of_itself_and_is_no_such_thing_is_one_line(path, said):
    from pyarrow import parquet

    file = path.parent / "predictions.parquet"
    table = parquet.read_table(file)
    with parquet.ParquetWriter(file, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"tumorbench": said})
    with pytest.raises(BadInput, match="does not say which columns it has") as refused:
        read_stored(file)
    assert len(str(refused.value).splitlines()) == 1


def test_run_lengths_that_give_no_mask_are_one_line(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    file = stored(masks(), tmp_path)
    found = compacted(masks())
    file.write_bytes(found.table)
    facts_file(file, found.facts_sha256).parent.mkdir(parents=True)
    facts_file(file, found.facts_sha256).write_bytes(found.facts)
    table, metadata = parquet.read_table(file), parquet.read_metadata(file).metadata
    place = table.schema.get_field_index("mask_height")
    table = table.set_column(place, "mask_height", pa.array([6, 3, 6]))
    with parquet.ParquetWriter(file, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"tumorbench": metadata[b"tumorbench"].decode()})
    with pytest.raises(BadInput, match="its run lengths give no mask of 6 x 7 pixels"):
        read_stored(file)
