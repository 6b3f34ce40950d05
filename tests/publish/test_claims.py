"""A published record that was edited is found out, whatever was edited: each line here was accepted once."""

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest
from published_cells import copy_quick_cells

from tumorbench import registry
from tumorbench.publish.verify import check_records
from tumorbench.store import Store
from tumorbench.tables.stored import read_stored

CLASSIFIER, SEGMENTER = "figshare3064/pose-cnn", "figshare3064/pose-unet"
GENERATOR = "kaggle3264/robles-cvae"  # under paper, and judged under tstr-paper


@pytest.fixture(scope="module")
def installed():
    return registry.find()


@pytest.fixture
def store(tmp_path, request):
    """A store with the published quick cells of the classifier, or of the ``cell`` that the test names."""
    parameters = getattr(getattr(request.node, "callspec", None), "params", {})
    model = parameters.get("cell", CLASSIFIER)
    return copy_quick_cells(tmp_path, model)


@pytest.fixture
def faults(store, installed):
    """``faults(PATH)``: what the check says of the record there."""

    def check(path: Path) -> list[str]:
        records = list(Store(store).records())
        found = {place: each.problems for place, each in check_records(records, installed).items() if each.problems}
        assert set(found) <= {path}
        return found.get(path, [])

    return check


def of(store: Path, cell: str, protocol: str = "grouped") -> Path:
    return next(store.glob(f"cells/{cell}/{protocol}-fold0-*/record.json"))


def edited(path: Path, **fields) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"metrics": []}, "its predictions give balanced_accuracy "),
        ({"metrics": [], "instruments": []}, "it has no balanced_accuracy, by which its task ranks"),
        ({"confusion": [[142, 0, 0], [0, 286, 0], [0, 0, 186]]}, "its confusion matrix is not that of its predictions"),
        ({"confusion": None}, "its confusion matrix is not that of its predictions"),
        ({"temperature": 1.0}, "its temperature 1.0 is not that of its predictions"),
        ({"synthetic": True}, "its synthetic is True, and the data set's card says False"),
        ({"dataset_title": "mine"}, "its dataset_title is 'mine', and the data set's card says "),
        ({"model_title": "mine"}, "its model_title is 'mine', and the model's card says 'pose CNN'"),
        ({"classes": ["a", "b", "c"]}, "its classes is ('a', 'b', 'c'), and the data set's card says "),
        ({"sizes": {"train": 1, "val": 1, "test": 614}}, "its sizes {'train': 1, "),
        ({"history": []}, "its history is empty, and it was trained"),
        ({"best_epoch": 9}, "its best epoch 9 is not in its history"),
        ({"timing": {}}, "its timing is empty or negative"),
        ({"timing": {"train_s": 9.0, "steady_s": 8.0, "total_s": 3.0}}, "training took 9.0 s of 3.0 s"),
        ({"parameters": {}}, "its parameters {} are no total and the trainable ones among them"),
        ({"parameters": {"total": 3, "trainable": 4}}, "are no total and the trainable ones among them"),
        ({"leakage": None}, "it does not say what leaks in its split"),
        ({"status": "failed"}, "it is not finished (failed), and only finished cells are published"),
    ],
)  # fmt: skip
def test_an_edited_record_is_found_out(store, faults, fields, said):
    path = of(store, CLASSIFIER)
    edited(path, **fields)
    found = faults(path)
    assert any(said in fault for fault in found), found


@pytest.mark.parametrize("cell", [CLASSIFIER, SEGMENTER, GENERATOR])
def test_published_records_have_no_fault(store, faults, cell):
    assert len(list(store.glob(f"cells/{cell}/*/record.json"))) == 3
    assert faults(store) == []


def test_epochs_that_are_not_numbered_one_after_the_other_or_too_many_are_found_out(store, faults):
    path = of(store, CLASSIFIER)
    history = json.loads(path.read_text())["history"]
    edited(path, history=[*history, *history])
    assert faults(path) == [
        "its history has 12 epochs, and its recipe 6",
        "the entries of its history are not numbered from 1 on",
    ]


