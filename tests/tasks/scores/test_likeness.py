"""Copies of training images are found however they were changed, and other patients' images are not taken for copies."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tumorbench import registry
from tumorbench.data.decode import decode
from tumorbench.data.kinship import kinship, thumbnails_of
from tumorbench.data.near import ORIENTATIONS, correlation, thumbnails
from tumorbench.data.split import make_split
from tumorbench.metrics.features import Features
from tumorbench.metrics.memorisation import COPY, memorisation
from tumorbench.tasks.scores.likeness import nearest_training
from tumorbench.tasks.sizes import resized


def shifted(image: np.ndarray, down: int, right: int) -> np.ndarray:
    """What comes in at an edge repeats it."""
    wide = np.pad(image, 2, "edge")
    return wide[2 - down : len(image) + 2 - down, 2 - right : image.shape[1] + 2 - right]


def noisy(image: np.ndarray) -> np.ndarray:
    return (image + np.random.default_rng(image.sum()).normal(0, 4, image.shape)).round().clip(0, 255).astype(np.uint8)


def compressed(image: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=30)
    return np.asarray(Image.open(file))


CHANGES = {
    "exact": lambda image: image,
    "shifted by a pixel": lambda image: shifted(image, 0, 1),
    "shifted by a pixel both ways": lambda image: shifted(image, 1, -1),
    "5 % brighter": lambda image: (image * 1.05).round().clip(0, 255).astype(np.uint8),
    "noise of sd 4": noisy,
    "a quarter turn": lambda image: np.rot90(image).copy(),
    "mirrored": lambda image: image[:, ::-1].copy(),
    "JPEG at quality 30": compressed,
    "of half the size": lambda image: resized(resized(image[None], 64), 128)[0],
}


@pytest.fixture(scope="module")
def heads() -> np.ndarray:
    """Forty pictures of 128 x 128, each an ellipse with blots of its own on black."""
    rng = np.random.default_rng(0)
    rows, columns = np.ogrid[-1:1:128j, -1:1:128j]
    found = []
    for _ in range(40):
        height, width = rng.uniform(0.6, 0.9, 2)
        texture = ndimage.gaussian_filter(rng.normal(size=(128, 128)), 6)
        head = (rows / height) ** 2 + (columns / width) ** 2 < 1
        found.append(head * (120 + 55 * texture / texture.std()).clip(20, 255))
    return np.array(found).astype(np.uint8)


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_nearest_to_its_original_and_a_copy(heads, change):
    learned = thumbnails(heads[:30])
    copies = np.stack([CHANGES[change](image) for image in heads[:30:3]])
    found = nearest_training(copies, learned)
    assert found.positions.tolist() == list(range(0, 30, 3))
    assert found.distances.max() <= COPY


def test_the_same_picture_is_at_distance_zero_and_others_are_far(heads):
    learned = thumbnails(heads[:30])
    assert nearest_training(heads[:5], learned).distances == pytest.approx([0] * 5, abs=1e-6)
    assert nearest_training(heads[30:], learned).distances.min() > 3 * COPY


def test_a_picture_cropped_to_its_brain_is_found_in_the_whole_one(heads):
    rows, columns = (np.flatnonzero((heads[4] > 45).any(axis)) for axis in (1, 0))
    cropped = heads[4][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    picture = np.asarray(Image.fromarray(cropped).resize((128, 128), Image.Resampling.BILINEAR))
    found = nearest_training(picture[None], thumbnails(heads[:30]))
    assert (found.positions.tolist(), found.distances[0] <= COPY) == ([4], True)


@pytest.mark.parametrize("side", [32, 50, 64, 128])
def test_the_distance_is_that_of_the_most_similar_shift_turn_and_flip(heads, side):
    sized = resized(heads, side)
    image, reach = shifted(sized[7], 1, -1), max(1, side // 64)
    wide, steps = np.pad(image, reach, "edge"), range(2 * reach + 1)
    views = [wide[down : down + side, right : right + side] for down in steps for right in steps]
    small, original = thumbnails(views)[0], thumbnails(sized[7:8])[0]
    turned = [np.rot90(small[:, :, ::-1] if flip else small, turns, (1, 2)) for turns, flip in ORIENTATIONS]
    best = max(correlation(each, np.repeat(original, len(each), 0)).max() for each in turned)
    found = nearest_training(image[None], thumbnails(sized[5:10]))
    assert (found.positions.tolist(), found.distances[0]) == ([2], pytest.approx(1 - best, abs=2e-6))


def test_black_pictures_are_like_nothing(heads):
    found = nearest_training(np.zeros((2, 128, 128), np.uint8), thumbnails(heads[:3]))
    assert found.distances.tolist() == [1, 1]


def test_no_images_have_no_nearest(heads):
    found = nearest_training(heads[:0], thumbnails(heads[:3]))
    assert [len(part) for part in found] == [0, 0]


def test_the_size_of_blocks_changes_nothing(heads, monkeypatch):
    learned = thumbnails(heads[:20])
    whole = nearest_training(heads[15:30], learned)
    monkeypatch.setattr("tumorbench.tasks.scores.likeness.BLOCK", 4)
    parts = nearest_training(heads[15:30], learned)
    np.testing.assert_array_equal(whole.positions, parts.positions)
    np.testing.assert_allclose(whole.distances, parts.distances, atol=2e-6)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["figshare3064", "kaggle7023", "kaggle3264", "yesno253"])
def test_of_every_public_set_changed_copies_are_memorised_and_other_patients_images_are_not(real_data, name, tmp_path):
    if not (real_data / name).is_dir():
        pytest.skip(f"{name} is not in TUMORBENCH_DATA")
    cache = Path(os.environ.get("TUMORBENCH_CACHE", tmp_path), "decoded")
    dataset = decode(registry.find().dataset(name), real_data, cache)
    split = make_split(dataset.samples, dataset.spec.classes, kinship(dataset), "grouped")
    images, learned, rng = dataset.images(128), thumbnails_of(dataset)[:, split.train], np.random.default_rng(0)

    def share(pictures: np.ndarray) -> float:
        raw = np.zeros((len(pictures), 1), np.float32)
        features = Features(raw, None, "pixels", nearest_training(pictures, learned))
        return memorisation(features, Features(raw, None, "pixels"), features)["memorisation"]

    known = np.asarray(images[rng.choice(split.train, 40, replace=False)])
    found = {change: share(np.stack([how(image) for image in known])) for change, how in CHANGES.items()}
    assert found == dict.fromkeys(CHANGES, 1)
    assert share(np.asarray(images[rng.choice(split.test, min(200, len(split.test)), replace=False)])) == 0
    assert share(rng.integers(0, 256, (10, 128, 128), dtype=np.uint8)) == 0
