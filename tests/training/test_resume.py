"""A continued run is an uninterrupted one, and a checkpoint that cannot make it so is discarded."""

from __future__ import annotations

import pytest
import torch
from small_fits import Linear, batches, equal, fit, fresh, recipe, weights
from torch import nn

import tumorbench as tb
from tumorbench import training
from tumorbench.training import checkpoint


class Stops(Exception):
    pass


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_a_continued_run_equals_an_uninterrupted_one(tmp_path, stop_after):
    how = recipe(
        epochs=5, optimizer=tb.Optimizer(name="adam", learning_rate=0.05), reduce_on_plateau=tb.ReduceOnPlateau(patience=1, factor=0.5),
    )  # fmt: skip

    def validate(network):
        network.eval()
        with torch.inference_mode():
            return {
                "val_loss": sum(
                    nn.functional.cross_entropy(network(batch.images), batch.labels).item() for batch in batches(99)
                )
            }

    whole, part = tmp_path / "whole", tmp_path / "part"
    whole.mkdir(), part.mkdir()
    uninterrupted = fresh()
    expected = fit(uninterrupted, how, whole, validate=validate)

    def stop(entry, _epochs):
        if entry["epoch"] == stop_after:
            raise Stops

    with pytest.raises(Stops):
        fit(fresh(), how, part, validate=validate, on_epoch=stop)
    torch.manual_seed(1234)  # another process: other weights to begin with, another state of the global random numbers
    continued = Linear()
    found = fit(continued, how, part, validate=validate)
    assert (found.resumed_from_epoch, expected.resumed_from_epoch) == (stop_after, None)
    assert equal(weights(continued), weights(uninterrupted))
    assert found.best_epoch == expected.best_epoch
    assert [{**entry, "wall_s": 0} for entry in found.history] == [{**entry, "wall_s": 0} for entry in expected.history]


def test_a_finished_checkpoint_is_not_trained_further(tmp_path):
    network = fresh()
    fit(network, recipe(monitor=None), tmp_path)
    again = Linear()
    fitted = fit(again, recipe(monitor=None), tmp_path, batches=lambda _: pytest.fail("no batch is due"))
    assert (equal(weights(again), weights(network)), fitted.resumed_from_epoch) == (True, 4)


def test_the_checkpoint_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "state.pt"
    training.save_atomically({"one": torch.ones(1)}, path)
    with pytest.raises((AttributeError, TypeError, RuntimeError)):
        training.save_atomically({"two": lambda: None}, path)
    assert torch.load(path, weights_only=True) == {"one": torch.ones(1)}
    assert [each.name for each in tmp_path.iterdir()] == ["state.pt"]


@pytest.fixture
def deterministic():
    """Determinism, as ``--deterministic`` sets it; the calls switch it."""
    threads = torch.get_num_threads()
    yield torch.use_deterministic_algorithms
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


def stopped(tmp_path, after=2, kind=Linear):
    """A run that was interrupted after so many epochs."""

    def stop(entry, _epochs):
        if entry["epoch"] == after:
            raise Stops

    with pytest.raises(Stops):
        fit(fresh(kind), recipe(monitor=None), tmp_path, on_epoch=stop)


def finished(tmp_path):
    """(what a run that goes on in ``tmp_path`` did, the weights it ends with)."""
    network = fresh()
    return fit(network, recipe(monitor=None), tmp_path), weights(network)


def test_a_checkpoint_of_another_mode_is_not_continued_under_determinism(tmp_path, deterministic, caplog):
    stopped(tmp_path)
    deterministic(True)
    fitted, _ = finished(tmp_path)
    assert (fitted.resumed_from_epoch, fitted.discarded) == (None, "deterministic was False and is True")
    assert "progress.pt is not continued, training starts anew: deterministic was False" in caplog.text


def test_a_checkpoint_of_another_thread_count_is_not_continued_under_determinism(tmp_path, deterministic):
    deterministic(True)
    torch.set_num_threads(1)
    stopped(tmp_path)
    torch.set_num_threads(2)
    fitted, _ = finished(tmp_path)
    assert (fitted.resumed_from_epoch, fitted.discarded) == (None, "threads was 1 and is 2")


def test_a_checkpoint_of_another_device_is_not_continued_under_determinism(tmp_path, deterministic):
    deterministic(True)
    stopped(tmp_path)
    state = torch.load(tmp_path / "progress.pt", weights_only=True)
    state["conditions"]["device"] = "Some GPU"
    torch.save(state, tmp_path / "progress.pt")
    assert finished(tmp_path)[0].discarded == "device was Some GPU and is cpu"


