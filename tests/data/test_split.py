"""Splits hold what their protocol promises."""

from __future__ import annotations

import numpy as np
import pytest

import tumorbench as tb
from tumorbench.contracts.record import Leakage
from tumorbench.data import split
from tumorbench.data.kinship import Kinship
from tumorbench.errors import BadInput

CLASSES = ("a", "b")


def patients(n: int = 40, slices: int = 3) -> list[tb.Sample]:
    """``n`` patients of alternating class with ``slices`` slices each."""
    return [
        tb.Sample(f"{patient}-{number}", patient % 2, "", patient=str(patient))
        for patient in range(n)
        for number in range(slices)
    ]


def distinct(samples: list[tb.Sample]) -> list[str]:
    return [f"pixels of {sample.id}" for sample in samples]


def kin(samples, pixels=None, near=None):
    return Kinship.of(samples, pixels or distinct(samples), near)


def make(samples, protocol, fold=0, rule=None, pixels=None, near=None):
    return split.make_split(samples, CLASSES, kin(samples, pixels, near), protocol, fold, rule)


def test_no_patient_straddles_a_grouped_split():
    samples = patients()
    parts = make(samples, "grouped")
    sides = [{samples[index].patient for index in getattr(parts, part)} for part in ("train", "val", "test")]
    assert not (sides[0] & sides[2]) | (sides[1] & sides[2]) | (sides[0] & sides[1])


def test_the_five_test_folds_are_the_whole_set_once():
    samples = patients()
    tested = np.concatenate([make(samples, "grouped", fold).test for fold in range(split.FOLDS)])
    assert sorted(tested) == list(range(len(samples)))


def test_grouped_folds_are_stratified():
    samples = patients(100)
    for fold in range(split.FOLDS):
        labels = [samples[index].label for index in make(samples, "grouped", fold).test]
        assert 0.4 < np.mean(labels) < 0.6


def test_identical_images_of_different_patients_stay_together():
    samples = patients()
    pixels = distinct(samples)
    pixels[0] = pixels[-1] = "the same slice"
    for fold in range(split.FOLDS):
        parts = make(samples, "grouped", fold, pixels=pixels)
        assert (0 in parts.test) == (len(samples) - 1 in parts.test)


def test_groups_join_through_a_chain_of_twins():
    samples = [
        tb.Sample(str(number), 0, "", patient=patient) for number, patient in enumerate(["p", "p", "q", "q", "r"])
    ]
    assert len(set(kin(samples, ["1", "2", "2", "3", "3"]).clusters)) == 1
    assert len(set(kin(samples, ["1", "2", "3", "4", "5"]).clusters)) == 3


def test_a_group_wider_than_the_patient_is_what_counts():
    samples = [tb.Sample("1", 0, "", patient="17A", group="17"), tb.Sample("2", 0, "", patient="17B", group="17")]
    assert len(set(kin(samples, ["x", "y"]).clusters)) == 1


def test_a_class_with_fewer_groups_than_folds_cannot_be_grouped():
    samples = [sample for sample in patients() if sample.label == 0 or sample.patient in ("1", "3")]
    with pytest.raises(BadInput, match="class b has 2 independent groups"):
        make(samples, "grouped")


def test_the_split_is_the_same_every_time_and_its_fingerprint_too():
    samples = patients()
    first, second = make(samples, "grouped", 2), make(samples, "grouped", 2)
    assert first.as_ids(samples) == second.as_ids(samples)
    assert first.fingerprint(samples) == second.fingerprint(samples) != make(samples, "grouped", 3).fingerprint(samples)


def test_counts_are_taken_from_each_class():
    samples = patients()
    rule = tb.SplitRule(kind="counts", test={"a": 7, "b": 5}, val={"a": 4, "b": 3})
    parts = make(samples, "paper", rule=rule)
    for part, expected in (("test", [7, 5]), ("val", [4, 3]), ("train", [49, 52])):
        assert np.bincount([samples[index].label for index in getattr(parts, part)]).tolist() == expected


def test_sizes_are_totals_and_parts_do_not_overlap():
    samples = patients()
    parts = make(samples, "paper", rule=tb.SplitRule(kind="sizes", test=12, val=40))
    assert (len(parts.train), len(parts.val), len(parts.test)) == (68, 40, 12)
    assert len({*parts.train, *parts.val, *parts.test}) == len(samples)


