"""A cell's key says what was asked for, and stays what it is."""

from __future__ import annotations

import pytest

import tumorbench as tb
from tumorbench.contracts.cell import CellIdentity, Judge, OtherSet, cell_key

QUICK = tb.Quick(epochs=1, steps_per_epoch=2, batch_size=4)
PLAIN = tb.Recipe(preprocessing=tb.Preprocessing(size=64), epochs=10, batch_size=32, quick=QUICK)
RICH = tb.Recipe(
    preprocessing=tb.Preprocessing(size=224, channels=3, normalisation="imagenet", crop="brain"),
    epochs=30,
    batch_size=16,
    quick=QUICK,
    optimizer=tb.Optimizer(name="sgd", learning_rate=0.01, momentum=0.9),
    augmentation=tb.Augmentation(rotation_degrees=15, horizontal_flip=True),
    early_stopping=tb.EarlyStopping(patience=5),
    monitor="val_accuracy",
    precision="fp32",
    pretrained="cell:other-model",
    params={"width": 32, "norm": "batch"},
)

WORDS = PLAIN.model_copy(
    update={
        "optimizer": tb.Optimizer(name="NAdam", arguments={"betas": (0.8, 0.99)}),
        "schedule": tb.Schedule(name="MultiStepLR", arguments={"milestones": (3, 6)}, each="epoch", warm_up=0.1),
        "gradient_clip_norm": 1.0,
        "label_smoothing": 0.1,
        "mixup": 0.2,
        "mask_supervision": True,
        "augmentation": (
            tb.Transform(name="affine", arguments={"zoom": 0.1}),
            tb.Transform(name="noise", chance=0.5),
        ),
        "test_time_flips": "both",
    }
)


def identity(**changes: object) -> CellIdentity:
    fields = {
        "dataset": "some-set",
        "dataset_fingerprint": "0" * 64,
        "protocol": "grouped",
        "split_fingerprint": "1" * 64,
        "fold": 0,
        "task": "classification",
        "model": "some-model",
        "model_version": "1",
        "recipe": PLAIN,
        "seed": 0,
        "budget": "quick",
    }
    return CellIdentity.model_validate(fields | changes)


FOR_EVER = {
    "plain": (identity(), "5e60c70e91b4070de7b93a36f0f5a5441a7da5f6489f415e5b5de339c1662d6e"),
    "rich": (
        identity(recipe=RICH, fold=3, seed=7, budget="full", starts_from="a" * 64),
        "9b61267bcfa635dd17d6d580223c9cdb387f0579bfc1ead218d848306bedc7e5",
    ),
    "words": (
        identity(recipe=WORDS),
        "14daf8546cfce198829f0cfdf2f91562213c13727dbf8d0536418f45c2f6f4b7",
    ),
    "segmentation": (
        identity(task="segmentation", protocol="paper", model="smp/unet-tu-x[depth=4]"),
        "92b181fb4bca697aa0584baf89eb12df40dcfde24ecfcee93460f8d0ee94ae9f",
    ),
    "judged": (
        identity(
            task="generation",
            protocol="tstr",
            judge=Judge(model="some-classifier", model_version="2", recipe=PLAIN),
        ),
        "4f4ce6d0b56dcb8b8f028b1a922453d75a619b9f9ad5e31b18dfce6a6ab9b42b",
    ),
    "external": (
        identity(protocol="external", trained_on=OtherSet(dataset="other-set", fingerprint="2" * 64)),
        "b12504c478d9f7d5c5a11fa48506405fb9b1aaa18955c69da85f06f51473ccc2",
    ),
    "share": (identity(budget="1of20"), "458853fe6c68472f07cc31bfb197e219e0c435ac1a3615bae451bd39499ebbe0"),
    "left out": (
        identity(protocol="paper", leaves_out=OtherSet(dataset="other-set", fingerprint="2" * 64)),
        "b985e295ceb177f6334a0d91c5958af19044b9e46a7680e5d7e5e974ec43039f",
    ),
}


@pytest.mark.parametrize("name", FOR_EVER)
def test_these_keys_hold_for_ever(name):
    """A failure here makes every finished cell of every user another one: give the new field a default instead."""
    asked, key = FOR_EVER[name]
    assert cell_key(asked) == key


def test_what_stands_at_its_default_is_not_part_of_the_key():
    stated = PLAIN.model_copy(update={"precision": "auto", "keep": "best", "optimizer": tb.Optimizer()})
    assert cell_key(
        identity(recipe=stated, starts_from=None, judge=None, trained_on=None, leaves_out=None)
    ) == cell_key(identity())


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"fold": 1},
        {"budget": "full"},
        {"budget": "1of20"},
        {"model_version": "2"},
        {"dataset_fingerprint": "2" * 64},
        {"recipe": PLAIN.model_copy(update={"precision": "fp32"})},
        {"recipe": PLAIN.model_copy(update={"batch_size": 31})},
        {"recipe": PLAIN.model_copy(update={"schedule": tb.Schedule(name="CosineAnnealingLR")})},
        {"recipe": PLAIN.model_copy(update={"augmentation": (tb.Transform(name="noise"),)})},
        {"recipe": PLAIN.model_copy(update={"mixup": 0.2})},
        {"recipe": PLAIN.model_copy(update={"gradient_accumulation": 2})},
        {"starts_from": "b" * 64},
        {"judge": Judge(model="other", model_version="1", recipe=PLAIN)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_whatever_is_asked_for_otherwise_is_another_cell(changes):
    assert cell_key(identity(**changes)) != cell_key(identity())


def test_neither_metrics_nor_hardware_are_part_of_an_identity():
    assert not {"metric_suite", "metrics", "hardware", "device", "threads"} & set(CellIdentity.model_fields)
