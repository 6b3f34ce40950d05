"""One network and one set of weights have one id, whichever of their names is asked for."""

import pytest
import timm

import tumorbench as tb
from tumorbench.registry import find
from tumorbench_zoo import names


@pytest.fixture(scope="module")
def installed():
    return find()


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("timm/resnet18", "timm/resnet18.a1_in1k"),
        ("timm/resnet18[frozen=true]", "timm/resnet18.a1_in1k[frozen=True]"),
        ("timm/vit_tiny_patch16_224", "timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k"),
        ("smp/fpn-tu-resnet18", "smp/fpn-tu-resnet18.a1_in1k"),
        ("smp/dpt-tu-vit_tiny_patch16_224", "smp/dpt-tu-vit_tiny_patch16_224.augreg_in21k_ft_in1k"),
    ],
)
def test_a_name_without_a_tag_is_the_one_with_timm_s_tag(installed, asked, given):
    card = installed.model(asked)
    assert card == installed.model(given)
    assert card.id == given
    name = given.partition("[")[0].rpartition("tu-")[2].removeprefix("timm/")
    assert name in card.title
    assert card.recipe.pretrained == f"timm/{name}"
    assert name in str(card.recipe.params)


@pytest.mark.parametrize(
    "name", ["tf_efficientnet_lite0", "unet-tu-tf_efficientnet_lite0", "fpn-tu-tf_efficientnet_lite0"]
)
def test_the_published_name_of_lite0_stays_and_its_tagged_name_is_the_same_card(installed, name):
    prefix = "smp" if "-tu-" in name else "timm"
    card = installed.model(f"{prefix}/{name}")
    assert card == installed.model(f"{prefix}/{name}.in1k")
    assert (card.id, card.recipe.pretrained) == (f"{prefix}/{name}", "timm/tf_efficientnet_lite0")


def test_timm_s_default_of_the_published_name_is_the_weights_that_come_with_the_installation():
    assert timm.get_pretrained_cfg("tf_efficientnet_lite0").tag == "in1k"
    assert timm.list_models("tf_efficientnet_lite0.*", pretrained=True) == ["tf_efficientnet_lite0.in1k"]


@pytest.mark.parametrize("name", ["vit_giant_patch14_224", "vit_giant_patch14_224.untrained"])
def test_an_architecture_without_weights_keeps_its_plain_name(installed, name):
    card = installed.model(f"timm/{name}")
    assert card.id == "timm/vit_giant_patch14_224"
    assert card.recipe.pretrained is None
    assert card.title == "vit_giant_patch14_224 (timm), from scratch"


def test_every_name_of_timm_stands_for_one_id_that_stands_for_itself():
    resolved = {name: names.tagged(name) for name in names.timm_names()}
    assert {names.tagged(name) for name in resolved.values()} == set(resolved.values())
    plain = {name for name in resolved.values() if "." not in name}
    with_weights = {
        name for name in plain if timm.get_pretrained_cfg(name) and timm.get_pretrained_cfg(name).has_weights
    }
    assert with_weights == {"tf_efficientnet_lite0"}


@pytest.mark.parametrize(
    "name",
    [
        "timm/resnet18[architecture=resnet34]",
        "smp/unet-resnet18[encoder=resnet34]",
        "smp/unet-resnet18[architecture=fpn]",
    ],
)
def test_brackets_do_not_make_another_network_under_the_same_weights(installed, name):
    with pytest.raises(tb.BadInput, match="is one of"):
        installed.model(name)
