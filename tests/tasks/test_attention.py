"""Grad-CAM against maps worked out by hand, and which layer it looks at."""

import doctest
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

import tumorbench as tb
from tumorbench.tasks import attention

PROBLEM = tb.Problem("classification", ("no", "yes"), 1, 6)


class OneConvolution(nn.Module):
    """Two 1x1 feature maps, A0 = image and A1 = -2 image, their means, and a linear layer: logits = W means."""

    def __init__(self, weights=((1.0, 0.5), (-3.0, -1.0))):
        super().__init__()
        self.features = nn.Conv2d(1, 2, 1, bias=False)
        self.head = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.features.weight.copy_(torch.tensor([1.0, -2.0]).view(2, 1, 1, 1))
            self.head.weight.copy_(torch.tensor(weights))

    def forward(self, images):
        return self.head(self.features(images).mean((2, 3)))


@pytest.fixture(autouse=True)
def _same_weights_each_time():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        yield


def convolutions(channels=3):
    return nn.Sequential(
        OrderedDict(
            first=nn.Conv2d(1, 4, 3, padding=1),
            pool=nn.MaxPool2d(2),
            last=nn.Conv2d(4, channels, 3, padding=1),
            norm=nn.BatchNorm2d(channels),
            relu=nn.ReLU(inplace=True),
            down=nn.MaxPool2d(3),
            flat=nn.Flatten(),
            head=nn.Linear(channels, 2),
        )
    )


def images_of(n=3, size=6, seed=0):
    return torch.randn((n, 1, size, size), generator=torch.Generator().manual_seed(seed))


def name_of(network, layer):
    return next(name for name, module in network.named_modules() if module is layer)


def test_a_map_is_the_weighted_sum_of_the_feature_maps_cut_at_zero():
    # d logit / d A_k averaged over the 36 places is W[target, k] / 36, so the map is ReLU((W0 - 2 W1) image) / 36.
    network, images = OneConvolution(((1.0, 0.2), (-3.0, -1.0))), images_of()
    maps = attention.grad_cam(network, images, np.array([0, 1, 0]), network.features)
    factors = torch.tensor([1 - 0.4, -3 + 2, 1 - 0.4]).view(3, 1, 1)
    np.testing.assert_allclose(maps, (factors * images[:, 0]).relu().numpy() / 36, atol=1e-7)
    assert maps.dtype == np.float32


def test_a_map_differs_between_classes():
    network, images = OneConvolution(((1.0, 0.0), (-1.0, 0.0))), images_of(1)
    yes, no = (attention.grad_cam(network, images, torch.tensor([target]), network.features)[0] for target in (0, 1))
    assert ((yes > 0) == (images[0, 0].numpy() > 0)).all()
    assert ((no > 0) == (images[0, 0].numpy() < 0)).all()


def test_a_small_map_is_enlarged_bilinearly():
    network = nn.Sequential(
        nn.Conv2d(1, 1, 2, stride=2, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2, bias=False)
    )
    with torch.no_grad():
        network[0].weight.fill_(0.25)
        network[3].weight.copy_(torch.tensor([[4.0], [-1.0]]))
    image = (
        torch.tensor([[0.0, 4.0]]).repeat_interleave(2, 0).repeat_interleave(2, 1).repeat(2, 1)
    )  # 4 x 4: left 0, right 4
    map_ = attention.grad_cam(network, image[None, None], [0], network[0])[0]
    np.testing.assert_allclose(
        map_, np.tile([0.0, 1.0, 3.0, 4.0], (4, 1)), atol=1e-6
    )  # the 2 x 2 map is 0 and 4: alpha is 4 / 4 places


def test_evidence_against_the_class_alone_leaves_an_empty_map():
    network = OneConvolution(((1.0, 0.5), (-3.0, -1.0)))  # 1 - 2 * 0.5 = 0
    assert attention.grad_cam(network, images_of(1), [0], network.features).max() == 0


def test_each_map_depends_on_its_image_alone():
    network, images, targets = convolutions(), images_of(5), np.array([0, 1, 1, 0, 1])
    layer = attention.feature_layer(network, images)
    network.train()  # statistics of the batch would mix the images
    together = attention.grad_cam(network, images, targets, layer)
    alone = np.concatenate(
        [attention.grad_cam(network, images[[index]], targets[[index]], layer) for index in range(5)]
    )
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert together.max() > 0


def test_neither_hooks_nor_gradients_nor_statistics_stay():
    network, images = convolutions(), images_of()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    layer = attention.feature_layer(network, images)
    attention.grad_cam(network, images, [0, 0, 1], layer)
    assert not any(
        module._forward_hooks or module._forward_pre_hooks or module._backward_hooks for module in network.modules()
    )
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not images.requires_grad
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_hooks_are_gone_when_the_network_fails():
    network = convolutions()
    with pytest.raises(RuntimeError):
        attention.feature_layer(network, torch.zeros(1, 7, 6, 6))
    assert not any(module._forward_hooks for module in network.modules())


