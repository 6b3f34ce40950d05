"""The two reference networks: what they compute, what they learn from, and the weights that they start from."""

from __future__ import annotations

import math

import pytest
import torch

import tumorbench as tb
from tumorbench.testing import plugin_contract
from tumorbench_reference.cards import ALL
from tumorbench_reference.classifier import ReferenceClassifier, attended, place_of
from tumorbench_reference.losses import lesion_loss, soft_dice_loss
from tumorbench_reference.segmenter import ReferenceSegmenter

test_contract = plugin_contract("tumorbench_reference")

LITE0 = "tf_efficientnet_lite0"
CLASSES = ("meningioma", "glioma", "pituitary")


def classifier(**changes: object) -> ReferenceClassifier:
    torch.manual_seed(0)
    params = {"architecture": LITE0, "attention": True, "mask_weight": 1.0, "dropout": 0.0} | changes
    return ReferenceClassifier(tb.Problem("classification", CLASSES, 3, 64), **params)


def batch(masks: bool = True) -> tb.Batch:
    rng = torch.Generator().manual_seed(1)
    found = torch.zeros(4, 64, 64, dtype=torch.int64)
    found[:, 16:32, 40:56] = 1
    return tb.Batch(torch.randn(4, 3, 64, 64, generator=rng), torch.arange(4) % 3, found if masks else None)


def test_soft_dice_of_hand_computed_shares():
    probabilities, truth = torch.tensor([1.0, 0.5, 0.0]), torch.tensor([1.0, 0.0, 0.0])
    assert soft_dice_loss(probabilities, truth).item() == pytest.approx(1 - (2 * 1 + 1) / (1.25 + 1 + 1))
    assert soft_dice_loss(truth, truth).item() == 0
    assert soft_dice_loss(torch.zeros(3), torch.zeros(3)).item() == 0


def test_a_lesion_that_is_found_costs_less_than_one_that_is_missed_or_imagined():
    truth = torch.zeros(1, 1, 8, 8)
    truth[..., 2:4, 2:4] = 1
    found, missed, imagined = (10 * sign for sign in (2 * truth - 1, -torch.ones_like(truth), torch.ones_like(truth)))
    assert lesion_loss(found, truth) < 0.01 < lesion_loss(missed, truth) < lesion_loss(imagined, truth)


def test_a_lesion_s_place_is_its_centre_its_extent_and_the_root_of_its_share():
    seen = torch.zeros(2, 1, 5, 5)
    seen[0, 0, 1, 3] = 1  # rows and columns from -1 to 1 in steps of a half
    seen[1, 0, :, 0] = 1
    (one, column) = place_of(seen)
    torch.testing.assert_close(one, torch.tensor([-0.5, 0.001, 0.5, 0.001, 0.2]), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        column, torch.tensor([0.0, math.sqrt(0.5), -1.0, 0.001, math.sqrt(0.2)]), atol=1e-4, rtol=0
    )


def test_attention_takes_the_features_where_the_lesion_is():
    features = torch.arange(4.0).view(1, 1, 2, 2)
    seen = torch.zeros(1, 1, 8, 8)
    seen[..., 5, 1] = 0.5  # in the lower left quarter
    assert attended(features, seen, 4).item() == pytest.approx(2.0)
    seen[..., 0, 7] = 0.5  # and as much in the upper right one
    assert attended(features, seen, 4).item() == pytest.approx(1.5)


def test_sides_that_no_power_of_two_divides_fit_each_other():
    with torch.device("meta"):
        network = ReferenceClassifier(tb.Problem("classification", CLASSES, 3, 100), LITE0, True, 1.0, 0.0)
        logits, lesion = network.classes_and_lesion(torch.zeros(2, 3, 100, 100))
    assert (logits.shape, lesion.shape) == ((2, 3), (2, 1, 25, 25))


