"""Plugins are found; a broken one is reported and never breaks the others."""

from __future__ import annotations

import pytest

from tumorbench import registry
from tumorbench.contracts.cell import CellIdentity, cell_key
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


ENDINGS = {
    "SystemExit(0)": "SystemExit: 0",
    "SystemExit": "SystemExit: ",
    "KeyboardInterrupt('by the plugin')": "KeyboardInterrupt: by the plugin",
    "GeneratorExit": "GeneratorExit: ",
    "type('Odd', (BaseException,), {})('neither')": "Odd: neither",
    "type('Mute', (Exception,), {'__str__': lambda self: 1 / 0})()": "Mute: (it does not say what)",
}
PLACES = {
    "at import": "raise {raised}\n",
    "in a hook": "import tumorbench as tb\n@tb.hookimpl\ndef tumorbench_models():\n    raise {raised}\n",
    "half-way": "import tumorbench as tb\n@tb.hookimpl\ndef tumorbench_models():\n    yield from ()\n    raise {raised}\n",
    "in a card's validator": (
        "import tumorbench as tb\nfrom pydantic import model_validator\n"
        "class Own(tb.ModelSpec):\n    @model_validator(mode='before')\n    @classmethod\n"
        "    def check(cls, given):\n        raise {raised}\n"
        "@tb.hookimpl\ndef tumorbench_models():\n    return [Own(id='own')]\n"
    ),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("raised", ENDINGS)
def test_whatever_a_plugin_raises_is_a_fault_of_that_plugin_only(install_plugin, place, raised):
    install_plugin("ending", ending_module=PLACES[place].format(raised=raised))
    install_plugin("good", good_module=model_module("good-net", "good_module"))
    found = registry.find()
    assert faults_of(found, "ending").endswith(ENDINGS[raised])
    assert "good-net" in found.models


def test_ctrl_c_while_a_plugin_is_imported_is_still_ctrl_c(install_plugin):
    install_plugin("slow", slow_module="import signal\nsignal.raise_signal(signal.SIGINT)\n")
    with pytest.raises(KeyboardInterrupt):
        registry.find()


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("return None", "tumorbench_models returns None, not an iterable of ModelSpec"),
        ("return 3", "tumorbench_models returns an int, not an iterable of ModelSpec"),
        ("return 'pose-cnn'", "tumorbench_models returns a str, not an iterable of ModelSpec"),
        ("return tb.Paper(title='t')", "tumorbench_models returns a Paper, not an iterable of ModelSpec"),
        ("return [None]", "tumorbench_models yields None where a ModelSpec is due"),
        ("return [tb.ModelSpec.model_construct(id=[])]", "bad ModelSpec card: id: Input should be a valid string"),
        ("while True: yield {}", "tumorbench_models yields more than 10000 cards; the others are left out"),
    ],
)
def test_a_hook_that_hands_over_no_cards_is_told_what_it_returned(install_plugin, body, fault):
    install_plugin("odd", odd_module=f"import tumorbench as tb\n@tb.hookimpl\ndef tumorbench_models():\n    {body}\n")
    assert fault in faults_of(registry.find(), "odd")


def entry_points(folder, distribution, text):
    metadata = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True, exist_ok=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_bytes(text)


def test_two_distributions_with_one_entry_point_name_are_both_loaded_and_know_of_each_other(install_plugin):
    for name in ("first", "second"):
        site = install_plugin(name, **{f"{name}_module": model_module(f"{name}-net", f"{name}_module")})
        entry_points(site, name, f"[tumorbench]\nmy-models = {name}_module\n".encode())
    found = registry.find()
    assert {"first-net", "second-net"} <= set(found.models)
    mine = [plugin for plugin in found.plugins if plugin.name == "my-models"]
    assert [plugin.faults for plugin in mine] == [[], []]
    same = "the entry point my-models of {} has the same name as that of {} 1.0; each is loaded, and one of them should be renamed"
    assert [plugin.notes for plugin in mine] == [[same.format("first", "second")], [same.format("second", "first")]]


def test_two_distributions_that_name_one_module_are_told_of_it(install_plugin):
    site = install_plugin("first", same_module=model_module("same-net", "same_module"))
    entry_points(site, "second", b"[tumorbench]\nsecond = same_module\n")
    found = registry.find()
    assert "same-net" in found.models
    assert "first and second name the same module; rename one of them" in faults_of(found, "second")


def test_a_distribution_that_is_listed_twice_is_one_plugin(install_plugin):
    site = install_plugin("good", good_module=model_module("good-net", "good_module"))
    entry_points(site, "good", b"[tumorbench]\ngood = good_module\ngood = good_module\n")
    entry_points(site / "again", "Good", b"[tumorbench]\ngood = good_module\n")
    (site / "again/Good-1.0.dist-info").rename(site / "other_name-1.0.dist-info")
    found = registry.find()
    assert [plugin.faults + plugin.notes for plugin in found.plugins if plugin.name == "good"] == [[]]


def test_entry_points_that_cannot_be_read_are_a_fault_of_their_distribution(install_plugin):
    site = install_plugin("good", good_module=model_module("good-net", "good_module"))
    entry_points(site, "damaged", b"[tumorbench]\nx = \xff\xfe\n")
    found = registry.find()
    assert "good-net" in found.models
    assert [plugin.distribution for plugin in found.plugins if "cannot be read" in str(plugin.faults)] == ["damaged"]


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


def test_brackets_change_words_of_the_recipe(install_plugin):
    install_plugin("good", good_module=model_module("good-net", "good_module"))
    spec, plain = (registry.find().model(f"good-net{text}") for text in ("[learning_rate=3e-4,weight_decay=.01]", ""))
    assert spec.id == "good-net[learning_rate=0.0003,weight_decay=0.01]"
    optimizer = plain.recipe.optimizer.model_copy(update={"learning_rate": 0.0003, "weight_decay": 0.01})
    assert spec.recipe == plain.recipe.model_copy(update={"optimizer": optimizer})


