"""The file that ``tumorbench report`` writes of a store."""

import pandas as pd
import pytest

from tumorbench.store import PREDICTIONS, Store, artifact

PICTURES = ["worst mistakes", "masks", "real samples", "samples", "samples over training"]


@pytest.fixture
def folder(cell, predictions, tmp_path, monkeypatch):
    """A folder with a store of one classifier, its table of predictions, and every kind of picture.

    Its boards' folder too.
    """

    def make(name):
        store = Store(tmp_path / name)
        located = cell(pictures=PICTURES, classes=("glioma", "pituitary"), confusion=((3, 1), (1, 1)))
        own = store.cell_folder(located.record.identity, located.record.cell_key)
        own.parent.mkdir(parents=True)
        (tmp_path / located.path).parent.rename(own)
        predictions().to_parquet(own / PREDICTIONS)
        table = artifact("predictions", own, own / PREDICTIONS)
        store.write(located.record.model_copy(update={"artifacts": (*located.record.artifacts, table)}))
        return own

    monkeypatch.chdir(tmp_path)
    return make


def pictures(text):
    return text.count('src="data:image/png;base64,')


def test_the_report_of_a_store_lies_in_it_with_its_pictures(folder, tumorbench, tmp_path):
    folder("runs")
    done = tumorbench("report")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("runs/report.html (0.9 MB)")
    text = (tmp_path / "runs" / "report.html").read_text()
    assert pictures(text) == 4
    assert "This file has pictures of patients" in text
    assert "The most confident of 3 mistakes in 6 predictions" in text
    assert "<h6>Calibration</h6>" in text


def test_the_same_store_without_pictures_has_none(folder, tumorbench, tmp_path):
    folder("runs")
    assert tumorbench("report", "--no-pictures", "-o", "new/clean.html").code == 0
    assert pictures((tmp_path / "new" / "clean.html").read_text()) == 0


def test_a_report_of_published_records_shows_no_patient_even_where_pictures_lie_beside_them(
    folder, tumorbench, tmp_path
):
    folder("boards/results")
    assert tumorbench("report", "--published", "boards").code == 0
    text = (tmp_path / "boards" / "report.html").read_text()
    assert pictures(text) == 0
    assert "no picture shows a patient" in text


def test_predictions_that_are_not_those_of_the_record_are_not_shown(folder, tumorbench, tmp_path):
    own = folder("runs")
    pd.read_parquet(own / PREDICTIONS).assign(label=0).to_parquet(own / PREDICTIONS)
    assert tumorbench("report").code == 0
    assert "mistakes in 6 predictions" not in (tmp_path / "runs" / "report.html").read_text()


def test_a_damaged_record_is_told_and_the_others_are_shown(folder, tumorbench, tmp_path):
    damaged = folder("runs").parent / "damaged" / "record.json"
    damaged.parent.mkdir()
    damaged.write_text("{")
    done = tumorbench("report")
    assert done.code == 1
    assert "damaged/record.json cannot be read as a record" in done.err
    assert "Network net-a" in (tmp_path / "runs" / "report.html").read_text()


def test_a_file_that_cannot_be_written_is_one_line(folder, tumorbench, tmp_path):
    folder("runs")
    (tmp_path / "file").touch()
    done = tumorbench("report", "-o", "file/report.html")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "give another file with -o" in done.err
