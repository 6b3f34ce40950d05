"""Two data sets beside each other: what belongs together across them, and what is left to learn from."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

import tumorbench as tb
from tumorbench.data.decode import Decoded, Slice
from tumorbench.data.external import across, external_split, join, related, shared_classes, without
from tumorbench.data.kinship import kinship
from tumorbench.data.split import make_split, measure_leakage
from tumorbench.errors import BadInput

SIDE = 48


def spec(name: str, classes: tuple[str, ...], **more: object) -> tb.DatasetSpec:
    fields = {
        "id": name,
        "title": name,
        "version": "1",
        "tasks": ("classification", "segmentation"),
        "classes": classes,
        "mask_classes": ("tumour",),
        "licence": "MIT",
        "citation": "none",
        "source": tb.Source(homepage="none"),
        "patients_known": True,
        "counts": {},
        "factory": "none:None",
    }
    return tb.DatasetSpec.model_validate(fields | more)


def picture(seed: str) -> np.ndarray:
    """Coarse noise, of which two are not alike."""
    rng = np.random.default_rng(int(hashlib.sha256(seed.encode()).hexdigest()[:8], 16))
    return np.kron(rng.integers(0, 200, (12, 12)), np.ones((4, 4))).astype(np.uint8)


def decoded(folder: Path, card: tb.DatasetSpec, samples: list[tb.Sample], pictures: list[np.ndarray]) -> Decoded:
    """A data set of these pictures, as decoding leaves it in ``folder``."""
    folder.mkdir()
    (folder / "images.bin").write_bytes(b"".join(each.tobytes() for each in pictures))
    slices = tuple(
        Slice(number * SIDE * SIDE, SIDE, SIDE, hashlib.sha256(each.tobytes()).hexdigest())
        for number, each in enumerate(pictures)
    )
    return Decoded(card, tuple(samples), slices, f"{card.id:f>64}", folder)


@pytest.fixture
def tested(tmp_path) -> Decoded:
    """40 patients of two slices, of the classes a, b and c in turn."""
    samples = [tb.Sample(f"{who}-{n}", who % 3, "", patient=f"P{who}") for who in range(40) for n in range(2)]
    pictures = [picture(sample.id) for sample in samples]
    return decoded(tmp_path / "tested", spec("tested", ("a", "b", "c")), samples, pictures)


@pytest.fixture
def learned(tmp_path, tested) -> Decoded:
    """Of the classes b and a: 30 slices of its own, and four that the other set has.

    They are the same pixels, a brighter copy turned by 90 degrees, and two of its patients of which one is recovered.
    """
    own = [tb.Sample(f"own-{number}", number % 2, "") for number in range(30)]
    own[0] = tb.Sample("own-0", 0, "", recovered="P3")
    copies = [tb.Sample("same", 1, ""), tb.Sample("turned", 0, ""), tb.Sample("P4-again", 0, "", patient="P4")]
    pictures = [picture(sample.id) for sample in own]
    pictures += [picture("0-0"), np.rot90(picture("1-0")) + 20, picture("another slice of P4")]
    return decoded(tmp_path / "learned", spec("learned", ("b", "a")), [*own, *copies], pictures)


def both(tested: Decoded, learned: Decoded):
    return across(tested, learned, kinship(tested), kinship(learned))


def of_patients(tested: Decoded, *who: int) -> np.ndarray:
    return np.array([index for index, sample in enumerate(tested.samples) if sample.patient in {f"P{n}" for n in who}])


@pytest.mark.parametrize(
    ("patient", "matches"), [(0, ["same"]), (1, ["turned"]), (3, ["own-0"]), (4, ["P4-again"]), (5, [])]
)
def test_what_matches_a_test_slice_is_related_whether_a_copy_or_of_its_patient(tested, learned, patient, matches):
    found = related(both(tested, learned), of_patients(tested, patient), len(tested.samples))
    assert [learned.samples[index].id for index in np.flatnonzero(found)] == matches


def test_a_patient_s_other_slice_is_enough_for_a_copy_to_be_taken_out(tested, learned):
    other = np.array([index for index, sample in enumerate(tested.samples) if sample.id == "0-1"])
    found = related(both(tested, learned), other, len(tested.samples))
    assert learned.samples[int(np.flatnonzero(found)[0])].id == "same"


def test_an_external_split_tests_shared_classes_and_shares_no_cluster(tested, learned):
    joined = join(tested, learned)
    kin = both(tested, learned)
    split = external_split(joined, kin, of_patients(tested, 0, 1, 2, 3), 0)
    assert [joined.samples[index].id for index in split.test] == ["0-0", "0-1", "1-0", "1-1", "3-0", "3-1"]
    rest = {joined.samples[index].id for index in (*split.train, *split.val)}
    assert rest == {f"learned:{sample.id}" for sample in learned.samples} - {
        f"learned:{name}" for name in ("own-0", "same", "turned")
    }
    found = measure_leakage(split)
    assert (found.identical_test_images, found.near_identical_test_images, found.groups_on_both_sides) == (0, 0, 0)


def test_labels_of_the_set_learned_from_become_those_of_the_set_tested(tested, learned):
    joined = join(tested, learned)
    assert joined.spec.classes == ("a", "b")
    for sample, own in zip(joined.samples[len(tested.samples) :], learned.samples, strict=True):
        assert joined.spec.classes[sample.label] == learned.spec.classes[own.label]
    assert {sample.label for sample in joined.samples[: len(tested.samples)]} == {0, 1, -1}


def test_the_pictures_of_both_sets_are_there_in_the_order_of_the_samples(tested, learned):
    joined, n = join(tested, learned), len(tested.samples)
    assert np.array_equal(joined.image(n + 31), learned.image(31))
    assert np.array_equal(joined.images(SIDE)[n - 1], tested.image(n - 1))
    assert np.array_equal(joined.images(16)[n:], learned.images(16))
    assert joined.masks(16) is None


def test_equivalents_of_the_tested_set_s_card_count_as_its_class():
    answers = spec("answers", ("no", "yes"), equivalents={"yes": ("glioma", "meningioma"), "no": ("notumor",)})
    tumours = spec("tumours", ("glioma", "notumor", "meningioma", "abscess"))
    assert shared_classes(answers, tumours) == {"no": ["notumor"], "yes": ["glioma", "meningioma"]}
    assert shared_classes(tumours, answers) == {}


def test_an_equivalent_is_given_once_and_for_a_class_of_the_set():
    for wrong in ({"maybe": ("glioma",)}, {"yes": ("glioma",), "no": ("glioma",)}):
        with pytest.raises(ValueError, match="equivalents gives"):
            spec("answers", ("no", "yes"), equivalents=wrong)


def test_segmentation_across_sets_needs_masks_of_the_same_classes(tested, learned):
    assert "segmentation" in join(tested, learned).spec.tasks
    other = Decoded(
        learned.spec.model_copy(update={"mask_classes": ("core",)}),
        learned.samples,
        learned.slices,
        learned.fingerprint,
        learned.cache,
    )
    assert join(tested, other).spec.tasks == ("classification",)


def test_a_class_of_which_nothing_is_left_is_refused_by_name(tested, learned):
    joined, kin = join(tested, learned), both(tested, learned)
    few = [index for index, sample in enumerate(learned.samples) if learned.spec.classes[sample.label] == "b"]
    clusters = list(kin.clusters)
    for index in few:
        clusters[len(tested.samples) + index] = clusters[2]
    with pytest.raises(BadInput, match="no slice of class b left"):
        external_split(joined, type(kin)(kin.pixels, kin.patients, kin.near, tuple(clusters)), np.array([0, 2]), 0)


def test_a_split_without_what_another_set_tests_keeps_the_rest_in_order(learned):
    kin = kinship(learned)
    whole = make_split(learned.samples, learned.spec.classes, kin, "paper", 0, tb.SplitRule(kind="everything"))
    taken = np.isin(np.arange(len(learned.samples)), [1, 5])
    less = without(whole, taken, 3)
    assert less.train.tolist() == [index for index in range(len(learned.samples)) if index not in (1, 5)]
    assert (less.fold, less.protocol) == (3, "paper")
    with pytest.raises(BadInput, match="nothing is left"):
        without(whole, ~np.zeros(len(taken), bool), 0)
