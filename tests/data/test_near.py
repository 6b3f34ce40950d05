"""Near-copies are found, whatever was done to them, and nothing else is."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tumorbench.data import near
from tumorbench.data.crop import brain_box


def slices(n: int = 24, seed: int = 0) -> list[np.ndarray]:
    """Heads of random shape, size and texture on black, uint8, of several sizes."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[-1:1:160j, -1:1:160j]
    made = []
    for _ in range(n):
        a, b, turn = rng.uniform(0.5, 0.8), rng.uniform(0.5, 0.8), rng.uniform(0, 3)
        x, y = rows * np.cos(turn) + columns * np.sin(turn), columns * np.cos(turn) - rows * np.sin(turn)
        texture = np.asarray(Image.fromarray(rng.uniform(90, 250, (9, 9)).astype(np.uint8)).resize((160, 160)))
        made.append(np.where((x / a) ** 2 + (y / b) ** 2 < 1, texture, 0).astype(np.uint8))
    return made


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


CHANGES = {
    "rescaled": lambda image: np.asarray(Image.fromarray(image).resize((97, 97), Image.Resampling.BICUBIC)),
    "compressed again": lambda image: jpeg(image, 30),
    "brighter": lambda image: np.clip(image * 1.2, 0, 255).astype(np.uint8),
    "turned": np.rot90,
    "flipped": lambda image: image[:, ::-1],
    "turned and flipped": lambda image: np.rot90(image, 3)[::-1],
    "cropped to its brain": lambda image: image[brain_box(image)],
    "cropped, rescaled and compressed": lambda image: jpeg(
        np.asarray(Image.fromarray(np.ascontiguousarray(image[brain_box(image)])).resize((224, 224))), 50
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_is_found_whatever_was_done_to_it(change):
    originals = slices()
    copies = [np.ascontiguousarray(CHANGES[change](image)) for image in originals]
    found = near.matches(near.thumbnails(originals), near.thumbnails(copies))
    assert found.pairs.tolist() == [[index, index] for index in range(len(originals))]
    assert (found.correlations > near.NEAR_IDENTICAL).all()


def test_within_a_set_each_pair_is_found_once_with_the_smaller_number_first():
    originals = slices(6)
    found = near.matches(near.thumbnails([*originals, originals[2], np.rot90(originals[0])]))
    assert found.pairs.tolist() == [[0, 7], [2, 6]]
    assert found.correlations.tolist() == pytest.approx([1, 1], abs=1e-4)


def test_no_other_head_is_taken_for_a_copy():
    assert len(near.matches(near.thumbnails(slices(60)), threshold=near.NEAR_IDENTICAL).pairs) == 0


def test_a_flat_picture_is_like_nothing():
    flat = [np.full((50, 60), value, np.uint8) for value in (0, 9, 9)]
    assert len(near.matches(near.thumbnails(flat), threshold=0.0).pairs) == 0


def test_the_correlation_is_pearson_s():
    first, second = near.thumbnails(slices(4))[0], near.thumbnails(slices(4, seed=1))[0]
    expected = [np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in zip(first, second, strict=True)]
    assert near.correlation(first, second) == pytest.approx(expected, abs=1e-12)


def test_blocks_find_what_one_block_finds(monkeypatch):
    small = near.thumbnails(slices(30) + slices(30, seed=3) + slices(30))
    whole = near.matches(small, threshold=0.8)
    monkeypatch.setattr(near, "BLOCK", 7)
    parts = near.matches(small, threshold=0.8)
    assert whole.pairs.tolist() == parts.pairs.tolist()
    assert whole.correlations.tolist() == parts.correlations.tolist()


def test_an_index_finds_the_copies_that_brute_force_finds(monkeypatch):
    pytest.importorskip("faiss", reason="faiss-cpu is an extra")
    small = near.thumbnails(slices(120) + [np.rot90(image) for image in slices(40)])
    whole = near.matches(small)
    monkeypatch.setattr(near, "BRUTE_FORCE", 10)
    assert near.matches(small).pairs.tolist() == whole.pairs.tolist()
