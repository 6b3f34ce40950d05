"""The exponential moving average of the weights: what a generator is sampled with where its recipe says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from tumorbench.contracts.families import Network
from tumorbench.training.checkpoint import Progress

__all__ = ["averaged", "update_average"]


def update_average(progress: Progress, network: Network, decay: float) -> None:
    """The average has moved towards the network's weights, by less the longer it runs: a young one must not remember the first, random weights.

    Source of the warm-up: TensorFlow's ExponentialMovingAverage, min(decay, (1 + steps) / (10 + steps)).
    """
    now = network.trained_state()
    if progress.average is None:
        progress.average = {name: tensor.detach().clone() for name, tensor in now.items()}
    progress.steps += 1
    keep = min(decay, (1 + progress.steps) / (10 + progress.steps))
    floats = [name for name, tensor in progress.average.items() if tensor.is_floating_point()]
    with torch.no_grad():
        torch._foreach_lerp_([progress.average[name] for name in floats], [now[name] for name in floats], 1 - keep)
        for name in progress.average.keys() - set(floats):
            progress.average[name].copy_(now[name])


@contextmanager
def averaged(progress: Progress, network: Network) -> Iterator[None]:
    """The network holds the average here, where there is one, and its own weights afterwards."""
    if progress.average is None:
        yield
        return
    own = {name: tensor.detach().clone() for name, tensor in network.trained_state().items()}
    network.load_trained_state(progress.average)
    try:
        yield
    finally:
        network.load_trained_state(own)
