"""The list of a data set's splits: a command writes it, its card carries it, and a record is held to it without the data."""

import json

import pytest

from tumorbench import registry
from tumorbench.contracts.known import column_digest
from tumorbench.contracts.problem import FOLDS
from tumorbench.errors import BadInput
from tumorbench.publish.checks.listing import known_copy, read_copies, write_copies
from tumorbench.run.context import Context
from tumorbench.store import Store


def copies():
    """(data set, one of the copies that its card lists)."""
    return [(spec.id, copy) for spec in registry.find().datasets.values() for copy in spec.known]


@pytest.mark.parametrize(("dataset", "copy"), copies(), ids=lambda each: each if isinstance(each, str) else "")
def test_every_listed_copy_has_its_five_folds_which_leak_nothing(dataset, copy):
    folds = [copy.splits[f"grouped/{fold}"] for fold in range(FOLDS)]
    assert len({fold.fingerprint for fold in folds}) == FOLDS
    for fold in folds:
        leaks = fold.leakage.model_dump(exclude={"test_samples", "unknown_patient_test_images"})
        assert not any(leaks.values())
        assert set(fold.columns) == {"label", "group", "cluster", "leaked"}


@pytest.mark.real_data
@pytest.mark.parametrize("dataset", ["figshare3064", "kaggle3264", "kaggle7023", "yesno253"])
def test_the_list_that_is_shipped_is_what_the_data_give(real_data, tmp_path, dataset):
    found = registry.find()
    spec = found.dataset(dataset)
    if not spec.known:
        pytest.skip(f"the card of {dataset} lists no splits yet")
    context = Context(found, Store(tmp_path), real_data)
    copy, impossible = known_copy(spec, context)
    assert impossible == {}
    assert copy in spec.known, f"run: tumorbench data splits {dataset} --out {dataset}.json"


@pytest.mark.usefixtures("tiny")
def test_the_command_lists_every_split_and_keeps_other_copies(tumorbench, tmp_path):
    path = tmp_path / "splits.json"
    listed = json.loads(tumorbench("data", "splits", "tiny-shapes", "--out", path, "--json").out)
    (copy,) = read_copies(path)
    assert (listed["fingerprint"], listed["splits"]) == (copy.fingerprint, list(copy.splits))
    assert {f"grouped/{fold}" for fold in range(FOLDS)} | {"paper/tiny-classifier"} <= set(copy.splits)
    other = copy.model_copy(update={"fingerprint": "0" * 64})
    write_copies(path, other)
    assert tumorbench("data", "splits", "tiny-shapes", "--out", path).code == 0
    assert list(read_copies(path)) == [copy, other]


@pytest.mark.parametrize("text", ["{}", '[{"fingerprint": 1}]', "no list"])
def test_a_file_that_is_no_list_is_named_and_stays(tmp_path, text):
    path = tmp_path / "splits.json"
    path.write_text(text)
    with pytest.raises(BadInput, match="lists no splits"):
        read_copies(path)


def test_the_digest_of_a_column_is_of_its_values_in_their_order():
    assert column_digest(["a", "b"]) == column_digest(iter(("a", "b")))
    assert column_digest([1, 0]) != column_digest([0, 1])
    assert column_digest(["1"]) != column_digest([1])
