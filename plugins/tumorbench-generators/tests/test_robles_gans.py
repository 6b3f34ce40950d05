from __future__ import annotations

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend

import tumorbench as tb
from tumorbench.training.networks import build, count_network
from tumorbench_generators.cards.gans import ALL, ROBLES_CGAN, ROBLES_WCGAN_GP
from tumorbench_generators.robles_cgan import CGAN
from tumorbench_generators.robles_gan import ImageCritic, ImageGenerator, layer_norm
from tumorbench_generators.robles_wgan_gp import WCGANGP, WGANGP, gradient_norms

CLASSES = ("glioma", "meningioma", "notumor", "pituitary")
TINY = tb.Problem("generation", CLASSES, 1, 16)
FULL = tb.Problem("generation", CLASSES, 1, 128)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return tb.Batch(torch.rand(4, 1, 16, 16) * 2 - 1, torch.arange(4))


class Linear(nn.Module):
    """Verdict: the sum of all pixels, times 3 for class 1 and times -0.5 for the others. Its gradient's norm is that factor's size times the side."""

    def forward(self, images, labels):
        return images.sum((1, 2, 3)) * torch.where(labels == 1, 3.0, -0.5)


def test_the_gradient_norm_of_a_linear_critic_is_that_of_its_weights():
    images, labels = torch.randn(3, 1, 4, 4), torch.tensor([0, 1, 0])
    assert gradient_norms(Linear(), images, labels).tolist() == pytest.approx(
        [2.0, 12.0, 2.0]
    )  # 0.5 * sqrt(16), 3 * sqrt(16)


def test_the_gradient_norm_is_that_of_the_point_and_not_of_the_batch():
    class Square(nn.Module):
        def forward(self, images, labels):
            return images.square().sum((1, 2, 3)) / 2  # whose gradient is the image

    images = torch.stack([torch.full((1, 2, 2), value) for value in (0.5, 3.0)])
    assert gradient_norms(Square(), images, torch.zeros(2, dtype=torch.int64)).tolist() == pytest.approx([1.0, 6.0])


def test_the_gradient_norm_is_computed_in_float32_under_bf16_autocast(batch):
    torch.manual_seed(0)
    network = WCGANGP(TINY).eval()
    expected = gradient_norms(network.critic, batch.images, batch.labels)
    with torch.autocast("cpu", torch.bfloat16):
        norms = gradient_norms(network.critic, batch.images, batch.labels)
    assert torch.equal(norms, expected)


def norms_by_the_graph(critic, images, labels):
    """What ``gradient_norms`` gives, by a second graph over the first instead of ``torch.func``."""
    points = images.detach().requires_grad_()
    (gradients,) = torch.autograd.grad(critic(points, labels).sum(), points, create_graph=True)
    return gradients.flatten(1).norm(dim=1)


@pytest.mark.parametrize("critic", [1, 2])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_the_penalty_and_its_gradients_are_those_of_a_graph_over_a_graph(batch, critic, dtype, tolerance):
    network, found = WCGANGP(TINY, critic=critic).to(dtype), []
    nn.init.normal_(network.critic.label.weight)
    for norms_of in (gradient_norms, norms_by_the_graph):
        torch.manual_seed(1)  # of the dropout
        norms = norms_of(network.critic, batch.images.to(dtype), batch.labels)
        weights = {name: weight for name, weight in network.critic.named_parameters() if weight.requires_grad}
        gradients = torch.autograd.grad((norms - 1).square().mean(), list(weights.values()), allow_unused=True)
        found.append(
            {"norms": norms.detach()}
            | {name: each for name, each in zip(weights, gradients, strict=True) if each is not None}
        )
    ours, expected = found
    assert ours["norms"].dtype == dtype
    assert {"norms", "layers.0.weight", "verdict.weight", "label.weight"} <= ours.keys() == expected.keys()
    for name, values in expected.items():
        assert values.norm() > 0 or name.endswith("bias")  # which a slope does not have
        assert (ours[name] - values).norm() <= tolerance * values.norm(), name


@pytest.mark.parametrize("critic", [1, 2])
def test_the_critic_s_whole_loss_is_one_graph_with_the_same_values_and_gradients(batch, critic):
    torch.compiler.reset()
    network, graphs = WCGANGP(TINY, critic=critic), CompileCounterWithBackend("aot_eager")
    found = []
    for loss_of in (network.critic_loss, torch.compile(network.critic_loss, backend=graphs, fullgraph=True)):
        torch.manual_seed(1)  # of the dropout and the points
        network.zero_grad()
        loss, seen = loss_of(batch.images, batch.images.flip(0), batch.labels)
        loss.backward()
        gradients = {name: weight.grad for name, weight in network.critic.named_parameters() if weight.grad is not None}
        found.append({"loss": loss.detach()} | seen | gradients)
    plain, compiled = found
    assert graphs.frame_count == 1
    assert plain.keys() == compiled.keys()
    for name, values in plain.items():
        assert (compiled[name] - values).norm() <= 1e-5 * values.norm(), name
    torch.compiler.reset()