def test_a_batch_size_in_brackets_is_that_of_both_budgets():
    found = registry.find()
    small = found.model("pose-cnn[batch_size=32]")  # of the full budget 300, of the quick one 32
    assert [small.recipe.for_budget(budget).batch_size for budget in ("full", "quick")] == [32, 32]
    assert found.model("pose-cnn[batch_size=300]").recipe.for_budget("quick").batch_size == 300
    assert found.model("robles-baseline[batch_size=32]") == found.model("robles-baseline")  # of both 32


def test_words_at_the_cards_own_value_leave_every_key_as_it_is():
    found, dataset = registry.find(), "figshare3064"

    def key(name):
        spec = found.model(name)
        identity = CellIdentity(
            dataset=dataset, dataset_fingerprint="a", protocol="grouped", split_fingerprint="b", fold=0, task=spec.task,
            model=spec.id, model_version=spec.version, recipe=spec.recipe.for_budget("quick"), seed=0, budget="quick",
        )  # fmt: skip
        return cell_key(identity)

    assert key("pose-cnn[learning_rate=1e-3,weight_decay=0]") == key("pose-cnn")
    assert key("pose-cnn[learning_rate=1e-3,dropout=0.4]") == key("pose-cnn[dropout=0.4]")
    assert len({key("pose-cnn"), key("pose-cnn[learning_rate=2e-3]"), key("pose-cnn[weight_decay=0.1]")}) == 3


def test_a_source_counts_the_network_and_not_how_it_is_trained():
    found = registry.find()
    assert found.model("pose-cnn[learning_rate=2e-3]").parameters == found.model("pose-cnn").parameters
    assert found.model("pose-cnn[dropout=0.4,learning_rate=2e-3]").parameters is None


def test_a_models_own_parameter_comes_before_a_word_of_the_same_name(install_plugin):
    module = model_module("good-net", "good_module").replace('"wide": False}', '"wide": False, "batch_size": "auto"}')
    install_plugin("good", good_module=module)
    spec = registry.find().model("good-net[batch_size=large]")
    assert (spec.recipe.params["batch_size"], spec.recipe.batch_size) == ("large", 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("depth=2", "no parameter 'depth'; it has width, wide, rate, mode, learning_rate, weight_decay, batch_size"),
        ("learning_rate=0", r"good-net\[learning_rate\] is above 0 and at most 10, not '0'"),
        ("learning_rate=fast", "of type float"),
        ("weight_decay=-0.1", r"good-net\[weight_decay\] is at least 0 and at most 1, not '-0.1'"),
        ("batch_size=0", r"good-net\[batch_size\] is at least 1 and at most 65536, not '0'"),
        ("batch_size=8.5", "of type int"),
        ("width=big", "of type int"),
        ("wide=maybe", "true or false"),
        ("width=1e3", "of type int"),
        ("width=0x10", "of type int"),
        ("width=1_0", "of type int"),
        ("width=\u0663\u0662", "of type int"),
        ("width=99999999999999999999", "at most 18 digits"),
        ("width=9,width=9", "given twice"),
        ("width", "has no value; write width=VALUE, such as width=8"),
        ("width=", "has no value"),
        ("=9", "without a name"),
        ("", "without a name"),
        ("width=9,", "a comma too many"),
        ("width=9,,wide=1", "a comma too many"),
        ("width=[9]", "more than one pair of brackets"),
        ("[" * 100_000, "has 100010 characters"),
        ("width=0", r"good-net\[width\] is at least 1, not '0'"),
        ("rate=1", r"good-net\[rate\] is at least 0 and below 1, not '1'"),
        ("rate=inf", "a finite number"),
        ("rate=1e999", "a finite number"),
        ("mode=c", "one of a, b, not 'c'"),
        ("mode=../a", "a word of letters"),
    ],
)
def test_wrong_brackets_are_refused(install_plugin, text, message):
    ranges = '"width": tb.Range(ge=1), "rate": tb.Range(ge=0, lt=1), "mode": tb.Range(one_of=("a", "b"))'
    module = model_module("good-net", "good_module", f", ranges={{{ranges}}}")
    install_plugin("good", good_module=module.replace('"wide": False}', '"wide": False, "rate": 0.5, "mode": "a"}'))
    with pytest.raises(BadInput, match=message):
        registry.find().model(f"good-net[{text}]")


def test_a_range_that_its_own_default_breaks_is_a_bad_card(install_plugin):
    install_plugin(
        "bad", bad_module=model_module("bad-net", "bad_module", ', ranges={"width": tb.Range(multiple_of=3)}')
    )
    assert "the recipe's width is 8, and by its range a multiple of 3" in faults_of(registry.find(), "bad")


@pytest.mark.parametrize("value", ["-0.0", "0", "+0e5"])
def test_zero_is_one_value_however_it_is_written(value):
    assert registry.find().model(f"pose-cnn[dropout={value}]").id == "pose-cnn[dropout=0.0]"


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


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("return None", "pattern_module:make returned None for 'nets/known', not a ModelSpec"),
        ("raise SystemExit(0)", "pattern_module:make, which makes the card of 'nets/known', raised SystemExit: 0"),
    ],
)
def test_a_pattern_that_makes_no_card_is_named(install_plugin, body, fault):
    module = PATTERN.format(module="pattern_module").replace("def make(name):", f"def make(name):\n    {body}")
    install_plugin("patterns", pattern_module=module)
    with pytest.raises(BadInput, match=fault):
        registry.find().model("nets/known")
