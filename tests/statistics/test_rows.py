"""Rows: clusters within folds, then seeds."""

import numpy as np
import pytest

from tumorbench.statistics.rows import CellDraws, drawn_row, of_interval

RNG = np.random.default_rng(0)


def cell(spread, middle=0.5, clusters=40):
    return CellDraws(RNG.normal(middle, spread, 1000), clusters)


def test_independent_folds_make_the_mean_surer():
    values = {(fold, 0): 0.5 for fold in range(4)}
    row = drawn_row(values, {key: cell(0.1) for key in values}, "model")
    assert row.draws.std() == pytest.approx(0.1 / 2, rel=0.1)
    assert (row.value, row.clusters, row.folds) == (0.5, 160, 4)


def test_seeds_on_one_test_set_share_its_clusters_and_do_not_make_it_surer():
    shared = cell(0.1)
    row = drawn_row({(0, 0): 0.5, (0, 1): 0.5, (0, 2): 0.5}, {(0, seed): shared for seed in range(3)}, "model")
    assert np.allclose(row.draws, shared.draws)
    assert row.clusters == 40


def test_seeds_that_differ_add_the_standard_error_of_their_mean():
    values = {(0, seed): value for seed, value in enumerate((0.4, 0.5, 0.6))}
    row = drawn_row(values, {key: CellDraws(np.full(1000, value), 40) for key, value in values.items()}, "model")
    assert row.draws.std() == pytest.approx(0.1 / np.sqrt(3), rel=0.1)


def test_a_cell_without_replicates_leaves_the_row_without():
    assert drawn_row({(0, 0): 0.5, (1, 0): 0.5}, {(0, 0): cell(0.1)}, "model") is None


def test_replicates_of_a_stored_interval_have_that_interval():
    draws = of_interval(0.3, (0.2, 0.6), 1000, "model").draws
    assert np.quantile(draws, [0.025, 0.975]) == pytest.approx((0.2, 0.6), abs=0.02)
