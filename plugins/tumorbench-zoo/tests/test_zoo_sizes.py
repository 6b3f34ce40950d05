"""Image sizes are those that the network takes, and what does not work is refused when its card is made."""

import re

import pytest
import torch

import tumorbench as tb
from tumorbench.registry import find
from tumorbench.testing import check_model
from tumorbench.training.networks import build, problem_for
from tumorbench_zoo import names
from tumorbench_zoo.by_name import reliable
from tumorbench_zoo.trial import shape_at, shapes_only

SIZES = {  # id -> full, quick; None: the same
    "timm/resnet18": (224, 96),
    "timm/halonet26t": (256, None),
    "timm/bat_resnext26ts": (256, None),
    "timm/vit_tiny_patch16_384": (384, None),
    "timm/deepseek_vit_412m_enc": None,
    "timm/gemma4_vit_167m_enc": None,
    "smp/pan-resnet18": (256, 128),
    "smp/unet-tu-halonet26t": (256, None),
    "smp/fpn-tu-mobilevitv2_050": (256, 128),
    "smp/dpt-tu-vit_tiny_patch16_224": (224, None),
    "smp/dpt-tu-vit_small_patch14_dinov2": None,
    "smp/upernet-tu-inception_v3": (256, 96),
    "smp/linknet-tu-inception_v3": None,
    "smp/unet-tu-swin_tiny_patch4_window7_224": (224, None),
}
TAKEN = [name for name, sizes in SIZES.items() if sizes]
REFUSED = [
    *(name for name, sizes in SIZES.items() if not sizes),
    "smp/dpt-resnet34",
    "smp/linknet-mit_b0",
    "smp/deeplabv3-tu-swin_tiny_patch4_window7_224",
    "smp/unet-tu-vit_tiny_patch16_224",
    "smp/unet-tu-mixer_b16_224",
]


@pytest.fixture(scope="module")
def installed():
    return find()


def expected(problem):
    return (problem.outputs, problem.size, problem.size) if problem.task == "segmentation" else (problem.outputs,)


@pytest.mark.parametrize("name", TAKEN)
def test_the_card_s_sizes_are_those_that_the_network_takes(installed, name):
    card = installed.model(name)
    assert (card.recipe.preprocessing.size, card.recipe.quick.size) == SIZES[name]


@pytest.mark.parametrize("name", TAKEN)
def test_a_network_that_needs_larger_images_keeps_its_size_on_data_of_small_ones(installed, name):
    quick = installed.model(name).recipe.for_budget("quick")
    assert quick.shortened(1.0, 64).preprocessing.size == (64 if SIZES[name][1] == 96 else quick.preprocessing.size)


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_work_is_refused_in_one_line_and_what_it_advises_works(installed, name):
    with pytest.raises(tb.BadInput) as refusal:
        installed.model(name)
    assert str(refusal.value).isprintable()
    advised = re.findall(r"(?:timm|smp)/[\w.-]+", str(refusal.value).rpartition("; take ")[2])
    assert advised
    assert [installed.model(each).id for each in advised] == advised


@pytest.mark.parametrize("architecture", names.architectures())
def test_the_encoder_that_is_advised_works_for_each_architecture(installed, architecture):
    assert installed.model(f"smp/{architecture}-{reliable(architecture)}").task == "segmentation"


def test_the_nearest_name_is_suggested_only_where_it_works(installed):
    with pytest.raises(tb.BadInput, match=r"did you mean smp/dpt-tu-vit_tiny_patch16_224\.augreg"):
        installed.model("smp/dptt-resnet34")
    with pytest.raises(tb.BadInput, match="did you mean smp/unet-tu-resnet18"):
        installed.model("smp/unet-tu-resnt18")


@pytest.mark.parametrize(
    "name",
    ["timm/halonet26t", "smp/pan-mobilenet_v2", "smp/dpt-tu-vit_tiny_patch16_224", "smp/pspnet-tu-inception_v3"],
)
def test_real_images_of_the_quick_size_give_logits_of_the_shape_that_the_trial_found(installed, name):
    card = installed.model(name)
    recipe = card.recipe.for_budget("quick")
    problem = problem_for(card, None, recipe)
    network = build(card, problem, recipe).eval()
    with torch.inference_mode():
        assert tuple(network(torch.zeros(1, 3, problem.size, problem.size)).shape[1:]) == expected(problem)


def test_a_model_keeps_the_contract_at_the_size_of_its_card(installed):
    card = installed.model("smp/pan-resnet18")
    check_model(card, problem_for(card, None, card.recipe.for_budget("quick")))


def test_a_trial_allocates_no_weight():
    problem = tb.Problem("classification", ("a", "b"), 3, 224)
    with shapes_only():
        network = build(find().model("timm/resnet18"), problem, find().model("timm/resnet18").recipe)
    assert {weight.device.type for weight in network.state_dict().values()} == {"meta"}
    assert shape_at(network, 224, training=False) == (2,)
