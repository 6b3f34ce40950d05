"""Plugins are found; a broken one is reported and never breaks the others."""

from __future__ import annotations

import pytest

from tumorbench import registry
from tumorbench.errors import BadInput

MODEL = """
import tumorbench as tb

@tb.hookimpl
def tumorbench_models():
    yield tb.ModelSpec(
        id="{id}", title="t", version="1", task="classification", licence="MIT", paper=tb.Paper(title="none"), factory="{module}:Net"{extra},
        recipe=tb.Recipe(preprocessing=tb.Preprocessing(size=32), epochs=1, batch_size=4, quick=tb.Quick(epochs=1, steps_per_epoch=1, batch_size=4),
                         params={{"width": 8, "wide": False}}),
    )
"""


def model_module(name: str, module: str, extra: str = "") -> str:
    return MODEL.format(id=name, module=module, extra=extra)


def faults_of(found: registry.Registry, plugin: str) -> str:
    return " | ".join(next(each.faults for each in found.plugins if each.name == plugin))


def test_an_installed_plugin_provides_its_models(install_plugin):
    install_plugin("good", good_module=model_module("good-net", "good_module"))
    assert registry.find().model("good-net").title == "t"


def test_a_plugin_that_does_not_import_is_a_fault_of_that_plugin_only(install_plugin):
    install_plugin("broken", broken_module="import a_module_that_is_nowhere")
    install_plugin("good", good_module=model_module("good-net", "good_module"))
    found = registry.find()
    assert "a_module_that_is_nowhere" in faults_of(found, "broken")
    assert "good-net" in found.models


def test_a_bad_card_is_named_with_its_field(install_plugin):
    install_plugin("bad", bad_module=model_module("bad-net", "bad_module", ', flavour="sweet"'))
    found = registry.find()
    assert "ModelSpec" in faults_of(found, "bad")
    assert "flavour" in faults_of(found, "bad")
    assert "bad-net" not in found.models


def test_a_duplicate_id_names_both_plugins_and_keeps_the_first(install_plugin):
    install_plugin("first", first_module=model_module("same-net", "first_module"))
    install_plugin("second", second_module=model_module("same-net", "second_module"))
    found = registry.find()
    assert found.model("same-net").factory == "first_module:Net"
    assert "same-net" in faults_of(found, "second")
    assert "first" in faults_of(found, "second")


def test_no_stranger_replaces_a_built_in_model(install_plugin):
    install_plugin("aaa", aaa_module=model_module("pose-cnn", "aaa_module"))
    assert registry.find().model("pose-cnn").factory.startswith("tumorbench_classifiers")


def test_an_unknown_hook_is_a_fault(install_plugin):
    install_plugin(
        "odd", odd_module="import tumorbench as tb\n@tb.hookimpl\ndef tumorbench_modells():\n    return []\n"
    )
    assert "tumorbench_modells is no hook" in faults_of(registry.find(), "odd")


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(BadInput, match="did you mean pose-cnn"):
        registry.find().model("pose-cnnn")


def test_an_unknown_name_tells_of_the_broken_plugin_that_may_have_provided_it(install_plugin):
    install_plugin("broken", broken_module="raise RuntimeError('no licence server')")
    with pytest.raises(
        BadInput, match="plugin broken is broken and may have provided it: RuntimeError: no licence server"
    ):
        registry.find().model("anything-else")


def test_brackets_change_a_models_parameters(install_plugin):
    install_plugin("good", good_module=model_module("good-net", "good_module"))
    spec = registry.find().model("good-net[wide=true,width=16]")
    assert spec.recipe.params == {"width": 16, "wide": True}
    assert spec.id == "good-net[wide=True,width=16]"


def test_brackets_that_repeat_the_default_are_the_same_model(install_plugin):
    install_plugin("good", good_module=model_module("good-net", "good_module"))
    found = registry.find()
    assert found.model("good-net[width=8]") == found.model("good-net")


@pytest.mark.parametrize(
    ("text", "message"),
    [("depth=2", "no parameter 'depth'"), ("width=big", "of type int"), ("wide=maybe", "true or false")],
)
def test_wrong_brackets_are_refused(install_plugin, text, message):
    install_plugin("good", good_module=model_module("good-net", "good_module"))
    with pytest.raises(BadInput, match=message):
        registry.find().model(f"good-net[{text}]")


PATTERN = """
import tumorbench as tb

def make(name):
    if name == "nets/unknown":
        raise tb.BadInput("there is no net called 'unknown'; did you mean known?")
    return tb.ModelSpec(
        id=name, title="t", version="1", task="classification", licence="MIT", paper=tb.Paper(title="none"), factory="{module}:Net",
        recipe=tb.Recipe(preprocessing=tb.Preprocessing(size=32), epochs=1, batch_size=4, quick=tb.Quick(epochs=1, steps_per_epoch=1, batch_size=4),
                         params={{"width": 8}}),
    )

@tb.hookimpl
def tumorbench_model_patterns():
    yield tb.ModelPattern(id="nets/*", title="any net", task="classification", examples=("nets/known",), factory="{module}:make")

@tb.hookimpl
def tumorbench_weights():
    for name in ("nets/*", "nets/known"):
        yield tb.WeightsSpec(id=name, title=name, licence="MIT", citation="none", factory="{module}:make")
"""


def test_a_name_that_fits_a_pattern_is_made_when_it_is_asked_for(install_plugin):
    install_plugin("patterns", pattern_module=PATTERN.format(module="pattern_module"))
    found = registry.find()
    assert "nets/known" not in found.models
    assert found.model("nets/known").id == "nets/known"
    assert found.model("nets/known[width=9]").recipe.params == {"width": 9}
    with pytest.raises(BadInput, match="did you mean known"):
        found.model("nets/unknown")


def test_weights_of_that_very_name_come_before_those_of_a_pattern(install_plugin):
    install_plugin("patterns", pattern_module=PATTERN.format(module="pattern_module"))
    found = registry.find()
    assert [found.pretrained(name).id for name in ("nets/known", "nets/other")] == ["nets/known", "nets/*"]
    assert found.pretrained("elsewhere/known") is None
