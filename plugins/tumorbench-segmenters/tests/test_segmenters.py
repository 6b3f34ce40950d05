from __future__ import annotations

import pytest
import torch

import tumorbench as tb
from tumorbench.parameters import count_network
from tumorbench.testing import plugin_contract
from tumorbench_segmenters.cards import POSE_UNET
from tumorbench_segmenters.pose_unet import PoseUNet

test_contract = plugin_contract("tumorbench_segmenters")


def test_pose_unet_s_blocks_have_the_parameters_of_its_table():
    with torch.device("meta"):
        network = PoseUNet(POSE_UNET.parameters.problem)
    counts = [count_network(block)["total"] for block in (*network.encoder, *network.decoder, network.head)]
    assert counts == [9_696, 55_680, 221_952, 886_272, 3_542_016, 2_949_888, 737_664, 184_512, 46_176, 9_314]


def test_what_does_not_train_in_pose_unet_is_five_norms_running_statistics():
    assert POSE_UNET.parameters.total - POSE_UNET.parameters.trainable == 2 * (32 + 64 + 128 + 256 + 512)


def test_pose_unet_with_three_kinds_of_tumour_gives_four_logits_a_pixel():
    problem = tb.Problem("segmentation", ("a", "b", "c"), 1, 32, ("a", "b", "c"))
    assert PoseUNet(problem)(torch.zeros(2, 1, 32, 32)).shape == (2, 4, 32, 32)


def test_pose_unet_refuses_a_side_that_four_pools_do_not_halve():
    with pytest.raises(tb.BadInput, match="multiple of 16, not 40"):
        PoseUNet(tb.Problem("segmentation", ("a", "b"), 1, 40, ("tumour",)))
