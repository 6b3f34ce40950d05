"""The readers on small folders built here, and on the public data sets where they are."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

import tumorbench as tb
from tumorbench.data.reading import read_slice
from tumorbench.testing import plugin_contract
from tumorbench_datasets import cards
from tumorbench_datasets.figshare3064 import base_id, open_figshare3064
from tumorbench_datasets.figshare_mat import ARCHIVES
from tumorbench_datasets.folders import Kaggle3264, Kaggle7023, Yesno253

READERS = {"figshare3064": open_figshare3064, "kaggle7023": Kaggle7023, "kaggle3264": Kaggle3264, "yesno253": Yesno253}
test_contract = plugin_contract("tumorbench_datasets")
MISSING_7023 = {f"Training/notumor/Tr-no_{number}.jpg" for number in (1011, 1012, 1019, 1020)}


@pytest.fixture
def real_root() -> Path:
    if "TUMORBENCH_DATA" not in os.environ:
        pytest.skip("TUMORBENCH_DATA does not name a folder with the public data sets")
    return Path(os.environ["TUMORBENCH_DATA"])


def save_picture(path: Path, pixels: np.ndarray | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 5), 7, np.uint8) if pixels is None else pixels).save(path)


def mat(pid: str, label: int, image: np.ndarray, mask: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["cjdata/PID"] = np.array([[ord(letter)] for letter in pid], np.uint16)
        file["cjdata/label"] = np.array([[float(label)]])
        file["cjdata/image"] = image.T  # MATLAB stores columns first
        file["cjdata/tumorMask"] = mask.T
    return buffer.getvalue()


def write_archives(root: Path, first: bytes) -> None:
    image, mask = np.arange(6, dtype=np.int16).reshape(2, 3), np.zeros((2, 3), np.uint8)
    root.mkdir(parents=True, exist_ok=True)
    for archive, number, content in zip(
        ARCHIVES, (1, 767, 1533, 2299), (first, *[mat("77B", 3, image, mask)] * 3), strict=True
    ):
        with zipfile.ZipFile(root / archive, "w") as zipped:
            zipped.writestr(f"{number}.mat", content)


@pytest.mark.parametrize("spec", cards.ALL, ids=lambda spec: spec.id)
def test_a_set_that_is_not_there_is_unavailable_in_one_line_with_the_command(spec, tmp_path):
    with pytest.raises(tb.Unavailable) as caught:
        READERS[spec.id](tmp_path / spec.id).samples()
    assert (
        str(caught.value) == f"{spec.id} is not in {tmp_path / spec.id}; fetch it with: tumorbench data fetch {spec.id}"
    )


@pytest.mark.parametrize("spec", [spec for spec in cards.ALL if spec.source.kaggle], ids=lambda spec: spec.id)
def test_a_set_that_kagglehub_unpacks_promises_no_hash(spec):
    assert spec.source.files == ()


def test_the_card_of_kaggle7023_says_what_vouches_for_a_copy_and_how_a_manual_download_is_compared():
    (note,) = [note for note in cards.KAGGLE7023.notes if "SHA-256" in note]
    assert note.startswith("No hash is checked: kagglehub unpacks the archive and deletes it")
    assert "048b7413ce05bb52627046cfa5cde097b12e865aa80f6110959f547fd6fe4ef1" in note


def test_class_folders_give_labels_in_card_order_and_the_official_split(tmp_path):
    for split in ("Training", "Testing"):
        for name in ("glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor"):
            save_picture(tmp_path / split / name / "image(1).jpg")
    (tmp_path / "Training" / "no_tumor" / "Thumbs.db").write_bytes(b"not a picture")
    listed = [(sample.id, sample.label, sample.split) for sample in Kaggle3264(tmp_path).samples()]
    assert listed[:2] == [
        ("Testing/glioma_tumor/image(1).jpg", 0, "test"),
        ("Testing/meningioma_tumor/image(1).jpg", 1, "test"),
    ]
    assert listed[-2:] == [
        ("Training/no_tumor/image(1).jpg", 2, "train"),
        ("Training/pituitary_tumor/image(1).jpg", 3, "train"),
    ]
    assert len(listed) == 8


def test_a_missing_class_folder_is_named(tmp_path):
    save_picture(tmp_path / "yes" / "Y1.jpg")
    with pytest.raises(tb.BadInput, match="no missing"):
        Yesno253(tmp_path).samples()


def test_an_empty_class_is_named(tmp_path):
    save_picture(tmp_path / "yes" / "Y1.jpg")
    (tmp_path / "no").mkdir()
    with pytest.raises(tb.BadInput, match=r"no holds no picture"):
        Yesno253(tmp_path).samples()


def test_pictures_that_differ_by_suffix_only_are_two_samples(tmp_path):
    for name in ("yes/Y1.jpg", "yes/Y1.png", "no/1 no.jpeg"):
        save_picture(tmp_path / name)
    assert [sample.id for sample in Yesno253(tmp_path).samples()] == ["no/1 no.jpeg", "yes/Y1.jpg", "yes/Y1.png"]


def test_a_mat_slice_is_transposed_and_scaled_from_its_own_minimum_to_its_maximum(tmp_path):
    image, mask = np.array([[-100, 0, 0], [0, 0, 410]], np.int16), np.array([[0, 0, 1], [0, 0, 0]], np.uint8)
    write_archives(tmp_path, mat("MR040240B", 2, image, mask))
    reader = open_figshare3064(tmp_path)
    first = reader.samples()[0]
    assert (first.id, first.label, first.patient, first.group) == ("1", 1, "MR040240B", "MR040240")
    assert first.image == "brainTumorDataPublic_1-766.zip!/1.mat"
    assert reader.read_image(first).tolist() == [[0, 50, 50], [50, 50, 255]]
    assert reader.read_mask(first).tolist() == mask.tolist()


def test_a_replaced_archive_is_listed_anew(tmp_path):
    image, mask = np.zeros((2, 3), np.int16), np.zeros((2, 3), np.uint8)
    write_archives(tmp_path, mat("1", 1, image, mask))
    assert open_figshare3064(tmp_path).samples() == open_figshare3064(tmp_path).samples()
    write_archives(tmp_path, mat("2222", 3, image, mask))
    assert open_figshare3064(tmp_path).samples()[0].patient == "2222"


def test_a_missing_archive_is_named_and_a_part_file_does_not_stand_for_it(tmp_path):
    write_archives(tmp_path, b"")
    (tmp_path / ARCHIVES[2]).rename(tmp_path / f"{ARCHIVES[2]}.part")
    with pytest.raises(tb.BadInput, match=r"brainTumorDataPublic_1533-2298\.zip missing"):
        open_figshare3064(tmp_path).samples()


def test_a_truncated_archive_is_named(tmp_path):
    write_archives(tmp_path, mat("1", 1, np.zeros((9, 9), np.int16), np.zeros((9, 9), np.uint8)))
    path = tmp_path / ARCHIVES[0]
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(tb.BadInput, match=r"brainTumorDataPublic_1-766\.zip is truncated"):
        open_figshare3064(tmp_path).samples()


def test_a_corrupt_mat_file_is_named(tmp_path):
    write_archives(tmp_path, b"MATLAB 5.0 MAT-file")
    with pytest.raises(tb.BadInput, match=r"1-766\.zip!/1\.mat cannot be read"):
        open_figshare3064(tmp_path).samples()


def test_a_mat_mask_of_another_size_is_refused(tmp_path):
    write_archives(tmp_path, mat("1", 1, np.zeros((4, 6), np.int16), np.zeros((4, 5), np.uint8)))
    reader = open_figshare3064(tmp_path)
    with pytest.raises(tb.BadInput, match="tumorMask is 5x4, but image is 6x4"):
        reader.read_mask(reader.samples()[0])


def write_converted(root: Path, mask: np.ndarray) -> None:
    save_picture(root / "images" / "1.jpg")
    save_picture(root / "masks" / "1.png", mask)
    (root / "metadata.csv").write_text("image,label,label_name,pid,pid_group,cv_fold\n1,3,pituitary,9B,9,5\n")


def test_a_converted_mask_of_another_size_names_both_files_and_sizes(tmp_path):
    write_converted(tmp_path, np.zeros((3, 8), np.uint8))
    reader = open_figshare3064(tmp_path)
    with pytest.raises(tb.BadInput, match=r"masks/1\.png is 8x3, but its image .*images/1\.jpg is 5x4"):
        read_slice(cards.FIGSHARE3064, reader, reader.samples()[0])


def test_a_converted_slice_without_its_mask_file_is_named(tmp_path):
    write_converted(tmp_path, np.zeros((4, 5), np.uint8))
    (tmp_path / "masks" / "1.png").unlink()
    with pytest.raises(
        tb.BadInput,
        match=r"1 of the 2 pictures that metadata\.csv lists are missing in .*, the first is masks/1\.png; complete the converted folder",
    ):
        open_figshare3064(tmp_path).samples()


def test_converted_pictures_without_their_table_are_refused(tmp_path):
    write_converted(tmp_path, np.zeros((4, 5), np.uint8))
    (tmp_path / "metadata.csv").unlink()
    with pytest.raises(tb.BadInput, match=r"metadata\.csv is missing"):
        open_figshare3064(tmp_path).samples()


@pytest.mark.real_data
@pytest.mark.parametrize("spec", cards.ALL, ids=lambda spec: spec.id)
def test_the_public_copy_lists_the_published_counts(spec, real_root):
    samples = READERS[spec.id](real_root / spec.id).samples()
    found = {
        split: Counter(spec.classes[each.label] for each in samples if (each.split or "all") == split)
        for split in spec.counts
    }
    if spec.id == "kaggle7023":  # the copy for development lacks these
        lacking = {path for path in MISSING_7023 if not (real_root / spec.id / path).exists()}
        found["train"]["notumor"] += len(lacking)
    assert found == spec.counts


@pytest.mark.real_data
def test_base_ids_are_the_groups_of_the_conversion(real_root):
    samples = open_figshare3064(real_root / "figshare3064").samples()
    assert all(base_id(sample.patient) == sample.group for sample in samples)
    assert (len({sample.patient for sample in samples}), len({sample.group for sample in samples})) == (233, 209)


@pytest.mark.real_data
def test_the_official_sample_has_the_recorded_pixels_labels_and_patients(real_root, tmp_path):
    folder = tmp_path / "figshare3064"
    shutil.copytree(real_root / "figshare3064-mat-sample", folder)
    expected, reader = json.loads((folder / "expected.json").read_text()), open_figshare3064(folder)
    samples = reader.samples()
    assert [sample.id for sample in samples] == sorted(expected, key=int)
    for sample in samples:
        image, record = reader.read_image(sample), expected[sample.id]
        assert (sample.label + 1, sample.patient, list(image.shape)) == (
            record["label"],
            record["pid"],
            record["shape"],
        )
        assert reader.read_mask(sample).sum() == record["mask_pixels"]
    for number in ("1", "200", "1532", "3064"):  # raw values already span 0..255, so that scaling changes nothing
        image = reader.read_image(next(sample for sample in samples if sample.id == number))
        assert image.sum() == expected[number]["image_sum"]
        assert image[128].mean() == pytest.approx(expected[number]["row0_mean"], abs=6e-4)
        assert image[:, 128].mean() == pytest.approx(expected[number]["col0_mean"], abs=6e-4)


@pytest.mark.real_data
def test_both_layouts_give_the_same_slices(real_root, tmp_path):
    shutil.copytree(real_root / "figshare3064-mat-sample", tmp_path / "figshare3064")
    official, converted = open_figshare3064(tmp_path / "figshare3064"), open_figshare3064(real_root / "figshare3064")
    by_id = {sample.id: sample for sample in converted.samples()}
    for sample in official.samples():
        twin = by_id[sample.id]
        assert (sample.label, sample.patient, sample.group) == (twin.label, twin.patient, twin.group)
    first = official.samples()[0]
    assert np.array_equal(official.read_image(first), converted.read_image(by_id["1"]))
