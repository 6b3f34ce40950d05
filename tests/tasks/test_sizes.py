"""Generators of one data set are compared at one size, beside the same images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tumorbench.data.decode import Slice
from tumorbench.tasks import ScoringInput
from tumorbench.tasks.generation import reference_sets
from tumorbench.tasks.predictions import images_of, of_images
from tumorbench.tasks.sizes import COMPARED_SIZE, compared_size, resized


def of_size(cells, size):
    """The cell of a generator of that size, which makes what the held-out images are at that size."""
    cell = cells.cell("tiny-artist")
    recipe = cell.identity.recipe
    preprocessing = recipe.preprocessing.model_copy(update={"size": size})
    recipe = recipe.model_copy(update={"preprocessing": preprocessing})
    return replace(cell, identity=cell.identity.model_copy(update={"recipe": recipe}))


def scores_of(cells, cell, images):
    wanted = [("ks_d", None), ("kid", "tiny-pixels")]
    given = ScoringInput.of_cell(cell, cells.tools, only=wanted)
    table = of_images(cell.labels[reference_sets(cell)[0]], images)
    return {value.name: value for value in cells.done("tiny-artist").task.score(table, given).metrics}


def test_slices_are_compared_at_128_pixels_or_at_their_own_where_all_are_smaller(cells):
    dataset = cells.dataset
    sizes = {}
    for side in (32, 64, 512):
        slices = (Slice(0, 20, 24, ""), Slice(0, side, 20, ""))
        sizes[side] = compared_size(replace(dataset, slices=slices))
    assert sizes == {32: 32, 64: 64, 512: COMPARED_SIZE}


def test_generators_of_two_sizes_stand_beside_the_same_real_images(cells):
    whole, half = of_size(cells, 32), of_size(cells, 16)
    reference = reference_sets(whole)[0]
    of_whole = scores_of(cells, whole, np.asarray(whole.images[reference]))
    of_half = scores_of(cells, half, np.asarray(half.images[reference]))
    for name in ("ks_d", "kid[tiny-pixels]"):
        assert of_whole[name].real_vs_real == of_half[name].real_vs_real
    assert of_whole["ks_d"].value == 0
    assert of_half["ks_d"].value > 0  # it lacks what its size cannot hold


def test_a_table_keeps_the_images_as_they_were_made(cells):
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16), dtype=np.uint8)
    np.testing.assert_array_equal(images_of(of_images(np.arange(3), images)), images)


def test_images_are_resized_as_real_slices_are(cells):
    native = np.stack([np.asarray(cells.dataset.image(index)) for index in range(4)])
    np.testing.assert_array_equal(resized(native, 20), cells.dataset.images(20)[:4])
    assert resized(native, 32) is native
