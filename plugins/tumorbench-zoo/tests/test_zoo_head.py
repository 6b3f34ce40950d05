"""The head of a fine-tuned network starts near zero, so that the first steps do not undo its pretrained weights."""

from __future__ import annotations

import math

import torch

import tumorbench as tb
from tumorbench_zoo.classifier import TimmClassifier


def test_a_pretrained_network_begins_by_calling_every_class_equally_probable():
    torch.manual_seed(0)
    network = TimmClassifier(tb.Problem("classification", ("a", "b", "c", "d"), 3, 64), "resnet18")
    network.load_pretrained(network.network.state_dict())
    batch = tb.Batch(torch.randn(8, 3, 64, 64), torch.arange(8) % 4)
    ((_, loss),) = network.train().losses(batch)
    assert abs(loss.item() - math.log(4)) < 0.2
