"""The audit finds what is wrong with data sets: copies within and between them, labels in conflict, leaks of every split."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorbench import registry
from tumorbench.data.audit import Audit, audit, page, random_pairs
from tumorbench.data.audit.descriptors import DESCRIPTORS, describe
from tumorbench.data.decode import decode


@pytest.fixture
def folded(tmp_path):
    """figshare3064 with 30 patients in the author's folds, of whom the first two are one person in two folds."""
    folder, rng = tmp_path / "figshare3064", np.random.default_rng(0)
    rows = ["image,label,pid,pid_group,cv_fold"]
    for number in range(1, 31):
        for name, pixels in (
            (f"images/{number}.jpg", rng.integers(0, 255, (9, 8))),
            (f"masks/{number}.png", np.eye(9, 8)),
        ):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name)
        person = max(number, 2)
        rows.append(f"{number},{1 + person % 3},{number},{person},{1 + number % 5}")
    (folder / "metadata.csv").write_text("\n".join(rows))
    return tmp_path


def head(seed: int) -> np.ndarray:
    """A head of random shape and texture on black, uint8 ``(96, 96)``."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[-1:1:96j, -1:1:96j]
    a, b = rng.uniform(0.5, 0.85, 2)
    texture = np.asarray(Image.fromarray(rng.uniform(60, 250, (9, 9)).astype(np.uint8)).resize((96, 96)))
    return np.where((rows / a) ** 2 + (columns / b) ** 2 < 1, texture, 0).astype(np.uint8)


def save(image: np.ndarray, path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(image)).save(path, "PNG")


def write_sets(root: Path) -> None:
    """kaggle3264 and kaggle7023 of 12 heads a class, with copies that contradict each other, lie in ``root``."""
    names = {
        "kaggle3264": ("glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor"),
        "kaggle7023": ("glioma", "meningioma", "notumor", "pituitary"),
    }
    for number, (dataset, classes) in enumerate(names.items()):
        for label, name in enumerate(classes):
            for index in range(12):
                folder = root / dataset / ("Testing" if index < 4 else "Training") / name
                save(head(1000 * number + 100 * label + index), folder / f"{index:02}.png")
    own, other = (root / dataset for dataset in names)
    save(np.rot90(head(0)), own / "Training/meningioma_tumor/turned.png")  # of the test glioma 00
    save(head(101), own / "Training/meningioma_tumor/same.png")  # of the test meningioma 01
    save(head(205)[:, ::-1], other / "Training/pituitary/flipped.png")  # of the other set's no_tumor 05


@pytest.fixture(scope="module")
def audited(tmp_path_factory) -> Audit:
    """The audit of the two sets."""
    root, found = tmp_path_factory.mktemp("data"), registry.find()
    write_sets(root)
    return audit([decode(found.dataset(name), root, root) for name in ("kaggle3264", "kaggle7023")], found)


def test_copies_of_one_set_are_counted_and_their_conflicts_named(audited):
    found = audited.datasets[0]
    assert found["images_with_an_identical_twin"] == 2
    assert found["images_with_a_near_identical_twin"] == 4
    assert found["images_in_label_conflicts"] == 2
    (conflict,) = found["label_conflicts"]
    assert conflict["samples"] == ["Testing/glioma_tumor/00.png", "Training/meningioma_tumor/turned.png"]
    assert conflict["classes"] == ["glioma", "meningioma"]
    assert not conflict["identical"]


def test_copies_between_two_sets_are_compared_by_the_names_of_their_classes(audited):
    (found,) = audited.between
    assert found["datasets"] == ["kaggle3264", "kaggle7023"]
    assert found["images_with_an_identical_twin"] == [0, 0]
    assert found["images_with_a_near_identical_twin"] == [1, 1]
    assert [row["classes"] for row in found["label_conflicts"]] == [["notumor", "pituitary"]]


def test_every_fold_and_every_two_parts_of_a_split_have_a_row(audited):
    rows = audited.datasets[0]["splits"]
    parts = ["train-val", "train-test", "val-test", "train+val-test"]
    assert [(row["fold"], row["parts"]) for row in rows if row["split"] == "grouped"] == [
        (fold, name) for fold in range(5) for name in parts
    ]
    (official,) = [row for row in rows if (row["split"], row["parts"]) == ("official", "train+val-test")]
    assert (official["images"], official["identical_images"], official["near_copies"]) == (16, 1, 1)
    grouped = [row for row in rows if row["split"] == "grouped"]
    assert {row["identical_images"] + row["near_copies"] + row["images_of_shared_patients"] for row in grouped} == {0}


def test_what_the_set_itself_does_not_say_is_what_the_old_split_leaked(audited):
    rows = [row for row in audited.datasets[0]["splits"] if row["split"].startswith("grouped by what")]
    assert len(rows) == 5
    assert sum(row["near_copies"] for row in rows) == 2  # the turned copy and its original are tested once each
    assert sum(row["identical_images"] for row in rows) == 0


def test_the_page_shows_the_pairs_and_needs_no_other_file(audited):
    html = page(audited)
    assert "Keep it on this machine" in html
    sections = re.findall(r"<h3>(.*?) \((\d+)\)</h3>", html)
    assert ("Labels in conflict", "1") in sections
    assert ("Near-identical pairs in its own training and test folders", "2") in sections
    assert ("Labels that disagree", "1") in sections
    assert not re.findall(r'(?:src|href)="(?!data:)', html)
    images = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    assert len(images) == 2 * sum(int(count) for _, count in sections)


def test_pairs_to_look_at_are_drawn_from_every_set_and_are_the_same_each_time(audited):
    drawn = [(alike.first.spec.id, alike.second.spec.id, index) for alike, index in random_pairs(audited, 50)]
    assert sorted(drawn) == [
        ("kaggle3264", "kaggle3264", 0), ("kaggle3264", "kaggle3264", 1), ("kaggle3264", "kaggle7023", 0),
    ]  # fmt: skip
    again = [(alike.first.spec.id, alike.second.spec.id, index) for alike, index in random_pairs(audited, 2)]
    assert again == drawn[:2]


def test_a_picture_that_cannot_be_read_is_named_and_stops_no_other_set(tmp_path, tumorbench):
    write_sets(tmp_path)
    (tmp_path / "kaggle7023/Training/glioma/05.png").write_bytes(b"no picture")
    html, sheet = tmp_path / "pages/audit.html", tmp_path / "pages/sheet.png"
    result = tumorbench("data", "audit", "--json", "--html", html, "--sheet", sheet, "--data-root", tmp_path)
    assert result.code == 1
    audited, unread = json.loads(result.out)["datasets"]
    assert (audited["dataset"], audited["unreadable_images"]) == ("kaggle3264", {})
    assert unread["dataset"] == "kaggle7023"
    assert list(unread["unreadable_images"]) == ["Training/glioma/05.png"]
    assert "Not audited" in html.read_text()
    with Image.open(sheet) as picture:
        assert picture.format == "PNG"
    told = tumorbench("data", "audit", "kaggle7023", "--data-root", tmp_path)
    assert told.code == 1
    assert "kaggle7023: Training/glioma/05.png: " in told.err


def test_without_a_name_every_set_on_disk_is_audited(folded, tumorbench):
    report = json.loads(tumorbench("data", "audit", "--json", "--data-root", folded).out)
    assert [each["dataset"] for each in report["datasets"]] == ["figshare3064"]
    assert report["between"] == []
    assert tumorbench("data", "audit", "yesno253", "--data-root", folded).code == 2


def test_each_fold_of_the_publication_has_a_row_with_the_patients_that_straddle_it(tumorbench, folded):
    (report,) = json.loads(tumorbench("data", "audit", "figshare3064", "--json", "--data-root", folded).out)["datasets"]
    rows = [row for row in report["splits"] if row["parts"] == "train+val-test"]
    shared = {row["fold"]: row["patients_on_both_sides"] for row in rows if row["split"] == "official"}
    assert shared == {0: 0, 1: 1, 2: 1, 3: 0, 4: 0}
    assert {row["patients_on_both_sides"] for row in rows if row["split"] == "grouped"} == {0}
    assert report["clusters"] == 29


def test_a_paper_s_split_of_a_larger_copy_is_told_and_stops_no_other(tumorbench, folded):
    lines = [
        line.strip() for line in tumorbench("data", "audit", "figshare3064", "--data-root", folded).out.splitlines()
    ]
    (told,) = [line for line in lines if line.startswith("not possible: paper of pose-cnn: ")]
    assert told.endswith("complete the data set")
    assert any(line.startswith("grouped ") for line in lines)


def test_a_copy_that_lacks_the_folds_is_audited_without_them(tumorbench, folded):
    table = folded / "figshare3064/metadata.csv"
    table.write_text("\n".join(line.rpartition(",")[0] for line in table.read_text().splitlines()))
    (report,) = json.loads(tumorbench("data", "audit", "figshare3064", "--json", "--data-root", folded).out)["datasets"]
    assert not [row for row in report["splits"] if row["split"] == "official"]


def test_descriptors_are_those_of_the_picture():
    image = np.full((10, 20), 100, np.uint8)
    image[1:-1, 1:-1] = 0
    assert dict(zip(DESCRIPTORS, describe(image), strict=True)) == {
        "height": 10, "width": 20, "aspect": 2.0, "border": 100.0, "mean": 28.0, "black": 0.72,
    }  # fmt: skip


def test_a_size_that_tells_the_class_is_found_and_nothing_where_nothing_tells(tmp_path, tumorbench):
    for number in range(60):
        image = head(number)
        save(
            image if number % 2 else image[:90],
            tmp_path / "yesno253" / ("yes" if number % 2 else "no") / f"{number}.png",
        )
    (told,) = json.loads(tumorbench("data", "audit", "yesno253", "--json", "--data-root", tmp_path).out)["datasets"]
    found = told["trivial_descriptors"]
    assert (found["chance"], found["together"], found["alone"]["height"]) == (0.5, 1.0, 1.0)
    assert found["alone"]["width"] == 0.5
