"""A torch module as a model: what its identity is made of."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import tumorbench as tb
from tumorbench.api import modules
from tumorbench.api.modules import card_of_module, digest_of
from tumorbench.training.networks import build, problem_for

NOTEBOOK = "class Net(nn.Module):\n    DEEP = {deep}\n    def forward(self, images):\n        return images {sign} 1\n"


class Flat(nn.Module):
    def __init__(self, problem):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(problem.size**2, problem.outputs))

    def forward(self, images):
        return self.layers(images)


def of_notebook(**text):
    """The class as a notebook defines it: in no file."""
    there = {"nn": nn, "__name__": "__main__"}
    exec(NOTEBOOK.format(**({"deep": 1, "sign": "+"} | text)), there)  # noqa: S102 - as a notebook does
    return there["Net"]


def test_a_class_is_known_by_its_source():
    assert digest_of(of_notebook()) == digest_of(of_notebook())
    assert len({digest_of(net) for net in (of_notebook(), of_notebook(sign="-"), of_notebook(deep=2), Flat)}) == 4


def test_a_class_is_known_by_that_of_what_it_inherits_too():
    one, other = (type("Heir", (of_notebook(sign=sign),), {}) for sign in "+-")
    assert digest_of(one) != digest_of(other)


def test_an_instance_is_known_by_its_weights_and_structure_too():
    torch.manual_seed(0)
    one, same, other = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)
    same.load_state_dict(one.state_dict())
    assert digest_of(one) == digest_of(same)
    assert len({digest_of(net) for net in (one, other, nn.Sequential(one), nn.BatchNorm2d(2))}) == 4


def test_a_card_of_a_class_builds_fresh_networks_and_that_of_an_instance_its_own(recipe):
    spec = card_of_module(Flat, recipe, "classification")
    assert (spec.id, spec.version, spec.title) == ("own/flat", digest_of(Flat)[:12], "Flat")
    problem = problem_for(spec, None, recipe)
    first, second = (build(spec, problem, recipe) for _ in range(2))
    assert isinstance(first, tb.Classifier)
    assert not torch.equal(first.module.layers[1].weight, second.module.layers[1].weight)
    instance = Flat(problem)
    kept = build(card_of_module(instance, recipe, "classification"), problem, recipe)
    assert torch.equal(kept.module.layers[1].weight, instance.layers[1].weight)
    assert kept.module is not instance


def test_a_subclass_of_a_family_is_taken_as_it_is(recipe):
    class Own(tb.Segmenter):
        def forward(self, images):
            return images.repeat(1, 2, 1, 1)

    spec = card_of_module(Own, recipe, "segmentation", "My own!")
    assert spec.id == "own/my-own"
    assert type(build(spec, problem_for(spec, None, recipe), recipe)) is Own


@pytest.mark.parametrize(
    ("module", "task", "said"),
    [
        (nn.Identity, "generation", "make it a subclass of tumorbench.Generator"),
        (lambda: None, "classification", "the model gives None, not a torch.nn.Module"),
    ],
)
def test_what_is_no_network_of_its_task_is_one_line(recipe, module, task, said):
    spec = card_of_module(module, recipe, task, "bad")
    with pytest.raises(tb.BadInput, match=said):
        build(spec, problem_for(spec, None, recipe), recipe)


def test_a_module_without_a_recipe_or_a_name_is_one_line(recipe):
    with pytest.raises(tb.BadInput, match="give recipe="):
        card_of_module(Flat, None, "classification")
    with pytest.raises(tb.BadInput, match="give name="):
        card_of_module(Flat, recipe, "classification", "!")


def test_another_process_is_told_that_the_module_is_not_there(recipe):
    attribute = card_of_module(Flat, recipe, "classification").factory.partition(":")[2]
    assert callable(getattr(modules, attribute))
    with pytest.raises(AttributeError, match="in the process alone"):
        modules.made_elsewhere  # noqa: B018 - what another process asks for
