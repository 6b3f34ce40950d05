from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Normal, kl_divergence

import tumorbench as tb
from tumorbench.training.networks import count_network
from tumorbench_generators.cards.autoencoders import PROBLEM, ROBLES_CVAE_TRANSFER
from tumorbench_generators.robles_cvae import RoblesCVAE
from tumorbench_generators.robles_deep_cvae import RoblesCVAETransfer, RoblesDeepCVAE, RoblesVAE
from tumorbench_generators.variational import Maps, VariationalAutoencoder, kl_to_standard_normal, pixel_cross_entropy

CLASSES = ("glioma", "meningioma", "notumor", "pituitary")
TINY = tb.Problem("generation", CLASSES, 1, 32)
STACKS = ("encoder", "decoder")


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return tb.Batch(torch.rand(4, 1, 32, 32), torch.arange(4))


def convolutions(stack):
    return [layer for layer in stack.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]


def stacks_of(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items() if name.startswith(STACKS)}


def train(network, batch, epoch, epochs, optimizers, steps=2):
    network.begin_epoch(epoch, epochs)
    network.train()
    for _ in range(steps):
        for name, loss in network.losses(batch):
            optimizers[name].zero_grad(set_to_none=True)
            loss.backward()
            optimizers[name].step()


def same(one, other):
    return {name for name in one if torch.equal(one[name], other[name])}


def test_the_kl_is_that_of_torch_s_distributions():
    mean, log_variance = (
        torch.tensor([[0.5, -2.0, 0.0], [1.0, 0.0, 3.0]]),
        torch.tensor([[0.0, 1.5, -3.0], [0.2, 0.0, -1.0]]),
    )
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(kl_to_standard_normal(mean, log_variance), expected)


def test_the_reconstruction_of_black_and_white_pixels_is_their_negative_log_likelihood():
    logits, pixels = torch.randn(3, 1, 4, 4), torch.randint(0, 2, (3, 1, 4, 4)).float()
    expected = -Bernoulli(logits=logits).log_prob(pixels).sum((1, 2, 3))
    torch.testing.assert_close(pixel_cross_entropy(logits, pixels), expected)


def test_the_loss_of_an_autoencoder_whose_weights_are_zero_is_worked_out_by_hand():
    """Posterior N(1, exp(0.4)) and logits 0, whatever the image: KL (1 + e^0.4 - 1 - 0.4) / 2 a latent, reconstruction log 2 a pixel."""
    network = VariationalAutoencoder(
        tb.Problem("generation", CLASSES, 1, 2), nn.Identity(), nn.Identity(), Maps(1, 2), latent=3, classes=4
    )
    with torch.no_grad():
        for weight in network.parameters():
            weight.zero_()
        network.mean.bias.fill_(1.0)
        network.log_variance.bias.fill_(0.4)
    ((name, loss),) = network.losses(tb.Batch(torch.rand(5, 1, 2, 2), torch.tensor([0, 1, 2, 3, 0])))
    kl, reconstruction = 3 * (math.exp(0.4) - 0.4) / 2, 4 * math.log(2)
    assert name == "loss"
    assert loss.item() == pytest.approx(kl + reconstruction)
    assert {name: value.item() for name, value in network.observed.items()} == pytest.approx(
        {"kl": kl, "reconstruction": reconstruction}
    )


def test_the_held_out_loss_is_its_two_terms_and_the_same_when_asked_again(batch):
    network = RoblesCVAE(TINY, latent=4).eval()
    first, second = network.validation(batch), network.validation(batch)
    assert first["loss"] == first["kl"] + first["reconstruction"]
    assert first == second


def test_reconstructions_are_images_decoded_from_posterior_means(batch):
    network = RoblesCVAE(TINY, latent=4).eval()
    with torch.no_grad():
        network.log_variance.bias.fill_(5.0)  # a draw from the posterior would be far from its mean
        mean, _ = network.posterior(batch.images, batch.labels)
        assert torch.equal(network.reconstruct(batch), network.decode(mean, batch.labels).sigmoid())


