from __future__ import annotations

import math

import pytest
import torch

import tumorbench as tb
from tumorbench.training.networks import count_network
from tumorbench_generators.cards.diffusion import EDM as CARD
from tumorbench_generators.edm import EDM, heun, noise_levels, preconditioning

TINY = tb.Problem("generation", ("no_tumor", "tumor"), 1, 16)
MEAN, DEVIATION = -0.4, 0.3  # of the Gaussian data whose best denoiser is known


@pytest.fixture
def tiny():
    torch.manual_seed(0)
    return EDM(TINY, width=16, dropout=0.0, steps=6)


class Listening(EDM):
    """Keeps what it was asked to denoise, and adds nothing to it."""

    def denoise(self, noisy, sigmas, labels):
        self.heard = noisy, sigmas
        return noisy


def best_denoiser(noisy, sigma):
    """E[y | y + sigma n] for pixels y of N(MEAN, DEVIATION^2)."""
    return (DEVIATION**2 * noisy + sigma**2 * MEAN) / (DEVIATION**2 + sigma**2)


def exact_flow(noisy, sigma, below):
    """Where the probability flow takes images from level ``sigma`` to level ``below``, for the same pixels."""
    return MEAN + (noisy - MEAN) * math.sqrt((DEVIATION**2 + below**2) / (DEVIATION**2 + sigma**2))


def test_preconditioning_is_table_1_of_the_paper():
    c_skip, c_out, c_in, c_noise = preconditioning(
        torch.tensor([0.4], dtype=torch.float64), sigma_data=0.3
    )  # the variances add up to 0.5^2
    assert [each.item() for each in (c_skip, c_out, c_in, c_noise)] == pytest.approx(
        [0.36, 0.24, 2.0, math.log(0.4) / 4]
    )


def test_noise_levels_are_equation_5_of_the_paper():
    assert noise_levels(3) == pytest.approx([80.0, 2.5152, 0.002, 0.0], rel=1e-4)
    assert noise_levels(18)[:2] == pytest.approx([80.0, 57.586], rel=1e-4)
    assert len(noise_levels(18)) == 19


def test_an_untrained_denoiser_is_c_skip_alone_and_its_error_has_the_weight_lambda():
    network = EDM(TINY, width=16, sigma_data=0.3)
    batch = tb.Batch(torch.full((1, 1, 16, 16), 0.5), torch.zeros(1, dtype=torch.int64))
    error = network._weighted_error(batch, torch.tensor([0.4]), torch.ones(1, 1, 16, 16))
    expected = 0.25 / (0.4 * 0.3) ** 2 * (0.36 * 0.9 - 0.5) ** 2  # lambda (c_skip (0.5 + 0.4) - 0.5)^2
    assert torch.allclose(error, torch.full_like(error, expected))


def test_the_loss_of_the_best_denoiser_of_white_noise_is_one_at_every_noise_level():
    network = EDM(TINY, width=16)  # untrained: c_skip alone, which is best for pixels of N(0, sigma_data^2)
    torch.manual_seed(1)
    batch = tb.Batch(0.5 * torch.randn(256, 1, 16, 16), torch.zeros(256, dtype=torch.int64))
    for sigma in (0.02, 0.5, 20.0):
        loss = network._weighted_error(batch, torch.full((256,), sigma), torch.randn_like(batch.images)).mean().item()
        assert loss == pytest.approx(1.0, abs=0.03), sigma
    (_, loss), *rest = network.losses(batch)
    assert loss.item() == pytest.approx(1.0, abs=0.03)
    assert not rest


def test_training_noise_is_log_normal_and_its_own_for_each_image():
    torch.manual_seed(0)
    network, images = Listening(TINY, width=16), torch.zeros(4096, 1, 16, 16)
    list(network.losses(tb.Batch(images, torch.zeros(4096, dtype=torch.int64))))
    noisy, sigmas = network.heard
    assert sigmas.log().mean().item() == pytest.approx(-1.2, abs=0.08)
    assert sigmas.log().std().item() == pytest.approx(1.2, abs=0.06)
    assert torch.allclose(
        noisy.flatten(1).std(1) / sigmas, torch.ones(4096), atol=0.2
    )  # 256 pixels each: 4.5 deviations


