"""The frozen backbones take timm's weights and never move."""

from __future__ import annotations

import pytest
import timm
import torch

import tumorbench as tb
from tumorbench.training.networks import build
from tumorbench_classifiers import cards

PROBLEM = tb.Problem("classification", ("a", "b", "c"), 3, 64)
TRANSFER = [cards.VILLEGAS_VGG16, cards.ROBLES_BASELINE]


@pytest.fixture(scope="module")
def baseline():
    torch.manual_seed(0)
    return build(cards.ROBLES_BASELINE, PROBLEM, cards.ROBLES_BASELINE.recipe)


@pytest.mark.parametrize("spec", TRANSFER, ids=lambda spec: spec.id)
def test_the_backbone_s_tensors_are_those_that_timm_s_weights_name(spec):
    timm_s = {"villegas-vgg16": "vgg16", "robles-baseline": "tf_efficientnet_lite0"}[spec.id]
    with torch.device("meta"):
        whole, backbone = (
            timm.create_model(timm_s).state_dict(),
            build(spec, PROBLEM, spec.recipe).backbone.state_dict(),
        )
    assert {name: tensor.shape for name, tensor in backbone.items()}.items() <= {
        name: tensor.shape for name, tensor in whole.items()
    }.items()
    assert {name.rsplit(".", 1)[0] for name in whole.keys() - backbone.keys()} in ({"head.fc"}, {"classifier"})


def test_training_moves_the_head_and_neither_weights_nor_statistics_of_the_backbone(baseline):
    before = {name: tensor.clone() for name, tensor in baseline.state_dict().items()}
    optimizer = baseline.optimizers(cards.ROBLES_BASELINE.recipe)["loss"]
    baseline.train()
    for _name, loss in baseline.losses(tb.Batch(torch.rand(4, 3, 64, 64), torch.tensor([0, 1, 2, 0]))):
        loss.backward()
        optimizer.step()
    assert {name for name, tensor in baseline.state_dict().items() if not torch.equal(tensor, before[name])} == {
        "head.1.weight",
        "head.1.bias",
    }


def test_logits_of_features_are_those_of_their_images(baseline):
    images = torch.rand(2, 3, 64, 64)
    baseline.eval()
    with torch.inference_mode():
        features = baseline.backbone(images)
        assert features.shape == (2, 1280)
        torch.testing.assert_close(baseline(features), baseline(images))


def test_pretrained_weights_reach_the_backbone_and_leave_the_head(baseline):
    torch.manual_seed(1)
    given, head = timm.create_model("tf_efficientnet_lite0").state_dict(), baseline.head[1].weight.clone()
    baseline.load_pretrained(given)
    assert all(torch.equal(tensor, given[name]) for name, tensor in baseline.backbone.state_dict().items())
    assert torch.equal(baseline.head[1].weight, head)


def test_weights_of_another_architecture_are_refused(baseline):
    with pytest.raises(tb.BadInput, match="conv_stem"):
        baseline.load_pretrained({"features.0.weight": torch.zeros(64, 3, 3, 3)})
