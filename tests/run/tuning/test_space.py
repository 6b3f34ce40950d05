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
"""


@pytest.fixture
def found(install_plugin):
    install_plugin("wide", wide_module=CARD)
    return registry.find()


def test_the_name_of_what_was_tried_is_the_card_with_those_values(found):
    space = space_of(found, "wide-net")
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
    space = space_of(found, "wide-net")
    assert found.model(space.name_of(space.defaults)).id == "wide-net"
    assert space.allows(space.defaults)


def test_what_stands_in_brackets_is_not_searched(found):
    space = space_of(found, "wide-net[left=3,rate=0.5]")
    assert list(space.searched) == ["width", "norm", "wide"]
    name = space.name_of({"width": 4, "norm": "batch", "wide": False})
    assert found.model(name).id == "wide-net[left=3,width=4]"


def test_values_outside_of_the_space_are_told_apart(found):
    space = space_of(found, "wide-net")
    assert not space.allows(space.defaults | {"width": 3})
    assert not space.allows(space.defaults | {"norm": "layer"})


def test_a_model_without_a_search_space_names_those_that_have_one(found):
    with pytest.raises(BadInput, match=r"villegas-cnn2 declares no search space.*dropout.*pose-cnn.*wide-net"):
        space_of(found, "villegas-cnn2")


def test_brackets_that_fix_all_of_it_are_refused(found):
    with pytest.raises(BadInput, match=r"fixes every parameter of its search space \(dropout\); leave one out"):
        space_of(found, "robles-baseline[dropout=0.1]")
