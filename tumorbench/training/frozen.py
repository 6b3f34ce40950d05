"""The features of a frozen backbone: computed once for each data set and view, kept in the cache, and gathered from there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from tumorbench.contracts.cell import canonical_json, derive_seed
from tumorbench.contracts.families import TransferClassifier
from tumorbench.contracts.files.whole import written_whole
from tumorbench.contracts.recipe import Preprocessing, Recipe
from tumorbench.contracts.transforms import Augmentation, Changes
from tumorbench.data import batches

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Features", "embed", "weights_hash"]

VIEW_SEED = 20220101  # the same views for every run seed and split: they are data
FEATURES_VERSION = 2  # raised when the same backbone and slices would give other features


class Features:
    """What one frozen backbone makes of every slice of one data set.

    images: uint8 ``(n, size, size)``, cropped and resized. identity: what the images are, as JSON content (the data set's fingerprint, size, crop).
    """

    def __init__(
        self,
        network: TransferClassifier,
        images: NDArray[np.uint8],
        identity: list[Any],
        recipe: Recipe,
        device: str,
        cache: Path,
        autocast: Callable[[], Any],
        progress: Callable[[str, int, int], None] | None = None,
    ) -> None:
        self.network, self.images, self.recipe = network, images, recipe
        self.device, self.cache, self.autocast, self.progress = device, cache, autocast, progress
        machine = [
            device,
            recipe.precision,
            torch.get_num_threads() if torch.are_deterministic_algorithms_enabled() else 0,
        ]
        self.identity = [
            FEATURES_VERSION,
            weights_hash(network.backbone),
            recipe.preprocessing.model_dump(),
            *identity,
            *machine,
        ]

    def part(self, chosen: NDArray[np.int64], labels: NDArray[np.int64], *, training: bool) -> batches.Slices:
        """The slices of one part as features: under augmentation the training part has the recipe's number of views, every other one the plain view."""
        augmented = training and self.recipe.augmentation is not None
        views = range(1, 1 + self.recipe.feature_views) if augmented else range(1)
        stacked = np.stack([self._view(view)[chosen] for view in views])  # (views, n, features)
        return batches.Slices(
            torch.from_numpy(stacked).to(self.device), torch.from_numpy(labels[chosen]).to(self.device)
        )

    def _view(self, view: int) -> NDArray[np.float32]:
        """float32 ``(n, features)`` of every slice: plain (0), or under the augmentation's draws of that number."""
        how = _dumped(self.recipe.augmentation) if view and self.recipe.augmentation else None
        path = self.cache / f"{hashlib.sha256(canonical_json([*self.identity, view, how])).hexdigest()}.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(path) as partial:
                np.save(partial, self._compute(view))
        return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]

    def _compute(self, view: int) -> NDArray[np.float32]:
        rng = torch.Generator().manual_seed(derive_seed(VIEW_SEED, "view", view))
        how = self.recipe.augmentation if view else None
        done = partial(self.progress, f"features, view {view}") if self.progress else None
        return embed(self.network, self.images, self.recipe.preprocessing, self.device, self.autocast, how, rng, done)


def _dumped(how: Changes) -> Any:
    """What tells one augmentation's views from another's, as JSON content."""
    return how.model_dump() if isinstance(how, Augmentation) else [each.model_dump() for each in how]


def embed(
    network: TransferClassifier,
    images: NDArray[np.uint8],
    preprocessing: Preprocessing,
    device: str,
    autocast: Callable[[], Any],
    how: Changes | None = None,
    rng: torch.Generator | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float32]:
    """Features float32 ``(n, features)`` of images uint8 ``(n, size, size)``, augmented with draws from ``rng`` where ``how`` is given."""
    everything = batches.Slices(torch.from_numpy(np.array(images)), torch.zeros(len(images), dtype=torch.int64))
    rows: list[Tensor] = []
    network.eval()
    with torch.inference_mode():
        at_once = batches.slices_at_once(preprocessing.size, torch.device(device).type)
        for batch in batches.evaluation_batches(everything, preprocessing, at_once):
            inputs = batch.images.to(device)
            if how is not None and rng is not None:
                inputs, _ = batches.augment(inputs, None, how, rng, preprocessing)
            with autocast():
                rows.append(network.backbone(inputs).float().cpu())
            if progress:
                progress(sum(map(len, rows)), len(images))
    return torch.cat(rows).numpy()


def weights_hash(network: nn.Module) -> str:
    """SHA-256 over every tensor that is saved with ``network``: equal for equal weights, wherever they come from."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