def test_masks_add_the_lesion_s_loss_and_without_them_the_classes_alone_count():
    network = classifier().eval()
    ((_, plain),) = network.losses(batch(masks=False))
    ((_, supervised),) = network.losses(batch())
    own = network.observed
    assert supervised.item() == pytest.approx((own["classes_loss"] + own["lesion_loss"]).item(), rel=1e-5)
    assert plain.item() == pytest.approx(own["classes_loss"].item(), rel=1e-5)
    assert own["lesion_loss"] > 0.1


def test_masks_of_mixed_images_are_mixed_by_the_same_share():
    network, shown = classifier().eval(), batch()
    nothing = torch.zeros_like(shown.masks)
    share = torch.full((4,), 0.6)
    mixed = tb.Batch(shown.images, shown.labels, shown.masks, tb.Mixed(share, shown.labels, nothing))
    list(network.losses(mixed))
    _, lesion = network.classes_and_lesion(shown.images)
    target = torch.zeros(4, 1, 16, 16)
    target[:, :, 4:8, 10:14] = 0.6
    assert network.observed["lesion_loss"].item() == pytest.approx(lesion_loss(lesion, target).item(), rel=1e-5)


def test_a_few_steps_find_the_lesion():
    """On noise with one bright square, whose mask is learned."""
    network, shown = classifier(), batch()
    shown.images[:, :, 16:32, 40:56] += 3
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    for _ in range(16):
        ((_, loss),) = network.losses(shown)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    _, lesion = network.classes_and_lesion(shown.images)
    inside = torch.zeros(16, 16, dtype=torch.bool)
    inside[4:8, 10:14] = True
    seen = lesion.sigmoid()[:, 0]
    assert seen[:, inside].mean() > 2 * seen[:, ~inside].mean()


def test_the_segmenter_s_loss_is_cross_entropy_beside_dice_and_its_logits_have_the_images_size():
    problem = tb.Problem("segmentation", CLASSES, 3, 72, ("tumour",))
    network = ReferenceSegmenter(problem, LITE0, dice_weight=0.5, squeeze=False).eval()
    images, masks = torch.randn(2, 3, 72, 72), torch.zeros(2, 72, 72, dtype=torch.int64)
    masks[:, 8:24, 8:24] = 1
    logits = network(images)
    ((_, loss),) = network.losses(tb.Batch(images, torch.zeros(2, dtype=torch.int64), masks))
    pixels = torch.nn.functional.cross_entropy(logits, masks)
    dice = soft_dice_loss(logits.softmax(1)[:, 1], (masks == 1).float())
    assert logits.shape == (2, 2, 72, 72)
    assert loss.item() == pytest.approx((pixels + 0.5 * dice).item(), rel=1e-4)


@pytest.mark.parametrize("card", ALL, ids=lambda card: card.id)
def test_every_card_starts_from_weights_that_come_with_the_installation(card):
    from tumorbench import registry
    from tumorbench.training.networks import build, problem_for
    from tumorbench.training.pretrained import weights

    given = weights(card.recipe.pretrained, {}, registry.find())
    network = build(card, problem_for(card, None, card.recipe), card.recipe)
    network.load_pretrained(given)
    stem = next(tensor for name, tensor in network.state_dict().items() if name.endswith("conv_stem.weight"))
    assert torch.equal(stem, given["conv_stem.weight"])


def test_the_cards_differ_in_backbone_and_size_alone():
    for kind in ("reference-classifier", "reference-segmenter"):
        cards = [card for card in ALL if card.id.startswith(kind)]
        same = [
            card.recipe.model_copy(
                update={
                    "pretrained": None,
                    "params": {**card.recipe.params, "architecture": ""},
                    "preprocessing": card.recipe.preprocessing.model_copy(update={"size": 224}),
                }
            )
            for card in cards
        ]
        assert len(cards) == 3
        assert same[0] == same[1] == same[2]
        assert [card.in_all for card in cards] == ["real", "never", "never"]
