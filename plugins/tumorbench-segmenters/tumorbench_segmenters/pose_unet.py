"""pose U-Net: the 32-to-512-filter U-Net of F. E. Pose's course work (2023), section 8.

    block        layers                                                128x128x1 input, output    parameters
    encoder 1    conv 32, conv 32, norm        -> skip 1, pool             64 x  64 x  32             9,696
    encoder 2    conv 64, conv 64, norm        -> skip 2, pool             32 x  32 x  64            55,680
    encoder 3    conv 128, conv 128, norm      -> skip 3, pool             16 x  16 x 128           221,952
    encoder 4    conv 256, conv 256, norm, dropout -> skip 4, pool          8 x   8 x 256           886,272
    bottom       conv 512, conv 512, norm, dropout                          8 x   8 x 512         3,542,016
    decoder 4    up-conv 256, concat skip 4, conv 256, conv 256            16 x  16 x 256         2,949,888
    decoder 3    up-conv 128, concat skip 3, conv 128, conv 128            32 x  32 x 128           737,664
    decoder 2    up-conv 64, concat skip 2, conv 64, conv 64               64 x  64 x  64           184,512
    decoder 1    up-conv 32, concat skip 1, conv 32, conv 32              128 x 128 x  32            46,176
    head         conv 32, conv 1x1 to 2 logits                            128 x 128 x   2             9,314
                                                                                        total   8,643,170
    of which the norms' running statistics, 2 x (32 + 64 + 128 + 256 + 512), do not train           1,984

With a class of pixels for each type of tumour (``pose-unet-joint``, the report's future work) the head gives 4 logits: 66 parameters more.

Every convolution is 3x3 'same' with ReLU; up-conv is a 3x3 transposed convolution with stride 2.

Train it: ``tumorbench run -d figshare3064 -m pose-unet --protocol paper``. Figure to expect: pixel accuracy .99 and a Keras
MeanIoU of .49, which is (background IoU + 0) / 2 and says nothing about the tumour: read Dice and foreground IoU.

The report gives counts, not code. This arrangement reproduces both counts exactly, and it is that of a public Keras tutorial
(V. Bhatia, "U-Net implementation from scratch using TensorFlow", 2021), so what the report leaves open follows the tutorial:
He-normal convolutions before a ReLU, Glorot-uniform elsewhere, dropout 0.3. It departs from the tutorial in the norms, which
there are called with ``training=False`` and never see the data's statistics: so they leave the net at "all background" for much longer
(64x64, batch 8, 100 batches, patients apart: foreground Dice .00 against .41). Here they are ordinary BatchNorms with
Keras' epsilon of 1e-3; their running statistics move by 0.1 a batch and not by Keras' 0.01, which would lag behind in a quick training.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench import BadInput, Problem, Segmenter

__all__ = ["PoseUNet"]

FILTERS = (32, 64, 128, 256, 512)


class PoseUNet(Segmenter):
    """The report's U-Net, for any number of foreground classes and any side that is a multiple of 16."""

    def __init__(self, problem: Problem, dropout: float = 0.3) -> None:
        super().__init__(problem)
        if problem.size % 16:
            raise BadInput(
                f"the pose U-Net halves its images four times: it needs a side that is a multiple of 16, not {problem.size}"
            )
        rates = (0.0, 0.0, 0.0, dropout, dropout)
        inputs = (problem.channels, *FILTERS[:-1])
        self.encoder = nn.ModuleList(map(EncoderBlock, inputs, FILTERS, rates))
        self.decoder = nn.ModuleList(map(DecoderBlock, FILTERS[:0:-1], FILTERS[-2::-1]))
        self.head = nn.Sequential(
            nn.Conv2d(FILTERS[0], FILTERS[0], 3, padding=1), nn.ReLU(), nn.Conv2d(FILTERS[0], problem.outputs, 1)
        )
        self.apply(initialise)
        nn.init.xavier_uniform_(self.head[-1].weight)  # no ReLU follows the logits

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(batch, 1 + foreground classes, size, size)``."""
        *skips, features = self._encode(images)
        for block in self.decoder:
            features = block(features, skips.pop())
        return self.head(features)

    def _encode(self, images: Tensor) -> list[Tensor]:
        levels: list[Tensor] = []
        for block in self.encoder:
            levels.append(block(F.max_pool2d(levels[-1], 2) if levels else images))
        return levels


class EncoderBlock(nn.Sequential):
    """Two convolutions, a norm and a dropout; the pool comes after the skip."""

    def __init__(self, inputs: int, filters: int, dropout: float) -> None:
        super().__init__(
            *two_convolutions(inputs, filters), nn.BatchNorm2d(filters, eps=1e-3, momentum=0.1), nn.Dropout(dropout)
        )


class DecoderBlock(nn.Module):
    """The side doubles, the skip joins, and two convolutions follow."""

    def __init__(self, inputs: int, filters: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, filters, 3, stride=2, padding=1, output_padding=1)
        self.convolutions = nn.Sequential(*two_convolutions(2 * filters, filters))

    def forward(self, features: Tensor, skip: Tensor) -> Tensor:
        """Features ``(batch, filters, 2 height, 2 width)``."""
        return self.convolutions(torch.cat((self.up(features), skip), dim=1))


def two_convolutions(inputs: int, filters: int) -> tuple[nn.Module, ...]:
    """Two 3x3 'same' convolutions, each with ReLU."""
    return nn.Conv2d(inputs, filters, 3, padding=1), nn.ReLU(), nn.Conv2d(filters, filters, 3, padding=1), nn.ReLU()


def initialise(layer: nn.Module) -> None:
    """A convolution is He normal, a transposed one Glorot uniform; biases are zero."""
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    elif isinstance(layer, nn.ConvTranspose2d):
        nn.init.xavier_uniform_(layer.weight)
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.bias is not None:
        nn.init.zeros_(layer.bias)
