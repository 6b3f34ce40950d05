"""What is published can be checked: files, splits and every metric, and one bad record hides no other."""

import hashlib
import json

import pytest

from tumorbench.publish.splits import split_ids
from tumorbench.store import Store, read_record
from tumorbench.tables.stored import read_stored

pytestmark = pytest.mark.usefixtures("tiny")
CLASSIFIER, SEGMENTER = "tiny-classifier grouped", "tiny-segmenter grouped"


def test_a_sound_publication_has_no_problem(published, sound):
    assert sound(5)


def test_missing_predictions_are_a_problem_of_their_record_alone(published, path_of, problems):
    (path_of(published).parent / "predictions.parquet").unlink()
    found = problems()
    assert set(found) == {CLASSIFIER}
    assert found[CLASSIFIER][0] == "predictions.parquet is missing; publish it again from its store"
    assert "it cannot be scored again" in found[CLASSIFIER][1]


def test_a_missing_figure_is_a_problem(published, path_of, problems):
    (path_of(published, "tiny-artist").parent / "figures/samples.png").unlink()
    assert problems() == {"tiny-artist grouped": ["figures/samples.png is missing; publish it again from its store"]}


def test_predictions_that_are_no_table_are_a_problem_of_their_record_alone(published, path_of, problems):
    (path_of(published, "tiny-segmenter").parent / "predictions.parquet").write_text("no table")
    found = problems()
    assert set(found) == {SEGMENTER}
    assert found[SEGMENTER][0] == "predictions.parquet was changed after the record was written"
    assert "it cannot be scored again" in found[SEGMENTER][1]


def test_a_claimed_metric_that_the_predictions_do_not_give_is_a_problem(published, path_of, change, problems):
    path = path_of(published)
    metrics = json.loads(path.read_text())["metrics"]
    change(path, metrics=[*metrics, metrics[0] | {"name": "invented", "value": 1.0}])
    assert problems() == {CLASSIFIER: ["invented is 1.0 in the record, and its predictions give no such metric"]}


def test_predictions_that_the_record_does_not_name_are_a_problem(published, path_of, change, problems):
    path = path_of(published)
    artifacts = json.loads(path.read_text())["artifacts"]
    change(path, artifacts=[each for each in artifacts if each["kind"] != "predictions"])
    assert problems() == {
        CLASSIFIER: ["its artifacts do not name predictions.parquet, so that nothing says whether it was changed"]
    }


def test_a_published_split_that_was_changed_is_a_problem_of_every_record_on_it(published, problems):
    path = next(published.glob("splits/tiny-shapes/grouped-*.json"))
    split = json.loads(path.read_text())
    path.write_text(json.dumps(split | {"train": split["train"] + split["test"]}))
    found = problems()
    assert set(found) == {CLASSIFIER, SEGMENTER, "tiny-heir grouped", "tiny-artist grouped", "tiny-artist tstr"}
    assert all("is the split that its identity names" in faults[0] for faults in found.values())


def test_predictions_of_slices_that_the_split_does_not_test_are_a_problem(published, path_of, change, problems):
    path = path_of(published)
    file = path.parent / "predictions.parquet"
    table, record = read_stored(file), read_record(path)
    table.loc[0, "sample_id"] = split_ids(Store(published), record.identity)["train"][0]
    table.to_parquet(file, index=False)
    artifacts = json.loads(path.read_text())["artifacts"]
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    change(path, artifacts=[each | {"sha256": sha256} if each["kind"] == "predictions" else each for each in artifacts])
    said = "\n".join(problems()[CLASSIFIER])
    assert "predictions.parquet has 1 slices that its split does not test, " in said
    assert "predictions.parquet lacks 1 slices that its split tests, " in said


def test_a_record_in_another_cell_s_folder_is_a_problem(published, path_of, problems):
    folder = path_of(published).parent
    folder.rename(folder.with_name("grouped-fold1-seed0-quick-0123456789ab"))
    assert problems() == {CLASSIFIER: ["it does not lie in the folder of its cell"]}


def test_what_a_classifier_learned_from_generated_images_is_scored_again(published, path_of, change, problems):
    path = path_of(published, "tiny-artist", "tstr")
    metrics = json.loads(path.read_text())["metrics"]
    change(path, metrics=[each | {"value": 0.99} if each["name"] == "tstr_mixed" else each for each in metrics])
    (problem,) = problems()["tiny-artist tstr"]
    assert problem.startswith("tstr_mixed is 0.99 in the record and ")


def test_a_publication_with_augmented_copies_of_test_slices_is_sound(tumorbench):
    run = ("run", "-d", "tiny-shapes", "-m", "tiny-copies", "--protocol", "paper", "--no-throughput")
    assert tumorbench(*run).code == 0
    assert tumorbench("publish").code == 0
    verified = tumorbench("verify")
    assert verified.code == 0, verified.err


def with_metric(path, change, metric, version, value=0.5):
    """The record says that it was scored by that metric, of a plugin that is not installed."""
    record = json.loads(path.read_text())
    instrument = record["instruments"][0] | {"metric": metric, "version": version, "plugin": "a-plugin"}
    others = [each for each in record["instruments"] if each["metric"] != metric]
    metrics = [each for each in record["metrics"] if each["name"] != metric]
    given = record["metrics"][0] | {"name": metric, "value": value}
    change(path, instruments=[*others, instrument], metrics=[*metrics, given])


@pytest.mark.parametrize(("metric", "version"), [("gone", "1"), ("accuracy", "99")])
def test_a_metric_that_is_not_installed_in_that_version_is_named_and_no_problem(
    published, path_of, change, tumorbench, metric, version
):
    path = path_of(published)
    with_metric(path, change, metric, version)
    assert tumorbench("leaderboard", "--published", "leaderboards").code == 0
    found = tumorbench("verify")
    assert found.code == 0, found.err
    said = f"{path.relative_to(published.parents[1])}: not checked, because no installed plugin has it in that version"
    assert f"{said}: {metric}\n" in found.out
    assert list(json.loads(tumorbench("verify", "--json").out)["unchecked"].values()) == [[metric]]


def test_a_metric_that_is_installed_and_that_the_record_lacks_is_no_problem(
    published, path_of, change, tumorbench, sound
):
    path = path_of(published)
    record = json.loads(path.read_text())
    change(
        path,
        metrics=[each for each in record["metrics"] if each["name"] != "f1_macro"],
        instruments=[each for each in record["instruments"] if each["metric"] != "f1_macro"],
    )
    assert tumorbench("leaderboard", "--published", "leaderboards").code == 0
    assert sound(5)
