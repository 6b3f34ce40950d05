from __future__ import annotations

import numpy as np
import pytest

import tumorbench as tb
from tumorbench.contracts.dataset import Dataset, Sample
from tumorbench.testing import ContractBroken, check_dataset


class Slices(Dataset):
    """Two patients with a lesion each and one without."""

    def samples(self):
        return [Sample(f"s{n}", label=int(n > 1), image="", patient=f"p{n}") for n in range(3)]

    def read_image(self, sample):
        return np.full((4, 5), 7, np.uint8)

    def read_mask(self, sample):
        return None if sample.label else np.eye(4, 5, dtype=np.uint8)


class Twins(Slices):
    def samples(self):
        return [*super().samples(), super().samples()[0]]


class OneClass(Slices):
    def samples(self):
        return super().samples()[:2]


class ThreeClasses(Slices):
    def samples(self):
        return [*super().samples(), Sample("s3", label=2, image="", patient="p3")]


class Unmasked(Slices):
    def read_mask(self, sample):
        return None


class EmptyMask(Slices):
    def read_mask(self, sample):
        return np.zeros((4, 5), np.uint8)


class TurnedMask(Slices):
    def read_mask(self, sample):
        return np.eye(5, 4, dtype=np.uint8)


class Colour(Slices):
    def read_image(self, sample):
        return np.zeros((4, 5, 3), np.uint8)


class Shuffled(Slices):
    turns = 0

    def samples(self):
        Shuffled.turns += 1
        return super().samples()[:: 1 if Shuffled.turns % 2 else -1]


def data(factory, **changes):
    card = tb.DatasetSpec(
        id="d", title="D", version="1", tasks=("classification", "segmentation"), classes=("glioma", "no_tumor"), mask_classes=("tumour",), licence="CC0",
        citation="c", source=tb.Source(homepage="nowhere"), patients_known=True, counts={"all": {"glioma": 2, "no_tumor": 1}},
        factory=f"{__name__}:{factory.__name__}",
    )  # fmt: skip
    return card.model_copy(update=changes)


def test_a_sound_data_set_passes(tmp_path):
    assert check_dataset(data(Slices), tmp_path) is None


@pytest.mark.parametrize(("factory", "changes", "fault"), [
    (Twins, {}, "d: 1 of its sample ids are used twice"),
    (OneClass, {}, "d: it lists no sample of no_tumor"),
    (Unmasked, {}, "d: slice s0 shows a glioma and has no mask"),
    (EmptyMask, {}, "d: the mask of slice s0, a glioma, is empty"),
    (TurnedMask, {}, "d: the mask of slice s0 is (5, 4), its image (4, 5)"),
    (Colour, {}, "d: slice s0 is uint8 (4, 5, 3), not uint8 (height, width)"),
    (Shuffled, {}, "d: listing it twice gives two different lists"),
    (Slices, {"patients_known": False}, "d: its card says patients_known=False, and its samples do not agree"),
    (Slices, {"official_split": True}, "d: its card says official_split=True, and its samples do not agree"),
    (ThreeClasses, {}, "d: it lists the labels [0, 1, 2] for 2 classes"),
])  # fmt: skip
def test_a_broken_data_set_is_refused_by_the_name_of_its_fault(tmp_path, factory, changes, fault):
    with pytest.raises(ContractBroken) as caught:
        check_dataset(data(factory, **changes), tmp_path)
    assert str(caught.value) == fault
