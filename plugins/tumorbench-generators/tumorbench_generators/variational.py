"""What the variational autoencoders share: the evidence lower bound, and dense layers for the latent between two convolutional stacks.

    loss = reconstruction + KL, in nats an image, both in float32
        reconstruction  -sum over pixels of  x log p + (1 - x) log(1 - p)           x grey level in [0, 1], p = sigmoid(decoder)
        KL              -1/2 sum over latents of  1 + log s^2 - m^2 - s^2           KL(N(m, s^2) || N(0, 1)), Kingma and Welling 2014, appendix B

Grey levels strictly between 0 and 1 have an entropy of their own, under which the reconstruction cannot fall.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench import BadInput, Batch, Generator, Problem

__all__ = ["Maps", "VariationalAutoencoder", "kl_to_standard_normal", "pixel_cross_entropy", "require"]

NARROW = -4.0  # log-variance of a posterior that starts narrow
VALIDATION_SEED = 0  # of the latents that held-out images are judged with: the same in every epoch


@dataclass(frozen=True, slots=True)
class Maps:
    """What the encoder's convolutions end with and the decoder's start from."""

    channels: int
    side: int

    @property
    def features(self) -> int:
        """Numbers an image."""
        return self.channels * self.side**2


class VariationalAutoencoder(Generator):
    """encoder: images in [0, 1] -> maps, decoder: maps -> logits ``(batch, channels, size, size)``; all else is here.

    classes: of a conditional one, 0 for one that sees no label. The label, one-hot, joins the flattened maps and the latent: convolutions do not see it.
    noise: deviation of the Gaussian noise on the images that the encoder sees in training; the loss is to the clean ones.
    Observed, in nats an image: ``kl`` and ``reconstruction``.
    """

    compilable = ("bound",)

    def __init__(
        self,
        problem: Problem,
        encoder: nn.Module,
        decoder: nn.Module,
        maps: Maps,
        latent: int,
        classes: int,
        noise: float = 0.0,
    ) -> None:
        require(latent >= 1, f"latent={latent} leaves nothing to draw; give 1 or more")
        require(noise >= 0, f"noise={noise} is no deviation; give 0 or more")
        super().__init__(problem)
        self.latent, self.classes, self.noise = latent, classes, noise
        self.encoder, self.decoder = encoder, decoder
        self.dense = nn.Sequential(nn.Linear(maps.features + classes, latent), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(latent, latent), nn.Linear(latent, latent)
        self.project = nn.Sequential(
            nn.Linear(latent + classes, maps.features),
            nn.ReLU(),
            nn.Unflatten(1, (maps.channels, maps.side, maps.side)),
        )

    def start_narrow(self) -> None:
        """The posteriors start with a deviation of about exp(-2) instead of 1.

        A deep decoder that first hears of the latents under noise as loud as they are learns to do without them, and the KL soon says so.
        """
        nn.init.constant_(self.log_variance.bias, NARROW)
        with torch.no_grad():
            self.log_variance.weight.mul_(0.1)

    def losses(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """The mean of reconstruction + KL over the batch."""
        seen = (
            batch.images + self.noise * torch.randn_like(batch.images) if self.noise and self.training else batch.images
        )
        drawn = torch.randn(len(batch), self.latent, device=seen.device)
        kl, reconstruction = self.bound(seen, batch, drawn)
        self.observed = {"kl": kl.detach(), "reconstruction": reconstruction.detach()}
        yield "loss", kl + reconstruction

    def bound(self, seen: Tensor, batch: Batch, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """(KL, reconstruction), means over the batch. seen: the images as the encoder gets them; drawn: standard normal ``(batch, latent)``."""
        mean, log_variance = self.posterior(seen, batch.labels)
        logits = self.decode(mean + (log_variance / 2).exp() * drawn, batch.labels)
        return kl_to_standard_normal(mean, log_variance).mean(), pixel_cross_entropy(logits, batch.images).mean()

    def posterior(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the images' latents, float32 ``(batch, latent)`` each."""
        hidden = self.dense(torch.cat([self.encoder(images).flatten(1), self.one_hot(labels)], 1))
        return self.mean(hidden).float(), self.log_variance(hidden).float()

    def decode(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Logits of the pixels, float32 ``(batch, channels, size, size)``."""
        return self.decoder(self.project(torch.cat([latents, self.one_hot(labels)], 1))).float()  # type: ignore[no-any-return]

    def one_hot(self, labels: Tensor) -> Tensor:
        """Float32 ``(batch, classes)``; without a column where labels do not count."""
        return (
            F.one_hot(labels, self.classes).float()
            if self.classes
            else torch.zeros(len(labels), 0, device=labels.device)
        )

    def sample(self, n: int, labels: Tensor, rng: torch.Generator) -> Tensor:
        """``n`` images ``(n, channels, size, size)`` in [0, 1]: what standard normal latents decode to, pixel by pixel the expected grey level."""
        device = next(self.parameters()).device
        return self.decode(torch.randn(n, self.latent, generator=rng).to(device), labels.to(device)).sigmoid()

    def validation(self, batch: Batch) -> dict[str, Tensor]:
        """``loss``, ``kl`` and ``reconstruction`` of held-out images, with the same latent noise in every epoch."""
        rng = torch.Generator().manual_seed(VALIDATION_SEED)
        kl, reconstruction = self.bound(
            batch.images, batch, torch.randn(len(batch), self.latent, generator=rng).to(batch.images.device)
        )
        return {"loss": kl + reconstruction, "kl": kl, "reconstruction": reconstruction}

    def reconstruct(self, batch: Batch) -> Tensor:
        """The batch's images, decoded from their posterior means."""
        return self.decode(self.posterior(batch.images, batch.labels)[0], batch.labels).sigmoid()


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of each row, in nats: ``(batch, latent)`` -> ``(batch,)``; at least 0."""
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1)


def pixel_cross_entropy(logits: Tensor, images: Tensor) -> Tensor:
    """Binary cross-entropy to grey levels in [0, 1], summed over the pixels of each image, in nats: ``(batch, channels, size, size)`` -> ``(batch,)``."""
    return F.binary_cross_entropy_with_logits(logits, images, reduction="none").flatten(1).sum(1)


def require(holds: bool, fault: str) -> None:
    """Nothing, where ``holds``. Raises: BadInput, saying ``fault``."""
    if not holds:
        raise BadInput(fault)
