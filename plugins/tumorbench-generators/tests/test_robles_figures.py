"""The figures of the report robles on its cards: its table of the classifier that judges, and its autoencoder's losses."""

from __future__ import annotations

import pytest

from tumorbench_generators import cards
from tumorbench_generators.cards.autoencoders import ROBLES_CVAE, ROBLES_CVAE_TRANSFER, ROBLES_DEEP_CVAE
from tumorbench_generators.cards.gans import ROBLES_WCGAN_GP

JUDGED = (ROBLES_WCGAN_GP, ROBLES_CVAE, ROBLES_DEEP_CVAE, ROBLES_CVAE_TRANSFER)
TEST, TRAIN = (
    {"real": 327, "generated": 327, "mixed": 327},
    {"real": 2937, "generated": 2937, "mixed": 5874},
)  # images; a mix is as many of either


def figures(card, start="tstr_"):
    return {
        (figure.metric.removeprefix("tstr_"), figure.part): figure.value
        for figure in card.paper.reported
        if figure.metric.startswith(start)
    }


@pytest.mark.parametrize(
    ("card", "generated", "mixed"),  # accuracy in test, accuracy in training, macro F1 in test
    [
        (ROBLES_WCGAN_GP, (0.446483, 0.986721, 0.407214), (0.935780, 0.979571, 0.93953)),
        (ROBLES_CVAE, (0.522936, 0.979911, 0.499308), (0.949974, 0.989713, 0.950317)),
        (ROBLES_DEEP_CVAE, (0.535168, 0.934968, 0.516590), (0.920489, 0.930031, 0.926584)),
        (ROBLES_CVAE_TRANSFER, (0.437309, 0.805924, 0.384512), (0.93578, 0.913006, 0.938577)),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_a_generator_carries_the_reports_table_of_the_classifier_that_judges_it(card, generated, mixed):
    rows = {"real": (0.963303, 0.993531, 0.966452), "generated": generated, "mixed": mixed}
    expected = {
        (f"{arm}{column}", "test"): value
        for arm, row in rows.items()
        for column, value in zip(("", "_train", "_f1_macro"), row, strict=True)
    }
    assert figures(card) == expected


@pytest.mark.parametrize("card", JUDGED, ids=lambda card: card.id)
def test_a_reported_accuracy_is_of_a_whole_number_of_images(card):
    """Which tells its rows and columns apart; but for two of the CVAE's, of which the card says so."""
    counts = {arm: TEST[arm] for arm in TEST} | {f"{arm}_train": TRAIN[arm] for arm in TRAIN}
    shares = {name: figures(card)[name, "test"] * count for name, count in counts.items()}
    odd = {name for name, images in shares.items() if abs(images - round(images)) > 0.004}
    assert odd == ({"mixed", "mixed_train"} if card is ROBLES_CVAE else set())


def test_the_cvae_carries_the_losses_of_either_part_and_no_other_generator_has_any():
    assert figures(ROBLES_CVAE, ("kl", "reconstruction")) == {
        ("kl", "test"): 59.63, ("kl", "val"): 57.63, ("reconstruction", "test"): 5990.6, ("reconstruction", "val"): 6035.97,
    }  # fmt: skip
    assert {card.id for card in cards.ALL if card.paper.reported} == {card.id for card in JUDGED}
    assert {card.id: len(card.paper.reported) for card in JUDGED if card is not ROBLES_CVAE} == dict.fromkeys(
        ("robles-wcgan-gp", "robles-deep-cvae", "robles-cvae-transfer"), 9
    )


@pytest.mark.parametrize("card", JUDGED, ids=lambda card: card.id)
def test_every_figure_is_of_the_data_set_that_the_report_split_and_says_why_ours_may_differ(card):
    assert [(figure.dataset, bool(figure.difference)) for figure in card.paper.reported] == [
        ("kaggle3264", True)
    ] * len(card.paper.reported)
    assert all(
        "robles-baseline" in figure.difference for figure in card.paper.reported if figure.metric.startswith("tstr_")
    )
    rule = card.paper.splits["kaggle3264"]
    assert (rule.kind, rule.test, rule.val) == ("sizes", 327, 0.0)
