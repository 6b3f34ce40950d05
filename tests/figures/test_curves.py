"""Learning curves."""

from shown_pictures import HISTORY

from tumorbench import figures


def test_the_epoch_whose_weights_count_is_marked_and_a_constant_learning_rate_is_not_drawn(titles, tmp_path):
    figures.learning_curves(HISTORY, tmp_path / "curves.png", best_epoch=3)
    assert "kept: epoch 3" in titles
    assert {"loss", "accuracy"} <= set(titles)
    assert "learning_rate" not in titles
    assert "wall_s" not in titles


def test_each_loss_of_an_adversarial_pair_has_a_panel(titles, tmp_path):
    figures.learning_curves(
        [{"epoch": 1, "generator": 2.0, "critic": -300.0}, {"epoch": 2, "generator": 1.0, "critic": float("nan")}],
        tmp_path / "curves.png",
    )
    assert {"generator", "critic"} <= set(titles)


def test_no_finished_epoch_is_said_so(titles, tmp_path):
    figures.learning_curves([], tmp_path / "curves.png")
    assert "no epoch was finished" in titles
