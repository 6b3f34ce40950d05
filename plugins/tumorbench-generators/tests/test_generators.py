from __future__ import annotations

import pytest
import torch

import tumorbench as tb
from tumorbench.parameters import count_network
from tumorbench.testing import plugin_contract
from tumorbench_generators.cards import TUMORSYNTH1
from tumorbench_generators.tumorsynth1 import TumorSynth1

test_contract = plugin_contract("tumorbench_generators")

TINY = tb.Problem("generation", ("no_tumor", "tumor"), 1, 16)


@pytest.fixture
def batch():
    return tb.Batch(torch.rand(4, 1, 16, 16) * 2 - 1, torch.zeros(4, dtype=torch.int64))


def test_tumorsynth1_s_networks_have_the_parameters_of_its_table():
    with torch.device("meta"):
        network = TumorSynth1(TUMORSYNTH1.parameters.problem)
    assert [count_network(part)["total"] for part in (network.generator, network.discriminator)] == [27_265_281, 582_785]


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
