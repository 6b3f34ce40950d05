"""The phantom: what a patient's number decides, and what a lesion may not give away."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tumorbench.testing import plugin_contract
from tumorbench_phantom import PHANTOM
from tumorbench_phantom.anatomy import load_head, waves
from tumorbench_phantom.phantom import KINDS, Phantom, draw_patient, render

test_contract = plugin_contract(
    "tumorbench_phantom", roots={"phantom": Path(__file__).parent}
)  # any folder: it is never read


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return Phantom(Path("no", "such", "folder"))


def label_of(name: str) -> int:
    return PHANTOM.classes.index(name)


def test_it_lists_without_any_file_and_as_its_card_counts(phantom):
    samples = phantom.samples()
    assert Counter(PHANTOM.classes[sample.label] for sample in samples) == PHANTOM.counts["all"]
    assert (len({sample.patient for sample in samples}), len({sample.id for sample in samples})) == (60, 240)


def test_every_patient_has_one_label(phantom):
    assert len({(sample.patient, sample.label) for sample in phantom.samples()}) == 60


def test_the_same_slice_has_the_same_pixels_whatever_was_rendered_before(phantom):
    sample = phantom.samples()[101]
    first = phantom.read_image(sample)
    render.cache_clear()
    for other in phantom.samples()[:2]:
        phantom.read_image(other)
    render.cache_clear()
    assert np.array_equal(phantom.read_image(sample), first)


def test_what_a_caller_does_to_a_slice_does_not_reach_the_next_reader(phantom):
    sample = phantom.samples()[0]
    before = phantom.read_image(sample).copy()
    phantom.read_image(sample)[:] = 0
    assert np.array_equal(phantom.read_image(sample), before)


@pytest.mark.parametrize("kind", KINDS)
def test_every_slice_of_a_patient_with_a_tumour_shows_it(phantom, kind):
    samples = [sample for sample in phantom.samples() if sample.label == label_of(kind)][::5]
    assert min(phantom.read_mask(sample).sum() for sample in samples) >= 10


def test_a_patient_without_a_tumour_has_an_empty_mask(phantom):
    healthy = [sample for sample in phantom.samples() if sample.label == label_of("notumor")][::7]
    assert {int(phantom.read_mask(sample).max()) for sample in healthy} == {0}


def test_image_and_mask_are_uint8_of_one_size(phantom):
    sample = phantom.samples()[0]
    image, mask = phantom.read_image(sample), phantom.read_mask(sample)
    assert (image.shape, image.dtype, mask.shape, mask.dtype) == ((128, 128), np.uint8, (128, 128), np.uint8)
    assert set(np.unique(mask)) <= {0, 1}


def test_gliomas_lie_deep_meningiomas_reach_the_dura_and_pituitary_tumours_the_midline():
    head = load_head()
    lesions = [draw_patient(number).lesion for number in range(60)]
    by_kind = {kind: [lesion for lesion in lesions if lesion.kind == kind] for kind in KINDS}
    assert all(head.depth(lesion.centre_mm[:, None])[0] > 0.8 * lesion.radius_mm for lesion in by_kind["glioma"])
    assert all(head.depth(lesion.centre_mm[:, None])[0] < lesion.radius_mm for lesion in by_kind["meningioma"])
    assert all(abs(lesion.centre_mm[0]) < 6 for lesion in by_kind["pituitary"])


def test_patients_without_a_tumour_are_cut_at_the_levels_of_every_kind():
    kinds = {draw_patient(number).lesion.kind for number in range(label_of("notumor"), 60, 4)}
    assert kinds == set(KINDS)


def test_the_scanner_does_not_give_the_class_away():
    patients = [draw_patient(number) for number in range(60)]
    for name in ("gain", "gamma", "bias", "noise", "scale", "scalp_mm"):
        values = np.array([getattr(patient, name) for patient in patients])
        spread = values.std()
        means = [values[label::4].mean() for label in range(4)]
        assert max(means) - min(means) < 1.2 * spread, (
            name
        )  # 15 patients a class: chance alone gives about half of this


def test_the_lesion_is_drawn_apart_from_pose_and_scanner():
    twins = draw_patient(1), draw_patient(2)
    assert twins[0].gain != twins[1].gain
    assert np.allclose(twins[0].rotation @ twins[0].rotation.T, np.eye(3))


def test_waves_have_unit_variance():
    points = np.random.default_rng(0).uniform(-500, 500, (3, 4000))
    assert waves(points, np.random.default_rng(1), (9.0, 40.0), 24).std() == pytest.approx(1, abs=0.1)