def test_validation_has_the_same_noise_each_time_at_the_median_levels_of_equal_shares():
    network = Listening(TINY, width=16)
    batch, heard = tb.Batch(torch.zeros(3, 1, 16, 16), torch.zeros(3, dtype=torch.int64)), []
    for seed in (0, 1):
        torch.manual_seed(seed)
        network.validation(batch)
        heard.append(network.heard)
    assert torch.equal(heard[0][0], heard[1][0])
    assert heard[0][1].log().tolist() == pytest.approx(
        [-1.2 - 1.2 * 0.967422, -1.2, -1.2 + 1.2 * 0.967422], rel=1e-4
    )  # the normal's 1/6, 1/2, 5/6


def test_heun_turns_noise_into_the_data_s_distribution_where_the_denoiser_is_the_best_one():
    noise = torch.randn(100_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    images = heun(best_denoiser, 80 * noise, noise_levels(64))
    assert images.mean().item() == pytest.approx(MEAN, abs=0.005)
    assert images.std().item() == pytest.approx(DEVIATION, rel=0.01)


def test_heun_s_error_falls_with_the_square_of_the_number_of_steps():
    noisy = torch.linspace(-160, 160, 9, dtype=torch.float64)
    exact = exact_flow(noisy, 80, 0.002)
    errors = [
        (heun(best_denoiser, noisy, noise_levels(steps)[:-1]) - exact).abs().max().item() for steps in (33, 65, 129)
    ]  # 32, 64, 128 intervals
    assert [errors[0] / errors[1], errors[1] / errors[2]] == pytest.approx([4, 4], rel=0.15)


def test_heun_evaluates_the_denoiser_twice_a_step_and_once_in_the_last():
    asked = []

    def denoise(noisy, sigma):
        asked.append(sigma)
        return best_denoiser(noisy, sigma)

    heun(denoise, torch.ones(1), noise_levels(18))
    assert len(asked) == 35
    assert min(asked) > 0


def test_after_some_steps_samples_are_of_the_class_that_was_asked_for(tiny):
    labels = torch.arange(16) % 2
    images = (labels[:, None, None, None] * 1.2 - 0.6).expand(-1, 1, 16, 16)  # tumor bright, no_tumor dark
    optimizer = tiny.optimizers(CARD.recipe)["loss"]
    for _ in range(20):
        for _, loss in tiny.losses(tb.Batch(images, labels)):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    tiny.eval()
    with torch.inference_mode():
        dark, bright = (
            tiny.sample(4, torch.full((4,), label), torch.Generator().manual_seed(0)).mean().item() for label in (0, 1)
        )
    assert dark < -0.2
    assert bright > 0.2


def test_loss_and_samples_are_float32_under_bf16(tiny):
    labels = torch.zeros(2, dtype=torch.int64)
    with torch.autocast("cpu", torch.bfloat16):
        (_, loss), *_ = tiny.losses(tb.Batch(torch.zeros(2, 1, 16, 16), labels))
        inner = tiny.unet(torch.zeros(2, 1, 16, 16), torch.zeros(2), labels)
        samples = tiny.sample(2, labels, torch.Generator().manual_seed(0))
    assert (inner.dtype, loss.dtype, samples.dtype) == (torch.bfloat16, torch.float32, torch.float32)


def test_the_u_net_s_parts_have_the_parameters_of_its_table():
    with torch.device("meta"):
        unet = EDM(CARD.parameters.problem).unet
    parts = [unet.noise_level, unet.label, unet.stem, *unet.down, *unet.middle]
    assert [count_network(part)["total"] for part in parts] == [
        20_736,
        512,
        1_184,
        26_880,
        74_240,
        329_088,
        1_248_000,
        1_510_144,
        1_247_232,
    ]
    ups = [
        count_network(narrow)["total"] + count_network(stage)["total"]
        for narrow, stage in zip(unet.narrow, unet.up, strict=True)
    ]
    assert [*ups, count_network(unet.head)["total"]] == [427_520, 98_880, 28_960, 1_220]


def test_edm_refuses_a_side_that_it_cannot_divide_by_16():
    with pytest.raises(tb.BadInput, match="multiple of that, not 72"):
        EDM(tb.Problem("generation", ("a", "b"), 1, 72))


def test_edm_refuses_to_sample_in_a_single_step():
    with pytest.raises(tb.BadInput, match="at least 2 sampling steps, not 1"):
        EDM(TINY, steps=1)
