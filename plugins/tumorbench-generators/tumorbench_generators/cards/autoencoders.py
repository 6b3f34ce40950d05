"""The variational autoencoders of the report robles."""

from __future__ import annotations

from tumorbench import ModelSpec

__all__ = ["ALL"]

ALL: tuple[ModelSpec, ...] = ()
