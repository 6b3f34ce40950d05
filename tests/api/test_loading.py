"""A part of a split as a torch data set and as arrays."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import tumorbench as tb
from tumorbench.api import loading
from tumorbench.api.place import context_at
from tumorbench.contracts.cards import DatasetSpec
from tumorbench.run.plan import Selection, make_plan


@pytest.fixture
def train(tiny):
    return tb.load("tiny-shapes", part="train", size=16)


def test_an_item_holds_a_slice_in_the_stated_ranges(train):
    item = train[0]
    assert sorted(item) == ["image", "label", "mask", "patient", "sample_id"]
    assert (item["image"].shape, item["image"].dtype) == ((1, 16, 16), torch.float32)
    assert 0 <= item["image"].min() < item["image"].max() <= 1
    assert (item["mask"].shape, item["mask"].dtype, item["mask"].max()) == ((16, 16), torch.int64, 1)
    assert train.classes[item["label"]] == item["sample_id"].partition("-")[0]
    assert item["sample_id"].startswith(item["patient"])


def test_arrays_hold_what_the_items_hold(train):
    arrays, last = train.numpy(), train[len(train) - 1]
    assert arrays.images.shape == (len(train), 1, 16, 16)
    assert np.array_equal(arrays.images[-1], last["image"].numpy())
    assert np.array_equal(arrays.masks[-1], last["mask"].numpy())
    assert (arrays.labels[-1], arrays.patients[-1], arrays.sample_ids[-1]) == tuple(
        last[name] for name in ("label", "patient", "sample_id")
    )


def test_torch_s_loader_makes_batches_of_it(train):
    batch = next(iter(DataLoader(train, batch_size=4)))
    assert (batch["image"].shape, batch["mask"].shape) == ((4, 1, 16, 16), (4, 16, 16))
    assert batch["label"].tolist() == train.labels[:4].tolist()
    assert batch["patient"] == list(train.patients[:4])


def test_a_set_without_masks_has_none_in_items_nor_arrays(tiny, monkeypatch):
    monkeypatch.setattr(loading.Decoded, "masks", lambda *_: None)
    part = tb.load("tiny-shapes", part="val", size=16)
    assert "mask" not in part[0]
    assert part.numpy().masks is None
    assert "mask" not in next(iter(DataLoader(part, batch_size=2)))


def test_the_parts_are_those_that_models_train_on_and_are_tested_on(tiny):
    selection = Selection(datasets=("tiny-shapes",), models=("tiny-classifier",), protocols=("grouped",), folds=(1,))
    (planned,) = make_plan(selection, context_at("runs", None)).cells
    for part, ids in planned.cell.split.as_ids(planned.cell.dataset.samples).items():
        assert list(tb.load("tiny-shapes", fold=1, part=part).sample_ids) == ids


def test_a_transform_of_torchvision_moves_image_and_mask_alike(tiny):
    from torchvision.transforms import v2

    plain = tb.load("tiny-shapes", part="test", size=32)
    turned = tb.load("tiny-shapes", part="test", size=32, transform=v2.RandomHorizontalFlip(p=1))
    for name in ("image", "mask"):
        assert torch.equal(turned[0][name].as_subclass(torch.Tensor), plain[0][name].flip(-1))


def test_without_a_size_slices_have_the_commonest_of_the_set(tiny):
    assert tb.load("tiny-shapes").size == 32
    one, other = (type("Where", (), {"height": height, "width": width}) for height, width in ((20, 30), (40, 10)))
    decoded = type("Decoded", (), {"slices": [one, other, other]})
    assert loading.common_size(decoded) == 40


def test_the_split_of_a_publication_is_named_by_its_model(tiny):
    part = tb.load("tiny-shapes", protocol="paper", model="tiny-classifier", part="test")
    assert len(part) == 30


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"part": "all"}, "give one of train, val, test"),
        ({"fold": 5}, "it has 0 to 4"),
        ({"protocol": "external"}, "give one of grouped, official, paper"),
        ({"protocol": "group"}, "give one of paper, official, grouped"),
        ({"protocol": "paper"}, "go together"),
        ({"size": 0}, "no number of pixels"),
        ({"dataset": "tiny-shape"}, "did you mean tiny-shapes"),
    ],
)
def test_what_is_not_there_is_one_line(tiny, asked, said):
    with pytest.raises(tb.BadInput, match=said):
        tb.load(**({"dataset": "tiny-shapes"} | asked))


def test_a_set_that_is_not_here_says_how_to_get_it(tiny):
    name = next(card.id for card in tb.datasets() if not card.synthetic and isinstance(card, DatasetSpec))
    with pytest.raises(tb.Unavailable, match="tumorbench data fetch"):
        tb.load(name)
