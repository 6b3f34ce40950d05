"""The loop: each loss steps its own optimizer, the recipe's rules are Keras', and a continued run is an uninterrupted one."""

from __future__ import annotations

import inspect
import itertools
import math
import time
from types import SimpleNamespace

import pytest
import torch
from small_fits import PROBLEM, Linear, batches, equal, fit, fresh, recipe, weights
from torch import nn

import tumorbench as tb
from tumorbench import training
from tumorbench.errors import BadInput, CellTimeout, Diverged


def scripted(*values: float, name: str = "val_loss"):
    """A validation that finds these values, one an epoch."""
    left = iter(values)
    return lambda _network: {name: next(left)}


class Gan(tb.Generator):
    """Two linear players, the weights of both noted before each of their turns."""

    def __init__(self):
        super().__init__(PROBLEM)
        self.generator, self.critic = nn.Linear(3, 16), nn.Linear(16, 1)
        self.seen: list[tuple[str, dict[str, torch.Tensor]]] = []

    def optimizers(self, how):
        return {
            name: tb.build_optimizer(how.optimizer, getattr(self, name).parameters())
            for name in ("critic", "generator")
        }

    def losses(self, batch):
        for turn in ("critic", "critic", "generator"):
            self.seen.append((turn, weights(self)))
            made = self.generator(torch.ones(len(batch), 3))
            loss = self.critic(made).mean() - self.critic(batch.images.flatten(1)).mean()
            yield turn, loss if turn == "critic" else -self.critic(made).mean()


def test_each_loss_steps_the_weights_of_its_own_optimizer_and_no_others(tmp_path):
    network = fresh(Gan)
    fitted = fit(network, recipe(epochs=1, monitor=None, keep="last"), tmp_path)
    network.seen.append(("end", weights(network)))
    assert [turn for turn, _ in network.seen] == ["critic", "critic", "generator"] * 3 + ["end"]
    for (turn, before), (_, after) in itertools.pairwise(network.seen):
        moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
        assert moved == {turn}
    assert set(fitted.history[0]) == {"epoch", "critic", "generator", "learning_rate", "wall_s"}


def test_a_step_of_sgd_is_the_hand_computed_one(tmp_path):
    class Slope(tb.Network):
        def __init__(self):
            super().__init__(PROBLEM)
            self.slope = nn.Parameter(torch.tensor(3.0))

        def losses(self, batch):
            yield "loss", self.slope**2  # gradient 2 w

    network = Slope()
    fitted = fit(
        network,
        recipe(epochs=1, optimizer=tb.Optimizer(name="sgd", learning_rate=0.25), monitor=None),
        tmp_path,
        batches=lambda _: batches(1, 2),
    )
    assert network.slope.item() == 0.75  # 3 -> 1.5 -> 0.75
    assert fitted.history[0]["loss"] == (9 + 2.25) / 2


@pytest.mark.parametrize(("keep", "kept", "best_epoch"), [("best", 2, 2), ("last", 4, 4)])
def test_the_weights_of_the_kept_epoch_are_restored(tmp_path, keep, kept, best_epoch):
    network, after = fresh(), {}
    values = scripted(0.9, 0.4, 0.5, 0.6)

    def validate(network):
        after[len(after) + 1] = weights(network)
        return values(network)

    fitted = fit(network, recipe(keep=keep), tmp_path, validate=validate)
    assert equal(weights(network), after[kept])
    assert not equal(after[2], after[4])
    assert fitted.best_epoch == best_epoch


def test_a_monitored_share_is_better_when_it_is_higher(tmp_path):
    assert (
        fit(
            fresh(), recipe(monitor="val_dice"), tmp_path, validate=scripted(0.2, 0.7, 0.5, 0.6, name="val_dice")
        ).best_epoch
        == 2
    )


def test_training_stops_after_patience_epochs_without_a_better_value(tmp_path):
    values = [0.9, 0.5, 0.6, 0.4, 0.4, 0.41, 0.42, 0.1]
    how = recipe(epochs=8, early_stopping=tb.EarlyStopping(patience=3))
    fitted = fit(fresh(), how, tmp_path, validate=scripted(*values))
    assert [entry["val_loss"] for entry in fitted.history] == values[:7]  # epochs 5, 6 and 7 are no better than epoch 4
    assert fitted.best_epoch == 4