@pytest.mark.parametrize("encoder", [3, 6])
@pytest.mark.parametrize("decoder", [3, 6])
def test_robles_cvae_has_as_many_convolutions_as_it_is_asked_for(encoder, decoder, batch):
    network = RoblesCVAE(TINY, encoder, decoder, latent=4)
    assert [len(convolutions(network.encoder)), len(convolutions(network.decoder))] == [encoder, decoder]
    assert all(isinstance(layer, nn.ConvTranspose2d) for layer in convolutions(network.decoder))
    assert network.reconstruct(batch).shape == batch.images.shape


@pytest.mark.parametrize("depth", [13, 16, 19])
@pytest.mark.parametrize(("skips", "residual"), [(False, False), (True, False), (False, True), (True, True)])
def test_a_deep_cvae_has_as_many_convolutions_each_way_as_its_depth(depth, skips, residual):
    with torch.device("meta"):
        network = RoblesDeepCVAE(PROBLEM, depth, skips=skips, residual=residual)
    assert [len(convolutions(network.encoder)), len(convolutions(network.decoder))] == [depth, depth]


@pytest.mark.parametrize(
    ("build", "total"),
    [
        (lambda: RoblesCVAE(PROBLEM, 3, 6), 17_777_601),
        (lambda: RoblesCVAE(PROBLEM, 6, 3), 17_524_801),
        (lambda: RoblesCVAE(PROBLEM, 6, 6), 17_971_361),
        (lambda: RoblesCVAE(PROBLEM, 3, 3, 512), 34_503_265),
        (lambda: RoblesCVAE(PROBLEM, 6, 6, 512), 35_143_585),
        (lambda: RoblesDeepCVAE(PROBLEM, 16), 7_716_129),
        (lambda: RoblesDeepCVAE(PROBLEM, 19, 512), 11_760_161),
        (lambda: RoblesDeepCVAE(PROBLEM, skips=True), 6_164_257 + 783_648),
        (lambda: RoblesDeepCVAE(PROBLEM, residual=True), 6_164_257),
        (lambda: RoblesVAE(PROBLEM, 16, 512), 10_189_857),
        (lambda: RoblesVAE(PROBLEM, 19), 9_250_593),
    ],
)
def test_the_parameters_are_those_of_the_tables(build, total):
    with torch.device("meta"):
        assert count_network(build())["total"] == total


@pytest.mark.parametrize("change", [{"skips": True}, {"residual": True}])
def test_skips_and_residual_sums_change_what_comes_out(change, batch):
    torch.manual_seed(0)
    plain, changed = RoblesDeepCVAE(TINY, latent=4).eval(), RoblesDeepCVAE(TINY, latent=4, **change).eval()
    own, given = changed.state_dict(), plain.state_dict()
    for name, tensor in given.items():  # the plain network's weights, and zero for what skips read beside them
        own[name].zero_()[tuple(slice(0, n) for n in tensor.shape)] = tensor
    changed.load_state_dict(own)
    with torch.no_grad():
        equal = torch.equal(plain.encoder(batch.images), changed.encoder(batch.images))
        assert equal == ("skips" in change)  # zero weights make a skip nothing; a sum has none
        for weight in changed.parameters():
            weight.add_(0.01)
        for weight in plain.parameters():
            weight.add_(0.01)
        assert not torch.allclose(plain.encoder(batch.images), changed.encoder(batch.images))


def test_noise_is_on_what_the_encoder_sees_in_training_and_not_on_held_out_images(batch):
    torch.manual_seed(0)
    network = RoblesDeepCVAE(TINY, latent=4, noise=0.5)
    seen = []
    network.encoder.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    list(network.losses(batch))
    network.eval()
    network.validation(batch)
    assert (seen[0] - batch.images).std().item() == pytest.approx(0.5, rel=0.05)
    assert torch.equal(seen[1], batch.images)


@pytest.mark.parametrize("model", [RoblesCVAE, RoblesDeepCVAE, RoblesCVAETransfer])
def test_the_label_changes_a_conditional_sample(model):
    network = model(TINY, latent=4).eval()
    with torch.no_grad():
        ones, twos = (network.sample(2, torch.full((2,), label), torch.Generator().manual_seed(0)) for label in (1, 2))
    assert not torch.equal(ones, twos)


def test_the_label_changes_nothing_in_robles_vae(batch):
    network = RoblesVAE(TINY, latent=4).eval()
    with torch.no_grad():
        ones, twos = (network.sample(2, torch.full((2,), label), torch.Generator().manual_seed(0)) for label in (1, 2))
        assert torch.equal(ones, twos)
        assert torch.equal(
            network.reconstruct(batch), network.reconstruct(tb.Batch(batch.images, batch.labels.flip(0)))
        )


