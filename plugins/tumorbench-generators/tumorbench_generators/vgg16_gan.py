"""VGG16-GAN: TumorSynth1's generator against ImageNet's frozen VGG16 under one new dense layer.

    generator                            output (128x128 images)       parameters
    as TumorSynth1's                      128 x 128 x   1              27,265,281
    discriminator
    VGG16's convolutions, frozen            4 x   4 x 512              14,714,688
    flatten, dropout .4, dense 1 (sigmoid)      1                           8,193
                                                             total     41,988,162   (27,273,474 trainable)

Train it: ``tumorbench run -d yesno253 -m vgg16-gan --protocol paper``; its ImageNet weights come from timm (``timm/vgg16.tv_in1k``), and where
they are not to be had the cell is skipped with the reason. The report states no figure: it "tried to use VGG16 as a feature extractor" and was not
satisfied.

It says no more than that. Chosen here: the extractor is in the discriminator, before the first dense layer, where Keras cuts a VGG16 that is to
extract features; it does not train; the end is that of TumorSynth1's discriminator, and so are generator, loss, optimizer and steps. Grey
slices are repeated three times and normalised as these weights want it.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tumorbench import BadInput, Problem, load_backbone
from tumorbench_generators.adversarial import CROSS_ENTROPY, UnconditionalGAN, initialise_as_keras
from tumorbench_generators.tumorsynth1 import image_generator

__all__ = ["VGG16GAN"]

HALVINGS = 32  # the side of an image over that of VGG16's last map
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BACKBONE = "discriminator.features."
STAGES = (
    (64, 64),
    (128, 128),
    (256, 256, 256),
    (512, 512, 512),
    (512, 512, 512),
)  # 3x3 convolutions, each stage pooled 2x2


class VGG16GAN(UnconditionalGAN):
    """For any side that is a multiple of 4, from 32 pixels on."""

    def __init__(self, problem: Problem, latent: int = 100) -> None:
        if problem.size < HALVINGS or problem.size % 4:
            raise BadInput(
                f"vgg16-gan needs a side that is a multiple of 4, of {HALVINGS} pixels at least, not {problem.size}"
            )
        generator = image_generator(latent, problem.size // 4, problem.channels)
        super().__init__(problem, generator, VGG16Discriminator(problem.size // HALVINGS), latent, CROSS_ENTROPY)
        self.generator.apply(initialise_as_keras)

    def load_pretrained(self, weights: Mapping[str, Tensor]) -> None:
        """The extractor holds the convolutions of ``weights``, a VGG16's. Raises: BadInput where they do not fit."""
        prefix = "features."
        load_backbone(
            self.discriminator.features,
            {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)},
        )

    def trained_state(self) -> dict[str, Tensor]:
        """Everything but the extractor."""
        return {name: tensor for name, tensor in self.state_dict().items() if not name.startswith(BACKBONE)}

    def load_trained_state(self, state: Mapping[str, Tensor]) -> None:
        """Generator and head hold ``state``; the extractor stays as it is."""
        self.load_state_dict({**self.state_dict(), **state})


class VGG16Discriminator(nn.Module):
    """Images in [-1, 1] ``(batch, 1 or 3, size, size)`` -> logits ``(batch, 1)``, positive for real. side: of the last map, in pixels."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.features = vgg16_convolutions().requires_grad_(requires_grad=False)
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.4), nn.Linear(512 * side * side, 1))
        self.head.apply(initialise_as_keras)
        for name, values in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits; gradients pass through the extractor to the images."""
        unit = (images + 1) / 2  # one grey channel becomes three against mean and std
        return self.head(self.features((unit - self.mean) / self.std))


def vgg16_convolutions() -> nn.Sequential:
    """Normalised images ``(batch, 3, size, size)`` -> ``(batch, 512, size / 32, size / 32)``; its tensors have the names that published weights give them."""
    layers: list[nn.Module] = []
    inputs = 3
    for stage in STAGES:
        for filters in stage:
            convolution = nn.Conv2d(inputs, filters, 3, padding=1)
            nn.init.kaiming_uniform_(
                convolution.weight, nonlinearity="relu"
            )  # maps keep their scale without published weights too
            layers += [convolution, nn.ReLU()]
            inputs = filters
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)
