"""The report's two GANs, and what every unconditional GAN of this plugin has in common."""

from __future__ import annotations

import math

import pytest
import torch

import tumorbench as tb
from tumorbench.training.networks import count_network
from tumorbench_generators import adversarial
from tumorbench_generators.cards import tumorsynth as cards
from tumorbench_generators.tumorsynth1 import TumorSynth1
from tumorbench_generators.tumorsynth2 import TumorSynth2

TINY = tb.Problem("generation", ("no_tumor", "tumor"), 1, 16)


@pytest.fixture
def batch():
    return tb.Batch(torch.rand(4, 1, 16, 16) * 2 - 1, torch.zeros(4, dtype=torch.int64))


def test_tumorsynth1_s_networks_have_the_parameters_of_its_table():
    with torch.device("meta"):
        network = TumorSynth1(cards.TUMORSYNTH1.parameters.problem)
    assert [count_network(part)["total"] for part in (network.generator, network.discriminator)] == [
        27_265_281,
        582_785,
    ]


def test_tumorsynth2_s_networks_have_the_parameters_of_its_table():
    with torch.device("meta"):
        network = TumorSynth2(cards.TUMORSYNTH2.parameters.problem)
    assert [count_network(part)["total"] for part in (network.generator, network.discriminator)] == [
        427_009_793,
        353_153,
    ]


def test_the_discriminator_s_loss_leaves_no_gradient_in_the_generator(batch):
    network = TumorSynth1(TINY)
    name, loss = next(network.losses(batch))
    loss.backward()
    assert name == "discriminator"
    assert all(weight.grad is None for weight in network.generator.parameters())
    assert all(weight.grad is not None for weight in network.discriminator.parameters())


def test_the_generator_s_loss_leaves_no_gradient_in_the_discriminator(batch):
    network = TumorSynth1(TINY)
    name, loss = list(network.losses(batch))[1]
    loss.backward()
    assert name == "generator"
    assert all(weight.grad is None for weight in network.discriminator.parameters())
    assert all(weight.grad is not None for weight in network.generator.parameters())
    assert all(weight.requires_grad for weight in network.discriminator.parameters())


def test_the_generator_is_judged_by_the_discriminator_that_was_just_stepped(batch):
    network = TumorSynth1(TINY).eval()  # no dropout: the loss depends on the weights alone
    losses = []
    for change in (0.0, 1.0):
        torch.manual_seed(0)
        steps = network.losses(batch)
        next(steps)
        with torch.no_grad():
            network.discriminator[-1].bias += change
        losses.append(next(steps)[1].item())
    assert losses[1] < losses[0]


def test_training_latents_follow_torch_s_global_seed(batch):
    network = TumorSynth1(TINY).eval()
    losses = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        losses.append([loss.item() for _, loss in network.losses(batch)])
    assert losses[0] == losses[1] != losses[2]


def test_tumorsynth1_refuses_a_side_that_three_strides_do_not_halve():
    with pytest.raises(tb.BadInput, match="multiple of 8, not 20"):
        TumorSynth1(tb.Problem("generation", ("a", "b"), 1, 20))


def test_tumorsynth2_refuses_a_side_that_three_strides_do_not_halve():
    with pytest.raises(
        tb.BadInput, match="tumorsynth2 halves its images three times: it needs a side that is a multiple of 8, not 20"
    ):
        TumorSynth2(tb.Problem("generation", ("a", "b"), 1, 20))


def test_tumorsynth2_encodes_down_to_an_eighth_of_the_image_and_decodes_to_its_side():
    generator, found = TumorSynth2(TINY).generator, []
    for layer in generator:
        layer.register_forward_hook(
            lambda layer, _inputs, maps: (
                found.append(tuple(maps.shape[1:])) if isinstance(layer, torch.nn.LeakyReLU) else None
            )
        )
    assert generator(torch.zeros(1, 100)).shape == (1, 1, 16, 16)
    assert found == [(256 * 256,), (512, 8, 8), (256, 4, 4), (128, 2, 2), (128, 4, 4), (256, 8, 8), (512, 16, 16)]


def test_the_history_is_told_the_discriminator_s_mean_probabilities(batch):
    network = TumorSynth1(TINY).eval()  # no dropout
    with torch.no_grad():
        network.discriminator[-1].weight.zero_()
        network.discriminator[-1].bias.fill_(math.log(3))  # sigmoid: 3/4, whatever the image
    next(network.losses(batch))
    assert {name: pytest.approx(value.item()) for name, value in network.observed.items()} == {
        "real_probability": 0.75,
        "generated_probability": 0.75,
    }
    assert not any(value.requires_grad for value in network.observed.values())


def test_cross_entropy_rewards_the_discriminator_for_telling_and_the_generator_for_fooling():
    real, generated = torch.tensor([[2.0]]), torch.tensor([[-1.0]])
    loss = adversarial.CROSS_ENTROPY.discriminator(real, generated).item()
    assert loss == pytest.approx((math.log1p(math.exp(-2)) + math.log1p(math.exp(-1))) / 2)
    assert adversarial.CROSS_ENTROPY.generator(generated).item() == pytest.approx(math.log1p(math.exp(1)))


def test_the_hinge_stops_at_one_for_the_discriminator_and_nowhere_for_the_generator():
    real, generated = torch.tensor([[2.0], [0.5]]), torch.tensor([[-3.0], [0.25]])
    assert adversarial.HINGE.discriminator(real, generated).item() == pytest.approx((0 + 0.5) / 2 + (0 + 1.25) / 2)
    assert adversarial.HINGE.generator(generated).item() == pytest.approx(1.375)


def test_after_frozen_those_weights_train_that_did_before():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2).requires_grad_(False), torch.nn.Linear(2, 2))
    with adversarial.frozen(network):
        assert not any(weight.requires_grad for weight in network.parameters())
    assert [weight.requires_grad for weight in network.parameters()] == [False, False, True, True]


def test_the_augmented_card_differs_from_tumorsynth1_in_its_augmentation_only():
    changed = {
        name for name, value in cards.TUMORSYNTH1_AUGMENTED.recipe if value != getattr(cards.TUMORSYNTH1.recipe, name)
    }
    assert changed == {"augmentation"}
    assert cards.TUMORSYNTH1_AUGMENTED.factory == cards.TUMORSYNTH1.factory


def test_every_card_of_the_report_trains_on_everything_as_it_did():
    assert {card.id: card.paper.splits["yesno253"].kind for card in cards.ALL} == dict.fromkeys(
        ("tumorsynth1", "tumorsynth1-augmented", "tumorsynth2", "sagan", "vgg16-gan", "resnet-gan", "unet-gan"),
        "everything",
    )
    assert {card.paper.report for card in cards.ALL} == {"tumorsynth"}