@pytest.mark.parametrize("critic", [1, 2])
def test_the_critic_s_loss_is_ten_penalties_less_the_wasserstein_estimate(batch, critic):
    network = WCGANGP(TINY, critic=critic)
    name, loss = next(network.losses(batch))
    seen = network.observed
    assert name == "critic"
    assert loss.item() == pytest.approx((10 * seen["gradient_penalty"] - seen["wasserstein_estimate"]).item(), rel=1e-5)


def test_of_a_critic_that_is_zero_the_penalty_is_one_and_the_distance_zero(batch):
    network = WCGANGP(TINY)
    nn.init.zeros_(network.critic.verdict.weight)
    _, loss = next(network.losses(batch))
    assert loss.item() == pytest.approx(10.0)
    assert {name: value.item() for name, value in network.observed.items()} == pytest.approx(
        {"critic_gradient_norm": 0.0, "gradient_penalty": 1.0, "wasserstein_estimate": 0.0}
    )


def test_the_wasserstein_estimate_is_higher_where_real_images_are_judged_higher(batch):
    network = WGANGP(TINY)
    network.critic = Brightness()
    white = tb.Batch(torch.ones(4, 1, 16, 16), batch.labels)
    list(network.losses(white))
    assert network.observed["wasserstein_estimate"] > 0
    assert (
        network.validation(white)["wasserstein_estimate"]
        > 0
        > network.validation(tb.Batch(-white.images, batch.labels))["wasserstein_estimate"]
    )


class Brightness(nn.Module):
    def forward(self, images, labels):
        return images.mean((1, 2, 3))


def test_the_penalty_moves_the_critic(batch):
    network = WCGANGP(TINY, critic=2)
    (gradient_norms(network.critic, batch.images, batch.labels) - 1).square().mean().backward()
    moved = {
        name for name, weight in network.critic.named_parameters() if weight.grad is not None and weight.grad.any()
    }
    assert {"layers.0.weight", "verdict.weight", "label.weight"} <= moved


def test_a_critic_s_verdict_does_not_depend_on_the_rest_of_its_batch(batch):
    network = WCGANGP(TINY, critic=2)
    verdicts = network.critic(batch.images, batch.labels)
    assert torch.allclose(network.critic(batch.images[:1], batch.labels[:1]), verdicts[:1], atol=1e-5)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.critic.modules())


@pytest.mark.parametrize(
    ("factory", "expected"), [(WGANGP, ["critic"] * 5 + ["generator"]), (CGAN, ["discriminator", "generator"])]
)
def test_a_batch_gives_the_losses_of_its_method(batch, factory, expected):
    assert [name for name, _ in factory(TINY).losses(batch)] == expected


@pytest.mark.parametrize("factory", [WCGANGP, CGAN])
def test_a_loss_leaves_gradients_in_its_own_network_alone(batch, factory):
    network = factory(TINY)
    for name, loss in network.losses(batch):
        network.zero_grad()
        loss.backward()
        with_gradient = {
            weight.partition(".")[0] for weight, values in network.named_parameters() if values.grad is not None
        }
        assert with_gradient == {name}
    assert all(weight.requires_grad for weight in network.parameters())


def test_every_step_of_the_critic_has_latents_of_its_own(batch):
    network = WGANGP(TINY).eval()  # no dropout: nothing else is drawn but the points of the penalty
    seen = [network.observed["wasserstein_estimate"].item() for name, _ in network.losses(batch) if name == "critic"]
    assert len(set(seen)) == 5


@pytest.mark.parametrize("factory", [WCGANGP, CGAN])
def test_another_label_makes_another_image_of_the_same_latent(factory):
    network = factory(TINY).eval()
    one, other = (network.sample(2, torch.full((2,), label), torch.Generator().manual_seed(3)) for label in (0, 2))
    assert not torch.equal(one, other)


def test_an_unconditional_generator_ignores_the_labels():
    network = WGANGP(TINY).eval()
    one, other = (network.sample(2, torch.full((2,), label), torch.Generator().manual_seed(3)) for label in (0, 2))
    assert torch.equal(one, other)


def test_a_conditional_critic_judges_an_image_by_its_label():
    critic = ImageCritic(1, 4, 16, 1, layer_norm, bias=False).eval()
    images = torch.rand(1, 1, 16, 16).expand(2, -1, -1, -1)
    with torch.no_grad():
        alike = critic(images, torch.tensor([0, 1]))
        critic.label.weight[1] += 1.0
        features = critic.layers(images[:1]).sum()
        verdicts = critic(images, torch.tensor([0, 1]))
    assert alike[1].item() == pytest.approx(alike[0].item(), abs=1e-5)  # it starts without a preference
    assert (verdicts[1] - verdicts[0]).item() == pytest.approx(features.item(), rel=1e-4)


