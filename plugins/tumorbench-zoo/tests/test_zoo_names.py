"""Which models the zoo has: the curated few, any name of a pattern, and none without the libraries' say."""

import subprocess
import sys

import pytest

import tumorbench as tb
from tumorbench.contracts.factory import load
from tumorbench.testing import check_card, check_model, plugin_contract, tiny_problem
from tumorbench.training.networks import build, count_network, count_parameters, problem_for
from tumorbench_zoo import cards, tumorbench_model_patterns
from tumorbench_zoo.by_name import smp_card, timm_card

test_contract = plugin_contract("tumorbench_zoo")
PATTERNS = {pattern.id: load(pattern.factory) for pattern in tumorbench_model_patterns()}


def by_name(name):
    return PATTERNS[f"{name.partition('/')[0]}/*"](name)


def test_listing_the_zoo_imports_neither_torch_nor_timm_nor_smp():
    program = (
        "import sys, tumorbench_zoo as z; found = [*z.tumorbench_models(), *z.tumorbench_model_patterns(), *z.tumorbench_weights()]; "
        "print(len(found), {'torch', 'timm', 'segmentation_models_pytorch', 'huggingface_hub'} & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "8 set()"


@pytest.mark.parametrize("card", cards.CURATED, ids=lambda card: card.id)
def test_a_curated_card_is_what_its_name_gives(card):
    assert by_name(card.id) == card
    assert "Apache-2.0" in str(card.paper.notes) or "BSD-3-Clause" in str(card.paper.notes)


@pytest.mark.parametrize("pattern", tumorbench_model_patterns(), ids=lambda pattern: pattern.id)
def test_every_example_of_a_pattern_has_a_complete_card(pattern):
    for name in pattern.examples:
        card = by_name(name)
        check_card(card)
        assert (card.id, card.task) == (name, pattern.task)


def test_size_and_normalisation_are_those_of_the_weights():
    shown = {
        name: (card.recipe.preprocessing.size, card.recipe.quick.size, card.recipe.preprocessing.normalisation)
        for name in NAMES
        for card in [by_name(name)]
    }
    assert shown == NAMES


NAMES = {
    "timm/resnet18.a1_in1k": (224, 96, "imagenet"),
    "timm/vit_small_patch16_224": (224, None, "symmetric"),
    "timm/vit_base_patch16_clip_224.openai": (224, None, "imagenet"),
    "timm/swin_base_patch4_window12_384": (384, None, "imagenet"),
    "timm/mobilevit_s": (224, 96, "unit"),
    "smp/unet-resnet34": (256, 96, "imagenet"),
    "smp/unet-tu-swin_tiny_patch4_window7_224": (224, None, "imagenet"),
    "smp/unet-xception": (256, 96, "symmetric"),
}


def test_only_size_normalisation_weights_and_name_tell_two_recipes_apart():
    def common(card):
        return card.recipe.model_dump(exclude={"preprocessing", "pretrained", "params", "quick"})

    assert common(timm_card("timm/vit_small_patch16_224")) == common(cards.CURATED[0]) == common(cards.CURATED[1])
    assert common(smp_card("smp/fpn-mit_b0")) == common(cards.CURATED[3])


def test_weights_are_those_of_the_name_and_none_where_none_are_published():
    pretrained = {
        name: by_name(name).recipe.pretrained
        for name in (
            "timm/vit_giant_patch14_224",
            "smp/unet-dpn92",
            "smp/fpn-tu-convnext_tiny.fb_in1k",
            "smp/unet-resnext50_32x4d",
        )
    }
    assert pretrained == {
        "timm/vit_giant_patch14_224": None,
        "smp/unet-dpn92": "smp/dpn92.imagenet-5k",
        "smp/fpn-tu-convnext_tiny.fb_in1k": "timm/convnext_tiny.fb_in1k",
        "smp/unet-resnext50_32x4d": "smp/resnext50_32x4d.imagenet",
    }
    assert timm_card("timm/vit_giant_patch14_224").title == "vit_giant_patch14_224 (timm), from scratch"


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("timm/resnt18", "did you mean timm/resnet18"),
        ("timm/resnet18.a1_in1", "did you mean timm/resnet18.a1_in1k"),
        ("timm/convnext_tiny_in22ft1k", "it is now timm/convnext_tiny.fb_in22k_ft_in1k"),
        ("smp/unt-resnet34", "did you mean smp/unet"),
        ("smp/unet-resnet43", "did you mean smp/unet-resnet34"),
        ("smp/unet", "names no encoder; write smp/unet-resnet34"),
        ("smp/xyz-resnet34", "see their documentation"),
        ("smp/unet-timm-efficientnet-b0", "did you mean smp/unet-"),
        ("smp/fpn-tu-tf_efficientnet_lite", "did you mean smp/fpn-tu-tf_efficientnet_lite"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name, suggestion):
    with pytest.raises(tb.BadInput, match=suggestion) as refusal:
        by_name(name)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "name", ["timm/tf_efficientnet_lite0", "timm/vit_tiny_patch16_224", "smp/fpn-resnet18", "smp/segformer-mit_b0"]
)
def test_parameters_counted_without_memory_are_those_of_the_network(name):
    card = by_name(name)
    problem = problem_for(card, None, card.recipe)
    assert count_parameters(card, problem) == count_network(build(card, problem, card.recipe))


def test_counts_are_those_published_for_imagenet():
    problem = tb.Problem("classification", tuple(map(str, range(1000))), 3, 224)
    trainable = {
        name: count_parameters(timm_card(name), problem)["trainable"]
        for name in ("timm/resnet18.a1_in1k", "timm/tf_efficientnet_lite0", "timm/vit_small_patch16_224")
    }
    assert trainable == {
        "timm/resnet18.a1_in1k": 11_689_512,
        "timm/tf_efficientnet_lite0": 4_652_008,
        "timm/vit_small_patch16_224": 22_050_664,
    }


@pytest.mark.parametrize(
    "name", ["timm/vit_tiny_patch16_224", "smp/fpn-tu-tf_efficientnet_lite0", "smp/segformer-mit_b0"]
)
def test_a_model_made_by_name_keeps_the_contract(name):
    check_model(by_name(name))


def test_a_frozen_model_keeps_the_contract():
    card = timm_card("timm/resnet10t.c3_in1k")
    frozen = card.model_copy(
        update={"recipe": card.recipe.model_copy(update={"params": {**card.recipe.params, "frozen": True}})}
    )
    check_model(frozen)
    counted = count_parameters(frozen, tiny_problem(frozen))
    assert counted["trainable"] == 2 * 512 + 2
    assert counted["total"] == count_parameters(card, tiny_problem(card))["total"]


def test_an_encoder_without_features_is_bad_input():
    with pytest.raises(tb.BadInput, match="builds no unet on tu-mixer_b16_224") as refusal:
        smp_card("smp/unet-tu-mixer_b16_224")
    assert "take smp/unet-resnet34 or smp/dpt-tu-mixer_b16_224" in str(refusal.value)
