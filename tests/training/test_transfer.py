"""Frozen backbones: pretrained weights, features computed once for each data set and view, and a head that trains on them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

pytestmark = pytest.mark.usefixtures("tiny")
SELECTION = ("-d", "tiny-shapes", "--protocol", "grouped", "--no-throughput", "--fold", "0")


def record_of(store: Path, model: str = "tiny-transfer") -> tuple[Path, dict]:
    path = next(store.glob(f"cells/tiny-shapes/{model}/*/record.json"))
    return path.parent, json.loads(path.read_text())


def cached_features(folder: Path) -> list[Path]:
    return sorted(folder.glob("cache/features/tiny-shapes/*.npy"))


def test_a_head_on_frozen_features_learns_and_its_views_are_computed_once(tumorbench, tmp_path):
    result = tumorbench("run", *SELECTION, "-m", "tiny-transfer")
    assert result.code == 0, result.err
    record = record_of(tmp_path / "runs")[1]
    assert {metric["name"]: metric["value"] for metric in record["metrics"]}["accuracy"] > 0.5
    files = {path: path.stat().st_mtime_ns for path in cached_features(tmp_path)}
    assert [np.load(path).shape for path in files] == [
        (180, 144)
    ] * 4  # the plain view and three augmented ones, of every slice
    assert tumorbench("run", *SELECTION, "-m", "tiny-transfer", "--seeds", "2").code == 0
    assert {path: path.stat().st_mtime_ns for path in cached_features(tmp_path)} == files


def test_the_checkpoint_holds_the_head_and_the_predictions_are_those_of_the_whole_network(tumorbench, tmp_path):
    import tiny_plugin_networks

    from tumorbench import Problem, registry
    from tumorbench.data import batches, decode
    from tumorbench.data.locations import cache_root

    tumorbench("run", *SELECTION, "-m", "tiny-transfer")
    folder, _ = record_of(tmp_path / "runs")
    head = torch.load(folder / "checkpoint.pt", weights_only=True)
    assert sorted(head) == ["head.bias", "head.weight"]
    network = tiny_plugin_networks.TinyTransfer(Problem("classification", ("disc", "square", "none"), 1, 32))
    network.load_pretrained(tiny_plugin_networks.edges("tiny/edges"))
    network.load_trained_state(head)
    table = pd.read_parquet(folder / "predictions.parquet")
    spec = registry.find().datasets["tiny-shapes"]
    decoded = decode.decode(spec, tmp_path, cache_root() / "decoded")
    number_of = {sample.id: number for number, sample in enumerate(decoded.samples)}
    images = torch.from_numpy(np.array(decoded.images(32)[[number_of[each] for each in table["sample_id"]]]))
    recipe = registry.find().models["tiny-transfer"].recipe
    with torch.inference_mode():
        expected = network.eval()(batches.normalise(images, recipe.preprocessing)).softmax(1).numpy()
    np.testing.assert_allclose(table[["p/disc", "p/square", "p/none"]].to_numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("tiny-far", "tiny/far are far away"),
        ("tiny-homeless", "no installed plugin provides the weights nowhere/edges"),
    ],
)
def test_weights_that_are_not_to_be_had_skip_the_cell_with_the_reason(tumorbench, tmp_path, model, reason):
    assert tumorbench("run", *SELECTION, "-m", model).code == 0
    record = record_of(tmp_path / "runs", model)[1]
    assert record["status"] == "skipped"
    assert reason in record["reason"]


def test_a_file_of_weights_takes_their_place_and_enters_the_cell_key(tumorbench, tmp_path):
    import tiny_plugin_networks

    torch.save(tiny_plugin_networks.edges(""), tmp_path / "weights.pt")
    assert tumorbench("run", *SELECTION, "-m", "tiny-far", "--weights", tmp_path / "weights.pt").code == 0
    record = record_of(tmp_path / "runs", "tiny-far")[1]
    assert record["status"] == "ok"
    assert record["identity"]["recipe"]["pretrained"].startswith("sha256:")
    assert "--weights" in record["command"]


def test_a_cell_that_started_from_a_file_is_replayed_with_that_file_and_no_other(tumorbench, tmp_path):
    import tiny_plugin_networks

    file, other = tmp_path / "weights.pt", tmp_path / "other.pt"
    torch.save(tiny_plugin_networks.edges(""), file)
    torch.save({name: tensor + 1 for name, tensor in tiny_plugin_networks.edges("").items()}, other)
    tumorbench("run", *SELECTION, "-m", "tiny-far", "--weights", file)
    key = record_of(tmp_path / "runs", "tiny-far")[1]["cell_key"]
    known, wrong = (hashlib.sha256(each.read_bytes()).hexdigest()[:12] for each in (file, other))
    without, with_other = tumorbench("replay", key), tumorbench("replay", key, "--weights", other)
    assert (without.code, with_other.code) == (2, 2)
    assert f"SHA-256 {known}...; give that file with --weights FILE" in without.err
    assert f"{other} has SHA-256 {wrong}..., and the recorded cell starts from the file with SHA-256 {known}" in (
        with_other.err
    )
    assert tumorbench("replay", key, "--weights", file.rename(tmp_path / "moved.pt")).code == 0


def test_weights_given_to_the_replay_of_a_cell_without_any_are_refused(tumorbench, tmp_path):
    tumorbench("run", *SELECTION, "-m", "tiny-classifier")
    key = record_of(tmp_path / "runs", "tiny-classifier")[1]["cell_key"]
    result = tumorbench("replay", key, "--weights", tmp_path / "weights.pt")
    assert result.code == 2
    assert "starts without pretrained weights, not from a file; leave out --weights" in result.err


@pytest.mark.parametrize("given", ["nothing", "text", "numbers", "others"])
def test_a_file_that_holds_no_fitting_weights_is_refused_in_one_line(tumorbench, tmp_path, given):
    file = tmp_path / "weights.pt"
    if given == "text":
        file.write_text("no weights")
    elif given == "numbers":
        torch.save([1, 2], file)
    elif given == "others":
        torch.save({"0.weight": torch.zeros(3, 3)}, file)
    result = tumorbench("run", *SELECTION, "-m", "tiny-transfer", "--weights", file)
    assert "Traceback" not in result.err
    if given in ("nothing", "text"):
        assert result.code == 2
        assert result.err.count("\n") == 1
        assert "the weights file" in result.err
    else:
        assert result.code == 1
        assert "weights" in record_of(tmp_path / "runs")[1]["reason"]


def test_weights_are_for_one_pretrained_model(tumorbench, tmp_path):
    (tmp_path / "weights.pt").write_bytes(b"")
    result = tumorbench(
        "run", *SELECTION, "-m", "tiny-transfer", "-m", "tiny-far", "--weights", tmp_path / "weights.pt"
    )
    assert result.code == 2
    assert "2 are selected (tiny-far, tiny-transfer)" in result.err


def test_test_copies_count_under_the_paper_s_protocol_only(tumorbench, tmp_path):
    tumorbench("run", "-d", "tiny-shapes", "-m", "tiny-copies", "--fold", "0", "--no-throughput")
    tables = {
        path.parent.name.partition("-")[0]: pd.read_parquet(path)
        for path in tmp_path.glob("runs/cells/*/tiny-copies/*/predictions.parquet")
    }
    assert len(tables["paper"]) == 3 * 30
    assert sum("#copy-" in each for each in tables["paper"]["sample_id"]) == 60
    assert len(tables["grouped"]) == 36
    plain, copied = (tables["paper"].iloc[start : start + 30].reset_index() for start in (0, 30))
    assert (plain["label"] == copied["label"]).all()
    assert not np.allclose(plain["p/disc"], copied["p/disc"])


def test_a_joint_segmenter_has_the_metrics_of_both_tasks(tumorbench, tmp_path):
    result = tumorbench(
        "run", *SELECTION, "-m", "tiny-joint", "-m", "tiny-segmenter", "--budget", "full", "--seed", "0"
    )
    assert result.code == 0, result.err
    joint, alone = (
        {metric["name"]: metric["value"] for metric in record_of(tmp_path / "runs", model)[1]["metrics"]}
        for model in ("tiny-joint", "tiny-segmenter")
    )
    assert joint["dice"] > 0.5
    assert abs(joint["dice"] - alone["dice"]) < 0.4  # both of lesion against background
    assert {"dice/disc", "dice/square", "accuracy", "f1/none"} <= set(joint)
    assert joint["accuracy"] > 0.5
    assert "accuracy" not in alone
    assert len(record_of(tmp_path / "runs", "tiny-joint")[1]["confusion"]) == 3


def found(store: Path) -> dict[str, dict]:
    """Every record of the store by its model."""
    records = [json.loads(path.read_text()) for path in store.glob("cells/*/*/*/record.json")]
    return {record["identity"]["model"]: record for record in records}


def test_a_model_that_starts_from_another_s_weights_brings_that_cell_along(tumorbench, tmp_path):
    result = tumorbench("run", *SELECTION, "-m", "tiny-heir")
    assert result.code == 0, result.err
    records = found(tmp_path / "runs")
    heir, origin = records["tiny-heir"], records["tiny-classifier"]
    assert heir["identity"]["starts_from"] == origin["cell_key"]
    assert heir["identity"]["recipe"]["pretrained"] == "cell:tiny-classifier"
    assert (heir["identity"]["fold"], heir["identity"]["seed"]) == (origin["identity"]["fold"], 0)
    assert result.err.index("tiny-classifier grouped") < result.err.index("tiny-heir grouped")


def test_the_cell_that_another_starts_from_is_there_once_whoever_asks_for_it(tumorbench):
    both = json.loads(tumorbench("plan", *SELECTION[:-3], "-m", "tiny-heir", "-m", "tiny-classifier", "--json").out)
    assert [cell["model"] for cell in both] == ["tiny-classifier", "tiny-heir"]
    assert [cell["reason"] for cell in both] == ["", ""]
    alone = json.loads(tumorbench("plan", *SELECTION[:-3], "-m", "tiny-heir", "--json").out)
    assert [cell["reason"] for cell in alone] == ["another cell starts from it", ""]
    assert [cell["cell_key"] for cell in alone] == [cell["cell_key"] for cell in both]


def test_an_heir_starts_from_a_cell_of_its_own_parameters(tumorbench):
    cells = json.loads(tumorbench("plan", *SELECTION[:-3], "-m", "tiny-heir[width=4]", "--json").out)
    assert [cell["model"] for cell in cells] == ["tiny-classifier[width=4]", "tiny-heir[width=4]"]


def test_a_card_says_whether_all_includes_it(tumorbench):
    every = {cell["model"] for cell in json.loads(tumorbench("plan", "--all", "-d", "tiny-shapes", "--json").out)}
    assert {"tiny-classifier", "tiny-copies"} <= every
    assert "tiny-slow" not in every
    stand_in = {
        cell["model"]
        for cell in json.loads(tumorbench("plan", "--all", "--json").out)
        if cell["dataset"] == "tiny-shapes"
    }
    assert "tiny-classifier" in stand_in
    assert not {"tiny-slow", "tiny-copies"} & stand_in
    named = {
        cell["model"] for cell in json.loads(tumorbench("plan", "-d", "tiny-shapes", "-m", "tiny-slow", "--json").out)
    }
    assert named == {"tiny-slow"}
