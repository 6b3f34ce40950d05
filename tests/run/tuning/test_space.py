"""What is searched becomes a model's name, which is read back as the values that were tried."""

from __future__ import annotations

import pytest

from tumorbench import registry
from tumorbench.errors import BadInput
from tumorbench.run.tuning.space import space_of

CARD = """
import tumorbench as tb

@tb.hookimpl
def tumorbench_models():
    yield tb.ModelSpec(
        id="wide-net", title="t", version="1", task="classification", licence="MIT", paper=tb.Paper(title="none"), factory="wide_module:Net",
        recipe=tb.Recipe(preprocessing=tb.Preprocessing(size=32), epochs=1, batch_size=4, quick=tb.Quick(epochs=1, steps_per_epoch=1, batch_size=4),
                         params={"width": 8, "rate": 0.5, "norm": "batch", "wide": False, "left": 1}),
        search={"width": tb.Search(low=4, high=64, log=True), "rate": tb.Search(low=1e-6, high=0.9, log=True),
                "norm": tb.Search(one_of=("batch", "group")), "wide": tb.Search(one_of=(False, True))},
    )
    yield tb.ModelSpec(
        id="hasty-net", title="t", version="1", task="classification", licence="MIT",
        paper=tb.Paper(title="none"), factory="wide_module:Net",
        recipe=tb.Recipe(preprocessing=tb.Preprocessing(size=32), epochs=1, batch_size=64,
                         quick=tb.Quick(epochs=1, steps_per_epoch=1, batch_size=8)),
        search={"learning_rate": tb.Search(low=1e-5, high=1, log=True), "weight_decay": tb.Search(one_of=(0.0, 0.01)),
                "batch_size": tb.Search(low=4, high=64)},
    )
"""


@pytest.fixture
def found(install_plugin):
    install_plugin("wide", wide_module=CARD)
    return registry.find()


def test_the_name_of_what_was_tried_is_the_card_with_those_values(found):
    space = space_of(found, "wide-net", "quick")
    values = {"width": 12, "rate": 0.123456789, "norm": "group", "wide": True}
    assert space.name_of(values) == "wide-net[width=12,rate=0.1235,norm=group,wide=True]"
    params = found.model(space.name_of(values)).recipe.params
    assert (
        params
        == {"width": 12, "rate": 0.1235, "norm": "group", "wide": True, "left": 1}
        == space.rounded(values) | {"left": 1}
    )
    assert found.model(space.name_of(values | {"rate": 0.0000123456})).recipe.params["rate"] == 0.00001235


def test_the_defaults_are_the_card_itself(found):
    space = space_of(found, "wide-net", "quick")
    assert found.model(space.name_of(space.defaults)).id == "wide-net"
    assert space.allows(space.defaults)


def test_what_stands_in_brackets_is_not_searched(found):
    space = space_of(found, "wide-net[left=3,rate=0.5]", "quick")
    assert list(space.searched) == ["width", "norm", "wide"]
    name = space.name_of({"width": 4, "norm": "batch", "wide": False})
    assert found.model(name).id == "wide-net[left=3,width=4]"


def test_values_outside_of_the_space_are_told_apart(found):
    space = space_of(found, "wide-net", "quick")
    assert not space.allows(space.defaults | {"width": 3})
    assert not space.allows(space.defaults | {"norm": "layer"})


def test_a_model_without_a_search_space_names_those_that_have_one(found):
    with pytest.raises(
        BadInput, match=r"villegas-cnn2 declares no search space.*dropout, learning_rate.*pose-cnn.*wide-net"
    ):
        space_of(found, "villegas-cnn2", "full")


def test_brackets_that_fix_all_of_it_are_refused(found):
    with pytest.raises(BadInput, match=r"fixes every parameter of its search space \(width, .*wide\); leave one out"):
        space_of(found, "wide-net[width=9,rate=0.1,norm=group,wide=1]", "full")


def test_words_of_the_recipe_are_searched_and_their_defaults_are_the_budgets(found):
    values = {"learning_rate": 0.000123456, "weight_decay": 0.01, "batch_size": 8}
    quick, full = (space_of(found, "hasty-net", budget) for budget in ("quick", "full"))
    assert quick.defaults == {"learning_rate": 1e-3, "weight_decay": 0.0, "batch_size": 8}
    assert full.defaults == quick.defaults | {"batch_size": 64}
    assert quick.name_of(values) == "hasty-net[learning_rate=0.0001235,weight_decay=0.01]"
    assert full.name_of(values) == "hasty-net[learning_rate=0.0001235,weight_decay=0.01,batch_size=8]"
    assert (quick.name_of(quick.defaults), quick.allows(quick.defaults)) == ("hasty-net", True)
    recipe = found.model(full.name_of(values)).recipe
    assert (recipe.optimizer.learning_rate, recipe.optimizer.weight_decay) == (0.0001235, 0.01)
    assert [recipe.for_budget(budget).batch_size for budget in ("quick", "full")] == [8, 8]
