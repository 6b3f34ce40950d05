"""Losses of pixels: cross-entropy beside the soft Dice of the whole batch, which small lesions do not vanish in."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

__all__ = ["lesion_loss", "soft_dice_loss"]


def lesion_loss(logits: Tensor, shares: Tensor) -> Tensor:
    """Binary cross-entropy, in float32, and ``soft_dice_loss`` of one logit a place.

    shares: of each place that is lesion.
    """
    logits = logits.float()
    return F.binary_cross_entropy_with_logits(logits, shares) + soft_dice_loss(logits.sigmoid(), shares)


def soft_dice_loss(probabilities: Tensor, truth: Tensor) -> Tensor:
    """1 - the Dice coefficient of ``probabilities`` and ``truth``, of any one shape, pooled over all of it.

    Source: Milletari et al., V-Net, 3DV 2016, section 3; with squares in the denominator. 0 where both are 0.
    """
    both, either = (probabilities * truth).sum(), (probabilities.square() + truth.square()).sum()
    return 1 - (2 * both + 1) / (either + 1)
