"""Whether a network works at a size, found out without a weight: it is built and run on torch's meta device."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it
from torch.overrides import TorchFunctionMode

from tumorbench import BadInput
from tumorbench_zoo.cards import Sizes

__all__ = ["Misfit", "NumbersOnCpu", "fitting_sizes", "one_line", "shape_at", "shapes_only"]

CANDIDATES = (96, 112, 126, 128, 144, 160, 192, 224, 256, 288, 320, 384, 448, 512)  # pixels a side

FILLING = ("normal_", "uniform_", "trunc_normal_", "erfinv_", "mul_", "add_", "clamp_", "fill_", "zero_")
SAME_SHAPE = (  # out as in
    *(F.relu, F.relu6, F.silu, F.gelu, F.hardswish, F.hardsigmoid, F.hardtanh, F.leaky_relu, F.elu, F.mish),
    *(F.dropout, F.softmax, F.group_norm),
)


class Misfit(BadInput):
    """The network cannot be built, or takes images of no size that was tried."""


@contextmanager
def shapes_only() -> Iterator[None]:
    """Tensors that are made here have a shape and nothing else, and what runs here computes shapes."""
    with torch.device("meta"), _Shapes(), NumbersOnCpu(), torch.no_grad(), warnings.catch_warnings(action="ignore"):
        yield


def fitting_sizes(
    name: str,
    make: Callable[[int], nn.Module],
    logits: Callable[[int], tuple[int, ...]],
    preferred: Sizes,
    config: Any,
    step: int = 1,
) -> Sizes:
    """The sizes of a card: the least that the network works at of those from the preferred ones on, full and quick.

    name: of the network, for the error. make: the network for images of that size. logits: their shape for one image of
    that size. config: what timm says of the network or of its encoder, None where it is not timm's: one whose size is
    fixed is tried at that size only, one that has a least size from there on. step: of which all other sizes are
    multiples. Raises: Misfit.
    """
    fixed, least = (config.input_size[1:] if config and config.fixed_input_size else ()), 0
    if config and config.min_input_size:
        least = max(config.min_input_size[1:])
    native = max(config.input_size[1:]) if config else 0
    free = sorted({size for size in (*CANDIDATES, native, least) if size >= least and not size % step})
    candidates = fixed or free or (native,)
    network = _made(name, make, next((each for each in candidates if each >= preferred.full), candidates[-1]))
    full = _first(
        name, network, logits, [each for each in candidates if each >= preferred.full or fixed], training=False
    )
    smaller = [each for each in candidates if preferred.quick <= each < full]
    quick = _first(name, network, logits, [*smaller, full], training=True)
    return Sizes(full, quick)


def _made(name: str, make: Callable[[int], nn.Module], size: int) -> nn.Module:
    try:
        with shapes_only():
            return make(size)
    except Misfit:
        raise
    except Exception as error:
        raise Misfit(f"{name} cannot be built ({one_line(error)})") from error


def _first(
    name: str, network: nn.Module, logits: Callable[[int], tuple[int, ...]], sizes: Sequence[int], *, training: bool
) -> int:
    """The first of ``sizes`` that the network works at. Raises: Misfit, with what it says to the last."""
    said = ""
    for size in sizes:
        try:
            shape = shape_at(network, size, training=training)
        except Misfit as misfit:
            said = str(misfit)
            continue
        if shape == logits(size):
            return size
        raise Misfit(f"{name} gives {shape} for an image of {size} x {size}, and not logits {logits(size)}")
    tried = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    raise Misfit(f"{name} does not work with square images of {tried} pixels a side ({said})")


def shape_at(network: nn.Module, size: int, *, training: bool) -> tuple[int, ...] | str:
    """The shape of what ``network``, made under ``shapes_only``, gives for a square image; a type's name if no tensor.

    In training it is given two images, else one alone. Raises: Misfit where it does not take them.
    """
    try:
        with shapes_only():
            given = network.train(training)(torch.empty(2 if training else 1, 3, size, size))
    except Exception as error:
        raise Misfit(one_line(error)) from error
    return tuple(given.shape[1:]) if isinstance(given, Tensor) else f"a {type(given).__name__}"


def one_line(error: Exception) -> str:
    """What the error says, or its type where it says nothing."""
    return " ".join(str(error).split())[:120] or f"{type(error).__name__} without a text"


class NumbersOnCpu(TorchFunctionMode):
    """``linspace`` gives real numbers also where tensors are made without memory: drop rates are read from it."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        return func(*args, **{**named, "device": "cpu"} if func is torch.linspace else named)


class _Shapes(TorchFunctionMode):
    """Shortcuts for what takes torch's meta device milliseconds a call, in Python, and is known beforehand."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        if getattr(func, "__name__", "") in FILLING:
            return (*args, *named.values())[0]
        if func in SAME_SHAPE:
            return _like(*args, **named)
        if getattr(func, "__name__", "") == "lstm" and isinstance(args[1], tuple | list):  # not of a packed sequence
            return _lstm(*args)
        return KNOWN.get(func, func)(*args, **named)


def _like(input: Tensor, *_others: Any, **_named: Any) -> Tensor:  # noqa: A002 - torch's name for it
    return input if input.is_contiguous() else torch.empty_like(input)


def _batch_norm(input: Tensor, running_mean: Tensor | None, *_others: Any, **_named: Any) -> Tensor:  # noqa: A002
    if running_mean is not None and running_mean.shape != input.shape[1:2]:
        raise RuntimeError(f"a norm of {running_mean.shape[0]} channels is given {input.shape[1]}")
    return _like(input)


def _layer_norm(input: Tensor, normalized_shape: Sequence[int], *_others: Any, **_named: Any) -> Tensor:  # noqa: A002
    if tuple(input.shape[-len(normalized_shape) :]) != tuple(normalized_shape):
        raise RuntimeError(f"a norm of shape {tuple(normalized_shape)} is given {tuple(input.shape)}")
    return _like(input)


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:  # noqa: A002, ARG001
    if input.shape[-1] != weight.shape[1]:
        raise RuntimeError(f"a layer of {weight.shape[1]} inputs is given {input.shape[-1]}")
    return input.new_empty((*input.shape[:-1], weight.shape[0]))


def _lstm(input: Tensor, hx: Sequence[Tensor], *others: Any) -> tuple[Tensor, ...]:  # noqa: A002
    """As ``torch.lstm``: its last three arguments say whether it trains, is bidirectional, and has the batch first."""
    return input.new_empty((*input.shape[:2], hx[0].shape[-1] * (2 if others[-2] else 1))), *hx


def _interpolate(input: Tensor, size: Any = None, scale_factor: Any = None, *_others: Any, **_named: Any) -> Tensor:  # noqa: A002
    return F.interpolate(input, size, scale_factor, mode="nearest")


KNOWN: dict[Any, Callable[..., Tensor]] = {
    F.batch_norm: _batch_norm,
    F.layer_norm: _layer_norm,
    F.linear: _linear,
    F.interpolate: _interpolate,
}