def test_the_default_generator_and_critic_have_the_parameters_of_their_table():
    generator = (
        4 * 50
        + (128 + 50) * 8 * 8 * 256
        + 2 * 256
        + (256 * 128 * 16 + 2 * 128)
        + (128 * 64 * 16 + 2 * 64)
        + (64 * 32 * 16 + 2 * 32)
        + (32 * 16 + 1)
    )
    critic = (
        (16 * 32 + 32)
        + (32 * 64 * 16 + 64)
        + (64 * 128 * 16 + 128)
        + (128 * 256 * 16 + 256)
        + 8 * 8 * 256
        + 4 * 8 * 8 * 256
    )
    with torch.device("meta"):
        network = WCGANGP(FULL)
    counted = {name: count_network(getattr(network, name))["trainable"] for name in ("generator", "critic")}
    assert counted == {"generator": generator, "critic": critic} == {"generator": 3_606_153, "critic": 771_040}


@pytest.mark.parametrize(
    ("generator", "critic", "latent", "expected"),
    [
        (1, 1, 64, 3_328_617), (1, 2, 64, 3_329_065), (1, 1, 128, 4_377_193), (1, 2, 128, 4_377_641), (1, 1, 256, 6_474_345), (1, 2, 256, 6_474_793),
        (2, 1, 64, 3_027_337), (2, 2, 64, 3_027_785), (2, 1, 128, 4_075_913), (2, 2, 128, 4_076_361), (2, 1, 256, 6_173_065), (2, 2, 256, 6_173_513),
    ],
)  # fmt: skip
def test_the_twelve_cells_of_the_grid_have_the_parameters_of_the_table(generator, critic, latent, expected):
    with torch.device("meta"):
        assert count_network(WCGANGP(FULL, generator, critic, latent))["trainable"] == expected


@pytest.mark.parametrize("factory", [ImageGenerator, ImageCritic])
def test_generators_and_critics_1_and_2_differ(factory):
    shape = (128, 4, 16, 1) if factory is ImageGenerator else (4, 16, 1, layer_norm)
    bias = {} if factory is ImageGenerator else {"bias": True}
    layers = [[type(layer).__name__ for layer in factory(kind, *shape, **bias).layers] for kind in (1, 2)]
    own = {ImageGenerator: [{"ConvTranspose2d"}, {"Upsample", "Conv2d"}], ImageCritic: [{"Dropout"}, {"GroupNorm"}]}[
        factory
    ]
    assert [set(one) - set(other) for one, other in (layers, layers[::-1])] == own


def test_the_cgan_has_a_bias_that_a_critic_s_loss_would_cancel():
    with torch.device("meta"):
        networks = CGAN(FULL), WCGANGP(FULL)
    assert [count_network(network)["trainable"] for network in networks] == [4_377_194, 4_377_193]


def test_the_cgan_s_discriminator_2_has_the_report_s_batchnorm():
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in CGAN(TINY, discriminator=2).discriminator.modules()) == 3


@pytest.mark.parametrize(
    ("spec", "params", "message"),
    [
        (ROBLES_WCGAN_GP, {"generator": 3}, "generator is 1 or 2, not 3"),
        (ROBLES_WCGAN_GP, {"critic": 0}, "critic is 1 or 2, not 0"),
        (ROBLES_WCGAN_GP, {"latent": 100}, "latent is 64, 128 or 256, not 100"),
        (ROBLES_CGAN, {"discriminator": 3}, "discriminator is 1 or 2, not 3"),
    ],
)
def test_a_cell_that_is_not_in_the_grid_is_refused_in_one_line(spec, params, message):
    recipe = spec.recipe.model_copy(update={"params": spec.recipe.params | params})
    with pytest.raises(tb.BadInput, match=message) as refused:
        build(spec, TINY, recipe)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.id)
def test_a_side_that_cannot_be_halved_four_times_is_refused(spec):
    with pytest.raises(tb.BadInput, match="multiple of 16, not 40"):
        build(spec, tb.Problem("generation", CLASSES, 1, 40), spec.recipe)


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.id)
def test_losses_are_float32_and_finite_under_bf16_autocast(batch, spec):
    losses = build(spec, TINY, spec.recipe).losses(batch)
    while True:
        with torch.autocast("cpu", torch.bfloat16):
            step = next(losses, None)
        if step is None:
            break
        assert step[1].dtype == torch.float32
        assert step[1].isfinite()
