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


def test_a_module_of_this_process_leaves_records_as_every_model_does(run, recipe):
    before = random.getstate(), numpys(), torch.get_rng_state()
    found = run(Flat, folds=[1], seeds=[0, 1])
    record = found[0]
    assert (record.status, record.reason) == ("ok", "")
    assert (record.identity.model, record.identity.origin, record.identity.fold) == ("own/flat", "trained", 1)
    assert record.environment["executor"] == "in-process"
    assert record.parameters == {"total": 3 * 1025, "trainable": 3 * 1025}
    assert len(record.history) == 2
    assert record.command.startswith("tumorbench.run([own/flat]")
    # each seed draws its own weights, and the caller's generators are left as they were
    assert found[0].history[0]["loss"] != found[1].history[0]["loss"]
    assert random.getstate() == before[0]
    assert numpys() == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])
    # a finished cell is taken from the store; another recipe is another cell
    assert run(Flat, folds=[1])[0] == record
    other = run(
        Flat,
        folds=[1],
        recipe=recipe.model_copy(update={"batch_size": 8, "quick": recipe.quick.model_copy(update={"epochs": 1})}),
    )
    assert other[0].cell_key != record.cell_key


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


def test_installed_models_run_in_workers_and_what_no_plugin_has_in_this_process(run):
    card = next(card for card in tb.models() if card.id == "tiny-classifier")
    mine = card.model_copy(update={"id": "mine"})
    found = run(["tiny-classifier[width=4]", card, mine], executor="local")
    assert [(record.identity.model, record.status, record.environment["executor"]) for record in found] == [
        ("tiny-classifier[width=4]", "ok", "local"),
        ("tiny-classifier", "ok", "local"),
        ("mine", "ok", "in-process"),
    ]


def test_a_module_that_fails_is_named_and_stops_no_other(run):
    def broken():
        raise ZeroDivisionError("its own fault")

    found = run([broken, "tiny-nan", lambda: None])
    assert [record.identity.model for record in found.failures] == ["tiny-nan", "own/broken", "own/lambda"]
    assert "its own fault" in found.failures[1].reason


def test_ctrl_c_ends_the_call_and_the_same_call_continues_the_cell(run, recipe):
    pressed = []

    class Interrupted(Flat):
        def forward(self, images):
            if self.training and not pressed:
                pressed.append(True)
                os.kill(os.getpid(), signal.SIGINT)
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
        (Flat, {"budget": "short"}, "budget short is unknown; give full, quick, or a share"),
        (Flat, {"budget": "3of2"}, "budget 3of2 is unknown; give full, quick, or a share"),
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