def test_a_checkpoint_of_the_same_conditions_is_continued_under_determinism(tmp_path, deterministic):
    deterministic(True)
    stopped(tmp_path)
    fitted, _ = finished(tmp_path)
    assert (fitted.resumed_from_epoch, fitted.discarded) == (2, "")


def test_without_determinism_a_checkpoint_of_another_thread_count_is_continued(tmp_path, deterministic):
    torch.set_num_threads(1)
    stopped(tmp_path)
    torch.set_num_threads(2)
    assert finished(tmp_path)[0].resumed_from_epoch == 2


class Wide(Linear):
    """The layers before the last are as those of ``Linear``."""

    def __init__(self):
        super().__init__()
        self.layers[-1] = nn.Linear(12, 3)


@pytest.mark.parametrize("damage", ["empty", "half", "text", "another network"])
def test_a_checkpoint_that_cannot_be_read_is_discarded_and_leaves_no_trace_in_the_result(tmp_path, damage, caplog):
    for name in ("damaged", "none"):
        (tmp_path / name).mkdir()
    path = tmp_path / "damaged" / "progress.pt"
    stopped(tmp_path / "damaged", kind=Wide if damage == "another network" else Linear)
    whole = path.read_bytes()
    path.write_bytes(
        {"empty": b"", "half": whole[: len(whole) // 2], "text": b"no checkpoint", "another network": whole}[damage]
    )
    (fitted, found), (_, expected) = (finished(tmp_path / name) for name in ("damaged", "none"))
    assert fitted.resumed_from_epoch is None
    assert fitted.discarded.startswith("it cannot be read")
    assert "training starts anew" in caplog.text
    assert equal(found, expected)


def test_a_checkpoint_is_read_into_host_memory(tmp_path, monkeypatch):
    stopped(tmp_path)
    load, places = torch.load, []
    monkeypatch.setattr(
        torch,
        "load",
        lambda *given, map_location, **options: (
            places.append(map_location) or load(*given, map_location=map_location, **options)
        ),
    )
    finished(tmp_path)
    assert places == ["cpu"]


def test_a_checkpoint_is_written_at_most_once_in_the_given_seconds_and_at_the_end(tmp_path, monkeypatch):
    written: list[int] = []
    save = checkpoint.save_atomically

    def counted(state, path):
        if path.name == "progress.pt":
            written.append(len(state["progress"]["history"]))
        save(state, path)

    monkeypatch.setattr(checkpoint, "save_atomically", counted)
    fit(fresh(), recipe(monitor=None), tmp_path)
    assert written == [4]
    written.clear()
    (tmp_path / "often").mkdir()
    fit(fresh(), recipe(monitor=None), tmp_path / "often", checkpoint_every_s=0)
    assert written == [1, 2, 3, 4]


def test_the_best_weights_lie_in_a_file_of_their_own_that_is_written_when_they_change(tmp_path):
    values = iter([0.9, 0.4, 0.5, 0.6])
    network = fresh()
    fit(
        network,
        recipe(),
        tmp_path,
        validate=lambda _: {"val_loss": next(values)},
        checkpoint_every_s=0,
    )
    assert {path.name for path in tmp_path.iterdir()} == {"progress.pt", "progress.best-2.pt"}
    assert equal(torch.load(tmp_path / "progress.best-2.pt", weights_only=True), weights(network))
    assert "best_weights" not in torch.load(tmp_path / "progress.pt", weights_only=True)["progress"]


def test_a_checkpoint_without_its_best_weights_is_discarded(tmp_path):
    values = iter([0.9, 0.4, 0.5, 0.6] * 2)
    fit(fresh(), recipe(), tmp_path, validate=lambda _: {"val_loss": next(values)})
    (tmp_path / "progress.best-2.pt").unlink()
    fitted = fit(fresh(), recipe(), tmp_path, validate=lambda _: {"val_loss": next(values)})
    assert (fitted.resumed_from_epoch, fitted.discarded) == (None, "it cannot be read (FileNotFoundError)")


def test_what_cannot_be_written_ends_training_with_the_path(tmp_path):
    (tmp_path / "progress.pt").mkdir()
    (tmp_path / "progress.pt" / "something").touch()
    keeper = checkpoint.Keeper(tmp_path / "progress.pt", "cpu", 0)
    network, how = fresh(), recipe(monitor=None)
    progress, optimizers, _ = checkpoint.resume(tmp_path / "none.pt", network, how, "cpu")
    keeper.note(progress, network, optimizers)
    with pytest.raises(OSError, match=r"progress\.pt"):
        keeper.close()
