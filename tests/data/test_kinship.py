"""What belongs together: patients, recovered patients, identical slices and near-copies, through chains."""

from __future__ import annotations

import numpy as np

import tumorbench as tb
from tumorbench.data.kinship import Kinship, near_copies
from tumorbench.data.near import Matches

SAMPLES = [
    tb.Sample("0", 0, "", patient="p"),
    tb.Sample("1", 0, "", patient="q", group="g"),
    tb.Sample("2", 0, "", recovered="p"),
    tb.Sample("3", 0, ""),
    tb.Sample("4", 0, ""),
]


def test_similar_slices_of_two_known_patients_must_be_nearly_identical_to_count():
    pairs = np.array([[0, 1], [0, 2], [0, 3], [3, 4]])
    for correlation, expected in ((0.98, [[0, 2], [0, 3], [3, 4]]), (0.995, pairs.tolist()), (0.96, [])):
        found = Matches(pairs, np.full(4, correlation))
        assert near_copies(found, SAMPLES, SAMPLES).tolist() == expected


def test_a_chain_of_reasons_makes_one_cluster():
    kin = Kinship.of(SAMPLES, ["a", "b", "c", "b", "d"], np.array([[2, 3]]))
    assert kin.patients == ("p", "g", "p", "", "")
    assert len(set(kin.clusters[:4])) == 1
    assert kin.clusters[4] not in kin.clusters[:4]


def test_the_digest_tells_another_clustering():
    whole = Kinship.of(SAMPLES, list("abcde"))
    assert whole.digest == Kinship.of(SAMPLES, list("vwxyz")).digest
    assert whole.digest != Kinship.of(SAMPLES, list("abcdd")).digest