def test_a_frozen_backbone_has_the_map_of_the_same_network_unfrozen():
    backbone = convolutions()
    head, whole = backbone[-1], tb.TransferClassifier(PROBLEM, backbone[:-1], backbone[-1])
    images, targets = images_of(), [1, 0, 1]
    layer = attention.feature_layer(whole, images)
    assert layer is backbone.relu
    frozen = attention.grad_cam(whole, images, targets, layer)
    head.requires_grad_(requires_grad=False)
    assert not any(parameter.requires_grad for parameter in whole.parameters())
    np.testing.assert_array_equal(frozen, attention.grad_cam(whole, images, targets, layer))
    np.testing.assert_array_equal(frozen, attention.grad_cam(backbone.requires_grad_(), images, targets, layer))
    assert frozen.max() > 0


def test_maps_are_computed_in_inference_mode_and_under_autocast_all_the_same():
    network, images = convolutions(), images_of()
    expected = attention.grad_cam(network, images, [0, 1, 1], network.relu)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        made = attention.grad_cam(
            network, images.clone(), torch.tensor([0, 1, 1]), attention.feature_layer(network, images)
        )
    np.testing.assert_array_equal(made, expected)


def test_the_layer_is_the_last_feature_map_before_it_is_pooled():
    network = convolutions()
    assert name_of(network, attention.feature_layer(network, images_of(1))) == "relu"
    network = OneConvolution()
    assert name_of(network, attention.feature_layer(network, images_of(1))) == "features"


def test_convolutions_on_pooled_vectors_are_passed_over():
    squeeze = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.Flatten(), nn.Linear(4, 2))
    network = nn.Sequential(nn.Conv2d(1, 4, 3), squeeze)
    assert attention.feature_layer(network, images_of(1)) is network[0]


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(1, 3, 1)

    def forward(self, images):
        return torch.cat([self.left(images), self.right(images)], 1)


def test_branches_are_looked_at_together():
    network = nn.Sequential(Branches(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 2))
    assert attention.feature_layer(network, images_of(1)) is network[0]


def test_a_module_that_is_called_twice_is_not_the_layer():
    relu = nn.ReLU(inplace=True)
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3), relu, nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), relu, nn.Flatten(), nn.Linear(32, 2)
    )
    assert attention.feature_layer(network, images_of(1)) is network[3]


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(1, 8, 2, stride=2)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.head = nn.Linear(8, 2)

    def forward(self, images):
        return self.head(self.block(self.patches(images).flatten(2).transpose(1, 2)).mean(1))


class ChannelsLast(nn.Module):
    """As in Swin: (batch, height, width, channels) behind the patches."""

    def __init__(self):
        super().__init__()
        self.patches, self.mix, self.head = nn.Conv2d(1, 8, 2, stride=2), nn.Linear(8, 8), nn.Linear(8, 2)

    def forward(self, images):
        return self.head(self.mix(self.patches(images).permute(0, 2, 3, 1)).mean((1, 2)))


class Fused(nn.Module):
    """Attention that uses its weights without calling the modules that hold them, behind the patches."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(8, 8)

    def forward(self, patches):
        return nn.functional.linear(patches.permute(0, 2, 3, 1), self.mix.weight)


class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Sequential(nn.Conv2d(1, 8, 2, stride=2), Fused()), nn.Linear(8, 2)

    def forward(self, images):
        return self.head(self.body(images).mean((1, 2)))


@pytest.mark.parametrize(
    "network",
    [Tokens(), Pooled(), ChannelsLast(), nn.Sequential(nn.Flatten(), nn.Linear(36, 2))],
    ids=["tokens", "fused", "channels-last", "perceptron"],
)
def test_without_a_feature_map_that_decides_there_is_none(network):
    assert attention.feature_layer(network, images_of(1)) is None


def test_shares_of_a_map_worked_out_by_hand():
    maps = np.array([[[3, 1], [0, 0]], [[0, 2], [2, 4]], [[0, 0], [0, 0]], [[1, 1], [1, 1]]], np.float32)
    masks = np.array([[[1, 0], [0, 0]], [[2, 2], [0, 1]], [[1, 1], [0, 0]], [[0, 0], [0, 0]]], np.uint8)
    inside, chance = attention.cam_shares(maps, masks)
    np.testing.assert_array_equal(inside, [0.75, 0.75, np.nan, np.nan])
    np.testing.assert_array_equal(chance, [0.25, 0.75, 0.5, 0])
    assert inside.dtype == chance.dtype == np.float64


def test_a_map_without_preference_has_the_share_of_chance():
    masks = np.random.default_rng(0).integers(0, 2, (4, 9, 9))
    inside, chance = attention.cam_shares(np.full((4, 9, 9), 0.1, np.float32), masks)
    np.testing.assert_allclose(inside, chance)


def test_maps_and_masks_of_differing_sizes_are_refused():
    with pytest.raises(ValueError, match="masks"):
        attention.cam_shares(np.ones((1, 4, 4), np.float32), np.ones((1, 8, 8), np.uint8))


def test_the_example_in_the_docstring_holds():
    found = doctest.testmod(attention)
    assert (found.failed, found.attempted) == (0, 1)
