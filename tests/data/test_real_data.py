"""The public data sets as they are: published counts, splits without a shared patient, and the leaks of the sets' own splits as they were published."""

from __future__ import annotations

import hashlib
import json
import shutil
import string
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tumorbench import registry
from tumorbench.data import decode, split
from tumorbench.data.kinship import kinship
from tumorbench.data.quality import flaws

pytestmark = pytest.mark.real_data

FIGSHARE = {"meningioma": 708, "glioma": 1426, "pituitary": 930}
COUNTS = {
    "figshare3064": {"all": FIGSHARE},
    "kaggle7023": {
        "train": {"glioma": 1321, "meningioma": 1339, "notumor": 1595, "pituitary": 1457},
        "test": {"glioma": 300, "meningioma": 306, "notumor": 405, "pituitary": 300},
    },
    "kaggle3264": {
        "train": {"glioma": 826, "meningioma": 822, "notumor": 395, "pituitary": 827},
        "test": {"glioma": 100, "meningioma": 115, "notumor": 105, "pituitary": 74},
    },
    "yesno253": {"all": {"no": 98, "yes": 155}},
}
MISSING_IN_7023 = 4  # Training/notumor of the copy for development lacks four


@pytest.fixture(scope="session")
def decoded(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], decode.Decoded]:
    """Each data set, decoded at most once for all of these tests."""
    folder = tmp_path_factory.mktemp("decoded")
    found = registry.find()

    @cache
    def of(name: str) -> decode.Decoded:
        if not (real_data / name).is_dir():
            pytest.skip(f"{name} is not in TUMORBENCH_DATA")
        return decode.decode(found.dataset(name), real_data, folder)

    return of


def split_of(decoded: decode.Decoded, protocol: str, fold: int = 0, model: str | None = None) -> split.Split:
    rule = registry.find().model(model).paper.splits[decoded.spec.id] if model else None
    return split.make_split(decoded.samples, decoded.spec.classes, kinship(decoded), protocol, fold, rule)


def per_class(decoded: decode.Decoded, indices: np.ndarray) -> dict[str, int]:
    return dict(Counter(decoded.spec.classes[decoded.samples[index].label] for index in indices))


@pytest.mark.parametrize("name", COUNTS)
def test_a_set_has_the_published_count_of_each_class_and_split(tumorbench, real_data, name):
    report = json.loads(tumorbench("info", name, "--json", "--data-root", str(real_data)).out)
    if not report["available"]:
        pytest.skip(report["reason"])
    assert report["published_counts"] == COUNTS[name]
    found = report["counts"]
    if name == "kaggle7023":
        lacking = COUNTS[name]["train"]["notumor"] - found["train"]["notumor"]
        assert 0 <= lacking <= MISSING_IN_7023
        assert report["samples"] == 7023 - lacking
        found["train"]["notumor"] += lacking
    assert found == COUNTS[name]


def test_an_incomplete_copy_is_told_with_the_numbers_of_the_files_that_it_lacks(real_data):
    from tumorbench.data.fetch.counts import count_problems
    from tumorbench.data.reading import list_samples

    spec, folder = registry.find().dataset("kaggle7023"), real_data / "kaggle7023/Training/notumor"
    if not folder.is_dir():
        pytest.skip("kaggle7023 is not in TUMORBENCH_DATA")
    lacking = 1595 - sum(1 for _ in folder.iterdir())
    problems = count_problems(spec, list_samples(spec, decode.open_dataset(spec, real_data)))
    assert len(problems) == bool(lacking)
    for problem in problems:
        named = [int(number) for number in problem.partition(" lacks ")[2].split(", ")]
        assert problem.startswith(f"kaggle7023 train notumor: {1595 - lacking} of 1595 published; the series ")
        assert len(named) == lacking
        assert not [path for path in folder.iterdir() if int(path.stem.rpartition("_")[2]) in named]


def test_no_patient_nor_its_twin_id_stands_on_both_sides_of_a_figshare_fold_and_folds_are_stratified(decoded):
    figshare = decoded("figshare3064")
    tested = []
    for fold in range(split.FOLDS):
        parts = split_of(figshare, "grouped", fold)
        sides = [
            {figshare.samples[index].patient.rstrip(string.ascii_letters) for index in getattr(parts, part)}
            for part in ("train", "val", "test")
        ]
        assert not (sides[0] & sides[1]) | (sides[0] & sides[2]) | (sides[1] & sides[2])
        for name, count in per_class(figshare, parts.test).items():
            assert count / len(parts.test) == pytest.approx(FIGSHARE[name] / 3064, abs=0.05), (fold, name)
        assert set(per_class(figshare, parts.val)) == set(FIGSHARE)
        assert len(parts.val) == pytest.approx(306, rel=0.35)
        tested.extend(parts.test)
    assert sorted(tested) == list(range(3064))


def test_figshare_has_233_patients_in_209_groups_and_most_of_them_straddle_the_papers_split(decoded):
    figshare = decoded("figshare3064")
    assert len({sample.patient for sample in figshare.samples}) == 233
    assert len({sample.group for sample in figshare.samples}) == 209
    leakage = split.measure_leakage(split_of(figshare, "paper", model="pose-cnn"))
    assert leakage.test_samples == 614
    assert leakage.groups_on_both_sides > 150
    assert leakage.test_samples_of_shared_groups > 500


