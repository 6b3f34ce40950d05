"""The reference classifier: it finds the lesion, looks there, and says what it is.

    images -> EfficientNet-Lite, maps at strides 4, 8, 16, 32 -> a pyramid of 64 channels -> lesion map at stride 4
    lesion map -> attention over places at strides 16 and 32 -> features of the lesion, and where and how large it is
    features of the lesion, of the whole slice, and of its place -> classes

The lesion map learns from the slices' masks, in training alone (the recipe's ``mask_supervision``); on a data set
without masks it is attention that learns from the classes. With ``attention=false`` the whole slice's features decide,
as in the plain network, and the masks are a second task.

Sources: feature pyramid: Lin et al., CVPR 2017; attention pooling: Ilse et al., ICML 2018; soft Dice: Milletari et al.,
3DV 2016. Train it: ``tumorbench run -d figshare3064 -m reference-classifier``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench import Batch, Classifier, Problem
from tumorbench_reference.lite import FEATURES, Lite
from tumorbench_reference.losses import lesion_loss

__all__ = ["ReferenceClassifier"]

WIDTH = 64  # channels of the pyramid
PLACE = 5  # numbers that say where a lesion lies and how large it is
NONE_SEEN = -4.0  # logit of a lesion at first: as rare as their pixels are


class ReferenceClassifier(Classifier):
    """``forward``: images -> logits ``(batch, classes)``. mask_weight: of the lesion map's loss beside the classes'."""

    compilable = ("classes_and_lesion",)

    def __init__(
        self, problem: Problem, architecture: str, attention: bool, mask_weight: float, dropout: float
    ) -> None:
        super().__init__(problem)
        self.attention, self.mask_weight = attention, mask_weight
        self.backbone = Lite(architecture, problem.channels)
        self.pyramid = Pyramid(self.backbone.widths[1:])
        middle = self.backbone.widths[3]
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(FEATURES + (FEATURES + middle + PLACE if attention else 0), problem.outputs)
        nn.init.normal_(self.classes.weight, std=0.01)
        nn.init.zeros_(self.classes.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(batch, classes)``."""
        return self.classes_and_lesion(images)[0]

    def classes_and_lesion(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(logits ``(batch, classes)``, logits of a lesion ``(batch, 1, size / 4, size / 4)``)."""
        maps = self.backbone(images)
        lesion = self.pyramid(maps[1:])
        deepest = self.backbone.deepest(maps[-1])
        features = [deepest.mean((2, 3))]
        if self.attention:
            seen = lesion.sigmoid()
            features += [attended(deepest, seen, 8), attended(maps[3], seen, 4), place_of(seen)]
        return self.classes(self.dropout(torch.cat([each.float() for each in features], 1))), lesion

    def losses(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Cross-entropy of the classes and, where the batch has masks, the lesion map's loss."""
        logits, lesion = self.classes_and_lesion(batch.images)
        classes = self.cross_entropy(logits, batch)
        if batch.masks is None or not self.mask_weight:
            yield "loss", classes if self.attention else classes + 0 * lesion.sum()
            return
        lesions = lesion_loss(lesion, _lesions(batch, lesion.shape[-2:]))
        self.observed = {"classes_loss": classes.detach(), "lesion_loss": lesions.detach()}
        yield "loss", classes + self.mask_weight * lesions

    def load_pretrained(self, weights: Mapping[str, Tensor]) -> None:
        """The backbone holds ``weights``: timm's of its network."""
        self.backbone.load(weights)


class Pyramid(nn.Module):
    """Maps from fine to coarse -> one logit a place of the finest."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(width, WIDTH, 1) for width in widths)
        self.smooth = nn.Sequential(
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=WIDTH, bias=False),
            nn.Conv2d(WIDTH, WIDTH, 1, bias=False),
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(),
        )
        self.lesion = nn.Conv2d(WIDTH, 1, 1)
        nn.init.normal_(self.lesion.weight, std=0.01)
        nn.init.constant_(self.lesion.bias, NONE_SEEN)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """``(batch, 1, height, width)`` of the first map."""
        found: Tensor | None = None
        for lateral, each in zip(reversed(self.laterals), reversed(maps), strict=True):
            own = lateral(each)
            found = own if found is None else own + F.interpolate(found, own.shape[-2:], mode="nearest")
        return self.lesion(self.smooth(found))


def attended(features: Tensor, seen: Tensor, finer: int) -> Tensor:
    """The mean of ``features`` ``(batch, channels, height, width)`` over places, by the lesion's probability.

    seen: that probability, ``(batch, 1, finer * height, finer * width)``, where the last row and column may be cut.
    """
    weights = F.avg_pool2d(seen.float(), finer, ceil_mode=True, count_include_pad=False)
    weights = weights / weights.sum((2, 3), keepdim=True).clamp(min=1e-6)
    return (features.float() * weights).sum((2, 3))


def place_of(seen: Tensor) -> Tensor:
    """Where a lesion lies and how large it is, ``(batch, 5)``.

    Its centre (row, column from the middle), its deviations, the root of its share.
    """
    weights = seen.float().squeeze(1)
    mass = weights.sum((1, 2)).clamp(min=1e-6)
    rows = torch.linspace(-1, 1, weights.shape[1], device=seen.device)[:, None]
    columns = torch.linspace(-1, 1, weights.shape[2], device=seen.device)[None]
    found = []
    for axis in (rows, columns):
        centre = (weights * axis).sum((1, 2)) / mass
        spread = (weights * (axis - centre[:, None, None]).square()).sum((1, 2)) / mass
        found += [centre, (spread + 1e-6).sqrt()]
    return torch.stack([*found, weights.mean((1, 2)).clamp(min=1e-6).sqrt()], 1)


def _lesions(batch: Batch, size: torch.Size) -> Tensor:
    """The share of each place that is lesion, ``(batch, 1, height, width)``; mixed as the images are."""
    assert batch.masks is not None
    shares = F.adaptive_avg_pool2d((batch.masks > 0).float().unsqueeze(1), size)
    if batch.mixed is None or batch.mixed.masks is None:
        return shares
    others = F.adaptive_avg_pool2d((batch.mixed.masks > 0).float().unsqueeze(1), size)
    return torch.lerp(others, shares, batch.mixed.share.view(-1, 1, 1, 1))
