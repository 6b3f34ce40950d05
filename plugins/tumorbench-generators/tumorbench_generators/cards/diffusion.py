"""The modern baseline that no report had: a diffusion model."""

from __future__ import annotations

from tumorbench import ModelSpec

__all__ = ["ALL"]

ALL: tuple[ModelSpec, ...] = ()