def test_the_rate_falls_on_a_plateau_as_keras_lets_it_fall(tmp_path):
    # wait counts epochs that are not better than the best by 1e-4; at 2 the rate falls for the next epoch, and the count begins anew
    values = [1.0, 0.9, 0.95, 0.89995, 0.8, 0.85, 0.85, 0.85, 0.85, 0.7]
    waits_ = [0, 0, 1, 2, 0, 1, 2, 1, 2, 0]
    rates = [1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.01, 0.01, 0.005]
    assert len(values) == len(waits_) == len(rates)
    how = recipe(
        epochs=10,
        optimizer=tb.Optimizer(name="sgd", learning_rate=1.0),
        reduce_on_plateau=tb.ReduceOnPlateau(patience=2, minimum=0.005),
    )
    fitted = fit(fresh(), how, tmp_path, validate=scripted(*values))
    assert [entry["learning_rate"] for entry in fitted.history] == pytest.approx(rates)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_training(tmp_path, wrong):
    class Diverging(Linear):
        def losses(self, batch):
            for name, loss in super().losses(batch):
                yield name, loss * wrong

    with pytest.raises(Diverged, match=r"^loss is not finite in epoch 1$"):
        fit(fresh(Diverging), recipe(), tmp_path)
    assert not (tmp_path / "progress.pt").exists()


def test_a_validation_value_that_is_not_finite_ends_training_with_the_epochs_before_it_known(tmp_path):
    known = training.Fit()
    with pytest.raises(Diverged, match=r"^val_loss is not finite in epoch 2$"):
        fit(fresh(), recipe(), tmp_path, validate=scripted(0.5, math.nan), result=known)
    assert [entry["epoch"] for entry in known.history] == [1]


def test_training_after_the_deadline_stops_and_tells_where(tmp_path):
    with pytest.raises(CellTimeout, match="epoch 1, step 1"):
        fit(fresh(), recipe(), tmp_path, deadline=time.monotonic() - 1)


def test_the_deadline_is_seen_before_an_epoch_is_validated(tmp_path):
    def slowly(epoch):
        yield from batches(epoch)
        time.sleep(0.1)

    with pytest.raises(CellTimeout, match=r"^out of time in epoch 1, before its validation$"):
        fit(
            fresh(),
            recipe(),
            tmp_path,
            batches=slowly,
            deadline=time.monotonic() + 0.1,
            validate=lambda _: pytest.fail("validated after the deadline"),
        )


def test_an_epoch_without_a_batch_is_an_error(tmp_path):
    with pytest.raises(BadInput, match="no training step was taken"):
        fit(fresh(), recipe(), tmp_path, batches=lambda _: iter(()))


def test_the_loop_is_given_no_test_data():
    assert set(inspect.signature(training.fit).parameters) == {
        "network", "batches", "recipe", "seed", "device", "checkpoint", "steps_per_epoch", "checkpoint_every_s",
        "validate", "deadline", "on_epoch", "on_step", "on_weights", "plan", "result",
    }  # fmt: skip


def test_while_it_fits_a_cell_shows_no_test_image_to_the_network(tumorbench, tiny, monkeypatch):
    """A spy in a whole run: what the network is called with until training is over."""
    from tumorbench.data.batches import normalise
    from tumorbench.run import work
    from tumorbench.tasks.classification import Classification

    fit_itself, gather_itself, seen, parts = training.fit, Classification.gather, set(), {}

    def pixels(images):
        return {image.numpy().tobytes() for image in images}

    def spying_fit(network, *given, **options):
        hook = network.register_forward_pre_hook(lambda _, called_with: seen.update(pixels(called_with[0])))
        fitted = fit_itself(network, *given, **options)
        hook.remove()
        return fitted

    def spying_gather(*given):
        material = gather_itself(*given)
        parts.update(material.slices)
        return material

    monkeypatch.setattr(work, "training", SimpleNamespace(**vars(training) | {"fit": spying_fit}))
    monkeypatch.setattr(Classification, "gather", spying_gather)
    selection = ("-d", "tiny-shapes", "-m", "tiny-classifier", "--protocol", "grouped", "--no-throughput")
    assert tumorbench("run", *selection).code == 0
    shown = {part: pixels(normalise(slices.images, tb.Preprocessing(size=32))) for part, slices in parts.items()}
    assert {part: len(images) for part, images in shown.items()} == {"train": 126, "val": 18, "test": 36}
    assert seen <= shown["train"] | shown["val"]
    assert seen >= shown["val"]
    assert not seen & shown["test"]


