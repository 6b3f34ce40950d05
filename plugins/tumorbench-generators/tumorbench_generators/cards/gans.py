"""The GANs of the report robles: conditional GAN and Wasserstein GANs with gradient penalty."""

from __future__ import annotations

from tumorbench import ModelSpec

__all__ = ["ALL"]

ALL: tuple[ModelSpec, ...] = ()
