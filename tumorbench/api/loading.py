"""``tumorbench.load``: a part of a split as a torch data set, and as arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from tumorbench.api.place import Folder, check_fold, context_at, one_of
from tumorbench.contracts.evaluated import evaluated_card
from tumorbench.contracts.problem import Protocol
from tumorbench.data.decode import Decoded
from tumorbench.data.split import Split
from tumorbench.errors import BadInput
from tumorbench.run.context import Context

__all__ = ["Arrays", "Item", "Part", "common_size", "load", "sized", "unit_images"]

PartName = Literal["train", "val", "test"]
Item = dict[str, Any]
"""``image``: float32 ``(1, size, size)`` from 0, black, to 1. ``label``: int. ``mask``: int64 ``(size, size)``, only where
the data set has masks. ``patient``: "" where it is not known. ``sample_id``."""
SPLITS = ("grouped", "official", "paper")  # protocols that split one data set
LARGEST = 4096  # pixels a side


class Arrays(NamedTuple):
    """A part as numpy arrays, one entry a slice.

    images: float32 ``(n, 1, size, size)`` from 0, black, to 1. labels: int64 ``(n,)``. masks: uint8 ``(n, size,
    size)``, 0 the background, or None where the data set has none. patients, sample_ids: text ``(n,)``.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    masks: NDArray[np.uint8] | None
    patients: NDArray[np.str_]
    sample_ids: NDArray[np.str_]


class Part(Dataset[Item]):
    """One part of a split. ``part[i]`` is an ``Item``, which torch's ``DataLoader`` puts into batches as it is.

    dataset: its id. size: pixels a side. classes: label i is ``classes[i]``. mask_classes: mask value i is
    ``mask_classes[i - 1]``. labels: int64 ``(n,)``. patients: "" where not known. sample_ids: in the order of the
    slices.
    """

    def __init__(
        self, decoded: Decoded, split: Split, part: PartName, size: int, transform: Callable[[Item], Any] | None = None
    ) -> None:
        self._numbers: NDArray[np.int64] = getattr(split, part)
        self._images, self._masks = decoded.images(size), decoded.masks(size)
        self.dataset, self.protocol, self.fold, self.part, self.size = (
            decoded.spec.id, split.protocol, split.fold, part, size,
        )  # fmt: skip
        self.classes, self.mask_classes = decoded.spec.classes, decoded.spec.mask_classes
        numbers = self._numbers.tolist()
        self.labels = np.array([decoded.samples[number].label for number in numbers], np.int64)
        self.patients = tuple(split.kin.patients[number] for number in numbers)
        self.sample_ids = tuple(decoded.samples[number].id for number in numbers)
        self.transform = transform

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: int) -> Any:
        number = self._numbers[index]
        item: Item = {"image": torch.from_numpy(unit_images(self._images[number])), "label": int(self.labels[index])}
        if self._masks is not None:
            item["mask"] = torch.from_numpy(self._masks[number].astype(np.int64))
        item |= {"patient": self.patients[index], "sample_id": self.sample_ids[index]}
        return item if self.transform is None else self.transform(_marked(item))

    def __repr__(self) -> str:
        what = f"{self.dataset}, {self.protocol} fold {self.fold}, {self.part}"
        return f"<Part {what}: {len(self)} slices of {self.size} x {self.size}>"

    def numpy(self) -> Arrays:
        """The whole part in memory, without the transform: ``4 * size * size`` bytes a slice."""
        return Arrays(
            unit_images(self._images[self._numbers]),
            self.labels,
            None if self._masks is None else np.asarray(self._masks[self._numbers]),
            np.array(self.patients, np.str_),
            np.array(self.sample_ids, np.str_),
        )


def load(
    dataset: str,
    *,
    protocol: str = "grouped",
    fold: int = 0,
    part: str = "train",
    size: int | None = None,
    transform: Callable[[Item], Any] | None = None,
    model: str | None = None,
    data_root: Folder | None = None,
) -> Part:
    """One part of a data set's split: exactly the slices that every model here trains on, or is tested on.

    protocol: ``grouped``, ``official``, or ``paper``, the split of the publication of ``model``. part: ``train``,
    ``val`` or ``test``. size: pixels a side to which every slice is brought (bilinear, antialiased; masks by the
    nearest pixel); None: the commonest size of the data set's own slices. transform: called with an ``Item`` whose
    image and mask are ``torchvision.tv_tensors``, so that one of ``torchvision.transforms.v2`` moves both alike.
    data_root: None: ``TUMORBENCH_DATA``, else the user's cache.

    Raises: BadInput for an unknown name, or a protocol, fold or part that the data set does not have; Unavailable
    where its files are not here, with the command that fetches them.

    >>> import tumorbench as tb
    >>> train = tb.load("phantom", protocol="grouped", fold=0, part="train", size=32)
    >>> train[0]["image"].shape, sorted(train[0])
    (torch.Size([1, 32, 32]), ['image', 'label', 'mask', 'patient', 'sample_id'])
    >>> train.numpy().images.shape == (len(train), 1, 32, 32)
    True
    """
    context = context_at(None, data_root)
    decoded, split = part_of(context, dataset, protocol, fold, model)
    name: PartName = one_of("part", part, PartName)
    return Part(decoded, split, name, sized(decoded, size), transform)


def part_of(
    context: Context, dataset: str, protocol: str, fold: int, model: str | None = None
) -> tuple[Decoded, Split]:
    """(the data set, its split). Raises: as ``load``."""
    spec = context.registry.dataset(dataset)
    if protocol not in SPLITS:
        named: Protocol = one_of("protocol", protocol, Protocol)
        raise BadInput(f"protocol {named} has no split of {dataset} alone; give one of {', '.join(SPLITS)}")
    if (protocol == "paper") != (model is not None):
        raise BadInput('protocol="paper" and model=ID go together: it is the split of that model\'s publication')
    check_fold(spec, protocol, fold)
    card = context.registry.model(model) if model else evaluated_card("none", spec.tasks[0], "1")
    if model and dataset not in card.paper.splits:
        raise BadInput(f"the publication of {model} did not use {dataset}; it used {', '.join(card.paper.splits)}")
    decoded = context.decode(spec)
    return decoded, context.split(decoded, card, protocol, fold)  # type: ignore[arg-type]


def common_size(decoded: Decoded) -> int:
    """The commonest longer side of the data set's slices, in pixels; of equally common ones the smaller."""
    sides = Counter(max(where.height, where.width) for where in decoded.slices)
    return min(sides, key=lambda side: (-sides[side], side))


def sized(decoded: Decoded, size: int | None) -> int:
    """``size``, or the data set's own. Raises: BadInput for one that no picture has."""
    if size is not None and (not isinstance(size, int) or not 1 <= size <= LARGEST):
        raise BadInput(f"size {size!r} is no number of pixels from 1 to {LARGEST}")
    return size or common_size(decoded)


def unit_images(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 ``(..., size, size)``, 0 to 255 -> float32 ``(..., 1, size, size)``, 0 to 1."""
    return (np.asarray(images, np.float32) / np.float32(255))[..., None, :, :]


def _marked(item: Item) -> Item:
    """The item with its image and mask marked as such, for transforms that treat them differently."""
    from torchvision import tv_tensors

    marks: dict[str, Callable[[Tensor], Tensor]] = {"image": tv_tensors.Image, "mask": tv_tensors.Mask}
    return {name: marks[name](value) if name in marks else value for name, value in item.items()}
