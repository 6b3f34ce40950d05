"""What the report tried without success or leaves to future work: SAGAN, VGG16-GAN, ResNet-GAN, UNet-GAN."""

from __future__ import annotations

import pytest
import torch

import tumorbench as tb
from tumorbench.training.networks import count_network
from tumorbench_generators.cards import tumorsynth as cards
from tumorbench_generators.residual import Discriminator, ResidualUp, plain, sides, spectral
from tumorbench_generators.resnet_gan import ResNetGAN
from tumorbench_generators.sagan import SAGAN, SelfAttention
from tumorbench_generators.unet_gan import UNetGAN
from tumorbench_generators.vgg16_gan import VGG16GAN

SMALL = tb.Problem("generation", ("no_tumor", "tumor"), 1, 32)


@pytest.fixture
def batch():
    return tb.Batch(torch.rand(4, 1, 32, 32) * 2 - 1, torch.zeros(4, dtype=torch.int64))


@pytest.fixture
def vgg16_gan():
    return VGG16GAN(SMALL)


@pytest.mark.parametrize(
    ("factory", "generator", "discriminator"),
    [
        (SAGAN, 2_413_362, 1_883_729),
        (ResNetGAN, 2_408_241, 1_878_608),
        (UNetGAN, 5_819_585, 1_878_608),
        (VGG16GAN, 27_265_281, 8_193),
    ],
)
def test_networks_have_the_trainable_parameters_of_their_tables(factory, generator, discriminator):
    network = factory(cards.PROBLEM)
    assert [count_network(part)["trainable"] for part in (network.generator, network.discriminator)] == [
        generator,
        discriminator,
    ]


@pytest.mark.parametrize("factory", [SAGAN, ResNetGAN, UNetGAN, VGG16GAN])
def test_losses_are_float32_and_finite_under_bf16_autocast(factory, batch):
    network = factory(SMALL)
    losses = network.losses(batch)
    for expected in ("discriminator", "generator"):
        with torch.autocast("cpu", torch.bfloat16):
            name, loss = next(losses)
        loss.backward()
        assert (name, loss.dtype, bool(loss.isfinite())) == (expected, torch.float32, True)


def test_a_spectral_layer_s_largest_singular_value_comes_to_one():
    torch.manual_seed(0)
    layer = spectral(torch.nn.Conv2d(3, 8, 3))
    for _ in range(50):
        layer(torch.zeros(1, 3, 4, 4))
    assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-3)


def test_every_layer_with_weights_is_spectral_in_both_of_sagan_s_networks_and_in_the_other_discriminators_only():
    def bare(network):
        layers = [
            layer
            for layer in network.modules()
            if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d | torch.nn.Linear)
        ]
        return [torch.nn.utils.parametrize.is_parametrized(layer, "weight") for layer in layers].count(False)

    sagan, resnet, unet = SAGAN(SMALL), ResNetGAN(SMALL), UNetGAN(SMALL)
    assert [
        bare(network) for network in (sagan.generator, sagan.discriminator, resnet.discriminator, unet.discriminator)
    ] == [0, 0, 0, 0]
    assert bare(resnet.generator) > 0 < bare(unet.generator)


def test_attention_starts_as_the_identity():
    maps = torch.randn(2, 16, 8, 8)
    assert torch.equal(SelfAttention(16)(maps), maps)


def test_attention_brings_a_pixel_what_is_far_away():
    attention = SelfAttention(16).eval()
    torch.nn.init.ones_(attention.weight)
    maps = torch.randn(1, 16, 8, 8)
    changed = maps.clone()
    changed[..., -1, -1] += 1
    assert not torch.equal(attention(maps)[..., 0, 0], attention(changed)[..., 0, 0])


def test_attention_of_equal_pixels_is_the_mean_of_their_values():
    attention = SelfAttention(16).eval()
    torch.nn.init.ones_(attention.weight)
    maps = torch.randn(1, 16, 1, 1).expand(1, 16, 8, 8)
    expected = maps + attention.output(attention.value[0](maps))
    torch.testing.assert_close(attention(maps), expected)


@pytest.mark.parametrize(("size", "side"), [(128, 32), (64, 32), (32, 32), (96, 24)])
def test_sagan_attends_once_in_each_network_where_maps_are_32_pixels_or_just_under(size, side):
    network, seen = SAGAN(tb.Problem("generation", ("a", "b"), 1, size)), []
    for layer in network.modules():
        if isinstance(layer, SelfAttention):
            layer.register_forward_hook(lambda _layer, inputs, _output: seen.append(inputs[0].shape[-1]))
    network.discriminator(network.generator(torch.randn(2, 128)))
    assert seen == (
        [side, side] if size != 32 else [32]
    )  # an image of 32 pixels is itself the discriminator's map of that side


