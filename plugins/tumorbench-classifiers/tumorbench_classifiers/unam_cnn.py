"""unam CNN: a 7x7 stem, four stages of residual blocks, global average pooling and one dense layer, after C. A. Flores Álvarez (UNAM, 2022).

    layer                     256x256x1 input, output    parameters (BatchNorm: trained + statistics)
    conv 7x7 s2                128 x 128 x 256               12,800   +  512 +  512
    pool 3x3 s2                 64 x  64 x 256
    stage 1: 2 residual blocks  64 x  64 x 256            2,360,320   + 2,048 + 2,048
    stage 2: 2 residual blocks  32 x  32 x 512            8,391,168   + 4,096 + 4,096
    stage 3: 2 residual blocks  16 x  16 x 256            3,081,472   + 2,048 + 2,048
    stage 4: 2 residual blocks   8 x   8 x 128              770,688   + 1,024 + 1,024
    global average pooling      128
    dense                       4                               516
                                         total           14,636,420   (9,728 statistics; 14,626,692 trainable)

A residual block: conv 3x3, norm, ReLU, conv 3x3, norm, plus its input, ReLU. The first block of stages 2 to 4 halves the side (stride 2), and
a 1x1 convolution of that stride brings its input into shape.

Train it: ``tumorbench run -d kaggle7023 -m unam-cnn --protocol paper``. Figure to expect: accuracy .811 on the official test folder.

This is a reading. The report lists one convolution a stage with its filters, ReLU, and "about 15 million" parameters: plain 3x3
convolutions would have 3.26 million, two residual blocks a stage 14.6, and its stem is ResNet's. It names neither strides (ResNet's here)
nor norms. BatchNorm is ResNet's own and adds 0.13 %; ``unam-cnn[batch_norm=false]`` is the reading without (14,616,964).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench import Classifier, Problem
from tumorbench_classifiers.initialisation import initialise_as_keras

__all__ = ["ResidualBlock", "UnamCNN"]


class UnamCNN(Classifier):
    """The table of layers above, for any number of classes and any image size."""

    def __init__(self, problem: Problem, batch_norm: bool = True) -> None:
        super().__init__(problem)
        self.stem = nn.Sequential(
            nn.Conv2d(problem.channels, 256, 7, stride=2, padding=3),
            _norm(256, batch_norm),
            # a pool before its ReLU: the same values and gradients, a quarter of the work
            nn.MaxPool2d(3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.stages = nn.Sequential(
            _stage(256, 256, 1, batch_norm),
            _stage(256, 512, 2, batch_norm),
            _stage(512, 256, 2, batch_norm),
            _stage(256, 128, 2, batch_norm),
        )
        self.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, problem.outputs))
        self.apply(initialise_as_keras)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(batch, classes)``."""
        return self.classifier(self.stages(self.stem(images)))


class ResidualBlock(nn.Module):
    """ReLU of two normed 3x3 convolutions plus the block's input, which a 1x1 convolution brings into shape where that changes."""

    def __init__(self, inputs: int, outputs: int, stride: int, batch_norm: bool) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, padding=1), _norm(outputs, batch_norm), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1), _norm(outputs, batch_norm),
        )  # fmt: skip
        same_shape = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same_shape else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps ``(batch, inputs, side, side)`` -> ``(batch, outputs, side / stride, side / stride)``."""
        return F.relu(self.residual(maps) + self.shortcut(maps))


def _stage(inputs: int, outputs: int, stride: int, batch_norm: bool) -> nn.Sequential:
    """Two residual blocks, of which the first changes the shape."""
    return nn.Sequential(
        ResidualBlock(inputs, outputs, stride, batch_norm), ResidualBlock(outputs, outputs, 1, batch_norm)
    )


def _norm(channels: int, wanted: bool) -> nn.Module:
    return nn.BatchNorm2d(channels) if wanted else nn.Identity()
