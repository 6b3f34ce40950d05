"""Weights as Keras draws them by default, which every source report used."""

from __future__ import annotations

from torch import nn

__all__ = ["initialise_as_keras"]


def initialise_as_keras(layer: nn.Module) -> None:
    """A convolution's or dense layer's weights are Glorot uniform and its bias zero."""
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
