"""Clusters: resampled as a whole, and alike for every model of one test set."""

import numpy as np

from tumorbench.statistics.clusters import Clusters


def test_a_replicate_has_every_sample_of_a_cluster_as_often_as_it_was_drawn():
    clusters = Clusters.of(["b", "a", "b", "c"])
    assert clusters.rows_of_draw(np.array([0.0, 2.0, 1.0])).tolist() == [0, 0, 2, 2, 3]


def test_the_weights_depend_on_the_names_and_not_on_the_order_of_the_samples():
    one, other = Clusters.of(["a", "b", "c", "a"]), Clusters.of(["c", "a", "a", "b"])
    assert np.array_equal(one.weights(50), other.weights(50))
    assert not np.array_equal(one.weights(50), Clusters.of(["a", "b", "d"]).weights(50))


def test_each_replicate_draws_as_many_clusters_as_there_are():
    weights = Clusters.of(list("abcdefg")).weights()
    assert set(weights.sum(1)) == {7.0}
    assert np.allclose(weights.mean(0), 1, atol=0.15)


def test_totals_add_up_the_samples_of_each_cluster():
    assert Clusters.of(["b", "a", "b"]).totals(np.array([[1.0], [2.0], [4.0]])).tolist() == [[2.0], [5.0]]
