"""The speed of one model on one machine, measured so that a busy neighbour does not change the verdict."""

from __future__ import annotations

from tumorbench.speed.measurement import Measurement, measure

__all__ = ["Measurement", "measure"]
