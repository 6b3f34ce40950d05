"""What is published can be checked: files, splits and every metric, and one bad record hides no other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("tiny")
SELECTION = ("-d", "tiny-shapes", "--protocol", "grouped", "--no-throughput")


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("published")


@pytest.fixture
def published(tumorbench, tmp_path, kept) -> Path:
    """The folder of the published records of a classifier and a segmenter, run once for this file."""
    if not (kept / "leaderboards").exists():
        assert tumorbench("run", *SELECTION, "-m", "tiny-classifier", "-m", "tiny-segmenter").code == 0
        assert tumorbench("publish").code == 0
        for name in ("runs", "leaderboards"):
            shutil.copytree(tmp_path / name, kept / name)
    for name in ("runs", "leaderboards"):
        shutil.copytree(kept / name, tmp_path / name, dirs_exist_ok=True)
    return tmp_path / "leaderboards/results"


def path_of(published: Path, model: str = "tiny-classifier") -> Path:
    (path,) = published.glob(f"cells/tiny-shapes/{model}/*/record.json")
    return path


def change(path: Path, **fields) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.fixture
def problems(tumorbench):
    """What ``verify`` finds in records, by model; boards, which a changed record makes stale, left out."""

    def verify():
        result = tumorbench("verify", "--json")
        assert result.out, result.err
        assert result.code == 1
        found = json.loads(result.out)
        return {
            Path(path).parts[-3]: faults for path, faults in found["problems"].items() if path.endswith("record.json")
        }

    return verify


def test_a_sound_publication_has_no_problem(published, tumorbench):
    assert json.loads(tumorbench("verify", "--json").out) == {"records": 2, "problems": {}}


def test_missing_predictions_are_a_problem_of_their_record_alone(published, problems):
    (path_of(published).parent / "predictions.parquet").unlink()
    found = problems()
    assert set(found) == {"tiny-classifier"}
    assert found["tiny-classifier"][0] == "predictions.parquet is missing; publish it again from its store"
    assert "it cannot be scored again" in found["tiny-classifier"][1]


def test_a_missing_figure_is_a_problem(published, problems):
    (path_of(published).parent / "figures/learning-curves.png").unlink()
    assert problems() == {
        "tiny-classifier": ["figures/learning-curves.png is missing; publish it again from its store"]
    }


def test_predictions_that_are_no_table_are_a_problem_of_their_record_alone(published, problems):
    (path_of(published, "tiny-segmenter").parent / "predictions.parquet").write_text("no table")
    found = problems()
    assert set(found) == {"tiny-segmenter"}
    assert found["tiny-segmenter"][0] == "predictions.parquet was changed after the record was written"
    assert "it cannot be scored again" in found["tiny-segmenter"][1]


def test_a_claimed_metric_that_the_predictions_do_not_give_is_a_problem(published, problems):
    path = path_of(published)
    metrics = json.loads(path.read_text())["metrics"]
    change(path, metrics=[*metrics, metrics[0] | {"name": "invented", "value": 1.0}])
    assert problems() == {"tiny-classifier": ["invented is 1.0 in the record, and its predictions give no such metric"]}


def test_predictions_that_the_record_does_not_name_are_a_problem(published, problems):
    path = path_of(published)
    change(
        path, artifacts=[each for each in json.loads(path.read_text())["artifacts"] if each["kind"] != "predictions"]
    )
    assert problems() == {
        "tiny-classifier": [
            "its artifacts do not name predictions.parquet, so that nothing says whether it was changed"
        ]
    }


def test_the_split_of_each_published_cell_is_published(published):
    split = json.loads(next(published.glob("splits/tiny-shapes/grouped-fold0-*.json")).read_text())
    record = json.loads(path_of(published).read_text())
    assert split["fingerprint"] == record["identity"]["split_fingerprint"]
    assert {part: len(split[part]) for part in ("train", "val", "test")} == record["sizes"]


def test_a_published_split_that_was_changed_is_a_problem_of_every_record_on_it(published, problems):
    path = next(published.glob("splits/tiny-shapes/*.json"))
    split = json.loads(path.read_text())
    path.write_text(json.dumps(split | {"train": split["train"] + split["test"]}))
    found = problems()
    assert set(found) == {"tiny-classifier", "tiny-segmenter"}
    assert all("is the split that its identity names" in faults[0] for faults in found.values())


def test_predictions_of_slices_that_the_split_does_not_test_are_a_problem(published, problems):
    import hashlib

    import pandas as pd

    path = path_of(published)
    file = path.parent / "predictions.parquet"
    frame = pd.read_parquet(file)
    frame.loc[0, "sample_id"] = json.loads(next(published.glob("splits/tiny-shapes/*.json")).read_text())["train"][0]
    frame.to_parquet(file, index=False)
    artifacts = json.loads(path.read_text())["artifacts"]
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    change(path, artifacts=[each | {"sha256": sha256} if each["kind"] == "predictions" else each for each in artifacts])
    (problem,) = problems()["tiny-classifier"]
    assert problem.startswith("predictions.parquet has 1 slices that its split does not test, ")


def test_a_record_in_another_cell_s_folder_is_a_problem(published, problems):
    folder = path_of(published).parent
    folder.rename(folder.with_name("grouped-fold1-seed0-quick-0123456789ab"))
    assert problems() == {"tiny-classifier": ["it does not lie in the folder of its cell"]}


def test_publishing_again_leaves_only_what_the_new_record_names(published, tumorbench):
    stale = path_of(published).parent / "figures/stale.png"
    stale.write_text("of an earlier publication")
    assert tumorbench("publish").code == 0
    assert not stale.exists()
    assert json.loads(tumorbench("verify", "--json").out)["problems"] == {}


def test_what_the_store_lacks_stops_publishing_with_one_line(published, tumorbench, tmp_path):
    shutil.rmtree(tmp_path / "runs/splits")
    result = tumorbench("publish")
    assert result.code == 2
    assert "is not in runs/splits; run: tumorbench run -d tiny-shapes -m 'tiny-classifier'" in result.err


def test_a_publication_with_augmented_copies_of_test_slices_is_sound(tumorbench, tmp_path):
    assert (
        tumorbench("run", "-d", "tiny-shapes", "-m", "tiny-copies", "--protocol", "paper", "--no-throughput").code == 0
    )
    assert tumorbench("publish").code == 0
    verified = tumorbench("verify")
    assert verified.code == 0, verified.err


def test_no_home_folder_is_published(tumorbench, published, tmp_path):
    path = next((tmp_path / "runs").glob("cells/tiny-shapes/tiny-classifier/*/record.json"))
    environment = json.loads(path.read_text())["environment"] | {
        "extractors_unavailable": {"far": f"not in {Path.home()}/.cache"}
    }
    change(path, environment=environment)
    assert tumorbench("publish").code == 0
    assert json.loads(path_of(published).read_text())["environment"]["extractors_unavailable"] == {
        "far": "not in ~/.cache"
    }


@pytest.fixture
def generated(tumorbench, tmp_path) -> Path:
    """The folder of the published records of a generator: its images, and what a classifier learnt from them."""
    selection = (
        "-d",
        "tiny-shapes",
        "--no-throughput",
        "--fold",
        "0",
        "-m",
        "tiny-artist",
        "--judge",
        "tiny-classifier[width=16]",
    )
    assert tumorbench("run", *selection, "--protocol", "grouped", "--protocol", "tstr").code == 0
    assert tumorbench("publish").code == 0
    return tmp_path / "leaderboards/results"


def test_what_a_classifier_learnt_from_generated_images_is_published_and_scored_again(generated, tumorbench):
    assert tumorbench("verify").code == 0
    (path,) = generated.glob("cells/tiny-shapes/tiny-artist/tstr-*/record.json")
    record = json.loads(path.read_text())
    claimed = [metric | {"value": 0.99} if metric["name"] == "tstr_mixed" else metric for metric in record["metrics"]]
    change(path, metrics=claimed)
    result = tumorbench("verify")
    assert result.code == 1
    assert "tstr_mixed is 0.99 in the record and" in result.out + result.err


def test_generated_pictures_are_published_and_linked_unless_they_repeat_the_training_images(
    generated, tumorbench, tmp_path
):
    (path,) = generated.glob("cells/tiny-shapes/tiny-artist/grouped-*/record.json")
    pictures = {picture.name for picture in (path.parent / "figures").iterdir()}
    assert pictures == {
        "intensities.png",
        "learning-curves.png",
        "samples.png",
        "samples-over-training.png",
    }  # none of the real images
    board = (generated.parent / "generation.md").read_text()
    assert f"[f0 s0](results/{path.parent.relative_to(generated).as_posix()}/figures/samples.png)" in board

    (kept,) = (tmp_path / "runs").glob("cells/tiny-shapes/tiny-artist/grouped-*/record.json")
    memorising = {"name": "memorisation[pixels]", "value": 0.5, "n": 36, "higher_is_better": False}
    change(
        kept,
        metrics=[
            *(each for each in json.loads(kept.read_text())["metrics"] if each["name"] != "memorisation[pixels]"),
            memorising,
        ],
    )
    assert tumorbench("publish").code == 0
    assert {picture.name for picture in (path.parent / "figures").iterdir()} == {
        "intensities.png",
        "learning-curves.png",
    }
    board = (generated.parent / "generation.md").read_text()
    assert "samples.png" not in board
    assert "Memorised: more than 25% of the images of `tiny-artist`" in board
