"""Every network is its report's table of layers."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch

import tumorbench as tb
from tumorbench.training.networks import build, count_parameters
from tumorbench_classifiers import cards

STATED = {
    "pose-cnn": (475_779, 475_779),
    "villegas-cnn1": (11_374_980, 11_374_980),
    "villegas-cnn1-augmented": (11_374_980, 11_374_980),
    "villegas-cnn2": (12_855_844, 12_855_844),
    "villegas-vgg16": (134_276_932, 16_388),
    "villegas-vgg16-imagenet": (134_276_932, 16_388),
    "unam-cnn": (14_636_420, 14_626_692),
    "robles-baseline": (3_418_148, 5_124),
}
VGG16_CONVOLUTIONS = [
    1792,
    36928,
    73856,
    147584,
    295168,
    590080,
    590080,
    1180160,
    2359808,
    2359808,
    2359808,
    2359808,
    2359808,
]
TABLES = [
    (cards.POSE_CNN, [896, 18_496, 36_928, 73_856, 345_603]),
    (cards.VILLEGAS_CNN1, [3_584, 147_584, 147_584, 11_075_712, 516]),
    (cards.VILLEGAS_CNN2, [896, 9_248, 12_845_184, 516]),
    (cards.VILLEGAS_VGG16, [*VGG16_CONVOLUTIONS, 102_764_544, 16_781_312, 16_388]),
]


def on_meta(spec):
    with torch.device("meta"):
        return build(spec, spec.parameters.problem, spec.recipe)


def tiny(channels, size):
    return tb.Problem("classification", ("a", "b", "c", "d"), channels, size)


@pytest.mark.parametrize("spec", cards.ALL, ids=lambda spec: spec.id)
def test_the_parameters_are_as_stated_when_counted_without_weights(spec):
    counted = count_parameters(spec, spec.parameters.problem)
    assert (
        (counted["total"], counted["trainable"])
        == STATED[spec.id]
        == (spec.parameters.total, spec.parameters.trainable)
    )
    assert spec.parameters.tolerance == 0


@pytest.mark.parametrize(("spec", "table"), TABLES, ids=lambda value: getattr(value, "id", ""))
def test_each_layer_has_the_parameters_of_the_report_s_table(spec, table):
    layers = [layer for layer in on_meta(spec).modules() if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear)]
    assert [sum(weight.numel() for weight in layer.parameters()) for layer in layers] == table


def test_unam_s_stages_have_the_sides_and_parameters_of_its_table():
    network = on_meta(cards.UNAM_CNN).eval()
    maps = network.stem(torch.empty(1, 1, 256, 256, device="meta"))
    assert [tuple((maps := stage(maps)).shape[1:]) for stage in network.stages] == [
        (256, 64, 64),
        (512, 32, 32),
        (256, 16, 16),
        (128, 8, 8),
    ]
    trained = [
        sum(weight.numel() for weight in part.parameters())
        for part in (network.stem, *network.stages, network.classifier)
    ]
    assert trained == [12_800 + 512, 2_360_320 + 2_048, 8_391_168 + 4_096, 3_081_472 + 2_048, 770_688 + 1_024, 516]


def test_unam_s_reading_without_norms_has_14_616_964_parameters():
    recipe = cards.UNAM_CNN.recipe.model_copy(update={"params": {"batch_norm": False}})
    assert count_parameters(cards.UNAM_CNN, cards.UNAM_CNN.parameters.problem, recipe) == {
        "total": 14_616_964,
        "trainable": 14_616_964,
    }


@pytest.mark.parametrize(
    ("spec", "smallest"),
    [(cards.POSE_CNN, 46), (cards.VILLEGAS_CNN1, 22), (cards.VILLEGAS_CNN2, 4)],
    ids=lambda value: getattr(value, "id", value),
)
def test_an_image_that_the_pools_would_use_up_is_refused(spec, smallest):
    build(spec, tiny(3, smallest), spec.recipe)
    with pytest.raises(tb.BadInput, match=f"at least {smallest} x {smallest}"):
        build(spec, tiny(3, smallest - 1), spec.recipe)


@pytest.mark.parametrize("spec", cards.ALL, ids=lambda spec: spec.id)
def test_the_quick_size_goes_through_as_a_batch_of_one(spec):
    recipe = spec.recipe.for_budget("quick")
    channels, size = recipe.preprocessing.channels, recipe.preprocessing.size
    with torch.device("meta"):
        network = build(spec, tiny(channels, size), recipe).eval()
        assert network(torch.empty(1, channels, size, size)).shape == (1, 4)


def rectified_first(network: torch.nn.Module) -> torch.nn.Module:
    """A copy in which a ReLU stands before its pool, as the reports' tables mean it."""
    network = copy.deepcopy(network)
    for layers in [module for module in network.modules() if isinstance(module, torch.nn.Sequential)]:
        for at, (pool, relu) in enumerate(itertools.pairwise(layers)):
            if isinstance(pool, torch.nn.MaxPool2d) and isinstance(relu, torch.nn.ReLU):
                layers[at], layers[at + 1] = relu, pool
    return network


POOLED = [cards.POSE_CNN, cards.VILLEGAS_CNN1, cards.VILLEGAS_CNN2, cards.UNAM_CNN]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("spec", POOLED, ids=lambda spec: spec.id)
def test_a_pool_before_its_relu_has_the_values_and_gradients_of_one_after_it(spec, dtype):
    network = build(spec, tiny(3, 64), spec.recipe).to(dtype).eval()
    other = rectified_first(network)
    assert str(other) != str(network)
    images = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(0)).to(dtype).requires_grad_()
    found, expected = [
        (logits, *torch.autograd.grad(logits.square().sum(), (images, *each.parameters())))
        for each in (network, other)
        for logits in [each(images)]
    ]
    assert all(torch.equal(one, same) for one, same in zip(found, expected, strict=True))
    assert found[1].any()
