"""Copies that are planted among real slices are found, and slices of other patients are not taken for copies."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tumorbench import registry
from tumorbench.data.crop import brain_box
from tumorbench.data.decode import decode
from tumorbench.data.kinship import similar
from tumorbench.data.locations import cache_root
from tumorbench.data.near import NEAR_IDENTICAL, SIMILAR, matches, thumbnails

EVERY = 30  # slices of Figshare, of which one gets copies
pytestmark = pytest.mark.real_data


def scaled(image: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize((side, side), Image.Resampling.BICUBIC))


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, "JPEG", quality=quality)
    buffer.seek(0)
    with Image.open(buffer) as picture:
        return np.asarray(picture)


PLANTED = {
    "rescaled": lambda image: scaled(image, 224),
    "JPEG q30": lambda image: jpeg(image, 30),
    "brighter by 20 %": lambda image: np.clip(image * 1.2, 0, 255).astype(np.uint8),
    "turned by 90 degrees": np.rot90,
    "cropped to its brain": lambda image: image[brain_box(image)],
    "cropped and rescaled": lambda image: scaled(image[brain_box(image)], 224),
}


@pytest.fixture(scope="module")
def figshare(real_data):
    return decode(registry.find().dataset("figshare3064"), real_data, cache_root() / "decoded")


@pytest.fixture(scope="module")
def originals(figshare):
    chosen = range(0, len(figshare.samples), EVERY)
    return [np.asarray(figshare.image(index)) for index in chosen], [figshare.samples[index].group for index in chosen]


@pytest.mark.parametrize("change", PLANTED)
def test_a_planted_copy_is_found_and_no_other_patient_s_slice(originals, change):
    images, patients = originals
    plant = PLANTED[change]
    found = matches(thumbnails(images), thumbnails([plant(image) for image in images]), SIMILAR)
    own = found.pairs[:, 0] == found.pairs[:, 1]
    strangers = [pair for pair in found.above(NEAR_IDENTICAL).pairs.tolist() if patients[pair[0]] != patients[pair[1]]]
    assert (int(own.sum()), len(images)) == (len(images), 103)
    assert strangers == []


def test_near_identical_slices_of_figshare_are_of_one_patient(figshare):
    found = similar(figshare)
    groups = np.array([sample.group for sample in figshare.samples])
    strangers = groups[found.pairs[:, 0]] != groups[found.pairs[:, 1]]
    sure = found.correlations > NEAR_IDENTICAL
    assert (int(sure.sum()), int(strangers[sure].sum())) == (29, 0)
    assert strangers.mean() < 0.02
