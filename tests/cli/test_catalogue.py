"""What `list`, `info`, `plugins` and `doctor` tell, as text and as JSON."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from tumorbench import registry
from tumorbench.contracts.problem import Protocol


def test_list_is_an_array_of_objects_with_an_id(tumorbench):
    listed = json.loads(tumorbench("list", "--json").out)
    ids = {each["kind"]: [other["id"] for other in listed if other["kind"] == each["kind"]] for each in listed}
    kinds = {"datasets", "models", "metrics", "extractors", "patterns", "weights", "executors", "observers"}
    assert set(ids) == kinds | {"protocols"}
    assert {"timm/*", "smp/*"} <= set(ids["patterns"])
    assert {"figshare3064", "kaggle7023", "kaggle3264", "yesno253", "phantom"} <= set(ids["datasets"])
    assert {"pose-cnn", "pose-unet", "tumorsynth1"} <= set(ids["models"])
    assert {"accuracy", "dice", "keras_meaniou_bug", "fid", "ks_d"} <= set(ids["metrics"])
    assert ids["protocols"] == list(get_args(Protocol))


def test_one_kind_is_listed_alone_and_an_unknown_kind_is_refused(tumorbench):
    assert {each["kind"] for each in json.loads(tumorbench("list", "models", "--json").out)} == {"models"}
    refused = tumorbench("list", "modles")
    assert (refused.code, refused.err) == (
        2,
        f"tumorbench: there is no list of 'modles'; give one of {', '.join((*registry.KINDS, 'protocols'))}\n",
    )


@pytest.mark.parametrize(
    ("model", "total", "trainable"),
    [("pose-cnn", 475_779, 475_779), ("pose-unet", 8_643_170, 8_641_186), ("tumorsynth1", 27_848_066, 27_848_066)],
)
def test_info_counts_the_parameters_of_a_model(tumorbench, model, total, trainable):
    parameters = json.loads(tumorbench("info", model, "--json").out)["parameters"]
    assert (parameters["total"], parameters["trainable"]) == (total, trainable)


def test_info_takes_a_model_with_parameters_in_brackets(tumorbench, tiny):
    wide, narrow = (
        json.loads(tumorbench("info", name, "--json").out) for name in ("tiny-classifier[width=16]", "tiny-classifier")
    )
    assert wide["id"] == "tiny-classifier[width=16]"
    assert (
        wide["parameters"]["total"] - narrow["parameters"]["total"] == 8 * 9 + 8 + 4 * 8 + 8 * 16 * 9
    )  # conv 1, bias, batch norm, conv 2


def test_info_of_a_data_set_that_is_here_counts_each_class_in_each_split(tumorbench, tiny):
    report = json.loads(tumorbench("info", "phantom", "--json").out)
    assert (report["available"], report["samples"], report["patients"]) == (True, 240, 60)
    assert report["counts"] == {"all": {"glioma": 60, "meningioma": 60, "notumor": 60, "pituitary": 60}}
    assert "nothing to fetch" in report["how_to_get"]


def test_info_of_an_absent_data_set_says_how_to_get_it(tumorbench, tiny):
    report = json.loads(tumorbench("info", "kaggle7023", "--json").out)
    assert (report["available"], report["how_to_get"]) == (False, "tumorbench data fetch kaggle7023")
    assert (
        report["reason"]
        == f"kaggle7023 is not in {tiny / 'cache/data/kaggle7023'}; fetch it with: tumorbench data fetch kaggle7023"
    )
    assert report["published_counts"]["test"] == {"glioma": 300, "meningioma": 306, "notumor": 405, "pituitary": 300}


def test_info_is_readable_without_json(tumorbench):
    lines = tumorbench("info", "pose-cnn").out.splitlines()
    assert "parameters:" in lines
    assert "  total: 475779" in lines


def test_plugins_names_a_broken_one_and_is_no_failure(tumorbench, install_plugin):
    install_plugin("broken-plugin", broken_plugin="import a_module_that_is_nowhere")
    result = tumorbench("plugins")
    assert result.code == 0
    assert (
        "broken-plugin (broken-plugin 1.0): provides nothing\n  BROKEN: ModuleNotFoundError: No module named 'a_module_that_is_nowhere'\n"
        in result.out
    )
    assert "tumorbench-datasets (tumorbench-datasets 0.1.0): datasets: figshare3064" in result.out
    (told,) = [
        plugin for plugin in json.loads(tumorbench("plugins", "--json").out) if plugin["name"] == "broken-plugin"
    ]
    assert (told["provides"], len(told["faults"])) == ({}, 1)
    assert tumorbench("list").code == 0


def test_doctor_describes_the_machine_and_what_is_missing(tumorbench, tiny, monkeypatch):
    weights = tiny / "torch/hub/checkpoints/weights-inception-2015-12-05-6726825d.pth"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"these are no weights")  # so that none are downloaded
    monkeypatch.setenv("TORCH_HOME", str(tiny / "torch"))
    report = json.loads(tumorbench("doctor", "--json").out)
    assert report["device"] in ("cpu", "cuda")
    assert report["environment"]["packages"]["torch"]
    assert "tumorbench data fetch yesno253" in report["datasets"]["yesno253"]
    assert report["datasets"]["phantom"] == "available"
    assert "is damaged" in report["extractors"]["inception-v3-compat"]
    assert report["broken_plugins"] == {}
