"""Depthwise convolutions whose backward pass a CPU computes well.

Measured (``docs/speed.md``): in bf16 oneDNN is fast for the forward pass and for kernels of 3 x 3 with a stride of 1.
It has no such kernels for the gradient of the images where the stride is larger, nor for the gradient of the weights of
a larger kernel: they take up to fifty times as long. So the first is computed as that of stride 1, with zeros at the
places that the stride left out, and the second for windows of 3 x 3 taps at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it
from torch.overrides import TorchFunctionMode

__all__ = ["Depthwise", "is_depthwise"]

Pair = tuple[int, int]
WINDOW = 3  # taps of a side, of the kernels whose gradient is fast
IMAGES, WEIGHT = [True, False, False], [False, True, False]  # which gradient ``convolution_backward`` is asked for


def is_depthwise(module: nn.Module) -> bool:
    """Whether each channel of its input has kernels of its own."""
    return isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1


class Depthwise:
    """Before a class of depthwise layers in its bases: what the layer does, by ``DepthwiseConvolution``."""

    def forward(self, images: Tensor) -> Tensor:
        """The output of the layer."""
        with _Intercepted():
            found: Tensor = super().forward(images)  # type: ignore[misc]
            return found


class _Intercepted(TorchFunctionMode):
    """Within, ``conv2d`` of depthwise kernels is a ``DepthwiseConvolution``, under autocast in its type."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        _types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is not torch.conv2d:
            return func(*args, **(kwargs or {}))
        return _convolved(*args, **(kwargs or {}))


def _convolved(
    input: Tensor,  # noqa: A002 - torch's name
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    if groups != input.shape[1] or input.ndim != 4 or isinstance(padding, str):  # noqa: PLR2004 - a batch of images
        return torch.conv2d(input, weight, bias, stride, padding, dilation, groups)
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
        input, weight = input.to(dtype), weight.to(dtype)  # noqa: A001
        bias = None if bias is None else bias.to(dtype)
    found: Tensor = DepthwiseConvolution.apply(input, weight, bias, _pair(stride), _pair(padding), _pair(dilation))
    return found


def _pair(size: int | Sequence[int]) -> Pair:
    return (size, size) if isinstance(size, int) else (size[0], size[-1])


class DepthwiseConvolution(torch.autograd.Function):
    """``conv2d`` of images ``(n, channels, height, width)``, each channel by itself; differentiable twice."""

    @staticmethod
    def forward(
        images: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair, dilation: Pair
    ) -> Tensor:
        return torch.conv2d(images, weight, bias, stride, padding, dilation, images.shape[1])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG004 - torch's signature
        images, weight, _, *ctx.shape = inputs
        ctx.save_for_backward(images, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        images, weight = ctx.saved_tensors
        of_images, of_weight, of_bias = ctx.needs_input_grad[:3]
        return (
            _of_images(gradient, images, weight, *ctx.shape) if of_images else None,
            _of_weight(gradient, images, weight, *ctx.shape) if of_weight else None,
            gradient.sum((0, 2, 3)) if of_bias else None,
            None,
            None,
            None,
        )


def _backward(
    gradient: Tensor, images: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair, wanted: list[bool]
) -> tuple[Tensor, Tensor, Tensor]:
    found: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
        gradient, images, weight, None, stride, padding, dilation, False, (0, 0), images.shape[1], wanted
    )
    return found


def _of_images(gradient: Tensor, images: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair) -> Tensor:
    if stride != (1, 1):
        gradient = _spread(gradient, images, weight, stride, padding, dilation)
    return _backward(gradient, images, weight, (1, 1), padding, dilation, IMAGES)[0]


def _spread(gradient: Tensor, images: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair) -> Tensor:
    """The gradient between the zeros of the places that the stride left out."""
    rows, columns = (
        images.shape[2 + side] + 2 * padding[side] - dilation[side] * (weight.shape[2 + side] - 1) for side in (0, 1)
    )
    shape = (*gradient.shape[:2], rows, columns)
    found = torch.empty(shape, dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last).zero_()
    found[:, :, :: stride[0], :: stride[1]] = gradient
    return found


def _of_weight(gradient: Tensor, images: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair) -> Tensor:
    """A large kernel's gradient is that of its windows of 3 x 3 taps, each of the images moved by where it begins."""
    rows, columns = weight.shape[2:]
    if max(rows, columns) <= WINDOW:
        return _backward(gradient, images, weight, stride, padding, dilation, WEIGHT)[1]
    gradient = gradient.contiguous(memory_format=torch.channels_last)
    padded = F.pad(images, (padding[1], padding[1], padding[0], padding[0]))
    found = torch.empty_like(weight)
    for top in _starts(rows):
        for left in _starts(columns):
            window = weight[:, :, top : top + WINDOW, left : left + WINDOW]
            seen = _seen(padded, gradient, (top, left), window.shape[2:], stride, dilation)
            found[:, :, top : top + WINDOW, left : left + WINDOW] = _backward(
                gradient, seen, window, stride, (0, 0), dilation, WEIGHT
            )[1]
    return found


def _starts(taps: int) -> list[int]:
    """Where windows begin that cover a side of the kernel; the last may overlap the one before.

    >>> _starts(7), _starts(5), _starts(2)
    ([0, 3, 4], [0, 2], [0])
    """
    return [0] if taps <= WINDOW else [*range(0, taps - WINDOW, WINDOW), taps - WINDOW]


def _seen(padded: Tensor, gradient: Tensor, begin: Pair, taps: Sequence[int], stride: Pair, dilation: Pair) -> Tensor:
    """The part of the padded images that the taps from ``begin`` on are multiplied with."""
    rows, columns = (
        slice(
            begin[side] * dilation[side],
            (begin[side] + taps[side] - 1) * dilation[side] + (gradient.shape[2 + side] - 1) * stride[side] + 1,
        )
        for side in (0, 1)
    )
    return padded[:, :, rows, columns].contiguous(memory_format=torch.channels_last)