def test_the_times_of_a_session_add_up(tmp_path):
    fitted = fit(fresh(), recipe(epochs=2), tmp_path, validate=scripted(1.0, 0.5))
    times = fitted.times
    assert set(times) == {"train_s", "steady_s", "validate_s", "checkpoint_s"}
    assert all(seconds > 0 for seconds in times.values())
    assert times["steady_s"] + times["validate_s"] + times["checkpoint_s"] < times["train_s"]
    assert times["train_s"] == pytest.approx(
        sum(entry["wall_s"] for entry in fitted.history) + times["checkpoint_s"], abs=0.1
    )


class Counting(tb.Network):
    """One weight that each step raises by 1 (its gradient is -1, the rate 1); it notes what it observes and when epochs begin."""

    def __init__(self):
        super().__init__(tb.Problem("generation", ("a", "b"), 1, 4))
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.begun = []

    def begin_epoch(self, epoch, epochs):
        self.begun.append((epoch, epochs))

    def losses(self, batch):
        self.observed = {"weight": self.weight.detach().clone()[0]}
        yield "loss", -self.weight.sum()


def counted(tmp_path, epochs=2, **changes):
    network, seen = Counting(), []
    recipe = tb.Recipe(
        preprocessing=tb.Preprocessing(size=4), epochs=epochs, batch_size=2, quick=tb.Quick(epochs=1, steps_per_epoch=1, batch_size=2), keep="last", monitor=None,
        optimizer=tb.Optimizer(name="sgd", learning_rate=1.0), **changes,
    )  # fmt: skip
    batch = tb.Batch(torch.zeros(2, 1, 4, 4), torch.zeros(2, dtype=torch.int64))
    fitted = training.fit(
        network, lambda _epoch: [batch] * 3, recipe, seed=0, device="cpu", checkpoint=tmp_path / "progress.pt",
        on_weights=lambda held, epoch: seen.append((epoch, held.weight.item())),
    )  # fmt: skip
    return network, fitted, seen


def test_what_a_network_observes_is_averaged_over_the_epoch_and_epochs_are_announced(tmp_path):
    network, fitted, seen = counted(tmp_path)
    assert [entry["weight"] for entry in fitted.history] == [
        1.0,
        4.0,
    ]  # before the steps of each epoch: 0, 1, 2 and 3, 4, 5
    assert network.begun == [(1, 2), (2, 2)]
    assert seen == [(1, 3.0), (2, 6.0)]


def test_the_average_of_the_weights_is_what_is_scored_and_does_not_disturb_training(tmp_path):
    network, _, seen = counted(tmp_path, ema_decay=0.5)
    expected, average = [], None
    for steps in range(1, 7):
        keep = min(0.5, (1 + steps) / (10 + steps))
        average = float(steps) if average is None else keep * average + (1 - keep) * steps
        expected.append(average)
    assert seen == [(1, pytest.approx(expected[2])), (2, pytest.approx(expected[5]))]
    assert network.weight.item() == pytest.approx(expected[5])
    assert 5 < network.weight.item() < 6


def test_an_interrupted_average_goes_on_where_it_was(tmp_path):
    (tmp_path / "whole").mkdir()
    whole = counted(tmp_path / "whole", ema_decay=0.9)[0].weight.item()
    counted(tmp_path, epochs=1, ema_decay=0.9)
    network, fitted, _ = counted(tmp_path, epochs=2, ema_decay=0.9)
    assert fitted.resumed_from_epoch == 1
    assert network.weight.item() == pytest.approx(whole)


def test_a_monitored_distance_is_better_when_it_is_lower(tmp_path):
    scripted_distance = scripted(0.4, 0.1, 0.3, 0.2, name="val_block_distance")
    assert fit(fresh(), recipe(monitor="val_block_distance"), tmp_path, validate=scripted_distance).best_epoch == 2