def test_convolutions_do_not_see_the_label(batch):
    network = RoblesDeepCVAE(TINY, latent=4)
    given = {"encoder": (1, 32, 32), "decoder": (256, 1, 1)}
    for name, shape in given.items():
        assert getattr(network, name)(torch.rand(2, *shape)).shape[0] == 2
    assert network.dense[0].in_features == 256 + len(CLASSES)
    assert network.project[0].in_features == 4 + len(CLASSES)


def test_the_transferred_convolutions_are_those_of_the_pretrained_vae(batch):
    torch.manual_seed(0)
    source, network = RoblesVAE(TINY, latent=4), RoblesCVAETransfer(TINY, latent=8)
    list(source.losses(batch))  # its norms have statistics
    network.load_pretrained(source.state_dict())
    assert same(stacks_of(source), stacks_of(network)) == stacks_of(source).keys()


@pytest.mark.parametrize(
    "other",
    [
        lambda: RoblesVAE(TINY, 16, 4),
        lambda: RoblesCVAE(TINY, latent=4),
        lambda: RoblesDeepCVAE(TINY, latent=4, skips=True),
    ],
)
def test_weights_of_another_architecture_are_refused_and_change_nothing(other):
    network = RoblesCVAETransfer(TINY, 13, 4)
    before = stacks_of(network)
    with pytest.raises(tb.BadInput, match="not those of a robles-vae of this depth"):
        network.load_pretrained(other().state_dict())
    assert same(before, stacks_of(network)) == before.keys()


def test_a_shallower_vae_is_refused_by_a_deeper_transfer():
    with pytest.raises(tb.BadInput, match="not those of a robles-vae of this depth"):
        RoblesCVAETransfer(TINY, 16, 4).load_pretrained(RoblesVAE(TINY, 13, 4).state_dict())


def test_the_convolutions_stand_still_in_epoch_30_of_40_and_train_in_epoch_31(batch):
    torch.manual_seed(0)
    network = RoblesCVAETransfer(TINY, latent=4)
    optimizers = network.optimizers(ROBLES_CVAE_TRANSFER.recipe)  # made before the first epoch, as the loop does
    start, dense = stacks_of(network), network.dense[0].weight.clone()
    train(network, batch, 30, 40, optimizers)
    assert not any(weight.requires_grad for name in STACKS for weight in getattr(network, name).parameters())
    assert same(start, stacks_of(network)) == start.keys()  # statistics of the norms among them
    assert not torch.equal(dense, network.dense[0].weight)
    train(network, batch, 31, 40, optimizers)
    assert same(start, stacks_of(network)) == set()


@pytest.mark.parametrize(
    ("epoch", "epochs", "frozen"),
    [(1, 40, True), (30, 40, True), (31, 40, False), (3, 4, True), (4, 4, False), (1, 1, False)],
)
def test_three_quarters_of_the_epochs_are_frozen(epoch, epochs, frozen):
    network = RoblesCVAETransfer(TINY, latent=4)
    network.begin_epoch(epoch, epochs)
    assert [weight.requires_grad for weight in network.encoder.parameters()] == [not frozen] * len(
        list(network.encoder.parameters())
    )


@pytest.mark.parametrize(
    ("build", "fault"),
    [
        (lambda: RoblesCVAE(TINY, encoder=4), "encoder=4"),
        (lambda: RoblesCVAE(TINY, decoder=5), "decoder=5"),
        (lambda: RoblesCVAE(TINY, latent=0), "latent=0"),
        (lambda: RoblesCVAE(tb.Problem("generation", CLASSES, 1, 36)), "multiple of 8, not 36"),
        (lambda: RoblesDeepCVAE(TINY, depth=10), "depth=10"),
        (lambda: RoblesDeepCVAE(TINY, noise=-0.1), "noise=-0.1"),
        (lambda: RoblesVAE(tb.Problem("generation", CLASSES, 1, 48)), "multiple of 32, not 48"),
    ],
)
def test_what_the_report_does_not_have_is_refused(build, fault):
    with pytest.raises(tb.BadInput, match=fault):
        build()