def test_a_share_is_carved_out_of_training_by_class():
    samples = patients()
    parts = make(samples, "paper", rule=tb.SplitRule(kind="counts", test={"a": 10, "b": 10}, val=0.1))
    assert np.bincount([samples[index].label for index in parts.val]).tolist() == [5, 5]


def test_more_than_there_is_cannot_be_held_out():
    samples = patients(10)
    with pytest.raises(BadInput, match="complete the data set"):
        make(samples, "paper", rule=tb.SplitRule(kind="sizes", test=29, val=5))
    with pytest.raises(BadInput, match="complete the data set"):
        make(samples, "paper", rule=tb.SplitRule(kind="counts", test={"a": 15, "b": 1}))


def test_holding_nothing_out_counts_every_test_image_as_identical():
    samples = patients()
    parts = make(samples, "paper", rule=tb.SplitRule(kind="everything"))
    assert split.measure_leakage(parts).identical_test_images == len(samples) == len(parts.test)


def test_official_keeps_the_folders():
    samples = [tb.Sample(str(number), number % 2, "", split="test" if number < 10 else "train") for number in range(50)]
    parts = make(samples, "official")
    assert parts.test.tolist() == list(range(10))
    assert len(parts.val) == pytest.approx(4, abs=1)


def test_official_needs_folders():
    with pytest.raises(BadInput, match="no official train/test split"):
        make(patients(), "official")


def test_leakage_counts_patients_and_twins_on_both_sides():
    samples = [tb.Sample(str(number), 0, "", patient=patient) for number, patient in enumerate("ppqqr")]
    own = kin(samples, ["1", "2", "3", "4", "3"])
    parts = split.Split("paper", 0, np.array([0, 2]), np.array([], np.int64), np.array([1, 3, 4]), own)
    assert split.measure_leakage(parts) == Leakage(
        test_samples=3,
        groups_on_both_sides=2,
        test_samples_of_shared_groups=2,
        identical_test_images=1,
        near_identical_test_images=0,
        unknown_patient_test_images=0,
    )
    assert split.leaked(parts) == ["patient", "patient", "identical"]


def test_leakage_counts_near_copies_and_slices_whose_patient_nobody_knows():
    samples = [tb.Sample(str(number), 0, "", recovered="p" if number == 4 else None) for number in range(5)]
    own = kin(samples, near=np.array([[0, 2], [1, 3]]))
    parts = split.Split("official", 0, np.array([0]), np.array([1]), np.array([2, 3, 4]), own)
    leakage = split.measure_leakage(parts)
    assert (leakage.near_identical_test_images, leakage.unknown_patient_test_images) == (2, 2)
    assert split.leaked(parts) == ["near-identical", "near-identical", ""]
    assert split.leaked(parts, "val") == [""]


