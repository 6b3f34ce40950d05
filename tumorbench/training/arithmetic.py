"""How a network computes, the same for all: the layout of its images, and layers that a CPU computes otherwise.

Measured (``docs/speed.md``): channels-last is the faster layout for nearly every network here. In bf16 a CPU's backward
pass of a depthwise convolution can be many times slower than need be, and torch draws a dropout's mask on the CPU one
number after the other. So

- images lie channels-last on every device, unless the network's code cannot take them so (it calls ``view``);
- on a CPU in bf16, depthwise convolutions have a backward pass of our own (``depthwise``);
- on a CPU, ``nn.Dropout`` draws four elements' chances from one random number;
- under ``--deterministic`` on CUDA, pooling to one place is a mean, whose gradient has one order of summation; a layer
  that cannot repeat there is named before training.

Nothing here changes what a network is: its weights, their names and their order stay.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from tumorbench.contracts.families import Generator, Network
from tumorbench.errors import INTERRUPTIONS, BadInput
from tumorbench.training.depthwise import Depthwise, is_depthwise

__all__ = ["arranged", "repeatable"]

PROBE = 2  # images by which is seen whether a network takes channels-last
UNREPEATABLE = (
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.FractionalMaxPool2d,
    nn.MaxUnpool2d,
    nn.ReflectionPad2d,
    nn.ReplicationPad2d,
)
CHANCES = 2**16  # that a random number of 16 bits tells apart
CANNOT = "view size is not compatible"  # what torch says of ``view`` on a tensor that lies in another order


def arranged(network: Network, device: str, precision: str) -> Network:
    """The network, on the device, as it computes fastest there in ``precision``; its weights are what they were.

    Raises: as ``repeatable``, where torch is deterministic and the device is CUDA.
    """
    network = network.to(device)
    if device == "cpu":
        for module in network.modules():
            _replace(module, precision)
    elif torch.are_deterministic_algorithms_enabled():
        repeatable(network)
    channels_last = network.to(memory_format=torch.channels_last)
    if _takes(channels_last, device):
        return channels_last
    return network.to(memory_format=torch.contiguous_format)


def repeatable(network: nn.Module) -> None:
    """Every layer has a gradient on CUDA that repeats bit for bit. Raises: BadInput, naming the layers that have none.

    Source: torch's list of operations that raise under ``use_deterministic_algorithms``.
    """
    for module in network.modules():
        if type(module) is nn.AdaptiveAvgPool2d and module.output_size in (1, (1, 1)):
            module.__class__ = _MeanPool
    left = [name for name, module in network.named_modules() if _cannot_repeat(module)]
    if left:
        raise BadInput(
            f"on CUDA the gradient of {', '.join(left)} has no deterministic form; leave out --deterministic, or use "
            "--device cpu"
        )


def _cannot_repeat(module: nn.Module) -> bool:
    smooth = isinstance(module, nn.Upsample) and module.mode not in ("nearest", "nearest-exact", "bilinear")
    return smooth or (isinstance(module, UNREPEATABLE) and not isinstance(module, _MeanPool))


class _MeanPool(nn.AdaptiveAvgPool2d):
    """Adaptive average pooling to one place."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        return input.mean((-2, -1), keepdim=True)


def _replace(module: nn.Module, precision: str) -> None:
    """The layer computes in the CPU's better way, where there is one."""
    if type(module) is nn.Dropout:
        module.__class__ = _Dropout
    elif precision == "bf16" and is_depthwise(module) and not isinstance(module, Depthwise):
        kind = type(module)
        module.__class__ = type(kind.__name__, (Depthwise, kind), {})


class _Dropout(nn.Dropout):
    """``nn.Dropout`` whose mask is drawn four elements at a time; its rate is exact to 1/65,536."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        dropped = round(self.p * CHANCES)
        if not self.training or self.inplace or not 0 < dropped < CHANCES or not input.is_floating_point():
            return super().forward(input)
        n = input.numel()
        drawn = torch.empty(math.ceil(n / 4), dtype=torch.int64).random_(-(2**63), None)
        kept = drawn.view(torch.int16)[:n] >= dropped - CHANCES // 2
        scaled = kept.to(input.dtype).mul_(CHANCES / (CHANCES - dropped))
        return input * scaled.as_strided(input.shape, torch.empty_like(input).stride())


@torch.no_grad()
def _takes(network: Network, device: str) -> bool:
    """Whether the network's code takes images that lie channels-last.

    Other faults are left to show where it is used.
    """
    problem, training = network.problem, network.training
    with torch.random.fork_rng():
        network.eval()
        try:
            _called(network, torch.zeros(PROBE, problem.channels, problem.size, problem.size, device=device))
        except INTERRUPTIONS:
            raise
        except BaseException as error:  # noqa: BLE001 - a stranger's network may raise anything
            return CANNOT not in str(error)
        finally:
            network.train(training)
    return True


def _called(network: Network, images: Tensor) -> Any:
    if isinstance(network, Generator):
        labels = torch.zeros(PROBE, dtype=torch.int64, device=images.device)
        return network.sample(PROBE, labels, torch.Generator().manual_seed(0))
    return network(images.contiguous(memory_format=torch.channels_last))
