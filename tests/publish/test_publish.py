"""What of a store is published: every finished record, its split, and no picture of a patient."""

import json
import shutil
from pathlib import Path

import pytest

from tumorbench.publish.splits import split_ids
from tumorbench.store import Store, read_record

pytestmark = pytest.mark.usefixtures("tiny")
CELLS = 5


def test_the_split_of_each_published_cell_is_published(published, path_of):
    (place,) = published.glob("splits/tiny-shapes/grouped-fold0-*.json")
    record, split = read_record(path_of(published)), json.loads(place.read_text())
    assert split["fingerprint"] == record.identity.split_fingerprint
    assert {part: len(split[part]) for part in ("train", "val", "test")} == record.sizes
    assert split_ids(Store(published), record.identity) == split_ids(Store(Path("runs")), record.identity)
    assert place.stat().st_size < next(Path().glob("runs/splits/tiny-shapes/grouped-fold0-*.json")).stat().st_size


def test_publishing_again_leaves_only_what_the_new_record_names(published, path_of, tumorbench):
    stale = path_of(published).parent / "figures/stale.png"
    stale.parent.mkdir()
    stale.write_text("of an earlier publication")
    assert tumorbench("publish").code == 0
    assert not stale.exists()
    assert json.loads(tumorbench("verify", "--json").out)["problems"] == {}


@pytest.mark.usefixtures("published")
def test_a_cell_without_its_split_is_named_and_not_published(tumorbench, tmp_path):
    shutil.rmtree(tmp_path / "runs/splits")
    shutil.rmtree(tmp_path / "leaderboards")
    result = tumorbench("publish")
    assert result.code == 1
    assert len(result.err.splitlines()) == CELLS
    assert "is not published: no file in runs/splits/tiny-shapes is the split that its identity names" in result.err
    assert not (tmp_path / "leaderboards").exists()


@pytest.mark.usefixtures("published")
def test_an_edited_record_is_refused_and_the_others_are_published(path_of, change, tumorbench, tmp_path, sound):
    shutil.rmtree(tmp_path / "leaderboards")
    path = path_of(tmp_path / "runs")
    change(path, metrics=[], synthetic=False)
    result = tumorbench("publish")
    assert result.code == 1
    named = f"tumorbench: {path.relative_to(tmp_path)} is not published: "
    assert all(line.startswith(named) for line in result.err.splitlines())
    assert f"{named}its synthetic is False, and the data set's card says True\n" in result.err
    assert result.out == f"{CELLS - 1} records published in leaderboards/results\n"
    assert sound(CELLS - 1)


@pytest.mark.usefixtures("published")
def test_a_changed_artifact_is_refused(path_of, tumorbench, tmp_path):
    (path_of(tmp_path / "runs").parent / "figures/learning-curves.png").write_text("another picture")
    result = tumorbench("publish")
    assert result.code == 1
    assert "figures/learning-curves.png was changed after the record was written" in result.err


def test_a_full_disk_is_named_and_the_same_command_finishes(published, path_of, tumorbench, tmp_path, full_disk, sound):
    shutil.rmtree(tmp_path / "leaderboards")
    with full_disk(1000):
        result = tumorbench("publish")
    assert result.code == 2
    (line,) = result.err.splitlines()
    place = path_of(tmp_path / "runs").parents[2].relative_to(tmp_path / "runs")
    assert line.startswith(f"tumorbench: leaderboards/results/{place}/")
    assert "cannot be written (File too large); make room" in line
    assert not [path for path in (tmp_path / "leaderboards").rglob("*") if path.is_file()]
    assert tumorbench("publish").code == 0
    assert sound(CELLS)


def test_a_full_disk_leaves_what_was_published_before(published, path_of, tumorbench, full_disk):
    before = {path: path.read_bytes() for path in published.parent.rglob("*") if path.is_file()}
    with full_disk(1000):
        assert tumorbench("publish").code == 2
    assert {path: path.read_bytes() for path in published.parent.rglob("*") if path.is_file()} == before


def test_a_board_that_does_not_fit_on_the_disk_is_named_and_stays_as_it_was(published, tumorbench, full_disk):
    board = published.parent / "classification.md"
    board.write_text("as it was")
    with full_disk(1000):
        result = tumorbench("leaderboard", "--published", "leaderboards")
    assert result.code == 2
    assert "leaderboards/classification.md cannot be used (File too large)" in result.err
    assert board.read_text() == "as it was"


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
    assert [picture.name for picture in (path.parent / "figures").iterdir()] == ["samples.png"]
    assert not list(published.glob("cells/tiny-shapes/tiny-classifier/*/figures"))
    board = (published.parent / "tiny-shapes.md").read_text()
    assert f"[f0 s0](results/{path.parent.relative_to(published).as_posix()}/figures/samples.png)" in board

    own = path_of(tmp_path / "runs", "tiny-artist")
    memorising = {"name": "memorisation[pixels]", "value": 0.5, "n": 36, "higher_is_better": False}
    others = [each for each in json.loads(own.read_text())["metrics"] if each["name"] != "memorisation[pixels]"]
    change(own, metrics=[*others, memorising])
    assert tumorbench("publish").code == 0
    assert not (path.parent / "figures").exists()
    board = "".join((published.parent / page).read_text() for page in ("generation.md", "tiny-shapes.md"))
    assert "samples.png" not in board
    assert "Memorised: more than 25% of the images of `tiny-artist`" in board
