"""The command ``report``."""

import shutil
import sys

import pytest


@pytest.fixture
def store(tiny, tumorbench):
    """A working store of one classifier and one segmenter."""
    done = tumorbench(
        "run",
        "-d",
        "tiny-shapes",
        "-m",
        "tiny-classifier",
        "-m",
        "tiny-segmenter",
        "--protocol",
        "grouped",
        "--budget",
        "quick",
    )
    assert done.code == 0, done.err
    return tiny / "runs"


def test_the_report_of_a_store_lies_in_it_with_its_pictures(store, tumorbench):
    done = tumorbench("report")
    assert done.code == 0, done.err
    assert done.out.startswith("runs/report.html (")
    text = (store / "report.html").read_text()
    assert text.count("data:image/png;base64,") == 2
    assert "This file has pictures of patients" in text


def test_the_same_store_without_pictures_has_none(store, tumorbench):
    assert tumorbench("report", "--no-pictures", "-o", "new/clean.html").code == 0
    assert "data:image" not in (store.parent / "new" / "clean.html").read_text().replace("img-src data:", "")


def test_a_report_of_published_records_shows_no_patient_even_where_a_picture_lies_beside_them(store, tumorbench):
    shutil.copytree(store, store.parent / "boards" / "results")
    assert tumorbench("report", "--published", "boards").code == 0
    text = (store.parent / "boards" / "report.html").read_text()
    assert "data:image" not in text.replace("img-src data:", "")
    assert "no picture shows a patient" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--store", "a", "--published", "b"), "--store and --published were both given"),
        (("--store", "nowhere"), "the store nowhere does not exist"),
        (("--published", "nowhere"), "tumorbench publish makes one"),
    ],
)
def test_what_cannot_be_reported_is_one_line(tiny, tumorbench, arguments, said):
    done = tumorbench("report", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1


def test_a_file_that_cannot_be_written_is_one_line(store, tumorbench):
    (store.parent / "file").touch()
    done = tumorbench("report", "-o", "file/report.html")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "give another file with -o" in done.err


@pytest.mark.parametrize("package", ["altair", "jinja2", "markdown_it", "vl_convert"])
def test_without_its_extra_the_command_names_it(tiny, tumorbench, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    done = tumorbench("report")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"tumorbench: report needs the package {package}; pip install 'tumorbench[report]'\n"
