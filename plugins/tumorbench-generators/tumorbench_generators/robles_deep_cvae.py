"""Deep variational autoencoders of M. Robles, J. Rodríguez and D. Aguirre (report ``robles``): 13, 16 or 19 convolutions each way, after VGG.

    robles-deep-cvae, depth=13, latent=256        output (128x128 images)     parameters
    conv  16, conv  16, max-pool                   64 x  64 x  16                  2,576
    conv  32, conv  32, max-pool                   32 x  32 x  32                 14,080
    conv  64, conv  64, conv  64, max-pool         16 x  16 x  64                 92,928
    conv 128, conv 128, conv 128, max-pool          8 x   8 x 128                370,176
    conv 256, conv 256, conv 256, max-pool          4 x   4 x 256              1,477,632
    flatten, label, dense 256, ReLU               256                          1,049,856
    dense: mean; dense: log-variance              256 each                       131,584
    latent, label, dense, ReLU                      4 x   4 x 256              1,069,056
    up-sample, conv 256, conv 256, conv 128         8 x   8 x 128              1,477,120
    up-sample, conv 128, conv 128, conv  64        16 x  16 x  64                369,920
    up-sample, conv  64, conv  64, conv  32        32 x  32 x  32                 92,800
    up-sample, conv  32, conv  16                  64 x  64 x  16                 14,016
    up-sample, conv  16, conv   1 (sigmoid)       128 x 128 x   1                  2,513
                                                                 total         6,164,257   (6,159,009 trainable)
    Every convolution is 3x3 with BatchNorm and ReLU, but the last one, which makes the image.

    total (128x128 images)      latent=256    latent=512    robles-vae: 256           512
    depth=13                     6,164,257     8,656,417          6,146,849     8,637,985
    depth=16                     7,716,129    10,208,289          7,698,721    10,189,857
    depth=19                     9,268,001    11,760,161          9,250,593    11,741,729
    skips=true adds 783,648 to any; residual=true adds none; robles-cvae-transfer is robles-deep-cvae without either.

Train them: ``tumorbench run -d kaggle3264 -m robles-deep-cvae --protocol paper``; ``tumorbench run -d kaggle7023 -m robles-vae --protocol paper``
and then, into the same store, ``tumorbench run -d kaggle3264 -m robles-cvae-transfer --protocol paper``. The report has no KL and no reconstruction of
these. It finds that the number of convolutions matters and the size of the latent does not, and that the transferred model's 40 epochs come near
the others' 400.

Read so: 13 and 16 are the stages of VGG16 and VGG19 and 19 has one convolution more in each of the last three; filters are a quarter of VGG's, and
still double where VGG's stop at 512. A skip that joins the encoder to the decoder would need an encoder where there is only a latent, so that nothing
could be sampled: here skips stay inside a stage, whose last convolution also reads the stage's input. Residual: a convolution that keeps its width
adds what it read. Noise is Gaussian, on what the encoder sees. Posteriors start narrow and Adam's rate is 0.0003: with deviations of 1 and 0.001 the
decoder soon does without its latents (on 8 images, after 250 steps, KL 1.8 and reconstruction 1,636, where the other start has 23 and 1,557 after 150).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from tumorbench import BadInput, Problem
from tumorbench_generators.variational import Maps, VariationalAutoencoder, require

__all__ = ["RoblesCVAETransfer", "RoblesDeepCVAE", "RoblesVAE"]

WIDTHS = (16, 32, 64, 128, 256)  # a quarter of VGG's, and twice that where VGG stops to widen
CONVOLUTIONS = {
    13: (2, 2, 3, 3, 3),
    16: (2, 2, 4, 4, 4),
    19: (2, 2, 5, 5, 5),
}  # depth -> convolutions of each stage; 13 and 16 are VGG16's and VGG19's
HALVINGS = 32  # the side of an image over that of the last map
FROZEN_SHARE = 0.75  # of the epochs, the first: 30 of the report's 40
STACKS = ("encoder", "decoder")


class RoblesDeepCVAE(VariationalAutoencoder):
    """For any side that is a multiple of 32."""

    def __init__(
        self,
        problem: Problem,
        depth: int = 13,
        latent: int = 256,
        skips: bool = False,
        residual: bool = False,
        noise: float = 0.0,
    ) -> None:
        stacks = encoder_and_decoder(problem, depth, skips, residual)
        super().__init__(problem, *stacks, _maps(problem), latent, classes=len(problem.classes), noise=noise)
        self.start_narrow()


class RoblesVAE(VariationalAutoencoder):
    """The same without labels, for pre-training."""

    def __init__(self, problem: Problem, depth: int = 13, latent: int = 256) -> None:
        super().__init__(problem, *encoder_and_decoder(problem, depth), _maps(problem), latent, classes=0)
        self.start_narrow()


class RoblesCVAETransfer(RoblesDeepCVAE):
    """A deep CVAE whose convolutions are a pre-trained VAE's and do not train in the first three quarters of the epochs."""

    def __init__(self, problem: Problem, depth: int = 13, latent: int = 256) -> None:
        super().__init__(problem, depth, latent)
        self.frozen = False

    def load_pretrained(self, weights: Mapping[str, Tensor]) -> None:
        """Both convolutional stacks are those of ``weights``, a robles-vae's of the same depth; dense layers are drawn anew. Raises: BadInput where they do not fit."""
        for name in STACKS:
            stack, given = (
                getattr(self, name),
                {key.removeprefix(f"{name}."): tensor for key, tensor in weights.items() if key.startswith(f"{name}.")},
            )
            own = stack.state_dict()
            unlike = sorted(
                key
                for key in own.keys() | given.keys()
                if key not in own or key not in given or own[key].shape != given[key].shape
            )
            if unlike:
                raise BadInput(
                    f"the pretrained weights are not those of a robles-vae of this depth: {name}.{unlike[0]} differs; pre-train one and start from it"
                )
            stack.load_state_dict(given)

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """The convolutions are frozen in the first three quarters of the epochs and train in the last."""
        self.frozen = epoch <= int(FROZEN_SHARE * epochs)
        for name in STACKS:
            getattr(self, name).requires_grad_(not self.frozen)
        self.train(self.training)

    def train(self, mode: bool = True) -> RoblesCVAETransfer:
        """All train, but norms of frozen convolutions keep their statistics."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
            self.decoder.eval()
        return self


def encoder_and_decoder(
    problem: Problem, depth: int, skips: bool = False, residual: bool = False
) -> tuple[nn.Sequential, nn.Sequential]:
    """Images -> maps ``(batch, 256, size / 32, size / 32)``, and its mirror image, maps -> logits: ``depth`` 3x3 convolutions each. Raises: BadInput."""
    require(depth in CONVOLUTIONS, f"depth={depth} is none of the report's; give 13, 16 or 19 convolutions")
    require(
        problem.size % HALVINGS == 0,
        f"a deep VAE halves its images five times: it needs a side that is a multiple of 32, not {problem.size}",
    )
    stages = list(zip(pairwise((problem.channels, *WIDTHS)), CONVOLUTIONS[depth], strict=True))
    down: list[nn.Module] = []
    for (inputs, width), count in stages:
        down += [Stage([inputs, *[width] * count], skips, residual), nn.MaxPool2d(2)]
    up: list[nn.Module] = []
    for (inputs, width), count in reversed(stages):
        up += [nn.Upsample(scale_factor=2), Stage([*[width] * count, inputs], skips, residual)]
    up[-1].end_in_logits()
    return nn.Sequential(*down), nn.Sequential(*up)


class Stage(nn.Module):
    """3x3 convolutions with BatchNorm and ReLU; widths: channels of the input and after each of them.

    skips: the last also reads the stage's input, concatenated. residual: what keeps its width adds what it read.
    """

    def __init__(self, widths: list[int], skips: bool, residual: bool) -> None:
        super().__init__()
        self.skips, self.residual = skips, residual
        read = [*widths[:-2], widths[-2] + widths[0] if skips else widths[-2]]
        self.convolutions = nn.ModuleList(
            _convolution(inputs, outputs) for inputs, outputs in zip(read, widths[1:], strict=True)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """``(batch, widths[0], side, side)`` -> ``(batch, widths[-1], side, side)``."""
        hidden = maps
        for number, convolution in enumerate(self.convolutions, 1):
            last = number == len(self.convolutions)
            made = convolution(torch.cat([hidden, maps], 1) if self.skips and last else hidden)
            hidden = made + hidden if self.residual and made.shape == hidden.shape else made
        return hidden

    def end_in_logits(self) -> None:
        """The last convolution has a bias, and neither norm nor ReLU."""
        last = self.convolutions[-1][0]
        self.convolutions[-1] = nn.Conv2d(last.in_channels, last.out_channels, 3, padding=1)


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


def _maps(problem: Problem) -> Maps:
    return Maps(WIDTHS[-1], problem.size // HALVINGS)
