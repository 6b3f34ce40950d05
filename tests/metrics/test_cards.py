"""The cards of the built-in metrics, and the documentation of the functions behind them."""

import doctest
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest

from tumorbench.metrics.builtin import tumorbench_metrics

CARDS = {card.id: card for card in tumorbench_metrics()}
MODULES = (
    "agreement",
    "attention",
    "calibration",
    "classification",
    "discrimination",
    "diversity",
    "features",
    "frechet",
    "generation",
    "intensity",
    "leakage",
    "lesions",
    "manifold",
    "memorisation",
    "patients",
    "segmentation",
    "surfaces",
    "uncertainty",
)
DESIGNED = (
    "accuracy balanced_accuracy f1_macro f1_micro f1_weighted cross_entropy iou dice pixel_accuracy keras_meaniou_bug "
    "fid kid inception_score ks_d wasserstein_1"
)
GENERATED = (
    "fid_infinity density coverage manifold_precision manifold_recall ks_d_foreground wasserstein_1_foreground "
    "ks_d_image_mean diversity"
)
EXPLAINED = "ece ece_scaled cross_entropy_scaled cam_in_mask"
BOARDS = "auroc average_precision mcc cohen_kappa hd95 hd95_mm surface_distance lesion_precision lesion_recall"


def function_of(card):
    module, _, name = card.factory.partition(":")
    return getattr(import_module(module), name)


def example_of(card):
    """Arguments on which every metric of the card's kind is defined."""
    from tumorbench.metrics.features import Features

    rng = np.random.default_rng(0)
    if card.task == "classification":
        labels, probabilities = np.arange(30) % 3, rng.dirichlet(np.ones(3), 30)
        predicted = (labels, probabilities, ("a", "b", "c"))
        needed = {
            **dict.fromkeys(("predictions", "clean", "leaked"), predicted),
            "calibration": (labels, probabilities, 2.0),
            "attention": rng.random((2, 30)),
            "patients": (labels, probabilities, np.array([f"p{number // 6}" for number in range(30)])),
        }
        return needed[card.needs]
    if card.task == "segmentation":
        confusions = rng.integers(1, 50, (4, 3, 3))
        confusions[0, 1:], confusions[1, 0, 0] = 0, 500_000  # no lesion; a small one
        outlines = {"surfaces": (rng.random((4, 2)), np.full(4, 0.5)), "lesions": (np.array([[2, 3, 1]] * 4),)}
        return outlines.get(card.needs, (confusions, ("a", "b")))
    if card.needs_extractor or card.needs == "memory":
        sets = 3 if card.needs == "memory" else 2
        return [
            Features(rng.normal(size=(200, 4)).astype(np.float32), rng.normal(size=(200, 5)).astype(np.float32), "raw")
            for _ in range(sets)
        ]
    return rng.integers(0, 256, (2, 3, 8, 8), dtype=np.uint8)  # real, generated


def test_every_metric_of_the_design_has_a_card():
    assert set(DESIGNED.split()) | set(EXPLAINED.split()) | set(GENERATED.split()) | set(BOARDS.split()) <= set(CARDS)


def test_ids_are_unique():
    assert len(CARDS) == len(list(tumorbench_metrics()))


def test_one_metric_a_task_ranks_and_of_generators_their_variety_too():
    assert [(card.task, card.id) for card in CARDS.values() if card.ranks] == [
        ("classification", "balanced_accuracy"),
        ("segmentation", "dice"),
        ("generation", "kid"),
        ("generation", "coverage"),
    ]


def test_listing_the_cards_imports_nothing_heavy():
    program = (
        "import sys; from tumorbench.metrics.builtin import tumorbench_metrics; list(tumorbench_metrics());"
        "print({'torch', 'sklearn', 'numpy', 'scipy'} & set(sys.modules))"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
        == "set()"
    )


def test_metrics_of_classification_and_segmentation_load_no_torch():
    factories = [card.factory.partition(":")[0] for card in CARDS.values() if card.task != "generation"]
    program = f"import sys, importlib; [importlib.import_module(m) for m in {factories}]; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (len(factories) > 20, found.stdout.strip()) == (True, "False")


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_values_are_named_after_the_card_and_in_its_range(card):
    values = function_of(card)(*example_of(card))
    low, high = card.value_range
    assert values
    assert {name.partition("/")[0] for name in values} == {card.id}
    assert all(type(value) is float and low <= value <= high for value in values.values())


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_the_docstring_says_direction_and_what_is_undefined(card):
    text = function_of(card).__doc__
    direction = {True: "Higher is better", False: "Lower is better", None: "neither direction is better"}[
        card.higher_is_better
    ]
    assert direction in text
    assert "None " in text or "undefined" in text


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_the_docstrings_hold(module):
    found = doctest.testmod(import_module(f"tumorbench.metrics.{module}"))
    assert found.failed == 0
    assert found.attempted > 0 or module == "features"