def test_the_author_s_folds_share_no_patient_and_fifteen_base_ids(decoded):
    figshare = decoded("figshare3064")
    parts = [split_of(figshare, "official", fold) for fold in range(5)]
    assert [len(each.test) for each in parts] == [570, 655, 562, 613, 664]
    assert sorted(np.concatenate([each.test for each in parts])) == list(range(3064))
    folds: dict[str, dict[str, set[int]]] = {"patient": {}, "group": {}}
    for sample in figshare.samples:
        for kind, of in folds.items():
            of.setdefault(getattr(sample, kind), set()).add(sample.fold)
    assert {kind: sum(len(each) > 1 for each in of.values()) for kind, of in folds.items()} == {
        "patient": 0,
        "group": 15,
    }
    assert [split.measure_leakage(each).groups_on_both_sides for each in parts] == [
        5,
        8,
        8,
        6,
        7,
    ]


FINGERPRINTS = {  # of the copies that published records stand on; one file tells whether it is such a copy
    "figshare3064": (
        "images/1.jpg",
        "404c757e37b6e861106b901220bad93b8259a0b8a1a28671c980cd95e42eb662",
        "dfea79650d6bda41c8ed331cf2dd1dac358623a1db2197f36c62a3bb9b090cd7",
    ),
    "kaggle3264": (
        "Training/glioma_tumor/gg (1).jpg",
        "dbc79575fca482de5146409dcade1b1f5f2a84fad808290b6084d796c13d0b09",
        "046c6ef1a58eab2e72818a5ffe646e3174292b913c82d8187230d9c04604ab34",
    ),
    "kaggle7023": (
        "Training/glioma/Tr-gl_0010.jpg",
        "7ee660914ca2547f53eba9182c0f66e9f948b95763785ae4b91617c286fecd87",
        "8bb97a976142c11b051e547cb2868c888b0d51351236b47a124a5036e4bf5c01",
    ),
    "yesno253": (
        "yes/Y1.jpg",
        "27a43972bf6b6bb00fd071791c3925f422295c16f881ef8c395a9534f12cf0af",
        "c27e771fced33389c6fc725cb423b9d4fdd01d6247cdd1dc78bdcecc188ba9f3",
    ),
}


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_a_set_decodes_to_the_pixels_that_published_records_stand_on(decoded, real_data, name):
    file, digest, fingerprint = FINGERPRINTS[name]
    path = real_data / name / file
    if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        pytest.skip("the copy is another than that of the published records")
    assert decoded(name).fingerprint == fingerprint


@pytest.mark.parametrize("name", COUNTS)
def test_no_picture_of_a_public_set_is_taken_for_a_blank_one(decoded, name):
    found = decoded(name)
    named = flaws((sample.id, found.image(index)) for index, sample in enumerate(found.samples))
    assert named == {"empty": [], "constant": [], "saturated": []}


@pytest.mark.parametrize(("name", "test_images", "identical"), [("kaggle7023", 1311, 216), ("kaggle3264", 394, 251)])
def test_an_official_split_has_the_published_number_of_identical_test_images(decoded, name, test_images, identical):
    kaggle = decoded(name)
    leakage = split.measure_leakage(split_of(kaggle, "official"))
    assert (leakage.test_samples, leakage.identical_test_images) == (test_images, identical)


@pytest.mark.parametrize("name", ["figshare3064", "kaggle7023", "kaggle3264", "yesno253"])
def test_nothing_of_a_grouped_fold_is_on_both_sides(decoded, name):
    found = decoded(name)
    for fold in range(split.FOLDS):
        parts = split_of(found, "grouped", fold)
        assert set(split.leaked(parts)) | set(split.leaked(parts, "val")) == {""}


def test_the_pose_cnn_is_tested_on_as_many_slices_of_each_class_as_in_its_report(decoded):
    figshare = decoded("figshare3064")
    parts = split_of(figshare, "paper", model="pose-cnn")
    assert per_class(figshare, parts.test) == {"meningioma": 142, "glioma": 286, "pituitary": 186}
    assert len(parts.train) + len(parts.val) == 3064 - 614


def test_the_pose_unet_is_split_into_as_many_slices_as_in_its_report(decoded):
    parts = split_of(decoded("figshare3064"), "paper", model="pose-unet")
    assert (len(parts.train), len(parts.val), len(parts.test)) == (2453, 488, 123)


def test_tumorsynth_trains_on_every_slice_of_yesno253(decoded):
    parts = split_of(decoded("yesno253"), "paper", model="tumorsynth1")
    assert (len(parts.train), len(parts.val)) == (253, 0)


def test_every_figshare_slice_has_a_mask_of_its_size_and_tumours_cover_a_sixtieth(decoded):
    figshare = decoded("figshare3064")
    assert all(where.mask_offset >= 0 for where in figshare.slices)
    share = np.mean([figshare.mask(index).mean() for index in range(0, 3064, 8)])
    assert share == pytest.approx(0.017, abs=0.002)


def test_the_official_archives_run_as_they_are(tumorbench, real_data, tmp_path, monkeypatch):
    """The sample in the official layout, found by the command line under the data set's id."""
    if not (real_data / "figshare3064-mat-sample").is_dir():
        pytest.skip("figshare3064-mat-sample is not in TUMORBENCH_DATA")
    shutil.copytree(real_data / "figshare3064-mat-sample", tmp_path / "figshare3064")
    monkeypatch.chdir(tmp_path)
    report = json.loads(tumorbench("data", "info", "figshare3064", "--json", "--data-root", str(tmp_path)).out)
    assert (report["available"], report["samples"]) == (True, 20)
    assert Path(report["contact_sheet"]).stat().st_size > 10_000
    audit = json.loads(tumorbench("data", "verify", "figshare3064", "--json", "--data-root", str(tmp_path)).out)
    assert not audit["ok"]
    assert any("708 published" in problem for problem in audit["problems"])
