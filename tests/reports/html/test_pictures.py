"""Which pictures a report shows: those of patients never where it is published."""

import base64

import pytest

from tumorbench.contracts.record import Artifact
from tumorbench.reports.html.pictures import pictures_of
from tumorbench.tables.rows import rows_of

EVERY = [
    "worst mistakes",
    "masks",
    "samples over training",
    "samples",
    "real samples",
    "closest pairs in pixels",
    "attention",
]


@pytest.fixture
def titles(tmp_path):
    """The titles of the pictures of the one row of these records."""

    def of(*records, published=False):
        (row,) = rows_of(records)
        return [each.title.partition(" (")[0] for each in pictures_of(row, tmp_path, published=published)]

    return of


def generator(cell, memorisation, **more):
    metrics = {} if memorisation is None else {"memorisation[pixels]": memorisation}
    return cell(metrics, task="generation", pictures=EVERY, **more)


def test_a_local_report_shows_mistakes_masks_and_samples(cell, titles):
    assert titles(cell(pictures=EVERY)) == ["worst mistakes", "masks", "samples over training", "samples"]


def test_a_published_report_shows_no_picture_of_a_classifier_or_segmenter(cell, titles):
    assert titles(cell(pictures=EVERY), published=True) == []
    assert titles(cell({"dice": 0.5}, task="segmentation", pictures=EVERY), published=True) == []


def test_a_published_report_shows_what_a_generator_made(cell, titles):
    assert titles(generator(cell, 0.01), published=True) == ["samples over training", "samples"]


def test_a_published_report_shows_nothing_of_a_generator_that_repeats_its_training_images(cell, titles):
    assert titles(generator(cell, 0.6), published=True) == []


def test_a_published_report_shows_nothing_of_a_generator_that_was_not_looked_for_copies(cell, titles):
    assert titles(generator(cell, None), published=True) == []
    assert titles(generator(cell, 0.01, protocol="tstr-paper"), published=True) == []


def test_a_picture_that_is_not_the_one_in_the_record_is_not_shown(cell, titles, tmp_path):
    record = cell(pictures=["masks"])
    next(tmp_path.rglob("masks.png")).write_bytes(b"\x89PNG\r\n\x1a\nanother")
    assert titles(record) == []


def test_a_file_outside_the_record_s_folder_is_not_shown(cell, titles, tmp_path):
    record = cell(pictures=["masks"])
    own = next(tmp_path.rglob("masks.png"))
    own.rename(tmp_path / "masks.png")
    away = record.record.artifacts[0].model_copy(update={"path": "../../../../masks.png"})
    moved = record.record.model_copy(update={"artifacts": (away,)})
    assert titles(type(record)(moved, record.path)) == []


def test_what_is_no_png_is_not_shown(cell, titles, tmp_path):
    import hashlib

    record = cell(pictures=["masks"])
    path = next(tmp_path.rglob("masks.png"))
    path.write_bytes(b"<svg onload='alert(1)'/>")
    artifact = Artifact(
        kind="figure", path="figures/masks.png", sha256=hashlib.sha256(path.read_bytes()).hexdigest(), title="masks"
    )
    assert titles(type(record)(record.record.model_copy(update={"artifacts": (artifact,)}), record.path)) == []


def test_the_picture_is_of_the_first_cell_that_has_it_and_lies_in_the_page(cell, tmp_path):
    (row,) = rows_of([cell(), cell(seed=1, pictures=["masks"]), cell(seed=2, pictures=["masks"])])
    (picture,) = pictures_of(row, tmp_path, published=False)
    assert picture.title == "masks (fold 0, seed 1)"
    assert base64.b64decode(picture.source.removeprefix("data:image/png;base64,")).endswith(b"masks")


def test_a_page_with_pictures_of_patients_warns_and_one_of_phantoms_does_not(cell, rendered):
    pages = [rendered([cell(pictures=["masks"], synthetic=synthetic)]) for synthetic in (False, True)]
    assert ["This file has pictures of patients" in page.text for page in pages] == [True, False]
    assert [len(page.all("img")) for page in pages] == [1, 1]
    assert rendered([cell(pictures=EVERY)], pictures=False).all("img") == []
