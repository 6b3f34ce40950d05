"""A data set that lies otherwise than published is recognised where there is no doubt; else it is said what was found and what is due."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tumorbench as tb
from tumorbench_datasets import cards
from tumorbench_datasets.folders import Kaggle3264, Kaggle7023, Yesno253

PUBLISHED = {reader: [part[0] for part in reader(Path())._parts()] for reader in (Kaggle3264, Kaggle7023, Yesno253)}


def fill(root: Path, folders: list[str], count: int = 2) -> Path:
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            Image.fromarray(np.full((4, 5), 7, np.uint8)).save(root / folder / f"{number}.jpg")
    return root


def refusal(reader: tb.Dataset, kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        reader.samples()
    return str(caught.value)


@pytest.mark.parametrize("change", [
    str.lower, str.upper, lambda path: path.replace("_", " "), lambda path: path.replace("tumor", "Tumour"),
    "archive/{}".format, "archive/brain-tumor/{}".format,
], ids=["lower", "upper", "blanks", "British", "one-level", "two-levels"])  # fmt: skip
@pytest.mark.parametrize("reader", PUBLISHED)
def test_other_spellings_and_a_level_too_deep_give_the_published_samples(tmp_path, reader, change):
    published = fill(tmp_path / "as-published", PUBLISHED[reader])
    other = fill(tmp_path / "otherwise", [change(path) for path in PUBLISHED[reader]])
    expected, found = reader(published).samples(), reader(other).samples()
    assert [(each.id, each.label, each.split) for each in found] == [
        (each.id, each.label, each.split) for each in expected
    ]
    assert {tuple(reader(other).read_image(each).shape) for each in found} == {(4, 5)}


@pytest.fixture
def small(monkeypatch):
    """The card of kaggle3264 publishes two pictures a class."""
    counts = {split: dict.fromkeys(cards.KAGGLE3264.classes, 2) for split in ("train", "test")}
    monkeypatch.setattr(Kaggle3264, "card", cards.KAGGLE3264.model_copy(update={"counts": counts}))


@pytest.mark.usefixtures("small")
def test_the_class_names_of_another_set_are_taken_where_every_count_is_the_published_one(tmp_path):
    root = fill(tmp_path, [path.replace("_tumor", "") for path in PUBLISHED[Kaggle3264]])
    (root / "Training/no").rename(root / "Training/notumor")
    (root / "Testing/no").rename(root / "Testing/notumor")
    samples = Kaggle3264(root).samples()
    assert (samples[0].id, samples[0].image) == ("Testing/glioma_tumor/0.jpg", "Testing/glioma/0.jpg")
    assert len(samples) == 16


def test_the_class_names_of_another_set_with_other_counts_are_doubted(tmp_path):
    fill(tmp_path, PUBLISHED[Kaggle7023])
    assert refusal(Kaggle3264(tmp_path), tb.BadInput) == (
        f"kaggle3264: found {tmp_path}/Training/glioma with 2 pictures, where Training/glioma_tumor with 826 is due; "
        f"rename the folders if they are this data set, or move another one out of {tmp_path}"
    )


def test_two_folders_that_may_be_the_class_are_named(tmp_path):
    fill(tmp_path, [*PUBLISHED[Yesno253][1:], "NO", "No"])
    assert refusal(Yesno253(tmp_path), tb.BadInput) == (
        f"{tmp_path} holds NO and No, and either may be no; keep one, and call it no"
    )


def test_two_copies_on_one_level_are_named_and_a_copy_below_the_published_place_is_not_read(tmp_path):
    fill(tmp_path, [f"{copy}/{path}" for copy in "ab" for path in PUBLISHED[Yesno253]])
    assert "yesno253 is in" in refusal(Yesno253(tmp_path), tb.BadInput)
    fill(tmp_path, PUBLISHED[Yesno253])
    assert {each.image for each in Yesno253(tmp_path).samples()} == {
        f"{path}/{n}.jpg" for path in PUBLISHED[Yesno253] for n in range(2)
    }


def test_an_incomplete_copy_says_what_lies_where_the_missing_folder_is_due(tmp_path):
    fill(tmp_path, [path.replace("pituitary_tumor", "hypophysis") for path in PUBLISHED[Kaggle3264]])
    line = refusal(Kaggle3264(tmp_path), tb.BadInput)
    assert line.startswith(
        f"kaggle3264 is incomplete: {tmp_path}/Training/pituitary_tumor, {tmp_path}/Testing/pituitary_tumor missing "
        f"({tmp_path}/Testing holds glioma_tumor/, hypophysis/, meningioma_tumor/, no_tumor/; "
    )
    assert line.endswith("run: tumorbench data fetch kaggle3264")


def test_what_lies_in_the_folder_is_told_before_a_download_is_advised(tmp_path):
    fill(tmp_path, ["tumours/one", "tumours/two"])
    assert refusal(Yesno253(tmp_path), tb.Unavailable) == (
        f"yesno253 is not in {tmp_path}: it holds tumours/, and no/, yes/ is due; rename or move what is there, or fetch it "
        "with: tumorbench data fetch yesno253"
    )


def test_a_zip_that_was_not_unpacked_is_told_with_the_command_that_unpacks_it(tmp_path):
    fill(tmp_path / "source", PUBLISHED[Yesno253])
    root = tmp_path / "yesno253"
    root.mkdir()
    with zipfile.ZipFile(root / "archive.zip", "w") as zipped:
        for path in (tmp_path / "source").rglob("*.jpg"):
            zipped.write(path, path.relative_to(tmp_path / "source"))
    line = refusal(Yesno253(root), tb.Unavailable)
    assert line == (
        f"yesno253 is not in {root}: it holds archive.zip, not unpacked, and no/, yes/ is due; "
        f"run: python -m zipfile -e {root / 'archive.zip'} {root}"
    )
    with zipfile.ZipFile(root / "archive.zip") as zipped:
        zipped.extractall(root)
    assert len(Yesno253(root).samples()) == 4


@pytest.mark.parametrize(("name", "verb"), [
    ("brain-mri-images-for-brain-tumor-detection", "rename it to"),
    ("brain-mri-images-for-brain-tumor-detection.zip", "unpack it into"),
    ("YesNo-253", "rename it to"),
])  # fmt: skip
def test_a_copy_beside_the_folder_under_the_publisher_s_name_is_told(tmp_path, name, verb):
    if name.endswith(".zip"):
        (tmp_path / name).touch()
    else:
        fill(tmp_path / name, PUBLISHED[Yesno253])
    root = tmp_path / "yesno253"
    line = refusal(Yesno253(root), tb.Unavailable)
    assert line.startswith(f"yesno253 is not in {root}, but {tmp_path / name} is there: {verb} {root}, or fetch it")


def test_a_data_root_that_is_the_data_set_itself_is_told(tmp_path):
    fill(tmp_path, PUBLISHED[Yesno253])
    assert f"but {tmp_path} holds it: give the folder above as --data-root" in refusal(
        Yesno253(tmp_path / "yesno253"), tb.Unavailable
    )


def test_hidden_files_and_what_is_no_picture_are_left_out(tmp_path):
    fill(tmp_path, PUBLISHED[Yesno253])
    for name in ("._0.jpg", ".hidden.png", ".DS_Store", "Thumbs.db", "desktop.ini", "notes.txt"):
        (tmp_path / "yes" / name).write_bytes(b"no picture")
    (tmp_path / "__MACOSX/yes").mkdir(parents=True)
    assert [each.id for each in Yesno253(tmp_path).samples()] == ["no/0.jpg", "no/1.jpg", "yes/0.jpg", "yes/1.jpg"]


@pytest.mark.parametrize("make", [
    os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to(path),
], ids=["pipe", "folder", "device", "loop"])  # fmt: skip
def test_a_picture_s_name_that_is_no_file_is_refused(tmp_path, make):
    fill(tmp_path, PUBLISHED[Yesno253])
    make(tmp_path / "yes/Y1.jpg")
    assert refusal(Yesno253(tmp_path), tb.BadInput) == (
        f"{tmp_path}/yes/Y1.jpg is no file, but a folder, a pipe, a device or a broken link; remove it"
    )


def test_a_class_folder_without_a_picture_says_what_it_holds(tmp_path):
    fill(tmp_path, ["yes", "no"])
    for path in (tmp_path / "no").iterdir():
        path.rename(path.with_suffix(".bmp"))
    assert f"{tmp_path}/no holds no picture, but 0.bmp, 1.bmp; remove" in refusal(Yesno253(tmp_path), tb.BadInput)
