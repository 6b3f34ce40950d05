"""What a data set promises: checked on its listing, and on a few slices of each class."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np

from tumorbench.contracts.cards import DatasetSpec
from tumorbench.contracts.dataset import Dataset, Sample
from tumorbench.contracts.strangers import described
from tumorbench.data.reading import open_folder
from tumorbench.testing.contract import ContractBroken, check_card, require

__all__ = ["check_dataset"]

HEALTHY = re.compile(
    r"(no|none|normal|healthy|(no|without)tumou?r|nolesion)"
)  # class names, letters only, of slices without a lesion


def check_dataset(spec: DatasetSpec, root: Path, images: int = 4) -> None:
    """The data set in ``root`` is what its card says; ``images`` slices of each class are read.

    Raises: ContractBroken, naming the fault; Unavailable or BadInput where the data set cannot be listed or read.
    """
    check_card(spec)
    dataset = open_folder(spec, root)
    samples = _listed(spec, dataset)
    again = _listed(spec, open_folder(spec, root))
    require(again == samples, spec, "listing it twice gives two different lists")
    _check_listing(spec, samples)
    for label in range(len(spec.classes)):
        for sample in islice((sample for sample in samples if sample.label == label), images):
            _check_slice(spec, dataset, sample)


def _listed(spec: DatasetSpec, dataset: Dataset) -> list[Sample]:
    """The samples that the data set lists, each of which is one."""
    given: object = dataset.samples()
    listed = list(given) if isinstance(given, Iterable) else None
    if listed is None:
        raise ContractBroken(f"{spec.id}: its samples() returns {described(given)}, not samples")
    for each in listed:
        require(isinstance(each, Sample), spec, f"its samples() gives {described(each)} where a Sample is due")
    return listed


def _check_listing(spec: DatasetSpec, samples: list[Sample]) -> None:
    """Ids, labels, patients and folders are as the card says."""
    ids = [sample.id for sample in samples]
    require(len(set(ids)) == len(ids), spec, f"{len(ids) - len(set(ids))} of its sample ids are used twice")
    labels = {sample.label for sample in samples}
    require(
        labels <= set(range(len(spec.classes))),
        spec,
        f"it lists the labels {sorted(labels)} for {len(spec.classes)} classes",
    )
    missing = [name for label, name in enumerate(spec.classes) if label not in labels]
    require(not missing, spec, f"it lists no sample of {', '.join(missing)}")
    patients = {sample.patient is not None for sample in samples}
    require(
        patients == {spec.patients_known},
        spec,
        f"its card says patients_known={spec.patients_known}, and its samples do not agree",
    )
    folders, stated = {sample.split for sample in samples}, {"train", "test"} if spec.official_split else {None}
    require(
        folders == stated, spec, f"its card says official_split={spec.official_split}, and its samples do not agree"
    )
    folds = {sample.fold for sample in samples if sample.fold is not None}
    require(
        folds <= set(range(spec.official_folds)),
        spec,
        f"its card says official_folds={spec.official_folds}, and its samples name the folds {sorted(folds)}",
    )


def _check_slice(spec: DatasetSpec, dataset: Dataset, sample: Sample) -> None:
    """The slice is grey uint8, and its mask, where due, fits it and marks something."""
    image, mask = dataset.read_image(sample), dataset.read_mask(sample)
    require(
        image.ndim == len(("height", "width")) and image.dtype == np.uint8,
        spec,
        f"slice {sample.id} is {image.dtype} {image.shape}, not uint8 (height, width)",
    )
    if "segmentation" not in spec.tasks:
        return
    healthy = HEALTHY.fullmatch(re.sub(r"[^a-z]", "", spec.classes[sample.label].lower()))
    if mask is None:
        require(bool(healthy), spec, f"slice {sample.id} shows a {spec.classes[sample.label]} and has no mask")
        return
    require(mask.shape == image.shape, spec, f"the mask of slice {sample.id} is {mask.shape}, its image {image.shape}")
    require(
        int(mask.max()) <= len(spec.mask_classes),
        spec,
        f"the mask of slice {sample.id} has values beyond its {len(spec.mask_classes)} mask_classes",
    )
    require(
        bool(healthy) != bool(mask.any()),
        spec,
        f"the mask of slice {sample.id}, a {spec.classes[sample.label]}, is {'not ' if healthy else ''}empty",
    )
