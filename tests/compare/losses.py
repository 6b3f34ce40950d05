"""The loss of one batch and the norm of its gradient, however the network was built and the batch was read."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from turns import Loss

__all__ = ["loss_and_gradient"]


def loss_and_gradient(network: nn.Module, loss_of: Callable[[], Tensor]) -> Loss:
    """Of ``loss_of``, which asks the network. Dropout, which every way draws differently, is off; norms train.

    float32 has the loss that training sees, and float64 says whether two computations are the same.
    """
    network.train()
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    loss = loss_of()
    loss.backward()
    squares = [weight.grad.double().square().sum() for weight in network.parameters() if weight.grad is not None]
    return Loss(loss.item(), float(torch.stack(squares).sum().sqrt()))
