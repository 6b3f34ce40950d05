"""ResNet-GAN: a generator of residual blocks, which B. Esteve Molner's course work (TumorSynth) leaves to future work.

    generator                            output (128x128 images)       parameters
    latent                                128
    dense                                   4 x   4 x 256                 528,384
    residual up-block 256                   8 x   8 x 256               1,246,720
    residual up-block 128                  16 x  16 x 128                 476,160
    residual up-block  64                  32 x  32 x  64                 119,296
    residual up-block  32                  64 x  64 x  32                  29,952
    residual up-block  16                 128 x 128 x  16                   7,552
    BatchNorm, ReLU, conv 1 3x3, tanh     128 x 128 x   1                     177
                                                          together      2,408,241
    discriminator
    conv 16 3x3                           128 x 128 x  16                     160
    residual down-block  32                64 x  64 x  32                   7,504
    residual down-block  64                32 x  32 x  64                  29,856
    residual down-block 128                16 x  16 x 128                 119,104
    residual down-block 256                 8 x   8 x 256                 475,776
    residual down-block 256                 4 x   4 x 256               1,245,952
    ReLU, sum over pixels, dense 1              1                             256
                                                          together      1,878,608
                                                             total      4,286,849 that train, and 14,170 statistics
                                                                        (of the norms; the spectral ones' vectors)

Train it: ``tumorbench run -d yesno253 -m resnet-gan --protocol paper``. There is no figure to expect: the report only names the idea.

The report says no more than "a generator based on ResNet". Ours is the ResNet of SNGAN (Miyato et al. 2018), leaner: spectral normalisation
in the discriminator, hinge loss, Adam (0, 0.9), one discriminator step a batch; scored is the moving average of the weights over steps.
"""

from __future__ import annotations

from tumorbench import Problem
from tumorbench_generators.adversarial import HINGE, UnconditionalGAN
from tumorbench_generators.residual import Discriminator, residual_generator

__all__ = ["ResNetGAN"]


class ResNetGAN(UnconditionalGAN):
    """For any side that halves down to 4 to 7 pixels: powers of two, 96, 224."""

    def __init__(self, problem: Problem, latent: int = 128) -> None:
        generator = residual_generator(latent, problem.size, problem.channels)
        super().__init__(problem, generator, Discriminator(problem.size, problem.channels), latent, HINGE)
