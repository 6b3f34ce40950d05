"""figshare3064 in its layouts, and the author's own folds in theirs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

import tumorbench as tb
from tumorbench_datasets.figshare3064 import open_figshare3064
from tumorbench_datasets.figshare_folds import read_folds
from tumorbench_datasets.figshare_mat import ARCHIVES

FIRST = (1, 767, 1533, 2299)  # slice of each archive
FOLDS = [number % 5 + 1 for number in range(3064)]


def mat(number: int, **changes: object) -> bytes:
    arrays = {
        "PID": np.array([[ord(letter)] for letter in f"{100 + number}B"], np.uint16),
        "label": np.array([[1.0 + number % 3]]),
        "image": np.random.default_rng(number).integers(0, 900, (6, 5)).astype(np.int16),
        "tumorMask": np.eye(6, 5, dtype=np.uint8),
    }
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, content in (arrays | changes).items():
            file.create_dataset(f"cjdata/{name}", data=content, compression="gzip" if np.size(content) > 99 else None)
    return buffer.getvalue()


def write_zips(folder: Path, first: bytes | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, number in zip(ARCHIVES, FIRST, strict=True):
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as zipped:
            zipped.writestr(f"{number}.mat", first if first and number == 1 else mat(number))
    return folder


def write_mats(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in FIRST:
        (folder / f"{number}.mat").write_bytes(mat(number))
    return folder


def write_converted(
    folder: Path, rows: str = "image,label,label_name,pid,pid_group,cv_fold\n1,3,pituitary,9B,9,5\n"
) -> Path:
    for name, value in (("images/1.jpg", 7), ("masks/1.png", 255)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 5), value, np.uint8)).save(folder / name)
    (folder / "metadata.csv").write_text(rows)
    return folder


def write_folds(path: Path, version: str, values: object = FOLDS, name: str = "cvind") -> None:
    column = np.array(values, float).reshape(-1, 1)
    if version == "v5":
        savemat(path, {name: column})
    else:
        with h5py.File(path, "w", userblock_size=512) as file:
            file[name] = column.T
        content = bytearray(path.read_bytes())
        content[:10] = b"MATLAB 7.3"
        path.write_bytes(content)


def refusal(root: Path, kind: type[Exception] = tb.BadInput) -> str:
    with pytest.raises(kind) as caught:
        open_figshare3064(root).samples()
    return str(caught.value)


def facts(root: Path) -> list[tuple[object, ...]]:
    reader = open_figshare3064(root)
    return [
        (each.id, each.label, each.patient, each.group, each.fold, reader.read_image(each).tolist(), reader.read_mask(each).sum())
        for each in reader.samples()
    ]  # fmt: skip


@pytest.mark.parametrize("version", ["v5", "v7.3"])
@pytest.mark.parametrize("name", ["cvind", "folds"])
def test_the_archives_have_the_author_s_folds_where_the_file_lies_beside_them(tmp_path, version, name):
    write_zips(tmp_path)
    assert [each.fold for each in open_figshare3064(tmp_path).samples()] == [None] * 4
    write_folds(tmp_path / "cvind.mat", version, name=name)
    assert [each.fold for each in open_figshare3064(tmp_path).samples()] == [0, 1, 2, 3]
    assert read_folds(tmp_path)[:6] == [0, 1, 2, 3, 4, 0]


def test_a_conversion_has_them_in_its_table_or_in_the_file(tmp_path):
    assert open_figshare3064(write_converted(tmp_path / "a")).samples()[0].fold == 4
    plain = write_converted(tmp_path / "b", "image,label,pid,pid_group\n1,3,9B,9\n")
    assert open_figshare3064(plain).samples()[0].fold is None
    write_folds(plain / "cvind.mat", "v5")
    assert open_figshare3064(plain).samples()[0].fold == 0


@pytest.mark.parametrize("fold", ["0", "6", "", "x", "1.5"])
def test_a_fold_of_the_table_that_is_none_is_named(tmp_path, fold):
    write_converted(tmp_path, f"image,label,pid,pid_group,cv_fold\n1,3,9B,9,{fold}\n")
    assert f"{tmp_path / 'metadata.csv'} cannot be read (ValueError: " in refusal(tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<html>", "cannot be read"),
        (b"\x89HDF\r\n\x1a\n" + bytes(300), "cannot be read"),
        ([0, 1, 2], r"does not hold one fold of 1\.\.5 for each slice"),
        ([1.5, 2, 3], r"does not hold one fold of 1\.\.5 for each slice"),
        ([float("nan")], "cannot be read"),
    ],
)
@pytest.mark.parametrize("version", ["v5", "v7.3"])
def test_a_file_of_folds_that_is_none_is_named(tmp_path, version, content, told):
    path = write_zips(tmp_path) / "cvind.mat"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        write_folds(path, version, content)
    with pytest.raises(tb.BadInput, match=rf"cvind\.mat {told}.*tumorbench data fetch figshare3064"):
        open_figshare3064(tmp_path).samples()


def test_unpacked_and_nested_files_give_what_the_archives_give(tmp_path):
    expected = facts(write_zips(tmp_path / "zips"))
    assert facts(write_mats(tmp_path / "mats")) == expected
    for number in FIRST:
        folder = tmp_path / "four" / f"brainTumorDataPublic_{number}"
        folder.mkdir(parents=True)
        (folder / f"{number}.mat").write_bytes(mat(number))
    assert facts(tmp_path / "four") == expected
    write_zips(tmp_path / "nested/1512427")
    write_mats(tmp_path / "deeper/download/data")
    assert facts(tmp_path / "nested") == facts(tmp_path / "deeper") == expected


def test_a_nested_conversion_is_read(tmp_path):
    write_converted(tmp_path / "figshare/png")
    assert open_figshare3064(tmp_path).samples()[0].image == "images/1.jpg"


def test_two_places_and_one_slice_twice_are_named(tmp_path):
    write_zips(tmp_path / "both/a")
    write_zips(tmp_path / "both/b")
    assert "figshare3064 is in" in refusal(tmp_path / "both")
    write_mats(tmp_path / "twice/a")
    write_mats(tmp_path / "twice/b")
    assert "twice holds slice 1 twice: a/1.mat and b/1.mat" in refusal(tmp_path / "twice")


def test_other_content_is_told_before_a_download_is_advised(tmp_path):
    root = tmp_path / "figshare3064"
    root.mkdir()
    (root / "1512427.zip").touch()
    assert f"it holds 1512427.zip, not unpacked, and {ARCHIVES[0]}, " in refusal(root, tb.Unavailable)
    (root / "1512427.zip").rename(root / "slides.pdf")
    assert f"it holds slides.pdf, and {ARCHIVES[0]}, " in refusal(root, tb.Unavailable)
    (root / "slides.pdf").unlink()
    write_zips(tmp_path)
    assert f"but {tmp_path} holds it" in refusal(root, tb.Unavailable)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"image": np.zeros((6000, 6000), np.int16), "tumorMask": np.zeros((6000, 6000), np.uint8)}, "36,000,000 values, more than any slice"),
        ({"image": np.array([[np.nan, 1.0]])}, "cannot be read"),
        ({"image": np.zeros((0, 5))}, "cannot be read"),
        ({"image": b"text"}, "cannot be read"),
    ],
)  # fmt: skip
def test_an_image_that_is_none_is_named(tmp_path, changes, told):
    reader = open_figshare3064(write_zips(tmp_path, mat(1, **changes)))
    with pytest.raises(tb.BadInput, match=rf"1-766\.zip!/1\.mat.*{told}"):
        reader.read_image(reader.samples()[0])


def test_a_member_that_unpacks_to_more_than_any_slice_is_not_unpacked(tmp_path):
    write_zips(tmp_path, bytes(80_000_000))
    assert "1.mat has 80,000,000 bytes unpacked, more than any slice" in refusal(tmp_path)
