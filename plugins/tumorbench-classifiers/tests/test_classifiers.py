from __future__ import annotations

import pytest
import torch

import tumorbench as tb
from tumorbench.testing import plugin_contract
from tumorbench_classifiers.cards import POSE_CNN
from tumorbench_classifiers.pose_cnn import PoseCNN

test_contract = plugin_contract("tumorbench_classifiers")


def test_pose_cnn_has_the_report_s_parameters_layer_by_layer():
    with torch.device("meta"):
        network = PoseCNN(POSE_CNN.parameters.problem)
    layers = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear)]
    assert [sum(weight.numel() for weight in layer.parameters()) for layer in layers] == [896, 18_496, 36_928, 73_856, 345_603]


def test_pose_cnn_refuses_an_image_that_its_pools_would_use_up():
    PoseCNN(tb.Problem("classification", ("a", "b"), 3, 46))
    with pytest.raises(tb.BadInput, match="at least 46 x 46"):
        PoseCNN(tb.Problem("classification", ("a", "b"), 3, 45))


def test_the_report_s_test_part_has_614_slices():
    assert sum(POSE_CNN.paper.splits["figshare3064"].test.values()) == 614
