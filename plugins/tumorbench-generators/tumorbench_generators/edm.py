"""EDM: a class-conditional diffusion model after Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative Models".

The network F (``edm_unet``) becomes the denoiser D, and D's mistakes are weighted, by the paper's table 1, column "Ours":

    c_skip(sigma)  = sigma_data^2 / (sigma^2 + sigma_data^2)
    c_out(sigma)   = sigma sigma_data / sqrt(sigma^2 + sigma_data^2)
    c_in(sigma)    = 1 / sqrt(sigma^2 + sigma_data^2)
    c_noise(sigma) = ln(sigma) / 4
    D(x; sigma)    = c_skip x + c_out F(c_in x; c_noise)
    ln(sigma)      ~ N(-1.2, 1.2^2) in training
    lambda(sigma)  = (sigma^2 + sigma_data^2) / (sigma sigma_data)^2
    sigma_i        = (80^(1/7) + i / (N - 1) (0.002^(1/7) - 80^(1/7)))^7 for i < N, and 0, in sampling

5,014,596 parameters for 128x128x1 images of 4 classes, all trainable; 1.5 GFLOP an evaluation there, 0.41 at 64x64, and N = 18 steps are 35 of them.
Train it: ``tumorbench run -d kaggle3264 -m edm --protocol grouped``. No source report has such a model, and the paper has no such data: no figure to
expect. The loss is near 1 where the network adds nothing, and where it stays there nothing is learnt.

Left out: the stochastic churn of algorithm 2 (sampling is deterministic after its first noise), augmentation with conditioning, classifier-free guidance
and the learning rate's ramp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch import Tensor

from tumorbench import BadInput, Batch, Generator, Problem
from tumorbench_generators.edm_unet import MULTIPLES, PATCH, UNet

__all__ = ["EDM", "heun", "noise_levels", "preconditioning"]

P_MEAN, P_STD = -1.2, 1.2  # of ln(sigma) in training
SIGMA_MIN, SIGMA_MAX, RHO = 0.002, 80.0, 7.0  # of the levels that sampling goes through
UNIT = PATCH * 2 ** (len(MULTIPLES) - 1)  # what the network divides a side by


class EDM(Generator):
    """The preconditioned denoiser, its training loss, and Heun's method to sample it, for any side that is a multiple of 16."""

    compilable = ("unet.forward",)

    def __init__(
        self, problem: Problem, width: int = 32, dropout: float = 0.1, steps: int = 18, sigma_data: float = 0.5
    ) -> None:
        super().__init__(problem)
        if problem.size % UNIT:
            raise BadInput(
                f"edm divides the sides of its images by {UNIT}: it needs a multiple of that, not {problem.size}"
            )
        self.sigma_data = sigma_data
        self.levels = noise_levels(steps)
        self.unet = UNet(problem.channels, problem.size, len(problem.classes), width, dropout)

    def denoise(self, noisy: Tensor, sigmas: Tensor, labels: Tensor) -> Tensor:
        """D: images under noise of the standard deviations ``sigmas`` ``(batch,)`` -> their expectation without it, float32."""
        c_skip, c_out, c_in, c_noise = preconditioning(sigmas[:, None, None, None], self.sigma_data)
        return c_skip * noisy + c_out * self.unet(c_in * noisy, c_noise.flatten(), labels).float()

    def losses(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """The weighted squared error of the denoised images (equation 8), one noise level an image."""
        sigmas = (P_MEAN + P_STD * torch.randn(len(batch), device=batch.images.device)).exp()
        yield "loss", self._weighted_error(batch, sigmas, torch.randn_like(batch.images)).mean()

    def validation(self, batch: Batch) -> dict[str, Tensor]:
        """The training loss with the same noise each time, at levels that stand for equal shares of those of training."""
        shares = (torch.arange(len(batch), dtype=torch.float32) + 0.5) / len(batch)
        sigmas = (P_MEAN + P_STD * torch.special.ndtri(shares)).exp().to(batch.images.device)
        noise = torch.randn(batch.images.shape, generator=torch.Generator().manual_seed(0)).to(batch.images.device)
        return {"loss": self._weighted_error(batch, sigmas, noise).mean()}

    def sample(self, n: int, labels: Tensor, rng: torch.Generator) -> Tensor:
        """``n`` images ``(n, channels, size, size)`` in [-1, 1] of the classes ``labels``."""
        shape = (n, self.problem.channels, self.problem.size, self.problem.size)
        noise = torch.randn(shape, generator=rng).to(labels.device)

        def denoise(noisy: Tensor, sigma: float) -> Tensor:
            return self.denoise(noisy, torch.full((n,), sigma, device=noisy.device), labels)

        return heun(denoise, self.levels[0] * noise, self.levels).clamp(-1, 1)

    def _weighted_error(self, batch: Batch, sigmas: Tensor, noise: Tensor) -> Tensor:
        """lambda(sigma) (D(y + sigma n; sigma) - y)^2 of each pixel, float32."""
        spread = sigmas[:, None, None, None]
        weights = (spread**2 + self.sigma_data**2) / (spread * self.sigma_data) ** 2
        return weights * (self.denoise(batch.images + spread * noise, sigmas, batch.labels) - batch.images) ** 2


def preconditioning(sigmas: Tensor, sigma_data: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """c_skip, c_out, c_in and c_noise of each sigma (table 1): the network's input and target have variance 1 at every noise level."""
    variance = sigmas**2 + sigma_data**2
    return sigma_data**2 / variance, sigmas * sigma_data / variance.sqrt(), 1 / variance.sqrt(), sigmas.log() / 4


def noise_levels(steps: int) -> list[float]:
    """The ``steps`` standard deviations that sampling goes through, falling, and 0 after them (equation 5). Raises: BadInput for fewer than 2."""
    if steps < 2:  # noqa: PLR2004 - the first and the last level
        raise BadInput(f"edm needs at least 2 sampling steps, not {steps}")
    high, low = SIGMA_MAX ** (1 / RHO), SIGMA_MIN ** (1 / RHO)
    return [(high + step / (steps - 1) * (low - high)) ** RHO for step in range(steps)] + [0.0]


def heun(denoise: Callable[[Tensor, float], Tensor], noisy: Tensor, levels: list[float]) -> Tensor:
    """Images at the last of ``levels``, from images at the first: the probability flow dx/dsigma = (x - D(x; sigma)) / sigma (algorithm 1).

    Two evaluations of ``denoise`` a step, and one where the step ends at level 0.
    """
    images = noisy
    for sigma, below in pairwise(levels):
        slope = (images - denoise(images, sigma)) / sigma
        euler = images + (below - sigma) * slope
        if below == 0:
            return euler
        slope_below = (euler - denoise(euler, below)) / below
        images = images + (below - sigma) * (slope + slope_below) / 2
    return images
