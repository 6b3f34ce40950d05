"""A depthwise convolution with a backward pass of its own is torch's convolution."""

from __future__ import annotations

import pytest
import torch
from timm.layers import Conv2dSame
from torch import nn

from tumorbench.training.depthwise import Depthwise, is_depthwise

SHAPES = {  # kernel, stride, padding, dilation, channels of output for each of input
    "3 x 3": (3, 1, 1, 1, 1),
    "3 x 3, stride 2": (3, 2, 1, 1, 1),
    "5 x 5": (5, 1, 2, 1, 1),
    "5 x 5, stride 2": (5, 2, 2, 1, 2),
    "7 x 7, dilated": (7, 1, 3, 2, 1),
    "4 x 7, strides 3 and 2": ((4, 7), (3, 2), (0, 3), (2, 1), 1),
    "1 x 1": (1, 1, 0, 1, 2),
}


def layer(kernel=3, stride=1, padding=1, dilation=1, multiple=1, kind=nn.Conv2d, bias=True):
    torch.manual_seed(0)
    return kind(4, 4 * multiple, kernel, stride, padding, dilation, groups=4, bias=bias).double()


def intercepted(plain: nn.Conv2d) -> nn.Conv2d:
    plain.__class__ = type("Changed", (Depthwise, type(plain)), {})
    return plain


def results(convolution: nn.Conv2d, images: torch.Tensor) -> list[torch.Tensor]:
    """The output and the gradients of the images and of every parameter."""
    images = images.clone().requires_grad_()
    output = convolution(images)
    (output * torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)).sum().backward()
    return [output.detach(), images.grad, *(parameter.grad for parameter in convolution.parameters())]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [(13, 14), (16, 15)])
def test_output_and_gradients_are_those_of_torch(shape, size):
    images = torch.randn(3, 4, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected, found = results(layer(*SHAPES[shape]), images), results(intercepted(layer(*SHAPES[shape])), images)
    for wanted, got in zip(expected, found, strict=True):
        assert torch.allclose(wanted, got, rtol=1e-12, atol=1e-12)


def test_a_layer_that_pads_by_its_input_is_intercepted_too():
    images = torch.randn(2, 4, 10, 11, dtype=torch.float64)
    plain = layer(5, 2, 0, kind=Conv2dSame)
    changed = intercepted(layer(5, 2, 0, kind=Conv2dSame))
    assert changed(images.requires_grad_()).grad_fn.name() == "DepthwiseConvolutionBackward"
    for wanted, got in zip(results(plain, images.detach()), results(changed, images.detach()), strict=True):
        assert torch.allclose(wanted, got, rtol=1e-12, atol=1e-12)


def test_it_is_differentiable_twice():
    changed = intercepted(layer(5, 2, 2, bias=False))
    images = torch.randn(1, 4, 6, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(changed, images)


def test_a_gradient_by_torch_func_is_the_same():
    changed = intercepted(layer(5))
    images = torch.randn(2, 4, 6, 6, dtype=torch.float64)
    found = torch.func.grad(lambda given: changed(given).square().sum())(images)
    images.requires_grad_()
    (expected,) = torch.autograd.grad(layer(5, 1, 1)(images).square().sum(), images)
    assert torch.allclose(found, expected)


def test_what_is_not_depthwise_within_the_layer_is_torch_s():
    class Two(nn.Conv2d):
        def forward(self, images):
            return super().forward(torch.conv2d(images, torch.ones(4, 4, 1, 1, dtype=images.dtype)))

    images = torch.randn(2, 4, 6, 6, dtype=torch.float64)
    assert torch.allclose(intercepted(layer(kind=Two))(images), layer(kind=Two)(images))


def test_only_layers_with_kernels_of_their_own_for_each_channel_are_depthwise():
    assert [is_depthwise(nn.Conv2d(4, 8, 3, groups=groups)) for groups in (1, 2, 4)] == [False, False, True]
    assert not is_depthwise(nn.Conv2d(1, 8, 3))
    assert not is_depthwise(nn.Linear(2, 2))
