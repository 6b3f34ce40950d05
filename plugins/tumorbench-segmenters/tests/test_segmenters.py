from __future__ import annotations

import pytest
import torch

import tumorbench as tb
from tumorbench.testing import plugin_contract
from tumorbench.training.networks import count_network
from tumorbench_segmenters.cards import POSE_UNET, POSE_UNET_JOINT
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


def test_the_joint_u_net_differs_from_pose_unet_in_its_last_convolution_alone():
    sizes = []
    for card in (POSE_UNET, POSE_UNET_JOINT):
        with torch.device("meta"):
            sizes.append(
                {name: weight.numel() for name, weight in PoseUNet(card.parameters.problem).named_parameters()}
            )
    two, four = sizes
    assert {name: four[name] - two[name] for name in two if four[name] != two[name]} == {
        "head.2.weight": 2 * 32,
        "head.2.bias": 2,
    }


def test_the_joint_u_net_learns_the_classes_of_its_data_set_and_is_split_as_pose_unet():
    assert (POSE_UNET.recipe.masks, POSE_UNET_JOINT.recipe.masks) == ("lesions", "classes")
    assert POSE_UNET_JOINT.paper.splits == POSE_UNET.paper.splits
    assert POSE_UNET_JOINT.paper.reported == ()


def test_pose_unet_s_reported_figures_are_of_the_parts_that_its_report_names():
    figures = {(figure.metric, figure.part): figure.value for figure in POSE_UNET.paper.reported}
    assert {key: value for key, value in figures.items() if not key[0].endswith("_s")} == {
        ("cross_entropy", "train"): 0.0056, ("keras_meaniou_bug", "train"): 0.4921, ("pixel_accuracy", "train"): 0.9977,
        ("cross_entropy", "val"): 0.0206, ("keras_meaniou_bug", "val"): 0.4923, ("pixel_accuracy", "val"): 0.9941,
    }  # fmt: skip
    assert (figures["train_s", "train"], figures["predict_one_s", "test"]) == (605.82, 0.063)


def test_pose_unet_refuses_a_side_that_four_pools_do_not_halve():
    with pytest.raises(tb.BadInput, match="multiple of 16, not 40"):
        PoseUNet(tb.Problem("segmentation", ("a", "b"), 1, 40, ("tumour",)))
