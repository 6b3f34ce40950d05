"""Somebody rewrites what is published and renders the boards again: what refuses it without data, and what with them.

What neither can see is said where it is so: only the cell, run again, or a signature.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from forgeries import all_right, cell_of, copied, rewritten, with_metric

from tumorbench.contracts.cell import canonical_json
from tumorbench.contracts.record import Record
from tumorbench.publish.splits import split_ids
from tumorbench.store import Store

pytestmark = pytest.mark.usefixtures("tiny")
KID = "kid[efficientnet-lite0]"
CLASSES = ("disc", "square", "none")
CELLS = 8
PARTS = ("train", "val", "test")


@pytest.fixture(scope="session")
def kept_attacked(tmp_path_factory) -> Path:
    """Where the longer run, its publication and the list of the splits are kept."""
    return tmp_path_factory.mktemp("kept-attacked")


@pytest.fixture
def published(published, kept_attacked, tumorbench, tmp_path) -> Path:
    """The published records, with a second seed of the classifier and of the segmenter, and a split that leaks."""
    kept = kept_attacked
    if not (kept / "leaderboards").exists():
        run = ("run", "-d", "tiny-shapes", "--no-throughput", "-m", "tiny-classifier")
        assert tumorbench(*run, "--protocol", "paper").code == 0
        assert tumorbench(*run, "-m", "tiny-segmenter", "--protocol", "grouped", "--seed", "1").code == 0
        assert tumorbench("publish").code == 0
        assert tumorbench("data", "splits", "tiny-shapes", "--out", tmp_path / "splits.json").code == 0
        for name in ("runs", "leaderboards"):
            shutil.copytree(tmp_path / name, kept / name)
        shutil.copyfile(tmp_path / "splits.json", kept / "splits.json")
    for name in ("runs", "leaderboards"):
        shutil.copytree(kept / name, tmp_path / name, dirs_exist_ok=True)
    return published


@pytest.fixture(params=["listed", pytest.param("data", marks=pytest.mark.slow), "neither"])
def knowing(request, published, kept_attacked, monkeypatch) -> tuple[str, ...]:
    """Options of verify by which it knows splits: from the card of the data set, from its data, or not at all."""
    if request.param == "listed":
        monkeypatch.setenv("TINY_SPLITS", str(kept_attacked / "splits.json"))
    return ("--data",) if request.param == "data" else ()


@pytest.fixture
def refused(tumorbench):
    """``refused(PATH, OPTION...)``: what verify says of that record, with the boards of what is there now."""

    def check(path: Path, *options: str) -> list[str]:
        tumorbench("leaderboard", "--published", "leaderboards")
        result = tumorbench("verify", "--json", *options)
        assert result.out, result.err
        found = json.loads(result.out)
        assert not [name for name in found["problems"] if name.endswith(".md")]
        assert result.code == (1 if found["problems"] else 0)
        return found["problems"].get(str(path.relative_to(Path.cwd())), [])

    return check


def test_what_is_published_is_sound_however_it_is_checked(published, refused, tumorbench, knowing):
    assert refused(cell_of(published), *knowing) == []
    found = json.loads(tumorbench("verify", "--json", *knowing).out)
    assert found["problems"] == {}
    levels = list(found["levels"].values())
    if knowing:
        assert levels == ["with data"] * CELLS
    elif "TINY_SPLITS" in os.environ:  # not a generator, whose images are not there, nor what another cell pre-trained
        assert levels == ["verified"] * (CELLS - 2)
        assert [Path(path).parts[-3] for path in found["left_open"]] == ["tiny-artist", "tiny-heir"]
    else:
        assert levels == []


@pytest.mark.parametrize("compact", [True, False])
def test_labels_that_are_what_was_predicted_are_refused(published, refused, knowing, compact):
    path = rewritten(cell_of(published), lambda table: table.assign(label=table["predicted"]), compact=compact)
    said = refused(path, *knowing)
    assert any("slices another label than other records of the same data do" in line for line in said)
    known = "predictions.parquet is wrong in its column label: the slices of its split have other values"
    assert (known in said) == bool(knowing or "TINY_SPLITS" in os.environ)


def test_true_pixels_that_are_what_was_predicted_are_refused(published, refused, knowing):
    def perfect(table):
        right = [np.diag(np.reshape(each, (2, 2)).sum(0)).ravel().tolist() for each in table["confusion"]]
        return table.assign(confusion=right)

    said = refused(rewritten(cell_of(published, "tiny-segmenter"), perfect), *knowing)
    assert any("slices another count of true pixels than other records of the same data do" in line for line in said)
    if knowing:
        assert any("a confusion that its mask and the data set's do not give" in line for line in said)


def test_masks_that_do_not_give_their_confusion_are_refused(published, refused):
    def better(table):
        moved = [
            np.array([[each[0] + each[1], 0], [0, each[2] + each[3]]]).ravel().tolist() for each in table["confusion"]
        ]
        return table.assign(confusion=moved)

    said = refused(rewritten(cell_of(published, "tiny-segmenter"), better))
    assert any("a confusion that its mask does not give" in line for line in said)


def test_distances_and_lesions_that_the_masks_do_not_give_are_refused(published, refused, knowing):
    def close(table):
        return table.assign(surfaces=[[0.0, 0.0]] * len(table), lesions=[[1, 1, 1]] * len(table))

    said = refused(rewritten(cell_of(published, "tiny-segmenter"), close), *knowing)
    assert any("a number of predicted lesions that its mask does not give" in line for line in said)
    if knowing:
        assert any("distances or lesions that its mask and the data set's do not give" in line for line in said)


def test_wrong_rows_that_are_dropped_are_refused(published, refused, knowing):
    path = rewritten(cell_of(published), lambda table: table[table["label"] == table["predicted"]])
    assert any("slices that its split tests" in line and "lacks" in line for line in refused(path, *knowing))


@pytest.mark.parametrize("name", ["{}", "{}#copy-1"])
def test_right_rows_that_are_doubled_are_refused(published, refused, name):
    def doubled(table):
        right = table[table["label"] == table["predicted"]]
        return pd.concat([table, right.assign(sample_id=right["sample_id"].map(name.format))], ignore_index=True)

    said = refused(rewritten(cell_of(published), doubled))
    assert any("more than once" in line or "slices that its split does not test" in line for line in said)


def test_a_random_split_that_is_called_grouped_is_refused(published, refused, knowing):
    path = cell_of(published)
    record, own = json.loads(path.read_text()), next(published.glob("splits/tiny-shapes/grouped-fold0-*.json"))
    ids = split_ids(Store(published), Record.model_validate(record).identity)
    every = np.random.default_rng(0).permutation([each for part in PARTS for each in ids[part]]).tolist()
    split = {"train": every[60:], "val": every[40:60], "test": every[:40]}
    fingerprint = hashlib.sha256(canonical_json(split)).hexdigest()
    own.with_name("grouped-fold0-0123456789ab.json").write_text(json.dumps({"fingerprint": fingerprint, **split}))

    def of_the_split(table):
        named = [each.rsplit("-", 1)[0] for each in split["test"]]
        labels = [CLASSES.index(each.partition("-")[0]) for each in named]
        rows = table.sample(len(named), replace=True, random_state=0).reset_index(drop=True)
        facts = {"group": named, "cluster": [f"patient:{each}" for each in named], "leaked": ""}
        return all_right(rows.assign(sample_id=split["test"], label=labels, **facts))

    path = rewritten(
        path,
        of_the_split,
        identity=record["identity"] | {"split_fingerprint": fingerprint},
        sizes={part: len(split[part]) for part in PARTS},
        leakage=record["leakage"] | {"test_samples": len(split["test"])},
    )
    said = refused(path, *knowing)
    if knowing:
        assert any("is not the one that is asked for" in line for line in said)
    elif "TINY_SPLITS" in os.environ:
        assert any("is not that of its protocol and fold" in line for line in said)
    else:  # as far as other records tell whose the slices are
        assert any("clusters on both sides" in line for line in said)


@pytest.mark.parametrize("model", ["tiny-classifier", "tiny-segmenter", "tiny-artist"])
def test_a_seed_that_is_copied_as_another_one_is_refused(published, refused, model):
    path = copied(cell_of(published, model), seed=1)
    said = refused(path)
    assert any(line.startswith("its predictions are those of ") and "seed 0" in line for line in said)
    assert any(line.startswith("its history is that of ") and "seed 0" in line for line in said)


def test_a_seed_that_is_copied_with_a_little_noise_and_no_history_of_its_own_is_refused(published, refused):
    path, history = copied(cell_of(published), seed=1), json.loads(cell_of(published, seed=0).read_text())["history"]

    def noisy(table):
        names = [name for name in table if name.startswith("p/")]
        return table.assign(**{name: table[name] + np.float32(1e-6) for name in names})

    told = [epoch | {name: value * 1.01 for name, value in epoch.items() if name != "epoch"} for epoch in history]
    said = refused(rewritten(path, noisy, history=told))
    assert any(line.startswith("its predictions are those of tiny-classifier grouped fold 0 seed 0") for line in said)
    assert not any(line.startswith("its history") for line in said)


def test_a_made_up_model_is_refused(published, refused):
    path = rewritten(copied(cell_of(published), model="nobody-net"), all_right)
    assert "its model 'nobody-net' is not installed, so that nobody can run it again" in refused(path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"model_version": "2"},
            "its model 'tiny-classifier' is of version '2', and version 1 is installed; run it again",
        ),
        ({"recipe": {"epochs": 100}}, "its recipe has epochs 100, and the model's card says 3"),
    ],
)
def test_a_model_with_a_version_or_a_recipe_of_its_own_is_refused(published, refused, changes, said):
    path = cell_of(published)
    recipe = json.loads(path.read_text())["identity"]["recipe"] | changes.get("recipe", {})
    assert said in refused(rewritten(copied(path, **changes | {"recipe": recipe}), all_right))


def test_a_number_of_a_generator_that_its_images_do_not_give_is_refused_with_data(published, refused, tumorbench):
    path = cell_of(published, "tiny-artist")
    with_metric(path, KID, value=0.001, interval=[0.0005, 0.002])
    assert refused(path) == []  # nothing that is published gives it, so it counts as open
    found = json.loads(tumorbench("verify", "--json").out)
    assert any(
        "generated images: they are not published" in line
        for line in found["left_open"][str(path.relative_to(Path.cwd()))]
    )
    assert str(path.relative_to(Path.cwd())) not in found["levels"]
    (line,) = [line for line in refused(path, "--data") if line.startswith(KID)]
    assert line.startswith(f"{KID} is 0.001 in the record and ")


def test_a_number_of_a_generator_far_from_its_own_interval_is_refused(published, refused):
    path = cell_of(published, "tiny-artist")
    with_metric(path, KID, value=-0.5)
    assert any("far from its own interval" in line for line in refused(path))


def test_without_the_store_of_its_images_a_generator_stays_open_with_data(published, tumorbench):
    shutil.rmtree("runs")
    found = json.loads(tumorbench("verify", "--data", "--json").out)
    assert found["problems"] == {}
    assert {Path(path).parts[-3] for path in found["left_open"]} == {"tiny-artist"}


def test_with_the_bundle_of_its_images_a_generator_is_scored_again(published, tumorbench):
    assert tumorbench("publish", "--bundle", "all.tar").code == 0
    shutil.rmtree("runs")
    found = json.loads(tumorbench("verify", "--data", "--bundle", "all.tar", "--json").out)
    assert (found["problems"], found["left_open"]) == ({}, {})
    with_metric(cell_of(published, "tiny-artist"), KID, value=0.001, interval=[0.0005, 0.002])
    assert tumorbench("leaderboard", "--published", "leaderboards").code == 0
    refused = json.loads(tumorbench("verify", "--data", "--bundle", "all.tar", "--json").out)
    assert any(line.startswith(f"{KID} is 0.001") for lines in refused["problems"].values() for line in lines)


def test_a_leakage_that_is_set_to_zero_is_refused(published, refused, knowing):
    path = cell_of(published, protocol="paper")
    leakage = json.loads(path.read_text())["leakage"]
    assert leakage["test_samples_of_shared_groups"] > 0
    none = {name: 0 for name, value in leakage.items() if name != "test_samples" and value is not None}
    said = refused(rewritten(path, leakage=leakage | none), *knowing)
    assert any(line.startswith("its leakage says test_samples_of_shared_groups 0, and its split has ") for line in said)


def test_a_pre_training_that_is_said_to_have_seen_nothing_is_refused_with_data(published, refused):
    """A cell of the classifier that learned from what is tested: its own fold says that it saw none of it."""
    heir, origin = cell_of(published, "tiny-heir"), cell_of(published, protocol="paper")
    record = json.loads(heir.read_text())
    identity = record["identity"] | {"starts_from": json.loads(origin.read_text())["cell_key"]}
    path = rewritten(heir, identity=identity, leakage=record["leakage"] | {"pretraining_test_images": 0})
    assert refused(path) == []  # left open without data
    (line,) = refused(path, "--data")
    assert line.startswith("its pre-training has seen ")
    assert line.endswith(" of its test slices, and it says 0")


def test_predictions_that_are_made_right_with_everything_that_the_record_says_are_seen_by_a_replay_alone(
    published, refused, knowing, tumorbench
):
    path = rewritten(
        cell_of(published), all_right, parts={part: {"accuracy": 1.0, "n": 100.0} for part in ("train", "val")}
    )
    assert refused(path, *knowing) == []
    replayed = tumorbench("replay", str(path), "--json")
    assert replayed.code == 1
    assert {each["metric"] for each in json.loads(replayed.out)["differences"]} >= {"accuracy", "balanced_accuracy"}
