"""The reference segmenter: a U-Net whose encoder is EfficientNet-Lite, with cross-entropy beside soft Dice.

Source: Ronneberger et al., U-Net, MICCAI 2015; by segmentation-models-pytorch; encoder and weights as of the
classifier.

Train it: ``tumorbench run -d figshare3064 -m reference-segmenter``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import segmentation_models_pytorch as smp
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench import Batch, Problem, Segmenter, load_backbone, pixel_cross_entropy
from tumorbench_reference.lite import names_of
from tumorbench_reference.losses import soft_dice_loss

__all__ = ["ReferenceSegmenter"]

STRIDE = 32  # of the coarsest map


class ReferenceSegmenter(Segmenter):
    """``forward``: images -> logits ``(batch, 1 + foreground classes, size, size)``.

    dice_weight: beside the cross-entropy.
    """

    def __init__(self, problem: Problem, architecture: str, dice_weight: float, squeeze: bool) -> None:
        super().__init__(problem)
        self.architecture, self.dice_weight = architecture, dice_weight
        self.network = smp.Unet(
            encoder_name=f"tu-{architecture}",
            encoder_weights=None,
            decoder_attention_type="scse" if squeeze else None,
            in_channels=problem.channels,
            classes=problem.outputs,
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits of each pixel; an image of any size is padded to the next multiple of 32."""
        height, width = images.shape[-2:]
        right, below = -width % STRIDE, -height % STRIDE
        if right or below:
            images = F.pad(images, (0, right, 0, below), mode="replicate")  # the border of a slice is background
        return self.network(images)[..., :height, :width]

    def losses(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Cross-entropy of the pixels and the mean soft Dice loss of the foreground classes."""
        assert batch.masks is not None
        logits = self(batch.images).float()
        pixels = pixel_cross_entropy(logits, batch.masks).mean()
        probabilities = logits.softmax(1)
        dice = [
            soft_dice_loss(probabilities[:, label], (batch.masks == label).float())
            for label in range(1, logits.shape[1])
        ]
        overlap = sum(dice[1:], dice[0]) / len(dice)
        self.observed = {"pixel_loss": pixels.detach(), "dice_loss": overlap.detach()}
        yield "loss", pixels + self.dice_weight * overlap

    def load_pretrained(self, weights: Mapping[str, Tensor]) -> None:
        """The encoder holds ``weights``: timm's of the whole network. Raises: BadInput where they do not fit."""
        load_backbone(self.network.encoder.model, weights, unused=names_of(self.architecture))