def test_a_leaking_split_that_is_said_to_leak_nothing_is_found_out(store, faults):
    """The card of the data set lists what leaks in each of its splits."""
    path = of(store, CLASSIFIER, "paper")
    none = {"groups_on_both_sides": 0, "test_samples_of_shared_groups": 0, "identical_test_images": 0}
    edited(path, leakage={"test_samples": 614, **none})
    assert faults(path) == [
        "its leakage says groups_on_both_sides 0, and its split has 169",
        "its leakage says test_samples_of_shared_groups 0, and its split has 613",
    ]


def test_predictions_without_the_wrong_ones_are_found_out(store, faults):
    path = of(store, CLASSIFIER)
    _rewritten(path, lambda table: table[table["label"] == table["predicted"]])
    assert any(fault.startswith("predictions.parquet lacks 189 slices that its split tests") for fault in faults(path))


def test_predictions_with_a_slice_twice_are_found_out(store, faults):
    path = of(store, CLASSIFIER)
    _rewritten(path, lambda table: pd.concat([table, table[:7]]))
    assert "predictions.parquet has 7 slices more than once" in faults(path)


def test_predicted_classes_that_are_not_the_most_probable_are_found_out(store, faults):
    path = of(store, CLASSIFIER)
    _rewritten(path, lambda table: table.assign(predicted=table["label"]))
    said = "predictions.parquet names in 189 rows another class than the most probable one"
    assert said in faults(path)


def test_a_test_value_far_above_the_record_s_own_values_on_training_and_validation_is_found_out(store, faults):
    """The predictions were made right, with everything that follows from them."""
    path = of(store, CLASSIFIER)
    metrics = json.loads(path.read_text())["metrics"]
    edited(path, metrics=[each | {"value": 1.0} if each["name"] == "accuracy" else each for each in metrics])
    said = "its accuracy of 1 on the test is not one of weights that have 0.8379 on train, 0.7647 on val"
    assert said in faults(path)


def _rewritten(path: Path, change) -> None:
    """The predictions are changed, and the record names their new hash."""
    file = path.parent / "predictions.parquet"
    change(read_stored(file)).to_parquet(file, index=False)
    sha256, artifacts = hashlib.sha256(file.read_bytes()).hexdigest(), json.loads(path.read_text())["artifacts"]
    edited(path, artifacts=[each | {"sha256": sha256} if each["kind"] == "predictions" else each for each in artifacts])


@pytest.mark.parametrize(("cell", "protocol"), [(SEGMENTER, "grouped"), (GENERATOR, "paper")])
def test_a_record_without_its_ranking_metric_is_found_out(store, faults, cell, protocol):
    path = of(store, cell, protocol)
    ranking = ("dice", "kid", "coverage")
    kept = [each for each in json.loads(path.read_text())["metrics"] if not each["name"].startswith(ranking)]
    edited(path, metrics=kept)
    assert faults(path)


@pytest.mark.parametrize(("cell", "value"), [(GENERATOR, -0.5), (GENERATOR, 1.5)])
def test_a_generator_s_value_outside_of_its_metric_s_range_is_found_out(store, faults, installed, cell, value):
    path = of(store, cell, "paper")
    record = json.loads(path.read_text())
    metrics, version = record["metrics"], installed.metrics["coverage"].version
    here = [
        each | {"version": version} if each["metric"] == "coverage" else each for each in record["instruments"]
    ]  # a range is that of the installed version
    edited(path, instruments=here)
    name = next(each["name"] for each in metrics if each["name"].startswith("coverage"))
    edited(path, metrics=[each | {"value": value} if each["name"] == name else each for each in metrics])
    assert faults(path) == [f"{name} is {value}, which is outside of 0.0 to 1.0"]


@pytest.mark.parametrize("cell", [GENERATOR])
def test_a_judged_generator_without_a_value_is_found_out(store, faults, cell):
    path = of(store, cell, "tstr-paper")
    edited(path, metrics=[])
    assert any("which its protocol is about" in fault for fault in faults(path))


@pytest.mark.parametrize("path", ["../../../../splits/x.json", "/etc/passwd", "record.json", "figures/../../x"])
def test_an_artifact_outside_of_the_cell_s_folder_is_refused_and_never_read(store, faults, path):
    record = of(store, CLASSIFIER)
    artifacts = json.loads(record.read_text())["artifacts"]
    edited(record, artifacts=[*artifacts, {"kind": "figure", "path": path, "sha256": "0"}])
    assert faults(record) == [f"its artifact {path!r} is none that a cell leaves"]
