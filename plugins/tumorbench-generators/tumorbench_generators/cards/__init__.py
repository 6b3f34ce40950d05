"""The cards: what each generator is, where it comes from and how it is trained; a file for each report or method."""

from __future__ import annotations

from tumorbench_generators.cards import autoencoders, diffusion, gans, tumorsynth
from tumorbench_generators.cards.tumorsynth import TUMORSYNTH1

__all__ = ["ALL", "TUMORSYNTH1"]

ALL = (*tumorsynth.ALL, *gans.ALL, *autoencoders.ALL, *diffusion.ALL)
