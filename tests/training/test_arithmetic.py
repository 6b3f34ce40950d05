"""Layouts, and layers that a CPU computes in another way, change how fast a network is and not what it is."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import tumorbench as tb
from tumorbench import hardware
from tumorbench.training import autocast
from tumorbench.training.arithmetic import arranged, repeatable

PROBLEM = tb.Problem("classification", ("a", "b", "c"), 3, 16)


class Small(tb.Classifier):
    """A convolution, a depthwise one with batch norm, dropout, and a dense layer on what ``flat`` gives."""

    def __init__(self, flat=lambda images: images.flatten(1), rate: float = 0.0):
        super().__init__(PROBLEM)
        self.first, self.depthwise = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.norm, self.dropout, self.last = nn.BatchNorm2d(8), nn.Dropout(rate), nn.Linear(8 * 16 * 16, 3)
        self.flat, self.seen = flat, {}

    def forward(self, images):
        first = self.first(images)
        self.seen["layout"] = first.is_contiguous(memory_format=torch.channels_last)
        found = self.norm(self.depthwise(first))
        self.seen["dtype"] = found.dtype
        return self.last(self.dropout(self.flat(found)))


def made(**options) -> Small:
    torch.manual_seed(0)
    return Small(**options)


def gradients(network, precision: str) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    with autocast("cpu", precision):
        loss = nn.functional.cross_entropy(network(torch.randn(4, 3, 16, 16)).float(), torch.tensor([0, 1, 2, 0]))
    loss.backward()
    return {name: parameter.grad for name, parameter in network.named_parameters()}


def test_images_lie_channels_last_and_the_weights_are_what_they_were():
    network = made()
    before = copy.deepcopy(network.state_dict())
    found = arranged(network, "cpu", "fp32")
    assert list(found.state_dict()) == list(before)
    assert all(torch.equal(found.state_dict()[name], tensor) for name, tensor in before.items())
    assert found.training
    found(torch.zeros(1, 3, 16, 16))
    assert found.seen["layout"]


def test_a_network_whose_code_cannot_take_channels_last_is_given_the_other_layout():
    network = arranged(made(flat=lambda images: images.view(len(images), -1)), "cpu", "fp32")
    network(torch.zeros(2, 3, 16, 16))
    assert not network.seen["layout"]


def test_any_other_fault_of_a_network_is_left_to_show_where_it_is_used():
    def fails(images):
        raise ZeroDivisionError("a fault")

    network = arranged(made(flat=fails), "cpu", "fp32")
    with pytest.raises(ZeroDivisionError, match="a fault"):
        network(torch.zeros(2, 3, 16, 16))


def test_arranging_draws_no_random_number():
    class Noisy(Small):
        def forward(self, images):
            return super().forward(images) + torch.randn(1)

    torch.manual_seed(3)
    expected = torch.rand(2)
    network = Noisy()
    torch.manual_seed(3)
    arranged(network, "cpu", "fp32")
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-5), ("bf16", 0.1)])
def test_an_arranged_network_has_the_gradients_of_the_plain_one(precision, tolerance):
    plain, found = gradients(made(), "fp32"), gradients(arranged(made(), "cpu", precision), precision)
    for name in ("first.weight", "depthwise.weight", "last.weight"):  # a bias before a norm has none but rounding
        assert (plain[name] - found[name]).norm() <= tolerance * plain[name].norm(), name


def test_in_bf16_a_depthwise_convolution_has_a_backward_pass_of_its_own_and_computes_in_bf16():
    network = arranged(made(), "cpu", "bf16")
    names = {}
    for name in ("first", "depthwise"):
        getattr(network, name).register_forward_hook(
            lambda module, given, output, name=name: names.update({name: output.grad_fn.name()})
        )
    with autocast("cpu", "bf16"):
        network(torch.zeros(2, 3, 16, 16))
    assert names == {"first": "ConvolutionBackward0", "depthwise": "DepthwiseConvolutionBackward"}
    assert network.seen["dtype"] == torch.bfloat16


def test_in_float32_a_depthwise_convolution_is_left_alone():
    assert type(arranged(made(), "cpu", "fp32").depthwise) is nn.Conv2d


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_dropout_drops_its_share_scales_the_rest_and_passes_the_same_mask_back(rate, layout):
    dropout = arranged(made(rate=rate), "cpu", "fp32").dropout
    images = torch.ones(8, 5, 40, 41).contiguous(memory_format=layout).requires_grad_()
    torch.manual_seed(0)
    found = dropout(images)
    assert (found == 0).float().mean().item() == pytest.approx(rate, abs=0.01)
    assert found.max().item() == pytest.approx(1 / (1 - rate), rel=1e-3)
    assert found.mean().item() == pytest.approx(1, abs=0.02)
    found.sum().backward()
    assert torch.equal(images.grad, found.detach())
    torch.manual_seed(0)
    assert torch.equal(dropout(images), found)
    assert torch.equal(dropout.eval()(images), images)


def test_dropout_of_everything_and_of_nothing_are_torch_s():
    for rate, expected in ((0.0, 1.0), (1.0, 0.0)):
        assert arranged(made(rate=rate), "cpu", "fp32").dropout(torch.ones(4)).mean() == expected


KINDS = {  # what /proc/cpuinfo says of a kind of processor -> the precision that ``auto`` is there
    "AVX2": ("fpu avx2 fma", "fp32"),
    "AVX-512 without bf16": ("avx2 avx512f avx512_vnni", "fp32"),
    "AVX-512 with bf16": ("avx2 avx512f avx512_bf16", "bf16"),
    "AMX": ("avx512_bf16 amx_bf16 amx_tile", "bf16"),
    "Arm without bf16": ("fp asimd", "fp32"),
    "Arm with bf16": ("fp asimd bf16", "bf16"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_precision_of_auto_is_a_stated_rule_for_each_kind_of_processor(kind, monkeypatch):
    flags, expected = KINDS[kind]
    monkeypatch.setattr(hardware, "_cpu_fields", lambda: {"flags": flags})
    assert hardware.resolve_precision("auto", "cpu") == expected
    assert hardware.resolve_precision("fp32", "cpu") == "fp32"


def test_pooling_to_one_place_repeats_on_cuda_as_a_mean_of_the_same_value():
    network, images = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1)), torch.rand(2, 3, 9, 9)
    expected = network(images)
    repeatable(network)
    assert torch.allclose(network(images), expected)


def test_layers_that_cannot_repeat_on_cuda_are_named_before_training():
    network = nn.Sequential()
    network.add_module("pad", nn.ReflectionPad2d(1))
    network.add_module("pool", nn.AdaptiveAvgPool2d(2))
    network.add_module("up", nn.Upsample(scale_factor=2, mode="bicubic"))
    with pytest.raises(tb.BadInput, match=r"gradient of pad, pool, up has no deterministic form; leave out --determin"):
        repeatable(network)
