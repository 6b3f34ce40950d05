"""Models run from Python: installed ones by workers, what only this process has in it."""

from __future__ import annotations

import os
import random
import signal

import numpy as np
import pytest
import torch
from torch import nn

import tumorbench as tb


class Flat(nn.Module):
    """Takes nothing: it is for images of 32 x 32 pixels and three classes."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(32 * 32, 3))

    def forward(self, images):
        return self.layers(images)


@pytest.fixture
def run(tiny, recipe):
    """``tb.run`` on the tiny data set with the quick budget, installed models in this process too."""

    def call(models, **asked):
        defaults = {"budget": "quick", "recipe": recipe, "progress": False, "executor": "in-process"}
        return tb.run(models, "tiny-shapes", **(defaults | asked))

    return call


def numpys():
    return np.random.get_state()[1].tolist()  # noqa: NPY002 - the global state is what is looked at


def test_a_module_of_this_process_leaves_a_record_as_every_model_does(run):
    (record,) = run(Flat, folds=[1])
    assert (record.status, record.reason) == ("ok", "")
    assert (record.identity.model, record.identity.origin, record.identity.fold) == ("own/flat", "trained", 1)
    assert record.environment["executor"] == "in-process"
    assert record.parameters == {"total": 3 * 1025, "trainable": 3 * 1025}
    assert len(record.history) == 2
    assert record.command.startswith("tumorbench.run([own/flat]")


def test_a_finished_cell_is_taken_from_the_store_and_another_recipe_is_another_cell(run, recipe):
    first, again = run(Flat), run(Flat)
    assert again[0] == first[0]
    assert run(Flat, force=True)[0].started_at >= first[0].started_at
    other = run(Flat, recipe=recipe.model_copy(update={"batch_size": 8, "optimizer": tb.Optimizer(name="sgd")}))
    assert other[0].cell_key != first[0].cell_key


def test_seeds_draw_the_weights_of_a_class_and_the_same_seed_the_same_ones(run):
    found = run(Flat, seeds=[0, 1])
    assert len({record.cell_key for record in found}) == 2
    losses = [record.history[0]["loss"] for record in found]
    assert losses[0] != losses[1]
    assert run(Flat, seeds=[0], force=True)[0].history[0]["loss"] == losses[0]


def test_an_instance_starts_from_its_weights(run, recipe):
    still = recipe.model_copy(update={"optimizer": tb.Optimizer(name="sgd", learning_rate=1e-12), "monitor": None})
    torch.manual_seed(5)
    module = Flat()
    (record,) = run(module, recipe=still, name="still")
    test = tb.load("tiny-shapes", part="test").numpy()
    right = module(torch.from_numpy(test.images * 2 - 1)).argmax(1).numpy() == test.labels
    assert record.metric("accuracy").value == pytest.approx(right.mean())


def test_a_segmenter_of_this_process_is_scored_by_its_masks(run):
    (record,) = run(lambda problem: nn.Conv2d(1, problem.outputs, 3, padding=1), task="segmentation", name="one-layer")
    assert (record.status, record.identity.task) == ("ok", "segmentation")
    assert record.metric("dice") is not None


def test_installed_models_run_by_id_and_by_card_beside_modules(run):
    card = next(card for card in tb.models() if card.id == "tiny-classifier")
    found = run([card, "tiny-classifier[width=4]", Flat])
    assert [record.identity.model for record in found] == ["tiny-classifier", "tiny-classifier[width=4]", "own/flat"]
    assert [record.status for record in found] == ["ok"] * 3


def test_a_card_that_no_plugin_has_runs_here(run):
    card = next(card for card in tb.models() if card.id == "tiny-classifier")
    (record,) = run(card.model_copy(update={"id": "mine"}), executor="local")
    assert (record.status, record.identity.model, record.environment["executor"]) == ("ok", "mine", "in-process")


def test_an_installed_model_runs_in_a_worker_of_its_own(run):
    (record,) = run("tiny-classifier", executor="local")
    assert (record.status, record.environment["executor"]) == ("ok", "local")


def test_a_module_that_fails_is_named_and_stops_no_other(run):
    def broken():
        raise ZeroDivisionError("its own fault")

    found = run([broken, Flat])
    assert [record.identity.model for record in found.failures] == ["own/broken"]
    assert "its own fault" in found.failures[0].reason
    assert [record.status for record in found] == ["failed", "ok"]


def test_global_random_generators_are_left_as_they_were(run):
    before = random.getstate(), numpys(), torch.get_rng_state()
    run(Flat)
    assert random.getstate() == before[0]
    assert numpys() == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])


def test_ctrl_c_ends_the_call_and_the_same_call_continues_the_cell(run, recipe):
    pressed = []

    class Interrupted(Flat):
        def forward(self, images):
            if self.training and not pressed:
                pressed.append(os.kill(os.getpid(), signal.SIGINT))
            return super().forward(images)

    with pytest.raises(KeyboardInterrupt):
        run(Interrupted)
    assert len(tb.results("runs")) == 0
    assert [record.status for record in run(Interrupted)] == ["ok"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    ("models", "asked", "said"),
    [
        ([], {}, "no model is named"),
        (3, {}, "not an int"),
        ("tiny-clasifier", {}, "did you mean tiny-classifier"),
        (Flat, {"recipe": None}, "give recipe="),
        (Flat, {"seeds": 3}, r"seeds is a list, such as seeds=\[3\]"),
        (Flat, {"folds": [-1]}, "no whole number"),
        (Flat, {"protocol": "groups"}, "give one of paper, official, grouped"),
        (Flat, {"budget": "short"}, "give one of full, quick"),
        (Flat, {"executor": "nowhere"}, "no executor is called"),
        ([Flat, lambda: Flat().eval()], {"name": "same"}, "two models are called own/same"),
    ],
)
def test_what_cannot_be_run_is_one_line(run, models, asked, said):
    with pytest.raises(tb.BadInput, match=said):
        run(models, **asked)


def test_a_card_that_differs_from_the_installed_one_is_refused(run, recipe):
    card = next(card for card in tb.models() if card.id == "tiny-classifier")
    with pytest.raises(tb.BadInput, match="differs from the installed one of that id"):
        run(card.model_copy(update={"recipe": recipe}))
