"""What of a store is published: every finished record, its split, and no picture of a patient."""

import json
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("tiny")


def test_the_split_of_each_published_cell_is_published(published, path_of):
    split = json.loads(next(published.glob("splits/tiny-shapes/grouped-fold0-*.json")).read_text())
    record = json.loads(path_of(published).read_text())
    assert split["fingerprint"] == record["identity"]["split_fingerprint"]
    assert {part: len(split[part]) for part in ("train", "val", "test")} == record["sizes"]


def test_publishing_again_leaves_only_what_the_new_record_names(published, path_of, tumorbench):
    stale = path_of(published).parent / "figures/stale.png"
    stale.write_text("of an earlier publication")
    assert tumorbench("publish").code == 0
    assert not stale.exists()
    assert json.loads(tumorbench("verify", "--json").out)["problems"] == {}


def test_what_the_store_lacks_stops_publishing_with_one_line(published, tumorbench, tmp_path):
    shutil.rmtree(tmp_path / "runs/splits")
    result = tumorbench("publish")
    assert result.code == 2
    assert "is not in runs/splits; run: tumorbench run -d tiny-shapes -m 'tiny-" in result.err


def test_no_home_folder_is_published(tumorbench, published, path_of, change, tmp_path):
    path = path_of(tmp_path / "runs")
    record = json.loads(path.read_text())
    lacking = record["instruments"][0] | {"metric": "far", "reason": f"not in {Path.home()}/.cache"}
    change(
        path,
        environment=record["environment"] | {"folder": f"{Path.home()}/site-packages"},
        instruments=[*record["instruments"], lacking],
    )
    assert tumorbench("publish").code == 0
    record = json.loads(path_of(published).read_text())
    assert record["environment"]["folder"] == "~/site-packages"
    assert record["instruments"][-1]["reason"] == "not in ~/.cache"


def test_generated_pictures_are_published_and_linked_unless_they_repeat_the_training_images(
    published, path_of, change, tumorbench, tmp_path
):
    path = path_of(published, "tiny-artist")
    shown = {picture.name for picture in (path.parent / "figures").iterdir()}
    kept = {"intensities.png", "learning-curves.png"}
    assert shown == kept | {"samples.png", "samples-over-training.png"}  # none of the real images
    board = (published.parent / "generation.md").read_text()
    assert f"[f0 s0](results/{path.parent.relative_to(published).as_posix()}/figures/samples.png)" in board

    own = path_of(tmp_path / "runs", "tiny-artist")
    memorising = {"name": "memorisation[pixels]", "value": 0.5, "n": 36, "higher_is_better": False}
    others = [each for each in json.loads(own.read_text())["metrics"] if each["name"] != "memorisation[pixels]"]
    change(own, metrics=[*others, memorising])
    assert tumorbench("publish").code == 0
    assert {picture.name for picture in (path.parent / "figures").iterdir()} == kept
    board = (published.parent / "generation.md").read_text()
    assert "samples.png" not in board
    assert "Memorised: more than 25% of the images of `tiny-artist`" in board
