"""The conditional GAN of M. Robles, J. Rodríguez and D. Aguirre (report ``robles``), which it found "highly unstable".

    generator 1, latent 128 (4 classes, 128x128x1)    3,606,153
    discriminator 1                                     771,041
                                             total    4,377,194   (all that trains; beside it 960 statistics of the generator's norms)

Layers: ``robles_gan``. The loss is binary cross-entropy, the generator's in its non-saturating form (Mirza and Osindero 2014, Goodfellow et al. 2014), in
float32. One step a network and batch. By default these are the networks of ``robles-wcgan-gp`` (and a bias of its last layer), so that the two differ in the loss; no penalty
forbids BatchNorm here, and discriminator 2 has it, as in the report.

Train it: ``tumorbench run -d kaggle3264 -m robles-cgan --protocol paper``. The report gives no figure. A real_probability near 1 beside a
generated_probability near 0 in the history shows a generator that has lost: the instability of which it speaks.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from tumorbench import Batch, Problem
from tumorbench_generators.adversarial import CROSS_ENTROPY, frozen
from tumorbench_generators.robles_gan import LATENTS, ConditionalGAN, ImageCritic, ImageGenerator, require_one_of

__all__ = ["CGAN"]


class CGAN(ConditionalGAN):
    """For any side that is a multiple of 16. generator, discriminator: 1 or 2; latent: 64, 128 or 256.

    Observed: the discriminator's mean probability that real and that generated images are real, before its step.
    """

    compilable = ("generator.forward", "discriminator.forward")

    def __init__(self, problem: Problem, generator: int = 1, discriminator: int = 1, latent: int = 128) -> None:
        require_one_of(
            problem.size, generator=(generator, (1, 2)), discriminator=(discriminator, (1, 2)), latent=(latent, LATENTS)
        )
        shape = len(problem.classes), problem.size, problem.channels
        super().__init__(
            problem, ImageGenerator(generator, latent, *shape), "discriminator", ImageCritic(discriminator, *shape, nn.BatchNorm2d, bias=True), latent
        )  # fmt: skip

    def losses(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """The discriminator's loss, then the generator's, both on the same generated images of the batch's classes."""
        labels = batch.labels
        generated = self.imagine(labels)
        of_real, of_generated = (
            self.discriminator(batch.images, labels),
            self.discriminator(generated.detach(), labels),
        )  # apart: BatchNorm would mix them
        for name, logits in (("real", of_real), ("generated", of_generated)):
            self.observed[f"{name}_probability"] = logits.detach().sigmoid().mean()
        yield "discriminator", CROSS_ENTROPY.discriminator(of_real, of_generated)
        with frozen(self.discriminator):
            loss = CROSS_ENTROPY.generator(self.discriminator(generated, labels))
        yield "generator", loss