def test_sagan_s_discriminator_learns_four_times_as_fast():
    rates = {
        name: optimizer.param_groups[0]["lr"] for name, optimizer in SAGAN(SMALL).optimizers(cards.SAGAN.recipe).items()
    }
    assert rates == {"discriminator": pytest.approx(4e-4), "generator": 1e-4}


def test_a_residual_up_block_is_its_shortcut_where_its_body_is_silent():
    block = ResidualUp(4, 4, plain)
    torch.nn.init.zeros_(block.body[-1].weight)
    torch.nn.init.dirac_(block.shortcut[0].weight)
    maps = torch.randn(2, 4, 3, 3)
    torch.testing.assert_close(block(maps), maps.repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_maps_are_halved_until_they_are_under_eight_pixels():
    assert [sides(128), sides(96), sides(6)] == [[128, 64, 32, 16, 8, 4], [96, 48, 24, 12, 6], [6]]


@pytest.mark.parametrize("factory", [SAGAN, ResNetGAN, UNetGAN])
def test_a_side_that_leads_to_an_odd_map_is_refused(factory):
    with pytest.raises(tb.BadInput, match=r"400 leads to the odd 25; give a power of two"):
        factory(tb.Problem("generation", ("a", "b"), 1, 400))


def test_the_unet_s_skips_reach_its_images():
    generator = UNetGAN(SMALL).generator.eval()
    torch.nn.init.zeros_(generator.decoder[-1][0].weight)  # all that comes from below
    first, second = generator(torch.randn(2, 100))
    assert not torch.equal(first, second)


def test_unet_gan_and_resnet_gan_have_the_same_opponent():
    shapes = [
        {name: tensor.shape for name, tensor in factory(SMALL).discriminator.state_dict().items()}
        for factory in (UNetGAN, ResNetGAN)
    ]
    assert shapes[0] == shapes[1]
    assert isinstance(UNetGAN(SMALL).discriminator, Discriminator)


def test_vgg16_gan_takes_the_convolutions_of_published_weights(vgg16_gan):
    published = {
        f"features.{name}": torch.full_like(tensor, 0.5)
        for name, tensor in vgg16_gan.discriminator.features.state_dict().items()
    }
    vgg16_gan.load_pretrained({**published, "head.fc.weight": torch.zeros(1000, 4096)})
    assert all((tensor == 0.5).all() for tensor in vgg16_gan.discriminator.features.state_dict().values())


def test_vgg16_gan_refuses_the_weights_of_another_network(vgg16_gan):
    with pytest.raises(tb.BadInput, match=r"the weights have no 0\.weight"):
        vgg16_gan.load_pretrained({"conv1.weight": torch.zeros(1)})


def test_vgg16_gan_s_generator_gets_gradients_through_the_frozen_extractor(vgg16_gan, batch):
    before = {name: tensor.clone() for name, tensor in vgg16_gan.discriminator.features.state_dict().items()}
    optimizers = vgg16_gan.optimizers(cards.VGG16_GAN.recipe)
    for name, loss in vgg16_gan.losses(batch):
        optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        optimizers[name].step()
    assert all(weight.grad is not None and weight.grad.any() for weight in vgg16_gan.generator.parameters())
    assert all(
        torch.equal(tensor, before[name]) for name, tensor in vgg16_gan.discriminator.features.state_dict().items()
    )
    assert not any(weight.requires_grad for weight in vgg16_gan.discriminator.features.parameters())


def test_a_checkpoint_of_vgg16_gan_leaves_the_extractor_out_and_restores_the_rest(vgg16_gan):
    state = {name: tensor.clone() for name, tensor in vgg16_gan.trained_state().items()}
    assert not any("features" in name for name in state)
    extractor = vgg16_gan.discriminator.features[0].weight.clone()
    with torch.no_grad():
        vgg16_gan.discriminator.head[-1].bias.fill_(7)
    vgg16_gan.load_trained_state(state)
    assert vgg16_gan.discriminator.head[-1].bias.item() == 0
    assert torch.equal(vgg16_gan.discriminator.features[0].weight, extractor)


def test_vgg16_s_extractor_sees_grey_slices_as_imagenet_normalises_them(vgg16_gan):
    seen = []
    vgg16_gan.discriminator.features.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
    vgg16_gan.discriminator(torch.ones(1, 1, 32, 32))  # white
    expected = torch.tensor([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])
    torch.testing.assert_close(seen[0][0, :, 5, 7], expected)


@pytest.mark.parametrize("size", [28, 34])
def test_vgg16_gan_refuses_sides_that_it_cannot_make_or_see(size):
    with pytest.raises(tb.BadInput, match=f"a multiple of 4, of 32 pixels at least, not {size}"):
        VGG16GAN(tb.Problem("generation", ("a", "b"), 1, size))