def test_near_copies_and_recovered_patients_stay_together_in_every_part():
    samples = [
        tb.Sample(str(number), number % 2, "", recovered=str(number // 4) if number < 80 else None)
        for number in range(200)
    ]
    near = np.array([[number, 199 - number] for number in range(80, 140, 2)])
    for fold in range(split.FOLDS):
        parts = make(samples, "grouped", fold, near=near)
        part_of = {index: part for part in split.PARTS for index in getattr(parts, part).tolist()}
        assert all(part_of[one] == part_of[other] for one, other in near.tolist())
        assert all(part_of[index] == part_of[4 * (index // 4)] for index in range(80))


def test_validation_of_an_official_split_has_no_near_copy_in_training():
    samples = [
        tb.Sample(str(number), number % 2, "", split="test" if number < 20 else "train") for number in range(120)
    ]
    near = np.array([[number, number + 50] for number in range(20, 70)])
    parts = make(samples, "official", near=near)
    assert parts.test.tolist() == list(range(20))
    assert len(parts.val) == pytest.approx(12, abs=3)
    assert split.leaked(parts, "val") == [""] * len(parts.val)


def test_a_stored_split_is_the_one_that_was_made():
    samples = patients()
    made = make(samples, "grouped", 3)
    stored = split.from_ids(made.to_store(samples), samples, kin(samples), "grouped", 3)
    assert stored.as_ids(samples) == made.as_ids(samples)


def test_a_stored_split_that_was_changed_is_refused():
    samples = patients()
    stored = make(samples, "grouped").to_store(samples)
    stored["train"].append(stored["test"].pop())
    with pytest.raises(BadInput, match="changed since it was made"):
        split.from_ids(stored, samples, kin(samples), "grouped", 0)


def test_a_stored_grouped_split_that_leaks_is_refused():
    samples = patients()
    parts = np.array([0, 3, 4]), np.array([6]), np.array([1, 9])
    leaking = split.Split("grouped", 0, *parts, kin(samples)).to_store(samples)
    with pytest.raises(BadInput, match="the grouped split leaks"):
        split.from_ids(leaking, samples, kin(samples), "grouped", 0)


def in_folds(folds: int = 5, slices: int = 3) -> list[tb.Sample]:
    """40 patients in the publication's own folds; of every four the first two are one person under two IDs."""
    return [
        tb.Sample(
            f"{patient}-{number}",
            patient % 2,
            "",
            patient=str(patient),
            group=str(patient // 2) if patient % 4 < 2 else str(patient + 100),
            fold=patient % folds,
        )
        for patient in range(40)
        for number in range(slices)
    ]


def test_the_publication_s_folds_are_tested_one_by_one():
    samples = in_folds()
    for fold in range(5):
        parts = make(samples, "official", fold)
        assert [samples[index].fold for index in parts.test] == [fold] * 24
        assert sorted({*parts.train, *parts.val, *parts.test}) == list(range(120))
        assert len(parts.train) + len(parts.val) + len(parts.test) == 120


def test_validation_of_an_official_fold_shares_no_group_with_training():
    samples = in_folds()
    parts = make(samples, "official", 2)
    sides = [{samples[index].group for index in part} for part in (parts.train, parts.val)]
    assert 10 <= len(parts.val) <= 15
    assert not sides[0] & sides[1]


def test_a_group_that_straddles_the_publication_s_folds_is_counted_and_not_refused():
    samples = in_folds()
    leakage = split.measure_leakage(make(samples, "official", 0))
    assert (leakage.groups_on_both_sides, leakage.test_samples_of_shared_groups) == (4, 12)


def test_an_official_fold_needs_every_sample_s_fold():
    samples = [*in_folds(), tb.Sample("x", 0, "")]
    with pytest.raises(BadInput, match="1 of 121 samples have no fold of the publication"):
        make(samples, "official", 0)
    with pytest.raises(BadInput, match="fold 7 of the publication has 0 of 120 samples"):
        make(in_folds(), "official", 7)


def test_a_stored_official_split_of_other_folds_is_refused():
    samples = in_folds()
    stored = make(samples, "official", 1).to_store(samples)
    assert split.from_ids(stored, samples, kin(samples), "official", 1).test.tolist() == stored_test(samples, 1)
    with pytest.raises(BadInput, match="does not test fold 2 of the publication"):
        split.from_ids(stored, samples, kin(samples), "official", 2)


def stored_test(samples: list[tb.Sample], fold: int) -> list[int]:
    return [index for index, sample in enumerate(samples) if sample.fold == fold]


@pytest.mark.parametrize("protocol", ["grouped", "official"])
def test_few_samples_give_fewer_parts_to_choose_validation_from_or_one_line(protocol):
    few = [
        tb.Sample(str(n), n % 2, "", patient=str(n), fold=n // 2 if protocol == "official" else None) for n in range(10)
    ]
    parts = make(few, protocol, 0)
    assert [len(part) for part in (parts.train, parts.val, parts.test)] == [6, 2, 2]


def test_too_few_samples_for_validation_are_one_line():
    pair = [tb.Sample(str(n), n, "", fold=n) for n in range(2)]
    with pytest.raises(BadInput, match="1 samples are too few to take validation out of what is not tested"):
        make(pair, "official", 0)
    lone = [tb.Sample("0", 0, "", split="test"), tb.Sample("1", 1, "", split="train")]
    with pytest.raises(BadInput, match="1 samples are too few to take validation out of what is not tested"):
        make(lone, "official")
